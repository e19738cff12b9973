"""The engines a table can live on: DuckDB in this process, or a Spark cluster. Nothing connects before first use."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from workbench.errors import ParameterError, RatingsError


def connect(engine: str | None) -> Any:
    """The Ibis connection for `engine`: None or "duckdb" (embedded), or a Spark master such as "spark://host:7077"."""
    if not engine or engine == "duckdb":
        return duckdb()
    if engine.startswith(("spark://", "local[", "local", "yarn", "k8s://")):
        return spark(engine)
    raise ParameterError(f"engine={engine!r} is not known. Use 'duckdb' or a Spark master such as 'spark://host:7077'.")


@cache
def duckdb() -> Any:
    """One embedded DuckDB for this process, in UTC; the environment variable WORKBENCH_MEMORY ("2GB") bounds its memory."""
    import duckdb
    import ibis

    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    if limit := os.environ.get("WORKBENCH_MEMORY"):
        try:
            connection.raw_sql(f"SET memory_limit = '{limit}'")
        except duckdb.Error:
            raise ParameterError(f"WORKBENCH_MEMORY={limit!r} is no amount of memory. Write it as 2GB or 500MB.") from None
    return connection


@cache
def spark(master: str) -> Any:
    """An Ibis connection to a Spark master, in UTC."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ParameterError(f"engine={master!r} needs pyspark. Install it with: pip install 'workbench[spark]'.") from None
    import ibis

    session = SparkSession.builder.master(master).appName("workbench").config("spark.sql.session.timeZone", "UTC").getOrCreate()
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
                           "Set its time zone first, on DuckDB: connection.raw_sql(\"SET TimeZone = 'UTC'\").")
    return table
