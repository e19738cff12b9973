"""From evidence to alarms: which of many streams are in alarm at each look, and what was shown otherwise before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.errors import ParameterError


def with_alarms(streams: Sequence[pd.DataFrame], error_rate: float) -> list[pd.DataFrame]:
    """The streams' rows with `alarm`, `alarmed_since`, `alarm_at` and `ever_alarmed`, all windows of one start of the monitor.

    alarm: e-BH at this look over the streams as they then stand (Wang, Ramdas 2022, doi:10.1111/rssb.12489): with k streams at m /
    (k error_rate) or above, m streams watched, these are in alarm, of which on average at most `error_rate` are false. `ever_alarmed`:
    m / error_rate was reached, which at most a share `error_rate` of unchanged tables ever sees, in any stream (e-Bonferroni).
    """
    watched = [rows["e_value"].notna().any() for rows in streams]
    m = max(1, sum(watched))
    table = pd.DataFrame({i: rows.set_index("window")["e_value"] for i, rows in enumerate(streams) if watched[i]}).sort_index().ffill()
    alarm_at = pd.Series(alarm_bar(table.fillna(0).to_numpy(), m, error_rate), index=table.index)
    return [alarmed(rows, rows["window"].map(alarm_at).fillna(m / error_rate), m / error_rate) for rows in streams]


def alarm_bar(e_values: np.ndarray, m: int, error_rate: float) -> np.ndarray:
    """The evidence that e-BH asks for at each look (T,), with m streams watched; e_values (T, m)."""
    ranked = -np.sort(-e_values, axis=1)
    bar = m / (np.arange(1, ranked.shape[1] + 1) * error_rate)
    rejected = np.where(ranked >= bar, np.arange(1, len(bar) + 1), 0).max(axis=1, initial=0)
    return m / (np.maximum(rejected, 1) * error_rate)


def alarmed(rows: pd.DataFrame, alarm_at: pd.Series, ever_at: float) -> pd.DataFrame:
    """One stream with its alarms."""
    alarm = rows["e_value"].ge(alarm_at)
    begun = alarm & ~alarm.shift(1, fill_value=False)
    since = rows["window"].where(begun).ffill().where(alarm)
    return rows.assign(alarm=alarm, alarmed_since=pd.to_datetime(since, utc=True), alarm_at=alarm_at,
                       ever_alarmed=rows["e_value"].ge(ever_at).cummax())


def revised(monitored: pd.DataFrame, *, earlier: pd.DataFrame) -> pd.DataFrame:
    """Which windows were shown otherwise before? `monitored` with `revised`, `value_before` and `n_ratings_before`.

    A window is revised where ratings came, went or changed after `earlier` was made: its number of ratings or its value differ. Its
    evidence, and that of all later windows, is then not what was looked at; the error rate holds for the values as they are now, not
    for reading both. The earlier table's last window may have been open: what it gained since is no revision.

    monitored, earlier: two tables of `drift.monitor` with the same `metric`, `by` and `window`. Errors: `ParameterError` where their
    columns differ.

    >>> import pandas as pd, workbench as wb
    >>> days = pd.date_range("2026-01-05", periods=20, freq="D", tz="UTC")
    >>> frame = pd.DataFrame({"item_id": [f"i{d}" for d in range(20)], "rater_id": "ann", "rated_at": days, "score": [1, 2] * 10})
    >>> then, now = (wb.drift.monitor(wb.read(f)) for f in (frame, frame.drop(index=3)))
    >>> revised(now, earlier=then)["revised"].tolist()
    [True, False, False]
    """
    keys = list(monitored.columns[:list(monitored.columns).index("window") + 1])
    if list(earlier.columns) != list(monitored.columns):
        raise ParameterError(f"earlier= has other columns than the table: {sorted(set(earlier.columns) ^ set(monitored.columns))}. "
                             "Give a table that drift.monitor made with the same metric, by and window.")
    text = [frame[keys].astype("object").where(frame[keys].notna(), None).map(str).agg("\n".join, axis=1) if len(frame) else
            pd.Series(dtype=object) for frame in (monitored, earlier)]
    then = earlier[["value", "n_ratings"]].set_axis(text[1]).reindex(text[0])
    closed = (monitored["window"] < earlier["window"].max()).to_numpy()
    other = (then["n_ratings"].to_numpy() != monitored["n_ratings"].to_numpy()) | \
        ~np.isclose(then["value"].to_numpy(dtype=float), monitored["value"].to_numpy(dtype=float), rtol=1e-9, atol=0, equal_nan=True)
    return monitored.assign(revised=closed & other, value_before=then["value"].to_numpy(),
                            n_ratings_before=then["n_ratings"].astype("Int64").to_numpy())
