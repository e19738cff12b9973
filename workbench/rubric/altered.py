"""A rubric altered in thought: levels merged, left out or valued anew, criteria weighted; and merges as coarse, drawn at random."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import ParameterError, examples, one_of, shorten

if TYPE_CHECKING:
    from workbench.reduce import Patterns

Groups = tuple[tuple[int, ...], ...]
Merge = Mapping[str, Sequence[Sequence[object]]]
Drop = Mapping[str, Sequence[object]]
Values = Mapping[str, Mapping[object, float]]


@dataclass(frozen=True)
class Altered:
    """One criterion as it would be: groups of old levels (their places), each a new level; values: of the old levels."""

    groups: Groups
    values: tuple[float, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """Old levels that are left."""
        return tuple(sorted(level for group in self.groups for level in group))

    @property
    def numbers(self) -> np.ndarray:
        """The number of each new level: the mean of those it is made of, (m,)."""
        return np.array([sum(self.values[level] for level in group) / len(group) for group in self.groups])

    def matrix(self, q: int) -> np.ndarray:
        """(q, m): 1 where an old level is part of a new one."""
        made = np.zeros((q, len(self.groups)))
        for place, group in enumerate(self.groups):
            made[list(group), place] = 1
        return made

    def places(self) -> np.ndarray:
        """Where each level that is kept, in the order of `kept`, stands between the lowest new level (0) and the highest (1)."""
        low, high = self.numbers.min(), self.numbers.max()
        at = {level: number for group, number in zip(self.groups, self.numbers) for level in group}
        return np.array([(at[level] - low) / (high - low) if high > low else math.nan for level in self.kept])


def unaltered(panel: Patterns) -> Altered:
    """The criterion as it is."""
    return Altered(tuple((level,) for level in range(len(panel.levels))), tuple(map(float, panel.values)))


def altered(panels: Mapping[str, Patterns], *, merge: Merge | None, drop: Drop | None, values: Values | None) -> dict[str, Altered]:
    """Every criterion as it would be. Errors: `ParameterError` for what is not in the rubric, or goes against the order of its levels."""
    for name, asked in (("merge", merge), ("drop", drop), ("values", values)):
        shaped(name, asked, panels)
    found = {}
    for criterion, panel in panels.items():
        gone = {place_of("drop", criterion, level, panel) for level in (drop or {}).get(criterion, ())}
        groups = merged(criterion, panel, (merge or {}).get(criterion, ()), gone)
        found[criterion] = Altered(groups, valued(criterion, panel, (values or {}).get(criterion, {})))
    return found


def shaped(name: str, asked: object, panels: Mapping[str, Patterns]) -> None:
    """Refuse what is not a mapping of known criteria with levels to lists (of `values`: to mappings)."""
    shape = {"merge": '{criterion: [["1", "2"], ["4", "5"]]}', "drop": '{criterion: ["3"]}', "values": '{criterion: {"1": 0.0}}'}[name]
    if asked is None:
        return
    kind = Mapping if name == "values" else Collection
    if not isinstance(asked, Mapping) or not all(isinstance(v, kind) and not isinstance(v, str) for v in asked.values()) or \
            name == "merge" and any(isinstance(group, str) or not isinstance(group, Collection) for v in asked.values() for group in v):
        raise ParameterError(f"{name}={shorten(repr(asked))} does not say which levels of which criterion. Write {name}={shape}.")
    for criterion in asked:
        one_of(f"criterion in {name}", criterion, panels)
        if not panels[criterion].levels:
            raise ParameterError(f"{name}={shorten(repr(asked))}: {criterion!r} has scores without levels, or with too many. "
                                 "Give it a few levels in a rubric file, or leave it out here and weigh it with weights.")


def place_of(name: str, criterion: str, level: object, panel: Patterns) -> int:
    """The place of a level, by its name."""
    if str(level) not in panel.levels:
        known = ", ".join(map(repr, panel.levels[:12])) + (" ..." if len(panel.levels) > 12 else "")
        raise ParameterError(f"{name}: {criterion!r} has no level {shorten(repr(level))}. Its levels are {known}.")
    return panel.levels.index(str(level))


def merged(criterion: str, panel: Patterns, asked: Sequence[Sequence[object]], gone: set[int]) -> Groups:
    """The new levels of a criterion, in the order of the lowest old one in each."""
    kept = [level for level in range(len(panel.levels)) if level not in gone]
    if not kept and panel.levels:
        raise ParameterError(f"drop: no level of {criterion!r} is left. Keep at least two; to leave the criterion out: "
                             f"weights={{{criterion!r}: 0}}.")
    wanted = [sorted({place_of("merge", criterion, level, panel) for level in group}) for group in asked]
    flat = [level for group in wanted for level in group]
    name = lambda levels: "[" + ", ".join(repr(panel.levels[level]) for level in levels) + "]"  # noqa: E731
    if again := sorted({level for level in flat if flat.count(level) > 1 or level in gone}):
        raise ParameterError(f"merge: {criterion!r} names {examples([panel.levels[level] for level in again])} twice, or also in drop. "
                             "Name each level once.")
    for group in wanted if panel.scale != "nominal" else []:
        run = kept[kept.index(group[0]):kept.index(group[-1]) + 1] if group else []
        if run != group:
            pairs = [name(pair) for pair in zip(kept, kept[1:]) if set(pair) & set(group)]
            raise ParameterError(f"merge={{{criterion!r}: [{name(group)}]}}: the levels are in order, and "
                                 f"{name([level for level in run if level not in group])[1:-1]} lies between. "
                                 f"Merge all of {name(run)}, or neighbours: {', '.join(pairs[:4])}.")
    alone = [[level] for level in kept if level not in flat]
    return tuple(sorted(tuple(group) for group in (*wanted, *alone) if group))


def valued(criterion: str, panel: Patterns, asked: Mapping[object, float]) -> tuple[float, ...]:
    """The number of each old level, those asked for replaced."""
    numbers = [float(value) for value in panel.values]
    for level, number in asked.items():
        if not isinstance(number, Real) or isinstance(number, bool) or not math.isfinite(number):
            raise ParameterError(f"values: {criterion!r} gives level {level!r} the value {shorten(repr(number))}. Use a finite number.")
        numbers[place_of("values", criterion, level, panel)] = float(number)
    if panel.scale != "nominal" and any(b < a for a, b in zip(numbers, numbers[1:])):
        wrong = next(i for i, (a, b) in enumerate(zip(numbers, numbers[1:])) if b < a)
        raise ParameterError(f"values: the levels of {criterion!r} are in order, but {panel.levels[wrong]!r} would be worth "
                             f"{numbers[wrong]:g} and {panel.levels[wrong + 1]!r} {numbers[wrong + 1]:g}. Use values that do not fall.")
    return tuple(numbers)


def weighed(weights: Mapping[str, float] | None, criteria: Sequence[str]) -> dict[str, float]:
    """The weight of each criterion, 1 where none is given. Errors: `ParameterError` for others than numbers from 0, not all 0."""
    if weights is not None and not isinstance(weights, Mapping):
        raise ParameterError(f"weights={shorten(repr(weights))} does not say what each criterion weighs. Write weights={{criterion: 2.0}}.")
    for criterion, weight in (weights or {}).items():
        one_of("criterion in weights", criterion, criteria)
        if not isinstance(weight, Real) or isinstance(weight, bool) or not 0 <= weight < math.inf:
            raise ParameterError(f"weights: {criterion!r} weighs {shorten(repr(weight))}. Use a number from 0 up; 0 leaves it out.")
    found = {criterion: float((weights or {}).get(criterion, 1.0)) for criterion in criteria}
    if criteria and not any(found.values()):
        raise ParameterError("weights: all criteria weigh 0, so that none is left. Give one of them a weight above 0.")
    return found


def as_coarse(one: Altered, ordered: bool, most: int, seed: int) -> list[Altered]:
    """Other merges of the same levels into as many: all where these are at most `most`, else so many drawn at random."""
    kept, m = one.kept, len(one.groups)
    if m == len(kept):
        return []
    if ordered:
        found = runs(len(kept), m, most, seed)
    else:
        found = partitions(len(kept), m) if ways(len(kept), m) <= most else drawn_partitions(len(kept), m, most, seed)
    made = dict.fromkeys(tuple(sorted(tuple(kept[i] for i in group) for group in groups)) for groups in found)
    return [Altered(groups, one.values) for groups in made if groups != one.groups]


def runs(k: int, m: int, most: int, seed: int) -> Iterator[Groups]:
    """Partitions of k levels in order into m runs."""
    if math.comb(k - 1, m - 1) <= most:
        cuts: Iterator[Sequence[int]] = combinations(range(1, k), m - 1)
    else:
        generator = np.random.default_rng(seed)
        cuts = (sorted(1 + generator.permutation(k - 1)[:m - 1]) for _ in range(most))
    for cut in cuts:
        ends = [0, *map(int, cut), k]
        yield tuple(tuple(range(a, b)) for a, b in zip(ends, ends[1:]))


@lru_cache(maxsize=None)
def ways(k: int, m: int) -> int:
    """How many partitions of k levels into m there are: Stirling's number of the second kind."""
    return int(k == m) if k == 0 or m == 0 else ways(k - 1, m - 1) + m * ways(k - 1, m)


def partitions(k: int, m: int) -> Iterator[Groups]:
    """All partitions of k levels into m, the last level either alone or in one of the groups of the others."""
    if k == 0 or m == 0:
        yield from [()] if k == m else []
        return
    for groups in partitions(k - 1, m - 1):
        yield (*groups, (k - 1,))
    for groups in partitions(k - 1, m):
        for place in range(m):
            yield (*groups[:place], (*groups[place], k - 1), *groups[place + 1:])


def drawn_partitions(k: int, m: int, most: int, seed: int) -> Iterator[Groups]:
    """Partitions of k levels into m, each as likely as any other."""
    generator = np.random.default_rng(seed)
    for _ in range(most):
        alone, left = [], m
        for level in range(k - 1, -1, -1):
            apart = left > 0 and generator.random() < ways(level, left - 1) / ways(level + 1, left)
            alone.append(apart)
            left -= apart
        groups: list[list[int]] = []
        for level, apart in enumerate(reversed(alone)):
            groups = [*groups, [level]] if apart else groups
            if not apart:
                groups[generator.integers(len(groups))].append(level)
        yield tuple(map(tuple, groups))
