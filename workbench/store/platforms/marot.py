"""MQM annotations as Marot reads them (TSV, a line a marked error): one score a segment, system and rater.

Format: github.com/google-research/google-research/tree/master/marot, and the older columns of google/wmt-mqm-human-evaluation.
The score, criterion "spans", is minus the sum of what the errors cost: the `weights` of criterion "spans" in the rubric file,
else those published, and column `weights` says which; `n_minor`, `n_major` ...: how many errors of each severity.

The item is DOCUMENT#SEGMENT#SYSTEM. Where the document's name does not tell the languages, and several pairs go into one dataset,
--set task_type=en-de puts the pair in front. A segment's lines may stand apart in the file. A line that cannot be read spoils its
segment, whose score would be too good without it: that is one fault more. Tests of attention ("HOTW-test") and lines without a
rater hold no rating.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError, examples
from workbench.store.platforms.fields import as_text, key, moment, number, rated, word
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw, delimited
from workbench.store.platforms.spans import CRITERION, Mark, Weights, plain, scored, weights_of
from workbench.store.platforms.text import PLACE

NEEDED = ("system", "doc", "rater", "category", "severity")
SEGMENT = ("docSegId", "seg_id", "globalSegId")     # docSegId counts within a document; of the older two seg_id does, or over all
MARKED = re.compile(r"</?v>")

Own = tuple[str, str, str, str]     # document, segment, system, rater


@dataclass
class Found:
    """The lines of one segment so far."""

    own: Own
    place: str
    row: dict[str, str]
    marks: list[Mark] = field(default_factory=list)
    latest: datetime | None = None

    def add(self, row: dict[str, str]) -> None:
        """Take a line."""
        self.marks.append(Mark(row["severity"], tuple(row["category"].split("/")) if row["category"].strip() else ()))
        time = told_at(row)
        self.latest = max(self.latest, time) if self.latest and time else self.latest or time


@dataclass
class Seen:
    """Of a whole file: segments whose lines stand apart, and those that lack a line that cannot be read."""

    apart: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of a Marot file; it is read twice, a segment at a time."""
    seen, weights, held = survey(path), weights_of(options), {}
    now: Found | None = None
    for entry in delimited(path, delimiter="\t", quotes=False):
        own = None if isinstance(entry, Fault) else own_of(entry[1])
        if now and isinstance(own, tuple) and now.own != own:
            yield from of_segment(now, seen, weights, options)
            now = None
        if not isinstance(own, tuple):
            yield entry if isinstance(entry, Fault) else Fault(PLACE.get(), own, as_raw(entry[1])) if own else Silent(silent(entry[1]))
        elif hash(own) in seen.apart:
            held.setdefault(own, Found(own, PLACE.get(), entry[1])).add(entry[1])
        else:
            now = now or Found(own, PLACE.get(), entry[1])
            now.add(entry[1])
    for one in ([now] if now else []) + list(held.values()):
        PLACE.set(one.place)
        yield from of_segment(one, seen, weights, options)


def own_of(row: dict[str, str]) -> Own | str:
    """Which segment of which system who annotated; "" for a line without a rating, else what is wrong with it."""
    if silent(row):
        return ""
    if all(value == name for name, value in row.items()):
        return "the header stands here again, as if files were joined; take that line out"
    segment = next((row[name] for name in SEGMENT if name in row), "")
    own = tuple(word(value) for value in (row["doc"], segment, row["system"], row["rater"]))
    return "it does not name document, segment, system and rater; correct it" if None in own else own


def silent(row: dict[str, str]) -> str:
    """Why a line holds no rating, "" where it does."""
    return "line without a rater" if not row["rater"].strip() and not row["severity"].strip() else \
        "test of attention" if plain(row["severity"]) == "hotw-test" else ""


def survey(path: Path) -> Seen:
    """First reading. Errors: `RatingsError` for another kind of file."""
    import numpy as np

    seen, starts, last, loose, names = Seen(), array("q"), None, False, []
    for entry in delimited(path, delimiter="\t", quotes=False):
        if not isinstance(entry, Fault):
            names = names or known(path, entry[1])
        row = dict(zip(names, entry.raw.split("\t"))) if isinstance(entry, Fault) else entry[1]
        own = own_of(row) if names and {*NEEDED} <= set(row) else None
        if isinstance(entry, Fault):
            # without its ids the line may belong to the segment before it or to the one after
            seen.broken |= {hash(own)} if isinstance(own, tuple) else {hash(last)}
            loose = not isinstance(own, tuple)
        elif isinstance(own, tuple):
            seen.broken |= {hash(own)} if loose else set()
            loose = False
            if own != last:
                starts.append(hash(own))
            last = own
    if not names:
        raise RatingsError(f"{path.name}: an MQM file with lines below its header was expected, and no line can be read. Check the file.")
    codes, counts = np.unique(np.asarray(starts), return_counts=True)
    seen.apart = set(codes[counts > 1].tolist())
    return seen


def known(path: Path, row: dict[str, str]) -> list[str]:
    """The columns of a Marot file. Errors: `RatingsError` where they are others."""
    lacking = [name for name in NEEDED if name not in row] + ([] if {*SEGMENT} & set(row) else [SEGMENT[0]])
    if lacking:
        raise RatingsError(f"{path.name}: an MQM file was expected, a TSV with the columns {', '.join(NEEDED)} and {' or '.join(SEGMENT)}; "
                           f"it has no {examples(lacking)}, but {examples(list(row))}. Name its platform, or use `workbench import table`.")
    return list(row)


def told_at(row: dict[str, str]) -> datetime | None:
    """When a line was annotated: milliseconds since 1970 in its metadata."""
    try:
        metadata = json.loads(row.get("metadata") or "{}")
    except (ValueError, RecursionError):
        return None
    time = number(metadata.get("timestamp")) if isinstance(metadata, dict) else None
    made = None if time is None else moment(time / 1000)
    return made if isinstance(made, datetime) else None


def of_segment(one: Found, seen: Seen, weights: Weights, options: Options) -> Iterator[dict[str, Any] | Item | Fault]:
    """The item and the rating of one segment, or why it has none."""
    document, segment, system, rater = one.own
    pair = options.values.get("task_type")
    prompt = f"{f'{pair}:' if pair else ''}{document}#{segment}"
    texts = {"prompt": as_text(MARKED.sub("", one.row.get("source", ""))), "text": as_text(MARKED.sub("", one.row.get("target", "")))}
    shared = {"item_id": f"{prompt}#{system}", "prompt_id": prompt, "system": system}
    yield Item(shared | {name: text for name, text in texts.items() if text})
    made = scored(one.marks, weights)
    if hash(one.own) in seen.broken:
        made = "a line of this segment cannot be read, and its score would leave that out; correct the line"
    if isinstance(made, str):
        yield Fault(one.place, made, as_raw(one.row))
        return
    base = shared | {"rater_id": rater, "rated_at": one.latest, "rating_id": key("mqm", rater, f"{prompt}#{system}")}
    yield rated(base, CRITERION, **made)
