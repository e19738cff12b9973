from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan
WEEKS = pd.date_range("2026-01-05", periods=6, freq="7D", tz="UTC")
PARTS = pd.DataFrame({"part": ["task_type mix", "within", "not comparable"], "value": [-0.2, 0.1, 0.05], "low": [-0.3, 0.0, 0.0],
                      "high": [-0.1, 0.2, 0.1], "confidence": 0.95})


@pytest.fixture
def windows() -> pd.DataFrame:
    return pd.DataFrame({"metric": "mean", "window": WEEKS, "value": [3.0, 3.1, NAN, 3.0, 2.5, 2.4],
                         "low": [2.9, 3.0, NAN, 2.9, 2.4, 2.3], "high": [3.1, 3.2, NAN, 3.1, 2.6, 2.5],
                         "e_value": [NAN, NAN, 1.0, 0.0, 30.0, math.inf],
                         "alarm": [False] * 4 + [True, True], "n_ratings": 50, "confidence": 0.95, "criterion": "tone"})


def stream_rows(made) -> list[dict]:
    return next(rows for rows in made.to_dict(validate=False)["datasets"].values() if "e_text" in rows[0])


def test_an_alarm_has_a_shape_and_its_first_week_the_word(windows, views, mark) -> None:
    made = chart.monitor_chart(windows)
    assert [row["word"] for row in stream_rows(made)] == ["", "", "", "", "alarm", ""]
    shape = mark(views(made), "point")[0]["encoding"]["shape"]
    assert shape["scale"] == {"domain": ["no alarm", "in alarm"], "range": ["circle", "triangle-up"]}


def test_evidence_stands_on_a_log_scale_against_a_named_line(windows, views, mark, texts) -> None:
    made = chart.monitor_chart(windows, error_rate=0.01)
    lines = [view["encoding"]["y"] for view in mark(views(made), "line")]
    assert [y["scale"].get("type") for y in lines] == [None, "log"]
    assert "alarm line 100" in texts(made)
    assert "alarm line at 100 (error rate 0.01)" in " ".join(made.to_dict(validate=False)["title"]["subtitle"])


def test_evidence_of_nothing_or_without_bound_stays_on_the_scale(windows) -> None:
    rows = stream_rows(chart.monitor_chart(windows))
    assert [row["e"] for row in rows][2:] == [1.0, 0.01, 30.0, 1e6]
    assert [row["e_text"] for row in rows] == ["not looked at", "not looked at", "1", "0", "30", "beyond measure"]


def test_the_baseline_is_shaded_and_named(windows, views, mark, texts) -> None:
    made = chart.monitor_chart(windows, baseline=(WEEKS[0], WEEKS[2]))
    assert len(mark(views(made), "rect")) == 1 and "baseline" in texts(made)
    assert not mark(views(chart.monitor_chart(windows)), "rect")


def test_streams_of_a_metric_share_one_axis(windows, views, mark) -> None:
    both = pd.concat([windows, windows.assign(criterion="fact", value=windows["value"] + 1, high=windows["high"] + 1)])
    made = chart.monitor_chart(both, by="criterion")
    upper = [view["encoding"]["y"]["scale"]["domain"] for view in mark(views(made), "line")][::2]
    assert upper[0] == upper[1] == pytest.approx([2.3 - 0.08 * 1.9, 4.2 + 0.08 * 1.9])
    assert [panel["title"]["text"] for panel in made.to_dict(validate=False)["vconcat"][::2]] == ["Mean, tone", "Mean, fact"]


def test_a_bounded_metric_keeps_its_full_range(windows, views, mark) -> None:
    made = chart.monitor_chart(windows.assign(metric="alpha"))
    assert mark(views(made), "line")[0]["encoding"]["y"]["scale"]["domain"] == [-1, 1]


def test_streams_not_told_apart_or_too_many_are_refused(windows) -> None:
    with pytest.raises(ParameterError, match="one row for each metric, window, found 6 more"):
        chart.monitor_chart(pd.concat([windows, windows.assign(criterion="fact")]))
    with pytest.raises(ParameterError, match="up to 8 streams, found 9. Select streams, those in alarm first"):
        chart.monitor_chart(pd.concat([windows.assign(criterion=f"c{i}") for i in range(9)]), by="criterion")


def test_parts_follow_each_other_and_end_in_their_sum() -> None:
    made = chart.decomposition_bars(PARTS, unit="points")
    tables = made.to_dict(validate=False)["datasets"].values()
    rows = next(rows for rows in tables if "kind" in rows[0] and "below" not in rows[0])
    # -0.2, then +0.1 from there, then +0.05; the sum is -0.05
    assert [row["start"] for row in rows] == pytest.approx([0, -0.2, -0.1, 0]) and rows[-1]["end"] == pytest.approx(-0.05)
    assert [row["low"] for row in rows[:3]] == pytest.approx([-0.3, -0.2, -0.1])
    assert [row["kind"] for row in rows] == ["a part", "a part", "not comparable", "change"]
    assert rows[0]["reading"] == "−0.20 [−0.30, −0.10]" and rows[-1]["reading"] == "−0.05"


def test_what_is_not_comparable_is_an_outline(views, mark) -> None:
    bar, = mark(views(chart.decomposition_bars(PARTS)), "bar")
    kinds = bar["encoding"]["color"]["scale"]
    assert dict(zip(kinds["domain"], kinds["range"]))["not comparable"] == "#ffffff"
    assert bar["encoding"]["strokeDash"]["scale"]["range"][1] == [4, 3]


def test_a_part_not_defined_is_said_and_left_out_of_the_sum(texts) -> None:
    parts = PARTS.assign(value=[NAN, 0.1, 0.05], note=["no common cell", "", ""])
    assert {"not defined: no common cell", "0.15 without the parts not defined"} <= texts(chart.decomposition_bars(parts))


def test_the_monitors_own_line_and_baseline_are_drawn_where_it_gives_them(windows, views, mark, texts) -> None:
    made = chart.monitor_chart(windows.assign(alarm_at=120.0, phase=["baseline"] * 2 + ["watched"] * 4))
    assert "alarm line 120" in texts(made)
    shade, = [rows for rows in made.to_dict(validate=False)["datasets"].values() if "start" in rows[0]]
    assert [shade[0][end][:10] for end in ("start", "end")] == ["2026-01-05", "2026-01-19"]
