"""What notebooks hand over, and the tables it becomes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbench.errors import ReportError
from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.report import save
from workbench.report.collect import gather, read_saved

NONE = estimates_table([])


def found(notebook: str, severity: str, subject: str = "alpha is low") -> pd.DataFrame:
    return findings_table([finding(notebook, subject, "A sentence.", severity=severity)])


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    estimates = estimates_table([estimate("alpha", 0.5) | {"level": 3}, estimate("alpha", 0.6) | {"level": "yes"}], by=["level"])
    save(findings=found("a", "ok"), estimates=estimates, out=str(tmp_path / "a"))
    findings, back = read_saved(tmp_path / "a")
    assert findings["id"].tolist() == ["a/alpha-is-low"]
    assert back["level"].tolist() == ["3", "yes"] and back["value"].tolist() == [0.5, 0.6]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(findings=found("a", "ok"), estimates=NONE, out="")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("findings", "estimates", "said"), [
    (found("a", "ok").head(0), NONE, "one row or more was expected"),
    (found("a", "ok").assign(severity="bad"), NONE, "severity bad is not known. Use one of: alarm, attention, unknown, ok"),
    (found("a", "ok").drop(columns="action"), NONE, "findings: .* lacks action"),
    (pd.concat([found("a", "ok")] * 2), NONE, "a/alpha-is-low stands twice"),
    (found("a", "ok"), NONE.drop(columns="n_items"), "estimates: .* lacks n_items"),
])
def test_other_forms_are_refused_though_nothing_would_be_written(findings: pd.DataFrame, estimates: pd.DataFrame, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        save(findings=findings, estimates=estimates, out="")


def test_findings_of_all_notebooks_stand_by_urgency_and_estimates_under_their_notebook() -> None:
    by_task = estimates_table([estimate("alpha", 0.5) | {"task": "math"}], by=["task"])
    by_step = estimates_table([estimate("alpha", 0.6) | {"step": 2, "wealth": 9.0}], by=["step"])
    findings, estimates = gather({"a": (found("a", "ok"), by_task), "b": (found("b", "alarm"), by_step),
                                  "c": (found("c", "unknown"), NONE)})
    assert findings["notebook"].tolist() == ["b", "c", "a"]
    assert estimates.columns[:4].tolist() == ["notebook", "name", "task", "step"]
    assert estimates["notebook"].tolist() == ["a", "b"] and estimates.columns[-1] == "wealth"


def test_a_pack_without_estimates_still_has_the_table() -> None:
    _, estimates = gather({"c": (found("c", "unknown"), NONE)})
    assert estimates.empty and {"notebook", "name", "value"} <= set(estimates.columns)


def test_tables_of_which_only_an_empty_one_has_every_measure_are_saved(tmp_path: Path) -> None:
    whole = estimates_table([estimate("mean", 0.5)], by=[])
    few = whole.drop(columns=["se", "method"])
    save(findings=findings_table([finding("drift", "none", "Undated.", severity="unknown", evidence={})]), estimates=[whole.iloc[:0], few],
         out=str(tmp_path))
    saved = read_saved(tmp_path)[1]
    assert saved["value"].tolist() == [0.5] and saved["se"].isna().all() and "method" in saved


def test_what_was_saved_by_half_was_not_saved(tmp_path: Path) -> None:
    save(findings=found("a", "ok"), estimates=NONE, out=str(tmp_path))
    assert read_saved(tmp_path) is not None and read_saved(tmp_path / "nowhere") is None
    whole = (tmp_path / "estimates.parquet").read_bytes()
    for size in (0, len(whole) // 2, len(whole) - 4):
        (tmp_path / "estimates.parquet").write_bytes(whole[:size])
        assert read_saved(tmp_path) is None
