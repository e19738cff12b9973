"""A file read a second time: without an engine, with the same answers, and never with those of other bytes, questions or code."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import workbench as wb
from workbench.cache import cache_folder
from workbench.errors import RatingsError
from workbench.privacy import Terms, under
from workbench.ratings import Ratings
from workbench.store import read as reading
from workbench.store import recalled

RUBRIC = 'name = "tone"\nversion = "1"\n[criteria.tone]\nscale = "ordinal"\nlevels = [{name = "1", value = 1}, {name = "2", value = 2}]\n'


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two raters, forty items, a row to be left out, a rubric, side tables; with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics/tone-1.toml").write_text(RUBRIC)
    (folder / "dataset.toml").write_text('name = "forty"\n[columns]\nwho = "rater_id"\n[exclude]\nstage = ["training"]\n')
    made = [f"i{i:02d},{who},tone,tone,1,{1 + (i + len(who)) % 2},2026-03-{1 + i % 28:02d}T10:00:00Z,{'training' if i == 7 else 'live'},{i % 3}"
            for i in range(40) for who in ("ann", "bo", "carla")]
    head = "item_id,who,criterion,rubric,rubric_version,score,rated_at,stage,site"
    (folder / "ratings.csv").write_text("\n".join([head, *made]) + "\n")
    pd.DataFrame({"item_id": ["i00"], "text": ["hello"]}).to_parquet(folder / "items.parquet")
    pd.DataFrame({"rater_id": ["ann", "bo", "carla"], "party": ["x", "y", "z"]}).to_parquet(folder / "raters.parquet")
    return folder


def answers(ratings: Ratings) -> dict[str, object]:
    ratings.check()
    source = ratings.source
    return {"id": source.id, "identity": source.identity(), "name": source.name, "columns": ratings.columns, "missing": ratings.missing,
            "notes": ratings.notes, "exclude": source.exclude, "rubrics": dict(ratings.rubrics), "use": source.use, "n": ratings.count(),
            "first": ratings.first, "last": ratings.last, "excluded": ratings.excluded(), "overview": ratings.overview,
            "snapshot": ratings.snapshot}


def numbers(ratings: Ratings) -> pd.DataFrame:
    return wb.agreement.summary(ratings).drop(columns=["snapshot"], errors="ignore")


def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*given: object, **how: object) -> None:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(reading, "opened_source", refused)


def test_what_was_read_is_read_again_without_an_engine_and_answers_alike(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = wb.read(dataset)
    told, rows, found = answers(first), first.to_pandas(limit=None), numbers(first)
    assert told["excluded"] == {"stage = training": 3} and len(rows) == told["n"] == 117 and told["snapshot"].n_rows == 120
    with monkeypatch.context() as patch:
        no_engine(patch)
        again = wb.read(dataset)
        assert answers(again) == told
        assert_frame_equal(again.to_pandas(limit=None), rows)
        assert_frame_equal(again.period("2026-W10").to_pandas(limit=5), first.period("2026-W10").to_pandas(limit=5))
        assert_frame_equal(numbers(again), found)
        assert again.items["text"].tolist() == ["hello"]
    assert_frame_equal(again.table.order_by("_row").select(*rows).to_pandas(), rows)


def recalls(monkeypatch: pytest.MonkeyPatch, source: object, **how: object) -> bool:
    """Whether this is read without the engine."""
    with monkeypatch.context() as patch:
        no_engine(patch)
        try:
            wb.read(source, **how)
        except AssertionError:
            return False
    return True


def test_other_bytes_questions_settings_or_code_are_read_anew(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wb.read(dataset).check()
    assert recalls(monkeypatch, dataset) and recalls(monkeypatch, str(dataset), columns={}, engine="duckdb")
    assert not recalls(monkeypatch, dataset, exclude={"site": "2"})
    assert not recalls(monkeypatch, dataset, columns={"site": "party"})
    assert not recalls(monkeypatch, dataset, use="score")
    with monkeypatch.context() as patch:
        patch.setattr(recalled, "source_hash", lambda: "other code")
        assert not recalls(monkeypatch, dataset)
    settings = (dataset / "dataset.toml").read_text()
    (dataset / "dataset.toml").write_text(settings.replace("forty", "forties"))
    assert not recalls(monkeypatch, dataset)
    (dataset / "dataset.toml").write_text(settings)
    file, before = dataset / "ratings.csv", (dataset / "ratings.csv").stat()
    text = file.read_text()
    file.write_text(text.replace("i00,ann,tone,tone,1,2", "i00,ann,tone,tone,1,1"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not recalls(monkeypatch, dataset)
    assert wb.read(dataset).where(item_id="i00", rater_id="ann").to_pandas()["score"].tolist() == [1.0]


def test_a_rubric_that_changed_is_held_against_the_rows_that_are_kept(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wb.read(dataset).check()
    (dataset / "rubrics/tone-1.toml").write_text(RUBRIC.replace('name = "2", value = 2', 'name = "3", value = 3'))
    assert recalls(monkeypatch, dataset)
    with pytest.raises(RatingsError, match="2"):
        wb.read(dataset).check()


def test_bad_values_are_named_on_every_reading(dataset: Path) -> None:
    file = dataset / "ratings.csv"
    file.write_text(file.read_text().replace("i01,ann,tone,tone,1,1", "i01,ann,tone,tone,1,many"))
    for _ in range(2):
        with pytest.raises(RatingsError, match="many"):
            wb.read(dataset).check()
    assert not list((cache_folder() / "read").glob("*")) if (cache_folder() / "read").exists() else True


def test_terms_have_rows_of_their_own(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "one")
    wb.read(dataset).check()
    with under(Terms(pseudonyms="SECRET")):
        assert not recalls(monkeypatch, dataset)
        veiled = wb.read(dataset)
        veiled.check()
        assert recalls(monkeypatch, dataset)
        again = wb.read(dataset)
        assert_frame_equal(again.to_pandas(), veiled.to_pandas())
        assert set(again.raters["rater_id"]) == set(veiled.raters["rater_id"]) and "ann" not in set(again.raters["rater_id"])
        monkeypatch.setenv("SECRET", "two")
        assert not recalls(monkeypatch, dataset)


def test_a_file_that_changes_between_memory_and_engine_is_said(dataset: Path) -> None:
    wb.read(dataset).check()
    again = wb.read(dataset)
    with (dataset / "ratings.csv").open("a") as file:
        file.write("i41,ann,tone,tone,1,1,2026-03-01T10:00:00Z,live,1\n")
    with pytest.raises(RatingsError, match="forty: it has changed since it was read. Read it again"):
        again.table.count().execute()


def test_rows_of_a_damaged_file_come_from_the_engine(dataset: Path) -> None:
    first = wb.read(dataset)
    first.check()
    [path] = (cache_folder() / "read").iterdir()
    content = bytearray(path.read_bytes())
    content[4:len(content) // 4] = bytes(len(content) // 4 - 4)       # its footer is whole
    path.write_bytes(content)
    again = wb.read(dataset)
    assert_frame_equal(again.to_pandas(limit=None), first.to_pandas(limit=None))


def test_only_files_whose_rows_lie_in_the_cache_are_kept(dataset: Path) -> None:
    ratings = wb.read(dataset)
    assert not recalled.is_kept(ratings.source)
    ratings.check()
    assert recalled.is_kept(ratings.source)
    [path] = (cache_folder() / "read").iterdir()
    path.unlink()
    assert not recalled.is_kept(ratings.source)
    store = wb.read(wb.store.adopt(dataset, into=dataset.parent / "store").folder)
    store.check()
    assert store.source.small and not store.source.kept and not recalled.is_kept(store.source)


def test_a_cache_that_takes_no_rows_is_done_without(dataset: Path) -> None:
    wb.read(dataset)
    (cache_folder() / "read").write_text("a file where the folder would be")
    ratings = wb.read(dataset)
    ratings.check()
    assert len(ratings.to_pandas(limit=None)) == 117


def test_what_is_kept_and_damaged_is_read_anew(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wb.read(dataset).check()
    [path] = (cache_folder() / "read").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert not recalls(monkeypatch, dataset)
    assert len(wb.read(dataset).to_pandas(limit=None)) == 117
    wb.read(dataset).check()
    assert recalls(monkeypatch, dataset)
