"""Rubric files drafted from what occurs, for nobody owns one on the first day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from workbench.errors import RatingsError
from workbench.instrument import Criterion, Rubric, Scale
from workbench.ratings import Ratings
from workbench.reduce.facts import distinct, facts

MOST_LEVELS = 10_000  # labels beyond this are free text


def draft_rubrics(ratings: Ratings) -> dict[str, Rubric]:
    """File name -> rubric for every version that occurs in the snapshot and has none yet.

    Scales and levels are those that statistics assume without a rubric, so that nothing changes until the draft is edited.
    Errors: `RatingsError` for values out of order, and for a criterion with so many labels that they are no levels.
    """
    undeclared = Ratings(replace(ratings.source, rubrics={}, memory={}))
    scales = facts(undeclared).scales
    drafts: dict[str, Rubric] = {}
    for name, version in sorted({key[:2] for key in scales} - set(ratings.rubrics)):
        criteria = {criterion: Criterion(stated(undeclared, scale, rubric, criterion))
                    for (rubric, own, criterion), scale in sorted(scales.items(), key=lambda kv: kv[0]) if (rubric, own) == (name, version)}
        drafts[file_name(name, version, drafts)] = Rubric(name, version, criteria)
    return drafts


def stated(ratings: Ratings, scale: Scale, rubric: str, criterion: str) -> Scale:
    """An assumed scale as a file can state it: an interval scale by its ends, any other by all its levels."""
    if scale.name in ("interval", "ratio"):
        return replace(scale, levels=(), values=())
    if scale.levels:
        return scale
    labels = distinct(ratings.source, "label", rubric, criterion)["label"].unique().tolist()
    if len(labels) > MOST_LEVELS:
        raise RatingsError(f"{ratings.source.name}: criterion {criterion!r} has {len(labels):,} different labels, more than the {MOST_LEVELS:,} "
                           "a scale may have. If they are free text, map another column to 'label', or leave that criterion out.")
    return replace(scale, levels=tuple(labels), values=tuple(map(float, range(len(labels)))))


def file_name(name: str, version: str, taken: Mapping[str, object]) -> str:
    """NAME-VERSION.toml in letters that every file system takes, never one that is taken."""
    stem = re.sub(r"[^\w.-]+", "_", f"{name}-{version}").strip(".")[:100] or "rubric"
    place, chosen = 2, f"{stem}.toml"
    while chosen in taken:
        place, chosen = place + 1, f"{stem}_{place}.toml"
    return chosen
