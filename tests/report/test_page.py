"""A notebook laid out, and the words an index puts around numbers."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from workbench.errors import ReportError
from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.report.page import lay_out
from workbench.report.site import evidence, label, number, tiles


def code(source: str, *outputs: dict, tags: tuple[str, ...] = ()) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": list(outputs)}


def prose(source: str) -> dict:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def shown(**data: object) -> dict:
    return {"output_type": "display_data", "data": {kind.replace("__", "/"): value for kind, value in data.items()}}


def test_the_first_heading_is_the_title_and_the_others_lead_to_their_places() -> None:
    page = lay_out({"cells": [prose("# Do raters agree?\nRead by X."), prose("## By rater & week\n### Why\n## By rater & week")]}, name="a")
    assert page.title == "Do raters agree?"
    assert "<h1" not in page.parts[0].content and "Read by X." in page.parts[0].content
    assert page.headings == ((2, "by-rater-amp-week", "By rater &amp; week"), (3, "why", "Why"),
                             (2, "by-rater-amp-week-2", "By rater &amp; week"))
    assert 'id="by-rater-amp-week-2"' in page.parts[1].content


def test_parameters_are_left_out_and_code_between_outputs_is_one_fold() -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": "x"}
    cells = [code("draws: int = 1", tags=("parameters",)), code("import os"), code("a = 1", printed)]
    page = lay_out({"cells": cells}, name="a")
    assert [part.kind for part in page.parts] == ["code", "text"]


def test_a_page_ends_where_a_cell_failed() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mValueError\x1b[0m: no"]}
    page = lay_out({"cells": [code("a", error), prose("after")]}, name="a")
    assert [part.kind for part in page.parts] == ["code", "error"] and page.parts[-1].content == "ValueError: no"


def test_a_chart_is_kept_as_data_that_cannot_end_its_element() -> None:
    spec = {"$schema": "v5", "usermeta": {"embedOptions": {"loader": "x"}}, "title": {"text": ["Which?", "All"]},
            "data": {"values": ["</script>"]}}
    [_, chart] = lay_out({"cells": [code("c", shown(**{"application/vnd.vegalite.v5+json": spec, "text__plain": "alt"}))]}, name="a").parts
    assert (chart.kind, chart.label) == ("chart", "Which? All")
    assert "<" not in chart.content
    assert json.loads(chart.content) == {key: spec[key] for key in ("title", "data")}


def test_html_wins_over_text_and_pictures_are_carried_in_the_page() -> None:
    drawing = shown(**{"image/svg+xml": "<svg><script/></svg>"})
    outputs = [shown(text__html="<b>x</b>", text__plain="x"), shown(image__png="aGk=\n"), drawing]
    parts = lay_out({"cells": [code("c", *outputs)]}, name="a").parts[1:]
    assert [part.kind for part in parts] == ["html", "image", "image"]
    assert parts[1].content == "data:image/png;base64,aGk=" and parts[2].content.startswith("data:image/svg+xml;base64,")


def test_a_chart_drawn_from_the_network_is_refused() -> None:
    with pytest.raises(ReportError, match="mimetype renderer"):
        lay_out({"cells": [code("c", shown(text__html="<script>vegaEmbed('#a')</script>"))]}, name="a")


@pytest.mark.parametrize(("value", "text"), [(0.51234, "0.512"), (-0.2, "-0.200"), (12.344, "12.34"), (123.46, "123.5"),
                                             (12345.6, "12,346")])
def test_numbers_are_cut_for_a_reader(value: float, text: str) -> None:
    assert number(value) == text


def test_names_of_statistics_are_written_out() -> None:
    assert [label(name) for name in ("krippendorff_alpha", "gwet_ac", "icc")] == ["Krippendorff alpha", "Gwet AC", "ICC"]


def test_evidence_says_estimate_interval_and_counts_as_far_as_known() -> None:
    whole = estimate("krippendorff_alpha", 0.5, low=0.4, high=0.6, confidence=0.95, n_items=1200, n_raters=1)
    bare = finding("a", "x", "y", severity="unknown")
    row = findings_table([finding("a", "z", "y", severity="ok", evidence=whole), bare]).to_dict("records")
    assert evidence(row[1]) == "Krippendorff alpha 0.500 (95% interval 0.400 to 0.600) · 1,200 items, 1 rater"
    assert evidence(row[0]) == ""


def test_tiles_are_those_flagged_else_the_defined_ones_of_what_is_named_first() -> None:
    rows = [estimate("alpha", math.nan) | {"criterion": "a"}, estimate("alpha", 0.2) | {"criterion": "b"},
            estimate("alpha", 0.3) | {"criterion": "c"}, estimate("ac1", 0.4) | {"criterion": "a"}]
    table = estimates_table(rows, by=["criterion"])
    table.insert(0, "notebook", "agreement")
    assert [(t["name"], t["where"]) for t in tiles(table)] == [("alpha", "b"), ("alpha", "c")]
    flagged = table.assign(headline=[False, False, True, None])
    assert [(t["name"], t["where"]) for t in tiles(flagged)] == [("alpha", "c")]
    assert tiles(pd.DataFrame(columns=table.columns)) == []


def test_a_tile_names_its_groups_and_windows_but_not_what_stands_beside_the_measures() -> None:
    week = pd.Timestamp("2026-11-09", tz="UTC")
    table = estimates_table([estimate("mean", 3.5) | {"criterion": "tone", "window": week, "wealth": "x"}], by=["criterion", "window"])
    table.insert(0, "notebook", "drift")
    assert tiles(table)[0]["where"] == "tone, 2026-11-09"
