"""Memberships: which raters, parties or criteria judged which units. Nothing of the scores, so scales may mix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import ParameterError, RatingsError, columns_of
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.held import Held, held
from workbench.reduce.narrowed import NEVER
from workbench.reduce.select import NEVER_SPLIT, panel_rules
from workbench.reduce.select import RESULTS as ESTIMATED
from workbench.schema import UNIT

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 50_000_000
RESULTS = {*ESTIMATED, "last", "set", "link", "partner", "member"}


def unit_of(between: str) -> tuple[str, ...]:
    """What members have in common: the unit a rating is compared within; criteria and rubrics share the item itself."""
    return tuple(c for c in UNIT if c in ("item_id", "step") or between not in ("criterion", "rubric"))


def memberships(ratings: Ratings, *, by: Sequence[str] = (), between: str = "rater_id",
                max_rows: int = MAX_ROWS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who judged what, and how much of it counts; the panel's ratings with a value.

    First, a row for each unit and member: the `by` columns, `unit` (a code), the unit's columns (`unit_of`), `between`, `last` (when
    last rated). Second, a row for each member: the `by` columns, `between`, `n_ratings` (repeats included), `n_dropped`.
    Errors: as `Ratings.check`; `ParameterError` for columns that cannot group; `RatingsError` above `max_rows`.
    """
    by = columns_of(by)
    ratings.require(*by, between)
    refused = [c for c in (*by, between) if c in NEVER_SPLIT] or ([between] if between in by else [])
    if refused or len(set(by)) < len(by):
        raise ParameterError(f"by={list(by)!r}, between={between!r}: each column once, and not {', '.join(NEVER_SPLIT)}.")
    clash = [c for c in (*by, between) if c in RESULTS or c.startswith(("n_", "_"))]
    if clash:
        raise ParameterError(f"column {clash[0]!r} of {ratings.source.name} is named as a result is. Read it under another name: "
                             f"columns={{{clash[0]!r}: 'my_{clash[0]}'}}.")
    ratings.check()
    return remembered(ratings, ("memberships", by, between), lambda: found_memberships(ratings, by, between, max_rows))


def found_memberships(ratings: Ratings, by: tuple[str, ...], between: str, max_rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The memberships, found anew."""
    if (here := held(ratings)) and (made := held_memberships(here, by, between)):
        refuse_more(ratings, made[1], max_rows)
        return made
    table = with_virtual(ratings.table, (*by, between))
    counts = panel_rules(ratings, table) & (table.score.notnull() | table.label.notnull())
    counts = counts.fill_null(False)
    each = collect(ratings.source, table.group_by([*by, between]).aggregate(n_ratings=counts.sum(), n_dropped=(~counts).sum()))
    refuse_more(ratings, each, max_rows)
    used = table.filter(counts & table[between].notnull())
    keys = list(dict.fromkeys((*by, *unit_of(between), between)))
    found = collect(ratings.source, used.group_by(keys).aggregate(last=used.rated_at.max()))
    found.insert(len(by), "unit", codes(found, [*by, *unit_of(between)]))
    return found, each


def refuse_more(ratings: Ratings, each: pd.DataFrame, max_rows: int) -> None:
    """Errors: `RatingsError` where the members have more ratings than `max_rows`."""
    if (n := int(each["n_ratings"].sum())) > max_rows:
        raise RatingsError(f"{ratings.source.name}: this needs up to {n:,} rows in memory, more than {max_rows:,}. "
                           "Narrow them with where() or between().")


def held_memberships(table: Held, by: tuple[str, ...], between: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The same of ratings in memory; None where a column cannot be coded."""
    import pandas as pd

    keys = list(dict.fromkeys((*by, *unit_of(between), between)))
    member, unit = table.joined([*by, between]), table.joined(keys)
    if member is None or unit is None:
        return None
    counts = np.broadcast_to(table.ruled() & (table.given("score") | table.given("label")), table.n)
    code, rows, size = member
    n, n_ratings = np.bincount(code, minlength=size), np.bincount(code[counts], minlength=size)
    each = table.shown(rows, size).assign(n_ratings=n_ratings, n_dropped=n - n_ratings)
    used = np.flatnonzero(counts & (table.coded(between).codes >= 0))
    code, rows, size = unit
    last = np.full(size, NEVER)
    np.maximum.at(last, code[used], table.times("rated_at")[used])
    kept = np.flatnonzero(np.bincount(code[used], minlength=size))
    found = table.shown({c: row[kept] for c, row in rows.items()}, len(kept))
    found = found.assign(last=pd.DatetimeIndex(last[kept].view("datetime64[us]")).tz_localize("UTC"))
    found.insert(len(by), "unit", codes(found, [*by, *unit_of(between)]))
    return found, each


def codes(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """A number from 0 for each combination of levels that occurs; missing is a level."""
    code, n = np.zeros(len(frame), dtype=np.int64), 1
    for column in dict.fromkeys(columns):
        places, levels = frame[column].factorize(use_na_sentinel=False)
        if n > 1 and len(levels) > 1:
            found, code = np.unique(code * len(levels) + places, return_inverse=True)
            n = len(found)
        elif len(levels) > 1:
            code, n = places, len(levels)
    return code
