"""The monitor: streams by window, held against their baseline, with an alarm that may be looked at every week."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.evidence import log_evidence
from workbench.drift.streams import stream_columns, utc, window_values
from workbench.errors import ParameterError
from workbench.estimates import THESE_RATERS, join_notes
from workbench.periods import moment

if TYPE_CHECKING:
    from workbench.ratings import Ratings

BASELINE_WINDOWS = 8     # the first ones, where no baseline is named; fewer cannot show how weeks differ by themselves
LATE_WINDOWS = 4         # for a stream that begins after the baseline, such as a new rubric version
FEWEST_UNITS = 10
SKEWED = 5               # items asked for, times skew^2: with fewer a mean is far from normal. Unchanged streams of rare levels
                         # (0.5 to 20 %) and log-normal scores just above it alarmed in under 1 % of 500 years
COLUMNS = ("metric", "window", "value", "low", "high", "n_ratings", "e_value", "alarm", "alarmed_since", "guarantee", "note",
           "phase", "alarm_at", "reference", "n_items", "n_raters", "n_dropped", "se", "confidence", "method", "estimand")


def monitor(ratings: Ratings, *, metric: str = "mean", by: Sequence[str] = (), window: str = "week",
            baseline: tuple[object, object] | None = None, tolerance: float = 0.0, error_rate: float = 0.05,
            seed: int = 0) -> pd.DataFrame:
    """Has a stream of ratings changed since its baseline? One row a stream and window, with an alarm that may be read weekly.

    `e_value` is the evidence against "nothing changed": about 1 or below says nothing. An alarm is raised when it reaches
    `alarm_at` = (number of streams) / error_rate, and stays until it falls below 1 / error_rate. However often and long one
    looks, at most a share `error_rate` of unchanged tables ever shows an alarm in any of its streams (e-Bonferroni). Each
    window is one observation: what raters, items or batches of a week share counts once, and weeks that differ by themselves
    raise no alarm; see `drift.evidence` for the formula. It presumes that windows of an unchanged stream are independent of
    each other.

    metric: "mean" of the scores; "levels", a stream for the share of each (up to 8 most frequent); "answers", the mean, or the
    level shares of nominal labels; "agreement", the share of rater pairs of an item that agree, within the window. Shares and
    agreement are of nominal and ordinal criteria only. by: columns that split the streams further; they are always apart by
    criterion and rubric version, and no stream crosses a version. window: "week" (from Monday) or "month", UTC.
    baseline: (start, end), dates, end exclusive; None for the data's first 8 windows. A stream that begins later has
    its own first 4. tolerance: a lasting difference from the baseline of up to this much, in the metric's unit, is no change.
    seed is there for metrics that will draw; none does yet.

    Columns: the stream's, `metric`, `window` (its start), `value` with its interval over items (prompts, where known; these
    raters), `n_ratings`, `e_value` (nan where not looked at), `alarm` (at this look), `alarmed_since`, `guarantee`
    ("asymptotic": window values are taken as normal; "none": no evidence could be had), `note`, `phase` ("baseline",
    "watched" or "apart"), `alarm_at`, `reference` (the baseline's mean value). Windows with fewer than 10 items, or too few for
    how skewed they are, are not looked at: evidence stays what it was.

    Undefined: without `rated_at` the table is empty; nominal levels have no mean (nan, `note`).
    Errors: `ParameterError` for an unknown option and for a baseline that is empty or holds no ratings.

    Sources: Ville (1939); Perez-Ortiz, Lardy, de Heide, Grunwald (2024), doi:10.1214/23-AOS2326; Vovk and Wang (2021),
    doi:10.1214/20-AOS2020, for several streams.

    >>> import pandas as pd, workbench as wb
    >>> days = pd.date_range("2026-01-05", periods=140, freq="D", tz="UTC")
    >>> rows = [{"item_id": f"{d:%j}{i}", "rater_id": "ann", "rated_at": d, "score": 1 + (i * 7 + d.day) % 5}
    ...         for d in days for i in range(6)]
    >>> bool(monitor(wb.read(pd.DataFrame(rows)))["alarm"].any())
    False
    """
    check_options(tolerance, error_rate)
    keys = ["criterion", "rubric_version", *by]
    if "rated_at" in ratings.missing:
        return pd.DataFrame(columns=[*keys, *COLUMNS])
    keys = stream_columns(ratings, by)
    values = window_values(ratings, metric=metric, by=keys, window=window)
    bounds = baseline_bounds(values["window"], baseline, window)
    streams = [watched(rows, bounds, window, tolerance)
               for _, rows in values.groupby([*keys, "metric"], dropna=False, sort=False)]
    if not streams:
        return pd.DataFrame(columns=[*keys, *COLUMNS])
    alarm_at = max(1, sum(rows["e_value"].notna().any() for rows in streams)) / error_rate
    table = pd.concat([with_alarm(rows, alarm_at, 1 / error_rate) for rows in streams], ignore_index=True)
    return table.assign(confidence=0.95, method="linearized", estimand=THESE_RATERS)[[*keys, *COLUMNS]]


def check_options(tolerance: float, error_rate: float) -> None:
    """Raise `ParameterError` for sizes that make no sense."""
    if not 0 < error_rate < 1:
        raise ParameterError(f"error_rate={error_rate!r} is not a share between 0 and 1. Use 0.05 for at most 5 % false alarms.")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ParameterError(f"tolerance={tolerance!r} is not a size. Use 0 for any change, or a number in the metric's unit.")


def baseline_bounds(windows: pd.Series, baseline: tuple[object, object] | None, window: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end (exclusive) of the baseline. Errors: `ParameterError` where it is empty or holds no window."""
    known = sorted(windows.unique())
    if baseline is None:
        chosen = known[:BASELINE_WINDOWS]
        return (chosen[0], after(chosen[-1], window)) if chosen else (pd.Timestamp.min.tz_localize("UTC"),) * 2
    if not isinstance(baseline, (tuple, list)) or len(baseline) != 2:
        raise ParameterError(f"baseline={baseline!r} is not a pair of dates. "
                             "Write it as ('2026-05-18', '2026-07-13'), end exclusive.")
    start, end = (utc(moment(date)) for date in baseline)
    if start >= end:
        raise ParameterError(f"baseline={baseline!r} is empty: it ends before it begins. Name the earlier date first.")
    if known and not any(start <= w and after(w, window) <= end for w in known):
        raise ParameterError(f"baseline={baseline!r} holds no whole {window} with ratings. The data run from {known[0]:%Y-%m-%d} "
                             f"to {after(known[-1], window):%Y-%m-%d}, in {window}s.")
    return start, end


def after(begin: pd.Timestamp, window: str) -> pd.Timestamp:
    """Where a window ends."""
    return begin + (pd.Timedelta(days=7) if window == "week" else pd.DateOffset(months=1))


def watched(rows: pd.DataFrame, bounds: tuple[pd.Timestamp, pd.Timestamp], window: str, tolerance: float) -> pd.DataFrame:
    """One stream with `phase`, `e_value`, `reference`, `guarantee` and notes."""
    rows = rows.reset_index(drop=True)
    usable, first, phase, notes = phases(rows, bounds, window)
    e_value = np.full(len(rows), math.nan)
    if first and len(usable) > first:
        units = rows["units"].to_numpy(dtype=float)[usable]
        variance = known_before(rows["unit_variance"].to_numpy(dtype=float)[usable], units, first)
        found = log_evidence(rows["value"].to_numpy()[usable], units=units, unit_variance=variance, first=first,
                             tolerance=tolerance)
        e_value[usable[first:]] = np.exp(np.minimum(found[first:], 700.0))
    e_value = pd.Series(e_value).ffill().where(phase != "baseline").where(phase != "apart")
    reference = np.average(rows["value"][usable[:first]], weights=rows["units"][usable[:first]]) if first else math.nan
    return rows.assign(phase=phase, e_value=e_value, reference=reference, note=[join_notes(*n) for n in zip(rows["note"], notes)],
                       guarantee="asymptotic" if e_value.notna().any() else "none")


def phases(rows: pd.DataFrame, bounds: tuple[pd.Timestamp, pd.Timestamp],
           window: str) -> tuple[np.ndarray, int, np.ndarray, list[str]]:
    """Which windows evidence is had from, how many of them are the baseline, every window's phase, and its note."""
    start, end = bounds
    ends = rows["window"].map(lambda w: after(w, window))
    whole = ((rows["window"] >= start) & (ends <= end)).to_numpy()
    enough = near_normal(rows)
    stream_note = []
    if not whole.any() and (rows["window"] >= end).all():
        own = np.flatnonzero(enough)[:LATE_WINDOWS]
        whole = np.arange(len(rows)) <= (own[-1] if len(own) else -1)
        stream_note.append(f"begins after the baseline: its own first {len(own)} windows are its baseline")
    last = np.flatnonzero(whole)[-1] if whole.any() else -1
    phase = np.where(whole, "baseline", np.where(np.arange(len(rows)) > last, "watched", "apart"))
    phase[(rows["window"] < end).to_numpy() & ~whole] = "apart"
    usable = np.flatnonzero(enough & (phase != "apart"))
    first = int((phase[usable] == "baseline").sum())
    if first < BASELINE_WINDOWS:
        stream_note.append(f"{first} of at least {BASELINE_WINDOWS} baseline windows: between-{window} variation cannot be "
                           "separated from a change that comes early")
    words = {"apart": "outside the baseline and before its end: not looked at"}
    varied = rows["skew"].notna().cummax() | (rows["units"] < FEWEST_UNITS)
    note = [join_notes(words.get(p, ""), "" if ok else f"too few items ({u:,.0f}): not looked at" if v else
                       f"nothing varies ({u:,.0f} items all alike): not looked at", *stream_note)
            for p, ok, u, v in zip(phase, enough, rows["units"], varied)]
    return usable, first, phase, note


def near_normal(rows: pd.DataFrame) -> np.ndarray:
    """Whether a window's value rests on enough items to be near normal, judged by the skewness seen up to then."""
    units = rows["units"].to_numpy(dtype=float)
    weight = np.where(rows["skew"].notna(), units, 0)
    seen = np.cumsum(np.nan_to_num(rows["skew"].to_numpy(dtype=float)) * weight) / np.maximum(np.cumsum(weight), 1)
    varies = np.cumsum(weight) > 0
    return rows["value"].notna().to_numpy() & varies & (units >= np.maximum(FEWEST_UNITS, SKEWED * seen**2))


def known_before(variance: np.ndarray, units: np.ndarray, first: int) -> np.ndarray:
    """Variance of one unit pooled over the windows before each look (over the whole baseline within it)."""
    variance = np.nan_to_num(variance)
    pooled = np.cumsum(variance * units) / np.cumsum(units)
    return np.concatenate([np.full(first, pooled[first - 1]), pooled[first - 1:-1]])


def with_alarm(rows: pd.DataFrame, raised_at: float, kept_from: float) -> pd.DataFrame:
    """The stream with `alarm` at each look and when the present alarm was raised."""
    since, begun = [], pd.NaT
    for evidence, at in zip(rows["e_value"], rows["window"]):
        if evidence >= raised_at:
            begun = at if begun is pd.NaT else begun
        elif not evidence >= kept_from:
            begun = pd.NaT
        since.append(begun)
    since = pd.to_datetime(pd.Series(since, index=rows.index), utc=True)
    return rows.assign(alarm=since.notna(), alarmed_since=since, alarm_at=raised_at)
