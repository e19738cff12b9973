"""What a notebook may be told: its parameters cell, read without running it, and the check of values against it."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ParameterError, ReportError, shorten

# Every notebook takes these; the run itself sets them.
SET_BY_RUN = ("data", "columns", "exclude", "period", "engine", "seed", "out")
KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,), "list": (list, tuple),
                                      "dict": (dict,), "None": (type(None),)}
ELEMENT = re.compile(r"(list|dict)\[(?:str, *)?(str|int|float|bool)\]")


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `name: kind = default  # comment`."""

    name: str
    kind: str
    default: object
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.kind} = {self.default!r}"


def read_notebook(path: Path) -> dict:
    """A notebook file as plain JSON. Errors: `ReportError` when it is not a notebook."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return notebook | {"cells": [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]]}
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path.name}: a Jupyter notebook was expected, and it cannot be read ({shorten(error)}). "
                          "Open it in JupyterLab, save it, and try again.") from None


def read_parameters(notebook: Mapping, *, name: str) -> dict[str, Parameter]:
    """The parameters a notebook declares in its cell tagged "parameters", by name.

    Errors: `ReportError` when there is no such cell, a line is not `name: type = literal`, or one of `SET_BY_RUN` is missing.
    """
    cells = [c["source"] for c in notebook["cells"] if "parameters" in c.get("metadata", {}).get("tags", ())]
    if len(cells) != 1:
        raise ReportError(f"{name}.ipynb: one cell tagged \"parameters\" was expected, and {len(cells)} were found. Tag one.")
    lines = cells[0].splitlines()
    try:
        found = [_parameter(line, lines) for line in ast.parse(cells[0]).body]
    except (SyntaxError, ValueError, AttributeError) as error:
        raise ReportError(f"{name}.ipynb: the parameters cell takes lines like `draws: int = 1000  # comment`, "
                          f"and one is not of that form ({shorten(error)}).") from None
    missing = set(SET_BY_RUN) - {p.name for p in found}
    if missing:
        raise ReportError(f"{name}.ipynb: the parameters cell lacks {', '.join(sorted(missing))}, which every run sets. "
                          "Add them.")
    return {p.name: p for p in found}


def _parameter(line: ast.stmt, lines: list[str]) -> Parameter:
    if not isinstance(line, ast.AnnAssign):
        raise ValueError(shorten(lines[line.lineno - 1]))
    comment = lines[line.end_lineno - 1][line.end_col_offset:].partition("#")[2].strip()
    kind = ast.unparse(line.annotation)
    if not _known(kind):
        raise ValueError(f"type {kind}; use {', '.join(KINDS)}, list[str] or a union of these")
    return Parameter(line.target.id, kind, ast.literal_eval(line.value), comment)


def _known(kind: str) -> bool:
    return all(part in KINDS or ELEMENT.fullmatch(part) for part in kind.split(" | "))


def check_parameters(values: Mapping[str, object], *, declared: Mapping[str, Mapping[str, Parameter]]) -> None:
    """Refuse a value that no notebook takes, or that one takes in another type. `declared`: notebook -> its parameters.

    An int is taken for a float; a bool is not an int, and nan or inf are no number. Errors: `ParameterError`, all faults in one.
    """
    faults = [fault for name, value in values.items() for fault in _faults(name, value, declared)]
    if faults:
        raise ParameterError(" ".join(faults))


def _faults(name: str, value: object, declared: Mapping[str, Mapping[str, Parameter]]) -> list[str]:
    if name in SET_BY_RUN:
        return [f"parameter {name!r} is set by the run itself. Give it as {name}=, not among the parameters."]
    takers = {notebook: own[name] for notebook, own in declared.items() if name in own}
    if not takers:
        good = sorted({str(p) for own in declared.values() for p in own.values() if p.name not in SET_BY_RUN})
        return [f"parameter {name!r} is not known to {', '.join(declared)}. Use one of: {', '.join(good) or 'none is taken'}."]
    return [f"parameter {name!r} of {notebook} wants {own.kind}, and was given {shorten(repr(value))} "
            f"({type(value).__name__}). Its default is {own.default!r}{f': {own.comment}' if own.comment else ''}."
            for notebook, own in takers.items() if not any(_is_a(value, part) for part in own.kind.split(" | "))]


def _is_a(value: object, kind: str) -> bool:
    element = ELEMENT.fullmatch(kind)
    if element:
        outer, inner = element.groups()
        return _is_a(value, outer) and all(_is_a(v, inner) for v in (value.values() if outer == "dict" else value))
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, KINDS[kind]) and (kind == "bool" or not isinstance(value, bool))
