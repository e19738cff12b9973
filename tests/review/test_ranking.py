"""Queues: the contested head is that of `disagreement.items`, audits are drawn by lot, filters choose units and change no figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.instrument import Criterion, Rubric, Scale
from workbench.review.ranking import KEY, contested, keys_of, lots, queue

ROUNDING = 1e-12        # the same sums in another order
SCALES = {"kind": Scale("nominal", tuple("xyz"), (0.0, 1.0, 2.0)), "help": Scale("ordinal", tuple("12345"), (1.0, 2.0, 3.0, 4.0, 5.0)),
          "slider": Scale("interval", (), (), 0.0, 10.0)}


def drawn(seed: int, *, n: int = 60, raters: int = 7, steps: bool = False) -> wb.Ratings:
    """Ratings of three criteria on different scales by raters of different severity; some items rated once, some rated twice by one."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(n):
        for who in rng.choice(raters, size=rng.integers(1, 5), replace=True):
            score = float(np.clip(rng.integers(1, 6) + who % 3 - 1, 1, 5))
            rows += [(f"i{item}", f"r{who}", "help", score, None), (f"i{item}", f"r{who}", "kind", None, "xyz"[int(rng.integers(3))]),
                     (f"i{item}", f"r{who}", "slider", float(np.round(rng.uniform(0, 10), 3)), None)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score", "label"])
    frame["rubric_version"] = np.where(frame["item_id"].str[-1].isin(list("123")), "2", "1")
    if steps:
        frame["step"] = rng.integers(0, 2, len(frame))
    ratings = wb.read(frame)
    rubrics = {("default", v): Rubric("default", v, {name: Criterion(scale) for name, scale in SCALES.items()}) for v in "12"}
    from dataclasses import replace

    return wb.Ratings(replace(ratings.source, rubrics=rubrics, memory={}))


@pytest.mark.parametrize("seed,steps", [(0, False), (1, False), (2, True)])
def test_a_contested_queue_has_the_figures_and_the_order_of_items(seed: int, steps: bool) -> None:
    ratings = drawn(seed, steps=steps)
    ranked, oracle = contested(ratings, 0), wb.disagreement.items(ratings)
    assert len(ranked) == len(oracle) > 50
    assert np.allclose(ranked["excess"], oracle["excess"], atol=ROUNDING, rtol=0)
    oracle = oracle.assign(**keys_of(oracle))
    both = ranked.merge(oracle, on=list(KEY), suffixes=("", "_items"), validate="one_to_one")
    assert len(both) == len(ranked)
    for column in ("value", "expected", "excess", "n_ratings"):
        assert np.allclose(both[column].astype(float), both[f"{column}_items"].astype(float), atol=ROUNDING, rtol=0), column


def test_units_of_equal_excess_come_by_lot_and_not_by_name() -> None:
    ratings = wb.from_matrix(pd.DataFrame({"a": [1] * 40, "b": [2] * 40}, index=[f"i{k:02d}" for k in range(40)]))
    first, again, other = (contested(ratings, seed)["item_id"].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first != sorted(first) and sorted(first) == sorted(other)


def test_an_audit_is_a_random_order_that_others_do_not_change() -> None:
    ratings = drawn(3)
    whole = queue(ratings, kind="audit", limit=10_000)
    assert len(whole) == 180 and whole["excess"].isna().all()                       # 60 items of 3 criteria, those rated once too
    part = queue(ratings.where(criterion=["help", "kind"]), kind="audit", limit=10_000)
    kept = whole[whole["criterion"] != "slider"]
    assert part[["item_id", "criterion"]].values.tolist() == kept[["item_id", "criterion"]].values.tolist()
    assert queue(ratings, kind="audit", seed=1, limit=10)["item_id"].tolist() != whole["item_id"].head(10).tolist()


def test_lots_are_uniform_and_those_of_one_item_are_independent() -> None:
    frame = keys_of(pd.DataFrame({"item_id": [f"i{k // 2}" for k in range(20_000)], "criterion": ["x", "y"] * 10_000, "rubric": "r",
                                  "rubric_version": "1"}))
    share = lots(frame, 7) / 2.0**64
    assert abs(share.mean() - 0.5) < 4 / np.sqrt(12 * 20_000)                       # four standard errors
    assert abs(np.corrcoef(share[::2], share[1::2])[0, 1]) < 4 / np.sqrt(10_000)
    assert abs(np.corrcoef(share, lots(frame, 7, purpose="second") / 2.0**64)[0, 1]) < 4 / np.sqrt(20_000)


def test_filters_choose_units_by_any_rating_and_leave_their_figures() -> None:
    ratings = drawn(4)
    whole = contested(ratings, 0)
    chosen = queue(ratings, where={"rater_id": "r3", "criterion": "help"}, limit=1_000)
    raw = ratings.to_pandas(limit=None)
    touched = set(raw[(raw["rater_id"] == "r3") & (raw["criterion"] == "help")]["item_id"])
    wanted = whole[whole["item_id"].isin(touched) & (whole["criterion"] == "help")]
    assert 0 < len(wanted) < len(whole)
    pd.testing.assert_frame_equal(chosen, wanted.reset_index(drop=True))


def test_a_search_looks_into_ids_and_texts_of_items(folder: object) -> None:
    ratings = wb.read(folder)
    assert set(queue(ratings, kind="audit", search="DOG sat")["item_id"]) == {"pair"}
    assert set(queue(ratings, kind="audit", search="a3")["item_id"]) == {"a3"}
    assert queue(ratings, search="no such words").empty


def test_a_function_is_a_kind() -> None:
    ratings = drawn(5)
    found = queue(ratings, kind=lambda ratings, seed: pd.DataFrame({"item_id": ["i7", "i2"], "criterion": "help"}))
    assert found[["item_id", "criterion", "rubric_version"]].values.tolist() == [["i7", "help", "1"], ["i2", "help", "1"]]
    with pytest.raises(ParameterError, match="the function gave columns nothing, expected a frame of ranked units with a column item_id"):
        queue(ratings, kind=lambda ratings, seed: pd.DataFrame({"nothing": [1]}))


def test_adjudicated_units_are_left_out() -> None:
    frame = pd.DataFrame({"item_id": ["a", "a", "a", "b", "b"], "rater_id": ["x", "y", "judge", "x", "y"], "score": [1, 3, 2, 1, 3],
                          "rater_kind": ["human", "human", "adjudicator", "human", "human"]})
    assert queue(wb.read(frame))["item_id"].tolist() == ["b"]


def test_what_is_not_known_is_said() -> None:
    ratings = drawn(6)
    with pytest.raises(ParameterError, match="kind='newest' is not known. Use one of: 'contested', 'audit'"):
        queue(ratings, kind="newest")
    with pytest.raises(ParameterError, match="limit=0: give a whole number"):
        queue(ratings, limit=0)
    with pytest.raises(ParameterError, match="column 'colour' is not in frame"):
        queue(ratings, where={"colour": "red"})


def test_ratings_without_a_unit_rated_twice_make_an_empty_queue() -> None:
    ratings = wb.read(pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["x", "x"], "score": [1, 2]}))
    assert queue(ratings).empty
    assert len(queue(ratings, kind="audit")) == 2


def test_what_later_rows_replace_is_not_ranked() -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"item_id": [f"i{k % 20}" for k in range(80)], "rater_id": [f"r{k // 20}" for k in range(80)],
                          "score": rng.integers(1, 6, 80).astype(float), "rating_id": [f"k{k}" for k in range(80)]})
    edits = frame.iloc[:12].assign(score=rng.integers(1, 6, 12).astype(float), rating_id=[f"e{k}" for k in range(12)],
                                   replaces=frame["rating_id"].iloc[:12])
    undone = frame.iloc[20:25].assign(score=np.nan, rating_id=[f"u{k}" for k in range(5)], replaces=frame["rating_id"].iloc[20:25])
    ratings = wb.read(pd.concat([frame, edits, undone], ignore_index=True))
    found, oracle = queue(ratings, limit=100), wb.disagreement.items(ratings)
    assert found["n_ratings"].sum() == 75
    both = found.merge(oracle, on="item_id", suffixes=("", "_items"))
    assert len(both) == len(found) == 20 and np.allclose(both["excess"], both["excess_items"], atol=ROUNDING, rtol=0)
