"""A plain dataset adopted: the same ratings, rubrics and settings, to which can be appended; twice is once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError, RatingsError
from workbench.store.adopted import adopt
from workbench.store.managed import latest


def values(ratings: wb.Ratings) -> list[tuple]:
    """What ratings say, whatever their keys."""
    frame = ratings.to_pandas(limit=None)
    columns = ["item_id", "rater_id", "score", "label", "step", "criterion", "rated_at"]
    frame = frame.reindex(columns=columns).astype(object).fillna({"criterion": "overall"})
    return frame.where(frame.notna(), None).values.tolist()


def test_an_adopted_dataset_reads_as_before(dataset: Path, away: Path) -> None:
    done = adopt(dataset, into=away / "store")
    assert (done.stored, done.superseding, done.unchanged, done.left) == (6, 0, 0, ())
    before, after = wb.read(dataset), wb.read(away / "store")
    assert values(after) == values(before) and after.excluded() == before.excluded()
    assert after.rubrics.keys() == before.rubrics.keys() and after.source.name == "small"
    assert {"batch", "rating_id"} & set(after.missing) == set()


def test_adopting_again_stores_nothing_and_an_edit_supersedes(dataset: Path, away: Path) -> None:
    adopt(dataset, into=away / "store")
    version = latest(away / "store" / "ratings").version()
    assert adopt(dataset, into=away / "store").unchanged == 6 and latest(away / "store" / "ratings").version() == version
    frame = pd.read_parquet(dataset / "ratings.parquet")
    frame.loc[0, "score"] = 3
    frame.to_parquet(dataset / "ratings.parquet")
    done = adopt(dataset, into=away / "store")
    assert (done.stored, done.superseding, done.unchanged) == (1, 1, 5)
    assert values(wb.read(away / "store"))[-1][:3] == ["a", "x", 3.0] and wb.read(away / "store").count() == 5      # six, one filtered


def test_rows_alike_are_kept_apart_and_keys_of_the_source_are_kept(csv: object, away: Path) -> None:
    path = csv("item_id,rater_id,score,rating_id,replaces\na,x,1,,\na,x,1,,\na,x,2,,\nb,x,1,k1,\nb,x,2,k2,k1\n")
    assert adopt(path, into=away / "store").stored == 5 == latest(away / "store" / "ratings").to_pyarrow_dataset().count_rows()
    table = wb.read(away / "store").to_pandas()
    assert len(table) == 4 and "k2" in set(table["rating_id"]) and table["rating_id"].is_unique
    assert adopt(path, into=away / "store").unchanged == 5


def test_side_tables_come_along_and_what_was_edited_there_is_left(dataset: Path, away: Path) -> None:
    pd.DataFrame({"item_id": ["a", "b"], "text": ["A", "B"]}).to_parquet(dataset / "items.parquet")
    pd.DataFrame({"rater_id": ["x"], "team": ["red"]}).to_parquet(dataset / "raters.parquet")
    adopt(dataset, into=away / "store")
    rubric = away / "store" / "rubrics" / "default-1.toml"
    rubric.write_text(rubric.read_text().replace("in_force = 2026-01-01\n", ""))
    pd.DataFrame({"item_id": ["b", "c"], "text": ["B2", "C"]}).to_parquet(dataset / "items.parquet")
    assert adopt(dataset, into=away / "store").left == ("rubrics/default-1.toml",)
    after = wb.read(away / "store")
    assert after.items.set_index("item_id")["text"].to_dict() == {"a": "A", "b": "B2", "c": "C"} and after.raters["team"].tolist() == ["red"]
    assert "in_force" not in rubric.read_text()


def test_what_cannot_be_adopted_is_said(dataset: Path, csv: object, away: Path) -> None:
    with pytest.raises(ParameterError, match="is where the source lies. Name a new folder"):
        adopt(dataset, into=dataset)
    with pytest.raises(RatingsError, match="holds ratings.parquet, ratings that were not imported"):
        adopt(csv("item_id,rater_id,score\na,x,1\n", "one.csv"), into=dataset)
    with pytest.raises(RatingsError, match="cannot be read as a number"):
        adopt(csv("item_id,rater_id,score\na,x,1\nb,x,many\n", "two.csv"), into=away / "bad")
    assert not (away / "bad" / "ratings").exists()
