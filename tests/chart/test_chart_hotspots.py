from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan
SLICES = pd.DataFrame({"slice": ['{"task_type": "code"}', '{"system": "m<script>"}', "plain"], "value": [0.3, 0.5, NAN],
                       "low": [0.2, 0.4, NAN], "high": [0.4, 0.6, NAN], "status": ["", "found", "watch"], "confidence": 0.9})
ITEMS = pd.DataFrame({"item_id": ["i1", "i1", "i2"], "level": [10, 2, 2], "n": [3, 2, 4], "text": ["<b>" + "x" * 500] * 3})
CLUSTERS = pd.DataFrame({"cluster": [0, 1], "size": [30, 12], "value": [0.1, 0.3], "low": [-0.1, 0.2], "high": [0.3, 0.4],
                         "terms": [["tax", "refund"], "poem"]})


def test_slices_are_sorted_spelled_out_and_marked(texts) -> None:
    made = chart.disagreement_bars(SLICES, overall=0.25, measure="Disagreement (share)")
    rows = next(rows for rows in made.to_dict(validate=False)["datasets"].values() if "standing" in rows[0])
    assert [row["label"] for row in rows] == ["system: m<script>", "task type: code", "plain"]
    assert [row["standing"][:5] for row in rows] == ["found", "not a", "watch"]
    assert {"all ratings 0.25", "not defined"} <= texts(made)
    assert made.to_dict(validate=False)["title"]["subtitle"] == ["3 slices · 90 % intervals · 1 of 3 not defined"]


def test_disagreement_bars_start_at_zero_on_a_fixed_range(views, mark) -> None:
    bar, = mark(views(chart.disagreement_bars(SLICES)), "bar")
    assert bar["encoding"]["x"]["scale"]["domain"] == [0, 1] and bar["encoding"]["x2"]["field"] == "from"
    beyond, = mark(views(chart.disagreement_bars(SLICES.assign(high=2.0))), "bar")
    assert beyond["encoding"]["x"]["scale"]["domain"] == pytest.approx([0, 2.16])


def test_slices_may_be_named_by_columns(texts) -> None:
    named = SLICES.drop(columns="slice").assign(task_type=["a", "b", "c"], system="m1")
    assert "a · m1" in texts(chart.disagreement_bars(named, by=["task_type", "system"]))


def test_item_levels_stand_in_order_and_texts_are_cut(views, texts) -> None:
    made = chart.item_strip(ITEMS)
    assert views(made)[0]["encoding"]["x"]["scale"]["domain"] == [str(level) for level in range(2, 11)]
    assert made.to_dict(validate=False)["title"]["subtitle"][0].startswith("n = 2 items, 4–5 ratings each")
    assert max(map(len, texts(made))) <= 160
    assert views(chart.item_strip(ITEMS, levels=["2", "5", "10"]))[0]["encoding"]["x"]["scale"]["domain"] == ["2", "5", "10"]


def test_a_dot_shows_its_number_of_raters_by_area_from_nothing(views) -> None:
    dot = views(chart.item_strip(ITEMS))[0]
    assert dot["encoding"]["size"]["field"] == "n" and dot["encoding"]["size"]["scale"]["domain"] == [0, 4]


def test_clusters_show_size_excess_and_terms(views, mark, texts) -> None:
    made = chart.cluster_terms(CLUSTERS)
    assert {"tax, refund", "poem", "0.10 [−0.10, 0.30]"} <= texts(made)
    bar, = mark(views(made), "bar")
    assert bar["encoding"]["x"]["field"] == "size" and bar["encoding"]["y"]["sort"] == ["1", "0"]
    said = ["2 clusters of 42 items · intervals (their confidence is not stated in the table)"]
    assert made.to_dict(validate=False)["title"]["subtitle"] == said


def test_clusters_may_carry_their_terms_as_a_name(texts) -> None:
    assert "refund" in texts(chart.cluster_terms(CLUSTERS.drop(columns="terms").assign(name=["refund", "verse"])))


def test_too_much_names_the_cure() -> None:
    with pytest.raises(ParameterError, match="at most 60 rows of results, found 63. To draw it, keep the slices at the head"):
        chart.disagreement_bars(pd.concat([SLICES] * 21))
    with pytest.raises(ParameterError, match="up to 40 items, found 41. Keep the most contested"):
        chart.item_strip(pd.DataFrame({"item_id": range(41), "level": 1, "n": 1}))
    with pytest.raises(ParameterError, match="found 1 more, first at item_id=i1, level=2"):
        chart.item_strip(pd.concat([ITEMS.iloc[:2], ITEMS.iloc[1:2]]))


def test_items_on_different_scales_have_panels_of_their_own(views) -> None:
    items = pd.DataFrame({"item_id": "i1", "criterion": ["safety", "safety", "tone"], "level": ["safe", "unsafe", 3], "n": [1, 2, 3]})
    made = chart.item_strip(items)
    assert [panel["title"]["text"] for panel in made.to_dict(validate=False)["vconcat"]] == ["safety", "tone"]
    assert [view["encoding"]["x"]["scale"]["domain"] for view in views(made)][::2] == [["safe", "unsafe"], ["3"]]


def test_a_slice_is_drawn_beside_what_it_is_compared_with(views, mark) -> None:
    tick, = mark(views(chart.disagreement_bars(SLICES.assign(elsewhere=0.2))), "tick")
    assert tick["encoding"]["x"]["field"] == "elsewhere"


def test_a_cluster_of_two_criteria_has_two_rows(texts) -> None:
    both = pd.concat([CLUSTERS.assign(criterion="tone"), CLUSTERS.assign(criterion="fact")])
    made = chart.cluster_terms(both)
    assert {"0 · tone", "1 · fact"} <= texts(made)
    assert made.to_dict(validate=False)["title"]["subtitle"][0].startswith("2 clusters of 42 items")


def test_no_cluster_says_why(texts) -> None:
    none = pd.DataFrame({"cluster": [-1], "terms": [None], "size": NAN, "value": NAN, "low": NAN, "high": NAN, "note": "no text"})
    assert {"not defined: no text", "(none)"} <= texts(chart.cluster_terms(none))


def test_no_cluster_leaves_no_axis_without_a_range() -> None:     # of which a browser would warn
    none = pd.DataFrame({"cluster": [-1], "terms": [None], "size": NAN, "value": NAN, "low": NAN, "high": NAN, "note": "no text"})
    bars, forest = chart.cluster_terms(none).to_dict(validate=False)["hconcat"]
    domains = [layer["encoding"]["x"]["scale"]["domain"] for layer in bars["layer"]]
    domains += [layer["encoding"]["x"]["scale"]["domain"] for layer in forest["layer"] if layer["encoding"].get("x", {}).get("field") == "low"]
    assert domains == [[0, 1], [0, 1], [-1, 1]]


def test_a_slice_of_two_rubrics_has_two_bars(texts) -> None:
    two = pd.concat([SLICES.head(1).assign(rubric=name) for name in ("quality", "safety")], ignore_index=True)
    assert {"task type: code · quality", "task type: code · safety"} <= texts(chart.disagreement_bars(two))


def test_an_item_of_two_versions_has_two_rows(texts) -> None:
    two = pd.concat([ITEMS.assign(rubric_version=version) for version in ("1", "2")], ignore_index=True)
    assert {"i1 · version 1", "i1 · version 2"} <= texts(chart.item_strip(two))
