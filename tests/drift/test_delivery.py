"""Delivery beside quality, and the review layers: by hand, against plain formulas, a planted fall, and what is not known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from rating_floor import floor

import workbench as wb
from workbench.drift.deliveries import beyond_sampling, middle, separation
from workbench.drift.people_conclude import people_findings
from workbench.errors import ParameterError

EXACT = 1e-10
NOBODY = pd.DataFrame(columns=["rater_id", "behaviour", "window", "value", "status", "note"])


def of(table: pd.DataFrame, measure: str) -> pd.Series:
    return table[table["measure"] == measure].iloc[-1]


def parties(seed: int, *, noise: float = 1.0, weeks: int = 24) -> pd.DataFrame:
    """Two parties of six raters; the raters of north are `noise` times as unsteady from week 12 on."""
    frame = floor(seed, weeks=weeks, raters=12, ratings_a_week=300, habits={r: {"noise": noise, "from": 12} for r in range(6)})
    number = pd.to_numeric(frame["rater_id"].str[1:], errors="coerce")
    party = np.where(number.isna(), None, np.where(number < 6, "north", "south"))
    return frame.assign(party=party, system=np.array(["a", "b"])[frame["item_id"].str[1:].astype(int) % 2], batch=frame["rated_at"].dt.strftime("%V"))


@pytest.fixture(scope="module")
def fallen() -> pd.DataFrame:
    return wb.drift.delivery(wb.read(parties(3, noise=3.0)))


def test_one_party_and_window_by_hand() -> None:
    # two batches: b1 takes 2 h (8:00 to 10:00), b2 4 h (8:00 to 12:00); median 3 h. Seconds 10, 20, 30, 40: median 25.
    # four ratings were asked for and came; a missing fifth: 4/5. Items i, j: alike on i, not on j
    rows = [("i", "ann", 1, "08:00", "b1", 10), ("i", "bob", 1, "10:00", "b1", 20), ("j", "ann", 1, "08:00", "b2", 30),
            ("j", "bob", 2, "12:00", "b2", 40), ("k", "ann", None, "09:00", "b1", None)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "at", "batch", "seconds"])
    frame["rated_at"] = pd.to_datetime("2026-01-05T" + frame["at"] + ":00Z")
    table = wb.drift.delivery(wb.read(frame.drop(columns="at")))
    assert of(table, "volume")["value"] == 4 and of(table, "turnaround")["value"] == 3 and of(table, "time")["value"] == 25
    assert of(table, "pass rate")["value"] == pytest.approx(4 / 5) and "none was reviewed" in of(table, "pass rate")["note"]
    assert of(table, "agreement")["note"].startswith("2 items or prompts so far: fewer than 10")
    assert set(table["party"]) == {"(none)"}


def test_separation_is_the_systems_share_of_the_variance() -> None:
    # a: 0, 2; b: 4, 6, each item a prompt: inner mean square 2, outer 16, between (16 - 2) / 2 = 7: 7 / (7 + 2)
    z, item, system = np.array([0.0, 2.0, 4.0, 6.0]), np.arange(4), np.array([0, 0, 1, 1])
    assert separation(z, item, item, system, 0.95)["value"] == pytest.approx(7 / 9, abs=EXACT)
    assert separation(z, item, item, np.array([0, 0, 0, -1]), 0.95)["note"] == "fewer than two systems with scores"
    twice = [np.repeat(part, 2) for part in (z, item, item, system)]       # two ratings of an item are one mean
    assert separation(*twice, 0.95)["value"] == pytest.approx(7 / 9, abs=EXACT)


def test_the_order_statistics_hold_the_median_as_often_as_claimed() -> None:
    rng, covered = np.random.default_rng(5), 0
    for _ in range(400):
        found = middle(np.exp(rng.normal(size=40)), 0.95, "")
        covered += found["low"] <= 1 <= found["high"]
    assert covered >= 366     # 95 % of 400 is 380; 366 is 3 standard errors below
    assert math.isnan(middle(np.array([1.0, 2.0]), 0.95, "")["low"]) and middle(np.zeros(0), 0.95, "none")["note"] == "none"


def test_a_lasting_step_hardly_counts_as_weeks_that_differ() -> None:
    steady = pd.DataFrame({"value": np.repeat([0.0, 1.0], 20), "variance": 1e-4})
    assert beyond_sampling([steady]) == pytest.approx(1 / 2 / 39 - 1e-4)


def test_a_party_whose_raters_grow_unsteady_is_found_and_the_other_is_not(fallen: pd.DataFrame) -> None:
    found = fallen[fallen["status"] == "found"]
    assert set(found["party"]) == {"north"} and "agreement" in set(found["measure"])
    assert found["window"].min() > pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(weeks=12)
    watched = fallen[(fallen["party"] == "north") & (fallen["measure"] == "agreement") & (fallen["status"] == "watch")]
    assert len(watched) == 1 and watched["window"].iloc[0] < found[found["measure"] == "agreement"]["window"].min()


def test_the_finding_tells_the_fall_beside_the_delivery_that_held(fallen: pd.DataFrame) -> None:
    row = people_findings(NOBODY, delivered=fallen).set_index("id").loc["drift/agreement-fell/party=north"]
    assert row["severity"] == "alarm" and row["status"] == "found"
    assert "agreement fell from" in row["sentence"] and "while delivery held (volume" in row["sentence"]


def test_where_delivery_failed_too_nothing_is_said_to_have_held(fallen: pd.DataFrame) -> None:
    late = fallen["window"] > pd.Timestamp("2026-04-27", tz="UTC")
    worse = fallen.assign(value=fallen["value"].where(~late | (fallen["measure"] != "volume"), 10.0))
    row = people_findings(NOBODY, delivered=worse).set_index("id").loc["drift/agreement-fell/party=north"]
    assert row["severity"] == "attention" and "held" not in row["sentence"]


def test_a_sound_programme_shows_no_fall() -> None:
    table = wb.drift.delivery(wb.read(parties(4, weeks=16)))
    assert not table["status"].isin(["watch", "found"]).any()
    said = people_findings(NOBODY, delivered=table)
    assert said["severity"].tolist() == ["ok"] and said["sentence"].iloc[0].startswith("No quality measure of 2 parties fell")


def test_what_lacks_is_said() -> None:
    frame = parties(6, weeks=2)
    bare = frame[frame["rater_kind"] == "human"].drop(columns=["rated_at", "seconds", "batch", "system", "rater_kind"])
    table = wb.drift.delivery(wb.read(bare))
    assert of(table, "turnaround")["note"] == "no rated_at" and "no seconds" in of(table, "time")["note"]
    assert "no gold ratings" in of(table, "gold accuracy")["note"] or "so far" in of(table, "gold accuracy")["note"]
    assert "no rated_at: nothing can be held against it" in of(table, "agreement")["note"] and table["window"].isna().all()
    stamped = frame.assign(rated_at=frame["rated_at"].dt.floor("7D"))
    assert "time is per batch" in of(wb.drift.delivery(wb.read(stamped)), "turnaround")["note"]


def test_why_a_fall_cannot_be_told_is_said_in_words() -> None:
    frame = parties(6, weeks=3)
    said = people_findings(NOBODY, delivered=wb.drift.delivery(wb.read(frame)))["sentence"].tolist()
    assert "Whether separation of systems fell cannot be told: 3 weeks with enough, and a fall is looked for from the 5th on." in said
    bare = wb.drift.delivery(wb.read(frame.drop(columns="system")))
    assert "Whether separation of systems fell cannot be told: no systems." in people_findings(NOBODY, delivered=bare)["sentence"].tolist()


def test_no_ratings_give_no_rows_and_options_are_checked() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    assert wb.drift.delivery(ratings.where(rater_id="nobody")).empty
    with pytest.raises(ParameterError, match="error_rate"):
        wb.drift.delivery(ratings, error_rate=2.0)


# Review layers

def reviewed() -> pd.DataFrame:
    """Four items: ann gives 1, 2, 3, 4; lea reviews and gives 2, 2, 1, 4 in a minute each; gold says 2, 2, 3, none."""
    rows = [(i, "ann", s, 0, "human", 20) for i, s in zip("abcd", [1, 2, 3, 4])]
    rows += [(i, "lea", s, 1, "human", 60) for i, s in zip("abcd", [2, 2, 1, 4])]
    rows += [(i, "gold", s, 0, "gold", None) for i, s in zip("abc", [2, 2, 3])]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "layer", "rater_kind", "seconds"])


def test_a_layer_by_hand() -> None:
    # changed: a and c of 4; both have gold: a came nearer (1 to 2), c went away (3 to 1)
    # time on the units with gold: 3 minutes for one correct change: 0.05 h
    table = wb.drift.review_layers(wb.read(reviewed())).set_index("name")
    assert table["value"].to_dict() == pytest.approx({"changed": 0.5, "towards truth": 0.5, "away from truth": 0.5, "hours per correct change": 0.05})
    assert table.loc["changed", "low"] < 0.5 < table.loc["changed", "high"] and (table["layer"] == 1).all()


def test_pass_rate_is_what_the_review_left() -> None:
    row = of(wb.drift.delivery(wb.read(reviewed())), "pass rate")
    assert row["value"] == pytest.approx(0.5) and row["note"] == "of 4 reviewed ratings"


def test_an_audit_by_another_is_a_truth_and_ones_own_is_none() -> None:
    frame = reviewed()
    frame = frame[frame["rater_kind"] != "gold"].assign(selection="planned")
    audit = pd.DataFrame([("a", "max", 2, 2, "adjudicator", 90, "audit")], columns=[*frame.columns])
    table = wb.drift.review_layers(wb.read(pd.concat([frame, audit]))).set_index(["layer", "name"])["value"]
    assert table[1, "towards truth"] == 1.0 and table[1, "hours per correct change"] == pytest.approx(60 / 3600)
    assert math.isnan(table[2, "towards truth"])       # the audit is not held against itself


def test_layers_without_truth_time_or_review_are_said() -> None:
    frame = reviewed()
    bare = frame[frame["rater_kind"] != "gold"].drop(columns="seconds")
    notes = wb.drift.review_layers(wb.read(bare)).set_index("name")["note"]
    assert notes["towards truth"].startswith("no changed rating has gold") and notes["hours per correct change"].startswith("no correct change")
    none = wb.drift.review_layers(wb.read(frame[frame["layer"] == 0]))
    assert none["note"].tolist() == ["no rating of a review layer"] and none["value"].isna().all()
