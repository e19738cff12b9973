"""Two forms of the panel: other words for the rubric, and another queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as widgets

from workbench.review.ranking import QUEUES

if TYPE_CHECKING:
    from workbench.instrument import Criterion
    from workbench.ratings import Ratings
    from workbench.review.desk import Desk

ANY = "all criteria"
KIND_NAMES = {"contested": "most contested first", "audit": "random audit"}


class RubricForm(widgets.VBox):
    """The words of the criterion on screen in fields; what was changed in them becomes a draft of the rubric's next version."""

    def __init__(self, *, save: Callable[[], None], leave: Callable[[], None]) -> None:
        self.definition = widgets.Textarea(description="Definition", rows=3, continuous_update=False)
        self.why = widgets.Text(description="Why", placeholder="what changes, and what for", continuous_update=False)
        self.words: dict[str, widgets.Textarea] = {}
        self._levels = widgets.VBox()
        keep, drop = widgets.Button(description="Save the draft"), widgets.Button(description="Leave")
        keep.on_click(lambda _: save())
        drop.on_click(lambda _: leave())
        title = widgets.HTML("<b>Propose other words.</b> They become a draft of the rubric's next version, with this unit and those that "
                             "you marked as a hole in the rubric as its cases. Nothing in force changes.")
        super().__init__([title, self.definition, self._levels, self.why, widgets.HBox([keep, drop])])
        self.add_class("wbr-form")
        self.layout.display = "none"

    def fill(self, line: Criterion) -> None:
        """Show a criterion's words as they stand in the draft, or in force."""
        self.line = line
        levels = line.scale.levels
        self.definition.value, self.why.value = line.definition, ""
        self.words = {level: widgets.Textarea(value=words, description=level, rows=2, continuous_update=False)
                      for level, words in zip(levels, line.wordings or ("",) * len(levels))}
        self._levels.children = tuple(self.words.values())

    @property
    def edited(self) -> dict[str, object]:
        """What `Desk.propose` takes: only the fields that differ from what was shown."""
        before = dict(zip(self.line.scale.levels, self.line.wordings or ("",) * len(self.words)))
        words = {level: field.value for level, field in self.words.items() if field.value != before[level]}
        definition = self.definition.value if self.definition.value != self.line.definition else None
        return {"changed": self.why.value, "definition": definition, "wordings": words}


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
        names = {KIND_NAMES.get(k, k): k for k in QUEUES} | ({} if isinstance(kind, str) else {getattr(kind, "__name__", "other"): kind})
        self.kind = widgets.Dropdown(options=list(names.items()), value=kind, description="Order")
        self.criterion = widgets.Dropdown(options=[ANY], description="Criterion")
        self.rater = widgets.Text(value=str(where.get("rater_id", "")), description="Rater", placeholder="units that this rater has rated",
                                  continuous_update=False)
        self.search = widgets.Text(value=search or "", description="Words", placeholder="in the item's id or text", continuous_update=False)
        self._ratings, self._where = ratings, dict(where)
        go, drop = widgets.Button(description="Open this queue"), widgets.Button(description="Leave")
        go.on_click(lambda _: apply())
        drop.on_click(lambda _: leave())
        super().__init__([self.kind, self.criterion, self.rater, self.search, widgets.HBox([go, drop])])
        self.add_class("wbr-form")
        self.add_class("wbr-queue")
        self.layout.display = "none"

    def fill(self) -> None:
        """Look up the criteria, once they are asked for."""
        if len(self.criterion.options) == 1:
            found = self._ratings.table.select("criterion").distinct().to_pandas()["criterion"].dropna().astype(str)
            self.criterion.options = [ANY, *sorted(found)]
            own = self._where.get("criterion")
            self.criterion.value = own if own in self.criterion.options else ANY

    @property
    def chosen(self) -> dict[str, object]:
        """What `Desk` takes of it; filters that have no field here stay."""
        rest = {c: v for c, v in self._where.items() if c not in ("criterion", "rater_id")}
        criterion = {} if self.criterion.value == ANY else {"criterion": self.criterion.value}
        rater = {"rater_id": self.rater.value.strip()} if self.rater.value.strip() else {}
        return {"kind": self.kind.value, "where": {**rest, **criterion, **rater}, "search": self.search.value}
