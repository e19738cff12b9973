"""Forgetting a rater for good: rows, what earlier versions held, quarantine, side tables and caches; a count is all that is left."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cache import cache_folder, replacing, workspace
from workbench.errors import ParameterError, RatingsError
from workbench.store.history import clear
from workbench.store.managed import begun, files_of, latest, locked, not_written, packing, root_of, synced, total, whole_files

if TYPE_CHECKING:
    from deltalake import DeltaTable

ERASED = "(erased)"


@dataclass(frozen=True)
class Forgotten:
    """What forgetting took away: rows of ratings, of the quarantine and of side tables; and what it could not change: reports
    that may still name the person, and places in the dataset that hold the id outside a rater's own rows."""

    n_rows: int
    n_quarantined: int
    n_side: int
    version: int
    reports: tuple[str, ...]
    remaining: tuple[str, ...]


def forget_rater(folder: str | Path, rater: str) -> Forgotten:
    """Remove a rater from a dataset folder for good.

    Gone are the rater's ratings and reviews, their keys, what earlier versions held of everybody (these can no longer be read),
    quarantined rows that name the rater, rows of side tables and of the review's files, and all cached reductions. The log keeps
    how many rows went, and when. Importing a file that still names the rater brings them back: forget them there first.
    Errors: `ParameterError` for a rater of whom nothing is there; `RatingsError` for a folder that is not managed.
    """
    from deltalake.exceptions import DeltaError

    base, name = Path(folder), whole_word(rater)
    path = base / "ratings"
    if begun(path) is None:
        raise RatingsError(f"{path}: no managed table is here, so there is nothing to forget. `workbench import` makes one.")
    with locked(base):
        table, aside = latest(path), latest(base / "quarantine")
        whole_files(table)
        if not any(holds(one, rater) for one in path.glob("*.parquet")) and not list(side_files(base, name)):
            raise ParameterError(f"rater {rater!r} has no ratings in {base.name}. Check the id; it is written as in the column rater_id.")
        try:
            n_rows = rewrite(table, *without(table, rater))
            n_aside = 0 if aside is None else rewrite(aside, *without_raw(rater))
            for one in (table, *([aside] if aside else [])):
                clear(one)
                scrub_log(root_of(one) / "_delta_log", name)
            n_side = sum(drop_from(file, rater, name) for file in list(side_files(base, name)))
        except (DeltaError, OSError) as fault:
            raise not_written(base, fault) from None
        version = table.version()
    clear_caches(base)
    return Forgotten(n_rows, n_aside, n_side, version, tuple(reports_naming(base, name)), tuple(remains(base, rater, name)))


def whole_word(rater: str) -> re.Pattern[str]:
    """The id where it stands by itself and not inside a longer word or number."""
    return re.compile(rf"(?<![^\W_]){re.escape(rater)}(?![^\W_])")


def alone(rater: str) -> str:
    """The same for an engine that does not look around: with what stands before and behind."""
    return rf"(^|[\W_]){re.escape(rater)}($|[\W_])"


def without(table: DeltaTable, rater: str) -> tuple[Any, dict[str, Any]]:
    """Which rows stay, and their columns: none of the rater's, and none that only names one of theirs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    own = pc.equal(pc.field("rater_id"), rater)
    gone = table.to_pyarrow_dataset().to_table(columns=["rating_id"], filter=own)["rating_id"].combine_chunks()
    names_gone = pc.is_in(pc.field("replaces"), value_set=gone)
    empty = pc.is_null(pc.field("score")) & pc.is_null(pc.field("label"))
    # a batch is called after its file, and a file may be called after the rater
    batch = pc.replace_substring_regex(pc.field("batch"), alone(rater), rf"\1{ERASED}\2")
    if not len(gone):
        return ~own, {"batch": batch}
    replaces = pc.if_else(names_gone, pa.scalar(None, pa.string()), pc.field("replaces"))
    return ~own & ~(names_gone & empty), {"batch": batch, "replaces": replaces}


def without_raw(rater: str) -> tuple[Any, dict[str, Any]]:
    """Which rows of the quarantine stay: those that do not name the rater."""
    import pyarrow.compute as pc

    named = [pc.match_substring_regex(pc.coalesce(pc.field(c), ""), alone(rater)) for c in ("raw", "reason", "file", "place")]
    return ~(named[0] | named[1] | named[2] | named[3]), {}


def rewrite(table: DeltaTable, stays: Any, changed: dict[str, Any]) -> int:
    """Overwrite a table with the rows that stay, streamed; how many went. The log says so, and nothing of whom."""
    import pyarrow.compute as pc
    from deltalake import CommitProperties, write_deltalake

    before, data = total(table), table.to_pyarrow_dataset()
    n_stay = data.count_rows(filter=stays)
    if n_stay < before:
        columns = {c: changed.get(c, pc.field(c)) for c in data.schema.names}
        rows = data.scanner(columns=columns, filter=stays, batch_size=20_000, batch_readahead=2, fragment_readahead=1)
        said = {"action": "forget", "n_rows": str(before - n_stay), "stored": "0", "total": str(n_stay)}
        write_deltalake(table, rows.to_reader(), mode="overwrite", writer_properties=packing(n_stay),
                        commit_properties=CommitProperties(custom_metadata=said))
        synced(root_of(table), table.version())     # before what it replaces goes
    return before - n_stay


def holds(path: Path, rater: str) -> bool:
    """Whether a data file, of whatever version, has rows of the rater; one that is not whole is no version's."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        return bool(pc.any(pc.equal(pq.read_table(path, columns=["rater_id"])["rater_id"], rater)).as_py())
    except (pa.ArrowInvalid, OSError):
        return False


def scrub_log(log: Path, name: re.Pattern[str]) -> None:
    """Take the id out of file names that the log's commits tell."""
    for path in log.glob("*.json"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        told = [line["commitInfo"] for line in lines if name.search(str(line.get("commitInfo", {}).get("file", "")))]
        for info in told:
            info["file"] = name.sub(ERASED, info["file"])
        if told:
            replaced(path, "\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n")


def side_files(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    """Side tables, and files of the review, that name the rater."""
    for path in (folder / "raters.parquet", *sorted((folder / "review").rglob("*"))):
        if path.is_file() and name.search(path.name + " " + content(path)):
            yield path


def content(path: Path) -> str:
    """What a file says, as text."""
    if path.suffix == ".parquet":
        import pandas as pd
        import pyarrow as pa

        try:
            return pd.read_parquet(path).to_csv(index=False)
        except (pa.ArrowInvalid, OSError):
            return ""       # `remains` tells of it
    return path.read_text(encoding="utf-8", errors="replace")


def drop_from(path: Path, rater: str, name: re.Pattern[str]) -> int:
    """Take the rater out of a side file: the rows or lines that name them, or the whole file where it is theirs or has no lines."""
    if path.suffix == ".parquet":
        import pandas as pd

        frame = pd.read_parquet(path)
        own = frame.astype(str).eq(rater).any(axis=1)
        with replacing(path) as partial:
            frame[~own].to_parquet(partial, index=False)
        return int(own.sum())
    lines = content(path).splitlines(keepends=True)
    if path.suffix != ".jsonl" or name.search(path.name):
        path.unlink()
        return 1
    replaced(path, "".join(line for line in lines if not name.search(line)))
    return sum(1 for line in lines if name.search(line))


def replaced(path: Path, text: str) -> None:
    """Write a file anew, whole at every moment."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def clear_caches(folder: Path) -> None:
    """Delete cached reductions and text copies, here and in the dataset's workspace; they are made again when asked for."""
    home = workspace(folder)
    for cache in {cache_folder(), *([home / ".workbench"] if home else [])}:
        for part in ("read", "reductions", "staged", "spill"):
            shutil.rmtree(cache / part, ignore_errors=True)


def reports_naming(folder: Path, name: re.Pattern[str]) -> Iterator[str]:
    """Reports of the workspace that name the rater: they are copies, and stand until they are made again or deleted."""
    home = workspace(folder) or workspace()
    for manifest in sorted((home / "reports").glob("[!.]*/*/*/manifest.json")) if home else ():
        files = (p for p in manifest.parent.rglob("*") if p.is_file())
        if any(name.search(content(p)) for p in files):
            yield manifest.parent.relative_to(home).as_posix()


def remains(folder: Path, rater: str, name: re.Pattern[str]) -> Iterator[str]:
    """Where the id still stands in the dataset: cells of other rows and other files that name it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    tables = [folder / f"{t}.parquet" for t in ("items", "steps", "systems", "criteria", "checks", "raters")]
    current = [f for t in ("ratings", "quarantine") if (one := latest(folder / t)) for f in files_of(one)]
    found: dict[str, int] = {}
    for path in (p for p in (*current, *tables) if p.exists()):
        where = path.parent.name if path in current else path.name
        try:
            held = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError):
            yield f"{where}, which cannot be read: look into it, or delete it"
            continue
        for batch in held.iter_batches():
            for column, values in zip(batch.schema.names, batch.columns):
                if pa.types.is_string(values.type) and (n := pc.sum(pc.match_substring_regex(values, alone(rater))).as_py()):
                    found[f"{where}: column {column}"] = found.get(f"{where}: column {column}", 0) + n
    yield from (f"{place}, {n:,} rows" for place, n in found.items())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".toml", ".json", ".jsonl", ".csv", ".md", ".txt") and name.search(content(path)):
            yield path.relative_to(folder).as_posix()
