from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from panels import TABLE_ERROR, frame_of, oracle

import workbench as wb
from workbench.agreement.pairwise import percent_and_kappa
from workbench.agreement.weights import weight_matrix

EXACT = 1e-12      # the same sums in another order
PRINTED_7 = 6e-8   # published to seven digits
PRINTED_4 = 6e-5   # published to four digits


def of_table(table, weights="identity"):
    """Items, percent, variance, kappa, variance of two raters from their table."""
    table = np.asarray(table, dtype=float)
    q = len(table)
    matrix = weight_matrix(weights, np.arange(float(q)))
    level_a, level_b = np.divmod(np.arange(q * q), q)
    return [float(x[0]) for x in percent_and_kappa(np.zeros(q * q, int), level_a, level_b, table.ravel(), matrix)]


def test_kappa_worked_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: p_a = 35/50, p_e = 25/50 * 30/50 + 25/50 * 20/50 = 1/2, kappa = (.7 - .5) / .5
    items, percent, _, kappa, _ = of_table([[20, 5], [10, 15]])
    assert (items, percent, kappa) == pytest.approx((50, 0.7, 0.4), abs=EXACT)


@pytest.mark.parametrize(("weights", "key"), [("identity", "unweighted"), ("quadratic", "quadratic")])
def test_gwets_two_abstractors(weights, key):
    case = oracle("gwet_cont3x3abstractors")
    _, percent, percent_variance, kappa, variance = of_table(case["data"], weights)
    for value, spread, name in ((kappa, variance, "cohen"), (percent, percent_variance, "percent")):
        expected = case["expected"][key][name]
        assert (value, spread**0.5 * TABLE_ERROR) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_7)


def test_kappas_of_sas_cohen_and_feinstein():
    case = oracle("cohen_sas_3x3")
    for weights, key in (("identity", "simple"), ("linear", "weighted_linear")):
        assert of_table(case["data"], weights)[3] == pytest.approx(case["expected"][key]["kappa"], abs=PRINTED_4)
    for name in ("balanced", "skewed"):
        case = oracle(f"feinstein_cicchetti_1990_{name}")
        assert of_table(case["data"])[3] == pytest.approx(case["expected"]["kappa"], abs=5e-3)


def test_a_level_that_nobody_gave_is_dropped_by_irr_and_not_here():
    # Raters 2 and 3 of the anxiety panel never gave 5. R's irr drops that level: 4 and 6 are one apart, as in ranks.
    case = oracle("irr_anxiety_raters2_3")
    rows = np.array(case["data"])[1:]
    frame = frame_of(rows.tolist())
    dropped = {level: rank for rank, level in enumerate(sorted(set(rows.ravel().tolist())))}
    as_irr = wb.from_matrix(frame_of([[dropped[v] for v in row] for row in rows.tolist()]))
    declared = wb.from_matrix(frame)
    for ratings, weights, key in ((as_irr, "quadratic", "squared"), (as_irr, "linear", "equal_linear"),
                                  (declared, "identity", "unweighted")):
        kappa = wb.agreement.pairs(ratings, weights=weights).set_index("name")["value"]["cohen_kappa"]
        assert kappa == pytest.approx(case["expected"][key]["kappa"], abs=PRINTED_7)
    kept = wb.agreement.pairs(declared, weights="quadratic").set_index("name")["value"]["cohen_kappa"]
    assert abs(kept - case["expected"]["squared"]["kappa"]) > 0.01


def test_all_pairs_of_a_panel_with_gaps_equal_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(9)
    matrix = generator.integers(1, 5, (40, 4)).astype(float)
    matrix[generator.random(matrix.shape) < 0.3] = np.nan
    frame = pd.DataFrame(matrix, index=[f"i{i}" for i in range(40)], columns=list("abcd"))
    ratings = wb.from_matrix(frame)
    for weights in ("identity", "linear", "quadratic"):
        table = wb.agreement.pairs(ratings, weights=weights).set_index(["name", "rater_a", "rater_b"])
        for a, b in combinations("abcd", 2):
            both = frame[[a, b]].dropna()
            peer_weights = None if weights == "identity" else weights
            expected = metrics.cohen_kappa_score(both[a], both[b], labels=[1, 2, 3, 4], weights=peer_weights)
            row = table.loc[("cohen_kappa", a, b)]
            assert row["value"] == pytest.approx(expected, abs=EXACT)
            assert row["n_items"] == len(both) and row["low"] < row["value"] < row["high"]


def test_pairs_without_a_common_item_are_absent_and_others_keep_their_groups():
    rows = [("x", "i1", "a", 1), ("x", "i1", "b", 1), ("x", "i2", "a", 2), ("x", "i2", "b", 1), ("x", "i3", "c", 1),
            ("y", "i4", "a", 2), ("y", "i4", "c", 2)]
    ratings = wb.read(pd.DataFrame(rows, columns=["task_type", "item_id", "rater_id", "score"]))
    table = wb.agreement.pairs(ratings, by=["task_type"])
    found = table[table["name"] == "percent_agreement"]
    assert found[["task_type", "rater_a", "rater_b", "value"]].values.tolist() == [["x", "a", "b", 0.5], ["y", "a", "c", 1.0]]
    kappa = table[(table["name"] == "cohen_kappa") & (table["task_type"] == "y")].iloc[0]
    assert np.isnan(kappa["value"]) and kappa["note"].startswith("only one level occurs; one item: no interval")


def test_a_panel_without_pairs_gives_an_empty_table():
    table = wb.agreement.pairs(wb.from_matrix(frame_of([[1, None], [None, 2]])))
    assert table.empty and {"rater_a", "rater_b", "value"} <= set(table.columns)
