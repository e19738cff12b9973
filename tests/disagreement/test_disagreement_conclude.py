"""Sentences on disagreement."""

from __future__ import annotations

from planted import drawn, matrix

import workbench as wb


def findings_of(ratings):
    d = wb.disagreement
    return d.findings(d.slices(ratings), d.items(ratings), terms=d.cluster_terms(ratings)).set_index("id")


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
    assert 0.1 < n_split / 160 < 0.25   # nothing but noise and severity in it
    assert "ratings part into two groups" in row["sentence"] and "Noise alone parts some: 13 to 22 % of items" in row["sentence"]
