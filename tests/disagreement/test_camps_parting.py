"""On which items camps part, and which attributes go with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

import workbench as wb
from workbench.disagreement.camps_parting import trait_row
from workbench.errors import ParameterError

EXACT = 1e-8      # least squares by iteration
SHUFFLED = 0.02   # two standard errors of a share of 2,000 shuffles

CAMPS = pd.DataFrame({"rater_id": ["a", "b", "c", "d"], "criterion": "overall", "rubric": "default", "faction": [1, 1, 2, 2]})


def matrix(**raters):
    return wb.from_matrix(pd.DataFrame(raters, index=["x", "y", "z", "w"][: len(next(iter(raters.values())))]))


def test_means_and_difference_of_a_hand_worked_case():
    # on a scale 1-5: x is 5,4 against 1,2; y is 3,2 against 3,4; z is 1,3 against 5,3. Each rater's mean is 3 exactly, so no severity.
    # places: x (1 + 3/4)/2 = 7/8 against (0 + 1/4)/2 = 1/8: 3/4. y 3/8 against 5/8: -1/4. z 1/4 against 3/4: -1/2
    table = wb.disagreement.faction_items(matrix(a=[5, 3, 1], b=[4, 2, 3], c=[1, 3, 5], d=[2, 4, 3]), factions=CAMPS).set_index("item_id")
    assert table.loc["x", ["mean", "mean_versus", "value"]].tolist() == pytest.approx([7 / 8, 1 / 8, 3 / 4], abs=EXACT)
    assert table.loc[["y", "z"], "value"].tolist() == pytest.approx([-1 / 4, -1 / 2], abs=EXACT)
    # within: squares per camp and item (1/8)^2 x 2 = 1/32 (x, y: gap 1/4), z: (1/4)^2 x 2 = 1/8; sum 4/32 + 2/8 = 3/8
    # degrees of freedom 12 ratings - 6 cells - (4 raters - 2 camps) = 4, variance 3/32, se sqrt(3/32 x (1/2 + 1/2))
    assert table["se"].tolist() == pytest.approx([(3 / 32) ** 0.5] * 3, abs=EXACT)
    assert table.index[0] == "x" and (table["n"] == 2).all() and (table["n_versus"] == 2).all()
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_a_camp_that_is_severer_on_every_item_parts_on_none():
    table = wb.disagreement.faction_items(matrix(a=[5, 4, 3, 4], b=[4, 5, 4, 3], c=[3, 2, 1, 2], d=[2, 3, 2, 1]), factions=CAMPS)
    assert table["value"].tolist() == pytest.approx([0] * 4, abs=EXACT)
    assert (table["mean"] - table["mean_versus"]).tolist() == pytest.approx([0.5] * 4, abs=EXACT)
    assert (table["p"] > 0.9).all() and (table["q"] >= table["p"]).all()


def test_items_one_camp_did_not_rate_are_left_out_and_raters_of_camp_0_do_not_count():
    ratings = matrix(a=[5, 4, 3, 4], b=[4, 5, 4, 3], c=[None, 2, 1, 2], d=[None, 3, 2, 1], e=[1, 1, 1, 2])
    table = wb.disagreement.faction_items(ratings, factions=CAMPS)
    assert sorted(table["item_id"]) == ["w", "y", "z"] and (table["n_ratings"] == 4).all()


def test_three_camps_are_compared_two_by_two():
    camps = CAMPS.assign(faction=[1, 1, 2, 3])
    table = wb.disagreement.faction_items(matrix(a=[5, 4, 3, 1], b=[4, 5, 4, 1], c=[1, 2, 1, 4], d=[2, 3, 5, 5]), factions=camps)
    assert sorted(set(zip(table["faction"], table["versus"]))) == [(1, 2), (1, 3), (2, 3)] and len(table) == 12


def test_without_camps_there_are_no_rows_but_all_columns():
    ratings = matrix(a=[5, 4, 3], b=[4, 5, 4])
    table = wb.disagreement.faction_items(ratings)
    assert table.empty and {"item_id", "value", "low", "high", "faction", "versus", "mean", "q"} <= set(table.columns)
    assert wb.disagreement.faction_traits(ratings).empty


def test_the_spread_within_is_unknown_where_each_camp_has_one_rating():
    camps = CAMPS.assign(faction=[1, 0, 2, 0])
    table = wb.disagreement.faction_items(matrix(a=[5, 4, 3], b=[4, 5, 4], c=[1, 2, 3], d=[2, 3, 2]), factions=camps)
    assert table["low"].isna().all() and table["note"].str.contains("the spread within is unknown").all()


def test_p_of_an_attribute_is_that_of_fishers_test_where_camps_and_levels_are_halves():
    camp = np.repeat([0, 1], 10)
    level = pd.Series(["old"] * 8 + ["young"] * 2 + ["old"] * 3 + ["young"] * 7)
    row = trait_row(camp, level, 0.95, 0)
    assert row["p"] == pytest.approx(fisher_exact([[8, 2], [3, 7]]).pvalue, abs=SHUFFLED)
    assert row["value"] == pytest.approx(0.5) and row["share"] - row["share_elsewhere"] == pytest.approx(0.5)
    # Agresti and Caffo: 9/12 - 4/12 = 5/12, variance (9/12 x 3/12 + 4/12 x 8/12) / 12
    se = ((9 / 12 * 3 / 12 + 4 / 12 * 8 / 12) / 12) ** 0.5
    assert (row["low"], row["high"]) == pytest.approx((5 / 12 - 1.959964 * se, 5 / 12 + 1.959964 * se), abs=1e-6)


def test_numbers_of_many_kinds_are_halved_and_what_cannot_be_told_has_its_reason():
    camp = np.repeat([0, 1], 20)
    row = trait_row(camp, pd.Series(np.arange(40) * 1.5), 0.95, 0)
    assert row["p"] < 0.001 and abs(row["value"]) == 1 and row["level"] in ("29.25 or more", "below 29.25")
    for level, reason in ((["x"] * 40, "one level only"), ([f"n{k}" for k in range(40)], "a level for every rater"),
                          ([None] * 40, "no rater in a camp has it")):
        found = trait_row(camp, pd.Series(level, dtype=object), 0.95, 0)
        assert np.isnan(found["value"]) and found["note"] == reason
    assert trait_row(np.zeros(4, dtype=int), pd.Series(list("aabb")), 0.95, 0)["note"] == "raters of one camp only"


def test_attributes_come_from_the_raters_table_and_from_columns_that_tell_raters_apart(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame([(f"i{i}", r, int(rng.integers(1, 6)), "f" if r in "abcd" else "m", "q" if i % 2 else "z")
                          for i in range(12) for r in "abcdefgh"], columns=["item_id", "rater_id", "score", "gender", "kind"])
    frame.to_parquet(tmp_path / "ratings.parquet")
    pd.DataFrame({"rater_id": list("abcdefgh"), "team": list("xxxxyyyy")}).to_parquet(tmp_path / "raters.parquet")
    camps = pd.DataFrame({"rater_id": list("abcdefgh"), "criterion": "overall", "rubric": "default", "faction": [1] * 4 + [2] * 4})
    table = wb.disagreement.faction_traits(wb.read(tmp_path), factions=camps)
    assert sorted(table["attribute"]) == ["gender", "team"]          # `kind` differs within a rater
    assert table["value"].tolist() == [1.0, 1.0] and (table["p"] < 0.1).all()
    asked = wb.disagreement.faction_traits(wb.read(tmp_path), factions=camps, columns=["team"])
    assert asked["attribute"].tolist() == ["team"]


def test_a_wrong_table_confidence_or_column_is_an_error():
    ratings = matrix(a=[5, 4, 3], b=[4, 5, 4])
    with pytest.raises(ParameterError, match="found one without faction"):
        wb.disagreement.faction_items(ratings, factions=CAMPS.drop(columns="faction"))
    for function in (wb.disagreement.faction_items, wb.disagreement.faction_traits):
        with pytest.raises(ParameterError, match="between 0 and 1"):
            function(ratings, factions=CAMPS, confidence=95)
    with pytest.raises(ParameterError, match="'age' is not in"):
        wb.disagreement.faction_traits(ratings, factions=CAMPS, columns=["age"])
