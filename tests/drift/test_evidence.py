"""The evidence kernel: a case by hand, a brute-force Bayes factor, laws, and nulls that must stay silent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.drift.evidence import BETWEEN, CHANGES, DECAY, log_evidence, start_weights, switch_evidence, two_means

EXACT = 1e-9          # the same formula in another order of operations
ALARM = math.log(20)  # at most 5 % of unchanged streams may ever reach it


def brute_factor(x: np.ndarray, size: np.ndarray, k: int, g: float) -> float:
    """Log ratio of the marginal likelihoods by matrices: covariance V + g2 hh' against V, flat mean, scale 1/s integrated out."""
    def log_marginal(cov: np.ndarray) -> float:
        inverse, one, n = np.linalg.inv(cov), np.ones(len(x)), len(x)
        spread = one @ inverse @ one
        rss = x @ inverse @ x - (one @ inverse @ x) ** 2 / spread
        return -0.5 * np.linalg.slogdet(cov)[1] - 0.5 * math.log(spread) - (n - 1) / 2 * math.log(rss)
    h = (np.arange(len(x)) >= k).astype(float)
    return log_marginal(np.diag(size) + g**2 * np.outer(h, h)) - log_marginal(np.diag(size))


def year(rng: np.random.Generator, *, step: float = 0.0, at: int = 30, week_sd: float = 0.0, n: int = 500) -> np.ndarray:
    """Log evidence of 8 + 52 weekly means of n ratings with standard deviation 1."""
    mean = step * (np.arange(60) >= at) + rng.normal(0, 1 / math.sqrt(n), 60) + rng.normal(0, week_sd, 60)
    return log_evidence(mean, units=np.full(60, float(n)), unit_variance=np.ones(60), first=8)


def test_one_baseline_window_and_one_later_give_no_evidence() -> None:
    # two values, unknown mean and scale: after shifting and rescaling nothing of them is left, so the factor is 1
    total = np.array([2.0, 5.0, 17.0]).reshape(3, 1, 1)    # x = 1, 4
    later = np.array([1.0, 4.0, 16.0]).reshape(3, 1, 1)
    assert two_means(total, later, np.array([[1]]), None)[0, 0] == pytest.approx(0.0, abs=EXACT)


def test_the_factor_by_hand() -> None:
    # x = 0, 2, 4 with k = 2: W = 3, S = 1, a = 1 - 1/3 = 2/3, mean 2, b = 4 - 2 = 2, RSS = 8, df = 2:
    # (1 + 2 g2/3)^(-1/2) / (1 - 4 g2 / (8 (1 + 2 g2/3))), averaged over g = 2 and 8
    x = np.array([0.0, 2.0, 4.0])
    by_hand = [(1 + 2 * g**2 / 3) ** -0.5 / (1 - 4 * g**2 / (8 * (1 + 2 * g**2 / 3))) for g in CHANGES]
    total, later = np.array([3.0, x.sum(), (x**2).sum()]), np.array([1.0, 4.0, 16.0])
    found = two_means(total.reshape(3, 1, 1), later.reshape(3, 1, 1), np.array([[2]]), None)[0, 0]
    assert math.exp(found) == pytest.approx(np.mean(by_hand), rel=EXACT)


def test_the_evidence_equals_bayes_factors_by_matrices() -> None:
    rng = np.random.default_rng(3)
    x, size, first = rng.normal(size=9) + np.array([0] * 6 + [3] * 3), rng.uniform(0.5, 2, 9), 4
    weight, rest = start_weights(5)
    against_all = [math.log(np.mean([math.exp(brute_factor(x, size, k, g)) for g in CHANGES])) for k in range(first, 9)]
    kept = [np.r_[0:first, k:9] for k in range(first, 9)]
    against_base = [math.log(np.mean([math.exp(brute_factor(x[i], size[i], first, g)) for g in CHANGES])) for i in kept]
    mixed = math.log(rest[-1] + weight @ np.exp(against_all))
    expected = max(mixed, max(np.log(weight) + against_base)) - math.log(2)
    assert switch_evidence(x, size, first)[-1] == pytest.approx(expected, rel=EXACT)


def test_weights_of_all_starts_sum_to_one() -> None:
    weight, rest = start_weights(1000)
    assert weight.sum() + rest[-1] == pytest.approx(1.0)
    assert weight[3] / weight[0] == pytest.approx(4**-DECAY)


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 10), seed=st.integers(0, 999))
def test_shifting_and_rescaling_change_no_evidence(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, units = rng.normal(size=20), rng.uniform(20, 40, 20)
    given_ = {"units": units, "first": 8}
    plain = log_evidence(x, unit_variance=np.full(20, 30.0), **given_)
    moved = log_evidence(shift + scale * x, unit_variance=np.full(20, 30.0 * scale**2), **given_)
    np.testing.assert_allclose(moved, plain, rtol=1e-6, atol=1e-6)   # sums of squares lose digits under a large shift


def test_later_windows_change_no_earlier_evidence() -> None:
    x = np.random.default_rng(1).normal(size=30)
    whole = log_evidence(x, units=np.full(30, 50.0), unit_variance=np.full(30, 50.0), first=8)
    part = log_evidence(x[:20], units=np.full(20, 50.0), unit_variance=np.full(20, 50.0), first=8)
    np.testing.assert_allclose(whole[:20], part, rtol=EXACT, atol=EXACT)


def test_unchanged_years_rarely_alarm_with_and_without_week_effects() -> None:
    rng = np.random.default_rng(20262)
    for week_sd in (0.0, 0.1):
        alarms = sum((year(rng, week_sd=week_sd) >= ALARM).any() for _ in range(100))
        assert alarms <= 10   # 5 % of 100 is 5; 11 or more would have probability below 2 %


def test_a_step_is_seen_soon_and_not_before() -> None:
    rng = np.random.default_rng(5)
    for step, longest in ((0.25, 2.0), (0.5, 0.5)):
        hits = [np.flatnonzero(year(rng, step=step) >= ALARM) for _ in range(40)]
        assert np.mean([hit[0] - 30 for hit in hits]) <= longest


def test_a_baseline_alike_by_chance_does_not_make_noise_evidence() -> None:
    # eight equal baseline values: without the known sampling error any later value would be infinitely far away
    x = np.r_[np.full(8, 3.0), 3.1, 2.9, 3.1]
    assert log_evidence(x, units=np.full(11, 100.0), unit_variance=np.ones(11), first=8).max() < ALARM


def test_a_passing_episode_does_not_hide_a_later_step() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 0.05, 40) + 0.5 * ((np.arange(40) >= 12) & (np.arange(40) < 18)) - 0.4 * (np.arange(40) >= 30)
    found = log_evidence(x, units=np.full(40, 400.0), unit_variance=np.ones(40), first=8)
    assert found[-1] > ALARM


def test_a_difference_within_the_tolerance_is_no_change() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(0, 0.04, 40) + 0.3 * (np.arange(40) >= 8)
    given_ = {"units": np.full(40, 500.0), "unit_variance": np.ones(40), "first": 8}
    assert log_evidence(x, **given_).max() > ALARM
    assert log_evidence(x, tolerance=0.4, **given_).max() < ALARM
    assert log_evidence(x, tolerance=0.1, **given_).max() > ALARM


def test_accounts_of_the_noise_span_none_to_all_between_weeks() -> None:
    assert BETWEEN[0] == 0.0 and BETWEEN[-1] == 1.0
