"""The Ratings type: what `where`, `between`, `period` and `until` keep, what counts after an undo, and how it shows itself."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb

FRAME = pd.DataFrame({
    "item_id": ["a", "a", "b", "b"], "rater_id": ["x", "y", "x", "y"], "score": [1.0, 2.0, 2.0, None], "party": ["p", None, "q", "q"],
    "flag": [True, False, None, True], "k": [1.5, 2.0, None, 3.0],
    "rated_at": pd.to_datetime(["2026-11-02T00:00Z", "2026-11-08T23:59:59.999999Z", "2026-11-09T00:00Z", None], format="ISO8601", utc=True)})


@pytest.mark.parametrize(("conditions", "items"), [
    ({"party": None}, 1), ({"party": ["q", None]}, 3), ({"party": "p"}, 1), ({"party": []}, 0), ({"score": "2"}, 2), ({"score": [1, 2]}, 3),
    ({"flag": "true"}, 2), ({"flag": None}, 1), ({"k": [1.5, None]}, 2), ({"week": "2026-11-02"}, 2), ({"month": "2026-11-01"}, 3),
    ({"week": None}, 1), ({"rated_at": "2026-11-02"}, 1), ({"item_id": {"a"}, "party": "p"}, 1), ({"rater_kind": "human"}, 4), ({"step": None}, 4),
])
def test_where_keeps_a_value_one_of_several_or_missing_ones(conditions: dict[str, object], items: int) -> None:
    assert wb.read(FRAME).where(**conditions).count() == items


@pytest.mark.parametrize(("conditions", "words"), [({"partie": "p"}, "column 'partie' is not in frame. Its columns are: item_id"),
                                                   ({"score": "high"}, "column 'score' holds numbers"), ({"flag": "yes"}, "holds true and false")])
def test_where_refuses_what_cannot_match(conditions: dict[str, object], words: str) -> None:
    with pytest.raises(wb.ParameterError, match=words):
        wb.read(FRAME).where(**conditions).count()


def test_between_is_half_open_and_narrows_only() -> None:
    ratings = wb.read(FRAME)
    assert ratings.between("2026-11-02", "2026-11-09").count() == 2
    assert ratings.between("2026-11-09", None).count() == 1
    assert ratings.between("2026-11-02", "2026-11-09").between("2026-11-01", "2026-12-01").count() == 2
    assert ratings.between("2026-11-02T01:00:00+01:00", "2026-11-02T01:00:01+01:00").count() == 1


@pytest.mark.parametrize(("period", "inside", "until"), [("2026-W45", 2, 2), ("2026-W46", 1, 3), ("2026-11", 3, 3), ("", 4, 4), ("undated", 4, 4)])
def test_periods_are_weeks_from_monday_and_months(period: str, inside: int, until: int) -> None:
    ratings = wb.read(FRAME)
    assert (ratings.period(period).count(), ratings.until(period).count()) == (inside, until)


@pytest.mark.parametrize("period", ["2026-W2", "2026-W54", "2025-W53", "2026-13", "2026-1", "yesterday", "2026-11-01"])
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(wb.ParameterError, match="is not a week or month. Write it as 2026-W46 or 2026-11"):
        wb.read(FRAME).period(period)


REPLACED = pd.DataFrame({
    "item_id": ["a", "a", "b", "b"], "rater_id": ["x", "x", "y", "y"], "score": [1, 2, 3, None], "rating_id": ["1", "2", "3", "4"],
    "replaces": [None, "1", None, "3"], "rated_at": pd.to_datetime(["2026-11-02", "2026-11-10", "2026-11-03", "2026-11-11"], utc=True)})


def test_a_replaced_row_gives_way_and_a_withdrawal_leaves_nothing() -> None:
    assert wb.read(REPLACED).to_pandas()["score"].tolist() == [2.0]


def test_before_it_was_replaced_a_rating_counts() -> None:
    assert wb.read(REPLACED).until("2026-W45").to_pandas()["score"].tolist() == [1.0, 3.0]


def test_keys_that_are_numbers_and_gaps_are_matched() -> None:
    read = wb.read(REPLACED.assign(rating_id=[1, 2, 3, 4], replaces=[None, 1.0, None, 3.0]))
    assert read.to_pandas()["score"].tolist() == [2.0]


def test_of_repeats_the_last_counts_by_time_then_by_row() -> None:
    def counted(**columns: object) -> list[float]:
        table = pd.DataFrame({"item_id": ["a"] * 3, "rater_id": ["x"] * 3, "score": [1, 2, 3], **columns})
        return wb.reduce.cells(wb.read(table))["score"].tolist()

    assert counted() == [3.0]
    assert counted(rated_at=pd.to_datetime(["2026-11-03", "2026-11-02", None], utc=True)) == [1.0]
    assert counted(rated_at=pd.to_datetime(["2026-11-03", "2026-11-03", "2026-11-02"], utc=True)) == [2.0]


@pytest.mark.parametrize(("conditions", "n", "dropped"), [({}, 1, 3), ({"rater_kind": "model"}, 1, 0), ({"layer": 1}, 1, 0), ({"layer": [0, 1]}, 2, 2),
                                                          ({"selection": "routed"}, 1, 0), ({"rater_kind": ["human", "model"]}, 2, 2)])
def test_naming_a_column_of_the_panel_takes_the_place_of_its_default(conditions: dict[str, object], n: int, dropped: int) -> None:
    table = pd.DataFrame({"item_id": ["a"] * 4, "rater_id": list("wxyz"), "score": [1, 2, 1, 2], "rater_kind": ["human", "model", "human", "human"],
                          "layer": [0, 0, 1, 0], "selection": ["planned", "planned", "audit", "routed"]})
    (found,) = wb.reduce.patterns(wb.read(table).where(**conditions))
    assert (found.n_ratings, found.n_dropped) == (n, dropped)


def test_a_selection_without_ratings_is_empty_and_says_so() -> None:
    nothing = wb.read(FRAME).where(item_id="nowhere")
    (found,) = wb.reduce.patterns(nothing)
    assert (found.n_items, found.note) == (0, "no ratings are selected")
    assert wb.reduce.patterns(nothing, by=["party"]) == [] and wb.reduce.cells(nothing).empty and wb.reduce.windows(nothing).empty


def test_a_source_column_named_week_does_not_stand_for_weeks() -> None:
    read = wb.read(FRAME.assign(week="w1"))
    assert "week" not in read.columns and "column week of the source is left out" in "; ".join(read.notes)
    assert str(wb.reduce.windows(read)["window"].dt.tz) == "UTC"


def test_its_page_tells_what_it_holds_and_escapes_what_it_shows() -> None:
    page = wb.read(FRAME.assign(criterion="<script>alert(1)</script>"))._repr_html_()
    for words in ("4 of 2 items by 2 raters", "2026-11-02 to 2026-11-09", "scales are assumed", "&lt;script&gt;"):
        assert words in page
    assert "<script>" not in page


def test_nothing_is_changed_in_place() -> None:
    before, ratings = FRAME.copy(), wb.read(FRAME)
    ratings.where(party="p").to_pandas()
    pd.testing.assert_frame_equal(FRAME, before)
    assert ratings.count() == 4


def test_undated_gold_is_within_any_span_of_time() -> None:
    rows = [("a", "key", "gold", None), ("a", "x", "human", "2026-11-03"), ("a", "y", "human", "2026-11-12"), ("a", "z", "human", None),
            ("b", "key", "gold", "2026-11-12")]
    frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "rater_kind", "rated_at"]).assign(label="yes")
    dated = wb.read(frame.assign(rated_at=pd.to_datetime(frame["rated_at"], utc=True)))
    for asked, who in ((dated.until("2026-W45"), ["key", "x"]), (dated.between("2026-11-10", None), ["key", "key", "y"]),
                       (dated.period("2026-W45"), ["key", "x"]), (dated, ["key", "key", "x", "y", "z"])):
        assert sorted(asked.to_pandas()["rater_id"]) == who
