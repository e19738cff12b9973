"""The log of a notebook that failed, beside its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import ReportError
from workbench.report import altered, find_run, list_runs, run

RAISES = """import sys
print("a word on stderr", file=sys.stderr)
def share(of):
    return 1 / of
share(0)"""
KILLED = """import os, time
os.write(2, f"the last words, {os.environ['DB_TOKEN']} {os.getcwd()}\\n".encode())
time.sleep(0.5)
os.kill(os.getpid(), 9)"""
CRASHED = "import ctypes\nctypes.string_at(0)"
PACK = "".join(f'[[notebook]]\nname = "{name}"\n' for name in ("agreement", "drift", "rubric", "signal"))


@pytest.fixture
def lost(workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A report of which three notebooks failed, and the error."""
    monkeypatch.setenv("DB_TOKEN", "t0ken-value-9")
    for name, cell in (("agreement", ""), ("drift", RAISES), ("rubric", KILLED), ("signal", CRASHED)):
        write(name, cell)
    (workspace / "reports/mine.toml").write_text(PACK)
    with pytest.raises(ReportError) as raised:
        run("mine")
    return workspace / list_runs(workspace)["path"].item(), str(raised.value)


def test_each_failure_leaves_its_traceback_and_stderr_beside_the_report_and_the_error_names_the_file(lost: tuple[Path, str]) -> None:
    place, error = lost
    assert sorted(path.name for path in place.glob("*.log")) == ["drift.log", "rubric.log", "signal.log"]
    assert f"{place.name}/index.html and, beside it, drift.log and rubric.log and signal.log; mend the cause" in error
    raised = (place / "drift.log").read_text()
    assert raised.startswith("drift failed after ") and "ZeroDivisionError: division by zero\n\ncell 3, stderr:\na word on stderr" in raised
    assert "cell 3, traceback:" in raised and "return 1 / of" in raised and "\x1b" not in raised
    killed = (place / "rubric.log").read_text()
    assert "its Python process was killed" in killed and "the last words" in killed
    assert "Segmentation fault" in (place / "signal.log").read_text() and "string_at" in (place / "signal.log").read_text()
    assert '<a href="drift.log">log</a>' in (place / "index.html").read_text()


def test_the_log_is_a_hashed_file_of_the_report_and_holds_no_secret_and_no_path(lost: tuple[Path, str], workspace: Path) -> None:
    place, _ = lost
    assert {"drift.log", "rubric.log", "signal.log"} <= set(json.loads((place / "manifest.json").read_text())["files"])
    assert altered(find_run(place)).empty
    text = "".join(path.read_text() for path in place.glob("*.log"))
    assert "$DB_TOKEN" in text and "t0ken" not in text and str(workspace) not in text


def test_a_report_that_is_whole_has_none(workspace: Path, write: Callable) -> None:
    write("agreement", "import sys; print('all is well', file=sys.stderr)")
    [made] = run("agreement")
    assert not list(made.path.glob("*.log"))
