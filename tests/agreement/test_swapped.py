from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
POSITION_BIAS = wb.agreement.position_bias
NAMES = ["first_preference", "swap_consistent", "swap_to_first", "swap_to_second"]


def pairs(rows, **columns):
    """Ratings of pairs from (item, rater, shown first, label), by models."""
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "shown_first", "label"])
    return wb.read(frame.assign(**{"rater_kind": "model", **columns}))


def values(found, rater="bot"):
    return found[found["rater_id"] == rater].set_index("name")["value"]


def recount(frame):
    """The four numbers by pandas, from columns item, first (a name), won (a name, or tie); a pair's verdicts in each order."""
    point = np.where(frame["won"] == "tie", 0.5, (frame["won"] == frame["first"]).astype(float))
    share = pd.Series(point).groupby(frame["first"].to_numpy()).mean()
    both = frame.assign(point=point).pivot_table(index="item", columns="first", values=["point", "won"], aggfunc="last").dropna()
    same = both["won"].iloc[:, 0] == both["won"].iloc[:, 1]
    lean = both["point"].sum(axis=1)
    return {"first_preference": share.mean() - 0.5, "swap_consistent": same.mean(), "swap_to_first": (lean > 1).mean(),
            "swap_to_second": (lean < 1).mean()}


def test_preference_and_swaps_by_hand():
    rows = [("i0", "bot", "A", "A"), ("i0", "bot", "B", "B"),       # first in both orders
            ("i1", "bot", "A", "A"), ("i1", "bot", "B", "A"),       # kept
            ("i2", "bot", "A", "tie"), ("i2", "bot", "B", "tie"),   # kept
            ("i3", "bot", "A", "tie"), ("i3", "bot", "B", "A"),     # a tie, then the second
            ("i4", "bot", "A", "A")]                                # one order only
    found = POSITION_BIAS(pairs(rows))
    # A shown first: 1, 1, .5, .5, 1 = 4 of 5; B shown first: 1, 0, .5, 0 = 1.5 of 4; mean (.8 + .375) / 2 - .5
    assert values(found).to_dict() == pytest.approx({"first_preference": 0.0875, "swap_consistent": 0.5, "swap_to_first": 0.25,
                                                     "swap_to_second": 0.25}, abs=EXACT)
    assert found["n_items"].tolist() == [5, 4, 4, 4] and found["n_ratings"].tolist() == [9, 8, 8, 8]
    assert found["n_dropped"].tolist() == [0, 1, 1, 1]


def test_a_better_system_shown_first_more_often_is_not_bias():
    rows = [(f"i{k}", "bot", "A", "A") for k in range(30)] + [(f"j{k}", "bot", "B", "A") for k in range(10)]
    assert values(POSITION_BIAS(pairs(rows)))["first_preference"] == 0       # the raw share of firsts would be .75


@pytest.mark.parametrize("always", ["first", "second"])
def test_a_rater_who_only_looks_at_the_place_has_the_extreme(always):
    label = {"first": {"A": "A", "B": "B"}, "second": {"A": "B", "B": "A"}}[always]
    found = POSITION_BIAS(pairs([(f"i{k}", "bot", first, label[first]) for k in range(6) for first in "AB"]))
    assert values(found).tolist() == ([0.5, 0, 1, 0] if always == "first" else [-0.5, 0, 0, 1])
    assert found["low"].isna().all() and found["note"].str.contains("no width").all()


def draw(seed, items=80):
    """Verdicts of two raters on pairs of three systems, in one order or both, with ties and gaps."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(items):
        one, other = rng.permutation(["aster", "birch", "cedar"])[:2]
        for rater in ("bot", "eve"):
            for first in ((one, other), (one,), (other,))[rng.integers(3)]:
                rows.append((f"i{k}", rater, one, other, first, rng.choice([first, one, other, "tie"])))
    return pd.DataFrame(rows, columns=["item", "rater", "one", "other", "first", "won"])


@pytest.mark.parametrize("slots", ["fixed", "first is A", "sides"])
def test_any_way_of_writing_a_pair_down_gives_what_a_recount_gives(slots):
    seen = draw(1)
    swap = (seen["first"] == seen["other"]) if slots == "first is A" else np.zeros(len(seen), dtype=bool)
    system, other = seen["one"].mask(swap, seen["other"]), seen["other"].mask(swap, seen["one"])
    label = np.select([seen["won"] == "tie", seen["won"] == system], ["tie", "A"], "B")
    shown = np.where(seen["first"] == system, "A", "B") if slots == "sides" else np.where(swap, "A", seen["first"])
    found = POSITION_BIAS(wb.read(pd.DataFrame({"item_id": seen["item"], "rater_id": seen["rater"], "system": system, "system_b": other,
                                                "shown_first": shown, "label": label})), interval="none")
    for rater in ("bot", "eve"):
        own = seen[seen["rater"] == rater]
        forward = own["first"] == own[["one", "other"]].min(axis=1)
        expected = recount(own.assign(first=np.where(forward, "low", "high"), won=np.where(
            own["won"] == "tie", "tie", np.where((own["won"] == own["first"]) == forward, "low", "high"))))
        assert values(found, rater).to_dict() == pytest.approx(expected, abs=EXACT)


def test_the_last_rating_in_each_order_counts_and_the_others_are_dropped():
    rows = [("i0", "bot", "A", "B"), ("i0", "bot", "A", "A"), ("i0", "bot", "B", "A"), ("i1", "bot", "A", "neither"),
            ("i2", "bot", None, "A"), ("i3", "bot", "C", "A")]
    found = POSITION_BIAS(pairs(rows))
    assert values(found)["swap_consistent"] == 1 and found["n_dropped"].tolist() == [4, 4, 4, 4]


def test_intervals_are_those_of_a_mean_over_pairs():
    rng = np.random.default_rng(3)
    rows = [(f"i{k}", "bot", first, label) for k in range(60) for first, label in zip("AB", rng.choice(["A", "B"], 2, p=[0.6, 0.4]))]
    found = POSITION_BIAS(pairs(rows), interval="linearized").set_index("name")
    frame = pd.DataFrame(rows, columns=["item", "rater", "first", "label"])
    own = (frame["first"] == frame["label"]).groupby(frame["item"]).mean()      # a pair in both orders is one draw
    assert found.loc["first_preference", ["value", "se"]].tolist() == pytest.approx([own.mean() - 0.5, own.std() / 60**0.5], abs=1e-9)
    kept = (own == 0.5).astype(float)
    assert found.loc["swap_consistent", "se"] == pytest.approx(kept.std() / 60**0.5, abs=1e-9)


def test_groups_and_humans_have_rows_of_their_own():
    rows = [("i0", "bot", "A", "A"), ("i0", "bot", "B", "B"), ("i1", "ann", "A", "A"), ("i1", "ann", "B", "A")]
    ratings = pairs(rows, task_type=["x", "x", None, None], rater_kind=["model", "model", "human", "human"])
    found = POSITION_BIAS(ratings, by=["task_type"])
    assert dict(zip(found["rater_id"], found["task_type"].fillna("none"))) == {"bot": "x", "ann": "none"} and len(found) == 8
    assert values(found)["swap_to_first"] == 1 and values(found, "ann")["swap_consistent"] == 1
    assert set(POSITION_BIAS(ratings.where(rater_kind="human"))["rater_id"]) == {"ann"}


def test_undefined_numbers_say_why():
    one_order = POSITION_BIAS(pairs([("i0", "bot", "A", "A"), ("i1", "bot", "A", "B")])).set_index("name")
    assert one_order["value"].isna().all()
    assert "order and quality cannot be told apart" in one_order["note"]["first_preference"]
    assert "no pair was judged in both orders" in one_order["note"]["swap_consistent"]
    nothing = POSITION_BIAS(pairs([("i0", "bot", None, "A"), ("i1", "bot", "A", "good")]))
    assert nothing["value"].isna().all() and nothing["note"].str.contains("no label A, B or tie beside what was shown first").all()
    assert nothing["n_dropped"].tolist() == [2, 2, 2, 2]
    nobody = POSITION_BIAS(pairs([("i0", "bot", "A", "A")]).where(item_id="i9"))
    assert nobody["name"].tolist() == NAMES and nobody["value"].isna().all() and nobody["note"].str.contains("no label A, B or tie").all()


def test_unknown_options_are_refused():
    with pytest.raises(ParameterError, match="interval='wald' is not known"):
        POSITION_BIAS(pairs([("i0", "bot", "A", "A")]), interval="wald")
    with pytest.raises(ParameterError, match="cannot group ratings"):
        POSITION_BIAS(pairs([("i0", "bot", "A", "A")]), by=["label"])


def test_llmbar_judges_equal_a_recount_of_their_swapped_verdicts(shared):
    frame = pd.read_parquet(shared / "data" / "llmbar.parquet").query("rater_kind == 'model'")
    frame = frame[frame["rater_id"].str.startswith(("GPT-4/Vanilla", "Falcon/CoT", "ChatGPT/Rating"))]
    name = frame["rater_id"].str.removesuffix("@swap")
    first = frame["presentation"].map({"original": "output_1", "swapped": "output_2"})
    label = frame["label"].map({"1": "A", "2": "B"})
    ratings = wb.read(pd.DataFrame({"item_id": frame["item_id"], "rater_id": name, "rater_kind": "model", "label": label,
                                    "system": "output_1", "system_b": "output_2", "shown_first": first}))
    found = POSITION_BIAS(ratings)
    for rater in name.unique():
        own = pd.DataFrame({"item": frame["item_id"], "first": first, "won": "output_" + frame["label"]})
        own = own[(name == rater) & label.notna()]
        assert values(found, rater)[NAMES].to_dict() == pytest.approx(recount(own), abs=EXACT)
    # GPT-4 without tricks is steady, Falcon thinking aloud takes whatever comes first
    assert values(found, "GPT-4/Vanilla")["swap_consistent"] > 0.9 and values(found, "Falcon/CoT")["swap_to_first"] > 0.8
