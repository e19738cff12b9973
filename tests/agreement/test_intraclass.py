"""The intraclass correlation: by hand, against published digits, pingouin, R and dense projections, and on planted variances."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import frame_of, oracle
from scipy.stats import binom

import workbench as wb
from workbench.agreement.intraclass import FORMS, NO_CROSSING, form_row, one_way_model, two_way_models
from workbench.agreement.estimate import NO_PAIR, ONE_LEVEL, Sampling
from workbench.agreement.identified import Identified
from workbench.agreement.variance import crossed
from workbench.errors import ParameterError
from workbench.reduce.tables import Moments

EXACT = 1e-10      # the same sums of squares in another order
PRINTED_2 = 6e-3   # published to two digits
PRINTED_6 = 6e-7   # computed to six digits
PRINTED_10 = 2e-10  # R's anova, ten digits kept


def panel(scores):
    """Ratings from rows of items over raters, None for a gap."""
    return wb.from_matrix(frame_of(list(zip(*scores))), scale="interval")


def of_codes(item, rater, score, interval="F", **sampling):
    """Rows of all forms from codes and scores, without an engine."""
    item, rater = (np.unique(code, return_inverse=True)[1] for code in (item, rater))
    n, total, squares = (np.bincount(item, score**power) for power in (0, 1, 2))
    group = Moments({}, n, total, squares, 0.0, np.ones(len(n)), None, "interval", len(n), rater.max() + 1, len(item), 0, "")
    order = np.lexsort((rater, item))
    found = Identified(item[order], rater[order], np.full(len(item), -1), score[order], np.arange(rater.max() + 1))
    models = two_way_models(one_way_model(group), found)
    how = Sampling("none" if interval == "F" else interval, panel=SimpleNamespace(of=lambda key: found), **sampling)
    return {form: form_row(form, group, models[form[4]], how, interval == "F") for form in FORMS}


def design(generator, items, raters, each):
    """Codes of items and raters: `each` raters drawn for each item."""
    drawn = np.argsort(generator.random((items, raters)), axis=1)[:, :each]
    return np.repeat(np.arange(items), each), drawn.ravel()


def planted(generator, item, rater, variances):
    """Scores with these variances of items, raters and the residual."""
    effects = [generator.normal(size=size) for size in (item.max() + 1, rater.max() + 1, len(item))]
    s = np.sqrt(variances)
    return s[0] * effects[0][item] + s[1] * effects[1][rater] + s[2] * effects[2]


def test_all_six_forms_worked_by_hand():
    # Item means 3/2, 3, 6, grand mean 7/2: BMS = 2 (4 + 1/4 + 25/4) / 2 = 21/2. WMS = (1/2 + 0 + 2) / 3 = 5/6.
    # Rater means 3, 4: JMS = 3 (1/4 + 1/4) = 3/2. EMS = (5/2 - 3/2) / 2 = 1/2. k = 2, n = 3.
    table = wb.agreement.icc(panel([[1, 2], [3, 3], [5, 7]])).set_index("form")
    by_hand = {"ICC(1,1)": 29 / 34,   # (21/2 - 5/6) / (21/2 + 5/6)
               "ICC(A,1)": 6 / 7,     # 10 / (21/2 + 1/2 + 2 (3/2 - 1/2) / 3)
               "ICC(C,1)": 10 / 11,   # 10 / (21/2 + 1/2)
               "ICC(1,k)": 58 / 63, "ICC(A,k)": 12 / 13, "ICC(C,k)": 20 / 21}
    assert table["value"].to_dict() == pytest.approx(by_hand, abs=EXACT)
    assert set(table["estimand"][["ICC(1,1)", "ICC(A,k)"]]) == {"such raters"} and table["estimand"]["ICC(C,1)"] == "these raters"
    assert table[["n_items", "n_raters", "n_ratings", "n_dropped"]].drop_duplicates().values.tolist() == [[3, 2, 6, 0]]


def test_the_targets_and_judges_of_shrout_and_fleiss():
    case = oracle("shrout_fleiss_1979")
    table, expected = wb.agreement.icc(panel(case["data"])).set_index("form"), case["expected"]
    printed = {"ICC(1,1)": "ICC(1,1)", "ICC(A,1)": "ICC(2,1)=ICC(A,1)", "ICC(C,1)": "ICC(3,1)=ICC(C,1)",
               "ICC(1,k)": "ICC(1,4)", "ICC(A,k)": "ICC(2,4)", "ICC(C,k)": "ICC(3,4)"}
    for form in FORMS:
        assert table["value"][form] == pytest.approx(expected[printed[form]], abs=PRINTED_2)
        assert table["value"][form] == pytest.approx(expected["more_digits_computed"][form], abs=PRINTED_6)
        assert table.loc[form, ["low", "high"]].tolist() == pytest.approx(expected["ci95_computed_pingouin"][form], abs=PRINTED_2)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # pingouin on pandas 3
@pytest.mark.parametrize(("items", "raters", "bias"), [(12, 2, 0.0), (30, 5, 1.5), (7, 9, 0.2)])
def test_complete_tables_equal_pingouin_with_their_intervals(items, raters, bias):
    pingouin = pytest.importorskip("pingouin")
    from pingouin.config import _no_rounding

    generator = np.random.default_rng(items)
    scores = generator.normal(size=(items, 1)) + bias * generator.normal(size=raters) + generator.normal(size=(items, raters))
    frame = pd.DataFrame(scores, index=[f"i{i}" for i in range(items)], columns=[f"r{j}" for j in range(raters)])
    long = frame.reset_index(names="item").melt("item", var_name="rater", value_name="y")
    with _no_rounding():
        peer = pingouin.intraclass_corr(long, targets="item", raters="rater", ratings="y").set_index("Type")
    ours = wb.agreement.icc(wb.from_matrix(frame)).set_index("form")
    for form in FORMS:
        expected = [peer["ICC"][form], *peer["CI95"][form]]
        assert ours.loc[form, ["value", "low", "high"]].tolist() == pytest.approx(expected, abs=EXACT)
        assert ours["method"][form] == "F" and "approximate" not in ours["note"][form]


def projected(item, rater, y):
    """Henderson's method III by dense projections: mean squares of items, raters, residual, and what they count of each variance."""
    of_item, of_rater = np.eye(item.max() + 1)[item], np.eye(rater.max() + 1)[rater]
    a, b, both = (x @ np.linalg.pinv(x) for x in (of_item, of_rater, np.hstack([of_item, of_rater])))
    rest = np.eye(len(y)) - both
    ranks = [np.trace(part) for part in (both - b, both - a, rest)]
    forms = [of_item.T @ (both - b) @ of_item, of_rater.T @ (both - a) @ of_rater]
    k, m = (np.trace(form) / rank for form, rank in zip(forms, ranks))
    return [y @ part @ y / rank for part, rank in zip((both - b, both - a, rest), ranks)], (k, m), [np.trace(f @ f) for f in forms]


@pytest.mark.parametrize("apart", [False, True])
def test_gaps_equal_dense_projections(apart):
    generator = np.random.default_rng(3)
    rated = generator.random((14, 6)) < 0.55
    if apart:
        rated[:7, 3:], rated[7:, :3] = False, False
        rated[[0, 7]] = [[True] * 3 + [False] * 3, [False] * 3 + [True] * 3]
    item, rater = (np.unique(code, return_inverse=True)[1] for code in np.nonzero(rated))
    y = planted(generator, item, rater, (2, 1, 1))
    found = crossed(item, rater, y)
    squares, (k, m), spread = projected(item, rater, y)
    ours = found.squares()
    assert [ours.item, ours.rater, ours.residual] == pytest.approx(squares, rel=EXACT)
    assert (ours.k, ours.m, *found.spread) == pytest.approx((k, m, *spread), rel=EXACT)
    assert found.sets == 1 + apart
    s = [(squares[0] - squares[2]) / k, (squares[1] - squares[2]) / m, squares[2]]
    harmonic = 1 / np.mean(1 / np.bincount(item))
    rows = of_codes(item, rater, y)
    assert [rows[form]["value"] for form in ("ICC(A,1)", "ICC(C,1)", "ICC(A,k)", "ICC(C,k)")] == pytest.approx(
        [s[0] / sum(s), s[0] / (s[0] + s[2]), s[0] / (s[0] + (s[1] + s[2]) / harmonic), s[0] / (s[0] + s[2] / harmonic)], rel=EXACT)
    assert ("2 sets of raters share no item" in rows["ICC(A,1)"]["note"]) == apart
    said = rows["ICC(A,k)"]["note"].removeprefix("k = ")
    assert float(said.split(",")[0]) == pytest.approx(harmonic, abs=0.006) and "k =" not in rows["ICC(A,1)"]["note"]


def test_mean_squares_with_gaps_equal_rs_and_lie_near_rs_reml():
    # R 4.2: anova(lm(y ~ r + i)), anova(lm(y ~ i + r)) give the adjusted mean squares of items and raters and the residual's;
    # lme4 1.1-31: lmer(y ~ 1 + (1|i) + (1|r)), restricted maximum likelihood, another estimator of the same variances.
    generator = np.random.default_rng(11)
    rater = np.array([generator.choice(8, 3, replace=False) for _ in range(40)]).ravel()
    item = np.repeat(np.arange(40), 3)
    kept = generator.random(len(item)) < 0.85
    item, rater = item[kept], rater[kept]
    effects = 2 * generator.normal(size=40)[item] + generator.normal(size=8)[rater]
    y = np.round(5 + effects + 1.5 * generator.normal(size=len(item)), 1)
    s = crossed(item, rater, y).squares()
    assert [s.item, s.rater, s.residual] == pytest.approx([12.5191196111946, 9.1052636274494, 3.2849404735794], abs=PRINTED_10)
    reml = [3.84533089423928, 0.75348646650185, 3.24783424796193]
    found = [(s.item - s.residual) / s.k, (s.rater - s.residual) / s.m, s.residual]
    # Half a standard error of each: 2 S / sqrt(2 df) with 38, 7 and 59 degrees of freedom.
    assert np.all(np.abs(np.subtract(found, reml)) < 0.5 * np.array(reml) * np.sqrt(2 / np.array([38, 7, 59])))


def test_planted_variances_come_back_without_bias_where_each_item_has_3_of_30_raters():
    generator, truth, found = np.random.default_rng(8), np.array([1.0, 0.5, 2.0]), []
    for _ in range(300):
        item, rater = design(generator, 60, 30, 3)
        rater = np.unique(rater, return_inverse=True)[1]
        s = crossed(item, rater, planted(generator, item, rater, truth)).squares()
        found.append([(s.item - s.residual) / s.k, (s.rater - s.residual) / s.m, s.residual])
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - truth) < 3.5 * error)  # 3.5 standard errors: one run in 700 of three
    assert np.all(error < 0.05 * truth)


@pytest.mark.parametrize(("items", "raters", "each", "variances"), [
    (100, 30, 3, (1, 0.3, 1)), (40, 4, 2, (1, 0.02, 1)), (30, 4, 4, (1, 0.3, 1)), (50, 6, 3, (4, 0.3, 0.7))])
def test_f_intervals_cover_planted_normal_truth_as_often_as_they_claim(items, raters, each, variances):
    generator, runs, covered = np.random.default_rng(4), 250, {form: 0 for form in FORMS}
    item_variance, rater_variance, residual = variances
    for _ in range(runs):
        item, rater = design(generator, items, raters, each)
        rows = of_codes(item, rater, planted(generator, item, rater, variances))
        for form in FORMS:
            noise = (residual + rater_variance * (form[4] == "A")) / (each if form.endswith("k)") else 1)
            covered[form] += rows[form]["low"] <= item_variance / (item_variance + noise) <= rows[form]["high"]
    low, high = binom.ppf([0.001, 0.999], runs, 0.95)
    for form in ("ICC(A,1)", "ICC(C,1)", "ICC(A,k)", "ICC(C,k)"):
        assert low <= covered[form] <= high, (form, covered[form] / runs)


def test_one_way_intervals_cover_where_each_item_has_raters_of_its_own():
    generator, runs, covered = np.random.default_rng(5), 300, 0
    for _ in range(runs):
        n = generator.choice([1, 2, 3, 6], 50)
        item = np.repeat(np.arange(50), n)
        score = generator.normal(size=50)[item] + generator.normal(size=len(item))
        row = of_codes(item, np.arange(len(item)), score)["ICC(1,1)"]
        covered += row["low"] <= 0.5 <= row["high"]
    assert binom.ppf(0.001, runs, 0.95) <= covered <= binom.ppf(0.999, runs, 0.95)


def test_on_a_rare_level_f_says_it_is_too_narrow_and_the_jackknife_covers():
    # One item in ten is bad: a rater sees it with chance .8, and sees one in a good item with chance .03.
    # S_item = .1 .9 (.77)^2; the residual is the mean of .8 .2 and .03 .97.
    truth = 0.09 * 0.77**2 / (0.09 * 0.77**2 + 0.1 * 0.16 + 0.9 * 0.0291)
    generator, runs, covered = np.random.default_rng(6), 150, {"F": 0, "jackknife": 0}
    item, rater = np.repeat(np.arange(200), 3), np.tile(np.arange(3), 200)
    for _ in range(runs):
        bad = (generator.random(200) < 0.1)[item]
        score = (generator.random(600) < np.where(bad, 0.8, 0.03)).astype(float)
        for interval in covered:
            row = of_codes(item, rater, score, interval)["ICC(C,1)"]
            covered[interval] += row["low"] <= truth <= row["high"]
            assert ("heavy tails" in row["note"]) == (interval == "F")
    assert covered["F"] / runs < 0.8 and covered["jackknife"] >= binom.ppf(0.001, runs, 0.95)


def test_few_raters_who_differ_make_agreement_uncertain_and_consistency_not():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(200, 1)) + np.array([-1.0, 0.0, 1.0]) + 0.5 * generator.normal(size=(200, 3))
    table = wb.agreement.icc(panel(scores.tolist())).set_index("form")
    width = table["high"] - table["low"]
    assert width["ICC(A,1)"] > 4 * width["ICC(C,1)"]
    assert table["note"]["ICC(1,1)"].startswith("read ICC(A): raters differ in severity")


def test_intervals_over_items_speak_of_these_raters_and_agree_with_one_another():
    generator = np.random.default_rng(2)
    item, rater = design(generator, 150, 6, 3)
    score = planted(generator, item, rater, (1, 0.2, 1))
    linearized, left, drawn = (of_codes(item, rater, score, i, draws=1500) for i in ("linearized", "jackknife", "bootstrap"))
    for form in FORMS:
        assert linearized[form]["estimand"] == "these raters" and linearized[form]["method"] == "linearized"
        assert left[form]["se"] == pytest.approx(linearized[form]["se"], rel=0.05)  # they differ by terms in 1 / 150
        assert drawn[form]["se"] == pytest.approx(linearized[form]["se"], rel=0.1)  # 1,500 draws: 2 %, and second order
        assert drawn[form]["value"] == linearized[form]["value"]


def test_clusters_of_equal_items_widen_the_interval():
    generator = np.random.default_rng(2)
    scores = np.repeat(generator.normal(size=(15, 1)), 4, axis=0) + generator.normal(size=(60, 3)) * 0.5
    frame = pd.DataFrame({"item_id": np.repeat([f"i{i:02d}" for i in range(60)], 3), "rater_id": ["a", "b", "c"] * 60,
                          "score": scores.ravel(), "prompt_id": np.repeat([f"p{i // 4}" for i in range(60)], 3)})
    alone, together = (wb.agreement.icc(wb.read(frame), interval="linearized", cluster=c) for c in (None, "prompt_id"))
    assert np.all(together["se"] > 1.3 * alone["se"]) and together["value"].tolist() == alone["value"].tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.1, 20))
def test_names_order_origin_and_unit_change_nothing(seed, origin, unit):
    generator = np.random.default_rng(seed)
    item, rater = design(generator, 12, 5, 3)
    score = planted(generator, item, rater, (1, 1, 1))
    order = generator.permutation(len(item))
    renamed = generator.permutation(12)[item], generator.permutation(5)[rater]
    rows = of_codes(item, rater, score)
    again = of_codes(renamed[0][order], renamed[1][order], (origin + unit * score)[order])
    for form in FORMS:
        for column in ("value", "low", "high"):
            assert again[form][column] == pytest.approx(rows[form][column], abs=1e-7)  # squares about an origin 500 units away


def test_ratings_by_more_raters_than_the_item_needs_are_all_used_and_groups_stay_apart():
    scores = {"x": [[1, 2, None], [3, 3, 4], [5, 7, 6]], None: [[1, 1, 2], [4, None, 5], [2, 3, 3], [5, 5, None]]}
    rows = [{"item_id": i, "rater_id": j, "score": value, "task_type": kind} for kind, part in scores.items()
            for i, row in enumerate(part) for j, value in enumerate(row) if value is not None]
    table = wb.agreement.icc(wb.read(pd.DataFrame(rows)), by=["task_type"]).set_index("form")
    for kind, part in scores.items():
        alone = wb.agreement.icc(panel(part)).set_index("form")
        found = table[table["task_type"].isna() if kind is None else table["task_type"] == kind]
        assert found["value"].to_dict() == pytest.approx(alone["value"].to_dict(), abs=EXACT)
        assert found["n_ratings"].iloc[0] == sum(v is not None for row in part for v in row)


def test_one_form_is_the_row_of_all_and_has_two_names():
    ratings = panel([[1, 2], [3, 3], [5, 7]])
    whole = wb.agreement.icc(ratings)
    for form, name in (("ICC(A,1)", "ICC(2,1)"), ("ICC(C,k)", "ICC(3,k)"), ("ICC(1,1)", "ICC(1,1)")):
        for asked in (form, name):
            one = wb.agreement.icc(ratings, form=asked)
            pd.testing.assert_frame_equal(one, whole[whole["form"] == form].reset_index(drop=True), check_exact=False)


def test_raters_who_contradict_each_other_give_a_negative_value():
    # Items 1, 2 against 2, 1: BMS = 0, WMS = 1/2, so ICC(1,1) = -1.
    table = wb.agreement.icc(panel([[1, 2], [2, 1]]), form="ICC(1,1)")
    assert table["value"][0] == pytest.approx(-1, abs=EXACT)


@pytest.mark.parametrize(("scores", "reason"), [
    ([[1, None], [None, 2]], NO_PAIR), ([[1, 2, 3]], "one item: there is nothing to tell apart"), ([[4, 4], [4, 4]], ONE_LEVEL),
    ([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]], ONE_LEVEL)])
def test_undefined_values_are_nan_with_the_reason(scores, reason):
    table = wb.agreement.icc(panel(scores))
    assert table[["value", "low", "high"]].isna().all(axis=None) and all(reason in note for note in table["note"])


def test_raters_in_a_chain_leave_nothing_to_tell_them_from_noise():
    table = wb.agreement.icc(panel([[1, 2, None], [None, 4, 5]])).set_index("form")
    assert np.isfinite(table["value"]["ICC(1,1)"]) and table["value"][["ICC(A,1)", "ICC(C,k)"]].isna().all()
    assert NO_CROSSING in table["note"]["ICC(A,1)"]


def test_variances_that_do_not_add_up_are_undefined_rather_than_above_1():
    # BMS = 1/4, JMS = 9/4, EMS = 25/4, n = 2: ICC(A,k) = -6 / (1/4 + (9/4 - 25/4) / 2) would be 24/7.
    row = wb.agreement.icc(panel([[5, 1], [2, 3]]), form="ICC(A,k)").iloc[0]
    assert np.isnan(row["value"]) and np.isnan(row["low"]) and "do not add up" in row["note"]


def test_full_agreement_has_a_value_and_no_interval():
    table = wb.agreement.icc(panel([[0.1, 0.1], [0.7, 0.7], [0.3, 0.3]]))
    assert table["value"].tolist() == [1.0] * 6 and table[["low", "high"]].isna().all(axis=None)
    assert all("interval has no width" in note for note in table["note"])


def test_labels_without_an_order_have_no_distance():
    table = wb.agreement.icc(wb.from_matrix(pd.DataFrame({"ann": ["a", "b", "c"], "bob": ["a", "b", "b"]})))
    assert table["value"].isna().all() and all("nominal levels have no distance" in note for note in table["note"])


def test_a_raters_last_rating_of_an_item_counts():
    rows = [("i1", "a", 9.0), ("i1", "a", 1.0), ("i1", "b", 2.0), ("i2", "a", 3.0), ("i2", "b", 3.0), ("i3", "a", 5.0), ("i3", "b", 7.0)]
    table = wb.agreement.icc(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])), form="ICC(A,1)")
    assert table["value"][0] == pytest.approx(6 / 7, abs=EXACT) and table["n_dropped"][0] == 1


@pytest.mark.parametrize(("wrong", "words"), [
    ({"form": "ICC(4,1)"}, "form='ICC\\(4,1\\)' is not known. Use one of: 'ICC\\(1,1\\)'"),
    ({"cluster": "item_id"}, "cluster='item_id' needs an interval that draws clusters; .* Use interval='jackknife'"),
    ({"interval": "percentile"}, "interval='percentile' is not known. Use one of: 'F', 'jackknife'"),
    ({"confidence": 95}, "confidence=95 is not a share between 0 and 1")])
def test_unknown_options_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        wb.agreement.icc(panel([[1, 2], [3, 3]]), **wrong)
