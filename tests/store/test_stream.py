"""The streamed panel: every subset of raters as likely, the same whatever the way, in bounded memory, whole or absent."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.store import stream
from workbench.store.stream import BLOCK, Panel, distinct, numbered, write_panel, write_panel_dataset

ALPHA_TOLERANCE = 0.01   # three standard errors of alpha at 40,000 items with 3 ratings
MEMORY = 250             # MB: an interpreter with numpy and Arrow takes half of it; a frame of the panel would take 300 more


@pytest.mark.parametrize(("m", "k"), [(5, 2), (4, 4), (6, 1), (6, 5)])
def test_every_subset_of_raters_is_drawn_as_often_as_any_other(m: int, k: int) -> None:
    n = 30_000
    drawn = Counter(map(tuple, np.sort(distinct(n, m, k, np.random.default_rng(0)), axis=1).tolist()))
    subsets = list(combinations(range(m), k))
    assert set(drawn) == set(subsets)
    expected = n / len(subsets)
    # chi-square with len - 1 degrees of freedom: its mean plus four standard deviations
    degrees = len(subsets) - 1
    assert sum((drawn[s] - expected) ** 2 / expected for s in subsets) <= degrees + 4 * (2 * degrees) ** 0.5


def test_ids_are_written_with_leading_zeros() -> None:
    assert numbered("i", np.array([0, 7, 120, 99_999]), 6).to_pylist() == ["i000000", "i000007", "i000120", "i099999"]


def test_ids_as_numbers_are_the_same_ratings(tmp_path: Path) -> None:
    panel = Panel(n_items=300, n_raters=12, raters_per_item=3, seed=2)
    text, number = (pd.read_parquet(write_panel(tmp_path / f"{ids}.parquet", panel, ids=ids)) for ids in ("text", "number"))
    assert text["item_id"].str[1:].astype(int).tolist() == number["item_id"].tolist()
    assert text["rater_id"].str[1:].astype(int).tolist() == number["rater_id"].tolist()
    assert text["score"].tolist() == number["score"].tolist() and set(text["score"]) == {1, 2, 3, 4, 5}


def test_a_seed_decides_the_bytes(tmp_path: Path) -> None:
    def bytes_of(name: str, seed: int) -> bytes:
        return write_panel(tmp_path / name, Panel(n_items=500, n_raters=9, raters_per_item=3, seed=seed)).read_bytes()

    assert bytes_of("a", 1) == bytes_of("b", 1) != bytes_of("c", 2)


def test_a_larger_panel_begins_with_whole_blocks_of_the_smaller() -> None:
    small, large = (Panel(n_items=n, n_raters=9, raters_per_item=2, seed=3).blocks() for n in (BLOCK, BLOCK + 10))
    for one, other in zip(next(small), next(large)):
        np.testing.assert_array_equal(one, other)
    assert [len(item) for item, _, _ in large] == [10]


def test_a_streamed_panel_has_the_agreement_it_was_drawn_with(tmp_path: Path) -> None:
    path = write_panel(tmp_path / "panel.parquet", Panel(n_items=40_000, n_raters=50, raters_per_item=3, agreement=0.6, seed=5))
    [group] = wb.reduce.patterns(wb.read(path))
    n, counts = group.counts.sum(axis=1), group.counts
    same = group.weight @ ((counts * (counts - 1)).sum(axis=1) / (n * (n - 1))) / group.n_items
    shares = group.weight @ counts / group.n_ratings
    assert (same - shares @ shares) / (1 - shares @ shares) == pytest.approx(0.6, abs=ALPHA_TOLERANCE)
    assert pq.ParquetFile(path).num_row_groups == 1 and group.n_raters == 50


def test_memory_does_not_grow_with_the_ratings(tmp_path: Path) -> None:
    code = ("import psutil, sys, threading, time; from workbench.store.stream import Panel, write_panel; most = [0]; me = psutil.Process()\n"
            "def watch():\n    while True: most[0] = max(most[0], me.memory_info().rss); time.sleep(0.01)\n"
            "threading.Thread(target=watch, daemon=True).start()\n"
            "write_panel(sys.argv[1], Panel(n_items=3_000_000, n_raters=200, raters_per_item=3)); print(most[0])")
    path = tmp_path / "panel.parquet"
    most = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    assert int(most) / 10**6 < MEMORY   # not ru_maxrss: a child begins with its parent's
    assert pq.ParquetFile(path).metadata.num_rows == 9_000_000


def test_a_panel_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(stream, "distinct", broken)
    with pytest.raises(OSError, match="no space left"):
        write_panel(tmp_path / "panel.parquet", Panel(n_items=5, n_raters=3, raters_per_item=2))
    assert not list(tmp_path.iterdir())


def test_a_panel_dataset_is_read_and_says_what_was_planted(tmp_path: Path) -> None:
    folder = write_panel_dataset(Panel(n_items=20, n_raters=4, raters_per_item=3, agreement=0.7, seed=9), tmp_path / "panel")
    ratings = wb.read(folder)
    assert (ratings.count(), ratings.source.name) == (60, "panel")
    truth = (folder / "TRUTH.md").read_text()
    assert "60 ratings of 20 items, each by 3 of 4 raters" in truth and "whatever the coefficient: 0.7" in truth and "seed 9" in truth


@pytest.mark.parametrize(("fields", "words"), [
    ({"n_items": 0}, "at least 1, not n_items=0"), ({"levels": 0}, "at least 1, not levels=0"),
    ({"raters_per_item": 4}, "raters_per_item=4 is more than n_raters=3. Lower it, or add raters"),
    ({"agreement": 1.2}, "agreement=1.2 is to lie in 0 to 1"), ({"severity_sd": -1.0}, "severity_sd=-1.0 not below 0")])
def test_a_panel_that_cannot_be_drawn_is_refused_by_name(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Panel(**{"n_items": 5, "n_raters": 3, "raters_per_item": 2} | fields)


def test_ids_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="ids='uuid' is not known. Use one of: 'text', 'number'"):
        write_panel(tmp_path / "panel.parquet", Panel(n_items=5, n_raters=3, raters_per_item=2), ids="uuid")
