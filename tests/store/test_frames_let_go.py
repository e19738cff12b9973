"""Frames are held by the engine no longer than something stands on them."""

from __future__ import annotations

import gc

import pandas as pd

import workbench as wb
from workbench.store.engine import duckdb


def held() -> set[str]:
    """The frames that the engine holds."""
    return {name for name, in duckdb().con.sql("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'frame_%'").fetchall()}


def test_a_frame_read_again_and_again_is_held_once() -> None:
    frame = pd.DataFrame({"item_id": list("aabb"), "rater_id": ["x", "y"] * 2, "score": [1, 2, 2, 2]})
    gc.collect()
    wb.read(frame)
    before = held()
    for _ in range(5):
        wb.agreement.krippendorff_alpha(wb.read(frame).where(rater_id=["x", "y"]))
        gc.collect()
    wb.read(frame)
    assert len(held() - before) <= 1


def test_what_stands_on_a_frame_keeps_it() -> None:
    frame = pd.DataFrame({"item_id": list("aabb"), "rater_id": ["x", "y"] * 2, "score": [1, 2, 2, 2], "kind": pd.Categorical(list("uvuv"))})
    table = wb.read(frame).where(rater_id="x").table
    for _ in range(3):
        wb.read(frame.head(2))
        gc.collect()
    assert table.count().execute() == 2 and table.kind.nunique().execute() == 1
