"""Redundancy of criteria, and whether they give the overall verdict."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from workbench.rubric.covered import by_criterion, item_means, overall_reproduced, redundancy

CLOSE = 1e-9
FIRST_ORDER = 0.06    # a linearised error against leaving each item out


def judged(parts, *, raters=1, noise=0.0, seed=0):
    """Ratings of items by criterion from {criterion: (n,) scores}, each rater with noise of their own."""
    rng = np.random.default_rng(seed)
    return pd.concat([pd.DataFrame({"item_id": np.arange(len(x)), "prompt": np.arange(len(x)), "step": -1, "rater_id": f"r{r}",
                                    "criterion": name, "score": x + rng.normal(0, noise, len(x)) if noise else x})
                      for name, x in parts.items() for r in range(raters)], ignore_index=True)


def normals(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def test_of_two_criteria_it_is_the_size_of_their_correlation():
    a, b = normals(0, 2, 200)
    b = b - a
    found = redundancy(judged({"a": a, "b": b}))
    assert found.value == pytest.approx(abs(np.corrcoef(a, b)[0, 1]), abs=CLOSE)


def test_criteria_that_say_one_thing_are_wholly_redundant():
    a = normals(1, 50)
    assert redundancy(judged({"a": a, "b": 3 * a + 1, "c": -a})).value == pytest.approx(1, abs=CLOSE)


def test_its_error_is_what_leaving_each_item_out_gives():
    x = normals(2, 3, 80)
    parts = {"a": x[0], "b": x[0] + x[1], "c": x[2] + 0.5 * x[0]}
    left = np.array([redundancy(judged({c: np.delete(v, i) for c, v in parts.items()})).value for i in range(80)])
    jackknife = math.sqrt(79 / 80 * ((left - left.mean()) ** 2).sum())
    assert redundancy(judged(parts)).row("r", 0.95)["se"] == pytest.approx(jackknife, rel=FIRST_ORDER)


def test_only_raters_who_gave_all_criteria_count():
    rows = judged({"a": np.arange(5.0), "b": np.arange(5.0)}, raters=2)
    table = by_criterion(rows.drop(index=rows.index[0]))
    assert len(table) == 9
    assert sorted(item_means(table)[1].tolist()) == [[i, i] for i in range(5)]


def test_an_overall_that_is_the_sum_of_its_criteria_is_reproduced():
    a, b = normals(3, 2, 100)
    assert overall_reproduced(judged({"a": a, "b": b, "overall": a + 2 * b}), "overall", 0).value > 0.999


def test_an_overall_that_has_nothing_of_them_is_not():
    a, b, y = normals(4, 3, 300)
    assert -0.1 < overall_reproduced(judged({"a": a, "b": b, "overall": y}), "overall", 0).value < 0.05


def test_half_the_variance_from_the_criteria_is_found_as_half():
    a, b, e = normals(5, 3, 3000)
    row = overall_reproduced(judged({"a": a, "b": b, "overall": a + b + math.sqrt(2) * e}), "overall", 0).row("r", 0.95)
    assert row["low"] < 0.5 < row["high"] and row["se"] < 0.02


@pytest.mark.parametrize(("parts", "why"), [
    ({"a": np.arange(30.0)}, "nothing to be redundant with"), ({"a": np.arange(9.0), "b": np.arange(9.0)}, "only 9 items"),
    ({"a": np.arange(30.0), "b": np.ones(30)}, "b has one value")])
def test_redundancy_that_cannot_be_told_says_why(parts, why):
    found = redundancy(judged(parts))
    assert math.isnan(found.value) and why in found.note


@pytest.mark.parametrize(("parts", "why"), [
    ({"a": np.arange(30.0), "b": np.arange(30.0)}, "no criterion is named 'overall'"),
    ({"overall": np.arange(30.0)}, "no criterion beside"), ({"a": np.arange(30.0), "overall": np.ones(30)}, "overall has one value")])
def test_an_overall_that_cannot_be_predicted_says_why(parts, why):
    found = overall_reproduced(judged(parts), "overall", 0)
    assert math.isnan(found.value) and why in found.note
