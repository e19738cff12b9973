from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench.chart.rows import (by_list, checked, count_text, decimals_for, drawable, evidence, full_range, headed, key_labels,
                                  level_text, number, reading, week_text)
from workbench.errors import ParameterError

NAN = math.nan


def test_too_many_rows_name_the_cure() -> None:
    with pytest.raises(ParameterError, match="at most 500 rows of results, found 501. To draw it, group by fewer columns"):
        checked(pd.DataFrame({"a": range(501)}), chart="x", needs=["a"])


def test_rows_that_would_hide_each_other_are_refused() -> None:
    rows = pd.DataFrame({"name": ["alpha", "alpha"], "criterion": ["tone", "tone"], "value": [0.1, 0.2]})
    with pytest.raises(ParameterError, match="one row for each name, criterion, found 1 more, first at name=alpha, criterion=tone"):
        checked(rows, chart="x", needs=["value"], unique=["name", "criterion"])


@pytest.mark.parametrize(("names", "expected"), [
    (["krippendorff_alpha"], (-1, 1)), (["percent_agreement"], (0, 1)), (["percent_agreement", "fleiss_kappa"], (-1, 1)),
    (["difference in gwet_ac"], (-1, 1)), (["severity"], None), (["level_share"], (0, 1)), ([], None)])
def test_bounded_statistics_have_their_full_range(names: list[str], expected: tuple[float, float] | None) -> None:
    assert full_range(names) == expected


def test_numbers_read_as_in_print() -> None:
    assert [number(v) for v in (20.0, -0.5, 0.25, 1234.5, -0.0001)] == ["20", "−0.5", "0.25", "1,234.5", "0"]
    assert [number(v, 2) for v in (1.0, -0.004, -0.126)] == ["1.00", "0.00", "−0.13"]
    assert [decimals_for(pd.DataFrame({"a": [v, 0.001]})) for v in (250, 50, 0.5, 0.05)] == [0, 1, 2, 3]


def test_a_reading_gives_the_interval_or_the_reason_there_is_none() -> None:
    assert reading(0.5, 0.4, 0.6, decimals=2) == "0.50 [0.40, 0.60]"
    assert reading(1.0, NAN, NAN, decimals=2, note="interval has no width") == "1.00 (no interval: interval has no width)"
    assert reading(NAN, NAN, NAN, decimals=2, note="one level") == "not defined: one level"
    assert reading(NAN, NAN, NAN, decimals=2) == "not defined"


def test_labels_cut_alike_are_still_told_apart() -> None:
    long = pd.DataFrame({"t": ["x" * 60 + "a", "x" * 60 + "b", "x" * 60 + "a", None]})
    first, second, third, missing = key_labels(long, ["t"])
    assert first == third == "x" * 47 + "…" and second == first + " (2)" and missing == "(none)"


def test_control_characters_do_not_reach_a_label() -> None:
    assert level_text("a\nb\x00c") == "a b c"


def test_columns_of_any_name_are_drawn(table) -> None:
    odd = table(("krippendorff_alpha", 0.5, 0.4, 0.6, {"meta.topic[0]": "code", "image": "http://x/y.png"}))
    frame, tooltip = drawable(odd, by=["meta.topic[0]", "image"])
    assert frame["label"].tolist() == ["code · http://x/y.png"] and not {"meta.topic[0]", "image"} & set(frame)
    assert [tip.to_dict()["title"] for tip in tooltip][:4] == ["Meta.topic[0]", "Image", "Statistic", "Estimate [interval]"]


def test_half_an_interval_is_none(table) -> None:
    frame, _ = drawable(table(("krippendorff_alpha", 0.5, NAN, 0.6, {})))
    assert frame["high"].isna().all() and frame["reading"].tolist() == ["0.50 (no interval)"]


def test_the_subtitle_counts_what_the_table_holds(table) -> None:
    estimates = table(("krippendorff_alpha", 0.5, 0.4, 0.6, {"c": "a", "n_dropped": 7}),
                      ("krippendorff_alpha", NAN, NAN, NAN, {"c": "b", "n_items": 1200, "confidence": 0.9}))
    assert evidence(estimates) == ("n = 40–1,200 items, 5 raters, 120 ratings an estimate · 90 % and 95 % intervals · "
                                   "up to 7 ratings left out · 1 of 2 not defined")
    assert evidence(estimates[["value", "low", "high"]].tail(1)) == "no intervals · 1 of 1 not defined"
    assert evidence(estimates[["value", "low", "high"]].head(1)) == "intervals (their confidence is not stated in the table)"


def test_one_of_a_thing_is_singular() -> None:
    assert [count_text(pd.Series([n]), "raters") for n in (1, 2, 0)] == ["1 rater", "2 raters", ""]


def test_weeks_read_as_periods() -> None:
    assert week_text(pd.Timestamp("2026-12-28", tz="UTC")) == "2026-W53"


def test_small_words() -> None:
    assert headed("task_type") == "Task type" and headed("gwet_ac") == "Gwet's AC" and by_list("a") == ["a"] == by_list(("a",))
