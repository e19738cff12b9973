from __future__ import annotations

import numpy as np
import pytest

from workbench.agreement.numeric import PRIOR, TOLERANCE, measured

SETTLED = 20 * TOLERANCE  # rounds stop when a step is below TOLERANCE; what is left to go is a few steps
SAME = 1e-8               # sums in another order, over some dozens of rounds


def drawn(seed=0, n=300, m=12, per=3, severity=0.5, noise=(0.3, 1.2), scale=1.0):
    """Truth, biases, noises and codes: every item rated by `per` of `m` raters."""
    generator = np.random.default_rng(seed)
    truth, bias, noise = generator.normal(size=n), generator.normal(0, severity, m), generator.uniform(*noise, m)
    item = np.repeat(np.arange(n), per)
    rater = np.concatenate([generator.permutation(m)[:per] for _ in range(n)])
    score = truth[item] + bias[rater] + noise[rater] * generator.normal(size=n * per)
    return truth * scale, bias * scale, noise * scale, (item, rater, score * scale)


def test_planted_truth_bias_and_noise_are_found():
    truth, bias, noise, codes = drawn(n=2000, per=4)
    fit = measured(*codes, (2000, 12))
    assert fit.settled
    # some 670 ratings a rater: bias to 3 standard errors of noise / sqrt(670), noise to 3 of 1 / sqrt(2 * 670)
    assert fit.bias == pytest.approx(bias - bias.mean(), abs=0.14) and fit.noise == pytest.approx(noise, rel=0.1)
    assert np.corrcoef(fit.truth, truth)[0, 1] > 0.93
    plain = np.bincount(codes[0], codes[2]) / 4
    centre = bias.mean()
    assert np.mean((fit.truth - truth - centre) ** 2) < 0.75 * np.mean((plain - truth - centre) ** 2)


@pytest.mark.parametrize("design", [dict(), dict(m=100), dict(m=4, per=2), dict(n=60, m=10)])
def test_intervals_cover_the_truth_as_often_as_they_claim(design):
    inside = []
    for seed in range(12):
        truth, bias, _, codes = drawn(seed, **design)
        fit = measured(*codes, (len(truth), len(bias)))
        inside.append(np.abs(fit.truth - truth - bias.mean()) < 1.96 * fit.truth_se)
    assert 0.91 < np.mean(inside) < 0.98


@pytest.mark.parametrize("m, severity", [(6, 0.5), (20, 2.0)])
def test_truth_and_bias_are_those_of_the_joint_normal_equations(m, severity):
    # Given the variances, truths and biases are jointly normal: one dense solve. With gold, so that nothing is centred.
    truth, _, _, (item, rater, score) = drawn(1, n=40, m=m, severity=severity)
    gold = np.where(np.arange(40) < 10, truth, np.nan)
    fit = measured(item, rater, score, (40, m), gold=gold, iterations=5000)
    assert fit.settled and (fit.truth[:10] == pytest.approx(truth[:10], abs=SAME)) and (fit.truth_se[:10] == 0).all()
    design = np.zeros((len(score), 40 + m))
    design[np.arange(len(score)), item], design[np.arange(len(score)), 40 + rater] = 1, 1
    unknown, sharp = np.arange(10, 40 + m), 1 / fit.noise[rater] ** 2
    prior = np.repeat([fit.spread**-2, fit.severity**-2], [30, m])
    left = (design[:, unknown].T * sharp) @ design[:, unknown] + np.diag(prior)
    right = design[:, unknown].T @ (sharp * (score - np.where(item < 10, truth[item], 0))) + prior * np.repeat([fit.mean, 0], [30, m])
    solved = np.linalg.solve(left, right)
    assert fit.truth[10:] == pytest.approx(solved[:30], abs=SETTLED) and fit.bias == pytest.approx(solved[30:], abs=SETTLED)
    # what our errors leave out is how biases vary together, and what they add is the doubt about the mean
    exact = np.sqrt(np.diag(np.linalg.inv(left)))
    assert fit.truth_se[10:] == pytest.approx(exact[:30], rel=0.05) and fit.bias_se == pytest.approx(exact[30:], rel=0.1)


def test_scores_on_another_scale_move_everything_with_them():
    _, _, _, (item, rater, score) = drawn(2, n=50, m=5)
    one, other = (measured(item, rater, y, (50, 5)) for y in (score, 30 - 7 * score))
    assert other.truth == pytest.approx(30 - 7 * one.truth, abs=SAME) and other.bias == pytest.approx(-7 * one.bias, abs=SAME)
    assert other.noise == pytest.approx(7 * one.noise, abs=SAME) and other.truth_se == pytest.approx(7 * one.truth_se, abs=SAME)


def test_names_of_items_and_raters_do_not_matter():
    _, _, _, (item, rater, score) = drawn(3, n=50, m=5)
    items, raters = np.random.default_rng(0).permutation(50), np.random.default_rng(1).permutation(5)
    one, other = measured(item, rater, score, (50, 5)), measured(items[item], raters[rater], score, (50, 5))
    assert other.truth[items] == pytest.approx(one.truth, abs=SAME) and other.noise[raters] == pytest.approx(one.noise, abs=SAME)


def test_no_rater_takes_over_by_a_noise_of_nothing():
    # Rater 0 rated three items, and each time exactly what the others' mean comes to: likelihood alone would put the noise at 0.
    _, _, _, (item, rater, score) = drawn(4, n=100, m=6)
    rater = rater + 1
    seen = np.arange(3)
    exact = np.bincount(item, score)[seen] / 3
    fit = measured(np.concatenate([item, seen]), np.concatenate([rater, np.zeros(3, dtype=int)]), np.concatenate([score, exact]), (100, 7))
    pooled = np.sqrt(np.mean(fit.noise[1:] ** 2))
    assert fit.noise[0] > 0.5 * pooled * np.sqrt(PRIOR / (PRIOR + 3))
    assert fit.truth_se[:3].min() > 0.5 * np.median(fit.truth_se)


def test_biases_average_to_nothing_within_each_connected_set():
    # Two panels without a common item; the second rates 5 higher throughout: that is taken for truth, for nothing tells.
    _, _, _, (item, rater, score) = drawn(5, n=80, m=4)
    fit = measured(np.concatenate([item, item + 80]), np.concatenate([rater, rater + 4]), np.concatenate([score, score + 5]), (160, 8))
    assert len(set(fit.sets[:4])) == len(set(fit.sets[4:])) == 1 and fit.sets[0] != fit.sets[4]
    assert fit.bias[:4].mean() == pytest.approx(0, abs=SAME) and fit.bias[4:].mean() == pytest.approx(0, abs=SAME)
    assert np.mean(fit.truth[80:] - fit.truth[:80]) == pytest.approx(5, abs=0.1)


def test_gold_tells_a_bias_that_all_raters_share():
    truth, bias, _, (item, rater, score) = drawn(6, n=200, m=5)
    gold = np.where(np.arange(200) < 60, truth, np.nan)
    fit = measured(item, rater, score + 3, (200, 5), gold=gold)
    assert fit.bias == pytest.approx(bias + 3, abs=0.35)
    assert np.mean(fit.truth[60:] - truth[60:]) == pytest.approx(0, abs=0.15)


def test_a_repeat_counts_as_a_rating():
    # Twice the same ratings: the truths' own errors shrink, as if each rater had rated with half the variance.
    _, _, _, (item, rater, score) = drawn(7, n=150, m=5)
    fit = measured(np.tile(item, 2), np.tile(rater, 2), np.concatenate([score, score + 0.1]), (150, 5))
    once = measured(item, rater, score, (150, 5))
    assert fit.settled and np.median(fit.truth_se) < 0.85 * np.median(once.truth_se)
    assert np.corrcoef(fit.truth, once.truth)[0, 1] > 0.99
