"""Fits of camps, against exact correlations and against all splits, and the tests of how many there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.disagreement.camps_scores import Panel
from workbench.disagreement.camps_search import SURE, Fit, borne_out, camps_of, fitted, gain_of, grown, repeated, split, supported

SEARCHED = 0.04    # ten rounds of alternating least squares stop this near


def exact(camp, load, across):
    """Correlations of opinions where things of different camps correlate by `across`."""
    camp, load = np.array(camp), np.array(load)
    return (np.where(camp[:, None] == camp, 1.0, across) * load[:, None] * load)[None]


def equal_weights(n):
    return 100.0 * (1 - np.eye(n))[None]


def one_thing(rho, weight):
    return fitted(rho, weight, np.zeros(rho.shape[:2], dtype=int), np.full(rho.shape[:2], 0.6), k=1)


def drawn(rng, *, camps=(6, 6), items=300, within=0.5, across=0.3, per_item=None, severity=0.0, cuts=(-1.5, -0.5, 0.5, 1.5)):
    """Ratings whose opinions correlate by `within` and `across` camps."""
    n, camp = sum(camps), np.repeat(np.arange(len(camps)), camps)
    common, own = rng.normal(size=(items, 1)), rng.normal(size=(items, len(camps)))
    sign = 1 if across >= 0 else np.where(np.arange(len(camps)) == 0, 1, -1)[camp]
    latent = abs(across) ** 0.5 * common * sign + (within - abs(across)) ** 0.5 * own[:, camp]
    latent += (1 - within) ** 0.5 * rng.normal(size=(items, n))
    level = (latent[:, :, None] > np.array(cuts) + rng.normal(0, severity, n)[:, None]).sum(axis=2)
    item, rater = np.nonzero(rng.random((items, n)).argsort(axis=1) < (per_item or n))
    return Panel(item, rater, level[item, rater].astype(float), np.arange(items))


def same_camps(found, planted):
    return len(set(zip(found, planted))) == len(set(found)) == len(set(planted))


@pytest.mark.parametrize("camp", [[0] * 6 + [1] * 6, [0] * 9 + [1] * 3, [0, 1] * 5, [0, 0, 0, 1, 1]])
@pytest.mark.parametrize("across", [0.6, 0.2, -0.5])
def test_exact_correlations_of_two_camps_give_camps_loadings_and_their_correlation_back(camp, across):
    load = np.linspace(0.5, 0.85, len(camp))
    rho, weight = exact(camp, load, across), equal_weights(len(camp))
    found = split(rho, weight, one_thing(rho, weight))
    assert same_camps(found.camp[0], camp)
    assert found.between[0, 0, 1] == pytest.approx(across, abs=SEARCHED)
    assert found.load[0] == pytest.approx(load, abs=SEARCHED)


def test_one_thing_judged_with_any_noise_leaves_nothing_to_gain():
    rho, weight = exact([0] * 8, np.linspace(0.2, 0.9, 8), 1.0), equal_weights(8)
    fit = one_thing(rho, weight)
    assert fit.load[0] == pytest.approx(np.linspace(0.2, 0.9, 8), abs=SEARCHED)
    assert gain_of([fit, split(rho, weight, fit)])[0] < 0.05


def test_the_split_found_is_the_best_of_all_splits_in_nearly_all_draws():
    hits, rng = 0, np.random.default_rng(6)
    for _ in range(30):
        noise = rng.normal(0, 0.12, (1, 7, 7))
        rho, weight = exact([0, 0, 0, 0, 1, 1, 1], np.full(7, 0.7), 0.5) + (noise + noise.swapaxes(1, 2)) / 2, equal_weights(7)
        fit = one_thing(rho, weight)
        splits = [np.isin(np.arange(7), chosen).astype(int) for n in (2, 3) for chosen in combinations(range(7), n)]
        all_costs = fitted(np.repeat(rho, len(splits), 0), np.repeat(weight, len(splits), 0), np.array(splits),
                           np.repeat(fit.load, len(splits), 0), k=2, moving=False).cost
        hits += split(rho, weight, fit).cost[0] <= all_costs.min() + 0.02 * abs(all_costs.min())
    assert hits >= 26


def test_a_camp_of_one_is_none():
    rho, weight = exact([0] * 5 + [1], np.full(6, 0.7), 0.1), equal_weights(6)
    alone = fitted(rho, weight, np.array([[0, 0, 0, 0, 0, 1]]), np.full((1, 6), 0.7), k=2, moving=False)
    assert np.isinf(alone.cost[0]) and gain_of([one_thing(rho, weight), alone])[0] == 0


@pytest.mark.parametrize("seed", range(4))
def test_two_camps_of_six_come_back_whole_whatever_their_severity(seed):
    found = camps_of(drawn(np.random.default_rng(seed), severity=0.5 * seed / 3), seed=seed)
    assert found.n_camps == 2 and found.p < 1e-4
    assert set(found.camp[:6]) | set(found.camp[6:]) == {1, 2} and len(set(found.camp[:6])) == len(set(found.camp[6:])) == 1


def test_camps_that_see_things_the_other_way_round_are_camps_and_not_noise():
    found = camps_of(drawn(np.random.default_rng(8), camps=(5, 4), within=0.5, across=-0.4))
    assert found.camp.tolist() == [1] * 5 + [2] * 4 and found.fit.between[0, 0, 1] < -0.5


def test_three_camps_are_numbered_by_size():
    found = camps_of(drawn(np.random.default_rng(9), camps=(3, 4, 5), items=500, within=0.6, across=0.2))
    assert found.n_camps == 3 and found.camp.tolist() == [3] * 3 + [2] * 4 + [1] * 5


@pytest.mark.parametrize("cuts", [(0.0,), (-1.5, -0.5, 0.5, 1.5)])
def test_severity_alone_makes_no_camps(cuts):
    found = [camps_of(drawn(np.random.default_rng(seed), camps=(12,), within=0.4, across=0.0, severity=1.0, cuts=cuts), seed=seed)
             for seed in range(8)]
    assert sum(answer.camp.any() for answer in found) <= 1          # a hundredth each


def test_items_that_are_not_equally_clear_make_no_camps_of_the_severe_and_the_mild():
    placed = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        clear = np.exp(rng.normal(-0.25, 0.5, (300, 1)))
        latent = 0.63 * rng.normal(size=(300, 1)) + 0.77 * clear * rng.normal(size=(300, 10))
        rows = (latent > np.linspace(-1.2, 1.2, 10)).astype(float)
        item, rater = np.indices(rows.shape)
        placed += camps_of(Panel(item.ravel(), rater.ravel(), rows.ravel(), np.arange(300)), seed=seed).camp.any()
    assert placed <= 1


def test_none_is_said_where_camps_would_show_and_cannot_tell_where_they_would_not():
    rng = np.random.default_rng(10)
    many, few = (camps_of(drawn(rng, camps=(10,), items=n, within=0.5, across=0.0)) for n in (600, 8))
    assert many.n_camps == 0 and not many.camp.any()
    assert np.isnan(few.n_camps) and not few.camp.any()


def test_two_things_that_are_nearly_one_are_no_camps_however_many_items_show_the_difference():
    found = camps_of(drawn(np.random.default_rng(19), items=4_000, within=0.6, across=0.56))
    assert found.p < 0.01 and found.n_camps == 0 and not found.camp.any()
    assert found.note.startswith("no camps: what the best two judge correlates by 0.9")


def test_raters_whose_camp_changes_between_resamples_are_not_placed():
    panel = drawn(np.random.default_rng(11), items=300, per_item=4)
    found = camps_of(panel, seed=1)
    assert ((found.camp > 0) <= (found.support >= SURE)).all()
    noise = Fit(np.array([[0] * 6 + [1] * 6]), np.full((1, 12), 0.5), np.array([[[1, 0.5], [0.5, 1]]]), np.zeros(1))
    alike = drawn(np.random.default_rng(12), camps=(12,), across=0.0)
    assert not supported(alike, noise, np.random.default_rng(0), draws=20)[0].any()


def test_the_same_seed_gives_the_same_answer_and_the_order_of_raters_does_not_matter():
    panel = drawn(np.random.default_rng(13), camps=(4, 4), items=250, within=0.6)
    one, again = camps_of(panel, seed=3), camps_of(panel, seed=3)
    assert one.camp.tolist() == again.camp.tolist() and one.p == again.p
    turned = camps_of(Panel(panel.item, 7 - panel.rater, panel.value, panel.block), seed=3)
    assert same_camps(one.camp[::-1], turned.camp)


def test_p_needs_no_more_draws_where_it_is_plain():
    rng = np.random.default_rng(14)
    panel = drawn(rng)
    score, coefficients = panel.scores(panel.observed)
    fits = grown(panel.products(score), coefficients, k=2)
    p, gains = borne_out(panel, fits, rng, draws=200, level=0.01)
    assert p < 1e-4 and len(gains) == 40 and gains.max() < gain_of(fits)[0]


def test_camps_of_one_half_of_the_items_are_seen_in_the_other_and_chance_is_not():
    late = np.arange(400) % 2 == 1
    assert repeated(drawn(np.random.default_rng(15), items=400), late, level=0.01, seed=0)
    assert not repeated(drawn(np.random.default_rng(16), camps=(12,), items=400, across=0.0), late, level=0.01, seed=0)
    two = drawn(np.random.default_rng(17), items=400)
    other = drawn(np.random.default_rng(18), camps=(12,), items=400, across=0.0)
    early = Panel(two.item, two.rater, np.where(late[two.item], other.value, two.value), two.block)
    assert not repeated(early, late, level=0.01, seed=0)
