"""Cohen's kappa and Scott's pi."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import TABLE_ERROR, frame_of, from_table, oracle, row_of

import workbench as wb
from workbench.agreement.chance import chance_sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.identified import Identified
from workbench.agreement.two_raters import cohen_sums, ordered_weights, scott_sums
from workbench.agreement.weights import weight_matrix
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
PRINTED_3 = 6e-4    # published to three digits
PRINTED_4 = 6e-5    # published to four digits
PRINTED_7 = 6e-8    # published to seven digits
RECALLED = 5e-3     # known to two digits

BOTH = (wb.agreement.cohen_kappa, wb.agreement.scott_pi)
LINEARIZED = {"interval": "linearized"}
TABLES = st.integers(2, 4).flatmap(lambda q: st.lists(st.lists(st.integers(0, 6), min_size=q, max_size=q), min_size=q, max_size=q))


def panel_of(table):
    """The ratings of two raters from their table of levels by levels."""
    table = np.asarray(table)
    q = len(table)
    a, b = np.divmod(np.repeat(np.arange(q * q), table.ravel()), q)
    item = np.repeat(np.arange(len(a)), 2)
    level = np.column_stack([a, b]).ravel()
    return Identified(item, np.tile([0, 1], len(a)), level, level.astype(float), np.arange(2))


def cohen_of(table, weights="identity", **sampling):
    """A row of estimates from a table of levels by levels."""
    matrix = ordered_weights(weights, np.arange(float(len(table))))
    return row_of(cohen_sums(panel_of(table), matrix), from_table(table), **LINEARIZED | sampling)


def scott_of(table, weights="identity", **sampling):
    group = from_table(table)
    return row_of(scott_sums(group, weights), group, **LINEARIZED | sampling)


def error_factor(n):
    """Published errors of a table divide the variance by n, ours by n - 1."""
    return ((n - 1) / n) ** 0.5


def test_both_worked_by_hand():
    # Items: 1 1, 1 2, 2 2, 2 2. p_a = 3/4. Shares of 1: ann 2/4, bob 1/4.
    # Cohen p_e = 1/2 * 1/4 + 1/2 * 3/4 = 1/2 -> 1/2. Scott: share of 1 is 3/8, p_e = 9/64 + 25/64 = 34/64 -> (48 - 34) / 30.
    two = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 2, 2], "bob": [1, 2, 2, 2]}))
    assert wb.agreement.cohen_kappa(two)["value"][0] == pytest.approx(1 / 2, abs=EXACT)
    assert wb.agreement.scott_pi(two)["value"][0] == pytest.approx(14 / 30, abs=EXACT)


@pytest.mark.parametrize(("weights", "key"), [("identity", "unweighted"), ("quadratic", "quadratic")])
def test_gwets_two_abstractors_with_errors(weights, key):
    case = oracle("gwet_cont3x3abstractors")
    for name, of in (("cohen", cohen_of), ("scott", scott_of)):
        row, expected = of(case["data"], weights), case["expected"][key][name]
        assert (row["value"], row["se"] * TABLE_ERROR) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_7)


@pytest.mark.parametrize(("weights", "key"), [("identity", "simple"), ("linear", "weighted_linear")])
def test_sas_kappa_and_its_asymptotic_error_which_divides_by_n(weights, key):
    # SAS prints Fleiss, Cohen and Everitt's error: the same influence as Gwet's, its squares over n^2 and not n (n - 1).
    case = oracle("cohen_sas_3x3")
    row, expected = cohen_of(case["data"], weights), case["expected"][key]
    assert row["value"] == pytest.approx(expected["kappa"], abs=PRINTED_4)
    assert row["se"] * error_factor(row["n_items"]) == pytest.approx(expected["ase"], abs=PRINTED_4)


def test_cohens_own_weights_also_where_the_order_of_raters_counts():
    case = oracle("cohen_1968_weighted")
    assert cohen_of(case["data"])["value"] == pytest.approx(case["expected"]["kappa"], abs=PRINTED_3)
    for parameter, key in (("disagreement_weights", "kappa_w"), ("asymmetric_disagreement_weights", "kappa_w_asymmetric")):
        distance = np.array(case["parameters"][parameter], dtype=float)
        row = cohen_of(case["data"], 1 - distance / distance.max())
        assert row["value"] == pytest.approx(case["expected"][key], abs=PRINTED_3)


def test_errors_of_fleiss_cohen_and_everitt():
    case = oracle("fleiss_cohen_everitt_1969")
    expected, own = case["expected"], np.array(case["parameters"]["agreement_weights"])
    for weights, value, error in (("identity", "kappa", "ase"), (own, "kappa_w", "ase_w")):
        row = cohen_of(case["data"], weights)
        found = (row["value"], row["se"] * error_factor(200))
        assert found == pytest.approx((expected[value], expected[error]), abs=1e-6)  # printed to six digits


@pytest.mark.parametrize("name", ["balanced", "skewed"])
def test_the_paradox_of_prevalence(name):
    case = oracle(f"feinstein_cicchetti_1990_{name}")
    assert cohen_of(case["data"])["value"] == pytest.approx(case["expected"]["kappa"], abs=RECALLED)


def test_anxiety_on_the_levels_that_irr_declares():
    # R's irr drops level 5, which neither rater gave, so that 4 and 6 are neighbours.
    case = oracle("irr_anxiety_raters2_3")
    first, second = np.array(case["data"])[1:]
    levels = sorted(set(first) | set(second))
    table = np.array([[int(((first == a) & (second == b)).sum()) for b in levels] for a in levels])
    for weights, key in (("identity", "unweighted"), ("linear", "equal_linear"), ("quadratic", "squared")):
        assert cohen_of(table, weights)["value"] == pytest.approx(case["expected"][key]["kappa"], abs=PRINTED_7)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_statsmodels_gives_the_same_kappa_and_error(table):
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table = np.array(table)
    for weights in ("identity", "linear", "quadratic"):
        row = cohen_of(table, weights)
        if np.isnan(row["value"]):
            assert (np.outer(table.sum(axis=1), table.sum(axis=0)) > 0).sum() <= 1
            continue
        matrix = weight_matrix(weights, np.arange(float(len(table))))
        with np.errstate(invalid="ignore", divide="ignore"):
            peer = inter_rater.cohens_kappa(table, weights=1 - matrix)
        assert row["value"] == pytest.approx(peer.kappa, abs=1e-10)  # statsmodels divides by the observed disagreement
        if row["se"] > 1e-6:
            assert row["se"] * error_factor(table.sum()) == pytest.approx(peer.std_kappa, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(TABLES, st.sampled_from(["identity", "linear", "quadratic", "ordinal"]))
def test_laws_of_two_raters(table, weights):
    table = np.array(table)
    one, other = cohen_of(table, weights), cohen_of(table.T, weights)
    assert (one["value"], one["se"]) == pytest.approx((other["value"], other["se"]), abs=1e-9, nan_ok=True)  # squares of rounding
    pi, group = scott_of(table, weights), from_table(table)
    fleiss = row_of(chance_sums(group, fleiss_chance, weights), group, **LINEARIZED)
    assert pi["value"] == pytest.approx(fleiss["value"], abs=EXACT, nan_ok=True)
    assert pi["se"] == pytest.approx(fleiss["se"], abs=EXACT, nan_ok=True)
    if weights == "identity" and not np.isnan(pi["value"]):
        assert pi["value"] <= one["value"] + EXACT
    if (table == np.diag(np.diag(table))).all() and (np.diag(table) > 0).sum() > 1:
        assert one["value"] == pi["value"] == 1


def test_an_asymmetric_array_reads_its_rows_as_the_rater_whose_id_sorts_first():
    weights = np.array([[1, 0.5], [0, 1]])
    pairs = [(1, 2)] * 3 + [(2, 1), (1, 1), (2, 2)]
    # ids 9 and 10 are numbers: 9 sorts first, as text it would not. p_a = (3 * .5 + 2) / 6, p_e = 1 - (1/2 * 4/6 * 4/6 + 2/6 * 2/6).
    kappas = {}
    for ids in ((9, 10), (10, 9)):
        rows = [(i, rater, score) for i, both in enumerate(pairs) for rater, score in zip(ids, both)]
        found = wb.agreement.cohen_kappa(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])), weights=weights)
        kappas[ids] = found["value"][0]
    observed, expected = 3.5 / 6, 1 - (1 / 2 * 16 / 36 + 4 / 36)
    assert kappas[9, 10] == pytest.approx((observed - expected) / (1 - expected), abs=EXACT)
    observed, expected = 2.5 / 6, 1 - (16 / 36 + 1 / 2 * 4 / 36)
    assert kappas[10, 9] == pytest.approx((observed - expected) / (1 - expected), abs=EXACT)


def gappy(seed=3, items=60, levels=4):
    """Two raters on a scale of `levels`, a fifth of their ratings missing."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(1, levels + 1, items)
    scores = np.column_stack([np.clip(truth + generator.integers(-1, 2, items), 1, levels) for _ in range(2)]).astype(float)
    scores[generator.random(scores.shape) < 0.2] = np.nan
    return pd.DataFrame(scores, columns=["ann", "bob"], index=[f"i{k:02d}" for k in range(items)])


def test_gaps_are_left_out_as_in_pairs_and_the_common_items_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    frame = gappy()
    ratings, both = wb.from_matrix(frame), frame.dropna()
    complete = wb.from_matrix(both)
    for weights in ("identity", "linear", "quadratic"):
        row = wb.agreement.cohen_kappa(ratings, weights=weights, **LINEARIZED).iloc[0]
        pair = wb.agreement.pairs(ratings, weights=weights).set_index("name").loc["cohen_kappa"]
        assert row[["value", "se", "low", "high"]].tolist() == pytest.approx(pair[["value", "se", "low", "high"]].tolist(), abs=EXACT)
        peer_weights = None if weights == "identity" else weights
        peer = metrics.cohen_kappa_score(both["ann"], both["bob"], labels=[1, 2, 3, 4], weights=peer_weights)
        assert row["value"] == pytest.approx(peer, abs=EXACT)
        assert (row["n_items"], row["n_ratings"], row["n_dropped"]) == (len(both), 2 * len(both), frame.size - 2 * len(both))
        alone, all_items = (wb.agreement.scott_pi(r, weights=weights).iloc[0] for r in (complete, ratings))
        assert (all_items["value"], all_items["se"]) == pytest.approx((alone["value"], alone["se"]), abs=EXACT)
        assert all_items["n_dropped"] == row["n_dropped"]


def test_every_interval_finds_the_linearised_error():
    ratings = wb.from_matrix(gappy(items=300))
    for coefficient in BOTH:
        rows = {interval: coefficient(ratings, weights="linear", interval=interval, draws=2000).iloc[0]
                for interval in ("linearized", "jackknife", "bootstrap", "bca")}
        assert {row["method"] for row in rows.values()} == set(rows)
        for row in rows.values():
            assert row["se"] == pytest.approx(rows["linearized"]["se"], rel=0.1)  # 2,000 draws know an error to 2 %, 300 items to 5 %
            assert row["value"] == pytest.approx(rows["linearized"]["value"], abs=EXACT) and row["low"] < row["value"] < row["high"]


def test_copies_of_an_item_in_one_cluster_tell_no_more_than_one_of_them():
    frame = gappy(items=20).dropna()
    rows = [(f"{item}-{copy}", item, rater, frame.loc[item, rater]) for item in frame.index for rater in frame for copy in range(3)]
    rows += [("single", None, "ann", 1), ("single", None, "bob", 3)]
    copied = wb.read(pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "score"]))
    once = wb.from_matrix(frame)
    for coefficient in BOTH:
        prompts = copied.where(prompt_id=list(frame.index))
        found, alone = (coefficient(r, cluster=c, **LINEARIZED).iloc[0] for r, c in ((prompts, "prompt_id"), (once, None)))
        assert (found["value"], found["se"]) == pytest.approx((alone["value"], alone["se"]), abs=EXACT)
        # An item without a prompt stands for itself.
        clustered, plain = (coefficient(copied, cluster=cluster).iloc[0] for cluster in ("prompt_id", None))
        assert clustered["value"] == plain["value"] and clustered["se"] > 1.5 * plain["se"]
        assert clustered["n_items"] == 3 * len(frame) + 1


def test_steps_of_a_trajectory_can_be_drawn_with_it():
    scores = np.random.default_rng(1).integers(1, 3, (8, 3, 2))
    rows = [(f"t{t}", s, "ab"[j], int(scores[t, s, j])) for t in range(8) for s in range(3) for j in range(2)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "step", "rater_id", "score"]))
    trajectories, steps = (wb.agreement.cohen_kappa(ratings, cluster=cluster, **LINEARIZED).iloc[0] for cluster in ("item_id", None))
    assert trajectories["n_items"] == steps["n_items"] == 24 and trajectories["value"] == steps["value"]
    assert np.isfinite(trajectories["se"]) and trajectories["se"] != steps["se"]


def test_a_group_of_other_than_two_raters_is_undefined_and_says_what_to_read():
    rows = [("five", f"i{i}", f"r{j}", 1 + (i * j) % 2) for i in range(3) for j in range(5)]
    rows += [("one", f"i{i}", "r0", 1 + i % 2) for i in range(3)]
    rows += [(None, f"i{i}", f"r{j}", 1 + i % 2) for i in range(3) for j in range(2)]
    ratings = wb.read(pd.DataFrame(rows, columns=["party", "item_id", "rater_id", "score"]))
    for name in ("cohen_kappa", "scott_pi"):
        table = getattr(wb.agreement, name)(ratings, by=["party"])
        found = {str(party): (value, note.split(";")[0]) for party, value, note in zip(table["party"], table["value"], table["note"])}
        assert found["five"][1] == f"{name} compares two raters, here are 5: read conger_kappa, or pairs" and np.isnan(found["five"][0])
        assert found["one"][1] == f"{name} compares two raters, here is 1" and np.isnan(found["one"][0])
        assert table.loc[table["party"].isna(), "value"].tolist() == [1]
        assert table.loc[table["party"] == "five", ["n_items", "n_ratings", "n_dropped"]].values.tolist() == [[0, 0, 15]]


def test_undefined_cases_say_why():
    nothing_shared, one_level, perfect, alone = (wb.from_matrix(frame_of(rows)) for rows in (
        [[1, None, 1], [None, 2, None]], oracle("degenerate_single_category_full_agreement")["data"], [[1, 1, 2, 2], [1, 1, 2, 2]],
        [[1, 1], [2, None]]))
    for coefficient in BOTH:
        for ratings, reason in ((nothing_shared, "no item has two ratings"), (one_level, "only one level occurs")):
            row = coefficient(ratings).iloc[0]
            assert np.isnan(row["value"]) and np.isnan(row["low"]) and row["note"].startswith(reason)
        row = coefficient(perfect).iloc[0]
        assert row["value"] == 1 and np.isnan(row["low"]) and "interval has no width" in row["note"]
        row = coefficient(alone).iloc[0]
        assert np.isnan(row["low"]) and "one item: no interval" in row["note"]


def test_unfit_weights_are_refused_whatever_the_number_of_raters():
    for ratings in (wb.from_matrix(frame_of(rows)) for rows in ([[1, 2], [1, 1]], [[1, 2], [1, 1], [2, 2]])):
        for weights, words in ((np.eye(3), r"weights has shape \(3, 3\), but there are 2 levels"),
                               (np.array([[1, 2], [0, 1.0]]), "weights must be at most 1"),
                               (np.array([[0, 1], [1, 0.0]]), "weights must be 1 on the diagonal"),
                               ("square", "weights='square' is not known")):
            with pytest.raises(ParameterError, match=words):
                wb.agreement.cohen_kappa(ratings, weights=weights)


def test_scotts_pi_has_no_first_rater_and_refuses_asymmetric_weights():
    with pytest.raises(ParameterError, match="weights must be symmetric"):
        wb.agreement.scott_pi(wb.from_matrix(frame_of([[1, 2], [1, 1]])), weights=np.array([[1, 0.5], [0, 1]]))


def test_two_raters_say_nothing_of_other_raters():
    ratings = wb.from_matrix(frame_of([[1, 2, 1, 2], [1, 1, 1, 2]]))
    for coefficient in BOTH:
        row, plain = (coefficient(ratings, interval=interval).iloc[0] for interval in ("two-way", "none"))
        assert row["value"] == plain["value"] and np.isnan([row["low"], row["high"], row["se"]]).all()
        assert (row["estimand"], row["method"]) == ("such raters", "none")
        assert row["note"].startswith("fewer than 5 raters: what other raters would say cannot be told")


def test_kappas_of_identified_raters_widen_on_a_rare_level_as_the_shared_one_does():
    frame = pd.DataFrame({"ann": ["no"] * 97 + ["yes", "no", "yes"], "bob": ["no"] * 97 + ["no", "yes", "no"]})
    ratings = wb.from_matrix(frame)
    rows = {name: getattr(wb.agreement, name)(ratings).iloc[0] for name in ("fleiss_kappa", "scott_pi", "cohen_kappa", "conger_kappa")}
    for name, row in rows.items():
        assert "3 with an off-modal level, 0 of these with two ratings of one: interval widened" in row["note"] and row["high"] > 0.4, name
        # all three shares are nearly the same, and so is what one item more moves
        assert (row["low"], row["high"]) == pytest.approx((rows["fleiss_kappa"]["low"], rows["fleiss_kappa"]["high"]), abs=0.05), name
    assert "off-modal" not in wb.agreement.gwet_ac(ratings)["note"][0] + wb.agreement.percent_agreement(ratings)["note"][0]


def test_the_order_of_two_raters_with_own_weights_widens_alike():
    first = ["no"] * 97 + ["yes", "no", "yes"]
    own = np.array([[1, 0.2], [0.6, 1]])
    rows = [wb.agreement.cohen_kappa(wb.from_matrix(pd.DataFrame({"ann": a, "bob": b})), weights=w).iloc[0]
            for a, b, w in ((first, first[::-1], own), (first[::-1], first, own.T))]
    assert rows[0][["low", "high"]].tolist() == pytest.approx(rows[1][["low", "high"]].tolist(), abs=1e-9)
