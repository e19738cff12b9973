"""The weekly pack on the sample, as `make weekly` makes it: what was planted is found, every chart is drawn with the network off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workbench.report import Run, run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
PAGES = ("index", "agreement", "disagreement", "rubric", "drift", "signal")
LARGEST_PAGE = 2_500_000  # bytes; a page goes by mail


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the notebooks, the pack and the sample."""
    home = tmp_path_factory.mktemp("workspace")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "data", home / "data")
    (home / "reports").mkdir()
    shutil.copy(ROOT / "reports" / "weekly.toml", home / "reports")
    return home


@pytest.fixture(scope="module")
def weekly(workspace: Path) -> Run:
    [made] = run("weekly", workspace=workspace)
    return made


def about(findings: pd.DataFrame, notebook: str, *words: str) -> pd.DataFrame:
    """The findings of a notebook whose sentence holds every word."""
    chosen = findings[findings["notebook"] == notebook]
    for word in words:
        chosen = chosen[chosen["sentence"].str.contains(word, regex=False)]
    return chosen


def test_what_was_planted_is_found(weekly: Run) -> None:
    found = pd.read_parquet(weekly.path / "findings.parquet")
    assert len(about(found, "agreement", "va-05")) == 1, "the rater with twice the noise"
    assert (about(found, "disagreement", "accuracy", "writing")["status"] == "found").any(), "the hot slice"
    assert len(about(found, "disagreement", "helpfulness", "medicine")), "the hole in the rubric"
    assert (about(found, "rubric", "helpfulness")["severity"] != "unknown").any(), "the better rubric"
    step = about(found, "drift", "accuracy", "rubric version 2")
    assert (step["severity"] == "alarm").any() and len(about(step, "drift", "2026-W40")), "the step at week 40"
    assert len(about(found, "drift", "accuracy", "rubric version 1", "mix of task_type")), "the mix shift, told from real change"


def test_no_alarm_is_raised_where_nothing_was_planted(weekly: Run) -> None:
    found = pd.read_parquet(weekly.path / "findings.parquet")
    alarms = found[found["severity"] == "alarm"]
    assert {(notebook, json.loads(place).get("criterion")) for notebook, place in zip(alarms["notebook"], alarms["slice"])} == {
        ("drift", "accuracy"), ("signal", "helpfulness")}, "the step at week 40, and gains that only those see who wrote the rubric"


def test_pages_are_small_enough_to_mail(weekly: Run) -> None:
    sizes = {name: (weekly.path / f"{name}.html").stat().st_size for name in PAGES}
    assert max(sizes.values()) <= LARGEST_PAGE, sizes


def test_the_same_inputs_are_not_run_twice(weekly: Run, workspace: Path) -> None:
    [again] = run("weekly", workspace=workspace)
    assert again.reused and again.path == weekly.path


def test_no_page_or_table_names_this_machine(weekly: Run) -> None:
    for path in weekly.path.rglob("*"):
        if path.is_file():
            assert str(ROOT).encode() not in path.read_bytes(), path.name


def test_notebooks_run_with_parameters_other_than_their_defaults(workspace: Path) -> None:
    [other] = run("agreement", workspace=workspace, period="2026-W30", seed=3, parameters={"criterion": "safety", "fair": 0.2},
                  exclude={"party": "vendor_a"})
    manifest = json.loads((other.path / "manifest.json").read_text())
    assert other.period == "2026-W30" and "vendor_a" in str(manifest["filters"])
    assert "vendor_a" not in (other.path / "findings.json").read_text()


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_every_chart_of_the_pack_is_drawn_with_the_network_off(name: str, weekly: Run, chromium) -> None:
    page, said, asked = chromium.new_page(viewport={"width": 1280, "height": 900}), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.route(lambda url: not url.startswith("file:"), lambda route: (asked.append(route.request.url), route.abort()))
    page.goto((weekly.path / f"{name}.html").as_uri())
    page.wait_for_function("document.querySelectorAll('figure.chart:not([data-drawn])').length == 0", timeout=60_000)
    drawn = page.eval_on_selector_all("figure.chart", "all => all.map(f => f.dataset.drawn)")
    assert drawn == ["yes"] * len(drawn) and (name == "index" or drawn)
    marks = page.eval_on_selector_all("figure.chart svg.marks", "all => all.map(s => s.querySelectorAll('path, text').length)")
    assert len(marks) == len(drawn) and all(n > 5 for n in marks)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways on a laptop"
    assert (said, asked) == ([], [])
    page.close()
