"""Forgetting a rater: nothing of the person is left in the dataset or the cache, and nobody else loses anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workbench as wb
from workbench.cache import cache_folder
from workbench.check import append_checks, check_ratings
from workbench.errors import ParameterError, RatingsError
from workbench.store import forget_rater
from workbench.store.erase import whole_word
from workbench.store.managed import append_ratings

ID = "wanda-91"
TEXT = f"item_id,rater_id,score,note\na,{ID},1,x\na,bob,2,y\nb,{ID},2,z\nb,bob,2,w\nc,{ID},bad,v\nc,bob,worse,u\n"


def places_of(folder: Path, name: bytes) -> list[str]:
    """Files in which the bytes occur, Parquet's unpacked: column by column, and its statistics."""
    found = []
    for path in (p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes() + str(path.name).encode()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content += json.dumps(table.to_pydict(), default=str).encode() + str(pq.ParquetFile(path).metadata.to_dict()).encode()
        if name in content:
            found.append(str(path.relative_to(folder)))
    return sorted(found)


@pytest.fixture
def live(plain: Callable, away: Path) -> Path:
    """A dataset in which one person is everywhere: ratings of several versions, quarantine, raters, claims, checks, cache."""
    plain(TEXT, name=f"delivery_{ID}.csv")
    plain(TEXT.replace("a,wanda-91,1", "a,wanda-91,3"), name="second.csv")
    folder = away / "live"
    decision = pa.table({"rating_id": ["r1", "r2"], "item_id": ["a", "b"], "rater_id": [ID, "zoe"], "score": [1.0, None],
                         "rater_kind": ["adjudicator"] * 2, "replaces": [None, f"plain:b:{ID}"]})
    append_ratings(folder, decision, action={"action": "decision"})
    pd.DataFrame({"rater_id": [ID, "bob"], "country": ["x", "y"]}).to_parquet(folder / "raters.parquet")
    (folder / "review").mkdir()
    (folder / "review" / "claims.jsonl").write_text(f'{{"item": "a", "by": "{ID}"}}\n{{"item": "b", "by": "zoe"}}\n')
    (folder / "review" / f"{ID}.json").write_text("{}")
    return folder


def test_no_byte_of_the_id_is_left_in_the_dataset_or_the_cache(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.store.read.SMALL", 0)    # a small dataset is counted in memory and leaves nothing
    ratings = wb.read(live)
    append_checks(live, check_ratings(ratings), ratings=ratings)
    wb.agreement.pairs(ratings)     # reductions that name raters
    before = places_of(live, ID.encode())
    for part in ("ratings", "quarantine", "raters", "review/claims", "_delta_log"):
        assert any(part in place for place in before), part
    assert places_of(cache_folder(), ID.encode())
    done = forget_rater(live, ID)
    assert places_of(live, ID.encode()) == [] and places_of(cache_folder(), ID.encode()) == []
    assert done.remaining == () and (done.n_quarantined, done.n_side) == (3, 3)


def test_everybody_elses_ratings_stay_as_they_were(live: Path) -> None:
    before = wb.read(live).to_pandas()
    forget_rater(live, ID)
    after = wb.read(live).to_pandas()
    kept = before[before["rater_id"] == "bob"].reset_index(drop=True)
    others = ["replaces", "batch"]      # the one column was of somebody else's rating, the other names the file
    pd.testing.assert_frame_equal(after.drop(columns=others), kept.drop(columns=others), check_dtype=False)
    assert after["batch"].tolist() == ["delivery_(erased)"] * 2
    assert pd.read_parquet(live / "raters.parquet")["rater_id"].tolist() == ["bob"]
    assert (live / "review" / "claims.jsonl").read_text() == '{"item": "b", "by": "zoe"}\n'
    assert wb.store.quarantined(live)[["file", "place"]].values.tolist() == [["second.csv", "line 7"]]


def test_the_log_keeps_a_count_and_earlier_versions_say_why_they_are_gone(live: Path) -> None:
    # wanda's 2 ratings under each of two file names are 3 rows (one edited), her decision 1, zoe's withdrawal of hers 1
    done = forget_rater(live, ID)
    log = wb.store.data_log(live)
    row = log[log["action"] == "forget"].iloc[0]
    assert done.n_rows == row["removed"] == 5 and row["total"] == 2 and row["file"] == ""
    assert log["file"].tolist()[-1] == "delivery_(erased).csv"
    with pytest.raises(ParameterError, match="version 0 of live was erased when a rater was forgotten, on 20"):
        wb.read(live, as_of=0)
    append_ratings(live, pa.table({"rating_id": ["n"], "item_id": ["a"], "rater_id": ["new"], "score": [1.0]}), action={"action": "x"})
    assert wb.read(live).count() == 3


def test_a_rater_of_whom_nothing_is_there_costs_no_history(live: Path) -> None:
    version = int(wb.store.data_log(live)["version"].max())
    for name in ("wanda-9", "nobody"):
        with pytest.raises(ParameterError, match=f"rater '{name}' has no ratings in live"):
            forget_rater(live, name)
    assert wb.store.data_log(live)["version"].max() == version and wb.read(live, as_of=0).count() > 0


def test_what_was_cut_short_is_completed_by_forgetting_again(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store import erase

    with monkeypatch.context() as patch:
        patch.setattr(erase, "clear", lambda table: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            forget_rater(live, ID)
    assert places_of(live, ID.encode()) != []
    assert forget_rater(live, ID).n_rows == 0 and places_of(live, ID.encode()) == []


def test_cells_of_others_that_are_the_id_are_left_and_told(plain: Callable, away: Path) -> None:
    plain("item_id,rater_id,score,checked_by\na,x,1,\na,y,1,x\n")
    done = forget_rater(away / "live", "x")
    assert done.n_rows == 1 and done.remaining == ("ratings: column checked_by, 1 rows",)


def test_texts_of_others_that_name_the_person_are_told(plain: Callable, away: Path) -> None:
    plain("item_id,rater_id,score,note\na,ann,1,mine\na,y,1,ann was here\nb,y,1,annex\n")
    assert forget_rater(away / "live", "ann").remaining == ("ratings: column note, 1 rows",)


def test_reports_that_name_the_person_are_listed(plain: Callable, away: Path) -> None:
    plain(TEXT)
    (away / "notebooks").mkdir()
    for name, page in (("one", f"<b>{ID}</b>"), ("two", "nobody")):
        folder = away / "reports" / "weekly" / "2026-W46" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "index.html").write_text(page)
    assert forget_rater(away / "live", ID).reports == ("reports/weekly/2026-W46/one",)


def test_a_folder_without_a_store_is_refused(away: Path) -> None:
    with pytest.raises(RatingsError, match="no managed table is here"):
        forget_rater(away, "x")
    with pytest.raises(RatingsError, match="no managed table is here"):
        forget_rater(away / "mistyped", "x")
    assert not (away / "mistyped").exists()


@pytest.mark.parametrize(("name", "where", "found"), [("7", "line 7,", True), ("7", "line 17", False), ("7", '{"by": "7"}', True),
                                                      ("al", "also", False), ("a.b", "axb", False), ("a.b", "x_a.b.csv", True)])
def test_an_id_is_found_where_it_stands_by_itself(name: str, where: str, found: bool) -> None:
    assert bool(whole_word(name).search(where)) is found
