"""A rubric altered in thought, and merges as coarse drawn at random."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ParameterError
from workbench.rubric.altered import Altered, altered, as_coarse, drawn_partitions, partitions, unaltered, ways, weighed

CLOSE = 1e-12
DRAWN = 6_000
UNEVEN = 0.2          # of six partitions drawn 6000 times each share is within 3 % of 1/6 in all but 1 of 10^4 sets


def panel(levels, scale="ordinal", values=None):
    """What of a group's patterns a change is read against."""
    return SimpleNamespace(levels=tuple(levels), values=np.array(values if values is not None else range(1, len(levels) + 1), dtype=float),
                           scale=scale)


FIVE, NAMES = {"quality": panel("12345")}, {"kind": panel("ABC", "nominal")}


def change(panels=FIVE, **asked):
    """The altered criterion."""
    return altered(panels, **({"merge": None, "drop": None, "values": None} | asked))[next(iter(panels))]


def test_levels_not_named_stay_and_a_merged_one_is_worth_the_mean():
    one = change(merge={"quality": [["1", "2"], ["4", 5]]})
    assert one.groups == ((0, 1), (2,), (3, 4)) and one.numbers.tolist() == [1.5, 3.0, 4.5]
    assert one.matrix(5).tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert one.places().tolist() == [0, 0, 0.5, 1, 1]


def test_levels_beside_a_dropped_one_are_neighbours():
    one = change(merge={"quality": [["2", "4"]]}, drop={"quality": ["3"]})
    assert one.groups == ((0,), (1, 3), (4,)) and one.kept == (0, 1, 3, 4)


def test_values_move_the_places():
    assert change(values={"quality": {"5": 9, "4": 5}}).places().tolist() == [0, 1 / 8, 2 / 8, 4 / 8, 1]


def test_names_may_be_merged_in_any_way():
    assert change(NAMES, merge={"kind": [["C", "A"]]}).groups == ((0, 2), (1,))


@pytest.mark.parametrize(("asked", "words"), [
    ({"merge": {"quality": [["1", "3"]]}}, r"the levels are in order, and '2' lies between. Merge all of \['1', '2', '3'\], or neighbours"),
    ({"merge": {"quality": [["1", "9"]]}}, "'quality' has no level '9'. Its levels are '1', '2', '3', '4', '5'"),
    ({"merge": {"quality": [["1", "2"], ["2", "3"]]}}, "names 2 twice, or also in drop"),
    ({"merge": {"quality": [["1", "2"]]}, "drop": {"quality": ["2"]}}, "names 2 twice, or also in drop"),
    ({"merge": {"style": [["1", "2"]]}}, "criterion in merge='style' is not known. Use one of: 'quality'"),
    ({"merge": {"quality": ["12"]}}, "does not say which levels of which criterion"),
    ({"merge": [["1", "2"]]}, "does not say which levels of which criterion"),
    ({"drop": {"quality": "3"}}, "does not say which levels"),
    ({"drop": {"quality": list("12345")}}, "no level of 'quality' is left"),
    ({"values": {"quality": {"2": 8}}}, "are in order, but '2' would be worth 8 and '3' 3"),
    ({"values": {"quality": {"2": float("nan")}}}, "Use a finite number"),
    ({"values": {"quality": {7: 1}}}, "has no level 7"),
])
def test_what_is_not_in_the_rubric_is_refused_by_name(asked, words):
    with pytest.raises(ParameterError, match=words):
        change(**asked)


def test_scores_without_levels_cannot_be_merged():
    with pytest.raises(ParameterError, match="'quality' has scores without levels"):
        change({"quality": panel("", "interval")}, merge={"quality": [["1", "2"]]})


def test_criteria_weigh_1_unless_named_and_one_is_left():
    assert weighed({"a": 0}, ["a", "b"]) == {"a": 0.0, "b": 1.0}
    for weights, words in (({"c": 1}, "'c' is not known"), ({"a": -1}, "Use a number from 0 up"), ({"a": 0, "b": 0}, "none is left"),
                           (["a"], "Write weights=")):
        with pytest.raises(ParameterError, match=words):
            weighed(weights, ["a", "b"])


def test_all_other_runs_are_as_coarse_where_levels_are_in_order():
    one = change(merge={"quality": [["1", "2"], ["3", "4"]]})
    others = as_coarse(one, True, 50, 0)
    assert len(others) == 5 and one not in others          # 4 choose 2 ways to cut five levels into three, less this one
    assert all(len(other.groups) == 3 and other.kept == one.kept for other in others)


def test_what_merges_nothing_has_no_rivals():
    assert as_coarse(unaltered(FIVE["quality"]), True, 50, 0) == []
    assert as_coarse(change(merge={"quality": [list("12345")]}), True, 50, 0) == []


def test_many_rivals_are_drawn_and_as_coarse():
    one = Altered(((0, 1, 2), *((i,) for i in range(3, 12))), tuple(map(float, range(12))))
    for ordered in (True, False):
        others = as_coarse(one, ordered, 20, 3)
        assert 15 <= len(others) <= 20 and all(len(other.groups) == 10 and other.kept == one.kept for other in others)
        assert others == as_coarse(one, ordered, 20, 3)


@given(st.integers(0, 7), st.integers(0, 7))
def test_partitions_are_all_and_each_once(k, m):
    found = [frozenset(map(frozenset, groups)) for groups in partitions(k, m)]
    assert len(found) == len(set(found)) == ways(k, m)
    assert all(len(groups) == m and sorted(level for group in groups for level in group) == list(range(k)) for groups in found)


def test_drawn_partitions_are_equally_likely():
    # four levels in three groups: six ways, one for each pair
    found = Counter(frozenset(map(frozenset, groups)) for groups in drawn_partitions(4, 3, DRAWN, 1))
    assert len(found) == 6 and max(found.values()) < (1 + UNEVEN) * DRAWN / 6
