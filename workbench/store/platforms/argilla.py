"""Argilla's records as exported (`to_json`, `to_list`, `to_disk`, the Hub), nested or flat, and as its server and version 1 list them.

Format: docs.argilla.io (rg.Record, rg.Response, rg.Suggestion). The criterion is the question's name:

- a label question: the label; a rating question: the score; a multi-label question: one yes/no criterion an option ("QUESTION: OPTION")
- a ranking question: the rank of each option; a span question: how many spans of each label, 0 for none
- a text question holds no rating: known from `.argilla/settings.json` beside the file (`to_disk` writes it), else by its answers, where
  one is long, or most of more than 20 are different

A submitted response is a rating by its user, a discarded one has status "skipped", a draft is none yet. Nested exports leave the status
out: their responses count as submitted. A suggestion is a rating by its agent, `rater_kind` "model", with its score as `confidence`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError
from workbench.store.platforms.fields import LABELS_LIMIT, at, chosen, counted, described, key, moment, number, rated, word
from workbench.store.platforms.kinds import looks_like, other_kind
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw, json_records

KINDS = {"label_selection": "label", "multi_label_selection": "set", "rating": "score", "ranking": "rank", "span": "span", "text": "text"}
LONG, FEW = 100, 20         # characters that no label has; different answers up to which a question is not taken for a text


@dataclass
class Question:
    """A question: its kind, "" before it is known, its options, and how often it was answered in words."""

    kind: str = ""
    options: dict[str, None] = field(default_factory=dict)
    n_words: int = 0
    is_long: bool = False

    def note(self, value: Any) -> None:
        """Keep what an answer shows of the question."""
        shape = shape_of(value)
        self.kind = self.kind or shape
        if shape == self.kind and shape in ("label", "set", "span"):
            self.n_words += shape == "label"
            self.is_long |= shape == "label" and (len(str(value)) > LONG or "\n" in str(value).strip())
            self.options |= dict.fromkeys(words(value)) if len(self.options) <= LABELS_LIMIT else {}


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of exported records; the file is read twice, a record at a time."""
    questions = survey(path)
    for entry in json_records(path):
        yield from [entry] if isinstance(entry, Fault) else of_record(f"record {entry[0]}", entry[1], questions, options)


def survey(path: Path) -> dict[str, Question]:
    """First reading: which questions and options occur. Errors: `RatingsError` for another kind of file."""
    questions, other, n_records = {}, [], 0
    for _, record in (entry for entry in json_records(path) if not isinstance(entry, Fault)):
        if looks_like(record) != "argilla":
            other = other or [record]
            continue
        n_records += 1
        for answer in (a for a in answers(record) if isinstance(a, dict)):
            questions.setdefault(answer["question"], Question()).note(answer["value"])
    if other and not n_records:
        raise other_kind(path.name, "argilla", other[0])
    for question in questions.values():
        if question.kind == "label" and (question.is_long or len(question.options) > max(FEW, question.n_words / 2)):
            question.kind = "text"
    return questions | declared(path.parent / ".argilla" / "settings.json", questions)


def declared(settings: Path, seen: dict[str, Question]) -> dict[str, Question]:
    """The questions as `to_disk` writes them beside the records; nothing where that file is absent or not understood."""
    try:
        listed = [at(entry[1], "questions") for entry in json_records(settings) if not isinstance(entry, Fault)]
    except RatingsError:
        return {}
    found = {}
    for question in listed[0] if listed and isinstance(listed[0], list) else ():
        name, kind, told = word(at(question, "name")), at(question, "settings.type"), at(question, "settings.options")
        if name and isinstance(kind, str) and kind in KINDS:
            options = [word(at(option, "value")) for option in told] if isinstance(told, list) and kind != "rating" else []
            found[name] = Question(KINDS[kind], dict.fromkeys(filter(None, options)) | seen.get(name, Question()).options)
    return found


def shape_of(value: Any) -> str:
    """What kind of question a value answers; "" for what is empty or not known."""
    if not isinstance(value, list) or not value:
        return "score" if number(value) is not None else "label" if word(value) else ""
    if all(isinstance(part, dict) for part in value):
        ranked = all(word(part.get("value")) and number(part.get("rank")) is not None for part in value)
        return "rank" if ranked else "span" if all("start" in part and word(part.get("label")) for part in value) else ""
    return "set" if all(map(word, value)) else ""


def words(value: Any) -> list[str]:
    """The labels in an answer of kind label, set or span."""
    return [word(part["label"] if isinstance(part, dict) else part) for part in value] if isinstance(value, list) else [word(value)]


def answers(record: dict[str, Any]) -> Iterator[dict[str, Any] | Silent | str]:
    """All answers of a record, whichever form it has; a string says why one is not understood."""
    responses, suggestions = record.get("responses"), record.get("suggestions")
    for name, held in (("responses", responses), ("suggestions", suggestions)):
        if not isinstance(held, list | dict | None):
            yield f"{name} is neither a list nor an object"
    for name, given in responses.items() if isinstance(responses, dict) else ():
        for one in given if isinstance(given, list) else [given]:
            yield answer(name, one, by="user_id")
    for one in responses if isinstance(responses, list) else ():
        held, stage = at(one, "values"), at(one, "status")
        if not isinstance(held, dict):
            yield Silent("empty answer") if held is None and stage in ("discarded", "draft") else "a response holds no values"
            continue
        for name, given in held.items():
            yield answer(name, one | {"value": at(given, "value")}, by="user_id")
    for name, one in suggestions.items() if isinstance(suggestions, dict) else ():
        yield answer(name, one, by="agent")
    for one in suggestions if isinstance(suggestions, list) else ():
        yield answer(at(one, "question_name"), one, by="agent")
    for name in record:
        if name.endswith(".suggestion") and record[name] is not None:
            one = {"value": record[name], "score": record.get(f"{name}.score"), "agent": record.get(f"{name}.agent")}
            yield answer(name.removesuffix(".suggestion"), one, by="agent")
        elif name.endswith(".responses") and record[name] is not None:
            yield from flat(name.removesuffix(".responses"), record[name], record.get(f"{name}.users"), record.get(f"{name}.status"))


def flat(question: str, values: Any, users: Any, stages: Any) -> Iterator[dict[str, Any] | str]:
    """The responses to a question of a flattened record: a list of values, one of users, and one of their status."""
    stages = [None] * len(values) if stages is None and isinstance(values, list) else stages
    if not all(isinstance(one, list) and len(one) == len(values) for one in (values, users, stages)):
        yield f"the responses to {question}, their users and their status are not lists of one length"
        return
    for value, user, stage in zip(values, users, stages, strict=True):
        yield answer(question, {"value": value, "user_id": user, "status": stage}, by="user_id")


def answer(question: Any, one: Any, *, by: str) -> dict[str, Any] | str:
    """One response, by a user, or one suggestion, by an agent."""
    name = word(question)
    if name is None or not isinstance(one, dict) or "value" not in one:
        return f"an answer to {name or 'no question'} is not an object with a value"
    rater = word(one.get(by)) if word(one.get(by)) != "None" else None
    when = next(filter(None, (moment(one.get(column)) for column in ("updated_at", "inserted_at"))), None)
    return {"question": name, "value": one["value"], "rater": rater, "suggested": by == "agent", "status": one.get("status"),
            "confidence": number(one.get("score")), "when": when}


def of_record(place: str, record: Any, questions: dict[str, Question], options: Options
              ) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One record: its item, then every answer."""
    named = (options.item,) if options.item else ("external_id", "id", "_server_id")
    item = next(filter(None, (word(at(record, name)) for name in named)), None)
    if looks_like(record) != "argilla" or item is None:
        yield Fault(place, f"a record was expected, with {options.item or 'id'} to know its item by, and with responses or suggestions; "
                    "correct it in the file, or name another field with --item", as_raw(record))
        return
    fields = record["fields"] if isinstance(record.get("fields"), dict) else {name: record[name] for name in record if "." not in name}
    metadata = record["metadata"] if isinstance(record.get("metadata"), dict) else {}
    values = {"item_id": item} | described(metadata | {name: fields[name] for name in fields if name not in ("id", "status", "vectors")})
    yield Item(values)
    base = {name: values[name] for name in ("item_id", "system", "system_b", "prompt_id", "task_type") if name in values}
    base["rating_id"] = key("argilla", word(record.get("_server_id")) or word(record.get("id")) or item)
    n_answers = 0
    for n_answers, said in enumerate(answers(record), 1):
        if isinstance(said, (str, Silent)):
            yield Fault(place, f"{said}; correct it in the file", as_raw(record)) if isinstance(said, str) else said
        else:
            yield from of_answer(place, said, base, questions[said["question"]], options)
    if not n_answers:
        yield Silent("record without answers")


def of_answer(place: str, said: dict[str, Any], base: dict[str, Any], question: Question, options: Options
              ) -> Iterator[dict[str, Any] | Silent | Fault]:
    """The ratings of one answer."""
    name, rater = said["question"], said["rater"] or ("suggestion" if said["suggested"] else options.values.get("rater_id"))
    discarded, empty = said["status"] == "discarded", said["value"] is None
    if said["status"] == "draft" or question.kind == "text" or empty and not discarded:
        yield Silent("draft" if said["status"] == "draft" else "text answer" if question.kind == "text" else "empty answer")
        return
    if rater is None:
        yield Fault(place, f"a response to {name} does not say whose it is; name the rater with --set rater_id=NAME", as_raw(said["value"]))
        return
    row = base | {"rater_id": rater, "rated_at": said["when"]}
    row |= {"rater_kind": "model", "confidence": said["confidence"], "rating_id": f"{base['rating_id']}:{key('suggested by ' + rater)}"} \
        if said["suggested"] else {"status": "skipped" if discarded else "rated", "rating_id": f"{base['rating_id']}:{key(rater)}"}
    ratings = None if len(question.options) > LABELS_LIMIT else of_value(name, said["value"], question, row)
    if ratings is None:
        yield Fault(place, f"the answer to {name} is not of the kind of the others ({question.kind or 'unknown'}), or there are more than "
                    f"{LABELS_LIMIT:,} different ones; correct it in the file", as_raw(said["value"]))
    else:
        yield from ratings


def of_value(name: str, value: Any, question: Question, row: dict[str, Any]) -> Iterable[dict[str, Any]] | None:
    """The ratings a value makes, without values where it is missing; None where it does not answer the question."""
    if value is not None and shape_of(value) != question.kind and not (value == [] and question.kind in ("set", "span")):
        return None
    if question.kind == "set":
        return chosen(row, name, question.options, None if value is None else words(value))
    if question.kind == "span":
        return counted(row, name, question.options, None if value is None else Counter(words(value)))
    if question.kind == "rank" and value:
        return [rated(row, f"{name}: {word(part['value'])}", name, word(part["value"]), score=number(part["rank"])) for part in value]
    return [rated(row, name, score=number(value), label=word(value) if question.kind == "label" else None)]
