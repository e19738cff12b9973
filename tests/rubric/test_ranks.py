"""Rankings of systems, and how far two rubrics rank alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_preferred import duels
from test_preferred import ratings as preferences

import workbench as wb
from workbench.errors import ParameterError

CLOSE = 1e-9


def rated(seed, means, *, prompts=60, versions=("1",), noise=1.0):
    """One rater's scores of every system on every prompt, under each version anew."""
    rng, rows = np.random.default_rng(seed), []
    hard = rng.normal(0, 1, prompts)
    for version in versions:
        cells = hard[:, None] + np.asarray(means) + rng.normal(0, noise, (prompts, len(means)))
        rows += [(f"p{p:03d}-s{s}", f"p{p:03d}", "ann", f"s{s}", version, x) for (p, s), x in np.ndenumerate(cells.round(3))]
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "system", "rubric_version", "score"])


def ranked(frame, **options):
    return wb.rubric.rank_systems(wb.read(frame), **{"draws": 400} | options)


def of(table, name):
    return table[table["name"] == name].set_index("system")


def test_mean_scores_ranks_and_leads_of_clear_systems():
    frame = rated(0, [2.0, 0.0, -2.0])
    table = ranked(frame)
    assert of(table, "mean_score")["value"].to_dict() == pytest.approx(frame.groupby("system")["score"].mean().to_dict(), abs=CLOSE)
    assert of(table, "rank")[["value", "low", "high"]].to_numpy().tolist() == [[i, i, i] for i in (1.0, 2, 3)]
    assert (of(table, "rank")["note"] == "").all()         # a set of one rank is an answer, not an interval of no width
    assert of(table, "leader_share")["value"].tolist() == [1, 0, 0]


def test_where_low_is_good_the_order_turns_and_scores_stay():
    frame = rated(1, [2.0, 0.0, -2.0])
    high, low = ranked(frame), ranked(frame, best="low")
    assert of(low, "rank")["value"].tolist() == [3, 2, 1]
    for end in ("value", "low", "high"):
        assert of(low, "mean_score")[end].tolist() == pytest.approx(of(high, "mean_score")[end].tolist(), abs=CLOSE)


def test_systems_of_the_same_quality_may_all_be_first():
    table = of(ranked(rated(2, [0.0] * 4)), "rank")
    assert (table["low"] == 1).all() and (table["high"] == 4).all()


def test_two_versions_are_held_against_each_other():
    table = ranked(rated(3, [3.0, 0.0, -3.0], versions=("1", "2")))
    tau = of(table, "kendall_tau").iloc[0]
    assert (tau["rubric_version"], tau["other"]) == ("1", "2") and tau[["value", "low", "high"]].tolist() == [1, 1, 1]
    assert of(table, "leader_change")["value"].tolist() == [0]


def test_a_version_that_turns_the_order_has_tau_minus_one():
    frame = rated(4, [3.0, 0.0, -3.0], versions=("1", "2"))
    turned = frame.assign(score=np.where(frame["rubric_version"] == "2", -frame["score"], frame["score"]))
    table = ranked(turned)
    assert of(table, "kendall_tau")["value"].tolist() == [-1] and of(table, "leader_change")["value"].tolist() == [1]


def test_versions_without_common_systems_are_not_held_together():
    frame = rated(5, [1.0, 0.0], versions=("1", "2"))
    table = ranked(frame.assign(system=frame["system"] + frame["rubric_version"]))
    assert of(table, "kendall_tau")["value"].isna().all() and "share 0 systems" in of(table, "kendall_tau")["note"].iloc[0]


def test_preferences_are_ranked_by_strength_and_the_order_effect_stands_by_itself():
    frame = preferences(*duels(0, np.array([1.5, 0, -1.5]), 1500, order=0.5)).rename(columns={"prompt": "prompt_id"})
    table = ranked(frame)
    assert of(table, "rank")["value"].tolist() == [1, 2, 3] and set(of(table, "rank")["high"]) == {1, 2, 3}
    assert of(table, "strength")["value"].sum() == pytest.approx(0, abs=CLOSE)
    order = table[table["name"] == "order_effect"].iloc[0]
    assert order["low"] < 0.5 < order["high"] and order["low"] > 0


def test_a_document_drawn_whole_makes_intervals_wider_where_its_prompts_go_together():
    frame = rated(6, [0.3, 0.0], prompts=80, noise=0.3)
    document = frame["prompt_id"].str[1:].astype(int) // 8
    pull = pd.Series(np.random.default_rng(0).normal(0, 1, 10))
    frame = frame.assign(document=document.astype(str), score=frame["score"] + np.where(frame["system"] == "s0", document.map(pull), 0))
    narrow, wide = (of(ranked(frame, cluster=c), "mean_score") for c in (None, "document"))
    assert wide["value"].tolist() == pytest.approx(narrow["value"].tolist(), abs=CLOSE) and wide["se"]["s0"] > 1.5 * narrow["se"]["s0"]


def test_without_prompts_items_are_the_sample_and_the_note_says_so():
    table = of(ranked(rated(7, [3.0, 0.0]).drop(columns="prompt_id")), "rank")
    assert table["value"].tolist() == [1, 2] and table["note"].str.contains("prompts are not named").all()


def test_reordering_rows_changes_nothing():
    frame = rated(8, [0.5, 0.0, 0.2])
    pd.testing.assert_frame_equal(ranked(frame.sample(frac=1, random_state=0)), ranked(frame))


@pytest.mark.parametrize(("change", "why"), [
    (lambda f: f[f["system"] == "s0"], "only one system was rated"), (lambda f: f[f["prompt_id"] == "p000"], "only one prompt"),
    (lambda f: f.drop(columns="system"), "no system is named"), (lambda f: f.assign(score=np.nan), "no rating that counts")])
def test_what_cannot_be_ranked_says_why(change, why):
    row = ranked(change(rated(9, [1.0, 0.0]))).iloc[0]
    assert np.isnan(row["value"]) and why in row["note"]


def test_equal_scores_tell_nothing():
    table = ranked(rated(10, [0.0, 0.0]).assign(score=3))
    assert of(table, "rank")[["low", "high"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert of(table, "leader_share")["note"].tolist() == ["all systems have one value: none leads"] * 2


def test_an_unknown_version_option_or_column_is_refused():
    ratings = wb.read(rated(11, [1.0, 0.0]))
    with pytest.raises(ParameterError, match="Name some of '1'"):
        wb.rubric.rank_systems(ratings, versions=["9"])
    with pytest.raises(ParameterError, match="'kept', 'removed'"):
        wb.rubric.rank_systems(ratings, severity="gone")
    with pytest.raises(ParameterError, match="is not in"):
        wb.rubric.rank_systems(ratings, cluster="document")


def test_esa_and_mqm_rank_the_wmt23_systems_much_alike(shared):
    frame = pd.read_parquet(shared / "data" / "esa_wmt23_ende.parquet")
    frame = frame[~frame["is_qc"] & ~frame["is_duplicate_filler"] & ~frame["is_aggregate"] & (frame["round"] == "main1")]
    ratings = wb.read(frame, columns={"rubric_id": "rubric", "segment_id": "prompt_id", "system_id": "system", "duration_s": "seconds"})
    table = wb.rubric.rank_systems(ratings, draws=500)
    means = frame[(frame["rubric_id"] == "ESA")].groupby("system_id")["score"].mean()
    own = table[(table["name"] == "mean_score") & (table["rubric"] == "ESA")].set_index("system")["value"]
    assert own.to_dict() == pytest.approx(means.to_dict(), abs=0.2)      # a few cells are missing, and are adjusted for
    tau = table[(table["name"] == "kendall_tau") & (table["rubric"] == "ESA") & (table["other"] == "MQM 2024-03")].iloc[0]
    assert tau["value"] > 0.7 and tau["high"] == 1      # no pair is told apart the other way round
