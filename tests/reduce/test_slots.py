"""Repeats and the size of units, against counting them one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.reduce import facts
from workbench.reduce.slots import PRIMES

UNIT = ["item_id", "step", "criterion"]


def sizes(frame: pd.DataFrame) -> tuple[int, int]:
    """The most ratings of a unit, and those beyond a rater's first."""
    units = frame.groupby([c for c in UNIT if c in frame], dropna=False)["rater_id"]
    return int(units.size().max()), int((units.size() - units.nunique()).sum())


def found(frame: pd.DataFrame) -> tuple[int, int]:
    known = facts(wb.read(frame))
    return known.max_unit, known.n_repeats


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([3, 70, 5_000]), st.booleans(), st.booleans())
def test_repeats_are_counted_exactly(seed: int, n: int, raters: int, words: bool, steps: bool) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"item_id": rng.integers(0, 9, n), "rater_id": rng.integers(0, raters, n), "score": 1,
                          "criterion": rng.choice(["tone", "facts"], n)})
    if words:
        frame = frame.assign(rater_id="r" + frame["rater_id"].astype(str), item_id=frame["item_id"].astype(str))
    if steps:
        frame["step"] = pd.array(rng.choice([1, 2, None], n), dtype="Int64")
    assert found(frame) == sizes(frame)


def test_raters_who_share_their_slots_in_both_words_are_told_apart() -> None:
    same = PRIMES[0] * PRIMES[1]
    apart = pd.DataFrame({"item_id": ["a", "a", "a"], "rater_id": [0, same, 2 * same], "score": [1, 2, 1]})
    assert found(apart) == (3, 0)
    assert found(pd.concat([apart, apart.iloc[:1]])) == (4, 1)


@pytest.mark.parametrize("kind", [int, str])
def test_a_unit_of_three_thousand_ratings_is_counted_rater_by_rater(kind: type) -> None:
    once = pd.DataFrame({"item_id": "a", "rater_id": np.arange(3_000), "score": 1}).astype({"rater_id": kind})
    assert found(once) == (3_000, 0)
    assert found(pd.concat([once, once.iloc[[5, 5, 2_999]]])) == (3_003, 3)


def test_a_missing_step_is_a_unit_of_its_own() -> None:
    frame = pd.DataFrame({"item_id": "a", "rater_id": "x", "score": 1, "step": pd.array([1, 2, None], dtype="Int64")})
    assert found(frame) == (1, 0)
    assert found(pd.concat([frame, frame.iloc[2:]])) == (2, 1)


def test_negative_whole_numbers_are_ids_like_others() -> None:
    frame = pd.DataFrame({"item_id": [-1, -1, -1, -2], "rater_id": [-5, -66, -5, -5], "score": 1})
    assert found(frame) == (3, 1)
