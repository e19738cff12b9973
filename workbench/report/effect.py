"""Finding, action, effect: what earlier reports said of each finding that has an entry, and whether what was done worked."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from workbench.cache import digest
from workbench.errors import WorkbenchError
from workbench.periods import period_bounds
from workbench.privacy import Terms
from workbench.report.artefact import newest
from workbench.report.joint import beside, change_on_both
from workbench.report.loop import Action, state_of

if TYPE_CHECKING:
    from workbench.ratings import Ratings

HIGHER = ("alpha", "kappa", "_ac", "percent_agreement", "agreement", "agreement_with_others", "accuracy", "icc", "reliability",
          "separation", "pass_rate", "winning_rate", "brennan_prediger", "scott_pi", "verifiability")
NEARER_0 = ("difference", "shift", "severity", "leniency", "influence", "slower", "faster")
LOWER = ("overturned", "gaps", "faults", "detectable", "turnaround", "brier", "calibration_error")
GONE, SMALLER, SAME, WORSE = "gone", "smaller, beyond noise", "no change that can be told", "worse"
OTHER_RUBRIC = "changed, beyond noise; a rubric changed too, so that it cannot be told what did"
DISJOINT = " (assumes disjoint items)"
SELECTED = 3.0233 / 1.9600      # of estimates of nothing that chance took past 1.96 errors, one in twenty is past 3.02
SIGHT = ("severity", "name", "value", "low", "high")
Sight = Mapping[str, object]
Changed = Callable[[str, str, Mapping[str, object]], Mapping[str, object] | None]


def seen_before(root: Path, pack: str, period: str, actions: Sequence[Action]) -> list[dict[str, object]]:
    """What the reports of earlier periods said of each finding that has an entry: id, first, acted, last.

    A sight is a period with the finding's severity, name and estimate. `first` and `last` are the first and the latest that has it;
    `acted` is the latest that had ended when something was done, where that is told and there is one. Absent ones are None.
    """
    earlier = [run for run in newest(root, pack) if before(run.period, period)] if actions else []
    tables = [(run.period, run.findings.set_index("id"), rubrics_of(run.manifest["snapshot"]["rubrics"], run.estimates)) for run in earlier]
    rows = []
    for action in actions:
        sights = [sight(table.loc[action.id], when, rubrics) for when, table, rubrics in tables if action.id in table.index]
        done = [s for s in sights if action.acted and period_bounds(str(s["period"]))[1].date() <= action.acted]
        rows.append({"id": action.id, "first": sights[0] if sights else None, "acted": done[-1] if done else None,
                     "last": sights[-1] if sights else None})
    return rows


def before(one: str, other: str) -> bool:
    """Whether a period is earlier than another of its kind; weeks, months and undated reports are not held together."""
    return "undated" not in (one, other) and ("-W" in one) == ("-W" in other) and period_bounds(one)[0] < period_bounds(other)[0]


def rubrics_of(files: Mapping[str, str], estimates: pd.DataFrame) -> frozenset[str]:
    """The rubrics that a report knows: its files with their content, and the versions that its estimates name."""
    named = estimates["rubric_version"].dropna().astype(str).unique() if "rubric_version" in estimates else ()
    return frozenset({f"{name} ({content})" for name, content in files.items()} | {f"version {one}" for one in named if one})


def sight(row: Mapping[str, object], period: str, rubrics: Collection[str] = ()) -> dict[str, object]:
    """What one report says of a finding, as plain data; `rubrics` becomes a code of them."""
    told = {key: None if pd.isna(row[key]) else row[key] if isinstance(row[key], str) else float(row[key]) for key in SIGHT}
    return {"period": period, "rubrics": digest(*sorted(rubrics))[:12], **told}


def told_actions(actions: Sequence[Action], *, past: Sequence[Mapping[str, object]], findings: pd.DataFrame, period: str,
                 looked: Collection[str], rubrics: Collection[str] = (), changed: Changed | None = None) -> list[dict[str, object]]:
    """One row an entry: what was said and done, state, muted, first_seen, last_seen, sentence, then, when_acted, now, effect, warning.

    past: from `seen_before`. looked: the notebooks that ran to their end; of others nothing can be told. rubrics: from `rubrics_of`.
    changed: from `changes`; without it all changes are taken as of disjoint items.
    """
    here = {row["id"]: row for row in findings.to_dict("records")}
    rows = []
    for action, seen in zip(actions, past):
        row = here.get(action.id)
        now = sight(row, period, rubrics) if row else None
        state, muted = state_of(action, row["severity"] if row else "", period)
        first, last = seen["first"] or now, now or seen["last"]
        then = seen["acted"] or seen["first"]
        change = changed(action.id, str(then["period"]), row) if changed and row and then else None
        rows.append({"id": action.id, **{key: getattr(action, key) for key in ("owner", "note", "acted")}, "state": state,
                     "muted": bool(muted and row), "sentence": row["sentence"] if row else "",
                     "first_seen": first["period"] if first else "", "last_seen": last["period"] if last else "",
                     "then": first, "when_acted": seen["acted"], "now": now,
                     "effect": effect_of(action, seen, now, action.id.split("/")[0] in looked, change) if first else "",
                     "warning": "" if first else unknown(action.id, list(here))})
    return rows


def unknown(name: str, there: Sequence[str]) -> str:
    """What to say of an entry whose finding is in no report."""
    near = difflib.get_close_matches(name, there, n=1)
    return "No report here has a finding of this id" + (f"; is it {near[0]}?" if near else ".")


def changes(root: Path, pack: str, *, ratings: Ratings, period: str, place: Path, held: Terms = Terms()) -> Changed:
    """A function of a finding's id, the period of an earlier report and the finding now: how its estimate changed since, on the ratings of
    both reports, see `joint`; None where these cannot be read as they were, or the estimate is not found in them.

    ratings: those of this report of `period`. place, held: where they lie, and the terms they were read under.
    """
    known: dict[str, tuple | None] = {}

    def opened(then: str) -> tuple | None:
        """The ratings of both and the findings then."""
        try:
            [run] = [run for run in newest(root, pack) if run.period == then]
            return beside(run, ratings, period, place, held), run.findings.set_index("id")
        except (WorkbenchError, OSError, KeyError, ValueError):
            return None

    def changed(name: str, then: str, row: Mapping[str, object]) -> Mapping[str, object] | None:
        """The change of one."""
        known[then] = known[then] if then in known else opened(then)
        both, findings = known[then] or (None, None)
        if both is None or name not in findings.index:
            return None
        sides = [as_estimate(one) for one in (findings.loc[name], row)]
        found = change_on_both(both, *sides, list(sides[1])) if all(sides) and sides[0]["name"] == sides[1]["name"] else None
        return found if found and found["low"] < found["high"] else None

    return changed


def as_estimate(finding: Mapping[str, object]) -> dict[str, object]:
    """The estimate of a finding with the levels that its slice names; empty where it has no error or tells no items."""
    if any(pd.isna(finding[key]) for key in ("value", "se", "n_items")):
        return {}
    return {**json.loads(finding["slice"]), **{key: finding[key] for key in ("name", "value", "se", "estimand", "n_items")}}


def effect_of(action: Action, seen: Mapping[str, Sight | None], now: Sight | None, looked: bool,
              change: Mapping[str, object] | None = None) -> str:
    """Whether it worked: `GONE`, `SMALLER`, `SAME` or `WORSE`, or why that cannot be told.

    The estimate now against that when something was done, else against the first. A finding is first seen when chance makes it large, so
    that a plain test would call its return to the middle a success: a `change`, which is on the ratings of both reports, is beyond noise
    where it is outside its interval made `SELECTED` times as wide; without one, where the two intervals do not overlap, `DISJOINT`.
    """
    then = seen["acted"] or seen["first"]
    if not looked:
        return "not looked at: its notebook did not end well, or is not in the pack"
    if now is None or now["severity"] == "ok":
        return GONE
    if then is None:
        return "first seen now"
    ends = [edge if edge is not None else math.nan for side in (then, now) for edge in (side["low"], side["high"])]
    if now["name"] != then["name"] or not (change or all(map(math.isfinite, ends))):
        return f"{SAME}: no interval to tell it by"
    rests = "" if change else DISJOINT
    if abs(change["value"]) <= SELECTED * (change["high"] - change["low"]) / 2 if change else ends[1] >= ends[2] and ends[3] >= ends[0]:
        return f"{SAME}{rests}"
    way = action.better or way_of(str(now["name"]))
    if then.get("rubrics") != now.get("rubrics"):
        return f"{OTHER_RUBRIC}{rests}"
    if not way:
        return f"changed, beyond noise{rests}; write better = \"lower\", \"higher\" or \"nearer 0\" to say whether that is " \
               f"{SMALLER.split(',')[0]}"
    fell = now["value"] < then["value"] if way == "lower" else now["value"] > then["value"] if way == "higher" else \
        abs(now["value"]) < abs(then["value"])
    return f"{SMALLER if fell else WORSE}{rests}"


def way_of(name: str) -> str:
    """Which way an estimate of this name goes when things get better; "" where the name does not say."""
    for way, words in (("nearer 0", NEARER_0), ("lower", LOWER), ("higher", HIGHER)):
        if any(word in name for word in words):
            return way
    return ""
