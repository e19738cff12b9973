"""The evidence kernel: a case by hand, brute-force likelihoods, laws, and nulls that must stay silent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.drift.evidence import (BETWEEN, CHANGE, LEAST, OF_SHARED, RESTARTED, compared, evidence, fits, linked_sums, log_evidence,
                                      plain_sums, restarts, shared_variance, start_weights, without_raters)

EXACT = 1e-8          # the same formula in another order of operations
ALARM = math.log(20)  # at most 5 % of unchanged streams may ever reach it


def log_marginal(x: np.ndarray, cov: np.ndarray) -> float:
    """Log density of x with a flat mean and its scale integrated out, up to a constant of the length alone."""
    inverse, one = np.linalg.inv(cov), np.ones(len(x))
    weight = one @ inverse @ one
    squares = x @ inverse @ x - (one @ inverse @ x) ** 2 / weight
    return -0.5 * (np.linalg.slogdet(cov)[1] + math.log(weight) + (len(x) - 1) * math.log(squares))


def brute(x: np.ndarray, noise: np.ndarray, first: int, shared: np.ndarray | None, offsets: np.ndarray | float = 0.0) -> float:
    """The evidence after the last window by matrices: shapes of every kind, and the step's variance added to them."""
    typical, n = noise[:first + 1].mean(), len(x)
    shapes = [(f * (0 if shared is None else shared) + np.diag(noise) + offsets + np.eye(n) * typical * b, typical * (1 + b))
              for f in (OF_SHARED if shared is not None else (0,)) for b in BETWEEN]
    start, rest = start_weights(n - first)
    top = 0.0
    for cov, of_window in shapes:
        later = rest[-1] * math.exp(log_marginal(x, cov))
        for k, share in zip(range(first, n), start):
            step = (np.arange(n) >= k).astype(float)
            later += share * math.exp(log_marginal(x, cov + CHANGE**2 * of_window * np.outer(step, step)))
        top += later / len(shapes)
    return math.log(top) - max(log_marginal(x, cov) for cov, _ in shapes)


def year(rng: np.random.Generator, *, step: float = 0.0, at: int = 30, week_sd: float = 0.0, n: int = 500) -> np.ndarray:
    """Log evidence of 8 + 52 weekly means of n ratings with standard deviation 1."""
    mean = step * (np.arange(60) >= at) + rng.normal(0, 1 / math.sqrt(n), 60) + rng.normal(0, week_sd, 60)
    return log_evidence(mean, units=np.full(60, float(n)), unit_variance=np.ones(60), first=8)


def test_a_change_by_hand() -> None:
    # x = 0, 0, 3, variances 1, a change at the third window of variance g2 = 4: S_11 = 3, S_1x = 3, S_h1 = S_hh = 1, S_hx = 3, so
    # q = 9 - 9/3 = 6, a = 1 - 1/3 = 2/3, b = 3 - 3/3 = 2: (1 + 8/3)^(-1/2) (6 / (6 - 16 / (1 + 8/3)))^(2/2) = (3/11)^(1/2) 11/3
    # no change: 3^(-1/2) 6^(-2/2). If 3/2 of the two squares are sampling error at least, the change leaves 3 of 6, not 18/11
    x, start = np.array([[0.0, 0.0, 3.0]]), np.array([2])
    for sums in (plain_sums(x, np.ones((1, 3)), start), linked_sums(x, np.eye(3)[None], start)):
        for least, factor in ((1e-9, 11 / 3), (3.0 / LEAST / 2, 2.0)):
            of_window = np.array([4 / CHANGE**2])
            unchanged, changed, _ = fits(*sums, start, of_window, least * of_window[0], (np.ones(1), np.array([1.0, 0.0])), 0.0)
            assert changed[0, 2] - unchanged[0, 2] == pytest.approx(0.5 * math.log(3 / 11) + math.log(factor), rel=EXACT)
            assert unchanged[0, 2] == pytest.approx(-0.5 * math.log(3) - math.log(6), rel=EXACT)


@pytest.mark.parametrize("linked", [False, True])
def test_the_evidence_equals_likelihoods_by_matrices(linked: bool) -> None:
    rng = np.random.default_rng(3)
    x, noise, first = rng.normal(size=8) + np.array([0] * 6 + [2] * 2), rng.uniform(0.05, 0.2, 8), 3
    part = rng.dirichlet(np.ones(5), 8)
    shared = 0.3 * part @ part.T if linked else None
    offsets = 0.02 * part @ part.T if linked else None
    found = evidence(x, np.arange(8), noise=noise, first=first, shared=shared, offsets=offsets, starts=np.arange(first, 8))
    assert found[-1] == pytest.approx(brute(x, noise, first, shared, 0.0 if offsets is None else offsets), rel=EXACT)


def test_streams_alike_are_reckoned_together() -> None:
    x = np.random.default_rng(31).normal(size=(4, 20)) * 0.1
    given_ = {"units": np.full(20, 80.0), "unit_variance": np.ones(20), "first": 3}
    np.testing.assert_allclose(log_evidence(x, **given_), [log_evidence(one, **given_) for one in x], rtol=EXACT, atol=EXACT)


def test_evidence_begun_anew_has_its_share_of_the_error() -> None:
    rng = np.random.default_rng(4)
    x, noise, first = rng.normal(size=9) * 0.1, np.full(9, 0.01), 2
    whole = evidence(x, np.arange(9), noise=noise, first=first, shared=None, starts=np.arange(first, 9))[-1]
    again = [evidence(x, np.r_[:2, 2 + b:9], noise=noise, first=2, shared=None, starts=np.array([2]))[-1]
             - math.log((i + 1) * (i + 2)) for i, b in enumerate((4, 6))]
    expected = math.log(max((1 - RESTARTED) * math.exp(whole), RESTARTED * math.exp(max(again))))
    assert restarts(7) == [4, 6]
    assert log_evidence(x, units=1 / noise, unit_variance=np.ones(9), first=2)[-1] == pytest.approx(expected, rel=EXACT)


def test_weights_sum_to_one() -> None:
    weight, rest = start_weights(1000)
    assert weight.sum() + rest[-1] == pytest.approx(1.0)
    assert sum(1 / ((i + 1) * (i + 2)) for i in range(10_000)) <= 1


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 10), seed=st.integers(0, 999))
def test_shifting_and_rescaling_change_no_evidence(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, units = rng.normal(size=20), rng.uniform(20, 40, 20)
    plain = log_evidence(x, unit_variance=np.full(20, 30.0), units=units, first=8)
    moved = log_evidence(shift + scale * x, unit_variance=np.full(20, 30.0 * scale**2), units=units, first=8)
    np.testing.assert_allclose(moved, plain, rtol=1e-6, atol=1e-6)   # sums of squares lose digits under a large shift


def test_weeks_that_differ_by_more_than_sampling_are_their_own_measure() -> None:
    x = np.random.default_rng(8).normal(size=24)
    given_ = {"units": np.full(24, 30.0), "unit_variance": np.full(24, 30.0), "first": 8}
    np.testing.assert_allclose(log_evidence(50 * x, **given_), log_evidence(5 * x, **given_), rtol=1e-6, atol=1e-6)


def test_later_windows_change_no_earlier_evidence() -> None:
    x = np.random.default_rng(1).normal(size=30)
    part = np.random.default_rng(2).dirichlet(np.ones(6), 30)
    for shared in (None, 0.5 * part @ part.T):
        whole = log_evidence(x, units=np.full(30, 50.0), unit_variance=np.full(30, 50.0), first=8, shared=shared)
        early = log_evidence(x[:20], units=np.full(20, 50.0), unit_variance=np.full(20, 50.0), first=8,
                             shared=None if shared is None else shared[:20, :20])
        np.testing.assert_allclose(whole[:20], early, rtol=EXACT, atol=EXACT)


def test_unchanged_years_rarely_alarm_with_and_without_week_effects() -> None:
    rng = np.random.default_rng(20262)
    for week_sd in (0.0, 0.1):
        alarms = sum((year(rng, week_sd=week_sd) >= ALARM).any() for _ in range(40))
        assert alarms <= 5    # 5 % of 40 is 2; 6 or more would have probability below 2 %


def test_evidence_averages_at_most_one_at_a_look_if_nothing_changed() -> None:
    rng = np.random.default_rng(12)
    found = np.exp([log_evidence(rng.normal(0, 0.1, 6), units=np.full(6, 100.0), unit_variance=np.ones(6), first=1)[-1]
                    for _ in range(600)])
    assert found.mean() <= 1 + 3 * found.std() / math.sqrt(600)


def test_a_step_is_seen_soon_and_not_before() -> None:
    rng = np.random.default_rng(5)
    early = 0
    for step, longest in ((0.25, 1.0), (0.5, 0.3)):
        hits = [np.flatnonzero(year(rng, step=step) >= ALARM) for _ in range(40)]
        assert np.mean([hit[hit >= 30][0] - 30 for hit in hits]) <= longest
        early += sum(hit[0] < 30 for hit in hits)
    assert early <= 5    # of 80, within 22 looks


def test_a_baseline_alike_by_chance_does_not_make_noise_evidence() -> None:
    # eight equal baseline values: without the known sampling error any later value would be infinitely far away
    x = np.r_[np.full(8, 3.0), 3.1, 2.9, 3.1]
    assert log_evidence(x, units=np.full(11, 100.0), unit_variance=np.ones(11), first=8).max() < ALARM


def test_one_baseline_window_tells_no_change_from_a_week_effect() -> None:
    x = np.array([0.0, 5.0])             # in standard errors: five of them, once
    assert log_evidence(x, units=np.ones(2), unit_variance=np.ones(2), first=1)[-1] < ALARM


def test_a_passing_episode_does_not_hide_a_later_step() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 0.05, 45) + 0.5 * ((np.arange(45) >= 12) & (np.arange(45) < 18)) - 0.4 * (np.arange(45) >= 30)
    found = log_evidence(x, units=np.full(45, 400.0), unit_variance=np.ones(45), first=8)
    assert found[-1] > ALARM


def test_a_difference_within_the_tolerance_is_no_change_whenever_it_begins() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(0, 0.04, 40) + 0.3 * (np.arange(40) >= 20)
    given_ = {"units": np.full(40, 500.0), "unit_variance": np.ones(40), "first": 8}
    assert log_evidence(x, **given_).max() > ALARM
    assert log_evidence(x, tolerance=0.4, **given_).max() < ALARM
    assert log_evidence(x, tolerance=0.1, **given_).max() > ALARM


def panel(rng: np.random.Generator, *, weeks: int, leaving: float, leniency: float = 0.4) -> tuple[np.ndarray, ...]:
    """Raters (20, replaced at a rate) by week: rater, window, n, total, squares of 25 ratings each with variance 1."""
    raters, rows, next_one = np.arange(20), [], 20
    lenient = rng.normal(0, leniency, 20 * (weeks + 1))
    for w in range(weeks):
        gone = rng.random(20) < leaving
        raters = np.where(gone, next_one + np.arange(20), raters)
        next_one += 20
        scores = lenient[raters][:, None] + rng.normal(0, 1, (20, 25))
        rows += [(r, w, 25, s.sum(), (s**2).sum()) for r, s in zip(raters, scores)]
    r, w, n, total, squares = np.array(rows).T
    return r.astype(int), w.astype(int), n, total, squares


def test_shared_raters_by_hand() -> None:
    # three raters with means 1, 2, 3, two ratings each of variance 1/2 * 2 = 2: inner 3 * 2 = 6 over 3; outer 2 * 2 = 4 over 2
    # variance (4/2 - 6/3) / 2 = 0: no raters' variance. With means 1, 4, 7: outer 36/2 = 18: (18 - 2) / 2 = 8
    rater, window, n = np.array([0, 1, 2, 0]), np.array([0, 0, 0, 1]), np.full(4, 2.0)
    for means, variance in (((1, 2, 3), 0), ((1, 4, 7), 8)):
        total = 2 * np.array([*means, means[0]], dtype=float)
        found, between, inner = shared_variance((rater, window, n, total, total**2 / 2 + 2), windows=2, first=1)
        assert (between, inner) == pytest.approx((variance, 2))
        # shares (1/3, 1/3, 1/3) and (1, 0, 0): sums of products 1/3, 1/3, 1
        expected = variance * np.array([[1 / 3, 1 / 3], [1 / 3, 1]])
        np.testing.assert_allclose(found, expected) if variance else (found is None)
        assert (found is None) == (variance == 0)


def test_the_same_raters_every_week_need_no_covariance() -> None:
    assert shared_variance(panel(np.random.default_rng(1), weeks=10, leaving=0.0), windows=10, first=4)[0] is None


def test_a_rater_who_stays_is_held_against_himself_by_hand() -> None:
    # rater 0 in windows 0 and 1, rater 1 in 0, rater 2 in 1; two ratings each, means 4, 0 and 5, 1; inner 2, between 1: k = N + 2
    # x_0 = 2; Z_0 = 2 (4 - 2) = 4, N_0 = 2; offset_1 = 1/2 * 4 / (2 + 2) = 1/2; nothing is known of rater 2
    # Z_0 = 2 (y_00 - x_0) = y_00 - y_10, so x_1 = (y_01 + y_21) / 2 - (y_00 - y_10) / 8, each y with sampling variance 1, and
    # x_0 = (y_00 + y_10) / 2: variance of x_1 1/4 + 1/4 + 2/64, covariance 0; beyond inner / 4 = 1/2: 1/32
    # raters: x_0 has (1/2, 1/2, 0), x_1 has (1/2 - 1/8, 1/8, 1/2) of them
    members = (np.array([0, 1, 0, 2]), np.array([0, 0, 1, 1]), np.full(4, 2.0), np.array([8.0, 0.0, 10.0, 2.0]), np.zeros(4))
    offset, shared, errors = compared(members, windows=2, between=1.0, inner=np.full(2, 2.0))
    np.testing.assert_allclose(offset, [0, 1 / 2], rtol=EXACT)
    np.testing.assert_allclose(errors, [[0, 0], [0, 1 / 32]], atol=EXACT)
    np.testing.assert_allclose(shared, [[1 / 2, 1 / 4], [1 / 4, 9 / 64 + 1 / 64 + 1 / 4]], rtol=EXACT)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999))
def test_clearing_of_raters_leaves_weeks_alone_and_its_errors_are_those_of_its_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(r, t, int(rng.integers(1, 9))) for t in range(7) for r in range(5) if rng.random() < 0.6 or r == t % 5]
    rater, window, n = (np.array(v) for v in zip(*rows))
    size, cleared, inner = np.bincount(window, n), [], rng.uniform(1, 2, 7)
    for cell in range(len(n)):                               # the map from cells' means to values, column by column
        one = np.eye(len(n))[cell]
        offset, shared, errors = compared((rater, window, n.astype(float), one * n, one), windows=7, between=0.3, inner=inner)
        cleared.append(np.bincount(window, one * n) / size - offset)
    matrix, weeks, raters = np.array(cleared).T, np.eye(7)[window], np.eye(5)[rater]
    np.testing.assert_allclose(matrix @ weeks, np.eye(7), atol=EXACT)
    np.testing.assert_allclose(matrix @ np.diag(inner[window] / n) @ matrix.T - np.diag(inner / size), errors, atol=EXACT)
    np.testing.assert_allclose(0.3 * (matrix @ raters) @ (matrix @ raters).T, shared, atol=EXACT)


def test_raters_who_come_and_go_raise_no_alarm_and_hide_no_step() -> None:
    rng, alarms, blind, seen = np.random.default_rng(8), 0, 0, []
    for _ in range(12):
        members = panel(rng, weeks=50, leaving=0.05)
        total, n = np.bincount(members[1], members[3]), np.bincount(members[1], members[2])
        given_ = {"units": n, "unit_variance": np.ones(50), "first": 8}
        blind += (log_evidence(total / n, **given_) >= ALARM).any()
        for step in (0.0, 0.25):
            moved = (*members[:3], members[3] + step * members[2] * (members[1] >= 30), members[4])
            values, shared, offsets = without_raters(total / n + step * (np.arange(50) >= 30), [moved], noise=1 / n, scale=1.0, first=8)
            hit = np.flatnonzero(log_evidence(values, shared=shared, offsets=offsets, **given_) >= ALARM)
            alarms += len(hit) > 0 and hit[0] < (30 if step else 50)
            seen += [next(iter(hit), 50) - 30] if step else []
    assert alarms <= 2 and blind >= 4      # of 24 a twentieth is 1.2; taken as independent weeks, a third of them alarm
    assert np.mean(seen) <= 2              # as soon as where no rater ever leaves, nearly: 0.9 in `benchmarks/false_alarms.py`


def test_raters_seen_once_are_told_by_none_of_their_windows() -> None:
    members = panel(np.random.default_rng(3), weeks=12, leaving=1.0)
    shared, between, inner = shared_variance(members, windows=12, first=4)
    offset, left, errors = compared(members, windows=12, between=between, inner=np.full(12, inner))
    assert not offset.any()
    np.testing.assert_allclose(errors, 0, atol=EXACT)
    np.testing.assert_allclose(left, shared, rtol=EXACT, atol=EXACT)


def test_windows_without_raters_and_with_small_errors_are_told_too() -> None:
    # a window nobody is known in, and later ones whose sampling error is a third of what raters' cells would have
    members = panel(np.random.default_rng(5), weeks=20, leaving=0.1)
    members = tuple(a[members[1] != 9] for a in members)
    noise = np.where(np.arange(20) < 10, 1 / 500, 1 / 1500)
    values, shared, offsets = without_raters(np.zeros(20), [members], noise=noise, scale=1.0, first=8)
    assert values[9] == 0 and shared is not None and not offsets[9].any()
    assert np.linalg.eigvalsh(np.diag(noise) + offsets).min() > 0
    found = log_evidence(values, units=1 / noise, unit_variance=np.ones(20), first=8, shared=shared, offsets=offsets)
    assert np.isfinite(found).all()
