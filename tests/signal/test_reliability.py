"""Generalizability: the analysis of variance by hand, mixed models, planted truth in sparse designs, what a design cannot split."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.signal.reliability_components import factors
from workbench.signal.reliability_halves import stepped_up
from workbench.signal.reliability_study import spread_of, variance_interval

SAME = 1e-9      # one formula, two orders of operations
PRINTED = 1e-5   # quantiles of chi-square with six figures
DRAWN = 0.1      # a spread over draws: 4 standard errors of 4,000 and of 600 are below 7 %, of a covariance of 20,000 below 8 %
KINDS = ("system", "prompt", "rater", "system:prompt", "system:rater", "prompt:rater", "residual")


def drawn(rng: np.random.Generator, variances: tuple[float, ...], *, systems: int = 6, prompts: int = 60, raters: int = 12,
          k: int = 3) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every system on every prompt, k of the raters on each answer: scores with these variances of `KINDS`, and codes."""
    s, p = (np.repeat(code.ravel(), k) for code in np.indices((systems, prompts)))
    r = np.argsort(rng.random((systems * prompts, raters)), axis=1)[:, :k].ravel()
    codes = (s, p, r, s * prompts + p, s * raters + r, p * raters + r, np.arange(len(s)))
    score = sum(rng.normal(0, math.sqrt(v), int(code.max()) + 1)[code] for v, code in zip(variances, codes))
    return score, {"system": s, "prompt": p, "rater": r}


def frame(score: np.ndarray, codes: dict[str, np.ndarray]) -> pd.DataFrame:
    """The same as ratings."""
    table = pd.DataFrame({"score": score, "system": codes["system"], "prompt_id": codes["prompt"], "rater_id": codes["rater"]})
    table[["system", "prompt_id", "rater_id"]] = table[["system", "prompt_id", "rater_id"]].astype(str)
    return table.assign(item_id=table["prompt_id"] + "-" + table["system"])


def test_a_table_by_hand() -> None:
    # 2 systems x 2 prompts, one rater each: 1 2 / 4 7; means 1.5 and 5.5, prompts 2.5 and 4.5, grand 3.5. Mean squares: systems
    # 2 (2^2 + 2^2) = 16, prompts 2 (1 + 1) = 4, rest (.5^2 4) = 1. Rest 1; system (16 - 1) / 2 = 7.5; prompt (4 - 1) / 2 = 1.5.
    # Reliability 7.5 / (7.5 + 1 / 2) = .9375; dependability 7.5 / (7.5 + (1.5 + 1) / 2) = .857
    codes = {"system": np.array([0, 0, 1, 1]), "prompt": np.array([0, 1, 0, 1]), "rater": np.zeros(4, int)}
    study = factors(np.array([1.0, 2, 4, 7]), codes, of="system")
    assert dict(zip(study.names, study.variances())) == pytest.approx({"system": 7.5, "prompt": 1.5, "residual": 1.0})
    found = list(spread_of(study, 0).coefficient_rows(0.95))
    assert [row["value"] for row in found] == pytest.approx([15 / 16, 7.5 / 8.75])


def test_complete_tables_give_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(1)
    s, p, r = 4, 9, 3
    y = rng.normal(size=(s, 1, 1)) + rng.normal(size=(1, p, 1)) + rng.normal(size=(s, p, 1)) + rng.normal(size=(s, p, r))
    codes = dict(zip(("system", "prompt", "rater"), (code.ravel() for code in np.indices(y.shape))))
    found = dict(zip(KINDS, factors(y.ravel(), codes, of="system").variances()))
    two = y.mean(2, keepdims=True) - y.mean((1, 2), keepdims=True) - y.mean((0, 2), keepdims=True) + y.mean()
    sr = y.mean(1, keepdims=True) - y.mean((1, 2), keepdims=True) - y.mean((0, 1), keepdims=True) + y.mean()
    pr = y.mean(0, keepdims=True) - y.mean((0, 2), keepdims=True) - y.mean((0, 1), keepdims=True) + y.mean()
    rest = y - y.mean() - two - sr - pr - sum(y.mean(axes, keepdims=True) - y.mean() for axes in ((1, 2), (0, 2), (0, 1)))
    ms = (rest**2).sum() / ((s - 1) * (p - 1) * (r - 1))
    ms_two = r * (two**2).sum() / ((s - 1) * (p - 1))
    ms_sr = p * (sr**2).sum() / ((s - 1) * (r - 1))
    ms_s = p * r * y.mean((1, 2)).var(ddof=1)
    assert found["residual"] == pytest.approx(ms, rel=SAME) and found["system:prompt"] == pytest.approx((ms_two - ms) / r, rel=SAME)
    assert found["system"] == pytest.approx((ms_s - ms_two - ms_sr + ms) / (p * r), rel=SAME)


def test_balanced_tables_equal_restricted_likelihood() -> None:
    # statsmodels MixedLM (REML) of a one-way layout: 8 items, 4 raters nested in them
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(3)
    item = np.repeat(np.arange(8), 4)
    y = rng.normal(size=8)[item] + rng.normal(size=32)
    study = factors(y, {"item": item, "rater": np.arange(32)}, of="item")
    peer = MixedLM(y, np.ones((32, 1)), groups=item).fit(reml=True)
    assert "rater and residual cannot be told apart: raters rate once" in study.note
    assert study.variances() == pytest.approx([float(np.asarray(peer.cov_re)[0, 0]), peer.scale], rel=1e-3)


def test_sparse_designs_give_what_was_planted_on_average() -> None:
    # 3 of 12 raters on each of 6 x 60 answers
    planted = (0.1, 0.2, 0.1, 0.3, 0.02, 0.05, 0.5)
    found = np.mean([factors(*drawn(np.random.default_rng(seed), planted), of="system").variances() for seed in range(60)], axis=0)
    assert found == pytest.approx(planted, abs=0.03)   # 3 standard errors of 60 draws (system: .08 each)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    planted, rng = np.array([0.1, 0.2, 0.1, 0.3, 0.02, 0.05, 0.5]), np.random.default_rng(2)
    hits = []
    for seed in range(50):
        spread = spread_of(factors(*drawn(rng, tuple(planted), prompts=30), of="system"), seed)
        own = [*spread.component_rows(0.95), *spread.coefficient_rows(0.95)]
        truth = [*planted, *(planted[0] / (planted[0] + (weight * planted)[1:].sum()) for weight in (spread.relative, spread.absolute))]
        hits.append([row["low"] <= t <= row["high"] for row, t in zip(own, truth)])
    assert np.mean(hits) >= 0.92 and (np.mean(hits, axis=0) >= 0.82).all()   # 50 draws of 95 %: below 82 % has probability .1 %


def test_one_more_of_everything_never_repeats_worse_and_prompts_do_not_remove_the_floor() -> None:
    score, codes = drawn(np.random.default_rng(4), (0.1, 0.1, 0.1, 0.3, 0.05, 0.05, 0.5))
    table = wb.signal.reliability(wb.read(frame(score, codes)), prompts=(60, 240), raters=(12,))
    planned = table[table["planned_prompts"].notna()].set_index("planned_prompts")["value"]
    now = table[(table["name"] == "reliability") & table["planned_prompts"].isna()]["value"].iloc[0]
    assert planned[60] == pytest.approx(now) and planned[60] < planned[240] < planned[math.inf] < 1
    variance = table[table["name"] == "variance"].set_index("component")["value"]
    floor = table[table["name"] == "floor"]["value"].iloc[0]
    assert planned[math.inf] == pytest.approx(variance["system"] / (variance["system"] + floor**2), rel=0.02)   # unequal shares of raters


def test_each_criterion_has_a_study_and_so_has_their_composite() -> None:
    score, codes = drawn(np.random.default_rng(5), (0.3, 0.1, 0.1, 0.3, 0.0, 0.0, 0.4))
    one = frame(np.clip(np.rint(score + 3), 1, 5), codes)
    both = pd.concat([one.assign(criterion="a"), one.assign(criterion="b", score=6 - one["score"])])
    table = wb.signal.reliability(wb.read(both))
    assert table["criterion"].unique().tolist() == ["a", "b", "composite"]
    # b undoes a: their mean is the same number for every rating, and there is nothing to study
    assert table[table["criterion"] == "composite"]["note"].iloc[0].startswith("nothing varies")
    alike = pd.concat([one.assign(criterion="a"), one.assign(criterion="b")])
    value = wb.signal.reliability(wb.read(alike)).query("name == 'reliability'").set_index("criterion")["value"]
    assert value["composite"] == pytest.approx(value["a"]) == pytest.approx(value["b"])


def test_items_as_objects_are_the_intraclass_correlation() -> None:
    rng = np.random.default_rng(6)
    table = rng.normal(size=(30, 1)) + rng.normal(size=(30, 3)) + [0, 1, 2]
    found = wb.signal.reliability(wb.from_matrix(pd.DataFrame(table, columns=list("abc"))), object="item").set_index("name")
    consistent = wb.agreement.icc(wb.from_matrix(pd.DataFrame(table, columns=list("abc")))).set_index("form").loc["ICC(C,k)", "value"]
    assert found.loc["reliability", "value"] == pytest.approx(consistent, rel=1e-6)


@pytest.mark.parametrize(("change", "words"), [
    (lambda f: f.drop(columns="system"), "no `system`"),
    (lambda f: f[f["system"] == "0"], "fewer than two systems"),
    (lambda f: f.assign(score=3.0), "nothing varies"),
    (lambda f: f.assign(label=np.where(f["score"] > 3, "A", "B")).drop(columns="score"), "nominal levels have no mean"),
    (lambda f: f.assign(rater_id=f["system"]).drop_duplicates("item_id"), "system and rater cannot be told apart: each system has one rater"),
])
def test_what_cannot_be_studied_is_nan_and_says_why(change: object, words: str) -> None:
    table = wb.signal.reliability(wb.read(change(frame(*drawn(np.random.default_rng(7), (0.1,) * 7, prompts=20)))))
    assert table["value"].isna().all() and table["note"].str.contains(words, regex=False).all()


def test_designs_that_do_not_split_the_noise_name_what_they_cannot() -> None:
    once = frame(*drawn(np.random.default_rng(8), (0.1,) * 7, k=1))
    note = wb.signal.reliability(wb.read(once))["note"].iloc[0]
    assert "system:prompt and residual cannot be told apart" in note
    nested = frame(*drawn(np.random.default_rng(8), (0.1,) * 7)).assign(rater_id=lambda f: f["system"] + f["rater_id"])
    note = wb.signal.reliability(wb.read(nested))["note"].iloc[0]
    assert "rater and system:rater cannot be told apart: each rater meets one system" in note
    assert "systems fall in 6 sets that share no rater" in note


def test_halves_that_rank_alike_are_near_one_and_noise_is_not() -> None:
    for variance, near in ((1.0, 0.95), (0.0, None)):
        table = wb.signal.reliability(wb.read(frame(*drawn(np.random.default_rng(9), (variance, 0.1, 0.1, 0.3, 0, 0, 0.4)))))
        row = table[table["name"] == "split_half"].iloc[0]
        assert row["value"] > near if near else row["value"] < 0.9 and row["low"] < 0.5
    assert stepped_up(0.5) == pytest.approx(2 / 3) and stepped_up(-0.5) == -0.5   # Spearman-Brown: 2 x .5 / 1.5


def test_too_few_prompts_have_no_halves() -> None:
    table = wb.signal.reliability(wb.read(frame(*drawn(np.random.default_rng(9), (0.1,) * 7, prompts=30))))
    assert table[table["name"] == "split_half"]["note"].iloc[0].startswith("fewer than 40 prompts")


def test_a_variance_alone_has_the_chi_square_interval() -> None:
    # no noise: spread 2 v^2 / df, so that the interval is df v / chi-square: v = 2, df = 10: 20 / 20.483, 20 / 3.247
    assert variance_interval(2.0, 0.8, 10, 0.95) == pytest.approx((20 / 20.4832, 20 / 3.24697), rel=PRINTED)


def test_a_bad_argument_says_what_is_good() -> None:
    ratings = wb.read(frame(*drawn(np.random.default_rng(1), (0.1,) * 7, prompts=3)))
    with pytest.raises(ParameterError, match="object='rater'"):
        wb.signal.reliability(ratings, object="rater")
    with pytest.raises(ParameterError, match="numbers of 1 or more, found 0"):
        wb.signal.reliability(ratings, prompts=(0,))


def test_variances_move_as_the_analysis_of_variance_says() -> None:
    # k systems of n ratings: MSW has variance 2 s^4 / (k (n - 1)), the means' variance 2 (v + s^2 / n)^2 / (k - 1), independent of it;
    # with s^2 = 4, v = 1, k = 5, n = 8: 32 / 35 and 2 (3/2)^2 / 4 = 9/8; v is estimated as the means' variance less MSW / n
    study = factors(np.arange(40.0), {"system": np.repeat(np.arange(5), 8)}, of="system")
    inner, outer = 32 / 35, 9 / 8
    wanted = np.array([[outer + inner / 64, -inner / 8], [-inner / 8, inner]])
    assert study.covariances(np.array([1.0, 4.0]), draws=20_000, seed=1) == pytest.approx(wanted, rel=DRAWN)


def test_variances_move_as_those_of_redrawn_ratings_do() -> None:
    rng = np.random.default_rng(4)
    codes = {name: rng.integers(size, size=300) for name, size in (("system", 4), ("prompt", 25), ("rater", 6))}
    study, truth = factors(rng.normal(size=300), codes, of="system"), {"system": 0.5, "prompt": 1.0, "rater": 0.3, "residual": 2.0}
    variances = np.array([truth.get(name, 0.2) for name in study.names])
    y = sum(rng.normal(0, v**0.5, (len(study.sizes[name]), 4000))[study.codes[name]] for name, v in zip(study.names, variances))
    drawn = np.linalg.solve(study.expectations, study.squares({name: at.T @ y for name, at in study.at.items()}))
    found = np.sqrt(np.diag(study.covariances(variances, draws=600, seed=2)))
    assert found == pytest.approx(drawn.std(axis=1), rel=DRAWN)
