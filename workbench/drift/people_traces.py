"""What each rater does, rating by rating, beside what is usual on such items: the numerators and denominators of ten behaviours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.drift.people_frame import MAX_LEVELS, Rows, mean_of, parabola, usual

FIRST = 50               # items that a newcomer's start is
LONG = 10                # items a session must hold before it has a beginning and an end
NEW_AFTER = 28 * 86_400  # seconds after the first rating of all, from which on a rater is taken to be new
NO_GOLD = "no gold ratings: accuracy cannot be told"


@dataclass(frozen=True)
class Trace:
    """A behaviour: sum(above) / sum(below) over a rater's ratings (R,), on the log where `ratio`, halved where it is of squares.

    rows (R,): which ratings. side: 1 if only much of it is of interest, -1 if little, 0 both. spread: what the error of a mean is
    multiplied by. start (m,): what is added to each rater's value, and its squared error; told (m,): whom it is reported of. reason:
    why it is undefined for all.
    """

    name: str
    rows: np.ndarray
    above: np.ndarray
    below: np.ndarray
    side: int = 0
    ratio: float = 0.0
    spread: float = 1.0
    start: tuple[np.ndarray, np.ndarray] | None = None
    told: np.ndarray | None = None
    reason: str = ""


def traces(rows: Rows) -> Iterator[Trace]:
    """Every behaviour but copying, which is of two raters."""
    shared = rows.size > 1
    scored = shared & ~np.isnan(rows.z)
    yield from of_scores(rows, scored)
    same, others = shares_alike(rows)
    levelled = shared & (rows.level >= 0)
    why = "" if levelled.any() else "no item with levels has two raters" if shared.any() else "no item has two raters"
    left = np.where(levelled, same - usual(np.where(levelled, same, np.nan), others, rows, severe=True), np.nan)
    yield plain("agreement", levelled, left, side=-1, reason=why)
    yield gold(rows)
    yield speed(rows)
    yield straight(rows)
    yield collapse(rows, levelled, why)
    far = distance(rows, scored, levelled, same, others)
    why = "" if (scored | levelled).any() else why
    yield fatigue(rows, far, why)
    yield learning(rows, far, why)


def plain(name: str, known: np.ndarray, values: np.ndarray, **more: object) -> Trace:
    """A mean over the known ratings."""
    place = np.flatnonzero(known & ~np.isnan(values))
    reason = str(more.pop("reason", "")) or ("" if len(place) else "no rating tells it")
    return Trace(name, place, values[place], np.ones(len(place)), reason=reason, **more)


def of_scores(rows: Rows, known: np.ndarray) -> Iterator[Trace]:
    """Severity: how much lower than the item's other raters, their severities taken off. Noise: how far away, over what is usual."""
    if not known.any():
        why = "no item has two raters" if not (rows.size > 1).any() else "nominal levels have no order"
        yield from (Trace(name, *np.zeros((3, 0)), reason=why) for name in ("severity", "noise"))
        return
    free = rows.z - rows.own
    n = rows.size
    total, square = (np.bincount(rows.unit, np.where(known, v, 0))[rows.unit] for v in (free, free**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(known, free - (total - free) / (n - 1), np.nan)
        others = np.where(n > 2, (square - free**2 - (total - free) ** 2 / (n - 1)) / (n - 2), np.nan)
    yield plain("severity", known, -(away + rows.own))
    y = away**2 * (n - 1) / n
    expected = np.maximum(usual(y, others, rows), 0.1 * mean_of(y, rows.line))
    place = np.flatnonzero(known)
    yield Trace("noise", place, y[place], expected[place], side=1, ratio=0.5,
                reason="" if y[place].any() else "all raters of an item score alike")


def distance(rows: Rows, scored: np.ndarray, levelled: np.ndarray, same: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far from the item's other raters, over what is usual on such items, less 1: by score, severities off, or by unlike levels."""
    free = rows.z - rows.own
    total = np.bincount(rows.unit, np.where(scored, free, 0))[rows.unit] if len(free) else free
    with np.errstate(divide="ignore", invalid="ignore"):
        by_score = np.abs(free - (total - free) / (rows.size - 1))
    y = np.where(scored, by_score, np.where(levelled, 1 - same, np.nan))
    if np.isnan(y).all():
        return y
    typical = np.maximum(usual(y, np.where(scored, np.nan, 1 - others), rows), 0.2 * mean_of(y, rows.line))
    return np.where(typical > 0, y / np.where(typical > 0, typical, 1) - 1, np.nan)


def shares_alike(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The share of an item's other raters at a rating's level, and of pairs of these others at one level (nan below three raters)."""
    key = rows.unit * (rows.level.max(initial=0) + 2) + rows.level + 1
    _, where, n = np.unique(key, return_inverse=True, return_counts=True)
    alike, size = n[where] - 1.0, rows.size
    pairs = np.bincount(rows.unit, alike)[rows.unit] - 2 * alike if len(alike) else alike
    with np.errstate(divide="ignore", invalid="ignore"):
        return alike / (size - 1), np.where(size > 2, pairs / ((size - 1) * (size - 2.0)), np.nan)


def gold(rows: Rows) -> Trace:
    """Share of ratings at gold's level, less what is usual on such items."""
    known = ~np.isnan(rows.hit)
    if not known.any():
        return plain("gold", known, rows.hit, reason=NO_GOLD)
    n, total = (np.bincount(rows.unit, w)[rows.unit] for w in (known.astype(float), np.nan_to_num(rows.hit)))
    with np.errstate(divide="ignore", invalid="ignore"):
        others = np.where(n > 1, (total - rows.hit) / (n - 1), np.nan)
    return plain("gold", known, rows.hit - usual(rows.hit, others, rows, severe=True), side=-1)


def speed(rows: Rows) -> Trace:
    """Time on a rating over what is usual on such items, a ratio of geometric means."""
    taken = np.log(rows.seconds)
    known = ~np.isnan(taken)
    n, total = (np.bincount(rows.unit, w)[rows.unit] for w in (known.astype(float), np.nan_to_num(taken))) if len(known) else (taken, taken)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = np.where(n > 1, (total - taken) / (n - 1), np.nan)
    left = taken - usual(taken, others, rows) if known.any() else taken
    return plain("speed", known, left, reason="" if known.any() else "no seconds: time on a rating is not known")


def others_levels(rows: Rows) -> np.ndarray:
    """How an item's other raters spread over the levels, (R, q); 0 without any."""
    q = rows.level.max(initial=0) + 1
    counts = np.bincount(rows.unit * q + np.maximum(rows.level, 0), rows.level >= 0, minlength=(rows.unit.max(initial=0) + 1) * q)
    found = counts.reshape(-1, q)[rows.unit]
    found[np.arange(len(found)), np.maximum(rows.level, 0)] -= rows.level >= 0
    return found / np.maximum(found.sum(1), 1)[:, None]


def straight(rows: Rows) -> Trace:
    """How much oftener a rating repeats the level of the one before it in its session than their shares and the items explain."""
    many = rows.level.max(initial=0) >= MAX_LEVELS
    if rows.no_order or many or not len(rows.unit):
        return plain("straight-lining", np.zeros(len(rows.unit), bool), rows.z, reason=rows.no_order or "too many levels")
    order = np.lexsort((rows.at, rows.line, rows.session, rows.rater))
    block = [part[order] for part in (rows.rater, rows.session, rows.line)]
    follows = np.append(False, np.logical_and.reduce([part[1:] == part[:-1] for part in block]))
    level = rows.level[order]
    follows &= (level >= 0) & (np.roll(level, 1) >= 0) & (rows.unit[order] != np.roll(rows.unit[order], 1))
    y = np.full(len(level), np.nan)
    y[order] = np.where(follows, level == np.roll(level, 1), np.nan) - own_chance(rows)[order]
    spread = others_levels(rows)[order]
    cover = np.full(len(level), np.nan)
    both = (rows.size[order] > 1) & (np.roll(rows.size[order], 1) > 1)
    cover[order] = np.where(both, (spread * np.roll(spread, 1, axis=0)).sum(1), np.nan)
    return plain("straight-lining", ~np.isnan(y), y - usual(y, cover, rows), side=1)


def own_chance(rows: Rows) -> np.ndarray:
    """The chance that two of the rater's ratings of the line and window are at one level, (R,)."""
    q = rows.level.max(initial=0) + 2
    group = (rows.rater * (rows.line.max(initial=0) + 1) + rows.line) * len(rows.windows) + rows.window
    group = np.unique(group, return_inverse=True)[1]
    counts = np.bincount(group * q + rows.level + 1, minlength=(group.max() + 1) * q).reshape(-1, q)[:, 1:].astype(float)
    n = counts.sum(1)
    return ((counts * (counts - 1)).sum(1) / np.maximum(n * (n - 1), 1))[group]


def collapse(rows: Rows, levelled: np.ndarray, why: str) -> Trace:
    """The chance that two of the rater's ratings of a line and window are at one level, less that of others on the same items.

    As a mean over ratings: each is held against the others of its window, so that the error of the mean is twice a plain one's.
    """
    if why or rows.level.max(initial=0) >= MAX_LEVELS:
        return plain("one level", levelled & False, rows.z, reason=why or "too many levels")
    q = rows.level.max() + 1
    group = (rows.rater * (rows.line.max() + 1) + rows.line) * len(rows.windows) + rows.window
    group = np.unique(group, return_inverse=True)[1]
    spread = others_levels(rows) * levelled[:, None]
    mine = np.bincount(group * q + np.maximum(rows.level, 0), levelled, minlength=(group.max() + 1) * q).reshape(-1, q)
    theirs = np.stack([np.bincount(group, spread[:, k], len(mine)) for k in range(q)], axis=1)
    n = mine.sum(1)[group]
    alike = mine[group, np.maximum(rows.level, 0)] - 1
    usual_alike = (theirs[group] * spread).sum(1) - (spread**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = np.where(levelled & (n > 1), (alike - usual_alike) / (n - 1), np.nan)
    return plain("one level", levelled, more - parabola(more, rows), side=1, spread=2.0)


def fatigue(rows: Rows, left: np.ndarray, why: str) -> Trace:
    """How much further from the others a rater is at the last item of a session of 10 or more than at its first, in usual distances."""
    if rows.no_order or why or not len(left):
        return plain("fatigue", np.zeros(len(left), bool), left, reason=rows.no_order or why)
    order = np.lexsort((rows.at, rows.session))
    session = rows.session[order]
    fresh = np.append(True, (session[1:] != session[:-1]) | (rows.unit[order][1:] != rows.unit[order][:-1]))
    count = np.cumsum(fresh)
    first = np.append(True, session[1:] != session[:-1])
    nth = count - np.maximum.accumulate(np.where(first, count, 0))
    length = np.zeros(rows.session.max() + 1)
    np.maximum.at(length, session, nth)
    place = np.empty(len(left))
    place[order] = nth / np.maximum(length[session], 1) - 0.5
    known = (length[rows.session] + 1 >= LONG) & ~np.isnan(left)
    if not known.any():
        return plain("fatigue", known, left, reason=f"no session of {LONG} items or more")
    place = place - mean_of(np.where(known, place, np.nan), rows.session)
    own = mean_of(np.where(known, left, np.nan), rows.session)
    where = np.flatnonzero(known)
    return Trace("fatigue", where, (place * (left - own))[where], (place**2)[where], side=1)


def learning(rows: Rows, left: np.ndarray, why: str) -> Trace:
    """How much further from the others on a new rater's first 50 items than since, in usual distances; all raters are the yardstick."""
    many = len(rows.windows) > 1
    if rows.no_order or why or not many or not len(left):
        return plain("learning", np.zeros(len(left), bool), left, 
                     reason=rows.no_order or why or "one window: no start to hold the rest against")
    known = ~np.isnan(left)
    early, late = known & (rows.rank <= FIRST), known & (rows.rank > FIRST)
    n, total, square = (np.bincount(rows.rater[early], w, rows.m) for w in (np.ones(early.sum()), left[early], left[early] ** 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        error = np.where(n > 1, (square / n - mean**2) / (n - 1), np.nan)
    began = np.full(rows.m, math.inf)
    np.minimum.at(began, rows.rater, rows.at)
    new = began >= rows.at.min() + NEW_AFTER
    reason = "" if new.any() else "no rater began after the first 28 days"
    return plain("learning", late & (n >= FIRST / 2)[rows.rater], -left, side=1, start=(mean, error), told=new, reason=reason)
