from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom, t

from workbench import resample

EXACT = 1e-12
GENERATOR = np.random.default_rng(11)
VALUES = GENERATOR.normal(3, 2, 40)
MEAN_TERMS = np.column_stack([np.ones(40), VALUES])


def mean(totals):
    return totals[..., 1] / totals[..., 0]


def ratio(totals):
    return totals[..., 1] ** 2 / (totals[..., 0] * totals[..., 2])


def test_the_linearized_error_of_a_mean_is_its_textbook_one():
    assert resample.linearized(mean, MEAN_TERMS, np.ones(40)) == pytest.approx(VALUES.std(ddof=1) / math.sqrt(40), rel=EXACT)


def test_rows_may_be_merged_with_a_weight():
    repeated, weight = np.repeat(MEAN_TERMS[:3], [2, 1, 4], axis=0), np.array([2.0, 1.0, 4.0])
    merged = resample.linearized(mean, MEAN_TERMS[:3], weight)
    assert resample.linearized(mean, repeated, np.ones(7)) == pytest.approx(merged, rel=EXACT)


def test_the_gradient_is_the_derivative_by_hand_for_one_and_for_many():
    # f = b^2 / (a c): df/da = -b^2 / (a^2 c), df/db = 2 b / (a c), df/dc = -b^2 / (a c^2)
    totals = np.array([[2.0, 3.0, 4.0], [1.0, -2.0, 5.0]])
    a, b, c = totals.T
    by_hand = np.column_stack([-(b**2) / (a**2 * c), 2 * b / (a * c), -(b**2) / (a * c**2)])
    assert resample.gradient(ratio, totals) == pytest.approx(by_hand, rel=EXACT)
    assert resample.gradient(ratio, totals[0]) == pytest.approx(by_hand[0], rel=EXACT)


def test_a_part_that_is_held_adds_nothing_to_the_slope():
    slope = resample.gradient(lambda totals: totals[..., 0] * resample.held(totals[..., 1]), np.array([2.0, 3.0]))
    assert slope == pytest.approx([3, 0], rel=EXACT)


def test_sparse_terms_give_the_same_error_and_draws():
    weight = np.arange(1.0, 41)
    errors = [resample.linearized(mean, terms, weight) for terms in (MEAN_TERMS, csr_array(MEAN_TERMS))]
    assert errors[0] == pytest.approx(errors[1], rel=EXACT)
    dense, sparse = (resample.bootstrap(mean, terms, weight, draws=20, seed=3) for terms in (MEAN_TERMS, csr_array(MEAN_TERMS)))
    assert dense == pytest.approx(sparse, rel=EXACT)


@pytest.mark.parametrize("weight", [np.ones(40), np.full(40, 30.0)])
def test_bootstrap_errors_agree_with_linearized_ones_however_rows_are_drawn(weight):
    draws = resample.bootstrap(mean, MEAN_TERMS, weight, draws=4000, seed=5)
    # A standard deviation of 4,000 draws is off by 1 / sqrt(8,000) = 1.1 %; 5 % leaves room for the n - 1 and four of those.
    assert draws.std() == pytest.approx(resample.linearized(mean, MEAN_TERMS, weight), rel=0.05)


@pytest.mark.parametrize("weight", [np.ones(30), np.full(30, 20.0)])
def test_every_resample_has_as_many_items_as_there_are(weight):
    blocks = list(resample.resamples(weight, draws=50, seed=0))
    assert {float(total) for block in blocks for total in block.sum(axis=1)} == {weight.sum()}


def test_blocks_bound_the_memory_and_change_no_draw(monkeypatch):
    whole = resample.bootstrap(mean, MEAN_TERMS, np.full(40, 20.0), draws=50, seed=2)
    monkeypatch.setattr(resample, "BLOCK", 40 * 7)
    assert [len(block) for block in resample.resamples(np.full(40, 20.0), draws=50, seed=2)] == [7] * 7 + [1]
    assert resample.bootstrap(mean, MEAN_TERMS, np.full(40, 20.0), draws=50, seed=2) == pytest.approx(whole, rel=EXACT)


def test_the_seed_decides_the_draws():
    first, again, other = (resample.bootstrap(mean, MEAN_TERMS, np.ones(40), draws=5, seed=s) for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_merging_by_cluster_sums_rows_with_their_weight():
    terms, weight = resample.merge(np.array([[1.0, 2], [1, 3], [1, 5]]), np.array([2.0, 1, 1]), np.array(["b", "a", "b"]))
    assert terms.tolist() == [[1, 3], [3, 9]] and weight.tolist() == [1, 1]


def test_the_clustered_error_of_a_mean_is_the_sandwich():
    cluster = np.arange(40) % 8
    terms, weight = resample.merge(MEAN_TERMS, np.ones(40), cluster)
    sums = np.array([(VALUES[cluster == c] - VALUES.mean()).sum() for c in range(8)])
    assert resample.linearized(mean, terms, weight) == pytest.approx(math.sqrt(8 / 7 * (sums**2).sum()) / 40, rel=1e-9)


def test_what_is_undefined_is_nan_without_a_warning():
    assert np.isnan(resample.value(mean, np.zeros((2, 2)))).all()
    assert np.isnan(resample.linearized(mean, MEAN_TERMS[:1], np.ones(1)))
    assert np.isnan(resample.percentile_interval(np.array([1.0, np.nan]), 0.9)).all()


def test_undefined_draws_are_left_out_of_the_percentiles():
    draws = np.append(np.arange(101.0), [np.nan] * 50)
    assert resample.percentile_interval(draws, 0.9) == pytest.approx((5, 95), rel=EXACT)


def test_the_t_interval_is_the_textbook_one():
    reach = t.ppf(0.95, 7) * 0.1
    assert resample.t_interval(0.5, 0.1, 7, 0.9) == pytest.approx((0.5 - reach, 0.5 + reach), rel=1e-9)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_claims():
    generator, covered, runs = np.random.default_rng(4), 0, 600
    for _ in range(runs):
        values = generator.normal(1, 1, 25)
        se = resample.linearized(mean, np.column_stack([np.ones(25), values]), np.ones(25))
        low, high = resample.t_interval(values.mean(), se, 24, 0.9)
        covered += low <= 1 <= high
    assert binom.ppf(0.001, runs, 0.9) <= covered <= binom.ppf(0.999, runs, 0.9)
