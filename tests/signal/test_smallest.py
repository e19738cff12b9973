"""Detectable effects and verifiability on ratings: hand-checked, undefined cases in words, findings."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError


def programme(*, items: int = 60, gain: float = 0.5, seed: int = 0, top: int = 5) -> pd.DataFrame:
    """Two systems on common prompts, two raters an item."""
    rng = np.random.default_rng(seed)
    rows = [(f"p{i}", f"p{i}-{s}", s, r) for i in range(items) for s in "uv" for r in ("ann", "bob")]
    frame = pd.DataFrame(rows, columns=["prompt_id", "item_id", "system", "rater_id"])
    quality = rng.normal(0, 0.8, items).repeat(4) + gain * (frame["system"] == "v") + rng.normal(0, 0.7, len(frame))
    return frame.assign(score=np.clip(np.round(3 + quality), 1, top), task_type="code")


def test_one_rating_an_item_without_pairs_is_the_two_sample_t_test() -> None:
    # 64 items per system rated once: variance of the difference 2 s2 / 64; the effect is that of TTestIndPower, .4991, times s
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in range(128)], "rater_id": "ann", "system": ["u", "v"] * 64,
                          "score": rng.integers(1, 6, 128)})
    row = wb.signal.detectable(wb.read(frame)).iloc[0]
    spread = math.sqrt(frame.groupby("system")["score"].var(ddof=1).mean())
    assert row["n_items"] == 64 and not row["paired"]
    assert row["value"] / spread == pytest.approx(0.49906, abs=1e-4)
    assert "items are rated once" in row["note"]


def test_common_prompts_make_the_step_smaller() -> None:
    frame = programme()
    paired = wb.signal.detectable(wb.read(frame)).iloc[0]
    alone = wb.signal.detectable(wb.read(frame.drop(columns="prompt_id"))).iloc[0]
    assert paired["paired"] and not alone["paired"] and paired["value"] < alone["value"]
    assert paired["low"] < paired["value"] < paired["high"] and paired["value"] == paired["effect"]


def test_planned_sizes_are_rows_and_one_row_is_today() -> None:
    table = wb.signal.detectable(wb.read(programme()), n_items=(30, 240))
    assert table["n_items"].tolist() == [30, 60, 240] and table["current"].tolist() == [False, True, False]
    assert table["value"].is_monotonic_decreasing


def test_needed_items_detect_the_target() -> None:
    ratings = wb.read(programme())
    row = wb.signal.detectable(ratings, target=0.2).iloc[0]
    more = wb.signal.detectable(ratings, target=0.2, n_items=[math.ceil(row["n_needed"])]).iloc[-1]
    assert more["value"] <= 0.2 < wb.signal.detectable(ratings, n_items=[math.floor(row["n_needed"])]).iloc[-1]["value"]
    assert row["n_more"] == math.ceil(row["n_needed"]) - 60


def test_verifiability_sees_the_share_of_systems_difficulty_and_ceiling() -> None:
    frame = programme(items=400, gain=1.0)
    row = wb.signal.verifiability(wb.read(frame)).iloc[0]
    assert row["mean"] == pytest.approx(frame["score"].mean()) and row["ceiling"] == pytest.approx((frame["score"] == 5).mean())
    assert row["signal"] == pytest.approx(0.5 / (0.5 + 0.64 + 0.49), abs=0.08)     # rounding and the scale's ends blur it
    assert wb.signal.verifiability(wb.read(programme(items=400, gain=0.0)))["signal"][0] < 0.01


def test_labels_have_no_step_and_the_finding_says_so() -> None:
    frame = programme().assign(label=lambda f: np.where(f["score"] > 3, "A", "B")).drop(columns="score")
    ratings = wb.read(frame)
    effects, targets = wb.signal.detectable(ratings), wb.signal.verifiability(ratings)
    assert effects["value"].isna().all() and targets["mean"].isna().all()
    assert effects["note"][0].startswith("nominal levels have no mean")
    found = wb.signal.findings(ratings, effects=effects, targets=targets)
    assert found["severity"].tolist() == ["unknown"] and "nominal levels have no mean" in found["sentence"][0]


def test_without_systems_half_the_items_and_a_finding() -> None:
    ratings = wb.read(programme().drop(columns="system"))
    effects = wb.signal.detectable(ratings)
    assert effects["n_items"][0] == 60 and "as if two systems shared these items" in effects["note"][0]
    found = wb.signal.findings(ratings, effects=effects, targets=wb.signal.verifiability(ratings))
    assert found["sentence"].str.startswith("No `system`").any()


def test_ratings_that_never_vary_are_undefined_not_zero() -> None:
    row = wb.signal.detectable(wb.read(programme().assign(score=3.0))).iloc[0]
    assert math.isnan(row["value"]) and "nothing varies" in row["note"]


def test_one_item_per_system_is_too_few() -> None:
    row = wb.signal.detectable(wb.read(programme(items=1))).iloc[0]
    assert math.isnan(row["value"]) and row["note"]


def test_cannot_tell_comes_with_how_many_more_items_would() -> None:
    ratings = wb.read(programme())
    effects = wb.signal.detectable(ratings, target=0.1)
    found = wb.signal.findings(ratings, effects=effects, targets=wb.signal.verifiability(ratings))
    more = f"{effects['n_more'][0]:,.0f} more items per system would"
    assert found["severity"][0] == "unknown" and more in found["sentence"][0]
    effects = wb.signal.detectable(ratings, target=2.0)
    easy = wb.signal.findings(ratings, effects=effects, targets=wb.signal.verifiability(ratings))
    assert easy["severity"].tolist() == ["ok"]


def test_a_saturated_target_is_named() -> None:
    ratings = wb.read(programme(gain=0.0).assign(score=lambda f: np.where(f.index % 10 == 0, 3, 5)))
    found = wb.signal.findings(ratings, effects=wb.signal.detectable(ratings), targets=wb.signal.verifiability(ratings))
    assert "overall, code (90%)" in found[found["severity"] == "attention"]["sentence"].iloc[0]


@pytest.mark.parametrize(("options", "words"), [
    ({"power": 1.0}, "power=1.0 is not a share between 0 and 1"),
    ({"power": 0.04}, "power=0.04 is not above error_rate=0.05"),
    ({"target": -1.0}, "target=-1.0 is not an effect"),
    ({"n_items": [1]}, "holds a number below 2"),
    ({"by": ["tsk"]}, "column 'tsk' is not in"),
])
def test_a_bad_argument_says_what_is_good(options: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as error:
        wb.signal.detectable(wb.read(programme(items=2)), **options)
    assert words in str(error.value)
