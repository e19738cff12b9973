"""Notebooks of a run that did not get to its end: what they gave is kept, so that the next run of the same inputs goes on from there."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from workbench.cache import parquet_frame
from workbench.report.collect import ESTIMATES, FINDINGS
from workbench.report.site import Section

Tables = tuple[pd.DataFrame, pd.DataFrame]
SECTION = "section.json"


def place(root: Path, key: str) -> Path:
    """Where a notebook's results lie, by the version of a report of it alone."""
    return root / ".workbench" / "halfway" / key


def keep(root: Path, key: str, section: Section, tables: Tables) -> None:
    """Keep what a notebook gave, cleaned of paths; a disk that is full keeps nothing."""
    target = place(root, key)
    half = target.with_name(f".{uuid.uuid4().hex[:12]}")
    with suppress(OSError):
        half.mkdir(parents=True)
        content = {"name": section.name, "notebook": section.notebook, "seconds": section.seconds, "parameters": section.parameters}
        (half / SECTION).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        for table, name in zip(tables, (FINDINGS, ESTIMATES)):
            table.to_parquet(half / name, index=False)
        half.replace(target)
    shutil.rmtree(half, ignore_errors=True)


def take(root: Path, key: str) -> tuple[Section, Tables] | None:
    """What a notebook gave in a run before; None where there is nothing, or it cannot be read."""
    folder = place(root, key)
    try:
        content = json.loads((folder / SECTION).read_text(encoding="utf-8"))
        return Section(**content, error=""), (parquet_frame(folder / FINDINGS), parquet_frame(folder / ESTIMATES))
    except (OSError, ValueError, TypeError):
        return None


def clear(root: Path, keys: Iterable[str]) -> None:
    """Remove what is no longer needed, the report being whole."""
    for key in keys:
        shutil.rmtree(place(root, key), ignore_errors=True)
