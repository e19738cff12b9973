"""Verifiability: the step, its change over time, the share of systems, and where a target stands; what to buy next."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.signal.power import smallest_effect
from workbench.signal.verify import change, standing_of


def judged(*, items: int = 200, gain: float = 0.5, noise: tuple[float, float] = (0.7, 0.7), level: float = 3.0, weeks: int = 8, k: int = 2,
           rater_system: float = 0.0, own: float = 0.0, raters: int = 10,
           seed: int = 0) -> pd.DataFrame:
    """Two systems on common prompts over weeks, k raters an answer, on 1 to 5; `noise` of the earlier and of the later half."""
    rng = np.random.default_rng(seed)
    prompt, system = (np.repeat(code.ravel(), k) for code in np.indices((items, 2)))
    rater = np.argsort(rng.random((items * 2, raters)), axis=1)[:, :k].ravel()
    favour = rng.normal(0, rater_system, (raters, 2))
    spread = np.where(prompt < items // 2, *noise)
    score = level + rng.normal(0, 0.8, items)[prompt] + rng.normal(0, own, (items, 2))[prompt, system] + gain * system + favour[rater, system] + rng.normal(0, 1, len(prompt)) * spread
    start = pd.Timestamp("2026-01-05", tz="UTC")
    return pd.DataFrame({"prompt_id": [f"p{p}" for p in prompt], "system": np.where(system == 1, "v", "u"), "rater_id": [f"r{r}" for r in rater],
                         "item_id": [f"{p}-{s}" for p, s in zip(prompt, system)], "score": np.clip(np.rint(score), 1, 5), "task_type": "code",
                         "rated_at": start + pd.to_timedelta(prompt * 7 * weeks / items, unit="D")})


def row_of(frame: pd.DataFrame, **options: object) -> pd.Series:
    """Its only target."""
    return wb.signal.verifiability(wb.read(frame), **options).iloc[0]


def test_the_step_of_a_hundred_ratings_is_that_of_so_many_pairs() -> None:
    # 100 ratings, 2 an item: 25 items of each system, on 25 prompts; the differences' variance from the table of means
    frame = judged()
    means = frame.groupby(["prompt_id", "system"])["score"].mean().unstack()
    effect = smallest_effect((means["v"] - means["u"]).var(ddof=1), n_items=25, paired=True)
    assert row_of(frame)["value"] == pytest.approx(effect)


def test_noise_that_comes_later_shows_as_a_step_that_does_not_last() -> None:
    kept, lost = row_of(judged()), row_of(judged(noise=(0.3, 2.5)))
    assert kept["stability_low"] < 1 < kept["stability_high"] and kept["repeats"]
    assert lost["stability_low"] > 2 and lost["standing"] == "unstable"


@pytest.mark.parametrize(("change_of", "words"), [
    (lambda f: f.drop(columns="rated_at"), "times are missing"),
    (lambda f: f.assign(rated_at=f["rated_at"].min()), "ratings span 0 days"),
])
def test_without_weeks_nothing_is_said_of_time(change_of: object, words: str) -> None:
    row = row_of(change_of(judged()))
    assert math.isnan(row["stability"]) and words in row["note"] and not row["repeats"]


def test_six_days_do_not_tell_whether_a_step_lasts() -> None:
    row = row_of(judged(weeks=1))
    assert math.isnan(row["stability"]) and "ratings span 6 days" in row["note"]


def test_where_a_target_stands() -> None:
    seen = {"ease": 0.3, "ceiling": 0.1}
    assert standing_of((1.1, 1.3), 1.0, seen, (1.0, 0.8, 1.2)) == "impressive but unverifiable"
    assert standing_of((1.1, 1.3), 1.0, seen | {"ease": 0.7}, (math.nan,) * 3) == "unverifiable"
    assert standing_of((0.5, 0.7), 1.0, seen, (math.nan,) * 3) == "hard and verifiable"
    assert standing_of((0.5, 0.7), 1.0, seen | {"ease": 0.7}, (1.0, 0.8, 1.2)) == "modest, supports hillclimbing"
    assert standing_of((0.9, 1.1), 1.0, seen, (1.0, 0.8, 1.2)) == "cannot tell"
    assert standing_of((0.5, 0.7), 1.0, seen | {"ceiling": 0.9}, (1.0, 0.8, 1.2)) == "saturated"
    assert standing_of((math.nan, math.nan), math.nan, {"ease": math.nan, "ceiling": math.nan}, (math.nan,) * 3) == "cannot tell"
    assert change([(1.0, 0.9, 1.1, 0.05)]) != change([(1.0, 0.9, 1.1, 0.05), (2.0, 1.8, 2.2, 0.05)])


def test_a_modest_target_is_told_from_an_impressive_one_in_findings() -> None:
    easy = judged(items=300, noise=(0.4, 0.4), level=3.6, seed=1)
    hard = judged(items=300, noise=(3.5, 3.5), level=0.5, k=4, seed=2).assign(task_type="proofs", item_id=lambda f: f["item_id"] + "h")
    ratings = wb.read(pd.concat([easy, hard], ignore_index=True))
    targets = wb.signal.verifiability(ratings, target=0.75)
    assert targets.set_index("task_type")["standing"].to_dict() == {"code": "modest, supports hillclimbing",
                                                                    "proofs": "impressive but unverifiable"}
    found = wb.signal.findings(ratings, effects=wb.signal.detectable(ratings), targets=targets).set_index("id")
    told = found[found["sentence"].str.contains("is impressive but unverifiable")].iloc[0]
    assert "overall, proofs" in told["sentence"] and told["status"] == "found" and told["severity"] == "attention"
    assert "support hillclimbing" in found.loc["signal/hillclimbing", "sentence"]


def test_without_systems_a_low_mean_is_not_called_hard() -> None:
    row = row_of(judged(noise=(3.0, 3.0), level=0.5).drop(columns="system"), target=0.01)
    assert row["ease"] < 0.5 and row["standing"] == "cannot tell"


def test_the_share_of_systems_has_an_interval_that_holds_it() -> None:
    row = row_of(judged(items=400, gain=1.0))
    assert row["signal_low"] < 0.5 / (0.5 + 0.64 + 0.49) < row["signal_high"]      # variance of 0 and 1: a half


def test_more_ratings_of_an_item_bring_the_effect_that_was_foretold() -> None:
    # foretold from two ratings an item, with four then drawn: noise .7 on each rating, which halves in the mean
    table = wb.signal.next_purchase(wb.read(judged(items=2000)), budget=2 / 3, prices={"rater": 1e-6})
    more = table.set_index("option").loc["more ratings of an item"]
    two, four = (wb.signal.detectable(wb.read(judged(items=2000, k=k, seed=k))).iloc[0] for k in (2, 4))
    floor = table["value"].iloc[0] ** 2 - wb.signal.detectable(wb.read(judged(items=2000))).iloc[0]["value"] ** 2
    assert more["bought"] == pytest.approx(2, abs=1e-4)
    assert math.sqrt(more["value"] ** 2 - floor) == pytest.approx(four["value"], rel=0.06) and four["value"] < 0.8 * two["value"]


def test_raters_who_favour_systems_call_for_more_raters_and_else_prompts_do() -> None:
    for favour, best in ((0.8, "more raters"), (0.0, "more prompts")):
        table = wb.signal.next_purchase(wb.read(judged(items=400, rater_system=favour, raters=8, k=3, own=0.8)))
        assert table.loc[table["best"], "option"].tolist() == [best]
        spent = table.set_index("option")
        assert (spent["value"] <= spent.loc["nothing", "value"] + 1e-12).all() and spent.loc["nothing", "gained"] == 0


def test_items_rated_once_do_not_tell_what_a_second_rating_would() -> None:
    table = wb.signal.next_purchase(wb.read(judged(k=1))).set_index("option")
    assert math.isnan(table.loc["more ratings of an item", "value"]) and table.loc["more prompts", "value"] > 0
    assert "items are rated once" in table["note"].iloc[0]


def test_a_price_that_cannot_be_is_refused() -> None:
    ratings = wb.read(judged(items=4))
    for options in ({"budget": 0.0}, {"prices": {"item": -1.0}}, {"prices": {"items": 1.0}}):
        with pytest.raises(ParameterError, match="must be above 0, and prices name only item, rating, rater"):
            wb.signal.next_purchase(ratings, **options)


def test_two_raters_who_part_over_systems_tell_nothing_of_others() -> None:
    table = wb.signal.next_purchase(wb.read(judged(rater_system=2.0, raters=2)))
    assert table["value"].isna().all() and table["note"].str.contains("raters are too few").all() and not table["best"].any()


def test_a_group_without_a_usable_rating_is_a_row_that_says_so() -> None:
    frame = judged(items=30)
    frame = pd.concat([frame, frame.assign(task_type="lost", item_id=frame["item_id"] + "l", score=math.nan)], ignore_index=True)
    for statistic in (wb.signal.verifiability, wb.signal.detectable, wb.signal.next_purchase):
        lost = statistic(wb.read(frame)).set_index("task_type").loc[["lost"]]
        assert lost["value"].isna().all() and (lost["note"] != "").all()
