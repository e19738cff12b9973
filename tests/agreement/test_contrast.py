"""The difference of two conditions: by hand, by loops, by exhaustive exchange, and on planted truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from panels import LOOPS, alpha_by_loop, from_counts
from scipy.stats import binom, kstest

import workbench as wb
from workbench.agreement import identified
from workbench.agreement.contrast import Condition, difference_row, lone_row, put_beside, without_raters
from workbench.agreement.estimate import Sampling
from workbench.agreement.exchange import Beside, interval_of, p_value, statistic
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.two_way import leave_each_out, left
from workbench.agreement.identified import Identified
from workbench.errors import ParameterError
from workbench.schema import UNIT

EXACT = 1e-10  # the same sums in another order
SHARES = np.array([0.5, 0.3, 0.2])
KIND = "krippendorff_alpha"


def long(parts, column="party", **further):
    """A rating table: for each level of `column` item -> its scores, by raters of that level."""
    rows = [{"item_id": item, "rater_id": f"{level}{j}", "score": score, column: level, **further}
            for level, items in parts.items() for item, scores in items.items() for j, score in enumerate(scores)]
    return wb.read(pd.DataFrame(rows))


def side(levels, items, q=3):
    """One condition from rows of levels, one an item, without an engine."""
    levels = np.asarray(levels)
    n, k = levels.shape
    cells = pd.DataFrame({"unit": np.repeat(np.arange(n), k), "item_id": np.repeat(items, k), "step": None, "criterion": "overall",
                          "rubric": "default", "rater_id": np.tile(np.arange(k), n), "level": levels.ravel(),
                          "score": levels.ravel().astype(float)})
    return Condition(from_counts([np.bincount(row, minlength=q) for row in levels], n_raters=k), alpha_sums, Identified.of(cells),
                     cells.drop_duplicates("unit"))


def some_raters(one, kept):
    """A condition with the ratings of the raters `kept` alone."""
    panel = one.panel
    there = np.isin(panel.names[panel.rater], kept)
    (_, item), (raters, rater) = (np.unique(code[there], return_inverse=True) for code in (panel.item, panel.rater))
    few = Identified(item, rater, panel.level[there], panel.score[there], panel.names[raters])
    return Condition(from_counts(few.counts(3), n_raters=len(raters)), alpha_sums, few, one.units.iloc[np.unique(panel.item[there])])


def drawn(generator, truth, copied, raters):
    """Ratings that copy their item's level with chance `copied`, else are drawn from SHARES: alpha is copied^2."""
    own = generator.choice(3, size=(len(truth), raters), p=SHARES)
    return np.where(generator.random(own.shape) < copied, truth[:, None], own)


def simulated(generator, design, copied, raters=(3, 3), items=60):
    """Two drawn conditions side by side, item by item, and the difference of their alphas."""
    offset = {"paired": 0, "partly paired": items // 2, "unpaired": items}[design]
    truth = generator.choice(3, size=items + offset, p=SHARES)
    terms, given, formulas = np.zeros((2, len(truth), 5)), np.zeros((2, len(truth)), dtype=bool), []
    for k, place in enumerate((slice(items), slice(offset, None))):
        levels = drawn(generator, truth[place], copied[k], raters[k])
        sums = alpha_sums(from_counts([np.bincount(row, minlength=3) for row in levels]))
        terms[k, place], given[k, place] = sums.terms, True
        formulas.append(sums.formula)
    pair = Beside(terms[0], terms[1], np.ones(len(truth)), given[0], given[1], tuple(formulas), alike=True)
    return pair, float(pair.formula(np.concatenate(terms.sum(axis=1))))


def last(table):
    """The row of the difference."""
    return table.iloc[-1]


def test_a_paired_difference_worked_by_hand():
    # Agreement by item: lab 1, 1, 0, 1, vendor 1, 0, 0, 1. Differences 0, -1, 0, 0: mean -1/4, error sqrt(3/4 / (4 3)) = 1/4.
    lab, vendor = {"i1": (1, 1), "i2": (2, 2), "i3": (1, 2), "i4": (2, 2)}, {"i1": (1, 1), "i2": (2, 1), "i3": (1, 2), "i4": (2, 2)}
    ratings = long({"lab": lab, "vendor": vendor})
    for interval in ("linearized", "jackknife"):
        table = wb.agreement.difference(ratings, between="party", coefficient="percent_agreement", interval=interval)
        assert table[["name", "party", "value"]].values.tolist() == [
            ["percent_agreement", "lab", 0.75], ["percent_agreement", "vendor", 0.5],
            ["difference of percent_agreement", "vendor less lab", -0.25]]
        assert last(table)["se"] == pytest.approx(0.25, abs=EXACT)
    # Only the second item can change the difference, and then to +1/4, as far from 0.
    assert last(table)["p_value"] == 1 and last(table)["design"] == "paired"
    assert last(table)[["n_items", "n_shared", "n_raters", "n_ratings"]].tolist() == [4, 4, 4, 16]


def test_the_p_value_of_six_items_that_all_speak_one_way_is_that_of_the_sign_test():
    parts = {"lab": {f"i{i}": (i % 2, i % 2) for i in range(12)},
             "vendor": {f"i{i}": (i % 2, (i + (i < 6)) % 2) for i in range(12)}}
    draws = 20_000
    row = last(wb.agreement.difference(long(parts), between="party", coefficient="percent_agreement", draws=draws))
    low, high = binom.ppf([1e-4, 1 - 1e-4], draws, 2 / 2**6) / draws
    assert low <= row["p_value"] <= high + 1 / draws


def rows_with(parts, items, level):
    """Rows of raters over `items` for one condition, None for a gap: the form the loops read."""
    width = max(map(len, parts[level].values()))
    return [[parts[level][i][j] if i in parts[level] and j < len(parts[level][i]) else None for i in items] for j in range(width)]


@pytest.mark.parametrize(("scale", "shared"), [("nominal", 10), ("ordinal", 4), ("interval", 0), ("interval", 4)])
def test_the_jackknife_equals_leaving_out_each_item_in_a_loop(scale, shared):
    generator = np.random.default_rng(shared)
    first, second = [f"i{i:02d}" for i in range(10)], [f"i{i:02d}" for i in range(10 - shared, 20 - shared)]
    parts = {"a": {i: tuple(generator.integers(1, 5, generator.integers(2, 5))) for i in first},
             "b": {i: tuple(generator.integers(1, 5, generator.integers(2, 5))) for i in second}}
    everything = sorted({*first, *second})

    def apart(items):
        values = [alpha_by_loop(rows_with(parts, [i for i in items if i in parts[level]], level), LOOPS[scale]) for level in parts]
        return values[1] - values[0]
    without = np.array([apart([i for i in everything if i != gone]) for gone in everything])
    n = len(everything)
    row = last(wb.agreement.difference(long(parts), between="party", weights=scale, draws=20, interval="jackknife"))
    assert row["value"] == pytest.approx(apart(everything), abs=EXACT)
    assert row["se"] == pytest.approx(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()), abs=EXACT)
    assert (row["n_shared"], row["n_items"]) == (shared, n)
    assert row["design"] == {10: "paired", 4: "partly paired", 0: "unpaired"}[shared]
    assert ("4 of 16 items are shared" in row["note"]) == (shared == 4)


def test_the_linearized_error_of_paired_ac1_is_gwets():
    generator = np.random.default_rng(5)
    panels = {level: generator.integers(0, 3, (25, 3)) for level in ("a", "b")}

    def linear(levels):
        """Gwet's value of each item: kappa_i - 2 (1 - kappa) (p_e_i - p_e) / (1 - p_e)."""
        shares = np.array([np.bincount(row, minlength=3) / 3 for row in levels])
        mean = shares.mean(axis=0)
        agreed = (3 * shares * (3 * shares - 1)).sum(axis=1) / 6
        expected, own = (mean * (1 - mean)).sum() / 2, (shares * (1 - mean)).sum(axis=1) / 2
        kappa = (agreed - expected) / (1 - expected)
        return kappa - 2 * (1 - kappa.mean()) * (own - expected) / (1 - expected)
    apart = linear(panels["b"]) - linear(panels["a"])
    ratings = long({level: {f"i{i:02d}": tuple(row) for i, row in enumerate(panel)} for level, panel in panels.items()})
    row = last(wb.agreement.difference(ratings, between="party", coefficient="gwet_ac", interval="linearized", draws=20))
    assert (row["value"], row["se"]) == pytest.approx((apart.mean(), apart.std(ddof=1) / 5), abs=EXACT)


def of_sides(first, second):
    return put_beside(first, second, list(UNIT))[0]


@pytest.mark.parametrize("design", ["paired", "unpaired", "partly paired"])
def test_exchanges_have_the_distribution_of_all_exchanges_made_by_hand(design):
    generator = np.random.default_rng(1)
    items = {"paired": (range(7), range(7)), "unpaired": (range(4), range(4, 9)), "partly paired": (range(5), range(3, 8))}[design]
    ratings = [dict(zip(own, generator.integers(0, 3, (len(own), 3)))) for own in items]
    pair = of_sides(*(side(np.array(list(own.values())), list(own)) for own in ratings))
    both = sorted({*items[0]} & {*items[1]})
    alone = sorted({*items[0]} ^ {*items[1]})
    lone = {**{i: ratings[0][i] for i in items[0]}, **{i: ratings[1][i] for i in items[1] if i not in both}}
    found = []
    for swaps in product([False, True], repeat=len(both)):
        for dealt in combinations(alone, len(items[0]) - len(both)):
            first = {i: lone[i] for i in dealt} | {i: ratings[int(s)][i] for i, s in zip(both, swaps)}
            second = {i: lone[i] for i in alone if i not in dealt} | {i: ratings[1 - int(s)][i] for i, s in zip(both, swaps)}
            exchanged = of_sides(*(side(np.array(list(own.values())), list(own)) for own in (first, second)))
            found.append(abs(statistic(exchanged, np.zeros((1, len(exchanged.weight))))[0]))
    observed = abs(statistic(pair, np.zeros((1, len(pair.weight))))[0])
    expected = np.mean(~(np.array(found) < observed - 1e-9))
    draws = 5000
    low, high = binom.ppf([1e-4, 1 - 1e-4], draws, expected) / draws
    assert low <= p_value(pair, draws=draws, seed=0) <= high + 1 / draws
    assert 0.02 < expected < 0.98


def test_the_statistic_is_the_difference_over_its_linearized_error():
    generator = np.random.default_rng(4)
    levels = generator.integers(0, 3, (2, 30, 3))
    first, second = (side(part, np.arange(30) + shift) for part, shift in zip(levels, (0, 10)))
    how = Sampling("linearized")
    alone = [lone_row(one, {}, KIND, how) for one in (first, second)]
    row = difference_row(first, second, alone, ("a", "b"), "party", how)
    pair = of_sides(first, second)
    assert statistic(pair, np.zeros((1, len(pair.weight))))[0] == pytest.approx(row["value"] / row["se"], abs=EXACT)


def test_pairing_makes_the_interval_narrower_where_items_are_hard_under_both():
    # Items differ in how often they are agreed on, alike under both conditions.
    generator = np.random.default_rng(3)
    hard = generator.random(200) < 0.4
    sure = np.where(hard, 0.05, 0.98)[:, None]
    panels = [np.where(generator.random((200, 3)) < sure, 0, generator.integers(0, 3, (200, 3))) for _ in "ab"]
    parts = {level: {f"i{i}": tuple(row) for i, row in enumerate(panel)} for level, panel in zip("ab", panels)}
    moved = {"a": parts["a"], "b": {f"j{i}": row for i, row in parts["b"].items()}}
    paired, unpaired = (wb.agreement.difference(long(p), between="party", coefficient="percent_agreement") for p in (parts, moved))
    assert last(paired)["value"] == last(unpaired)["value"]
    assert last(unpaired)["se"] > 1.3 * last(paired)["se"]
    assert last(unpaired)["se"] == pytest.approx(np.hypot(*unpaired["se"][:2]), rel=0.01)  # n / (n - 1) of 400 for 200
    assert (last(paired)["design"], last(unpaired)["design"]) == ("paired", "unpaired")


@pytest.mark.parametrize(("design", "raters"), [("paired", (3, 3)), ("unpaired", (2, 4)), ("partly paired", (3, 3))])
def test_under_no_difference_p_values_are_even_and_intervals_cover(design, raters):
    generator, runs = np.random.default_rng(12), 200
    pairs = [simulated(generator, design, (0.7, 0.7), raters) for _ in range(runs)]
    p = np.array([p_value(pair, draws=99, seed=k) for k, (pair, _) in enumerate(pairs)])
    assert binom.ppf(0.001, runs, 0.05) <= (p <= 0.05).sum() <= binom.ppf(0.999, runs, 0.05)
    assert kstest(p - 0.005, "uniform").pvalue > 0.001  # p lies on 1/100, ..., 1: its middle is .005 above an even one's
    rows = [interval_of(pair, value, Sampling("jackknife")) for pair, value in pairs]
    covered = sum(row["low"] <= 0 <= row["high"] for row in rows)
    assert binom.ppf(0.001, runs, 0.95) <= covered <= binom.ppf(0.999, runs, 0.95)


@pytest.mark.parametrize("interval", ["jackknife", "linearized", "bootstrap", "bca"])
def test_intervals_cover_a_planted_difference_and_p_values_find_it(interval):
    generator, runs, truth = np.random.default_rng(13), 100, 0.5**2 - 0.8**2
    pairs = [simulated(generator, "paired", (0.8, 0.5)) for _ in range(runs)]
    rows = [interval_of(pair, value, Sampling(interval, draws=200, seed=k)) for k, (pair, value) in enumerate(pairs)]
    assert binom.ppf(0.001, runs, 0.93) <= sum(row["low"] <= truth <= row["high"] for row in rows)  # 60 items: some lack .02
    assert np.mean([p_value(pair, draws=99, seed=k) <= 0.05 for k, (pair, _) in enumerate(pairs)]) > 0.9


def both_sides(design, seed=2, items=40, raters=6):
    """Two conditions: on the same items by the same raters, by raters of whom two are the same, or on other items by others."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(3, size=items, p=SHARES)
    first, second = (side(drawn(generator, truth, copied, raters), range(items)) for copied in (0.9, 0.6))
    moved = {"same": 0, "two shared": raters - 2, "others": raters}[design]
    units = second.units.assign(item_id=second.units["item_id"] + (items if design == "others" else 0))
    panel = replace(second.panel, names=second.panel.names + moved)
    return first, replace(second, panel=panel, units=units)


def value_apart(first, second):
    of = [float(alpha.formula(alpha.weight @ alpha.terms)) for alpha in (alpha_sums(one.group) for one in (first, second))]
    return of[1] - of[0]


@pytest.mark.parametrize("design", ["same", "two shared", "others"])
def test_without_a_rater_the_difference_is_that_of_both_conditions_without_them(design):
    first, second = both_sides(design)
    *_, owners = put_beside(first, second, list(UNIT))
    change, noise, kind = without_raters(first, second, owners)
    names = np.unique([*first.panel.names, *second.panel.names])
    # Of 6 raters a side, m on both: 5/6 of each side's movements, spread over (m - 1) / m.
    m, apart = len(names), value_apart(first, second)
    share = (5 / 6 * m / (m - 1)) ** 0.5
    expected = [value_apart(*(some_raters(one, names[names != name]) for one in (first, second))) - apart for name in names]
    assert change == pytest.approx(share * np.array(expected), abs=EXACT)
    assert np.bincount(kind, minlength=3).tolist() == {"same": [0, 0, 6], "two shared": [4, 4, 2], "others": [6, 6, 0]}[design]
    assert (noise > 0).all()


def test_raters_of_one_condition_only_add_what_they_do_to_either_and_shared_ones_cancel_what_they_do_to_both():
    first, second = both_sides("others")
    change, noise, _ = without_raters(first, second, put_beside(first, second, list(UNIT))[3])
    each = [leave_each_out(left(alpha_sums(one.group), one.group, one.panel)) for one in (first, second)]
    # Six raters a side count 5/6 in either, twelve 11/12; variances of 40 items n / (n - 1) = 40/39, of 80 items 80/79.
    for joint, parts, n in ((change**2, [part[0]**2 for part in each], 1), (noise, [part[1] for part in each], 80 / 79 * 39 / 40)):
        assert 11 / 12 * joint.sum() == pytest.approx(5 / 6 * n * sum(part.sum() for part in parts), rel=1e-4)  # means are nearly 0
    same = side(drawn(np.random.default_rng(0), np.arange(40) % 3, 0.7, 6), range(40))
    change, noise, _ = without_raters(same, same, put_beside(same, same, list(UNIT))[3])
    assert change == pytest.approx(np.zeros(6), abs=EXACT) and noise == pytest.approx(np.zeros(6), abs=EXACT)


def test_the_variance_of_a_movement_is_that_of_leaving_out_each_item_of_both_conditions():
    generator = np.random.default_rng(3)
    truth = generator.choice(3, size=60, p=SHARES)
    levels = [drawn(generator, truth, copied, 5) for copied in (0.9, 0.6)]

    def noise_without(item):
        kept = np.arange(60) != item
        first, second = (side(part[kept], np.flatnonzero(kept)) for part in levels)
        return without_raters(first, second, put_beside(first, second, list(UNIT))[3])
    moved = np.array([noise_without(i)[0] for i in range(60)])
    expected = 59 / 60 * ((moved - moved.mean(axis=0)) ** 2).sum(axis=0)
    assert noise_without(None)[1] == pytest.approx(expected, rel=0.15)  # they part in the order of 1 / 60, times a few


def test_such_raters_are_asked_for_by_name_and_need_five_under_each_condition():
    generator = np.random.default_rng(11)
    parts = {level: {f"i{i:02d}": tuple(drawn(generator, np.array([i % 3]), c, 6)[0]) for i in range(40)} for level, c in (("a", 0.9), ("b", 0.6))}
    table, these = (wb.agreement.difference(long(parts), between="party", interval=i, draws=50) for i in ("two-way", "jackknife"))
    assert set(table["estimand"]) == {"such raters"} and set(table["method"]) == {"two-way"} and set(these["estimand"]) == {"these raters"}
    assert (table["se"] >= these["se"] - EXACT).all() and table["p_value"].equals(these["p_value"])
    few = {"a": parts["a"], "b": {item: scores[:4] for item, scores in parts["b"].items()}}
    table = wb.agreement.difference(long(few), between="party", interval="two-way", draws=50)
    assert table["low"].notna().tolist() == [True, False, False] and set(table["estimand"]) == {"such raters"}
    assert "no interval of b, so none here" in last(table)["note"] and "b: fewer than 5 raters" in last(table)["note"]
    frame = long(parts).to_pandas(limit=None)[["item_id", "rater_id", "score", "party"]]
    named = wb.read(frame.assign(prompt_id=frame["item_id"]))
    one, other = (last(wb.agreement.difference(r, between="party", interval="two-way", draws=9, cluster=c))
                  for r, c in ((long(parts), None), (named, "prompt_id")))
    assert one["se"] == pytest.approx(other["se"], abs=EXACT)


def test_clusters_change_places_whole_and_widen_the_interval():
    generator = np.random.default_rng(6)
    truth = generator.choice(3, size=12, p=SHARES)
    panels = [np.repeat(drawn(generator, truth, c, 3), 8, axis=0) for c in (0.9, 0.6)]
    rows = [{"item_id": f"i{i:03d}", "rater_id": f"{level}{j}", "score": float(score), "party": level, "prompt_id": f"p{i // 8}"}
            for level, panel in zip("ab", panels) for i, scores in enumerate(panel) for j, score in enumerate(scores)]
    ratings = wb.read(pd.DataFrame(rows))
    alone, together = (last(wb.agreement.difference(ratings, between="party", cluster=c)) for c in (None, "prompt_id"))
    assert together["value"] == pytest.approx(alone["value"], abs=EXACT) and together["se"] > 2.3 * alone["se"]  # sqrt(8) is 2.8
    assert together["p_value"] > 10 * alone["p_value"] and together["n_items"] == 96


def test_scores_without_levels_and_sparse_counts_give_the_same_answers(monkeypatch):
    generator = np.random.default_rng(7)
    parts = {level: {f"i{i:02d}": tuple(generator.integers(1, 5, 3)) for i in range(20)} for level in "ab"}
    dense = wb.agreement.difference(long(parts), between="party", weights="nominal")
    monkeypatch.setattr(identified, "DENSE_CELLS", 0)
    sparse = wb.agreement.difference(long(parts), between="party", weights="nominal")
    pd.testing.assert_frame_equal(sparse.drop(columns="p_value"), dense.drop(columns="p_value"))
    assert last(sparse)["p_value"] == pytest.approx(last(dense)["p_value"], abs=0.06)  # other draws: 4 sqrt(2 p (1 - p) / 1000)
    real = {level: {i: tuple(1e6 + np.array(scores) / 7) for i, scores in items.items()} for level, items in parts.items()}
    moved, plain = (last(wb.agreement.difference(long(p), between="party", weights="interval")) for p in (real, parts))
    # Scores of 10^6 with a spread of 1 keep ten digits, their squares fewer.
    assert moved[["value", "se", "p_value"]].tolist() == pytest.approx(plain[["value", "se", "p_value"]].tolist(), abs=1e-6)


def test_weights_are_the_scale_of_alpha_and_the_credit_of_the_others():
    generator = np.random.default_rng(8)
    ratings = long({level: {f"i{i:02d}": tuple(generator.integers(1, 5, 3)) for i in range(20)} for level in "ab"})
    squared = (np.arange(4)[:, None] - np.arange(4)) ** 2.0
    for coefficient, weights, same in ((KIND, "interval", squared), ("gwet_ac", "quadratic", 1 - squared / 9)):
        named, own = (wb.agreement.difference(ratings, between="party", coefficient=coefficient, weights=w) for w in (weights, same))
        assert named["value"].tolist() == pytest.approx(own["value"].tolist(), abs=EXACT)
    for name in ("percent_agreement", "fleiss_kappa", "brennan_prediger", "gwet_ac"):
        table = wb.agreement.difference(ratings, between="party", coefficient=name, draws=20)
        alone = getattr(wb.agreement, name)(ratings, by=["party"])
        assert table["value"][:2].tolist() == pytest.approx(alone["value"].tolist(), abs=EXACT)
        assert last(table)["value"] == pytest.approx(alone["value"][1] - alone["value"][0], abs=EXACT)


PAIRS = {f"i{i}": (i % 3, i % 3, (i + (i % 4 == 0)) % 3) for i in range(12)}
LOOSE = {f"i{i}": (i % 3, (i + i % 2) % 3, (i + (i % 4 == 0)) % 3) for i in range(12)}


@pytest.fixture(scope="module")
def three():
    """Three parties on the same items."""
    return long({"a": LOOSE, "b": PAIRS, "c": PAIRS})


def test_the_second_level_named_is_the_one_the_first_is_taken_from(three):
    table = wb.agreement.difference(three, between="party", levels=("b", "a"))
    back = wb.agreement.difference(three, between="party", levels=("a", "b"))
    assert table["party"].tolist() == ["b", "a", "a less b"] and last(table)["value"] == -last(back)["value"] < 0
    assert last(table)["p_value"] == pytest.approx(last(back)["p_value"], abs=0.05)  # other draws: sqrt(p / 1000), thrice


def test_weeks_are_named_by_their_monday():
    rows = [(item, f"r{j}", score, when) for part, when in ((PAIRS, "2026-11-03"), (LOOSE, "2026-11-12"))
            for item, scores in part.items() for j, score in enumerate(scores)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rated_at"])
    ratings = wb.read(frame.assign(rated_at=pd.to_datetime(frame["rated_at"], utc=True)))
    table = wb.agreement.difference(ratings, between="week")
    assert table["week"].tolist() == ["2026-11-02", "2026-11-09", "2026-11-09 less 2026-11-02"] and last(table)["n_shared"] == 12
    named = wb.agreement.difference(ratings, between="week", levels=("2026-11-09", "2026-11-02"))
    assert last(named)["value"] == pytest.approx(-last(table)["value"], abs=EXACT)


def test_naming_kinds_of_raters_lets_them_into_the_panel():
    rows = [(item, f"{kind}{j}", score, kind) for kind, part in (("human", PAIRS), ("model", LOOSE))
            for item, scores in part.items() for j, score in enumerate(scores)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rater_kind"]))
    table = wb.agreement.difference(ratings, between="rater_kind", levels=("human", "model"))
    assert last(table)["rater_kind"] == "model less human" and last(table)["n_raters"] == 6
    with pytest.raises(ParameterError, match="two levels of 'rater_kind' that have ratings; where levels=None, 1 do: human"):
        wb.agreement.difference(ratings, between="rater_kind")


def test_ratings_without_a_condition_are_left_out_and_groups_without_one_are_undefined():
    frame = pd.concat([long({"a": PAIRS, "b": LOOSE}).to_pandas(limit=None).assign(task_type="x"),
                       long({"a": PAIRS}).to_pandas(limit=None).assign(task_type=None),
                       long({"a": LOOSE}).to_pandas(limit=None).assign(task_type="x", party=None, rater_id="nobody")])
    table = wb.agreement.difference(wb.read(frame[["item_id", "rater_id", "score", "party", "task_type"]]), between="party",
                                    by=["task_type"]).set_index(["name", "party"])
    assert table["value"].notna().tolist() == [True] * 3 + [True, False, False]
    undefined = table.iloc[5]
    assert undefined["note"].endswith("b: no ratings") and np.isnan(undefined["p_value"]) and undefined["n_ratings"] == 36
    assert table["n_shared"].tolist() == [12] * 3 + [0] * 3


def test_one_side_without_a_value_leaves_the_difference_undefined_with_its_reason():
    table = wb.agreement.difference(long({"a": PAIRS, "b": {i: (1, 1) for i in PAIRS}}), between="party")
    assert np.isnan(last(table)["value"]) and "b: only one level occurs" in last(table)["note"]
    assert last(table)[["low", "p_value"]].isna().all() and last(table)["n_shared"] == 12


def test_one_side_in_full_agreement_has_a_difference_and_no_interval():
    full = {i: (scores[0],) * 3 for i, scores in PAIRS.items()}
    row = last(wb.agreement.difference(long({"a": full, "b": LOOSE}), between="party"))
    assert row["value"] < 0 and np.isnan(row["low"]) and "no interval of a, so none here" in row["note"]
    assert 0 < row["p_value"] < 0.1


def test_conditions_with_different_levels_are_set_beside_each_other_and_not_exchanged():
    rows = [(item, f"r{j}", criterion, "xyz"[score] if criterion == "tone" else "pqr"[score])
            for criterion, part in (("tone", PAIRS), ("facts", LOOSE)) for item, scores in part.items() for j, score in enumerate(scores)]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "label"]))
    row = last(wb.agreement.difference(ratings, between="criterion", levels=("facts", "tone")))
    assert row["value"] > 0 and row["n_shared"] == 12 and row["low"] < row["value"] < row["high"]
    assert np.isnan(row["p_value"]) and "different levels" in row["note"]


def test_items_rated_once_under_both_conditions_are_no_items():
    table = wb.agreement.difference(long({"a": PAIRS | {"z": (1,)}, "b": LOOSE | {"z": (2,)}}), between="party")
    assert last(table)[["n_items", "n_shared"]].tolist() == [12, 12] and last(table)["n_dropped"] == 2


def test_the_seed_decides_and_without_an_interval_there_is_still_a_p_value(three):
    ratings = three.where(party=["a", "b"])
    tables = [wb.agreement.difference(ratings, between="party", interval="bootstrap", seed=s) for s in (1, 1, 2)]
    assert tables[0].equals(tables[1]) and last(tables[0])["low"] != last(tables[2])["low"]
    row = last(wb.agreement.difference(ratings, between="party", interval="none", seed=1))
    assert row["p_value"] == last(tables[0])["p_value"] and np.isnan(row["low"]) and row["method"] == "none"


@pytest.mark.parametrize(("wrong", "words"), [
    ({"coefficient": "cohen_kappa"}, "coefficient='cohen_kappa' is not known. Use one of: 'krippendorff_alpha'"),
    ({"interval": "F"}, "interval='F' is not known. Use one of: 'jackknife'"),
    ({"draws": 1}, "draws=1 is too few for a p value"),
    ({"weights": "linear"}, "weights='linear' is not known. Use one of: None, 'nominal'"),
    ({"by": ["party"]}, "between='party' is also in by=\\['party'\\]. Compare along one column and group by others"),
    ({}, "two levels of 'party' that have ratings; where levels=None, 3 do: a, b, c. Name two, as in levels="),
    ({"levels": ("a", "z")}, "in levels=\\('a', 'z'\\), 1 do: a. Name two"),
    ({"levels": ("a",)}, "in levels=\\('a',\\), 1 do: a. Name two"),
    ({"between": "shift"}, "column 'shift' is not in")])
def test_unknown_options_and_levels_are_refused(three, wrong, words):
    with pytest.raises(ParameterError, match=words):
        wb.agreement.difference(three, **({"between": "party"} | wrong))


@pytest.mark.parametrize("coefficient", ["gwet_ac", "percent_agreement", "fleiss_kappa"])
def test_scores_without_levels_have_no_difference_on_levels(coefficient):
    rng = np.random.default_rng(0)
    rows = [(f"i{i}", rater, party, rng.normal()) for i in range(1500) for rater, party in (("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"))]
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "party", "score"]))
    found = wb.agreement.difference(ratings, between="party", coefficient=coefficient)
    assert found["value"].isna().all() and found["note"].str.contains("scores have no levels").all()
    table = wb.agreement.difference(ratings, between="party", weights=1 - np.eye(3))
    assert table["value"].isna().all() and table["note"].str.contains("scores have no levels: take scale='interval'").all()


def test_an_item_under_both_conditions_lies_in_one_cluster():
    scores = {f"i{i}": (i % 3, (i + (i % 4 == 0)) % 3) for i in range(24)}
    frame = pd.DataFrame([(item, f"{party}{j}", party, score) for party in "ab" for item, pair in scores.items() for j, score in enumerate(pair)],
                         columns=["item_id", "rater_id", "party", "score"])
    frame["site"] = frame["party"] + frame["item_id"].str[-1]
    with pytest.raises(ParameterError, match="cluster='site' has several levels within 24 items; a cluster holds whole items"):
        wb.agreement.difference(wb.read(frame), between="party", cluster="site")
    frame["site"] = frame["item_id"].str[-1]
    assert last(wb.agreement.difference(wb.read(frame), between="party", cluster="site"))["n_shared"] == 24
