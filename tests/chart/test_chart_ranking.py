"""Ranks with their intervals, and two instruments beside each other."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.chart.ranking import MAY_LEAD, TOLD
from workbench.errors import ParameterError


def ranks(versions=("1", "2")):
    """Three systems in their order under each version."""
    return pd.DataFrame([{"name": "rank", "criterion": "quality", "rubric": "r", "rubric_version": v, "system": s, "other": "", "value": i,
                          "low": low, "high": high, "confidence": 0.95, "n_items": 20, "note": ""}
                         for v in versions for i, (s, low, high) in enumerate([("ant", 1, 2), ("bee", 1, 3), ("cow", 3, 3)], start=1)])


def compared():
    """A table of `compare`: two measures, one criterion."""
    rows = [("separation_per_hour", "1", 5.0, 3.0, 7.0, ""), ("separation_per_hour", "2", 9.0, 6.0, 12.0, ""),
            ("difference of separation_per_hour", "2 less 1", 4.0, 1.0, 7.0, ""),
            ("krippendorff_alpha", "1", 0.5, 0.4, 0.6, ""), ("krippendorff_alpha", "2", 0.6, 0.5, 0.7, ""),
            ("difference of krippendorff_alpha", "2 less 1", math.nan, math.nan, math.nan, "no bridge set of the same raters")]
    return pd.DataFrame([{"name": n, "criterion": "quality", "rubric_version": v, "value": x, "low": low, "high": high,
                          "confidence": 0.95, "n_items": 20, "note": note} for n, v, x, low, high, note in rows])


def test_ranks_are_drawn_on_their_full_range_by_version_with_whole_numbers():
    drawn = chart.rank_intervals(ranks()).to_dict()
    assert [panel["title"]["text"] for panel in drawn["hconcat"]] == ["version 1", "version 2"]
    x = drawn["hconcat"][0]["layer"][0]["encoding"]["x"]
    assert x["scale"]["domain"] == [0.5, 3.5] and x["axis"]["title"] == "Rank (1 = best)"
    rows = next(iter(drawn["datasets"].values()))
    assert [row["reading"] for row in rows] == ["1 [1, 2]", "2 [1, 3]", "3 [3, 3]"]
    assert [row["lead"] for row in rows] == [MAY_LEAD[0], MAY_LEAD[0], MAY_LEAD[1]]
    assert "hold for all systems" in " ".join(drawn["title"]["subtitle"])


def test_systems_stand_in_one_order_in_all_panels():
    turned = ranks()
    turned.loc[turned["rubric_version"] == "2", "value"] = [3, 1, 2]
    panels = chart.rank_intervals(turned).to_dict()["hconcat"]
    assert [panel["layer"][0]["encoding"]["y"]["sort"] for panel in panels] == [["bee", "ant", "cow"]] * 2


def test_an_undefined_ranking_says_why():
    table = ranks(("1",)).head(1).assign(value=math.nan, low=math.nan, high=math.nan, system="", note="only one system was rated")
    assert "only one system was rated" in str(chart.rank_intervals(table).to_dict()["datasets"])


def test_ranks_of_several_criteria_are_refused():
    table = pd.concat([ranks(("1",)), ranks(("2",)).assign(criterion="safety")])
    with pytest.raises(ParameterError, match="one criterion and up to 4 versions, found 2 criteria"):
        chart.rank_intervals(table)


def test_no_ranks_make_a_chart_that_says_so():
    assert "no rows" in str(chart.rank_intervals(ranks().head(0)).to_dict()["datasets"])


def test_instruments_show_each_measure_and_its_difference_row_by_row():
    drawn = chart.instruments(compared()).to_dict()
    left, right = (column["vconcat"] for column in drawn["hconcat"])
    titles = [panel["title"]["text"] for panel in left]
    assert titles == ["Separation of systems per rater-hour (signal over noise)", "Krippendorff's alpha"]
    assert len(right) == 2 and left[1]["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-1.0, 1.0]
    said = str(drawn["datasets"])
    assert TOLD[0] in said and "not defined: no bridge set of the same raters" in said
    assert right[0]["layer"][1]["encoding"]["x"]["axis"]["title"] == "New less old"


def test_chosen_measures_alone_are_drawn():
    drawn = chart.instruments(compared(), measures=["krippendorff_alpha"]).to_dict()
    assert len(drawn["hconcat"][0]["vconcat"]) == 1


def test_a_measure_without_any_interval_has_a_range_of_its_own():     # else a browser warns of none
    table = compared().iloc[:3].assign(name=lambda t: t["name"].str.replace("separation_per_hour", "seconds_per_rating"), value=30.0,
                                       low=math.nan, high=math.nan)
    panel = chart.instruments(table).to_dict()["hconcat"][0]["vconcat"][0]
    assert panel["layer"][0]["encoding"]["x"]["scale"]["domain"] == [27, 33]


def test_instruments_of_three_versions_are_refused():
    third = compared().head(1).assign(rubric_version="3")
    with pytest.raises(ParameterError, match="draws two rubric versions, found 1, 2, 3"):
        chart.instruments(pd.concat([compared(), third]))


def test_no_measures_make_a_chart_that_says_so():
    assert "no rows" in str(chart.instruments(compared().head(0)).to_dict()["datasets"])
