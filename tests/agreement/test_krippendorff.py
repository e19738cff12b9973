from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import (
    LOOPS, SHARED, TABLE_ERROR, alpha_by_loop, frame_of, from_counts, from_table, moments_of, oracle, patterns_of, row_of)
from scipy.sparse import csr_matrix

import workbench as wb
from workbench import resample
from workbench.agreement.chance import row_sums
from workbench.agreement.krippendorff import TERMS, alpha_sums, distance_terms
from workbench.agreement.weights import weight_matrix
from workbench.errors import ParameterError

EXACT = 1e-12      # the same sums in another order
PRINTED = 5e-4     # published to three digits
FIVE = 6e-6        # published to five digits
PRINTED_7 = 6e-8   # published to seven digits
ALPHA = wb.agreement.krippendorff_alpha

PANELS = st.integers(2, 4).flatmap(lambda m: st.lists(
    st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=m, max_size=m), min_size=2, max_size=8))


def alpha(group, **sampling):
    return row_of(alpha_sums(group), group, **{"interval": "none"} | sampling)


def columns(rows):
    return [list(row) for row in zip(*rows)]


def test_alpha_of_two_raters_worked_by_hand():
    # Items: aa, ab, bb. N = 6, n_a = n_b = 3. O = 2 (one item, two ordered pairs, over n_i - 1 = 1).
    # E = 36 - 9 - 9 = 18. alpha = 1 - 5 * 2 / 18 = 4/9.
    group = patterns_of([["a", "a", "b"], ["a", "b", "b"]])
    assert alpha(group)["value"] == pytest.approx(4 / 9, abs=EXACT)


def test_ordinal_alpha_of_three_levels_worked_by_hand():
    # Items: 1 1, 1 3, 2 2. N = 6; n = 3, 2, 1; midranks 1.5, 4, 5.5. O = 2 * (5.5 - 1.5)^2 = 32.
    # E = 2 (3*2*2.5^2 + 3*1*4^2 + 2*1*1.5^2) = 2 (37.5 + 48 + 4.5) = 180. alpha = 1 - 5 * 32 / 180 = 1/9.
    group = patterns_of([[1, 1, 2], [1, 3, 2]], scale="ordinal")
    assert alpha(group)["value"] == pytest.approx(1 / 9, abs=EXACT)


@pytest.mark.parametrize("name", ["krippendorff_2011_A_binary", "krippendorff_2011_B_nominal", "krippendorff_2018_p290_missing",
                                  "krippendorff_2018_p310"])
def test_alpha_is_what_krippendorff_printed(name):
    case = oracle(name)
    for key, expected in case["expected"].items():
        group = patterns_of(case["data"], scale=key.removeprefix("alpha_"))
        assert alpha(group)["value"] == pytest.approx(expected, abs=PRINTED), key


def test_alpha_by_every_scale_through_the_public_function():
    case = oracle("krippendorff_2018_p290_missing")
    ratings = wb.from_matrix(frame_of(case["data"]))
    for key, expected in case["expected"].items():
        row = ALPHA(ratings, scale=key.removeprefix("alpha_")).iloc[0]
        assert row["value"] == pytest.approx(expected, abs=PRINTED), key
        assert (row["n_items"], row["n_raters"], row["n_ratings"]) == (11, 4, 40)
        assert row["low"] < row["value"] < row["high"] <= 1


def test_alpha_of_a_real_panel_is_the_recorded_one():
    path = SHARED / "data" / "dices_350.parquet"
    if not path.exists():
        pytest.skip("the folder of real panels is not beside the project")
    ratings = wb.read(path, columns={"rubric_id": "rubric"}, use="label")
    found = ALPHA(ratings.where(rater_kind="human"), scale="nominal", interval="none")
    assert found["value"][0] == pytest.approx(0.16086021565770392, abs=EXACT)


@pytest.mark.parametrize(("weights", "value", "se"), [
    ("identity", 0.74342, 0.14557), ("quadratic", 0.84911, 0.12913), ("bipolar", 0.835, 0.128), ("circular", 0.79, 0.141),
    ("linear", 0.8, 0.135), ("ordinal", 0.834, 0.131), ("radical", 0.772, 0.14), ("ratio", 0.797, 0.14)])
def test_alpha_and_its_error_with_gwets_weights(weights, value, se):
    group = patterns_of(oracle("gwet_raw4raters")["data"])
    counts = group.counts[group.counts.sum(axis=1) >= 2]
    terms, formula = distance_terms(counts, row_sums(counts), 1 - weight_matrix(weights, group.values))
    tolerance = FIVE if len(str(value)) > 5 else PRINTED
    assert float(resample.value(formula, terms.sum(axis=0))) == pytest.approx(value, abs=tolerance)
    assert resample.linearized(formula, terms, np.ones(len(counts))) == pytest.approx(se, abs=tolerance)


@pytest.mark.parametrize(("name", "expected"), [
    ("gwet_raw5observers", (0.481, 0.114)), ("klein_2018_rvary2_missing", (0.38966, 0.1225))])
def test_alpha_and_its_error_on_panels_with_gaps(name, expected):
    group = patterns_of(oracle(name)["data"])
    row = alpha(group, interval="linearized")
    assert (row["value"], row["se"]) == pytest.approx(expected, abs=PRINTED)


def test_alpha_of_gwets_two_abstractors():
    case = oracle("gwet_cont3x3abstractors")
    for weights, scale in (("unweighted", "nominal"), ("quadratic", "interval")):
        row = alpha(from_table(case["data"], scale), interval="linearized")
        expected = case["expected"][weights]["krippendorff"]
        assert (row["value"], row["se"] * TABLE_ERROR) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_7)


@pytest.mark.parametrize("scale", LOOPS)
@given(rows=PANELS)
@settings(max_examples=25, deadline=None)
def test_alpha_is_what_a_loop_over_all_pairs_gives(scale, rows):
    rows = columns(rows)
    paired = [i for i in range(len(rows[0])) if sum(row[i] is not None for row in rows) > 1]
    if len({row[i] for row in rows for i in paired} - {None}) < 2:
        return
    assert alpha(patterns_of(rows, scale=scale))["value"] == pytest.approx(alpha_by_loop(rows, LOOPS[scale]), abs=1e-9)


@pytest.mark.parametrize("scale", LOOPS)
def test_alpha_equals_the_package_krippendorff(scale):
    krippendorff = pytest.importorskip("krippendorff")
    generator = np.random.default_rng(5)
    truth = generator.integers(1, 6, 60)
    matrix = np.clip(truth + generator.integers(-1, 2, (5, 60)), 1, 5).astype(float)
    matrix[generator.random(matrix.shape) < 0.3] = np.nan
    rows = [[None if np.isnan(v) else int(v) for v in row] for row in matrix]
    expected = krippendorff.alpha(reliability_data=matrix, level_of_measurement=scale)
    assert alpha(patterns_of(rows, scale=scale))["value"] == pytest.approx(expected, abs=EXACT)


@given(rows=PANELS, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_alpha_ignores_the_order_of_raters_and_items_and_the_names_of_levels(rows, seed):
    generator = np.random.default_rng(seed)
    first = alpha(patterns_of(columns(rows)))["value"]
    names = dict(zip(range(1, 5), generator.permutation(list("wxyz"))))
    shuffled = [[row[j] for j in generator.permutation(len(row))] for row in (rows[i] for i in generator.permutation(len(rows)))]
    renamed = [[None if v is None else str(names[v]) for v in row] for row in shuffled]
    assert alpha(patterns_of(columns(renamed)))["value"] == pytest.approx(first, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("scale", LOOPS)
def test_full_agreement_gives_1_without_an_interval(scale):
    table = wb.estimates_table([alpha(patterns_of([[1, 2, 3, 3]] * 3, scale=scale), interval="linearized")])
    assert table["value"][0] == 1
    assert np.isnan(table["low"][0]) and "no width" in table["note"][0]


def test_alpha_ignores_items_rated_once_and_counts_them():
    with_single = alpha(patterns_of([[1, 1, 2, 3], [1, 2, 2, None]]), interval="linearized")
    without = alpha(patterns_of([[1, 1, 2], [1, 2, 2]], levels=[1, 2, 3]), interval="linearized")
    assert with_single["value"] == without["value"] and with_single["se"] == pytest.approx(without["se"], abs=EXACT)
    assert (with_single["n_items"], with_single["n_ratings"], with_single["n_dropped"]) == (3, 6, 1)


def test_interval_alpha_from_moments_equals_that_from_patterns():
    group = patterns_of([[1, 4, 2, 5, 3], [2, 4, 2, 4, 3], [1, 5, None, 5, 1]], scale="interval")
    by_patterns, by_moments = (alpha(g, interval="linearized") for g in (group, moments_of(group)))
    assert by_patterns["value"] == pytest.approx(by_moments["value"], abs=EXACT)
    assert by_patterns["se"] == pytest.approx(by_moments["se"], abs=EXACT)


def test_interval_alpha_loses_no_digits_on_large_scores_with_small_spread():
    rows = [[1, 4, 2, 5, 3], [2, 4, 2, 4, 3]]
    far = patterns_of([[1e7 + v for v in row] for row in rows], scale="interval")
    assert alpha(far)["value"] == pytest.approx(alpha(patterns_of(rows, scale="interval"))["value"], abs=1e-9)


def test_sparse_counts_give_the_same_as_dense_ones():
    dense = patterns_of([[1, 4, 2, 5, 3, 1], [2, 4, 2, 4, 3, 1], [1, 5, None, 5, 1, 1]])
    for scale in LOOPS:
        one, other = (from_counts(dense.counts, values=dense.values, scale=scale) for _ in range(2))
        object.__setattr__(other, "counts", csr_matrix(dense.counts))
        one, other = alpha(one, interval="linearized"), alpha(other, interval="linearized")
        assert (one["value"], one["se"]) == pytest.approx((other["value"], other["se"]), abs=EXACT), scale


def test_ordinal_alpha_of_many_levels_follows_the_ratings_not_the_levels():
    generator = np.random.default_rng(1)
    rows = generator.integers(0, 40, (3, 30)).tolist()
    assert alpha(patterns_of(rows, levels=range(101), scale="ordinal"))["value"] == pytest.approx(
        alpha_by_loop(rows, LOOPS["ordinal"]), abs=1e-9)


@pytest.mark.parametrize("scale", LOOPS)
def test_one_level_only_is_undefined_and_says_so(scale):
    row = alpha(patterns_of([[3, 3, 3], [3, 3, None]], scale=scale), interval="bootstrap")
    assert np.isnan(row["value"]) and np.isnan(row["low"]) and row["note"] == "only one level occurs"


def test_equal_fractional_scores_are_one_level_however_they_round():
    group = moments_of(patterns_of([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]], levels=[0.1, 0.7]))
    assert np.isnan(alpha(group)["value"])


def test_no_item_rated_twice_is_undefined_and_says_so():
    row = alpha(patterns_of(oracle("degenerate_no_pairable_units")["data"]), interval="linearized")
    assert np.isnan(row["value"]) and row["note"] == "no item has two ratings"
    assert (row["n_items"], row["n_ratings"], row["n_dropped"]) == (0, 0, 3)


def test_one_item_has_a_value_and_no_interval():
    row = alpha(patterns_of([[1], [2]]), interval="linearized")
    # O = 2, E = 4 - 1 - 1 = 2: alpha = 1 - 1 * 2 / 2 = 0
    assert row["value"] == 0 and np.isnan(row["low"]) and row["note"] == "one item: no interval"


def test_ratio_scale_refuses_values_below_0():
    with pytest.raises(ParameterError, match="scale='ratio' needs values of 0 or more.*lowest -1"):
        alpha(patterns_of([[-1, 2], [2, 2]], scale="ratio"))


def test_a_distance_of_ones_own_worked_by_hand():
    # Squared distances a-b 1, b-c 4, a-c 9 (c is further off than b). Items: aa, ab, bc. N = 6; a 3, b 2, c 1.
    # O = 2 * 1 + 2 * 4 = 10. E = 2 (3*2*1 + 2*1*4 + 3*1*9) = 82. alpha = 1 - 5 * 10 / 82 = 16/41.
    distance = np.array([[0, 1, 9], [1, 0, 4], [9, 4, 0]])
    group = patterns_of([["a", "a", "b"], ["a", "b", "c"]])
    assert row_of(alpha_sums(group, distance), group, interval="none")["value"] == pytest.approx(16 / 41, abs=EXACT)


def test_the_known_distances_given_as_tables_are_their_scales():
    frame = frame_of([10 * row for row in ([1, 4, 2, 4, 3, 1], [2, 4, 2, 4, 3, 1], [1, 3, None, 4, 1, 1])])  # few items would be widened
    values = np.arange(1.0, 5)
    tables = {"nominal": values[:, None] != values, "interval": (values[:, None] - values) ** 2,
              "ratio": ((values[:, None] - values) / (values[:, None] + values)) ** 2}
    ratings = wb.from_matrix(frame)
    for scale, table in tables.items():
        own, known = ALPHA(ratings, scale=table), ALPHA(ratings, scale=scale)
        for column in ("value", "se", "low", "high"):
            assert own[column][0] == pytest.approx(known[column][0], abs=1e-9), (scale, column)


@given(rows=PANELS)
@settings(max_examples=25, deadline=None)
def test_a_distance_of_ones_own_is_what_a_loop_over_all_pairs_gives(rows):
    rows, table = columns(rows), np.array([[0, 1, 5, 2], [1, 0, 3, 3], [5, 3, 0, 0.5], [2, 3, 0.5, 0]])
    paired = [i for i in range(len(rows[0])) if sum(row[i] is not None for row in rows) > 1]
    if len({row[i] for row in rows for i in paired} - {None}) < 2:
        return
    group = patterns_of(rows, levels=range(1, 5))
    value = row_of(alpha_sums(group, table), group, interval="none")["value"]
    assert value == pytest.approx(alpha_by_loop(rows, lambda a, b, everything: table[a - 1, b - 1]), abs=1e-9)


def test_a_table_that_is_no_distance_is_refused():
    with pytest.raises(ParameterError, match=r"scale has shape \(3, 3\), but there are 2 levels"):
        ALPHA(wb.from_matrix(frame_of([[1, 2], [1, 2]])), scale=np.ones((3, 3)))


def test_a_group_without_pairs_needs_no_table():
    group = patterns_of([[1, None], [None, 2]])
    assert row_of(alpha_sums(group, np.ones((9, 9))), group)["note"] == "no item has two ratings"


def test_leaving_a_unit_out_moves_alpha_as_published():
    case = oracle("krippendorffsalpha_R_inference")
    sums = alpha_sums(patterns_of(case["data"], scale="nominal"))
    whole = float(resample.value(sums.formula, sums.weight @ sums.terms))
    without = resample.left_out(sums.formula, sums.terms, sums.weight)
    assert whole - without[5] == pytest.approx(case["expected"]["customary_dfbeta_unit6"], abs=PRINTED)


def test_bootstrap_ends_are_of_the_published_size():
    # Published from 100 draws of R's generator: the low end of so few is good to about .1.
    case = oracle("krippendorffsalpha_R_inference")
    group = patterns_of(case["data"], scale="nominal")
    for interval in ("bootstrap", "bca"):
        row = alpha(group, interval=interval, draws=4000)
        expected = case["expected"]["customary_bootstrap_ci95_seed12_bootit100"]
        assert (row["low"], row["high"]) == pytest.approx(expected, abs=0.1)


def test_an_unknown_scale_is_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="scale='nominl' is not known. Use one of: 'nominal', 'ordinal'"):
        ALPHA(wb.from_matrix(frame_of([[1, 2], [1, 2]])), scale="nominl")


def test_criteria_on_different_scales_stand_side_by_side():
    import pandas as pd

    generator = np.random.default_rng(2)
    rows = [(f"i{i}", f"r{j}", "slider", generator.normal()) for i in range(20) for j in range(2)]
    rows += [(f"i{i}", f"r{j}", "stars", float(generator.integers(1, 6))) for i in range(20) for j in range(2)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score"]))
    both = ALPHA(ratings, by=["criterion"]).set_index("criterion")
    for criterion, scale in (("slider", "interval"), ("stars", "ordinal")):
        alone = ALPHA(ratings.where(criterion=criterion), scale=scale)
        assert both.loc[criterion, "value"] == pytest.approx(alone["value"][0], abs=EXACT)


def test_every_scale_has_its_terms():
    assert set(TERMS) == set(LOOPS)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "ratio", 1 - np.eye(3)], ids=["nominal", "ordinal", "ratio", "own"])
def test_scores_without_levels_need_the_interval_scale_and_are_told_so(scale):
    generator = np.random.default_rng(1)
    ratings = wb.from_matrix(frame_of(generator.random((2, 2500)).tolist()))
    row = ALPHA(ratings, scale=scale).iloc[0]
    assert np.isnan(row["value"]) and row["note"].startswith("scores have no levels: take scale='interval'")
    assert row["n_dropped"] == 5000 and ALPHA(ratings, scale="interval")["note"][0].startswith("interval scale assumed")
    nobody = ALPHA(ratings.where(item_id="none"), scale=scale).iloc[0]
    assert np.isnan(nobody["value"]) and nobody["note"].startswith("no item has two ratings")
