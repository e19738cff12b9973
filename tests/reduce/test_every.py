from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.reduce import votes

COLUMNS = ["item_id", "rater_id", "score", "step", "criterion", "rater_kind", "rated_at", "party"]


def frame():
    """Two criteria; x rates i1 on help three times; gold on i1 (help, safe) and i2 (help), with two opinions on the last."""
    day = [f"2026-11-0{k}" for k in range(1, 9)]
    rows = [("i1", "x", 1, None, "help", "human", day[1], "v"), ("i1", "x", 3, None, "help", "human", day[3], "v"),
            ("i1", "x", 2, None, "help", "human", day[2], "v"), ("i1", "y", 2, None, "help", "human", day[1], "w"),
            ("i2", "y", 1, None, "help", "expert", day[1], "w"), ("i2", "bot", 3, None, "help", "model", day[1], None),
            ("i1", "y", 3, None, "safe", "human", day[1], None), ("i1", "gold", 2, None, "help", "gold", day[0], None),
            ("i1", "gold", 1, None, "safe", "gold", day[0], None), ("i2", "gold", 1, None, "help", "gold", day[0], None),
            ("i2", "gold2", 3, None, "help", "gold", day[0], None)]
    return pd.DataFrame(rows, columns=COLUMNS)


def ratings_of(found):
    """The ratings of a group as (item, rater, level's name)."""
    return [(found.units["item_id"][i], found.raters[j], found.levels[k]) for i, j, k in zip(found.item, found.rater, found.level)]


def test_a_raters_last_rating_counts_and_with_repeats_all_do():
    ratings = wb.read(frame()).where(criterion="help")
    last, every = votes(ratings)[0], votes(ratings, repeats=True)[0]
    assert ratings_of(last) == [("i1", "x", "3"), ("i1", "y", "2"), ("i2", "y", "1")]
    assert ratings_of(every) == [("i1", "x", "1"), ("i1", "x", "2"), ("i1", "x", "3"), ("i1", "y", "2"), ("i2", "y", "1")]
    # of nine ratings of help in scope: without repeats two of x, the model's and the three of gold are left out
    assert (last.n_dropped, every.n_dropped) == (6, 4)
    assert every.raters_per_item.tolist() == [2, 1] and every.items_per_rater.tolist() == [1, 2]


def test_gold_stands_beside_the_units_unless_it_contradicts_itself():
    groups = {found.key["criterion"]: found for found in votes(wb.read(frame()), by=["criterion"], gold=True)}
    assert groups["help"].gold_level.tolist() == [1, -1] and groups["help"].gold_score[0] == 2 and np.isnan(groups["help"].gold_score[1])
    assert groups["safe"].levels == ("1", "3") and groups["safe"].gold_level.tolist() == [0]
    assert all((found.gold_level == -1).all() for found in votes(wb.read(frame()), by=["criterion"]))


def test_gold_outlives_a_choice_of_raters_and_of_the_periods_begin():
    narrowed = wb.read(frame()).where(criterion="help", rater_kind="human", party="v", rater_id=["x", "y"])
    found = votes(narrowed.between("2026-11-02", "2026-12-01"), gold=True)[0]
    assert found.raters.tolist() == ["x"] and found.gold_level.tolist() == [1]


def test_gold_later_than_the_period_is_not_yet_known():
    later = frame().assign(rated_at=lambda f: f["rated_at"].where(f["rater_kind"] != "gold", "2026-12-24"))
    assert (votes(wb.read(later).where(criterion="help").until("2026-11"), gold=True)[0].gold_level == -1).all()


def test_steps_versions_and_groups_without_a_name_keep_their_gold():
    rows = [(f"t{i}", who, 1 + (i + step) % 3, step, "v2" if i else "v1", None if i else "code", "gold" if who == "gold" else "human")
            for i in range(2) for step in range(3) for who in ("x", "y", "gold")]
    columns = ["item_id", "rater_id", "score", "step", "rubric_version", "task_type", "rater_kind"]
    ratings = wb.read(pd.DataFrame(rows, columns=columns))
    for by in (["step"], ["rubric_version", "task_type"]):
        found = votes(ratings, by=by, gold=True)
        assert all((group.gold_level[group.item] == group.level).all() for group in found), by
    assert [group.key["task_type"] for group in found] == ["code", None]


def test_ids_may_be_numbers_and_too_many_ratings_are_refused():
    rows = pd.DataFrame({"item_id": [2, 2, 10, 10], "rater_id": [7, 8, 7, 8], "score": [1, 2, 2, 2]})
    found = votes(wb.read(rows))[0]
    assert found.units["item_id"].tolist() == [2, 10] and found.raters.tolist() == [7, 8]
    with pytest.raises(wb.RatingsError, match="this needs 4 ratings in memory, more than 3"):
        votes(wb.read(rows), max_cells=3)
