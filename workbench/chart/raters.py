"""Raters one by one, and two by two."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, reference_lines, value_axis
from workbench.chart.rows import checked, drawable, evidence, full_range, headed, key_labels
from workbench.chart.style import ALERT, BELOW, INK, PALE, QUIET, RAMP, WIDTH, layered, nothing_to_draw, row_axis, styled
from workbench.errors import ParameterError

MAX_RATERS = 40


def rater_forest(raters: pd.DataFrame, *, measure: str | None = None,
                 title: str = "Which raters differ from the panel?") -> alt.TopLevelMixin:
    """Each rater's effect with its interval, sorted; those whose interval excludes 0 stand out in colour and shape.

    Args:
        raters: a table with `rater_id`, `value`, `low`, `high` of one statistic that is 0 for a rater like the panel
            (a severity, or what leaving the rater out changes). More columns of the estimates table enter the
            subtitle and tooltips.
        measure: the axis title, with its unit; by default the statistic's name.
        title: the question, or the finding.

    Raises `ParameterError` for several statistics, a missing column or more than 150 raters.
    """
    unique = ["name", "rater_id"] if "name" in raters else ["rater_id"]
    raters = checked(raters, chart="rater_forest", needs=["rater_id", "value", "low", "high"], unique=unique, limit=150,
                     cure="select raters, for example those whose interval excludes 0")
    if raters.empty:
        return nothing_to_draw("raters", title=title)
    names = raters["name"].unique() if "name" in raters else ["effect"]
    if len(names) > 1:
        raise ParameterError(f"chart.rater_forest: draws one statistic, found {len(names)}: {', '.join(map(str, names[:3]))}. "
                             f"Select one, as in raters[raters['name'] == {names[0]!r}].")
    frame, tooltip = drawable(raters, by=["rater_id"])
    frame = frame.sort_values("value", kind="stable", na_position="last")
    apart = (frame["low"] > 0) | (frame["high"] < 0)
    words_of = {True: "interval excludes 0", False: "like the panel, or cannot tell"}
    frame["apart"] = apart.map(words_of)
    scale = {"domain": list(words_of.values())}
    reach = 1.05 * float(np.nanmax(frame[["value", "low", "high"]].abs().to_numpy(), initial=1e-9))
    x = value_axis(measure or headed(names[0]), (-reach, reach))
    chart = layered(*reference_lines([(0.0, "no difference")]), *intervals(
        frame, x=x, y=alt.Y("label:N", sort=None, axis=row_axis(frame["label"], title="Rater")), tooltip=tooltip,
        color=alt.Color("apart:N", scale=alt.Scale(**scale, range=[ALERT, QUIET]), title=None),
        shape=alt.Shape("apart:N", scale=alt.Scale(**scale, range=["diamond", "circle"]), title=None)))
    said = f"{len(frame):,} raters, {int(apart.sum())} with an interval that excludes 0 · {evidence(raters)}"
    return styled(chart.properties(width=WIDTH, height=alt.Step(15)), title=title, subtitle=said)


def pair_heatmap(pairs: pd.DataFrame, *, title: str = "Which raters agree with which?") -> alt.TopLevelMixin:
    """Agreement of every two raters, raters sorted by their mean agreement, the same on both sides of the diagonal.

    Args:
        pairs: a table with `rater_a`, `rater_b`, `value`, `low`, `high`, `n_items`, one row a pair and one statistic.
            The interval and n are in the tooltip; up to 15 raters the value stands in the cell.
        title: the question, or the finding.

    Pairs without shared items stay blank, a pair that is not defined is a cross. Raises `ParameterError` for more
    than 40 raters.
    """
    needs = ["rater_a", "rater_b", "value", "low", "high", "n_items"]
    pairs = checked(pairs, chart="pair_heatmap", needs=needs, unique=needs[:2], limit=10_000)
    if pairs.empty:
        return nothing_to_draw("pairs", title=title)
    ends = pd.concat([pairs["rater_a"], pairs["rater_b"]], ignore_index=True)
    ends = key_labels(ends.to_frame("rater"), ["rater"])
    means = pd.Series(np.tile(pairs["value"], 2)).groupby(ends).mean().sort_values(ascending=False, kind="stable")
    order = list(means.index)
    if len(order) > MAX_RATERS:
        raise ParameterError(f"chart.pair_heatmap: draws up to {MAX_RATERS} raters, found {len(order)}. "
                             "Select the pairs of some, such as those with most ratings or the lowest agreement.")
    frame, tooltip = drawable(pairs, by=["rater_a", "rater_b"])
    frame["by0"], frame["by1"] = ends[: len(pairs)], ends[len(pairs):].to_numpy()
    frame["short"] = [f"{value:.2f}".replace("-", "−") if pd.notna(value) else "×" for value in frame["value"]]
    name = headed(pairs["name"].iloc[0]) if "name" in pairs else "Agreement"
    domain = full_range([pairs["name"].iloc[0] if "name" in pairs else "agreement"]) or (-1.0, 1.0)
    below = {"domain": [-1, 0, 1], "range": [BELOW, *RAMP]} if domain[0] < 0 else {"domain": [0, 1], "range": list(RAMP)}
    scale = alt.Scale(interpolate="lab", **below)
    size = max(14, min(34, WIDTH // len(order)))
    itself = alt.Chart(pd.DataFrame({"by0": order, "by1": order}))
    on = alt.ColorValue(**alt.condition("datum.value > 0.45", alt.value("white"), alt.value(INK)))
    layers = [itself.mark_rect(color=PALE, stroke="white").encode(x=_rater(alt.X, "by0", order), y=_rater(alt.Y, "by1", order))]
    for across, down in (("by0", "by1"), ("by1", "by0")):
        base = alt.Chart(frame).encode(x=_rater(alt.X, across, order), y=_rater(alt.Y, down, order), tooltip=tooltip)
        layers.append(base.mark_rect(stroke="white").encode(color=alt.Color("value:Q", scale=scale, title=name)))
        if len(order) <= 15:
            layers.append(base.mark_text(fontSize=9).encode(text=alt.Text("short:N"), color=on))
        else:
            layers.append(base.transform_filter("!isValid(datum.value)").mark_text(text="×", fontSize=9))
    chart = layered(*layers).properties(width=alt.Step(size), height=alt.Step(size))
    possible = len(order) * (len(order) - 1) // 2
    said = f"{len(order)} raters, {len(pairs):,} of {possible:,} pairs share items (others blank) · {evidence(pairs)}\n" \
           f"Raters sorted by mean agreement; the interval and n of a pair are in its tooltip"
    return styled(chart, title=title, subtitle=said)


def _rater(channel: type, field: str, order: list[str]) -> object:
    """The axis of raters, in the same order across and down."""
    axis = alt.Axis(title="Rater", labelLimit=140, labelAngle=-90 if channel is alt.X else 0, domain=False, ticks=False)
    return channel(f"{field}:N", scale=alt.Scale(domain=order), axis=axis)
