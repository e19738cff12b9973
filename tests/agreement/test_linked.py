"""Connected sets, their weakest links and the ratings that mend them: by hand, against loops over sets, and carried out again."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import workbench as wb
from workbench.agreement import linked
from workbench.agreement.linked import assignments, connectivity, filled, group_of, overlap
from workbench.agreement.spanning import common_units, connected_sets, cut_off, hubs, spanning_links, units_across
from workbench.check.design import check_overlap
from workbench.errors import ParameterError, RatingsError


def rows(**judged: str) -> pd.DataFrame:
    """One letter an item: rows(ann="abc", bob="cd")."""
    return pd.DataFrame([(item, rater, 1 + k % 2) for rater, items in judged.items() for k, item in enumerate(items)],
                        columns=["item_id", "rater_id", "score"])


def by_rater(ratings: wb.Ratings, **arguments: object) -> dict[str, dict[str, object]]:
    return connectivity(ratings, **arguments).set_index("rater_id").to_dict("index")


# ann and bob share a and b, bob and cem share c: two camps if c goes. dan and eve share only x.
PANEL = {"ann": "abf", "bob": "abc", "cem": "cde", "dan": "xy", "eve": "x"}


def test_sets_links_and_those_who_hold_others_by_hand() -> None:
    found = by_rater(wb.read(rows(**PANEL)))
    assert {r: row["set"] for r, row in found.items()} == {"ann": 1, "bob": 1, "cem": 1, "dan": 2, "eve": 2}
    ann, bob, dan = found["ann"], found["bob"], found["dan"]
    assert (ann["n_sets"], ann["n_members"], ann["n_items"], ann["n_shared"], ann["n_partners"]) == (2, 3, 3, 2, 1)
    assert (bob["n_partners"], bob["n_shared"]) == (2, 3)
    # without bob, ann and cem share nothing: one of them is cut off; without any other nobody is
    assert {r: row["n_cut"] for r, row in found.items()} == {"ann": 0, "bob": 1, "cem": 0, "dan": 0, "eve": 0}
    assert {(r["n_across"], r["n_link"], r["link_a"], r["link_b"]) for r in (ann, bob)} == {(1, 1, "bob", "cem")}
    assert (dan["n_across"], dan["link_a"], dan["link_b"]) == (1, "dan", "eve")


def test_a_link_of_two_can_be_thin_where_many_items_join_their_sides() -> None:
    # a ring: every two neighbours share one item; cutting it in two always cuts two items
    found = by_rater(wb.read(rows(ann="ab", bob="bc", cem="cd", dan="da")))
    assert {(r["n_link"], r["n_across"], r["n_cut"]) for r in found.values()} == {(1, 2, 0)}


def test_a_rater_alone_is_a_set_without_a_link_and_the_note_says_so() -> None:
    found = by_rater(wb.read(rows(ann="ab", bob="ab", cem="z")))
    assert found["cem"]["set"] == 2 and found["cem"]["n_shared"] == 0 and found["cem"]["n_partners"] == 0
    assert all(pd.isna(found["cem"][c]) for c in ("n_across", "n_link", "link_a", "link_b"))
    assert found["cem"]["note"] == "shares no item with another rater" and found["ann"]["note"] == ""


def test_one_rater_only_is_one_set_and_nothing_is_assigned() -> None:
    ratings = wb.read(rows(ann="ab"))
    assert connectivity(ratings)[["set", "n_sets", "n_partners"]].values.tolist() == [[1, 1, 0]]
    assert assignments(ratings).empty


def test_overlap_counts_common_items_of_each_two_and_own_items_of_each() -> None:
    found = overlap(wb.read(rows(**PANEL)))
    held = {(r.rater_a, r.rater_b): (r.set, r.n_items, r.n_a, r.n_b) for r in found.itertuples()}
    assert held == {("ann", "ann"): (1, 3, 3, 3), ("ann", "bob"): (1, 2, 3, 3), ("bob", "bob"): (1, 3, 3, 3), ("bob", "cem"): (1, 1, 3, 3),
                    ("cem", "cem"): (1, 3, 3, 3), ("dan", "dan"): (2, 2, 2, 2), ("dan", "eve"): (2, 1, 2, 1), ("eve", "eve"): (2, 1, 1, 1)}


def brute(judged: list[set[int]]) -> tuple[list[frozenset[int]], dict[frozenset[int], int], list[int]]:
    """Connected sets; the least over two-part splits of the items that cross; who cuts how many off: by trying all."""
    def parts(members: set[int]) -> list[set[int]]:
        left, found = set(members), []
        while left:
            grown = {left.pop()}
            while more := {j for j in left if any(judged[j] & judged[i] for i in grown)}:
                grown |= more
                left -= more
            found.append(grown)
        return found

    sets = [frozenset(p) for p in parts(set(range(len(judged))))]
    least = {}
    for whole in sets:
        splits = [set(side) for k in range(1, len(whole)) for side in combinations(sorted(whole), k)]
        crossing = [len(set().union(*(judged[i] for i in s)) & set().union(*(judged[i] for i in whole - s))) for s in splits]
        least[whole] = min(crossing, default=0)
    cut = []
    for i in range(len(judged)):
        home = next(s for s in sets if i in s)
        cut.append(len(home) - 1 - max(map(len, parts(set(home) - {i})), default=0))
    return sets, least, cut


def incidence(judged: list[set[int]]) -> csr_array:
    pairs = [(i, u) for i, units in enumerate(judged) for u in units]
    codes = {u: k for k, u in enumerate(sorted({u for _, u in pairs}))}
    return csr_array((np.ones(len(pairs), dtype=np.int64), ([i for i, _ in pairs], [codes[u] for _, u in pairs])),
                     shape=(len(judged), len(codes)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 11), min_size=1, max_size=5), min_size=1, max_size=8))
def test_sets_crossings_and_cuts_are_those_found_by_trying_every_split(judged: list[set[int]]) -> None:
    rated = incidence(judged)
    shared = common_units(rated)
    label = connected_sets(shared)
    sets, least, cut = brute(judged)
    assert {frozenset(np.flatnonzero(label == k)) for k in range(label.max() + 1)} == set(sets)
    assert sorted(map(len, sets), reverse=True) == np.bincount(label).tolist()
    assert cut_off(shared, label).tolist() == cut
    a, b, n = spanning_links(shared)
    assert n.tolist() == [len(judged[i] & judged[j]) for i, j in zip(a, b)] and len(a) == len(judged) - len(sets)
    across = units_across(rated, a, b, hubs(shared, label))
    for k, (i, j) in enumerate(zip(a, b)):
        side = {i}
        while more := {y for x, y in [*zip(a, b), *zip(b, a)] if x in side and y not in side and {x, y} != {i, j}}:
            side |= more
        others = set(np.flatnonzero(label == label[i])) - side
        assert across[k] == len(set().union(*(judged[x] for x in side)) & set().union(*(judged[x] for x in others)))
        assert across[k] >= least[next(s for s in sets if i in s)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 20), min_size=1, max_size=8), min_size=2, max_size=8), st.integers(1, 4))
def test_what_is_assigned_mends_every_link_of_the_tree(judged: list[set[int]], links: int) -> None:
    frame = pd.DataFrame([(u, f"i{u:02d}", k, None) for k, units in enumerate(judged) for u in units],
                         columns=["unit", "item_id", "rater_id", "last"])
    counts = pd.DataFrame({"rater_id": range(len(judged)), "n_ratings": 1})
    group = group_of({}, frame, counts, between="rater_id", name="frame")
    asked = pd.DataFrame(filled(group, ["item_id"], links), columns=["rater_id", "item_id", "partner", "link"])
    asked_items = asked[asked["item_id"].notna()].assign(unit=lambda t: [int(i[1:]) for i in t["item_id"]])
    pairs = list(zip(asked_items["rater_id"], asked_items["unit"]))
    assert len(set(pairs)) == len(pairs) and not any(u in judged[r] for r, u in pairs)
    assert all(u in judged[p] for p, u in zip(asked_items["partner"], asked_items["unit"]))
    after = [units | {u for r, u in pairs if r == k} for k, units in enumerate(judged)]
    tops, (a, b, _) = hubs(group.overlap, group.label), spanning_links(group.overlap)
    a, b = np.append(a, np.full(len(tops) - 1, tops[0])), np.append(b, tops[1:])
    across = units_across(incidence(after), a, b, tops[:1])
    unfilled = {frozenset(pair) for pair in asked.loc[asked["item_id"].isna(), ["rater_id", "partner"]].values.tolist()}
    assert all(n >= links or {int(i), int(j)} in unfilled for i, j, n in zip(a, b, across))


def test_the_largest_set_hands_items_that_several_rated_lately_to_the_best_rater_of_the_other() -> None:
    frame = rows(ann="abc", bob="abc", cem="c", dan="xyz", eve="x")
    frame["rated_at"] = pd.to_datetime("2026-11-02", utc=True) + pd.to_timedelta(frame["item_id"].map("cbaxyz".index), unit="D")
    found = assignments(wb.read(frame[frame["item_id"] != "z"]), links=2)
    first = found[found["link"] == 1]
    # a is the latest (day 2), then b; c has most raters but is the oldest; dan has rated more than eve
    assert first[["rater_id", "item_id", "partner", "n_across"]].values.tolist() == [["dan", "a", "ann", 0], ["dan", "b", "ann", 0]]
    assert set(first["note"]) == {"sets 1 and 2 share no item"}
    assert found.loc[found["link"] == 2, "note"].eq("1 item joins their sides").all()


def test_an_item_on_a_criterion_the_rater_judges_comes_first() -> None:
    frame = pd.DataFrame([("p", "ann", "style", 1), ("q", "ann", "facts", 1), ("p", "bob", "style", 1), ("q", "bob", "facts", 1),
                          ("z", "cem", "facts", 1)], columns=["item_id", "rater_id", "criterion", "score"])
    found = assignments(wb.read(frame), links=1)
    assert found[["rater_id", "item_id", "criterion"]].values.tolist() == [["cem", "q", "facts"]]


def test_a_link_that_the_items_cannot_fill_says_how_many_are_lacking() -> None:
    found = assignments(wb.read(rows(ann="a", bob="z")), links=5)
    assert found["item_id"].isna().tolist() == [False, False, True]
    assert found["note"].iloc[-1] == "sets 1 and 2 share no item; 3 more that neither side has judged are needed"


def test_a_well_linked_panel_needs_nothing_though_no_two_share_much() -> None:
    # 12 raters in 66 pairs, one common item a pair: every rater shares 11 items with the rest
    frame = pd.DataFrame([(f"{i}-{j}", f"r{k:02d}", 1) for i, j in combinations(range(12), 2) for k in (i, j)],
                         columns=["item_id", "rater_id", "score"])
    ratings = wb.read(frame)
    assert assignments(ratings, links=10).empty
    assert connectivity(ratings)["n_link"].eq(1).all() and connectivity(ratings)["n_across"].eq(11).all()


def test_units_are_within_a_criterion_but_criteria_share_whole_items() -> None:
    frame = pd.DataFrame([("a", "ann", "style", 1.0, None), ("a", "bob", "facts", None, "yes"), ("b", "bob", "facts", None, "no"),
                          ("c", "cem", "tone", 2.5, None)], columns=["item_id", "rater_id", "criterion", "score", "label"])
    ratings = wb.read(frame)   # three scales: no coefficient could pool them
    assert connectivity(ratings)["n_sets"].tolist() == [3, 3, 3]
    found = connectivity(ratings, between="criterion").set_index("criterion")
    assert found["set"].to_dict() == {"facts": 1, "style": 1, "tone": 2}
    assert overlap(ratings, between="criterion")[["criterion_a", "criterion_b", "n_items"]].values.tolist() == [
        ["facts", "facts", 2], ["facts", "style", 1], ["style", "style", 1], ["tone", "tone", 1]]
    asked = assignments(ratings, between="criterion", links=1)
    assert asked[["criterion", "item_id", "partner"]].values.tolist() == [["tone", "a", "facts"]]
    assert "rubric" not in asked


def test_steps_are_units_and_a_whole_trajectory_is_another() -> None:
    frame = pd.DataFrame([("t", "ann", 1, 0), ("t", "bob", 1, 1), ("t", "cem", 1, None), ("t", "dan", 2, 0)],
                         columns=["item_id", "rater_id", "score", "step"]).astype({"step": "Int64"})
    found = by_rater(wb.read(frame))
    assert found["ann"]["set"] == found["dan"]["set"] and len({found[r]["set"] for r in ("ann", "bob", "cem")}) == 3


def test_parties_and_versions_are_members_too_and_ratings_without_one_are_counted() -> None:
    frame = rows(ann="ab", bob="bc", cem="cd", dan="de").assign(
        party=["lab", "lab", "vendor", "vendor", None, None, "vendor", "vendor"], rubric_version=["1", "2"] * 4)
    found = connectivity(wb.read(frame), between="party").set_index("party")
    assert found["n_link"].tolist() == [1, 1] and found["note"].unique().tolist() == ["2 ratings without party left out"]
    assert found["n_ratings"].to_dict() == {"lab": 2, "vendor": 4}
    # a and b, b and c, c and d, d and e, one under each version: b, c, d were rated under both
    assert overlap(wb.read(frame), between="rubric_version").set_index(["rubric_version_a", "rubric_version_b"])["n_items"].to_dict() == {
        ("1", "1"): 4, ("1", "2"): 3, ("2", "2"): 4}


def test_groups_are_judged_apart_a_missing_level_is_one_and_an_unusable_one_has_no_row() -> None:
    frame = rows(ann="ab", bob="bc", cem="cd").assign(task_type=["x", None, None, "x", "y", "y"])
    frame.loc[frame["task_type"] == "y", "score"] = np.nan
    found = connectivity(wb.read(frame), by=["task_type"])
    assert [None if pd.isna(t) else t for t in found["task_type"]] == ["x", "x", None, None]
    assert found["n_sets"].tolist() == [2, 2, 1, 1] and set(found["rater_id"]) == {"ann", "bob"}
    asked = assignments(wb.read(frame), by=["task_type"], links=1)
    assert asked[["task_type", "rater_id", "item_id"]].values.tolist() == [["x", "bob", "a"]]


def test_only_the_panel_links_and_what_it_leaves_out_is_counted() -> None:
    frame = rows(ann="ab", bob="bc", judge="abc").assign(rater_kind=["human"] * 4 + ["model"] * 3)
    frame = pd.concat([frame, frame.head(1), frame.head(1).assign(score=np.nan)])
    found = by_rater(wb.read(frame))
    assert set(found) == {"ann", "bob"} and found["ann"]["n_items"] == 2
    assert (found["ann"]["n_ratings"], found["ann"]["n_dropped"]) == (3, 1)   # a repeat is a rating, a row without a value is not


def test_ids_may_be_whole_numbers() -> None:
    frame = pd.DataFrame({"item_id": [1, 1, 2, 3], "rater_id": [10, 9, 9, 7], "score": [1, 2, 1, 1]})
    found = connectivity(wb.read(frame))
    assert found["set"].tolist() == [1, 1, 2] and len(assignments(wb.read(frame), links=1)) == 1


def test_no_usable_rating_gives_tables_without_rows() -> None:
    frame = rows(ann="ab", bob="ab").assign(rater_kind="model")
    ratings = wb.read(frame)
    assert [len(f(ratings)) for f in (connectivity, overlap, assignments)] == [0, 0, 0]
    assert list(connectivity(ratings).columns)[:2] == ["rater_id", "set"]


def test_sets_are_those_of_the_check_of_overlap() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"item_id": rng.integers(0, 60, 90).astype(str), "rater_id": rng.integers(0, 40, 90).astype(str),
                          "score": rng.integers(1, 4, 90)})
    ratings = wb.read(frame)
    found = connectivity(ratings).groupby("set")["rater_id"].size()
    assert found.tolist() == check_overlap(ratings).table["n_raters"].tolist() and len(found) > 3


@pytest.mark.parametrize("function", [connectivity, overlap, assignments])
@pytest.mark.parametrize(("arguments", "words"), [
    ({"between": None}, "between=None is not the name of one column|column None is not in"),
    ({"between": ["party"]}, r"between=\['party'\] is not the name of one column|column \['party'\] is not in"),
    ({"between": "vendor"}, "column 'vendor' is not in frame"), ({"by": ["nobody"]}, "column 'nobody' is not in frame"),
    ({"between": "item_id"}, "between='item_id': each column once, and not item_id"),
    ({"by": ["party"], "between": "party"}, "each column once"), ({"between": "set"}, "'set' of frame is named as a result is")])
def test_columns_that_cannot_group_are_refused_by_name(function, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        function(wb.read(rows(ann="ab", bob="ab").assign(set=1)), **arguments)


@pytest.mark.parametrize("links", [0, -1, 2.5])
def test_a_number_of_links_is_whole_and_at_least_one(links: object) -> None:
    with pytest.raises(ParameterError, match=f"links={links!r}: how many common items a link is to have"):
        assignments(wb.read(rows(ann="a", bob="b")), links=links)


def test_items_with_very_many_members_are_refused_before_their_pairs_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "PAIRS_LIMIT", 7)
    with pytest.raises(RatingsError, match="items judged by very many make 8 pairs, more than 7. Narrow the ratings"):
        connectivity(wb.read(rows(ann="ab", bob="ab")))


def test_more_ratings_than_memory_is_given_are_refused() -> None:
    from workbench.reduce.membership import memberships

    with pytest.raises(RatingsError, match="frame: this needs up to 4 rows in memory, more than 3. Narrow them"):
        memberships(wb.read(rows(ann="ab", bob="ab")), max_rows=3)


def test_faults_of_the_values_are_raised_before_anything_is_counted() -> None:
    with pytest.raises(RatingsError, match="value of 'rater_id' is blank"):
        connectivity(wb.read(rows(ann="ab", bob="ab").assign(rater_id=["ann", None, "bob", "bob"])))


def test_cost_grows_with_the_ratings_not_with_pairs_of_items() -> None:
    # items by items would be 4 * 10^10 cells
    n = 200_000
    frame = pd.DataFrame({"item_id": np.repeat(np.arange(n), 2), "rater_id": np.random.default_rng(0).integers(0, 50, 2 * n), "score": 1})
    found = connectivity(wb.read(frame.drop_duplicates(["item_id", "rater_id"])))
    assert found["n_sets"].eq(1).all() and len(found) == 50
