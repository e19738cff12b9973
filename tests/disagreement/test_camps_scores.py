"""Scores of levels, correlations of the opinions behind them, and ratings cut as raters cut."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from workbench.disagreement import camps_scores
from workbench.disagreement.camps_scores import POWERS, Panel, cleared, working

EXACT = 1e-10     # sums in another order
SERIES = 0.005    # ten terms of Mehler's series at correlations up to .6
DRAWN = 0.02      # two standard errors of a correlation from 20,000 items


def panel(rng, *, items, per_item, raters=6, rho=0.4, cuts=(-1.0, 0.0, 0.7), severity=0.0, prompts=1, shared=0.0):
    """Ratings of one thing; each rater correlates with it by sqrt(rho), `shared` of all variance lies in the prompt."""
    block = np.arange(items) // prompts
    thing, error = rng.normal(size=items), rng.normal(size=(items, raters))
    if shared:
        thing = (1 - shared) ** 0.5 * thing + shared**0.5 * rng.normal(size=items)[block]
        error = (1 - shared) ** 0.5 * error + shared**0.5 * rng.normal(size=(items, raters))[block]
    latent = rho**0.5 * thing[:, None] + (1 - rho) ** 0.5 * error
    level = (latent[:, :, None] > np.array(cuts) + severity * np.linspace(-1, 1, raters)[:, None]).sum(axis=2)
    item, rater = np.nonzero(rng.random((items, raters)).argsort(axis=1) < per_item)
    return Panel(item, rater, level[item, rater].astype(float), block)


def of_rows(*rows):
    """A panel of complete rows of raters over items."""
    rater, item = np.indices(np.shape(rows))
    return Panel(item.ravel(), rater.ravel(), np.ravel(rows).astype(float), np.arange(len(rows[0])))


def test_two_levels_used_equally_score_one_below_and_one_above_zero():
    # mean opinion above 0 is sqrt(2/pi) = a_1; of variance 1 after division, so the scores are -1 and 1; a_2 = 0 by symmetry
    found = of_rows([0, 0, 1, 1], [1, 0, 1, 0])
    score, coefficients = found.scores(found.observed)
    assert score[0] == pytest.approx([-1, -1, 1, 1, 1, -1, 1, -1], abs=EXACT)
    assert coefficients[0, 0, :2] == pytest.approx([(2 / np.pi) ** 0.5, 0], abs=EXACT)


def test_the_series_is_the_arcsine_law_where_both_raters_halve_the_opinions():
    found = of_rows([0, 0, 1, 1], [1, 0, 1, 0])
    a = found.scores(found.observed)[1][0, 0]
    for r in (0.2, 0.4, 0.6):
        assert (a * a * r ** np.arange(1, len(a) + 1)).sum() == pytest.approx(2 / np.pi * np.arcsin(r), abs=SERIES)


def test_the_series_is_the_integral_over_two_normal_opinions_for_unequal_cuts():
    found = of_rows([0, 0, 0, 1, 2], [0, 1, 2, 2, 2])     # cuts at shares 3/5, 4/5 and at 1/5, 2/5
    score, coefficients = found.scores(found.observed)
    levels = [dict(zip(row, s)) for row, s in (([0, 0, 0, 1, 2], score[0, :5]), ([0, 1, 2, 2, 2], score[0, 5:]))]
    edges = [norm.ppf([0, 0.6, 0.8, 1]).clip(-9, 9), norm.ppf([0, 0.2, 0.4, 1]).clip(-9, 9)]
    both = multivariate_normal(cov=[[1, 0.5], [0.5, 1]])
    box = [[both.cdf([edges[0][i + 1], edges[1][j + 1]], lower_limit=[edges[0][i], edges[1][j]]) for j in range(3)] for i in range(3)]
    truth = sum(box[i][j] * levels[0][i] * levels[1][j] for i in range(3) for j in range(3))
    assert (coefficients[0, 0] * coefficients[0, 1] * 0.5 ** np.arange(1, 11)).sum() == pytest.approx(truth, abs=SERIES)


@pytest.mark.parametrize("per_item", [6, 3])
def test_severity_moves_the_correlation_of_levels_and_not_that_of_opinions(per_item):
    drawn = panel(np.random.default_rng(1), items=20_000 * 6 // per_item, per_item=per_item, severity=1.2)
    score, coefficients = drawn.scores(drawn.observed)
    rho, weight, _ = working(drawn.products(score), coefficients, np.full((1, 6), 0.55))
    assert rho[0][~np.eye(6, dtype=bool)] == pytest.approx(0.4, abs=2 * DRAWN)
    both, _, n, *_ = drawn.products(score)
    assert both[0, 0, 5] / n[0, 0, 5] < 0.3                     # the levels of the mildest and the severest correlate less
    assert np.allclose(weight, weight.swapaxes(1, 2)) and not weight[0].diagonal().any()


@pytest.mark.parametrize("per_item", [4, 1])
def test_products_are_those_of_a_loop_over_the_items_two_raters_share(per_item):
    rng = np.random.default_rng(2)
    drawn = panel(rng, items=30, per_item=per_item)            # complete enough for one table, and not
    score, weight = drawn.scores(drawn.observed)[0], rng.integers(0, 3, (2, 30)).astype(float)
    held = {(i, r): s for i, r, s in zip(drawn.item, drawn.rater, score[0])}
    for d, found in enumerate(zip(*drawn.products(score, weight))):
        for a in range(6):
            for b in range(6):
                if a == b:      # the diagonal is nobody's
                    continue
                shared = [(weight[d, i], held[i, a], held[i, b]) for i in range(30) if (i, a) in held and (i, b) in held]
                expected = [sum(w * (x**i * y**j + x**j * y**i) / 2 for w, x, y in shared) for i, j in POWERS]
                assert [x[a, b] for x in found] == pytest.approx(expected, abs=EXACT)


def test_opinions_are_cut_into_levels_as_often_as_the_rater_used_them():
    drawn = panel(np.random.default_rng(3), items=4_000, per_item=4, severity=1.0)
    fresh = drawn.cut(np.random.default_rng(4).normal(size=(1, len(drawn.item))))[0]
    before, after = (np.bincount(codes, minlength=24) / len(codes) for codes in (drawn.observed[0], fresh))
    assert after == pytest.approx(before, abs=DRAWN / 2)


def test_pairs_of_levels_counted_give_the_products_that_ratings_multiplied_out_give(monkeypatch):
    rng = np.random.default_rng(11)
    drawn = panel(rng, items=900, per_item=2, raters=10)
    codes = drawn.cut(rng.normal(size=(3, len(drawn.item))))
    apart = 1 - np.eye(10)      # the diagonal is nobody's
    monkeypatch.setattr(camps_scores, "COUNTED", 2)
    assert not drawn._dense and drawn._groups[1].size ** 2 <= 2 * len(drawn._pairs[0])     # so that they are counted
    for group, weight in ((codes, None), (drawn.observed, rng.integers(0, 3, (2, 900)).astype(float))):
        score, coefficients = drawn.scores(group)
        found, beside = drawn.moments(group, weight)
        np.testing.assert_array_equal(beside, coefficients)
        for one, other in zip(found, drawn.products(score, weight)):
            np.testing.assert_allclose(one * apart, np.broadcast_to(other * apart, one.shape), rtol=0, atol=1e-9)


def test_a_search_among_many_bounds_cuts_as_comparing_with_each_does(monkeypatch):
    rng = np.random.default_rng(12)
    drawn = panel(rng, items=200, per_item=3, severity=1.5)
    opinion = rng.normal(size=(4, len(drawn.item)))
    compared = drawn.cut(opinion)
    monkeypatch.setattr(camps_scores, "FEW", 1)
    np.testing.assert_array_equal(compared, drawn.cut(opinion))


def test_what_items_of_a_prompt_have_in_common_is_found_and_is_nothing_without_prompts():
    rng = np.random.default_rng(5)
    thing, own = panel(rng, items=6_000, per_item=6, prompts=5, shared=0.5).shared_in_blocks
    assert thing == pytest.approx(0.5, abs=0.06)
    assert 0.3 < own < 0.55      # of the levels, not the opinions: cutting adds to what is each item's own
    assert max(panel(rng, items=6_000, per_item=6, prompts=5).shared_in_blocks) < 0.03
    assert panel(rng, items=60, per_item=6).shared_in_blocks == (0.0, 0.0)


def test_a_part_of_the_items_keeps_the_raters_who_there_leave_their_commonest_level_five_times():
    rated = {0: [1] * 6 + [0] * 5, 1: [1] * 7 + [0] * 4, 2: [2, 2, 2, 3, 3, 3, 4, 4, 1, 1, 1]}
    found = of_rows(*rated.values())
    part, who = found.narrowed(np.ones(11, dtype=bool))
    assert who.tolist() == [0, 2] and part.n_raters == 2
    assert part.value.tolist() == rated[0] + rated[2] and part.item.tolist() == list(range(11)) * 2
    some, who = found.narrowed(np.arange(11) >= 1, keep=np.array([False, True, True]))
    assert who.tolist() == [2] and some.item.tolist() == list(range(10)) and some.value.tolist() == rated[2][1:]


def test_what_items_of_unequal_clarity_add_to_correlations_is_taken_off_and_nothing_else():
    rng = np.random.default_rng(7)
    u, load = rng.normal(0, 0.4, 10), np.full((1, 10), 0.6)
    model, weight = load[:, :, None] * load[:, None, :], 200.0 * (1 - np.eye(10))[None]
    other = np.stack([np.outer(u, u), np.outer(np.ones(10), u) + np.outer(u, np.ones(10)), np.outer(u**2, u**2)])[None]
    off = ~np.eye(10, dtype=bool)
    assert cleared(model + 0.3 * other[:, 0], weight, model, other)[0][off] == pytest.approx(model[0][off], abs=0.01)
    assert cleared(model, weight, model, other)[0][off] == pytest.approx(model[0][off], abs=EXACT)
    assert cleared(model + 0.1, weight, model, 0 * other)[0][off] == pytest.approx(model[0][off] + 0.1, abs=EXACT)
