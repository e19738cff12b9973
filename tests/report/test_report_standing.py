"""A report of a closed week, while the data grow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from stand_ins import Dated

from workbench.report import run

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
