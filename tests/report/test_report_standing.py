"""A report of a closed week, while the data grow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_ins import Dated

from workbench.errors import ReportError
from workbench.report import list_runs, run
from workbench.report.live import PASSED, Event
from workbench.report.standing import TRIES

COUNT = 'open("../ran", "a").write(period[-1])\nassert period != "2026-W45" or __import__("os").path.exists("../well"), "never"'

DAYS = (2, 8, 9, 15)      # two complete weeks, W45 and W46


def growing(*days: int, id: str) -> Dated:
    """Ratings at noon of these days of November, in a source whose content is called `id`."""
    return Dated(tuple(dt.datetime(2026, 11, day, 12, tzinfo=dt.timezone.utc) for day in days), id=id)


def test_ratings_of_another_week_do_not_make_it_again_and_those_of_its_own_do(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement")
    ratings(growing(*DAYS, id="a"))
    [first] = run("agreement")
    ratings(growing(*DAYS, 16, 17, id="b"))           # half a week later: nothing is missing
    [again] = run("agreement")
    assert again.reused and again.path == first.path and first.period == "2026-W46"
    [asked] = run("agreement", period="2026-W46")     # who names it gets it of the data as they are
    assert not asked.reused and asked.version != first.version
    ratings(growing(*DAYS, 14, 16, 17, id="c"))       # a rating that came late
    [revised] = run("agreement")
    assert not revised.reused and revised.version not in (first.version, asked.version)
    assert run("agreement")[0].path == revised.path
    ratings(growing(*DAYS, 14, 16, 22, id="d"))
    assert [(made.period, made.reused) for made in run("agreement")] == [("2026-W47", False)]


def test_what_is_told_or_written_otherwise_makes_it_again(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement")
    ratings(growing(*DAYS, id="a"))
    run("agreement")
    ratings(growing(*DAYS, 16, id="b"))
    assert not run("agreement", parameters={"draws": 7})[0].reused and not run("agreement", force=True)[0].reused
    write("agreement", "1 + 1")
    assert not run("agreement")[0].reused


def lost(**options: object) -> str:
    with pytest.raises(ReportError) as raised:
        run("agreement", **options)
    return str(raised.value)


def test_a_week_that_failed_thrice_is_passed_over_with_a_line_and_tried_again_when_asked_or_changed(
        workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement", COUNT)
    ratings(growing(*DAYS[:2], id="a"))
    assert all("AssertionError: never" in lost() for _ in range(TRIES - 1))
    ratings(growing(*DAYS, id="b"))                       # a week later: W46 is made, W45 is tried a last time
    assert "2026-W45: 1 of its notebooks failed" in lost() and (workspace / "ran").read_text() == "5" * TRIES + "6"
    ratings(growing(*DAYS, 16, id="c"))
    events: list[Event] = []
    [made] = run("agreement", progress=events.append)     # the cause has not gone: no notebook is run, and what there is comes back
    assert (made.period, made.reused) == ("2026-W46", True) and (workspace / "ran").read_text() == "5" * TRIES + "6"
    assert [str(event) for event in events if event.state == PASSED] == [
        "passed over, for it failed 3 times on the same inputs (agreement); mend the cause, and run it with --period 2026-W45 or --force"]
    assert "failed" in list_runs()["status"].tolist()
    assert "never" in lost(period="2026-W45")             # asked for, it is tried
    ratings(growing(2, 3, *DAYS[1:], 16, id="d"))
    assert "never" in lost()                              # its own ratings changed
    (workspace / "well").touch()
    write("agreement", COUNT, "1 + 1")
    assert [(one.period, one.reused) for one in run("agreement")] == [("2026-W45", False), ("2026-W46", False)]


def test_where_it_is_the_last_week_the_run_fails_by_it_at_once(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement", COUNT)
    ratings(growing(*DAYS[:2], id="a"))
    said = [lost() for _ in range(TRIES + 2)]
    assert (workspace / "ran").read_text() == "5" * TRIES
    assert all("1 of its notebooks failed" in one for one in said[:TRIES]) and said[TRIES] == said[TRIES + 1]
    assert said[TRIES].startswith("agreement 2026-W45: passed over, for it failed 3 times") and "agreement.log" in said[TRIES]
    (workspace / "well").touch()
    [made] = run("agreement", force=True)
    assert not made.failed and run("agreement")[0].reused


def test_undated_ratings_that_always_fail_are_given_up_too(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement", "1 / 0")
    ratings(Dated((), id="a"))
    assert ["passed over" in lost() for _ in range(TRIES + 1)] == [False] * TRIES + [True]
    ratings(Dated((), id="b"))
    assert "ZeroDivisionError" in lost()
