"""Sentences around the headline: each from a table written out small."""

import math

import pandas as pd
import pytest

import workbench as wb
from workbench.agreement.verdicts import on_autorater, on_connectivity, on_gold, on_plan, on_scorecard
from workbench.estimates import estimate, estimates_table, findings_table


def estimates(*rows: dict[str, object], by: list[str]) -> pd.DataFrame:
    usual = {"confidence": 0.95, "n_items": 50, "n_raters": 4, "n_ratings": 150}
    return estimates_table([estimate(r.pop("name"), r.pop("value"), **usual | {k: r.pop(k) for k in ("low", "high", "note") if k in r}) | r
                            for r in rows], by=by)


def difference(value: float, low: float, high: float) -> pd.DataFrame:
    each = {"criterion": "tone", "rater_id": "judge"}
    return estimates({"name": "model_human", "value": 0.5 + value, **each}, {"name": "human_human", "value": 0.5, **each},
                     {"name": "difference", "value": value, "low": low, "high": high, **each}, by=["criterion", "rater_id"])


@pytest.mark.parametrize(("value", "low", "high", "severity", "says"), [
    (-0.20, -0.30, -0.10, "attention", "judge agrees with humans on tone less than they do with one another: 0.30 against 0.50, "
                                       "difference -0.200 (95 % -0.300 to -0.100, 50 items)."),
    (0.10, 0.05, 0.15, "ok", "judge agrees with a human on tone more than another human does: 0.60 against 0.50"),
    (0.00, -0.05, 0.05, "ok", "judge agrees with a human on tone about as far as another human does"),
    (0.00, -0.40, 0.40, "unknown", "Whether judge agrees with a human on tone as far as another human does cannot be told")])
def test_a_model_is_judged_by_where_the_interval_of_the_difference_lies(value, low, high, severity, says):
    found, = on_autorater(difference(value, low, high))
    assert found["severity"] == severity
    assert found["sentence"].startswith(says)
    assert found["id"] == "agreement/autorater-stands-in/criterion=tone/rater_id=judge"


def test_an_undefined_difference_says_nothing():
    assert on_autorater(difference(math.nan, math.nan, math.nan)) == []


def test_islands_are_named_with_their_sizes():
    frame = pd.DataFrame({"item_id": ["a", "a", "b", "b", "c"], "rater_id": ["r1", "r2", "r3", "r4", "r5"], "score": 1.0})
    found, = on_connectivity(wb.agreement.connectivity(wb.read(frame)))
    assert found["sentence"] == "The raters fall into 3 sets that share no item (2, 2, 1 raters): across sets nothing can be compared."
    assert found["severity"] == "attention" and found["n_raters"] == 5 and found["n_ratings"] == 5


def test_of_many_islands_the_largest_are_counted_out():
    frame = pd.DataFrame({"item_id": list("aabcdefg"), "rater_id": [f"r{i}" for i in range(8)], "score": 1.0})
    found, = on_connectivity(wb.agreement.connectivity(wb.read(frame)))
    assert "fall into 7 sets that share no item (2, 1, 1, 1, 1 raters, and smaller ones): across" in found["sentence"]


def test_a_set_that_hangs_by_few_items_is_named_with_its_link():
    items = {"r1": range(0, 12), "r2": range(11, 23)}
    frame = pd.concat([pd.DataFrame({"item_id": list(own), "rater_id": rater, "criterion": "tone", "score": 1.0}) for rater, own in items.items()])
    found, = on_connectivity(wb.agreement.connectivity(wb.read(frame), by=["criterion"]))
    assert found["sentence"] == "The raters on tone hang together by 1 item only, between r1 and r2."
    assert found["id"] == "agreement/raters-hardly-connected/criterion=tone"


def test_a_rater_of_few_items_is_no_thin_link():
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(20)] * 2, "rater_id": ["r1"] * 20 + ["r2"] * 20, "score": 1.0})
    newcomer = pd.DataFrame({"item_id": ["i0", "i1"], "rater_id": "r3", "score": 1.0})
    assert on_connectivity(wb.agreement.connectivity(wb.read(pd.concat([frame, newcomer])))) == []


def test_a_well_connected_panel_needs_no_sentence():
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(10)] * 2, "rater_id": ["r1"] * 10 + ["r2"] * 10, "score": 1.0})
    assert on_connectivity(wb.agreement.connectivity(wb.read(frame))) == []


def test_the_plan_says_what_a_rater_and_items_buy():
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1.5, 2, 3, 4, 5] * 8, "bob": [1.5, 2, 3, 5, 4] * 8}), scale="interval")
    plan = wb.agreement.decision_study(ratings, by=["criterion"], further_raters=(0, 1), further_items=(0, 120))
    sentence = on_plan(plan)[0]["sentence"]
    now, more = plan["value"][0], plan["value"][1]
    assert sentence.startswith(f"The mean of 2 ratings an item on overall has reliability {now:.2f} (95 % ")
    assert f"with 3 it would have {more:.2f}; 120 more items would narrow alpha's interval from ±" in sentence


@pytest.mark.parametrize(("value", "low", "high", "severity"), [
    (0.8, 0.7, 0.9, "ok"), (0.3, 0.2, 0.4, "attention"), (0.5, 0.3, 0.6, "unknown"), (0.6, 0.5, 0.7, "ok")])
def test_the_least_reliable_means_are_named_and_judged_against_a_half(value, low, high, severity):
    usual = {"name": "reliability_of_mean", "planned_items": 50}
    rows = [{**usual, "criterion": c, "planned_raters": k, "value": v, "low": v + low - value, "high": v + high - value}
            for c, v in (("tone", value), ("fact", value + 0.05)) for k in (3.07, 4.07)]
    found, = on_plan(estimates(*rows, by=["criterion", "planned_raters", "planned_items"]))
    assert found["sentence"].startswith(f"The mean of 3.1 ratings an item on tone, the least of 2, has reliability {value:.2f} (95 % ")
    assert found["severity"] == severity and bool(found["action"]) == (severity != "ok")
    assert found["id"] == "agreement/what-more-would-buy"  # stays though another criterion becomes the least


@pytest.mark.parametrize(("low", "high", "severity"), [(0.5, 0.9, "ok"), (0.2, 0.49, "attention"), (0.4, 0.6, "unknown")])
def test_the_majority_is_held_against_gold_where_it_is_least_right(low, high, severity):
    both = {"from": math.nan, "to": math.nan, "predicted": math.nan}
    rows = [{"name": "accuracy", "criterion": c, "consensus": way, "value": v, "low": low, "high": high, **both}
            for c, way, v in (("tone", "majority", 0.55), ("tone", "dawid_skene", 0.1), ("fact", "majority", 0.7))]
    found, = on_gold(estimates(*rows, {**rows[0], "name": "brier", "value": 0.1}, by=["criterion", "consensus"]))
    assert found["sentence"] == ("The majority of raters has the right level on tone, the least of 2, on 55 % of the gold items "
                                 f"(95 % interval {100 * low:.0f} to {100 * high:.0f} %, 50 items).")
    assert found["severity"] == severity and found["value"] == 0.55


def test_without_gold_nothing_is_said_of_being_right():
    ratings = wb.from_matrix(pd.DataFrame({"ann": list("abab"), "bob": list("abba")}))
    assert on_gold(wb.agreement.calibration(ratings, by=["criterion"])) == []


def test_gold_from_ratings_reaches_the_findings():
    rows = [(f"i{i}", who, level, kind) for i in range(20) for who, level, kind in
            (("ann", "ab"[i % 2], "human"), ("bob", "ab"[i % 2], "human"), ("key", "ab"[i % 2 if i else 1], "gold"))]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "label", "rater_kind"]))
    found = wb.agreement.findings(wb.agreement.summary(ratings), calibration=wb.agreement.calibration(ratings, by=["criterion"]))
    said = found.set_index("id")["sentence"]["agreement/majority-against-gold"]
    # 19 of 20; Wilson: (.95 + 3.84/40 -+ 1.96 sqrt(.95 .05/20 + 3.84/1600)) / (1 + 3.84/20) = .764, .991
    assert said == "The majority of raters has the right level on overall on 95 % of the gold items (95 % interval 76 to 99 %, 20 items)."


def test_the_plan_says_that_items_have_one_rating():
    scores = [1.0, 2, 3, 1, 2, 3, 1, 2, 2]
    frame = pd.DataFrame({"item_id": [*range(6), *range(3)], "rater_id": ["a"] * 6 + ["b"] * 3, "score": scores})
    sentence = on_plan(wb.agreement.decision_study(wb.read(frame)))[0]["sentence"]
    assert "(3 of 6 items have one rating)" in sentence


def test_undefined_plans_say_nothing():
    alone = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3]}), scale="ordinal")
    assert on_plan(wb.agreement.decision_study(alone)) == []


@pytest.mark.parametrize(("name", "low", "high", "severity", "says"), [
    ("alpha_difference", -0.3, -0.1, "attention", "Raters of north agree less among themselves on tone than the others, on the same mix"),
    ("alpha_difference", 0.1, 0.3, "ok", "Raters of north agree more among themselves on tone than the others"),
    ("alpha_difference", -0.09, 0.2, "ok", "Raters of north agree among themselves on tone about as far as the others"),
    ("alpha_difference", -0.2, 0.15, "unknown", "Whether raters of north agree among themselves on tone as far as the others cannot be told"),
    ("alpha_difference", -0.5, 0.3, "unknown", "Whether raters of north agree among themselves on tone as far as the others cannot be told"),
    ("leniency", -0.3, -0.1, "attention", "Raters of north score lower on tone than the others do on the same items: -0.200")])
def test_a_party_is_judged_by_where_the_interval_lies(name, low, high, severity, says):
    table = estimates({"name": name, "value": (low + high) / 2, "low": low, "high": high, "criterion": "tone", "party": "north"},
                      by=["criterion", "party"])
    found, = on_scorecard(table)
    assert found["severity"] == severity and found["sentence"].startswith(says)


def test_leniency_that_may_be_none_is_not_said():
    table = estimates({"name": "leniency", "value": 0.0, "low": -0.1, "high": 0.1, "criterion": "tone", "party": "north"},
                      by=["criterion", "party"])
    assert on_scorecard(table) == []


def test_islands_come_before_what_else_asks_for_attention():
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(40)] * 2, "score": [1.0, 2, 3, 4] * 10 + [1.0, 2, 4, 3] * 10})
    frame["rater_id"] = ["r1"] * 40 + ["r2"] * 20 + ["r3"] * 20
    lone = pd.DataFrame({"item_id": ["x"], "rater_id": "r4", "score": 1.0})
    ratings = wb.read(pd.concat([frame, lone]))
    found = wb.agreement.findings(wb.agreement.summary(ratings), fair=0.9, connectivity=wb.agreement.connectivity(ratings))
    assert found["severity"].tolist()[:2] == ["attention"] * 2
    assert [i.split("/")[1] for i in found["id"]][:2] == ["raters-not-connected", "agreement"]


def test_findings_of_all_tables_stand_in_one_table_by_urgency():
    frame = pd.DataFrame({"item_id": ["a", "a", "b", "b"], "rater_id": ["r1", "r2", "r3", "r4"], "score": [1.0, 2, 1, 2]})
    ratings = wb.read(frame)
    found = wb.agreement.findings(wb.agreement.summary(ratings), connectivity=wb.agreement.connectivity(ratings, by=["criterion"]),
                                  decision_study=wb.agreement.decision_study(ratings, by=["criterion"]))
    assert found["id"].tolist() == ["agreement/raters-not-connected/criterion=overall", "agreement/agreement/criterion=overall"]
    assert list(found.columns) == list(findings_table([]).columns)


def test_one_of_twenty_models_or_rows_apart_is_held_for_chance():
    # Twenty differences whose intervals are .1 to either side; the first ends just below 0, as one in twenty does by chance.
    apart = [{"value": v, "low": v - 0.1, "high": v + 0.1, "criterion": f"c{i}"} for i, v in enumerate([-0.105, *[0.0] * 19])]
    rows = [{**row, "name": name, "rater_id": "judge"} for row in apart for name in ("model_human", "human_human", "difference")]
    models = estimates(*({**row} for row in rows), by=["criterion", "rater_id"])
    assert {found["severity"] for found in on_autorater(models)} == {"unknown"}
    assert on_autorater(models.head(3))[0]["severity"] == "attention"
    cards = estimates(*({**row, "name": "leniency", "party": "north"} for row in apart), by=["criterion", "party"])
    assert on_scorecard(cards) == [] and len(on_scorecard(cards.head(1))) == 1
