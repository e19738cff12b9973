"""The queue of units that split the camps of raters: planted camps, none, too few raters, and what the panel says of an empty queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.disagreement.camps_parting import faction_items
from workbench.review import ranking
from workbench.review.board import Board
from workbench.store.adopted import adopt

RATERS, ITEMS, APART = 10, 120, 40


def planted(*, camps: bool = True, raters: int = RATERS, seed: int = 3) -> pd.DataFrame:
    """Ratings of 1 to 5: on the first `APART` items the second half of the raters stands where the first does not; noise of a level."""
    rng = np.random.default_rng(seed)
    true, side = rng.normal(0, 1.0, ITEMS), rng.choice([-1.0, 1.0], ITEMS)
    rows = []
    for rater in range(raters):
        turn = (1 if rater < raters // 2 else -1) * (np.arange(ITEMS) < APART) * camps
        score = np.clip(np.rint(3 + true * (1 - 0.7 * np.abs(turn)) + 1.6 * side * turn + rng.normal(0, 0.45, ITEMS)), 1, 5)
        rows += [(f"item {i:03d}", f"rater {rater}", "tone", s) for i, s in enumerate(score)]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "criterion", "score"])


@pytest.fixture(scope="module")
def camped() -> wb.Ratings:
    """Ratings with two camps of five."""
    return wb.read(planted())


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels that bring themselves up to date at once."""
    monkeypatch.setattr("workbench.review.board.PAUSE", 0)


def test_the_units_that_split_planted_camps_come_first_and_furthest_first(camped: wb.Ratings) -> None:
    found = wb.review.queue(camped, kind="camps", limit=1_000)
    assert len(found) == ITEMS and found["item_id"].is_unique
    assert (found["item_id"].head(APART - 4) < f"item {APART:03d}").all()          # the others' chance differences come after
    assert found["value"].head(APART - 4).min() > 0.3 > found["value"].tail(ITEMS - APART - 4).max()
    assert found["value"].round(9).is_monotonic_decreasing                                # ten ratings each: one error for all
    assert not found.attrs


def test_the_order_and_the_figures_are_those_of_faction_items(camped: wb.Ratings) -> None:
    found, parted = wb.review.queue(camped, kind="camps", limit=50), faction_items(camped).set_index("item_id")
    own = parted.loc[found["item_id"]]
    assert np.allclose(found["value"], own["value"].abs()) and np.allclose(found["q"], own["q"])
    assert (found["n_ratings"] == own["n_ratings"].to_numpy()).all() and set(found["faction"]) | set(found["versus"]) == {1, 2}


def test_a_unit_of_several_pairs_of_camps_stands_once_where_the_pair_parts_furthest(camped: wb.Ratings,
                                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    placed = wb.disagreement.factions(camped)
    placed["faction"] = placed["rater_id"].str[-1].map({**dict.fromkeys("012", 1), **dict.fromkeys("34", 2), **dict.fromkeys("56789", 3)})
    monkeypatch.setattr("workbench.disagreement.camps.factions", lambda ratings: placed)
    found = ranking.camps(wb.read(planted()), 0)
    assert len(found) == ITEMS
    apart = found[found["item_id"] < f"item {APART:03d}"]
    assert (apart["versus"] == 3).mean() > 0.9                                     # camps 1 and 2 are one camp cut in two


def test_equal_units_stand_by_lot_and_the_seed_decides(camped: wb.Ratings) -> None:
    one, other = (ranking.camps(camped, seed) for seed in (0, 1))
    far = one["value"].round(9)
    tied = far.duplicated(keep=False)
    assert tied.sum() > 10 and (far.to_numpy() == other["value"].round(9).to_numpy()).all()
    assert (one["item_id"] != other["item_id"])[tied].any()


@pytest.mark.parametrize("frame,words", [
    (planted(camps=False), "tone: no camps: two of equal size"),
    (planted(raters=3), "tone: cannot tell: camps of two need 4 raters"),
    (planted(raters=3).assign(status="skipped"), "there is no rating that counts"),
])
def test_a_queue_without_camps_is_empty_and_says_why(frame: pd.DataFrame, words: str) -> None:
    found = wb.review.queue(wb.read(frame), kind="camps")
    assert found.empty and words in found.attrs["why"]


def test_settled_units_leave_the_queue_and_filters_choose_among_them(camped: wb.Ratings) -> None:
    first = wb.review.queue(camped, kind="camps", limit=1)["item_id"].iloc[0]
    settled = {"item_id": first, "rater_id": "zoe", "criterion": "tone", "score": 3.0, "rater_kind": "adjudicator", "selection": "review"}
    later = wb.read(pd.concat([planted().assign(rater_kind="human", selection="planned"), pd.DataFrame([settled])], ignore_index=True))
    assert first not in set(wb.review.queue(later, kind="camps", limit=1_000)["item_id"])
    assert list(wb.review.queue(camped, kind="camps", search="item 007")["item_id"]) == ["item 007"]


def test_the_panel_offers_the_queue_computes_it_when_chosen_and_says_why_it_is_empty(away: Path, waiting: None,
                                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.disagreement import camps

    asked, real = [], camps.factions
    monkeypatch.setattr(camps, "factions", lambda ratings, **how: asked.append(1) or real(ratings, **how))
    for name, frame, words in (("with", planted(), "where camps of raters part"), ("without", planted(raters=3), "camps of two need 4 raters")):
        adopt(frame_in(away / f"{name}-plain", frame), into=away / name)
        board = wb.review.panel(wb.read(away / name), reviewer="mara", second_share=0)
        assert not asked
        chosen(board, "where camps of raters part, furthest first")
        assert asked == [1] and words in board._top.value + board._item.value
        if name == "with":
            assert board.desk.unit.item_id < f"item {APART:03d}"
            assert board.desk.decide("3").queue == "camps"
        board.close()
        asked.clear()


def frame_in(folder: Path, frame: pd.DataFrame) -> Path:
    """A dataset folder of these ratings."""
    folder.mkdir()
    frame.to_parquet(folder / "ratings.parquet")
    return folder


def chosen(board: Board, order: str) -> None:
    """Choose an order in the panel's queue form, and open it."""
    board.press("f")
    assert order in board._queue.kind.options
    board._queue.kind.text = order
    board.press("queue")


@pytest.fixture
def kind_of_nothing() -> Callable[[wb.Ratings, int], pd.DataFrame]:
    """A caller's own kind that names nothing and says why."""
    def nothing(ratings: wb.Ratings, seed: int) -> pd.DataFrame:
        frame = pd.DataFrame({"item_id": pd.Series([], dtype=str)})
        frame.attrs["why"] = "All is <b>well</b>."
        return frame

    return nothing


def test_a_kind_of_ones_own_may_say_why_it_is_empty(camped: wb.Ratings, kind_of_nothing) -> None:
    assert wb.review.queue(camped, kind=kind_of_nothing).attrs["why"] == "All is <b>well</b>."
    board = wb.review.panel(camped, reviewer="mara", kind=kind_of_nothing)
    assert "All is &lt;b&gt;well&lt;/b&gt;." in board._item.value
