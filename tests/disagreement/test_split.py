"""Kinds of disagreement: planted components come back, and what cannot be told apart is said."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.disagreement import kinds
from workbench.disagreement.split import typical
from workbench.errors import ParameterError

EXACT = 1e-9        # a linear solve of numbers near 1
NEAR = 0.05         # of a share: three standard errors of these draws
NO_CAMPS = pd.DataFrame({"rater_id": [], "criterion": [], "rubric": [], "faction": []})


def share(table: pd.DataFrame) -> dict[str, float]:
    return table.set_index("kind")["share"].to_dict()


def drawn(seed: int, *, severity: float = 0, by_criterion: float = 0, camp: float = 0, reading: float = 0, noise: float = 1,
          uneven: float = 0, again: float = 0, n: int = 400, m: int = 20, per: int = 5, criteria: int = 2) -> tuple:
    """Ratings with planted standard deviations, the camps, and the variances that were in fact drawn."""
    rng = np.random.default_rng(seed)
    own, special = rng.normal(0, severity, m), rng.normal(0, by_criterion, (m, criteria))
    spread, side = noise * np.exp(rng.normal(0, uneven, m)), np.arange(m) % 2
    rater = np.argsort(rng.random((n, m)), axis=1)[:, :per].ravel()
    item, parts = np.repeat(np.arange(n), per), []
    for c in range(criteria):
        read = own[rater] + special[rater, c] + rng.normal(0, 1, n)[item] + rng.normal(0, camp, (n, 2))[item, side[rater]] \
            + rng.normal(0, reading, len(item))
        for turn, kept in enumerate((np.ones(len(item), bool), rng.random(len(item)) < again)):
            parts.append(pd.DataFrame({"item_id": item[kept], "rater_id": rater[kept], "criterion": f"c{c}", "turn": turn,
                                       "score": read[kept] + rng.normal(0, 1, kept.sum()) * spread[rater[kept]]}))
    frame = pd.concat(parts)
    frame["rated_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(frame.pop("turn"), unit="D")
    factions = pd.DataFrame([(r, f"c{c}", "default", side[r] + 1) for r in range(m) for c in range(criteria)], columns=NO_CAMPS.columns)
    together = np.cov((own[:, None] + special).T) if criteria > 1 else np.cov(own + special[:, 0])[None, None]
    common = (together.sum() - np.trace(together)) / (criteria * (criteria - 1)) if criteria > 1 else together[0, 0]
    parts = [common, np.trace(together) / criteria - common, camp**2 / 2 * m / (m - 1), reading**2, (spread**2).mean()]
    return wb.read(frame), factions, np.array(parts) / sum(parts)


def test_two_raters_one_stricter_differ_by_severity_alone() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3] * 10, "bob": [2, 3, 4] * 10}))
    found = share(kinds(ratings, factions=NO_CAMPS))
    assert found["severity"] == pytest.approx(1, abs=EXACT) and found["unseparated"] == pytest.approx(0, abs=EXACT)


def test_without_repeats_severity_and_the_rest_are_the_two_way_analysis_of_variance() -> None:
    # complete table: within-item mean square A = s + e; residual mean square e; severity s = A - e (Searle and others 1992, ch. 4).
    y = np.random.default_rng(1).integers(1, 6, (40, 4)) + np.array([0, 0, 1, 2])
    y[0, :2] = [1, 7]
    ratings = wb.from_matrix(pd.DataFrame(y, columns=list("abcd")), scale="interval")
    found = kinds(ratings, factions=NO_CAMPS).set_index("kind")["variance"]
    places = (y - y.min()) / (y.max() - y.min())
    within = places.var(axis=1, ddof=1).mean()
    residual = ((places - places.mean(1, keepdims=True) - places.mean(0) + places.mean()) ** 2).sum() / (39 * 3)
    assert found["unseparated"] == pytest.approx(residual, abs=EXACT)
    assert found["severity"] == pytest.approx(within - residual, abs=EXACT)


def test_planted_kinds_come_back_and_sum_to_one() -> None:
    ratings, factions, truth = drawn(2, severity=.5, by_criterion=.4, camp=.7, reading=.6, noise=.8, uneven=.4, again=.3)
    found = share(kinds(ratings, factions=factions))
    assert sum(found.values()) == pytest.approx(1, abs=EXACT)
    noise = found["rater_spread"] + found["rest"]
    got = np.array([*(found[k] for k in ("severity", "severity_by_criterion", "faction_by_item", "item_spread")), noise])
    assert np.abs(got - truth).max() < NEAR, (got, truth)
    assert found["rater_spread"] > 0.02


def test_intervals_hold_planted_shares_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(8):
        ratings, factions, truth = drawn(seed, severity=.4, by_criterion=.4, camp=.6, reading=.6, again=.4, n=100, m=10)
        table = kinds(ratings, factions=factions).iloc[:4]
        held += list((table["low"] <= truth[:4]) & (truth[:4] <= table["high"]))
    assert len(held) == 32 and np.mean(held) >= 0.95 - 3.3 * math.sqrt(.95 * .05 / len(held))   # 1 in 1,000 by chance


def test_noise_alone_is_not_taken_for_camps_or_readings() -> None:
    ratings, factions, _ = drawn(5, noise=1, again=.4)
    found = kinds(ratings, factions=factions).set_index("kind")
    assert found.loc["rest", "share"] > 0.85
    assert (found.loc[["severity", "faction_by_item", "item_spread"], "low"].fillna(0) <= 0.02).all()


def test_levels_without_order_are_split_as_well() -> None:
    rng = np.random.default_rng(7)
    item, rater = np.divmod(np.arange(1200), 6)
    side = rater % 2
    label = np.where(rng.random(1200) < .7, rng.integers(0, 3, (200, 2))[item, side], rng.integers(0, 3, 1200))
    ratings = wb.read(pd.DataFrame({"item_id": item, "rater_id": rater, "label": np.array(["x", "y", "z"])[label]}))
    factions = pd.DataFrame({"rater_id": range(6), "criterion": "overall", "rubric": "default", "faction": np.arange(6) % 2 + 1})
    found = kinds(ratings, factions=factions).set_index("kind")
    # raters of two camps part on 2/3 of items, where both read them (.49): of disagreement .667, .49 * .667 * 3/5 of pairs = .196 in all .667 - .4 * .327
    across, alike = 2 / 3, 2 / 3 * (1 - .49)
    planted = (across - alike) * .6 / (.6 * across + .4 * alike)
    assert found.loc["faction_by_item", "share"] == pytest.approx(planted, abs=NEAR)


def test_one_criterion_and_no_camps_are_said_and_not_taken_for_zero() -> None:
    ratings, _, _ = drawn(8, severity=.5, criteria=1, n=60)
    found = kinds(ratings, factions=NO_CAMPS).set_index("kind")
    assert found.loc[["severity_by_criterion", "faction_by_item"], "share"].isna().all()
    assert "within severity" in found.loc["severity_by_criterion", "note"] and "no camps" in found.loc["faction_by_item", "note"]
    assert found["share"].sum() == pytest.approx(1, abs=EXACT)
    # 2 (1.96 / .1)^2 = 768.3
    assert "769 would tell" in found.loc["unseparated", "note"]


def test_groups_are_split_each_by_itself() -> None:
    ratings, factions, _ = drawn(9, severity=.5, n=60)
    table = kinds(ratings, by=["criterion"], factions=factions)
    alone = kinds(ratings.where(criterion="c1"), factions=factions)
    of_one = table[table["criterion"] == "c1"].drop(columns="criterion").reset_index(drop=True)
    pd.testing.assert_frame_equal(of_one.drop(columns=["n_dropped"]), alone.drop(columns=["n_dropped"]))


def test_items_rated_once_say_that_nothing_is_told() -> None:
    ratings = wb.read(pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["x", "y"], "score": [1., 2.]}))
    found = kinds(ratings, factions=NO_CAMPS)
    assert found["share"].isna().all() and found["note"].eq("no item has ratings by two raters").all()


def test_full_agreement_has_no_kinds() -> None:
    found = kinds(wb.from_matrix(pd.DataFrame({"a": [1, 2] * 15, "b": [1, 2] * 15})), factions=NO_CAMPS)
    assert found["share"].isna().all() and found["note"].eq("no disagreement").all()


def test_the_typical_noise_is_the_median_of_the_lognormal_with_the_mean_and_spread_seen() -> None:
    # two raters, variances 1 and 3 seen twice each: mean 2, mean product (1 + 9) / 2 = 5; median / mean = 1 / sqrt(5 / 4)
    assert typical(np.array([[2, 2], [2, 6], [2, 18]], dtype=float)) == pytest.approx(math.sqrt(4 / 5), abs=EXACT)


def test_confidence_is_a_share() -> None:
    with pytest.raises(ParameterError, match="confidence=1.5"):
        kinds(wb.from_matrix(pd.DataFrame({"a": [1], "b": [2]})), confidence=1.5)
