"""House rules that can be counted: import direction, doors, keyword-only arguments, docstrings, notebook shape, README's commands."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workbench"
MODULES = sorted(p for p in PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

GROUND = {"errors", "schema", "estimates", "ratings", "source", "instrument", "periods", "cache", "display", "lazy", "privacy"}
STAGES = {"disagreement", "rubric", "drift", "signal"}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND), "resample": GROUND | {"resample"}, "reduce": GROUND | {"reduce"}, "store": GROUND | {"store"},
    "chart": GROUND | {"chart"}, "check": GROUND | {"reduce", "check"}, "agreement": GROUND | {"reduce", "resample", "agreement"},
    **{s: GROUND | {"reduce", "resample", "agreement", s} for s in STAGES},
    "report": GROUND | {"store", "check", "chart", "report"},
    "cli": GROUND | {"store", "check", "report", "agreement", "cli"},  # `export` writes what agreement finds, and no report
}
DOORS = {"ibis": {"store", "reduce"}, "altair": {"chart"}, "ipywidgets": {"review"}, "papermill": {"report"}, "nbformat": {"report"},
         "nbconvert": {"report"}, "typer": {"cli"}, "deltalake": {"store"}, "duckdb": {"store"}, "pyspark": {"store"},
         "apprise": {"report"}, "openlineage": {"report"}}
HEAVY = {"pandas", "numpy", "ibis", "duckdb", "altair", "statsmodels", "pingouin", "scipy", "sklearn", "papermill", "pyarrow"}
IDS = [str(p.relative_to(ROOT)) for p in MODULES]


def part_of(path: Path) -> str:
    """The folder or module of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, checking: bool = False) -> set[str]:
    """Dotted names a module imports; those for type checkers alone only on request."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    skipped = {id(n) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
               for n in ast.walk(node)} if not checking else set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names if node.module == "workbench"}
    return found


def public_functions(path: Path) -> list[ast.FunctionDef]:
    return [n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    if part not in MAY_IMPORT:
        return
    reached = {name.split(".")[1] for name in imports(path) if name.startswith("workbench.")}
    allowed = MAY_IMPORT[part] | ({"reduce"} if path.name == "ratings.py" else set())  # `Ratings.check` only starts the value check
    assert reached <= allowed, f"{part} must not import {sorted(reached - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_each_library_has_one_door(path: Path) -> None:
    wrong = {name for name in imports(path) if part_of(path) not in DOORS.get(name.split(".")[0], {part_of(path)})}
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert max((len(line) for line in text.splitlines()), default=0) <= 140
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 45, node.name


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_public_functions_say_what_they_do_and_what_they_return(path: Path) -> None:
    for function in public_functions(path):
        assert ast.get_docstring(function), f"{function.name} has no docstring"
        if not function.name.startswith("__"):
            assert function.returns is not None, f"{function.name} has no return annotation"


@pytest.mark.parametrize("folder", sorted(STAGES | {"agreement", "chart"}))
def test_the_table_is_the_only_positional_argument(folder: str) -> None:
    import importlib

    exported = importlib.import_module(f"workbench.{folder}")
    for name in exported.__all__:
        function = getattr(exported, name)
        code = function.__code__
        assert code.co_argcount <= 2, f"{folder}.{name} takes {code.co_varnames[:code.co_argcount]} positionally"


@pytest.mark.parametrize("folder", sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()))
def test_no_file_bears_the_name_of_what_its_folder_exports(folder: str) -> None:
    import importlib

    files = {p.stem for p in (PACKAGE / folder).iterdir()}
    assert not files & set(getattr(importlib.import_module(f"workbench.{folder}"), "__all__", ()))


def test_importing_the_workbench_loads_nothing_heavy() -> None:
    code = "import sys, workbench; print(' '.join({m.split('.')[0] for m in sys.modules}))"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())
    assert not loaded & HEAVY


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def test_notebooks_keep_their_shape(path: Path) -> None:
    book = json.loads(path.read_text(encoding="utf-8"))
    code = [c for c in book["cells"] if c["cell_type"] == "code"]
    prose = [c for c in book["cells"] if c["cell_type"] == "markdown"]
    titles = [line for c in prose for line in "".join(c["source"]).splitlines() if line.startswith("# ")]
    assert len(titles) == 1 and titles[0].endswith("?")
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    assert len(prose) >= len(code)
    assert [("parameters" in c["metadata"].get("tags", [])) for c in code].count(True) == 1
    assert not any(c["outputs"] or c["execution_count"] for c in code), "commit notebooks without outputs"
    for cell in code:
        text = "".join(cell["source"])
        tree = ast.parse(text)
        assert "parameters" in cell["metadata"].get("tags", []) or len([x for x in text.splitlines() if x.strip()]) <= 10, text
        assert not [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.For, ast.While))], text


def test_the_readme_names_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", text)) <= targets
    from typer.main import get_command

    from workbench.cli import app

    known = set(get_command(app).commands)
    assert set(re.findall(r"bin/workbench ([a-z]+) ", text)) <= known


def test_the_locks_name_no_place() -> None:
    for lock in ROOT.glob("*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert not re.search(r"https?://|file:|^-", text, re.MULTILINE), f"{lock.name} names a place, or an option that does"
        assert "--hash=sha256:" in text


def test_no_two_test_modules_bear_one_name() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]     # pytest imports them by their name alone
    assert sorted(names) == sorted(set(names))
