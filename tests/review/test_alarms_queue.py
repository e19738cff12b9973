"""The queue of units behind an open alarm: a planted fall of a mean, of agreement and of a level's share; none; no dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.review.alarmed import alarms
from workbench.store.adopted import adopt

WEEKS, ITEMS, RATERS, SINCE = 16, 40, 6, 10
MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


def programme(*, fall: float = 0.0, noise: float = 0.4, later_noise: float = 0.4, labels: bool = False) -> pd.DataFrame:
    """Two criteria, three raters an item; from week `SINCE` on the criterion "tone" is `fall` lower and its noise is `later_noise`."""
    rng, rows = np.random.default_rng(5), []
    for week in range(WEEKS):
        for i in range(ITEMS):
            true = rng.normal(3, 0.9)
            for criterion in ("tone", "facts"):
                changed = criterion == "tone" and week >= SINCE
                given = true - fall * changed + rng.normal(0, later_noise if changed else noise, 3)
                score = np.clip(np.rint(given), 1, 5)
                at = MONDAY + pd.Timedelta(days=7 * week + i % 5, minutes=i)
                rows += [(f"w{week:02d} item {i:02d}", f"rater {r}", criterion, s, at)
                         for r, s in zip(rng.permutation(RATERS)[:3], score)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score", "rated_at"])
    return frame.drop(columns="score").assign(label=np.where(frame["score"] < 3, "poor", "good")) if labels else frame


def since(found: pd.DataFrame) -> pd.Series:
    """The week number each item was rated in."""
    return found["item_id"].str[1:3].astype(int)


def test_after_a_fall_of_the_mean_the_lowest_units_since_the_alarm_come_first() -> None:
    ratings = wb.read(programme(fall=1.2))
    found = wb.review.queue(ratings, kind="alarms", limit=10_000)
    means = found[found["metric"] == "mean"]
    assert set(found["criterion"]) == {"tone"} and since(found).min() >= SINCE
    assert means["value"].round(9).is_monotonic_increasing and (means["reference"] > means["value"].median()).all()
    own = programme(fall=1.2).query("criterion == 'tone'").groupby("item_id")["score"].mean()
    assert np.allclose(means["value"], own.loc[means["item_id"]])
    assert len(found) == len(found.drop_duplicates("item_id")) and not found.attrs


def test_after_a_fall_of_agreement_the_units_whose_raters_differ_come_first() -> None:
    found = wb.review.queue(wb.read(programme(noise=0.1, later_noise=1.6)), kind="alarms", limit=10_000)
    apart = found[found["metric"] == "agreement"]
    assert len(apart) > 20 and apart["value"].iloc[0] == 0 and apart["value"].is_monotonic_increasing


def test_a_level_whose_share_fell_puts_the_units_without_it_first() -> None:
    found = wb.review.queue(wb.read(programme(fall=1.5, labels=True)), kind="alarms", limit=10_000)
    assert set(found["metric"]) == {"share of good"}       # of poor is the same turned round: a unit stands once
    assert found["value"].round(9).is_monotonic_increasing and (found["value"].iloc[0], found["value"].iloc[-1]) == (0, 1)


@pytest.mark.parametrize("frame,words", [(programme(), "No alarm is open: of 4 streams"),
                                         (programme().drop(columns="rated_at"), "bear no dates")])
def test_without_an_open_alarm_the_queue_is_empty_and_says_why(frame: pd.DataFrame, words: str) -> None:
    found = wb.review.queue(wb.read(frame), kind="alarms")
    assert found.empty and words in found.attrs["why"]


def test_equal_units_stand_by_lot_and_the_seed_decides() -> None:
    ratings = wb.read(programme(fall=1.2))
    one, other = alarms(ratings, 0), alarms(ratings, 1)
    assert set(one["item_id"]) == set(other["item_id"]) and (one["item_id"] != other["item_id"]).any()
    assert (one["value"].to_numpy() == other["value"].to_numpy()).all()


def test_the_panel_offers_the_queue(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.review.board.PAUSE", 0)
    (away / "plain").mkdir()
    programme(fall=1.2).to_parquet(away / "plain" / "ratings.parquet")
    adopt(away / "plain", into=away / "live")
    board = wb.review.panel(wb.read(away / "live"), reviewer="mara", kind="alarms", second_share=0)
    assert "behind an open alarm" in board._top.value
    assert board.desk.decide("3").queue == "alarms"
    board.close()
