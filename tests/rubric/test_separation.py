"""Separation of systems, its cost, and the system's share of the variance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm
from test_standing import rated

from workbench.rubric.separation import NO_SECONDS, NO_SPREAD, Measured, cost, median_seconds, separations, signal_to_noise, system_share
from workbench.rubric.standing import paired_means, scores_standing

CLOSE = 1e-9
FIRST_ORDER = 0.08     # a linearised error against leaving each prompt out
COVERED = (0.88, 1.0)  # of 150 draws at 95 %; below .88 in 1 of 1,000 such runs


def complete(seed, prompts=60, k=4, gap=0.4):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (prompts, 1)) + gap * np.arange(k) + rng.normal(0, 1, (prompts, k))


def ones(rows):
    return pd.Series(1.0, index=rows["prompt"].unique())


def test_on_complete_tables_it_is_the_f_of_systems_less_one():
    rows = rated(complete(0))
    standing = scores_standing(rows)
    table = anova_lm(smf.ols("score ~ C(prompt) + C(system)", rows).fit())
    assert signal_to_noise(standing.value, standing.influence)[0] == pytest.approx(table.loc["C(system)", "F"] - 1, abs=1e-7)


def test_two_systems_by_hand():
    # differences 2, 1, 0 of three prompts: t = 1 / sqrt(1/3), F = t^2 = 3
    standing = scores_standing(rated(np.array([[4.0, 2], [5, 4], [3, 3]])))
    assert signal_to_noise(standing.value, standing.influence)[0] == pytest.approx(2, abs=CLOSE)


def test_its_error_is_what_leaving_each_prompt_out_gives():
    cells = complete(1, prompts=80)

    def per_prompt(part):
        return signal_to_noise(*paired_means(part, np.ones(len(part))))[0] / len(part)

    left = np.array([per_prompt(np.delete(cells, p, axis=0)) for p in range(len(cells))])
    jackknife = math.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())
    standing = scores_standing(rated(cells))
    found = Measured(0.0, pd.Series(signal_to_noise(standing.value, standing.influence)[1])).row("s", 0.95)
    assert found["se"] / len(cells) == pytest.approx(jackknife, rel=FIRST_ORDER)


def test_twice_the_prompts_give_twice_the_ratio_of_signal_to_noise():
    cells, found = complete(2), []
    for part in (cells, np.vstack([cells, cells])):
        standing = scores_standing(rated(part))
        found.append(1 + signal_to_noise(standing.value, standing.influence)[0])
    assert found[1] == pytest.approx(found[0] * (2 * len(cells) - 1) / (len(cells) - 1), abs=1e-7)    # F: half the error, more freedom


def test_neither_scale_nor_order_of_levels_matters():
    cells = complete(3)
    rows = [rated(part) for part in (cells, 100 - 7 * cells)]
    found = [separations(scores_standing(r), len(r), Measured(math.nan))["separation_per_rating"].value for r in rows]
    assert found[0] == pytest.approx(found[1], abs=CLOSE)


def test_an_hour_holds_as_many_ratings_as_the_median_says():
    rows = rated(complete(4)).assign(seconds=30.0)
    found = separations(scores_standing(rows), len(rows), cost(rows, ones(rows)))
    assert found["separation_per_hour"].value == pytest.approx(120 * found["separation_per_rating"].value, abs=CLOSE)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    value, prompts = np.array([0.0, 0.3, 0.6, 0.9]), 60
    truth, held, rng = prompts * value.var(ddof=1), 0, np.random.default_rng(5)
    for _ in range(150):
        ratio, slope = signal_to_noise(*paired_means(value + rng.standard_normal((prompts, 4)), np.ones(prompts)))
        row = Measured(ratio, pd.Series(slope)).row("s", 0.95)
        held += row["low"] <= truth <= row["high"]
    assert COVERED[0] <= held / 150 <= COVERED[1]


def test_the_share_of_the_system_is_the_planted_one():
    # systems with variance 1.25 * 4 / 3 = 5/3 about their mean; ratings of one system vary by 1 + 1
    rows = rated(complete(6, prompts=4000, gap=1.0))
    row = system_share(scores_standing(rows), rows, ones(rows)).row("share", 0.95)
    assert row["low"] < (5 / 3) / (5 / 3 + 2) < row["high"] and row["se"] < 0.02


def test_the_error_of_the_share_is_what_leaving_each_prompt_out_gives():
    cells = complete(7, prompts=50)

    def share(part):
        rows = rated(part)
        return system_share(scores_standing(rows), rows, ones(rows))

    left = np.array([share(np.delete(cells, p, axis=0)).value for p in range(len(cells))])
    jackknife = math.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())
    assert share(cells).row("s", 0.95)["se"] == pytest.approx(jackknife, rel=FIRST_ORDER)


def test_the_median_of_seconds_by_hand_and_by_weight():
    seconds, prompt = np.array([10.0, 20, 30, 40]), np.arange(4)
    assert median_seconds(seconds, np.ones(4), prompt, 4)[0] == pytest.approx(25)
    assert median_seconds(seconds, np.array([1.0, 1, 1, 4]), prompt, 4)[0] == pytest.approx(40)


def test_intervals_of_the_median_hold_it_about_as_often_as_they_say():
    rng, held = np.random.default_rng(8), 0
    for _ in range(150):
        prompt = np.repeat(np.arange(80), 3)
        value, slope = median_seconds(np.exp(rng.normal(3, 1, 240)), np.ones(240), prompt, 80)
        row = Measured(value, pd.Series(slope)).row("m", 0.95)
        held += row["low"] <= math.exp(3) <= row["high"]
    assert COVERED[0] <= held / 150 <= COVERED[1]


def test_without_seconds_there_is_no_hour_and_the_reason_is_said():
    rows = rated(complete(9))
    found = separations(scores_standing(rows), len(rows), cost(rows, ones(rows)))["separation_per_hour"]
    assert math.isnan(found.value) and found.note == NO_SECONDS


def test_some_missing_seconds_are_said():
    rows = rated(complete(10)).assign(seconds=20.0)
    rows.loc[rows.index[:60], "seconds"] = np.nan
    assert cost(rows, ones(rows)).note == "seconds are known of 75% of the ratings"


def test_equal_scores_separate_nothing():
    rows = rated(np.ones((5, 3)))
    assert separations(scores_standing(rows), 15, Measured(math.nan))["separation_per_rating"].note == NO_SPREAD
    assert math.isnan(system_share(scores_standing(rows), rows, ones(rows)).value)


def test_the_same_prompts_are_drawn_together_in_a_difference():
    one = Measured(1.0, pd.Series([0.2, -0.2], index=["a", "b"]))
    assert one.less(one).row("d", 0.95)["se"] == 0
    # other prompts add: 2/1 * (2 * .04) alone, 4/3 * (4 * .04) together
    other = Measured(1.0, pd.Series([0.2, -0.2], index=["c", "d"]))
    assert one.less(other).row("d", 0.95)["se"] == pytest.approx(math.sqrt(4 / 3 * 4 * 0.04), abs=CLOSE)
