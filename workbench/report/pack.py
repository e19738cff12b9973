"""A pack: which notebooks make one report, from `reports/NAME.toml`, or a single notebook by its name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.cache import workspace as nearest_workspace
from workbench.errors import ParameterError, ReportError, shorten
from workbench.privacy import Terms
from workbench.report.gates import Gate, read_gates
from workbench.report.loop import SUFFIX, Action, check_accepted, read_actions
from workbench.report.parameters import Parameter, check_parameters, read_notebook, read_parameters
from workbench.report.recipients import Delivery, read_deliveries, read_lineage

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
KEYS = {"title": str, "data": str, "timeout": (int, float), "memory": (int, float), "notebook": list, "gate": list,
        "pseudonyms": str, "min_cell": int, "party": str, "deliver": object, "lineage": str}


@dataclass(frozen=True)
class Notebook:
    """One notebook of a pack: `content` is its JSON, `declared` its parameters cell, `parameters` what the pack sets."""

    name: str
    content: Mapping
    declared: Mapping[str, Parameter]
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Pack:
    """What one report is made of. `timeout` is in seconds and `memory` in gigabytes, each for one notebook."""

    name: str
    title: str
    notebooks: tuple[Notebook, ...]
    data: str = "data/sample"
    timeout: float = 1800.0
    memory: float = 8.0
    gates: tuple[Gate, ...] = ()
    actions: tuple[Action, ...] = ()
    private: Terms = Terms()
    deliver: tuple[Delivery, ...] = ()
    lineage: str = ""

    @property
    def declared(self) -> dict[str, Mapping[str, Parameter]]:
        """The parameters each notebook takes."""
        return {notebook.name: notebook.declared for notebook in self.notebooks}


def find_workspace(start: str | Path | None = None) -> Path:
    """The nearest folder upward that holds `notebooks/` and `reports/`. Errors: `ReportError` when there is none."""
    found = nearest_workspace(Path(start) if start else None)
    if found is None:
        raise ReportError(f"{start or 'here'}: a workspace was expected, a folder holding notebooks/ and reports/, and neither "
                          "this folder nor one above it is one. Change into it, or name it.")
    return found


def load_pack(name: str, *, workspace: str | Path | None = None) -> Pack:
    """The pack `reports/NAME.toml`, or `notebooks/NAME.ipynb` as a pack of one.

    The file holds `title`, `data` (a path below the workspace, used when a run names none), `timeout` (seconds a
    notebook), `memory` (gigabytes a notebook), `pseudonyms`, `min_cell` and `party` (see `privacy.Terms`), a `[[notebook]]` table each
    with `name` and `parameters`, `[[gate]]` tables, see `gates`, `[[deliver]]` tables, see `recipients`, and `lineage`, see
    `lineage_events`.
    What people did about its findings stands beside it, in `reports/NAME.findings.toml`, see `loop`.

    Errors: `ParameterError` for an unknown name, listing the known, for an unknown key of the file and for a parameter
    that its notebook does not take; `ReportError` for a file that cannot be read.
    """
    root = find_workspace(workspace)
    packs = pack_files(root)
    notebooks = {p.stem: p for p in sorted((root / "notebooks").glob("*.ipynb"))}
    if name in packs and NAME.fullmatch(name):
        return _with_actions(_from_file(packs[name], notebooks), root)
    if name in notebooks and NAME.fullmatch(name):
        own = _notebook({"name": name}, notebooks, name)
        return _with_actions(Pack(name=name, title=f"Report on {name.replace('_', ' ')}", notebooks=(own,)), root)
    raise ParameterError(f"{name!r} is neither a pack nor a notebook here. Packs: {', '.join(packs) or 'none'}. "
                         f"Notebooks: {', '.join(notebooks) or 'none'}.")


def pack_files(root: Path) -> dict[str, Path]:
    """The packs of a workspace by name."""
    return {p.stem: p for p in sorted((root / "reports").glob("*.toml")) if not p.name.endswith(SUFFIX)}


def _with_actions(pack: Pack, root: Path) -> Pack:
    """The pack with what people did about its findings."""
    path = root / "reports" / f"{pack.name}{SUFFIX}"
    actions = read_actions(path)
    check_accepted(actions, pack.notebooks, file=path.name)
    return replace(pack, actions=actions)


def _from_file(path: Path, notebooks: Mapping[str, Path]) -> Pack:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: TOML was expected, and it cannot be read ({shorten(error)}). Mend that line.") from None
    for key, value in content.items():
        if key not in KEYS:
            raise ParameterError(f"{path.name}: {key!r} is not known. Use one of: {', '.join(KEYS)}.")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise ParameterError(f"{path.name}: {key} = {shorten(repr(value))} is of the wrong kind. "
                                 "The comment in reports/weekly.toml says what it takes.")
    own = tuple(_notebook(entry, notebooks, path.name) for entry in content.get("notebook", ()))
    names = [n.name for n in own]
    if not own or len(set(names)) < len(names):
        raise ParameterError(f"{path.name}: one [[notebook]] or more was expected, each named once, and {names} were found.")
    given = {k: content[k] for k in ("title", "data", "timeout", "memory") if k in content}
    gates = read_gates(content.get("gate", ()), file=path.name, notebooks=names)
    told = {"deliver": read_deliveries(content.get("deliver", []), file=path.name),
            "lineage": read_lineage(content.get("lineage", ""), file=path.name)}
    private = Terms(**{k: content[k] for k in ("pseudonyms", "min_cell", "party") if k in content})
    given |= told | {"notebooks": own, "gates": gates, "private": private}
    return Pack(**({"name": path.stem, "title": path.stem.capitalize()} | given))


def _notebook(entry: Mapping, notebooks: Mapping[str, Path], where: str) -> Notebook:
    if not isinstance(entry, Mapping) or not set(entry) <= {"name", "parameters"} or "name" not in entry:
        raise ParameterError(f"{where}: a [[notebook]] holds name and parameters, and {shorten(entry)} was found.")
    name, values = entry["name"], entry.get("parameters", {})
    if name not in notebooks or not NAME.fullmatch(name):
        raise ParameterError(f"{where}: notebook {shorten(repr(name))} is not in notebooks/. Use one of: {', '.join(notebooks) or 'none'}.")
    if name == "review":
        raise ParameterError(f"{where}: review is worked in, and makes no report. Open it: workbench lab review.")
    content = read_notebook(notebooks[name])
    declared = read_parameters(content, name=name)
    check_parameters(values, declared={name: declared})
    return Notebook(name, content, declared, values)
