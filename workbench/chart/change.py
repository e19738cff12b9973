"""What changed: streams by week with their alarms, and a change split into its parts."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, on_field, reference_lines, value_axis, week_axis
from workbench.chart.rows import (appended, by_list, checked, decimals_for, drawable, evidence, full_range, headed, number,
                                  week_text, words)
from workbench.chart.style import (ACCENT_PALE, ALERT, CONTEXT, INK, PALE, PAPER, QUIET, WIDTH, layered, nothing_to_draw,
                                   panel_title, row_axis, styled)
from workbench.errors import ParameterError

MAX_STREAMS = 8
_E_RANGE = (1e-2, 1e6)   # evidence beyond this reads the same: drawn at the edge, exact in the tooltip


def monitor_chart(windows: pd.DataFrame, *, by: str | Sequence[str] = (), error_rate: float = 0.05,
                  baseline: tuple[object, object] | None = None, measure: str | None = None,
                  title: str = "Has anything changed since the baseline?") -> alt.TopLevelMixin:
    """A stream by week with its intervals, alarms named, and below it the evidence against "nothing changed".

    Args:
        windows: the table of `drift.monitor`: `metric`, `window`, `value`, `low`, `high`, `e_value`, `alarm` and the
            stream's columns; one pair of panels a stream. Where it has `alarm_at`, the alarm line is drawn there; where
            it has `phase`, the windows of "baseline" are shaded.
        by: the columns that tell streams apart, beside `metric`.
        error_rate: the monitor's; without `alarm_at` the alarm line is drawn at 1 / error_rate.
        baseline: (start, end) of the baseline, end exclusive, shaded; None takes it from `phase`.
        measure: the axis title, with its unit; by default the metric's name.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column, more than 8 streams or more than 500 rows.
    """
    by = by_list(by)
    needs = ["metric", "window", *by, "value", "low", "high", "e_value", "alarm"]
    windows = checked(windows, chart="monitor_chart", needs=needs, unique=needs[: 2 + len(by)],
                      cure="select streams, those in alarm first")
    if windows.empty:
        return nothing_to_draw("windows", title=title)
    frame, tooltip = _weeks(windows, by=by)
    frame["metric"] = windows["metric"].map(words)
    frame["alarm_at"] = windows["alarm_at"].astype("float64") if "alarm_at" in windows else 1 / error_rate
    frame["phase"] = windows["phase"] if "phase" in windows else ""
    groups = list(frame.groupby(["metric", "label"], sort=False))
    if len(groups) > MAX_STREAMS:
        raise ParameterError(f"chart.monitor_chart: draws up to {MAX_STREAMS} streams, found {len(groups)}. "
                             "Select streams, those in alarm first.")
    panels, heights = [], (140, 70) if len(groups) < 3 else (90, 45)
    for (metric, label), part in groups:
        domain = full_range([metric]) or _reach(frame[frame["metric"] == metric])
        upper = _value_panel(part, tooltip=tooltip, x=week_axis(frame["window"], labelled=False), domain=domain,
                             baseline=baseline or _baseline(part), axis=measure or headed(metric), height=heights[0])
        panels.append(upper.properties(title=panel_title(f"{headed(metric)}, {label}" if by else headed(metric))))
        x = week_axis(frame["window"], titled=len(panels) == 2 * len(groups) - 1)
        panels.append(_evidence_panel(part, tooltip=tooltip, x=x, alarm_at=part["alarm_at"].max(), height=heights[1]))
    alarmed = sum(bool(part["alarm"].any()) for _, part in groups)
    streams = "1 stream" if len(groups) == 1 else f"{len(groups)} streams"
    said = f"{streams}, {alarmed} with an alarm, {frame['week'].nunique()} weeks · " \
           f"{evidence(windows)} · alarm line at {number(frame['alarm_at'].max())} (error rate {error_rate:.2g})"
    return styled(alt.vconcat(*panels, spacing=12), title=title, subtitle=said)


def _weeks(windows: pd.DataFrame, *, by: Sequence[str]) -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """The drawable rows by week, with the state of the alarm as a word and the evidence within the drawn range."""
    frame, tooltip = drawable(windows, by=by)
    frame["window"] = pd.to_datetime(windows["window"], utc=True)
    frame["week"] = frame["window"].map(week_text)
    frame["alarm"] = windows["alarm"].fillna(False).astype(bool)
    frame["state"] = np.where(frame["alarm"], "in alarm", "no alarm")
    evidence_value = windows["e_value"].astype("float64")
    frame["e"] = evidence_value.clip(*_E_RANGE)
    frame["e_text"] = [number(e) if np.isfinite(e) else "not looked at" if np.isnan(e) else "beyond measure"
                       for e in evidence_value]
    stream = [windows["metric"].astype(str), frame["label"]]
    frame = frame.sort_values("window", kind="stable")
    begins = frame["alarm"] & ~frame["alarm"].groupby(stream).shift(1, fill_value=False).astype(bool)
    frame["word"] = np.where(begins, "alarm", "")
    return frame, [alt.Tooltip("week:N", title="Week"), *tooltip, alt.Tooltip("e_text:N", title="Evidence (e-value)"),
                   alt.Tooltip("state:N", title="Alarm")]


def _reach(frame: pd.DataFrame) -> tuple[float, float]:
    """From the lowest to the highest interval end, with some room: one axis for all streams of a metric."""
    ends = frame[["value", "low", "high"]]
    low, high = float(ends.min().min()), float(ends.max().max())
    room = 0.08 * (high - low) or 0.5
    return (low - room, high + room) if np.isfinite(room) else (0.0, 1.0)


def _value_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], x: alt.X, domain: tuple[float, float],
                 baseline: tuple[object, object] | None, axis: str, height: int) -> alt.LayerChart:
    """The stream's values with their intervals; weeks in alarm differ in colour, shape and by the word."""
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=axis, tickCount=5, minExtent=34))
    low, high = alt.Y("low:Q", scale=scale), alt.Y("high:Q", scale=scale)
    states = {"domain": ["no alarm", "in alarm"]}
    colour = alt.Color("state:N", scale=alt.Scale(**states, range=[QUIET, ALERT]), title=None)
    shape = alt.Shape("state:N", scale=alt.Scale(**states, range=["circle", "triangle-up"]), title=None)
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    begins, undefined = base.transform_filter("datum.word"), base.transform_filter("!isValid(datum.value)")
    layers = _baseline_layers(baseline)
    layers += [base.mark_line(color=CONTEXT, strokeWidth=1).encode(y=y),
               base.mark_rule(strokeWidth=2, clip=True).encode(y=low, y2=alt.Y2("high:Q"), color=colour),
               base.mark_point(filled=True, size=58, opacity=1).encode(y=y, color=colour, shape=shape),
               begins.mark_text(dy=-4, baseline="bottom", color=ALERT, fontWeight=700).encode(y=high, text=alt.Text("word:N")),
               undefined.mark_text(text="× not defined", angle=270, align="left", fontSize=9).encode(y=alt.YValue(height - 2))]
    return layered(*layers).properties(width=WIDTH + 100, height=height)


def _baseline(frame: pd.DataFrame) -> tuple[object, object] | None:
    """From the first window of a stream's baseline to the one after its last, where the table tells them."""
    weeks = frame.loc[frame["phase"] == "baseline", "window"]
    later = frame.loc[frame["window"] > weeks.max(), "window"]
    return None if weeks.empty else (weeks.min(), later.min() if len(later) else weeks.max())


def _baseline_layers(baseline: tuple[object, object] | None) -> list[alt.Chart]:
    """The baseline's weeks as a named pale area."""
    if baseline is None:
        return []
    start, end = (pd.to_datetime(date, utc=True) for date in baseline)
    base = alt.Chart(pd.DataFrame({"start": [start], "end": [end], "words": ["baseline"]})).encode(
        x=alt.X("start:T", scale=alt.Scale(type="utc"), axis=None))
    words_mark = base.mark_text(align="left", baseline="top", dx=4, fontSize=10).encode(y=alt.YValue(2), text=alt.Text("words:N"))
    return [base.mark_rect(color=PALE).encode(x2=alt.X2("end:T")), words_mark]


def _evidence_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], x: alt.X, alarm_at: float, height: int) -> alt.LayerChart:
    """The e-value by week on a log scale, with the line at which it becomes an alarm."""
    top = float(max(10 * alarm_at, 2 * frame["e"].max(skipna=True) if frame["e"].notna().any() else 0))
    low = float(min(0.1, frame["e"].min(skipna=True) if frame["e"].notna().any() else 0.1))
    scale = alt.Scale(type="log", domain=[low, top], nice=False, clamp=True)
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    y = alt.Y("e:Q", scale=scale, axis=alt.Axis(title="Evidence", tickCount=3, format="~g", minExtent=34))
    lower = base.transform_filter(f"datum.alarm_at < {alarm_at}").encode(y=alt.Y("alarm_at:Q", scale=scale))   # e-BH with others in alarm
    line = alt.Chart(pd.DataFrame({"at": [alarm_at], "words": [f"alarm line {number(alarm_at)}"]})).encode(
        y=alt.Y("at:Q", scale=scale))
    return layered(base.mark_line(color=INK, strokeWidth=1.5, point={"color": INK, "size": 18}).encode(y=y),
                     line.mark_rule(color=ALERT, strokeDash=[5, 3]), lower.mark_tick(color=ALERT, thickness=2),
                     line.mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=ALERT, fontSize=10).encode(
                         x=alt.XValue(0), text=alt.Text("words:N"))).properties(width=WIDTH + 100, height=height)


def decomposition_bars(parts: pd.DataFrame, *, unit: str = "points", title: str = "What made the change?") -> alt.TopLevelMixin:
    """A change as a waterfall of its parts, each with its interval, ending in their sum.

    Args:
        parts: a table with `part`, `value`, `low`, `high`; the parts sum to the change. The part `not comparable` is
            drawn in outline: nothing like it existed in both windows.
        unit: the unit of the change, for the axis.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 12 parts.
    """
    parts = checked(parts, chart="decomposition_bars", needs=["part", "value", "low", "high"], unique=["part"], limit=12,
                    cure="merge small parts")
    if parts.empty:
        return nothing_to_draw("parts", title=title)
    frame, tooltip = _waterfall(parts)
    order = list(frame["label"])
    kinds = {"domain": ["a part", "not comparable", "change"]}
    scale = {"range": [ACCENT_PALE, PAPER, QUIET], **kinds}
    x = value_axis(f"Change from the earlier window to the later ({unit})", None)
    y = alt.Y("label:N", sort=order, axis=row_axis(order))
    bars = alt.Chart(frame).mark_bar(height={"band": 0.6}, strokeWidth=1.5).encode(
        x=on_field(x, "start"), x2=alt.X2("end:Q"), y=y, tooltip=tooltip,
        color=alt.Color("kind:N", scale=alt.Scale(**scale), legend=None),
        stroke=alt.Stroke("kind:N", scale=alt.Scale(**{**scale, "range": [ACCENT_PALE, INK, QUIET]}), legend=None),
        strokeDash=alt.StrokeDash("kind:N", scale=alt.Scale(**{**scale, "range": [[1, 0], [4, 3], [1, 0]]}), legend=None))
    ends = frame.assign(value=frame["end"].where(frame["kind"] != "change"))
    marks = intervals(ends, x=x, y=y, tooltip=tooltip, color=alt.ColorValue(INK))
    joins = alt.Chart(frame.assign(below=frame["label"].shift(-1)).iloc[:-1]).mark_rule(color=CONTEXT).encode(
        x=on_field(x, "end"), y=y, y2=alt.Y2("below:N"))
    chart = layered(*reference_lines([(0.0, "no change")]), joins, bars, *marks).properties(width=WIDTH, height=alt.Step(28))
    said = f"{len(parts)} parts that sum to the change · {evidence(parts)}, drawn at the end of each bar; they do not add up\n" \
           f"Dashed outline: not comparable, for one window has nothing like it"
    return styled(chart, title=title, subtitle=said)


def _waterfall(parts: pd.DataFrame) -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """Each part from where the one before it ended, its interval moved along, and the sum as the last bar."""
    frame, tooltip = drawable(parts, by=["part"])
    frame["label"] = [words(part) for part in parts["part"]]
    frame["kind"] = np.where(frame["label"].str.startswith("not comparable"), "not comparable", "a part")
    steps, decimals = frame["value"].fillna(0.0), decimals_for(frame[["value", "low", "high"]])
    frame["start"] = steps.cumsum() - steps
    frame["end"] = frame["start"] + frame["value"]
    frame["low"] += frame["start"]
    frame["high"] += frame["start"]
    known = number(float(steps.sum()), decimals)
    known += "" if frame["value"].notna().all() else " without the parts not defined"
    known = known if frame["value"].notna().any() else "not defined"
    total = {"label": "change (the sum)", "by0": "change", "kind": "change", "start": 0.0, "end": float(steps.sum())}
    return appended(frame, pd.DataFrame([total | {"reading": known}])), tooltip
