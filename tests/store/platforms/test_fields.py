"""Fields of records: what is read as an id, a number, a time, a side of a pair, and what was judged."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store.platforms.fields import as_text, at, described, extras, key, moment, number, side, word
from workbench.store.platforms.kinds import looks_like

anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
                        | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=10)


def test_a_path_goes_through_objects_and_finds_a_key_that_holds_dots() -> None:
    record = {"data": {"doc.id": {"n": 5}, "doc": 1}}
    assert at(record, "data.doc.id.n") == 5 and at(record, "data.doc") == 1
    assert at(record, "data.none") is None and at(None, "data") is None


@pytest.mark.parametrize(("label", "expected"), [
    ("a_winner", "A"), ("B", "B"), ("Response A is better", "A"), ("A is a better response", "A"), ("model_b", "B"), ("left", "A"), ("Tie", "tie"),
    ("equally good: tie", "tie"), ("Response 2", "B"), ("2", None), ("A much better", None), ("both bad", None), ("A or B", None), ("", None)])
def test_a_label_names_a_side_only_where_it_says_no_more(label: str, expected: str | None) -> None:
    assert side(label) == expected


def test_times_are_utc_and_what_is_no_time_stays_to_be_found() -> None:
    assert moment("2024-04-02T18:01:13+02:00") == moment("2024-04-02T16:01:13Z") == moment("2024-04-02T16:01:13") == moment(1712073673)
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC) and moment(None) is None
    assert moment("soon") == "soon" and moment(1e300) == word(1e300)


def test_chat_messages_are_told_with_their_roles_and_one_alone_without() -> None:
    assert as_text([{"role": "user", "content": "Hi"}]) == "Hi"
    assert as_text([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}]) == "user: Hi\n\nassistant: Yes"
    assert as_text(["half \ud800", "text"]) == "half ?\n\ntext"
    assert as_text("") is None and as_text({"a": 1}) == '{"a": 1}'


def test_a_pair_with_its_systems_is_recognised_and_short_fields_are_kept() -> None:
    data = {"Prompt": "Why?", "response_a": "x", "response_b": "y", "model_a": "m1", "model_b": "m2", "topic": "sums", "score": 3, "long": "z" * 300,
            "Topic": "other case"}
    assert described(data) == {"prompt": "Why?", "text": "x", "text_b": "y", "system": "m1", "system_b": "m2", "topic": "sums"}


def test_without_a_known_name_the_longest_text_is_the_item() -> None:
    assert described({"narrative": "a long story", "n": 4, "kind": "short"}) == {"text": "a long story", "n": "4", "kind": "short"}


def test_keys_of_different_parts_differ() -> None:
    assert key("a:b", "c") != key("a", "b:c") and key("a", "b") == "a:b"


@settings(max_examples=60, deadline=None)
@given(anything)
def test_any_value_is_read_without_an_error(value: object) -> None:
    for read in (word, as_text):
        found = read(value)
        assert found is None or found.encode() is not None
    assert number(value) is None or abs(number(value)) < float("inf")
    time = moment(value)
    assert time is None or isinstance(time, str) or time.utcoffset().total_seconds() == 0
    assert looks_like(value) in ("", "prodigy", "argilla", "label-studio", "inspect", "label-studio-min")
    assert all(isinstance(v, str) and len(v) <= 200 for v in extras(value if isinstance(value, dict) else {}).values())
