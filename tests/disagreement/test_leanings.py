"""Patterns of residuals: who rates which items higher or lower than usual."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.disagreement.camps_scores import Panel
from workbench.disagreement.leanings import (
    Path, Residuals, errors, leanings, main_direction, means, one_thing, residuals, upper_share)

CLOSE = 1e-9
CUTS = [-1.5, -0.5, 0.5, 1.5]
NEAR = 0.06        # loads of 300 items; their standard error is about 0.03


def panel_of(seed, *, size=0.0, n=300, raters=10, k=10, noise=0.7):
    """Ratings on five levels; on the first third of the items even raters rate `size` higher and odd ones lower."""
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(raters) % 2 == 0, size, -size)
    latent = rng.normal(size=(n, 1)) + rng.normal(0, 0.5, raters) + noise * rng.normal(size=(n, raters))
    latent += (np.arange(n) < n / 3)[:, None] * side
    kept = rng.random((n, raters)).argsort(axis=1) < k
    item, rater = np.nonzero(kept)
    return Panel(item, rater, np.digitize(latent, CUTS)[item, rater].astype(float), np.arange(n))


def test_items_lie_with_the_nearest_centre_as_a_loop_finds_it():
    rng, panel = np.random.default_rng(0), panel_of(0, n=30, k=4)
    x, centre = rng.normal(size=len(panel.item)), rng.normal(size=(3, 10))
    group, saved = Residuals(panel, x).placed(centre)
    for i in range(30):
        mine = panel.item == i
        cost = [((x[mine] - c[panel.rater[mine]]) ** 2).sum() for c in centre]
        assert group[i] == np.argmin(cost) - 1
        assert saved[i] == pytest.approx((x[mine] ** 2).sum() - min(cost), abs=CLOSE)


def test_centres_and_their_errors_are_means_of_each_raters_residuals():
    rng, panel = np.random.default_rng(1), panel_of(1, n=40, k=5)
    x, group = rng.normal(size=len(panel.item)), np.arange(40) % 3 - 1
    own, error = Residuals(panel, x), errors(panel, x, group, 2)
    for k in range(2):
        centre = own.mean(group == k)
        for r in range(10):
            mine = x[(group[panel.item] == k) & (panel.rater == r)]
            assert centre[r] == pytest.approx(mine.mean(), abs=CLOSE)
            assert error[k, r] == pytest.approx(mine.std(ddof=1) / len(mine) ** 0.5, abs=CLOSE)


def test_what_groups_leave_is_the_residual_less_the_centre_of_its_items_group():
    rng, panel = np.random.default_rng(10), panel_of(10, n=20, k=3)
    x, centre = rng.normal(size=len(panel.item)) * (panel.item != 4), rng.normal(size=(2, 10))
    own = Residuals(panel, x)
    rest, seen = own.left_by(centre)
    group = own.placed(centre)[0]
    assert rest == pytest.approx(np.where(panel.item != 4, x - centre[group[panel.item] + 1, panel.rater], 0), abs=CLOSE)
    assert seen.tolist() == (panel.item != 4).tolist()


@pytest.mark.parametrize("k", [3, 10])
def test_products_of_raters_are_those_of_the_items_they_share(k):
    rng, panel = np.random.default_rng(12), panel_of(12, n=20, k=k)
    x, table = rng.normal(size=len(panel.item)), np.zeros((20, 10))
    table[panel.item, panel.rater] = x
    off = ~np.eye(10, dtype=bool)
    assert panel.crossed(x)[off] == pytest.approx((table.T @ table)[off], abs=CLOSE)


def test_a_path_asked_for_two_groups_at_once_finds_those_asked_for_one_by_one():
    panel = panel_of(11, size=1.2)
    x = residuals(panel, panel.scores(panel.observed)[0][0], np.full(10, 0.8))
    once, twice = Path(panel, x), Path(panel, x)
    twice.to(1)
    assert (once.to(2) == twice.to(2)).all() and once.gain(2) == twice.gain(2) >= 0
    saved = once.own.placed(once.to(1))[1].sum()
    assert once.gain(1) == pytest.approx(saved / (x @ x), abs=CLOSE)


def test_means_are_those_of_each_code():
    assert means(np.array([0, 2, 0, 2]), np.array([1.0, 5.0, 2.0, 7.0])).tolist() == [1.5, 6, 1.5, 6]


def test_loads_of_one_thing_are_those_planted():
    panel = panel_of(2)
    fit = one_thing(panel, *panel.scores(panel.observed))
    assert np.abs(fit.load[0] - 1 / (1 + 0.7**2) ** 0.5).mean() < NEAR     # thing of variance 1, noise of variance 0.49


def test_residuals_leave_out_items_of_fewer_than_three_ratings():
    panel = panel_of(3, n=60, k=2)
    score, _ = panel.scores(panel.observed)
    assert not residuals(panel, score[0], np.full(10, 0.8)).any()


def test_the_main_direction_is_that_of_the_planted_sides():
    panel = panel_of(4, size=1.0)
    score, _ = panel.scores(panel.observed)
    own = Residuals(panel, residuals(panel, score[0], np.full(10, 0.8)))
    way = main_direction(panel, own.left_by(np.zeros((1, 10))))
    assert len(set(np.sign(way[::2]))) == len(set(np.sign(way[1::2]))) == 1
    assert np.sign(way[0]) != np.sign(way[1])


def test_a_gain_among_those_drawn_has_a_p_in_the_middle_and_one_far_above_has_none():
    gains = np.random.default_rng(5).gamma(4, size=199)
    assert upper_share(float(np.median(gains)), gains) == pytest.approx(0.5, abs=0.1)
    assert upper_share(40.0, gains) < 1e-4


def test_planted_sides_are_one_group_with_its_raters_on_either_side():
    found = leanings(panel_of(6, size=1.2), np.arange(300) % 2 == 0, min_size=10, level=0.01, seed=0)
    assert len(found.centre) == 1 and found.p < 1e-6 and found.again[0] and found.stability[0] > 0.8
    assert (found.centre[0, ::2] > 0).all() and (found.centre[0, 1::2] < 0).all()
    inside = found.group[:100] == 0
    assert inside.mean() > 0.8 and (found.group[100:] == 0).mean() < 0.1


@pytest.mark.parametrize("panel", [panel_of(7), panel_of(8, k=4), panel_of(9, noise=1.2)])
def test_without_sides_no_item_is_in_a_group(panel):
    found = leanings(panel, np.arange(300) % 2 == 0, min_size=10, level=0.01, seed=0)
    assert (found.group == -1).all() and len(found.centre) == 0
    assert found.p > 0.01
