"""The decomposition: by hand, against a second implementation, and its laws."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.drift.mix import APART, INSEPARABLE, TOGETHER, WITHIN, parts_of, read_cells
from workbench.drift.mix_effects import rater_effect
from workbench.errors import ParameterError

SUMS = 1e-12        # the parts are one difference, taken apart: only rounding may be left
RAKED = 1e-7        # two programs rake until nothing moves


def cells_of(rows: list[tuple[object, ...]], names: list[str]) -> pd.DataFrame:
    """A frame as `read_cells` gives it: each row a level of every column of `names`, then a score."""
    frame = pd.DataFrame(rows, columns=[*names, "score"])
    items = [f"i{i}" for i in range(len(frame))]
    return frame.assign(item_id=items, _drawn=items, rater_id="ann", rubric_version="1")


def drawn_cells(seed: int, n: int, names: list[str], levels: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    codes = [rng.choice(levels, n, p=rng.dirichlet(np.full(levels, 2.0))) for _ in names]
    score = sum((i + 1) * c for i, c in enumerate(codes)) + rng.normal(size=n)
    return cells_of(list(zip(*codes, score)), names)


def value_of(parts: pd.DataFrame) -> dict[str, float]:
    return dict(zip(parts["part"], parts["value"]))


def brute_mixes(old: pd.DataFrame, new: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Shapley by going through every order, raking with plain loops; all cells must occur in both."""
    keys = sorted(set(map(tuple, old[names].to_numpy())))
    share = [{k: (f[names].apply(tuple, axis=1) == k).mean() for k in keys} for f in (old, new)]
    mean = [{k: f.loc[f[names].apply(tuple, axis=1) == k, "score"].mean() for k in keys} for f in (old, new)]
    level = {k: (mean[0][k] + mean[1][k]) / 2 for k in keys}

    def rake(columns: tuple[int, ...]) -> dict[tuple[object, ...], float]:
        table = dict(share[0])
        for _ in range(500):
            for c in columns:
                for at in {k[c] for k in keys}:
                    have, want = (sum(t[k] for k in keys if k[c] == at) for t in (table, share[1]))
                    table = {k: v * want / have if k[c] == at else v for k, v in table.items()}
        return table

    worth = lambda columns: sum(rake(tuple(sorted(columns)))[k] * level[k] for k in keys)  # noqa: E731
    orders = list(permutations(range(len(names))))
    mixes = {name: 0.0 for name in names}
    for order in orders:
        for place, column in enumerate(order):
            mixes[names[column]] += (worth(order[:place + 1]) - worth(order[:place])) / len(orders)
    return mixes


def test_one_column_by_hand() -> None:
    # before: a 3/4 of mean 1, b 1/4 of mean 5 = 2; after: a 1/4 of mean 2, b 3/4 of mean 5 = 4.25
    # mix = (1/4 - 3/4)(1 + 2)/2 + (3/4 - 1/4)(5 + 5)/2 = 1.75; within = (3/4 + 1/4)/2 (2 - 1) = 0.5
    old = cells_of([("a", 1), ("a", 1), ("a", 1), ("b", 5)], ["task"])
    new = cells_of([("a", 2), ("b", 5), ("b", 5), ("b", 5)], ["task"])
    found = value_of(parts_of(old, new, by=["task"], draws=10))
    assert found == pytest.approx({"mix of task": 1.75, WITHIN: 0.5, APART: 0.0})


def test_cells_of_one_period_alone_are_a_part_of_their_own() -> None:
    # before: a, a, b scores 1, 1, 4 = mean 2; after: a, c scores 1, 5 = mean 3; on a alone nothing changed
    old, new = cells_of([("a", 1), ("a", 1), ("b", 4)], ["task"]), cells_of([("a", 1), ("c", 5)], ["task"])
    parts = parts_of(old, new, by=["task"], draws=10)
    assert value_of(parts) == pytest.approx({"mix of task": 0.0, WITHIN: 0.0, APART: 1.0})
    assert parts["share"].iloc[-1] == pytest.approx(2 / 5)


def test_nothing_in_common_is_all_not_comparable() -> None:
    parts = parts_of(cells_of([("a", 1)], ["task"]), cells_of([("b", 3)], ["task"]), by=["task"], draws=10)
    assert value_of(parts) == pytest.approx({"mix of task": 0.0, WITHIN: 0.0, APART: 2.0})


def test_mixes_equal_a_brute_force_over_all_orders() -> None:
    names = ["task", "system"]
    old, new = drawn_cells(1, 400, names), drawn_cells(2, 300, names)
    found = value_of(parts_of(old, new, by=names, draws=10))
    for name, value in brute_mixes(old, new, names).items():
        assert found[f"mix of {name}"] == pytest.approx(value, abs=RAKED)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 60), columns=st.integers(1, 3))
def test_parts_sum_to_the_change_whatever_the_columns(seed: int, n: int, columns: int) -> None:
    names = ["task", "system", "rater"][:columns]
    old, new = drawn_cells(seed, n, names), drawn_cells(seed + 1, n + 3, names)
    parts = parts_of(old, new, by=names, draws=2)
    assert parts["value"].sum() == pytest.approx(new["score"].mean() - old["score"].mean(), abs=SUMS)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_columns_changes_no_part(seed: int) -> None:
    old, new = drawn_cells(seed, 80, ["task", "system", "rater"]), drawn_cells(seed + 1, 90, ["task", "system", "rater"])
    one = value_of(parts_of(old, new, by=["task", "system", "rater"], draws=2))
    other = value_of(parts_of(old, new, by=["rater", "task", "system"], draws=2))
    assert other == pytest.approx(one, abs=RAKED)


def test_swapping_the_periods_turns_the_signs_with_one_column() -> None:
    old, new = drawn_cells(5, 90, ["task"]), drawn_cells(6, 70, ["task"])
    there, back = (value_of(parts_of(a, b, by=["task"], draws=2)) for a, b in ((old, new), (new, old)))
    assert {k: -v for k, v in back.items()} == pytest.approx(there)


def test_a_pure_mix_shift_is_all_mix_and_its_interval_covers_nothing_else() -> None:
    rng = np.random.default_rng(8)
    old, new = (cells_of([(t, t + rng.normal()) for t in rng.choice(3, 900, p=p)], ["task"])
                for p in ((0.6, 0.2, 0.2), (0.2, 0.2, 0.6)))
    parts = parts_of(old, new, by=["task"], draws=200).set_index("part")
    assert parts.loc["mix of task", "low"] > 0.5 and parts.loc[WITHIN, "low"] < 0 < parts.loc[WITHIN, "high"]


def test_intervals_cover_the_planted_change_about_as_often_as_claimed() -> None:
    rng, covered = np.random.default_rng(9), 0
    for draw in range(40):
        old, new = (cells_of([(t, t + more + rng.normal()) for t in rng.choice(2, 80)], ["task"]) for more in (0.0, 0.3))
        row = parts_of(old, new, by=["task"], draws=80, seed=draw).set_index("part").loc[WITHIN]
        covered += row["low"] <= 0.3 <= row["high"]
    assert covered >= 33   # 95 % of 40 is 38; at most 32 would have probability below 0.1 %


def test_ratings_are_taken_from_two_selections() -> None:
    frame = pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "score": [1, 2, 3, 5], "task_type": list("xyxy"),
                          "batch": ["1", "1", "2", "2"], "rubric_version": ["1", "1", "2", "2"]})
    ratings = wb.read(frame)
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["task_type", "batch"], draws=20)
    assert parts["part"].tolist() == ["mix of task_type", "mix of batch", TOGETHER, INSEPARABLE, APART]
    assert value_of(parts)[APART] == pytest.approx(2.5)       # batch tells the periods apart: nothing is common


def test_a_period_without_ratings_and_labels_without_a_mean_are_said() -> None:
    ratings = wb.read(pd.DataFrame({"item_id": list("ab"), "rater_id": "ann", "label": ["yes", "no"], "batch": ["1", "2"]}))
    one, two = ratings.where(batch="1"), ratings.where(batch="2")
    assert wb.drift.decompose(one, two, by=["task_type"])["note"].tolist() == ["nominal levels have no mean"]
    parts = wb.drift.decompose(one, ratings.where(batch="9"), by=["task_type"])
    assert parts["note"].tolist() == ["no ratings after"] and parts["value"].isna().all()


def test_too_many_or_no_columns_are_refused() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    with pytest.raises(ParameterError, match="name 1 to 5 different columns"):
        wb.drift.decompose(ratings, ratings, by=[])
    with pytest.raises(ParameterError, match="column 'tsk' is not in"):
        wb.drift.decompose(ratings, ratings, by=["tsk"])


# Raters by their severities, the rubric from its bridge set, reversals

def rated(rows: list[tuple[object, ...]]) -> wb.Ratings:
    """Ratings from item, rater, task, version, period, score."""
    return wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "task_type", "rubric_version", "batch", "score"]))


def test_the_rater_mix_goes_by_severities_and_not_by_what_raters_rated() -> None:
    # bob is 1 above ann on the items both rate (a, b: 1/2, 2/3; c, d: 4/5, 5/6), so the severities are -0.5 and +0.5.
    # before: ann and bob half each (4 of 8); after: bob rates e, f too: ann 4, bob 6 of 10: mix = 0.6 x 0.5 - 0.4 x 0.5 - 0 = 0.1
    rows = [(i, r, "t", "1", p, s + (r == "bob")) for p in "12" for i, s in zip([k + p for k in "abcd"], [1, 2, 4, 5]) for r in ("ann", "bob")]
    rows += [("e", "bob", "t", "1", "2", 9.0), ("f", "bob", "t", "1", "2", 9.0)]
    ratings = rated(rows)
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["rater_id"], draws=20)
    assert parts["part"].tolist() == ["mix of rater_id", WITHIN, APART]
    assert value_of(parts)["mix of rater_id"] == pytest.approx(0.1)
    # 3.5 before; after (3.5 x 8 + 18) / 10 = 4.6: within is the rest
    assert value_of(parts)[WITHIN] == pytest.approx(1.1 - 0.1)


def test_severities_under_other_weights_are_those_of_a_weighted_fit_to_first_order() -> None:
    rng = np.random.default_rng(12)
    frame = pd.DataFrame([(f"i{i}", f"r{r}", "1", rng.normal() + r / 3) for i in range(60) for r in rng.choice(5, 3, replace=False)],
                         columns=["item_id", "rater_id", "rubric_version", "score"])
    item = frame["item_id"].factorize()[0]
    effect = rater_effect(frame, item, 60)
    weight = rng.multinomial(60, np.full(60, 1 / 60)).astype(float)
    rater = frame["rater_id"].factorize()[0]
    design = np.zeros((len(frame), 65))
    design[np.arange(len(frame)), rater] = 1
    design[np.arange(len(frame)), 5 + item] = 1
    root = np.sqrt(weight[item])[:, None]
    exact = np.linalg.lstsq(design * root, frame["score"].to_numpy() * root[:, 0], rcond=None)[0][:5]
    exact, found = exact - exact.mean(), effect.drawn(weight[None])[0]
    assert found - found.mean() == pytest.approx(exact, abs=0.12)     # the SD of a draw about the value is 0.17, second order 0.03
    assert np.corrcoef(found - effect.value, exact - (effect.value - effect.value.mean()))[0, 1] > 0.9


def test_raters_who_share_no_item_with_the_rest_are_not_comparable() -> None:
    rows = [(f"{p}{i}", r, "t", "1", p, 1.0 + i) for p in "12" for i in range(4) for r in ("ann", "bob")]
    rows += [(f"lone{p}{i}", "guest", "t", "1", p, 5.0) for p in "12" for i in range(2)]
    ratings = rated(rows)
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["rater_id"], draws=20).set_index("part")
    assert parts.loc[APART, "share"] == pytest.approx(4 / 20)
    assert "20% of ratings are by raters who share no item with the rest" in parts.loc["mix of rater_id", "note"]


def two_versions(n_bridge: int) -> wb.Ratings:
    """Before under version 1, after under version 2, which adds 1 to each score, and 0.5 that is no rubric's; bridge items apart."""
    rng = np.random.default_rng(13)
    rows = [(f"{p}{i}", "ann", "t", v, p, round(3 + more + rng.normal(0, 0.3), 3)) for p, v, more in (("1", "1", 0), ("2", "2", 1.5))
            for i in range(60)]
    rows += [(f"b{i}", "ann", "t", v, "9", round(2.0 + i / 7 + (v == "2"), 3)) for i in range(n_bridge) for v in "12"]
    return rated(rows)


def test_a_bridge_set_tells_the_rubric_from_what_changed_within() -> None:
    ratings = two_versions(12)
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["task_type"], draws=50).set_index("part")
    assert parts.index.tolist() == ["mix of task_type", "rubric version", WITHIN, APART]
    assert parts.loc["rubric version", "value"] == pytest.approx(1.0) and parts.loc[WITHIN, "value"] == pytest.approx(0.5, abs=0.2)
    assert "bridge set of 12 items" in parts.loc["rubric version", "note"]


@pytest.mark.parametrize(("n", "said"), [(0, "no bridge set"), (4, "a bridge set of 4 items, fewer than 10")])
def test_without_a_bridge_set_the_rubric_is_inseparable(n: int, said: str) -> None:
    ratings = two_versions(n)
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["task_type"], draws=20).set_index("part")
    assert INSEPARABLE in parts.index and said in parts.loc[INSEPARABLE, "note"]


def test_three_versions_are_inseparable() -> None:
    rows = [(f"{p}{i}", "ann", "t", v, p, 1.0 + i % 3) for p, v in (("1", "1"), ("2", "2"), ("2", "3")) for i in range(5)]
    ratings = rated([(f"{v}{i}", *rest) for i, *rest, v in [(*r, r[3]) for r in rows]])
    parts = wb.drift.decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["task_type"], draws=20).set_index("part")
    assert "3 rubric versions: compare two at a time" in parts.loc[INSEPARABLE, "note"]


def test_a_simpson_reversal_is_pointed_out() -> None:
    # the mean rises, for the task with high scores has become frequent, while scores within both tasks fall
    rng = np.random.default_rng(14)
    old, new = (cells_of([(t, 4.0 * t - fall + rng.normal(0, 0.2)) for t in rng.choice(2, 300, p=p)], ["task"])
                for p, fall in (((0.8, 0.2), 0.0), ((0.2, 0.8), 0.5)))
    note = parts_of(old, new, by=["task"], draws=100).set_index("part").loc[WITHIN, "note"]
    assert note.startswith("Simpson's reversal: the mean rose by ") and note.endswith("while scores within cells fell")
    assert "Simpson" not in "".join(parts_of(old, old, by=["task"], draws=20)["note"])


def test_parts_sum_with_raters_and_versions_too() -> None:
    ratings = two_versions(12)
    old, new = (read_cells(ratings.where(batch=b), ["task_type", "rater_id"]) for b in "12")
    parts = parts_of(old, new, by=["task_type", "rater_id"], draws=5)
    assert parts["value"].sum() == pytest.approx(new["score"].mean() - old["score"].mean(), abs=SUMS)
