"""All units rated twice or more, ranked, and what they can be laid out by: slices, weeks, pairs of their raters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.hot import default_columns
from workbench.disagreement.units import INSTRUMENT
from workbench.review import lists, ranking
from workbench.review.ranking import KEY

if TYPE_CHECKING:
    from workbench.ratings import Ratings

PAIRS, WEEKS = "pairs of raters", "weeks"
DOWN, ACROSS, RATERS, LINES, PAST = 14, 30, 24, 7, 52    # what a chart shows at most, so that its cells are a few hundred
OTHERS, SEVERAL, NONE = "(all others)", "(several)", "(none)"
CONFIDENCE = 0.95
NARROW = 1e-12      # a standard error below it is none


@dataclass(frozen=True)
class Layout:
    """Units laid out in cells.

    cells: down, across, value (mean disagreement), low, high, confidence, n_items, note; a row's place is its cell's number.
    unit, cell: (M,) which unit, by its place in `Overview.units`, lies in which cell; in several where cells are pairs of raters.
    """

    view: str
    cells: pd.DataFrame
    unit: np.ndarray
    cell: np.ndarray

    def inside(self, chosen: Sequence[int]) -> np.ndarray:
        """The places of the units that lie in one of the chosen cells, most contested first."""
        return np.unique(self.unit[np.isin(self.cell, list(chosen))])


@dataclass(frozen=True)
class Overview:
    """The units of some ratings, most contested first; what one look at them does not need is found when asked for.

    units: the columns `KEY`, n_ratings, value, expected, excess, as `ranking.contested` gives them. settled: (U,) whether an adjudicator
    has given the unit a value. columns: those that the units can be laid out by, besides weeks and raters.
    """

    ratings: Ratings
    units: pd.DataFrame
    settled: np.ndarray
    columns: tuple[str, ...]

    @property
    def views(self) -> tuple[str, ...]:
        """What the units can be laid out by."""
        dated = (WEEKS,) if "rated_at" not in self.ratings.missing and self.slices["week"].notna().any() else ()
        return (*self.columns, *dated, PAIRS)

    def laid_out_by(self, view: str) -> Layout:
        """The units laid out by one of `views`: criteria down and the levels of a column or weeks across, or raters both ways."""
        if view == PAIRS:
            return pairs(self.rated, self.raters)
        several = self.units["rubric"].nunique() > 1
        lines = self.units["criterion"] + " · " + self.units["rubric"] if several else self.units["criterion"]
        down, value = capped(lines, LINES if view == WEEKS else DOWN), self.units["value"].to_numpy()
        if view != WEEKS:
            return layout(view, down, capped(self.slices[view], ACROSS), np.arange(len(down)), value)
        week = self.slices["week"]
        known = week.isin(week.dropna().drop_duplicates().nlargest(PAST)).to_numpy()
        return layout(view, down[known], pd.Categorical(week[known]), np.flatnonzero(known), value[known])

    @cached_property
    def slices(self) -> pd.DataFrame:
        """(U,) the week of each unit's last rating, and its level of each of `columns`; missing where no rating has one."""
        from workbench.reduce.select import select

        own, dated = [c for c in self.columns if c in self.ratings.columns and c not in KEY], "rated_at" not in self.ratings.missing
        chosen = select(self.ratings, by=INSTRUMENT, extra=own)
        table = chosen.every
        ends = {f"{end}{place}": getattr(table[c].cast("string"), end)() for place, c in enumerate(own) for end in ("min", "max")}
        when = {"when": table.rated_at.max()} if dated else {}
        found = table.group_by(list(chosen.keyed)).aggregate(n=table.count(), **ends, **when).to_pandas()
        found = found.iloc[places_in(ranking.keys_of(found), self.units)].reset_index(drop=True)
        day = pd.to_datetime(found["when"], utc=True).dt.floor("D") if dated else pd.Series(pd.NaT, found.index)
        made = {"week": day - pd.to_timedelta(day.dt.day_of_week, unit="D")}
        for column in self.columns:
            if column in own:
                least, most = (found[f"{end}{own.index(column)}"] for end in ("min", "max"))
                made[column] = least.where(least.isna() | (least == most), SEVERAL)
            elif column in KEY:
                made[column] = self.units[column]
            else:
                items = self.ratings.items.drop_duplicates("item_id")
                made[column] = self.units["item_id"].map(dict(zip(items["item_id"].astype(str), items[column])))
        return pd.DataFrame(made)

    @cached_property
    def rated(self) -> pd.DataFrame:
        """The ratings on the units, by unit: unit (its place), rater (a code of `raters`), place on the scale, nominal (whether the scale
        has no order), distance (mean, to the unit's other ratings)."""
        from workbench.reduce.scan import facts

        table, scales = lists.listed(self.ratings), facts(self.ratings).scales
        line, lines = lists.lines_of(table)
        by_line = [scales[rubric, version, criterion] for criterion, rubric, version in lines]
        size, rater, level = lists.decoded(table)
        of_line, unit = np.repeat(line, size), places_in(self.units, ranking.keys_of(table))
        place = lists.places(level, lists.flat(table["scores"]) if "scores" in table.column_names else level, of_line, by_line)
        nominal = np.array([scale.name == "nominal" for scale in by_line], bool)[of_line]
        frame = pd.DataFrame({"unit": np.repeat(unit, size), "rater": rater, "place": place, "nominal": nominal})
        frame = frame[frame["unit"] >= 0].sort_values("unit", kind="stable", ignore_index=True)
        return frame.assign(distance=distances(frame))

    @cached_property
    def raters(self) -> dict[int, str]:
        """The raters' ids by the codes that `rated` has for them."""
        table = self.ratings.source.table.select("rater_id").distinct()
        found = table.select(rater_id=table.rater_id.cast("string"), code=table.rater_id.dense_rank()).to_pandas()
        return dict(zip(found["code"], found["rater_id"]))

    def by_rater(self, inside: np.ndarray) -> pd.DataFrame:
        """Who rated these units: rater_id, n_items, value (mean disagreement with the others), low, high; most ratings first."""
        chosen = np.zeros(len(self.units), bool)
        chosen[inside] = True
        rows = self.rated[chosen[self.rated["unit"]]]
        code, known = pd.factorize(rows["rater"], sort=True)
        found = means(rows["distance"].to_numpy(), code, len(known)).assign(rater_id=[self.raters[c] for c in known])
        return found.sort_values(["n_items", "rater_id"], ascending=[False, True], ignore_index=True)


def overview(ratings: Ratings, *, columns: Sequence[str] | None = None, seed: int = 0) -> Overview:
    """Rank the units of the ratings. columns: what to lay them out by; None: the columns that may hold slices, as `disagreement.slices`."""
    from workbench.reduce.select import REDUCED

    if columns is not None:
        ratings.require(*(c for c in columns if ratings.items is None or c not in ratings.items))
    ratings = ranking.lasting(ratings)
    wanted = default_columns(ratings) if columns is None else columns
    units = ranking.contested(ratings, seed)
    one_version = columns is None and units["rubric_version"].nunique() < 2
    never = {"criterion", "item_id", *REDUCED, *(["rubric_version"] if one_version else [])}
    chosen = tuple(c for c in dict.fromkeys(wanted) if c not in never)
    return Overview(ratings, units, ranking.among(units, ranking.settled(ratings)), chosen)


def layout(view: str, down: pd.Categorical, across: pd.Categorical, unit: np.ndarray, value: np.ndarray) -> Layout:
    """Cells of the entries, each of which lies `down` and `across`; those that hold none are left out."""
    number = down.codes.astype(np.int64) * len(across.categories) + across.codes
    known, cell = np.unique(number, return_inverse=True)
    cells = means(value, cell, len(known))
    cells.insert(0, "down", down.categories[known // max(len(across.categories), 1)])
    cells.insert(1, "across", across.categories[known % max(len(across.categories), 1)])
    return Layout(view, cells, unit, cell)


def pairs(rated: pd.DataFrame, raters: dict[int, str]) -> Layout:
    """Units by the pairs of the raters with most ratings, those who differ most from others first."""
    busiest = rated["rater"].value_counts().head(RATERS).index
    rows = rated[rated["rater"].isin(busiest)]
    order = rows.groupby("rater")["distance"].mean().sort_values(ascending=False, kind="stable").index
    code = pd.Index(order).get_indexer(rows["rater"])
    unit, place, nominal = (rows[c].to_numpy() for c in ("unit", "place", "nominal"))
    size = np.bincount(pd.factorize(unit)[0]) if len(rows) else np.zeros(0, int)
    start, found = np.cumsum(size) - size, [np.zeros((4, 0))]
    for n in np.unique(size[size > 1]):
        first = start[size == n]
        for i, j in combinations(range(n), 2):
            a, b = first + i, first + j
            gap = np.where(nominal[a], place[a] != place[b], (place[a] - place[b]) ** 2)
            found.append(np.stack([unit[a], np.maximum(code[a], code[b]), np.minimum(code[a], code[b]), gap]))
    unit, down, across, gap = np.concatenate(found, axis=1)
    names = pd.Index([raters[c] for c in order], dtype="object")
    ends = [pd.Categorical.from_codes(end.astype(int), names) for end in (down, across)]
    return layout(PAIRS, *ends, unit.astype(int), gap)


def means(value: np.ndarray, group: np.ndarray, n_groups: int) -> pd.DataFrame:
    """Mean of `value` (M,) in each of the groups (M,) with Student's interval: value, low, high, confidence, n_items, note."""
    from scipy.special import stdtrit

    n = np.bincount(group, minlength=n_groups)
    mean = np.bincount(group, value, n_groups) / np.maximum(n, 1)
    variance = np.bincount(group, (value - mean[group]) ** 2, n_groups) / np.maximum(n - 1, 1)
    error = np.sqrt(variance / np.maximum(n, 1))
    half = np.where((n > 1) & (error > NARROW), stdtrit(np.maximum(n - 1, 1), (1 + CONFIDENCE) / 2) * error, np.nan)
    note = np.where(n < 2, "one unit: no interval", np.where(np.isnan(half), "all units alike: no interval", ""))
    return pd.DataFrame({"value": mean, "low": np.maximum(mean - half, 0), "high": np.minimum(mean + half, 1), "confidence": CONFIDENCE,
                         "n_items": n, "note": note})


def distances(rated: pd.DataFrame) -> np.ndarray:
    """Of each rating the mean distance to the others of its unit: squared between places, or whether the level is another."""
    unit, place = rated["unit"].to_numpy(), rated["place"].to_numpy()
    size, total, squares = (np.bincount(unit, w)[unit] if len(unit) else np.zeros(0) for w in (None, place, place**2))
    alike = rated.groupby(["unit", "place"])["place"].transform("size").to_numpy()
    gap = np.where(rated["nominal"], size - alike, size * place**2 - 2 * place * total + squares)
    return np.maximum(gap, 0) / np.maximum(size - 1, 1)


def capped(levels: pd.Series, most: int) -> pd.Categorical:
    """Levels as text, those that most units have first; what is beyond `most` of them as one."""
    words = levels.astype("object").where(levels.notna(), NONE).astype(str)
    names = words.value_counts(sort=True).index[:most]
    last = [OTHERS] if words.nunique() > most else []
    return pd.Categorical(words.where(words.isin(names), OTHERS), categories=[*names, *last])


def places_in(frame: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """(n,) the row of `frame` that each row of `keys` names by the columns `KEY`, -1 where there is none."""
    telling = [c for c in KEY if c == "item_id" or pd.concat([frame[c], keys[c]]).nunique(dropna=False) > 1]
    numbered = frame[telling].assign(_place=np.arange(len(frame)))
    return keys[telling].merge(numbered, on=telling, how="left")["_place"].fillna(-1).to_numpy().astype(int)
