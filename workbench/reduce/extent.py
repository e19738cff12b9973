"""How much is selected: rows, items, raters and the span of time, in all or by some columns; from memory where it is held there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.ratings import with_virtual
from workbench.reduce.collect import collect
from workbench.reduce.held import Held, held, whole
from workbench.reduce.narrowed import INSTRUMENT, NEVER

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings import Ratings
    from workbench.source import Source


def n_selected(ratings: Ratings) -> int:
    """How many rows are selected."""
    table = held(ratings, empty=True)
    return int(ratings.table.count().execute()) if table is None else table.n


def rows(ratings: Ratings, limit: int | None) -> pd.DataFrame | None:
    """The first selected rows in their order, None as limit for all; None where the engine has columns that are not in memory."""
    table = held(ratings, empty=True) if ratings.source.small else None
    wanted = [c for c in ratings.columns if c not in ratings.missing]
    if table is None or not set(wanted) <= set(table.frame):
        return None
    return table.frame[wanted].take(np.arange(table.n)[:limit] if table.rows is None else table.rows[:limit]).reset_index(drop=True)


def n_read(source: Source) -> int:
    """How many rows the source has before row filters."""
    if "read" not in source.memory:
        table = None if source.filtered else whole(source)
        source.memory["read"] = table.n if table else int(source.unfiltered.count().execute())
    return source.memory["read"]


def n_levels(ratings: Ratings, column: str) -> int:
    """How many different values a column has in the selected rows."""
    if (table := held(ratings, empty=True)) and (own := table.coded(column)):
        return len(own.levels)
    return int(collect(ratings.source, ratings.table.aggregate(n=ratings.table[column].nunique()))["n"][0])


def tallies(ratings: Ratings, *, by: Sequence[str], given: Sequence[str] = ()) -> pd.DataFrame:
    """The selected ratings by some columns, whoever gave them and whether or not they count: these in order, n, n_COLUMN of those that
    have each of `given`, and the first and last time (UTC)."""
    import pandas as pd

    if (table := held(ratings, empty=True)) and (joined := table.joined(by)) and (told := having(table, given)) is not None:
        code, rows, size = joined
        times = pd.Series(table.times("rated_at").view("datetime64[us]")).groupby(code).agg(["min", "max"])
        counts = {f"n_{c}": np.bincount(code, known, size).astype(int) for c, known in told.items()}
        found = table.shown(rows, size).assign(n=np.bincount(code, minlength=size), **counts)
        return found.assign(**{name: times[end].dt.tz_localize("UTC") for name, end in (("first", "min"), ("last", "max"))})
    t = with_virtual(ratings.table, by)
    timed = {} if "rated_at" in ratings.missing else {"first": t.rated_at.min(), "last": t.rated_at.max()}
    counts = {f"n_{c}": t[c].count() for c in given}
    found = collect(ratings.source, t.group_by(list(by)).aggregate(n=t.count(), **counts, **timed).order_by(list(by)))
    return found if timed else found.assign(first=pd.Series(pd.NaT, found.index, dtype="datetime64[us, UTC]"), last=lambda f: f["first"])


def having(table: Held, columns: Sequence[str]) -> dict[str, np.ndarray] | None:
    """(n,) whether each rating has these columns; None where one is not coded."""
    told = {}
    for column in columns:
        if column != "rated_at" and (part := table.coded(column)) is None:
            return None
        told[column] = table.times("rated_at") != NEVER if column == "rated_at" else part.codes >= 0
    return told


def span(ratings: Ratings) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """When the first and the last selected rating were given (UTC)."""
    import pandas as pd

    if table := held(ratings):
        times = table.times("rated_at")
        times = times[times != NEVER]
        return tuple(pd.Timestamp(end, unit="us", tz="UTC") for end in (times.min(), times.max())) if len(times) else (None, None)
    t = ratings.table
    ends = t.aggregate(first=t.rated_at.min(), last=t.rated_at.max()).execute().iloc[0]
    return tuple(None if pd.isna(end) else pd.Timestamp(end) for end in ends)


def sizes(ratings: Ratings) -> tuple[dict[str, Any], pd.DataFrame]:
    """Ratings `n`, `items`, `raters`, and the least, middle and most raters of an item, `lo`, `mid`, `hi`; and the instruments."""
    if table := held(ratings):
        item, rater, (_, rows, size) = table.coded("item_id"), table.coded("rater_id"), table.joined(INSTRUMENT)
        k, m = len(item.levels), len(rater.levels)
        each = np.bincount(np.unique(item.codes * m + rater.codes) // m, minlength=k)
        return {"n": table.n, "items": k, "raters": m, "lo": each.min(), "mid": np.median(each), "hi": each.max()}, table.shown(rows, size)
    t = ratings.table
    per_item = t.group_by("item_id").aggregate(k=t.rater_id.nunique())
    spread = per_item.aggregate(lo=per_item.k.min(), mid=per_item.k.approx_median(), hi=per_item.k.max())
    counts = t.aggregate(n=t.count(), items=t.item_id.nunique(), raters=t.rater_id.nunique()).cross_join(spread)
    return counts.execute().to_dict("records")[0], t.select(*INSTRUMENT).distinct().limit(200).execute()
