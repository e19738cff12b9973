"""What is said of targets, of steps, of whether an order would repeat, and of a scale of which one value occurs."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.signal import detectable, verifiability
from workbench.signal.conclude import findings


def said(frame: pd.DataFrame) -> list[str]:
    ratings = wb.read(frame)
    return findings(ratings, effects=detectable(ratings), targets=verifiability(ratings))["sentence"].tolist()


def two_tasks(scores: list[float]) -> pd.DataFrame:
    """Each item rated once, half of them code and half chat."""
    rows = [{"item_id": f"{task}{i}", "rater_id": "a", "score": s, "task_type": task} for task in ("code", "chat")
            for i, s in enumerate(scores)]
    return pd.DataFrame(rows)


def test_targets_alike_are_not_ranked() -> None:
    assert any("the same step on all 2 targets" in sentence for sentence in said(two_tasks([1.0, 2.0, 4.0, 5.0] * 10)))


def test_one_value_alone_is_not_the_top_of_its_scale() -> None:
    for value in (3.0, 3.5):
        assert not any("top of the scale" in sentence for sentence in said(two_tasks([value] * 20)))


def versions(*, gain: float, prompts: int = 150) -> pd.DataFrame:
    """Three versions on common prompts over ten weeks, two of six raters an answer; the last is better by `gain`."""
    rng = np.random.default_rng(4)
    rows = [(f"p{p}", f"{p}-{v}", f"v{v}", f"r{r}", pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(days=70 * p / prompts))
            for p in range(prompts) for v in range(3) for r in rng.permutation(6)[:2]]
    frame = pd.DataFrame(rows, columns=["prompt_id", "item_id", "system", "rater_id", "rated_at"])
    hard = rng.normal(0, 0.7, prompts).repeat(6)
    return frame.assign(score=np.clip(np.rint(3 + hard + gain * (frame["system"] == "v2") + rng.normal(0, 0.7, len(frame))), 1, 5))


def told(frame: pd.DataFrame) -> pd.DataFrame:
    ratings, signal = wb.read(frame), wb.signal
    return findings(ratings, effects=detectable(ratings), targets=verifiability(ratings), study=signal.reliability(ratings),
                    steps=signal.progress(ratings, versions=["v0", "v1", "v2"]), purchases=signal.next_purchase(ratings))


def test_a_real_step_is_found_with_what_could_be_detected_and_one_of_none_is_not() -> None:
    found = told(versions(gain=0.9)).set_index("id")
    step = found.loc["signal/step/criterion=overall/system=v2"]
    assert step["status"] == "found" and step["severity"] == "ok" and "v2 is better than v1 by" in step["sentence"]
    assert "could be detected" in step["sentence"] and step["n_items"] == 150 and step["low"] > 0
    none = found.loc["signal/steps-not-told/criterion=overall"]
    assert none["severity"] == "unknown" and "v0 to v1" in none["sentence"] and none["action"]


def test_a_step_down_wants_attention() -> None:
    found = told(versions(gain=-0.9)).set_index("id")
    assert found.loc["signal/step-down/criterion=overall/system=v2", "severity"] == "attention"


def test_an_order_that_repeats_and_one_that_does_not_are_told_apart_and_a_purchase_is_named() -> None:
    clear, none = told(versions(gain=2.0)), told(versions(gain=0.0))
    assert clear["sentence"].str.contains("the order of systems would repeat|may or may not repeat").any()
    assert not none["sentence"].str.contains("the order of systems would repeat").any()
    said = clear.set_index("id").loc["signal/next-purchase", "sentence"]      # what differs beside the prompt is noise of single ratings
    assert said.startswith("The next money is best spent on more ratings of an item on 1 of 1 targets") and ", from " in said


def test_where_raters_favour_systems_the_advice_is_raters_and_not_prompts() -> None:
    # 6 raters like 5 systems by chance, far more than the systems differ, on 60 prompts
    rng = np.random.default_rng(3)
    liking = rng.normal(0, 2, (5, 6))
    rows = [(f"p{p}{s}", f"p{p}", f"v{s}", f"r{r}", liking[s, r] + rng.normal()) for p in range(60) for s in range(5) for r in range(6)]
    found = told(pd.DataFrame(rows, columns=["item_id", "prompt_id", "system", "rater_id", "score"]))
    row = found[found["sentence"].str.contains("the order of systems")].iloc[0]
    assert row["action"].startswith("Let more raters judge each system") and "with the same raters, halves of the prompts" in row["sentence"]


def test_what_a_design_cannot_split_is_a_finding() -> None:
    once = told(versions(gain=0.9).drop_duplicates("item_id")).set_index("id")
    assert "system:prompt and residual cannot be told apart" in once.loc["signal/not-split", "sentence"]
