"""Engines: a caller's own table, and how much memory may be used."""

from __future__ import annotations

import os
import subprocess
import sys

import ibis
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RatingsError

TIMED = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1.0, 2.0],
                      "at": pd.to_datetime(["2026-11-02T02:00:00Z", "2026-11-02T03:00:00Z"]).as_unit("us")})


def table_in(zone: str, frame: pd.DataFrame) -> ibis.Table:
    connection = ibis.duckdb.connect()
    connection.raw_sql(f"SET TimeZone = '{zone}'")
    connection.create_view("ratings", ibis.memtable(frame))
    return connection.table("ratings")


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Kolkata"])
def test_a_connection_in_another_zone_would_begin_weeks_at_other_hours_and_is_refused(zone: str) -> None:
    with pytest.raises(RatingsError, match="counts days in another time zone than UTC.*SET TimeZone = 'UTC'"):
        wb.read(table_in(zone, TIMED), columns={"at": "rated_at"})


def test_a_connection_in_utc_is_read_with_its_weeks() -> None:
    weeks = wb.reduce.windows(wb.read(table_in("UTC", TIMED), columns={"at": "rated_at"}))["window"]
    assert weeks.tolist() == [pd.Timestamp("2026-11-02", tz="UTC")]


def test_a_table_without_times_may_come_from_any_zone() -> None:
    assert wb.read(table_in("Asia/Kolkata", TIMED.drop(columns="at"))).count() == 2


def started_with(memory: str) -> subprocess.CompletedProcess[str]:
    code = ("from workbench.store.engine import duckdb\n"
            "print(duckdb().raw_sql(\"SELECT current_setting('memory_limit')\").fetchone()[0])")
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "WORKBENCH_MEMORY": memory})


def test_memory_is_bounded_by_the_environment() -> None:
    assert started_with("500MB").stdout.strip() == "476.8 MiB"     # 500 * 10^6 / 2^20


def test_an_unreadable_bound_is_refused() -> None:
    assert "ParameterError: WORKBENCH_MEMORY='much' is no amount of memory. Write it as 2GB or 500MB." in started_with("much").stderr
