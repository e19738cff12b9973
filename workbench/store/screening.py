"""Each imported rating held against the contract and the dataset's rubrics, so that no bad row can reach the store."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import RatingsError, examples, shorten
from workbench.instrument import Rubric, Scale
from workbench.schema import BY_NAME, COLUMNS
from workbench.store.columns import name_faults, word

EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.timezone.utc)   # an epoch in the wrong unit lands in 1970
IDS = ("item_id", "rater_id", "rating_id")
NAMES = (*IDS, "criterion", "label", "rubric", "rubric_version")


class Unfit(Exception):
    """A rating that cannot be stored; the message says what was expected, what was found, and the cure."""


@dataclass
class Rules:
    """What ratings are held against, and what has been learnt of the extra columns so far.

    kinds: extra column -> its stored type, "string", "double", "bool" or "timestamp[us, tz=UTC]". odd, even: how many values of
    a column already stored were, and were not, of another kind.
    """

    rubrics: Mapping[tuple[str, str], Rubric]
    kinds: dict[str, str]
    latest: dt.datetime
    held: frozenset[str] = frozenset()
    odd: Counter[str] = field(default_factory=Counter)
    even: Counter[str] = field(default_factory=Counter)
    weight: int = 0


def screened(row: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The rating with its values in the contract's types, what is missing left out. Raises `Unfit`."""
    made = {}
    for column, value in row.items():
        if value is None:
            continue
        read = READERS.get(column)
        value = read(column, value) if read else extra(column, value, rules)
        if value is not None:
            made[column] = value
            rules.weight += len(value) if isinstance(value, str) else 8
    for column in IDS:
        if column not in made:
            raise Unfit(f"it has no {column}; every rating needs one: fill it in at the source, or name the field that holds it")
    if made.get("replaces") == made["rating_id"]:
        raise Unfit("replaces names the rating itself, which would take it away; name the earlier one, or leave it empty")
    for column in ("rated_at", "started_at"):
        if column in made and not EARLIEST <= made[column] <= rules.latest:
            raise Unfit(f"{column} is {made[column].isoformat()}, expected a time from 1990 to now; correct it, or the unit it is given in")
    if rules.rubrics:
        check_level(made, rules.rubrics)
    return made


def text(column: str, value: Any) -> str | None:
    """A value as text; blanks are missing."""
    if not isinstance(value, str):
        value = plain(column, value)
    elif not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit(f"{column} holds half of a character ({shorten(value.encode('utf-8', 'backslashreplace').decode())}); "
                        "correct it at the source") from None
    if "\0" in value and column in NAMES:
        raise Unfit(f"{column} is {shorten(repr(value))}, which holds a zero byte that nobody sees; correct it at the source")
    return value if value.strip() else None


def plain(column: str, value: Any) -> str:
    """A number, truth or time as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise Unfit(f"{column} is {shorten(json.dumps(value, default=str))}, expected text; map the field inside it")


def word_of(column: str, value: Any) -> str | None:
    """One of the contract's words."""
    given = text(column, value)
    if given is not None and given not in BY_NAME[column].allowed:
        raise Unfit(f"{column} is {shorten(given)!r}, expected one of {', '.join(BY_NAME[column].allowed)}; map it to one of them")
    return given


def number(column: str, value: Any) -> float | None:
    """A finite number; blanks are missing."""
    if isinstance(value, str) and not value.strip():
        return None
    try:
        found = float(value) if isinstance(value, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise Unfit(f"{column} is {shorten(str(value))!r}, expected a number; correct it, or leave it empty where there is none")
    return found


def whole(column: str, value: Any) -> int | None:
    """A whole number."""
    found = number(column, value)
    if found is not None and (found != int(found) or abs(found) > 2**53 or found < 0 and column == "layer"):
        raise Unfit(f"{column} is {shorten(str(value))!r}, expected a whole number{', 0 or more' if column == 'layer' else ''}; correct it")
    return None if found is None else int(found)


def duration(column: str, value: Any) -> float | None:
    """Seconds, none of them negative."""
    found = number(column, value)
    if found is not None and found < 0:
        raise Unfit(f"{column} is {found:g}, expected 0 or more; correct it, or leave it empty")
    return found


def time(column: str, value: Any) -> dt.datetime:
    """A point in time with its zone."""
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        raise Unfit(f"{column} is {shorten(str(value))!r}, expected a time with its zone; write it as 2026-11-01T08:00:00Z")
    try:
        return value.astimezone(dt.timezone.utc)
    except OverflowError:
        raise Unfit(f"{column} is {value}, a time that no calendar holds; correct it") from None


def reader(column: str) -> Callable[[str, Any], Any]:
    """What reads a contract column's values."""
    kind = BY_NAME[column]
    if kind.allowed:
        return word_of
    by_type = {"string": text, "float64": duration if column == "seconds" else number, "int64": whole}
    return by_type.get(kind.type, time)


def fixed(column: str, value: Any) -> Any:
    """What is given once for all ratings: as a row's value, a time also as ISO text with its zone. Raises `Unfit`."""
    if isinstance(value, str) and READERS.get(column) is time:
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            pass    # said below
    return READERS[column](column, value) if column in READERS else value


def misfit(column: str, value: Any) -> str:
    """What is wrong with a value given for all ratings, "" for nothing."""
    try:
        fixed(column, value)
    except Unfit as fault:
        return str(fault)
    return ""


READERS = {column.name: reader(column.name) for column in COLUMNS}


def extra(column: str, value: Any, rules: Rules) -> Any:
    """A value of a further column, in the kind of that column; what loses nothing is converted."""
    if isinstance(value, (dict, list, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    own = {bool: "bool", int: "double", float: "double", dt.datetime: "timestamp[us, tz=UTC]"}.get(type(value), "string")
    if column not in rules.kinds:
        if wrong := name_faults([column], rules.kinds):
            raise RatingsError(wrong[0])
        rules.kinds[column] = own
    kind = rules.kinds[column]
    try:
        found = EXTRAS[kind](column, value) if kind == own or kind == "string" or (kind, own) == ("double", "string") else None
    except Unfit:
        if kind == own:     # of the right kind, and no good: NaN, half a character
            raise
        found = None
    if found is None and kind != own:
        rules.odd[column] += 1
        raise Unfit(f"column {column} holds {word(own)} here ({shorten(str(value))}) and {word(kind)} elsewhere; convert it, or give the "
                    "column another name")
    rules.even[column] += 1
    return found


EXTRAS = {"string": text, "double": number, "timestamp[us, tz=UTC]": time, "bool": lambda column, value: value}


def conflicts(rules: Rules) -> list[str]:
    """Stored columns that nothing of what was read so far fits, in words."""
    return [f"column '{c}' holds other values than {word(rules.kinds[c])}, which is what is stored ({n:,} of {n:,} read do not fit). "
            f"Convert it to {word(rules.kinds[c])}, or give the column another name." for c, n in rules.odd.items()
            if c in rules.held and not rules.even[c]]


def check_level(row: Mapping[str, Any], rubrics: Mapping[tuple[str, str], Rubric]) -> None:
    """Raise `Unfit` for a label or score that the rubric file of the rating does not know."""
    rubric = rubrics.get((row.get("rubric", "default"), row.get("rubric_version", "1")))
    line = rubric.criteria.get(row.get("criterion", "overall")) if rubric else None
    if line is None:
        return
    label, score, scale = row.get("label"), row.get("score"), line.scale
    where = f"criterion {row.get('criterion', 'overall')!r} of rubric {rubric.name!r} version {rubric.version!r} ({rubric.source})"
    if scale.levels:
        for column, value, known in (("label", label, scale.levels), ("score", score, scale.values)):
            if value is not None and value not in known:
                raise Unfit(f"{column} {shorten(shown(value))!r} is no level of {where}, which has "
                            f"{examples([shown(k) for k in known])}; correct it, or add the level there")
        if label is not None and score is not None and scale.values[scale.levels.index(label)] != score:
            raise Unfit(f"label {label!r} and score {score:g} name different levels of {where}; correct one of them")
    elif score is not None and not within(score, scale):
        raise Unfit(f"score {score:g} lies outside {scale.minimum} to {scale.maximum} of {where}; correct it, or the bounds there")


def shown(value: object) -> str:
    """A level as it is written."""
    return value if isinstance(value, str) else f"{value:g}"


def within(score: float, scale: Scale) -> bool:
    """Whether a score lies on a scale without levels."""
    return (scale.minimum is None or score >= scale.minimum) and (scale.maximum is None or score <= scale.maximum)
