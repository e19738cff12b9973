"""What is counted in memory equals what the engine counts, row by row and in the same order."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.ratings import Ratings
from workbench.errors import RatingsError
from workbench.instrument import Criterion, Rubric, Scale
from workbench.reduce import (cells, count_by, facts, moments, n_levels, pair_tables, patterns, profiles, repeated_ratings, tallies,
                              votes)
from workbench.reduce.held import held
from workbench.reduce.membership import memberships
from workbench.reduce.select import select
from workbench.reduce.tallied import packed_patterns, paired_ratings, summed_scores


def frame_of(seed: int, *, numbers: bool = False, n: int = 200, column: str = "score", shuffled: bool = True) -> pd.DataFrame:
    """Ratings of two criteria by raters who rate a unit once, some of them out of the panel, some without a value."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "item_id": rng.integers(0, 25, n), "rater_id": rng.integers(0, 9, n), "criterion": rng.choice(["tone", "fit"], n),
        "rubric_version": rng.choice(["1", "2"], n), "rater_kind": rng.choice(["human", "expert", "model"], n, p=[.6, .3, .1]),
        "layer": rng.choice([0, 1], n, p=[.9, .1]), "status": rng.choice(["rated", "skipped"], n, p=[.9, .1]),
        "party": rng.choice(["lab", "vendor"], n), "batch_no": rng.integers(0, 3, n), "prompt_id": rng.choice(["p", None], n)})
    frame["rated_at"] = pd.Timestamp("2026-11-02", tz="UTC") + pd.to_timedelta(rng.integers(0, 99, n), unit="h")
    frame[column] = rng.choice([1.0, 2.0, 4.0, np.nan], n) if column == "score" else rng.choice(["good", "bad", "fair", None], n)
    frame = frame.drop_duplicates(["item_id", "rater_id", "criterion"], ignore_index=True)
    frame = frame if shuffled else frame.sort_values("item_id", ignore_index=True)
    return frame if numbers else frame.assign(item_id="i" + frame["item_id"].astype(str), rater_id="r" + frame["rater_id"].astype(str))


def by_engine(ratings: Ratings) -> Ratings:
    """The same ratings, counted by the engine alone."""
    return Ratings(replace(ratings.source, frame=None, memory={}))


def same(left: object, right: object) -> None:
    """Two reductions hold the same; numbers exactly, for all are counts or values of the source."""
    assert type(left) is type(right)
    for part in fields(left):
        a, b = getattr(left, part.name), getattr(right, part.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, part.name


@pytest.mark.parametrize(("seed", "numbers", "column", "shuffled", "by"), [
    (1, False, "score", True, []), (2, True, "score", False, ["criterion"]), (3, False, "label", False, ["party"]),
    (4, True, "label", True, ["layer", "criterion"]), (5, True, "score", True, ["batch_no", "party"]),
    (6, False, "score", False, ["criterion", "rubric_version"])])
def test_counts_in_memory_equal_the_engines(seed: int, numbers: bool, column: str, shuffled: bool, by: list[str]) -> None:
    ratings = wb.read(frame_of(seed, numbers=numbers, column=column, shuffled=shuffled))
    engine = by_engine(ratings)
    ours, theirs = facts(ratings), facts(engine)
    wanted = theirs.instruments[[c for c in theirs.instruments if not c.startswith(("bad_", "_", "first", "last"))]]
    pd.testing.assert_frame_equal(ours.instruments[wanted.columns], wanted, check_dtype=False)
    assert (ours.scales, ours.first, ours.last, ours.notes) == (theirs.scales, theirs.first, theirs.last, theirs.notes)
    for panel in (True, False):
        assert packed_patterns(held(ratings), select(ratings, by=by, panel=panel), 12) is not None
        for mine, its in zip(patterns(ratings, by=by, panel=panel), patterns(engine, by=by, panel=panel), strict=True):
            same(mine, its)
        assert summed_scores(held(ratings), select(ratings, by=by, panel=panel), 2.0) is not None
        for mine, its in zip(moments(ratings, by=by, panel=panel), moments(engine, by=by, panel=panel), strict=True):
            same(mine, its)
        assert paired_ratings(held(ratings), select(ratings, by=by, panel=panel)) is not None
        pd.testing.assert_frame_equal(pair_tables(ratings, by=by, panel=panel), pair_tables(engine, by=by, panel=panel), check_dtype=False)
        mine, its = (cells(r, by=by, panel=panel, extra=["batch_no"]) for r in (ratings, engine))
        pd.testing.assert_frame_equal(mine, its)
    assert not [place for place in ratings.source.memory if not isinstance(place, (str, tuple))], "the engine was asked"


def test_a_declared_scale_gives_labels_and_scores_their_places() -> None:
    frame = pd.DataFrame({"item_id": list("aabbcc"), "rater_id": list("xyxyxy"), "score": [1, 5, np.nan, np.nan, 5, np.nan],
                          "label": [None, None, "bad", "good", "good", None]})
    scale = Scale("ordinal", ("bad", "fair", "good"), (1.0, 3.0, 5.0))
    line = {("default", "1"): Rubric("default", "1", {"overall": Criterion(scale)}, source="here")}
    ratings = Ratings(replace(wb.read(frame).source, rubrics=line, memory={}))
    for mine, its in zip(patterns(ratings), patterns(by_engine(ratings)), strict=True):
        same(mine, its)
    assert packed_patterns(held(ratings), select(ratings), 20)[["w0", "weight"]].to_numpy().tolist() == [[1 << 40, 1], [1 + (1 << 40), 2]]
    pd.testing.assert_frame_equal(pair_tables(ratings), pair_tables(by_engine(ratings)), check_dtype=False)
    pd.testing.assert_frame_equal(cells(ratings), cells(by_engine(ratings)))


PLAIN = pd.DataFrame({"item_id": list("aabbcc"), "rater_id": list("xyxyxy"), "score": [1.0, 2, 2, 2, 1, 1]})


@pytest.mark.parametrize("change", [
    {"step": [1, 1, 2, 2, 3, 3]}, {"layer": [0.0] * 6},
    {"party": [1, 1, 2, 2, 1, 1]}, {"criterion": ["c", None] * 3}, {"rater_id": ["x", "y", "x", " ", "x", "y"]},
    {"status": ["rated"] * 5 + ["done"]}, {"score": [1, 2, 3, 4, 5, np.inf]}, {"score": list("112233")}, {"rated_at": ["2026-11-02"] * 6},
    {"rater_id": pd.Categorical(list("xyxyxy"))}, {"item_id": pd.array([1, 1, 2, 2, 3, 3], dtype="Int64")}, {"score": [True, False] * 3}],
    ids=lambda change: "-".join(change))
def test_a_frame_that_reading_changes_or_refuses_is_left_to_the_engine(change: dict[str, list[object]]) -> None:
    assert held(wb.read(PLAIN)) is not None
    assert held(wb.read(PLAIN.assign(**change))) is None


def test_ratings_that_are_filtered_or_hidden_when_read_are_left_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "secret")
    assert held(wb.read(PLAIN, exclude={"rater_id": "x"})) is None and held(wb.read(PLAIN, pseudonyms="KEY")) is None


def full_of_traps(seed: int) -> pd.DataFrame:
    """Ratings as a store holds them: repeats in layers and in time, replacements, undated gold, gaps in what groups and clusters."""
    rng, n = np.random.default_rng(seed), 400
    frame = frame_of(seed, n=n).sample(n, replace=True, random_state=seed, ignore_index=True)
    frame["rated_at"] = pd.Timestamp("2026-11-02", tz="UTC") + pd.to_timedelta(rng.integers(0, 900, n), unit="h")
    frame["rating_id"] = [f"n{i}" for i in range(n)]
    frame["replaces"] = [f"n{i - 7}" if i % 29 == 8 else None for i in range(n)]
    frame.loc[rng.random(n) < .05, "rater_kind"] = "gold"
    frame.loc[rng.random(n) < .1, "rated_at"] = pd.NaT
    frame.loc[rng.random(n) < .2, "party"] = None
    return frame.assign(prompt_id="p" + frame["item_id"].str[1:].astype(int).floordiv(3).astype(str),
                        pool=np.where(frame["item_id"] < "i2", None, frame["item_id"].str[:2]), seconds=rng.choice([1.5, np.nan, 4], n))


NARROWED = {"all": lambda r: r, "until": lambda r: r.until("2026-W46"), "week": lambda r: r.period("2026-W46"),
            "month": lambda r: r.where(month="2026-11-01"), "party": lambda r: r.where(party=[None, "lab"]),
            "kinds": lambda r: r.where(rater_kind=["gold", "model"], layer="1"), "batch": lambda r: r.where(batch_no="2", criterion="fit"),
            "nobody": lambda r: r.where(party="none such")}


@pytest.mark.parametrize("narrow", NARROWED)
def test_tallies_by_columns_are_the_engines(narrow: str, tmp_path: Path) -> None:
    full_of_traps(4).to_parquet(tmp_path / "ratings.parquet")
    read = wb.read(tmp_path / "ratings.parquet")
    ours, its = NARROWED[narrow](read), NARROWED[narrow](Ratings(replace(read.source, small=False, memory={})))
    for by in (["party"], ["rater_id", "week"], ["criterion", "layer", "party"]):
        found, expected = (tallies(one, by=by, given=["rated_at", "prompt_id"]) for one in (ours, its))
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
        assert {"n", "n_rated_at", "n_prompt_id", "first", "last"} < set(found)
    assert [n_levels(ours, c) for c in ("item_id", "party")] == [n_levels(its, c) for c in ("item_id", "party")]
    if narrow != "nobody":
        for by in (["criterion"], ["party", "criterion"]):
            pd.testing.assert_frame_equal(count_by(ours, by=by), count_by(its, by=by), check_dtype=False)
            mine, theirs = (profiles(r, by=by, window="month") for r in (ours, its))
            pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)
    assert not [place for place in ours.source.memory if not isinstance(place, (str, tuple))], "the engine was asked"


@pytest.mark.parametrize("by", [[], ["criterion", "party"], ["week", "rubric_version"], ["layer", "batch_no"]], ids="-".join)
@pytest.mark.parametrize("narrow", NARROWED)
def test_whatever_is_selected_the_engine_finds_the_same(by: list[str], narrow: str, tmp_path: Path) -> None:
    full_of_traps(3).to_parquet(tmp_path / "ratings.parquet")
    read = wb.read(tmp_path / "ratings.parquet")
    ours = NARROWED[narrow](read)
    its = NARROWED[narrow](Ratings(replace(read.source, small=False, memory={})))
    assert (ours.count(), ours.first, ours.last) == (its.count(), its.first, its.last)
    assert ours.overview == its.overview
    assert held(ours, empty=True) is not None and held(its, empty=True) is None
    pd.testing.assert_frame_equal(select(ours, by=by).groups, select(its, by=by).groups, check_dtype=False)
    for ask in (patterns, moments):
        for cluster in (None, "prompt_id", "pool"):
            for a, b in zip(ask(ours, by=by, cluster=cluster), ask(its, by=by, cluster=cluster), strict=True):
                same(a, b)
    for further in ({}, {"panel": False}, {"cluster": "prompt_id"}):
        a, b = (cells(r, by=by, extra=["seconds", "rated_at"], **further) for r in (ours, its))
        told = list(a) if further.get("panel", True) else ["item_id", "criterion", "rater_id", "level", "rated_at"]   # layers in any order
        pd.testing.assert_frame_equal(*(t[told].sort_values(told, ignore_index=True) for t in (a, b)), check_dtype=False)
    pd.testing.assert_frame_equal(pair_tables(ours, by=by), pair_tables(its, by=by), check_dtype=False)
    for further in ({"truth": ["gold"]}, {"repeats": True}):
        for a, b in zip(votes(ours, by=by, **further), votes(its, by=by, **further), strict=True):
            pd.testing.assert_frame_equal(a.units, b.units, check_dtype=False)
            same(replace(a, units=None), replace(b, units=None))
    for a, b in zip(repeated_ratings(ours, by=by), repeated_ratings(its, by=by), strict=True):
        same(a, b)
    for a, b in zip(memberships(ours, by=by), memberships(its, by=by), strict=True):
        a, b = a.drop(columns="unit", errors="ignore"), b.drop(columns="unit", errors="ignore")
        order = [c for c in a if c not in ("last", "n_ratings", "n_dropped")]
        pd.testing.assert_frame_equal(*(t.sort_values(order, ignore_index=True) for t in (a, b)), check_dtype=False)


@pytest.mark.parametrize("by", [[], ["party"]])
def test_repeats_gaps_in_groups_and_values_off_the_scale_end_as_the_engine_says(by: list[str]) -> None:
    again = pd.concat([PLAIN, PLAIN.assign(score=3.0).iloc[:1]], ignore_index=True).assign(party=["lab", None] * 3 + ["lab"])
    ratings = wb.read(again)
    assert facts(ratings).n_repeats == facts(by_engine(ratings)).n_repeats == 1
    assert facts(ratings).max_unit == facts(by_engine(ratings)).max_unit == 3
    for mine, its in zip(patterns(ratings, by=by), patterns(by_engine(ratings), by=by), strict=True):
        same(mine, its)
    assert pair_tables(ratings, by=by).equals(pair_tables(by_engine(ratings), by=by))
    many = wb.read(pd.DataFrame({"item_id": np.arange(3_000) // 2, "rater_id": np.arange(3_000) % 2, "score": np.arange(3_000) / 7}))
    assert patterns(many)[0].levels == () and len(pair_tables(many)) == 1_500


def test_renamed_columns_are_counted_under_the_contracts_names() -> None:
    ratings = wb.read(PLAIN.rename(columns={"score": "points"}), columns={"points": "score"})
    assert patterns(ratings)[0].counts.tolist() == [[2, 0], [1, 1], [0, 2]] and held(ratings) is not None


def test_changing_the_frame_afterwards_changes_nothing() -> None:
    frame = PLAIN.copy()
    ratings = wb.read(frame)
    frame.loc[0, "score"] = 9.0
    assert facts(ratings).scales["default", "1", "overall"].values == (1.0, 2.0)


def test_a_blank_that_the_engine_would_name_is_named() -> None:
    with pytest.raises(RatingsError, match="1 value of 'rater_id' is blank"):
        facts(wb.read(PLAIN.assign(rater_id=["x", "y", "x", "  ", "x", "y"])))


def test_ratings_without_any_value_are_left_to_the_engine(tmp_path: Path) -> None:
    PLAIN.assign(score=np.nan).to_parquet(tmp_path / "ratings.parquet")
    ratings = wb.read(tmp_path / "ratings.parquet")
    assert held(ratings) is None and facts(ratings).n_rows == ratings.count() == 6
