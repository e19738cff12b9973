"""Conger's kappa from the pairs of raters that share items: p_a - p_e as the sum of their covariances, 1 - p_e as that of distances.

See `conger_kappa`, `missing="pairwise"`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.agreement.chance import beside
from workbench.agreement.estimate import NO_PAIR, Sums, undefined
from workbench.agreement.identified import Identified, first_of, of_ratings, shares_of, table
from workbench.agreement.two_way import Left, by_rating
from workbench.resample import LEFT_OUT_CELLS, Formula, held

if TYPE_CHECKING:
    from workbench.resample import Terms

NO_TWO = "no two raters share two items"


def by_pull(interval: str, cells: int) -> bool:
    """Whether an item's influence is all that an interval needs; so also where too many `cells` rule out leaving out each item."""
    return interval in ("linearized", "none") or (interval in ("jackknife", "two-way") and cells > LEFT_OUT_CELLS)


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
                n_ratings=len(panel.item), left_of=lambda panel: pairwise_left(panel, pairs, weights),
                note=f"{lost:,} of {total:,} pairs of raters share fewer than two items, left out" if lost else "")


@dataclass(frozen=True)
class Shared:
    """Pairs of ratings of an item by two raters who share two items or more: both ratings, item, pair and both levels, (R,) each.

    `first`, `second` (M,): the raters of a pair.
    """

    a: np.ndarray
    b: np.ndarray
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
        a, b = np.concatenate(lefts), np.concatenate(rights)
        known, pair, n = np.unique(panel.rater[a] * panel.n_raters + panel.rater[b], return_inverse=True, return_counts=True)
        kept, code = n[pair] >= 2, np.cumsum(n >= 2) - 1
        a, b, (first, second) = a[kept], b[kept], np.divmod(known[n >= 2], max(panel.n_raters, 1))
        return Shared(a, b, panel.item[a], code[pair[kept]], panel.level[a], panel.level[b], first, second)


def pair_terms(panel: Identified, pairs: Shared, weights: np.ndarray) -> Terms:
    """Per item: 1; ratings by rater and level; the weights of its pairs; their first, then their second levels, by pair."""
    from scipy.sparse import csr_array

    q, m, rows = len(weights), len(pairs.first), len(pairs.item)
    columns = [pairs.pair, m + pairs.pair * q + pairs.level_a, m + (m + pairs.pair) * q + pairs.level_b]
    values = np.concatenate([weights[pairs.level_a, pairs.level_b], np.ones(2 * rows)])
    shared = csr_array((values, (np.tile(pairs.item, 3), np.concatenate(columns))), shape=(panel.n_items, m * (1 + 2 * q)))
    return beside(np.ones((panel.n_items, 1)), panel.rater_levels(q), shared)


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
    above, below, drift, own = pulls_of(panel, pairs, weights)
    n = panel.n_items
    return np.column_stack([above.sum() + n * np.bincount(pairs.item, drift, n), below.sum() + n * np.bincount(panel.item, own)])


def pulls_of(panel: Identified, pairs: Shared, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both `covariances` of each pair of raters, (M,), and the influence on their sums of each pair of ratings and of each rating."""
    q, j, m, n = len(weights), panel.n_raters, len(pairs.first), panel.n_items
    own, credit = panel.by_rater(q), weights[pairs.level_a, pairs.level_b]
    levels = np.stack([np.bincount(pairs.pair * q + level, minlength=m * q).reshape(m, q) for level in (pairs.level_a, pairs.level_b)])
    above, below = covariances(np.array([n]), own, np.bincount(pairs.pair, credit, m), levels, pairs, weights)
    (a, b), (shared, _) = shares_of(levels)
    toward_b, toward_a = a @ weights, b @ weights
    centre = np.bincount(pairs.pair, credit, m) / shared - 2 * (toward_b * b).sum(axis=1)
    drift = credit - centre[pairs.pair] - toward_a[pairs.pair, pairs.level_a] - toward_b[pairs.pair, pairs.level_b]
    shares, size = shares_of(own)
    partners = table(np.append(pairs.first, pairs.second), np.append(pairs.second, pairs.first), (j, j))
    slope = ((partners.sum(axis=1) * (1 - sample(size, n)))[:, None] * shares - partners @ shares) @ weights
    return above, below, (sample(shared, n) / shared)[pairs.pair] * drift, of_ratings(panel, own, slope)


def pairwise_left(panel: Identified, pairs: Shared, weights: np.ndarray) -> Left:
    """The pairwise estimator without each rating: a rater takes along the covariances and distances of his pairs.

    An item also pulls the distances of pairs with raters who did not rate it, through the shares of those who did: less so without
    a rater, as if all were paired with him who could be (two products in the formula, 0 with all raters). How many items there
    are is held.
    """
    above, below, drift, own = pulls_of(panel, pairs, weights)
    n, j, ends, rater = panel.n_items, panel.n_raters, np.append(pairs.first, pairs.second), panel.rater
    shares, given = shares_of(panel.by_rater(len(weights)))
    paired = (np.bincount(ends, minlength=j) / (j - 1))[:, None]
    gone = [np.bincount(ends, np.tile(part, 2), j) for part in (above, below)]
    adds = (np.column_stack([*gone, paired, np.zeros((j, 1 + len(weights))), -paired * shares @ weights]) / given[:, None])[rater]
    spread = of_ratings(panel, panel.by_rater(len(weights)), (1 - sample(given, n))[:, None] * shares @ weights)
    at_level = (np.eye(len(weights))[panel.level] - shares[rater]) / given[rater][:, None]
    pulls = np.column_stack([np.bincount(np.append(pairs.a, pairs.b), np.tile(drift, 2), len(rater)), own, np.zeros(len(rater)), spread,
                             at_level, np.zeros(at_level.shape)])
    pulled = np.column_stack([np.bincount(pairs.item, drift, n), np.add.reduceat(pulls[:, 1:], first_of(panel.item))])

    def formula(totals: np.ndarray) -> np.ndarray:
        above, below, less, of_spreads = np.moveaxis(totals[..., :4], -1, 0)
        at_level, toward = np.split(totals[..., 4:], 2, axis=-1)
        return above / (below + less * of_spreads + (at_level * toward).sum(axis=-1))
    whole = np.zeros((n, adds.shape[1]))
    whole[:, :2] = above.sum() / n, below.sum() / n
    return by_rating(formula, panel, whole, adds, (pulled, pulls))


def sample(size: np.ndarray, n: np.ndarray) -> np.ndarray:
    """What makes a variance over `size` ratings a sample's, size / (size - 1), times (n - 1) / n; taken as known in slopes."""
    return held(size / np.maximum(size.real - 1, 1) * (n - 1) / n)
