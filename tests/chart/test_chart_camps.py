from __future__ import annotations

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def parting(n: int = 2, **more: object) -> pd.DataFrame:
    rows = {"item_id": [f"i{k}" for k in range(n)], "value": [0.5, -0.1][:n] * 1 if n <= 2 else 0.1, "faction": 1, "versus": 2,
            "mean": 0.8, "mean_versus": 0.3, "confidence": 0.95, "n_ratings": 4}
    frame = pd.DataFrame(rows)
    return frame.assign(low=frame["value"] - 0.2, high=frame["value"] + 0.2, **more)


def test_items_keep_their_order_on_the_full_range_of_a_difference(views, mark) -> None:
    points = mark(views(chart.faction_forest(parting())), "point")
    assert points[0]["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    assert points[0]["encoding"]["y"]["sort"] == ["i0", "i1"]


def test_a_difference_whose_interval_holds_0_is_quiet_and_told_apart_by_shape_too(views, mark, texts) -> None:
    made = chart.faction_forest(parting())
    for channel in ("color", "shape"):
        scale = mark(views(made), "point")[0]["encoding"][channel]["scale"]
        assert scale["domain"] == ["interval excludes 0", "cannot tell from 0"] and len(set(scale["range"])) == 2
    assert {"interval excludes 0", "cannot tell from 0", "no parting"} <= texts(made)


def test_axis_and_subtitle_name_the_camps_counts_and_confidence(views, mark) -> None:
    made = chart.faction_forest(parting())
    title = mark(views(made), "point")[0]["encoding"]["x"]["axis"]["title"]
    assert title == "Mean of camp 1 less that of camp 2, severity taken out (share of the scale)"
    assert " / ".join(made.to_dict(validate=False)["title"]["subtitle"]) == (
        "n = 2 items · 4 ratings each · 95 % intervals / Right of 0 camp 1 rates higher than camp 2, left of 0 lower")


def test_criteria_tell_rows_of_one_item_apart(texts) -> None:
    both = pd.concat([parting(1, criterion="tone"), parting(1, criterion="facts")], ignore_index=True)
    assert any("tone" in text for text in texts(chart.faction_forest(both)))


def test_no_rows_are_said_and_too_many_are_an_error() -> None:
    assert "camps that part" in str(chart.faction_forest(parting(0)).to_dict(validate=False))
    with pytest.raises(ParameterError, match="40"):
        chart.faction_forest(parting(41))
