"""The estimates table and the findings table: the two forms in which every result leaves the workbench."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.errors import one_of
from workbench.schema import COUNTS, SEVERITIES

MEASURES = ("value", "low", "high", "se", "confidence", "method", "estimand",
            "n_items", "n_raters", "n_ratings", "n_dropped", "note")
NUMBERS = ("value", "low", "high", "se", "confidence")
THESE_RATERS = "these raters"
SUCH_RATERS = "such raters"

STATUSES = ("watch", "found")
FINDING = ("id", "notebook", "severity", "status", "sentence", "slice", "name", *MEASURES, "action")


def estimate(name: str, value: float, **measures: object) -> dict[str, object]:
    """One row of an estimates table: `name`, `value` and any of `MEASURES`; what is not given is missing."""
    unknown = set(measures) - set(MEASURES)
    assert not unknown, unknown
    row: dict[str, object] = {"name": name, "value": value, "low": math.nan, "high": math.nan, "se": math.nan,
                              "confidence": math.nan, "method": "none", "estimand": THESE_RATERS,
                              "n_items": 0, "n_raters": 0, "n_ratings": 0, "n_dropped": 0, "note": ""}
    return row | measures


def estimates_table(rows: Iterable[Mapping[str, object]], *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Rows from `estimate` (with the `by` columns added) as a tidy frame: name, by columns, then `MEASURES`.

    Further columns of the rows stand at the end. An interval of no width says nothing of uncertainty: its ends
    and standard error become nan, its method "none", and `note` says why.
    """
    rows = list(rows)
    names = dict.fromkeys(["name", *by, *MEASURES, *(c for kind in dict.fromkeys(map(tuple, rows)) for c in kind)])
    columns: dict[str, object] = {name: [row.get(name, math.nan) for row in rows] for name in names}
    columns |= {name: np.array(columns[name], dtype=kind) for kind, held in ((float, NUMBERS), (np.int64, COUNTS)) for name in held}
    for place in np.flatnonzero(columns["low"] == columns["high"]):
        columns["low"][place] = columns["high"][place] = columns["se"][place] = columns["confidence"][place] = np.nan
        columns["method"][place] = "none"
        columns["note"][place] = join_notes(columns["note"][place], "interval has no width")
    return pd.DataFrame(columns) if rows else pd.DataFrame(columns).astype({c: object for c in names if c not in (*NUMBERS, *COUNTS)})


def join_notes(*notes: str) -> str:
    """Notes as one text, empty ones left out, each said once."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def finding(notebook: str, subject: str, sentence: str, *, severity: str, status: str = "watch",
            where: Mapping[str, object] | None = None, evidence: Mapping[str, object] | None = None,
            action: str = "") -> dict[str, object]:
    """One finding: a sentence with its evidence, in a form that two reports can be compared by.

    `subject` names what it is about in a few fixed words ("alpha is low"); with `notebook` and the slice `where`
    ({"criterion": "helpfulness"}) it makes the `id`, which therefore stays the same from period to period.
    `evidence` is a row of an estimates table. `severity` is "alarm", "attention", "unknown" (the data cannot
    tell) or "ok"; `status` is "watch" when first seen and "found" when later data repeat it.
    """
    one_of("severity", severity, SEVERITIES)
    one_of("status", status, STATUSES)
    where = {key: str(value) for key, value in sorted((where or {}).items())}
    place = "".join(f"/{key}={value}" for key, value in where.items())
    row: dict[str, object] = {"id": f"{notebook}/{subject.replace(' ', '-')}{place}", "notebook": notebook,
                              "severity": severity, "status": status, "sentence": sentence,
                              "slice": json.dumps(where, ensure_ascii=False), "name": "", "action": action}
    row |= {key: None for key in MEASURES}
    known = {} if evidence is None else dict(evidence)
    return row | {key: known[key] for key in ("name", *MEASURES) if key in known}


def findings_table(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Findings as a tidy frame, what needs attention first; `slice` is a JSON object of column to level."""
    table = pd.DataFrame([dict(row) for row in rows], columns=list(FINDING))
    for column in NUMBERS:
        table[column] = table[column].astype("float64")
    for column in COUNTS:
        table[column] = table[column].astype("Int64")
    for column in set(FINDING) - set(table.select_dtypes("number").columns):
        table[column] = table[column].fillna("").astype(str)
    assert table["id"].is_unique, table["id"][table["id"].duplicated()].tolist()
    order = table["severity"].map(SEVERITIES.index) if len(table) else table["severity"]
    return table.iloc[np.argsort(order.to_numpy(dtype=int), kind="stable")].reset_index(drop=True)
