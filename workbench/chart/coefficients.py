"""Agreement by group and by week."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.marks import fence_lines, intervals, reference_lines, value_axis, week_axis
from workbench.chart.rows import by_list, checked, drawable, evidence, full_range, headed, key_labels, level_text, week_text
from workbench.chart.style import ACCENT, INK, PAPER, QUIET, SHAPES, WIDTH, layered, nothing_to_draw, panel_title, row_axis, styled
from workbench.errors import ParameterError

RELIABILITY = ((0.667, "tentative (Krippendorff) 0.667"), (0.8, "0.8 reliable"))


def agreement_forest(estimates: pd.DataFrame, *, by: str | Sequence[str], reference: Sequence[tuple[float, str]] = RELIABILITY,
                     measure: str = "Agreement", title: str = "How far do raters agree, beyond chance?") -> alt.TopLevelMixin:
    """Forest plot of agreement: a row a group, a shape a coefficient, each with its interval and its reading.

    Args:
        estimates: an estimates table with `name`, `value`, `low`, `high` and the `by` columns. The coefficient that
            comes first in it is drawn in colour as the headline, further ones hollow, in ink.
        by: grouping columns; the last makes the rows, those before it the panels.
        reference: (value, name) of the lines to read against; `()` for none.
        measure: the axis title of several coefficients; a single one names the axis itself.
        title: the question, or the finding.

    Groups keep the table's order. Raises `ParameterError` for no `by` column, a missing column, more than 500 rows or
    more than 7 coefficients.
    """
    by = by_list(by)
    estimates = checked(estimates, chart="agreement_forest", needs=["name", *by, "value", "low", "high"],
                        unique=["name", *by])
    if estimates.empty:
        return nothing_to_draw("estimates", title=title)
    names = list(dict.fromkeys(estimates["name"].map(headed)))
    if not by or len(names) > len(SHAPES):
        raise ParameterError(f"chart.agreement_forest: draws one or more `by` columns and up to {len(SHAPES)} coefficients, "
                             f"found {len(by)} and {len(names)}. Select rows, for example by `name`.")
    frame, tooltip = drawable(estimates, by=by)
    frame["row"] = key_labels(estimates, by[-1:])
    panel_of = key_labels(estimates, by[:-1]) if by[1:] else pd.Series("", index=frame.index)
    look = {"yOffset": alt.YOffset("name:N", sort=names)}
    for channel, marks in (("stroke", [ACCENT] + [INK] * len(SHAPES)), ("fill", [ACCENT] + [PAPER] * len(SHAPES)), ("shape", SHAPES)):
        scale = alt.Scale(domain=names, range=marks[: len(names)])
        look[channel] = getattr(alt, channel.capitalize())("name:N", scale=scale, title=None)
    domain = full_range(estimates["name"].unique())
    panels = []
    for key in dict.fromkeys(panel_of):
        first, last = not panels, key == panel_of.iloc[-1]
        x = value_axis((measure if len(names) > 1 else names[0]) if last else None, domain)
        axis = row_axis(frame["row"], title=headed(by[-1]) if first else None)
        lines = reference_lines([(at, said if first else "") for at, said in reference])
        marks = intervals(frame[panel_of == key], x=x, y=alt.Y("row:N", sort=None, axis=axis), tooltip=tooltip, **look)
        heading = {"title": panel_title(f"{headed(by[0])}: {key}" if len(by) == 2 else key)} if by[1:] else {}
        panels.append(layered(*lines, *marks).properties(width=WIDTH, height=alt.Step(15), **heading))
    chart = panels[0] if len(panels) == 1 else alt.vconcat(*panels, spacing=14)
    return styled(chart, title=title, subtitle=evidence(estimates))


def agreement_trend(estimates: pd.DataFrame, *, window: str = "window", by: str | Sequence[str] | None = None,
                    fences: Sequence[tuple[object, str]] = (),
                    title: str = "Does agreement hold from week to week?") -> alt.TopLevelMixin:
    """One statistic by week, with the band of its intervals; a panel a group.

    Args:
        estimates: an estimates table of one statistic with the column `window` and, where there is one,
            `rubric_version`: lines do not cross a version, nor a week that is not defined (marked with a cross).
        window: the column that holds the window's start.
        by: grouping columns, or None; up to 12 groups.
        fences: (date, what happened), drawn as named upright lines, such as a rubric version coming into force.
        title: the question, or the finding.

    Raises `ParameterError` for several statistics, too many groups or rows, or a missing column.
    """
    by = by_list(by or ())
    estimates = checked(estimates, chart="agreement_trend", needs=["name", window, *by, "value", "low", "high"],
                        unique=["name", window, *by, *(["rubric_version"] if "rubric_version" in estimates else [])])
    if estimates.empty:
        return nothing_to_draw("estimates", title=title)
    names = estimates["name"].unique()
    if len(names) > 1:
        raise ParameterError(f"chart.agreement_trend: draws one statistic, found {len(names)}: "
                             f"{', '.join(map(str, names[:3]))}. Select one, as in estimates[estimates['name'] == {names[0]!r}].")
    frame, tooltip = _by_week(estimates, window=window, by=by)
    groups = list(frame.groupby("label", sort=False))
    if len(groups) > 12:
        raise ParameterError(f"chart.agreement_trend: draws up to 12 groups, found {len(groups)}. "
                             "Select groups, or use fewer `by`.")
    height = 220 if len(groups) == 1 else 110
    domain = full_range(names)
    panels = [_trend_panel(part, tooltip=tooltip, fences=fences, height=height, weeks=frame["window"],
                           last=label == groups[-1][0], domain=domain, title=headed(names[0]))
              .properties(width=WIDTH + 80, height=height, **({"title": panel_title(label)} if by else {}))
              for label, part in groups]
    chart = panels[0] if len(panels) == 1 else alt.vconcat(*panels, spacing=16)
    gaps = " · × marks a week that is not defined" if frame["value"].isna().any() else ""
    return styled(chart, title=title, subtitle=evidence(estimates) + gaps)


def _by_week(estimates: pd.DataFrame, *, window: str, by: Sequence[str]) -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """The drawable rows by week, with `segment`: stretches of one group and version without an undefined week."""
    extra = [c for c in ("rubric_version",) if c in estimates and c not in by]
    frame, tooltip = drawable(estimates, by=[*by, *extra])
    frame["label"] = key_labels(estimates, by)
    frame["window"] = pd.to_datetime(estimates[window], utc=True)
    frame["week"] = frame["window"].map(week_text)
    frame["version"] = estimates["rubric_version"].map(level_text) if "rubric_version" in estimates else ""
    frame = frame.sort_values("window", kind="stable")
    breaks = frame["value"].isna().groupby([frame["label"], frame["version"]]).cumsum()
    frame["segment"] = frame["version"].str.cat(breaks.astype(str), sep="/")
    return frame, [alt.Tooltip("week:N", title="Week"), *tooltip]


def _trend_panel(frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], fences: Sequence[tuple[object, str]], height: int,
                 weeks: pd.Series, last: bool, domain: tuple[float, float] | None, title: str) -> alt.LayerChart:
    """One group's line in its band, with its fences."""
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=False)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=title, tickCount=5, minExtent=28))
    low = alt.Y("low:Q", scale=scale)
    base = alt.Chart(frame).encode(x=week_axis(weeks, titled=last), detail=alt.Detail("segment:N"), tooltip=tooltip)
    undefined = base.transform_filter("!isValid(datum.value)")
    zero = reference_lines([(0.0, "chance")], channel="y") if domain == (-1.0, 1.0) else []
    return layered(
        *zero,
        base.mark_area(color=ACCENT, opacity=0.18, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
        base.mark_rule(color=ACCENT, opacity=0.45, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
        base.mark_line(color=ACCENT, strokeWidth=2, clip=True).encode(y=y),
        base.mark_point(color=ACCENT, filled=True, size=28, opacity=1, clip=True).encode(y=y),
        undefined.mark_text(text="×", color=QUIET, fontSize=15).encode(y=alt.YValue(height - 8)),
        *fence_lines(fences))
