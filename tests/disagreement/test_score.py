"""The contrast of a group with elsewhere."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import drawn

import workbench as wb
from workbench.disagreement.score import contrasts, coverage_of_the_selected, ground_of, score_contrast, shrunk
from workbench.disagreement.units import rated_units
from workbench.resample import false_discovery

CLOSE = 1e-9
MISSED = 0.005        # two standard errors of the mean of 3,000 sets
SOLVED = 1e-5         # the ridge of the least squares fit


def test_the_interval_ends_where_the_test_refuses():
    rng = np.random.default_rng(0)
    s = rng.normal(size=60)
    y = 0.5 * s + rng.normal(size=60)
    found = score_contrast(s * y, s * s)
    assert found.effect == pytest.approx((s * y).sum() / (s * s).sum(), abs=CLOSE)
    for end in found.ends(0.95):
        residual = s * (y - end * s)
        assert abs(residual.sum()) / math.sqrt((residual**2).sum()) == pytest.approx(1.959963984540054, abs=CLOSE)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2))
def test_p_is_below_a_twentieth_just_where_the_interval_excludes_0(seed, effect):
    rng = np.random.default_rng(seed)
    s = rng.normal(size=40)
    found = score_contrast(s * (effect * s + rng.normal(size=40)), s * s)
    low, high = found.ends(0.95)
    assert (found.p < 0.05) == (low > 0 or high < 0)


def test_units_that_happen_to_agree_do_not_look_certain():
    inside = np.arange(100) < 12
    y = np.where(inside, 0.0, np.tile([0.0, 0.5], 50)) - 0.22       # twelve units without any disagreement
    s = inside - inside.mean()
    assert score_contrast(s * y, s * s).p > 1e-4              # their own spread would give p = 0


def test_too_few_blocks_give_no_test_and_say_so():
    found = score_contrast(np.ones(5), np.ones(5))
    assert math.isnan(found.p) and "fewer than 10" in found.note


def test_without_any_disagreement_there_is_no_test():
    found = score_contrast(np.zeros(50), np.ones(50))
    assert math.isnan(found.p) and found.note == "no disagreement differs"


def test_a_group_rated_by_its_own_raters_cannot_be_told_from_them():
    frame = drawn(0)
    frame["rater_id"] = frame["rater_id"] + frame["task_type"].eq("k1").map({True: " of k1", False: ""})
    units = rated_units(wb.read(frame), extra=("task_type",))[0]
    codes = (units.first_ratings["task_type"] == "k1").to_numpy().astype(int)
    notes = [found.note for found in contrasts(ground_of(units), codes, 2)]
    assert all("cannot be told from them" in note for note in notes)


def test_a_contrast_is_that_of_regression_on_raters_strata_and_the_group():
    rng = np.random.default_rng(1)
    units = rated_units(wb.read(drawn(1)))[0]
    codes, strata = rng.integers(-1, 2, len(units.frame)), [rng.integers(0, 3, len(units.frame)) for _ in range(2)]
    others = np.column_stack([units.design.toarray(), *(s[:, None] == np.arange(3) for s in strata)]).astype(float)
    clear = np.eye(len(others)) - others @ np.linalg.pinv(others)
    for k, found in enumerate(contrasts(ground_of(units), codes, 2, within=strata)):
        group, y = clear @ (codes == k), clear @ units.beyond
        assert found.effect == pytest.approx(group @ y / (group @ group), abs=SOLVED)
        square = (group * y) @ (group * y) / (1 - others.shape[1] / len(y))
        assert found.se == pytest.approx(math.sqrt(square) / (group @ group), rel=SOLVED)


def test_an_interval_that_no_number_would_end_is_not_defined():
    s = np.ones(12)
    found = score_contrast(s * np.linspace(0.5, 1.5, 12), s)     # twelve blocks cannot refuse at 4 standard errors
    assert all(math.isnan(end) for end in found.ends(0.99994))
    assert found.p < 0.01


def test_selected_intervals_miss_as_rarely_as_their_false_coverage_rate_says():
    rng, missed = np.random.default_rng(5), []
    for _ in range(3000):
        truth = np.repeat([0.0, 2.5], [40, 10])
        x = truth + rng.normal(size=50)
        p = np.array([math.erfc(abs(z) / math.sqrt(2)) for z in x])
        news = false_discovery(p) <= 0.05
        n = max(int(news.sum()), 1)
        reach = NormalDist().inv_cdf((1 + coverage_of_the_selected(n, 50, 0.95)) / 2)
        missed.append((news & (abs(x - truth) > reach)).sum() / n)
    assert 0.02 < np.mean(missed) < 0.05 + MISSED


def test_effects_shrink_to_nothing_among_noise_and_hardly_where_one_stands_out():
    rng = np.random.default_rng(2)
    noise = rng.normal(size=60)
    kept = shrunk(np.append(noise, 12.0), np.ones(61))
    assert np.abs(kept[:60]).mean() < 0.3 * np.abs(noise).mean()
    assert 10.5 < kept[60] < 12
    assert math.isnan(shrunk(np.array([np.nan, 1.0]), np.ones(2))[0])


def test_shrunk_effects_lie_nearer_to_the_truth_than_the_selected_raw_ones():
    rng = np.random.default_rng(3)
    truth = np.repeat([0.0, 1.0, 3.0], [70, 20, 10])
    x = truth + rng.normal(size=(50, 100))
    kept = np.array([shrunk(row, np.ones(100)) for row in x])
    assert ((kept - truth) ** 2).mean() < 0.6 * ((x - truth) ** 2).mean()
