"""The parts of an Inspect log, one at a time: its head, then its samples, from the one JSON object of `.json` or the zip of `.eval`."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from workbench.errors import RatingsError, shorten
from workbench.store.platforms.json_stream import Window, json_records
from workbench.store.platforms.rows import RECORD_LIMIT, Fault
from workbench.store.platforms.text import CUT_OFF, WATCH, text_of

ZIP_MARK = b"PK\x03\x04"
LOCAL_HEADER = struct.Struct("<4s22xHH")    # of an entry: its mark, the lengths of its name and its extra field
ZSTANDARD = 93                              # the method's number in a zip; zipfile knows it from Python 3.14 on
HEADS = ("header.json", "_journal/start.json")
Part = tuple[str, str, Any]                 # its place, "head" or "sample", and the value or what is wrong with it


def parts(path: Path) -> Iterator[Part]:
    """Head and samples of a log; what cannot be read is a `Fault` in the place of the value. Errors: `RatingsError`."""
    try:
        with path.open("rb") as stream:
            zipped = stream.read(len(ZIP_MARK)) == ZIP_MARK
    except OSError as fault:
        raise RatingsError(f"{path}: the file cannot be read ({fault.strerror}). Check the path and its permissions.") from None
    return of_zip(path) if zipped else of_json(path)


def of_json(path: Path) -> Iterator[Part]:
    """The members of the one object of a `.json` log, its samples one by one."""
    with text_of(path) as stream:
        window = Window(stream)
        window.skip_blank()
        if window.here == "{":
            yield from members(window)
            return
    for entry in islice(json_records(path), 1):     # another platform's file, to say so
        yield "record 1", "head", entry if isinstance(entry, Fault) else entry[1]


def members(window: Window) -> Iterator[Part]:
    """The members of the object that begins here."""
    n = 0
    window.at += 1
    window.skip_blank()
    while window.here not in ("", "}"):
        name = window.record(0)
        window.skip_blank()
        if window.here == ":":
            window.at += 1
            window.skip_blank()
        if name == (0, "samples") and window.here == "[":
            window.at += 1
            window.skip_blank()
            while window.here not in ("", "]"):
                n += 1
                entry = window.record(n)
                yield f"sample {n}", "sample", entry if isinstance(entry, Fault) else entry[1]
                window.skip_blank()
            window.at += window.here == "]"
        elif window.here:
            value = window.record(0)
            fault = name if isinstance(name, Fault) else value
            yield "head", "head", fault if isinstance(fault, Fault) else {name[1]: value[1]} if isinstance(name[1], str) else {}
        window.skip_blank()
    if not window.here and not window.broken:
        yield f"sample {n + 1}", "sample", Fault(f"sample {n + 1}", f"the file breaks off after sample {n}; {CUT_OFF}")


def of_zip(path: Path) -> Iterator[Part]:
    """The entries of an `.eval` log; one written twice counts as written last."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
            held = {info.filename: info for info in archive.infolist()}
            head = next((held[name] for name in HEADS if name in held), None)
            yield "head", "head", {} if head is None else entry(archive, stream, head)
            for name, info in held.items():
                if name.startswith("samples/") and name.endswith(".json"):
                    yield name, "sample", entry(archive, stream, info)
                    if watch := WATCH.get():
                        watch(path, stream.tell())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise RatingsError(f"{path.name}: an Inspect log (.eval, a zip) was expected, and its list of entries cannot be read "
                           f"({shorten(fault, 80)}). Copy the whole file again.") from None


def entry(archive: zipfile.ZipFile, stream: BinaryIO, info: zipfile.ZipInfo) -> Any:
    """One entry as JSON, or what is wrong with it."""
    place = info.filename.encode("utf-8", "replace").decode()
    try:
        raw = unpacked(archive, stream, info)
        if len(raw) > RECORD_LIMIT:
            return Fault(place, f"it is larger than {RECORD_LIMIT // 10**6} MB; write the log without its events, or leave the sample out")
        return json.loads(raw)
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RecursionError, NotImplementedError,
            RuntimeError) as fault:
        return Fault(place, f"it is damaged or no JSON ({shorten(fault, 80)}); copy the file again, or write the log again")


def unpacked(archive: zipfile.ZipFile, stream: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry, no more than one beyond the limit, whatever its size is said to be."""
    if info.compress_type != ZSTANDARD:
        with archive.open(info) as packed:
            return packed.read(RECORD_LIMIT + 1)
    import pyarrow as pa

    stream.seek(info.header_offset)
    _, *lengths = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
    stream.seek(sum(lengths), 1)
    packed = pa.BufferReader(stream.read(min(info.compress_size, RECORD_LIMIT)))
    with pa.CompressedInputStream(packed, "zstd") as plain:
        raw = plain.read(RECORD_LIMIT + 1)
    if len(raw) <= RECORD_LIMIT and zlib.crc32(raw) != info.CRC:
        raise zipfile.BadZipFile("its checksum does not fit")
    return raw
