"""Prediction-powered means: many ratings by a model, corrected by a few of humans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.estimate import ROUNDING, Sampling
from workbench.agreement.trial import NO_MODEL, Trial, trials_of
from workbench.errors import ParameterError, examples, one_of
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.schema import PANEL

if TYPE_CHECKING:
    from workbench.ratings import Ratings

# With fewer labelled clusters t leans on scores of even shape, which so few cannot show: skew ones were held 80 to 88 % of the time.
LEAST_LABELLED = 10
NOT_RECORDED = "why items were labelled is not recorded: taken as random"
# A gap this many standard errors wide between labelled and other items is no accident of a random draw.
APART = 3.0
# With fewer labelled items off the commonest score their mean is too skew for t: benchmarks/corrected_mean.py, "rare".
FEW_DIFFER = 20


def corrected_mean(ratings: Ratings, *, by: Sequence[str] = (), model: str | None = None, interval: str = "linearized",
                   confidence: float = 0.95, cluster: str | None = "prompt_id") -> pd.DataFrame:
    """What would the humans' mean score be, had they rated all the items that a model rated? Three rows a group:

    `corrected_mean`: the mean of the labelled items (those with a human rating; y, the mean of the item's human scores) plus
    `power` times the model's mean on all its items less that on the labelled ones (f, the model's score). So the model's bias
    drops out, and the better it follows the humans the more its many ratings narrow the interval. `power` (lambda, 0 to 1) is
    the slope of y on f, which makes the variance least: a useless model gets 0 and does no harm.
    `human_mean`: of the labelled items alone. `autorater_mean`: the model's, uncorrected, for comparison; it is biased.

    The target is the human panel's mean score on items such as these: not truth, nor another panel's mean. It stands and falls with
    the labelled items being a random subset, so only ratings of selection planned or audit enter; without that column they are taken
    as random, which `note` says. `by`: columns that make groups, such as "system". `model`: the id of the model, where several rated.
    `cluster`: a column whose items are one draw; an item without a value is one by itself; None for items. Who is human and who a
    model: as in `autorater`.
    Further columns: `power`; `n_unlabelled`, items (of `n_items`) without a human rating; `gain`, the variance of `human_mean` over that
    of the row: so many times the labelled items the humans alone would need.

    Intervals are linearised ("none" for none), t with the labelled clusters less two (less one for `human_mean`). Undefined (nan,
    reason in `note`): no labelled item, no model, nominal levels. No interval: labels in fewer than 10 clusters; no spread. `note`
    warns where the model scores labelled items unlike the others (3 standard errors), which a random subset seldom shows, and
    where fewer than 20 labelled items, and not half of them, differ from the commonest score: 95 % then held 80 to 93 %.
    Errors: `ParameterError` for an option, for several models with none named, and for routed or reviewed ratings.

    Source: Angelopoulos et al. (2023), Prediction-powered inference, doi:10.1126/science.adi6000; power tuning: Angelopoulos, Duchi
    and Zrnic (2023), PPI++, arXiv:2311.01453; as a regression estimator under double sampling: Cochran (1977), ch. 12.

    >>> import pandas as pd, workbench as wb
    >>> long = [(f"i{i}", "bot", 2 + i % 3, "model") for i in range(90)] + [(f"i{i}", "ann", 1 + i % 3, "human") for i in range(0, 90, 4)]
    >>> panel = wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", "score", "rater_kind"]))
    >>> found = corrected_mean(panel, interval="none").set_index("name")["value"].round(3)
    >>> found[["corrected_mean", "human_mean", "autorater_mean"]].tolist()
    [2.0, 1.957, 3.0]
    """
    one_of("interval", interval, ("linearized", "none"))
    sampling = Sampling(interval, confidence)
    taken = NOT_RECORDED if "selection" in ratings.missing else ""
    unfit = sorted({str(v) for column, values in ratings.conditions if column == "selection" for v in values
                    if v not in PANEL["selection"]})
    if unfit:
        raise ParameterError(f"where(selection=...) lets in {', '.join(unfit)} ratings: items chosen for a reason are no random subset, "
                             "and the corrected mean would take over their bias. Use planned and audit, the default.")
    if cluster in ratings.missing:
        cluster = None
    rows: list[dict[str, object]] = []
    for trial in _of_one_model(ratings, by, model, cluster):
        rows += [row | {"note": join_notes(str(row["note"]), taken if row["name"] == "corrected_mean" else "")}
                 for row in _rows(trial, sampling)]
    return estimates_table(rows, by=[*by, "rater_id"])


@dataclass(frozen=True)
class Mean:
    """A mean, its standard error and degrees of freedom."""

    value: float
    se: float
    df: int


def plain_mean(scores: np.ndarray, cluster: np.ndarray) -> Mean:
    """Mean of the items that have a score, (n,) with nan elsewhere; `cluster` (n,) codes."""
    known = ~np.isnan(scores)
    value = scores[known].mean()
    return Mean(float(value), *_error(np.where(known, scores - value, 0) / known.sum(), known, cluster, spent=1))


def powered_mean(y: np.ndarray, f: np.ndarray, cluster: np.ndarray) -> tuple[Mean, float, float]:
    """The corrected mean, its power, and how many standard errors the model's mean on labelled items lies off that on all.

    `y`, `f` (n,): human and model score, nan where there is none; `cluster` (n,) codes. The mean is mean y + power (mean f - mean f
    over the items with both), and the power makes the sum over items of squared influences least: the slope of y on f, where
    no item is rated by humans alone.
    """
    labelled, scored = ~np.isnan(y), ~np.isnan(f)
    both = labelled & scored
    above = f[both].mean() - f[scored].mean()
    human = np.where(labelled, y - y[labelled].mean(), 0) / labelled.sum()
    model = np.where(scored, f - f[scored].mean(), 0) / scored.sum() - np.where(both, f - f[both].mean(), 0) / both.sum()
    spread = model @ model
    if spread <= ROUNDING**2:
        return plain_mean(y, cluster), 0.0, 0.0
    power = float(np.clip(-(human @ model) / spread, 0, 1))
    gap, _ = _error(model, both, cluster, spent=1)
    return Mean(float(y[labelled].mean() - power * above), *_error(human + power * model, labelled, cluster, spent=2)), power, above / gap


def _error(influence: np.ndarray, labelled: np.ndarray, cluster: np.ndarray, *, spent: int) -> tuple[float, int]:
    """Standard error of the sum of `influence` (n,), and its degrees of freedom: labelled clusters less the `spent`.

    Clusters are the sample; those with a labelled item are few, so their squares are raised by what estimating has cost them.
    """
    total, few = np.bincount(cluster, influence), np.bincount(cluster, labelled) > 0
    n = int(few.sum())
    if n <= spent:
        return math.nan, 0
    return math.sqrt(n / (n - spent) * (total[few] @ total[few]) + total[~few] @ total[~few]), n - spent


def _of_one_model(ratings: Ratings, by: Sequence[str], model: str | None, cluster: str | None) -> list[Trial]:
    """Each group's trial of the model that is named, or of the only one."""
    groups = trials_of(ratings, by=by, cluster=cluster)
    known = sorted({str(trial.key["rater_id"]) for _, trials in groups for trial in trials if trial.rated.any()})
    if model is not None and str(model) not in known:
        raise ParameterError(f"model={model!r} rated none of these items. Those who did: {examples(known) or 'nobody'}.")
    if model is None and len(known) > 1:
        raise ParameterError(f"{len(known)} models rated: {examples(known)}. Their ratings are not mixed: name one, model={known[0]!r}.")
    wanted = str(model) if model is not None else known[0] if known else None
    chosen = []
    for _, trials in groups:
        own = [trial for trial in trials if str(trial.key["rater_id"]) == wanted]
        chosen.append(own[0] if own else trials[0].without_model())
    return chosen


def _rows(trial: Trial, sampling: Sampling) -> list[dict[str, object]]:
    """The three rows of one group."""
    y, f = trial.mean(trial.score), trial.model_score
    cluster = np.arange(len(f)) if trial.cluster is None else trial.cluster
    labelled, scored = ~np.isnan(y), ~np.isnan(f)
    both = labelled & scored
    nominal = "nominal levels have no mean" if trial.scale == "nominal" else ""
    no_human, no_model = "" if labelled.any() else "no item has a human rating", "" if scored.any() else NO_MODEL
    reason = nominal or no_human or no_model or ("" if both.any() else "no item was rated by a human and the model")
    corrected, power, off = (None, math.nan, 0.0) if reason else powered_mean(y, f, cluster)
    human, plain = (None if nominal or missing else plain_mean(scores, cluster) for scores, missing in ((y, no_human), (f, no_model)))
    notes = [f"the model scores labelled items {'higher' if off > 0 else 'lower'} than all items by {abs(off):.1f} standard errors: "
             "a random subset seldom does"] if abs(off) > APART else []
    notes += ["no item without a human rating: the model adds nothing"] if corrected and not (scored & ~labelled).any() else []
    notes += [_skew(y[labelled])] if human else []
    gain = (human.se / corrected.se) ** 2 if corrected and corrected.se > 0 else math.nan
    rows = [_row("corrected_mean", trial.on(labelled | scored), corrected, cluster[both], sampling, join_notes(reason, *notes)),
            _row("human_mean", trial.without_model().on(labelled), human, cluster[labelled], sampling, nominal or no_human),
            _row("autorater_mean", trial.without_humans().on(scored), plain, cluster[scored], sampling, nominal or no_model)]
    unknown = {"power": math.nan, "gain": math.nan}
    own = ({"power": power, "gain": gain}, {"power": 0.0, "gain": 1.0} if human else unknown, unknown)
    unlabelled = int((scored & ~labelled).sum())
    return [{**row, **further, "rater_id": trial.key["rater_id"], "n_unlabelled": 0 if row["name"] == "human_mean" else unlabelled,
             "n_dropped": trial.n_dropped + trial.n_ratings - row["n_ratings"]} for row, further in zip(rows, own)]


def _skew(y: np.ndarray) -> str:
    """A warning where nearly all labelled items have one score, (n,), else nothing."""
    differing = len(y) - int(np.unique(y, return_counts=True)[1].max())
    return f"{differing} of {len(y)} labelled items differ from the commonest score: intervals hold less than they say" \
        if differing < min(FEW_DIFFER, len(y) / 2) else ""


def _row(name: str, used: Trial, mean: Mean | None, few: np.ndarray, sampling: Sampling, note: str) -> dict[str, object]:
    """One row of estimates: `used` holds the ratings that enter, `few` the clusters whose number limits what can be told."""
    row = estimate(name, mean.value if mean else math.nan, n_items=len(used.model_score), n_raters=used.n_raters,
                   n_ratings=used.n_ratings)
    if mean and sampling.interval != "none":
        if (clusters := len(np.unique(few))) < LEAST_LABELLED:
            unit = "items" if used.cluster is None else "clusters"
            note = join_notes(note, f"{clusters} {unit}: no interval below {LEAST_LABELLED}")
        else:
            low, high = resample.t_interval(mean.value, mean.se, mean.df, sampling.confidence)
            row |= {"low": low, "high": high, "se": mean.se, "confidence": sampling.confidence, "method": "linearized"}
    return {**used.key, **row, "note": join_notes(note, used.note)}
