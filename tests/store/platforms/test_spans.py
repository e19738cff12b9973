"""Marked errors and what they cost: the published table, a rubric's own weights, and marks that have none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import workbench as wb
from workbench.instrument import Criterion, Rubric, Scale
from workbench.store.intake import import_ratings
from workbench.store.platforms.rows import Options
from workbench.store.platforms.spans import PUBLISHED, Mark, Weights, cost, scored, weights_of

GIVEN = Weights(PUBLISHED, "published")


@pytest.mark.parametrize(("severity", "category", "expected"), [
    # Freitag et al. 2021, table 4
    ("Major", "Non-translation!", 25.0), ("Major", "Accuracy/Mistranslation", 5.0), ("Minor", "Fluency/Punctuation", 0.1),
    ("Minor", "Fluency/Grammar", 1.0), ("Neutral", "Style/Awkward", 0.0), ("No-error", "No-error", 0.0),
    # the same in the spelling of other tools
    ("minor", "fluency/punctuation", 0.1), ("MAJOR", "non_translation", 5.0), ("no_error", "no error", 0.0)])
def test_an_error_costs_what_the_published_table_says(severity: str, category: str, expected: float) -> None:
    # "non_translation" is read as "non translation": only the published spelling, and Marot's mark of exclamation, are known
    assert cost(Mark(severity, tuple(category.split("/"))), GIVEN) == expected


def test_the_score_is_minus_the_sum_and_the_counts_stand_beside_it() -> None:
    # 5 + 1 + 3 x 0.1 = 6.3, which tenths added up as they are miss by 9e-16
    marks = [Mark("major"), Mark("minor", ("Style",)), *[Mark("minor", ("Fluency", "Punctuation"))] * 3]
    assert scored(marks, GIVEN) == {"score": -6.3, "weights": "published", "n_minor": 4.0, "n_major": 1.0, "n_neutral": 0.0, "n_undecided": 0.0}
    clean = scored([], GIVEN)["score"]
    assert clean == 0 and str(clean) == "0.0"


def test_a_severity_without_a_weight_is_named_with_the_cure() -> None:
    said = scored([Mark("grave"), Mark("minor")], GIVEN)
    assert said == "severity 'grave' has no weight in published; give it one under weights of criterion 'spans' in the rubric file"


def test_the_weights_of_the_rubric_that_ratings_are_given_come_before_those_published() -> None:
    own = {"Minor": 2.0, "Minor/Punctuation": 0.5, "Critical": 10.0}
    rubric = Rubric("mqm", "3", {"spans": Criterion(Scale("interval"), weights=own)})
    options = SimpleNamespace(values={"rubric": "mqm", "rubric_version": "3"}, rubrics={("mqm", "3"): rubric})
    found = weights_of(options)
    assert found.source == "rubric mqm 3"
    marks = [Mark("minor", ("Linguistic conventions", "Punctuation")), Mark("critical"), Mark("minor")]
    assert scored(marks, found) == {"score": -12.5, "weights": "rubric mqm 3", "n_minor": 2.0, "n_critical": 1.0}
    for other in (SimpleNamespace(values={}, rubrics={("mqm", "3"): rubric}), Options()):
        assert weights_of(other).source == "published (Freitag et al. 2021)"


def test_a_category_as_a_whole_comes_before_its_parts_and_the_particular_before_the_general() -> None:
    weights = Weights({"minor": 1.0, "minor/fluency": 2.0, "minor/punctuation": 3.0, "minor/fluency/punctuation": 4.0}, "here")
    said = [cost(Mark("minor", tuple(category)), weights) for category in (["Fluency", "Punctuation"], ["Style", "Punctuation"], ["Fluency", "Register"], [])]
    assert said == [4.0, 3.0, 2.0, 1.0]


def test_an_import_weighs_errors_as_the_rubric_of_the_dataset_says(tmp_path: Path) -> None:
    folder, export = tmp_path / "live", tmp_path / "mqm.tsv"
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "mqm-3.toml").write_text('name = "mqm"\nversion = "3"\n[criteria.spans]\nscale = "interval"\n'
                                                   "weights = {minor = 2, major = 7}\n", encoding="utf-8")
    export.write_text("system\tdoc\tdoc_id\tseg_id\trater\tsource\ttarget\tcategory\tseverity\n"
                      "S\ttalk\t1\t1\tr1\ta\tb\tAccuracy/Omission\tMajor\nS\ttalk\t1\t1\tr1\ta\tb\tStyle/Awkward\tMinor\n", encoding="utf-8")
    for version, score in (("3", -9.0), ("9", -6.0)):   # version 9 has no file: the published 5 and 1
        given = Options(values={"rubric": "mqm", "rubric_version": version})
        assert import_ratings("mqm", [export], into=folder, options=given).stored == 1
        assert wb.read(folder).where(rubric_version=version).to_pandas()["score"].tolist() == [score]
