"""Power: the published sample size, a second implementation, and laws."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.signal.power import items_needed, noncentrality, smallest_effect

ORACLES = Path(__file__).resolve().parents[3] / "shared" / "oracles.json"
PRINTED = 5e-4     # the oracle has three decimals
SAME = 1e-6        # two root finders on one function


def test_the_textbook_sample_size() -> None:
    # Cohen (1988), R power.t.test(delta=.5, power=.8): 63.766 per group; two groups of variance 1 give a difference of variance 2
    assert items_needed(2.0, effect=0.5, paired=False) == pytest.approx(63.766, abs=PRINTED)


@pytest.mark.skipif(not ORACLES.exists(), reason="shared/oracles.json is not beside this project")
def test_the_oracle_of_the_two_sample_t_test() -> None:
    case = next(c for c in json.loads(ORACLES.read_text())["cases"] if c["name"] == "power_two_sample_t")
    given_, wanted = case["data"], case["expected"]["n_per_group"]
    found = items_needed(2.0, effect=given_["d"], paired=False, power=given_["power"], error_rate=given_["alpha"])
    assert found == pytest.approx(wanted, abs=PRINTED)


@pytest.mark.parametrize(("n", "paired"), [(2, False), (3, True), (12, True), (30, False), (500, True)])
def test_effects_equal_statsmodels(n: int, paired: bool) -> None:
    from statsmodels.stats.power import TTestIndPower, TTestPower

    own = smallest_effect(1.0 if paired else 2.0, n_items=n, paired=paired)
    peer = TTestPower().solve_power(nobs=n, power=0.8, alpha=0.05) if paired else \
        TTestIndPower().solve_power(nobs1=n, power=0.8, alpha=0.05)
    assert own == pytest.approx(float(peer), rel=1e-4)     # statsmodels stops its search there


@settings(max_examples=25, deadline=None)
@given(n=st.floats(2, 5000), paired=st.booleans(), variance=st.floats(0.01, 100))
def test_needed_items_undo_the_smallest_effect(n: float, paired: bool, variance: float) -> None:
    effect = smallest_effect(variance, n_items=n, paired=paired)
    assert items_needed(variance, effect=effect, paired=paired) == pytest.approx(n, rel=SAME)


def test_four_times_the_items_halve_the_effect_when_there_are_many() -> None:
    many = [smallest_effect(1.0, n_items=n, paired=True) for n in (10_000, 40_000)]
    assert many[0] / many[1] == pytest.approx(2.0, rel=1e-3)


def test_the_normal_limit_is_met_without_a_jump() -> None:
    assert noncentrality(99_999.0, 0.8, 0.05) == pytest.approx(noncentrality(100_001.0, 0.8, 0.05), rel=1e-4)


def test_too_few_items_and_impossible_effects_are_undefined() -> None:
    assert math.isnan(smallest_effect(1.0, n_items=1, paired=True))
    assert math.isnan(items_needed(1.0, effect=0.0, paired=True))
    assert items_needed(1.0, effect=1e-6, paired=True) == math.inf
