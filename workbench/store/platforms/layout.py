"""How a table is laid out: a mapping file (TOML), which says what its columns are in the rating table's terms.

    item_id = "_unit_id"              # under [columns]: column of the rating table = column of the file; any other name is kept
                                      # as a column too. "metadata.started_at" goes into a JSON cell, "*" there into its first
                                      # entry; of a list of columns the first with a value counts, "INPUT:*" means all these together
    [constants]  rubric = "r"         # the same for all ratings
    [values.status]  SKIPPED = "skipped"      # words of the file -> of the rating table, for a column or a criterion
    [criteria.tone]  column = "q1"    # a question: the column that holds its answer, and, where they differ from [questions],
                                      # separator, strip, and `as` "score", "label" or "set"
    [questions]  columns = ["OUTPUT:*"]       # each such column is a question, * its criterion; "varying": columns that differ within
                                      # an item. separator: between options picked; strip: characters around them
    [answers]  column = "annotations"         # one JSON cell holds all answers, a list of objects: criterion and value name their
                                      # fields; in a list of objects `picked` names an option's field, `counted` a mark's
    [wide]  columns = "Rating_*"      # each such column is one item or rater (of = "item_id" or "rater_id"), * its id; a list of
                                      # columns keeps whole names. beside: {trial = "Trial_*"}, columns that go with each

Before the tables: source (what keys begin with), key (columns that make a row's key; without it who, what and when), lacking
(cells that mean nothing is there), times (formats, or "s", "ms" since 1970; ISO is always read), zone (of times that name none),
delimiter, decimal ("," where 4,5 is a number), quotes, items (columns that describe the item, by name or "INPUT:*"; "rest": all not
named elsewhere), and `extras`
("rest": columns not named elsewhere stay columns of the ratings).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from pathlib import Path
from re import compile as pattern
from typing import Any
from zoneinfo import ZoneInfo

from workbench.errors import ParameterError, examples
from workbench.schema import BY_NAME
from workbench.store.platforms.fields import clean
from workbench.store.screening import misfit

LINES = (str, list)
TOP = {**dict.fromkeys(("source", "zone", "delimiter", "decimal", "extras"), str), "quotes": bool,
       **dict.fromkeys(("key", "lacking", "times", "items"), list),
       **dict.fromkeys(("columns", "constants", "values", "criteria", "questions", "answers", "wide"), dict)}
WITHIN = {"criteria": {"column": str, "separator": LINES, "strip": str, "as": str},
          "questions": {"columns": LINES, "separator": LINES, "strip": str},
          "answers": {"column": str, "criterion": list, "value": str, "picked": list, "counted": list},
          "wide": {"columns": LINES, "of": str, "criterion": str, "beside": dict, "as": str}}
WORDS = {str: "text in quotes", list: "a list", dict: "a table", bool: "true or false", LINES: "text or a list"}
NEEDED = {"criteria": ("column",), "questions": ("columns",), "answers": ("column",), "wide": ("columns", "of")}
KINDS = ("score", "label", "set")
REST = "rest"


@dataclass(frozen=True)
class Question:
    """How answers to a question stand in their cells; `kind` "" is found out from them."""

    column: str = ""
    separators: tuple[str, ...] = ()
    strip: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Layout:
    """A mapping file as it was read; see above."""

    source: str = "table"
    key: tuple[str, ...] = ()
    lacking: frozenset[str] = frozenset({""})
    times: tuple[str, ...] = ()
    zone: str = "UTC"
    delimiter: str | None = None
    decimal: str = "."
    quotes: bool = True
    items: tuple[str, ...] = ()
    extras: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    criteria: Mapping[str, Question] = field(default_factory=dict)
    questions: tuple[str, ...] = ()
    asked: Question = Question()
    answers: Mapping[str, Any] = field(default_factory=dict)
    wide: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Does a row hold answers to questions, rather than one rating?"""
        return bool(self.criteria or self.questions or self.answers or self.wide)

    @property
    def named(self) -> set[str]:
        """Columns of the file that are named, as whole columns or by what stands in them."""
        wide = self.wide.get("columns", ())
        paths = [path for paths in self.columns.values() for path in paths] + [q.column for q in self.criteria.values()] + list(self.key)
        paths += [self.answers["column"]] if self.answers else []
        paths += [*((wide,) if isinstance(wide, str) else wide), *self.wide.get("beside", {}).values()]
        return set(paths) | {path.split(".")[0] for path in paths} | {path for path in self.items if path != REST}


def read_layout(path: Path, *, item: str | None = None) -> Layout:
    """A mapping file. `item`: the column that holds the item's id, where the caller names another. Errors: `ParameterError`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ParameterError(f"{path}: the mapping cannot be read ({fault.strerror}). Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ParameterError(f"{path.name}: not a TOML file: {fault}. `workbench import table FILE --guess` proposes one.") from None
    check(content, TOP, where=path.name)
    for table, keys in WITHIN.items():
        for name, part in (content.get(table, {}).items() if table == "criteria" else [("", content[table])] if table in content else ()):
            check(part, keys, where=f"{path.name} [{table}{f'.{name}' if name else ''}]", needed=NEEDED[table])
    made = layout_of(content)
    made = replace(made, columns={**made.columns, "item_id": (item,)}) if item else made
    check_sense(made, path.name)
    return made


def check(table: Any, known: Mapping[str, Any], *, where: str, needed: tuple[str, ...] = ()) -> None:
    """Raise for keys that mean nothing, for values of another kind, and for what lacks."""
    if not isinstance(table, dict):
        raise ParameterError(f"{where}: a table of keys was expected, {table!r} was found.")
    for name, value in table.items():
        if name not in known:
            raise ParameterError(f"{where}: unknown key {name!r}. Known: {', '.join(sorted(known))}.")
        if not isinstance(value, known[name]):
            raise ParameterError(f"{where}: {name} is {value!r}, expected {WORDS[known[name]]}.")
        if odd := [one for one in value if not isinstance(one, str)] if isinstance(value, list) else []:
            raise ParameterError(f"{where}: {name} holds {examples(odd)}, expected text in quotes.")
    for name in needed:
        if not table.get(name):
            raise ParameterError(f"{where}: no {name!r}. Give it.")


def layout_of(content: Mapping[str, Any]) -> Layout:
    """The checked content of a mapping file as a layout."""
    asked = content.get("questions", {})
    general = Question(separators=several(asked.get("separator", ())), strip=asked.get("strip", ""))
    wide, columns = content.get("wide", {}), content.get("columns", {})
    globs = asked.get("columns", [])
    return Layout(
        **{name: content[name] for name in ("source", "zone", "delimiter", "decimal", "quotes", "extras", "constants", "values", "answers",
                                            "wide") if name in content},
        key=tuple(content.get("key", ())), lacking=frozenset({"", *content.get("lacking", ())}), times=tuple(content.get("times", ())),
        items=tuple(content.get("items", ())), columns={c: several(p) for c, p in columns.items()},
        criteria={name: Question(line["column"], several(line.get("separator", general.separators)), line.get("strip", general.strip),
                                 line.get("as", "")) for name, line in content.get("criteria", {}).items()},
        questions=several(globs), asked=replace(general, kind=wide.get("as", "")))


def several(given: Any) -> tuple[Any, ...]:
    """One or a list of them, without empty ones."""
    return tuple(one for one in (given if isinstance(given, (list, tuple)) else (given,)) if one)


def check_sense(layout: Layout, name: str) -> None:
    """Raise for a mapping that cannot be followed."""
    held = {*layout.columns, *layout.constants}
    lacking = [c for c in ("item_id", "rater_id") if c not in held and layout.wide.get("of") != c]
    of = layout.wide.get("of", "item_id")
    wrong = [] if of in ("item_id", "rater_id") else [f"of is {of!r}, expected item_id or rater_id"]
    wrong += [f"no column for {lacking[0]}; name it under [columns]"] if lacking else []
    wrong += ["no answers: name a column for score or label, or [criteria], [questions], [answers] or [wide]"] \
        if not layout.asks and not {"score", "label"} & held else []
    wrong += [f"{kind!r} is no kind of answer; use one of {', '.join(KINDS)}" for kind in
              {q.kind for q in (*layout.criteria.values(), layout.asked)} - {"", *KINDS}]
    wrong += odd_marks(layout)
    paths = [*(path for paths in layout.columns.values() for path in paths), *layout.wide.get("beside", {}).values()]
    odd = [path for path in paths if not isinstance(path, str)]
    wrong += [f"{examples(odd)} is no name of a column"] if odd else []
    wrong += [f"[values.{c}] is no table" for c, words in layout.values.items() if not isinstance(words, dict)]
    wrong += [f"constant {c} is {v!r}, expected text, a number or true and false" for c, v in layout.constants.items()
              if not isinstance(v, (str, int, float))]
    wrong += [f"constant {fault}" for c, v in layout.constants.items() if (fault := misfit(c, v))]
    if wrong:
        raise ParameterError(f"{name}: {'; '.join(wrong)}.")


def odd_marks(layout: Layout) -> list[str]:
    """What is wrong with the marks between fields and in numbers, and with the time zone."""
    wrong = [f"delimiter is {layout.delimiter!r}, expected one character"] \
        if layout.delimiter and (len(layout.delimiter) > 1 or layout.delimiter in '\r\n"') else []
    wrong += [f"decimal is {layout.decimal!r}, expected '.' or ','"] if layout.decimal not in (".", ",") else []
    try:
        ZoneInfo(layout.zone)
    except (KeyError, ValueError, OSError):
        wrong.append(f"zone {layout.zone!r} is not known; write it as Europe/Berlin")
    return wrong


def plain_layout(names: set[str], *, item: str | None = None) -> Layout:
    """The layout of a table whose columns have the contract's names already, but for the item's where the caller names another."""
    columns = {c: (c,) for c in BY_NAME if c in names} | ({"item_id": (item,)} if item else {})
    return Layout(key=("rating_id",) if "rating_id" in names else (), columns=columns, extras=REST)


def starred(glob: str, names: Any) -> dict[str, str]:
    """Columns that a pattern means, and what its * stands for (the whole name where it has none)."""
    before, star, after = glob.partition("*")
    found = pattern(translate(glob)) if star else None
    return {name: clean(name[len(before):len(name) - len(after)] or name) for name in names if found.match(name)} if found else \
        {name: clean(name) for name in names if name == glob}
