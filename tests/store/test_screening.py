"""Each value of an imported rating is taken in the contract's type, or refused in words."""

from __future__ import annotations

import datetime as dt

import pytest

from workbench.errors import RatingsError
from workbench.store.screening import Rules, Unfit, screened

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.timezone.utc)
BASE = {"rating_id": "k", "item_id": "i", "rater_id": "x", "score": 1.0}


def rules(**kinds: str) -> Rules:
    """Rules without rubrics, with kinds of extras."""
    return Rules(rubrics={}, kinds=dict(kinds), latest=NOW)


def take(**values: object) -> dict:
    """A rating with these values screened."""
    return screened({**BASE, **values}, rules())


@pytest.mark.parametrize(("column", "value", "made"), [
    ("score", "3.5", 3.5), ("score", True, 1.0), ("score", " ", None), ("label", 4.0, "4"), ("label", 0.5, "0.5"), ("label", False, "false"),
    ("label", "  ", None), ("item_id", 7, "7"), ("step", "3", 3), ("step", 2.0, 2), ("layer", None, None), ("status", "skipped", "skipped"),
    ("seconds", 0, 0.0), ("rated_at", dt.datetime(2026, 11, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
                          dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)),
    ("age", 5, 5.0), ("tags", ["a", None], '["a", null]'), ("sure", True, True), ("note", "", None)])
def test_values_come_in_the_contracts_types(column: str, value: object, made: object) -> None:
    assert take(**{column: value}).get(column) == made


@pytest.mark.parametrize(("column", "value", "words"), [
    ("score", "x", "score is 'x', expected a number"), ("score", float("nan"), "score is 'nan', expected a number"),
    ("score", float("inf"), "expected a number"), ("score", [1], "expected a number"), ("score", 10**400, "expected a number"),
    ("step", 1.5, "step is '1.5', expected a whole number"), ("layer", -1, "layer is '-1', expected a whole number, 0 or more"),
    ("replaces", "k", "replaces names the rating itself"), ("item_id", "a\0b", "item_id is 'a\\x00b', which holds a zero byte"), ("step", 1e300, "expected a whole number"),
    ("seconds", -1, "seconds is -1, expected 0 or more"), ("status", "done", "status is 'done', expected one of rated, unsure"),
    ("label", {"a": 1}, 'label is {"a": 1}, expected text'), ("label", float("nan"), "expected text"),
    ("label", "half \ud83d", "holds half of a character"), ("note", "\udce9", "holds half of a character"),
    ("rated_at", "2026-11-01", "expected a time with its zone"), ("rated_at", dt.datetime(2026, 11, 1), "expected a time with its zone"),
    ("rated_at", dt.datetime(2026, 11, 21, tzinfo=dt.timezone.utc), "expected a time from 1990 to now"),
    ("started_at", dt.datetime(1970, 1, 20, tzinfo=dt.timezone.utc), "expected a time from 1990 to now"),
    ("rated_at", dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=9))), "a time that no calendar holds"),
    ("item_id", " ", "it has no item_id"), ("rater_id", None, "it has no rater_id"), ("rating_id", "", "it has no rating_id"),
    ("age", float("nan"), "age is 'nan'")])
def test_values_that_cannot_be_are_refused_in_words(column: str, value: object, words: str) -> None:
    with pytest.raises(Unfit) as told:
        take(**{column: value})
    assert words in str(told.value)


def test_a_column_keeps_the_kind_that_it_began_with_and_what_loses_nothing_is_converted() -> None:
    held = rules(age="double", name="string", sure="bool")
    assert screened({**BASE, "age": "31", "name": 7}, held) == {**BASE, "age": 31.0, "name": "7"}
    for column, value in (("age", "old"), ("age", True), ("sure", "yes"), ("sure", 1)):
        with pytest.raises(Unfit, match=f"column {column} holds .* elsewhere; convert it"):
            screened({**BASE, column: value}, held)
    assert (held.odd["age"], held.even["age"], held.odd["sure"]) == (2, 1, 2)


@pytest.mark.parametrize(("name", "words"), [("_row", "kept for our own use"), ("Score", "differ in capitals alone"), ("week", "kept for our"),
                                             (" ", "kept for our own use")])
def test_names_that_would_poison_the_table_stop_the_import(name: str, words: str) -> None:
    with pytest.raises(RatingsError, match=words):
        take(**{name: "x"})


def test_the_weight_of_what_was_taken_is_known() -> None:
    held = rules()
    screened({**BASE, "text": "x" * 1_000}, held)
    assert held.weight == 1_000 + 3 + 8     # the text, three ids of a letter, the score
