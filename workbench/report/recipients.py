"""To whom reports of a pack are told, and when: its `[[deliver]]` tables; and where its lineage is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from workbench.errors import ParameterError, examples, one_of, shorten

WHEN = ("always", "attention", "failed")
KEYS = ("to", "when", "link")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COMMENT = "reports/SCHEDULE.md says what a [[deliver]] takes."


@dataclass(frozen=True)
class Delivery:
    """To whom reports are told. `to` names the environment variable that holds the address, as apprise writes it; `when`: "always",
    "attention" (an alarm, something for attention, a closed gate, a failure) or "failed"; `link` is where `reports/` can be read, if
    anywhere."""

    to: str
    when: str = "always"
    link: str = ""


def read_deliveries(entries: object, *, file: str) -> tuple[Delivery, ...]:
    """The `[[deliver]]` tables of a pack file. Errors: `ParameterError`, which never repeats what was given for `to`."""
    if not isinstance(entries, list):
        raise ParameterError(f"{file}: deliver is given as tables: begin each with a line [[deliver]]. {COMMENT}")
    found = []
    for n, entry in enumerate(entries, 1):
        place = f"{file}: [[deliver]] {n}"
        if not isinstance(entry, Mapping) or (unknown := sorted(set(entry) - set(KEYS))):
            what = examples(unknown) if isinstance(entry, Mapping) else "what stands there"
            raise ParameterError(f"{place}: {what} is not known. Use: {', '.join(KEYS)}. {COMMENT}")
        if not isinstance(entry.get("to"), str) or not NAME.fullmatch(entry["to"]):
            raise ParameterError(f"{place}: to is the name of an environment variable that holds the address, such as WEEKLY_MAIL, and "
                                 "something else was found. An address stands in no file: set the variable, and name it.")
        one_of(f"when in {place}", entry.get("when", "always"), WHEN)
        if not re.match(r"(https?://|$)", str(entry.get("link", ""))):
            raise ParameterError(f"{place}: link is where reports/ can be read, https://..., and {shorten(entry['link'])} was found.")
        found.append(Delivery(**entry))
    if twice := sorted({one.to for one in found if sum(other.to == one.to for other in found) > 1}):
        raise ParameterError(f"{file}: two [[deliver]] name {examples(twice)}. One message a report goes there: join them.")
    return tuple(found)


def read_lineage(value: str, *, file: str) -> str:
    """The pack's `lineage`: a file below the workspace, "" for none. Errors: `ParameterError` for another place."""
    path = PurePosixPath(value)
    if value and (path.is_absolute() or ".." in path.parts or "\\" in value or path.suffix != ".jsonl"):
        raise ParameterError(f"{file}: lineage = {shorten(repr(value))}: a .jsonl file below the workspace was expected, such as "
                             '"reports/lineage.jsonl".')
    return value
