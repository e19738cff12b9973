"""`workbench data`, and `--as-of`: versions in a terminal, compaction, what was set aside, a rater forgotten."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from rich.console import Console

import workbench as wb
from workbench.cli.data import log, log_table
from workbench.cli.reports import pinned_data
from workbench.store import append_ratings, data_log, set_aside

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def live(away: Path) -> Path:
    """A dataset of three versions: two raters, one of whom changed their mind; one row set aside."""
    for key, score in (("x", 1.0), ("y", 2.0), ("x", 3.0)):
        rows = pa.table({"rating_id": [key], "item_id": ["i"], "rater_id": [key], "score": [score]})
        append_ratings("live", rows, action={"action": "import", "file": "week.csv"})
    fault = {"platform": ["table"], "file": ["week.csv"], "place": ["line 9"], "reason": ["score is 'q'"], "raw": ["i,z,q"],
             "set_aside_at": pa.array([0], pa.timestamp("us", tz="UTC"))}
    set_aside("live", pa.table(fault), action={"action": "import"})
    return away / "live"


def test_the_log_shows_versions_newest_first(cli: Cli, live: Path) -> None:
    code, out, _ = cli("data", "log", live)
    assert code == 0 and out.index("2 20") < out.index("1 20") < out.index("0 20") and out.count("week.csv") == 3
    assert "2 earlier ones are not shown: --limit 3." in cli("data", "log", live, "--limit", 1)[1]


def test_the_log_is_one_line_a_version_in_a_pipe_and_keeps_its_numbers_whole_on_80_columns(
        away: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "export of the pilot project, second delivery, corrected by hand " * 3 + "final.json"
    for n in (12_345, 1):
        rows = pa.table({"rating_id": [f"k{k}" for k in range(n)], "item_id": ["i"] * n, "rater_id": ["x"] * n, "score": [float(n)] * n})
        append_ratings("live", rows, action={"action": "import", "file": name})
    log(away / "live", limit=2)
    assert [name in line for line in capsys.readouterr().out.splitlines() if line.strip()] == [False, False, True, True]
    for width in (80, 72):
        console = Console(width=width, file=io.StringIO())
        console.print(log_table(data_log("live")))
        shown = [line for line in console.file.getvalue().splitlines() if line.strip()]
        assert max(map(len, shown)) <= width and "superseding" in shown[0] and "removed" not in shown[0]
        newest, = (line.split() for line in shown if line.startswith(" 1 "))
        assert newest[3:6] == ["1", "1", "12,346"]
        assert "final.json" in "".join("".join(shown).split())


def test_what_was_set_aside_is_shown_with_reason_and_place(cli: Cli, live: Path) -> None:
    assert "week.csv line 9 score is 'q' i,z,q" in cli("data", "quarantine", live)[1]
    (live.parent / "empty").mkdir()
    assert cli("data", "quarantine", live.parent / "empty")[1] == "Nothing was set aside."
    code, out, err = cli("data", "quarantine", "elsewhere")
    assert (code, out) == (1, "") and "elsewhere: a dataset folder was expected, and there is none" in err


def test_compaction_tells_what_it_did(cli: Cli, live: Path) -> None:
    assert cli("data", "compact", live)[1].endswith("3 files of ratings are now 1.")
    assert "files of earlier versions cleared away." in cli("data", "compact", live, "--vacuum")[1]
    code, _, message = cli("check", live, "--as-of", 0)
    assert code == 2 and "version 0 of live was cleared away with data compact --vacuum" in message


def test_a_rater_is_forgotten_only_when_that_is_confirmed(cli: Cli, live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda text, abort: (_ for _ in ()).throw(SystemExit(1)))
    assert cli("data", "forget", live, "--rater", "x")[0] == 1 and wb.read(live).where(rater_id="x").count() == 1
    code, out, _ = cli("data", "forget", live, "--rater", "x", "--yes")
    assert code == 0 and "Forgotten: 2 ratings, 0 quarantined rows" in out and wb.read(live).where(rater_id="x").count() == 0
    code, _, message = cli("data", "forget", live, "--rater", "x", "--yes")
    assert code == 2 and "rater 'x' has no ratings in live" in message


def test_a_check_is_of_the_dataset_as_it_stood(cli: Cli, live: Path) -> None:
    for version, n in ((0, 1), (1, 2)):
        code, out, _ = cli("check", live, "--as-of", version)
        assert code == 0 and f"{n} rating" in out
    assert cli("check", live, "--as-of", "2020-01-01")[0] == 2


def test_a_report_reads_the_version_that_was_asked_for(live: Path, away: Path) -> None:
    (away / "notebooks").mkdir()
    (away / "reports").mkdir()
    (away / "reports" / "weekly.toml").write_text('title = "t"\ndata = "live"\n[[notebooks]]\nname = "agreement"\n')
    pinned = pinned_data("weekly", live, "1")
    assert pinned == Path(f"{live}@1") and wb.read(pinned).snapshot.id == wb.read(live, as_of=1).snapshot.id


@pytest.mark.parametrize("command", ["log", "compact"])
def test_a_folder_without_versions_is_one_error(cli: Cli, away: Path, command: str) -> None:
    code, _, message = cli("data", command, away)
    assert code == 1 and "no Delta table is here" in message


def test_an_earlier_version_is_checked_by_its_path_too(cli: Cli, live: Path) -> None:
    code, out, err = cli("check", f"{live}@0")
    assert (code, err) == (0, "") and "schema ok 1 ratings" in out and "Recorded in" in out
