"""Progress: evidence by hand, false steps of none measured, steps that are found, orders and gaps; on a generator of its own."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.signal.progress_evidence import FIRST_SPREAD, STAKES, log_evidence, mean_interval, prompts_until, spread_before, \
    standing_effect

SAME = 1e-9      # one formula, two orders of operations


def series(steps: tuple[float, ...], *, prompts: int = 300, seed: int = 0, weeks: int = 12, raters: int = 8,
           missing: float = 0.0) -> pd.DataFrame:
    """Versions v0, v1, ... that gain `steps`, judged on a 1-5 scale by two of the raters an answer, in weeks: from the issue's words,
    with nothing of the package's own generator (thresholds on a logistic latent, answers to a prompt alike, raters strict or lenient)."""
    rng, levels = np.random.default_rng(seed), np.concatenate([[0.0], np.cumsum(steps)])
    hard, lean = rng.logistic(0, 0.5, prompts), rng.uniform(-0.5, 0.5, raters)
    rows = []
    for p in range(prompts):
        day = pd.Timestamp("2026-03-02", tz="UTC") + pd.Timedelta(days=7 * weeks * p / prompts)
        for v, level in enumerate(levels):
            if rng.random() < missing:
                continue
            answer = level + hard[p] + rng.logistic(0, 0.4)
            for r in rng.permutation(raters)[:2]:
                felt = answer + lean[r] + rng.logistic(0, 0.4)
                rows.append((f"p{p}", f"p{p}/v{v}", f"v{v}", f"r{r}", 1 + int(np.searchsorted([-1.5, -0.5, 0.5, 1.5], felt)),
                             day + pd.Timedelta(hours=int(rng.integers(48)))))
    return pd.DataFrame(rows, columns=["prompt_id", "item_id", "system", "rater_id", "score", "rated_at"])


def told(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Progress over v0, v1, ..."""
    return wb.signal.progress(wb.read(frame), versions=sorted(frame["system"].unique()), **options)


def test_evidence_by_hand() -> None:
    # two differences 1, 0 within 2: the spread presumed first is .25 x 2 = .5, so that stakes are .64 / .5 = 1.28 cut to .9 / 2, and
    # .64, .32, .16, .08, .04; the second difference is 0 and changes nothing: mean of 1 + b and of 1 - b is 1 over all stakes
    stakes = np.minimum(np.array(STAKES) / (FIRST_SPREAD * 2), 0.45)
    capital = np.concatenate([1 + stakes, 1 - stakes])
    assert log_evidence(np.array([1.0, 0.0]), 2.0) == pytest.approx([math.log(capital.mean())] * 2, abs=SAME)
    assert spread_before(np.array([1.0, 3.0, 2.0]), 2.0) == pytest.approx([0.5, math.sqrt(0.25 / 2), math.sqrt(2.25 / 3)])


def test_evidence_looks_at_the_past_alone() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(-1, 1, 50)
    other = np.concatenate([one[:30], rng.uniform(-1, 1, 20)])
    assert log_evidence(one, 1.0)[:30] == pytest.approx(log_evidence(other, 1.0)[:30], rel=SAME)


def test_both_signs_are_alike_and_the_interval_is_what_is_not_refuted() -> None:
    d = np.random.default_rng(2).uniform(-1, 1.2, 400)
    assert log_evidence(d, 2.0) == pytest.approx(log_evidence(-d, 2.0), rel=1e-7)
    low, high = mean_interval(d, 2.0, 0.95)
    assert low < d.mean() < high
    for end in (low, high):
        assert log_evidence(d, 2.0, end)[-1] == pytest.approx(math.log(20), abs=1e-3)
    assert (-high, -low) == pytest.approx(mean_interval(-d, 2.0, 0.95), abs=1e-6)


@pytest.mark.parametrize("kind", ["even", "rare failures", "mostly ties"])
def test_no_difference_is_ever_called_one_too_often(kind: str) -> None:
    rng, ever = np.random.default_rng(3), 0
    for _ in range(400):
        if kind == "even":
            d = rng.integers(-4, 5, 300).astype(float)
        elif kind == "rare failures":
            d = np.where(rng.random(300) < 0.05, -3.8, 0.2)      # mean 0: a little better, save where it fails
        else:
            d = rng.choice([-1.0, 0.0, 1.0], 300, p=[0.03, 0.94, 0.03])
        ever += log_evidence(d, 4.0).max() >= math.log(20)
    assert ever <= 33      # 5 % of 400 is 20; more than 33 would have probability .2 %


def test_no_step_is_called_real_in_a_series_without_steps() -> None:
    false = sum((told(series((0.0, 0.0, 0.0), prompts=30, seed=seed))["verdict"] != "cannot tell").any() for seed in range(12))
    assert false <= 3      # 5 % of 12 is .6; more than 3 would have probability .2 %


def test_real_steps_are_found_and_the_others_are_not() -> None:
    table = told(series((0.9, 0.0, -0.9), prompts=400))
    assert table["verdict"].tolist() == ["up", "cannot tell", "down"] and table["status"].tolist() == ["found", "watch", "found"]
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert table["confidence"].tolist() == pytest.approx([1 - 0.05 / 3] * 3)
    real = table[table["verdict"] != "cannot tell"]
    assert (real["e_value"] >= 60).all() and (real["since"] > pd.Timestamp("2026-03-02", tz="UTC")).all()
    assert (real["detectable"] < real["value"].abs()).all() and (real["n_needed"] < 400).all()


def test_only_common_prompts_count_and_scores_on_others_change_nothing() -> None:
    frame = series((0.5,), prompts=120, missing=0.2)
    common = frame.groupby("prompt_id")["system"].transform("nunique") == 2
    moved = frame.assign(score=frame["score"].where(common, 1))
    one, other = told(frame).iloc[0], told(moved).iloc[0]
    cells = frame[common].groupby(["prompt_id", "system"])["score"].mean().unstack()
    assert one["n_items"] == common.groupby(frame["prompt_id"]).first().sum()
    assert one["value"] == other["value"] == pytest.approx((cells["v1"] - cells["v0"]).mean())


def test_a_fresh_step_is_watched_before_it_is_found() -> None:
    frame = series((2.5,), prompts=300)
    week = frame["rated_at"] < pd.Timestamp("2026-03-09", tz="UTC")
    first = told(frame[week])
    assert first["verdict"].tolist() == ["up"] and first["status"].tolist() == ["watch"]
    assert told(frame)["status"].tolist() == ["found"]


def test_planned_prompts_suffice_in_four_of_five_sequences() -> None:
    rng = np.random.default_rng(5)
    n = int(prompts_until(1.0, effect=0.3, reach=4.0, power=0.8, error_rate=0.05))
    found = np.mean([log_evidence(np.clip(rng.normal(0.3, 1, n), -4, 4), 4.0).max() >= math.log(20) for _ in range(600)])
    assert found == pytest.approx(0.8, abs=0.05)      # 3 standard errors of 600 draws
    d = rng.normal(standing_effect(1.0, n=n, reach=4.0, power=0.8, error_rate=0.05), 1, (600, n))
    assert np.mean([log_evidence(np.clip(row, -4, 4), 4.0)[-1] >= math.log(20) for row in d]) == pytest.approx(0.8, abs=0.06)


def test_the_order_is_that_of_the_systems_table(tmp_path: object) -> None:
    frame = series((0.9, 0.0), prompts=100)
    frame.to_parquet(tmp_path / "ratings.parquet")
    pd.DataFrame({"system": ["v0", "v1", "v2", "never"], "ordinal": [3, 2, 1, 4]}).to_parquet(tmp_path / "systems.parquet")
    table = wb.signal.progress(wb.read(tmp_path))
    assert table[["before", "system"]].values.tolist() == [["v2", "v1"], ["v1", "v0"]] and table["verdict"][1] == "down"


@pytest.mark.parametrize(("change", "words"), [
    (lambda f: f.drop(columns="system"), "no `system`"),
    (lambda f: f.drop(columns="prompt_id"), "`prompt_id` is missing"),
    (lambda f: f[f["system"] == "v0"], "only one version was rated"),
    (lambda f: f[f["prompt_id"].isin(["p1", "p2"])], "fewer than 10 common prompts"),
    (lambda f: f.assign(score=np.where(f["rater_id"] == "r0", 3, 3)), "all common prompts have the same score"),
    (lambda f: f.assign(label=np.where(f["score"] > 3, "A", "B")).drop(columns="score"), "nominal levels have no mean"),
])
def test_what_cannot_be_told_is_nan_and_says_why(change: object, words: str) -> None:
    table = wb.signal.progress(wb.read(change(series((0.5,), prompts=30))), versions=["v0", "v1"])
    assert table["value"].isna().all() and words in table["note"].iloc[0] and (table["verdict"] == "cannot tell").all()


def test_no_order_says_what_to_deliver_and_unknown_versions_are_an_error() -> None:
    ratings = wb.read(series((0.5,), prompts=30))
    assert "deliver systems.parquet" in wb.signal.progress(ratings)["note"][0]
    with pytest.raises(ParameterError, match=r"versions=\['w0'\] names no system of the ratings \(v0, v1\)"):
        wb.signal.progress(ratings, versions=["w0"])
