"""From what a coefficient needs of a group to its row of estimates: value, interval, counts and reasons. Shared by all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import ParameterError, one_of
from workbench.estimates import estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.reduce import Moments, Patterns

INTERVALS = ("linearized", "bootstrap", "none")
NO_PAIR = "no item has two ratings"
ONE_LEVEL = "only one level occurs"

# A standard error this small is rounding: every item says the same.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Sums:
    """One group, ready for a coefficient: its value is `formula(weight @ terms)`.

    `terms` (P, m) is what an item contributes, `weight` (P,) the number of items that contribute it, `cluster` (P,) the
    cluster they lie in or None. `n_items`, `n_ratings` count what was used. `reason` says why the value is undefined, if it is.
    """

    formula: resample.Formula
    terms: resample.Terms
    weight: np.ndarray
    cluster: np.ndarray | None
    n_items: int
    n_ratings: int
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Sampling:
    """How an interval is made; the arguments all coefficients share."""

    interval: str = "linearized"
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0
    lowest: float = -math.inf

    def __post_init__(self) -> None:
        one_of("interval", self.interval, INTERVALS)
        if not 0 < self.confidence < 1:
            raise ParameterError(f"confidence={self.confidence!r} is not a share between 0 and 1. Use 0.95 for 95 %.")
        if self.interval == "bootstrap" and not (isinstance(self.draws, int) and self.draws >= 2):
            raise ParameterError(f"draws={self.draws!r} is too few for an interval. Use a whole number, 1000 or more.")


def estimates(name: str, groups: Iterable[Patterns | Moments], sums: Callable[..., Sums], *, by: Sequence[str],
              sampling: Sampling) -> pd.DataFrame:
    """The estimates table of one coefficient: a row for each group, `sums(group)` saying what it needs of it."""
    return estimates_table([group_row(name, group, sums(group), sampling) for group in groups], by=by)


def group_row(name: str, group: Patterns | Moments, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """One row of an estimates table, with the group's key."""
    found = math.nan if sums.reason else float(resample.value(sums.formula, sums.weight @ sums.terms))
    undefined = sums.reason or ("" if math.isfinite(found) else ONE_LEVEL)
    interval = {} if undefined or sampling.interval == "none" else _interval(found, sums, sampling)
    note = join_notes(undefined, sums.note, str(interval.pop("note", "")), group.note)
    row = estimate(name, found, n_items=sums.n_items, n_raters=group.n_raters, n_ratings=sums.n_ratings,
                   n_dropped=group.n_dropped + group.n_ratings - sums.n_ratings)
    return {**group.key, **row, **interval, "note": note}


def _interval(found: float, sums: Sums, sampling: Sampling) -> dict[str, object]:
    """Ends, standard error and method; or the note that says why there is none."""
    terms, weight = sums.terms, sums.weight
    if sums.cluster is not None:
        terms, weight = resample.merge(terms, weight, sums.cluster)
    if (n := weight.sum()) < 2:
        return {"note": f"one {'item' if sums.cluster is None else 'cluster'}: no interval"}
    if sampling.interval == "linearized":
        se, lost = resample.linearized(sums.formula, terms, weight), 0
        se = 0.0 if se < ROUNDING else se
        low, high = resample.t_interval(found, se, n - 1, sampling.confidence)
    else:
        draws = resample.bootstrap(sums.formula, terms, weight, draws=sampling.draws, seed=sampling.seed)
        lost = int(np.isnan(draws).sum())
        se = float(np.nanstd(draws, ddof=1)) if lost < len(draws) - 1 else math.nan
        low, high = resample.percentile_interval(draws, sampling.confidence)
    return {"low": max(low, sampling.lowest), "high": min(high, 1.0), "se": se, "confidence": sampling.confidence,
            "method": sampling.interval, "note": f"{lost:,} of {sampling.draws:,} draws undefined, left out" if lost else ""}
