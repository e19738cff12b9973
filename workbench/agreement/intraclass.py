"""The intraclass correlation in its six forms, on complete tables and on such with gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import NO_PAIR, Sampling, Sums, group_row
from workbench.agreement.identified import Identified, identified
from workbench.agreement.two_way import Left, Panel, by_rating
from workbench.agreement.variance import Crossed, Squares, crossed, one_way, one_way_terms
from workbench.errors import ParameterError, columns_of, one_of
from workbench.estimates import SUCH_RATERS, estimates_table, join_notes
from workbench.resample import held

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments

FORMS = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)")
SHROUT_FLEISS = {"ICC(2,1)": "ICC(A,1)", "ICC(3,1)": "ICC(C,1)", "ICC(2,k)": "ICC(A,k)", "ICC(3,k)": "ICC(C,k)"}
INTERVALS = ("F", "jackknife", "linearized", "bootstrap", "bca", "two-way", "none")
NOMINAL = "nominal levels have no distance: read krippendorff_alpha"
ONE_ITEM = "one item: there is nothing to tell apart"
RATERS_DIFFER = "read ICC(A): raters differ in severity, and where they rate many items the one-way F interval is too narrow"
NO_CROSSING = "raters share too few items to tell raters from noise"
NEGATIVE = "the estimated variances do not add up to one above 0: too few ratings"
# Excess kurtosis of item means beyond which the F interval, which takes them for normal, is some 20 % too narrow.
HEAVY, FEW = 1.0, 20

NOBODY = Identified(*np.zeros((3, 0), dtype=int), score=np.zeros(0), names=np.zeros(0))

# Of totals: the variances of items and of noise, and the mean number of ratings.
Parts = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def icc(ratings: Ratings, *, by: Sequence[str] = (), form: str | None = None, interval: str = "F", confidence: float = 0.95,
        draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """Which share of the variance of scores is that of the items, and not of who happened to rate them? A row a form:

    `ICC(1,1)`: each item has raters of its own; whatever raters add is noise. `ICC(A,1)`, agreement: raters are told apart, and
    their severities count against it. `ICC(C,1)`, consistency: severities do not count. `ICC(1,k)`, `ICC(A,k)`, `ICC(C,k)`: the
    same of the mean of an item's k ratings; k is their mean number (harmonic), said in `note` where items differ.
    Shrout and Fleiss call 1, A, C: 1, 2, 3.

    1 means that items alone make scores differ, 0 that they do not. Below 0 raters differ more within items than items do; the
    estimate is not cut off at 0. ICC = S_item / (S_item + S_noise / k), with S_noise the variance within items (1), of raters and
    residual (A), of the residual (C). Variances are those of the analysis of variance: one-way for 1; for A and C two-way with
    items adjusted for raters and raters for items, which with gaps is Henderson's method III. Cost follows the ratings; with gaps,
    the pairs of ratings within items.

    ratings: any selection; `by`: columns that make the groups. `form`: one of the above (or as Shrout and Fleiss have it), or None
    for all six. `interval`, at `confidence`: "F": exact for normal scores without gaps, else approximate (Satterthwaite's degrees of
    freedom); 1 and A generalise to such raters, so that few raters make A wide. "jackknife", "linearized", "bootstrap", "bca"
    (`draws`, `seed`): items are the sample and raters are held, so they speak of these raters, and nothing is taken for normal;
    "two-way": items and raters (5 or more) are the sample, for such raters, nothing taken for normal either. These alone know a
    `cluster`, a column whose items belong together. "none".

    Simulated normal scores, with and without gaps: F held A and C in 93 to 97 of 100 panels of 4 raters or more, A in 91 to 95 where
    2 or 3 raters differ much. A level that 1 item in 10 has: F held 65, the jackknife 93 (50 items) to 96 (200); `note` then says so.

    Undefined (nan, reason in `note`): nominal levels; no item rated twice; one item; all scores equal; for A and C raters that share
    too few items. Errors: `ParameterError` for an unknown option, or a cluster with "F".

    Sources: McGraw and Wong (1996), doi:10.1037/1082-989X.1.1.30; Shrout and Fleiss (1979), doi:10.1037/0033-2909.86.2.420;
    gaps: Searle, Casella and McCulloch (1992), Variance Components, ch. 5.

    >>> import pandas as pd, workbench as wb
    >>> panel = pd.DataFrame({"ann": [9, 6, 8, 7, 10, 6], "bob": [2, 1, 4, 1, 5, 2], "cem": [5, 3, 6, 2, 6, 4], "dee": [8, 2, 8, 6, 9, 7]})
    >>> icc(wb.from_matrix(panel)).round(2)[["form", "value", "low", "high"]].values.tolist()[:3]
    [['ICC(1,1)', 0.17, -0.13, 0.72], ['ICC(A,1)', 0.29, 0.02, 0.76], ['ICC(C,1)', 0.71, 0.34, 0.95]]
    """
    if form is not None:
        one_of("form", form, (*FORMS, *SHROUT_FLEISS))
    one_of("interval", interval, INTERVALS)
    forms = FORMS if form is None else (SHROUT_FLEISS.get(form, form),)
    panel = Panel(ratings, by, cluster)
    by_items = Sampling("none" if interval == "F" else interval, confidence, draws, seed, panel=panel)
    if cluster is not None and interval == "F":
        raise ParameterError(f"cluster={cluster!r} needs an interval that draws clusters; interval='F' takes items as independent. "
                             "Use interval='jackknife'.")
    rows = []
    for group, models in modelled(ratings, by, cluster, told_apart=forms[-1][4] != "1"):
        rows += [form_row(name, group, models[name[4]], by_items, interval == "F") for name in forms]
    return estimates_table(rows, by=by)


def modelled(ratings: Ratings, by: Sequence[str], cluster: str | None, *, told_apart: bool) -> list[tuple[Moments, dict[str, Model]]]:
    """Each group with its models, kept with the source: from the moments of its items or, to tell raters apart, from its ratings."""
    from workbench.reduce import moments
    from workbench.reduce.collect import remembered

    def make() -> list[tuple[Moments, dict[str, Model]]]:
        found = with_ratings(ratings, by, cluster) if told_apart else [(group, None) for group in moments(ratings, by=by, cluster=cluster)]
        return [(group, two_way_models(one_way_model(group), panel)) for group, panel in found]
    return remembered(ratings, ("icc", columns_of(by), cluster, told_apart), make)


def with_ratings(ratings: Ratings, by: Sequence[str], cluster: str | None) -> list[tuple[Moments, Identified]]:
    """Each group's ratings, and the moments of its items made of them in place of a second reduction."""
    from workbench.reduce import Moments
    from workbench.reduce.select import select

    chosen, known, found = select(ratings, by=by, cluster=cluster), identified(ratings, by=by, cluster=cluster), []
    for key, scale, note, n_scope in zip(chosen.keys(), chosen.scales, chosen.notes, chosen.scope["n_scope"]):
        panel = known.get(tuple(key.values()), NOBODY)
        center = panel.score.mean() if len(panel.score) else 0.0
        score = panel.score - center
        found.append((Moments(key, panel.size.astype(float), np.bincount(panel.item, score), np.bincount(panel.item, score * score), center,
                              np.ones(panel.n_items), panel.cluster, scale.name, panel.n_items, panel.n_raters, len(score),
                              int(n_scope) - len(score), note), panel))
    return found


@dataclass(frozen=True)
class Model:
    """What one model needs of a group: `parts` makes of the totals of `terms` the variances of items and of noise, and the mean
    number of ratings. `squares`: the mean squares, None where `reason` says why they are undefined. `exact`: F holds exactly;
    `tails`: why it is too narrow.
    For the two-way interval `rows_of`, terms of other items of a group, or `lost`, what its ratings add to `terms`."""

    parts: Parts
    terms: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray | None
    squares: Squares | None
    reason: str = ""
    note: str = ""
    exact: bool = False
    tails: str = ""
    rows_of: Callable[[Moments], np.ndarray] | None = None
    lost: Callable[[Identified], np.ndarray] | None = None

    def sums(self, group: Moments, average: bool) -> Sums:
        """One form as a formula of totals over items."""
        def formula(totals: np.ndarray) -> np.ndarray:
            effect, noise, k = self.parts(totals)
            return effect / (effect + noise / k if average else effect + noise)

        def of_as_many(totals: np.ndarray) -> np.ndarray:   # fewer ratings an item are none of a missing rater's doing
            effect, noise, _ = self.parts(totals)
            return effect / (effect + noise / self.parts(self.weight @ self.terms)[2] if average else effect + noise)

        def left_of(panel: Identified) -> Left:
            return by_rating(of_as_many, panel, self.terms, self.lost(panel))
        return Sums(formula, self.terms, self.weight, self.cluster, n_items=group.n_items, n_ratings=group.n_ratings,
                    reason=self.reason or self._impossible(average), note=self.note,
                    rows_of=lambda items: (self.rows_of(items), of_as_many), left_of=self.lost and left_of)

    def _impossible(self, average: bool) -> str:
        effect, noise, k = self.parts(self.weight @ self.terms)
        return NEGATIVE if effect + noise / (k if average else 1) < 0 else ""


def one_way_model(group: Moments) -> Model:
    """Raters are part of the noise."""
    reason = NOMINAL if group.scale == "nominal" else NO_PAIR if not (group.n > 1).any() else ONE_ITEM if group.n_items < 2 else ""
    if reason:
        return Model(one_way_parts, np.zeros((0, 7)), np.zeros(0), None, None, reason)
    terms, squares = one_way(group.n, group.total, group.squares, group.weight)
    return Model(one_way_parts, terms, group.weight, group.cluster, squares, exact=bool((group.n == group.n[0]).all()),
                 tails=far_from_normal(group), rows_of=lambda items: one_way_terms(items.n, items.total, items.squares, items.weight))


def one_way_parts(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variances of items and noise, and the harmonic mean of ratings an item, from the totals of `one_way`."""
    items, size, inverse, pairs, total, between, within = np.moveaxis(totals, -1, 0)
    noise = within / (size - items)
    k = (size - pairs / size) / (items - 1)
    return ((between - total**2 / size) / (items - 1) - noise) / k, noise, items / inverse


def two_way_models(model: Model, table: Identified | None) -> dict[str, Model]:
    """The one-way model, and those that tell raters apart: "A" counts their variance as noise, "C" does not."""
    if model.reason or table is None:
        return dict.fromkeys("1AC", model)
    from scipy.special import fdtri

    found = crossed(table.item, table.rater, table.score)
    if found.free < 1:
        return {"1": model, **dict.fromkeys("AC", replace(model, squares=None, reason=NO_CROSSING))}
    apart = f"{found.sets} sets of raters share no item: variances are those within the sets" if found.sets > 1 else ""
    squares = found.squares()
    made = replace(model, parts=two_way_parts(found, True), terms=found.terms(), weight=np.ones(len(found.n)), cluster=table.cluster,
                   squares=squares, note=apart, exact=len(table.score) == len(found.n) * found.raters,
                   lost=lambda panel: found.lost(panel.item, panel.rater))
    differ = squares.rater > squares.residual * fdtri(squares.rater_free, squares.residual_free, 0.95)
    return {"1": replace(model, note=RATERS_DIFFER if differ else ""), "A": made, "C": replace(made, parts=two_way_parts(found, False))}


def two_way_parts(found: Crossed, agreement: bool) -> Parts:
    """As `one_way_parts`, from the totals of `Crossed.terms`. What raters' effects take of the freedom is held."""

    def parts(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        items, size, inverse, within, about_rater, rest, gone = np.moveaxis(totals, -1, 0)
        raters = found.raters - held(gone)
        residual = rest / (size - items - raters + found.sets)
        return about_rater / (size - raters) - residual, within / (size - items) if agreement else residual, items / inverse
    return parts


def form_row(form: str, group: Moments, model: Model, by_items: Sampling, by_f: bool) -> dict[str, object]:
    """One row of estimates."""
    average, agreement = form.endswith("k)"), form[4] == "A"
    row = group_row("icc", group, model.sums(group, average), by_items) | {"form": form}
    if form[4] != "C" and by_items.interval == "none":
        row["estimand"] = SUCH_RATERS
    if not math.isfinite(row["value"]):
        return row
    k = float(model.parts(model.weight @ model.terms)[2]) if average else 1.0
    if average and group.n.min() < group.n.max():
        row["note"] = join_notes(f"k = {k:.3g}, the harmonic mean of an item's ratings", row["note"])
    if not by_f:
        return row
    low, high = f_ends(model.squares, agreement, k, by_items.confidence)
    note = join_notes(row["note"], "" if model.exact else "gaps: the F interval is approximate", model.tails)
    return row | {"low": low, "high": high, "confidence": by_items.confidence, "method": "F", "note": note}


def f_ends(squares: Squares, agreement: bool, k: float, confidence: float) -> tuple[float, float]:
    """Ends of the interval of the mean of `k` ratings, from quantiles of F (McGraw and Wong 1996, tables 7 and 8)."""
    from scipy.special import fdtri

    s = squares
    noise, free, item_free = s.residual, s.residual_free, s.item_free
    if agreement:
        noise += (s.rater - s.residual) / s.m
        rho = (s.item - s.residual) / (s.item - s.residual + s.k * noise)
        of_rater, of_rest = s.k * rho * s.rater, (s.m * (1 + (s.k - 1) * rho) - s.k * rho) * s.residual
        spread = of_rater**2 / s.rater_free + of_rest**2 / s.residual_free
        free = (of_rater + of_rest) ** 2 / spread if spread > 0 else free
    upper = (1 + confidence) / 2
    effects = [s.item / fdtri(item_free, free, upper), s.item * fdtri(free, item_free, upper)]
    low, high = ((effect - s.residual) / s.k for effect in effects)
    return low / (low + noise / k), high / (high + noise / k)


def far_from_normal(group: Moments) -> str:
    """A warning where item means have heavy tails, for then their variance is known less well than F has it."""
    mean = group.total / group.n
    deviation = mean - group.weight @ mean / group.n_items
    squares = deviation * deviation
    second, fourth = group.weight @ squares / group.n_items, group.weight @ (squares * squares) / group.n_items
    excess = fourth / second**2 - 3 if second > 0 else 0.0
    if group.n_items < FEW or excess < max(HEAVY, 2 * math.sqrt(24 / group.n_items)):
        return ""
    return f"item means have heavy tails (excess kurtosis {excess:.1f}), F takes them for normal: too narrow, use interval='jackknife'"
