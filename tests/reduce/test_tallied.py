"""Pairs tallied in memory; that whole reductions equal the engine's is tested in `test_held`."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.reduce import pair_tables, tallied
from workbench.reduce.held import held
from workbench.reduce.packing import patterns
from workbench.reduce.select import select


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_pairs_are_tallied_within_units_as_a_loop_does(rows: list[tuple[int, int]]) -> None:
    unit, point = np.array(rows).T
    wanted = Counter(tuple(sorted((b, y))) for (a, b), (x, y) in combinations(rows, 2) if a == x)
    found = tallied.tally_pairs(unit, point, 4)
    assert {(int(a), int(b)): int(found[a, b]) for a, b in zip(*np.nonzero(found))} == wanted


def test_what_has_no_room_is_left_to_the_engine() -> None:
    n = 1 << 12
    one = wb.read(pd.DataFrame({"item_id": ["a"] * n, "rater_id": np.arange(n), "score": np.arange(n) % 2}))
    assert tallied.packed_patterns(held(one), select(one), 12) is None and tallied.packed_patterns(held(one), select(one), 13) is not None
    assert patterns(one)[0].counts.tolist() == [[n / 2, n / 2]]
    few = wb.read(pd.DataFrame({"item_id": np.arange(n) // 2, "rater_id": np.arange(n), "score": np.arange(n) % 2}))
    assert tallied.paired_ratings(held(few), select(few)) is None and len(pair_tables(few)) == n / 2
