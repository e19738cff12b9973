from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError

NAN = math.nan


@pytest.fixture
def plans(table) -> pd.DataFrame:
    """Two criteria, today's 3 raters an item and 4."""
    return table(*[("reliability_of_mean", value, value - 0.05, value + 0.05, {"criterion": criterion, "planned_raters": k})
                   for criterion, k, value in (("tone", 3.0, 0.6), ("tone", 4.0, 0.7), ("style", 3.0, 0.8), ("style", 4.0, 0.85))])


def test_panels_share_the_full_range_and_mark_today(plans, views, mark, texts) -> None:
    seen = views(chart.decision_curve(plans))
    assert {tuple(line["encoding"]["y"]["scale"]["domain"]) for line in mark(seen, "line")} == {(0, 1)}
    assert {"today: 0.60 with 3", "today: 0.80 with 3"} <= texts(chart.decision_curve(plans))
    assert len(mark(seen, "area")) == 2     # each curve lies in its band


def test_the_subtitle_says_what_reliability_is_and_n(plans) -> None:
    said = " ".join(chart.decision_curve(plans).to_dict(validate=False)["title"]["subtitle"])
    assert said.startswith("Share of the means' variance that is the items' (Phi) · n = 40 items")


def test_an_undefined_plan_says_why(table, texts) -> None:
    rows = table(("reliability_of_mean", NAN, NAN, NAN, {"criterion": "tone", "planned_raters": 2.0, "note": "alpha is below 0"}))
    assert any("alpha is below 0" in text for text in texts(chart.decision_curve(rows)))


def test_nothing_planned_draws_a_sentence(plans) -> None:
    assert "The table of plans has no rows" in str(chart.decision_curve(plans.head(0)).to_dict(validate=False))


def test_too_many_panels_name_the_cure(plans) -> None:
    many = pd.concat([plans.assign(criterion=plans["criterion"] + str(i)) for i in range(7)])
    with pytest.raises(ParameterError, match="draws up to 12 panels, found 14. Use fewer `by`, or select groups."):
        chart.decision_curve(many)
