"""The scorecard of one party beside the others."""

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError

EXACT = 1e-12       # the same formula written twice
NOISE = {"easy": 0.1, "hard": 0.5}      # share of ratings drawn at random


def rated(party: str, mix: dict[str, int], seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Two raters of a party on so many items of each task type; the noise is the task type's, the same for every party."""
    generator = np.random.default_rng(seed)
    parts = []
    for task, n in mix.items():
        truth = generator.integers(1, 6, n)
        for rater in ("a", "b"):
            score = np.where(generator.random(n) < NOISE[task], generator.integers(1, 6, n), truth) + shift
            parts.append(pd.DataFrame({"item_id": [f"{party}-{task}-{i}" for i in range(n)], "rater_id": f"{party}-{rater}",
                                       "party": party, "task_type": task, "score": score}))
    return pd.concat(parts)


def by_name(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("name")


def test_same_skill_on_another_mix_is_no_difference_once_adjusted():
    ratings = wb.read(pd.concat([rated("north", {"easy": 900, "hard": 100}, 1), rated("south", {"easy": 100, "hard": 900}, 2)]))
    found = by_name(wb.agreement.scorecard(ratings, party="north"))
    south = by_name(wb.agreement.scorecard(ratings, party="south"))
    assert found.loc["alpha_unadjusted", "value"] - south.loc["alpha_unadjusted", "value"] > 0.3
    assert found.loc["alpha_difference", "low"] < 0 < found.loc["alpha_difference", "high"]
    assert found.loc["alpha_difference", "value"] == pytest.approx(-south.loc["alpha_difference", "value"], abs=EXACT)


def test_standardised_alpha_is_the_mean_of_strata_by_their_share_of_items():
    frame = pd.concat([rated("north", {"easy": 60, "hard": 40}, 3), rated("south", {"easy": 30, "hard": 70}, 4)])
    ratings = wb.read(frame)
    found = by_name(wb.agreement.scorecard(ratings, party="north"))
    strata = wb.agreement.krippendorff_alpha(ratings.where(party="north"), by=["task_type"]).set_index("task_type")
    share = {"easy": 90 / 200, "hard": 110 / 200}
    assert found.loc["alpha_party", "value"] == pytest.approx(sum(share[t] * strata.loc[t, "value"] for t in share), abs=EXACT)
    error = math.sqrt(sum((share[t] * strata.loc[t, "se"]) ** 2 for t in share))
    assert found.loc["alpha_party", "se"] == pytest.approx(error, abs=EXACT)


def test_leniency_is_the_gap_on_common_items():
    frame = pd.concat([rated("north", {"easy": 50}, 5), rated("south", {"easy": 50}, 6).assign(
        item_id=lambda t: t["item_id"].str.replace("south", "north"))])
    frame.loc[frame["party"] == "south", "score"] += 5
    row = by_name(wb.agreement.scorecard(wb.read(frame), party="south")).loc["leniency"]
    means = frame.groupby(["item_id", "party"])["score"].mean().unstack()
    gap = means["south"] - means["north"]
    assert row["value"] == pytest.approx(gap.mean(), abs=EXACT)
    assert row["se"] == pytest.approx(gap.std() / math.sqrt(50), abs=EXACT)


def test_strata_without_both_are_left_out_and_counted():
    ratings = wb.read(pd.concat([rated("north", {"easy": 50, "hard": 50}, 7), rated("south", {"easy": 100}, 8)]))
    found = by_name(wb.agreement.scorecard(ratings, party="north"))
    assert found.loc["alpha_party", "n_items"] == 50
    assert found.loc["alpha_party", "note"].startswith("25 % of items lie where not both have 10 items rated twice")


def test_nothing_to_compare_is_undefined_with_the_reason():
    ratings = wb.read(pd.concat([rated("north", {"hard": 50}, 9), rated("south", {"easy": 50}, 10)]))
    found = by_name(wb.agreement.scorecard(ratings, party="north"))
    assert found.loc[["alpha_party", "alpha_others", "alpha_difference", "leniency"], "value"].isna().all()
    assert "no stratum where both have 10 items rated twice" in found.loc["alpha_difference", "note"]
    assert found.loc["leniency", "note"] == "no item that both rated"


def test_leniency_of_nominal_levels_is_undefined():
    frame = rated("north", {"easy": 20}, 11).assign(label=lambda t: t["score"].map("l{:.0f}".format)).drop(columns="score")
    found = by_name(wb.agreement.scorecard(wb.read(pd.concat([frame, frame.assign(party="south", rater_id=frame["rater_id"] + "s")])),
                                           party="north"))
    assert math.isnan(found.loc["leniency", "value"]) and found.loc["leniency", "note"] == "nominal levels have no order"


def test_others_are_never_named():
    ratings = wb.read(pd.concat([rated("north", {"easy": 40}, 12), rated("south", {"easy": 40}, 13)]))
    assert "south" not in wb.agreement.scorecard(ratings, party="north").to_csv()


def test_ratings_without_a_party_are_others():
    alone = rated("south", {"easy": 40}, 14).assign(party=None)
    found = by_name(wb.agreement.scorecard(wb.read(pd.concat([rated("north", {"easy": 40}, 15), alone])), party="north"))
    assert found.loc["alpha_others", "n_items"] == 40


def test_unknown_party_is_refused_with_the_known_ones():
    ratings = wb.read(rated("north", {"easy": 10}, 16))
    with pytest.raises(ParameterError, match="party='west' has no rating that counts in .* Its parties are: 'north'"):
        wb.agreement.scorecard(ratings, party="west")
    with pytest.raises(ParameterError, match="none; the column party says whose rater it was"):
        wb.agreement.scorecard(wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [1, 2]})), party="west")


def test_clusters_count_as_one_in_leniency():
    frame = pd.concat([rated("north", {"easy": 40}, 17), rated("south", {"easy": 40}, 18).assign(
        item_id=lambda t: t["item_id"].str.replace("south", "north"))])
    frame["prompt_id"] = frame["item_id"].str.extract(r"(\d+)$")[0].astype(int).floordiv(4).astype(str)
    row = by_name(wb.agreement.scorecard(wb.read(frame), party="north", cluster="prompt_id")).loc["leniency"]
    means = frame.groupby(["prompt_id", "item_id", "party"])["score"].mean().unstack()
    gap = (means["north"] - means["south"]).reset_index(name="gap")
    spread = (gap["gap"] - gap["gap"].mean()).groupby(gap["prompt_id"]).sum()
    assert row["se"] == pytest.approx(math.sqrt(10 / 9 * (spread**2).sum()) / 40, abs=EXACT)
