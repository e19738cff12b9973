"""A real JupyterLab as `workbench lab` starts it, and pages of it in Chromium that reach nothing else: for tests of what runs there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
START = 120         # seconds that the server may take to answer, on a machine at work
PATIENCE = 180_000  # milliseconds that a page or a notebook may take
FAULTS = """[...document.querySelectorAll(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")]
  .map(said => said.innerText).filter(words => words.includes('Traceback'))"""
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(prompt => prompt.innerText)"
RAN = f"() => {FAULTS}.length || ({PROMPTS}.length && {PROMPTS}.every(words => /\\[\\d+\\]/.test(words)))"


@contextmanager
def jupyter_lab(home: Path) -> Iterator[str]:
    """JupyterLab on the workspace `home`/work; its address. What it keeps of its user lies in `home` as well."""
    work, port = home / "work", free_port()
    for folder in ("notebooks", "reports"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))  # cells out of sight are drawn too
    places = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "spaces", "JUPYTER_CONFIG_DIR": "config",
              "IPYTHONDIR": "ipython", "XDG_CACHE_HOME": "cache"}
    env = {**os.environ, **{name: str(home / folder) for name, folder in places.items()}, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "lab", "--no-browser", "--port", str(port),
               "--IdentityProvider.token=", "--allow-root", "--ServerApp.disable_check_xsrf=True"]
    address, log = f"http://127.0.0.1:{port}", home / "server.log"
    with log.open("w") as stream:
        server = subprocess.Popen(command, cwd=work, env=env, stdout=stream, stderr=stream, start_new_session=True)
    try:
        await_answer(f"{address}/api/status", server, log)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_answer(url: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + START
    while True:
        try:
            return urlopen(url, timeout=5).close()
        except OSError:
            assert server.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)


def end_kernels(address: str) -> None:
    """Shut down every kernel, so that those of one test take no memory from the next."""
    with urlopen(f"{address}/api/kernels") as answer:
        for kernel in json.load(answer):
            urlopen(Request(f"{address}/api/kernels/{kernel['id']}", method="DELETE")).close()


def write_notebook(path: Path, *, template: str, **parameters: object) -> None:
    """One of our notebooks with other values in its parameters cell."""
    book = json.loads((ROOT / "notebooks" / f"{template}.ipynb").read_text(encoding="utf-8"))
    cell = next(c for c in book["cells"] if "parameters" in c["metadata"].get("tags", []))
    lines = {line.partition(":")[0]: line.rstrip("\n") for line in "".join(cell["source"]).splitlines()}
    assert parameters.keys() <= lines.keys(), parameters
    lines |= {name: f"{name} = {value!r}" for name, value in parameters.items()}
    path.write_text(json.dumps({**book, "cells": [{**c, "source": "\n".join(lines.values())} if c is cell else c for c in book["cells"]]}),
                    encoding="utf-8")


def write_cells(path: Path, sources: Sequence[str]) -> None:
    """A notebook of code cells; its kernelspec keeps JupyterLab from asking for a kernel."""
    cells = [{"cell_type": "code", "id": f"c{i}", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
             for i, source in enumerate(sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def open_page(chromium: Any, address: str, **looks: Any) -> tuple[Any, list[str]]:
    """A page that gets nothing but what the server at `address` gives, and the list of what it asked of others, sockets included."""
    page, asked = chromium.new_page(**{"viewport": {"width": 1280, "height": 800}, **looks}), []
    own = (f"{address}/", f"{address.replace('http', 'ws')}/", "data:", "blob:", "about:")
    page.route(lambda url: not url.startswith(own), lambda route: (asked.append(route.request.url), route.abort()))
    page.on("websocket", lambda opened: None if opened.url.startswith(own) else asked.append(opened.url))
    return page, asked


def run_all(page: Any, address: str, name: str) -> None:
    """Open a notebook and run all of it."""
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded", timeout=PATIENCE)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=PATIENCE)
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=PATIENCE)
    menu(page, "Run", "Run All Cells")
    await_cells(page)


def menu(page: Any, name: str, entry: str) -> None:
    """Choose an entry of a menu."""
    page.click(f".lm-MenuBar-itemLabel:text-is('{name}')")
    page.click(f".lm-Menu-itemLabel:text-is('{entry}')")


def await_cells(page: Any) -> None:
    """Wait until every cell has run, without an error."""
    page.wait_for_function(RAN, timeout=PATIENCE)
    assert page.evaluate(f"() => {FAULTS}") == []
