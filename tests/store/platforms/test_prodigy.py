"""Prodigy exports: each interface by hand, a real export against what was read and computed from it elsewhere, and broken ones."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from mutated import as_lines, cuts, damaged, edited, edits, holds, rated_as, taken

from workbench.errors import RatingsError
from workbench.store.platforms.prodigy import parse
from workbench.store.platforms.rows import Item, Options, Silent

ALPHA_TOLERANCE = 1e-9      # printed with 16 digits
quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OPTIONS = [{"id": "p", "text": "Positive"}, {"id": 7, "text": "Negative"}]


def record(number: int, answer: str = "accept", **more: Any) -> dict[str, Any]:
    """An answered task as `prodigy db-out` writes it."""
    return {"text": f"text {number}", "answer": answer, "_input_hash": number, "_task_hash": 100 + number, "_timestamp": 1713876421 + number,
            "_annotator_id": "set-ana", "_session_id": "set-ana"} | more


@pytest.fixture
def export(tmp_path: Path):
    """Writes records to a file."""
    def write(*records: Any, raw: bytes | None = None) -> Path:
        path = tmp_path / "export.jsonl"
        path.write_bytes(as_lines(records).encode() if raw is None else raw)
        return path

    return write


table = partial(rated_as, parse)


def test_a_label_is_a_criterion_that_is_accepted_rejected_or_skipped(export) -> None:
    path = export(*(record(1, answer, label="POS", _view_id="classification", _annotator_id=answer) for answer in ("accept", "reject", "ignore")))
    assert table(path, "item_id", "rater_id", "criterion", "label", "status") == [
        ("1", "accept", "POS", "yes", None), ("1", "reject", "POS", "no", None), ("1", "ignore", "POS", None, "skipped")]
    one = taken(parse, path)[0][0]
    assert one["rating_id"] == "prodigy:101:accept:1713876422:label:POS"
    assert one["rated_at"].isoformat() == "2024-04-23T12:47:02+00:00" and one["session"] == "set-ana"


def test_without_a_label_the_answer_itself_is_the_rating(export) -> None:
    assert table(export(record(1), record(2, "reject")), "criterion", "label") == [("answer", "accept"), ("answer", "reject")]


def test_a_single_choice_is_one_label(export) -> None:
    path = export(record(1, options=OPTIONS, accept=["p"], _view_id="choice"), record(2, options=OPTIONS, accept=[7]),
                  record(3, "ignore", options=OPTIONS, accept=[]))
    assert table(path, "criterion", "label", "status") == [("choice", "Positive", None), ("choice", "Negative", None), ("choice", None, "skipped")]


@pytest.mark.parametrize("sign", [{"accept": ["p", 7]}, {"accept": ["p"], "config": {"choice_style": "multiple"}}])
def test_where_several_may_be_chosen_each_option_is_yes_or_no(export, sign: dict) -> None:
    path = export(record(1, options=OPTIONS, **sign), record(2, options=OPTIONS, accept=[]))
    assert table(path, "item_id", "criterion", "label")[2:] == [("2", "choice: Positive", "no"), ("2", "choice: Negative", "no")]
    assert table(path, "rating_id")[0] == ("prodigy:101:set-ana:1713876422:choice:p",)


def test_options_of_one_text_are_told_apart_by_their_ids(export) -> None:
    options = [{"id": 1, "text": "other"}, {"id": 2, "text": "other"}]
    assert table(export(record(1, options=options, accept=[1, 2])), "criterion") == [("choice: other (1)",), ("choice: other (2)",)]


def test_a_rejected_choice_is_kept_but_not_applicable(export) -> None:
    assert table(export(record(1, "reject", options=OPTIONS, accept=[])), "label", "status") == [(None, "not_applicable")]


@pytest.mark.parametrize(("view", "name"), [("ner_manual", "spans"), ("spans_manual", "spans"), ("image_manual", "spans"), ("audio_manual", "audio_spans"),
                                            ("relations", "relations")])
def test_marked_spans_are_counted_with_zeros(export, view: str, name: str) -> None:
    path = export(record(1, _view_id=view, **{name: [{"label": "X"}, {"label": "X"}, {"label": "Y"}]}), record(2, _view_id=view, **{name: []}))
    assert table(path, "item_id", "criterion", "score") == [("1", f"{name}: X", 2.0), ("1", f"{name}: Y", 1.0), ("2", f"{name}: X", 0.0), ("2", f"{name}: Y", 0.0)]


def test_a_suggested_span_is_judged_as_a_task_of_its_own(export) -> None:
    path = export(record(1, "reject", _view_id="ner", spans=[{"label": "X", "start": 0}]), record(1, _task_hash=5, _view_id="ner", spans=[{"label": "Y"}]))
    assert table(path, "item_id", "criterion", "label") == [("101", "X", "no"), ("5", "Y", "yes")]


def test_blocks_hold_choices_and_spans_and_matches_without_a_label_are_none(export) -> None:
    path = export(record(1, _view_id="blocks", options=OPTIONS, accept=["p"], spans=[{"label": "X"}, {"pattern": 3}]))
    assert table(path, "criterion", "label", "score") == [("choice", "Positive", None), ("spans: X", None, 1.0)]


def test_a_comparison_names_the_preferred_file_and_what_stood_first(export) -> None:
    shown = {"input": {"text": "q"}, "accept": {"text": "second"}, "reject": {"text": "first"}, "mapping": {"A": "reject", "B": "accept"}}
    path = export(record(1, **shown), record(2, "reject", **shown), record(3, "ignore", **shown))
    assert table(path, "criterion", "label", "shown_first", "status") == [
        ("preference", "B", "A", None), ("preference", "A", "A", None), ("preference", None, "A", "skipped")]
    item = next(one for one in parse(path, Options()) if isinstance(one, Item))
    assert item.values == {"item_id": "1", "prompt": "q", "text": "first", "text_b": "second"}


def test_a_reviewed_record_is_a_rating_of_layer_one_by_an_adjudicator(export) -> None:
    path = export(record(1, label="POS", _view_id="review", view_id="classification", versions=[]))
    assert table(path, "criterion", "label", "rater_kind", "layer", "selection") == [("POS", "yes", "adjudicator", 1, "review")]


def test_free_text_holds_no_rating(export) -> None:
    assert [one.what for one in parse(export(record(1, user_input="because")), Options()) if isinstance(one, Silent)] == ["text answer"]


def test_the_session_stands_in_for_the_annotator_and_the_caller_for_both(export) -> None:
    path = export(record(1, _annotator_id=None), record(2, _annotator_id=None, _session_id=None))
    ratings, faults, _, _ = taken(parse, path)
    assert [r["rater_id"] for r in ratings] == ["set-ana"] and faults[0].reason.startswith("it does not say who answered")
    assert table(path, "rater_id", options=Options(values={"rater_id": "bo"}))[1] == ("bo",)


def test_the_item_can_be_named(export) -> None:
    assert table(export(record(1, meta={"doc": 9})), "item_id", options=Options(item="meta.doc")) == [("9",)]
    assert "has no meta.doc" in taken(parse, export(record(1)), Options(item="meta.doc"))[1][0].reason


@pytest.mark.parametrize(("broken", "said"), [
    (record(1, "maybe"), "an answered task was expected"), ([1], "an answered task was expected"),
    (record(1, options=[{"text": "no id"}], accept=[]), "its options have no ids"), (record(1, options=OPTIONS, accept=["z"]), "its options have no ids"),
    (record(1, options="x", accept=[]), "its options have no ids"), (record(1, options=OPTIONS, accept=[None]), "its options have no ids"),
    (record(1, _view_id="ner_manual", spans=[{"label": {}}]), "its spans are no list of spans"),
    (record(1, _view_id="ner_manual", spans="x"), "its spans are no list of spans"), (record(1, _input_hash=None, _task_hash=None), "it has no _input_hash")])
def test_a_record_that_is_not_understood_is_one_fault(export, broken: Any, said: str) -> None:
    ratings, faults, _, _ = taken(parse, export(broken, record(2)))
    assert [r["item_id"] for r in ratings] == ["2"] and len(faults) == 1 and faults[0].reason.startswith(said)


@pytest.mark.parametrize(("raw", "said"), [
    (b'[\n{"id": 1,\n"data": {},\n"annotations": []}\n]', "Use `workbench import label-studio`"), (b'{"a": 1}\n', "use `workbench import table`"),
    (b"id,label\n1,x\n", "begins with"), (b"", "empty")])
def test_a_file_of_another_kind_is_refused(export, raw: bytes, said: str) -> None:
    with pytest.raises(RatingsError, match="export.jsonl: ") as raised:
        list(parse(export(raw=raw), Options()))
    assert said in str(raised.value)


def test_a_broken_line_costs_itself_alone(export) -> None:
    lines = [json.dumps(record(n, text="café"), ensure_ascii=False).encode() for n in (1, 2, 3)]
    path = export(raw=b"\n".join([lines[0], lines[1].decode().encode("latin-1"), lines[2][:60]]))
    ratings, faults, _, _ = taken(parse, path)
    assert [r["item_id"] for r in ratings] == ["1"] and [f.place for f in faults] == ["line 2", "line 3"]


def real(shared: Path, rater: str) -> Path:
    return shared / "data" / "raw" / "prodigy_export" / f"iaa_round1_first15_{rater}.jsonl"


def of_real(shared: Path) -> pd.DataFrame:
    """All yes/no ratings of the real exports by document, option and rater."""
    rows = [(f"doc_{r['item_id']}", f"option_{r['rating_id'].rpartition(':')[2]}", name, r["criterion"].removeprefix("choice: "), r["label"],
             r.get("status", "rated")) for name in ("A1", "A2", "A3", "A4") for r in taken(parse, real(shared, name), Options(item="record_id"))[0]
            if r["criterion"].startswith("choice: ")]
    return pd.DataFrame(rows, columns=["doc_id", "criterion", "rater_id", "option_text", "ours", "status"])


def test_the_choices_of_a_real_export_are_those_read_elsewhere(shared: Path) -> None:
    ours = of_real(shared)
    theirs = pd.read_parquet(shared / "data" / "psynamic_prodigy_iaa.parquet").query("rubric_version == 'round1_50'")
    both = ours.merge(theirs, on=["doc_id", "criterion", "rater_id", "option_text"])
    assert len(both) == len(ours) == 15 * 128 * 4
    assert (both.ours == both.label.map({"selected": "yes", "not_selected": "no"})).all()
    assert (both.status == both.answer.map({"accept": "rated", "reject": "not_applicable"})).all() and (both.answer == "reject").sum() == 256


def test_the_alphas_beside_a_real_export_follow_from_its_ratings(shared: Path) -> None:
    # Their unit: documents that all four accepted, the set of a task's options picked, an empty set as missing, MASI as distance.
    ours = of_real(shared)
    theirs = pd.read_parquet(shared / "data" / "psynamic_prodigy_iaa.parquet").query("rubric_version == 'round1_50'")
    rest = theirs[~theirs.doc_id.isin(ours.doc_id)]
    rest = rest.assign(ours=rest.label.map({"selected": "yes", "not_selected": "no"}), status=rest.answer.map({"accept": "rated"}))
    ratings = pd.concat([ours, rest[ours.columns]])
    ratings = ratings[~ratings.doc_id.isin(ratings.doc_id[ratings.status != "rated"])].query("ours == 'yes'")
    ratings["task"] = ratings.option_text.str.partition(": ")[0]
    printed = pd.read_csv(shared / "data" / "raw" / "prodigy_export" / "task_iaa_stats_round1_50.csv").set_index("Task").Krippendorff
    for task, picked in ratings.groupby("task"):
        sets = picked.groupby(["doc_id", "rater_id"]).option_text.agg(frozenset)
        units = [list(of_doc) for _, of_doc in sets.groupby("doc_id") if len(of_doc) > 1]
        assert alpha(units) == pytest.approx(printed[task], abs=ALPHA_TOLERANCE), task
    assert ratings.task.nunique() == len(printed) == 17


def alpha(units: list[list[frozenset]]) -> float:
    """Krippendorff's alpha with the MASI distance (Passonneau 2006), by its definition."""
    everything = Counter(value for unit in units for value in unit)
    n = everything.total()
    observed = sum(2 * masi(a, b) / (len(unit) - 1) for unit in units for a, b in combinations(unit, 2)) / n
    expected = sum(2 * masi(a, b) * everything[a] * everything[b] for a, b in combinations(everything, 2)) / (n * (n - 1))
    return 1 - observed / expected


def masi(a: frozenset, b: frozenset) -> float:
    common, total = len(a & b), len(a | b)
    return 1 - common / total * (1 if a == b else 0.67 if common == min(len(a), len(b)) else 0.33)


@pytest.fixture(scope="module")
def rich() -> list[dict[str, Any]]:
    """A small export with every interface."""
    return [record(1, label="POS", _view_id="classification"), record(2, options=OPTIONS, accept=["p", 7], _view_id="choice"),
            record(3, spans=[{"label": "X"}], tokens=[], _view_id="ner_manual"), record(4, "ignore", relations=[{"label": "R"}], _view_id="relations"),
            record(5, "reject", accept={"text": "x"}, reject={"text": "y"}, mapping={"A": "accept", "B": "reject"}), record(6, user_input="t")]


@quickly
@given(edits)
def test_whatever_a_value_turns_into_nothing_is_lost_and_nothing_raised(rich, tmp_path: Path, changes) -> None:
    records, whole = edited(rich, changes)
    path = tmp_path / "mutated.jsonl"
    path.write_text(as_lines(records))
    holds(parse, path, n_records=len(records), whole=whole)


@quickly
@given(cuts)
def test_whatever_happens_to_the_bytes_of_a_real_export_nothing_is_raised(shared: Path, tmp_path: Path, changes) -> None:
    path = tmp_path / "mutated.jsonl"
    path.write_bytes(damaged(b"".join(real(shared, "A4").read_bytes().splitlines(keepends=True)[:2]), changes))
    holds(parse, path)
