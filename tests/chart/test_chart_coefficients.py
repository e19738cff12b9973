from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan


@pytest.fixture
def forest_table(table):
    return table(("krippendorff_alpha", 0.5, 0.4, 0.6, {"criterion": "tone", "task_type": "code"}),
                 ("gwet_ac", 0.6, 0.5, 0.7, {"criterion": "tone", "task_type": "code"}),
                 ("krippendorff_alpha", NAN, NAN, NAN, {"criterion": "fact", "task_type": "code", "note": "one level only"}))


@pytest.fixture
def trend_table(table):
    days = pd.date_range("2026-01-05", periods=6, freq="7D", tz="UTC")
    rows = [("krippendorff_alpha", NAN if i == 1 else 0.5, NAN if i == 1 else 0.4, NAN if i == 1 else 0.6,
             {"window": day, "rubric_version": "1" if i < 4 else "2"}) for i, day in enumerate(days)]
    return table(*rows)


def test_coefficients_differ_by_shape_and_only_the_headline_has_colour(forest_table, views, mark) -> None:
    point, = mark(views(chart.agreement_forest(forest_table.drop(columns="task_type"), by="criterion")), "point")
    assert point["encoding"]["shape"]["scale"] == {"domain": ["Krippendorff's alpha", "Gwet's AC"], "range": ["circle", "square"]}
    assert point["encoding"]["stroke"]["scale"]["range"] == ["#1f5fa6", "#3b4351"]
    # in greyscale the two strokes are alike: the headline is filled and the others are hollow
    assert point["encoding"]["fill"]["scale"]["range"] == ["#1f5fa6", "#ffffff"]


def test_a_model_and_humans_are_named_so_on_the_full_range(table, views, mark) -> None:
    rows = table(("model_human", 0.5, 0.4, 0.6, {"criterion": "tone"}), ("human_human", 0.6, 0.5, 0.7, {"criterion": "tone"}))
    point, = mark(views(chart.agreement_forest(rows, by="criterion", reference=(), measure="Agreement beyond chance")), "point")
    assert point["encoding"]["shape"]["scale"]["domain"] == ["Model with a human", "Two humans"]
    assert point["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    assert point["encoding"]["x"]["axis"]["title"] == "Agreement beyond chance"


def test_agreement_stands_on_its_full_range_with_its_interval(forest_table, views, mark) -> None:
    drawn = views(chart.agreement_forest(forest_table.drop(columns="task_type"), by="criterion"))
    rule = next(view for view in mark(drawn, "rule") if "x2" in view["encoding"])
    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("low", "high")
    assert rule["encoding"]["x"]["scale"]["domain"] == [-1, 1] and rule["encoding"]["x"]["axis"]["title"] == "Agreement"


def test_what_is_not_defined_is_written_out(forest_table, texts) -> None:
    assert {"not defined: one level only", "0.50 [0.40, 0.60]"} <= texts(chart.agreement_forest(forest_table, by="criterion"))


def test_reference_lines_are_named_and_can_be_left_out(forest_table, texts) -> None:
    assert "0.8 reliable" in texts(chart.agreement_forest(forest_table, by="criterion"))
    assert "0.8 reliable" not in texts(chart.agreement_forest(forest_table, by="criterion", reference=()))


def test_all_columns_but_the_last_make_panels(forest_table) -> None:
    panels = chart.agreement_forest(forest_table, by=["criterion", "task_type"]).to_dict()["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == ["Criterion: tone", "Criterion: fact"]
    panels = chart.agreement_forest(forest_table.assign(rubric="main"), by=["criterion", "rubric", "task_type"]).to_dict()["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == ["tone · main", "fact · main"]
    with pytest.raises(ParameterError, match="one or more `by` columns and up to 7 coefficients, found 0"):
        chart.agreement_forest(forest_table.head(2), by=[])


def test_lines_stop_at_a_version_and_at_a_week_not_defined(trend_table, views, mark) -> None:
    made = chart.agreement_trend(trend_table, fences=[("2026-02-02", "version 2")])
    rows = next(rows for rows in made.to_dict(validate=False)["datasets"].values() if "segment" in rows[0])
    assert [row["segment"] for row in rows] == ["1/0", "1/1", "1/1", "1/1", "2/0", "2/0"]
    line, = mark(views(made), "line")
    assert line["encoding"]["detail"]["field"] == "segment" and line["encoding"]["y"]["scale"]["domain"] == [-1, 1]
    assert "version 2" in str(made.to_dict(validate=False)["datasets"])
    assert made.to_dict(validate=False)["title"]["subtitle"][-1].endswith("× marks a week that is not defined")


def test_weeks_are_drawn_in_utc(trend_table, views, mark) -> None:
    x = mark(views(chart.agreement_trend(trend_table)), "line")[0]["encoding"]["x"]
    start = pd.Timestamp("2026-01-02", tz="UTC").timestamp() * 1000
    assert x["scale"]["type"] == "utc" and x["scale"]["domain"][0] == start and x["axis"]["title"] == "Week (from Monday, UTC)"


def test_a_trend_is_of_one_statistic(trend_table) -> None:
    both = pd.concat([trend_table, trend_table.assign(name="gwet_ac")])
    with pytest.raises(ParameterError, match="draws one statistic, found 2: krippendorff_alpha, gwet_ac. Select one, as in estimates"):
        chart.agreement_trend(both)


def test_a_trend_draws_up_to_twelve_groups(trend_table) -> None:
    many = pd.concat([trend_table.assign(criterion=f"c{i}") for i in range(13)])
    with pytest.raises(ParameterError, match="up to 12 groups, found 13"):
        chart.agreement_trend(many, by="criterion")
