"""Answers as they stand in the cells of a table: words, numbers, sets of options, marks; and what a whole file shows was asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workbench.errors import shorten
from workbench.store.platforms.fields import LABELS_LIMIT, chosen, counted, number, rated, word
from workbench.store.platforms.layout import Question
from workbench.store.platforms.rows import Fault, Silent, as_raw
from workbench.store.platforms.text import PLACE

FREE, SHARE = 30, 5     # more labels than this, and than a fifth of the answers, are texts
OPTIONS = 200           # of a set, or kinds of marks: each is a rating of every row
DIGITS = 400            # of the longest number
WIDEST = 500            # characters of the longest label


class Answer(NamedTuple):
    """What a cell says: `kind` is "none", "score", "label", "set", "marks" or "odd"; `values` a number, words, or a count by label."""

    kind: str
    values: Any = ()
    more: bool = False      # it says more of what was picked than its name


@dataclass
class Asked:
    """Of one question in a whole file: labels and marks, how many answers, whether all are numbers, whether several are picked."""

    labels: dict[str, None] = field(default_factory=dict)
    n: int = 0
    numbers: bool = True
    several: bool = False
    marks: bool = False
    long: bool = False

    def note(self, answer: Answer) -> None:
        """Keep what an answer shows."""
        if answer.kind in ("none", "odd"):
            return
        self.n += 1
        self.numbers &= answer.kind == "score"
        self.several |= answer.kind == "set" and len(answer.values) != 1
        self.marks |= answer.kind == "marks"
        labels = labels_of(answer)
        self.long |= any(len(label) > WIDEST for label in labels)
        if len(self.labels) <= LABELS_LIMIT and not self.long:
            self.labels |= dict.fromkeys(labels)

    def kind(self, question: Question) -> str:
        """How its answers are rated: "score", "label", "set", "marks", or "text" where they are no levels."""
        found = question.kind or ("marks" if self.marks else "score" if self.numbers else "set" if self.several else "label")
        limit = LABELS_LIMIT if found == "label" else OPTIONS
        free = self.long or len(self.labels) > limit or not question.kind and len(self.labels) > max(FREE, self.n / SHARE)
        return "text" if found != "score" and free else found


def labels_of(answer: Answer) -> tuple[str, ...]:
    """The labels of an answer; a number is one where other answers are words."""
    return (word(answer.values),) if answer.kind == "score" else tuple(answer.values)


def answer_of(cell: Any, question: Question, *, lacking: frozenset[str], values: Mapping[str, Any], fields: Mapping[str, Any]) -> Answer:
    """What a cell says. `fields`: of a list of objects, which names an option (`picked`) and which a mark (`counted`)."""
    if isinstance(cell, str) and cell.strip().startswith("["):
        cell = listed(cell)
    for mark in question.separators if isinstance(cell, str) else ():
        if isinstance(cell, str) and mark in cell.strip():
            cell = [part for part in cell.split(mark) if part.strip()]
    if isinstance(cell, list):
        return of_list(cell, question, values, fields)
    if cell is None or isinstance(cell, str) and cell.strip() in lacking:
        return Answer("none")
    name = said(cell, question, values)
    if name is None:
        return Answer("odd")
    measured = number(name) if not isinstance(name, str) else as_number(name) if question.kind in ("", "score") else None
    if measured is not None and question.kind in ("", "score"):
        return Answer("score", measured)
    kind = "set" if question.kind == "set" else "odd" if question.kind == "score" else "label"
    return Answer(kind, (word(name),))


def of_list(cell: list[Any], question: Question, values: Mapping[str, Any], fields: Mapping[str, Any]) -> Answer:
    """What a list says: options picked, or marks."""
    if cell and all(isinstance(part, dict) for part in cell):
        picked = [next((part[f] for f in fields.get("picked", ()) if part.get(f) is not None), None) for part in cell]
        if all(word(one) for one in picked):
            return Answer("set", tuple(dict.fromkeys(word(one) for one in picked)), any(part.get("answers") for part in cell))
        tools = [next((part[f] for f in fields.get("counted", ()) if part.get(f) is not None), None) for part in cell]
        return Answer("marks", Counter(word(one) for one in tools)) if all(word(one) for one in tools) else Answer("odd")
    names = [word(said(part, question, values)) for part in cell]
    return Answer("set", tuple(dict.fromkeys(names))) if all(names) else Answer("odd")


def listed(text: str) -> Any:
    """The list that a cell holds as JSON, else its text."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return held if isinstance(held, list) else text


def said(value: Any, question: Question, values: Mapping[str, Any]) -> Any:
    """An option as it is to be called: stripped, and in the rating table's word for it."""
    name = value.strip().strip(question.strip).strip() if isinstance(value, str) else value
    plain = word(name)
    return values.get(plain, name) if plain is not None else None


def as_number(text: str) -> float | None:
    """A number written as text; not as 1_000 or nan."""
    try:
        return None if len(text) > DIGITS or "_" in text else number(float(text))
    except ValueError:
        return None


def fits(answer: Answer, kind: str) -> bool:
    """Is an answer of the kind that all answers to its question are rated as?"""
    allowed = {"score": ("score",), "label": ("label", "score", "set"), "set": ("label", "score", "set"), "marks": ("marks", "set")}[kind]
    return answer.kind == "none" or answer.kind in allowed and (kind != "label" or len(labels_of(answer)) < 2)


def answered(base: Mapping[str, Any], criterion: str, answer: Answer, asked: Asked,
             question: Question) -> Iterator[dict[str, Any] | Silent | Fault]:
    """The ratings that an answer makes; a question left open is a row without a value."""
    kind = asked.kind(question)
    if answer.more:
        yield Silent("details of an answer")
    if answer.kind == "none" and (kind == "text" or not asked.n):
        yield Silent("empty cell")
    elif kind == "text":
        yield Silent(f"text answer ({shorten(criterion, 40)})")
    elif not fits(answer, kind):
        yield Fault(PLACE.get(), f"its answer to {shorten(criterion)!r} is not what others are ({kind}); correct it",
                    as_raw({criterion: str(answer.values)}))
    elif kind == "score":
        yield rated(base, criterion, score=answer.values if answer.kind == "score" else None)
    elif kind == "label":
        yield rated(base, criterion, label=next(iter(labels_of(answer)), None))
    elif kind == "set":
        yield from chosen(base, criterion, asked.labels, None if answer.kind == "none" else labels_of(answer))
    else:
        yield from counted(base, criterion, asked.labels, None if answer.kind == "none" else Counter(answer.values))
