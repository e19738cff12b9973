"""What a report must not tell: whose ids are hidden, from how many on a number is shown, and whose raters it is about.

A run sets these terms for every notebook of a pack, and `read`, the statistics and `report.save` keep them: no notebook can forget to.
Complementary disclosure is not covered: a cell left out may be worked out from a total and the cells beside it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

VARIABLE = "WORKBENCH_PRIVATE"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COUNTS = {"n_ratings": (), "n_items": ("item_id",), "n_raters": ("rater_id", "rater_a", "rater", "element")}
KEPT = ("n_", "planned", "confidence", "level", "step", "layer")     # columns of floats that are no measures


@dataclass(frozen=True)
class Terms:
    """`pseudonyms` names the environment variable that holds the key, "" for none. Rows that rest on fewer than `min_cell` ratings, items
    or raters are not shown, 0 for none. `party` is whose raters alone the report is about, "" for all."""

    pseudonyms: str = ""
    min_cell: int = 0
    party: str = ""

    def __post_init__(self) -> None:
        if self.pseudonyms and not NAME.fullmatch(self.pseudonyms):
            raise ParameterError("pseudonyms: the name of an environment variable was expected, such as WORKBENCH_KEY, and something else "
                                 "was found. The key itself stands in no file: set the variable, and name it.")
        if self.min_cell < 0:
            raise ParameterError(f"min_cell={self.min_cell} is less than 0. Give the fewest ratings, items and raters that a number may "
                                 "rest on.")

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to be told for these terms to hold in it."""
        return {VARIABLE: json.dumps(asdict(self))} if self != Terms() else {}


_HERE: ContextVar[Terms | None] = ContextVar("terms", default=None)


def terms() -> Terms:
    """The terms in force here: those of `under`, else those that the run told this process, else none."""
    told = os.environ.get(VARIABLE)
    return _HERE.get() or (Terms(**json.loads(told)) if told else Terms())


@contextmanager
def under(held: Terms) -> Iterator[None]:
    """These terms in force for what is done inside."""
    token = _HERE.set(held)
    try:
        yield
    finally:
        _HERE.reset(token)


def small(counts: Mapping[str, Any], least: int, *, named: Mapping[str, Any] | None = None) -> str:
    """Which of a row's counts is below `least`, in words; "" for none. What is not counted (0, missing) is not small.

    A row about one rater by name is not held against its number of raters, nor one about an item against that of items.
    """
    named = counts if named is None else named
    for count, keys in COUNTS.items():
        n = counts.get(count)
        if isinstance(n, (int, float)) or hasattr(n, "dtype"):
            if n == n and 0 < n < least and not any(told(named.get(key)) for key in keys):
                return count.removeprefix("n_")
    return ""


def told(value: object) -> bool:
    """Whether a value names something: neither missing nor empty."""
    return value is not None and value == value and str(value) not in ("", "<NA>", "None")


def small_rows(table: pd.DataFrame, least: int) -> list[str]:
    """`small` of each row."""
    import pandas as pd

    counts = [c for c in COUNTS if c in table and (pd.api.types.is_numeric_dtype(table[c]) or table[c].dtype == object)]
    keys = [k for c in counts for k in COUNTS[c] if k in table]
    low = [c for c in counts if (pd.to_numeric(table[c], errors="coerce").fillna(0).between(0, least, inclusive="neither")).any()]
    if not low:
        return [""] * len(table)
    numbers = table[counts].apply(pd.to_numeric, errors="coerce").astype(float)
    return [small(row | {k: v for k, v in zip(keys, named)}, least)
            for row, named in zip(numbers.to_dict("records"), table[keys].itertuples(index=False, name=None))]


def suppressed(table: pd.DataFrame, least: int) -> pd.DataFrame:
    """The table with the measures of small rows nan, and `note` saying so and nothing else, for it may count; others stay as they are."""
    if not least or not set(COUNTS) & set(table.columns) or table.columns.has_duplicates:
        return table
    why = small_rows(table, least)
    if not any(why):
        return table
    import numpy as np

    at = np.flatnonzero([bool(word) for word in why])
    columns = list(table.columns)
    measures = columns[columns.index("value"):] if "value" in columns else columns
    blanked = table.copy()
    for column in measures:
        if str(table[column].dtype).lower().startswith("float") and not column.startswith(KEPT):
            blanked.iloc[at, columns.index(column)] = np.nan
    notes = [str(n) if told(n) else "" for n in table["note"]] if "note" in table else [""] * len(table)
    blanked["note"] = [f"fewer than {least} {word}: suppressed" if word else note for note, word in zip(notes, why)]
    return blanked


def kept_findings(findings: pd.DataFrame, least: int) -> pd.DataFrame:
    """The findings that rest on enough; the slice says whether one is about a single rater or item."""
    if not least:
        return findings
    slices = [json.loads(text) if told(text) else {} for text in findings["slice"]] if "slice" in findings else [{}] * len(findings)
    return findings.loc[[not small(row, least, named=where) for row, where in zip(findings.to_dict("records"), slices)]]


def guarded(function: Any, *, charts: bool = False) -> Any:
    """A public function that suppresses the small rows of the tables it gives, where terms ask for it; anything else as it is.

    charts: it draws, and small rows of the tables it gets are taken out.
    """
    least = terms().min_cell
    if not least or not callable(function) or isinstance(function, type):
        return function

    @wraps(function)
    def call(*tables: Any, **options: Any) -> Any:
        drawn = [_without_small(table, least) for table in tables] if charts else tables
        return _of(function(*drawn, **options), least)

    return call


def _without_small(table: Any, least: int) -> Any:
    if type(table).__name__ != "DataFrame" or table.columns.has_duplicates:
        return table
    return table.loc[[not word for word in small_rows(table, least)]]


def _of(result: Any, least: int) -> Any:
    if type(result).__name__ == "DataFrame" and "sentence" not in result:
        return suppressed(result, least)
    if isinstance(result, dict):
        return {key: _of(one, least) for key, one in result.items()}
    return type(result)(_of(one, least) for one in result) if type(result) in (list, tuple) else result
