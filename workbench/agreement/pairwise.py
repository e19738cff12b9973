"""Each two raters: how often they agree, and how far beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights
from workbench.agreement.estimate import ONE_LEVEL, Sampling
from workbench.agreement.weights import weight_matrix
from workbench.errors import one_of
from workbench.estimates import estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns


def pairs(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "linearized",
          confidence: float = 0.95) -> pd.DataFrame:
    """Which raters agree with which? Percent agreement and Cohen's kappa of each two raters on the items they share.

    1 is full agreement; kappa is 0 where they agree as often as their own shares of the levels would, below 0 less. kappa =
    (p_a - p_e) / (1 - p_e) with p_e = sum w_kl p_k q_l, p and q the two raters' shares of the levels on their common items.

    `by`: columns that make groups. `weights`: as in `fleiss_kappa`; they enter both estimates. `interval`: "linearized" (t, items
    as the sample) or "none", at `confidence`. Comes back with `rater_a` < `rater_b`; `n_items` is what they share. Pairs
    without a common item are absent. An order of the levels is the rubric's.

    Undefined (nan, reason in `note`): kappa of a pair that uses one level only. No interval: one common item; full agreement.
    Errors: as the other coefficients. Source: Cohen (1960), doi:10.1177/001316446002000104; weighted: Cohen (1968),
    doi:10.1037/h0026256; variance: Gwet (2014), Handbook of Inter-Rater Reliability.

    >>> import pandas as pd, workbench as wb
    >>> two = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 2, 2], "bob": [1, 2, 2, 2]}))
    >>> pairs(two)[["name", "value"]].values.tolist()
    [['percent_agreement', 0.75], ['cohen_kappa', 0.5]]
    """
    from workbench.reduce import pair_tables, patterns

    one_of("interval", interval, ("linearized", "none"))
    sampling = Sampling(interval, confidence)
    tables = pair_tables(ratings, by=by)
    known = {tuple(group.key.values()): group for group in patterns(ratings, by=by)}
    groups = tables.groupby(list(by), dropna=False, sort=False) if by else [((), tables)]
    rows: list[dict[str, object]] = []
    for key, table in groups:
        group = known[tuple(None if part != part else part for part in key)]
        rows += _group_rows(table, group, weight_matrix(weights, np.asarray(group.values, dtype=float)), sampling)
    return estimates_table(rows, by=[*by, "rater_a", "rater_b"])


def percent_and_kappa(pair: np.ndarray, level_a: np.ndarray, level_b: np.ndarray, n: np.ndarray,
                      weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Items, percent agreement, its variance, kappa, its variance; each (pairs,), from pair tables in long form.

    `pair` codes 0..m-1, `level_a`, `level_b` codes, `n` how many items: all (rows,). `weights` (q, q).
    """
    q, m = len(weights), int(pair.max(initial=-1)) + 1
    items = np.bincount(pair, n, m)
    shares_a = np.bincount(pair * q + level_a, n, m * q).reshape(m, q) / items[:, None]
    shares_b = np.bincount(pair * q + level_b, n, m * q).reshape(m, q) / items[:, None]
    credit = weights[level_a, level_b]
    percent = np.bincount(pair, n * credit, m) / items
    toward_b, toward_a = shares_a @ weights, shares_b @ weights.T
    expected = (toward_b * shares_b).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(expected < 1, (percent - expected) / (1 - expected), np.nan)
        drift = toward_a[pair, level_a] + toward_b[pair, level_b] - 2 * expected[pair]
        influence = (credit - percent[pair] - (1 - kappa[pair]) * drift) / (1 - expected[pair])
        freedom = items * (items - 1)
        return (items, percent, np.bincount(pair, n * (credit - percent[pair]) ** 2, m) / freedom,
                kappa, np.bincount(pair, n * influence**2, m) / freedom)


def _group_rows(table: pd.DataFrame, group: Patterns, weights: np.ndarray, sampling: Sampling) -> list[dict[str, object]]:
    """Two rows for each pair of one group."""
    from scipy.special import stdtrit

    pair = table.groupby(["rater_a", "rater_b"], sort=False).ngroup().to_numpy()
    level_a, level_b, n = (table[c].to_numpy(dtype=kind) for c, kind in (("level_a", int), ("level_b", int), ("n", float)))
    items, *measures = percent_and_kappa(pair, level_a, level_b, n, weights)
    names = table[["rater_a", "rater_b"]].iloc[np.unique(pair, return_index=True)[1]].to_numpy()
    rows = []
    for place, (rater_a, rater_b) in enumerate(names):
        size = int(items[place])
        for name, values, variances in (("percent_agreement", *measures[:2]), ("cohen_kappa", *measures[2:])):
            value = float(values[place])
            undefined = "" if np.isfinite(value) else ONE_LEVEL
            row = {**group.key, "rater_a": rater_a, "rater_b": rater_b, "name": name, "value": value, "method": "none",
                   "estimand": "these raters", "n_items": size, "n_raters": 2, "n_ratings": 2 * size, "n_dropped": 0}
            if size > 1 and not undefined and sampling.interval != "none":
                se = float(np.sqrt(variances[place]))
                reach = float(stdtrit(size - 1, (1 + sampling.confidence) / 2)) * se
                row |= {"low": value - reach, "high": min(1.0, value + reach), "se": se, "confidence": sampling.confidence,
                        "method": "linearized"}
            alone = "one item: no interval" if size == 1 and sampling.interval != "none" else ""
            rows.append(row | {"note": join_notes(undefined, alone, group.note)})
    return rows
