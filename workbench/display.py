"""Tables as a person reads them: estimates with their intervals in one column, findings as sentences. Escaped throughout."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any

from workbench.privacy import COUNTS, kept_findings, suppressed, terms

if TYPE_CHECKING:
    import pandas as pd

TITLES = {"value": "Estimate", "n_items": "Items", "n_raters": "Raters", "n_ratings": "Ratings", "n_dropped": "Left out",
          "rater_id": "Rater", "item_id": "Item", "task_type": "Task type", "rubric_version": "Rubric version",
          "p": "p", "q": "q (FDR)", "note": "Note", "sentence": "Finding", "action": "What to do", "severity": "Severity"}
SILENT = {"low", "high", "se", "confidence", "method", "estimand", "id", "notebook", "slice"}
NAMES = {"krippendorff_alpha": "Krippendorff's alpha", "gwet_ac": "Gwet's AC", "fleiss_kappa": "Fleiss' kappa",
         "cohen_kappa": "Cohen's kappa", "brennan_prediger": "Brennan-Prediger"}
MARKS = {"alarm": "▲ alarm", "attention": "● attention", "unknown": "? unknown", "ok": "✓ ok"}


@dataclass(frozen=True)
class Shown:
    """An HTML table with a caption; in a terminal, its rows as text."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def show(table: pd.DataFrame, *, columns: list[str] | None = None, limit: int = 20) -> Shown:
    """The first `limit` rows of an estimates, findings or other tidy table, formatted for reading.

    columns: which to show; default all but what is folded into the others (an interval stands behind its estimate).
    Numbers have three decimals, or none where a column holds whole ones only; undefined ones are a dash, their reason is in `note`.
    Where a report's terms of privacy ask for it, small rows are not told, and counts below `min_cell` are only said to be so.
    """
    least, n_all = terms().min_cell, len(table)
    if {"sentence", "severity"} <= set(table.columns):
        columns = columns or ["severity", "sentence", "action"]
        table = kept_findings(table, least)
    table = suppressed(table, least)
    top = table.head(limit)
    rows = records(top)
    chosen = columns or [c for c in table.columns if c not in SILENT and (speaks(rows, c) or not empty(table[c]))]
    chosen = [c for c in chosen if c != "note" or speaks(rows, c)]
    text = top[chosen]
    marks, whole = footnotes(rows) if "note" in chosen else {}, whole_numbers(text)
    said = [f"{mark}: {note}" for note, mark in marks.items()]
    head = "".join(f"<th scope='col'>{escape(TITLES.get(c, c.replace('_', ' ').capitalize()))}</th>" for c in chosen)
    rows = [veiled(row | {c: whole[c][i] for c in whole}, least) for i, row in enumerate(rows)]
    body = "".join("<tr>" + "".join(data_cell(row, c, marks) for c in chosen) + "</tr>" for row in rows)
    more = f"{len(table):,} rows, the first {limit} shown" if len(table) > limit else ""
    confidence = {row["confidence"] for row in rows if row.get("confidence") == row.get("confidence") and row.get("confidence")}
    brackets = f"in brackets: {max(confidence):.0%} interval" if confidence and "value" in chosen else ""
    hidden = f"{n_all - len(table):,} that rest on fewer than {least} ratings, items or raters are left out" if n_all > len(table) else ""
    caption = [x for x in ("; ".join(x for x in (more, hidden, brackets) if x), *said) if x]
    html = f"<table class='shown'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    below = "".join(f"<p class='caption'>{escape(line)}</p>" for line in caption)
    text = text.assign(**{c: [row[c] for row in rows] for c in COUNTS if c in chosen}) if least else text
    return Shown(html + below, text.to_string(index=False))


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows; None for what columns that have no nan lack."""
    import pandas as pd

    cells = table.to_numpy(dtype=object).tolist()
    return [{c: None if cell is pd.NA else cell for c, cell in zip(table.columns, row)} for row in cells]


def veiled(row: dict[str, Any], least: int) -> dict[str, Any]:
    """The row with counts below `least` said to be below it."""
    return row | {c: f"<{least}" for c in COUNTS if isinstance(row.get(c), Real) and 0 < row[c] < least}


def whole_numbers(rows: pd.DataFrame) -> dict[str, list[object]]:
    """The columns that hold fractions by their type alone, such as counts with a gap, as whole numbers; estimates are none."""
    floats = {c: rows[c].tolist() for c, kind in rows.dtypes.items() if kind == "float64" and c not in ("value", "low", "high")}
    known = {c: [x for x in column if x == x] for c, column in floats.items()}
    counted = [c for c in known if all(map(float.is_integer, known[c])) and any(abs(x) > 1 for x in known[c])]
    return {c: [int(x) if x == x else x for x in floats[c]] for c in counted}


def footnotes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The different notes of the rows, each with a letter that stands for it in the table."""
    notes = dict.fromkeys(str(row["note"]) for row in rows if row["note"] and row["note"] == row["note"])
    return {note: chr(ord("a") + place) if place < 26 else str(place + 1) for place, note in enumerate(notes)}


def data_cell(row: dict[str, Any], column: str, marks: dict[str, str]) -> str:
    """One cell as HTML; estimates with their intervals, and days, stay on one line."""
    text = marks.get(str(row[column]), "") if column == "note" else cell(row, column)
    whole = column == "value" or hasattr(row[column], "strftime")
    return f"<td style='white-space: nowrap'>{escape(text)}</td>" if whole else f"<td>{escape(text)}</td>"


def speaks(rows: list[dict[str, Any]], column: str) -> bool:
    """Whether a column says something in any of the rows."""
    return any(row[column] is not None and row[column] == row[column] and str(row[column]) for row in rows)


def empty(column: pd.Series) -> bool:
    """Whether a column says nothing: all missing, or all blank text."""
    return bool(column.isna().all()) if column.dtype.kind in "biufmM" else not any(map(str, column.dropna()))


def cell(row: dict[str, Any], column: str) -> str:
    """One cell as text."""
    value = row[column]
    if column == "severity":
        return MARKS.get(str(value), str(value))
    if column == "name":
        return NAMES.get(str(value), str(value).replace("_", " ").capitalize())
    if column == "value" and "low" in row:
        return f"{number(value)} [{number(row['low'])}, {number(row['high'])}]" if row["low"] == row["low"] else number(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if column in ("p", "q") and isinstance(value, float) and 0 <= value < 0.0005:
        return "<0.001"
    return number(value)


def number(value: object) -> str:
    """A value to read: whole numbers with separators, others to three decimals, days without the hour; a dash where undefined."""
    if value is None or value != value:
        return "–"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if not isinstance(value, (int, float)) and not hasattr(value, "dtype"):
        text = str(value)
        return text if len(text) <= 240 else text[:239] + "…"
    amount = float(value)
    if not math.isfinite(amount):
        return "∞" if amount > 0 else "-∞"
    if amount == int(amount) and (not isinstance(value, float) or abs(amount) >= 1000):
        return f"{amount:,.0f}"
    return f"{amount:.3f}" if abs(amount) < 100 else f"{amount:,.1f}"
