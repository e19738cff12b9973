"""The review panel: a desk on screen. Buttons and keys call the desk, whose decision is in the store before anything else is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from workbench.errors import WorkbenchError
from workbench.review import board_text as text
from workbench.review.decisions import REASONS
from workbench.review.desk import Desk
from workbench.review.fields import Field, button, take, within
from workbench.review.foreign import safe
from workbench.review.forms import QueueForm, RubricForm, drafted
from workbench.review.item_page import CELL, STYLE
from workbench.review.keyboard import Keyboard
from workbench.review.levels import GAP, Levels, marked

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.review.ranking import Kind

PRESSED = [*"123456789snupf?", "Enter", *text.REASON_KEYS]
PAUSE = 0.4         # seconds after a decision in which the desk stands ready before it counts


def panel(ratings: Ratings, *, reviewer: str, kind: str | Kind = "contested", where: Mapping[str, object] | None = None,
          search: str | None = None, blind: bool = True, second_share: float = 0.1, seed: int = 0, limit: int = 200,
          into: str | Path | None = None) -> Board:
    """A panel to review the units of a queue by hand: the most contested first, each decision in the store before the next shows.

    reviewer: the name that decisions bear. The other arguments, and the errors, are those of `Desk`. Where the ratings are no managed
    store the panel opens to be looked at, and says how to make one. An executed notebook without a kernel shows a still picture of it.
    """
    return Board(partial(Desk, ratings, reviewer=reviewer, blind=blind, second_share=second_share, seed=seed, limit=limit, into=into),
                 kind=kind, where=dict(where or {}), search=search)


class Board(widgets.VBox):
    """A desk on screen. `desk` is at work; `press` does what a key does."""

    def __init__(self, opened: Callable[..., Desk], *, kind: str | Kind, where: dict[str, object], search: str | None) -> None:
        self.desk, self._opened = opened(kind=kind, where=where, search=search), opened
        self._reason, self._line, self._stale, self._named = None, None, True, not self.desk.blind
        self._top, self._said, self._guide = (widgets.HTML() for _ in range(3))
        self._item, self._ratings, self._rubric, self._effects = (widgets.HTML() for _ in range(4))
        self._levels = Levels(give=lambda level: self._try(partial(self._give, level)))
        self._number, self._note = Field(hint="a number; Enter gives it"), Field(hint="Note (n); Enter keeps it", rows=2)
        self._reasons = {code: self._button(name, key=key, press=key) for (code, name), key in zip(REASONS.items(), text.REASON_KEYS)}
        named = {"Enter": ("Next", "⏎"), "s": ("Skip", "s"), "u": ("Undo", "u"), "p": ("Propose a rubric edit", "p")}
        self._moves = {press: self._button(name, key=key, press=press) for press, (name, key) in named.items()}
        self._moves["Enter"].add_class("wbr-onward")
        self._form = RubricForm(save=lambda: self._try(self._save), leave=lambda: self.press("p"))
        self._queue = QueueForm(self.desk.ratings, kind=kind, where=where, search=search, apply=lambda: self.press("queue"),
                                leave=lambda: self.press("f"))
        self.keyboard = Keyboard(wanted=PRESSED, hear=self._hear)
        self._who = button("Who was overturned?", lambda: self._try(self._name), tooltip="names raters whose other ratings may yet come")
        super().__init__(self._laid_out())
        self.add_class("wbr-board").add_class("wbr-panel")
        self._guide.value = text.guide(blind=self.desk.blind)
        self._guide.layout.display = shown(not (self.desk.progress.n_decided or self.desk.read_only))
        self._show(said=self.desk.read_only or self.desk.message)
        self._tell()

    def press(self, key: str, *, serial: int | None = None) -> None:
        """Do what a key does, for the screen that it was pressed on: one for a screen that has gone since is not for this unit."""
        if key == "renew":
            return self._try(self._renew)
        if serial is not None and serial != self.keyboard.serial:
            return None
        acts = {"Enter": self._next, "s": self._skip, "u": self._undo, "note": self._keep_note,
                "number": lambda: self._give(self._number.text.strip()),
                "p": self._toggle_form, "f": self._toggle_queue, "?": self._toggle_guide, "queue": self._change_queue}
        if key in acts:
            return self._try(acts[key])
        if key in text.REASON_KEYS:
            return self._try(partial(self._give_reason, text.REASON_KEYS[key]))
        if key.isdigit() and 0 < int(key) <= len(self.desk.levels):
            return self._try(partial(self._give, self.desk.levels[int(key) - 1]))
        return None

    def _hear(self, key: str = "", serial: int | None = None, typed: Sequence[Sequence[object]] = (), button: str = "") -> None:
        """Take over what was typed, then do what the key or the button does."""
        parts = list(within(self))
        take([part for part in parts if isinstance(part, Field)], typed)
        if not button:
            return self.press(key, serial=serial)
        for pressed in (part for part in parts if serial == self.keyboard.serial and button in part._dom_classes):
            pressed.click()
        return None

    def close(self) -> None:
        """Take the panel away, and leave the desk, where one was opened."""
        super().close()
        if "desk" in vars(self):
            self.desk.close()

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the panel, and where there is no kernel its still picture."""
        now = self.desk.progress
        text.show(self._repr_mimebundle_(), words=f"Review: {now.n_decided} decided, {now.n_left} left", picture=text.still(self.desk))

    def _laid_out(self) -> list[widgets.Widget]:
        """The parts in their places."""
        top = widgets.HBox([self._top, self._button("Queue", key="f", press="f"), self._button("Keys", key="?", press="?")])
        number, note = widgets.VBox([self._number]), widgets.VBox([self._note])     # the ear knows them by these
        reasons, moves = widgets.HBox(list(self._reasons.values())), widgets.HBox(list(self._moves.values()))
        why = widgets.HTML(text.inside("<h4>Why did they differ?</h4>"))
        self._asked = widgets.VBox([self._rubric, self._levels, number, why, reasons, note])     # of a unit that is on screen
        self._desk = widgets.VBox([self._asked, moves])
        left = widgets.VBox([self._item, self._ratings])
        main = widgets.HBox([left, widgets.VBox([self._desk, self._form])])
        for part, name in ((top, "top"), (number, "number"), (note, "note"), (reasons, "reasons"), (moves, "moves"), (left, "item"),
                           (main.children[1], "desk"), (main, "main"), (self._asked, "asked")):
            part.add_class(f"wbr-{name}")
        return [self.keyboard, widgets.HTML(STYLE), top, self._queue, self._guide, self._said, main, self._effects, self._who]

    def _button(self, name: str, *, key: str, press: str) -> widgets.Button:
        """A button that says its key and does what that does."""
        return button(f"{key}{GAP}{name}", lambda: self.press(press), tooltip=text.KEYS.get(press, name))

    def _try(self, act: Callable[[], str | None]) -> None:
        """Do something and show where that led; what went wrong is said in words, and nothing else has changed."""
        try:
            words, error = act(), False
        except WorkbenchError as fault:
            words, error = str(fault), True
        except Exception as fault:
            self._said.value = text.inside(text.said(f"An error of the workbench, {type(fault).__name__}: {fault}. What you decided so far "
                                                     "is in the store; run the cell again.", error=True))
            raise
        if words is not None:
            self._show(said=words, error=error)
        if self._stale:
            try:
                asyncio.get_running_loop().call_later(PAUSE, self._tell)    # the next key need not wait for it
            except RuntimeError:
                self._tell()

    def _tell(self) -> None:
        """Say what the decisions changed."""
        if self._stale:
            found, named = self.desk.effects, self._named or not self.desk.left
            self._effects.value, self._stale = text.effects_part(found, named=named), False
            self._who.layout.display = "none" if named or found.units.empty else None

    def _name(self) -> str:
        """Say who was overturned, from now on: asked for, as it can steer what is decided later."""
        self._named = self._stale = True
        return ""

    def _show(self, *, said: str = "", error: bool = False) -> None:
        """Bring the screen up to date with the desk."""
        desk = self.desk
        self._ratings.value, self._item.value = text.ratings_part(desk), text.item_part(desk)     # no item above another's ratings
        self._said.value, self._top.value = text.inside(text.said(said, error=error)), text.progress_line(desk)
        if desk.case is not None and (desk.case.unit.criterion, desk.case.line) != self._line:
            self._show_line()
        own, idle = desk.decision, desk.case is None or bool(desk.read_only)
        self._asked.layout.display = shown(desk.case is not None)
        level = desk.case.level_of(own.score, own.label) if own else None
        self._levels.mark(chosen=level, counts=text.counts(desk), idle=idle)
        for code, choice in self._reasons.items():
            marked(choice, code == ((own.reason if own else None) or self._reason))
            choice.disabled = idle
        for press, move in self._moves.items():
            move.disabled, move.layout.display = idle, shown(desk.case is not None or press in "Enter u")
        self._moves["Enter"].disabled = desk.case is not None and own is None and not desk.read_only
        self._moves["s"].disabled = idle or own is not None
        self._moves["u"].disabled = bool(desk.read_only) or not desk.progress.n_decided + desk.progress.n_skipped

    def _show_line(self) -> None:
        """The rubric's words for the criterion on screen beside its levels."""
        case = self.desk.case
        self._line = case.unit.criterion, case.line
        definition = f"<div>{safe(case.line.definition)}</div>" if case.line.definition else ""
        assumed = "<div class='wbr-note'>There is no rubric file: these are the levels that occur.</div>" if case.scale.assumed else ""
        self._rubric.value = text.inside(f"<h4>{safe(case.unit.criterion, limit=CELL)}: your level</h4>{definition}{assumed}")
        self._levels.fill(case)
        self._number.layout.display = shown(not case.levels)

    def _give(self, level: str | float) -> str:
        """Store a level, with the reason and the note that were given before it."""
        hidden = not self.desk.revealed
        self.desk.decide(level, reason=self._reason, note=self._note.text)
        more = " Now you see what others gave; say why they differed, or change your level." if hidden else ""
        return self._stored(f"Stored: {level}.{more}")

    def _give_reason(self, reason: str) -> str:
        """Store why the raters differed; before a level is given it is kept for that."""
        if self.desk.decision is None:
            self._reason = None if self._reason == reason else reason
            return "It will be stored with your level." if self._reason else ""
        held = self.desk.decision.reason
        self.desk.decide(reason="" if held == reason else reason)
        return self._stored("Reason taken away." if held == reason else f"Stored: {REASONS[reason]}.")

    def _keep_note(self) -> str:
        """Store the note; before a level is given it waits for that."""
        if self.desk.decision is None:
            return "The note will be stored with your level." if self._note.text.strip() else ""
        self.desk.decide(note=self._note.text)
        return self._stored("Note stored.")

    def _stored(self, words: str) -> str:
        """After a decision: its effects, and the guide has served."""
        self._reason, self._guide.layout.display, self._stale = None, "none", True
        return words

    def _next(self) -> str:
        """Go on, a note that was being written being stored; not past a unit that waits for a level."""
        if self.desk.decision is None and self.desk.case is not None and not self.desk.read_only:
            return "Give a level first, or press s to leave this unit to others."
        if self.desk.decision is not None and self._note.text.strip() != (self.desk.decision.note or ""):
            self._keep_note()
        self.desk.next()
        return self._turned()

    def _skip(self) -> str:
        """Leave the unit to others."""
        self.desk.skip(note=self._note.text)
        self._turned()
        return self.desk.message or "Skipped; u brings it back."

    def _undo(self) -> str:
        """Take back the last decision."""
        self.desk.undo()
        self._stale = True
        return self._turned()

    def _turned(self) -> str:
        """Another unit is on screen, or the same anew: what was being written for the last goes."""
        own = self.desk.decision
        self._reason = None
        self._note.show(own.note or "" if own else "")
        self._number.show("")
        self._leave_form()
        self.keyboard.serial += 1
        return self.desk.message

    def _renew(self) -> str | None:
        """Keep the unit on screen from others."""
        return None if self.desk.read_only or self.desk.renew() else "This unit was taken over by another desk; Enter goes on."

    def _toggle_guide(self) -> None:
        self._guide.layout.display = shown(self._guide.layout.display == "none")

    def _toggle_form(self) -> None:
        if self._form.layout.display == "none" and self.desk.case is not None:
            self._form.fill(drafted(self.desk))
            self._form.layout.display, self._desk.layout.display = None, "none"
        else:
            self._leave_form()

    def _leave_form(self) -> None:
        """Back from the rubric's words to the levels."""
        self._form.layout.display, self._desk.layout.display = "none", None

    def _save(self) -> str:
        """Make a draft of what was changed in the form."""
        draft = self.desk.propose(**self._form.edited)
        self._leave_form()
        n = len(draft.motives)
        cases = f"{n:,} {'case' if n == 1 else 'cases'}"
        return f"Draft {draft.rubric.name} {draft.rubric.version} is in {draft.path}, with {cases}. {draft.how_to_promote}"

    def _toggle_queue(self) -> None:
        if self._queue.layout.display == "none":
            self._queue.fill()
            self._queue.layout.display = None
        else:
            self._queue.layout.display = "none"

    def _change_queue(self) -> None:
        """Open the desk anew on another queue; the one that was stays where the new one cannot be opened."""
        if (kind := self._queue.chosen["kind"]) in text.SLOW:
            self._said.value = text.inside(text.said(f"Looking for {text.SLOW[kind]}, which takes some seconds."))
        self.desk.close()
        try:
            self.desk = self._opened(**self._queue.chosen)
        except WorkbenchError:
            self.desk.next()
            raise
        self._stale = True
        self._show(said=self._turned())
        self._queue.layout.display = "none"     # once the other queue is on screen


def shown(whether: bool) -> str | None:
    """What a widget's layout says of whether it is in sight."""
    return None if whether else "none"
