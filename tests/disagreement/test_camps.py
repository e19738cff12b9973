"""Camps from ratings as they are read: who is told what, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.disagreement.camps import COLUMNS
from workbench.errors import ParameterError


def frame_of(camps=(5, 4), *, items=240, within=0.6, across=0.2, seed=0, criterion="overall", per_item=None):
    """Ratings 1-5 of planted camps; raters r00, r01, ... camp by camp."""
    rng, n = np.random.default_rng(seed), sum(camps)
    camp = np.repeat(np.arange(len(camps)), camps)
    latent = (across**0.5 * rng.normal(size=(items, 1)) + (within - across) ** 0.5 * rng.normal(size=(items, len(camps)))[:, camp]
              + (1 - within) ** 0.5 * rng.normal(size=(items, n)) + rng.normal(0, 0.7, n))
    item, rater = np.nonzero(rng.random((items, n)).argsort(axis=1) < (per_item or n))
    score = 1 + np.digitize(latent, [-1.5, -0.5, 0.5, 1.5])[item, rater]
    return pd.DataFrame({"item_id": [f"i{i:03d}" for i in item], "rater_id": [f"r{r:02d}" for r in rater], "score": score,
                         "criterion": criterion})


def told(frame, **options):
    """The one note, where no rater is in a camp."""
    table = wb.disagreement.factions(wb.read(frame), **options)
    assert (table["faction"] == 0).all() and (table["status"] == "").all()
    assert table["note"].nunique() == 1 and len(table) == frame["rater_id"].nunique()
    return table["note"].iloc[0]


def test_two_camps_are_numbered_by_size_and_found_where_the_other_half_repeats_them():
    table = wb.disagreement.factions(wb.read(frame_of()))
    assert list(table.columns) == COLUMNS
    assert table.set_index("rater_id")["faction"].to_dict() == {f"r{k:02d}": 1 if k < 5 else 2 for k in range(9)}
    assert (table["n_factions"] == 2).all() and (table["status"] == "found").all() and (table["p"] < 1e-4).all()
    assert (table["across_low"] < table["across"]).all() and (table["across"] < table["across_high"]).all()
    assert table["across"].iloc[0] == pytest.approx(1 / 3, abs=0.15)   # .2 of .6
    assert (table["support"] >= 0.92).all() and (table["note"] == "").all() and (table["n_ratings"] == 240).all()


def test_camps_on_one_criterion_are_not_camps_on_another():
    two, one = frame_of(criterion="tone"), frame_of((9,), across=0.6, criterion="facts", seed=1)
    table = wb.disagreement.factions(wb.read(pd.concat([two, one])))
    assert (table[table["criterion"] == "tone"]["faction"] > 0).all()
    facts = table[table["criterion"] == "facts"]
    assert (facts["faction"] == 0).all() and (facts["n_factions"] == 0).all() and facts["support"].isna().all()
    assert facts["note"].str.startswith("no camps: two of equal size").all()


def test_levels_without_order_cannot_be_cut_but_two_of_them_can():
    frame = frame_of(items=500)
    three = frame.assign(label=frame["score"].map({1: "a", 2: "a", 3: "b", 4: "c", 5: "c"})).drop(columns="score")
    assert "its levels have no order; look at each as a yes/no criterion" in told(three)
    two = frame.assign(label=np.where(frame["score"] > 3, "yes", "no")).drop(columns="score")
    assert wb.disagreement.factions(wb.read(two))["faction"].tolist() == [1] * 5 + [2] * 4


def test_fewer_items_exclude_only_camps_further_apart():
    one = frame_of((9,), across=0.6, seed=1)
    most, few = (wb.disagreement.factions(wb.read(one[one["item_id"] < end]))["detectable"].iloc[0] for end in ("j", "i060"))
    assert 0.25 <= few < most < 0.9


def test_one_two_and_three_raters_have_no_camps_of_two():
    frame = frame_of()
    for n in (2, 3):
        few = frame[frame["rater_id"] < f"r{n:02d}"]
        assert told(few) == f"cannot tell: camps of two need 4 raters with enough ratings of their own, found {n}"
    assert wb.disagreement.factions(wb.read(frame[frame["rater_id"] == "r00"])).empty


def test_one_item_all_alike_and_no_overlap_each_have_their_reason():
    frame = frame_of()
    assert told(frame[frame["item_id"] == "i000"]) == "fewer than 10 ratings beside others"
    assert told(frame.assign(score=3)) == "nearly always the same level: opinions do not show"
    apart = frame[frame["item_id"].str[1:].astype(int) % 9 == frame["rater_id"].str[1:].astype(int)]
    assert wb.disagreement.factions(wb.read(apart)).empty
    pairs = frame[(frame["item_id"].str[1:].astype(int) % 2 == 0) == (frame["rater_id"] < "r02")]
    pairs = pairs[pairs["rater_id"] < "r04"]
    table = wb.disagreement.factions(wb.read(pairs))
    assert (table["faction"] == 0).all() and table["n_factions"].isna().all()


def test_a_rater_with_few_ratings_or_one_level_is_left_out_and_told_so():
    frame = frame_of()
    frame.loc[frame["rater_id"] == "r08", "score"] = 3
    frame = frame[(frame["rater_id"] != "r00") | (frame["item_id"] < "i005")]
    table = wb.disagreement.factions(wb.read(frame)).set_index("rater_id")
    assert table.loc["r00", ["faction", "note"]].tolist() == [0, "fewer than 10 ratings beside others"]
    assert table.loc["r08", ["faction", "note"]].tolist() == [0, "nearly always the same level: opinions do not show"]
    assert table.loc["r01":"r04", "faction"].nunique() == 1 and table.loc["r05":"r07", "faction"].nunique() == 1
    assert (table.loc["r01":"r07", "faction"] > 0).all() and table.loc["r00", "n_ratings"] == 5


def test_raters_who_share_little_are_not_guessed_at():
    table = wb.disagreement.factions(wb.read(frame_of((6, 6), items=60, per_item=2)), min_ratings=5)
    assert (table["faction"] == 0).all() and table["n_factions"].isna().all()
    assert "cannot tell: these raters share too few items, or are too noisy, for camps to be seen" in set(table["note"])


def test_sparse_ratings_without_camps_exclude_some_but_leave_small_ones_untold():
    one = wb.disagreement.factions(wb.read(frame_of((12,), items=300, across=0.6, per_item=4, seed=2)))
    assert one["n_factions"].isna().all() and (one["faction"] == 0).all() and one["detectable"].between(0, 0.9).all()
    assert one["note"].str.startswith("cannot tell: these raters share too few items for small camps to be seen; two of equal size").all()
    many = wb.disagreement.factions(wb.read(frame_of((12,), items=3000, across=0.6, per_item=4, seed=2)))
    assert (many["n_factions"] == 0).all() and many["detectable"].iloc[0] > one["detectable"].iloc[0]


def test_pairs_who_share_few_items_say_none_where_many_raters_make_up_for_it():
    many = wb.disagreement.factions(wb.read(frame_of((60,), items=1500, across=0.6, per_item=12, seed=4)))
    assert (many["n_factions"] == 0).all()      # two raters share 56 items, and there are 1,770 pairs


def test_scores_on_a_scale_without_levels_are_cut_by_their_ranks():
    frame = frame_of()
    rng = np.random.default_rng(3)
    frame["score"] = np.exp(frame["score"] + rng.uniform(-0.5, 0.5, len(frame)))
    assert wb.disagreement.factions(wb.read(frame))["faction"].tolist() == [1] * 5 + [2] * 4


def test_integer_ids_stay_integers():
    frame = frame_of(items=120)
    frame["rater_id"] = frame["rater_id"].str[1:].astype(int)
    assert wb.disagreement.factions(wb.read(frame))["rater_id"].tolist() == list(range(9))


@pytest.mark.parametrize("options", [{"false_share": 0}, {"false_share": 1.0}, {"min_ratings": 1}])
def test_a_share_outside_0_1_or_one_rating_is_an_error(options):
    with pytest.raises(ParameterError, match="give a share between 0 and 1, and at least 2 ratings"):
        wb.disagreement.factions(wb.read(frame_of(items=20)), **options)


def test_of_very_many_ratings_a_random_part_of_the_items_is_enough(monkeypatch):
    monkeypatch.setattr("workbench.disagreement.camps.MOST_RATINGS", 1_500)
    table = wb.disagreement.factions(wb.read(frame_of(items=1_000)))
    assert table["faction"].tolist() == [1] * 5 + [2] * 4 and (table["n_ratings"] == 1_000).all()


def test_of_more_raters_than_can_be_looked_at_those_with_most_ratings_are(monkeypatch):
    monkeypatch.setattr("workbench.disagreement.camps.MOST_RATERS", 8)
    frame = frame_of()
    table = wb.disagreement.factions(wb.read(frame[(frame["rater_id"] != "r03") | (frame["item_id"] > "i020")])).set_index("rater_id")
    assert table.loc["r03", ["faction", "note"]].tolist() == [0, "only the 8 raters with most ratings are looked at"]
    assert (table.drop(index="r03")["faction"] > 0).all()
