"""When the monitor starts: its baseline, those begun anew after an accepted change, and what times can and cannot bear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.streams import calendar, utc
from workbench.errors import ParameterError
from workbench.estimates import join_notes
from workbench.periods import moment

if TYPE_CHECKING:
    from workbench.ratings import Ratings

BASELINE_WINDOWS = 8     # the first ones, where no baseline is named; fewer cannot show how weeks differ by themselves
FEW = f"at least {BASELINE_WINDOWS} baseline windows"
LATE_WINDOWS = 4         # for a stream that begins after the baseline, such as a new rubric version
STRAY = pd.Timedelta(days=366)   # what such a gap parts from the most ratings was likely stamped by a wrong clock
LONG_GAP = pd.Timedelta(days=56)


@dataclass(frozen=True)
class Start:
    """A baseline from `begin` up to `end`, and watching until `stop`."""

    begin: pd.Timestamp
    end: pd.Timestamp
    stop: pd.Timestamp


def window_counts(ratings: Ratings, window: str) -> pd.Series:
    """Ratings by window, whoever gave them, in order of time."""
    found = calendar(ratings, window).groupby(window)["n"].sum()
    return pd.Series(found.to_numpy(), index=pd.DatetimeIndex([utc(w) for w in found.index], tz="UTC"))


def starts_of(counts: pd.Series, baseline: tuple[object, object] | None, accepted: Sequence[object], window: str) -> list[Start]:
    """The monitor's starts. Errors: `ParameterError` for a baseline that is empty or holds no window, and for accepted dates out of
    order, within the baseline or outside the data."""
    known, never = list(counts.index), pd.Timestamp.max.tz_localize("UTC").floor("D")
    if isinstance(accepted, str) or not isinstance(accepted, Sequence):
        raise ParameterError(f"accepted={accepted!r} is no list of dates. Write it as ['2026-09-07'].")
    dates = [utc(moment(date)) for date in accepted]  # type: ignore[arg-type]
    begin, end = baseline_bounds(counts, baseline, window)
    starts = [Start(begin, end, dates[0] if dates else never)]
    for date, stop in zip(dates, [*dates[1:], never]):
        later = [w for w in known if w >= date]
        if date < starts[-1].end or date >= stop or not later:
            raise ParameterError(f"accepted={list(accepted)!r} cannot be: {date:%Y-%m-%d} lies before the end of the baseline before it "
                                 f"({starts[-1].end:%Y-%m-%d}), is not before the next date, or no {window} begins after it. "
                                 "Name dates in order, each after the baseline that it ends.")
        starts.append(Start(date, after(later[:BASELINE_WINDOWS][-1], window), stop))
    return starts


def baseline_bounds(counts: pd.Series, baseline: tuple[object, object] | None, window: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end (exclusive) of the baseline. Errors: `ParameterError` where it is empty or holds no window."""
    known = list(counts.index)
    if baseline is None:
        chosen = [w for w, stray in zip(known, strays(counts)) if not stray][:BASELINE_WINDOWS]
        return (chosen[0], after(chosen[-1], window)) if chosen else (pd.Timestamp.min.ceil("D").tz_localize("UTC"),) * 2
    if not isinstance(baseline, (tuple, list)) or len(baseline) != 2:
        raise ParameterError(f"baseline={baseline!r} is not a pair of dates. "
                             "Write it as ('2026-05-18', '2026-07-13'), end exclusive.")
    start, end = (utc(moment(date)) for date in baseline)  # type: ignore[arg-type]
    if start >= end:
        raise ParameterError(f"baseline={baseline!r} is empty: it ends before it begins. Name the earlier date first.")
    if known and not any(start <= w and after(w, window) <= end for w in known):
        raise ParameterError(f"baseline={baseline!r} holds no whole {window} with ratings. The data run from {known[0]:%Y-%m-%d} "
                             f"to {after(known[-1], window):%Y-%m-%d}, in {window}s.")
    return start, end


def strays(counts: pd.Series) -> np.ndarray:
    """Windows that a gap of over a year parts from the run with most ratings."""
    run = (counts.index.to_series().diff() > STRAY).cumsum().to_numpy()
    return run != run[int(np.argmax(counts.groupby(run).transform("sum")))] if len(counts) else np.zeros(0, dtype=bool)


def after(begin: pd.Timestamp, window: str) -> pd.Timestamp:
    """Where a window ends."""
    return begin + (pd.Timedelta(days=7) if window == "week" else pd.DateOffset(months=1))


def of_times(ratings: Ratings, counts: pd.Series, window: str) -> dict[pd.Timestamp, str]:
    """What is to be said of windows' times: gaps before them, a clock that is likely wrong, and times that are a batch's."""
    said: dict[pd.Timestamp, str] = {}
    per_batch = ""
    if "batch" not in ratings.missing:
        found = calendar(ratings, window).groupby("batch").agg({"n_rated_at": "sum", "first": "min", "last": "max"})
        found = found[found["n_rated_at"] > 1]
        if len(found) and (found["first"] == found["last"]).all():
            per_batch = "time is per batch: a window is when batches were stamped, not when items were rated"
    for at, gap, stray in zip(counts.index, counts.index.to_series().diff(), strays(counts)):
        gap_note = f"{gap.days // 7} weeks without ratings before it" if gap > LONG_GAP else ""
        said[at] = join_notes(per_batch, "over a year from most ratings: is a clock wrong? not looked at" if stray else gap_note)
    return said


def phases(rows: pd.DataFrame, start: Start, window: str, enough: np.ndarray, stray: set[pd.Timestamp],
           ) -> tuple[np.ndarray, int, np.ndarray, str]:
    """Which windows evidence is had from, how many of them are the baseline, every window's phase, and a note on the stream."""
    ends = rows["window"].map(lambda w: after(w, window))
    whole = ((rows["window"] >= start.begin) & (ends <= start.end)).to_numpy()
    note = ""
    if not whole.any() and (rows["window"] >= start.end).all():
        own = np.flatnonzero(enough)[:LATE_WINDOWS]
        whole = np.arange(len(rows)) <= (own[-1] if len(own) else -1)
        note = f"begins after the baseline: its own first {len(own)} windows are its baseline"
    last = np.flatnonzero(whole)[-1] if whole.any() else -1
    phase = np.where(whole, "baseline", np.where(np.arange(len(rows)) > last, "watched", "apart"))
    phase[((rows["window"] < start.end).to_numpy() & ~whole) | rows["window"].isin(stray).to_numpy()] = "apart"
    usable = np.flatnonzero(enough & (phase != "apart"))
    first = int((phase[usable] == "baseline").sum())
    if first < BASELINE_WINDOWS:
        note = join_notes(note, f"{first} of {FEW}: between-{window} variation cannot be "
                          "separated from a change that comes early")
    return usable, first, phase, note


def mean_of_baseline(rows: pd.DataFrame, usable: np.ndarray, first: int) -> float:
    """The baseline's value, windows weighted by their units."""
    return float(np.average(rows["value"][usable[:first]], weights=rows["units"][usable[:first]])) if first else math.nan
