"""Overturned ratings: shares by hand, intervals against Wilson's and on planted truth, what counts as an adjudication and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import workbench as wb
from workbench.agreement.calibrated import wilson
from workbench.agreement.reversed import effective, overturned
from workbench.errors import ParameterError

CLOSE = 1e-9        # another implementation of the same formula
FLOOR = 0.92        # 95 % less four standard errors of 600 draws


def read(rows: list[tuple], **columns: object) -> wb.Ratings:
    """Ratings from (item, rater, label or score, kind, layer)."""
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "value", "rater_kind", "layer"])
    numeric = pd.api.types.is_numeric_dtype(frame["value"])
    return wb.read(frame.rename(columns={"value": "score" if numeric else "label"}).assign(**columns))


def judged(*, judge: str = "yyyn", layer: int = 1) -> list[tuple]:
    """Three raters on four items, and what the judge says: ann errs on b, bob on b and d, cem on none."""
    given = {"ann": "ynyn", "bob": "ynyy", "cem": "yyyn"}
    return [(item, who, votes[k], "human", 0) for who, votes in given.items() for k, item in enumerate("abcd")] + \
        [(item, "judge", judge[k], "adjudicator", layer) for k, item in enumerate("abcd") if judge[k] != "-"]


def test_the_share_by_hand_with_wilsons_interval() -> None:
    found = overturned(read(judged())).set_index("rater_id")
    assert found["value"].to_dict() == {"ann": 0.25, "bob": 0.5, "cem": 0.0}
    for who, k in (("ann", 1), ("bob", 2), ("cem", 0)):
        interval = binomtest(k, 4).proportion_ci(method="wilson")
        assert found.loc[who, ["low", "high"]].tolist() == pytest.approx([interval.low, interval.high], abs=CLOSE)
    assert (found["n_items"] == 4).all() and (found["n_ratings"] == 4).all() and np.isnan(found.loc["cem", "se"])
    # one rating an item: the error of leaving each out is sqrt(p q / (n - 1)) = sqrt(.25 x .75 / 3)
    assert found.loc["ann", "se"] == pytest.approx(0.25, abs=CLOSE)


def test_ratings_of_one_item_are_no_independent_evidence() -> None:
    rows = [(item, f"r{k}", "y" if item in "ab" else "n", "human", 0) for item in "abcdef" for k in range(5)]
    ratings = read(rows + [(item, "judge", "y", "adjudicator", 1) for item in "abcdef"])
    found = overturned(ratings, by=()).iloc[0]
    alone = binomtest(20, 30).proportion_ci(method="wilson")
    assert found["value"] == pytest.approx(2 / 3) and found["high"] - found["low"] > 1.8 * (alone.high - alone.low)


def test_intervals_cover_the_planted_share() -> None:
    rng, covered = np.random.default_rng(3), []
    for _ in range(600):
        share = rng.beta(0.9, 2.1, 25)                              # mean .3, intraclass correlation .25
        n = rng.integers(1, 6, 25)
        value, _, size = effective(np.stack([rng.binomial(n, share), n], axis=1).astype(float), 0.95)
        low, high = wilson(np.array(value), np.array(size), 0.95)
        covered.append(low <= 0.3 <= high)
    assert np.mean(covered) > FLOOR


def test_groups_are_any_columns() -> None:
    rows = judged() + [("a", "lead", "n", "expert", 1), ("b", "lead", "y", "expert", 1)]
    ratings = read(rows, party=["lab" if r[1] in ("ann", "lead") else "vendor" for r in rows], criterion="tone")
    assert overturned(ratings, by=["layer"])["value"].tolist() == [pytest.approx(3 / 12), 0.5]
    parties = overturned(ratings, by=["party", "criterion"])
    assert parties[["party", "criterion", "n_ratings"]].values.tolist() == [["lab", "tone", 6], ["vendor", "tone", 8]]


def test_criteria_on_different_scales_are_told_apart_within_a_rater() -> None:
    rows = [("a", who, "x", "tone", None, k) for who, k in (("ann", "human"), ("judge", "adjudicator"))]
    rows += [("a", "ann", None, "help", 3.0, "human"), ("a", "judge", None, "help", 1.0, "adjudicator")]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "label", "criterion", "score", "rater_kind"]))
    assert overturned(ratings)[["rater_id", "value", "n_ratings"]].values.tolist() == [["ann", 0.5, 2]]


def test_scores_without_levels_are_overturned_beyond_a_tolerance() -> None:
    rows = [(f"i{k}", "ann", 10.25 + k, "human", 0) for k in range(20)] + [(f"i{k}", "judge", 10.0 + k + (k == 3) * 5, "adjudicator", 1)
                                                                          for k in range(20)]
    assert overturned(read(rows))["value"].tolist() == [1.0]
    assert overturned(read(rows), tolerance=0.5)["value"].tolist() == [0.05]


def test_the_highest_layer_counts_and_those_who_differ_tell_nothing() -> None:
    second = [("a", "chief", "n", "adjudicator", 2), ("b", "other", "n", "adjudicator", 1)]
    found = overturned(read(judged() + second)).set_index("rater_id")
    # the chief overrules on a; on b two of one layer differ, so that a, c and d are left: ann errs on a, bob on a and d, cem on a
    assert found["value"].to_dict() == {"ann": pytest.approx(1 / 3), "bob": pytest.approx(2 / 3), "cem": pytest.approx(1 / 3)}
    assert (found["n_items"] == 3).all() and (found["n_dropped"] == 1).all()


def test_withdrawn_adjudications_gold_and_the_adjudicators_themselves_do_not_count() -> None:
    rows = judged() + [("a", "key", "n", "gold", 0), ("a", "bot", "n", "model", 0)]
    ids = [f"k{k}" for k in range(len(rows))]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label", "rater_kind", "layer"]).assign(rating_id=ids, replaces=None)
    undone = ids[[k for k, r in enumerate(rows) if r[:2] == ("b", "judge")][0]]
    frame.loc[len(frame)] = ["b", "judge", None, "adjudicator", 1, "undo", undone]
    found = overturned(wb.read(frame)).set_index("rater_id")
    assert found["n_ratings"].to_dict() == {"ann": 3, "bob": 3, "cem": 3, "bot": 1} and found.loc["bot", "value"] == 1.0


def test_narrowing_the_raters_leaves_the_adjudications() -> None:
    rows = judged()
    ratings = read(rows, party=["lab" if r[1] == "ann" else "vendor" for r in rows])
    assert overturned(ratings.where(party="lab"))[["rater_id", "value"]].values.tolist() == [["ann", 0.25]]
    assert overturned(ratings.where(rater_kind="human", layer=0)).equals(overturned(ratings))


def test_adjudicators_say_nothing_of_their_own_former_ratings() -> None:
    rows = [r for r in judged() if r[1] != "judge"] + [(item, "bob", "yyyn"[k], "adjudicator", 1) for k, item in enumerate("abcd")]
    found = overturned(read(rows)).set_index("rater_id")
    assert found["value"].drop("bob").to_dict() == {"ann": 0.25, "cem": 0.0}
    assert found.loc["bob", ["n_ratings", "n_dropped"]].tolist() == [0, 4]
    assert found.loc["bob", "note"] == "adjudicators differ on every unit, or judged their own ratings"
    # of two who judge alike one rated before: that rater's own rating is left out still
    two = overturned(read(rows + [("a", "zoe", "y", "adjudicator", 1)])).set_index("rater_id")
    assert two["n_dropped"].to_dict() == {"ann": 0, "bob": 4, "cem": 0}


def test_a_queue_can_be_chosen() -> None:
    rows = judged()
    ratings = read(rows, queue=[("audit" if r[0] in "ab" else "contested") if r[3] == "adjudicator" else None for r in rows])
    assert overturned(ratings, queue="audit").set_index("rater_id")["value"].to_dict() == {"ann": 0.5, "bob": 0.5, "cem": 0.0}
    assert overturned(ratings, queue="other")["note"].tolist() == ["no adjudications"]


def test_nothing_to_tell_is_nan_with_the_reason() -> None:
    plain = overturned(read(judged(judge="----")))
    assert plain["note"].tolist() == ["no adjudications"] and plain["value"].isna().all() and plain["n_ratings"].tolist() == [0]
    alone = overturned(read([("z", "judge", "y", "adjudicator", 1), ("a", "ann", "y", "human", 0)]))
    assert alone["note"].tolist() == ["no ratings on adjudicated units"]
    differ = overturned(read(judged(judge="y---") + [("a", "other", "n", "adjudicator", 1)]), by=())
    assert differ[["note", "n_dropped"]].values.tolist() == [["adjudicators differ on every unit, or judged their own ratings", 3]]


def test_wrong_options_are_said() -> None:
    with pytest.raises(ParameterError, match="tolerance=-1"):
        overturned(read(judged()), tolerance=-1)
    with pytest.raises(ParameterError, match="column 'colour' is not in frame"):
        overturned(read(judged()), by=["colour"])
    with pytest.raises(ParameterError, match="column 'queue' is not in frame"):
        overturned(read(judged()), queue="audit")


def test_adjudications_stay_out_of_agreement() -> None:
    with_judge, without = read(judged()), read([r for r in judged() if r[1] != "judge"])
    for name in ("krippendorff_alpha", "fleiss_kappa", "percent_agreement"):
        assert getattr(wb.agreement, name)(with_judge)["value"].tolist() == getattr(wb.agreement, name)(without)["value"].tolist()
