"""What waits for a reviewer: the units of a queue in order, those they rated themselves, and the lot of an audit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.review import ranking
from workbench.review.cases import unit_of
from workbench.review.decisions import LOT, Decision, Unit, new_id

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.review.journal import Journal


@dataclass(frozen=True)
class Queued:
    """kind: its name. units: in order, without `own`, those that the reviewer rated themselves. second: those that a second reviewer sees
    once they are decided. scope: the filters as JSON, None without any.

    lot: of an audit all its units, each with the random number, 0 to 1, by which they are ordered; seed: of these. As the lot draws units
    whoever has settled them, a decision made elsewhere counts for it where it `is_fair`, and the unit is asked again where it is not.
    why: what the kind of queue says of an empty one.
    """

    kind: str
    units: list[Unit]
    own: set[Unit]
    second: set[Unit]
    scope: str | None
    lot: dict[Unit, float]
    seed: int
    blind: bool
    why: str = ""

    def is_fair(self, decision: Decision, journal: Journal) -> bool:
        """Whether a decision is as good as one that the audit asked for: made at a desk and, if the audit is blind, first given blind."""
        at_desk = decision.queue is not None and (not self.blind or (decision.unit, decision.reviewer) in journal.blind)
        return not self.lot or decision.queue == self.kind or at_desk

    def waits(self, unit: Unit, journal: Journal) -> bool:
        """Whether a unit waits for this reviewer: not rated, decided or skipped by them, nor decided by others, a second review aside."""
        others = {d.reviewer for d in journal.others(unit) if self.is_fair(d, journal)}
        return unit not in self.own and journal.own(unit) is None and (not others or (len(others) == 1 and unit in self.second))

    def drawn(self, decision: Decision, journal: Journal) -> Decision:
        """A decision with what it is of: queue, filters and, in an audit, its lot. What the lot did not draw came back by an undo, and
        stays of what it was of before."""
        if self.lot and decision.unit not in self.lot:
            former = journal.last(decision.unit)
            return replace(decision, **{c: getattr(former, c) for c in LOT})
        lot = {"lot": self.lot[decision.unit], "lot_seed": self.seed} if self.lot else {}
        return replace(decision, queue=self.kind, scope=self.scope, **lot)

    def taken_over(self, journal: Journal, *, after: Unit | None = None) -> list[Decision]:
        """The rows by which an audit takes over what was decided elsewhere of the units that it passes: all up to the next that waits, so
        that its decisions are those on the first units of the lot, and not on whatever happens to be settled."""
        places = list(self.lot)
        if after is not None and after not in self.lot:
            return []
        start = 0 if after is None else places.index(after) + 1
        end = next((at for at in range(start, len(places)) if self.waits(places[at], journal)), len(places))
        return [self.drawn(replace(d, rating_id=new_id(), replaces=d.rating_id), journal) for unit in places[:end] for d in journal.on(unit)
                if d.valued and d.queue != self.kind and self.is_fair(d, journal)]


def queued(ratings: Ratings, *, journal: Journal, kind: str | ranking.Kind, seed: int, limit: int, second_share: float, blind: bool,
           where: Mapping[str, object] | None, search: str | None) -> Queued:
    """The head of a queue; of an audit the first `limit` units by lot, settled or not."""
    every = ranking.ranks(ratings, kind=kind, seed=seed)
    ranked = ranking.filtered(ratings, every, where=where, search=search)
    own = ranking.among(ranked, ranking.rated_by(ratings, journal.reviewer))
    wanted, others = limit + len(journal.standing), np.flatnonzero(~own)
    n = limit if kind == "audit" else int(others[wanted - 1]) + 1 if len(others) >= wanted else len(ranked)
    head, own = ranked.head(n), own[:n]
    units = [unit_of(row) for row in head.to_dict("records")]
    due = ranking.lots(head, seed, purpose="second") < second_share * 2.0**64
    lot = ranking.lots(head, seed) / 2.0**64 if kind == "audit" else []
    name = getattr(kind, "__name__", "other") if callable(kind) else kind
    name = "other" if callable(kind) and name in ranking.QUEUES else name       # what is no audit shall not be taken for one
    theirs = {unit for unit, rated in zip(units, own) if rated}
    return Queued(name, [u for u in dict.fromkeys(units) if u not in theirs], theirs, {unit for unit, drawn in zip(units, due) if drawn},
                  scope_of(ratings, where, search), dict(zip(units, map(float, lot))), seed, blind,
                  str(every.attrs.get("why", "")))


def scope_of(ratings: Ratings, where: Mapping[str, object] | None, search: str | None) -> str | None:
    """The filters of a queue, as JSON; None where there are none."""
    period = {"between": [ratings.start, ratings.end]} if ratings.start or ratings.end else {}
    words = {"search": search.strip()} if search and search.strip() else {}
    filters = {**dict(ratings.conditions), **period, **(where or {}), **words}
    return json.dumps(filters, default=str) if filters else None
