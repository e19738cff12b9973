"""Gates: what a report must show for a delivery to pass, from the `[[gate]]` tables of its pack."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, examples, one_of, shorten
from workbench.schema import COUNTS, SEVERITIES

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("estimate", "finding", "check")
COLUMNS = ("value", "low", "high", *COUNTS)
KEYS = ("name", *KINDS, "notebook", "where", "column", "at_least", "at_most")
ANY = "*"
REQUIRED = "required"
CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")    # no XML may hold these
COMMENT = "The comment in reports/weekly.toml says what a gate takes."


@dataclass(frozen=True)
class Gate:
    """One gate: an estimate within bounds, at most so many findings of a severity, or a check that passed.

    kind: one of `KINDS`; subject: the estimate's name, the severity, or the check's name (`REQUIRED`: all that are).
    where: an estimate's grouping column -> its level, `ANY` for each there is; columns left out must be empty.
    """

    name: str
    kind: str
    subject: str
    notebook: str = ""
    where: Mapping[str, object] = field(default_factory=dict)
    column: str = "value"
    at_least: float = -math.inf
    at_most: float = math.inf

    @property
    def asked(self) -> str:
        """What it asks for, in words."""
        if self.kind == "check":
            return "all required checks pass" if self.subject == REQUIRED else f"check {self.subject} passes"
        if self.kind == "finding":
            return f"findings of severity {self.subject}: at most {self.at_most:g}"
        places = ", ".join(f"{column} {level}" for column, level in self.where.items())
        ends = [f"at least {self.at_least:g}"] if self.at_least > -math.inf else []
        ends += [f"at most {self.at_most:g}"] if self.at_most < math.inf else []
        return f"{self.subject}{f' ({places})' if places else ''}, {self.column}: {' and '.join(ends)}"


def read_gates(entries: Sequence[object], *, file: str, notebooks: Sequence[str]) -> tuple[Gate, ...]:
    """The gates of a pack file. Errors: `ParameterError` for a table that is not a gate, naming file, gate and cure."""
    found = tuple(read_gate(entry, f"{file}: [[gate]] {n}", notebooks) for n, entry in enumerate(entries, 1))
    names = [gate.name for gate in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ParameterError(f"{file}: two gates are named {examples(twice)}. Give each a name of its own.")
    return found


def read_gate(entry: object, place: str, notebooks: Sequence[str]) -> Gate:
    """One gate from its table."""
    if not isinstance(entry, Mapping) or (unknown := sorted(set(entry) - set(KEYS))):
        what = examples(unknown) if isinstance(entry, Mapping) else shorten(entry)
        raise ParameterError(f"{place}: {what} is not known. Use: {', '.join(KEYS)}. {COMMENT}")
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1 or not isinstance(entry[kinds[0]], str):
        raise ParameterError(f"{place}: one of {', '.join(KINDS)} was expected, with a name, and {examples(kinds) or 'none'} was found. "
                             f"{COMMENT}")
    kind, subject = kinds[0], entry[kinds[0]]
    bounds = {key: entry[key] for key in ("at_least", "at_most") if key in entry}
    if any(isinstance(bound, bool) or not isinstance(bound, (int, float)) or math.isnan(bound) for bound in bounds.values()):
        raise ParameterError(f"{place}: at_least and at_most are numbers, and {shorten(bounds)} was found.")
    where, notebook, name = entry.get("where", {}), entry.get("notebook", ""), entry.get("name", "")
    if not isinstance(where, Mapping) or not isinstance(name, str):
        raise ParameterError(f"{place}: where is a table such as {{criterion = \"accuracy\"}}, name a text. {COMMENT}")
    if notebook:
        one_of(f"notebook in {place}", notebook, notebooks)
    if kind == "estimate":
        one_of(f"column in {place}", entry.get("column", "value"), COLUMNS)
    elif set(entry) & {"where", "column"}:
        raise ParameterError(f"{place}: where and column are for estimates, and this gate is of a {kind}. Leave them out.")
    if kind == "finding":
        one_of(f"finding in {place}", subject, SEVERITIES)
    if (kind == "estimate") > bool(bounds) or (kind == "finding" and "at_least" in bounds) or (kind == "check" and bounds):
        raise ParameterError(f"{place}: an estimate takes at_least, at_most or both, a finding at_most (0 if left out), a check neither. "
                             f"{COMMENT}")
    bounds = {"at_most": 0.0} | bounds if kind == "finding" else bounds
    gate = Gate(name, kind, subject, notebook, dict(where), entry.get("column", "value"), **bounds)
    return gate if name else Gate(gate.asked, kind, subject, notebook, dict(where), gate.column, **bounds)


def judge(gates: Iterable[Gate], *, findings: pd.DataFrame, estimates: pd.DataFrame, checks: Sequence[Mapping[str, object]],
          failed: Sequence[str] = ()) -> list[dict[str, object]]:
    """What each gate says of a report: name, asked, open, and why it is closed ("" where it is open).

    An estimate that is not there, or not defined, closes its gate, and so does a notebook that failed: what cannot be told has not passed.
    checks: {"check", "outcome", "required", "text"} each. failed: notebooks without results.
    """
    rows = []
    for gate in gates:
        lost = [name for name in failed if gate.notebook in ("", name)] if gate.kind != "check" else []
        why = f"{examples(lost)} failed: what it would have found is not known" if lost else \
            of_checks(gate, checks) if gate.kind == "check" else of_findings(gate, findings) if gate.kind == "finding" else \
            of_estimates(gate, estimates)
        rows.append({"name": gate.name, "asked": gate.asked, "open": not why, "why": why})
    return rows


def of_checks(gate: Gate, checks: Sequence[Mapping[str, object]]) -> str:
    """Why a gate of checks is closed."""
    asked = [check for check in checks if (check["required"] if gate.subject == REQUIRED else check["check"] == gate.subject)]
    if not asked:
        return f"no such check ran; there are: {', '.join(str(check['check']) for check in checks)}"
    return "; ".join(str(check["text"]) for check in asked if check["outcome"] != "ok")


def of_findings(gate: Gate, findings: pd.DataFrame) -> str:
    """Why a gate of findings is closed."""
    hit = findings[(findings["severity"] == gate.subject) & (findings["notebook"].eq(gate.notebook) | (gate.notebook == ""))]
    said = " ".join(hit["sentence"].head(3)) + (f" And {len(hit) - 3} more." if len(hit) > 3 else "")
    return f"{len(hit)}: {said}" if len(hit) > gate.at_most else ""


def asked_rows(gate: Gate, estimates: pd.DataFrame) -> tuple[pd.DataFrame, list[str], str]:
    """The estimates that a gate asks for, the columns they are told apart by, and why there are none ("" where there are)."""
    from workbench.report.collect import grouping

    rows = estimates[(estimates["name"] == gate.subject) & (estimates["notebook"].eq(gate.notebook) | (gate.notebook == ""))]
    by = [column for column in grouping(estimates) if rows[column].notna().any()]
    if rows.empty or (unknown := sorted(set(gate.where) - set(by))):
        what = f"no estimate is named {gate.subject!r}" if rows.empty else f"{gate.subject} is not told apart by {examples(unknown)}"
        return rows.head(0), by, f"{what}; there are: {examples(sorted(set(estimates['name'])) if rows.empty else by)}"
    for column in by:
        blank = rows[column].isna() | (rows[column].astype(str) == "")
        level = gate.where.get(column)
        rows = rows[blank if level is None else ~blank if level == ANY else rows[column].astype(str) == str(level)]
    none = (f"{gate.subject} has no row for just {dict(gate.where)}; it is told apart by {', '.join(by)}: name a level of each, or "
            f"\"{ANY}\"")
    return rows, by, none if rows.empty else ""


def of_estimates(gate: Gate, estimates: pd.DataFrame) -> str:
    """Why a gate of estimates is closed: every row that it asks for must lie within its bounds."""
    rows, by, none = asked_rows(gate, estimates)
    if none:
        return none
    within = (rows[gate.column] >= gate.at_least) & (rows[gate.column] <= gate.at_most)
    return "; ".join(told(gate, row, by) for row in rows[~within].head(3).to_dict("records"))


def told(gate: Gate, row: Mapping[str, object], by: Sequence[str]) -> str:
    """A row out of bounds, in words."""
    place = ", ".join(f"{column} {row[column]}" for column in by if gate.where.get(column) == ANY)
    value = row[gate.column]
    undefined = f"{gate.column} is not defined" + (f": {row['note']}" if row["note"] else "")
    said = f"{gate.column} is {value:.4g}" if value == value else undefined
    return f"{place}: {said}" if place else said


def junit(rows: Sequence[Mapping[str, object]], *, suite: str, path: Path) -> None:
    """Write what the gates say as JUnit XML, one test case a gate, for continuous integration."""
    from xml.etree import ElementTree

    closed = sum(not row["open"] for row in rows)
    rows = [{key: CONTROL.sub("\ufffd", str(value)) if isinstance(value, str) else value for key, value in row.items()} for row in rows]
    root = ElementTree.Element("testsuite", name=suite, tests=str(len(rows)), failures=str(closed), errors="0", skipped="0")
    for row in rows:
        case = ElementTree.SubElement(root, "testcase", classname=suite, name=str(row["name"]))
        if not row["open"]:
            ElementTree.SubElement(case, "failure", message=str(row["why"])).text = f"{row['asked']}: {row['why']}"
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
