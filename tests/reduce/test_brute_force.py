"""Every reduction against the same rules written out in pandas, on random tables with gaps, repeats and every kind of row."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.schema import PANEL

UNIT = ["item_id", "step", "criterion", "rubric"]
# sums of squares of up to eleven-level scores, taken from a centre and back
TOLERANCE = 1e-9


def table(seed: int, *, n: int = 90, levels: int = 5) -> pd.DataFrame:
    """Ratings of two criteria, one in numbers and one in words, with rows that the panel leaves out."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "item_id": rng.choice(list("abcdefg"), n), "rater_id": rng.choice(["x", "y", "z", "u", "v"], n),
        "criterion": rng.choice(["points", "words"], n), "rubric_version": rng.choice(["1", "2"], n, p=[0.7, 0.3]),
        "rater_kind": rng.choice(["human", "expert", "model"], n, p=[0.7, 0.2, 0.1]), "layer": rng.choice([0, 1], n, p=[0.9, 0.1]),
        "status": rng.choice(["rated", "skipped"], n, p=[0.9, 0.1]), "selection": rng.choice(["planned", "audit", "routed"], n, p=[0.7, 0.2, 0.1]),
        "party": rng.choice(["lab", "vendor", None], n),
        "rated_at": pd.to_datetime("2026-11-02", utc=True) + pd.to_timedelta(rng.integers(0, 14 * 24, n), unit="h")})
    value = rng.integers(0, levels, n)
    frame["score"] = np.where(frame["criterion"] == "points", value + 1.0, np.nan)
    frame["label"] = np.where(frame["criterion"] == "words", np.array(["l" + str(k).zfill(2) for k in range(levels)])[value], None)
    frame.loc[rng.random(n) < 0.1, ["score", "label"]] = None
    frame.loc[rng.random(n) < 0.1, "rated_at"] = pd.NaT
    return frame


def week_of(frame: pd.DataFrame) -> pd.Series:
    return frame["rated_at"].dt.floor("D") - pd.to_timedelta(frame["rated_at"].dt.day_of_week, unit="D")


def counted(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows that count, with level and week: the contract of the panel and of repeats, row by row."""
    t = frame.assign(step=None, rubric="default", week=week_of(frame))
    names = {c: sorted(frame.loc[frame["criterion"] == c, column].dropna().unique()) for c, column in (("points", "score"), ("words", "label"))}
    values = t["score"].astype(object).where(t["score"].notna(), t["label"])
    t["level"] = [names[c].index(v) if pd.notna(v) else None for c, v in zip(t["criterion"], values)]
    t["score"] = t["score"].where(t["criterion"] == "points", t["level"]).astype(float)
    for column, allowed in PANEL.items():
        t = t[t[column].isin(allowed)]
    t = t[t["level"].notna()].sort_values("rated_at", kind="stable", na_position="first")
    return t.drop_duplicates([*dict.fromkeys([*by, *UNIT]), "rater_id", *(["rubric_version"] if "rubric_version" in by else [])], keep="last")


def keyed(row: dict[str, object]) -> tuple[object, ...]:
    """A group's levels as plain comparable values."""
    return tuple(None if pd.isna(v) else pd.Timestamp(v).isoformat() if hasattr(v, "year") else v for v in row.values())


def groups(t: pd.DataFrame, by: list[str]) -> dict[tuple[object, ...], pd.DataFrame]:
    return {keyed(dict(zip(by, k if isinstance(k, tuple) else (k,)))): rows for k, rows in t.groupby(by, dropna=False)}


BYS = [["criterion"], ["criterion", "party"], ["criterion", "rubric_version"], ["criterion", "week"]]


@pytest.mark.parametrize(("seed", "levels", "by"), [(1, 5, BYS[0]), (2, 2, BYS[1]), (3, 11, BYS[2]), (4, 11, BYS[3]), (5, 9, BYS[0])])
def test_patterns_are_the_multiset_of_items_counts(seed: int, levels: int, by: list[str]) -> None:
    frame = table(seed, levels=levels)
    expected = groups(counted(frame, by), by)
    unit = [*UNIT, *(["rubric_version"] if "rubric_version" in by else [])]
    found = {keyed(dict(p.key)): p for p in wb.reduce.patterns(wb.read(frame), by=by)}
    assert {k for k, p in found.items() if p.n_ratings} == set(expected)
    scope = groups(frame.assign(week=week_of(frame)), by)
    for key, rows in expected.items():
        shown = Counter(tuple(np.bincount(g["level"].astype(int), minlength=len(found[key].levels))) for _, g in rows.groupby(unit, dropna=False))
        made = Counter({tuple(c.astype(int)): int(w) for c, w in zip(found[key].counts, found[key].weight)})
        assert made == shown
        assert (found[key].n_ratings, found[key].n_raters) == (len(rows), rows["rater_id"].nunique())
        assert found[key].n_dropped == len(scope[key]) - len(rows)


@pytest.mark.parametrize(("seed", "by"), [(6, BYS[0]), (7, BYS[1])])
def test_moments_are_the_sums_over_each_items_scores(seed: int, by: list[str]) -> None:
    frame = table(seed)
    expected = groups(counted(frame, by), by)
    for m in wb.reduce.moments(wb.read(frame), by=by):
        rows = expected.get(keyed(dict(m.key)), pd.DataFrame(columns=["score", *UNIT]))
        items = [g["score"] - m.center for _, g in rows.groupby(UNIT, dropna=False)]
        shown = sorted((len(s), round(s.sum(), 6), round((s * s).sum(), 6)) for s in items)
        made = sorted((int(n), round(t, 6), round(s, 6)) for n, t, s, w in zip(m.n, m.total, m.squares, m.weight) for _ in range(int(w)))
        assert made == shown


def test_cells_are_the_ratings_that_count_one_by_one() -> None:
    frame = table(8)
    expected = counted(frame, ["criterion"])
    found = wb.reduce.cells(wb.read(frame), by=["criterion"], extra=["party"])
    columns = ["criterion", "item_id", "rater_id", "level", "party"]
    as_rows = lambda t: sorted(tuple(None if pd.isna(v) else v for v in r) for r in t[columns].itertuples(index=False))  # noqa: E731
    assert as_rows(found) == as_rows(expected)
    assert found.groupby("unit")[["item_id", "criterion"]].nunique().eq(1).all(axis=None)
    assert found["unit"].nunique() == expected[["item_id", "criterion"]].drop_duplicates().shape[0]


def test_pair_tables_hold_each_pair_within_a_unit_once() -> None:
    frame = table(9)
    expected: Counter[tuple[object, ...]] = Counter()
    for (_, _, criterion, _), rows in counted(frame, ["criterion"]).groupby(UNIT, dropna=False):
        for (r1, l1), (r2, l2) in combinations(sorted(zip(rows["rater_id"], rows["level"].astype(int))), 2):
            expected[criterion, r1, r2, l1, l2] += 1
    found = wb.reduce.pair_tables(wb.read(frame), by=["criterion"])
    made = {tuple(r[c] for c in ("criterion", "rater_a", "rater_b", "level_a", "level_b")): r["n"] for r in found.to_dict("records")}
    assert made == dict(expected)


def test_windows_and_profiles_add_up_to_the_counted_ratings() -> None:
    frame = table(10)
    rows = counted(frame, ["criterion", "week"])
    rows = rows[rows["week"].notna()]
    windows = wb.reduce.windows(wb.read(frame), by=["criterion"])
    shown = rows.groupby(["criterion", "week"]).agg(n_ratings=("score", "size"), n_items=("item_id", "nunique"),
                                                    n_raters=("rater_id", "nunique"), total=("score", "sum"))
    made = windows.set_index(["criterion", "window"])[list(shown.columns)]
    np.testing.assert_allclose(made.to_numpy(float), shown.to_numpy(float), atol=TOLERANCE)
    assert str(windows["window"].dt.tz) == "UTC" and (windows["window"].dt.day_of_week == 0).all()
    profiles = wb.reduce.profiles(wb.read(frame), by=["criterion"])
    again = rows.groupby(["criterion", "rater_id", "week", "level"]).size()
    assert profiles["n"].tolist() == again.sort_index().tolist()


def test_count_by_counts_ratings_items_and_raters() -> None:
    frame = table(11)
    rows = counted(frame, ["criterion", "party"])
    found = wb.reduce.count_by(wb.read(frame), by=["criterion", "party"])
    made = {keyed(dict(r)): tuple(r2) for r, r2 in zip(found[["criterion", "party"]].to_dict("records"),
                                                       found[["n_ratings", "n_items", "n_raters"]].itertuples(index=False))}
    assert made == {k: (len(g), g["item_id"].nunique(), g["rater_id"].nunique()) for k, g in groups(rows, ["criterion", "party"]).items()}


@pytest.mark.parametrize("levels", [12, 13, 40, 300])
def test_many_levels_are_counted_exactly_in_several_words_or_sparsely(levels: int) -> None:
    rng = np.random.default_rng(levels)
    rows = [(i, r, f"l{rng.integers(levels):03d}") for i in range(120) for r in range(7)] + [(999, 0, f"l{k:03d}") for k in range(1)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label"])
    (found,) = wb.reduce.patterns(wb.read(frame))
    counts = found.counts.toarray() if hasattr(found.counts, "toarray") else found.counts
    assert found.n_items == 121 and found.n_ratings == len(frame)
    total = counts.T @ found.weight
    assert total.tolist() == frame["label"].value_counts().sort_index().tolist()


def test_an_item_with_very_many_ratings_overflows_nothing() -> None:
    frame = pd.DataFrame({"item_id": "a", "rater_id": np.arange(5_000), "score": np.arange(5_000) % 11})
    (found,) = wb.reduce.patterns(wb.read(frame))
    assert found.counts.tolist() == [[455.0] * 6 + [454.0] * 5]


def test_undated_ratings_grouped_by_week_are_one_group_without_a_week() -> None:
    frame = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1, 2]})
    [group] = wb.reduce.patterns(wb.read(frame), by=["week"])
    assert group.key == {"week": None} and group.n_ratings == 2
