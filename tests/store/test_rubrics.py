"""Rubric files: what they may say, what is refused, and that a written one reads back the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.instrument import Criterion, Rubric, Scale
from workbench.store.rubrics import read_rubric, read_rubrics, rubric_text

GOOD = 'name = "r"\nversion = "1"\n[criteria.c]\nscale = "ordinal"\nlevels = [{name = "low", value = 1}, {name = "high", value = 2}]\n'
SPANS = 'name = "r"\nversion = "1"\n[criteria.spans]\nscale = "interval"\n'


@pytest.mark.parametrize(("text", "words"), [
    ("not toml [", "not a TOML file"),
    ('version = "1"\n[criteria.c]\nscale = "nominal"\n', "no 'name'"),
    (GOOD.replace("ordinal", "ordnial"), "scale is 'ordnial'. Use one of: nominal, ordinal, interval, ratio."),
    (GOOD.replace("name = \"high\"", "nmae = \"high\""), "unknown key 'nmae'. Known: name, value, wording."),
    (GOOD.replace("value = 2", "value = 1"), "a level stands twice"),
    ('name = "r"\nversion = "1"\n[criteria.c]\nscale = "ordinal"\n', "an ordinal scale needs its levels"),
    (GOOD.replace("value = 2", 'value = "two"'), "value of level 'high' is 'two', expected a number"),
    (GOOD.replace("levels = [", "levels = 5 # ["), "levels is 5, expected a list"),
    (GOOD + "in_force = 3\n", "unknown key 'in_force'"),
    ("in_force = 3\n" + GOOD, "in_force is 3, expected a date such as 2026-05-18"),
    (SPANS + "weights = 5\n", "weights is 5, expected a table such as {minor = 1, major = 5}"),
    (SPANS + "weights = {minor = -1}\n", "weight of 'minor' is below 0; give what the error costs"),
    (SPANS + 'weights = {minor = "one"}\n', "weight of 'minor' is 'one', expected a number"),
    (SPANS + "weights = {minor = 1, Minor = 2}\n", "weight of 'minor' is given twice, in other capitals"),
    (SPANS + 'weights = {"/Punctuation" = 1}\n', "weight of '/Punctuation' is not named by a severity"),
    (GOOD + "weights = {minor = 1}\n", "weights is {'minor': 1}, expected none beside levels"),
])
def test_a_bad_rubric_file_is_refused_by_file_key_and_cure(text: str, words: str, away: Path) -> None:
    (away / "r.toml").write_text(text)
    with pytest.raises(wb.RubricError) as fault:
        read_rubric(away / "r.toml")
    assert str(fault.value).startswith("r.toml") and words in str(fault.value)


def test_two_files_of_one_version_are_refused(away: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (away / name).write_text(GOOD)
    with pytest.raises(wb.RubricError, match="are both rubric 'r' version '1'. Keep one"):
        read_rubrics(away)


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: round(v, 7) + 0.0)


@settings(max_examples=60, deadline=None)
@given(name=names, version=names, criterion=names, scale=st.sampled_from(["nominal", "ordinal", "interval", "ratio"]),
       levels=st.dictionaries(names, numbers, min_size=2, max_size=5).filter(lambda d: len(set(d.values())) == len(d)))
def test_a_written_rubric_reads_back_the_same(name: str, version: str, criterion: str, scale: str, levels: dict[str, float],
                                              tmp_path_factory: pytest.TempPathFactory) -> None:
    made = Rubric(name, version, {criterion: Criterion(Scale(scale, tuple(levels), tuple(levels.values())), definition=name)}, changed=criterion)
    path = tmp_path_factory.getbasetemp() / "rubric.toml"
    path.write_text(rubric_text(made), encoding="utf-8")
    again = read_rubric(path)
    line = again.criteria[criterion]
    assert (again.name, again.version, again.changed, line.definition) == (name, version, criterion, name)
    assert (line.scale.name, line.scale.levels, line.scale.values) == (scale, tuple(levels), tuple(levels.values()))


@settings(max_examples=30, deadline=None)
@given(weights=st.dictionaries(names.filter(lambda name: name.partition("/")[0].strip()), numbers.map(abs), max_size=5).filter(
    lambda d: len({name.casefold() for name in d}) == len(d)))
def test_written_weights_read_back_the_same(weights: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "rubric.toml"
    path.write_text(rubric_text(Rubric("mqm", "1", {"spans": Criterion(Scale("interval", maximum=0.0), weights=weights)})), encoding="utf-8")
    assert read_rubric(path).criteria["spans"].weights == weights


def read_with(rubric: str, frame: pd.DataFrame, folder: Path) -> wb.Ratings:
    (folder / "d/rubrics").mkdir(parents=True)
    (folder / "d/rubrics/r-1.toml").write_text(rubric)
    frame.to_parquet(folder / "d/ratings.parquet")
    return wb.read(folder / "d")


BASE = pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "rubric": "r", "rubric_version": "1", "criterion": "c"})


@pytest.mark.parametrize(("columns", "words"), [
    ({"score": [1, 3]}, r'1 score lies outside rubric "r" v1, criterion c \(1, 2\): 3 \(row 2\). Fix the file, or add the levels in rubrics/r-1.toml'),
    ({"label": ["low", "medium"]}, r"1 label lies outside .* \(low, high\): medium \(row 2\)"),
    ({"score": [1, 2], "label": ["low", "low"]}, r"1 rows? of .* score 2 with label low \(row 2\)"),
    ({"score": [1, 2], "rubric_version": ["1", "7"]}, "1 ratings? .* rubric 'r' version '7', which has no file. Known: r 1"),
    ({"score": [1, 2], "criterion": ["c", "tone"]}, "criterion 'tone', which rubrics/r-1.toml does not have. It has: c"),
])
def test_values_are_held_against_the_rubric(columns: dict[str, object], words: str, away: Path) -> None:
    with pytest.raises(wb.RatingsError, match=words):
        read_with(GOOD, BASE.assign(**columns), away).check()


def test_labels_take_their_place_and_number_from_the_rubric(away: Path) -> None:
    read = read_with(GOOD, BASE.assign(label=["high", "low"]), away)
    cells = wb.reduce.cells(read).sort_values("rater_id")
    assert cells["level"].tolist() == [1, 0] and cells["score"].tolist() == [2.0, 1.0]


def test_free_text_labels_beside_scores_are_no_fault(away: Path) -> None:
    read = read_with(GOOD, BASE.assign(score=[1, 2], label=["good one", "poor"]), away)
    read.check()
    assert wb.reduce.patterns(read)[0].counts.tolist() == [[1, 1]]
