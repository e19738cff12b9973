"""A results table made ready to draw: checked, worded, with its readings, tooltips and subtitle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.errors import ParameterError, shorten

MAX_ROWS = 500    # a chart holds results, never ratings

_WORDS = {"krippendorff_alpha": "Krippendorff's alpha", "cohen_kappa": "Cohen's kappa", "scott_pi": "Scott's pi",
          "fleiss_kappa": "Fleiss' kappa", "conger_kappa": "Conger's kappa", "brennan_prediger": "Brennan-Prediger",
          "gwet_ac": "Gwet's AC", "gwet_ac1": "Gwet's AC1", "gwet_ac2": "Gwet's AC2", "icc": "intraclass correlation",
          "model_human": "model with a human", "human_human": "two humans", "alpha_party": "its own raters", "alpha_others": "all others"}
_CORRECTED = ("alpha", "kappa", "scott_pi", "gwet", "brennan", "icc", "correlation", "tau", "_human")
_SHARES = ("agreement", "share")
_TIPS = {"n_items": "Items", "n_raters": "Raters", "n_ratings": "Ratings", "n_dropped": "Ratings left out",
         "method": "Interval by", "estimand": "Holds for", "status": "Status", "q": "False discovery rate q", "note": "Note"}


def checked(table: pd.DataFrame, *, chart: str, needs: Sequence[str], unique: Sequence[str] = (), limit: int = MAX_ROWS,
            cure: str = "group by fewer columns, or select the rows that matter") -> pd.DataFrame:
    """The table with rows numbered anew.

    Raises `ParameterError` where a column is missing, rows are too many, or rows with the same `unique` columns
    would be drawn on top of each other.
    """
    missing = [column for column in needs if column not in table.columns]
    if missing:
        raise ParameterError(f"chart.{chart}: the table lacks {', '.join(map(repr, missing))}. "
                             f"It has: {', '.join(map(str, table.columns))}.")
    if len(table) > limit:
        raise ParameterError(f"chart.{chart}: a chart takes at most {limit:,} rows of results, found {len(table):,}. "
                             f"To draw it, {cure}.")
    twice = table.duplicated(list(unique)) if unique else pd.Series(dtype=bool)
    if twice.any():
        where = ", ".join(f"{column}={shorten(table.loc[twice, column].iloc[0])}" for column in unique)
        raise ParameterError(f"chart.{chart}: expected one row for each {', '.join(unique)}, found {int(twice.sum()):,} more, "
                             f"first at {where}. Name every grouping column, or select rows.")
    return table.reset_index(drop=True)


def words(name: object) -> str:
    """A statistic's or a column's name as a reader says it."""
    return _WORDS.get(str(name), str(name).replace("_", " "))


def headed(name: object) -> str:
    """`words`, with a capital: an axis or tooltip title."""
    text = words(name)
    return text[:1].upper() + text[1:]


def full_range(names: Sequence[object]) -> tuple[float, float] | None:
    """The fixed range of a bounded statistic, so that two reports can be laid side by side; None if unbounded."""
    texts = [str(name).lower() for name in names]
    if any(part in text for text in texts for part in _CORRECTED):
        return (-1.0, 1.0)
    return (0.0, 1.0) if texts and all(any(part in text for part in _SHARES) for text in texts) else None


def key_labels(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Each row's group as text: its levels of the `by` columns, cut to a label's length but still told apart."""
    if not by:
        return pd.Series("all ratings", index=table.index, dtype="object")
    keys = list(zip(*(table[column].astype(str).tolist() for column in by)))
    said = {"rubric_version": "version "}   # "1" alone would say nothing
    columns = [[said.get(column, "") + level_text(level) for level in table[column].tolist()] for column in by]
    texts = [" · ".join(levels) for levels in zip(*columns)]
    sharing: dict[str, list[object]] = {}
    for text, key in dict.fromkeys(zip(texts, keys)):
        sharing.setdefault(text, []).append(key)
    places = [sharing[text].index(key) for text, key in zip(texts, keys)]
    labels = [f"{text} ({place + 1})" if place else text for text, place in zip(texts, places)]
    return pd.Series(labels, index=table.index, dtype="object")


def level_text(level: object) -> str:
    """A level as one printable line; a missing one is said to be missing."""
    return "(none)" if pd.isna(level) else shorten(level, 48)


def number(value: float, decimals: int | None = None) -> str:
    """A number as read from a chart; without `decimals` as many as it needs, up to three."""
    text = f"{value:,.3f}".rstrip("0").rstrip(".") if decimals is None else f"{value:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.replace("-", "")


def decimals_for(values: np.ndarray | pd.DataFrame) -> int:
    """How many decimals the readings of a whole table take, from its largest number, so that a column lines up."""
    size = np.fmax.reduce(np.abs(np.asarray(values, dtype=float)), axis=None, initial=math.nan)
    return 0 if size >= 100 else 1 if size >= 20 else 3 if size < 0.2 else 2


def reading(value: float, low: float, high: float, *, decimals: int, note: str = "") -> str:
    """An estimate as text: its value and interval, or why there is none."""
    because = f": {shorten(note, 70)}" if note else ""
    if not math.isfinite(value):
        return f"not defined{because}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{number(value, decimals)} (no interval{because})"
    return f"{number(value, decimals)} [{number(low, decimals)}, {number(high, decimals)}]"


def drawable(table: pd.DataFrame, *, by: Sequence[str] = (),
             keep: Sequence[str] = ()) -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """The rows as a chart needs them, and their tooltips.

    The frame has `label` (the group as text), `name` in words, `value`, `low`, `high`, `reading` (the estimate as
    text), the columns of `keep`, and one column a tooltip line. Fields have names of our own: a column of the
    reader's may be called anything, and Vega-Lite gives dots and brackets a meaning.
    """
    columns = {"label": key_labels(table, by)}
    if "name" in table:
        columns["name"] = [headed(name) for name in table["name"].tolist()]
    value, low, high = (table[column].astype("float64").to_numpy() for column in ("value", "low", "high"))
    ends = np.where(np.isnan(low) | np.isnan(high), math.nan, [low, high])
    columns |= {"value": value, "low": ends[0], "high": ends[1]}
    decimals = decimals_for(np.array([value, *ends]))
    notes = table["note"].fillna("").astype(str).tolist() if "note" in table else [""] * len(table)
    columns["reading"] = [reading(*estimate, decimals=decimals, note=note)
                          for *estimate, note in zip(value.tolist(), *ends.tolist(), notes)]
    tips = {f"by{i}": headed(column) for i, column in enumerate(by)}
    columns |= {field: [level_text(level) for level in table[column].tolist()] for field, column in zip(tips, by)}
    tips |= {"name": "Statistic"} if "name" in table else {}
    tips |= {"reading": "Estimate [interval]"}
    for column, title in _TIPS.items():
        if column in table and tells(cells := table[column].tolist()):
            tips[column] = title
            columns[column] = table[column].array if column.startswith("n_") else [_text(cell) for cell in cells]
    frame = pd.DataFrame(columns | {column: table[column].array for column in keep}, index=table.index)
    return frame, [alt.Tooltip(f"{field}:Q", title=title, format=",") if field.startswith("n_") else
                   alt.Tooltip(f"{field}:N", title=title) for field, title in tips.items()]


def tells(cells: Sequence[object]) -> bool:
    """Whether a column's cells are neither all missing nor all blank or zero."""
    return not all(map(pd.isna, cells)) and any(pd.isna(cell) or cell not in ("", 0) for cell in cells)


def _text(cell: object) -> str:
    return "" if pd.isna(cell) else number(cell) if isinstance(cell, float) else shorten(cell, 120)


def appended(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Drawable rows with further ones; what these lack is empty, for a text column's nan would not be valid JSON."""
    whole = pd.concat([frame, rows.reindex(columns=frame.columns)], ignore_index=True)
    texts = [column for column in whole if not pd.api.types.is_numeric_dtype(frame[column])]
    return whole.assign(**{column: whole[column].fillna("") for column in texts})


def evidence(table: pd.DataFrame) -> str:
    """The subtitle: n, the interval's confidence, what was left out, how many are not defined."""
    counts = [count_text(table[column], noun) for column, noun in
              (("n_items", "items"), ("n_raters", "raters"), ("n_ratings", "ratings")) if column in table]
    counts = [count for count in counts if count]
    said = ["n = " + ", ".join(counts) + (" an estimate" if "–" in "".join(counts) else "")] if counts else []
    said.append(interval_words(table))
    dropped = table["n_dropped"].max() if "n_dropped" in table else 0
    if dropped > 0:
        said.append(f"{'up to ' if table['n_dropped'].nunique() > 1 else ''}{int(dropped):,} ratings left out")
    undefined = int(table["value"].isna().sum())
    if undefined:
        said.append(f"{undefined} of {len(table)} not defined")
    return " · ".join(said)


def count_text(counts: pd.Series, noun: str) -> str:
    """Counts in words: "8 items", or from the least to the most; empty where nothing was counted."""
    present = counts.dropna()
    if present.empty or present.max() <= 0:
        return ""
    least, most = int(present.min()), int(present.max())
    return f"{most:,} {noun if most != 1 else noun[:-1]}" if least == most else f"{least:,}–{most:,} {noun}"


def interval_words(table: pd.DataFrame) -> str:
    """How sure the drawn intervals are, from the table itself."""
    if table[["low", "high"]].isna().any(axis=1).all():
        return "no intervals"
    levels = sorted(set(table["confidence"].dropna())) if "confidence" in table else []
    if not levels:
        return "intervals (their confidence is not stated in the table)"
    return " and ".join(f"{100 * level:.4g} %" for level in levels) + " intervals"


def week_text(window: pd.Timestamp) -> str:
    """A window's week as a period is written: 2026-W46."""
    year, week, _ = pd.Timestamp(window).isocalendar()
    return f"{year}-W{week:02d}"


def told_apart(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The first of `columns`, and those of the others that the table has with more than one level."""
    return [columns[0], *(column for column in columns[1:] if column in table and table[column].nunique(dropna=False) > 1)]


def by_list(by: str | Sequence[str]) -> list[str]:
    """`by` as a list; one name may stand alone."""
    return [by] if isinstance(by, str) else list(by)
