"""What parsers take and yield, and the readers they stand on.

A reader yields `(number, record)`, or a `Fault` for what cannot be read as a record; none is held beyond its turn, so that
a file of any size takes bounded memory. The number is the record's in a JSON file, else the line's, from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.instrument import Rubric
from workbench.store.platforms.delimited_text import delimited
from workbench.store.platforms.json_stream import json_lines, json_records
from workbench.store.platforms.text import RECORD_LIMIT, Fault, as_raw

__all__ = ["RECORD_LIMIT", "Fault", "Item", "Options", "Silent", "as_raw", "delimited", "json_lines", "json_records"]


@dataclass(frozen=True)
class Item:
    """What was judged: item_id, and any of prompt_id, prompt, text, text_b, system, system_b, task_type, extras."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Silent:
    """A record that holds no rating, counted by kind: "task without annotations"."""

    what: str


@dataclass(frozen=True)
class Options:
    """What the caller said: which field is the item's id, contract columns that hold for all rows, the mapping of `table`; and the
    dataset's rubrics, whose weights turn error spans into scores."""

    item: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    mapping: Path | None = None
    rubrics: Mapping[tuple[str, str], Rubric] = field(default_factory=dict)
