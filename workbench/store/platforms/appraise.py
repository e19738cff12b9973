"""Appraise's score export (CSV): the slider, and the errors marked, of each segment; every submission of it, the last one counts.

Format: `ExportSystemScoresToCSV` of github.com/AppraiseDev/Appraise: user, system, item, type, source and target language, score,
document, whether of the whole document, the marked errors as JSON (not in older campaigns), start, end; mostly without a header.

- criterion "slider": the 0-100 score, left out where errors are marked and every slider of the file stands at 0 (MQM);
  "document slider": that of a whole document, whose item is the document
- criterion "spans": minus the sum of the errors' weights, which stand in the rubric file (`weights` of criterion "spans"), else
  those published, and column `weights` says which; `n_minor`, `n_major` ...: how many errors of each severity
- the item is LANGUAGES:DOCUMENT#ITEM#SYSTEM, for items are numbered anew in each document or batch; a damaged or repeated copy
  keeps its mark (#bad2); `is_qc` is true of damaged ones, of other control items and of tutorials

A login is a rater and a session. A segment submitted again is a rating of its own time that replaces the earlier one.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError, shorten
from workbench.store.platforms.delimited_text import rows_without_header
from workbench.store.platforms.fields import key, moment, number, rated, word
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw
from workbench.store.platforms.spans import CRITERION, Mark, Weights, scored, weights_of
from workbench.store.platforms.text import PLACE

COLUMNS = ("user", "system", "item", "type", "source", "target", "score", "document", "of_document", "spans", "start", "end")
COPY = re.compile(r"(bad|dup|duplicate|repeat)\w*", re.IGNORECASE)


@dataclass
class Segment:
    """One row: a segment, or a document, as submitted once."""

    user: str
    system: str
    item: str
    kind: str
    pair: str
    document: str
    marks: tuple[str, ...]
    score: float
    whole: bool
    spans: str | None
    start: float
    end: float

    @property
    def own(self) -> str:
        """The item's id."""
        parts = [self.document, *([] if self.whole else [self.item]), self.system, *self.marks]
        return f"{self.pair}:{'#'.join(parts)}"


@dataclass
class Asked:
    """What occurs in a whole file: segments, errors marked, sliders moved; and the times of what was submitted more than once."""

    segments: int = 0
    spans: bool = False
    moved: bool = False
    times: dict[int, list[float]] = field(default_factory=dict)


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of an Appraise export; the file is read twice, a row at a time."""
    asked, weights = survey(path), weights_of(options)
    for entry in rows_without_header(path):
        if isinstance(entry, Fault):
            yield entry
            continue
        found = segment_of(entry[1])
        if isinstance(found, Segment):
            yield from of_segment(found, as_raw(entry[1]), asked, weights)
        elif found:
            yield Fault(PLACE.get(), found, as_raw(",".join(entry[1])))
        else:
            yield Silent("header")


def segment_of(fields: list[str]) -> Segment | str:
    """A row as a segment, "" for a header, else what is wrong with it."""
    if len(fields) not in (11, 12):
        return f"it has {len(fields)} fields, expected the 11 or 12 of an Appraise export; correct it"
    row = dict(zip(COLUMNS, fields if len(fields) == 12 else [*fields[:9], None, *fields[9:]], strict=True))
    if row["score"].strip().casefold() == "score":
        return ""
    score, start, end = (measure(row[name]) for name in ("score", "start", "end"))
    user, system, item, document = (word(row[name]) for name in ("user", "system", "item", "document"))
    if None in (score, start, end) or None in (user, system, item, document) or row["of_document"] not in ("True", "False"):
        return "its score and times are not numbers, or it does not say who scored which system, document and item; correct it"
    short, parts = system, []
    for part in document.split("#"):
        short = part if system.endswith(f".{part}") else short
        parts += [part] if part not in (system, short) else []
    marks = tuple(part for part in parts if COPY.fullmatch(part))
    kind = "TUTORIAL" if "tutorial" in document else row["type"].strip() or "TGT"
    if kind not in ("TGT", "TUTORIAL") and not marks:
        marks = (kind,)
    pair = f"{row['source'].strip()}-{row['target'].strip()}"
    return Segment(user, short, item, kind, pair, "#".join(part for part in parts if part not in marks) or document, marks, score,
                   row["of_document"] == "True", row["spans"], start, end)


def measure(text: str) -> float | None:
    """A finite number written as text."""
    try:
        return number(float(text))
    except ValueError:
        return None


def survey(path: Path) -> Asked:
    """First reading. Errors: `RatingsError` for a file without a single segment."""
    import numpy as np

    asked, codes, ends, first = Asked(), array("q"), array("d"), ""
    for entry in rows_without_header(path):
        found = None if isinstance(entry, Fault) else segment_of(entry[1])
        if not isinstance(found, Segment):
            first = first or (shorten(",".join(entry[1]), 80) if not isinstance(entry, Fault) and found else "")
            continue
        asked.segments += 1
        asked.spans |= found.spans is not None
        asked.moved |= found.score != 0 and not found.whole
        codes.append(hash((found.user, found.own)))
        ends.append(found.end)
    if not asked.segments:
        raise RatingsError(f"{path.name}: an Appraise export was expected, rows of {', '.join(COLUMNS)}, and "
                           f"{f'{first!r}' if first else 'no such row'} was found. Name its platform, or use `workbench import table`.")
    order = np.lexsort((np.asarray(ends), np.asarray(codes)))
    known, moments = np.asarray(codes)[order], np.asarray(ends)[order]
    same = np.concatenate([known[1:] == known[:-1], [False]])
    for at in np.flatnonzero(same | np.roll(same, 1)):
        asked.times.setdefault(int(known[at]), []).append(float(moments[at]))
    return asked


def of_segment(one: Segment, raw: str, asked: Asked, weights: Weights) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One submission: its item, the slider, and the errors marked."""
    times = asked.times.get(hash((one.user, one.own)), ())
    earlier = max((time for time in times if time < one.end), default=None)
    base = {"item_id": one.own, "prompt_id": f"{one.pair}:{one.document}" + ("" if one.whole else f"#{one.item}"), "rater_id": one.user,
            "session": one.user, "system": one.system, "task_type": one.pair, "started_at": moment(one.start), "rated_at": moment(one.end),
            "seconds": one.end - one.start if one.end > one.start else None, "is_qc": one.kind != "TGT", "item_type": one.kind,
            "rating_id": key("appraise", one.user, one.own, repr(one.end))}
    yield Item({name: base[name] for name in ("item_id", "prompt_id", "system", "task_type")})
    before = None if earlier is None else {"rating_id": key("appraise", one.user, one.own, repr(earlier))}
    if one.whole or asked.moved or not asked.spans:
        yield superseding(base, before, "document slider" if one.whole else "slider", score=one.score)
    else:
        yield Silent("slider that nobody moved in the whole file")
    if one.spans is not None and not one.whole:
        marks = marks_of(one.spans)
        made = marks if isinstance(marks, str) else scored(marks, weights)
        yield Fault(PLACE.get(), made, raw) if isinstance(made, str) else superseding(base, before, CRITERION, **made)


def superseding(base: dict[str, Any], before: dict[str, Any] | None, criterion: str, **values: Any) -> dict[str, Any]:
    """A rating, which replaces that of the earlier submission where there is one."""
    return rated(base, criterion, **values) | ({"replaces": rated(before, criterion)["rating_id"]} if before else {})


def marks_of(text: str) -> list[Mark] | str:
    """The errors of a segment, or what is wrong with them."""
    try:
        held = json.loads(text or "[]")
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, list) or not all(isinstance(span, dict) and isinstance(span.get("severity"), str) for span in held):
        return "its marked errors are not a JSON list of spans with a severity; correct it, for its score would leave them out"
    kinds = [span.get("error_type") or [] for span in held]
    kinds = [[kind] if isinstance(kind, str) else kind for kind in kinds]
    if not all(isinstance(kind, list) and all(isinstance(part, str) for part in kind) for kind in kinds):
        return "the type of a marked error is not a list of words; correct it"
    return [Mark(span["severity"], tuple(kind)) for span, kind in zip(held, kinds, strict=True)]
