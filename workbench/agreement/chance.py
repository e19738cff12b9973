"""Agreement corrected for chance, (observed - expected) / (1 - expected): what Fleiss, Brennan-Prediger and AC have in common.

They differ in one line, the agreement expected by chance. Missing ratings follow Gwet (2014): an item rated once does not enter
observed agreement and stays in the shares of the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates
from workbench.agreement.two_way import Panel
from workbench.agreement.weights import weight_matrix
from workbench.resample import Formula, held

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns
    from workbench.resample import Terms

NO_LEVELS = "scores have no levels: read krippendorff_alpha"
CHANCE_ASSUMED = "only one level occurs: chance is assumed, not estimated"

# A room above chance this small is rounding: one level is left.
ROUNDING = 1e-14

# Agreement expected by chance: shares of the levels (..., q) and weights (q, q) -> (...).
Chance = Callable[[np.ndarray, np.ndarray], np.ndarray]
Weights = str | np.ndarray


def chance_corrected(name: str, chance: Chance, ratings: Ratings, *, by: Sequence[str], weights: Weights, cluster: str | None,
                     sampling: Sampling, assumed: bool = False) -> pd.DataFrame:
    """The estimates table of (observed - expected) / (1 - expected), `chance` giving what is expected.

    `assumed`: chance does not come from the shares alone, so that the value is defined, with a note, where one level occurs.
    """
    from workbench.reduce import patterns

    groups = patterns(ratings, by=by, cluster=cluster)
    return estimates(name, groups, lambda group: chance_sums(group, chance, weights, assumed=assumed), by=by,
                     sampling=replace(sampling, panel=Panel(ratings, by, cluster)))


def chance_sums(group: Patterns, chance: Chance, weights: Weights, *, assumed: bool = False, singles: bool = True) -> Sums:
    """What a chance-corrected coefficient needs of a group; `assumed`: its chance does not come from the shares alone; `singles`:
    whether items rated once count as used."""
    if not group.levels:
        return Sums(lambda totals: totals, np.zeros((0, 0)), np.zeros(0), None, n_items=0, n_ratings=0,
                    reason=NO_LEVELS if group.n_ratings else NO_PAIR)
    counts, matrix = _levels(group, weights)
    terms, n = item_terms(counts, matrix), row_sums(counts)
    used = group.weight * (n >= (1 if singles else 2))
    note = CHANCE_ASSUMED if assumed and np.count_nonzero(group.weight @ counts) == 1 else ""

    def rows_of(items: Patterns) -> tuple[Terms, Formula]:
        others, same = _levels(items, weights)
        rated = row_sums(others) > 0
        return as_array(item_terms(others, same) * rated[:, None]), corrected(lambda shares: chance(shares, same), hold=False)

    return Sums(formula=corrected(lambda shares: chance(shares, matrix)), terms=terms, weight=group.weight, cluster=group.cluster,
                n_items=int(used.sum()), n_ratings=int(used @ n), reason="" if (n >= 2).any() else NO_PAIR, note=note,
                rows_of=rows_of,
                again=None if assumed else (group, lambda more: chance_sums(more, chance, weights, singles=singles)))


def item_terms(counts: Terms, weights: np.ndarray) -> Terms:
    """What an item adds to the totals: counts (P, q), weights (q, q) -> (P, 3 + q).

    Columns: 1; whether it is rated twice; its agreement, the mean weight over its pairs of ratings; its shares of the levels.
    """
    n = row_sums(counts)
    agreement = (row_sums(counts * (counts @ weights)) - n) / np.maximum(n * (n - 1), 1)
    return beside(np.column_stack([np.ones(len(n)), n > 1, agreement]), counts * (1 / np.maximum(n, 1))[:, None])


def corrected(chance: Callable[[np.ndarray], np.ndarray], *, hold: bool = True) -> Formula:
    """The coefficient as a formula of the totals of `item_terms`.

    With `hold` its slope takes the share of items rated twice as known: Gwet's variance (2014, ch. 5), which published errors
    follow; it makes intervals too wide where many items are rated once.
    """
    def formula(totals: np.ndarray) -> np.ndarray:
        items, pairable, agreement = np.moveaxis(totals[..., :3], -1, 0)
        expected = chance(totals[..., 3:] / items[..., None])
        room = np.where(1 - expected.real > ROUNDING, 1 - expected, np.nan)
        rated_twice = held(items / pairable) if hold else items / pairable
        return rated_twice * (agreement - expected * pairable) / (items * room)
    return formula


def beside(*parts: Terms) -> Terms:
    """Columns of all parts, (P, .) each; sparse where one of them is."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.column_stack(parts)
    from scipy.sparse import csr_array, hstack

    return csr_array(hstack([csr_array(part) for part in parts]))


def row_sums(counts: Terms) -> np.ndarray:
    """Sum of each row, (P, q) -> (P,)."""
    return np.asarray(counts.sum(axis=1)).ravel()


def as_array(counts: Terms) -> Terms:
    """Counts that multiply cell by cell: a sparse *matrix* becomes a sparse *array*."""
    if isinstance(counts, np.ndarray):
        return counts
    from scipy.sparse import csr_array

    return csr_array(counts)


def _levels(group: Patterns, weights: Weights) -> tuple[Terms, Terms]:
    """Counts and weights over at least two levels: nobody chooses among one, so a lone level gets an empty neighbour."""
    counts, values = as_array(group.counts), np.asarray(group.values, dtype=float)
    if not isinstance(counts, np.ndarray) and isinstance(weights, str) and weights == "identity":
        from scipy.sparse import eye_array

        return counts, eye_array(counts.shape[1], format="csr")
    if counts.shape[1] == 1 and isinstance(weights, str):
        counts, values = np.column_stack([counts, np.zeros(counts.shape[0])]), np.array([values[0], values[0] + 1])
    return counts, weight_matrix(weights, values)
