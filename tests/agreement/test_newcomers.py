from __future__ import annotations

from itertools import permutations
from statistics import mean, stdev
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import workbench as wb
from workbench.agreement import newcomers
from workbench.agreement.newcomers import with_experience, with_shares

EXACT = 1e-12     # the same sums
SETTLING = wb.agreement.settling
START = pd.Timestamp("2026-01-05", tz="UTC")


def rating(item, rater, score, hours, kind="human", **more):
    return {"item_id": item, "rater_id": rater, "score": float(score), "rated_at": START + pd.Timedelta(hours=hours),
            "rater_kind": kind} | more


def programme(seed=0, new=10, learns_by=50, items=2400, before=0.5, after=0.9, share=0.12):
    """Eight old raters from the start, new ones from day 29 on: right with `before` up to `learns_by` items, then with `after`."""
    generator = np.random.default_rng(seed)
    truth, parts = generator.integers(1, 6, items), []
    for j in range(8 + new):
        item = np.flatnonzero(generator.random(items) < share)
        item = item[item >= (0 if j < 8 else 700)]
        settled = (np.arange(len(item)) >= learns_by) | (j < 8)
        right = generator.random(len(item)) < np.where(settled, after, before)
        parts.append(pd.DataFrame({"item_id": item, "rater_id": f"{'old' if j < 8 else 'new'}{j:02d}", "rater_kind": "human",
                                   "score": np.where(right, truth[item], generator.integers(1, 6, len(item))).astype(float),
                                   "rated_at": START + pd.to_timedelta(item, unit="h")}))
    every_other = np.arange(0, items, 2)
    return pd.concat(parts), pd.DataFrame({"item_id": every_other, "rater_id": "key", "rater_kind": "gold", "rated_at": START,
                                           "score": truth[every_other].astype(float)})


def rows_of(table, name, measure="agreement_with_others"):
    return table[(table["name"] == name) & (table["measure"] == measure)].set_index("from")


def test_a_small_programme_worked_by_hand():
    # Two old raters give 1 to items 0-79, item i in hour 24 i. From item 40 ann and ben join. ann gives 2 to her first ten, then 1:
    # others at her level: ben too gives 2 to his first five, so ann 1/3 on five and 0 on five: 1/6; ben 1/3 on five, then 2/3 on five:
    # 1/2. Mean 1/3. Items 11-25: ann and ben 1, all 1. Less the last stretch (26-40, all 1): -5/6 and -1/2, mean -2/3.
    rows = [rating(i, old, 1, 24 * i) for i in range(80) for old in ("x", "y")]
    rows += [rating(i, "ann", 2 if i < 50 else 1, 24 * i) for i in range(40, 80)]
    rows += [rating(i, "ben", 2 if i < 45 else 1, 24 * i) for i in range(40, 80)]
    table = SETTLING(wb.read(pd.DataFrame(rows)))
    share, apart = rows_of(table, "share"), rows_of(table, "difference")
    assert share["value"].tolist() == pytest.approx([1 / 3, 1, 1], abs=EXACT)
    assert share["to"].tolist() == [10, 25, 50] and share.index.tolist() == [1, 11, 26]
    assert apart["value"].tolist() == pytest.approx([-2 / 3, 0], abs=EXACT)
    # Where they meet, one agrees more than on average when the other does less: no reason for a wider interval.
    assert apart["se"].iloc[0] == pytest.approx(stdev([-5 / 6, -1 / 2]) / 2**0.5, abs=EXACT)
    assert share.loc[1, ["n_items", "n_raters", "n_ratings", "n_dropped"]].tolist() == [10, 2, 20, 0]
    assert (table["estimand"] == "such raters").all()
    assert apart["note"].str.startswith("items or rules that changed meanwhile would look the same").all()
    assert rows_of(table, "settled_after")["note"].item().startswith("2 raters, fewer than 5: cannot tell; held against items 26-50, the")


def test_the_shares_are_means_over_raters_of_what_a_loop_finds():
    frame, gold = programme(seed=1, items=1400, new=6)
    table = SETTLING(wb.read(pd.concat([frame, gold])))
    scores = {(row.item_id, row.rater_id): row.score for row in frame.itertuples()}
    key = dict(zip(gold["item_id"], gold["score"]))
    others, right = {}, {}
    for rater, own in frame[frame["rater_id"].str.startswith("new")].groupby("rater_id"):
        for nth, row in enumerate(own.sort_values("rated_at").itertuples(), 1):
            stretch = max(start for start in (1, 11, 26, 51, 101, 201) if start <= nth)
            rest = [score for (item, other), score in scores.items() if item == row.item_id and other != rater]
            if rest:
                others.setdefault(stretch, {}).setdefault(rater, {})[row.item_id] = mean(score == row.score for score in rest)
            if row.item_id in key:
                right.setdefault(stretch, {}).setdefault(rater, {})[row.item_id] = float(row.score == key[row.item_id])
    for measure, found in (("agreement_with_others", others), ("gold_accuracy", right)):
        rows = rows_of(table, "share", measure)
        assert set(rows.index) == set(found)
        for stretch, by_rater in found.items():
            means = {rater: mean(values.values()) for rater, values in by_rater.items()}
            assert rows.loc[stretch, "value"] == pytest.approx(mean(means.values()), abs=EXACT)
            assert rows.loc[stretch, "n_ratings"] == sum(map(len, by_rater.values()))
            meetings = sum((by_rater[a][item] - means[a]) * (by_rater[b][item] - means[b]) / len(by_rater[a]) / len(by_rater[b])
                           for a, b in permutations(means, 2) for item in set(by_rater[a]) & set(by_rater[b]))
            n, variance = len(means), stdev(means.values()) ** 2 / len(means)
            reach = t.ppf(0.975, n - 1) * max(variance, variance + meetings / n**2) ** 0.5
            assert rows.loc[stretch, "high"] == pytest.approx(min(mean(means.values()) + reach, 1), abs=EXACT)


def test_planted_learning_shows_and_ends_where_it_was_planted():
    frame, gold = programme(seed=2, items=3000)
    table = SETTLING(wb.read(pd.concat([frame, gold])))
    for measure in ("agreement_with_others", "gold_accuracy"):
        apart = rows_of(table, "difference", measure)
        assert (apart.loc[[1, 11, 26], "high"] < 0).all() and abs(apart.loc[101, "value"]) < 0.06
    assert rows_of(table, "settled_after")["value"].item() == 50
    # Right after learning .9 + .1 / 5, before .5 + .5 / 5.
    shares = rows_of(table, "share", "gold_accuracy")["value"]
    assert shares[26] == pytest.approx(0.6, abs=0.08) and shares[201] == pytest.approx(0.92, abs=0.05)


def settled(draws, **planted):
    """`settled_after` of some programmes, without an engine."""
    found = []
    for seed in range(draws):
        frame, _ = programme(seed=seed, **planted)
        frame = frame.assign(step=None, criterion="x", rubric="d", level=frame["score"].astype(int) - 1, unit=frame["item_id"])
        panel = with_shares(with_experience(frame, 28), frame.iloc[:0])
        found += [row for row in newcomers._group_rows(panel, SimpleNamespace(key={}, note=""), 0.95) if row["name"] == "settled_after"]
    return found


def test_new_raters_who_need_not_learn_are_seldom_called_unsettled():
    found = settled(12, before=0.9, items=3000)
    # At most 5 % expected: the chance of more than 2 of 12 is 2 %. Of 100, 3 were.
    assert sum(row["value"] > 0 or "not settled" in row["note"] for row in found) <= 2
    assert sum(row["value"] == 0 for row in found) >= 6
    assert sum("give or take" in row["note"] for row in settled(6, before=0.9, items=1600, new=6, share=0.05)) >= 5


def test_the_end_of_learning_is_found_where_it_was_planted():
    assert sum(row["value"] == 50 for row in settled(10, before=0.6, items=3000)) >= 8


def test_who_leaves_early_does_not_move_the_differences():
    frame, _ = programme(seed=5, items=1600, new=6)
    # Two raters more stop after ten items, on all of which an old rater is of another mind.
    leavers = pd.DataFrame([row for k in (9000, 9100) for i in range(10) for row in (rating(k + i, f"new{k}", 1, 900 + i),
                                                                                rating(k + i, "old00", 2, 900 + i))])
    one, other = SETTLING(wb.read(frame)), SETTLING(wb.read(pd.concat([frame, leavers])))
    assert rows_of(other, "share").loc[1, "value"] == pytest.approx(rows_of(one, "share").loc[1, "value"] * 6 / 8, abs=EXACT)
    assert rows_of(other, "difference")["value"].tolist() == pytest.approx(rows_of(one, "difference")["value"].tolist(), abs=EXACT)


def test_experience_counts_items_in_the_order_of_time_whatever_the_criteria():
    cells = pd.DataFrame({"unit": range(6), "item_id": ["a", "b", "a", "b", "c", "c"], "step": None, "rater_id": ["n"] * 5 + ["o"],
                          "criterion": ["x", "x", "y", "y", "x", "x"], "rubric": "default", "level": 1,
                          "rated_at": pd.to_datetime([*(f"2026-03-0{day}" for day in (3, 2, 4, 5)), None, "2026-01-01"], utc=True)})
    found = with_experience(cells, 28)
    assert len(found) == 5 and found["stretch"].tolist() == [0, 0, 0, 0, -1]
    many = pd.concat([cells.iloc[[5]], pd.DataFrame({"unit": range(30), "item_id": [f"{i:02d}" for i in range(30)], "step": None,
                      "rater_id": "n", "criterion": "x", "rubric": "default", "level": 1,
                      "rated_at": pd.date_range("2026-03-01", periods=30, tz="UTC")[::-1]})])
    assert with_experience(many, 28)["stretch"].tolist() == [-1] + [2] * 5 + [1] * 15 + [0] * 10


def test_a_steps_gold_is_its_own():
    panel = pd.DataFrame({"unit": [0, 1], "item_id": ["a", "a"], "step": [1, 2], "criterion": "x", "rubric": "default", "level": [0, 0]})
    gold = pd.DataFrame({"item_id": ["a"], "step": [2], "criterion": "x", "rubric": "default", "level": [0], "rater_id": "key"})
    assert np.array_equal(with_shares(panel, gold)["gold_accuracy"], [np.nan, 1.0], equal_nan=True)


def test_groups_are_kept_apart_and_experience_is_not():
    frame, _ = programme(seed=6, items=1600, new=6)
    frame["task_type"] = np.where(frame["item_id"] % 2, "code", "math")
    table, pooled = SETTLING(wb.read(frame), by=["task_type"]), SETTLING(wb.read(frame))
    both = table[table["name"] == "share"].groupby("from")["n_ratings"].sum()
    assert both.to_dict() == rows_of(pooled, "share")["n_ratings"].to_dict()
    assert set(table["task_type"]) == {"code", "math"}


@pytest.mark.parametrize(("frame", "reason"), [
    (pd.DataFrame([rating(i, r, 1, 0) for i in range(3) for r in "ab"]).drop(columns="rated_at"), "no rated_at: experience is not"),
    (pd.DataFrame([rating(i, r, i % 2, 24 * i) for i in range(60) for r in "ab"]), "no rater began after the first days of"),
    (pd.DataFrame([rating(i, "a" if i < 40 else "b", i % 2, 24 * i) for i in range(60)]), "the new raters share no item with another"),
    (pd.DataFrame([rating(i, r, x, 24 * i) for i, x in enumerate(np.random.default_rng(0).normal(size=2200)) for r in "ab"]),
     "scores have no levels")])
def test_what_cannot_be_told_is_one_row_with_its_reason(frame, reason):
    table = SETTLING(wb.read(frame))
    assert table["name"].tolist() == ["settled_after"] and table["value"].isna().all()
    assert table["note"].iloc[0].startswith(reason)


def test_one_new_rater_has_shares_without_an_interval():
    rows = [rating(i, "x", 1, 24 * i) for i in range(80)] + [rating(i, "ann", 1 + (i % 2), 24 * i) for i in range(40, 80)]
    share = rows_of(SETTLING(wb.read(pd.DataFrame(rows))), "share")
    assert share["value"].tolist() == pytest.approx([1 / 2, 8 / 15, 7 / 15], abs=EXACT)
    assert share["low"].isna().all() and share["note"].str.startswith("one rater: no interval").all()


def test_ratings_without_a_time_are_counted():
    rows = pd.DataFrame([rating(i, r, 1 + i % 2, 24 * i) for i in range(80) for r in ("x", "ann") if r == "x" or i >= 40])
    rows.loc[rows["item_id"] < 4, "rated_at"] = pd.NaT  # four of x
    table = SETTLING(wb.read(rows))
    assert table["value"].notna().any() and table["note"].str.contains("^(?:.*; )?4 ratings without a time left out").all()
    undated = SETTLING(wb.read(rows.assign(rated_at=pd.NaT)))
    assert undated["note"].str.startswith("no rated_at").all() and undated["n_dropped"].tolist() == [len(rows)]
    skipped = SETTLING(wb.read(rows.assign(status="skipped")))
    assert skipped["note"].str.startswith("no rating counts").all() and skipped["n_dropped"].tolist() == [len(rows)]


def test_a_caller_s_mistakes_are_named():
    panel = wb.read(pd.DataFrame([rating(0, "a", 1, 0)]))
    with pytest.raises(wb.ParameterError, match="first_days=-1 is not a number of days of 0 or more. Use 28"):
        SETTLING(panel, first_days=-1)
    with pytest.raises(wb.ParameterError, match="first_days='28' is not a number of days"):
        SETTLING(panel, first_days="28")
    with pytest.raises(wb.ParameterError, match="confidence=95 is not a share"):
        SETTLING(panel, confidence=95)
