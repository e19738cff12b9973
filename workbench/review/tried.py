"""Sliders over `what_if`: a rubric altered by hand, and what agreement, the separation of systems and their ranks would be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench.review import board_text, redraw, tried_text as text
from workbench.review.item_page import STYLE
from workbench.review.knobs import Knobs, Scales
from workbench.rubric.foreseen import ALL

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings import Ratings

PAUSE = 0.3         # seconds without a move after which what takes longer is worked out: random merges, and a chart of another shape
DRAWS = 50          # random merges, as in `what_if`
TITLE = "What would the altered rubric change, beyond what any merge does?"


class Tried(widgets.VBox):
    """A rubric altered by hand. `asked` is what `what_if` takes; `found` and `order` are its answer and that of `what_if_ranking`."""

    def __init__(self, ratings: Ratings) -> None:
        from workbench.reduce import facts

        self._every, self._scanned, self._where, self._knobs, self._later, self._chart = ratings, ratings, {}, {}, None, None
        self.found, self.order = None, None
        named = sorted({key[:2] for key in facts(ratings).scales}, key=lambda key: (key[0], len(key[1]), key[1]))
        versions = {f"{rubric} {version}": (rubric, version) for rubric, version in named}
        self._version = widgets.Dropdown(options=versions, value=named[-1] if named else None, description="Rubric")
        self._criterion = widgets.Dropdown(options=[], description="Criterion")
        self._best = widgets.Dropdown(options={"high scores": "high", "low scores": "low"}, description="Good are")
        self._back = widgets.Button(description="Back to as it is")
        self._slot, self._picture = widgets.VBox(), widgets.VBox()
        self._said, self._asked, self._ranking = (widgets.HTML() for _ in range(3))
        super().__init__(self._laid_out(several=len(named) > 1))
        self.add_class("wbr-tried")
        self._version.observe(lambda _: self._try(self._open), names="value")
        self._criterion.observe(lambda change: self._try(self._turn) if change["new"] else None, names="value")
        self._best.observe(lambda _: self._try(self._tell), names="value")
        self._back.on_click(lambda _: self._try(lambda: self._slot.children[0].reset()))
        self._try(self._open)

    @property
    def asked(self) -> dict[str, Any]:
        """What is altered, as `what_if` takes it: merge, drop, values, weights."""
        each = {name: knobs.asked for name, knobs in self._knobs.items() if name != ALL}
        parts = {name: {criterion: part[place] for criterion, part in each.items() if part[place]}
                 for place, name in enumerate(("merge", "drop", "values"))}
        return parts | {"weights": self._knobs[ALL].asked if ALL in self._knobs else {}}

    @property
    def criterion(self) -> str:
        """The criterion that is shown, or `ALL`."""
        return str(self._criterion.value)

    @property
    def still(self) -> str:
        """What is shown, as a picture without widgets."""
        if self.found is None:
            return self._said.value
        return text.still(self.criterion, *self._own(), asked=self._asked.value)

    def _laid_out(self, *, several: bool) -> list[widgets.Widget]:
        """The parts in their places."""
        hint = widgets.HTML(board_text.inside(f"<div class='wbr-note'>{text.HINT}</div>"))
        knobs = widgets.VBox([*([self._version] if several else []), self._criterion, self._slot, self._best, self._back])
        seen = widgets.VBox([self._said, self._ranking])
        main = widgets.HBox([knobs, seen])
        for part, name in ((knobs, "turned"), (self._picture, "chart"), (main, "trial"), (seen, "seen"), (self._asked, "asked-for")):
            part.add_class(f"wbr-{name}")
        return [widgets.HTML(STYLE), hint, main, self._picture, self._asked]

    def _open(self) -> None:
        """Count the ratings of a version once, and begin with the rubric as it is."""
        from workbench.rubric.rehearsed import rehearsal

        self._knobs, self.found, self.order, self._slot.children = {}, None, None, ()
        several = len(self._version.options) > 1
        self._where = dict(zip(("rubric", "rubric_version"), self._version.value)) if several else {}
        self._scanned = self._every.where(**self._where)
        panels = rehearsal(self._scanned).panels
        if len(panels) > 1:
            self._knobs[ALL] = Scales(list(panels), moved=self._moved)
        self._panels = panels
        self._criterion.value = None        # so that the first is turned to, whatever was before
        self._criterion.options = [*panels, *([ALL] if len(panels) > 1 else [])]
        self._criterion.value = next(iter(panels), None)
        if not panels:
            self._said.value = board_text.inside("<h3>There is nothing to try</h3><p>No rating of this rubric counts.</p>")

    def _turn(self) -> None:
        """Show a criterion and its knobs."""
        name = self.criterion
        if name not in self._knobs:
            self._knobs[name] = Knobs(self._panels[name], moved=self._moved)
        self._slot.children = (self._knobs[name],)
        self._tell()

    def _moved(self) -> None:
        """After a move: what is quick at once, the rest once the hand rests."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._try(self._tell)
        if self._later is not None:
            self._later.cancel()
        self._try(lambda: self._tell(resting=False))
        self._later = loop.call_later(PAUSE, lambda: self._try(self._tell))
        return None

    def _own(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The answers on the criterion that is shown."""
        return tuple(table[table["criterion"] == self.criterion] for table in (self.found, self.order))

    def _tell(self, *, resting: bool = True) -> None:
        """Bring everything in sight up to date; before the hand rests without random merges, the chart's marks alone being moved."""
        from workbench.rubric.foreseen import what_if
        from workbench.rubric.foreseen_ranks import what_if_ranking

        asked, best = self.asked, self._best.value
        self.found = what_if(self._scanned, **asked, draws=DRAWS if resting else 1)
        self.order = what_if_ranking(self._scanned, **asked, best=best)
        found, order = self._own()
        if resting:
            self._chart = redraw.drawn(self._chart, found, title=TITLE)
            self._picture.children = (self._chart,)
        else:
            redraw.moved(self._chart, found)
        self._said.value = board_text.inside(text.summary(found, order, resting=resting))
        self._ranking.value = board_text.inside(text.ranking_part(order))
        self._asked.value = board_text.inside(text.asked_part(asked, best, self._where))

    def _try(self, act: Callable[[], object]) -> None:
        """Do something; what went wrong is said below."""
        board_text.attempt(act, self._said)
