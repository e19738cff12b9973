from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.reduce import verdicts


def test_verdicts_are_counted_by_pair_order_and_rater():
    rows = [("i0", "x", "a", "b", "a", "A"), ("i0", "x", "a", "b", "b", "A"), ("i1", "x", "b", "a", "b", "tie"),
            ("i2", "x", "a", "b", "A", "B"), ("i3", "x", "a", "b", "a", "B"), ("i0", "y", "a", "b", "b", "maybe")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "system", "system_b", "shown_first", "label"])
    x, y = verdicts(wb.read(frame))
    # a before b is forward. i0: 1 forward, 0 backward; i1: b is shown first, .5 backward; i2, i3: a is shown first, b preferred
    got = sorted(zip(np.nan_to_num(x.forward, nan=9), np.nan_to_num(x.backward, nan=9), x.n))
    assert x.key == {"rater_id": "x"} and got == [(0, 9, 2), (1, 0, 1), (9, 0.5, 1)] and x.n_dropped == 0
    assert y.key == {"rater_id": "y"} and len(y.n) == 0 and y.n_dropped == 1


def test_repeats_in_one_order_leave_the_last_and_routed_ratings_stay_out():
    rows = [("i0", "x", "A", "A", "planned"), ("i0", "x", "A", "B", "planned"), ("i1", "x", "A", "A", "routed")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "shown_first", "label", "selection"])
    (x,) = verdicts(wb.read(frame))
    assert x.forward.tolist() == [0] and x.n.tolist() == [1] and x.n_dropped == 2


def test_verdicts_by_rater_are_those_of_the_rater():
    rows = [(f"i{i}", rater, "A", label) for rater, labels in (("x", "AAB"), ("y", "BBB")) for i, label in enumerate(labels)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "shown_first", "label"]))
    for one, other in zip(verdicts(ratings), verdicts(ratings, by=["rater_id"]), strict=True):
        assert one.key == other.key and one.forward.tolist() == other.forward.tolist() and one.n.tolist() == other.n.tolist()
