"""What the checks count, from ratings held in memory: the tables that the engine would give. None where that cannot be told here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.reduce.codes import join, tally
from workbench.reduce.narrowed import NEVER, microseconds
from workbench.schema import UNIT

if TYPE_CHECKING:
    from workbench.reduce.held import Held

SAME = (*UNIT, "rater_id", "rubric_version", "layer")
EVERY = np.ones(1, bool)


def filled(table: Held, columns: Sequence[str]) -> dict[str, int]:
    """How many ratings have a value, of each of these columns that is held."""
    held = [c for c in columns if c in table.frame]
    return {c: int((values if table.rows is None else values[table.rows]).sum()) for c in held
            for values in [table.frame[c].notna().to_numpy()]}


def per_group(table: Held, by: Sequence[str]) -> pd.DataFrame | None:
    """The combinations of some columns in order, with n_ratings and n_empty, those without a value."""
    if (joined := table.joined(by)) is None:
        return None
    group, rows, size = joined
    empty = ~(table.given("score") | table.given("label"))
    return table.shown(rows, size).assign(n_ratings=tally(group, size, EVERY), n_empty=tally(group, size, empty))


def alike(table: Held) -> tuple[int, int]:
    """How many ratings are alike in all but their place, and how many more in what makes a repeat, each beyond the first."""
    group, _, size = table.joined(SAME)
    times, moments = pd.factorize(table.times("rated_at"))
    values = {c: (table.coded(c).codes + 1, len(table.coded(c).levels) + 1) for c in ("score", "label") if c in table.frame}
    same = join({"group": (group, size), "time": (times, len(moments))} | values, table.n)[2]
    return table.n - same, same - size


def panel(table: Held) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The panel's ratings that have a value: unit and rater of each; and each unit's criterion as a code."""
    unit, rows, size = table.joined(UNIT)
    mask = np.broadcast_to(table.ruled() & (table.given("score") | table.given("label")), table.n)
    rater = table.coded("rater_id").codes
    return unit[mask], rater[mask], rows["criterion"] if size > 1 else np.zeros(1, int)


def unit_sizes(table: Held) -> pd.DataFrame:
    """Units and ratings by criterion and number of raters."""
    unit, rater, criterion = panel(table)
    k, size = len(table.coded("rater_id").levels), len(criterion)
    n_raters, n = np.bincount(np.unique(unit * k + rater) // k, minlength=size), np.bincount(unit, minlength=size)
    key, place = np.unique((criterion * (k + 1) + n_raters)[n > 0], return_inverse=True)
    return pd.DataFrame({"criterion": table.level_of("criterion", key // (k + 1)), "n_raters": key % (k + 1),
                         "n_units": np.bincount(place, minlength=len(key)),
                         "n_ratings": np.bincount(place, n[n > 0], len(key)).astype(int)})


def hub_links(table: Held) -> pd.DataFrame:
    """On how many units a rater meets their first, the hub, by criterion."""
    unit, rater, criterion = panel(table)
    k = len(table.coded("rater_id").levels)
    unit, rater = np.divmod(np.unique(unit * k + rater), k)
    hub = rater[np.searchsorted(unit, unit)]
    key, n = np.unique((criterion[unit] * k + rater) * k + hub, return_counts=True)
    names = {"criterion": key // k**2, "rater_id": key // k % k, "hub": key % k}
    return pd.DataFrame({c: table.level_of("rater_id" if c == "hub" else c, codes) for c, codes in names.items()} | {"n": n})


def ends(table: Held, by: Sequence[str], *, dated: bool = False) -> pd.DataFrame | None:
    """The combinations of some columns in order, with n, ratings, n_dated of them, and their first and last time; `dated` ones alone."""
    if (joined := table.joined(by)) is None:
        return None
    (group, rows, size), times = joined, table.times("rated_at")
    order = np.lexsort((times, group))
    order = order[times[order] != NEVER]
    n, known = tally(group, size, EVERY), np.bincount(group[order], minlength=size)
    last, some = np.cumsum(known) - 1, known > 0
    first, last = (np.where(some, times[order][np.where(some, place, 0)], NEVER) if len(order) else np.full(size, NEVER)
                   for place in (last - known + 1, last))
    first, last = (pd.to_datetime(pd.Series(moments.view("datetime64[us]")), utc=True).dt.as_unit("us") for moments in (first, last))
    found = table.shown(rows, size).assign(n=n, n_dated=known, first=first, last=last)
    return found[some].reset_index(drop=True) if dated else found


def backwards(table: Held) -> int:
    """How many ratings begin after they end."""
    start, end = table.times("started_at"), table.times("rated_at")
    return int(((start > end) & (end != NEVER)).sum())


def before(table: Held, group: np.ndarray, moment: pd.Timestamp) -> int:
    """How many ratings of those in `group`, (n,), were given before a moment."""
    times = table.times("rated_at")
    return int((group & (times != NEVER) & (times < microseconds(moment))).sum())
