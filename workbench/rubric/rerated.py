"""What raters change when they rate the same item again under one version: the movement that no new version is needed for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.rubric.pairing import INSTRUMENT, versions

if TYPE_CHECKING:
    from workbench.ratings import Ratings

NO_REPEATS = "no rater rated an item twice under one version: what re-rating alone changes cannot be told"


@dataclass(frozen=True)
class Again:
    """Pairs of ratings that one rater gave one item under one version, each pair from both sides, so that their order plays no part.

    unit (R,): code of item and rater. rater (R,): its id. levels (R, 2), -1 where there are none; scores (R, 2).
    """

    unit: np.ndarray
    rater: np.ndarray
    levels: np.ndarray
    scores: np.ndarray


def rerated(ratings: Ratings, pair: tuple[str, str]) -> dict[str, Again]:
    """The re-ratings of each criterion under either version of the pair; criteria without any are left out."""
    from workbench.reduce import repeated_ratings

    known = versions(ratings).set_index("version").loc[list(pair), ["rubric", "rubric_version"]]
    wanted, parts = set(known.itertuples(index=False, name=None)), {}
    for group in repeated_ratings(ratings, by=INSTRUMENT):
        if (group.key["rubric"], group.key["rubric_version"]) in wanted and len(group.unit):
            one, other = both_ways(group.unit)
            found = parts.setdefault(group.key["criterion"], [])
            found.append(Again(group.unit[one], group.names[group.rater[one]],
                               *(np.column_stack([column[one], column[other]]) for column in (group.level, group.score))))
    return {criterion: joined(found) for criterion, found in parts.items()}


def joined(parts: list[Again]) -> Again:
    """The pairs of several versions as one, their units kept apart."""
    first = np.cumsum([0, *(own.unit.max() + 1 for own in parts[:-1])])
    unit = np.concatenate([own.unit + start for own, start in zip(parts, first)])
    return Again(unit, *(np.concatenate([getattr(own, field) for own in parts]) for field in ("rater", "levels", "scores")))


def both_ways(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of each two different rows of one unit, in both orders; `unit` (R,), equal ones side by side."""
    pairs, away = [], 1
    while away < len(unit) and len(left := np.flatnonzero(unit[:-away] == unit[away:])):
        pairs.append(np.column_stack([left, left + away]))
        away += 1
    both = np.concatenate([*pairs, *(part[:, ::-1] for part in pairs), np.zeros((0, 2), dtype=int)])
    return both[:, 0], both[:, 1]


def flow_again(again: Again, q: int) -> np.ndarray:
    """Counts (q, q) of re-ratings by the level of one and of the other."""
    table = np.zeros((q, q), dtype=int)
    known = (again.levels >= 0).all(axis=1)
    np.add.at(table, tuple(again.levels[known].T), 1)
    return table
