"""Sentences on two versions of a rubric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bridged import bridged

import workbench as wb
from workbench.rubric.beside import DIFFERENCE
from workbench.rubric.conclude import findings, told_apart


def findings_of(frame):
    ratings, r = wb.read(frame), wb.rubric
    return r.findings(r.compare(ratings, draws=200), r.shift(ratings), changed=r.diff(ratings)).set_index("id")


def test_better_agreement_and_a_shift_are_found():
    found = findings_of(bridged(2, n_items=150, noise=(1.4, 0.3), shift=-0.6))
    agreement, scores = (found.loc[f"rubric/{what}/criterion=overall"] for what in ("agreement", "scores"))
    assert (agreement["severity"], agreement["status"]) == ("ok", "found")
    assert agreement["sentence"].startswith("On overall, raters agree better under version 2 than under version 1: alpha +")
    assert (scores["severity"], scores["status"]) == ("attention", "found")
    assert "scores are lower under version 2 than under version 1" in scores["sentence"] and "no trend line" in scores["action"]


def test_no_change_is_not_made_one():
    found = findings_of(bridged(5, n_items=60))
    assert "cannot be told" in found.loc["rubric/agreement/criterion=overall", "sentence"]
    assert "no shift of scores is told from 0" in found.loc["rubric/scores/criterion=overall", "sentence"]
    assert found.loc["rubric/rubric-files", "severity"] == "unknown"


def test_other_raters_are_unknown_and_said_once_for_all_criteria():
    frame = pd.concat([bridged(s, other_raters=True, n_items=20 + s).assign(criterion=f"c{s}") for s in (1, 2, 3)])
    found = findings_of(frame)
    assert set(found["severity"]) == {"unknown"}
    assert found["sentence"].str.contains("Whether agreement changed .* for c1, c2, c3: no bridge set of the same raters").sum() == 1


def test_one_version_is_unknown():
    frame = bridged(4)
    found = findings_of(frame[frame["rubric_version"] == "2"])
    assert found["severity"].tolist() == ["unknown"] and "fewer than two rubric versions have ratings" in found["sentence"].item()


def row_of(name, criterion, value, se, df=33):
    reach = 2.03 * se
    return {"name": name, "criterion": criterion, "rubric_version": "2 less 1", "value": value, "low": value - reach, "high": value + reach,
            "se": se, "df": df, "confidence": 0.95, "n_items": 204, "n_raters": 30, "note": "", "repeats": False}


def test_one_correction_spans_agreement_and_scores_of_all_criteria():
    # p of 0.0267 and 0.0285 (t, 33 df) among four: Holm asks for 0.0125 of the smaller, so neither is told, though both intervals lack 0
    compared = pd.DataFrame([row_of(DIFFERENCE, "safety", -0.0776, 0.0335), row_of(DIFFERENCE, "tone", 0.01, 0.03)])
    shifted = pd.DataFrame([row_of("mean_shift", "safety", 0.005, 0.015), row_of("mean_shift", "tone", 0.09, 0.0394)])
    found = findings(compared, shifted).set_index("id")
    assert not found["severity"].isin(["alarm", "attention"]).any()
    for place in ("agreement/criterion=safety", "scores/criterion=tone"):
        assert found.loc[f"rubric/{place}", "sentence"].endswith("among 4 comparisons chance gives such an interval too.")


def test_a_change_is_told_by_a_t_test_with_as_many_degrees_as_prompts_less_one():
    # t = 2.5: p 0.018 with 29 degrees, 0.067 with 4; the only comparison of two with any evidence, so Holm asks for 0.025
    for df, severity in ((29, "attention"), (4, "unknown")):
        found = findings(pd.DataFrame([row_of(DIFFERENCE, "safety", -0.25, 0.1, df)]),
                         pd.DataFrame([row_of("mean_shift", "safety", 0.0, 0.1, df)])).set_index("id")
        assert found.loc["rubric/agreement/criterion=safety", "severity"] == severity


@pytest.mark.parametrize("seed", range(5))
def test_what_differs_is_told_by_holm_as_statsmodels_has_it(seed):
    from scipy.stats import t
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(seed)
    value, df = rng.normal(size=12) * 4, rng.integers(3, 40, 12)
    p = 2 * t.sf(np.abs(value), df)
    told = told_apart(pd.DataFrame({"value": np.insert(value, 2, np.nan), "se": 1.0, "df": np.insert(df, 2, 5)}), 0.9)
    assert told.tolist() == multipletests(p, alpha=0.1, method="holm")[0].tolist()


def better_separated(*, other_raters: bool = False) -> pd.DataFrame:
    """Four systems a level apart on 150 prompts: version 2 hears them with a quarter of the noise."""
    rng, rows = np.random.default_rng(8), []
    for p in range(150):
        for k, system in enumerate("wxyz"):
            for version, noise in (("1", 2.0), ("2", 0.5)):
                for r in range(2):
                    own = r + 2 * (other_raters and version == "2")
                    rows.append((f"{p}{system}", f"p{p}", f"r{own}", system, version, k + rng.normal(0, noise), 30.0))
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "system", "rubric_version", "score", "seconds"])


@pytest.mark.parametrize("other_raters", [False, True])
def test_better_separation_is_found_and_put_to_the_rubric_only_with_the_same_raters(other_raters):
    ratings, r = wb.read(better_separated(other_raters=other_raters)), wb.rubric
    found = r.findings(r.compare(ratings, draws=100), r.shift(ratings)).set_index("id").loc["rubric/separation/criterion=overall"]
    assert "version 2 separates systems better than version 1: signal to noise +" in found["sentence"]
    assert (found["severity"], "with other raters" in found["sentence"]) == (("unknown", True) if other_raters else ("ok", False))


def test_systems_that_may_share_the_first_place_are_not_called_winners():
    rng = np.random.default_rng(3)
    rows = [(f"{p}{s}", f"p{p}", f"r{r}", s, "1", (s == "low") * -3 + rng.normal()) for p in range(40) for s in ("one", "two", "low") for r in (0, 1)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "system", "rubric_version", "score"]))
    ranked = wb.rubric.rank_systems(ratings)
    found = findings(wb.rubric.compare(ratings), wb.rubric.shift(ratings), ranked=ranked).set_index("id")
    leader = found.loc["rubric/leader/rubric=default/rubric_version=1"]
    assert "more than one system may be the best on overall (2 of 3: " in leader["sentence"] and leader["severity"] == "unknown"


def test_reversed_rankings_are_said_with_their_tau():
    frame = better_separated()
    turned = frame.assign(score=frame["score"].where(frame["rubric_version"] == "1", -frame["score"]))
    ratings = wb.read(turned)
    found = findings(wb.rubric.compare(ratings, draws=50), wb.rubric.shift(ratings), ranked=wb.rubric.rank_systems(ratings))
    orders = found[found["id"].str.startswith("rubric/orders")]
    assert len(orders) == 1 and "rank systems differently: Kendall's tau -1.00" in orders["sentence"].item()


def test_overall_verdicts_that_no_criterion_accounts_for_name_the_items():
    rng, rows = np.random.default_rng(4), []
    for i in range(80):
        tone, fact = rng.normal(size=2)
        for r in range(3):
            noise = rng.normal(0, .2, 3)
            overall = tone + fact + noise[2] + 6 * (i == 7)
            rows += [(f"i{i}", f"r{r}", c, x) for c, x in (("tone", tone + noise[0]), ("fact", fact + noise[1]), ("overall", overall))]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score"]))
    found = findings(wb.rubric.compare(ratings), wb.rubric.shift(ratings), holes=wb.rubric.underrepresented(ratings))
    hole = found[found["id"].str.startswith("rubric/hole")]
    assert len(hole) == 1 and "most on i7" in hole["sentence"].item() and hole["severity"].item() == "attention"


def merged(value, se, *, before_low=15.0, note=""):
    """The merge finding of one criterion, one of four merges looked at, with 33 degrees of freedom."""
    empty = pd.DataFrame(columns=["name", "value", "rubric_version", "note", "criterion"])
    reach = 2.0345 * se
    row = {"criterion": "tone", "before": 20.0, "before_low": before_low, "n_items": 90, "note": note, "value": value, "low": value - reach,
           "high": value + reach, "se": se, "confidence": 0.95, "n_random": 3}
    tried = pd.DataFrame([row | {"name": "separation"}, row | {"name": "krippendorff_alpha", "value": 0.1, "low": 0.0, "high": 0.2}])
    found = findings(empty, empty, tried=tried, merge={"tone": [["2", "3"]]})
    return found[found["id"].str.startswith("rubric/merge")].iloc[0]


@pytest.mark.parametrize(("value", "se", "severity", "words"), [
    # t of 0.99375 with 33 degrees is 2.6438: 0.05 / (2 x 4 merges) either side
    (-3.0, 0.5, "ok", "systems by -3.00 [-4.32, -1.68] from 20.0 (n = 90 items; one interval for 4 merges looked at): the difference between"),
    (-0.5, 0.5, "ok", "less than 10% is lost"),
    (-1.2, 0.5, "unknown", "cannot be told on tone (2 and 3: -1.20 [-2.52, +0.12])"),    # alone it would be told: [-2.22, -0.18]
    (np.nan, np.nan, "unknown", "cannot be told on tone (2 and 3: no system is named)"),
])
def test_levels_to_merge_are_judged_by_what_that_costs_separation(value, se, severity, words):
    row = merged(value, se, note="" if value == value else "no system is named; ordinal scale assumed from the values")
    assert row["severity"] == severity and words in row["sentence"]


def test_where_systems_are_not_told_apart_nothing_is_said_to_be_lost():
    assert merged(-0.1, 0.05, before_low=-1.0)["severity"] == "unknown"


def test_systems_of_one_value_have_no_share_of_draws_to_lead_in():
    rows = [(f"{p}{s}", f"p{p}", f"r{r}", s, 3) for p in range(20) for s in ("one", "two") for r in (0, 1)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "system", "score"]))
    found = findings(wb.rubric.compare(ratings), wb.rubric.shift(ratings), ranked=wb.rubric.rank_systems(ratings))
    assert "(2 of 2: one, two; all have one value)" in found.set_index("id").loc["rubric/leader/rubric=default/rubric_version=1", "sentence"]


def test_what_a_bridge_would_not_tell_asks_for_none():
    found = findings_of(bridged(5)).loc[lambda t: t["sentence"].str.startswith("Whether separation of systems changed")]
    assert "no system is named" in found["sentence"].item() and found["action"].item() == ""


def test_no_ratings_are_not_said_to_be_of_one_version():
    found = findings_of(bridged(5).assign(score=np.nan))
    assert "fewer than two rubric versions have ratings" in found["sentence"].item()
