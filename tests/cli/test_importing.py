"""`workbench import` as a reader meets it: the sums, what was set aside, the checks, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.cli.importing import bar, told
from workbench.store.intake import Tally

RECORD = {"text": "hello", "_input_hash": 1, "_task_hash": 2, "answer": "accept", "label": "KIND", "_view_id": "classification",
          "_session_id": "set-anna", "_timestamp": 1_790_000_000}
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(away: Path) -> Path:
    """A Prodigy export of four records, one of them broken."""
    records = [{**RECORD, "_input_hash": k, "_session_id": rater} for k, rater in ((1, "set-anna"), (1, "set-bob"), (2, "set-anna"))]
    (away / "export.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records) + '{"text": \n')
    return away / "export.jsonl"


def test_an_import_prints_the_sums_and_records_its_checks(cli: Cli, export: Path) -> None:
    code, out, _ = cli("import", "prodigy", export, "--into", "live")
    assert code == 0 and "4 read = 3 stored + 0 unchanged + 1 quarantined" in out
    assert "export.jsonl, line 4: it is not JSON" in out and "workbench data quarantine live" in out and "Checked 3 ratings" in out
    recorded = pd.read_parquet("live/checks.parquet")
    assert set(recorded["snapshot"]) == {wb.read("live").source.id} and len(recorded) == 9


def test_importing_again_says_that_nothing_has_changed(cli: Cli, export: Path) -> None:
    cli("import", "prodigy", export, "--into", "live")
    code, out, _ = cli("import", "prodigy", export, "--into", "live")
    assert code == 0 and "4 read = 0 stored + 3 unchanged + 1 quarantined" in out and "1 of them there already" in out
    assert "Nothing has changed since the checks recorded" in out and len(pd.read_parquet("live/checks.parquet")) == 9


def test_an_edit_upstream_supersedes_and_earlier_versions_answer_as_they_did(cli: Cli, export: Path) -> None:
    cli("import", "prodigy", export, "--into", "live", "--set", "party=vendor_a")
    export.write_text(export.read_text().replace("accept", "reject", 1))
    code, out, _ = cli("import", "prodigy", export, "--into", "live", "--set", "party=vendor_a")
    assert code == 0 and "1 of those stored supersede an earlier rating" in out
    assert set(wb.read("live").to_pandas()["party"]) == {"vendor_a"}
    assert "Checked" not in cli("check", "live", "--as-of", "0")[1]
    assert wb.read("live", as_of=0).where(label="no").count() == 0 and wb.read("live").where(label="no").count() == 1


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("prodigy", "export.jsonl"), 2, "--into is missing"), (("nothing", "export.jsonl", "--into", "live"), 2, "platform='nothing' is not known"),
    (("prodigy", "none.jsonl", "--into", "live"), 1, "there is no such file"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "party"), 2, "--set 'party': expected NAME=VALUE"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "party=a", "--set", "party=b"), 2, "--set party was given twice"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "colour=a"), 2, "'colour' cannot be given for all ratings"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "layer=x"), 2, "--set layer is 'x', expected a number"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "rater_kind=robot"), 2, "--set rater_kind is 'robot', expected one of"),
    (("prodigy", "export.jsonl", "--into", "live", "--set", "rated_at=May"), 2, "--set rated_at is 'May', expected a time with its zone"),
    (("prodigy", "export.jsonl", "--into", "live", "--mapping", "m.toml"), 2, "--mapping says nothing to the importer prodigy"),
    (("mqm", "export.jsonl", "--into", "live", "--item", "doc"), 2, "--item says nothing to the importer mqm"),
    (("prodigy", "export.jsonl", "--into", "export.jsonl"), 1, "a dataset folder was expected, and this is a file"),
    (("prodigy", "export.jsonl", "--guess"), 2, "--guess proposes a mapping for one table")])
def test_what_is_wrong_is_one_message_and_a_code(cli: Cli, export: Path, arguments: tuple, code: int, words: str) -> None:
    found, _, message = cli("import", *arguments)
    assert found == code and words in message and len(message.strip().splitlines()) == 1


def test_a_time_given_for_all_ratings_is_read_as_one(cli: Cli, export: Path) -> None:
    assert cli("import", "prodigy", export, "--into", "live", "--set", "started_at=2026-03-04T10:00:00+02:00")[0] == 0
    assert {str(at) for at in wb.read("live").to_pandas()["started_at"]} == {"2026-03-04 08:00:00+00:00"}


def test_a_column_name_that_is_kept_for_our_own_use_is_refused_with_the_files_name(cli: Cli, away: Path) -> None:
    (away / "odd.csv").write_text("item_id,rater_id,score,week\na,x,1,9\n")
    assert "odd.csv: column 'week' bears a name that is kept" in cli("import", "table", "odd.csv", "--into", "live")[2]


def test_two_sources_that_number_alike_do_not_overwrite_each_other(cli: Cli, away: Path) -> None:
    (away / "one.csv").write_text("item_id,rater_id,score,rating_id\na,x,1,r1\nb,x,1,r2\n")
    (away / "two.csv").write_text("item_id,rater_id,score,rating_id,replaces\np,q,5,r1,\np,q,4,r3,r1\n")
    (away / "m.toml").write_text('source = "two"\nkey = ["rating_id"]\n[columns]\n' + "".join(
        f'{c} = "{c}"\n' for c in ("item_id", "rater_id", "score", "replaces")))
    assert cli("import", "table", "one.csv", "--into", "live")[0] == 0
    code, _, message = cli("import", "table", "two.csv", "--into", "live")
    assert code == 1 and "1 of the 2 ratings to be stored bear the rating_id of a rating of another item" in message and "r1 (here p by q, stored a by x)" in message
    assert wb.read("live").to_pandas()["item_id"].tolist() == ["a", "b"]
    assert "2 read = 2 stored" in cli("import", "table", "two.csv", "--into", "live", "--mapping", "m.toml")[1]
    assert sorted(wb.read("live").to_pandas()["score"]) == [1, 1, 4]        # r3 takes the place of the r1 of its own source
    (away / "one.csv").write_text("item_id,rater_id,score,rating_id\nA,x,1,r1\nb,y,1,r2\n")      # an id that was renamed is an edit
    assert "2 of those stored supersede" in cli("import", "table", "one.csv", "--into", "live")[1]


@pytest.mark.parametrize("command", [("import", "table", "b.csv", "--into", "live"), ("check", "live"), ("data", "compact", "live"),
                                     ("data", "forget", "live", "--rater", "x", "--yes"), ("export", "consensus", "live", "--out", "o.jsonl")])
@pytest.mark.parametrize("cut", [None, 50])
def test_a_store_whose_file_is_gone_or_cut_short_is_one_error(cli: Cli, away: Path, command: tuple, cut: int | None) -> None:
    (away / "a.csv").write_text("item_id,rater_id,score\na,x,1\n")
    (away / "b.csv").write_text("item_id,rater_id,score\na,y,1\n")
    cli("import", "table", "a.csv", "--into", "live")
    file, = (away / "live" / "ratings").glob("*.parquet")
    whole = file.read_bytes()
    file.unlink() if cut is None else file.write_bytes(whole[:-cut])
    code, _, message = cli(*command)
    assert code == 1 and "1 of its 1 files are gone or cut short" in message and "Restore them from a copy" in message
    file.write_bytes(whole)
    assert wb.read("live").count() == 1


def test_a_broken_log_or_record_of_checks_is_one_error(cli: Cli, away: Path) -> None:
    (away / "a.csv").write_text("item_id,rater_id,score\na,x,1\n")
    cli("import", "table", "a.csv", "--into", "live")
    (away / "live" / "checks.parquet").write_bytes(b"PAR1")
    assert "checks.parquet: not a whole Parquet file" in cli("import", "table", "a.csv", "--into", "live")[2]
    code, out, _ = cli("data", "forget", "live", "--rater", "x", "--yes")
    assert code == 0 and "checks.parquet, which cannot be read: look into it" in out
    log, = (away / "live" / "ratings" / "_delta_log").glob("*0.json")
    log.write_bytes(log.read_bytes()[:40])
    assert "the table's log cannot be read" in cli("data", "log", "live")[2]


def test_an_import_that_could_take_nothing_leaves_with_1(cli: Cli, export: Path) -> None:
    record = {**RECORD, "_session_id": None, "_annotator_id": None}
    export.write_text(json.dumps(record) + "\n")
    code, out, _ = cli("import", "prodigy", export, "--into", "live")
    assert code == 1 and "1 read = 0 stored + 0 unchanged + 1 quarantined" in out


def test_a_bar_is_drawn_on_a_terminal_only(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bar([export]) as progress:
        assert progress is None
    monkeypatch.setenv("FORCE_COLOR", "1")      # rich takes this for a terminal
    with bar([export]) as progress:
        progress(export, 10)


def test_records_without_a_rating_are_told_by_kind_the_most_frequent_first() -> None:
    tally = Tally(1, 1, 0, 0, 0, 0, {"text answer": 2, "task without annotations": 1_000})
    assert told(tally, Path("live"))[-1] == "Records without a rating: 1,000 task without annotations, 2 text answer."
