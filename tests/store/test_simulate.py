"""The generator: what was planted is there, at its size, and nothing else moved."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest

from workbench.errors import ParameterError
from workbench.schema import BY_NAME
from workbench.store.effects import (EFFECTS, NULL_EFFECTS, camps, drifting_rater, gaps, hot_slice, mix_shift, noise, panel,
                                     severity, step_change, system_gains)
from workbench.store.simulate import Simulation, simulate, simulate_panel, truth_page, write_dataset
from workbench.store.stream import Panel, write_panel

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
LEVELS = 1.25            # levels of helpfulness and accuracy per latent unit: cuts lie 0.8 apart
CLIPPED = 0.3            # share by which the ends of a five-point scale may shorten a planted shift
ALPHA_TOLERANCE = 0.04   # three standard errors of alpha at 3,000 items with 3 ratings, .0134 at most
MEAN_TOLERANCE = 0.12    # levels; three standard errors of a difference of means over about 1,000 items


@pytest.fixture(scope="module")
def drawn() -> Simulation:
    return simulate(seed=7)


def valued(simulation: Simulation, **where: object) -> pd.DataFrame:
    """The ratings with a value and not replaced, with `value`, `week` (1, 2, ...) and the `where` columns as given."""
    ratings = simulation.ratings
    value = ratings["score"].fillna(ratings["label"].map({"unsafe": 1.0, "borderline": 2.0, "safe": 3.0}))
    week = (ratings["rated_at"] - ratings["rated_at"].min().normalize()).dt.days // 7 + 1
    ratings = ratings.assign(value=value, week=week)[value.notna() & ~ratings["rating_id"].isin(ratings["replaces"].dropna())]
    for column, level in where.items():
        ratings = ratings[ratings[column].isin(level if isinstance(level, list) else [level])]
    return ratings


def planted(simulation: Simulation, effect: str) -> dict[str, object]:
    return next(record for record in simulation.truth if record["effect"] == effect)


def residuals(ratings: pd.DataFrame) -> pd.Series:
    """Each rating less its item's mean."""
    return ratings["value"] - ratings.groupby("item_id")["value"].transform("mean")


def within_sd(ratings: pd.DataFrame) -> float:
    """The standard deviation of ratings about their item, pooled over items rated at least twice."""
    groups = ratings.groupby("item_id")["value"]
    kept = groups.transform("size") > 1
    return float(np.sqrt((residuals(ratings)[kept] ** 2).sum() / (kept.sum() - ratings["item_id"][kept].nunique())))


def alpha(ratings: pd.DataFrame, level: str) -> float:
    wide = ratings.pivot(index="rater_id", columns="item_id", values="score").to_numpy(dtype=float)
    return krippendorff.alpha(reliability_data=wide, level_of_measurement=level)


def test_planted_severity_is_recovered_from_deviations_about_the_item():
    draw = simulate(seed=1, effects=[panel, severity, partial(noise, noisy=1.0)], texts=False)
    ratings = valued(draw, criterion="accuracy")
    lenient = residuals(ratings).groupby(ratings["rater_id"]).mean()
    truth = pd.Series(planted(draw, "severity")["size"]).drop("SD")
    slope, correlation = np.polyfit(-truth, lenient[truth.index], 1)[0], np.corrcoef(-truth, lenient[truth.index])[0, 1]
    # an item's mean holds the rater itself once in three, so two thirds of the severity remain: 1.25 * 2/3 = 0.83
    assert correlation > 0.95 and (1 - CLIPPED) * 0.83 < slope < 0.83


def test_agreement_rises_and_scores_fall_under_version_2_on_the_bridge_set_only_for_helpfulness(drawn):
    bridge = planted(drawn, "new_rubric")["ids"]
    ratings = valued(drawn, prompt_id=bridge, rater_kind="human", selection="planned")
    old, new = (ratings[ratings["rubric_version"] == v].drop_duplicates(["item_id", "rater_id", "criterion"], keep="last")
                for v in ("1", "2"))
    assert set(zip(new["item_id"], new["rater_id"])) <= set(zip(drawn.ratings["item_id"], drawn.ratings["rater_id"]))
    for criterion, falls in (("helpfulness", True), ("safety", False), ("accuracy", False)):
        a, b = old[old["criterion"] == criterion], new[new["criterion"] == criterion]
        ratio = within_sd(b) / within_sd(a)
        paired = a.merge(b, on=["item_id", "rater_id"])
        moved = (paired["value_y"] - paired["value_x"]).mean()
        assert (ratio < 0.85) == falls and (moved < -MEAN_TOLERANCE) == falls and ratio < 1.1, (criterion, ratio, moved)


def test_the_bridge_is_rated_again_by_the_same_raters_and_nothing_else_crosses_the_versions(drawn):
    bridge = planted(drawn, "new_rubric")["ids"]
    versions = drawn.ratings.groupby("item_id")["rubric_version"].nunique()
    prompts = drawn.items.set_index("item_id")["prompt_id"]
    assert set(prompts[versions.index[versions == 2]]) == set(bridge)
    humans = drawn.ratings[drawn.ratings["prompt_id"].isin(bridge) & (drawn.ratings["rater_kind"] == "human")]
    humans = humans[humans["selection"] == "planned"]
    raters = humans.groupby(["item_id", "rubric_version"])["rater_id"].agg(frozenset).unstack()
    assert (raters["1"] == raters["2"]).all()


def test_mix_shift_moves_the_mean_as_planted_and_leaves_each_task_type_alone():
    draw = simulate(seed=2, effects=[mix_shift, panel, noise], items_per_week=2000, texts=False)
    ratings = valued(draw, criterion="accuracy")
    within = ratings["week"].between(11, 14)
    moved = ratings["value"][within].mean() - ratings["value"][~within].mean()
    expected = LEVELS * planted(draw, "mix_shift")["size"]["mean accuracy"]
    assert expected - MEAN_TOLERANCE < moved < (1 - CLIPPED) * expected
    cells = ratings.groupby(["task_type", within])["value"].mean().unstack()
    assert (cells[True] - cells[False]).abs().max() < MEAN_TOLERANCE


def test_step_change_starts_in_its_week_and_on_its_criterion_only():
    draw = simulate(seed=3, effects=[panel, step_change, noise], texts=False)
    for criterion, size in (("accuracy", LEVELS * -0.6), ("helpfulness", 0.0)):
        ratings = valued(draw, criterion=criterion)
        moved = ratings["value"][ratings["week"] >= 20].mean() - ratings["value"][ratings["week"] < 20].mean()
        assert size - MEAN_TOLERANCE < moved < (1 - CLIPPED) * size + MEAN_TOLERANCE
    assert planted(draw, "step_change")["weeks"] == ["2026-W40", "2026-W46"]


def test_one_rater_drifts_and_the_others_do_not():
    draw = simulate(seed=4, effects=[panel, severity, drifting_rater, noise], items_per_week=330, texts=False)
    ratings = valued(draw, criterion="accuracy")
    late = residuals(ratings)[ratings["week"] > 22].groupby(ratings["rater_id"]).mean()
    early = residuals(ratings)[ratings["week"] < 9].groupby(ratings["rater_id"]).mean()
    moved = (late - early).sort_values()
    assert moved.index[-1] == planted(draw, "drifting_rater")["ids"][0] == "lab-07"
    assert moved.iloc[-1] > 0.6 and moved.iloc[:-1].abs().max() < 0.35


def test_camps_correlate_within_more_than_across_and_only_on_safety():
    draw = simulate(seed=5, effects=[panel, severity, camps, noise], texts=False)
    second = set(planted(draw, "camps")["ids"])
    for criterion, apart in (("safety", True), ("accuracy", False)):
        ratings = valued(draw, criterion=criterion)[["item_id", "rater_id", "value"]]
        ratings["value"] -= ratings.groupby("rater_id")["value"].transform("mean")
        pairs = ratings.merge(ratings, on="item_id").query("rater_id_x < rater_id_y")
        same = pairs["rater_id_x"].isin(second) == pairs["rater_id_y"].isin(second)
        gap = np.diff([part["value_x"].corr(part["value_y"]) for _, part in pairs.groupby(same)])[0]
        assert gap > 0.2 if apart else abs(gap) < 0.05


def test_system_gains_show_in_every_party_on_accuracy_but_on_helpfulness_only_for_the_lab(drawn):
    ratings = valued(drawn, rater_kind="human", selection="planned")
    ordinal = ratings["system"].map(drawn.systems.set_index("system")["ordinal"])
    slopes = {key: np.polyfit(ordinal[part.index], part["value"], 1)[0] for key, part in ratings.groupby(["criterion", "party"])}
    assert min(slopes["accuracy", party] for party in ("lab", "vendor_a", "panel")) > 0.09
    assert slopes["helpfulness", "lab"] > 0.17
    assert max(slopes["helpfulness", party] for party in ("vendor_a", "panel")) < 0.5 * slopes["helpfulness", "lab"]
    assert max(abs(slopes["safety", party]) for party in ("lab", "vendor_a", "panel")) < 0.03


def test_system_gains_are_paired_on_prompts_that_every_system_answers(drawn):
    assert (drawn.items.groupby("prompt_id").size() == len(drawn.systems)).all()
    draw = simulate(seed=6, effects=[panel, system_gains, noise], texts=False)
    means = valued(draw, criterion="accuracy").groupby("system")["value"].mean()
    assert abs(means["aster-2.2"] - means["aster-2.1"]) < MEAN_TOLERANCE < means["aster-3.0"] - means["aster-2.2"]


def test_autorater_scores_rise_with_length_beyond_what_humans_see(drawn):
    ratings = valued(drawn, criterion="helpfulness", selection="planned")
    model, humans = (ratings[ratings["rater_kind"] == kind].groupby("item_id")["value"].mean() for kind in ("model", "human"))
    z = np.log(drawn.items.set_index("item_id")["n_words"])
    z = ((z - z.mean()) / z.std())[model.index]
    slope = np.polyfit(z, model - humans[model.index], 1)[0]
    assert (1 - CLIPPED) * LEVELS * 0.35 < slope < 1.3 * LEVELS * 0.35


def test_experts_are_nearer_to_gold_than_humans(drawn):
    ratings = valued(drawn, criterion="accuracy")
    key = ratings[ratings["rater_kind"] == "gold"].set_index("item_id")["value"]
    miss = (ratings["value"] - ratings["item_id"].map(key)).abs().groupby(ratings["rater_kind"]).mean()
    assert miss["expert"] < 0.8 * miss["human"]


def test_raters_split_on_the_topic_of_the_rubric_hole_and_its_words_are_in_the_text(drawn):
    ids = planted(drawn, "rubric_hole")["ids"]
    ratings = valued(drawn, criterion="helpfulness", rater_kind="human", selection="planned", task_type="advice")
    on_topic = ratings["prompt_id"].isin(ids)
    assert within_sd(ratings[on_topic]) > 1.25 * within_sd(ratings[~on_topic])
    says = drawn.items["text"].str.contains("medicine|dose|pharmacist", regex=True)
    is_topic = drawn.items["prompt_id"].isin(ids)
    assert says[is_topic].mean() > 0.9 and says[~is_topic].mean() == 0.0


def test_hot_slice_is_noisier_on_accuracy_only():
    draw = simulate(seed=8, effects=[panel, hot_slice, noise], texts=False)
    for criterion, hot in (("accuracy", True), ("helpfulness", False)):
        ratings = valued(draw, criterion=criterion)
        ratio = within_sd(ratings[ratings["task_type"] == "writing"]) / within_sd(ratings[ratings["task_type"] == "code"])
        assert ratio > 1.25 if hot else abs(ratio - 1) < 0.08


def test_a_rater_agrees_with_itself_more_than_with_others(drawn):
    ratings = valued(drawn, criterion="helpfulness", rater_kind="human", selection="planned", rubric_version="1")
    twice = ratings[ratings.duplicated(["item_id", "rater_id"], keep=False)].sort_values("rated_at")
    own = twice.groupby(["item_id", "rater_id"])["value"].agg(["first", "last"])
    assert len(own) > 100 and (own["first"] - own["last"]).abs().mean() < within_sd(ratings) * 2 / np.sqrt(np.pi)


def test_routed_ratings_went_to_the_more_contested_items(drawn):
    ratings = valued(drawn, criterion="helpfulness", rater_kind="human")
    planned = ratings[ratings["selection"] == "planned"]
    contested = planned["item_id"].isin(ratings["item_id"][ratings["selection"] == "routed"])
    assert within_sd(planned[contested]) > 1.5 * within_sd(planned[~contested])


def test_replaced_rows_are_named_by_later_rows_of_the_same_rater_and_unit(drawn):
    ratings = drawn.ratings
    later = ratings[ratings["replaces"].notna()].merge(ratings, left_on="replaces", right_on="rating_id", suffixes=("", "_old"))
    assert len(later) == ratings["replaces"].notna().sum() > 20
    assert (later["rated_at"] > later["rated_at_old"]).all()
    assert all((later[column] == later[f"{column}_old"]).all() for column in ("item_id", "rater_id", "criterion"))
    withdrawn = later["score"].isna() & later["label"].isna()
    assert withdrawn.sum() == planted(drawn, "edits")["size"]["n_withdrawn"] > 0


def test_ratings_keep_the_data_contract(drawn):
    ratings = drawn.ratings
    assert set(ratings.columns) <= set(BY_NAME) and ratings["rating_id"].is_unique
    for name in ("rater_kind", "status", "selection"):
        assert set(ratings[name]) <= set(BY_NAME[name].allowed)
    assert set(ratings["score"].dropna()) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert set(ratings["label"].dropna()) == {"unsafe", "borderline", "safe"}
    assert ratings["label"].notna()[ratings["criterion"] != "safety"].sum() == 0
    has_value = ratings["score"].notna() | ratings["label"].notna()
    assert not has_value[ratings["status"].isin(["unsure", "skipped", "cancelled"])].any()
    assert 0.005 < (~has_value & (ratings["status"] == "rated")).mean() < 0.015
    assert ratings["rated_at"].is_monotonic_increasing


def test_the_last_week_is_complete_and_ends_on_a_sunday(drawn):
    last = drawn.ratings["rated_at"].max()
    assert last.isocalendar()[:3] == (2026, 46, 7)
    assert drawn.ratings["rated_at"].min().isocalendar()[:3] == (2026, 21, 1)


def test_leaving_out_an_effect_does_not_change_the_draws_of_the_others():
    with_gaps, without = (simulate(seed=9, weeks=3, effects=effects, texts=False).ratings
                          for effects in ([*NULL_EFFECTS, gaps], NULL_EFFECTS))
    kept = with_gaps["score"].notna()
    assert (~kept).sum() > without["score"].isna().sum()
    pd.testing.assert_series_equal(with_gaps["score"][kept], without["score"][kept])


def test_an_effect_after_the_end_of_the_programme_is_not_in_the_truth():
    effects = [record["effect"] for record in simulate(seed=1, weeks=8, items_per_week=12, texts=False).truth]
    assert not {"mix_shift", "new_rubric", "step_change", "drifting_rater"} & set(effects)
    assert {"camps", "coupling", "severity"} <= set(effects)


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path):
    folders = [write_dataset(simulate(seed=seed, weeks=17, items_per_week=30), tmp_path / name)
               for seed, name in ((5, "a"), (5, "b"), (6, "c"))]
    first, second, other = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders)
    assert first == second
    assert first[Path("ratings.parquet")] != other[Path("ratings.parquet")]


def test_the_sample_is_what_its_truth_page_says_it_is(tmp_path, drawn):
    again = write_dataset(drawn, tmp_path)
    for path in sorted(again.rglob("*.parquet")):
        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(SAMPLE / path.relative_to(again)))
    for path in (p for p in again.rglob("*") if p.suffix in (".md", ".toml")):
        assert path.read_text(encoding="utf-8") == (SAMPLE / path.relative_to(again)).read_text(encoding="utf-8"), path.name
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) < 2_000_000


def test_item_texts_are_many_and_have_no_unfilled_slot(drawn):
    texts = drawn.items["text"]
    assert texts.nunique() > 0.99 * len(texts) > 1500
    assert not texts.str.contains("[{}]", regex=True).any()
    assert texts.str.len().between(60, 1500).all()


def test_the_truth_page_has_a_section_for_every_effect_and_how_to_find_it(drawn):
    page = truth_page(drawn)
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == [
        effect.__name__ for effect in EFFECTS if effect.__name__ not in ("panel", "spare_ratings")]
    assert page.count("- find it: ") == len(drawn.truth) and "--seed 7" in page


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("agreement", [0.0, 0.4, 0.8])
def test_a_plain_panel_has_the_alpha_it_was_asked_for_under_any_weights(agreement, level):
    ratings = simulate_panel(n_items=3000, n_raters=12, raters_per_item=3, levels=4, agreement=agreement, seed=3)
    assert alpha(ratings, level) == pytest.approx(agreement, abs=ALPHA_TOLERANCE)


def test_a_plain_panel_with_severities_agrees_less():
    even, uneven = (simulate_panel(n_items=1000, n_raters=12, raters_per_item=3, agreement=0.6, severity_sd=sd, seed=3)
                    for sd in (0.0, 1.0))
    assert alpha(uneven, "interval") < alpha(even, "interval") - ALPHA_TOLERANCE


def test_a_plain_panel_in_memory_is_the_one_streamed_to_a_file(tmp_path):
    size = {"n_items": 70_000, "n_raters": 9, "raters_per_item": 2, "severity_sd": 0.5, "seed": 4}   # more than one block
    written = pd.read_parquet(write_panel(tmp_path / "panel.parquet", Panel(**size)))
    pd.testing.assert_frame_equal(simulate_panel(**size), written)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"weeks": 0}, "at least 1, not weeks=0"),
    ({"items_per_week": 5}, "items_per_week=5 is less than one prompt. Use at least 6"),
    ({"raters_per_item": 40}, "n_raters=30 is too few for raters_per_item=40"),
    ({"last_week": "2026-W60"}, "last_week='2026-W60' is not an ISO week such as '2026-W46'"),
    ({"effects": [severity]}, "effects has no `panel`"),
])
def test_arguments_that_cannot_be_drawn_are_refused_by_name(arguments, words):
    with pytest.raises(ParameterError, match=words):
        simulate(**arguments)
