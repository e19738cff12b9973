"""Whether levels moved one way, where several ratings stand in one item."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from workbench.rubric.symmetry import square_tests

CLOSE = 1e-9
PRINTED = 5e-4        # digits of the published values
NULL_DRAWS = 300
MOST_FALSE = 26       # of 300 null draws at 5 %: more happens in 1 of 300 sets of other seeds


def told(table, block=None):
    """The tests of ratings whose old and new levels make this table, a block for each unless given; by name."""
    old, new = (np.repeat(place.ravel(), np.ravel(table)) for place in np.indices(np.shape(table)))
    return {row["name"]: row for row in square_tests(old, new, np.arange(len(old)) if block is None else np.asarray(block), len(table))}


def test_stuart_maxwell_and_bowker_are_the_published_ones(shared):
    case = next(c for c in json.loads((shared / "oracles.json").read_text())["cases"] if c["name"] == "stuart_maxwell_vision")
    found = told(np.array(case["data"]))
    assert found["stuart_maxwell"]["value"] == pytest.approx(case["expected"]["stuart_maxwell_chi2"], abs=PRINTED)
    assert found["bowker"]["value"] == pytest.approx(case["expected"]["bowker_symmetry_chi2"], abs=PRINTED)
    assert (found["stuart_maxwell"]["df"], found["bowker"]["df"]) == (3, 6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=9, max_size=9))
def test_a_rating_an_item_they_are_those_of_statsmodels(counts):
    from statsmodels.stats.contingency_tables import SquareTable

    table = np.reshape(counts, (3, 3))
    assume(((table + table.T)[np.triu_indices(3, 1)] > 0).all() and (table - np.diag(np.diag(table))).sum() > 4)
    found, known = told(table), SquareTable(table.astype(float), shift_zeros=False)
    for name, other in (("stuart_maxwell", known.homogeneity()), ("bowker", known.symmetry()), ("bhapkar", known.homogeneity("bhapkar"))):
        if found[name]["note"]:
            continue
        assert found[name]["value"] == pytest.approx(float(other.statistic), rel=1e-7)
        assert found[name]["df"] == other.df


def test_on_two_levels_items_count_whole_as_in_durkalskis_test():
    # moves up less moves down of four items: 2, 1, -1, 2; (2 + 1 - 1 + 2)^2 / (4 + 1 + 1 + 4) = 16/10
    old, new = np.array([0, 0, 0, 1, 0, 0, 1]), np.array([1, 1, 1, 0, 1, 1, 1])
    found = {row["name"]: row for row in square_tests(old, new, np.array([0, 0, 1, 2, 3, 3, 3]), 2)}
    for name in ("stuart_maxwell", "bowker"):
        assert found[name]["value"] == pytest.approx(1.6, abs=CLOSE)
        assert found[name]["p"] == pytest.approx(chi2.sf(1.6, 1), abs=CLOSE)


def test_bhapkar_takes_the_spread_about_the_mean_and_hotellings_f():
    # a rating an item, up 6 and down 2 of 20: d = 4, variance 8 - 20 (4/20)^2 = 7.2; 16 / 7.2; F = 19/20 * 16/7.2 on 1 and 19
    from scipy.stats import f

    row = told([[6, 6], [2, 6]])["bhapkar"]
    assert row["value"] == pytest.approx(16 / 7.2, abs=CLOSE)
    assert row["p"] == pytest.approx(f.sf(19 / 20 * 16 / 7.2, 1, 19), abs=CLOSE)


def test_the_same_item_twice_is_no_further_evidence():
    once = told([[5, 7, 2], [3, 6, 6], [1, 2, 4]])
    twice = told(2 * np.array([[5, 7, 2], [3, 6, 6], [1, 2, 4]]), np.repeat(np.arange(36), 2))
    for name in once:
        assert twice[name]["value"] == pytest.approx(once[name]["value"], abs=CLOSE)


def test_levels_in_two_closed_groups_are_tested_each_by_itself():
    # between 0 and 1: (2 - 1)^2 / 3; between 2 and 3: (5 - 3)^2 / 8
    found = told([[5, 2, 0, 0], [1, 5, 0, 0], [0, 0, 5, 5], [0, 0, 3, 5]])["stuart_maxwell"]
    assert found["value"] == pytest.approx(1 / 3 + 4 / 8, abs=CLOSE) and found["df"] == 2


def test_a_level_that_none_leaves_or_reaches_takes_no_degree_of_freedom():
    found = told([[5, 3, 0], [1, 5, 0], [0, 0, 9]])["stuart_maxwell"]
    assert (found["df"], found["value"]) == (1, pytest.approx((3 - 1) ** 2 / 4, abs=CLOSE))


def test_no_rating_moved_is_undefined_and_said():
    for row in told(np.diag([3, 4, 5])).values():
        assert math.isnan(row["value"]) and row["note"] == "no rating changed its level"


def test_fewer_items_moved_than_there_are_directions_is_undefined_and_said():
    row = told([[5, 1, 0], [0, 5, 1], [0, 0, 9]])["stuart_maxwell"]
    assert math.isnan(row["value"]) and "ratings moved in 2 items or prompts, and the test asks in 2 directions" in row["note"]


def test_where_items_move_together_it_cries_wolf_about_as_often_as_it_says():
    rng, false = np.random.default_rng(5), dict.fromkeys(("stuart_maxwell", "bhapkar", "bowker", "as if independent"), 0)
    for _ in range(NULL_DRAWS):
        block = np.repeat(np.arange(34), 12)
        x = rng.normal(0, 1, len(block)) + rng.normal(0, 0.5, (2, 34))[:, block] + rng.normal(0, 0.7, (2, len(block)))
        old, new = (np.digitize(side, [-1.2, -0.3, 0.5]) for side in x)
        for row in square_tests(old, new, block, 4):
            false[row["name"]] += row["p"] < 0.05
        false["as if independent"] += square_tests(old, new, np.arange(len(old)), 4)[0]["p"] < 0.05
    assert all(false[name] <= MOST_FALSE for name in ("stuart_maxwell", "bhapkar", "bowker"))
    assert false["as if independent"] > 2 * MOST_FALSE


def test_one_level_alone_is_undefined_and_said():
    rows = square_tests(np.zeros(30, int), np.zeros(30, int), np.arange(30), 1)
    assert [row["note"] for row in rows] == ["no rating changed its level"] * 3
