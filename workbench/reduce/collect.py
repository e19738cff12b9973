"""Run an expression and keep its small result: on disk by snapshot and expression, or with the source in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.cache import digest, kept, parquet_frame
from workbench.errors import RatingsError, shorten
from workbench.reduce.slots import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from workbench.ratings import Ratings
    from workbench.source import Source

Made = TypeVar("Made")


def remembered(ratings: Ratings, question: tuple[object, ...], make: Callable[[], Made]) -> Made:
    """What `make` makes for a question about these ratings, made once a process: writing an expression down costs
    more than reading its kept result. `question` names the reduction and its arguments."""
    place, memory = (*question, ratings.conditions, ratings.start, ratings.end), ratings.source.memory
    if place not in memory:
        memory[place] = make()
    return memory[place]


def collect(source: Source, expression: Any) -> pd.DataFrame:
    """The expression's result as a frame. Frames and caller's tables, whose content is in memory, are kept there."""
    if not text_is_stable(source):
        place = expression.op()  # equal expressions are equal operations: nothing need be written down
        if place not in source.memory:
            source.memory[place] = frame_of(source, expression)
        return source.memory[place].copy(deep=False)
    text = written_down(expression)
    path = kept(f"reductions/{digest(source.id, text)}.parquet", lambda p: write_answer(source, expression, text, p))
    return parquet_frame(path)


def written_down(expression: Any) -> str:
    """The expression as SQL. Its steps are left nested, for the engine to merge: Ibis takes as long over merging as over the rest."""
    import ibis

    merges, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
    try:
        return expression.get_backend().compile(expression)
    finally:
        ibis.options.sql.fuse_selects = merges


def write_answer(source: Source, expression: Any, text: str, path: Path) -> None:
    """Run an expression, whose `text` it is, and write its result. DuckDB is given the text: Ibis would write it down once more and
    take the result apart value by value, which costs three times as much as the result."""
    backend = expression.get_backend()
    if backend.name != "duckdb":
        frame_of(source, expression).to_parquet(path, index=False)
        return
    import pyarrow as pa
    from pyarrow.parquet import write_table

    kinds = pa.schema([field.with_nullable(True) for field in expression.as_table().schema().to_pyarrow()])
    found = backend.con.sql(text).to_arrow_table().cast(kinds)
    for place, (name, column) in enumerate(zip(found.column_names, found.columns)):
        known = column.null_count < len(column) or not len(column)
        if not known and not (pa.types.is_floating(column.type) or pa.types.is_temporal(column.type)):
            found = found.set_column(place, name, pa.nulls(len(column)))      # None in each row, as of a frame
    write_table(found, path, coerce_timestamps="us", allow_truncated_timestamps=True)


def text_is_stable(source: Source) -> bool:
    """Whether an expression on this source reads the same in another process: files do, tables in memory do not."""
    return source.on_disk and bool(source.id)


def frame_of(source: Source, expression: Any) -> pd.DataFrame:
    """Run an expression; a frame whose times are in microseconds, whatever the engine counts in.

    Errors: `RatingsError` where a caller's engine, other than those that are tested, does not answer.
    """
    try:
        frame = expression.to_pandas()
    except Exception as fault:  # of Ibis, of the engine or of its driver: they share no parent
        engine = expression.get_backend().name
        if engine in ENGINES:
            raise
        raise RatingsError(f"{source.name}: its engine, {engine}, does not answer what statistics ask "
                           f"({type(fault).__name__}: {shorten(str(fault), 160)}). Take the rows out of it: read(table.to_pandas()), or "
                           f"table.to_parquet('ratings.parquet') and read that; or keep them on DuckDB or Spark.") from fault
    times = {c: frame[c].dt.as_unit("us") for c in frame.columns if frame[c].dtype.kind == "M"}
    return frame.assign(**times) if times else frame
