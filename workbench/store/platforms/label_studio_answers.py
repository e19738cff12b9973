"""What the results of a Label Studio annotation say, a control at a time, and what a whole file shows was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workbench.store.platforms.fields import LABELS_LIMIT, number, side, word
from workbench.store.platforms.rows import Silent

SCORES = {"rating": "rating", "number": "number"}
NO_RATING = {"textarea": "text answer", "datetime": "date answer", "chatmessage": "chat message"}
REGIONS = {"rectangle", "ellipse", "polygon", "keypoint", "brush", "cube", "vector", "magicwand", "bitmask", "videorectangle",
           "videovector", "relation"}
SIDE_OF = {"left": "A", "right": "B"}


class Answer(NamedTuple):
    """What one result says: `kind` is "labels", "score", "side", "rank" or "region"; `step` the page of a task with several."""

    control: str
    kind: str
    values: tuple[Any, ...]
    step: int | None = None


@dataclass
class Asked:
    """What occurs in a whole file: the labels of controls and of regions, controls with scores, and which take several labels."""

    labels: dict[str, dict[str, None]] = field(default_factory=dict)
    regions: dict[str, dict[str, None]] = field(default_factory=dict)
    scores: dict[str, dict[str, None]] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)
    tasks: int = 0
    pairs: bool = False

    def note(self, annotation: Any) -> None:
        """Keep what an annotation shows of the controls; beyond the limit nothing more is kept."""
        held: Counter[tuple[str, int | None]] = Counter()
        for a in (a for a in answers(annotation) if isinstance(a, Answer)):
            known = self.regions if a.kind == "region" else self.labels if a.kind == "labels" else self.scores
            labels = known.setdefault(a.control, {}) if a.control in known or len(known) < LABELS_LIMIT else {}
            labels |= dict.fromkeys(a.values) if a.kind in ("region", "labels") and len(labels) <= LABELS_LIMIT else {}
            held[a.control, a.step] += len(a.values) if a.kind == "labels" else 0
        self.several |= {control for (control, _), n in held.items() if n > 1}

    def overflows(self, a: Answer) -> bool:
        """Has the file too many controls, or the answer's control too many labels, to be taken for levels?"""
        known = self.regions if a.kind == "region" else self.labels if a.kind == "labels" else self.scores
        return a.control not in known or len(known[a.control]) > LABELS_LIMIT

    def sides(self, control: str) -> bool:
        """Does the file hold pairs, and does every label of the control name a side of one, and no more?"""
        return self.pairs and all(side(label) for label in self.labels[control])


def levels(known: dict[str, dict[str, None]]) -> dict[str, dict[str, None]]:
    """The controls whose labels are few enough to be levels."""
    return {control: labels for control, labels in known.items() if len(labels) <= LABELS_LIMIT}


def answers(annotation: Any) -> Iterator[Answer | Silent | str]:
    """What each result of an annotation says; a string says why a result is not understood."""
    results = annotation.get("result") if isinstance(annotation, dict) and isinstance(annotation.get("result"), list) else []
    regions = {word(r.get("id")) for r in results if isinstance(r, dict) and is_region(r.get("type"))} - {None}
    for result in results:
        yield answer(result, on_region=word(result.get("id")) in regions) if isinstance(result, dict) else "a result is not an object"


def is_region(kind: Any) -> bool:
    """Is this the type of a result that marks a part of the item?"""
    return isinstance(kind, str) and (kind in REGIONS or kind.endswith("labels"))


def answer(result: dict[str, Any], *, on_region: bool) -> Answer | Silent | str:
    """What one result says. Choices on a region count for their labels; a score of a region is no rating of the item."""
    kind, value = result.get("type"), result.get("value") if isinstance(result.get("value"), dict) else {}
    control = word(result.get("from_name")) or (kind if kind == "relation" else None)
    if not isinstance(kind, str) or control is None and kind not in NO_RATING:
        return "a result does not name its control (from_name) and type"
    if kind in NO_RATING:
        return Silent(NO_RATING[kind])
    if is_region(kind):
        labels = names(next((held for held in (value.get(kind), value.get("labels"), result.get("labels")) if held), [""]))
        return Answer(control, "region", labels) if labels else f"the labels of a region of {control} are not a list of names"
    step = result.get("item_index")
    page = step if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 2**31 else None
    if kind in ("choices", "taxonomy"):
        labels = names(value.get(kind))
        if not all(labels) or not labels:
            return f"{control} holds no list of {kind}"
        return Answer(control, "region" if on_region else "labels", labels, page)
    if on_region:
        return f"{control} rates a region, not the item; leave it out, or ask it per item"
    if kind in SCORES:
        score = number(value.get(SCORES[kind]))
        return f"the {kind} of {control} is not a number" if score is None else Answer(control, "score", (score,), page)
    if kind == "pairwise":
        picked = SIDE_OF.get(value["selected"]) if isinstance(value.get("selected"), str) else None
        return Answer(control, "side", (picked,), page) if picked else f"{control} names neither left nor right"
    if kind == "ranker":
        ranks = places(value.get("ranker"))
        return Answer(control, "rank", ranks, page) if ranks else f"the ranking of {control} is neither a list nor buckets of names"
    return f"{control} is a control of type {kind!r}, which is not known here; leave it out of the export, or of the project"


def names(held: Any) -> tuple[str, ...]:
    """Labels of a list; a path through a tree of choices is one label, "Killed/Feloniously". Nothing where one is not a name."""
    if not isinstance(held, list):
        return ()
    paths = [[word(part) for part in label] if isinstance(label, list) else ["" if label == "" else word(label)] for label in held]
    return tuple(dict.fromkeys("/".join(path) for path in paths)) if all(path and None not in path for path in paths) else ()


def places(ranker: Any) -> tuple[tuple[str, str, Any], ...]:
    """Entries of a ranking as (entry, column, value): its rank as a score, or the bucket it was put into as a label."""
    found = [(entry, "score", float(n)) for n, entry in enumerate(ranker, 1)] if isinstance(ranker, list) else []
    if isinstance(ranker, dict):
        found = [(entry, "label", word(bucket)) for bucket, entries in ranker.items() if isinstance(entries, list) for entry in entries]
    return tuple({name: (name, column, value) for entry, column, value in found if value and (name := word(entry))}.values())
