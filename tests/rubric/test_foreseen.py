"""Every coefficient before and after an alteration."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.agreement.weights import BY_SCALE
from workbench.errors import ParameterError
from workbench.reduce import Patterns
from workbench.rubric.altered import Altered, unaltered
from workbench.rubric.figures import coefficients
from workbench.rubric.foreseen import changed

CLOSE = 1e-10
DRAWS = 200
MOST_MISSED = 19        # of 200 at 95 %: more happens in 1 of 300 sets of other seeds
NAMES = ["percent_agreement", "krippendorff_alpha", "gwet_ac", "fleiss_kappa", "brennan_prediger"]


def rated(seed, *, n_items=80, k=3, criteria=("quality",), systems=4, gap=0.0, gaps=0.1):
    """Scores 1 to 5 by k raters of the answers of some systems to prompts, a tenth missing; each system `gap` better than the last."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n_items):
        for criterion in criteria:
            quality = rng.normal(3 + gap * (i % systems), 1)
            scores = np.clip(np.round(quality + rng.normal(0, 0.8, k)), 1, 5).astype(int)
            rows += [(f"i{i}", f"p{i // systems}", f"s{i % systems}", f"r{r}", criterion, score)
                     for r, score in enumerate(scores) if rng.random() >= gaps]
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "system", "rater_id", "criterion", "score"])


def indexed(table, criterion="quality"):
    """The rows of one criterion by name."""
    return table[table["criterion"] == criterion].set_index("name")


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_before_and_after_are_those_of_the_ratings_themselves_altered(scale, dataset_of):
    frame = rated(1)
    merged = frame.assign(score=frame["score"].map({1: 1.5, 2: 1.5, 3: 3.0, 4: 4.0, 5: 5.0}))
    now, then = dataset_of(frame, scale, [1, 2, 3, 4, 5]), dataset_of(merged, scale, [1.5, 3, 4, 5])
    found = indexed(wb.rubric.what_if(now, merge={"quality": [["1", "2"]]}))
    for name in NAMES:
        weights = {} if name in NAMES[:2] else {"weights": BY_SCALE[scale]}
        for side, ratings in (("before", now), ("after", then)):
            row = getattr(wb.agreement, name)(ratings, by=["criterion"], **weights).iloc[0]
            assert found.loc[name, [side, f"{side}_low", f"{side}_high"]].to_list() == \
                pytest.approx([row["value"], row["low"], row["high"]], abs=CLOSE), (name, side)


def test_a_dropped_level_is_a_missing_rating():
    frame = rated(2)
    found = indexed(wb.rubric.what_if(wb.read(frame), drop={"quality": ["3"]}))
    left = wb.read(frame[frame["score"] != 3])
    for name in NAMES:
        row = getattr(wb.agreement, name)(left, **({} if name in NAMES[:2] else {"weights": BY_SCALE["ordinal"]})).iloc[0]
        assert found.loc[name, "after"] == pytest.approx(row["value"], abs=CLOSE), name


def test_the_difference_is_paired_over_items_as_leaving_each_out_says():
    frame = rated(3, n_items=14)
    row = indexed(wb.rubric.what_if(wb.read(frame), merge={"quality": [["4", "5"]]})).loc["percent_agreement"]

    def gain(part):
        table = indexed(wb.rubric.what_if(wb.read(part), merge={"quality": [["4", "5"]]}))
        return table.loc["percent_agreement", "value"]

    twice = frame.groupby("item_id")["score"].transform("size") > 1
    items = frame.loc[twice, "item_id"].unique()
    left = np.array([gain(frame[frame["item_id"] != item]) for item in items])
    n = len(items)
    assert row["se"] == pytest.approx(math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()), rel=1e-8)


def drawn(rng, n_items):
    """Patterns of items that three raters score 1 to 5."""
    scores = np.clip(np.round(rng.normal(3, 1, n_items)[:, None] + rng.normal(0, 0.8, (n_items, 3))), 1, 5).astype(int)
    counts, weight = np.unique((scores[:, :, None] == np.arange(1, 6)).sum(axis=1), axis=0, return_counts=True)
    return Patterns({}, counts.astype(float), weight.astype(float), None, tuple("12345"), np.arange(1.0, 6.0), "ordinal", n_items, 3,
                    3 * n_items, 0, "")


def test_the_interval_of_the_difference_covers():
    def rows_of(panel):
        before, after = (coefficients(panel, one, False) for one in (unaltered(panel), merged))
        return {name: changed(name, before[name], after[name], 0.95) for name in NAMES}

    merged = Altered(((0, 1), (2,), (3,), (4,)), (1.0, 2.0, 3.0, 4.0, 5.0))
    rng, missed = np.random.default_rng(11), dict.fromkeys(NAMES, 0)
    true = rows_of(drawn(rng, 400_000))
    for _ in range(DRAWS):
        for name, row in rows_of(drawn(rng, 60)).items():
            missed[name] += not row["low"] <= true[name]["value"] <= row["high"]
    assert max(missed.values()) <= MOST_MISSED


def test_merging_at_random_raises_percent_agreement_and_a_merge_of_one_level_in_two_names_stands_out():
    # levels a and b are one level by two names, given at random; c, d, e are told apart
    rng, rows = np.random.default_rng(5), []
    for i in range(200):
        true = rng.integers(0, 4)
        for r in range(3):
            said = true if rng.random() < 0.8 else rng.integers(0, 4)
            rows.append((f"i{i}", f"r{r}", rng.choice(["a", "b"]) if said == 0 else "cde"[said - 1]))
    ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "label"]))
    good = indexed(wb.rubric.what_if(ratings, merge={"overall": [["a", "b"]]}), "overall")
    bad = indexed(wb.rubric.what_if(ratings, merge={"overall": [["c", "d"]]}), "overall")
    assert (good["n_random"].loc[NAMES] == 9).all()           # five names in four groups: ten ways
    assert good.loc["percent_agreement", "random_low"] > 0
    assert (good.loc[NAMES, "random_share"] == 1).all() and good.loc["gwet_ac", "low"] > 0
    assert bad.loc["percent_agreement", "low"] > 0 and bad.loc["krippendorff_alpha", "random_share"] < 0.5


def test_separation_is_that_of_rank_systems_on_the_altered_scores():
    frame = rated(6, n_items=120, gap=0.5, gaps=0.0)
    found = indexed(wb.rubric.what_if(wb.read(frame), merge={"quality": [["4", "5"]]})).loc["separation"]
    for side, scores in (("before", frame["score"]), ("after", frame["score"].replace({4: 4.5, 5: 4.5}))):
        cells = frame.assign(score=scores).pivot_table(index="prompt_id", columns="system", values="score")
        means, left = cells.mean(), cells.sub(cells.mean(axis=1), axis=0)
        # every system on every prompt: F of systems less 1
        residual = left - left.mean()
        k, p = len(means), len(cells)
        f = p * means.var(ddof=1) / ((residual**2).to_numpy().sum() / ((k - 1) * (p - 1)))
        assert found[side] == pytest.approx(f - 1, rel=1e-6)
    assert found["low"] < found["value"] < found["high"]


def test_prompts_that_a_drop_takes_away_stay_paired_with_what_they_were():
    # level 1 is all that the first two prompts have: without it they are gone, and each other prompt is still held against itself
    frame = rated(16, n_items=64, gap=0.5, gaps=0.0)
    frame.loc[frame["prompt_id"].isin([f"p{i}" for i in range(2)]), "score"] = 1
    row = indexed(wb.rubric.what_if(wb.read(frame), drop={"quality": ["1"]})).loc["separation"]

    def gain(part):
        return indexed(wb.rubric.what_if(wb.read(part), drop={"quality": ["1"]})).loc["separation", "value"]

    prompts = frame["prompt_id"].unique()
    left = np.array([gain(frame[frame["prompt_id"] != prompt]) for prompt in prompts])
    n = len(prompts)
    assert row["se"] == pytest.approx(math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()), rel=0.25)   # slopes against leaving out


def test_weights_move_the_mean_over_criteria_and_0_leaves_one_out():
    ratings = wb.read(rated(7, criteria=("quality", "style"), gap=0.3))
    each = wb.rubric.what_if(ratings)
    table = wb.rubric.what_if(ratings, weights={"quality": 3})
    alphas = [indexed(each, c).loc["krippendorff_alpha", "before"] for c in ("quality", "style")]
    row = indexed(table, "all criteria").loc["krippendorff_alpha"]
    assert row[["before", "after"]].to_list() == pytest.approx([sum(alphas) / 2, (3 * alphas[0] + alphas[1]) / 4], abs=CLOSE)
    assert "added up" in row["note"] and row["low"] < row["value"] < row["high"]
    widths = [indexed(each, c).loc["krippendorff_alpha", ["before_high", "before_low"]].diff().iloc[1] for c in ("quality", "style")]
    assert row["before_low"] - row["before_high"] == pytest.approx(sum(widths) / 2, rel=0.1)     # halves of both errors, added
    without = wb.rubric.what_if(ratings, weights={"quality": 0})
    assert indexed(without, "all criteria").loc["krippendorff_alpha", "after"] == pytest.approx(alphas[1], abs=CLOSE)
    assert indexed(without).loc["krippendorff_alpha", "note"].startswith("left out: its weight is 0")
    assert indexed(without, "all criteria").loc["separation", "after"] == pytest.approx(
        indexed(each, "style").loc["separation", "before"], rel=1e-9)


def test_one_criterion_has_no_mean_over_criteria():
    assert set(wb.rubric.what_if(wb.read(rated(8)))["criterion"]) == {"quality"}


def test_a_second_call_scans_nothing(monkeypatch):
    ratings = wb.read(rated(9))
    wb.rubric.what_if(ratings)
    monkeypatch.setattr("workbench.reduce.cells", None)
    monkeypatch.setattr("workbench.reduce.patterns", None)
    table = wb.rubric.what_if(ratings, merge={"quality": [["1", "2"]]}, drop={"quality": ["5"]})
    assert indexed(table).loc["gwet_ac", "after"] == indexed(table).loc["gwet_ac", "after"]


def test_nothing_altered_changes_nothing_and_says_so():
    table = wb.rubric.what_if(wb.read(rated(10, criteria=("quality", "style"))))
    assert (table["value"] == 0).all() and table["note"].str.contains("nothing changes").all() and (table["n_random"] == 0).all()


@pytest.mark.parametrize(("asked", "why"), [
    ({"merge": {"quality": [list("12345")]}}, "one level is left"),
    ({"drop": {"quality": list("1234")}}, "one level is left"),
    ({"weights": {"quality": 0, "style": 1}}, "left out"),
])
def test_what_has_no_coefficient_says_why(asked, why):
    table = indexed(wb.rubric.what_if(wb.read(rated(11, criteria=("quality", "style"))), **asked)).loc[NAMES]
    assert table["after"].isna().all() and table["value"].isna().all() and table["note"].str.contains(why).all()
    assert table["before"].notna().all()


@pytest.mark.parametrize(("frame", "why"), [
    (rated(12).drop(columns="system"), "no system is named"),
    (rated(12, systems=1), "only one system was rated"),
    (rated(12).assign(system_b="other", label="A").drop(columns="score"), "judged in pairs"),
    (rated(12).assign(label=lambda t: t["score"].map(dict(zip(range(1, 6), "abcde")))).drop(columns="score"), "no order"),
    (rated(12).assign(score=lambda t: t["item_id"].str[1:].astype(int) % 4 + 1), "there is no error"),
])
def test_systems_that_cannot_be_separated_say_why(frame, why):
    row = indexed(wb.rubric.what_if(wb.read(frame))).loc["separation"]
    assert math.isnan(row["value"]) and why in row["note"]


def test_scores_without_levels_keep_their_systems():
    frame = rated(13, gap=0.5, gaps=0.0).assign(score=lambda t: t["score"] * 10 + np.arange(len(t)) % 7 / 7)
    table = indexed(wb.rubric.what_if(wb.read(frame)))
    assert table.loc[NAMES, "note"].str.contains("no levels that could be merged").all()
    cells = frame.pivot_table(index="prompt_id", columns="system", values="score")
    left = cells.sub(cells.mean(axis=1), axis=0)
    residual = ((left - left.mean()) ** 2).to_numpy().sum() / (3 * 19)
    assert table.loc["separation", "before"] == pytest.approx(20 * cells.mean().var() / residual - 1, rel=1e-6)


def test_one_rating_an_item_has_no_coefficient_and_all_equal_neither():
    single = rated(14).drop_duplicates("item_id")
    assert indexed(wb.rubric.what_if(wb.read(single)))["note"].loc["krippendorff_alpha"].startswith("no item has two ratings")
    equal = indexed(wb.rubric.what_if(wb.read(rated(14).assign(score=3))))
    assert equal.loc[NAMES, "note"].str.contains("one level is left").all()


def test_an_empty_selection_says_so():
    ratings = wb.read(rated(14)).where(rater_id=["nobody"])
    for table in (wb.rubric.what_if(ratings), wb.rubric.what_if_ranking(ratings)):
        assert len(table) and table["value"].isna().all() and (table["note"] == "no rating is selected").all()


def test_unknown_options_are_refused():
    ratings = wb.read(rated(15))
    for asked, words in (({"draws": 0}, "draws=0 is too few random merges"), ({"confidence": 2}, "confidence=2 is not a share"),
                         ({"merge": {"quality": [["1", "5"]]}}, "the levels are in order")):
        with pytest.raises(ParameterError, match=words):
            wb.rubric.what_if(ratings, **asked)


@pytest.fixture
def dataset_of(tmp_path):
    """Reads scores with a rubric file that names their scale and levels."""
    def read(frame, scale, levels):
        folder = tmp_path / f"d{len(list(tmp_path.iterdir()))}"
        (folder / "rubrics").mkdir(parents=True)
        frame.assign(rubric="r", score=frame["score"].astype(float)).to_parquet(folder / "ratings.parquet")
        named = ", ".join(f'{{name = "{level:g}", value = {level}}}' for level in levels)
        (folder / "rubrics" / "r-1.toml").write_text(f'name = "r"\nversion = "1"\nin_force = 2026-01-01\n[criteria.quality]\n'
                                                     f'scale = "{scale}"\nlevels = [{named}]\n')
        return wb.read(folder)
    return read
