"""What a run leaves in its notebooks that a reader must not get: this machine's paths, clocks, floods of output."""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

MAX_TEXT = 200_000  # characters of one printed output; a page is read by a person
ERROR_MARK = "papermill-error-cell-tag"

Scrub = Callable[[str], str]


def path_scrubber(known: Mapping[str, str]) -> Scrub:
    """A function that puts in place of each path in `known`, and of Python's own and the home folder, a short name.

    Longer paths go first, each in the form given and with links resolved; a path ends where a name of a file would.
    """
    python = {sysconfig.get_path(key): "python" for key in ("purelib", "platlib", "stdlib", "platstdlib", "scripts")}
    places = python | {sys.prefix: "python", tempfile.gettempdir(): "tmp", str(Path.home()): "~"} | dict(known)
    places |= {str(Path(path).resolve()): short for path, short in places.items()}
    places = {path: short for path, short in places.items() if len(Path(path).parts) > 1}
    ordered = sorted(places, key=len, reverse=True)
    pattern = re.compile(rf"(?:{'|'.join(re.escape(path) for path in ordered)})(?![\w-])")
    return lambda text: pattern.sub(lambda hit: places[hit.group()], text)


def scrub_tree(value: object, scrub: Scrub) -> object:
    """`value` (JSON: maps, lists, texts, numbers) with every text, keys included, scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(key): scrub_tree(item, scrub) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub_tree(item, scrub) for item in value]
    return value


def scrub_table(table: pd.DataFrame, scrub: Scrub) -> pd.DataFrame:
    """The table with every text in it scrubbed; columns of other kinds keep theirs."""
    words = table.select_dtypes(["object", "string"]).columns
    return table.assign(**{c: table[c].map(lambda value: scrub(value) if isinstance(value, str) else value) for c in words})


def clean_notebook(notebook: Mapping, scrub: Scrub) -> dict:
    """An executed notebook as it may be kept: no paths, no times, no runner's metadata, no endless output."""
    cells = [_clean_cell(cell) for cell in notebook["cells"] if ERROR_MARK not in cell["metadata"].get("tags", ())]
    metadata = {key: value for key, value in notebook["metadata"].items() if key in ("kernelspec", "language_info")}
    return scrub_tree(dict(notebook) | {"cells": cells, "metadata": metadata}, scrub)


def _clean_cell(cell: Mapping) -> dict:
    kept = dict(cell) | {"metadata": {"tags": list(cell["metadata"].get("tags", ()))}}
    if "outputs" in kept:
        kept["outputs"] = [_short(output) for output in kept["outputs"]]
    return kept


def _short(output: Mapping) -> dict:
    if output["output_type"] == "stream" and len(output["text"]) > MAX_TEXT:
        more = len(output["text"]) - MAX_TEXT
        return dict(output) | {"text": f"{output['text'][:MAX_TEXT]}\n… {more:,} more characters were cut."}
    return dict(output)
