"""The change of an estimate on the ratings of two reports, which share items."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement import krippendorff_alpha
from workbench.estimates import estimate
from workbench.report.joint import MEANS, RECOMPUTED, Both, change_on_both, difference_of_means, on_shared

EXACT = 1e-12
COVERED = (0.90, 0.985)     # of 200 intervals of 95 %: .05 either way is above three errors of such a share
DRAWS = 200


def panel(n: int, seed: int) -> pd.DataFrame:
    """Three ratings of each of n items, one item an hour from a Monday on; rater c rates anew."""
    rng = np.random.default_rng(seed)
    scores = np.clip(np.round(3 + rng.normal(size=(n, 1)) + rng.normal(scale=0.8, size=(n, 3))), 1, 5)
    times = pd.Timestamp("2026-10-26", tz="UTC") + pd.to_timedelta(np.arange(n), unit="h")
    return pd.DataFrame({"item_id": np.repeat([f"i{i}" for i in range(n)], 3), "rater_id": list("abc") * n, "criterion": "tone",
                         "score": scores.ravel(), "rated_at": np.repeat(times, 3)})


def both(rows: pd.DataFrame) -> Both:
    ratings = wb.read(rows)
    return Both((ratings, ratings), ("2026-W45", "2026-W46"))


def row(name: str, value: float, se: float, n: int, **more: object) -> dict[str, object]:
    return estimate(name, value, se=se, low=value - 2 * se, high=value + 2 * se, n_items=n, confidence=0.95) | {"criterion": "tone"} | more


def test_a_mean_by_hand() -> None:
    # then: items x (1, 3) and y (2): mean 2, x adds -(4 - 2 * 2) / 3 = 0, y adds -(2 - 2) / 3 = 0
    # now: also z (5): mean 11/4; x adds (4 - 22/4) / 4 = -3/8, y (2 - 11/4) / 4 = -3/16, z (5 - 11/4) / 4 = 9/16
    then, now = (np.array(["x", "x", "y"]), np.array([1.0, 3, 2])), (np.array(["x", "x", "y", "z"]), np.array([1.0, 3, 2, 5]))
    value, se = difference_of_means(then, now)
    assert value == 0.75 and se == pytest.approx(math.sqrt(3 / 2 * ((3 / 8) ** 2 + (3 / 16) ** 2 + (9 / 16) ** 2)), abs=EXACT)


def test_items_rated_alike_on_both_sides_leave_nothing_to_tell() -> None:
    side = np.array(["x", "y", "y"]), np.array([1.0, 2, 4])
    assert difference_of_means(side, side) == (0.0, 0.0)


def test_errors_correlate_by_the_share_of_items_in_common() -> None:
    nested = on_shared(0.1, [0.05, 0.04], 64, [64, 100])
    assert nested["se"] == pytest.approx(math.sqrt(0.05**2 - 0.04**2), abs=EXACT)     # Hausman's: .05² : .04² = 100 : 64
    assert on_shared(0.1, [0.05, 0.04], 0, [64, 100])["se"] == pytest.approx(math.hypot(0.05, 0.04), abs=EXACT)
    assert on_shared(0.1, [0.05, 0.09], 100, [100, 102])["se"] > 0 and on_shared(0.1, [0.05, 0.05], 100, [100, 100]) is None
    assert on_shared(0.1, [math.nan, 0.04], 0, [64, 100]) is None


def test_alpha_of_all_weeks_is_recomputed_and_its_interval_is_narrower() -> None:
    rows = panel(400, seed=3)     # an item an hour: 336 in the first two weeks, 400 in all
    found = both(rows)
    values = [krippendorff_alpha(wb.read(part), by=["criterion"]).iloc[0] for part in (rows[:336 * 3], rows)]
    then, now = (row("krippendorff_alpha", v["value"], v["se"], v["n_items"]) for v in values)
    change = change_on_both(found, then, now, ["criterion"])
    assert change["note"] == RECOMPUTED and change["value"] == pytest.approx(now["value"] - then["value"], abs=1e-9)
    assert 0 < change["se"] < math.hypot(then["se"], now["se"]) / 2
    assert change_on_both(found, {**then, "value": 0.1}, now, ["criterion"])["note"].startswith("as 336 of the later's 400 items")


def test_other_estimates_go_by_the_items_and_unknown_places_by_nothing() -> None:
    found = both(panel(400, seed=3))
    then, now = row("icc", 0.5, 0.05, 336), row("icc", 0.52, 0.046, 400)
    assert change_on_both(found, then, now, ["criterion"])["se"] < 0.03
    weeks = [row("icc", 0.5, 0.05, n) for n in (168, 64)]     # of the two weeks by themselves: no item in common
    assert change_on_both(found, *weeks, ["criterion"])["se"] == pytest.approx(0.05 * math.sqrt(2), abs=EXACT)
    assert change_on_both(found, {**then, "window": 1}, {**now, "window": 1}, ["criterion", "window"]) is None
    assert change_on_both(found, {**then, "n_items": 900}, {**now, "n_items": 950}, ["criterion"]) is None


def test_an_item_rated_anew_is_not_alike() -> None:
    rows = panel(400, seed=3)
    again = rows[:30].assign(rated_at=pd.Timestamp("2026-11-10 12:00", tz="UTC"), rater_id=list("def") * 10)
    found = both(pd.concat([rows, again]))
    assert "as 326 of the later's 400" in change_on_both(found, row("icc", 0.5, 0.05, 336), row("icc", 0.6, 0.05, 400), ["criterion"])["note"]


def test_nested_means_cover_and_disjoint_errors_are_far_too_wide() -> None:
    covered, wide = 0, 0
    for seed in range(DRAWS):
        rows = panel(185, seed)
        sides = [(part["item_id"].to_numpy(), part["score"].to_numpy()) for part in (rows[:168 * 3], rows)]
        value, se = difference_of_means(*sides)
        alone = [part.groupby("item_id")["score"].mean().std() / math.sqrt(part["item_id"].nunique()) for part in (rows[:168 * 3], rows)]
        covered += abs(value) < 1.96 * se
        wide += abs(value) < 1.96 * math.hypot(*alone)
    assert COVERED[0] <= covered / DRAWS <= COVERED[1] and wide == DRAWS and "mean" in MEANS
