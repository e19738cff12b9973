"""Sliders over `what_if` without a browser: what each knob asks for, that the figures are those of `what_if`, and what is said in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.chart.what_if import before_after
from workbench.review import redraw, tried
from workbench.review.knobs import ALONE, Knobs
from workbench.review.tried import Tried
from workbench.rubric.foreseen import ALL

CLOSE = 1e-12       # the same sums once more


def frame(*, versions: bool = False) -> pd.DataFrame:
    """Three systems on twelve prompts: `help` of five levels in order, `kind` of four names, `slider` without levels."""
    rng, rows = np.random.default_rng(2), []
    for prompt in range(12):
        for place, system in enumerate(("alto", "basso", "<b>canto</b>")):
            for who in ("ann", "bob", "cem"):
                item, version = f"{system}-{prompt}", "10" if versions and prompt > 5 else "9"
                base = {"item_id": item, "prompt_id": f"p{prompt}", "system": system, "rater_id": who, "rubric_version": version}
                rows.append(base | {"criterion": "help", "score": float(np.clip(2 + place + rng.integers(-1, 2), 1, 5))})
                rows.append(base | {"criterion": "slider", "score": round(float(rng.uniform(0, 10)), 3)})
                rows.append(base | {"criterion": "kind", "label": "wxyz"[int(rng.integers(4))]})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def ratings() -> wb.Ratings:
    return wb.read(frame())


@pytest.fixture(autouse=True)
def at_rest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No loop that a move could wait in: a browser test before these leaves its own running."""
    if not request.node.name.startswith("test_while_the_hand"):
        monkeypatch.setattr(tried, "asyncio", SimpleNamespace(get_running_loop=lambda: (_ for _ in ()).throw(RuntimeError())))


@pytest.fixture
def panel(ratings: wb.Ratings) -> Tried:
    """The sliders, turned to `help`."""
    made = Tried(ratings)
    made._criterion.value = "help"
    return made


def knobs(panel: Tried) -> Knobs:
    return panel._slot.children[0]


def test_it_opens_with_the_rubric_as_it_is(panel: Tried) -> None:
    assert not any(panel.asked.values()) and "nothing is altered yet" in panel._asked.value
    assert list(panel._criterion.options) == ["help", "kind", "slider", ALL] and panel._chart in panel._picture.children
    assert "none of 3 systems changes rank" in panel._said.value and "ordinal scale assumed" in panel._said.value


def test_each_knob_asks_for_what_it_says(panel: Tried) -> None:
    own = knobs(panel)
    own.joined[0].value = own.joined[1].value = True            # 1 with 2, 2 with 3
    assert panel.asked["merge"] == {"help": [["1", "2", "3"]]}
    own.out[1].value = True                                     # without 2, 1 and 3 are neighbours
    assert panel.asked["merge"] == {"help": [["1"]]} or panel.asked["merge"] == {"help": [["1", "3"]]}
    assert panel.asked["drop"] == {"help": ["2"]}
    own.reset()
    assert not any(panel.asked.values())
    own.worth[3].value = 2.5                                    # 4 passes 3, which goes along
    assert panel.asked["values"] == {"help": {"1": 1.0, "2": 2.0, "3": 2.5, "4": 2.5, "5": 5.0}}
    panel._criterion.value = ALL
    panel._slot.children[0].weight["slider"].value = 0.5
    assert panel.asked["weights"] == {"slider": 0.5} and panel.asked["values"]


def test_names_are_merged_by_group_and_gain_places_once_they_are_worth_something(panel: Tried) -> None:
    panel._criterion.value = "kind"
    assert "Not defined" in panel._ranking.value
    own = knobs(panel)
    own.joined[0].value = own.joined[2].value = "group A"
    own.joined[3].value = "group B"                             # alone in its group: nothing is merged
    assert panel.asked["merge"] == {"kind": [["w", "y"]]}
    own.worth[1].value = 3.0                                    # past others: names may change places
    assert panel.asked["values"]["kind"]["x"] == 3.0 and "Not defined" not in panel._ranking.value
    own.reset()
    assert {joiner.value for joiner in own.joined} == {ALONE} and "Not defined" in panel._ranking.value


def test_the_figures_are_those_of_what_if_and_the_call_it_shows_gives_them(panel: Tried, ratings: wb.Ratings) -> None:
    own = knobs(panel)
    own.joined[3].value = own.out[0].value = True
    asked = {"merge": {"help": [["4", "5"]]}, "drop": {"help": ["1"]}}
    expected = wb.rubric.what_if(ratings, **asked)
    pd.testing.assert_frame_equal(panel.found, expected)
    pd.testing.assert_frame_equal(panel.order, wb.rubric.what_if_ranking(ratings, **asked))
    separation = expected[(expected["criterion"] == "help") & (expected["name"] == "separation")].iloc[0]
    assert f"→ {separation['after']:,.2f} [" in panel._said.value and f"the {int(separation['n_random'])} other merges" in panel._said.value
    assert "merge={&#x27;help&#x27;: [[&#x27;4&#x27;, &#x27;5&#x27;]]}, drop={&#x27;help&#x27;: [&#x27;1&#x27;]}" in panel._asked.value
    assert "&lt;b&gt;canto" in panel._ranking.value and "<b>canto" not in panel._ranking.value


def test_low_scores_can_be_the_good_ones(panel: Tried) -> None:
    before = panel.order[panel.order["name"] == "rank"].set_index(["criterion", "system"])["before"]
    panel._best.value = "low"
    after = panel.order[panel.order["name"] == "rank"].set_index(["criterion", "system"])["before"]
    assert before["help", "alto"] == 3 and after["help", "alto"] == 1


def test_what_cannot_be_asked_is_said_in_words_and_the_figures_stay(panel: Tried) -> None:
    panel._criterion.value = ALL
    shown = panel._ranking.value
    for slider in panel._slot.children[0].weight.values():
        slider.value = 0.0
    assert "all criteria weigh 0" in panel._said.value and "alert" in panel._said.value
    panel._slot.children[0].reset()
    assert "alert" not in panel._said.value and panel._ranking.value == shown
    panel._criterion.value = "slider"
    assert "it can only be weighed" in knobs(panel).children[-1].value and panel.still


def test_versions_are_tried_one_by_one_the_newest_first() -> None:
    panel = Tried(wb.read(frame(versions=True)))
    assert panel._version.value == ("default", "10") and panel.found["n_items"].max() == 18
    knobs(panel).out[0].value = True
    assert "where(rubric=&#x27;default&#x27;, rubric_version=&#x27;10&#x27;)" in panel._asked.value
    panel._version.value = ("default", "9")
    assert not any(panel.asked.values()) and "version=&#x27;9&#x27;" not in panel._said.value


def test_ratings_of_which_none_counts_leave_everything_undefined_with_the_reason() -> None:
    panel = Tried(wb.read(frame().assign(status="skipped")))
    assert "not defined" in panel._said.value and "no system is named" in panel._ranking.value
    assert "no system is named" in panel.still


def test_while_the_hand_moves_marks_follow_and_random_merges_wait(panel: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "PAUSE", 0.05)
    asked, real = [], wb.rubric.what_if
    monkeypatch.setattr("workbench.rubric.foreseen.what_if", lambda *own, **how: asked.append(how["draws"]) or real(*own, **how))

    async def turned() -> str:
        knobs(panel).joined[0].value = True
        knobs(panel).joined[1].value = True
        said = panel._said.value
        await asyncio.sleep(0.3)
        return said

    with ThreadPoolExecutor(1) as thread:       # which has no loop yet
        said = thread.submit(asyncio.run, turned()).result()
    assert asked == [1, 1, tried.DRAWS]                          # two moves, one rest
    assert "once the hand rests" in said and "other merges" in panel._said.value


@pytest.fixture
def together(ratings: wb.Ratings) -> Tried:
    """The sliders over two criteria that have levels, turned to both together."""
    made = Tried(ratings.where(criterion=["help", "kind"]))
    made._criterion.value = ALL
    return made


def records(panel: Tried, *, altered: bool) -> pd.DataFrame:
    """The chart's points as the page has them."""
    rows = [r for update in panel._chart._py_to_js_updates for r in update["value"] if "side" in r]
    return pd.DataFrame([r for r in rows if (r["side"] == redraw.ALTERED) == altered]).drop_duplicates("name").set_index("name")


def test_marks_are_moved_to_the_figures_of_what_if_and_the_band_is_taken_away(together: Tried) -> None:
    before = together.found[together.found["criterion"] == ALL]
    together._slot.children[0].weight["kind"].value = 0.3
    own = together.found[together.found["criterion"] == ALL]
    redraw.moved(together._chart, own)
    expected = own.set_index("name").loc["krippendorff_alpha"]
    point = records(together, altered=True).loc["Krippendorff's alpha"]
    assert (point["value"], point["low"], point["high"]) == pytest.approx(tuple(expected[["after", "after_low", "after_high"]]), abs=CLOSE)
    assert point["reading"].startswith("change ")
    old = records(together, altered=False).loc["Krippendorff's alpha"]
    assert old["value"] == pytest.approx(before.set_index("name").loc["krippendorff_alpha", "before"], abs=CLOSE)
    bands = [r for update in together._chart._py_to_js_updates for r in update["value"] if "from" in r]
    assert bands and all(r["from"] is None and r["to"] is None for r in bands)


def test_a_chart_of_the_same_shape_gets_rows_and_another_is_drawn_anew(together: Tried) -> None:
    told: list[str] = []
    together._chart.observe(lambda change: told.append(change["name"]), names=["spec", "_py_to_js_updates"])
    together._slot.children[0].weight["kind"].value = 0.3
    assert told == ["spec"]                                      # an interval there is now: other words below the title
    together._slot.children[0].weight["kind"].value = 0.4
    assert told == ["spec", "_py_to_js_updates"]
    own = together.found[together.found["criterion"] == ALL]
    fresh = redraw.named(before_after(own, title=tried.TITLE).to_dict())
    assert together._chart.spec == fresh                            # for a page that is loaded later


def test_the_exploration_turns_to_the_sliders_once_they_are_wanted(ratings: wb.Ratings, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("workbench.review.linked.Tried", lambda ratings: made.append(1) or Tried(ratings))
    explorer = wb.review.explore(ratings)
    assert explorer.tried is None and not made and explorer._trial.layout.display == "none"
    explorer._turn.value = True
    assert made == [1] and explorer._trial.children == (explorer.tried,) and explorer._where.layout.display == "none"
    explorer.turn(what_if=False)
    explorer.turn(what_if=True)
    assert made == [1] and explorer._trial.layout.display is None


def test_without_a_kernel_the_picture_holds_the_coefficients_and_the_ranking(ratings: wb.Ratings, displayed: Callable,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = wb.review.explore(ratings)
    monkeypatch.setattr("workbench.review.board_text.attended", lambda: True)
    assert "What if the rubric were altered?" not in displayed(explorer)[-1]["text/html"]        # nobody waits for it
    monkeypatch.setattr("workbench.review.board_text.attended", lambda: False)
    (shown,) = displayed(explorer)
    assert "still picture of the sliders" in shown["text/html"] and "Krippendorff" in shown["text/html"]
    assert "Ranking of systems" in shown["text/html"] and "&lt;b&gt;canto" in shown["text/html"]
    assert explorer.tried is not None
