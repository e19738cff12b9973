"""The readers that parsers stand on: what is whole comes through, what is not is one fault each, and nothing takes it all into memory."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import RatingsError
from workbench.store.platforms import delimited_text, json_stream, text
from workbench.store.platforms.rows import Fault, as_raw, delimited, json_lines, json_records

Csv = Callable[..., Path]
VALUES = st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)


def places(found: list) -> list:
    """The numbers of records, and the places of faults."""
    return [entry.place if isinstance(entry, Fault) else entry[0] for entry in found]


@settings(max_examples=40, deadline=None)
@given(records=st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=8), indent=st.sampled_from([None, 2]),
       chunk=st.integers(1, 40))
def test_records_come_as_the_json_library_reads_them_however_the_file_is_cut_in_chunks(tmp_path_factory, records, indent, chunk) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(records, indent=indent, ensure_ascii=False), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_records(path)) == list(enumerate(records, 1))


def test_objects_one_after_another_and_several_arrays_are_records_too(csv: Csv) -> None:
    assert list(json_records(csv('{"a": 1}\n{"a": 2}\n', "a.json"))) == [(1, {"a": 1}), (2, {"a": 2})]
    assert list(json_records(csv("[1, 2]\n[[3]]", "b.json"))) == [(1, 1), (2, 2), (3, [3])]
    assert list(json_records(csv("[]", "c.json"))) == []


def test_nan_is_told_apart_from_null(csv: Csv) -> None:
    (_, first), (_, second) = json_records(csv('[{"score": NaN}, {"score": null}]', "a.json"))
    assert math.isnan(first["score"]) and second["score"] is None


def test_a_broken_record_costs_itself_alone(csv: Csv) -> None:
    found = list(json_records(csv('[{"a": 1}, {"a": tru}, {"a": "]} \\" {["}, {"a": 4}}, {"a": 5}]', "a.json")))
    assert places(found) == [1, "record 2", 3, 4, "record 5", 6]
    assert found[1].raw == '{"a": tru}' and "not JSON" in found[1].reason


@pytest.mark.parametrize("cut", ['[{"a": 1}, {"a": "x', '[{"a": 1}, {"a": ', '[{"a": 1}, {', '[{"a": 1}', '[{"a": 1},'])
def test_a_file_that_breaks_off_gives_what_was_whole_and_one_fault(csv: Csv, cut: str) -> None:
    found = list(json_records(csv(cut, "a.json")))
    assert places(found) == [1, "record 2"] and "breaks off" in found[1].reason and "only what is new is added" in found[1].reason


def test_bytes_that_are_not_utf8_cost_their_record(csv: Csv) -> None:
    found = list(json_records(csv(b'[{"a": "caf\xe9"}, {"a": "caf\xc3\xa9"}]', "a.json")))
    assert places(found) == ["record 1", 2] and found[1][1] == {"a": "café"} and found[0].raw == '{"a": "caf\\xe9"}'


def test_marks_at_the_start_and_utf16_are_read(csv: Csv) -> None:
    assert list(json_records(csv('[{"a": "é"}]'.encode("utf-8-sig"), "a.json"))) == [(1, {"a": "é"})]
    assert list(json_records(csv('[{"a": "é"}]'.encode("utf-16"), "b.json"))) == [(1, {"a": "é"})]
    assert list(delimited(csv("a,b\r\n1,é\r\n".encode("utf-16"), "c.csv"))) == [(2, {"a": "1", "b": "é"})]


@pytest.mark.parametrize(("content", "words"), [("", "it is empty"), ("  \n", "it is empty"), ("item,rater\n1,2", "it begins with 'item,rater")])
def test_a_file_that_is_no_json_is_refused_before_anything(csv: Csv, content: str, words: str) -> None:
    with pytest.raises(RatingsError, match=words):
        list(json_records(csv(content, "a.json")))


def test_a_record_that_is_too_large_is_passed_over(csv: Csv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "RECORD_LIMIT", 1_000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    large = json.dumps({"a": '\\"]}' * 2_000, "b": [[{}]] * 20})
    found = list(json_records(csv(f'[{{"a": 1}}, {large}, {{"a": 3}}]', "a.json")))
    assert places(found) == [1, "record 2", 3] and "larger than" in found[1].reason
    monkeypatch.setattr(text, "RECORD_LIMIT", 1_000)
    found = list(json_lines(csv(f'{{"a": 1}}\n{large}\n{{"a": 3}}\n', "a.jsonl")))
    assert places(found) == [1, "line 2", 3] and "longer than" in found[1].reason


def test_a_record_just_below_the_limit_is_read(csv: Csv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "RECORD_LIMIT", 1_000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    near = json.dumps({"a": "x" * 880})
    assert places(list(json_records(csv(f'[{near}, {near}, {{"a": 3}}]', "a.json")))) == [1, 2, 3]


def test_a_record_too_deep_to_be_written_is_still_set_aside() -> None:
    record: list[object] = []
    for _ in range(100_000):
        record = [record]
    assert as_raw(record) == "(nested too deeply to be written)"


def test_a_deep_nest_is_a_fault_and_no_crash(csv: Csv) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    assert places(list(json_records(csv(f'[{{"a": 1}}, {deep}, 3]', "a.json")))) == [1, "record 2", 3]
    assert places(list(json_lines(csv(f"{deep}\n3\n", "a.jsonl")))) == ["line 1", 2]


def test_lines_keep_their_numbers_and_a_bad_one_costs_itself(csv: Csv) -> None:
    found = list(json_lines(csv(b'{"a": 1}\n\n{"a": \n{"a": "\xff"}\r\n{"a": 5}\n{"a"', "a.jsonl")))
    assert places(found) == [1, "line 3", "line 4", 5, "line 6"]
    assert "correct that line" in found[1].reason and "breaks off here" in found[4].reason
    with pytest.raises(RatingsError, match="is empty"):
        list(json_lines(csv("\n", "b.jsonl")))


def test_rows_are_dicts_and_quoted_fields_may_hold_anything(csv: Csv) -> None:
    found = list(delimited(csv('a,b\n1,"x, ""y""\nz"\n\n2,w\n')))
    assert found == [(2, {"a": "1", "b": 'x, "y"\nz'}), (5, {"a": "2", "b": "w"})]
    assert list(delimited(csv("a;b\n1;2\n"))) == [(2, {"a": "1", "b": "2"})]
    assert list(delimited(csv('a\tb\n1\t"x\n'), quotes=False)) == [(2, {"a": "1", "b": '"x'})]


def test_a_row_of_another_width_is_a_fault_that_names_both(csv: Csv) -> None:
    found = list(delimited(csv('a,b\n1,2,3\n4\n5,6\n7,"8\n9",10\n')))
    assert places(found) == ["line 2", "line 3", 4, "lines 5-6"] and "it has 3 fields and the header has 2" in found[0].reason


def test_an_open_quote_costs_its_own_line_alone(csv: Csv) -> None:
    found = list(delimited(csv('a,b\n1,"x\n2,y\n3,z\n')))
    assert places(found) == ["line 2", 3, 4] and "quote may be left open" in found[0].reason
    found = list(delimited(csv('a,b\n1,"x\n2,y\n3,"z"\n4,w\n')))
    assert places(found) == ["line 2", 3, 4, 5]


@pytest.mark.parametrize(("content", "words"), [("", "no header"), ("a,b,a\n1,2,3\n", "names 'a' twice"), (b"a,\xff\n1,2\n", "not UTF-8"),
                                                ("\n1,2\n", "no header")])
def test_a_table_without_a_sound_header_is_refused(csv: Csv, content: str | bytes, words: str) -> None:
    with pytest.raises(RatingsError, match=words):
        list(delimited(csv(content)))


def test_a_field_of_a_megabyte_is_read(csv: Csv) -> None:
    assert len(next(iter(delimited(csv("a,b\n1," + "x" * 1_000_000 + "\n"))))[1]["b"]) == 1_000_000


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_long_file_is_never_held_whole(csv: Csv, kind: str) -> None:
    record = '{"item_id": "a", "text": "' + "x" * 5_000 + '"}'
    lines = {"json": "[" + ",\n".join([record] * 4_000) + "]", "jsonl": "\n".join([record] * 4_000) + "\n",
             "csv": "a,b\n" + ("a," + "x" * 5_020 + "\n") * 4_000}
    path = csv(lines[kind], f"a.{kind}")
    read = {"json": json_records, "jsonl": json_lines, "csv": delimited}[kind]
    tracemalloc.start()
    assert sum(1 for entry in read(path) if not isinstance(entry, Fault)) == 4_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2


def test_the_place_at_hand_and_the_bytes_read_are_told(csv: Csv) -> None:
    told: list[tuple[str, int]] = []
    path = csv("a,b\n1,2\n3,4\n")
    token = text.WATCH.set(lambda file, done: told.append((file.name, done)))
    for line, _ in delimited(path):
        assert text.PLACE.get() == f"line {line}"
    text.WATCH.reset(token)
    assert told[-1] == (path.name, path.stat().st_size)


def test_raw_text_is_cut_and_can_always_be_stored() -> None:
    assert len(as_raw("x" * 100_000)) == text.RAW_LIMIT
    assert as_raw({"a": "\ud800"}).encode() == b'{"a": "\\ud800"}'


def test_text_and_delimited_share_one_limit() -> None:
    assert delimited_text.RECORD_LIMIT == json_stream.RECORD_LIMIT == text.RECORD_LIMIT == 64_000_000
