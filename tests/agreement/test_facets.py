from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement import facets, item_totals, rasch_fit
from workbench.agreement.comparable import comparable, in_use
from workbench.agreement.facets import fitted
from workbench.agreement.item_totals import level_shares, pair_covariances, partial_sums
from workbench.agreement.rasch_fit import Design, fit, likelihood
from workbench.agreement.rasch_rows import group_rows
from workbench.agreement.separation import mean_squares, separation
from workbench.estimates import estimates_table

EXACT = 1e-9      # the same sums in another order
SLOPE = 1e-5      # central differences of a log-likelihood of some hundreds
ERM = 2e-5        # where eRm's own iteration stops
ERM_ERROR = 2e-3  # eRm differentiates its errors numerically
RASCH = wb.agreement.rasch
STEPS = np.array([-1.2, -0.2, 0.3, 1.1])

# Rows are raters, columns items.
FOUR = ["122121322221322200210021023111", "102121212111202000100010103212", "102300212012211120210010011001",
        "223231313221321230222002223332"]
FIVE = ["010011001111011111101011010001", "001011100010101110100101011100", "000011001010011111101101011101",
        "010001101011011111101011001000", "000111101010100101000001010001"]
# Rater and criterion: r1 c1, r1 c2, r2 c1, ...
THREE_BY_TWO = ["1202200100120102011221102001120010001111", "0102101000000002000101201011000010002000",
                "2222222222221112222222212222112222112022", "2222222212222202122221222212222122201010",
                "2212100101110002121221202002110011102001", "0202102000100001110120102022000012100000"]


def cells_of(rows, raters, criteria=None):
    criteria = ["overall"] * len(rows) if criteria is None else criteria
    return wb.read(pd.DataFrame([(f"i{i:03d}", rater, criterion, float(mark)) for row, rater, criterion in zip(rows, raters, criteria)
                                 for i, mark in enumerate(row) if mark != " "], columns=["item_id", "rater_id", "criterion", "score"]))


def draw(seed=0, items=400, per_item=3, severity=(), difficulty=(0.0,), abilities="normal", noise=None):
    """Ratings from the model. "routed": better items go to later raters. `noise` (raters,): share of ratings drawn at random."""
    generator, severity = np.random.default_rng(seed), np.asarray(severity)
    n, criteria = len(severity), np.arange(len(difficulty))
    ability = 1.5 * (generator.exponential(size=items) - 1 if abilities == "skewed" else generator.normal(size=items))
    distance = generator.random((items, n))
    if abilities == "routed":
        distance = 0.4 * distance + abs(ability.argsort().argsort()[:, None] / items - np.arange(n) / n)
    raters = distance.argsort(axis=1)[:, :per_item]
    item, rater = np.repeat(np.arange(items), per_item * len(criteria)), np.repeat(raters.ravel(), len(criteria))
    criterion = np.tile(criteria, items * per_item)
    reach = np.arange(5) * (ability[item] - severity[rater] - np.asarray(difficulty)[criterion])[:, None] - np.append(0, np.cumsum(STEPS))
    reach = np.exp(reach)
    level = (generator.random(len(item))[:, None] > np.cumsum(reach / reach.sum(axis=1, keepdims=True), axis=1)[:, :-1]).sum(axis=1)
    if noise is not None:
        level = np.where(generator.random(len(item)) < np.asarray(noise)[rater], generator.integers(0, 5, len(item)), level)
    return pd.DataFrame({"item_id": item, "rater_id": [f"r{j:02d}" for j in rater], "criterion": [f"c{c}" for c in criterion],
                         "score": level + 1.0})


def design_of(frame, model="rating-scale"):
    item, rater, criterion = (frame[c].factorize(sort=True)[0] for c in ("item_id", "rater_id", "criterion"))
    level, scale = frame["score"].to_numpy(dtype=int) - 1, criterion if model == "partial-credit" else np.zeros_like(criterion)
    ties = comparable(item, rater, criterion, level, scale)
    kept = ties.kept
    return Design(np.unique(ties.part[kept], return_inverse=True)[1], rater[kept], criterion[kept], level[kept], scale[kept],
                  ties.rater_set, ties.criterion_set, in_use(level[kept], scale[kept], scale.max() + 1, 5))


def planted(n, sd):
    """Severities of mean 0 and exactly this standard deviation."""
    drawn = np.random.default_rng(42).normal(size=n)
    return sd * (drawn - drawn.mean()) / drawn.std(ddof=1)


def direct(frame, model="rating-scale"):
    """The same table without an engine: levels 1 to 5."""
    cells = frame.assign(step=None, rubric="default", level=frame["score"].astype(int) - 1)
    group = SimpleNamespace(key={}, scale="ordinal", levels=tuple("12345"), note="", n_dropped=0)
    return estimates_table(group_rows(fitted(cells, group, model), 0.95), by=["facet", "element"])


def of(table, name, column="value"):
    return table[table["name"] == name].set_index("element")[column]


# Small cases

def test_two_raters_of_two_levels_are_the_odds_of_their_discordant_items():
    # ann below bob on 3 items, above on 1; the 2 on which both agree say nothing. Difference log(3 / 1), each half of it from the
    # mean; its variance 1 / (4 * 3/4 * 1/4) = 4/3, of each half a quarter of that.
    table = RASCH(cells_of(["000101", "111001"], ["ann", "bob"]))
    assert of(table, "severity").tolist() == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-6)
    assert of(table, "severity", "se").tolist() == pytest.approx([(4 / 3) ** 0.5 / 2] * 2, abs=1e-6)
    assert of(table, "severity", "n_items").tolist() == [4, 4] and of(table, "severity", "n_dropped").tolist() == [2, 2]
    # Variance of the severities 2 (log(3) / 2)^2 less their error, the sum of the squared errors 2 * 1/3, below 0.
    assert of(table, "severity_sd").item() == 0 and "no further apart than their errors" in of(table, "severity_sd", "note").item()


def test_severities_are_those_of_erm_on_two_levels():
    # R: library(eRm); f <- RM(t(sapply(FIVE, split)), sum0 = TRUE); -f$betapar; f$se.beta  (eRm 1.0.2, easiness = -severity)
    table = RASCH(cells_of(FIVE, list("abcde")))
    assert of(table, "severity").tolist() == pytest.approx([-0.472465105, 0.123352028, -0.266672756, -0.069069616, 0.684855450], abs=ERM)
    theirs = [0.41000592, 0.39205780, 0.40104873, 0.39525456, 0.39555096]
    assert of(table, "severity", "se").tolist() == pytest.approx(theirs, rel=ERM_ERROR)


def test_severities_and_thresholds_are_those_of_erm_on_four_levels():
    # R: f <- RSM(X, sum0 = TRUE); thresholds(f) gives severity + threshold; se.beta of the first category is that of the severity.
    table = RASCH(cells_of(FOUR, list("abcd")))
    assert of(table, "severity").tolist() == pytest.approx([-0.19575777, 0.69538611, 0.83002638, -1.32965472], abs=ERM)
    assert of(table, "severity", "se").tolist() == pytest.approx([0.22847716, 0.24747702, 0.25701745, 0.32185402], rel=ERM_ERROR)
    # eRm counts from the first threshold: 0, 1.02657832, 4.45650035 - 1.02657832; ours from their mean.
    theirs = np.array([0, 1.02657832, 4.45650035 - 1.02657832])
    assert of(table, "threshold").tolist() == pytest.approx((theirs - theirs.mean()).tolist(), abs=ERM)
    assert of(table, "threshold").index.tolist() == ["0|1", "1|2", "2|3"]


def test_three_facets_are_those_of_erm_with_a_design_matrix():
    # R: LRSM(X, W), columns of W: severities 1 and 2 (3 = -1 - 2), difficulty 2 (1 = -2, ours), second threshold less first.
    raters = ["r1", "r1", "r2", "r2", "r3", "r3"]
    table = RASCH(cells_of(THREE_BY_TWO, raters, ["c1", "c2"] * 3))
    assert of(table, "severity").tolist()[:2] == pytest.approx([1.313514467, -2.144971844], abs=ERM)
    assert of(table, "severity", "se").tolist()[:2] == pytest.approx([0.223389575, 0.301369050], rel=ERM_ERROR)
    assert of(table, "difficulty").tolist() == pytest.approx([-0.501794668, 0.501794668], abs=ERM)
    assert of(table, "difficulty", "se").tolist() == pytest.approx([0.135088250] * 2, rel=ERM_ERROR)
    assert np.diff(of(table, "threshold")).item() == pytest.approx(1.245744892, abs=ERM)


def test_thresholds_of_each_criterion_are_those_of_erm():
    # R: thresholds(PCM(X, sum0 = TRUE)), criteria as its items and a single rater.
    theirs = np.array([[-1.220223342, -0.347980409, 2.597522554], [-0.433593631, 0.656758559, 3.647745711],
                       [-0.317427045, 0.877887507, 3.591737579], [-1.467558026, -1.361883573, 0.829836123]])
    table = RASCH(cells_of(FOUR, ["only"] * 4, list("abcd")), model="partial-credit")
    middle = theirs.mean(axis=1)
    assert of(table, "difficulty").tolist() == pytest.approx((middle - middle.mean()).tolist(), abs=2 * ERM)
    assert of(table, "threshold").tolist() == pytest.approx((theirs - middle[:, None]).ravel().tolist(), abs=2 * ERM)
    assert of(table, "threshold").index.tolist()[:2] == ["a 0|1", "a 1|2"]
    assert "shares no item with another rater" in of(table, "severity", "note").item()


# The kernel

def test_sums_over_the_ways_to_a_total_are_those_of_a_list_of_all_ways(monkeypatch):
    generator = np.random.default_rng(3)
    weights, total = generator.random((4, 3, 2)), np.array([3, 6])
    front, back = partial_sums(weights, total)
    shares = level_shares(weights, front, back)
    covariances = pair_covariances(weights, front, back, shares)
    for item in range(2):
        ways = np.array([way for way in product(range(3), repeat=4) if sum(way) == total[item]])
        mass = np.array([np.prod([weights[a, k, item] for a, k in enumerate(way)]) for way in ways])
        assert back[0][0, item] == pytest.approx(mass.sum(), rel=EXACT)
        for a, k in product(range(4), range(3)):
            assert shares[a, k, item] == pytest.approx(mass[ways[:, a] == k].sum() / mass.sum(), abs=EXACT)
        assert covariances[:, :, item] == pytest.approx(np.cov(ways.T, aweights=mass, ddof=0), abs=EXACT)


def test_covariances_of_many_ratings_are_close_to_the_exact_ones(monkeypatch):
    generator = np.random.default_rng(4)
    weights, total = np.exp(np.arange(3)[:, None] * generator.normal(0, 1.5, (14, 1, 5))), np.array([6, 11, 14, 19, 24])
    front, back = partial_sums(weights, total)
    shares = level_shares(weights, front, back)
    close = pair_covariances(weights, front, back, shares)
    monkeypatch.setattr(item_totals, "WIDE", 14)
    exact = pair_covariances(weights, front, back, shares)
    assert close == pytest.approx(exact, abs=0.02)  # variances are about 0.5
    assert close.sum(axis=0) == pytest.approx(np.zeros((14, 5)), abs=1e-6)


@pytest.mark.parametrize("model", ["rating-scale", "partial-credit"])
def test_gradient_and_information_are_the_slopes_of_the_log_likelihood(model):
    frame = draw(seed=5, items=40, per_item=3, severity=planted(5, 0.7), difficulty=(-0.5, 0.5))
    design = design_of(frame, model)
    split, size = design.sizes[1:]
    place = np.random.default_rng(6).normal(0, 0.3, size)
    told = [*range(split), *(split + s * 5 + k for s, k in design.free)]
    found, width = likelihood(design, place), 1e-4
    ahead, back = ([likelihood(design, place + sign * width * np.eye(size)[j]) for j in told] for sign in (1, -1))
    slopes = [(one.value - other.value) / (2 * width) for one, other in zip(ahead, back)]
    assert found.gradient[told] == pytest.approx(slopes, abs=SLOPE)
    bends = -np.array([(one.gradient - other.gradient)[told] / (2 * width) for one, other in zip(ahead, back)])
    assert found.information[np.ix_(told, told)] == pytest.approx(bends, abs=SLOPE)


# Planted truth

@pytest.mark.parametrize(("abilities", "sd"), [("normal", 0.5), ("normal", 1.0), ("skewed", 0.5), ("routed", 0.5)])
def test_the_planted_spread_of_severities_comes_back_whatever_the_abilities(abilities, sd):
    severity = planted(20, sd)
    table = direct(draw(seed=7, items=6000, severity=severity, abilities=abilities))
    assert of(table, "severity_sd").item() == pytest.approx(sd, rel=0.05)
    assert of(table, "severity_sd", "low").item() < sd < of(table, "severity_sd", "high").item()
    assert np.corrcoef(of(table, "severity"), severity)[0, 1] > 0.98
    g = of(table, "separation").item()
    assert of(table, "reliability").item() == pytest.approx(g**2 / (1 + g**2), abs=EXACT)
    assert of(table, "threshold").tolist() == pytest.approx(STEPS.tolist(), abs=0.15)


@pytest.mark.parametrize("model", ["rating-scale", "partial-credit"])
def test_planted_difficulties_come_back_beside_severities(model):
    severity, difficulty = planted(10, 0.6), (-0.8, 0.1, 0.7)
    table = direct(draw(seed=8, items=900, severity=severity, difficulty=difficulty), model=model)
    for name, truth in (("difficulty", difficulty), ("severity", severity)):
        z = (of(table, name) - np.array(truth)) / of(table, name, "se")
        assert np.abs(z).max() < 3.5
    assert len(of(table, "threshold")) == (4 if model == "rating-scale" else 12)


def test_intervals_hold_the_planted_severities_as_often_as_they_say():
    severity, held, fits = planted(10, 0.5), [], []
    for seed in range(60):
        design = design_of(draw(seed=100 + seed, items=200, severity=severity))
        found = fit(design)
        held.append(np.abs(found.severity - severity) < 1.96 * np.sqrt(np.diag(found.covariance)[:10]))
        squares = mean_squares(design.rater, 10, design.part, design.level - found.expected, found.variance)
        fits.append([squares.infit.mean(), squares.outfit.mean()])
    # 600 intervals: their share has a standard error of 0.009.
    assert 0.92 < np.mean(held) < 0.98
    # Residuals held against moments given the totals have expectation 1 without any correction.
    assert np.mean(fits, axis=0).tolist() == pytest.approx([1, 1], abs=0.01)


def test_a_careless_rater_misfits_and_the_others_do_not():
    table = direct(draw(seed=9, items=800, severity=planted(8, 0.4), noise=[0.6] + [0] * 7))
    low, high = of(table, "infit", "low"), of(table, "infit", "high")
    assert low["r00"] > 1.1 and of(table, "outfit", "low")["r00"] > 1.1
    assert ((low < 1.05) & (high > 0.75))[1:].all()


def test_mean_squares_are_means_over_items_with_their_errors():
    # Two ratings of item 0 by the first code, one each of items 1 and 2; the second code has one item.
    code, part = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 1, 2, 2])
    residual, variance = np.array([1.0, -0.5, 0.5, 2.0, 0.3]), np.array([0.5, 0.5, 1.0, 0.8, 0.2])
    found = mean_squares(code, 2, part, residual, variance)
    square = residual[:4] ** 2
    for value, se, top, bottom in ((found.infit, found.infit_se, square, variance[:4]),
                                   (found.outfit, found.outfit_se, square / variance[:4], np.ones(4))):
        ratio = top.sum() / bottom.sum()
        off = top - ratio * bottom
        by_item = [off[0] + off[1], off[2], off[3]]
        assert value[0] == pytest.approx(ratio, abs=EXACT)
        assert se[0] == pytest.approx((3 / 2 * sum(x**2 for x in by_item)) ** 0.5 / bottom.sum(), abs=EXACT)
    assert found.freedom.tolist() == [2, 0] and found.outfit[1] == pytest.approx(0.09 / 0.2) and np.isnan(found.infit_se[1])


def test_separation_takes_the_estimates_own_error_off():
    generator, truth = np.random.default_rng(10), planted(30, 0.3)
    root = np.linalg.cholesky(0.02 * (np.eye(30) + 0.3))
    centre = np.eye(30) - 1 / 30
    covariance = centre @ root @ root.T @ centre
    found = [separation(truth + centre @ root @ generator.normal(size=30), covariance, np.zeros(30, int)) for _ in range(2000)]
    variances = np.array([one.variance for one in found])
    assert variances.mean() == pytest.approx(0.09, rel=0.02)  # 2,000 draws: standard error 0.7 %
    assert np.sqrt(np.mean([one.se**2 for one in found])) == pytest.approx(variances.std(), rel=0.06)


# What does not count, and who does not compare

def test_items_all_at_one_end_or_rated_once_change_nothing_but_the_count():
    frame = draw(seed=11, items=60, severity=planted(5, 0.5))
    more = pd.concat([frame, pd.DataFrame({"item_id": [900, 900, 901, 901, 902], "rater_id": ["r00", "r01", "r01", "r02", "r00"],
                                           "criterion": "c0", "score": [5.0, 5.0, 1.0, 1.0, 3.0]})])
    one, other = direct(frame), direct(more)
    pd.testing.assert_frame_equal(one.drop(columns="n_dropped"), other.drop(columns="n_dropped"))
    assert (of(other, "severity", "n_dropped") - of(one, "severity", "n_dropped")).tolist() == [2, 2, 1, 0, 0]


def test_a_rater_at_one_end_of_the_scale_is_nan_and_leaves_the_others_as_without():
    frame = draw(seed=12, items=60, severity=planted(5, 0.5))
    ends = [pd.DataFrame({"item_id": range(0, 60, 2), "rater_id": name, "criterion": "c0", "score": score})
            for name, score in (("low", 1.0), ("top", 5.0))]
    alone = pd.DataFrame({"item_id": [999], "rater_id": "lone", "criterion": "c0", "score": [3.0]})
    table, without = direct(pd.concat([frame, *ends, alone])), direct(frame)
    notes = of(table, "severity", "note")
    assert notes["low"].startswith("the lowest level only: not finite") and notes["top"].startswith("the highest level only")
    assert notes["lone"].startswith("shares no item with another rater")
    nowhere = table[table["element"].isin(["low", "top", "lone"])]
    assert nowhere["value"].isna().all() and nowhere["connected_set"].isna().all()
    assert of(table, "severity")[of(without, "severity").index].tolist() == pytest.approx(of(without, "severity").tolist(), abs=EXACT)


def test_sets_that_share_no_item_are_fitted_as_if_alone():
    one, other = draw(seed=13, items=80, severity=planted(4, 0.5)), draw(seed=14, items=80, severity=planted(4, 0.5))
    other = other.assign(item_id=other["item_id"] + 1000, rater_id="s" + other["rater_id"])
    table = direct(pd.concat([one, other]))
    severity, sets = of(table, "severity"), of(table, "severity", "connected_set")
    assert sets.tolist() == [1] * 4 + [2] * 4 and of(table, "severity", "note").str.startswith("compares within its connected set").all()
    assert severity[:4].sum() == pytest.approx(0, abs=EXACT) and severity[4:].sum() == pytest.approx(0, abs=EXACT)
    # Alone the thresholds are a little others, and nothing else differs.
    assert severity[:4].tolist() == pytest.approx(of(direct(one), "severity").tolist(), abs=0.05)


def test_raters_tied_one_way_only_are_not_compared():
    # c and d meet a and b only where those give the lowest level and these the highest: no way to say by how much.
    rows = ["0101101001" + " " * 10 + "000", "1010100110" + " " * 13, " " * 10 + "0110100101" + "111", " " * 10 + "1010101010" + "   "]
    table = RASCH(cells_of(rows, list("abcd")))
    assert of(table, "severity", "connected_set").tolist() == [1, 1, 2, 2]
    assert of(table, "severity", "n_ratings").max() <= 10


def test_raters_who_judge_different_criteria_are_not_compared():
    frame = draw(seed=15, items=80, per_item=4, severity=[0.0] * 4)
    frame["criterion"] = frame["rater_id"].map({"r00": "x", "r01": "x", "r02": "y", "r03": "y"})
    table = direct(frame)
    assert of(table, "severity", "connected_set").tolist() == [1, 1, 2, 2]
    assert of(table, "difficulty").isna().all()
    assert of(table, "difficulty", "note").str.startswith("nothing ties it to the others").all()


def test_levels_turned_round_turn_severities_round():
    frame = draw(seed=16, items=90, severity=planted(5, 0.5))
    one, other = direct(frame), direct(frame.assign(score=6 - frame["score"]))
    assert of(other, "severity").tolist() == pytest.approx((-of(one, "severity")).tolist(), abs=1e-6)
    assert of(other, "threshold").tolist() == pytest.approx((-of(one, "threshold")).tolist()[::-1], abs=1e-6)
    assert of(other, "infit").tolist() == pytest.approx(of(one, "infit").tolist(), abs=1e-6)


def test_names_and_order_of_raters_and_items_do_not_matter():
    frame = draw(seed=17, items=90, severity=planted(5, 0.5))
    renamed = frame.assign(rater_id="z" + frame["rater_id"].str[::-1], item_id=-frame["item_id"]).sample(frac=1, random_state=0)
    one, other = of(direct(frame), "severity"), of(direct(renamed), "severity")
    assert other["z" + one.index.str[::-1]].tolist() == pytest.approx(one.tolist(), abs=1e-7)


def test_a_level_not_in_use_has_no_threshold():
    frame = draw(seed=18, items=90, severity=planted(4, 0.5))
    lines = pd.DataFrame(frame.pivot(index="item_id", columns="rater_id", values="score").to_numpy(), columns=list("abcd"))
    lines = lines.where(lines != 4, 5)
    table = RASCH(wb.from_matrix(pd.concat([lines, pd.DataFrame({"e": [4.0]}, index=[999])]), scale="ordinal"))
    assert of(table, "threshold").isna().tolist() == [False, False, True, True]
    assert of(table, "threshold", "note")["3|4"] == "a level that is not in use"
    assert np.isfinite(of(table, "severity")["a"])


def test_groups_are_fitted_apart_and_a_missing_group_is_one():
    one, other = draw(seed=19, items=60, severity=planted(4, 0.5)), draw(seed=20, items=60, severity=planted(4, 0.5))
    both = pd.concat([one.assign(task_type="code"), other.assign(task_type=None, item_id=other["item_id"] + 500)])
    table = RASCH(wb.read(both), by=["task_type"])
    for frame, chosen in ((one, table["task_type"] == "code"), (other, table["task_type"].isna())):
        assert of(table[chosen], "severity").tolist() == pytest.approx(of(direct(frame), "severity").tolist(), abs=EXACT)


@pytest.mark.parametrize(("matrix", "scale", "reason"), [
    ({"a": ["x", "y", "y"], "b": ["x", "x", "y"]}, "nominal", "nominal levels have no order"),
    ({"a": np.linspace(0, 1, 30), "b": np.linspace(1, 0, 30)}, None, "scores without levels: the model takes up to 20"),
    ({"a": range(30), "b": range(30)}, "ordinal", "30 levels: the model takes up to 20"),
    ({"a": [1, 2], "b": [1, 2]}, "ordinal", "no rating tells raters or criteria apart"),
    ({"a": [1, 2, 1]}, "ordinal", "no rating tells raters or criteria apart")])
def test_what_the_model_cannot_take_is_nan_with_its_reason(matrix, scale, reason):
    table = RASCH(wb.from_matrix(pd.DataFrame(matrix), scale=scale))
    assert table["value"].isna().all() and table["note"].str.startswith(reason).all()
    assert set(table["name"]) >= {"severity", "infit", "outfit", "severity_sd", "separation", "reliability"}


def test_two_levels_have_a_threshold_by_definition():
    row = RASCH(cells_of(FIVE, list("abcde"))).set_index("name").loc["threshold"]
    assert row["value"] == 0 and np.isnan(row["low"]) and row["note"].startswith("two levels: 0 by definition")


def test_a_fit_that_fails_or_does_not_end_says_so(monkeypatch):
    frame = draw(seed=21, items=60, severity=planted(4, 0.5))
    with monkeypatch.context() as patch:
        patch.setattr(rasch_fit, "MAX_STEPS", 1)
        assert of(direct(frame), "severity", "note").str.contains("the iteration has not converged").all()
    # Rated twice on three levels, every item with the total 1 or 3: level 2 stands where the total says so, and its threshold is free.
    twice = pd.DataFrame({"item_id": np.repeat(range(8), 2), "rater_id": ["a", "b"] * 8, "criterion": "c",
                          "score": [1, 2, 2, 1, 2, 3, 3, 2, 1, 2, 2, 3, 3, 2, 2, 1.0]})
    table = direct(twice)
    assert of(table, "threshold", "note")[["1|2", "2|3"]].str.startswith("the ratings do not bound it").all()
    assert of(table, "severity")["a"] == pytest.approx(-of(table, "severity")["b"], abs=EXACT)
    monkeypatch.setattr(rasch_fit, "TOLD", -1)
    table = direct(twice)
    assert table["value"].isna().all() and table["note"].str.startswith("the ratings do not fix severities").all()


def test_a_caller_s_mistakes_are_named(monkeypatch):
    panel = cells_of(FIVE, list("abcde"))
    with pytest.raises(wb.ParameterError, match="model='rsm' is not known. Use one of: 'rating-scale', 'partial-credit'"):
        RASCH(panel, model="rsm")
    with pytest.raises(wb.ParameterError, match="confidence=95 is not a share"):
        RASCH(panel, confidence=95)
    monkeypatch.setattr(facets, "MAX_RATERS", 4)
    with pytest.raises(wb.RatingsError, match="at most 4, not 5. Narrow the ratings"):
        RASCH(panel)
