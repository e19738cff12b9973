"""Conger's kappa: Cohen's kappa of any number of raters, with two ways to take gaps.

Both ways are ratios of totals over items. Resampling takes all totals anew: how often each rater, and each two raters, gave each
level. The linearised error needs an item's influence alone, which has a closed form and keeps the cost linear in the ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import NO_LEVELS, Weights, beside, chance_sums, corrected, item_terms
from workbench.agreement.covariances import by_pull, pairwise_sums
from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, estimates, undefined
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.identified import Identified, first_of, of_ratings, shares_of
from workbench.agreement.two_way import Left, Panel, by_rating, with_less
from workbench.agreement.weights import weight_matrix
from workbench.errors import one_of
from workbench.resample import dense

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns

MISSING = ("gwet", "pairwise")
# A room above chance this small is rounding: one level is left.
ROUNDING = 1e-14


def conger_kappa(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", missing: str = "gwet",
                 interval: str = "jackknife", confidence: float = 0.95, draws: int = 1000, seed: int = 0,
                 cluster: str | None = None) -> pd.DataFrame:
    """How far do raters agree beyond what each rater's own shares of the levels would give? Any number of raters.

    1 is full agreement, 0 what raters drawing from their own shares would reach, below 0 less. (p_a - p_e) / (1 - p_e) with
    p_a as in `fleiss_kappa` and p_e the mean over pairs of raters of sum w_kl p_gk p_hl; two raters: Cohen's kappa.

    Arguments: as `fleiss_kappa`, and `missing`, what gaps do.
    "gwet": p_a is the mean over items rated twice or more, p_gk the share of level k among all ratings of rater g.
    "pairwise": (p_a - p_e) / (1 - p_e) with both sums over pairs of raters; p_a - p_e from the items that the two share, as a
    covariance, and 1 - p_e from all ratings of each, spreads taken as samples'. With quadratic weights this is the estimator of
    Moss and van Oest (R: quadagree). Without gaps the two are equal; with many they differ as far as pairs of raters do,
    for "gwet" weighs items alike, "pairwise" pairs of raters (quadratic: .211 and .274 on Klein's 2018 ten subjects).

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
    panel = Panel(ratings, by, cluster)
    sampling = Sampling(interval, confidence, draws, seed, panel=panel)
    kernel = {"gwet": gwet_sums, "pairwise": pairwise_sums}[missing]

    def sums(group: Patterns) -> Sums:
        if not group.levels:
            return undefined(NO_LEVELS if group.n_ratings else NO_PAIR)
        sums = kernel(panel.of(group.key), weight_matrix(weights, group.values), interval)
        return replace(sums, again=(group, lambda more: chance_sums(more, fleiss_chance, weights)))  # whose ends move alike
    return estimates("conger_kappa", patterns(ratings, by=by, cluster=cluster), sums, by=by, sampling=sampling)


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
        terms = beside(agreement, panel.rater_levels(q))
        formula = corrected(lambda totals: conger_chance(totals.reshape(*totals.shape[:-1], -1, q), weights))
    return Sums(formula=formula, terms=terms, weight=np.ones(panel.n_items), cluster=panel.cluster, n_items=panel.n_items,
                n_ratings=len(panel.item), left_of=lambda panel: gwet_left(panel, weights))


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
    return conger_chance(counts, weights) + panel.n_items * np.bincount(panel.item, of_ratings(panel, counts, toward / pairs))


def gwet_left(panel: Identified, weights: np.ndarray) -> Left:
    """Gwet's estimator without each rating.

    p_e = (S W S - T) / (J (J - 1)) with S the sum of the raters' shares, T that of their s_g W s_g, and J how many they are. A rating
    adds to each so much that the sums are exactly those of the other raters when all of a rater's are gone. Another item pulls
    them by less, for it is among the ratings that the shares are of.
    """
    q, item, n = len(weights), panel.item, panel.n_items
    agreement = dense(item_terms(with_less(panel.counts(q), item, panel.level), weights)[:, :3])
    agreement[n:][panel.size[item] == 1] = 0
    (shares, given), one = shares_of(panel.by_rater(q)), np.eye(q)[panel.level]
    toward, shares = (shares @ weights)[panel.rater], shares[panel.rater]
    credit, own = toward[np.arange(len(item)), panel.level], (toward * shares).sum(axis=1)
    adds, pulls = (np.column_stack([agreement[item] - agreement[n:], part / given[panel.rater][:, None]]) for part in (
        np.column_stack([one, credit, np.ones(len(item))]), np.column_stack([one - shares, 2 * (credit - own), np.zeros(len(item))])))

    def formula(totals: np.ndarray) -> np.ndarray:
        (_, rated, agreed, *_), levels, own, raters = np.moveaxis(totals, -1, 0), totals[..., 3:-2], totals[..., -2], totals[..., -1]
        expected = (((levels @ weights) * levels).sum(axis=-1) - own) / (raters * (raters - 1))
        return (agreed / rated - expected) / np.where(1 - expected.real > ROUNDING, 1 - expected, np.nan)
    whole, pulled = (np.column_stack([agreement[:n], np.add.reduceat(part[:, 3:], first_of(item))]) for part in (adds, pulls))
    return by_rating(formula, panel, whole, adds, (pulled, pulls))
