"""When streams changed: the windows at which their level turns, with an interval for the date, and what else began or ended then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.measures import METRICS, read_streams
from workbench.drift.starts import baseline_bounds, strays, window_counts
from workbench.drift.streams import WINDOWS, Stream, calendar, stream_columns, stream_name, utc
from workbench.errors import ParameterError, one_of, share_of
from workbench.reduce import tallies

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ("stream", "metric", "at", "low", "high", "size", "size_low", "size_high", "before", "after", "together", "also",
           "confidence", "n_windows", "n_ratings")
FEWEST = 6               # windows of a stream; with fewer, how windows differ by themselves cannot be told from a change
SHORTEST = 2             # windows between two changes
DRAWS = 2000             # of unchanged streams, for the penalty
EVENTS = {"rubric_version": "rubric version", "rater_id": "rater", "task_type": "task type", "system": "system", "batch": "batch",
          "party": "party"}
NEWS = 0.3               # where more than this share of windows bring something new of a kind (batches), it is no news


def change_points(ratings: Ratings, *, metric: str | Sequence[str] = "mean", by: Sequence[str] = (), window: str = "week",
                  confidence: float = 0.95, error_rate: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """When did each stream change, by how much, which streams changed together, and what else changed then? One row a change.

    A stream's level is constant between changes: those are chosen that minimise sum (x - level)^2 / v + penalty x changes (optimal
    partitioning). v is a window's sampling variance plus what windows differ by themselves, by the median difference of neighbours.
    The penalty is what the largest gain of a split exceeds in a share `error_rate` / streams of streams without change, drawn with
    `seed`; so over all streams about that share of unchanged tables has any row. This looks back once: for a look every week, see
    `monitor`. `low` to `high` are the windows that with `confidence` hold the first one of the new level: the smallest set of dates
    that has this share of the likelihood between the neighbouring changes.

    metric, by, window: as in `monitor`; streams never cross a rubric version (a stream of a version begins where that began).

    Columns: `stream` (its name), `metric`, `at` (start of the first window at the new level), `low`, `high`, `size` (new less old
    level) with its interval, `before`, `after` (the levels), `together` (other streams whose interval for the date overlaps), `also`
    (what began or ended from the window before `low` to `high`: rubric version, rater, task type, system, batch, party), `confidence`,
    `n_windows`, `n_ratings`.

    Undefined: streams of fewer than 6 windows have no row; without `rated_at` the table is empty. Errors: `ParameterError` for an
    unknown option.

    Sources: Jackson et al. (2005), doi:10.1109/LSP.2001.838216; Killick, Fearnhead, Eckley (2012), doi:10.1080/01621459.2012.737745;
    Smith (1975), doi:10.1093/biomet/62.2.407, for the date.

    >>> import pandas as pd, workbench as wb
    >>> days = pd.date_range("2026-01-05", periods=16, freq="7D", tz="UTC")
    >>> rows = [{"item_id": f"{d:%j}{i}", "rater_id": "ann", "rated_at": d, "score": 1 + (i * 7 + d.day) % 4 + (d >= days[9])}
    ...         for d in days for i in range(24)]
    >>> str(change_points(wb.read(pd.DataFrame(rows)))["at"][0].date())
    '2026-03-09'
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    for name in metrics:
        one_of("metric", name, METRICS)
    one_of("window", window, WINDOWS)
    share_of("confidence", confidence)
    if not 0 < error_rate < 1:
        raise ParameterError(f"error_rate={error_rate!r} is not a share between 0 and 1. Use 0.05 for at most 5 % false changes.")
    if "rated_at" in ratings.missing:
        return pd.DataFrame(columns=list(COLUMNS))
    keys, counts = stream_columns(ratings, by), window_counts(ratings, window)
    bounds = baseline_bounds(counts, None, window)
    stray = set(counts.index[strays(counts)])
    streams = [s for m in metrics for s in read_streams(ratings, metric=m, by=keys, window=window, baseline=bounds)]
    told = [(s, rows) for s in streams if len(rows := usable(s, stray)) >= FEWEST]
    found = [row for stream, rows in told for row in changes_of(stream, rows, error_rate / len(told), confidence, seed)]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.DataFrame(found).sort_values(["at", "stream", "metric"], kind="stable", ignore_index=True)
    table["together"] = [", ".join(f"{o.metric} of {o.stream}" for o in table.itertuples()
                                   if (o.stream, o.metric) != (r.stream, r.metric) and o.low <= r.high and r.low <= o.high)
                         for r in table.itertuples()]
    began = events(ratings, keys, window)
    table["also"] = ["; ".join(text for at, text in began if counts.index[max(counts.index.get_loc(r.low) - 1, 0)] <= at <= r.high)
                     for r in table.itertuples()]
    return table.assign(confidence=confidence)[list(COLUMNS)]


def usable(stream: Stream, stray: set[pd.Timestamp]) -> pd.DataFrame:
    """The windows that have a value and an error, but for those a wrong clock made."""
    rows = stream.rows
    return rows[rows["value"].notna() & rows["se"].gt(0) & ~rows["window"].isin(stray)].reset_index(drop=True)


def changes_of(stream: Stream, rows: pd.DataFrame, error_rate: float, confidence: float, seed: int) -> list[dict[str, object]]:
    """The rows of one stream."""
    from scipy.special import ndtri

    x, variance = rows["value"].to_numpy(dtype=float), rows["se"].to_numpy(dtype=float) ** 2
    variance = variance + between(x, variance)
    ends = partition(x, variance, penalty(len(x), error_rate, seed))
    made, z = [], float(ndtri(0.5 + confidence / 2))
    for before, at, after in zip([0, *ends], ends, [*ends[1:], len(x)]):
        low, high = dates(x[before:after], variance[before:after], confidence)
        (old, old_weight), (new, new_weight) = level(x[before:at], variance[before:at]), level(x[at:after], variance[at:after])
        se = math.sqrt(1 / old_weight + 1 / new_weight)
        made.append({"stream": stream_name(stream.key), "metric": stream.metric, "at": rows["window"][at],
                     "low": rows["window"][before + low], "high": rows["window"][before + high], "size": new - old,
                     "size_low": new - old - z * se, "size_high": new - old + z * se, "before": old, "after": new,
                     "n_windows": after - before, "n_ratings": int(rows["n_ratings"][before:after].sum())})
    return made


def level(x: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Weighted mean and its weight."""
    return float(np.average(x, weights=1 / variance)), float((1 / variance).sum())


def between(x: np.ndarray, variance: np.ndarray) -> float:
    """What windows differ by beyond their sampling variance: by neighbours' median absolute difference, which a few changes of level
    do not move."""
    spread = np.median(np.abs(np.diff(x))) / (0.6745 * math.sqrt(2))
    return max(0.0, float(spread**2 - np.median(variance)))


def partition(x: np.ndarray, variance: np.ndarray, cost: float) -> list[int]:
    """Where segments begin, but the first: minimises the weighted squares within segments plus `cost` for each change."""
    sums = np.concatenate([np.zeros((3, 1)), np.cumsum([1 / variance, x / variance, x**2 / variance], axis=1)], axis=1)
    best, last = np.full(len(x) + 1, math.inf), np.zeros(len(x) + 1, dtype=int)
    best[0] = -cost
    for end in range(SHORTEST, len(x) + 1):
        weight, moment, square = sums[:, [end]] - sums[:, :end - SHORTEST + 1]
        total = best[:end - SHORTEST + 1] + square - moment**2 / weight + cost
        last[end] = int(np.argmin(total))
        best[end] = total[last[end]]
    ends, at = [], len(x)
    while (at := last[at]) > 0:
        ends.append(int(at))
    return ends[::-1]


def penalty(n: int, error_rate: float, seed: int) -> float:
    """The gain that the best single split of n windows of pure noise exceeds in a share `error_rate` of streams.

    Of so rare a gain there are no draws: beyond a share of 0.02 its tail is continued as that of a squared normal.
    """
    from scipy.special import ndtri

    noise = np.random.default_rng(seed).normal(size=(DRAWS, n))
    k = np.arange(SHORTEST, n - SHORTEST + 1)
    sums = np.cumsum(noise, axis=1)
    gain = ((sums[:, k - 1] - sums[:, [-1]] * k / n) ** 2 / (k * (1 - k / n))).max(axis=1)
    if error_rate >= 0.02:
        return float(np.quantile(gain, 1 - error_rate))
    known = float(np.quantile(gain, 0.98))
    ways = 0.02 / (2 * float(0.5 * math.erfc(math.sqrt(known / 2))))    # independent splits that would exceed it as often
    return float(ndtri(error_rate / (2 * ways)) ** 2)


def dates(x: np.ndarray, variance: np.ndarray, confidence: float) -> tuple[int, int]:
    """First and last place of the likeliest starts of the new level that together have `confidence` of the likelihood."""
    k = np.arange(1, len(x))
    weight, moment = np.cumsum(1 / variance), np.cumsum(x / variance)
    shift = moment[k - 1] - moment[-1] * weight[k - 1] / weight[-1]
    gain = shift**2 / (weight[k - 1] * (1 - weight[k - 1] / weight[-1])) / 2
    share = np.exp(gain - gain.max())
    order = np.argsort(-share, kind="stable")
    held = k[order[:int(np.searchsorted(np.cumsum(share[order]), confidence * share.sum())) + 1]]
    return int(held.min()), int(held.max())


def events(ratings: Ratings, keys: Sequence[str], window: str) -> list[tuple[pd.Timestamp, str]]:
    """What began or ended in which window, but in the first and last of all."""
    whole = calendar(ratings, window)[window].dropna().agg(["min", "max", "nunique"])
    made: list[tuple[pd.Timestamp, str]] = []
    for column, name in ((column, name) for column, name in EVENTS.items() if column not in ratings.missing):
        own = tallies(ratings, by=[column, window]).dropna(subset=[column, window])
        for moment, end, verb in (("first", "min", "first seen"), ("last", "max", "not seen since")):
            rows = own.drop_duplicates(column, keep=moment)
            rows = rows[rows[window] != whole[end]]
            if rows[window].nunique() > NEWS * whole["nunique"] and column != "rater_id":
                continue
            made += [(utc(at), f"{name} {', '.join(map(str, then[column].head(5)))}{' and more' * (len(then) > 5)} {verb} in "
                               f"{utc(at):{'%G-W%V' if window == 'week' else '%Y-%m'}}") for at, then in rows.groupby(window)]
    return sorted(made)
