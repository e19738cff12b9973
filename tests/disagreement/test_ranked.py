"""Items ranked by disagreement beyond what is expected."""

from __future__ import annotations

import pandas as pd
import pytest
from planted import drawn, matrix

import workbench as wb
from workbench.errors import ParameterError

CLOSE = 1e-9


def test_the_excess_is_held_back_where_ratings_are_few():
    table = wb.disagreement.items(matrix([[1, 5, 3, 2], [1, 1, 3, 2], [1, 1, 3, None], [1, 5, 3, None]]), prior=2)
    row = table.set_index("item_id").loc["b"]
    # four ratings: (n - 1) / (n - 1 + 2) = 3 / 5 of value less expected
    assert row["excess"] == pytest.approx(0.6 * (row["value"] - row["expected"]), abs=CLOSE)
    assert table["excess"].is_monotonic_decreasing
    assert table["item_id"].iloc[0] == "b"


def test_the_planted_items_come_first():
    frame = drawn(4, n_items=120, k=4)
    odd = frame["item_id"].isin(["i003", "i050", "i099"])
    frame.loc[odd, "score"] = frame[odd].groupby("item_id").cumcount() % 2 * 4
    table = wb.disagreement.items(wb.read(frame))
    assert set(table["item_id"].head(3)) == {"i003", "i050", "i099"}
    assert set(table["shape"].head(3)) == {"split"}


def test_perfect_agreement_is_no_disagreement_and_of_shape_agree():
    table = wb.disagreement.items(matrix([[1, 2, 3]] * 3))
    assert table["value"].tolist() == [0, 0, 0]
    assert set(table["shape"]) == {"agree"}


def test_renaming_raters_and_items_changes_no_number():
    frame = drawn(5, n_items=60)
    renamed = frame.assign(item_id="z" + frame["item_id"].str[::-1], rater_id=frame["rater_id"].map(lambda r: f"q{9 - int(r[1])}"))
    numbers = [sorted(wb.disagreement.items(wb.read(f))["excess"]) for f in (frame, renamed)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-6)   # raters stand in another order in the least squares


def test_with_one_rating_an_item_the_table_is_empty():
    assert wb.disagreement.items(matrix([[1, 2, None], [None, None, 3]])).empty


def test_items_carry_the_columns_asked_for():
    assert set(wb.disagreement.items(wb.read(drawn(6)), by=["task_type"])["task_type"]) == {"k0", "k1", "k2", "k3"}


def test_fewer_than_two_ratings_cannot_be_asked_for():
    with pytest.raises(ParameterError, match="at least 2 ratings"):
        wb.disagreement.items(matrix([[1, 2], [1, 3]]), min_ratings=1)


def test_levels_count_who_gave_what():
    ratings = matrix([[1, 5, 3], [1, 1, 3], [1, 5, 3]])
    table = wb.disagreement.levels(ratings, items=wb.disagreement.items(ratings), limit=1)
    assert table[["item_id", "level", "n"]].to_dict("records") == [{"item_id": "b", "level": "1", "n": 1}, {"item_id": "b", "level": "5", "n": 2}]


def test_levels_keep_the_steps_of_a_trajectory_apart():
    rows = [("t", step, rater, score) for step, scores in ((1, (1, 5)), (2, (1, 3)), (3, (2, 2))) for rater, score in zip("ab", scores)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "step", "rater_id", "score"]))
    table = wb.disagreement.levels(ratings, items=wb.disagreement.items(ratings))
    assert table.groupby("step")["level"].agg(list).to_dict() == {1: ["1", "5"], 2: ["1", "3"], 3: ["2"]}
    assert wb.chart.item_strip(table).to_dict()     # one row a step and level, as it asks
