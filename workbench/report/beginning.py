"""A workspace of one's own: the notebooks, the weekly pack and the sample, written from the installed package."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import workbench
from workbench.errors import ParameterError, ReportError

SHIPPED = "start"        # where a wheel holds notebooks/ and reports/; a checkout has them at its root
SEED = 7                 # of the sample
IGNORED = "reports/*/\nreports/index.html\n.workbench/\n.venv/\nsecrets.env\n"


def begin(folder: str | Path, *, sample: bool = True) -> Path:
    """Write a workspace: notebooks/, reports/weekly.toml, how to schedule it and, with `sample`, data/sample; whole or not at all. Comes
    back with its path.

    folder: new or empty. Errors: `ParameterError` where something is there; `ReportError` where it cannot be written.
    """
    target, source = Path(folder).absolute(), shipped()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ParameterError(f"{folder}: a new or an empty folder was expected, and something is there. Name another.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".begin-") as work:
            built = Path(work) / "workspace"
            told = sorted((source / "reports").glob("*.md"))
            for place in sorted((source / "notebooks").glob("*.ipynb")) + [source / "reports/weekly.toml", *told]:
                (built / place.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place, built / place.relative_to(source))
            (built / ".gitignore").write_text(IGNORED, encoding="utf-8")
            if sample:
                from workbench.store.simulate import simulate, write_dataset

                write_dataset(simulate(seed=SEED), built / "data/sample")
            os.replace(built, target)
    except OSError as error:
        raise ReportError(f"{folder}: a workspace could not be written there ({error.strerror or error}). Name a folder that can be "
                          "written to, on a disk with room.") from None
    return target


def shipped() -> Path:
    """Where the package's notebooks and pack lie."""
    root = Path(workbench.__path__[0])
    return root / SHIPPED if (root / SHIPPED).is_dir() else root.parent
