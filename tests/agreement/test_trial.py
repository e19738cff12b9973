from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement.trial import trials_of


@pytest.fixture(scope="module")
def trial():
    rows = [("i0", "ann", "human", 1, "p"), ("i0", "bob", "human", 3, "p"), ("i0", "bot", "model", 2, "p"),
            ("i1", "ann", "human", 4, "p"), ("i2", "bot", "model", 4, None), ("i3", "cem", "expert", 2, None),
            ("i3", "gold", "gold", 1, None), ("i3", "bot", "model", 2, None)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "rater_kind", "score", "prompt_id"])
    ((_, (found,)),) = trials_of(wb.read(frame), by=(), cluster="prompt_id")
    return found


def test_a_trial_holds_the_humans_and_one_model_item_by_item(trial):
    assert trial.names.tolist() == ["ann", "bob", "cem"] and trial.n_humans.tolist() == [2, 1, 0, 1] and trial.n_raters == 4
    np.testing.assert_array_equal(trial.model_score, [2, np.nan, 4, 2])
    np.testing.assert_array_equal(trial.model_level, [1, -1, 3, 1])
    np.testing.assert_array_equal(trial.mean(trial.score), [2, 4, np.nan, 2])
    assert trial.n_ratings == 7 and trial.n_dropped == 0


def test_items_of_a_cluster_share_a_code_and_items_without_one_stand_alone(trial):
    assert trial.cluster[0] == trial.cluster[1] and len(set(trial.cluster)) == 3


def test_a_part_of_the_items_keeps_its_ratings(trial):
    part = trial.on(np.array([False, True, True, True]))
    assert part.item.tolist() == [0, 2] and part.score.tolist() == [4, 2] and part.n_ratings == 4 and part.n_raters == 3
    assert part.without_model().n_ratings == 2 and part.without_humans().n_ratings == 2 and part.without_humans().n_raters == 1
