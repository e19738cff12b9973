"""Two forms of the panel: other words for the rubric, and another queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as widgets

from workbench.review.board_text import KINDS
from workbench.review.fields import Field, button
from workbench.review.ranking import QUEUES

if TYPE_CHECKING:
    from workbench.instrument import Criterion
    from workbench.ratings import Ratings
    from workbench.review.desk import Desk

ANY = "all criteria"


class RubricForm(widgets.VBox):
    """The words of the criterion on screen in fields; what was changed in them becomes a draft of the rubric's next version."""

    def __init__(self, *, save: Callable[[], None], leave: Callable[[], None]) -> None:
        self.definition = Field(label="Definition", rows=3)
        self.why = Field(label="Why", hint="what changes, and what for")
        self.words: dict[str, Field] = {}
        self._levels = widgets.VBox()
        keep, drop = button("Save the draft", save), button("Leave", leave)
        title = widgets.HTML("<b>Propose other words.</b> They become a draft of the rubric's next version, with this unit and those that "
                             "you marked as a hole in the rubric as its cases. Nothing in force changes.")
        super().__init__([title, self.definition, self._levels, self.why, widgets.HBox([keep, drop])])
        self.add_class("wbr-form")
        self.layout.display = "none"

    def fill(self, line: Criterion) -> None:
        """Show a criterion's words as they stand in the draft, or in force."""
        self.line = line
        levels = line.scale.levels
        self.definition.show(line.definition)
        self.why.show("")
        self.words = {level: Field(label=level, text=words, rows=2) for level, words in zip(levels, line.wordings or ("",) * len(levels))}
        self._levels.children = tuple(self.words.values())

    @property
    def fields(self) -> tuple[Field, ...]:
        """What can be typed in."""
        return self.definition, self.why, *self.words.values()

    @property
    def edited(self) -> dict[str, object]:
        """What `Desk.propose` takes: only the fields that differ from what was shown."""
        before = dict(zip(self.line.scale.levels, self.line.wordings or ("",) * len(self.words)))
        words = {level: field.text for level, field in self.words.items() if field.text != before[level]}
        definition = self.definition.text if self.definition.text != self.line.definition else None
        return {"changed": self.why.text, "definition": definition, "wordings": words}


def drafted(desk: Desk) -> Criterion:
    """The words of the criterion on screen: those of the draft that is there, or those in force."""
    from workbench.review.drafts import found

    case = desk.case
    rubric = desk.ratings.rubrics.get((case.unit.rubric, case.unit.rubric_version))
    draft = found(desk.folder / "rubrics" / "drafts", rubric) if desk.folder and rubric else None
    return draft.rubric.criteria.get(case.unit.criterion, case.line) if draft else case.line


class QueueForm(widgets.VBox):
    """Which units come: kind, criterion, rater, words in the item."""

    def __init__(self, ratings: Ratings, *, kind: object, where: dict[str, object], search: str | None, apply: Callable[[], None],
                 leave: Callable[[], None]) -> None:
        own = {} if isinstance(kind, str) else {getattr(kind, "__name__", "other"): kind}
        self._kinds = {KINDS[k]: k for k in QUEUES} | own
        self.kind = Field(label="Order", options=list(self._kinds), text=next(name for name, k in self._kinds.items() if k == kind))
        self.criterion = Field(label="Criterion", options=[ANY], text=ANY)
        self.rater = Field(label="Rater", text=str(where.get("rater_id", "")), hint="units that this rater has rated")
        self.search = Field(label="Words", text=search or "", hint="in the item's id or text")
        self._ratings, self._where = ratings, dict(where)
        go, drop = button("Open this queue", apply), button("Leave", leave)
        self.fields = (self.kind, self.criterion, self.rater, self.search)
        super().__init__([*self.fields, widgets.HBox([go, drop])])
        self.add_class("wbr-form")
        self.add_class("wbr-queue")
        self.layout.display = "none"

    def fill(self) -> None:
        """Look up the criteria, once they are asked for."""
        if len(self.criterion.options) == 1:
            found = self._ratings.table.select("criterion").distinct().to_pandas()["criterion"].dropna().astype(str)
            options, own = [ANY, *sorted(found)], self._where.get("criterion")
            self.criterion.show(own if own in options else ANY, options=options)

    @property
    def chosen(self) -> dict[str, object]:
        """What `Desk` takes of it; filters that have no field here stay."""
        rest = {c: v for c, v in self._where.items() if c not in ("criterion", "rater_id")}
        criterion = {} if self.criterion.text == ANY else {"criterion": self.criterion.text}
        rater = {"rater_id": self.rater.text.strip()} if self.rater.text.strip() else {}
        return {"kind": self._kinds[self.kind.text], "where": {**rest, **criterion, **rater}, "search": self.search.text}
