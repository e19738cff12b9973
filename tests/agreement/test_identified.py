"""The one in-memory panel: who gave which rating, by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement import identified as module
from workbench.agreement.identified import Identified, clusters, identified
from workbench.agreement.two_way import Panel

ROWS = [("i2", 7, 3.0, "p", "x"), ("i1", 7, 1.0, "p", "x"), ("i1", 3, 2.0, "p", "x"), ("i3", 10, 3.0, None, "x"),
        ("i4", 3, 1.0, None, None), ("i4", 7, 2.0, None, None), ("i1", 10, 2.0, "p", "x")]
FRAME = pd.DataFrame(ROWS, columns=["item_id", "rater_id", "score", "prompt_id", "task_type"])


def test_ratings_stand_by_item_and_within_it_by_rater_whatever_the_order_of_the_rows():
    for order in (FRAME, FRAME.iloc[::-1], FRAME.sample(frac=1, random_state=3)):
        panel = identified(wb.read(order))[()]
        assert panel.item.tolist() == [0, 0, 0, 1, 2, 3, 3] and panel.names.tolist() == [3, 7, 10]
        assert panel.rater.tolist() == [0, 1, 2, 1, 2, 0, 1] and panel.score.tolist() == [2, 1, 2, 3, 3, 1, 2]
        assert panel.level.tolist() == [1, 0, 1, 2, 2, 0, 1] and panel.size.tolist() == [3, 1, 1, 2]


def test_a_missing_level_of_by_is_a_group_with_codes_of_its_own():
    found = identified(wb.read(FRAME), by=["task_type"], cluster="prompt_id")
    assert set(found) == {("x",), (None,)}
    assert (found[None,].names.tolist(), found[None,].n_items) == ([3, 7], 1)
    assert Panel(wb.read(FRAME), ["task_type"]).of({"task_type": None}).score.tolist() == [1, 2]


def test_an_item_without_a_cluster_is_one_by_itself():
    cluster = identified(wb.read(FRAME), cluster="prompt_id")[()].cluster
    assert cluster[0] == cluster[1] and len(set(cluster[1:].tolist())) == 3
    assert len(set(clusters(pd.Series(["a", None, "a", np.nan])).tolist())) == 3


def test_scores_without_levels_have_the_level_minus_one():
    scores = pd.DataFrame({"item_id": np.arange(2400) // 2, "rater_id": np.arange(2400) % 2, "score": np.arange(2400) / 7})
    assert (identified(wb.read(scores))[()].level == -1).all()


def test_tables_count_items_by_level_raters_by_level_and_both_also_where_held_sparsely(monkeypatch):
    panel = identified(wb.read(FRAME))[()]
    by_item, by_rater = panel.counts(3), panel.by_rater(3)
    assert by_item.tolist() == [[1, 2, 0], [0, 0, 1], [0, 0, 1], [1, 1, 0]] and by_rater.tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    both = panel.rater_levels(3).toarray().reshape(4, 3, 3)
    assert both.sum(axis=1).tolist() == by_item.tolist() and both.sum(axis=0).tolist() == by_rater.tolist()
    monkeypatch.setattr(module, "DENSE_CELLS", 0)
    assert panel.counts(3).toarray().tolist() == by_item.tolist()


def test_a_panel_nobody_rated_is_empty():
    panel = identified(wb.read(FRAME).where(item_id="none"))[()]
    assert (panel.n_items, panel.n_raters, panel.counts(2).shape) == (0, 0, (0, 2))


@pytest.mark.parametrize("slope", [np.ones((3, 3)), np.arange(9.0).reshape(3, 3)])
def test_influences_of_ratings_on_shares_add_up_to_nothing_for_each_rater(slope):
    # A rater's shares do not move when each of his ratings counts a little more.
    panel = identified(wb.read(FRAME))[()]
    pull = module.of_ratings(panel, panel.by_rater(3), slope)
    assert np.bincount(panel.rater, pull) == pytest.approx(np.zeros(3), abs=1e-12)
    assert isinstance(panel, Identified)
