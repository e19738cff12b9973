"""The notebooks in a real JupyterLab with the network off: run there from the menu, every chart is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_lab import PATIENCE, ROOT, end_kernels, jupyter_lab, open_page, run_all

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOTEBOOKS = sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb"))
DRAWN = "[...document.querySelectorAll('.jp-RenderedVegaCommon5')].map(c => c.querySelectorAll('canvas, svg').length)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on a copy of the notebooks; its address."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "work" / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "data", home / "work" / "data")
    with jupyter_lab(home) as address:
        yield address


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_chart_is_drawn_in_jupyterlab_offline(name: str, lab: str, chromium, tmp_path: Path) -> None:
    page, asked = open_page(chromium, lab)
    run_all(page, lab, name)
    shown = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8").count("wb.chart.")
    page.wait_for_function(f"least => {DRAWN}.length >= least && {DRAWN}.every(Boolean)", arg=min(shown, 1), timeout=PATIENCE)
    page.screenshot(path=str(tmp_path / f"{name}.png"))
    assert asked == []
    page.close()
    end_kernels(lab)
