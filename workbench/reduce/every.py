"""Votes: every rating that counts as integer codes, with what gold or adjudicators say of its unit, for statistics that weigh raters."""

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
from workbench.reduce.held import held
from workbench.reduce.level import with_level
from workbench.reduce.pooled import group_ids, shared_scales
from workbench.reduce.select import INSTRUMENT, Selection, combinations, panel_rules, select
from workbench.reduce.tallied import cell_rows
from workbench.reduce.used import MAX_CELLS

if TYPE_CHECKING:
    import pandas as pd

# What narrows the raters must not take the truth away: it speaks of units, whoever rated them.
OF_RATERS = ("rater_kind", "rater_id", "layer", "selection", "party", "session")
CHOSEN = ("routed", "review")     # selections that look at former ratings first
TOLD_BY = ("audit", "gold", "review")      # of the rows of a unit the last counts


@dataclass(frozen=True)
class Votes:
    """One group's ratings one by one, in the order of units and raters.

    key: the group, `by` column -> level. units: (N rows) item_id, step, criterion, rubric of each unit. raters: (m,) their ids.
    item, rater, level: (R,) codes into units, raters, levels (-1 where the scale has none); score: (R,). gold_level (N,), -1, and
    gold_score (N,), nan: what those asked for the truth say of a unit, and told_by (N,) who they are, "" for nobody (see
    `told_ratings`). chosen (N,): ratings asked for after others were seen (`CHOSEN`), None where there can be none. The rest as in
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
    told_by: np.ndarray
    levels: tuple[str, ...]
    values: np.ndarray
    scale: str
    n_dropped: int
    note: str
    chosen: np.ndarray | None = None

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


def votes(ratings: Ratings, *, by: Sequence[str] = (), repeats: bool = False, truth: Sequence[str] = (),
          max_cells: int = MAX_CELLS) -> list[Votes]:
    """One `Votes` a group, in the order of the groups' levels.

    repeats: all of a rater's ratings of a unit, not the last alone. truth: kinds of raters ("gold", "adjudicator") whose word on
    the units to look up, whichever raters and whichever begin of the period were chosen.

    Errors: as `patterns`; `RatingsError` above `max_cells` ratings.
    """
    picked = "selection" not in ratings.missing and any(c == "selection" and not {*CHOSEN}.isdisjoint(v) for c, v in ratings.conditions)
    chosen = select(ratings, by=by, extra=["selection"] if picked and "selection" not in by else ())
    if (n := int(chosen.groups["n_used"].sum())) > max_cells:
        raise RatingsError(f"{ratings.source.name}: this needs {n:,} ratings in memory, more than {max_cells:,}. "
                           f"Narrow them with where() or between().")
    return remembered(ratings, ("votes", chosen.by, repeats, tuple(truth)), lambda: coded(ratings, chosen, repeats, truth))


def coded(ratings: Ratings, chosen: Selection, repeats: bool, truth: Sequence[str]) -> list[Votes]:
    """The votes of a selection."""
    again = repeats and facts(ratings).n_repeats > 0
    same, table = constant(ratings, chosen), held(ratings)
    units = [c for c in chosen.unit if c not in same]
    columns = list(dict.fromkeys((*chosen.by, *units, "rater_id", *chosen.extra, "level", "score")))
    found = None if table is None else cell_rows(table, chosen, columns, every=again)
    if found is None:
        t = with_repeats(ratings, chosen) if again else chosen.table
        found = collect(ratings.source, t.select(*columns).order_by(columns if again else columns[:-2]))
    asked = bool(truth) and "rater_kind" not in ratings.missing
    told, made = told_ratings(ratings, unit=chosen.unit, kinds=truth) if asked else None, []
    for place, (key, rows) in enumerate(zip(chosen.keys(), chosen.parts(found))):
        item = rows.groupby(units, dropna=False, sort=False).ngroup().to_numpy()
        first = rows[np.diff(item, prepend=-1) > 0].assign(**same)[list(chosen.unit)].reset_index(drop=True)
        rater, raters = rows["rater_id"].factorize(sort=True)
        level, scale = rows["level"].astype("float64").fillna(-1).to_numpy().astype(int), chosen.scales[place]
        made.append(Votes(key, first, np.asarray(raters), item, rater, level, rows["score"].to_numpy(dtype=float),
                          *known(first, told, scale.levels), scale.levels, np.asarray(scale.values, dtype=float), scale.name,
                          int(chosen.groups.iloc[place]["n_scope"]) - len(rows), chosen.notes[place],
                          np.bincount(item, rows["selection"].isin(CHOSEN), len(first)) if "selection" in rows else None))
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


def told_ratings(ratings: Ratings, *, unit: Sequence[str], kinds: Sequence[str], queue: str | None = None) -> "pd.DataFrame":
    """What gold and adjudicators say of each unit, a row for each of those whose word counts on it.

    Gold goes before adjudicators, and of these the highest layer before others. `name`, `level` (its code), `score`; `agreed`:
    whether all the unit's rows say the same. `told_by`: "gold"; "audit", adjudicators of a unit that was drawn by lot; "review", of
    one that was chosen, as a rule for being contested. kinds: who is asked. queue: adjudications from this review queue alone.
    Superseded and withdrawn rows are gone, the panel's rules do not hold, nor do the conditions in `OF_RATERS` and a period's begin.
    """
    kept = tuple(condition for condition in ratings.conditions if condition[0] not in OF_RATERS)
    asked = replace(ratings, conditions=kept, start=None).where(rater_kind=list(kinds), **({} if queue is None else {"queue": queue}))
    queues = ["queue"] if "queue" in ratings.columns else []
    chosen = select(asked, by=(*INSTRUMENT, "step"), panel=False, extra=["rater_kind", "selection", *queues])
    columns = list(dict.fromkeys((*unit, *INSTRUMENT)))
    wanted = [*columns, "rater_id", "rater_kind", "layer", "selection", *queues, "level", "score"]
    order = [*columns, "level", "score", "rater_id"]
    if (table := held(asked)) is None or (found := cell_rows(table, chosen, wanted)) is None:
        found = collect(asked.source, chosen.table.select(*wanted).order_by(order))
    else:
        found = found[wanted].sort_values(order, ignore_index=True)
    scales, instruments = facts(ratings).scales, zip(*(found[c] for c in INSTRUMENT))
    gold, lot = found["rater_kind"] == "gold", (found[["selection", *queues]] == "audit").any(axis=1)
    found = found.assign(name=[scales[key].levels[int(level)] if level == level else "" for key, level in zip(instruments, found["level"])],
                         told_by=np.where(gold, TOLD_BY.index("gold"), np.where(lot, TOLD_BY.index("audit"), TOLD_BY.index("review"))),
                         rank=np.where(gold, np.inf, found["layer"].astype("float64")))
    found = found[found["rank"] == found.groupby(list(unit), dropna=False)["rank"].transform("max")]
    units = found.groupby(list(unit), dropna=False)
    told_by = np.array(TOLD_BY)[units["told_by"].transform("max").to_numpy(dtype=int)]     # as numbers: of texts it takes pandas long
    return found.assign(agreed=(units[["name", "score"]].transform("nunique") <= 1).all(axis=1), told_by=told_by)


def known(units: "pd.DataFrame", told: "pd.DataFrame | None", levels: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is told of each unit: its level (N,), -1 where nothing, its score (N,), and by whom (N,)."""
    if told is None or told.empty or not len(units):
        return np.full(len(units), -1), np.full(len(units), np.nan), np.full(len(units), "", dtype=object)
    on = list(units.columns)
    alike = (lambda frame: frame.assign(step=frame["step"].astype("float64")))  # an all-missing column has no kind of its own
    sure = told.loc[told["agreed"], [*on, "name", "score", "told_by"]].drop_duplicates(on)
    merged = alike(units).merge(alike(sure), on=on, how="left", validate="many_to_one")
    place = {name: i for i, name in enumerate(levels)}
    return (merged["name"].map(place).fillna(-1).to_numpy(dtype=int), merged["score"].to_numpy(dtype=float),
            merged["told_by"].fillna("").to_numpy(dtype=object))
