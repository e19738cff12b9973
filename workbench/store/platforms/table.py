"""Any table, long or wide: CSV, TSV, JSON, JSON Lines or Parquet, read as a mapping file says; see `layout` for what one may say.

A table that has the rating table's own column names needs no mapping. `workbench import table FILE --guess` proposes one;
`appen`, `zooniverse` and `toloka` are this importer with mappings that are at hand. Answers to a question are scores where all
are numbers, yes and no for each option where several may be picked, counts of marks, else labels; where they are texts they
hold no rating.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.errors import RatingsError, examples, shorten
from workbench.schema import BY_NAME
from workbench.store.platforms.asked import Answer, Asked, answer_of, answered, as_number
from workbench.store.platforms.cells import cell, first_cell, lacks, raw_of, records, timed, unpacked
from workbench.store.platforms.fields import clean, described, key, number, word
from workbench.store.platforms.kinds import KNOWN, looks_like
from workbench.store.platforms.layout import REST, Layout, Question, plain_layout, read_layout, starred
from workbench.store.platforms.rows import Fault, Item, Options, Silent
from workbench.store.platforms.text import PLACE

SAMPLE = 20_000     # rows by which columns that vary within an item are known
FIRST = 200         # rows by which the columns are known, where each row names its own
CRITERIA = 10_000   # questions of a file
COMMA = re.compile(r"[+-]?\d+,\d+")
NO_NUMBER = {"na", "n/a", "nan", "null", "none"}
TIMES = ("rated_at", "started_at")
NUMBERS = ("score", "seconds", "step", "layer")
KEY = ("item_id", "step", "criterion", "rubric", "rubric_version", "rater_id", "layer", "rated_at")
OF_ITEM = ("prompt_id", "system", "system_b", "task_type")

Asking = tuple[str, Question, Any, dict[str, Any]]      # criterion, question, its cell, columns of the rating that go with it


class Plan:
    """A layout as it applies to one file: its columns sorted by what they are, and what was asked."""

    def __init__(self, layout: Layout, names: list[str], questions: Mapping[str, str]) -> None:
        self.layout, self.names, self.questions, self.asked = layout, names, questions, defaultdict(Asked)
        nested = [path.partition(".")[0] for paths in layout.columns.values() for path in paths if "." in path and path not in names]
        nested += [path.partition(".")[0] for path in layout.items if "." in path and path not in names]
        self.json = [name for name in dict.fromkeys(nested) if name in names]
        wide = layout.wide.get("columns", ())
        self.wide = starred(wide, names) if isinstance(wide, str) else {name: clean(name) for name in wide if name in names}
        self.beside = {column: {star: name for name, star in starred(glob, names).items()}
                       for column, glob in layout.wide.get("beside", {}).items()}
        taken = layout.named | set(questions) | set(self.wide) | {name for held in self.beside.values() for name in held.values()}
        self.rest = [name for name in names if name and name not in taken and not name.startswith("_")]
        globs = [glob for glob in layout.items if glob != REST and not (glob.endswith(".*"))]
        self.described = [name for glob in globs for name in starred(glob, names)] + (self.rest if REST in layout.items else [])

    def ask(self, record: Mapping[str, Any]) -> Iterator[Asking]:
        """The questions that a row answers."""
        layout = self.layout
        yield from ((name, q, record.get(q.column), {}) for name, q in layout.criteria.items())
        yield from ((name, layout.asked, record.get(column), {}) for column, name in self.questions.items())
        for column, star in self.wide.items():
            beside = {name: record.get(held[star]) for name, held in self.beside.items() if star in held}
            yield layout.wide.get("criterion", "overall"), layout.asked, record.get(column), beside | {layout.wide["of"]: star}
        if layout.answers:
            yield from in_cell(record, layout)

    def answer(self, criterion: str, question: Question, value: Any) -> Answer:
        """What a cell says."""
        values = self.layout.values.get(criterion) or self.layout.values.get("label") or {}
        return answer_of(pointed(value, self.layout), question, lacking=self.layout.lacking, values=values, fields=self.layout.answers)


def in_cell(record: Mapping[str, Any], layout: Layout) -> Iterator[Asking]:
    """The questions answered in one JSON cell; a cell that holds none is one whose answer is not understood."""
    told = unpacked({"": record.get(layout.answers["column"])}, [""])
    held = told[""] if isinstance(told, dict) else None
    fields = layout.answers.get("criterion", ["task"])
    for one in held if isinstance(held, list) else [None]:
        names = [word(one.get(f)) for f in fields] if isinstance(one, dict) else []
        name = next(filter(None, names), "")
        yield name, layout.asked, one.get(layout.answers.get("value", "value")) if name else None, {}


def parse(path: Path, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """Ratings, items and what holds none, of a table; read twice where it asks questions, a row at a time."""
    plan = planned(path, options)
    for entry in records(path, plan.layout):
        if isinstance(entry, Fault):
            yield entry
            continue
        opened = unpacked(entry[1], plan.json)
        yield from of_row(opened, plan, options) if isinstance(opened, dict) else [Fault(PLACE.get(), opened, raw_of(entry[1]))]


def planned(path: Path, options: Options) -> Plan:
    """The layout of a file, and what was asked in it. Errors: `RatingsError` for a file that it does not fit."""
    layout = read_layout(options.mapping, item=options.item) if options.mapping else None
    rows = (entry[1] for entry in records(path, layout or Layout()) if not isinstance(entry, Fault))
    head = {name: value for row in islice(rows, FIRST) for name, value in row.items()}
    if not head:
        raise RatingsError(f"{path.name}: a table with rows below its header was expected, and no row can be read. Check the file, or its "
                           "delimiter in the mapping.")
    names = list(head)
    if layout is None:
        layout = plain_layout(set(names), item=options.item)
        if not {"item_id", "rater_id"} <= {*layout.columns, *options.values} or not {"score", "label"} & set(names):
            raise not_plain(path, head)
    lacking = sorted(c for c in wanted(layout) if c not in names and c.partition(".")[0] not in names)
    if lacking and (path.suffix.lower() in (".csv", ".tsv", ".txt") or set(lacking) >= wanted(layout) or hint(head)):
        raise RatingsError(f"{path.name}: the mapping names column {examples([repr(c) for c in lacking])}, which is not there. Its columns "
                           f"are: {examples(names)}. {hint(head) or 'Correct the mapping, or name its platform'}.")
    plan = Plan(layout, names, {})
    if layout.asks:
        plan.questions = questions(path, plan)
        plan = Plan(layout, names, plan.questions)
        for entry in records(path, layout):
            for criterion, question, value, _ in plan.ask(entry[1]) if not isinstance(entry, Fault) else ():
                if criterion in plan.asked or len(plan.asked) < CRITERIA:
                    plan.asked[criterion].note(plan.answer(criterion, question, value))
        if not (plan.asked or plan.wide or plan.questions):
            raise RatingsError(f"{path.name}: no column fits the mapping's [questions] or [wide]. Its columns are: {examples(names)}. "
                               "Correct the mapping.")
    return plan


def wanted(layout: Layout) -> set[str]:
    """Columns without which nothing can be read: the ids' and the key's, by any of their names, and the answers'."""
    needed = [*(layout.columns[c] for c in ("item_id", "rater_id", "score", "label") if c in layout.columns), layout.key]
    return {paths[0] for paths in needed if len(paths) == 1 and "*" not in paths[0]} | {q.column for q in layout.criteria.values()} | \
        ({layout.answers["column"]} if layout.answers else set())


def not_plain(path: Path, head: Mapping[str, Any]) -> RatingsError:
    """The error for a table without the contract's names and without a mapping."""
    cure = hint(head) or f"Propose a mapping: workbench import table {path.name} --guess"
    return RatingsError(f"{path.name}: without a mapping the columns item_id, rater_id, and score or label were expected, and "
                        f"{examples(list(head))} were found. {cure}.")


def hint(head: Mapping[str, Any]) -> str:
    """Which importer reads this, "" where none is known."""
    found = looks_like(head)
    ready = {"_unit_id": "appen", "subject_ids": "zooniverse", "ASSIGNMENT:worker_id": "toloka"}
    named = found if found in KNOWN else next((name for column, name in ready.items() if column in head), "")
    return f"It looks like an export of {named}: use `workbench import {named}`" if named else ""


def questions(path: Path, plan: Plan) -> dict[str, str]:
    """Columns that are questions by their names, or because they differ within an item; with their criterion."""
    layout = plan.layout
    found = {column: star for glob in layout.questions if glob != "varying" for column, star in starred(glob, plan.names).items()}
    if "varying" not in layout.questions:
        return found
    seen: dict[str, dict[str, int]] = {}
    varying: dict[str, None] = {}
    for n, entry in enumerate(records(path, layout)):
        item = None if isinstance(entry, Fault) else word(first_cell(entry[1], layout.columns["item_id"], layout))
        if item is not None:
            own = {name: hash(raw_of(entry[1].get(name))) for name in plan.rest}
            first = seen.setdefault(item, own)
            varying |= dict.fromkeys(name for name in plan.rest if own[name] != first[name])
        if n >= SAMPLE:
            break
    return found | {name: clean(name) for name in plan.rest if name in varying}


def of_row(record: dict[str, Any], plan: Plan, options: Options) -> Iterator[dict[str, Any] | Item | Silent | Fault]:
    """One row: its item, and its rating or answers."""
    layout, any_of = plan.layout, False
    base = columns_of(record, plan)
    if isinstance(base, dict):
        base = {c: options.values[c] for c in ("rater_id",) if c in options.values} | base
        lacking = [c for c in ("item_id", "rater_id") if c not in base and layout.wide.get("of") != c]
        if lacking:
            columns = examples(layout.columns.get(lacking[0], ("no column",)))
            base = f"it has no {lacking[0]} ({columns} is empty); fill it in, or name another column in the mapping"
    if isinstance(base, str):
        yield Fault(PLACE.get(), base, raw_of(record))
        return
    if "item_id" in base:
        values = described_in(record, plan)
        yield Item({"item_id": base["item_id"]} | values)
        base = {name: values[name] for name in OF_ITEM if name in values} | base
    if not lacks(record.get(""), layout):
        yield Silent("cell of a column without a name")     # row numbers, as a data frame writes them, change with every edit
    for criterion, question, value, beside in plan.ask(record) if layout.asks else [("", Question(), None, {})]:
        any_of = True
        made = base | {c: word(v) if c in BY_NAME else plain(v) for c, v in beside.items()}
        made["rating_id"] = own_key(record, made, layout, options)
        if not layout.asks:
            yield made
        elif layout.wide and lacks(value, layout):
            yield Silent("empty cell")
        elif not criterion:
            yield Fault(PLACE.get(), f"its column {layout.answers['column']} holds no list of answers, or one does not name its question; "
                                     "correct it", raw_of(record))
        else:
            yield from answered(made, criterion, plan.answer(criterion, question, value), plan.asked.get(criterion, Asked()), question)
    if not any_of:
        yield Silent("row without answers")


def columns_of(record: Mapping[str, Any], plan: Plan) -> dict[str, Any] | str:
    """The columns of the rating table that a row fills, or what is wrong with it."""
    layout = plan.layout
    made: dict[str, Any] = {c: v if isinstance(v, (bool, str)) else float(v) for c, v in layout.constants.items()}
    for column, paths in [*layout.columns.items(), *((further(name), (name,)) for name in plan.rest if layout.extras == REST)]:
        value = first_cell(record, paths, layout)
        value = layout.values.get(column, {}).get(word(value), value)
        if lacks(value, layout) or column in NUMBERS and isinstance(value, str) and value.strip().lower() in NO_NUMBER:
            continue
        made[column] = timed(value, layout) if column in TIMES else measured(pointed(value, layout)) if column in NUMBERS else \
            word(value) if column in BY_NAME else plain(value)
        if made[column] is None:
            wanted_ = "a word" if column not in NUMBERS else \
                'a number; where that is one, say decimal = "," in a mapping' if COMMA.fullmatch(str(value).strip()) else "a number"
            return f"column {column} is {shorten(raw_of(value))}, expected {wanted_}; correct it, or map it"
    if "replaces" in made and layout.source != Layout.source:
        made["replaces"] = key(layout.source, made["replaces"])     # as the key of what it names
    return made


def further(name: str) -> str:
    """What a column is called that the layout does not name: as in the file, but for the contract's names, which mean something else."""
    return f"source_{clean(name)}" if clean(name).lower() in BY_NAME else clean(name)


def pointed(value: Any, layout: Layout) -> Any:
    """A value, with a point where the layout says that numbers have a comma and it is one."""
    return value.replace(",", ".") if layout.decimal == "," and isinstance(value, str) and COMMA.fullmatch(value.strip()) else value


def measured(value: Any) -> float | None:
    """A number, as one or as text; true and false are 1 and 0."""
    return float(value) if isinstance(value, bool) else as_number(value) if isinstance(value, str) else number(value)


def plain(value: Any) -> Any:
    """A value of a further column: text, number, truth or time as it is, anything else as text."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return number(value)
    return clean(value) if isinstance(value, str) else value if isinstance(value, bool) else \
        value.isoformat() if isinstance(value, datetime) else raw_of(value)


def own_key(record: Mapping[str, Any], made: Mapping[str, Any], layout: Layout, options: Options) -> str:
    """The key of a row: the columns that make it, else who judged what and when."""
    given = ["" if (value := first_cell(record, (path,), layout)) is None else raw_of(value) for path in layout.key]
    if layout.key == ("rating_id",) and given[0].strip() and layout.source == Layout.source:
        return clean(given[0])
    both = {**made, **options.values}
    parts = given if any(given) else [both.get(c, "") or "" for c in KEY]
    parts += [made[layout.wide["of"]]] if layout.wide and any(given) else []
    return key(layout.source, *(part.isoformat() if isinstance(part, datetime) else part for part in parts))


def described_in(record: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """What the row says was judged."""
    data = {name: record[name] for name in plan.described if name in record and not lacks(record[name], plan.layout)}
    for path in plan.layout.items:
        held = cell(record, path) if path.endswith(".*") else None
        data |= held if isinstance(held, dict) else {}
    return described({name.rpartition(":")[2]: value for name, value in data.items()})
