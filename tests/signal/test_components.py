"""Variance components: complete tables against the analysis of variance, planted truth where there are gaps, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.signal.components import Components, Design, components, jackknife

SAME = 1e-9    # one formula, two orders of operations


def complete(table: np.ndarray) -> Design:
    """Items by raters, nothing missing, one system."""
    items, raters = table.shape
    item, rater = np.repeat(np.arange(items), raters), np.tile(np.arange(raters), items)
    return Design(table.ravel(), item, rater, np.zeros(table.size, int), None)


def planted(rng: np.random.Generator, *, item: float, rater: float, residual: float, prompt: float = 0.0, n: int = 400) -> Design:
    """Two systems on n prompts, three of twenty raters an item."""
    prompts = np.repeat(np.arange(n), 6)
    system = np.tile(np.repeat([0, 1], 3), n)
    items = prompts * 2 + system
    raters = np.concatenate([rng.choice(20, 3, replace=False) for _ in range(2 * n)])
    shared, own = rng.normal(0, prompt**0.5, n), rng.normal(0, (item - prompt) ** 0.5, 2 * n)
    noise = rng.normal(0, rater**0.5, 20)[raters] + rng.normal(0, residual**0.5, len(items))
    score = shared[prompts] + own[items] + noise + system
    return Design(score, items, raters, system, prompts)


def test_a_table_by_hand() -> None:
    # 2 items x 2 raters: 1 3 / 5 5, mean 3.5, item means 2, 5, rater means 3, 4; sums of squares: items 2(1.5^2 + 1.5^2) = 9,
    # raters 2(.5^2 + .5^2) = 1, total 6.25 + .25 + 2.25 + 2.25 = 11, rest 1: residual 1, item (9 - 1)/2 = 4, rater (1 - 1)/2 = 0
    found = components(complete(np.array([[1.0, 3.0], [5.0, 5.0]])))
    assert (found.item, found.rater, found.residual) == pytest.approx((4.0, 0.0, 1.0))
    assert found.per_item == 2 and found.difference == pytest.approx(2 * (4 + 1 / 2))


@settings(max_examples=20, deadline=None)
@given(items=st.integers(3, 12), raters=st.integers(2, 6), seed=st.integers(0, 9999))
def test_complete_tables_give_the_two_way_analysis_of_variance(items: int, raters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(items, raters)) + 2 * rng.normal(size=(items, 1)) + rng.normal(size=(1, raters))
    row, col, grand = y.mean(1, keepdims=True), y.mean(0, keepdims=True), y.mean()
    rest = ((y - row - col + grand) ** 2).sum() / ((items - 1) * (raters - 1))
    by_row, by_col = raters * row.var(ddof=1), items * col.var(ddof=1)
    found = components(complete(y))
    within_item = (rest + (by_col - rest) / items)     # = A, to which a residual with a negative rater part is cut
    assert found.residual == pytest.approx(min(rest, within_item), rel=SAME)
    if by_row >= rest and by_col >= rest:
        assert (found.item, found.rater) == pytest.approx(((by_row - rest) / raters, (by_col - rest) / items), rel=1e-6)


def test_planted_components_are_found_with_gaps_and_two_systems() -> None:
    rng = np.random.default_rng(4)
    found = [components(planted(rng, item=0.8, rater=0.2, residual=0.5, prompt=0.5)) for _ in range(12)]
    mean = np.mean([(c.item, c.rater, c.residual, c.prompt) for c in found], axis=0)
    assert mean == pytest.approx((0.8, 0.2, 0.5, 0.5), abs=0.06)   # 3 standard errors of the rater component of 20 raters
    assert all(c.paired for c in found)


def test_the_difference_has_the_variance_that_is_claimed() -> None:
    rng, differences, claimed = np.random.default_rng(5), [], []
    for _ in range(200):
        d = planted(rng, item=0.8, rater=0.1, residual=0.5, prompt=0.5, n=40)
        differences.append(d.score[d.stratum == 1].mean() - d.score[d.stratum == 0].mean())
        claimed.append(components(d).difference / 40)
    assert np.var(differences) == pytest.approx(np.mean(claimed), rel=0.25)   # variance of 200 draws: standard error 10 %


def test_a_constant_and_reordered_ratings_change_nothing() -> None:
    d = planted(np.random.default_rng(6), item=0.8, rater=0.2, residual=0.5, n=30)
    order = np.random.default_rng(7).permutation(len(d.score))
    moved = Design(d.score[order] + 5, d.item[order], d.rater[order][:] * 3, d.stratum[order], d.prompt[order])
    one, other = ((c.item, c.rater, c.residual, c.prompt) for c in (components(d), components(moved)))
    assert one == pytest.approx(other)


def test_items_rated_once_are_said_and_add_up() -> None:
    scores = np.array([1.0, 2.0, 4.0, 5.0])
    found = components(Design(scores, np.arange(4), np.array([0, 1, 0, 1]), np.zeros(4, int), None))
    assert "items are rated once" in found.note
    assert found.total == pytest.approx(scores.var(ddof=1)) and found.difference == pytest.approx(2 * scores.var(ddof=1))


def test_raters_who_rate_once_are_said() -> None:
    found = components(Design(np.array([1.0, 2, 4, 5]), np.array([0, 0, 1, 1]), np.arange(4), np.zeros(4, int), None))
    assert "raters rate once" in found.note and found.residual == pytest.approx(0.5)


def test_one_rating_says_nothing() -> None:
    found = components(Design(np.array([1.0]), np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), None))
    assert np.isnan(found.total) and found.note == "too few ratings of one system"


def test_pairing_needs_half_the_items_to_have_a_partner() -> None:
    d = planted(np.random.default_rng(8), item=0.8, rater=0.1, residual=0.5, prompt=0.5, n=30)
    alone = Design(d.score, d.item, d.rater, d.stratum, d.item)    # every item its own prompt
    assert not components(alone).paired and components(alone).prompt == 0


def test_a_jackknife_interval_covers_the_truth_about_as_often_as_claimed() -> None:
    from scipy.special import stdtrit

    rng, covered, truth = np.random.default_rng(9), 0, Components(0.8, 0.0, 0.1, 0.5, 3.0, False).difference
    for seed in range(40):
        d = planted(rng, item=0.8, rater=0.1, residual=0.5, n=60)
        se, df = jackknife(d, lambda part: components(part).difference, seed)
        covered += abs(np.log(components(d).difference / truth)) <= stdtrit(df, 0.975) * se
    assert covered >= 33    # 95 % of 40 is 38; at most 32 would have probability below 0.1 %


def test_several_items_of_a_system_on_one_prompt_count_for_what_they_tell() -> None:
    # two systems on 40 prompts of their own, 5 items a prompt: an item mean varies by 0.4 + 0.3 + 0.6 / 2 and shares 0.4 with its
    # prompt's others, so the difference of the means has variance 2 (1.0 + 4 x 0.4) / 200; paired the shared part cancels
    rng, differences, told = np.random.default_rng(7), [], {False: [], True: []}
    for paired in (False, True) * 150:
        prompt = np.repeat(np.arange(80), 5)
        shared = rng.normal(0, 0.4**0.5, 80)[prompt % 40 if paired else prompt]
        item = shared + rng.normal(0, 0.3**0.5, 400)
        score = item[:, None] + rng.normal(0, 0.6**0.5, (400, 2))
        design = Design(score.ravel(), np.repeat(np.arange(400), 2), rng.integers(0, 50, 800), np.repeat([0, 1], 400),
                        np.repeat(prompt % 40 if paired else prompt, 2))
        told[paired].append(components(design).difference)
        differences += [] if paired else [score[200:].mean() - score[:200].mean()]
    assert np.mean(told[False]) == pytest.approx(2 * (1.0 + 4 * 0.4), rel=0.08)
    assert np.mean(told[False]) == pytest.approx(200 * np.var(differences), rel=0.3)
    assert np.mean(told[True]) == pytest.approx(2 * (0.3 + 0.3), rel=0.25)
