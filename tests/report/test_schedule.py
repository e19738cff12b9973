"""The recipes of reports/SCHEDULE.md, run as cron, systemd and GitHub would run them, as far as one machine can."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from workbench.report import list_runs
from workbench.report.recipients import read_deliveries

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "reports/SCHEDULE.md").read_text(encoding="utf-8")
PACK = 'data = "data/ratings.csv"\nlineage = "reports/lineage.jsonl"\n[[notebook]]\nname = "agreement"\n[[deliver]]\nto = "WEEKLY_MAIL"\nwhen = "failed"\n'
pytestmark = pytest.mark.slow


def blocks(kind: str) -> list[str]:
    """The fenced parts of the page that are of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def workbench_in(place: Path) -> None:
    """`.venv/bin/workbench` as an installation leaves it, of these sources."""
    script = place / ".venv/bin/workbench"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -c '
                      '"from workbench.cli import main; main()" "$@"\n')
    script.chmod(0o755)


@pytest.fixture
def programme(workspace: Path, write: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder that holds a workspace with two weeks of ratings; the pack is told of to a place that is not there."""
    home = tmp_path_factory.mktemp("home")
    write("agreement")
    rows = "".join(f"i{day},ann,1,2026-11-{day:02d}T12:00:00Z\n" for day in range(2, 16))
    (workspace / "data/ratings.csv").write_text(f"item_id,rater_id,score,rated_at\n{rows}")
    (workspace / "reports/weekly.toml").write_text(PACK)
    (workspace / "secrets.env").write_text("WEEKLY_MAIL='json://127.0.0.1:9/s3cr3t?a=1&b=2'\n")
    workbench_in(workspace)
    (home / "my-programme").symlink_to(workspace)
    return home


def test_cron_prints_nothing_when_all_is_well_and_one_line_when_not(programme: Path) -> None:
    [line] = [line for line in blocks("cron")[0].splitlines() if line.strip()]
    *when, command = line.split(maxsplit=5)
    assert len(when) == 5 and all(re.fullmatch(r"[\d*,/-]+", one) for one in when) and "%" not in command

    def cron() -> tuple[int, str]:
        bare = ["env", "-i", f"HOME={programme}", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LOGNAME=someone", "/bin/sh", "-c", command]
        done = subprocess.run(bare, cwd=programme, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    place = programme / "my-programme"
    assert cron() == (0, "") and list_runs(place)["period"].tolist() == ["2026-W46"]
    assert cron() == (0, "") and "there already" in (place / ".workbench/weekly.log").read_text()
    assert [json.loads(one)["eventType"] for one in (place / "reports/lineage.jsonl").read_text().splitlines()] == ["START", "COMPLETE"]
    with (place / "data/ratings.csv").open("a") as data:        # a week later, and the notebook is broken
        data.write("".join(f"i{day},ann,1,2026-11-{day:02d}T12:00:00Z\n" for day in range(16, 23)))
    sound = (place / "notebooks/agreement.ipynb").read_text()
    (place / "notebooks/agreement.ipynb").write_text(sound.replace("import workbench as wb", "1 / 0"))
    code, said = cron()
    assert code == 1 and said.startswith("ReportError: weekly 2026-W47: 1 of its notebooks failed: agreement (ZeroDivisionError")
    assert said.count("\n") == 1 and "not delivered to WEEKLY_MAIL" in said and "s3cr3t" not in said
    (place / "notebooks/agreement.ipynb").write_text(sound)
    (place / "secrets.env").write_text("WEEKLY_MAIL=\n")
    assert cron()[1].startswith("ReportError: weekly 2026-W47: not delivered to WEEKLY_MAIL (the environment variable is not set)")
    assert list_runs(place).query("status == 'complete'")["period"].tolist() == ["2026-W47", "2026-W46"]


def units(home: Path) -> dict[str, Path]:
    """The unit files of the page, where a user puts them."""
    folder = home / ".config/systemd/user"
    folder.mkdir(parents=True)
    found = {}
    for block in blocks("ini"):
        name = block.splitlines()[0].removeprefix("# ")
        found[name] = folder / name
        found[name].write_text(block)
    return found


def test_the_units_are_sound_and_what_they_start_makes_the_report(programme: Path) -> None:
    found = units(programme)
    assert sorted(found) == ["weekly-report.service", "weekly-report.timer"]
    if shutil.which("systemd-analyze"):
        here = os.environ | {"HOME": str(programme), "XDG_RUNTIME_DIR": str(programme)}
        done = subprocess.run(["systemd-analyze", "--user", "verify", *map(str, found.values())], env=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "weekly-report" not in done.stderr, done.stderr
        [calendar] = re.findall(r"OnCalendar=(.*)", found["weekly-report.timer"].read_text())
        subprocess.run(["systemd-analyze", "calendar", calendar], env=here, check=True, capture_output=True)
    service = dict(line.split("=", 1) for line in found["weekly-report.service"].read_text().splitlines() if "=" in line)
    told = {key: value.replace("%h", str(programme)) for key, value in service.items()}
    given = dict(shlex.split(line)[0].split("=", 1) for line in Path(told["EnvironmentFile"]).read_text().splitlines())
    subprocess.run(shlex.split(told["ExecStart"]), cwd=told["WorkingDirectory"], env={"HOME": str(programme), "PATH": "/usr/bin:/bin"} | given,
                   check=True, capture_output=True)
    assert list_runs(programme / "my-programme")["status"].tolist() == ["complete"]


def git(*arguments: str, cwd: Path) -> None:
    """Git, as nobody in particular."""
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main", *arguments], cwd=cwd, check=True,
                   capture_output=True)


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_each_step_of_the_workflow_runs_in_a_fresh_clone_and_the_next_day_finds_nothing_to_do(
        programme: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    workflow = yaml.safe_load(blocks("yaml")[0])
    assert workflow[True]["schedule"] == [{"cron": "0 6 * * *"}]      # YAML 1.1 reads `on` so
    steps = workflow["jobs"]["report"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert [step["uses"] for step in steps if "uses" in step] == [f"actions/{name}" for name in (
        "checkout@v4", "setup-python@v5", "cache/restore@v4", "cache/save@v4", "upload-artifact@v4")]
    source = programme / "my-programme"
    (source / "requirements.txt").write_text("")     # the network is not there to install from
    (source / ".gitignore").write_text("reports/*/\nreports/index.html\n.workbench/\n.venv/\nsecrets.env\n")
    git("init", cwd=source), git("add", "-A", cwd=source), git("commit", "-m", "x", cwd=source)
    base = tmp_path_factory.mktemp("runners")

    def runner(name: str) -> list[str]:
        git("clone", str(source.resolve()), str(base / name), cwd=base)
        if (base / "cache").exists():
            shutil.copytree(base / "cache", base / name / "reports", dirs_exist_ok=True)
        said = []
        for step in [step for step in steps if "run" in step]:
            here = {"HOME": str(base), "PATH": os.environ["PATH"], "PIP_NO_INDEX": "1"} | {key: "" for key in step.get("env", {})}
            done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=base / name, env=here, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            workbench_in(base / name)        # what requirements.txt would have brought
            said.append(done.stdout)
        for kept in (base / name).glob("reports/*/"):
            shutil.copytree(kept, base / "cache" / kept.name, dirs_exist_ok=True)
        return said

    first, second = runner("monday"), runner("tuesday")
    assert "there already" not in first[1] and "there already" in second[1] and (base / "tuesday/gates.xml").exists()
    assert list_runs(base / "tuesday")["status"].tolist() == ["complete"]


def test_what_the_page_says_of_a_pack_is_read_by_one() -> None:
    import tomllib

    [table] = [tomllib.loads(block) for block in blocks("toml")]
    [delivery] = read_deliveries(table["deliver"], file="weekly.toml")
    assert delivery.to == "WEEKLY_MAIL" and delivery.when == "attention"
