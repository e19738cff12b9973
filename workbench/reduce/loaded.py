"""A file of few rows as a frame in the contract's types, for counting in memory; kept for whoever reads it again."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.cache import cache_folder, kept, undamaged
from workbench.errors import WorkbenchError
from workbench.ratings import left_out
from workbench.reduce.collect import written_down
from workbench.schema import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from workbench.source import Source

LONG = "text"    # what is written beside ratings is long, and nothing is counted by it


def loaded(source: Source) -> pd.DataFrame | None:
    """The rows of a small source in their order, without columns that are empty; None where values are of a kind, or with a fault,
    that only the engine tells apart."""
    from pyarrow.parquet import write_table

    if source.kept and (frame := undamaged(cache_folder() / source.kept, from_cache)) is not None:
        return frame
    rows = taken(source)
    if rows is None:
        return None
    if source.kept:
        found = {"left out": left_out(source), "read": int(source.unfiltered.count().execute()) if source.filtered else len(rows)}
        told = {"source": json.dumps(source.told() | {"memory": found})}
        with suppress(WorkbenchError, OSError):     # a cache that cannot be written is done without
            kept(source.kept, lambda partial: write_table(rows.replace_schema_metadata(told), partial))
    return rows.to_pandas()


def from_cache(path: Path) -> pd.DataFrame:
    """The rows that are kept, by one thread, for the process may be one that others are copied from."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path, pre_buffer=False) as file:
        return file.read(use_threads=False).to_pandas(use_threads=False)


def taken(source: Source) -> Any:
    """The same from the engine, as an Arrow table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table, plain = source.table, ("string", "float64", "int64", "int32", "int16", "int8")
    kinds = {c: kind for c, kind in table.schema().items() if c not in source.missing and c != LONG}
    kept = [c for c, kind in kinds.items() if c in BY_NAME or c.startswith("_") or str(kind) in plain]
    if "_row" not in kinds:
        return None
    rows = table.get_backend().con.sql(written_down(table.select(*kept))).to_arrow_table()
    place = rows["_row"].cast("int64").to_numpy()
    rows = rows.take(np.argsort(place, kind="stable")) if (np.diff(place) < 0).any() else rows
    for column in rows.column_names:
        values = rows[column]
        if column.startswith("_bad_") and values.null_count < len(values) or column.startswith("_zoneless_") and pc.any(values).as_py():
            return None
        if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
            return None
        if pa.types.is_integer(values.type) and 0 < values.null_count < len(values):
            return None
    empty = {c for c in rows.column_names if c in BY_NAME and rows[c].null_count == len(rows)}
    return rows.select([c for c in rows.column_names if not c.startswith("_") and c not in empty])
