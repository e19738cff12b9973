"""Decisions as rows: what is written is read back, and what stands is what no later row replaced."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RatingsError
from workbench.review.decisions import Decision, Unit, decision_of, known, new_id, newest, recorded, standing, store
from workbench.store.managed import append_ratings

AT = dt.datetime(2026, 11, 3, 8, 0, 0, 123456, tzinfo=dt.timezone.utc)
ONE = Decision(Unit("a1", 4, "help", "default", "1"), "mara", "r1", score=2.0, reason="rubric_hole", note="Ü\n<b>", blind=True, second=False,
               queue="contested", layer=3, rated_at=AT, started_at=AT, seconds=1.5, session="s", prompt_id="p", system="x", task_type="t")


def test_a_decision_is_read_back_as_it_was_written(folder: Path) -> None:
    skip = Decision(Unit("a2"), "ben", "r2", status="skipped")
    version = newest(folder)
    assert store(folder, ONE) == version + 1 == newest(folder) and store(folder, skip) == version + 2
    found = recorded(wb.read(folder).source)
    assert found == [ONE, skip] and (found[0].valued, found[1].valued) == (True, False)
    log = wb.store.data_log(folder)
    assert "mara" not in log.to_csv() and "a1" not in log.to_csv()         # the log names nobody and nothing


def test_foreign_adjudications_are_read_too(folder: Path) -> None:
    import pyarrow as pa

    row = pa.table({"rating_id": ["k"], "item_id": ["a1"], "rater_id": ["lead"], "score": [1.0], "criterion": ["help"], "rater_kind": ["adjudicator"]})
    append_ratings(folder, row, action={"action": "import"})
    assert recorded(wb.read(folder).source) == [Decision(Unit("a1", None, "help"), "lead", "k", score=1.0, layer=0)]


def test_the_last_that_nothing_replaces_stands() -> None:
    unit, other = Unit("a"), Unit("b")
    rows = [Decision(unit, "m", "1", score=1.0), Decision(unit, "m", "2", score=2.0, replaces="1"), Decision(unit, "n", "3", score=1.0),
            Decision(other, "m", "4", status="skipped"), Decision(other, "m", "5", status="cancelled", replaces="4")]
    assert [d.rating_id for d in standing(rows)] == ["2", "3"]
    assert [d.rating_id for d in standing(rows[:4])] == ["2", "3", "4"]
    twice = [Decision(unit, "m", "1", score=1.0), Decision(unit, "m", "2", score=2.0)]      # two panels, neither of which knew of the other
    assert [d.rating_id for d in standing(twice)] == ["2"]
    assert standing([Decision(unit, "m", "1", score=1.0), Decision(unit, "m", "2", status="cancelled", replaces="1")]) == []


def test_what_stands_is_what_the_ratings_show(folder: Path) -> None:
    first = Decision(Unit("a1", None, "help"), "mara", new_id(), score=1.0, rated_at=AT)
    second = Decision(first.unit, "mara", new_id(), score=3.0, rated_at=AT, replaces=first.rating_id)
    gone = Decision(Unit("a2", None, "help"), "mara", new_id(), score=1.0, rated_at=AT)
    for row in (first, second, gone, Decision(gone.unit, "mara", new_id(), status="cancelled", replaces=gone.rating_id)):
        store(folder, row)
    shown = wb.read(folder).where(rater_kind="adjudicator").to_pandas()
    assert shown["rating_id"].tolist() == [d.rating_id for d in standing(recorded(wb.read(folder).source))] == [second.rating_id]


def test_a_store_whose_column_is_of_another_kind_says_which(folder: Path) -> None:
    import pyarrow as pa

    append_ratings(folder, pa.table({"rating_id": ["k"], "item_id": ["a"], "rater_id": ["r"], "score": [1.0], "note": [7.0]}), action={"action": "x"})
    with pytest.raises(RatingsError, match="column 'note' holds text here, and numbers in what is stored"):
        store(folder, ONE)


def test_missing_cells_are_none() -> None:
    assert [known(v) for v in (None, float("nan"), pd.NA, pd.NaT, 0, "", False)] == [None, None, None, None, 0, "", False]
    row = {"item_id": 7, "step": 2, "criterion": "c", "rubric": "r", "rubric_version": 1, "rater_id": 5, "rating_id": None}
    assert decision_of(row).unit == Unit("7", 2, "c", "r", "1") and decision_of(row).reviewer == "5"
