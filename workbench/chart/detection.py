"""What the panel can detect: the smallest effect by number of items, and beside difficulty; and which steps are real."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.marks import reference_lines
from workbench.chart.rows import by_list, checked, decimals_for, drawable, evidence, key_labels, number
from workbench.chart.style import (ACCENT, ALERT, CONTEXT, INK, PAPER, WIDTH, layered, nothing_to_draw, panel_title, row_axis,
                                   styled, wrapped)
from workbench.errors import ParameterError


def detectable_curve(table: pd.DataFrame, *, by: str | Sequence[str] = "task_type", measure: str = "Smallest detectable effect",
                     title: str = "How small an improvement can we detect?") -> alt.TopLevelMixin:
    """The smallest detectable effect by number of items, a panel a group; today's number of items is marked.

    Args:
        table: an estimates table whose `value` is the smallest detectable effect with `n_items` items: `value`, `low`,
            `high`, `n_items`, the `by` columns, optionally `current` (true on the row of today's panel) and `power`.
        by: the columns that name a panel; up to 12.
        measure: the axis title, with its unit.
        title: the question, or the finding.

    All panels share their axes. Raises `ParameterError` for a missing column, or too many rows or panels.
    """
    by = by_list(by)
    table = checked(table, chart="detectable_curve", needs=[*by, "value", "low", "high", "n_items"],
                    unique=[*by, "n_items", *(["current"] if "current" in table else [])])
    if table.empty:
        return nothing_to_draw("detectable effects", title=title)
    frame, tooltip = drawable(table, by=by, keep=["n_items"])
    frame["today"] = table["current"].fillna(False).astype(bool) if "current" in table else False
    places = decimals_for(frame[["value"]])
    frame["words"] = [f"today: {number(value, places)} at {n:,}" for value, n in zip(frame["value"], frame["n_items"])]
    frame["at"] = frame["n_items"].clip(lower=1)
    groups = list(frame.sort_values("n_items", kind="stable").groupby("label", sort=False))
    groups.sort(key=lambda group: list(frame["label"]).index(group[0]))
    if len(groups) > 12:
        raise ParameterError(f"chart.detectable_curve: draws up to 12 panels, found {len(groups)}. "
                             "Use fewer `by`, or select groups.")
    alone = len(groups) == 1
    size = {"width": WIDTH + 60, "height": 240} if alone else {"width": 215, "height": 160}
    reach = (int(frame["at"].min()), max(2, int(frame["at"].max())))
    top = 1.05 * float(frame[["value", "high"]].max().max())
    panels = [_curve_panel(part, tooltip=tooltip, reach=reach, top=top, measure=measure if i % 3 == 0 else None)
              .properties(**size, **({} if alone else {"title": panel_title(label)})) for i, (label, part) in enumerate(groups)]
    chart = panels[0] if alone else alt.concat(*panels, columns=3, spacing=18)
    power = sorted(set(table["power"].dropna())) if "power" in table else []
    said = f"Detected with probability {', '.join(f'{p:.2g}' for p in power)} · " if power else ""
    return styled(chart, title=title, subtitle=said + evidence(table))


def _curve_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], reach: tuple[int, int], top: float,
                 measure: str | None) -> alt.LayerChart:
    """One group's curve in its band, with today's number of items."""
    scale = alt.Scale(domain=[0, top] if top > 0 else [0, 1], nice=False)
    marked = [step * 10**power for power in range(8) for step in (1, 2, 5) if reach[0] <= step * 10**power <= reach[1]]
    ticks = alt.Axis(title="Items (log scale)", grid=False, format=",", values=marked, labelOverlap=True)
    x = alt.X("at:Q", scale=alt.Scale(type="log", domain=list(reach), nice=False), axis=ticks)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=wrapped(measure) if measure else None, tickCount=5))
    low = alt.Y("low:Q", scale=scale)
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    today = base.transform_filter("datum.today")
    undefined = frame[frame["value"].isna()].head(1)
    layers = [base.mark_area(color=CONTEXT, opacity=0.3, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
              base.mark_line(color=INK, strokeWidth=1.5, clip=True).encode(y=y),
              base.mark_point(color=INK, filled=True, size=18, opacity=1).encode(y=y),
              today.mark_rule(color=ACCENT, strokeDash=[3, 3]),
              today.mark_rule(color=ACCENT, strokeWidth=2.5, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
              today.mark_point(color=ACCENT, filled=True, shape="diamond", size=110, opacity=1).encode(y=y),
              today.mark_text(color=ACCENT, fontWeight=600, fontSize=10, align="right", baseline="top", dy=2).encode(
                  x=alt.XValue("width"), y=alt.YValue(0), text=alt.Text("words:N"))]
    if len(undefined):
        layers.append(alt.Chart(undefined).mark_text(align="left", fontSize=10, limit=210).encode(
            x=alt.XValue(4), y=alt.YValue(14), text=alt.Text("reading:N"), tooltip=tooltip))
    return layered(*layers)


def verifiability_map(table: pd.DataFrame, *, by: Sequence[str] = ("task_type", "criterion"), target: float | None = None,
                      measure: str = "Smallest detectable effect", difficulty: str = "Mean score (lower is harder)",
                      title: str = "Which targets can support improvement, and which only look impressive?") -> alt.TopLevelMixin:
    """Detectable effect against difficulty: a point a task type and criterion, with its interval and name.

    Args:
        table: a table with the two `by` columns, `mean` (the difficulty), `value`, `low`, `high` (the smallest
            detectable effect).
        by: the column that names a point, and the one that makes the panels.
        target: the effect worth detecting, drawn as a named line: points below it are verifiable.
        measure: the upright axis title, with its unit.
        difficulty: the level axis title, with its unit.
        title: the question, or the finding.

    What is not defined is listed under its panel's heading. Raises `ParameterError` for a missing column or too many rows.
    """
    by = by_list(by)
    table = checked(table, chart="verifiability_map", needs=[*by, "mean", "value", "low", "high"], unique=by, limit=120)
    if table.empty:
        return nothing_to_draw("targets", title=title)
    frame, tooltip = drawable(table, by=by, keep=["mean"])
    tooltip.append(alt.Tooltip("mean:Q", title=difficulty, format=".3~g"))
    frame["point"] = key_labels(table, by[:1])
    known = frame["high"].where(frame["high"].notna(), frame["value"])
    top = 1.2 * max(float(known.max()) if known.notna().any() else 1.0, target or 0.0)
    ends = (float(frame["mean"].min()), float(frame["mean"].max())) if frame["mean"].notna().any() else (0.0, 1.0)
    spread = 0.06 * (ends[1] - ends[0]) or 0.5
    reach = (ends[0] - spread, ends[1] + 5 * spread)
    panels = [_map_panel(part, tooltip=tooltip, reach=reach, top=top, target=target, measure=measure, difficulty=difficulty,
                         name=name) for name, part in frame.groupby(key_labels(table, by[1:]), sort=False)]
    chart = panels[0] if len(panels) == 1 else alt.concat(*panels, columns=2, spacing=24)
    said = "Left is harder; lower is more verifiable"
    if target is not None:
        within = frame["value"] <= target
        said += f" · {int(within.sum())} of {len(frame)} targets can show an effect of {number(target)} (filled)"
    return styled(chart, title=title, subtitle=f"{said}\n{len(frame)} targets · {evidence(table)}")


def _map_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], reach: tuple[float, float], top: float, target: float | None,
               measure: str, difficulty: str, name: str) -> alt.LayerChart:
    """One criterion's targets."""
    scale = alt.Scale(domain=[0, top], nice=False)
    frame = frame.assign(standing="verifiable" if target is None else (frame["value"] <= target).map(
        {True: "verifiable", False: "not verifiable"}))
    frame["beside"] = _apart(frame["mean"], frame["value"], width=0.25 * (reach[1] - reach[0]), height=0.055 * top)
    shown = {"domain": ["verifiable", "not verifiable"]}
    colour = alt.Color("standing:N", scale=alt.Scale(**shown, range=[ACCENT, ALERT]), legend=None)
    shape = alt.Shape("standing:N", scale=alt.Scale(**shown, range=["circle", "diamond"]), legend=None)
    x = alt.X("mean:Q", scale=alt.Scale(domain=list(reach), nice=False), axis=alt.Axis(title=difficulty, tickCount=5, grid=False))
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=wrapped(measure), tickCount=5))
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    lines = reference_lines([(target, f"worth detecting {number(target)}")], channel="y") if target is not None else []
    layers = [*lines,
              base.mark_rule(opacity=0.6, strokeWidth=1.5).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=colour),
              base.mark_point(size=70, opacity=1, strokeWidth=1.8).encode(
                  y=y, color=colour, shape=shape,
                  fill=alt.Fill("standing:N", scale=alt.Scale(**shown, range=[ACCENT, PAPER]), legend=None)),
              base.mark_text(align="left", dx=8, fontSize=10, limit=110).encode(y=alt.Y("beside:Q", scale=scale), text=alt.Text("point:N"))]
    undefined = frame[frame["value"].isna()]
    if len(undefined):
        said = pd.DataFrame({"words": [f"{point}: {words}" for point, words in zip(undefined["point"], undefined["reading"])]})
        said["y"] = [4 + 13 * i for i in range(len(said))]
        layers.append(alt.Chart(said).mark_text(align="left", baseline="top", fontSize=10, limit=310).encode(
            x=alt.XValue(4), y=alt.Y("y:Q", scale=None, axis=None), text=alt.Text("words:N")))
    return layered(*layers).properties(width=310, height=210, title=panel_title(name))


def _apart(across: pd.Series, up: pd.Series, *, width: float, height: float) -> pd.Series:
    """Heights for labels beside points, from the lowest up, each moved up until it hides no label already placed."""
    placed: dict[object, float] = {}
    for i in up.dropna().sort_values(kind="stable").index:
        near = sorted(placed[j] for j in placed if abs(across[j] - across[i]) < width)
        place = up[i]
        for other in near:
            place = other + height if abs(place - other) < height else place
        placed[i] = place
    return pd.Series(placed, dtype="float64").reindex(up.index)


def step_forest(table: pd.DataFrame, *, by: str | Sequence[str] = ("instrument", "group"), measure: str = "Step (points)",
                title: str = "Which steps are real?") -> alt.TopLevelMixin:
    """Each version's step over the one before it, with its interval, a panel a group; real steps in colour, 0 and what could be
    detected marked.

    Args:
        table: from `signal.progress`: `before`, `system`, `value`, `low`, `high`, `verdict`, `detectable`, the `by` columns.
        by: the columns that name a panel; up to 12.
        measure: the axis title, with its unit.
        title: the question, or the finding.

    All panels share their axes. Raises `ParameterError` for a missing column, or too many rows or panels.
    """
    by = by_list(by)
    table = checked(table, chart="step_forest", needs=[*by, "before", "system", "value", "low", "high", "verdict", "detectable"],
                    unique=[*by, "before", "system"])
    if table["value"].isna().all():
        return nothing_to_draw("steps", title=title)
    frame, tooltip = drawable(table, by=by, keep=["before", "system", "verdict", "detectable"])
    frame["step"] = table["before"].astype(str) + " \u2192 " + table["system"].astype(str)
    frame["least"] = -frame["detectable"]
    groups = list(frame.groupby("label", sort=False))
    if len(groups) > 12:
        raise ParameterError(f"chart.step_forest: draws up to 12 panels, found {len(groups)}. Use fewer `by`, or select groups.")
    reach = 1.05 * float(frame[["low", "high", "least", "detectable"]].abs().max().max())
    alone = len(groups) == 1
    panels = [_step_panel(part, tooltip=tooltip, reach=reach, measure=measure).properties(
        width=WIDTH if alone else 260, **({} if alone else {"title": panel_title(label)})) for label, part in groups]
    chart = panels[0] if alone else alt.concat(*panels, columns=2, spacing=18)
    real = int((frame["verdict"] != "cannot tell").sum())
    said = f"{real} of {len(frame)} steps are real (in colour) \u00b7 grey band: steps too small to be detected \u00b7 "
    return styled(chart, title=title, subtitle=said + evidence(table))


def _step_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], reach: float, measure: str) -> alt.LayerChart:
    """One group's steps."""
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    x = alt.X("value:Q", scale=scale, axis=alt.Axis(title=measure, tickCount=5))
    y = alt.Y("step:N", sort=None, axis=row_axis(frame["step"]))
    colour = alt.Color("verdict:N", legend=None, scale=alt.Scale(domain=["up", "down", "cannot tell"], range=[ACCENT, ALERT, INK]))
    base = alt.Chart(frame).encode(y=y, tooltip=tooltip)
    return layered(base.mark_bar(color=CONTEXT, opacity=0.35).encode(x=alt.X("least:Q", scale=scale), x2=alt.X2("detectable:Q")),
                     *reference_lines([(0.0, "no step")]),
                     base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), color=colour),
                     base.mark_point(filled=True, size=70, opacity=1).encode(x=x, color=colour))
