"""Sentences on two versions of a rubric."""

from __future__ import annotations

import pandas as pd
from bridged import bridged

import workbench as wb
from workbench.rubric.beside import DIFFERENCE
from workbench.rubric.conclude import findings


def findings_of(frame):
    ratings, r = wb.read(frame), wb.rubric
    return r.findings(r.compare(ratings, draws=200), r.shift(ratings), changed=r.diff(ratings)).set_index("id")


def test_better_agreement_and_a_shift_are_found():
    found = findings_of(bridged(2, n_items=150, noise=(1.4, 0.3), shift=-0.6))
    agreement, scores = (found.loc[f"rubric/{what}/criterion=overall"] for what in ("agreement", "scores"))
    assert (agreement["severity"], agreement["status"]) == ("ok", "found")
    assert agreement["sentence"].startswith("On overall, raters agree better under version 2 than under version 1: alpha +")
    assert (scores["severity"], scores["status"]) == ("attention", "found")
    assert "scores are lower under version 2 than under version 1" in scores["sentence"] and "no trend line" in scores["action"]


def test_no_change_is_not_made_one():
    found = findings_of(bridged(5, n_items=60))
    assert "cannot be told" in found.loc["rubric/agreement/criterion=overall", "sentence"]
    assert "no shift of scores is told from 0" in found.loc["rubric/scores/criterion=overall", "sentence"]
    assert found.loc["rubric/rubric-files", "severity"] == "unknown"


def test_other_raters_are_unknown_and_said_once_for_all_criteria():
    frame = pd.concat([bridged(s, other_raters=True, n_items=20 + s).assign(criterion=f"c{s}") for s in (1, 2, 3)])
    found = findings_of(frame)
    assert set(found["severity"]) == {"unknown"}
    assert "c1, c2, c3: no bridge set of the same raters" in found["sentence"].iloc[0]


def test_one_version_is_unknown():
    frame = bridged(4)
    found = findings_of(frame[frame["rubric_version"] == "2"])
    assert found["severity"].tolist() == ["unknown"] and "only one rubric version occurs" in found["sentence"].item()


def row_of(name, criterion, value, se, df=33):
    reach = 2.03 * se
    return {"name": name, "criterion": criterion, "rubric_version": "2 less 1", "value": value, "low": value - reach, "high": value + reach,
            "se": se, "df": df, "confidence": 0.95, "n_items": 204, "n_raters": 30, "note": "", "repeats": False}


def test_one_correction_spans_agreement_and_scores_of_all_criteria():
    # p of 0.0267 and 0.0285 (t, 33 df) among four: Holm asks for 0.0125 of the smaller, so neither is told, though both intervals lack 0
    compared = pd.DataFrame([row_of(DIFFERENCE, "safety", -0.0776, 0.0335), row_of(DIFFERENCE, "tone", 0.01, 0.03)])
    shifted = pd.DataFrame([row_of("mean_shift", "safety", 0.005, 0.015), row_of("mean_shift", "tone", 0.09, 0.0394)])
    found = findings(compared, shifted).set_index("id")
    assert not found["severity"].isin(["alarm", "attention"]).any()
    for place in ("agreement/criterion=safety", "scores/criterion=tone"):
        assert found.loc[f"rubric/{place}", "sentence"].endswith("among 4 comparisons chance gives such an interval too.")


def test_a_change_is_told_by_a_t_test_with_as_many_degrees_as_prompts_less_one():
    # t = 2.5: p 0.018 with 29 degrees, 0.067 with 4; the only comparison of two with any evidence, so Holm asks for 0.025
    for df, severity in ((29, "attention"), (4, "unknown")):
        found = findings(pd.DataFrame([row_of(DIFFERENCE, "safety", -0.25, 0.1, df)]),
                         pd.DataFrame([row_of("mean_shift", "safety", 0.0, 0.1, df)])).set_index("id")
        assert found.loc["rubric/agreement/criterion=safety", "severity"] == severity
