"""The monitor: streams by window, held against their baseline, with an alarm that may be looked at every week."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.alarms import with_alarms
from workbench.drift.evidence import log_evidence, without_raters
from workbench.drift.exchangeable import exchangeable_values
from workbench.drift.measures import METRICS, read_streams
from workbench.drift.starts import Start, mean_of_baseline, of_times, phases, starts_of, strays, window_counts
from workbench.drift.streams import WINDOWS, Stream, stream_columns, stream_name
from workbench.errors import ParameterError, one_of
from workbench.estimates import THESE_RATERS, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FEWEST_UNITS = 10
SKEWED = 5               # items asked for, times skew^2, where a value is taken as normal: alpha and severity
COLUMNS = ("metric", "window", "value", "low", "high", "n_ratings", "e_value", "alarm", "alarmed_since", "guarantee", "note",
           "phase", "alarm_at", "ever_alarmed", "start", "reference", "n_items", "n_raters", "n_dropped", "se", "confidence",
           "method", "estimand")


def monitor(ratings: Ratings, *, metric: str | Sequence[str] = "mean", by: Sequence[str] = (), window: str = "week",
            baseline: tuple[object, object] | None = None, accepted: Sequence[object] = (), tolerance: float = 0.0,
            error_rate: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Has a stream of ratings changed since its baseline? One row a stream and window, with an alarm that may be read weekly.

    `e_value` is the evidence against "nothing changed": about 1 or below says nothing. `alarm`: at this look the stream is among those
    that e-BH picks, of which on average at most a share `error_rate` are false. `ever_alarmed`: by now the evidence has reached (number
    of streams) / error_rate; however often and long one looks, at most a share `error_rate` of unchanged tables ever shows that in any
    of its streams. All streams of a table are updated together, one look a window.

    "Nothing changed" lets windows differ by themselves: by the raters who are in them (their severities, and who came and went; those
    who stay are held against themselves), by their batches, and by what a week's ratings share for no known reason. How much that is,
    is learnt from baseline and later windows, as in a t-test (`drift.evidence`). With few baseline windows that is little known, and
    early changes wait.
    What is presumed: units (items; prompts where known) are independent, raters are drawn alike, and weeks differ independently, about
    as a normal sample does: where single weeks lie far out again and again (t with 4 degrees of freedom, more than sampling error
    explains), one unchanged year in eight alarms.

    metric: one or several of "mean" of the scores; "levels", a stream for the share of each (up to 8 most frequent); "answers", the
    mean, or level shares of nominal labels; "agreement", the share of rater pairs of an item that agree; "alpha" (Krippendorff);
    "accuracy", the share of ratings at gold's level; "severity", a stream a rater: how much lower he scores items than those who rate
    them too (`rater_id` becomes a column; 0 is the window's average rater); "slower", "faster" than the baseline's median `seconds`;
    "gaps", the share of rows without an answer; "faults", rows that end before they start or took no time. by: columns that split the
    streams further; they are always apart by criterion and rubric version, and no stream crosses a version. window: "week" (from
    Monday) or "month", UTC. baseline: (start, end), dates, end exclusive; None for the data's first 8 windows. A stream that begins
    later has its own first 4. accepted: dates from which a change is accepted: the 8 windows from then are the new baseline, with an
    `error_rate` of its own; `start` counts them, and over k starts at most k error_rate tables ever alarm. tolerance: a difference
    from the baseline of up to this much, in the metric's unit, is no change. seed: breaks ties among equal units (exact streams).

    Columns: the stream's, `metric`, `window` (its start), `value` with its interval over items (these raters), `n_ratings`, `e_value`
    (nan where not looked at), `alarm`, `alarmed_since`, `guarantee`, `note`, `phase` ("baseline", "watched", "apart"), `alarm_at`,
    `ever_alarmed`, `start`, `reference` (the baseline's value). guarantee: "exact", of means and shares without a tolerance: if units
    are exchangeable the error rate holds for any number and distribution of them, and if raters or weeks differ by themselves, as far
    as these effects are normal; "asymptotic", of alpha, severity and times, whose windows' values are taken as normal, and of any
    metric with a tolerance; "none", no evidence could be had. Windows with fewer than 10 units, or too few for how skewed they are
    (where taken as normal), are not looked at: evidence stays what it was.

    Undefined: without `rated_at` the table is empty; nominal levels have no mean (nan, `note`). What lacks a column has no stream.
    Errors: `ParameterError` for an unknown option, a baseline that is empty or holds no ratings, accepted dates that cannot be.

    Sources: Ville (1939); Wasserman, Ramdas, Balakrishnan (2020), doi:10.1073/pnas.1922664117; Vovk, Gammerman, Shafer (2022);
    Wang, Ramdas (2022), doi:10.1111/rssb.12489, for several streams.

    >>> import pandas as pd, workbench as wb
    >>> days = pd.date_range("2026-01-05", periods=140, freq="D", tz="UTC")
    >>> rows = [{"item_id": f"{d:%j}{i}", "rater_id": "ann", "rated_at": d, "score": 1 + (i * 7 + d.day) % 5}
    ...         for d in days for i in range(6)]
    >>> bool(monitor(wb.read(pd.DataFrame(rows)))["alarm"].any())
    False
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    check_options(metrics, window, tolerance, error_rate)
    keys = ["criterion", "rubric_version", *by]
    if "rated_at" in ratings.missing:
        return pd.DataFrame(columns=[*keys, *COLUMNS])
    keys = stream_columns(ratings, by)
    counts = window_counts(ratings, window)
    starts = starts_of(counts, baseline, accepted, window)
    bounds = (starts[0].begin, starts[0].end)
    streams = [s for m in metrics for s in read_streams(ratings, metric=m, by=keys, window=window, baseline=bounds)]
    keys = [*keys, *(["rater_id"] if "severity" in metrics and "rater_id" not in keys else [])]
    stray = set(counts.index[strays(counts)])
    parts = []
    for number, start in enumerate(starts, start=1):
        seen = [watched(s, start, number, window, tolerance, seed, stray) for s in streams]
        parts += with_alarms([rows for rows in seen if len(rows)], error_rate)
    if not parts:
        return pd.DataFrame(columns=[*keys, *COLUMNS])
    table = pd.concat(parts, ignore_index=True)
    said = of_times(ratings, counts, window)
    table["note"] = [join_notes(note, said.get(at, "")) for note, at in zip(table["note"], table["window"])]
    table = table.assign(confidence=0.95, method="linearized", estimand=THESE_RATERS)
    table = table.assign(**{c: None for c in keys if c not in table})[[*keys, *COLUMNS]]
    return table.sort_values([*keys, "metric", "window"], kind="stable", ignore_index=True)


def check_options(metrics: Sequence[str], window: str, tolerance: float, error_rate: float) -> None:
    """Raise `ParameterError` for unknown options and for sizes that make no sense."""
    for metric in metrics:
        one_of("metric", metric, METRICS)
    one_of("window", window, WINDOWS)
    if not 0 < error_rate < 1:
        raise ParameterError(f"error_rate={error_rate!r} is not a share between 0 and 1. Use 0.05 for at most 5 % false alarms.")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ParameterError(f"tolerance={tolerance!r} is not a size. Use 0 for any change, or a number in the metric's unit.")


def watched(stream: Stream, start: Start, number: int, window: str, tolerance: float, seed: int, stray: set[pd.Timestamp]) -> pd.DataFrame:
    """One stream from one start of the monitor: rows with `phase`, `e_value`, `reference`, `guarantee` and notes."""
    own = (stream.rows["window"] < start.stop) & ((stream.rows["window"] >= start.begin) if number > 1 else True)
    exact = stream.units is not None and "baseline's median" not in stream.metric
    rows = stream.rows[own]
    place, rows = rows.index.to_numpy(), rows.reset_index(drop=True)
    enough, why = enough_units(rows, exact)
    usable, first, phase, note = phases(rows, start, window, enough, stray)
    e_value = np.full(len(rows), math.nan)
    if first and len(usable) > first:
        found = evidence_of(stream, place[usable], rows.iloc[usable], first, tolerance, seed if exact else None)
        e_value[usable[first:]] = np.exp(np.minimum(found[first:], 700.0))
    e_value = pd.Series(e_value).ffill().where(phase != "baseline").where(phase != "apart")
    words = np.where(phase == "apart", "outside the baseline and before its end: not looked at", "")
    words = np.where(rows["window"].isin(stray), "", words)
    guarantee = "none" if e_value.isna().all() else "exact" if exact and not tolerance else "asymptotic"
    return rows.assign(**stream.key, phase=phase, e_value=e_value, reference=mean_of_baseline(rows, usable, first), start=number,
                       note=[join_notes(*n, note) for n in zip(rows["note"], words, why)], guarantee=guarantee)


def evidence_of(stream: Stream, place: np.ndarray, rows: pd.DataFrame, first: int, tolerance: float, seed: int | None) -> np.ndarray:
    """Log evidence of the usable windows, in standard deviations of a unit in the baseline. seed: None where values are taken as normal."""
    units = rows["units"].to_numpy(dtype=float)
    variance = np.nan_to_num(rows["unit_variance"].to_numpy(dtype=float))
    pooled = np.cumsum(variance * units) / np.cumsum(units)
    pooled[:first] = pooled[first - 1]
    scale = pooled[first - 1] if pooled[first - 1] > 0 else pooled.max() or 1.0
    if seed is None:
        values, variance = (rows["value"].to_numpy(dtype=float) - rows["value"].iloc[0]) / math.sqrt(scale), pooled / scale
    else:
        name = zlib.crc32(f"{stream.metric} {stream_name(stream.key)}".encode())
        seeds = [(seed, name, int(at.timestamp()) % 2**32) for at in rows["window"]]
        values, variance = exchangeable_values([stream.units[i] for i in place], seeds=seeds), np.ones(len(rows))  # type: ignore[index]
    values, shared, offsets = without_raters(values, members_of(stream, place), noise=variance / units, scale=scale, first=first)
    return log_evidence(values, units=units, unit_variance=variance, first=first, tolerance=tolerance / math.sqrt(scale), shared=shared,
                        offsets=offsets)


def members_of(stream: Stream, place: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Who and what windows have in common: the stream's members in the windows that are looked at."""
    found = []
    for member, row, *numbers in stream.members:
        at = np.full(int(max(row.max(initial=0), place.max())) + 1, -1)
        at[place] = np.arange(len(place))
        here = at[row] >= 0
        found.append((member[here], at[row[here]], *(a[here] for a in numbers)))
    return found


def enough_units(rows: pd.DataFrame, exact: bool) -> tuple[np.ndarray, list[str]]:
    """Whether a window can be looked at, and why not. Where its value is taken as normal it must rest on enough units for the skewness
    seen up to then."""
    units = rows["units"].to_numpy(dtype=float)
    known = rows["value"].notna().to_numpy()
    weight = np.where(rows["skew"].notna(), units, 0)
    seen = np.cumsum(np.nan_to_num(rows["skew"].to_numpy(dtype=float)) * weight) / np.maximum(np.cumsum(weight), 1)
    varies = np.full(len(rows), bool((weight > 0).any())) if exact else np.cumsum(weight) > 0
    many = units >= (FEWEST_UNITS if exact else np.maximum(FEWEST_UNITS, SKEWED * seen**2))
    why = ["" if not k or (v and m) else f"too few items ({u:,.0f}): not looked at" if not m else
           f"nothing varies ({u:,.0f} items all alike): not looked at" for k, v, m, u in zip(known, varies, many, units)]
    return known & many & varies, why
