"""Names that a report must not tell: ids of raters as keyed hashes, and other parties than the one it is about left out.

The key lies in an environment variable: the same person has the same hash everywhere, and nobody without the key can make it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, examples
from workbench.privacy import Terms, terms, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.instrument import Rubric

HASHED = ("rater_id", "session")
PSEUDONYM = re.compile("[0-9a-f]{16}")
ANOTHER = "another party"
NO_PERSONS = ("gold", "outcome", "program", "model")   # kinds whose ratings belong to a report on any party, where they have none


def key_of(variable: str) -> str:
    """A digest of the key that an environment variable holds. Errors: `ParameterError` where it is not set."""
    key = os.environ.get(variable)
    if not key:
        raise ParameterError(f"pseudonyms={variable!r}: there is no such environment variable, or it is empty. Set it to the secret key.")
    return hashlib.sha256(key.encode()).hexdigest()


def pseudonym(value: object, variable: str) -> str:
    """16 hexadecimal digits for an id."""
    return hashlib.sha256(f"{key_of(variable)}{value}".encode()).hexdigest()[:16]


def veiled(table: Any, held: Terms, *, name: str, extras: tuple[str, ...] = ()) -> Any:
    """The table as the terms allow: of one party; with hashes, as the engine makes them, for rater ids, sessions and what else names
    raters.

    Errors: `ParameterError` for a party of which there is no rating.
    """
    if held.party:
        own = table.party == held.party
        if not table.filter(own).limit(1).count().execute():
            there = sorted(table.filter(table.party.notnull()).select("party").distinct().execute()["party"])
            raise ParameterError(f"party={held.party!r} has no rating in {name}. Its parties are: {examples(there) or 'none'}.")
        table = table.filter(own | (table.party.isnull() & table.rater_kind.isin(NO_PERSONS)))
    if not held.pseudonyms:
        return table
    key = key_of(held.pseudonyms)
    hidden = (*HASHED, *aliases(table, extras))
    return table.mutate(**{c: (key + table[c].cast("string")).hexdigest("sha256").substr(0, 16) for c in hidden})


def aliases(table: Any, extras: tuple[str, ...]) -> list[str]:
    """The further columns of text that name raters in another way, as a mail address does: no value belongs to two raters, and there are
    about as many values as raters."""
    found = []
    for column in extras:
        if table[column].type().is_string():
            pairs = table.select("rater_id", column).filter(table[column].notnull() & table.rater_id.notnull()).distinct()
            n = pairs.aggregate(pairs=pairs.count(), names=pairs[column].nunique(), raters=pairs.rater_id.nunique()).execute().iloc[0]
            if n["pairs"] == n["names"] and 2 <= n["raters"] <= n["names"] <= 2 * n["raters"]:
                found.append(column)
    return found


def veiled_filters(filters: Mapping[str, object], held: Terms) -> dict[str, tuple[object, ...]]:
    """Row filters that name no one: ids, given plain or as pseudonyms, as pseudonyms; parties that are left out anyway are not named."""
    named = {c: tuple(v) if isinstance(v, (list, tuple)) else (v,) for c, v in filters.items()}
    if held.pseudonyms:
        named |= {c: tuple(v if v is None or PSEUDONYM.fullmatch(str(v)) else pseudonym(v, held.pseudonyms) for v in named[c])
                 for c in HASHED if c in named}
    if held.party and "party" in named:
        own = tuple(v for v in named.pop("party") if v in (None, held.party))
        named |= {"party": own} if own else {}
    return named


def veiled_rubrics(rubrics: Mapping[tuple[str, str], Rubric], held: Terms) -> dict[tuple[str, str], Rubric]:
    """Rubrics whose author, where it is another party, is not named."""
    from dataclasses import replace

    return {key: replace(rubric, author_party=ANOTHER) if held.party and rubric.author_party not in ("", held.party) else rubric
            for key, rubric in rubrics.items()}


def veiled_sides(load: Callable[[str], pd.DataFrame | None], held: Terms, table: Callable[[], Any]) -> Callable[[str], pd.DataFrame | None]:
    """A loader of side tables that tell no more than the veiled ratings do, whose table `table` gives."""
    if held == Terms(min_cell=held.min_cell):
        return load

    @cache
    def occurring(column: str) -> set[str]:
        return set(table().select(column).distinct().execute()[column].dropna().astype(str))

    @cache
    def loaded(name: str) -> pd.DataFrame | None:
        frame = load(name)
        if frame is None:
            return None
        frame = frame.copy()
        if held.pseudonyms and "rater_id" in frame:
            hidden = {"rater_id", *namesakes(frame)}
            frame = frame.assign(**{c: [pseudonym(v, held.pseudonyms) if told(v) else v for v in frame[c]] for c in hidden})
        if held.party and "rater_id" in frame:
            frame = frame[frame["rater_id"].astype(str).isin(occurring("rater_id"))]
        if held.party and name == "checks" and "batch" in frame:
            frame = frame[[not told(batch) or str(batch) in occurring("batch") for batch in frame["batch"]]]
        if held.party:
            foreign = {"trained_on_party": {held.party}, "trained_on_batch": occurring("batch")}
            frame = frame.assign(**{c: [v if not told(v) or str(v) in own else ANOTHER for v in frame[c]]
                                    for c, own in foreign.items() if c in frame})
        return frame.reset_index(drop=True)

    return loaded


def names_hidden(plain: Any, held: Terms | None = None) -> dict[str, str]:
    """What must stand nowhere in a report, and what may stand instead, from ratings read plainly: ids of persons and models, sessions, and
    what else names raters, in the ratings and in `raters.parquet`.

    Names of one or two characters and bare numbers are left out: they stand for much else, and reading has hidden them already.
    """
    held = terms() if held is None else held
    table = plain.source.unfiltered
    people = table.filter(~table.rater_kind.isin(["gold", "outcome", "program"]))
    columns = (*HASHED, *aliases(people, plain.source.extras))
    rows = people.select(*columns, "party").distinct().execute()
    other = rows["party"].notna() & (rows["party"] != held.party) if held.party else rows["party"].isna() & False
    hidden: dict[str, str] = {}
    for column in columns:
        if held.pseudonyms:
            hidden |= {str(v): pseudonym(v, held.pseudonyms) for v in rows[column].dropna().unique()}
        hidden |= {str(v): f"({ANOTHER})" for v in rows.loc[other, column].dropna().unique()}
    if held.pseudonyms and (about := plain.side_table("raters")) is not None:
        hidden |= {str(v): pseudonym(v, held.pseudonyms) for c in namesakes(about) for v in about[c].dropna()}
    hidden = {name: instead for name, instead in hidden.items() if len(name) > 2 and not name.isdigit()}
    return hidden | {escape(name): instead for name, instead in hidden.items()}


def namesakes(frame: pd.DataFrame) -> list[str]:
    """The columns of text of a table of raters in which no value stands twice: its key and what else names one of them."""
    words = frame.select_dtypes(["object", "string"])
    return [c for c in words if words[c].dropna().is_unique and words[c].notna().sum() > 1]
