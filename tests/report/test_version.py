"""A report's version changes with what decides its content, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from workbench.report import load_pack
from workbench.report import version as module
from workbench.report.version import version
from workbench.source import Snapshot

SNAPSHOT = Snapshot(id="f00d", name="sample", version="v", n_rows=2, rubrics={"tone 1": "abc"})
GIVEN = {"parameters": {}, "columns": {}, "exclude": {}, "seed": 0}


def made(snapshot: Snapshot = SNAPSHOT, period: str = "2026-W46", **given: object) -> str:
    return version(load_pack("agreement"), period=period, snapshot=snapshot, given=GIVEN | given)


def test_what_decides_content_changes_the_version(workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    write("agreement")
    versions = [made(), made(period="2026-W45"), made(seed=1), made(parameters={"draws": 8}), made(exclude={"is_qc": True}),
                made(columns={"ts": "rated_at"}), made(replace(SNAPSHOT, id="beef")), made(replace(SNAPSHOT, rubrics={"tone 1": "abd"}))]
    write("agreement", "1 + 1")
    versions.append(made())
    monkeypatch.setattr(module, "source_hash", lambda: "other sources")
    versions.append(made())
    monkeypatch.setattr(module, "package_versions", lambda: {"numpy": "0"})
    versions.append(made())
    assert len(set(versions)) == len(versions) and all(len(v) == 12 for v in versions)


def test_outputs_ids_and_metadata_of_a_notebook_do_not(workspace: Path, write: Callable) -> None:
    path = write("agreement")
    before = made()
    notebook = nbformat.read(path, as_version=4)
    for n, cell in enumerate(notebook.cells):
        cell.id, cell.metadata["collapsed"] = f"other-{n}", True
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    nbformat.write(notebook, path)
    assert made() == before


def test_nor_does_the_name_the_data_lie_under(workspace: Path, write: Callable) -> None:
    write("agreement")
    assert made(replace(SNAPSHOT, name="elsewhere", version="other")) == made()
