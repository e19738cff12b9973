"""A mapping proposed for a table: what each column seems to be, and by what that was seen, as a TOML file to correct."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError, examples, shorten
from workbench.schema import BY_NAME
from workbench.store.platforms.asked import FREE, as_number
from workbench.store.platforms.cells import of_text, raw_of, records, zone_of
from workbench.store.platforms.fields import clean, is_pair, word
from workbench.store.platforms.layout import Layout
from workbench.store.platforms.rows import Fault
from workbench.store.platforms.table import COMMA
from workbench.store.rubrics import quoted

ROWS = 2_000        # that are looked at
SHORT = 20          # columns that are listed by name
RATERS = ("rater", "annotator", "worker", "judge", "coder", "labeler", "labeller", "reviewer", "expert", "participant", "user",
          "respondent")
ITEMS = ("item", "unit", "subject", "sample", "example", "document", "doc", "task", "prompt", "question", "pair", "idx", "index", "id")
ANSWERS = ("rating", "score", "label", "answer", "annotat", "judg", "vote", "grade", "preference", "choice", "rate")
KEYS = r"(rating|annotation|response|record|answer|judge?ment|submission|classification)s?_?(id|key|uuid)|uuid|guid"
CRITERIA = ("criterion", "criteria", "aspect", "dimension", "metric", "question", "attribute")
STARTS, ENDS = ("start", "begin", "accept"), ("submit", "finish", "end", "created", "complete", "time", "date", "_at", "ts")
FORMATS = ("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M",
           "%Y/%m/%d %H:%M:%S", "%b %d %Y %H:%M:%S")
READY = {"appen": {"_unit_id", "_worker_id"}, "zooniverse": {"classification_id", "annotations", "subject_ids"},
         "toloka": {"ASSIGNMENT:worker_id"}}


@dataclass(frozen=True)
class Column:
    """What the first rows show of a column."""

    name: str
    values: tuple[str, ...]     # of the rows, "" where nothing is there

    @property
    def filled(self) -> list[str]:
        """Its values."""
        return [v for v in self.values if v]

    @property
    def distinct(self) -> int:
        """How many different values it has."""
        return len(set(self.filled))

    @property
    def numbers(self) -> bool:
        """Are all its values numbers?"""
        return bool(self.filled) and all(as_number(v) is not None for v in self.filled)

    @property
    def commas(self) -> bool:
        """Are they numbers with a decimal comma?"""
        return not self.numbers and Column("", tuple(COMMA.sub("1.5", v) for v in self.filled)).numbers

    @property
    def free(self) -> bool:
        """Are its values texts, too many to be levels?"""
        return not self.numbers and self.distinct > max(FREE, len(self.filled) / 5) or any(len(v) > 200 for v in self.filled[:50])

    def called(self, words: Iterable[str]) -> bool:
        """Does its name hold one of these words?"""
        return any(part in self.name.lower() for part in words)

    def within(self, other: Column) -> bool:
        """Is it always the same for the same value of another column, which comes again?"""
        held = defaultdict(set)
        for mine, theirs in zip(self.values, other.values, strict=True):
            held[theirs].add(mine)
        return all(len(own) == 1 for own in held.values())


def guess_mapping(path: Path) -> str:
    """A mapping file proposed for a table, with the reason beside each line. Errors: `RatingsError` for what is no table."""
    rows = [entry[1] for entry in islice(records(path, Layout()), ROWS) if not isinstance(entry, Fault)]
    if not rows:
        raise RatingsError(f"{path.name}: a table with rows below its header was expected, and no row can be read. Check the file.")
    columns = [Column(name, tuple(text_of(row.get(name)) for row in rows)) for name in dict.fromkeys(name for row in rows for name in row)]
    names = {column.name for column in columns}
    for platform, needed in READY.items():
        if needed <= names:
            text = (Path(__file__).parent / "mappings" / f"{platform}.toml").read_text(encoding="utf-8")
            return f"# {path.name} looks like an export of {platform}: `workbench import {platform} FILE` reads it by this mapping.\n{text}"
    return clean(Draft(shorten(path.name), len(rows), columns).text())


def text_of(value: Any) -> str:
    """A cell as text."""
    return "" if value is None or value != value else value.strip() if isinstance(value, str) else word(value) or raw_of(value)


class Draft:
    """A mapping as it takes shape: columns are taken one after another for what they most look like."""

    def __init__(self, name: str, n: int, columns: Sequence[Column]) -> None:
        self.name, self.n, self.left = name, n, {column.name: column for column in columns}
        self.top: list[str] = []
        self.columns: list[str] = []
        self.answers: list[str] = []
        self.notes: list[str] = []
        self.groups = numbered(self.left)

    def text(self) -> str:
        """The file."""
        wide = self.wide_group()
        rater = self.take("rater_id", RATERS, wide)
        item = None if wide and of_wide(wide, rater) == "item_id" else self.take("item_id", ITEMS, wide)
        if wide:
            self.wide(wide, rater)
        else:
            self.key()
        self.times()
        if any(column.commas for column in self.left.values()):
            self.top.append('decimal = ","    # numbers are written 4,5')
        if not wide:
            self.long(item, rater)
        self.others(item, rater)
        lacking = [f"# {c}: no column looks like it; every rating needs one. Name it, or give it with --set." for c, found in
                   (("item_id", item), ("rater_id", rater)) if found is None and not (wide and of_wide(wide, rater) == c)]
        parts = [f"# Proposed for {self.name} from its first {self.n:,} rows: correct what is wrong, then\n"
                 f"# workbench import table {self.name} --mapping THIS.toml --into DATA", *self.top, "", "[columns]", *lacking,
                 *self.columns, "", *self.answers, *self.notes]
        return "\n".join(parts).rstrip() + "\n"

    def take(self, role: str, words: Sequence[str], wide: str) -> Column | None:
        """The column that looks most like an id of this kind, taken."""
        inside = set(self.groups.get(wide, ()))
        found = [c for word_ in words for c in self.left.values() if c.name not in inside and not c.free | (len(c.filled) < len(c.values))
                 and re.search(rf"(^|[^a-z]){word_}([^a-z]|$|s?_?id|name)", c.name.lower())]
        found += [c for c in self.left.values() if c.name == role]
        if role == "item_id":
            unique = [c for c in self.left.values() if c.distinct == len(c.values) and c.name not in inside]
            found = [c for c in found if c.distinct > 1] or unique
        best = found[0] if found else None
        if best:
            self.column(role, best, f"{best.distinct:,} different in {len(best.filled):,} rows")
        return best

    def column(self, role: str, column: Column, why: str) -> None:
        """Put a column under [columns]."""
        self.left.pop(column.name)
        self.columns.append(f"{quoted_key(role)} = {quoted(column.name)}    # {why}")

    def key(self) -> None:
        """Take a column that is the rows' own key, by which a rating is known again."""
        own = next((c for c in self.left.values() if c.distinct == len(c.values) > 1 and re.fullmatch(KEYS, c.name.lower())), None)
        if own:
            self.left.pop(own.name)
            self.top.append(f"key = {listed([own.name])}    # another in each row: a row is known again by it")

    def wide_group(self) -> str:
        """The stem of columns numbered on that hold answers, "" for none."""
        kinds = {stem: [self.left[name] for name in names] for stem, names in self.groups.items()}
        usable = [stem for stem, held in kinds.items() if not any(c.free for c in held) and any(c.distinct > 1 for c in held)]
        return next((stem for words in (ANSWERS, RATERS) for stem in usable if any(w in stem.lower() for w in words)), "")

    def wide(self, stem: str, rater: Column | None) -> None:
        """Propose columns numbered on as items, or as raters."""
        of, names = of_wide(stem, rater), self.groups[stem]
        whole = names if of == "rater_id" and len(names) <= SHORT else stem + "*"
        self.answers += ["[wide]", f"columns = {listed(whole)}    # {len(names)} of them, from {shorten(names[0])} to {shorten(names[-1])}",
                         f"of = {quoted(of)}    # each of them; the rows are {'items' if of == 'rater_id' else 'raters'}"]
        ends = {name[len(stem):] for name in names}
        beside = [other for other, held in self.groups.items() if other != stem and {name[len(other):] for name in held} >= ends]
        if beside:
            self.answers.append("beside = {" + ", ".join(f"{safe(o.strip('_ ')).lower()} = {quoted(o + '*')}" for o in beside)
                                + "}    # numbered alike: they go with each answer")
        values = {v for name in names for v in self.left[name].filled}
        if is_pair(self.left) and {"1", "2"} <= values <= {"0", "1", "2", "3"}:
            self.answers += ['as = "label"', "", "[values.label]    # the rows hold two sides, and these seem to name them",
                             '1 = "A"', '2 = "B"', *(f'{v} = "tie"' for v in sorted(values - {"1", "2"}))]
        for name in [n for group in (stem, *beside) for n in self.groups[group]]:
            self.left.pop(name, None)

    def times(self) -> None:
        """Take columns that hold times, and say how they are written."""
        forms = set()
        for role, words in (("started_at", STARTS), ("rated_at", ENDS)):
            for column in [c for c in self.left.values() if c.called(words) and c.filled]:
                fits = next((form for form in ("", *FORMATS) if all(is_time(v, form) for v in column.filled[:200])), None)
                if fits is None and column.numbers and all(1e9 < float(v) < 4e12 for v in column.filled):
                    fits = "ms" if float(column.filled[0]) > 1e11 else "s"
                if fits is not None:
                    forms |= {fits} - {""}
                    swapped = fits.startswith("%m/%d") and all(is_time(v, fits.replace("%m/%d", "%d/%m")) for v in column.filled[:200])
                    doubt = "; day and month cannot be told apart" if swapped else ""
                    self.column(role, column, f"times such as {shorten(column.filled[0])}{doubt}")
                    break
        seconds = next((c for c in self.left.values() if c.called(("seconds", "duration", "lead_time", "elapsed")) and c.numbers), None)
        if seconds:
            self.column("seconds", seconds, "numbers")
        if forms:
            self.top.append(f"times = {listed(sorted(forms))}")
            self.top.append('zone = "UTC"    # of times that name none: correct it')

    def long(self, item: Column | None, rater: Column | None) -> None:
        """Propose the questions: columns that differ within an item, and can be levels."""
        again = rater is not None and rater.distinct < len(rater.filled)
        found = [c for c in self.left.values() if c.filled and not c.free and c.distinct > 1
                 and (c.called(ANSWERS) or item is not None and not c.within(item) and not (again and c.within(rater)))]
        criterion = next((c for c in self.left.values() if c.called(CRITERIA) and not c.free and c.distinct > 1), None)
        told = [c for c in found if c is not criterion and (c.called(ANSWERS) or c.name.lower() == "value")]
        if criterion and len(told) == 1:
            self.column("criterion", criterion, f"names the question: {examples(sorted(set(criterion.filled)))}")
            self.column("score" if told[0].numbers else "label", told[0], "the answer to it")
            return
        if not found:
            self.answers.append("# no column looks like an answer: name one under [columns] for score or label, or as [criteria.NAME]")
        for column in found:
            self.left.pop(column.name)
            mark = next((m for m in ("\n", "|", ";") if any(m in v for v in column.filled)), None)
            name = quoted(column.name)
            self.answers += [f"[criteria.{name}]    # differs within an item: {examples(sorted(set(column.filled)))}", f"column = {name}",
                             *([f"separator = {quoted(mark)}    # several options picked"] if mark else []), ""]

    def others(self, item: Column | None, rater: Column | None) -> None:
        """What is left: what describes the item, what goes with a rating, and what is left out."""
        about = [c.name for c in self.left.values() if c.distinct and (item is not None and item.distinct < len(item.values) or c.free) and
                 item is not None and c.within(item)] or \
            [c.name for c in self.left.values() if item is not None and item.distinct == len(item.values) and c.distinct and
             not (rater and c.within(rater))]
        for name in about:
            self.left.pop(name)
        if about:
            self.top.append(f"items = {listed(about)}    # the same in all rows of an item: they describe it")
        for column in list(self.left.values()):
            if column.free or not column.filled or column.name.startswith("_"):
                self.left.pop(column.name)
                self.notes.append(f"# left out: {quoted(column.name)} "
                                  f"({'texts' if column.free else 'nothing in it' if not column.filled else 'its name begins with _'})")
            else:
                of = "the same for all ratings of a rater" if rater and column.within(rater) else "kept beside each rating"
                self.column(safe(column.name), column, of)


def numbered(names: Iterable[str]) -> dict[str, list[str]]:
    """Columns whose names differ in a number at the end: stem -> names, where there are three or more."""
    held = defaultdict(list)
    for name in names:
        if found := re.fullmatch(r"(.*?\D)(\d+)", name):
            held[found[1]].append(name)
    return {stem: own for stem, own in held.items() if len(own) > 2}


def of_wide(stem: str, rater: Column | None) -> str:
    """What columns numbered on stand for."""
    return "rater_id" if rater is None or any(w in stem.lower() for w in RATERS) else "item_id"


def listed(names: str | Sequence[str]) -> str:
    """A TOML string, or a list of them."""
    return quoted(names) if isinstance(names, str) else f"[{', '.join(map(quoted, names))}]"


def is_time(text: str, form: str) -> bool:
    """Can this be read as a time, in ISO ("") or in a format?"""
    from datetime import datetime

    found = of_text(text, Layout(times=(form,) if form else ()), zone_of("UTC")) if not as_number(text) else None
    return isinstance(found, datetime)


def safe(name: str) -> str:
    """A column's name that is not one of the contract's."""
    return f"source_{name}" if name.lower() in BY_NAME or name.startswith("_") else name


def quoted_key(name: str) -> str:
    """A TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)
