"""A report on disk: staged, hashed, and put in place whole; and the list of those there are."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from workbench.cache import parquet_frame
from workbench.errors import ParameterError, ReportError, examples, one_of
from workbench.periods import period_bounds
from workbench.report.pack import find_workspace

MANIFEST = "manifest.json"
OF_FAILED = ".failed"       # ends the name of a failed report's folder
STAGING, HELD = ".staging-", "held"
SCHEMA_VERSION = 1
RUN_COLUMNS = ("pack", "period", "version", "status", "started", "seconds", "n_alarm", "n_attention", "revises", "path")


@dataclass(frozen=True)
class Run:
    """One report. `failed` maps a notebook to what ended it; `reused` tells that it was there before: a failed one was passed over."""

    pack: str
    period: str
    version: str
    path: Path
    failed: Mapping[str, str] = field(default_factory=dict)
    reused: bool = False

    @property
    def index(self) -> Path:
        """The page to open first."""
        return self.path / "index.html"

    @property
    def findings(self) -> pd.DataFrame:
        """The findings table of all its notebooks."""
        return parquet_frame(self.path / "findings.parquet")

    @property
    def estimates(self) -> pd.DataFrame:
        """The estimates table of all its notebooks."""
        return parquet_frame(self.path / "estimates.parquet")

    @property
    def manifest(self) -> dict:
        """What it was made from and how, as data."""
        return json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A hidden folder in `reports/` to build in; whatever has not been moved out of it is removed, by a later run if this one is killed.

    Errors: `ReportError` when `reports/` cannot be written to, or its disk is full.
    """
    folder = root / "reports" / f"{STAGING}{uuid.uuid4().hex[:12]}"
    try:
        sweep(root / "reports")
        folder.mkdir()
        with (folder / HELD).open("w") as held:     # as long as this process lives: what nobody holds is a killed run's
            fcntl.flock(held, fcntl.LOCK_EX)
            yield folder
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise ReportError(f"reports/: the report could not be written ({error.strerror or error}). "
                          "Make the folder writable and room on its disk; the reports that are there are as they were.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(reports: Path) -> None:
    """Remove what runs that were killed left behind."""
    for folder in reports.glob(f"{STAGING}*/"):
        with suppress(OSError), (folder / HELD).open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def seal(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write the manifest, last of all files, with the SHA-256 of every other."""
    content = {"schema_version": SCHEMA_VERSION, **manifest, "files": file_hashes(folder)}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str), encoding="utf-8")


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a report, but for its manifest."""
    return {p.relative_to(folder).as_posix(): file_hash(p) for p in sorted(folder.rglob("*")) if p.is_file() and p.name != MANIFEST}


def file_hash(file: Path) -> str:
    """The SHA-256 of a file's bytes, read each time it is asked for."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def publish(built: Path, target: Path, *, replace: bool) -> None:
    """Move a sealed folder into place in one step.

    With `replace`, what is there moves aside first, to `VERSION.old-1` and so on; without, a folder of the same version
    that another run put there meanwhile stays, being equal.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if replace and target.exists():
        n = 1
        while (aside := target.with_name(f"{target.name}.old-{n}")).exists():
            n += 1
        target.rename(aside)
    try:
        built.rename(target)
    except OSError:
        if not is_complete(target):
            raise


def find_run(name: str | Path, *, workspace: str | Path | None = None) -> Run:
    """A report by its folder, or by PACK, PACK/PERIOD or PACK/PERIOD/VERSION: the latest period, and what was made last, where several are.

    Errors: `ParameterError` where there is none, naming those that come near.
    """
    folder, runs = Path(name), list_runs(workspace)
    root = find_workspace(workspace)
    if folder.is_absolute() or (folder / MANIFEST).is_file():
        runs = runs[[(root / path).resolve() == folder.resolve() for path in runs["path"]]]
    else:
        parts = str(name).strip("/").removeprefix("reports/").split("/")
        runs = runs[[path.split("/")[1:1 + len(parts)] == parts for path in runs["path"]]]
        runs = runs if len(parts) > 2 else runs[runs["status"] == "complete"]
    if runs.empty:
        known = examples(list(list_runs(workspace)["path"].str.removeprefix("reports/"))) or "none: make one with workbench run"
        raise ParameterError(f"{str(name)!r} names no report here. There are: {known}.")
    row = runs.sort_values(["period", "started"]).iloc[-1]
    own = Run(row["pack"], row["period"], row["version"], root / row["path"])
    return replace(own, failed={name: n["error"] for name, n in own.manifest["notebooks"].items() if n["error"]})


def newest(root: Path, pack: str) -> list[Run]:
    """The newest whole report of each period of a pack, in order of time, the undated first; those that cannot be read are left out."""
    found: dict[str, tuple[str, Run]] = {}
    for path in sorted((root / "reports" / pack).glob(f"*/*/{MANIFEST}")):
        with suppress(ValueError, KeyError, OSError, ParameterError):
            manifest = json.loads(path.read_text(encoding="utf-8"))
            start = "" if manifest["period"] == "undated" else period_bounds(manifest["period"])[0].isoformat()
            key = f"{start} {manifest['period']}"
            if manifest["status"] == "complete" and ".old-" not in path.parent.name and manifest["started"] > found.get(key, ("",))[0]:
                found[key] = (manifest["started"], Run(pack, manifest["period"], manifest["version"], path.parent))
    return [found[key][1] for key in sorted(found)]


def revises(period: Path, fingerprint: str, given: Mapping[str, object]) -> str:
    """The version of the latest report of a period that was made from other ratings of that period, read alike; "" where there is none."""
    found = []
    for path in period.glob(f"*/{MANIFEST}"):
        with suppress(ValueError, KeyError, OSError):
            told = json.loads(path.read_text(encoding="utf-8"))
            alike = told["status"] == "complete" and all(told["given"][key] == given[key] for key in ("columns", "exclude"))
            if fingerprint and alike and told.get("fingerprint", "") not in ("", fingerprint):
                found.append((told["started"], told["version"]))
    return max(found, default=("", ""))[1]


def altered(run: Run) -> pd.DataFrame:
    """The files of a report that are not as it was made: file, and `what` is wrong with it: "changed", "missing" or "added"."""
    told, there = run.manifest["files"], file_hashes(run.path)
    rows = [(file, "missing" if file not in there else "added" if file not in told else "changed")
            for file in sorted({*told, *there}) if told.get(file) != there.get(file)]
    return pd.DataFrame(rows, columns=["file", "what"])


def prune(*, keep: int, pack: str = "", workspace: str | Path | None = None, dry: bool = False) -> pd.DataFrame:
    """Remove reports that nobody needs, and give their rows of `list_runs`: of each pack those of all periods but the `keep` latest, and
    of those that stay what a newer version of the same period replaced. `dry` removes none.

    Each goes whole: it is renamed out of sight first. Errors: `ParameterError` for keep below 1 and an unknown pack.
    """
    if keep < 1:
        raise ParameterError(f"keep={keep}: the periods to keep of each pack were expected, 1 or more.")
    runs, root = list_runs(workspace), find_workspace(workspace)
    if pack:
        one_of("pack", pack, sorted(set(runs["pack"])))
        runs = runs[runs["pack"] == pack]
    latest = runs.groupby("pack")["period"].transform(lambda periods: periods.isin(sorted(set(periods))[-keep:])).astype(bool)
    newest = runs.assign(whole=runs["status"] == "complete").sort_values(["whole", "started"]).groupby(["pack", "period"]).tail(1).index
    gone = runs[~(latest & runs.index.isin(newest))].reset_index(drop=True)
    for path in [] if dry else gone["path"]:
        with staging(root) as work:
            (root / path).rename(work / "gone")
            with suppress(OSError):
                (root / path).parent.rmdir()    # the period's folder, once it is empty
    return gone


def is_complete(folder: Path) -> bool:
    """Whether this folder is a whole report."""
    return not folder.name.endswith(OF_FAILED) and (folder / MANIFEST).is_file()


def list_runs(workspace: str | Path | None = None) -> pd.DataFrame:
    """Every report of a workspace, complete and failed, the latest period first; `path` is relative to the workspace.

    `status` is "complete", "failed", or "old" for one that `force` moved aside. `revises` names the version of the same period that was
    made from other ratings of it, "" where none was.
    Errors: `ReportError` for a report whose manifest cannot be read.
    """
    root = find_workspace(workspace)
    rows = [_row(path.parent, root) for path in sorted((root / "reports").glob(f"[!.]*/*/*/{MANIFEST}"))]
    table = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    return table.sort_values(["pack", "period", "started"], ascending=[True, False, False]).reset_index(drop=True)


def _row(folder: Path, root: Path) -> dict[str, object]:
    where = folder.relative_to(root).as_posix()
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{where}/{MANIFEST}: JSON was expected, and it cannot be read ({error}). Move that report away, and "
                          "make it again.") from None
    status = "old" if ".old-" in folder.name else manifest["status"]
    return {"pack": manifest["pack"], "period": manifest["period"], "version": manifest["version"], "status": status,
            "started": manifest["started"], "seconds": manifest["seconds"], "n_alarm": manifest["findings"].get("alarm", 0),
            "n_attention": manifest["findings"].get("attention", 0), "revises": manifest.get("revises", ""), "path": where}
