"""What a finding's passport names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from workbench.estimates import estimate, finding, findings_table
from workbench.report.passports import checks_in_words, passports
from workbench.report.site import Report, Section

RUBRICS = {"tone 1": "a1", "tone 2": "a2", "house style 1": "b1"}


@pytest.fixture
def report() -> Report:
    rows = [finding("agreement", "alpha is low", "Low.", severity="attention", where={"rubric": "tone", "rubric_version": "2"},
                    evidence=estimate("alpha", 0.2, n_items=3, note="one item left out")),
            finding("agreement", "nothing to see", "Cannot tell.", severity="unknown")]
    section = Section("agreement", {"cells": []}, 1.0, "", {"seed": 0, "criterion": "tone", "out": "x"})
    return Report(pack="weekly", title="Weekly", period="2026-W46", version="v", made="now", filters={"is_qc = True": 2}, n_period=9,
                  snapshot={"id": "f00d", "name": "sample", "version": "7", "n_rows": 12, "rubrics": RUBRICS}, given={"seed": 0}, packages={},
                  sections=(section,), findings=findings_table(rows), estimates=pd.DataFrame(),
                  checks=({"check": "values", "outcome": "ok", "required": True}, {"check": "gaps", "outcome": "attention", "required": False}))


def test_a_passport_names_evidence_place_rubric_and_parameters_and_what_is_missing_is_left_out(report: Report) -> None:
    known = passports(report)
    low = known["findings"]["agreement/alpha-is-low/rubric=tone/rubric_version=2"]
    assert low["evidence"] == {"name": "alpha", "value": 0.2, "method": "none", "estimand": "these raters", "n_items": 3, "n_raters": 0, "n_ratings": 0,
                               "n_dropped": 0, "note": "one item left out"}
    assert low["rubrics"] == {"tone 2": "a2"} and low["parameters"] == {"seed": 0, "criterion": "tone"}
    unknown = known["findings"]["agreement/nothing-to-see"]
    assert unknown["evidence"] == {} and unknown["rubrics"] == RUBRICS


def test_what_all_findings_share_stands_once(report: Report) -> None:
    shared = passports(report)["shared"]
    assert shared["snapshot"]["id"] == "f00d" and shared["row_filters"] == {"is_qc = True": 2} and shared["n_ratings_in_period"] == 9
    assert shared["checks"] == [{"check": "values", "outcome": "ok", "required": True}, {"check": "gaps", "outcome": "attention", "required": False}]


def test_checks_are_told_in_words(report: Report) -> None:
    assert checks_in_words(report) == "1 of 2 found nothing; open: gaps (attention)"
    assert checks_in_words(replace(report, checks=())) == "none ran"
