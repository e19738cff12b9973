"""Gates of a pack: read with every mistake refused, judged so that what cannot be told has not passed, and written for CI."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.report import find_run, load_pack, run
from workbench.report.gates import judge, junit, read_gates

CHECKS = [{"check": "values", "outcome": "ok", "required": True, "text": "fine"},
          {"check": "overlap", "outcome": "attention", "required": False, "text": "two groups share no item"}]


def estimates() -> pd.DataFrame:
    rows = [("accuracy", "1", 0.7, 0.62), ("accuracy", "2", 0.8, 0.55), ("tone", "1", math.nan, math.nan), ("", "1", 0.9, 0.8)]
    made = [estimate("alpha", value, low=low, high=value + 0.1, n_items=60) | {"criterion": criterion, "rubric_version": version}
            if value == value else estimate("alpha", value, note="one level only") | {"criterion": criterion, "rubric_version": version}
            for criterion, version, value, low in rows]
    return estimates_table(made, by=["criterion", "rubric_version"]).pipe(lambda table: table.assign(notebook="agreement"))[
        ["notebook", "name", "criterion", "rubric_version", "value", "low", "high", "n_items", "note"]]


def why(entry: dict[str, object], **given: object) -> str:
    found = findings_table([finding("drift", "changed", "Scores fell.", severity="alarm"), finding("drift", "rest", "Else none.", severity="ok")])
    [row] = judge(read_gates([entry], file="p.toml", notebooks=["agreement", "drift"]), findings=found, estimates=estimates(), checks=CHECKS, **given)
    assert row["open"] == (row["why"] == "")
    return row["why"]


@pytest.mark.parametrize(("entry", "said"), [
    ({"estimate": "alpha", "where": {"criterion": "accuracy", "rubric_version": "1"}, "column": "low", "at_least": 0.6}, ""),
    ({"estimate": "alpha", "where": {"criterion": "accuracy", "rubric_version": "*"}, "column": "low", "at_least": 0.6}, "rubric_version 2: low is 0.55"),
    ({"estimate": "alpha", "where": {"criterion": "accuracy", "rubric_version": "2"}, "at_least": 0.6, "at_most": 0.7}, "value is 0.8"),
    ({"estimate": "alpha", "where": {"criterion": "tone", "rubric_version": "1"}, "at_least": 0.1}, "value is not defined: one level only"),
    ({"estimate": "alpha", "where": {"rubric_version": "1"}, "column": "n_items", "at_least": 50}, ""),
    ({"estimate": "alpha", "where": {"criterion": "accuracy"}, "at_least": 0.6}, "alpha has no row for just {'criterion': 'accuracy'}"),
    ({"estimate": "alpha", "where": {"party": "lab"}, "at_least": 0.6}, "alpha is not told apart by party; there are: criterion, rubric_version"),
    ({"estimate": "kappa", "at_least": 0.6}, "no estimate is named 'kappa'; there are: alpha"),
    ({"estimate": "alpha", "notebook": "drift", "at_least": 0.6}, "no estimate is named 'alpha'"),
    ({"finding": "alarm"}, "1: Scores fell."),
    ({"finding": "alarm", "at_most": 1}, ""),
    ({"finding": "alarm", "notebook": "agreement"}, ""),
    ({"check": "required"}, ""),
    ({"check": "overlap"}, "two groups share no item"),
    ({"check": "rows"}, "no such check ran; there are: values, overlap"),
])
def test_a_gate_is_open_only_where_what_it_asks_for_is_there(entry: dict[str, object], said: str) -> None:
    assert said in why(entry) if said else why(entry) == ""


def test_a_notebook_that_failed_closes_its_gates() -> None:
    assert why({"finding": "alarm", "notebook": "agreement"}, failed=["agreement"]) == "agreement failed: what it would have found is not known"
    assert why({"finding": "alarm", "notebook": "agreement"}, failed=["drift"]) == ""
    assert why({"check": "required"}, failed=["drift"]) == ""


@pytest.mark.parametrize(("entry", "said"), [
    ("alpha", "alpha is not known. Use: name, estimate, finding, check"),
    ({"estimate": "alpha", "atleast": 1}, "atleast is not known"),
    ({"estimate": "alpha", "check": "values", "at_least": 1}, "one of estimate, finding, check was expected"),
    ({}, "one of estimate, finding, check was expected, with a name, and none was found"),
    ({"estimate": "alpha"}, "an estimate takes at_least, at_most or both"),
    ({"estimate": "alpha", "at_least": "high"}, "at_least and at_most are numbers"),
    ({"estimate": "alpha", "at_least": True}, "at_least and at_most are numbers"),
    ({"estimate": "alpha", "at_least": 1, "column": "p"}, "column in p.toml: [[gate]] 1='p' is not known"),
    ({"estimate": "alpha", "at_least": 1, "where": "accuracy"}, "where is a table such as"),
    ({"estimate": "alpha", "at_least": 1, "notebook": "rubric"}, "notebook in p.toml: [[gate]] 1='rubric' is not known"),
    ({"finding": "alarms"}, "'alarms' is not known. Use one of: 'alarm'"),
    ({"finding": "alarm", "at_least": 1}, "a finding at_most"),
    ({"finding": "alarm", "where": {}}, "where and column are for estimates"),
    ({"check": "values", "at_most": 1}, "a check neither"),
])
def test_a_mistake_in_a_gate_is_refused_before_anything_runs(entry: object, said: str) -> None:
    with pytest.raises(ParameterError) as refused:
        read_gates([entry], file="p.toml", notebooks=["agreement"])
    assert said in str(refused.value) and "p.toml" in str(refused.value)


def test_two_gates_of_one_name_are_refused() -> None:
    with pytest.raises(ParameterError, match="two gates are named check values passes"):
        read_gates([{"check": "values"}] * 2, file="p.toml", notebooks=[])


def test_junit_has_a_case_a_gate_and_is_xml_whatever_stands_in_it(tmp_path: Path) -> None:
    rows = [{"name": "a <b> & \x00", "asked": "x", "open": False, "why": "\x1b[1m is \ud800 low"}, {"name": "c", "asked": "y", "open": True, "why": ""}]
    junit(rows, suite="weekly", path=tmp_path / "deep/gates.xml")
    suite = ElementTree.parse(tmp_path / "deep/gates.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == ["a <b> & �", "c"] and suite[0][0].get("message") == "�[1m is � low"


def test_a_report_records_its_gates_and_checks_and_shows_them(workspace: Path, write: Callable) -> None:
    write("agreement")
    gate = '[[gate]]\nestimate = "agreement_share"\nwhere = {criterion = "tone"}\ncolumn = "low"\nat_least = 0.6\n[[gate]]\ncheck = "required"\n'
    (workspace / "reports/mine.toml").write_text('[[notebook]]\nname = "agreement"\n' + gate)
    [made] = run("mine")
    assert [row["open"] for row in made.manifest["gates"]] == [False, True]
    assert [check["check"] for check in made.manifest["checks"]] == ["values", "overlap"]
    page = made.index.read_text()
    assert "A gate is closed" in page and "low is 0.4" in page and find_run("mine").manifest["gates"] == made.manifest["gates"]
    (workspace / "reports/mine.toml").write_text('[[notebook]]\nname = "agreement"\n' + gate.replace("0.6", "0.3"))
    [other] = run("mine")
    assert other.version != made.version and "All gates are open" in other.index.read_text()


def test_the_weekly_pack_has_gates_that_are_read() -> None:
    assert [gate.kind for gate in load_pack("weekly", workspace=Path(__file__).parents[2]).gates] == ["check", "estimate", "finding"]
