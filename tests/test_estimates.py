"""The estimates table and the findings table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from workbench.errors import ParameterError
from workbench.estimates import FINDING, MEASURES, estimate, estimates_table, finding, findings_table


def test_an_interval_of_no_width_is_undefined_with_the_reason() -> None:
    row = estimates_table([estimate("alpha", 1.0, low=1.0, high=1.0, se=0.0)]).iloc[0]
    assert np.isnan([row["low"], row["high"], row["se"]]).all() and row["value"] == 1.0
    assert row["note"] == "interval has no width"


def test_columns_come_in_one_order_with_further_ones_at_the_end() -> None:
    table = estimates_table([estimate("alpha", 0.1) | {"criterion": "a", "power": 0.8}], by=["criterion"])
    assert list(table.columns) == ["name", "criterion", *MEASURES, "power"]


def test_an_empty_table_has_all_columns() -> None:
    assert list(estimates_table([], by=["party"]).columns) == ["name", "party", *MEASURES]
    assert list(findings_table([]).columns) == list(FINDING)


def test_the_id_of_a_finding_names_notebook_subject_and_slice_and_nothing_that_changes_weekly() -> None:
    row = finding("drift", "mean moved", "In W46 it moved.", severity="alarm", where={"rubric_version": "2", "criterion": "a"})
    assert row["id"] == "drift/mean-moved/criterion=a/rubric_version=2"
    assert json.loads(row["slice"]) == {"criterion": "a", "rubric_version": "2"}


def test_a_finding_takes_its_evidence_from_a_row_of_estimates() -> None:
    table = estimates_table([estimate("alpha", 0.3, low=0.2, high=0.4, n_items=9)])
    row = finding("agreement", "alpha is low", "Low.", severity="attention", evidence=table.iloc[0])
    assert (row["name"], row["value"], row["n_items"]) == ("alpha", 0.3, 9)


def test_what_needs_attention_comes_first() -> None:
    made = [finding("a", s, s, severity=s) for s in ("ok", "unknown", "alarm", "attention")]
    assert findings_table(made)["severity"].tolist() == ["alarm", "attention", "unknown", "ok"]


def test_an_unknown_severity_lists_the_good_ones() -> None:
    with pytest.raises(ParameterError, match="severity='bad' is not known. Use one of: 'alarm', 'attention', 'unknown', 'ok'"):
        finding("a", "b", "c", severity="bad")


def test_two_findings_of_one_id_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        findings_table(pd.DataFrame([finding("a", "b", "c", severity="ok")] * 2).to_dict("records"))
