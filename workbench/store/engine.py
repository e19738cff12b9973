"""The engines a table can live on: DuckDB in this process, or a Spark cluster. Nothing connects before first use."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from workbench.cache import cache_folder, digest
from workbench.errors import ParameterError, RatingsError, redacted

# So that the processes of a run, which have a Spark session each, do not wait for one another: idle ones give their cores back.
SHARING = {"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.executorIdleTimeout": "15s",
           "spark.dynamicAllocation.shuffleTracking.timeout": "15s"}


def connect(engine: str | None) -> Any:
    """The Ibis connection for `engine`: None or "duckdb" (embedded), a Spark master such as "spark://host:7077", or "$NAME" of an
    environment variable that holds either."""
    if engine and engine.startswith("$"):
        variable, engine = engine, os.environ.get(engine[1:])
        if not engine:
            raise ParameterError(f"engine={variable!r}: there is no such environment variable, or it is empty. Set it to the engine.")
    elif engine and redacted(engine) != engine:
        raise ParameterError(f"engine={engine!r} holds a password, which would stand in reports. Set an environment variable to it, and "
                             "write engine='$NAME'.")
    if not engine or engine == "duckdb":
        return duckdb()
    if engine.startswith(("spark://", "local[", "local", "yarn", "k8s://")):
        return spark(engine)
    raise ParameterError(f"engine={engine!r} is not known. Use 'duckdb' or a Spark master such as 'spark://host:7077'.")


@cache
def duckdb() -> Any:
    """One embedded DuckDB for this process, in UTC; the environment variable WORKBENCH_MEMORY ("2GB") bounds its memory, and what
    exceeds it goes to the cache."""
    import duckdb
    import ibis

    connection = ibis.duckdb.connect(temp_directory=str(spill_folder()))
    connection.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false")  # it would draw into what a program reads
    if limit := os.environ.get("WORKBENCH_MEMORY"):
        try:
            connection.raw_sql(f"SET memory_limit = '{limit}'")
        except duckdb.Error:
            raise ParameterError(f"WORKBENCH_MEMORY={limit!r} is no amount of memory. Write it as 2GB or 500MB.") from None
    return connection


def as_view(table: Any) -> Any:
    """The same table as a view of DuckDB, so that what is asked of it need not write down anew all that it is made of."""
    connection = table.get_backend()
    if connection.name != "duckdb":
        return table
    text = connection.compile(table)
    name = f"read_{digest(text)[:12]}"
    connection.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name} AS {text}")
    return connection.table(name).op().copy(schema=table.schema()).to_expr()  # of what is 0 throughout DuckDB makes a shorter integer


def spill_folder() -> Path:
    """Where DuckDB writes what memory does not hold. Processes may share it: each takes its own files away, and those of dead ones."""
    try:
        return cache_folder() / "spill"
    except (OSError, RuntimeError):  # no home to write to: a frame needs no cache
        return Path(tempfile.gettempdir()) / "workbench-spill"


@cache
def spark(master: str) -> Any:
    """An Ibis connection to a Spark master, in UTC; what `spark-defaults.conf` says goes before `SHARING`."""
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise ParameterError(f"engine={master!r} needs pyspark. Install it with: pip install 'pyspark>=4,<4.1'.") from None
    import ibis

    try:
        SparkContext._ensure_initialized()  # before it, SparkConf knows nothing of spark-defaults.conf
        conf = SparkConf()
        for name, value in SHARING.items():
            conf.setIfMissing(name, value)
        conf.set("spark.sql.session.timeZone", "UTC").set("spark.ui.showConsoleProgress", "false")
        session = SparkSession.builder.config(conf=conf).master(master).appName("workbench").getOrCreate()
    except (Py4JError, PySparkException) as fault:
        raise ParameterError(f"engine={master!r}: no Spark session came about. Is Java 17 here, does a master answer at this address, and "
                             "can it reach spark.driver.host? Spark's log, above, says which.") from fault
    if session.sparkContext.master != master:
        raise ParameterError(f"engine={master!r}: this process is already on {session.sparkContext.master}. Use that, or start anew.")
    return ibis.pyspark.connect(session)


def in_utc(table: Any) -> Any:
    """A caller's table, if its connection counts days in UTC: else weeks would begin at other hours without a word.

    Errors: `RatingsError`, with the cure.
    """
    import ibis

    noons = [ibis.literal(f"2026-{month:02d}-05T12:00:00Z").cast("timestamp('UTC')") for month in (1, 7)]
    days = [table.get_backend().execute(noon.truncate("D").cast("timestamp('UTC')")) for noon in noons]
    if any(day.tz_convert("UTC").hour for day in days):
        raise RatingsError("the table's connection counts days in another time zone than UTC, so that weeks would begin at other hours. "
                           "Set its time zone first, on DuckDB or PostgreSQL: connection.raw_sql(\"SET TimeZone = 'UTC'\").")
    return table
