"""Cells and pairs: the same whether it was known before that no rating repeats, or seen in the result."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.ratings import Ratings
from workbench.reduce import cells, facts, pair_tables


def ratings_of(seed: int, *, again: bool, words: bool) -> pd.DataFrame:
    """Whole items and their steps, rated once or again, by ids that are numbers or words."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"item_id": rng.integers(0, 12, 150), "rater_id": rng.integers(0, 9, 150), "score": rng.integers(1, 4, 150) * 1.0,
                          "criterion": rng.choice(["a", "b"], 150), "task_type": rng.choice(["math", None], 150)})
    frame = frame if again else frame.drop_duplicates(["item_id", "rater_id", "criterion"])
    return frame.astype({"item_id": str, "rater_id": str}) if words else frame


def by_loop(frame: pd.DataFrame, by: list[str]) -> dict[tuple[object, ...], int]:
    """Pairs counted in Python: a rater's last rating of a unit within a group counts."""
    last = frame.drop_duplicates([*dict.fromkeys([*by, "item_id", "criterion"]), "rater_id"], keep="last")
    found: Counter[tuple[object, ...]] = Counter()
    for key, rows in last.groupby([*dict.fromkeys([*by, "criterion", "item_id"])], dropna=False):
        group = tuple(None if part != part else part for part in key[:len(by)])
        for (a, x), (b, y) in combinations(sorted(zip(rows["rater_id"], rows["score"])), 2):
            found[*group, a, b, x - 1, y - 1, x, y] += 1
    return dict(found)


@pytest.mark.parametrize(("seed", "again", "words", "by"), [
    (1, False, False, ["criterion"]), (2, False, True, ["criterion", "task_type"]), (3, True, True, ["criterion"]),
    (4, True, False, ["criterion", "task_type"]), (5, True, False, [])])
@pytest.mark.parametrize("known", [False, True])
def test_pair_tables_equal_a_loop(seed: int, again: bool, words: bool, by: list[str], known: bool) -> None:
    frame = ratings_of(seed, again=again, words=words)
    ratings = wb.read(frame)
    if known:
        assert (facts(ratings).n_repeats > 0) == again
    found = pair_tables(ratings, by=by)
    made = {tuple(None if v != v else v for v in row[:-1]): row[-1] for row in found.itertuples(index=False)}
    assert made == by_loop(frame, by)
    names = [*by, *(f"{c}_{side}" for c in ("rater", "level", "score") for side in "ab")]
    assert list(found.columns) == [*names, "n"]


def test_pairs_of_scores_without_levels_are_told_apart_by_score() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"item_id": np.repeat(np.arange(1_500), 2), "rater_id": np.tile(["y", "x"], 1_500), "score": rng.normal(size=3_000)})
    found = pair_tables(wb.read(frame))
    assert found["level_a"].isna().all() and (found["n"] == 1).all() and set(found["rater_a"]) == {"x"}
    wide = frame.pivot(index="item_id", columns="rater_id", values="score")
    assert sorted(zip(found["score_a"], found["score_b"])) == sorted(zip(wide["x"], wide["y"]))


@pytest.mark.parametrize("again", [False, True])
def test_cells_keep_a_raters_last_rating_whether_repeats_were_known_or_seen(again: bool) -> None:
    frame = ratings_of(6, again=again, words=True)
    fresh, informed = (Ratings(replace(wb.read(frame).source, frame=None, memory={})) for _ in range(2))  # as the engine counts them
    facts(informed).n_repeats
    seen, known = (cells(r, by=["criterion"], extra=["task_type"]) for r in (fresh, informed))
    pd.testing.assert_frame_equal(seen, known)
    last = frame.drop_duplicates(["criterion", "item_id", "rater_id"], keep="last").sort_values(["criterion", "item_id", "rater_id"])
    assert seen["score"].tolist() == last["score"].tolist()
    assert facts(fresh).sized == again


def test_cells_above_the_limit_are_refused_by_the_number_that_counts() -> None:
    frame = pd.concat([ratings_of(7, again=False, words=False)] * 2)
    n = len(frame) // 2
    assert len(cells(wb.read(frame), by=["criterion"], max_cells=n)) == n
    with pytest.raises(wb.RatingsError, match=f"this needs {n} ratings in memory, more than {n - 1}"):
        cells(wb.read(frame), by=["criterion"], max_cells=n - 1)
