"""The columns of a stored table: the contract's in the contract's types, and extras, each of one kind for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.errors import RatingsError, examples
from workbench.ratings import VIRTUAL
from workbench.schema import BY_NAME, COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

HIDDEN = ("_row", "_key", "_content")
RESERVED = ("_batch", *HIDDEN, *VIRTUAL)
MARKS = ("_bad_", "_zoneless_")
KINDS = {"string": "text", "double": "numbers", "bool": "true and false", "timestamp[us, tz=UTC]": "times"}


def arrow_type(kind: str) -> pa.DataType:
    """The stored type of a contract type, or of an extra column's."""
    import pyarrow as pa

    known = {"string": pa.string(), "float64": pa.float64(), "double": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}
    return known.get(kind, pa.timestamp("us", tz="UTC"))


def kind_of(type_: Any) -> pa.DataType | None:
    """The type in which an extra column of this type is stored; None for nested ones."""
    import pyarrow as pa

    known = pa.types
    if known.is_string(type_) or known.is_large_string(type_) or known.is_string_view(type_):
        return pa.string()
    if known.is_boolean(type_):
        return pa.bool_()
    if known.is_integer(type_) or known.is_floating(type_):
        return pa.float64()
    return pa.timestamp("us", tz="UTC") if known.is_timestamp(type_) or known.is_date(type_) else None


def schema_of(table: DeltaTable | None) -> dict[str, pa.DataType]:
    """The extra columns that a stored table has, with their types."""
    import pyarrow as pa

    if table is None:
        return {}
    schema = pa.schema(table.schema().to_arrow())
    return {field.name: kind_of(field.type) or field.type for field in schema if field.name not in (*BY_NAME, *HIDDEN)}


def conform(rows: pa.Table, held: dict[str, pa.DataType], *, name: str) -> pa.Table:
    """Rows in the stored columns and types: the contract's, then extras, those that are held first.

    Errors: `RatingsError`, all faults in one, naming column, both types and the cure.
    """
    import pyarrow as pa

    given = {c: rows[c] for c in rows.column_names if not pa.types.is_null(rows[c].type)}
    extras = [c for c in given if c not in BY_NAME]
    wrong = name_faults(extras, held) + [fault for c in extras if (fault := kind_fault(c, given[c].type, held.get(c)))]
    if wrong:
        raise RatingsError(f"{name}: {' '.join(wrong)}")
    types = {c.name: arrow_type(c.type) for c in COLUMNS} | held | {c: kind_of(given[c].type) for c in extras if c not in held}
    made = {}
    for column, type_ in types.items():
        try:
            made[column] = given[column].cast(type_) if column in given else pa.nulls(len(rows), type_)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            wrong.append(f"column '{column}' is {given[column].type}, expected {type_}. Convert it.")
    if wrong:
        raise RatingsError(f"{name}: {' '.join(wrong)}")
    return pa.table(made)


def kind_fault(column: str, type_: Any, held: pa.DataType | None) -> str:
    """What is wrong with the type of an extra column, "" for nothing."""
    kind = kind_of(type_)
    if kind is None:
        return f"column '{column}' is {type_}: nested values are not stored. Write them as text, or leave the column out."
    if held is not None and kind != held:
        return (f"column '{column}' holds {word(kind)} here, and {word(held)} in what is stored. Convert it to {word(held)}, or give "
                f"the column another name.")
    return ""


def name_faults(extras: Iterable[str], held: Iterable[str] = ()) -> list[str]:
    """What is wrong with the names of extra columns."""
    taken = {c.casefold(): c for c in (*BY_NAME, *held)}
    reserved = [c for c in extras if c in RESERVED or c.startswith(MARKS) or not c.strip()]
    wrong = [f"column {examples([repr(c) for c in reserved])} bears a name that is kept for our own use. Rename it."] if reserved else []
    for column in extras:
        other = taken.setdefault(column.casefold(), column)
        if other != column:
            wrong.append(f"columns '{column}' and '{other}' differ in capitals alone, which engines do not tell apart. Rename one.")
    return wrong


def word(type_: Any) -> str:
    """A stored type in words."""
    return KINDS.get(str(type_), str(type_))
