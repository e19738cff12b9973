"""`items.parquet` of a dataset, brought up to date: values given last win, what was not given anew stays."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError, shorten
from workbench.store.managed import locked, not_written
from workbench.store.platforms.text import as_raw
from workbench.store.sources import quoted

PART, WEIGHT = 20_000, 32_000_000   # items, and characters, of one part
BUCKET = 64_000_000                 # characters that are brought together in one go
REMEMBERED = 50_000                 # items whose last content is known, so that rows of one item write it once


class ItemStage:
    """Items gathered in parts beside the dataset, for memory holds no whole export; gone when it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / f".items-{os.getpid()}"
        self.held, self.weight, self.parts, self.seen = [], 0, [], {}

    def add(self, values: dict[str, Any]) -> None:
        """Take one item."""
        row = {c: flat(v) for c, v in values.items() if v is not None}
        key, content = str(row["item_id"]), hash(repr(row))
        if self.seen.get(key) == content:
            return
        if len(self.seen) >= REMEMBERED:
            self.seen.clear()
        self.seen[key] = content
        self.held.append(row | {"item_id": key})
        self.weight += sum(len(v) for v in row.values() if isinstance(v, str))
        if len(self.held) >= PART or self.weight >= WEIGHT:
            self.write()

    def write(self) -> None:
        """Write what is held as one more part."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self.held:
            return
        columns = {c: [row.get(c) for row in self.held] for c in dict.fromkeys(c for row in self.held for c in row)}
        made = {c: column(values) for c, values in columns.items()}
        path = self.work / f"{len(self.parts):06d}.parquet"
        try:
            self.work.mkdir(exist_ok=True)
            pq.write_table(pa.table(made), path, compression="zstd")
        except OSError as fault:
            raise not_written(self.work, fault) from None
        self.parts.append(path)
        self.held, self.weight = [], 0

    def merge(self) -> None:
        """Bring the parts into `items.parquet`, which is whole at every moment, and left alone where nothing is new."""
        import duckdb

        self.write()
        if not self.parts:
            return
        target, made = self.folder / "items.parquet", self.work / "made.parquet"
        with locked(self.folder):
            clear_left_over(self.folder)
            sources = ([target] if target.exists() else []) + self.parts
            try:
                with duckdb.connect(config={"memory_limit": "400MB", "temp_directory": str(self.work / "spill")}) as engine:
                    together(engine, sources, made)
                if not target.exists() or digest_of(made) != digest_of(target):
                    os.replace(made, target)
            except (OSError, duckdb.Error) as fault:
                raise RatingsError(f"{target}: it cannot be brought up to date ({shorten(fault, 160)}); it is as it was. Make room or "
                                   "mend it, and import again: ratings that are there are not stored twice.") from None

    def close(self) -> None:
        """Take the parts away."""
        shutil.rmtree(self.work, ignore_errors=True)


def clear_left_over(folder: Path) -> None:
    """Delete what imports left behind that were killed."""
    for work in folder.glob(".items-*"):
        number = work.name.removeprefix(".items-")
        try:
            os.kill(int(number), 0)
        except (ProcessLookupError, ValueError, OverflowError):
            shutil.rmtree(work, ignore_errors=True)
        except PermissionError:     # somebody else's, and alive
            continue


def together(engine: Any, sources: list[Path], target: Path) -> None:
    """Write the items of these files, the last value of each column of each item; a share of the items at a time."""
    import pyarrow.parquet as pq

    engine.execute("SET enable_progress_bar = false")      # it would draw into what a program reads
    table = "read_parquet(?, union_by_name = true)"
    files = [str(p) for p in sources]
    names = [quoted(name) for name, *_ in engine.execute(f"DESCRIBE SELECT * FROM {table}", [files]).fetchall() if name != "item_id"]
    # counted, for what texts weigh in memory their packed size does not tell
    lengths = " + ".join(f"coalesce(sum(strlen(CAST({name} AS VARCHAR))), 0)" for name in names) or "0"
    n_buckets = 1 + int(engine.execute(f"SELECT {lengths} FROM {table}", [files]).fetchall()[0][0]) // BUCKET
    order = "file_index * 1099511627776 + file_row_number"
    last = "".join(f", arg_max({name}, {order}) AS {name}" for name in names)
    writer = None
    for bucket in range(n_buckets):
        found = engine.sql(
            f"SELECT CAST(item_id AS VARCHAR) AS item_id{last} FROM {table} WHERE hash(CAST(item_id AS VARCHAR)) % {n_buckets} = {bucket} "
            f"GROUP BY 1 ORDER BY min({order})", params=[files]).to_arrow_reader(10_000)
        writer = writer or pq.ParquetWriter(target, found.schema, compression="zstd")
        for batch in found:
            writer.write_batch(batch)
    writer.close()


def flat(value: Any) -> Any:
    """A value as a cell: nested ones as text, text without halves of characters."""
    if isinstance(value, (dict, list, tuple)):
        value = as_raw(value)
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) and not value.isascii() else value


def column(values: list[Any]) -> Any:
    """Cells as one column: numbers, true and false, times, or else text."""
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    if kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if len(kinds) == 1 and str not in kinds:
        return pa.array(values)
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
