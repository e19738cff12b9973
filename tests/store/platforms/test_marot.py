"""MQM files: segments by hand in both forms of columns, the real file against scores computed from it elsewhere, and broken ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from mutated import cuts, damaged, holds, taken

from workbench.errors import RatingsError
from workbench.store.platforms.marot import parse
from workbench.store.platforms.rows import Item, Options, Silent

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OLD = "system\tdoc\tdoc_id\tseg_id\trater\tsource\ttarget\tcategory\tseverity\tcomment"
NEW = "system\tdoc\tdocSegId\tglobalSegId\trater\tsource\ttarget\tcategory\tseverity\tmetadata"


def line(segment: int = 1, category: str = "Accuracy/Omission", severity: str = "Minor", *, rater: str = "r1", system: str = "S", last: str = "") -> str:
    return "\t".join([system, "talk", str(segment), str(segment + 100), rater, "the <v>source</v>", "the target", category, severity, last])


@pytest.fixture
def export(tmp_path: Path):
    """Writes lines below a header to a file."""
    def write(*lines: str, header: str = OLD) -> Path:
        path = tmp_path / "mqm.tsv"
        path.write_text("".join(f"{one}\n" for one in (header, *lines) if one), encoding="utf-8")
        return path

    return write


def scores(path: Path, options: Options = Options()) -> list[tuple[str, str, float]]:
    ratings, faults, _, refused = taken(parse, path, options)
    assert not faults and not refused, faults
    return [(r["item_id"], r["rater_id"], r["score"]) for r in ratings]


def test_the_lines_of_a_segment_make_one_score(export) -> None:
    path = export(line(), line(severity="Major"), line(category="Fluency/Punctuation"), line(2, "No-error", "No-error"), line(2, rater="r2"))
    # 1 + 5 + 0.1
    assert scores(path) == [("talk#101#S", "r1", -6.1), ("talk#102#S", "r1", 0.0), ("talk#102#S", "r2", -1.0)]
    first = taken(parse, path)[0][0]
    assert (first["n_minor"], first["n_major"], first["rating_id"], first["prompt_id"]) == (2.0, 1.0, "mqm:r1:talk#101#S:spans", "talk#101")
    assert next(one for one in parse(path, Options()) if isinstance(one, Item)).values == {
        "item_id": "talk#101#S", "prompt_id": "talk#101", "system": "S", "prompt": "the source", "text": "the target"}


def test_lines_of_a_segment_that_stand_apart_are_brought_together(export) -> None:
    path = export(line(), line(2), line(severity="Major"), line(3), line(category="Style"))
    assert sorted(scores(path)) == [("talk#101#S", "r1", -7.0), ("talk#102#S", "r1", -1.0), ("talk#103#S", "r1", -1.0)]


def test_newer_columns_count_segments_within_the_document_and_tell_the_time(export) -> None:
    told = [json.dumps({"timestamp": ms}) for ms in (1_700_000_000_000, 1_700_000_009_000)]
    path = export(line(last=told[1]), line(severity="Neutral", last=told[0]), line(2, last="not JSON"), header=NEW)
    found = taken(parse, path)[0]
    assert [(r["item_id"], r["rated_at"] and r["rated_at"].isoformat()) for r in found] == [
        ("talk#1#S", "2023-11-14T22:13:29+00:00"), ("talk#2#S", None)]


def test_the_languages_can_be_put_in_front_of_items_and_keys(export) -> None:
    found = taken(parse, export(line()), Options(values={"task_type": "en-de"}))[0][0]
    assert (found["item_id"], found["prompt_id"], found["rating_id"]) == ("en-de:talk#101#S", "en-de:talk#101", "mqm:r1:en-de%3Atalk#101#S:spans")


def test_tests_of_attention_and_lines_without_a_rater_are_counted_by_kind(export) -> None:
    path = export(line(), line(category="Missed", severity="HOTW-test"), line(3, "", "", rater=""))
    assert scores(path) == [("talk#101#S", "r1", -1.0)]
    assert Counter(one.what for one in parse(path, Options()) if isinstance(one, Silent)) == {"test of attention": 1, "line without a rater": 1}


def test_what_stands_between_the_lines_of_a_segment_does_not_cut_it_in_two(export) -> None:
    path = export(line(), line(severity="HOTW-test"), line(severity="Major"), line(2))
    assert scores(path) == [("talk#101#S", "r1", -6.0), ("talk#102#S", "r1", -1.0)]


@pytest.mark.parametrize(("broken", "spoilt"), [
    (line(severity="Major") + "\tone field more", {"talk#101#S"}),                # its ids can be read
    (line(severity="Major").replace("target", "ta\udce9rget"), {"talk#101#S"}),
    ("S\ttalk", {"talk#101#S", "talk#102#S"})])                                     # they cannot: one of its neighbours lacks it
def test_a_line_that_cannot_be_read_spoils_its_segment_and_no_other(export, broken: str, spoilt: set[str]) -> None:
    path = export()
    text = "\n".join([OLD, line(), broken, line(2), line(3)]) + "\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    ratings, faults, _, _ = taken(parse, path)
    assert {r["item_id"] for r in ratings} == {"talk#101#S", "talk#102#S", "talk#103#S"} - spoilt
    assert len(faults) == 1 + len(spoilt) and sum("its score would leave that out" in f.reason for f in faults) == len(spoilt)


@pytest.mark.parametrize(("broken", "said"), [
    (line(severity="Grave"), "severity 'Grave' has no weight in published"), (OLD, "the header stands here again"),
    (line(severity=""), "severity '' has no weight"), (line(rater=""), "it does not name document, segment, system and rater")])
def test_a_segment_that_is_not_understood_is_one_fault(export, broken: str, said: str) -> None:
    ratings, faults, _, _ = taken(parse, export(line(2), broken, line(3)))
    assert {"talk#102#S", "talk#103#S"} == {r["item_id"] for r in ratings} and len(faults) == 1 and said in faults[0].reason


@pytest.mark.parametrize(("text", "said"), [
    ("item_id,rater_id,score\na,b,1\n", "it has no system, doc, rater, and 3 more"), ("", "holds no header"), (OLD + "\n", "no line can be read"),
    ("system\tsystem\n", "names 'system' twice"), ('[{"data": {}}]\n[]\n', "an MQM file was expected")])
def test_a_file_of_another_kind_is_refused(export, text: str, said: str) -> None:
    path = export()
    path.write_text(text)
    with pytest.raises(RatingsError, match="mqm.tsv: ") as raised:
        list(parse(path, Options()))
    assert said in str(raised.value)


def test_of_a_truncated_file_the_last_segment_is_left_out(export) -> None:
    path = export()
    path.write_text("\n".join([OLD, line(), line(2), line(2)])[:-30])
    ratings, faults, _, _ = taken(parse, path)
    assert [r["item_id"] for r in ratings] == ["talk#101#S"] and [f.place for f in faults] == ["line 4", "line 3"]


def real(shared: Path) -> Path:
    return shared / "data" / "raw" / "mqm_marot_tsv" / "mqm_ted_ende_first4000.tsv"


def test_the_scores_of_a_real_file_are_those_computed_elsewhere(shared: Path) -> None:
    made = pd.DataFrame(taken(parse, real(shared))[0])
    made["item_id"] = "ted-ende:" + made["item_id"]
    expected = pd.read_parquet(shared / "data" / "wmt21_ted_mqm.parquet")
    both = made.merge(expected, on="item_id", suffixes=("", "_elsewhere"))
    assert len(both) == len(made) == 3_392
    assert (both.score == both.score_elsewhere).all() and ("ende_" + both.rater_id == both.rater_id_elsewhere).all()
    assert (both.n_minor == both.n_minor_elsewhere).all() and (both.n_major == both.n_major_elsewhere).all()


@quickly
@given(cuts)
def test_whatever_happens_to_the_bytes_of_a_real_file_nothing_is_raised(shared: Path, tmp_path: Path, changes: Any) -> None:
    path = tmp_path / "mutated.tsv"
    path.write_bytes(damaged(real(shared).read_bytes()[:20_000], changes))
    holds(parse, path)
