"""From what a coefficient needs of a group to its row of estimates: value, interval, counts and reasons. Shared by all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.two_way import FEWEST_RATERS, Panel, leave_each_out, spread
from workbench.errors import ParameterError, one_of
from workbench.estimates import SUCH_RATERS, THESE_RATERS, estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.reduce import Moments, Patterns

    Items = tuple[float, resample.Formula, resample.Terms, np.ndarray]

INTERVALS = ("jackknife", "linearized", "bootstrap", "bca", "two-way", "none")
NO_PAIR = "no item has two ratings"
ONE_LEVEL = "only one level occurs"
ONE_SIDE = "all draws lie on one side of the value: no bca interval"
FEW_RATERS = f"fewer than {FEWEST_RATERS} raters: what other raters would say cannot be told"

# Where fewer items than these differ, or leave the commonest level, 95 % intervals were seen to hold less (benchmarks/coverage.py).
DIFFERING, OFF_MODAL = 10, 20
# A standard error this small is rounding: every item says the same.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Sums:
    """One group, ready for a coefficient: its value is `formula(weight @ terms)`.

    `terms` (P, m) is what an item contributes, `weight` (P,) the number of items that contribute it, `cluster` (P,) the
    cluster they lie in or None. `n_items`, `n_ratings` count what was used. `reason` says why the value is undefined, if it is.
    `rows_of`: terms and formula of other items of the group, for the two-way interval; nothing is held in this formula.
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


@dataclass(frozen=True)
class Sampling:
    """How an interval is made; the arguments all coefficients share.

    "jackknife": leaves out each item (or cluster); t on Fisher's z about the value as it is, with Satterthwaite's degrees of freedom
    (`resample.jackknife`). "linearized": the slope's error, t with the items less one (Gwet 2014, Handbook of Inter-Rater
    Reliability), as published. "bootstrap": the middle share of `draws` resamples of the items (for alpha: Zapf and others 2016,
    doi:10.1186/s12874-016-0200-9). "bca": the same, corrected for bias and skewness (`resample.bca_interval`). "two-way": other
    items and other raters (`two_way`); needs `panel`, where to look up who rated. "none". `lowest`: the least possible value.

    The default is the one that under-covers least in `benchmarks/coverage.py`. Of 156 cells where 10 items with a disagreement and
    20 with an off-modal level are expected, 95 % intervals of alpha held 93 to 97 % in 94 % of cells (linearized: 87 %), of AC in
    99 % (linearized: 81 %, being too wide where ratings are missing); the worst was .87 (linearized: .81, bootstrap .82, bca .86),
    where hardly any item had two ratings of one rare level. With fewer such items than that it held less, and `note` counts them.
    """

    interval: str = "jackknife"
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0
    lowest: float = -math.inf
    panel: Panel | None = None

    def __post_init__(self) -> None:
        one_of("interval", self.interval, INTERVALS)
        if not 0 < self.confidence < 1:
            raise ParameterError(f"confidence={self.confidence!r} is not a share between 0 and 1. Use 0.95 for 95 %.")
        if self.interval in ("bootstrap", "bca") and not (isinstance(self.draws, int) and self.draws >= 2):
            raise ParameterError(f"draws={self.draws!r} is too few for an interval. Use a whole number, 1000 or more.")


def estimates(name: str, groups: Iterable[Patterns | Moments], sums: Callable[..., Sums], *, by: Sequence[str],
              sampling: Sampling) -> pd.DataFrame:
    """The estimates table of one coefficient: a row for each group, `sums(group)` saying what it needs of it."""
    return estimates_table([group_row(name, group, sums(group), sampling) for group in groups], by=by)


def group_row(name: str, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """One row of an estimates table, with the group's key."""
    if sampling.interval == "two-way" and (sampling.panel is None or (sums.rows_of is None and not sums.reason)):
        offered = ", ".join(repr(option) for option in INTERVALS if option != "two-way")
        raise ParameterError(f"interval='two-way' is not offered for {name}. Use one of: {offered}.")
    found = math.nan if sums.reason else float(resample.value(sums.formula, sums.weight @ sums.terms))
    undefined = sums.reason or ("" if math.isfinite(found) else ONE_LEVEL)
    interval = {} if undefined or sampling.interval == "none" else _interval(found, group, sums, sampling)
    note = join_notes(undefined, sums.note, str(interval.pop("note", "")), group.note)
    row = estimate(name, found, estimand=SUCH_RATERS if sampling.interval == "two-way" else THESE_RATERS, n_items=sums.n_items,
                   n_raters=group.n_raters, n_ratings=sums.n_ratings, n_dropped=group.n_dropped + group.n_ratings - sums.n_ratings)
    return {**group.key, **row, **interval, "note": note}


def _interval(found: float, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """Ends, standard error and method; or the note that says why there is none."""
    terms, weight = sums.terms, sums.weight
    one = "item" if sums.cluster is None else "cluster"
    if sums.cluster is not None:
        terms, weight = resample.merge(terms, weight, sums.cluster)
    if weight.sum() < 2:
        return {"note": f"one {one}: no interval"}
    items = (found, sums.formula, terms, weight)
    low, high, se, note = _over_items(items, one, sampling) if sampling.interval != "two-way" else \
        _over_raters(items, group, sums, sampling)
    if not math.isfinite(low + high):
        return {"note": note}
    return {"low": max(low, sampling.lowest), "high": min(high, 1.0), "se": se, "confidence": sampling.confidence,
            "method": sampling.interval, "note": join_notes(note, thin(group) if se > 0 else "")}


def _over_items(items: Items, one: str, sampling: Sampling) -> tuple[float, float, float, str]:
    """Ends, standard error and note of the interval for these raters; `one` is what is left out or drawn, an item or a cluster."""
    found, formula, terms, weight = items
    if sampling.interval == "linearized":
        se = _unless_rounding(resample.linearized(formula, terms, weight))
        return *resample.t_interval(found, se, weight.sum() - 1, sampling.confidence), se, ""
    influences = resample.influences(formula, terms, weight) if sampling.interval in ("jackknife", "bca") else np.zeros(0)
    needed = f"undefined without one {one}: no interval" if np.isnan(influences).any() else ""
    if sampling.interval == "jackknife":
        se, df = resample.jackknife(weight, influences)
        se = _unless_rounding(se)
        return *resample.z_interval(found, se, df, sampling.confidence), se, needed
    draws = resample.bootstrap(formula, terms, weight, draws=sampling.draws, seed=sampling.seed)
    lost = int(np.isnan(draws).sum())
    left_out = f"{lost:,} of {sampling.draws:,} draws undefined, left out" if lost else ""
    se = _unless_rounding(float(np.nanstd(draws, ddof=1))) if lost < len(draws) - 1 else math.nan
    if sampling.interval == "bootstrap" or se == 0:
        return *resample.percentile_interval(draws, sampling.confidence), se, left_out
    low, high = resample.bca_interval(found, draws, weight, influences, sampling.confidence)
    return low, high, se, join_notes(left_out, needed or ("" if math.isfinite(low + high) else ONE_SIDE))


def _over_raters(items: Items, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> tuple[float, float, float, str]:
    """Ends, standard error and note of the interval for such raters."""
    found, formula, terms, weight = items
    change, noise = leave_each_out(sums, group, sampling.panel.cells(group.key))
    if len(change) < FEWEST_RATERS:
        return math.nan, math.nan, math.nan, FEW_RATERS
    se, df = spread(*resample.jackknife(weight, resample.influences(formula, terms, weight)), change, noise)
    se = _unless_rounding(se)
    note = "" if math.isfinite(se) else "undefined without one rater or item: no interval"
    return *resample.z_interval(found, se, df, sampling.confidence), se, note


def _unless_rounding(se: float) -> float:
    """The standard error, 0 where it is rounding."""
    return 0.0 if se < ROUNDING else se


def thin(group: Patterns | Moments) -> str:
    """A warning where few items differ or leave the commonest level, for there an interval holds less than it claims; else ""."""
    counts = getattr(group, "counts", None)
    if counts is None:
        return ""
    n = np.asarray(counts.sum(axis=1)).ravel()
    weight = group.weight * (n >= 2)
    modal = np.asarray(counts[:, [int(np.argmax(weight @ counts))]].sum(axis=1)).ravel()
    most = np.asarray(counts.max(axis=1)).ravel() if isinstance(counts, np.ndarray) else counts.max(axis=1).toarray().ravel()
    differing, off_modal = int(weight @ (most < n)), int(weight @ (modal < n))
    if differing >= DIFFERING and off_modal >= OFF_MODAL:
        return ""
    return (f"{differing:,} items with a disagreement and {off_modal:,} with an off-modal level: "
            f"the interval may hold less than it claims")
