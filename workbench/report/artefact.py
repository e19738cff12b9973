"""A report on disk: staged, hashed, and put in place whole; and the list of those there are."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.errors import ReportError
from workbench.report.pack import find_workspace

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
RUN_COLUMNS = ("pack", "period", "version", "status", "started", "seconds", "n_alarm", "n_attention", "path")


@dataclass(frozen=True)
class Run:
    """One report. `failed` maps a notebook to what ended it; `reused` tells that it was there before."""

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
        return pd.read_parquet(self.path / "findings.parquet")

    @property
    def estimates(self) -> pd.DataFrame:
        """The estimates table of all its notebooks."""
        return pd.read_parquet(self.path / "estimates.parquet")

    @property
    def manifest(self) -> dict:
        """What it was made from and how, as data."""
        return json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A hidden folder in `reports/` to build in; whatever has not been moved out of it is removed.

    Errors: `ReportError` when `reports/` cannot be written to.
    """
    folder = root / "reports" / f".staging-{uuid.uuid4().hex[:12]}"
    try:
        folder.mkdir()
    except OSError as error:
        raise ReportError(f"reports/: a folder to write to was expected ({error.strerror}). Make it writable.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write the manifest, last of all files, with the SHA-256 of every other."""
    files = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
             for p in sorted(folder.rglob("*")) if p.is_file()}
    content = {"schema_version": SCHEMA_VERSION, **manifest, "files": files}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str), encoding="utf-8")


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


def is_complete(folder: Path) -> bool:
    """Whether this folder is a whole report."""
    return not folder.name.endswith(".failed") and (folder / MANIFEST).is_file()


def list_runs(workspace: str | Path | None = None) -> pd.DataFrame:
    """Every report of a workspace, complete and failed, the latest period first; `path` is relative to the workspace.

    `status` is "complete", "failed", or "old" for one that `force` moved aside.
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
            "n_attention": manifest["findings"].get("attention", 0), "path": where}
