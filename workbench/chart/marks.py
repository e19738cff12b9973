"""The marks that charts share: an estimate with its interval, its reading beside it, named lines, the axis of weeks."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.style import CONTEXT, INK, WIDTH


def value_axis(title: str | None, domain: tuple[float, float] | None, *, ticks: int = 10) -> alt.X:
    """The axis of the estimates: the fixed range of a bounded statistic, or the data's own."""
    scale = alt.Scale(domain=list(domain), nice=False) if domain else alt.Scale(zero=False, nice=True)
    return alt.X("value:Q", scale=scale, axis=alt.Axis(title=title, tickCount=ticks, labelOverlap=True))


def intervals(frame: pd.DataFrame, *, x: alt.X, tooltip: Sequence[alt.Tooltip], width: int = WIDTH, readings: bool = True,
              **encodings: object) -> list[alt.Chart]:
    """Each estimate as a point on the rule of its interval, and in words at the right edge.

    An estimate that is not defined, or has no interval, has no mark to show that: its words say so and why.
    `encodings` place and colour the marks (y, yOffset, color, shape).
    """
    lined = {key: value for key, value in encodings.items() if key not in ("shape", "fill")}
    base = alt.Chart(frame)
    rule = base.mark_rule(strokeWidth=2, clip=True).encode(x=on_field(x, "low"), x2=alt.X2("high:Q"), tooltip=list(tooltip), **lined)
    point = base.mark_point(filled=True, size=80, opacity=1).encode(x=x, tooltip=list(tooltip), **encodings)
    if not readings:
        return [rule, point]
    placed = {key: value for key, value in encodings.items() if key in ("y", "yOffset")}
    said = base.mark_text(align="left", fontSize=10, color=INK, limit=300).encode(
        x=alt.XValue(width + 10), text=alt.Text("reading:N"), tooltip=list(tooltip), **placed)
    return [rule, point, said]


def on_field(x: alt.X, field: str) -> alt.X:
    """The same axis for another field."""
    other = x.copy()
    other.shorthand = f"{field}:Q"
    return other


def reference_lines(marks: Sequence[tuple[float, str]], *, channel: str = "x") -> list[alt.Chart]:
    """Dashed lines across the plot at the given values, each named on the chart."""
    if not marks:
        return []
    frame = pd.DataFrame({"at": [float(at) for at, _ in marks], "words": [words for _, words in marks]})
    place = {"x": alt.X("at:Q")} if channel == "x" else {"y": alt.Y("at:Q")}
    layers = [alt.Chart(frame).mark_rule(color=CONTEXT, strokeDash=[4, 3], strokeWidth=1.2).encode(**place)]
    for i in (i for i in range(len(frame)) if frame["words"][i]):
        if channel == "x":
            side = "center" if len(frame) == 1 else ("right", "left")[i % 2]
            look = {"align": side, "dx": {"right": 3, "left": -3}.get(side, 0), "dy": -6 - 12 * (i // 2), "baseline": "bottom"}
            words = alt.Chart(frame[i: i + 1]).mark_text(color=INK, fontSize=10, **look).encode(y=alt.YValue(0), **place)
        else:
            look = {"align": "right", "baseline": "bottom", "dy": -3}
            words = alt.Chart(frame[i: i + 1]).mark_text(color=INK, fontSize=10, **look).encode(x=alt.XValue("width"), **place)
        layers.append(words.encode(text=alt.Text("words:N")))
    return layers


def fence_lines(fences: Sequence[tuple[object, str]]) -> list[alt.Chart]:
    """Upright lines at dates, each named: what happened then."""
    if not fences:
        return []
    at = pd.to_datetime([at for at, _ in fences], utc=True)
    frame = pd.DataFrame({"at": at, "words": [words for _, words in fences]})
    base = alt.Chart(frame).encode(x=alt.X("at:T", scale=alt.Scale(type="utc")))
    words = base.mark_text(align="left", baseline="top", dx=4, fontSize=10, color=INK, fontWeight=600)
    return [base.mark_rule(color=INK, strokeDash=[2, 2], strokeWidth=1.4), words.encode(y=alt.YValue(2), text=alt.Text("words:N"))]


def week_axis(windows: pd.Series, *, labelled: bool = True, titled: bool = True) -> alt.X:
    """The time axis of charts by week: from the first to the last of `windows`, the same in every panel."""
    title = "Week (from Monday, UTC)" if titled else None
    axis = alt.Axis(title=title, format="%-d %b", grid=False, labelOverlap=True, tickCount=10)
    ends = [_milliseconds(windows.min(), -3), _milliseconds(windows.max(), 3)]
    return alt.X("window:T", scale=alt.Scale(type="utc", domain=ends, nice=False), axis=axis if labelled else None)


def _milliseconds(window: pd.Timestamp, days: int) -> int:
    """A time as Vega counts it, some days along so that the first and last mark are clear of the edge."""
    return int((window + pd.Timedelta(days=days)).timestamp() * 1000)
