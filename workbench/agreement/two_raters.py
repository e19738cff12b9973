"""Two raters: Cohen's kappa and Scott's pi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import NO_LEVELS, Weights, as_array, beside, chance_sums, corrected, row_sums
from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates, undefined
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.identified import Identified, first_of, table
from workbench.agreement.two_way import Panel
from workbench.agreement.weights import weight_matrix

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns


def cohen_kappa(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
                confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How far do two raters agree beyond what their own shares of the levels would give?

    1 is full agreement, 0 what each rater drawing from their own shares would reach, below 0 less. (p_a - p_e) / (1 - p_e) with
    p_a the mean weight of the two levels an item got, and p_e = sum w_kl p_k q_l, p and q the two raters' shares of the levels.

    Arguments: as `fleiss_kappa`; an array of weights may also be asymmetric, its rows the rater whose id sorts first. "two-way" is
    of no use here: two raters tell nothing of others, and the note says so.

    Only items that both rated count, in p_a and in the shares, as in `pairs`; the others are dropped and counted
    (`conger_kappa` keeps them in the shares). Undefined (nan, reason in `note`): a group of other than two raters; no common item;
    one level only. No interval: one item; full agreement. Errors: `ParameterError` for an unknown option or an unfit array.

    Sources: Cohen (1960), doi:10.1177/001316446002000104; weighted, asymmetric too: Cohen (1968), doi:10.1037/h0026256; variance:
    Gwet (2014), Handbook of Inter-Rater Reliability, equal to Fleiss, Cohen and Everitt (1969) but for n - 1 in place of n.

    >>> import pandas as pd, workbench as wb
    >>> two = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 2, 2], "bob": [1, 2, 2, 2]}))
    >>> float(cohen_kappa(two)["value"][0])
    0.5
    """
    from workbench.reduce import patterns

    panel, sampling = Panel(ratings, by, cluster), Sampling(interval, confidence, draws, seed)

    def sums(group: Patterns) -> Sums:
        if lost := unfit("cohen_kappa", group, weights):
            return lost
        matrix = ordered_weights(weights, group.values)
        even = weights if isinstance(weights, str) else (matrix + matrix.T) / 2
        return replace(cohen_sums(panel.of(group.key), matrix), again=(group, lambda more: scott_sums(more, even)))
    return estimates("cohen_kappa", patterns(ratings, by=by, cluster=cluster), sums, by=by, sampling=sampling)


def scott_pi(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
             confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How far do two raters agree beyond what their pooled shares of the levels would give?

    1 is full agreement, 0 what both drawing from the pooled shares would reach, below 0 less. (p_a - p_e) / (1 - p_e) as in
    `cohen_kappa`, with p_e = sum w_kl p_k p_l, p the shares of the levels among all ratings of both. Never above `cohen_kappa`
    with identity weights, and less the more the two raters' shares differ.

    Arguments, undefined cases and errors: as `cohen_kappa`, except that an array of weights must be symmetric. Only items
    that both rated count; `fleiss_kappa`, equal to it where there are no others, keeps items rated once in the shares.

    Sources: Scott (1955), doi:10.1086/266577; variance: Gwet (2014), Handbook of Inter-Rater Reliability.

    >>> import pandas as pd, workbench as wb
    >>> two = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 2, 2], "bob": [1, 2, 2, 2]}))
    >>> round(float(scott_pi(two)["value"][0]), 4)
    0.4667
    """
    from workbench.reduce import patterns

    sampling = Sampling(interval, confidence, draws, seed)

    def sums(group: Patterns) -> Sums:
        return unfit("scott_pi", group, weights) or scott_sums(group, weights)
    return estimates("scott_pi", patterns(ratings, by=by, cluster=cluster), sums, by=by, sampling=sampling)


def cohen_sums(panel: Identified, weights: np.ndarray) -> Sums:
    """What Cohen's kappa needs of two raters: a row for each combination of levels that occurs (in a cluster), with its items."""
    q, first = len(weights), first_of(panel.item)
    first = first[panel.size == 2]
    place = panel.level[first] * q + panel.level[first + 1]
    if panel.cluster is not None:
        place += panel.cluster[panel.item[first]] * q**2
    place, n = np.unique(place, return_counts=True)
    a, b = np.divmod(place % q**2, q)
    if not len(n):
        return undefined(NO_PAIR)
    rows = np.arange(len(place))
    shares = beside(table(rows, a, (len(rows), q)), table(rows, b, (len(rows), q)))
    terms = beside(np.column_stack([np.ones((len(rows), 2)), weights[a, b]]), shares)
    return Sums(formula=corrected(lambda shares: cohen_chance(shares, weights)), terms=terms, weight=n.astype(float),
                cluster=None if panel.cluster is None else place // q**2, n_items=int(n.sum()), n_ratings=int(2 * n.sum()))


def cohen_chance(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A rating drawn from each rater's own shares: sum over k, l of w_kl p_k q_l; p and q stand side by side, (..., 2 q) -> (...)."""
    q = len(weights)
    return ((shares[..., :q] @ weights) * shares[..., q:]).sum(axis=-1)


def scott_sums(group: Patterns, weights: Weights) -> Sums:
    """What Scott's pi needs of a group: Fleiss' kappa of the items that both rated."""
    counts = as_array(group.counts)
    both = row_sums(counts) == 2
    kept = replace(group, counts=counts[both], weight=group.weight[both],
                   cluster=None if group.cluster is None else group.cluster[both])
    return chance_sums(kept, fleiss_chance, weights, singles=False)


def unfit(name: str, group: Patterns, weights: Weights) -> Sums | None:
    """Why a group is not one of two raters, or None; weights that do not fit its levels are an error all the same."""
    if group.n_ratings and not group.levels:
        return undefined(NO_LEVELS)
    if group.n_ratings:
        ordered_weights(weights, group.values)
    if group.n_raters == 2:
        return None
    found = "is 1" if group.n_raters == 1 else f"are {group.n_raters}"
    reason = f"{name} compares two raters, here {found}" + (": read conger_kappa, or pairs" if group.n_raters > 2 else "")
    return undefined(reason)


def ordered_weights(weights: Weights, values: np.ndarray) -> np.ndarray:
    """As `weight_matrix`; between two raters who are told apart an array need not be symmetric."""
    given = None if isinstance(weights, str) else np.asarray(weights, dtype=float)
    if given is None or given.shape != (len(values), len(values)):
        return weight_matrix(weights, values)
    weight_matrix(np.maximum(given, given.T), values)
    return given
