"""Who shares items with whom."""

from __future__ import annotations

import altair as alt
import pandas as pd

from workbench.chart.rows import checked, headed, key_labels
from workbench.chart.style import CONTEXT, INK, PAPER, RAMP, WIDTH, layered, nothing_to_draw, styled
from workbench.errors import ParameterError

MAX_MEMBERS = 40
NUMBERED = 15           # up to as many members the counts stand in the cells
FEWEST = "#cdd8e4"      # one common item: seen against the paper, which is none
PLURALS = {"rater": "raters", "party": "parties", "criterion": "criteria"}


def overlap_matrix(table: pd.DataFrame, *, title: str | None = None) -> alt.TopLevelMixin:
    """Common items of every two raters (parties, criteria, ...), connected sets side by side with a line between them.

    Args:
        table: what `agreement.overlap` returns for one group: `rater_a`, `rater_b` (or `party_a`, ...), `set`, `n_items`, a row for each
            two that share items and one for each with itself. Up to 15 members the counts stand in the cells, in tooltips always.
        title: the question, or the finding.

    Members are sorted by set, the largest first, then by their own items. The shade is logarithmic: the difference between 1 and 10
    common items matters as much as that between 100 and 1,000. Pairs without common items stay blank, own items (the diagonal) are
    outlined. Raises `ParameterError` for a missing column, several groups or more than 40 members.
    """
    ends = [c for c in table.columns if c.endswith("_a") and c != "n_a"][:1] or ["rater_a"]
    noun = ends[0].removesuffix("_a")
    ends, plural = [*ends, f"{noun}_b"], PLURALS.get(noun, f"{noun}s")
    title = title or f"Which {plural} share items?"
    table = checked(table, chart="overlap_matrix", needs=[*ends, "set", "n_items"], unique=ends, limit=10_000)
    if table.empty:
        return nothing_to_draw("pairs", title=title)
    names = key_labels(pd.concat([table[end] for end in ends], ignore_index=True).to_frame(noun), [noun])
    cells = pd.DataFrame({"a": names[: len(table)], "b": names[len(table):].to_numpy(), "set": table["set"], "n": table["n_items"]})
    own = cells[cells["a"] == cells["b"]].sort_values(["set", "n", "a"], ascending=[True, False, True], kind="stable")
    order = list(own["a"])
    if len(order) > MAX_MEMBERS:
        raise ParameterError(f"chart.overlap_matrix: draws up to {MAX_MEMBERS} {plural}, found {len(order)}. "
                             f"Select the pairs of some, or ask agreement.overlap with between='party'.")
    return styled(_matrix(cells, own, headed(noun)), title=title, subtitle=_said(cells, own, plural))


def _matrix(cells: pd.DataFrame, own: pd.DataFrame, noun: str) -> alt.LayerChart:
    """The cells, the same on both sides of the diagonal, own items outlined, a line between the sets."""
    order, pairs = list(own["a"]), cells[cells["a"] != cells["b"]]
    size = max(14, min(34, WIDTH // len(order)))
    most = max(10, int(pairs["n"].max())) if len(pairs) else 10
    shade = alt.Color("n:Q", scale=alt.Scale(type="log", domain=[1, most], range=[FEWEST, RAMP[1]], interpolate="lab"),
                      title="Common items", legend=alt.Legend(tickCount=4, format=",d"))
    place = {axis: channel(f"{axis}:N", scale=alt.Scale(domain=order), axis=alt.Axis(
        title=noun, labelLimit=140, labelAngle=-90 if axis == "a" else 0, domain=False, ticks=False))
        for channel, axis in ((alt.X, "a"), (alt.Y, "b"))}
    tips = [alt.Tooltip("a:N", title=noun), alt.Tooltip("b:N", title="and"), alt.Tooltip("n:Q", title="Common items", format=",")]
    itself = alt.Chart(own).encode(x=place["a"], y=place["b"], tooltip=[tips[0], alt.Tooltip("n:Q", title="Own items", format=",")])
    both = pd.concat([pairs, pairs.rename(columns={"a": "b", "b": "a"})], ignore_index=True)
    shared = alt.Chart(both).encode(x=place["a"], y=place["b"], tooltip=tips)
    layers = [shared.mark_rect(stroke=PAPER).encode(color=shade)] if len(both) else []
    layers += [itself.mark_rect(color=PAPER, stroke=CONTEXT)]   # after its neighbours, whose white edges would hide its own
    if len(order) <= NUMBERED:
        on = alt.ColorValue(**alt.condition(f"datum.n > {most ** 0.4}", alt.value(PAPER), alt.value(INK)))
        layers += [itself.mark_text(fontSize=9, color=INK).encode(text=alt.Text("n:Q", format=","))]
        layers += [shared.mark_text(fontSize=9).encode(text=alt.Text("n:Q", format=","), color=on)] if len(both) else []
    first = own[~own["set"].duplicated()].iloc[1:]
    for axis in ("a", "b") if len(first) else ():
        edge = place[axis].copy()
        edge.bandPosition = 0
        layers.append(alt.Chart(first).mark_rule(color=INK, strokeWidth=1.4).encode(**{"x" if axis == "a" else "y": edge}))
    return layered(*layers).properties(width=alt.Step(size), height=alt.Step(size))


def _said(cells: pd.DataFrame, own: pd.DataFrame, plural: str) -> str:
    """The subtitle: how many sets, how many pairs share items, between which numbers."""
    sizes, pairs = own["set"].value_counts().sort_index(), cells.loc[cells["a"] != cells["b"], "n"]
    possible = len(own) * (len(own) - 1) // 2
    sets = f"all {len(own)} {plural} are connected" if len(sizes) == 1 < len(own) else "only one" if len(own) == 1 else \
        f"{len(own)} {plural} in {len(sizes)} connected sets of {', '.join(map(str, sizes[:6]))}{', …' * (len(sizes) > 6)}"
    shared = f"{len(pairs):,} of {possible:,} pairs share items (others blank)"
    span = f" · from {pairs.min():,} to {pairs.max():,} items, median {pairs.median():,.0f}" if len(pairs) else ""
    return f"{sets[0].upper()}{sets[1:]} · {shared}{span}\nOutlined: own items" + " · a line divides the sets" * (len(sizes) > 1)
