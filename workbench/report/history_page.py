"""`reports/PACK/history.html`: the key estimates and the gates of a pack in every period there is a report of."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.cache import source_hash
from workbench.errors import WorkbenchError
from workbench.estimates import MEASURES
from workbench.periods import period_bounds
from workbench.report.artefact import MANIFEST, STAGING, Run, newest
from workbench.report.collect import grouping
from workbench.report.effect import rubrics_of
from workbench.report.gates import Gate, asked_rows
from workbench.report.loop import Action
from workbench.report.pack import Pack, find_workspace, load_pack
from workbench.report.page import chart_json
from workbench.report.site import chart_page, group, label

HISTORY = "history.html"
PANELS = 12
UNDATED = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class Told:
    """One report of the history: its manifest, estimates, the start of its period, and the rubrics that it knows."""

    run: Run
    manifest: Mapping[str, Any]
    estimates: pd.DataFrame
    start: dt.datetime
    rubrics: frozenset[str]


@dataclass(frozen=True)
class Drawn:
    """One chart of the page with the table it was made from."""

    title: str
    json: str
    rows: pd.DataFrame


def write_history(name: str, *, workspace: str | Path | None = None) -> Path | None:
    """Write the history page of a pack anew, in one step, unless it is as the reports are; None where there is no dated report."""
    root = find_workspace(workspace)
    runs = [run for run in newest(root, name) if run.period != "undated"]
    page = root / "reports" / name / HISTORY
    if not runs:
        page.unlink(missing_ok=True)
        return None
    pack = pack_of(name, root)
    made = [(run.path.name, (run.path / MANIFEST).stat().st_mtime_ns) for run in runs]
    stamp = hashlib.sha256(repr([made, pack, source_hash()]).encode()).hexdigest()
    if page.is_file() and stamp in page.read_text(encoding="utf-8"):
        return page
    told = [read_told(run) for run in runs]
    fences = [*rubric_fences(told), *action_fences(pack.actions if pack else ())]
    shown = {"pack": name, "title": told[-1].manifest["title"], "stamp": stamp, "headlines": headlines(told, fences),
             "gated": [gated(gate, told, fences) for gate in (pack.gates if pack else ()) if gate.kind == "estimate"],
             "gates": gate_table(told), "actions": pack.actions if pack else (), "told": told[::-1]}
    half = page.with_name(f"{STAGING}{os.getpid()}.html")
    half.write_text(chart_page("history.html", **shown), encoding="utf-8")
    half.replace(page)
    return page


def pack_of(name: str, root: Path) -> Pack | None:
    """The pack as it now is; None where it is gone or not to be read, which its old reports do not depend on."""
    try:
        return load_pack(name, workspace=root)
    except WorkbenchError:
        return None


def read_told(run: Run) -> Told:
    """One report, read."""
    manifest, estimates = run.manifest, run.estimates
    return Told(run, manifest, estimates, period_bounds(run.period)[0], rubrics_of(manifest["snapshot"]["rubrics"], estimates))


def rubric_fences(told: Sequence[Told]) -> list[tuple[dt.datetime, str, dict[str, str]]]:
    """Where a rubric, or a version of one, is there that was not in the report before."""
    found = []
    for before, now in zip(told, told[1:]):
        new = sorted(one.split(" (")[0] for one in now.rubrics - before.rubrics)
        if new:
            found.append((now.start, f"rubric {', '.join(new)}", {}))
    return found


def action_fences(actions: Sequence[Action]) -> list[tuple[dt.datetime, str, dict[str, str]]]:
    """What people did, at its date: each in the panels of the levels that its finding is about."""
    found = []
    for action in actions:
        where = dict(part.split("=", 1) for part in action.id.split("/") if "=" in part)
        said = f": {action.note}" if action.note else ""
        found += [(pd.Timestamp(date, tz="UTC"), f"{what}{said}"[:60], where) for date, what in
                  ((action.acted, "acted"), (action.accepted, "accepted"), (action.mute_until, "mute ends")) if date]
    return found


def headlines(told: Sequence[Told], fences: Sequence[tuple]) -> list[Drawn]:
    """The headline estimates, a chart a statistic: those a notebook flags; of a pack without any, what each notebook names first."""
    flagged = any("headline" in one.estimates and one.estimates["headline"].eq(True).any() for one in told)
    parts = []
    for one in told:
        rows = one.estimates
        first = rows.groupby("notebook")["name"].transform("first")
        kept = rows["headline"].eq(True) if flagged and "headline" in rows else (rows["name"] == first) & (not flagged)
        parts.append((one, rows[kept]))
    whole = told_rows(parts, fences)
    return [drawn(rows, fences, title=f"{label(str(name))}, report by report") for name, rows in whole.groupby("name", sort=False)]


def gated(gate: Gate, told: Sequence[Told], fences: Sequence[tuple]) -> Drawn:
    """The estimate that a gate asks for, with what it asks."""
    rows = told_rows([(one, asked_rows(gate, one.estimates)[0]) for one in told], fences)
    ends = [(gate.at_least, "at least"), (gate.at_most, "at most")]
    bounds = [(end, f"{gate.column} {words} {end:g}") for end, words in ends if math.isfinite(end)]
    return drawn(rows, fences, bounds=bounds if gate.column in ("value", "low", "high") else (), title=f"Gate: {gate.name}")


def told_rows(parts: Sequence[tuple[Told, pd.DataFrame]], fences: Sequence[tuple]) -> pd.DataFrame:
    """Estimates of several reports as one table: name, window, period, where, rubric_version, the measures, version and code.

    Rows that name no rubric version are of the stretch between two rubric changes, so that no line crosses one.
    """
    changes, rows = [date for date, said, _ in fences if said.startswith("rubric ")], []
    for one, part in parts:
        by = [column for column in grouping(part) if column != "rubric_version"]
        stretch = sum(one.start >= date for date in changes)
        code = {name: digest[:12] for name, digest in one.manifest.get("code", {}).items()}
        for row in part.to_dict("records"):
            place = ", ".join(group(row[c]) for c in by if row[c] == row[c] and row[c] not in (None, ""))
            named = row.get("rubric_version")
            version = str(named) if named not in (None, "") and named == named else f"after {stretch} changes" if stretch else ""
            rows.append({**{c: row[c] for c in by}, **{m: row[m] for m in MEASURES}, "name": row["name"], "window": one.start,
                         "period": one.run.period, "where": place, "rubric_version": version, "run": one.run.path.name,
                         "code": f"{code.get('workbench', '')} {code.get(row['notebook'], '')}"})
    columns = ["name", "window", "period", "where", "rubric_version", *MEASURES, "run", "code"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*columns, *(key for row in rows for key in row)])))
    return table.drop_duplicates(["name", "window", "where", "rubric_version"], keep=False)


def drawn(rows: pd.DataFrame, fences: Sequence[tuple], *, title: str, bounds: Sequence[tuple[float, str]] = ()) -> Drawn:
    """A chart of these rows: the groups that most reports have, up to `PANELS` of them."""
    from workbench.chart import estimate_history

    most = rows["where"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index[:PANELS]
    rows = rows[rows["where"].isin(most)].reset_index(drop=True)
    levels = {str(level) for level in rows.drop(columns=["window", *MEASURES]).to_numpy().ravel()}
    last = period_bounds(rows.loc[rows["window"].idxmax(), "period"])[1] if len(rows) else UNDATED
    spans = (rows["window"].min() - pd.Timedelta(days=7) if len(rows) else UNDATED, last)
    near = [(date, said, where) for date, said, where in fences if spans[0] <= date <= spans[1]
            and (not where or levels & set(where.values()))]
    split = [c for c in rows if c in {key for _, _, where in near for key in where}]
    several = rows.duplicated(["window", "where"]).any()        # rubric versions that are in use at once
    by = [*(split or (["where"] if rows["where"].nunique() > 1 else [])), *(["rubric_version"] if several else [])]
    by = by if not rows.duplicated(["window", *by]).any() else ["where", "rubric_version"]
    spec = estimate_history(rows, by=by, fences=near, bounds=bounds, title=title).specification
    before = rows.groupby(["where", "rubric_version"], sort=False)["code"].shift() if len(rows) else rows["code"]
    rows = rows.assign(other_code=before.notna() & (before != rows["code"]))
    return Drawn(title, chart_json(spec),
                 rows.sort_values(["window", "where"], ascending=[False, True], ignore_index=True))


def gate_table(told: Sequence[Told]) -> pd.DataFrame:
    """Each gate in each report: "open", "closed", or "" where it was not asked; a row a gate, the latest 12 reports."""
    columns = {one.run.period: {gate["name"]: "open" if gate["open"] else "closed" for gate in one.manifest.get("gates", ())}
               for one in told[-12:]}
    names = dict.fromkeys(name for column in columns.values() for name in column)
    return pd.DataFrame({period: [column.get(name, "") for name in names] for period, column in columns.items()}, index=list(names))
