from __future__ import annotations

from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from panels import LOOPS, alpha_by_loop, frame_of

import workbench as wb
from workbench.agreement.leave_one_out import Panel, influence

EXACT = 1e-9       # the same sums in another order, through squares
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
    return Panel(item=item, rater=rater, names=np.arange(len(rows)), level=score.astype(int) - first, score=score.astype(float),
                 size=np.bincount(item)[item], scale=scale)


@pytest.mark.parametrize("scale", LOOPS)
def test_influence_is_alpha_computed_again_without_the_rater(scale):
    rows = draw()
    value, _ = influence(panel_of(rows, scale), np.arange(1.0, 6))
    whole = alpha_by_loop(rows, LOOPS[scale])
    again = [alpha_by_loop(rows[:j] + rows[j + 1:], LOOPS[scale]) - whole for j in range(len(rows))]
    assert value == pytest.approx(again, abs=EXACT)


@pytest.mark.parametrize("scale", ["ordinal", "interval"])
def test_the_error_of_an_influence_is_that_of_the_bootstrap_over_items(scale):
    rows = draw(seed=1, items=150, m=4)
    _, errors = influence(panel_of(rows, scale), np.arange(1.0, 6))
    generator, draws = np.random.default_rng(2), []
    for _ in range(200):
        chosen = generator.integers(150, size=150)
        draws.append(influence(panel_of([[row[i] for i in chosen] for row in rows], scale), np.arange(1.0, 6))[0])
    # 200 draws fix a standard deviation to 5 %; the rest is what a linearised error leaves out at 150 items.
    assert errors == pytest.approx(np.std(draws, axis=0), rel=0.2)


@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
def test_many_levels_take_another_path_to_the_same_place(scale, monkeypatch):
    from workbench.agreement import removal

    panel = panel_of(draw(seed=3), scale)
    few = influence(panel, np.arange(1.0, 6))
    monkeypatch.setattr(removal, "FEW_LEVELS", 2)
    many = influence(panel, np.arange(1.0, 6))
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
    assert found["severity"].tolist() == pytest.approx([0, 0, 0], abs=EXACT)
    assert found["influence", "rater2"] == pytest.approx(1 - 7 / 18, abs=EXACT)


def test_agreement_and_severity_are_means_over_the_raters_items():
    rows = draw(seed=4)
    table = RATERS(wb.from_matrix(frame_of(rows))).set_index(["name", "rater_id"])
    for j, row in enumerate(rows):
        others = [(row[i], [other[i] for k, other in enumerate(rows) if k != j and other[i] is not None])
                  for i in range(len(row)) if row[i] is not None]
        shared = [(own, rest) for own, rest in others if rest]
        for name, values in (("agreement_with_others", [rest.count(own) / len(rest) for own, rest in shared]),
                             ("severity", [own - mean(rest) for own, rest in shared])):
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
    assert table.loc["severity"]["value"].idxmin() == "rater1" and table.loc[("severity", "rater1"), "high"] < 0


def test_what_cannot_be_told_is_nan_with_its_reason():
    rows = [[1, 2, 1, None], [1, 2, 2, None], [None, None, None, 2]]
    table = RATERS(wb.from_matrix(frame_of(rows), scale="nominal")).set_index(["name", "rater_id"])
    assert table.loc[("severity", "rater0"), "note"] == "nominal levels have no order"
    assert table.loc[("influence", "rater2"), "note"] == "shares no item with another rater"
    assert table.loc[("influence", "rater0"), "note"].startswith("no item has two ratings, or only one level occurs, with or")
    assert table.loc[[("severity", "rater0"), ("influence", "rater2"), ("influence", "rater0")], "value"].isna().all()


def test_sliders_have_influence_and_severity_but_no_equal_levels():
    generator = np.random.default_rng(6)
    scores = generator.normal(size=(1100, 1)) + generator.normal(size=(1100, 2))
    rows = [(f"i{i}", f"r{j}", float(scores[i, j])) for i in range(1100) for j in range(2)]
    rows += [("i0", "r2", 0.5), ("i1", "r2", 0.1)]
    table = RATERS(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"]))).set_index(["name", "rater_id"])
    assert table.loc["agreement_with_others", "value"].isna().all()
    assert table.loc[("agreement_with_others", "r0"), "note"].startswith("scores have no levels")
    assert np.isfinite(table.loc[("influence", "r2"), "value"]) and np.isfinite(table.loc[("severity", "r0"), "value"])


def test_groups_are_kept_apart():
    one, other = draw(seed=7), draw(seed=8)
    rows = [(task, f"{task}{i}", f"r{j}", row[i]) for task, panel in (("a", one), ("b", other))
            for j, row in enumerate(panel) for i in range(len(row)) if row[i] is not None]
    frame = pd.DataFrame(rows, columns=["task_type", "item_id", "rater_id", "score"]).astype({"score": float})
    table = RATERS(wb.read(frame), by=["task_type"])
    for task, panel in (("a", one), ("b", other)):
        expected, _ = influence(panel_of(panel, "ordinal"), np.arange(1.0, 6))
        found = table[(table["task_type"] == task) & (table["name"] == "influence")].sort_values("rater_id")["value"]
        assert found.tolist() == pytest.approx(expected.tolist(), abs=EXACT)


def test_a_confidence_in_percent_is_refused():
    with pytest.raises(wb.ParameterError, match="confidence=95 is not a share"):
        RATERS(wb.from_matrix(frame_of([[1, 2], [1, 2]])), confidence=95)
