"""What more ratings would buy."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.rows import by_list, checked, drawable, evidence, number
from workbench.chart.style import ACCENT, CONTEXT, INK, WIDTH, layered, nothing_to_draw, panel_title, styled
from workbench.errors import ParameterError

MAX_PANELS = 12


def decision_curve(table: pd.DataFrame, *, by: str | Sequence[str] = "criterion",
                   title: str = "What would a further rater buy?") -> alt.TopLevelMixin:
    """Reliability of an item's mean rating by raters an item, a panel a group; the first, today's, is marked.

    Args:
        table: the rows `reliability_of_mean` of `agreement.decision_study`: `planned_raters`, `value`, `low`, `high`, the `by`
            columns. The fewest raters of a group are taken for today's.
        by: the columns that name a panel; up to 12.
        title: the question, or the finding.

    All panels share their axes. Raises `ParameterError` for a missing column, or too many rows or panels.
    """
    by = by_list(by)
    table = checked(table, chart="decision_curve", needs=[*by, "planned_raters", "value", "low", "high"], unique=[*by, "planned_raters"])
    if table.empty:
        return nothing_to_draw("plans", title=title)
    frame, tooltip = drawable(table, by=by, keep=["planned_raters"])
    frame["words"] = [f"today: {number(value, 2)} with {k:.3g}" for value, k in zip(frame["value"], frame["planned_raters"])]
    groups = list(frame.groupby("label", sort=False))
    if len(groups) > MAX_PANELS:
        raise ParameterError(f"chart.decision_curve: draws up to {MAX_PANELS} panels, found {len(groups)}. "
                             "Use fewer `by`, or select groups.")
    alone = len(groups) == 1
    size = {"width": WIDTH + 60, "height": 220} if alone else {"width": 215, "height": 150}
    reach = (float(frame["planned_raters"].min()), float(frame["planned_raters"].max()))
    panels = [_panel(part, tooltip=tooltip, reach=reach, titled=i % 3 == 0).properties(
        **size, **({} if alone else {"title": panel_title(label)})) for i, (label, part) in enumerate(groups)]
    chart = panels[0] if alone else alt.concat(*panels, columns=3, spacing=18)
    return styled(chart, title=title, subtitle=f"Share of the means' variance that is the items' (Phi) · {evidence(table)}")


def _panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], reach: tuple[float, float],
           titled: bool) -> alt.LayerChart:
    """One group's curve in its band, with today's raters."""
    scale = alt.Scale(domain=[0, 1], nice=False)
    spread = 0.04 * (reach[1] - reach[0]) or 0.5
    across = alt.Scale(domain=[reach[0] - spread, reach[1] + spread], nice=False)
    x = alt.X("planned_raters:Q", scale=across, axis=alt.Axis(title="Raters an item", grid=False, tickMinStep=1, tickCount=6))
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title="Reliability of the mean" if titled else None, tickCount=5))
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    today = alt.Chart(frame.nsmallest(1, "planned_raters")).encode(x=x, tooltip=tooltip)
    layers = [base.mark_area(color=CONTEXT, opacity=0.35, clip=True).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")),
              base.mark_line(color=INK, strokeWidth=1.5).encode(y=y),
              base.mark_point(color=INK, filled=True, size=22, opacity=1).encode(y=y),
              today.mark_point(color=ACCENT, filled=True, shape="diamond", size=110, opacity=1).encode(y=y),
              today.mark_text(color=ACCENT, fontWeight=600, fontSize=11, align="left", baseline="top", dx=4, dy=12).encode(
                  y=y, text=alt.Text("words:N"))]
    undefined = frame[frame["value"].isna()].head(1)
    if len(undefined):
        layers.append(alt.Chart(undefined).mark_text(align="left", fontSize=10, limit=210).encode(
            x=alt.XValue(4), y=alt.YValue(14), text=alt.Text("reading:N"), tooltip=tooltip))
    return layered(*layers)
