"""Which reduction each group needs: patterns where levels are compared, moments where scores are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.ratings import Ratings, Scale
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
    others = patterns_where(ratings, lambda known: known.name != "interval", by=by, cluster=cluster)
    return [group if group.scale == "interval" else others[tuple(group.key.values())] for group in groups]


def patterns_where(ratings: Ratings, wanted: Callable[[Scale], bool], *, by: Sequence[str],
                   cluster: str | None) -> dict[tuple[object, ...], Patterns]:
    """Patterns by the values of their key, of the instruments whose scale is `wanted`; groups of others are absent.

    In one scan where naming rubrics, versions and criteria picks exactly these instruments, else in one for each rubric version.
    """
    from workbench.reduce import facts, patterns

    scales = facts(ratings).scales
    chosen = {instrument for instrument, scale in scales.items() if wanted(scale)}
    rubrics, versions, criteria = ({instrument[k] for instrument in chosen} for k in range(3))
    box = {(r, v, c) for r, v, c in scales if r in rubrics and v in versions and c in criteria}
    editions = sorted({instrument[:2] for instrument in chosen})
    parts = [chosen] if box == chosen else [{i for i in chosen if i[:2] == edition} for edition in editions]
    found = {}
    for part in filter(None, parts):
        names = [sorted({instrument[k] for instrument in part}) for k in range(3)]
        kept = ratings if part == set(scales) else ratings.where(rubric=names[0], rubric_version=names[1], criterion=names[2])
        found |= {tuple(group.key.values()): group for group in patterns(kept, by=by, cluster=cluster)}
    return found
