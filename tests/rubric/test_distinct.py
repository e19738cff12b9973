"""The levels that raters tell apart least."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb

PANEL = pd.DataFrame({"ann": [1, 1, 2, 2, 3, 3, 4, 4], "bob": [1, 1, 2, 3, 3, 2, 4, 1]})


def test_the_pair_with_the_least_distinguishability_is_named() -> None:
    # pairs of one item, both ways: o22 = 2, o33 = 2, o23 = 2; o11 = 4, o44 = 2, o14 = 1. Neighbours only: 1 - 2 * 2 / (2 * 2) = 0 is least
    assert wb.rubric.confused(wb.from_matrix(PANEL, scale="ordinal")) == {"overall": [["2", "3"]]}


def test_names_need_not_be_neighbours() -> None:
    panel = pd.DataFrame({"ann": list("aabbcc") * 3, "bob": list("acbbca") * 3})
    assert wb.rubric.confused(wb.from_matrix(panel, scale="nominal")) == {"overall": [["a", "c"]]}


def test_a_third_rater_weighs_as_a_pair_does() -> None:
    # Three raters of an item make 6 ordered pairs of weight 1/2: as many as ratings
    panel = pd.DataFrame({"ann": [1, 2, 3, 1], "bob": [1, 2, 3, 2], "cem": [1, 3, 3, np.nan]})
    # o12 = 1, o11 = 3, o22 = 1 (one pair of three, both ways, halved): 1/3; o23 = 1 of o22 = 1, o33 = 3: 1/3. The first of equals
    assert wb.rubric.confused(wb.from_matrix(panel, scale="ordinal")) == {"overall": [["1", "2"]]}


@pytest.mark.parametrize("panel", [
    pd.DataFrame({"ann": [1, 2, 3], "bob": [1, 2, 3]}),          # nobody confuses any
    pd.DataFrame({"ann": [1, 2, 3]}),                            # nobody to compare with
    pd.DataFrame({"ann": [0, 1, 0, 1], "bob": [1, 1, 0, 0]}),    # two levels: nothing would be left
])
def test_without_a_pair_to_merge_the_criterion_is_left_out(panel: pd.DataFrame) -> None:
    assert wb.rubric.confused(wb.from_matrix(panel, scale="ordinal")) == {}


def test_what_it_gives_is_what_what_if_takes() -> None:
    ratings = wb.from_matrix(PANEL, scale="ordinal")
    table = wb.rubric.what_if(ratings, merge=wb.rubric.confused(ratings)).set_index("name")
    assert table.loc["percent_agreement", ["before", "after"]].tolist() == [5 / 8, 7 / 8]
