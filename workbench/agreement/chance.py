"""Agreement corrected for chance, (observed - expected) / (1 - expected): what Fleiss, Brennan-Prediger and AC have in common.

They differ in one line, the agreement expected by chance. Missing ratings follow Gwet (2014): an item rated once does not enter
observed agreement and stays in the shares of the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates
from workbench.agreement.weights import weight_matrix
from workbench.resample import Formula, held

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns
    from workbench.resample import Terms

# Agreement expected by chance: shares of the levels (..., q) and weights (q, q) -> (...).
Chance = Callable[[np.ndarray, np.ndarray], np.ndarray]
Weights = str | np.ndarray


def chance_corrected(name: str, chance: Chance, ratings: Ratings, *, by: Sequence[str], weights: Weights, cluster: str | None,
                     sampling: Sampling, note: str = "") -> pd.DataFrame:
    """The estimates table of (observed - expected) / (1 - expected), `chance` giving what is expected.

    `note` is attached where only one level occurs and the coefficient is nevertheless defined.
    """
    from workbench.reduce import patterns

    groups = patterns(ratings, by=by, cluster=cluster)
    return estimates(name, groups, lambda group: chance_sums(group, chance, weights, note), by=by, sampling=sampling)


def chance_sums(group: Patterns, chance: Chance, weights: Weights, note: str = "") -> Sums:
    """What a chance-corrected coefficient needs of a group of patterns."""
    counts, matrix = _levels(group, weights)
    terms, rated_twice = item_terms(counts, matrix), np.asarray(counts.sum(axis=1)) >= 2
    one_level = np.count_nonzero(group.weight @ counts) == 1
    return Sums(formula=corrected(lambda shares: chance(shares, matrix)), terms=terms, weight=group.weight, cluster=group.cluster,
                n_ratings=group.n_ratings, reason="" if rated_twice.any() else NO_PAIR, note=note if one_level else "")


def item_terms(counts: Terms, weights: np.ndarray) -> Terms:
    """What an item adds to the totals: counts (P, q), weights (q, q) -> (P, 3 + q).

    Columns: 1; whether it is rated twice; its agreement, the mean weight over its pairs of ratings; the shares of the levels in it.
    """
    n = np.asarray(counts.sum(axis=1))
    same = np.asarray((counts * (counts @ weights)).sum(axis=1)) - n
    agreement = np.where(n > 1, same / np.maximum(n * (n - 1), 1), 0)
    return beside(np.column_stack([np.ones(len(n)), n > 1, agreement]), counts * (1 / n)[:, None])


def corrected(chance: Callable[[np.ndarray], np.ndarray]) -> Formula:
    """The coefficient as a formula of the totals of `item_terms`.

    Its slope takes the share of items rated twice as known: Gwet's variance (2014, ch. 5), which published standard errors follow.
    """
    def formula(totals: np.ndarray) -> np.ndarray:
        items, pairable, agreement = np.moveaxis(totals[..., :3], -1, 0)
        expected = chance(totals[..., 3:] / items[..., None])
        return held(items / pairable) * (agreement - expected * pairable) / (items * (1 - expected))
    return formula


def beside(left: np.ndarray, right: Terms) -> Terms:
    """Columns of both, sparse where `right` is."""
    if isinstance(right, np.ndarray):
        return np.column_stack([left, right])
    from scipy.sparse import csr_array, hstack

    return csr_array(hstack([csr_array(left), right]))


def _levels(group: Patterns, weights: Weights) -> tuple[Terms, np.ndarray]:
    """Counts and weights over at least two levels: nobody chooses among one, so a lone level gets an empty neighbour."""
    counts, values = group.counts, np.asarray(group.values, dtype=float)
    if not isinstance(counts, np.ndarray):
        from scipy.sparse import csr_array, eye_array

        if isinstance(weights, str) and weights == "identity":
            return csr_array(counts), eye_array(counts.shape[1], format="csr")
        return csr_array(counts), weight_matrix(weights, values)
    if counts.shape[1] == 1 and isinstance(weights, str):
        counts, values = np.column_stack([counts, np.zeros(len(counts))]), np.array([values[0], values[0] + 1])
    return counts, weight_matrix(weights, values)
