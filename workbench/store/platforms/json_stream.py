"""JSON files and JSON Lines, a record at a time: a record that is broken costs itself alone, one that is too large is passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from workbench.errors import RatingsError, shorten
from workbench.store.platforms.text import CUT_OFF, NOT_UTF8, PLACE, RAW_LIMIT, RECORD_LIMIT, UNDECODED, Fault, as_raw, numbered, text_of

CHUNK = 1 << 20             # characters read at a time
BRACKETS = re.compile(r'["\[\]{}]')
STRING_END = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
SCALAR_END = re.compile(r"[,\]}\s]")
BLANK = re.compile(r"[\s,]*")


def json_records(path: Path) -> Iterator[tuple[int, Any] | Fault]:
    """Records of a JSON file: the elements of its array, or the objects that stand in it one after another.

    NaN and Infinity come as floats that are not finite. A record that is broken costs itself alone.
    Errors: `RatingsError` for a file that is empty or begins with neither `[` nor `{`.
    """
    with text_of(path) as stream:
        window, number, inside = Window(stream), 0, False
        window.skip_blank()
        if window.here not in ("[", "{"):
            found = f"it begins with {shorten(window.text[window.at:window.at + 40])!r}" if window.here else "it is empty"
            raise RatingsError(f"{path.name}: a JSON file was expected, one array of records or one record, and {found}. "
                               "Check the file, or name its platform.")
        while window.here:
            if window.here == ("]" if inside else "["):
                inside, window.at = not inside, window.at + 1
            else:
                number += 1
                PLACE.set(f"record {number}")
                yield window.record(number)
            window.skip_blank()
        if inside and not window.broken:
            yield Fault(f"record {number + 1}", f"the file breaks off after record {number}; {CUT_OFF}")


class Window:
    """The part of a JSON file that is held: the text from the record at hand on."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.text, self.at, self.ended, self.broken = stream, "", 0, False, False
        self.decode = json.JSONDecoder().raw_decode

    @property
    def here(self) -> str:
        """The character that comes next, "" at the end."""
        return self.text[self.at:self.at + 1]

    def grow(self) -> None:
        """Drop what was read and read on; more at a time the longer the record at hand is."""
        held = len(self.text) - self.at
        more = self.stream.read(max(CHUNK, min(held, RECORD_LIMIT - held)))     # never past the limit by more than a chunk
        self.ended = not more
        self.text, self.at = self.text[self.at:] + more, 0

    def skip_blank(self) -> None:
        """Go to the next character that is neither blank nor a comma."""
        self.at = BLANK.match(self.text, self.at).end()
        while self.at >= len(self.text) and not self.ended:
            self.grow()
            self.at = BLANK.match(self.text, self.at).end()

    def record(self, number: int) -> tuple[int, Any] | Fault:
        """The record that begins here, or what is wrong with it; afterwards the window stands behind it."""
        place = f"record {number}"
        while len(self.text) - self.at <= RECORD_LIMIT:
            value, end, why = self.attempt()
            if end is not None and (end < len(self.text) or self.ended):
                end = max(end, self.at + 1)     # a stray bracket is a record of its own
                raw, self.at = self.text[self.at:end], end
                why = NOT_UTF8 if UNDECODED.search(raw) else why
                return Fault(place, why, as_raw(raw)) if why else (number, value)
            if self.ended:
                raw, self.at, self.broken = self.text[self.at:], len(self.text), True
                return Fault(place, f"the file breaks off in it, or it lacks a quote or a bracket; {CUT_OFF}", as_raw(raw))
            self.grow()
        raw = as_raw(self.text[self.at:self.at + RAW_LIMIT])
        self.pass_over()
        return Fault(place, f"it is larger than {RECORD_LIMIT // 10**6} MB; cut it, or keep long texts out of the export", raw)

    def attempt(self) -> tuple[Any, int | None, str]:
        """The value that begins here and where it ends (None: not in what is held); with what is wrong with it, "" for nothing."""
        try:
            return *self.decode(self.text, self.at), ""
        except (ValueError, RecursionError) as fault:
            why = shorten(getattr(fault, "msg", fault), 80)
            return None, end_of_value(self.text, self.at), f"it is not JSON ({why}); correct it in the file"

    def pass_over(self) -> None:
        """Go behind a record that is too large to be held, by its brackets and quotes."""
        end, depth, quoted = scan(self.text, self.at)
        while end is None and not self.ended:
            # a backslash at the very end belongs to what follows
            self.at = len(self.text) - (quoted and (len(self.text) - len(self.text.rstrip("\\"))) % 2)
            self.grow()
            end, depth, quoted = scan(self.text, self.at, depth, quoted)
        self.at = len(self.text) if end is None else end


def end_of_value(text: str, at: int) -> int | None:
    """Where the value that begins at `at` ends, by its brackets and quotes alone; None where the text ends before."""
    if text[at] in '{["':
        return scan(text, at)[0]
    found = SCALAR_END.search(text, at)
    return found.start() if found else None


def scan(text: str, at: int, depth: int = 0, quoted: bool = False) -> tuple[int | None, int, bool]:
    """Follow brackets and quotes from `at`: where depth 0 is reached again, or None and the state at the text's end."""
    while True:
        if quoted:
            closed = STRING_END.match(text, at)
            if closed is None:
                return None, depth, True
            at, quoted = closed.end(), False
            if depth == 0:
                return at, 0, False
        mark = BRACKETS.search(text, at)
        if mark is None:
            return None, depth, False
        at, quoted = mark.end(), mark.group() == '"'
        depth += 0 if quoted else 1 if mark.group() in "[{" else -1
        if depth <= 0 and not quoted:
            return at, 0, False


def json_lines(path: Path) -> Iterator[tuple[int, Any] | Fault]:
    """Records of a JSON Lines file, one a line; blank lines are passed over. Errors: `RatingsError` for a file without any."""
    empty = True
    for number, line in numbered(path, newline="\n"):
        if isinstance(line, Fault) or line.strip():
            empty = False
            PLACE.set(f"line {number}")
            yield line if isinstance(line, Fault) else json_line(number, line)
    if empty:
        raise RatingsError(f"{path.name}: the file is empty. One JSON record a line was expected.")


def json_line(number: int, line: str) -> tuple[int, Any] | Fault:
    """One line of JSON Lines as a record, or what is wrong with it."""
    if UNDECODED.search(line):
        return Fault(f"line {number}", NOT_UTF8, as_raw(line))
    try:
        return number, json.loads(line)
    except (ValueError, RecursionError) as fault:
        cure = "correct that line" if line.endswith("\n") else f"if the file breaks off here, {CUT_OFF}"
        return Fault(f"line {number}", f"it is not JSON ({shorten(getattr(fault, 'msg', fault), 80)}); {cure}", as_raw(line))
