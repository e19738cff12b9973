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
    groups = {found.key["criterion"]: found for found in votes(wb.read(frame()), by=["criterion"], truth=("gold", "adjudicator"))}
    assert groups["help"].gold_level.tolist() == [1, -1] and groups["help"].gold_score[0] == 2 and np.isnan(groups["help"].gold_score[1])
    assert groups["safe"].levels == ("1", "3") and groups["safe"].gold_level.tolist() == [0]
    assert all((found.gold_level == -1).all() for found in votes(wb.read(frame()), by=["criterion"]))


def test_gold_outlives_a_choice_of_raters_and_of_the_periods_begin():
    narrowed = wb.read(frame()).where(criterion="help", rater_kind="human", party="v", rater_id=["x", "y"])
    found = votes(narrowed.between("2026-11-02", "2026-12-01"), truth=("gold", "adjudicator"))[0]
    assert found.raters.tolist() == ["x"] and found.gold_level.tolist() == [1]


def test_gold_later_than_the_period_is_not_yet_known():
    later = frame().assign(rated_at=lambda f: f["rated_at"].where(f["rater_kind"] != "gold", "2026-12-24"))
    assert (votes(wb.read(later).where(criterion="help").until("2026-11"), truth=("gold", "adjudicator"))[0].gold_level == -1).all()


def told(*rows, truth=("gold", "adjudicator"), **columns):
    """What is told of each of three items that two raters rated: (level's name, by whom)."""
    panel = [(f"i{k}", who, "y", "human", 0, "planned", None) for k in range(3) for who in ("ann", "bob")]
    names = ["item_id", "rater_id", "label", "rater_kind", "layer", "selection", "queue"]
    more = [row + ("review", "contested")[len(row) - 5:] for row in rows]
    frame = pd.concat([pd.DataFrame(panel, columns=names), pd.DataFrame(more, columns=names)], ignore_index=True)
    found = votes(wb.read(frame.assign(**columns)), truth=truth)[0]
    return [(None if k < 0 else found.levels[k], who) for k, who in zip(found.gold_level, found.told_by)]


def test_gold_goes_before_adjudicators_and_of_these_the_highest_layer():
    judge = [(f"i{k}", "judge", "n", "adjudicator", 1) for k in range(3)]
    gold, chief = ("i0", "key", "y", "gold", 0), ("i1", "chief", "y", "adjudicator", 2)
    assert told(*judge, gold, chief) == [("y", "gold"), ("y", "review"), ("n", "review")]
    assert told(*judge, gold, chief, truth=["adjudicator"]) == [("n", "review"), ("y", "review"), ("n", "review")]
    assert told(*judge, gold, chief, truth=["gold"]) == [("y", "gold"), (None, ""), (None, "")]
    assert told(*judge, gold, chief, truth=[]) == [(None, "")] * 3


def test_those_of_one_rank_who_differ_say_nothing():
    one, other = ("i0", "judge", "n", "adjudicator", 1), ("i0", "chief", "y", "adjudicator", 1)
    assert told(one, other)[0] == (None, "") and told(one, ("i0", "chief", "n", "adjudicator", 1))[0] == ("n", "review")
    # gold that contradicts itself is no reason to believe an adjudicator, who knew of it or should have
    assert told(one, ("i0", "key", "y", "gold", 0), ("i0", "key2", "n", "gold", 0))[0] == (None, "")


def test_an_audit_is_told_by_its_queue_or_its_selection_and_ends_where_a_choice_joins_in():
    audit = ("i0", "judge", "n", "adjudicator", 1, "review", "audit")
    assert told(audit, ("i1", "judge", "n", "adjudicator", 1, "audit", None), ("i2", "judge", "n", "adjudicator", 1, "review", None)) == \
        [("n", "audit"), ("n", "audit"), ("n", "review")]
    assert told(audit, ("i0", "chief", "n", "adjudicator", 1))[0] == ("n", "review")


def test_an_adjudicator_who_is_also_a_rater_is_heard_as_both():
    assert told(("i0", "ann", "n", "adjudicator", 1))[0] == ("n", "review")


def test_decisions_that_were_replaced_or_taken_back_say_nothing():
    rows = [("i0", "judge", "n", "adjudicator", 1), ("i0", "judge", "y", "adjudicator", 1), ("i1", "judge", "n", "adjudicator", 1),
            ("i1", "judge", None, "adjudicator", 1)]
    ids = {"rating_id": [f"k{k}" for k in range(10)], "replaces": [None] * 7 + ["k6", None, "k8"]}
    assert told(*rows, **ids) == [("y", "review"), (None, ""), (None, "")]


def test_steps_versions_and_groups_without_a_name_keep_their_gold():
    rows = [(f"t{i}", who, 1 + (i + step) % 3, step, "v2" if i else "v1", None if i else "code", "gold" if who == "gold" else "human")
            for i in range(2) for step in range(3) for who in ("x", "y", "gold")]
    columns = ["item_id", "rater_id", "score", "step", "rubric_version", "task_type", "rater_kind"]
    ratings = wb.read(pd.DataFrame(rows, columns=columns))
    for by in (["step"], ["rubric_version", "task_type"]):
        found = votes(ratings, by=by, truth=("gold", "adjudicator"))
        assert all((group.gold_level[group.item] == group.level).all() for group in found), by
    assert [group.key["task_type"] for group in found] == ["code", None]


def test_ids_may_be_numbers_and_too_many_ratings_are_refused():
    rows = pd.DataFrame({"item_id": [2, 2, 10, 10], "rater_id": [7, 8, 7, 8], "score": [1, 2, 2, 2]})
    found = votes(wb.read(rows))[0]
    assert found.units["item_id"].tolist() == [2, 10] and found.raters.tolist() == [7, 8]
    with pytest.raises(wb.RatingsError, match="this needs 4 ratings in memory, more than 3"):
        votes(wb.read(rows), max_cells=3)


def test_ratings_chosen_in_view_of_others_are_counted_where_they_are_let_in():
    rows = [("i1", "x", 1, "planned"), ("i1", "y", 2, "planned"), ("i1", "z", 2, "routed"),
            ("i2", "x", 1, "audit"), ("i2", "y", 1, "review")]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "selection"]))
    assert votes(ratings)[0].chosen is None
    assert votes(ratings.where(selection=["planned", "audit", "routed"]))[0].chosen.tolist() == [1, 0]
    assert votes(ratings.where(selection=["planned", "audit", "routed", "review"]), by=["selection"])[0].chosen.sum() == 0
    assert [group.chosen.sum() for group in votes(ratings.where(selection=["routed", "review"]), by=["selection"])] == [1, 1]
