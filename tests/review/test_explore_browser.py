"""The exploration in a real JupyterLab with a real kernel and no network: what is brushed in the chart filters the tables and the queue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_lab import PATIENCE, end_kernels, jupyter_lab, menu, open_page, run_all, write_cells

import workbench as wb
from workbench.review.decisions import recorded, standing
from workbench.store.adopted import adopt

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ATTACK = "<img src=x onerror='window.struck=1'>"
TASKS = ("code", "math", f"chat {ATTACK}")
PLACE = """path => { const b = path.getBBox(), m = path.getScreenCTM();
  return {x: m.e + m.a * b.x, y: m.f + m.d * b.y, width: m.a * b.width, height: m.d * b.height}; }"""
CELLS = ["import workbench as wb", "explorer = wb.review.explore(wb.read('../data/store'), reviewer='mara', second_share=0)\nexplorer"]


def plain_data(folder: Path) -> None:
    """Two criteria on three tasks, forty items each: only of the clarity of code do raters differ much."""
    folder.mkdir(parents=True)
    rows = [{"item_id": f"{task}-{i:02d}", "criterion": criterion, "rater_id": who, "task_type": task,
             "score": 1.0 + ((i + place) % 3 if (criterion, task) == ("clarity", "code") else (i + (place == 3) * (i % 5 == 0)) % 3),
             "rated_at": pd.Timestamp("2026-10-05T08:00:00Z") + pd.Timedelta(weeks=i % 4)}
            for criterion in ("clarity", "safety") for task in TASKS for i in range(40)
            for place, who in enumerate(("ada", "bo", "cy", f"di {ATTACK}"))]
    pd.DataFrame(rows).to_parquet(folder / "ratings.parquet")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab on a workspace with a store and a notebook that explores it: its address, and the store."""
    work = tmp_path_factory.mktemp("lab") / "work"
    plain_data(work / "plain")
    adopt(work / "plain", into=work / "data" / "store")
    (work / "notebooks").mkdir()
    write_cells(work / "notebooks" / "look.ipynb", CELLS)
    with jupyter_lab(work.parent) as address:
        yield address, work / "data" / "store"


def box_of(page: Any, *words: str) -> dict[str, float]:
    """Where the cell of the map lies whose description holds these words."""
    held = "".join(f"[aria-label*='{word}']" for word in words)
    return page.locator(f".wbr-chart svg .mark-rect path{held}").first.evaluate(PLACE)


def brush(page: Any, first: dict[str, float], last: dict[str, float]) -> None:
    """Drag from within one cell to within another."""
    page.mouse.move(first["x"] + 6, first["y"] + 6)
    page.mouse.down()
    page.mouse.move(first["x"] + 12, first["y"] + 12)
    page.mouse.move(last["x"] + last["width"] - 6, last["y"] + last["height"] - 6, steps=5)
    page.mouse.up()


def said(page: Any, words: str) -> None:
    """Wait until the line below the chart says so."""
    page.wait_for_selector(f".wbr-explore [role='status']:has-text('{words}')", timeout=30_000)


def test_what_is_brushed_filters_the_tables_and_the_queue_offline(lab: tuple[str, Path], chromium, tmp_path: Path) -> None:
    address, store = lab
    page, asked = open_page(chromium, address, viewport={"width": 1400, "height": 1000})
    run_all(page, address, "look")
    page.wait_for_selector(".wbr-chart svg .mark-rect path[aria-label]", timeout=60_000)
    said(page, "All cells: 240 units")
    page.locator(".wbr-explore").evaluate("board => board.scrollIntoView()")
    page.screenshot(path=str(tmp_path / "1-opened.png"))

    cell = box_of(page, "Criterion: clarity", "Task type: code")
    brush(page, cell, cell)
    said(page, "1 of 6 cells: 40 units")
    assert "code-" in page.inner_text(".wbr-tables") and "math-" not in page.inner_text(".wbr-tables")
    assert "Review these 40" in page.inner_text(".wbr-acts")
    assert page.locator(".wbr-list select >> nth=1").evaluate("list => [...list.selectedOptions].length") == 1
    page.screenshot(path=str(tmp_path / "2-brushed.png"))

    brush(page, cell, box_of(page, "Criterion: clarity", "Task type: math"))
    said(page, "2 of 6 cells: 80 units")
    other = box_of(page, "Criterion: safety", "Task type: math")
    page.mouse.click(other["x"] + other["width"] / 2, other["y"] + other["height"] / 2)
    said(page, "1 of 6 cells: 40 units")
    assert "math-" in page.inner_text(".wbr-tables") and "code-" not in page.inner_text(".wbr-tables")

    page.focus(".wbr-list select >> nth=1")                   # by keyboard: the first of the list differs most
    page.keyboard.press("Home")
    said(page, "1 of 6 cells: 40 units")
    page.wait_for_selector(".wbr-tables:has-text('code-')")
    page.click(".wbr-acts button:has-text('Review these 40')")
    page.wait_for_selector(".wbr-board[tabindex='0'] .wbr-item h3", timeout=PATIENCE)
    assert "chosen in the chart" in page.inner_text(".wbr-board") and "40 left" in page.inner_text(".wbr-board")
    item = page.inner_text(".wbr-item h3")
    assert item.startswith("clarity: code-")
    page.locator(".wbr-board").evaluate("board => board.focus()")
    page.keyboard.press("2")
    page.wait_for_selector(".wbr-said:has-text('Stored')", timeout=30_000)
    (decision,) = standing(recorded(wb.read(store).source))
    assert (decision.reviewer, f"{decision.unit.criterion}: {decision.unit.item_id}", decision.queue) == ("mara", item, "explored")
    page.locator(".wbr-board").evaluate("board => board.scrollIntoView()")
    page.screenshot(path=str(tmp_path / "3-panel.png"))

    menu(page, "Settings", "Theme")
    page.click(".lm-Menu-itemLabel:text-is('JupyterLab Dark')")
    page.wait_for_selector("body[data-jp-theme-name='JupyterLab Dark']", state="attached")
    page.locator(".wbr-explore").evaluate("board => board.scrollIntoView()")
    page.screenshot(path=str(tmp_path / "4-dark.png"))
    page.select_option(".wbr-list select >> nth=0", label="criterion by week")
    page.wait_for_selector(".wbr-chart svg .mark-symbol path[aria-label]", timeout=30_000)
    points = [p.evaluate(PLACE) for p in page.locator(".wbr-chart svg .mark-symbol:has(path[aria-label]) >> nth=0").locator("path").all()]
    page.mouse.move(points[0]["x"] - 3, points[0]["y"] + 5)
    page.mouse.down()
    page.mouse.move(points[1]["x"] + 12, points[1]["y"] + 5, steps=5)
    page.mouse.up()
    said(page, "4 of 8 cells: 120 units")
    page.screenshot(path=str(tmp_path / "5-weeks.png"))
    page.select_option(".wbr-list select >> nth=0", label="rater by rater")
    said(page, "All cells: 240 units")
    page.wait_for_timeout(800)
    page.screenshot(path=str(tmp_path / "6-raters.png"))
    logging.getLogger(__name__).warning("pictures: %s", tmp_path)
    assert asked == [] and page.evaluate("() => window.struck") is None
    page.close()
    end_kernels(address)
