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


def test_sides_that_raters_take_are_a_finding_where_items_have_no_text():
    terms = pd.DataFrame([{"on": "raters", "p": 1e-6, "status": "watch", "criterion": "tone", "rubric": "default", "size": 40.0, "value": 0.1,
                           "low": 0.05, "high": 0.15, "terms": "r1 high; r2 low", "examples": "i1; i2", "note": ""}])
    frame = drawn(12, k=3)
    row = wb.disagreement.findings(wb.disagreement.slices(wb.read(frame)), wb.disagreement.items(wb.read(frame)),
                                   sides=terms).set_index("id").loc["disagreement/sides/criterion=tone/group=r1 high; r2 low"]
    assert row["sentence"] == ("On the tone of 40 items raters take sides as on no others: r1 high; r2 low. "
                               "Disagreement there +0.100 [+0.050, +0.150].")
    assert (row["severity"], row["status"]) == ("attention", "watch")


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
