"""The agreement notebook on data that cannot answer every question, and for one party alone: run as a report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ReportError
from workbench.report import Run, run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def agreement(tmp_path: Path) -> Callable[..., Run]:
    """Runs the notebook in a workspace of its own."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "reports").mkdir()

    def made(data: Path, **parameters: object) -> Run:
        [report] = run("agreement", workspace=tmp_path, data=str(data), parameters=parameters)
        return report

    return made


def shown(report: Run) -> str:
    """The words of the page, without scripts, styles and code."""
    html = (report.path / "agreement.html").read_text(encoding="utf-8")
    html = re.sub(r'<details class="code">.*?</details>|<style>.*?</style>|<script>.*?</script>', " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_what_bare_data_cannot_tell_is_said_in_a_plain_line(agreement: Callable, tmp_path: Path) -> None:
    rows = [(f"i{island}-{i}", rater, 1 + (i + (rater in "be")) % 4, criterion) for island, raters in enumerate(("ab", "de"))
            for i in range(12) for rater in raters for criterion in ("tone", "flat")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "criterion"])
    frame.loc[frame["criterion"] == "flat", "score"] = 3
    frame.to_csv(tmp_path / "bare.csv", index=False)
    report = agreement(tmp_path / "bare.csv", criterion="tone")
    said = shown(report)
    for line in ("fall into 2 sets that share no item", "What to assign next:", "only one level occurs", "The ratings bear no dates",
                 "The data names neither task types nor parties", "There is no gold", "Nobody has adjudicated yet.",
                 "No autorater rated here.", "No party was named."):
        assert line in said
    assert report.findings["id"].iloc[0].startswith("agreement/raters-not-connected") and "Which raters share items on" in said
    assert not {"May it take", "Do the consensus"} & set(re.findall("May it take|Do the consensus", said)), "details of nothing"


def test_adjudications_reach_the_page_and_leave_its_headline(agreement: Callable, tmp_path: Path) -> None:
    rows = [(f"i{i}", rater, "abc"[(i + (rater == "r2") * (i % 3 == 0)) % 3], "human", 0, "planned", None) for i in range(24)
            for rater in ("r0", "r1", "r2")]
    rows += [(f"i{i}", "judge", "abc"[(i + 1) % 3], "adjudicator", 1, "review", queue)
             for i, queue in ((0, "contested"), (3, "contested"), (5, "audit"))]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label", "rater_kind", "layer", "selection", "queue"])
    frame.to_csv(tmp_path / "judged.csv", index=False)
    report = agreement(tmp_path / "judged.csv")
    said, found = shown(report), report.estimates
    assert "Units come to review contested first" in said and "On units drawn by lot alone" in said and "Nobody has adjudicated" not in said
    # on i0 and i3 the judge sides with r2 alone, on i5 with nobody: r0 and r1 are overturned on all three, r2 on one of three
    over = found[(found["name"] == "overturned") & found["rater_id"].notna()].set_index("rater_id")["value"]
    assert over.round(3).to_dict() == {"r0": 1.0, "r1": 1.0, "r2": 0.333}
    right = found[found["consensus"] == "majority"].set_index("name")["value"]
    assert right["accuracy_on_review"] == 0 and right["accuracy_on_audit"] == 0 and "accuracy" in right and pd.isna(right["accuracy"])
    assert not report.findings["id"].str.contains("gold").any(), "units chosen for review are no evidence of how often raters are right"
    alpha = wb.agreement.krippendorff_alpha(wb.read(frame[frame["rater_kind"] == "human"]))["value"].iloc[0]
    assert found[found["headline"].eq(True)]["value"].tolist() == pytest.approx([alpha])


def test_a_partys_page_leads_with_its_scorecard_and_names_no_other(agreement: Callable) -> None:
    report = agreement(ROOT / "data/sample", party="vendor_a")
    first = report.findings.iloc[0]
    assert first["sentence"].startswith("Raters of vendor_a agree less among themselves")
    everything = (report.path / "agreement.html").read_text(encoding="utf-8") + report.estimates.to_csv() + report.findings.to_csv()
    assert not re.search(r"\b(lab|panel|expert)-\d|\bautorater-1", everything)
    assert "Do raters of vendor_a agree as far as the others do?" in everything and "raters of vendor_a</p>" in everything


@pytest.mark.parametrize(("asked", "words"), [
    ({"criterion": "nope"}, "criterion='nope' is not known. Use one of: 'accuracy', 'helpfulness', 'safety'"),
    ({"party": "zz"}, "party='zz' is not known. Use one of: ")])
def test_an_unknown_criterion_or_party_is_refused_at_the_top(agreement: Callable, asked: dict[str, str], words: str) -> None:
    with pytest.raises(ReportError, match=words):
        agreement(ROOT / "data/sample", **asked)
