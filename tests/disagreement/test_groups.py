"""Items grouped by the sides their raters take, and the table of groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import drawn, matrix

import workbench as wb
from workbench.disagreement import groups
from workbench.disagreement.sides import over_represented
from workbench.errors import ParameterError

SIDES = ["item_id", "criterion", "rubric", "rubric_version", "topic", "name", "cluster"]
RIGHT = 0.8           # share of items of the planted group that must come back in it: noise hides the sides on some


def sided(seed, *, n_items=300, n_raters=10, share=0.3, size=1.4, columns=True):
    """Ratings 0-4 by all raters; on a share of the items (of kind "odd") raters r0 to r4 rate higher and r5 to r9 lower by `size`."""
    rng = np.random.default_rng(seed)
    odd, side = rng.random(n_items) < share, np.where(np.arange(n_raters) < n_raters / 2, size, -size)
    latent = rng.normal(size=(n_items, 1)) + rng.normal(0, 0.5, n_raters) + 0.7 * rng.normal(size=(n_items, n_raters)) + odd[:, None] * side
    score = np.digitize(latent, [-1.5, -0.5, 0.5, 1.5])
    rows = [(f"i{i:03d}", f"r{r}", int(score[i, r]), "odd" if odd[i] else "even") for i in range(n_items) for r in range(n_raters)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "task_type"])
    return frame if columns else frame.drop(columns="task_type")


def test_items_on_which_raters_take_sides_are_a_group_named_by_raters_and_slice():
    frame = sided(1)
    ratings = wb.read(frame)
    table, terms = wb.disagreement.clusters(ratings), wb.disagreement.cluster_terms(ratings)
    assert terms["on"].tolist() == ["raters"] and terms["status"].tolist() == ["found"]
    row = terms.iloc[0]
    high, low, slice_ = row["name"].split("; ")
    assert high.endswith(" high") and set(high[:-5].split(", ")) <= {f"r{k}" for k in range(5)}
    assert low.endswith(" low") and set(low[:-4].split(", ")) <= {f"r{k}" for k in range(5, 10)}
    assert slice_.startswith("task_type is odd (")
    assert row["stability"] > 0.8 and row["low"] > 0 and row["size"] == (table["cluster"] == 0).sum()
    assert set(row["examples"].split("; ")) <= set(table.loc[table["cluster"] == 0, "item_id"])
    odd = table["item_id"].map(frame.drop_duplicates("item_id").set_index("item_id")["task_type"]) == "odd"
    assert ((table["cluster"] == 0) & odd).sum() >= RIGHT * max(odd.sum(), (table["cluster"] == 0).sum())


def test_without_sides_every_item_is_in_no_group_and_the_table_says_so():
    ratings = wb.read(sided(2, size=0.0))
    assert set(wb.disagreement.clusters(ratings)["cluster"]) == {-1}
    terms = wb.disagreement.cluster_terms(ratings)
    assert terms["note"].str.startswith("no group: ").tolist() == [True]
    assert terms["p"].item() > 0.01


def test_both_kinds_of_groups_have_the_same_columns():
    ratings = wb.read(drawn(0, n_items=60, texts=True))
    for on in ("text", "raters"):
        assert list(wb.disagreement.clusters(ratings, on=on).columns) == SIDES
    first, second = (wb.disagreement.cluster_terms(ratings, on=on) for on in ("text", "raters"))
    assert list(first.columns) == list(second.columns)
    assert set(first["on"]) == {"text"} and set(second["on"]) == {"raters"}


def test_words_name_a_group_where_items_have_text():
    frame = sided(1, share=0.2, columns=False)
    texts = frame["item_id"].map(sided(1, share=0.2).drop_duplicates("item_id").set_index("item_id")["task_type"])
    ratings = wb.read(frame.assign(text=texts.map({"odd": "irony and satire", "even": "plain news"}) + " " + frame["item_id"]))
    row = wb.disagreement.cluster_terms(ratings, on="raters").iloc[0]
    assert row["name"].endswith("words and, irony, satire") and "; i" in row["examples"]


@pytest.mark.parametrize(("rows", "reason"), [
    ([[1, 2, 3]], "no item was rated twice"), ([[1], [2]], "fewer than"), ([[1, None], [None, 2]], "no item was rated twice"),
    ([[2, 2, 2], [2, 2, 2], [2, 2, 2]], "cannot tell")])
def test_one_rater_one_item_no_overlap_and_all_equal_have_no_groups_and_the_reason(rows, reason):
    ratings = matrix(rows)
    terms = wb.disagreement.cluster_terms(ratings)
    assert set(wb.disagreement.clusters(ratings)["cluster"]) <= {-1}
    assert terms["cluster"].tolist() == [-1] and terms["value"].isna().all()
    assert terms["note"].item()


def test_too_few_ratings_an_item_show_no_sides():
    terms = wb.disagreement.cluster_terms(wb.read(drawn(3, k=2)))
    assert terms["note"].item() == "cannot tell: patterns need 20 items with 3 ratings or more by raters with 10 or more, found 0"


def test_an_unknown_kind_of_group_is_refused():
    with pytest.raises(ParameterError, match="on"):
        wb.disagreement.clusters(wb.read(drawn(4)), on="tone")


def test_a_text_column_that_is_not_there_is_refused():
    with pytest.raises(ParameterError, match="text='body': expected a column of the ratings or of the items table"):
        wb.disagreement.cluster_terms(wb.read(drawn(5, texts=True)), text="body")


def test_over_representation_is_that_of_drawing_without_replacement():
    inside, has = np.arange(20) < 5, np.arange(20) % 4 == 0         # 5 of 20 drawn, 5 of 20 have it, 2 of the drawn
    z, lift = over_represented(inside, has)
    # expected 5/4; variance 5 * 1/4 * 3/4 * (1 - 5/20) = 45/64
    assert z == pytest.approx((2 - 5 / 4) / (45 / 64) ** 0.5)
    assert lift == pytest.approx((2 / 5) / (1 / 4))
    assert over_represented(inside, np.ones(20, bool)) == (0.0, 1.0)


def test_items_without_text_are_grouped_by_raters_once_however_that_is_asked(monkeypatch):
    asked, found = [], groups.sought_sides
    monkeypatch.setattr(groups, "sought_sides", lambda *all_of: asked.append(1) or found(*all_of))
    ratings = wb.read(sided(4, n_items=60))
    left, right = (wb.disagreement.cluster_terms(ratings, on=on) for on in (None, "raters"))
    pd.testing.assert_frame_equal(left, right)
    assert len(asked) == 1
