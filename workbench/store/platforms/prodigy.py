"""Prodigy's JSONL export (`prodigy db-out`): accept and reject, choices, spans, comparisons; the session is the rater.

Format: prodi.gy/docs/api-interfaces. What a record says depends on what it holds:

- options: one label under "choice"; where several may be picked, one yes/no criterion an option ("choice: OPTION")
- spans of a manual interface, audio spans and relations: how many of each label ("spans: LABEL"), 0 for none
- outputs of `prodigy compare`: the preferred file, `A` or `B`, with what stood first, on criterion "preference"
- a label, or a suggested span with one: yes or no on the criterion of that name; nothing of these: accept or reject on "answer"

An ignored task has status "skipped"; rejected options and spans "not_applicable", for the annotator refused the task, not the answer.
A rater is `_annotator_id`, else `_session_id`; without named sessions that is the time the server was started, so name the rater
with --set rater_id. The item is the input (`_input_hash`), but the task itself where a suggested span is judged. Records of the
review interface are ratings of layer 1 by an adjudicator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.store.platforms.fields import LABELS_LIMIT, at, counted, described, key, moment, rated, word
from workbench.store.platforms.kinds import looks_like, other_kind
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw, json_lines, json_records

BINARY = {"accept": "yes", "reject": "no"}
SPAN_FIELDS = ("spans", "audio_spans", "relations")
MANUAL = {"ner_manual", "spans_manual", "pos_manual", "image_manual", "audio_manual", "relations", "blocks"}
SUGGESTED = {"ner", "spans", "pos", "dep", "rel"}
OF_THE_TOOL = {"answer", "options", "accept", "reject", "mapping", "tokens", "config", "label", "versions", "view_id", "meta", "user_input",
               "priority", "score", *SPAN_FIELDS}


@dataclass
class Asked:
    """What occurs in a whole file: labels of spans by their field, whether several options are picked, how many records are Prodigy's."""

    labels: dict[str, dict[str, None]] = field(default_factory=dict)
    several: bool = False
    records: int = 0


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of a Prodigy export; the file is read twice, a line at a time."""
    asked = survey(path)
    for entry in json_lines(path):
        yield from [entry] if isinstance(entry, Fault) else of_record(f"line {entry[0]}", entry[1], asked, options)


def survey(path: Path) -> Asked:
    """First reading: which labels spans have, and whether several options are picked. Errors: `RatingsError` for another kind of file."""
    asked, other = Asked(), []
    for _, record in (entry for entry in json_lines(path) if not isinstance(entry, Fault)):
        if looks_like(record) != "prodigy":
            other = other or [record]
            continue
        asked.records += 1
        style = at(record, "config.choice_style")
        asked.several |= style == "multiple" or style is None and isinstance(record.get("accept"), list) and len(record["accept"]) > 1
        for name in SPAN_FIELDS if is_manual(record) else ():
            known, counts = asked.labels.setdefault(name, {}), spans(record, name)
            known |= dict.fromkeys(counts or ()) if len(known) <= LABELS_LIMIT else {}
    if not asked.records:
        # A JSON file of another platform has no line that is a record.
        other += [entry[1] for entry in islice(json_records(path), 1) if not isinstance(entry, Fault)]
        if other:
            raise other_kind(path.name, "prodigy", other[0])
    return asked


def interface(record: dict[str, Any]) -> Any:
    """The interface a record was shown in; under review the one of the records reviewed; before they were named, by what it holds."""
    view = record.get("_view_id")
    view = record.get("view_id") if view == "review" else view
    return view if isinstance(view, str) else "ner_manual" if "tokens" in record and "label" not in record else "ner"


def is_manual(record: dict[str, Any]) -> bool:
    """Did the annotator mark the spans, so that they are an answer and no suggestion?"""
    return interface(record) in MANUAL


def spans(record: dict[str, Any], name: str) -> Counter[str] | None:
    """How many spans each label has, without those that have none; None where a span is not understood."""
    marked = record.get(name) or []
    if not isinstance(marked, list) or not all(isinstance(span, dict) for span in marked):
        return None
    labels = [label for span in marked if (label := span.get("label")) not in (None, "")]
    return None if None in map(word, labels) else Counter(map(word, labels))


def of_record(place: str, record: Any, asked: Asked, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One answered task: its item and its ratings, or why it is not understood."""
    if not isinstance(record, dict) or record.get("answer") not in (*BINARY, "ignore"):
        yield Fault(place, "an answered task was expected, its answer accept, reject or ignore; correct it in the file", as_raw(record))
        return
    suggested = interface(record) in SUGGESTED and bool(record.get("spans")) and not {"label", "options"} & set(record)
    named = (options.item,) if options.item else ("_task_hash",) if suggested else ("_input_hash", "_task_hash")
    item = next(filter(None, (word(at(record, name)) for name in named)), None)
    session = word(record.get("_annotator_id")) or word(record.get("_session_id"))
    rater, task = session or options.values.get("rater_id"), word(record.get("_task_hash")) or item
    if item is None or rater is None:
        cure = f"it has no {named[0]} to know its item by; name another field with --item" if item is None else \
            "it does not say who answered (_annotator_id, _session_id); name the rater with --set rater_id=NAME"
        yield Fault(place, cure, as_raw(record))
        return
    data = {k: v for k, v in record.items() if k not in OF_THE_TOOL}
    if sides := sides_of(record):
        data |= {f"text_{end}": at(record, f"{name}.text") for end, name in zip("ab", sides, strict=True)}
        data["input"] = at(record, "input.text")
    values = {"item_id": item} | described(data)
    yield Item(values)
    base = {name: values[name] for name in ("item_id", "system", "system_b", "prompt_id", "task_type") if name in values} | {
        "rater_id": rater, "rated_at": moment(record.get("_timestamp")), "session": word(record.get("_session_id")),
        "rating_id": key("prodigy", task, session or "", word(record.get("_timestamp")) or "")}
    if record.get("_view_id") == "review":
        base |= {"rater_kind": "adjudicator", "layer": 1, "selection": "review"}
    yield from said(place, record, base, asked)


def sides_of(record: dict[str, Any]) -> tuple[str, ...]:
    """The fields of a comparison's files A and B; nothing for other tasks."""
    mapping = record.get("mapping")
    shown = isinstance(mapping, dict) and (mapping.get("A"), mapping.get("B"))
    return shown if shown in (("accept", "reject"), ("reject", "accept")) else ()


def said(place: str, record: dict[str, Any], base: dict[str, Any], asked: Asked) -> Iterator[dict[str, Any] | Silent | Fault]:
    """The ratings of a record, by what it holds."""
    answer, skipped, found = record["answer"], {"status": "skipped"} if record["answer"] == "ignore" else {}, False
    refused = base | ({"status": "not_applicable"} if answer == "reject" else skipped)
    if "user_input" in record:
        found = True
        yield Silent("text answer")
    if sides := sides_of(record):
        picked = None if skipped else "AB"[sides.index(answer)]
        yield rated(base, "preference", label=picked, shown_first="AB"[sides.index("reject")], **skipped)
        return
    if record.get("options"):
        found = True
        yield from of_options(place, record, refused, asked)
    for name, labels in asked.labels.items() if is_manual(record) else ():
        counts = spans(record, name)
        if counts is None or len(labels) > LABELS_LIMIT:
            found = True
            yield Fault(place, f"its {name} are no list of spans with labels, or with too many different ones", as_raw(record))
        else:
            found = found or bool(labels)
            yield from counted(refused, name, labels, None if skipped else counts)
    if not found:
        label = word(record.get("label")) or next(iter(spans(record, "spans") or ()), None)
        value = None if skipped else BINARY[answer] if label else answer
        yield rated(base, label or "answer", "label" if label else "answer", label or "", label=value, **skipped)


def of_options(place: str, record: dict[str, Any], base: dict[str, Any], asked: Asked) -> Iterator[dict[str, Any] | Fault]:
    """A choice among options: one label, or yes and no for each where several may be picked."""
    listed, accepted = record["options"], record.get("accept", [])
    ids = [word(option.get("id")) if isinstance(option, dict) else None for option in listed] if isinstance(listed, list) else [None]
    picked = [word(one) for one in accepted] if isinstance(accepted, list) else [None]
    if None in ids or None in picked or len(set(ids)) < len(ids) or not set(picked) <= set(ids) or not asked.several and len(picked) > 1:
        yield Fault(place, "its options have no ids of their own, or accept is no list of such; correct it in the file", as_raw(record))
        return
    texts = {one: word(option.get("text")) or one for one, option in zip(ids, listed, strict=True)}
    twice = {text for text, n in Counter(texts.values()).items() if n > 1}
    texts = {one: f"{text} ({one})" if text in twice else text for one, text in texts.items()}
    skipped = base.get("status") == "skipped"
    if not asked.several:
        yield rated(base, "choice", label=texts[picked[0]] if picked and not skipped else None)
        return
    for one in ids:
        yield rated(base, f"choice: {texts[one]}", "choice", one, label=None if skipped else word(one in picked))
