"""What the exploration says, as HTML: the units that were chosen, who rated them, and the still picture of it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from workbench.chart.linked import LIGHT
from workbench.chart.style import RAMP
from workbench.review.foreign import safe
from workbench.review.item_page import CELL, cell, framed, headed, row, table
from workbench.review.overview import PAIRS, WEEKS, Layout, means

if TYPE_CHECKING:
    import numpy as np

    from workbench.review.overview import Overview

TOP, WHO = 10, 12       # units and raters in the tables
NAMES = {WEEKS: "criterion by week", PAIRS: "rater by rater"}
QUESTIONS = {WEEKS: "When did raters disagree?", PAIRS: "Who disagrees with whom?"}
EMPTY = ("<h3>There is nothing to compare</h3><p>No unit has two ratings that count. Raters who rate the same items make disagreement "
         "visible: <code>wb.agreement.connectivity(ratings)</code> shows who shares items with whom.</p>")
WHERE, WHAT_IF = "Where raters disagree", "What if the rubric were altered"
COUNTING = "Counting the ratings once, which takes some seconds on a million."
HINT = "Drag over the chart or click a cell, with Shift for more; by keyboard choose in the list. The tables and the queue follow."


def name_of(view: str) -> str:
    """A view as the reader chooses it."""
    return NAMES.get(view, f"criterion by {view.replace('_', ' ')}")


def question_of(view: str) -> str:
    """The title of a view's chart."""
    return QUESTIONS.get(view, f"Where do raters disagree, by {view.replace('_', ' ')}?")


def figures(values: object) -> str:
    """A mean with its interval."""
    low, high = values.low, values.high
    return f"{values.value:.2f} [{low:.2f}, {high:.2f}]" if low == low else f"{values.value:.2f}"


def cell_names(layout: Layout) -> dict[str, int]:
    """Each cell by a name that says what it holds, the most contested first."""
    weeks = layout.view == WEEKS
    made = {}
    for r in layout.cells.sort_values("value", ascending=False, kind="stable").itertuples():
        across = f"{r.across:%Y-%m-%d}" if weeks else r.across
        made[f"{r.value:.2f}  {r.down} · {across}  (n = {r.n_items:,})"] = r.Index
    return made


def summary(found: Overview, layout: Layout, chosen: Sequence[int], inside: np.ndarray) -> str:
    """What is chosen, how many units that are, how far their raters differ, and how many are left to review."""
    if not len(inside):
        return "<div class='wbr-note'>No unit lies there. Choose other cells.</div>"
    mean = next(means(found.units["value"].to_numpy()[inside], inside * 0, 1).itertuples())
    what = f"{len(chosen):,} of {len(layout.cells):,} cells" if chosen else "All cells"
    settled = int(found.settled[inside].sum())
    left = f"{len(inside) - settled:,} of them to review, {settled:,} settled" if settled else "none of them settled yet"
    n = f"{len(inside):,} {'unit' if len(inside) == 1 else 'units'}"
    return f"<div><b>{what}</b>: {n}, {left} · mean disagreement {figures(mean)}{' (95 % interval)' if mean.low == mean.low else ''}</div>"


def units_part(queue: pd.DataFrame) -> str:
    """The head of the queue that the selection leaves."""
    if queue.empty:
        return headed("To review, most contested first", "<div class='wbr-note'>Every unit here is settled. Choose other cells.</div>")
    steps = queue["step"].notna().any()
    rows = [row([cell(u.item_id), *([cell(u.step)] if steps else []), cell(u.criterion), f"{u.n_ratings:,}", f"{u.value:.2f}",
                 f"{u.excess:+.2f}"]) for u in queue.head(TOP).itertuples()]
    more = f"<div class='wbr-note'>The first {len(rows)} of {len(queue):,}.</div>" if len(queue) > len(rows) else ""
    heads = ["item", *(["step"] if steps else []), "criterion", "ratings", "disagreement", "beyond expected"]
    return headed("To review, most contested first", table(heads, rows) + more)


def raters_part(raters: pd.DataFrame | None) -> str:
    """Who rated what is chosen, and how far each is from the others: no rating on a unit, so that a review can still be blind."""
    if raters is None:
        return headed("Who rated them", "<div class='wbr-note'>Choose cells, and their raters stand here.</div>")
    rows = [row([safe(r.rater_id, limit=CELL), f"{r.n_items:,}", figures(r)]) for r in raters.head(WHO).itertuples()]
    more = f"<div class='wbr-note'>The {len(rows)} with most ratings, of {len(raters):,}.</div>" if len(raters) > len(rows) else ""
    return headed("Who rated them", table(["rater", "units", "disagreement with the others [95 %]"], rows) + more)


def map_part(layout: Layout) -> str:
    """The cells as a table of shaded figures."""
    wide = layout.cells.pivot(index="down", columns="across", values="value")
    wide = wide.reindex(index=layout.cells["down"].drop_duplicates(), columns=sorted(wide.columns) if layout.view == WEEKS
                        else layout.cells["across"].drop_duplicates())
    top = max(float(layout.cells["value"].max()), 1e-9)
    heads = ["", *(f"{c:%d %b}" if layout.view == WEEKS else safe(c, limit=CELL) for c in wide.columns)]
    rows = [f"<tr><th>{safe(name, limit=CELL)}</th>{''.join(shaded(v, top) for v in values)}</tr>"
            for name, values in zip(wide.index, wide.to_numpy())]
    return f"<div style='overflow-x: auto'>{table(heads, rows)}</div>"


def shaded(value: float, top: float) -> str:
    """A figure on the shade of its size."""
    if value != value:
        return "<td></td>"
    ends = [[int(color[i:i + 2], 16) for i in (1, 3, 5)] for color in RAMP]
    mixed = "".join(f"{round(a + (b - a) * value / top):02x}" for a, b in zip(*ends))
    ink = "#ffffff" if value > LIGHT * top else "#000000"
    return f"<td style='background-color: #{mixed}; color: {ink}; text-align: right'>{value:.2f}</td>"


def still(layout: Layout | None, tables: str) -> str:
    """The exploration as a picture, for where there is no kernel."""
    note = ("<div class='wbr-note'>A still picture of the exploration, as of when the cell ran. To choose in it, open it in JupyterLab "
            "(workbench lab review) and run the cell.</div>")
    if layout is None:
        return framed(note + EMPTY)
    n = layout.cells["n_items"]
    about = (f"<div class='wbr-note'>Mean disagreement of each cell: 0 all raters alike, 1 at opposite ends; {n.min():,} to {n.max():,} "
             "units a cell.</div>")
    return framed(note + headed(safe(question_of(layout.view)), about + map_part(layout)) + tables)
