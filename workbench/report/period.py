"""Which periods a report is due of: the one asked for, else the complete weeks in the data since the last one made; never the clock's."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from workbench.check.times import last_in_time
from workbench.errors import ParameterError
from workbench.periods import period_bounds
from workbench.ratings import Ratings

UNDATED = "undated"


def week_of(moment: dt.datetime) -> str:
    """The ISO week of a moment in UTC: 2027-01-03 is in "2026-W53"."""
    year, week, _ = moment.astimezone(dt.timezone.utc).isocalendar()
    return f"{year}-W{week:02d}"


def week_is_complete(week: str, *, last: dt.datetime) -> bool:
    """Whether data whose last rating is at `last` hold the whole week: a rating on its Sunday or later."""
    return last >= period_bounds(week)[1] - dt.timedelta(days=1)


def choose_period(ratings: Ratings, *, period: str | None = None) -> str:
    """The period to report on: `period` ("2026-W46" or "2026-11"), else the last complete week that holds ratings, those
    left out that a clock ahead of its time seems to have dated: few, and weeks after all others.

    Where no rating has a date it is "undated".
    Errors: `ParameterError` for a period without ratings, naming the first and the last there are, and where no week is complete.
    """
    if ratings.last is None:
        if period in (None, "", UNDATED):
            return UNDATED
        raise ParameterError(f"period={period!r} was asked for, and the data have no rated_at: leave it out, or map the column "
                             "that holds the time to rated_at.")
    if not period:
        return _last_complete(ratings)
    if "-W" in period and week_of(period_bounds(period)[0]) != period:
        raise ParameterError(f"period {period!r} is not a week or month. Write it as 2026-W46 or 2026-11; "
                             "not every year has a week 53.")
    if period == UNDATED or ratings.period(period).last is None:
        raise ParameterError(f"period={period!r} has no ratings. {_span(ratings)}")
    return period


def periods_due(ratings: Ratings, *, made: Collection[str] = (), failed: Collection[str] = ()) -> list[str]:
    """The periods to report on when none is named: the last complete week, and the complete ones with ratings since the last in `made`.

    Without any in `made` the last complete week alone. Those in `failed` are due again, however old. Errors: as `choose_period`.
    """
    last = choose_period(ratings)
    if last == UNDATED:
        return [last]
    lost = {week for week in failed if "-W" in week and week < last and ratings.period(week).last is not None}
    latest = max((week for week in made if "-W" in week and week <= last), default=last)
    return sorted({last} | lost | ({week for week in weeks_since(ratings, since=latest)} - set(made)))


def periods_made(reports: Path, *, data: str, given: Mapping[str, object]) -> tuple[set[str], set[str]]:
    """The periods of which a pack's folder holds a whole report of these data and this order, and those of which only a failed one.

    What cannot be read is left out, as is what was made of other data or told otherwise, for it is of another series.
    """
    whole, failed, asked = set(), set(), json.loads(json.dumps(given, default=str))
    for path in reports.glob("[!.]*/*/manifest.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["data"].partition("@")[0] == data.partition("@")[0] and told["given"] == asked:
                (failed if told["status"] == "failed" else whole).add(told["period"])
    return whole, failed - whole


def weeks_since(ratings: Ratings, *, since: str) -> list[str]:
    """Every complete week that holds ratings, from the week `since` on. Errors: `ParameterError` when there is none."""
    if ratings.last is None:
        raise ParameterError(f"since={since!r} was asked for, and the data have no rated_at: leave it out.")
    start = max(period_bounds(since)[0], period_bounds(week_of(ratings.first))[0])
    last = _last_complete(ratings)
    weeks = []
    while start < period_bounds(last)[1]:
        weeks.append(week_of(start))
        start += dt.timedelta(days=7)
    weeks = [week for week in weeks if ratings.period(week).last is not None]
    if not weeks:
        raise ParameterError(f"since={since!r} has no complete week with ratings. {_span(ratings)}")
    return weeks


def _last_complete(ratings: Ratings) -> str:
    last = last_in_time(ratings)
    week = week_of(last)
    if week_is_complete(week, last=last):
        return week
    earlier = ratings.between(None, period_bounds(week)[0]).last
    if earlier is None:
        raise ParameterError(f"no week is complete in the data: their only one, {week}, has no rating of its Sunday or later. A report of "
                             f"half a week is made where it is asked for: period={week!r}, or --period {week}.")
    return week_of(earlier)


def _span(ratings: Ratings) -> str:
    return f"The data run from {week_of(ratings.first)} to {week_of(ratings.last)}."
