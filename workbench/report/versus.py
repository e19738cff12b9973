"""Two reports beside each other: what changed in the findings and estimates, whether noise explains it, and what they were made from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import ReportError, WorkbenchError, shorten
from workbench.estimates import MEASURES
from workbench.report.artefact import Run, find_run
from workbench.report.collect import grouping
from workbench.report.joint import RECOMPUTED, Both, both, change_on_both
from workbench.report.pack import find_workspace, load_pack
from workbench.report.parameters import SET_BY_RUN
from workbench.report.site import group

DISJOINT = "assumes disjoint items: where the reports share some, the change is surer than this"
NO_ERROR = "one of them has no interval"
RESTS = {RECOMPUTED: "are recomputed on the ratings of both, each item against itself", "as ": "go by how many items are in both",
         DISJOINT: "are taken as of disjoint items, which hides small changes where items are shared"}    # how a note begins
HALF = 1.959963984540054    # of a 95 % interval, in standard errors
FALSE_SHARE = 0.05          # of false ones among the changes said to be told
TOLD_APART = ("estimand", "form", "epsilon")     # of estimates, too, where a table has them
MOST = ("severity", "status", "sentence")


@dataclass(frozen=True)
class Comparison:
    """What differs between two reports; what is alike is left out.

    made: what, then, now: in data, rubrics, parameters, notebooks, package and packages; empty where nothing does.
    findings: id, change ("appeared", "gone", "changed"), severity_then, severity_now, sentence_then, sentence_now.
    estimates: notebook, name, place, then, now, change ("appeared", "gone", "changed"), value (now less then), low, high, q, told, note.
    joint: "" where the ratings of both were read, else why not.
    """

    then: Run
    now: Run
    made: pd.DataFrame
    findings: pd.DataFrame
    estimates: pd.DataFrame
    joint: str = ""

    @property
    def by_data_alone(self) -> bool:
        """Whether nothing but data can be behind a change: package, notebooks, parameters and rubrics are alike."""
        return set(self.made["what"]) <= {"period", "data", "ratings", "ratings in the period"}


def compare(then: str | Path, now: str | Path, *, workspace: str | Path | None = None, data: str | Path | None = None,
            joint: bool = True) -> Comparison:
    """What changed from one report to another of the same pack, and can it be told from noise?

    then, now: as `find_run`. data: where their data lie; default: the pack's own. `told` is a false discovery rate of 5 % over all
    estimates of the two. What else changed stands in `made`: a change of code is no drift.

    Two reports of a programme share most of their items, for each reads all up to its period's end. Where `joint`, and both can be read as
    they were, under the pack's terms of privacy, agreement coefficients and means are recomputed on both, each item against itself; of
    other estimates the errors are taken to correlate by the share of items in common. Else, and where an estimate's ratings are not found,
    a change has the errors of both as if they had no item in common, which is far too wide for all that grows from week to week: `note`
    says which. It costs about 20 s of processor for two reports of 900 changed estimates on 50,000 ratings, which are held in memory,
    and half a second for three headlines alone, so that `reports/index.html` takes all as disjoint, and says so. Undefined estimates have
    no interval, with the reason in `note`.

    Simulated, 300 draws, nothing having changed, 200 of 210 and of 300 items and 60 of 66 in both: 95 % intervals of alpha, percent
    agreement and a mean held 93 to 98 % recomputed, 91 to 96 % by shared items, and 100 % as if disjoint, being 2 to 6 times as wide.

    Errors: `ReportError` for reports of two packs; as `find_run`.
    """
    a, b = (find_run(name, workspace=workspace) for name in (then, now))
    if a.pack != b.pack:
        raise ReportError(f"{then}: a report of {b.pack} was expected, and it is one of {a.pack}. Compare two of one pack.")
    ratings, why = read_both(a, b, workspace, data) if joint else (None, "it was not asked for")
    return Comparison(a, b, differences(a.manifest, b.manifest), changed_findings(a.findings, b.findings),
                      changed_estimates(a.estimates, b.estimates, ratings), why)


def read_both(then: Run, now: Run, workspace: str | Path | None, data: str | Path | None) -> tuple[Both | None, str]:
    """The ratings that both reports were made from; None with the reason where they cannot be read as they were."""
    try:
        root = find_workspace(workspace)
        pack = load_pack(then.pack, workspace=root)
        return both(then, now, Path(data).absolute() if data else root / pack.data, pack.private), ""
    except (WorkbenchError, OSError, KeyError) as error:
        return None, shorten(error, 200)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> pd.DataFrame:
    """What two reports were made from, where it differs: what, then, now."""
    sides = [facts(manifest) for manifest in (then, now)]
    rows = [(what, sides[0].get(what, ""), sides[1].get(what, "")) for what in dict.fromkeys([*sides[0], *sides[1]])
            if sides[0].get(what, "") != sides[1].get(what, "")]
    return pd.DataFrame(rows, columns=["what", "then", "now"])


def facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    """All that decides a report's content, as text."""
    snapshot, given = manifest["snapshot"], manifest["given"]
    found = {"period": manifest["period"], "data": f"{manifest['data']}, snapshot {snapshot['id'][:12]}",
             "ratings": f"{snapshot['n_rows']:,}", "ratings in the period": f"{manifest['n_ratings_in_period']:,}"}
    found |= {f"rubric {name}": digest for name, digest in sorted(snapshot["rubrics"].items())}
    found |= {f"rows left out by {filtered}": f"{n:,}" for filtered, n in manifest["filters"].items()}
    found |= {key: json.dumps(given[key], sort_keys=True) for key in ("columns", "exclude", "seed")}
    for name, notebook in manifest["notebooks"].items():
        own = {key: value for key, value in notebook["parameters"].items() if key not in SET_BY_RUN}
        found |= {f"{name}: {key}": json.dumps(value, sort_keys=True, default=str) for key, value in own.items()}
    found |= {f"code of {name}": digest[:12] for name, digest in manifest["code"].items()}
    return found | {f"version of {name}": number for name, number in manifest["packages"].items()}


def changed_findings(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The findings that appeared, went, or say something else, those that need attention now first."""
    sides = [{row["id"]: row for row in table.to_dict("records")} for table in (then, now)]
    rows = []
    for key in dict.fromkeys([*sides[1], *sides[0]]):
        a, b = (side.get(key) for side in sides)
        if a is None or b is None or any(a[column] != b[column] for column in MOST):
            row = {"id": key, "change": "appeared" if a is None else "gone" if b is None else "changed"}
            rows.append(row | {f"{column}_{when}": side[column] if side else "" for column in ("severity", "sentence")
                               for when, side in (("then", a), ("now", b))})
    return pd.DataFrame(rows, columns=["id", "change", "severity_then", "severity_now", "sentence_then", "sentence_now"])


def changed_estimates(then: pd.DataFrame, now: pd.DataFrame, ratings: Both | None = None) -> pd.DataFrame:
    """The estimates that appeared, went or changed, the surest changes first; `ratings` are those of both, None where not to be read."""
    from scipy.stats import false_discovery_control

    sides = [keyed(table) for table in (then, now)]
    shared_by, rows = [column for column in grouping(now) if column in then], []
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        a, b = (side.get(key) for side in sides)
        row = {"notebook": key[0], "name": key[1], "place": key[2],
               "then": a["value"] if a else math.nan, "now": b["value"] if b else math.nan,
               "change": "appeared" if a is None else "gone" if b is None else "changed"}
        absent = dict.fromkeys(("value", "low", "high", "p"), math.nan) | {"note": ""}
        rows.append(row | (change_of(a, b, ratings, shared_by) if a and b else absent))
    table = pd.DataFrame(rows, columns=["notebook", "name", "place", "then", "now", "change", "value", "low", "high", "p", "note"])
    table["q"] = table["p"].dropna().pipe(lambda p: pd.Series(false_discovery_control(p), p.index) if len(p) else p)
    table["told"] = table["q"] < FALSE_SHARE
    same = (table["change"] == "changed") & ((table["then"] == table["now"]) | table["then"].isna() & table["now"].isna())
    return table[~same].sort_values(["q", "p", "notebook", "name", "place"], kind="stable", ignore_index=True)


def keyed(estimates: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Each estimate by notebook, name and the levels that tell it apart; those that nothing tells apart from another are left out. An
    estimate is what it measured and the levels it has."""
    rows = estimates[[c for c in ("notebook", "name", *MEASURES) if c in estimates]].to_dict("records")
    places: list[list[str]] = [[] for _ in rows]
    for column in dict.fromkeys([*grouping(estimates), *(column for column in TOLD_APART if column in estimates)]):
        levels = estimates[column].astype(object)
        for at in np.flatnonzero(levels.notna() & (levels != "")):     # most are of few rows
            rows[at][column] = levels.iat[at]
            places[at].append(f"{column} {group(levels.iat[at])}")
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row, place in zip(rows, places):
        found.setdefault((row["notebook"], row["name"], ", ".join(place)), []).append(row)
    return {key: rows[0] for key, rows in found.items() if len(rows) == 1}


def change_of(then: Mapping[str, Any], now: Mapping[str, Any], ratings: Both | None = None, by: Sequence[str] = ()) -> dict[str, object]:
    """The change of an estimate with its interval and p: on the ratings of both, or as if nothing were shared."""
    from scipy.special import ndtr

    moved = now["value"] - then["value"]
    joint = change_on_both(ratings, then, now, by) if ratings and moved and math.isfinite(moved) else None
    if joint and joint["low"] < joint["high"]:
        error = joint.pop("se")
        half = (joint["high"] - joint["low"]) / 2     # so that p is .05 where the interval, which knows its degrees of freedom, ends at 0
        return joint | {"p": 2 * float(ndtr(-abs(joint["value"]) / max(error, half / HALF)))}
    value, se = now["value"] - then["value"], math.hypot(*map(error_of, (then, now)))
    if not math.isfinite(value) or not se > 0:
        notes = [str(row["note"]) for row in (then, now) if row["value"] != row["value"] and row["note"]]
        return {"value": value, "low": math.nan, "high": math.nan, "p": math.nan, "note": notes[0] if notes else NO_ERROR}
    return {"value": value, "low": value - HALF * se, "high": value + HALF * se, "p": 2 * float(ndtr(-abs(value) / se)), "note": DISJOINT}


def error_of(row: Mapping[str, Any]) -> float:
    """The standard error of an estimate: its own, else a quarter of its 95 % interval, about; nan where it has neither."""
    if row.get("se") is not None and row["se"] == row["se"] and row["se"] > 0:
        return float(row["se"])
    from scipy.special import ndtri

    return float(row["high"] - row["low"]) / (2 * float(ndtri((1 + row["confidence"]) / 2)))
