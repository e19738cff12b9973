"""The engines a table can live on: DuckDB in this process, or a Spark cluster. Nothing connects before first use."""

from __future__ import annotations

from functools import cache
from typing import Any

from workbench.errors import ParameterError


def connect(engine: str | None) -> Any:
    """The Ibis connection for `engine`: None or "duckdb" (embedded), or a Spark master such as "spark://host:7077"."""
    if not engine or engine == "duckdb":
        return duckdb()
    if engine.startswith(("spark://", "local[", "local", "yarn", "k8s://")):
        return spark(engine)
    raise ParameterError(f"engine={engine!r} is not known. Use 'duckdb' or a Spark master such as 'spark://host:7077'.")


@cache
def duckdb() -> Any:
    """One embedded DuckDB for this process, in UTC."""
    import ibis

    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
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
    return ibis.pyspark.connect(session)
