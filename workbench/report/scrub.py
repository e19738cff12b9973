"""What a run leaves in its notebooks that a reader must not get: this machine's paths and names, secrets, ids, clocks, floods of output."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from workbench.errors import redacted
from workbench.privacy import small

MAX_TEXT = 200_000  # characters of one printed output; a page is read by a person
VEGA_LITE = "application/vnd.vegalite."
# Accounts and hosts that name nobody, and whose names stand for much else.
NOBODY = set("admin app data host item jovyan localhost main nobody rater report root runner test ubuntu user users work".split())
ROOTS = {"home", "Users", "root", "tmp", "var", "srv", "opt", "usr", "mnt", "media", "etc", "private", "data", "workspace", "workspaces"}
PATH = re.compile(r"(?<![\w/.:+=~-])(?:/(?:{roots})/[^\s'\"`<>|:;,)\]}}\\]+|[A-Za-z]:\\{{1,2}}(?:[\w .-]+\\{{1,2}})+[\w.-]+)"
                  .format(roots="|".join(sorted(re.escape(name) for name in ROOTS | {p.name for p in Path("/").glob("*/")}))))
SECRET = re.compile(r"(?i)(key|token|secret|passw(or)?d|credential)s?$")
WORD = re.compile(r"[\w@.+-]+")

Scrub = Callable[[str], str]


def path_scrubber(known: Mapping[str, str]) -> Scrub:
    """A function that puts in place of each path in `known`, and of Python's own and the home folder, a short name.

    Longer paths go first, each in the form given and with links resolved; a path ends where a name of a file would. Of any other absolute
    path the last name stays. Whoever runs this, the machine, and what secret variables of the environment hold, are not named.
    """
    python = {sysconfig.get_path(key): "python" for key in ("purelib", "platlib", "stdlib", "platstdlib", "scripts")}
    places = python | {sys.prefix: "python", tempfile.gettempdir(): "tmp", str(Path.home()): "~"} | dict(known)
    places |= {str(Path(path).resolve()): short for path, short in places.items()}
    places = {path: short for path, short in places.items() if len(Path(path).parts) > 1}
    ordered = sorted(places, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(path) for path in ordered)})(?![\w-])")
    secrets, named = secret_values(), hiding(names_of_machine())

    def scrub(text: str) -> str:
        for value, variable in secrets.items():
            text = text.replace(value, f"${variable}")
        text = pattern.sub(lambda hit: places[hit.group()], redacted(text))
        return named(PATH.sub(_last_name, text))

    return scrub


def _last_name(hit: re.Match) -> str:
    """What may stand for an absolute path: the name it ends in, unless that is somebody's home."""
    parts = [part for part in re.split(r"[\\/]+", hit.group().rstrip(".")) if part]
    at_home = len(parts) < 3 and parts[0] in ("home", "Users") or len(parts) < 4 and parts[1:2] == ["Users"]
    return "~" if at_home else f"…/{parts[-1]}"


def secret_values() -> dict[str, str]:
    """What the environment's secret variables hold, and their names; what is short or plain could stand for something else."""
    return {value: name for name, value in sorted(os.environ.items(), key=lambda one: -len(one[1]))
            if SECRET.search(name) and len(value) >= 6 and value.lower() not in NOBODY and not os.path.exists(value)}


def names_of_machine() -> dict[str, str]:
    """Who runs this and on which machine, as far as their names are telling."""
    found = {socket.gethostname(): "(host)"}
    with suppress(KeyError, OSError):     # a process whose account has no name
        found[getpass.getuser()] = "(user)"
    return {name: instead for name, instead in found.items() if len(name) > 2 and name.lower() not in NOBODY}


def hiding(names: Mapping[str, str]) -> Scrub:
    """A function that puts for each name, where it stands as a whole word, what may stand instead; as quick for many names as for few."""
    odd = sorted((name for name in names if not WORD.fullmatch(name)), key=len, reverse=True)
    spaced = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(name) for name in odd)})(?!\w)") if odd else None

    def word(hit: re.Match) -> str:
        """The word, or what stands for it, less the stop that may end a sentence."""
        found = hit.group()
        if found in names:
            return names[found]
        bare = found.strip(".-+")
        return found.replace(bare, names[bare]) if bare in names else found

    def hide(text: str) -> str:
        text = spaced.sub(lambda hit: names[hit.group()], text) if spaced else text
        return WORD.sub(word, text) if names else text

    return hide


def scrub_tree(value: object, scrub: Scrub) -> object:
    """`value` (JSON: maps, lists, texts, numbers) with every text, keys included, scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): item if str(key).startswith("image/") else scrub_tree(item, scrub) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub_tree(item, scrub) for item in value]
    return value


def scrub_table(table: pd.DataFrame, scrub: Scrub) -> pd.DataFrame:
    """The table with every text in it scrubbed; columns of other kinds keep theirs."""
    words = table.select_dtypes(["object", "string"]).columns
    return table.assign(**{c: table[c].map(lambda value: scrub(value) if isinstance(value, str) else value) for c in words})


def clean_notebook(notebook: Mapping, scrub: Scrub, least: int = 0) -> dict:
    """An executed notebook as it may be kept: no paths, no times, no runner's metadata, no endless output.

    least: rows of charts' data that rest on fewer ratings, items or raters are taken out.
    """
    cells = [_clean_cell(cell, least) for cell in notebook["cells"]]
    metadata = {key: value for key, value in notebook["metadata"].items() if key in ("kernelspec", "language_info")}
    return scrub_tree(dict(notebook) | {"cells": cells, "metadata": metadata}, scrub)


def _clean_cell(cell: Mapping, least: int) -> dict:
    kept = dict(cell) | {"metadata": {"tags": list(cell["metadata"].get("tags", ()))}}
    if "outputs" in kept:
        kept["outputs"] = [_safe(_short(output), least) for output in kept["outputs"]]
    return kept


def _safe(output: dict, least: int) -> dict:
    """The output without metadata, and its charts without small rows."""
    if "data" not in output:
        return output
    data = {kind: without_small(content, least) if kind.startswith(VEGA_LITE) and least else content
            for kind, content in output["data"].items()}
    return output | {"metadata": {}, "data": data}


def without_small(spec: object, least: int) -> object:
    """A chart's specification whose data hold no row that rests on fewer than `least`."""
    if isinstance(spec, Mapping):
        return {key: without_small(value, least) for key, value in spec.items()}
    if isinstance(spec, list):
        return [without_small(one, least) for one in spec if not (isinstance(one, Mapping) and small(one, least))]
    return spec


def _short(output: Mapping) -> dict:
    if output["output_type"] == "stream" and len(output["text"]) > MAX_TEXT:
        more = len(output["text"]) - MAX_TEXT
        return dict(output) | {"text": f"{output['text'][:MAX_TEXT]}\n… {more:,} more characters were cut."}
    return dict(output)
