"""What ratings stand on: what was read, from where, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.cache import digest
from workbench.instrument import Rubric

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True)
class Snapshot:
    """Exactly what was read. `id` is "" where the source has no content identity (a caller's Ibis table)."""

    id: str
    name: str
    version: str
    n_rows: int
    rubrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What a Ratings stands on, made by `read`: the normalised table and how to identify and describe it.

    `tables` gives the engine's two: `table` with the contract's columns, extras, and hidden ones whose names begin with `_`, and the same
    `unfiltered`. `folder` is that of a managed store. `frame` is what it stands on, in the contract's names, where it lies in memory and
    reading left out and changed no row. `small`: a file of few rows, which may be taken into memory. `filtered`: the two tables differ.
    `kept`: the name in the cache under which its rows are, or will be, kept.
    """

    name: str
    tables: Callable[[], tuple[Any, Any]]
    missing: tuple[str, ...]
    extras: tuple[str, ...]
    rubrics: Mapping[tuple[str, str], Rubric]
    exclude: Mapping[str, tuple[object, ...]]
    identity: Callable[[], str]
    side_table: Callable[[str], "pd.DataFrame | None"]
    use: str | None = None
    on_disk: bool = False
    notes: tuple[str, ...] = ()
    folder: Path | None = None
    frame: "pd.DataFrame | None" = field(default=None, compare=False, repr=False)
    small: bool = False
    filtered: bool = False
    kept: str = ""
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def table(self) -> Any:
        """The rows as an Ibis table."""
        return self.tables()[0]

    @property
    def unfiltered(self) -> Any:
        """The same before row filters."""
        return self.tables()[1]

    def told(self) -> dict[str, Any]:
        """What names and describes it, for JSON."""
        told = {name: getattr(self, name) for name in ("name", "missing", "extras", "exclude", "notes", "use", "filtered")}
        return told | {"identity": self.identity()}

    @cached_property
    def id(self) -> str:
        """The content identity: of the files, the mapping, the filters and the rubrics; "" if there is none."""
        content = self.identity()
        rubrics = sorted((*key, digest(rubric)) for key, rubric in self.rubrics.items())
        return digest(content, sorted(self.exclude.items()), self.use, rubrics)[:16] if content else ""
