"""The page of all periods: what it draws, what it says, and when it is written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stand_ins import SAVE, Elements, days

from workbench.report import run, write_shelf
from workbench.report.history_page import write_history

ESTIMATE = SAVE.replace("0.5, low=0.4, high=0.6", "SHARE, low=SHARE - 0.1, high=SHARE + 0.1, confidence=0.95")
GATE = '[[gate]]\nname = "enough"\nestimate = "agreement_share"\nwhere = {criterion = "tone"}\ncolumn = "low"\nat_least = 0.45\n'
WEEKS = days("2026-10-26", "2026-11-02", "2026-11-08", "2026-11-15")


def charts(page: Path) -> list[dict]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    return [json.loads(text) for text in found]


def series(spec: dict) -> list[tuple[str, float, str]]:
    rows = next(rows for rows in spec["datasets"].values() if "segment" in rows[0])
    return [(row["week"], row["value"], row["segment"]) for row in rows]


@pytest.fixture
def three(workspace: Path, write: Callable, ratings: Callable) -> Path:
    """A pack with reports of three weeks; the rubric of the last is another."""
    (workspace / "reports/mine.toml").write_text(f'title = "<i>Mine</i>"\n[[notebook]]\nname = "agreement"\n{GATE}')
    for week, value, rubrics in ((44, 0.5, {"tone 1": "abc"}), (45, 0.6, {"tone 1": "abc"}), (46, 0.7, {"tone 1": "abc", "tone 2": "abd"})):
        ratings(Changed(WEEKS.times, WEEKS.id, rubrics=rubrics))
        write("agreement", save=ESTIMATE.replace("SHARE", str(value)))
        run("mine", period=f"2026-W{week}")
    return workspace / "reports/mine/history.html"


class Changed(type(WEEKS)):
    """Stand-in ratings with other rubrics."""

    def __init__(self, times: tuple, id: str, said: str = "", rubrics: dict | None = None) -> None:
        super().__init__(times, id, said)
        object.__setattr__(self, "rubrics", rubrics or {})

    def between(self, start: object, end: object) -> Changed:
        return Changed(super().between(start, end).times, self.id, self.said, self.rubrics)

    @property
    def snapshot(self) -> object:
        return replace(super().snapshot, rubrics=self.rubrics)


def test_estimates_and_gates_of_all_periods_with_no_line_across_a_new_rubric(three: Path) -> None:
    headline, gate = charts(three)
    assert series(headline) == [("2026-W44", 0.5, "/0"), ("2026-W45", 0.6, "/0"), ("2026-W46", 0.7, "after 1 changes/0")]
    assert "rubric tone 2" in json.dumps(headline["datasets"]) and "low at least 0.45" in json.dumps(gate["datasets"])
    text = three.read_text()
    assert "3 reports, 2026-W44 to 2026-W46" in text and "&lt;i&gt;Mine&lt;/i&gt;" in text
    assert text.count('<b class="failed">closed</b>') == 1 and "<th scope=\"col\">2026-W44</th>" in text     # .5 - .1 is below .45
    assert "other code than before" in text     # the notebook was rewritten
    assert Elements.of(text).links >= {"../index.html"} and "http" not in {link[:4] for link in Elements.of(text).links}
    assert all((three.parent / link).exists() for link in Elements.of(text).links if not link.startswith("#"))


def test_what_people_did_is_drawn_at_its_date(three: Path, workspace: Path) -> None:
    (workspace / "reports/mine.findings.toml").write_text(
        '[[finding]]\nid = "agreement/x/criterion=tone"\nnote = "new </script><b>vendor"\nacted = 2026-11-04\n'
        '[[finding]]\nid = "agreement/x/criterion=style"\nnote = "elsewhere"\nacted = 2026-11-04\n')
    write_shelf()
    headline, _ = charts(three)
    said = json.dumps(headline["datasets"])
    assert "acted: new </script><b>vendor" in said and "elsewhere" not in said and "<b>vendor" not in three.read_text()


def test_it_is_written_when_something_changed_and_linked_from_all_reports(three: Path, workspace: Path) -> None:
    before = three.stat().st_mtime_ns
    write_shelf()
    assert three.stat().st_mtime_ns == before and 'href="mine/history.html"' in (workspace / "reports/index.html").read_text()
    (workspace / "reports/mine.toml").unlink()      # a pack that is gone: its reports' history stays, without gates to draw
    write_shelf()
    assert len(charts(three)) == 1
    for folder in (workspace / "reports/mine").glob("2026-*"):
        folder.rename(workspace / folder.name)
    assert write_history("mine") is None and not three.exists()
