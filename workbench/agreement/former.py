"""Former results as a place to begin: error matrices that `confusion` returned, for the raters of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.dawid_skene import Start
from workbench.errors import ParameterError, examples

if TYPE_CHECKING:
    from workbench.reduce import Votes

LEAST = 1e-6  # what a level never seen before gets: 0 would rule it out for good
COLUMNS = ("name", "rater_id", "true", "given", "value")


def former(start: pd.DataFrame, group: Votes, *, coin: bool) -> Start | None:
    """Prevalence (q,) and probabilities (m, true, given) from a table as `confusion` returns it; None if no rater is known.

    Rows of other groups are left aside where the table has the group's columns. An unknown rater, or true level, gets the mean of all
    that `start` holds. `coin`: from the raters' accuracies alone. Errors: `ParameterError` for a table of another kind or scale.
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
    check(start, level, coin=coin)
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


def check(start: pd.DataFrame, level: Mapping[str, int], *, coin: bool) -> None:
    """Raise `ParameterError` for a table that would be read as nothing, or as something else: of other levels, groups or measures."""
    kind, told = "accuracy" if coin else "confusion", start[start["name"] == "prevalence"]["true"].dropna()
    names, shares = start[start["value"].notna()]["name"], start[start["name"].isin(["prevalence", kind])]["value"]
    if len(names) and kind not in set(names):
        raise ParameterError(f"start has no row named {kind!r}, only {examples(sorted(set(names.astype(str))))}. Give the table that "
                             f"`confusion` returned for method={'one_coin' if coin else 'dawid_skene'!r}.")
    if not (pd.api.types.is_numeric_dtype(shares) and shares.dropna().between(-LEAST, 1 + LEAST).all()):
        raise ParameterError("start has values that are no shares from 0 to 1. Give the table as `confusion` returned it.")
    if told.duplicated().any():
        raise ParameterError(f"start has level {examples(told[told.duplicated()].unique())} several times: it holds several groups. "
                             "Name its columns in by, or give the rows of one group.")
    if len(told) and not told.isin(level).any():
        raise ParameterError(f"start knows the levels {examples(told.tolist())}, the ratings {examples(list(level))}: none in common. "
                             "Give a table of the same levels, read from CSV with dtype={'true': str, 'given': str}.")
