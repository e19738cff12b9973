"""Where ratings went between two versions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bridged import FIVE, bridge_of, bridged, pairs

import workbench as wb
from workbench.instrument import Scale
from workbench.rubric.moved import mean_shift, movements, shift_rows
from workbench.rubric.rerated import Again

CLOSE = 1e-9
NULL_DRAWS = 30
MOST_FALSE = 4        # of 30 null draws; at 5 % more happens in 1 of 60 sets of other seeds


def test_flow_counts_ratings_by_old_and_new_level():
    table = wb.rubric.flow(wb.read(pairs([[8, 2], [1, 4]])))
    assert table["n"].tolist() == [8, 2, 1, 4]
    assert table["share"].tolist() == [0.8, 0.2, 0.2, 0.8]


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


def test_names_have_no_mean_shift_and_their_movement_is_the_share_that_changed():
    table = wb.rubric.shift(wb.read(pairs([[8, 2], [1, 4]]))).set_index("name")
    assert "mean_shift" not in table.index
    assert table.loc["movement", "value"] == pytest.approx(3 / 15, abs=CLOSE)


def with_repeats(seed, *, noise, again, n_items=120):
    """Scores of items by one of six raters under both versions, and a second time under the first: true score plus noise of each."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n_items):
        quality, rater = rng.normal(0, 1), f"r{i % 6}"
        for day, (version, sd) in enumerate([("1", again), ("1", again), ("2", noise)]):
            score = int(np.digitize(quality + rng.normal(0, sd), [-1.5, -0.5, 0.5, 1.5]))
            rows.append((f"i{i}", rater, score, version, pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day)))
    return wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rubric_version", "rated_at"]))


def test_movement_is_held_against_what_rating_again_does():
    # sizes 1, 0, 2, 1 of items of their own: mean 1; of two re-ratings, from both sides, 1 and 0: mean 1/2
    again = Again(np.array([0, 0, 1, 1]), np.array(["x"] * 4), np.full((4, 2), -1), np.array([[1, 2], [2, 1], [3, 3], [3, 3]], float))
    first, second, gap = movements(np.array([1, 0, 2, 1.0]), np.arange(4), again, False, 0.95)
    assert [row["value"] for row in (first, second, gap)] == [pytest.approx(1), pytest.approx(0.5), pytest.approx(0.5)]
    # variances 4/3 * (0 + 1 + 1 + 0) / 16 = 1/6 and 2 * (1/16 + 1/16) = 1/4; Welch: (5/12)^2 / ((1/6)^2 / 3 + (1/4)^2 / 1)
    assert gap["se"] == pytest.approx(math.sqrt(5 / 12))
    assert gap["df"] == pytest.approx((5 / 12) ** 2 / ((1 / 6) ** 2 / 3 + (1 / 4) ** 2))
    assert math.isnan(first["p"]) and gap["p"] > 0.05


def test_a_version_that_moves_ratings_more_than_rating_again_does_is_told_and_one_that_does_not_is_not():
    moved = wb.rubric.shift(with_repeats(1, noise=1.5, again=0.3)).set_index("name")
    alike = wb.rubric.shift(with_repeats(2, noise=0.5, again=0.5)).set_index("name")
    assert moved.loc["beyond_rerating", "low"] > 0 and moved.loc["rerating", "n_items"] == 120
    assert alike.loc["beyond_rerating", "low"] < 0 < alike.loc["beyond_rerating", "high"]


def test_without_repeats_what_rating_again_changes_is_untold_and_movement_stands():
    table = wb.rubric.shift(wb.read(bridged(0))).set_index("name")
    assert table.loc["movement", "value"] > 0
    for name in ("rerating", "beyond_rerating"):
        assert math.isnan(table.loc[name, "value"]) and "no rater rated an item twice under one version" in table.loc[name, "note"]


def test_the_flow_stands_beside_that_of_rating_again():
    table = wb.rubric.flow(with_repeats(3, noise=0.5, again=0.5))
    assert table["rerated_n"].sum() == 240                      # 120 pairs from both sides
    square = table.pivot(index="from_level", columns="to_level", values="rerated_n").to_numpy()
    assert (square == square.T).all()
    assert table.groupby("from_level")["rerated_share"].sum().to_numpy() == pytest.approx(1)
    assert wb.rubric.flow(wb.read(bridged(0)))["rerated_share"].isna().all()


def test_other_levels_leave_tests_and_movement_undefined_and_said():
    other = Scale("ordinal", tuple("abcde"), (0.0, 1.0, 2.0, 3.0, 4.0))
    rows = {row["name"]: row for row in shift_rows(replace(bridge_of(bridged(0)), scales=(FIVE, other)), None, 0.95, 0)}
    for name in ("stuart_maxwell", "bhapkar", "bowker", "movement", "rerating", "beyond_rerating"):
        assert math.isnan(rows[name]["value"]) and "different levels" in rows[name]["note"]
    assert math.isfinite(rows["mean_shift"]["value"]) and "different levels" in rows["mean_shift"]["note"]


def test_without_a_bridge_nothing_is_told():
    table = wb.rubric.shift(wb.read(bridged(0, other_raters=True)))
    assert table["value"].isna().all() and table["note"].str.contains("rater pool").all()


def test_ratings_all_alike_move_nowhere():
    table = wb.rubric.shift(wb.read(bridged(1).assign(score=3))).set_index("name")
    assert table.loc["mean_shift", "value"] == 0 and math.isnan(table.loc["mean_shift", "low"])
    assert set(table.loc[["stuart_maxwell", "bhapkar", "bowker"], "note"]) == {"no rating changed its level"}
