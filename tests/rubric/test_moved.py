"""Where ratings went between two versions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from bridged import bridge_of, bridged, pairs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.rubric.moved import mean_shift, square_tests

CLOSE = 1e-9
PRINTED = 5e-4        # digits of the published values
NULL_DRAWS = 30
MOST_FALSE = 4        # of 30 null draws; at 5 % more happens in 1 of 60 sets of other seeds


def test_flow_counts_ratings_by_old_and_new_level():
    table = wb.rubric.flow(wb.read(pairs([[8, 2], [1, 4]])))
    assert table["n"].tolist() == [8, 2, 1, 4]
    assert table["share"].tolist() == [0.8, 0.2, 0.2, 0.8]


def test_stuart_maxwell_and_bowker_are_the_published_ones(shared):
    case = next(c for c in json.loads((shared / "oracles.json").read_text())["cases"] if c["name"] == "stuart_maxwell_vision")
    found = {row["name"]: row for row in square_tests(np.array(case["data"]))}
    assert found["stuart_maxwell"]["value"] == pytest.approx(case["expected"]["stuart_maxwell_chi2"], abs=PRINTED)
    assert found["bowker"]["value"] == pytest.approx(case["expected"]["bowker_symmetry_chi2"], abs=PRINTED)
    assert (found["stuart_maxwell"]["df"], found["bowker"]["df"]) == (3, 6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_on_two_levels_both_are_mcnemars(a, b, c, d):
    assume(b + c > 0)
    # McNemar (1947): (b - c)^2 / (b + c)
    for row in square_tests(np.array([[a, b], [c, d]])):
        assert row["value"] == pytest.approx((b - c) ** 2 / (b + c), abs=CLOSE)


def test_a_level_that_none_leaves_or_reaches_takes_no_degree_of_freedom():
    found = {row["name"]: row for row in square_tests(np.array([[5, 3, 0], [1, 5, 0], [0, 0, 9]]))}
    assert found["stuart_maxwell"]["df"] == 1
    assert found["stuart_maxwell"]["value"] == pytest.approx((3 - 1) ** 2 / 4, abs=CLOSE)


def test_no_rating_moved_is_undefined_and_said():
    for row in square_tests(np.diag([3, 4, 5])):
        assert math.isnan(row["value"]) and row["note"] == "no rating changed its level"


def test_levels_in_two_closed_groups_leave_stuart_maxwell_undefined():
    found = {row["name"]: row for row in square_tests(np.array([[5, 2, 0, 0], [1, 5, 0, 0], [0, 0, 5, 2], [0, 0, 4, 5]]))}
    assert "between which no rating moved" in found["stuart_maxwell"]["note"]
    assert math.isfinite(found["bowker"]["value"])


def test_the_mean_shift_takes_whole_items():
    # items' mean changes 1, 0, 2, each of two ratings: mean 1; influence of an item (sum - 2 * 1) / 6 = 0, -1/3, 1/3;
    # variance n / (n - 1) * sum of squares = 3/2 * 2/9 = 1/3
    row = mean_shift(np.array([1, 1, 0, 0, 2, 2.0]), np.array([0, 0, 1, 1, 2, 2]), 0.95, 0)
    assert (row["value"], row["se"]) == (pytest.approx(1), pytest.approx(math.sqrt(1 / 3)))


def test_a_planted_shift_is_told_and_none_is_not():
    moved = wb.rubric.shift(wb.read(bridged(0, n_items=150, shift=-0.5))).set_index("name").loc["mean_shift"]
    assert moved["high"] < 0 and moved["repeats"]


def test_the_interval_holds_0_without_a_shift_about_as_often_as_it_says():
    outside = 0
    for s in range(NULL_DRAWS):
        both = bridge_of(bridged(500 + s, n_items=40)).both
        row = mean_shift((both["score_new"] - both["score_old"]).to_numpy(), both["block"].to_numpy(), 0.95, 0)
        outside += not row["low"] <= 0 <= row["high"]
    assert outside <= MOST_FALSE


def test_names_have_no_mean_shift():
    assert wb.rubric.shift(wb.read(pairs([[8, 2], [1, 4]])))["name"].tolist() == ["stuart_maxwell", "bowker"]


def test_without_a_bridge_nothing_is_told():
    table = wb.rubric.shift(wb.read(bridged(0, other_raters=True)))
    assert table["value"].isna().all() and table["note"].str.contains("rater pool").all()
