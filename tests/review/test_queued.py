"""What waits for a reviewer: an audit is the first units of a lot whoever settled them, and nobody settles what they rated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb
from workbench.review import ranking
from workbench.review.decisions import Unit, recorded, standing
from workbench.store.adopted import adopt

N, HARD, K = 60, 20, 30     # units, those that raters differ on, those that an audit draws
HELP = {"criterion": "help"}


def lot(ratings: wb.Ratings, **how: object) -> list[str]:
    """The items in the order in which an audit of `help` draws them."""
    return wb.review.queue(ratings, kind="audit", where=HELP, limit=100, **how)["item_id"].tolist()


def held(folder: Path, queue: str | None = None) -> dict[str, object]:
    """The decisions that stand in the store, by item."""
    found = [d for d in standing(recorded(wb.read(folder).source)) if d.valued and (queue is None or d.queue == queue)]
    return {d.unit.item_id: d for d in found}


def decide(desk: wb.review.Desk, n: int, level: str = "2") -> list[str]:
    """Decide the next units; their items."""
    made = []
    for _ in range(n):
        made.append(desk.unit.item_id)
        desk.decide(level)
        desk.next()
    return made


def test_an_audit_counts_what_was_settled_blind_elsewhere_once_it_passes_it(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    order = lot(ratings)
    settled = [order[0], order[2], order[5]]
    decide(desk("ben", kind=lambda *_: pd.DataFrame({"item_id": settled, "criterion": "help"}), second_share=0), 3)
    mara = desk(kind="audit", where=HELP, second_share=0)
    assert [u.item_id for u in mara.left] == [order[i] for i in (1, 3, 4, 6, 7)]
    assert not held(folder, "audit")                    # opening an audit writes nothing
    decide(mara, 1)
    assert held(folder, "audit").keys() == set(order[:3])       # up to the next that waits, and no further
    decide(mara, 2)
    found = held(folder, "audit")
    assert found.keys() == set(order[:6]) and held(folder).keys() == set(order[:6])
    taken, asked = found[order[0]], found[order[1]]
    assert (taken.reviewer, taken.score, taken.blind, asked.reviewer) == ("ben", 2.0, True, "mara")
    assert (taken.lot_seed, asked.lot_seed, taken.scope) == (0, 0, '{"criterion": "help"}')
    lots = [found[item].lot for item in order[:6]]
    assert lots == sorted(lots) and 0 <= lots[0] and lots[-1] < 1
    counted = wb.agreement.overturned(wb.read(folder), queue="audit")
    assert (counted["n_items"] == 6).all()


def test_what_was_not_decided_blind_is_asked_again_blind(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    first = lot(ratings)[0]
    decide(desk("ben", kind=lambda *_: pd.DataFrame({"item_id": [first], "criterion": "help"}), blind=False, second_share=0), 1, "3")
    mara = desk(kind="audit", where=HELP, second_share=0)
    assert mara.unit.item_id == first and not mara.revealed and "ben" not in mara.html
    decide(mara, 1, "1")
    assert held(folder, "audit")[first].reviewer == "mara"
    assert desk("ben", kind="audit", where=HELP, second_share=0).unit.item_id != first     # who has seen it is not asked
    cy = desk("cy", kind="audit", where=HELP, second_share=0, blind=False)
    assert first not in [u.item_id for u in cy.left]


def test_who_decided_blind_and_then_changed_their_mind_did_what_the_audit_asks(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    order = lot(ratings)
    ben = desk("ben", kind=lambda *_: pd.DataFrame({"item_id": order[:1], "criterion": "help"}), second_share=0)
    ben.decide("1")
    ben.decide("3", reason="rater_error")
    ben.close()
    decide(desk(kind="audit", where=HELP, second_share=0), 1)
    assert (held(folder, "audit")[order[0]].score, held(folder, "audit")[order[0]].reason) == (3.0, "rater_error")
    again = desk("ben", second_share=0)
    assert again.undo() == Unit(order[0], None, "help") and again.decision.score == 1.0 and again.decision.queue == "audit"
    again.undo()
    assert again.decision is None and order[0] not in held(folder)
    again.decide("2")
    assert held(folder)[order[0]].queue == "as_written"     # decided anew, at another desk


def test_an_audit_of_which_all_is_settled_is_done_when_it_is_opened(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    order = lot(ratings)
    decide(desk("ben", kind=lambda *_: pd.DataFrame({"item_id": order[:4], "criterion": "help"}), second_share=0), 4)
    mara = desk(kind="audit", where=HELP, limit=3, second_share=0)
    assert mara.unit is None and held(folder, "audit").keys() == set(order[:3])
    n = wb.read(folder).snapshot.n_rows
    desk(kind="audit", where=HELP, limit=3, second_share=0)
    assert wb.read(folder).snapshot.n_rows == n             # nothing is taken over twice


def test_what_an_undo_brings_back_at_an_audit_stays_of_its_own_queue(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    decide(desk(kind=lambda *_: pd.DataFrame({"item_id": ["a0"], "criterion": "safe"}), second_share=0), 1, "safe")
    mara = desk(kind="audit", where=HELP, second_share=0)
    assert mara.undo() == Unit("a0", None, "safe")
    mara.decide("unsafe")
    assert held(folder)["a0"].queue == "<lambda>" and held(folder)["a0"].lot is None


def test_shares_on_an_audit_after_a_contested_queue_are_those_of_all_units(away: Path) -> None:
    """Raters err on all of the first `HARD` units, which the contested queue settles, and on no other."""
    rows = [(f"u{i:02d}", who, "y" if i >= HARD or who == "ann" else "n") for i in range(N) for who in ("ann", "bob")]
    (away / "plain").mkdir()
    pd.DataFrame(rows, columns=["item_id", "rater_id", "label"]).to_parquet(away / "plain" / "ratings.parquet")
    adopt(away / "plain", into=away / "store")
    folder = away / "store"
    first = wb.review.Desk(wb.read(folder), reviewer="ben", second_share=0, limit=HARD)
    assert {u.item_id for u in first.left} == {f"u{i:02d}" for i in range(HARD)}
    decide(first, HARD, "y")
    first.close()
    audit = wb.review.Desk(wb.read(folder), reviewer="mara", kind="audit", second_share=0, limit=K)
    while audit.unit is not None:
        decide(audit, 1, "y")
    drawn = wb.review.queue(wb.read(folder), kind="audit", limit=K)["item_id"]
    planted = np.mean([item < f"u{HARD:02d}" for item in drawn])
    bob = wb.agreement.overturned(wb.read(folder), queue="audit").set_index("rater_id").loc["bob"]
    assert planted > 0.2 and bob["value"] == planted and bob["n_items"] == K        # 0 before, when settled units dropped out
    assert bob["low"] < HARD / N < bob["high"]


def test_a_reviewer_is_not_asked_what_they_rated(desk: Callable, folder: Path, ratings: wb.Ratings) -> None:
    mine = set(ranking.rated_by(ratings, "bob")["item_id"])
    assert mine == set(ratings.to_pandas(limit=None).query("rater_id == 'bob'")["item_id"])
    bob = desk("bob")
    assert bob.left == [] and bob.progress.n_own == 11
    decide(desk(kind=lambda *_: pd.DataFrame({"item_id": ["a1"], "criterion": "help"}), second_share=0), 1)
    bob = desk("bob")
    assert bob.progress.n_own == 10 and wb.review.Desk(wb.read(folder), reviewer="mara").progress.n_own == 0     # decisions are no ratings


def test_a_queue_is_filled_up_in_place_of_what_the_reviewer_rated(away: Path) -> None:
    raters = lambda i: enumerate(("ann", "bob", "mara" if i < 10 else "cem"))
    rows = [(f"u{i:02d}", who, f"{(i + place) % 3 + 1}") for i in range(20) for place, who in raters(i)]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label"])
    mara = wb.review.Desk(wb.read(frame), reviewer="mara", kind=lambda *_: frame[["item_id"]].drop_duplicates(), limit=5)
    assert [u.item_id for u in mara.left] == [f"u{i}" for i in range(10, 15)] and mara.progress.n_own == 10


def test_a_caller_s_own_audit_is_not_taken_for_a_lot(desk: Callable) -> None:
    def audit(ratings: wb.Ratings, seed: int) -> pd.DataFrame:
        return pd.DataFrame({"item_id": ["a1"], "criterion": "help"})

    assert desk(kind=audit).decide("1").queue == "other"


def test_filters_stand_with_the_decision(desk: Callable, ratings: wb.Ratings, folder: Path) -> None:
    mara = wb.review.Desk(ratings.where(party="vendor"), reviewer="mara", into=folder, where={"criterion": ["help", "safe"]}, search=" A1 ",
                          second_share=0)
    assert mara.decide(mara.levels[0]).scope == '{"party": ["vendor"], "criterion": ["help", "safe"], "search": "A1"}'
    mara.close()
    assert desk("ben").decide("1").scope is None
