"""Old scores on the new version's scale, and back."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from bridged import bridge_of, bridged, pairs
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import ParameterError
from workbench.rubric.linked_scores import edges, equipercentile, linked_rows, mean_sigma

PRINTED = 5e-5          # digits of the published table
CLOSE = 1e-9
DRAWS = 60
MOST_MISSED = 9         # of 60 at 95 %: more happens in 1 of 1000 sets of other seeds, and bootstrap ends are a little short

# Kolen and Brennan (2014), ch. 2, the forms X and Y of 4 questions: shares of the scores 0 to 4
POINTS, FORM_X, FORM_Y = np.arange(5.0), np.array([0.2, 0.3, 0.2, 0.2, 0.1]), np.array([0.1, 0.2, 0.2, 0.3, 0.2])

shares = st.lists(st.integers(1, 20), min_size=5, max_size=5).map(lambda counts: np.array(counts) / sum(counts))


def scored(old, new):
    """One rater's scores of items under both versions."""
    return wb.read(pd.DataFrame([(f"i{i}", "r", score, version) for version, scores in (("1", old), ("2", new))
                                 for i, score in enumerate(scores)], columns=["item_id", "rater_id", "score", "rubric_version"]))


def test_equipercentile_is_the_published_one():
    assert equipercentile(POINTS, FORM_X, POINTS, FORM_Y, POINTS) == pytest.approx([0.5, 1.75, 2.8333, 3.5, 4.25], abs=PRINTED)


def test_mean_sigma_keeps_the_distance_from_the_mean_in_standard_deviations():
    # means 1.7 and 2.3, variances 0.3 + 0.8 + 1.8 + 1.6 - 1.7^2 = 1.61 and 0.2 + 0.8 + 2.7 + 3.2 - 2.3^2 = 1.61
    assert mean_sigma(POINTS, FORM_X, POINTS, FORM_Y, POINTS) == pytest.approx(POINTS + 0.6)
    assert mean_sigma(POINTS, FORM_X, 10 * POINTS, FORM_Y, POINTS) == pytest.approx(10 * (POINTS + 0.6))


@settings(max_examples=50, deadline=None)
@given(shares, shares, st.lists(st.floats(-0.5, 4.5), min_size=1, max_size=5))
def test_there_and_back_is_where_one_began(f, g, asked):
    for link in (mean_sigma, equipercentile):
        there = link(POINTS, f, POINTS**2, g, np.array(asked))
        assert link(POINTS**2, g, POINTS, f, there) == pytest.approx(asked, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(shares, shares)
def test_a_higher_score_is_never_worth_less_and_the_distribution_becomes_the_other(f, g):
    linked = equipercentile(POINTS, f, POINTS, g, np.linspace(-0.5, 4.5, 2001))
    assert (np.diff(linked) >= -CLOSE).all()
    # spread evenly over its stretches, f carried over has the mean of g
    mass = np.repeat(f, 400) / 400
    assert mass @ (linked[1:] + linked[:-1]) / 2 == pytest.approx(g @ POINTS, abs=1e-3)


def test_scores_of_unequal_distance_part_halfway():
    assert edges(np.array([0.0, 1.0, 5.0])).tolist() == [-0.5, 0.5, 3.0, 7.0]


def test_where_nobody_scored_the_link_takes_the_middle_of_the_gap():
    # half of Y at 0, half at 3: the rank 1/2, the old score 1.5, could be anything from 0.5 to 2.5
    half = np.array([0.25, 0.25, 0.25, 0.25])
    gap = np.array([0.5, 0.0, 0.0, 0.5])
    assert equipercentile(POINTS[:4], half, POINTS[:4], gap, np.array([1.5])) == pytest.approx([1.5])
    assert equipercentile(POINTS[:4], gap, POINTS[:4], half, np.array([1.0, 2.0])) == pytest.approx([1.5, 1.5])


def test_alike_versions_leave_every_score_where_it_is():
    scores = [1, 2, 3, 4, 5, 3, 3, 2, 4, 3, 1, 5]
    table = wb.rubric.linking(scored(scores, scores), draws=50)
    assert table["value"].to_numpy() == pytest.approx(table["score"].to_numpy())
    assert set(table["name"]) == {"mean_sigma", "equipercentile"} and set(table["direction"]) == {"to new", "to old"}


def rescored(rng, n_items, k):
    """True scores with noise under both versions, the second 0.4 stricter: (n_items * k,) each, levels 0 to 4."""
    quality = np.repeat(rng.normal(2, 1, n_items), k)
    return [np.clip(np.round(quality + move + rng.normal(0, 0.5, len(quality))), 0, 4) for move in (0, -0.4)]


def test_errors_take_whole_items_and_the_interval_covers():
    x, y = rescored(np.random.default_rng(99), 400_000, 1)
    true, missed, ses, values = y.mean() + y.std() / x.std() * (2 - x.mean()), 0, [], []
    for seed in range(DRAWS):
        frames = [pd.DataFrame({"item_id": [f"i{i // 3}" for i in range(180)], "rater_id": [f"r{i % 3}" for i in range(180)],
                                "score": score.astype(int), "rubric_version": version})
                  for version, score in zip("12", rescored(np.random.default_rng(seed), 60, 3))]
        row = linked_rows(bridge_of(pd.concat(frames)), 0.95, 150, seed)[2]
        assert (row["name"], row["direction"], row["score"]) == ("mean_sigma", "to new", 2)
        missed += not row["low"] <= true <= row["high"]
        ses, values = [*ses, row["se"]], [*values, row["value"]]
    assert missed <= MOST_MISSED
    assert np.mean(ses) == pytest.approx(np.std(values), rel=0.3)


def test_many_valued_scores_are_linked_at_some_of_them():
    rng = np.random.default_rng(0)
    old = np.round(rng.uniform(0, 100, 200), 2)
    table = wb.rubric.linking(scored(old, old / 2 + 10), draws=20)
    rows = table[(table["name"] == "mean_sigma") & (table["direction"] == "to new")]
    assert len(rows) == 25 and rows["value"].to_numpy() == pytest.approx(rows["score"].to_numpy() / 2 + 10)
    assert rows["score"].iloc[[0, -1]].tolist() == [old.min(), old.max()]


def test_a_score_that_nobody_gave_is_linked_between_its_neighbours_and_said():
    table = wb.rubric.linking(scored([1, 1, 2, 2, 4, 4] * 4, [1, 2, 3, 3, 4, 4] * 4), draws=50)
    row = table[(table["name"] == "equipercentile") & (table["direction"] == "to new") & (table["score"] == 3)].iloc[0]
    assert "no rating of the bridge set has this score" in row["note"]


@pytest.mark.parametrize(("frame", "why"), [
    (bridged(0, other_raters=True), "rater pool"),
    (bridged(0)[lambda t: t["rubric_version"] == "1"], "fewer than two rubric versions"),
    (pairs([[4, 2, 1], [2, 4, 1], [0, 1, 4]]), "no order"),
    (bridged(0).assign(score=3), "the same score"),
    (bridged(0, n_items=5), "too small: it has 5 items"),
])
def test_what_cannot_be_linked_says_why(frame, why):
    table = wb.rubric.linking(wb.read(frame), draws=20)
    assert len(table) and table["value"].isna().all() and table["note"].str.contains(why).all()


def test_unknown_options_are_refused():
    ratings = wb.read(bridged(0))
    with pytest.raises(ParameterError, match="draws=1 is too few"):
        wb.rubric.linking(ratings, draws=1)
    with pytest.raises(ParameterError, match="confidence=95 is not a share"):
        wb.rubric.linking(ratings, confidence=95)
    with pytest.raises(ParameterError, match="name two of '1', '2'"):
        wb.rubric.linking(ratings, versions=["1", "9"])
    assert not math.isnan(wb.rubric.linking(ratings, draws=20)["value"].iloc[0])
