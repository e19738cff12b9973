"""What is learned of a snapshot: values and scales of all criteria in one scan, blank ids, and where a fault stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.reduce import facts, patterns


def of(score: object, criterion: str, n: int = 3_000) -> pd.DataFrame:
    return pd.DataFrame({"item_id": np.arange(n) // 3, "rater_id": np.arange(n) % 3, "criterion": criterion, "score": score})


def test_each_criterion_has_the_scale_it_has_alone() -> None:
    rng = np.random.default_rng(0)
    parts = {"stars": rng.integers(1, 6, 3_000) * 1.0, "half": rng.integers(2, 11, 3_000) / 2, "many": rng.normal(size=3_000),
             "eleven": np.arange(3_000) % 11 - 5.0, "twelve": np.arange(3_000) % 12 * 1.0}
    together = facts(wb.read(pd.concat([of(score, name) for name, score in parts.items()]))).scales
    for name, score in parts.items():
        assert together["default", "1", name] == facts(wb.read(of(score, name))).scales["default", "1", name]
    kinds = {name: (scale.name, len(scale.levels)) for (_, _, name), scale in together.items()}
    assert kinds == {"stars": ("ordinal", 5), "half": ("interval", 9), "many": ("interval", 0), "eleven": ("ordinal", 11),
                     "twelve": ("interval", 12)}


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], [0, 1], [-2, -1, 0], [1, 2, 4, 8], [0.5, 1.5, 2.5], [1.0, 1.5, 2.0], list(range(60))])
def test_every_score_is_counted_at_its_place_among_the_values(values: list[float]) -> None:
    score = np.random.default_rng(1).choice(values, 3_000)
    [group] = patterns(wb.read(of(score, "c")))
    found, counts = np.unique(score, return_counts=True)
    assert group.values.tolist() == found.tolist()
    assert (group.weight @ group.counts).tolist() == counts.tolist()


def test_an_id_may_begin_with_a_blank_and_one_of_blanks_alone_is_missing() -> None:
    frame = pd.DataFrame({"item_id": [" a", "a", " a", "!"], "rater_id": ["x", "x", "\ty", "y"], "score": [1, 2, 1, 2]})
    found = wb.reduce.cells(wb.read(frame))
    assert sorted(zip(found["item_id"], found["rater_id"])) == [(" a", "\ty"), (" a", "x"), ("!", "y"), ("a", "x")]
    blank = frame.assign(item_id=[" ", "a", "\t\n", ""])
    with pytest.raises(wb.RatingsError, match="3 values of 'item_id' are blank: row 1, row 3, row 4"):
        wb.read(blank).check()


def test_a_fault_far_down_a_frame_is_named_by_its_row() -> None:
    score = np.ones(300_000)
    score[[200_000, 299_999]] = np.inf
    with pytest.raises(wb.RatingsError, match=r"2 values of 'score' are NaN or infinite: inf \(row 200001\), inf \(row 300000\)"):
        wb.read(of(score, "c", 300_000)).check()


def test_units_are_told_apart_only_by_columns_that_vary() -> None:
    frame = of(1.0, "c", 30)
    assert facts(wb.read(frame)).unit == ("item_id",)
    assert facts(wb.read(frame.assign(step=1, rubric=np.tile(["p", "q"], 15)))).unit == ("item_id", "step", "rubric")
    assert facts(wb.read(frame.assign(criterion=np.tile(["p", "q"], 15)))).unit == ("item_id", "criterion")


def test_counts_of_groups_are_the_same_with_and_without_a_second_scan() -> None:
    frame = pd.concat([of(np.arange(30) % 2 + 1.0, "a", 30), of(1.0, "b", 30)])
    narrowed = wb.read(frame).where(criterion=["a", "b"])  # a selection is counted anew
    for one, other in zip(patterns(wb.read(frame), by=["criterion"]), patterns(narrowed, by=["criterion"])):
        assert (one.key, one.n_raters, one.n_ratings, one.n_dropped) == (other.key, other.n_raters, other.n_ratings, other.n_dropped)
        np.testing.assert_array_equal(one.counts, other.counts)


@pytest.mark.parametrize("step", [None, 1])
def test_scores_too_large_to_be_squared_are_named(step: int | None) -> None:
    frame = pd.DataFrame({"item_id": list("aabb"), "rater_id": list("xyxy"), "score": [1.0, -1e300, 1e151, 2.0]})
    frame = frame if step is None else frame.assign(step=step)  # with steps the engine counts, without it is done in memory
    with pytest.raises(wb.RatingsError, match=r"2 values of 'score' are too large to be squared: -1e\+300 \(row 2\), 1e\+151 \(row 3\)\. "
                                           r"Scores go up to 1e\+150"):
        facts(wb.read(frame))
    fit = wb.read(frame.assign(score=[1.0, -1e150, 1e150, 2.0]))
    assert np.isfinite(wb.agreement.krippendorff_alpha(fit.where(step=step), scale="interval")["value"][0])
