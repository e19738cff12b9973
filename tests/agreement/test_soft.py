from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

import workbench as wb
from workbench.errors import ParameterError

EXACT = 1e-12   # a division, or a sum of a handful
soft_labels = wb.agreement.soft_labels


def panel(*words, kind="human", criterion="overall", **more):
    """Rows from a word an item, a letter a rater, '-' for a gap; digits are scores."""
    rows = [{"item_id": f"i{i}", "rater_id": f"{kind[0]}{j}", "label": letter, "criterion": criterion, "rater_kind": kind, **more}
            for i, word in enumerate(words) for j, letter in enumerate(word) if letter != "-"]
    return pd.DataFrame(rows)


def judged(*words, **more):
    return panel(*words, kind="adjudicator", selection="review", **{"layer": 1, **more})


def scored(*items, **more):
    return pd.DataFrame([{"item_id": f"i{i}", "rater_id": f"r{j}", "score": x, **more} for i, scores in enumerate(items)
                         for j, x in enumerate(scores)])


def labels(*frames, **options):
    """Soft labels of rows, by item."""
    return soft_labels(wb.read(pd.concat(frames, ignore_index=True)), **{"method": "majority", **options}).set_index("item_id")


def as_dict(soft):
    return {pair["level"]: pair["probability"] for pair in soft}


def test_shares_of_the_votes_with_their_wilson_interval():
    found = labels(panel("yyn", "yy-", "nnn"))
    first = found.loc["i0"]
    # i0: y 2/3, n 1/3; i1: y 2/2; i2: n 3/3
    assert as_dict(first["soft_label"]) == pytest.approx({"n": 1 / 3, "y": 2 / 3}, abs=EXACT)
    assert found["label"].tolist() == ["y", "y", "n"] and found["n_ratings"].tolist() == [3, 2, 3]
    # z^2 = 3.8415: (2/3 + z^2/6 -+ sqrt(z^2 (2/9)/3 + z^4/36)) / (1 + z^2/3)
    z2 = 1.959963984540054**2
    reach = (z2 * (2 / 9) / 3 + z2**2 / 36) ** 0.5
    ends = [(2 / 3 + z2 / 6 - reach) / (1 + z2 / 3), (2 / 3 + z2 / 6 + reach) / (1 + z2 / 3)]
    assert [first["probability_low"], first["probability_high"]] == pytest.approx(ends, abs=EXACT)
    assert found["mean"].isna().all() and found["score"].isna().all() and found["note"].str.contains("nominal levels have no mean").all()


def test_scores_have_the_level_as_score_and_a_mean_with_an_interval():
    found = labels(scored((1, 1, 2), (3, 3, 3), (1, 2, 3))).loc["i0"]
    # mean 4/3, s^2 = 1/3, se = 1/3, t(2, 0.975) = 4.3027: 4/3 + 1.434, below cut at the lowest level
    assert (found["score"], found["mean"], found["mean_low"]) == pytest.approx((1, 4 / 3, 1), abs=EXACT)
    assert found["mean_high"] == pytest.approx(4 / 3 + 4.302652729911275 / 3, abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=6), st.randoms())
def test_shares_are_those_of_a_plain_count_in_any_order_of_rows(words, random):
    rows = panel(*words)
    found = labels(rows.iloc[random.sample(range(len(rows)), len(rows))], min_ratings=1)
    levels = sorted({letter for word in words for letter in word})
    for i, word in enumerate(words):
        row = found.loc[f"i{i}"]
        shares = {level: word.count(level) / len(word) for level in levels}
        assert as_dict(row["soft_label"]) == pytest.approx(shares, abs=EXACT)
        assert shares[row["label"]] == pytest.approx(max(shares.values()), abs=EXACT) and row["left_out"] == ""
        ends = proportion_confint(round(row["probability"] * len(word)), len(word), method="wilson")
        assert (row["probability_low"], row["probability_high"]) == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("method", ["dawid_skene", "one_coin", "weighted"])
def test_models_and_weights_give_the_posterior_of_consensus_and_no_interval_of_it(method):
    rows = panel("aab", "abb", "bbb", "aaa", "aab", "bab")
    found, known = labels(rows, method=method), wb.agreement.consensus(wb.read(rows), method=method).set_index("item_id")
    assert [as_dict(s)["a"] for s in found["soft_label"]] == pytest.approx(known["p_a"].tolist(), abs=EXACT)
    assert found["probability"].tolist() == pytest.approx(known["probability"].tolist(), abs=EXACT)
    assert found["probability_low"].isna().all() and found["note"].str.contains("no interval of the probability").all()


def test_an_adjudicator_decides_and_the_panels_soft_label_stands_beside():
    found = labels(panel("yyn", "yyy", "nnn"), judged("n", "n"), gate=0.7)
    first, second, third = (found.loc[f"i{i}"] for i in range(3))
    assert (first["decided_by"], first["label"], first["left_out"]) == ("adjudicator", "n", "")
    assert first["probability"] == pytest.approx(1 / 3, abs=EXACT) and as_dict(first["soft_label"])["y"] == pytest.approx(2 / 3, abs=EXACT)
    assert (second["label"], second["probability"], second["probability_low"]) == ("n", 0, 0) and second["n_ratings"] == 3
    assert (third["decided_by"], third["probability"]) == ("panel", 1)


def test_an_adjudicators_score_is_the_score_and_the_panels_mean_stays():
    judge = scored((3,)).assign(rater_id="judge", rater_kind="adjudicator", layer=1, selection="review")
    for method, given in (("majority", (1, 1, 2)), ("numeric", (1, 1, 2))):
        row = labels(scored(given, (3, 3, 2), (1, 2, 1)), judge, method=method).loc["i0"]
        assert (row["score"], row["label"], row["decided_by"]) == (3, "3", "adjudicator")
        assert row["mean"] < 2
    sliders = labels(scored((1.25, 2.5), (3.75, 3.5), (7.1, 7.3)), judge.assign(score=9.75)).loc["i0"]
    assert (sliders["score"], sliders["mean"]) == pytest.approx((9.75, 1.875), abs=EXACT)


def test_of_adjudicators_the_highest_layer_counts_and_those_who_differ_leave_the_unit_out():
    rows = panel("yyn", "yyn", "yyn")
    found = labels(rows, judged("n", "n", "-"), judged("y", layer=2).assign(rater_id="head"), judged("-", "y").assign(rater_id="other"))
    assert found["label"].tolist() == ["y", "y", "y"] and found["decided_by"].tolist() == ["adjudicator", "panel", "panel"]
    assert found["left_out"].tolist() == ["", "adjudicators differ", ""]
    assert found.loc["i1", "note"].startswith("adjudicators differ")


def test_a_unit_that_only_an_adjudicator_rated_has_a_label_and_no_soft_one():
    row = labels(panel("yy", "nn"), judged("-", "-", "y")).loc["i2"]
    assert (row["label"], row["n_ratings"], row["n_raters"], row["left_out"]) == ("y", 0, 0, "")
    assert pd.isna(row["soft_label"]) and np.isnan(row["probability"]) and row["note"] == "no ratings of the panel"


def test_an_adjudication_under_another_rubric_version_is_another_unit():
    found = labels(panel("yyn", "nny"), judged("n", rubric_version="2")).loc["i0"]
    assert found["decided_by"].tolist() == ["panel", "adjudicator"] and found["rubric_version"].tolist() == ["1", "2"]


def test_each_reason_to_be_left_out_is_told_the_first_that_holds():
    found = labels(panel("y", "yyn", "yyy"), gate=0.7)
    assert found["left_out"].tolist() == ["too few ratings", "probability below the gate", ""]
    assert labels(panel("y", "yyn", "yyy"), min_ratings=1, gate=2 / 3)["left_out"].tolist() == ["", "", ""]
    assert labels(panel("yyn", "yyy"), max_width=1)["left_out"].tolist() == ["no interval", "no interval"]


def test_wide_means_are_left_out_and_unanimous_ones_kept():
    found = labels(scored((1, 5, 3), (2, 2, 2), (4, 4, 4, 4, 4, 4, 4, 3), (2,)), max_width=2)
    assert found["left_out"].tolist() == ["interval too wide", "", "", "too few ratings"]
    assert labels(scored((1, 5, 3), (2,)), max_width=2, min_ratings=1).loc["i1", "left_out"] == "no interval"


def test_what_is_undefined_is_left_out_with_its_reason():
    alike = labels(panel("yyy", "yyy"), method="dawid_skene").loc["i0"]
    assert alike["left_out"] == "undefined" and "one level" in alike["note"] and pd.isna(alike["soft_label"])
    sliders = scored((1.25, 2.5), (3.75, 3.5), (7.1, 7.3)).assign(score=lambda t: t["score"] + np.arange(6) / 7)
    assert labels(sliders, method="dawid_skene")["left_out"].eq("").all()       # few enough numbers to be levels
    many = scored(*[(i / 7, i / 7 + 0.01) for i in range(60)])
    found = labels(many, method="dawid_skene")
    assert found["left_out"].eq("undefined").all() and found["note"].str.contains("use method='numeric'").all()
    kept = labels(many, method="majority")
    assert kept["left_out"].eq("").all() and kept["label"].isna().all() and kept.loc["i7", "score"] == pytest.approx(1.005, abs=EXACT)
    assert labels(many, method="majority", gate=0.5)["left_out"].eq("no probability").all()


def test_a_tie_is_said_in_the_note():
    assert "tie: n, y" in labels(panel("yn", "yy"))["note"].iloc[0]


def test_criteria_on_different_scales_and_steps_beside_whole_items_are_kept_apart():
    whole = pd.concat([panel("yyn", "yyy"), scored((1, 2), (2, 2)).assign(criterion="depth")])
    steps = panel("nny", "yyy", step=3)
    found = soft_labels(wb.read(pd.concat([whole, steps], ignore_index=True)), method="majority")
    assert found[["criterion", "item_id", "label"]].values.tolist() == [
        ["depth", "i0", "2"], ["depth", "i1", "2"], ["overall", "i0", "y"], ["overall", "i0", "n"], ["overall", "i1", "y"],
        ["overall", "i1", "y"]]
    assert found["step"].isna().tolist() == [True, True, True, False, True, False]
    judge = judged("y", step=3)
    again = soft_labels(wb.read(pd.concat([whole, steps, judge], ignore_index=True)), method="majority")
    assert again["decided_by"].tolist() == ["panel"] * 3 + ["adjudicator"] + ["panel"] * 2


def test_ids_that_are_numbers_stay_numbers():
    rows = panel("yy", "nn").assign(item_id=[7, 7, 12, 12])
    found = soft_labels(wb.read(rows), method="majority")
    assert found["item_id"].tolist() == [7, 12]


def test_without_a_rating_there_is_no_row():
    frame = panel("yy").assign(rater_kind="model")
    found = soft_labels(wb.read(frame), method="majority")
    assert found.empty and "left_out" in found


@pytest.mark.parametrize(("options", "words"), [
    ({"min_ratings": 0}, "min_ratings=0 is not a number of ratings"), ({"gate": 1.5}, "gate=1.5 is not a probability"),
    ({"max_width": 0}, "max_width=0 is not a width"), ({"method": "numeric", "gate": 0.5}, "'numeric' has none"),
    ({"method": "median"}, "method='median' is not known")])
def test_an_option_that_is_none_is_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        labels(panel("yy"), **options)


def test_a_criterion_that_does_not_occur_is_named_with_those_that_do():
    ratings = wb.read(panel("yy", criterion="depth"))
    with pytest.raises(ParameterError, match="criterion=deep does not occur in frame. Its criteria are: depth"):
        soft_labels(ratings.where(criterion=["depth", "deep"]))
