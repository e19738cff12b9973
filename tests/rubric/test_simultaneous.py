"""Which systems are told apart, all pairs at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, studentized_range

from workbench.rubric.simultaneous import deviations, gap_errors, kendall_set, largest, rank_sets, told_above
from workbench.rubric.standing import covariance, paired_means

CLOSE = 1e-12
QUANTILE = 0.06      # of a 95 % quantile from 20,000 draws


def told(value, influence, df=1000, block=None, confidence=0.95):
    m = len(value)
    return told_above(np.asarray(value, float), influence, np.full(m, df), np.zeros(m) if block is None else np.asarray(block),
                      confidence=confidence, draws=1000, seed=0)


def independent(m, prompts=400, se=1.0):
    """Influences that give m values about independent errors of size se."""
    raw = np.random.default_rng(1).standard_normal((prompts, m))
    raw -= raw.mean(axis=0)
    return raw * (se / np.sqrt(np.diag(covariance(raw))))


def test_the_largest_error_of_all_pairs_has_tukeys_quantile():
    influence = independent(5)
    value, vectors = np.linalg.eigh(covariance(influence))
    influence = influence @ vectors / np.sqrt(value)        # now exactly independent, of variance 1
    first, second = np.nonzero(~np.eye(5, dtype=bool))
    se = gap_errors(covariance(influence))[first, second]
    found = largest(deviations(influence, draws=20_000, seed=0), first, second, se, np.full(len(se), 10**6), 0)
    assert np.quantile(found, 0.95) == pytest.approx(studentized_range.ppf(0.95, 5, 10**6) / np.sqrt(2), abs=QUANTILE)


def test_far_values_are_told_and_near_ones_are_not():
    above = told([10, 0, 0.1], independent(3))
    assert above.tolist() == [[False, True, True], [False] * 3, [False] * 3]


def test_only_pairs_of_one_block_are_compared():
    above = told([10, 0, 20, 0], independent(4), block=[0, 0, 1, 1])
    assert np.argwhere(above).tolist() == [[0, 1], [2, 3]]


def test_pairs_told_let_the_others_be_told_more_easily():
    influence, limits = independent(12), []
    first, second = np.nonzero(~np.eye(12, dtype=bool))
    errors, se = deviations(influence, draws=2000, seed=0), gap_errors(covariance(influence))
    opposite = (first < second) | ((first == 1) & (second == 0))       # what is left when every pair but 0 and 1 was told
    for kept in (np.ones(len(first), bool), opposite):
        part = first[kept], second[kept]
        limits.append(np.quantile(largest(errors, *part, se[part], np.full(kept.sum(), 1000), 0), 0.95))
    value = np.r_[0, sum(limits) / 2 * se[0, 1], 100 * np.arange(1, 11)]     # between the limits
    assert limits[1] < value[1] / se[0, 1] < limits[0] and told(value, influence)[1, 0]


def test_values_without_error_are_never_told():
    assert not told([2, 1], np.zeros((5, 2))).any()


def test_of_equal_systems_none_is_told_in_about_all_draws_but_one_in_twenty():
    rng, false = np.random.default_rng(7), 0
    for seed in range(200):
        value, influence = paired_means(rng.standard_normal((15, 6)), np.ones(15))
        false += told_above(value, influence, np.full(6, 14), np.zeros(6), confidence=0.95, draws=300, seed=seed).any()
    assert false <= 18     # of 200; more than 18 at a rate of 5 % in 1 of 100 such runs


def test_rank_sets_by_hand():
    above = np.zeros((4, 4), bool)
    above[0, 2] = above[0, 3] = above[1, 3] = True
    rank, low, high = rank_sets(np.array([4.0, 3, 2, 1]), above)
    assert (rank.tolist(), low.tolist(), high.tolist()) == ([1, 2, 3, 4], [1, 1, 2, 3], [2, 3, 4, 4])


def test_equal_values_share_the_better_rank():
    assert rank_sets(np.array([1.0, 2, 2]), np.zeros((3, 3), bool))[0].tolist() == [3, 1, 1]


def test_tau_by_hand_and_its_least_and_most():
    # three pairs: 0-1 and 0-2 alike, 1-2 turned: (2 - 1) / 3; told alike is 0-2 alone, told apart none: from -1/3 to 1
    one, other = np.array([3.0, 2, 1]), np.array([3.0, 1, 2])
    above = np.zeros((3, 3), bool)
    above[0, 2] = True
    assert kendall_set(one, other, above, above) == pytest.approx((1 / 3, -1 / 3, 1.0), abs=CLOSE)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10**6))
def test_tau_is_scipys_and_lies_within_its_set(k, seed):
    rng = np.random.default_rng(seed)
    one, other = rng.permutation(k).astype(float), rng.permutation(k).astype(float)
    tell = [(x[:, None] - x[None, :]) > gap for x, gap in ((one, 1), (other, 3))]
    tau, low, high = kendall_set(one, other, *tell)
    assert tau == pytest.approx(kendalltau(one, other).statistic, abs=CLOSE) and low - CLOSE <= tau <= high + CLOSE
