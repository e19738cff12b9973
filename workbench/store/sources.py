"""Where ratings lie: files and tables of every kind, opened lazily as one Ibis table with a row number.

Text files are copied once to Parquet (streamed, in bounded memory, kept by content), so that every later
question reads columns instead of parsing text. Columns that the contract casts stay text until then.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.cache import digest, file_digest, kept
from workbench.errors import RatingsError, shorten
from workbench.store.engine import connect, duckdb

TEXT = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json"}
NOT_UTF8 = "are not UTF-8 text. Save the file as UTF-8, for example: iconv -f latin1 -t utf-8 IN > OUT."
BATCH = 122_880          # rows of a frame that one thread of the engine takes at a time
UNUSED: list[str] = []   # tables in memory that nothing stands on any more
CELL_LIMIT = 16_000_000  # bytes of one line or record: what is larger is refused instead of filling the memory


@dataclass(frozen=True)
class Opened:
    """An opened source: an Ibis table, its content identity ("" for none), and how many rows its files hold."""

    table: Any
    identity: Callable[[], str]
    n_rows: int | None = None


def open_files(paths: Sequence[Path], *, engine: str | None, as_text: frozenset[str]) -> Opened:
    """Open Parquet or text files as one table; `as_text` are the columns not to be typed by guessing."""
    for path in paths:
        if not path.exists():
            raise RatingsError(f"{path}: there is no such file. Check the path; a dataset is a file or a folder with `ratings`.")
        if path.stat().st_size == 0:
            raise RatingsError(f"{path.name}: the file is empty. A ratings file has a header and at least one row.")
    if len({p.resolve() for p in paths}) < len(paths):
        raise RatingsError(f"{paths[0].name}: a file is named twice among {len(paths)}, and its ratings would count twice. "
                           "Name each once.")
    parquet = [staged(p, as_text) if p.suffix.lower() in TEXT else checked_parquet(p) for p in paths]
    own_row = len(paths) == 1 and parquet[0] != paths[0]  # a text file's copy has its row numbers
    import pyarrow.parquet as pq

    return Opened(parquet_table(parquet, names=[p.stem for p in paths], engine=engine, own_row=own_row),
                  lambda: digest(*sorted(file_digest(p) for p in paths)), sum(pq.read_metadata(p).num_rows for p in parquet))


def checked_parquet(path: Path) -> Path:
    """The path, if it is a whole Parquet file with rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        meta = pq.ParquetFile(path).metadata
    except (pa.ArrowInvalid, OSError) as fault:
        raise RatingsError(f"{path.name}: not a whole Parquet file ({shorten(fault, 90)}). It may be cut off: copy it again; "
                           f"readable kinds are .parquet, {', '.join(TEXT)} and Delta tables.") from None
    if meta.num_rows == 0:
        raise RatingsError(f"{path.name}: the file has columns but no rows.")
    return path


def staged(path: Path, as_text: frozenset[str]) -> Path:
    """A text file's Parquet copy, made once for each content."""
    columns = text_columns(path, as_text)
    key = digest(file_digest(path), path.suffix, sorted(columns.items()))
    return kept(f"staged/{key}.parquet", lambda target: copy_text(path, columns, target))


def text_columns(path: Path, as_text: frozenset[str]) -> dict[str, str]:
    """Column names of a text file with the types to read them as."""
    if TEXT[path.suffix.lower()] == "csv":
        header, _ = first_line(path)
        repeated = sorted({c for c in header if c and header.count(c) > 1})
        if repeated:
            raise RatingsError(f"{path.name}: column {', '.join(map(repr, repeated))} stands twice in the header. Rename or drop one.")
    found = run(path, f"DESCRIBE SELECT * FROM {reader(path)}")
    nested = ("STRUCT", "MAP", "UNION")
    return {name: "VARCHAR" if name in as_text and not kind.startswith(nested) and not kind.endswith("]") else kind
            for name, kind, *_ in found}


def first_line(path: Path) -> tuple[list[str], str]:
    """The header fields of a delimited text file and the delimiter, the one that splits it most."""
    import csv

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        line = stream.readline(1_000_000).split("\r")[0]
    fields = {mark: [c.strip() for c in next(csv.reader([line], delimiter=mark), [])] for mark in ",\t;|"}
    mark = max(fields, key=lambda m: len(fields[m]))
    return fields[mark], mark


def reader(path: Path, columns: dict[str, str] | None = None) -> str:
    """The DuckDB table function that reads a text file, with given or guessed column types."""
    types = ", ".join(f"{literal(n)}: {literal(k)}" for n, k in (columns or {}).items())
    if TEXT[path.suffix.lower()] == "json":
        given = f", columns = {{{types}}}" if columns else ""
        return (f"read_json({literal(path)}, format = 'newline_delimited', sample_size = -1, "
                f"maximum_object_size = {CELL_LIMIT}{given})")
    given = f", types = {{{types}}}" if columns else ""
    # stated, not guessed: a guess that fails on one bad row reads the file as one column, or takes # for a comment
    dialect = f"delim = {literal(first_line(path)[1])}, quote = '\"', escape = '\"', comment = ''"
    return (f"read_csv({literal(path)}, header = true, {dialect}, sample_size = -1, max_line_size = {CELL_LIMIT}, "
            f"strict_mode = true{given})")


def copy_text(path: Path, columns: dict[str, str], target: Path) -> None:
    """Stream a text file into Parquet with `_row`, the number of the row from 1."""
    run(path, f"COPY (SELECT row_number() OVER () AS _row, * FROM {reader(path, columns)}) "
              f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)")
    import pyarrow.parquet as pq

    if pq.ParquetFile(target).metadata.num_rows == 0:
        raise RatingsError(f"{path.name}: the file has a header but no rows.")


def run(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL on a text file, saying in the reader's words what is wrong with it."""
    import duckdb as library

    try:
        return duckdb().raw_sql(sql).fetchall()
    except library.Error as fault:
        raise RatingsError(f"{path.name}: {text_fault(str(fault), path)}") from None


def text_fault(message: str, path: Path) -> str:
    """DuckDB's complaint about a text file, in the reader's words with the line and a cure."""
    head = message[:2_000] + message[-2_000:]  # it may quote a line of many megabytes
    found = re.search(r"(?:CSV Error on Line|in line|at line|line)[: ]+(\d+)", head, re.IGNORECASE)
    line = f" at line {found.group(1)}" if found else ""
    low = head.lower()
    if any(words in low for words in ("not utf-8", "invalid unicode", "invalid utf-8", "utf8")):
        return f"bytes{line} {NOT_UTF8}"
    if "maximum line size of" in low or "maximum_object_size" in low or "buffer size" in low:
        return f"a cell or record is larger than {CELL_LIMIT // 10**6} MB. Cut it, or keep long texts in items.parquet."
    wrong = misfit(path) if TEXT[path.suffix.lower()] == "csv" else ""
    return wrong or f"the text cannot be read as a table{line}: {shorten(message.splitlines()[0], 160)}. Correct that line."


def misfit(path: Path) -> str:
    """The first line of a delimited file that has another number of fields than its header, in words; "" for none."""
    import csv

    header, mark = first_line(path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows, begun = csv.reader(stream, delimiter=mark), 0
        try:
            for fields in rows:
                if fields and len(fields) != len(header):
                    return (f"line {begun + 1} has {len(fields)} fields, the header has {len(header)}. Correct that line; a field that "
                            f"holds {mark!r}, a quote or a new line stands in double quotes.")
                begun = rows.line_num
        except UnicodeDecodeError:
            return f"bytes after line {begun} {NOT_UTF8}"
        except csv.Error as fault:
            return f"line {begun + 1} cannot be read as fields ({fault}). Correct that line: a quote may be left open."
    return ""


def parquet_table(paths: Sequence[Path], *, names: Sequence[str], engine: str | None, own_row: bool = False) -> Any:
    """Parquet files as one table, columns matched by name, with `_row` in file order and `_batch`, the file's name.

    A source's own columns of these two names are left out, but with `own_row` its `_row` is taken.
    """
    connection = connect(engine)
    files = [str(p.resolve()) for p in paths]
    # the same files bear the same name in every process, so that a reduction's expression is the same text
    name = "ratings_" + digest(*files, *names, *(p.stat().st_mtime_ns for p in paths))[:12]
    if connection.name == "pyspark":
        return spark_table(connection, files, names, name, own_row=own_row)
    listed = ", ".join(map(literal, files))
    batch = " ".join(f"WHEN {i} THEN {literal(n)}" for i, n in enumerate(names))
    files_read = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"
    types = {c: kind for c, kind, *_ in connection.raw_sql(f"DESCRIBE SELECT * FROM {files_read}").fetchall()}
    row = "" if own_row else ", file_index * 1099511627776 + file_row_number + 1 AS _row"
    taken = [c for c in ("_row", "_batch") if c in types and not (own_row and c == "_row")]
    without = f" EXCLUDE ({', '.join(taken)})" if taken else ""
    # Ibis knows neither a nanosecond time with a zone nor a column of nothing
    plain = {"TIMESTAMPTZ_NS": "TIMESTAMPTZ", '"NULL"': "VARCHAR", "NULL": "VARCHAR"}
    finer = ", ".join(f"CAST({quoted(c)} AS {plain[kind]}) AS {quoted(c)}" for c, kind in types.items() if kind in plain)
    connection.raw_sql(
        f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT *{without}{f' REPLACE ({finer})' if finer else ''}{row}, "
        f"CASE file_index {batch} END AS _batch FROM {files_read}")
    return connection.table(name)


def spark_table(connection: Any, files: Sequence[str], names: Sequence[str], view: str, *, own_row: bool) -> Any:
    """The same on Spark."""
    from pyspark.sql import functions as F

    session = connection._session
    parts = []
    for place, (file, name) in enumerate(zip(files, names)):
        part = session.read.option("mergeSchema", "true").parquet(file)
        row = F.col("_metadata.row_index") + F.lit(place * 1099511627776 + 1)
        row = F.col("_row") if own_row and "_row" in part.columns else row
        parts.append(part.select("*", row.alias("_row_"), F.lit(name).alias("_batch")).drop("_row").withColumnRenamed("_row_", "_row"))
    table = parts[0]
    for part in parts[1:]:
        table = table.unionByName(part, allowMissingColumns=True)
    table.createOrReplaceTempView(view)
    return connection.table(view)


def open_delta(path: Path, *, engine: str | None, as_of: object = None) -> Opened:
    """Open a Delta table at its latest version, or as of a version or a point in time."""
    from workbench.store.columns import HIDDEN
    from workbench.store.history import named, opened_at
    from workbench.store.managed import whole_files

    delta = opened_at(path, as_of)
    refused = {"deletionVectors", "columnMapping"} & set(delta.protocol().reader_features or ())
    if refused or delta.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        raise RatingsError(f"{path.name}: the Delta table uses {', '.join(sorted(refused)) or 'columnMapping'}, which hides rows or "
                           f"columns from plain Parquet readers. Rewrite it without (REORG TABLE ... APPLY (PURGE)).")
    files = whole_files(delta)
    if not files:
        raise RatingsError(f"{named(path)}: the Delta table has no rows at version {delta.version()}. Import something, or read another "
                           "version: `workbench data log` lists them.")
    actions = delta.get_add_actions(flatten=True)
    # rows of a managed table are numbered as they came; a foreign writer's are not, and then the files' order counts
    numbered = "null_count._row" in actions.schema.names and set(actions["null_count._row"].to_pylist()) == {0}
    table = parquet_table(sorted(files, key=lambda f: (f.stat().st_mtime_ns, f.name)), names=[path.name] * len(files), engine=engine,
                          own_row=numbered)
    if set(HIDDEN) <= {field.name for field in delta.schema().fields}:
        table = table.drop("_key", "_content")
    key = digest(delta.metadata().id, delta.version())
    held, logged = int(table.count().execute()), sum(actions["num_records"].to_pylist())
    if held != logged:
        raise RatingsError(f"{path.name}: its files hold {held:,} rows but its log says {logged:,}. The table is damaged; restore it.")
    return Opened(table, lambda: f"delta-{delta.version()}-{key}", held)


def open_frame(frame: Any) -> Opened:
    """Open a pandas frame; its content identity is a hash of its values."""
    import ibis
    import numpy as np
    import pyarrow as pa

    if not len(frame):
        raise RatingsError("the frame has no rows.")
    if frame.columns.nlevels > 1:
        raise RatingsError(f"the frame's columns have {frame.columns.nlevels} levels of names. Give each column one name, for example "
                           "with frame.columns = ['_'.join(map(str, c)) for c in frame.columns].")
    frame = frame.rename(columns=str).drop(columns=["_row", "_batch"], errors="ignore")
    repeated = [str(c) for c in frame.columns[frame.columns.duplicated()]]
    if repeated:
        raise RatingsError(f"the frame has column {', '.join(map(repr, repeated))} twice. Rename or drop one.")
    exact = {c: frame[c].dt.as_unit("us") for c in frame if str(frame[c].dtype).startswith("datetime64[ns")}
    frame = frame.assign(**exact)   # the engine has no zone-aware times in nanoseconds
    try:
        arrow = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as fault:
        raise RatingsError(f"the frame has a column of mixed types ({shorten(fault, 120)}). Make it one type, for example "
                           f"with .astype(str).") from None
    arrow = arrow.cast(pa.schema([f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in arrow.schema]))
    arrow = arrow.append_column("_row", pa.array(np.arange(1, len(frame) + 1)))
    arrow = pa.Table.from_batches(arrow.to_batches(max_chunksize=BATCH))
    return Opened(lent(ibis.memtable(arrow).op()), lambda: frame_digest(frame))


def lent(memory: Any) -> Any:
    """A table in memory as one of the engine's for as long as anything stands on it. What nothing does any more is handed back when the
    next is lent: at once might be amid a query."""
    engine, name = duckdb(), f"frame_{uuid4().hex[:12]}"
    while UNUSED:
        engine.con.unregister(UNUSED.pop())
    engine.con.register(name, memory.data.to_pyarrow(memory.schema))
    table = engine.table(name)
    weakref.finalize(table.op(), UNUSED.append, name)
    return table


def frame_digest(frame: Any) -> str:
    """A hash of a frame's column names, types and values."""
    from pandas.util import hash_pandas_object

    hashable = frame.copy(deep=False)
    for column in hashable.columns[[str(t) == "object" for t in hashable.dtypes]]:
        hashable[column] = hashable[column].astype(str)
    return digest([(str(c), str(t)) for c, t in frame.dtypes.items()], hash_pandas_object(hashable, index=False).to_numpy().tobytes())


def literal(value: object) -> str:
    """A value as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
