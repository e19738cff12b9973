"""Orders: how a rater judged pairs shown in one order and in the other, for what depends on which side came first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.estimates import join_notes
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.select import Selection, none_if_missing, select

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("system", "system_b", "shown_first")


@dataclass(frozen=True)
class Verdicts:
    """A rater's verdicts on the pairs of a group, equal ones merged: all (K,).

    forward, backward: 1 for the side shown first, 0 for the other, .5 for a tie, nan where the rater did not see the pair in that
    order. Forward is the order of the systems' names. n: pairs alike. n_dropped: the rater's ratings that are not among them.
    """

    key: Mapping[str, object]
    forward: np.ndarray
    backward: np.ndarray
    n: np.ndarray
    n_dropped: int
    note: str


def verdicts(ratings: Ratings, *, by: Sequence[str] = ()) -> list[Verdicts]:
    """One `Verdicts` for each group and rater, whose `key` holds both; a lone one of nobody where nothing is selected.

    `shown_first` names a system, or the side "A" or "B"; a pair without systems has only sides. Ratings that name neither, or
    whose label is not A, B or tie, are dropped; of the ratings of a pair in one order the last counts. Errors: as `patterns`.
    """
    by = select(ratings, by=by).by  # refused by itself, in the caller's words
    chosen = select(ratings, by=tuple(dict.fromkeys((*by, *SHOWN))))
    return remembered(ratings, ("verdicts", tuple(by)), lambda: _made(ratings, chosen, list(by)))


def _made(ratings: Ratings, chosen: Selection, by: list[str]) -> list[Verdicts]:
    """The verdicts of a selection."""
    pairs, table = _pairs(chosen, by), with_virtual(ratings.table, by)
    rater = list(dict.fromkeys([*by, "rater_id"]))
    kinds = [*rater, "forward", "backward"]
    found = collect(ratings.source, pairs.group_by(kinds).aggregate(n=pairs.count()).order_by(kinds))
    scope = collect(ratings.source, table.group_by(rater).aggregate(n_scope=table.count()).order_by(rater))
    frames = dict(_parts(found, rater))
    notes = {key: join_notes(*rows["note"]) for key, rows in _parts(chosen.groups.assign(note=list(chosen.notes)), by)}
    made = []
    for key, rows in _parts(scope, rater):
        forward, backward, n = (frames.get(key, found[:0])[c].to_numpy(dtype=float) for c in ("forward", "backward", "n"))
        used = n @ (~np.isnan(forward) + (~np.isnan(backward)).astype(int))
        made.append(Verdicts(dict(zip(rater, key)), forward, backward, n, int(rows["n_scope"].iloc[0] - used), notes[key[:len(by)]]))
    nothing = np.zeros(0)
    return made or [Verdicts(dict.fromkeys(rater), nothing, nothing, nothing, 0, join_notes(*chosen.notes))]


def _pairs(chosen: Selection, by: list[str]) -> Any:
    """Each rater's pairs with the verdicts in either order."""
    import ibis

    t = chosen.table
    a, b, side = t.system.fill_null("A"), t.system_b.fill_null("B"), t.label.upper()
    first = t.shown_first
    a_first = ibis.cases((first == a, True), (first == b, False), (first == "A", True), (first == "B", False))
    verdict = ibis.cases((side == "TIE", 0.5), (side == "A", a_first.ifelse(1.0, 0.0)), (side == "B", a_first.ifelse(0.0, 1.0)))
    seen = t.mutate(_verdict=verdict, _forward=a_first == (a <= b))
    seen = seen.filter(seen._verdict.notnull() & seen._forward.notnull())
    nothing = ibis.null("float64")
    return seen.group_by(list(dict.fromkeys((*by, *chosen.unit, "rater_id")))).aggregate(
        forward=seen._forward.ifelse(seen._verdict, nothing).max(), backward=seen._forward.ifelse(nothing, seen._verdict).max())


def _parts(frame: pd.DataFrame, by: list[str]) -> list[tuple[tuple[object, ...], pd.DataFrame]]:
    """The rows of each group, None where its level is missing."""
    if not by:
        return [((), frame)]
    return [(tuple(none_if_missing(v) for v in key), rows) for key, rows in frame.groupby(by, dropna=False, sort=False)]
