"""What an altered rubric is tried on: counts of levels by item, and of levels by system and prompt, from one scan, kept in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from workbench.rubric.standing import NO_ORDER, NO_PROMPTS, NOT_LINKED, linked, too_few

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns
    from workbench.rubric.altered import Altered

Made = TypeVar("Made")

NO_SYSTEM = "no system is named"
IN_PAIRS = "systems were judged in pairs, whose levels are no places of a system: read rank_systems"
ONE_VALUE = "all levels that are left have one value"
MOST_GROUPS, FEWEST_GROUPS = 4_000, 200      # of prompts, drawn together where prompts are more: an error from 4,000 is 2 % off
ROOM = 20_000_000        # numbers held for the systems of a criterion
MOST_LEVELS = 30         # a scale of more is taken for one without: nobody merges 100 points by hand
MOST_KNOWN = 500         # answers kept, for a long session of sliders


@dataclass(frozen=True)
class Tally:
    """One criterion's ratings by prompt and system.

    prompt, system (C,): codes. counts (C, q): ratings at each level; of a scale without levels (C, 2): the sum of the scores' places
    between the scale's ends, and of what is left to 1. reason: why systems have no places, "" where they have.
    """

    prompt: np.ndarray
    system: np.ndarray
    counts: np.ndarray
    reason: str = ""


@dataclass(frozen=True)
class Shares:
    """How often a system has each level, at the mean prompt (k, q), and what each group of prompts adds to that (G, k, q).

    groups (G,): codes of the groups, the same for all criteria. systems (k,): codes. df (k,): prompts less 1.
    """

    level: np.ndarray
    influence: np.ndarray
    groups: np.ndarray
    systems: np.ndarray
    df: np.ndarray
    note: str


@dataclass(frozen=True)
class Rehearsal:
    """All that `what_if` asks of the ratings. known: what was worked out before, by its question."""

    panels: dict[str, Patterns]
    tallies: dict[str, Tally]
    systems: np.ndarray
    group: np.ndarray
    note: str
    known: dict[object, object] = field(default_factory=dict, compare=False, repr=False)

    def shares(self, criterion: str, kept: tuple[int, ...]) -> Shares | str:
        """The systems' shares of the levels that are kept, or why there are none."""
        return self.once(("shares", criterion, kept), lambda: shares_of(self.tallies[criterion], kept, self.group, self.note))

    def once(self, question: object, answer: Callable[[], Made]) -> Made:
        """The answer to a question, worked out the first time."""
        if question not in self.known:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[question] = answer()
        return self.known[question]


def rehearsal(ratings: Ratings) -> Rehearsal:
    """The rehearsal of these ratings, made once and kept with their source."""
    memory, place = ratings.source.memory, repr(("what if", ratings.conditions, ratings.start, ratings.end))
    if place not in memory:
        from workbench.reduce import facts, patterns

        panels = {str(group.key["criterion"]): group if len(group.levels) <= MOST_LEVELS else replace(group, levels=())
                  for group in patterns(ratings, by=["criterion"])}
        bounds = {key[-1]: (scale.minimum, scale.maximum) for key, scale in facts(ratings).scales.items()}
        memory[place] = rehearsed(ratings, panels, bounds)
    return memory[place]


def rehearsed(ratings: Ratings, panels: dict[str, Patterns], bounds: dict[str, tuple[float | None, float | None]]) -> Rehearsal:
    """The rehearsal, made anew; `bounds` of scores without levels."""
    from workbench.reduce import cells

    nothing = Tally(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 1)), NO_SYSTEM)
    if "system" in ratings.missing or not panels:
        return Rehearsal(panels, dict.fromkeys(panels, nothing), np.zeros(0, object), np.zeros(0, int), "")
    rows = cells(ratings, by=["criterion"], extra=[c for c in ("system", "system_b", "prompt_id") if c not in ratings.missing])
    rows = rows[rows["system"].notna()]
    system, systems = pd.factorize(rows["system"].astype(str), sort=True)
    named = "prompt_id" in rows and rows["prompt_id"].notna().any()
    asked = rows["prompt_id"].astype(object).where(rows["prompt_id"].notna(), rows["item_id"]) if named else rows["item_id"]
    prompt, prompts = pd.factorize(asked)
    own, size = rows["criterion"].astype(str).to_numpy(), len(systems) * max(max((len(p.levels) for p in panels.values()), default=1), 2)
    most = int(np.clip(ROOM // max(size, 1), FEWEST_GROUPS, MOST_GROUPS))
    group = np.arange(len(prompts)) if len(prompts) <= most else np.random.default_rng(0).permutation(len(prompts)) % most
    tallies = {criterion: tally(rows[own == criterion], prompt[own == criterion], system[own == criterion], panel, bounds.get(criterion))
               for criterion, panel in panels.items()}
    return Rehearsal(panels, tallies, np.asarray(systems, dtype=object), group, "" if named else NO_PROMPTS)


def tally(rows: pd.DataFrame, prompt: np.ndarray, system: np.ndarray, panel: Patterns,
          bounds: tuple[float | None, float | None] | None) -> Tally:
    """One criterion's ratings counted by prompt, system and level."""
    if "system_b" in rows and rows["system_b"].notna().any():
        return Tally(prompt, system, np.zeros((0, 1)), IN_PAIRS)
    if not len(rows):
        return Tally(prompt, system, np.zeros((0, 1)), NO_SYSTEM)
    cell, place = np.unique(prompt.astype(np.int64) * (system.max() + 1) + system, return_inverse=True)
    if panel.levels:
        level = rows["level"].to_numpy(dtype=int)
        counts = np.bincount(place * len(panel.levels) + level, minlength=len(cell) * len(panel.levels)).reshape(len(cell), -1)
    else:
        score = rows["score"].to_numpy(dtype=float)
        low, high = (own(score) if end is None else end for own, end in zip((np.min, np.max), bounds or (None, None)))
        above = np.bincount(place, (score - low) / (high - low) if high > low else score * 0, len(cell))
        counts = np.column_stack([np.bincount(place, minlength=len(cell)) - above, above])
    return Tally(cell // (system.max() + 1), cell % (system.max() + 1), counts.astype(float))


def shares_of(own: Tally, kept: tuple[int, ...], group: np.ndarray, note: str) -> Shares | str:
    """`Shares` of one criterion's levels that are kept."""
    counts = own.counts[:, list(kept)] if kept else own.counts
    n = counts.sum(axis=1)
    prompts, prompt = np.unique(own.prompt[n > 0], return_inverse=True)
    systems, system = np.unique(own.system[n > 0], return_inverse=True)
    if len(systems) < 2 or len(prompts) < 2:
        return too_few(len(systems), len(prompts))
    cells = np.full((len(prompts), len(systems), counts.shape[1]), np.nan)
    cells[prompt, system] = counts[n > 0] / n[n > 0, None]
    seen = ~np.isnan(cells[:, :, 0])
    paired = linked(seen)
    level, influence = (paired_shares if paired else own_shares)(cells, seen)
    codes, place = np.unique(group[prompts], return_inverse=True)
    if len(codes) < len(prompts):
        order = np.argsort(place, kind="stable")
        influence = np.add.reduceat(influence[order], np.flatnonzero(np.diff(place[order], prepend=-1)))
    return Shares(level, influence, codes, systems, seen.sum(axis=0) - 1, note or ("" if paired else NOT_LINKED))


def paired_shares(cells: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Systems' shares of every level adjusted to the same prompts (k, q), and what each prompt adds (P, k, q): `paired_means` of
    cells (P, k, q), `seen` (P, k), all levels at once."""
    n, k = seen.sum(axis=1), seen.shape[1]
    normal = np.diag(seen.sum(axis=0)) - (seen / n[:, None]).T @ seen
    lift = np.trace(normal) / k**2       # systems' effects have sum 0, of which the normal matrix says nothing
    inverse = np.linalg.inv(normal + lift) - 1 / (lift * k**2)
    own = np.where(seen[:, :, None], cells, 0.0).sum(axis=1) / n[:, None]
    within = np.where(seen[:, :, None], cells - own[:, None], 0.0)
    effect = inverse @ within.sum(axis=0)
    expected = seen @ effect / n[:, None]
    within -= np.where(seen[:, :, None], effect - expected[:, None], 0.0)
    influence = np.matmul(inverse, within)
    level = own - expected
    influence += ((level - level.mean(axis=0)) / len(n) - (seen / n[:, None]).mean(axis=0) @ influence)[:, None]
    return level.mean(axis=0) + effect, influence


def own_shares(cells: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `paired_shares`, each system by its own prompts."""
    part = seen / seen.sum(axis=0)
    value = (part[:, :, None] * np.where(seen[:, :, None], cells, 0.0)).sum(axis=0)
    return value, part[:, :, None] * np.where(seen[:, :, None], cells - value, 0.0)


@dataclass(frozen=True)
class Placed:
    """Systems' places between 0 and 1 (k,), and what each group of prompts adds to them (G, k)."""

    value: np.ndarray
    influence: np.ndarray
    groups: np.ndarray
    systems: np.ndarray
    df: np.ndarray
    note: str


def placed(tried: Rehearsal, criterion: str, one: Altered) -> Placed | str:
    """Where systems stand on one criterion as it would be, or why that is undefined."""
    return tried.once(("placed", criterion, one), lambda: found_places(tried, criterion, one))


def found_places(tried: Rehearsal, criterion: str, one: Altered) -> Placed | str:
    """`placed`, worked out anew."""
    panel = tried.panels[criterion]
    if tried.tallies[criterion].reason:
        return tried.tallies[criterion].reason
    if panel.levels:
        if panel.scale == "nominal" and len(one.groups) > 2 and one.values == tuple(map(float, panel.values)):
            return NO_ORDER
        numbers = one.places()
        if np.isnan(numbers).any():
            return ONE_VALUE
    else:
        numbers = np.array([0.0, 1.0])
    found = tried.shares(criterion, one.kept)
    if isinstance(found, str):
        return found
    return Placed(found.level @ numbers, found.influence @ numbers, found.groups, found.systems, found.df, found.note)


def composite(parts: dict[str, Placed | str], weights: dict[str, float]) -> Placed | str:
    """The weighted mean of systems' places on several criteria, on the systems that all of these rated."""
    used = {criterion: part for criterion, part in parts.items() if weights[criterion] > 0}
    if lost := {criterion: part for criterion, part in used.items() if isinstance(part, str)}:
        criterion, why = next(iter(lost.items()))
        return f"{criterion}: {why}"
    first, *others = used.values()
    common = first.systems
    for other in others:
        common = np.intersect1d(common, other.systems)
    if len(common) < 2:
        return "no two systems were rated on all criteria that count"
    same = all(np.array_equal(part.groups, first.groups) for part in others)
    groups = first.groups if same else np.unique(np.concatenate([part.groups for part in used.values()]))
    value, influence, df = np.zeros(len(common)), np.zeros((len(groups), len(common))), np.full(len(common), math.inf)
    for criterion, part in used.items():
        share, at = weights[criterion] / sum(weights.values()), np.searchsorted(part.systems, common)
        value += share * part.value[at]
        influence[slice(None) if same else np.searchsorted(groups, part.groups)] += share * part.influence[:, at]
        df = np.minimum(df, part.df[at])
    return Placed(value, influence, groups, common, df, first.note)
