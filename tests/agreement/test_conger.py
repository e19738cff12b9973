"""Conger's kappa, with gaps taken Gwet's way and pairwise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import frame_of, oracle, patterns_of, row_of

import workbench as wb
from workbench import resample
from workbench.agreement.conger import gwet_sums, pairwise_sums
from workbench.agreement.identified import Identified
from workbench.agreement.weights import weight_matrix
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
CLOSE = 1e-9        # errors near 0 are roots of rounding
PRINTED_3 = 5e-4    # published to three digits
PRINTED_5 = 6e-6    # published to five digits
PRINTED_7 = 6e-8    # published to seven digits
KERNELS = {"gwet": gwet_sums, "pairwise": pairwise_sums}

PANELS = st.integers(2, 4).flatmap(lambda m: st.lists(
    st.lists(st.one_of(st.none(), st.integers(0, 2)), min_size=m, max_size=m), min_size=2, max_size=9))


def panel_of(rows):
    """The ratings of rows of raters over items, levels as codes from 0; raters and items without a rating are not there."""
    found = [(i, j, row[i]) for i in range(len(rows[0])) for j, row in enumerate(rows) if row[i] is not None]
    item, rater, level = np.array(found, dtype=int).reshape(-1, 3).T
    items, item = np.unique(item, return_inverse=True)
    raters, rater = np.unique(rater, return_inverse=True)
    return Identified(item, rater, level, level.astype(float), raters)


def conger_of(rows, weights="identity", missing="gwet", levels=None, **sampling):
    """A row of estimates from rows of raters over items, their levels numbers."""
    group = patterns_of(rows, levels)
    place = {float(value): code for code, value in enumerate(group.values)}
    coded = [[None if v is None else place[float(v)] for v in row] for row in rows]
    sampling = {"interval": "linearized"} | sampling
    return row_of(KERNELS[missing](panel_of(coded), weight_matrix(weights, group.values), sampling["interval"]), group, **sampling)


def by_loop(rows, matrix, missing):
    """Both estimators one rating and one pair of raters at a time; levels are codes."""
    q, raters = len(matrix), [row for row in rows if any(v is not None for v in row)]
    items = [[row[i] for row in rows if row[i] is not None] for i in range(len(rows[0]))]
    n, items = sum(bool(unit) for unit in items), [unit for unit in items if len(unit) > 1]
    own = [[v for v in row if v is not None] for row in raters]
    shares = [np.array([values.count(k) / len(values) for k in range(q)]) for values in own]
    pairs = list(combinations(range(len(raters)), 2))
    if missing == "gwet":
        observed = np.mean([np.mean([matrix[a, b] for a, b in combinations(unit, 2)]) for unit in items])
        expected = np.mean([shares[g] @ matrix @ shares[h] for g, h in pairs])
        return (observed - expected) / (1 - expected) if expected < 1 else np.nan
    above = below = 0.0
    for g, h in pairs:
        both = [(a, b) for a, b in zip(raters[g], raters[h]) if a is not None and b is not None]
        if len(both) < 2:
            continue
        sample = lambda values: len(values) * (n - 1) / ((len(values) - 1) * n)  # noqa: E731
        a, b = (np.array([[pair[side] for pair in both].count(k) / len(both) for k in range(q)]) for side in (0, 1))
        above += sample(both) * (np.mean([matrix[pair] for pair in both]) - a @ matrix @ b)
        spread = sum(sample(own[j]) * shares[j] @ (1 - matrix) @ shares[j] / 2 for j in (g, h))
        apart = shares[g] - shares[h]
        below += spread + apart @ matrix @ apart / 2
    return above / below if below else np.nan


def test_both_worked_by_hand_on_a_panel_with_gaps():
    # ann: 1 2 1 2, bob: 1 2 1 -, cem: 2 - 1 2. Agreeing pairs by item: 1/3, 1, 1, 1: p_a = 5/6. Shares of 1: 1/2, 2/3, 1/3.
    # p_e = mean(1/2, 1/2, 4/9) = 13/27 -> (45 - 26) / (54 - 26).
    rows = [[1, 2, 1, 2], [1, 2, 1, None], [2, None, 1, 2]]
    assert conger_of(rows)["value"] == pytest.approx(19 / 28, abs=EXACT)
    # Pairwise, all times n / (n - 1) = 4/3. Covariances: ann and bob 3/2 (1 - 5/9) = 2/3, ann and cem 3/2 (2/3 - 4/9) = 1/3,
    # bob and cem 2 (1/2 - 1/2) = 0. Spreads: ann 4/3 * 1/4, bob and cem 3/2 * 2/9, all 1/3, and each in two pairs.
    # Distances of shares: (1/6)^2, (1/6)^2 and (1/3)^2, times 4/3: 6/27 together.
    assert conger_of(rows, missing="pairwise")["value"] == pytest.approx((2 / 3 + 1 / 3 + 0) / (2 + 6 / 27), abs=EXACT)


@pytest.mark.parametrize("weights", ["unweighted", "quadratic"])
def test_gwets_four_raters_with_errors_and_ends(weights):
    case = oracle("gwet_raw4raters")
    expected = case["expected"][weights]["conger"]
    row = conger_of(case["data"], weights.replace("unweighted", "identity"))
    assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_5)
    assert (row["low"], row["high"]) == pytest.approx(expected["ci"], abs=PRINTED_3)


@pytest.mark.parametrize("weights", ["bipolar", "circular", "linear", "ordinal", "radical", "ratio"])
def test_gwets_four_raters_with_other_weights(weights):
    expected = oracle("gwet_raw4raters_other_weights")["expected"][weights]["conger"]
    row = conger_of(oracle("gwet_raw4raters")["data"], weights)
    assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_3)


def test_gwets_five_observers():
    case = oracle("gwet_raw5observers")
    row, expected = conger_of(case["data"]), case["expected"]["conger"]
    assert (row["value"], row["se"]) == pytest.approx((expected["coeff"], expected["se"]), abs=PRINTED_3)
    assert (row["low"], row["high"]) == pytest.approx(expected["ci"], abs=PRINTED_3)


def test_kleins_ten_subjects_both_ways():
    case = oracle("klein_2018_rvary2_missing")
    ratings, expected = wb.from_matrix(frame_of(case["data"])), case["expected"]
    found = {(missing, weights): wb.agreement.conger_kappa(ratings, missing=missing, weights=weights, interval="linearized").iloc[0]
             for missing in KERNELS for weights in ("identity", "quadratic")}
    plain = expected["irrCAC_py_unweighted_computed"]["conger"]
    row = found["gwet", "identity"]
    assert (row["value"], row["se"]) == pytest.approx((plain["coeff"], plain["se"]), abs=PRINTED_5)
    assert found["gwet", "quadratic"]["value"] == pytest.approx(expected["irrCAC_py_conger_quadratic_computed"], abs=PRINTED_5)
    assert found["pairwise", "quadratic"]["value"] == pytest.approx(expected["conger_quadratic_quadagree"], abs=PRINTED_7)


@settings(max_examples=80, deadline=None)
@given(PANELS, st.sampled_from(["identity", "linear", "quadratic"]), st.sampled_from(list(KERNELS)))
def test_any_panel_gives_what_a_loop_over_ratings_gives(items, weights, missing):
    rows = [list(row) for row in zip(*items)]
    if not any(v is not None for row in rows for v in row):
        return
    found = conger_of(rows, weights, missing, levels=range(3))
    if found["note"].startswith(("no item", "no two")):
        most = max(sum(v is not None for v in item) for item in items)
        shared = max(sum(a is not None and b is not None for a, b in zip(*two)) for two in combinations(rows, 2))
        assert np.isnan(found["value"]) and (shared < 2 if missing == "pairwise" else most < 2)
        return
    expected = by_loop(rows, weight_matrix(weights, np.arange(3.0)), missing)
    assert found["value"] == pytest.approx(expected, abs=CLOSE, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(PANELS, st.sampled_from(["identity", "linear", "quadratic"]), st.sampled_from(list(KERNELS)))
def test_an_items_influence_in_closed_form_is_the_slope_of_the_formula(items, weights, missing):
    rows = [list(row) for row in zip(*items)]
    panel, matrix = panel_of(rows), weight_matrix(weights, np.arange(3.0))
    closed, stepped = (KERNELS[missing](panel, matrix, interval) for interval in ("linearized", "bootstrap"))
    assert closed.reason == stepped.reason and closed.note == stepped.note
    if not closed.reason:
        values = [float(resample.value(s.formula, s.weight @ s.terms)) for s in (closed, stepped)]
        assert values[0] == pytest.approx(values[1], abs=EXACT, nan_ok=True)
        if np.isfinite(values[0]):
            errors = [resample.linearized(s.formula, s.terms, s.weight) for s in (closed, stepped)]
            assert errors[0] == pytest.approx(errors[1], rel=CLOSE, abs=CLOSE, nan_ok=True)  # one item has none


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 4).flatmap(lambda m: st.lists(st.lists(st.integers(0, 2), min_size=m, max_size=m), min_size=2, max_size=9)),
       st.sampled_from(["identity", "linear", "quadratic"]))
def test_laws_without_gaps(items, weights):
    rows = [list(row) for row in zip(*items)]
    gwet, pairwise, turned = conger_of(rows, weights), conger_of(rows, weights, "pairwise"), conger_of(rows[::-1], weights)
    for other in (pairwise, turned):
        assert (other["value"], other["se"]) == pytest.approx((gwet["value"], gwet["se"]), abs=CLOSE, nan_ok=True)
    if all(len(set(item)) == 1 for item in items) and not np.isnan(gwet["value"]):
        assert gwet["value"] == pytest.approx(1, abs=EXACT)


@settings(max_examples=40, deadline=None)
@given(PANELS, st.sampled_from(list(KERNELS)))
def test_with_gaps_too_the_order_of_raters_and_items_changes_nothing(items, missing):
    rows = [list(row) for row in zip(*items)]
    if any(v is not None for row in rows for v in row):
        one, other = (conger_of(r, "linear", missing, levels=range(3)) for r in (rows, [row[::-1] for row in rows[::-1]]))
        assert (one["value"], one["se"], one["note"]) == (pytest.approx(other["value"], abs=CLOSE, nan_ok=True),
                                                          pytest.approx(other["se"], abs=CLOSE, nan_ok=True), other["note"])


def planted(seed, items=400, raters=6, each=3):
    """Each item by `each` of `raters` raters, who differ in how high they rate."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, items)
    rows = [[None] * items for _ in range(raters)]
    for i in range(items):
        for j in generator.choice(raters, each, replace=False):
            rows[j][i] = int(np.clip(truth[i] + generator.integers(-1, 2) + (j == 0), 0, 3))
    return rows


def test_two_raters_without_gaps_are_cohens_kappa_and_with_gaps_gwet_keeps_what_one_alone_rated():
    rows = planted(1, items=40, raters=2, each=2)
    complete = wb.from_matrix(frame_of(rows))
    cohen = wb.agreement.cohen_kappa(complete, weights="linear", interval="linearized").iloc[0]
    for missing in KERNELS:
        row = wb.agreement.conger_kappa(complete, weights="linear", missing=missing, interval="linearized").iloc[0]
        assert (row["value"], row["se"]) == pytest.approx((cohen["value"], cohen["se"]), abs=EXACT)
    # Gaps: a a b b and a b b -. p_a = 2/3; all shares of a, 1/2 and 1/3: p_e = 1/2; common ones, 2/3 and 1/3: p_e = 4/9.
    gappy = wb.from_matrix(frame_of([["a", "a", "b", "b"], ["a", "b", "b", None]]))
    conger, cohen = wb.agreement.conger_kappa(gappy).iloc[0], wb.agreement.cohen_kappa(gappy).iloc[0]
    assert (conger["value"], cohen["value"]) == pytest.approx((1 / 3, 2 / 5), abs=EXACT)
    assert (conger["n_items"], cohen["n_items"]) == (4, 3)


@pytest.mark.parametrize("missing", KERNELS)
def test_every_interval_finds_the_linearised_error(missing):
    rows = planted(2)
    found = {i: conger_of(rows, "quadratic", missing, interval=i, draws=1000) for i in ("linearized", "jackknife", "bootstrap", "bca")}
    for row in found.values():
        assert row["value"] == pytest.approx(found["linearized"]["value"], abs=EXACT) and row["low"] < row["value"] < row["high"]
        assert row["se"] == pytest.approx(found["linearized"]["se"], rel=0.12)  # 1,000 draws know an error to 2 %, 400 items to 4 %


@pytest.mark.parametrize("missing", KERNELS)
def test_the_jackknife_of_too_many_cells_takes_influences_and_differs_little(missing, monkeypatch):
    rows = planted(6)
    exact = conger_of(rows, "quadratic", missing, interval="jackknife")
    monkeypatch.setattr("workbench.agreement.covariances.LEFT_OUT_CELLS", 100)
    quick = conger_of(rows, "quadratic", missing, interval="jackknife")
    # They part in the order of 1 / n; two raters share some 80 items.
    assert quick["se"] == pytest.approx(exact["se"], rel=3 / 80) and quick["se"] != exact["se"]


@pytest.mark.parametrize("missing", KERNELS)
def test_draws_without_a_rater_are_defined(missing):
    # The last rater rated two items of twelve, so that one draw in nine has none of hers.
    rows = [[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 2, 1, 2, 3, 1, 3, 3], [1, 3] + [None] * 10]
    row = conger_of(rows, "linear", missing, interval="bootstrap", draws=200)
    assert "undefined" not in row["note"] and row["low"] < row["value"] < row["high"]


def test_groups_are_told_apart_and_a_missing_level_is_one():
    frame = pd.concat([pd.DataFrame([(party, f"i{i}", f"r{j}", row[i] + 1) for j, row in enumerate(planted(seed, 12, 4)) for i in range(12)
                                     if row[i] is not None], columns=["party", "item_id", "rater_id", "score"])
                       for seed, party in ((3, "lab"), (4, None))])
    ratings = wb.read(frame)
    for missing in KERNELS:
        table = wb.agreement.conger_kappa(ratings, by=["party"], weights="linear", missing=missing, interval="linearized")
        for party, rows in (("lab", planted(3, 12, 4)), (None, planted(4, 12, 4))):
            row = table[table["party"].isna() if party is None else table["party"] == party].iloc[0]
            expected = conger_of(rows, "linear", missing, levels=range(4))
            assert (row["value"], row["se"]) == pytest.approx((expected["value"], expected["se"]), abs=EXACT)


def test_weeks_are_groups_and_whole_numbers_are_ids():
    rows = [(i, j, 1 + (i + j) % 2, f"2026-11-{2 + 7 * (i % 2):02d}") for i in range(8) for j in range(3)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rated_at"]).assign(
        rated_at=lambda t: pd.to_datetime(t["rated_at"], utc=True)))
    table = wb.agreement.conger_kappa(ratings, by=["week"])
    assert table["n_items"].tolist() == [4, 4] and table["n_raters"].tolist() == [3, 3]
    # Every item is 1 2 1 or 2 1 2, and within a week all items are alike: each rater gave one level. p_a = 1/3, p_e = 1/3.
    assert table["value"].tolist() == pytest.approx([0, 0], abs=EXACT)


def test_clusters_are_drawn_whole():
    rows = planted(5, items=30)
    frame = pd.DataFrame([(f"i{i}-{copy}", f"i{i}", f"r{j}", row[i]) for j, row in enumerate(rows) for i in range(30) for copy in range(2)
                          if row[i] is not None], columns=["item_id", "prompt_id", "rater_id", "score"])
    copied, once = wb.read(frame), wb.read(frame[frame["item_id"].str.endswith("-0")])
    clustered, alone = (wb.agreement.conger_kappa(r, cluster=cluster, interval="linearized").iloc[0]
                        for r, cluster in ((copied, "prompt_id"), (once, None)))
    assert (clustered["value"], clustered["se"]) == pytest.approx((alone["value"], alone["se"]), abs=EXACT)


def test_pairs_with_fewer_than_two_common_items_are_left_out_and_counted():
    # a with b on four items, a with c on one, b with c on none.
    rows = [[1, 2, 1, 2, 2], [1, 2, 2, 2, None], [None, None, None, None, 2]]
    row = conger_of(rows, missing="pairwise")
    assert row["note"].split(";")[0] == "2 of 3 pairs of raters share fewer than two items, left out"
    # Common items 4/3 (3/4 - 1/2) = 1/3. Spreads 5/4 * 6/25 = 3/10 and 4/3 * 3/16 = 1/4, distance (3/5 - 3/4)^2 = 9/400, each but
    # the distance times 4/5: (4/15) / (4/5 * 11/20 + 9/400) = (320/1200) / (555/1200).
    assert row["value"] == pytest.approx(320 / 555, abs=EXACT)


@pytest.mark.parametrize(("rows", "missing", "reason"), [
    ([[1, None, 1], [None, 2, None]], "gwet", "no item has two ratings"),
    ([[1, None, 1], [None, 2, None]], "pairwise", "no item has two ratings"),
    ([[1, 2, None], [1, None, 2], [None, 2, 1]], "pairwise", "no two raters share two items"),
    ([[1, 2, 1]], "gwet", "no item has two ratings"),
    ([[1, 1, 1], [1, 1, 1]], "gwet", "only one level occurs"),
    ([[1, 1, 1], [1, 1, 1]], "pairwise", "only one level occurs")])
def test_undefined_cases_say_why(rows, missing, reason):
    row = conger_of(rows, missing=missing)
    assert np.isnan(row["value"]) and np.isnan(row["low"]) and row["note"] == reason


def test_wrong_arguments_are_named_with_the_right_ones():
    ratings = wb.from_matrix(frame_of([[1, 2], [1, 1]]))
    for arguments, words in (({"missing": "drop"}, "missing='drop' is not known. Use one of: 'gwet', 'pairwise'"),
                             ({"weights": np.eye(3)}, r"weights has shape \(3, 3\), but there are 2 levels"),
                             ({"confidence": 95}, "confidence=95 is not a share")):
        with pytest.raises(ParameterError, match=words):
            wb.agreement.conger_kappa(ratings, **arguments)
    empty = wb.agreement.conger_kappa(ratings.where(item_id="none"), weights="circular").iloc[0]
    assert np.isnan(empty["value"]) and empty["note"].startswith("no item has two ratings")


@pytest.mark.parametrize("missing", ["gwet", "pairwise"])
def test_scores_without_levels_have_no_kappa(missing):
    generator = np.random.default_rng(1)
    ratings = wb.from_matrix(frame_of(generator.random((2, 2500)).tolist()))
    for coefficient in (lambda r: wb.agreement.conger_kappa(r, missing=missing), wb.agreement.cohen_kappa, wb.agreement.scott_pi):
        row = coefficient(ratings).iloc[0]
        assert np.isnan(row["value"]) and row["note"].startswith("scores have no levels: read krippendorff_alpha")
