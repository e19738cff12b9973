"""What is wrong with an input is said once, in the reader's words: what was expected, what was found, where, and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workbench as wb
from workbench.store.normalise import OWN

HEAD = "item_id,rater_id,score\n"
Csv = Callable[..., Path]


def said(source: object, **options: object) -> str:
    """The error that reading and checking end with."""
    with pytest.raises(wb.WorkbenchError) as fault:
        wb.read(source, **options).check()
    assert type(fault.value) is not wb.WorkbenchError
    return str(fault.value)


@pytest.mark.parametrize(("text", "words"), [
    ("", "the file is empty"),
    (HEAD, "a header but no rows"),
    ("rater_id,score\nx,1\n", "no column 'item_id'. Found: rater_id, score. Name it with columns={'YOURS': 'item_id'}"),
    ("item_id,rater_id\na,x\n", "neither a 'score' nor a 'label' column"),
    (HEAD + "a,x,1\nb,y,good\nc,z,bad\n", "2 values of 'score' cannot be read as a number: good (row 2), bad (row 3)"),
    (HEAD + "a,x,NaN\nb,y,inf\nc,z,1\n", "2 values of 'score' are NaN or infinite: nan (row 1), inf (row 2)"),
    (HEAD + " ,x,1\nb,,2\n", "1 value of 'item_id' is blank: row 1."),
    (HEAD + "a,x,1,9\nb,y,2\n", "line 2 has 4 fields, the header has 3"),
    (HEAD + "a,x\nb,y,2\n", "line 2 has 2 fields, the header has 3"),
    (HEAD + "b,y,1\n" * 3_000 + "b,y,2,7\n", "line 3002 has 4 fields"),
    (HEAD + 'a,"x,1\nb,y,2\n', "line 2 has 2 fields, the header has 3"),
    ("item_id,rater_id,score,score\na,x,1,2\n", "column 'score' stands twice in the header"),
    ("item_id,rater_id,score,rated_at\na,x,1,yesterday\n", "'rated_at' cannot be read as a time (2026-11-01T08:00:00Z): yesterday (row 1)"),
    ("item_id,rater_id,score,rated_at\na,x,1,1780000000\n", "cannot be read as a time"),
    ("item_id,rater_id,score,step\na,x,1,1.5\nb,x,1,2\n", "1 value of 'step' cannot be read as a whole number: 1.5 (row 1)"),
    ("item_id,rater_id,score,layer\na,x,1,99999999999999999999\n", "1 value of 'layer' cannot be read as a whole number"),
    ("item_id,rater_id,score,rater_kind\na,x,1,robot\n", "Use one of: human, expert, adjudicator"),
])
def test_a_bad_text_file_is_refused_with_its_fault_its_place_and_a_cure(text: str, words: str, csv: Csv) -> None:
    message = said(csv(text))
    assert message.startswith("ratings.csv: ") and words in message


def test_every_fault_of_a_table_is_said_at_once(csv: Csv) -> None:
    message = said(csv("item_id,rater_id,score,status\n,x,1,rated\nb,y,good,done\n"))
    assert all(words in message for words in ("'item_id' is blank", "good (row 2)", "done (row 2)"))


@pytest.mark.parametrize("text", [HEAD.encode() + b"\xe9,x,1\n", HEAD.encode() + b"a,x,1\n" * 50_000 + b"\xe9,x,1\n",
                                  (HEAD + "a,x,1\n").encode("utf-16")])
def test_bytes_that_are_not_utf8_are_named_with_the_command_that_converts_them(text: bytes, csv: Csv) -> None:
    assert "are not UTF-8 text. Save the file as UTF-8, for example: iconv" in said(csv(text))


@pytest.mark.parametrize(("text", "words"), [
    ('{"item_id":{"a":1},"rater_id":"x","score":1}\n', "column 'item_id' is struct<a: int64>, expected text"),
    ('{"item_id":"a","rater_id":"x","score":1}\n{"item_id":"b",\n', "Correct that line"),
    ('[{"item_id":"a"}]\n', "no column 'item_id'"),
])
def test_json_lines_that_hold_no_flat_rows_are_refused(text: str, words: str, csv: Csv) -> None:
    assert words in said(csv(text, "t.jsonl"))


@pytest.mark.parametrize(("options", "words"), [
    ({"columns": {"ts": "rated_at"}}, "the mapping names column 'ts', which is not there. Its columns are: item_id, rater_id, score"),
    ({"columns": {"rater_id": "item_id"}}, "after mapping, column 'item_id' would stand twice (from item_id, rater_id)"),
    ({"exclude": {"qc": True}}, "a row filter names column 'qc', which is not there"),
    ({"exclude": {"score": "high"}}, "column 'score' holds numbers"),
    ({"exclude": {"score": 1}}, "the row filters leave no rows"),
    ({"engine": "sqlite"}, "engine='sqlite' is not known"),
    ({"engine": "$NO_SUCH_ENGINE"}, "engine='$NO_SUCH_ENGINE': there is no such environment variable"),
    ({"engine": "spark://jane:hunter22@host:7077"}, "engine='spark://…@host:7077' holds a password, which would stand in reports"),
    ({"pseudonyms": "the key itself"}, "name of an environment variable was expected"),
    ({"use": "both"}, "use='both' is not known. Use one of: 'score', 'label'"),
    ({"pseudonyms": "NO_SUCH_KEY"}, "there is no such environment variable"),
])
def test_a_bad_argument_is_refused_by_its_name(options: dict[str, object], words: str, csv: Csv) -> None:
    assert words in said(csv(HEAD + "a,x,1\n"), **options)


def test_a_missing_file_an_empty_folder_and_an_unknown_kind_are_told_apart(away: Path, csv: Csv) -> None:
    (away / "folder").mkdir()
    assert "there is no such file or folder" in said("nothing.csv")
    assert "neither `ratings`" in said(away / "folder")
    assert "files of kind .xlsx are not read" in said(csv("x", "t.xlsx"))
    assert "source is an empty list" in said([])
    assert "source is a int" in said(5)


def test_a_file_named_twice_would_count_twice(csv: Csv) -> None:
    path = csv(HEAD + "a,x,1\n")
    assert "a file is named twice" in said([path, path])


def test_a_truncated_parquet_file_is_not_taken_for_a_short_one(dataset: Path, away: Path) -> None:
    (away / "cut.parquet").write_bytes((dataset / "ratings.parquet").read_bytes()[:-200])
    assert "cut.parquet: not a whole Parquet file" in said(away / "cut.parquet")


def test_nan_in_parquet_is_found_though_the_file_says_nothing_of_it(away: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a", "b"], "rater_id": ["x", "y"], "score": [float("nan"), 1.0]}), away / "n.parquet")
    assert "1 value of 'score' is NaN or infinite: nan (row 1)" in said(away / "n.parquet")


def test_a_fault_in_the_second_of_two_files_says_so(away: Path, csv: Csv) -> None:
    message = said([csv(HEAD + "a,x,1\n", "one.csv"), csv(HEAD + "a,x,1\nb,y,bad\n", "two.csv")])
    assert "bad (row 2 of file 2)" in message


@pytest.mark.parametrize(("frame", "words"), [
    (pd.DataFrame(), "the frame has no rows"),
    (pd.DataFrame({"item_id": ["a"], "rater_id": ["x"], "score": [np.inf]}), "1 value of 'score' is NaN or infinite"),
    (pd.DataFrame({"item_id": [1, "a"], "rater_id": ["x", "y"], "score": [1, 2]}), "a column of mixed types"),
    (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("c", "d")])), "2 levels of names"),
    (pd.DataFrame([[1, 2, 3]], columns=["item_id", 1, "1"]), "column '1' twice"),
    (pd.DataFrame({"item_id": ["a"], "rater_id": ["x"], "score": [1], "rated_at": [1_780_000_000]}), "unit='s'"),
])
def test_a_bad_frame_is_refused(frame: pd.DataFrame, words: str) -> None:
    assert words in said(frame)


def test_a_huge_cell_is_refused_in_bounded_memory(csv: Csv) -> None:
    path = csv(HEAD.encode() + b"a,x,1\nb," + b"y" * 50_000_000 + b",2\n", "huge.csv")
    code = ("import sys, workbench as wb\n"
            "try: wb.read(sys.argv[1]).check()\n"
            "except wb.RatingsError as fault: print(fault)\n"     # not ru_maxrss: a child begins with its parent's
            "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])")
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).resolve().parents[2])
    message, peak = done.stdout.splitlines()
    assert "larger than 16 MB. Cut it, or keep long texts in items.parquet" in message
    assert int(peak) < 700_000, "kB: the libraries alone take about 250,000"


@pytest.mark.parametrize("name", ["n", "weight", "unit", "total", "w0"])
def test_a_column_named_as_a_result_cannot_group(name: str) -> None:
    frame = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1, 2], name: ["p", "q"]})
    ratings = wb.read(frame)
    with pytest.raises(wb.ParameterError, match=rf"named as a result is. Read it under another name: columns=\{{'{name}': 'my_{name}'\}}"):
        wb.reduce.patterns(ratings, by=[name])
    assert len(wb.reduce.patterns(wb.read(frame, columns={name: f"my_{name}"}), by=[f"my_{name}"])) == 2


def test_scales_that_differ_are_not_pooled_and_the_error_names_what_tells_them_apart() -> None:
    frame = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "x"], "criterion": ["c", "d"], "score": [1, 0.5]})
    with pytest.raises(wb.RatingsError, match=r"cannot be pooled.*by=\['criterion'\]"):
        wb.reduce.patterns(wb.read(frame))


def test_steps_and_whole_items_are_not_pooled() -> None:
    frame = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "step": [1, None], "score": [1, 2]})
    with pytest.raises(wb.RatingsError, match=r"where\(step=None\)"):
        wb.reduce.patterns(wb.read(frame))
    assert wb.reduce.patterns(wb.read(frame).where(step=None))[0].n_ratings == 1


def test_own_names_never_leave_a_source(away: Path) -> None:
    frame = pd.DataFrame({"item_id": ["a"], "rater_id": ["x"], "score": [1], "_row": ["q"], "_batch": ["r"], "_trust": [0.5]})
    frame.to_parquet(away / "r.parquet")
    for source in (frame, away / "r.parquet"):
        shown = wb.read(source, columns={"_trust": "trust"}).to_pandas()
        assert not set(OWN) & set(shown.columns) and shown["trust"].tolist() == [0.5]


def test_json_numbers_and_words_in_one_id_column_stay_apart(csv: Csv) -> None:
    rows = [{"item_id": i, "rater_id": "x", "score": 1} for i in ("a", 7, "007")]
    assert wb.read(csv("".join(json.dumps(r) + "\n" for r in rows), "t.jsonl")).to_pandas()["item_id"].tolist() == ["a", "7", "007"]


@pytest.mark.parametrize(("line", "words"), [
    ('use = "both"', 'use is \'both\', expected "score" or "label"'), ('columns = "x"', "columns is 'x', expected a table"),
    ('exclude = ["x"]', "expected a table of COLUMN = VALUE"), ("name = 5", "name is 5, expected text"),
    ("[columns]\nts = 5", 'expected a table of YOURS = "OURS"'), ("[exclude]\nscore = {a = 1}", "expected a table of COLUMN = VALUE"),
])
def test_a_setting_of_another_kind_is_refused(line: str, words: str, dataset: Path) -> None:
    (dataset / "dataset.toml").write_text(line)
    with pytest.raises(wb.RatingsError) as caught:
        wb.read(dataset)
    assert words in str(caught.value) and str(caught.value).startswith("dataset.toml: ")


def test_side_tables_that_cannot_be_used_are_told_at_once(dataset: Path) -> None:
    (dataset / "items.parquet").write_bytes(b"PAR1 cut off")
    pd.DataFrame({"name": ["A"]}).to_parquet(dataset / "systems.parquet")
    with pytest.raises(wb.RatingsError) as caught:
        wb.read(dataset)
    assert "items.parquet: not a whole Parquet file" in str(caught.value)
    assert "systems.parquet: no column 'system'. Found: name." in str(caught.value)
