"""How a stored row is known again: by its source's key and a digest of its values; what is new, what is edited, what is there already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

LOOSE = ("batch", "rating_id", "replaces")   # not part of what a rating says


def settled(rows: pa.Table, keys: Sequence[str], contents: Sequence[str], known: Mapping[str, tuple[str, str, int]], *,
            first: int) -> tuple[pa.Table, int]:
    """The rows to store, with their hidden columns, and how many supersede. `known`: key -> content, rating_id, times stored."""
    import pyarrow as pa

    now, taken, ids, replaced = dict(known), [], [], []
    given = rows["replaces"].to_pylist()
    for place, (key, content) in enumerate(zip(keys, contents)):
        last, own, times = now.get(key, ("", None, 0))
        if last == content:
            continue
        name = f"{key}~{times + 1}" if times else key
        now[key] = (content, name, times + 1)
        taken.append(place)
        ids.append(name)
        replaced.append(own or given[place])
    made = rows if len(taken) == len(rows) else rows.take(pa.array(taken, pa.int64()))
    columns = {"rating_id": pa.array(ids, pa.string()), "replaces": pa.array(replaced, pa.string())}
    for column, values in columns.items():
        made = made.set_column(made.column_names.index(column), column, values)
    hidden = {"_row": pa.array(range(first, first + len(ids)), pa.int64()), "_key": pa.array([keys[p] for p in taken], pa.string()),
              "_content": pa.array([contents[p] for p in taken], pa.string())}
    for column, values in hidden.items():
        made = made.append_column(column, values)
    return made, sum(1 for name, place in zip(ids, taken) if name != keys[place])


def digests(rows: pa.Table) -> list[str]:
    """A digest of each row's values; what is missing is left out, so that a new column changes no old row."""
    import pyarrow as pa

    names = sorted(c for c in rows.column_names if c not in LOOSE and rows[c].null_count < len(rows))
    whole = [rows[c].cast(pa.int64()) if pa.types.is_timestamp(rows[c].type) else rows[c] for c in names]
    lists = [c.to_pylist() for c in whole]
    return [content_of(*(part for pair in zip(names, values) if pair[1] is not None for part in pair))
            for values in (zip(*lists) if lists else [()] * len(rows))]


def content_of(*parts: object) -> str:
    """32 hexadecimal digits for these values, the same in every version of Python."""
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def look_up(files: Sequence[Path], keys: Sequence[str]) -> dict[str, tuple[str, str, int]]:
    """What stands under these keys in a table's files: key -> content, rating_id, how often it was stored."""
    import pyarrow as pa

    if not files:
        return {}
    cursor = engine().cursor()
    cursor.execute("SET enable_progress_bar = false")      # it would draw into what a program reads
    cursor.register("_asked", pa.table({"_asked": pa.array(list(dict.fromkeys(keys)), pa.string())}))
    # few keys as words: Parquet's own ranges then leave most of the files unread
    wanted = "SELECT _asked FROM _asked" if len(keys) > 20 else ", ".join("?" for _ in keys)
    found = cursor.execute(
        f"SELECT _key, arg_max(_content, _row), arg_max(rating_id, _row), count(*) FROM read_parquet(?) WHERE _key IN ({wanted}) "
        "GROUP BY _key", [[str(f) for f in files], *([] if len(keys) > 20 else keys)]).fetchall()
    return {key: (content, name, times) for key, content, name, times in found}


def strangers(files: Sequence[Path], made: pa.Table) -> list[str]:
    """Rows that would supersede a rating of another item by another rater, in words: the keys of two sources are alike."""
    import pyarrow.compute as pc

    own = made.filter(pc.is_valid(made["replaces"])).select(["_key", "replaces", "item_id", "rater_id"])
    cursor = engine().cursor()
    cursor.execute("SET enable_progress_bar = false")
    cursor.register("_own", own.rename_columns(["k", "r", "i", "w"]))
    found = cursor.execute("SELECT r, i, w, item_id, rater_id FROM read_parquet(?) JOIN _own ON _key = k AND rating_id = r "
                           "WHERE item_id <> i AND rater_id <> w ORDER BY r", [[str(f) for f in files]]).fetchall()
    return [f"{key} (here {item} by {rater}, stored {old} by {by})" for key, item, rater, old, by in found]


@cache
def engine() -> Any:
    """A DuckDB of the store's own, for looking up keys."""
    import duckdb

    return duckdb.connect()
