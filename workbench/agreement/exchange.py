"""Two conditions side by side, item by item: their difference as one formula of totals, and what exchanging them would give."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.chance import beside
from workbench.agreement.estimate import Sampling, Sums, interval_over
from workbench.agreement.two_way import Left, leave_each_out

if TYPE_CHECKING:
    from workbench.reduce import Moments, Patterns
    from workbench.resample import Formula, Terms

# Exchanges whose statistic is this near the observed one are the same exchange, summed in another order.
SAME = 1e-9


@dataclass(frozen=True)
class Beside:
    """What items (or clusters) add under the `first` and the `second` condition, (P, m) each, zeros where they were not rated.

    weight: (P,) items that add the same. in_first, in_second: (P,) whether they were rated under it. formulas: from the totals of
    each to its value. alike: whether both have one formula of the same terms, so that ratings can change places.
    """

    first: Terms
    second: Terms
    weight: np.ndarray
    in_first: np.ndarray
    in_second: np.ndarray
    formulas: tuple[Formula, Formula]
    alike: bool

    def formula(self, totals: np.ndarray) -> np.ndarray:
        """The second value less the first, from the totals of both."""
        size = self.first.shape[1]
        return self.formulas[1](totals[..., size:]) - self.formulas[0](totals[..., :size])


def collected(kind: np.ndarray, used: np.ndarray, cluster: np.ndarray | None,
              found: Sequence[tuple[Terms, np.ndarray, Formula]], alike: bool) -> Beside:
    """Items of the same two kinds merged, or those of a cluster summed; `kind`, `used` (2, items), those used under neither left out."""
    kept = used.any(axis=0)
    kind, used = kind[:, kept], used[:, kept]
    weight = np.ones(kind.shape[1])
    if cluster is None:
        _, at, count = np.unique(kind[0] * found[1][0].shape[0] + kind[1], return_index=True, return_counts=True)
        kind, used, weight = kind[:, at], used[:, at], count.astype(float)
    terms = [found[side][0][kind[side]] for side in range(2)]
    if cluster is not None:
        terms = [resample.merge(part, weight, cluster[kept])[0] for part in terms]
        used = np.stack([resample.merge(part[:, None].astype(float), weight, cluster[kept])[0][:, 0] > 0 for part in used])
        weight = np.ones(used.shape[1])
    return Beside(terms[0], terms[1], weight, used[0], used[1], (found[0][2], found[1][2]), alike)


def matched(first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str]) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Where each item of either table stands among all items, and how many these are."""
    both = pd.concat([first[list(columns)].astype(object), second[list(columns)].astype(object)], ignore_index=True)
    varied = [c for c in columns if both[c].nunique(dropna=False) > 1] or list(columns[:1])
    place = both.groupby(varied, dropna=False, sort=False).ngroup().to_numpy()
    return (place[:len(first)], place[len(first):]), int(place.max(initial=-1)) + 1


def same_scale(first: Patterns | Moments, second: Patterns | Moments) -> bool:
    """Whether ratings of one condition could have been given under the other."""
    if hasattr(first, "total") or hasattr(second, "total"):
        return hasattr(first, "total") and hasattr(second, "total")
    return (first.scale, first.levels, list(first.values)) == (second.scale, second.levels, list(second.values))


def distinct(groups: Sequence[Patterns | Moments]) -> tuple[Patterns | Moments, list[np.ndarray]]:
    """One group with the rows that differ, and for each of `groups` which of them its items are."""
    ends = np.cumsum([len(group.weight) for group in groups])[:-1]
    fields = ("n", "total", "squares") if hasattr(groups[0], "total") else ("counts",)
    if not all(isinstance(getattr(group, fields[0]), np.ndarray) for group in groups):
        from scipy.sparse import vstack

        code = np.arange(sum(len(group.weight) for group in groups))
        return replace(groups[0], counts=vstack([group.counts for group in groups], format="csr"), weight=np.ones(len(code))), \
            np.split(code, ends)
    whole = {field: np.concatenate([getattr(group, field) for group in groups]) for field in fields}
    code = np.zeros(sum(len(group.weight) for group in groups), dtype=np.int64)
    for column in np.column_stack(list(whole.values())).T:
        levels, place = np.unique(column, return_inverse=True)
        _, at, code = np.unique(code * len(levels) + place, return_index=True, return_inverse=True)
    kinds = replace(groups[0], weight=np.bincount(code).astype(float), **{field: rows[at] for field, rows in whole.items()})
    return kinds, np.split(code, ends)


def by_kind(kinds: Patterns | Moments, make: Callable[[Patterns | Moments], Sums]) -> tuple[Terms, np.ndarray, Formula]:
    """What an item of each kind adds, (K + 1, m), the last adding nothing; whether it is used; and the formula of the totals."""
    from scipy.sparse import csr_array

    size = len(kinds.weight)
    sums = make(replace(kinds, cluster=np.arange(size)))   # a coefficient keeps the clusters of the rows it uses
    place = csr_array((np.ones(len(sums.cluster)), (sums.cluster, np.arange(len(sums.cluster)))), shape=(size + 1, len(sums.cluster)))
    return place @ sums.terms, np.bincount(sums.cluster, minlength=size + 1) > 0, sums.formula


def over_raters(sides: Sequence[Left], owners: Sequence[np.ndarray],
                names: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the difference moves without each rater, the variance of that over items, and under which conditions each rated; (J,).

    `owners`: the code of the items of either side, or of their clusters, among all; `names` of their raters. A rater of both is left
    out of both. Of J_d raters of a side the squared movements count (J_d - 1) / J_d, whatever their number on both sides.
    """
    code = np.split(pd.factorize(np.concatenate(names))[0], [len(names[0])])
    rated = np.stack([np.isin(np.arange(max(map(np.max, code)) + 1), own[side.common]) for own, side in zip(code, sides)])
    n, m = rated.sum(axis=1), rated.any(axis=0).sum()
    share, width = np.sqrt((n - 1) / n * m / (m - 1)), sides[0].items.shape[1]

    def formula(totals: np.ndarray) -> np.ndarray:
        return share[1] * sides[1].formula(totals[..., width:]) - share[0] * sides[0].formula(totals[..., :width])

    def after(field: str, other: str) -> np.ndarray:
        return np.append(getattr(sides[0], field), getattr(sides[0], other).shape[0] + getattr(sides[1], field))
    rater = np.concatenate([own[side.rater] for own, side in zip(code, sides)])
    both = Left(formula, *(apart(*(getattr(side, part) for side in sides)) for part in ("items", "lost")),
                np.append(sides[0].number, sides[1].number), after("unit", "row"), rater, after("row", "items"), after("loss", "lost"),
                np.concatenate(owners))
    return *leave_each_out(both), (rated[0] + 2 * rated[1])[both.common] - 1


def apart(first: Terms, second: Terms) -> Terms:
    """Rows of both, each in columns of its own."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        from scipy.linalg import block_diag

        return block_diag(first, second)
    from scipy.sparse import block_diag as blocks

    return blocks([first, second], format="csr")


def interval_of(pair: Beside, found: float, sampling: Sampling, raters: Sequence[np.ndarray] = ()) -> dict[str, object]:
    """Ends, standard error and method of the interval of the difference `found`; or the note that says why there is none.

    `raters`: for the two-way interval, as `over_raters` has them.
    """
    items = (found, pair.formula, beside(pair.first, pair.second), pair.weight)
    return interval_over(items, "item or cluster", sampling, raters, resample.t_interval)


def p_value(pair: Beside, *, draws: int, seed: int) -> float:
    """The share of exchanges whose difference over its error is as far from 0 as the observed one, which counts as one of them.

    An undefined exchange counts as far. nan where conditions are not alike, or the observed difference has no error.
    """
    nobody = np.zeros((1, len(pair.weight)))
    observed = abs(statistic(pair, nobody)[0]) if pair.alike else math.nan
    if not math.isfinite(observed):
        return math.nan
    nearer = sum(int((np.abs(statistic(pair, block)) < observed - SAME).sum()) for block in exchanges(pair, draws=draws, seed=seed))
    return (1 + draws - nearer) / (1 + draws)


def statistic(pair: Beside, swapped: np.ndarray) -> np.ndarray:
    """The difference over its linearised error, (d,), when `swapped` (d, P) of each row's items change conditions."""
    stayed, n = pair.weight - swapped, pair.weight.sum()
    sides = (stayed @ pair.first + swapped @ pair.second, stayed @ pair.second + swapped @ pair.first)
    totals, size = np.concatenate(sides, axis=-1), pair.first.shape[1]
    slope = resample.gradient(pair.formula, totals)
    a, b = slope[:, :size].T, slope[:, size:].T
    as_is, exchanged = (pair.first @ a + pair.second @ b).T, (pair.second @ a + pair.first @ b).T
    mean = (stayed * as_is + swapped * exchanged).sum(axis=1) / n
    variance = (stayed * as_is**2 + swapped * exchanged**2).sum(axis=1) - n * mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return resample.value(pair.formula, totals) / np.sqrt(n / (n - 1) * np.maximum(variance, 0))


def exchanges(pair: Beside, *, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How many of each row's items change conditions, in blocks (d, P).

    Items rated under both swap with chance 1/2 each; the others are dealt out to the conditions in as large groups as there are.
    """
    generator = np.random.default_rng(seed)
    weight = pair.weight.astype(np.int64)
    both, alone = pair.in_first & pair.in_second, pair.in_first != pair.in_second
    of_first, colors = pair.in_first[alone], weight[alone]
    size = max(1, resample.BLOCK // max(len(weight), 1))
    method = "count" if colors.sum() < 15 * len(colors) else "marginals"
    for start in range(0, draws, size):
        count = min(size, draws - start)
        swapped = np.zeros((count, len(weight)))
        swapped[:, both] = generator.binomial(weight[both], 0.5, size=(count, int(both.sum())))
        if alone.any():
            dealt = generator.multivariate_hypergeometric(colors, colors[of_first].sum(), size=count, method=method)
            swapped[:, alone] = np.where(of_first, colors - dealt, dealt)
        yield swapped
