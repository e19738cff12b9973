"""A rubric altered in thought, and old scores on the new scale, as charts."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def altered(**change):
    """A table of `what_if`: two coefficients and the separation of one criterion."""
    row = {"criterion": "quality", "confidence": 0.95, "n_items": 50, "n_ratings": 150, "note": "", "before": 0.4, "after": 0.6,
           "value": 0.2, "low": 0.1, "high": 0.3, "before_low": 0.3, "before_high": 0.5, "after_low": 0.5, "after_high": 0.7, "random_low": 0.05,
           "random_high": 0.25, "random_share": 0.8, "n_random": 5}
    return pd.DataFrame([row | {"name": name} | change for name in ("percent_agreement", "krippendorff_alpha", "separation")])


def linked(**change):
    """A table of `linking`: three scores, both methods, both directions."""
    rows = [{"name": name, "criterion": "quality", "direction": direction, "score": score, "value": score - 0.5, "low": score - 0.7,
             "high": score - 0.3, "confidence": 0.95, "n_items": 40, "note": ""}
            for name in ("mean_sigma", "equipercentile") for direction in ("to new", "to old") for score in (1.0, 2.0, 3.0)]
    return pd.DataFrame(rows).assign(**change)


def test_both_sides_stand_before_the_band_of_random_merges(views, mark):
    drawn = chart.before_after(altered())
    seen = views(drawn)
    band = mark(seen, "bar")[0]
    spec = drawn.to_dict()
    rows = spec["datasets"][band["data"]["name"]]
    assert [(row["name"], round(row["from"], 9), round(row["to"], 9)) for row in rows] == [
        ("Percent agreement", 0.45, 0.65), ("Krippendorff's alpha", 0.45, 0.65)]
    point = mark(seen, "point")[0]
    assert point["encoding"]["x"]["scale"]["domain"] == [0, 1] and point["encoding"]["yOffset"]["sort"] == ["as it is", "altered"]
    assert "5 other merges into as many levels" in spec["title"]["subtitle"][1]


def test_the_change_is_in_words_and_the_separation_passed_over(texts):
    found = texts(chart.before_after(altered()))
    assert "change 0.20 [0.10, 0.30]" in found and "Separation" not in found


def test_an_undefined_change_says_why(texts):
    nothing = dict.fromkeys(["after", "value", "low", "high", "after_low", "after_high", "random_low", "random_high"], math.nan)
    table = altered(**nothing, note="one level is left: there is nothing to agree on", n_random=0)
    drawn = chart.before_after(table)
    assert any("not defined: one level is left" in text for text in texts(drawn))
    assert "nothing to hold the change against" in " ".join(drawn.to_dict()["title"]["subtitle"])


def test_rows_of_several_criteria_are_refused():
    with pytest.raises(ParameterError, match="draws one criterion, found quality, style"):
        chart.before_after(pd.concat([altered(), altered(criterion="style")]))
    with pytest.raises(ParameterError, match="draws one criterion"):
        chart.linking_lines(pd.concat([linked(), linked(criterion="style")]))
    with pytest.raises(ParameterError, match="and 'back'"):
        chart.linking_lines(linked(), direction="back")


def test_a_score_stands_over_its_worth_beside_no_change(views, mark):
    seen = views(chart.linking_lines(linked(), direction="to old"))
    point = mark(seen, "point")[0]["encoding"]
    assert point["x"]["axis"]["title"] == "Score under the new version" and point["y"]["axis"]["title"] == "Its worth under the old version"
    assert point["color"]["scale"]["domain"] == ["mean and spread alike", "percentile rank alike"]
    assert len(mark(seen, "rule")) == 1 and len(mark(seen, "line")) == 2


def test_only_the_direction_asked_for_is_drawn(texts, views, mark):
    drawn = chart.linking_lines(linked())
    rows = drawn.to_dict()["datasets"][mark(views(drawn), "point")[0]["data"]["name"]]
    assert len(rows) == 6 and "no change" in texts(drawn)


def test_a_linking_that_is_not_defined_says_why(texts):
    table = linked(value=math.nan, low=math.nan, high=math.nan, note="no bridge set").head(2)
    assert "not defined: no bridge set" in texts(chart.linking_lines(table))


def test_empty_tables_say_so(texts):
    assert any("no rows" in text for text in texts(chart.before_after(altered().head(0))))
    assert any("no rows" in text for text in texts(chart.linking_lines(linked().head(0))))
