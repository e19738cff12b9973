from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom, bootstrap, t

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


def test_the_gradient_is_the_same_column_by_column(monkeypatch):
    totals = GENERATOR.uniform(1, 5, (4, 3))
    at_once = resample.gradient(ratio, totals)
    monkeypatch.setattr(resample, "BLOCK", 0)
    assert resample.gradient(ratio, totals) == pytest.approx(at_once, rel=EXACT)


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


def test_leaving_an_item_out_is_what_a_loop_over_the_items_gives(monkeypatch):
    weight, repeated = np.array([2.0, 1.0, 4.0, 0.0]), np.repeat(MEAN_TERMS[:3], [2, 1, 4], axis=0)
    by_loop = [mean(np.delete(repeated, i, axis=0).sum(axis=0)) for i in (0, 2, 3)]
    for terms in (MEAN_TERMS[:4], csr_array(MEAN_TERMS[:4])):
        found = resample.left_out(mean, terms, weight)
        assert found[:3] == pytest.approx(by_loop, rel=EXACT) and np.isnan(found[3])
    monkeypatch.setattr(resample, "BLOCK", 4)
    assert resample.left_out(mean, MEAN_TERMS[:4], weight)[:3] == pytest.approx(by_loop, rel=EXACT)


def test_the_jackknife_error_of_a_mean_is_its_textbook_one_and_of_a_ratio_nearly_the_linearized_one():
    se, _ = resample.jackknife(np.ones(40), resample.influences(mean, MEAN_TERMS, np.ones(40)))
    assert se == pytest.approx(VALUES.std(ddof=1) / math.sqrt(40), rel=EXACT)
    terms = np.column_stack([np.ones(400), GENERATOR.normal(3, 1, 400), GENERATOR.normal(5, 1, 400)])
    se, _ = resample.jackknife(np.ones(400), resample.influences(ratio, terms, np.ones(400)))
    assert se == pytest.approx(resample.linearized(ratio, terms, np.ones(400)), rel=0.01)  # they differ by about 1 / n


def test_the_jackknife_of_very_many_cells_takes_the_slope_instead(monkeypatch):
    exact = resample.influences(ratio, np.column_stack([np.ones(40), VALUES, VALUES**2]), np.ones(40))
    monkeypatch.setattr(resample, "LEFT_OUT_CELLS", 0)
    terms = np.column_stack([np.ones(40), VALUES, VALUES**2])
    slope = resample.influences(ratio, terms, np.ones(40))
    assert slope == pytest.approx(terms @ resample.gradient(ratio, terms.sum(axis=0)), abs=EXACT)
    assert np.corrcoef(slope, exact)[0, 1] > 0.99


def test_degrees_of_freedom_fall_where_few_items_carry_the_error():
    # Influences 1 (once) and -1/39: second moment about (1 + 39/39^2) / 40, kurtosis nearly 39, so 80 / (38 + 2/39) = 2.1.
    alone = np.append(1.0, np.full(39, -1 / 39))
    kurtosis = 40 * (alone**4).sum() / (alone**2).sum() ** 2
    se, df = resample.jackknife(np.ones(40), alone)
    assert se == pytest.approx(math.sqrt(40 / 39 * (1 + 1 / 39)), rel=EXACT)
    assert df == pytest.approx(80 / (kurtosis - 1 + 2 / 39), rel=EXACT) and 2 < df < 2.3
    assert resample.jackknife(np.ones(40), np.tile([1.0, -1.0], 20))[1] == 39  # no spread of the squares: as many as there can be
    assert resample.jackknife(np.array([20.0, 20.0]), np.array([1.0, -1.0])) == resample.jackknife(np.ones(40), np.tile([1.0, -1.0], 20))


def test_the_jackknife_is_undefined_where_the_value_is_without_one_item():
    terms = np.array([[1.0, 0.0], [0.0, 3.0]])  # without the first item the mean is 3 / 0
    assert np.isnan(resample.influences(mean, terms, np.array([1.0, 2.0]))).all()


def test_fishers_z_interval_by_hand():
    # artanh(.6) = ln 2; the error there is .08 / (1 - .36) = 1/8.
    reach = t.ppf(0.975, 9) / 8
    expected = math.tanh(math.log(2) - reach), math.tanh(math.log(2) + reach)
    assert resample.z_interval(0.6, 0.08, 9, 0.95) == pytest.approx(expected, rel=1e-9)
    low, high = resample.z_interval(0.9, 0.5, 9, 0.95)
    assert -1 < low < 0.9 < high < 1 and 0.9 - low > high - 0.9
    assert resample.z_interval(-1.5, 0.1, 9, 0.95) == resample.t_interval(-1.5, 0.1, 9, 0.95)


def test_bca_ends_are_scipys():
    values = GENERATOR.exponential(1, 25)
    terms = np.column_stack([np.ones(25), values])
    draws = resample.bootstrap(mean, terms, np.ones(25), draws=20_000, seed=1)
    found = resample.bca_interval(values.mean(), draws, np.ones(25), resample.influences(mean, terms, np.ones(25)), 0.9)
    theirs = bootstrap((values,), np.mean, confidence_level=0.9, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2))
    # The fifth percentile of 20,000 draws is off by sqrt(.05 * .95 / 20,000) / .1 = .015 standard errors, a far one by more: six of those.
    assert found == pytest.approx(tuple(theirs.confidence_interval), abs=0.1 * theirs.standard_error)


def test_bca_of_symmetric_draws_without_skewness_is_the_percentile_interval():
    draws, level = np.linspace(-1, 1, 2001), np.ones(2)
    found = resample.bca_interval(0.0, draws, level, np.array([1.0, -1.0]), 0.9)
    assert found == pytest.approx(resample.percentile_interval(draws, 0.9), abs=1e-9)


def test_bca_is_undefined_where_all_draws_lie_on_one_side_or_nothing_moves():
    some = np.array([1.0, -1.0])
    assert np.isnan(resample.bca_interval(0.0, np.linspace(1, 2, 50), np.ones(2), some, 0.9)).all()
    assert np.isnan(resample.bca_interval(1.5, np.linspace(1, 2, 50), np.ones(2), np.zeros(2), 0.9)).all()
    assert np.isnan(resample.bca_interval(1.5, np.array([np.nan, 1.0]), np.ones(2), some, 0.9)).all()
    # Influences 9 and nine of -1: acceleration 720 / (6 * 90^1.5) = .14. A bias of 2 and a quantile of 7 reach beyond 1 / .14.
    skewed = np.append(9.0, np.full(9, -1.0))
    assert np.isnan(resample.bca_interval(1.98, np.linspace(1, 2, 2000), np.ones(10), skewed, 1 - 1e-12)).all()


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


def test_the_jackknife_interval_of_a_rare_share_covers_it_where_n_less_1_degrees_do_not():
    # 4 in 100: about four items carry the error, and t on 99 degrees about the share itself holds it in 90 of 100 samples or fewer.
    generator, runs, held = np.random.default_rng(7), 600, {"z and Satterthwaite": 0, "plain t": 0}
    for hits in generator.binomial(100, 0.04, runs):
        terms, weight = np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([hits, 100.0 - hits])
        if hits < 2:
            held = {name: count + 1 for name, count in held.items()}  # too few for any interval: not what is compared
            continue
        se, df = resample.jackknife(weight, resample.influences(mean, terms, weight))
        for name, (low, high) in (("z and Satterthwaite", resample.z_interval(hits / 100, se, df, 0.95)),
                                  ("plain t", resample.t_interval(hits / 100, se, 99, 0.95))):
            held[name] += low <= 0.04 <= high
    assert binom.ppf(0.001, runs, 0.95) <= held["z and Satterthwaite"] and held["plain t"] < held["z and Satterthwaite"]


@pytest.mark.parametrize(("dependent", "method"), [(False, "fdr_bh"), (True, "fdr_by")])
def test_q_is_that_of_statsmodels(dependent, method):
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random(20) ** 2
    q = resample.false_discovery(np.insert(p, 3, np.nan), dependent=dependent)
    assert math.isnan(q[3])
    assert np.delete(q, 3) == pytest.approx(multipletests(p, method=method)[1], abs=EXACT)
    assert not len(resample.false_discovery(np.zeros(0)))
