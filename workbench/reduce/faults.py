"""What no row may hold: the conditions, and the sentence for rows that meet one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import examples, shorten
from workbench.reduce.codes import LARGEST
from workbench.schema import COLUMNS
from workbench.source import Source

BLANK, UNREADABLE = "are blank", "cannot be read as "
Fault = tuple[Any, str, str, str]  # condition, column, what is wrong, cure


def faults(source: Source) -> list[Fault]:
    """Conditions that no row may meet."""
    t = source.table
    listed = [(blank(t[c]), c, BLANK, "Fill them in, or drop these rows.") for c in ("item_id", "rater_id")]
    if "score" not in source.missing:
        listed.append((t.score.isnan() | t.score.isinf(), "score", "are NaN or infinite",
                       "Leave the cell empty where there is no score."))
        large = ~t.score.isnan() & ~t.score.isinf() & (t.score.abs() > LARGEST)
        listed.append((large, "score", "are too large to be squared", f"Scores go up to {LARGEST:g}: give them in larger units."))
    for column in COLUMNS:
        name = column.name
        if f"_bad_{name}" in t.columns:
            wanted = {"float64": "a number", "int64": "a whole number"}.get(column.type, "a time (2026-11-01T08:00:00Z)")
            listed.append((t[f"_bad_{name}"].notnull(), name, f"{UNREADABLE}{wanted}", "Correct them, or leave the cell empty."))
        if column.allowed and name not in source.missing:
            listed.append((~t[name].isin(column.allowed), name, "are not among the known words",
                           f"Use one of: {', '.join(column.allowed)}."))
    return listed


def blank(value: Any) -> Any:
    """Whether an id is missing or nothing but spaces; only what sorts before "!" can be."""
    return value.isnull() | ((value < "!") & (value.strip() == "")) if value.type().is_string() else value.isnull()


def describe(source: Source, condition: Any, column: str, what: str, cure: str, n: int) -> str:
    """One fault with its count and up to three examples."""
    # through a word: DuckDB would skip Parquet row groups by their range, which leaves NaN out
    table = source.table.filter(condition.ifelse("fault", "") == "fault")
    shown = f"_bad_{column}" if what.startswith(UNREADABLE) else column
    rows = table.select(*[c for c in ("_row", shown) if c in table.columns]).limit(3).execute().to_dict("records")
    where = [place(r) for r in rows]
    found = [w if what == BLANK else f"{shorten(r[shown], 40)} ({w})" for r, w in zip(rows, where)]
    subject, verb = ("value", what.replace("are ", "is ", 1)) if n == 1 else ("values", what)
    return f"{n:,} {subject} of '{column}' {verb}: {examples(found, n)}. {cure}"


def place(row: Mapping[str, Any]) -> str:
    """Where a row stands: its number from 1 below the header, and which file where there are several."""
    if "_row" not in row:
        return ""
    file, number = divmod(int(row["_row"]), 1_099_511_627_776)
    return f"row {number}" + (f" of file {file + 1}" if file else "")
