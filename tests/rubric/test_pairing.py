"""Which versions are compared, and on what."""

from __future__ import annotations

import pandas as pd
import pytest
from bridged import bridged

import workbench as wb
from workbench.errors import ParameterError
from workbench.rubric.pairing import bridges, chosen_pair


def test_versions_are_listed_oldest_first_with_their_numbers():
    frame = bridged(0, n_items=5)
    frame["rated_at"] = pd.Timestamp("2026-03-01", tz="UTC") - pd.to_timedelta(frame["rubric_version"].astype(int), unit="D")
    table = wb.rubric.versions(wb.read(frame))
    assert table["version"].tolist() == ["2", "1"]
    assert table["n_items"].tolist() == [5, 5] and table["n_ratings"].tolist() == [15, 15]


def test_the_bridge_set_holds_ratings_of_the_same_rater_and_item():
    frame = bridged(0, n_items=20)
    half = frame.drop(frame[(frame["rubric_version"] == "2") & (frame["item_id"] >= "i015")].index)
    found = bridges(wb.read(half), ("1", "2"))[0]
    assert (found.both["item_id"].nunique(), len(found.both), found.n_shared, found.reason) == (15, 45, 15, "")


def test_different_raters_are_no_bridge_and_the_reason_names_the_rater_pool():
    found = bridges(wb.read(bridged(0, other_raters=True)), ("1", "2"))[0]
    assert found.reason.startswith("no bridge set of the same raters: 60 items") and "cannot be told from the rater pool" in found.reason


def test_no_common_item_is_no_bridge():
    frame = bridged(0)
    frame["item_id"] += "-" + frame["rubric_version"]
    assert bridges(wb.read(frame), ("1", "2"))[0].reason.startswith("no bridge set: no item was rated under both versions")


def test_a_small_bridge_is_said_to_be_small():
    assert bridges(wb.read(bridged(0, n_items=9)), ("1", "2"))[0].reason.startswith("bridge set too small: it has 9 items")


def test_a_criterion_of_one_version_cannot_be_compared():
    frame = bridged(0).assign(criterion=lambda f: f["rubric_version"].map({"1": "a", "2": "b"}))
    assert [b.reason for b in bridges(wb.read(frame), ("1", "2"))] == ["rated under one of the two versions only"] * 2


def test_of_three_versions_without_files_the_two_with_the_largest_bridge_are_compared():
    frame = bridged(0)
    third = frame[frame["rubric_version"] == "2"].assign(rubric_version="3", item_id=lambda f: f["item_id"] + "x")
    assert chosen_pair(wb.read(pd.concat([frame, third])), None) == ("1", "2")


def test_two_rubrics_are_named_with_their_versions():
    frame = bridged(0).assign(rubric=lambda f: f["rubric_version"].map({"1": "mqm", "2": "esa"}))
    assert set(chosen_pair(wb.read(frame), None)) == {"mqm 1", "esa 2"}


def test_an_unknown_version_is_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="name two of '1', '2'"):
        chosen_pair(wb.read(bridged(0)), ["1", "3"])


def test_versions_of_one_rubric_come_before_another_rubric_that_shares_more_items():
    frame = bridged(0)
    other = frame[frame["rubric_version"] == "1"].assign(rubric="safety")
    few = frame[(frame["rubric_version"] == "1") | frame["item_id"].isin(sorted(frame["item_id"].unique())[:12])]
    assert chosen_pair(wb.read(pd.concat([few.assign(rubric="quality"), other])), None) == ("quality 1", "quality 2")


def test_of_two_rubrics_with_two_versions_each_the_versions_of_one_are_compared():
    one = bridged(3).assign(rubric="one")
    one["rated_at"] = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(one["rubric_version"].astype(int), "D")
    ratings = wb.read(pd.concat([one, one.assign(rubric="two")]))     # all four share the same raters and items, first versions first
    assert chosen_pair(ratings, None) in (("one 1", "one 2"), ("two 1", "two 2"))
