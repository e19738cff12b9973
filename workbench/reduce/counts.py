"""Counts by slice, by rater and by window: what is needed to see change over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.errors import one_of
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.held import held
from workbench.reduce.scan import facts
from workbench.reduce.select import select
from workbench.reduce.tallied import group_counts, profile_rows

if TYPE_CHECKING:
    import pandas as pd


def count_by(ratings: Ratings, *, by: Sequence[str]) -> pd.DataFrame:
    """The `by` columns with n_ratings, n_items and n_raters of the panel's ratings."""
    chosen = select(ratings, by=by)
    if by and (table := held(ratings)) and (found := group_counts(table, chosen)) is not None:
        return found
    t = chosen.table
    counts = {"n_ratings": t.count(), "n_items": t.item_id.nunique(), "n_raters": t.rater_id.nunique()}
    return collect(ratings.source, t.group_by(list(by)).aggregate(**counts).order_by(list(by)) if by else t.aggregate(**counts))


def require_levels(ratings: Ratings, *, wanted: Mapping[str, str]) -> None:
    """Raise `ParameterError`, with those that occur, unless column after column some ratings are at the level `wanted`; "" asks nothing."""
    for column, level in wanted.items():
        if level:
            ratings.require(column)
            t = ratings.table
            occur = collect(ratings.source, t.filter(t[column].notnull()).select(column).distinct().order_by(column))
            one_of(column, level, occur[column].tolist())
            ratings = ratings.where(**{column: level})


def windows(ratings: Ratings, *, by: Sequence[str] = (), window: str = "week") -> pd.DataFrame:
    """Per group and window of time: n_ratings, n_items, n_raters, and total and squares of the scores.

    `window` is the UTC time at which it begins; weeks begin on Monday. Ratings without a time are left out.
    """
    t = select(ratings, by=(*by, window)).table
    t = t.filter(t[window].notnull())
    found = collect(ratings.source, t.group_by([*by, window]).aggregate(
        n_ratings=t.count(), n_items=t.item_id.nunique(), n_raters=t.rater_id.nunique(), total=t.score.sum(),
        squares=(t.score * t.score).sum()).order_by([*by, window]))
    return found.rename(columns={window: "window"})


def profiles(ratings: Ratings, *, by: Sequence[str] = (), window: str = "week") -> pd.DataFrame:
    """Per group, rater and window: how many ratings at each level, and their total and squares; level by level."""
    chosen = select(ratings, by=(*by, window))
    if (table := held(ratings)) and (found := profile_rows(table, chosen)) is not None:
        return found
    t = chosen.table
    t = t.filter(t[window].notnull())
    keys = [*by, "rater_id", window, "level"]
    found = collect(ratings.source, t.group_by(keys).aggregate(
        n=t.count(), total=t.score.sum(), squares=(t.score * t.score).sum()).order_by(keys))
    return found.rename(columns={window: "window"})


def instrument(ratings: Ratings) -> list[str]:
    """The columns that must be kept apart so that only ratings on one scale are pooled: ["criterion"], and where
    several rubrics occur "rubric", and where a criterion's scale differs by version "rubric_version"."""
    scales = facts(ratings).scales
    columns = ["criterion"]
    if len({rubric for rubric, _, _ in scales}) > 1:
        columns.append("rubric")
    if len({(rubric, criterion, scale) for (rubric, _, criterion), scale in scales.items()}) > \
            len({(rubric, criterion) for rubric, _, criterion in scales}):
        columns.append("rubric_version")
    return columns
