"""The page of a unit: what is there is shown, in its place; nothing that others wrote makes a tag; ratings only once they may be seen."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from workbench.instrument import Criterion, Scale
from workbench.review.cases import Case
from workbench.review.decisions import Decision, Unit
from workbench.review.item_page import N_STEPS, STYLE, frame_table, page

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>\u202e\0"
SCALE = Scale("ordinal", ("bad", "good"), (0.0, 1.0))
TAGS = {"style", "div", "h3", "h4", "table", "tr", "th", "td", "kbd", "span", "mark", "details", "summary"}


def case(item: dict | None = None, *, unit: Unit = Unit("i1"), steps: pd.DataFrame | None = None, line: Criterion | None = None,
         word: str = "ann") -> Case:
    """A case of two ratings."""
    ratings = pd.DataFrame({"rater_id": [word, "bob"], "rater_kind": "human", "level": ["bad", "good"], "score": [0.0, 1.0], "label": None,
                            "status": "rated", "layer": 0, "party": word, "rated_at": pd.Timestamp("2026-11-02T08:00Z")})
    return Case(unit, item or {}, ratings, steps, line or Criterion(SCALE, "How good?", ("It fails.", "It works.")))


def test_everything_of_others_is_escaped_wherever_it_stands() -> None:
    steps = pd.DataFrame({"item_id": EVIL, "step": [0, 1], "kind": EVIL, "text": [EVIL, None], "ok": [True, None]})
    evil = case({"prompt": EVIL, "text": EVIL, "text_b": EVIL + "x", "task_type": EVIL, "prompt_id": EVIL, EVIL: EVIL, "list": [EVIL]}, steps=steps,
                unit=Unit(EVIL, 1, EVIL, EVIL, EVIL), word=EVIL, line=Criterion(Scale("nominal", (EVIL, "b"), (0.0, 1.0)), EVIL, (EVIL, EVIL)))
    decided = Decision(evil.unit, EVIL, "x", label=EVIL, reason=EVIL, note=EVIL)
    made = page(evil, revealed=True, own=decided, others=[decided])
    made += frame_table(pd.DataFrame({EVIL: [EVIL]}))
    assert set(re.findall(r"<(\w+)", made.replace(STYLE, ""))) <= TAGS
    assert not re.search(r"<[^>]*(onerror|href|src=|javascript)", made) and "\u202e" not in made and "\0" not in made
    assert made.count("&lt;script&gt;") > 20


def test_a_pair_stands_side_by_side_with_what_differs_marked() -> None:
    made = page(case({"text": "The cat sat.", "text_b": "The dog sat."}), revealed=False)
    assert made.index("<h4>A</h4>") < made.index("<mark class='wbr-only-a'>cat</mark>") < made.index("<h4>B</h4>") < made.index("dog</mark>")
    assert page(case({"text": "One."}), revealed=False).count("<mark") == 0


def test_the_rubric_stands_beside_the_levels_with_their_keys_and_the_own_level_is_marked() -> None:
    made = page(case(), revealed=True, own=Decision(Unit("i1"), "mara", "x", score=1.0))
    assert "How good?" in made and "<tr class=wbr-here><td><kbd>2</kbd></td><td>good</td><td>It works.</td></tr>" in made
    assert "<tr><td><kbd>1</kbd></td><td>bad</td><td>It fails.</td></tr>" in made
    ten = Criterion(Scale("ordinal", tuple(f"l{k}" for k in range(1, 12)), tuple(map(float, range(11)))))
    assert "<kbd>9</kbd>" in page(case(line=ten), revealed=False) and "<kbd>10</kbd>" not in page(case(line=ten), revealed=False)
    number = Criterion(Scale("interval", (), (), 0.0, 7.5))
    assert "A number from 0 to 7.5. Yours: 3." in page(case(line=number), revealed=True, own=Decision(Unit("i1"), "mara", "x", score=3.0))


@pytest.mark.parametrize("revealed", [True, False])
def test_ratings_and_others_decisions_show_once_they_may(revealed: bool) -> None:
    made = page(case(), revealed=revealed, others=[Decision(Unit("i1"), "ben", "x", score=0.0, note="Sure.", reason="rater_error")])
    assert all((word in made) is revealed for word in ("ann", "ben", "Sure.", "rater error", "1 ■"))
    assert ("Hidden until you have given yours" in made) is not revealed


def test_the_decided_step_is_marked_and_whole_and_far_ones_are_left_out() -> None:
    steps = pd.DataFrame({"item_id": "i1", "step": range(500), "kind": "tool", "text": "x" * 5_000, "ok": [k % 2 == 0 for k in range(500)]})
    made = page(case(unit=Unit("i1", 300), steps=steps), revealed=False)
    assert made.count("class=wbr-here") == 1 and f"<tr class=wbr-here><td>300</td><td>tool</td><td>ok</td><td><div class='wbr-text'>{'x' * 5_000}</div>" in made
    assert f"{500 - 2 * N_STEPS - 1:,} further steps are not shown" in made and "<td>199</td>" not in made and "<td>200</td>" in made
    assert "cut: 2,000 of 5,000 characters" in made


def test_what_is_lacking_is_said() -> None:
    assert "No text of this item is here" in page(case(), revealed=False)
    assert "There is no rubric file" in page(case(line=Criterion(Scale("ordinal", ("1",), (1.0,), assumed=True))), revealed=False)


def test_megabytes_of_text_are_cut() -> None:
    made = page(case({"prompt": "<" * 10**6, "text": "a b " * 300_000, "text_b": "b a " * 300_000}), revealed=False)
    assert len(made) < 400_000 and "cut: 20,000 of 1,000,000 characters are shown" in made
