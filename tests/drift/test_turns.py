"""What made the changes that a look back dates: the mix of tasks, or the ratings themselves; and how it is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


def programme(*, hard: list[float], fall: list[float], items: int = 80) -> wb.Ratings:
    """A week for each share of hard tasks, which score 2 lower; `fall`: how much lower all score that week."""
    rng = np.random.default_rng(3)
    week = np.arange(len(hard)).repeat(items)
    task = np.where(rng.random(len(week)) < np.array(hard)[week], "hard", "easy")
    score = np.clip(np.round(4 - 2 * (task == "hard") - np.array(fall)[week] + rng.normal(0, 0.7, len(week))), 1, 5)
    return wb.read(pd.DataFrame({"item_id": [f"i{i}" for i in range(len(week))], "rater_id": "ann", "score": score, "task_type": task,
                                 "rated_at": MONDAY + pd.to_timedelta(7 * week + 1, unit="D")}))


def told(ratings: wb.Ratings, **of: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    turned = wb.drift.change_points(ratings)
    parts = wb.drift.turns(ratings, turned, by=["task_type"], **of)
    monitored = wb.drift.monitor(ratings)
    return parts, wb.drift.findings(ratings, monitored=monitored, parts=wb.drift.changes(ratings, monitored), turned=turned, turn_parts=parts)


@pytest.mark.parametrize(("hard", "fall", "part", "size", "action"), [
    ([0.2] * 7 + [0.8] * 7, [0.0] * 14, "mix of task_type", -1.2, "other tasks were rated"),       # 0.6 more of what scores 2 lower
    ([0.5] * 14, [0.0] * 7 + [0.8] * 7, "within cells", -0.8, "Look for what changed then"),
])
def test_a_change_is_put_on_the_mix_or_on_the_ratings(hard: list[float], fall: list[float], part: str, size: float, action: str) -> None:
    parts, found = told(programme(hard=hard, fall=fall))
    own = parts.set_index("part")["value"]
    assert own[part] == pytest.approx(size, abs=0.2) and own.drop(part).abs().max() < 0.2
    assert parts["at"].nunique() == 1 and parts["before"].iloc[0] == "2026-W02 to 2026-W08" and parts["after"].iloc[0] == "2026-W09 to 2026-W15"
    row = found[found["id"].str.startswith("drift/turned")].iloc[0]
    assert (row["severity"], row["status"]) == ("attention", "watch") and "turned in 2026-W09" in row["sentence"]
    assert part in row["sentence"] and action in row["action"]


def test_two_changes_are_held_against_their_neighbours() -> None:
    parts, _ = told(programme(hard=[0.5] * 18, fall=[0.0] * 6 + [1.0] * 6 + [0.0] * 6))
    within = parts[parts["part"] == "within cells"]
    assert within["before"].tolist() == ["2026-W02 to 2026-W07", "2026-W08 to 2026-W13"]
    assert np.sign(within["value"]).tolist() == [-1.0, 1.0]


def test_without_a_change_nothing_is_said() -> None:
    parts, found = told(programme(hard=[0.5] * 10, fall=[0.0] * 10))
    assert parts.empty and not found["id"].str.startswith("drift/turned").any()


def test_without_any_column_to_mix_the_change_is_within() -> None:
    ratings = programme(hard=[0.5] * 14, fall=[0.0] * 7 + [0.8] * 7)
    parts = wb.drift.turns(ratings, wb.drift.change_points(ratings), by=["system"])
    assert set(parts["part"]) <= {"within cells", "not comparable"} and parts["value"].sum() == pytest.approx(-0.8, abs=0.2)
