"""Where camps of raters part."""

from __future__ import annotations

import altair as alt
import pandas as pd

from workbench.chart.marks import intervals, reference_lines, value_axis
from workbench.chart.rows import checked, count_text, drawable, interval_words, told_apart
from workbench.chart.style import ALERT, QUIET, WIDTH, layered, nothing_to_draw, row_axis, styled

_STANDING = {True: "interval excludes 0", False: "cannot tell from 0"}


def faction_forest(items: pd.DataFrame, *, title: str = "On which items do the camps of raters part?") -> alt.TopLevelMixin:
    """Difference of two camps' means on each item beyond their raters' severity, with its interval; the means are in the tooltip.

    Args:
        items: what `disagreement.faction_items` returned, cut to 40 rows or fewer: item_id, value, low, high, faction, versus, mean,
            mean_versus; `criterion` and others tell rows apart. Rows keep the table's order: the clearest difference first.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 40 rows.
    """
    by = told_apart(items, ["item_id", "step", "criterion", "rubric", "rubric_version", "faction", "versus"])
    needs = ["item_id", "value", "low", "high", "faction", "versus", "mean", "mean_versus"]
    items = checked(items, chart="faction_forest", needs=needs, unique=by, limit=40, cure="keep the first")
    if items.empty:
        return nothing_to_draw("camps that part", title=title)
    frame, tooltip = drawable(items.drop(columns="name", errors="ignore"), by=by, keep=["mean", "mean_versus"])
    one, other = (f"camp {items[c].iloc[0]}" if items[c].nunique() == 1 else said
                  for c, said in (("faction", "the first camp"), ("versus", "the second")))
    tooltip += [alt.Tooltip("mean:Q", title=f"Mean of {one}", format=".2f"),
                alt.Tooltip("mean_versus:Q", title=f"Mean of {other}", format=".2f")]
    frame["apart"] = ((frame["low"] > 0) | (frame["high"] < 0)).map(_STANDING)
    shown = {"domain": list(_STANDING.values())}
    order = list(frame["label"])
    x = value_axis(f"Mean of {one} less that of {other}, severity taken out (share of the scale)", (-1, 1))
    marks = intervals(frame, x=x, y=alt.Y("label:N", sort=order, axis=row_axis(order)), tooltip=tooltip,
                      color=alt.Color("apart:N", scale=alt.Scale(**shown, range=[ALERT, QUIET]), title=None),
                      shape=alt.Shape("apart:N", scale=alt.Scale(**shown, range=["diamond", "circle"]), title=None))
    chart = layered(*reference_lines([(0.0, "no parting")]), *marks).properties(width=WIDTH, height=alt.Step(20))
    raters = f"{count_text(items['n_ratings'], 'ratings')} each · " if "n_ratings" in items else ""
    return styled(chart, title=title, subtitle=f"n = {len(items)} items · {raters}{interval_words(items)}\n"
                                               f"Right of 0 {one} rates higher than {other}, left of 0 lower")
