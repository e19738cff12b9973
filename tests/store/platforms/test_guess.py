"""Proposed mappings: what they make of real exports, that they work as they are, and that they say why."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated import as_lines, edited, edits, taken

from workbench.errors import RatingsError
from workbench.store.platforms.guess import guess_mapping
from workbench.store.platforms.rows import Options
from workbench.store.platforms.table import parse

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def imported(path: Path, folder: Path) -> tuple[pd.DataFrame, str]:
    """Ratings read by the mapping that is proposed, and its text."""
    text = guess_mapping(path)
    (folder / "guess.toml").write_text(text, encoding="utf-8")
    ratings, faults, _, refused = taken(parse, path, Options(mapping=folder / "guess.toml"))
    assert not faults and not refused, faults[:2]
    return pd.DataFrame(ratings), text


def raw(shared: Path, name: str) -> Path:
    return shared / "data" / "raw" / name


def test_a_real_table_of_raters_by_items_is_proposed_and_read_as_elsewhere(shared: Path, tmp_path: Path) -> None:
    made, text = imported(raw(shared, "pluriharms/annotations.csv"), tmp_path)
    assert 'columns = "Rating_*"    # 150 of them, from Rating_1 to Rating_150' in text
    assert 'of = "item_id"    # each of them; the rows are raters' in text and 'beside = {trial = "Trial_*"}' in text
    expected = pd.read_parquet(shared / "data" / "pluriharms.parquet").dropna(subset="score")
    expected = expected.assign(item_id=expected.item_id.str[7:].astype(int).astype(str), rater_id=expected.rater_id.str[1:].astype(int).astype(str))
    both = made.merge(expected, on=["item_id", "rater_id"], suffixes=("", "_elsewhere"))
    assert len(both) == len(made) == len(expected) == 14_725 and (both.score == both.score_elsewhere).all()
    assert (both.trial.astype(int) == both.trial_order).all() and (both.Gender == both.rater_gender).all()


def test_a_real_array_of_pairs_with_a_column_a_rater_is_proposed_and_read_as_elsewhere(shared: Path, tmp_path: Path) -> None:
    made, text = imported(raw(shared, "pandalm/testset-v1.json"), tmp_path)
    assert 'columns = ["annotator1", "annotator2", "annotator3"]' in text and '1 = "A"\n2 = "B"\n0 = "tie"' in text
    expected = pd.read_parquet(shared / "data" / "pandalm.parquet")
    expected = expected[expected.rater_kind == "human"]
    expected = expected.assign(item_id=expected.item_id.str[8:].astype(int).astype(str), label=expected.label.map({"1": "A", "2": "B", "tie": "tie"}))
    both = made.merge(expected, on=["item_id", "rater_id"], suffixes=("", "_elsewhere"))
    assert len(both) == len(made) == len(expected) == 2_997 and (both.label == both.label_elsewhere).all()


def test_a_real_long_table_is_proposed_and_read_as_elsewhere(shared: Path, tmp_path: Path) -> None:
    names = {"unit_id": "Unit", "rater_id": "Worker ID", "label": "Relation answer", "ts": "Submitted", "ts_start": "Started", "item_text": "Sentence",
             "channel": "Channel"}
    expected = pd.read_parquet(shared / "data" / "medrelex_crowdflower.parquet")
    expected = expected[expected.batch == "RelEx_batch_13"][list(names)].assign(ts=lambda d: d.ts.dt.strftime("%m/%d/%Y %H:%M:%S"),
                                                                                ts_start=lambda d: d.ts_start.dt.strftime("%m/%d/%Y %H:%M:%S"))
    path = tmp_path / "long.csv"
    expected.rename(columns=names).to_csv(path, index=False, sep=";")
    made, text = imported(path, tmp_path)
    assert 'times = ["%m/%d/%Y %H:%M:%S"]' in text and 'items = ["Sentence"]' in text and 'separator = "|"' in text
    picked = made[made.label == "yes"].groupby(["item_id", "rater_id"]).criterion.agg(lambda c: "|".join(sorted(x.split(": ")[1] for x in c)))
    assert len(picked) == 1_590 and picked.to_dict() == expected.set_index(["unit_id", "rater_id"]).label.to_dict()


def test_a_column_that_names_the_question_goes_with_the_one_that_answers_it(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = [f"d{n % 5},r{n % 3},{aspect},{(n * k) % 5},{1_700_000_000 + n}" for n in range(15) for k, aspect in ((1, "tone"), (2, "length"))]
    path.write_text("doc_id,annotator,aspect,rating,timestamp\n" + "\n".join(rows))
    made, text = imported(path, tmp_path)
    assert 'criterion = "aspect"    # names the question: length, tone' in text and 'times = ["s"]' in text
    assert set(made.criterion) == {"tone", "length"} and made.score.between(0, 4).all() and len(made) == 30


@pytest.mark.parametrize(("name", "platform"), [("figure_eight_export/RelEx_batch_13.ip_blanked.csv", "appen"),
                                                ("zooniverse_export/kenya_wildlife.csv", "zooniverse")])
def test_a_known_platforms_export_gets_the_mapping_that_is_at_hand(shared: Path, tmp_path: Path, name: str, platform: str) -> None:
    made, text = imported(raw(shared, name), tmp_path)
    assert f"looks like an export of {platform}: `workbench import {platform} FILE`" in text and len(made) > 1_000


def test_a_column_that_is_the_rows_own_key_is_proposed_as_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("rating_id,item_id,rater_id,score\n" + "".join(f"r{k},i{k // 4},w{k % 2},{k % 3}\n" for k in range(12)))
    (tmp_path / "m.toml").write_text(guess_mapping(tmp_path / "t.csv"))
    assert 'key = ["rating_id"]' in (tmp_path / "m.toml").read_text()
    ratings = taken(parse, tmp_path / "t.csv", Options(mapping=tmp_path / "m.toml"))[0]
    assert len({rating["rating_id"] for rating in ratings}) == 12       # by who and what they would be 6


def test_a_decimal_comma_is_proposed_where_numbers_have_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("item;rater;rating\n" + "".join(f"i{k // 3};w{k % 3};{k % 5},5\n" for k in range(30)))
    ratings, text = imported(tmp_path / "t.csv", tmp_path)
    assert 'decimal = ","' in text and sorted(set(ratings["score"])) == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_what_lacks_is_said_and_what_is_left_out_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("item,score,why,empty\n" + "".join(f"i{n},{n % 4},because of reason {n},\n" for n in range(40)))
    text = guess_mapping(path)
    assert "# rater_id: no column looks like it" in text and '# left out: "empty" (nothing in it)' in text
    assert tomllib.loads(text)["columns"]["item_id"] == "item"
    path.write_text("item,worker,why\n" + "".join(f"i{n},w{n % 3},because of reason {n}\n" for n in range(40)))
    assert "# no column looks like an answer" in guess_mapping(path)


@pytest.mark.parametrize("name", ["\\ud800", "a\\nb", "\\u007f", "\\u0000", '\\"', "#", "é", "score "])
def test_names_of_any_kind_are_written_as_toml_and_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"doc": f"d{n % 3}", "user": f"u{n}", "Q": n % 2, "Q1": "x", "Q2": "y", "Q3": "z"} for n in range(9)]).replace('"Q', f'"{name}'))
    made, text = imported(path, tmp_path) if name != "\\ud800" else (None, guess_mapping(path))
    assert tomllib.loads(text.encode().decode())["columns"]["item_id"] == "doc"
    assert made is None or len(made) == 9


@pytest.mark.parametrize("content", ["", "a,b\n", "[1]", "\x00\x01"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(RatingsError, match="a.csv: "):
        guess_mapping(tmp_path / "a.csv")


@quickly
@given(edits, st.booleans())
def test_whatever_a_table_holds_a_proposal_is_toml_or_one_clear_error(tmp_path: Path, changes, as_json: bool) -> None:
    rows = [{"doc": f"d{n}", "user": "w", "r1": n, "r2": 2, "r3": 3, "when": "2026-01-02", "note": ["a"]} for n in range(4)]
    tree, _ = edited(rows, changes)
    path = tmp_path / ("a.json" if as_json else "a.jsonl")
    path.write_text(json.dumps(tree) if as_json or not isinstance(tree, list) else as_lines(tree))
    try:
        text = guess_mapping(path)
        tomllib.loads(text.encode().decode())
    except RatingsError as fault:
        assert str(fault).startswith(path.name)
