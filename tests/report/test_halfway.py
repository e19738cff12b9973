"""Runs that did not end whole: what was finished is not run again, and the report is the one that would have been made at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import ReportError
from workbench.report import list_runs, run

PACK = '[[notebook]]\nname = "agreement"\n[[notebook]]\nname = "drift"\n'
COUNT = 'from pathlib import Path; ran = Path("../data/NAME-ran"); ran.write_text(ran.read_text() + "x" if ran.exists() else "x")'
FLAKY = COUNT + '\nassert Path("../data/well").exists(), "not yet"'


def times(workspace: Path) -> list[int]:
    """How often each of the two was run."""
    return [len((workspace / f"data/{name}-ran").read_text()) for name in ("agreement", "drift")]


def test_after_a_failure_only_what_failed_is_run_again(workspace: Path, write: Callable) -> None:
    write("agreement", COUNT), write("drift", FLAKY)
    (workspace / "reports/mine.toml").write_text(PACK)
    with pytest.raises(ReportError, match="not yet"):
        run("mine")
    (workspace / "data/well").touch()
    [made] = run("mine")
    assert times(workspace) == [1, 2] and not made.failed and len(made.findings) == 2
    assert not list((workspace / ".workbench/halfway").iterdir())
    [again] = run("mine", force=True)
    assert times(workspace) == [2, 3]
    pd.testing.assert_frame_equal(made.estimates, again.estimates)
    pd.testing.assert_frame_equal(made.findings, again.findings)
    assert list_runs()["status"].tolist().count("complete") == 1


def test_a_changed_notebook_or_parameter_takes_nothing_from_before(workspace: Path, write: Callable) -> None:
    write("agreement", COUNT), write("drift", FLAKY)
    (workspace / "reports/mine.toml").write_text(PACK)
    with pytest.raises(ReportError):
        run("mine")
    with pytest.raises(ReportError):
        run("mine", parameters={"draws": 7})
    assert times(workspace) == [2, 2]
    write("drift", COUNT)
    run("mine")         # of `agreement` nothing has changed
    assert times(workspace) == [2, 3]


def test_what_is_kept_and_damaged_is_run_again(workspace: Path, write: Callable) -> None:
    write("agreement", COUNT), write("drift", FLAKY)
    (workspace / "reports/mine.toml").write_text(PACK)
    with pytest.raises(ReportError):
        run("mine")
    for kept in [*workspace.glob(".workbench/halfway/*/findings.parquet"), *workspace.glob("reports/mine/*/*.failed/findings.parquet")]:
        kept.write_bytes(b"PAR1")
    (workspace / "data/well").touch()
    assert not run("mine")[0].failed and times(workspace) == [2, 2]


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path, write: Callable, workspace: Path) -> None:
    """In a process of its own, on ratings of its own: killed while the second notebook waits, then run again."""
    write("agreement", COUNT), write("drift", COUNT + '\nimport time\nwhile not Path("../data/well").exists(): time.sleep(0.1)')
    (workspace / "reports/mine.toml").write_text(PACK)
    rows = "item_id,rater_id,score,rated_at\n" + "".join(f"i{d},ann,1,2026-11-{d:02d}T12:00:00Z\n" for d in range(9, 16))
    (workspace / "data/ratings.csv").write_text(rows)
    code = "import sys; from workbench.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "run", "mine", "--data", "data/ratings.csv", "--jobs", "1"]
    started = subprocess.Popen(command, cwd=workspace, start_new_session=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})
    for _ in range(600):
        if (workspace / "data/drift-ran").exists():
            break
        time.sleep(0.1)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert list_runs().empty and len(list((workspace / "reports").glob(".staging-*"))) == 1
    (workspace / "data/well").touch()
    subprocess.run(command, cwd=workspace, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})
    assert list_runs()["status"].tolist() == ["complete"] and times(workspace) == [1, 2]
    assert not list((workspace / "reports").glob(".staging-*"))
