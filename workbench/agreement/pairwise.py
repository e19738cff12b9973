"""Each two raters: how often they agree, and how far beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import NO_LEVELS, Weights
from workbench.agreement.estimate import ONE_LEVEL, Sampling
from workbench.agreement.weights import weight_matrix
from workbench.errors import one_of
from workbench.estimates import THESE_RATERS, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings


def pairs(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "linearized",
          confidence: float = 0.95) -> pd.DataFrame:
    """Which raters agree with which? Percent agreement and Cohen's kappa of each two raters on the items they share.

    1 is full agreement; kappa is 0 where they agree as often as their own shares of the levels would, below 0 less. kappa =
    (p_a - p_e) / (1 - p_e) with p_e = sum w_kl p_k q_l, p and q the two raters' shares of the levels on their common items.

    `by`: columns that make groups. `weights`: as in `fleiss_kappa`; they enter both estimates. `interval`: "linearized" (t, items
    as the sample) or "none", at `confidence`. Comes back with `rater_a` < `rater_b`; `n_items` is what they share. Pairs
    without a common item are absent. An order of the levels is the rubric's.

    Undefined (nan, reason in `note`): kappa of a pair that uses one level only; both of scores without levels. No interval: one
    common item; full agreement. Errors: as the other coefficients. Source: Cohen (1960), doi:10.1177/001316446002000104; weighted:
    Cohen (1968), doi:10.1037/h0026256; variance: Gwet (2014), Handbook of Inter-Rater Reliability.

    >>> import pandas as pd, workbench as wb
    >>> two = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 2, 2], "bob": [1, 2, 2, 2]}))
    >>> pairs(two)[["name", "value"]].values.tolist()
    [['percent_agreement', 0.75], ['cohen_kappa', 0.5]]
    """
    from workbench.reduce import pair_tables, patterns
    from workbench.reduce.select import select

    one_of("interval", interval, ("linearized", "none"))
    sampling = Sampling(interval, confidence)
    chosen, tables = select(ratings, by=by), pair_tables(ratings, by=by)
    if any(scale.levels and table["level_a"].isna().any() for scale, table in zip(chosen.scales, chosen.parts(tables))):
        patterns(ratings, by=by)  # says which group has ratings on no level
    rows: list[dict[str, object]] = []
    for key, table, scale, note in zip(chosen.keys(), chosen.parts(tables), chosen.scales, chosen.notes):
        rows += _group_rows(key, table, scale, note, weights, sampling)
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


def _group_rows(key: dict[str, object], table: pd.DataFrame, scale: Scale, note: str, weights: Weights,
                sampling: Sampling) -> list[dict[str, object]]:
    """Two rows for each pair of one group."""
    pair = table.groupby(["rater_a", "rater_b"], sort=False).ngroup().to_numpy()
    first = np.flatnonzero(np.diff(pair, prepend=-1) > 0)  # tables come in the order of pairs
    names = zip(*(table[c].to_numpy()[first] for c in ("rater_a", "rater_b")))
    n = table["n"].to_numpy(dtype=float)
    if scale.levels:
        level_a, level_b = (table[c].to_numpy(dtype=int) for c in ("level_a", "level_b"))
        matrix = weight_matrix(weights, np.asarray(scale.values, dtype=float))
        items, *measures = percent_and_kappa(pair, level_a, level_b, n, matrix)
    else:
        items, measures = np.bincount(pair, n), [np.full(len(first), np.nan)] * 4
    found = [_intervals(items, values, variances, sampling).tolist() for values, variances in (measures[:2], measures[2:])]
    wanted, undefined = sampling.interval != "none", ONE_LEVEL if scale.levels else NO_LEVELS
    bare, alone = join_notes(undefined, note), join_notes("one item: no interval", note)
    rows = []
    for (rater_a, rater_b), size, *both in zip(names, items.astype(int).tolist(), *found):
        shared = {**key, "rater_a": rater_a, "rater_b": rater_b, "estimand": THESE_RATERS, "n_items": size, "n_raters": 2,
                  "n_ratings": 2 * size, "n_dropped": 0}
        for name, (value, low, high, se) in zip(("percent_agreement", "cohen_kappa"), both):
            defined = math.isfinite(value)
            row = shared | {"name": name, "value": value, "low": math.nan, "high": math.nan, "se": math.nan, "confidence": math.nan,
                            "method": "none", "note": note if defined else bare}
            if size == 1 and wanted:
                row["note"] = alone if defined else join_notes(undefined, alone)
            elif defined and wanted:
                row |= {"low": low, "high": high, "se": se, "confidence": sampling.confidence, "method": "linearized"}
            rows.append(row)
    return rows


def _intervals(items: np.ndarray, values: np.ndarray, variances: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Value, low, high and standard error of each pair, (pairs, 4); t with the shared items less one."""
    from scipy.special import stdtrit

    se = np.sqrt(variances)
    reach = stdtrit(np.maximum(items - 1, 1), (1 + sampling.confidence) / 2) * se
    return np.column_stack([values, values - reach, np.minimum(1.0, values + reach), se])
