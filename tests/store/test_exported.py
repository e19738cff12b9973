"""Rows that leave: Parquet or JSON Lines, whole or absent, with a passport that names the file's content."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.errors import ParameterError, RatingsError
from workbench.store import exported
from workbench.store.exported import passport_path, write_export

ROWS = pd.DataFrame({"item_id": ["a", "b"], "mean": [1.5, np.nan], "label": pd.array([None, "é"], dtype="str")})


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl"])
def test_the_same_rows_are_the_same_bytes_and_the_passport_names_them(away: Path, name: str) -> None:
    path, again = away / name, away / "again" / name
    again.parent.mkdir()
    for target in (path, again):
        write_export(ROWS, target, passport={"passport": "p1"})
    assert path.read_bytes() == again.read_bytes() and passport_path(path).read_bytes() == passport_path(again).read_bytes()
    assert json.loads(passport_path(path).read_text()) == {
        "passport": "p1", "file": {"name": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}


def test_missing_values_are_null_in_both_forms(away: Path) -> None:
    for name in ("rows.jsonl", "rows.parquet"):
        write_export(ROWS, away / name, passport={})
    rows = [{"item_id": "a", "mean": 1.5, "label": None}, {"item_id": "b", "mean": None, "label": "é"}]
    assert [json.loads(line) for line in (away / "rows.jsonl").read_text(encoding="utf-8").splitlines()] == rows
    assert pq.read_table(away / "rows.parquet").to_pylist() == rows


def test_many_rows_are_all_written(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "AT_ONCE", 7)
    write_export(pd.DataFrame({"n": range(30)}), away / "n.jsonl", passport={})
    assert [json.loads(line)["n"] for line in (away / "n.jsonl").read_text().splitlines()] == list(range(30))


def test_what_breaks_off_leaves_what_was_there(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_export(ROWS, away / "rows.jsonl", passport={"passport": "p1"})
    before = {p.name: p.read_bytes() for p in away.iterdir() if p.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(RatingsError, match=r"rows.jsonl: it cannot be written \(No space left on device\). Nothing was."):
            write_export(ROWS.head(1), away / "rows.jsonl", passport={"passport": "p2"})
    assert {p.name: p.read_bytes() for p in away.iterdir() if p.is_file()} == before


@pytest.mark.parametrize(("name", "words"), [
    ("rows.csv", r"--out .*rows.csv: a file of kind .parquet or .jsonl was expected, found .csv. Name it rows.parquet"),
    ("rows", "found no suffix"), ("folder.parquet", "this is a folder, and a file was expected")])
def test_a_target_that_is_none_is_refused(away: Path, name: str, words: str) -> None:
    (away / "folder.parquet").mkdir()
    with pytest.raises(ParameterError, match=words):
        write_export(ROWS, away / name, passport={})


def test_a_folder_that_is_not_there_is_named(away: Path) -> None:
    with pytest.raises(RatingsError, match="there is no folder .*nowhere to write into. Make it, or name another"):
        write_export(ROWS, away / "nowhere" / "rows.jsonl", passport={})
