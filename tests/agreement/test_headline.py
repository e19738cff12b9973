from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import frame_of, oracle

import workbench as wb

EXACT = 1e-12
A = wb.agreement
SKEWED = [["no"] * 95 + ["yes"] * 5, ["no"] * 90 + ["yes"] * 5 + ["no"] * 5]


def two_criteria():
    generator = np.random.default_rng(1)
    rows = [(f"i{i}", f"r{j}", "stars", float(generator.integers(1, 6))) for i in range(30) for j in range(3)]
    rows += [(f"i{i}", f"r{j}", "slider", float(generator.normal())) for i in range(900) for j in range(3)]
    return wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score"]))


@pytest.mark.parametrize(("scale", "weights"), [
    ("nominal", "identity"), ("ordinal", "ordinal"), ("interval", "quadratic")])
def test_the_scale_alone_decides_what_is_shown(scale, weights):
    ratings = wb.from_matrix(frame_of(oracle("gwet_raw4raters")["data"]), scale=scale)
    table = A.summary(ratings).set_index("name")
    assert table.index.tolist() == ["krippendorff_alpha", "gwet_ac", "percent_agreement"]
    expected = [A.krippendorff_alpha(ratings), A.gwet_ac(ratings, weights=weights), A.percent_agreement(ratings)]
    for row, one in zip(table.itertuples(), expected):
        assert (row.value, row.se, row.low) == pytest.approx((one["value"][0], one["se"][0], one["low"][0]), abs=EXACT)


def test_criteria_are_kept_apart_and_sliders_without_levels_say_why_they_have_no_ac():
    table = A.summary(two_criteria())
    assert table[["criterion", "name"]].values.tolist() == [
        [criterion, name] for criterion in ("slider", "stars") for name in ("krippendorff_alpha", "gwet_ac", "percent_agreement")]
    table = table.set_index(["criterion", "name"])
    assert np.isfinite(table.loc[("slider", "krippendorff_alpha"), "low"])
    ac = table.loc[("slider", "gwet_ac")]
    assert np.isnan(ac["value"]) and ac["note"].startswith("scores have no levels: read krippendorff_alpha")
    assert (ac["n_items"], ac["n_dropped"]) == (0, 2700)
    assert np.isfinite(table.loc[("stars", "gwet_ac"), "value"])


def test_one_criterion_may_have_a_scale_for_each_rubric():
    generator = np.random.default_rng(2)
    rows = [(f"i{i}", f"r{j}", "stars", "quality", float(generator.integers(1, 6))) for i in range(30) for j in range(3)]
    rows += [(f"i{i}", f"r{j}", "slider", "quality", float(generator.normal())) for i in range(900) for j in range(3)]
    rows += [(f"i{i}", f"r{j}", "slider", "tone", float(generator.integers(1, 6))) for i in range(30) for j in range(3)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "rubric", "criterion", "score"])
    table = A.summary(wb.read(frame)).set_index(["criterion", "rubric", "name"])
    for criterion, rubric in (("quality", "stars"), ("tone", "slider")):
        part = frame[(frame["criterion"] == criterion) & (frame["rubric"] == rubric)]
        alone = A.summary(wb.read(part), by=[]).set_index("name")
        assert table.loc[(criterion, rubric), "value"].tolist() == pytest.approx(alone["value"].tolist(), abs=EXACT)
    assert np.isnan(table.loc[("quality", "slider", "gwet_ac"), "value"])


def test_an_empty_selection_has_its_three_rows_unless_groups_were_asked_for():
    for ratings in (wb.from_matrix(pd.DataFrame(SKEWED, index=["ann", "bob"]).T), two_criteria()):
        table = A.summary(ratings.where(rater_id="nobody"))
        assert table["name"].tolist() == ["krippendorff_alpha", "gwet_ac", "percent_agreement"] and table["value"].isna().all()
        assert table["note"].str.contains("no ratings are selected").all() and (table["n_ratings"] == 0).all()
        assert A.summary(ratings.where(rater_id="nobody"), by=["party"]).empty


def test_different_scales_in_one_group_are_an_error_that_names_by():
    with pytest.raises(wb.RatingsError, match=r"different scales.*by=\['criterion'\]"):
        A.summary(two_criteria(), by=[])


def test_a_prevailing_level_is_named_where_alpha_and_ac_part_company():
    table = A.summary(wb.from_matrix(frame_of(SKEWED))).set_index("name")
    assert table.loc["gwet_ac", "value"] - table.loc["krippendorff_alpha", "value"] > 0.8
    for name in ("krippendorff_alpha", "gwet_ac"):
        assert table.loc[name, "note"].startswith("95.0 % of ratings are 'no': alpha takes agreement on it for chance")
    assert "95.0 %" not in table.loc["percent_agreement", "note"]


def test_balanced_levels_need_no_such_note():
    table = A.summary(wb.from_matrix(frame_of([["no", "yes"] * 20, ["no", "yes"] * 19 + ["yes", "no"]])))
    assert not table["note"].str.contains("of ratings are").any()


def test_the_shared_arguments_reach_every_row():
    ratings = wb.from_matrix(frame_of(SKEWED))
    table = A.summary(ratings, interval="bootstrap", confidence=0.8, draws=200, seed=3)
    assert set(table["method"]) == {"bootstrap"} and set(table["confidence"]) == {0.8}
    alone = A.krippendorff_alpha(ratings, interval="bootstrap", confidence=0.8, draws=200, seed=3)
    assert table["low"][0] == alone["low"][0]
