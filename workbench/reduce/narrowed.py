"""Which ratings in memory are selected, which of a rater's repeats is the last, and what can be held as it is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from workbench.instrument import Scale
    from workbench.ratings import Ratings
    from workbench.reduce.held import Held

INSTRUMENT = ("rubric", "rubric_version", "criterion")
KEEP_NUMBERS = ("item_id", "rater_id", "prompt_id", "session", "rating_id")  # ids: whole numbers are not made text
NEVER = np.iinfo(np.int64).min  # no time at all


def selected_rows(table: Held, ratings: Ratings) -> np.ndarray | None:
    """The rows that `Ratings.table` holds; None where a condition is on a column that is not told here."""
    keep, time = np.ones(table.n, bool), table.times("rated_at")
    undated = time == NEVER
    undated[undated] = table.matching("rater_kind", ("gold",))[undated]
    if ratings.end is not None:
        keep = (time != NEVER) & (time < microseconds(ratings.end)) | undated
    if "replaces" in table.frame:
        replaces = table.frame["replaces"]
        gone = set(replaces[keep].dropna().astype(str))
        keep = keep & (replaces.isna().to_numpy() | table.given("score") | table.given("label"))
        if gone and "rating_id" in table.frame:
            keep &= ~table.frame["rating_id"].astype("str").isin(gone).to_numpy()
    if ratings.start is not None:
        keep = keep & ((time != NEVER) & (time >= microseconds(ratings.start)) | undated)
    for column, values in ratings.conditions:
        if (met := table.matching(column, values)) is None:
            return None
        keep = keep & met
    return np.flatnonzero(keep)


def microseconds(time: dt.datetime) -> int:
    """A moment as the columns of times hold it."""
    return (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def last_ones(key: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Of the ratings with one key the place of the last in time, and of these the last in order."""
    order = np.lexsort((time, key))
    return np.sort(order[np.append(np.diff(key[order]) > 0, True)])


def fits(values: pd.Series, name: str, wanted: str) -> bool:
    """Whether a column is of the contract's type as it is, so that reading it changes and refuses nothing."""
    import pandas as pd

    kind = values.dtype
    if name == "step":
        return False
    if wanted == "string":
        return isinstance(kind, pd.StringDtype) or (kind.kind == "i" and isinstance(kind, np.dtype) and name in KEEP_NUMBERS)
    if wanted.startswith("timestamp"):
        return kind.kind == "M"
    return isinstance(kind, np.dtype) and kind.kind in ("i" if wanted == "int64" else "if")


def places(scale: Scale, column: str, values: np.ndarray) -> list[int]:
    """The place of each value on a scale, -1 where it is none of its levels."""
    known = (scale.levels if column == "label" else scale.values) if scale.uses == column or not scale.assumed else ()
    place = {value: i for i, value in enumerate(known)}
    return [place.get(value, -1) for value in values]
