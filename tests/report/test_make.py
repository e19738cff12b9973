"""Whole runs of small notebooks: what is made, what is made once, and what a failure leaves."""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import nbformat
import pandas as pd
import pyarrow as pa
import pytest
from stand_ins import Dated, Elements, days

import workbench
from workbench.errors import ParameterError, ReportError
from workbench.report import list_runs, run
from workbench.store.managed import append_ratings
from workbench.store.read import read

PACK = '[[notebook]]\nname = "agreement"\n[[notebook]]\nname = "drift"\n'


def folders(workspace: Path) -> list[str]:
    return sorted(p.relative_to(workspace / "reports").as_posix() for p in (workspace / "reports").glob("*/*/*"))


def test_a_report_is_whole_and_says_what_it_was_made_from(workspace: Path, write: Callable) -> None:
    write("agreement", 'print(f"{period} {criterion} {draws}")'), write("drift")
    (workspace / "reports/mine.toml").write_text(PACK)
    [made] = run("mine", parameters={"draws": 7}, jobs=2)
    assert {p.relative_to(made.path).as_posix() for p in made.path.rglob("*") if p.is_file()} == {
        "index.html", "agreement.html", "drift.html", "notebooks/agreement.ipynb", "notebooks/drift.ipynb", "findings.parquet",
        "findings.json", "estimates.parquet", "manifest.json", "passports.json"}
    assert made.path.relative_to(workspace).as_posix() == f"reports/mine/2026-W46/{made.version}"
    assert made.findings["id"].tolist() == ["agreement/share-is-low", "drift/share-is-low"]
    assert made.estimates["notebook"].tolist() == ["agreement", "drift"]
    assert "2026-W46  7" in (made.path / "agreement.html").read_text()
    manifest = made.manifest
    assert (manifest["status"], manifest["snapshot"]["id"], manifest["filters"]) == ("complete", "f00d", {"is_qc = True": 2})
    assert manifest["notebooks"]["drift"]["parameters"]["draws"] == 7
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((made.path / name).read_bytes()).hexdigest() == digest
    jsonschema.validate(manifest, json.loads((Path(workbench.__path__[0]) / "report/manifest.schema.json").read_text()))
    nbformat.validate(nbformat.read(made.path / "notebooks/drift.ipynb", as_version=4))
    assert not list((workspace / "reports").glob(".staging*"))


def test_same_inputs_run_once_and_a_changed_parameter_makes_a_new_version(workspace: Path, write: Callable) -> None:
    write("agreement")
    [first] = run("agreement")
    [again] = run("agreement", jobs=1)
    assert again.reused and again.path == first.path
    [changed] = run("agreement", parameters={"draws": 8})
    assert not changed.reused and changed.path.parent == first.path.parent
    assert sorted(list_runs(workspace)["version"]) == sorted([first.version, changed.version])


def test_force_moves_the_old_report_aside(workspace: Path, write: Callable) -> None:
    write("agreement")
    [first] = run("agreement")
    [second] = run("agreement", force=True)
    assert second.path == first.path and not second.reused
    assert sorted(list_runs(workspace)["status"]) == ["complete", "old"]


@pytest.mark.parametrize("options", [{"parameters": {"drwas": 1}}, {"parameters": {"draws": "1"}}, {"period": "2026-W40"},
                                     {"period": "2026-W46", "since": "2026-W40"}])
def test_what_is_refused_leaves_no_folder(workspace: Path, write: Callable, options: dict) -> None:
    write("agreement")
    with pytest.raises(ParameterError):
        run("agreement", **options)
    assert list((workspace / "reports").iterdir()) == []


def test_a_failed_notebook_leaves_the_others_and_a_page_with_the_error_on_top(workspace: Path, write: Callable) -> None:
    write("agreement")
    write("drift", 'print("before")', 'open("nowhere.csv")', 'print("after")')
    (workspace / "reports/mine.toml").write_text(PACK)
    with pytest.raises(ReportError, match=r"mine 2026-W46: 1 of its notebooks failed: drift \(FileNotFoundError: .*failed/index.html"):
        run("mine")
    [folder] = folders(workspace)
    assert folder.endswith(".failed")
    failed = workspace / "reports" / folder
    page = (failed / "drift.html").read_text()
    assert page.index("This notebook failed") < page.index("before") < page.index('id="error"')
    assert ">after" not in page
    assert "Raters agree on half" in (failed / "agreement.html").read_text()
    assert "This report is not whole" in (failed / "index.html").read_text()
    [row] = list_runs(workspace).to_dict("records")
    assert row["status"] == "failed"
    assert json.loads((failed / "manifest.json").read_text())["notebooks"]["drift"]["error"].startswith("FileNotFoundError")
    write("drift")
    run("mine")
    assert sorted(list_runs(workspace)["status"]) == ["complete", "failed"]  # the mended notebook is another version


def test_a_notebook_that_saves_nothing_has_failed(workspace: Path, write: Callable) -> None:
    write("agreement", save="1")
    with pytest.raises(ReportError, match="ended without wb.report.save"):
        run("agreement")


def test_a_chart_that_needs_the_network_fails_the_report(workspace: Path, write: Callable) -> None:
    write("agreement", "from IPython.display import HTML\nHTML('<div></div><script>vegaEmbed(1)</script>')")
    with pytest.raises(ReportError, match="loads scripts from the network"):
        run("agreement")


@pytest.mark.parametrize(("cell", "limit", "said"), [
    ("import time; time.sleep(60)", "timeout = 2", "ran longer than its 2 seconds"),
    ("import time; flood = bytearray(600_000_000); time.sleep(60)", "memory = 0.5", "more than its 0.5 GB"),
    ("import os; os._exit(1)", "timeout = 60", "its Python process ended by itself"),
])
def test_a_notebook_that_hangs_or_grows_or_dies_is_ended_with_the_reason(workspace: Path, write: Callable, cell: str, limit: str,
                                                                         said: str) -> None:
    write("agreement", cell)
    (workspace / "reports/mine.toml").write_text(f'{limit}\n[[notebook]]\nname = "agreement"\n')
    with pytest.raises(ReportError, match=said):
        run("mine")


def test_no_file_of_a_report_holds_a_path_of_this_machine(workspace: Path, write: Callable,
                                                        tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("secret") / "mine.csv"
    elsewhere.write_text("")
    write("agreement", "import os, sys\nprint(os.getcwd(), sys.prefix, data, out)",
          "print(os.path.abspath('..'), os.path.expanduser('~'))", "os.__file__, data", "raise ValueError(os.path.abspath(data))")
    with pytest.raises(ReportError):
        run("agreement", data=elsewhere)
    paths = {str(workspace), str(elsewhere.parent), str(workspace.parent), sys.prefix, str(Path(sys.executable).parent)}
    for file in (workspace / "reports").rglob("*"):
        if file.is_file():
            text = file.read_bytes().decode(errors="replace")
            assert not [path for path in paths if path in text], file
            assert f"pytest-of-{getpass.getuser()}" not in text, file


def test_pages_fetch_nothing_and_run_nothing_of_what_was_rated(workspace: Path, write: Callable) -> None:
    write("agreement", "from IPython.display import HTML, Markdown, display",
          "display(HTML('<b>bold</b><script>alert(1)</script><img src=https://evil.example/p onerror=alert(2)>'))",
          "display(Markdown('![x](https://evil.example/p) <script>alert(3)</script>'))",
          "import pandas as pd; pd.DataFrame({'text': ['<script>alert(4)</script>']})",
          save=SAVE_HOSTILE)
    [made] = run("agreement")
    for page in made.path.glob("*.html"):
        elements, own = Elements.of(page.read_text()), page.stem != "index"     # one script of ours, known to the policy by its hash
        assert "bold</b>" in page.read_text() or not own
        assert page.read_text().count("<script") == own and (re.search("script-src 'sha256-[^']+';", page.read_text().replace("&#39;", "'")) or not own)
        assert not elements.names & {"img", "link", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in elements.attributes if name.startswith("on") or name in ("src", "srcset", "action", "data")]
        assert not [link for link in elements.links if not re.match(r"#|[\w./-]+$|[\w./-]+#", link)]
        assert own or "script-src 'none'" in page.read_text().replace("&#39;", "'")
        assert "url(" not in page.read_text()


SAVE_HOSTILE = '''import workbench as wb
from workbench.estimates import estimates_table, finding, findings_table
rows = [finding("agreement", "x", "<script>alert(5)</script>", severity="alarm", where={"task": "\\"><script>"}, action="<img src=x>")]
wb.report.save(findings=findings_table(rows), estimates=estimates_table([]), out=out)'''


def test_every_step_is_told(workspace: Path, write: Callable) -> None:
    write("agreement")
    events = []
    run("agreement", progress=events.append)
    assert [events[0].state, events[-1].state] == ["waiting", "done"]
    assert [e.cell for e in events if e.state == "running"] == [0, 1, 2, 3, 3]  # three cells, and the injected parameters
    assert str(events[2]) == "running, cell 1 of 3"


def test_since_makes_each_complete_week_and_undated_data_one_report(workspace: Path, write: Callable, ratings: Callable) -> None:
    write("agreement")
    ratings(days("2026-12-28", "2027-01-04", "2027-01-10"))
    assert [made.period for made in run("agreement", since="2026-W53")] == ["2026-W53", "2027-W01"]
    ratings(Dated(()))
    [undated] = run("agreement")
    assert undated.path.parent.name == "undated" and "Undated ratings" in undated.index.read_text()


def test_an_interrupted_run_ends_its_kernels_and_leaves_nothing(workspace: Path, write: Callable) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)    # what runs in the background begins with interrupts ignored
    write("mine", "import time; time.sleep(60)")
    timer = threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run("mine", workspace=workspace)
    assert time.monotonic() - started < 30 and folders(workspace) == []


def test_a_damaged_manifest_is_named(workspace: Path) -> None:
    folder = workspace / "reports/mine/2026-W45/abc"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ReportError, match="reports/mine/2026-W45/abc/manifest.json: JSON was expected"):
        list_runs(workspace)


COUNTED = '''import workbench as wb
from workbench.estimates import estimate, estimates_table, finding, findings_table
n = wb.read(data, columns=columns, exclude=exclude).count()
estimates = estimates_table([estimate("share", n / 100, low=0, high=1, n_items=n)], by=[])
rows = [finding("NAME", "many", f"{n} ratings.", severity="ok", evidence=estimates.iloc[0].to_dict())]
wb.report.save(findings=findings_table(rows), estimates=estimates, out=out)'''
MORE = '''import pyarrow as pa
from workbench.store.managed import append_ratings
new = pa.table({"rating_id": [out], "item_id": ["z"], "rater_id": ["late"], "score": [1.0]})
append_ratings("../data/live", new, action={"action": "import"}, fresh=True)'''


def test_all_notebooks_read_one_version_and_a_report_as_of_it_is_the_report_made_then(
        workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "read", read)
    week = {"rating_id": ["a", "b"], "item_id": ["i", "j"], "rater_id": ["x", "x"], "score": [1.0, 2.0],
            "rated_at": [dt.datetime(2026, 11, day, tzinfo=dt.timezone.utc) for day in (9, 15)]}
    append_ratings(workspace / "data/live", pa.table(week), action={"action": "import"})
    write("agreement", MORE, save=COUNTED), write("drift", save=COUNTED)        # the first appends before either counts
    (workspace / "reports/mine.toml").write_text(PACK)
    [then] = run("mine", data="data/live", period="2026-W46", jobs=1)
    assert then.findings["sentence"].tolist() == ["2 ratings."] * 2 and then.manifest["data"] == "live@0"
    assert "live@0" in (then.path / "drift.html").read_text()
    [now] = run("drift", data="data/live", period="2026-W46")
    assert now.findings["sentence"].tolist() == ["3 ratings."] and now.manifest["data"] == "live@1"
    [again] = run("mine", data="data/live@0", period="2026-W46", jobs=1, force=True)
    assert not again.reused and again.manifest["snapshot"] == then.manifest["snapshot"] and again.manifest["data"] == "live@0"
    pd.testing.assert_frame_equal(again.findings, then.findings)
    pd.testing.assert_frame_equal(again.estimates, then.estimates)


def test_ratings_of_an_unfinished_week_are_counted_as_not_read(write: Callable, ratings: Callable) -> None:
    write("agreement")
    ratings(days("2026-11-09", "2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"))
    [made] = run("agreement")
    assert made.period == "2026-W46" and "2 ratings in this period · 3 later or undated ones not read" in made.index.read_text()
    assert made.manifest["n_ratings_unread"] == 3
    ratings(Dated(days("2026-11-09", "2026-11-15").times, id="beef"))
    assert "not read" not in run("agreement", period="2026-W46")[0].index.read_text()
