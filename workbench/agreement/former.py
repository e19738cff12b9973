"""Former results as a place to begin: error matrices that `confusion` returned, for the raters of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.dawid_skene import Start
from workbench.errors import ParameterError

if TYPE_CHECKING:
    from workbench.reduce import Votes

LEAST = 1e-6  # what a level never seen before gets: 0 would rule it out for good
COLUMNS = ("name", "rater_id", "true", "given", "value")


def former(start: pd.DataFrame, group: Votes, *, coin: bool) -> Start | None:
    """Prevalence (q,) and probabilities (m, true, given) from a table as `confusion` returns it; None if no rater is known.

    Rows of other groups are left aside where the table has the group's columns. An unknown rater, or true level, gets the mean of all
    that `start` holds. `coin`: from the raters' accuracies alone. Errors: `ParameterError` for a table of another kind.
    """
    lacking = [c for c in COLUMNS if c not in getattr(start, "columns", ())]
    if lacking:
        raise ParameterError(f"start has no column {', '.join(map(repr, lacking))}. Give the table that `confusion` returned for "
                             f"method={'one_coin' if coin else 'dawid_skene'!r}.")
    for column, value in group.key.items():
        if column in start.columns:
            start = start[start[column].isna() if value is None else start[column] == value]
    q = len(group.levels)
    level = {name: k for k, name in enumerate(group.levels)}
    common = start[start["name"] == "prevalence"]
    prevalence = common.assign(k=common["true"].map(level)).dropna(subset=["k", "value"])
    rates = np.full(q, LEAST)
    rates[prevalence["k"].astype(int)] = np.maximum(prevalence["value"], LEAST)
    rows = start[start["name"] == ("accuracy" if coin else "confusion")].dropna(subset=["value"])
    rows = rows.assign(j=rows["rater_id"].map({name: j for j, name in enumerate(group.raters)}))
    if not rows["j"].notna().any():
        return None
    if coin:
        accuracy = np.full(group.n_raters, rows["value"].mean())
        own = rows.dropna(subset=["j"])
        accuracy[own["j"].astype(int)] = own["value"]
        errors = np.where(np.eye(q, dtype=bool), accuracy[:, None, None], (1 - accuracy[:, None, None]) / max(q - 1, 1))
    else:
        rows = rows.assign(t=rows["true"].map(level), g=rows["given"].map(level)).dropna(subset=["t", "g"])
        mean = np.full((q, q), 1 / q)
        for (t, g), value in rows.groupby(["t", "g"])["value"].mean().items():
            mean[int(t), int(g)] = value
        own, errors = rows.dropna(subset=["j"]), np.tile(mean, (group.n_raters, 1, 1))
        errors[tuple(own[c].astype(int) for c in "jtg")] = own["value"]
    errors = np.maximum(errors, LEAST)
    return rates / rates.sum(), errors / errors.sum(axis=2, keepdims=True)
