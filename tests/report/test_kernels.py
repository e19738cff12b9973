"""One notebook in one kernel: what ends it, in one line, and what it says meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from workbench.report import kernels
from workbench.report.kernels import Executed, Limits, execute


def ran(code: str, folder: Path) -> Executed:
    """A notebook of one cell, run in a thread of its own as a report runs it: this one's event loop may be a browser's."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(execute, notebook, parameters={}, folder=folder, limits=Limits(120, 1), on_cell=lambda cell: None).result()


def test_a_flood_of_output_ends_a_notebook_and_what_it_had_printed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "MAX_OUTPUT", 1_000_000)
    done = ran("while True: print('x' * 1000)", tmp_path)
    assert done.error == "it put out more than 1 million characters" and done.seconds < 60
    [output] = done.notebook["cells"][0]["outputs"]
    assert 0 < len(output["text"]) <= 1_000_000


def test_megabytes_of_output_are_no_fault_and_kept_whole(tmp_path: Path) -> None:
    code = "import sys\nfor _ in range(30): print('x' * 100_000)"
    done = ran(code, tmp_path)
    assert done.error == "" and sum(len(output["text"]) for output in done.notebook["cells"][0]["outputs"]) == 30 * 100_001


def test_json_that_a_cell_shows_comes_back_as_it_was_beside_text_and_errors(tmp_path: Path) -> None:
    shown = "{'application/json': {'a': [1, {'b': None}]}, 'text/plain': 'one'}"
    code = f"from IPython.display import display\nh = display({shown}, raw=True, display_id='x')\nh.update({{'application/json': {{'a': 2}}}}, raw=True)"
    done = ran(code + "\ndisplay({'application/json': {'c': 3}}, raw=True)\n1 / 0", tmp_path)
    first, second, error = done.notebook["cells"][0]["outputs"]
    assert first["data"] == {"application/json": {"a": 2}} and second["data"] == {"application/json": {"c": 3}}
    assert type(second["data"]["application/json"]) is dict and error["ename"] == "ZeroDivisionError" == done.error.split(":")[0]


@pytest.mark.parametrize(("code", "said"), [
    ("import os; os._exit(1)", "its Python process ended by itself"),
    ("import os; os.kill(os.getpid(), 9)", "its Python process was killed, as it is when the machine has no memory left"),
    ("import ctypes; ctypes.string_at(0)", "its Python process ended by itself, by SIGSEGV: something in it crashed")])
def test_a_process_that_dies_is_told_of_once_with_what_ended_it(tmp_path: Path, capfd: pytest.CaptureFixture, code: str, said: str) -> None:
    done = ran(code, tmp_path)
    assert done.error == said
    assert capfd.readouterr() == ("", "")
