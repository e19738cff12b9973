"""Routing: hand-worked gains, spending against brute force, gold that never enters, kinds and their prices, and what cannot be."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.disagreement.routing import ALL_EQUAL, BEYOND, ONE_RATER, RATED_BY_ALL, TOO_MANY
from workbench.disagreement.spending import allot, taken
from workbench.disagreement.worth import errors_of, of_levels, of_scores, sharpened
from workbench.errors import ParameterError

EXACT = 1e-9        # the same formula, in another order
route = wb.disagreement.route
MIXED = pd.DataFrame({"ann": list("yynnyyny"), "bob": list("yynnynny"), "cem": list("yynnynyy")}, index=list("abcdefgh"))


def long(frame: pd.DataFrame) -> pd.DataFrame:
    """A matrix of labels as rows."""
    return frame.rename_axis("item_id").reset_index().melt("item_id", var_name="rater_id", value_name="label")


def crowd(seed: int, n: int, right: dict[str, float], each: int) -> pd.DataFrame:
    """Labels of n items, `each` by two raters at least of every kind, right as often as said."""
    rng = np.random.default_rng(seed)
    truth, rows = rng.integers(2, size=n), []
    for kind, accuracy in right.items():
        for i in range(n):
            for r in rng.choice(6, each, replace=False):
                rows.append((f"i{i:03d}", f"{kind}{r}", kind, "ny"[int(truth[i] == (rng.random() < accuracy))]))
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "rater_kind", "label"])


def test_one_rating_sharpens_belief_as_worked_by_hand():
    # p = (1/2, 1/2), raters right 3 times in 4, nothing said: after either vote p = (3/4, 1/4), sum of squares 10/16; before 1/2: gain 1/8
    even, alpha = np.array([[0.5, 0.5]]), np.array([[3.0, 1.0], [1.0, 3.0]])
    assert sharpened(even, np.zeros((1, 2)), alpha)[0] == pytest.approx(1 / 8, abs=EXACT)
    # 4 votes each way already: given t the next is right with (3 + 4) / (4 + 8) = 7/12: 49/144 + 25/144 - 1/2 = 1/72
    assert sharpened(even, np.full((1, 2), 4.0), alpha)[0] == pytest.approx(1 / 72, abs=EXACT)


def test_errors_are_counted_against_belief_or_given():
    # beliefs sure of y, n; 3 right of 4 given y, 1 right of 1 given n; with 3 right and 1 wrong before: (6, 2) / 8 and (1, 4) / 5
    found = errors_of(np.eye(2), np.array([[3.0, 1.0], [0.0, 1.0]]), np.nan)
    assert found == pytest.approx(np.array([[6 / 8, 2 / 8], [1 / 5, 4 / 5]]), abs=EXACT)
    assert errors_of(np.eye(3), np.zeros((3, 3)), 0.9)[1] == pytest.approx([0.05, 0.9, 0.05], abs=EXACT)


def test_scores_have_the_variance_of_the_normal_model():
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(400), 4)
    score = rng.normal(0, 2, 400)[item] + rng.normal(0, 1, 1600)
    worth = of_scores(item, np.tile(np.arange(4), 400), score, np.zeros(1600, dtype=int), 400, np.array([np.nan]))
    # 1 / (1 + 4 ratings * variance 4 / noise 1) = 1/17 at the pooled noise; another rating leaves 1/21: gain 1/17 - 1/21 = .0112
    assert np.median(worth.uncertainty) == pytest.approx(1 / 17, rel=0.2)   # noise of each unit is its own: median, 400 units
    assert np.median(worth.gain) == pytest.approx(1 / 17 - 1 / 21, rel=0.25)
    assert worth.uncertainty - worth.gain[0] == pytest.approx(worth.uncertainty / (1 + worth.ease[0]), abs=EXACT)


def greedy(gain, ease, room, cost, budget):
    """One kind, one cost: a heap of next gains."""
    heap = [(-g, i, 0) for i, g in enumerate(gain[0]) if room[0, i] and g > 0]
    heapq.heapify(heap)
    total = 0.0
    while heap and budget >= cost[0]:
        next_gain, i, j = heapq.heappop(heap)
        total, budget, r, j = total - next_gain, budget - cost[0], ease[0, i], j + 1
        if j < room[0, i]:
            heapq.heappush(heap, (-gain[0, i] * (1 + r) / ((1 + j * r) * (1 + (j + 1) * r)), i, j))
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_spending_takes_away_as_much_as_one_at_a_time(seed, budget):
    rng = np.random.default_rng(seed)
    gain, ease = rng.choice([0.0, 0.1, 0.1, 0.2, 0.37], (1, 9)), rng.uniform(0.05, 3, (1, 9))
    room, cost = rng.integers(0, 5, (1, 9)), np.array([1.5])
    bought = allot(gain, ease, room, cost, budget, rng)
    assert (bought <= room).all() and (bought >= 0).all() and bought.sum() * 1.5 <= budget
    assert taken(gain, ease, bought, cost).sum() == pytest.approx(greedy(gain, ease, room, cost, budget), abs=EXACT)


def test_equal_items_share_a_budget_by_lot():
    args = np.full((1, 10), 0.1), np.full((1, 10), 0.5), np.full((1, 10), 3), np.ones(1), 4
    draws = [allot(*args, np.random.default_rng(seed)) for seed in range(60)]
    assert all(d.max() == 1 and d.sum() == 4 for d in draws)
    assert (sum(draws) > 0).all()       # an item stays out of 60 draws with probability .6^60


def test_contested_items_are_asked_about_first_and_the_rest_recorded():
    table = route(wb.from_matrix(MIXED), budget=2, raters={"human": 9})
    asked = table[table["status"] == "routed"]
    assert asked["n_more"].sum() == 2 and set(asked["item_id"]) <= {"f", "g"} and set(asked["selection"]) == {"routed"}
    rest = table[table["status"] == "left out"]
    assert set(rest["item_id"]) | set(asked["item_id"]) == set("abcdefgh") and rest["n_more"].sum() == 0
    assert rest["note"].str.startswith(BEYOND).all() and rest["selection"].isna().all()
    assert table["gain"].is_monotonic_decreasing and table["rank"].tolist() == list(range(1, len(table) + 1))
    assert (asked["expected_after"] < asked["uncertainty"]).all()


def test_gold_changes_nothing():
    rows = long(MIXED).assign(rater_kind="human")
    wrong = pd.DataFrame({"item_id": list("abcdefghz"), "rater_id": "key", "label": "n", "rater_kind": "gold"})
    before = route(wb.read(rows), budget=5, raters={"human": 6})
    told = wb.read(pd.concat([rows, wrong], ignore_index=True))
    pd.testing.assert_frame_equal(before, route(told, budget=5, raters={"human": 6}))
    pd.testing.assert_frame_equal(before, route(told.where(rater_kind=["human", "gold"]), budget=5, raters={"human": 6}))


def test_ratings_that_were_routed_before_are_learnt_from():
    rows = long(MIXED)
    more = pd.DataFrame({"item_id": "g", "rater_id": ["d", "e", "f", "k", "l"], "label": "n", "selection": "routed"})
    ratings = wb.read(pd.concat([rows.assign(selection="planned"), more], ignore_index=True))
    table = route(ratings, budget=1, raters={"human": 12}).set_index("item_id")
    assert table.loc["g", "n_ratings"] == 8 and table.index[0] == "f"
    assert table.loc["g", "gain"] < route(wb.read(rows), budget=1, raters={"human": 12}).set_index("item_id").loc["g", "gain"] / 2


def test_an_item_that_stays_half_and_half_gains_ever_less():
    def gain(votes: int) -> float:
        rows = long(pd.DataFrame({f"r{k}": list("yynn") for k in range(2 * votes)}, index=list("abcd")))
        split = pd.DataFrame({"item_id": "s", "rater_id": [f"r{k}" for k in range(2 * votes)], "label": list("yn") * votes})
        table = route(wb.read(pd.concat([rows, split])), budget=1, raters={"human": 99}).set_index("item_id")
        return table.loc["s", "gain"]
    assert gain(2) > gain(10) > gain(40) > 0 and gain(40) < gain(2) / 3


def test_the_kind_is_chosen_by_gain_per_cost():
    frame = crowd(3, 150, {"human": 0.65, "expert": 0.95}, 2)
    dear, cheap = (route(wb.read(frame), budget=60, cost={"expert": c}, raters={"human": 6, "expert": 6}) for c in (40.0, 1.0))
    kinds = [table[table["n_more"] > 0].groupby("rater_kind")["n_more"].sum().to_dict() for table in (dear, cheap)]
    assert kinds[0] == {"human": 60} and kinds[1] == {"expert": 60}
    assert dear["cost"].sum() == 60


def test_a_kind_that_never_rated_is_known_by_its_skill():
    asked = route(wb.from_matrix(MIXED), budget=6, cost={"expert": 2.0}, skill={"expert": 0.97}, raters={"human": 9, "expert": 2})
    asked = asked[asked["n_more"] > 0]
    assert asked.iloc[0]["rater_kind"] == "expert" and asked["cost"].sum() <= 6
    assert (asked[asked["rater_kind"] == "expert"]["n_more"] <= 2).all()


def test_no_more_is_asked_than_raters_are_left():
    frame = crowd(5, 30, {"human": 0.7}, 2)
    table = route(wb.read(frame), budget=10_000)
    assert (table["n_more"] == 4).all() and (table["status"] == "routed").all()     # six raters, two ratings an item


def test_criteria_share_one_budget_by_gain():
    sure = long(pd.DataFrame({r: list("ynynynyn") for r in "abc"}, index=list("abcdefgh"))).assign(criterion="sure")
    both = pd.concat([long(MIXED).assign(criterion="open"), sure], ignore_index=True)
    table = route(wb.read(both), budget=2, raters={"human": 9})
    assert set(table.loc[table["n_more"] > 0, "criterion"]) == {"open"} and set(table["criterion"]) == {"open", "sure"}


def test_scores_with_scattered_ratings_are_asked_about_first():
    frame = pd.DataFrame({"a": [10.1, 52.5, 90.2, 30.4], "b": [11.3, 10.7, 91.1, 31.2], "c": [12.0, 95.5, 89.3, 29.1]}, index=list("wxyz"))
    table = route(wb.from_matrix(frame, scale="interval"), budget=1, raters={"human": 9})
    assert table.iloc[0][["item_id", "n_more"]].tolist() == ["x", 1] and table["uncertainty"].between(0, 1).all()


def test_all_levels_alike_still_gives_small_gains():
    table = route(wb.from_matrix(pd.DataFrame({"a": ["y"] * 4, "b": ["y"] * 4})), budget=3, raters={"human": 5})
    assert table["n_more"].sum() == 3 and (table["gain"] < 0.05).all() and (table["gain"] > 0).all()


def test_scores_all_equal_are_left_out_with_the_reason():
    rows = [(f"i{i}", r, kind, 3 if kind == "flat" else 1 + (i + k) % 5)
            for i in range(9) for k, r in enumerate("ab") for kind in ("flat", "k")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "task_type", "score"])
    frame["item_id"] += frame["task_type"]
    table = route(wb.read(frame).where(task_type="flat"), budget=30, raters={"human": 9})
    assert table["n_more"].sum() == 0 and table["gain"].isna().all() and table["note"].str.startswith(ALL_EQUAL).all()
    assert route(wb.read(frame), budget=30, raters={"human": 9})["n_more"].sum() == 30


def test_criteria_on_different_scales_share_a_budget():
    scored = pd.DataFrame([(i, r, "length", 10.5 * i + 3.3 * k * (i == 2)) for i in range(3) for k, r in enumerate(("ann", "bob"))],
                          columns=["item_id", "rater_id", "criterion", "score"])
    ranked = pd.DataFrame([(i, r, "tone", float(1 + (i * k) % 3)) for i in range(6) for k, r in enumerate(("ann", "bob"))],
                          columns=["item_id", "rater_id", "criterion", "score"])
    table = route(wb.read(pd.concat([scored, ranked], ignore_index=True)), budget=8, raters={"human": 5})
    assert set(table["criterion"]) == {"length", "tone"} and table["n_more"].sum() == 8
    assert table["uncertainty"].between(0, 1).all()


def test_levels_without_order_that_are_too_many_are_left_out_with_the_reason():
    frame = pd.DataFrame({r: [f"tag {k}" for k in range(60)] for r in ("a", "b")})
    table = route(wb.from_matrix(frame), budget=3, raters={"human": 5})
    assert table["n_more"].sum() == 0 and table["gain"].isna().all() and table["note"].str.startswith(TOO_MANY).all()


def test_one_rater_is_said_and_nobody_is_left_to_ask():
    table = route(wb.from_matrix(pd.DataFrame({"ann": list("yny")}, index=list("abc"))), budget=3)
    assert table["n_more"].sum() == 0
    assert table["note"].str.contains(ONE_RATER, regex=False).all() and table["note"].str.contains(RATED_BY_ALL, regex=False).all()
    assert route(wb.from_matrix(pd.DataFrame({"ann": list("yny")})), budget=3, raters={"human": 4})["n_more"].sum() == 3


def test_without_ratings_of_the_panel_the_table_is_empty():
    gold = wb.read(long(MIXED).assign(rater_kind="gold"))
    assert route(gold, budget=3, skill={"human": 0.8}).empty


def test_the_same_seed_routes_the_same_and_order_of_rows_does_not_matter():
    frame = crowd(8, 60, {"human": 0.7}, 2)
    first = route(wb.read(frame), budget=25, seed=4)
    pd.testing.assert_frame_equal(first, route(wb.read(frame.sample(frac=1, random_state=1)), budget=25, seed=4))


@pytest.mark.parametrize("arguments, words", [
    ({"budget": 0}, "budget=0 buys no rating. Use a number of ratings"),
    ({"budget": "ten"}, "budget='ten' buys no rating"),
    ({"budget": 5, "cost": {"wizard": 2.0}}, "cost names 'wizard', which is no kind of rater to be asked. Use one of: 'human', 'expert'"),
    ({"budget": 5, "cost": {"gold": 2.0}}, "cost names 'gold'"),
    ({"budget": 5, "cost": {"human": 0}}, "cost\\['human'\\]=0 is not a cost above 0"),
    ({"budget": 5, "skill": {"human": 1.5}}, "skill\\['human'\\]=1.5 is not a share between 0 and 1"),
    ({"budget": 5, "raters": {"human": 2.5}}, "raters\\['human'\\]=2.5 is not a number of raters"),
    ({"budget": 5, "cost": {"expert": 2.0}}, "no rating by 'expert' tells how good such raters are; .*'human'.*skill={'expert': 0.9}"),
    ({"budget": 5, "seed": -1}, "seed=-1 is not a seed"),
])
def test_mistakes_are_named(arguments, words):
    with pytest.raises(ParameterError, match=words):
        route(wb.from_matrix(MIXED), **arguments)


def test_routing_needs_fewer_ratings_than_uniform_buying():
    """Items of two kinds, easy and hard: with half the votes of a uniform second round, the majority is right as often."""
    rng = np.random.default_rng(7)
    n = 1_000
    truth, right = rng.integers(2, size=n), np.where(np.arange(n) % 5 < 2, 0.6, 0.97)
    votes = np.where(rng.random((n, 9)) < right[:, None], truth[:, None], 1 - truth[:, None])

    def accuracy(held: np.ndarray) -> float:
        ones = np.where(np.arange(9) < held[:, None], 2 * votes - 1, 0).sum(axis=1)
        return float(np.where(ones == 0, 0.5, (ones > 0) == truth).mean())

    held = np.full(n, 3)
    for _ in range(6):
        seen = np.arange(9) < held[:, None]
        item, place = np.nonzero(seen)
        worth = of_levels(item, (item * 7 + place) % 40, votes[seen], np.zeros(len(item), dtype=int), (n, 40, 2), np.array([np.nan]))
        held = held + allot(worth.gain, worth.ease, (9 - held)[None], np.ones(1), 250, rng)[0]
    assert accuracy(held) > accuracy(np.full(n, 6)) > accuracy(np.full(n, 3))   # 4.5 ratings an item against 6
