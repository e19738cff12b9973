"""A desk: what is decided is in the store before the next unit shows, and what another desk then shows is exactly the rest."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError, RatingsError, RubricError
from workbench.review import claims, decisions, desk as desks, journal
from workbench.review.decisions import Unit

def reviews(folder: Path) -> pd.DataFrame:
    """What stands in the store of reviewers, in the order of arrival."""
    return wb.read(folder).where(rater_kind="adjudicator").to_pandas(limit=None)


def finish(desk: wb.review.Desk) -> list[Unit]:
    """Decide all that is left; the units in the order they showed."""
    shown = []
    while desk.unit is not None and desk.decision is None:
        shown.append(desk.unit)
        desk.decide(desk.levels[0] if desk.levels else 50)
        desk.next()
    return shown


def test_a_decision_is_a_rating_of_the_store_before_the_next_unit_shows(desk: Callable, folder: Path) -> None:
    mara = desk(kind="contested", where={"criterion": "help"})
    unit = mara.unit
    assert mara.case.panel["level"].nunique() > 1       # contested first
    made = mara.decide("2", reason="rater_error", note=" Reads the task wrongly. ")
    row = reviews(folder).iloc[0].to_dict()
    wanted = {"item_id": unit.item_id, "criterion": "help", "rubric": "default", "rubric_version": "1", "score": 2.0, "rater_id": "mara",
              "rater_kind": "adjudicator", "selection": "review", "layer": 1, "status": "rated", "task_type": "code", "system": "one",
              "reason": "rater_error", "note": "Reads the task wrongly.", "blind": True, "second": False, "queue": "contested",
              "rating_id": made.rating_id, "session": mara.holder.session}
    assert {c: row[c] for c in wanted} == wanted
    assert row["started_at"] <= row["rated_at"] and row["seconds"] >= 0 and pd.isna(row["label"])
    assert mara.unit == unit and mara.decision == made and mara.next() != unit


def test_levels_are_written_as_the_criterion_writes_them(desk: Callable, folder: Path) -> None:
    safe = desk(where={"criterion": "safe"})
    assert safe.levels == ("safe", "unsafe")
    with pytest.raises(ParameterError, match="level='perhaps' is no level of safe. Use one of: 'safe', 'unsafe'"):
        safe.decide("perhaps")
    safe.decide("unsafe")
    slider = desk("ben", where={"criterion": "slider"})
    assert slider.levels == ()
    for wrong in ("much", 101, float("nan"), None):
        with pytest.raises(ParameterError, match="number"):
            slider.decide(wrong)
    slider.decide(42.5)
    table = reviews(folder)
    assert table[["criterion", "label", "score"]].astype(object).where(table[["criterion", "label", "score"]].notna(), None).values.tolist() == \
        [["safe", "unsafe", None], ["slider", None, 42.5]]


def test_ratings_are_hidden_until_the_reviewer_has_decided(desk: Callable) -> None:
    mara = desk()
    assert not mara.revealed and "Hidden until you have given yours" in mara.html and "ann" not in mara.html
    mara.decide("1")
    assert mara.revealed and "ann" in mara.html and "Hidden until" not in mara.html
    open_desk = desk("ben", blind=False)
    assert open_desk.revealed and "ann" in open_desk.html
    assert open_desk.decide("1").blind is False


def test_a_change_after_seeing_the_ratings_replaces_and_is_not_blind(desk: Callable, folder: Path) -> None:
    mara = desk()
    first = mara.decide("1")
    noted = mara.decide(note="It was late.")
    assert noted.blind and noted.score == 1.0 and noted.replaces == first.rating_id
    assert mara.decide(note="It was late.") == noted        # nothing new, nothing stored
    changed = mara.decide("3", reason="ambiguous_item")
    assert not changed.blind and changed.note == "It was late." and changed.replaces == noted.rating_id
    assert mara.decide(reason="", note="").reason is None
    table = reviews(folder)
    assert table[["score", "blind"]].values.tolist() == [[3.0, False]]
    assert mara.progress.n_decided == 1


def test_undo_is_an_append_and_shows_the_unit_again(desk: Callable, folder: Path) -> None:
    mara = desk()
    unit, n = mara.unit, wb.read(folder).snapshot.n_rows
    mara.decide("1")
    mara.decide("3")
    mara.next()
    second = mara.unit
    assert mara.undo() == unit and mara.decision.score == 1.0 and mara.message == "Taken back."
    assert reviews(folder)["score"].tolist() == [1.0]
    assert mara.undo() == unit and mara.decision is None and reviews(folder).empty
    assert wb.read(folder).snapshot.n_rows == n + 4         # nothing was ever taken out
    assert mara.revealed and not mara.decide("2").blind     # what was seen stays seen
    assert mara.next() == second
    mara.undo()
    with pytest.raises(ParameterError, match="there is nothing to undo"):
        mara.undo()


def test_undo_goes_back_step_by_step_after_a_restart_too(desk: Callable, folder: Path) -> None:
    first = desk()
    unit = first.unit
    first.decide("1")
    first.decide(reason="rater_error")
    first.decide("3")
    first.undo()                                            # of the change to 3
    first.next()
    other = first.unit
    first.decide("2")
    first.decide(reason="rater_error")
    first.decide(reason="")                                 # a change of its own, though it says what stood before
    first.close()
    found = []
    for _ in range(5):
        mara = desk()
        shown = mara.undo()
        found.append((shown, mara.decision and (mara.decision.score, mara.decision.reason)))
        mara.close()
    assert found == [(other, (2.0, "rater_error")), (other, (2.0, None)), (other, None), (unit, (1.0, None)), (unit, None)]
    with pytest.raises(ParameterError, match="there is nothing to undo"):
        desk().undo()


def test_a_skip_leaves_the_unit_to_others_and_can_be_undone(desk: Callable, folder: Path) -> None:
    mara = desk()
    unit = mara.unit
    assert mara.skip(note="Not my field.") != unit and unit not in mara.left
    table = wb.read(folder).where(rater_kind="adjudicator").to_pandas()
    assert table[["status", "note"]].values.tolist() == [["skipped", "Not my field."]]
    again = desk()
    assert desk("ben").unit == unit and unit not in again.left and again.progress.n_skipped == 1
    mara.undo()
    assert unit in mara.left and mara.progress.n_skipped == 0


def test_a_desk_opened_again_shows_exactly_the_undecided_rest(desk: Callable, folder: Path) -> None:
    mara = desk()
    whole = mara.left
    assert len(whole) == 11
    for _ in range(4):
        mara.decide(mara.levels[0] if mara.levels else 50)
        mara.next()
    again = desk()
    assert again.left == mara.left == whole[4:] and again.unit == mara.unit == whole[4]
    assert finish(again) == whole[4:] and again.unit is None and again.html == ""
    with pytest.raises(ParameterError, match="no unit is on screen"):
        again.decide("1")
    last = again.undo()
    assert last == whole[-1] and again.left == [last]


def test_two_reviewers_share_a_queue_and_decide_each_unit_once(desk: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "REREAD", 0)
    mara, ben = desk(second_share=0), desk("ben", second_share=0)
    shown = []
    while mara.unit or ben.unit:
        assert mara.unit != ben.unit
        for one in (mara, ben):
            if one.unit:
                shown.append(one.unit)
                one.decide(one.levels[0] if one.levels else 50)
                one.next()
    assert len(shown) == len(set(shown)) == 11 and len(reviews(folder)) == 11


def test_what_others_hold_is_said_and_what_they_leave_comes_back(desk: Callable) -> None:
    mara = desk(where={"criterion": "slider"})
    ben = desk("ben", where={"criterion": "slider"})
    assert ben.unit is None and ben.message == "All that is left is on the screen of mara. Come back in a few minutes."
    mara.close()
    assert ben.next() == Unit("pair", None, "slider")


def test_a_unit_taken_over_elsewhere_is_not_decided_twice(desk: Callable, folder: Path) -> None:
    old = desk()
    new = desk()
    assert new.unit == old.unit     # the cell was run again
    with pytest.raises(RatingsError, match="now on the screen of mara. Nothing was stored: go on with the next"):
        old.decide("1")
    assert reviews(folder).empty and not old.renew() and new.renew()
    assert old.next() != new.unit


def test_a_share_of_decided_units_comes_to_a_second_reviewer_blind(desk: Callable, folder: Path) -> None:
    mara = desk(second_share=0.5, seed=3)
    whole = mara.left
    finish(mara)
    ben = desk("ben", second_share=0.5, seed=3, blind=False)
    again = ben.left
    assert 0 < len(again) < len(whole) and set(again) < set(whole) and ben.progress.n_left == len(again)
    assert ben.is_second and not ben.revealed and "mara" not in ben.html
    assert ben.decide(ben.levels[-1] if ben.levels else 50).second and "mara" in ben.html
    ben.next()
    finish(ben)
    assert desk("cem", second_share=0.5, seed=3).unit is None     # two are enough
    assert desk("cem", second_share=0, seed=3).left == []
    assert ben.effects.n_second == len(again)
    table = reviews(folder)
    assert table["second"].sum() == len(again) and (table["layer"] == 1).all()


def test_reviews_change_no_agreement_and_no_ranking(desk: Callable, folder: Path) -> None:
    before = wb.read(folder)
    alpha = wb.agreement.krippendorff_alpha(before, by=["criterion"])
    finish(desk())
    after = wb.read(folder)
    assert np.array_equal(wb.agreement.krippendorff_alpha(after, by=["criterion"])["value"], alpha["value"], equal_nan=True)
    assert wb.disagreement.items(after)["excess"].tolist() == wb.disagreement.items(before)["excess"].tolist()
    assert wb.review.queue(after).empty


def test_effects_say_who_was_overturned_and_what_changed(desk: Callable) -> None:
    mara = desk(kind=lambda ratings, seed: pd.DataFrame({"item_id": ["a1", "a2"], "criterion": "help"}))
    assert mara.effects.sentence == "Nothing is decided yet."
    for _ in range(2):
        mara.decide({"a1": "1", "a2": "1"}[mara.unit.item_id])      # given: 1 1 3, and 1 3 3
        mara.next()
    found = mara.effects
    assert found.raters[["rater_id", "n_decided", "n_overturned", "value"]].values.tolist() == \
        [["cem", 2, 2, 1.0], ["bob", 2, 1, 0.5], ["ann", 2, 0, 0.0]]
    units = found.units.sort_values("item_id")
    assert units[["before", "after", "changed"]].values.tolist() == [["1", "1", False], ["3", "1", True]]
    assert units["mean_before"].tolist() == pytest.approx([5 / 3, 7 / 3])
    assert found.sentence == "2 units decided: the consensus changed on 1, and 3 of 6 ratings were overturned."
    again = desk()
    assert again.effects.sentence == found.sentence                 # read back from the store


def test_plain_files_can_be_looked_at_and_the_cure_is_said(plain: Path) -> None:
    mara = wb.review.Desk(wb.read(plain), reviewer="mara")
    assert mara.unit is not None and "Answer" in mara.html
    assert 'wb.store.adopt("plain", into="data/review")' in mara.read_only
    for act in (lambda: mara.decide("1"), mara.skip, mara.undo, lambda: mara.propose(changed="x")):
        with pytest.raises(RatingsError, match="You can look, and not decide: plain is no managed store"):
            act()
    assert mara.next() is not None
    assert "holds no managed ratings" in wb.review.Desk(wb.read(plain), reviewer="mara", into=plain).read_only
    assert not (plain / "review").exists()


def test_a_store_that_cannot_be_written_is_read_only(desk: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal.os, "access", lambda path, mode: False)
    assert "store cannot be written. Ask whoever owns it" in desk().read_only


@pytest.mark.parametrize("name,words", [("", "give the name"), ("  ", "give the name"), (None, "give the name"), ("a/b", "holds no slash"),
                                        ("a\\b", "holds no slash"), ("a\nb", "holds no slash")])
def test_a_reviewer_has_a_name(desk: Callable, name: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        desk(name)


def test_wrong_options_are_said(desk: Callable) -> None:
    for how, words in (({"kind": "newest"}, "kind='newest' is not known"), ({"second_share": 2}, "give a share from 0 to 1"),
                       ({"limit": 0}, "give a whole number of units"), ({"where": {"colour": "red"}}, "column 'colour'")):
        with pytest.raises(ParameterError, match=words):
            desk(**how)
    mara = desk()
    with pytest.raises(ParameterError, match="reason='tired' is not known. Use one of: 'rater_error'"):
        mara.decide("1", reason="tired")
    mara.decide("1")
    with pytest.raises(ParameterError, match="this unit is decided: change the decision, or undo it first"):
        mara.skip()


def test_a_full_disk_loses_no_decision_and_stores_none(desk: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mara = desk()
    unit = mara.unit
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
        with pytest.raises(RatingsError, match="No space left on device.*Nothing of this part was stored"):
            mara.decide("1")
    assert mara.unit == unit and mara.decision is None and reviews(folder).empty
    mara.decide("1")
    assert len(reviews(folder)) == 1


def test_a_store_that_another_program_holds_is_waited_for_and_then_said(desk: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mara = desk()
    monkeypatch.setattr(decisions.await_turn, "__kwdefaults__", {"patience": 0.05})
    with (folder / ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(RatingsError, match="another program .* has been writing for 0.05 seconds. Your decision is not stored yet"):
            mara.decide("1")
    assert mara.decide("1") == mara.decision


def test_a_unit_whose_ratings_are_gone_leaves_the_queue(desk: Callable, folder: Path) -> None:
    ghost = lambda ratings, seed: pd.DataFrame({"item_id": ["ghost", "a1"], "criterion": "help"})
    mara = desk(kind=ghost)
    assert mara.unit == Unit("a1", None, "help") and mara.left == [mara.unit]
    assert mara.message == "1 of the queue's units have no rating any more and are left out: ghost."


def test_files_that_were_compacted_away_are_said(folder: Path) -> None:
    mara = wb.review.Desk(wb.read(folder), reviewer="mara", into=folder, kind="audit")
    mara._cases.clear()
    for path in (folder / "ratings").glob("*.parquet"):
        path.unlink()
    with pytest.raises(RatingsError, match="its files cannot be read any more .* run the notebook's cells from the top"):
        mara.next()


def test_an_edit_of_the_rubric_is_a_draft_with_its_cases(desk: Callable, folder: Path) -> None:
    mara = desk()
    mara.decide("1", reason="rubric_hole", note="Nothing on half answers.")
    made = mara.propose(changed="Some help now says how much.", wordings={"2": "Half of it."})
    assert [(m.item_id, m.reason, m.note) for m in made.motives] == [(mara.unit.item_id, "rubric_hole", "Nothing on half answers.")]
    assert made.rubric.version == "2" and made.path == folder / "rubrics" / "drafts" / "default-2.toml"
    assert set(wb.read(folder).rubrics) == {("default", "1")}       # a draft is not in force
    bare = wb.review.Desk(wb.read(wb.read(folder).to_pandas(limit=None)[["item_id", "rater_id", "score", "criterion"]]), reviewer="x", into=folder)
    with pytest.raises(RubricError, match="there is no file of rubric 'default' version '1' to start from"):
        bare.propose(changed="x", definition="y")


def test_leases_outlast_what_a_desk_does_not_know() -> None:
    assert journal.REREAD < claims.LEASE / 2 and desks.AHEAD > 1
