from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan


@pytest.fixture
def curve(table):
    return table(*(("detectable", 8 / n, 6 / n, 10 / n, {"task_type": kind, "n_items": n, "power": 0.8, "current": n == 40})
                   for kind in ("code", "math") for n in (20, 40, 80)))


@pytest.fixture
def targets(table):
    return table(("detectable", 0.2, 0.1, 0.3, {"task_type": "code", "criterion": "tone", "mean": 4.0}),
                 ("detectable", 0.5, 0.4, 0.6, {"task_type": "math", "criterion": "tone", "mean": 2.0}),
                 ("detectable", NAN, NAN, NAN, {"task_type": "chat", "criterion": "fact", "mean": 3.0, "note": "one system"}))


def test_panels_share_their_axes_and_mark_today(curve, views, mark, texts) -> None:
    made = chart.detectable_curve(curve, measure="Effect (points)")
    lines = mark(views(made), "line")
    assert [line["encoding"]["x"]["scale"] for line in lines] == [{"type": "log", "domain": [20, 80], "nice": False}] * 2
    assert [line["encoding"]["y"]["scale"]["domain"] for line in lines] == [[0, pytest.approx(0.525)]] * 2
    assert lines[0]["encoding"]["y"]["axis"]["title"] == ["Effect (points)"]
    assert "today: 0.20 at 40" in texts(made) and len(mark(views(made), "area")) == 2


def test_the_power_is_in_the_subtitle(curve) -> None:
    said = chart.detectable_curve(curve).to_dict(validate=False)["title"]["subtitle"][0]
    assert said.startswith("Detected with probability 0.8 · n = 20–80 items")


def test_a_panel_not_defined_says_why(curve, texts) -> None:
    curve.loc[curve["task_type"] == "math", ["value", "low", "high"]] = NAN
    curve.loc[curve["task_type"] == "math", "note"] = "one system"
    assert "not defined: one system" in texts(chart.detectable_curve(curve))


def test_too_many_panels_are_refused(curve) -> None:
    with pytest.raises(ParameterError, match="up to 12 panels, found 13"):
        chart.detectable_curve(pd.concat([curve.head(3).assign(task_type=f"t{i}") for i in range(13)]))


def test_targets_below_the_line_are_filled_and_counted(targets, views, mark) -> None:
    made = chart.verifiability_map(targets, target=0.25)
    point = mark(views(made), "point")[0]["encoding"]
    assert (point["x"]["field"], point["y"]["field"], point["y"]["scale"]["domain"][0]) == ("mean", "value", 0)
    assert point["fill"]["scale"] == {"domain": ["verifiable", "not verifiable"], "range": ["#1f5fa6", "#ffffff"]}
    assert "1 of 3 targets can show an effect of 0.25" in made.to_dict(validate=False)["title"]["subtitle"][0]


def test_targets_are_named_and_those_not_defined_listed(targets, texts) -> None:
    assert {"code", "math", "chat: not defined: one system"} <= texts(chart.verifiability_map(targets))
    assert [panel["title"]["text"] for panel in chart.verifiability_map(targets).to_dict()["concat"]] == ["tone", "fact"]


def test_labels_of_near_targets_are_moved_apart(table) -> None:
    near = table(*(("detectable", 0.5, 0.4, 0.6, {"task_type": kind, "criterion": "tone", "mean": 3.0 + i / 100})
                   for i, kind in enumerate(("a", "b", "c", "far"))))
    near.loc[3, "mean"] = 4.0
    made = chart.verifiability_map(near).to_dict(validate=False)
    rows = next(rows for rows in made["datasets"].values() if "beside" in rows[0])
    step = 0.055 * 1.2 * 0.6
    assert [row["beside"] for row in rows] == pytest.approx([0.5, 0.5 + step, 0.5 + 2 * step, 0.5])
