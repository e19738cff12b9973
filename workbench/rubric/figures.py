"""The figures of one criterion as it is, or as it would be: every coefficient, and the separation of systems."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import resample
from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import as_array, chance_sums, row_sums
from workbench.agreement.estimate import ONE_LEVEL, Sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums
from workbench.agreement.weights import BY_SCALE
from workbench.estimates import join_notes
from workbench.rubric.altered import Altered
from workbench.rubric.rehearsed import MOST_LEVELS, Placed, Rehearsal, placed
from workbench.rubric.separation import NO_SPREAD, signal_to_noise

if TYPE_CHECKING:
    from workbench.reduce import Patterns

SEPARATION = "separation"
ONE_LEFT = "one level is left: there is nothing to agree on"
NO_LEVELS = f"no levels that could be merged (at most {MOST_LEVELS}): read krippendorff_alpha"

COEFFICIENTS: dict[str, Callable[[Patterns], Sums]] = {
    "percent_agreement": percent_sums,
    "krippendorff_alpha": alpha_sums,
    "gwet_ac": lambda group: chance_sums(group, ac_chance, BY_SCALE[group.scale], assumed=True),
    "fleiss_kappa": lambda group: chance_sums(group, fleiss_chance, BY_SCALE[group.scale]),
    "brennan_prediger": lambda group: chance_sums(group, uniform_chance, BY_SCALE[group.scale], assumed=True),
}
ALPHA = "krippendorff_alpha"       # of which items rated once are no part


@dataclass(frozen=True)
class Found:
    """A figure and what each of the rows, of which there are `weight`, adds to it: all (P,), but nan and a reason where undefined."""

    value: float
    influence: np.ndarray
    weight: np.ndarray
    note: str = ""

    def error(self) -> tuple[float, float]:
        """Jackknife error and degrees of freedom."""
        known = self.weight.sum() >= 2 and np.isfinite(self.influence).all()
        return resample.jackknife(self.weight, self.influence) if known else (math.nan, math.nan)

    def scaled(self, share: float) -> Found:
        """The figure times a share."""
        return replace(self, value=self.value * share, influence=self.influence * share)

    def less(self, other: Found) -> Found:
        """The difference, from the same items."""
        if not len(self.influence) or not len(other.influence):
            return undefined(join_notes(other.note, self.note))
        return Found(self.value - other.value, self.influence - other.influence, np.maximum(self.weight, other.weight))


def undefined(why: str) -> Found:
    """No figure, and why."""
    return Found(math.nan, np.zeros(0), np.zeros(0), why)


def figures(tried: Rehearsal, criterion: str, one: Altered, *, alone: bool = False) -> dict[str, Found]:
    """All figures of a criterion as it would be, worked out once; `alone`: their values, without what items add."""
    return tried.once(("figures", criterion, one, alone), lambda: coefficients(tried.panels[criterion], one, alone) | {
        SEPARATION: figure_of(tried, placed(tried, criterion, one))})


def coefficients(panel: Patterns, one: Altered, alone: bool) -> dict[str, Found]:
    """Every coefficient of one criterion as it would be."""
    if not panel.levels or len(one.groups) < 2:
        return dict.fromkeys(COEFFICIENTS, undefined(NO_LEVELS if not panel.levels and panel.n_ratings else ONE_LEFT))
    counts = as_array(panel.counts) @ one.matrix(len(panel.levels))
    weight = np.where(row_sums(counts) > 0, panel.weight, 0.0)       # an item that lost all its ratings is no item
    group = replace(panel, counts=counts, weight=weight, levels=tuple(map(str, range(len(one.groups)))), values=one.numbers)
    return {name: measured(name, group, sums(group), panel, alone) for name, sums in COEFFICIENTS.items()}


def measured(name: str, group: Patterns, sums: Sums, panel: Patterns, alone: bool) -> Found:
    """One coefficient of a group whose rows are those of `panel`, with levels merged or left out."""
    value = math.nan if sums.reason else float(resample.value(sums.formula, sums.weight @ sums.terms))
    if math.isnan(value):
        return undefined(sums.reason or ONE_LEVEL)
    if alone:
        return Found(value, np.zeros(0), np.zeros(0))
    influence = np.zeros(len(group.weight))
    rows = row_sums(group.counts) >= 2 if name == ALPHA else np.full(len(influence), True)
    influence[rows] = resample.influences(sums.formula, sums.terms, sums.weight)
    counted = row_sums(as_array(panel.counts)) >= (2 if name == ALPHA else 1)
    return Found(value, influence, np.where(counted, panel.weight, 0.0), sums.note)


def figure_of(tried: Rehearsal, own: Placed | str) -> Found:
    """The separation of systems at these places, over all groups of prompts."""
    if isinstance(own, str):
        return undefined(own)
    value, added = signal_to_noise(own.value, own.influence)
    if math.isnan(value):
        return undefined(NO_SPREAD)
    influence, weight = np.zeros((2, tried.group.max() + 1))
    influence[own.groups], weight[own.groups] = added, 1.0
    return Found(value, influence, weight, own.note)
