"""A small file read before: its rows are in the cache, and whoever asks the same of the same bytes again needs no engine for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cache import cache_folder, digest, file_digest, source_hash, undamaged
from workbench.errors import RatingsError, WorkbenchError
from workbench.privacy import Terms
from workbench.source import Source
from workbench.store.pseudonyms import key_of, veiled_rubrics, veiled_sides
from workbench.store.rubrics import read_rubrics
from workbench.store.sides import contents, loader

if TYPE_CHECKING:
    from workbench.store.read import Location

LARGE = 300_000_000     # bytes of files beyond which it is not looked at whether they hold few rows
PLAIN = (str, int, float, bool, type(None))
_SHARED: dict[str, Source] = {}     # what this process, or the one it was forked from, has recalled for several


def keeping(place: Location, held: Terms, how: Mapping[str, Any]) -> str:
    """The name, in the cache, of the rows that are asked for: of their files' contents, what is asked of them, and the code that reads.
    "" where none are kept: of a Delta table, a matrix, a cluster, large files, or filters by what JSON does not hold."""
    asked = [{name: value for name, value in how.items() if value and name != "engine"}, dict(place.settings)]
    if not place.files or how["wide"] or how["as_of"] is not None or how["engine"] not in (None, "", "duckdb") or not plain(asked):
        return ""
    try:
        if sum(path.stat().st_size for path in place.files) > LARGE:
            return ""
        files = [(os.path.abspath(path), file_digest(path)) for path in place.files]
        content = [asked, files, contents(place.folder), held.pseudonyms and key_of(held.pseudonyms), held.party, source_hash()]
    except (OSError, WorkbenchError):       # whoever reads tells what is wrong with a file, or does without a cache
        return ""
    return f"read/{digest(json.dumps(content, sort_keys=True))}.parquet"


def plain(value: object) -> bool:
    """Whether JSON gives a value back as it is, lists for tuples."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and plain(one) for key, one in value.items())
    return all(map(plain, value)) if isinstance(value, (list, tuple)) else isinstance(value, PLAIN)


def recall(kept: str, place: Location, held: Terms, read: Callable[[], Source]) -> Source | None:
    """The source whose rows are kept under this name; None where none are. read: reads it anew, when the engine's tables are asked for."""
    rubrics = veiled_rubrics(read_rubrics(place.rubrics) if place.rubrics else {}, held)
    if kept in _SHARED and _SHARED[kept].rubrics == rubrics:
        return _SHARED[kept]
    told = undamaged(cache_folder() / kept, description)
    if told is None:
        return None

    @cache
    def tables() -> tuple[Any, Any]:
        found = read()
        if found.identity() != told["identity"]:
            raise RatingsError(f"{told['name']}: it has changed since it was read. Read it again.")
        return found.tables()

    made = {name: tuple(told[name]) for name in ("missing", "extras", "notes")} | {"identity": lambda: told["identity"]}
    made |= {"exclude": {column: tuple(values) for column, values in told["exclude"].items()}, "tables": tables, "rubrics": rubrics}
    return Source(**told | made, on_disk=True, small=True, kept=kept,
                  side_table=veiled_sides(loader(place.folder), held, lambda: tables()[0]))


def description(path: Path) -> dict[str, Any]:
    """What was told of the source whose rows a file keeps."""
    from pyarrow.parquet import read_schema

    return json.loads(read_schema(path).metadata[b"source"])


def is_kept(source: Source) -> bool:
    """Whether whoever reads this again needs no engine for what is counted in memory."""
    return bool(source.kept) and source.memory.get("held") is not None and (cache_folder() / source.kept).exists()


def share(source: Source) -> None:
    """Have the processes forked from this one find what it knows of a source, rather than recall it each."""
    _SHARED[source.kept] = source
