"""What decisions changed, on cases worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy.stats import binomtest

from workbench.instrument import Criterion, Scale
from workbench.review.cases import Case
from workbench.review.changed import effects
from workbench.review.decisions import Decision, Unit

ORDINAL, NOMINAL = Scale("ordinal", tuple("123"), (1.0, 2.0, 3.0)), Scale("nominal", ("no", "yes"), (0.0, 1.0))
CLOSE = 1e-9        # another implementation of the same formula


def case(name: str, given: dict[str, str], scale: Scale = ORDINAL, kinds: dict[str, str] | None = None) -> Case:
    frame = pd.DataFrame({"rater_id": list(given), "level": list(given.values()), "status": "rated", "layer": 0})
    frame["rater_kind"] = [(kinds or {}).get(who, "human") for who in given]
    return Case(Unit(name), {}, frame, None, Criterion(scale))


def settle(one: Case, level: str, reviewer: str = "mara") -> tuple[Case, Decision]:
    return one, Decision(one.unit, reviewer, f"{reviewer}-{one.unit.item_id}", label=level)


def test_raters_and_consensus_by_hand() -> None:
    found = effects([settle(case("a", {"x": "1", "y": "1", "z": "3"}), "3"), settle(case("b", {"x": "2", "y": "3"}), "2"),
                     settle(case("c", {"x": "no", "y": "no"}, NOMINAL), "no")])
    assert found.raters[["rater_id", "n_decided", "n_overturned"]].values.tolist() == [["y", 3, 2], ["x", 3, 1], ["z", 1, 0]]
    interval = binomtest(2, 3).proportion_ci(method="wilson")
    assert found.raters.loc[0, ["low", "high"]].tolist() == pytest.approx([interval.low, interval.high], abs=CLOSE)
    assert found.units[["before", "after", "changed", "n_ratings"]].values.tolist() == \
        [["1", "3", True, 3], ["2 / 3", "2", True, 2], ["no", "no", False, 2]]
    assert found.units["mean_before"].tolist()[:2] == pytest.approx([5 / 3, 5 / 2]) and math.isnan(found.units["mean_before"][2])
    assert found.units["mean_after"].tolist()[:2] == [3.0, 2.0]
    assert found.sentence == "3 units decided: the consensus changed on 2, and 3 of 7 ratings were overturned."


def test_autoraters_can_be_overturned_and_are_no_consensus_and_gold_is_neither() -> None:
    found = effects([settle(case("a", {"x": "1", "bot": "3", "key": "2"}, kinds={"bot": "model", "key": "gold"}), "1")])
    assert found.raters["rater_id"].tolist() == ["bot", "x"] and found.units["before"].tolist() == ["1"]


def test_scores_without_levels_have_means_alone() -> None:
    one = case("a", {"x": "10.5", "y": "20"}, Scale("interval", (), (), 0.0, 100.0))
    one = Case(one.unit, {}, one.ratings.assign(score=[10.5, 20.0]), None, one.line)
    found = effects([(one, Decision(one.unit, "mara", "d", score=12.0))])
    assert found.raters.empty and found.units[["mean_before", "mean_after"]].values.tolist() == [[15.25, 12.0]]
    assert found.units["before"].tolist() == [None] and not found.units["changed"].any()


def test_two_reviewers_on_a_unit_count_once_and_are_compared() -> None:
    one, two = case("a", {"x": "1"}), case("b", {"x": "1"})
    found = effects([settle(one, "1", "ben"), settle(two, "1", "ben"), settle(one, "1"), settle(two, "3")])
    assert (found.n_second, found.n_alike, len(found.units)) == (2, 1, 2)
    assert found.raters[["n_decided", "n_overturned"]].values.tolist() == [[2, 1]]        # the last decision of each unit stands
    assert found.sentence.endswith("Two reviewers gave the same level on 1 of 2 units.")


def test_nothing_decided_changes_nothing() -> None:
    assert effects([]).sentence == "Nothing is decided yet." and effects([]).raters.empty
