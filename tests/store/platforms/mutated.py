"""Exports broken on purpose, and what must hold for whatever a parser is given."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from workbench.errors import RatingsError
from workbench.store.platforms.rows import Fault, Item, Options, Silent
from workbench.store.platforms.text import PLACE

# What a value may turn into, beside being dropped or replaced by another part of the same export.
ODD = [None, [], {}, [None], {"": None}, [[]], "", " ", "x", "1", "\x00", "\ud800", "é" * 300, "2024-04-02T16:01:13Z", "0001-01-01T00:00:00+23:59",
       0, -1, 1, 10**400, 1.5, 1e308, float("nan"), float("inf"), True, False, [1, "a", None], {"id": None}, {"value": {"value": []}}, ["a", "b"]]
# Fields that tell ratings apart: once they are broken, two ratings may share a key.
IDENTITY = {"id", "created_at", "user_id", "agent", "_server_id", "external_id", "unique_id", "project", "_task_hash", "_input_hash",
            "_timestamp", "_session_id", "_annotator_id", "name", "epoch", "task_id", "eval", "question_name"}

edits = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["drop", "odd", "copy", "wrap", "rename"]), st.integers(0, 10**6)),
                 min_size=1, max_size=6)
cuts = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["cut", "flip", "insert", "delete"]), st.binary(min_size=1, max_size=5)),
                min_size=1, max_size=4)


def places(tree: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all values below the root."""
    for name, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*path, name)
        yield from places(value, (*path, name))


def edited(tree: Any, changes: list[tuple[int, str, int]]) -> tuple[Any, bool]:
    """A copy of an export with values dropped, replaced, nested or renamed; and whether its ids are still what they were."""
    tree, whole = copy.deepcopy(tree), True
    for where, how, what in changes:
        paths = list(places(tree))
        if not paths:
            break
        path = paths[where % len(paths)]
        whole = whole and how != "copy" and not IDENTITY & set(path)
        parent = tree
        for step in path[:-1]:
            parent = parent[step]
        name, value = path[-1], parent[path[-1]]
        if how == "drop":
            del parent[name]
        elif how == "rename" and isinstance(parent, dict):
            parent[f"{name}x"] = parent.pop(name)
        else:
            other = tree
            for step in paths[what % len(paths)]:
                other = other[step]
            parent[name] = copy.deepcopy({"odd": ODD[what % len(ODD)], "copy": other, "wrap": [value], "rename": {"x": value}}[how])
    return tree, whole


def damaged(raw: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    """Bytes cut off, flipped, put in or taken out."""
    for share, how, piece in changes:
        at = int(share * len(raw))
        raw = {"cut": raw[:at], "flip": raw[:at] + piece + raw[at + len(piece):], "insert": raw[:at] + piece + raw[at:],
               "delete": raw[:at] + raw[at + 50:]}[how]
    return raw


def as_lines(records: list[Any]) -> str:
    """Records as JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def taken(parse: Callable, path: Path, options: Options = Options()) -> tuple[list[dict], list[Fault], list[str], bool]:
    """What a parser yields, each checked: ratings, faults, where they came from; the last says whether it was refused as a whole."""
    ratings, faults, where = [], [], []
    try:
        for one in parse(path, options):
            where.append(PLACE.get())
            assert isinstance(one, (dict, Fault, Item, Silent)), one
            if isinstance(one, Fault):
                assert one.place and one.reason and isinstance(one.raw, str)
                (one.place + one.reason + one.raw).encode()
                faults.append(one)
            elif isinstance(one, dict):
                check_rating(one)
                ratings.append(one | {"": PLACE.get()})
            elif isinstance(one, Item):
                assert isinstance(one.values["item_id"], str) and one.values["item_id"]
                json.dumps(one.values, allow_nan=False, ensure_ascii=False).encode()
    except RatingsError as fault:
        assert not where and str(fault).startswith(path.name), fault
        return [], [], [], True
    return ratings, faults, where, False


def rated_as(parse: Callable, path: Path, *columns: str, options: Options = Options()) -> list[tuple]:
    """These columns of every rating of an export that has no fault."""
    ratings, faults, _, refused = taken(parse, path, options)
    assert not faults and not refused, faults
    return [tuple(rating.get(c) for c in columns) for rating in ratings]


def check_rating(rating: dict[str, Any]) -> None:
    """A rating has its three ids as text, and values of the protocol alone."""
    for column in ("item_id", "rater_id", "rating_id"):
        assert isinstance(rating[column], str) and rating[column].strip(), rating
    for column, value in rating.items():
        assert value is None or isinstance(value, (str, float, int, bool, datetime)), (column, value)
        assert not isinstance(value, str) or value.encode()
        assert not isinstance(value, float) or abs(value) < float("inf"), (column, value)
        assert not isinstance(value, datetime) or value.utcoffset() == timedelta(0)
    assert rating.get("score") is None or isinstance(rating["score"], float)
    assert rating.get("label") is None or isinstance(rating["label"], str)


def holds(parse: Callable, path: Path, *, n_records: int | None = None, whole: bool = False) -> None:
    """The laws: no error but `RatingsError` and that before anything, every record accounted for, no key twice in a record."""
    ratings, _, where, refused = taken(parse, path)
    if n_records is not None and not refused:
        assert len(set(where)) >= n_records
    if whole:
        keys = [(rating[""], rating["rating_id"]) for rating in ratings]
        assert len(set(keys)) == len(keys), sorted(k for k in keys if keys.count(k) > 1)[:2]
