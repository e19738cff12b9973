"""The review notebook run by a program and made a page: where no kernel is, its panels are pictures, and nothing waits for a script."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import papermill
import pytest
from nbconvert import HTMLExporter

from workbench.report.page import lay_out

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "review.ipynb"
pytestmark = pytest.mark.slow


@pytest.fixture
def executed(plain: Path, away: Path) -> nbformat.NotebookNode:
    """The notebook as papermill leaves it, run on a copy of the small store."""
    values = {"data": str(plain), "store": str(away / "reviewed"), "reviewer": "mara"}
    return papermill.execute_notebook(str(NOTEBOOK), str(away / "run.ipynb"), values, progress_bar=False, kernel_name="python3")


def test_an_executed_notebook_and_its_pages_show_the_panels_as_pictures(executed: nbformat.NotebookNode, chromium, away: Path) -> None:
    shown = [output["data"] for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs if "data" in output]
    assert not [kind for data in shown for kind in data if "widget" in kind]
    own = "".join(part.content for part in lay_out(json.loads(json.dumps(executed)), name="review").parts if part.kind == "html")
    plainly = HTMLExporter().from_notebook_node(executed)[0]
    for html in (own, plainly):
        assert "still picture of the review panel" in html and "Answer a" in html                       # the unit on screen, its text
        assert "still picture of the exploration" in html and "To review, most contested first" in html and "slider" in html
        assert '<script type="application/vnd.jupyter.widget-view+json">' not in html
    style = NOTEBOOK.parents[1] / "workbench" / "report" / "template" / "style.css"
    looks = f"<meta charset='utf-8'><style>{style.read_text(encoding='utf-8')}</style>"
    (away / "page.html").write_text(f"{looks}<main>{own}</main>", encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1100, "height": 1400})
    page.goto(f"file://{away / 'page.html'}")
    page.screenshot(path=str(away / "page.png"), full_page=True)
    heads = page.locator("h4:has-text('To review, most contested first') + table")
    assert heads.bounding_box()["height"] > 60 and "slider" in heads.inner_text()
    page.close()
