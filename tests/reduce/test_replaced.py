"""What later rows replace is left out, whether it is few rows that a condition lists or many that are looked up."""

from __future__ import annotations

from dataclasses import replace

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.reduce import replaced
from workbench.ratings import Ratings, current

DAYS = pd.date_range("2026-11-02", periods=6, tz="UTC")
ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["a", "b", "c", "z", None, None, None]), st.booleans(),
                          st.integers(0, 5)), min_size=1, max_size=12)


def frame_of(rows: list[tuple]) -> pd.DataFrame:
    """Rows of (rating_id, replaces, whether it has a value, day); each its own item, so that it is known again."""
    return pd.DataFrame({"item_id": [f"i{k}" for k in range(len(rows))], "rater_id": "x", "rating_id": [r[0] for r in rows],
                         "replaces": pd.array([r[1] for r in rows], "string"), "score": [1.0 if r[2] else None for r in rows],
                         "rated_at": [DAYS[r[3]] for r in rows]}).astype({"score": "float64"})


def expected(rows: list[tuple], until: int) -> list[str]:
    """The items that stand before a day, found by hand."""
    known = [(k, row) for k, row in enumerate(rows) if row[3] < until]
    gone = {row[1] for _, row in known if row[1]}
    return [f"i{k}" for k, row in known if row[0] not in gone and (row[2] or not row[1])]


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, until=st.integers(1, 6))
@pytest.mark.parametrize("few", [500, 0])
def test_what_stands_is_what_no_later_row_replaces_by_either_way(rows: list[tuple], until: int, few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaced, "FEW", few)
        ratings = wb.read(frame_of(rows))
        ratings = ratings if until == 6 else ratings.between(None, DAYS[until].isoformat())
        assert sorted(current(ratings.source, ratings.end).item_id.execute()) == sorted(expected(rows, until))


def test_few_are_found_once_and_listed_and_many_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    read, n = wb.read(frame_of([("a", None, True, 0), ("b", "a", True, 1), ("c", "b", True, 2)])), []
    ratings = Ratings(replace(read.source, frame=None, memory={}))   # as the engine counts them
    monkeypatch.setattr(replaced, "few_replaced", lambda table, find=replaced.few_replaced: n.append(1) or find(table))
    assert [ratings.where(rater_id=who).count() for who in ("x", "y", "x")] == [1, 0, 1] and len(n) == 1
    assert "JOIN" not in ibis.to_sql(ratings.table).upper()
    monkeypatch.setattr(replaced, "FEW", 1)
    assert "ANTI JOIN" in ibis.to_sql(wb.read(frame_of([("a", None, True, 0), ("b", "a", True, 1), ("c", "b", True, 2)])).table).upper()


def test_a_callers_table_has_no_numbers_of_rows_and_is_looked_up() -> None:
    engine = ibis.duckdb.connect()
    rows = "('i0', 'x', 'a', NULL, 1.0), ('i1', 'x', 'b', 'a', 2.0), ('i2', 'x', 'c', NULL, 1.0)"
    engine.raw_sql(f"CREATE TABLE ratings AS FROM (VALUES {rows}) AS t(item_id, rater_id, rating_id, replaces, score)")
    ratings = wb.read(engine.table("ratings"))
    assert "_row" not in ratings.source.table.columns and sorted(ratings.table.item_id.execute()) == ["i1", "i2"]
