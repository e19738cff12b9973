"""The command line as a reader meets it: words on the screen, messages on standard error, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.cli import lab, main
from workbench.cli.options import filters, literal, mapping, named_values
from workbench.report.artefact import seal

ROOT = Path(__file__).resolve().parents[2]
Csv = Callable[..., Path]
TEXT = "item_id,rater_id,score\na,x,1\na,y,2\nb,x,3\nb,y,3\n"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, standard output, standard error."""
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        said = capsys.readouterr()
        return left.value.code or 0, " ".join(said.out.split()), said.err

    return run


Cli = Callable[..., tuple[int, str, str]]


def test_help_loads_nothing_heavy() -> None:
    code = "import sys\nfrom workbench.cli import main\ntry: main(['--help'])\nfinally: print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pandas", "numpy", "ibis", "duckdb", "altair", "papermill", "scipy"} & set(done.stdout.splitlines()[-1].split())
    assert all(name in done.stdout for name in ("run", "list", "check", "simulate", "lab"))


@pytest.mark.parametrize(("text", "value"), [
    ("5", 5), ("0.5", 0.5), ("-1e-3", -0.001), ("true", True), ('"helpfulness"', "helpfulness"), ("helpfulness", "helpfulness"),
    ('["a", "b"]', ["a", "b"]), ("2026-11-01", "2026-11-01"), ("2026-W46", "2026-W46"), ("007", "007"), ("1\nx = 2", "1\nx = 2"),
    ("True", "True"), ("'5'", "5"), ("a = b", "a = b"), ("# nothing", "# nothing")])
def test_values_are_read_as_toml_and_otherwise_are_words(text: str, value: object) -> None:
    assert literal(text) == value and type(literal(text)) is type(value)


def test_pairs_are_split_and_repeated_filters_gather() -> None:
    assert named_values(["criterion=\"a=b\"", "draws=5"]) == {"criterion": "a=b", "draws": 5}
    assert mapping(["my=odd=name=rated_at"]) == {"my=odd=name": "rated_at"}
    assert filters(["k=1", "k=x", "q=[1, 2]"]) == {"k": [1, "x"], "q": [1, 2]}


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["check", "nothing.csv"], 1, "RatingsError: nothing.csv: there is no such file or folder"),
    (["check", "ratings.csv", "--column", "ts=rated_at"], 1, "RatingsError: ratings.csv: the mapping names column 'ts'"),
    (["check", "ratings.csv", "--column", "ts"], 2, "ParameterError: --column 'ts': expected NAME=VALUE"),
    (["check", "ratings.csv", "--column", "a=item_id", "--column", "a=rater_id"], 2, "--column a was given twice"),
    (["check", "ratings.csv", "--exclude", "qc=true"], 1, "a row filter names column 'qc'"),
    (["check", "ratings.csv", "--engine", "sqlite"], 2, "ParameterError: engine='sqlite' is not known"),
    (["check"], 2, "Missing argument"),
    (["check", "ratings.csv", "--nonsense"], 2, "No such option"),
    (["chekc"], 2, "No such command"),
    (["run", "weekly", "--set", "draws"], 2, "--set 'draws': expected NAME=VALUE"),
    (["run", "weekly", "--set", "a=1", "--set", "a=2"], 2, "--set a was given twice"),
    (["run", "weekly", "--jobs", "many"], 2, "--jobs"),
    (["run", "weekly", "--seed", "x"], 2, "--seed"),
    (["run", "weekly"], 1, "ReportError: "),
    (["list"], 1, "ReportError: "),
    (["lab"], 1, "ReportError: no workspace here"),
])
def test_what_is_wrong_is_one_message_and_an_exit_code(arguments: list[str], code: int, words: str, cli: Cli, csv: Csv, away: Path) -> None:
    csv(TEXT)
    left, _, err = cli(*arguments)
    assert left == code and words in err and "Traceback" not in err
    assert [p.name for p in away.iterdir() if p.name != ".cache"] == ["ratings.csv"], "nothing is left half written"


def test_check_shows_the_outcomes_and_drafts_rubrics_that_the_next_read_uses(cli: Cli, csv: Csv, away: Path) -> None:
    csv(TEXT)
    code, out, _ = cli("check", "ratings.csv", "--write-rubrics")
    assert code == 0 and "Drafted ratings.rubrics/default-1.toml" in out
    assert wb.read("ratings.csv").rubrics["default", "1"].criteria["overall"].scale.levels == ("1", "2", "3")
    before = (away / "ratings.rubrics/default-1.toml").read_bytes()
    code, out, _ = cli("check", "ratings.csv", "--write-rubrics")
    assert code == 0 and "nothing was drafted" in out and (away / "ratings.rubrics/default-1.toml").read_bytes() == before
    csv(TEXT + "c,x,7\n")
    code, _, err = cli("check", "ratings.csv")
    assert code == 1 and 'RatingsError: ratings.csv: 1 score lies outside rubric "default" v1' in err and "7 (row 5)" in err


def test_a_draft_never_overwrites_a_file(cli: Cli, csv: Csv, away: Path) -> None:
    csv(TEXT)
    (away / "ratings.rubrics").mkdir()
    (away / "ratings.rubrics/default-1.toml").write_text('name = "other"\nversion = "1"\n[criteria.c]\nscale = "interval"\n')
    _, out, _ = cli("check", "ratings.csv", "--write-rubrics")
    assert "is there already and was left alone" in out
    assert "other" in (away / "ratings.rubrics/default-1.toml").read_text()


def test_check_records_what_it_ran_in_a_dataset_folder(cli: Cli, dataset: Path) -> None:
    code, out, _ = cli("check", str(dataset))
    assert code == 0 and "Recorded in" in out
    assert len(pd.read_parquet(dataset / "checks.parquet")) == 9


def test_check_reads_a_matrix(cli: Cli, csv: Csv) -> None:
    csv("item,r1,r2\na,1,2\nb,2,2\n")
    code, out, _ = cli("check", "ratings.csv", "--wide")
    assert code == 0 and "4 ratings" in out


def test_simulate_writes_a_plain_panel_of_as_many_ratings_as_asked_for(cli: Cli, away: Path) -> None:
    code, out, _ = cli("simulate", "panel", "--ratings", "600", "--seed", "3")
    assert code == 0 and "drawn with seed 3" in out and wb.read("panel").count() == 600
    code, _, err = cli("simulate", "none", "--ratings", "0")
    assert code == 2 and "--ratings" in err and not Path("none").exists()


def test_simulate_writes_a_dataset_and_touches_nothing_that_is_there(cli: Cli, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store import simulate

    drawn = simulate.simulate
    monkeypatch.setattr(simulate, "simulate", lambda *, seed: drawn(seed=seed, weeks=2, items_per_week=12, texts=False))
    code, out, _ = cli("simulate", "made/here", "--seed", "3")
    assert code == 0 and wb.read("made/here").count() > 50 and (away / "made/here/TRUTH.md").exists()
    code, _, err = cli("simulate", "made/here")
    assert code == 2 and "a new or an empty folder was expected" in err
    assert [p.name for p in (away / "made").iterdir()] == ["here"]


@pytest.fixture
def workspace(away: Path) -> Path:
    """A workspace with one notebook that says what it was told."""
    for folder in ("notebooks", "reports"):
        (away / folder).mkdir()
    parameters = 'data: str = ""\ncolumns: dict = {}\nexclude: dict = {}\nperiod: str = ""\nengine: str = ""\nseed: int = 0\nout: str = ""\ncriterion: str = ""  # which'
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Is it sound?"},
             {"cell_type": "code", "id": "b", "metadata": {"tags": ["parameters"]}, "source": parameters, "outputs": [], "execution_count": None}]
    (away / "notebooks/sound.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return away


def test_list_names_packs_notebooks_and_parameters(cli: Cli, workspace: Path) -> None:
    (workspace / "reports/weekly.toml").write_text('title = "Weekly"\n[[notebook]]\nname = "sound"\n')
    code, out, _ = cli("list")
    assert code == 0 and "weekly" in out and "criterion: str = ''" in out and "No report has been made yet" in out


def test_list_names_the_review_as_what_it_is(cli: Cli, workspace: Path) -> None:
    (workspace / "notebooks/review.ipynb").write_text((ROOT / "notebooks/review.ipynb").read_text())
    code, out, _ = cli("list")
    assert code == 0 and "workbench lab review" in out


def made(workspace: Path, *, is_open: bool = True) -> Path:
    """A report of one file, by hand."""
    folder = workspace / "reports/sound/2026-W46/abc"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<p>All is well.")
    gate = {"name": "agreed", "asked": "alpha: at least 0.6", "open": is_open, "why": "" if is_open else "value is 0.5"}
    seal(folder, {"pack": "sound", "period": "2026-W46", "version": "abc", "status": "complete", "started": "2026-11-16T06:00:00+00:00", "seconds": 1.0,
                  "findings": {}, "notebooks": {}, "gates": [gate]})
    return folder


def test_verify_leaves_with_1_for_a_file_that_was_changed(cli: Cli, workspace: Path) -> None:
    folder = made(workspace)
    assert cli("verify", "sound") == (0, "sound: all 1 files are as they were made", "")
    (folder / "index.html").write_text("<p>All is very well.")
    assert cli("verify", str(folder))[:2] == (1, f"index.html: changed {folder}: 1 of 1 files are not as they were made")
    assert "ParameterError: 'weekly' names no report here. There are: sound/2026-W46/abc" in cli("verify", "weekly")[2]


@pytest.mark.parametrize(("is_open", "code", "said"), [(True, 0, "open agreed"), (False, 3, "CLOSED agreed: value is 0.5")])
def test_gate_leaves_with_3_where_one_is_closed_and_writes_junit(is_open: bool, code: int, said: str, cli: Cli, workspace: Path) -> None:
    made(workspace, is_open=is_open)
    assert cli("gate", "sound/2026-W46", "--junit", "gates.xml") == (code, said, "")
    assert f'failures="{int(not is_open)}"' in Path("gates.xml").read_text()


def test_prune_says_what_went(cli: Cli, workspace: Path) -> None:
    folder = made(workspace)
    (folder.parent / "abd").mkdir()
    seal(folder.parent / "abd", json.loads((folder / "manifest.json").read_text()) | {"version": "abd", "started": "2026-11-16T07:00:00+00:00"})
    assert cli("prune", "--keep", "1", "--dry-run")[1] == "reports/sound/2026-W46/abc 1 reports would be removed" and folder.exists()
    assert cli("prune", "--keep", "1")[1].endswith("1 reports removed") and not folder.exists()


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["nosuch"], 2, "ParameterError: 'nosuch' is neither a pack nor a notebook here. Packs: none. Notebooks: sound."),
    (["sound", "--set", "speed=3"], 2, "parameter 'speed' is not known to sound. Use one of: criterion: str = ''"),
    (["sound", "--set", "criterion=5"], 2, "parameter 'criterion' of sound wants str, and was given 5 (int)"),
    (["sound", "--set", "period=2026-W46"], 2, "is set by the run itself"),
    (["sound", "--period", "2026-W99"], 2, "ParameterError: period '2026-W99' is not a week or month"),
    (["sound", "--period", "2026-W30"], 2, "ParameterError: period='2026-W30' has no ratings"),
    (["sound", "--data", "nothing.csv"], 1, "RatingsError: "),
    (["sound", "--column", "ts=rated_at"], 1, "RatingsError: "),
])
def test_run_refuses_before_any_work(arguments: list[str], code: int, words: str, cli: Cli, workspace: Path, csv: Csv) -> None:
    csv("item_id,rater_id,score,rated_at\na,x,1,2026-11-03T00:00:00Z\na,y,2,2026-11-08T10:00:00Z\n")
    data = [] if "--data" in arguments else ["--data", "ratings.csv"]
    left, _, err = cli("run", *arguments, *data)
    assert left == code and words in err and "Traceback" not in err
    assert list((workspace / "reports").iterdir()) == []


def test_run_hands_everything_over_as_python_would(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.report import Run, delivery, order

    given: dict[str, object] = {}
    told: list[tuple[str, bool]] = []

    def run(name: str, **options: object) -> list[Run]:
        given.update(options, name=name)
        return [Run("sound", "2026-W46", "abc", Path("reports/x"))]

    monkeypatch.setattr(order, "run", run)
    monkeypatch.setattr(delivery, "deliver", lambda name, *, hold: told.append((name, hold is None)) or ["sound: told US"])
    assert cli("run", "sound", "--no-deliver")[0] == 0
    code, out, _ = cli("run", "sound", "--data", "d", "--period", "2026-W46", "--set", 'criterion="tone"', "--set", "draws=5", "--column", "ts=rated_at",
                       "--exclude", "qc=true", "--jobs", "2", "--seed", "7", "--force", "--engine", "duckdb")
    assert code == 0 and out == "reports/x/index.html sound: told US"
    assert told == [("sound", False), ("sound", True)]
    given.pop("progress")
    assert given == {"name": "sound", "data": Path("d"), "period": "2026-W46", "since": None, "engine": "duckdb", "force": True, "jobs": 2, "seed": 7,
                     "parameters": {"criterion": "tone", "draws": 5}, "columns": {"ts": "rated_at"}, "exclude": {"qc": [True]}}


def test_lab_starts_jupyterlab_on_the_notebooks_without_the_network(workspace: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(lab, "open_lab", lambda command: commands.append(command) or 0)
    assert cli("lab", "--no-browser", "--port", "9999", "--ServerApp.token=t")[0] == 0
    (command,) = commands
    assert command[1:4] == ["-m", "jupyterlab", str(workspace / "notebooks")]
    assert {"--no-browser", "--ServerApp.port=9999", "--ServerApp.token=t", "--LabApp.news_url=None"} <= set(command)


def test_init_makes_a_workspace_that_list_reads(cli: Cli, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = cli("init", "mine", "--no-sample")
    assert code == 0 and "a workspace. Change into it" in out
    monkeypatch.chdir("mine")
    assert "weekly" in cli("list")[1]
    monkeypatch.chdir("..")
    assert cli("init", "mine")[0] == 2


def test_compare_says_what_changed_and_what_else_did(cli: Cli, workspace: Path) -> None:
    folder, empty = made(workspace), ["name", "value", "low", "high", "se", "confidence", "note", "notebook"]
    told = json.loads((folder / "manifest.json").read_text()) | {
        "snapshot": {"id": "f00d", "n_rows": 9, "rubrics": {}}, "given": {"columns": {}, "exclude": {}, "seed": 0}, "data": "sample",
        "n_ratings_in_period": 9, "filters": {}, "code": {"workbench": "a"}, "packages": {}}
    for version, seed in (("abc", 0), ("abd", 1)):
        folder.with_name(version).mkdir(exist_ok=True)
        pd.DataFrame(columns=empty).to_parquet(folder.with_name(version) / "estimates.parquet")
        pd.DataFrame(columns=["id", "severity", "status", "sentence"]).to_parquet(folder.with_name(version) / "findings.parquet")
        seal(folder.with_name(version), told | {"version": version, "given": told["given"] | {"seed": seed}})
    code, out, _ = cli("compare", "sound/2026-W46/abc", "sound/2026-W46/abd")
    assert code == 0 and "seed 0 1" in out and "Findings: none" in out and "More than data differs" in out


def test_a_run_that_fails_and_cannot_be_told_of_says_both_and_one_that_cannot_begin_says_so_once(
        cli: Cli, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.errors import ReportError
    from workbench.report import delivery, order

    def failing(text: str) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise ReportError(text)
        return fail

    monkeypatch.setattr(order, "run", failing("1 of its notebooks failed."))
    monkeypatch.setattr(delivery, "deliver", failing("Not delivered to US."))
    assert cli("run", "sound")[::2] == (1, "ReportError: 1 of its notebooks failed. Not delivered to US.\n")
    monkeypatch.setattr(delivery, "deliver", failing("1 of its notebooks failed."))
    assert cli("run", "sound")[::2] == (1, "ReportError: 1 of its notebooks failed.\n")
