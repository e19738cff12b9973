"""`reports/index.html`: every report of a workspace, and of each pack what changed from its last report but one to its last."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.report.artefact import STAGING, list_runs, newest
from workbench.report.history_page import write_history
from workbench.report.pack import find_workspace
from workbench.report.site import page_of
from workbench.report.versus import Comparison, compare

SHELF = "index.html"
SHOWN = 12      # findings of a comparison, and changes of what the reports were made from


@dataclass(frozen=True)
class Shelf:
    """The reports of one pack, the latest first, its last two periods beside each other (None where there is one), and its history page."""

    pack: str
    runs: pd.DataFrame
    compared: Comparison | None
    history: str


def write_shelf(workspace: str | Path | None = None) -> Path:
    """Write `reports/index.html` anew, in one step, and the history of each pack that has a new report. Errors: as `list_runs`."""
    root = find_workspace(workspace)
    runs = list_runs(root)
    packs = [Shelf(str(pack), own.reset_index(drop=True), last_two(str(pack), root), history_of(str(pack), root))
             for pack, own in runs.groupby("pack", sort=True)]
    page, half = root / "reports" / SHELF, root / "reports" / f"{STAGING}{os.getpid()}.html"
    half.write_text(page_of("shelf.html", packs=packs, shown=SHOWN), encoding="utf-8")
    half.replace(page)
    return page


def history_of(pack: str, root: Path) -> str:
    """Where the history page of a pack lies, from the shelf; "" where there is none, or an earlier make's report cannot be read."""
    try:
        page = write_history(pack, workspace=root)
    except (WorkbenchError, KeyError, OSError):
        return ""
    return page.relative_to(root / "reports").as_posix() if page else ""


def last_two(pack: str, root: Path) -> Comparison | None:
    """The newest whole report of the last period beside that of the period before; None where one of them cannot be read."""
    whole = newest(root, pack)
    if len(whole) < 2:
        return None
    try:
        return compare(whole[-2].path, whole[-1].path, workspace=root, joint=False)
    except (WorkbenchError, KeyError, OSError):     # one made by an earlier version of the package lacks what is compared
        return None
