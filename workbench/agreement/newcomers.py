"""How soon a new rater settles: agreement with the others, and with gold, by how many items the rater has rated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.estimate import Sampling
from workbench.agreement.groups import reductions
from workbench.errors import ParameterError
from workbench.estimates import SUCH_RATERS, estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

# First item of each stretch of experience; the last has no end.
STARTS = np.array([1, 11, 26, 51, 101, 201])
# Raters below which "no difference" says more of their number than of their learning.
FEWEST = 5
# With one old hand an item there is nobody to tell the newcomers' learning from a change of the items by.
CALENDAR = "items or rules that changed meanwhile would look the same"
# An interval, of Bonferroni's confidence, that reaches further holds 0 for want of ratings.
WIDE = 0.15
NO_RATINGS = "no rating counts"
MEASURES = ("agreement_with_others", "gold_accuracy")
UNIT = ["item_id", "step", "criterion", "rubric"]


def settling(ratings: Ratings, *, by: Sequence[str] = (), first_days: int = 28, confidence: float = 0.95) -> pd.DataFrame:
    """How soon does a new rater rate as later? Agreement over each rater's items 1-10, 11-25, 26-50, 51-100, 101-200, 201 and on.

    Rows by `measure` and stretch (`from`, `to`), each a mean over new raters of the rater's own mean, so that an eager one counts
    once: `share`, for "agreement_with_others" the share of an item's other raters at the same level (1: all; chance is in it), for
    "gold_accuracy" the share of ratings at the level of the item's gold rating, where there is any; `difference`, the stretch less
    the last one that 5 new raters reached (or 2), within raters who reached both, so that who leaves early moves nothing;
    `settled_after`, the items before the first stretch from which on every difference has 0 in its interval, at Bonferroni's
    confidence over the stretches: no more than a reading of the differences, without an interval of its own.

    `by`: columns that make groups; items are counted over all groups, in the order of `rated_at`. `first_days`: raters whose first
    rating falls into that many days from the first of all may have begun before the data and are left out; experience counts
    from the first rating in the data given, so that ratings narrowed in time make old hands new. Intervals: t over raters, clustered
    by rater and by the items where new raters meet, at `confidence`; `estimand` is such raters. `n_dropped`: the new raters' ratings
    in the stretch without a fellow rater or gold.

    Experience and the calendar rise together: where items got harder or a rubric changed while the newcomers learnt, that is in the
    differences too, and raters who all began at once show it most. Hold them against old hands in the same weeks.

    Undefined (nan, reason in `note`): no times; nobody new; scores without levels; `settled_after` with fewer than 5 raters in a
    difference, one stretch only, a difference up to the last, or such an interval that reaches beyond 0.15 from its middle. No
    interval: one rater, or raters all alike. Ratings without a time are left out; `note` counts them. Errors: `ParameterError` for
    `confidence` and `first_days`, `RatingsError` where scales mix.
    Source: two-way clusters as in Cameron, Gelbach and Miller (2011), doi:10.1198/jbes.2010.07136.

    >>> import pandas as pd, workbench as wb
    >>> days = pd.date_range("2026-01-01", periods=80, tz="UTC")
    >>> old = pd.DataFrame({"item_id": range(80), "rater_id": "old", "score": 1.0, "rated_at": days})
    >>> new = old[40:].assign(rater_id="new", score=[2.0] * 10 + [1.0] * 30)
    >>> settling(wb.read(pd.concat([old, new])))[["name", "from", "value"]].values.tolist()[:3]
    [['share', 1, 0.0], ['share', 11, 1.0], ['share', 26, 1.0]]
    """
    from workbench.reduce import cells

    Sampling(confidence=confidence)
    if not (isinstance(first_days, (int, float)) and first_days >= 0):
        raise ParameterError(f"first_days={first_days!r} is not a number of days of 0 or more. Use 28.")
    kinds = [column for column, _ in ratings.conditions]
    judged = ratings if "rater_kind" in kinds else ratings.where(rater_kind=["human", "expert", "gold"])
    table = cells(judged, by=by, extra=["rated_at", "rater_kind"])
    panel, gold = table[table["rater_kind"] != "gold"], table[table["rater_kind"] == "gold"]
    untimed = by_group(panel[panel["rated_at"].isna()], by)
    panel = with_shares(with_experience(panel, first_days), gold)
    frames = by_group(panel, by)
    rows: list[dict[str, object]] = []
    for group in reductions(ratings, by=by):
        key = tuple(group.key.values())
        rows += _group_rows(frames.get(key, panel.iloc[:0]), group, confidence, len(untimed.get(key, ())))
    found = estimates_table(rows, by=[*by, "measure", "from", "to"])
    return found.astype({"from": "Int64", "to": "Int64"})


def by_group(frame: pd.DataFrame, by: Sequence[str]) -> dict[tuple[object, ...], pd.DataFrame]:
    """The rows of each group, by the values of `by`, None where they are missing."""
    return {tuple(None if part != part else part for part in key): rows
            for key, rows in (frame.groupby(list(by), dropna=False) if by else [((), frame)])}


def with_experience(panel: pd.DataFrame, first_days: int) -> pd.DataFrame:
    """The ratings with a time, and `stretch`, the place in `STARTS` of the rater's how-manieth item it is; -1 for raters not new."""
    panel = panel[panel["rated_at"].notna()]
    rater, item = panel["rater_id"].factorize()[0], panel.groupby(["item_id", "step"], dropna=False, sort=False).ngroup().to_numpy()
    at = panel["rated_at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    visit = pd.DataFrame({"rater": rater, "item": item, "at": at}).groupby(["rater", "item"], as_index=False)["at"].min()
    visit = visit.sort_values(["rater", "at", "item"], kind="stable")
    visit["nth"] = visit.groupby("rater").cumcount() + 1
    nth = pd.DataFrame({"rater": rater, "item": item}).merge(visit, on=["rater", "item"], how="left")["nth"].to_numpy()
    began = visit.groupby("rater")["at"].min().to_numpy()
    new = began >= at.min(initial=np.iinfo(np.int64).max) + first_days * 86_400_000_000 if len(at) else began > 0
    return panel.assign(stretch=np.where(new[rater], np.searchsorted(STARTS, nth, side="right") - 1, -1))


def with_shares(panel: pd.DataFrame, gold: pd.DataFrame) -> pd.DataFrame:
    """The ratings with a column for each of `MEASURES`: the share of other raters, and of gold, at the same level; nan without any."""
    same = panel.groupby(["unit", "level"])["level"].transform("size").to_numpy(dtype=float)
    size = panel.groupby("unit")["unit"].transform("size").to_numpy(dtype=float)
    others = np.where(size > 1, (same - 1) / np.maximum(size - 1, 1), np.nan)
    first = gold.sort_values("rater_id", kind="stable").drop_duplicates(UNIT)[[*UNIT, "level"]].rename(columns={"level": "_gold"})
    truth = panel[UNIT].merge(first, on=UNIT, how="left")["_gold"].to_numpy(dtype=float, na_value=np.nan)
    level = panel["level"].to_numpy(dtype=float, na_value=np.nan)
    return panel.assign(**dict(zip(MEASURES, (others, np.where(np.isnan(truth), np.nan, level == truth)))))


def _group_rows(frame: pd.DataFrame, group: Patterns | Moments, confidence: float, untimed: int = 0) -> list[dict[str, object]]:
    """The rows of one group, measure by measure; gold's only where there is gold. `untimed`: its ratings without a time."""
    new = frame[frame["stretch"] >= 0]
    left_out = f"{untimed:,} ratings without a time left out" if untimed and len(frame) else ""
    reason = "no rated_at: experience is not known" if frame.empty and untimed else NO_RATINGS if frame.empty else \
        "scores have no levels" if frame["level"].isna().all() else "" if len(new) else "no rater began after the first days of the data"
    rows = []
    for measure in MEASURES:
        shared = new[new[measure].notna()]
        if measure == "gold_accuracy" and shared.empty:
            continue
        why = reason or ("" if len(shared) else "the new raters share no item with another rater")
        found = [estimate("settled_after", math.nan, n_dropped=group.n_ratings + group.n_dropped, note=why) | {"from": None, "to": None}] \
            if why else _measure_rows(shared, new, measure, confidence)
        rows += [{**group.key, **row, "measure": measure, "estimand": SUCH_RATERS,
                  "note": join_notes(str(row["note"]), left_out, group.note)} for row in found]
    return rows


def _measure_rows(shared: pd.DataFrame, new: pd.DataFrame, measure: str, confidence: float) -> list[dict[str, object]]:
    """Share and difference of each stretch, and after how many items raters have settled."""
    shared = shared.assign(y=shared[measure].astype(float))
    means = shared.pivot_table(index="rater_id", columns="stretch", values="y", aggfunc="mean", observed=True)
    reached = next((found for n in (FEWEST, 2) if (found := [s for s in means if means[s].notna().sum() >= n])), [])
    last = reached[-1] if reached else None
    rows = [_mean_row("share", means[[stretch]], shared, new, confidence) for stretch in means]
    earlier = [stretch for stretch in means if last is not None and stretch < last]
    apart, judged = ([_mean_row("difference", means[[stretch, last]], shared, new, level) for stretch in earlier]
                     for level in (confidence, 1 - (1 - confidence) / max(len(earlier), 1)))
    apart = [row | {"note": join_notes(CALENDAR, str(row["note"]))} for row in apart]
    return [*rows, *apart, _settled(judged, last) | _counts(shared, new)]


def _counts(shared: pd.DataFrame, new: pd.DataFrame) -> dict[str, int]:
    """What was used: of the new raters' ratings those that meet a fellow rater or gold."""
    return {"n_items": int(shared.groupby(["item_id", "step"], dropna=False).ngroups), "n_raters": int(shared["rater_id"].nunique()),
            "n_ratings": len(shared), "n_dropped": len(new) - len(shared)}


def _mean_row(name: str, means: pd.DataFrame, shared: pd.DataFrame, new: pd.DataFrame, confidence: float) -> dict[str, object]:
    """The mean over raters of one stretch, or of one less another (raters x 1 or 2), with its t interval."""
    means = means.dropna()
    first, own = means.columns[0], means.to_numpy(dtype=float)
    known = own[:, 0] - (own[:, 1] if own.shape[1] == 2 else 0)
    used, n = shared[shared["rater_id"].isin(means.index) & shared["stretch"].isin(means.columns)], len(known)
    asked = new[new["rater_id"].isin(means.index) & (new["stretch"] == first)]
    row = {"from": int(STARTS[first]), "to": int(STARTS[first + 1] - 1) if first + 1 < len(STARTS) else None}
    row |= _counts(used[used["stretch"] == first], asked)
    if n < 2:
        why = "one rater: no interval" if n else "no rater reached both stretches"
        return estimate(name, float(known.mean()) if n else math.nan, note=why) | row
    se = math.sqrt(max(known.var(ddof=1) / n + between(used, first) / n**2, known.var(ddof=1) / n))
    low, high = resample.t_interval(float(known.mean()), se, n - 1, confidence)
    if name == "share":
        low, high = max(low, 0.0), min(high, 1.0)
    return estimate(name, float(known.mean()), low=low, high=high, se=se, confidence=confidence, method="linearized") | row


def between(used: pd.DataFrame, first: int) -> float:
    """What raters' means covary because they meet on items: sum over items of the products of two raters' deviations.

    Two new raters who meet agree or not together, so that their means are not two draws. The deviations of the later stretch,
    the one that is not `first`, count as less.
    """
    groups = used.groupby(["rater_id", "stretch"])["y"]
    influence = (used["y"] - groups.transform("mean")) / groups.transform("size") * np.where(used["stretch"] == first, 1, -1)
    return float((influence.groupby(used["unit"]).sum() ** 2).sum() - (influence**2).sum())


def _settled(apart: list[dict[str, object]], last: int | None) -> dict[str, object]:
    """The items before the first stretch from which on none differs from the last, or why that is not known.

    `apart`: differences with Bonferroni's intervals, or every fifth panel of settled raters would be called unsettled.
    """
    row = estimate("settled_after", math.nan) | {"from": None, "to": None}
    if not apart:
        return row | {"note": "the new raters reached one stretch only"}
    against = f"held against items {STARTS[last]} and on" if last == len(STARTS) - 1 else \
        f"held against items {STARTS[last]}-{STARTS[last + 1] - 1}, the last that new raters reached"
    against += f"; experience counts from the first rating in the data; {CALENDAR}"
    fewest = min(found["n_raters"] for found in apart)
    if fewest < FEWEST:
        return row | {"note": f"{fewest} raters, fewer than {FEWEST}: cannot tell; {against}"}
    differs = [place for place, found in enumerate(apart) if found["low"] > 0 or found["high"] < 0]
    first = differs[-1] + 1 if differs else 0
    if first == len(apart):
        return row | {"note": f"the stretch before it still differs: not settled by then; {against}"}
    reach = (apart[first]["high"] - apart[first]["low"]) / 2
    if reach > WIDE:
        return row | {"note": f"items from {apart[first]['from']} on differ by 0, give or take {reach:.2f}: cannot tell; {against}"}
    return row | {"value": apart[first]["from"] - 1, "note": against}
