"""Decision studies: what further raters and items buy."""

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.agreement.planning import spearman_brown

EXACT = 1e-12       # the same formula written twice
DRAWN = 0.02        # a correlation over 4,000 simulated items


def test_spearman_brown_by_hand():
    # alpha 1/2: two ratings 2(1/2) / (1 + 1/2) = 2/3, three 3/2 / 2 = 3/4
    assert spearman_brown(0.5, 2) == pytest.approx(2 / 3, abs=EXACT)
    assert spearman_brown(0.5, 3) == pytest.approx(3 / 4, abs=EXACT)


def noisy_panel(n_items: int, n_raters: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(n_items, 1)) + generator.normal(size=(n_items, n_raters))
    return pd.DataFrame(scores, columns=[f"r{j}" for j in range(n_raters)])


def test_reliability_of_mean_is_the_correlation_of_two_panels_means():
    drawn = noisy_panel(4_000, 6, seed=1)
    found = wb.agreement.decision_study(wb.from_matrix(drawn.iloc[:, :3], scale="interval"), further_raters=(0,), further_items=())
    halves = np.corrcoef(drawn.iloc[:, :3].mean(axis=1), drawn.iloc[:, 3:].mean(axis=1))[0, 1]
    assert found["value"][0] == pytest.approx(0.75, abs=DRAWN)
    assert found["value"][0] == pytest.approx(halves, abs=DRAWN)
    assert found["low"][0] < 0.75 < found["high"][0]


def test_reliability_of_nominal_ratings_is_that_of_level_shares():
    # two panels of 3 raters each: the correlation of their one-hot shares, pooled over levels and centred, is Spearman-Brown of alpha
    generator = np.random.default_rng(2)
    preference = generator.dirichlet([0.6, 0.8, 1.0], size=4_000)
    votes = np.array([generator.choice(3, size=6, p=p) for p in preference])
    shares = [np.stack([(half == level).mean(axis=1) for level in range(3)], axis=1) for half in (votes[:, :3], votes[:, 3:])]
    shares = [half - half.mean(axis=0) for half in shares]
    correlation = (shares[0] * shares[1]).sum() / math.sqrt((shares[0] ** 2).sum() * (shares[1] ** 2).sum())
    found = wb.agreement.decision_study(wb.from_matrix(pd.DataFrame(votes[:, :3]), scale="nominal"), further_raters=(0,), further_items=())
    assert found["value"][0] == pytest.approx(correlation, abs=DRAWN)


def test_more_items_narrow_the_interval_as_the_root():
    ratings = wb.from_matrix(noisy_panel(100, 3, seed=3), scale="interval")
    alpha = wb.agreement.krippendorff_alpha(ratings).iloc[0]
    found = wb.agreement.decision_study(ratings, further_raters=(), further_items=(0, 300)).set_index("planned_items")["value"]
    assert found[100] == pytest.approx((alpha["high"] - alpha["low"]) / 2, abs=EXACT)
    assert found[400] == pytest.approx(found[100] / 2, abs=EXACT)


def test_projection_holds_when_the_items_come():
    drawn = noisy_panel(2_000, 3, seed=4)
    planned = wb.agreement.decision_study(wb.from_matrix(drawn.head(500), scale="interval"), further_raters=(), further_items=(1_500,))
    whole = wb.agreement.krippendorff_alpha(wb.from_matrix(drawn, scale="interval")).iloc[0]
    assert planned["value"][0] == pytest.approx((whole["high"] - whole["low"]) / 2, rel=0.15)


def test_reliability_below_zero_is_undefined_with_the_reason():
    opposed = wb.from_matrix(pd.DataFrame({"ann": [1, 2] * 10, "bob": [2, 1] * 10}), scale="nominal")
    found = wb.agreement.decision_study(opposed, further_raters=(1,), further_items=())
    assert math.isnan(found["value"][0])
    assert "alpha is below 0" in found["note"][0]


def test_undefined_alpha_stays_undefined():
    alone = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3]}), scale="ordinal")
    found = wb.agreement.decision_study(alone, further_raters=(1,), further_items=(100,))
    assert found["value"].isna().all()
    assert found["note"].str.contains("no item has two ratings").all()
    several = wb.agreement.decision_study(alone, further_raters=(0, 1, 2), further_items=())
    assert several["planned_raters"].tolist() == [1, 2, 3]  # distinct, so that a chart can tell the rows apart


def test_items_rated_once_count_as_todays_ratings():
    # 9 items rated once and 3 twice: 12 / (9 + 3/2) = 8/7 ratings an item; one more on each: 12 / (9/2 + 3/3) = 24/11.
    rows = [(f"i{i}", who, score) for i in range(12) for who, score in (("ann", i % 3), *([("bob", i % 3 if i else 1)] if i < 3 else []))]
    found = wb.agreement.decision_study(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])), further_raters=(0, 1),
                                        further_items=())
    assert found["planned_raters"].tolist() == pytest.approx([8 / 7, 24 / 11], abs=EXACT)
    assert found["note"].str.startswith("9 of 12 items have one rating").all()


def test_unequal_numbers_of_ratings_enter_by_their_harmonic_mean():
    generator = np.random.default_rng(5)
    scores = generator.normal(size=(2_000, 1)) + generator.normal(size=(2_000, 10))
    means = [scores[:1_000, :2].mean(axis=1), scores[1_000:].mean(axis=1)]
    frame = pd.DataFrame(scores)
    frame.iloc[:1_000, 2:] = np.nan
    found = wb.agreement.decision_study(wb.from_matrix(frame, scale="interval"), further_raters=(0,), further_items=())
    # half with 2 and half with 10: 2 / (1/2 + 1/10); 1 of the means' variance is the items', and (1/2 + 1/10) / 2 is noise
    assert found["planned_raters"][0] == pytest.approx(10 / 3, abs=EXACT)
    assert found["value"][0] == pytest.approx(1 / 1.3, abs=DRAWN) == pytest.approx(1 / np.concatenate(means).var(), abs=3 * DRAWN)


@pytest.mark.parametrize("given", [{"further_raters": (-1,)}, {"further_items": (-1,)}, {"further_raters": (1.5,)},
                                   {"further_raters": 2}, {"further_items": None}])
def test_impossible_numbers_are_refused(given):
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [1, 2]}))
    with pytest.raises(ParameterError, match="each must be a whole number of 0 or more"):
        wb.agreement.decision_study(ratings, **given)
