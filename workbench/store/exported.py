"""What leaves the workbench: rows as Parquet or JSON Lines with a passport beside them, whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cache import replacing
from workbench.errors import ParameterError, RatingsError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SUFFIXES = (".parquet", ".jsonl")
AT_ONCE = 10_000        # rows that are text in memory at a time


def check_target(path: Path) -> None:
    """Raise, before any work, where rows could not be written. Errors: `ParameterError` for the name, `RatingsError` for the folder."""
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"--out {path}: a file of kind {' or '.join(SUFFIXES)} was expected, found "
                             f"{path.suffix or 'no suffix'}. Name it {path.with_suffix('').name}.parquet, for instance.")
    if path.is_dir():
        raise ParameterError(f"--out {path}: this is a folder, and a file was expected. Name a file in it, or another.")
    if not path.parent.is_dir():
        raise RatingsError(f"{path}: there is no folder {path.parent} to write into. Make it, or name another.")


def passport_path(path: Path) -> Path:
    """Where a file's passport lies."""
    return path.with_name(f"{path.name}.passport.json")


def write_export(rows: pd.DataFrame, path: Path, *, passport: Mapping[str, object]) -> None:
    """Write rows, with the passport and the file's SHA-256 beside them. The same rows and passport give the same bytes.

    Each file is whole or absent, the rows after their passport; what was there is replaced. Missing values are null.
    Errors: as `check_target`; `RatingsError` where the place cannot be written.
    """
    import pyarrow as pa

    check_target(path)
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    try:
        with replacing(path) as rows_file, replacing(passport_path(path)) as passport_file:     # the last is put in place first
            (write_parquet if path.suffix.lower() == ".parquet" else write_lines)(table, rows_file)
            with rows_file.open("rb") as stream:
                checksum = hashlib.file_digest(stream, "sha256").hexdigest()
            stated = {**passport, "file": {"name": path.name, "sha256": checksum}}
            passport_file.write_text(json.dumps(stated, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as fault:
        raise RatingsError(f"{path}: it cannot be written ({fault.strerror or fault}). Nothing was. Make room, or make the folder "
                           "writable, or name another.") from None


def write_parquet(table: pa.Table, path: Path) -> None:
    """Rows as Parquet, 100,000 a row group."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, row_group_size=100_000, compression="zstd")


def write_lines(table: pa.Table, path: Path) -> None:
    """Rows as JSON Lines, a few at a time."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for batch in table.to_batches(max_chunksize=AT_ONCE):
            stream.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in batch.to_pylist())
