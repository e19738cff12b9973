"""What people did about findings: read from a file, told of in the next report, and begun anew where a change is accepted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_ins import PARAMETERS, SAVE, days

from workbench.errors import ParameterError, ReportError
from workbench.report import load_pack, rerun, run
from workbench.report.loop import Action, merged, rebaselined, recorded_actions, state_of

SHARE = SAVE.replace("0.5, low=0.4, high=0.6", "SHARE, low=SHARE - 0.05, high=SHARE + 0.05").replace('"attention"', '"SEVERITY"')
ID = "agreement/share-is-low"
WEEKS = days("2026-11-02", "2026-11-08", "2026-11-15")


def said(workspace: Path, text: str, pack: str = "agreement") -> None:
    (workspace / f"reports/{pack}.findings.toml").write_text(text)


@pytest.mark.parametrize(("text", "words"), [
    ('[[finding]]\nid = "a"\nowner = Ann', r"TOML was expected, and it cannot be read \(Invalid value \(at line 3"),
    ('\n[[finding]]\nid = "a"\nmuted = true', r"\[\[finding\]\] in line 2 \(a\): 'muted' is not known. Use: id, owner, note"),
    ('[[finding]]\nid = "a"\n\n[[finding]]\nid = "b"\nmute_until = "soon"', r"in line 4 \(b\): mute_until = 'soon' was found. Write a date without "),
    ('[[finding]]\nid = "a"\nacted = 2026-11-01T10:00:00', "acted = datetime.* was found. Write a date without quotes"),
    ('[[finding]]\nowner = "Ann"', "in line 1: id = \"...\" was expected, a finding's as findings.json has it"),
    ('[[finding]]\nid = "a"\n[[finding]]\nid = "a"', "agreement.findings.toml: a has two entries. Join them into one."),
    ('[[finding]]\nid = "a"\nmute_at = "red"', "mute_at='red' is not known. Use one of: 'alarm', 'attention', 'unknown'"),
    ('["a"]\nowner = "Ann"', r"'a' is not known here. Begin each entry with a line \[\[finding\]\]"),
    (f'[[finding]]\nid = "{ID}"\naccepted = 2026-10-05', "accepted = 2026-10-05 of agreement/share-is-low: its notebook keeps no baseline"),
])
def test_a_faulty_file_is_one_error_that_names_file_line_key_and_cure(workspace: Path, write: Callable, text: str, words: str) -> None:
    write("agreement")
    said(workspace, text)
    with pytest.raises((ParameterError, ReportError), match=words) as caught:
        run("agreement")
    assert str(caught.value).startswith("agreement.findings.toml") and not list((workspace / "reports").glob("*/"))


def test_a_findings_file_is_no_pack(workspace: Path, write: Callable) -> None:
    write("agreement")
    said(workspace, '[[finding]]\nid = "a"')
    with pytest.raises(ParameterError, match="Packs: none. Notebooks: agreement."):
        load_pack("agreement.findings")


def test_an_edit_makes_a_new_version_and_runs_no_notebook_again(workspace: Path, write: Callable) -> None:
    write("agreement", 'open("../ran", "a").write("x")')
    [first] = run("agreement")
    said(workspace, f'[[finding]]\nid = "{ID}"\nowner = "Ann <b>"')
    [second] = run("agreement")
    assert first.version != second.version and (workspace / "ran").read_text() == "x" and "Ann &lt;b&gt;" in second.index.read_text()
    assert (first.path / "agreement.html").exists() and second.estimates.equals(first.estimates) and second.findings.equals(first.findings)
    assert run("agreement")[0].reused
    assert rerun(second.path).empty     # on what was said then, whatever the file says now
    said(workspace, "")
    assert run("agreement")[0].path == first.path
    assert rerun(second.path).empty


def test_a_report_that_was_altered_is_not_taken_from(workspace: Path, write: Callable) -> None:
    write("agreement", 'open("../ran", "a").write("x")')
    [first] = run("agreement")
    with (first.path / "notebooks/agreement.ipynb").open("a") as file:
        file.write(" ")
    said(workspace, f'[[finding]]\nid = "{ID}"')
    run("agreement")
    assert (workspace / "ran").read_text() == "xx"


def test_finding_action_effect(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(WEEKS)
    write("agreement", save=SHARE.replace("SHARE", "0.5").replace("SEVERITY", "attention"))
    run("agreement", period="2026-W45")
    said(workspace, f'[[finding]]\nid = "{ID}"\nowner = "Ann"\nnote = "guide reworded"\nacted = 2026-11-09\n'
                    '[[finding]]\nid = "agreement/share-is-lw"\nnote = "a slip"')
    write("agreement", save=SHARE.replace("SHARE", "0.7").replace("SEVERITY", "attention"))
    [made] = run("agreement", period="2026-W46")
    told, slip = made.manifest["actions"]["told"]
    assert (told["first_seen"], told["last_seen"], told["owner"], told["state"]) == ("2026-W45", "2026-W46", "Ann", "acted on 2026-11-09")
    assert (told["then"]["value"], told["when_acted"]["value"], told["now"]["value"]) == (0.5, 0.5, 0.7)
    assert told["effect"] == "smaller, beyond noise (assumes disjoint items)" and slip["warning"] == f"No report here has a finding of this id; is it {ID}?"
    page = made.index.read_text()
    assert "What was done, and whether it worked" in page and "smaller, beyond noise" in page and "is it agreement/share-is-low?" in page
    write("agreement", save=SHARE.replace("SHARE", "0.4").replace("SEVERITY", "alarm"))
    assert run("agreement", period="2026-W46")[0].manifest["actions"]["told"][0]["effect"] == "no change that can be told (assumes disjoint items)"
    write("agreement", save=SHARE.replace("SHARE", "0.3").replace("SEVERITY", "alarm"))
    assert run("agreement", period="2026-W46")[0].manifest["actions"]["told"][0]["effect"] == "worse (assumes disjoint items)"


def test_a_muted_finding_is_folded_and_counted_and_closes_its_gate(workspace: Path, write: Callable) -> None:
    write("agreement")
    (workspace / "reports/mine.toml").write_text('[[notebook]]\nname = "agreement"\n[[gate]]\nfinding = "attention"\n')
    said(workspace, f'[[finding]]\nid = "{ID}"\nmute_until = 2026-11-16', "mine")
    [made] = run("mine")
    page = made.index.read_text()
    assert "One muted finding" in page and "(1 muted)" in page and "Nothing else needs attention" in page
    before, _, after = page.partition("One muted finding")
    sentence = '<p class="sentence">Raters agree on half'
    assert sentence not in before and sentence in after
    assert [gate["open"] for gate in made.manifest["gates"]] == [False] and made.manifest["findings"] == {"attention": 1}


@pytest.mark.parametrize(("severity", "period", "told", "muted"), [
    ("attention", "2026-W46", "muted until 2026-11-16", True),
    ("attention", "2026-W47", "mute ended 2026-11-16", False),
    ("alarm", "2026-W46", "mute lifted: now alarm, and muted up to attention", False),
    ("ok", "2026-W46", "muted until 2026-11-16", True),
    ("attention", "undated", "not muted: undated ratings have no week that a date could end", False),
])
def test_a_mute_ends_with_its_date_or_when_the_finding_gets_more_severe(severity: str, period: str, told: str, muted: bool) -> None:
    assert state_of(Action("a", mute_until=dt.date(2026, 11, 16)), severity, period) == (told, muted)


def test_an_alarm_is_muted_when_that_is_said() -> None:
    assert state_of(Action("a", mute_until=dt.date(2026, 11, 16), mute_at="alarm"), "alarm", "2026-W46")[1]


def test_an_accepted_change_begins_a_baseline_and_runs_its_notebook_alone(workspace: Path, write: Callable) -> None:
    declared = PARAMETERS + '\naccepted: list = []  # dates\nwindow: str = "week"'
    write("agreement", 'open("../ran", "a").write("a")')
    write("drift", 'open("../ran", "a").write(str(accepted))', parameters=declared)
    (workspace / "reports/mine.toml").write_text('[[notebook]]\nname = "agreement"\n[[notebook]]\nname = "drift"\n')
    run("mine", jobs=1)
    said(workspace, '[[finding]]\nid = "drift/share-is-low"\naccepted = 2026-10-05\n[[finding]]\nid = "drift/other"\naccepted = 2026-12-07', "mine")
    [made] = run("mine", jobs=1)
    assert (workspace / "ran").read_text() == "a[]['2026-10-05']"
    assert made.manifest["notebooks"]["drift"]["parameters"]["accepted"] == ["2026-10-05"]     # December is not yet of this period
    pack = rebaselined(load_pack("mine"), "2026-W52")
    assert pack.notebooks[1].parameters == {"accepted": ["2026-10-05", "2026-12-07"]} and pack.notebooks[0].parameters == {}


def test_changes_that_would_fall_into_one_baseline_begin_at_the_last() -> None:
    first, next_week, later = dt.date(2026, 8, 3), dt.date(2026, 8, 10), dt.date(2026, 10, 12)
    assert merged({later, first, next_week}, days=56) == [next_week, later]
    assert merged({first, dt.date(2026, 9, 28)}, days=56) == [first, dt.date(2026, 9, 28)]     # 56 days on: the baseline is over


def test_what_a_manifest_recorded_is_what_was_said() -> None:
    action = Action("a", "Ann", "why", dt.date(2026, 1, 2), dt.date(2026, 2, 3), "alarm", dt.date(2026, 3, 4), "lower")
    assert recorded_actions([action.recorded, Action("b").recorded]) == (action, Action("b"))
