"""A workspace of small notebooks over stand-in ratings, so that report tests need neither real data nor a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from stand_ins import CHECKED, PARAMETERS, SAVE, Dated, days

import workbench
from workbench.report import period


@pytest.fixture
def ratings(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dated], None]:
    """Makes `workbench.read` answer with these ratings; until called, with one whole week of them."""
    def answer(given: Dated) -> None:
        monkeypatch.setattr(workbench, "read", lambda source, **options: given, raising=False)
        monkeypatch.setattr("workbench.report.make.check_ratings", lambda ratings: CHECKED)

    answer(days("2026-11-09", "2026-11-15"))
    return answer


@pytest.fixture(autouse=True)
def stand_in_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clocks of stand-in ratings are right."""
    real = period.last_in_time
    monkeypatch.setattr(period, "last_in_time", lambda ratings: ratings.last if isinstance(ratings, Dated) else real(ratings))


@pytest.fixture
def workspace(tmp_path: Path, ratings: Callable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, current while the test runs."""
    for folder in ("notebooks", "reports", "data/sample"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(workspace: Path) -> Callable[..., Path]:
    """Writes `notebooks/NAME.ipynb`: prose, parameters, the given code cells, and the saving of one finding."""
    def notebook(name: str, *cells: str, parameters: str = PARAMETERS, save: str = SAVE) -> Path:
        prose = nbformat.v4.new_markdown_cell(f"# Is {name} sound?\n\nFor whoever decides.\n\n## What was measured")
        declared = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        code = [nbformat.v4.new_code_cell(text.replace("NAME", name)) for text in (*cells, save) if text]
        path = workspace / "notebooks" / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[prose, declared, *code]), path)
        return path

    return notebook
