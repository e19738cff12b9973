"""The review panel in a real JupyterLab with a real kernel, worked by keyboard: what was decided is in the store, exactly."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import pandas as pd
import pytest

import workbench as wb
from workbench.review.decisions import recorded, standing

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
LEVELS = ("low", "middle", "high")
ATTACK = "<img src=x onerror='window.struck=1'><script>window.struck=2</script>"
RUBRIC = f'''name = "default"
version = "1"
[criteria.clarity]
scale = "ordinal"
definition = "How clear the answer is. {ATTACK}"
levels = [{{name = "low", value = 1, wording = "Not clear. {ATTACK}"}}, {{name = "middle", value = 2, wording = "Clear in part."}},
  {{name = "high", value = 3, wording = "Clear throughout."}}]
'''
# when a key is pressed, and when the heading of the next unit stands on the page
CLOCK = """() => { window.shown = []; let last = null, start = null;
  window.addEventListener('keydown', (e) => { if (e.key === 'Enter') start = performance.now(); }, true);
  const look = () => { const h = document.querySelector('.wbr-item h3')?.textContent;
    if (last && h !== last && start) { window.shown.push(performance.now() - start); start = null; }
    last = h; requestAnimationFrame(look); }; look(); }"""


def plain_data(folder: Path) -> None:
    """Sixty answers, some of them pairs, that four raters do not agree on, with texts that would run scripts where they could."""
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "default-1.toml").write_text(RUBRIC)
    rows = [{"item_id": f"item-{i:02d}", "criterion": "clarity", "rater_id": who, "score": 1.0 + (i * (place + 1) + place) % 3,
             "rated_at": pd.Timestamp("2026-11-02T08:00:00Z"), "system": f"one {ATTACK}"}
            for i in range(60) for place, who in enumerate(("ada", "bo", f"cy {ATTACK}", "di"))]
    pd.DataFrame(rows).to_parquet(folder / "ratings.parquet")
    items = [{"item_id": f"item-{i:02d}", "prompt": f"Question {i} {ATTACK}", "text": f"The answer {i} is short. {ATTACK}",
              "text_b": f"The answer {i} is long. {ATTACK}" if i % 5 == 0 else None} for i in range(60)]
    pd.DataFrame(items).to_parquet(folder / "items.parquet")


def notebook_for(reviewer: str, path: Path) -> None:
    """The review notebook with a reviewer's name in its parameters."""
    book = json.loads((ROOT / "notebooks" / "review.ipynb").read_text(encoding="utf-8"))
    cell = next(c for c in book["cells"] if "parameters" in c["metadata"].get("tags", []))
    cell["source"] = [re.sub(r'reviewer: str = ""', f'reviewer: str = "{reviewer}"', line) for line in cell["source"]]
    path.write_text(json.dumps(book), encoding="utf-8")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """JupyterLab as `workbench lab` starts it, on the notebooks of two reviewers; its address and the store they will share."""
    work = tmp_path / "work"
    for folder in ("notebooks", "reports"):
        (work / folder).mkdir(parents=True)
    plain_data(work / "data" / "sample")
    for reviewer in ("ann", "ben"):
        notebook_for(reviewer, work / "notebooks" / f"{reviewer}.ipynb")
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    asking = settings.parent / "apputils-extension"
    asking.mkdir()
    (asking / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "spaces"),
           "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "lab", "ann", "--no-browser", "--port", str(port),
               "--IdentityProvider.token=", "--allow-root", "--ServerApp.disable_check_xsrf=True"]
    server = subprocess.Popen(command, cwd=work, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urlopen(f"{address}/api/status", timeout=2).read()
            break
        except OSError:
            time.sleep(0.5)
    yield address, work / "data" / "review"
    os.killpg(server.pid, 15)
    server.wait(timeout=30)


class Reviewer:
    """Somebody at a browser: what they press, and what they therefore expect in the store."""

    def __init__(self, name: str, chromium, address: str, store: Path) -> None:
        self.name, self.address, self.store, self.asked = name, address, store, []
        self.expected: dict[str, tuple[str, str | None]] = {}
        self.durable: list[float] = []
        self.page = chromium.new_page(viewport={"width": 1280, "height": 800})
        self.page.route(lambda url: not url.startswith((address, "data:", "blob:")),
                        lambda route: (self.asked.append(route.request.url), route.abort()))
        self.open()

    def open(self) -> None:
        """Open the notebook and run all of it; the panel is there."""
        self.page.goto(f"{self.address}/lab/tree/{self.name}.ipynb?reset", wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        self.page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=90_000)
        self.menu("Run", "Run All Cells")
        self.ready()

    def menu(self, name: str, entry: str) -> None:
        self.page.click(f".lm-MenuBar-itemLabel:text-is('{name}')")
        self.page.click(f".lm-Menu-itemLabel:text-is('{entry}')")

    def ready(self) -> None:
        """The panel stands, with the keyboard's ear on it."""
        fault = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
        self.page.wait_for_function("fault => document.querySelector(fault) || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
                                    ".every(p => /\\[\\d+\\]/.test(p.innerText))", arg=fault, timeout=180_000)
        assert self.page.locator(fault).all_inner_texts() == []
        self.page.wait_for_selector(".wbr-board[tabindex='0'] .wbr-item h3", timeout=60_000)
        self.page.evaluate(CLOCK)
        self.page.locator(".wbr-board").evaluate("board => { board.scrollIntoView(); board.focus({preventScroll: true}); }")

    @property
    def item(self) -> str:
        """The item on screen."""
        return self.page.inner_text(".wbr-item h3").split(": ", 1)[-1]

    @property
    def words(self) -> str:
        return self.page.inner_text(".wbr-board")

    def version(self) -> int:
        return len(list((self.store / "ratings" / "_delta_log").glob("*.json")))

    def stored(self, key: str) -> None:
        """Press a key, and wait until the store has one commit more."""
        before, start = self.version(), time.perf_counter()
        self.page.keyboard.press(key)
        while self.version() == before:
            assert time.perf_counter() - start < 20, f"{key} stored nothing: {self.words[:400]}"
            time.sleep(0.001)
        self.durable.append(time.perf_counter() - start)

    def give(self, level: int, reason: str = "", *, blind: bool = True) -> None:
        """Give a level and a reason to the item on screen, whose ratings are hidden until then."""
        item = self.item
        assert ("hidden until you have given yours" in self.words) == blind
        self.stored(str(level))
        self.page.wait_for_selector(".wbr-said:has-text('Stored')")
        if reason:
            self.stored({"rater_error": "e", "rubric_hole": "h"}[reason])
        self.expected[item] = (LEVELS[level - 1], reason or None)

    def onward(self) -> None:
        """Go on to the next item."""
        before = self.item
        self.page.keyboard.press("Enter")
        self.page.wait_for_function("before => !document.querySelector('.wbr-item h3')?.textContent.endsWith(': ' + before)", arg=before)


def held(store: Path, reviewer: str) -> dict[str, tuple[str, str | None]]:
    """The decisions of a reviewer that stand in the store."""
    found = standing(recorded(wb.read(store).source))
    own = [d for d in found if d.reviewer == reviewer and d.valued]
    assert len({d.unit for d in own}) == len(own)
    return {d.unit.item_id: (LEVELS[int(d.score) - 1], d.reason) for d in own}


def test_what_is_decided_by_keyboard_is_in_the_store_whatever_happens_to_page_and_kernel(lab, chromium, tmp_path: Path) -> None:
    address, store = lab
    ann = Reviewer("ann", chromium, address, store)
    assert "How it works" in ann.words
    ann.page.screenshot(path=str(tmp_path / "1-first.png"))
    for n in range(20):
        ann.give(n % 3 + 1, reason="rater_error" if n % 4 == 0 else "rubric_hole" if n % 4 == 1 else "")
        if n == 4:
            ann.page.screenshot(path=str(tmp_path / "2-decided.png"))
        ann.onward()
    assert held(store, "ann") == ann.expected and len(ann.expected) == 20

    last = list(ann.expected)[-1]
    ann.stored("u")
    ann.page.wait_for_selector(".wbr-said:has-text('Taken back')")
    assert ann.item == last and ann.expected.pop(last) and held(store, "ann") == ann.expected
    ann.give(1, blind=False)                                # what was seen cannot be hidden again
    ann.onward()
    skipped = ann.item
    ann.stored("s")
    ann.page.wait_for_selector(".wbr-said:has-text('Skipped')")
    ann.page.keyboard.press("Enter")                        # an undecided unit is not left by mistake
    ann.page.wait_for_selector(".wbr-said:has-text('Give a level first')")
    ann.page.keyboard.press("n")
    ann.page.keyboard.type("1 2 3, see s and u")            # keys that are letters of a note
    ann.page.keyboard.press("Enter")
    ann.page.wait_for_selector(".wbr-said:has-text('will be stored with your level')")
    noted = ann.item
    ann.give(2)

    ann.open()                                              # a page that was reloaded
    assert "21 decided · 1 skipped" in ann.words and ann.item not in {*ann.expected, skipped}
    ann.give(3)
    ann.onward()
    ann.menu("Kernel", "Restart Kernel and Run All Cells…")
    ann.page.click(".jp-Dialog button:has-text('Restart')")
    ann.page.wait_for_function("() => [...document.querySelectorAll('.jp-InputPrompt')].some(p => p.innerText.includes('*'))", timeout=60_000)
    ann.ready()
    assert "22 decided · 1 skipped" in ann.words and ann.item not in {*ann.expected, skipped}

    ben = Reviewer("ben", chromium, address, store)
    for n in range(5):
        assert ann.item != ben.item
        ben.give(n % 3 + 1)
        ann.give(3 - n % 3)
        ann.onward()
        ben.onward()
    decided = standing(recorded(wb.read(store).source))
    assert held(store, "ann") == ann.expected and held(store, "ben") == ben.expected
    assert {d.unit.item_id for d in decided if not d.valued} == {skipped}
    assert {d.unit.item_id: d.note for d in decided if d.note} == {noted: "1 2 3, see s and u"}
    twice = ann.expected.keys() & ben.expected.keys()
    assert all(d.second for d in decided if d.reviewer == "ben" and d.unit.item_id in twice)

    ann.page.screenshot(path=str(tmp_path / "3-last.png"))
    for reviewer in (ann, ben):
        assert reviewer.page.evaluate("() => window.struck") is None
        assert [url for url in reviewer.asked if not url.startswith("ws:")] == []
    times = {"shown": [t / 1000 for t in ann.page.evaluate("() => window.shown")], "durable": ann.durable}
    for name, found in times.items():
        assert found
        logging.getLogger(__name__).warning("%s: median %.0f ms of %d", name, 1000 * median(found), len(found))
