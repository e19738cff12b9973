"""The panel without a browser: what keys and buttons do to the desk, what is then on screen, and its still picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import workbench as wb
from workbench.cli.lab import lab_command, open_lab
from workbench.errors import ParameterError
from workbench.review import claims, fields, keyboard
from workbench.review.board import Board
from workbench.review.decisions import recorded, standing

HIDDEN = "hidden until you have given yours"
Open = Callable[..., Board]


@pytest.fixture
def opened(folder: Path) -> Iterator[Open]:
    """Opens a panel on the store as it now stands; "mara" reviews `help` of answers unless told otherwise."""
    made: list[Board] = []

    def open_one(reviewer: str = "mara", **how: object) -> Board:
        made.append(wb.review.panel(wb.read(folder), reviewer=reviewer, into=folder, **{"where": {"criterion": "help"}, **how}))
        return made[-1]

    yield open_one
    for board in made:
        board.close()


def effects(board: Board) -> str:
    """What the decisions changed, now: where a loop runs, as a browser's does, the panel lets a moment pass."""
    board._tell()
    return board._effects.value


def seen(board: Board) -> str:
    """All that stands on the panel's page, without what is out of sight."""
    def words(widget: object) -> list[str]:
        if widget.layout.display == "none":
            return []
        own = [getattr(widget, "description", ""), getattr(widget, "value", "")]
        return [str(w) for w in own if w] + [w for child in getattr(widget, "children", ()) for w in words(child)]

    return " ".join(words(board))


def held(folder: Path) -> list[tuple]:
    return [(d.reviewer, d.unit.item_id, d.score, d.label, d.reason, d.note) for d in standing(recorded(wb.read(folder).source)) if d.valued]


def test_a_key_stores_its_level_before_the_ratings_are_shown(opened: Open, folder: Path) -> None:
    board = opened()
    item = board.desk.unit.item_id
    assert HIDDEN in seen(board) and "bob" not in seen(board)
    board.press("3")
    assert held(folder) == [("mara", item, 3.0, None, None, None)]
    assert HIDDEN not in seen(board) and "bob" in seen(board) and "✓\u20023" in seen(board)
    board.press("e")
    board.press("2")
    assert held(folder) == [("mara", item, 2.0, None, "rater_error", None)]


def test_reason_and_note_given_first_go_with_the_level(opened: Open, folder: Path) -> None:
    board = opened()
    item = board.desk.unit.item_id
    board.press("a")
    board._note.text = "which of the two?"
    board.press("note")
    assert held(folder) == [] and "stored with your level" in seen(board)
    board.press("1")
    assert held(folder) == [("mara", item, 1.0, None, "ambiguous_item", "which of the two?")]
    board.press("a")                                    # again: taken away
    assert held(folder) == [("mara", item, 1.0, None, None, "which of the two?")]


def test_enter_goes_on_only_from_a_decided_unit_and_takes_the_note_along(opened: Open, folder: Path) -> None:
    board = opened()
    first = board.desk.unit
    board.press("Enter")
    assert board.desk.unit == first and "Give a level first" in seen(board)
    board.press("2")
    board._note.text = "late"
    board.press("Enter")
    assert board.desk.unit != first and board._note.text == ""
    assert held(folder) == [("mara", first.item_id, 2.0, None, None, "late")]


def test_a_key_pressed_on_a_screen_that_has_gone_is_not_for_the_next(opened: Open, folder: Path) -> None:
    board = opened()
    serial = board.keyboard.serial
    for key in ("1", "Enter", "3"):                     # typed faster than the page was drawn
        board.press(key, serial=serial)
    assert [(item, score) for _, item, score, *_ in held(folder)] == [(held(folder)[0][1], 1.0)] and board.desk.decision is None
    assert not {"7", "x", ""} & {button.description[:1] for button in board._levels.buttons.values()}
    board.press("7")
    assert len(held(folder)) == 1


def test_undo_and_skip_bring_back_and_leave_the_unit(opened: Open, folder: Path) -> None:
    board = opened()
    first = board.desk.unit
    board.press("u")
    assert "nothing to undo" in seen(board)
    board.press("2")
    board.press("Enter")
    board.press("u")
    assert board.desk.unit == first and held(folder) == [] and "Taken back" in seen(board)
    board.press("s")
    assert board.desk.unit != first and held(folder) == [] and "1 skipped" in seen(board)


def test_buttons_do_what_their_keys_do(opened: Open, folder: Path) -> None:
    board = opened()
    board._levels.buttons["2"].click()
    board._reasons["rubric_hole"].click()
    board._moves["Enter"].click()
    assert [(score, reason) for _, _, score, _, reason, _ in held(folder)] == [(2.0, "rubric_hole")] and board.desk.decision is None


def test_effects_and_progress_follow_the_decisions(opened: Open) -> None:
    board = opened()
    assert "Nothing yet." in effects(board) and "0 decided" in seen(board)
    board.press("1")
    assert "1 unit decided" in effects(board) and "1 decided" in seen(board)
    board.press("u")
    assert "Nothing yet." in effects(board)


def test_a_number_is_given_on_a_scale_without_levels(opened: Open, folder: Path) -> None:
    board = opened(where={"criterion": "slider"})
    assert board._levels.children == () and board._number.layout.display is None
    board._number.text = "140"
    board.press("number")
    assert "number from 0 to 100" in seen(board) and held(folder) == []
    board._number.text = " 40.5 "
    board.press("number")
    assert held(folder) == [("mara", "pair", 40.5, None, None, None)]


def test_other_words_for_the_rubric_become_a_draft_and_a_second_edit_starts_from_it(opened: Open, folder: Path) -> None:
    board = opened()
    board.press("p")
    board._form.words["2"].text = "Some, and it can be used."
    board._save_button = board._form.children[-1].children[0]
    board._save_button.click()
    assert "say in one sentence" in seen(board)
    board._form.why.text = "Some was read as any."
    board._save_button.click()
    draft = (folder / "rubrics" / "drafts" / "default-2.toml").read_text(encoding="utf-8")
    assert "Some, and it can be used." in draft and "Some was read as any." in draft and board.desk.unit.item_id in draft
    assert "default-2.toml" in seen(board) and board._form.layout.display == "none"
    board.press("p")
    assert board._form.words["2"].text == "Some, and it can be used."
    board._form.words["3"].text, board._form.why.text = "All of it.", "Clearer."
    board._save_button.click()
    draft = (folder / "rubrics" / "drafts" / "default-2.toml").read_text(encoding="utf-8")
    assert "Some, and it can be used." in draft and "All of it." in draft


def test_another_queue_is_opened_in_place_and_a_bad_one_is_refused_in_words(opened: Open) -> None:
    board = opened()
    board.press("f")
    board._queue.criterion.text = "slider"
    board.press("queue")
    assert board.desk.unit.criterion == "slider" and board.desk.progress.n_left == 1
    board.press("f")
    board._queue.kind.text, board._queue.criterion.text, board._queue.search.text = "random audit", "all criteria", "no such words"
    board.press("queue")
    assert board.desk.unit is None and "Nothing is left in this queue" in seen(board)


def test_a_queue_that_is_done_says_so(opened: Open) -> None:
    board = opened(where={"criterion": "slider"})
    board._number.text = "3"
    board.press("number")
    board.press("Enter")
    assert "Nothing is left in this queue" in seen(board) and "decided 1 unit" in seen(board)
    board.press("u")
    assert board.desk.unit.item_id == "pair"


def test_plain_ratings_can_be_looked_at_and_the_cure_is_said(plain: Path) -> None:
    board = wb.review.panel(wb.read(plain), reviewer="mara", where={"criterion": "help"})
    assert "You can look, and not decide" in seen(board) and board._levels.buttons["1"].disabled
    first = board.desk.unit
    board.press("1")
    assert "▲ You can look, and not decide" in seen(board)
    board.press("Enter")
    assert board.desk.unit != first


def test_the_guide_is_shown_until_the_first_decision_and_on_demand(opened: Open) -> None:
    board = opened()
    assert "How it works" in seen(board)
    board.press("1")
    assert "How it works" not in seen(board)
    board.press("?")
    assert "How it works" in seen(board)
    board.close()
    assert "How it works" not in seen(opened())


def test_an_error_of_ours_is_said_and_raised(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    board = opened()
    monkeypatch.setattr(board.desk, "decide", lambda *args, **how: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        board.press("1")
    assert "An error of the workbench, ZeroDivisionError" in seen(board)


def test_the_still_picture_shows_the_unit_and_keeps_hidden_what_is_hidden(opened: Open, displayed: Callable) -> None:
    board = opened()
    panel, picture = displayed(board)
    assert panel["text/plain"] == picture["text/plain"] == "Review: 0 decided, 8 left"
    assert "application/vnd.jupyter.widget-view+json" in panel and "text/html" not in panel and picture.keys() == {"text/plain", "text/html"}
    html = picture["text/html"]
    assert HIDDEN in html and "bob" not in html
    assert "Say &lt;b&gt;why&lt;/b&gt;?" in html and "<b>why" not in html and "<script" not in html
    board.press("1")
    assert "bob" in displayed(board)[1]["text/html"]


def test_what_is_typed_comes_with_the_next_key_and_not_to_another_unit(opened: Open, folder: Path) -> None:
    board = opened()
    first, number, serial = board.desk.unit, board._note.number, board.keyboard.serial
    board._hear(key="2", serial=serial, typed=[[number, "which?"], [-1, "no field"]])
    board._hear(key="Enter", serial=serial, typed=[[number, "which of the two?"]])
    assert held(folder) == [("mara", first.item_id, 2.0, None, None, "which of the two?")] and board._note.text == board._note.shown == ""
    board._hear(key="Enter", serial=serial, typed=[[number, "which of the two?"]])      # pressed once more before the screen turned
    assert board._note.text == "" and board._note.number != number
    (pressed,) = [name for name in board._levels.buttons["3"]._dom_classes if name.startswith("wbr-press-")]
    board._hear(button=pressed, serial=serial, typed=[[board._note.number, "late"]])     # on a screen that has gone
    assert len(held(folder)) == 1
    board._hear(button=pressed, serial=board.keyboard.serial, typed=[[board._note.number, "late"]])
    assert held(folder)[-1][2:] == (3.0, None, None, "late")


def test_what_the_kernel_hears_out_of_order_is_done_in_the_order_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    ear = keyboard.Keyboard(wanted=[], hear=lambda key: heard.append(key))
    for turn, key in ((2, "b"), (3, "c"), (1, "a"), (4, "d")):
        ear.heard(turn=("one view", turn), key=key)
    ear.heard(turn=("another view", 1), key="A")
    assert heard == ["a", "b", "c", "d", "A"]
    ear.heard(turn=("one view", 6), key="f")            # the fifth was lost with the connection
    assert heard[-1] == "A"
    monkeypatch.setattr(keyboard, "LATE", -1.0)
    ear.heard(turn=("one view", 7), key="g")
    assert heard[-2:] == ["f", "g"]
    ear.heard(turn=("one view", 5), key="e")            # or only very late
    assert heard[-1] == "e"


def test_raters_are_named_while_one_decides_blind_only_when_asked_for_or_at_the_end(opened: Open) -> None:
    board = opened(where={"criterion": "safe"}, second_share=0)
    button = board._who
    assert button.layout.display == "none"
    board.press("1")
    assert "1 unit decided" in effects(board) and "bob" not in effects(board) and button.layout.display is None
    button.click()
    assert "bob" in effects(board) and button.layout.display == "none"
    ben = opened("ben", where={"criterion": "slider"}, blind=False)
    ben._number.text = "3"
    ben.press("number")
    assert ben._who.layout.display == "none"            # an open desk hides nothing
    board.press("Enter")
    other = opened("cy", where={"criterion": ["safe", "slider"]}, second_share=0)
    assert other.desk.unit is None and other.desk.left          # the last is on mara's screen, and may come back
    board.close()
    other.press("Enter")
    assert "bob" not in effects(other)
    other.press("1")
    assert "bob" in effects(other) and not other.desk.left


def test_an_empty_queue_shows_no_buttons_of_what_was_decided_last(opened: Open) -> None:
    board = opened(where={"criterion": "safe", "item_id": "a0"})
    assert "your level" in seen(board)
    board.press("1")
    board.press("Enter")
    assert not {"your level", "Why did they differ?", "unsafe", "Skip", "Propose"} & set(seen(board).split("  ")) \
        and "your level" not in seen(board) and "Why did they differ?" not in seen(board) and "Skip" not in seen(board)
    assert "Undo" in seen(board)
    board.press("u")
    assert "your level" in seen(board) and "Skip" in seen(board)


def test_what_the_reviewer_rated_is_left_to_others_and_counted(opened: Open) -> None:
    board = opened("bob", where={"criterion": "safe"})
    assert board.desk.unit is None and "0 left · 2 you rated yourself are left to others" in seen(board)
    assert "rated yourself" not in seen(opened("mara"))


def test_bad_arguments_are_refused_before_anything_is_shown(folder: Path) -> None:
    with pytest.raises(ParameterError, match="reviewer='': give the name"):
        wb.review.panel(wb.read(folder), reviewer="", into=folder)


def test_an_open_panel_renews_its_lease_in_time_and_a_closed_one_gives_it_up(opened: Open, folder: Path) -> None:
    leases = lambda: json.loads((folder / "review" / "claims.json").read_text())
    board = opened()
    before = [lease["until"] for lease in leases().values()]
    board.press("renew")
    assert len(before) == 1 and [lease["until"] for lease in leases().values()] > before
    assert 2 * keyboard.BEAT < claims.LEASE
    unit = board.desk.unit
    board.close()
    assert leases() == {} and opened("ben").desk.unit == unit


def test_the_panel_asks_nothing_of_the_network() -> None:
    assert "http" not in keyboard.LISTEN + keyboard.LOOKS + fields.DRAW and "import" not in keyboard.LISTEN + fields.DRAW


def test_lab_opens_the_notebook_that_is_named(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("notebooks", "reports"):
        (away / folder).mkdir()
    (away / "notebooks" / "review.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    command = lab_command(named=["review"], port=None, browser=True, further=["--debug"])
    assert command[:4] == [sys.executable, "-m", "jupyterlab", str(away / "notebooks" / "review.ipynb")] and command[-1] == "--debug"
    with pytest.raises(ParameterError, match="'revew' is no notebook here. Use one of: review"):
        lab_command(named=["revew"], port=None, browser=True, further=[])


def test_lab_asks_nobody_about_news_and_leaves_their_settings_alone(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = away / "own" / "labconfig"
    own.mkdir(parents=True)
    (own / "default_setting_overrides.json").write_text(json.dumps({"@jupyterlab/apputils-extension:themes": {"theme": "Mine"}}))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(own.parent))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(away / "config"))
    asks = """import json, os, pathlib
from jupyterlab.commands import get_app_dir
from jupyterlab_server.settings_utils import get_settings
found = {}
for name, key in (("notification", "fetchNews"), ("themes", "theme")):
    full = "@jupyterlab/apputils-extension:" + name
    settings, _ = get_settings("none", os.path.join(get_app_dir(), "schemas"), "user", full)
    found[key] = settings["schema"]["properties"][key]["default"]
pathlib.Path("found.json").write_text(json.dumps(found))"""
    assert open_lab([sys.executable, "-c", asks]) == 0
    assert json.loads((away / "found.json").read_text()) == {"fetchNews": "false", "theme": "Mine"}
    assert not (away / "config").exists() and not (away / "user").exists()
