"""What raters change when they rate the same item again under one version."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.rubric.pairing import chosen_pair
from workbench.rubric.rerated import Again, both_ways, flow_again, rerated


def twice(rows):
    """Ratings (item, rater, version, score) in the order in which they were given, a day apart."""
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "rubric_version", "score"])
    return wb.read(frame.assign(rated_at=pd.date_range("2026-01-01", periods=len(rows), tz="UTC")))


def test_every_two_ratings_of_a_unit_are_paired_from_both_sides():
    one, other = both_ways(np.array([0, 0, 3, 5, 5, 5]))
    assert sorted(zip(one.tolist(), other.tolist())) == [(0, 1), (1, 0), (3, 4), (3, 5), (4, 3), (4, 5), (5, 3), (5, 4)]


def test_rating_again_is_told_from_rating_under_the_other_version():
    ratings = twice([("a", "x", "1", 1), ("a", "x", "1", 3), ("a", "x", "2", 2), ("b", "x", "2", 2), ("b", "x", "2", 2),
                     ("b", "y", "1", 3)])
    found = rerated(ratings, chosen_pair(ratings, None))["overall"]
    assert sorted(map(tuple, found.scores.tolist())) == [(1, 3), (2, 2), (2, 2), (3, 1)]
    assert len(set(found.unit.tolist())) == 2 and set(found.rater) == {"x"}


def test_versions_not_compared_are_left_out():
    ratings = twice([("a", "x", "1", 1), ("a", "x", "2", 2), ("b", "x", "3", 2), ("b", "x", "3", 1)])
    assert rerated(ratings, ("1", "2")) == {}


def test_the_flow_counts_both_directions_alike():
    again = Again(np.array([0, 0]), np.array(["x", "x"]), np.array([[0, 2], [2, 0]]), np.array([[1.0, 3.0], [3.0, 1.0]]))
    assert flow_again(again, 3).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
