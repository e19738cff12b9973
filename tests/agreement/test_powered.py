from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement import powered
from workbench.agreement.estimate import Sampling
from workbench.agreement.powered import plain_mean, powered_mean
from workbench.agreement.trial import Trial
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
CORRECTED_MEAN = wb.agreement.corrected_mean


def panel(human, model, **columns):
    """Ratings of items by one human and one model, nan for none."""
    n = len(model)
    frame = pd.DataFrame({"item_id": np.tile([f"i{i:04d}" for i in range(n)], 2), "rater_id": np.repeat(["ann", "bot"], n),
                          "rater_kind": np.repeat(["human", "model"], n), "score": np.concatenate([human, model]).astype(float)})
    for name, values in columns.items():
        frame[name] = np.tile(values, 2)
    return wb.read(frame.dropna(subset="score"))


def draw(seed=0, n=60, others=400, follows=0.8):
    """Scores of one human on `n` items and of a model, too high by 1, on these and `others`."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(3, 1, n + others)
    human = np.where(np.arange(n + others) < n, quality + rng.normal(0, 0.5, n + others), np.nan)
    return human, 1 + follows * quality + rng.normal(0, 0.5, n + others)


def rows(found):
    return found.set_index("name")


def told(human, model):
    """The three rows without an engine."""
    item, n = np.flatnonzero(~np.isnan(human)), len(model)
    trial = Trial(key={"rater_id": "bot"}, item=item, human=np.zeros(len(item), dtype=int), names=np.array(["ann"]),
                  level=np.full(len(item), -1), score=human[item], model_level=np.full(n, -1), model_score=np.asarray(model, dtype=float),
                  cluster=None, scale="interval", n_dropped=0, note="")
    return pd.DataFrame(powered._rows(trial, Sampling("linearized"))).set_index("name")


def test_the_corrected_mean_by_hand():
    human = np.array([1, 2, 3, 4] * 3 + [np.nan] * 4)
    model = np.array([2, 2, 4, 4] * 3 + [5, 5, 5, 5.0])
    found = rows(CORRECTED_MEAN(panel(human, model)))
    # model on labelled items: 3, on all (36 + 20) / 16 = 3.5. Power: the 12 labelled items weigh 1 / 12 and 1 / 16 in the two
    # means; sum (y - 2.5) (f - 3) = 3 (1.5 + .5 + .5 + 1.5) = 12 over 12 12, less the same over 12 16
    cross = Fraction(12, 144) - Fraction(12, 192)
    # squares of (f - 3) / 12 - (f - 3.5) / 16 over six items at 2 and six at 4, and of 1.5 / 16 over the four others
    squares = 6 * (Fraction(-1, 12) + Fraction(3, 32)) ** 2 + 6 * (Fraction(1, 12) - Fraction(1, 32)) ** 2 + 4 * Fraction(3, 32) ** 2
    power = cross / squares
    assert found["power"]["corrected_mean"] == pytest.approx(float(power), abs=EXACT)
    assert found["value"].tolist() == pytest.approx([float(Fraction(5, 2) + power / 2), 2.5, 3.5], abs=EXACT)
    assert found["n_items"].tolist() == [16, 12, 16] and found["n_unlabelled"].tolist() == [4, 0, 4]
    assert found["n_raters"].tolist() == [2, 1, 1] and found["n_ratings"].tolist() == [28, 12, 16]
    assert found["n_dropped"].tolist() == [0, 16, 12]


def test_the_value_is_the_published_estimator_at_its_own_power():
    human, model = draw()
    y, f, g = human[:60], model[:60], model[60:]
    found = told(human, model)
    power = found["power"]["corrected_mean"] * 400 / 460       # PPI++ compares labelled with unlabelled items, not with all
    expected = y.mean() + power * (g.mean() - f.mean())        # Angelopoulos et al. (2023), example 1
    assert found["value"]["corrected_mean"] == pytest.approx(expected, abs=1e-12)
    variance = np.var(y - power * f, ddof=2) / 60 + power**2 * np.var(g, ddof=1) / 400
    assert found["se"]["corrected_mean"] == pytest.approx(variance**0.5, rel=0.02)       # the slope is taken at the mean of all items
    assert found["se"]["human_mean"] == pytest.approx(y.std(ddof=1) / 60**0.5, rel=1e-9)
    assert found["se"]["autorater_mean"] == pytest.approx(model.std(ddof=1) / 460**0.5, rel=1e-9)
    assert found["gain"]["corrected_mean"] == pytest.approx((found["se"]["human_mean"] / found["se"]["corrected_mean"]) ** 2)
    assert found["high"]["human_mean"] == pytest.approx(y.mean() + 2.001 * y.std(ddof=1) / 60**0.5, abs=1e-3)   # t with 59 degrees


def test_the_power_is_near_the_slope_of_humans_on_the_model_and_makes_the_error_least():
    human, model = draw(follows=1.2)
    mean, power, _ = powered_mean(human, model, np.arange(460))
    assert power == pytest.approx(np.polyfit(model[:60], human[:60], 1)[0], abs=0.03)
    for other in (power - 0.1, power + 0.1):
        assert error_at(other, human, model) > error_at(power, human, model)


def error_at(power, human, model):
    """Variance of mean y + power (mean f over all - mean f over labelled), by the independent parts of labelled and other items."""
    n, m = 60, len(model)
    return np.var(human[:n] - power * (1 - n / m) * model[:n]) / n + power**2 * (1 - n / m) ** 2 * np.var(model[n:]) / (m - n)


def test_power_stays_between_zero_and_one():
    human, model = draw()
    contrary, faint = powered_mean(human, -model, np.arange(460)), powered_mean(human, model / 10, np.arange(460))
    assert contrary[1] == 0 and contrary[0].value == pytest.approx(human[:60].mean(), abs=EXACT)
    assert faint[1] == 1


def test_the_models_bias_drops_out():
    human, model = draw()
    one, other = (powered_mean(human, f, np.arange(460))[0] for f in (model, model + 100))
    assert one.value == pytest.approx(other.value, abs=1e-9) and one.se == pytest.approx(other.se, rel=1e-6)


def test_items_rated_by_humans_alone_add_to_the_mean():
    human, model = draw()
    model[:30] = np.nan
    found = told(human, model)
    assert found["value"]["human_mean"] == pytest.approx(human[:60].mean()) and found["n_items"]["corrected_mean"] == 460
    power, f = found["power"]["corrected_mean"], model[30:]
    assert found["value"]["corrected_mean"] == pytest.approx(human[:60].mean() + power * (f.mean() - f[:30].mean()), abs=1e-9)


def test_several_humans_of_an_item_count_as_their_mean():
    listed = [("i0", "ann", 1), ("i0", "bob", 4), ("i0", "cem", 4), ("i1", "ann", 2)]
    ratings = pd.DataFrame(listed, columns=["item_id", "rater_id", "score"])
    found = rows(CORRECTED_MEAN(wb.read(ratings.assign(rater_kind="human")), interval="none"))
    assert found["value"]["human_mean"] == 2.5


def test_items_of_a_prompt_are_one_draw_and_prompts_are_the_default():
    rng = np.random.default_rng(0)
    quality, prompt = np.repeat(rng.normal(3, 1, 100), 4), np.repeat([f"p{k}" for k in range(100)], 4)
    human, model = np.where(np.arange(400) < 80, quality, np.nan), quality + rng.normal(0, 0.5, 400)
    by_prompt, by_item = (rows(CORRECTED_MEAN(panel(human, model, prompt_id=prompt), **given)) for given in ({}, {"cluster": None}))
    of_prompts = pd.Series(human[:80]).groupby(prompt[:80]).mean()      # four equal scores: twenty draws
    assert by_prompt["se"]["human_mean"] == pytest.approx(of_prompts.std() / 20**0.5, rel=1e-9)
    assert by_item["se"]["human_mean"] < 0.6 * by_prompt["se"]["human_mean"]
    assert by_prompt["value"]["human_mean"] == by_item["value"]["human_mean"]


def test_clusters_of_one_item_change_nothing():
    human, model = draw()
    one, other = (powered_mean(human, model, cluster)[0] for cluster in (np.arange(460), np.random.default_rng(0).permutation(460)))
    assert one.se == pytest.approx(other.se, rel=1e-12) and one.df == other.df == 58


def test_intervals_hold_the_planted_mean_as_often_as_they_say():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "corrected_mean.py"
    spec = importlib.util.spec_from_file_location("corrected_mean_benchmark", path)
    spec.loader.exec_module(benchmark := importlib.util.module_from_spec(spec))
    sys.path.remove(str(path.parents[1]))
    for design in ("items", "whole prompts"):
        said = benchmark.measure(50, 500, 0.9, design, 400).split()
        held, width = (float(said[said.index(word) + 1]) for word in ("corrected", "width"))
        assert 0.92 < held < 0.98 and width < 0.8       # 400 draws at 95 %: standard error .011
        assert float(said[said.index("autorater") + 1]) < 0.1


def test_labelled_items_that_the_model_scores_unlike_the_others_are_named():
    human, model = draw()
    model[:60] += 1
    note = told(human, model)["note"]["corrected_mean"]
    assert "the model scores labelled items higher than all items by" in note and "a random subset seldom does" in note
    assert "seldom" not in told(*draw())["note"]["corrected_mean"]


def test_few_labelled_items_off_the_commonest_score_are_named():
    human = np.where(np.arange(300) < 50, (np.arange(300) % 10 == 0).astype(float), np.nan)
    note = told(human, np.tile([0, 1, 0], 100))["note"]["corrected_mean"]
    assert "5 of 50 labelled items differ from the commonest score" in note
    assert "commonest" not in told(*draw(n=12))["note"]["corrected_mean"]


def test_nine_labelled_items_have_no_interval_and_ten_have():
    human, model = draw(n=9)
    nine = told(human, model)
    assert np.isfinite(nine["value"]["corrected_mean"]) and np.isnan(nine["low"]["corrected_mean"]) and np.isnan(nine["se"]["human_mean"])
    assert "9 items: no interval below 10" in nine["note"]["corrected_mean"]
    assert np.isfinite(nine["low"]["autorater_mean"])
    assert np.isfinite(told(*draw(n=10))["low"]["corrected_mean"])


def test_groups_without_a_mean_say_why():
    cases = {"no item has a human rating": [("bot", 1)], "no model rated here": [("ann", 1)],
             "no item was rated by a human and the model": [("ann", 1), ("bot", 2)]}
    listed = [(f"{reason}{k if who == 'bot' else k + 50}", who, score + k, "model" if who == "bot" else "human", reason)
              for reason, given in cases.items() for who, score in given for k in range(3)]
    frame = pd.DataFrame(listed, columns=["item_id", "rater_id", "score", "rater_kind", "task_type"])
    found = CORRECTED_MEAN(wb.read(frame), by=["task_type"])
    corrected = found[found["name"] == "corrected_mean"].set_index("task_type")
    assert corrected["value"].isna().all() and all(reason in note for reason, note in corrected["note"].items())
    human = found[found["name"] == "human_mean"].set_index("task_type")["value"]
    assert human["no model rated here"] == 2 and np.isnan(human["no item has a human rating"])
    names = frame.assign(label=np.where(frame["score"] > 2, "yes", "no")).drop(columns="score")
    found = CORRECTED_MEAN(wb.read(names))
    assert found["value"].isna().all() and found["note"].str.contains("nominal levels have no mean").all()


def test_a_mean_that_is_not_there_has_no_power_and_gains_nothing():
    found = rows(CORRECTED_MEAN(panel(np.full(20, np.nan), np.arange(20.0) % 3)))
    assert found.loc[["corrected_mean", "human_mean"], ["value", "power", "gain"]].isna().all(axis=None)


def test_a_model_on_no_further_item_adds_nothing():
    human, model = draw(others=0)
    found = told(human, model)
    assert found["value"]["corrected_mean"] == found["value"]["human_mean"] and found["power"]["corrected_mean"] == 0
    assert found["se"]["corrected_mean"] == found["se"]["human_mean"] and "the model adds nothing" in found["note"]["corrected_mean"]


def two_models():
    listed = [(f"i{k}", who, k % 3 + (who == "bot2"), "human" if who == "ann" else "model")
              for k in range(12) for who in ("ann", "bot", "bot2")]
    return wb.read(pd.DataFrame(listed, columns=["item_id", "rater_id", "score", "rater_kind"]))


def test_one_of_several_models_must_be_named():
    with pytest.raises(ParameterError, match="2 models rated: bot, bot2. Their ratings are not mixed: name one, model='bot'"):
        CORRECTED_MEAN(two_models())
    with pytest.raises(ParameterError, match="model='gpt' rated none of these items. Those who did: bot, bot2"):
        CORRECTED_MEAN(two_models(), model="gpt")
    found = rows(CORRECTED_MEAN(two_models(), model="bot2"))
    assert found["value"]["autorater_mean"] == 2 and set(found["rater_id"]) == {"bot2"}


@pytest.mark.parametrize("selection", ["routed", ["planned", "review"]])
def test_routed_ratings_are_refused(selection):
    human, model = draw(n=10, others=10)
    with pytest.raises(ParameterError, match=r"where\(selection=...\) lets in (routed|review) ratings.*no random subset"):
        CORRECTED_MEAN(panel(human, model).where(selection=selection))


def test_routed_ratings_stay_out_unasked():
    human, model = draw(n=12, others=12)
    selection = np.where(np.arange(24) < 6, "routed", "audit")
    found = rows(CORRECTED_MEAN(panel(human, model, selection=selection), interval="none"))
    assert found["value"]["human_mean"] == pytest.approx(human[6:12].mean()) and found["n_items"]["autorater_mean"] == 18


def test_unknown_options_are_refused():
    with pytest.raises(ParameterError, match="interval='bootstrap' is not known"):
        CORRECTED_MEAN(panel(*draw(n=10, others=0)), interval="bootstrap")
    with pytest.raises(ParameterError, match="column 'topic' is not in"):
        CORRECTED_MEAN(panel(*draw(n=10, others=0)), cluster="topic")


def test_a_lone_score_has_a_mean_and_no_error():
    mean = plain_mean(np.array([3.0, np.nan]), np.arange(2))
    assert mean.value == 3 and np.isnan(mean.se)


def test_the_sample_datasets_autorater_is_corrected_toward_the_experts():
    sample = wb.read(Path(__file__).resolve().parents[2] / "data" / "sample")
    experts = sample.where(criterion="helpfulness", rater_kind=["expert", "model"])
    found = CORRECTED_MEAN(experts, by=["system"], interval="linearized").set_index(["name", "system"])
    span = {name: found["value"][name].max() - found["value"][name].min() for name in ("corrected_mean", "autorater_mean")}
    # TRUTH.md: later systems write longer answers, which the autorater likes
    assert span["autorater_mean"] > 1.5 and span["corrected_mean"] < 0.5
    assert (found["gain"]["corrected_mean"] > 1.3).all() and (found["n_unlabelled"]["corrected_mean"] > 600).all()


def test_where_the_reason_for_labelling_is_not_recorded_the_note_says_so():
    human, model = draw()
    bare, recorded = (rows(CORRECTED_MEAN(panel(human, model, **more)))["note"] for more in ({}, {"selection": ["planned"] * len(model)}))
    assert "why items were labelled is not recorded: taken as random" in bare["corrected_mean"]
    assert "not recorded" not in bare["human_mean"] + recorded["corrected_mean"]
