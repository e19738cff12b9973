"""Rubric drafts: a whole rubric file of the next version with its cases, amended by a second edit, never in force by itself."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import ParameterError, RatingsError, RubricError
from workbench.review.decisions import Decision, Unit
from workbench.review.drafts import Motive, motives_of, next_version, propose, read_draft
from workbench.store.rubrics import read_rubrics

UNIT = Unit("a1", None, "help", "default", "1")
HOLE = Motive("a1", 3, "help", "rubric_hole", 'Says "half"\nand <more>', "review-1")


@pytest.fixture
def rubric(folder: Path) -> object:
    return read_rubrics(folder / "rubrics")["default", "1"]


def test_a_draft_is_the_next_version_with_its_cases(folder: Path, rubric: object) -> None:
    made = propose(folder, rubric=rubric, unit=UNIT, changed="Half  answers\nare named.", wordings={"2": " Half. "}, motives=[HOLE])
    content = tomllib.loads(made.path.read_text())
    assert (content["version"], content["parent"], content["changed"]) == ("2", "1", "Half answers are named.")
    assert [level["wording"] for level in content["criteria"]["help"]["levels"]] == ["No help.", "Half.", "All."]
    assert content["criteria"]["safe"] == tomllib.loads((folder / "rubrics" / "default-1.toml").read_text())["criteria"]["safe"] | {
        "definition": "", "levels": [{"name": "safe", "value": 0, "wording": ""}, {"name": "unsafe", "value": 1, "wording": ""}]}
    assert content["cases"] == [{"item_id": "a1", "step": 3, "criterion": "help", "reason": "rubric_hole", "note": HOLE.note, "decision": "review-1"}]
    assert read_draft(made.path) == made and "mv " in made.how_to_promote


def test_a_second_edit_amends_the_same_draft(folder: Path, rubric: object) -> None:
    propose(folder, rubric=rubric, unit=UNIT, changed="First.", wordings={"2": "Half."}, motives=[HOLE])
    other = Motive("a2", None, "safe")
    made = propose(folder, rubric=rubric, unit=replace(UNIT, criterion="safe"), changed="Second.", definition="Harm.", motives=[HOLE, other])
    assert made.motives == (HOLE, other) and made.rubric.changed == "First. Second." and made.rubric.version == "2"
    assert made.rubric.criteria["help"].wordings[1] == "Half." and made.rubric.criteria["safe"].definition == "Harm."
    assert [p.name for p in (folder / "rubrics" / "drafts").iterdir()] == ["default-2.toml"]


def test_a_draft_that_is_moved_is_in_force(folder: Path, rubric: object) -> None:
    made = propose(folder, rubric=rubric, unit=UNIT, changed="New.", definition="How far?", motives=[HOLE])
    shutil.move(made.path, folder / "rubrics")
    assert wb.read(folder).rubrics["default", "2"].criteria["help"].definition == "How far?"
    later = propose(folder, rubric=rubric, unit=UNIT, changed="Newer.", definition="How near?")
    assert later.rubric.version == "3"          # 2 is taken


@pytest.mark.parametrize("version,after", [("1", "2"), ("9", "10"), ("2.1.3", "2.1.4"), ("2026-05", "2026-06"), ("beta", "beta-2"), ("v09", "v10")])
def test_versions_are_counted_on(folder: Path, rubric: object, version: str, after: str) -> None:
    assert next_version(folder, replace(rubric, name="other", version=version)) == after


def test_a_name_makes_a_file_inside_the_folder(folder: Path, rubric: object) -> None:
    made = propose(folder, rubric=replace(rubric, name="../../x y"), unit=UNIT, changed="x", definition="y")
    assert made.path.parent == folder / "rubrics" / "drafts" and made.path.name == "_.._x_y-2.toml"
    assert read_draft(made.path).rubric.name == "../../x y"


def test_the_unit_and_holes_are_motives_once_each() -> None:
    hole = {"score": 1.0, "reason": "rubric_hole"}
    decided = [Decision(UNIT, "mara", "r1", score=1.0, note="n"), Decision(replace(UNIT, item_id="b"), "mara", "r2", **hole),
               Decision(replace(UNIT, item_id="c"), "mara", "r3", score=1.0), Decision(replace(UNIT, criterion="safe"), "mara", "r4", **hole)]
    assert motives_of(UNIT, decided) == [Motive("a1", None, "help", "", "n", "r1"), Motive("b", None, "help", "rubric_hole", "", "r2")]
    assert motives_of(UNIT, []) == [Motive("a1", None, "help")]


def test_what_is_no_proposal_is_said(folder: Path, rubric: object) -> None:
    for how, words in (({"changed": " "}, "say in one sentence what is changed"), ({"changed": "x"}, "leaves definition and wordings of 'help' as they are"),
                       ({"changed": "x", "wordings": {"7": "y"}}, "level '7', which 'help' has not. Its levels are: 1, 2, 3")):
        with pytest.raises(ParameterError, match=words):
            propose(folder, rubric=rubric, unit=UNIT, **how)
    with pytest.raises(RubricError, match="no criterion 'tone'. It has: help, safe, slider"):
        propose(folder, rubric=rubric, unit=replace(UNIT, criterion="tone"), changed="x", definition="y")
    assert not (folder / "rubrics" / "drafts").exists()


@pytest.mark.parametrize("text", ["{", "name = 3", "name='default'\nversion='2'\n[criteria.help]\nscale='nominal'", "\udcff",
                                  "name='default'\nversion='2'\n[criteria]\n[[cases]]\nunknown = 1", "name='d'\nversion='2'\n[criteria]\n[[cases]]\nstep = 1"])
def test_a_damaged_draft_is_named_and_left_alone(folder: Path, rubric: object, text: str) -> None:
    place = folder / "rubrics" / "drafts"
    place.mkdir()
    (place / "default-2.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RubricError, match="default-2.toml"):
        propose(folder, rubric=rubric, unit=UNIT, changed="x", definition="y")
    assert (place / "default-2.toml").read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_folder_that_cannot_be_written_is_said(folder: Path, rubric: object) -> None:
    (folder / "rubrics" / "drafts").write_text("a file where the folder should be")
    with pytest.raises(RatingsError, match="drafts: it cannot be written"):
        propose(folder, rubric=rubric, unit=UNIT, changed="x", definition="y")
