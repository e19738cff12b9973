"""Disagreement of a unit and what is expected of its raters."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import drawn, matrix

import workbench as wb
from workbench.disagreement.units import fitted, rated_units, rater_weights, severities, share_of_unlike_pairs, spread

CLOSE = 1e-9          # rounding of sums in another order
SOLVED = 1e-6         # the ridge of the least squares fit
ESTIMATED = 0.15      # severities, in levels, from some 60 ratings each with noise of 0.7


def test_disagreement_is_the_mean_squared_distance_of_two_ratings_on_a_scale_of_length_one():
    units = rated_units(matrix([[1, 1, 1], [1, 2, 5], [1, 3, 5]]))[0]
    # places 0, 1/4, 1/2, 1: a 0; b (1/16 + 1/4 + 1/16) / 3 = 1/8; c (1 + 1 + 0) / 3. Levels are 1, 2, 3, 5: 0, 1/3, 2/3, 1.
    expected = [0, ((1 / 3) ** 2 + (2 / 3) ** 2 + (1 / 3) ** 2) / 3, 2 / 3]
    assert units.frame["value"].tolist() == pytest.approx(expected, abs=CLOSE)


def test_nominal_disagreement_is_the_share_of_unlike_pairs():
    units = rated_units(matrix([["x", "x"], ["x", "y"], ["y", "z"]]))[0]
    assert units.nominal
    assert units.frame["value"].tolist() == pytest.approx([2 / 3, 1], abs=CLOSE)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=6), min_size=1, max_size=6))
def test_both_measures_equal_a_loop_over_pairs(units):
    unit = np.repeat(np.arange(len(units)), [len(u) for u in units])
    x, size = np.concatenate(units).astype(float), np.array([len(u) for u in units])
    squared = [np.mean([(a - b) ** 2 for a, b in combinations(u, 2)]) for u in units]
    unlike = [np.mean([a != b for a, b in combinations(u, 2)]) for u in units]
    assert 2 * spread(unit, x, size) == pytest.approx(squared, abs=CLOSE)
    assert share_of_unlike_pairs(unit, x, size) == pytest.approx(unlike, abs=CLOSE)


def test_severities_are_those_of_least_squares_with_a_term_for_each_unit():
    rng = np.random.default_rng(3)
    unit, rater, x = np.repeat(np.arange(12), 3), np.concatenate([rng.permutation(5)[:3] for _ in range(12)]), rng.normal(size=36)
    dummies = np.column_stack([unit[:, None] == np.arange(12), rater[:, None] == np.arange(5)]).astype(float)
    reference = np.linalg.lstsq(dummies, x, rcond=None)[0][12:]
    found = severities(unit, rater, x)
    assert found - found.mean() == pytest.approx(reference - reference.mean(), abs=SOLVED)


def test_planted_severities_are_found_though_raters_rate_different_items():
    rng = np.random.default_rng(1)
    severity = np.array([-1.0, 0.0, 1.0, 2.0])
    unit, rater = np.repeat(np.arange(150), 2), np.concatenate([rng.permutation(4)[:2] for _ in range(150)])
    x = rng.normal(size=150)[unit] + severity[rater] + 0.7 * rng.normal(size=300)
    found = severities(unit, rater, x)
    assert found - found.mean() == pytest.approx(severity - severity.mean(), abs=2 * ESTIMATED)


def test_a_units_raters_share_its_pairs_and_rare_raters_share_a_column():
    unit, rater = np.repeat(np.arange(12), 2), np.array([0, 1] * 11 + [0, 2])
    weights = rater_weights(unit, rater, np.full(12, 2)).toarray()
    assert weights.shape == (12, 3)
    assert weights.sum(axis=1).tolist() == [2] * 12
    assert weights[-1].tolist() == [1, 0, 1]


def test_the_fit_is_least_squares_also_with_repeated_columns():
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    twice = csr_array(np.column_stack([a, a[:, 0]]))
    assert fitted(twice, y) == pytest.approx(a @ np.linalg.lstsq(a, y, rcond=None)[0], abs=SOLVED)


def test_noisy_raters_are_expected_to_disagree_more():
    units = rated_units(wb.read(drawn(2, noisy=2)))[0]
    with_noisy = units.cells.groupby("row")["rater_id"].agg(lambda raters: bool({"r0", "r1"} & set(raters)))
    expected = units.frame["expected"].groupby(with_noisy.to_numpy()).mean()
    assert expected[True] > 1.3 * expected[False]
    assert units.frame["value"].mean() == pytest.approx(units.frame["expected"].mean(), rel=0.02)


def test_items_rated_once_are_left_out_and_counted():
    units = rated_units(matrix([[1, 2, 3], [1, None, None]]))[0]
    assert units.frame["item_id"].tolist() == ["a"]
    assert units.n_single == 2


def test_versions_of_a_rubric_are_kept_apart():
    frame = pd.DataFrame({"item_id": ["a"] * 4, "rater_id": ["x", "y", "x", "y"], "score": [1, 1, 3, 3], "rubric_version": list("1122")})
    units = rated_units(wb.read(frame))[0]
    assert units.frame["rubric_version"].tolist() == ["1", "2"]
    assert units.frame["value"].tolist() == [0, 0]
