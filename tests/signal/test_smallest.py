"""Detectable effects and verifiability on ratings: hand-checked, undefined cases in words, findings."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.signal.components import Design, components
from workbench.signal.power import noncentrality, smallest_effect


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


@pytest.mark.parametrize(("kind", "n"), [("paired", 40), ("alone", 30), ("several items", 20), ("all raters rate all", 24)])
def test_the_effect_is_found_as_often_as_the_power_says(kind: str, n: int) -> None:
    """The mean of the effects that 300 pilots name, planted in 4,000 fresh panels: a t test over prompts finds it 80 +- 2 % of the time."""
    from scipy import stats

    rng, k, m = np.random.default_rng(11), 2, 3 if kind == "several items" else 1
    raters = 2 if kind == "all raters rate all" else 12

    def panel(size: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
        shared = rng.normal(0, 0.7, (size, n, 1, 1)) if kind != "alone" else rng.normal(0, 0.7, (size, n, 2, 1))
        answer = shared + rng.normal(0, 0.6, (size, n, 2, m)) + gain * np.array([0, 1])[:, None]
        who = np.argsort(rng.random((size, n, 2, m, raters)), axis=-1)[..., :k]
        lean = rng.normal(0, 0.5, (size, 1, 1, 1, raters))
        return answer[..., None] + np.take_along_axis(np.broadcast_to(lean, (size, n, 2, m, raters)), who, -1) + rng.normal(0, 0.7, who.shape), who
    scores, who = panel(300, 0.0)
    found = [pilot_effect(score, rated, paired=kind != "alone") for score, rated in zip(scores, who)]
    means = panel(4000, math.sqrt(np.mean(np.square(found))))[0].mean((3, 4))
    test = stats.ttest_ind if kind == "alone" else stats.ttest_rel
    assert (test(means[:, :, 1], means[:, :, 0], axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def pilot_effect(score: np.ndarray, who: np.ndarray, *, paired: bool) -> float:
    """The detectable effect of one panel, (prompts, systems, items, ratings)."""
    prompt, system, item, _ = (code.ravel() for code in np.indices(score.shape))
    design = Design(score.ravel(), (prompt * 2 + system) * score.shape[2] + item, who.ravel(), system, prompt if paired else prompt * 2 + system)
    return smallest_effect(components(design).difference, n_items=len(score), paired=components(design).paired)


def test_looking_at_every_prompt_costs_more_prompts_and_says_how_many_weeks() -> None:
    frame = programme(items=200).assign(rated_at=lambda f: pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(f.index // 80, unit="W"))
    row = wb.signal.detectable(wb.read(frame)).iloc[0]
    assert row["n_needed"] < row["n_anytime"] < 3 * row["n_needed"]
    assert row["weeks_anytime"] == pytest.approx(row["n_anytime"] / 200 * 9)     # 800 ratings, 80 a week: nine weeks from first to last


def test_raters_who_favour_systems_leave_a_floor_that_items_do_not_lower() -> None:
    rng = np.random.default_rng(2)
    frame = programme(items=300)
    raters = [f"r{i}" for i in range(6)]
    favour = {(r, s): rng.normal(0, 0.8) for r in raters for s in "uv"}
    frame["rater_id"] = [raters[(i // 4 + i % 2) % 6] for i in range(len(frame))]
    frame["score"] = frame["score"] + [favour[key] for key in zip(frame["rater_id"], frame["system"])]
    table = wb.signal.detectable(wb.read(frame), n_items=[100_000])
    assert table["floor"].nunique() == 1 and table["value"].iloc[-1] < 0.1 < table["floor"].iloc[0]
    # two raters an answer, all six equally often: six raters of each system, variance 2 s2 / 6 of a difference
    assert table["floor"].iloc[0] == pytest.approx(noncentrality(5, 0.8, 0.05) * math.sqrt(2 * table["var_system_rater"].iloc[0] / 6), rel=0.05)


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
    assert set(easy["severity"]) == {"ok"} and easy["sentence"].str.contains("can be detected").any()


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
