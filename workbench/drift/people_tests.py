"""Who stands apart, and who has changed: funnels over the raters, window by window, with all errors of the table accounted for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.drift.people_traces import Trace
from workbench.resample import false_discovery

FEWEST_RATERS = 5        # to be held against
STEADY = 10              # items of a pooled error that a rater's own is drawn towards
BASELINE = 4             # a rater's own first windows, after which it may have changed
SIZES = (2.0, 8.0)       # of a change that is looked for, in standard errors of a window
LATE = 10                # windows from which on the prior of a late change falls with the square of time
BLOCK = 4_000_000        # cells held at once
TINY = 1e-24             # squared errors below it are rounding
FLOOR = 1e-3             # of the raters' median squared error
APART = 0.75             # of the error is spent on standing apart; evidence of a change grows fast and needs less
SPENT = (0.2, 0.3, 0.3, 0.1, 0.1)       # of that on the looks, from twice the fewest ratings on


@dataclass
class Sums:
    """A trace by rater and window: ratings, above, below (m, T) each; error (m,): the squared error of a rater's value times `below`."""

    trace: Trace
    n: np.ndarray
    above: np.ndarray
    below: np.ndarray
    error: np.ndarray
    between: float = 0.0        # variance of windows of one rater beyond sampling

    @staticmethod
    def of(trace: Trace, rater: np.ndarray, window: np.ndarray, item: np.ndarray, shape: tuple[int, int], fewest: int) -> Sums:
        """From a trace's ratings; errors are between items, a rater's own drawn towards all raters'."""
        m, t = shape
        rater, window, item = rater[trace.rows], window[trace.rows], item[trace.rows]
        n, above, below = (np.bincount(rater * t + window, w, m * t).reshape(m, t) for w in (None, trace.above, trace.below))
        total, size = above.sum(1), below.sum(1)
        rate = np.divide(total, size, out=np.zeros(m), where=size > 0)
        cluster = pd.factorize(rater * (item.max(initial=0) + 1) + item)[0]
        own = np.bincount(cluster, trace.above - rate[rater] * trace.below)
        owner = np.zeros(len(own), int)
        owner[cluster] = rater
        square, items = np.bincount(owner, own**2, m), np.bincount(owner, minlength=m)
        free = max(items.sum() - (items > 0).sum(), 1)
        pooled, usual = square.sum() / max(size.sum(), 1e-300) * items.sum() / free, STEADY * size.sum() / max(items.sum(), 1)
        error = (square + usual * pooled) / np.maximum(size + usual, 1e-300) * trace.spread**2
        if trace.ratio:
            error = error * (trace.ratio / np.where(rate > 0, rate, np.nan)) ** 2
        made = Sums(trace, n, above, below, error)
        made.between = made.variation(fewest)
        return made

    def value(self, above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value and squared sampling error from sums; (m,) or (m, T)."""
        across = (lambda part: part.reshape(-1, *[1] * (above.ndim - 1)))
        with np.errstate(divide="ignore", invalid="ignore"):
            x, v = above / below, across(self.error) / below
            x = self.trace.ratio * np.log(np.where(x > 0, x, np.nan)) if self.trace.ratio else x
        if self.trace.start:
            x, v = x + across(self.trace.start[0]), v + across(self.trace.start[1])
        good = (below > 0) & np.isfinite(v) & np.isfinite(x)
        return np.where(good, x, np.nan), np.where(good, v, np.nan)

    def variation(self, fewest: int) -> float:
        """Variance of a rater's windows about its own value beyond sampling, a mean over raters; 0 where there is none."""
        x, v = self.value(self.above, self.below)
        use = (self.n >= fewest) & np.isfinite(x)
        windows = use.sum(1)
        some = windows > 1
        if not some.any():
            return 0.0
        x, v, use = x[some], v[some], use[some]
        centre = np.where(use, x, 0).sum(1) / windows[some]
        left = np.where(use, (x - centre[:, None]) ** 2, 0).sum(1) / (windows[some] - 1)
        over = left - np.where(use, v, 0).sum(1) / windows[some]
        return float(max(np.average(over, weights=windows[some] - 1), 0.0))


@dataclass(frozen=True)
class Funnel:
    """The raters' values so far as draws about the middle of their kind, (m,) each, nan where a kind has fewer than five.

    spread: variance of true values (DerSimonian and Laird). without: the middle without the rater, with its squared error; scale: how
    the others' values vary, over what spread and errors say. freedom: of that.
    """

    middle: np.ndarray
    middle_error: np.ndarray
    spread: np.ndarray
    without: np.ndarray
    without_error: np.ndarray
    scale: np.ndarray
    freedom: np.ndarray

    @staticmethod
    def of(x: np.ndarray, v: np.ndarray, usable: np.ndarray, kind: np.ndarray | None = None) -> Funnel | None:
        """From values and squared errors (m,), and each rater's kind; None where no kind has five."""
        parts = np.full((7, len(x)), np.nan)
        kind = np.zeros(len(x), int) if kind is None else kind
        for one in np.unique(kind[usable]):
            here = np.flatnonzero(usable & (kind == one))
            if len(here) >= FEWEST_RATERS:
                sure = max(TINY, FLOOR * np.median(v[here]))        # no rater outweighs all others by an error that is rounding
                parts[:, kind == one] = one_kind(x[here], np.maximum(v[here], sure), np.flatnonzero(kind == one), here)
        return Funnel(*parts) if np.isfinite(parts[0]).any() else None

    def p_value(self, x: np.ndarray, v: np.ndarray, side: int) -> np.ndarray:
        """How often a rater like the others lies so far out (m,): externally studentised, t with the others less one; nan without x."""
        from scipy.special import stdtr

        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.maximum(self.scale, v / (self.spread + v))       # no narrower than sampling alone
            t = (x - self.without) / np.sqrt(scale * (self.spread + v + self.without_error))
        p = 2 * stdtr(self.freedom, -np.abs(t)) if side == 0 else stdtr(self.freedom, -side * t)
        return np.where(np.isfinite(t), np.minimum(p, 1.0), np.nan)


def one_kind(x: np.ndarray, v: np.ndarray, all_of: np.ndarray, here: np.ndarray) -> np.ndarray:
    """The fields of `Funnel` (7, raters of the kind) from those that are usable; raters who are not are held against all of these."""
    m, fixed = len(x), 1 / v
    excess = fixed @ (x - (fixed @ x) / fixed.sum()) ** 2 - (m - 1)
    spread = max(excess / (fixed.sum() - (fixed @ fixed) / fixed.sum()), 0.0)
    weight = 1 / (spread + v)
    whole, moment = weight.sum(), weight @ x
    left, share = x - moment / whole, weight / whole
    rest = np.maximum(weight @ left**2 - weight * left**2 / (1 - share), 0.0) / (m - 2)
    made = np.empty((7, len(all_of)))
    made[:] = np.array([moment / whole, 1 / whole, spread, moment / whole, 1 / whole, weight @ left**2 / (m - 1), m - 2])[:, None]
    made[3:6, np.searchsorted(all_of, here)] = (moment - weight * x) / (whole - weight), 1 / (whole - weight), rest
    return made


@dataclass
class Judged:
    """What one behaviour's tests said: p, and of standing apart and having changed (log evidence), (m, T); the funnel of each window;
    since when each rater is watched, its later sums (n, above, below, windows), the looks it had and the ratings of the next; what is
    found (m, T)."""

    p: np.ndarray
    apart: np.ndarray
    changed: np.ndarray
    funnels: list[Funnel | None]
    since: np.ndarray
    later: np.ndarray
    looks: np.ndarray
    next_n: np.ndarray
    found: np.ndarray

    @staticmethod
    def of(sums: Sums, fewest: int, kind: np.ndarray) -> Judged:
        """The p-values of each look; nothing is watched or found yet."""
        m, t = sums.n.shape
        n, above, below = (np.cumsum(part, axis=1) for part in (sums.n, sums.above, sums.below))
        windows = np.cumsum(sums.n > 0, axis=1)
        apart, funnels = np.full((m, t), np.nan), []
        for at in range(t):
            x, v = sums.value(above[:, at], below[:, at])
            v = v + sums.between / np.maximum(windows[:, at], 1)
            usable = (n[:, at] >= fewest) & np.isfinite(x)
            funnels.append(found := Funnel.of(x, v, usable, kind))
            if found:
                apart[:, at] = np.where(usable, found.p_value(x, v, sums.trace.side), np.nan)
        if sums.trace.told is not None:
            apart[~sums.trace.told] = np.nan
        changed = np.full((m, t), np.nan) if sums.trace.start else changes(sums, fewest)
        of_change = np.exp(-np.nan_to_num(changed, nan=-1e9).clip(-700, 700)) / (1 - APART)
        p = np.fmin(np.minimum(apart / APART, 1), np.minimum(of_change, 1))
        p = np.where(np.isnan(apart) & np.isnan(changed), np.nan, p)
        none = np.zeros(m)
        return Judged(p, apart, changed, funnels, np.full(m, -1), np.zeros((4, m)), none.astype(int), none + 2 * fewest,
                      np.zeros((m, t), bool))

    def look(self, sums: Sums, at: int, watched: np.ndarray, error: float) -> None:
        """One look at window `at`: who is newly `watched` (m,) is held to its later ratings alone from here on.

        error: the share that each stream may err by, three quarters of it spent on standing apart, over looks each time that the later
        ratings are four times as many (`SPENT`), the rest on having changed.
        """
        before = self.since >= 0
        gain = (sums.n[:, at], sums.above[:, at], sums.below[:, at], sums.n[:, at] > 0)
        self.later += np.where(before, np.array(gain, dtype=float), 0.0)
        self.found[:, at] = self.found[:, at - 1] if at else False
        due = before & (self.later[0] >= self.next_n) & ~self.found[:, at]
        if due.any() and (funnel := self.funnels[at]):
            x, v = sums.value(self.later[1], self.later[2])
            p = funnel.p_value(x, v + sums.between / np.maximum(self.later[3], 1), sums.trace.side)
            budget = APART * error * np.append(SPENT, 0.0)[np.minimum(self.looks, len(SPENT))]
            self.found[:, at] |= due & (np.nan_to_num(p, nan=1.0) <= budget)
            self.looks[due] += 1
            self.next_n[due] = 4 * self.later[0][due]
        fresh = before & (sums.n[:, at] > 0)
        self.found[:, at] |= fresh & (np.nan_to_num(self.changed[:, at], nan=-1.0) >= -math.log((1 - APART) * error))
        self.since = np.where(~before & watched, at, self.since)


def changes(sums: Sums, fewest: int) -> np.ndarray:
    """Log evidence (m, T) that a rater's windows have moved from those before, valid however often one looks; nan up to its own baseline.

    Windows of an unchanged rater are x ~ N(theta, error / below + between), theta unknown and integrated out, `between` pooled over the
    raters. Moved by delta from window k on, delta ~ N(0, g2), halved where only one side is of interest: with A, B the precision after
    and before, a = A B / (A + B) and b = a (mean after - mean before), the likelihood is (1 + g2 a)^(-1/2) exp(g2 b2 / (2 (1 + g2 a)))
    times as large. k is spread over all windows to come, g over `SIZES` (Lai 1976, doi:10.1214/aos/1176343406).
    """
    m, t = sums.n.shape
    rater, at, _, _, above, below = shown(sums, fewest)
    rater, at = rater.astype(int), at.astype(int)
    x, v = one_value(sums, rater, above, below)
    weight, moment = np.zeros((2, m, t))
    good = np.isfinite(x)
    weight[rater[good], at[good]] = 1 / np.maximum(v[good] + sums.between, TINY)
    moment[rater[good], at[good]] = weight[rater[good], at[good]] * x[good]
    seen = np.cumsum(weight > 0, axis=1)
    found = np.full((m, t), np.nan)
    size = max(1, BLOCK // (t * t))
    for part in np.array_split(np.arange(m), -(-m // size)) if m else ():
        found[part] = moved(np.cumsum(weight[part], axis=1), np.cumsum(moment[part], axis=1), seen[part], sums.trace.side)
    return found


def moved(weight: np.ndarray, moment: np.ndarray, seen: np.ndarray, side: int) -> np.ndarray:
    """`changes` from running sums of precision, precision times value, and windows (m, T)."""
    from scipy.special import log_ndtr

    nth = seen[:, 1:] - BASELINE                       # of the windows that a change may begin with: those after the baseline
    begins = (nth >= 1) & (seen[:, 1:] > seen[:, :-1])
    prior = np.where(begins, LATE / ((nth + LATE - 1.0) * (nth + LATE)), 0.0)
    before, before_moment = weight[:, None, :-1], moment[:, None, :-1]
    kept = np.minimum(before, weight[:, :, None]) / np.where(weight > 0, weight, 1)[:, :, None]
    a, b = before * (1 - kept), kept * moment[:, :, None] - before_moment
    typical = (np.maximum(seen[:, -1], 1) / np.maximum(weight[:, -1], 1e-300))[:, None, None]
    open_ = (np.arange(weight.shape[1])[:, None] > np.arange(weight.shape[1] - 1)) & begins[:, None, :]
    logs = [np.full((*weight.shape, 1), 0.0) + np.log(LATE / (np.maximum(seen - BASELINE, 0) + LATE))[:, :, None]]
    for g in (size**2 * typical for size in SIZES):
        gain = g * b**2 / (2 * (1 + g * a)) - np.log1p(g * a) / 2
        gain = gain + np.log(2) + log_ndtr(side * b * np.sqrt(g / (1 + g * a))) if side else gain
        logs.append(np.where(open_, gain + np.log(np.maximum(prior, 1e-300))[:, None, :], -np.inf) - math.log(len(SIZES)))
    return np.where(seen > BASELINE, np.logaddexp.reduce(np.concatenate(logs, axis=2), axis=2), np.nan)


def shown(sums: Sums, fewest: int) -> tuple[np.ndarray, ...]:
    """Rows to show: rater, window, ratings, windows merged, above, below. A rater's windows are merged until they hold `fewest`."""
    m, t = sums.n.shape
    gathered, rows = np.zeros((4, m)), []
    for at in range(t):
        gathered += (sums.n[:, at], sums.n[:, at] > 0, sums.above[:, at], sums.below[:, at])
        full = np.flatnonzero((gathered[0] >= fewest) & (sums.n[:, at] > 0))
        rows.append((full, np.full(len(full), at), *gathered[:, full]))
        gathered[:, full] = 0
    return tuple(np.concatenate(part) for part in zip(*rows))


def one_value(sums: Sums, rater: np.ndarray, above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and squared error of sums of given raters, (K,)."""
    start = sums.trace.start
    part = replace(sums.trace, start=None if start is None else tuple(s[rater] for s in start))
    return replace(sums, trace=part, error=sums.error[rater]).value(above, below)


def judge(all_sums: Sequence[Sums], kind: np.ndarray, *, fewest: int, error_rate: float,
          streams: int) -> tuple[list[Judged], np.ndarray]:
    """All behaviours over all looks, raters held against their `kind` (m,): what was said of each, and q (behaviours, m, T) over raters
    and behaviours at each look."""
    judged = [Judged.of(sums, fewest, kind) for sums in all_sums]
    p = np.array([j.p for j in judged])
    q = np.stack([false_discovery(p[:, :, at]) for at in range(p.shape[2])], axis=2) if len(judged) else p
    for at in range(p.shape[2] if len(judged) else 0):
        for place, (one, sums) in enumerate(zip(judged, all_sums)):
            one.look(sums, at, np.nan_to_num(q[place][:, at], nan=1.0) <= error_rate, error_rate / streams)
    return judged, q
