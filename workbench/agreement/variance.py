"""How much items, raters and the rest each add to the variance of ratings, gaps allowed: mean squares and their expectations.

A score is item + rater + residual. Sums of squares are adjusted: of items for raters, of raters for items (Henderson's method III;
Searle, Casella and McCulloch 1992, Variance Components, ch. 5). Their expectations then need nothing but counts, and on a
complete table they are the two-way analysis of variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Sums of squares below this share of the squares they come from are rounding: from moments, and from centred scores.
CANCELLED, ROUNDING = 1e-12, 1e-20


@dataclass(frozen=True)
class Squares:
    """Mean squares and what they estimate: `item` k S_item + S, `rater` m S_rater + S, `residual` S, each S a variance.

    `item_free`, `rater_free`, `residual_free` are their degrees of freedom: ranks where the design is complete, else those of the
    chi-squares with the same mean and variance (Satterthwaite). One-way, raters are part of the residual.
    """

    item: float
    residual: float
    k: float
    item_free: float
    residual_free: float
    rater: float = 0.0
    m: float = 1.0
    rater_free: float = 0.0


@dataclass(frozen=True)
class Crossed:
    """A group's items, each by the squares it contributes, (I,): of its scores about their own mean (`within`), about their
    raters' means (`about_rater`), and about what item and rater effects fit (`rest`). n: how many ratings it has.

    sets: how many connected sets of raters there are; raters: how many raters; spread: what the degrees of freedom need.
    deviations: (N, 3) each rating's part of the three, before it is squared.
    """

    n: np.ndarray
    within: np.ndarray
    about_rater: np.ndarray
    rest: np.ndarray
    raters: int
    sets: int
    spread: tuple[float, float]
    deviations: np.ndarray

    @property
    def free(self) -> int:
        """Degrees of freedom of the residual."""
        return int(self.n.sum()) - len(self.n) - self.raters + self.sets

    def squares(self) -> Squares:
        """The mean squares; `free` must be above 0."""
        size, items, raters = float(self.n.sum()), len(self.n) - self.sets, self.raters - self.sets
        rest = self.rest.sum()
        residual = rest / self.free
        item, rater = (self.about_rater.sum() - rest) / items, (self.within.sum() - rest) / raters
        of_items, of_raters = size - self.raters, size - len(self.n)
        k, m = of_items / items, of_raters / raters
        return Squares(item, residual, k, satterthwaite(items, of_items, self.spread[0], (item - residual) / k, residual), self.free,
                       rater, m, satterthwaite(raters, of_raters, self.spread[1], (rater - residual) / m, residual))


    def terms(self) -> np.ndarray:
        """What each item adds, (I, 7): 1, n, 1 / n, the three squares, and how many raters are left out."""
        return np.column_stack([np.ones(len(self.n)), self.n, 1 / self.n, self.within, self.about_rater, self.rest, np.zeros(len(self.n))])

    def lost(self, item: np.ndarray, rater: np.ndarray) -> np.ndarray:
        """What an item adds less without one of its ratings, (N, 7); the effects of the other raters are held."""
        n = self.n[item]
        fewer = np.maximum(n - 1, 1)
        squares = self.deviations**2 * (self.terms()[item, 3:6] > 0)
        return np.column_stack([n == 1, np.ones(len(n)), 1 / n - (n > 1) / fewer, squares[:, 0] * n / fewer, squares[:, 1],
                                squares[:, 2] * n / fewer, -1 / np.bincount(rater)[rater]])


def satterthwaite(rank: float, trace: float, squared: float, effect: float, residual: float) -> float:
    """Degrees of freedom of a sum of squares whose form has this rank, trace and trace of its square, at these variances."""
    effect = max(effect, 0.0)
    spread = squared * effect**2 + 2 * trace * effect * residual + rank * residual**2
    return (trace * effect + rank * residual) ** 2 / spread if spread > 0 else rank


def one_way(n: np.ndarray, total: np.ndarray, squares: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, Squares]:
    """What each item contributes, (P, 7), and the mean squares, from moments of items (P,) of which `weight` are alike.

    Columns: 1, n, 1 / n, n^2, total, total^2 / n, squares within. Scores are moved to mean 0. At least two items, one rated twice.
    """
    terms = one_way_terms(n, total, squares, weight)
    items, size, _, pairs, _, between, rest = weight @ terms
    rank, trace = items - 1, size - pairs / size
    item, residual = between / rank, rest / (size - items)
    squared = pairs - 2 * (weight @ n**3) / size + (pairs / size) ** 2
    k = trace / rank
    return terms, Squares(item, residual, k, satterthwaite(rank, trace, squared, (item - residual) / k, residual), size - items)


def one_way_terms(n: np.ndarray, total: np.ndarray, squares: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The columns of `one_way`; an item without a rating adds nothing."""
    mean, some = weight @ total / (weight @ n), np.maximum(n, 1)
    squares, total = squares - 2 * mean * total + n * mean**2, total - n * mean
    within = squares - total**2 / some
    within = np.where(within > CANCELLED * (squares + n * mean**2), within, 0)
    return np.column_stack([np.ones(len(n)), n, 1 / some, n**2, total, total**2 / some, within]) * (n > 0)[:, None]


def crossed(item: np.ndarray, rater: np.ndarray, score: np.ndarray) -> Crossed:
    """The squares of one group's ratings: codes from 0 of item and rater, and scores, (N,) each; a rater rates an item once."""
    y = score - score[0]
    y = y - y.mean()
    n, given = np.bincount(item).astype(float), np.bincount(rater).astype(float)
    complete, rounding = len(y) == len(n) * len(given), ROUNDING * float((y**2).mean())

    def about(code: np.ndarray, size: np.ndarray, values: np.ndarray) -> np.ndarray:
        return values - (np.bincount(code, values) / size)[code]

    def of_items(values: np.ndarray) -> np.ndarray:
        squares = np.bincount(item, values**2)
        return np.where(squares > rounding, squares, 0)
    within, about_rater = about(item, n, y), about(rater, given, y)
    if complete:
        sets, rest = 1, about(item, n, about_rater)
        spread = ((len(n) - 1) * n[0] ** 2, (len(given) - 1) * given[0] ** 2)
    else:
        rated = incidence(item, rater)
        sets, spread = sets_and_spread(rated, n, given)
        rest = about(item, n, y - rater_effects(rated, n, given, np.bincount(rater, within))[rater])
    return Crossed(n, of_items(within), of_items(about_rater), of_items(rest), len(given), sets, spread,
                   np.column_stack([within, about_rater, rest]))


def incidence(item: np.ndarray, rater: np.ndarray) -> csr_array:
    """1 where an item was rated by a rater, sparse (I, R)."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(item)), (item, rater)))


def rater_effects(rated: csr_array, n: np.ndarray, given: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Least-squares effects of raters beside items, (R,), from each rater's `total` of deviations from the items' means.

    Items are swept out: (D - N' diag(1 / n) N) b = total, solved by conjugate gradients, which need only the ratings.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    def swept(effects: np.ndarray) -> np.ndarray:
        return given * effects - rated.T @ (rated @ effects / n)
    size = (len(given), len(given))
    return cg(LinearOperator(size, swept, dtype=float), total, rtol=1e-12, M=LinearOperator(size, lambda x: x / given, dtype=float))[0]


def sets_and_spread(rated: csr_array, n: np.ndarray, given: np.ndarray) -> tuple[int, tuple[float, float]]:
    """How many sets of raters share no item with one another; and traces of the squared forms of items and of raters."""
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.csgraph import connected_components

    # one product for both: items shared in the real part, the same over the items' numbers of ratings in the imaginary one
    both = csr_array(rated.T @ diags_array(1 + 1j / n) @ rated)
    row, column = both.nonzero()
    of_items = n @ n - 2 * n @ (rated @ (1 / given)) + (both.real.data**2 / (given[row] * given[column])).sum()
    of_raters = (diags_array(given) - both.imag).power(2).sum()
    return int(connected_components(both.real, directed=False)[0]), (float(of_items), float(of_raters))
