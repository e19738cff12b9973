"""Predictions held against known truth: accuracy, Brier score, log loss, calibration error and the reliability curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench import resample
from workbench.agreement.answers import NO_ORDER
from workbench.agreement.vote import leading
from workbench.estimates import estimate, join_notes

if TYPE_CHECKING:
    from workbench.agreement.answers import Answer, Options
    from workbench.reduce import Votes

LEAST = 1e-15  # what log loss takes for a probability of 0
NO_GOLD = "no gold ratings of these units"
ADJUDICATED = ("audit", "review")   # what adjudicators were asked: units drawn by lot, units chosen
CHOSEN = "units chosen for review, as a rule the contested: harder than most"


def wilson(share: np.ndarray, n: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of Wilson's (1927) interval for a share of n."""
    from scipy.special import ndtri

    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    with np.errstate(invalid="ignore"):
        centre, reach = (share + z2 / (2 * n)) / (1 + z2 / n), np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(centre - reach, 0), np.minimum(centre + reach, 1)


def calibration_rows(group: Votes, answer: Answer, name: str, options: Options, bins: int,
                     truth: str) -> list[dict[str, object]]:
    """The rows of one group, one way to its consensus and one kind of truth."""
    numeric = options.method == "numeric"
    told = (np.isfinite(group.gold_score) if numeric else group.gold_level >= 0) & (group.told_by == truth)
    mean = numeric and name == "majority"
    remark = join_notes(CHOSEN if truth == "review" else "", group.note if mean else answer.remark)
    counts = dict(n_items=int(told.sum()), n_raters=group.n_raters, n_ratings=int(told[group.item].sum()), n_dropped=group.n_dropped)
    blank = {**estimate("", np.nan, **counts), **group.key, "consensus": "mean" if mean else name,
             "from": np.nan, "to": np.nan, "predicted": np.nan}
    on = "" if truth == "gold" else f"_on_{truth}"
    lost = answer.reason if not mean else NO_ORDER if np.isnan(answer.value).all() else ""
    if reason := lost if told.any() else NO_GOLD:
        return [blank | {"name": ("rmse" if numeric else "accuracy") + on, "note": join_notes(reason, remark)}]
    found = score_measures(group, answer, told, options) if numeric else level_measures(group, answer, told, options, bins)
    return [blank | row | {"name": f"{row['name']}{on}", "note": join_notes(str(row.get("note", "")), remark)} for row in found]


def level_measures(group: Votes, answer: Answer, told: np.ndarray, options: Options, bins: int) -> list[dict[str, object]]:
    """Accuracy, losses, calibration error and the curve, for levels."""
    posterior, gold, sure = answer.posterior[told], group.gold_level[told], answer.probability[told]
    leads = leading(posterior)
    right = leads[np.arange(len(gold)), gold] / leads.sum(axis=1)  # of k tied levels a draw would take the true one in 1 of k cases
    of_gold = posterior[np.arange(len(gold)), gold]
    brier = (posterior**2).sum(axis=1) - 2 * of_gold + 1
    lost = int((of_gold < LEAST).sum())
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.zeros((len(gold), bins))
    gaps[np.arange(len(gold)), place] = right - sure
    measures = [share("accuracy", right, options), average("brier", brier, options, 2.0),
                average("log_loss", -np.log(np.maximum(of_gold, LEAST)), options)
                | {"note": f"{lost:,} true level{'s' * (lost > 1)} had no probability: taken as {LEAST:g}" if lost else ""},
                calibration_error(gaps, sure)]
    for k in np.unique(place):
        inside = place == k
        measures.append(share("reliability", right[inside], options) | {"from": k / bins, "to": (k + 1) / bins,
                                                                        "predicted": float(sure[inside].mean())})
    return measures


def score_measures(group: Votes, answer: Answer, told: np.ndarray, options: Options) -> list[dict[str, object]]:
    """Error and coverage, for scores."""
    gap = answer.value[told] - group.gold_score[told]
    ended = np.isfinite(answer.low[told])
    inside = ((answer.low[told] <= group.gold_score[told]) & (group.gold_score[told] <= answer.high[told]))[ended].astype(float)
    covered = share("coverage", inside, options) if ended.any() else {"name": "coverage", "note": "no unit has an interval"}
    return [totalled("rmse", np.column_stack([np.ones(len(gap)), gap**2]), lambda t: (t[..., 1] / t[..., 0]) ** 0.5, options),
            average("mean_error", gap, options, lowest=-np.inf), covered]


def calibration_error(gaps: np.ndarray, sure: np.ndarray) -> dict[str, object]:
    """Mean distance over bins of what was right from what was promised; `gaps` (units, bins) their difference, `sure` (units,) the latter.

    Chance alone keeps it above 0, and the interval of such a sum does not hold 0 where 0 is true; `note` says what chance would give:
    the mean absolute value of a normal gap with the promised variance, sqrt(2 / pi) times its standard deviation, in each bin.
    """
    by_chance = np.sqrt(2 / np.pi * ((sure * (1 - sure)) @ (gaps != 0))).sum() / len(sure)
    return {"name": "calibration_error", "value": float(np.abs(gaps.sum(axis=0)).sum() / len(sure)),
            "note": f"of which chance would give {by_chance:.3f} were there none: no interval"}


def share(name: str, right: np.ndarray, options: Options) -> dict[str, object]:
    """A share of units with its Wilson interval."""
    value = float(right.mean())
    low, high = wilson(value, len(right), options.confidence)
    return {"name": name, "value": value, "low": float(low), "high": float(high), "confidence": options.confidence, "method": "wilson",
            "n_items": len(right)}


def average(name: str, each: np.ndarray, options: Options, highest: float = np.inf, lowest: float = 0.0) -> dict[str, object]:
    """A mean over units with its interval."""
    return totalled(name, np.column_stack([np.ones(len(each)), each]), lambda t: t[..., 1] / t[..., 0], options, highest, lowest)


def totalled(name: str, terms: np.ndarray, formula: resample.Formula, options: Options, highest: float = np.inf,
             lowest: float = 0.0) -> dict[str, object]:
    """A formula of totals over units, (units, k), with its linearised t interval."""
    weight, n = np.ones(len(terms)), len(terms)
    value = float(resample.value(formula, weight @ terms))
    if n < 2:
        return {"name": name, "value": value, "note": "one item: no interval"}
    se = resample.linearized(formula, terms, weight)
    low, high = resample.t_interval(value, se, n - 1, options.confidence)
    return {"name": name, "value": value, "se": se, "low": max(low, lowest), "high": min(high, highest), "confidence": options.confidence,
            "method": "linearized"}
