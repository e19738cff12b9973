"""Reading: every kind of source gives the same ratings, lazily, with an identity, and nothing is guessed about ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import deltalake
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workbench as wb

Csv = Callable[..., Path]
FRAME = pd.DataFrame({"item_id": ["a", "a", "b"], "rater_id": ["x", "y", "x"], "score": [1.0, 2.0, 3.0]})
TEXT = "item_id,rater_id,score\na,x,1\na,y,2\nb,x,3\n"


def rows(source: object, **options: object) -> list[tuple[object, ...]]:
    """Ids and scores as read."""
    return list(wb.read(source, **options).to_pandas()[["item_id", "rater_id", "score"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(("name", "content"), [
    ("t.csv", TEXT), ("t.tsv", TEXT.replace(",", "\t")), ("t.csv", TEXT.replace(",", ";")), ("t.csv", "\ufeff" + TEXT),
    ("t.csv", TEXT.replace("\n", "\r\n")), ("t.csv", TEXT.replace("\n", "\r")), ("T.CSV", TEXT),
    ("t.jsonl", "".join(FRAME.iloc[[k]].to_json(orient="records", lines=True) for k in range(3))),
])
def test_every_way_of_writing_text_reads_alike(name: str, content: str, csv: Csv) -> None:
    assert rows(csv(content, name)) == list(FRAME.itertuples(index=False, name=None))


def test_files_folders_partitions_tables_and_frames_read_alike(away: Path) -> None:
    expected = list(FRAME.itertuples(index=False, name=None))
    FRAME.to_parquet(away / "one.parquet")
    for k, part in enumerate((FRAME[:2], FRAME[2:])):
        (away / f"folder/day={k}").mkdir(parents=True)
        part.to_parquet(away / f"folder/day={k}/part.parquet")
    deltalake.write_deltalake(str(away / "delta"), pa.Table.from_pandas(FRAME))
    import ibis

    for source in (away / "one.parquet", str(away / "one.parquet"), away / "folder", away / "delta", FRAME, ibis.memtable(FRAME)):
        assert sorted(rows(source)) == expected, source
    assert wb.read(away / "folder").to_pandas()["day"].tolist() == ["0", "0", "1"]


def test_side_tables_and_hidden_files_of_a_folder_are_no_ratings(away: Path) -> None:
    (away / "d/_old").mkdir(parents=True)
    for name in ("d/a.parquet", "d/_old/b.parquet"):
        FRAME.to_parquet(away / name)
    pd.DataFrame({"item_id": ["a"], "text": ["t"]}).to_parquet(away / "d/items.parquet")
    ratings = wb.read(away / "d")
    assert ratings.count() == 3 and ratings.items["text"].tolist() == ["t"]


def test_files_with_differing_columns_are_matched_by_name(away: Path) -> None:
    FRAME.to_parquet(away / "a.parquet")
    FRAME[["score", "rater_id", "item_id"]].assign(party="p").to_parquet(away / "b.parquet")
    read = wb.read([away / "a.parquet", away / "b.parquet"])
    assert read.count() == 6 and read.where(party=None).count() == 3
    assert read.to_pandas()["batch"].tolist() == ["a"] * 3 + ["b"] * 3 if "batch" not in read.missing else True


def test_a_delta_table_keeps_columns_added_later_and_honours_deletions(away: Path) -> None:
    path = str(away / "d")
    deltalake.write_deltalake(path, pa.table({"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1.0, 2.0]}))
    before = wb.read(path).snapshot
    deltalake.write_deltalake(path, pa.table({"item_id": ["b"], "rater_id": ["x"], "score": [1.0], "party": ["p"]}), mode="append", schema_mode="merge")
    added = wb.read(path)
    assert added.where(party="p").count() == 1 and added.count() == 3
    assert before.id != added.snapshot.id and wb.read(path).snapshot == added.snapshot
    deltalake.DeltaTable(path).delete("party = 'p'")
    assert wb.read(path).count() == 2


@pytest.mark.parametrize("ids", [["007", "7"], ["1e5", "100000"], ["1", "01"], ["NaN", "null"], ["日本", "naïve ✓"], ["a\tb", "a b"]])
def test_ids_in_text_files_stay_as_written(ids: list[str], csv: Csv) -> None:
    path = csv("item_id,rater_id,score\n" + "".join(f'"{i}",x,1\n' for i in ids))
    assert wb.read(path).to_pandas()["item_id"].tolist() == ids


def test_whole_numbers_stay_ids_and_ids_read_as_fractions_lose_their_point(away: Path) -> None:
    frame = pd.DataFrame({"item_id": np.array([2**62, 7]), "rater_id": [1.0, 2.0], "score": [1, 2]})
    read = wb.read(frame).to_pandas()
    assert read["item_id"].tolist() == [2**62, 7] and read["rater_id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(("labels", "shown"), [([1, 2], ["1", "2"]), ([1.0, 2.5], ["1", "2.5"]), ([True, False], ["true", "false"]),
                                               (pd.Categorical(["u", "v"], categories=["v", "u"]), ["u", "v"]), ([1e300, 1.0], ["1e+300", "1"])])
def test_labels_of_every_type_are_names(labels: object, shown: list[str]) -> None:
    read = wb.read(pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["x", "y"], "label": labels}))
    assert read.to_pandas()["label"].tolist() == shown
    assert wb.reduce.facts(read).scales["default", "1", "overall"].name == "nominal"


@pytest.mark.parametrize(("written", "utc"), [
    ("2026-03-29T02:30:00+02:00", "2026-03-29 00:30"), ("2026-03-29T02:30:00Z", "2026-03-29 02:30"), ("2026-03-29 02:30:00-05", "2026-03-29 07:30"),
    ("2026-03-29 02:30", "2026-03-29 02:30"), ("2026-03-29", "2026-03-29 00:00")])
def test_times_are_read_in_utc(written: str, utc: str, csv: Csv) -> None:
    read = wb.read(csv(f"item_id,rater_id,score,rated_at\na,x,1,{written}\n"))
    assert read.to_pandas()["rated_at"][0] == pd.Timestamp(utc, tz="UTC")
    assert any("name no time zone: read as UTC" in note for note in wb.reduce.facts(read).notes) is not written.endswith(("+02:00", "Z", "-05"))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_typed_times_of_every_unit_and_zone_are_read(unit: str, zone: str | None, away: Path) -> None:
    times = pa.array(pd.to_datetime(["2026-03-29 01:00"]).to_pydatetime().tolist(), pa.timestamp(unit, zone))
    pq.write_table(pa.table({"item_id": ["a"], "rater_id": ["x"], "score": [1], "rated_at": times}), away / "t.parquet")
    read = wb.read(away / "t.parquet")
    assert read.last == pd.Timestamp("2026-03-29 01:00", tz="UTC")
    assert bool(read.notes) is (zone is None)


def test_columns_of_nothing_are_missing_values(away: Path) -> None:
    frame = pd.DataFrame({"item_id": ["a"], "rater_id": ["x"], "score": [1], "rated_at": [None], "step": [None], "party": [None], "label": [None]})
    pq.write_table(pa.Table.from_pandas(frame), away / "n.parquet")
    for source in (frame, away / "n.parquet"):
        assert wb.read(source).to_pandas()[["rated_at", "step", "party", "label"]].isna().all(axis=None)


def test_a_mapping_may_swap_columns(csv: Csv) -> None:
    assert rows(csv("rater_id,item_id,score\na,x,1\n"), columns={"rater_id": "item_id", "item_id": "rater_id"}) == [("a", "x", 1.0)]


def test_row_filters_are_counted_in_order_and_words_are_read_in_the_columns_type(csv: Csv) -> None:
    path = csv("item_id,rater_id,score,qc,k\na,x,1,true,1\nb,x,1,true,2\nc,x,1,false,2\nd,x,1,,3\n")
    read = wb.read(path, exclude={"qc": "true", "k": ["2"]})
    assert read.excluded() == {"qc = true": 2, "k = 2": 1}
    assert read.to_pandas()["item_id"].tolist() == ["d"]


def test_a_wide_file_is_a_matrix_of_items_and_raters(csv: Csv) -> None:
    read = wb.read(csv("item,r1,r2\n01,1,2\n02,,3\n"), wide=True)
    assert rows(csv("item,r1,r2\n01,1,2\n02,,3\n"), wide=True)[0] == ("01", "r1", 1.0)
    assert read.count() == 4 and wb.reduce.patterns(read)[0].n_ratings == 3


def test_from_matrix_reads_numbers_and_level_names_with_gaps() -> None:
    numbers = wb.from_matrix(pd.DataFrame({"x": [1, 2], "y": [1, np.nan]}, index=["a", "b"]), scale="interval")
    names = wb.from_matrix(pd.DataFrame({"x": ["no", "yes"], "y": ["no", None]}, index=["a", "b"]))
    assert wb.reduce.facts(numbers).scales["default", "1", "overall"].name == "interval"
    assert [p.counts.tolist() for p in wb.reduce.patterns(names)] == [[[2, 0], [0, 1]]]


def test_the_same_content_has_the_same_identity_wherever_it_lies(csv: Csv, dataset: Path) -> None:
    a, b, other = csv(TEXT, "t.csv"), csv(TEXT, "u.csv"), csv(TEXT + "c,x,1\n", "v.csv")
    assert wb.read(a).snapshot.id == wb.read(b).snapshot.id != wb.read(other).snapshot.id
    assert wb.read(a).snapshot.id != wb.read(a, exclude={"score": 3}).snapshot.id
    before = wb.read(dataset).snapshot
    rubric = dataset / "rubrics" / "default-1.toml"
    rubric.write_text(rubric.read_text().replace("2026-01-01", "2026-01-02"))
    assert wb.read(dataset).snapshot.id != before.id
    assert wb.read(FRAME).snapshot.id == wb.read(FRAME.copy()).snapshot.id != ""


def test_a_dataset_folder_brings_its_mapping_filters_rubrics_and_name(dataset: Path) -> None:
    read = wb.read(dataset)
    assert read.snapshot.name == "small" and read.count() == 5 and read.excluded() == {"qc = True": 1}
    assert list(read.rubrics) == [("default", "1")]


def test_rubric_files_beside_a_single_file_are_its_own(csv: Csv, away: Path) -> None:
    (away / "t.rubrics").mkdir()
    (away / "t.rubrics/x.toml").write_text('name="default"\nversion="1"\n[criteria.overall]\nscale="nominal"\nlevels=[{name="1"},{name="2"}]\n')
    with pytest.raises(wb.RatingsError, match=r't.csv: 1 score lies outside rubric "default" v1.*3 \(row 3\).*add the levels in t.rubrics/x.toml'):
        wb.read(csv(TEXT, "t.csv")).check()


def test_pseudonyms_hide_ids_from_the_first_table_on(csv: Csv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "secret")
    read = wb.read(csv(TEXT, "t.csv"), pseudonyms="KEY")
    raters = read.to_pandas()["rater_id"]
    assert raters.nunique() == 2 and not {"x", "y"} & set(raters) and (raters.str.len() == 16).all()
    monkeypatch.setenv("KEY", "other")
    assert set(wb.read(csv(TEXT, "t.csv"), pseudonyms="KEY").to_pandas()["rater_id"]).isdisjoint(raters)


@pytest.mark.parametrize("name", ["esa_wmt23_ende", "dices_350", "medrelex_crowdflower", "pandalm"])
def test_real_sets_are_read_with_a_mapping_alone(name: str, shared: Path, away: Path) -> None:
    mapping = {"ts": "rated_at", "ts_start": "started_at", "rubric_id": "rubric", "system_id": "system", "duration_s": "seconds"}
    path = shared / "data" / f"{name}.parquet"
    present = set(pq.read_schema(path).names)
    read = wb.read(path, columns={k: v for k, v in mapping.items() if k in present})
    read.check()
    assert read.count() > 1_000 and read.snapshot.id


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_frame_may_count_its_times_in_any_unit(unit: str) -> None:
    times = pd.to_datetime(["2026-11-02T08:00:00Z", "2026-11-09T08:00:00Z"]).as_unit(unit)
    frame = pd.DataFrame({"item_id": ["a", "b"], "rater_id": "x", "score": 1.0, "rated_at": times})
    assert wb.read(frame).last == pd.Timestamp("2026-11-09T08:00:00Z")
    assert frame["rated_at"].dtype == f"datetime64[{unit}, UTC]"    # the caller's frame stays as it was
