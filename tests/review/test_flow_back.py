"""A decision at a desk reaches consensus and accuracy, leaves agreement and its headline alone, and is gone when it is taken back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pandas.testing import assert_frame_equal

import workbench as wb
from workbench.review import Desk

A = wb.agreement


def measured(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table that a decision may or may not change, on the store as it is; how many ratings are left out is told by all."""
    ratings = wb.read(folder)
    line = ratings.where(criterion="help")
    return {"consensus": A.consensus(line, method="majority"), "calibration": A.calibration(line, method="majority"),
            "confusion": A.confusion(line, method="majority", gold=True), "overturned": A.overturned(line),
            "soft_labels": A.soft_labels(line, method="majority"), "summary": A.summary(ratings, by=["criterion"]),
            "raters": A.raters(line), "items": wb.disagreement.items(line)}


def test_a_decision_counts_as_truth_and_not_as_agreement_and_undo_restores_all(folder: Path) -> None:
    before = measured(folder)
    desk = Desk(wb.read(folder), reviewer="judge", where={"criterion": "help"})
    unit = desk.unit
    panel = before["consensus"].set_index("item_id").loc[unit.item_id]
    level = next(name for name in ("3", "2", "1") if name != panel["level"])
    desk.decide(level)
    after = measured(folder)
    changed = {name for name in before if not before[name].drop(columns="n_dropped", errors="ignore").equals(
        after[name].drop(columns="n_dropped", errors="ignore"))}
    assert changed == {"consensus", "calibration", "confusion", "overturned", "soft_labels"}
    assert (after["summary"]["n_dropped"] - before["summary"]["n_dropped"]).groupby(after["summary"]["criterion"]).max().to_dict() == {
        "help": 1, "safe": 0, "slider": 0}
    row = after["consensus"].set_index("item_id").loc[unit.item_id]
    assert (row["level"], row["decided_by"]) == (level, "adjudicator")
    assert row[["p_1", "p_2", "p_3", "value"]].tolist() == panel[["p_1", "p_2", "p_3", "value"]].tolist()
    right = after["calibration"].set_index("name").loc["accuracy_on_review"]
    assert (right["value"], right["n_items"]) == (0, 1) and "harder than most" in right["note"]
    desk.undo()
    for name, table in measured(folder).items():
        assert_frame_equal(table, before[name], obj=name)


def test_a_decision_of_an_audit_is_held_to_be_a_fair_sample(folder: Path) -> None:
    desk = Desk(wb.read(folder), reviewer="judge", kind="audit", where={"criterion": "help"})
    for _ in range(3):
        desk.decide(A.consensus(wb.read(folder).where(criterion="help", item_id=desk.unit.item_id), method="majority")["level"].iloc[0])
        desk.next()
    found = A.calibration(wb.read(folder).where(criterion="help"), method="majority").set_index("name")
    assert found.loc["accuracy_on_audit", ["n_items", "note"]].tolist() == [3, ""] and "accuracy_on_review" not in found.index
