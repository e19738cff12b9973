"""Strengths by preferences."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize

from workbench.rubric.preferred import NO_ORDER, ORDER, davidson, preference_standing

CLOSE = 1e-8
MINIMISED = 1e-4     # of a general minimiser


def duels(seed, strength, n, *, order=0.3, tie=-0.5, prompts=100):
    """Comparisons by Davidson's model: codes, results, and who was shown first."""
    rng, k = np.random.default_rng(seed), len(strength)
    first = rng.integers(k, size=n)
    second, shown = (first + 1 + rng.integers(k - 1, size=n)) % k, rng.choice([1, -1], n)
    gap = strength[first] - strength[second] + order * shown
    weight = np.exp(np.column_stack([gap / 2, -gap / 2, np.full(n, tie)]))
    drawn = (rng.random((n, 1)) > (weight / weight.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    return first, second, np.array([1, -1, 0])[drawn], shown, rng.integers(prompts, size=n)


def ratings(first, second, result, shown, prompt):
    name = np.array([f"s{i}" for i in range(max(first.max(), second.max()) + 1)])
    return pd.DataFrame({"item_id": np.arange(len(first)), "rater_id": "r", "prompt": prompt, "system": name[first],
                         "system_b": name[second], "label": pd.Series(result).map({1: "A", -1: "B", 0: "tie"}),
                         "shown_first": np.where(shown > 0, name[first], name[second])})


def test_two_systems_by_hand():
    # A wins 3, B wins 1, 2 ties: shares are fitted exactly, odds 3 : 1, tie over the root of both 2 / sqrt(3)
    result = np.array([1, 1, 1, -1, 0, 0])
    fit = davidson(np.zeros(6, int), np.ones(6, int), result, np.zeros(6, int), 2, ordered=False)
    assert fit.theta[0] - fit.theta[1] == pytest.approx(math.log(3), abs=CLOSE)
    assert fit.theta[2] == pytest.approx(math.log(2 / math.sqrt(3)), abs=CLOSE) and not fit.separated


def test_without_ties_it_is_statsmodels_logit_with_its_robust_errors():
    first, second, result, shown, _ = duels(0, np.array([1.0, 0.4, 0, -0.7]), 1500, tie=-50)
    fit = davidson(first, second, result, shown, 4, ordered=True)
    design = np.eye(4)[first] - np.eye(4)[second]
    logit = sm.Logit((result > 0).astype(int), np.column_stack([design[:, :3], shown])).fit(disp=0, cov_type="HC0")
    centre = np.eye(4)[:, :3] - 0.25
    assert fit.theta == pytest.approx(np.r_[centre @ logit.params[:3], logit.params[3]], abs=CLOSE)
    errors = np.sqrt(np.r_[np.diag(centre @ logit.cov_params()[:3, :3] @ centre.T), logit.cov_params()[3, 3]])
    assert np.sqrt((fit.influence**2).sum(axis=0)) == pytest.approx(errors, abs=CLOSE)


def test_with_ties_it_is_the_maximum_of_the_likelihood_written_out():
    first, second, result, shown, _ = duels(1, np.array([0.8, 0, -0.8]), 600)
    fit = davidson(first, second, result, shown, 3, ordered=True)

    def loss(x):
        strength = np.r_[x[:2], -x[:2].sum()]
        gap = strength[first] - strength[second] + x[3] * shown
        logs = np.stack([gap / 2, -gap / 2, np.full(len(gap), x[2])])
        return (np.log(np.exp(logs).sum(axis=0)) - logs[np.select([result == 1, result == -1], [0, 1], 2), np.arange(len(gap))]).sum()

    assert fit.theta[[0, 1, 3, 4]] == pytest.approx(minimize(loss, np.zeros(4)).x, abs=MINIMISED)


def test_naming_the_sides_the_other_way_changes_nothing():
    first, second, result, shown, prompt = duels(2, np.array([0.5, 0, -0.5]), 300)
    one = preference_standing(ratings(first, second, result, shown, prompt))
    other = preference_standing(ratings(second, first, -result, -shown, prompt))
    assert other.value == pytest.approx(one.value, abs=CLOSE) and other.covariance == pytest.approx(one.covariance, abs=CLOSE)


def test_the_planted_order_effect_is_found_and_stands_by_itself():
    strength = np.array([0.5, 0, -0.5])
    found = preference_standing(ratings(*duels(3, strength, 4000, order=0.6, prompts=500)))
    se = np.sqrt(np.diag(found.covariance))
    assert found.systems.tolist() == ["s0", "s1", "s2", ORDER]
    assert (np.abs(found.value - np.r_[strength, 0.6]) < 4 * se).all() and se.max() < 0.06


def test_a_system_that_always_wins_has_a_finite_strength_and_says_so():
    first, second, result, shown, prompt = duels(4, np.array([0.0, 0, 0]), 90)
    result = np.where(first == 0, 1, np.where(second == 0, -1, result))
    found = preference_standing(ratings(first, second, result, shown, prompt))
    assert found.value[0] == found.value[:3].max() and np.isfinite(found.value).all() and "normal prior" in found.note


def test_groups_never_compared_have_no_strengths():
    rows = ratings(np.array([0, 0, 2, 2]), np.array([1, 1, 3, 3]), np.array([1, -1, 1, -1]), np.ones(4, int), np.arange(4))
    assert preference_standing(rows) == "systems fall into 2 groups that were never compared with one another"


def test_without_what_was_shown_first_there_is_no_order_effect():
    rows = ratings(*duels(5, np.array([0.5, 0, -0.5]), 200)).drop(columns="shown_first")
    found = preference_standing(rows)
    assert found.note == NO_ORDER and ORDER not in found.systems


def test_the_order_shown_may_be_named_by_the_side():
    rows = ratings(*duels(6, np.array([0.5, 0, -0.5]), 200))
    sides = np.where(rows["shown_first"] == rows["system"], "A", "B")
    assert preference_standing(rows.assign(shown_first=sides)).value == pytest.approx(preference_standing(rows).value, abs=CLOSE)
