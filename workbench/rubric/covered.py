"""Whether criteria say different things, and whether together they say what the overall verdict says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.rubric.separation import Measured

FOLDS = 5
FEWEST = 20               # items that a regression on criteria takes at least
ONE_CRITERION = "only one criterion was rated: there is nothing to be redundant with"
NO_OVERALL = "no criterion is named {name!r}: give the experts' overall verdict as one"
NO_CRITERIA = "no criterion beside {name!r}"
TOO_FEW = "only {n} items have all criteria: at least {least} are needed"
ALL_EQUAL = "{name} has one value on all items"


def by_criterion(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a rater and item with the score on every criterion (a column each), complete ones only; prompt, item_id, step beside."""
    rows = rows[rows["score"].notna()]
    unit = rows.groupby(["item_id", "step", "rater_id"], dropna=False, sort=False).ngroup().to_numpy()
    code, criteria = pd.factorize(rows["criterion"], sort=True)
    held = np.full((unit.max(initial=-1) + 1, len(criteria)), np.nan)
    held[unit, code] = rows["score"].to_numpy(dtype=float)
    first = np.unique(unit, return_index=True)[1]
    named = rows.iloc[first][["prompt", "item_id", "step"]].reset_index(drop=True)
    whole = ~np.isnan(held).any(axis=1)
    return pd.concat([named, pd.DataFrame(held, columns=[("score", c) for c in criteria])], axis=1)[whole].reset_index(drop=True)


def item_means(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Of `by_criterion`: item code of each row, means (n_items, q), the items' prompts, and the criteria."""
    columns = [c for c in table if isinstance(c, tuple)]
    item = table.groupby(["item_id", "step"], dropna=False, sort=False).ngroup().to_numpy()
    n = np.bincount(item)
    means = np.column_stack([np.bincount(item, table[c]) / n for c in columns]) if len(table) else np.zeros((0, len(columns)))
    return item, means, table["prompt"].to_numpy()[np.unique(item, return_index=True)[1]], [c[1] for c in columns]


def redundancy(rows: pd.DataFrame) -> Measured:
    """How much the criteria say the same: (largest eigenvalue of their correlations over items - 1) / (criteria - 1).

    0 where no two go together, 1 where all are one; of two criteria the size of their correlation (Kaiser 1968,
    doi:10.1177/001316446802800203). An item's influence by first-order perturbation of the eigenvalue.
    """
    _, means, prompt, criteria = item_means(by_criterion(rows))
    if len(criteria) < 2:
        return Measured(math.nan, note=ONE_CRITERION)
    if len(means) < FEWEST:
        return Measured(math.nan, note=TOO_FEW.format(n=len(means), least=FEWEST))
    spread = means.std(axis=0)
    if (spread == 0).any():
        return Measured(math.nan, note=ALL_EQUAL.format(name=criteria[int(np.argmin(spread))]))
    z = (means - means.mean(axis=0)) / spread
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    top, axis = values[-1], vectors[:, -1]
    slope = ((z @ axis) ** 2 - top * (z**2 @ axis**2)) / len(z) / (len(criteria) - 1)
    return Measured(float((top - 1) / (len(criteria) - 1)), pd.Series(slope).groupby(prompt).sum())


def overall_reproduced(rows: pd.DataFrame, overall: str, seed: int) -> Measured:
    """Share of the variance of items' mean overall verdict that their criteria predict on prompts not seen.

    1 - squared errors of the prediction / squared errors of the mean, both out of fold; below 0 where the mean predicts better.
    """
    if not (rows["criterion"] == overall).any():
        return Measured(math.nan, note=NO_OVERALL.format(name=overall))
    _, found = predicted(rows, overall, seed)
    if isinstance(found, str):
        return Measured(math.nan, note=found)
    errors = pd.DataFrame({"left": (found["value"] - found["expected"]) ** 2, "all": (found["value"] - found["mean"]) ** 2})
    errors = errors.groupby(found["prompt"]).sum()
    left, whole = errors.sum()
    return Measured(float(1 - left / whole), -(errors["left"] - left / whole * errors["all"]) / whole)


def predicted(rows: pd.DataFrame, overall: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame | str]:
    """Ratings with their `left` (overall less predicted), and items with value, expected, mean, prompt; or why there is none.

    Ridge regression of items' mean overall on their mean criteria, its penalty chosen by leave-one-out within each fit, prompts in
    five folds (Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634). A rating's `left` takes the fit of its item's fold.
    """
    table = by_criterion(rows)
    item, means, prompt, criteria = item_means(table)
    if overall not in criteria:
        return table, NO_OVERALL.format(name=overall)
    if len(criteria) < 2:
        return table, NO_CRITERIA.format(name=overall)
    code, prompts = pd.factorize(prompt)
    if len(means) < FEWEST or len(prompts) < FOLDS:
        return table, TOO_FEW.format(n=len(means), least=FEWEST)
    target = np.array(criteria) == overall
    y = means[:, target][:, 0]
    if np.ptp(y) == 0:
        return table, ALL_EQUAL.format(name=overall)
    from sklearn.linear_model import RidgeCV

    fold = np.random.default_rng(seed).permutation(np.arange(len(prompts)) % FOLDS)[code]
    scores = table[[c for c in table if isinstance(c, tuple)]].to_numpy()
    expected, mean, left = np.empty(len(y)), np.empty(len(y)), np.empty(len(table))
    for part in range(FOLDS):
        inside, own = fold != part, fold[item] == part
        x = means[inside][:, ~target]
        centre, scale = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        fit = RidgeCV(alphas=np.logspace(-3, 3, 13)).fit((x - centre) / scale, y[inside])
        expected[~inside] = fit.predict((means[~inside][:, ~target] - centre) / scale)
        mean[~inside] = y[inside].mean()
        left[own] = scores[own][:, target][:, 0] - fit.predict((scores[own][:, ~target] - centre) / scale)
    first = np.unique(item, return_index=True)[1]
    found = table.iloc[first][["item_id", "step"]].reset_index(drop=True)
    return table.assign(left=left, item=item), found.assign(prompt=prompt, value=y, expected=expected, mean=mean)
