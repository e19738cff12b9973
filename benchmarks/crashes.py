"""What a run of a pack leaves when it is killed, or when disk, folder or notebook fail it: nothing that looks whole and is not.

    python benchmarks/crashes.py [--kills 100] [--at 25] [--seed 7]      # as root, a full disk and a read-only folder are real mounts

Kills go to the run's process group, `--at` of them while files are written and renamed, the others at moments uniform over a run; every
fifth run replaces a report that is there (`--force`). Such a run is forked from a process that has imported the libraries, so that the
moments fall on the work and not on imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from shutil import copytree

from workbench.estimates import estimate, estimates_table, finding, findings_table
from workbench.report import altered, find_run, list_runs, save

HOME = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-c", "import sys; from workbench.cli import main; main(sys.argv[1:])", "run"]
PARAMETERS = "\n".join(f'{name}: {kind}' for name, kind in (
    ("data", 'str = ""'), ("columns", "dict = {}"), ("exclude", "dict = {}"), ("period", 'str = ""'), ("engine", 'str = ""'),
    ("seed", "int = 0"), ("out", 'str = ""')))
SAVE = "import shutil\nshutil.copytree('../data/saved-NAME', out)"      # trivial, so that a run is short: what `wb.report.save` would write
UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
FAULTS = {"a notebook hangs": "import time; time.sleep(600)",
          "a notebook takes too much memory": "flood = bytearray(900_000_000); import time; time.sleep(60)",
          "a notebook's process is killed": "import os; os.kill(os.getpid(), 9)",
          "a notebook crashes in C": "import ctypes; ctypes.string_at(0)",
          "a notebook raises": "1 / 0", "a notebook prints 100 MB": "for _ in range(1000): print('x' * 100_000)"}


def workspace(place: Path, faulty: str = "pass") -> Path:
    """Two notebooks, the second with `faulty` in it, a pack of them, and a week of ratings."""
    for folder in ("notebooks", "reports", "data"):
        (place / folder).mkdir(parents=True)
    for name, code in (("one", "pass"), ("two", faulty)):
        cells = [("markdown", f"# Is {name} sound?", []), ("code", PARAMETERS, ["parameters"]), ("code", code, []), ("code", SAVE, [])]
        content = [{"cell_type": kind, "source": text.replace("NAME", name), "metadata": {"tags": tags}, "id": f"{name}{n}"}
                   | ({"outputs": [], "execution_count": None} if kind == "code" else {}) for n, (kind, text, tags) in enumerate(cells)]
        estimates = estimates_table([estimate("share", 0.5, low=0.4, high=0.6, n_items=10)], by=[])
        row = finding(name, "share", "Half.", severity="ok", evidence=estimates.iloc[0].to_dict())
        save(findings=findings_table([row]), estimates=estimates, out=str(place / f"data/saved-{name}"))
        (place / f"notebooks/{name}.ipynb").write_text(json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    (place / "reports/small.toml").write_text('data = "data/ratings.csv"\ntimeout = 40\nmemory = 0.7\n[[notebook]]\nname = "one"\n'
                                              '[[notebook]]\nname = "two"\n')
    rows = "".join(f"i{day},{rater},1,2026-11-{day:02d}T12:00:00Z\n" for day in range(9, 16) for rater in ("ann", "ben"))
    (place / "data/ratings.csv").write_text(f"item_id,rater_id,score,rated_at\n{rows}")
    return place


def start(place: Path, *options: str, limit: int = 0, before: Sequence[str] = ()) -> subprocess.Popen:
    """A run in a process group of its own; `limit`: bytes a file of it may have; `before`: what starts it."""
    def narrowed() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return subprocess.Popen([*before, *COMMAND, "small", *options], cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True, preexec_fn=narrowed if limit else None,
                            env=os.environ | {"PYTHONPATH": str(HOME)})


def forked(place: Path, *options: str) -> int:
    """The process, and process group, of a run that need not import anything; what it says goes to `said.txt`."""
    for module in ("workbench.cli.program", "workbench.report.make", "papermill.engines", "nbclient", "jupyter_client.kernelspec", "duckdb",
                   "ibis", "mistune", "jinja2", "pygments.lexers", "nh3", "pyarrow.parquet"):
        import_module(module)
    process = os.fork()
    if process:
        return process
    os.setsid()
    os.chdir(place)
    os.environ["PYTHONPATH"] = str(HOME)
    said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1), os.dup2(said, 2)
    from workbench.cli import main

    try:
        main(["run", "small", *options])
    except SystemExit as left:
        sys.stderr.flush()
        os._exit(left.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)        # whatever it was, it does not go on as the benchmark


def ended(process: int, *, within: float = 600.0) -> int | None:
    """The exit code of a run; None where it goes on for longer than these seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def faults_of(place: Path) -> list[str]:
    """What `list` shows as complete and is not whole."""
    runs = list_runs(place)
    return [path for path in runs[runs["status"] == "complete"]["path"] if len(altered(find_run(place / path, workspace=place)))]


def killed(place: Path, *options: str, writes: bool, moment: float) -> int:
    """Start a run and kill it after `moment` seconds, with `writes` counted from when it begins to write its report; its exit code."""
    process, code = forked(place, *options), None
    while writes and code is None and not list((place / "reports").glob(".staging-*/report/*.html")):
        code = ended(process, within=0.001)
    code = ended(process, within=moment) if code is None else code
    if code is None:
        os.killpg(process, signal.SIGKILL)
    return ended(process) if code is None else code


def kills(place: Path, *, n: int, writes: int, rng: random.Random) -> None:
    """Kill `n` runs, look, and run each again to its end."""
    outcome, most, wrong = Counter(), 0, []
    began = time.monotonic()
    ended(forked(place, "--seed", "0"))
    whole = time.monotonic() - began
    k = 0
    while k < n:
        began = time.monotonic()
        options = ["--seed", "0", "--force"] if k % 5 == 4 else ["--seed", str(rng.randrange(10**9))]
        before, late = len(list_runs(place)), k < writes
        code = killed(place, *options, writes=late, moment=rng.uniform(0, 1.0 if late else whole))
        if code == 0:       # it was quicker than the moment drawn: no kill, and a better idea of how long a run takes
            whole = whole if late else min(whole, time.monotonic() - began)
            continue
        k, left = k + 1, len(list((place / "reports").glob(".staging-*")))
        most = max(most, left)
        outcome["report in place when killed" if len(list_runs(place)) > before else "killed while building" if left
                else "killed before anything was written"] += 1
        wrong += [f"kill {k}: {path}" for path in faults_of(place)]
        code = ended(forked(place, *options))
        if code or faults_of(place) or list((place / "reports").glob(".staging-*/held")):
            wrong.append(f"after kill {k}: exit {code} {(place / 'said.txt').read_text().strip().splitlines()[-1:]}")
        print(f"{k}/{n} {whole:.1f} s, {dict(outcome)}, wrong {len(wrong)}", file=sys.stderr, flush=True)
    told = "; ".join(f"{what}: {count}" for what, count in sorted(outcome.items()))
    print(f"| kill -9, {n} times | {told}; listed as complete and not whole, or a next run that failed: {len(wrong)}; most staging folders "
          f"left: {most} | {'see' if wrong else '0 (each next run)'} | {'; '.join(wrong[:3]) or 'none'} |")


def tell(fault: str, place: Path, ran: subprocess.Popen, more: str = "") -> None:
    """One row: what is left, and the error as the reader sees it, with how many lines it has."""
    error = ran.communicate()[1]
    lines = [line for line in error.splitlines() if line.strip() and not line.startswith("2026-")]      # the others tell of the progress
    told = lines[-1][:230].replace("|", "/") if lines else "none"
    print(f"| {fault} | {left(place)}{more} | {ran.returncode} | {told}{f' (and {len(lines) - 1} more lines)' if len(lines) > 1 else ''} |",
          flush=True)


def left(place: Path) -> str:
    """What a failed run left, in words."""
    runs = list_runs(place)
    found = [find_run(place / path, workspace=place) for path in runs["path"]]
    said = [f"{status}: {', '.join(sorted(page.stem for page in run.path.glob('*.html')))}"
            f"{'; ' + ', '.join(run.failed) + ' failed' if run.failed else ''}" for run, status in zip(found, runs["status"])]
    size = max((file.stat().st_size for run in found for file in run.path.rglob("*") if file.is_file()), default=0)
    whole = "not whole!" if any(len(altered(run)) for run in found) else f"largest file {size / 1e3:,.0f} kB"
    return f"{' and '.join(said) or 'no report'}; {whole}; {len(list((place / 'reports').glob('.staging-*')))} staging folders"


@contextmanager
def mounted(place: Path, *options: str, source: str = "tmpfs") -> Iterator[bool]:
    """A mount at `place` for as long as it is needed; False where none may be made."""
    done = subprocess.run(["mount", *options, source, str(place)], capture_output=True, check=False).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", str(place)], check=True)


def at_once(place: Path) -> None:
    """Two identical runs at once."""
    one, two = start(place), start(place)
    error = two.communicate()[1]
    tell("two identical runs at once", place, one, f"; the other left with {two.returncode}, and {error.splitlines()[-1:]}")


def full_disk(place: Path, *, size: str, limit: int) -> None:
    """A disk that fills up while the report is built, then one with room again."""
    pack = (place / "reports/small.toml").read_text()
    with mounted(place / "reports", "-t", "tmpfs", "-o", f"size={size}") as real:
        (place / "reports/small.toml").write_text(pack)
        what = f"tmpfs of {size}" if real else f"no mount: files bounded to {limit:,} bytes"
        tell(f"full disk ({what})", place, start(place, limit=0 if real else limit))
    tell("... and then room", place, start(place))


def crowded(place: Path, *, free: int) -> None:
    """A disk that holds the whole workspace, the cache too, with these kilobytes left."""
    source = workspace(place / "source")
    need = sum(-(-file.stat().st_size // 4096) * 4 for file in source.rglob("*") if file.is_file())
    (place / "disk").mkdir()
    with mounted(place / "disk", "-t", "tmpfs", "-o", f"size={need + free}k") as real:
        if real:
            copytree(source, place / "disk/w")
            tell(f"the whole workspace on a disk with {free} kB left", place / "disk/w", start(place / "disk/w"))


def read_only(place: Path) -> None:
    """A reports folder that cannot be written to: on a read-only mount, and without the permission (which root is made to need)."""
    reports = place / "reports"
    with mounted(reports, "--bind", source=str(reports)) as real:
        if real:
            subprocess.run(["mount", "-o", "remount,ro,bind", str(reports)], check=True)
            tell("reports/ mounted read-only", place, start(place))
    reports.chmod(0o555)
    tell("reports/ without permission", place, start(place, before=UNPRIVILEGED if os.getuid() == 0 else ()))
    reports.chmod(0o755)


def main() -> None:
    """The table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--at", type=int, default=25, help="of them while the report is written")
    asked.add_argument("--seed", type=int, default=7)
    options = asked.parse_args()
    print("| fault | outcome | exit code | error |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="crashes-") as base:
        for n, (fault, code) in enumerate(FAULTS.items()):
            place = workspace(Path(base) / f"fault{n}", code)
            tell(fault, place, start(place))
        at_once(workspace(Path(base) / "at-once"))
        read_only(workspace(Path(base) / "read-only"))
        full_disk(workspace(Path(base) / "full"), size="60k", limit=20_000)
        crowded(Path(base) / "crowded", free=12)
        if options.kills:
            kills(workspace(Path(base) / "kills"), n=options.kills, writes=options.at, rng=random.Random(options.seed))


if __name__ == "__main__":
    main()
