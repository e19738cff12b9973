"""Slices on which raters differ more than elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from planted import drawn, parts_of

import workbench as wb
from workbench.disagreement.hot import Question, judged
from workbench.errors import ParameterError

NULL_DRAWS = 20
MOST_FALSE = 3        # of 20 null draws; at a true rate of 5 % more happens in 1 of 60 sets of other seeds


def test_the_planted_slice_is_found_and_nothing_else():
    table = wb.disagreement.slices(wb.read(drawn(0, n_items=400, hot=1.0)))
    top = table.iloc[0]
    assert (top["column"], top["level"], top["status"]) == ("task_type", "k1", "found")
    assert top["low"] > top["elsewhere"]
    assert top["value"] - top["elsewhere"] == pytest.approx(top["excess"])
    assert set(table["status"].iloc[1:]) == {""}
    assert json.loads(top["slice"]) == {"criterion": "overall", "task_type": "k1"}


@pytest.mark.parametrize("nested", [False, True])
def test_three_noisy_raters_do_not_make_a_slice_hot(nested):
    tables = [judged(parts_of(drawn(100 + s, noisy=3, nested=nested)), None, Question(("task_type",))) for s in range(NULL_DRAWS)]
    false = [(table["status"] != "").any() for table in tables]
    assert sum(false) <= MOST_FALSE


def test_two_names_of_the_same_items_are_one_slice():
    frame = drawn(1).assign(kind=lambda f: f["task_type"].map({"k0": "w", "k1": "x", "k2": "y", "k3": "z"}))
    table = wb.disagreement.slices(wb.read(frame))
    assert set(table["column"]) == {"task_type"}


def test_the_two_levels_of_a_column_are_one_test():
    frame = drawn(2).assign(task_type=lambda f: f["task_type"].isin(["k0", "k1"]).map({True: "p", False: "q"}))
    table = wb.disagreement.slices(wb.read(frame))
    assert table["excess"].sum() == pytest.approx(0, abs=1e-9)
    assert table["q"].tolist() == pytest.approx(table["p"].tolist())     # one test: nothing to correct for


def test_a_column_about_raters_is_not_tested_and_says_why():
    frame = drawn(3)
    table = wb.disagreement.slices(wb.read(frame.assign(party=np.where(frame["rater_id"] < "r4", "lab", "panel"))), columns=["party"])
    assert table["p"].isna().all()
    assert table["note"].str.contains("tells of raters, not of items").all()


def test_too_many_levels_are_not_tested_and_say_so():
    table = wb.disagreement.slices(wb.read(drawn(4).assign(doc=lambda f: "d" + f["item_id"])), columns=["doc"])
    assert "160 levels, more than 30" in table["note"].item()


def test_the_items_table_gives_slices(tmp_path):
    frame = drawn(5, n_items=300, hot=1.5)
    frame.drop(columns="task_type").to_parquet(tmp_path / "ratings.parquet")
    frame[["item_id", "task_type"]].drop_duplicates().rename(columns={"task_type": "genre"}).to_parquet(tmp_path / "items.parquet")
    top = wb.disagreement.slices(wb.read(tmp_path)).iloc[0]
    assert (top["column"], top["level"], top["status"]) == ("genre", "k1", "found")


def test_all_equal_ratings_have_slices_without_tests():
    table = wb.disagreement.slices(wb.read(drawn(6).assign(score=3)))
    assert table["p"].isna().all()
    assert set(table["note"]) == {"no disagreement differs"}


def test_without_columns_the_table_is_empty_but_has_its_columns():
    table = wb.disagreement.slices(wb.read(drawn(7).drop(columns="task_type")))
    assert table.empty and {"value", "low", "high", "excess", "p", "q", "n_items", "status"} <= set(table.columns)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ParameterError, match="column 'genre' is not in frame"):
        wb.disagreement.slices(wb.read(drawn(8)), columns=["genre"])


def test_later_ratings_make_a_watched_slice_found():
    frame = drawn(9, n_items=400, hot=1.0)
    times = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(frame["item_id"].str[1:].astype(int), unit="h")
    early_only = frame.assign(rated_at=times)
    late = frame["item_id"] >= "i200"
    calm = (late & (frame["task_type"] == "k1")).to_numpy()
    early_only.loc[calm, "score"] = early_only[calm].groupby("item_id")["score"].transform("first")
    both = wb.disagreement.slices(wb.read(frame.assign(rated_at=times))).iloc[0]
    assert (both["level"], both["status"]) == ("k1", "found")
    table = wb.disagreement.slices(wb.read(early_only))
    assert "found" not in set(table.loc[table["level"] == "k1", "status"])
