"""Does a rater rate a unit twice? Told exactly, and for most units without looking at their raters one by one.

Each rater has one of 61 slots in a word of bits, and one of 59 in another. A unit whose ratings fill as many slots of a word as
they are has as many raters; only the ratings of the other units are counted rater by rater.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

ENGINES = ("duckdb", "pyspark")  # what knows these functions; elsewhere every unit is in doubt
PRIMES = (61, 59)  # slots to a word: below 62 for the bits of a signed integer, and without a common divisor


def units_of(table: Any, keys: Sequence[str], **sums: Any) -> Any:
    """Each unit with its `sums`, how many ratings it has, `_n`, and whether its slots leave it in doubt that all raters differ."""
    import ibis

    rater, bits = table.rater_id, builtin("bit_count", "int64", "int64")
    number = rater if rater.type().is_integer() else builtin("hash", "string", "int32")(rater)
    number, one = (number & 0x3FFFFFFF).cast("int64"), ibis.literal(1, "int8").cast("int64")
    primes = PRIMES if table.get_backend().name in ENGINES else ()
    words = {f"_{prime}": builtin("bit_or", "int64", "int64", total=True)(one << (number % prime)) for prime in primes}
    units = table.group_by(list(keys)).aggregate(**sums, _n=table.count(), **words)
    doubts = [bits(units[word]) < units._n for word in words]
    return units.select(*keys, *sums, "_n", _doubtful=ibis.and_(*doubts))


def repeats(units: Any, table: Any, keys: Sequence[str]) -> Any:
    """How many ratings of the `table` repeat a rater's earlier one with the same `keys`, from its `units`, as a table of one row."""
    raters = list(dict.fromkeys((*keys, "rater_id")))
    close = table.select(*raters).semi_join(units.filter(units._doubtful).select("item_id"), "item_id")
    held = close.group_by(raters).aggregate(n=close.count())
    return held.aggregate(repeats=(held.n - 1).sum())


def most_and_repeats(table: Any, keys: Sequence[str]) -> Any:
    """The most ratings of any unit, and how many ratings repeat a rater's earlier one, as a table of one row."""
    units = units_of(table, keys)
    return units.aggregate(most=units._n.max()).cross_join(repeats(units, table, keys))


@cache
def builtin(name: str, takes: str, gives: str, *, total: bool = False) -> Any:
    """A function of one argument, or a total over many, that the engines know and Ibis does not, or not for each of them."""
    import ibis

    return (ibis.udf.agg if total else ibis.udf.scalar).builtin(lambda value: None, name=name, signature=((takes,), gives))
