"""A rubric altered in thought, coefficient by coefficient; and old scores on the new version's scale."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, on_field, value_axis
from workbench.chart.rows import checked, drawable, evidence, headed, level_text, reading
from workbench.chart.style import ACCENT, CONTEXT, INK, PALE, QUIET, layered, nothing_to_draw, row_axis, styled
from workbench.errors import ParameterError, examples

SIDES = ["as it is", "altered"]
UNBOUNDED = "separation"
PLOT_WIDTH, LINE_WIDTH = 330, 360
METHODS = {"mean_sigma": "mean and spread alike", "equipercentile": "percentile rank alike"}


def before_after(table: pd.DataFrame, *,
                 title: str = "What would the altered rubric change, beyond what any merge does?") -> alt.TopLevelMixin:
    """Each coefficient under the rubric as it is and as altered, before a band of where merges as coarse would have brought it.

    Args:
        table: a table of `what_if`, of one criterion; the row "separation", which has no bounds, is passed over.
        title: the question, or the finding.

    The change is in words at the right. Raises `ParameterError` where rows of several criteria would lie on top of each other.
    """
    needs = ["name", "criterion", "value", "low", "high"]
    needs += [f"{side}{end}" for side in ("before", "after") for end in ("", "_low", "_high")] + ["random_low", "random_high", "n_random"]
    table = checked(table, chart="before_after", needs=needs)
    table = table[table["name"] != UNBOUNDED].reset_index(drop=True)
    if table.empty:
        return nothing_to_draw("coefficients", title=title)
    if table["criterion"].nunique() > 1:
        raise ParameterError(f"chart.before_after: draws one criterion, found {examples(sorted(table['criterion'].unique()))}. "
                             "Select rows, such as table[table['criterion'] == ...].")
    order = [headed(name) for name in table["name"]]
    said, _ = drawable(table)
    sides = [table.assign(value=table[side], low=table[f"{side}_low"], high=table[f"{side}_high"], note="") for side in ("before", "after")]
    frame, tooltip = drawable(pd.concat(sides, ignore_index=True))
    frame["side"] = np.repeat(SIDES, len(table))
    frame["reading"] = [""] * len(table) + [f"change {text}" for text in said["reading"]]
    band = pd.DataFrame({"name": order, "from": table["before"] + table["random_low"], "to": table["before"] + table["random_high"]})
    y = alt.Y("name:N", sort=order, axis=row_axis(order))
    reach = frame[["value", "low", "high"]].min().min()
    x = value_axis("Coefficient (1: full agreement)", (-1.0 if reach < 0 else 0.0, 1.0), ticks=5)
    look = {"y": y, "yOffset": alt.YOffset("side:N", sort=SIDES),
            "color": alt.Color("side:N", scale=alt.Scale(domain=SIDES, range=[QUIET, ACCENT]), title=None),
            "shape": alt.Shape("side:N", scale=alt.Scale(domain=SIDES, range=["square", "circle"]), title=None)}
    grey = alt.Chart(band).mark_bar(color=PALE, height=30, clip=True).encode(x=on_field(x, "from"), x2=alt.X2("to:Q"), y=y)
    chart = layered(grey, *intervals(frame, x=x, tooltip=tooltip, width=PLOT_WIDTH, **look))
    n = int(table["n_random"].max())
    other = f"Pale band: where the middle of {n:,} other merges into as many levels would have brought it" if n else \
        "No levels are merged, or no other merge is as coarse: nothing to hold the change against"
    return styled(chart.properties(width=PLOT_WIDTH, height=46 * len(order)), title=title,
                  subtitle=f"Criterion {level_text(table['criterion'].iloc[0])} · {evidence(table)}\n{other}")


def linking_lines(table: pd.DataFrame, *, direction: str = "to new",
                  title: str = "What is an old score worth on the new scale?") -> alt.TopLevelMixin:
    """Each score's place on the other version's scale by both methods of `linking`, with intervals, beside the line of no change.

    Args:
        table: a table of `linking`, of one criterion.
        direction: "to new" or "to old".
        title: the question, or the finding.

    A linking that is not defined says why. Raises `ParameterError` for several criteria, or an unknown direction.
    """
    needs = ["name", "criterion", "direction", "score", "value", "low", "high"]
    table = checked(table, chart="linking_lines", needs=needs)
    if table.empty:
        return nothing_to_draw("linked scores", title=title)
    if table["criterion"].nunique() > 1 or direction not in ("to new", "to old"):
        raise ParameterError(f"chart.linking_lines: draws one criterion and direction='to new' or 'to old', found "
                             f"{examples(sorted(table['criterion'].unique()))} and {direction!r}. Select rows.")
    known = table[table["value"].notna() & (table["direction"] == direction)].reset_index(drop=True)
    if known.empty:
        because = pd.DataFrame({"words": [reading(np.nan, np.nan, np.nan, decimals=2, note=str(table["note"].iloc[0]))]})
        words = alt.Chart(because, width=LINE_WIDTH, height=40).mark_text(align="left", color=INK).encode(
            x=alt.XValue(0), text=alt.Text("words:N"))
        return styled(words, title=title, subtitle=evidence(table))
    frame, tooltip = drawable(known, keep=["score"])
    frame["method"] = known["name"].map(METHODS)
    sides = ("old", "new") if direction == "to new" else ("new", "old")
    x = alt.X("score:Q", scale=alt.Scale(zero=False, nice=False, padding=12), axis=alt.Axis(title=f"Score under the {sides[0]} version"))
    y = alt.Y("value:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=f"Its worth under the {sides[1]} version"))
    shown = {"domain": list(METHODS.values())}
    look = {"color": alt.Color("method:N", scale=alt.Scale(**shown, range=[QUIET, ACCENT]), title=None), "tooltip": tooltip}
    ends = pd.DataFrame({"score": [frame["score"].min(), frame["score"].max()], "value": [frame["score"].min(), frame["score"].max()]})
    same = alt.Chart(ends).mark_line(color=CONTEXT, strokeDash=[4, 3], strokeWidth=1.2).encode(x=x, y=y)
    named = alt.Chart(ends[1:].assign(words="no change")).mark_text(align="left", dx=6, fontSize=10, color=INK)
    base = alt.Chart(frame)
    marks = [base.mark_line(strokeWidth=1.5).encode(x=x, y=y, **look),
             base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), **look),
             base.mark_point(filled=True, size=70, opacity=1).encode(
                 x=x, y=y, shape=alt.Shape("method:N", scale=alt.Scale(**shown, range=["square", "circle"]), title=None), **look)]
    chart = layered(same, named.encode(x=x, y=y, text=alt.Text("words:N")), *marks).properties(width=LINE_WIDTH, height=LINE_WIDTH)
    return styled(chart, title=title, subtitle=f"Criterion {level_text(table['criterion'].iloc[0])} · {evidence(known)}\n"
                  "For averages and trends, not for a single rating")
