"""Appraise exports: rows by hand, the real campaigns against scores computed from them elsewhere, and broken ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from mutated import cuts, damaged, holds, taken

import workbench as wb
from workbench.errors import RatingsError
from workbench.instrument import Criterion, Rubric, Scale
from workbench.store.intake import import_ratings
from workbench.store.platforms import appraise
from workbench.store.platforms.appraise import parse
from workbench.store.platforms.rows import Item, Options, Silent
from workbench.store.platforms.spans import Weights

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MINOR, MAJOR = {"severity": "minor", "error_type": None}, {"severity": "major", "error_type": ["Accuracy", "Omission"]}
DUST = 1e-9     # the set adds tenths up as they are
ENDS = pd.Timedelta("2ms")      # the set's times were cut to milliseconds after a detour through floats


def row(user: str = "engdeu1", item: int = 7, score: int = 80, *, system: str = "wmt23.SYS", kind: str = "TGT", document: str = "doc#SYS",
        whole: bool = False, spans: Any = None, start: float = 100.0, end: float = 130.5) -> str:
    """A line of an export; `spans` None for a campaign without them."""
    marked = [] if spans is None else ['"' + (spans if isinstance(spans, str) else json.dumps(spans)).replace('"', '""') + '"']
    return ",".join([user, system, str(item), kind, "eng", "deu", str(score), document, str(whole), *marked, str(1.7e9 + start), str(1.7e9 + end)])


@pytest.fixture
def export(tmp_path: Path):
    """Writes lines to a file."""
    def write(*lines: str) -> Path:
        path = tmp_path / "export.csv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def ratings_of(path: Path) -> list[dict[str, Any]]:
    ratings, faults, _, refused = taken(parse, path)
    assert not faults and not refused, faults
    return ratings


def test_a_segment_is_rated_by_its_slider_and_by_the_errors_marked_in_it(export) -> None:
    slider, spans = ratings_of(export(row(spans=[MINOR, MAJOR, MAJOR])))
    shared = {"item_id": "eng-deu:doc#7#SYS", "prompt_id": "eng-deu:doc#7", "rater_id": "engdeu1", "session": "engdeu1", "system": "SYS",
              "task_type": "eng-deu", "seconds": 30.5, "is_qc": False, "item_type": "TGT"}
    assert shared.items() <= slider.items() and shared.items() <= spans.items()
    assert (slider["criterion"], slider["score"], slider["rating_id"]) == ("slider", 80.0, "appraise:engdeu1:eng-deu%3Adoc#7#SYS:1700000130.5:slider")
    # 1 + 2 x 5
    assert (spans["criterion"], spans["score"], spans["n_minor"], spans["n_major"]) == ("spans", -11.0, 1.0, 2.0)
    assert spans["weights"] == "published (Freitag et al. 2021)" and slider["rated_at"].isoformat() == "2023-11-14T22:15:30.500000+00:00"


def test_a_document_has_a_slider_of_its_own_and_older_campaigns_mark_no_errors(export) -> None:
    found = ratings_of(export(row(system="SYS", document="doc#1-10"), row(item=9, score=60, system="SYS", document="doc#1-10", whole=True)))
    assert [(r["item_id"], r["criterion"], r["score"]) for r in found] == [
        ("eng-deu:doc#1-10#7#SYS", "slider", 80.0), ("eng-deu:doc#1-10#SYS", "document slider", 60.0)]


def test_control_items_are_told_apart_by_their_mark_and_tutorials_too(export) -> None:
    path = export(row(document="doc#SYS#bad2", kind="BAD"), row(kind="BAD"), row(document="doc#SYS#duplicate1"),
                  row(system="ende-tutorial2", document="ende-tutorial2"))
    assert [(r["item_id"], r["is_qc"], r["item_type"]) for r in ratings_of(path)] == [
        ("eng-deu:doc#7#SYS#bad2", True, "BAD"), ("eng-deu:doc#7#SYS#BAD", True, "BAD"), ("eng-deu:doc#7#SYS#duplicate1", False, "TGT"),
        ("eng-deu:ende-tutorial2#7#ende-tutorial2", True, "TUTORIAL")]


def test_a_segment_submitted_again_replaces_what_was_submitted_before_wherever_it_stands(export) -> None:
    found = ratings_of(export(row(score=3, end=300), row(score=1, end=100), row(user="other", score=9, end=500), row(score=2, end=200)))
    keys = {r["score"]: r["rating_id"] for r in found}
    assert {r["score"]: r.get("replaces") for r in found} == {1.0: None, 2.0: keys[1.0], 3.0: keys[2.0], 9.0: None}


def test_a_slider_that_nobody_moved_was_not_asked_and_is_counted(export) -> None:
    path = export(row(score=0, spans=[]), row(score=0, item=8, spans=[MINOR]))
    assert [(r["criterion"], r["score"]) for r in ratings_of(path)] == [("spans", 0.0), ("spans", -1.0)]
    assert Counter(one.what for one in parse(path, Options()) if isinstance(one, Silent)) == {"slider that nobody moved in the whole file": 2}
    moved = ratings_of(export(row(score=0, spans=[]), row(score=5, item=8, spans=[])))
    assert [r["score"] for r in moved if r["criterion"] == "slider"] == [0.0, 5.0]


def test_a_header_is_passed_over_wherever_it_stands(export) -> None:
    header = "username,system,itemId,itemType,srcLang,trgLang,score,docId,isDocScore,timeStart,timeEnd"
    assert len(ratings_of(export(header, row(), header, row(item=8)))) == 2


@pytest.mark.parametrize(("broken", "said"), [
    ("a,b,c", "it has 3 fields, expected the 11 or 12"), (row(score="many"), "its score and times are not numbers"),
    (row(end=float("nan")), "its score and times are not numbers"), (row(user=""), "or it does not say who scored"),
    (row(spans="[{"), "its marked errors are not a JSON list"), (row(spans='{"severity": "minor"}'), "its marked errors are not a JSON list"),
    (row(spans="[" * 5_000), "its marked errors are not a JSON list"), (row(spans=[{"severity": None}]), "its marked errors are not a JSON list"),
    (row(spans=[{"severity": "grave"}]), "severity 'grave' has no weight"),
    (row(spans=[{"severity": "minor", "error_type": [[]]}]), "the type of a marked error is not a list of words"),
    ('x,"open quote,' + row(), "its fields cannot be told apart")])
def test_a_row_that_is_not_understood_is_one_fault_and_costs_no_other(export, broken: str, said: str) -> None:
    ratings, faults, _, _ = taken(parse, export(row(item=1, spans=[]), broken, row(item=2, spans=[])))
    assert len(faults) == 1 and faults[0].place == "line 2" and said in faults[0].reason
    assert {"eng-deu:doc#1#SYS", "eng-deu:doc#2#SYS"} <= {r["item_id"] for r in ratings}


@pytest.mark.parametrize("text", ["", "item_id,rater_id,score\na,b,1\n", '[{"data": {}, "annotations": []}]', "system\tdoc\tseverity\na\tb\tMinor\n"])
def test_a_file_of_another_kind_is_refused(export, text: str) -> None:
    with pytest.raises(RatingsError, match="export.csv: an Appraise export was expected, rows of user, system"):
        list(parse(export(text), Options()))


def test_bytes_that_are_no_text_and_a_cell_of_fifty_megabytes_cost_no_other_row(export) -> None:
    path, big = export(), row(item=2, spans=[MINOR | {"note": "x" * 50_000_000}])
    path.write_bytes("\n".join([row(item=1, spans=[]), big, "café,", row(item=3, spans=[])]).encode("latin-1"))
    ratings, faults, _, _ = taken(parse, path)
    assert [(r["item_id"][-5:], r["score"]) for r in ratings if r["criterion"] == "spans"] == [("1#SYS", 0.0), ("2#SYS", -1.0), ("3#SYS", 0.0)]
    assert [f.place for f in faults] == ["line 3"]


def real(shared: Path, name: str) -> Path:
    return shared / "data" / "raw" / name


@pytest.fixture(scope="module")
def elsewhere(shared: Path) -> pd.DataFrame:
    """Scores of the same campaigns as others computed them."""
    return pd.read_parquet(shared / "data" / "esa_wmt23_ende.parquet")


def compared(path: Path, expected: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """Ratings that count, beside what was computed elsewhere from the same submission."""
    made = pd.DataFrame(ratings_of(path)).drop_duplicates("rating_id")
    made = made[(made.criterion == criterion) & ~made.rating_id.isin(made.replaces.dropna())]
    made = made.assign(ts=made.rated_at.astype("datetime64[ns, UTC]"), doc_id=made.prompt_id.str.extract(r":(.*)#")[0]).sort_values("ts")
    return pd.merge_asof(expected.sort_values("ts").rename(columns={"score": "expected", "item_id": "placed", "is_qc": "control"}), made, on="ts",
                         left_by=["session_id", "doc_id", "system_id"], right_by=["session", "doc_id", "system"], tolerance=ENDS, direction="nearest")


def test_the_scores_of_a_real_esa_campaign_are_those_computed_elsewhere(shared: Path, elsewhere: pd.DataFrame) -> None:
    path = real(shared, "esa_wmt23_appraise/240520rc6ESA.scores.csv")
    expected = elsewhere[elsewhere.campaign == "240520rc6ESA"]
    for criterion, column in (("slider", "expected"), ("spans", "mqm_from_spans")):
        both = compared(path, expected, criterion)
        assert len(both) == 3_098 and both.score.notna().all()
        assert (both.score == both[column]).all() and (both.is_qc == both.control).all()
    assert both.score.sum() == expected.mqm_from_spans.sum()


def test_the_scores_of_a_real_mqm_campaign_are_those_computed_elsewhere_by_the_weights_of_its_rubric(
        shared: Path, elsewhere: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    path = real(shared, "esa_wmt23_appraise/240521rc6MQM.scores.csv")
    expected = elsewhere[elsewhere.campaign == "240521rc6MQM"]
    published = compared(path, expected, "spans")
    # the published table lowers punctuation for minor errors alone, that campaign's own code for all: three segments tell them apart
    other = published[(published.score - published.expected).abs() > DUST]
    assert other.error_categories.str.contains("Punctuation").all() and len(published) == 1_124 and len(other) == 3
    own = {"minor": 1.0, "major": 5.0, "minor/punctuation": 0.1, "major/punctuation": 0.1, "undecided": 0.0}
    monkeypatch.setattr(appraise, "weights_of", lambda options: Weights(own, "rubric esa 1"))
    both = compared(path, expected, "spans")
    assert ((both.score - both.expected).abs() < DUST).all() and (both.is_qc == both.control).all()


def test_the_scores_of_real_calibration_hits_are_those_computed_elsewhere(shared: Path) -> None:
    path = real(shared, "wmt22_calibration/WMT22.Appraise.calibrationHITs.20221103.csv")
    made = pd.DataFrame(ratings_of(path))
    assert len(made) == 10_751 and made.replaces.notna().sum() == 436
    live = made[~made.rating_id.isin(made.replaces.dropna()) & (made.criterion == "slider")]
    expected = pd.read_parquet(shared / "data" / "wmt22_calibration_hits.parquet")
    expected = expected[expected.criterion == "segment_score"]
    both = expected.merge(live, on=["item_id", "rater_id"], suffixes=("_elsewhere", ""))
    assert len(both) == len(expected) == len(live) and (both.score == both.score_elsewhere).all()


def test_in_the_store_a_segment_submitted_again_is_history_and_the_last_one_counts(shared: Path, away: Path) -> None:
    path = real(shared, "wmt22_calibration/WMT22.Appraise.calibrationHITs.20221103.csv")
    done = import_ratings("appraise", [path], into=away / "live")
    assert (done.read, done.stored, done.quarantined) == (10_751, 10_751, 0)
    expected = pd.read_parquet(shared / "data" / "wmt22_calibration_hits.parquet")
    counted = wb.read(away / "live").to_pandas(limit=20_000)
    assert len(counted) == len(expected) == 10_315 and counted["score"].sum() == expected["score"].sum()
    again = import_ratings("appraise", [path], into=away / "live")
    assert (again.stored, again.unchanged) == (0, 10_751)


@quickly
@given(cuts)
def test_whatever_happens_to_the_bytes_of_a_real_export_nothing_is_raised(shared: Path, tmp_path: Path, changes) -> None:
    path = tmp_path / "mutated.csv"
    path.write_bytes(damaged(real(shared, "esa_wmt23_appraise/240521rc6MQM.scores.csv").read_bytes()[:20_000], changes))
    holds(parse, path)


def test_an_item_is_given_once_a_segment_and_names_its_system(export) -> None:
    items = [one.values for one in parse(export(row(spans=[])), Options()) if isinstance(one, Item)]
    assert items == [{"item_id": "eng-deu:doc#7#SYS", "prompt_id": "eng-deu:doc#7", "system": "SYS", "task_type": "eng-deu"}]


def test_the_rubric_of_the_dataset_decides_what_an_error_costs(export) -> None:
    rubric = Rubric("default", "1", {"spans": Criterion(Scale("interval"), weights={"minor": 3.0, "major": 4.0})})
    options = Options(rubrics={("default", "1"): rubric})
    found = [r for r in taken(parse, export(row(spans=[MINOR, MAJOR])), options)[0] if r["criterion"] == "spans"]
    assert [(r["score"], r["weights"]) for r in found] == [(-7.0, "rubric default 1")]
