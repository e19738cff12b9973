from __future__ import annotations

from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from panels import LOOPS, alpha_by_loop, frame_of, moments_of, patterns_of
from scipy.stats import t

import workbench as wb
from workbench.agreement import krippendorff, two_way
from workbench.agreement.identified import Identified
from workbench.agreement.leave_one_out import influence
from workbench.agreement.traits import central_tendency, consistency, severities

EXACT = 1e-9       # the same sums in another order, through squares
SOLVED = 1e-6      # least squares by iteration
RATERS = wb.agreement.raters


def draw(seed=0, items=30, m=5, gaps=0.3):
    generator = np.random.default_rng(seed)
    truth = generator.integers(1, 6, items)
    matrix = np.clip(truth + generator.integers(-1, 2, (m, items)), 1, 5).astype(object)
    matrix[generator.random(matrix.shape) < gaps] = None
    return matrix.tolist()


def panel_of(rows, scale, first=1):
    cells = [(i, j, row[i]) for j, row in enumerate(rows) for i in range(len(row)) if row[i] is not None]
    item, rater, score = map(np.array, zip(*sorted(cells)))
    panel = Identified(item=np.unique(item, return_inverse=True)[1], rater=rater, names=np.arange(len(rows)),
                       level=score.astype(int) - first, score=score.astype(float))
    group = patterns_of(rows, levels=range(first, first + 5), scale=scale)
    return panel, moments_of(group) if scale == "interval" else group


@pytest.mark.parametrize("scale", LOOPS)
def test_influence_is_alpha_computed_again_without_the_rater(scale):
    rows = draw()
    value, _ = influence(*panel_of(rows, scale))
    whole = alpha_by_loop(rows, LOOPS[scale])
    again = [alpha_by_loop(rows[:j] + rows[j + 1:], LOOPS[scale]) - whole for j in range(len(rows))]
    assert value == pytest.approx(again, abs=EXACT)


@pytest.mark.parametrize("scale", ["ordinal", "interval"])
def test_the_error_of_an_influence_is_that_of_the_bootstrap_over_items(scale):
    rows = draw(seed=1, items=150, m=4)
    _, errors = influence(*panel_of(rows, scale))
    generator, draws = np.random.default_rng(2), []
    for _ in range(200):
        chosen = generator.integers(150, size=150)
        draws.append(influence(*panel_of([[row[i] for i in chosen] for row in rows], scale))[0])
    # 200 draws fix a standard deviation to 5 %; the rest is what a linearised error leaves out at 150 items.
    assert errors == pytest.approx(np.std(draws, axis=0), rel=0.2)


@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
def test_many_levels_take_another_path_to_the_same_place(scale, monkeypatch):
    panel = panel_of(draw(seed=3), scale)
    few = influence(*panel)
    for module in (krippendorff, two_way):
        monkeypatch.setattr(module, "FEW_LEVELS", 2)
    many = influence(*panel)
    # Nominal: sparse arrays of the same numbers. Ordinal: distances of all ratings, a slight change.
    assert many[0] == pytest.approx(few[0], abs=EXACT if scale == "nominal" else 0.01)
    assert many[1] == pytest.approx(few[1], rel=1e-6 if scale == "nominal" else 0.2)


def test_the_three_measures_worked_by_hand():
    # Items: ann bob cem = 1 1 2, 2 2 2, 1 1 1, 2 2 1. Others at cem's level: 0, 1, 1, 0 -> 1/2; at ann's: 1/2, 1, 1, 1/2 -> 3/4.
    # cem less the mean of the others: 1, 0, 0, -1 -> 0; ann: 1 - 3/2, 0, 0, 2 - 3/2 -> 0. Without cem alpha is 1; with all
    # O = 2 + 2, E = 144 - 36 - 36 = 72, N = 12: 1 - 11 * 4 / 72 = 7/18.
    ratings = wb.from_matrix(frame_of([[1, 2, 1, 2], [1, 2, 1, 2], [2, 2, 1, 1]]))
    found = RATERS(ratings).set_index(["name", "rater_id"])["value"]
    assert found["agreement_with_others"].tolist() == pytest.approx([0.75, 0.75, 0.5], abs=EXACT)
    assert found["leniency"].tolist() == pytest.approx([0, 0, 0], abs=EXACT)
    assert found["influence", "rater2"] == pytest.approx(1 - 7 / 18, abs=EXACT)


def test_agreement_and_leniency_are_means_over_the_raters_items():
    rows = draw(seed=4)
    table = RATERS(wb.from_matrix(frame_of(rows))).set_index(["name", "rater_id"])
    for j, row in enumerate(rows):
        others = [(row[i], [other[i] for k, other in enumerate(rows) if k != j and other[i] is not None])
                  for i in range(len(row)) if row[i] is not None]
        shared = [(own, rest) for own, rest in others if rest]
        for name, values in (("agreement_with_others", [rest.count(own) / len(rest) for own, rest in shared]),
                             ("leniency", [own - mean(rest) for own, rest in shared])):
            found = table.loc[(name, f"rater{j}")]
            assert found["value"] == pytest.approx(mean(values), abs=EXACT)
            assert found["se"] == pytest.approx(stdev(values) / len(values) ** 0.5, abs=EXACT)
            assert (found["n_items"], found["n_dropped"]) == (len(shared), len(others) - len(shared))


def test_a_careless_and_a_severe_rater_stand_out():
    generator = np.random.default_rng(5)
    truth = generator.integers(1, 6, 200)
    rows = np.clip(truth + generator.integers(-1, 2, (6, 200)), 1, 5)
    rows[0] = generator.integers(1, 6, 200)
    rows[1] = np.clip(truth - 1, 1, 5)
    table = RATERS(wb.from_matrix(frame_of(rows.tolist()))).set_index(["name", "rater_id"])
    assert table.loc["influence"]["value"].idxmax() == "rater0" and table.loc[("influence", "rater0"), "low"] > 0
    assert table.loc["agreement_with_others"]["value"].idxmin() == "rater0"
    assert table.loc["leniency"]["value"].idxmin() == "rater1" and table.loc[("leniency", "rater1"), "high"] < 0


def test_what_cannot_be_told_is_nan_with_its_reason():
    rows = [[1, 2, 1, None], [1, 2, 2, None], [None, None, None, 2]]
    table = RATERS(wb.from_matrix(frame_of(rows), scale="nominal")).set_index(["name", "rater_id"])
    assert table.loc[("leniency", "rater0"), "note"] == "nominal levels have no order"
    assert table.loc[("influence", "rater2"), "note"] == "shares no item with another rater"
    assert table.loc[("influence", "rater0"), "note"].startswith("no item has two ratings, or only one level occurs, with or")
    assert table.loc[[("leniency", "rater0"), ("influence", "rater2"), ("influence", "rater0")], "value"].isna().all()


def test_sliders_have_influence_and_leniency_but_no_equal_levels():
    generator = np.random.default_rng(6)
    scores = generator.normal(size=(1100, 1)) + generator.normal(size=(1100, 2))
    rows = [(f"i{i}", f"r{j}", float(scores[i, j])) for i in range(1100) for j in range(2)]
    rows += [("i0", "r2", 0.5), ("i1", "r2", 0.1)]
    table = RATERS(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"]))).set_index(["name", "rater_id"])
    assert table.loc["agreement_with_others", "value"].isna().all()
    assert table.loc[("agreement_with_others", "r0"), "note"].startswith("scores have no levels")
    assert np.isfinite(table.loc[("influence", "r2"), "value"]) and np.isfinite(table.loc[("leniency", "r0"), "value"])


def test_groups_are_kept_apart():
    one, other = draw(seed=7), draw(seed=8)
    rows = [(task, f"{task}{i}", f"r{j}", row[i]) for task, panel in (("a", one), ("b", other))
            for j, row in enumerate(panel) for i in range(len(row)) if row[i] is not None]
    frame = pd.DataFrame(rows, columns=["task_type", "item_id", "rater_id", "score"]).astype({"score": float})
    table = RATERS(wb.read(frame), by=["task_type"])
    for task, panel in (("a", one), ("b", other)):
        expected, _ = influence(*panel_of(panel, "ordinal"))
        found = table[(table["task_type"] == task) & (table["name"] == "influence")].sort_values("rater_id")["value"]
        assert found.tolist() == pytest.approx(expected.tolist(), abs=EXACT)


def scores(seed, items=300, m=10, per_item=3, spread=1.0, noise=0.7, severity=0.5):
    """Item and rater codes and scores: rater j stretches the items' values by spread[j], adds a severity and noise[j]."""
    generator = np.random.default_rng(seed)
    rater = generator.random((items, m)).argsort(axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(items), per_item)
    stretched = np.broadcast_to(spread, m)[rater] * generator.normal(size=items)[item]
    shift = generator.normal(0, severity, m)[rater]
    return item, rater, stretched + shift + np.broadcast_to(noise, m)[rater] * generator.normal(size=len(item))


def traits_of(item, rater, score, m):
    free = score - severities(item, rater, score)[rater]
    steady, central = consistency(item, rater, free, m), central_tendency(item, rater, free, m)
    return steady, central


def test_severities_are_those_of_dense_least_squares():
    item, rater, score = scores(9, items=40, m=6)
    design = np.hstack([np.eye(40)[item], np.eye(6)[rater]])
    dense = np.linalg.lstsq(design, score, rcond=None)[0][40:]
    found = severities(item, rater, score)
    assert found - found.mean() == pytest.approx(dense - dense.mean(), abs=SOLVED)


def test_traits_are_what_a_loop_over_items_finds():
    item, rater, score = scores(10, items=25, m=4)
    free = score - severities(item, rater, score)[rater]
    steady, central = traits_of(item, rater, score, 4)
    by_item = [free[item == i] for i in range(25)]
    pooled = sum(((x - x.mean()) ** 2).sum() for x in by_item) / (len(score) - 25 - 3)
    for j in range(4):
        own, apart, others, left_out = [], [], [], []
        for i in np.unique(item[rater == j]):
            mine, rest = free[(item == i) & (rater == j)][0], free[(item == i) & (rater != j)]
            own.append(mine), apart.append((mine - rest.mean()) ** 2), others.append(rest)
        n = len(own)
        variance = sum(apart) / (n - 1) - pooled / 2
        assert steady.back(steady.values)[j] == pytest.approx(max(variance, 0) ** 0.5, abs=SOLVED)

        def ratio(kept):
            rest = np.concatenate([others[i] for i in kept])
            return np.log(np.std([own[i] for i in kept]) / rest.std())
        assert central.values[j] == pytest.approx(ratio(range(n)), abs=SOLVED)
        left_out = [ratio([i for i in range(n) if i != out]) for out in range(n)]
        assert central.errors[j] == pytest.approx(np.std(left_out) * (n - 1) ** 0.5, abs=SOLVED)


@pytest.mark.parametrize(("items", "m", "per_item"), [(150, 20, 3), (100, 6, 2)])
def test_raters_alike_are_steady_alike_and_use_the_scale_alike(items, m, per_item):
    found = [traits_of(*scores(seed, items, m, per_item), m) for seed in range(100)]
    n = items * per_item / m
    steady, central = (np.array([pair[k].values for pair in found]) for k in (0, 1))
    variances = np.array([pair[0].back(pair[0].values) ** 2 for pair in found])
    assert variances.mean() == pytest.approx(0.49, rel=0.05)
    assert np.exp(central.mean()) == pytest.approx(1, abs=0.02)
    # Intervals, t with about n - 1; 600 and 2,000 of them from 100 panels.
    reach = np.abs(central) / np.array([pair[1].errors for pair in found])
    assert 0.92 < (reach < t.ppf(0.975, n - 1)).mean() < 0.98
    ends = [pair[0].back(pair[0].values + sign * t.ppf(0.975, n - 1) * pair[0].errors) for pair in found for sign in (-1, 1)]
    assert 0.91 < np.mean((np.array(ends[::2]) < 0.7) & (0.7 < np.array(ends[1::2]))) < 0.985
    assert steady.shape == central.shape


def test_planted_centralisation_extremity_and_noise_come_back():
    spread, noise = np.ones(10), np.full(10, 0.5)
    spread[0], spread[1], noise[2] = 0.5, 1.5, 1.5
    found = [traits_of(*scores(seed, items=600, spread=spread, noise=noise), 10) for seed in range(20)]
    central = np.exp(np.mean([pair[1].values for pair in found], axis=0))
    # The raters' own spread over that of nine others: (0.25 + 0.25) / about 1.5, (2.25 + 0.25) / about 1.4.
    square = spread**2 + noise**2
    expected = np.sqrt(square / ((square.sum() - square) / 9))
    assert central == pytest.approx(expected, rel=0.04)
    steady = np.sqrt(np.mean([pair[0].back(pair[0].values) ** 2 for pair in found], axis=0))
    assert steady[2] == pytest.approx(1.5, rel=0.05) and steady[3:] == pytest.approx(np.full(7, 0.5), abs=0.1)


def test_traits_stand_in_the_table_with_their_intervals():
    item, rater, score = scores(11, items=120, m=5)
    frame = pd.DataFrame({"item_id": item, "rater_id": rater, "score": score})
    table = RATERS(wb.read(frame)).set_index(["name", "rater_id"])
    steady, central = traits_of(item, rater, score, 5)
    for name, found in (("consistency", steady), ("central_tendency", central)):
        rows = table.loc[name]
        assert rows["value"].tolist() == pytest.approx(found.back(found.values).tolist(), abs=SOLVED)
        reach = t.ppf(0.975, rows["n_items"] - 1) * found.errors
        assert rows["high"].tolist() == pytest.approx(found.back(found.values + reach).tolist(), abs=SOLVED)
        assert (rows["method"] == "jackknife").all() and (rows["se"] > 0).all()


def test_traits_that_cannot_be_told_are_nan_with_their_reason():
    table = RATERS(wb.from_matrix(frame_of([["a", "b", "a"], ["a", "b", "b"]]), scale="nominal")).set_index(["name", "rater_id"])
    assert (table.loc[["consistency", "central_tendency"], "note"] == "nominal levels have no order").all()
    rows = [[1, 2, 1, 3, None, 2], [2, 2, 1, 3, None, 2], [None, None, 3, None, None, None], [None] * 4 + [2, None]]
    table = RATERS(wb.from_matrix(frame_of(rows), scale="ordinal")).set_index(["name", "rater_id"])
    for name in ("consistency", "central_tendency"):
        assert table.loc[(name, "rater2"), "note"] == "shares one item only"
        assert table.loc[(name, "rater3"), "note"] == "shares no item with another rater"
        assert table.loc[[(name, "rater2"), (name, "rater3")], "value"].isna().all()


def test_a_rater_of_one_level_crowds_wholly_and_has_no_interval():
    panel = wb.from_matrix(frame_of([[2] * 6, [1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 3, 3]]), scale="ordinal")
    table = RATERS(panel).set_index(["name", "rater_id"])
    row = table.loc[("central_tendency", "rater0")]
    assert row["value"] == 0 and np.isnan(row["high"]) and row["note"].startswith("the rater's scores do not vary")
    alone = RATERS(wb.from_matrix(frame_of([[2] * 6, [1, 2, 3, 1, 2, 3]]), scale="ordinal")).set_index(["name", "rater_id"])
    assert alone.loc[("central_tendency", "rater1"), "note"].startswith("the others' scores do not vary")


def test_a_confidence_in_percent_is_refused():
    with pytest.raises(wb.ParameterError, match="confidence=95 is not a share"):
        RATERS(wb.from_matrix(frame_of([[1, 2], [1, 2]])), confidence=95)


def test_a_rater_steadier_than_the_others_explain_has_no_error_without_end():
    # The third is the truth that the others err about: own variance below 0, taken as 0, where the root has no slope.
    generator = np.random.default_rng(26)
    truth = generator.integers(1, 6, 15)
    found = RATERS(wb.from_matrix(frame_of([list(truth + generator.integers(-1, 2, 15)) for _ in range(2)] + [list(truth)])))
    steady = found[(found["name"] == "consistency") & (found["value"] == 0)].iloc[0]
    assert np.isnan(steady["se"]) and steady["low"] == 0 < steady["high"] < 1 and not np.isinf(found["se"]).any()


def test_the_others_are_held_against_one_another_on_the_raters_items():
    rows = draw(seed=7)
    table = RATERS(wb.from_matrix(frame_of(rows), scale="nominal"))
    found = table[table["name"] == "others_on_its_items"].set_index("rater_id")
    for j, row in enumerate(rows):
        others = [[r[i] for k, r in enumerate(rows) if k != j and r[i] is not None] for i in range(len(row)) if row[i] is not None]
        each = [mean(float(a == b) for x, a in enumerate(o) for y, b in enumerate(o) if x != y) for o in others if len(o) > 1]
        known = found.loc[f"rater{j}"]
        assert (known["value"], known["n_items"]) == (pytest.approx(mean(each), abs=EXACT), len(each))
        assert known["se"] == pytest.approx(stdev(each) / len(each) ** 0.5, abs=EXACT)
        assert known["n_unpaired"] == sum(len(o) == 1 for o in others)


def test_items_that_go_with_the_rater_are_counted():
    table = RATERS(wb.from_matrix(frame_of([[1, 2, 1, 2, 1], [1, 2, 2, 2, 1], [None, None, None, None, 1]])))
    rows = table[table["name"] == "influence"].set_index("rater_id")
    assert rows["n_unpaired"].tolist() == [4, 4, 0]
    assert rows.loc["rater2", "note"].count("keep no pair") == 0
    others = table[table["name"] == "others_on_its_items"].set_index("rater_id")["value"]
    assert others["rater0"] == 1


def test_hard_items_lower_the_raters_agreement_and_that_of_the_others_on_them_alike():
    generator, hard = np.random.default_rng(8), np.arange(400) < 120
    truth = generator.integers(3, size=400)
    level = [np.where(generator.random(400) < np.where(hard, 0.6, 0.95), truth, generator.integers(3, size=400)) for _ in range(4)]
    rows = [[int(k) if kept else None for k, kept in zip(row, hard | (j > 0))] for j, row in enumerate(level)]  # rater0: hard items alone
    found = RATERS(wb.from_matrix(frame_of(rows), scale="nominal")).set_index(["name", "rater_id"])
    own, others = found.loc["agreement_with_others", "value"], found.loc["others_on_its_items"]
    assert own["rater0"] < own["rater1"] - 0.2
    assert others.loc["rater0", "low"] < own["rater0"] < others.loc["rater0", "high"]
