"""The figures of one criterion, and what each item adds to them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.rubric.figures import Found, undefined

CLOSE = 1e-12


def test_the_error_of_a_difference_is_that_of_the_paired_items():
    # two items add +-1 to one figure and +-1/2 to the other: the difference has +-1/2, error sqrt(2 / 1 * (1/4 + 1/4)) = 1
    one, other = (Found(value, np.array([size, -size]), np.ones(2)) for value, size in ((3.0, 1.0), (1.0, 0.5)))
    gap = one.less(other)
    assert gap.value == 2 and gap.error()[0] == pytest.approx(1, abs=CLOSE)


def test_rows_count_as_often_as_items_show_them_and_unused_ones_not_at_all():
    # 3 items add 1/3, one takes 1: n / (n - 1) * (3/9 + 1) = 16/9
    found = Found(0.0, np.array([1 / 3, -1.0, 0.0]), np.array([3.0, 1.0, 0.0]))
    assert found.error()[0] == pytest.approx(4 / 3, abs=CLOSE)


def test_a_difference_from_what_is_undefined_says_why():
    gap = Found(1.0, np.zeros(2), np.ones(2)).less(undefined("one level is left"))
    assert math.isnan(gap.value) and gap.note == "one level is left" and math.isnan(gap.error()[0])


def test_one_item_has_no_error():
    assert math.isnan(Found(1.0, np.zeros(1), np.ones(1)).error()[0])
