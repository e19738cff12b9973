from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.errors import ParameterError, RatingsError

RUBRIC = """name = "r"
version = "2"
parent = "1"
author_party = "maker"
in_force = 2026-01-02
changed = "Shorter."

[criteria.tone]
scale = "ordinal"
levels = [{name = "1", value = 1, wording = "bad"}, {name = "2", value = 2, wording = "good"}]
"""


def day(k: int) -> str:
    return f"2026-01-{k:02d}T12:00:00Z"


# rating_id, item, rater, kind, party, score, day; ann meets gold on day 3 (right), 4 (wrong) and 9 (right), bob on day 3 alone (wrong)
ROWS = [("1", "g1", "key", "gold", None, 1, 1), ("2", "g2", "key", "gold", None, 2, 2), ("3", "g3", "key", "gold", None, 2, 8),
        ("4", "g1", "ann", "human", "maker", 1, 3), ("5", "g2", "ann", "human", "maker", 1, 4), ("6", "g3", "ann", "human", "maker", 2, 4),
        ("7", "g1", "ann2", "human", "maker", 1, 9), ("8", "g1", "bob", "human", "outside", 2, 3),
        ("9", "x", "ann", "human", "maker", 2, 6), ("10", "x", "bob", "human", "outside", 1, 7),
        ("11", "x", "auto", "model", "maker", 2, 5), ("12", "y", "ann", "human", "maker", 2, 10)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lineage") / "d"
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "r-2.toml").write_text(RUBRIC)
    names = ["rating_id", "item_id", "rater_id", "rater_kind", "party", "score", "day"]
    rows = pd.DataFrame(ROWS, columns=names).assign(criterion="tone", rubric="r", rubric_version="2", batch="b1")
    rows["rated_at"] = pd.to_datetime(rows.pop("day").map(day), utc=True)
    rows.assign(score=rows["score"].astype(float)).to_parquet(folder / "ratings.parquet")
    snapshot = wb.read(folder).source.id
    pd.DataFrame({"batch": ["", "", "b2"], "check": ["gaps", "gaps", "gaps"], "check_version": "1", "rubric_version": "2",
                  "snapshot": [snapshot, "older", snapshot], "ran_at": pd.to_datetime([day(11), day(12), day(11)], utc=True),
                  "n_rows": [12, 9, 3], "n_failed": [1, 0, 0]}).to_parquet(folder / "checks.parquet")
    return folder


@pytest.fixture
def ratings(folder: Path) -> wb.ratings.Ratings:
    return wb.read(folder)


def test_an_items_passport_names_rubric_checks_raters_and_autorater_share(ratings) -> None:
    stated = wb.signal.passport(ratings, item_id="x").stated
    assert stated["rubrics"] == [{"instrument": "r 2", "rubric": "r", "version": "2", "n_ratings": 3, "file": True, "author_party": "maker",
                                  "in_force": "2026-01-02", "parent": "1", "changed": "Shorter.", "hash": ratings.snapshot.rubrics["r 2"]}]
    assert stated["aggregation"]["autorater_share"] == pytest.approx(1 / 3)
    assert stated["aggregation"]["n_by_rater_kind"] == {"human": 2, "model": 1}
    assert stated["snapshot"]["id"] == ratings.source.id and stated["subject"]["n_raters"] == 3
    assert {r["rater_id"]: (r["kind"], r["party"]) for r in stated["raters"]["listed"]} == {
        "ann": ("human", "maker"), "bob": ("human", "outside"), "auto": ("model", "maker")}


def test_a_check_on_this_snapshot_counts_before_a_later_one_on_another(ratings) -> None:
    (check,) = wb.signal.passport(ratings, item_id="x").stated["checks"]     # of batch b2 x has no rating
    assert (check["n_failed"], check["passed"], check["on_this_snapshot"]) == (1, False, True)


def test_calibration_is_of_earlier_ratings_and_of_gold_known_by_then(ratings) -> None:
    # ann rated x on day 6: g1 right, g2 wrong; g3 was right too, but its gold came on day 8. bob: g1 wrong. auto: none.
    raters = {r["rater_id"]: r for r in wb.signal.passport(ratings, item_id="x").stated["raters"]["listed"]}
    assert (raters["ann"]["n_gold"], raters["ann"]["gold_accuracy"]) == (2, 0.5)
    assert (raters["bob"]["n_gold"], raters["bob"]["gold_accuracy"]) == (1, 0.0)
    assert (raters["auto"]["n_gold"], raters["auto"]["gold_accuracy"]) == (0, None)
    later = wb.signal.passport(ratings, rating_id="12").stated["raters"]["listed"][0]
    assert (later["as_of"], later["n_gold"], later["gold_accuracy"]) == ("2026-01-10T12:00:00+00:00", 3, pytest.approx(2 / 3, abs=1e-6))


def test_what_came_later_changes_no_calibration(folder, tmp_path) -> None:
    rows = pd.read_parquet(folder / "ratings.parquet")
    before = wb.signal.passport(wb.read(rows), rating_id="9").stated["raters"]
    flipped = rows.assign(score=rows["score"].where(rows["rated_at"] <= pd.Timestamp(day(6)), 3 - rows["score"]))
    assert wb.signal.passport(wb.read(flipped), rating_id="9").stated["raters"] == before
    assert before["listed"][0]["gold_accuracy"] == 0.5


def test_one_rating_is_not_aggregated_and_has_its_own_passport(ratings) -> None:
    one, other = (wb.signal.passport(ratings, rating_id=k) for k in ("9", "10"))
    assert one.stated["aggregation"]["method"] == "none: one rating" and one.stated["subject"]["n_ratings"] == 1
    assert one.id != other.id and one.id == wb.signal.passport(ratings, rating_id="9").id


def test_an_aggregates_passport_is_of_what_was_selected(ratings) -> None:
    made = wb.signal.passport(ratings.where(rater_kind="human").between(day(3), day(5)))
    assert made.stated["subject"]["n_ratings"] == 4 and made.stated["subject"]["chosen"] == {"rater_kind": ["human"]}
    assert made.stated["subject"]["from"] == "2026-01-03T12:00:00+00:00"
    assert made.id != wb.signal.passport(ratings).id


def test_the_table_has_a_row_a_fact_and_the_json_the_same(ratings) -> None:
    made = wb.signal.passport(ratings, item_id="x")
    facts = made.table.set_index(["part", "of", "fact"])["value"]
    assert facts["rubrics", "r 2", "author_party"] == "maker" and facts["raters", "ann", "gold_accuracy"] == "0.5"
    assert facts["aggregation", "", "autorater_share"] == "0.3333" and facts["raters", "auto", "gold_accuracy"] == "not stated"
    assert json.loads(made.json()) == made.stated and json.loads(made.json())["passport"] == made.id


def exported(folder: Path, out: Path, *options: str) -> Path:
    from workbench.cli import app

    usual = ["--min-ratings", "1", "--method", "majority"]
    done = CliRunner().invoke(app, ["export", "consensus", str(folder), "--out", str(out), *usual, *options])
    assert done.exit_code == 0, done.output
    return out


def test_an_exported_rows_passport_resolves_to_its_lineage(folder, tmp_path, ratings) -> None:
    out = exported(folder, tmp_path / "labels.parquet", "--criterion", "tone")
    written = set(pd.read_parquet(out)["passport"])
    made = wb.signal.passport(ratings, item_id="x", export=out)
    assert written == {made.id} and made.stated["aggregation"]["method"] == "majority"
    assert made.stated["subject"]["chosen"] == {"criterion": ["tone"]} and made.stated["subject"]["n_ratings"] == 3


def test_an_altered_passport_or_other_ratings_are_refused(folder, tmp_path, ratings) -> None:
    out = exported(folder, tmp_path / "labels.parquet")
    beside = tmp_path / "labels.parquet.passport.json"
    other = wb.read(pd.read_parquet(folder / "ratings.parquet").head(5))
    with pytest.raises(RatingsError, match=r"it is of snapshot \w+ of d, and these ratings are snapshot"):
        wb.signal.passport(other, export=out)
    beside.write_text(beside.read_text().replace('"majority"', '"dawid-skene"'))
    with pytest.raises(RatingsError, match="is not the digest of what it states .* it was altered. Export anew"):
        wb.signal.passport(ratings, export=out)
    with pytest.raises(RatingsError, match="no passport of an export can be read there"):
        wb.signal.passport(ratings, export=tmp_path / "none.parquet")


def test_what_is_not_known_is_null(tmp_path) -> None:
    bare = wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [2, 2]}, index=["a", "b"]))
    stated = wb.signal.passport(bare, item_id="a").stated
    assert stated["checks"] == [] and stated["rubrics"][0]["file"] is False and stated["rubrics"][0]["author_party"] is None
    assert {r["gold_accuracy"] for r in stated["raters"]["listed"]} == {None} and stated["subject"]["first"] is None
    assert wb.signal.passport(bare, item_id="a").table.query("part == 'checks'")["fact"].tolist() == ["none on record"]


def test_a_subject_that_is_not_there_is_named(ratings) -> None:
    with pytest.raises(ParameterError, match=r"item_id='zz' is not among the 12 selected ratings of d, or was replaced or withdrawn"):
        wb.signal.passport(ratings, item_id="zz")
    with pytest.raises(ParameterError, match=r"item_id='x' and rating_id='9': one subject was expected"):
        wb.signal.passport(ratings, item_id="x", rating_id="9")
    with pytest.raises(ParameterError, match=r"has no column rating_id. Name an item_id"):
        wb.signal.passport(wb.from_matrix(pd.DataFrame({"a": [1, 2], "b": [1, 2]})), rating_id="1")


def test_a_replaced_rating_has_no_passport_of_its_own() -> None:
    rows = pd.DataFrame({"item_id": ["a", "a"], "rater_id": "x", "score": [1.0, 2.0], "rating_id": ["1", "2"], "replaces": [None, "1"]})
    with pytest.raises(ParameterError, match="rating_id='1' is not among the 1 selected ratings .* or was replaced"):
        wb.signal.passport(wb.read(rows), rating_id="1")


def test_rows_that_have_no_ratings_make_an_empty_passport(ratings) -> None:
    stated = wb.signal.passport(ratings.where(rater_id="nobody")).stated
    assert stated["subject"]["n_ratings"] == 0 and stated["aggregation"]["autorater_share"] is None and stated["raters"]["listed"] == []
