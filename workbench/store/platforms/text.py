"""Text files read a line at a time in bounded memory, what could not be read as a `Fault`, and how far the reading is."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError

RECORD_LIMIT = 64_000_000   # characters of one record: what is larger is a fault instead of filling the memory
RAW_LIMIT = 64_000          # of a faulty record, kept as it came

NOT_UTF8 = "it holds bytes that are not UTF-8 text; save the file as UTF-8 and import it again"
CUT_OFF = "only what is whole was read; export and import the whole file again, only what is new is added"
PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")     # zip and xlsx, xls, gz, bz2, xz, 7z
UNDECODED = re.compile("[\udc80-\udcff]")

# Called with a path and how many of its bytes were read: a progress bar listens here.
WATCH: ContextVar[Callable[[Path, int], None] | None] = ContextVar("WATCH", default=None)
# Where the record at hand stands, "line 12": for what is found wrong with it later.
PLACE: ContextVar[str] = ContextVar("PLACE", default="")


@dataclass(frozen=True)
class Fault:
    """A record that cannot be read as a rating. `place`: "line 12"; `reason`: expected, found, cure; `raw`: as it came, cut."""

    place: str
    reason: str
    raw: str = ""


def numbered(path: Path, *, newline: str) -> Iterator[tuple[int, str | Fault]]:
    """The lines of a text file with their numbers from 1; one that is too long is a fault."""
    number = 0
    with text_of(path, newline=newline) as stream:
        while line := stream.readline(RECORD_LIMIT):
            number += 1
            if len(line) < RECORD_LIMIT:
                yield number, line
                continue
            raw = as_raw(line)
            while len(line) == RECORD_LIMIT and not line.endswith("\n"):
                line = stream.readline(RECORD_LIMIT)
            yield number, Fault(f"line {number}", f"it is longer than {RECORD_LIMIT // 10**6} MB; cut it", raw)


def text_of(path: Path, *, newline: str = "\n") -> io.TextIOWrapper:
    """A text file opened: UTF-8 with or without a mark, UTF-16 with one; bytes that are neither stay to be found by `UNDECODED`."""
    try:
        stream = io.BufferedReader(Watched(path))
    except OSError as fault:
        raise RatingsError(f"{path}: the file cannot be read ({fault.strerror}). Check the path and its permissions.") from None
    if stream.peek(4).startswith(PACKED):
        stream.close()
        raise RatingsError(f"{path.name}: text was expected, and this is a workbook or an archive. "
                           + ("Use `workbench import inspect`." if path.suffix == ".eval" else "Save its sheet as CSV, or unpack it."))
    wide = stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return io.TextIOWrapper(stream, encoding="utf-16" if wide else "utf-8-sig", errors="replace" if wide else "surrogateescape",
                            newline=newline)


class Watched(io.FileIO):
    """A file that tells `WATCH` how far it was read."""

    def readinto(self, buffer: Any) -> int | None:
        """Read, and tell."""
        count, watch = super().readinto(buffer), WATCH.get()
        if watch:
            watch(Path(self.name), self.tell())
        return count


def as_raw(record: object) -> str:
    """A record as text for the quarantine, cut; bytes that were not text stand as escapes."""
    try:
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        text = "(nested too deeply to be written)"
    text = UNDECODED.sub(lambda byte: f"\\x{ord(byte.group()) - 0xDC00:02x}", text[:RAW_LIMIT])
    return text.encode("utf-8", "backslashreplace").decode()
