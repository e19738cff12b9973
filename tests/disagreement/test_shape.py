"""How raters differ on an item."""

from __future__ import annotations

import pytest
from planted import units_from

from workbench.disagreement.ranked import ranked


def shape_of(rows):
    return ranked(units_from(rows))["shape"].iloc[0]


# Item b spans the scale and item c is agreed, so that a has more disagreement than is expected of these raters.
@pytest.mark.parametrize(("given", "shape"), [
    ([1, 1, 1, 1, 1, 5], "outlier"), ([5, 1, 1, 1, 1, 1], "outlier"), ([1, 1, 1, 5, 5, 5], "split"), ([1, 1, 5, 5, 5, 5], "split"),
    ([1, 2, 3, 4, 5, 3], "noise"), ([3, 3, 3, 3, 3, 3], "agree")])
def test_shapes_on_a_scale(given, shape):
    assert shape_of([[g, 3, 3, 1, 5] for g in given]) == shape


@pytest.mark.parametrize(("given", "shape"), [
    ("xxxxxy", "outlier"), ("xxxyyy", "split"), ("xxyyzz", "noise"), ("uvwxyz", "noise"), ("xxxxxx", "agree")])
def test_shapes_of_names(given, shape):
    assert shape_of([[g, "x", "y", "z"] for g in given]) == shape


def test_two_ratings_show_no_more_than_noise():
    assert shape_of([[1, 3, 3, 3], [5, 3, 3, 3]]) == "noise"


def test_a_scale_turned_round_changes_no_shape():
    rows = [[1, 1, 2, 5], [1, 1, 4, 5], [1, 5, 3, 5], [5, 5, 1, 5]]
    turned = [[6 - x for x in row] for row in rows]
    assert ranked(units_from(rows))["shape"].tolist() == ranked(units_from(turned))["shape"].tolist()
