"""CSV, TSV and their kin, a row at a time: every row as wide as the header, an open quote costs only its own line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import RatingsError, shorten
from workbench.store.platforms.text import NOT_UTF8, PLACE, RECORD_LIMIT, UNDECODED, Fault, as_raw, numbered


def delimited(path: Path, *, delimiter: str | None = None, quotes: bool = True) -> Iterator[tuple[int, dict[str, str]] | Fault]:
    """Rows of a delimited text file, as dicts by the header's names, with the line each begins on; blank lines are passed over.

    delimiter: None for the one of , tab ; | that splits the header most. quotes: whether fields may stand in double quotes.
    A row with more or fewer fields than the header is a fault; so is a quote left open, which costs only the line it stands on.
    Errors: `RatingsError` for an empty file or a header that is not UTF-8 or names a column twice.
    """
    csv.field_size_limit(RECORD_LIMIT)
    feed = Feed(path)
    first = next(feed, "")
    feed.give_back()
    mark = delimiter or max(",\t;|", key=first.count)
    rows = csv.reader(feed, delimiter=mark, strict=True, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)
    header = header_of(path, rows, feed)
    for row in rows_of(feed, rows):
        yield row if isinstance(row, Fault) else checked_row(row[1], header, feed, mark)


def rows_without_header(path: Path) -> Iterator[tuple[int, list[str]] | Fault]:
    """The fields of each row of a CSV that has no header, with the line it begins on."""
    csv.field_size_limit(RECORD_LIMIT)
    feed = Feed(path)
    return rows_of(feed, csv.reader(feed, strict=True))


def rows_of(feed: Feed, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]] | Fault]:
    """The fields of each row with the line it begins on, or what is wrong with it; `feed` holds its lines until the next is asked for."""
    while True:
        fields, why = next_row(rows)
        yield from feed.faults
        if fields is None:
            return
        if why:
            yield Fault(f"line {feed.held[0][0]}", why, as_raw(feed.held[0][1]))
            feed.held.pop(0)
            feed.give_back()    # what an open quote swallowed is read again from the line after it
        elif fields:
            PLACE.set(feed.place)
            raw = "".join(text for _, text in feed.held)
            yield Fault(feed.place, NOT_UTF8, as_raw(raw)) if UNDECODED.search(raw) else (feed.held[0][0], fields)
        feed.held.clear()
        feed.faults.clear()


def next_row(rows: Iterator[list[str]]) -> tuple[list[str] | None, str]:
    """The next row's fields (None at the end), and what is wrong with them, "" for nothing."""
    try:
        return next(rows, None), ""
    except csv.Error as fault:
        return [], f"its fields cannot be told apart ({fault}): a quote may be left open; correct that line"


def checked_row(fields: list[str], header: list[str], feed: Feed, mark: str) -> tuple[int, dict[str, str]] | Fault:
    """A row as a dict, or what is wrong with it."""
    if len(fields) != len(header):
        raw = "".join(text for _, text in feed.held)
        return Fault(feed.place, f"it has {len(fields)} fields and the header has {len(header)}; correct it: a field that holds "
                                 f"{mark!r}, a quote or a new line stands in double quotes", as_raw(raw))
    return feed.held[0][0], dict(zip(header, fields))


def header_of(path: Path, rows: Iterator[list[str]], feed: Feed) -> list[str]:
    """The column names. Errors: `RatingsError`."""
    header, why = next_row(rows)
    if not header or why or feed.faults:
        raise RatingsError(f"{path.name}: {why or 'the first line holds no header'}. A table begins with a line of column names.")
    names = [name.strip() for name in header]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if "\0" in "".join(names):
        raise RatingsError(f"{path.name}: the header holds zero bytes, as UTF-16 text without a byte-order mark does. Save the file as "
                           "UTF-8, and import it again.")
    if repeated or UNDECODED.search("".join(names)):
        raise RatingsError(f"{path.name}: the header {f'names {shorten(repr(repeated[0]))} twice' if repeated else 'is not UTF-8 text'}. "
                           f"{'Rename or drop one' if repeated else 'Save the file as UTF-8'}, and import it again.")
    feed.held.clear()
    return names


class Feed:
    """The lines of a file for a csv reader, remembering those of the row at hand so that they can be given back."""

    def __init__(self, path: Path) -> None:
        self.source, self.ahead, self.held, self.faults = numbered(path, newline=""), deque(), [], []

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> str:
        number, line = self.ahead.popleft() if self.ahead else next(self.source)
        if isinstance(line, Fault):
            self.faults.append(line)
            return next(self)
        self.held.append((number, line))
        return line

    def give_back(self) -> None:
        """Read the lines of the row at hand once more."""
        self.ahead.extendleft(reversed(self.held))
        self.held.clear()

    @property
    def place(self) -> str:
        """Where the row at hand stands: "line 12", "lines 12-14"."""
        first, last = self.held[0][0], self.held[-1][0]
        return f"line {first}" if first == last else f"lines {first}-{last}"
