"""Inspect AI's evaluation logs, `.json` and `.eval`: each score of a sample is a rating by its scorer.

Format: inspect.aisi.org.uk/eval-logs. What was judged is the output on one sample in one epoch; `prompt_id` is the sample, and pairs
models and epochs. The criterion is the scorer's name; the key of a score that is a dictionary; "SCORER: 1" of one that is a list.
C, P, I and N are labels with the scores 1, 0.5, 0 and 0, as Inspect counts them; True and False are "yes" and "no" with 1 and 0.
A score of None or NaN, which Inspect writes where nothing was scored, has status "skipped"; all of a sample that ended in an error, or was
invalidated, "cancelled".

A rater is a scorer, with the model that grades where the log names it; scorers that compare texts are `rater_kind` "program", all
others "model". A score that was edited stands as it was scored, and once more by its editor, an adjudicator. A sample without
scores holds no rating.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError
from workbench.store.platforms.eval_entries import parts
from workbench.store.platforms.fields import as_text, at, extras, key, moment, number, rated, word
from workbench.store.platforms.kinds import looks_like, other_kind
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw
from workbench.store.platforms.text import PLACE

PROGRAMS = {"match", "includes", "pattern", "answer", "choice", "exact", "f1", "math"}
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of one log, a sample at a time. Errors: `RatingsError` for another kind of file."""
    log: dict[str, Any] = {}
    faults = []
    for place, kind, value in parts(path):
        if kind == "head":
            known = looks_like(log) == "inspect" and not {"stats", "invalidated"} & set(value if isinstance(value, dict) else ())
            faults += [value] if isinstance(value, Fault) else []
            log |= value if isinstance(value, dict) and not known else {}
        elif looks_like(log) != "inspect":
            break
        else:
            PLACE.set(place)
            yield from [value] if isinstance(value, Fault) else of_sample(place, value, log, options)
    if looks_like(log) != "inspect":
        raise other_kind(path.name, "inspect", log) if not faults else RatingsError(
            f"{path.name}: the head of an Inspect log was expected, and {faults[0].place} cannot be read: {faults[0].reason}.")
    yield from faults


def of_sample(place: str, sample: Any, log: dict[str, Any], options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One sample in one epoch: its item, then its scores."""
    spec, own = log["eval"], word(at(sample, "id"))
    # A retried evaluation keeps the task's id, and the samples that were done.
    run = next(filter(None, (word(spec.get(name)) for name in ("task_id", "eval_id", "run_id", "created"))), None)
    epoch = word(at(sample, "epoch")) or "1"
    item = word(at(sample, options.item)) if options.item else f"{run}:{own}:{epoch}"
    if own is None or run is None or item is None:
        yield Fault(place, f"a sample with {options.item or 'an id'}, of a log with a task_id, was expected; write the log again, or name "
                    "another field with --item", as_raw(sample))
        return
    task, model = word(spec["task"]) or run, word(spec.get("model"))
    shared = {"item_id": item, "prompt_id": f"{task}:{own}", "task_type": task} | ({"system": model} if model else {})
    texts = {"prompt": as_text(sample.get("input")), "text": output(sample), "target": as_text(sample.get("target"))}
    metadata = sample["metadata"] if isinstance(sample.get("metadata"), dict) else {}
    yield Item(extras(metadata) | {name: text for name, text in texts.items() if text} | shared)
    scores = sample.get("scores")
    if not scores:
        yield Silent("sample that ended in an error" if sample.get("error") else "sample without scores")
        return
    times = (moment(time) for time in (sample.get("completed_at"), at(log, "stats.completed_at"), spec.get("created")))
    base = shared | {"rated_at": next(filter(None, times), None), "epoch": number(sample.get("epoch")),
                     "rating_id": key("inspect", run, own, epoch)}
    broken = sample.get("error") and at(spec, "config.score_on_error") is not True
    if broken or sample.get("invalidation") or log.get("invalidated") is True:
        base["status"] = "cancelled"
    for name, score in scores.items() if isinstance(scores, dict) else [("", scores)]:
        name, where = word(name), f"{place}, score {word(name)}"
        if name is None or not isinstance(score, dict) or "value" not in score:
            yield Fault(where, "a named score with a value was expected; write the log again", as_raw(score))
        else:
            yield from of_score(where, name, score, base | scored_by(name, spec))


def output(sample: dict[str, Any]) -> str | None:
    """What the model said: the completion of its output, else the content of its first choice."""
    choices = at(sample, "output.choices")
    message = at(choices[0], "message.content") if isinstance(choices, list) and choices else None
    return as_text(at(sample, "output.completion")) or as_text(message)


def scored_by(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Who a scorer is, and of which kind."""
    scorers = [s for s in spec["scorers"] if word(at(s, "name")) == name] if isinstance(spec.get("scorers"), list) else []
    grader = word(at(scorers[0], "options.model")) or word(at(scorers[0], "options.model.model")) if scorers else None
    return {"rater_id": f"{name} ({grader})" if grader else name,
            "rater_kind": "program" if {name, name.rstrip("0123456789")} & PROGRAMS else "model"}


def of_score(place: str, name: str, score: dict[str, Any], base: dict[str, Any]) -> Iterator[dict[str, Any] | Fault]:
    """The ratings of one score: as it was scored, and as it was last edited."""
    history = [edit for edit in score["history"] if isinstance(edit, dict)] if isinstance(score.get("history"), list) else []
    edits = [edit for edit in history if word(at(edit, "provenance.author")) and edit.get("value") != "UNCHANGED"]
    first = score["value"] if not edits else None if history[0] is edits[0] else history[0].get("value")
    if not edits or history[0] is not edits[0]:
        yield from of_value(place, name, first, base)
    for edit in edits[-1:]:
        by = {"rater_id": word(at(edit, "provenance.author")), "rater_kind": "adjudicator", "layer": 1, "selection": "review",
              "rated_at": moment(at(edit, "provenance.timestamp")), "rating_id": f"{base['rating_id']}:edited"}
        yield from of_value(place, name, edit.get("value"), base | by)


def of_value(place: str, name: str, value: Any, base: dict[str, Any]) -> Iterator[dict[str, Any] | Fault]:
    """The ratings of a score's value: a scalar, or several by key or place."""
    if isinstance(value, dict):
        rows = [(word(part), (name, part), one) for part, one in value.items()]
    elif isinstance(value, list):
        rows = [(f"{name}: {n}", (name, n), one) for n, one in enumerate(value, 1)]
    else:
        rows = [(name, (name,), value)]
    for criterion, path, one in rows:
        grade = graded(one)
        if grade is None or criterion is None:
            yield Fault(place, "a score is a number, a word, true or false, or a list or object of these; correct it", as_raw(value))
        else:
            yield rated(base, criterion, *path, **(grade | ({"status": base["status"]} if "status" in base else {})))


def graded(value: Any) -> dict[str, Any] | None:
    """A scalar as score, label or both; None for what is no scalar."""
    if value is None or value == "" or isinstance(value, float) and math.isnan(value):
        return {"status": "skipped"}
    if isinstance(value, bool):
        return {"score": float(value), "label": word(value)}
    if isinstance(value, str):
        try:
            return {"score": GRADES[value], "label": value} if value in GRADES else {"score": number(float(value))}
        except ValueError:
            return {"label": word(value)}
    score = number(value)
    return None if score is None else {"score": score}
