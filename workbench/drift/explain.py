"""The streams that matter most, and the last change of each split into its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.mix import parts_of, read_cells, with_drawn
from workbench.drift.people_frame import INSTRUMENT, WANTED, rated
from workbench.drift.streams import key_columns, stream_columns, stream_name

if TYPE_CHECKING:
    from workbench.ratings import Ratings

EXPLAINED = ("stream", "part", "value", "low", "high", "share", "before", "after", "alarmed", "confidence",
             "n_items", "n_raters", "n_ratings", "note")
RECENT = 120             # windows of a stream that a chart can hold


def changes(ratings: Ratings, monitored: pd.DataFrame, *, by: Sequence[str] = ("task_type", "system"), window: str = "week",
            draws: int = 300, seed: int = 0) -> pd.DataFrame:
    """What made the last change of each stream of the mean? `decompose` of its baseline against the windows of its last alarm.

    A stream that never was in alarm is held against its last window. One table, the stream's columns first, then `stream`
    (its name), `part`, `value`, `low`, `high`, `share`, `before` and `after` (which windows, as text) and `alarmed` (in alarm
    now or before). Streams in alarm come first.

    ratings: what was monitored. monitored: from `drift.monitor(ratings, metric="mean", window=window)`. by: columns whose mix may
    have changed; those that the ratings lack are left out, and with none left the change is one part, "within cells".

    Undefined: empty where nothing was watched.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    >>> changes(ratings, wb.drift.monitor(ratings)).empty
    True
    """
    keys = key_columns(monitored)
    told = monitored[(monitored["metric"] == "mean") & monitored["value"].notna()]
    told = told[told["start"] == monitored["start"].max()]
    keys = [c for c in keys if c != "rater_id" or told[c].notna().any()]
    if told.empty or not told["phase"].eq("watched").any():
        return pd.DataFrame(columns=[*keys, *EXPLAINED])
    by = [c for c in by if c not in ratings.missing and c not in keys]
    frame = dated(ratings, by, window, keys)
    used = by or ["_all"]
    frame = frame if by else frame.assign(_all="")
    own = {stream_name(dict(zip(keys, key))): rows for key, rows in frame.groupby(keys, dropna=False)}
    ranked = sorted(told.groupby(keys, dropna=False, sort=False), key=lambda part: urgency(part[1]), reverse=True)
    named = [(stream_name(dict(zip(keys, key))), dict(zip(keys, key)), rows) for key, rows in ranked]
    streams = [split(rows, own[name], key, used, window, draws, seed) for name, key, rows in named
               if name in own and rows["phase"].eq("watched").any()]
    filled = [s for s in streams if len(s)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=[*keys, *EXPLAINED])
    table = table[~table["part"].eq("mix of _all")]
    return table[[*keys, *EXPLAINED]].reset_index(drop=True)


def turns(ratings: Ratings, turned: pd.DataFrame, *, by: Sequence[str] = ("task_type", "system"), streams: Sequence[str] = (),
          window: str = "week", draws: int = 300, seed: int = 0) -> pd.DataFrame:
    """What made each change of a mean that `change_points` dates? `decompose` of the windows at the old level against those at the new.

    One table: `at`, then as `changes`. turned: from `drift.change_points(ratings, by=streams, window=window)`. by: columns whose mix may
    have changed. Empty where no mean changed.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    >>> turns(ratings, wb.drift.change_points(ratings)).empty
    True
    """
    means = turned[turned["metric"] == "mean"]
    if means.empty:
        return pd.DataFrame(columns=["at", *EXPLAINED])
    keys = stream_columns(ratings, streams)
    by = [c for c in by if c not in ratings.missing and c not in keys]
    frame = dated(ratings, by, window, keys).assign(_all="")
    rows = []
    for key, own in frame.groupby(keys, dropna=False):
        name = stream_name(dict(zip(keys, key)))
        dates = sorted(means.loc[means["stream"] == name, "at"])
        ends = [own["_window"].min(), *dates, None]
        for first, at, end in zip(ends, ends[1:], ends[2:]):
            old = own[(own["_window"] >= first) & (own["_window"] < at)]
            new = own[(own["_window"] >= at) & (own["_window"] < end if end is not None else True)]
            if len(old) and len(new):
                said = {"at": at, "stream": name, "before": span(old["_window"], window), "after": span(new["_window"], window)}
                rows.append(parts_of(old, new, by=by or ["_all"], draws=draws, seed=seed).assign(**said, alarmed=False))
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["at", *EXPLAINED])
    return table[~table["part"].eq("mix of _all")].reindex(columns=["at", *EXPLAINED]).reset_index(drop=True)


def dated(ratings: Ratings, by: Sequence[str], window: str, keys: Sequence[str]) -> pd.DataFrame:
    """`read_cells` with `_window`, of ratings with a time; where `contributors` asks for the same, what it read."""
    same = {"criterion", "rubric_version"} <= set(keys) <= set(INSTRUMENT) and set(by) <= set(WANTED)
    frame = with_drawn(rated(ratings, window)) if same else read_cells(ratings, [*by, window], groups=keys)
    frame = frame[frame[window].notna()]
    return frame.assign(_window=pd.to_datetime(frame[window], utc=True))


def strongest(monitored: pd.DataFrame, *, streams: int = 4) -> pd.DataFrame:
    """The streams with the most evidence of change, for a chart: all columns and `stream`, the name; the latest 120 windows.

    monitored: one or more tables of `drift.monitor`. streams: how many. Those in alarm now come first, then those that were.

    >>> import pandas as pd, workbench as wb
    >>> strongest(wb.drift.monitor(wb.from_matrix(pd.DataFrame({"ann": [1, 2]})))).empty
    True
    """
    keys = key_columns(monitored)
    if monitored.empty:
        return monitored.assign(stream="")
    latest = monitored[monitored["start"] == monitored["start"].max()]
    parts = latest.groupby([*keys, "metric"], dropna=False, sort=False)
    ranked = sorted(parts, key=lambda part: urgency(part[1]), reverse=True)
    return pd.concat([rows.tail(RECENT).assign(stream=stream_name(dict(zip(keys, key)))) for key, rows in ranked[:streams]],
                     ignore_index=True)


def urgency(rows: pd.DataFrame) -> tuple[bool, bool, float]:
    """How a stream ranks: in alarm now, in alarm before, by its evidence."""
    return bool(rows["alarm"].iloc[-1]), bool(rows["alarm"].any()), float(rows["e_value"].fillna(0).max())


def split(rows: pd.DataFrame, frame: pd.DataFrame, key: dict[str, object], by: Sequence[str], window: str, draws: int,
          seed: int) -> pd.DataFrame:
    """One stream's parts, its baseline against the windows of its last alarm or its last window."""
    baseline = rows.loc[rows["phase"] == "baseline", "window"]
    late = last_alarm(rows)
    old, new = (frame[frame["_window"].isin(windows)] for windows in (baseline, late))
    if not len(old) or not len(new):
        return pd.DataFrame()
    said = {"stream": stream_name(key), "before": span(baseline, window), "after": span(late, window),
            "alarmed": bool(rows["alarm"].any())}
    return parts_of(old, new, by=by, draws=draws, seed=seed).assign(**key, **said)


def last_alarm(rows: pd.DataFrame) -> pd.Series:
    """The windows of the last run of alarms, or the last window watched."""
    if not rows["alarm"].any():
        return rows.loc[rows["phase"] == "watched", "window"].tail(1)
    runs = (rows["alarm"] != rows["alarm"].shift()).cumsum()
    return rows.loc[rows["alarm"] & (runs == runs[rows["alarm"]].max()), "window"]


def span(windows: pd.Series, window: str) -> str:
    """First and last window as a period is written."""
    ends = [f"{w:%G-W%V}" if window == "week" else f"{w:%Y-%m}" for w in (windows.min(), windows.max())]
    return ends[0] if len(np.unique(ends)) == 1 else f"{ends[0]} to {ends[1]}"
