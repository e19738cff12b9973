"""The page of all reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stand_ins import SAVE, Elements, days

from workbench.errors import ReportError
from workbench.report import list_runs, run, write_shelf


def read_page(path: Path) -> Elements:
    page = Elements()
    page.feed(path.read_text())
    return page


def test_all_reports_are_linked_and_the_last_two_periods_stand_beside_each_other(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(days("2026-11-02", "2026-11-08", "2026-11-15"))
    write("agreement")
    [early] = run("agreement", period="2026-W45")
    assert "From 2026-W45" not in (workspace / "reports/index.html").read_text()
    write("agreement", save=SAVE.replace("half of the items", "<b>few</b> items"))
    [late] = run("agreement")
    write("agreement", "1 / 0")
    with pytest.raises(ReportError):
        run("agreement")
    text = (workspace / "reports/index.html").read_text()
    assert "From 2026-W45 to 2026-W46" in text and "More than data differs between these two: code of agreement." in text
    assert "&lt;b&gt;few&lt;/b&gt; items" in text and "failed</b>" in text
    for one in (early, late):
        assert f'href="{one.index.relative_to(workspace / "reports").as_posix()}"' in text
    assert all((workspace / "reports" / link).exists() for link in read_page(workspace / "reports/index.html").links if not link.startswith("#"))


def test_a_report_that_cannot_be_read_does_not_fail_another_run(workspace: Path, write: Callable) -> None:
    write("agreement"), write("drift")
    [made] = run("agreement")
    (made.path / "manifest.json").write_text("{")
    assert run("drift")[0].path.exists()
    with pytest.raises(ReportError, match="cannot be read"):
        write_shelf()


def test_a_report_of_an_earlier_make_is_listed_but_not_compared(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(days("2026-11-02", "2026-11-08", "2026-11-15"))
    write("agreement")
    [early] = run("agreement", period="2026-W45")
    (early.path / "manifest.json").write_text((early.path / "manifest.json").read_text().replace('"code"', '"source"'))
    run("agreement")
    text = (workspace / "reports/index.html").read_text()
    assert early.version in text and "From 2026-W45" not in text


def test_a_closed_week_whose_ratings_changed_is_marked_revised(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement")
    week = days("2026-11-02", "2026-11-08")
    ratings(week)
    [first] = run("agreement", period="2026-W45")
    ratings(replace(days("2026-11-02", "2026-11-08", "2026-11-09"), id="more"))     # the week after: nothing of this one changed
    [same] = run("agreement", period="2026-W45")
    assert same.version != first.version and same.manifest["revises"] == "" and "Revised." not in same.index.read_text()
    ratings(replace(week, id="other", said="another item"))
    [changed] = run("agreement", period="2026-W45")
    assert changed.manifest["revises"] == same.version and "Revised." in changed.index.read_text()
    assert (workspace / "reports/index.html").read_text().count('<b class="revised">revised</b>') == 1
    assert list_runs().set_index("version")["revises"].to_dict() == {first.version: "", same.version: "", changed.version: same.version}
    ratings(replace(week, id="undated", times=()))
    write("drift")
    assert run("drift")[0].manifest["fingerprint"] == ""     # undated ratings have no closed period
