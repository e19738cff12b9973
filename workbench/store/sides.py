"""The side tables of a dataset folder, checked when its ratings are read: whole Parquet files that hold their key columns."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import RatingsError, shorten

KEYS = {"items": ("item_id",), "steps": ("item_id", "step"), "raters": ("rater_id",), "systems": ("system",),
        "criteria": ("item_id", "criterion"), "checks": ()}


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
        return [f"{path.name}: not a whole Parquet file ({shorten(fault, 90)}). Copy it again, or move it away."]
    lacking = [key for key in keys if key not in columns]
    return [f"{path.name}: no column {' and no column '.join(map(repr, lacking))}. Found: {', '.join(columns) or 'none'}. "
            "Rename its columns, or move it away."] if lacking else []
