"""The monitor on ratings: what is found, what is not looked at, and each lack by its words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.drift.watch import near_normal
from workbench.errors import ParameterError

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


def programme(*, weeks: int = 16, items: int = 40, step: float = 0.0, at: int = 12, seed: int = 0,
              **columns: object) -> pd.DataFrame:
    """Two raters an item, five-point scores around 3, `step` points higher from week `at` on."""
    rng = np.random.default_rng(seed)
    rows = [(f"{w}-{i}", r, w) for w in range(weeks) for i in range(items) for r in "ab"]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "week_no"])
    centre = 3 + step * (frame["week_no"] >= at)
    quality = rng.normal(0, 0.6, weeks * items).repeat(2)
    frame["score"] = np.clip(np.round(centre + quality + rng.normal(0, 0.7, len(frame))), 1, 5)
    frame["rated_at"] = MONDAY + pd.to_timedelta(7 * frame["week_no"] + 2, unit="D")
    return frame.assign(**columns).drop(columns="week_no")


def watch(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    return wb.drift.monitor(wb.read(frame), **options)


def test_a_planted_step_raises_a_lasting_alarm() -> None:
    table = watch(programme(step=1.0))
    hit = table[table["alarm"]]
    assert len(hit) and hit["window"].min() >= MONDAY + pd.Timedelta(weeks=12)
    assert table["alarm"].iloc[-1] and table["alarmed_since"].iloc[-1] == hit["window"].min()
    assert (table.loc[table["alarm"], "guarantee"] == "asymptotic").all()


def test_no_change_raises_none_and_weeks_are_utc() -> None:
    table = watch(programme())
    assert not table["alarm"].any() and str(table["window"].dt.tz) == "UTC"
    assert (table["phase"].iloc[:8] == "baseline").all() and (table["phase"].iloc[8:] == "watched").all()


def test_a_window_of_the_mean_by_hand() -> None:
    # items score (1, 2), (3, 3), (5, 4): mean 18/6 = 3; contributions (3-6, 6-6, 9-6)/6 = -1/2, 0, 1/2
    # se2 = 3/2 (1/4 + 1/4) = 3/4
    scores = [1, 2, 3, 3, 5, 4]
    frame = pd.DataFrame({"item_id": list("xxyyzz"), "rater_id": list("ababab"), "score": scores, "rated_at": MONDAY})
    row = watch(frame).iloc[0]
    assert row["value"] == 3 and row["se"] ** 2 == pytest.approx(3 / 4) and row["n_ratings"] == 6


def test_shares_of_levels_sum_to_one_and_absent_ones_are_zero() -> None:
    frame = programme(weeks=9).assign(label=lambda f: np.where(f["score"] > 3, "good", "bad")).drop(columns="score")
    frame.loc[frame["rated_at"] < MONDAY + pd.Timedelta(weeks=1), "label"] = "bad"
    table = watch(frame, metric="levels")
    assert table.groupby("window")["value"].sum().round(12).eq(1).all()
    first = table[(table["window"] == MONDAY) & (table["metric"] == "share of good")]
    assert first["value"].tolist() == [0.0] and first["n_ratings"].tolist() == [80]


def test_agreement_equals_the_coefficient_of_each_week() -> None:
    frame = programme(weeks=3)
    table = watch(frame, metric="agreement")
    own = wb.agreement.percent_agreement(wb.read(frame), by=["week"])
    np.testing.assert_allclose(table["value"], own["value"])
    np.testing.assert_allclose(table["se"], own["se"])


def test_a_rubric_version_starts_a_stream_with_a_baseline_of_its_own() -> None:
    frame = programme(weeks=20, step=-1.0, at=12)
    frame["rubric_version"] = np.where(frame["rated_at"] < MONDAY + pd.Timedelta(weeks=12), "1", "2")
    table = watch(frame)
    assert not table["alarm"].any()       # the step falls on the version's first week: no trend crosses it
    late = table[table["rubric_version"] == "2"]
    assert (late["phase"] == "baseline").sum() == 4
    assert late["note"].str.contains("begins after the baseline: its own first 4 windows").all()


def test_many_streams_share_one_error_rate() -> None:
    parts = [programme(seed=i, task_type=f"t{i}") for i in range(3)]
    frame = pd.concat([part.assign(item_id=part["item_id"] + part["task_type"]) for part in parts])
    assert (watch(frame, by=["task_type"])["alarm_at"] == 3 / 0.05).all()


def test_without_times_the_table_is_empty_and_the_finding_says_so() -> None:
    ratings = wb.read(programme().drop(columns="rated_at"))
    table = wb.drift.monitor(ratings)
    assert table.empty and {"metric", "window", "value", "e_value", "alarm", "guarantee"} <= set(table.columns)
    found = wb.drift.findings(ratings, monitored=table, parts=wb.drift.changes(ratings, table))
    assert found["sentence"].tolist() == ["No `rated_at`: drift cannot be judged."] and found["severity"].tolist() == ["unknown"]


def test_all_in_one_window_is_said() -> None:
    ratings = wb.read(programme(weeks=1))
    table = wb.drift.monitor(ratings)
    assert not table["alarm"].any() and table["e_value"].isna().all() and (table["guarantee"] == "none").all()
    found = wb.drift.findings(ratings, monitored=table, parts=wb.drift.changes(ratings, table))
    assert "1 week with ratings (in week 2026-W02)" in found["sentence"][0]
    assert "All ratings bear times of one week" in found["sentence"][0]


def test_windows_with_one_rating_are_shown_and_not_looked_at() -> None:
    frame = programme(weeks=14)
    alone = frame["rated_at"].isin([MONDAY + pd.Timedelta(days=7 * w + 2) for w in (2, 10)])
    frame = pd.concat([frame[~alone], frame[alone].drop_duplicates("rated_at")])
    table = watch(frame).set_index("window")
    row = table.loc[MONDAY + pd.Timedelta(weeks=10)]
    assert row["n_ratings"] == 1 and np.isnan(row["low"]) and "too few items (1): not looked at" in row["note"]
    assert row["e_value"] == table["e_value"].iloc[9]     # evidence stays what it was
    assert "7 of at least 8 baseline windows: between-week variation cannot be separated" in row["note"]


def test_a_value_is_looked_at_only_with_items_enough_for_its_skewness() -> None:
    # pooled skewness 2 asks for 5 * 4 = 20 items
    rows = pd.DataFrame({"units": [21.0, 19.0, 8.0], "skew": [2.0, 2.0, 2.0], "value": [0.1, 0.1, 0.1]})
    assert near_normal(rows).tolist() == [True, False, False]


def test_a_named_baseline_leaves_out_what_comes_before_and_across_its_end() -> None:
    table = watch(programme(), baseline=("2026-01-19", "2026-03-18"))   # from the third week to the middle of the eleventh
    assert table["phase"].tolist() == ["apart"] * 2 + ["baseline"] * 8 + ["apart"] + ["watched"] * 5
    assert "outside the baseline and before its end" in table["note"].iloc[10]


@pytest.mark.parametrize(("options", "words"), [
    ({"baseline": ("2026-03-01", "2026-03-01")}, "is empty: it ends before it begins"),
    ({"baseline": ("2020-01-01", "2020-03-01")}, "holds no whole week with ratings. The data run from 2026-01-05 to 2026-04-27"),
    ({"baseline": "2026-01-05"}, "is not a pair of dates"),
    ({"metric": "alpha"}, "metric='alpha' is not known. Use one of: 'mean'"),
    ({"window": "day"}, "window='day' is not known. Use one of: 'week', 'month'"),
    ({"error_rate": 5}, "error_rate=5 is not a share between 0 and 1"),
    ({"tolerance": -1}, "tolerance=-1 is not a size"),
])
def test_a_bad_argument_says_what_is_good(options: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as error:
        watch(programme(), **options)
    assert words in str(error.value)


def test_nominal_labels_have_no_mean_but_shares() -> None:
    frame = programme(weeks=10).assign(label=lambda f: np.where(f["score"] > 3, "A", "B")).drop(columns="score")
    table = watch(frame)
    assert table["value"].isna().all() and table["note"].str.contains("nominal levels have no mean: use metric='levels'").all()
    assert set(watch(frame, metric="answers")["metric"]) == {"share of A", "share of B"}


def test_months_can_be_watched() -> None:
    table = watch(programme(weeks=60, items=12), window="month")
    assert table["window"].dt.day.eq(1).all() and (table["phase"] == "baseline").sum() == 8


def test_an_alarm_is_told_with_what_made_it() -> None:
    ratings = wb.read(programme(step=1.0, task_type="code"))
    table = wb.drift.monitor(ratings)
    parts = wb.drift.changes(ratings, table, by=["task_type"], draws=50)
    row = wb.drift.findings(ratings, monitored=table, parts=parts).iloc[0]
    assert row["severity"] == "alarm" and row["status"] == "found"
    assert "The mean of overall, rubric version 1 is in alarm since" in row["sentence"] and "within cells: +" in row["sentence"]


def test_streams_in_alarm_are_shown_and_split_first() -> None:
    calm, moved = programme(task_type="code"), programme(step=1.0, seed=1, task_type="math")
    calm["criterion"], moved["criterion"] = "a", "b"
    ratings = wb.read(pd.concat([calm, moved]))
    table = wb.drift.monitor(ratings)
    assert wb.drift.strongest(table, streams=1)["stream"].unique().tolist() == ["b, rubric version 1"]
    parts = wb.drift.changes(ratings, table, by=["task_type"], draws=20)
    assert parts["stream"].unique().tolist() == ["b, rubric version 1", "a, rubric version 1"]
    assert parts["after"].iloc[0].endswith("to 2026-W17") and parts["alarmed"].tolist() == [True] * 3 + [False] * 3


def test_criteria_with_labels_and_with_scores_stand_side_by_side() -> None:
    frame = programme(step=1.0)
    labelled = frame.assign(criterion="tone", label=np.where(frame["score"] > 3, "warm", "cold"), score=np.nan)
    ratings = wb.read(pd.concat([frame, labelled]))
    table = wb.drift.monitor(ratings, metric="answers")
    assert set(table["metric"]) == {"mean", "share of warm", "share of cold"}
    parts = wb.drift.changes(ratings, table, by=[], draws=20)
    assert parts["part"].tolist() == ["within cells", "not comparable"] and parts["criterion"].unique().tolist() == ["overall"]


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e12])
def test_the_unit_of_the_scores_changes_no_evidence(unit: float) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(400)], "rater_id": "a", "score": rng.normal(3, 1, 400),
                          "rated_at": pd.date_range("2026-06-01", periods=400, freq="5h", tz="UTC")})
    made = [wb.drift.monitor(wb.read(f)) for f in (frame, frame.assign(score=frame["score"] * unit))]
    assert made[0]["e_value"].notna().any()
    np.testing.assert_allclose(made[1]["e_value"], made[0]["e_value"], rtol=1e-6)


def test_what_never_varies_and_what_counts_nowhere_are_told() -> None:
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(400)], "rater_id": "a", "score": 3.0,
                          "rated_at": pd.date_range("2026-06-01", periods=400, freq="5h", tz="UTC")})
    routed = frame.assign(selection="routed")
    for given, words in ((frame, "cannot be judged, nothing varies"), (routed, "Drift cannot be judged: no rating")):
        ratings = wb.read(given)
        table = wb.drift.monitor(ratings)
        found = wb.drift.findings(ratings, monitored=table, parts=wb.drift.changes(ratings, table))
        assert found["severity"].tolist() == ["unknown"] and words in found["sentence"][0]
