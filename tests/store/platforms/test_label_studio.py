"""Label Studio exports: each control by hand, the real exports against what was counted from them elsewhere, and broken ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated import cuts, damaged, edited, edits, holds, taken

from workbench.errors import RatingsError
from workbench.store.platforms.label_studio import parse
from workbench.store.platforms.rows import Item, Options, Silent

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def result(kind: str, control: str, held: Any, **more: Any) -> dict[str, Any]:
    """One result of an annotation; `held` stands under the key of its kind."""
    where = {"pairwise": "selected"}.get(kind, kind)
    return {"id": f"{control}{len(str(held))}", "from_name": control, "to_name": "text", "type": kind, "value": {where: held}} | more


def annotation(number: int, *results: dict[str, Any], by: Any = 1, **more: Any) -> dict[str, Any]:
    """An annotation as Label Studio exports it."""
    return {"id": number, "completed_by": by, "result": list(results), "was_cancelled": False, "ground_truth": False, "lead_time": 4.5,
            "created_at": "2024-04-02T16:01:13.5Z", "project": 7} | more


def task(number: int, *annotations: dict[str, Any], data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    return {"id": number, "project": 7, "data": data or {"text": f"text {number}"}, "annotations": list(annotations), "predictions": []} | more


@pytest.fixture
def export(tmp_path: Path):
    """Writes tasks to a file."""
    def write(*tasks: Any, text: str | None = None) -> Path:
        path = tmp_path / "export.json"
        path.write_text(json.dumps(tasks) if text is None else text, encoding="utf-8", errors="surrogateescape")
        return path

    return write


def ratings_of(path: Path, options: Options = Options()) -> list[dict[str, Any]]:
    ratings, faults, _, refused = taken(parse, path, options)
    assert not faults and not refused, faults
    return ratings


def table(path: Path, *columns: str) -> list[tuple]:
    return [tuple(rating.get(c) for c in columns) for rating in ratings_of(path)]


def test_a_choice_is_a_label_and_a_rating_or_number_a_score(export) -> None:
    path = export(task(1, annotation(5, result("choices", "tone", ["kind"]), result("rating", "stars", 4), result("number", "weight", 1.5))))
    assert table(path, "item_id", "rater_id", "criterion", "label", "score") == [
        ("1", "1", "tone", "kind", None), ("1", "1", "stars", None, 4.0), ("1", "1", "weight", None, 1.5)]
    one = ratings_of(path)[0]
    assert one["rating_id"] == "label-studio:7:5 2024-04-02T160113.5Z:tone"
    assert one["seconds"] == 4.5 and one["rated_at"].isoformat() == "2024-04-02T16:01:13.500000+00:00"
    assert one["rater_kind"] == "human" and one["status"] == "rated"


def test_where_one_annotation_takes_several_choices_each_option_becomes_yes_or_no_for_all(export) -> None:
    path = export(task(1, annotation(5, result("choices", "tags", ["u", "v"]))), task(2, annotation(6, result("choices", "tags", ["u"]))))
    assert table(path, "item_id", "criterion", "label") == [
        ("1", "tags: u", "yes"), ("1", "tags: v", "yes"), ("2", "tags: u", "yes"), ("2", "tags: v", "no")]


def test_a_taxonomy_counts_paths_as_options(export) -> None:
    path = export(task(1, annotation(5, result("taxonomy", "kind", [["Killed", "Felony"], ["Other"]]))))
    assert table(path, "criterion", "label") == [("kind: Killed/Felony", "yes"), ("kind: Other", "yes")]


def test_spans_are_counted_with_zeros_where_an_annotator_marked_none(export) -> None:
    spans = [result("labels", "ner", ["Time"]), result("labels", "ner", ["Time"]), result("rectanglelabels", "box", ["Car"])]
    path = export(task(1, annotation(5, *spans), annotation(6, by=2)))
    assert table(path, "rater_id", "criterion", "score") == [
        ("1", "ner: Time", 2.0), ("1", "box: Car", 1.0), ("2", "ner: Time", 0.0), ("2", "box: Car", 0.0)]


@pytest.mark.parametrize("kind", ["hypertextlabels", "paragraphlabels", "polygonlabels", "keypointlabels", "ellipselabels", "brushlabels",
                                  "timeserieslabels", "timelinelabels", "bitmasklabels", "vectorlabels"])
def test_regions_of_every_kind_are_counted(export, kind: str) -> None:
    assert table(export(task(1, annotation(5, result(kind, "mark", ["L"])))), "criterion", "score") == [("mark: L", 1.0)]


def test_regions_without_labels_count_for_their_control_and_relations_for_theirs(export) -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["causes"]}
    video = {"id": "v", "from_name": "track", "type": "videorectangle", "value": {"sequence": [], "labels": ["Man"]}}
    path = export(task(1, annotation(5, result("polygon", "shape", []), relation, video)))
    assert table(path, "criterion", "score") == [("shape", 1.0), ("relation: causes", 1.0), ("track: Man", 1.0)]


def test_choices_on_a_region_are_counted_and_a_score_of_one_is_set_aside(export) -> None:
    path = export(task(1, annotation(5, result("labels", "ner", ["Time"], id="r"), result("choices", "sure", ["no"], id="r"),
                                     result("rating", "stars", 2, id="r"))))
    ratings, faults, _, _ = taken(parse, path)
    assert [(r["criterion"], r["score"]) for r in ratings] == [("ner: Time", 1.0), ("sure: no", 1.0)]
    assert [f.reason.split(";")[0] for f in faults] == ["stars rates a region, not the item"]


def test_a_comparison_is_a_or_b_and_a_choice_between_two_responses_too(export) -> None:
    data = {"prompt": "p", "response_a": "x", "response_b": "y", "model_a": "m", "model_b": "n"}
    path = export(task(1, annotation(5, result("pairwise", "pw", "right"), result("choices", "better", ["b_winner"])), data=data),
                  task(2, annotation(6, result("choices", "better", ["tie"])), data=data))
    assert table(path, "criterion", "label", "system", "system_b") == [("pw", "B", "m", "n"), ("better", "B", "m", "n"), ("better", "tie", "m", "n")]
    item = next(one for one in parse(path, Options()) if isinstance(one, Item))
    assert item.values == {"item_id": "1", "prompt": "p", "text": "x", "text_b": "y", "system": "m", "system_b": "n"}


def test_choices_of_a_pair_that_say_more_than_a_side_stay_as_they_are(export) -> None:
    data = {"response_a": "x", "response_b": "y"}
    path = export(task(1, annotation(5, result("choices", "better", ["A much better"])), data=data),
                  task(2, annotation(6, result("choices", "better", ["A"])), data=data))
    assert table(path, "label") == [("A much better",), ("A",)]


def test_a_ranking_gives_ranks_and_buckets_give_labels(export) -> None:
    path = export(task(1, annotation(5, result("ranker", "rank", ["mdn", "wiki"]), result("ranker", "sort", {"best": ["mdn"]}))))
    assert table(path, "criterion", "score", "label") == [("rank: mdn", 1.0, None), ("rank: wiki", 2.0, None), ("sort: mdn", None, "best")]


def test_ground_truth_is_gold_and_a_prediction_is_rated_by_its_model(export) -> None:
    guess = {"id": 9, "model_version": "v2", "score": 0.7, "result": [result("rating", "stars", 2)]}
    path = export(task(1, annotation(5, result("rating", "stars", 4), ground_truth=True), predictions=[guess]))
    assert table(path, "rater_id", "rater_kind", "score", "confidence") == [("1", "gold", 4.0, None), ("v2", "model", 2.0, 0.7)]


def test_a_cancelled_annotation_is_cancelled_on_everything_that_was_asked(export) -> None:
    path = export(task(1, annotation(5, result("rating", "stars", 4), result("labels", "ner", ["T"]), result("choices", "tags", ["u", "v"]))),
                  task(2, annotation(6, was_cancelled=True)))
    assert [row for row in table(path, "item_id", "criterion", "status", "score", "label") if row[0] == "2"] == [
        ("2", "tags: u", "cancelled", None, None), ("2", "tags: v", "cancelled", None, None), ("2", "stars", "cancelled", None, None),
        ("2", "ner: T", "cancelled", None, None)]


def test_a_review_is_a_rating_of_layer_one_on_the_annotation(export) -> None:
    review = {"id": 3, "created_by": {"id": 8, "email": "e"}, "accepted": False}
    path = export(task(1, annotation(5, result("rating", "stars", 4), by={"id": 2, "email": "x"}, reviews=[review])))
    assert table(path, "item_id", "rater_id", "criterion", "label", "layer", "selection", "reviewed_rater") == [
        ("1", "2", "stars", None, None, None, None), ("1 annotation 5", "8", "review", "rejected", 1, "review", "2")]


def test_pages_of_a_task_are_steps(export) -> None:
    path = export(task(1, annotation(5, result("choices", "ok", ["yes"], item_index=0), result("choices", "ok", ["no"], item_index=1))))
    assert table(path, "criterion", "step", "label") == [("ok", 0, "yes"), ("ok", 1, "no")]
    assert len({r["rating_id"] for r in ratings_of(path)}) == 2


def test_what_holds_no_rating_is_counted_by_kind(export) -> None:
    path = export(task(1, annotation(5, result("textarea", "why", ["because"]), result("datetime", "when", "2024"))), task(2), task(3, annotation(6)),
                  task(4, annotation(7, was_cancelled=True), predictions=[12], drafts=[{"id": 1}]))
    said = Counter(one.what for one in parse(path, Options()) if isinstance(one, Silent))
    assert said == {"text answer": 1, "date answer": 1, "task without annotations": 1, "annotation without answers": 1,
                    "cancelled annotation": 1, "prediction by its id alone": 1, "draft": 1}


def test_the_item_and_a_missing_rater_can_be_named(export) -> None:
    path = export(task(1, annotation(5, result("rating", "stars", 4), by=None), data={"doc": {"id": "d7"}, "text": "t"}))
    assert [f.reason.split(";")[0] for f in taken(parse, path)[1]] == ["it does not say who completed it"]
    named = ratings_of(path, Options(item="data.doc.id", values={"rater_id": "ana"}))
    assert [(r["item_id"], r["rater_id"]) for r in named] == [("d7", "ana")]


def test_two_servers_that_count_alike_do_not_share_keys(export, tmp_path: Path) -> None:
    first = ratings_of(export(task(1, annotation(5, result("rating", "stars", 4)))))
    second = ratings_of(export(task(1, annotation(5, result("rating", "stars", 1), created_at="2025-01-01T00:00:00.1Z"))))
    assert first[0]["rating_id"] != second[0]["rating_id"]


@pytest.mark.parametrize(("broken", "said"), [
    (result("hologram", "h", {}), "h is a control of type 'hologram', which is not known here"),
    (result("rating", "stars", "many"), "the rating of stars is not a number"),
    (result("rating", "stars", float("nan")), "the rating of stars is not a number"),
    (result("choices", "tone", None), "tone holds no list of choices"), (result("choices", "tone", [[None]]), "tone holds no list of choices"),
    (result("choices", "tone", [""]), "tone holds no list of choices"),
    (result("labels", "ner", [{"a": 1}]), "the labels of a region of ner are not a list of names"),
    (result("pairwise", "pw", "up"), "pw names neither left nor right"), (result("ranker", "rank", None), "the ranking of rank is neither"),
    (None, "a result is not an object"), ({"type": "choices"}, "a result does not name its control")])
def test_a_result_that_is_not_understood_is_one_fault_and_the_others_are_read(export, broken: Any, said: str) -> None:
    ratings, faults, _, _ = taken(parse, export(task(1, annotation(5, broken, result("rating", "good", 4)))))
    assert [r["criterion"] for r in ratings] == ["good"]
    assert len(faults) == 1 and faults[0].reason.startswith(said) and faults[0].place == "task 1, annotation 1"


def test_two_answers_to_one_question_are_a_fault(export) -> None:
    ratings, faults, _, _ = taken(parse, export(task(1, annotation(5, result("rating", "stars", 4), result("rating", "stars", 5)))))
    assert not ratings and faults[0].reason == "stars is answered 2 times; one answer an item was expected"


def test_a_thousand_labels_and_more_are_texts_not_levels(export) -> None:
    tasks = [task(n, annotation(n, result("labels", "ner", [f"label {n}"]))) for n in range(1_002)]
    ratings, faults, _, _ = taken(parse, export(*tasks))
    assert not ratings and len(faults) == 1_002 and "too many different labels" in faults[0].reason


@pytest.mark.parametrize("lost", ["annotations", "predictions", "drafts"])
def test_a_list_that_is_none_is_a_fault(export, lost: str) -> None:
    faults = taken(parse, export(task(1, annotation(5, result("rating", "stars", 4))) | {lost: "gone"}))[1]
    assert [(f.place, f.reason) for f in faults] == [(f"task 1, {lost}", "a list was expected; correct it in the file")]


@pytest.mark.parametrize(("text", "said"), [
    ('[{"text": "t", "label": ["x"], "id": 1, "annotator": 1, "annotation_id": 4}]', "JSON_MIN, which does not tell the kinds of controls"),
    ('[{"text": "t", "answer": "accept", "_task_hash": 1}]', "Use `workbench import prodigy`"),
    ('[{"id": "r", "fields": {}, "responses": {}}]', "Use `workbench import argilla`"), ('[{"a": 1}]', "use `workbench import table`"),
    ("id,label\n1,x\n", "a JSON file was expected"), ("", "it is empty")])
def test_a_file_of_another_kind_is_refused_with_the_importer_that_reads_it(export, text: str, said: str) -> None:
    with pytest.raises(RatingsError, match="export.json: ") as raised:
        list(parse(export(text=text), Options()))
    assert said in str(raised.value)


def test_of_a_truncated_file_what_was_whole_is_read(export) -> None:
    whole = json.dumps([task(n, annotation(n, result("rating", "stars", n))) for n in (1, 2, 3)])
    ratings, faults, _, _ = taken(parse, export(text=whole[:-40]))
    assert [r["score"] for r in ratings] == [1.0, 2.0]
    assert len(faults) == 1 and "breaks off" in faults[0].reason


def test_bytes_that_are_no_text_cost_their_own_task(export) -> None:
    good, bad = (json.dumps(task(n, annotation(n, result("choices", "tone", ["café"])), data={"text": "naïve"}), ensure_ascii=False) for n in (1, 2))
    path = export(text="")
    path.write_bytes(b"[" + good.encode() + b"," + bad.encode("latin-1") + b"]")
    ratings, faults, _, _ = taken(parse, path)
    assert [r["label"] for r in ratings] == ["café"] and [f.place for f in faults] == ["record 2"]


def real(shared: Path, name: str) -> Path:
    return shared / "data" / "raw" / "labelstudio_export" / name


def test_the_spans_of_a_real_export_are_those_counted_elsewhere(shared: Path) -> None:
    # The set was counted from the same export by others; narratives are found by the tool's own agreement, coders by their time on task.
    path = real(shared, "leoka_team10_first25_emails_replaced.json")
    agreement = {one.values["item_id"]: one.values["tool_agreement"] for one in parse(path, Options()) if isinstance(one, Item)}
    ours = pd.DataFrame([(agreement[r["item_id"]], r["seconds"], r["criterion"].removeprefix("label: "), r["score"])
                         for r in ratings_of(path) if r["criterion"].startswith("label: ")], columns=["agreement", "seconds", "label", "ours"])
    counted = pd.read_parquet(shared / "data" / "leoka_labelstudio.parquet")
    counted = counted[(counted.rater_group == "team_10") & counted.tool_agreement.isin(agreement.values())]
    both = ours.merge(counted, left_on=["agreement", "seconds", "label"], right_on=["tool_agreement", "duration_s", "criterion"])
    assert len(ours) == len(counted) == len(both) == 25 * 4 * 10
    assert (both.ours == both.score).all() and both.ours.sum() == 908


def test_the_preferences_of_a_real_export_add_up(shared: Path) -> None:
    path = real(shared, "lmsys_pairwise_project2.json")
    raw = Counter(t["annotations"][0]["result"][0]["value"]["choices"][0] for t in json.loads(path.read_text()))
    ratings = ratings_of(path)
    assert Counter(r["label"] for r in ratings) == {"A": raw["a_winner"], "B": raw["b_winner"], "tie": raw["tie"]} == {"A": 11, "B": 11, "tie": 10}
    assert all(r["system"] and r["system_b"] for r in ratings)


@pytest.fixture(scope="module")
def rich() -> list[dict[str, Any]]:
    """A small export with every control."""
    held = [result("choices", "tags", ["u", "v"]), result("rating", "stars", 4), result("labels", "ner", ["T"], id="r"), result("ranker", "rank", ["a"]),
            result("choices", "sure", ["no"], id="r"), result("pairwise", "pw", "left"), result("taxonomy", "kind", [["a", "b"]])]
    return [task(1, annotation(5, *held, reviews=[{"id": 1, "created_by": 2, "accepted": True}]), annotation(6, was_cancelled=True, by={"id": 9})),
            task(2, annotation(7, result("textarea", "why", ["x"])), predictions=[{"id": 3, "score": 0.5, "result": held}], drafts=[{}])]


@quickly
@given(edits)
def test_whatever_a_value_turns_into_nothing_is_lost_and_nothing_raised(rich, tmp_path: Path, changes) -> None:
    tree, whole = edited(rich, changes)
    path = tmp_path / "mutated.json"
    path.write_text(json.dumps(tree))
    holds(parse, path, n_records=len(tree) if isinstance(tree, list) else None, whole=whole)


@quickly
@given(cuts, st.sampled_from(["leoka_team10_first25_emails_replaced.json", "lmsys_pairwise_project2.json"]))
def test_whatever_happens_to_the_bytes_of_a_real_export_nothing_is_raised(shared: Path, tmp_path: Path, changes, name: str) -> None:
    path = tmp_path / "mutated.json"
    path.write_bytes(damaged(real(shared, name).read_bytes()[:40_000], changes))
    holds(parse, path)
