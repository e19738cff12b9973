"""Contributors: kernels by hand and against second implementations, planted habits, sound panels, and what cannot be judged."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from rating_floor import floor
from scipy import stats

import workbench as wb
from workbench.drift.people_copies import closest, pairs_of
from workbench.drift.people_frame import NO_ORDER, mean_of, read_rows
from workbench.drift.people_tests import BASELINE, LATE, SIZES, Funnel, Sums, moved, shown
from workbench.drift.people_traces import Trace, traces
from workbench.errors import ParameterError
from workbench.resample import false_discovery

EXACT = 1e-10     # two ways to write one formula
FITTED = 1e-6     # a least squares fit by iteration


NO_DELIVERY = pd.DataFrame(columns=["party", "measure", "kind", "status", "e_value", "value", "low", "note"])


def trace_of(table: pd.DataFrame, name: str) -> tuple[Trace, object]:
    rows = read_rows(wb.read(table), window="week")
    return next(t for t in traces(rows) if t.name == name), rows


def rater_means(trace: Trace, rows: object) -> dict[str, float]:
    """Sum of above over sum of below by rater."""
    who = rows.rater[trace.rows]
    return {name: trace.above[who == code].sum() / trace.below[who == code].sum() for code, name in enumerate(rows.names)}


def dated(rows: list[tuple[object, ...]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(rated_at=pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(np.arange(len(frame)), unit="min"))


# Kernels

def test_severity_is_the_distance_from_the_others_without_their_own_severities() -> None:
    # scores 1 3 3 / 3 5 5 / 2 4 4: ann is 2 below the two others throughout; least squares with mean 0: ann -4/3, others +2/3
    # the SD of the nine scores (mean 30/9) is sqrt(14/9): ann's severity is (4/3) / sqrt(14/9) below the middle, others' minus half
    table = wb.from_matrix(pd.DataFrame({"ann": [1, 3, 2], "bob": [3, 5, 4], "cem": [3, 5, 4]}))
    rows = read_rows(table, window="week")
    trace = next(t for t in traces(rows) if t.name == "severity")
    spread = math.sqrt(14 / 9)
    found = rater_means(trace, rows)
    assert found["ann"] == pytest.approx(4 / 3 / spread, abs=FITTED) and found["bob"] == pytest.approx(-2 / 3 / spread, abs=FITTED)


def test_agreement_is_held_against_what_the_others_show_of_the_item() -> None:
    # easy items: all three alike; hard ones: three levels. ann, bob and cem rate both kinds: nobody stands out on either
    rows = [(i, r, 1 + (i % 2) * place) for i in range(40) for place, r in enumerate(["ann", "bob", "cem"])]
    trace, coded = trace_of(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"]), "agreement")
    assert list(rater_means(trace, coded).values()) == pytest.approx([0, 0, 0], abs=FITTED)
    assert np.abs(trace.above).max() < 0.01    # each rating is as expected of its item: the others' split says all


def test_straight_lining_is_what_its_own_shares_of_the_levels_do_not_explain() -> None:
    # level 1 1 1 1 2 2 2 2 in one session: 6 of 7 neighbours alike, by its own shares (4 x 3 + 4 x 3) / (8 x 7) = 3/7
    lines = [(f"a{i}", "ann", 1 + (i >= 4)) for i in range(8)] + [(f"b{i}", "bob", 1 + i % 2) for i in range(8)]
    trace, coded = trace_of(dated(lines, ["item_id", "rater_id", "score"]), "straight-lining")
    means = rater_means(trace, coded)
    # bob's neighbours never are alike: 0 - 3/7; what is usual is the mean of both
    assert means["ann"] - means["bob"] == pytest.approx(6 / 7, abs=0.02)


def test_one_level_is_held_against_the_others_on_the_same_items() -> None:
    # ann: 3 3 3 3, alike in 1; the two others 1 1 and 5 5: another's level is alike on two different items of four in 4/12
    lines = [(i, r, s) for i, other in enumerate([1, 1, 5, 5]) for r, s in (("ann", 3), ("bob", other), ("cem", other))]
    trace, coded = trace_of(pd.DataFrame(lines, columns=["item_id", "rater_id", "score"]), "one level")
    # ann: 1 - 1/3; her own others are bob and cem, alike on the pairs (1, 1), (5, 5): 2 of 6
    assert rater_means(trace, coded)["ann"] == pytest.approx(1 - 1 / 3, abs=EXACT)


def test_q_is_that_of_benjamini_and_hochberg() -> None:
    p = np.random.default_rng(1).random((4, 9)) ** 2
    assert false_discovery(p).ravel() == pytest.approx(stats.false_discovery_control(p.ravel()), abs=EXACT)
    assert np.isnan(false_discovery(np.array([np.nan, 0.1]))).tolist() == [True, False]


def test_with_equal_errors_standing_apart_is_the_externally_studentised_t() -> None:
    x = np.random.default_rng(2).normal(size=12)
    x[3] += 4
    found = Funnel.of(x, np.full(12, 1e-9), np.ones(12, bool)).p_value(x, np.full(12, 1e-9), 0)
    rest = [np.delete(x, j) for j in range(12)]
    t = np.array([(x[j] - rest[j].mean()) / rest[j].std(ddof=1) / math.sqrt(1 + 1 / 11) for j in range(12)])
    assert found == pytest.approx(2 * stats.t.sf(np.abs(t), 10), rel=1e-6)
    sampling = Funnel.of(x, np.full(12, 100.0), np.ones(12, bool)).p_value(x, np.full(12, 100.0), 0)
    assert (sampling > 0.5).all()       # what sampling alone explains is nobody's


def test_raters_are_held_against_their_own_kind() -> None:
    x = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 0.02, 3.0, 3.1, 2.9, 3.05, 2.95])
    kind = np.array([0] * 6 + [1] * 5)
    v = np.full(11, 1e-4)
    apart = Funnel.of(x, v, np.ones(11, bool), kind)
    assert (apart.p_value(x, v, 0) > 0.05).all() and apart.middle[0] < 0.1 < 2.9 < apart.middle[-1]
    assert np.isnan(Funnel.of(x[:7], v[:7], np.ones(7, bool), kind[:7]).p_value(x[:7], v[:7], 0)[6])    # one of its kind
    assert Funnel.of(x[:4], v[:4], np.ones(4, bool)) is None


@pytest.mark.parametrize("side", [0, 1])
def test_evidence_of_a_change_is_that_of_a_plain_loop(side: int) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=12) + np.repeat([0.0, 2.5], 6), rng.uniform(0.5, 2, 12)
    found = moved(np.cumsum(w)[None], np.cumsum(w * x)[None], np.arange(1, 13)[None], side)[0]
    for t in range(BASELINE, 12):
        total = LATE / (t + 1 - BASELINE + LATE)       # of changes that are yet to come
        for nth, k in enumerate(range(BASELINE, t + 1), start=1):
            before, after = slice(0, k), slice(k, t + 1)
            a = w[before].sum() * w[after].sum() / w[:t + 1].sum()
            b = a * (np.average(x[after], weights=w[after]) - np.average(x[before], weights=w[before]))
            for size in SIZES:
                g = size**2 * 12 / w.sum()
                gain = math.exp(g * b * b / 2 / (1 + g * a)) / math.sqrt(1 + g * a)
                gain *= 2 * stats.norm.cdf(side * b * math.sqrt(g / (1 + g * a))) if side else 1
                total += LATE / ((nth + LATE - 1) * (nth + LATE)) * gain / len(SIZES)
        assert found[t] == pytest.approx(math.log(total), rel=1e-8)
    assert np.isnan(found[:BASELINE]).all()


def test_evidence_of_a_change_rarely_grows_where_none_is() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1_000, 52)) + rng.normal(size=(1_000, 1))
    found = moved(np.cumsum(np.ones_like(x), axis=1), np.cumsum(x, axis=1), np.tile(np.arange(1, 53), (1_000, 1)), 0)
    assert (np.nanmax(found, axis=1) >= math.log(20)).mean() < 0.07     # at most 5 % ever; 0.07 is 3 standard errors more


def test_windows_are_merged_until_they_hold_enough() -> None:
    rows = np.arange(5)
    trace = Trace("agreement", rows, np.array([1.0, 0, 1, 1, 0]), np.ones(5))
    sums = Sums.of(trace, np.zeros(5, int), np.array([0, 0, 1, 2, 3]), rows, (1, 4), 3)
    rater, at, n, merged, above, below = shown(sums, 3)
    # windows hold 2, 1, 1, 1 ratings: the first two are one row of 3, the rest never reaches 3
    assert (at.tolist(), n.tolist(), merged.tolist(), above.tolist()) == ([1], [3.0], [2.0], [2.0])


def test_groups_without_a_known_value_have_no_mean() -> None:
    found = mean_of(np.array([1.0, np.nan, 3.0, np.nan]), np.array([0, 0, 0, 1]))
    assert found[:3].tolist() == [2.0, 2.0, 2.0] and np.isnan(found[3])


def test_pairs_count_the_levels_that_two_raters_share() -> None:
    table = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 1, 2], "bob": [1, 2, 2, None], "cem": [2, 1, 2, 1]}))
    pairs = pairs_of(read_rows(table, window="week"))
    n, alike = np.bincount(pairs.pair), np.bincount(pairs.pair, pairs.alike)
    assert dict(zip(zip(pairs.a, pairs.b), zip(n, alike))) == {(0, 1): (3, 2.0), (0, 2): (4, 0.0), (1, 2): (3, 1.0)}
    assert len(closest(pairs, m=3, windows=1, fewest=3).rater) == 0        # three pairs are too few to be held against


# Planted habits and sound panels

@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """One programme of 26 weeks: r03 grows severe from week 10 on, r08 copies r09 and r12 hurries, both from week 6 on."""
    habits = {3: {"lean": 1.2, "from": 10}, 8: {"copies": 0.9, "from": 6}, 12: {"hasty": 0.35, "from": 6}}
    return wb.drift.contributors(wb.read(floor(11, weeks=26, habits=habits)))


def test_a_rater_that_grows_severe_is_found_by_later_ratings_and_after_it_was_watched(planted: pd.DataFrame) -> None:
    own = planted[(planted["rater_id"] == "r03") & (planted["behaviour"] == "severity")]
    found, begun = own[own["status"] == "found"], pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(weeks=10)
    assert len(found) and found["window"].min() >= begun and set(found["how"]) == {"changed"}
    assert own[own["status"] == "watch"]["window"].min() < found["window"].min()
    assert own["value"].iloc[-1] > 0.5 and own["low"].iloc[-1] > own["usual"].iloc[-1]


def test_a_hasty_rater_is_found_by_its_seconds(planted: pd.DataFrame) -> None:
    own = planted[(planted["rater_id"] == "r12") & (planted["behaviour"] == "speed")]
    assert own["status"].iloc[-1] == "found" and own["own"].iloc[-1] < 0.6


def test_who_copies_is_told_with_its_partner_and_its_partner_is_not_told(planted: pd.DataFrame) -> None:
    own = planted[planted["behaviour"] == "copying"]
    copier, copied = (own[own["rater_id"] == name].iloc[-1] for name in ("r08", "r09"))
    assert copier["partner"] == "r09" and copier["status"] in ("watch", "found") and "second on" in copier["note"]
    assert copied["status"] == ""


def test_nobody_else_is_found(planted: pd.DataFrame) -> None:
    found = planted[planted["status"] == "found"]
    assert set(found["rater_id"]) <= {"r03", "r08", "r12"}


def test_a_sound_panel_shows_nobody_as_found() -> None:
    table = wb.drift.contributors(wb.read(floor(21, weeks=12)))
    assert not (table["status"] == "found").any()
    assert table["value"].notna().groupby(table["behaviour"]).any().drop("learning").all()


def test_values_are_drawn_towards_the_middle_and_no_further_than_it(planted: pd.DataFrame) -> None:
    rows = planted[(planted["behaviour"] == "agreement") & planted["value"].notna()]
    away, drawn = (rows["own"] - rows["usual"]).abs(), (rows["value"] - rows["usual"]).abs()
    assert (drawn <= away + EXACT).all() and (rows["low"] < rows["value"]).all() and (rows["value"] < rows["high"]).all()


def test_the_names_of_raters_and_the_order_of_rows_change_nothing() -> None:
    frame = floor(31, weeks=6, raters=8, ratings_a_week=150)
    other = frame.sample(frac=1, random_state=1).assign(rater_id=lambda f: f["rater_id"].replace({"r00": "z"}))
    one, two = (wb.drift.contributors(wb.read(f)) for f in (frame, other))
    key = ["rater_id", "behaviour", "window"]
    two = two.assign(rater_id=two["rater_id"].replace({"z": "r00"})).sort_values(key, ignore_index=True)
    one = one.sort_values(key, ignore_index=True)
    assert one["own"].to_numpy() == pytest.approx(two["own"].to_numpy(), abs=1e-5, nan_ok=True)


# What cannot be judged

def note_of(table: pd.DataFrame, behaviour: str) -> str:
    return table[table["behaviour"] == behaviour]["note"].iloc[-1]


def test_without_times_gold_or_seconds_each_is_said() -> None:
    frame = floor(41, weeks=4, raters=8, ratings_a_week=120)
    bare = frame[frame["rater_kind"] == "human"].drop(columns=["rated_at", "seconds", "rater_kind"])
    table = wb.drift.contributors(wb.read(bare))
    assert "no gold ratings" in note_of(table, "gold") and "no seconds" in note_of(table, "speed")
    assert "no rated_at" in note_of(table, "fatigue") and "no rated_at" in note_of(table, "straight-lining")
    assert "nothing can repeat" in note_of(table, "severity") and table["window"].isna().all()
    assert not (table["status"] == "found").any()


def test_one_stamp_a_batch_is_said_to_hide_the_order() -> None:
    frame = floor(42, weeks=4, raters=8, ratings_a_week=120)
    frame["rated_at"] = frame["rated_at"].dt.floor("7D")
    table = wb.drift.contributors(wb.read(frame))
    assert {note_of(table, b) for b in ("straight-lining", "fatigue", "learning")} == {NO_ORDER}
    assert table[table["behaviour"] == "severity"]["value"].notna().any()


def test_one_window_cannot_repeat_and_few_raters_are_held_against_nobody() -> None:
    frame = floor(43, weeks=1, raters=4, ratings_a_week=240)
    table = wb.drift.contributors(wb.read(frame))
    severe = table[table["behaviour"] == "severity"]
    assert set(severe["status"]) == {"unknown"} and severe["note"].str.contains("fewer than 5 raters").all()
    assert severe["note"].str.contains("all in one window: nothing can repeat").all()


def test_a_rater_seen_once_is_said_to_have_too_few_ratings() -> None:
    frame = floor(44, weeks=3, raters=8, ratings_a_week=120)
    once = frame.iloc[[0]].assign(rater_id="guest")
    table = wb.drift.contributors(wb.read(pd.concat([frame, once])))
    guest = table[table["rater_id"] == "guest"]
    assert guest["value"].isna().all() and set(guest["status"]) == {"unknown"}
    assert "1 of its ratings bears on severity, fewer than the 20 needed" in guest["note"].tolist()


def test_nominal_labels_have_agreement_but_no_severity() -> None:
    frame = floor(45, weeks=3, raters=8, ratings_a_week=120)
    named = frame.assign(label=frame["score"].map({1.0: "a", 2.0: "b", 3.0: "c", 4.0: "d", 5.0: "e"})).drop(columns="score")
    table = wb.drift.contributors(wb.read(named))
    assert note_of(table, "severity") == "nominal levels have no order"
    assert table[table["behaviour"] == "agreement"]["value"].notna().any()


def test_items_rated_once_compare_nobody() -> None:
    rows = [(i, "r" + str(i % 6), 1 + i % 5) for i in range(240)]
    table = wb.drift.contributors(wb.read(dated(rows, ["item_id", "rater_id", "score"])))
    assert note_of(table, "severity") == "no item has two raters" and note_of(table, "agreement") == "no item has two raters"


def test_no_ratings_give_a_table_without_rows() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    assert wb.drift.contributors(ratings.where(rater_id="nobody")).empty


def test_options_are_checked() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    with pytest.raises(ParameterError, match="fewest=1 is not a number of ratings of 2 or more"):
        wb.drift.contributors(ratings, fewest=1)
    with pytest.raises(ParameterError, match="window"):
        wb.drift.contributors(ratings, window="day")


# Findings

def test_findings_state_what_can_be_shown_to_the_rater(planted: pd.DataFrame) -> None:
    found = wb.drift.people_findings(planted, delivered=pd.DataFrame(columns=["party", "measure", "kind", "status", "e_value", "value", "note"]))
    severe = found[found["id"] == "drift/severity/rater_id=r03"].iloc[0]
    assert severe["status"] == "found" and severe["sentence"].startswith("r03 scored ") and "SD lower than the other raters of the same items" \
        in severe["sentence"] and "unlike in its own earlier windows" in severe["sentence"]
    hasty = found[found["id"] == "drift/speed/rater_id=r12"].iloc[0]
    assert "times as long as is usual on such items" in hasty["sentence"]
    assert (found["severity"] == "ok").sum() == 1 and "do not stand out" in found[found["severity"] == "ok"]["sentence"].iloc[0]
    assert "learning" in found[found["severity"] == "unknown"]["sentence"].iloc[0]


def test_criteria_rated_together_under_items_of_their_own_keep_their_order() -> None:
    # a text's ten labels bear one stamp, each an item of its own: which text came first is known all the same
    frame = floor(42, weeks=4, raters=8, ratings_a_week=120)
    both = pd.concat([frame.assign(criterion=c, item_id=frame["item_id"] + "#" + c) for c in ("tone", "truth")])
    assert NO_ORDER not in wb.drift.contributors(wb.read(both))["note"].tolist()
    stamped = both.assign(rated_at=both["rated_at"].dt.floor("7D"))
    assert note_of(wb.drift.contributors(wb.read(stamped)), "learning") == NO_ORDER


def standing(**changed: object) -> pd.DataFrame:
    """A rater seen further from the others at the end of its sessions in one week, and not over all its ratings."""
    row = {"rater_id": "r1", "behaviour": "fatigue", "window": pd.Timestamp("2026-01-05", tz="UTC"), "value": 1.36, "low": 0.21, "high": 2.5,
           "q": 0.0, "status": "watch", "how": "apart", "overall": -0.02, "overall_low": -0.06, "overall_high": 0.09, "partner": "",
           "n_ratings": 30, "n_overall": 32, "confidence": 0.95, "note": ""}
    return pd.DataFrame([row | changed])


def test_a_rater_who_stands_out_in_one_window_alone_is_told_of_that_window_and_with_its_n() -> None:
    found = wb.drift.people_findings(standing(), delivered=NO_DELIVERY).iloc[0]
    assert found["sentence"] == "r1 was 136 % of the usual distance further from the others at the end of a session than at its " \
        "beginning in 2026-W02 (95 %: 21 to 250; 30 ratings)."
    assert found["n_ratings"] == 30 and found["value"] == 1.36
    whole = wb.drift.people_findings(standing(overall=0.8, overall_low=0.3, overall_high=1.3), delivered=NO_DELIVERY).iloc[0]
    assert "80 % of the usual" in whole["sentence"] and "32 ratings" in whole["sentence"] and whole["n_ratings"] == 32


def test_small_shares_are_told_with_a_decimal_and_what_is_found_comes_first() -> None:
    small = standing(behaviour="straight-lining", overall=0.009, overall_low=0.004, overall_high=0.014)
    copied = standing(behaviour="copying", status="found", partner="r2", overall=0.13, overall_low=0.12, overall_high=0.14)
    found = wb.drift.people_findings(pd.concat([small, copied]), delivered=NO_DELIVERY)
    assert found["status"].tolist()[:2] == ["found", "watch"]
    assert "0.9 percentage points more often" in found["sentence"][1] and "(95 %: 0.4 to 1.4;" in found["sentence"][1]
