"""Versions: what each was, reading an earlier one, and what compaction may and may not change."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import deltalake
import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import ParameterError, RatingsError
from workbench.store.history import commits, compact_data, data_log, opened_at, pin, pinned, quarantined, ratings_of
from workbench.store.managed import append_ratings


def append(folder: Path, key: str, score: float) -> None:
    """One rating appended."""
    rows = pa.table({"rating_id": [key], "item_id": ["i"], "rater_id": [key], "score": [score]})
    append_ratings(folder, rows, action={"action": "import", "file": f"{key}.csv"})


@pytest.fixture
def chain(away: Path) -> Path:
    """A dataset of four versions: a said 1, a says 2, b says 5, a says 1 again."""
    for key, score in (("a", 1), ("a", 2), ("b", 5), ("a", 1)):
        append(away / "live", key, score)
    return away / "live"


def scores(folder: str | Path, **named: object) -> dict[str, float]:
    """What counts, by rater."""
    return dict(wb.read(folder, **named).to_pandas()[["rater_id", "score"]].values.tolist())


def test_each_version_gives_the_answers_it_gave(chain: Path) -> None:
    told = [{"a": 1.0}, {"a": 2.0}, {"a": 2.0, "b": 5.0}, {"a": 1.0, "b": 5.0}]
    assert [scores(chain, as_of=version) for version in range(4)] == told and scores(chain) == told[3]
    assert [scores(f"{chain}@{version}") for version in range(4)] == told


def test_a_point_in_time_means_the_last_version_before_it(chain: Path) -> None:
    at = [entry["timestamp"] for entry in commits(chain / "ratings")]
    when = dt.datetime.fromtimestamp((at[3] - 1) / 1000, dt.timezone.utc)
    assert scores(chain, as_of=when) == scores(chain, as_of=when.isoformat()) == scores(chain, as_of=opened_at(chain / "ratings", when).version())
    assert scores(chain, as_of="2100-01-01") == scores(chain)
    time.sleep(0.005)
    append(chain, "c", 1)
    assert scores(chain, as_of=dt.datetime.fromtimestamp(at[3] / 1000, dt.timezone.utc)) == {"a": 1.0, "b": 5.0}


def test_versions_are_snapshots_of_their_own_and_the_latest_is_the_same_by_any_name(chain: Path) -> None:
    ids = [wb.read(chain, as_of=version).snapshot.id for version in range(4)]
    assert len(set(ids)) == 4 and wb.read(chain).snapshot.id == ids[3] == wb.read(f"{chain}@3").snapshot.id


@pytest.mark.parametrize(("as_of", "words"), [
    (4, "has versions 0 to 3"), ("9", "has versions 0 to 3"), (-1, "has versions 0 to 3"), ("yesterday", "is not a point in time"),
    ("2020-01-01", "the first version of live is of 20")])
def test_a_version_that_never_was_is_an_error_that_names_those_that_are(chain: Path, as_of: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        wb.read(chain, as_of=as_of)


def test_only_delta_tables_have_versions(dataset: Path) -> None:
    with pytest.raises(ParameterError, match="small is not a Delta table, and has no versions"):
        wb.read(dataset, as_of=1)
    with pytest.raises(ParameterError, match="is no Delta table"):
        pin(dataset, 1)
    with pytest.raises(RatingsError, match="no Delta table is here"):
        data_log(dataset)


def test_a_path_is_pinned_by_its_version_and_a_file_named_so_is_itself(chain: Path, away: Path) -> None:
    assert pin(chain, "2100-01-01") == Path(f"{chain}@3") and pin(chain, 1) == Path(f"{chain}@1")
    assert pinned(f"{chain}@1") == (str(chain), "1") and pinned(f"{away}/none@1") == (f"{away}/none@1", None)
    (away / "live@1").mkdir()
    assert pinned(away / "live@1") == (away / "live@1", None)


def test_any_delta_table_has_a_log_and_versions(away: Path) -> None:
    for score in (1.0, 2.0):
        deltalake.write_deltalake("other", pa.table({"item_id": ["i"], "rater_id": ["x"], "score": [score]}), mode="append")
    assert data_log("other")[["version", "action", "stored", "total"]].values.tolist() == [[1, "write", 1, 2], [0, "write", 1, 1]]
    assert wb.read("other", as_of=0).count() == 1 and ratings_of(Path("other")) == Path("other")
    with pytest.raises(ParameterError, match="other has versions 0 to 1"):
        wb.read("other", as_of=7)


def test_the_log_says_when_what_and_how_many(chain: Path) -> None:
    log = data_log(chain)
    assert log[["version", "action", "file", "stored", "superseding", "removed", "total"]].values.tolist() == [
        [3, "import", "a.csv", 1, 1, 0, 4], [2, "import", "b.csv", 1, 0, 0, 3], [1, "import", "a.csv", 1, 1, 0, 2],
        [0, "import", "a.csv", 1, 0, 0, 1]]
    assert log["at"].is_monotonic_decreasing and log["at"].dt.tz is not None
    assert abs(log["at"].iloc[0] - pd.Timestamp.now("UTC")) < pd.Timedelta("1h")


def test_compaction_changes_no_answer_and_keeps_every_version(chain: Path) -> None:
    before = wb.read(chain).to_pandas()
    done = compact_data(chain)
    assert (done.files_before, done.files_after, done.cleared, done.version) == (4, 1, 0, 4)
    pd.testing.assert_frame_equal(wb.read(chain).to_pandas(), before)
    assert scores(chain, as_of=1) == {"a": 2.0}
    append(chain, "a", 9)
    assert wb.read(chain).to_pandas()["rating_id"].tolist() == ["b", "a~4"]


def test_what_was_cleared_away_cannot_be_read_and_says_since_when(chain: Path) -> None:
    done = compact_data(chain, vacuum=True)
    assert done.cleared == 4 and len(list((chain / "ratings").glob("*.parquet"))) == 1
    with pytest.raises(ParameterError, match=r"version 1 of live was cleared away with data compact --vacuum, on 20.* UTC. Versions from \d+ on"):
        wb.read(chain, as_of=1)
    assert scores(chain, as_of=4) == scores(chain) == {"a": 1.0, "b": 5.0}


def test_files_missing_without_a_reason_in_the_log_are_said_to_be_missing(chain: Path) -> None:
    table = deltalake.DeltaTable(str(chain / "ratings"), version=0)
    compact_data(chain)
    Path(table.file_uris()[0].removeprefix("file://")).unlink()
    with pytest.raises(ParameterError, match="files of version 0 of live are missing, and its log does not say why"):
        wb.read(chain, as_of=0)


def test_a_rows_number_is_its_own_where_it_has_one_and_the_files_order_counts_where_it_has_none(chain: Path) -> None:
    compact_data(chain)
    ratings = wb.read(chain)
    assert "_key" not in ratings.source.table.columns and "_content" not in ratings.columns
    assert ratings.source.unfiltered.order_by("_row").select("_row").execute()["_row"].tolist() == [1, 2, 3, 4]
    foreign = pa.table({"item_id": ["i"], "rater_id": ["z"], "score": [3.0]})
    deltalake.write_deltalake(str(chain / "ratings"), foreign, mode="append", schema_mode="merge")
    assert wb.read(chain).source.unfiltered.select("_row").execute()["_row"].nunique() == 5


def test_a_quarantine_that_is_not_there_is_empty(chain: Path) -> None:
    assert quarantined(chain).empty and list(quarantined(chain)) == ["platform", "file", "place", "reason", "raw", "set_aside_at"]
