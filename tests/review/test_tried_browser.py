"""The sliders over `what_if` in a real JupyterLab with a real kernel and no network: figures, chart and ranking follow the hand."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jupyter_lab import PATIENCE, end_kernels, jupyter_lab, menu, open_page, run_all, write_cells

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ATTACK = "<img src=x onerror='window.struck=1'>"
CELLS = ["import workbench as wb", "explorer = wb.review.explore(wb.read('../data/plain'), reviewer='mara')\nexplorer"]
RANKING = ".wbr-seen table"
SHAPES = "() => [...document.querySelectorAll('.wbr-tried .wbr-chart svg .mark-symbol path')].map(path => path.getAttribute('transform'))"


def plain_data(folder: Path) -> None:
    """Five systems on sixty prompts, two criteria of five levels; one system's name is an attack. Two of them are told apart by the
    highest level alone, so that what it is worth decides their order."""
    folder.mkdir(parents=True)
    rng, rows = np.random.default_rng(5), []
    for criterion, spread in (("help", 1.0), ("style", 1.6)):
        for prompt in range(60):
            for place, system in enumerate(("alto", "basso", "canto", f"duo {ATTACK}", "echo")):
                middle = 2.2 + 0.3 * place + rng.normal(0, 0.6)
                for who in range(3):
                    level = 1 + (rng.random() < 0.45) * 4 if system == "echo" else np.clip(np.rint(middle + rng.normal(0, spread)), 1, 5)
                    rows.append((f"{system}-{prompt:02d}", f"p{prompt:02d}", system, f"r{who}", criterion, float(level)))
    columns = ["item_id", "prompt_id", "system", "rater_id", "criterion", "score"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "ratings.parquet")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on a workspace with a notebook that explores plain ratings; its address."""
    work = tmp_path_factory.mktemp("lab") / "work"
    plain_data(work / "data" / "plain")
    (work / "notebooks").mkdir()
    write_cells(work / "notebooks" / "try.ipynb", CELLS)
    with jupyter_lab(work.parent) as address:
        yield address


@contextmanager
def dragged(page: Any, handle: Any, *, by: int) -> Iterator[None]:
    """Hold a slider's handle, moved by so many pixels."""
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=8)
    yield
    page.mouse.up()


def rests(page: Any) -> str:
    """Wait until random merges are told, or that there are none; what is said then."""
    page.wait_for_selector(".wbr-seen [role='status']:not(:has-text('once the hand rests'))", timeout=30_000)
    return page.inner_text(".wbr-seen [role='status']")


def test_sliders_move_the_chart_and_the_ranking_offline(lab: str, chromium, tmp_path: Path) -> None:
    page, asked = open_page(chromium, lab, viewport={"width": 1440, "height": 1000})
    run_all(page, lab, "try")
    page.click(".wbr-views button:has-text('What if')")
    page.wait_for_selector(".wbr-tried .wbr-chart svg .mark-symbol path", timeout=PATIENCE)
    page.locator(".wbr-explore").evaluate("board => board.scrollIntoView()")
    assert "none of 5 systems changes rank" in rests(page) and "nothing is altered yet" in page.inner_text(".wbr-asked-for")
    assert page.locator(".wbr-where").is_hidden()
    page.screenshot(path=str(tmp_path / "1-opened.png"))

    order = page.inner_text(RANKING)
    with dragged(page, page.locator(".wbr-knob .noUi-handle").nth(3), by=-56):       # what level 4 is worth, by mouse
        page.wait_for_function("([where, was]) => document.querySelector(where).innerText !== was", arg=[RANKING, order], timeout=30_000)
        page.screenshot(path=str(tmp_path / "2-dragging.png"))
    page.wait_for_selector(".wbr-asked-for code:has-text('values=')")
    rests(page)

    page.focus(".wbr-knob .noUi-handle >> nth=3")                  # and by keyboard, down to the lowest
    page.keyboard.press("Home")
    page.wait_for_selector(".wbr-seen tr.wbr-here:has-text('echo')", timeout=30_000)     # its highest level is now worth the most
    assert "change rank" in rests(page)
    page.screenshot(path=str(tmp_path / "3-ranks.png"))

    page.click(".wbr-turned button:has-text('Back to as it is')")
    page.wait_for_selector(".wbr-asked-for:has-text('nothing is altered yet')", timeout=30_000)
    box = page.locator(".wbr-knob input[type='checkbox'] >> nth=1")  # merge level 1 with 2
    box.focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".wbr-asked-for code:has-text('merge=')", timeout=30_000)
    assert "the 3 other merges" in rests(page)
    page.wait_for_selector(".wbr-tried .wbr-chart svg text:has-text('Pale band')", timeout=30_000)
    page.screenshot(path=str(tmp_path / "4-merged.png"))

    page.select_option(".wbr-turned select >> nth=0", label="all criteria")
    page.wait_for_selector(".wbr-knobs .widget-slider:has-text('style')", timeout=30_000)
    before = page.evaluate(SHAPES)
    with dragged(page, page.locator(".wbr-knobs .noUi-handle").nth(1), by=-25):
        page.wait_for_function(f"was => JSON.stringify(({SHAPES})()) !== JSON.stringify(was)", arg=before, timeout=30_000)
        assert len(page.evaluate(SHAPES)) == len(before)       # the marks moved: none was lost, none drawn twice
        page.screenshot(path=str(tmp_path / "5-weighing.png"))
    rests(page)
    page.focus(".wbr-knobs .noUi-handle >> nth=1")
    page.keyboard.press("Home")
    page.wait_for_selector(".wbr-asked-for code:has-text(\"weights={'style': 0.0}\")", timeout=30_000)
    rests(page)
    page.focus(".wbr-knobs .noUi-handle >> nth=0")
    page.keyboard.press("Home")
    page.wait_for_selector(".wbr-seen [role='alert']:has-text('all criteria weigh 0')", timeout=30_000)
    page.keyboard.press("End")
    assert "Separation" in rests(page)

    menu(page, "Settings", "Theme")
    page.click(".lm-Menu-itemLabel:text-is('JupyterLab Dark')")
    page.wait_for_selector("body[data-jp-theme-name='JupyterLab Dark']", state="attached")
    page.set_viewport_size({"width": 1180, "height": 760})
    page.locator(".wbr-explore").evaluate("board => board.scrollIntoView()")
    page.wait_for_timeout(500)
    page.screenshot(path=str(tmp_path / "6-dark-laptop.png"))
    logging.getLogger(__name__).warning("pictures: %s", tmp_path)
    assert asked == [] and page.evaluate("() => window.struck") is None
    page.close()
    end_kernels(lab)
