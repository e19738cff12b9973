"""Slices of the data on which raters differ more than elsewhere, whoever rated them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.score import Contrast, contrasts, false_discovery
from workbench.disagreement.units import Units, rated_units, units_of
from workbench.estimates import MEASURES, estimate, estimates_table
from workbench.ratings import VIRTUAL

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MAX_LEVELS = 30
CONTRACT = ("task_type", "system", "rubric_version", "party")
MIXED = 0.05        # share of units with two levels of a column, above which it tells of raters, not of items
LOOK = 2_000        # rows looked at to tell columns of few levels from texts and numbers
@dataclass(frozen=True)
class Question:
    """What to contrast: the levels, at most `most`, of `columns`, on at least `min_items` items, holding the columns `within`
    constant; and when it is news."""

    columns: tuple[str, ...]
    min_items: int = 10
    confidence: float = 0.95
    false_share: float = 0.05
    seed: int = 0
    most: int = MAX_LEVELS
    within: tuple[str, ...] = ()


BY = ["criterion", "rubric", "column", "level"]
FURTHER = ["slice", "elsewhere", "excess", "excess_low", "excess_high", "p", "q", "status", "examples"]


def slices(ratings: Ratings, *, columns: Sequence[str] | None = None, min_items: int = 10, confidence: float = 0.95,
           false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """In which slices do raters differ more than elsewhere on the same criterion?

    A slice is a level of a column. `elsewhere` is the mean disagreement of the criterion's other items (0 all alike, 1 all pairs at
    opposite ends), `excess` how much more the slice's raters differ, after the severity and the noise of each rater are taken out:
    three noisy raters do not make a slice hot. `value` is the sum of both, with `low` and `high`. The test (`score.contrasts`)
    counts prompts where they are known, else items, never ratings. `q` is Benjamini and Hochberg's, over all slices tested.

    columns: which to look at; default task_type, system, rubric_version, party, further columns and those of the items table with 2 to
    30 levels. min_items: smaller slices are left out. status: "watch" where q <= `false_share` and excess > 0; "found" where
    the earlier or the later half of the data shows it by itself (q) and the other half repeats it (p); undated data are halved by `seed`.

    Two slices of the same items are one, named by the first; the two levels of a column are one test. What cannot be told is nan,
    and `note` says why: a column about raters, too many levels, raters who rate little else. Highest excess in standard errors first.
    """
    ratings.require(*(c for c in columns or () if c not in item_columns(ratings)))
    wanted = tuple(columns) if columns is not None else default_columns(ratings)
    parts = rated_units(ratings, extra=[c for c in wanted if c in (*ratings.columns, *VIRTUAL)])
    rows = judged(parts, ratings, Question(wanted, min_items, confidence, false_share, seed))
    if columns is None:  # nobody asked for a text, or for what is known of raters
        rows = rows[(rows["level"] != "") | rows["column"].isin(CONTRACT)]
    strength = rows["excess"] / (rows["excess_high"] - rows["excess_low"])
    order = strength.sort_values(ascending=False, kind="stable", na_position="last").index
    rows = rows.assign(examples=[text.replace("\n", ", ") for text in rows["examples"]])
    return rows.loc[order].drop(columns="test").reset_index(drop=True)


def judged(parts: Sequence[Units], ratings: Ratings, question: Question) -> pd.DataFrame:
    """The rows of all criteria, those that stand out marked as seen first or as found again."""
    rows = contrasted(parts, ratings, question)
    if not (rows["q"] <= question.false_share).any():
        return rows
    halves = [later_half(units, question.seed) for units in parts]
    early, late = (contrasted([part_of(u, h == k) for u, h in zip(parts, halves)], ratings, question) for k in (0, 1))
    return rows.assign(status=statuses(rows, early, late, question.false_share))


def default_columns(ratings: Ratings) -> tuple[str, ...]:
    """Columns that may hold slices, from a look at the first rows."""
    first = ratings.to_pandas(limit=LOOK)
    present = [c for c in CONTRACT if c not in ratings.missing]
    present += [c for c in ratings.source.extras if c in first and few_levels(first[c])]
    table = ratings.items
    return tuple(dict.fromkeys(present + [c for c in item_columns(ratings) if few_levels(table[c])]))


def few_levels(column: pd.Series) -> bool:
    """Whether a column holds names or whole numbers of at most `MAX_LEVELS` kinds."""
    is_name = not (pd.api.types.is_float_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))
    return is_name and column.map(lambda x: isinstance(x, (str, bool, int, np.integer, np.bool_, type(None), float))).all() \
        and column.nunique() <= MAX_LEVELS


def item_columns(ratings: Ratings) -> list[str]:
    """Columns of the items table that the ratings themselves lack."""
    return [] if ratings.items is None else [c for c in ratings.items.columns if c not in ratings.columns]


def column_of(units: Units, ratings: Ratings, column: str, most: int) -> tuple[pd.Series, str]:
    """A column's level for each unit, and why it has none: it differs within items, or has too many levels."""
    if column in units.frame:
        level = units.frame[column]
    elif column in units.cells:
        rows = units.cells[["row", column]]
        level = rows.drop_duplicates("row")[column].reset_index(drop=True)
        first = level.to_numpy(dtype=object)[rows["row"]]
        differs = (rows[column].to_numpy(dtype=object) != first) & (rows[column].notna() & pd.notna(first)).to_numpy()
        if np.bincount(rows["row"], differs, len(level)).astype(bool).mean() > MIXED:
            return level, "differs between the raters of an item: it tells of raters, not of items"
    else:
        level = units.frame["item_id"].map(ratings.items.drop_duplicates("item_id").set_index("item_id")[column])
    kinds = level.nunique()
    return level, f"{kinds:,} levels, more than {most}: group them" if kinds > most else ""


def contrasted(parts: Sequence[Units], ratings: Ratings, question: Question) -> pd.DataFrame:
    """The rows of all criteria, with q over all tests."""
    rows = [row for units in parts if len(units.frame) for row in slice_rows(units, ratings, question)]
    table = estimates_table(rows, by=BY).reindex(columns=["name", *BY, *MEASURES, *FURTHER, "test"])
    first = ~table.duplicated(["criterion", "rubric", "test"])
    q = pd.Series(false_discovery(table["p"].where(first).to_numpy(dtype=float)), index=table.index)
    table["q"] = q.groupby([table["criterion"], table["rubric"], table["test"]]).transform("first") if len(table) else q
    return table.astype({c: "float64" for c in ("elsewhere", "excess", "excess_low", "excess_high", "p", "q")})


def slice_rows(units: Units, ratings: Ratings, question: Question) -> list[dict[str, object]]:
    """One row a slice of one criterion and rubric; a set of items that an earlier slice holds already is left out."""
    rows, seen = [], set()
    held = {c: pd.factorize(units.first_ratings[c])[0] for c in ("rubric_version", *question.within) if c in units.cells}
    for column in question.columns:
        level, why_not = column_of(units, ratings, column, question.most)
        if why_not:
            rows.append(row_of(units, column, "", np.zeros(len(level), bool), Contrast(note=why_not), question))
            continue
        codes, names = pd.factorize(level, sort=False)
        members = {str(name): codes == k for k, name in enumerate(names)}
        members = {name: members[name] for name in sorted(members) if members[name].tobytes() not in seen
                   and question.min_items <= members[name].sum() <= len(codes) - question.min_items}
        seen |= {inside.tobytes() for inside in members.values()}
        if members:
            found = contrasts(units, np.column_stack(list(members.values())), confidence=question.confidence,
                              within=strata([c for name, c in held.items() if name != column]))
            rows += [row_of(units, column, name, members[name], contrast, question) for name, contrast in zip(members, found)]
    return rows


def strata(codes: Sequence[np.ndarray]) -> np.ndarray | None:
    """(U,) one code for each combination of the columns' codes; None without columns."""
    return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].ravel() if codes else None


def row_of(units: Units, column: str, level: str, inside: np.ndarray, found: Contrast, question: Question) -> dict[str, object]:
    """One row of `slices`. `test` is the same for a slice and all that is not in it."""
    value, n_inside = units.frame["value"].to_numpy(), int(inside.sum())
    others = float(value[~inside].mean()) if n_inside else math.nan
    criterion, rubric = str(units.frame["criterion"].iloc[0]), str(units.frame["rubric"].iloc[0])
    contested = units.most_contested[inside[units.most_contested]][:6]
    low, high = (min(max(others + end, 0.0), 1.0) if end == end else end for end in (found.low, found.high))   # a share
    row = estimate("disagreement", others + found.effect, low=low, high=high,
                   confidence=question.confidence, method="score test", n_items=n_inside, n_raters=units.raters_of(inside),
                   n_ratings=int(units.frame["n_ratings"].to_numpy()[inside].sum()), note=found.note)
    return row | {"criterion": criterion, "rubric": rubric, "column": column, "level": level,
                  "slice": json.dumps({"criterion": criterion, column: level}, ensure_ascii=False), "elsewhere": others,
                  "excess": found.effect, "excess_low": found.low, "excess_high": found.high, "p": found.p, "q": math.nan, "status": "",
                  "examples": "\n".join(dict.fromkeys(units.frame["item_id"].iloc[contested].astype(str)[:3])),
                  "test": min(inside.tobytes(), (~inside).tobytes())}


def later_half(units: Units, seed: int) -> np.ndarray:
    """(U,) 1 for units whose block (prompt or item) lies in the later half by time, or in a random half without times."""
    blocks = units.blocks
    n = blocks.max(initial=-1) + 1
    order = np.random.default_rng(seed).random(n)
    if "first" in units.frame and units.frame["first"].notna().all():
        order = units.frame.groupby(blocks)["first"].min().astype("int64").to_numpy()
    return (order > np.median(order)).astype(int)[blocks] if n else np.zeros(0, int)


def part_of(units: Units, keep: np.ndarray) -> Units:
    """The chosen units, as if there were no others."""
    rows = units.cells[keep[units.cells["row"].to_numpy()]]
    return units_of(rows, nominal=units.nominal)


def statuses(whole: pd.DataFrame, early: pd.DataFrame, late: pd.DataFrame, false_share: float) -> np.ndarray:
    """For each row of `whole` "found" if one half finds it by itself (q) and the other repeats it (p), "watch" if not, "" if not hot."""
    first, second = (half.set_index(BY)[["excess", "p", "q"]].reindex(pd.MultiIndex.from_frame(whole[BY])) for half in (early, late))
    discovered = [((half["q"] <= false_share) & (half["excess"] > 0)).to_numpy() for half in (first, second)]
    repeated = [((half["p"] <= false_share) & (half["excess"] > 0)).to_numpy() for half in (second, first)]
    hot = ((whole["q"] <= false_share) & (whole["excess"] > 0)).to_numpy()
    again = (discovered[0] & repeated[0]) | (discovered[1] & repeated[1])
    return np.select([hot & again, hot], ["found", "watch"], "")
