"""Whether gains transfer: who has which role, how much each measure gains, and how much of a gain others see."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, reference_lines, value_axis
from workbench.chart.rows import by_list, checked, drawable, evidence, headed, interval_words, number, reading, told_apart
from workbench.chart.style import ACCENT, ALERT, CONTEXT, INK, QUIET, WIDTH, layered, nothing_to_draw, row_axis, styled

_SEEN, _LOST, _OPEN = "surely more than half", "surely less than half", "cannot tell"
_VERDICTS = {"transfers": _SEEN, "does not explain it": _SEEN, "does not transfer": _LOST, "explains the gain": _LOST, "cannot tell": _OPEN}
_ENDS = (-1.0, 2.0)      # of the axis of ratios; what lies beyond is read at the edge


def gain_forest(table: pd.DataFrame, *, by: str | Sequence[str] = ("instrument", "group"),
                title: str = "How much does each measure gain with a version?") -> alt.TopLevelMixin:
    """The gain a version on each measure, in standard deviations of true scores, those who profit in colour.

    Args:
        table: what `signal.coupling` or `signal.hacking` returned: measure, role, value, low, high and the `by` columns; 60 rows or
            fewer. Rows keep the table's order.
        by: the columns that name a target.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 60 rows.
    """
    by = [*by_list(by), "measure"]
    table = checked(table, chart="gain_forest", needs=[*by, "role", "value", "low", "high"], limit=60, cure="select some targets")
    table = table[table["role"].isin(["coupled", "proxy"]) | ~table.duplicated(by)]     # a reference stands beside each proxy alike
    if table.empty:
        return nothing_to_draw("gains", title=title)
    table = table.reset_index(drop=True)
    frame, tooltip = drawable(table.drop(columns="name", errors="ignore"), by=told_apart(table, list(reversed(by))), keep=["role"])
    frame["side"] = np.where(frame["role"].isin(["coupled", "proxy"]), "coupled, or a proxy", "independent, a reference or a confound")
    kinds = {"domain": ["coupled, or a proxy", "independent, a reference or a confound"]}
    order = list(dict.fromkeys(frame["label"]))
    marks = intervals(frame, x=value_axis("Gain a version (standard deviations of true scores)", None),
                      y=alt.Y("label:N", sort=order, axis=row_axis(order)), tooltip=tooltip,
                      color=alt.Color("side:N", scale=alt.Scale(**kinds, range=[ACCENT, QUIET]), title=None),
                      shape=alt.Shape("side:N", scale=alt.Scale(**kinds, range=["diamond", "circle"]), title=None))
    chart = layered(*reference_lines([(0.0, "no gain")]), *marks).properties(width=WIDTH, height=alt.Step(20))
    return styled(chart, title=title, subtitle=evidence(table))


def transfer_forest(table: pd.DataFrame, *, by: str | Sequence[str] = ("instrument", "group"),
                    title: str = "How much of the gain do the others see?") -> alt.TopLevelMixin:
    """The ratio of two gains with its interval, against one half: wholly below does not transfer, wholly above does.

    Args:
        table: what `signal.coupling` or `signal.hacking` returned: measure, ratio, ratio_low, ratio_high, verdict and the `by` columns;
            60 rows or fewer have a verdict; others are not drawn. Rows keep the table's order.
        by: the columns that name a target.
        title: the question, or the finding.

    The axis runs from -1 to 2; what lies beyond is cut there and read in words, and so is an end that is not known. Raises
    `ParameterError` for a missing column or more than 60 rows.
    """
    by = [*by_list(by), "measure"]
    table = checked(table, chart="transfer_forest", needs=[*by, "ratio", "ratio_low", "ratio_high", "verdict"])
    table = checked(table[table["verdict"].isin(list(_VERDICTS))], chart="transfer_forest", needs=[], limit=60, cure="select some targets")
    if table.empty:
        return nothing_to_draw("ratios", title=title)
    drawn = table.drop(columns=["name", "value", "low", "high", "se"], errors="ignore").rename(
        columns={"ratio": "value", "ratio_low": "low", "ratio_high": "high"})
    names = told_apart(drawn, ["measure", *(["against"] if "against" in drawn else []), *by[:-1]])
    frame, tooltip = drawable(drawn, by=names)
    frame["verdict"] = drawn["verdict"].map(_VERDICTS)
    tooltip.append(alt.Tooltip("verdict:N", title="Verdict"))
    notes = drawn["note"] if "note" in drawn else [""] * len(drawn)
    frame["reading"] = [_read(*found) for found in zip(frame["value"], frame["low"], frame["high"], notes)]
    for column in ("value", "low", "high"):
        frame[column] = frame[column].clip(*_ENDS)
    order = list(dict.fromkeys(frame["label"]))
    look = {"domain": [_SEEN, _LOST, _OPEN]}
    marks = intervals(frame, x=value_axis("Share of the gain that is seen (ratio of gains in true-score units)", _ENDS, ticks=6),
                      y=alt.Y("label:N", sort=order, axis=row_axis(order)), tooltip=tooltip,
                      color=alt.Color("verdict:N", scale=alt.Scale(**look, range=[ACCENT, ALERT, QUIET]), title=None),
                      shape=alt.Shape("verdict:N", scale=alt.Scale(**look, range=["circle", "diamond", "square"]), title=None))
    lines = reference_lines([(0.5, "one half"), (1.0, "the whole gain")])
    chart = layered(*lines, *marks).properties(width=WIDTH, height=alt.Step(20))
    held = " · a confound: share of the gain that stays when it is held constant" if "confound" in set(table.get("role", ())) else ""
    return styled(chart, title=title, subtitle=interval_words(drawn) + held)


def _read(value: float, low: float, high: float, note: str) -> str:
    """A ratio as text; of one end alone where the other is not known."""
    if math.isinf(low) or math.isinf(high):
        return f"at most {number(high, 2)}" if math.isinf(low) else f"at least {number(low, 2)}"
    return reading(value, low, high, decimals=2, note=note)


def party_roles(edges: pd.DataFrame, *,
                title: str = "Who wrote the rubric, rated, supplied training data, adjudicated?") -> alt.TopLevelMixin:
    """Parties and their roles as a graph: a line joins a party with each of its roles; one that rates and has another is in colour.

    Args:
        edges: what `signal.party_graph` returned: party, role, n; 20 parties or fewer.
        title: the question, or the finding.

    Raises `ParameterError` for a missing column or more than 100 edges.
    """
    edges = checked(edges, chart="party_roles", needs=["party", "role", "n"], limit=100, cure="select some parties")
    if edges.empty:
        return nothing_to_draw("roles", title=title)
    edges = edges.groupby(["party", "role"], sort=False, as_index=False)["n"].sum()
    ends = {"party": list(dict.fromkeys(edges["party"])), "role": list(dict.fromkeys(edges["role"]))}
    height = 44 * max(map(len, ends.values()))
    place = {end: {name: height * (i + 0.5) / len(names) for i, name in enumerate(names)} for end, names in ends.items()}
    both = set(edges.loc[edges["role"] == "rated", "party"]) & set(edges.loc[~edges["role"].isin(["rated", "ran the autorater"]), "party"])
    lines = edges.assign(x=0.0, x2=1.0, y=edges["party"].map(place["party"]), y2=edges["role"].map(place["role"]),
                         standing=np.where(edges["party"].isin(both), "rates, and has a tie", "one role, or none beside it"),
                         said=[f"{n:,} ratings" if n else "" for n in edges["n"]])
    look = alt.Color("standing:N", title=None, scale=alt.Scale(domain=["rates, and has a tie", "one role, or none beside it"],
                                                               range=[ALERT, CONTEXT]))
    x, y = (alt.X("x:Q", scale=alt.Scale(domain=[-0.45, 1.55]), axis=None), alt.Y("y:Q", scale=alt.Scale(domain=[height, 0]), axis=None))
    tips = [alt.Tooltip(f"{c}:N", title=headed(c)) for c in ends] + [alt.Tooltip("said:N", title="Ratings")]
    layers = [alt.Chart(lines).mark_rule(strokeWidth=2).encode(x=x, x2=alt.X2("x2:Q"), y=y, y2=alt.Y2("y2:Q"), color=look, tooltip=tips)]
    for end, at, align in (("party", 0.0, "right"), ("role", 1.0, "left")):
        nodes = pd.DataFrame({"x": at, "y": list(place[end].values()), "said": [str(name)[:48] for name in ends[end]]})
        base = alt.Chart(nodes).encode(x=x, y=y)
        layers += [base.mark_point(filled=True, size=90, color=INK, opacity=1),
                   base.mark_text(align=align, dx=-10 if align == "right" else 10, fontSize=12, color=INK).encode(text=alt.Text("said:N"))]
    tied = f"{len(both)} of {len(ends['party'])} parties rate and have a tie to what is rated" if both else "no party that rates has a tie"
    chart = layered(*layers).properties(width=WIDTH, height=height)
    return styled(chart, title=title, subtitle=f"{tied} · {int(edges['n'].sum()):,} ratings by a known party")
