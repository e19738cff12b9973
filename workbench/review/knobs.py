"""What can be turned on a rubric in thought: levels merged, left out or valued anew, and criteria weighed."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from typing import TYPE_CHECKING

import ipywidgets as widgets

from workbench.review import board_text
from workbench.review.foreign import safe
from workbench.review.levels import shortened

if TYPE_CHECKING:
    from workbench.reduce import Patterns

ALONE = "alone"
WORTH = {"ordinal": "Coefficients here go by the order of levels alone: what these are worth moves systems and their separation.",
         "nominal": "Names have no order: once you move what one is worth, systems have places."}
STEPS = 20          # of a slider between two neighbouring levels
HEAVIEST = 3.0      # times what a criterion weighs by itself
SHALLOW = "Its scale has no levels that could be merged or valued, or more than 30: it can only be weighed, under all criteria."


class Knobs(widgets.VBox):
    """The levels of one criterion, a row each: what the level is worth, whether it is left out, with which it is merged."""

    def __init__(self, panel: Patterns, *, moved: Callable[[], None]) -> None:
        self.levels, self._start, self._moved = panel.levels, tuple(map(float, panel.values)), moved
        self._ordered, self._quiet = panel.scale != "nominal", False
        low, high = (min(self._start), max(self._start)) if self.levels else (0.0, 0.0)
        step = min([b - a for a, b in zip(self._start, self._start[1:]) if b > a], default=1.0) / STEPS
        look = {"readout_format": ".2f", "style": {"description_width": "72px"}}
        self.worth = [widgets.FloatSlider(value, min=low, max=max(high, low + step), step=step, description=shortened(level),
                                          tooltip=level, **look) for level, value in zip(self.levels, self._start)]
        self.out = [widgets.Checkbox(False, description="leave out", indent=False) for _ in self.levels]
        self.joined = self._joiners()
        for place, slider in enumerate(self.worth):
            slider.observe(lambda change, place=place: self._push(place, change["new"]), names="value")
        for knob in (*self.out, *self.joined):
            knob.observe(lambda _: self._turned(), names="value")
        rows = [widgets.HBox([slider, out, *self.joined[place:place + 1]])
                for place, (slider, out) in enumerate(zip(self.worth, self.out))]
        for row in rows:
            row.add_class("wbr-knob")
        words = WORTH.get(panel.scale, "") if self.levels else SHALLOW
        super().__init__([*rows, widgets.HTML(board_text.inside(f"<div class='wbr-note'>{safe(words)}</div>"))])
        self.add_class("wbr-knobs")

    @property
    def asked(self) -> tuple[list[list[str]], list[str], dict[str, float]]:
        """What `what_if` takes of it: groups of merged levels, levels left out, and what levels are worth where one was moved."""
        gone = [level for level, out in zip(self.levels, self.out) if out.value]
        kept = [(place, level) for place, level in enumerate(self.levels) if not self.out[place].value]
        groups: dict[object, list[str]] = {}
        if self._ordered:
            run = 0
            for place, level in kept:
                groups.setdefault(run, []).append(level)
                run += not (place < len(self.joined) and self.joined[place].value)
        else:
            for place, level in kept:
                groups.setdefault(level if self.joined[place].value == ALONE else (self.joined[place].value,), []).append(level)
        worth = {level: slider.value for level, slider in zip(self.levels, self.worth)}
        same = tuple(worth.values()) == self._start
        return [group for group in groups.values() if len(group) > 1], gone, {} if same else worth

    def reset(self) -> None:
        """Turn everything back to the rubric as it is."""
        self._quiet = True
        for slider, value in zip(self.worth, self._start):
            slider.value = value
        for knob in (*self.out, *self.joined):
            knob.value = ALONE if isinstance(knob, widgets.Dropdown) else False
        self._quiet = False
        self._moved()

    def _joiners(self) -> list[widgets.Widget]:
        """What merges levels: with the next where they are in order, else into groups by letter."""
        if self._ordered:
            return [widgets.Checkbox(False, description=f"merge with {shortened(level)}", tooltip=f"merge with {level}",
                                     indent=False) for level in self.levels[1:]]
        letters = [f"group {letter}" for letter in ascii_uppercase[:len(self.levels) // 2]]
        return [widgets.Dropdown(options=[ALONE, *letters], value=ALONE) for _ in self.levels]

    def _push(self, place: int, value: float) -> None:
        """A level that is moved past others takes these along, as levels in order may not change places."""
        if self._quiet:
            return
        self._quiet = True
        for other, slider in enumerate(self.worth if self._ordered else []):
            if (slider.value < value and other > place) or (slider.value > value and other < place):
                slider.value = value
        self._quiet = False
        self._moved()

    def _turned(self) -> None:
        if not self._quiet:
            self._moved()


class Scales(widgets.VBox):
    """What each criterion weighs."""

    def __init__(self, criteria: list[str], *, moved: Callable[[], None]) -> None:
        self._quiet, self._moved = False, moved
        self.weight = {name: widgets.FloatSlider(1.0, min=0.0, max=HEAVIEST, step=0.1, description=shortened(name),
                                                 tooltip=name, readout_format=".1f") for name in criteria}
        for slider in self.weight.values():
            slider.observe(lambda _: None if self._quiet else moved(), names="value")
        super().__init__(list(self.weight.values()))
        self.add_class("wbr-knobs")

    @property
    def asked(self) -> dict[str, float]:
        """What `what_if` takes of it: the weights that are not 1."""
        return {name: slider.value for name, slider in self.weight.items() if slider.value != 1.0}

    def reset(self) -> None:
        """Let all criteria weigh the same."""
        self._quiet = True
        for slider in self.weight.values():
            slider.value = 1.0
        self._quiet = False
        self._moved()
