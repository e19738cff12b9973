"""What the raters of an item differ by."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from workbench.chart.marks import intervals, on_field, value_axis
from workbench.chart.rows import by_list, checked, drawable, evidence
from workbench.chart.style import ACCENT, ACCENT_PALE, ALERT_PALE, INK, PAPER, WIDTH, layered, nothing_to_draw, row_axis, styled

_KINDS = {
    "severity": ("Some raters are stricter", "raters"),
    "severity_by_criterion": ("... on one criterion only", "raters"),
    "faction_by_item": ("Camps read items differently", "items and rubric"),
    "item_spread": ("Single raters read items differently", "items and rubric"),
    "rater_spread": ("Some raters are noisier", "raters"),
    "rest": ("A typical rater's second look", "chance"),
    "unseparated": ("Readings or noise: repeats would tell", "cannot be told apart"),
}
_COLOURS = {"items and rubric": ALERT_PALE, "raters": ACCENT, "chance": "#d3d9e0", "cannot be told apart": ACCENT_PALE}


def kind_bars(kinds: pd.DataFrame, *, by: str | Sequence[str] = (),
              title: str = "What do raters of an item differ by?") -> alt.TopLevelMixin:
    """The shares of disagreement that fall to raters, to items and the rubric, and to chance, as bars with intervals.

    Args:
        kinds: what `disagreement.kinds` returned: kind, share, low, high, and the `by` columns.
        by: the columns whose groups are told apart, a block of bars each.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 60 rows. A kind without a share is named with its reason.
    """
    by = by_list(by)
    kinds = checked(kinds, chart="kind_bars", needs=["kind", "share", "low", "high", *by], unique=[*by, "kind"], limit=60,
                    cure="select fewer groups")
    if kinds.empty:
        return nothing_to_draw("kinds of disagreement", title=title)
    kinds = kinds.assign(value=kinds["share"], said=kinds["kind"].map(lambda kind: _KINDS[kind][0]))
    frame, tooltip = drawable(kinds, by=[*by, "said"])
    frame["of"] = kinds["kind"].map(lambda kind: _KINDS[kind][1])
    frame["from"] = 0.0
    fill = alt.Color("of:N", scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())), title="A matter of")
    y = alt.Y("label:N", sort=list(frame["label"]), axis=row_axis(frame["label"]))
    x = value_axis("Share of disagreement (1 is all of it)", (0, 1))
    bars = alt.Chart(frame).mark_bar(height={"band": 0.72}).encode(x=x, x2=alt.X2("from:Q"), y=y, color=fill, tooltip=tooltip)
    halo = alt.Chart(frame).mark_rule(color=PAPER, strokeWidth=5).encode(x=on_field(x, "low"), x2=alt.X2("high:Q"), y=y)
    marks = intervals(frame, x=x, y=y, tooltip=tooltip, color=alt.ColorValue(INK))
    chart = layered(bars, halo, *marks).properties(width=WIDTH, height=alt.Step(24))
    return styled(chart, title=title, subtitle=f"{evidence(kinds)}\nShares sum to 1; repeats by the same rater tell readings from noise")
