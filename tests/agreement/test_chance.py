"""Percent agreement, Fleiss' kappa, Gwet's AC and Brennan-Prediger: one formula, four expectations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import TABLE_ERROR, chance_by_loop, frame_of, from_counts, from_table, oracle, patterns_of, row_of
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import chance_sums, corrected
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.percent import percent_sums
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
PRINTED_3 = 5e-4    # published to three digits
PRINTED_5 = 6e-6    # published to five digits
PRINTED_7 = 6e-8    # published to seven digits

COEFFICIENTS = {
    "AC": lambda group, weights="identity": chance_sums(group, ac_chance, weights, assumed=True),
    "fleiss": lambda group, weights="identity": chance_sums(group, fleiss_chance, weights),
    "brennan_prediger": lambda group, weights="identity": chance_sums(group, uniform_chance, weights, assumed=True),
    "percent_agreement": percent_sums,
}
PUBLIC = {"AC": "gwet_ac", "fleiss": "fleiss_kappa"} | {name: name for name in ("brennan_prediger", "percent_agreement")}
EXPECTED = {  # by loop: the agreement that shares of the levels lead one to expect
    "AC": lambda shares: sum(p * (1 - p) for p in shares) / (len(shares) - 1),
    "fleiss": lambda shares: sum(p * p for p in shares),
    "brennan_prediger": lambda shares: 1 / len(shares),
    "percent_agreement": lambda shares: 0.0,
}
PANELS = st.integers(2, 4).flatmap(lambda m: st.lists(
    st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=m, max_size=m), min_size=2, max_size=8))


def found(name, group, weights="identity", **sampling):
    return row_of(COEFFICIENTS[name](group, weights), group, **{"interval": "none"} | sampling)


def columns(rows):
    return [list(row) for row in zip(*rows)]


def test_the_four_worked_by_hand_on_a_panel_with_gaps():
    # Items: a a b, a b, b b, b. Pairs that agree: 1/3, 0, 1, none. p_a = (1/3 + 0 + 1) / 3 = 4/9.
    # Share of a: (2/3 + 1/2 + 0 + 0) / 4 = 7/24. Fleiss p_e = (7/24)^2 + (17/24)^2 = 338/576 -> (256 - 338) / (576 - 338).
    # AC p_e = 2 * 7/24 * 17/24 = 238/576 -> (256 - 238) / (576 - 238) = 9/169. Brennan-Prediger p_e = 1/2 -> -1/9.
    group = patterns_of([["a", "a", "b", "b"], ["a", "b", "b", None], ["b", None, None, None]])
    values = [found(name, group)["value"] for name in ("percent_agreement", "fleiss", "AC", "brennan_prediger")]
    assert values == pytest.approx([4 / 9, -41 / 119, 9 / 169, -1 / 9], abs=EXACT)


@pytest.mark.parametrize("weights", ["unweighted", "quadratic"])
@pytest.mark.parametrize("name", COEFFICIENTS)
def test_gwets_four_raters_with_errors_and_ends(name, weights):
    case = oracle("gwet_raw4raters")
    expected = case["expected"][weights][name]
    row = found(name, patterns_of(case["data"]), weights.replace("unweighted", "identity"), interval="linearized")
    assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_5)
    assert (row["low"], row["high"]) == pytest.approx(expected["ci"], abs=PRINTED_3)


@pytest.mark.parametrize("weights", ["bipolar", "circular", "linear", "ordinal", "radical", "ratio"])
def test_gwets_four_raters_with_other_weights(weights):
    group = patterns_of(oracle("gwet_raw4raters")["data"])
    for name, expected in oracle("gwet_raw4raters_other_weights")["expected"][weights].items():
        if name in COEFFICIENTS:
            row = found(name, group, weights, interval="linearized")
            assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_3), name


def test_gwets_five_observers_with_ends():
    case = oracle("gwet_raw5observers")
    for name in ("AC", "fleiss", "brennan_prediger"):
        row, expected = found(name, patterns_of(case["data"]), interval="linearized"), case["expected"][name]
        assert (row["value"], row["se"], row["low"], row["high"]) == pytest.approx(
            (expected["coeff"], expected["se"], *expected["ci"]), abs=PRINTED_3), name


@pytest.mark.parametrize("weights", ["unweighted", "quadratic"])
def test_gwets_two_abstractors(weights):
    case = oracle("gwet_cont3x3abstractors")
    names = {"scott": "fleiss", "AC1": "AC", "AC2": "AC", "percent": "percent_agreement", "brennan_prediger": "brennan_prediger"}
    weights_name = weights.replace("unweighted", "identity")
    for published, expected in case["expected"][weights].items():
        if published in names:
            row = found(names[published], from_table(case["data"]), weights_name, interval="linearized")
            published_pair = (expected["coeff"], expected["se"])
            assert (row["value"], row["se"] * TABLE_ERROR) == pytest.approx(published_pair, abs=PRINTED_7), published


def test_klein_with_raters_that_vary():
    case = oracle("klein_2018_rvary2_missing")
    for name in ("AC", "fleiss", "brennan_prediger"):
        row = found(name, patterns_of(case["data"]), interval="linearized")
        expected = case["expected"]["irrCAC_py_unweighted_computed"][name]
        assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_5), name


def test_fleiss_original_example_and_the_encyclopedia_one():
    case = oracle("fleiss_1971")
    assert found("fleiss", from_counts(case["data"]))["value"] == pytest.approx(case["expected"]["fleiss_kappa"], abs=PRINTED_7)
    case = oracle("fleiss_wikipedia")
    assert found("fleiss", from_counts(case["data"]))["value"] == pytest.approx(case["expected"]["fleiss_kappa"], abs=PRINTED_3)


@pytest.mark.parametrize("name", ["randolph_1", "randolph_4"])
def test_randolphs_fixed_and_free_marginals(name):
    case = oracle(name)
    group = from_counts(case["data"])
    assert found("fleiss", group)["value"] == pytest.approx(case["expected"]["fleiss_fixed_marginal"], abs=1e-6)
    assert found("brennan_prediger", group)["value"] == pytest.approx(case["expected"]["randolph_free_marginal"], abs=1e-6)


@pytest.mark.parametrize("name", ["feinstein_cicchetti_1990_balanced", "feinstein_cicchetti_1990_skewed"])
def test_feinstein_and_cicchettis_paradox(name):
    case = oracle(name)
    group = from_table(case["data"])
    assert found("percent_agreement", group)["value"] == pytest.approx(case["expected"]["percent_agreement"], abs=EXACT)
    assert found("brennan_prediger", group)["value"] == pytest.approx(case["expected"]["PABAK_brennan_prediger"], abs=EXACT)


def test_fleiss_equals_statsmodels_on_complete_panels():
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    counts = np.random.default_rng(3).multinomial(5, [0.2, 0.5, 0.3], size=40)
    assert found("fleiss", from_counts(counts))["value"] == pytest.approx(inter_rater.fleiss_kappa(counts), abs=EXACT)


@pytest.mark.parametrize("name", COEFFICIENTS)
@given(rows=PANELS)
@settings(max_examples=25, deadline=None)
def test_each_is_what_a_loop_over_pairs_gives(name, rows):
    rows = columns(rows)
    occurring = {v for row in rows for v in row} - {None}
    if len(occurring) < 2 or not any(sum(row[i] is not None for row in rows) > 1 for i in range(len(rows[0]))):
        return
    value = found(name, patterns_of(rows, levels=range(1, 5)))["value"]
    assert value == pytest.approx(chance_by_loop(rows, range(1, 5), EXPECTED[name]), abs=1e-9)


@pytest.mark.parametrize("name", COEFFICIENTS)
@given(rows=PANELS, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_order_of_raters_and_items_and_the_names_of_levels_change_nothing(name, rows, seed):
    generator = np.random.default_rng(seed)
    names = dict(zip(range(1, 5), generator.permutation(list("wxyz"))))
    shuffled = [[row[j] for j in generator.permutation(len(row))] for row in (rows[i] for i in generator.permutation(len(rows)))]
    renamed = [[None if v is None else str(names[v]) for v in row] for row in shuffled]
    one, other = (found(name, patterns_of(columns(r), levels=levels), interval="linearized")
                  for r, levels in ((rows, range(1, 5)), (renamed, "wxyz")))
    assert (one["value"], one["se"]) == pytest.approx((other["value"], other["se"]), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_full_agreement_gives_1_without_an_interval(name):
    table = wb.estimates_table([found(name, patterns_of([[1, 2, 3, 3]] * 3), interval="linearized")])
    assert table["value"][0] == pytest.approx(1, abs=EXACT)
    assert np.isnan(table["low"][0]) and "no width" in table["note"][0]


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_sparse_counts_give_the_same_as_dense_ones(name):
    dense = patterns_of([[1, 4, 2, 5, 3, 1], [2, 4, 2, 4, 3, 1], [1, 5, None, 5, 1, None]])
    sparse = from_counts(dense.counts, values=dense.values)
    object.__setattr__(sparse, "counts", csr_matrix(dense.counts))
    for weights in ("identity", "linear"):
        one, other = found(name, dense, weights, interval="linearized"), found(name, sparse, weights, interval="linearized")
        assert (one["value"], one["se"]) == pytest.approx((other["value"], other["se"]), abs=EXACT)


def test_equal_items_may_be_merged():
    one = from_counts([[2, 0], [2, 0], [1, 1], [0, 1]])
    other = from_counts([[2, 0], [1, 1], [0, 1]], weight=[2, 1, 1])
    for name in COEFFICIENTS:
        a, b = found(name, one, interval="linearized"), found(name, other, interval="linearized")
        assert (a["value"], a["se"], a["n_items"]) == pytest.approx((b["value"], b["se"], b["n_items"]), abs=EXACT)


@pytest.mark.parametrize("levels", [[1], [1, 2]])
def test_one_level_only_leaves_kappa_undefined_and_ac_and_brennan_prediger_1(levels):
    rows = oracle("degenerate_single_category_full_agreement")["data"]
    group = patterns_of(rows, levels=levels)
    kappa = found("fleiss", group, interval="linearized")
    assert np.isnan(kappa["value"]) and kappa["note"] == "only one level occurs"
    for name in ("AC", "brennan_prediger"):
        row = wb.estimates_table([found(name, group, interval="linearized")]).iloc[0]
        assert row["value"] == 1 and np.isnan(row["low"])
        assert row["note"] == "only one level occurs: chance is assumed, not estimated; interval has no width"


def test_one_level_left_by_rounding_is_one_level():
    # shares of a level that sum to 1 - 1e-16 gave kappa 0 / 1e-16: a number, or none, as the items happened to be named
    for room in (0.0, 2e-16, -2e-16):
        totals = np.array([3.0, 3, 3, 1 - room, 2])
        with np.errstate(invalid="ignore", divide="ignore"):
            assert np.isnan(corrected(lambda shares: np.array(1 - room), hold=False)(totals))
    assert corrected(lambda shares: np.array(1 - 1e-9), hold=False)(np.array([3.0, 3, 3, 3])) == pytest.approx(1, abs=1e-6)


def test_a_matrix_of_ones_own_meets_a_selection_without_ratings():
    ratings = wb.from_matrix(frame_of([[1, 2, 2, 1], [1, 2, 1, 1]])).where(rater_id="nobody")
    for name in PUBLIC.values():
        table = getattr(wb.agreement, name)(ratings, weights=np.eye(2))
        assert table["value"].isna().all() and table["note"].str.startswith("no item has two ratings").all()


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_no_item_rated_twice_is_undefined_and_says_so(name):
    row = found(name, patterns_of(oracle("degenerate_no_pairable_units")["data"]), interval="bootstrap")
    assert np.isnan(row["value"]) and np.isnan(row["low"]) and row["note"] == "no item has two ratings"


def test_items_rated_once_stay_in_the_shares_and_are_dropped_only_by_percent_agreement():
    group = patterns_of([[1, 1, 2, 2], [1, 2, 2, None]])
    counted = {name: (row["n_items"], row["n_ratings"], row["n_dropped"])
               for name in COEFFICIENTS for row in [found(name, group)]}
    assert counted == {"AC": (4, 7, 0), "fleiss": (4, 7, 0), "brennan_prediger": (4, 7, 0), "percent_agreement": (3, 6, 1)}


def test_items_rated_once_widen_gwets_interval_of_percent_agreement_and_no_other():
    rows = np.random.default_rng(4).integers(1, 4, (2, 40)).tolist()
    with_singles = [rows[0] + [1] * 20, rows[1] + [None] * 20]
    for interval, widens in (("linearized", True), ("jackknife", False)):
        one, other = (found("percent_agreement", patterns_of(r), interval=interval) for r in (rows, with_singles))
        assert other["value"] == pytest.approx(one["value"], abs=EXACT)
        # The jackknife's n / (n - 1) of 60 items for that of 40 is all that differs.
        assert (other["se"] > 1.05 * one["se"]) == widens and (widens or other["se"] == pytest.approx(one["se"], rel=0.01))


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_the_public_function_gives_the_kernels_numbers_by_group(name):
    rows = [("g1", f"i{i}", f"r{j}", int(v)) for i, v in enumerate([1, 2, 2, 1, 2]) for j in range(2)]
    rows += [("g2", f"k{i}", f"r{j}", 1 + (i + j) % 2) for i in range(4) for j in range(3)]
    ratings = wb.read(pd.DataFrame(rows, columns=["task_type", "item_id", "rater_id", "score"]))
    table = getattr(wb.agreement, PUBLIC[name])(ratings, by=["task_type"])
    # The second group's items are 1 2 1 or 2 1 2: of three pairs one agrees.
    expected = found(name, from_counts([[2, 1], [1, 2], [2, 1], [1, 2]]))["value"]
    assert table["task_type"].tolist() == ["g1", "g2"]
    assert table["value"].tolist() == pytest.approx([1, expected], abs=EXACT)
    assert table["n_raters"].tolist() == [2, 3] and table["n_items"].tolist() == [5, 4]


def test_copies_of_an_item_in_one_cluster_tell_no_more_than_one_of_them():
    scores = np.random.default_rng(8).integers(1, 4, (12, 2))
    rows = [(f"p{i}-{copy}", f"p{i}", f"r{j}", int(scores[i, j])) for i in range(12) for j in range(2) for copy in range(3)]
    frame = pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "score"])
    once = wb.read(frame[frame["item_id"].str.endswith("-0")])
    for interval in ("linearized", "bootstrap"):
        clustered = wb.agreement.fleiss_kappa(wb.read(frame), cluster="prompt_id", interval=interval)
        alone = wb.agreement.fleiss_kappa(once, interval=interval)
        assert clustered["value"][0] == pytest.approx(alone["value"][0], abs=EXACT)
        # The bootstrap draws the same twelve either way, though in another order.
        assert clustered["se"][0] == pytest.approx(alone["se"][0], rel=EXACT if interval == "linearized" else 0.1)


@pytest.mark.parametrize("scale", ["ordinal", "interval"])
def test_items_without_a_cluster_are_clusters_of_their_own(scale):
    rng, rows = np.random.default_rng(0), []
    for i in range(60):
        level = rng.integers(0, 4)
        rows += [(f"i{i}", f"r{r}", min(level + rng.integers(0, 2), 4), f"p{i // 4}" if i < 30 else None) for r in range(3)]
    gappy = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "prompt_id"])
    named = gappy.assign(prompt_id=gappy["prompt_id"].fillna(gappy["item_id"]))
    one, other = (wb.agreement.krippendorff_alpha(wb.read(f), scale=scale, cluster="prompt_id") for f in (gappy, named))
    assert one["se"][0] == pytest.approx(other["se"][0], abs=EXACT)


def test_one_cluster_has_no_interval():
    group = patterns_of([[1, 2, 1], [1, 1, 1]], cluster=[0, 0, 0])
    row = found("fleiss", group, interval="linearized")
    assert np.isnan(row["low"]) and row["note"] == "one cluster: no interval"


@pytest.mark.parametrize(("arguments", "words"), [
    ({"interval": "normal"}, "interval='normal' is not known. Use one of: 'jackknife', 'linearized', 'bootstrap', 'bca', 'two-way'"),
    ({"confidence": 95}, "confidence=95 is not a share between 0 and 1"),
    ({"interval": "bootstrap", "draws": 0}, "draws=0 is too few"),
    ({"interval": "bca", "draws": 1.5}, "draws=1.5 is too few"),
    ({"weights": "square"}, "weights='square' is not known. Use one of: 'identity', 'linear', 'quadratic'"),
    ({"weights": np.eye(3)}, r"weights has shape \(3, 3\), but there are 2 levels")])
def test_a_wrong_argument_is_named_with_the_right_ones(arguments, words):
    with pytest.raises(ParameterError, match=words):
        wb.agreement.gwet_ac(wb.from_matrix(frame_of([[1, 2], [1, 2]])), **arguments)


@pytest.mark.parametrize("kind", [wb.agreement.fleiss_kappa, wb.agreement.gwet_ac, wb.agreement.brennan_prediger])
def test_very_many_levels_have_a_two_way_interval(kind, monkeypatch):
    from workbench.reduce import packing

    generator = np.random.default_rng(0)
    level = generator.integers(0, 150, 300)
    rows = [(f"i{i}", f"r{j}", float(level[i] if generator.random() < 0.5 else generator.integers(0, 150)) + 0.5)
            for i in range(300) for j in range(6)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])
    monkeypatch.setattr(packing, "DENSE_LIMIT", 0)
    sparse = kind(wb.read(frame), interval="two-way").iloc[0]
    monkeypatch.undo()
    dense = kind(wb.read(frame), interval="two-way").iloc[0]
    assert sparse["low"] < sparse["value"] < sparse["high"]
    for column in ("value", "low", "high", "se"):
        assert sparse[column] == pytest.approx(dense[column], abs=1e-9)
