"""Agreement under two versions and its paired difference."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from bridged import bridge_of, bridged

import workbench as wb
from workbench.errors import ParameterError
from workbench.rubric.beside import DIFFERENCE
from workbench.rubric.beside import difference as kernel

CLOSE = 1e-9
NULL_DRAWS = 20
MOST_FALSE = 3        # of 20 null draws; at the 6 % of 300 draws of other seeds more happens in 1 of 35 such sets


def compared(frame, **options):
    table = wb.rubric.compare(wb.read(frame), **{"draws": 100} | options)
    return table[table["name"] == DIFFERENCE].iloc[0]


def difference(frame, draws=200):
    return kernel(bridge_of(frame), ("1", "2"), confidence=0.95, draws=draws, seed=0)


def test_the_difference_is_that_of_the_two_alphas_on_the_bridge_set():
    frame = bridged(0)
    table = wb.rubric.compare(wb.read(frame), draws=50)
    table = table[table["name"].str.endswith("krippendorff_alpha")].set_index("rubric_version")["value"]
    assert table["2 less 1"] == pytest.approx(table["2"] - table["1"], abs=CLOSE)


def test_only_the_bridge_set_counts_for_the_difference():
    frame = bridged(0, n_items=40)
    single = bridged(1, n_items=30, noise=(3.0, 3.0))
    single = single[single["rubric_version"] == "1"].assign(item_id=lambda f: "other" + f["item_id"])
    whole = difference(frame)
    with_others = difference(pd.concat([frame, single]))
    assert with_others["value"] == pytest.approx(whole["value"], abs=CLOSE)
    assert with_others["n_items"] == 40


def test_planted_better_agreement_is_told_and_repeats():
    row = difference(bridged(2, n_items=150, noise=(1.4, 0.3)))
    assert row["low"] > 0 and row["repeats"]


def test_without_a_change_the_interval_holds_0_about_as_often_as_it_says():
    rows = [difference(bridged(300 + s, n_items=40), draws=100) for s in range(NULL_DRAWS)]
    assert sum(not row["low"] <= 0 <= row["high"] for row in rows) <= MOST_FALSE


def test_exchanging_old_and_new_turns_the_sign():
    frame = bridged(3)
    one, other = compared(frame, versions=["1", "2"]), compared(frame, versions=["2", "1"])
    assert one["value"] == pytest.approx(-other["value"], abs=CLOSE)


def test_without_the_same_raters_the_difference_is_nan_and_says_why():
    row = compared(bridged(4, other_raters=True))
    assert math.isnan(row["value"]) and "cannot be told from the rater pool" in row["note"]


def test_one_level_only_is_undefined():
    row = difference(bridged(5).assign(score=3))
    assert math.isnan(row["value"]) and "only one level occurs" in row["note"]


def test_one_version_gives_an_empty_table():
    frame = bridged(6)
    assert wb.rubric.compare(wb.read(frame[frame["rubric_version"] == "1"])).empty


def test_many_valued_scores_are_compared_too():
    frame = bridged(7)
    frame["score"] = frame["score"] * 7.3 + np.random.default_rng(0).random(len(frame))
    table = wb.rubric.compare(wb.read(frame), draws=50)
    table = table[table["name"].str.endswith("krippendorff_alpha")].set_index("rubric_version")["value"]
    assert table["2 less 1"] == pytest.approx(table["2"] - table["1"], abs=CLOSE)


def test_an_impossible_confidence_is_refused():
    with pytest.raises(ParameterError, match="share between 0 and 1"):
        wb.rubric.compare(wb.read(bridged(8)), confidence=95)


def test_a_bridge_set_of_items_rated_once_has_no_difference_and_says_why():
    row = difference(bridged(9, k=1))
    assert math.isnan(row["value"]) and "no item of the bridge set has two ratings" in row["note"]


def test_a_bridge_set_with_one_item_rated_twice_has_no_interval_and_says_why():
    rows = []
    for seed in range(6):
        one = bridged(seed)
        one = one[one["item_id"] == one["item_id"].iloc[0]].assign(item_id="one more")
        rows.append(difference(pd.concat([bridged(9, k=1), one]), draws=20))
    assert all(math.isnan(row["low"]) and not row["repeats"] for row in rows)
    assert {row["note"] for row in rows if math.isfinite(row["value"])} == {"one item: no interval"}
