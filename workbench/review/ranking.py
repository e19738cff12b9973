"""Which units a reviewer should see first: kinds of queue, which are functions from ratings to ranked units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.traits import severities
from workbench.disagreement.units import fitted, rater_weights, share_of_unlike_pairs, spread
from workbench.errors import ParameterError, one_of, shorten
from workbench.ratings import current
from workbench.review.alarmed import alarms
from workbench.review.camps import camps
from workbench.review.keys import ALIKE, KEY, among, keys_of, lots
from workbench.review.lists import INSTRUMENT, decoded, flat, lines_of, listed, places

if TYPE_CHECKING:
    from workbench.ratings import Ratings

    Kind = Callable[[Ratings, int], pd.DataFrame]

MEASURES = ("n_ratings", "value", "expected", "excess")
PRIOR = 2.0             # as in `disagreement.items`


def queue(ratings: Ratings, *, kind: str | Kind = "contested", where: Mapping[str, object] | None = None, search: str | None = None,
          limit: int = 200, seed: int = 0) -> pd.DataFrame:
    """Which units should be reviewed first? The first `limit` that no adjudicator has settled, one row a unit.

    kind: "contested", by the excess disagreement of `disagreement.items`, highest first; "audit", rated units in random order, settled
        ones among them, else the rest would be a sample of what is easy; "camps", units that raters of two camps have rated, by how far
        these part (`camps`; finding them takes seconds); "alarms", units rated since a stream of `drift.monitor` is in alarm, those
        furthest the way it went first (`alarms`); or a function of the ratings and the seed that gives a frame of ranked units,
        best first (item_id at least; where it is empty, the reason in `attrs["why"]`).
    where: column -> value or values: units with a rating that meets all of them, {"criterion": "accuracy", "rater_id": "ann"}. Their
        disagreement is measured on all of their ratings, and expected from all items of these raters. An audit of them is a sample of
        these units alone: fair to ann, whose units they are, and not to whoever else rated some of them.
    search: units whose item has these words in its id or in a text, capitals aside.
    seed: what decides the order of an audit, and of ties, which are many.

    Columns: item_id, step, criterion, rubric, rubric_version, n_ratings, and for the first two kinds value, expected, excess (nan in an
    audit). The figures are those of `items`, none is approximate; the order is its order but for ties. For "camps" and "alarms" see there;
    where there are none the frame is empty, and its `attrs["why"]` says why.
    Errors: `ParameterError` for an unknown kind, a column that is not there, a limit below 1; `RatingsError` as `items`.
    """
    if not isinstance(limit, int) or limit < 1:
        raise ParameterError(f"limit={limit!r}: give a whole number of units, 1 or more.")
    ratings = lasting(ratings)
    ranked = ranks(ratings, kind=kind, seed=seed)
    left = filtered(ratings, ranked, where=where, search=search)
    left = left if kind == "audit" else left[~among(left, settled(ratings))]
    return told(left.head(limit).reset_index(drop=True), ranked)


def told(left: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """What is left of a ranking, with the reason why that is empty, if it is."""
    left.attrs = {} if len(left) else {"why": str(ranked.attrs.get("why", ""))}
    return left


def lasting(ratings: Ratings) -> Ratings:
    """The ratings as if what later rows replace had never been there; made once of a snapshot, so that what is learnt serves all."""
    source = ratings.source
    if "replaces" in source.missing or ratings.end is not None:
        return ratings
    if "lasting" not in source.memory:
        tables = current(source, None), source.unfiltered
        kept = replace(source, tables=lambda: tables, missing=(*source.missing, "replaces"), frame=None, filtered=True, kept="", memory={})
        source.memory["lasting"] = kept
    return replace(ratings, source=source.memory["lasting"])


def ranks(ratings: Ratings, *, kind: str | Kind, seed: int) -> pd.DataFrame:
    """All units in the order of a kind, with the columns `KEY`."""
    if callable(kind):
        return completed(kind(ratings, seed))
    one_of("kind", kind, QUEUES)
    return QUEUES[kind](ratings, seed)


def completed(frame: object) -> pd.DataFrame:
    """A caller's ranking with the columns of a unit that it leaves out. Errors: `ParameterError` where it is no ranking."""
    if not isinstance(frame, pd.DataFrame) or "item_id" not in frame:
        found = f"columns {', '.join(map(str, frame.columns))}" if isinstance(frame, pd.DataFrame) else type(frame).__name__
        raise ParameterError(f"kind: the function gave {shorten(found)}, expected a frame of ranked units with a column item_id. Mend it.")
    standard = {"step": None, "criterion": "overall", "rubric": "default", "rubric_version": "1"}
    frame = frame.assign(**{c: value for c, value in standard.items() if c not in frame})
    return frame.assign(**keys_of(frame))


def contested(ratings: Ratings, seed: int) -> pd.DataFrame:
    """Units rated twice or more, by falling excess disagreement; those of equal excess with more ratings first, then by lot."""
    from workbench.reduce.scan import facts

    table, scales = listed(ratings), facts(ratings).scales
    line, lines = lines_of(table)
    by_line = [scales[rubric, version, criterion] for criterion, rubric, version in lines]
    size, rater, level = decoded(table)
    place = places(level, flat(table["scores"]) if "scores" in table.column_names else level, np.repeat(line, size), by_line)
    measures, of_rubric = np.full((3, len(size)), np.nan), [key[:2] for key in lines]
    for group in dict.fromkeys(of_rubric):      # versions of a rubric share what is expected, as in `items`
        own = np.array([key == group for key in of_rubric])[line] & (size > 1)
        if own.any():
            inside, nominal = np.repeat(own, size), by_line[of_rubric.index(group)].name == "nominal"
            measures[:, own] = excesses(place[inside], rater[inside], size[own], nominal=nominal)
    frame = keys_of(table).assign(n_ratings=size, **dict(zip(MEASURES[1:], measures)))[size > 1]
    keys = np.stack([-frame["n_ratings"].to_numpy(), -frame["excess"].round(ALIKE).to_numpy()])
    order = np.lexsort(keys)
    same = (np.diff(keys[:, order]) == 0).all(axis=0)       # each as the one before it
    tied = order[(np.append(same, False) | np.append(False, same))[:len(frame)]]
    lot = np.zeros(len(frame), np.uint64)
    lot[tied] = lots(frame.iloc[tied], seed)
    return frame.iloc[np.lexsort([lot, *keys])].reset_index(drop=True)


def excesses(place: np.ndarray, rater: np.ndarray, size: np.ndarray, *, nominal: bool) -> np.ndarray:
    """Value, expected and excess (3, U) of units with `size` (U,) ratings each, which follow one another; as `disagreement.items`."""
    unit, rater = np.repeat(np.arange(len(size)), size), pd.factorize(rater, sort=True)[0]
    value = share_of_unlike_pairs(unit, place, size) if nominal else 2 * spread(unit, place, size)
    gap = np.zeros(len(size)) if nominal else 2 * spread(unit, severities(unit, rater, place)[rater], size)
    expected = np.clip(gap + fitted(rater_weights(unit, rater, size), value - gap), 0, 1)
    return np.stack([value, expected, (value - expected) * (size - 1) / (size - 1 + PRIOR)])


def audit(ratings: Ratings, seed: int) -> pd.DataFrame:
    """All rated units in random order: a simple random sample, whatever its size."""
    from workbench.reduce.select import select

    chosen = select(ratings, by=INSTRUMENT)
    table = chosen.every
    frame = keys_of(units := table.group_by(list(chosen.keyed)).aggregate(n_ratings=table.rater_id.nunique()).to_pyarrow())
    frame = frame.assign(n_ratings=units["n_ratings"].to_numpy(), **dict.fromkeys(MEASURES[1:], np.nan))
    return frame.iloc[np.argsort(lots(frame, seed), kind="stable")].reset_index(drop=True)


QUEUES: dict[str, Kind] = {"contested": contested, "audit": audit, "camps": camps, "alarms": alarms}


def filtered(ratings: Ratings, ranked: pd.DataFrame, *, where: Mapping[str, object] | None, search: str | None) -> pd.DataFrame:
    """The ranked units that `where` and `search` let through, in their order."""
    if where:
        ranked = ranked[among(ranked, keys_of(ratings.where(**where).table.select(*KEY).distinct().to_pandas()))]
    if search and search.strip():
        ranked = ranked[ranked["item_id"].isin(found_in(ratings, search.strip().lower()))]
    return ranked


def settled(ratings: Ratings) -> pd.DataFrame:
    """The units that an adjudicator has given a value, as far as these ratings know."""
    table = type(ratings)(ratings.source).where(rater_kind="adjudicator").table
    return keys_of(table.filter(table.score.notnull() | table.label.notnull()).select(*KEY).distinct().to_pandas())


def rated_by(ratings: Ratings, rater: str) -> pd.DataFrame:
    """The units that somebody has rated, their decisions as an adjudicator aside."""
    table = type(ratings)(ratings.source).table
    own = table.filter(table.rater_id.cast("string") == rater, table.rater_kind != "adjudicator")
    return keys_of(own.select(*KEY).distinct().to_pandas())


def found_in(ratings: Ratings, words: str) -> set[str]:
    """The ids of items that have the words in their id or in a text."""
    table = ratings.table
    text = table.item_id.cast("string")
    text = text if "text" in ratings.missing else text.concat(" ", table.text.fill_null(""))
    found = set(table.filter(text.lower().contains(words)).select("item_id").distinct().to_pandas()["item_id"].astype(str))
    items = ratings.items
    for column in items.select_dtypes(["object", "string", "str"]) if items is not None else ():
        hit = items[column].astype("string").str.lower().str.contains(words, regex=False).fillna(False)
        found |= set(items.loc[hit.to_numpy(dtype=bool), "item_id"].astype(str))
    return found
