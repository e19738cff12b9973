"""The alternative annotator test: may a model take the place of a human annotator?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import THESE_ALONE, Sampling, Sums, group_row
from workbench.agreement.trial import NO_MODEL, Trial, trials_of
from workbench.errors import ParameterError, one_of
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.resample import false_discovery

if TYPE_CHECKING:
    from workbench.ratings import Ratings

CURVE = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
FALSE_DISCOVERIES = 0.05
# The authors' minima: below 30 items the t test is not to be trusted, below 3 humans there is no crowd to belong to.
LEAST_ITEMS, LEAST_HUMANS = 30, 3
COUNTED = "a count of tests has no interval: see p_adjusted"
# Distances that differ by less are a tie: scores such as 0.1 are not exact in binary.
TIE = 1e-9


def alt_test(ratings: Ratings, *, epsilon: float | None = None, by: Sequence[str] = (), scale: str | None = None,
             interval: str = "linearized", confidence: float = 0.95, draws: int = 1000, seed: int = 0,
             cluster: str | None = None) -> pd.DataFrame:
    """May a model replace a human annotator? Each human is left out in turn: who stands closer to the others, human or model?

    On an item the model wins if it agrees with the item's other humans more than the left-out human does, or ties. Closeness is
    the share of the others at the same level (nominal), elsewhere less root mean squared difference of scores. For each model (`rater_id`):

    `human_advantage`, by `human_id` and `epsilon`: share of items on which the human does as well or better, less the share on
    which the model does. The model wins this human's test if it is below epsilon: one-sided t test (`p_value`), adjusted over the
    humans for false discoveries by Benjamini and Yekutieli (`p_adjusted`; at most .05 wins).
    `winning_rate`, by `epsilon`: the share of humans whose test the model wins; from .5 on, the authors let it replace them.
    `advantage_probability`: the share of items on which the model does as well as or better than a human, averaged over humans;
    to compare models with, as it needs no epsilon. 1 always, .5 as often as not, 0 never.

    `epsilon`: how much worse than a human the model may be because it costs less and is faster: a statement of cost and benefit,
    made before looking. (The authors suggest .2 beside experts, .15 beside skilled, .1 beside crowd workers.) It is no knob to turn
    until the model passes; so the whole curve, 0 to .3, always comes back, with the asked value added. `scale`: "nominal" or
    "interval" to measure closeness otherwise than the criterion's own scale says. `by`: columns that make groups. `interval`,
    `draws`, `seed`, `cluster` are about the intervals, items being the sample; the p-values take items as independent. Who is
    human and who a model: as in `autorater`.

    Items with a model's and at least two humans' ratings count. Undefined (nan, reason in `note`): no model; humans with fewer
    than 30 such items; fewer than 3 humans with as many. No interval: the winning rate, a count of tests; no spread. A human
    whose items all say the same has p 0 or 1. Errors: `ParameterError` for an option, or `epsilon` not in 0 to 1.

    Source: Calderon, Reichart and Dror (2025), The alternative annotator test for LLM-as-a-judge, ACL, arXiv:2501.10970.

    >>> import pandas as pd, workbench as wb
    >>> rows = {"ann": "AABB" * 10, "bob": "ABBB" * 10, "cem": "AABA" * 10, "bot": "AABB" * 10}
    >>> long = [(f"i{i}", who, level, "model" if who == "bot" else "human") for who, row in rows.items() for i, level in enumerate(row)]
    >>> panel = wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", "label", "rater_kind"]))
    >>> found = alt_test(panel, epsilon=0.1, interval="none")
    >>> found[(found["name"] == "winning_rate") & (found["epsilon"] == 0.1)]["value"].tolist()
    [1.0]
    """
    if epsilon is not None and not (isinstance(epsilon, (int, float)) and 0 <= epsilon < 1):
        raise ParameterError(f"epsilon={epsilon!r} is not a share from 0 to below 1. Say how much worse than a human the model may "
                             "be, such as 0.1, or leave it out for the curve.")
    one_of("scale", scale, (None, "nominal", "interval"))
    sampling = Sampling(interval, confidence, draws, seed, lowest=-1, offered=THESE_ALONE)
    curve = sorted({*CURVE, *([] if epsilon is None else [float(epsilon)])})
    rows: list[dict[str, object]] = []
    for _, trials in trials_of(ratings, by=by, cluster=cluster):
        for trial in trials:
            rows += list(_rows(trial, curve, scale, sampling))
    return estimates_table(rows, by=[*by, "rater_id", "human_id"])


@dataclass(frozen=True)
class Duel:
    """A human against the model on the items of both, (n_j,): `edge` 1 where the human is closer to the others, -1 the model, 0 a tie."""

    name: object
    code: int
    item: np.ndarray
    edge: np.ndarray


def duels(trial: Trial) -> list[Duel]:
    """One for each human of a trial whose items all have the model and two humans or more."""
    human, model = (same_level if trial.scale == "nominal" else nearness)(trial)
    edge = np.where(np.abs(human - model) <= TIE, 0, np.sign(human - model))
    order = np.argsort(trial.human, kind="stable")
    ends = np.cumsum(np.bincount(trial.human, minlength=len(trial.names)))
    parts = np.split(order, ends[:-1])
    return [Duel(trial.names[code], code, trial.item[rows], edge[rows]) for code, rows in enumerate(parts) if len(rows)]


def same_level(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """How many of the item's other humans are at the human's level, and at the model's, (R,) each."""
    place = trial.item * (trial.level.max(initial=0) + 1) + trial.level
    _, where, alike = np.unique(place, return_inverse=True, return_counts=True)
    hit = trial.level == trial.model_level[trial.item]
    return alike[where] - 1, np.bincount(trial.item, hit, len(trial.model_level))[trial.item] - hit


def nearness(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """Less the distance of the human's score, and of the model's, from the mean of the item's other humans, (R,) each.

    It orders the two as less root mean squared difference does: the others' spread about their mean is the same for both.
    """
    n, total = trial.n_humans[trial.item], np.bincount(trial.item, trial.score, len(trial.model_score))[trial.item]
    others = (total - trial.score) / (n - 1)
    unit = max(float(np.ptp(trial.score)), np.finfo(float).tiny)
    return -np.abs(trial.score - others) / unit, -np.abs(trial.model_score[trial.item] - others) / unit


def p_value(edge: np.ndarray, epsilon: float) -> float:
    """One-sided t test of a mean edge of `epsilon` or more, against less; without any spread 0 or 1."""
    from scipy.special import stdtr

    n, se = len(edge), float(edge.std(ddof=1)) / math.sqrt(len(edge))
    gap = float(edge.mean()) - epsilon
    return float(stdtr(n - 1, gap / se)) if se > 0 else float(gap >= 0)


def adjusted(p_values: Sequence[float]) -> np.ndarray:
    """P-values adjusted over the humans, who judge the same items and so depend on one another: Benjamini and Yekutieli (2001)."""
    return false_discovery(np.array(p_values), dependent=True)


def _rows(trial: Trial, curve: Sequence[float], scale: str | None, sampling: Sampling) -> Iterator[dict[str, object]]:
    """The rows of one model: how it fares with humans at large, then for each epsilon, overall and with each human."""
    common = replace(trial.on(trial.rated & (trial.n_humans >= 2)), scale=scale or trial.scale)
    unfit = _unfit(trial, common)
    found = duels(common) if not unfit and len(common.item) else []
    tested = [duel for duel in found if len(duel.edge) >= LEAST_ITEMS]
    reason = unfit or ("" if len(tested) >= LEAST_HUMANS else f"{len(tested)} humans have {LEAST_ITEMS} items rated by the model and "
                       f"another human too: at least {LEAST_HUMANS} are needed")
    blank = {"human_id": None, "epsilon": math.nan, "p_value": math.nan, "p_adjusted": math.nan}
    sums = replace(advantage(common, tested), reason=reason)
    yield {**blank, **group_row("advantage_probability", trial, sums, replace(sampling, lowest=0)), "n_raters": common.n_raters}
    counts = {"n_items": sums.n_items, "n_raters": common.n_raters, "n_ratings": sums.n_ratings,
              "n_dropped": trial.n_dropped + trial.n_ratings - sums.n_ratings}
    given = np.bincount(trial.human)
    by_human = [{**_human_row(trial, common, duel, reason, sampling), "n_dropped": int(given[duel.code]) - len(duel.edge)}
                for duel in found]
    for epsilon in curve:
        p_values = [] if reason else [p_value(duel.edge, epsilon) for duel in tested]
        p_adjusted = adjusted(p_values) if p_values else np.zeros(0)
        rate = math.nan if reason else float(np.mean(p_adjusted <= FALSE_DISCOVERIES))
        yield {**trial.key, **blank, **estimate("winning_rate", rate, **counts), "epsilon": epsilon,
               "note": join_notes(reason or COUNTED, trial.note)}
        told = {duel.name: {"p_value": p, "p_adjusted": q} for duel, p, q in zip(tested, p_values, p_adjusted)}
        yield from ({**blank, **row, "epsilon": epsilon, **told.get(row["human_id"], {})} for row in by_human)


def _unfit(trial: Trial, common: Trial) -> str:
    """Why no duel can be held at all, or nothing."""
    if not trial.rated.any():
        return NO_MODEL
    if common.scale == "nominal":
        return "scores have no levels" if min(common.level.min(initial=0), common.model_level.min(initial=0)) < 0 else ""
    return "nominal levels have no order" if trial.scale == "nominal" else ""


def advantage(common: Trial, tested: Sequence[Duel]) -> Sums:
    """What the mean over humans of the model's share of items won or tied needs: for each human a total of items, and of these."""
    from scipy.sparse import csr_array

    n, humans = len(common.model_score), len(tested)
    item = np.concatenate([duel.item for duel in tested] or [np.zeros(0, dtype=int)])
    column = np.repeat(np.arange(humans), [len(duel.item) for duel in tested])
    held = np.concatenate([duel.edge <= 0 for duel in tested] or [np.zeros(0)]).astype(float)
    terms = csr_array((np.concatenate([np.ones(len(item)), held]), (np.tile(item, 2), np.concatenate([column, column + humans]))),
                      shape=(n, 2 * humans))
    return Sums(lambda totals: (totals[..., humans:] / totals[..., :humans]).sum(axis=-1) / max(humans, 1), terms, np.ones(n),
                common.cluster, n_items=n, n_ratings=common.n_ratings)


def _human_row(trial: Trial, common: Trial, duel: Duel, reason: str, sampling: Sampling) -> dict[str, object]:
    """The row of one human against the model."""
    n = len(duel.edge)
    few = f"fewer than {LEAST_ITEMS} items: not tested" if n < LEAST_ITEMS else ""
    cluster = None if common.cluster is None else common.cluster[duel.item]
    sums = Sums(lambda totals: totals[..., 1] / totals[..., 0], np.column_stack([np.ones(n), duel.edge]), np.ones(n), cluster,
                n_items=n, n_ratings=n, reason=reason or few)
    return {**group_row("human_advantage", trial, sums, sampling), "human_id": duel.name, "n_raters": common.n_raters}
