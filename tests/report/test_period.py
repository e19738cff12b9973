"""Which period a report is about."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
from stand_ins import Dated, days
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import ParameterError
from workbench.periods import period_bounds
from workbench.ratings import Ratings
from workbench.report.period import choose_period, periods_due, periods_made, week_of, weeks_since


@pytest.mark.parametrize(("day", "week"), [
    ("2026-12-31", "2026-W53"), ("2027-01-03", "2026-W53"), ("2027-01-04", "2027-W01"),  # 2026 has 53 ISO weeks
    ("2024-12-30", "2025-W01"), ("2023-01-01", "2022-W52"),
])
def test_iso_weeks_cross_the_year_as_the_standard_says(day: str, week: str) -> None:
    assert week_of(dt.datetime.fromisoformat(f"{day}T12:00+00:00")) == week


@given(st.datetimes(min_value=dt.datetime(2000, 1, 1), max_value=dt.datetime(2090, 1, 1), timezones=st.just(dt.timezone.utc)))
def test_every_moment_lies_in_the_week_named_for_it(moment: dt.datetime) -> None:
    start, end = period_bounds(week_of(moment))
    assert start <= moment < end and start.weekday() == 0 and end - start == dt.timedelta(days=7)


def test_the_last_complete_week_is_the_default() -> None:
    assert choose_period(days("2026-11-04", "2026-11-09", "2026-11-15")) == "2026-W46"  # a rating on Sunday the 15th
    assert choose_period(days("2026-11-04", "2026-11-09", "2026-11-14")) == "2026-W45"  # W46 ends on its Saturday


def test_a_week_without_ratings_is_never_the_default() -> None:
    assert choose_period(days("2026-09-02", "2026-11-11")) == "2026-W36"


def weeks_of_ratings(*counts: int, last: tuple[str, ...] = ()) -> Ratings:
    """As many ratings in each week from 2026-W30 on, spread over its days; then one at each of `last`."""
    start = pd.Timestamp("2026-07-20", tz="UTC")
    times = [start + pd.Timedelta(weeks=week, days=k % 7) for week, n in enumerate(counts) for k in range(n)]
    times += [pd.Timestamp(day, tz="UTC") for day in last]
    return wb.read(pd.DataFrame({"item_id": range(len(times)), "rater_id": "ann", "score": 1, "rated_at": times}))


def test_a_clock_ahead_of_its_time_moves_no_report() -> None:
    right = weeks_of_ratings(40, 40, 40, 3)
    ahead = weeks_of_ratings(40, 40, 40, 3, last=("2026-10-04", "2026-12-27"))   # two Sundays: of W40 and W52
    assert choose_period(right) == choose_period(ahead) == "2026-W32"
    assert weeks_since(ahead, since="2026-W31") == periods_due(ahead, made=["2026-W30"]) == ["2026-W31", "2026-W32"]


def test_a_programme_that_goes_on_after_weeks_of_rest_has_its_report() -> None:
    assert choose_period(weeks_of_ratings(40, 40, 40, 0, 0, 0, 0, 0, 0, 40)) == "2026-W39"


def test_half_a_week_is_reported_on_where_it_is_asked_for_alone() -> None:
    half = days("2026-11-09", "2026-11-11")
    assert choose_period(half, period="2026-W46") == "2026-W46"
    for due in (choose_period, periods_due, lambda ratings: weeks_since(ratings, since="2026-W40")):
        with pytest.raises(ParameterError, match="their only one, 2026-W46, has no rating of its Sunday or later.*--period 2026-W46"):
            due(half)


WEEKS = days("2026-10-20", "2026-10-27", "2026-11-04", "2026-11-15", "2026-11-18")     # W43, W44, W45, W46, and half of W47


@pytest.mark.parametrize(("made", "failed", "due"), [
    ([], [], ["2026-W46"]),                                         # none yet: the last complete week alone
    (["2026-W44"], [], ["2026-W45", "2026-W46"]),                   # what came since the last one made
    (["2026-W46", "2026-W43"], [], ["2026-W46"]),                   # a gap before the last one made is nobody's wish
    (["2026-W45"], ["2026-W43", "2026-W46"], ["2026-W43", "2026-W46"]),     # what failed is due again, however old
    ([], ["2026-W44"], ["2026-W44", "2026-W46"]),
    (["2026-10", "undated"], ["2026-11"], ["2026-W46"]),            # a month is made where it is asked for
    (["2026-W47"], ["2026-W47", "2026-W30"], ["2026-W46"]),         # made by hand while half; failed on data that are no longer there
])
def test_the_weeks_that_are_missing_are_due(made: list[str], failed: list[str], due: list[str]) -> None:
    assert periods_due(WEEKS, made=made, failed=failed) == due


def test_a_week_without_ratings_is_never_due_and_undated_data_are_once() -> None:
    assert periods_due(days("2026-10-20", "2026-11-04", "2026-11-15"), made=["2026-W43"]) == ["2026-W45", "2026-W46"]
    assert periods_due(Dated(())) == ["undated"]


def test_only_reports_of_these_data_told_the_same_count_as_made(tmp_path: Path) -> None:
    given = {"parameters": {"draws": 7}, "seed": 0}
    for n, told in enumerate([{}, {"period": "2026-W44", "status": "failed"}, {"status": "failed"}, {"period": "2026-W43", "data": "other"},
                              {"period": "2026-W42", "given": {"parameters": {}, "seed": 0}}, {"period": "2026-W41", "data": "live@3"}]):
        place = tmp_path / f"2026-W45/{n}/manifest.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps({"data": "live@1", "given": given, "period": "2026-W45", "status": "complete"} | told))
    (tmp_path / "2026-W45/0.old-1").mkdir()
    for damaged in ("{", "[]", "{}"):
        (tmp_path / "2026-W45/0.old-1/manifest.json").write_text(damaged)
        assert periods_made(tmp_path, data="live@9", given=given) == ({"2026-W45", "2026-W41"}, {"2026-W44"})


def test_the_turn_of_the_year_is_an_ordinary_week() -> None:
    assert choose_period(days("2026-12-28", "2027-01-03", "2027-01-05")) == "2026-W53"


def test_data_without_dates_are_undated() -> None:
    assert choose_period(Dated(())) == "undated"
    with pytest.raises(ParameterError, match="the data have no rated_at"):
        choose_period(Dated(()), period="2026-W46")


def test_a_week_or_month_may_be_asked_for() -> None:
    ratings = days("2026-11-04", "2026-12-09")
    assert choose_period(ratings, period="2026-W45") == "2026-W45"
    assert choose_period(ratings, period="2026-12") == "2026-12"


@pytest.mark.parametrize("period", ["2026-W46", "2026-10", "undated"])
def test_a_period_without_ratings_is_refused_with_the_span_there_is(period: str) -> None:
    with pytest.raises(ParameterError, match="has no ratings. The data run from 2026-W45 to 2026-W50"):
        choose_period(days("2026-11-04", "2026-12-09"), period=period)


@pytest.mark.parametrize("period", ["2026-W54", "2026-W60", "2026-13", "last", "2025-W53", "9999-W52", "9999-12", "0000-W01"])
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(ParameterError, match="is not a week or month"):
        choose_period(days("2026-11-04"), period=period)


def test_since_gives_every_complete_week_that_has_ratings() -> None:
    ratings = days("2026-10-20", "2026-11-04", "2026-11-15", "2026-11-18")
    assert weeks_since(ratings, since="2026-W44") == ["2026-W45", "2026-W46"]
    assert weeks_since(ratings, since="2020-W01") == ["2026-W43", "2026-W45", "2026-W46"]
    with pytest.raises(ParameterError, match="no complete week"):
        weeks_since(ratings, since="2026-W47")
