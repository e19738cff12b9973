"""What a Delta table was: its log in words, an earlier version to read, and fewer files for what is now."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, RatingsError, shorten
from workbench.periods import moment
from workbench.store.managed import begun, files_of, latest, locked, merge_files, not_written, whole_files

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable

LARGE = 256_000_000          # bytes of a file that an asked-for compaction aims at
GONE = {"forget": "erased when a rater was forgotten", "vacuum": "cleared away with data compact --vacuum"}
LOG = {"version": "int64", "at": "datetime64[us, UTC]", "action": "string", "file": "string", "stored": "Int64",
       "superseding": "Int64", "removed": "Int64", "total": "Int64"}


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: data files before and after, files cleared away for good, the table's version."""

    files_before: int
    files_after: int
    cleared: int
    version: int


def data_log(folder: str | Path) -> pd.DataFrame:
    """The versions of a dataset's ratings, newest first: version, at (UTC), action, file, stored, superseding, removed, total.

    `stored` are rows that the version added, `superseding` those of them that replace others, `removed` those of raters then
    forgotten, `total` all rows then held.
    A commit of another program has its own words as action. Errors: `RatingsError` where there is no Delta table.
    """
    import pandas as pd

    rows, held = [], 0
    for entry in commits(ratings_of(Path(folder))):
        metrics = entry.get("operationMetrics") or {}
        added = int(entry.get("stored", metrics.get("num_added_rows", 0)))
        held = int(entry.get("total", held + added))
        at = pd.Timestamp(entry["timestamp"], unit="ms", tz="UTC")
        rows.append((entry["version"], at, entry["action"], entry.get("file", ""), added, int(entry.get("superseding", 0)),
                     int(entry.get("n_rows", 0)), held))
    return pd.DataFrame(rows[::-1], columns=list(LOG)).astype(LOG)


def quarantined(folder: str | Path) -> pd.DataFrame:
    """What could not be taken into a dataset, newest first: platform, file, place, reason, raw, set_aside_at.

    Errors: `RatingsError` where there is no dataset folder.
    """
    import pandas as pd

    if not Path(folder).is_dir():
        raise RatingsError(f"{folder}: a dataset folder was expected, and there is none. Check the path.")
    table, columns = latest(Path(folder) / "quarantine"), ["platform", "file", "place", "reason", "raw", "set_aside_at"]
    if table is None:
        return pd.DataFrame(columns=columns)
    frame = table.to_pyarrow_dataset().to_table(columns=[*columns, "_row"]).to_pandas()
    return frame.sort_values("_row", ascending=False, ignore_index=True)[columns]


def compact_data(folder: str | Path, *, vacuum: bool = False) -> Compacted:
    """Make the many small files of a dataset's tables few. No row, order or answer changes.

    vacuum: also clear away what only earlier versions need; they can then no longer be read.
    Errors: `RatingsError` where there is no managed table, or the disk takes no more.
    """
    from deltalake.exceptions import DeltaError

    path = ratings_of(Path(folder))
    with locked(Path(folder)):
        table = latest(path)
        if table is None:
            raise RatingsError(f"{path}: the table holds nothing yet. Import something first.")
        before = len(whole_files(table))
        others = [t for t in [latest(path.parent / "quarantine")] if t is not None] if path.name == "ratings" else []
        try:
            for one in (table, *others):
                merge_files(one, target=LARGE)
            cleared = sum(len(clear(one)) for one in (table, *others)) if vacuum else 0
        except (DeltaError, OSError) as fault:
            raise not_written(path, fault) from None
        return Compacted(before, len(table.file_uris()), cleared, table.version())


def clear(table: DeltaTable) -> list[str]:
    """Delete every file that the latest version does not need, orphans too; the lock is held."""
    from deltalake import CommitProperties

    said = CommitProperties(custom_metadata={"action": "vacuum"})
    return table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True, commit_properties=said)


def ratings_of(folder: Path) -> Path:
    """The Delta table of a dataset folder's ratings, or the folder itself where it is one. Errors: `RatingsError`."""
    for path in (folder / "ratings", folder):
        if (path / "_delta_log").is_dir():
            return path
    raise RatingsError(f"{folder}: no Delta table is here, so there are no versions. `workbench import` makes one.")


def commits(path: Path) -> list[dict[str, Any]]:
    """The commits of a Delta table, oldest first, each with version, timestamp (ms) and action."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        told = DeltaTable(str(path)).history()
    except (DeltaError, OSError) as fault:
        raise RatingsError(f"{path}: the table's log cannot be read ({shorten(fault, 120)}). Restore its _delta_log.") from None
    entries = (entry for entry in told[::-1] if entry.get("operation") != "VACUUM START")
    return [{**entry, "action": entry.get("action") or str(entry.get("operation", "")).lower()} for entry in entries]


def opened_at(path: Path, as_of: int | str | dt.date | None) -> DeltaTable:
    """A Delta table as it stood: a version's number, or the latest version at a point in time; None for now.

    Errors: `RatingsError` for a table that cannot be opened, `ParameterError` for a version that is not there any more or was never.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    if begun(path) is None:
        raise RatingsError(f"{path.name}: the Delta table holds no version yet; what should have written it may have been cut short. "
                           "Import again, or restore its _delta_log.")
    try:
        table = DeltaTable(str(path))
        if as_of is None:
            return table
        version = version_at(path, as_of, newest=table.version())
        if version == table.version():
            return table
        table.load_as_version(version)
        whole = all(file.exists() for file in files_of(table))
    except (DeltaError, OSError, json.JSONDecodeError) as fault:
        raise RatingsError(f"{path.name}: the Delta table cannot be opened ({shorten(fault, 120)}). Restore its _delta_log.") from None
    if not whole:
        raise ParameterError(erased(path, as_of, version))
    return table


def version_at(path: Path, as_of: int | str | dt.date, *, newest: int) -> int:
    """The version that `as_of` names. Errors: `ParameterError`."""
    if isinstance(as_of, int) or (isinstance(as_of, str) and as_of.strip().isdecimal()):
        version = int(as_of)
        if not 0 <= version <= newest:
            raise ParameterError(f"as_of={as_of!r}: {named(path)} has versions 0 to {newest}. `workbench data log` lists them.")
        return version
    when = moment(as_of)
    entries = commits(path)
    known = [entry["version"] for entry in entries if entry["timestamp"] <= when.timestamp() * 1000]
    if not known:
        raise ParameterError(f"as_of={as_of!r}: the first version of {named(path)} is of {said(entries[0])}. Give a later time.")
    return max(known)


def pin(source: str | Path, as_of: int | str | None = None) -> Path:
    """The path of a dataset as of a version or a point in time: DATA@VERSION, which `read` takes. Errors: `ParameterError`.

    Without `as_of`, as it now stands; the path of what has no versions then stays as it is.
    """
    folder, written = pinned(source)
    wanted = written if as_of is None else as_of
    if any((path / "_delta_log").is_dir() for path in (Path(folder) / "ratings", Path(folder))):
        return Path(f"{folder}@{opened_at(ratings_of(Path(folder)), wanted).version()}")
    if wanted is None:
        return Path(source)
    raise ParameterError(f"as_of={wanted!r}: {folder} is no Delta table, and has no versions. Leave it out, or import the data.")


def erased(path: Path, as_of: object, version: int) -> str:
    """Why a version cannot be read any more, in words."""
    entries = commits(path)
    later = [entry for entry in entries if entry["version"] > version]
    # a forgetting clears away too: it is the reason to be told
    why = next((e for action in ("forget", "vacuum") for e in later[::-1] if cause(e) == action), None)
    if why is None:
        return f"as_of={as_of!r}: files of version {version} of {named(path)} are missing, and its log does not say why. Restore them."
    return (f"as_of={as_of!r}: version {version} of {named(path)} was {GONE[cause(why)]}, on {said(why)}. Versions from "
            f"{why['version']} on can be read.")


def cause(entry: Mapping[str, Any]) -> str:
    """Why a commit made earlier versions unreadable, "" where it did not."""
    return "forget" if entry["action"] == "forget" else "vacuum" if entry["action"].startswith("vacuum") else ""


def named(path: Path) -> str:
    """What a reader calls a Delta table: its dataset's folder, or its own where it is no dataset's."""
    return path.parent.name if path.name == "ratings" else path.name


def said(entry: Mapping[str, Any]) -> str:
    """When a commit was made."""
    return f"{dt.datetime.fromtimestamp(entry['timestamp'] / 1000, dt.timezone.utc):%Y-%m-%d %H:%M} UTC"


def pinned(source: object) -> tuple[object, int | str | None]:
    """A path written DATA@7 or DATA@2026-11-01 as the path and what follows; any other source as it is."""
    if not isinstance(source, (str, Path)) or "@" not in str(source) or Path(source).exists():
        return source, None
    path, _, as_of = str(source).rpartition("@")
    return (path, as_of) if path and as_of and Path(path).exists() else (source, None)
