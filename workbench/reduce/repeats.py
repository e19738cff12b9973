"""Repeats: ratings that a rater gave an item more than once, of which all other reductions keep the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import RatingsError
from workbench.instrument import Scale
from workbench.ratings import Ratings
from workbench.reduce.collect import collect, remembered
from workbench.reduce.every import with_repeats
from workbench.reduce.held import held
from workbench.reduce.select import Selection, select
from workbench.reduce.tallied import repeated_rows
from workbench.reduce.used import MAX_CELLS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Repeats:
    """One group's ratings of units that their rater rated more than once.

    unit, rater, level, score: (R,) codes of the unit as rated by this rater and of the rater, level (-1: none) and score. names:
    (J,) ids of the raters who rated anything. n_ratings: (J,) all their ratings that the panel let in. n_dropped: what it left out.
    """

    key: Mapping[str, object]
    unit: np.ndarray
    rater: np.ndarray
    level: np.ndarray
    score: np.ndarray
    names: np.ndarray
    n_ratings: np.ndarray
    n_dropped: int
    scale: Scale
    note: str


def repeated_ratings(ratings: Ratings, *, by: Sequence[str] = ()) -> list[Repeats]:
    """One `Repeats` a group, in the order of the groups' levels. A repeat is one rater's further rating of a unit under the same
    rubric version and in the same layer. Errors: as `cells`."""
    chosen = select(ratings, by=by)
    return remembered(ratings, ("repeats", chosen.by), lambda: found(ratings, chosen))


def found(ratings: Ratings, chosen: Selection) -> list[Repeats]:
    """The repeats of a selection, and how many ratings each rater gave in all."""
    key = list(dict.fromkeys((*chosen.by, *chosen.unit, "rubric_version", "layer", "rater_id")))
    raters = list(dict.fromkeys((*chosen.by, "rater_id")))
    columns, table = [*key, "level", "score"], held(ratings)
    if table is not None and (counted := repeated_rows(table, chosen, columns)) is not None:
        given, rows = counted[0], counted[1].sort_values(columns, ignore_index=True)
    else:
        given, rows = by_engine(ratings, chosen, key, raters)
    rows = rows.assign(_unit=rows.groupby(key, dropna=False, sort=False).ngroup())
    parts = zip(chosen.keys(), chosen.parts(rows), chosen.parts(given), chosen.scales, chosen.notes, chosen.groups["n_scope"])
    return [of_group(*part) for part in parts]


def by_engine(ratings: Ratings, chosen: Selection, key: list[str], raters: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ratings each rater gave in all, and those of units that one rated again."""
    table = with_repeats(ratings, chosen)
    units = table.group_by(key).aggregate(n=table.count())
    given = collect(ratings.source, units.group_by(raters).aggregate(
        total=units.n.sum(), n=units.n.sum(where=units.n > 1)).order_by(raters))
    if (n := int(given["n"].sum())) > MAX_CELLS:
        raise RatingsError(f"{ratings.source.name}: this needs {n:,} repeated ratings in memory, more than {MAX_CELLS:,}. "
                           "Narrow them with where() or between().")
    counted = table.mutate(_n=table.item_id.count().over(group_by=[table[c] for c in key]))
    return given, collect(ratings.source, counted.filter(counted._n > 1).select(*key, "level", "score").order_by([*key, "level", "score"]))


def of_group(key: Mapping[str, object], rows: pd.DataFrame, given: pd.DataFrame, scale: Scale, note: str, n_scope: int) -> Repeats:
    """One group's arrays."""
    place = {rater: code for code, rater in enumerate(given["rater_id"])}
    return Repeats(key=key, unit=rows["_unit"].to_numpy(dtype=int), rater=rows["rater_id"].map(place).to_numpy(dtype=int),
                   level=rows["level"].astype("float64").fillna(-1).to_numpy(dtype=int), score=rows["score"].to_numpy(dtype=float),
                   names=given["rater_id"].to_numpy(), n_ratings=given["total"].to_numpy(dtype=int),
                   n_dropped=int(n_scope) - int(given["total"].sum()), scale=scale, note=note)
