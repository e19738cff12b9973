"""Items whose overall verdict the criteria do not account for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_covered import judged, normals

import workbench as wb
from workbench.rubric import holes as module

MOST_FALSE = 5      # of 200 items without a hole, at a false discovery rate of 5 %


def with_holes(seed, holes=0, *, raters=3, n=200):
    """Items whose overall is the sum of two criteria, but for the first `holes`, three points worse than that."""
    a, b = normals(seed, 2, n)
    overall = a + b - 3.0 * (np.arange(n) < holes)
    frame = judged({"a": a, "b": b, "overall": overall}, raters=raters, noise=0.3, seed=seed)
    return frame.assign(item_id="i" + frame["item_id"].astype(str).str.zfill(3)).drop(columns=["prompt", "step"])


def test_planted_holes_come_first_and_are_told():
    table = wb.rubric.underrepresented(wb.read(with_holes(0, holes=6)))
    assert set(table["item_id"][:6]) == {f"i{i:03d}" for i in range(6)} and (table["q"][:6] < 0.01).all()
    assert (table["excess"][:6] < -2).all() and (table["high"][:6] < 0).all() and (table["n_ratings"] == 3).all()
    assert (table["q"][6:] < 0.05).sum() <= MOST_FALSE


def test_excess_is_value_less_expected():
    table = wb.rubric.underrepresented(wb.read(with_holes(1, holes=2)))
    assert table["excess"].to_numpy() == pytest.approx((table["value"] - table["expected"]).to_numpy(), abs=1e-9)


def test_without_holes_hardly_any_item_is_told():
    table = wb.rubric.underrepresented(wb.read(with_holes(2)))
    assert (table["q"] < 0.05).sum() <= MOST_FALSE


def test_items_rated_once_are_listed_and_not_told():
    table = wb.rubric.underrepresented(wb.read(with_holes(3, holes=3, raters=1)))
    assert table["p"].isna().all() and "cannot be told from noise" in table["note"].iloc[0]
    assert set(table["item_id"][:3]) == {"i000", "i001", "i002"}


def test_a_version_without_an_overall_has_one_row_and_the_reason():
    frame = with_holes(4)
    table = wb.rubric.underrepresented(wb.read(frame[frame["criterion"] != "overall"]))
    assert len(table) == 1 and pd.isna(table["item_id"][0]) and "no criterion is named 'overall'" in table["note"][0]


def test_what_the_criteria_leave_of_every_item_alike_is_no_hole():
    # regression on noisy criteria leaves as much of each item as its raters' noise: tested against noise alone a fifth would be holes
    rng, item = np.random.default_rng(5), np.repeat(np.arange(300), 3)
    own = rng.normal(size=300) + 9.0 * (np.arange(300) < 3)
    table = pd.DataFrame({"item": item, "left": own[item] + rng.normal(size=900)})
    found = pd.DataFrame({"item_id": np.arange(300), "step": -1, "prompt": 0, "mean": 0.0, "value": own, "expected": 0.0})
    told = module.tested(table, found, 0.95)
    assert set(told["item_id"][:3]) == {0, 1, 2} and (told["q"][:3] < 0.01).all()
    assert (told["q"][3:] < 0.05).sum() <= MOST_FALSE
    assert ((told["low"] <= 0) & (told["high"] >= 0)).mean() > 0.9
