"""Label Studio's JSON export: choices, ratings, comparisons, taxonomies and rankings; regions of all kinds counted per item.

Format: labelstud.io/guide/task_format and its control tags. The criterion is the control's name (`from_name`):

- choices and taxonomy: one label; where any annotation of the file picked several, one yes/no criterion an option ("CONTROL: OPTION")
- rating and number: the score; pairwise, and choices of a pair whose labels all name a side: `A`, `B` or `tie`
- ranker: the rank of each entry, or its bucket; regions, relations and choices on regions: how many of each label, 0 for none
- texts and dates hold no rating; a control of another kind is one fault

Ground truth has `rater_kind` "gold", a prediction "model" with its model version as rater and its score as `confidence`; a
cancelled annotation has that status on everything the annotator was asked. A review is a rating of layer 1, on the annotation.
The key holds the time of creation beside project and annotation, for two servers both count from 1. `rated_at` is that time
too: `updated_at` also moves when others touch the annotation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.store.platforms.fields import at, chosen, counted, described, is_pair, key, moment, number, rated, side, word
from workbench.store.platforms.kinds import looks_like, other_kind
from workbench.store.platforms.label_studio_answers import Answer, Asked, answers, levels
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw, json_records


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of a Label Studio JSON export; the file is read twice, a task at a time."""
    asked = survey(path)
    for entry in json_records(path):
        yield from [entry] if isinstance(entry, Fault) else of_task(f"task {entry[0]}", entry[1], asked, options)


def survey(path: Path) -> Asked:
    """First reading: which controls and labels occur. Errors: `RatingsError` for a file without a single task."""
    asked, other = Asked(), []
    for _, task in (entry for entry in json_records(path) if not isinstance(entry, Fault)):
        if looks_like(task) != "label-studio":
            other = other or [task]
            continue
        asked.tasks, asked.pairs = asked.tasks + 1, asked.pairs or is_pair(task["data"])
        for annotation in (*members(task, "annotations", "completions"), *members(task, "predictions")):
            asked.note(annotation)
    if other and not asked.tasks:
        raise other_kind(path.name, "label-studio", other[0])
    return asked


def members(record: dict[str, Any], *names: str) -> list[Any]:
    """The list under the first of these names that holds one."""
    return next((record[name] for name in names if isinstance(record.get(name), list)), [])


def of_task(place: str, task: Any, asked: Asked, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One task: its item, then every annotation, prediction and draft."""
    field = options.item or "id"
    item = word(at(task, field))
    if looks_like(task) != "label-studio" or item is None:
        lacking = "no data and annotations, which make a task; correct it in the file"
        yield Fault(place, f"it has no {field} to know its item by; name another field with --item" if item is None else
                    f"it has {lacking}", as_raw(task))
        return
    values = {"item_id": item} | described(task["data"])
    agreement = number(task.get("agreement"))
    yield Item(values if agreement is None else values | {"tool_agreement": agreement})
    shared = {name: values[name] for name in ("item_id", "system", "system_b", "prompt_id", "task_type") if name in values}
    annotations, predictions = members(task, "annotations", "completions"), members(task, "predictions")
    for name in ("annotations", "completions", "predictions", "drafts"):
        if not isinstance(task.get(name), list | None):
            yield Fault(f"{place}, {name}", "a list was expected; correct it in the file", as_raw(task[name]))
    if not annotations and not predictions:
        yield Silent("task without annotations")
    for kind, entries in (("annotation", annotations), ("prediction", predictions)):
        for n, entry in enumerate(entries, 1):
            yield from of_entry(f"{place}, {kind} {n}", kind, entry, judged_by(entry, kind, task, options) | shared, asked)
    for _ in members(task, "drafts"):
        yield Silent("draft")


def of_entry(place: str, kind: str, entry: Any, base: dict[str, Any], asked: Asked) -> Iterator[dict[str, Any] | Silent | Fault]:
    """One annotation or prediction, with the reviews of it."""
    if isinstance(entry, int):
        yield Silent(f"{kind} by its id alone")
    elif not isinstance(entry, dict) or not isinstance(entry.get("result"), list):
        yield Fault(place, f"the {kind} has no list of results; export it again", as_raw(entry))
    elif base["rater_id"] is None:
        yield Fault(place, "it does not say who completed it; name the rater with --set rater_id=NAME", as_raw(entry))
    else:
        yield from of_annotation(place, entry, base, asked)
        for n, review in enumerate(members(entry, "reviews") if kind == "annotation" else (), 1):
            yield of_review(f"{place}, review {n}", review, entry, base)


def judged_by(entry: Any, kind: str, task: dict[str, Any], options: Options) -> dict[str, Any]:
    """The columns that all ratings of an annotation or a prediction share: who, when, and the key they begin with."""
    entry = entry if isinstance(entry, dict) else {}
    made = (word(entry.get("created_at")) or "").replace(":", "")
    own = " ".join(filter(None, ("prediction" if kind == "prediction" else "", word(entry.get("id")) or word(task.get("id")), made)))
    base = {"rated_at": moment(entry.get("created_at")),
            "rating_id": key("label-studio", word(entry.get("project")) or word(task.get("project")) or "", own)}
    if kind == "prediction":
        return base | {"rater_id": word(entry.get("model_version")) or "prediction", "rater_kind": "model",
                       "confidence": number(entry.get("score"))}
    cancelled = any(entry.get(name) is True for name in ("was_cancelled", "was_skipped", "skipped"))
    return base | {"rater_id": person(entry.get("completed_by")) or options.values.get("rater_id"),
                   "rater_kind": "gold" if entry.get("ground_truth") is True else "human", "seconds": number(entry.get("lead_time")),
                   "started_at": moment(entry.get("draft_created_at")), "status": "cancelled" if cancelled else "rated"}


def person(who: Any) -> str | None:
    """A user, exported as an id, an address, or an object with both."""
    return word(who.get("id")) or word(who.get("email")) if isinstance(who, dict) else word(who)


def of_annotation(place: str, entry: dict[str, Any], base: dict[str, Any], asked: Asked) -> Iterator[dict[str, Any] | Silent | Fault]:
    """The ratings of one annotation or prediction, then what holds none and what is not understood."""
    told: dict[tuple[str, int | None], list[Answer]] = {}
    counts: dict[str, Counter[str]] = {}
    others: list[Silent | str] = []
    for a in answers(entry):
        if not isinstance(a, Answer) or asked.overflows(a):
            others.append(f"{a.control} has too many different labels to be levels" if isinstance(a, Answer) else a)
        elif a.kind == "region":
            counts.setdefault(a.control, Counter()).update(a.values)
        else:
            told.setdefault((a.control, a.step), []).append(a)
    cancelled, n_ratings = base.get("status") == "cancelled", 0
    blank = {(control, None): [] for control in {**levels(asked.labels), **asked.scores}} if cancelled else {}
    for (control, step), own in (blank | told).items():
        if len(own) > 1 and {a.kind for a in own} != {"labels"}:
            others.append(f"{control} is answered {len(own)} times; one answer an item was expected")
            continue
        paged = {} if step is None else {"step": step, "rating_id": f"{base['rating_id']}:{step}"}
        for rating in of_control(control, own, base | paged, asked):
            n_ratings += 1
            yield rating
    for control, labels in levels(asked.regions).items():
        for rating in counted(base, control, labels, counts.get(control, None if cancelled else {})):
            n_ratings += 1
            yield rating
    yield from (other if isinstance(other, Silent) else Fault(place, other, as_raw(entry)) for other in others)
    if not n_ratings and not others:
        yield Silent("cancelled annotation" if cancelled else "annotation without answers")


def of_control(control: str, own: list[Answer], base: dict[str, Any], asked: Asked) -> Iterator[dict[str, Any]]:
    """The ratings on one control that asks about the item as a whole; without an answer, rows without values."""
    labels = dict.fromkeys(label for a in own for label in a.values if a.kind == "labels")
    if control in asked.several and (labels or not own):
        yield from chosen(base, control, asked.labels[control], labels if own else None)
    elif not own or own[0].kind == "score":
        yield rated(base, control, score=own[0].values[0] if own else None)
    elif own[0].kind == "rank":
        for place, column, value in own[0].values:
            yield rated(base, f"{control}: {place}", control, place, **{column: value})
    else:
        label = own[0].values[0]
        yield rated(base, control, label=side(label) if own[0].kind == "labels" and asked.sides(control) else label)


def of_review(place: str, review: Any, entry: dict[str, Any], base: dict[str, Any]) -> dict[str, Any] | Fault:
    """A review: whether the reviewer accepted the annotation, which is what it judges."""
    reviewer = person(review.get("created_by")) if isinstance(review, dict) else None
    if reviewer is None or not isinstance(review.get("accepted"), bool):
        return Fault(place, "it does not say by whom and whether the annotation was accepted; export it again", as_raw(review))
    return {"item_id": f"{base['item_id']} annotation {word(entry.get('id')) or ''}".strip(), "rater_id": reviewer, "criterion": "review",
            "label": "accepted" if review["accepted"] else "rejected", "layer": 1, "selection": "review",
            "rated_at": moment(review.get("created_at")), "reviewed_rater": base["rater_id"],
            "rating_id": f"{base['rating_id']}:{key('review', word(review.get('id')) or place.split()[-1])}"}
