"""The instrument ratings are made with: rubrics, their criteria, and the scale of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scale:
    """How one criterion is rated: `levels` in order with the number each stands for; `assumed` without a rubric.

    `minimum` and `maximum` bound an interval or ratio scale without levels.
    """

    name: str
    levels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    uses: str = "score"
    assumed: bool = False


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric. `weights`: what a marked error costs, by "severity" or "severity/category", where errors make the score."""

    scale: Scale
    definition: str = ""
    wordings: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rubric:
    """One version of an instrument, as its file states it."""

    name: str
    version: str
    criteria: Mapping[str, Criterion]
    parent: str = ""
    author_party: str = ""
    in_force: dt.date | None = None
    changed: str = ""
    source: str = ""
