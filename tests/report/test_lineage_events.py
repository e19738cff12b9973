"""OpenLineage events of reports, as they stand in the file: after the specification, https://openlineage.io/spec/2-0-2/OpenLineage.json."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from workbench.errors import ParameterError, ReportError
from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.report import Run
from workbench.report.artefact import seal
from workbench.report.lineage_events import run_id, write_lineage
from workbench.report.recipients import read_lineage

RATINGS = SimpleNamespace(table=SimpleNamespace(schema=lambda: {"item_id": "string", "score": "float64"}))
URI = {"type": "string", "pattern": "^https://[^ ]+$"}


def facets(**known: dict) -> dict:
    """A table of facets: each names its producer and its own schema; `known` ones hold what theirs requires."""
    base = {"type": "object", "required": ["_producer", "_schemaURL"], "properties": {"_producer": URI, "_schemaURL": URI}}
    return {"type": "object", "additionalProperties": base, "required": list(known),
            "properties": {name: base | {"properties": base["properties"] | own, "required": [*base["required"], *own]}
                           for name, own in known.items()}}


def list_of(**required: dict) -> dict:
    """A list of objects that have these."""
    return {"type": "array", "minItems": 1, "items": {"type": "object", "required": list(required), "properties": required}}


TEXT, COUNT = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}
DATASET = {"namespace": TEXT, "name": TEXT, "facets": facets(version={"datasetVersion": TEXT}, schema={"fields": list_of(name=TEXT, type=TEXT)})}
SPEC = {"type": "object", "required": ["eventTime", "producer", "schemaURL", "run", "job"], "properties": {
    "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]}, "producer": URI, "schemaURL": URI,
    "eventTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
    "run": {"type": "object", "required": ["runId"], "properties": {"runId": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
                                                                    "facets": facets(processing_engine={"version": TEXT})}},
    "job": {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": TEXT, "name": TEXT, "facets": facets(
        jobType={"processingType": TEXT, "integration": TEXT})}},
    "inputs": list_of(**DATASET, inputFacets=facets(
        dataQualityAssertions={"assertions": list_of(assertion=TEXT, success={"type": "boolean"})},
        dataQualityMetrics={"rowCount": COUNT, "columnMetrics": {"type": "object"}})),
    "outputs": list_of(**DATASET, outputFacets=facets(outputStatistics={"rowCount": COUNT, "size": COUNT})) | {"minItems": 0}}}


def made(workspace: Path, *, period: str = "2026-W46", error: str = "", data: str = "live@3") -> Run:
    """A report as a run leaves it."""
    folder = workspace / f"reports/mine/{period}/abc{'.failed' if error else ''}"
    folder.mkdir(parents=True)
    table = estimates_table([estimate("share", 0.5, low=0.4, high=0.6, n_items=10)], by=[])
    table.to_parquet(folder / "estimates.parquet")
    findings_table([finding("agreement", "low", "Half.", severity="ok", evidence=table.iloc[0].to_dict())]).to_parquet(folder / "findings.parquet")
    checks = [{"check": "values", "outcome": "ok", "required": True, "text": "Every value keeps to the contract."},
              {"check": "overlap", "outcome": "attention", "required": False, "text": "Two groups share no item."}]
    seal(folder, {"pack": "mine", "period": period, "version": "abc", "title": "Mine", "status": "failed" if error else "complete",
                  "started": "2026-11-16T06:00:00+00:00", "ended": "2026-11-16T06:01:00+00:00", "data": data, "checks": checks,
                  "snapshot": {"id": "f00d", "n_rows": 14}, "code": {"workbench": "a" * 64},
                  "notebooks": {"agreement": {"error": ""}, "drift": {"error": error}}})
    return Run("mine", period, "abc", folder, {"drift": error} if error else {})


def read(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_report_is_a_start_and_an_end_with_what_was_read_checked_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("nothing is sent"))
    one = made(tmp_path)
    write_lineage([one], to="reports/lineage.jsonl", ratings=RATINGS, workspace=tmp_path)
    start, end = events = read(tmp_path / "reports/lineage.jsonl")
    for event in events:
        jsonschema.Draft202012Validator(SPEC).validate(event)
    assert [(event["eventType"], event["eventTime"]) for event in events] == [("START", "2026-11-16T06:00:00+00:00"),
                                                                              ("COMPLETE", "2026-11-16T06:01:00+00:00")]
    assert start["run"]["runId"] == end["run"]["runId"] == run_id(one) and start["outputs"] == [] and end["job"]["name"] == "mine"
    assert end["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2026-11-09T00:00:00+00:00"
    [read_from] = end["inputs"]
    assert (read_from["name"], read_from["facets"]["version"]["datasetVersion"]) == ("live", "3")
    assert [(f["name"], f["type"]) for f in read_from["facets"]["schema"]["fields"]] == [("item_id", "string"), ("score", "float64")]
    assert read_from["inputFacets"]["dataQualityMetrics"]["rowCount"] == 14
    assert [(a["assertion"], a["success"], a["severity"]) for a in read_from["inputFacets"]["dataQualityAssertions"]["assertions"]] == [
        ("values", True, "error"), ("overlap", False, "warn")]
    assert [(o["name"], o["facets"]["version"]["datasetVersion"], o["outputFacets"]["outputStatistics"]["rowCount"]) for o in end["outputs"]] == [
        ("mine/findings", "2026-W46/abc", 1), ("mine/estimates", "2026-W46/abc", 1)]
    text = (tmp_path / "reports/lineage.jsonl").read_text()
    assert str(tmp_path) not in text and '"/' not in text and str(Path.home()) not in text


def test_a_report_that_failed_is_said_to_have_failed_and_undated_ratings_have_no_nominal_time(tmp_path: Path) -> None:
    write_lineage([made(tmp_path, period="undated", error="KeyError: x", data="mine.csv")], to="l.jsonl", ratings=RATINGS, workspace=tmp_path)
    start, end = read(tmp_path / "l.jsonl")
    jsonschema.Draft202012Validator(SPEC).validate(end)
    assert end["eventType"] == "FAIL" and end["outputs"] == [] and end["run"]["facets"]["errorMessage"]["message"] == "drift: KeyError: x"
    assert end["inputs"][0]["facets"]["version"]["datasetVersion"] == "f00d" and "nominalTime" not in end["run"]["facets"]
    assert "errorMessage" not in start["run"]["facets"]


def test_a_run_is_written_once_and_a_line_cut_short_stays_alone(tmp_path: Path) -> None:
    one = made(tmp_path)
    for _ in range(2):
        write_lineage([one], to="l.jsonl", ratings=RATINGS, workspace=tmp_path)
    whole = (tmp_path / "l.jsonl").read_text()
    assert len(whole.splitlines()) == 2
    (tmp_path / "l.jsonl").write_text(whole + '{"eventType": "ST')
    write_lineage([one, made(tmp_path, period="2026-W47")], to="l.jsonl", ratings=RATINGS, workspace=tmp_path)
    lines = (tmp_path / "l.jsonl").read_text().splitlines()
    assert len(lines) == 5 and [json.loads(line)["eventType"] for line in lines[:2] + lines[3:]] == ["START", "COMPLETE"] * 2


def test_a_file_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").mkdir()
    with pytest.raises(ReportError, match=r"^l.jsonl: lineage could not be written there \(Is a directory\). Make it writable"):
        write_lineage([made(tmp_path)], to="l.jsonl", ratings=RATINGS, workspace=tmp_path)


@pytest.mark.parametrize("place", ["/tmp/l.jsonl", "../l.jsonl", "reports/../../l.jsonl", "..\\l.jsonl", "reports/weekly.toml", "https://x.example/l"])
def test_a_place_outside_the_workspace_is_refused(place: str) -> None:
    with pytest.raises(ParameterError, match="weekly.toml: lineage = .* a .jsonl file below the workspace was expected"):
        read_lineage(place, file="weekly.toml")
    assert read_lineage("", file="x") == "" and read_lineage("reports/lineage.jsonl", file="x") == "reports/lineage.jsonl"


def test_the_libraries_of_delivery_and_lineage_load_only_where_they_are_used() -> None:
    code = "import sys, workbench.report.make, workbench.report.delivery; print({'apprise', 'openlineage'} & {m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "set()"
