"""What the rubric files say has changed from one version to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from workbench.instrument import Criterion, Rubric
    from workbench.ratings import Ratings

COLUMNS = ["rubric", "from_version", "to_version", "criterion", "what", "old", "new", "comparable"]


def diff(ratings: Ratings) -> pd.DataFrame:
    """What changed between the versions of each rubric, as its files state it?

    One row a change: `what` is "added", "removed", "scale", "levels", "wording", "definition", or "stated" (the file's own account, of no
    criterion); `old` and `new` its texts. `comparable` is "yes" where scores keep their scale and levels (whether raters use them alike is
    for `shift` to tell), "after linking" where scale or levels differ, "no" where there is nothing to compare.
    A version is held against its `parent`, else against the one in force before it. Without two files of one rubric the table is empty.
    """
    rows = [{"rubric": new.name, "from_version": old.version, "to_version": new.version} | change
            for old, new in successions(ratings.rubrics) for change in changes(old, new)]
    return pd.DataFrame(rows, columns=COLUMNS)


def successions(rubrics: Mapping[tuple[str, str], Rubric]) -> list[tuple[Rubric, Rubric]]:
    """Each version with the one it came from, in the order in which they came into force."""
    pairs = []
    for name in sorted({key[0] for key in rubrics}):
        line = sorted((r for key, r in rubrics.items() if key[0] == name), key=lambda r: (str(r.in_force or ""), r.version))
        for before, rubric in zip([None, *line], line):
            parent = rubrics.get((name, rubric.parent)) or before
            pairs += [(parent, rubric)] if parent is not None and parent is not rubric else []
    return pairs


def changes(old: Rubric, new: Rubric) -> Iterator[dict[str, str]]:
    """Every difference of two versions."""
    if new.changed:
        yield {"criterion": "", "what": "stated", "old": "", "new": new.changed, "comparable": ""}
    for name in dict.fromkeys((*old.criteria, *new.criteria)):
        before, after = old.criteria.get(name), new.criteria.get(name)
        if before is None or after is None:
            yield {"criterion": name, "what": "added" if before is None else "removed", "old": before.definition if before else "",
                   "new": after.definition if after else "", "comparable": "no"}
        else:
            yield from criterion_changes(name, before, after)


def criterion_changes(name: str, old: Criterion, new: Criterion) -> Iterator[dict[str, str]]:
    """Differences of one criterion: its scale, its levels, their wordings, its definition."""
    kept = (old.scale.name, old.scale.levels, old.scale.values) == (new.scale.name, new.scale.levels, new.scale.values)
    row = {"criterion": name, "comparable": "yes" if kept else "after linking"}
    if old.scale.name != new.scale.name:
        yield row | {"what": "scale", "old": old.scale.name, "new": new.scale.name}
    if (old.scale.levels, old.scale.values) != (new.scale.levels, new.scale.values):
        yield row | {"what": "levels", "old": levels_text(old), "new": levels_text(new)}
    if old.definition != new.definition:
        yield row | {"what": "definition", "old": old.definition, "new": new.definition}
    before, after = (dict(zip(c.scale.levels, c.wordings)) for c in (old, new))
    for level in dict.fromkeys((*before, *after)):
        if level in before and level in after and before[level] != after[level]:
            yield row | {"what": "wording", "old": f"{level}: {before[level]}", "new": f"{level}: {after[level]}"}


def levels_text(criterion: Criterion) -> str:
    """Levels with the numbers they stand for."""
    return ", ".join(name if name == f"{value:g}" else f"{name} = {value:g}"
                     for name, value in zip(criterion.scale.levels, criterion.scale.values))
