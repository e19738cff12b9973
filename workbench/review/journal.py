"""What reviewers have decided, as the store says and as this desk has added since: read again when others have written."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, RatingsError, shorten
from workbench.review.decisions import Decision, Unit, newest, recorded, standing, store

if TYPE_CHECKING:
    from workbench.ratings import Source

REREAD = 50.0       # seconds after which other desks' decisions are read again; well within a lease
OF_ROW = ("rating_id", "replaces", "rated_at", "session")       # what tells a row from the one whose words it repeats


class Journal:
    """All reviewers' decisions. `standing`: those that hold, in order; `seen`: units whose ratings this reviewer has seen."""

    def __init__(self, source: Source, *, reviewer: str, folder: Path | None) -> None:
        self.reviewer, self.folder = reviewer, folder
        self._rows: list[Decision] = []
        if folder is None:
            self._rows = recorded(source)
            self._settle()
        else:
            self.reread()

    def reread(self) -> None:
        """Read the store as it now stands."""
        from workbench.store.read import read

        self._version, self._read_at = newest(self.folder), time.monotonic()
        self._rows = recorded(read(self.folder).source)
        self._settle()

    def catch_up(self) -> None:
        """Read the store again if others have written, and it was not read just now."""
        if self.folder is not None and time.monotonic() - self._read_at > REREAD and newest(self.folder) != self._version:
            self.reread()

    def add(self, decision: Decision) -> None:
        """Store a decision; it is durable, and counted here, when this returns."""
        version = store(self.folder, decision)
        self._version += version == self._version + 1       # else others wrote in between, and it will be read again
        self._rows.append(decision)
        self._settle()

    def on(self, unit: Unit) -> list[Decision]:
        """The decisions and skips that stand on a unit."""
        return self._by_unit.get(unit, [])

    def own(self, unit: Unit) -> Decision | None:
        """This reviewer's decision or skip that stands on a unit."""
        return next((d for d in self.on(unit) if d.reviewer == self.reviewer), None)

    def others(self, unit: Unit) -> list[Decision]:
        """Other reviewers' decisions on a unit."""
        return [d for d in self.on(unit) if d.reviewer != self.reviewer and d.valued]

    @property
    def steps(self) -> list[tuple[Decision, Decision | None]]:
        """This reviewer's decisions, changes and skips that are not taken back, each with what it replaced, in the order they were made."""
        made: dict[str, tuple[Decision, Decision | None]] = {}
        for row in (d for d in self._rows if d.reviewer == self.reviewer):
            last, before = made.get(row.replaces or "", (None, None))
            if last and not row.valued:
                del made[last.rating_id]
            elif before and replace(row, **{c: getattr(before, c) for c in OF_ROW}) == before:      # a change was taken back
                del made[last.rating_id]
                stands = [tuple(row if d is before else d for d in step) for step in made.values()]
                made = {d.rating_id: (d, former) for d, former in stands}
            elif row.valued or not row.replaces:
                made[row.rating_id] = (row, last)
        return list(made.values())

    def _settle(self) -> None:
        self.standing = standing(self._rows)
        self.seen = {d.unit for d in self._rows if d.reviewer == self.reviewer and d.valued}
        self._by_unit: dict[Unit, list[Decision]] = {}
        for decision in self.standing:
            self._by_unit.setdefault(decision.unit, []).append(decision)


def checked_name(reviewer: object) -> str:
    """A reviewer's name as decisions bear it. Errors: `ParameterError`."""
    if not isinstance(reviewer, str) or not reviewer.strip():
        raise ParameterError(f"reviewer={reviewer!r}: give the name that your decisions are to bear, such as 'mara'.")
    if set(reviewer) & set("/\\\0\n\r\t"):
        raise ParameterError(f"reviewer={shorten(reviewer)!r}: a name holds no slash, tabulator or line end. Give one such as 'mara'.")
    return reviewer.strip()


def writable(folder: Path | None, name: str) -> str:
    """Why decisions cannot be stored in a folder, with the cure; "" where they can."""
    how = f"wb.store.adopt(\"{name}\", into=\"data/review\") makes a store of them; read and review that"
    if folder is None:
        return f"You can look, and not decide: {name} is no managed store, and decisions could not be added. {how}."
    if not (folder / "ratings" / "_delta_log").is_dir():
        return f"You can look, and not decide: {folder} holds no managed ratings (no ratings/_delta_log). {how}."
    lacking = [str(p) for p in (folder, folder / "ratings", folder / "ratings" / "_delta_log") if not os.access(p, os.W_OK)]
    if lacking:
        return f"You can look, and not decide: {lacking[0]} cannot be written. Ask whoever owns it, or adopt it: {how}."
    from workbench.store.managed import latest

    try:
        latest(folder / "ratings")
    except RatingsError as fault:
        return f"You can look, and not decide: {fault}"
    return ""
