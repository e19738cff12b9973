"""No path of this machine stays in what a run leaves."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.report.scrub import MAX_TEXT, clean_notebook, path_scrubber


def test_paths_are_put_short_the_longest_first() -> None:
    scrub = path_scrubber({"/srv/ws": ".", "/srv/ws/data/mine.csv": "mine.csv"})
    assert scrub("read /srv/ws/data/mine.csv for /srv/ws/notebooks") == "read mine.csv for ./notebooks"
    assert scrub("/srv/wsx is another") == "/srv/wsx is another"


def test_pythons_own_paths_and_the_home_folder_go_too() -> None:
    scrub = path_scrubber({})
    for path in (sys.prefix, str(Path(sys.modules["ast"].__file__)), str(Path.home() / "secret.csv")):
        assert not Path(scrub(path)).is_absolute()


def test_runner_metadata_and_floods_are_dropped() -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {"tags": [], "papermill": {"start_time": "now"}, "execution": {}}, "source": "",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * (MAX_TEXT + 5)}]}
    marker = {"cell_type": "markdown", "metadata": {"tags": ["papermill-error-cell-tag"]}, "source": "An exception"}
    cleaned = clean_notebook({"cells": [marker, cell], "metadata": {"papermill": {"input_path": "/x"}}}, path_scrubber({}))
    assert cleaned["metadata"] == {} and len(cleaned["cells"]) == 1
    assert cleaned["cells"][0]["metadata"] == {"tags": []}
    assert cleaned["cells"][0]["outputs"][0]["text"].endswith("… 5 more characters were cut.")
