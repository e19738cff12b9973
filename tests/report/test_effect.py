"""Whether what was done about a finding worked."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench
from workbench.estimates import estimate, finding, findings_table
from workbench.report.effect import DISJOINT, OTHER_RUBRIC, before, changes, effect_of, rubrics_of, seen_before, sight, told_actions, way_of
from workbench.report import find_run, run
from workbench.report.joint import RECOMPUTED
from workbench.report.loop import Action
from workbench.store.read import read

FALSE = 0.06    # of findings that chance alone made, how many may be said to have got smaller: .05 and the error of 4,000 draws


def seen(value: float | None, half: float = 0.05, name: str = "krippendorff_alpha", severity: str = "attention") -> dict[str, object]:
    return {"period": "2026-W45", "severity": severity, "name": name, "value": value, "low": None if value is None else value - half,
            "high": None if value is None else value + half}


@pytest.mark.parametrize(("name", "then", "now", "better", "effect"), [
    ("krippendorff_alpha", 0.4, 0.51, "", "smaller, beyond noise"), ("krippendorff_alpha", 0.4, 0.5, "", "no change that can be told"),
    ("krippendorff_alpha", 0.4, 0.29, "", "worse"), ("krippendorff_alpha", 0.4, 0.51, "lower", "worse"),
    ("severity", -0.4, -0.2, "", "smaller, beyond noise"), ("severity", -0.2, 0.4, "", "worse"),
    ("detectable", 0.4, 0.2, "", "smaller, beyond noise"),
    ("mean", 3.0, 3.2, "", "changed, beyond noise (assumes disjoint items); write better = \"lower\", \"higher\" or \"nearer 0\" to say whether that is smaller"),
    ("mean", 3.0, 3.2, "higher", "smaller, beyond noise"), ("mean", None, 3.2, "", "no change that can be told: no interval to tell it by"),
])
def test_a_change_is_told_where_intervals_do_not_overlap(name: str, then: float | None, now: float, better: str, effect: str) -> None:
    past = {"first": seen(then, name=name), "acted": None, "last": None}
    said = effect_of(Action("a", better=better), past, seen(now, name=name), looked=True)
    assert said == (effect if "no interval" in effect or "write" in effect else effect + DISJOINT)     # halves of .05: they touch at .1


def test_what_is_not_there_is_gone_only_if_it_was_looked_for() -> None:
    past = {"first": seen(0.4), "acted": None, "last": seen(0.4)}
    assert effect_of(Action("a"), past, None, looked=True) == "gone" == effect_of(Action("a"), past, seen(0.9, severity="ok"), looked=True)
    assert effect_of(Action("a"), past, None, looked=False).startswith("not looked at")
    assert effect_of(Action("a"), {"first": None, "acted": None}, seen(0.4), looked=True) == "first seen now"


def test_what_was_done_is_judged_from_when_it_was_done() -> None:
    past = {"first": seen(0.2), "acted": seen(0.6), "last": seen(0.6)}
    assert effect_of(Action("a"), past, seen(0.58), looked=True) == f"no change that can be told{DISJOINT}"


def test_a_finding_that_chance_made_does_not_seem_to_get_better() -> None:
    # first seen because it passed 1.96 errors; nothing is there, and the next estimate is drawn anew
    rng, told = np.random.default_rng(0), 0
    draws = [z for z in rng.normal(size=200_000) if abs(z) > 1.96][:4000]
    for z in draws:
        past = {"first": seen(z, half=1.96, name="severity"), "acted": None}
        told += effect_of(Action("a"), past, seen(rng.normal(), half=1.96, name="severity"), looked=True) == f"smaller, beyond noise{DISJOINT}"
    plain = np.mean([(z - rng.normal()) * math.copysign(1, z) > 1.96 * math.sqrt(2) for z in draws])
    assert told / len(draws) <= FALSE < plain     # a plain test of the difference would


def on_both(value: float, half: float) -> dict[str, object]:
    return {"value": value, "se": half / 1.96, "low": value - half, "high": value + half, "note": "recomputed"}


def test_on_the_ratings_of_both_a_change_is_told_at_three_errors_of_itself() -> None:
    # then .40 of 100 items, now .43 of 110, all of the first among them: the intervals overlap by far, and the change has an error of .008
    past = {"first": seen(0.40), "acted": None, "last": None}
    said = [effect_of(Action("a"), past, seen(0.43), True, on_both(0.03, 1.96 * se)) for se in (0.0098, 0.0101)]
    assert said == ["smaller, beyond noise", "no change that can be told"]      # 3.06 and 2.97 errors; 3.02 are asked for
    assert effect_of(Action("a"), past, seen(0.37), True, on_both(-0.03, 0.01)) == "worse"
    bare = {"first": seen(0.40) | {"low": None}, "acted": None, "last": None}
    assert effect_of(Action("a"), bare, seen(0.43), True, on_both(0.03, 0.01)) == "smaller, beyond noise"


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_nor_does_it_on_the_ratings_of_both_however_many_came_since(ratio: float) -> None:
    # what came since is `ratio` times what was there when chance took the finding past 1.96 errors; now is the mean of all
    rng, told = np.random.default_rng(1), 0
    draws = [z for z in rng.normal(size=200_000) if abs(z) > 1.96][:4000]
    for z in draws:
        now = (z + ratio * rng.normal() / math.sqrt(ratio)) / (1 + ratio)
        half = 1.96 * math.sqrt(1 - 1 / (1 + ratio))      # Hausman: V1 - V2
        past = {"first": seen(z, half=1.96, name="severity"), "acted": None}
        told += effect_of(Action("a"), past, seen(now, name="severity"), True, on_both(now - z, half)) == "smaller, beyond noise"
    assert told / len(draws) <= FALSE


def test_a_change_across_a_rubric_is_not_put_down_to_what_was_done() -> None:
    past = {"first": seen(0.4) | {"rubrics": "a"}, "acted": None, "last": None}
    told = [effect_of(Action("a"), past, seen(value) | {"rubrics": rubric}, looked=True) for value, rubric in ((0.6, "a"), (0.6, "b"), (0.42, "b"))]
    assert told == [f"{words}{DISJOINT}" for words in ("smaller, beyond noise", OTHER_RUBRIC, "no change that can be told")]
    tables = [pd.DataFrame({"rubric_version": versions}) for versions in (["1", None], ["1", "2"])]
    assert [sorted(rubrics_of({"tone 1": "abc"}, table)) for table in (*tables, pd.DataFrame())] == [
        ["tone 1 (abc)", "version 1"], ["tone 1 (abc)", "version 1", "version 2"], ["tone 1 (abc)"]]


def test_names_say_which_way_is_better() -> None:
    names = {"gwet_ac": "higher", "difference of krippendorff_alpha": "nearer 0", "calibration_error": "lower", "mean": "", "volume": ""}
    assert {name: way_of(name) for name in names} == names


def test_periods_of_a_kind_have_an_order() -> None:
    assert before("2026-W09", "2026-W10") and before("2025-W52", "2026-W01") and before("2026-09", "2026-10")
    assert not before("2026-W46", "2026-W46") and not before("2026-10", "2026-W46") and not before("undated", "2026-W46")


def test_a_finding_without_an_estimate_is_told_too() -> None:
    table = findings_table([finding("drift", "rubric versions", "One version only.", severity="unknown"),
                            finding("drift", "mean", "It fell.", severity="attention", evidence=estimate("mean", 3.1, low=3.0, high=3.2))])
    rows = {row["id"]: sight(row, "2026-W46") for row in table.to_dict("records")}
    assert rows["drift/rubric-versions"]["value"] is None and rows["drift/mean"]["low"] == 3.0
    past = [{"id": "drift/rubric-versions", "first": rows["drift/rubric-versions"], "acted": None, "last": None}]
    [told] = told_actions([Action("drift/rubric-versions")], past=past, findings=table, period="2026-W47", looked={"drift"})
    assert told["effect"] == "no change that can be told: no interval to tell it by" and told["sentence"] == "One version only."


MEASURED = """import workbench as wb
from workbench.estimates import finding, findings_table
table = wb.agreement.krippendorff_alpha(wb.read(data).until(period), by=["criterion"])
rows = [finding("NAME", "alpha", "It is low.", severity="attention", where={"criterion": "tone"}, evidence=table.iloc[0].to_dict())]
wb.report.save(findings=findings_table(rows), estimates=table, out=out)"""
TONE = "agreement/alpha/criterion=tone"


@pytest.fixture
def grown(workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ratings of three weeks, and what the reports of the last two say of their agreement: 120 items, then 150."""
    monkeypatch.setattr(workbench, "read", read)
    drawn = np.random.default_rng(5)
    scores = np.clip(np.round(3 + drawn.normal(size=(150, 1)) + drawn.normal(scale=0.8, size=(150, 3))), 1, 5).ravel()
    days = [dt.date(2026, 10, 28), dt.date(2026, 11, 8), dt.date(2026, 11, 15)]
    rows = pd.DataFrame({"item_id": np.repeat([f"i{n}" for n in range(150)], 3), "rater_id": list("abc") * 150, "criterion": "tone",
                         "score": scores, "rated_at": np.repeat([f"{day}T12:00:00Z" for day in days], (180, 180, 90))})
    rows.to_csv(workspace / "data/small.csv", index=False)
    write("agreement", save=MEASURED)
    for period in ("2026-W45", "2026-W46"):
        run("agreement", data="data/small.csv", period=period)
    return workspace / "data/small.csv"


def test_the_change_of_a_finding_is_recomputed_on_the_ratings_of_both_reports_while_they_are_there(grown: Path, workspace: Path) -> None:
    past = seen_before(workspace, "agreement", "2026-W46", [Action(TONE)])
    findings = find_run("agreement").findings
    row = findings.iloc[0].to_dict()

    def change() -> object:
        return changes(workspace, "agreement", ratings=read(grown), period="2026-W46", place=grown)(TONE, "2026-W45", row)

    found = change()
    assert found["note"] == RECOMPUTED and found["value"] == pytest.approx(row["value"] - past[0]["first"]["value"], abs=1e-9)
    assert found["se"] < 0.75 * row["se"]      # half of what it is as if no item were shared: sqrt(150 / 120 + 1) = 1.5
    asked = {"past": past, "findings": findings, "period": "2026-W46", "looked": {"agreement"}}
    asked |= {"rubrics": rubrics_of({}, find_run("agreement").estimates)}
    [told], [apart] = (told_actions([Action(TONE)], **asked, **more) for more in (
        {"changed": lambda *finding: found}, {}))
    assert (told["effect"], apart["effect"]) == ("no change that can be told", f"no change that can be told{DISJOINT}")
    with grown.open("a") as file:
        file.write("i0,d,tone,1,2026-11-15T13:00:00Z\n")
    assert change() is None         # what the earlier report was made from is no more


def test_a_run_judges_it_so(grown: Path, workspace: Path) -> None:
    (workspace / "reports/agreement.findings.toml").write_text(f'[[finding]]\nid = "{TONE}"\n')
    [made] = run("agreement", data="data/small.csv", period="2026-W46")
    [told] = made.manifest["actions"]["told"]
    assert told["first_seen"] == "2026-W45" and told["effect"] == "no change that can be told"
    assert "on the ratings of both reports" in made.index.read_text()
