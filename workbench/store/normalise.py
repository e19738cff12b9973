"""A source's own columns -> the contract's columns, as expressions: nothing is read here but names and types.

A value that cannot be read in its column's type becomes missing here and is reported by the value check, which
finds it through hidden columns: `_bad_NAME` (the text could not be read) and `_zoneless_NAME` (it names no zone).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import RatingsError, examples
from workbench.ratings import VIRTUAL
from workbench.schema import BY_NAME, COLUMNS, REQUIRED, Column

OWN = ("_row", "_batch")           # made by `sources`: the number of the row, the name of the file
MARKS = ("_bad_", "_zoneless_")    # made here
IDS = ("item_id", "rater_id", "prompt_id", "session", "rating_id", "replaces")


@dataclass(frozen=True)
class Normalised:
    """The table in the contract's columns, which of them the source lacks, further columns, and assumptions made."""

    table: Any
    missing: tuple[str, ...]
    extras: tuple[str, ...]
    notes: tuple[str, ...]


def renamed(table: Any, mapping: Mapping[str, str], *, name: str) -> Any:
    """The table with columns named as the mapping (source -> contract) says. Errors: `RatingsError`."""
    visible = [c for c in table.columns if c not in OWN]
    absent = [c for c in mapping if c not in visible]
    if absent:
        raise RatingsError(f"{name}: the mapping names column {examples([repr(c) for c in absent])}, which is not there. "
                           f"Its columns are: {', '.join(visible)}.")
    final = [mapping.get(c, c) for c in visible]
    twice = sorted({c for c in final if final.count(c) > 1})
    if twice:
        sources = [c for c in visible if mapping.get(c, c) == twice[0]]
        raise RatingsError(f"{name}: after mapping, column {examples([repr(c) for c in twice])} would stand twice (from "
                           f"{', '.join(sources)}). Map one of them to another name, for example {twice[0]}_as_exported.")
    return table.rename({new: old for old, new in mapping.items() if new != old})


def normalise(table: Any, *, name: str) -> Normalised:
    """Cast and fill the contract's columns; keep the others. Errors: `RatingsError` for columns missing or of a wrong type."""
    present = set(table.columns)
    check_columns(present, name=name)
    notes: list[str] = []
    made: dict[str, Any] = {}
    for column in COLUMNS:
        if column.name in present:
            made |= cast(table[column.name], column, name=name, notes=notes)
        else:
            made |= absent(table, column)
    shadowed = [c for c in VIRTUAL if c in present]
    notes += [f"column {c} of the source is left out: {c} is made from rated_at; map it to another name to keep it" for c in shadowed]
    extras = tuple(c for c in table.columns if c not in (*BY_NAME, *OWN, *VIRTUAL) and not c.startswith(MARKS))
    hidden = [table[c] for c in ("_row",) if c in present]
    missing = tuple(c.name for c in COLUMNS if c.name not in present)
    result = table.select(**made, **{c: table[c] for c in extras}, **{c.get_name(): c for c in hidden})
    return Normalised(result, missing, extras, tuple(notes))


def check_columns(present: set[str], *, name: str) -> None:
    """Raise unless the required columns are there."""
    lacking = [c for c in REQUIRED if c not in present]
    seen = ", ".join(sorted(present.difference(OWN)))
    if lacking:
        raise RatingsError(f"{name}: no column {' and no column '.join(map(repr, lacking))}. Found: {seen}. "
                           f"Name it with columns={{'YOURS': '{lacking[0]}'}} or --column YOURS={lacking[0]}.")
    if not {"score", "label"} & present:
        raise RatingsError(f"{name}: neither a 'score' nor a 'label' column. Found: {seen}. "
                           f"Name one with columns={{'YOURS': 'score'}} or --column YOURS=score.")


def absent(table: Any, column: Column) -> dict[str, Any]:
    """A column the source lacks: its default, or typed nulls; the batch is then the file's name."""
    import ibis

    if column.name == "batch" and "_batch" in table.columns:
        return {"batch": table["_batch"].cast("string")}
    return {column.name: ibis.literal(column.default, type=column.type) if column.default is not None else ibis.null(column.type)}


def cast(value: Any, column: Column, *, name: str, notes: list[str]) -> dict[str, Any]:
    """A column in the contract's type, with hidden columns that say where its text could not be read."""
    kind = value.type()
    if column.type.startswith("timestamp"):
        made = cast_time(value, column, name=name, notes=notes)
    elif column.type == "string":
        made = cast_text(value, column, name=name)
    elif kind.is_string():
        text = value.strip().nullif("")
        made = cast_number(text.try_cast("float64"), text, column)
    elif kind.is_floating() and column.type == "int64":
        given = value.isnan().ifelse(None, value)
        made = cast_number(given, given.cast("string"), column)
    elif kind.is_numeric() or kind.is_boolean():
        made = {column.name: value.cast("int64").cast(column.type) if kind.is_boolean() else value.cast(column.type)}
    else:
        raise wrong_type(name, column, kind, "a number")
    if column.default is not None:
        made[column.name] = made[column.name].fill_null(column.default)
    return made


def cast_number(number: Any, text: Any, column: Column) -> dict[str, Any]:
    """A number in the contract's type; where whole ones are asked for, no other is rounded into one."""
    made = number.try_cast(column.type)
    unread = made.isnull() if column.type == "float64" else made.isnull() | (made.cast("float64") != number)
    return {column.name: made, f"_bad_{column.name}": (text.notnull() & unread).ifelse(text, None)}


def cast_text(value: Any, column: Column, *, name: str) -> dict[str, Any]:
    """Text as it is, but blanks as missing; ids keep their whole-number type.

    A blank item stays, for the value check to name: to group by a column that is looked at first takes half as long again.
    """
    kind = value.type()
    if kind.is_nested():
        raise wrong_type(name, column, kind, "text")
    if kind.is_integer() and column.name in IDS:
        return {column.name: value}
    if kind.is_floating():
        whole = value.try_cast("int64")
        written = (value == whole).fill_null(False).ifelse(whole.cast("string"), value.cast("string"))
        return {column.name: value.isnan().ifelse(None, written)}
    text = value.cast("string")
    if column.name == "item_id":
        return {column.name: text}
    # stripping costs four times what counting does, and only what sorts before "!" can be blank
    return {column.name: (text < "!").ifelse((text.strip() == "").ifelse(None, text), text)}


def cast_time(value: Any, column: Column, *, name: str, notes: list[str]) -> dict[str, Any]:
    """A time in UTC; one without a zone is read as UTC, and `notes` says so."""
    kind = value.type()
    if kind.is_timestamp() or kind.is_date():
        if getattr(kind, "timezone", None) is None:
            notes.append(f"{column.name} names no time zone: read as UTC")
        return {column.name: value.cast("timestamp('UTC')")}
    if kind.is_string():
        text = value.strip().nullif("")
        time = text.try_cast("timestamp('UTC')")
        zoned = text.re_search(r"([zZ]|UTC|GMT|[+-]\d{2}(:?\d{2})?)$") & text.re_search(r":")
        return {column.name: time, f"_bad_{column.name}": time.isnull().ifelse(text, None),
                f"_zoneless_{column.name}": text.notnull() & ~zoned}
    if kind.is_null():
        return {column.name: value.cast("timestamp('UTC')")}
    raise wrong_type(name, column, kind, "a time; convert seconds since 1970 with pandas.to_datetime(..., unit='s', utc=True)")


def wrong_type(name: str, column: Column, kind: Any, wanted: str) -> RatingsError:
    """The error for a column whose type cannot hold what the contract asks for."""
    return RatingsError(f"{name}: column '{column.name}' is {kind}, expected {wanted}. Convert it, or map another column to "
                        f"'{column.name}'.")


def text_columns(mapping: Mapping[str, str]) -> frozenset[str]:
    """The source's names of the contract's columns: read from text files as text, so that ids such as 007 survive."""
    return frozenset(c for c in (*BY_NAME, *mapping) if mapping.get(c, c) in BY_NAME)
