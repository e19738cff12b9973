"""Tables of any kind a record at a time, and values in them: by column, inside JSON cells, as times in UTC."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from workbench.errors import RatingsError, shorten
from workbench.store.platforms.asked import as_number
from workbench.store.platforms.fields import at, clean, moment, word
from workbench.store.platforms.layout import Layout, starred
from workbench.store.platforms.rows import Fault, as_raw, delimited, json_lines, json_records
from workbench.store.platforms.text import PLACE

JSON = re.compile(rb"(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*[\"}]")
LONG = 200      # characters of several columns together beyond which their digest is the id
NOT_A_ROW = "a record with columns was expected; correct it in the file"


def records(path: Path, layout: Layout) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Rows of a CSV, TSV, JSON, JSON Lines or Parquet file, as dicts. Errors: `RatingsError` for a file of another kind."""
    suffix, start = path.suffix.lower(), beginning(path)
    if start.startswith(b"PAR1") or suffix == ".parquet":
        entries = parquet(path)
    elif suffix in (".jsonl", ".ndjson"):
        entries = json_lines(path)
    elif suffix == ".json" or JSON.match(start):
        entries = json_records(path)
    else:
        entries = delimited(path, delimiter=layout.delimiter or ("\t" if suffix == ".tsv" else None), quotes=layout.quotes)
    for entry in entries:
        if isinstance(entry, Fault):
            yield entry
        elif not isinstance(entry[1], dict) or not entry[1]:
            yield Fault(PLACE.get(), NOT_A_ROW, raw_of(entry[1]))
        elif all(value == name for name, value in entry[1].items()):
            yield Fault(PLACE.get(), "the header stands here again, as if files were joined; take that line out", raw_of(entry[1]))
        else:
            yield entry


def raw_of(value: Any) -> str:
    """A value as text for the quarantine, whatever its depth."""
    try:
        return as_raw(value)
    except (RecursionError, ValueError):
        return "a value nested too deeply to be written"


def beginning(path: Path) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as stream:
            return stream.read(64)
    except OSError as fault:
        raise RatingsError(f"{path.name}: the file cannot be read ({fault.strerror}). Check the path and its permissions.") from None


def parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as held:
            for batch in held.iter_batches(2_000):
                for row in batch.to_pylist():
                    number += 1
                    PLACE.set(f"row {number}")
                    yield number, row
    except (pa.ArrowException, OSError, ValueError) as fault:
        if not number:
            raise RatingsError(f"{path.name}: the Parquet file cannot be read ({shorten(fault, 120)}). Write it again.") from None
        PLACE.set(f"row {number + 1}")
        yield Fault(PLACE.get(), f"the file breaks off here ({shorten(fault, 120)}); write it again, only what is new is added")


def unpacked(record: dict[str, Any], columns: Iterable[str]) -> dict[str, Any] | str:
    """The record with these columns' JSON read, or which of them holds none."""
    made = dict(record)
    for column in columns:
        if isinstance(made.get(column), str):
            try:
                made[column] = json.loads(made[column]) if made[column].strip() else None
            except (ValueError, RecursionError):
                return f"column {column} was expected to hold JSON, and {shorten(made[column])!r} was found; correct it"
    return made


def cell(record: Mapping[str, Any], path: str, *, deep: bool = True) -> Any:
    """The value of a column, or of a path into a JSON cell ("metadata.started_at"); * there is the first entry."""
    if path in record or not deep:
        return record.get(path)
    column, _, rest = path.partition(".")
    held = record.get(column)
    for name in rest.split(".") if rest else ():
        entries = list(held.values()) if isinstance(held, dict) else held if isinstance(held, list) else []
        held = (entries[0] if entries else None) if name == "*" else at(held, name)
    return held if rest else at(record, path)


def first_cell(record: Mapping[str, Any], paths: Iterable[str], layout: Layout) -> Any:
    """The first value among these columns; a pattern means its columns together, their digest where that is long."""
    for path in paths:
        if path.endswith("*") and not path.endswith(".*"):
            parts = [raw_of(record[name]) for name in starred(path, record) if not lacks(record[name], layout)]
            text = clean(" | ".join(parts))
            value = text if len(text) <= LONG else blake2b(text.encode(), digest_size=8).hexdigest()
        else:
            value = cell(record, path)
        if not lacks(value, layout):
            return value
    return None


def lacks(value: Any, layout: Layout) -> bool:
    """Is nothing there?"""
    return value is None or isinstance(value, str) and value.strip() in layout.lacking or isinstance(value, float) and value != value


def timed(value: Any, layout: Layout) -> datetime | str | None:
    """A time in UTC; what cannot be read comes back as it is, to be set aside."""
    zone = zone_of(layout.zone)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    try:
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
        if isinstance(value, str):
            return of_text(value.strip(), layout, zone)
        return moment(value / 1000 if "ms" in layout.times and isinstance(value, (int, float)) else value)
    except (ValueError, OverflowError):
        return word(value)


def of_text(text: str, layout: Layout, zone: ZoneInfo) -> datetime | str | None:
    """A time written as text: ISO, then the layout's formats."""
    written = text[:-4] + "+00:00" if text.endswith((" UTC", " GMT")) else text
    readers = [datetime.fromisoformat, *(lambda text, form=form: datetime.strptime(text, form) for form in layout.times if "%" in form)]
    seconds = as_number(text) if {"s", "ms"} & set(layout.times) else None
    if seconds is not None:
        return moment(seconds / (1000 if "ms" in layout.times else 1))
    for read in readers:
        try:
            made = read(written)
        except ValueError:
            continue
        return (made if made.tzinfo else made.replace(tzinfo=zone)).astimezone(UTC)
    return word(text)


@lru_cache(maxsize=8)
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name."""
    return ZoneInfo(name)
