"""Importing: what is whole is stored once, what is not is set aside with its reason, and the sums add up, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import ParameterError, RatingsError
from workbench.store import intake
from workbench.store.intake import Seen, Tally, import_ratings
from workbench.store.item_table import ItemStage
from workbench.store.platforms.rows import Options

PLATFORM = Path(__file__).with_name("plain_platform.py")
ROOT = PLATFORM.parents[2]
TEXT = ("item_id,rater_id,score,text,age\n"
        "a,x,1,hello,5\n"
        "a,y,2,hello,6\n"
        "b,x,bad,bye,7\n"
        "b,y,,bye,8\n"
        "b,z,4,bye,9,10\n")
Take = Callable[..., Tally]


def figures(tally: Tally) -> tuple[int, ...]:
    """Read, stored, superseding, unchanged, quarantined, known."""
    return tally.read, tally.stored, tally.superseding, tally.unchanged, tally.quarantined, tally.known


def test_the_sums_add_up_and_the_same_file_again_changes_nothing(plain: Take, away: Path) -> None:
    # five rows: two ratings, one with a bad score, one without a value, one too wide
    assert figures(plain(TEXT)) == (4, 2, 0, 0, 2, 0)
    first, items = wb.read(away / "live").snapshot, (away / "live" / "items.parquet").stat()
    again = plain(TEXT)
    assert figures(again) == (4, 0, 0, 2, 2, 2) and again.without_rating == {"row without a value": 1}
    assert wb.read(away / "live").snapshot == first and (away / "live" / "items.parquet").stat().st_mtime_ns == items.st_mtime_ns
    assert len(wb.store.quarantined(away / "live")) == 2


def test_what_is_set_aside_names_reason_file_and_line(plain: Take, away: Path) -> None:
    tally = plain(TEXT)
    rows = wb.store.quarantined(away / "live").sort_values("place")
    assert rows[["platform", "file", "place"]].values.tolist() == [["plain", "a.csv", "line 4"], ["plain", "a.csv", "line 6"]]
    assert rows["reason"].iloc[0] == "score is 'bad', expected a number; correct it, or leave it empty where there is none"
    assert rows["raw"].iloc[1] == "b,z,4,bye,9,10\n" and '"rater_id": "x"' in rows["raw"].iloc[0]
    assert tally.examples[0].startswith("a.csv, line 4: score is 'bad'")


def test_a_changed_file_adds_what_is_new_and_supersedes_what_was_edited(plain: Take, away: Path) -> None:
    head = "item_id,rater_id,score\n"
    assert figures(plain(head + "a,x,1\na,y,2\n")) == (2, 2, 0, 0, 0, 0)
    assert figures(plain(head + "a,x,3\na,y,2\nb,x,1\n")) == (3, 2, 1, 1, 0, 0)
    assert figures(plain(head + "a,x,1\na,y,2\nb,x,1\n", name="later.csv")) == (3, 1, 1, 2, 0, 0)
    told = [dict(wb.read(away / "live", as_of=v).where(item_id="a").to_pandas()[["rater_id", "score"]].values.tolist()) for v in range(3)]
    assert told == [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 2.0}, {"x": 1.0, "y": 2.0}]


def test_a_row_that_stands_twice_is_one_rating_and_a_key_with_two_values_is_two(plain: Take, away: Path) -> None:
    text = "item_id,rater_id,score\na,x,1\na,x,1\na,x,2\na,y,1\na,x,3\na,x,2\n"
    assert figures(plain(text)) == (6, 4, 0, 2, 0, 0)
    assert figures(plain(text)) == (6, 0, 0, 6, 0, 0)
    assert sorted(wb.read(away / "live").to_pandas()["rating_id"]) == ["plain:a:x", "plain:a:x#2", "plain:a:x#3", "plain:a:y"]


def test_values_whose_hashes_are_the_same_number_are_told_apart() -> None:
    rows = Seen().told_apart([{"rating_id": "k", "score": -1.0}, {"rating_id": "k", "score": -2.0}])   # both hash to -2
    assert [(row["rating_id"], row["score"]) for row in rows] == [("k", -1.0), ("k#2", -2.0)]


@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=6), max_size=12))
def test_keys_are_told_apart_over_parts_as_over_one(parts: list[list[tuple[str, int]]]) -> None:
    seen, expected, whole = Seen(), [], []
    for key, value in (row for part in parts for row in part):
        known = [k for k, v in expected if k.split("#")[0] == key]
        if (key, value) not in whole:
            whole.append((key, value))
            expected.append((f"{key}#{len(known) + 1}" if known else key, value))
    got = [(row["rating_id"], row["score"]) for part in parts for row in seen.told_apart([{"rating_id": k, "score": v} for k, v in part])]
    assert got == expected


def test_a_long_file_is_stored_in_parts_of_one_commit_each(plain: Take, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "ROWS", 10)
    rows = "".join(f"i{k},x,{k % 5}\n" for k in range(35))
    assert figures(plain("item_id,rater_id,score\n" + rows)) == (35, 35, 0, 0, 0, 0)
    assert wb.store.data_log(away / "live")["stored"].tolist() == [5, 10, 10, 10]
    assert wb.read(away / "live").to_pandas(limit=None)["item_id"].tolist() == [f"i{k}" for k in range(35)]


@pytest.mark.parametrize("size", [2, 3, 13])
def test_where_a_part_ends_makes_no_difference(plain: Take, away: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    text = "item_id,rater_id,score,text\na,x,1,t\na,x,1,t\na,x,2,t\nb,x,bad,u\nb,y,3,u\nb,y,,u\na,x,1,t\nc,x,4,v\nc,x,5,v\nc,y,bad,v\nd,x,1,w\n"
    monkeypatch.setattr(intake, "ROWS", size)
    for again in (False, True):     # read: 10, for one row has no value; two stand there before; two are bad
        assert figures(plain(text + "z,x,5,last\n" * 2)) == (12, 0 if again else 7, 0, 10 if again else 3, 2, 2 if again else 0)
    held = wb.read(away / "live").to_pandas()
    assert held["rating_id"].tolist() == ["plain:a:x", "plain:a:x#2", "plain:b:y", "plain:c:x", "plain:c:x#2", "plain:d:x", "plain:z:x"]
    assert held["score"].tolist() == [1, 2, 3, 4, 5, 1, 5] and len(pd.read_parquet(away / "live" / "items.parquet")) == 5


def test_killed_at_any_moment_it_leaves_whole_versions_and_the_next_import_completes_it(plain: Take, away: Path) -> None:
    n = 4_000
    (away / "a.csv").write_text("item_id,rater_id,score,text\n" + "".join(f"i{k},x,{k % 5 if k % 40 else 'bad'},t\n" for k in range(n)))
    environment, held = {**os.environ, "PYTHONPATH": str(ROOT)}, 0
    for pause in (0.0, 0.05, 0.15, 0.3, 0.5):
        run = subprocess.Popen([sys.executable, str(PLATFORM), "a.csv", "live", "100"], stdout=subprocess.PIPE, text=True, env=environment)
        run.stdout.readline()
        time.sleep(pause)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        if (away / "live" / "ratings" / "_delta_log" / f"{0:020d}.json").exists():
            read = wb.read(away / "live")
            now = read.snapshot.n_rows
            assert now >= held and now == wb.store.data_log(away / "live")["total"].iloc[0] == read.source.table.rating_id.nunique().execute()
            held = now
    tally = import_ratings("plain", [away / "a.csv"], into=away / "live")
    assert figures(tally)[:2] == (n, n - n // 40 - held) and tally.unchanged == held and tally.quarantined == n // 40
    assert not list((away / "live").glob(".items-*"))       # what the killed ones left
    assert len(wb.store.quarantined(away / "live")) == n // 40 and wb.read(away / "live").count() == n - n // 40


def test_levels_that_the_rubric_does_not_know_are_set_aside(plain: Take, away: Path) -> None:
    (away / "live" / "rubrics").mkdir(parents=True)
    (away / "live" / "rubrics" / "default-1.toml").write_text(
        'name = "default"\nversion = "1"\n[criteria.overall]\nscale = "ordinal"\n'
        'levels = [{name = "poor", value = 1}, {name = "good", value = 2}]\n[criteria.ease]\nscale = "interval"\nminimum = 0\nmaximum = 10\n')
    tally = plain("item_id,rater_id,score,label,criterion\na,x,1,,overall\na,y,7,,overall\na,z,,fine,overall\na,w,1,good,overall\n"
                  "a,x2,11,,ease\na,y2,3,,ease\na,z2,1,,other\n")
    assert figures(tally) == (7, 3, 0, 0, 4, 0)
    reasons = wb.store.quarantined(away / "live").sort_values("place")["reason"].tolist()
    assert "score '7' is no level of criterion 'overall' of rubric 'default' version '1' (rubrics/default-1.toml), which has 1, 2" in reasons[0]
    assert "label 'fine' is no level" in reasons[1] and "label 'good' and score 1 name different levels" in reasons[2]
    assert "score 11 lies outside 0.0 to 10.0" in reasons[3]


def test_an_extra_of_another_kind_than_what_is_stored_is_one_error_before_anything_is_written(plain: Take, away: Path) -> None:
    plain("item_id,rater_id,score,flag\na,x,1,yes\n")
    folder = away / "live"
    options = Options(values={})

    def parse(path: Path, given: Options) -> list[dict]:
        return [{"rating_id": f"n{k}", "item_id": "a", "rater_id": "x", "score": 1.0, "flag": flag, "age": age}
                for k, (flag, age) in enumerate([(True, 5), (True, "old")])]

    sys.modules["workbench.store.platforms.plain_platform"].parse = parse
    # numbers and text in text lose nothing; the second row's age is text in a column that began as numbers
    tally = import_ratings("plain", [away / "a.csv"], into=folder, options=options)
    assert figures(tally) == (2, 1, 0, 0, 1, 0) and "column age holds text here (old) and numbers elsewhere" in tally.examples[0]
    before = wb.store.data_log(folder)["version"].max()
    sys.modules["workbench.store.platforms.plain_platform"].parse = lambda path, given: [
        {"rating_id": "m", "item_id": "a", "rater_id": "x", "score": 1.0, "age": "older"}]
    with pytest.raises(RatingsError, match="column 'age' holds other values than numbers, which is what is stored .*Convert it to numbers, or give"):
        import_ratings("plain", [away / "a.csv"], into=folder)
    assert wb.store.data_log(folder)["version"].max() == before and len(wb.store.quarantined(folder)) == 1


def test_what_is_given_for_all_rows_holds_for_all(plain: Take, away: Path) -> None:
    plain("item_id,rater_id,score,party\na,x,1,lab\na,y,2,\n", party="vendor_a", layer="1")
    assert wb.read(away / "live").to_pandas()[["party", "layer", "batch"]].values.tolist() == [["vendor_a", 1, "a"]] * 2
    with pytest.raises(ParameterError, match="'colour' cannot be given for all ratings. Columns that can: rater_id, score"):
        plain(TEXT, colour="red")


def test_wrong_callers_get_one_error_and_nothing_is_written(plain: Take, away: Path) -> None:
    with pytest.raises(ParameterError, match="platform='nothing' is not known. Use one of: 'label-studio'"):
        import_ratings("nothing", [away / "a.csv"], into=away / "live")
    for path, words in ((away / "none.csv", "there is no such file"), (away, "it is a folder: name its files")):
        with pytest.raises(RatingsError, match=words):
            import_ratings("plain", [path], into=away / "live")
    with pytest.raises(RatingsError, match="holds no header"):
        plain("")
    assert not list((away / "live").glob("[!.]*"))


def test_items_are_brought_up_to_date_and_keep_what_is_not_given_anew(plain: Take, away: Path) -> None:
    folder = away / "live"
    folder.mkdir()
    pd.DataFrame({"item_id": ["a", "z"], "text": ["old", "kept"], "topic": ["t1", "t2"]}).to_parquet(folder / "items.parquet")
    plain("item_id,rater_id,score,text\na,x,1,first\nb,x,1,new\na,y,1,last\n")
    assert pd.read_parquet(folder / "items.parquet").astype(object).where(lambda t: t.notna(), None).values.tolist() == [
        ["a", "last", "t1"], ["z", "kept", "t2"], ["b", "new", None]]
    assert not list(folder.glob(".items-*"))


def test_items_of_many_parts_and_mixed_kinds_end_as_one_table(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store import item_table

    monkeypatch.setattr(item_table, "PART", 7)
    monkeypatch.setattr(item_table, "BUCKET", 500)
    stage = ItemStage(away)
    for k in range(60):
        stage.add({"item_id": f"i{k % 40}", "text": f"text {k}", "size": k if k < 30 else f"{k} words", "meta": {"k": k}, "none": None})
    stage.merge()
    stage.close()
    found = pd.read_parquet(away / "items.parquet").set_index("item_id")
    assert len(found) == 40 and found.loc["i5", "text"] == "text 45" and found.loc["i35", "text"] == "text 35"
    assert found.loc["i5", "size"] == "45 words" and found.loc["i35", "meta"] == '{"k": 35}' and float(found.loc["i25", "size"]) == 25


def test_items_are_brought_together_by_what_they_weigh_in_memory_and_not_packed(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.store import item_table

    class Counted:
        """An engine that counts the shares it is asked for."""

        def __init__(self, engine: object) -> None:
            self.execute, self.ask = engine.execute, engine.sql

        def sql(self, *asked: object, **given: object) -> object:
            shares.append(asked)
            return self.ask(*asked, **given)

    shares, together = [], item_table.together
    monkeypatch.setattr(item_table, "BUCKET", 10_000)
    monkeypatch.setattr(item_table, "together", lambda engine, *files: together(Counted(engine), *files))
    for again in range(2):      # the second time what is there weighs too
        stage = ItemStage(away)
        for k in range(100):
            stage.add({"item_id": f"i{k:02d}", "text": "long " * 200})
        stage.merge()
        assert len(shares) == [11, 11 + 21][again] and sum(file.stat().st_size for file in stage.parts) < 10_000
        stage.close()
    assert len(pd.read_parquet(away / "items.parquet")) == 100


def test_a_batch_is_called_after_its_file_and_progress_is_told(plain: Take, away: Path) -> None:
    plain(TEXT, name="monday.csv")
    told: list[tuple[str, int]] = []
    import_ratings("plain", [away / "monday.csv"], into=away / "live", progress=lambda path, done: told.append((path.name, done)))
    assert told[-1] == ("monday.csv", len(TEXT)) and set(wb.read(away / "live").to_pandas()["batch"]) == {"monday"}


def test_several_files_are_one_tally(plain: Take, away: Path) -> None:
    plain(TEXT)
    (away / "b.csv").write_text("item_id,rater_id,score\na,x,1\nc,x,2\n")
    tally = import_ratings("plain", [away / "a.csv", away / "b.csv"], into=away / "live")
    # the rating of a by x stands in both, in the second without an age: an edit
    assert figures(tally) == (6, 2, 1, 2, 2, 2)
