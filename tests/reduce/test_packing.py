"""Patterns: learned in one scan, with repeats, very large units, and groups without levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.reduce import Patterns, facts, patterns


def panel(n: int = 400, levels: int = 5, seed: int = 0) -> pd.DataFrame:
    """Items rated by five of seven raters."""
    rng = np.random.default_rng(seed)
    rows = [(f"i{i}", f"r{j}", float(rng.integers(1, levels + 1))) for i in range(n // 5) for j in rng.permutation(7)[:5]]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])


def same(found: Sequence[Patterns], expected: Sequence[Patterns]) -> None:
    """Equal in every field, rows in the same order: bootstrap draws depend on it."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.weight, other.weight)
        fields = ("key", "levels", "scale", "n_items", "n_raters", "n_ratings", "n_dropped", "note")
        assert [getattr(one, f) for f in fields] == [getattr(other, f) for f in fields]


def known_before(frame: pd.DataFrame, by: Sequence[str]) -> list[Patterns]:
    """The patterns where sizes and repeats were counted first."""
    ratings = wb.read(frame)
    facts(ratings).n_repeats
    return patterns(ratings, by=by)


@pytest.mark.parametrize("levels", [1, 2, 7, 8])
@pytest.mark.parametrize("by", [[], ["party"]])
def test_one_scan_finds_what_two_find(levels: int, by: list[str]) -> None:
    frame = panel(levels=levels).assign(party=lambda t: np.where(t["item_id"] < "i4", "lab", None))
    ratings = wb.read(frame)
    same(patterns(ratings, by=by), known_before(frame, by))
    assert not facts(ratings).sized


def test_repeats_are_seen_in_that_scan_and_the_last_counts() -> None:
    frame = panel()
    again = frame.iloc[[0, 7]].assign(score=5.0)
    ratings = wb.read(pd.concat([frame, again]))
    first = frame.copy()
    first.loc[[0, 7], "score"] = 5.0
    same(patterns(ratings), [Patterns(**{**vars(p), "n_dropped": 2}) for p in known_before(first, [])])
    assert facts(ratings).n_repeats == 2


def test_an_item_of_three_thousand_ratings_does_not_overflow_the_digits_of_the_others() -> None:
    crowd = pd.DataFrame({"item_id": "crowd", "rater_id": [f"c{i}" for i in range(3_000)], "score": np.arange(3_000) % 5 + 1.0})
    found = patterns(wb.read(pd.concat([panel(), crowd])))[0]
    assert found.counts[-1].tolist() == [600.0] * 5 and found.weight[-1] == 1
    alone = patterns(wb.read(panel()))[0]
    np.testing.assert_array_equal(found.counts[:-1], alone.counts)
    np.testing.assert_array_equal(found.weight[:-1], alone.weight)


def mixed() -> pd.DataFrame:
    """Stars, words of 300 levels, and a slider without levels."""
    rng = np.random.default_rng(3)
    stars = panel().assign(criterion="stars")
    words = panel(seed=1).assign(criterion="words", score=np.nan, label=[f"w{k:03d}" for k in rng.integers(0, 300, 400)])
    slider = pd.concat([panel(3_000, seed=2)]).assign(criterion="slider", score=rng.normal(size=3_000))
    return pd.concat([stars, words, slider], ignore_index=True)


def test_groups_of_few_of_many_and_of_no_levels_stand_beside_one_another() -> None:
    frame = mixed()
    slider, *others = patterns(wb.read(frame), by=["criterion"])
    assert (slider.key, slider.levels, slider.counts.shape, slider.weight.shape) == ({"criterion": "slider"}, (), (0, 0), (0,))
    assert (slider.n_ratings, slider.n_items, slider.n_raters, slider.scale) == (3_000, 0, 7, "interval")
    for group in others:
        criterion = group.key["criterion"]
        same([group], known_before(frame[frame["criterion"] == criterion], ["criterion"]))


@pytest.mark.parametrize("name", ["gwet_ac", "percent_agreement", "fleiss_kappa", "brennan_prediger"])
def test_coefficients_of_levels_say_why_scores_without_levels_have_none(name: str) -> None:
    ratings = wb.read(mixed())
    table = getattr(wb.agreement, name)(ratings, by=["criterion"], interval="none").set_index("criterion")
    row = table.loc["slider"]
    assert np.isnan(row["value"]) and row["note"].startswith("scores have no levels: read krippendorff_alpha")
    assert (row["n_items"], row["n_ratings"], row["n_dropped"]) == (0, 0, 3_000)
    alone = getattr(wb.agreement, name)(ratings.where(criterion="stars"), interval="none")
    assert table.loc["stars", "value"] == alone["value"][0] and np.isfinite(alone["value"][0])


def test_a_table_of_scores_without_levels_alone_has_patterns_without_rows() -> None:
    frame = mixed()
    [group] = patterns(wb.read(frame[frame["criterion"] == "slider"].drop(columns="label")))
    assert (group.levels, len(group.weight), group.n_ratings, group.n_dropped) == ((), 0, 3_000, 0)


def test_clusters_are_written_without_the_character_that_postgresql_refuses() -> None:
    import ibis

    from workbench.reduce.packing import packed
    from workbench.reduce.select import select

    table = panel().assign(prompt_id=lambda t: t["item_id"].str[:2].where(t["item_id"] != "i7"))
    chosen = select(wb.read(table), cluster="prompt_id")
    assert "\x00" not in ibis.to_sql(packed(chosen, chosen.table, 4, "prompt_id"))
