"""What is said of targets that are alike, and of a scale of which one value occurs."""

from __future__ import annotations

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
