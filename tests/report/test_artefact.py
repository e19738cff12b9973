"""Reports on disk: found by name, hashed again, removed when old; and what killed runs leave."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_ins import days

from workbench.errors import ParameterError, ReportError
from workbench.report import altered, find_run, list_runs, prune, run
from workbench.report.artefact import staging


def test_a_report_is_found_by_folder_pack_period_or_version(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(days("2026-11-02", "2026-11-08", "2026-11-15"))
    write("agreement")
    [early] = run("agreement", period="2026-W45")
    [late] = run("agreement")
    [again] = run("agreement", parameters={"draws": 7})
    for name, one in (("agreement", again), ("agreement/2026-W45", early), (f"agreement/2026-W46/{late.version}", late),
                      (early.path, early), (f"reports/agreement/2026-W45/{early.version}/", early), ("reports/agreement", again)):
        assert (find_run(name).path, find_run(name).version) == (one.path, one.version)
    for name in ("weekly", "agreement/2026-W01", workspace, "../agreement"):
        with pytest.raises(ParameterError, match="names no report here. There are: agreement/2026-W46/"):
            find_run(name)


def test_a_failed_report_is_found_by_its_whole_name_alone(workspace: Path, write: Callable) -> None:
    write("agreement", "1 / 0")
    with pytest.raises(ReportError):
        run("agreement")
    [path] = list_runs()["path"]
    assert "ZeroDivisionError" in find_run(path).failed["agreement"]
    with pytest.raises(ParameterError, match="names no report here"):
        find_run("agreement")


def test_what_was_changed_added_or_taken_away_is_named(workspace: Path, write: Callable) -> None:
    write("agreement")
    [made] = run("agreement")
    assert altered(made).empty
    (made.path / "index.html").write_text("all is well")
    (made.path / "note.txt").write_text("mine")
    (made.path / "findings.json").unlink()
    assert altered(made).values.tolist() == [["findings.json", "missing"], ["index.html", "changed"], ["note.txt", "added"]]


def test_pruning_keeps_the_latest_periods_and_of_each_what_was_made_last(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(days("2026-10-26", "2026-11-02", "2026-11-08", "2026-11-15"))
    write("agreement"), write("drift")
    for period in ("2026-W44", "2026-W45", "2026-W46"):
        run("agreement", period=period)
    [last] = run("agreement", parameters={"draws": 7})
    [other] = run("drift", period="2026-W44")
    told = prune(keep=2, dry=True)
    assert len(list_runs()) == 5 and len(told) == 2
    assert prune(keep=2)["path"].tolist() == told["path"].tolist()
    assert sorted(list_runs()["period"]) == ["2026-W44", "2026-W45", "2026-W46"]
    assert last.path.exists() and other.path.exists() and not (workspace / "reports/agreement/2026-W44").exists()
    assert prune(keep=2).empty and prune(keep=1, pack="drift").empty
    for wrong in ({"keep": 0}, {"keep": 1, "pack": "weekly"}):
        with pytest.raises(ParameterError):
            prune(**wrong)


def test_a_failed_report_gives_way_to_a_whole_one_and_not_the_other_way_round(workspace: Path, write: Callable) -> None:
    write("agreement")
    [made] = run("agreement")
    write("agreement", "1 / 0")
    with pytest.raises(ReportError):
        run("agreement")
    assert prune(keep=1)["status"].tolist() == ["failed"] and made.path.exists()


def test_what_a_killed_run_left_is_removed_by_the_next_and_what_a_living_one_builds_is_not(workspace: Path) -> None:
    code = ("import os, sys; from pathlib import Path; from workbench.report.artefact import staging\n"
            "with staging(Path(sys.argv[1])) as work: (work / 'half').write_text('x'); os.kill(os.getpid(), 9)")
    done = subprocess.run([sys.executable, "-c", code, str(workspace)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9 and len(list((workspace / "reports").glob(".staging-*/half"))) == 1
    with staging(workspace) as one:
        with staging(workspace) as two:
            assert one.exists() and two.exists()
        assert [p.name for p in (workspace / "reports").glob(".staging-*")] == [one.name]
    assert not list((workspace / "reports").glob(".staging-*"))


def test_a_full_disk_is_one_clear_error_and_another_fault_is_not_taken_for_it(workspace: Path) -> None:
    with pytest.raises(ReportError, match=r"could not be written \(No space left on device\). Make the folder writable and room"):
        with staging(workspace):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError):
        with staging(workspace):
            (workspace / "none").read_text()
    assert not list((workspace / "reports").glob(".staging-*"))
