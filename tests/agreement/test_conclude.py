from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement.conclude import harmful, items_needed
from workbench.estimates import estimate, estimates_table

FINDINGS = wb.agreement.findings


def summary_of(value, low, high, note="", n_items=812):
    row = estimate("krippendorff_alpha", value, low=low, high=high, se=0.02, confidence=0.95, n_items=n_items, n_raters=27,
                   note=note)
    return estimates_table([{**row, "criterion": "helpfulness"}], by=["criterion"])


def raters_of(values):
    """One group's influences: value, standard error."""
    rows = [{**estimate("influence", v, low=v - 2 * s, high=v + 2 * s, se=s, confidence=0.95, n_items=200, n_raters=9),
             "rater_id": f"r{i}"} for i, (v, s) in enumerate(values)]
    return estimates_table(rows, by=["rater_id"])


@pytest.mark.parametrize(("interval", "severity", "begins"), [
    ((0.62, 0.58, 0.66), "ok",
     "Raters agree on helpfulness well beyond chance: alpha 0.62 (95 % 0.58 to 0.66, 812 items, these 27 raters)."),
    ((0.45, 0.35, 0.55), "attention", "Raters agree on helpfulness beyond chance, but not surely by as much as 0.4: alpha 0.45"),
    ((0.28, 0.22, 0.34), "attention", "Raters agree on helpfulness little beyond chance: alpha 0.28"),
    ((0.10, 0.05, 0.15), "alarm", "Raters hardly agree on helpfulness beyond chance: alpha 0.10"),
    ((0.20, -0.3, 0.70), "unknown", "Whether raters agree on helpfulness beyond chance cannot be told yet: alpha 0.20")])
def test_the_interval_decides_what_is_said(interval, severity, begins):
    found = FINDINGS(summary_of(*interval)).iloc[0]
    assert found["severity"] == severity and found["sentence"].startswith(begins)
    assert found["id"] == "agreement/agreement/criterion=helpfulness" and found["slice"] == '{"criterion": "helpfulness"}'
    assert found["value"] == interval[0] and found["n_items"] == 812


@pytest.mark.parametrize("value", [np.nan, 0.7])
def test_without_a_value_or_an_interval_it_is_unknown_and_the_reason_is_said(value):
    found = FINDINGS(summary_of(value, np.nan, np.nan, note="only one level occurs")).iloc[0]
    assert found["severity"] == "unknown" and "(only one level occurs; 812 items, 27 raters)" in found["sentence"]


def test_the_thresholds_are_the_callers():
    assert FINDINGS(summary_of(0.62, 0.58, 0.66), fair=0.667)["severity"][0] == "attention"
    assert FINDINGS(summary_of(0.62, 0.58, 0.66), fair=0.9, poor=0.7)["severity"][0] == "alarm"


def test_items_needed_follow_the_square_of_the_interval():
    # .2 above the threshold and .4 wide on either side: half the width needs four times the items, three times as many more.
    row = {"value": 0.6, "low": 0.2, "high": 1.0, "n_items": 50}
    assert items_needed(row, 0.4) == 150
    assert items_needed(row | {"value": 0.4}, 0.4) == 99 * 50


def test_a_rater_is_named_only_where_many_looks_allow_it():
    # p = .03 for r0 among 20 raters is no news (their best of 20 would be .05); p < 1e-9 for r1 is.
    found = harmful(raters_of([(0.044, 0.02), (0.2, 0.02), (-0.2, 0.02), *[(0.001, 0.02)] * 17]), 0.01, 0.05)
    assert [row["rater_id"] for row in found] == ["r1"]


def test_a_sure_but_slight_influence_is_not_worth_a_look():
    sure = raters_of([(0.004, 0.0001)])
    assert harmful(sure, 0.01, 0.05) == [] and len(harmful(sure, 0.001, 0.05)) == 1


def test_a_rater_who_lowers_agreement_is_a_watch_with_the_change_in_alpha():
    table = FINDINGS(summary_of(0.62, 0.58, 0.66), raters=raters_of([(0.1, 0.01), (0.0, 0.01)]))
    row = table[table["status"] == "watch"].set_index("name").loc["influence"]
    assert row["sentence"] == "Without rater r0 agreement is higher: alpha +0.100 (95 % +0.080 to +0.120, 200 shared items)."
    assert row["severity"] == "attention" and row["id"] == "agreement/rater-lowers-agreement/rater_id=r0"


def test_undefined_influences_are_passed_over():
    assert harmful(raters_of([(np.nan, np.nan)]), 0.01, 0.05) == []


def test_few_items_raise_no_alarm():
    found = FINDINGS(summary_of(-0.29, -0.53, -0.05, n_items=5)).iloc[0]
    assert found["severity"] == "unknown" and "cannot be told from so few items: alpha -0.29" in found["sentence"]
    assert found["action"] == "Have 5 or more further items rated twice or more."


def test_ratings_of_which_none_counts_are_said_to_be_there():
    frame = {"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1, 2], "selection": "routed"}
    found = FINDINGS(wb.agreement.summary(wb.read(pd.DataFrame(frame)), by=["criterion"])).iloc[0]
    assert found["severity"] == "unknown" and "none of 2 ratings counts" in found["sentence"]


def test_one_level_alone_asks_for_other_levels():
    found = FINDINGS(summary_of(np.nan, np.nan, np.nan, note="only one level occurs")).iloc[0]
    assert "rate items that deserve other levels" in found["action"]


def rare():
    """Two raters on 100 items, of which 97 are no, no, and the rest split."""
    return wb.from_matrix(pd.DataFrame({"ann": ["no"] * 97 + ["yes", "no", "yes"], "bob": ["no"] * 97 + ["no", "yes", "no"]}))


def test_three_splits_among_a_hundred_are_no_alarm():
    # Alpha is -.01 and leaving any item out hardly moves it; one item more that agrees on yes makes it .39.
    found = FINDINGS(wb.agreement.summary(rare())).iloc[0]
    assert found["severity"] == "unknown" and found["high"] > 0.4
    assert found["sentence"].startswith("Whether raters agree on overall beyond chance cannot be told yet: alpha -0.01 (95 % ")
    assert found["sentence"].endswith("these 2 raters); 3 items with a disagreement and 3 with an off-modal level, 0 of these with two "
                                      "ratings of one.")


def test_an_interval_that_was_not_widened_raises_no_alarm_on_few_items_off_the_commonest_level():
    found = FINDINGS(wb.agreement.summary(rare(), interval="linearized")).iloc[0]
    assert found["severity"] == "unknown" and found["high"] < 0.2
    assert "cannot be told from so few items off the commonest level: alpha -0.01" in found["sentence"]


def test_an_interval_for_such_raters_says_so():
    row = summary_of(0.62, 0.58, 0.66).assign(estimand="such raters")
    assert FINDINGS(row)["sentence"][0].endswith("alpha 0.62 (95 % 0.58 to 0.66, 812 items, such raters as these 27 raters).")


def test_a_rater_whose_items_have_no_other_pair_is_not_told_from_them():
    # Ten equal raters, two an item; r0 got the hard items, and taking r0 out takes those out.
    generator, rows = np.random.default_rng(3), []
    for i in range(400):
        pair = [0, generator.integers(1, 10)] if i < 100 else 1 + generator.permutation(9)[:2]
        right = generator.random(2) < (0.65 if i < 100 else 0.95)
        rows += [(f"i{i}", f"r{j}", "yn"[int(ok) ^ i % 2]) for j, ok in zip(pair, right)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "label"]))
    table = FINDINGS(wb.agreement.summary(ratings), raters=wb.agreement.raters(ratings))
    row = table[table["name"] == "influence"].squeeze()
    assert row["severity"] == "unknown"
    assert row["sentence"].startswith("On the items of rater r0 agreement is lower: without them alpha +0.")
    assert row["sentence"].endswith("100 shared items, of which 100 have no other pair); rater and items cannot be told apart.")
