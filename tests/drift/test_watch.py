"""The monitor on ratings: what is found, what is not looked at, and each lack by its words."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.drift.alarms import with_alarms
from workbench.drift.watch import enough_units
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
    assert (table.loc[table["alarm"], "guarantee"] == "exact").all()


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
    assert enough_units(rows, False)[0].tolist() == [True, False, False] and enough_units(rows, True)[0].tolist() == [True, True, False]


def test_a_named_baseline_leaves_out_what_comes_before_and_across_its_end() -> None:
    table = watch(programme(), baseline=("2026-01-19", "2026-03-18"))   # from the third week to the middle of the eleventh
    assert table["phase"].tolist() == ["apart"] * 2 + ["baseline"] * 8 + ["apart"] + ["watched"] * 5
    assert "outside the baseline and before its end" in table["note"].iloc[10]


@pytest.mark.parametrize(("options", "words"), [
    ({"baseline": ("2026-03-01", "2026-03-01")}, "is empty: it ends before it begins"),
    ({"baseline": ("2020-01-01", "2020-03-01")}, "holds no whole week with ratings. The data run from 2026-01-05 to 2026-04-27"),
    ({"baseline": "2026-01-05"}, "is not a pair of dates"),
    ({"metric": "median"}, "metric='median' is not known. Use one of: 'mean'"),
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


def test_metrics_share_one_error_rate_and_bear_their_guarantee() -> None:
    frame = programme(weeks=10).assign(seconds=30.0 + np.arange(800) % 17)
    table = watch(frame, metric=["mean", "agreement", "alpha", "slower", "gaps"])
    said = table.groupby("metric")["guarantee"].first().to_dict()
    assert said == {"mean": "exact", "agreement": "exact", "alpha": "asymptotic", "share of gaps": "none",
                    "share slower than the baseline's median": "asymptotic"}
    assert set(table["alarm_at"]) == {4 / 0.05}           # gaps never vary, so nothing is watched there
    assert (watch(frame, tolerance=0.5)["guarantee"] == "asymptotic").all()


def test_alpha_equals_the_coefficient_of_each_week() -> None:
    frame = programme(weeks=3)
    own = wb.agreement.krippendorff_alpha(wb.read(frame), by=["week"], interval="linearized")
    np.testing.assert_allclose(watch(frame, metric="alpha")["value"], own["value"])


def test_gold_accuracy_and_speed_by_hand() -> None:
    # gold says 2 of both items; the raters say 2, 3 and 2, 2: 3 of 4. The median of 10, 20, 30, 50 is 25: two are slower
    rows = [("x", "a", 2, 10, "human"), ("x", "b", 3, 20, "human"), ("y", "a", 2, 30, "human"), ("y", "b", 2, 50, "human"),
            ("x", "g", 2, None, "gold"), ("y", "g", 2, None, "gold")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "seconds", "rater_kind"]).assign(rated_at=MONDAY)
    values = watch(frame, metric=["accuracy", "slower", "faster"]).set_index("metric")["value"]
    assert values["gold accuracy"] == 0.75
    assert values["share slower than the baseline's median"] == values["share faster than the baseline's median"] == 0.5


def test_gaps_and_faults_by_hand() -> None:
    # of 5 rows one was skipped and one has no answer; one ends before it starts
    frame = pd.DataFrame({"item_id": list("vwxyz"), "rater_id": "a", "score": [1, 2, None, 3, None], "rated_at": MONDAY,
                          "status": ["rated", "rated", "skipped", "rated", "rated"],
                          "started_at": MONDAY + pd.to_timedelta([-1, 1, -1, -1, -1], unit="h")})
    values = watch(frame, metric=["gaps", "faults"]).set_index("metric")["value"]
    assert values["share of gaps"] == pytest.approx(2 / 5) and values["share of faults"] == pytest.approx(1 / 5)


def test_severity_is_had_from_shared_items() -> None:
    # b scores each item one point lower than a, c half a point lower than b: severities 5/6 below, 1/6, 2/3 about their mean
    rng = np.random.default_rng(0)
    quality = rng.integers(2, 5, 40)
    rows = [(f"{w}-{i}", r, q - d, w) for w in range(9) for i, q in enumerate(quality) for r, d in zip("abc", (0, 1, 1.5))
            if r != "abc"[i % 3]]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "w"])
    frame["score"] += rng.normal(0, 0.01, len(frame))
    table = watch(frame.assign(rated_at=MONDAY + pd.to_timedelta(7 * frame.pop("w"), unit="D")), metric="severity")
    values = table.groupby("rater_id")["value"].mean()
    assert values.tolist() == pytest.approx([-5 / 6, 1 / 6, 2 / 3], abs=0.01)
    assert set(table["guarantee"]) == {"asymptotic"}


def test_the_set_in_alarm_is_that_of_e_bh_and_ever_is_e_bonferroni() -> None:
    # 4 streams at 0.05: alone one needs 80; two at 40 or above are in alarm together
    at = pd.date_range(MONDAY, periods=2, freq="7D")
    tables = [pd.DataFrame({"window": at, "e_value": e}) for e in ([1.0, 50.0], [1.0, 45.0], [1.0, 2.0], [90.0, 1.0])]
    shown = with_alarms(tables, 0.05)
    assert [rows["alarm"].tolist() for rows in shown] == [[False, True], [False, True], [False, False], [True, False]]
    assert [rows["ever_alarmed"].tolist() for rows in shown] == [[False, False]] * 3 + [[True, True]]
    assert [rows["alarm_at"].tolist() for rows in shown] == [[80.0, 40.0]] * 4
    assert shown[3]["alarmed_since"].tolist()[0] == MONDAY and pd.isna(shown[3]["alarmed_since"].iloc[1])


def test_a_stream_without_ratings_this_week_keeps_its_evidence_in_the_set() -> None:
    at = pd.date_range(MONDAY, periods=2, freq="7D")
    first, second = pd.DataFrame({"window": at[:1], "e_value": [30.0]}), pd.DataFrame({"window": at, "e_value": [1.0, 25.0]})
    assert with_alarms([first, second], 0.05)[1]["alarm"].tolist() == [False, True]      # two at 20 or above


def test_an_accepted_change_begins_a_new_baseline_and_a_counted_start() -> None:
    frame = programme(weeks=32, step=1.0)
    alone, again = watch(frame), watch(frame, accepted=["2026-03-30"])
    assert alone["alarm"].iloc[-1] and not again["alarm"].iloc[-1]
    later = again[again["start"] == 2]
    assert later["window"].min() == MONDAY + pd.Timedelta(weeks=12) and (later["phase"] == "baseline").sum() == 8
    assert len(again) == len(alone) and later["reference"].iloc[0] == pytest.approx(later["value"].iloc[:8].mean())
    found = wb.drift.findings(wb.read(frame), monitored=again, parts=pd.DataFrame())
    assert "the monitor is in its start 2" in " ".join(found["sentence"])


def test_a_closed_window_whose_ratings_changed_is_revised() -> None:
    frame = programme(weeks=12)
    then, now = watch(frame[frame["rated_at"] < MONDAY + pd.Timedelta(weeks=10)]), watch(frame.drop(index=300))
    table = wb.drift.revised(now, earlier=then)
    assert table.loc[table["revised"], "window"].tolist() == [MONDAY + pd.Timedelta(weeks=300 // 80)]
    row = table[table["revised"]].iloc[0]
    assert (row["n_ratings_before"], row["n_ratings"]) == (80, 79)
    with pytest.raises(ParameterError, match="has other columns than the table"):
        wb.drift.revised(now, earlier=then.drop(columns="note"))


def test_clocks_that_are_wrong_are_not_looked_at_and_told() -> None:
    frame = programme(weeks=16)
    frame.loc[:9, "rated_at"] = pd.Timestamp("1970-01-05", tz="UTC")
    frame.loc[10:19, "rated_at"] = pd.Timestamp("2031-01-06", tz="UTC")
    table = watch(frame)
    assert table["phase"].iloc[0] == table["phase"].iloc[-1] == "apart" and (table["phase"].iloc[1:9] == "baseline").all()
    assert "over a year from most ratings: is a clock wrong? not looked at" in table["note"].iloc[-1]
    found = wb.drift.findings(wb.read(frame), monitored=table, parts=pd.DataFrame())
    assert "2 weeks (1970-W02, 2031-W02) lie over a year from most ratings" in " ".join(found["sentence"])


def test_gaps_of_months_are_told_and_evidence_goes_on() -> None:
    frame = programme(weeks=16)
    late = frame["rated_at"] > MONDAY + pd.Timedelta(weeks=12)
    frame.loc[late, "rated_at"] += pd.Timedelta(weeks=20)
    table = watch(frame)
    assert "21 weeks without ratings before it" in table["note"].iloc[12] and table["e_value"].iloc[-1] > 0


def test_one_stamp_a_batch_is_told() -> None:
    frame = programme(weeks=12)
    frame["batch"] = frame["rated_at"].astype(str)
    table = watch(frame)
    assert table["note"].str.contains("time is per batch").all()
    found = wb.drift.findings(wb.read(frame), monitored=table, parts=pd.DataFrame())
    assert "Time is per batch" in " ".join(found["sentence"])


def test_weeks_are_utc_across_daylight_saving_and_times_without_zone_are_told() -> None:
    frame = programme(weeks=16)        # the clocks go forward on 2026-03-29
    local = frame.assign(rated_at=frame["rated_at"].dt.tz_convert("Europe/Berlin").map(lambda t: t.isoformat()))
    pd.testing.assert_frame_equal(watch(frame)[["window", "value", "e_value"]], watch(local)[["window", "value", "e_value"]])
    bare = wb.read(frame.assign(rated_at=frame["rated_at"].dt.tz_localize(None)))
    found = wb.drift.findings(bare, monitored=wb.drift.monitor(bare), parts=pd.DataFrame())
    assert "Times bear no zone and are read as UTC" in " ".join(found["sentence"])
    text = wb.read(frame.assign(rated_at=frame["rated_at"].dt.strftime("%Y-%m-%d %H:%M:%S")))       # as a CSV has them
    found = wb.drift.findings(text, monitored=wb.drift.monitor(text), parts=pd.DataFrame())
    assert "Times bear no zone and are read as UTC" in " ".join(found["sentence"])


def test_where_all_is_baseline_gaps_and_batches_are_told_too() -> None:
    frame = programme(weeks=6)
    frame["rated_at"] += pd.to_timedelta(np.where(frame["rated_at"] < frame["rated_at"].min() + pd.Timedelta(days=20), 0, 140), "D")
    frame["batch"] = frame["rated_at"].astype(str)
    ratings = wb.read(frame)
    said = wb.drift.findings(ratings, monitored=wb.drift.monitor(ratings), parts=pd.DataFrame())["sentence"]
    assert "all of them are the baseline" in said[0]
    assert said.str.contains("Time is per batch").any() and said.str.contains("after more than 8 weeks without ratings").any()


def test_a_baseline_too_short_to_separate_weeks_is_a_finding() -> None:
    ratings, words = wb.read(programme(weeks=16)), "Between-week variation cannot be separated"
    short, usual = (wb.drift.findings(ratings, monitored=wb.drift.monitor(ratings, baseline=b), parts=pd.DataFrame())["sentence"]
                    for b in (("2026-01-05", "2026-02-02"), None))
    assert short.str.contains(words).any() and not usual.str.contains(words).any()


@pytest.mark.parametrize("accepted", [["2026-01-12"], ["2027-01-01"], ["2026-04-20", "2026-04-13"], "2026-03-30"])
def test_accepted_dates_that_cannot_be_are_refused(accepted: object) -> None:
    with pytest.raises(ParameterError, match="accepted="):
        watch(programme(), accepted=accepted)


def second() -> object:
    """The generator of the benchmark, which shares nothing with the package."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "programmes.py"
    spec = importlib.util.spec_from_file_location("programmes", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["programmes"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["independent", "raters replaced", "batches"])
def test_a_second_generator_finds_a_step_and_no_false_alarm(kind: str) -> None:
    programmes = second()
    calm, moved = (programmes.as_table(programmes.programme(np.random.default_rng(seed), sizes=[500] * 30, kind=kind, step=step, at=18))
                   for seed, step in ((1, 0.0), (2, 0.8)))
    assert not watch(calm)["alarm"].any()
    table = watch(moved)
    first = table.loc[table["alarm"], "window"].min()
    assert table["alarm"].iloc[-1] and first >= pd.Timestamp("2025-01-06", tz="UTC") + pd.Timedelta(weeks=18)
