"""Where ratings went: the same rater and item under the old and the new version."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.beside import LEVELS_DIFFER, same_side
from workbench.rubric.pairing import Bridge, bridges, chosen_pair

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FLOW = ["criterion", "from_level", "to_level", "n", "share"]
FURTHER = ["p", "df", "repeats"]


def flow(ratings: Ratings, *, versions: Sequence[str] | None = None) -> pd.DataFrame:
    """To which level did ratings at each level go, when the same rater rated the same item under the new version?

    One row a criterion and pair of levels, in their order, those that never occur included (n = 0): n, and its share of the old level.
    Criteria without a bridge set, and scales without levels, have no rows; `shift` says why.
    """
    pair, rows = chosen_pair(ratings, versions), []
    for found in bridges(ratings, pair) if pair else []:
        if found.scales is None or found.both.empty or any(scale.name == "interval" for scale in found.scales):
            continue
        table = square(found)
        for i, old in enumerate(found.scales[0].levels):
            rows += [{"criterion": found.criterion, "from_level": old, "to_level": new, "n": int(table[i, j]),
                      "share": table[i, j] / table[i].sum() if table[i].sum() else 0.0} for j, new in enumerate(found.scales[1].levels)]
    return pd.DataFrame(rows, columns=FLOW)


def shift(ratings: Ratings, *, versions: Sequence[str] | None = None, confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Did the new version move the ratings that the same raters give the same items?

    For each criterion, on the bridge set: `mean_shift`, new less old in scores (below 0 the new version is stricter), with a t interval
    and test (`df`, `p`) that take items (prompts, where known) as the sample; `stuart_maxwell`, whether the levels are used as often
    as before, and `bowker`, whether as many ratings went from a level to another as came back: chi-square with `df` and `p`; these
    two take the ratings as independent, so that with several ratings an item their p is too small.

    versions: old and new, by the names in `versions`. Nominal levels have no mean_shift. Undefined: as in `compare`; both tests
    need the same levels in both versions.
    Sources: Stuart (1955), doi:10.1093/biomet/42.3-4.412; Maxwell (1970), doi:10.1192/bjp.116.535.651; Bowker (1948),
    doi:10.1080/01621459.1948.10483284; computed by statsmodels' SquareTable.
    """
    pair = chosen_pair(ratings, versions)
    rows = [row for found in (bridges(ratings, pair) if pair else []) for row in shift_rows(found, confidence, seed)]
    table = estimates_table(rows, by=["criterion"]).reindex(columns=["name", "criterion", *MEASURES, *FURTHER])
    return table.astype({"p": "float64", "df": "float64"}).assign(repeats=table["repeats"].eq(True))


def shift_rows(found: Bridge, confidence: float, seed: int) -> list[dict[str, object]]:
    """The rows of one criterion."""
    names = ["mean_shift"] if found.scales is None or found.scales[0].name != "nominal" else []
    names += [] if found.scales is not None and found.scales[0].name == "interval" else ["stuart_maxwell", "bowker"]
    counts = {"n_items": found.both["item_id"].nunique(), "n_raters": found.both["rater_id"].nunique(), "n_ratings": 2 * len(found.both)}
    base = {"criterion": found.criterion}
    if found.reason:
        return [base | estimate(name, math.nan, note=found.reason, **counts) for name in names]
    rows = []
    if "mean_shift" in names:
        change = (found.both["score_new"] - found.both["score_old"]).to_numpy(dtype=float)
        rows.append(base | mean_shift(change, found.both["block"].to_numpy(), confidence, seed) | counts)
        rows[-1]["note"] = join_notes(str(rows[-1]["note"]), "" if found.alike else LEVELS_DIFFER)
    if "bowker" in names:
        tests = square_tests(square(found)) if found.alike else [estimate(name, math.nan, note=LEVELS_DIFFER) for name in names[-2:]]
        rows += [base | row | counts for row in tests]
    return rows


def mean_shift(change: np.ndarray, block: np.ndarray, confidence: float, seed: int) -> dict[str, object]:
    """Mean of `change` (N,) with its linearised error over blocks; `repeats`: both random halves of the blocks show it by themselves."""
    from scipy.special import stdtr

    terms, weight = resample.merge(np.column_stack([change, np.ones(len(change))]), np.ones(len(change)), block)
    half = np.random.default_rng(seed).permutation(len(terms)) % 2 == 0
    value, low, high, se = mean_interval(terms, confidence)
    ends = [mean_interval(terms[part], confidence)[1:3] for part in (half, ~half)]
    row = estimate("mean_shift", value, low=low, high=high, se=se, confidence=confidence, method="linearized")
    p = 2 * float(stdtr(max(len(terms) - 1, 1), -abs(value / se))) if se > 0 else math.nan
    return row | {"p": p, "df": float(len(terms) - 1), "repeats": same_side(ends)}


def mean_interval(terms: np.ndarray, confidence: float) -> tuple[float, float, float, float]:
    """Mean, low, high, standard error from (blocks, 2): sum and count of each block."""
    weight = np.ones(len(terms))
    value = float(resample.value(mean_formula, terms.sum(axis=0)))
    se = resample.linearized(mean_formula, terms, weight)
    return value, *resample.t_interval(value, se, max(len(terms) - 1, 1), confidence), se


def mean_formula(totals: np.ndarray) -> np.ndarray:
    """Sum over count."""
    return totals[..., 0] / totals[..., 1]


def square(found: Bridge) -> np.ndarray:
    """Counts (q_old, q_new) of the bridge set's ratings by old and new level."""
    table = np.zeros(tuple(len(scale.levels) for scale in found.scales), dtype=int)
    np.add.at(table, (found.both["level_old"].to_numpy(dtype=int), found.both["level_new"].to_numpy(dtype=int)), 1)
    return table


def square_tests(table: np.ndarray) -> list[dict[str, object]]:
    """Stuart-Maxwell and Bowker on counts (q, q), of the levels that a rating left or came to; undefined where none did."""
    from scipy.sparse.csgraph import connected_components
    from statsmodels.stats.contingency_tables import SquareTable

    moved = table - np.diag(np.diag(table))
    used = (moved.sum(axis=0) + moved.sum(axis=1)) > 0
    if not used.any():
        return [estimate(name, math.nan, note="no rating changed its level") for name in ("stuart_maxwell", "bowker")]
    tests = SquareTable(table[np.ix_(used, used)].astype(float), shift_zeros=False)
    apart = connected_components(moved[np.ix_(used, used)], directed=False)[0] > 1
    found = {"stuart_maxwell": None if apart else tests.homogeneity(), "bowker": tests.symmetry()}
    return [estimate(name, math.nan, note="levels fall into groups between which no rating moved") if test is None else
            estimate(name, float(test.statistic), method="chi-square", note="ratings taken as independent")
            | {"p": float(test.pvalue), "df": float(test.df)} for name, test in found.items()]
