"""Ratings that were asked for because an item is contested must not move what is measured: 26 weeks of them, on a programme without an event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import workbench as wb

WEEKS, ITEMS, RATERS = 26, 24, 8
MONDAY = pd.Timestamp("2026-01-05", tz="UTC")
COUNTED = ("n_dropped", "note")         # rows left out are counted


@pytest.fixture(scope="module")
def ratings() -> tuple[wb.Ratings, wb.Ratings]:
    """A programme of planned ratings; and the same with two more ratings, harsh ones, on the items that raters differ on most."""
    rng, planned, routed = np.random.default_rng(11), [], []
    severity = rng.normal(0, 0.3, RATERS)
    for week in range(WEEKS):
        for i in range(ITEMS):
            true = rng.normal(3, 1)
            order = rng.permutation(RATERS)
            score = np.clip(np.rint(true + severity[order] + rng.normal(0, 0.7, RATERS)), 1, 5)
            at = MONDAY + pd.Timedelta(days=7 * week + i % 5, minutes=10 * i)
            row = [{"item_id": f"w{week:02d}-{i:02d}", "rater_id": f"r{r}", "score": s, "rated_at": at + pd.Timedelta(minutes=int(r)),
                    "system": f"s{i % 3}", "prompt_id": f"w{week:02d}-{i // 3}", "task_type": "code" if i % 2 else "prose", "seconds": 30.0 + i,
                    "selection": "planned"} for r, s in zip(order, score)]
            planned += row[:3]
            if np.ptp(score[:3]) >= 2:
                routed += [r | {"score": 1.0, "selection": "routed", "seconds": 300.0} for r in row[3:5]]
    assert len(routed) > 200
    return wb.read(pd.DataFrame(planned)), wb.read(pd.DataFrame(planned + routed))


MEASURED: dict[str, Callable[[wb.Ratings], pd.DataFrame]] = {
    "summary": lambda r: wb.agreement.summary(r), "raters": lambda r: wb.agreement.raters(r),
    "monitor": lambda r: wb.drift.monitor(r, metric=["mean", "agreement", "severity", "slower", "gaps"]),
    "change points": lambda r: wb.drift.change_points(r, metric=["mean", "agreement"]),
    "contributors": lambda r: wb.drift.contributors(r), "verifiability": lambda r: wb.signal.verifiability(r),
    "detectable": lambda r: wb.signal.detectable(r), "items": lambda r: wb.disagreement.items(r), "kinds": lambda r: wb.disagreement.kinds(r),
    "systems": lambda r: wb.rubric.rank_systems(r)}


@pytest.mark.parametrize("name", MEASURED)
def test_routed_ratings_move_no_headline_and_raise_no_alarm(name: str, ratings: tuple[wb.Ratings, wb.Ratings]) -> None:
    without, beside = (MEASURED[name](r).drop(columns=[*COUNTED, "method"], errors="ignore") for r in ratings)
    pd.testing.assert_frame_equal(without, beside, check_dtype=False, rtol=1e-9, atol=1e-12)
    if "alarm" in beside:
        assert len(beside) and not beside["alarm"].any()


def test_they_are_counted_as_left_out(ratings: tuple[wb.Ratings, wb.Ratings]) -> None:
    without, beside = (wb.agreement.summary(r)["n_dropped"].iloc[0] for r in ratings)
    assert beside - without == ratings[1].count() - ratings[0].count() > 0


def test_were_they_let_in_they_would_move_the_headline(ratings: tuple[wb.Ratings, wb.Ratings]) -> None:
    """The test above could fail: these ratings are harsh."""
    asked = ratings[1].where(selection=["planned", "routed"])
    assert wb.agreement.summary(asked)["value"].iloc[0] < wb.agreement.summary(ratings[0])["value"].iloc[0] - 0.02
