"""From one group's votes to an answer for each of its units, by any of the ways to find a consensus. Shared by all of `truth`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.dawid_skene import LatentClasses, error_matrices, latent_classes, one_accuracy
from workbench.agreement.estimate import ONE_LEVEL
from workbench.agreement.former import former
from workbench.agreement.numeric import FLOOR, Measured, measured
from workbench.agreement.vote import TIE, leading, means, shares, teaching, with_majority
from workbench.errors import ParameterError, one_of, share_of
from workbench.estimates import join_notes

if TYPE_CHECKING:
    from workbench.reduce import Votes

METHODS = ("dawid_skene", "one_coin", "majority", "weighted", "numeric")
MODELS = ("dawid_skene", "one_coin")
MAX_LEVELS = 50  # an error matrix has their square

NO_LEVELS = f"scores have no levels, or more than {MAX_LEVELS}: use method='numeric'"
NO_ORDER = "nominal levels have no mean"
NO_MEETING = "no item has two raters: truth and error cannot be told apart"
NOT_THREE = "no item has three raters: error matrices lean on where EM begins"
FEW_EACH = 30  # ratings a rater and level, below which error matrices fit the noise too
OVERCONFIDENT = f"fewer than {FEW_EACH} ratings a rater for each level: probabilities are overconfident"
NO_FORMER = "start knows none of these raters: begun from the vote"
NO_NOISE = "raters agree fully: no noise to measure"
NO_RATINGS = "no ratings are selected"


@dataclass(frozen=True)
class Options:
    """How a consensus is found; the arguments that `consensus`, `confusion` and `calibration` share."""

    method: str = "dawid_skene"
    gold: bool = False
    repeats: bool = False
    start: pd.DataFrame | None = None
    smoothing: float = 0.1
    iterations: int = 500
    confidence: float = 0.95

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        for name in ("gold", "repeats"):
            one_of(name, getattr(self, name), (False, True))
        share_of("confidence", self.confidence)
        if not (isinstance(self.smoothing, (int, float)) and 0 <= self.smoothing < math.inf):
            raise ParameterError(f"smoothing={self.smoothing!r} is not a number of ratings. Use 0 for the plain fit, or a little more.")
        if self.start is not None and self.method not in MODELS:
            raise ParameterError(f"start is what {' and '.join(MODELS)} begin from; method={self.method!r} does not. Leave it out.")
        fewest = 1 if self.start is None else 0
        if not (isinstance(self.iterations, int) and self.iterations >= fewest):
            raise ParameterError(f"iterations={self.iterations!r} is not a whole number of {fewest} or more. Use 500; "
                                 "0 is for scoring with the error matrices of start as they are.")


@dataclass(frozen=True)
class Answer:
    """What is known of a group's units, (N,) each.

    place: code of the most probable level, -1 without one. probability: its posterior. posterior: (N, q), or None without levels.
    value, se, low, high: the estimated score, by `method`. note: of each unit, `remark` of all of them, in words. fit: the model
    behind it, None for a vote. reason: why nothing can be said of the raters.
    """

    place: np.ndarray
    probability: np.ndarray
    posterior: np.ndarray | None
    value: np.ndarray
    se: np.ndarray
    low: np.ndarray
    high: np.ndarray
    note: np.ndarray
    remark: str
    method: str
    fit: LatentClasses | Measured | None = None
    reason: str = ""


def answered(group: Votes, options: Options) -> Answer:
    """The consensus of one group."""
    if not group.n_ratings:
        return undefined(group, np.zeros(0, dtype=int), None, NO_RATINGS)
    if options.method == "numeric":
        return by_scores(group, options)
    if not 0 < len(group.levels) <= MAX_LEVELS or (group.level < 0).any():
        return by_mean(group, options, None, NO_LEVELS)
    return by_model(group, options) if options.method in MODELS else by_vote(group, options)


def by_model(group: Votes, options: Options) -> Answer:
    """Posterior of Dawid and Skene's model, or of its one-coin form; interval of the score: posterior quantiles."""
    gold = group.gold_level if options.gold else np.full(group.n_items, -1)
    n, m, q = shape = group.n_items, group.n_raters, len(group.levels)
    begin = None if options.start is None else former(options.start, group, coin=options.method == "one_coin")
    most, anchored = group.raters_per_item.max(initial=0), bool((gold >= 0).any())
    one = np.count_nonzero(np.bincount(group.level, minlength=q) + np.bincount(gold[gold >= 0], minlength=q)) < 2
    if reason := "" if begin is not None else ONE_LEVEL if one else NO_MEETING if most < 2 and not anchored else "":
        vote = clamped(shares(group.item, group.level, n, q), gold)
        return undefined(group, best(vote), np.full((n, q), np.nan), reason)
    rates = (error_matrices if options.method == "dawid_skene" else one_accuracy)(options.smoothing)
    fit = latent_classes(group.item, group.rater, group.level, shape, rates=rates, gold=gold, start=begin, iterations=options.iterations,
                         teaches=None if group.chosen is None else teaching(np.bincount(group.item, minlength=n), group.chosen))
    why = join_notes(NO_FORMER if begin is None and options.start is not None else "",
                     NOT_THREE if options.method == "dawid_skene" and most < 3 and begin is None and not anchored else "",
                     unsettled(fit))
    place, probability = best(fit.posterior), fit.posterior.max(axis=1, initial=0)
    value, se, low, high = [np.full(n, np.nan)] * 4 if group.scale == "nominal" else \
        moments_of(fit.posterior, group.values, options.confidence)
    remark = join_notes(why, group.note)
    bold = options.method == "dawid_skene" and options.iterations > 0 and group.n_ratings < FEW_EACH * m * q
    notes = noted(group, join_notes(OVERCONFIDENT if bold else "", remark), (gold >= 0, teller(group)), *ties(group, fit.posterior))
    return Answer(place, probability, fit.posterior, value, se, low, high, notes, remark, "posterior", fit)


def by_vote(group: Votes, options: Options) -> Answer:
    """Shares of the ratings, or of the weight of their raters; the score is a mean, its interval t with raters as the sample."""
    n, q = group.n_items, len(group.levels)
    gold = group.gold_level if options.gold else np.full(n, -1)
    share = clamped(shares(group.item, group.level, n, q), gold)
    weight = np.ones(group.n_ratings)
    if options.method == "weighted":
        weight = with_majority(group.item, group.rater, group.level, share, group.n_raters)[group.rater]
        share = clamped(shares(group.item, group.level, n, q, weight), gold)
    return by_mean(group, options, share, "", weight)


def by_mean(group: Votes, options: Options, share: np.ndarray | None, why: str, weight: np.ndarray | None = None) -> Answer:
    """An answer from shares (N, q), or without levels from the scores alone; models have none there."""
    from scipy.special import stdtrit

    n = group.n_items
    size = np.bincount(group.item, minlength=n)
    told = np.isfinite(group.gold_score) & options.gold
    if group.scale == "nominal" or options.method in MODELS:
        value, se, reach = (np.full(n, np.nan) for _ in range(3))
    else:
        weight = np.ones(group.n_ratings) if weight is None else weight
        value, se = means(group.item, group.score, weight, n)
        se, value = np.where(told, np.nan, se), np.where(told, group.gold_score, value)
        reach = se * stdtrit(np.maximum(size - 1, 1), (1 + options.confidence) / 2)
    ends = (group.values.min(), group.values.max()) if share is not None else (-np.inf, np.inf)
    single = (size == 1) & np.isfinite(value) & ~told
    remark = join_notes(why, group.note)
    tied = ties(group, share) if share is not None else ()
    notes = noted(group, remark, (told, teller(group)), (single, "one rating: no interval"), *tied)
    place, probability = (np.full(n, -1), np.full(n, np.nan)) if share is None else (best(share), share.max(axis=1, initial=0))
    low, high = np.maximum(value - reach, ends[0]), np.minimum(value + reach, ends[1])
    return Answer(place, probability, share, value, se, low, high, notes, remark, "t", reason=why if share is None else "")


def by_scores(group: Votes, options: Options) -> Answer:
    """Posterior mean and normal interval of the numeric model."""
    from scipy.special import ndtri

    n, lost = group.n_items, np.full(group.n_items, np.nan)
    gold = group.gold_score if options.gold else lost
    unmet = group.raters_per_item.max(initial=0) < 2 and not np.isfinite(gold).any()
    if reason := NO_ORDER if group.scale == "nominal" else NO_MEETING if unmet else "" if np.ptp(group.score) else ONE_LEVEL:
        return undefined(group, np.full(n, -1), None, reason)
    fit = measured(group.item, group.rater, group.score, (n, group.n_raters), gold=gold, iterations=options.iterations)
    silent = is_silent(fit, group)
    se = np.where(np.isfinite(gold) | silent, np.nan, fit.truth_se)
    reach = float(ndtri((1 + options.confidence) / 2)) * se
    parts = len(np.unique(fit.sets))
    apart = f"{parts:,} sets of raters share no item: biases average to 0 in each without gold" if parts > 1 else ""
    remark = join_notes(NO_NOISE if silent else "", apart, unsettled(fit), group.note)
    return Answer(np.full(n, -1), lost, None, fit.truth, se, fit.truth - reach, fit.truth + reach,
                  noted(group, remark, (np.isfinite(gold), teller(group))), remark, "posterior", fit)


def undefined(group: Votes, place: np.ndarray, posterior: np.ndarray | None, reason: str) -> Answer:
    """An answer that says why there is none; `place` may still name the vote's level."""
    lost, remark = np.full(group.n_items, np.nan), join_notes(reason, group.note)
    return Answer(place, lost, posterior, lost, lost, lost, lost, noted(group, remark), remark, "none", reason=reason)


def best(share: np.ndarray) -> np.ndarray:
    """Code of the level with the largest share, (N,); of tied ones the commoner in the group, then the first."""
    leads = leading(share)
    order = np.argsort(-share.sum(axis=0).round(9), kind="stable")
    return order[leads[:, order].argmax(axis=1)] if len(share) else np.zeros(0, dtype=int)


def ties(group: Votes, share: np.ndarray) -> list[tuple[np.ndarray, Callable[[int], str]]]:
    """For `noted`: which units are tied, and the levels by name."""
    leads = leading(share) if len(share) else share.astype(bool)
    return [(leads.sum(axis=1) > 1, lambda i: "tie: " + ", ".join(group.levels[k] for k in np.flatnonzero(leads[i])))]


def moments_of(posterior: np.ndarray, values: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Mean, standard deviation and the quantiles that end the middle `confidence` share and hold the mean, of levels' values under
    (N, q)."""
    order = np.argsort(values, kind="stable")
    mean = posterior @ values
    spread = np.sqrt(np.maximum(posterior @ values**2 - mean**2, 0))
    below, tail = posterior[:, order].cumsum(axis=1)[:, :-1], (1 - confidence) / 2
    low, high = (values[order][(below < share - TIE).sum(axis=1)] for share in (tail, 1 - tail))
    wide = low < high  # what the quantiles leave out may draw the mean beyond them
    return mean, spread, np.where(wide, np.minimum(low, mean), low), np.where(wide, np.maximum(high, mean), high)


def clamped(share: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Shares (N, q) with those of units that gold (N,) knows put on its level."""
    return np.where(gold[:, None] >= 0, np.arange(share.shape[1]) == gold[:, None], share)


def is_silent(fit: Measured, group: Votes) -> bool:
    """Whether all noises fell to the floor that keeps the fit defined."""
    return bool((fit.noise**2 <= 2 * FLOOR * group.score.var()).all())


def unsettled(fit: LatentClasses | Measured) -> str:
    """What to say of a fit that stopped before it converged."""
    return "" if fit.settled or not fit.rounds else f"did not converge in {fit.rounds:,} iterations"


def teller(group: Votes) -> Callable[[int], str]:
    """For `noted`: who says what a unit truly is."""
    return lambda i: "gold" if group.told_by[i] == "gold" else "adjudicated"


def noted(group: Votes, remark: str, *pieces: tuple[np.ndarray, str | Callable[[int], str]]) -> np.ndarray:
    """Notes (N,): the remark, and before it for the units of each piece its text, or what its function says of the unit."""
    notes = np.full(group.n_items, join_notes(NO_ORDER if group.scale == "nominal" else "", remark), dtype=object)
    for where, text in pieces:
        for i in np.flatnonzero(where):
            notes[i] = join_notes(text if isinstance(text, str) else text(i), notes[i])
    return notes
