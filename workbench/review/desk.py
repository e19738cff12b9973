"""A reviewer's desk: the queue, the unit on screen, and what is decided. Plain Python; a panel shows it, a program can drive it.

The store is the state: a desk that is opened again, by whomever and wherever, shows what is undecided.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, RatingsError, RubricError, one_of
from workbench.review import cases, claims, drafts, ranking
from workbench.review.cases import Case
from workbench.review.changed import Effects, effects
from workbench.review.decisions import LOT, OF_ITEM, REASONS, Decision, Unit, new_id
from workbench.review.item_page import page
from workbench.review.journal import Journal, Progress, checked_name, writable
from workbench.review.queued import queued

if TYPE_CHECKING:
    from workbench.ratings import Ratings

AHEAD = 20          # units whose ratings are fetched in one query


class Desk:
    """A queue of units and what one reviewer does with them.

    ratings: of a managed store. reviewer: the name that decisions bear. kind, where, search, limit, seed: as in `queue`.
    blind: existing ratings are hidden until the reviewer has decided. second_share: the share of units, drawn by lot, that once decided
    come to a second reviewer, always blind. into: the store's folder, where the ratings do not say it. What the reviewer rated themselves
    is left to others. The decisions of an audit are a fair sample of its units, all or those of its filters (the column `scope`), as far as
    none was skipped: what was settled elsewhere counts with its decision (a row of the same words says so) or is asked again if that was
    not blind.

    `unit` is on screen (None: the queue is empty); `case` and `html` show it. `decide` stores at once, `next` moves on.
    `read_only` says why nothing can be stored, "" where it can; `message` what the reviewer should know of the last move.
    Errors: `ParameterError` for a reviewer's name that is empty or holds a slash, and as `queue`; `RatingsError` as `read`.
    """

    def __init__(self, ratings: Ratings, *, reviewer: str, kind: str | ranking.Kind = "contested", blind: bool = True,
                 second_share: float = 0.1, seed: int = 0, limit: int = 200, into: str | Path | None = None,
                 where: Mapping[str, object] | None = None, search: str | None = None) -> None:
        self.ratings, self.reviewer, self.blind = ratings, checked_name(reviewer), bool(blind)
        if not 0 <= second_share <= 1:
            raise ParameterError(f"second_share={second_share!r}: give a share from 0 to 1.")
        if not isinstance(limit, int) or limit < 1:
            raise ParameterError(f"limit={limit!r}: give a whole number of units, 1 or more.")
        folder = into if into is not None else ratings.source.folder
        self.read_only = writable(None if folder is None else Path(folder), ratings.source.name)
        self.folder = None if folder is None or self.read_only else Path(folder)
        self.holder, self.message, self.unit = claims.Holder(self.reviewer), "", None
        self._journal = Journal(ratings.source, reviewer=self.reviewer, folder=self.folder)
        self._cases: dict[Unit, Case] = {}
        self._paces: list[float] = []
        self._lasting = ranking.lasting(ratings)
        self._queued = queued(self._lasting, journal=self._journal, kind=kind, seed=seed, limit=limit, second_share=second_share,
                              blind=self.blind, where=where, search=search)
        self.kind = self._queued.kind
        self._queue = [unit for unit in self._queued.units if self._open(unit)][:limit]
        self._advance(steal=True)

    @property
    def case(self) -> Case | None:
        """The unit on screen with its item, ratings, steps and rubric."""
        return self._cases.get(self.unit) if self.unit else None

    @property
    def decision(self) -> Decision | None:
        """The reviewer's own decision that stands on the unit on screen."""
        own = self._journal.own(self.unit) if self.unit else None
        return own if own and own.valued else None

    @property
    def others(self) -> list[Decision]:
        """What other reviewers decided on the unit on screen."""
        return self._journal.others(self.unit) if self.unit else []

    @property
    def is_second(self) -> bool:
        """Whether another reviewer has decided the unit on screen."""
        return bool(self.others)

    @property
    def revealed(self) -> bool:
        """Whether the unit's ratings may be seen: once this reviewer has decided it; at an open desk at once, but for second reviews."""
        return self.unit is not None and (self.unit in self._journal.seen or not (self.blind or self.is_second))

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels to choose from, in order; none on a scale of numbers."""
        return self.case.levels if self.case else ()

    @property
    def html(self) -> str:
        """The unit on screen as HTML, safe to show; "" where there is none."""
        return page(self.case, revealed=self.revealed, own=self.decision, others=self.others) if self.case else ""

    @property
    def why(self) -> str:
        """What the kind of queue says where no unit of it waits, such as that there are no camps; "" where nothing."""
        return "" if self.left else self._queued.why

    @property
    def left(self) -> list[Unit]:
        """The units still to be decided, in order, the one on screen among them until it is."""
        return [unit for unit in self._queue if self._open(unit)]

    @property
    def progress(self) -> Progress:
        """How far this reviewer is."""
        return self._journal.progress(left=self.left, own=self._queued.own, paces=self._paces)

    @property
    def effects(self) -> Effects:
        """What this reviewer's decisions changed so far, those of former sessions included."""
        own = {d.unit for d in self._journal.standing if d.reviewer == self.reviewer and d.valued}
        self._load(list(own))
        decided = [d for d in self._journal.standing if d.valued and d.unit in own and d.unit in self._cases]
        return effects([(self._cases[d.unit], d) for d in sorted(decided, key=lambda d: d.reviewer == self.reviewer)])

    def decide(self, level: str | float | None = None, *, reason: str | None = None, note: str | None = None) -> Decision:
        """Store a level for the unit on screen, with a reason (one of `REASONS`) and a note; durable when this returns.

        Decided already: a later row that replaces the former; what is not given stays as it was ("" takes reason or note away).
        Errors, nothing being stored: `ParameterError` for a level or reason that is not known; `RatingsError` where the store cannot be
        written, or another desk has taken the unit over.
        """
        case, before = self._at_work(), self.decision
        if reason:
            one_of("reason", reason, REASONS)
        if level is None and before is None:
            raise ParameterError(f"level=None: give a level of {case.unit.criterion} first: "
                                 f"{', '.join(map(repr, case.levels)) or 'a number'}.")
        score, label = (before.score, before.label) if level is None else case.values_of(level)
        same = before is not None and (score, label) == (before.score, before.label)
        words = {"reason": reason if reason is not None or before is None else before.reason,
                 "note": note if note is not None or before is None else before.note}
        words = {c: (v or "").strip() or None for c, v in words.items()}
        if same and words == {"reason": before.reason, "note": before.note}:
            return before
        return self._append(before, score=score, label=label, blind=bool(before.blind) if same else not self.revealed, **words)

    def skip(self, *, note: str | None = None) -> Unit | None:
        """Leave the unit on screen to others and move on; it does not come back to this reviewer. The next unit."""
        self._at_work()
        if self.decision is not None:
            raise ParameterError("this unit is decided: change the decision, or undo it first.")
        self._append(None, status="skipped", blind=not self.revealed, note=(note or "").strip() or None)
        return self.next()

    def undo(self) -> Unit | None:
        """Take back the last decision, change or skip, of former sessions too, by an append, and show its unit again.

        Errors: `ParameterError` where there is none.
        """
        self._may_write()
        if not (steps := self._journal.steps):
            raise ParameterError("there is nothing to undo: you have decided nothing yet.")
        last, before = steps[-1]
        row = replace(before or last, rating_id=new_id(), replaces=last.rating_id, rated_at=now(), session=self.holder.session,
                      **{c: getattr(last, c) for c in LOT})
        row = row if before else replace(row, score=None, label=None, status="cancelled")
        self._journal.add(row)
        if last.unit != self.unit:
            self._leave()
        self._load([last.unit])
        taken = self._claim(last.unit, steal=True)
        if taken or last.unit not in self._cases:
            self.message = f"Taken back. The unit is now on the screen of {taken}." if taken else "Taken back. Its ratings are gone."
            return self._advance()
        self._queue = self._queue if last.unit in self._queue else [last.unit, *self._queue]
        self._show(last.unit, message="Taken back.")
        return self.unit

    def next(self) -> Unit | None:
        """Show the next unit that is undecided and on nobody else's screen, after the last the first again; None where there is none."""
        self._journal.catch_up()
        self.message = ""
        return self._advance()

    def propose(self, *, changed: str, definition: str | None = None, wordings: Mapping[str, str] | None = None,
                motives: Sequence[drafts.Motive] | None = None) -> drafts.Draft:
        """Propose other words for the criterion on screen: a draft of the rubric's next version, as `drafts.propose`.

        motives: the cases behind it; None takes the unit on screen and this reviewer's decisions of the criterion that name a hole in the
        rubric. Errors: as there; `RubricError` where the dataset has no rubric file to start from.
        """
        self._may_write()
        case = self._present()
        rubric = self.ratings.rubrics.get((case.unit.rubric, case.unit.rubric_version))
        if rubric is None:
            raise RubricError(f"there is no file of rubric {case.unit.rubric!r} version {case.unit.rubric_version!r} to start from. "
                              f"Write one first: workbench check {self.folder} --write-rubrics.")
        own = [d for d in self._journal.standing if d.reviewer == self.reviewer]
        named = motives if motives is not None else drafts.motives_of(case.unit, own)
        return drafts.propose(self.folder, rubric=rubric, unit=case.unit, changed=changed, definition=definition, wordings=wordings,
                              motives=named)

    def renew(self) -> bool:
        """Renew the lease of the unit on screen; whether it is still this desk's. For a panel that stays open for long."""
        return self.unit is None or not self._claim(self.unit)

    def close(self) -> None:
        """Leave the desk: an undecided unit on screen becomes free for others at once."""
        self._leave()

    def _open(self, unit: Unit) -> bool:
        """Whether a unit waits for this reviewer."""
        return self._queued.waits(unit, self._journal)

    def _advance(self, *, steal: bool = False) -> Unit | None:
        """The next open unit after the one on screen that nobody has on theirs; ratings are fetched for several at once."""
        place, busy = self._queue.index(self.unit) + 1 if self.unit in self._queue else 0, set()
        self._leave()
        coming = [u for u in (*self._queue[place:], *self._queue[:place]) if self._open(u)]
        for at, unit in enumerate(coming):
            if unit not in self._cases:
                self._load(coming[at:at + AHEAD])
            taken = self._claim(unit, steal=steal) if unit in self._cases else ""
            if unit in self._cases and not taken:
                self._show(unit, message=self.message)
                return unit
            busy |= {taken} - {""}
        if not coming and self.folder and (rows := self._queued.taken_over(self._journal)):
            self._journal.add(*rows)
        if busy:
            self.message = f"All that is left is on the screen of {', '.join(sorted(busy))}. Come back in a few minutes."
        return None

    def _show(self, unit: Unit, *, message: str) -> None:
        self.unit, self.message, self._shown_at = unit, message, now()

    def _leave(self) -> None:
        """Clear the screen; what was left undecided is free for others."""
        if self.unit is not None and self.folder and not sys.is_finalizing():      # its lease dies with the process
            claims.move_on(self.folder, unit=self.unit, holder=self.holder, decided=self.decision is not None)
        self.unit = None

    def _claim(self, unit: Unit, *, steal: bool = False) -> str:
        """Take or renew the lease of a unit; "" where that is done, else who has it."""
        knows = bool(self._journal.others(unit))
        return claims.claim(self.folder, unit=unit, holder=self.holder, knows=knows, steal=steal) if self.folder else ""

    def _load(self, units: Sequence[Unit]) -> None:
        """Fetch what is not held yet; what is there no more leaves the queue, and is told."""
        wanted = [u for u in units if u not in self._cases]
        self._cases |= cases.load(self._lasting, wanted, folder=self.folder)
        if gone := [u for u in wanted if u not in self._cases]:
            self._queue = [u for u in self._queue if u not in gone]
            self.message = cases.vanished(gone)

    def _present(self) -> Case:
        if self.case is None:
            raise ParameterError("no unit is on screen: the queue is empty. Open a desk with other filters, kind or limit.")
        return self.case

    def _may_write(self) -> None:
        if self.read_only:
            raise RatingsError(self.read_only)

    def _at_work(self) -> Case:
        """The case on screen, once it may be decided here and now."""
        self._may_write()
        case = self._present()
        if taken := self._claim(case.unit):
            raise RatingsError(f"this unit was left for some minutes, or opened elsewhere, and is now on the screen of {taken}. "
                               "Nothing was stored: go on with the next.")
        return case

    def _append(self, before: Decision | None, **values: object) -> Decision:
        """Store a row for the unit on screen."""
        case, at = self._present(), now()
        item = {c: None if case.item.get(c) is None else str(case.item[c]) for c in OF_ITEM}
        row = Decision(case.unit, self.reviewer, new_id(), second=self.is_second, layer=case.next_layer, rated_at=at,
                       started_at=self._shown_at, seconds=round((at - self._shown_at).total_seconds(), 3), session=self.holder.session,
                       replaces=before.rating_id if before else None, **item, **values)
        if before:      # a change is of what the decision was of
            row = replace(row, **{c: getattr(before, c) for c in LOT})
        else:
            row = self._queued.drawn(row, self._journal)
        self._journal.add(row, *([] if before else self._queued.taken_over(self._journal, after=case.unit)))
        if row.valued and before is None:
            self._paces.append(row.seconds)
        return row


def now() -> dt.datetime:
    """This moment, in UTC."""
    return dt.datetime.now(dt.timezone.utc)
