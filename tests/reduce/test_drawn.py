"""Units that are drawn whole: counted by kind on the engine, they tell what they tell item by item."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.drift import measures
from workbench.reduce import drawn

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")
AGREES = 1e-9       # sums of up to a few hundred fractions, in another order
COLUMNS = ["value", "se", "skew", "units", "unit_variance", "n_items", "n_raters", "n_ratings", "n_dropped"]


@pytest.fixture(autouse=True)
def on_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "held", lambda ratings: None)


def programme(score: object = None, **columns: object) -> pd.DataFrame:
    """12 weeks of 12 prompts with 3 items each, of which two raters miss a third; one rating a week is a rater's second."""
    rng = np.random.default_rng(5)
    rows = [(f"{w}-{p}-{i}", f"{w}-{p}", r, w, f"t{(p + i) % 2}") for w in range(12) for p in range(12) for i in range(3) for r in "abc"]
    frame = pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "week_no", "task_type"])
    frame = frame[(frame["rater_id"] == "a") | (rng.random(len(frame)) < 0.67)].reset_index(drop=True)
    frame = pd.concat([frame, frame.groupby("week_no").head(1)], ignore_index=True)
    frame["score"] = rng.integers(1, 6, len(frame)) if score is None else score
    frame["rated_at"] = MONDAY + pd.to_timedelta(7 * frame["week_no"], unit="D") + pd.to_timedelta(np.arange(len(frame)), unit="s")
    return frame.assign(**columns).drop(columns="week_no")


def both(frame: pd.DataFrame, metric: str, monkeypatch: pytest.MonkeyPatch, by: list[str]) -> tuple[list, list]:
    """The streams with units counted by kind, which the engine must have been asked for, and item by item."""
    asked: list[object] = []
    kinds = drawn.kinds_of
    monkeypatch.setattr(drawn, "kinds_of", lambda *a: asked.append(a) or kinds(*a))
    told = [measures.streams_of(wb.read(frame), metric, by, "week", (MONDAY, MONDAY))]
    assert asked
    monkeypatch.setattr(measures, "drawn_units", lambda *_, **__: None)
    return told[0], measures.streams_of(wb.read(frame), metric, by, "week", (MONDAY, MONDAY))


@pytest.mark.parametrize("by", [["criterion"], ["criterion", "task_type"]])
@pytest.mark.parametrize("metric", ["mean", "levels", "agreement"])
def test_prompts_counted_by_kind_tell_what_their_items_tell(metric: str, by: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found, wanted = both(programme(), metric, monkeypatch, by)
    assert [(s.key, s.metric) for s in found] == [(s.key, s.metric) for s in wanted] and found
    for one, other in zip(found, wanted):
        np.testing.assert_allclose(one.rows[COLUMNS].astype(float), other.rows[COLUMNS].astype(float), rtol=AGREES, atol=AGREES)
        assert one.rows["note"].tolist() == other.rows["note"].tolist()
        for (above, below, weight), units in zip(one.units, other.units):
            as_listed = sorted(zip(np.repeat(below, weight.astype(int)), np.repeat(above, weight.astype(int))))
            np.testing.assert_allclose(as_listed, sorted(zip(units[1], units[0])), atol=AGREES)


def test_a_window_of_two_prompts_by_hand() -> None:
    # prompt p: x rated yes, yes; y rated yes, no; prompt q: z rated no, no; w rated once
    # pairs that agree: p 1 + 0 of 2 items, q 1 of 1: 2/3; contributions (1 - 4/3) / 3, (1 - 2/3) / 3, so se^2 = 2 (1/81 + 1/81)
    rows = [("x", "p", "a", "yes"), ("x", "p", "b", "yes"), ("y", "p", "a", "yes"), ("y", "p", "b", "no"), ("z", "q", "a", "no"),
            ("z", "q", "b", "no"), ("w", "q", "a", "no")]
    frame = pd.DataFrame(rows, columns=["item_id", "prompt_id", "rater_id", "label"]).assign(rated_at=MONDAY)
    found, = measures.streams_of(wb.read(frame), "agreement", ["criterion"], "week", (MONDAY, MONDAY))
    row = found.rows.iloc[0]
    assert row["value"] == pytest.approx(2 / 3) and row["se"] ** 2 == pytest.approx(4 / 81)
    assert (row["n_items"], row["n_ratings"], row["n_dropped"], row["units"]) == (4, 6, 1, 2)


def test_scores_between_whole_numbers_leave_few_kinds_however_they_are_added() -> None:
    frame = programme(score=np.random.default_rng(2).integers(1, 9, len(programme())) / 10)
    stream, = measures.streams_of(wb.read(frame), "mean", ["criterion"], "week", (MONDAY, MONDAY))
    kinds = np.concatenate([np.column_stack(u[:2]) for u in stream.units])
    assert len(np.unique(kinds, axis=0)) == len(np.unique(kinds.round(6), axis=0))


def test_what_has_no_levels_or_very_many_is_left_to_be_counted_item_by_item() -> None:
    frame = programme(score=np.arange(len(programme())) % 23 + 0.5)
    ratings = wb.read(frame)
    assert drawn.drawn_units(ratings, "levels", by=["criterion", "week"], cluster="prompt_id") is None
    assert len(drawn.drawn_units(ratings, "mean", by=["criterion", "week"], cluster="prompt_id")) == 12
