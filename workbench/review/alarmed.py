"""The queue of units behind an open alarm: what was rated since, furthest the way the stream went first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.review.keys import ALIKE, KEY, keys_of, lots
from workbench.review.lists import decoded, flat, listed

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

METRICS = ("answers", "agreement")      # what `drift.ipynb` watches
SHARE = "share of "


def alarms(ratings: Ratings, seed: int) -> pd.DataFrame:
    """Units rated since a stream of `drift.monitor` went into the alarm it is still in, those furthest the way it went first.

    Watched are answers and agreement, by criterion and rubric version. metric: of the stream. value: the unit's own mean, share of the
    level, or share of its rater pairs that agree; reference: the stream's baseline; since: the window from which it is in alarm. Ordered by
    how many standard deviations of the stream's units a unit lies from their mean, the stream's way; of several streams the one with
    most; equal ones by lot. attrs["why"]: that no alarm is open.
    """
    from workbench.drift.watch import monitor
    from workbench.reduce.collect import remembered

    watched = remembered(ratings, ("alarms",), lambda: monitor(ratings, metric=METRICS))
    last = watched.drop_duplicates([c for c in (*KEY, "metric") if c in watched], keep="last") if len(watched) else watched
    parts = [behind(ratings, row) for row in last[last["alarm"].astype(bool)].to_dict("records")] if len(last) else []
    if not parts:
        frame = pd.DataFrame(columns=[*KEY, "n_ratings", "metric", "value", "reference", "since"])
        frame.attrs["why"] = "The ratings bear no dates: nothing can be watched." if watched.empty else \
            f"No alarm is open: of {len(last):,} streams of answers and agreement none is in alarm in its last window."
        return frame
    frame = pd.concat(parts, ignore_index=True)
    order = np.lexsort([lots(frame, seed), -frame["n_ratings"].to_numpy(dtype=float), -frame["_far"].round(ALIKE).to_numpy()])
    return frame.drop(columns="_far").iloc[order].drop_duplicates(list(KEY)).reset_index(drop=True)


def behind(ratings: Ratings, row: dict[str, object]) -> pd.DataFrame:
    """The units of one stream since it is in alarm, with `_far`."""
    from workbench.reduce.scan import facts

    of = {c: row[c] for c in ("criterion", "rubric", "rubric_version") if c in row}
    own = ratings.where(**of).between(row["alarmed_since"], None)
    table, scales = listed(own), facts(ratings).scales
    frame = keys_of(table)
    if frame.empty:
        return frame
    size, _, level = decoded(table)
    score = flat(table["scores"]) if "scores" in table.column_names else level
    scale = scales[tuple(frame[["rubric", "rubric_version", "criterion"]].iloc[0])]
    value = measured(str(row["metric"]), np.repeat(np.arange(len(size)), size), size, level, score, scale)
    way = np.sign(float(row["value"]) - float(row["reference"]))
    spread = np.nanstd(value) if np.isfinite(value).any() else 0.0
    far = way * (value - np.nanmean(value)) / spread if spread > 0 else np.zeros(len(value))
    frame = frame.assign(n_ratings=size, metric=row["metric"], value=value, reference=row["reference"], since=row["alarmed_since"],
                         _far=far)
    return frame[np.isfinite(value)]


def measured(metric: str, unit: np.ndarray, size: np.ndarray, level: np.ndarray, score: np.ndarray,
             scale: Scale) -> np.ndarray:
    """(U,) each unit's own value of a stream's metric; nan where it has none, as agreement of one rating."""
    if metric == "agreement":
        counts = np.zeros((len(size), level.max(initial=0) + 1))
        np.add.at(counts, (unit, level), 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (counts * (counts - 1)).sum(axis=1) / (size * (size - 1))
    given = (level == scale.levels.index(metric.removeprefix(SHARE))).astype(float) if metric.startswith(SHARE) else \
        np.asarray(scale.values)[level] if scale.levels else score
    return np.bincount(unit, given, len(size)) / size
