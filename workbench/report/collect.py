"""Findings and estimates, as data: written by each notebook at its end, gathered by the run into one table each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from workbench.cache import parquet_frame
from workbench.errors import ReportError, examples
from workbench.estimates import FINDING, MEASURES, STATUSES, finding, findings_table
from workbench.privacy import COUNTS, kept_findings, suppressed, terms
from workbench.schema import SEVERITIES

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FINDINGS, ESTIMATES = "findings.parquet", "estimates.parquet"
LEFT_OUT = "left out for privacy"


def save(*, findings: pd.DataFrame, estimates: pd.DataFrame | Sequence[pd.DataFrame], out: str) -> None:
    """Write what a notebook found, as `findings.parquet` and `estimates.parquet` in the folder `out`; "" writes nothing.

    findings: a findings table, one row or more, for a page that cannot judge says so as a finding of severity "unknown".
    estimates: an estimates table of what the page shows, or several, each with what its rows are told apart by between `name` and `value`;
        may be empty. A true `headline` column puts a row on the index.
    Where the report's terms ask for a `min_cell`, findings that rest on less are left out and counted, and so are estimates' values.

    Errors: `ReportError` for a table that is not of these forms, whether or not it is written.
    """
    _check_findings(findings)
    tables = [estimates] if isinstance(estimates, pd.DataFrame) else list(estimates)
    for needed, columns in [(("name", "value"), table.columns) for table in tables] + [(MEASURES, [c for t in tables for c in t.columns])]:
        if missing := [c for c in needed if c not in columns]:
            raise ReportError(f"estimates: an estimates table was expected, and it lacks {examples(missing)}. "
                              "Make it with estimates_table.")
    if out:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        least = terms().min_cell
        without_small(findings, least).to_parquet(folder / FINDINGS, index=False)
        joined([uncounted(suppressed(table, least), least) for table in tables]).to_parquet(folder / ESTIMATES, index=False)


def without_small(findings: pd.DataFrame, least: int) -> pd.DataFrame:
    """The findings that rest on at least `least`, and one that says how many were left out."""
    kept = kept_findings(findings, least)
    n = len(findings) - len(kept)
    if not n:
        return findings
    said = finding(str(findings["notebook"].iloc[0]), LEFT_OUT, f"{n:,} finding{'s' if n > 1 else ''} on fewer than {least} ratings, items "
                   "or raters not told here, so that nobody can be made out.", severity="unknown", evidence={"n_dropped": n})
    return findings_table([*kept.to_dict("records"), said])


def uncounted(estimates: pd.DataFrame, least: int) -> pd.DataFrame:
    """The table without counts between 0 and `least`, which are missing there."""
    low = {c: estimates[c].where(~estimates[c].between(0, least, inclusive="neither")) for c in COUNTS
           if c in estimates and pd.api.types.is_numeric_dtype(estimates[c])}
    return estimates.assign(**{c: held for c, held in low.items() if held.isna().any()}) if least else estimates


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Several estimates tables as one: name, what any is grouped by, the measures, and what else there is."""
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame(columns=["name", *MEASURES])
    by = dict.fromkeys(column for table in tables for column in grouping(table))
    table = storable(pd.concat([table.astype(object) for table in tables], ignore_index=True).infer_objects())
    first = ["name", *by, *MEASURES]
    return table.reindex(columns=[*first, *(column for column in table.columns if column not in first)])    # an empty one had the measures


def _check_findings(findings: pd.DataFrame) -> None:
    wrong = [c for c in FINDING if c not in findings.columns]
    if wrong:
        raise ReportError(f"findings: a findings table was expected, and it lacks {examples(wrong)}. "
                          "Make it with findings_table.")
    if findings.empty:
        raise ReportError("findings: one row or more was expected, and there is none. Say what cannot be told as a finding "
                          'of severity "unknown".')
    for column, allowed in (("severity", SEVERITIES), ("status", STATUSES)):
        bad = findings.loc[~findings[column].isin(allowed), column]
        if len(bad):
            raise ReportError(f"findings: {column} {examples(list(bad))} is not known. Use one of: {', '.join(allowed)}.")
    twice = findings.loc[findings["id"].duplicated(), "id"]
    if len(twice):
        raise ReportError(f"findings: each id was expected once, and {examples(list(twice))} stands twice. "
                          "Name the slice in where=.")


def read_saved(out: Path) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """What `save` wrote into `out`: findings, estimates; None when it was not called, or ended amid a file."""
    import pyarrow as pa

    try:
        return parquet_frame(out / FINDINGS), parquet_frame(out / ESTIMATES)
    except (pa.ArrowInvalid, OSError):
        return None


def gather(saved: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One findings table, what needs attention first, and one estimates table with the notebook as its first column."""
    rows = [row | {"notebook": name} for name, (own, _) in saved.items() for row in own.to_dict("records")]
    tables = [own.assign(notebook=name) for name, (_, own) in saved.items() if len(own)]
    if not tables:
        return findings_table(rows), pd.DataFrame(columns=["notebook", "name", *MEASURES])
    estimates = joined(tables)
    return findings_table(rows), estimates[["notebook", *(c for c in estimates.columns if c != "notebook")]]


def grouping(estimates: pd.DataFrame) -> list[str]:
    """The columns an estimates table is grouped by: those that stand before the value, its name and the notebook's aside."""
    columns = list(estimates.columns)
    return [column for column in columns[:columns.index("value")] if column not in ("name", "notebook")]


def storable(estimates: pd.DataFrame) -> pd.DataFrame:
    """The table with columns of mixed kinds (level 3 here, level "yes" there) as text, so that Parquet takes them."""
    mixed = {c: estimates[c].map(str, na_action="ignore") for c in estimates.columns
             if estimates[c].dtype == object and estimates[c].dropna().map(type).nunique() > 1}
    return estimates.assign(**mixed)


def fingerprint(ratings: Ratings) -> str:
    """Sixteen hexadecimal digits of what the selected ratings hold, in whatever order they stand and whichever engine reads them."""
    rows = ratings.to_pandas(limit=None)
    told = {c: rows[c].astype("float64") if pd.api.types.is_numeric_dtype(rows[c]) else rows[c].astype("string").fillna("")
            if not pd.api.types.is_datetime64_any_dtype(rows[c]) else rows[c].dt.as_unit("us").astype("int64") for c in sorted(rows)}
    found = pd.util.hash_pandas_object(pd.DataFrame(told), index=False) if len(rows) else pd.Series(dtype="uint64")
    return f"{int(found.sum()) % 2**64:016x}"
