"""Rubric files drafted from what occurs, for nobody owns one on the first day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from workbench.errors import RatingsError
from workbench.instrument import Criterion, Rubric, Scale
from workbench.ratings import Ratings
from workbench.reduce.scan import LABELS_LIMIT, distinct, facts


def draft_rubrics(ratings: Ratings) -> dict[str, Rubric]:
    """File name -> rubric for every version that occurs in the snapshot and has none yet.

    Scales and levels are those that statistics assume without a rubric, so that nothing changes until the draft is edited.
    Errors: `RatingsError` for values out of order, and for a criterion with so many labels that they are no levels.
    """
    undeclared = Ratings(replace(ratings.source, rubrics={}, memory={}))
    scales = facts(undeclared).scales
    drafts: dict[str, Rubric] = {}
    for name, version in sorted({key[:2] for key in scales} - set(ratings.rubrics)):
        own = sorted(criterion for *rubric, criterion in scales if tuple(rubric) == (name, version))
        criteria = {line: Criterion(stated(undeclared, scales[name, version, line], name, line)) for line in own}
        drafts[file_name(name, version, drafts)] = Rubric(name, version, criteria)
    return drafts


def stated(ratings: Ratings, scale: Scale, rubric: str, criterion: str) -> Scale:
    """An assumed scale as a file can state it: by its levels, or an interval scale by its ends."""
    if scale.levels and scale.name == "nominal" or scale.name == "ordinal":
        return scale
    n_labels = len(distinct(ratings.source, "label", rubric, criterion)["label"].unique()) if scale.uses == "label" else 0
    if n_labels:
        raise RatingsError(f"{ratings.source.name}: criterion {criterion!r} has {n_labels:,} different labels, more than the "
                           f"{LABELS_LIMIT:,} that a scale may have. If they are free text, map another column to 'label', or leave "
                           "that criterion out.")
    return replace(scale, name="interval" if scale.name == "nominal" else scale.name, levels=(), values=())


def file_name(name: str, version: str, taken: Mapping[str, object]) -> str:
    """NAME-VERSION.toml in letters that every file system takes, never one that is taken."""
    stem = re.sub(r"[^\w.-]+", "_", f"{name}-{version}").strip(".")[:100] or "rubric"
    place, chosen = 2, f"{stem}.toml"
    while chosen in taken:
        place, chosen = place + 1, f"{stem}_{place}.toml"
    return chosen
