from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from panels import oracle

import workbench as wb
from workbench.agreement.alternative import adjusted, p_value
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
ALT_TEST = wb.agreement.alt_test


def panel(rows, column="label"):
    """Ratings from raters' rows over items, None for a gap; the rater bot is a model."""
    long = [(f"i{i:03d}", who, value, "model" if who == "bot" else "human") for who, row in rows.items() for i, value in enumerate(row)
            if value is not None]
    return wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", column, "rater_kind"]))


def by_loop(rows, score, epsilon):
    """Winning rate, advantage probability and p-values as the paper writes them (sec. 3, algorithm 1), by loops."""
    from scipy.stats import ttest_1samp

    humans = {who: row for who, row in rows.items() if who != "bot"}
    p_values, shares = {}, []
    for left_out, own in humans.items():
        model_wins, human_wins = [], []
        for i, label in enumerate(own):
            others = [row[i] for who, row in humans.items() if who != left_out and row[i] is not None]
            if label is None or rows["bot"][i] is None or not others:
                continue
            of_model, of_human = score(rows["bot"][i], others), score(label, others)
            model_wins.append(of_model >= of_human)
            human_wins.append(of_human >= of_model)
        if len(model_wins) >= 30:
            difference = np.array(human_wins, dtype=float) - np.array(model_wins, dtype=float)
            p_values[left_out] = float(ttest_1samp(difference, epsilon, alternative="less").pvalue)
            shares.append(np.mean(model_wins))
    ordered = sorted(p_values.values())
    m = len(ordered)
    limits = [(k + 1) / m * 0.05 / sum(1 / j for j in range(1, m + 1)) for k in range(m)]
    won = max((k + 1 for k in range(m) if ordered[k] <= limits[k]), default=0)
    return won / m, float(np.mean(shares)), p_values


def accuracy(label, others):
    return np.mean([label == other for other in others])


def closeness(label, others):
    return -np.sqrt(np.mean([(label - other) ** 2 for other in others]))


def draw(seed, items=90, humans=5, gaps=0.35, levels=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, levels, items)
    noise = rng.uniform(0.1, 0.5, humans + 1)
    matrix = np.where(rng.random((humans + 1, items)) < noise[:, None], rng.integers(0, levels, (humans + 1, items)), truth).astype(object)
    matrix[rng.random(matrix.shape) < gaps] = None
    return {f"h{j}": row for j, row in enumerate(matrix[1:].tolist())} | {"bot": matrix[0].tolist()}


def value(found, name, epsilon=None):
    rows = found[(found["name"] == name) & (found["epsilon"].isna() if epsilon is None else found["epsilon"] == epsilon)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_one_duel_by_hand():
    # beside bob and cem: ann is alone on 10 of 40 items where the model sides with both, the model alone on 4; on 26 they tie
    rows = {"bob": "x" * 40, "cem": "x" * 40, "ann": "y" * 10 + "x" * 30, "bot": "x" * 10 + "y" * 4 + "x" * 26}
    found = ALT_TEST(panel(rows), epsilon=0.1)
    row = found[(found["human_id"] == "ann") & (found["epsilon"] == 0.1)].iloc[0]
    assert row["value"] == pytest.approx((4 - 10) / 40, abs=EXACT)
    # squares: 14 of 40 are 1, so variance = (14 - 40 .15^2) / 39
    se = math.sqrt((14 - 40 * 0.15**2) / 39 / 40)
    assert row["se"] == pytest.approx(se, rel=1e-9)
    # t = -.25 / .0916 = -2.728 with 39 degrees of freedom, of which .5 % lie below -2.708
    assert row["p_value"] == pytest.approx(0.00475, abs=5e-5)
    # the share of items the model wins or ties: 36 / 40 with ann; bob and cem are at x where all others but ann are
    assert value(found, "advantage_probability") == pytest.approx(36 / 40, abs=EXACT)


def test_the_authors_code_gives_the_same_on_the_small_example():
    case = oracle("alt_test_tiny_synthetic")
    found = ALT_TEST(panel({**case["data"]["humans"], "bot": case["data"]["llm"]}), epsilon=case["parameters"]["epsilon"])
    assert value(found, "winning_rate", 0.1) == case["expected"]["winning_rate"]
    assert value(found, "advantage_probability") == case["expected"]["advantage_prob"]


@pytest.mark.parametrize(("seed", "column", "score"), [(0, "label", accuracy), (1, "label", accuracy), (2, "score", closeness),
                                                       (3, "score", closeness)])
def test_gaps_and_both_measures_equal_the_papers_loops(seed, column, score):
    rows = draw(seed)
    given = rows if column == "score" else {who: [None if v is None else "abcd"[v] for v in row] for who, row in rows.items()}
    found = ALT_TEST(panel(given, column), interval="none")
    for epsilon in (0.0, 0.1, 0.2, 0.3):
        rate, share, p_values = by_loop(rows, score, epsilon)
        assert value(found, "winning_rate", epsilon) == pytest.approx(rate, abs=EXACT)
        assert value(found, "advantage_probability") == pytest.approx(share, abs=EXACT)
        told = found[(found["epsilon"] == epsilon) & found["p_value"].notna()].set_index("human_id")["p_value"]
        assert told.to_dict() == pytest.approx(p_values, abs=1e-9)


def test_scores_as_far_apart_in_tenths_are_a_tie():
    # beside two humans at .2, ann's .3 and the model's .1 are as close, though .3 - .2 < .2 - .1 in binary
    rows = {"bob": [0.2] * 40, "cem": [0.2] * 40, "ann": [0.3] * 40, "bot": [0.1] * 40}
    found = ALT_TEST(panel(rows, "score"), scale="interval")
    assert found[found["human_id"] == "ann"]["value"].eq(0).all()


def test_scale_changes_how_closeness_is_measured():
    rows = {"bob": [5] * 40, "cem": [5] * 40, "ann": [1] * 40, "bot": [4] * 40}
    by_score, by_level = (ALT_TEST(panel(rows, "score"), scale=scale) for scale in ("interval", "nominal"))
    edge = (lambda found: found[(found["human_id"] == "ann") & (found["epsilon"] == 0)]["value"].iloc[0])
    assert edge(by_score) == -1 and edge(by_level) == 0


def test_the_curve_always_comes_back_and_the_asked_epsilon_with_it():
    found = ALT_TEST(panel({who: row for who, row in draw(0).items()}, "score"), epsilon=0.12, interval="none")
    rates = found[found["name"] == "winning_rate"]
    assert rates["epsilon"].tolist() == [0, 0.05, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3]
    assert rates["value"].is_monotonic_increasing
    assert rates["low"].isna().all() and rates["note"].str.contains("a count of tests has no interval").all()


def test_adjusted_p_values_are_those_of_statsmodels():
    multiple = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p_values = [0.001, 0.02, 0.03, 0.4, 0.9]
    np.testing.assert_allclose(adjusted(p_values), multiple(p_values, method="fdr_by")[1], atol=EXACT)


def test_a_human_without_spread_is_won_or_lost_for_certain():
    assert p_value(np.zeros(40), 0.1) == 0 and p_value(np.zeros(40), 0.0) == 1 and p_value(np.ones(40), 0.3) == 1


def test_the_error_of_the_advantage_is_the_spread_over_resampled_items():
    rows = {who: ["abcd"[v] for v in row] for who, row in draw(7, items=120, gaps=0).items()}
    found = ALT_TEST(panel(rows)).set_index("name").loc["advantage_probability"]
    rng, drawn = np.random.default_rng(5), []
    for _ in range(100):
        chosen = rng.integers(120, size=120)
        drawn.append(by_loop({who: [row[i] for i in chosen] for who, row in rows.items()}, accuracy, 0.1)[1])
    assert found["se"] == pytest.approx(np.std(drawn), rel=0.25)      # 100 draws: standard error 7 %


@pytest.mark.parametrize(("change", "reason"), [
    (lambda rows: {k: v for k, v in rows.items() if k != "bot"}, "no model rated here"),
    (lambda rows: {k: rows[k] for k in ("h0", "h1", "bot")}, "2 humans have 30 items"),
    (lambda rows: {k: v[:29] for k, v in rows.items()}, "0 humans have 30 items"),
])
def test_too_little_to_test_on_gives_no_value_and_says_why(change, reason):
    rows = change(draw(0, gaps=0))
    found = ALT_TEST(panel({who: ["abcd"[v] for v in row] for who, row in rows.items()}))
    assert found["value"].isna().all() and found["p_value"].isna().all() and found["note"].str.contains(reason).all()


def test_a_human_with_few_items_is_not_tested_but_still_among_the_others():
    rows = draw(0, gaps=0)
    rows["h4"] = [v if i < 29 else None for i, v in enumerate(rows["h4"])]
    found = ALT_TEST(panel(rows, "score"), epsilon=0.1)
    few = found[(found["human_id"] == "h4") & (found["epsilon"] == 0.1)].iloc[0]
    assert np.isnan(few["value"]) and np.isnan(few["p_value"]) and few["n_items"] == 29 and "fewer than 30 items: not tested" in few["note"]
    assert value(found, "winning_rate", 0.1) == pytest.approx(by_loop(rows, closeness, 0.1)[0], abs=EXACT)


def test_models_without_humans_are_undefined_and_raise_nothing():
    frame = pd.DataFrame([(f"i{i}", who, 1 + i % 3, "model") for i in range(40) for who in ("bot", "dot")],
                         columns=["item_id", "rater_id", "score", "rater_kind"])
    for scale in (None, "nominal", "interval"):
        found = ALT_TEST(wb.read(frame), scale=scale)
        assert set(found["rater_id"]) == {"bot", "dot"} and found["value"].isna().all()
        assert found["note"].str.contains("0 humans have 30 items").all()


def test_distances_on_names_are_undefined():
    found = ALT_TEST(panel({who: ["abcd"[v] for v in row] for who, row in draw(0, gaps=0).items()}), scale="interval")
    assert found["value"].isna().all() and found["note"].str.contains("nominal levels have no order").all()


@pytest.mark.parametrize(("wrong", "words"), [
    ({"epsilon": 1.5}, r"epsilon=1.5 is not a share.*leave it out for the curve"), ({"epsilon": -0.1}, "epsilon=-0.1 is not a share"),
    ({"epsilon": "0.1"}, "epsilon='0.1' is not a share"),
    ({"scale": "ratio"}, "scale='ratio' is not known"), ({"by": ["rater_id"]}, "parts models from the humans")])
def test_wrong_arguments_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        ALT_TEST(panel({"h0": "ab", "bot": "ab"}), **wrong)


def test_pandalm_models_win_no_human_below_the_gap_they_trail_by(shared):
    frame = pd.read_parquet(shared / "data" / "pandalm.parquet").rename(columns={"rubric_id": "rubric"})
    found = ALT_TEST(wb.read(frame), epsilon=0.15)
    labels = frame.pivot(index="item_id", columns="rater_id", values="label")
    for model in ("gpt-3.5-turbo", "pandalm-7b"):
        rows = {k: labels[k].tolist() for k in ("annotator1", "annotator2", "annotator3")} | {"bot": labels[model].tolist()}
        own = found[found["rater_id"] == model]
        for epsilon in (0.15, 0.3):
            rate, share, _ = by_loop(rows, accuracy, epsilon)
            assert value(own, "winning_rate", epsilon) == pytest.approx(rate, abs=EXACT)
        assert value(own, "advantage_probability") == pytest.approx(share, abs=EXACT)
        assert value(own, "winning_rate", 0.15) == 0
