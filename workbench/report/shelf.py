"""`reports/index.html`: every report of a workspace, and of each pack what changed from its last report but one to its last."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.report.artefact import STAGING, list_runs
from workbench.report.pack import find_workspace
from workbench.report.site import page_of
from workbench.report.versus import Comparison, compare

SHELF = "index.html"
SHOWN = 12      # findings of a comparison, and changes of what the reports were made from


@dataclass(frozen=True)
class Shelf:
    """The reports of one pack, the latest first, and its last two periods beside each other (None where there is one)."""

    pack: str
    runs: pd.DataFrame
    compared: Comparison | None


def write_shelf(workspace: str | Path | None = None) -> Path:
    """Write `reports/index.html` anew, in one step. Errors: as `list_runs`."""
    root = find_workspace(workspace)
    runs = list_runs(root)
    packs = [Shelf(str(pack), own.reset_index(drop=True), last_two(own, root)) for pack, own in runs.groupby("pack", sort=True)]
    page, half = root / "reports" / SHELF, root / "reports" / f"{STAGING}{os.getpid()}.html"
    half.write_text(page_of("shelf.html", packs=packs, shown=SHOWN), encoding="utf-8")
    half.replace(page)
    return page


def last_two(runs: pd.DataFrame, root: Path) -> Comparison | None:
    """The newest whole report of the last period beside that of the period before; None where one of them cannot be read."""
    whole = runs[runs["status"] == "complete"].sort_values(["period", "started"]).drop_duplicates("period", keep="last")
    if len(whole) < 2:
        return None
    then, now = (root / path for path in whole["path"].tail(2))
    try:
        return compare(then, now, workspace=root)
    except (WorkbenchError, KeyError, OSError):     # one made by an earlier version of the package lacks what is compared
        return None
