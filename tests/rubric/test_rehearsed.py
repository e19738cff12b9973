"""Counts of levels by system and prompt, kept in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workbench.rubric.rehearsed import FEWEST_GROUPS, Placed, Tally, composite, own_shares, paired_shares, shares_of
from workbench.rubric.standing import linked

CLOSE = 1e-9


def cells_of(seed, *, prompts=12, systems=3, levels=4, gaps=0.3):
    """Shares of levels of systems on prompts, a part missing, and which are there."""
    rng = np.random.default_rng(seed)
    cells, seen = rng.dirichlet(np.ones(levels), (prompts, systems)), rng.random((prompts, systems)) >= gaps
    seen[~seen.any(axis=1), 0] = True
    return np.where(seen[:, :, None], cells, np.nan), seen


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_paired_shares_are_least_squares_on_prompt_and_system(seed):
    cells, seen = cells_of(seed)
    assume(linked(seen))
    prompt, system = np.nonzero(seen)
    design = np.column_stack([prompt[:, None] == np.arange(12), system[:, None] == np.arange(3)]).astype(float)
    for level in range(4):
        solved = np.linalg.lstsq(design, cells[seen][:, level], rcond=None)[0]
        assert paired_shares(cells, seen)[0][:, level] == pytest.approx(solved[:12].mean() + solved[12:], abs=CLOSE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([paired_shares, own_shares]))
def test_shares_sum_to_1_and_prompts_add_nothing_on_the_whole(seed, shares):
    cells, seen = cells_of(seed)
    assume(linked(seen))
    value, influence = shares(cells, seen)
    assert value.sum(axis=1) == pytest.approx(1, abs=CLOSE)
    assert influence.sum(axis=2) == pytest.approx(0, abs=CLOSE) and influence.sum(axis=0) == pytest.approx(0, abs=CLOSE)


def test_with_every_system_on_every_prompt_shares_are_plain_means():
    cells, seen = cells_of(1, gaps=0.0)
    assert paired_shares(cells, seen)[0] == pytest.approx(cells.mean(axis=0), abs=CLOSE)
    assert paired_shares(cells, seen)[1] == pytest.approx((cells - cells.mean(axis=0)) / 12, abs=CLOSE)


def test_many_prompts_are_drawn_together_without_moving_values_and_hardly_the_error():
    rng = np.random.default_rng(2)
    prompt, system = map(np.ravel, np.indices((6_000, 2)))
    own = Tally(prompt, system, rng.integers(0, 4, (12_000, 3)) + np.eye(3)[system])
    alone, together = (shares_of(own, (0, 1, 2), group, "") for group in (np.arange(6_000), rng.permutation(6_000) % FEWEST_GROUPS))
    assert together.level == pytest.approx(alone.level, abs=CLOSE) and len(together.influence) == FEWEST_GROUPS
    spread = [np.sqrt((part.influence**2).sum(axis=0)) for part in (alone, together)]
    assert spread[1] == pytest.approx(spread[0], rel=0.25)          # an error from 200 groups is 5 % off, five times that hardly ever


def test_a_system_all_of_whose_ratings_are_dropped_is_gone():
    prompt, system = map(np.ravel, np.indices((5, 3)))
    counts = np.column_stack([system != 2, np.ones(15)]).astype(float)
    assert shares_of(Tally(prompt, system, counts), (0,), np.arange(5), "").systems.tolist() == [0, 1]
    assert shares_of(Tally(prompt, system, counts * (system == 2)[:, None]), (0, 1), np.arange(5), "").startswith("only one system")


def test_a_composite_is_the_weighted_mean_on_common_systems():
    one = Placed(np.array([0.2, 0.4, 0.9]), np.array([[0.1, 0, -0.1], [-0.1, 0, 0.1]]), np.array([0, 1]), np.array([0, 1, 2]),
                 np.array([1, 1, 1]), "")
    other = Placed(np.array([0.6, 0.1]), np.array([[0.3, 0], [-0.3, 0]]), np.array([1, 2]), np.array([0, 2]), np.array([4, 4]), "")
    both = composite({"a": one, "b": other}, {"a": 1.0, "b": 3.0})
    assert both.systems.tolist() == [0, 2] and both.groups.tolist() == [0, 1, 2]
    assert both.value == pytest.approx([(0.2 + 1.8) / 4, (0.9 + 0.3) / 4])
    assert both.influence == pytest.approx(np.array([[0.025, -0.025], [-0.025 + 0.225, 0.025], [-0.225, 0]]))
    assert composite({"a": one, "b": "why not"}, {"a": 1.0, "b": 0.0}).value.tolist() == one.value.tolist()
    assert composite({"a": one, "b": "why not"}, {"a": 1.0, "b": 1.0}) == "b: why not"
