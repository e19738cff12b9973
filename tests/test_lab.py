"""The notebooks in a real JupyterLab with the network off: run there from the menu, every chart is drawn."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb"))
RENDERED = "() => [...document.querySelectorAll('.jp-RenderedVegaCommon5')].map(c => c.querySelectorAll('canvas, svg').length)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab as `make lab` starts it, on a copy of the notebooks; its address."""
    home, port = tmp_path_factory.mktemp("lab"), free_port()
    (home / "work" / "reports").mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks", home / "work" / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(ROOT / "data", home / "work" / "data")
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))  # cells out of sight are drawn too
    env = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces"),
           "JUPYTER_CONFIG_DIR": str(home / "config"), "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "lab", "--no-browser", "--port", str(port),
               "--IdentityProvider.token=", "--ServerApp.root_dir=" + str(home / "work" / "notebooks"), "--allow-root",
               "--ServerApp.disable_check_xsrf=True"]
    server = subprocess.Popen(command, cwd=home / "work", env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urlopen(f"{address}/api/status", timeout=2).read()
            break
        except OSError:
            time.sleep(0.5)
    yield address
    os.killpg(server.pid, 15)
    server.communicate(timeout=30)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_chart_is_drawn_in_jupyterlab_offline(name: str, lab: str, chromium, tmp_path: Path) -> None:
    page, asked = chromium.new_page(viewport={"width": 1280, "height": 900}), []
    page.route(lambda url: not url.startswith((lab, "data:", "blob:")), lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(f"{lab}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=90_000)
    page.click("text=Run >> nth=0")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_function("() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
                           ".filter(p => !/\\[\\d+\\]/.test(p.innerText)).length == 0", timeout=180_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(tmp_path / f"{name}.png"))
    assert page.query_selector_all(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']") == []
    drawn = page.evaluate(RENDERED)
    shown = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8").count("wb.chart.")
    assert len(drawn) >= min(shown, 1) and all(drawn), drawn
    assert [url for url in asked if not url.startswith("ws:")] == []
    page.close()
