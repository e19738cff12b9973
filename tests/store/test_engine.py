"""Engines: a caller's own table and connection, how much memory may be used, and where what exceeds it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RatingsError
from workbench.store.engine import spill_folder

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


SPILLING = """
import os, sys
from pathlib import Path
from workbench.store.engine import duckdb
connection = duckdb()
connection.raw_sql("SET threads = 1")   # several at once may need more than the limit, whatever is written out
connection.raw_sql("CREATE TEMP TABLE many AS SELECT hash(i)::VARCHAR FROM range(3_000_000) t(i) ORDER BY 1")
spilled = list(Path(".cache/workbench/spill").iterdir())
print(len({p.name.split("_")[2] for p in spilled}), sum(p.stat().st_size for p in spilled) > 20_000_000, sorted(os.listdir(".")))
sys.stdout.flush()
if "killed" in sys.argv:
    os.kill(os.getpid(), 9)
"""


def test_what_exceeds_memory_goes_to_the_cache_and_is_taken_away_even_after_a_process_was_killed(away: Path) -> None:
    spill = away / ".cache" / "workbench" / "spill"
    for how in ("killed", "ended"):
        done = subprocess.run([sys.executable, "-c", SPILLING, how], capture_output=True, text=True,
                              env={**os.environ, "WORKBENCH_MEMORY": "80MB"})
        assert done.stdout == "1 True ['.cache']\n", done.stderr   # one process's files, the killed one's being gone; nothing beside it
        assert any(spill.glob("*")) == (how == "killed")


def test_without_a_cache_to_write_to_frames_are_read_all_the_same(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (away / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(away / "file"))
    monkeypatch.setenv("TMPDIR", str(away))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert spill_folder() == away / "workbench-spill"


def test_spark_that_cannot_start_says_what_to_look_at(away: Path) -> None:
    pytest.importorskip("pyspark")
    TIMED.drop(columns="at").to_parquet("ratings.parquet")
    code = "import workbench as wb; wb.read('ratings.parquet', engine='spark://127.0.0.1:1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PATH": "", "JAVA_HOME": ""})
    assert "ParameterError: engine='spark://127.0.0.1:1': no Spark session came about. Is Java 17 here" in done.stderr


def many() -> pd.DataFrame:
    """Two criteria rated four times an item, a rater now and then twice, in two parties, with gaps."""
    rng, n = np.random.default_rng(0), 600
    return pd.DataFrame({
        "item_id": rng.integers(0, 75, n), "rater_id": rng.choice(list("uvwxyz"), n), "criterion": rng.choice(["tone", "facts"], n),
        "party": rng.choice(["p", "q", None], n), "score": np.where(rng.random(n) < 0.1, None, rng.integers(1, 6, n)).astype(float),
        "rated_at": (pd.Timestamp("2026-11-02", tz="UTC") + pd.to_timedelta(rng.permutation(n), unit="h")).as_unit("us")})


SETTINGS = "SELECT name, value FROM duckdb_settings() ORDER BY 1"
THINGS = "SELECT table_catalog, table_schema, table_name FROM information_schema.tables ORDER BY ALL"


@pytest.mark.parametrize("held", ["table", "view", "read only", "attached"])
def test_a_callers_duckdb_file_answers_as_its_parquet_does_and_is_left_as_it_was(away: Path, held: str) -> None:
    many().to_parquet("ratings.parquet")
    connection = ibis.duckdb.connect("theirs.db")
    connection.raw_sql("CREATE TABLE ratings AS FROM 'ratings.parquet'")
    connection.raw_sql("CREATE VIEW seen AS SELECT * FROM ratings WHERE rater_id IS NOT NULL")
    connection.disconnect()
    connection = ibis.duckdb.connect() if held == "attached" else ibis.duckdb.connect("theirs.db", read_only=held == "read only")
    connection.raw_sql("SET TimeZone = 'UTC'; SET memory_limit = '300MB'; SET threads = 1")
    if held == "attached":
        connection.raw_sql("ATTACH 'theirs.db' AS theirs (READ_ONLY)")
    before = [connection.raw_sql(sql).fetchall() for sql in (SETTINGS, THINGS)]
    theirs = connection.table("ratings", database="theirs.main") if held == "attached" else \
        connection.table("seen" if held == "view" else "ratings")
    for ask in (lambda r: wb.agreement.summary(r, by=["criterion", "party"]), lambda r: wb.agreement.pairs(r, by=["criterion"])):
        one, other = (ask(wb.read(source)) for source in (theirs, "ratings.parquet"))
        pd.testing.assert_frame_equal(one, other, rtol=1e-12, atol=1e-12)   # sums in another order
    assert [connection.raw_sql(sql).fetchall() for sql in (SETTINGS, THINGS)] == before


def test_an_engine_may_be_named_by_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store.engine import connect

    monkeypatch.setenv("OUR_ENGINE", "duckdb")
    assert connect("$OUR_ENGINE") is connect(None)
