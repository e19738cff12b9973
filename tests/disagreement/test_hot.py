"""Slices on which raters differ more than elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from planted import drawn, parts_of

import workbench as wb
from workbench.disagreement.cuts import ranges
from workbench.disagreement.hot import LEANS, Question, judged
from workbench.errors import ParameterError

NULL_DRAWS = 20
MOST_FALSE = 3        # of 20 null draws; at a true rate of 5 % more happens in 1 of 60 sets of other seeds


def test_the_planted_slice_is_found_and_nothing_else():
    table = wb.disagreement.slices(wb.read(drawn(0, n_items=400, hot=1.0)))
    top = table.iloc[0]
    assert (top["column"], top["level"], top["status"]) == ("task_type", "k1", "found")
    assert top["low"] > top["elsewhere"]
    assert top["value"] - top["elsewhere"] == pytest.approx(top["raw_excess"])
    assert 0.5 * top["raw_excess"] < top["excess"] < top["raw_excess"]
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
    assert set(table["also"]) == {"kind w", "kind x", "kind y", "kind z"}


def test_slices_that_share_nine_tenths_are_one_and_the_other_is_named():
    frame = drawn(1, n_items=400)
    kind = frame["task_type"].where(~frame["item_id"].isin([f"i{k:03d}" for k in range(12)]), "odd")     # 388 of 400 items alike
    table = wb.disagreement.slices(wb.read(frame.assign(kind=kind)), columns=["task_type", "kind"])
    assert set(table.loc[table["column"] == "kind", "level"]) == {"odd"}
    assert set(table.loc[table["column"] == "task_type", "also"]) == {f"kind k{k}" for k in range(4)}
    half = wb.disagreement.slices(wb.read(frame.assign(kind=frame["task_type"] + (frame["item_id"] < "i200").astype(str))))
    assert set(half["also"]) == {""}                                                                    # halves of a level are not


def planted_pair(seed, *, hot, n_items=600):
    """Every item's third rating moved to the far end, for a share `hot` of the items of kind k1 that system m2 wrote."""
    rng, frame = np.random.default_rng(seed), drawn(seed, n_items=n_items)
    system = pd.Series(rng.integers(0, 3, n_items), index=[f"i{i:03d}" for i in range(n_items)]).map("m{}".format)
    frame["system"] = frame["item_id"].map(system)
    chosen = (frame["task_type"] == "k1") & (frame["system"] == "m2") & (frame.groupby("item_id").cumcount() == 0)
    chosen &= rng.random(len(frame)) < hot
    frame.loc[chosen, "score"] = np.where(frame.loc[chosen, "score"] > 1, 0, 4)
    return frame


def test_a_pair_of_levels_is_found_beyond_what_its_two_levels_explain():
    table = wb.disagreement.slices(wb.read(planted_pair(3, hot=0.9)))
    pair = table[table["column"] == "task_type x system"].iloc[0]
    assert (pair["level"], pair["status"]) == ("k1 x m2", "found")
    assert json.loads(pair["slice"]) == {"criterion": "overall", "task_type": "k1", "system": "m2"}
    assert pair["low"] > pair["elsewhere"]
    others = table[(table["column"] == "task_type x system") & (table["level"] != "k1 x m2")]
    assert (others["status"] == "").all()


def test_a_pair_below_a_hot_level_is_not_hot_for_that_alone():
    false = []
    for seed in range(10):
        frame = drawn(600 + seed, n_items=400, hot=1.5)
        frame["system"] = "m" + (frame["item_id"].str[1:].astype(int) % 3).astype(str)
        table = judged(parts_of(frame), None, Question(("task_type", "system"), pairs=True))
        assert table.loc[table["level"] == "k1", "status"].item() != ""
        pairs = table[table["column"] == "task_type x system"]
        assert len(pairs) >= 3
        false.append((pairs["status"] != "").any())
    assert sum(false) <= 2              # of 10; at a true rate of 5 % more happens in 1 of 90 sets of other seeds


def test_pairs_are_tested_only_below_levels_that_lean_hot():
    table = wb.disagreement.slices(wb.read(planted_pair(5, hot=0.0)))
    leaning = set(table.loc[~table["column"].str.contains(" x ") & (table["p"] <= LEANS) & (table["raw_excess"] > 0), "level"])
    pairs = table.loc[table["column"].str.contains(" x "), "level"]
    assert all(leaning & set(level.split(" x ")) for level in pairs)
    assert len(pairs) < 12


def test_numbers_are_cut_into_quarters_named_by_their_range():
    frame = drawn(6, n_items=400)
    words = frame["item_id"].str[1:].astype(int) + 0.5
    table = wb.disagreement.slices(wb.read(frame.assign(words=words)), columns=["words"]).sort_values("level")
    assert set(table["level"]) == {"0.5 to 99.5", "100.5 to 199.5", "200.5 to 299.5", "300.5 to 399.5"}
    assert table["n_items"].tolist() == [100] * 4


def test_numbers_are_sliced_unasked_and_a_number_of_each_rater_is_not():
    frame = drawn(7, n_items=400)
    words, age = frame["item_id"].str[1:].astype(int), frame["rater_id"].str[1:].astype(int) + 20.5
    table = wb.disagreement.slices(wb.read(frame.assign(words=words, age=age)))
    assert table["column"].str.contains("words").any() and not table["column"].str.contains("age").any()
    asked = wb.disagreement.slices(wb.read(frame.assign(age=age)), columns=["age"])
    assert "tells of raters" in asked["note"].item()


def test_missing_numbers_and_ties_have_no_range_of_their_own():
    codes, names = ranges(np.array([0, 0, 0, 0, 0, 1.25, 2, 3, np.nan]))
    assert names == ["0", "1.25", "2 to 3"] and codes.tolist() == [0] * 5 + [1, 2, 2, -1]


def test_the_interval_of_a_selected_slice_is_wider_than_it_would_be_alone():
    frame = drawn(0, n_items=400, hot=1.0)
    frame["kind"] = "x" + (frame["item_id"].str[1:].astype(int) % 4).astype(str)
    many, alone = (wb.disagreement.slices(wb.read(frame), columns=c).iloc[0] for c in (["task_type", "kind"], ["task_type"]))
    assert many["raw_excess"] == pytest.approx(alone["raw_excess"])
    assert many["high"] - many["low"] > alone["high"] - alone["low"]
    assert "widened for selection" in many["method"]


def test_one_rater_one_item_and_no_overlap_have_no_slices():
    frame = drawn(8)
    for some in (frame[frame["rater_id"] == "r1"], frame[frame["item_id"] == "i001"], frame.drop_duplicates("item_id")):
        table = wb.disagreement.slices(wb.read(some))
        assert table.empty and "q" in table


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
    assert "160 levels, more than 30: group them" in table["note"].item()


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
