"""Contributors: a funnel over the raters, and what a few of them did window by window."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import reference_lines, week_axis
from workbench.chart.rows import checked, drawable, evidence, headed, week_text
from workbench.chart.style import ALERT, CONTEXT, INK, QUIET, WIDTH, layered, nothing_to_draw, panel_title, styled
from workbench.errors import ParameterError

STATES = {"": "does not stand out", "unknown": "cannot be judged", "watch": "watched: seen once", "found": "found: later ratings repeat it"}
COLOURS = [QUIET, CONTEXT, INK, ALERT]
MARKS = ["circle", "cross", "triangle-up", "diamond"]
AXES = {"severity": "SD of the scores below the other raters of the same items", "noise": "Distance from others, times the usual",
        "speed": "Time on a rating, times the usual", "agreement": "Agreement with others, less the usual",
        "gold": "At gold's level, less the usual",
        "straight-lining": "Repeats of the last level, more than explained", "one level": "Two ratings alike, more than the others",
        "copying": "At one rater's level, more than expected", "fatigue": "Further from others by a session's end (usual distances)",
        "learning": "Further from others on the first 50 items (usual distances)"}
MAX_RATERS = 8
DRAWN = 500      # raters of a funnel


def rater_funnel(contributors: pd.DataFrame, *, title: str = "Who stands apart from the other raters?") -> alt.TopLevelMixin:
    """Every rater of one behaviour by how many ratings tell it, with its interval: the more ratings, the narrower chance is.

    Args:
        contributors: rows of `drift.contributors` of one `behaviour`, the last of each rater: `rater_id`, `overall`, `overall_low`,
            `overall_high`, `n_overall`, `usual`, `status`, `q`. Raters on watch or found bear their names.
        title: the question, or the finding.

    Of more than 500 raters those are drawn who stand furthest apart (the least q). Raises `ParameterError` for several behaviours, a
    rater twice or a missing column.
    """
    needs = ["rater_id", "behaviour", "overall", "overall_low", "overall_high", "n_overall", "usual", "status", "q"]
    table = checked(contributors, chart="rater_funnel", needs=needs, unique=["behaviour", "rater_id"], limit=len(contributors))
    table = table[table["overall"].notna()]
    if table.empty:
        return nothing_to_draw("raters", title=title)
    behaviour, n_all, middle = _one_behaviour(table, "rater_funnel"), len(table), table["usual"].median()
    apart = int(table["status"].isin(["watch", "found"]).sum())
    table = table.sort_values("q", kind="stable").head(DRAWN) if n_all > DRAWN else table
    shown = table.drop(columns=["value", "low", "high", "n_ratings"], errors="ignore").rename(
        columns={"overall": "value", "overall_low": "low", "overall_high": "high", "n_overall": "n_ratings"})
    frame, tooltip = drawable(shown, by=["rater_id"], keep=["n_ratings"])
    frame["state"] = table["status"].map(STATES)
    frame["said"] = np.where(table["status"].isin(["watch", "found"]), frame["label"], "")
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=AXES.get(behaviour, headed(behaviour)), minExtent=34))
    x = alt.X("n_ratings:Q", scale=alt.Scale(type="log", nice=False, padding=20),
              axis=alt.Axis(title="Ratings that tell it", format=",d", grid=False))
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    marks = [base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=_colour()),
             base.mark_point(filled=True, size=70, opacity=1).encode(y=y, color=_colour(), shape=_shape()),
             base.mark_text(align="left", dx=7, fontSize=10, color=INK).encode(y=y, text=alt.Text("said:N"))]
    lines = reference_lines([(float(middle), "the raters' middle")], channel="y") if np.isfinite(middle) else []
    few = f"; the {DRAWN} furthest apart are drawn" if n_all > DRAWN else ""
    chart = layered(*lines, *marks).properties(width=WIDTH, height=300)
    return styled(chart, title=title, subtitle=f"{headed(behaviour)} of {n_all:,} raters, {apart} on watch or found{few} · "
                  f"{evidence(shown)}\nValues are drawn towards the middle as far as few ratings leave them uncertain")


def rater_trajectory(contributors: pd.DataFrame, *, title: str = "What did these raters do, window by window?") -> alt.TopLevelMixin:
    """Up to eight raters' values of one behaviour over time with their intervals; a panel a rater, one axis for all.

    Args:
        contributors: rows of `drift.contributors` of one `behaviour`: `rater_id`, `window`, `value`, `low`, `high`, `usual`, `status`, `q`.
        title: the question, or the finding.

    Raises `ParameterError` for several behaviours, more than 8 raters or 500 rows, or a missing column.
    """
    needs = ["rater_id", "behaviour", "window", "value", "low", "high", "usual", "status", "q"]
    table = checked(contributors, chart="rater_trajectory", needs=needs, unique=["behaviour", "rater_id", "window"],
                    cure="select raters, those on watch or found first")
    table = table[table["value"].notna() & table["window"].notna()]
    if table.empty:
        return nothing_to_draw("raters", title=title)
    behaviour = _one_behaviour(table, "rater_trajectory")
    frame, tooltip = drawable(table, by=["rater_id"])
    frame["window"] = pd.to_datetime(table["window"], utc=True)
    frame["week"], frame["state"] = frame["window"].map(week_text), table["status"].map(STATES)
    panels = list(frame.groupby("label", sort=False))
    if len(panels) > MAX_RATERS:
        raise ParameterError(f"chart.rater_trajectory: draws up to {MAX_RATERS} raters, found {len(panels)}. "
                             "Select raters, those on watch or found first.")
    ends = frame[["value", "low", "high"]]
    low, high = float(ends.min().min()), float(ends.max().max())
    room = 0.08 * (high - low) or 0.5
    scale = alt.Scale(domain=[low - room, high + room], nice=False)
    middle, tooltip = table["usual"].median(), [alt.Tooltip("week:N", title="Week"), *tooltip]
    drawn = [_panel(part, frame["window"], scale, middle, tooltip, place == len(panels) - 1).properties(
        width=WIDTH + 80, height=110, title=panel_title(label)) for place, (label, part) in enumerate(panels)]
    said = f"{AXES.get(behaviour, headed(behaviour))} · {evidence(table)}"
    return styled(drawn[0] if len(drawn) == 1 else alt.vconcat(*drawn, spacing=14), title=title, subtitle=said)


def _panel(part: pd.DataFrame, weeks: pd.Series, scale: alt.Scale, middle: float, tooltip: list[alt.Tooltip], last: bool) -> alt.LayerChart:
    """One rater's windows beside the raters' middle."""
    base = alt.Chart(part).encode(x=week_axis(weeks, titled=last), tooltip=tooltip)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, tickCount=5, minExtent=34))
    lines = reference_lines([(float(middle), "the raters' middle")], channel="y") if np.isfinite(middle) else []
    return layered(*lines, base.mark_line(color=CONTEXT, strokeWidth=1).encode(y=y),
                     base.mark_rule(strokeWidth=2, clip=True).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=_colour()),
                     base.mark_point(filled=True, size=58, opacity=1).encode(y=y, color=_colour(), shape=_shape()))


def _one_behaviour(table: pd.DataFrame, chart: str) -> str:
    """The one behaviour that a table holds. Errors: `ParameterError`."""
    names = table["behaviour"].unique()
    if len(names) > 1:
        raise ParameterError(f"chart.{chart}: draws one behaviour, found {len(names)}: {', '.join(map(str, names[:3]))}. "
                             f"Select one, as in table[table['behaviour'] == {names[0]!r}].")
    return str(names[0])


def _colour() -> alt.Color:
    return alt.Color("state:N", scale=alt.Scale(domain=list(STATES.values()), range=COLOURS), title=None)


def _shape() -> alt.Shape:
    return alt.Shape("state:N", scale=alt.Scale(domain=list(STATES.values()), range=MARKS), title=None)
