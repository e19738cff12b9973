"""Notebooks that another version of a report has run on the same inputs: what they gave is taken from there, not made again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from workbench.cache import parquet_frame
from workbench.report.artefact import MANIFEST, file_hash
from workbench.report.collect import ESTIMATES, FINDINGS
from workbench.report.site import Section

Tables = tuple[pd.DataFrame, pd.DataFrame]


def reused(reports: Path, name: str, key: str) -> tuple[Section, Tables] | None:
    """What a notebook gave in a whole report of this folder, by the version of a report of it alone; None where none has it as it was
    made."""
    for path in sorted(reports.glob(f"*/{MANIFEST}")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            told = manifest["notebooks"][name]
            files = [f"notebooks/{name}.ipynb", FINDINGS, ESTIMATES]
            if told.get("key") != key or told["error"] or any(file_hash(path.parent / file) != manifest["files"][file] for file in files):
                continue
            notebook = json.loads((path.parent / files[0]).read_text(encoding="utf-8"))
            findings, estimates = (parquet_frame(path.parent / file) for file in files[1:])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        own = estimates[estimates["notebook"] == name].drop(columns="notebook").reset_index(drop=True)
        section = Section(name, notebook, told["seconds"], "", told["parameters"])
        return section, (findings[findings["notebook"] == name].reset_index(drop=True), own)
    return None
