"""Such raters: the interval that lets items and raters both be others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import LOOPS, alpha_by_loop, from_counts, moments_of, row_of
from scipy.stats import binom

import workbench as wb
from workbench import resample
from workbench.agreement import krippendorff, two_way
from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import chance_sums
from workbench.agreement.conger import gwet_sums, pairwise_sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums
from workbench.agreement.identified import Identified
from workbench.agreement.intraclass import one_way_model, two_way_models
from workbench.agreement.two_way import leave_each_out, left, spread
from workbench.agreement.weights import weight_matrix
from workbench.reduce.tables import Moments

EXACT = 1e-9  # the same sums in another order, once over a difference
A = wb.agreement
SCALES = ("nominal", "ordinal", "interval", "ratio")
OTHERS = {"fleiss": lambda g: chance_sums(g, fleiss_chance, "identity"), "AC": lambda g: chance_sums(g, ac_chance, "linear"),
          "BP": lambda g: chance_sums(g, uniform_chance, "identity"), "percent": percent_sums}


def severe(generator, n_items, raters, each, spread=0.6):
    """Levels 0 to 4 of items by raters of differing severity: rater and level, (n_items, each)."""
    rater = np.argsort(generator.random((n_items, raters)), axis=1)[:, :each]
    latent = generator.normal(size=(n_items, 1)) + spread * generator.normal(size=raters)[rater]
    return rater, np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent + 0.7 * generator.normal(size=rater.shape))


def long(rater, level):
    """One row a rating; levels as scores from 1."""
    n, each = rater.shape
    return pd.DataFrame({"item_id": np.repeat([f"i{i:04d}" for i in range(n)], each), "rater_id": [f"r{j:02d}" for j in rater.ravel()],
                         "score": level.ravel() + 1.0})


def sparse_panel(seed=3, n_items=40, raters=7, each=3):
    """A panel in which every level occurs, some items rated once or twice."""
    frame = long(*severe(np.random.default_rng(seed), n_items, raters, each))
    return frame[np.random.default_rng(seed).random(len(frame)) > 0.2].reset_index(drop=True)


def matrix(frame):
    """Rows of raters over items, None for a gap."""
    wide = frame.pivot(index="rater_id", columns="item_id", values="score")
    return [[None if pd.isna(v) else float(v) for v in row] for row in wide.to_numpy()]


def group_of(frame, scale, levels=range(1, 6), cluster=None):
    """The group and its panel, as the reductions make them, without an engine."""
    unit, levels = frame["item_id"].factorize()[0], list(levels)
    level = frame["score"].map({float(level): k for k, level in enumerate(levels)}).to_numpy()
    counts = np.zeros((unit.max() + 1, len(levels)))
    np.add.at(counts, (unit, level), 1)
    clusters = None if cluster is None else frame.drop_duplicates("item_id")[cluster].factorize()[0]
    group = from_counts(counts, levels=levels, values=levels, scale=scale, n_raters=frame["rater_id"].nunique(), cluster=clusters)
    return group, Identified.of(frame.assign(unit=unit, level=level).sort_values("unit"), cluster)


def interval_of(sums, group, panel, **sampling):
    return row_of(sums, group, interval="two-way", panel=SimpleNamespace(of=lambda key: panel), **sampling)


def each_left_out(sums, group, panel):
    return leave_each_out(sums.left_of(panel) if sums.left_of else left(sums, group, panel))


def by_loop(rows, levels, sums):
    """Movement without each rater, and its variance over items, from the terms of all items with and without the rater's ratings."""
    def counts(rows):
        return np.array([[sum(row[i] == level for row in rows) for level in levels] for i in range(len(rows[0]))], dtype=float)

    def terms_and_formula(rows):
        stacked = np.concatenate([counts(rows), counts(rows)])
        group = from_counts(np.ones((1, len(levels))), values=levels)
        items = SimpleNamespace(**{**group.__dict__, "counts": stacked, "weight": np.ones(len(stacked)), "scale": sums.scale})
        terms, formula = sums.rows_of(items)
        return np.asarray(terms)[:len(rows[0])], formula

    everything, formula = terms_and_formula(rows)
    whole = everything.sum(axis=0)
    n, change, noise = len(everything), [], []
    for j in range(len(rows)):
        without, _ = terms_and_formula(rows[:j] + rows[j + 1:])
        totals = without.sum(axis=0)
        change.append(float(formula(totals) - formula(whole)))
        influence = without @ resample.gradient(formula, totals) - everything @ resample.gradient(formula, whole)
        noise.append(n / (n - 1) * ((influence - influence.mean()) ** 2).sum())
    return np.array(change), np.array(noise)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "ratio"])
def test_alpha_without_each_rater_is_what_a_loop_over_its_pairs_gives(scale):
    frame = sparse_panel()
    group, panel = group_of(frame, scale)
    change, _ = each_left_out(alpha_sums(group), group, panel)
    rows = matrix(frame)
    order = pd.Series(panel.names).str[1:].astype(int)
    whole = alpha_by_loop(rows, LOOPS[scale])
    assert change == pytest.approx([alpha_by_loop(rows[:j] + rows[j + 1:], LOOPS[scale]) - whole for j in order], abs=EXACT)


@pytest.mark.parametrize("name", ["alpha", *OTHERS])
def test_movement_and_noise_are_those_of_items_taken_one_by_one(name):
    frame = sparse_panel()
    group, panel = group_of(frame, "nominal")
    sums = alpha_sums(group) if name == "alpha" else OTHERS[name](group)
    found = each_left_out(sums, group, panel)
    order = pd.Series(panel.names).str[1:].astype(int)
    expected = by_loop(matrix(frame), group.values.tolist(), SimpleNamespace(rows_of=sums.rows_of, scale="nominal"))
    assert found[0] == pytest.approx(expected[0][order], abs=EXACT)
    assert found[1] == pytest.approx(expected[1][order], abs=EXACT)


def test_a_spread_worked_by_hand():
    # Five raters move the value by .1, -.1, .2, -.2, 0: squares sum to .1, less noise of 5 * .01 leaves .05; times 4/5 is .04.
    # With the items' .3^2 the variance is .13. Its doubt: .3^4 / 10 + (.08)^2 / 4 = .00081 + .0016 = .00241, so df = .0169 / .00241.
    se, df = spread(0.3, 10, np.array([0.1, -0.1, 0.2, -0.2, 0.0]), np.full(5, 0.01))
    assert (se, df) == pytest.approx((0.13**0.5, 0.0169 / 0.00241), rel=EXACT)


def test_raters_who_move_the_value_by_no_more_than_noise_add_nothing():
    assert spread(0.3, 10, np.full(5, 0.1), np.full(5, 0.02)) == pytest.approx((0.3, 10), rel=EXACT)
    assert spread(0.0, 10, np.zeros(5), np.zeros(5)) == (0, 10)


@pytest.mark.parametrize("scale", SCALES)
def test_items_that_are_not_merged_and_slopes_that_are_shared_give_the_same(scale, monkeypatch):
    group, panel = group_of(sparse_panel(), scale)
    change, noise = each_left_out(alpha_sums(group), group, panel)
    monkeypatch.setattr(two_way, "FEW_LEVELS", 1)
    unmerged = each_left_out(alpha_sums(group), group, panel)
    assert unmerged[0] == pytest.approx(change, abs=EXACT) and unmerged[1] == pytest.approx(noise, abs=EXACT)
    monkeypatch.setattr(two_way, "SLOPE_STEPS", 0)
    shared = each_left_out(alpha_sums(group), group, panel)
    assert shared[0] == pytest.approx(change, abs=EXACT) and shared[1].sum() == pytest.approx(noise.sum(), rel=0.15)


def test_ordinal_alpha_of_many_levels_keeps_the_midranks_of_all_ratings(monkeypatch):
    generator = np.random.default_rng(4)
    truth = generator.integers(0, 40, (80, 1))
    rater = np.argsort(generator.random((80, 6)), axis=1)[:, :4]
    frame = long(rater, np.clip(truth + generator.integers(-9, 10, rater.shape), 0, 39))
    group, panel = group_of(frame, "ordinal", range(1, 41))
    kept = spread(0.05, 50, *each_left_out(alpha_sums(group), group, panel))
    monkeypatch.setattr(krippendorff, "FEW_LEVELS", 100)
    anew = spread(0.05, 50, *each_left_out(alpha_sums(group), group, panel))
    assert kept[0] == pytest.approx(anew[0], rel=0.06)  # seen to differ by up to 5 % over a dozen such panels


def test_scores_and_a_table_of_their_squared_differences_give_the_same_movement():
    group, panel = group_of(sparse_panel(), "interval")
    steps = np.arange(5)
    by_levels = each_left_out(alpha_sums(group), group, panel)
    by_scores = moments_of(group)
    for other, sums in ((group, alpha_sums(group, (steps[:, None] - steps) ** 2)), (by_scores, alpha_sums(by_scores))):
        found = each_left_out(sums, other, panel)
        assert found[0] == pytest.approx(by_levels[0], abs=EXACT) and found[1] == pytest.approx(by_levels[1], abs=EXACT)


@pytest.mark.parametrize("scale", ["nominal", "interval"])
def test_clusters_of_one_item_change_nothing_and_copies_of_an_item_tell_no_more_than_one(scale):
    frame = sparse_panel().assign(prompt_id=lambda f: f["item_id"])
    alone, named = (each_left_out(alpha_sums(group), group, panel)
                    for group, panel in (group_of(frame, scale), group_of(frame, scale, cluster="prompt_id")))
    assert named[0] == pytest.approx(alone[0], abs=EXACT) and named[1] == pytest.approx(alone[1], abs=EXACT)
    copies = pd.concat([frame.assign(item_id=frame["item_id"] + f"-{copy}") for copy in range(3)])
    group, panel = group_of(copies, scale, cluster="prompt_id")
    clustered = each_left_out(alpha_sums(group), group, panel)
    # Alpha's (N - 1) / N is all that differs.
    assert clustered[0] == pytest.approx(alone[0], abs=0.01) and clustered[1] == pytest.approx(alone[1], rel=0.02)


def test_items_without_a_cluster_are_clusters_of_their_own():
    frame = sparse_panel()
    gappy = frame.assign(prompt_id=np.where(frame["item_id"] < "i0020", frame["item_id"].str[:4], None))
    named = gappy.assign(prompt_id=gappy["prompt_id"].fillna(gappy["item_id"]))
    one, other = (A.gwet_ac(wb.read(f), interval="two-way", cluster="prompt_id") for f in (gappy, named))
    assert one["se"][0] == pytest.approx(other["se"][0], abs=EXACT)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_order_and_names_of_raters_and_items_change_nothing(seed):
    frame, generator = sparse_panel(), np.random.default_rng(seed)
    names = {f"r{j:02d}": f"x{k}" for j, k in enumerate(generator.permutation(7))}
    items = {name: f"y{k}" for name, k in zip(frame["item_id"].unique(), generator.permutation(40))}
    other = frame.replace({"rater_id": names, "item_id": items}).sample(frac=1, random_state=seed)
    found, again = (each_left_out(alpha_sums(group), group, panel)
                    for group, panel in (group_of(frame, "ordinal"), group_of(other, "ordinal")))
    assert np.sort(found[0]) == pytest.approx(np.sort(again[0]), abs=EXACT)
    assert np.sort(found[1]) == pytest.approx(np.sort(again[1]), abs=EXACT)


def test_every_coefficient_offers_it_by_group_and_says_what_it_speaks_for():
    frame = pd.concat([sparse_panel(1).assign(task_type="code"), sparse_panel(2).assign(task_type=None)])
    frame["item_id"] += frame["task_type"].fillna("-")
    ratings, part = wb.read(frame), frame[frame["task_type"] == "code"]
    group, panel = group_of(part, "ordinal")
    for name, sums in (("percent_agreement", percent_sums(group)), ("fleiss_kappa", OTHERS["fleiss"](group)),
                       ("gwet_ac", chance_sums(group, ac_chance, "identity")), ("brennan_prediger", OTHERS["BP"](group)),
                       ("krippendorff_alpha", alpha_sums(group))):
        table, items = (getattr(A, name)(ratings, by=["task_type"], interval=i) for i in ("two-way", "jackknife"))
        assert set(table["estimand"]) == {"such raters"} and set(table["method"]) == {"two-way"}, name
        assert set(items["estimand"]) == {"these raters"}
        assert (table["se"] >= items["se"]).all() and (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()
        alone = interval_of(sums, group, panel, lowest=0 if name == "percent_agreement" else -np.inf)
        assert table.set_index("task_type").loc["code", ["low", "high"]].tolist() == pytest.approx([alone["low"], alone["high"]], abs=EXACT)


def test_below_five_raters_the_value_stays_without_an_interval():
    group, panel = group_of(long(*severe(np.random.default_rng(0), 30, 4, 4)), "nominal")
    row = interval_of(alpha_sums(group), group, panel)
    assert np.isfinite(row["value"]) and np.isnan([row["low"], row["high"], row["se"]]).all()
    assert (row["estimand"], row["note"]) == ("such raters", "fewer than 5 raters: what other raters would say cannot be told")


def test_an_undefined_value_was_still_asked_of_such_raters():
    group, panel = group_of(pd.DataFrame([(f"i{i}", f"r{j}", 1.0) for i in range(9) for j in range(5)],
                                         columns=["item_id", "rater_id", "score"]), "nominal")
    row = interval_of(alpha_sums(group), group, panel)
    assert (row["estimand"], row["method"], row["note"]) == ("such raters", "none", "only one level occurs")


def test_raters_who_share_no_item_do_not_count_towards_five():
    frame = long(*severe(np.random.default_rng(0), 30, 4, 4))
    alone = pd.DataFrame({"item_id": ["z"], "rater_id": ["r99"], "score": [3.0]})
    group, panel = group_of(pd.concat([frame, alone]), "nominal")
    for sums in (alpha_sums(group), *(make(group) for make in OTHERS.values())):
        assert interval_of(sums, group, panel)["note"].startswith("fewer than 5 raters")


def test_a_rater_without_whom_the_value_is_undefined_leaves_no_interval():
    # Only r4 ever says 2: without them one level is left.
    frame = pd.DataFrame([(f"i{i}", f"r{j}", 2.0 if j == 4 and i < 3 else 1.0) for i in range(9) for j in range(5)],
                         columns=["item_id", "rater_id", "score"])
    group, panel = group_of(frame, "nominal")
    row = interval_of(alpha_sums(group), group, panel)
    assert np.isfinite(row["value"]) and np.isnan(row["low"]) and row["note"] == "undefined without one rater or item: no interval"


@pytest.mark.parametrize(("each", "raters"), [(8, 8), (3, 12)])
def test_it_covers_what_such_raters_would_give_and_an_interval_for_these_raters_does_not(each, raters):
    generator = np.random.default_rng(12)
    fresh = np.arange(4 * 100_000).reshape(-1, 4)  # a rater of their own for every rating
    latent = generator.normal(size=(len(fresh), 1)) + 0.6 * generator.normal(size=fresh.shape) + 0.7 * generator.normal(size=fresh.shape)
    level = np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent)
    whole = alpha_sums(from_counts(np.stack([(level == k).sum(axis=1) for k in range(5)], axis=1), scale="interval"))
    truth = float(resample.value(whole.formula, whole.weight @ whole.terms))
    runs, covered = 150, {"two-way": 0, "jackknife": 0}
    for _ in range(runs):
        rater, level = severe(generator, 80, raters, each)
        group = from_counts(np.stack([(level == k).sum(axis=1) for k in range(5)], axis=1), scale="interval", n_raters=raters)
        frame = pd.DataFrame({"unit": np.repeat(np.arange(80), each), "rater_id": rater.ravel(), "level": level.ravel(), "score": 0.0})
        panel = SimpleNamespace(of=lambda key: Identified.of(frame))
        for method in covered:
            row = row_of(alpha_sums(group), group, interval=method, panel=panel)
            covered[method] += row["low"] <= truth <= row["high"]
    # Binomial bounds of .95, less .02 below: with eight raters their spread is known to 1 in 4.
    assert binom.ppf(0.001, runs, 0.93) <= covered["two-way"], covered
    assert covered["jackknife"] < 0.9 * runs


def test_its_error_is_near_that_of_drawing_raters_and_items_where_raters_differ_much():
    # Product weights (Owen 2007): an item's pairs are over distinct raters, weighted v_j v_k. Known to be conservative: the noise of
    # single ratings enters three times. With raters this far apart it is a small part.
    generator = np.random.default_rng(5)
    rater, level = severe(generator, 150, 20, 20, spread=1.2)
    group, panel = group_of(long(rater, level), "nominal")
    row = interval_of(percent_sums(group), group, panel)
    same = (level[:, :, None] == level[:, None, :]) & ~np.eye(20, dtype=bool)
    order = np.argsort(rater, axis=1)
    agree = np.take_along_axis(np.take_along_axis(same, order[:, :, None], axis=1), order[:, None, :], axis=2).astype(float)
    v, u = (generator.multinomial(n, np.full(n, 1 / n), 800).astype(float) for n in (20, 150))
    pairs = v.sum(axis=1) ** 2 - (v**2).sum(axis=1)
    by_item = np.einsum("bj,ijk,bk->bi", v, agree, v, optimize=True) / pairs[:, None]
    drawn = (u * by_item).sum(axis=1) / u.sum(axis=1)
    assert drawn.mean() == pytest.approx(row["value"], abs=0.02)
    assert row["se"] == pytest.approx(drawn.std(), rel=0.15)


def moments_group(panel):
    n, total, squares = (np.bincount(panel.item, panel.score**power) for power in (0, 1, 2))
    return Moments({}, n, total, squares, 0.0, np.ones(len(n)), None, "interval", len(n), panel.n_raters, len(panel.item), 0, "")


def icc_sums(form):
    return lambda panel: two_way_models(one_way_model(moments_group(panel)), panel)[form].sums(moments_group(panel), False)


WITH_RATERS = {
    **{f"conger {w}": lambda panel, w=w: gwet_sums(panel, weight_matrix(w, np.arange(5.0)), "bootstrap") for w in ("identity", "linear")},
    "pairwise": lambda panel: pairwise_sums(panel, weight_matrix("quadratic", np.arange(5.0)), "bootstrap"),
    **{f"icc {form}": icc_sums(form) for form in "1AC"}}


def some_of(panel, kept):
    """The panel with the ratings `kept` alone, items and raters coded anew."""
    (_, item), (raters, rater) = (np.unique(code[kept], return_inverse=True) for code in (panel.item, panel.rater))
    return Identified(item, rater, panel.level[kept], panel.score[kept], panel.names[raters])


def value_of(make, panel):
    sums = make(panel)
    return float(resample.value(sums.formula, sums.weight @ sums.terms))


@pytest.mark.parametrize("name", WITH_RATERS)
def test_where_who_rated_matters_movement_and_noise_are_those_of_panels_without_the_rater(name):
    _, panel = group_of(long(*severe(np.random.default_rng(8), 60, 6, 5)), "nominal")
    make = WITH_RATERS[name]
    change, noise = each_left_out(make(panel), moments_group(panel), panel)
    movements = []
    for item in [None, *range(60)]:
        here = some_of(panel, panel.item != item)
        whole = value_of(make, here)
        movements.append([value_of(make, some_of(here, here.rater != j)) - whole for j in range(6)])
    # ICC holds the effects of the other raters, Conger's pairs the number of items: 1 / n of little.
    assert change == pytest.approx(movements[0], abs=EXACT if name.startswith(("conger", "icc 1")) else 0.01)
    left_out = np.array(movements[1:])
    assert noise == pytest.approx(59 / 60 * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0), rel=0.15)
