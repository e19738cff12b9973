from __future__ import annotations

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


@pytest.fixture
def compared(table):
    return table(("krippendorff_alpha", 0.4, 0.3, 0.5, {"criterion": "tone", "rubric_version": "1"}),
                 ("krippendorff_alpha", 0.6, 0.5, 0.7, {"criterion": "tone", "rubric_version": "2"}),
                 ("krippendorff_alpha", 0.5, 0.4, 0.6, {"criterion": "fact", "rubric_version": "1"}),
                 ("krippendorff_alpha", 0.5, 0.4, 0.6, {"criterion": "fact", "rubric_version": "2"}),
                 ("difference in krippendorff_alpha", 0.2, 0.1, 0.3, {"criterion": "tone", "rubric_version": "2 less 1"}))


def test_versions_stand_side_by_side_joined_on_the_full_range(compared, views, mark) -> None:
    drawn = views(chart.version_compare(compared))
    line, = mark(drawn, "line")
    sides, difference = mark(drawn, "point")
    assert line["encoding"]["detail"]["field"] == "label"
    assert sides["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    assert sides["encoding"]["x"]["axis"]["title"] == "Krippendorff's alpha"
    assert sides["encoding"]["shape"]["scale"] == {"domain": ["version 1", "version 2"], "range": ["square", "circle"]}
    assert difference["encoding"]["x"]["scale"]["domain"] == pytest.approx([-0.315, 0.315])


def test_a_missing_paired_difference_is_said(compared, texts) -> None:
    assert {"no paired difference in the table", "0.20 [0.10, 0.30]"} <= texts(chart.version_compare(compared))


def test_versions_without_any_difference_are_drawn(compared, texts) -> None:
    assert "no paired difference in the table" in texts(chart.version_compare(compared.head(4)))


def test_two_versions_of_one_statistic_are_expected(compared) -> None:
    third = compared.head(1).assign(rubric_version="3")
    with pytest.raises(ParameterError, match="two rubric versions and one statistic, found versions 1, 2, 3 and 1 statistics"):
        chart.version_compare(pd.concat([compared, third]))
    chart.version_compare(pd.concat([compared, third]), versions=("1", "2"))


def test_flow_shares_are_of_the_old_level() -> None:
    made = chart.level_flow(pd.DataFrame({"from_level": [10, 10, 2], "to_level": [10, 2, 2], "n": [3, 1, 5]}))
    rows = next(iter(made.to_dict(validate=False)["datasets"].values()))
    assert [row["share"] for row in rows] == [0.75, 0.25, 1.0]   # 3/4, 1/4, 5/5
    said = made.to_dict(validate=False)["title"]["subtitle"][0]
    assert said.startswith("n = 9 ratings by the same rater of the same item") and "8 kept their level" in said


def test_flow_levels_stand_in_order_under_named_versions(views) -> None:
    cell = views(chart.level_flow(pd.DataFrame({"from_level": [10], "to_level": [2], "n": [1]}), versions=("A", "B")))[0]
    assert cell["encoding"]["x"]["scale"]["domain"] == [str(level) for level in range(2, 11)] == cell["encoding"]["y"]["scale"]["domain"]
    assert [cell["encoding"][axis]["axis"]["title"] for axis in "xy"] == ["Level in version B", "Level in version A"]
    assert cell["encoding"]["color"]["scale"]["domain"] == [0, 1]
