"""Cells: the ratings that count, one by one, for what needs to know who rated; and rater pairs, joined on the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import RatingsError
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.held import held
from workbench.reduce.scan import facts
from workbench.reduce.select import Selection, select
from workbench.reduce.tallied import cell_rows, paired_ratings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MAX_CELLS = 50_000_000


def cells(ratings: Ratings, *, by: Sequence[str] = (), extra: Sequence[str] = (), cluster: str | None = None,
          panel: bool = True, max_cells: int = MAX_CELLS) -> pd.DataFrame:
    """The ratings that count: `by` columns, `unit` (a code), item_id, step, criterion, rubric, rater_id, level, score, `extra`
    and `cluster`.

    One row a rating, a rater's last on a unit; in the order of the units. Memory grows with the ratings.
    Errors: as `patterns`; `RatingsError` above `max_cells` ratings.
    """
    chosen = select(ratings, by=by, panel=panel, extra=extra, cluster=cluster)
    if chosen.scope["n_valued"].sum() > max_cells and (n := int(chosen.groups["n_used"].sum())) > max_cells:
        raise RatingsError(f"{ratings.source.name}: this needs {n:,} ratings in memory, more than {max_cells:,}. "
                           f"Narrow them with where() or between(), or raise max_cells.")
    keys = list(chosen.keyed)
    columns = list(dict.fromkeys((*by, *chosen.unit, "rater_id", "level", "score", *chosen.extra)))
    if (table := held(ratings)) and (found := cell_rows(table, chosen, columns)) is not None:
        return found

    def numbered(table: Any) -> pd.DataFrame:
        found = collect(ratings.source, table.select(*columns).order_by(list(dict.fromkeys([*keys, "rater_id"]))))
        found.insert(len(by), "unit", found.groupby(keys, dropna=False, sort=False).ngroup())
        return found

    return once(chosen, numbered, lambda found: bool((same_as_before(found["unit"]) & same_as_before(found["rater_id"])).any()))


def once(chosen: Selection, make: Callable[[Any], pd.DataFrame], repeated: Callable[[pd.DataFrame], bool]) -> pd.DataFrame:
    """What `make` makes of the ratings that count, a rater's last on a unit alone: where it is not known whether ratings repeat, of
    all of them first, from which `repeated` tells."""
    if not facts(chosen.ratings).sized and not repeated(found := make(chosen.every)):
        return found
    return make(chosen.table)


def same_as_before(column: pd.Series) -> np.ndarray:
    """Whether each value is the one above it."""
    return (column == column.shift()).fillna(False).to_numpy(dtype=bool)


def pair_tables(ratings: Ratings, *, by: Sequence[str] = (), panel: bool = True) -> pd.DataFrame:
    """How two raters rated their common units: `by` columns, rater_a, rater_b, level_a, level_b, score_a, score_b, n.

    rater_a < rater_b. One row for each combination of levels that occurs; cost grows with the pairs within units.
    """
    chosen = select(ratings, by=by, panel=panel)
    if (table := held(ratings)) and (found := paired_ratings(table, chosen)) is not None:
        return found
    met = (lambda found: found.loc[found["rater_a"] == found["rater_b"], "n"].sum())  # who rates once meets themselves once a rating
    found = once(chosen, lambda table: collect(ratings.source, paired(chosen, table)),
                 lambda found: chosen.n_valued is None or met(found) > chosen.n_valued)
    return found[found["rater_a"] != found["rater_b"]].reset_index(drop=True)


def paired(chosen: Selection, table: Any) -> Any:
    """Each two ratings of a unit, and each with itself, counted by their raters and levels.

    A unit's ratings are listed as numbers of (rater, level, score), and the list taken twice: no join of the ratings, and no
    comparison of texts.
    """
    import ibis

    on = ["rater_id", "_level", "score"]
    table = table.mutate(_level=table.level.fill_null(-1))  # a missing level matches none
    points = table.select(*on).distinct()
    points = points.mutate(_point=ibis.row_number().over(order_by=on))
    numbered = table.select(*dict.fromkeys((*chosen.keyed, *on))).join(points, on)
    units = numbered.group_by(chosen.keyed).aggregate(_points=numbered._point.collect())
    first = units.select(*chosen.by, "_points", _a=units._points.unnest())
    both = first.select(*chosen.by, "_a", _b=first._points.unnest())
    both = both.filter(both._a <= both._b)
    found = both.group_by([*chosen.by, "_a", "_b"]).aggregate(n=both.count())
    for side in "ab":
        named = points.select(**{f"_{side}": points._point, f"rater_{side}": points.rater_id,
                                 f"level_{side}": points._level.nullif(-1), f"score_{side}": points.score})
        found = found.join(named, f"_{side}")
    names = [f"{c}_{side}" for c in ("rater", "level", "score") for side in "ab"]
    return found.select(*chosen.by, *names, "n").order_by([*chosen.by, *names])
