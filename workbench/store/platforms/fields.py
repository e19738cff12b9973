"""Fields of exported records: by path, as words, numbers and moments; what a record says was judged; and the ratings it makes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.schema import BY_NAME

LABELS_LIMIT = 1_000        # different labels of a control beyond which they are free text, and no levels
TEXT_LIMIT = 1_000_000      # characters of an item's text that are kept
EXTRA_LIMIT = 200           # characters beyond which a field of an item is a text, and no slice

PROMPTS = ("prompt", "instruction", "question", "query", "input")
TEXTS = ("response", "completion", "answer", "output", "generation", "text", "html", "content", "document", "article")
ENDS = (("_a", "_b"), ("_1", "_2"), ("1", "2"), ("a", "b"), ("_left", "_right"))
PAIR_STEMS = ("response", "completion", "answer", "output", "generation", "text", "candidate", "summary", "translation", "option", "image")
SYSTEMS = ("model", "system")
PAIRS = {stem + a: stem + b for stem in PAIR_STEMS for a, b in ENDS}
SYSTEM_PAIRS = {stem + a: stem + b for stem in SYSTEMS for a, b in ENDS}
NOT_SAID = {"a", "an", "the", "is", "are", "winner", "wins", "win", "won", "better", "best", "prefer", "preferred", "choose", "response",
            "answer", "model", "assistant", "output", "option", "completion", "text", "side", "equally", "good"}
SIDES = {"a": "A", "b": "B", "left": "A", "right": "B", "1": "A", "2": "B", "tie": "tie", "tied": "tie", "equal": "tie", "draw": "tie",
         "same": "tie"}
OF_ITEMS = ("prompt", "text_b", "target", "tool_agreement")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(record: Any, path: str) -> Any:
    """The value at a dotted path ("data.doc_id"); a key that holds dots is found whole. None where there is none."""
    if not isinstance(record, dict):
        return None
    found = record.get(path)
    for place, mark in enumerate(path):
        if found is None and mark == "." and path[:place] in record:
            found = at(record[path[:place]], path[place + 1:])
    return found


def clean(text: str) -> str:
    """Text that can be stored: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def word(value: Any) -> str | None:
    """A scalar as text: ids and labels. True and False are "yes" and "no"; what is empty or not a scalar is None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**40 else None
    return clean(value).strip() or None if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def moment(value: Any) -> datetime | str | None:
    """A time in UTC from ISO text (without a zone: UTC) or seconds since 1970; what is neither comes back as it is, to be set aside."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value.strip())
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        seconds = number(value)
        return None if seconds is None else EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return word(value)


def as_text(value: Any) -> str | None:
    """Text, or chat messages (role and content, or its parts) as one text; other values as JSON. None where there is nothing."""
    if isinstance(value, str):
        return clean(value[:TEXT_LIMIT]) if value.strip() else None
    if isinstance(value, list) and value and all(isinstance(part, (str, dict)) for part in value):
        said = [part if isinstance(part, str) else spoken(part, alone=len(value) == 1) for part in value]
        return clean("\n\n".join(text for text in said if text)[:TEXT_LIMIT]) or None
    return None if value in (None, [], {}) else as_json(value)


def spoken(part: dict, *, alone: bool) -> str:
    """One message of a chat, with its role unless it stands alone."""
    content, role = part.get("content", part.get("text")), part.get("role")
    parts = content if isinstance(content, list) else [content]
    texts = [one if isinstance(one, str) else one["text"] if isinstance(one, dict) and isinstance(one.get("text"), str) else as_json(one)
             for one in parts if one is not None]
    text = "\n\n".join(texts) if texts else as_json(part)
    return text if alone or not isinstance(role, str) else f"{role}: {text}"


def as_json(value: Any) -> str:
    """A value as JSON, cut; nothing of one that is nested too deeply to be written."""
    try:
        return clean(json.dumps(value, ensure_ascii=False, default=str))[:TEXT_LIMIT]
    except (RecursionError, ValueError):
        return ""


def described(data: Any, *, texts: Iterable[str] = TEXTS) -> dict[str, Any]:
    """What a task's own fields say was judged: prompt, text, text_b, system, system_b, and its other short fields as extras."""
    if not isinstance(data, dict):
        return {}
    lower = {key.lower(): key for key in reversed(data)}
    found = {"prompt": first(lower, PROMPTS)} | dict(zip(("text", "text_b"), pair(lower, PAIRS), strict=True))
    found |= {"text": found["text"] or first(lower, texts) or longest(data, besides=found["prompt"])}
    named = dict(zip(("system", "system_b"), pair(lower, SYSTEM_PAIRS), strict=True))
    named["system"] = named["system"] or first(lower, SYSTEMS)
    values = {name: as_text(data[key]) for name, key in found.items() if key}
    values |= {name: word(data[key]) for name, key in named.items() if key}
    values |= {name: word(data[name]) for name in ("prompt_id", "task_type") if name in data}
    return extras(data, besides={*found.values(), *named.values()}) | {name: value for name, value in values.items() if value is not None}


def first(lower: Mapping[str, str], names: Iterable[str]) -> str | None:
    """The key of the first of these names that is there."""
    return next((lower[name] for name in names if name in lower), None)


def pair(lower: Mapping[str, str], other: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The keys of the two sides: response_a and response_b, text1 and text2. `other`: name of the first -> name of the second."""
    return next(((lower[name], lower[other[name]]) for name in lower if name in other and other[name] in lower), (None, None))


def is_pair(data: Mapping[str, Any]) -> bool:
    """Do a task's own fields hold the two sides of a pair?"""
    return pair({key.lower(): key for key in data}, PAIRS)[0] is not None


def longest(data: Mapping[str, Any], *, besides: str | None) -> str | None:
    """The key of the longest text, where no name is known."""
    texts = {key: len(value) for key, value in data.items() if isinstance(value, str) and value.strip() and key != besides}
    return max(texts, key=texts.__getitem__) if texts else None


def extras(data: Mapping[str, Any], *, besides: Iterable[str | None] = ()) -> dict[str, Any]:
    """The short scalar fields of a task, as text, but for those of the contract's names and those that begin with "_"."""
    kept: dict[str, str] = {}
    taken = {*BY_NAME, *OF_ITEMS}
    for name, value in data.items():
        known = clean(name).strip()
        if name not in besides and known and not known.startswith("_") and known.lower() not in taken and (text := word(value)):
            taken |= {known.lower()}    # columns that differ in case alone are one column to some engines
            kept |= {known: text} if len(text) <= EXTRA_LIMIT else {}
    return kept


def side(label: str) -> str | None:
    """"A", "B" or "tie" where a label of a comparison says no more than that ("a_winner", "Response B is better"), else None."""
    words = re.findall(r"[a-z]+|\d+", label.lower())
    said = [part for part in words if part not in NOT_SAID] or (["a"] if "a" in words else [])
    sides = {SIDES.get(part) for part in said}
    return sides.pop() if len(sides) == 1 and not (len(words) == 1 and words[0].isdigit()) else None


def key(*parts: object) -> str:
    """A rating's key: its parts joined by ":", those inside a part escaped."""
    return ":".join(clean(str(part)).replace("%", "%25").replace(":", "%3A") for part in parts)


def rated(base: Mapping[str, Any], criterion: str, *parts: object, **values: Any) -> dict[str, Any]:
    """A rating on one criterion: the annotation's own columns, its key made longer by `parts` (by the criterion without any)."""
    return {**base, "rating_id": f"{base['rating_id']}:{key(*(parts or (criterion,)))}", "criterion": criterion, **values}


def chosen(base: Mapping[str, Any], control: str, options: Iterable[str], picked: Iterable[str] | None) -> Iterator[dict[str, Any]]:
    """A set-valued answer: one yes/no criterion an option; `picked` None leaves the labels missing."""
    for option in options:
        yield rated(base, f"{control}: {option}", control, option, label=None if picked is None else word(option in picked))


def counted(base: Mapping[str, Any], control: str, labels: Iterable[str], counts: Mapping[str, int] | None) -> Iterator[dict[str, Any]]:
    """Spans: one criterion a label, the score their number, 0 where none was marked; a span without a label counts for its control."""
    for label in labels:
        score = None if counts is None else float(counts.get(label, 0))
        yield rated(base, f"{control}: {label}", control, label, score=score) if label else rated(base, control, score=score)
