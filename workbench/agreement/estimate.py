"""From what a coefficient needs of a group to its row of estimates: value, interval, counts and reasons. Shared by all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.rare import guarded
from workbench.agreement.two_way import FEWEST_RATERS, Panel, leave_each_out, left, spread
from workbench.errors import one_of, share_of, whole_number
from workbench.estimates import SUCH_RATERS, THESE_RATERS, estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.agreement.identified import Identified
    from workbench.agreement.two_way import Left
    from workbench.reduce import Moments, Patterns

    Items = tuple[float, resample.Formula, resample.Terms, np.ndarray]

INTERVALS = ("jackknife", "linearized", "bootstrap", "bca", "two-way", "none")
THESE_ALONE = tuple(option for option in INTERVALS if option != "two-way")
NO_PAIR = "no item has two ratings"
ONE_LEVEL = "only one level occurs"
BESIDE = "the middle draws lie to one side of the value, for they repeat items: read interval='jackknife'"
ONE_SIDE = "all draws lie on one side of the value: no bca interval"
FEW_RATERS = f"fewer than {FEWEST_RATERS} raters: what other raters would say cannot be told"

# A standard error this small is rounding: every item says the same.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Sums:
    """One group, ready for a coefficient: its value is `formula(weight @ terms)`.

    `terms` (P, m) is what an item contributes, `weight` (P,) the number of items that contribute it, `cluster` (P,) the
    cluster they lie in or None. `n_items`, `n_ratings` count what was used. `reason` says why the value is undefined, if it is.
    For the two-way interval, in whose formula nothing is held: `rows_of`, terms and formula of other items of the group; or, where
    who rated matters, `left_of`, what leaving out each rating does.
    `again`: where chance comes from the shares alone, the levels that count, and the same sums of other such levels.
    """

    formula: resample.Formula
    terms: resample.Terms
    weight: np.ndarray
    cluster: np.ndarray | None
    n_items: int
    n_ratings: int
    reason: str = ""
    note: str = ""
    rows_of: Callable[..., tuple[resample.Terms, resample.Formula]] | None = None
    left_of: Callable[[Identified], Left] | None = None
    again: tuple[Patterns, Callable[[Patterns], Sums]] | None = None


def undefined(reason: str, *, n_items: int = 0, n_ratings: int = 0) -> Sums:
    """What a group without a value leaves of a coefficient: the reason, and how much was looked at."""
    return Sums(formula=lambda totals: totals[..., 0], terms=np.zeros((0, 1)), weight=np.zeros(0), cluster=None, n_items=n_items,
                n_ratings=n_ratings, reason=reason)


@dataclass(frozen=True)
class Sampling:
    """How an interval is made; the arguments all coefficients share.

    "jackknife": leaves out each item (or cluster); t on Fisher's z about the value as it is, with Satterthwaite's degrees of freedom
    (`resample.jackknife`). "linearized": the slope's error, t with the items less one (Gwet 2014, Handbook of Inter-Rater
    Reliability), as published. "bootstrap": the middle share of `draws` resamples of the items (for alpha: Zapf and others 2016,
    doi:10.1186/s12874-016-0200-9). "bca": the same, corrected for bias and skewness (`resample.bca_interval`). "two-way": other
    items and other raters (`two_way`); needs `panel`, where to look up who rated. "none". `lowest`: the least possible value;
    `offered`: the intervals that a coefficient knows.

    The default is the one that under-covers least in `benchmarks/coverage.py`. Of 156 cells where 10 items with a disagreement and
    20 with an off-modal level are expected, 95 % intervals of alpha held 93 to 97 % in 94 % of cells (linearized: 87 %), of AC in
    99 % (linearized: 81 %, being too wide where ratings are missing); the worst was .87 (linearized: .81, bootstrap .82, bca .86),
    where hardly any item had two ratings of one rare level. With fewer such items than that it held less: `note` counts them,
    and the jackknife's and the two-way interval are widened (`rare`).
    """

    interval: str = "jackknife"
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0
    lowest: float = -math.inf
    panel: Panel | None = None
    offered: Sequence[str] = INTERVALS

    def __post_init__(self) -> None:
        one_of("interval", self.interval, self.offered)
        share_of("confidence", self.confidence)
        whole_number("seed", self.seed, 0, "is no seed. Use a whole number from 0 up, so that the draws can be repeated.")
        if self.interval in ("bootstrap", "bca"):
            whole_number("draws", self.draws, 2, "is too few for an interval. Use a whole number, 1000 or more.")


def estimates(name: str, groups: Iterable[Patterns | Moments], sums: Callable[..., Sums], *, by: Sequence[str],
              sampling: Sampling) -> pd.DataFrame:
    """The estimates table of one coefficient: a row for each group, `sums(group)` saying what it needs of it."""
    return estimates_table([group_row(name, group, sums(group), sampling) for group in groups], by=by)


def group_row(name: str, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """One row of an estimates table, with the group's key."""
    found = math.nan if sums.reason else float(resample.value(sums.formula, sums.weight @ sums.terms))
    undefined = sums.reason or ("" if math.isfinite(found) else ONE_LEVEL)
    interval = {} if undefined or sampling.interval == "none" else _interval(found, group, sums, sampling)
    note = join_notes(undefined, sums.note, str(interval.pop("note", "")), group.note)
    row = estimate(name, found, estimand=SUCH_RATERS if sampling.interval == "two-way" else THESE_RATERS, n_items=sums.n_items,
                   n_raters=group.n_raters, n_ratings=sums.n_ratings, n_dropped=group.n_dropped + group.n_ratings - sums.n_ratings)
    return {**group.key, **row, **interval, "note": note}


def _interval(found: float, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """Ends, standard error and method; or the note that says why there is none."""
    if sampling.interval == "two-way" and group.n_raters < FEWEST_RATERS:
        return {"note": FEW_RATERS}
    terms, weight = sums.terms, sums.weight
    one = "item" if sums.cluster is None else "cluster"
    if sums.cluster is not None:
        terms, weight = resample.merge(terms, weight, sums.cluster)
    if weight.sum() < 2:
        return {"note": f"one {one}: no interval"}
    moved: tuple[np.ndarray, ...] = ()
    if sampling.interval == "two-way":
        panel = sampling.panel.of(group.key)
        moved = leave_each_out(sums.left_of(panel) if sums.left_of else left(sums, group, panel))
        if len(moved[0]) < FEWEST_RATERS:
            return {"note": FEW_RATERS}
    made = interval_over((found, sums.formula, terms, weight), one, sampling, moved)
    if "low" not in made:
        return made
    if sums.again and made["se"] > 0:
        made = guarded(made, *sums.again, sampling.interval, lambda other: _jackknife_ends(other, sampling.confidence))
    return made | {"low": max(made["low"], sampling.lowest), "high": min(made["high"], 1.0)}


def interval_over(items: Items, one: str, sampling: Sampling, moved: Sequence[np.ndarray] = (),
                  ends: Callable[..., tuple[float, float]] = resample.z_interval) -> dict[str, object]:
    """Ends, standard error and method of the interval of a value, or the note that says why there is none.

    `one`: what is left out or drawn, an item or a cluster; `moved`: for such raters, what `spread` needs of them; `ends`: the interval
    of a value, its error and degrees of freedom.
    """
    low, high, se, note = _ends(items, one, sampling, moved, ends)
    if not math.isfinite(low + high):
        return {"note": note}
    return {"low": low, "high": high, "se": se, "confidence": sampling.confidence, "method": sampling.interval, "note": note}


def _ends(items: Items, one: str, sampling: Sampling, moved: Sequence[np.ndarray],
          ends: Callable[..., tuple[float, float]]) -> tuple[float, float, float, str]:
    """Ends, standard error and note."""
    found, formula, terms, weight = items
    if sampling.interval == "linearized":
        se = _unless_rounding(resample.linearized(formula, terms, weight))
        return *resample.t_interval(found, se, weight.sum() - 1, sampling.confidence), se, ""
    influences = resample.influences(formula, terms, weight) if sampling.interval != "bootstrap" else np.zeros(0)
    needed = f"undefined without one {one}: no interval" if np.isnan(influences).any() else ""
    if sampling.interval in ("jackknife", "two-way"):
        se, df = resample.jackknife(weight, influences)
        if moved:
            se, df = spread(se, df, *moved)
            needed = "" if math.isfinite(se) else "undefined without one rater or item: no interval"
        se = _unless_rounding(se)
        return *ends(found, se, df, sampling.confidence), se, needed
    draws = resample.bootstrap(formula, terms, weight, draws=sampling.draws, seed=sampling.seed)
    lost = int(np.isnan(draws).sum())
    left_out = f"{lost:,} of {sampling.draws:,} draws undefined, left out" if lost else ""
    se = _unless_rounding(float(np.nanstd(draws, ddof=1))) if lost < len(draws) - 1 else math.nan
    if sampling.interval == "bootstrap" or se == 0:
        low, high = resample.percentile_interval(draws, sampling.confidence)
        return low, high, se, join_notes(left_out, BESIDE if se > 0 and not low <= found <= high else "")
    low, high = resample.bca_interval(found, draws, weight, influences, sampling.confidence)
    return low, high, se, join_notes(left_out, needed or ("" if math.isfinite(low + high) else ONE_SIDE))


def _unless_rounding(se: float) -> float:
    """The standard error, 0 where it is rounding."""
    return 0.0 if se < ROUNDING else se


def _jackknife_ends(sums: Sums, confidence: float) -> tuple[float, float]:
    """Ends of the jackknife's interval over the items, or clusters, of these sums."""
    terms, weight = (sums.terms, sums.weight) if sums.cluster is None else resample.merge(sums.terms, sums.weight, sums.cluster)
    found = float(resample.value(sums.formula, weight @ terms))
    return _ends((found, sums.formula, terms, weight), "item", Sampling("jackknife", confidence), (), resample.z_interval)[:2]
