"""The side tables of a dataset folder, checked when its ratings are read: whole Parquet files that hold their key columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cache import file_digest, parquet_frame
from workbench.errors import RatingsError, one_of, shorten

if TYPE_CHECKING:
    import pandas as pd

KEYS = {"items": ("item_id",), "steps": ("item_id", "step"), "raters": ("rater_id",), "systems": ("system",),
        "criteria": ("item_id", "criterion"), "checks": ()}
SIDE_TABLES = tuple(KEYS)


def check_side_tables(folder: Path) -> None:
    """Raise one `RatingsError` for all side tables that cannot be read or lack a key column. Only their footers are read."""
    faults = [fault for name, keys in KEYS.items() for fault in faults_of(folder / f"{name}.parquet", keys)]
    if faults:
        raise RatingsError(" ".join(faults))


def faults_of(path: Path, keys: tuple[str, ...]) -> list[str]:
    """What is wrong with one side table, in words; nothing where it is absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists() or not keys:
        return []
    try:
        columns = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError) as fault:
        return [broken(path, fault)]
    lacking = [key for key in keys if key not in columns]
    return [f"{path.name}: no column {' and no column '.join(map(repr, lacking))}. Found: {', '.join(columns) or 'none'}. "
            "Rename its columns, or move it away."] if lacking else []


def broken(path: Path, fault: Exception) -> str:
    """What is wrong with a side table that cannot be read, in words."""
    return f"{path.name}: not a whole Parquet file ({shorten(fault, 90)}). Copy it again, or move it away."


def contents(folder: Path | None) -> list[tuple[str, str]]:
    """The side tables by name and content; the record of checks is about the ratings and no part of them."""
    paths = [folder / f"{name}.parquet" for name in SIDE_TABLES if name != "checks"] if folder else []
    return [(path.stem, file_digest(path)) for path in paths if path.exists()]


def loader(folder: Path | None) -> Callable[[str], pd.DataFrame | None]:
    """A function from a side table's name to its frame, read when first asked for."""
    @cache
    def load(name: str) -> pd.DataFrame | None:
        import pyarrow as pa

        one_of("name", name, SIDE_TABLES)
        path = folder / f"{name}.parquet" if folder else None
        if path is None or not path.exists():
            return None
        try:
            return parquet_frame(path)
        except (pa.ArrowInvalid, OSError) as fault:
            raise RatingsError(broken(path, fault)) from None

    return load
