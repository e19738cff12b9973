"""Argilla's records in each of their forms, as its documentation and code state them; and broken ones."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from mutated import cuts, damaged, edited, edits, holds, rated_as, taken

from workbench.errors import RatingsError
from workbench.store.platforms.argilla import parse
from workbench.store.platforms.rows import Item, Options, Silent

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def nested(number: int, suggestions: dict | None = None, **responses: Any) -> dict[str, Any]:
    """A record of `to_list(flatten=False)`: question -> list of (user, value)."""
    return {"id": f"r{number}", "fields": {"prompt": "Hi", "response": f"Hello {number}"}, "metadata": {"topic": "x"}, "vectors": {},
            "suggestions": suggestions or {}, "_server_id": f"s{number}",
            "responses": {name: [{"value": value, "user_id": user} for user, value in given] for name, given in responses.items()}}


def flattened(number: int, **answers: Any) -> dict[str, Any]:
    """A record of `to_list(flatten=True)`; in names two underscores stand for a dot."""
    return {"id": f"r{number}", "_server_id": f"s{number}", "prompt": "Hi", "status": "completed"} | {
        name.replace("__", "."): value for name, value in answers.items()}


@pytest.fixture
def export(tmp_path: Path):
    """Writes records to a file."""
    def write(*records: Any, text: str | None = None) -> Path:
        path = tmp_path / "records.json"
        path.write_text(json.dumps(records) if text is None else text)
        return path

    return write


table = partial(rated_as, parse)


def test_a_nested_record_gives_labels_and_scores_by_user(export) -> None:
    path = export(nested(1, quality=[("u1", 5), ("u2", 3)], tone=[("u1", "kind")]))
    assert table(path, "item_id", "rater_id", "criterion", "score", "label", "rating_id") == [
        ("r1", "u1", "quality", 5.0, None, "argilla:s1:u1:quality"), ("r1", "u2", "quality", 3.0, None, "argilla:s1:u2:quality"),
        ("r1", "u1", "tone", None, "kind", "argilla:s1:u1:tone")]
    item = next(one for one in parse(path, Options()) if isinstance(one, Item))
    assert item.values == {"item_id": "r1", "prompt": "Hi", "text": "Hello 1", "topic": "x"}


def test_a_multi_label_answer_is_yes_or_no_on_every_option_of_the_file(export) -> None:
    path = export(nested(1, tags=[("u1", ["a", "b"])]), nested(2, tags=[("u1", [])]))
    assert table(path, "item_id", "criterion", "label") == [("r1", "tags: a", "yes"), ("r1", "tags: b", "yes"), ("r2", "tags: a", "no"), ("r2", "tags: b", "no")]


def test_a_ranking_gives_ranks_and_spans_are_counted(export) -> None:
    rank, span = [{"value": "x", "rank": 1}, {"value": "y", "rank": 2}], [{"start": 0, "end": 1, "label": "P"}] * 2
    path = export(nested(1, order=[("u1", rank)], ner=[("u1", span)]), nested(2, ner=[("u1", [])]))
    assert table(path, "item_id", "criterion", "score") == [("r1", "order: x", 1.0), ("r1", "order: y", 2.0), ("r1", "ner: P", 2.0), ("r2", "ner: P", 0.0)]


def test_a_suggestion_is_rated_by_its_agent(export) -> None:
    path = export(nested(1, {"quality": {"value": 4, "score": 0.8, "agent": "judge"}, "tone": {"value": "kind", "score": None, "agent": None}}))
    assert table(path, "rater_id", "rater_kind", "criterion", "score", "label", "confidence") == [
        ("judge", "model", "quality", 4.0, None, 0.8), ("suggestion", "model", "tone", None, "kind", None)]


def test_a_flat_record_tells_the_status_of_its_responses(export) -> None:
    record = flattened(1, quality__responses=[5, None, 2], quality__responses__users=["u1", "u2", "u3"], quality__suggestion=3,
                       quality__responses__status=["submitted", "discarded", "draft"], quality__suggestion__agent="judge", quality__suggestion__score=0.2)
    assert table(export(record), "rater_id", "score", "status", "confidence") == [
        ("u1", 5.0, "rated", None), ("u2", None, "skipped", None), ("judge", 3.0, None, 0.2)]
    assert [one.what for one in parse(export(record), Options()) if isinstance(one, Silent)] == ["draft"]


def test_records_as_the_server_and_version_one_list_them(export) -> None:
    record = {"id": "s1", "external_id": "r1", "fields": {"text": "t"}, "suggestions": [{"question_name": "tone", "value": "kind", "score": 0.4, "agent": "m"}],
              "responses": [{"values": {"tone": {"value": "rude"}}, "status": "submitted", "user_id": "u1", "updated_at": "2024-01-02T00:00:00"}]}
    assert table(export(record), "item_id", "rater_id", "label", "rating_id") == [
        ("r1", "u1", "rude", "argilla:s1:u1:tone"), ("r1", "m", "kind", "argilla:s1:suggested by m:tone")]
    assert taken(parse, export(record))[0][0]["rated_at"].isoformat() == "2024-01-02T00:00:00+00:00"


@pytest.mark.parametrize("texts", [["short", "a long\ncomment"], ["short", "x" * 101], [f"word {n}" for n in range(21)]])
def test_texts_hold_no_rating(export, texts: list[str]) -> None:
    path = export(*(nested(n, why=[("u1", text)]) for n, text in enumerate(texts)))
    assert [one.what for one in parse(path, Options()) if isinstance(one, Silent)] == ["text answer"] * len(texts)


def test_many_answers_of_few_labels_are_labels(export) -> None:
    path = export(*(nested(n, topic=[("u1", f"topic {n % 21}")]) for n in range(60)))
    assert len(table(path, "label")) == 60


def test_the_settings_beside_the_records_say_what_a_question_is(export, tmp_path: Path) -> None:
    (tmp_path / ".argilla").mkdir()
    questions = [{"name": "why", "settings": {"type": "text"}},
                 {"name": "tags", "settings": {"type": "multi_label_selection", "options": [{"value": "a"}, {"value": "never"}]}}]
    (tmp_path / ".argilla" / "settings.json").write_text(json.dumps({"questions": questions}))
    path = export(nested(1, why=[("u1", "ok")], tags=[("u1", ["a"])]))
    assert table(path, "criterion", "label") == [("tags: a", "yes"), ("tags: never", "no")]


def test_a_response_without_a_value_holds_no_rating(export) -> None:
    said = [one.what for one in parse(export(nested(1, quality=[("u1", None)]), nested(2)), Options()) if isinstance(one, Silent)]
    assert said == ["empty answer", "record without answers"]
    discarded = {"id": "s", "fields": {}, "responses": [{"values": None, "status": "discarded", "user_id": "u"}]}
    assert [one.what for one in parse(export(discarded), Options()) if isinstance(one, Silent)] == ["empty answer"]


def test_the_item_and_a_missing_rater_can_be_named(export) -> None:
    path = export(nested(1, quality=[(None, 5)]))
    assert "does not say whose it is" in taken(parse, path)[1][0].reason
    assert table(path, "item_id", "rater_id", options=Options(item="metadata.topic", values={"rater_id": "ana"})) == [("x", "ana")]


@pytest.mark.parametrize(("broken", "said"), [
    (nested(1) | {"responses": {"quality": ["x"]}}, "an answer to quality is not an object with a value"),
    (nested(1) | {"responses": "x"}, "responses is neither a list nor an object"), (nested(1) | {"responses": [{}]}, "a response holds no values"),
    (nested(1) | {"suggestions": {"quality": 3}}, "an answer to quality is not an object with a value"),
    (nested(1) | {"suggestions": [{"value": 3}]}, "an answer to no question"), (nested(1, quality=[("u1", "good")]), "the answer to quality is not of the kind"),
    (flattened(1, quality__responses=[1, 2], quality__responses__users=["u1"]), "the responses to quality, their users and their status"),
    (nested(1) | {"id": None, "_server_id": None}, "a record was expected"), (None, "a record was expected")])
def test_what_is_not_understood_is_one_fault(export, broken: Any, said: str) -> None:
    ratings, faults, _, _ = taken(parse, export(nested(9, quality=[("u1", 4)]), broken))
    assert [r["item_id"] for r in ratings] == ["r9"] and [f.reason.startswith(said) for f in faults] == [True], faults


@pytest.mark.parametrize(("text", "said"), [('[{"id": 1, "data": {}, "annotations": []}]', "Use `workbench import label-studio`"),
                                            ('{"version": 2, "eval": {"task": "t"}}', "Use `workbench import inspect`"), ("x,y\n", "begins with")])
def test_a_file_of_another_kind_is_refused(export, text: str, said: str) -> None:
    with pytest.raises(RatingsError, match="records.json: ") as raised:
        list(parse(export(text=text), Options()))
    assert said in str(raised.value)


@pytest.fixture(scope="module")
def rich() -> list[dict[str, Any]]:
    """A small export with records of every form."""
    return [nested(1, {"quality": {"value": 4, "score": 0.8, "agent": "m"}}, quality=[("u1", 5), ("u2", 3)], tags=[("u1", ["a"]), ("u2", [])],
                   ner=[("u1", [{"start": 0, "label": "P"}])], order=[("u1", [{"value": "x", "rank": 1}])], tone=[("u1", "kind")]),
            flattened(2, quality__responses=[5, None], quality__responses__users=["u1", "u2"], quality__responses__status=["submitted", "discarded"]),
            {"id": "s3", "fields": {"text": "t"}, "responses": [{"values": {"tone": {"value": "rude"}}, "status": "draft", "user_id": "u1"}]}]


@quickly
@given(edits)
def test_whatever_a_value_turns_into_nothing_is_lost_and_nothing_raised(rich, tmp_path: Path, changes) -> None:
    tree, whole = edited(rich, changes)
    path = tmp_path / "mutated.json"
    path.write_text(json.dumps(tree))
    holds(parse, path, n_records=len(tree), whole=whole)


@quickly
@given(cuts)
def test_whatever_happens_to_the_bytes_nothing_is_raised(rich, tmp_path: Path, changes) -> None:
    path = tmp_path / "mutated.json"
    path.write_bytes(damaged(json.dumps(rich).encode(), changes))
    holds(parse, path)
