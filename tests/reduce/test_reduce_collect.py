"""A caller's table on an engine that cannot answer: told in one sentence, and the cure it names works."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RatingsError

FRAME = pd.DataFrame([(i, r, float(s)) for i, *scores in ("a122", "b233", "c111", "d311") for r, s in zip("xyz", scores)],
                     columns=["item_id", "rater_id", "score"])


@pytest.fixture
def on_sqlite(away: Path) -> ibis.Table:
    connection = sqlite3.connect(away / "theirs.db")
    FRAME.to_sql("ratings", connection, index=False)
    connection.close()
    return ibis.sqlite.connect(away / "theirs.db").table("ratings")


@pytest.mark.parametrize("ask", [
    wb.agreement.krippendorff_alpha, wb.agreement.pairs, wb.agreement.icc, wb.agreement.connectivity, wb.Ratings.check, wb.reduce.cells,
    wb.Ratings._repr_html_])
def test_an_engine_that_lacks_what_is_asked_is_named_with_the_fault_and_the_cure(
        on_sqlite: ibis.Table, ask: Callable[[wb.Ratings], object]) -> None:
    with pytest.raises(RatingsError, match=r"^table: its engine, sqlite, does not answer what statistics ask \(OperationNotDefinedError: "
                                           r".*IsNan.*\)\. Take the rows out of it: read\(table\.to_pandas\(\)\), or .*DuckDB or Spark\.$"):
        ask(wb.read(on_sqlite))


def test_the_cures_that_the_error_names_give_the_estimates(on_sqlite: ibis.Table) -> None:
    on_sqlite.to_parquet("ratings.parquet")
    expected = wb.agreement.krippendorff_alpha(wb.read(FRAME))
    for source in (on_sqlite.to_pandas(), "ratings.parquet"):
        pd.testing.assert_frame_equal(wb.agreement.krippendorff_alpha(wb.read(source)), expected)


def test_faults_of_a_tested_engine_keep_their_own_words(away: Path) -> None:
    FRAME.to_parquet("theirs.parquet")
    ratings = wb.read(ibis.duckdb.connect().read_parquet("theirs.parquet"))
    Path("theirs.parquet").unlink()
    with pytest.raises(Exception, match="No files found|No such file") as raised:
        ratings.check()
    assert not isinstance(raised.value, RatingsError)
