"""Cells: the ratings that count, one by one, for what needs to know who rated; and rater pairs, joined on the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.errors import RatingsError
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.select import select

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 50_000_000


def cells(ratings: Ratings, *, by: Sequence[str] = (), extra: Sequence[str] = (), panel: bool = True,
          max_cells: int = MAX_CELLS) -> pd.DataFrame:
    """The ratings that count: `by` columns, `unit` (a code), item_id, step, criterion, rubric, rater_id, level, score, `extra`.

    One row a rating, a rater's last on a unit; in the order of the units. Memory grows with the ratings.
    Errors: as `patterns`; `RatingsError` above `max_cells` ratings.
    """
    chosen = select(ratings, by=by, panel=panel, extra=extra)
    n = int(chosen.groups["n_used"].sum())
    if n > max_cells:
        raise RatingsError(f"{ratings.source.name}: this needs {n:,} ratings in memory, more than {max_cells:,}. "
                           f"Narrow them with where() or between(), or raise max_cells.")
    columns = list(dict.fromkeys((*by, *chosen.unit, "rater_id", "level", "score", *extra)))
    found = collect(ratings.source, chosen.table.select(*columns).order_by([*dict.fromkeys((*by, *chosen.unit)), "rater_id"]))
    keys = list(dict.fromkeys((*by, *chosen.unit)))
    found.insert(len(by), "unit", found.groupby(keys, dropna=False, sort=False).ngroup())
    return found


def pair_tables(ratings: Ratings, *, by: Sequence[str] = (), panel: bool = True) -> pd.DataFrame:
    """How two raters rated their common units: `by` columns, rater_a, rater_b, level_a, level_b, score_a, score_b, n.

    rater_a < rater_b. One row for each combination of levels that occurs; cost grows with the pairs within units.
    """
    chosen = select(ratings, by=by, panel=panel)
    keys = list(dict.fromkeys((*by, *chosen.unit)))
    t = chosen.table.select(*keys, "rater_id", "level", "score")
    for column in keys:  # joins do not match missing keys: a whole item has step null
        kind = t[column].type()
        if kind.is_string():
            t = t.mutate(**{f"_{column}": t[column].fill_null("\x00")})
        else:
            t = t.mutate(**{f"_{column}": t[column].cast("string").fill_null("\x00")})
    other = t.view()
    joined = t.join(other, [*[t[f"_{c}"] == other[f"_{c}"] for c in keys], t.rater_id < other.rater_id], rname="{name}_b")
    pairs = joined.select(*by, rater_a=joined.rater_id, rater_b=joined.rater_id_b, level_a=joined.level, level_b=joined.level_b,
                          score_a=joined.score, score_b=joined.score_b)
    names = [c for c in pairs.columns]
    return collect(ratings.source, pairs.group_by(names).aggregate(n=pairs.count()).order_by(names))
