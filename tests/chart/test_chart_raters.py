from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan


def pair_rows(n: int) -> pd.DataFrame:
    return pd.DataFrame([{"rater_a": f"r{i}", "rater_b": f"r{j}", "value": (i + j) / (2 * n), "low": 0.0, "high": 1.0,
                          "n_items": 9, "confidence": 0.95} for i in range(n) for j in range(i + 1, n)])


def test_raters_are_sorted_and_stand_out_where_the_interval_excludes_zero(table) -> None:
    raters = table(("severity", 0.3, 0.1, 0.5, {"rater_id": "b"}), ("severity", NAN, NAN, NAN, {"rater_id": "c"}),
                   ("severity", -0.2, -0.6, 0.2, {"rater_id": "a"}))
    made = chart.rater_forest(raters, measure="Severity (levels)")
    rows = next(rows for rows in made.to_dict(validate=False)["datasets"].values() if "apart" in rows[0])
    assert [(row["label"], row["apart"]) for row in rows] == [
        ("a", "like the panel, or cannot tell"), ("b", "interval excludes 0"), ("c", "like the panel, or cannot tell")]
    assert "3 raters, 1 with an interval that excludes 0" in made.to_dict(validate=False)["title"]["subtitle"][0]


def test_effects_lie_around_a_zero_in_the_middle(table, views, mark) -> None:
    point, = mark(views(chart.rater_forest(table(("severity", 0.3, 0.1, 0.5, {"rater_id": "b"})))), "point")
    assert point["encoding"]["x"]["scale"]["domain"] == pytest.approx([-0.525, 0.525])
    assert point["encoding"]["shape"]["scale"]["range"] == ["diamond", "circle"]


def test_pairs_are_the_same_on_both_sides_and_sorted_by_mean_agreement(views, mark) -> None:
    cells = mark(views(chart.pair_heatmap(pair_rows(4))), "rect")[1:]
    assert [[cell["encoding"][axis]["field"] for axis in "xy"] for cell in cells] == [["by0", "by1"], ["by1", "by0"]]
    assert all(cell["encoding"][axis]["scale"]["domain"] == ["r3", "r2", "r1", "r0"] for cell in cells for axis in "xy")


def test_agreement_of_a_coefficient_is_coloured_on_its_full_range(views, mark) -> None:
    kappa = mark(views(chart.pair_heatmap(pair_rows(3).assign(name="cohen_kappa"))), "rect")[1]
    share = mark(views(chart.pair_heatmap(pair_rows(3).assign(name="percent_agreement"))), "rect")[1]
    assert kappa["encoding"]["color"]["scale"]["domain"] == [-1, 0, 1] and share["encoding"]["color"]["scale"]["domain"] == [0, 1]


def test_pairs_show_their_n_and_count_those_that_share_nothing() -> None:
    made = chart.pair_heatmap(pair_rows(4).head(5))
    said = made.to_dict(validate=False)["title"]["subtitle"][0]
    assert said.startswith("4 raters, 5 of 6 pairs share items (others blank) · n = 9 items")
    assert "Items" in [tip["title"] for tip in made.to_dict(validate=False)["layer"][1]["encoding"]["tooltip"]]


def test_a_pair_not_defined_is_a_cross(texts) -> None:
    rows = pair_rows(3)
    rows.loc[0, ["value", "low", "high"]] = NAN
    assert "×" in texts(chart.pair_heatmap(rows))


def test_too_many_raters_name_the_cure() -> None:
    with pytest.raises(ParameterError, match="up to 40 raters, found 41. Select the pairs of some"):
        chart.pair_heatmap(pair_rows(41))
    with pytest.raises(ParameterError, match="at most 150 rows of results, found 151. To draw it, select raters"):
        chart.rater_forest(pd.DataFrame({"rater_id": range(151), "value": 0.0, "low": -1.0, "high": 1.0}))
