"""Moments and periods of time, always UTC; weeks are ISO weeks and begin on Monday."""

from __future__ import annotations

import datetime as dt
from typing import Any

from workbench.errors import ParameterError


def moment(value: str | dt.datetime | None) -> dt.datetime | None:
    """A point in time in UTC from a date, a datetime or ISO 8601 text; without a zone it is read as UTC."""
    if value is None:
        return None
    try:
        when = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        when = when if isinstance(when, dt.datetime) else dt.datetime(when.year, when.month, when.day)
    except (ValueError, AttributeError):
        raise ParameterError(f"{value!r} is not a point in time. Write it as 2026-11-01 or 2026-11-01T08:00:00Z.") from None
    return when.astimezone(dt.timezone.utc) if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)


def period_bounds(period: str) -> tuple[dt.datetime, dt.datetime]:
    """Start and end (half-open, UTC) of an ISO week "2026-W46", which begins on Monday, or a month "2026-11"."""
    try:
        if "-W" in period:
            start = dt.datetime.strptime(f"{period}-1", "%G-W%V-%u")
            end, written = start + dt.timedelta(days=7), start.strftime("%G-W%V")
        else:
            start = dt.datetime.strptime(period, "%Y-%m")
            end, written = (start + dt.timedelta(days=32)).replace(day=1), start.strftime("%Y-%m")
    except (ValueError, OverflowError):  # or a period that reaches beyond the year 9999
        written = None
    if written != period:  # 2026-W2, or a week 53 that the year has not
        raise ParameterError(f"period {period!r} is not a week or month. Write it as 2026-W46 or 2026-11.") from None
    return start.replace(tzinfo=dt.timezone.utc), end.replace(tzinfo=dt.timezone.utc)


def timeless(table: Any) -> Any:
    """The rows of an Ibis table of ratings that hold at any time: gold without a date."""
    return table.rated_at.isnull() & (table.rater_kind == "gold")
