"""Sentences on two versions of a rubric."""

from __future__ import annotations

import pandas as pd
from bridged import bridged

import workbench as wb


def findings_of(frame):
    ratings, r = wb.read(frame), wb.rubric
    return r.findings(r.compare(ratings, draws=200), r.shift(ratings), changed=r.diff(ratings)).set_index("id")


def test_better_agreement_and_a_shift_are_found():
    found = findings_of(bridged(2, n_items=150, noise=(1.4, 0.3), shift=-0.6))
    agreement, scores = (found.loc[f"rubric/{what}/criterion=overall"] for what in ("agreement", "scores"))
    assert (agreement["severity"], agreement["status"]) == ("ok", "found")
    assert agreement["sentence"].startswith("On overall, raters agree better under the new version: alpha +")
    assert (scores["severity"], scores["status"]) == ("attention", "found")
    assert "makes scores lower" in scores["sentence"] and "no trend line" in scores["action"]


def test_no_change_is_not_made_one():
    found = findings_of(bridged(3, n_items=60))
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
