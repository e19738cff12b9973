"""A report made again from its manifest: equal, not equal, or not to be made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from stand_ins import SAVE, days

import workbench
from workbench.errors import ParameterError, ReportError
from workbench.report import rerun, run
from workbench.store.erase import forget_rater
from workbench.store.managed import append_ratings
from workbench.store.read import read

COUNTED = SAVE.replace('0.5, low', 'float(n), low')


def test_made_again_it_says_the_same_and_nothing_is_written(workspace: Path, write: Callable) -> None:
    write("agreement")
    [made] = run("agreement", parameters={"draws": 7})
    before = sorted((workspace / "reports").rglob("*"))
    assert rerun("agreement").empty and sorted((workspace / "reports").rglob("*")) == before and made.path.exists()


def test_what_chance_decided_without_a_seed_is_told(workspace: Path, write: Callable) -> None:
    write("agreement", "import time; n = time.time_ns()", save=COUNTED.replace("half of the items", "{n} items").replace('"Raters', 'f"Raters'))
    run("agreement")
    differ = rerun("agreement")
    assert differ["table"].tolist() == ["findings", "estimates"] and (differ["then"] != differ["now"]).all()


def test_other_data_and_other_code_are_refused_and_named(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement")
    run("agreement")
    ratings(days("2026-11-09", "2026-11-10", "2026-11-15"))
    write("agreement", "n = 1")
    with pytest.raises(ReportError, match="the package, a notebook or the pack have changed since"):
        rerun("agreement")
    write("agreement")
    ratings(replace(days("2026-11-09", "2026-11-15"), id="beef"))
    with pytest.raises(ReportError, match="made from snapshot f00d, and sample is beef"):
        rerun("agreement")
    with pytest.raises(ParameterError, match="the report was made from 'sample'. Say with data= where that lies"):
        rerun("agreement", data=workspace / "data")


def test_on_a_store_it_reads_the_version_recorded_and_says_when_that_was_erased(
        workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "read", read)
    rows = {"rating_id": ["a", "b"], "item_id": ["i", "j"], "rater_id": ["x", "y"], "score": [1.0, 2.0],
            "rated_at": [dt.datetime(2026, 11, day, tzinfo=dt.timezone.utc) for day in (9, 15)]}
    append_ratings(workspace / "data/live", pa.table(rows), action={"action": "import"})
    write("agreement", 'import workbench as wb\nn = wb.read(data, columns=columns).count()', save=COUNTED)
    run("agreement", data="data/live")
    append_ratings(workspace / "data/live", pa.table({**rows, "rating_id": ["c", "d"]}), action={"action": "import"})
    assert rerun("agreement", data="data/live").empty
    with pytest.raises(ReportError, match=r"made from snapshot .*, and live@1 is"):
        rerun("agreement", data="data/live@1")
    forget_rater(workspace / "data/live", "y")
    with pytest.raises(ParameterError, match="version 0 of live was erased when a rater was forgotten"):
        rerun("agreement", data="data/live")


def test_a_parameter_that_is_a_path_is_found_again_in_the_workspace_and_asked_for_elsewhere(
        workspace: Path, write: Callable, tmp_path_factory: pytest.TempPathFactory) -> None:
    write("agreement", "assert open(criterion).read() == 'tone'")
    outside = tmp_path_factory.mktemp("elsewhere") / "which.txt"
    for place in (workspace / "data/which.txt", outside):
        place.write_text("tone")
    run("agreement", parameters={"criterion": str(workspace / "data/which.txt")})
    assert rerun("agreement").empty
    [made] = run("agreement", parameters={"criterion": str(outside)})
    assert str(outside.parent) not in (made.path / "manifest.json").read_text()
    with pytest.raises(ReportError, match="cannot tell what criterion was; the code is as it was. Give it again: .*--set criterion=") as raised:
        rerun(made.path)
    assert "changed since" not in str(raised.value)
    assert rerun(made.path, parameters={"criterion": str(outside)}).empty
    write("agreement", "2 + 2")
    with pytest.raises(ReportError, match="the package, a notebook or the pack have changed since"):
        rerun(made.path)
