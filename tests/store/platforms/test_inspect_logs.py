"""Inspect's logs: two that Inspect itself wrote with its mock model (`data/`), values of every kind by hand, and broken ones."""

from __future__ import annotations

import json
import math
import zipfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated import cuts, damaged, edited, edits, holds, rated_as, taken

from workbench.errors import RatingsError
from workbench.store.platforms import eval_entries
from workbench.store.platforms.inspect_logs import parse
from workbench.store.platforms.rows import Item, Options, Silent

REAL = Path(__file__).parent / "data"       # three samples, two epochs, three scorers, one failing sample, one edited score
quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def log(*samples: Any, **more: Any) -> dict[str, Any]:
    """A log as Inspect writes it."""
    spec = {"task": "t", "task_id": "T", "model": "m", "created": "2026-01-01T00:00:00+00:00", "config": {"epochs": 1}}
    return {"version": 2, "status": "success", "eval": spec, "stats": {"completed_at": "2026-01-02T00:00:00+00:00"}} | more | {"samples": list(samples)}


def sample(number: Any, epoch: int = 1, **scores: Any) -> dict[str, Any]:
    """A sample in one epoch, with values by scorer."""
    return {"id": number, "epoch": epoch, "input": "in", "target": "out", "output": {"completion": "said"}, "metadata": {"topic": "x"},
            "scores": {name: {"value": value, "history": []} for name, value in scores.items()}}


@pytest.fixture
def written(tmp_path: Path):
    """Writes a log to a file; `packed` as the zip that `.eval` files are."""
    def write(made: Any, *, packed: bool = False, method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / ("log.eval" if packed else "log.json")
        if not packed:
            path.write_text(json.dumps(made))
            return path
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("_journal/start.json", json.dumps({k: v for k, v in made.items() if k in ("version", "eval")}))
            for one in made["samples"]:
                archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
            archive.writestr("header.json", json.dumps({k: v for k, v in made.items() if k != "samples"}))
        return path

    return write


table = partial(rated_as, parse)


@pytest.mark.parametrize("kind", ["json", "eval"])
def test_a_log_that_inspect_wrote_is_read_whole(kind: str) -> None:
    rows = table(REAL / f"greetings.{kind}", "prompt_id", "epoch", "rater_id", "rater_kind", "criterion", "score", "label", "status")
    assert len(rows) == 23
    assert [row[2:] for row in rows if row[:2] == ("greetings:one", 2)] == [
        ("match", "program", "match", 0.0, "I", None), ("model_graded_qa (mockllm/grader)", "model", "model_graded_qa", 1.0, "C", None),
        ("rubric", "model", "helpful", 3.0, None, None), ("rubric", "model", "polite", 1.0, "yes", None), ("rubric", "model", "tone", 0.5, "P", None)]
    assert [row[2:] for row in rows if row[:2] == ("greetings:two", 2)] == [
        ("match", "program", "match", 0.0, "I", None), ("reviewer 1", "adjudicator", "match", 1.0, "C", None),
        ("model_graded_qa (mockllm/grader)", "model", "model_graded_qa", 0.0, "I", None), ("rubric", "model", "rubric", None, None, "skipped")]
    assert {row[-1] for row in rows if row[0] == "greetings:three"} == {"cancelled"}


def test_both_forms_of_a_log_give_the_same_ratings_and_items() -> None:
    assert list(parse(REAL / "greetings.json", Options())) == list(parse(REAL / "greetings.eval", Options()))


def test_the_means_of_the_ratings_are_the_metrics_that_inspect_printed() -> None:
    # Inspect averages a sample's epochs, then the samples.
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for rating in taken(parse, REAL / "greetings.eval")[0]:
        if rating.get("status") is None and rating["rater_kind"] != "adjudicator":
            scores[rating["criterion"]][rating["prompt_id"]].append(rating["score"])
    printed = {one["name"]: next(iter(one["metrics"].values()))["value"] for one in json.loads((REAL / "greetings.json").read_text())["results"]["scores"]}
    for name in ("model_graded_qa", "helpful", "polite", "tone"):
        assert mean(map(mean, scores[name].values())) == pytest.approx(printed[name]), name


@pytest.mark.parametrize(("value", "expected"), [
    (0.25, [("s", 0.25, None, None)]), (3, [("s", 3.0, None, None)]), ("C", [("s", 1.0, "C", None)]), ("P", [("s", 0.5, "P", None)]),
    ("I", [("s", 0.0, "I", None)]), ("N", [("s", 0.0, "N", None)]), (True, [("s", 1.0, "yes", None)]), (False, [("s", 0.0, "no", None)]),
    ("2.5", [("s", 2.5, None, None)]), ("unsafe", [("s", None, "unsafe", None)]), (math.nan, [("s", None, None, "skipped")]),
    (None, [("s", None, None, "skipped")]), ([1, "C"], [("s: 1", 1.0, None, None), ("s: 2", 1.0, "C", None)]),
    ({"a": 1, "b": None}, [("a", 1.0, None, None), ("b", None, None, "skipped")])])
@pytest.mark.parametrize("packed", [False, True])
def test_values_of_every_kind_are_read(written, value: Any, expected: list[tuple], packed: bool) -> None:
    assert table(written(log(sample(1, s=value)), packed=packed), "criterion", "score", "label", "status") == expected


def test_each_epoch_is_an_item_of_its_own_and_the_sample_pairs_them(written) -> None:
    path = written(log(sample("a", 1, match="C"), sample("a", 2, match="I")))
    assert table(path, "item_id", "prompt_id", "system", "task_type", "rating_id") == [
        ("T:a:1", "t:a", "m", "t", "inspect:T:a:1:match"), ("T:a:2", "t:a", "m", "t", "inspect:T:a:2:match")]
    item = next(one for one in parse(path, Options()) if isinstance(one, Item))
    assert item.values == {"item_id": "T:a:1", "prompt_id": "t:a", "system": "m", "task_type": "t", "prompt": "in", "text": "said", "target": "out",
                           "topic": "x"}


def test_the_item_can_be_named(written) -> None:
    assert table(written(log(sample(1, match="C"))), "item_id", options=Options(item="metadata.topic")) == [("x",)]


def test_the_time_is_the_samples_else_the_logs(written) -> None:
    timed = sample(1, match="C") | {"completed_at": "2026-01-01T10:00:00+00:00"}
    assert [t.isoformat()[:13] for t, in table(written(log(timed, sample(2, match="C"))), "rated_at")] == ["2026-01-01T10", "2026-01-02T00"]


def test_an_invalidated_sample_is_cancelled_and_one_without_scores_is_counted(written) -> None:
    path = written(log(sample(1, match="C") | {"invalidation": {"author": "x"}}, sample(2), sample(3) | {"error": {"message": "m"}}))
    assert table(path, "status") == [("cancelled",)]
    assert [one.what for one in parse(path, Options()) if isinstance(one, Silent)] == ["sample without scores", "sample that ended in an error"]


def test_a_score_that_was_only_made_by_an_edit_is_its_editors_alone(written) -> None:
    made = sample(1)
    made["scores"] = {"s": {"value": 1, "history": [{"value": 1, "provenance": {"author": "ana", "timestamp": "2026-02-01T00:00:00Z"}}]}}
    assert table(written(log(made)), "rater_id", "rater_kind", "layer", "score", "rating_id") == [
        ("ana", "adjudicator", 1, 1.0, "inspect:T:1:1:edited:s")]


@pytest.mark.parametrize(("broken", "said"), [
    (sample(1, s=[[1]]), "a score is a number"), (sample(1, s={"a": {}}), "a score is a number"), (sample(1, s=math.inf), "a score is a number"),
    (sample(1) | {"scores": {"s": 3}}, "a named score with a value"), (sample(1) | {"scores": [1]}, "a named score with a value"),
    (sample(None), "a sample with an id"), (7, "a sample with an id")])
def test_what_is_not_understood_is_one_fault(written, broken: Any, said: str) -> None:
    ratings, faults, _, _ = taken(parse, written(log(broken, sample(2, s=1))))
    assert [r["prompt_id"] for r in ratings] == ["t:2"] and len(faults) == 1 and faults[0].reason.startswith(said)


def test_of_a_truncated_log_what_was_whole_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes((REAL / "greetings.json").read_bytes()[:-6_000])
    ratings, faults, _, _ = taken(parse, path)
    assert 0 < len(ratings) < 23 and len(faults) == 1 and "breaks off" in faults[0].reason


def test_a_truncated_zip_is_refused_and_a_damaged_entry_is_a_fault(tmp_path: Path) -> None:
    raw, path = (REAL / "greetings.eval").read_bytes(), tmp_path / "log.eval"
    path.write_bytes(raw[:-100])
    with pytest.raises(RatingsError, match="log.eval: an Inspect log .* Copy the whole file again"):
        list(parse(path, Options()))
    with zipfile.ZipFile(REAL / "greetings.eval") as archive:
        hit = archive.getinfo("samples/one_epoch_1.json").header_offset + 120
    path.write_bytes(raw[:hit] + bytes(8) + raw[hit + 8:])
    ratings, faults, _, _ = taken(parse, path)
    assert [f.place for f in faults] == ["samples/one_epoch_1.json"] and len(ratings) == 18


def test_an_entry_beyond_the_limit_is_a_fault_whatever_size_it_claims(written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eval_entries, "RECORD_LIMIT", 1_000)
    path = written(log(sample(1, s=1), sample(2, s=1) | {"events": "x" * 10_000}), packed=True)
    ratings, faults, _, _ = taken(parse, path)
    assert len(ratings) == 1 and faults[0].place == "samples/2_epoch_1.json" and "larger than" in faults[0].reason


@pytest.mark.parametrize(("text", "said"), [
    ('[{"id": 1, "data": {}, "annotations": []}]', "Use `workbench import label-studio`"), ('{"a": 1}', "use `workbench import table`"),
    ('{"version": 2, "eval": {"task": "t", ', "the head of an Inspect log was expected"), ("[]", "no such record"), ("a,b\n", "begins with")])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(text)
    with pytest.raises(RatingsError, match="log.json: ") as raised:
        list(parse(path, Options()))
    assert said in str(raised.value)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(RatingsError, match="log.eval: an Inspect AI log was expected"):
        list(parse(path, Options()))


@quickly
@given(edits)
def test_whatever_a_value_turns_into_nothing_is_raised(tmp_path: Path, changes) -> None:
    tree, whole = edited(json.loads((REAL / "greetings.json").read_text()), changes)
    path = tmp_path / "mutated.json"
    path.write_text(json.dumps(tree))
    holds(parse, path, whole=whole)


@quickly
@given(cuts, st.sampled_from(["json", "eval"]))
def test_whatever_happens_to_the_bytes_nothing_is_raised(tmp_path: Path, changes, kind: str) -> None:
    path = tmp_path / "mutated.log"
    path.write_bytes(damaged((REAL / f"greetings.{kind}").read_bytes(), changes))
    holds(parse, path)
