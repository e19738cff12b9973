from __future__ import annotations

from statistics import mean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.agreement.vote import leading, means, shares, teaching, with_majority

EXACT = 1e-12   # sums of a handful of numbers
PRINTED = 1e-7  # seven digits recorded from crowd-kit

# Twelve items, five raters, levels a, b, c, no tied majority.
PANEL = ["aab-a", "bbbab", "ccacc", "a-aab", "bcbb-", "cccac", "aabaa", "bb-bc", "cacca", "-bbab", "accc-", "abaaa"]


def coded(panel=PANEL):
    """Codes of item, rater and level of a panel of words, one an item, '-' for a gap."""
    rows = [(i, j, "abc".index(level)) for i, word in enumerate(panel) for j, level in enumerate(word) if level != "-"]
    return tuple(map(np.array, zip(*rows)))


def test_shares_of_ratings_and_of_weights():
    # One item, ratings a a b: 2/3, 1/3. With weights 1, 1, 3: a has 2/5, b 3/5.
    item, level = np.zeros(3, dtype=int), np.array([0, 0, 1])
    assert shares(item, level, 1, 2) == pytest.approx(np.array([[2 / 3, 1 / 3]]), abs=EXACT)
    assert shares(item, level, 1, 2, np.array([1.0, 1, 3])) == pytest.approx(np.array([[2 / 5, 3 / 5]]), abs=EXACT)


def test_a_tied_majority_counts_in_parts():
    # Item 0: a a b, majority a; item 1: a b, a tie. Rater 0: a, a -> (1 + 1/2) / 2; rater 1: a, b -> the same; rater 2: b -> 0.
    item, rater, level = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]), np.array([0, 0, 1, 0, 1])
    share = shares(item, level, 2, 2)
    assert leading(share).tolist() == [[True, False], [True, True]]
    assert with_majority(item, rater, level, share, 3) == pytest.approx([0.75, 0.75, 0], abs=EXACT)


def test_ratings_chosen_in_view_of_others_teach_less_and_all_together_as_much():
    # 4 ratings, 2 of them chosen: (2 / 4)^(1/4); 2 planned ones: 1; one chosen where nothing was planned: 1. Of 7 ratings
    # 4 * 0.5^(1/4) + 2 + 1 = 6.363586: times 7 / 6.363586 = 1.100009.
    found = teaching(np.array([4, 2, 1]), np.array([2, 0, 1]))
    assert found == pytest.approx([1.100009 * 0.840896, 1.100009, 1.100009], abs=1e-5)
    assert found @ [4, 2, 1] == pytest.approx(7, abs=EXACT)
    assert teaching(np.array([4, 2]), np.array([0, 0])) is None


def test_weighted_shares_are_those_of_crowd_kit():
    # Wawa of crowd-kit 1.4.2 on the same panel: skills and posteriors.
    item, rater, level = coded()
    skill = with_majority(item, rater, level, shares(item, level, 12, 3), 5)
    assert skill == pytest.approx([0.9090909, 0.7272727, 0.7272727, 0.7272727, 0.7], abs=PRINTED)
    expected = [[0.7626113, 0.2373887, 0], [0.1918465, 0.8081535, 0], [0.1918465, 0, 0.8081535], [0.7715134, 0.2284866, 0],
                [0, 0.7647059, 0.2352941], [0.1918465, 0, 0.8081535], [0.8081535, 0.1918465, 0], [0, 0.7715134, 0.2284866],
                [0.3764988, 0, 0.6235012], [0.2523659, 0.7476341, 0], [0.2941176, 0, 0.7058824], [0.8081535, 0.1918465, 0]]
    assert shares(item, level, 12, 3, skill[rater]) == pytest.approx(np.array(expected), abs=PRINTED)


def test_means_and_errors_are_the_textbook_ones_and_a_lone_rating_has_no_error():
    item, score = np.array([0, 0, 0, 1]), np.array([1.0, 2, 6, 4])
    value, error = means(item, score, np.ones(4), 2)
    assert value == pytest.approx([mean([1, 2, 6]), 4], abs=EXACT)
    assert error[0] == pytest.approx(stdev([1, 2, 6]) / 3**0.5, abs=EXACT) and np.isnan(error[1])


def test_equal_scores_have_no_error_whatever_the_weights_round_to():
    # weights in another order of raters gave 3.0000000000000004, and an interval of 1e-15 about it
    generator = np.random.default_rng(0)
    item, weight = np.repeat(np.arange(200), 5), generator.random(1000)
    assert (means(item, np.repeat(generator.integers(1, 8, 200) / 3, 5), weight, 200)[1] == 0).all()
    apart = means(np.zeros(3, dtype=int), 1e9 + np.array([1.0, 2, 3]), np.ones(3), 1)[1]
    assert apart == pytest.approx([1 / 3**0.5], rel=1e-6)


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=8), st.permutations(range(3)))
def test_names_of_levels_do_not_matter_and_shares_sum_to_one(panel, order):
    item, rater, level = coded(panel)
    n, m = len(panel), int(rater.max()) + 1
    share = shares(item, level, n, 3)
    assert share.sum(axis=1) == pytest.approx(np.ones(n), abs=EXACT)
    renamed = np.array(order)[level]
    moved = shares(item, renamed, n, 3)
    assert moved[:, order] == pytest.approx(share, abs=EXACT)
    skill = with_majority(item, rater, level, share, m)
    assert with_majority(item, rater, renamed, moved, m) == pytest.approx(skill, abs=EXACT)
    # every item has a rater with some weight, so that its weighted shares are defined
    assert (np.bincount(item, skill[rater], n) > 0).all()
