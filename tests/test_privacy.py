"""Small cells and the terms a report is under."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.privacy import VARIABLE, Terms, kept_findings, small, suppressed, terms, under


def table(**counts: list[int]) -> pd.DataFrame:
    """An estimates table with these counts, a row each, of 40 where not given."""
    n = len(next(iter(counts.values())))
    rows = [estimate("alpha", 0.5, low=0.4, high=0.6, se=0.05, confidence=0.95, note="3 ties", **{"n_items": 40, "n_raters": 40, "n_ratings": 40}
                     | {c: values[i] for c, values in counts.items()}) | {"level": 2.0} for i in range(n)]
    return estimates_table(rows, by=["level"])


@pytest.mark.parametrize("count", ["n_items", "n_raters", "n_ratings"])
def test_a_row_on_fewer_than_the_minimum_is_blank_and_says_only_why(count: str) -> None:
    told = suppressed(table(**{count: [4, 5]}), 5)
    assert np.isnan(told.loc[0, ["value", "low", "high", "se"]].astype(float)).all()
    assert told.loc[0, "note"] == f"fewer than 5 {count[2:]}: suppressed"        # what it said before may have counted
    assert told.loc[1, ["value", "low", "high", "note"]].tolist() == [0.5, 0.4, 0.6, "3 ties"]
    assert told["level"].tolist() == [2.0, 2.0] and told["confidence"].tolist() == [0.95, 0.95]


def test_what_is_not_counted_is_not_small_and_without_a_minimum_nothing_is() -> None:
    whole = table(n_raters=[0, 1])
    assert suppressed(whole, 0) is whole
    assert suppressed(whole.iloc[:1], 5).loc[0, "value"] == 0.5
    assert small({"n_items": math.nan, "n_ratings": None, "n_raters": 7}, 5) == ""


@pytest.mark.parametrize(("key", "count"), [("rater_id", "n_raters"), ("item_id", "n_items")])
def test_a_row_about_one_by_name_is_held_against_its_ratings_alone(key: str, count: str) -> None:
    assert small({key: "x", count: 1, "n_ratings": 9}, 5) == ""
    assert small({key: "x", count: 1, "n_ratings": 4}, 5) == "ratings"
    assert small({key: "", count: 1, "n_ratings": 9}, 5) == count[2:]


def test_counts_that_are_missing_here_and_there_are_judged_where_they_are_there() -> None:
    told = suppressed(table(n_items=[4, 40]).assign(n_raters=pd.array([None, 3], dtype="Int64")), 5)
    assert told["note"].tolist() == ["fewer than 5 items: suppressed", "fewer than 5 raters: suppressed"]


def test_findings_on_less_are_left_out_by_what_they_are_about() -> None:
    rows = [finding("a", "of few raters", "x", severity="ok", evidence=estimate("alpha", 0.5, n_raters=2, n_items=40)),
            finding("a", "of one rater", "x", severity="ok", where={"rater_id": "r"}, evidence=estimate("alpha", 0.5, n_raters=1, n_ratings=40)),
            finding("a", "without evidence", "x", severity="ok")]
    assert kept_findings(findings_table(rows), 5)["id"].tolist() == ["a/of-one-rater/rater_id=r", "a/without-evidence"]
    assert list(kept_findings(findings_table([]), 5).columns) == list(findings_table([]).columns)


def test_statistics_and_charts_keep_the_terms_in_force_and_what_they_are_made_of_does_not() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 1], "bob": [2, 2, 1], "cid": [1, 2, 2]}, index=["a", "b", "c"]))
    open_to_all = wb.agreement.percent_agreement(ratings)
    with under(Terms(min_cell=3)):      # three items, three raters
        assert wb.agreement.percent_agreement(ratings)["value"].tolist() == open_to_all["value"].tolist()
    with under(Terms(min_cell=10)):
        assert np.isnan(wb.agreement.percent_agreement(ratings)["value"]).all()
        drawn = wb.chart.agreement_forest(open_to_all, by=[])
        assert "nothing to draw" in json.dumps(drawn.to_dict())
        shown = wb.show(open_to_all)
        assert "suppressed" in shown.html and "&lt;10" in shown.html and str(round(open_to_all["value"][0], 3)) not in shown.html + shown.text
    assert wb.agreement.percent_agreement(ratings)["value"].notna().all()


def test_terms_come_from_the_run_by_the_environment_and_hold_only_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Terms(pseudonyms="KEY", min_cell=3, party="north")
    assert Terms().environment == {} and terms() == Terms()
    monkeypatch.setenv(VARIABLE, held.environment[VARIABLE])
    assert terms() == held
    with under(Terms()):
        assert terms() == Terms()


def test_a_key_given_in_place_of_its_variables_name_is_refused_and_not_repeated() -> None:
    with pytest.raises(ParameterError, match="name of an environment variable was expected") as raised:
        Terms(pseudonyms="correct horse battery")
    assert "horse" not in str(raised.value)
    with pytest.raises(ParameterError, match="min_cell=-2 is less than 0"):
        Terms(min_cell=-2)
