"""An interval over other items and other raters, from leaving each rater out once.

Two variances add up. One is that of the items, given these raters. The other is that of the raters: how far the value moves when
each of them is left out (Efron and Stein 1981, doi:10.1214/aos/1176345462), less the part of that movement which the items alone
would make and which the first variance holds already, as Cameron, Gelbach and Miller (2011, doi:10.1198/jbes.2010.07136) take
the overlap out of two-way clustered errors. It costs one pass over the ratings and takes any design, complete, sparse or unequal.

The other way is to draw raters and items (Owen 2007, doi:10.1214/07-AOAS122), leaving out the pairs of a rater with its own copy.
It costs a pass a draw, and no such bootstrap has the right variance (McCullagh 2000, Bernoulli 6, 285-301). In
`benchmarks/coverage.py`, with 5 to 30 raters, 2 of them to all on an item, 95 % intervals of this kind held 91 to 97 % where raters
differ and 95 to 98 % where they do not (the raters' part cannot fall below 0); those of the bootstrap 92 to 100 %, above 97 % in
three of four cells; intervals for these raters 35 to 95 % where raters differ. Of Conger's kappa, ICC and the difference of two
alphas they held 94 to 98 % where raters differ (5 to 30 raters, 2 to all on an item), those for these raters 67 to 96 %; of Conger's
pairwise estimator 99 %, too many, where two raters share some two items.

A coefficient joins in by saying what an item adds to its totals, and what that loses with each of its ratings (`Left`): `left`
says so of whatever compares items by their counts or scores (`Sums.rows_of`); where who rated matters, the coefficient does itself
(`Sums.left_of`). `leave_each_out` makes two numbers a rater of it, how far the value moves without the rater (`change`) and the
variance of that movement over items (`noise`), and `spread` makes the standard error and its degrees of freedom of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.identified import Identified, identified, table

if TYPE_CHECKING:
    from workbench.agreement.estimate import Sums
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns
    from workbench.resample import Formula, Terms

FEWEST_RATERS = 5
# Beyond this many levels equal items are not merged, and their counts are held sparsely.
FEW_LEVELS = 16
# Beyond this many steps the slopes without a rater are those with all, scaled by what remains.
SLOPE_STEPS = 500_000_000


@dataclass(frozen=True)
class Panel:
    """Where to look up who gave which rating: looked up for the two-way interval alone, once for all groups and coefficients."""

    ratings: Ratings
    by: Sequence[str] = ()
    cluster: str | None = None

    def of(self, key: Mapping[str, object]) -> Identified:
        """The ratings of one group."""
        return identified(self.ratings, by=self.by, cluster=self.cluster)[tuple(key.values())]


@dataclass(frozen=True)
class Left:
    """What items add to the totals of a coefficient, and what that loses with one rating.

    items: (P, m) what an item adds, `number` (P,) of them alike; lost: (C, m) what it adds less with one rating. unit, rater: (R,)
    codes of each rating; row: (U,) the row of each unit in `items`; loss: (R,) that of each rating in `lost`. cluster: (U,) or None.
    pulls: `items` and `lost` once more, as far as the totals move when other items are drawn; None where that is all of them.
    """

    formula: Formula
    items: Terms
    lost: Terms
    number: np.ndarray
    unit: np.ndarray
    rater: np.ndarray
    row: np.ndarray
    loss: np.ndarray
    cluster: np.ndarray | None
    pulls: tuple[Terms, Terms] | None = None

    @cached_property
    def common(self) -> np.ndarray:
        """The codes of the raters who share an item with another; the others do not enter."""
        return np.unique(self.rater[np.bincount(self.unit)[self.unit] >= 2])


def spread(item_error: float, item_df: float, change: np.ndarray, noise: np.ndarray,
           kind: np.ndarray | None = None) -> tuple[float, float]:
    """Standard error over items and raters, and its degrees of freedom (Satterthwaite 1946, doi:10.2307/3002019).

    `item_error`, `item_df`: those of the items, given these raters; `change`, `noise`: (J,) of the J raters. The raters' part is
    (J - 1) / J times the sum of change^2 - noise and at least 0; its uncertainty is that of the sum of change^2 on J - 1 degrees,
    of each `kind` (J,) of raters by itself where there are several.
    """
    m = len(change)
    kind = np.zeros(m, dtype=int) if kind is None else kind
    moved = (m - 1) / m * np.bincount(kind, change**2)
    part = max(float(moved.sum() - (m - 1) / m * noise.sum()), 0.0)
    variance = item_error**2 + part
    doubt = item_error**4 / item_df + (float((moved**2 / np.maximum(np.bincount(kind) - 1, 1)).sum()) if part > 0 else 0.0)
    return variance**0.5, variance**2 / doubt if doubt > 0 else item_df


def leave_each_out(found: Left) -> tuple[np.ndarray, np.ndarray]:
    """How far the value moves when each rater is left out, and the variance of that movement over items (or clusters).

    Both (J,), of the raters in `common`. A rater's ratings change what the items add that they are on, and no others: totals without
    a rater are all totals less those changes, and so is the sum over items of the squared influence on the movement. nan where the
    value is undefined without the rater.
    """
    m = int(found.rater.max(initial=-1)) + 1
    cell, place, n = np.unique(found.rater * found.lost.shape[0] + found.loss, return_inverse=True, return_counts=True)
    who, loss = np.divmod(cell, max(found.lost.shape[0], 1))
    before = np.empty(len(cell), dtype=int)
    before[place] = found.row[found.unit]
    whole = found.number @ found.items
    without = whole - by_rater(found.lost[loss], n, who, m)
    slope, slopes = slopes_of(found.formula, whole, without)
    items, lost = found.pulls or (found.items, found.lost)
    moved = -row_dots(lost[loss], slopes, who)
    touched, weight = (before, who, n, moved), found.number
    if found.cluster is not None:
        items, weight, touched = by_cluster(items, found, moved[place], m)
    change = resample.value(found.formula, without) - resample.value(found.formula, whole)
    return change[found.common], noise_of(items, weight, slopes - slope, touched)[found.common]


def left(sums: Sums, group: Patterns | Moments, panel: Identified) -> Left:
    """What the group's items add, and what that loses with a rating, by the counts or the scores of the items.

    Equal items are merged where levels are few.
    """
    unit = panel.item
    if hasattr(group, "total"):
        score = panel.score - group.center
        n, total, squares = (np.append(x, x[unit] - y) for x, y in
                             ((np.bincount(unit, y), y) for y in (np.ones(len(unit)), score, score**2)))
        number, row, old, loss = np.ones(panel.n_items), np.arange(panel.n_items), unit, np.arange(len(unit))
        items = replace(group, n=n, total=total, squares=squares)
    else:
        q = len(group.values)
        counts, row = merged(panel, q)
        number = np.bincount(row).astype(float)
        combination, loss = np.unique(row[unit] * q + panel.level, return_inverse=True)
        old, taken = np.divmod(combination, q)
        items = replace(group, counts=with_less(counts, old, taken))
    terms, formula = sums.rows_of(replace(items, weight=np.append(number, np.zeros(len(old))), cluster=None))
    return Left(formula, terms[:len(number)], terms[old] - terms[len(number):], number, unit, panel.rater, row, loss, panel.cluster)


def by_rating(formula: Formula, panel: Identified, items: Terms, lost: Terms, pulls: tuple[Terms, Terms] | None = None) -> Left:
    """The same with a row for each item and for each rating."""
    n = np.arange(panel.n_items)
    return Left(formula, items, lost, np.ones(len(n)), panel.item, panel.rater, n, np.arange(len(panel.item)), panel.cluster, pulls)


def merged(panel: Identified, q: int) -> tuple[Terms, np.ndarray]:
    """Counts of the ratings at each level, equal items merged where levels are few, and the row of each unit in them."""
    if q > FEW_LEVELS:
        return table(panel.item, panel.level, (panel.n_items, q), dense=False), np.arange(panel.n_items)
    counts = table(panel.item, panel.level, (panel.n_items, q))
    row = pd.DataFrame(counts).groupby(list(range(q)), sort=False).ngroup().to_numpy()
    return counts[np.unique(row, return_index=True)[1]], row


def with_less(counts: Terms, old: np.ndarray, taken: np.ndarray) -> Terms:
    """The rows of `counts` (P, q), and below them the rows `old` (C,) with one rating less at the levels `taken` (C,)."""
    from scipy.sparse import csr_array, vstack

    if isinstance(counts, np.ndarray):
        less = counts[old]
        less[np.arange(len(old)), taken] -= 1
        return np.concatenate([counts, less])
    ones = csr_array((np.ones(len(old)), (np.arange(len(old)), taken)), shape=(len(old), counts.shape[1]))
    return vstack([counts, counts[old] - ones], format="csr")


def by_cluster(items: Terms, found: Left, moved: np.ndarray,
               m: int) -> tuple[Terms, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Terms of whole clusters, their weight, and what each rater's absence moves in each: cluster, rater, 1, by how much."""
    terms, weight = resample.merge(items[found.row], np.ones(len(found.row)), found.cluster)
    code = np.unique(found.cluster, return_inverse=True)[1]
    pair, place = np.unique(code[found.unit] * m + found.rater, return_inverse=True)
    cluster, who = np.divmod(pair, m)
    return terms, weight, (cluster, who, np.ones(len(pair)), np.bincount(place, moved, len(pair)))


def noise_of(items: Terms, weight: np.ndarray, turn: np.ndarray, touched: tuple[np.ndarray, ...]) -> np.ndarray:
    """Variance over items of each rater's movement, (J,).

    Item i adds turn_j x_i, `turn` (J, m) being how the slope differs without rater j, and what `touched` says: row of `items`,
    rater, how many such items, by how much more.
    """
    row, who, n, moved = touched
    m, size = len(turn), weight.sum()
    turned = row_dots(items[row], turn, who)
    moment = items.T @ (items * weight[:, None])
    first = turn @ (weight @ items) + np.bincount(who, n * moved, m)
    second = (turn * (moment @ turn.T).T).sum(axis=1) + np.bincount(who, n * moved * (2 * turned + moved), m)
    return np.maximum(second - first**2 / size, 0) * size / (size - 1)


def slopes_of(formula: Formula, whole: np.ndarray, without: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the formula at all totals (m,), and at those without each rater (J, m)."""
    slope = resample.gradient(formula, whole)
    if without.size * len(whole) > SLOPE_STEPS:  # the slope of a ratio of totals falls as they grow; the first counts what there is
        return slope, slope * (whole[0] / without[:, :1])
    return slope, resample.gradient(formula, without)


def by_rater(terms: Terms, n: np.ndarray, rater: np.ndarray, m: int) -> np.ndarray:
    """Rows of `terms` (K, .) times `n` (K,), summed by rater: (J, .)."""
    from scipy.sparse import csr_array

    return resample.dense(csr_array((n.astype(float), (rater, np.arange(len(n)))), shape=(m, len(n))) @ terms)


def row_dots(terms: Terms, slopes: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Each row of `terms` (K, m) times the row of `slopes` (J, m) that `which` (K,) names: (K,)."""
    if isinstance(terms, np.ndarray):
        return np.einsum("km,km->k", terms, slopes[which])
    row = np.repeat(np.arange(terms.shape[0]), np.diff(terms.indptr))
    return np.bincount(row, terms.data * slopes[which[row], terms.indices], minlength=terms.shape[0])
