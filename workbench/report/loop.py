"""What people did about findings, from `reports/PACK.findings.toml`; what is muted, what begins a new baseline."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, ReportError, examples, one_of, shorten
from workbench.periods import period_bounds
from workbench.schema import SEVERITIES

if TYPE_CHECKING:
    from workbench.report.pack import Notebook, Pack

SUFFIX = ".findings.toml"
KEYS = {"id": str, "owner": str, "note": str, "better": str, "mute_at": str, "acted": dt.date, "mute_until": dt.date, "accepted": dt.date}
BETTER = ("higher", "lower", "nearer 0")
ACCEPTED = "accepted"       # the parameter of a notebook that keeps a baseline
BASELINE = {"week": 56, "month": 248}     # days that a baseline lasts at most, from an accepted date on
ENTRY = re.compile(r"^[ \t]*\[\[[ \t]*finding[ \t]*\]\]", re.MULTILINE)
COMMENT = "The comment in reports/weekly.toml says what an entry takes."


@dataclass(frozen=True)
class Action:
    """What was done about one finding, by its id.

    acted: when something was done. mute_until: folded away in reports of periods that end by then, while its severity is at most `mute_at`.
    accepted: from when on a change is accepted, which begins a new baseline. better: which way its estimate should go.
    """

    id: str
    owner: str = ""
    note: str = ""
    acted: dt.date | None = None
    mute_until: dt.date | None = None
    mute_at: str = "attention"
    accepted: dt.date | None = None
    better: str = ""

    @property
    def recorded(self) -> dict[str, str]:
        """What was said, as text."""
        return {key: str(value) for key, value in asdict(self).items() if value not in ("", None)}


def read_actions(path: Path) -> tuple[Action, ...]:
    """The entries of a findings file; none where there is no such file.

    Errors: `ReportError` for a file that cannot be read; `ParameterError` for an entry that is not one, naming file, line, key and cure.
    """
    if not path.is_file():
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: TOML was expected, and it cannot be read ({shorten(error, 120)}). Mend that line.") from None
    entries = content.pop("finding", [])
    if content or not isinstance(entries, list):
        raise ParameterError(f"{path.name}: {examples([repr(key) for key in content]) or 'finding'} is not known here. "
                             f"Begin each entry with a line [[finding]]. {COMMENT}")
    lines = [text.count("\n", 0, found.start()) + 1 for found in ENTRY.finditer(text)]
    places = [f"{path.name}: [[finding]] in line {line}" for line in lines] if len(lines) == len(entries) else \
        [f"{path.name}: [[finding]] {n}" for n in range(1, len(entries) + 1)]
    found = tuple(read_action(entry, place) for entry, place in zip(entries, places))
    if twice := [key for key, n in Counter(action.id for action in found).items() if n > 1]:
        raise ParameterError(f"{path.name}: {examples(twice)} has two entries. Join them into one.")
    return found


def read_action(entry: object, place: str) -> Action:
    """One entry, from its table."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
        raise ParameterError(f"{place}: id = \"...\" was expected, a finding's as findings.json has it, and {shorten(entry)} was found.")
    for key, value in entry.items():
        if key not in KEYS:
            raise ParameterError(f"{place} ({entry['id']}): {key!r} is not known. Use: {', '.join(KEYS)}. {COMMENT}")
        if type(value) is not KEYS[key]:
            kind = "a date without quotes, as in 2026-12-07" if KEYS[key] is dt.date else "a text in quotes"
            raise ParameterError(f"{place} ({entry['id']}): {key} = {shorten(repr(value))} was found. Write {kind}.")
    one_of(f"{place} ({entry['id']}): mute_at", entry.get("mute_at", "attention"), SEVERITIES[:3])
    one_of(f"{place} ({entry['id']}): better", entry.get("better", ""), ("", *BETTER))
    return Action(**entry)


def recorded_actions(told: Sequence[Mapping[str, str]]) -> tuple[Action, ...]:
    """The entries that a manifest recorded."""
    return tuple(Action(**{key: dt.date.fromisoformat(value) if KEYS[key] is dt.date else value for key, value in entry.items()})
                 for entry in told)


def check_accepted(actions: Sequence[Action], notebooks: Sequence[Notebook], *, file: str) -> None:
    """Raise `ParameterError` where a change is accepted of a notebook that keeps no baseline."""
    without = {notebook.name for notebook in notebooks if ACCEPTED not in notebook.declared}
    for action in actions:
        if action.accepted and action.id.split("/")[0] in without:
            raise ParameterError(f"{file}: accepted = {action.accepted} of {action.id}: its notebook keeps no baseline that could begin "
                                 "anew. Write mute_until instead.")


def rebaselined(pack: Pack, period: str) -> Pack:
    """The pack with the accepted changes as its notebooks' parameter, those before the period's end; a baseline is of a notebook's all
    streams."""
    return replace(pack, notebooks=tuple(with_accepted(notebook, pack.actions, period) for notebook in pack.notebooks))


def with_accepted(notebook: Notebook, actions: Sequence[Action], period: str) -> Notebook:
    """A notebook told of the changes accepted of its findings."""
    end = None if period == "undated" else period_bounds(period)[1].date()
    dates = {action.accepted for action in actions if action.accepted and action.id.split("/")[0] == notebook.name
             and (end is None or action.accepted < end)}
    if not dates or ACCEPTED not in notebook.declared:
        return notebook
    known = notebook.parameters.get(ACCEPTED, notebook.declared[ACCEPTED].default)
    window = notebook.parameters.get("window", notebook.declared["window"].default if "window" in notebook.declared else "week")
    told = merged({*dates, *(dt.date.fromisoformat(str(date)) for date in known)}, days=BASELINE.get(str(window), BASELINE["week"]))
    return replace(notebook, parameters={**notebook.parameters, ACCEPTED: [str(date) for date in told]})


def merged(dates: set[dt.date], *, days: int) -> list[dt.date]:
    """Dates in order; of those that would fall into each other's baseline the last, from which on all of them hold."""
    kept: list[dt.date] = []
    for date in sorted(dates):
        kept[-1:] = [date] if kept and (date - kept[-1]).days < days else [*kept[-1:], date]
    return kept


def state_of(action: Action, severity: str, period: str) -> tuple[str, bool]:
    """Where a finding stands, in words, and whether it is folded away."""
    if action.accepted:
        return f"accepted from {action.accepted}", False
    if action.mute_until is None:
        return (f"acted on {action.acted}" if action.acted else "acknowledged"), False
    if period == "undated":
        return "not muted: undated ratings have no week that a date could end", False
    if period_bounds(period)[1].date() > action.mute_until:
        return f"mute ended {action.mute_until}", False
    if severity and SEVERITIES.index(severity) < SEVERITIES.index(action.mute_at):
        return f"mute lifted: now {severity}, and muted up to {action.mute_at}", False
    return f"muted until {action.mute_until}", True
