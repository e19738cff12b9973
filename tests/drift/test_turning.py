"""When streams changed: dates by hand and against ruptures, their intervals on planted truth, what else began then, and each lack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench import resample
from workbench.drift.streams import Window, measured, ratio
from workbench.drift.turning import COLUMNS, between, dates, partition, penalty
from workbench.errors import ParameterError

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


def programme(levels: list[float], *, items: int = 60, seed: int = 0, **columns: object) -> pd.DataFrame:
    """One rating an item, a week for each of `levels`, the mean score there."""
    rng = np.random.default_rng(seed)
    week = np.arange(len(levels)).repeat(items)
    frame = pd.DataFrame({"item_id": [f"{w}-{i}" for w, i in zip(week, range(len(week)))], "rater_id": "ann",
                          "score": np.array(levels)[week] + rng.normal(0, 1, len(week)),
                          "rated_at": MONDAY + pd.to_timedelta(7 * week + 1, unit="D")})
    return frame.assign(**columns)


def cost(x: np.ndarray, ends: list[int]) -> float:
    """Squares within segments and 6 for each change."""
    return sum(((part - part.mean()) ** 2).sum() for part in np.split(x, ends)) + 6.0 * len(ends)


def test_a_partition_by_hand() -> None:
    # 0 0 4 4: one level 2 costs 4 * 4 = 16, two levels cost 0 and the penalty
    x, variance = np.array([0.0, 0, 4, 4]), np.ones(4)
    assert partition(x, variance, 15.9) == [2] and partition(x, variance, 16.1) == []
    assert partition(x, 4 * variance, 3.9) == [2] and partition(x, 4 * variance, 4.1) == []


def test_items_that_are_all_alike_leave_an_error_of_0_and_not_of_rounding() -> None:
    # the pairs of each item agree in two of three: the mean is 2/3 without error, which rounding made 1e-17, a weight beyond all others'
    pairs = np.array([25.0, 19.0, 15.0, 8.0, 9.0, 2.0])
    window = Window(MONDAY, ratio(2 / 3 * pairs, pairs, np.ones(6), n_items=6), n_items=6, n_raters=3, n_ratings=18, n_dropped=0)
    influence = window.sums.terms @ resample.gradient(window.sums.formula, window.sums.terms.sum(axis=0))
    assert 0 < np.abs(influence).max() < 1e-15
    row, _ = measured("agreement", window, 0.95)
    assert (row["se"], row["unit_variance"]) == (0.0, 0.0) and np.isnan(row["low"])


def test_partitions_equal_those_of_ruptures() -> None:
    import ruptures

    rng = np.random.default_rng(5)
    for _ in range(4):
        x = rng.normal(0, 1, 50) + np.repeat(rng.normal(0, 2, 5), 10)
        theirs = ruptures.Dynp(model="l2", min_size=2, jump=1).fit(x)
        ours = partition(x, np.ones(50), 6.0)
        assert ours == (theirs.predict(n_bkps=len(ours))[:-1] if ours else [])
        assert all(cost(x, ours) <= cost(x, theirs.predict(n_bkps=k)[:-1]) + 1e-9 for k in range(1, 8))


def test_what_windows_differ_by_is_not_moved_by_a_change_of_level() -> None:
    x = np.random.default_rng(1).normal(0, 1, 400) + 5.0 * (np.arange(400) > 200)
    assert between(x, np.full(400, 0.5)) == pytest.approx(0.5, abs=0.25)      # variance 1 in all, 0.5 of it sampling


def test_the_penalty_is_exceeded_as_often_as_it_says() -> None:
    rng, n = np.random.default_rng(2), 30
    noise = rng.normal(size=(2000, n))
    for rate in (0.05, 0.005):
        cost = penalty(n, rate, seed=0)
        hit = np.mean([len(partition(x, np.ones(n), cost)) > 0 for x in noise[:800 if rate == 0.05 else 2000]])
        assert hit <= 1.9 * rate     # of 2,000 at .005, ten are expected and nineteen would be rare


def test_the_interval_for_a_date_holds_it_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(3), 0
    for _ in range(400):
        at = rng.integers(5, 25)
        low, high = dates(rng.normal(0, 1, 30) + 1.5 * (np.arange(30) >= at), np.ones(30), 0.95)
        held += low <= at <= high
    assert held / 400 >= 0.92


def test_a_step_is_dated_sized_and_explained() -> None:
    frame = programme([3.0] * 12 + [3.8] * 8, seed=2, criterion="accuracy")
    frame.loc[frame["rated_at"] >= MONDAY + pd.Timedelta(weeks=12), "rater_id"] = "bob"
    other = programme([3.0] * 12 + [2.5] * 8, seed=1, criterion="tone")
    row, second = wb.drift.change_points(wb.read(pd.concat([frame, other]))).itertuples()
    assert row.low <= MONDAY + pd.Timedelta(weeks=12) <= row.high and row.size_low < 0.8 < row.size_high
    assert second.size < 0 and row.together == f"mean of {second.stream}" and second.together == f"mean of {row.stream}"
    assert "rater bob first seen in 2026-W14" in row.also


def test_unchanged_streams_have_no_change_and_short_ones_no_row() -> None:
    streams = [programme([3.0] * 20, seed=seed, criterion=f"c{seed}", items=30) for seed in range(12)]
    assert len(wb.drift.change_points(wb.read(pd.concat(streams)))) <= 1      # 5 % of tables have any
    assert wb.drift.change_points(wb.read(programme([3.0, 9.0] * 2))).empty


def test_without_times_the_table_is_empty_and_has_its_columns() -> None:
    table = wb.drift.change_points(wb.read(programme([3.0] * 9).drop(columns="rated_at")))
    assert table.empty and tuple(table.columns) == COLUMNS


@pytest.mark.parametrize(("options", "words"), [({"metric": "median"}, "metric='median' is not known"),
                                                ({"error_rate": 0}, "error_rate=0 is not a share between 0 and 1"),
                                                ({"window": "day"}, "window='day' is not known")])
def test_a_bad_argument_says_what_is_good(options: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as error:
        wb.drift.change_points(wb.read(programme([3.0] * 6)), **options)
    assert words in str(error.value)
