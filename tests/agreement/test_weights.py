from __future__ import annotations

import numpy as np
import pytest

from workbench.agreement.weights import BY_SCALE, DISTANCES, distance_matrix, weight_matrix
from workbench.errors import ParameterError
from workbench.schema import SCALES

LEVELS = np.array([1.0, 2.0, 4.0])
# Distances of 1 to 2, 1 to 4, 2 to 4 by hand, over the largest of them; a weight is 1 less that.
BY_HAND = {
    "identity": (1, 1, 1),
    "linear": (1 / 3, 1, 2 / 3),
    "quadratic": (1 / 9, 1, 4 / 9),
    "ordinal": (1 / 3, 1, 1 / 3),                      # ranks apart: 1, 2, 1 -> 1, 3, 1
    "radical": ((1 / 3) ** 0.5, 1, (2 / 3) ** 0.5),
    "ratio": ((1 / 9) / (9 / 25), 1, (1 / 9) / (9 / 25)),
    "circular": (0.5, 0.5, 1),                          # sin^2 of 45, 135 and 90 degrees
    "bipolar": (1 / 5, 1, 1 / 2),                       # 1 / (1 * 5), 9 / (3 * 3), 4 / (4 * 2)
}


@pytest.mark.parametrize("name", DISTANCES)
def test_weights_of_three_levels_by_hand(name):
    matrix = weight_matrix(name, LEVELS)
    assert matrix[[0, 0, 1], [1, 2, 2]] == pytest.approx(1 - np.array(BY_HAND[name]), abs=1e-12)
    assert np.array_equal(matrix, matrix.T) and (np.diag(matrix) == 1).all()


def test_every_scale_has_its_weights():
    assert set(BY_SCALE) == set(SCALES) and set(BY_SCALE.values()) <= set(DISTANCES)


def test_ratio_weights_of_two_zeros_are_1():
    assert weight_matrix("ratio", np.array([0.0, 1.0])).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("name", DISTANCES)
def test_one_level_agrees_with_itself(name):
    assert weight_matrix(name, np.array([3.0])).tolist() == [[1]]


@pytest.mark.parametrize("levels", [[0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4], [0, 90, 180, 270], [270, 0, 90, 180]])
def test_four_levels_on_a_circle_are_a_quarter_turn_apart_whatever_their_unit(levels):
    turns = np.argsort(np.argsort(levels))  # sin^2 of 0, 45, 90, 135 degrees: a neighbour is half as far as the opposite level
    expected = 1 - np.array([0, 0.5, 1, 0.5])[np.abs(turns[:, None] - turns)]
    assert weight_matrix("circular", np.array(levels, dtype=float)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("matrix", "words"), [
    ([[1, 0.5], [0.2, 1]], "must be symmetric"),
    ([[0, 1], [1, 0]], "must be 1 on the diagonal"),
    ([[1, 2], [2, 1]], "must be at most 1"),
    ([[1, -np.inf], [-np.inf, 1]], "must be finite"),
    ([[1, np.nan], [np.nan, 1]], "must be finite"),
    ([[1, 1], [1, 1]], "must be below 1 somewhere"),
    ([[1, 0], [0, 1], [0, 0]], r"shape \(3, 2\)")])
def test_a_matrix_that_is_no_table_of_weights_is_refused(matrix, words):
    with pytest.raises(ParameterError, match=words):
        weight_matrix(np.array(matrix, dtype=float), np.array([1.0, 2.0]))


def test_weights_of_too_many_levels_name_the_way_out():
    with pytest.raises(ParameterError, match=r"4,000 levels occur \(at most 3,000\). Use krippendorff_alpha\(scale='interval'\)"):
        weight_matrix("linear", np.arange(4000.0))


def test_ratio_weights_refuse_values_below_0():
    with pytest.raises(ParameterError, match="weights='ratio' needs values of 0 or more; the lowest level is -1"):
        weight_matrix("ratio", np.array([-1.0, 1.0]))


@pytest.mark.parametrize(("table", "words"), [
    ([[0, 1], [2, 0]], "scale must be symmetric"),
    ([[1, 1], [1, 0]], "must be 0 on the diagonal"),
    ([[0, -1], [-1, 0]], "must be 0 or more"),
    ([[0, np.nan], [np.nan, 0]], "must be finite"),
    ([[0, 0], [0, 0]], "must be above 0 somewhere"),
    ([[1, -1], [2, 0]], "must be symmetric and 0 on the diagonal and 0 or more"),
    ([[0, 1, 2]], r"scale has shape \(1, 3\), but there are 2 levels.*\(2, 2\)")])
def test_a_table_that_is_no_distance_is_refused(table, words):
    with pytest.raises(ParameterError, match=words):
        distance_matrix(np.array(table, dtype=float), 2)


def test_a_distance_is_taken_as_it_is():
    assert distance_matrix(np.array([[0, 2], [2, 0]]), 2).tolist() == [[0, 2], [2, 0]]
    assert distance_matrix(np.zeros((1, 1)), 1).tolist() == [[0]]


@pytest.mark.parametrize("name", DISTANCES)
def test_no_levels_have_no_weights(name):
    assert weight_matrix(name, np.array([])).shape == (0, 0)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("unit", [1e-300, 1e-160, 3.0, 1e160, 1e300])
def test_the_unit_of_the_scores_changes_no_weight(name, unit):
    # squares of 1e-300 are 0 and of 1e300 infinite: AC2 came out as 1, and as undefined
    assert weight_matrix(name, LEVELS * unit) == pytest.approx(weight_matrix(name, LEVELS), abs=1e-12)


@pytest.mark.parametrize("given", [np.array(["a"]), {"a": 1}, ["nominal"], True, None, 2])
def test_what_is_neither_a_name_nor_numbers_is_refused_in_words(given):
    for name, read in (("weights", lambda: weight_matrix(given, LEVELS)), ("scale", lambda: distance_matrix(given, 3))):
        with pytest.raises(ParameterError, match=f"{name}=.* is neither a name nor a table of numbers"):
            read()
