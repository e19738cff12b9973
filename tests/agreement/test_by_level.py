"""Specific agreement and category kappa, level by level."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import frame_of, from_counts, from_table, oracle, patterns_of, row_of
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.agreement.by_level import level_sums
from workbench.agreement.chance import chance_sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.errors import ParameterError

EXACT = 1e-12     # the same sums in another order
PRINTED_3 = 6e-4  # published to three digits
COUNTS = st.integers(2, 4).flatmap(lambda q: st.lists(st.lists(st.integers(0, 3), min_size=q, max_size=q), min_size=1, max_size=8))


def levels_of(group, **sampling):
    """Per level the rows of specific agreement and category kappa."""
    sampling = {"interval": "linearized"} | sampling
    return {level: tuple(row_of(sums, group, **sampling) for sums in both) for level, *both in level_sums(group)}


def test_both_worked_by_hand_on_a_panel_with_gaps():
    # Items: a a b, a b, b b, b. For a: pairs of ratings 2 + 0 of a's 2 * 2 + 1 * 1 = 5; for b: 0 + 0 + 2 of 1 * 2 + 1 + 2 = 5.
    group = patterns_of([["a", "a", "b", "b"], ["a", "b", "b", None], ["b", None, None, None]])
    found = levels_of(group)
    assert [found[level][0]["value"] for level in "ab"] == pytest.approx([2 / 5, 2 / 5], abs=EXACT)
    # With two levels each against the other is Fleiss' kappa: p_a = 4/9, share of a 7/24 (see test_chance.py).
    assert [found[level][1]["value"] for level in "ab"] == pytest.approx([-41 / 119, -41 / 119], abs=EXACT)
    counts = [tuple(found[level][0][c] for c in ("n_items", "n_ratings", "n_dropped")) for level in "ab"]
    assert counts == [(2, 5, 3), (3, 7, 1)]


def test_fleiss_own_category_kappas_and_what_they_add_up_to():
    case = oracle("fleiss_1971")
    group = from_counts(case["data"], n_raters=6)
    found = levels_of(group)
    kappas = np.array([row["value"] for _, row in found.values()])
    assert kappas == pytest.approx(case["expected"]["category_kappas_Depr_PD_Schiz_Neur_Other"], abs=PRINTED_3)
    shares = group.counts.sum(axis=0) / group.counts.sum()
    spread = shares * (1 - shares)
    assert kappas @ spread / spread.sum() == pytest.approx(case["expected"]["fleiss_kappa"], abs=1e-7)
    # Without gaps (specific agreement - share) / (1 - share) is the category kappa.
    specific_agreement = np.array([row["value"] for row, _ in found.values()])
    assert kappas == pytest.approx((specific_agreement - shares) / (1 - shares), abs=EXACT)


@pytest.mark.parametrize("name", ["balanced", "skewed"])
def test_two_raters_and_two_levels_are_positive_and_negative_agreement(name):
    (a, b), (c, d) = table = oracle(f"feinstein_cicchetti_1990_{name}")["data"]
    found = [row["value"] for row, _ in levels_of(from_table(table)).values()]
    assert found == pytest.approx([2 * a / (2 * a + b + c), 2 * d / (2 * d + b + c)], abs=EXACT)


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_any_panel_gives_what_a_loop_over_pairs_gives(counts):
    group = from_counts(counts, n_raters=9)
    if not len(group.weight):
        return
    pairs = [pair for item in counts for pair in permutations(np.repeat(np.arange(len(item)), item), 2)]
    for place, (specific_agreement, kappa) in enumerate(levels_of(group).values()):
        joined = [b == place for a, b in pairs if a == place]
        if joined:
            assert specific_agreement["value"] == pytest.approx(np.mean(joined), abs=EXACT)
            collapsed = from_counts(np.column_stack([group.counts[:, place], group.counts.sum(axis=1) - group.counts[:, place]]))
            fleiss = row_of(chance_sums(collapsed, fleiss_chance, "identity"), collapsed, interval="linearized")
            assert (kappa["value"], kappa["se"]) == pytest.approx((fleiss["value"], fleiss["se"]), abs=EXACT, nan_ok=True)
        else:
            assert np.isnan(specific_agreement["value"]) and np.isnan(kappa["value"])
            reason = "nobody gave this level" if not group.counts[:, place].any() else \
                "no item with this level has two ratings" if pairs else "no item has two ratings"
            assert specific_agreement["note"] == kappa["note"] == reason


def test_sparse_counts_merged_items_and_bare_items_say_the_same():
    counts = np.random.default_rng(4).multinomial(3, [0.5, 0.3, 0.2], 60).astype(float)
    bare = from_counts(counts)
    rows, weight = np.unique(counts, axis=0, return_counts=True)
    sparse = from_counts(counts)
    object.__setattr__(sparse, "counts", csr_matrix(counts))
    for interval in ("linearized", "none"):
        expected = levels_of(bare, interval=interval)
        for other in (from_counts(rows, weight=weight), sparse):
            for level, found in levels_of(other, interval=interval).items():
                for one, two in zip(found, expected[level]):
                    assert (one["value"], one["se"], one["n_items"]) == pytest.approx((two["value"], two["se"], two["n_items"]), abs=EXACT,
                                                                                      nan_ok=True)


def test_every_interval_finds_the_linearised_error():
    group = from_counts(np.random.default_rng(5).multinomial(3, [0.6, 0.3, 0.1], 300))
    linearized = levels_of(group)
    for interval in ("jackknife", "bootstrap", "bca"):
        for level, found in levels_of(group, interval=interval, draws=2000).items():
            for one, two in zip(linearized[level], found):
                assert two["se"] == pytest.approx(one["se"], rel=0.12)  # some 80 items show the rarest level
                assert two["value"] == pytest.approx(one["value"], abs=EXACT) and two["low"] < two["value"] < two["high"]


def test_such_raters_are_less_certain_than_these_where_raters_differ():
    generator = np.random.default_rng(7)
    truth = generator.integers(0, 2, 80)
    scores = np.column_stack([np.where(generator.random(80) < 0.05 + 0.05 * j, 1 - truth, truth) for j in range(8)])
    ratings = wb.from_matrix(pd.DataFrame(scores, columns=list("abcdefgh"), index=[f"i{i}" for i in range(80)]))
    these, such = (wb.agreement.specific(ratings, interval=interval) for interval in ("jackknife", "two-way"))
    assert (such["estimand"] == "such raters").all() and (such["value"] == these["value"]).all()
    assert (such["se"] > 1.2 * these["se"]).all()


def test_levels_stand_in_the_rubrics_order_and_one_that_nobody_gave_is_undefined(away):
    folder = away / "told"
    (folder / "rubrics").mkdir(parents=True)
    rows = [("i1", "x", "poor"), ("i1", "y", "poor"), ("i2", "x", "good"), ("i2", "y", "fine"), ("i3", "x", "great")]
    pd.DataFrame(rows, columns=["item_id", "rater_id", "label"]).to_parquet(folder / "ratings.parquet")
    names = ["poor", "fair", "fine", "good", "great"]
    listed = ", ".join(f'{{name = "{name}", value = {value}}}' for value, name in enumerate(names))
    (folder / "rubrics" / "default-1.toml").write_text(
        f'name = "default"\nversion = "1"\nin_force = 2026-01-01\n[criteria.overall]\nscale = "ordinal"\nlevels = [{listed}]\n')
    table = wb.agreement.specific(wb.read(folder))
    specific_agreement = table[table["name"] == "specific_agreement"]
    assert specific_agreement["level"].tolist() == names
    assert specific_agreement["value"].tolist() == pytest.approx([1, np.nan, 0, 0, np.nan], nan_ok=True)
    notes = dict(zip(names, specific_agreement["note"]))
    assert notes["fair"] == "nobody gave this level" and notes["great"] == "no item with this level has two ratings"
    kappa = table[table["name"] == "category_kappa"].set_index("level")
    assert kappa.loc["fair", "note"] == "nobody gave this level" and np.isnan(kappa.loc["great", "value"])


def test_one_level_only_agrees_and_has_no_kappa():
    found = levels_of(patterns_of([["a", "a"], ["a", "a"]]))["a"]
    assert found[0]["value"] == 1 and found[1]["note"] == "only one level occurs" and np.isnan(found[1]["value"])


def test_groups_clusters_and_empty_selections():
    scores = np.random.default_rng(6).integers(1, 3, (24, 3))
    rows = [(f"p{i}-{copy}", f"p{i}", f"r{j}", int(scores[i, j]), "x" if i < 12 else None)
            for i in range(24) for j in range(3) for copy in range(2)]
    frame = pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "score", "party"])
    copied, once = wb.read(frame), wb.read(frame[frame["item_id"].str.endswith("-0")])
    clustered, alone = (wb.agreement.specific(r, by=["party"], cluster=cluster, interval="linearized")
                        for r, cluster in ((copied, "prompt_id"), (once, None)))
    assert clustered["level"].tolist() == ["1", "1", "2", "2"] * 2 and clustered["party"].isna().sum() == 4
    np.testing.assert_allclose(clustered[["value", "se"]].to_numpy(), alone[["value", "se"]].to_numpy(), rtol=EXACT)
    empty = wb.agreement.specific(once.where(item_id="none"))
    assert empty["name"].tolist() == ["specific_agreement", "category_kappa"]
    assert empty["value"].isna().all() and empty["note"].str.startswith("no item has two ratings").all()


def test_an_unknown_interval_is_refused():
    with pytest.raises(ParameterError, match="interval='normal' is not known"):
        wb.agreement.specific(wb.from_matrix(frame_of([[1, 2], [1, 1]])), interval="normal")


def test_only_the_kappa_of_a_rare_level_is_widened_and_noted():
    # Of 100 items 40 are a a, 40 b b, 12 split between them, 5 c c, 3 split between a and c.
    counts = [[2, 0, 0], [0, 2, 0], [1, 1, 0], [0, 0, 2], [1, 0, 1]]
    found = levels_of(from_counts(counts, weight=[40, 40, 12, 5, 3]), interval="jackknife")
    notes = {level: [row["note"] for row in pair] for level, pair in zip("abc", found.values())}
    assert notes == {"a": ["", ""], "b": ["", ""], "c": [
        "", "3 items with a disagreement and 8 with an off-modal level, 5 of these with two ratings of one: interval widened by what "
            "one more item could change"]}
