"""Votes: every rating that counts as integer codes, with what gold says of its unit, for statistics that weigh raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RatingsError
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.scan import facts
from workbench.reduce.level import with_level
from workbench.reduce.select import INSTRUMENT, Selection, combinations, group_ids, panel_rules, select, shared_scales
from workbench.reduce.used import MAX_CELLS

if TYPE_CHECKING:
    import pandas as pd

# What narrows the raters must not take the gold away: it speaks of units, whoever rated them.
OF_RATERS = ("rater_kind", "rater_id", "layer", "selection", "party", "session")


@dataclass(frozen=True)
class Votes:
    """One group's ratings one by one, in the order of units and raters.

    key: the group, `by` column -> level. units: (N rows) item_id, step, criterion, rubric of each unit. raters: (m,) their ids.
    item, rater, level: (R,) codes into units, raters, levels (-1 where the scale has none); score: (R,). gold_level (N,), -1, and
    gold_score (N,), nan: what gold ratings say of a unit, if asked; nothing where they contradict one another. The rest as in
    `Patterns`.
    """

    key: Mapping[str, object]
    units: "pd.DataFrame"
    raters: np.ndarray
    item: np.ndarray
    rater: np.ndarray
    level: np.ndarray
    score: np.ndarray
    gold_level: np.ndarray
    gold_score: np.ndarray
    levels: tuple[str, ...]
    values: np.ndarray
    scale: str
    n_dropped: int
    note: str

    @property
    def n_items(self) -> int:
        """Units rated."""
        return len(self.units)

    @property
    def n_raters(self) -> int:
        """Raters who rated them."""
        return len(self.raters)

    @property
    def n_ratings(self) -> int:
        """Ratings in use."""
        return len(self.item)

    @cached_property
    def raters_per_item(self) -> np.ndarray:
        """(N,) how many raters rated each unit; repeats count once."""
        return np.bincount(self.item[self._first], minlength=self.n_items)

    @cached_property
    def items_per_rater(self) -> np.ndarray:
        """(m,) how many units each rater rated."""
        return np.bincount(self.rater[self._first], minlength=self.n_raters)

    @cached_property
    def _first(self) -> np.ndarray:
        """(R,) whether a rating is its rater's first of the unit: they stand together."""
        return (np.diff(self.item, prepend=-1) != 0) | (np.diff(self.rater, prepend=-1) != 0)


def votes(ratings: Ratings, *, by: Sequence[str] = (), repeats: bool = False, gold: bool = False,
          max_cells: int = MAX_CELLS) -> list[Votes]:
    """One `Votes` a group, in the order of the groups' levels.

    repeats: all of a rater's ratings of a unit, not the last alone. gold: look up what gold says of the units, whichever raters
    and whichever begin of the period were chosen.

    Errors: as `patterns`; `RatingsError` above `max_cells` ratings.
    """
    chosen = select(ratings, by=by)
    if (n := int(chosen.groups["n_used"].sum())) > max_cells:
        raise RatingsError(f"{ratings.source.name}: this needs {n:,} ratings in memory, more than {max_cells:,}. "
                           f"Narrow them with where() or between().")
    return remembered(ratings, ("votes", chosen.by, repeats, gold), lambda: coded(ratings, chosen, repeats, gold))


def coded(ratings: Ratings, chosen: Selection, repeats: bool, gold: bool) -> list[Votes]:
    """The votes of a selection."""
    again = repeats and facts(ratings).n_repeats > 0
    table, same = with_repeats(ratings, chosen) if again else chosen.table, constant(ratings, chosen)
    units = [c for c in chosen.unit if c not in same]
    columns = list(dict.fromkeys((*chosen.by, *units, "rater_id", "level", "score")))
    found = collect(ratings.source, table.select(*columns).order_by(columns if again else columns[:-2]))
    told, made = gold_ratings(ratings, chosen.unit) if gold else None, []
    for place, (key, rows) in enumerate(zip(chosen.keys(), chosen.parts(found))):
        item = rows.groupby(units, dropna=False, sort=False).ngroup().to_numpy()
        first = rows[np.diff(item, prepend=-1) > 0].assign(**same)[list(chosen.unit)].reset_index(drop=True)
        rater, raters = rows["rater_id"].factorize(sort=True)
        level, scale = rows["level"].astype("float64").fillna(-1).to_numpy().astype(int), chosen.scales[place]
        made.append(Votes(key, first, np.asarray(raters), item, rater, level, rows["score"].to_numpy(dtype=float),
                          *known(first, told, scale.levels), scale.levels, np.asarray(scale.values, dtype=float), scale.name,
                          int(chosen.groups.iloc[place]["n_scope"]) - len(rows), chosen.notes[place]))
    return made


def constant(ratings: Ratings, chosen: Selection) -> dict[str, object]:
    """Columns of the unit that are known to hold one value: to fetch and to sort by a million copies of it costs as much as the rest."""
    instruments = list(facts(ratings).scales)
    same: dict[str, object] = dict(zip(INSTRUMENT, instruments[0])) if len(instruments) == 1 else {}
    same |= {"step": None} if "step" in ratings.missing else {}
    return {c: value for c, value in same.items() if c in chosen.unit and c not in chosen.by}


def with_repeats(ratings: Ratings, chosen: Selection) -> Any:
    """The selection's table with the ratings that a later one of the same rater replaces in it."""
    table = with_virtual(ratings.table, chosen.by)
    rules = panel_rules(ratings, table)
    found = collect(ratings.source, combinations(table, rules, chosen.by))
    scales = shared_scales(found, group_ids(found, chosen.by), facts(ratings).scales, ratings.source.name)
    levelled = with_level(table.filter(rules), scales)
    return levelled.filter(levelled.score.notnull())


def gold_ratings(ratings: Ratings, unit: Sequence[str]) -> "pd.DataFrame | None":
    """Per unit the level's name and the score that gold gives it; None without gold. Of units told twice only the agreed."""
    if "rater_kind" in ratings.missing:
        return None
    kept = tuple(condition for condition in ratings.conditions if condition[0] not in OF_RATERS)
    golden = replace(ratings, conditions=kept, start=None).where(rater_kind="gold")
    chosen = select(golden, by=(*INSTRUMENT, "step"), panel=False)
    if not len(chosen.groups):
        return None
    columns = list(dict.fromkeys((*unit, *INSTRUMENT)))
    found = collect(golden.source, chosen.table.select(*columns, "level", "score").order_by([*columns, "level", "score"]))
    scales, instruments = facts(ratings).scales, zip(*(found[c] for c in INSTRUMENT))
    names = [scales[key].levels[int(level)] if level == level else "" for key, level in zip(instruments, found["level"])]
    told = found.assign(name=names).groupby(list(unit), dropna=False, sort=False)[["name", "score"]].agg(["first", "nunique"])
    told = told[(told["name", "nunique"] == 1) & (told["score", "nunique"] == 1)]
    return told.xs("first", axis=1, level=1).reset_index()


def known(units: "pd.DataFrame", gold: "pd.DataFrame | None", levels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """What gold says of each unit: its level (N,), -1 where nothing, and its score (N,)."""
    if gold is None or not len(units):
        return np.full(len(units), -1), np.full(len(units), np.nan)
    on = list(units.columns)
    alike = (lambda frame: frame.assign(step=frame["step"].astype("float64")))  # an all-missing column has no kind of its own
    merged = alike(units).merge(alike(gold), on=on, how="left", validate="many_to_one")
    place = {name: i for i, name in enumerate(levels)}
    return merged["name"].map(place).fillna(-1).to_numpy(dtype=int), merged["score"].to_numpy(dtype=float)
