"""What chance adds to the difference of two systems: complete tables against paired tests, planted truth, laws and undefined cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.signal.components import Design, components, jackknife

SAME = 1e-9    # one formula, two orders of operations


def planted(rng: np.random.Generator, *, item: float, rater: float, residual: float, prompt: float = 0.0, n: int = 400, k: int = 3,
            m: int = 1, paired: bool = True) -> Design:
    """Two systems on n prompts, m items each, k of twenty raters an item; `prompt` is what a prompt's items share."""
    p = np.repeat(np.arange(n), 2 * m * k)
    system = np.tile(np.repeat([0, 1], m * k), n)
    items = np.repeat(np.arange(n * 2 * m), k)
    raters = np.concatenate([rng.choice(20, k, replace=False) for _ in range(2 * m * n)])
    prompts = p if paired else p * 2 + system
    score = rng.normal(0, prompt**0.5, 2 * n)[prompts] + rng.normal(0, item**0.5, 2 * m * n)[items] + \
        rng.normal(0, rater**0.5, 20)[raters] + rng.normal(0, residual**0.5, len(items)) + system
    return Design(score, items, raters, system, prompts)


def test_a_table_by_hand() -> None:
    # systems u: 1 3 / 5 5 (prompt means 2, 5), v: 2 2 / 3 5 (2, 4). Differences 0, -1: variance .5. Within items: (2 + 0 + 0 + 2) / 4 = 1.
    # Within systems: u 1 3 5 5 about 3.5: 11; v 2 2 3 5 about 3: 6; 17 / (8 - 2). Both raters rate all: overlap 1
    score = np.array([1.0, 3, 5, 5, 2, 2, 3, 5])
    found = components(Design(score, np.repeat(np.arange(4), 2), np.tile([0, 1], 4), np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)))
    assert (found.difference, found.within, found.total) == pytest.approx((0.5, 1.0, 17 / 6))
    assert found.paired and (found.per_item, found.per_prompt, found.overlap) == pytest.approx((2, 1, 1))


@settings(max_examples=20, deadline=None)
@given(systems=st.integers(2, 5), prompts=st.integers(3, 12), seed=st.integers(0, 9999))
def test_complete_tables_give_the_mean_variance_of_the_pairs_differences(systems: int, prompts: int, seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(systems, prompts))
    pairs = [np.var(table[a] - table[b], ddof=1) for a in range(systems) for b in range(a)]
    s, p = np.indices(table.shape)
    found = components(Design(table.ravel(), np.arange(table.size), np.zeros(table.size, int), s.ravel(), p.ravel()))
    assert found.difference == pytest.approx(np.mean(pairs), rel=SAME)
    alone = components(Design(table.ravel(), np.arange(table.size), np.zeros(table.size, int), s.ravel(), None))
    assert alone.difference == pytest.approx(2 * table.var(axis=1, ddof=1).mean(), rel=SAME) and not alone.paired


def test_a_constant_and_reordered_ratings_change_nothing() -> None:
    d = planted(np.random.default_rng(6), item=0.8, rater=0.2, residual=0.5, n=30)
    order = np.random.default_rng(7).permutation(len(d.score))
    moved = Design(d.score[order] + 5, d.item[order], d.rater[order] * 3, d.stratum[order], d.prompt[order])
    one, other = ((c.difference, c.within, c.total, c.overlap) for c in (components(d), components(moved)))
    assert one == pytest.approx(other)


def test_the_difference_has_the_variance_that_is_claimed() -> None:
    rng, differences, claimed = np.random.default_rng(5), [], []
    for paired in (True, False) * 150:
        d = planted(rng, item=0.3, rater=0.1, residual=0.5, prompt=0.5, n=40, m=2, paired=paired)
        claimed.append((components(d).difference / 40, d.score[d.stratum == 1].mean() - d.score[d.stratum == 0].mean()))
    for kind in (0, 1):   # paired; two samples, where the items of a prompt count as one to the extent that they are alike
        told, seen = np.array(claimed[kind::2]).T
        assert np.var(seen) == pytest.approx(told.mean(), rel=0.35)   # variance of 150 draws: standard error 12 %


def test_common_raters_are_counted() -> None:
    # three prompts, two systems, raters a b | a b: all in common; a b | a c: half; a b | c d: none -> mean 1/2
    item, prompt = np.repeat(np.arange(6), 2), np.repeat([0, 0, 1, 1, 2, 2], 2)
    rater = np.array([0, 1, 0, 1, 0, 1, 0, 2, 0, 1, 2, 3])
    found = components(Design(np.arange(12.0), item, rater, np.tile([0, 0, 1, 1], 3), prompt))
    assert found.overlap == pytest.approx(0.5)


def test_items_rated_once_are_said() -> None:
    scores = np.array([1.0, 2.0, 4.0, 5.0])
    found = components(Design(scores, np.arange(4), np.array([0, 1, 0, 1]), np.zeros(4, int), None))
    assert "items are rated once" in found.note and np.isnan(found.within)
    assert found.total == pytest.approx(scores.var(ddof=1)) and found.difference == pytest.approx(2 * scores.var(ddof=1))


def test_one_rating_says_nothing() -> None:
    found = components(Design(np.array([1.0]), np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), None))
    assert np.isnan(found.total) and found.note == "too few items of one system"


def test_pairing_needs_half_the_items_to_have_a_partner() -> None:
    rng = np.random.default_rng(8)
    assert components(planted(rng, item=0.3, rater=0.1, residual=0.5, prompt=0.5, n=30)).paired
    assert not components(planted(rng, item=0.3, rater=0.1, residual=0.5, prompt=0.5, n=30, paired=False)).paired


def test_a_jackknife_interval_covers_the_truth_about_as_often_as_claimed() -> None:
    from scipy.special import stdtrit

    rng, covered, truth = np.random.default_rng(9), 0, 2 * (0.8 + 0.5 / 3)
    for seed in range(200):
        d = planted(rng, item=0.8, rater=0.0, residual=0.5, n=60)
        se, df = jackknife(d, seed)
        covered += abs(np.log(components(d).difference / truth)) <= stdtrit(df, 0.975) * se
    assert covered >= 178    # 95 % of 200 is 190; fewer than 178 would have probability below 0.05 %


def test_two_prompts_have_no_jackknife_interval() -> None:
    d = planted(np.random.default_rng(1), item=1.0, rater=0.1, residual=0.5, n=2)
    assert np.isnan(jackknife(d, 0)[0])
