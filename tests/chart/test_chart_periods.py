"""An estimate over reports: what no line crosses, where dates stand, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def history(table: Callable, *values: float, versions: str = "", criterion: str = "tone") -> pd.DataFrame:
    start = pd.Timestamp("2026-10-05", tz="UTC")
    return table(*(("krippendorff_alpha", value, value - 0.1, value + 0.1, {"criterion": criterion, "window": start + pd.Timedelta(weeks=n),
                   "rubric_version": versions[n] if versions else ""}) for n, value in enumerate(values)))


def test_no_line_crosses_a_rubric_version_or_a_report_without_a_value(table, views, mark) -> None:
    made = chart.estimate_history(history(table, 0.4, float("nan"), 0.5, 0.6, versions="1112"))
    [line] = mark(views(made), "line")
    assert line["encoding"]["detail"]["field"] == "segment" and line["encoding"]["y"]["scale"]["domain"] == [-1.0, 1.0]
    rows = next(r for r in made.to_dict()["datasets"].values() if "segment" in r[0])
    assert [row["segment"] for row in rows] == ["1/0", "1/1", "1/1", "2/0"]
    assert "4 reports" in made.to_dict()["title"]["subtitle"][0] and "× marks a report without a value" in made.to_dict()["title"]["subtitle"][0]


def test_ticks_stand_where_periods_begin(table, views, mark) -> None:
    [line] = mark(views(chart.estimate_history(history(table, 0.4, 0.5))), "line")
    assert [(tick["month"], tick["date"]) for tick in line["encoding"]["x"]["axis"]["values"]] == [(10, 5), (10, 12)]


def test_what_happened_is_named_in_the_panels_of_its_levels_and_within_the_axis(table, texts, views, mark) -> None:
    both = pd.concat([history(table, 0.4, 0.5), history(table, 0.6, 0.7, criterion="safety")])
    fences = [("2026-10-12", "rubric 2", {}), ("2026-10-06", "new vendor", {"criterion": "tone"}), ("2027-01-01", "far away", {"party": "lab"})]
    spec = chart.estimate_history(both, by="criterion", fences=fences, bounds=[(0.4, "at least 0.4")]).to_dict()
    said = [[row["words"] for layer in panel["layer"] if layer["mark"]["type"] == "rule" for row in spec["datasets"][layer["data"]["name"]]
             if "words" in row and "at" in row] for panel in spec["vconcat"]]
    assert [sorted(words) for words in said] == [["at least 0.4", "chance", "far away", "new vendor", "rubric 2"],
                                                 ["at least 0.4", "chance", "far away", "rubric 2"]]
    ends = {row["at"] for rows in spec["datasets"].values() for row in rows if row.get("words") == "far away"}
    assert ends == {"2026-10-15T00:00:00+00:00"}     # the last period's first day and three more: never beyond the plot


def test_one_statistic_and_twelve_groups_at_most(table) -> None:
    many = pd.concat([history(table, 0.4, criterion=str(n)) for n in range(13)])
    with pytest.raises(ParameterError, match="draws one statistic of up to 12 groups, found 1 of 13"):
        chart.estimate_history(many, by="criterion")
    with pytest.raises(ParameterError, match="expected one row for each name, window"):
        chart.estimate_history(pd.concat([history(table, 0.4), history(table, 0.5)]))
