"""Streams: what is measured in each window of time, with its sampling error, one row a stream and window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.estimate import Sums
from workbench.agreement.percent import percent_sums
from workbench.errors import one_of
from workbench.reduce import facts, instrument, moments, patterns

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

METRICS = ("mean", "levels", "agreement", "answers")
WINDOWS = ("week", "month")
MAX_LEVELS = 8
MEASURED = ("metric", "window", "value", "low", "high", "se", "units", "unit_variance", "skew",
            "n_items", "n_raters", "n_ratings", "n_dropped", "note")


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


def window_values(ratings: Ratings, *, metric: str, by: Sequence[str], window: str, confidence: float = 0.95) -> pd.DataFrame:
    """Per stream and window the metric with its interval over items: the columns of `by` (the stream's), then `MEASURED`.

    Where `prompt_id` is known, answers to one prompt are not independent, and prompts take the place of items in the error.
    units: independent ones in the window; unit_variance: their variance about the value, so that the squared error is
    unit_variance / units. skew: of the units' contributions. Ratings without a time are left out.
    """
    one_of("metric", metric, METRICS)
    one_of("window", window, WINDOWS)
    rows = []
    for single, told in apart_by_scale(ratings, metric):
        reduction = moments if single == "mean" else patterns
        for group in reduction(told, by=[*by, window], cluster=prompts_of(ratings)):
            if group.key[window] is not None:
                place = {**{c: group.key[c] for c in by}, "window": utc(group.key[window])}
                rows += [{**place, **measured(name, sums, group, confidence)} for name, sums in sums_of(group, single)]
    table = pd.DataFrame(rows, columns=[*by, *MEASURED])
    shares = table["metric"].astype(str).str.startswith("share of ")
    table = pd.concat([table[~shares], frequent(table[shares], by)], ignore_index=True) if shares.any() else table
    return table.sort_values([*by, "metric", "window"], kind="stable", ignore_index=True)


def apart_by_scale(ratings: Ratings, metric: str) -> list[tuple[str, Ratings]]:
    """What to measure on which criteria: exact agreement and level shares need levels, "answers" asks for what a scale has."""
    scales = facts(ratings).scales
    nominal = sorted({criterion for (_, _, criterion), scale in scales.items() if scale.name == "nominal"})
    levelled = sorted({criterion for (_, _, criterion), scale in scales.items() if scale.name in ("nominal", "ordinal")})
    scored = sorted({criterion for _, _, criterion in scales} - set(nominal))
    wanted = {"mean": [("mean", None)], "levels": [("levels", levelled)], "agreement": [("agreement", levelled)],
              "answers": [("mean", scored), ("levels", nominal)]}[metric]
    return [(name, ratings if only is None else ratings.where(criterion=only)) for name, only in wanted if only is None or only]


def prompts_of(ratings: Ratings) -> str | None:
    """The column of prompts, where every rating has one."""
    if "prompt_id" in ratings.missing or ratings.where(prompt_id=None).count():
        return None
    return "prompt_id"


def utc(moment: object) -> pd.Timestamp:
    """A window's beginning with its zone."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def sums_of(group: Moments | Patterns, metric: str) -> Iterator[tuple[str, Sums]]:
    """The group's metrics by name, each as a formula of totals over items."""
    if metric == "mean":
        reason = "nominal levels have no mean: use metric='levels'" if group.scale == "nominal" else ""
        yield "mean", ratio(group, group.total, group.n, reason, group.center)
    elif metric == "agreement":
        yield "agreement", percent_sums(group)
    else:
        each = np.asarray(group.counts.sum(axis=1), dtype=float).ravel()
        columns = group.counts if isinstance(group.counts, np.ndarray) else group.counts.tocsc()
        for place in np.flatnonzero(np.asarray(group.weight @ group.counts).ravel()):
            column = columns[:, [place]]
            column = column if isinstance(column, np.ndarray) else column.toarray()
            yield f"share of {group.levels[place]}", ratio(group, column.ravel(), each)


def ratio(group: Moments | Patterns, above: np.ndarray, below: np.ndarray, reason: str = "", center: float = 0.0) -> Sums:
    """`center` + sum(above) / sum(below), over items."""
    formula: Callable[[np.ndarray], np.ndarray] = lambda totals: center + totals[..., 0] / totals[..., 1]  # noqa: E731
    return Sums(formula, np.column_stack([above, below]), group.weight, group.cluster, group.n_items, group.n_ratings, reason)


def measured(name: str, sums: Sums, group: Moments | Patterns, confidence: float) -> dict[str, object]:
    """One row: the value, its linearised error over units, and what the units are like."""
    terms, weight, units = sums.terms, sums.weight, float(sums.n_items)
    if sums.cluster is not None and len(weight):
        terms, weight = resample.merge(terms, weight, sums.cluster)
        units = float(min(units, len(weight)))
    total = weight @ terms
    value = math.nan if sums.reason or not len(weight) else float(resample.value(sums.formula, total))
    row = {"metric": name, "value": value, "n_items": group.n_items, "n_raters": group.n_raters, "n_ratings": sums.n_ratings,
           "n_dropped": group.n_dropped + group.n_ratings - sums.n_ratings, "units": units, "note": sums.reason}
    if math.isnan(value) or units < 2:
        return row | {"note": sums.reason or ("" if value == value else "not defined in this window")}
    influence = np.asarray(terms @ resample.gradient(sums.formula, total)).ravel()
    second, third = float(weight @ influence**2), float(weight @ influence**3)
    varies = second > 1e-24 * value**2      # more than rounding leaves, whatever the scores' unit
    se = math.sqrt(units / (units - 1) * second)
    low, high = resample.t_interval(value, se, units - 1, confidence) if varies else (math.nan, math.nan)
    skew = third / second**1.5 * math.sqrt(weight.sum()) if varies else math.nan
    return row | {"low": low, "high": high, "se": se, "unit_variance": se**2 * units, "skew": skew}


def frequent(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The most frequent levels of each stream, with a row of share 0 for windows in which one does not occur."""
    filled = []
    for key, rows in table.groupby(list(by), dropna=False, sort=False):
        sizes = rows.groupby("window")[["n_items", "n_raters", "n_ratings", "n_dropped", "units"]].first()
        shares = rows.pivot(index="metric", columns="window", values="value").fillna(0.0)
        for name in (shares @ sizes["n_ratings"]).sort_values(ascending=False, kind="stable").index[:MAX_LEVELS]:
            part = rows[rows["metric"] == name].set_index("window").reindex(sizes.index)
            gone = part["value"].isna()
            part = part.fillna({"metric": name, "value": 0.0, "se": 0.0, "unit_variance": 0.0, "note": ""})
            part.loc[gone, sizes.columns] = sizes.loc[gone, :]
            filled.append(part.assign(**dict(zip(by, key))).reset_index())
    whole = pd.concat(filled, ignore_index=True)[[*by, *MEASURED]]
    counts = ["n_items", "n_raters", "n_ratings", "n_dropped"]
    return whole.assign(**{c: whole[c].astype("int64") for c in counts})
