"""Where systems stand by their scores."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from workbench.rubric.simultaneous import gap_errors
from workbench.rubric.standing import CONFOUNDED, NOT_LINKED, covariance, paired_means, scores_standing, unequal_raters

CLOSE = 1e-9
SOLVED = 1e-6       # sparse least squares stops at 1e-10 of the residual


def rated(cells, raters=None):
    """Ratings from cells (P, k), nan where none, by rater 0 or `raters` of the same shape."""
    prompt, system = np.nonzero(~np.isnan(cells))
    rater = np.zeros(len(prompt), int) if raters is None else raters[prompt, system]
    return pd.DataFrame({"prompt": prompt, "system": [f"s{i}" for i in system], "score": cells[prompt, system],
                         "item_id": [f"{p}-{s}" for p, s in zip(prompt, system)], "rater_id": [f"r{r}" for r in rater]})


def gappy(seed, prompts=40, k=4):
    rng = np.random.default_rng(seed)
    cells = rng.normal(0, 1, (prompts, 1)) + np.arange(k) * 0.3 + rng.normal(0, 1, (prompts, k))
    cells[rng.random(cells.shape) < 0.4] = np.nan
    return cells[(~np.isnan(cells)).any(axis=1)], rng


def clustered(formula, rows):
    """Least squares with errors clustered by prompt."""
    return smf.ols(formula, rows).fit(cov_type="cluster", cov_kwds={"groups": rows["prompt"], "use_correction": False})


def test_two_systems_on_three_prompts_by_hand():
    # A 4, 5, 3 has mean 4 and B 2, 4, 3 mean 3; differences 2, 1, 0: mean 1, variance 1, error of the mean sqrt(1/3)
    found = scores_standing(rated(np.array([[4.0, 2], [5, 4], [3, 3]])))
    assert found.value == pytest.approx([4, 3], abs=CLOSE)
    assert gap_errors(found.covariance)[0, 1] == pytest.approx(math.sqrt(1 / 3), abs=CLOSE)
    assert math.sqrt(found.covariance[0, 0]) == pytest.approx(math.sqrt(1 / 3), abs=CLOSE)     # 4, 5, 3 have variance 1 too
    assert found.paired and found.df.tolist() == [2, 2] and found.counts["n_ratings"].tolist() == [3, 3]


def test_with_gaps_it_is_least_squares_with_errors_clustered_by_prompt():
    cells, _ = gappy(0)
    rows = rated(cells)
    found, fit = scores_standing(rows), clustered("score ~ C(system) + C(prompt)", rows)
    gaps = found.value[1:] - found.value[0]
    assert gaps == pytest.approx(fit.params[[f"C(system)[T.s{i}]" for i in (1, 2, 3)]].to_numpy(), abs=CLOSE)
    size = len(cells)
    errors = fit.bse[[f"C(system)[T.s{i}]" for i in (1, 2, 3)]].to_numpy() * math.sqrt(size / (size - 1))
    assert gap_errors(found.covariance)[0, 1:] == pytest.approx(errors, abs=CLOSE)


def test_a_mean_score_varies_over_prompts_as_leaving_each_out_says():
    cells, _ = gappy(1, prompts=60)
    _, influence = paired_means(cells, np.ones(len(cells)))
    left = np.array([paired_means(np.delete(cells, p, axis=0), np.ones(len(cells) - 1))[0] for p in range(len(cells))])
    jackknife = np.sqrt((len(left) - 1) / len(left) * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    assert np.sqrt(np.diag(covariance(influence))) == pytest.approx(jackknife, rel=0.06)     # first order against leaving out
    assert influence.sum(axis=0) == pytest.approx(np.zeros(4), abs=CLOSE)


def test_a_prompt_of_weight_two_counts_as_two_prompts():
    cells, _ = gappy(2, prompts=10)
    twice = paired_means(np.vstack([cells, cells[:1]]), np.ones(len(cells) + 1))[0]
    assert paired_means(cells, np.r_[2.0, np.ones(len(cells) - 1)])[0] == pytest.approx(twice, abs=CLOSE)


def test_severity_removed_is_least_squares_with_raters():
    cells, rng = gappy(3, prompts=60)
    raters = rng.integers(5, size=cells.shape)
    rows = rated(cells + raters, raters)
    found = scores_standing(rows, severity="removed")
    fit = clustered("score ~ C(system) + C(prompt) + C(rater_id)", rows)
    names = [f"C(system)[T.s{i}]" for i in (1, 2, 3)]
    assert found.value[1:] - found.value[0] == pytest.approx(fit.params[names].to_numpy(), abs=SOLVED)
    errors = fit.bse[names].to_numpy() * math.sqrt(len(cells) / (len(cells) - 1))
    assert gap_errors(found.covariance)[0, 1:] == pytest.approx(errors, abs=SOLVED)


def test_planted_severity_moves_means_that_keep_it_and_not_those_that_remove_it():
    rng = np.random.default_rng(4)
    cells = rng.normal(0, 0.1, (200, 2))
    raters = (rng.random(cells.shape) < [0.2, 0.8]).astype(int)      # rater 1, two points more lenient, mostly rates s1
    rows = rated(cells + 2 * raters, raters)
    kept, removed = scores_standing(rows), scores_standing(rows, severity="removed")
    assert kept.value[1] - kept.value[0] > 1 and "not rated by the same raters" in kept.note
    assert abs(removed.value[1] - removed.value[0]) < 0.05 and removed.note == ""


def test_raters_of_their_own_cannot_be_told_from_the_system():
    cells = np.random.default_rng(5).normal(0, 1, (20, 2))
    found = scores_standing(rated(cells, np.tile([0, 1], (20, 1))), severity="removed")
    assert found.note == CONFOUNDED


def test_systems_on_prompts_of_their_own_are_not_paired():
    cells = np.full((4, 2), np.nan)
    cells[:2, 0], cells[2:, 1] = [1, 3], [5, 9]
    found = scores_standing(rated(cells))
    # means 2 and 7; errors of the means 1 and 2, P / (P - 1) = 4 / 3 times the squares 1/2 and 2
    assert found.value == pytest.approx([2, 7], abs=CLOSE) and not found.paired and found.note == NOT_LINKED
    assert np.diag(found.covariance) == pytest.approx([4 / 3 * 0.5, 4 / 3 * 2], abs=CLOSE)


def test_rater_shares_that_differ_are_measured():
    # system 0 by raters 0, 0, 1, 1 and system 1 by 0, 0, 0, 0: pooled 3/4 and 1/4, each a quarter away
    assert unequal_raters(np.array([0, 0, 1, 1, 0, 0, 0, 0]), np.repeat([0, 1], 4)) == pytest.approx(0.25)


@pytest.mark.parametrize(("cells", "why"), [(np.ones((5, 1)), "only one system"), (np.ones((1, 3)), "only one prompt")])
def test_too_little_says_why(cells, why):
    assert why in scores_standing(rated(cells))


def test_levels_without_order_have_no_mean():
    assert "no order" in scores_standing(rated(np.ones((3, 2))).assign(score=np.nan))
