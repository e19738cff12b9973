"""Streams: what is measured in each window of time, with its sampling error, one row a stream and window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.estimate import Sums
from workbench.reduce import instrument, tallies
from workbench.reduce.collect import remembered

if TYPE_CHECKING:
    from workbench.ratings import Ratings

WINDOWS = ("week", "month")
MEASURED = ("metric", "window", "value", "low", "high", "se", "units", "unit_variance", "skew",
            "n_items", "n_raters", "n_ratings", "n_dropped", "note")
Members = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Window:
    """One window of one stream. sums: the metric as a formula of totals over items. start: when it begins. of_units: the metric is
    sum(above) / sum(below) over units that do not depend on each other, the columns of `sums.terms`."""

    start: pd.Timestamp
    sums: Sums
    n_items: int
    n_raters: int
    n_ratings: int
    n_dropped: int
    of_units: bool = True


@dataclass(frozen=True)
class Stream:
    """One metric of one slice. rows: a row a window, in order, the columns `MEASURED`. units: for each row the units' (above, below,
    weight), or None where the metric is not a share or mean of units. members: for each factor whose levels make windows depend on
    each other, raters or batches, arrays (member, row, n, total, squares)."""

    key: Mapping[str, object]
    metric: str
    rows: pd.DataFrame
    units: list[tuple[np.ndarray, np.ndarray, np.ndarray]] | None
    members: tuple[Members, ...] = ()


def stream_columns(ratings: Ratings, by: Sequence[str]) -> list[str]:
    """What tells streams apart: the instrument, always its version, then `by`. No stream crosses a rubric version."""
    return list(dict.fromkeys((*instrument(ratings), "rubric_version", *by)))


def key_columns(monitored: pd.DataFrame) -> list[str]:
    """The columns of a monitor's table that tell streams apart."""
    return list(monitored.columns[:list(monitored.columns).index("metric")])


def stream_name(key: Mapping[str, object]) -> str:
    """A stream as a reader names it: "accuracy, rubric version 2"."""
    level = {k: "(none)" if v is None or v != v else str(v) for k, v in key.items()}
    return ", ".join([level.pop("criterion", ""), *(f"{k.replace('_', ' ')} {v}" for k, v in level.items())]).strip(", ")


def calendar(ratings: Ratings, window: str) -> pd.DataFrame:
    """What is there of each criterion and batch in each window (missing where ratings have no time), whoever rated: n, n_rated_at (dated),
    n_prompt_id (with a prompt), first and last (rated_at). Counted once for all that is asked of it."""
    keys = ["criterion", *(["batch"] if "batch" not in ratings.missing else []), window]
    return remembered(ratings, ("calendar", window), lambda: tallies(ratings, by=keys, given=["rated_at", "prompt_id"]))


def prompts_of(ratings: Ratings, window: str, only: Sequence[str] | None = None) -> str | None:
    """The column of prompts, where every rating has one, of these criteria alone."""
    found = calendar(ratings, window)
    found = found if only is None else found[found["criterion"].isin(only)]
    return None if "prompt_id" in ratings.missing or (found["n_prompt_id"] < found["n"]).any() else "prompt_id"


def utc(moment: object) -> pd.Timestamp:
    """A window's beginning with its zone."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def stream_of(key: Mapping[str, object], metric: str, windows: Sequence[Window], *, members: Sequence[Members] = (),
              confidence: float = 0.95) -> Stream:
    """A stream from its windows; members' rows are given by their place in `windows`."""
    order = sorted(range(len(windows)), key=lambda i: windows[i].start)
    made = [measured(metric, windows[i], confidence) for i in order]
    place = np.argsort(order)
    units = [m[1] for m in made] if all(w.of_units for w in windows) else None
    return Stream(key, metric, pd.DataFrame([m[0] for m in made], columns=list(MEASURED)), units,
                  tuple((m[0], place[m[1]], *m[2:]) for m in members if len(m[0])))


def ratio(above: np.ndarray, below: np.ndarray, weight: np.ndarray, cluster: np.ndarray | None = None, *, n_items: int = 0,
          n_ratings: int = 0, center: float = 0.0, reason: str = "") -> Sums:
    """`center` + sum(above) / sum(below), over items."""
    return Sums(lambda totals: center + totals[..., 0] / totals[..., 1], np.column_stack([above, below]), weight, cluster,
                n_items, n_ratings, reason)


def measured(name: str, window: Window, confidence: float) -> tuple[dict[str, object], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One row: the value, its linearised error over units, and what the units are like; and the units."""
    sums = window.sums
    terms, weight = sums.terms, sums.weight
    if sums.cluster is not None and len(weight):
        terms, weight = by_cluster(terms, weight, sums.cluster)
    units = float(min(sums.n_items, weight.sum()))
    total = weight @ terms
    value = math.nan if sums.reason or not len(weight) else float(resample.value(sums.formula, total))
    row = {"metric": name, "window": window.start, "value": value, "n_items": window.n_items, "n_raters": window.n_raters,
           "n_ratings": sums.n_ratings, "n_dropped": window.n_dropped + window.n_ratings - sums.n_ratings, "units": units,
           "note": sums.reason}
    own = (resample.dense(terms)[:, 0], resample.dense(terms)[:, 1], weight.astype(float)) if window.of_units else ()
    if math.isnan(value) or units < 2:
        return row | {"note": sums.reason or ("" if value == value else "not defined in this window")}, own
    influence = np.asarray(terms @ resample.gradient(sums.formula, total)).ravel()
    second, third = float(weight @ influence**2), float(weight @ influence**3)
    varies = second > 1e-24 * value**2      # more than rounding leaves, whatever the scores' unit
    se = math.sqrt(units / (units - 1) * second) if varies else 0.0
    low, high = resample.t_interval(value, se, units - 1, confidence) if varies else (math.nan, math.nan)
    skew = third / second**1.5 * math.sqrt(weight.sum()) if varies else math.nan
    return row | {"low": low, "high": high, "se": se, "unit_variance": se**2 * units, "skew": skew}, own


def by_cluster(terms: resample.Terms, weight: np.ndarray, cluster: np.ndarray) -> tuple[resample.Terms, np.ndarray]:
    """As `resample.merge`, without the fixed cost of a sparse product: there are thousands of windows, of few rows each."""
    if not isinstance(terms, np.ndarray):
        return resample.merge(terms, weight, cluster)
    _, code = np.unique(cluster, return_inverse=True)
    summed = np.column_stack([np.bincount(code, weight * column) for column in terms.T])
    return summed, np.ones(len(summed))
