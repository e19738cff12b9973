"""What reviewers have decided, as the store says and as this desk has added since: read again when others have written."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, RatingsError, shorten
from workbench.review.decisions import LOT, Decision, Unit, newest, recorded, standing, store

if TYPE_CHECKING:
    from workbench.source import Source

REREAD = 50.0       # seconds after which other desks' decisions are read again; well within a lease
OF_ROW = ("rating_id", "replaces", "rated_at", "session", *LOT)       # what tells a row from the one whose words it repeats


@dataclass(frozen=True)
class Progress:
    """How far a reviewer is: units decided and skipped (in the store, ever), left in this queue, and left out of it as they rated these
    themselves and nobody has decided them; and the pace at this desk: seconds a unit (median) and units an hour, nan before the first."""

    n_decided: int
    n_skipped: int
    n_left: int
    n_own: int
    seconds: float
    per_hour: float


class Journal:
    """All reviewers' decisions. `standing`: those that hold, in order; `seen`: units whose ratings this reviewer has seen; `blind`: units
    and reviewers who first gave a level blind, whatever they made of it then."""

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

    def add(self, *decisions: Decision) -> None:
        """Store decisions, all or none; they are durable, and counted here, when this returns."""
        version = store(self.folder, *decisions)
        self._version += version == self._version + 1       # else others wrote in between, and it will be read again
        self._rows += decisions
        self._settle()

    def on(self, unit: Unit) -> list[Decision]:
        """The decisions and skips that stand on a unit."""
        return self._by_unit.get(unit, [])

    def own(self, unit: Unit) -> Decision | None:
        """This reviewer's decision or skip that stands on a unit."""
        return next((d for d in self.on(unit) if d.reviewer == self.reviewer), None)

    def last(self, unit: Unit) -> Decision:
        """This reviewer's last row on a unit that has one, taken back or not."""
        return next(d for d in reversed(self._rows) if (d.unit, d.reviewer) == (unit, self.reviewer))

    def others(self, unit: Unit) -> list[Decision]:
        """Other reviewers' decisions on a unit."""
        return [d for d in self.on(unit) if d.reviewer != self.reviewer and d.valued]

    def progress(self, *, left: Sequence[Unit], own: Sequence[Unit], paces: Sequence[float]) -> Progress:
        """How far this reviewer is with what is `left`."""
        done, pace = [d.valued for d in self.standing if d.reviewer == self.reviewer], median(paces) if paces else float("nan")
        return Progress(sum(done), len(done) - sum(done), len(left), sum(not self.others(unit) for unit in own), pace, 3600 / pace if pace
                        else float("nan"))

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
            elif last and replace(row, **{c: getattr(last, c) for c in OF_ROW}) == last:        # an audit took the decision over
                made = {d.rating_id: (d, former) for d, former in ((row if d is last else d, former) for d, former in made.values())}
            elif row.valued or not row.replaces:
                made[row.rating_id] = (row, last)
        return list(made.values())

    def _settle(self) -> None:
        self.standing = standing(self._rows)
        self.seen = {d.unit for d in self._rows if d.reviewer == self.reviewer and d.valued}
        self.blind = {(d.unit, d.reviewer) for d in self._rows if d.valued and d.blind}
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
