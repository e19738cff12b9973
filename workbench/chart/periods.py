"""An estimate over all reports, period by period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from workbench.chart.coefficients import _by_week
from workbench.chart.marks import on_field, reference_lines
from workbench.chart.rows import by_list, checked, count_text, full_range, headed, interval_words
from workbench.chart.style import ACCENT, INK, QUIET, WIDTH, layered, nothing_to_draw, panel_title, styled
from workbench.errors import ParameterError, shorten

MOST = 12          # panels
LINES = 4          # names of dates close to each other stand on so many lines
TICKS = 12         # of the time axis


def estimate_history(estimates: pd.DataFrame, *, by: str | Sequence[str] | None = None,
                     fences: Sequence[tuple[object, str, Mapping[str, str]]] = (), bounds: Sequence[tuple[float, str]] = (),
                     title: str = "How did it go, report by report?") -> alt.TopLevelMixin:
    """One statistic in each report, with its interval; a panel a group. No line crosses a rubric version or a report without a value.

    Args:
        estimates: an estimates table of one statistic with `window`, the start of each report's period, and, where it is known, the
            `rubric_version` it was measured under.
        by: grouping columns, or None; up to 12 groups.
        fences: (date, what happened, {column: level}) as named upright lines in the panels of those levels, {} for all.
        bounds: (value, words) as named level lines, such as what a gate asks.
        title: the question, or the finding.

    Raises `ParameterError` for several statistics, too many groups or rows, or a missing column.
    """
    by = by_list(by or ())
    needs = ["name", "window", *by, "value", "low", "high"]
    estimates = checked(estimates, chart="estimate_history", needs=needs,
                        unique=["name", "window", *by, *(["rubric_version"] if "rubric_version" in estimates else [])])
    if estimates.empty:
        return nothing_to_draw("estimates", title=title)
    groups = estimates.groupby(by, dropna=False, sort=False).ngroups if by else 1
    if groups > MOST or (names := estimates["name"].unique()).size > 1:
        raise ParameterError(f"chart.estimate_history: draws one statistic of up to {MOST} groups, found "
                             f"{estimates['name'].nunique()} of {groups}. Select some of them.")
    frame, tooltip = _by_week(estimates, window="window", by=by)
    height = 220 if groups == 1 else 110
    x = _axis(frame["window"])
    y = alt.Y("value:Q", axis=alt.Axis(title=headed(names[0]), tickCount=5, minExtent=28),
              scale=alt.Scale(domain=list(domain)) if (domain := full_range(names)) else alt.Scale(zero=False))
    lines = [*bounds, *([(0.0, "chance")] if domain == (-1.0, 1.0) else [])]
    panels = []
    for label, part in frame.groupby("label", sort=False):
        at = estimates.loc[part.index[0]]
        own = [(date, said) for date, said, where in fences
               if all(column not in by or str(at[column]) == level for column, level in where.items())]
        base = alt.Chart(part).encode(x=x, detail=alt.Detail("segment:N"),
                                      tooltip=[alt.Tooltip("week:N", title="Period from"), *tooltip[1:]])
        panel = layered(*reference_lines(lines, channel="y"), *_series(base, y, height), *_dates(own, frame["window"], height))
        panels.append(panel.properties(width=WIDTH + 80, height=height, **({"title": panel_title(label)} if by else {})))
    reports = count_text(pd.Series([frame["window"].nunique()]), "reports")
    said = f"{reports}, each at the first day of its period (UTC) · {interval_words(estimates)}"
    gaps = " · × marks a report without a value" if frame["value"].isna().any() else ""
    return styled(panels[0] if groups == 1 else alt.vconcat(*panels, spacing=16), title=title, subtitle=said + gaps)


def _series(base: alt.Chart, y: alt.Y, height: int) -> list[alt.Chart]:
    """A line in its band, each report's estimate on its interval."""
    low = on_field(y, "low")
    undefined = base.transform_filter("!isValid(datum.value)")
    return [base.mark_area(color=ACCENT, opacity=0.18, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
            base.mark_rule(color=ACCENT, opacity=0.45, clip=True).encode(y=low, y2=alt.Y2("high:Q")),
            base.mark_line(color=ACCENT, strokeWidth=2, clip=True).encode(y=y),
            base.mark_point(color=ACCENT, filled=True, size=28, opacity=1, clip=True).encode(y=y),
            undefined.mark_text(text="×", color=QUIET, fontSize=15).encode(y=alt.YValue(height - 8))]


def _axis(windows: pd.Series) -> alt.X:
    """The time axis, with ticks where periods begin."""
    begins = sorted(set(windows))
    ticks = [alt.DateTime(year=w.year, month=w.month, date=w.day, utc=True) for w in begins[::-(-len(begins) // TICKS)]]
    axis = alt.Axis(title=None, format="%-d %b", grid=False, labelOverlap=True, values=ticks)
    ends = [int(end.timestamp() * 1000) for end in _reach(windows)]
    return alt.X("window:T", scale=alt.Scale(type="utc", domain=ends, nice=False), axis=axis)


def _reach(windows: pd.Series) -> tuple[pd.Timestamp, pd.Timestamp]:
    """From some days before the first period to some days into the last, that its marks are clear of the edge."""
    return windows.min() - pd.Timedelta(days=3), windows.max() + pd.Timedelta(days=3)


def _dates(fences: Sequence[tuple[object, str]], windows: pd.Series, height: int) -> list[alt.Chart]:
    """Upright lines at dates, each named at the foot, where estimates seldom lie; names that would meet stand above each other."""
    if not fences:
        return []
    first, last = _reach(windows)
    frame = pd.DataFrame({"at": pd.to_datetime([at for at, _ in fences], utc=True), "words": [shorten(said, 48) for _, said in fences]})
    frame["at"] = frame["at"].clip(first, last)
    frame = frame.sort_values("at", kind="stable", ignore_index=True)
    x = alt.X("at:T", scale=alt.Scale(type="utc"))
    named = [base.mark_text(align="left", baseline="bottom", dx=4, fontSize=10, color=INK, fontWeight=600) if early else
             base.mark_text(align="right", baseline="bottom", dx=-4, fontSize=10, color=INK, fontWeight=600)
             for base, early in ((alt.Chart(frame[i:i + 1]), at < first + (last - first) / 2) for i, at in enumerate(frame["at"]))]
    texts = [mark.encode(x=x, y=alt.YValue(height - 3 - 12 * (i % LINES)), text=alt.Text("words:N")) for i, mark in enumerate(named)]
    return [alt.Chart(frame).mark_rule(color=INK, strokeDash=[2, 2], strokeWidth=1.4).encode(x=x), *texts]
