"""Krippendorff's alpha, 1 - observed / expected disagreement, with nominal, ordinal, interval, ratio and a caller's own distance.

In totals over items rated twice or more: alpha = 1 - (N - 1) O / E, where item i adds to O the squared distances of its pairs of
ratings over (n_i - 1), E is the same sum over all N ratings as if they were one item, and N is how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import as_array, beside, row_sums
from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates, undefined
from workbench.agreement.groups import reductions
from workbench.agreement.two_way import Panel
from workbench.agreement.weights import MAX_LEVELS, distance_matrix
from workbench.errors import ParameterError, one_of
from workbench.resample import Formula, held
from workbench.schema import SCALES

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns
    from workbench.resample import Terms

NO_LEVELS = "scores have no levels: take scale='interval'"
# Squared deviations below this share of their squares are rounding: all scores are one.
ROUNDING = 1e-12
# Beyond this many levels an ordinal scale's midranks stay those of all ratings when raters are redrawn.
FEW_LEVELS = 16


def krippendorff_alpha(ratings: Ratings, *, by: Sequence[str] = (), scale: str | np.ndarray | None = None,
                       interval: str = "jackknife", confidence: float = 0.95, draws: int = 1000, seed: int = 0,
                       cluster: str | None = None) -> pd.DataFrame:
    """How far are ratings reproducible: do raters differ on an item less than ratings of any two items differ?

    1 is full agreement, 0 what pairing ratings at random would give, below 0 systematic disagreement. alpha = 1 - D_o / D_e, the
    mean squared distance of two ratings of an item over that of any two ratings. Any number of raters, gaps allowed.

    ratings: any selection; `by`: columns that make the groups, each a row. `scale`: the distance, "nominal" (same or not),
    "ordinal" (how many ratings lie between), "interval" (difference of scores, any number of different ones), "ratio"
    (difference over sum), or a symmetric (levels, levels) array of squared distances of your own, 0 on the diagonal; None takes
    each criterion's own. `interval`, at `confidence`: "jackknife" (each item left out), "linearized" (the slope's error, t),
    "bootstrap" or "bca" (over items; `draws`, `seed`), all for these raters; "two-way" for such raters, 5 or more; or "none".
    `cluster`: a column whose items are drawn together, such as "prompt_id".

    Items rated once are dropped and counted. Undefined (nan, reason in `note`): one level only; no item rated twice. No interval:
    one item; full agreement. Errors: `ParameterError` for an unknown option, values below 0 on a ratio scale, an unfit array.

    Sources: Krippendorff (2011), Computing Krippendorff's alpha-reliability; (2018), Content Analysis, 4th ed., ch. 12, where .8
    is asked for conclusions and .667 for tentative ones; variance: Gwet (2014), Handbook of Inter-Rater Reliability; for the
    ordinal distance with what its own dependence on the shares adds.

    >>> import pandas as pd, workbench as wb
    >>> news = pd.DataFrame({"ann": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0], "bob": [0, 1, 1, 0, 0, 1, 0, 1, 0, 0]})
    >>> round(float(krippendorff_alpha(wb.from_matrix(news), scale="nominal")["value"][0]), 3)
    0.095
    """
    from workbench.reduce import patterns

    if isinstance(scale, str):
        one_of("scale", scale, SCALES)
    own = None if scale is None or isinstance(scale, str) else scale
    sampling = Sampling(interval, confidence, draws, seed, panel=Panel(ratings, by, cluster))
    groups = reductions(ratings, by=by, scale=scale, cluster=cluster) if own is None else patterns(ratings, by=by, cluster=cluster)
    return estimates("krippendorff_alpha", groups, lambda group: alpha_sums(group, own), by=by, sampling=sampling)


def alpha_sums(group: Patterns | Moments, distance: np.ndarray | None = None) -> Sums:
    """What alpha needs of a group, by its scale or by a table (q, q) of squared distances."""
    if not hasattr(group, "total") and not group.levels:
        return undefined(NO_LEVELS if group.n_ratings else NO_PAIR)
    n = sizes(group)
    keep = n >= 2
    table = distance_matrix(distance, len(group.values)) if distance is not None and keep.any() else None
    terms, formula = terms_of(group, keep, n[keep], table)
    weight = group.weight[keep]

    def rows_of(items: Patterns | Moments) -> tuple[Terms, Formula]:
        items = midranked(items, group) if table is None and items.scale == "ordinal" and len(items.values) > FEW_LEVELS else items
        n = sizes(items)
        terms, formula = terms_of(items, np.full(len(n), True), np.maximum(n, 2), table)
        return as_array(terms * (n >= 2)[:, None]), formula

    return Sums(formula=formula, terms=terms, weight=weight, cluster=None if group.cluster is None else group.cluster[keep],
                n_items=int(weight.sum()), n_ratings=int(weight @ n[keep]), reason="" if keep.any() else NO_PAIR, rows_of=rows_of,
                again=(group, lambda more: alpha_sums(more, distance)) if hasattr(group, "counts") else None)


def sizes(group: Patterns | Moments) -> np.ndarray:
    """How many ratings each row's items have, (P,)."""
    return group.n if hasattr(group, "n") else row_sums(group.counts)


def terms_of(group: Patterns | Moments, keep: np.ndarray, n: np.ndarray, table: np.ndarray | None) -> tuple[Terms, Formula]:
    """Terms and formula of the rows to `keep`, `n` their ratings: by the group's scale, or a `table` of squared distances."""
    return TERMS[group.scale](group, keep, n) if table is None else distance_terms(as_array(group.counts)[keep], n, table)


def midranked(items: Patterns, group: Patterns) -> Patterns:
    """The items on an interval scale of the midranks of all the group's ratings, whose squared differences ordinal alpha takes."""
    n = sizes(group)
    levels = np.asarray((group.weight * (n >= 2)) @ group.counts, dtype=float).ravel()
    return replace(items, values=np.cumsum(levels) - levels / 2, scale="interval")


def disagreement(expected: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Formula:
    """Alpha as a formula of the totals N, O and what `expected(N, further totals)` makes E of."""
    def formula(totals: np.ndarray) -> np.ndarray:
        n, observed = totals[..., 0], totals[..., 1]
        return one_less(n * observed / expected(n, totals[..., 2:]), n)
    return formula


def one_less(disagreement: np.ndarray, n: np.ndarray) -> np.ndarray:
    """1 - (N - 1) / N times N O / E. In its slope the small-sample part, N O / E over N, moves with N alone, as Gwet has it."""
    return 1 - disagreement + held(disagreement) / n


def nominal(group: Patterns, keep: np.ndarray, n: np.ndarray) -> tuple[Terms, Formula]:
    """Distance 0 or 1: E = N^2 - sum of squared level totals. Works on sparse counts."""
    counts = as_array(group.counts)[keep]
    observed = (n**2 - row_sums(counts * counts)) / (n - 1)
    return beside(np.column_stack([n, observed]), counts), disagreement(lambda n, totals: n**2 - (totals**2).sum(axis=-1))


def ratio(group: Patterns, keep: np.ndarray, n: np.ndarray) -> tuple[Terms, Formula]:
    """Distance ((a - b) / (a + b))^2, from a table of levels by levels."""
    values = np.asarray(group.values, dtype=float)
    if len(values) > MAX_LEVELS or (values < 0).any():
        raise ParameterError(f"scale='ratio' needs values of 0 or more, and at most {MAX_LEVELS:,} different ones; there are "
                             f"{len(values):,}, the lowest {values.min():g}. Use scale='interval'.")
    total = values[:, None] + values
    distance = ((values[:, None] - values) / np.where(total == 0, 1, total)) ** 2
    return distance_terms(as_array(group.counts)[keep], n, distance)


def distance_terms(counts: Terms, n: np.ndarray, distance: np.ndarray) -> tuple[Terms, Formula]:
    """Terms and formula for any table (q, q) of squared distances that does not depend on the ratings."""
    observed = row_sums(counts * (counts @ distance)) / (n - 1)
    return (beside(np.column_stack([n, observed]), counts),
            disagreement(lambda n, totals: ((totals @ distance) * totals).sum(axis=-1)))


def interval(group: Patterns | Moments, keep: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, Formula]:
    """Distance (a - b)^2, from each item's count, sum and sum of squares: E = 2 (N squares - total^2)."""
    if hasattr(group, "total"):
        return moment_terms(n, group.total[keep], group.squares[keep], group.weight[keep])
    values = np.asarray(group.values, dtype=float)
    values = values - values.mean()
    counts = as_array(group.counts)[keep]
    return moment_terms(n, counts @ values, counts @ values**2, group.weight[keep])


def moment_terms(n: np.ndarray, total: np.ndarray, squares: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, Formula]:
    """Terms and formula from moments, all (P,). Moved to mean 0, so that large scores with small spread cancel nothing."""
    mean = weight @ total / max(weight @ n, 1)
    squares = squares - 2 * mean * total + n * mean**2
    total = total - n * mean
    spread = n * squares - total**2
    observed = 2 * np.where(spread > ROUNDING * n * squares, spread, 0) / (n - 1)

    def expected(n: np.ndarray, totals: np.ndarray) -> np.ndarray:
        level = n * totals[..., 1]
        spread = level - totals[..., 0] ** 2
        return 2 * np.where(spread.real > ROUNDING * level.real, spread, 0)
    return np.column_stack([n, observed, total, squares]), disagreement(expected)


def ordinal(group: Patterns, keep: np.ndarray, n: np.ndarray) -> tuple[Terms, Formula]:
    """Distance = (difference of midranks)^2, which the level totals of each draw decide; so O keeps its pairs of levels apart."""
    counts = as_array(group.counts)[keep]
    q = counts.shape[1]
    above, below = np.triu_indices(q, 1)
    pairs = level_pairs(counts, 1 / (n - 1))

    def formula(totals: np.ndarray) -> np.ndarray:
        n, levels, pairs = totals[..., 0], totals[..., 1:q + 1], totals[..., q + 1:]
        midranks = np.cumsum(levels, axis=-1) - levels / 2 - n[..., None] / 2  # their mean is 0
        observed = 2 * (pairs * (midranks[..., above] - midranks[..., below]) ** 2).sum(axis=-1)
        return one_less(observed / (2 * (levels * midranks**2).sum(axis=-1)), n)
    return beside(n[:, None], counts, pairs), formula


def level_pairs(counts: Terms, scale: np.ndarray) -> Terms:
    """Products of the counts of each two levels k < l times `scale` (P,): (P, q (q - 1) / 2), in the order of `triu_indices`.

    Of many levels it steps through those that occur in an item, so that the cost follows the ratings and not the levels squared.
    """
    from scipy.sparse import coo_array, csr_array

    if isinstance(counts, np.ndarray) and counts.shape[1] <= 16:
        above, below = np.triu_indices(counts.shape[1], 1)
        return counts[:, above] * counts[:, below] * scale[:, None]
    held_counts = csr_array(counts)
    held_counts.sort_indices()
    q, size = counts.shape[1], np.diff(held_counts.indptr)
    row = np.repeat(np.arange(len(size)), size)
    rows, columns, products = [], [], []
    for gap in range(1, int(size.max(initial=0))):
        left = np.flatnonzero(row[:-gap] == row[gap:])
        k, l = held_counts.indices[left].astype(np.int64), held_counts.indices[left + gap].astype(np.int64)
        rows.append(row[left])
        columns.append(k * q - k * (k + 1) // 2 + l - k - 1)
        products.append(held_counts.data[left] * held_counts.data[left + gap] * scale[row[left]])
    joined = [np.concatenate(part) if part else np.zeros(0) for part in (products, rows, columns)]
    table = coo_array((joined[0], (joined[1].astype(int), joined[2].astype(int))), shape=(len(size), q * (q - 1) // 2))
    return csr_array(table)


TERMS = {"nominal": nominal, "ordinal": ordinal, "interval": interval, "ratio": ratio}
