"""Where raters differ: slices, items, and groups of items."""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, on_field, reference_lines, value_axis
from workbench.chart.rows import (by_list, checked, count_text, drawable, evidence, headed, interval_words, key_labels,
                                  level_text, number, told_apart, words)
from workbench.chart.style import (ACCENT, ACCENT_PALE, ALERT, ALERT_PALE, CONTEXT, INK, PAPER, QUIET, WIDTH, layered,
                                   nothing_to_draw, panel_title, row_axis, styled)
from workbench.errors import ParameterError, shorten

_STATUS = {"found": "found (came back in later ratings)", "watch": "watch (first seen)", "": "not above the others"}


def disagreement_bars(slices: pd.DataFrame, *, by: str | Sequence[str] = "slice", overall: float | None = None,
                      measure: str = "Disagreement", title: str = "Where do raters disagree most?") -> alt.TopLevelMixin:
    """Disagreement of slices as bars with intervals, against the overall level; found and watched slices stand out.

    Args:
        slices: a table with the `by` columns, `value`, `low`, `high` and, where known, `status` ("found", "watch" or
            empty), `q`, `n_items`, and `elsewhere` (what each slice is compared with, drawn as a tick). A `slice` column
            may hold a JSON object of column to level.
        by: the columns that name a slice; where a `rubric` column holds several, it tells slices apart too.
        overall: disagreement of all ratings together, drawn as a named line.
        measure: the axis title, with its unit.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 60 slices.
    """
    by, said = by_list(by), by_list(by) == ["slice"]
    by += [c for c in ("rubric",) if c in slices and c not in by and slices[c].nunique() > 1]
    slices = checked(slices, chart="disagreement_bars", needs=[*by, "value", "low", "high"], unique=by, limit=60,
                     cure="keep the slices at the head of the table")
    if slices.empty:
        return nothing_to_draw("slices", title=title)
    frame, tooltip = drawable(slices, by=by, keep=[column for column in ("elsewhere",) if column in slices])
    if said:
        frame["label"] = [" · ".join([_slice_text(label, slices["slice"][i]), *(level_text(slices[c][i]) for c in by[1:])])
                          for i, label in frame["label"].items()]
    status = slices["status"].fillna("").where(slices["status"].isin(["found", "watch"]), "") if "status" in slices else ""
    frame["standing"] = pd.Series(status, index=frame.index).map(_STATUS)
    frame = frame.sort_values("value", ascending=False, kind="stable", na_position="last")
    frame["from"] = 0.0
    shown = {"domain": list(_STATUS.values())}
    fill = alt.Color("standing:N", scale=alt.Scale(**shown, range=[ALERT, ALERT_PALE, "#d3d9e0"]), title=None)
    y = alt.Y("label:N", sort=None, axis=row_axis(frame["label"]))
    reach = float(frame[["value", "low", "high"]].max().max())
    reach = float(np.nanmax([reach, frame["elsewhere"].max() if "elsewhere" in frame else 0.0, 0.0]))
    end = next((step for step in (0.25, 0.5, 1.0) if reach <= step), 1.08 * reach)   # few steps, so that two reports compare
    x = value_axis(measure, (min(0.0, float(frame[["value", "low"]].min().min())), end))
    bars = alt.Chart(frame).mark_bar(height={"band": 0.72}).encode(x=x, x2=alt.X2("from:Q"), y=y, color=fill, tooltip=tooltip)
    line = reference_lines([(overall, f"all ratings {number(overall)}")]) if overall is not None else []
    halo = alt.Chart(frame).mark_rule(color=PAPER, strokeWidth=5).encode(x=on_field(x, "low"), x2=alt.X2("high:Q"), y=y)
    layers = [bars, *line, halo, *intervals(frame, x=x, y=y, tooltip=tooltip, color=alt.ColorValue(INK))]
    told = f"{len(frame)} slices · {evidence(slices)}"
    if "elsewhere" in slices:
        tick = alt.Chart(frame).mark_tick(color=INK, thickness=3, stroke=PAPER, strokeWidth=1, bandSize=17, orient="vertical")
        layers.append(tick.encode(x=on_field(x, "elsewhere"), y=y, tooltip=tooltip))
        told += "\nThe upright tick is the level of the same criterion elsewhere; of a pair, what its two levels lead one to expect"
    return styled(layered(*layers).properties(width=WIDTH, height=alt.Step(20)), title=title, subtitle=told)


def _slice_text(label: str, cell: object) -> str:
    """A slice as text: a JSON object of column to level is spelled out, anything else is its own label."""
    try:
        levels = json.loads(cell) if isinstance(cell, str) else cell
    except json.JSONDecodeError:
        return label
    if not isinstance(levels, dict):
        return label
    return " · ".join(f"{words(column)}: {level_text(level)}" for column, level in levels.items()) or "all ratings"


def item_strip(items: pd.DataFrame, *, levels: Sequence[str] = (),
               title: str = "How are the most contested items rated?") -> alt.TopLevelMixin:
    """The ratings of contested items: a row an item, a dot a level, its area the number of raters who gave it.

    Args:
        items: a table with `item_id`, `level`, `n`, and optionally `criterion`, `step`, `rubric` and `rubric_version` (which
            then tell rows apart), `text` (shown, cut, in the tooltip) and `shape` ("split", "noise", ...; named beside the
            item). Items keep the table's order: put the most contested first.
        levels: the scale's levels in order; by default those that occur, numbers by
            size (whole ones with those between), names as they come.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 40 items.
    """
    by = told_apart(items, ["item_id", "step", "criterion", "rubric", "rubric_version"])
    items = checked(items, chart="item_strip", needs=["item_id", "level", "n"], unique=[*by, "level"])
    if items.empty:
        return nothing_to_draw("items", title=title)
    labels = key_labels(items, by)
    if labels.nunique() > 40:
        raise ParameterError(f"chart.item_strip: draws up to 40 items, found {labels.nunique()}. "
                             "Keep the most contested.")
    named = key_labels(items, [column for column in by if column != "criterion"])   # a panel says its criterion
    frame = pd.DataFrame({"key": labels, "item": named, "level": items["level"].map(level_text), "n": items["n"]})
    tooltip = [alt.Tooltip("item:N", title="Item"), alt.Tooltip("level:N", title="Level"), alt.Tooltip("n:Q", title="Raters")]
    for column in ("text", "shape"):
        if column in items:
            frame[f"said_{column}"] = [shorten(cell, 160) for cell in items[column].fillna("")]
            tooltip.append(alt.Tooltip(f"said_{column}:N", title=headed(column)))
    scales = items["criterion"].map(level_text) if "criterion" in by else pd.Series("", index=frame.index)
    axis, panels = row_axis(frame["item"], title="Item", grid=True), []
    for criterion in dict.fromkeys(scales):
        order = [level_text(level) for level in (levels or level_order(items["level"][scales == criterion]))]
        heading = {"title": panel_title(criterion)} if "criterion" in by else {}
        panels.append(_strip(frame[scales == criterion], tooltip=tooltip, order=order, most=int(frame["n"].max()), axis=axis)
                      .properties(width=WIDTH - 100, height=alt.Step(25), **heading))
    raters = frame.groupby("key")["n"].sum()
    said = f"n = {len(raters)} items, {count_text(raters, 'ratings')} each · every rating counted: no estimate, so no interval"
    return styled(panels[0] if len(panels) == 1 else alt.vconcat(*panels, spacing=14), title=title, subtitle=said)


def _strip(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], order: list[str], most: int, axis: alt.Axis) -> alt.LayerChart:
    """Items on one scale of levels."""
    y = alt.Y("item:N", sort=None, axis=axis)
    x = alt.X("level:O", scale=alt.Scale(domain=order), axis=alt.Axis(title="Level given", labelAngle=0, labelLimit=110))
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tooltip)
    size = alt.Size("n:Q", scale=alt.Scale(domain=[0, most], range=[0, 460]), legend=None)
    layers = [base.mark_circle(color=ACCENT_PALE, stroke=ACCENT, strokeWidth=1.2, opacity=1).encode(size=size),
              base.transform_filter("datum.n > 0").mark_text(fontSize=10, fontWeight=600).encode(text=alt.Text("n:Q"))]
    if "said_shape" in frame:
        shapes = alt.Chart(frame.drop_duplicates("item")).mark_text(align="left", fontSize=10)
        layers.append(shapes.encode(x=alt.XValue(WIDTH - 90), y=y, text=alt.Text("said_shape:N")))
    return layered(*layers)


def level_order(levels: pd.Series) -> list[object]:
    """The levels that occur: by size where all are numbers (whole ones with those between, up to 11), else as they come."""
    occurring = list(dict.fromkeys(levels.dropna()))
    sizes = pd.to_numeric(pd.Series(occurring, dtype="object"), errors="coerce")
    if sizes.isna().any():
        return occurring
    by_size = dict(sorted(zip(sizes, occurring), key=lambda pair: pair[0]))
    if (sizes % 1 == 0).all() and sizes.max() - sizes.min() <= 10:
        return [by_size.get(size, size) for size in range(int(sizes.min()), int(sizes.max()) + 1)]
    return list(by_size.values())


def cluster_terms(clusters: pd.DataFrame, *, measure: str = "Disagreement above expected",
                  title: str = "What are the items about that raters disagree on?") -> alt.TopLevelMixin:
    """Clusters of items: their size, their excess disagreement with its interval, and the terms that set them apart.

    Args:
        clusters: a table with `cluster`, `size` (items), `value`, `low`, `high` (the excess), and `terms` or `name` (text,
            or a list of words); optionally `criterion` (which then tells rows apart) and `stability` (0-1, in the tooltip).
            Cluster -1 stands for none.
        measure: the axis title, with its unit.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 30 clusters.
    """
    described = "terms" if "terms" in clusters else "name"
    needs = ["cluster", described, "size", "value", "low", "high"]
    by = told_apart(clusters, ["cluster", "criterion", "rubric"])
    clusters = checked(clusters, chart="cluster_terms", needs=needs, unique=by, limit=30,
                       cure="keep the largest clusters")
    if clusters.empty:
        return nothing_to_draw("clusters", title=title)
    named = clusters.assign(cluster=clusters["cluster"].where(clusters["cluster"] != -1))
    frame, tooltip = drawable(named.drop(columns="name", errors="ignore"), by=by, keep=["size"])
    frame["terms"] = [shorten(", ".join(map(str, cell)), 80) if pd.api.types.is_list_like(cell) else level_text(cell)
                      for cell in clusters[described]]
    tooltip += [alt.Tooltip("terms:N", title="Terms"), alt.Tooltip("size:Q", title="Items in the cluster", format=",")]
    if "stability" in clusters:
        frame["stability"] = clusters["stability"]
        tooltip.append(alt.Tooltip("stability:Q", title="Stability under resampling (0–1)", format=".2f"))
    frame = frame.sort_values("value", ascending=False, kind="stable", na_position="last")
    frame["apart"] = ((frame["low"] > 0) | (frame["high"] < 0)).map({True: "interval excludes 0", False: "cannot tell from 0"})
    shown = {"domain": ["interval excludes 0", "cannot tell from 0"]}
    order, size_of = list(frame["label"]), clusters.drop_duplicates("cluster")["size"].dropna()
    length = {} if len(size_of) else {"scale": alt.Scale(domain=[0, 1])}     # no scale can be had of nothing
    ends = None if frame[["value", "low", "high"]].notna().all(axis=1).any() else (-1.0, 1.0)
    sizes = alt.Chart(frame).encode(x=alt.X("size:Q", axis=alt.Axis(title="Items", tickCount=3, grid=False), **length), tooltip=tooltip,
                                    y=alt.Y("label:N", sort=order, axis=row_axis(order, title="Cluster")))
    bars = layered(sizes.mark_bar(color=CONTEXT, height={"band": 0.5}), sizes.mark_text(align="left", dx=3, fontSize=10).encode(
        text=alt.Text("size:Q", format=","))).properties(width=110, height=alt.Step(34))
    y = alt.Y("label:N", sort=order, axis=None)
    marks = intervals(frame, x=value_axis(measure, ends), y=y, tooltip=tooltip, width=300,
                      color=alt.Color("apart:N", scale=alt.Scale(**shown, range=[ALERT, QUIET]), title=None),
                      shape=alt.Shape("apart:N", scale=alt.Scale(**shown, range=["diamond", "circle"]), title=None))
    marks[-1] = marks[-1].mark_text(align="left", fontSize=10, color=INK, dy=7)
    terms = alt.Chart(frame).mark_text(align="left", fontSize=11, fontWeight=600, limit=330, dy=-7).encode(
        x=alt.XValue(310), y=y, text=alt.Text("terms:N"), tooltip=tooltip)
    forest = layered(*reference_lines([(0.0, "as expected")]), *marks, terms).properties(width=300, height=alt.Step(34))
    return styled(alt.hconcat(bars, forest, spacing=24), title=title,
                  subtitle=f"{len(size_of)} clusters of {int(size_of.sum()):,} items · {interval_words(clusters)}")
