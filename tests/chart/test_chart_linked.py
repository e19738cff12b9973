"""Charts with cells to choose: their encodings and parameters, and what a brush or a click in them means."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.chart.linked import cell_map, cell_weeks, drawn, picked_in
from workbench.errors import ParameterError

CELLS = pd.DataFrame({"down": ["a", "a", "b"], "across": ["x", "y", "x"], "value": [0.1, 0.2, 0.3], "low": [0.0, 0.1, 0.2],
                      "high": [0.2, 0.3, 0.4], "confidence": 0.95, "n_items": [3, 4, 5]})
WEEKS = CELLS.assign(across=pd.to_datetime(["2026-11-02", "2026-11-09", "2026-11-02"], utc=True))


def params(chart) -> dict[str, object]:
    return {p["name"]: p.get("select", p.get("value")) for p in chart.to_dict()["params"]}


def test_a_map_has_a_click_a_brush_over_both_axes_and_what_is_picked() -> None:
    spec = cell_map(CELLS, down="criterion", across="task_type", title="Where?").to_dict()
    found = params(cell_map(CELLS, down="criterion", across="task_type", title="Where?"))
    assert found["picked"] == [] and found["click"]["fields"] == ["cell"] and found["brush"]["encodings"] == ["x", "y"]
    rect = spec["layer"][0]["encoding"]
    assert rect["x"]["title"] == "Task type" and rect["y"]["title"] == "Criterion" and rect["color"]["scale"]["domain"] == [0, 0.5]
    assert spec["title"]["text"] == "Where?" and "n = 3–5 items" in " ".join(spec["title"]["subtitle"])


def test_weeks_are_brushed_along_time_alone_on_one_scale_in_every_panel() -> None:
    chart = cell_weeks(WEEKS, title="When?")
    assert params(chart)["brush"]["encodings"] == ["x"]
    assert [panel["layer"][1]["encoding"]["y"]["scale"]["domain"] for panel in chart.to_dict()["vconcat"]] == [[0, 0.5]] * 2


def test_a_brush_takes_the_cells_within_it_and_goes_before_a_click() -> None:
    assert picked_in(CELLS, brush={"down": ["a", "b"], "across": ["x"]}, click=[{"cell": 1}]) == [0, 2]
    assert picked_in(CELLS, brush={}, click=[{"cell": 1}, {"cell": 7}]) == [1]
    monday = 1000 * pd.Timestamp("2026-11-09", tz="UTC").timestamp()
    assert picked_in(WEEKS, brush={"window": [monday + 5, monday - 5]}, click=[]) == [1]


def test_names_that_are_cut_alike_are_brushed_apart() -> None:
    long = CELLS.assign(across=["q" * 60 + "1", "q" * 60 + "2", "q" * 60 + "1"])
    label = drawn(long)[0]["across"][1]
    assert picked_in(long, brush={"down": ["a"], "across": [label]}, click=[]) == [1]


def test_too_many_cells_and_none_are_said() -> None:
    many = pd.concat([CELLS.head(1).assign(across=str(n)) for n in range(501)])
    with pytest.raises(ParameterError, match="at most 500 rows of results, found 501"):
        cell_map(many, down="criterion", across="task_type", title="Where?")
    assert "no rows" in str(cell_map(CELLS.head(0), down="criterion", across="task_type", title="Where?").to_dict())
    assert "no rows" in str(cell_weeks(WEEKS.head(0), title="When?").to_dict())
