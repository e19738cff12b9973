"""How well a model rater stands in for a human: its agreement with the humans beside the humans' agreement with one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, beside, row_sums
from workbench.agreement.estimate import THESE_ALONE, Sampling, Sums, group_row
from workbench.agreement.trial import MODELS, NO_MODEL, Trial, panel_and_models, trials_of
from workbench.agreement.weights import BY_SCALE, weight_matrix
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.resample import Formula

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns
    from workbench.resample import Terms

# Beyond so many totals of humans by levels, slopes cost too much: several humans then share a place.
TERMS_LIMIT = 2_000
# (a - b)^2 as a product of moments: (1, a, a^2) times this table times (1, b, b^2).
SQUARED = np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])


def autorater(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights | None = None, interval: str = "linearized",
              confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """Does a model agree with a human as far as another human would? Eight rows for each model rater (`rater_id`):

    `model_human`, `human_human`: agreement beyond chance of the model with a human, and of two humans, on the same items: those
    that the model and at least two humans rated. 1 is full agreement, 0 what the same ratings dealt to items at random would
    give, below 0 less. `difference`: the former less the latter; 0 or above, the model agrees with a human as a human does.
    `percent_model_human`, `percent_human_human`, `percent_difference`: the same as the share of pairs at the same level.
    `leniency`: the model's score less the mean of the item's humans, in score units; above 0, the model scores higher.
    `self_consistency`: the share of the model's own repeats of an item that are equal, as in `intra_rater`.

    Each item counts once: 1 - D / E, D the mean over items of the mean distance of the item's pairs, E that of such pairs from
    two different items. Each kind of pair has a chance level of its own: on a common one a model that always says the same
    would come out above chance, and above the humans wherever these agree little. The unfair comparison, which this is
    not: a model against the majority of humans, whose errors cancel, beside one human against another.

    `by`: columns that make groups. `weights`: as in `fleiss_kappa`; None takes each criterion's own: identity on nominal levels,
    ordinal on ordinal ones, squared differences of the scores on interval scales. `interval`, `draws`, `seed`, `cluster`: as in
    `krippendorff_alpha`; the three rows of a comparison are made of the same items, draw by draw. The raters of
    `rater_kind` human and expert are the humans, model the models; `where(rater_kind=[...])` takes their place: name "program"
    to judge a check, or only "expert" and "model".

    Undefined (nan, reason in `note`): no model; no item with a model's and two humans' ratings; one item; one level only; percent
    on scores without levels; leniency on a nominal scale; a model that repeats nothing. No interval: one item, or no spread.
    Errors: `ParameterError` for an unknown option or `by` a column that parts models from humans, `RatingsError` where scales mix.

    Sources: one rater against the others: Schouten (1982), Measuring pairwise agreement among many observers II, Biometrical
    Journal 24; Vanbelle and Albert (2009), Agreement between an isolated rater and a group of raters, Statistica Neerlandica 63;
    chance of different items: Krippendorff (2018), Content Analysis, ch. 12; model-human beside human-human agreement as
    the measure of a judge: Zheng et al. (2023), arXiv:2306.05685.

    >>> import pandas as pd, workbench as wb
    >>> rows = {"ann": "AABBABAB", "bob": "AABBABBB", "bot": "AABBABAA"}
    >>> long = [(f"i{i}", who, level, "model" if who == "bot" else "human") for who, row in rows.items() for i, level in enumerate(row)]
    >>> panel = wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", "label", "rater_kind"]))
    >>> found = autorater(panel).set_index("name")["value"]
    >>> [round(float(found[name]), 3) for name in ("human_human", "model_human", "percent_difference")]
    [0.774, 0.667, -0.062]
    """
    sampling = Sampling(interval, confidence, draws, seed, offered=THESE_ALONE)
    rows: list[dict[str, object]] = []
    repeats = repeated_by_models(ratings, by, sampling)
    for group, trials in trials_of(ratings, by=by, cluster=cluster, levels=weights is not None):
        for trial in trials:
            common = trial.on(trial.rated & (trial.n_humans >= 2))
            rows += agreement_rows(trial, common, group, weights, sampling)
            rows += [leniency_row(trial, sampling), consistency_row(trial, repeats)]
    return estimates_table(rows, by=[*by, "rater_id"])


def agreement_rows(trial: Trial, common: Trial, group: Patterns | Moments, weights: Weights | None,
                   sampling: Sampling) -> list[dict[str, object]]:
    """The two comparisons of one model: beyond chance, and in percent."""
    n = len(common.model_score)
    missing = "" if n else NO_MODEL if not trial.rated.any() else "no item was rated by the model and two humans"
    humans, model, distance = features(common, group, weights)
    terms, formulas = comparison_terms(common, humans, model, distance), coefficients(humans.shape[1], distance)
    lost = "scores have no levels" if min(common.level.min(initial=0), common.model_level.min(initial=0)) < 0 else ""
    alone = "one item: chance needs two" if n == 1 else ""
    reason = missing or (lost if weights is not None or trial.scale != "interval" else "") or alone
    rows = [_row(trial, common, name, terms, formula, replace(sampling, lowest=-2), reason) for name, formula in formulas.items()]
    terms, formulas = percents(common)
    lowest = {"percent_difference": -1}
    return rows + [_row(trial, common, name, terms, formula, replace(sampling, lowest=lowest.get(name, 0)), missing or lost)
                   for name, formula in formulas.items()]


def _row(trial: Trial, common: Trial, name: str, terms: Terms, formula: Formula, sampling: Sampling, reason: str) -> dict[str, object]:
    """One row of estimates; what the trial has beyond the common items counts as dropped."""
    n = len(common.model_score)
    sums = Sums(formula, terms, np.ones(n), common.cluster, n_items=n, n_ratings=common.n_ratings, reason=reason)
    return {**group_row(name, trial, sums, sampling), "n_raters": common.n_raters}


@dataclass(frozen=True)
class Distance:
    """How far two ratings are apart: features of the one, times `table` (p, p), times features of the other.

    Levels have a feature each, and the table is 1 - weight (None: 0 or 1). Scores have their powers 0, 1 and 2, which make the
    squared difference. So totals of features over many ratings tell the distances of all their pairs.
    """

    table: np.ndarray | None
    counting: slice

    def count(self, a: np.ndarray) -> np.ndarray:
        """How many ratings totals (..., p) hold."""
        return a[..., self.counting].sum(axis=-1)

    def of_totals(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Summed over all pairs of a rating in `a` and one in `b`, totals (..., p) each."""
        if self.table is None:
            return a.sum(axis=-1) * b.sum(axis=-1) - (a * b).sum(axis=-1)
        return ((a @ self.table) * b).sum(axis=-1)

    def of_rows(self, a: Terms, b: Terms) -> np.ndarray:
        """The same for each row of `a` and of `b`, (n, p) each and possibly sparse: (n,)."""
        found = row_sums(a) * row_sums(b) - row_sums(a * b) if self.table is None else row_sums((a @ self.table) * b)
        return np.maximum(found, 0)


def features(trial: Trial, group: Patterns | Moments, weights: Weights | None) -> tuple[Terms, Terms, Distance]:
    """Features of the humans' ratings (R, p) and of the model's (n, p), and the distance that they make."""
    from scipy.sparse import csr_array

    if weights is None and trial.scale == "interval":
        scores = np.concatenate([trial.score, trial.model_score])
        low, span = (scores.min(), np.ptp(scores) or 1.0) if len(scores) else (0.0, 1.0)
        powers = [np.column_stack([((of - low) / span - 0.5) ** k for k in range(3)]) for of in (trial.score, trial.model_score)]
        return *powers, Distance(SQUARED, slice(0, 1))
    scheme = BY_SCALE[trial.scale] if weights is None else weights
    values = np.asarray(group.values, dtype=float)
    same = not len(values) or isinstance(scheme, str) and scheme == "identity"
    table = None if same else 1 - weight_matrix(scheme, values)
    one_hot = [csr_array((np.ones(len(level)), (np.arange(len(level)), np.maximum(level, 0))), shape=(len(level), max(len(values), 1)))
               for level in (trial.level, trial.model_level)]
    return *one_hot, Distance(table, slice(None))


def comparison_terms(trial: Trial, humans: Terms, model: Terms, distance: Distance) -> Terms:
    """What each item adds to the totals, (n, 5 + p + places p); arguments as `features` gives them.

    Columns: 1; mean distance of its pairs of humans; of the model and a human; mean distance, and share, of draws of two humans
    who have different places; the model's features; the humans' mean features by place. Every human has a place of his own, unless
    there are too many: then several share one, and chance leaves their pairs out.
    """
    from scipy.sparse import csr_array

    n, rows, p = trial.n_humans, len(trial.item), humans.shape[1]
    names, human = np.unique(trial.human, return_inverse=True)
    places, share = max(2, min(len(names), TERMS_LIMIT // p)), 1 / n[trial.item]
    cells, cell = np.unique(trial.item * places + human % places, return_inverse=True)
    item, place = cells // places, cells % places
    mean = csr_array((share, (trial.item, np.arange(rows))), shape=(len(n), rows)) @ humans
    parts = csr_array((share, (cell, np.arange(rows))), shape=(len(cells), rows)) @ humans
    within, alone = distance.of_rows(mean, mean), np.bincount(item, distance.of_rows(parts, parts), len(n))
    apart = 1 - np.bincount(item, np.bincount(cell, share, len(cells)) ** 2, len(n))
    spread = csr_array(parts).tocoo()
    by_place = csr_array((spread.data, (item[spread.row], place[spread.row] * p + spread.col)), shape=(len(n), places * p))
    own = [np.ones(len(n)), within * n / np.maximum(n - 1, 1), distance.of_rows(model, mean), within - alone, apart]
    return beside(np.column_stack(own), model, by_place)


def coefficients(p: int, distance: Distance) -> dict[str, Formula]:
    """The three coefficients as formulas of the totals of `comparison_terms`.

    1 less the mean distance within items over that between items: of all pairs, less those within an item, and of humans also
    less those within a place.
    """
    def by_place(totals: np.ndarray) -> np.ndarray:
        return totals[..., 5 + p:].reshape(*totals.shape[:-1], -1, p)

    def of_humans(totals: np.ndarray) -> np.ndarray:
        items, observed, _, within, apart = np.moveaxis(totals[..., :5], -1, 0)
        places = by_place(totals)
        humans = places.sum(axis=-2)
        pairs = items**2 - (distance.count(places) ** 2).sum(axis=-1) - apart
        between = distance.of_totals(humans, humans) - distance.of_totals(places, places).sum(axis=-1) - within
        return 1 - observed / items * pairs / between

    def of_model(totals: np.ndarray) -> np.ndarray:
        items, observed = totals[..., 0], totals[..., 2]
        between = distance.of_totals(totals[..., 5:5 + p], by_place(totals).sum(axis=-2)) - observed
        return 1 - observed * (items - 1) / between

    return {"model_human": of_model, "human_human": of_humans, "difference": lambda totals: of_model(totals) - of_humans(totals)}


def percents(trial: Trial) -> tuple[np.ndarray, dict[str, Formula]]:
    """Terms (n, 3) and formulas of the shares of pairs at the same level."""
    n = trial.n_humans
    _, where, alike = np.unique(trial.item * (trial.level.max(initial=0) + 2) + trial.level, return_inverse=True, return_counts=True)
    two = trial.mean((alike[where] - 1) / np.maximum(n - 1, 1)[trial.item])
    one = trial.mean((trial.level == trial.model_level[trial.item]).astype(float))
    return np.column_stack([np.ones(len(n)), one, two]), {
        "percent_model_human": lambda t: t[..., 1] / t[..., 0], "percent_human_human": lambda t: t[..., 2] / t[..., 0],
        "percent_difference": lambda t: (t[..., 1] - t[..., 2]) / t[..., 0]}


def leniency_row(trial: Trial, sampling: Sampling) -> dict[str, object]:
    """How much higher the model scores than the item's humans do, over the items that both rated."""
    common = trial.on(trial.rated & (trial.n_humans > 0))
    gap = common.model_score - common.mean(common.score)
    span = float(np.ptp(np.concatenate([common.score, common.model_score]))) if len(gap) else 0.0
    reason = "nominal levels have no order" if trial.scale == "nominal" else "" if len(gap) else NO_MODEL \
        if not trial.rated.any() else "no item was rated by the model and a human"
    # of a mean the two errors are one, and t needs no transform; in units of the range, within which every difference lies
    sampling = replace(sampling, interval="linearized" if sampling.interval == "jackknife" else sampling.interval, lowest=-1)
    row = _row(trial, common, "leniency", np.column_stack([np.ones(len(gap)), gap / (span or 1.0)]), lambda t: t[..., 1] / t[..., 0],
               sampling, reason)
    return row | {column: float(row[column]) * (span or 1.0) for column in ("value", "low", "high", "se")}


def consistency_row(trial: Trial, repeats: Mapping[tuple[object, ...], dict[str, object]]) -> dict[str, object]:
    """How often the model repeats itself, from `repeated_by_models`."""
    reason = NO_MODEL if not trial.rated.any() else "the model rated no item twice"
    nothing = estimate("self_consistency", math.nan, note=join_notes(reason, trial.note))
    return {**repeats.get(tuple(trial.key.values()), nothing), **trial.key}


def repeated_by_models(ratings: Ratings, by: Sequence[str], sampling: Sampling) -> dict[tuple[object, ...], dict[str, object]]:
    """The models' agreement with themselves, by the values of their keys; models without repeats are absent."""
    from workbench.agreement.repeated import intra_rater
    from workbench.reduce import facts

    if not facts(ratings).n_repeats:
        return {}
    models = panel_and_models(ratings).where(rater_kind=list(MODELS))
    found = intra_rater(models, by=by, interval=sampling.interval, confidence=sampling.confidence, draws=sampling.draws,
                        seed=sampling.seed)
    kept = found[(found["name"] == "percent_agreement") & found["rater_id"].notna()].assign(name="self_consistency")
    return {tuple(None if row[c] != row[c] else row[c] for c in (*by, "rater_id")): row for row in kept.to_dict("records")}
