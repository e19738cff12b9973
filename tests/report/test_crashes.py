"""Runs that are killed, run twice at once, or may not write: the cases of benchmarks/crashes.py, a few of each."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from workbench.report import list_runs

pytestmark = pytest.mark.slow


@pytest.fixture
def crashes() -> ModuleType:
    """The benchmark, whose table is the long form of these tests."""
    spec = importlib.util.spec_from_file_location("crashes", Path(__file__).parents[2] / "benchmarks/crashes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_kill_leaves_a_report_that_looks_whole_and_is_not_and_the_next_run_makes_it(tmp_path: Path) -> None:
    # In a process of its own: it forks, and what forks may have no threads, as a test run has after a browser.
    code = "import random, sys, crashes; from pathlib import Path; " \
        "crashes.kills(crashes.workspace(Path(sys.argv[1])), n=5, writes=3, rng=random.Random(7))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "w")], capture_output=True, text=True, timeout=900, check=False,
                          env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "benchmarks")})
    assert "listed as complete and not whole, or a next run that failed: 0;" in done.stdout, done.stderr


def test_two_identical_runs_at_once_yield_one_report(crashes: ModuleType, tmp_path: Path) -> None:
    place = crashes.workspace(tmp_path / "w")
    both = [crashes.start(place), crashes.start(place)]
    assert [one.communicate()[1].count("Error") for one in both] == [0, 0] and [one.returncode for one in both] == [0, 0]
    assert list_runs(place)["status"].tolist() == ["complete"] and crashes.faults_of(place) == []
    assert not list((place / "reports").glob(".staging-*"))


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root writes where it may not, unless setpriv takes that from it")
def test_a_folder_that_may_not_be_written_is_one_error_line(crashes: ModuleType, tmp_path: Path) -> None:
    place = crashes.workspace(tmp_path / "w")
    (place / "reports").chmod(0o555)
    ran = crashes.start(place, before=crashes.UNPRIVILEGED if os.getuid() == 0 else ())
    said = ran.communicate()[1]
    (place / "reports").chmod(0o755)
    assert ran.returncode == 1 and said.startswith("ReportError: reports/: the report could not be written (Permission denied).")
    assert said.count("\n") == 1 and list_runs(place).empty
