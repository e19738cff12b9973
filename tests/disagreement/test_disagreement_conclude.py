"""Sentences on disagreement."""

from __future__ import annotations

import pandas as pd
from planted import drawn, matrix

import workbench as wb


def findings_of(ratings):
    d = wb.disagreement
    return d.findings(d.slices(ratings), d.items(ratings), terms=d.cluster_terms(ratings),
                      sides=d.cluster_terms(ratings, on="raters")).set_index("id")


def test_a_hot_slice_is_named_with_its_size_and_what_to_do():
    found = findings_of(wb.read(drawn(0, n_items=400, hot=1.0)))
    row = found.loc["disagreement/hot-slice/criterion=overall/task_type=k1"]
    assert (row["severity"], row["status"]) == ("attention", "found")
    assert row["sentence"].startswith("Raters differ more on overall where task_type is k1: disagreement ")
    assert "write down which reading holds: i" in row["action"]
    assert found.loc["disagreement/topics", "severity"] == "unknown"


def test_nothing_hot_is_a_finding_too():
    found = findings_of(wb.read(drawn(11)))
    assert found.loc["disagreement/slices", "sentence"].startswith("No slice stands out among 4 tested.")
    assert found.loc["disagreement/slices", "severity"] == "ok"


def test_one_rating_an_item_is_unknown():
    found = findings_of(matrix([[1, 2, None], [None, None, 3]]))
    assert found["severity"].tolist() == ["unknown"]
    assert "no item was rated by two raters" in found["sentence"].item()


def test_too_few_ratings_for_two_readings_are_said():
    found = findings_of(wb.read(drawn(12, k=3)))
    assert "no item has 4 ratings or more" in found.loc["disagreement/two-readings", "sentence"]


def test_two_groups_are_not_called_two_readings_for_noise_parts_items_too():
    row = findings_of(wb.read(drawn(3, k=4))).loc["disagreement/two-readings/criterion=overall"]
    n_split = int(row["sentence"].split(" on ")[1].split()[0])
    assert 0.03 < n_split / 160 < 0.15   # nothing but noise and severity in it
    assert "ratings part into two groups" in row["sentence"] and "Noise alone parts some: 3 to 10 % of items" in row["sentence"]


def sides(**other):
    row = {"on": "raters", "p": 1e-6, "status": "watch", "criterion": "overall", "rubric": "default", "size": 40.0, "value": 0.1,
           "low": 0.05, "high": 0.15, "terms": "r1 high; r2 low", "examples": "i1; i2", "note": ""}
    return pd.DataFrame([row | other])


def sides_findings(terms):
    items = pd.DataFrame({"criterion": "overall", "rubric": "default", "n_ratings": [2] * 160, "item_id": range(160)})
    slices = pd.DataFrame({"p": [], "status": [], "column": [], "note": []})
    return wb.disagreement.findings(slices, items, sides=terms).set_index("id")


def test_sides_that_raters_take_say_on_how_many_items_and_that_these_were_chosen():
    row = sides_findings(sides()).loc["disagreement/sides/criterion=overall/group=1"]
    assert row["sentence"] == ("On the overall of 40 of 160 items raters take sides beyond severity, scale use and noise: r1 high; r2 low. "
                               "Disagreement on these, chosen for that, less the others': +0.100 [+0.050, +0.150].")
    assert (row["severity"], row["status"]) == ("attention", "watch")


def test_several_sides_of_a_criterion_are_told_apart_by_their_number_which_names_no_rater():
    both = sides_findings(pd.concat([sides(), sides(terms="r3 high")]))
    assert [i for i in both.index if "/sides/" in i] == [f"disagreement/sides/criterion=overall/group={k}" for k in (1, 2)]


def test_why_sides_cannot_be_told_is_said_once():
    sentence = sides_findings(sides(p=float("nan"), status="", note="cannot tell: two raters")).loc["disagreement/sides", "sentence"]
    assert sentence == "Whether raters take sides on some items cannot be told: two raters."


def test_ratings_all_alike_ask_for_no_further_columns():
    found = findings_of(wb.read(drawn(12).assign(score=3)))
    assert "no disagreement differs" in found.loc["disagreement/slices", "sentence"] and found.loc["disagreement/slices", "action"] == ""
    assert "nearly always the same level: opinions do not show" in found.loc["disagreement/sides", "sentence"]


def test_no_sides_is_a_finding_too():
    found = findings_of(wb.read(drawn(12, k=3)))
    assert found.loc["disagreement/sides", "severity"] == "ok"


def test_a_pair_is_named_by_both_its_levels_and_what_they_lead_one_to_expect():
    frame = drawn(3, n_items=600)
    frame["system"] = "m" + (frame["item_id"].str[1:].astype(int) % 3).astype(str)
    chosen = (frame["task_type"] == "k1") & (frame["system"] == "m2") & (frame.groupby("item_id").cumcount() == 0)
    frame.loc[chosen, "score"] = (frame.loc[chosen, "score"] < 2) * 4
    found = findings_of(wb.read(frame))
    row = found.loc["disagreement/hot-slice/criterion=overall/system=m2/task_type=k1"]
    assert row["sentence"].startswith("Raters differ more on overall where task_type is k1 and system is m2: disagreement ")
    assert " expected of the two levels (" in row["sentence"]
