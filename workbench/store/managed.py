"""The managed store of a dataset folder: Delta tables to which rows are appended once each, whoever else is writing.

Every row has its source's own key (`_key`), a digest of its values (`_content`) and the number of its arrival (`_row`). A row
that is there already, key and values, is not stored again; one whose values were edited supersedes what stood under its
key, which stays as history. A commit is whole or absent: the table's log decides, and a file that no commit names is harmless.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from workbench.errors import RatingsError, examples, shorten
from workbench.store.columns import conform, schema_of
from workbench.store.keyed import content_of, digests, look_up, settled, strangers

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable, WriterProperties

SETTINGS = {"delta.dataSkippingStatsColumns": "_row",                  # no id may stand in the log
            "delta.logRetentionDuration": "interval 36500 days",        # history is kept until it is asked to go
            "delta.checkpointInterval": "25"}                           # a log is replayed from its last checkpoint
# so many files below so many bytes are made one: by an append that looks keys up, an import; by any, which a reviewer waits for
LARGER, TINY = (50, 16_000_000), (100, 250_000)
GROUP = 1_000_000                   # rows of which a file says together which keys they do not have
RETRIES = 5                         # against a writer that does not hold the lock


@dataclass(frozen=True)
class Appended:
    """What an append did: rows stored, how many of these supersede others, rows that were there already; the table's version."""

    stored: int
    superseding: int
    unchanged: int
    version: int


def append_ratings(folder: str | Path, rows: pa.Table, *, action: Mapping[str, str], fresh: bool = False) -> Appended:
    """Append ratings to a dataset folder, in one commit that is whole or absent, and durable when this returns.

    rows: columns of the contract and extras; `rating_id` is the source's own key, by which a rating is known again. One with the
        key and values of what is there is left out; one with other values is stored with `rating_id` KEY~2, KEY~3, ... and
        `replaces` naming what it supersedes. A caller's own `replaces` stands where there is nothing to supersede.
    action: what to say in the table's log, {"action": "import", "file": "export.json"}; never an id of a person.
    fresh: the keys are new (random ones), and are not looked up; of the files that have become many only tiny ones are made one, for
        somebody waits.

    Errors: `RatingsError` before anything is written: no `rating_id`, a column whose type is not the stored one's, a folder
    that is not managed or cannot be written.
    """
    path = Path(folder) / "ratings"
    if "rating_id" not in rows.column_names or rows["rating_id"].null_count:
        raise RatingsError(f"{path}: a rating to be stored has no rating_id. Give each its own, by which it will be known again.")
    with locked(Path(folder)):
        unmanaged(Path(folder))

        def prepare(table: DeltaTable | None) -> pa.Table:
            return conform(rows, schema_of(table), name=str(path))

        return append(path, prepare, action=action, fresh=fresh)


def set_aside(folder: str | Path, faults: pa.Table, *, action: Mapping[str, str]) -> int:
    """Add rows that could not be taken to the quarantine, each once; how many were not there yet.

    faults: platform, file, place, reason, raw, set_aside_at. The same fault at the same place of a file of that name is known again.
    """
    with locked(Path(folder)):
        unmanaged(Path(folder))
        keys = [content_of("platform", p, "file", f, "place", w, "reason", r, "raw", t) for p, f, w, r, t in
                zip(*(faults[c].to_pylist() for c in ("platform", "file", "place", "reason", "raw")))]
        import pyarrow as pa

        keyed = faults.append_column("rating_id", pa.array(keys, pa.string()))
        keyed = keyed.append_column("replaces", pa.nulls(len(keyed), pa.string()))
        return append(Path(folder) / "quarantine", lambda table: keyed, action=action, known_again=lambda rows: keys).stored


def append(path: Path, prepare: Callable[[DeltaTable | None], pa.Table], *, action: Mapping[str, str], fresh: bool = False,
           known_again: Callable[[pa.Table], list[str]] | None = None) -> Appended:
    """Append what `prepare` makes of the table as it stands; the lock is held. `known_again` gives the rows' digests."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    for attempt in range(RETRIES):
        table = latest(path)
        rows = prepare(table)
        contents = (known_again or digests)(rows)
        keys = rows["rating_id"].to_pylist()
        known = {} if fresh or table is None else look_up(whole_files(table), keys)
        made, superseding = settled(rows, keys, contents, known, first=next_row(table))
        unchanged = len(rows) - len(made)
        if superseding and known and known_again is None:
            check_own(path, table, made)
        if not len(made):
            return Appended(0, 0, unchanged, table.version() if table else -1)
        try:
            version = commit(path, compacted(table, *(TINY if fresh else LARGER)), made, action={**action, "superseding": str(superseding)})
        except CommitFailedError:     # somebody writes without the lock: look again at what is there
            if attempt == RETRIES - 1:
                raise
            continue
        except (DeltaError, OSError) as fault:
            raise not_written(path, fault) from None
        return Appended(len(made), superseding, unchanged, version)
    raise AssertionError("unreachable")


def check_own(path: Path, table: DeltaTable, made: pa.Table) -> None:
    """Raise where ratings would supersede those of other items by other raters."""
    odd = strangers(files_of(table), made)
    if odd:
        raise RatingsError(f"{path}: {len(odd):,} of the {len(made):,} ratings to be stored bear the rating_id of a rating of another item "
                           f"by another rater: {examples(odd)}. Sources that number alike would overwrite each other: import this one "
                           "with a mapping of its own `source` and `key`, or into another folder. Nothing of this part was stored.")


def commit(path: Path, table: DeltaTable | None, rows: pa.Table, *, action: Mapping[str, str]) -> int:
    """Write rows and commit them; the version they have. On disk when this returns."""
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, write_deltalake

    before = total(table)
    said = {"action": "append", **action, "stored": str(len(rows)), "total": str(before + len(rows))}
    # first of all: a file without a log beside it is taken for somebody else's
    (path / "_delta_log").mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path).free < rows.nbytes // 2 + 500_000:     # what it comes to when packed; the library fails uncleanly
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    new = table is not None and set(rows.column_names) - {f.name for f in table.schema().fields}
    write_deltalake(table or str(path), rows, mode="append", schema_mode="merge" if new else None,
                    configuration=None if table else SETTINGS, writer_properties=packing(len(rows)),
                    commit_properties=CommitProperties(custom_metadata=said),
                    post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False))
    version = (table or DeltaTable(str(path))).version()
    synced(path, version)
    return version


def synced(path: Path, version: int) -> None:
    """Have the files of a commit, and the commit, written through to the disk."""
    log = path / "_delta_log" / f"{version:020d}.json"
    added = [json.loads(line).get("add") for line in log.read_text(encoding="utf-8").splitlines()]
    for file in (*(path / one["path"] for one in added if one), log, log.parent):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def compacted(table: DeltaTable | None, many: int, small: int) -> DeltaTable | None:
    """The table, its files below `small` bytes made few where there are `many`; the lock is held."""
    if table is not None and sum(size < small for size in table.get_add_actions(flatten=True)["size_bytes"].to_pylist()) >= many:
        merge_files(table, target=small)
    return table


def merge_files(table: DeltaTable, *, target: int) -> int:
    """Make small files few; how many there were. Rows keep their numbers, and with them the order of arrival."""
    from deltalake import CommitProperties

    said, files = {"action": "compact", "stored": "0", "superseding": "0", "total": str(total(table))}, table.get_add_actions(flatten=True)
    n_rows = sum(n for n, size in zip(files["num_records"].to_pylist(), files["size_bytes"].to_pylist()) if size < target)
    done = table.optimize.compact(target_size=target, writer_properties=packing(n_rows),
                                  commit_properties=CommitProperties(custom_metadata=said))
    synced(root_of(table), table.version())
    return done["numFilesRemoved"]


def packing(n_rows: int) -> WriterProperties:
    """How files of so many rows are written: compressed, with a filter that says of most keys that they are not there."""
    from deltalake import BloomFilterProperties, ColumnProperties, WriterProperties

    keyed = ColumnProperties(bloom_filter_properties=BloomFilterProperties(True, fpp=0.01, ndv=max(min(n_rows, GROUP), 1)))
    return WriterProperties(compression="ZSTD", column_properties={"_key": keyed})


def latest(path: Path) -> DeltaTable | None:
    """The table as it stands, None before its first version. Errors: `RatingsError` for one that is not managed here."""
    from deltalake.exceptions import DeltaError

    start = begun(path)
    if start is None:
        return None
    try:
        first = start.stat()
        table = opened(str(path.resolve()), first.st_ino, first.st_mtime_ns)
        table.update_incremental()
        if not (path / "_delta_log" / f"{table.version():020d}.json").exists():     # put back to an earlier state from outside
            opened.cache_clear()
            table = opened(str(path.resolve()), first.st_ino, first.st_mtime_ns)
    except (DeltaError, OSError) as fault:
        raise RatingsError(f"{path}: the table's log cannot be read ({shorten(fault, 120)}). Restore its _delta_log.") from None
    lacking = {"_row", "_key", "_content"} - {field.name for field in table.schema().fields}
    if lacking:
        raise RatingsError(f"{path}: this Delta table was not made by `workbench import` (it has no {', '.join(sorted(lacking))}), and "
                           "cannot be added to without storing rows twice. Name a new folder, and import into that.")
    return table


@lru_cache(maxsize=4)
def opened(path: str, *first_commit: int) -> DeltaTable:
    """A table kept open, for bringing it up to date is quicker than reading its log; another one at the same place is another."""
    from deltalake import DeltaTable

    return DeltaTable(path)


def begun(path: Path) -> Path | None:
    """Where the log of a Delta table begins: its first commit, or its last checkpoint; None before the first version."""
    return next((file for name in (f"{0:020d}.json", "_last_checkpoint") if (file := path / "_delta_log" / name).exists()), None)


def files_of(table: DeltaTable) -> list[Path]:
    """The Parquet files of a table's version."""
    # the library writes the table's own path with escapes (a space is %20) and what follows it without
    return [root_of(table) / uri.removeprefix("file://").removeprefix(uri_of(table)) for uri in table.file_uris()]


def whole_files(table: DeltaTable) -> list[Path]:
    """The Parquet files of a table's version. Errors: `RatingsError` where one is gone or not as long as the log says."""
    actions = table.get_add_actions(flatten=True)
    sizes = {Path(path).name: size for path, size in zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist())}
    files = files_of(table)
    broken = [file.name for file in files if not file.exists() or file.stat().st_size != sizes.get(file.name, file.stat().st_size)]
    if broken:
        raise RatingsError(f"{root_of(table)}: {len(broken):,} of its {len(files):,} files are gone or cut short: {examples(broken)}. "
                           "Restore them from a copy; without them nothing can be added or read.")
    return files


def root_of(table: DeltaTable) -> Path:
    """The folder of a table."""
    return Path(unquote(uri_of(table)))


def uri_of(table: DeltaTable) -> str:
    """The folder of a table, as the library writes it."""
    return table.table_uri.removeprefix("file://").rstrip("/") + "/"


def next_row(table: DeltaTable | None) -> int:
    """The number of the next row: one more than the log's highest."""
    actions = table.get_add_actions(flatten=True) if table else {}
    highest = actions["max._row"].to_pylist() if table and "max._row" in actions.schema.names else []
    return max((n for n in highest if n is not None), default=0) + 1


def total(table: DeltaTable | None) -> int:
    """How many rows the log says there are."""
    return sum(table.get_add_actions(flatten=True)["num_records"].to_pylist()) if table else 0


def unmanaged(folder: Path) -> None:
    """Raise where ratings lie in the folder that are not a managed table: they would be shadowed by one."""
    held = [p.name for p in folder.glob("ratings.*")] + (["_delta_log"] if (folder / "_delta_log").is_dir() else [])
    if not (folder / "ratings" / "_delta_log").is_dir() and any((folder / "ratings").glob("**/*.parquet")):
        held.append("ratings")
    if held:
        raise RatingsError(f"{folder}: it holds {held[0]}, ratings that were not imported and cannot be added to. Name a new folder.")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the dataset's lock: no other process appends, compacts or forgets meanwhile. It ends with the process."""
    if escape := re.search(r"%[0-9A-Fa-f]{2}", str(folder.resolve())):
        raise RatingsError(f"{folder}: {escape.group()!r} in its path would be read as another character by Delta. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("a")
    except (FileExistsError, NotADirectoryError):
        raise RatingsError(f"{folder}: a dataset folder was expected, and this is a file or in one. Name a folder; it is made if it is not "
                           "there.") from None
    except OSError as fault:
        raise not_written(folder, fault) from None
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def not_written(path: Path, fault: Exception) -> RatingsError:
    """The error for a folder or disk that takes no more."""
    why = getattr(fault, "strerror", None) or shorten(re.sub(r"\x1b\[[\d;]*m|\s*↳", " ", str(fault)), 160)
    return RatingsError(f"{path}: it cannot be written ({why}). Nothing of this part was stored, what was stored before is whole. Make "
                        "room, or make the folder writable, and do it again: what is there is not stored twice.")
