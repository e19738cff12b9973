"""Which of two versions or rubrics is the better instrument."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from bridged import bridged

import workbench as wb
from workbench.rubric.instruments import adjusted, priced

CLOSE = 1e-9


def two(seed, *, noise=(1.0, 1.0), seconds=(30.0, 30.0), same_raters=True, same_items=True, k=4, prompts=60):
    """Scores of systems under versions 1 and 2, with their noise and seconds."""
    rng, rows = np.random.default_rng(seed), []
    hard = rng.normal(0, 1, prompts)
    for v in (0, 1):
        cells = hard[:, None] + 0.4 * np.arange(k) + rng.normal(0, noise[v], (prompts, k))
        for (p, s), x in np.ndenumerate(cells.round(2)):
            prompt = f"p{p:03d}" + ("" if same_items else f"v{v}")
            rows.append((f"{prompt}-s{s}", prompt, f"r{s % 2 if same_raters else 2 * v + s % 2}", f"s{s}", str(v + 1), x,
                         seconds[v] * rng.uniform(0.8, 1.2), "easy" if p % 3 else "hard"))
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "system", "rubric_version", "score", "seconds", "task_type"])


def compared(frame, **options):
    table = wb.rubric.compare(wb.read(frame), **{"draws": 50} | options)
    return table.set_index(["name", "rubric_version"])


def change(table, name):
    return table.loc[(f"difference of {name}", "2 less 1")]


def test_the_less_noisy_version_separates_more_by_the_hour_and_it_repeats():
    row = change(compared(two(0, noise=(1.5, 0.5))), "separation_per_hour")
    assert row["low"] > 0 and row["repeats"]


def test_the_faster_version_separates_more_by_the_hour_alone():
    frame = two(1, seconds=(60.0, 15.0))
    frame["score"] = frame["score"].to_numpy()[np.arange(len(frame)) % (len(frame) // 2)]      # the same scores under both
    table = compared(frame)
    assert change(table, "separation_per_rating")["value"] == pytest.approx(0, abs=CLOSE)
    assert change(table, "separation_per_hour")["low"] > 0 and change(table, "seconds_per_rating")["high"] < 0


def test_a_difference_is_the_new_value_less_the_old_where_all_items_are_bridged():
    table = compared(two(2))
    for name in ("separation_per_hour", "separation_per_rating", "system_share", "seconds_per_rating"):
        gap = table.loc[(name, "2"), "value"] - table.loc[(name, "1"), "value"]
        assert change(table, name)["value"] == pytest.approx(gap, abs=CLOSE)


def test_only_what_the_same_raters_rated_under_both_counts_for_a_difference():
    frame = two(3)
    other = two(4, noise=(5, 5)).assign(item_id=lambda f: "x" + f["item_id"], prompt_id=lambda f: "x" + f["prompt_id"])
    with_others = compared(pd.concat([frame, other[other["rubric_version"] == "1"]]))
    assert change(with_others, "system_share")["value"] == pytest.approx(change(compared(frame), "system_share")["value"], abs=CLOSE)


def test_other_raters_are_said_and_leave_no_difference_of_agreement():
    table = compared(two(5, same_raters=False))
    assert "rated by different raters" in change(table, "separation_per_hour")["note"]
    assert math.isfinite(change(table, "separation_per_hour")["low"])
    agreement = change(table, "krippendorff_alpha")
    assert math.isnan(agreement["value"]) and "cannot be told from the rater pool" in agreement["note"]


def test_without_common_items_task_types_are_given_equal_shares():
    frame = two(6, same_items=False)
    frame = frame[(frame["rubric_version"] == "1") | (frame["task_type"] == "hard") | (frame["prompt_id"] < "p030")]
    rows = [part.assign(prompt=part["prompt_id"]) for _, part in frame.groupby("rubric_version")]
    sides = adjusted(rows)
    shares = []
    for part, weight in zip(sides.rows, sides.weight):
        types = part.drop_duplicates("prompt").set_index("prompt")["task_type"]
        shares.append(weight.groupby(types).sum() / weight.sum())
    assert shares[0].to_dict() == pytest.approx(shares[1].to_dict(), abs=CLOSE)
    assert "equal shares of task types (2)" in change(compared(frame), "separation_per_hour")["note"]


def test_nothing_in_common_leaves_no_difference():
    frame = two(7, same_items=False)
    apart = frame.assign(system=frame["system"] + frame["rubric_version"])
    assert "different things" in change(compared(apart), "separation_per_hour")["note"]


def test_no_seconds_leave_the_separation_by_the_rating():
    table = compared(two(8).drop(columns="seconds"))
    assert math.isnan(table.loc[("separation_per_hour", "1"), "value"])
    assert table.loc[("separation_per_hour", "1"), "note"].startswith("no rating has its seconds")
    assert math.isfinite(change(table, "separation_per_rating")["low"])


def test_one_system_separates_nothing_and_agreement_is_still_told():
    table = compared(bridged(0, n_items=40))
    assert "no system is named" in change(table, "separation_per_hour")["note"]
    assert math.isfinite(change(table, "krippendorff_alpha")["value"])


def test_versions_on_different_levels_are_said_not_to_compare_in_agreement():
    frame = bridged(1, n_items=40)
    frame["rubric"] = np.where(frame["rubric_version"] == "2", "two", "five")
    frame["score"] = np.where(frame["rubric_version"] == "2", (frame["score"] > 1).astype(int), frame["score"])
    table = compared(frame, versions=["five 1", "two 2"])
    for place in (("krippendorff_alpha", "five 1"), ("difference of krippendorff_alpha", "two 2 less five 1")):
        assert "alphas on different scales are not comparable" in table.loc[place, "note"]


def test_criteria_that_carry_one_time_share_it():
    rows = pd.DataFrame({"item_id": ["a", "a", "b", "b"], "step": -1, "rater_id": "r", "criterion": ["x", "y"] * 2,
                         "seconds": [30.0, 30, 50, 50]})
    assert priced(rows)["seconds"].tolist() == [15, 15, 25, 25]
    own = rows.assign(seconds=[10.0, 20, 30, 40])
    assert priced(own)["seconds"].tolist() == [10, 20, 30, 40]


def test_several_criteria_bring_redundancy_and_the_overall_verdict():
    frame = pd.concat([two(9).assign(criterion=c) for c in ("a", "overall")])
    table = compared(frame)
    assert table.loc[("redundancy", "1"), "value"] == pytest.approx(1, abs=1e-6)
    assert table.loc[("overall_reproduced", "2"), "value"] > 0.99 and table.loc[("redundancy", "1"), "criterion"] == "(all)"


def test_esa_separates_more_by_the_hour_than_mqm_and_agreement_cannot_be_told(shared):
    # Kocmi et al. (2024): ESA is faster and cheaper than MQM and ranks systems as well
    frame = pd.read_parquet(shared / "data" / "esa_wmt23_ende.parquet")
    frame = frame[~frame["is_qc"] & ~frame["is_duplicate_filler"] & ~frame["is_aggregate"] & (frame["round"] == "main1")]
    ratings = wb.read(frame, columns={"rubric_id": "rubric", "segment_id": "prompt_id", "system_id": "system", "duration_s": "seconds"})
    table = wb.rubric.compare(ratings, versions=["MQM 2024-03", "ESA 2024-03"], draws=50).set_index("name")
    assert table.loc["difference of separation_per_hour", "low"] > 0 and table.loc["difference of seconds_per_rating", "high"] < 0
    assert "rated by different raters" in table.loc["difference of separation_per_hour", "note"]
    assert math.isnan(table.loc["difference of krippendorff_alpha", "value"])
    assert "cannot be told from the rater pool" in table.loc["difference of krippendorff_alpha", "note"]


def test_an_undefined_difference_says_why_and_not_how_it_would_have_been_adjusted():
    frame = bridged(1).assign(system="only", seconds=30.0)
    table = wb.rubric.compare(wb.read(frame[frame["item_id"] == "i000"]), draws=50).set_index("name")
    assert table.loc["difference of separation_per_hour", "note"] == "only one system was rated: there is nothing to rank"
