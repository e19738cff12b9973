from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.agreement import stand_in
from workbench.agreement.estimate import Sampling
from workbench.agreement.trial import Trial
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
DRAWN = 0.1         # relative: a bootstrap's standard error from 1,000 draws beside the linearised one, 200 items
AUTORATER = wb.agreement.autorater


def panel(rows, kinds=None, column="label"):
    """Ratings from raters' rows over items, None for a gap; raters called bot... are models."""
    kind = (lambda who: (kinds or {}).get(who, "model" if str(who).startswith("bot") else "human"))
    long = [(f"i{i:03d}", who, value, kind(who)) for who, row in rows.items() for i, value in enumerate(row) if value is not None]
    return wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", column, "rater_kind"]))


def values(found, rater="bot"):
    return found[found["rater_id"] == rater].set_index("name")["value"]


def by_loop(humans, model, distance, bucket=None):
    """model_human, human_human and the two shares of exact agreement by looping over pairs of ratings.

    Each item weighs one, whatever its number of ratings; chance is made of pairs from two items and two humans.
    """
    items = [(m, [(j, row[i]) for j, row in enumerate(humans) if row[i] is not None]) for i, m in enumerate(model)]
    items = [(m, own) for m, own in items if m is not None and len(own) > 1]
    place = bucket or (lambda j: j)
    observed = {"hh": np.mean([np.mean([distance(a, b) for (_, a), (_, b) in combinations(own, 2)]) for _, own in items]),
                "mh": np.mean([np.mean([distance(m, a) for _, a in own]) for m, own in items])}
    alike = {"hh": np.mean([np.mean([a == b for (_, a), (_, b) in combinations(own, 2)]) for _, own in items]),
             "mh": np.mean([np.mean([m == a for _, a in own]) for m, own in items])}
    expected = {"hh": [0.0, 0.0], "mh": [0.0, 0.0]}
    for i, (m, own) in enumerate(items):
        for k, (_, others) in enumerate(items):
            for j, b in (others if i != k else ()):
                expected["mh"][0] += distance(m, b) / len(others)
                expected["mh"][1] += 1 / len(others)
                for h, a in own:
                    if place(h) != place(j):
                        expected["hh"][0] += distance(a, b) / len(own) / len(others)
                        expected["hh"][1] += 1 / len(own) / len(others)
    hh, mh = (1 - observed[k] / (expected[k][0] / expected[k][1]) for k in ("hh", "mh"))
    return {"model_human": mh, "human_human": hh, "difference": mh - hh, "percent_model_human": alike["mh"],
            "percent_human_human": alike["hh"], "percent_difference": alike["mh"] - alike["hh"]}


def draw(seed=0, items=25, humans=4, gaps=0.3, levels=5):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, levels, items)
    rows = np.clip(truth + generator.integers(-1, 2, (humans + 1, items)), 0, levels - 1).astype(object)
    rows[generator.random(rows.shape) < gaps] = None
    return rows[1:].tolist(), rows[0].tolist()


def trial_of(levels, model, q=5, cluster=None):
    """A trial without an engine: levels (humans, items), -1 for a gap."""
    human, item = np.nonzero(levels >= 0)
    order = np.lexsort((human, item))
    human, item = human[order], item[order]
    return Trial(key={"rater_id": "bot"}, item=item, human=human, names=np.arange(len(levels)), level=levels[human, item],
                 score=levels[human, item].astype(float), model_level=model, model_score=np.where(model < 0, np.nan, model),
                 cluster=cluster, scale="ordinal", n_dropped=0, note="")


class Group:
    values = np.arange(5.0)


def rows_of(trial, weights=None, **sampling):
    common = trial.on(trial.rated & (trial.n_humans >= 2))
    rows = stand_in.agreement_rows(trial, common, Group, weights, Sampling(**{"interval": "linearized", **sampling}))
    return pd.DataFrame(rows).set_index("name")


def coded(rows):
    """Rows with None for gaps as levels with -1."""
    return np.array([[-1 if v is None else v for v in row] for row in rows])


def test_both_agreements_by_hand():
    found = values(AUTORATER(panel({"ann": "AABBABAB", "bob": "AABBABBB", "bot": "AABBABAA"})))
    # two humans: differ on 1 of 8 items; ann has 4 A and 4 B, bob 3 and 5: 4 5 + 4 3 = 32 pairs differ, 1 within an item: 31 of 56
    assert found["human_human"] == pytest.approx(float(1 - Fraction(1, 8) / Fraction(31, 56)), abs=EXACT)
    # the model differs from ann on 1, from bob on 2; with 5 A and 3 B: 5 4 + 3 4 - 1 = 31 and 5 5 + 3 3 - 2 = 32 pairs, of 56 each
    assert found["model_human"] == pytest.approx(float(1 - Fraction(3, 16) / Fraction(31 + 32, 112)), abs=EXACT)
    assert found["difference"] == pytest.approx(float(Fraction(2, 3) - Fraction(24, 31)), abs=EXACT)
    assert found["percent_human_human"] == 7 / 8 and found["percent_model_human"] == 13 / 16 and found["percent_difference"] == -1 / 16


def test_leniency_by_hand_counts_items_with_one_human():
    found = AUTORATER(panel({"ann": [1, 2, 4, None], "bob": [3, None, 4, None], "bot": [3, 3, 5, 5]}, column="score"))
    row = found[found["name"] == "leniency"].iloc[0]
    # bot less the mean of the humans: 3 - 2, 3 - 2, 5 - 4; the fourth item has no human
    assert row["value"] == 1 and row["n_items"] == 3 and np.isnan(row["low"]) and "no width" in row["note"]


def test_the_interval_of_leniency_reaches_beyond_one_on_a_long_scale():
    rng = np.random.default_rng(1)
    human = rng.normal(50, 10, 40).round(2)
    gap = rng.normal(20, 3, 40).round(2)
    row = AUTORATER(panel({"ann": human, "bot": human + gap}, column="score")).set_index("name").loc["leniency"]
    se = gap.std(ddof=1) / np.sqrt(40)
    assert (row["value"], row["se"]) == pytest.approx((gap.mean(), se), rel=1e-9)
    assert row["high"] == pytest.approx(gap.mean() + 2.0227 * se, abs=1e-3)     # t with 39 degrees of freedom


DISTANCES = {"identity": lambda a, b: float(a != b), "quadratic": lambda a, b: float(a - b) ** 2, "linear": lambda a, b: abs(a - b),
             None: lambda a, b: abs(a - b) * (abs(a - b) + 1) / 2}


@pytest.mark.parametrize("weights", DISTANCES)
@pytest.mark.parametrize("seed", range(3))
def test_all_comparisons_equal_a_loop_over_pairs_with_gaps(weights, seed):
    humans, model = draw(seed)
    found = rows_of(trial_of(coded(humans), coded([model])[0]), weights, interval="none")["value"]
    expected = by_loop(humans, model, DISTANCES[weights])
    assert found[list(expected)].to_dict() == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize(("shift", "distance"), [(0, DISTANCES[None]), (0.37, lambda a, b: (a - b) ** 2)], ids=["ordinal", "interval"])
def test_ratings_with_gaps_give_what_a_loop_gives_on_their_own_scale(shift, distance):
    humans, model = ([[None if v is None else v + shift * v * v for v in row] for row in part] for part in (draw(4)[0], [draw(4)[1]]))
    rows = {f"h{j}": row for j, row in enumerate(humans)} | {"bot": model[0]}
    found = values(AUTORATER(panel(rows, column="score"), interval="none"))
    expected = by_loop(humans, model[0], distance)
    assert found[list(expected)].to_dict() == pytest.approx(expected, abs=1e-9)


def test_humans_beyond_the_limit_share_places_and_chance_leaves_these_out(monkeypatch):
    monkeypatch.setattr(stand_in, "TERMS_LIMIT", 15)     # 5 levels: 3 places
    humans, model = draw(5, humans=7)
    found = rows_of(trial_of(coded(humans), coded([model])[0]), "identity", interval="none")["value"]
    expected = by_loop(humans, model, DISTANCES["identity"], bucket=lambda j: j % 3)
    assert found[list(expected)].to_dict() == pytest.approx(expected, abs=EXACT)


def test_two_humans_agree_as_cohen_kappa_has_it_but_for_pairs_within_an_item():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    ann = rng.integers(0, 3, 60)
    bob = np.where(rng.random(60) < 0.6, ann, rng.integers(0, 3, 60))
    found = rows_of(trial_of(np.array([ann, bob]), np.tile([0, 1], 30)), "identity")["value"]
    differ = float(np.mean(ann != bob))
    by_chance = differ / (1 - sklearn.cohen_kappa_score(ann, bob))      # over all 60 x 60 pairs
    assert found["human_human"] == pytest.approx(1 - differ / ((3600 * by_chance - 60 * differ) / (60 * 59)), abs=EXACT)


def test_a_model_that_always_says_the_same_is_at_chance_though_it_agrees_often():
    rng = np.random.default_rng(0)
    trial = trial_of((rng.random((3, 200)) < 0.1).astype(int), np.zeros(200, dtype=int))
    found = rows_of(replace(trial, scale="nominal"), interval="none")["value"]
    assert found["model_human"] == pytest.approx(0, abs=EXACT) and found["percent_difference"] > 0.05
    scored = replace(trial, scale="interval", score=rng.normal(50, 10, 600), model_score=np.full(200, 50.0))
    assert rows_of(scored, interval="none")["value"]["model_human"] == pytest.approx(0, abs=1e-9)


def test_the_interval_of_the_difference_holds_zero_for_one_more_human_with_a_severity_of_his_own():
    rng, held, spread = np.random.default_rng(11), [], []
    for _ in range(200):
        quality, severity = rng.normal(2, 1, 80), rng.normal(0, 0.3, (12, 1))
        levels = np.clip(np.round(quality + severity + rng.normal(0, 0.7, (12, 80))), 0, 4).astype(int)
        levels[1:][rng.random((11, 80)) < 0.7] = -1                 # about three of the other eleven rate an item
        row = rows_of(trial_of(levels[1:], levels[0])).loc["difference"]
        held.append(row["low"] <= 0 <= row["high"])
        spread.append(row["value"])
    assert abs(np.mean(spread)) < 3 * np.std(spread) / 200**0.5     # no bias for or against the model
    assert np.mean(held) > 0.8      # these raters: the spread of severities among models is no part of the interval


def test_a_bootstrap_error_is_near_the_linearised_one():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 5, 200)
    levels = np.clip(truth + rng.integers(-1, 2, (3, 200)), 0, 4)
    trial = trial_of(levels, np.clip(truth + rng.integers(-1, 2, 200), 0, 4))
    one, other = rows_of(trial)["se"], rows_of(trial, interval="bootstrap")["se"]
    np.testing.assert_allclose(one, other, rtol=DRAWN)


def test_items_of_a_cluster_are_one_draw():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 5, 50)
    once = np.clip(truth + rng.integers(-1, 2, (4, 50)), 0, 4)
    thrice = np.tile(once, 3)
    alone, copied = (rows_of(trial_of(levels[1:], levels[0], cluster=cluster))["se"]
                     for levels, cluster in ((once, None), (thrice, np.tile(np.arange(50), 3))))
    assert copied["percent_model_human"] == pytest.approx(alone["percent_model_human"], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_humans_and_items_and_the_names_of_levels_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    levels, model = rng.integers(-1, 3, (4, 12)), rng.integers(0, 3, 12)
    levels[:2] = np.abs(levels[:2])
    humans, items, names = rng.permutation(4), rng.permutation(12), np.append(rng.permutation(3), -1)
    renamed = names[levels[humans][:, items]], names[model[items]]
    one, other = (replace(trial_of(*of), scale="nominal") for of in ((levels, model), renamed))
    pd.testing.assert_series_equal(rows_of(one)["value"], rows_of(other)["value"], atol=1e-9)


def test_a_model_and_humans_who_say_the_same_agree_fully_without_an_interval():
    found = AUTORATER(panel({"ann": "abab", "bob": "abab", "bot": "abab"})).set_index("name")
    assert found["value"][["model_human", "human_human", "percent_human_human"]].tolist() == [1, 1, 1]
    assert found["difference" == found.index]["value"].tolist() == [0]
    assert found["low"].isna().all() and "no width" in found["note"]["model_human"]


def test_each_model_has_its_rows_and_other_models_do_not_count():
    alone = AUTORATER(panel({"ann": "aabb", "bob": "aabb", "bot": "abbb"}))
    both = AUTORATER(panel({"ann": "aabb", "bob": "aabb", "bot": "abbb", "bot2": "bbbb"}))
    pd.testing.assert_series_equal(values(alone), values(both))
    assert both["rater_id"].unique().tolist() == ["bot", "bot2"]
    assert set(both["n_raters"][both["name"] == "difference"]) == {3}


def test_where_takes_the_place_of_the_kinds_that_count():
    rows = {"ann": "abab", "bob": "abab", "cem": "bbbb", "dot": "bbbb", "bot": "abab", "check": "abba"}
    ratings = panel(rows, kinds={"cem": "expert", "dot": "expert", "check": "program"})
    assert set(AUTORATER(ratings)["rater_id"]) == {"bot"}
    experts = values(AUTORATER(ratings.where(rater_kind=["expert", "model"])))
    assert experts["percent_model_human"] == 0.5 and experts["percent_human_human"] == 1
    assert values(AUTORATER(ratings.where(rater_kind=["human", "program"])), "check")["percent_model_human"] == 0.5


def test_ratings_beyond_the_common_items_are_counted_as_dropped():
    found = AUTORATER(panel({"ann": ["a", "b", "a", None], "bob": ["a", "b", None, None], "bot": "abab"})).set_index("name")
    assert found.loc["difference", ["n_items", "n_raters", "n_ratings", "n_dropped"]].tolist() == [2, 3, 6, 3]


def test_groups_by_a_column_with_missing_values_and_whole_number_ids_stay_apart():
    frame = pd.DataFrame({"item_id": [1, 1, 1, 2, 2, 2, 3, 3, 3], "rater_id": [1, 2, 9] * 3, "label": list("aaabbbaba"),
                          "rater_kind": ["human", "human", "model"] * 3, "task_type": ["x"] * 6 + [None] * 3})
    found = AUTORATER(wb.read(frame), by=["task_type"])
    known = found[found["name"] == "percent_model_human"].set_index("task_type")["value"]
    assert known["x"] == 1 and known[known.index.isna()].tolist() == [0.5]
    assert found["rater_id"].astype(str).unique().tolist() == ["9"]


def test_undefined_agreement_says_why():
    cases = {"no model rated here": {"ann": "abab", "bob": "abab"}, "one item: chance needs two": {"ann": "a", "bob": "b", "bot": "a"},
             "no item was rated by the model and two humans": {"ann": "ab  ", "bob": "  ab", "bot": "abab"},
             "only one level occurs": {"ann": "aaa", "bob": "aaa", "bot": "aaa"}}
    frame = pd.DataFrame([(f"{reason}{i}", who, label, "model" if who == "bot" else "human", reason) for reason, rows in cases.items()
                          for who, row in rows.items() for i, label in enumerate(row) if label != " "],
                         columns=["item_id", "rater_id", "label", "rater_kind", "task_type"])
    found = AUTORATER(wb.read(frame), by=["task_type"])
    found = found[found["name"] == "difference"]
    assert sorted(found["task_type"]) == sorted(cases) and found["value"].isna().all() and found["low"].isna().all()
    assert all(reason in note for reason, note in zip(found["task_type"], found["note"]))


def test_leniency_needs_an_order_and_percent_needs_levels():
    assert "nominal levels have no order" in AUTORATER(panel({"ann": "ab", "bob": "ab", "bot": "ab"})).set_index("name")["note"]["leniency"]
    trial = trial_of(np.array([[0, 1, 2], [0, 1, 1]]), np.array([0, 1, 2]))
    found = rows_of(replace(trial, scale="interval", level=np.full(6, -1), model_level=np.full(3, -1)))
    assert "scores have no levels" in found["note"]["percent_model_human"] and np.isfinite(found["value"]["model_human"])


@pytest.mark.parametrize("weights", ["quadratic", "circular", np.eye(3)])
def test_weights_on_scores_without_levels_or_without_ratings_are_undefined_in_words(weights):
    scores = np.random.default_rng(0).normal(size=(3, 1200))
    many = panel(dict(zip(("ann", "bob", "bot"), scores)), column="score")
    for ratings, reason in ((many, "scores have no levels"), (many.where(rater_id="nobody"), "no model rated here")):
        found = AUTORATER(ratings, weights=weights).set_index("name").loc[["model_human", "human_human", "difference"]]
        assert found["value"].isna().all() and found["note"].str.startswith(reason).all()


def test_the_models_repeats_give_its_agreement_with_itself():
    rows = [("i0", "bot", "a"), ("i0", "bot", "a"), ("i1", "bot", "a"), ("i1", "bot", "b"), ("i0", "ann", "a"), ("i0", "ann", "b")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label"]).assign(rater_kind=["model"] * 4 + ["human"] * 2)
    found = AUTORATER(wb.read(frame)).set_index("name")
    assert found["value"]["self_consistency"] == 0.5 and found["n_items"]["self_consistency"] == 2
    none = AUTORATER(panel({"ann": "ab", "bob": "ab", "bot": "ab"})).set_index("name")
    assert np.isnan(none["value"]["self_consistency"]) and "the model rated no item twice" in none["note"]["self_consistency"]


def test_groups_that_part_models_from_humans_are_refused():
    with pytest.raises(ParameterError, match=r"by=\['rater_kind'\] parts models from the humans.*where\(rater_kind"):
        AUTORATER(panel({"ann": "ab", "bot": "ab"}), by=["rater_kind"])


def test_unknown_options_are_refused():
    with pytest.raises(ParameterError, match="interval='wald' is not known"):
        AUTORATER(panel({"ann": "ab", "bot": "ab"}), interval="wald")
    with pytest.raises(ParameterError, match="weights='cubic' is not known"):
        AUTORATER(panel({"ann": "ab", "bob": "ab", "bot": "ab"}), weights="cubic")


def test_pandalm_humans_agree_far_more_than_its_models_do_with_them(shared):
    frame = pd.read_parquet(shared / "data" / "pandalm.parquet").rename(columns={"rubric_id": "rubric"})
    found = AUTORATER(wb.read(frame))
    # STATS.json: Krippendorff's alpha of the three humans .86422; README: kappas .852, .879, .862
    assert values(found, "gpt-3.5-turbo")["human_human"] == pytest.approx(0.86422, abs=2e-4)
    labels = frame.pivot(index="item_id", columns="rater_id", values="label")
    for model in ("gpt-3.5-turbo", "pandalm-7b"):
        share = np.mean([(labels[model] == labels[f"annotator{k}"]).mean() for k in (1, 2, 3)])
        assert values(found, model)["percent_model_human"] == pytest.approx(share, abs=EXACT)
        row = found[(found["name"] == "difference") & (found["rater_id"] == model)].iloc[0]
        assert row["high"] < -0.3
