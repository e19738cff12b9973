"""Checks of times: are ratings dated, plausibly, and under a rubric version that was in force."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.check import counted
from workbench.check.outcome import CheckOutcome, sentence
from workbench.errors import examples
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect
from workbench.reduce.held import held
from workbench.reduce.narrowed import NEVER

STRAY_WEEKS = 52   # a gap this long before or after the bulk of the ratings makes what lies beyond it suspect,
LATE_WEEKS = 4     # as does this long a one after it, of
LATE_SHARE = 0.05  # so few ratings as this share of a usual week's


def check_timestamps(ratings: Ratings) -> CheckOutcome:
    """Whether `rated_at` can bear a judgement of drift. Passes when every rating has a plausible time of its own and zone."""
    n = ratings.count()
    columns = ["fault", "n_ratings", "where"]
    if "rated_at" in ratings.missing:
        text = "There is no rated_at: drift cannot be judged. If another column holds the time, map it to rated_at."
        return CheckOutcome("timestamps", False, pd.DataFrame(columns=columns), text, n, n)
    known = held(ratings)   # of a small file it was looked whether times lack a zone
    if known and (ratings.source.small or "_zoneless_rated_at" not in ratings.source.table.columns):
        faults = {"missing": int((known.times("rated_at") == NEVER).sum()), "backwards": counted.backwards(known)}
    else:
        t = ratings.table
        measures = {"missing": t.rated_at.isnull().sum(), "backwards": (t.started_at > t.rated_at).sum()}
        if "_zoneless_rated_at" in t.columns:
            measures["zoneless"] = t["_zoneless_rated_at"].sum()
        faults = collect(ratings.source, t.aggregate(**measures)).fillna(0).iloc[0]
    whole = any(note.startswith("rated_at ") for note in ratings.notes)
    stamped, weeks = one_stamp(ratings), weekly(ratings)
    stray = weeks[weeks["far"]].groupby("month", as_index=False)["n"].sum()
    rows = [("no rated_at", int(faults["missing"]), ""),
            ("ends before it starts", int(faults["backwards"]), "started_at after rated_at"),
            ("no time zone, read as UTC", n if whole else int(faults.get("zoneless", 0)), ""),
            ("one time for a whole batch", int(stamped["n"].sum()), examples(stamped["batch"].fillna("(no batch)").tolist())),
            ("far from all others", int(stray["n"].sum()), examples([f"{m:%Y-%m}" for m in stray["month"]]))]
    table = pd.DataFrame(rows, columns=columns)
    table = table[table["n_ratings"] > 0].reset_index(drop=True)
    said = [f"{r.fault}: {r.n_ratings:,} ({r.n_ratings / n:.0%})" + f" in {r.where}" * bool(r.where) for r in table.itertuples()]
    text = sentence("; ".join(said)) if said or not n else \
        f"Each of {n:,} ratings has its own time, from {ratings.first:%Y-%m-%d} to {ratings.last:%Y-%m-%d}."
    return CheckOutcome("timestamps", table.empty, table, text, n, min(n, int(table["n_ratings"].sum())))


def one_stamp(ratings: Ratings) -> pd.DataFrame:
    """Batches of several ratings that all bear the same time: batch, n."""
    if (table := held(ratings)) and (found := counted.ends(table, ["batch"])) is not None:
        return found.loc[(found["n_dated"] > 1) & (found["first"] == found["last"]), ["batch", "n_dated"]].rename(columns={"n_dated": "n"})
    t = ratings.table
    batches = t.group_by("batch").aggregate(n=t.rated_at.count(), times=t.rated_at.nunique())
    return collect(ratings.source, batches.filter((batches.n > 1) & (batches.times == 1)).order_by("batch"))


def weekly(ratings: Ratings) -> pd.DataFrame:
    """Weeks with ratings: week, month, n, last; `late`: beyond a gap of more than `LATE_WEEKS` after the bulk, with next to no ratings;
    `far`: so, or beyond a gap of more than `STRAY_WEEKS` before or after it."""
    if table := held(ratings):
        weeks = counted.ends(table, ["week", "month"], dated=True)[["week", "month", "n", "last"]]
    else:
        t = with_virtual(ratings.table, ("week", "month"))
        t = t.filter(t.week.notnull())
        weeks = t.group_by("week", "month").aggregate(n=t.count(), last=t.rated_at.max())
        weeks = collect(ratings.source, weeks.order_by("week", "month"))
    if weeks.empty:
        return weeks.assign(late=False, far=False)
    gap, bulk = weeks["week"].diff().dt.days / 7, weeks["n"].idxmax()
    long, short = ((gap > most).cumsum() for most in (STRAY_WEEKS, LATE_WEEKS))
    few = weeks.groupby(short)["n"].transform("sum") < LATE_SHARE * weeks.groupby("week")["n"].sum().median()
    late = few & (short > short[bulk])
    return weeks.assign(late=late, far=late | (long != long[bulk]))


def last_in_time(ratings: Ratings) -> pd.Timestamp | None:
    """When the last rating was given, those left out that a clock ahead of its time has dated late (`weekly`); None without dates."""
    if ratings.last is None:
        return None
    weeks = weekly(ratings)
    return weeks.loc[~weeks["late"], "last"].max()


def check_rubric_versions(ratings: Ratings) -> CheckOutcome:
    """Which rubric versions occur and when. Passes when none is used before its file says that it is in force."""
    key = ["rubric", "rubric_version"]
    if table := held(ratings):
        found = counted.ends(table, key).drop(columns="n_dated").rename(columns={"n": "n_ratings"})
    else:
        t = ratings.table
        versions = t.group_by(key).aggregate(n_ratings=t.count(), first=t.rated_at.min(), last=t.rated_at.max())
        found = collect(ratings.source, versions.order_by(key))
    known = [ratings.rubrics.get(names) for names in found[key].itertuples(index=False, name=None)]
    table = found.assign(file=[r.source if r else "" for r in known], in_force=[r.in_force if r else None for r in known],
                         n_early=[early(ratings, r) if r and r.in_force else 0 for r in known])
    n, n_early = int(table["n_ratings"].sum()), int(table["n_early"].sum())
    listed = examples([f"{r.rubric} {r.rubric_version} ({r.n_ratings:,})" for r in table.itertuples()])
    text = f"Rubric versions: {listed}." + f" {n_early:,} ratings were given before their version was in force." * bool(n_early)
    return CheckOutcome("rubric_versions", n_early == 0, table, text, n, n_early)


def early(ratings: Ratings, rubric: object) -> int:
    """How many ratings bear a version before the day it came into force."""
    day = pd.Timestamp(rubric.in_force, tz="UTC")
    if table := held(ratings):
        named = [np.append(table.levels(c) == value, False)[table.coded(c).codes] for c, value in
                 (("rubric", rubric.name), ("rubric_version", rubric.version))]
        return counted.before(table, named[0] & named[1], day)
    t, day = ratings.table, day.to_pydatetime()
    hit = t.filter((t.rubric == rubric.name) & (t.rubric_version == rubric.version) & (t.rated_at < day))
    return int(hit.count().execute())
