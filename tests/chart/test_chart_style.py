from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import altair as alt
import pandas as pd
import pytest
from altair.utils import schemapi
from altair.utils.schemapi import SchemaValidationError

from workbench import chart
from workbench.chart import written
from workbench.chart.style import ACCENT, ALERT, QUIET, row_axis, styled

ROOT = Path(__file__).resolve().parents[2]
POINTS = alt.Chart(pd.DataFrame({"a": [1, 2]})).mark_point().encode(x="a:Q")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def test_importing_charts_sets_nothing_and_loads_no_altair() -> None:
    assert run("import sys, workbench.chart; print('altair' in sys.modules)") == "False"
    assert run("import altair, workbench.chart.coefficients; print(altair.renderers.active)") == "default"


def test_a_chart_shows_itself_without_the_network() -> None:
    with alt.renderers.enable("default"):
        bundle, _ = styled(POINTS, title="Why?", subtitle="n = 2")._repr_mimebundle_(None, None)
    assert set(bundle) == {"application/vnd.vegalite.v5+json", "text/plain"}


def test_a_renderer_the_reader_chose_stays() -> None:
    with alt.renderers.enable("svg"):
        styled(POINTS, title="Why?", subtitle="n = 2")
        assert alt.renderers.active == "svg"


def test_the_theme_lies_in_the_chart_and_not_in_altair() -> None:
    before = alt.theme.active
    spec = styled(POINTS, title="Why?", subtitle="n = 2").to_dict()
    assert spec["background"] == "#ffffff" and spec["config"]["axis"]["labelLimit"] == 220
    assert alt.theme.active == before and "font" not in POINTS.to_dict()["config"]


def test_a_faulty_chart_raises_when_it_is_made() -> None:
    with pytest.raises(SchemaValidationError):
        styled(POINTS.encode(y=alt.Y("a:Q", axis=alt.Axis(grid="wide"))), title="Why?", subtitle="n = 2")


def test_the_charts_of_these_tests_are_checked_and_a_reports_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame({"cluster": [0], "terms": ["a"], "size": [9], "value": [1.0], "low": [0.0], "high": [2.0]})
    with pytest.raises(SchemaValidationError):
        chart.cluster_terms(rows, measure={"no": "title"})
    monkeypatch.undo()
    assert "{'no': 'title'}" in str(chart.cluster_terms(rows, measure={"no": "title"}).to_dict(validate=False))
    assert schemapi.DEBUG_MODE


def test_a_table_that_many_marks_draw_is_written_down_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held, usual, frame = [], written._table, pd.DataFrame({"a": [1, 2]})
    monkeypatch.setattr(written, "_table", lambda table, *rest: held.append(len(table)) or usual(table, *rest))
    drawn = alt.vconcat(*(POINTS.properties(data=frame), POINTS.properties(data=frame.head(1))) * 3)
    assert written.written(drawn) == drawn.to_dict() and held == [2, 1]


def test_cells_are_written_as_altair_writes_them() -> None:
    times = pd.to_datetime(["2026-01-05", None], utc=True)
    frame = pd.DataFrame({"a": [1.5, float("inf")], "b": [True, False], "c": ["x", "y"], "d": times, "e": pd.array([1, None], "Int64"),
                          "f": pd.Categorical(["u", None]), "g": [2, 3], "i": [[1, 2], [3]]})
    assert written.written(POINTS.properties(data=frame)) == POINTS.properties(data=frame).to_dict()
    texts = POINTS.properties(data=pd.DataFrame({"a": ["x", None], "b": pd.Series(["x", None], dtype="object")}))
    assert '{"a": null, "b": null}' in json.dumps(written.written(texts))     # for which Altair writes NaN, which is no JSON


def test_a_subtitle_breaks_between_its_parts() -> None:
    spec = styled(POINTS, title="Why?", subtitle=" · ".join(["x" * 50] * 3) + "\nsecond").to_dict()
    assert spec["title"]["subtitle"] == ["x" * 50 + " · " + "x" * 50, "x" * 50, "second"]


def test_colours_differ_in_lightness_where_grey_is_all_there_is() -> None:
    def grey(colour: str) -> float:
        return sum(weight * int(colour[i: i + 2], 16) for weight, i in ((0.299, 1), (0.587, 3), (0.114, 5)))
    assert grey(QUIET) - max(grey(ACCENT), grey(ALERT)) > 40


def test_row_labels_are_cut_and_take_the_room_they_need() -> None:
    assert row_axis(["ab"]).to_dict()["minExtent"] < row_axis(["a" * 20]).to_dict()["minExtent"] < 220
    assert row_axis(["a" * 500]).to_dict() | {"minExtent": 220.0, "labelLimit": 220} == row_axis(["a" * 500]).to_dict()


def test_every_exported_chart_says_so_when_there_is_nothing_to_draw() -> None:
    columns = ["name", "criterion", "task_type", "rubric_version", "window", "metric", "e_value", "alarm", "rater_id", "rater_a",
               "rater_b", "slice", "item_id", "level", "n", "cluster", "terms", "size", "from_level", "to_level", "part", "mean",
               "n_items", "value", "low", "high", "set", "n_a", "n_b", "planned_raters", "down", "across", "rubric", "system",
               "faction", "versus", "mean_versus", "kind", "share", "before", "after", "before_low", "before_high", "after_low",
               "after_high", "random_low", "random_high", "n_random", "detectable", "direction", "score",
               "measure", "role", "ratio", "ratio_low", "ratio_high", "verdict", "instrument", "group", "party",
               "behaviour", "overall", "overall_low", "overall_high", "n_overall", "usual", "status", "q"]
    empty = pd.DataFrame(columns=columns)
    given = {"agreement_forest": {"by": "criterion"}}
    for name in set(chart.__all__) - {"styled"}:
        spec = getattr(chart, name)(empty, **given.get(name, {})).to_dict()
        assert "there is nothing to draw" in str(spec["datasets"]) and spec["title"]["subtitle"] == ["n = 0"], name
        assert spec["title"]["text"].endswith("?"), name


def test_every_chart_names_the_columns_it_lacks() -> None:
    from workbench.errors import ParameterError
    given = {"agreement_forest": {"by": "criterion"}}
    for name in set(chart.__all__) - {"styled"}:
        with pytest.raises(ParameterError, match=rf"chart\.{name}: the table lacks .*\. It has: other"):
            getattr(chart, name)(pd.DataFrame({"other": [1]}), **given.get(name, {}))


def test_an_unknown_chart_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pie'"):
        chart.pie  # noqa: B018


def test_nan_never_reaches_the_specification(table) -> None:
    nan = float("nan")
    parts = pd.DataFrame({"part": ["a", "b"], "value": nan, "low": nan, "high": nan, "note": ["one cell", "x"]})
    targets = pd.DataFrame({"task_type": ["a"], "criterion": "b", "mean": nan, "value": nan, "low": nan, "high": nan})
    versions = table(*(("gwet_ac", nan, nan, nan, {"criterion": "tone", "rubric_version": version}) for version in "12"))
    for made in (chart.decomposition_bars(parts), chart.verifiability_map(targets), chart.version_compare(versions)):
        assert "NaN" not in made.to_json(validate=False)
    with pytest.raises(ValueError, match="not JSON compliant"):
        styled(POINTS.encode(x=alt.X("a:Q", scale=alt.Scale(domain=[nan, 1]))), title="Why?", subtitle="n = 2")


def test_a_chart_is_shown_as_it_was_checked_and_a_changed_copy_as_it_is() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "words": ["a", "b"]})
    chart = styled(alt.Chart(frame).mark_point().encode(x="x:Q", text="words:N"), title="one", subtitle="n = 2")
    shown = "application/vnd.vegalite.v5+json"
    assert chart._repr_mimebundle_(None, None)[0][shown] == chart.to_dict()
    other = chart.properties(title="two")
    assert other._repr_mimebundle_(None, None)[0][shown] == other.to_dict() != chart.to_dict()
    encoded = chart.encode(x="words:N").to_dict(), chart.to_dict()
    assert [made["encoding"]["x"]["field"] for made in encoded] == ["words", "x"]     # shared encodings stay apart
