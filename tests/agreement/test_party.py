"""The scorecard of one party beside the others."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from scipy.stats import t as student

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
    # on few disagreements the interval was widened, and its error is that of a t interval as wide
    assert strata.loc["easy", "note"].endswith("interval widened by what one more item could change; ordinal scale assumed from the values")
    reach = {t: (strata.loc[t, "high"] - strata.loc[t, "low"]) / 2 / student.ppf(0.975, strata.loc[t, "n_items"] - 1) for t in share}
    error = math.sqrt(sum((share[t] * max(strata.loc[t, "se"], reach[t])) ** 2 for t in share))
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


def test_all_groups_and_tasks_may_be_taken_together():
    frame = pd.concat([rated("north", {"easy": 40}, 20), rated("south", {"easy": 40}, 21)])
    table = wb.agreement.scorecard(wb.read(frame), party="north", by=[], mix=[])
    row = table.set_index("name").loc["alpha_party"]
    alone = wb.agreement.krippendorff_alpha(wb.read(frame).where(party="north")).iloc[0]
    assert row["value"] == pytest.approx(alone["value"], abs=EXACT) and table["party"].eq("north").all()


def pairs(party: str, task: str, n: int, split: set[int], minor: int) -> pd.DataFrame:
    """Two raters of a party on `n` items, the first `minor` at y, disagreeing on the items of `split`."""
    first = np.where(np.arange(n) < minor, "y", "n")
    second = np.where(np.isin(np.arange(n), list(split)), np.where(first == "y", "n", "y"), first)
    return pd.concat([pd.DataFrame({"item_id": [f"{party}{task}{i}" for i in range(n)], "rater_id": party + who, "label": label,
                                    "party": party, "task_type": task}) for who, label in (("a", first), ("b", second))])


def test_a_stratum_whose_alpha_has_no_error_leaves_no_interval_and_is_named():
    # On north's rare task one item of 20 is split: alpha is 0, undefined without that item, and so without an error.
    ninth = set(range(0, 200, 9))
    frame = pd.concat([pairs("north", "plain", 200, ninth, 80), pairs("north", "rare", 20, {0}, 0),
                       pairs("south", "plain", 200, ninth, 80), pairs("south", "rare", 200, ninth, 60)])
    found = by_name(wb.agreement.scorecard(wb.read(frame), party="north"))
    unsure = found.loc[["alpha_party", "alpha_difference", "alpha_unadjusted"]]
    assert unsure["value"].notna().all() and unsure[["low", "high", "se"]].isna().all().all()
    assert unsure["note"].str.startswith("alpha has no error on rare: no interval").all()
    assert np.isfinite(found.loc["alpha_others", "low"])


def test_on_equal_mixes_the_unadjusted_alpha_is_the_adjusted_one():
    # "hard" items are also more often y: pooled over tasks, alpha would be another figure.
    frame = pd.concat([pairs(party, task, 100, set(range(0, 100, step)), minor) for party in ("north", "south")
                       for task, step, minor in (("easy", 20, 90), ("hard", 4, 10))])
    found = by_name(wb.agreement.scorecard(wb.read(frame), party="north"))["value"]
    assert found["alpha_unadjusted"] == pytest.approx(found["alpha_party"], abs=EXACT)


def test_the_unadjusted_alpha_takes_the_partys_own_shares():
    ratings = wb.read(pd.concat([rated("north", {"easy": 60, "hard": 20}, 3), rated("south", {"easy": 30, "hard": 70}, 4)]))
    own = wb.agreement.krippendorff_alpha(ratings.where(party="north"), by=["task_type"], interval="none")
    strata = own.set_index("task_type")["value"]
    found = by_name(wb.agreement.scorecard(ratings, party="north"))
    assert found.loc["alpha_unadjusted", "value"] == pytest.approx(0.75 * strata["easy"] + 0.25 * strata["hard"], abs=EXACT)


def severe(seed: int, raters: int = 6, items: int = 60) -> pd.DataFrame:
    """Items that two raters of each of two sides score, all alike but for a severity of each rater's own."""
    generator, parts = np.random.default_rng(seed), []
    truth = generator.normal(size=items)
    for party in ("north", "south"):
        severity = generator.normal(0, 0.5, raters)
        for i in range(items):
            parts += [(str(i), f"{party}{j}", party, truth[i] + severity[j] + generator.normal(0, 0.7))
                      for j in generator.permutation(raters)[:2]]
    return pd.DataFrame(parts, columns=["item_id", "rater_id", "party", "score"]).assign(sample=seed)


def test_sides_of_equally_severe_raters_seldom_differ():
    # With the raters held fixed every second of these tables said that the parties differ.
    runs = 60
    table = wb.agreement.scorecard(wb.read(pd.concat(map(severe, range(runs)))), party="north", by=["sample"])
    rows = table[table["name"] == "leniency"]
    assert ((rows["low"] > 0) | (rows["high"] < 0)).sum() <= binom.ppf(0.999, runs, 0.06)
    assert (rows["estimand"] == "such raters").all()


def test_the_error_of_leniency_worked_by_hand():
    # North's a scores 0 and b 1, south's c 2 and d 0: gaps -3/2 and 1/2, mean -1/2. Items lie -1/2 and 1/2 off it, over 2 items:
    # V_item = 2/1 (1/4 + 1/4) = 1. Pulls: a -3/8, 1/8; b -1/8, 3/8; c -1/2; d 1/2. Summed by rater: -1/4, 1/4, -1/2, 1/2, so that
    # V_rater = 2/1 (1/16 + 1/16) + 2/1 (1/4 + 1/4) = 1/4 + 1; the cells 20/64 + 1/2 = 13/16. V = 1 + 5/4 - 13/16 = 23/16.
    # Degrees of freedom V^2 / (1/1 + (1/4)^2/1 + 1^2/1) = (529/256) / (33/16).
    rows = [("1", "a", "north", 0), ("1", "b", "north", 1), ("1", "c", "south", 2),
            ("2", "a", "north", 0), ("2", "b", "north", 1), ("2", "d", "south", 0)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "party", "score"])
    row = by_name(wb.agreement.scorecard(wb.read(frame), party="north")).loc["leniency"]
    assert row["value"] == pytest.approx(-0.5, abs=EXACT)
    assert row["se"] == pytest.approx(math.sqrt(23 / 16), abs=EXACT)
    assert (row["high"] - row["value"]) / row["se"] == pytest.approx(student.ppf(0.975, 529 / 256 / (33 / 16)), abs=EXACT * 1e3)


def test_one_rater_cannot_stand_for_others():
    frame = severe(1)
    frame.loc[frame["party"] == "south", "rater_id"] = "lone"
    frame = frame.drop_duplicates(["item_id", "rater_id"])
    row = by_name(wb.agreement.scorecard(wb.read(frame), party="north")).loc["leniency"]
    assert np.isfinite(row["value"]) and math.isnan(row["low"]) and row["note"].startswith("one rater on a side")
