"""Linked exploration: a chart of disagreement whose cells, once chosen, filter the tables below it and the queue of a review panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as widgets
import numpy as np
import pandas as pd

from workbench.errors import ParameterError
from workbench.review import board_text, linked_text as text
from workbench.review.board import Board, panel
from workbench.review.item_page import STYLE
from workbench.review.overview import PAIRS, WEEKS, Overview, overview
from workbench.review.ranking import KEY, MEASURES
from workbench.review.tried import Tried

if TYPE_CHECKING:
    from workbench.ratings import Ratings

ROWS = 14       # of the list of cells that are in sight
LISTEN = """
function render({ el }) {
  el.style.display = "none";
  let frame = 0;
  const attach = () => {
    const root = el.closest(".wbr-explore");
    if (!root) { frame = requestAnimationFrame(attach); return; }
    root.setAttribute("role", "region");
    root.setAttribute("aria-label", "Explore");
    root.dataset.lmSuppressShortcuts = "true";      // else the arrow keys leave the list for the notebook's cells
  };
  attach();
  return () => cancelAnimationFrame(frame);
}
export default { render };
"""
LOOKS = """
.wbr-explore { padding: 10px 14px 14px; border: 1px solid var(--jp-border-color1, #bbb); border-radius: 4px; overflow: visible;
  background: var(--jp-layout-color1, #fff); color: var(--jp-ui-font-color1, #111); }
.wbr-explore .widget-html-content { height: auto; line-height: 1.5; font-size: var(--jp-ui-font-size1, 13px); color: inherit; }
.wbr-explore .widget-html { height: auto; }
.wbr-explore .wbr-linked, .wbr-explore .wbr-tables { display: flex; flex-flow: row wrap; gap: 8px 28px; align-items: flex-start;
  overflow: visible; }
.wbr-explore .wbr-linked > * { overflow: visible; }
.wbr-explore .wbr-chart { max-width: 100%; overflow-x: auto; background: #fff; border-radius: 3px; }
.wbr-explore .wbr-list { flex: 1 1 260px; min-width: 220px; max-width: 460px; }
.wbr-explore .wbr-list .widget-select-multiple { width: 100%; height: auto; }
.wbr-explore select { color: var(--jp-ui-font-color1, #111); background-color: var(--jp-layout-color0, #fff); }
.wbr-explore .wbr-tables > .widget-html { flex: 1 1 400px; width: auto; min-width: 0; max-width: 100%; }
.wbr-explore .wbr-tables td:first-child { overflow-wrap: anywhere; }     /* ids */
.wbr-explore .wbr td { font-variant-numeric: tabular-nums; }
.wbr-explore .wbr-where > .wbr-acts { margin: 8px 0; align-items: center; gap: 8px; }
.wbr-explore .wbr-acts button.jupyter-button, .wbr-explore .wbr-turned > button { width: auto; padding: 0 12px; }
.wbr-explore .wbr-trial { display: flex; flex-flow: row wrap; gap: 8px 28px; align-items: flex-start; overflow: visible; }
.wbr-explore .wbr-turned { flex: 1 1 450px; min-width: 320px; max-width: 490px; overflow: visible; }
.wbr-explore .wbr-turned > button { align-self: flex-start; margin-left: 88px; }
.wbr-explore .wbr-seen { flex: 1 1 420px; min-width: 320px; overflow: visible; }
.wbr-explore .wbr-trial + .wbr-chart { min-height: 340px; }        /* of the chart, so that drawing it anew moves nothing */
.wbr-explore .wbr-seen td:nth-child(2) { white-space: nowrap; }
.wbr-explore .wbr-seen td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 6em; }
.wbr-explore .wbr-knobs { max-height: 420px; overflow: auto; margin: 6px 0; }
.wbr-explore .wbr-knob { flex-wrap: wrap; overflow: visible; }
.wbr-explore .wbr-knobs .widget-slider { width: 262px; }
.wbr-explore .wbr-knobs > .widget-slider { width: 96%; max-width: 440px; }
.wbr-explore .wbr-knobs .widget-readout { min-width: 40px; }
.wbr-explore .wbr-knobs .widget-checkbox { width: auto; margin-right: 8px; color: inherit; }
.wbr-explore .wbr-knobs .widget-dropdown { width: 120px; }
.wbr-explore .wbr-views button.jupyter-button { width: auto; padding: 0 16px; }
"""


class Quiet(anywidget.AnyWidget):
    """A widget without a body: the looks of the exploration, and its keys kept from the notebook around it."""

    _esm, _css = LISTEN, LOOKS


def explore(ratings: Ratings, *, reviewer: str = "", columns: Sequence[str] | None = None, blind: bool = True, second_share: float = 0.1,
            seed: int = 0, limit: int = 200, into: str | Path | None = None) -> Explorer:
    """Where do raters disagree, and which units are behind it? A chart whose cells filter the tables below it and the review queue.

    A cell's value is the mean disagreement of its units, those rated twice or more, as `disagreement.items` measures it: 0 where raters
    are alike, 1 where they stand at opposite ends of the scale. What can be chosen for the chart: criteria by a column, criteria by the
    week of a unit's last rating, or raters by raters. "Review these" opens a panel on the chosen units; for one in a cell of its own give
    `panel` the kind `explored` of what this returns. Ratings on single units are not shown, so that a review can still be blind.

    "What if the rubric were altered" turns to sliders over `rubric.what_if` and `what_if_ranking`: levels merged, left out or valued anew,
    criteria weighed, and agreement, the separation of systems and their ranks that follow the hand (`tried` of what this returns).

    reviewer: whose decisions the panel takes; "" the login. columns: to lay criteria out by; None: those that may hold slices, see
    `disagreement.slices`; a unit whose ratings differ in one stands under "(several)". The others are those of `panel`.

    An executed notebook without a kernel shows a still picture of it. The first time on a machine, some seconds go into the chart's script.
    Errors: `ParameterError` for a column that is not there; `RatingsError` as `disagreement.items`.
    """
    def opened(kind: Callable[..., pd.DataFrame]) -> Board:
        return panel(ratings, reviewer=reviewer or login(), kind=kind, blind=blind, second_share=second_share, seed=seed, limit=limit,
                     into=into)

    return Explorer(overview(ratings, columns=columns, seed=seed), opened)


def login() -> str:
    """The name that the reader is logged in by. Errors: `ParameterError` where there is none."""
    try:
        return getuser()
    except (KeyError, OSError, ImportError):
        raise ParameterError('reviewer="": the machine knows no login. Give the name that decisions shall bear: reviewer="ann".') from None


class Explorer(widgets.VBox):
    """A chart, the cells chosen in it, and what they filter. `choose` does what a drag does; `board` is the panel that was opened."""

    def __init__(self, found: Overview, opened: Callable[..., Board]) -> None:
        from workbench.chart import linked

        self.overview, self._opened, self._charts = found, opened, linked
        self.board, self.shown, self._chart, self.chosen, self.tried = None, None, None, (), None
        self._said, self._units, self._raters = (widgets.HTML() for _ in range(3))
        views = [] if found.units.empty else [(text.name_of(v), v) for v in found.views]
        self._view = widgets.Dropdown(options=views, description="Show")
        self._list = widgets.SelectMultiple()
        self._go, self._clear = widgets.Button(button_style="primary"), widgets.Button(description="Choose anew")
        self._slot = widgets.VBox()
        self._view.observe(lambda _: self._try(self._draw), names="value")
        self._list.observe(lambda change: self._try(lambda: self.choose(change["new"])), names="value")
        self._go.on_click(lambda _: self._try(self.review))
        self._clear.on_click(lambda _: self._try(self._draw))
        if views:
            self._draw()
        self._where = widgets.VBox(self._laid_out() if views else [widgets.HTML(board_text.inside(text.EMPTY))])
        self._trial, self._turn = widgets.VBox(), widgets.ToggleButtons(options={text.WHERE: False, text.WHAT_IF: True})
        self._where.add_class("wbr-where")
        self._turn.add_class("wbr-views")
        self._trial.layout.display = "none"
        self._turn.observe(lambda change: self._try(lambda: self.turn(what_if=change["new"])), names="value")
        super().__init__([Quiet(), widgets.HTML(STYLE), self._turn, self._where, self._trial])
        self.add_class("wbr-explore").add_class("wbr-panel")

    def turn(self, *, what_if: bool) -> None:
        """Turn to the sliders over `rubric.what_if`, which count the ratings the first time, or back to where raters disagree."""
        self._turn.value = what_if
        self._where.layout.display, self._trial.layout.display = ("none", None) if what_if else (None, "none")
        if what_if and self.tried is None:
            self._trial.children = (widgets.HTML(board_text.inside(board_text.said(text.COUNTING))),)
            self.tried = Tried(self.overview.ratings)
            self._trial.children = (self.tried,)

    def choose(self, cells: Iterable[int]) -> None:
        """Choose cells by their numbers, rows of `shown.cells`: the tables and the queue follow; none is all."""
        chosen = tuple(sorted(set(cells)))
        if chosen != self.chosen:
            self.chosen = chosen
            self._list.value = chosen
            self._chart.params.picked = list(chosen)
            self._tell()

    @property
    def inside(self) -> np.ndarray:
        """The places of the chosen units in `overview.units`; all where no cell is chosen."""
        return self.shown.inside(self.chosen) if self.chosen else np.arange(len(self.overview.units))

    @property
    def queue(self) -> pd.DataFrame:
        """The chosen units that nobody has settled, most contested first, as `wb.review.queue` ranks them."""
        left = self.inside[~self.overview.settled[self.inside]]
        return self.overview.units.iloc[left][[*KEY, *MEASURES]].reset_index(drop=True)

    def explored(self, ratings: Ratings, seed: int) -> pd.DataFrame:
        """`queue` as a kind of queue: wb.review.panel(ratings, reviewer="ann", kind=explorer.explored)."""
        return self.queue

    def review(self) -> None:
        """Open a panel on the chosen units below the tables; one that was open is left."""
        queue = self.queue
        if queue.empty:
            raise ParameterError("every unit in the chosen cells is settled: choose other cells.")
        self.leave_panel()

        def explored(ratings: Ratings, seed: int) -> pd.DataFrame:
            """What was chosen when the panel was opened, whatever is chosen since."""
            return queue

        self.board = self._opened(explored)
        self._slot.children = (self.board,)

    def leave_panel(self) -> None:
        """Leave the panel, so that its unit is free for others."""
        if self.board is not None:
            self._slot.children = ()
            self.board.close()
            self.board = None

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the exploration, and where there is no kernel its still picture."""
        parts = [self._said, self._units, *([self._raters] if self.chosen else [])]
        if not board_text.attended():
            self.tried = self.tried or Tried(self.overview.ratings)     # nobody will open it
        picture = text.still(self.shown, "".join(part.value for part in parts)) + (self.tried.still if self.tried else "")
        board_text.show(self._repr_mimebundle_(), words=f"Explore: {len(self.overview.units):,} units", picture=picture)

    def _laid_out(self) -> list[widgets.Widget]:
        """The parts in their places."""
        hint = widgets.HTML(board_text.inside(f"<div class='wbr-note'>{text.HINT}</div>"))
        listed = widgets.VBox([self._view, widgets.HTML("<b>Cells</b>, those that differ most first"), self._list])
        linked, acts = widgets.HBox([widgets.VBox([self._chart]), listed]), widgets.HBox([self._go, self._clear])
        tables = widgets.HBox([self._units, self._raters])
        for part, name in ((linked, "linked"), (linked.children[0], "chart"), (listed, "list"), (acts, "acts"), (tables, "tables")):
            part.add_class(f"wbr-{name}")
        return [hint, linked, self._said, acts, tables, self._slot]

    def _draw(self) -> None:
        """Lay the units out as the view says; nothing is chosen then."""
        view = self._view.value
        self.shown, self.chosen = self.overview.laid_out_by(view), ()
        cells, title = self.shown.cells, text.question_of(view)
        ends = ("rater", "rater") if view == PAIRS else ("criterion", view)
        chart = self._charts.cell_weeks(cells, title=title) if view == WEEKS else \
            self._charts.cell_map(cells, down=ends[0], across=ends[1], title=title)
        self._chart = self._chart or self._charts.live(chart)
        self._charts.redrawn(self._chart, chart, changed=lambda: self._try(self._listen))
        self._list.rows, self._list.options = min(ROWS, len(cells) + 1), list(text.cell_names(self.shown).items())
        self._tell()

    def _listen(self) -> None:
        """Take over what is chosen in the chart."""
        self.choose(self._charts.selected(self._chart, self.shown.cells))

    def _tell(self) -> None:
        """Bring the tables up to date with what is chosen."""
        inside, queue = self.inside, self.queue
        self._units.value = board_text.inside(text.units_part(queue))
        self._raters.value = board_text.inside(text.raters_part(self.overview.by_rater(inside) if self.chosen else None))
        self._go.disabled = queue.empty
        self._go.description = f"Review these {len(queue):,}" if self.chosen else f"Review all {len(queue):,}"
        self._said.value = board_text.inside(f"<div role='status'>{text.summary(self.overview, self.shown, self.chosen, inside)}</div>")

    def _try(self, act: Callable[[], object]) -> None:
        """Do something; what went wrong is said below."""
        board_text.attempt(act, self._said)
