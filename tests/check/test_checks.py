"""Each check on a table small enough to judge by eye: what passes, what asks for attention, what fails."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.check import contract, design, times as times_of
from workbench.check import CheckOutcome, append_checks, check_ratings, draft_rubrics, outcomes_table
from workbench.check.battery import CHECKS


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ["a", "a", "b", "b"], "rater_id": ["x", "y", "y", "z"], "score": [1, 2, 2, 1],
                         "rated_at": pd.date_range("2026-11-02", periods=4, tz="UTC"), **columns})


def outcome(table: pd.DataFrame, name: str) -> CheckOutcome:
    (check,) = [c for c in CHECKS if c.__name__ == f"check_{name}"]
    return check(wb.read(table))


def test_a_sound_table_asks_only_for_its_rubric() -> None:
    table = outcomes_table(check_ratings(wb.read(frame())))
    assert table.loc[table["outcome"] != "ok", "check"].tolist() == ["levels"]
    assert table["n_rows"].eq(4).all()


def test_schema_says_what_cannot_be_answered_without_a_column() -> None:
    found = outcome(frame(), "schema")
    assert found.passed and "no party: parties cannot be compared" in found.text.lower()
    filled = outcome(frame(party=["p", None, None, None]), "schema").table.set_index("column")["filled_share"]
    assert filled["party"] == 0.25


def test_values_fail_with_every_fault_and_the_other_checks_still_run() -> None:
    outcomes = check_ratings(wb.read(frame(rater_kind=["robot", "human", "human", "human"])))
    values = next(o for o in outcomes if o.name == "values")
    assert values.required and not values.passed and "robot (row 1)" in values.text
    assert len(outcomes) == 9 and outcomes_table(outcomes).set_index("check").loc["values", "outcome"] == "failed"


def test_gaps_are_ratings_said_to_be_rated_without_a_value() -> None:
    found = outcome(frame(score=[1, np.nan, np.nan, 1], status=["rated", "rated", "skipped", "rated"]), "gaps")
    assert not found.passed and found.n_failed == 1
    assert outcome(frame(score=[1, 2, np.nan, 1], status=["rated", "rated", "skipped", "rated"]), "gaps").passed


def test_duplicates_are_alike_in_time_and_value_and_repeats_are_not() -> None:
    twice = pd.concat([frame(), frame()[:1]])
    again = pd.concat([frame(), frame()[:1].assign(score=2)])
    assert outcome(twice, "duplicates").n_failed == 1
    found = outcome(again, "duplicates")
    assert found.passed and "1 repeat a rater's earlier one" in found.text


def test_raters_per_item_needs_a_unit_with_two_raters() -> None:
    alone = outcome(frame(item_id=["a", "b", "c", "d"]), "raters_per_item")
    assert not alone.passed and alone.n_failed == 4 and "Agreement on overall cannot be told" in alone.text
    assert outcome(frame(), "raters_per_item").table.to_dict("records") == [{"criterion": "overall", "n_raters": 2, "n_units": 2, "n_ratings": 4}]


def test_overlap_finds_the_sets_of_raters_without_a_common_unit() -> None:
    split = pd.DataFrame({"item_id": ["a", "a", "b", "b", "c", "c"], "rater_id": ["x", "y", "z", "w", "y", "v"], "score": [1] * 6})
    found = outcome(split, "overlap")
    assert found.table[["n_raters", "n_units", "n_ratings", "raters"]].to_dict("records") == [
        {"n_raters": 3, "n_units": 2, "n_ratings": 4, "raters": "v, x, y"}, {"n_raters": 2, "n_units": 1, "n_ratings": 2, "raters": "w, z"}]
    assert not found.passed and found.n_failed == 2


def test_overlap_agrees_with_a_search_over_all_pairs() -> None:
    rng = np.random.default_rng(3)
    for _ in range(3):
        drawn = pd.DataFrame({"item_id": rng.integers(0, 25, 30), "rater_id": rng.integers(0, 20, 30), "score": 1})
        sets = {r: {r} for r in drawn["rater_id"]}
        for _, raters in drawn.groupby("item_id")["rater_id"]:
            joined = set().union(*(sets[r] for r in raters))
            for r in joined:
                sets[r] = joined
        expected = sorted((len(s) for s in {id(s): s for s in sets.values()}.values()), reverse=True)
        assert outcome(drawn, "overlap").table["n_raters"].tolist() == expected


@pytest.mark.parametrize(("columns", "fault"), [
    ({"rated_at": [None, "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"]}, "no rated_at"),
    ({"rated_at": pd.date_range("2026-11-02", periods=4)}, "no time zone, read as UTC"),
    ({"rated_at": pd.to_datetime(["2026-11-02"] * 4, utc=True), "batch": "b"}, "one time for a whole batch"),
    ({"rated_at": pd.to_datetime(["2026-11-02", "2026-11-03", "2026-11-04", "2062-11-02"], utc=True)}, "far from all others"),
    ({"started_at": pd.to_datetime(["2026-12-02"] * 4, utc=True)}, "ends before it starts"),
])
def test_timestamps_that_cannot_bear_a_judgement_of_drift_are_named(columns: dict[str, object], fault: str) -> None:
    found = outcome(frame(**columns), "timestamps")
    assert not found.passed and found.table["fault"].tolist() == [fault]


def test_a_few_ratings_a_month_after_all_others_are_named_and_as_many_as_usual_are_not() -> None:
    times = [pd.Timestamp("2026-06-01", tz="UTC") + pd.Timedelta(hours=3 * k) for k in range(400)]    # seven weeks, 56 a week

    def found(*late: str) -> CheckOutcome:
        when = times + [pd.Timestamp(day, tz="UTC") + pd.Timedelta(minutes=k) for k, day in enumerate(late)]
        return outcome(pd.DataFrame({"item_id": range(len(when)), "rater_id": "ann", "score": 1, "rated_at": when}), "timestamps")

    assert "Far from all others: 2 (0%) in 2026-10." in found("2026-10-05", "2026-10-05").text
    assert found("2026-08-03", "2026-08-03").passed and found(*["2026-10-05"] * 10).passed


def test_without_times_drift_cannot_be_judged() -> None:
    found = outcome(frame().drop(columns="rated_at"), "timestamps")
    assert not found.passed and "drift cannot be judged" in found.text and found.n_failed == 4


def test_a_rubric_version_used_before_its_day_is_found(dataset: Path) -> None:
    rubric = dataset / "rubrics/default-1.toml"
    rubric.write_text(rubric.read_text().replace("2026-01-01", "2026-11-03"))
    found = CHECKS[-1](wb.read(dataset))
    assert not found.passed and found.n_failed == 3


def test_checks_are_appended_and_a_broken_record_is_left_alone(dataset: Path) -> None:
    ratings = wb.read(dataset)
    outcomes, when = check_ratings(ratings), dt.datetime(2026, 11, 9, tzinfo=dt.timezone.utc)
    for _ in range(2):
        append_checks(dataset, outcomes, ratings=ratings, ran_at=when)
    record = wb.read(dataset).side_table("checks")
    assert len(record) == 18 and list(record)[:5] == ["batch", "check", "check_version", "rubric_version", "snapshot"]
    assert record["snapshot"].unique().tolist() == [ratings.snapshot.id] and record["ran_at"].eq(when).all()
    assert wb.read(dataset).count() == 5, "the record is no rating"
    (dataset / "checks.parquet").write_bytes(b"not parquet")
    with pytest.raises(wb.RatingsError, match="the record of checks cannot be read or written"):
        append_checks(dataset, outcomes, ratings=ratings)
    assert (dataset / "checks.parquet").read_bytes() == b"not parquet"
    assert not list(dataset.glob(".checks-*"))


def test_drafts_state_what_statistics_assume() -> None:
    table = pd.DataFrame({"item_id": range(30), "rater_id": "x", "criterion": ["tone", "length", "kind"] * 10, "rubric": "our/own",
                          "score": [k % 5 if k % 3 == 0 else k + 0.5 if k % 3 == 1 else None for k in range(30)],
                          "label": ["yes" if k % 3 == 2 and k % 2 else "no" if k % 3 == 2 else None for k in range(30)]})
    drafts = draft_rubrics(wb.read(table))
    (rubric,) = drafts.values()
    assert list(drafts) == ["our_own-1.toml"]
    assert {name: line.scale.name for name, line in rubric.criteria.items()} == {"tone": "ordinal", "length": "interval", "kind": "nominal"}
    assert rubric.criteria["kind"].scale.levels == ("no", "yes")
    assert rubric.criteria["length"].scale.levels == () and rubric.criteria["length"].scale.maximum == 28.5


def test_labels_that_are_free_text_are_not_drafted_as_levels() -> None:
    table = pd.DataFrame({"item_id": range(25_000), "rater_id": "x", "label": [f"words {k}" for k in range(25_000)]})
    with pytest.raises(wb.RatingsError, match="25,000 different labels.*free text"):
        draft_rubrics(wb.read(table))


def test_one_rater_is_not_said_to_be_connected() -> None:
    assert "There is one rater" in outcome(frame(rater_id=["x"] * 4, item_id=["a", "b", "c", "d"]), "overlap").text


def test_a_selection_without_ratings_is_checked_and_found_empty() -> None:
    found = outcomes_table(check_ratings(wb.read(frame(party="lab")).where(party="nobody")))
    assert found.set_index("check")["text"]["levels"] == "No ratings are selected."
    assert found.set_index("check")["text"]["duplicates"].startswith("No rating of 0 stands twice.")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_counted_in_memory_is_what_the_engine_counts(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, n = np.random.default_rng(seed), 300
    times = pd.Series(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 40, n), "D"))
    batch = draw.choice(["x", "y", None], n)
    table = pd.DataFrame({
        "item_id": [f"i{k}" for k in draw.integers(0, 30, n)], "rater_id": [f"r{k}" for k in draw.integers(0, 9, n)],
        "criterion": draw.choice(["a", "b"], n), "score": draw.choice([1, 2, 3, np.nan], n), "batch": batch,
        "rated_at": times.mask(draw.random(n) < 0.2).mask(batch == "x", times[0]), "layer": draw.choice([0, 1], n),
        "started_at": times - pd.to_timedelta(draw.integers(-1, 5, n), "h"), "rubric_version": draw.choice(["1", "2"], n),
        "status": draw.choice(["rated", "skipped"], n, p=[0.8, 0.2])})
    for ratings in (wb.read(table), wb.read(table).where(criterion="a"), wb.read(table.drop(columns=["rated_at", "batch"]))):
        assert contract.held(ratings) is not None
        found = check_ratings(ratings)
        with monkeypatch.context() as patched:
            for module in (contract, design, times_of):
                patched.setattr(module, "held", lambda ratings: None)
            engine = check_ratings(ratings)
        for one, other in zip(found, engine):
            assert (one.text, one.outcome, one.n_rows, one.n_failed) == (other.text, other.outcome, other.n_rows, other.n_failed)
            pd.testing.assert_frame_equal(one.table, other.table, check_dtype=False)
