"""Conger's kappa: Cohen's kappa of any number of raters, with two ways to take gaps.

Both ways are ratios of totals over items. Resampling takes all totals anew: how often each rater, and each two raters, gave each
level. The linearised error needs an item's influence alone, which has a closed form and keeps the cost linear in the ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, beside, corrected, item_terms
from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates
from workbench.agreement.identified import Identified, identified, table, undefined
from workbench.agreement.weights import weight_matrix
from workbench.errors import one_of
from workbench.resample import LEFT_OUT_CELLS, Formula, dense, held

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns
    from workbench.resample import Terms

MISSING = ("gwet", "pairwise")
NO_TWO = "no two raters share two items"


def conger_kappa(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", missing: str = "gwet",
                 interval: str = "jackknife", confidence: float = 0.95, draws: int = 1000, seed: int = 0,
                 cluster: str | None = None) -> pd.DataFrame:
    """How far do raters agree beyond what each rater's own shares of the levels would give? Any number of raters.

    1 is full agreement, 0 what raters drawing from their own shares would reach, below 0 less. (p_a - p_e) / (1 - p_e) with
    p_a as in `fleiss_kappa` and p_e the mean over pairs of raters of sum w_kl p_gk p_hl; two raters: Cohen's kappa.

    ratings: any selection; `by`: columns that make the groups, each a row. `weights`: as in `fleiss_kappa`. `missing`: what gaps do.
    "gwet": p_a is the mean over items rated twice or more, p_gk the share of level k among all ratings of rater g.
    "pairwise": (p_a - p_e) / (1 - p_e) with both sums over pairs of raters; p_a - p_e from the items that the two share, as a
    covariance, and 1 - p_e from all ratings of each, spreads taken as samples'. With quadratic weights this is the estimator of
    Moss and van Oest (R: quadagree). Without gaps the two are equal; with many they differ as far as pairs of raters do,
    for "gwet" weighs items alike, "pairwise" pairs of raters (quadratic: .211 and .274 on Klein's 2018 ten subjects).
    `interval`, at `confidence`: "jackknife" (each item left out), "linearized" (Gwet's variance, t), "bootstrap" or "bca" (over
    items; `draws`, `seed`), all for these raters; or "none". `cluster`: a column whose items are drawn together, such as "prompt_id".

    Items rated once count in the shares. "pairwise" leaves out pairs of raters that share fewer than two items, said in `note`.
    Undefined (nan, reason in `note`): no item rated twice; one level only. No interval: one item; full agreement.
    Errors: `ParameterError` for an unknown option or an unfit array. Cost is linear in ratings, "pairwise" in pairs within items.

    Sources: Conger (1980), doi:10.1037/0033-2909.88.2.322; gaps and variance: Gwet (2014), Handbook of Inter-Rater Reliability;
    pairwise: van Praag, Dijkstra and van Velzen (1985), doi:10.1007/BF02294145.

    >>> import pandas as pd, workbench as wb
    >>> three = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 2, 1], "bob": [1, 2, 2, 2], "cem": [1, 2, 1, 2]}))
    >>> round(float(conger_kappa(three)["value"][0]), 4)
    0.3333
    """
    from workbench.reduce import patterns

    one_of("missing", missing, MISSING)
    sampling = Sampling(interval, confidence, draws, seed)
    groups, found = patterns(ratings, by=by, cluster=cluster), identified(ratings, by=by, cluster=cluster)
    kernel = {"gwet": gwet_sums, "pairwise": pairwise_sums}[missing]

    def sums(group: Patterns) -> Sums:
        if not group.n_ratings:
            return undefined(NO_PAIR)
        return kernel(found[tuple(group.key.values())], weight_matrix(weights, group.values), interval)
    return estimates("conger_kappa", groups, sums, by=by, sampling=sampling)


def gwet_sums(panel: Identified, weights: np.ndarray, interval: str) -> Sums:
    """What Gwet's estimator needs: the first terms of `item_terms`, then how often each rater gave each level or, where the
    interval needs no more, an item's pull on p_e."""
    if not (panel.size >= 2).any():
        return undefined(NO_PAIR, n_items=panel.n_items, n_ratings=len(panel.item))
    q = len(weights)
    agreement = dense(item_terms(panel.counts(q), weights)[:, :3])
    if by_pull(interval, panel.n_items * panel.n_raters * q):
        terms = np.column_stack([agreement, chance_pull(panel, weights)])
        formula = corrected(lambda means: means[..., 0])
    else:
        terms = beside(agreement, rater_levels(panel, q))
        formula = corrected(lambda totals: conger_chance(totals.reshape(*totals.shape[:-1], -1, q), weights))
    return Sums(formula=formula, terms=terms, weight=np.ones(panel.n_items), cluster=panel.cluster, n_items=panel.n_items,
                n_ratings=len(panel.item))


def by_pull(interval: str, cells: int) -> bool:
    """Whether an item's influence is all that an interval needs; so also where too many `cells` rule out leaving out each item."""
    return interval in ("linearized", "none") or (interval == "jackknife" and cells > LEFT_OUT_CELLS)


def conger_chance(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over pairs of raters g, h of sum w_kl p_gk p_hl; counts (..., J, q) -> (...). A rater without ratings is not there."""
    shares, n = shares_of(counts)
    raters = (n.real > 0).sum(axis=-1)
    others = shares.sum(axis=-2, keepdims=True) - shares
    return ((others @ weights) * shares).sum(axis=(-2, -1)) / (raters * (raters - 1))


def chance_pull(panel: Identified, weights: np.ndarray) -> np.ndarray:
    """p_e plus n times an item's influence on it, (n_items,): its mean is p_e."""
    counts = panel.by_rater(len(weights))
    shares, _ = shares_of(counts)
    toward = (shares.sum(axis=0) - shares) @ weights
    pairs = panel.n_raters * (panel.n_raters - 1) / 2
    return conger_chance(counts, weights) + panel.n_items * of_items(panel, counts, toward / pairs)


def pairwise_sums(panel: Identified, weights: np.ndarray, interval: str) -> Sums:
    """What the pairwise estimator needs: counts by rater and by pair of raters or, where the interval needs no more, an item's pull."""
    pairs = Shared.of(panel)
    if not len(pairs.first):
        reason = NO_TWO if (panel.size >= 2).any() else NO_PAIR
        return undefined(reason, n_items=panel.n_items, n_ratings=len(panel.item))
    if by_pull(interval, panel.n_items * (panel.n_raters + 2 * len(pairs.first)) * len(weights)):
        terms, formula = covariance_pull(panel, pairs, weights), lambda totals: totals[..., 0] / totals[..., 1]
    else:
        terms, formula = pair_terms(panel, pairs, weights), covariance_ratio(panel, pairs, weights)
    total = panel.n_raters * (panel.n_raters - 1) // 2
    lost = total - len(pairs.first)
    return Sums(formula=formula, terms=terms, weight=np.ones(panel.n_items), cluster=panel.cluster, n_items=panel.n_items,
                n_ratings=len(panel.item),
                note=f"{lost:,} of {total:,} pairs of raters share fewer than two items, left out" if lost else "")


@dataclass(frozen=True)
class Shared:
    """Pairs of ratings of an item by two raters who share two items or more: item, pair and both levels, (R,) each.

    `first`, `second` (M,): the raters of a pair.
    """

    item: np.ndarray
    pair: np.ndarray
    level_a: np.ndarray
    level_b: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @staticmethod
    def of(panel: Identified) -> Shared:
        """Steps through the ratings of an item, which stand together, so that the cost follows the pairs."""
        left, lefts, rights = np.arange(len(panel.item)), [np.zeros(0, dtype=int)], [np.zeros(0, dtype=int)]
        for gap in range(1, int(panel.size.max(initial=0))):
            left = left[left + gap < len(panel.item)]
            left = left[panel.item[left] == panel.item[left + gap]]
            lefts.append(left)
            rights.append(left + gap)
        left, right = np.concatenate(lefts), np.concatenate(rights)
        known, pair, n = np.unique(panel.rater[left] * panel.n_raters + panel.rater[right], return_inverse=True, return_counts=True)
        kept, code = n[pair] >= 2, np.cumsum(n >= 2) - 1
        first, second = np.divmod(known[n >= 2], max(panel.n_raters, 1))
        return Shared(panel.item[left][kept], code[pair[kept]], panel.level[left][kept], panel.level[right][kept], first, second)


def pair_terms(panel: Identified, pairs: Shared, weights: np.ndarray) -> Terms:
    """Per item: 1; ratings by rater and level; the weights of its pairs; their first, then their second levels, by pair."""
    from scipy.sparse import csr_array

    q, m, rows = len(weights), len(pairs.first), len(pairs.item)
    columns = [pairs.pair, m + pairs.pair * q + pairs.level_a, m + (m + pairs.pair) * q + pairs.level_b]
    values = np.concatenate([weights[pairs.level_a, pairs.level_b], np.ones(2 * rows)])
    shared = csr_array((values, (np.tile(pairs.item, 3), np.concatenate(columns))), shape=(panel.n_items, m * (1 + 2 * q)))
    return beside(np.ones((panel.n_items, 1)), rater_levels(panel, q), shared)


def covariance_ratio(panel: Identified, pairs: Shared, weights: np.ndarray) -> Formula:
    """The pairwise estimator as a formula of the totals of `pair_terms`."""
    q, j, m = len(weights), panel.n_raters, len(pairs.first)

    def formula(totals: np.ndarray) -> np.ndarray:
        n, own, credit, levels = np.split(totals, np.cumsum([1, j * q, m]), axis=-1)
        own, levels = (part.reshape(*totals.shape[:-1], *shape) for part, shape in ((own, (j, q)), (levels, (2, m, q))))
        above, below = covariances(n, own, credit, levels, pairs, weights)
        return above.sum(axis=-1) / below.sum(axis=-1)
    return formula


def covariances(n: np.ndarray, own: np.ndarray, credit: np.ndarray, levels: np.ndarray, pairs: Shared,
                weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p_a - p_e on the items that two raters share, and 1 - p_e of all their ratings; (..., M) each.

    n (..., 1) items; own (..., J, q); of pairs: credit (..., M), levels (..., 2, M, q). 1 - p_e is the two raters' spreads, each
    half the mean disagreement of two ratings of one rater, and half the distance of their shares; covariance and spreads are
    samples' (over N - 1), times (n - 1) / n. A pair with fewer than two items counts in neither.
    """
    (shares, size), (sides, shared) = shares_of(own), shares_of(levels)
    a, b, shared = sides[..., 0, :, :], sides[..., 1, :, :], shared[..., 0, :]
    covariance = (credit / np.where(shared == 0, 1, shared) - ((a @ weights) * b).sum(axis=-1)) * sample(shared, n)
    spread = (1 - ((shares @ weights) * shares).sum(axis=-1)) / 2 * sample(size, n)
    apart = shares[..., pairs.first, :] - shares[..., pairs.second, :]
    distance = spread[..., pairs.first] + spread[..., pairs.second] + ((apart @ weights) * apart).sum(axis=-1) / 2
    there = shared.real >= 2
    return np.where(there, covariance, 0), np.where(there, distance, 0)


def covariance_pull(panel: Identified, pairs: Shared, weights: np.ndarray) -> np.ndarray:
    """Both sums of `covariances` plus n times an item's influence on them, (n_items, 2): their means are the sums."""
    q, j, m, n = len(weights), panel.n_raters, len(pairs.first), panel.n_items
    own, credit = panel.by_rater(q), weights[pairs.level_a, pairs.level_b]
    levels = np.stack([np.bincount(pairs.pair * q + level, minlength=m * q).reshape(m, q) for level in (pairs.level_a, pairs.level_b)])
    above, below = covariances(np.array([n]), own, np.bincount(pairs.pair, credit, m), levels, pairs, weights)
    (a, b), (shared, _) = shares_of(levels)
    toward_b, toward_a = a @ weights, b @ weights
    centre = np.bincount(pairs.pair, credit, m) / shared - 2 * (toward_b * b).sum(axis=1)
    drift = credit - centre[pairs.pair] - toward_a[pairs.pair, pairs.level_a] - toward_b[pairs.pair, pairs.level_b]
    pull = np.bincount(pairs.item, (sample(shared, n) / shared)[pairs.pair] * drift, n)
    shares, size = shares_of(own)
    partners = table(np.append(pairs.first, pairs.second), np.append(pairs.second, pairs.first), (j, j))
    slope = ((partners.sum(axis=1) * (1 - sample(size, n)))[:, None] * shares - partners @ shares) @ weights
    return np.column_stack([above.sum() + n * pull, below.sum() + n * of_items(panel, own, slope)])


def sample(size: np.ndarray, n: np.ndarray) -> np.ndarray:
    """What makes a variance over `size` ratings a sample's, size / (size - 1), times (n - 1) / n; taken as known in slopes."""
    return held(size / np.maximum(size.real - 1, 1) * (n - 1) / n)


def shares_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the levels and number of ratings, from counts (..., q); shares without a rating are 0."""
    n = counts.sum(axis=-1)
    return counts / np.where(n == 0, 1, n)[..., None], n


def of_items(panel: Identified, counts: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """An item's influence, (n_items,), on what has this slope (J, q) in the raters' shares of the levels; `counts` (J, q)."""
    shares, n = shares_of(counts)
    pull = (slope - (slope * shares).sum(axis=1, keepdims=True)) / np.maximum(n, 1)[:, None]
    return np.bincount(panel.item, pull[panel.rater, panel.level], panel.n_items)


def rater_levels(panel: Identified, q: int) -> Terms:
    """Per item how often each rater gave each level, (n_items, n_raters q), sparse."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(panel.item)), (panel.item, panel.rater * q + panel.level)),
                     shape=(panel.n_items, panel.n_raters * q))
