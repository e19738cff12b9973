"""Which reduction each group needs: patterns where levels are compared, moments where scores are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns


def reductions(ratings: Ratings, *, by: Sequence[str] = (), scale: str | None = None,
               cluster: str | None = None) -> list[Patterns | Moments]:
    """The groups' tables: moments where the scale is interval, patterns elsewhere; `scale` replaces the criteria's own."""
    from workbench.reduce import facts, moments, patterns

    if scale is not None:
        groups = (moments if scale == "interval" else patterns)(ratings, by=by, cluster=cluster)
        return [replace(group, scale=scale) for group in groups]
    if all(known.name != "interval" for known in facts(ratings).scales.values()):
        return patterns(ratings, by=by, cluster=cluster)
    groups = moments(ratings, by=by, cluster=cluster)
    if all(group.scale == "interval" for group in groups):
        return groups
    return [group if group.scale == "interval" else levelled for group, levelled in zip(groups, patterns(ratings, by=by, cluster=cluster))]


def patterns_where(ratings: Ratings, wanted: Callable[[Patterns], bool], *, by: Sequence[str],
                   cluster: str | None) -> dict[tuple[object, ...], Patterns]:
    """Patterns by the values of their key, of the groups that are `wanted`."""
    from workbench.reduce import patterns

    return {tuple(group.key.values()): group for group in patterns(ratings, by=by, cluster=cluster) if wanted(group)}
