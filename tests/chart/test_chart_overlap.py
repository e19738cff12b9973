from __future__ import annotations

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def shared(*rows: tuple[str, str, int, int], noun: str = "rater") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[f"{noun}_a", f"{noun}_b", "set", "n_items"])


TWO_SETS = shared(("a", "a", 2, 5), ("b", "b", 1, 9), ("b", "c", 1, 3), ("c", "c", 1, 40), ("d", "d", 1, 9), ("c", "d", 1, 200))


def said(made: object) -> str:
    return " / ".join(made.to_dict(validate=False)["title"]["subtitle"])


def test_members_are_sorted_by_set_then_by_their_own_items(views, mark) -> None:
    for cell in mark(views(chart.overlap_matrix(TWO_SETS)), "rect"):
        assert [cell["encoding"][axis]["scale"]["domain"] for axis in "xy"] == [["c", "b", "d", "a"]] * 2


def test_pairs_stand_on_both_sides_and_own_items_on_the_diagonal_alone() -> None:
    data = chart.overlap_matrix(TWO_SETS).to_dict(validate=False)["datasets"].values()
    cells = [sorted((row["a"], row["b"], row["n"]) for row in rows) for rows in data]
    assert [("b", "c", 3), ("c", "b", 3), ("c", "d", 200), ("d", "c", 200)] in cells
    assert [("a", "a", 5), ("b", "b", 9), ("c", "c", 40), ("d", "d", 9)] in cells


def test_the_shade_is_logarithmic_from_one_item_to_the_most_and_one_item_is_no_paper(views, mark) -> None:
    scale = mark(views(chart.overlap_matrix(TWO_SETS)), "rect")[0]["encoding"]["color"]["scale"]
    assert scale["type"] == "log" and scale["domain"] == [1, 200]
    # lightness of the shades as grey: one item lies clearly below white, the most clearly below that
    one, most = (sum(w * int(c[k:k + 2], 16) for w, k in zip((0.299, 0.587, 0.114), (1, 3, 5))) for c in scale["range"])
    assert 255 - one > 30 and one - most > 120


def test_a_line_divides_the_sets_and_none_stands_where_all_are_connected(views, mark) -> None:
    lines = mark(views(chart.overlap_matrix(TWO_SETS)), "rule")
    assert [(axis, line["encoding"][axis]["bandPosition"]) for line in lines for axis in line["encoding"]] == [("x", 0), ("y", 0)]
    assert not mark(views(chart.overlap_matrix(TWO_SETS[TWO_SETS["set"] == 1])), "rule")


def test_the_subtitle_counts_sets_pairs_and_items() -> None:
    assert said(chart.overlap_matrix(TWO_SETS)) == (
        "4 raters in 2 connected sets of 3, 1 · 2 of 6 pairs share items (others blank) · from 3 to 200 items, median 102 / "
        "Outlined: own items · a line divides the sets")
    assert said(chart.overlap_matrix(TWO_SETS[TWO_SETS["set"] == 1])).startswith("All 3 raters are connected · 2 of 3 pairs")


def test_counts_stand_in_the_cells_of_up_to_fifteen_members(views, mark) -> None:
    def of(n: int) -> pd.DataFrame:
        return shared(*[(f"r{i:02d}", f"r{j:02d}", 1, 1 + i + j) for i in range(n) for j in range(i, n)])

    assert [view["encoding"]["text"]["field"] for view in mark(views(chart.overlap_matrix(of(15))), "text")] == ["n", "n"]
    assert not mark(views(chart.overlap_matrix(of(16))), "text")


def test_parties_and_criteria_are_called_so(views, mark) -> None:
    made = chart.overlap_matrix(shared(("lab", "lab", 1, 5), ("lab", "vendor", 1, 2), ("vendor", "vendor", 1, 3), noun="party"))
    assert made.to_dict(validate=False)["title"]["text"] == "Which parties share items?" and "All 2 parties" in said(made)
    assert mark(views(made), "rect")[0]["encoding"]["x"]["axis"]["title"] == "Party"


def test_one_member_alone_is_drawn_and_no_member_says_so(texts) -> None:
    assert said(chart.overlap_matrix(shared(("a", "a", 1, 5)))).startswith("Only one · 0 of 0 pairs")
    assert any("no rows" in text for text in texts(chart.overlap_matrix(shared())))


def test_a_table_that_cannot_be_drawn_names_the_cure() -> None:
    with pytest.raises(ParameterError, match="the table lacks 'rater_a', 'rater_b'"):
        chart.overlap_matrix(pd.DataFrame({"set": [1], "n_items": [1]}))
    with pytest.raises(ParameterError, match="expected one row for each rater_a, rater_b, found 6 more"):
        chart.overlap_matrix(pd.concat([TWO_SETS.assign(criterion="x"), TWO_SETS.assign(criterion="y")]))
    with pytest.raises(ParameterError, match="draws up to 40 raters, found 41. Select the pairs of some"):
        chart.overlap_matrix(shared(*[(f"r{i:02d}", f"r{i:02d}", i + 1, 1) for i in range(41)]))
