"""Two versions of a rubric beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.hotspots import level_order
from workbench.chart.marks import intervals, reference_lines, value_axis
from workbench.chart.rows import appended, checked, drawable, evidence, full_range, headed, key_labels, level_text
from workbench.chart.style import ACCENT, ALERT, CONTEXT, INK, QUIET, RAMP, layered, nothing_to_draw, row_axis, styled
from workbench.errors import ParameterError


def version_compare(estimates: pd.DataFrame, *, by: str = "criterion", versions: tuple[str, str] | None = None,
                    title: str = "Is the new rubric version the better instrument?") -> alt.TopLevelMixin:
    """Two rubric versions side by side for each criterion, joined, and beside them the paired difference.

    Args:
        estimates: an estimates table of one statistic with `rubric_version` and the column `by`. Rows whose `name`
            contains "difference" are the paired differences, new less old.
        by: the column that makes the rows.
        versions: (old, new); by default the two that occur, in the table's order.
        title: the question, or the finding.

    A row without a difference says so. Raises `ParameterError` unless there are two versions and one statistic.
    """
    needs = ["name", "rubric_version", by, "value", "low", "high"]
    estimates = checked(estimates, chart="version_compare", needs=needs, unique=needs[:3], limit=120)
    if estimates.empty:
        return nothing_to_draw("estimates", title=title)
    paired = estimates["name"].astype(str).str.contains("difference")
    frame, tooltip = drawable(estimates, by=[by, "rubric_version"])
    frame["label"] = key_labels(estimates, [by])
    found = tuple(dict.fromkeys(frame["by1"][~paired]))
    old_new = tuple(map(str, versions or found))
    names = estimates["name"][~paired].unique()
    if len(old_new) != 2 or not set(old_new) <= set(found) or len(names) != 1:
        raise ParameterError(f"chart.version_compare: draws two rubric versions and one statistic, found versions "
                             f"{', '.join(found[:3]) or 'none'} and {len(names)} statistics. Select rows, or name `versions`.")
    order = list(dict.fromkeys(frame["label"]))
    sides = frame[~paired & frame["by1"].isin(old_new)].assign(version=lambda part: "version " + part["by1"])
    shown = {"domain": [f"version {version}" for version in old_new]}
    look = {"y": alt.Y("label:N", sort=order, axis=row_axis(order, title=headed(by))),
            "yOffset": alt.YOffset("version:N", sort=shown["domain"]), "tooltip": tooltip,
            "color": alt.Color("version:N", scale=alt.Scale(**shown, range=[QUIET, ACCENT]), title=None),
            "shape": alt.Shape("version:N", scale=alt.Scale(**shown, range=["square", "circle"]), title=None)}
    x = value_axis(headed(names[0]), full_range(names), ticks=5)
    join = alt.Chart(sides).mark_line(color=CONTEXT, strokeWidth=1.5, strokeDash=[1, 2]).encode(
        x=x, detail=alt.Detail("label:N"), **{key: look[key] for key in ("y", "yOffset")})
    left = layered(join, *intervals(sides, x=x, width=270, **look)).properties(width=270, height=48 * len(order))
    right = _differences(frame[paired], order=order, tooltip=tooltip, name=headed(names[0]))
    chart = alt.hconcat(left, right, spacing=24).resolve_scale(color="independent", shape="independent")
    return styled(chart, title=title, subtitle=evidence(estimates))


def _differences(frame: pd.DataFrame, *, order: Sequence[str], tooltip: list[alt.Tooltip], name: str) -> alt.LayerChart:
    """The paired differences around 0; a row without one is said to have none."""
    absent = [label for label in order if label not in set(frame["label"])]
    said = pd.DataFrame({"label": absent, "reading": "no paired difference in the table"})
    frame = appended(frame, said)
    apart = (frame["low"] > 0) | (frame["high"] < 0)
    frame["apart"] = apart.map({True: "interval excludes 0", False: "cannot tell from 0"})
    shown = {"domain": ["interval excludes 0", "cannot tell from 0"]}
    reach = frame[["value", "low", "high"]].abs().max().max()
    x = value_axis("New less old, same items", (-1.05 * reach, 1.05 * reach) if reach > 0 else (-1.0, 1.0), ticks=5)
    marks = intervals(frame, x=x, y=alt.Y("label:N", sort=list(order), axis=None), tooltip=tooltip, width=150,
                      color=alt.Color("apart:N", scale=alt.Scale(**shown, range=[ALERT, QUIET]), title=None),
                      shape=alt.Shape("apart:N", scale=alt.Scale(**shown, range=["diamond", "circle"]), title=None))
    return layered(*reference_lines([(0.0, "no change")]), *marks).properties(width=150, height=48 * len(order))


def level_flow(flow: pd.DataFrame, *, versions: tuple[str, str] = ("old", "new"), levels: Sequence[str] = (),
               title: str = "Where did the ratings go under the new version?") -> alt.TopLevelMixin:
    """From level in the old version to level in the new: counts, and shares of the old level; unchanged ones framed.

    Args:
        flow: a table with `from_level`, `to_level`, `n` (ratings of the same rater and item), and optionally
            `share` (0-1) of the old level's ratings; without it the shares are the counts over their row's sum.
        versions: names of the old and the new version.
        levels: the scale's levels in order; by default those that occur, numbers by size, names as they come.
        title: the question, or the finding.
    """
    flow = checked(flow, chart="level_flow", needs=["from_level", "to_level", "n"], unique=["from_level", "to_level"])
    if flow.empty:
        return nothing_to_draw("flow", title=title)
    order = [level_text(level) for level in (levels or level_order(pd.concat([flow["from_level"], flow["to_level"]])))]
    frame = pd.DataFrame({"old": flow["from_level"].map(level_text), "new": flow["to_level"].map(level_text), "n": flow["n"]})
    sums = frame.groupby("old")["n"].transform("sum")
    frame["share"] = flow["share"] if "share" in flow else frame["n"] / sums.where(sums > 0)
    frame["same"] = frame["old"] == frame["new"]
    frame["count"] = [f"{n:,}" for n in frame["n"]]
    titles = [f"Level in version {version}" for version in versions]
    tooltip = [alt.Tooltip("old:N", title=titles[0]), alt.Tooltip("new:N", title=titles[1]),
               alt.Tooltip("n:Q", title="Ratings", format=","),
               alt.Tooltip("share:Q", title="Share of the old level", format=".1%")]
    plain = {"domain": False, "ticks": False}
    across = alt.Axis(title=titles[1], labelAngle=0, orient="top", labelLimit=80, **plain)
    base = alt.Chart(frame).encode(
        x=alt.X("new:O", scale=alt.Scale(domain=order), axis=across), tooltip=tooltip,
        y=alt.Y("old:O", scale=alt.Scale(domain=order), axis=alt.Axis(title=titles[0], labelLimit=160, **plain)))
    scale = alt.Scale(domain=[0, 1], range=list(RAMP), interpolate="lab")
    on = alt.ColorValue(**alt.condition("datum.share > 0.45", alt.value("white"), alt.value(INK)))
    legend = alt.Legend(format="%", title="Share of the old level's ratings", orient="right", direction="vertical")
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(color=alt.Color("share:Q", scale=scale, legend=legend))
    same = base.transform_filter("datum.same").mark_rect(filled=False, stroke=INK, strokeWidth=2, fillOpacity=0)
    chart = layered(cells, same, base.mark_text(dy=-6, fontWeight=600).encode(text=alt.Text("count:N"), color=on),
                      base.mark_text(dy=8, fontSize=10).encode(text=alt.Text("share:Q", format=".0%"), color=on))
    total, kept = int(frame["n"].sum()), int(frame["n"][frame["same"]].sum())
    said = f"n = {total:,} ratings by the same rater of the same item under both versions; {kept:,} kept their level (framed)\n" \
           f"Counts, and shares of the old level's ratings: observed, no estimate, so no interval"
    return styled(chart.properties(width=alt.Step(84), height=alt.Step(44)), title=title, subtitle=said)
