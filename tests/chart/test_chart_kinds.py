"""The chart of what raters differ by."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def split(**more: object) -> pd.DataFrame:
    rows = {"kind": ["severity", "severity_by_criterion", "faction_by_item", "unseparated"], "share": [.2, math.nan, .3, .5],
            "low": [.1, math.nan, .2, .4], "high": [.3, math.nan, .4, .6], "confidence": .95, "n_items": 90,
            "note": ["", "one criterion: it is within severity", "", ""]}
    return pd.DataFrame(rows).assign(**more)


def test_shares_stand_on_the_whole_range_in_the_order_of_the_table(views, mark) -> None:
    bars = mark(views(chart.kind_bars(split())), "bar")
    assert bars[0]["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert bars[0]["encoding"]["y"]["sort"] == ["Some raters are stricter", "... on one criterion only", "Camps read items differently",
                                                "Readings or noise: repeats would tell"]


def test_what_is_the_raters_the_items_and_chance_is_told_by_colour_and_word(views, mark) -> None:
    colour = mark(views(chart.kind_bars(split())), "bar")[0]["encoding"]["color"]["scale"]
    assert colour["domain"] == ["items and rubric", "raters", "chance", "cannot be told apart"] and len(set(colour["range"])) == 4


def test_a_kind_without_a_share_says_why(texts) -> None:
    assert "not defined: one criterion: it is within severity" in texts(chart.kind_bars(split()))


def test_groups_stand_as_blocks_named_by_their_level(texts) -> None:
    both = pd.concat([split(criterion="tone"), split(criterion="facts")])
    assert {"tone · Some raters are stricter", "facts · Some raters are stricter"} <= texts(chart.kind_bars(both, by=["criterion"]))


def test_a_table_without_shares_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="lacks 'share'"):
        chart.kind_bars(split().drop(columns="share"))


def test_no_rows_say_so(texts) -> None:
    assert any("kinds of disagreement" in text for text in texts(chart.kind_bars(split().iloc[:0])))
