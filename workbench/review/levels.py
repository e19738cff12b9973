"""The levels of a criterion as buttons, each beside the rubric's words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets

from workbench.review.fields import button
from workbench.review.foreign import safe

if TYPE_CHECKING:
    from workbench.review.cases import Case

GAP = "\u2002"      # between a key and what it does; not one that a browser makes narrow
WIDE = 28           # characters of a level's name on its button


class Levels(widgets.VBox):
    """A button a level; `give` is called with the name of the one that is pressed."""

    def __init__(self, *, give: Callable[[str], None]) -> None:
        self._give, self._words, self._said = give, {}, {}
        self.buttons: dict[str, widgets.Button] = {}
        super().__init__()
        self.add_class("wbr-levels")

    def fill(self, case: Case) -> None:
        """Show the levels of a unit's criterion; none on a scale of numbers."""
        words, rows = dict(zip(case.levels, case.line.wordings or ("",) * len(case.levels))), []
        self.buttons, self._words = {}, {}
        self._said = {level: f"<div class='wbr'>{safe(words[level])}</div>" for level in case.levels}
        for level in case.levels:
            self.buttons[level] = button(level, partial(self._give, level), tooltip=level)
            self._words[level] = widgets.HTML(self._said[level])
            rows.append(widgets.HBox([self.buttons[level], self._words[level]]))
            rows[-1].add_class("wbr-level")
        self.children = rows

    def mark(self, *, chosen: str | None, counts: Mapping[str, str], idle: bool) -> None:
        """Show which level is chosen, how many raters gave each as far as that may be seen, and whether one can be chosen now."""
        for place, (name, choice) in enumerate(self.buttons.items(), 1):
            self._words[name].value = self._said[name] + counts.get(name, "")
            key = f"{place}{GAP}" if place < 10 and str(place) != name else ""      # where that is not its name
            choice.description = f"{f'✓{GAP}' if name == chosen else key}{shortened(name)}"
            marked(choice, name == chosen)
            choice.disabled = idle


def shortened(name: str) -> str:
    """A level's name as it fits its button."""
    return name if len(name) <= WIDE else name[:WIDE - 1] + "…"


def marked(choice: widgets.Button, chosen: bool) -> None:
    """Show on a button whether it is the one that is chosen."""
    (choice.add_class if chosen else choice.remove_class)("wbr-chosen")
