"""Where a rating stands on its scale: its level's place, and the number it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.instrument import Scale
from workbench.reduce.scan import Instrument

FEW_LEVELS = 24  # up to as many, conditions are faster than a join


def with_level(table: Any, scales: Mapping[Instrument, Scale]) -> Any:
    """The table with `level`, the place of the rating on its scale, and `score`, the number it stands for."""
    table, level, score = standing(table, scales)
    return table.mutate(level=level, score=score)


def standing(table: Any, scales: Mapping[Instrument, Scale]) -> tuple[Any, Any, Any]:
    """The table, joined with what it takes, and the expressions of `level` and `score`."""
    import ibis

    by_scale: dict[Scale, list[Instrument]] = {}
    for key, scale in scales.items():
        by_scale.setdefault(scale, []).append(key)
    if not by_scale:
        return table, table.score.cast("int32"), table.score
    table, places = placed(table, list(by_scale))
    pairs = [(place.cast("int32"), score_of(table, scale, place)) for scale, place in zip(by_scale, places)]
    if len(pairs) == 1:
        return table, *pairs[0]
    conditions = [instrument_condition(table, keys, by_scale.values()) for keys in by_scale.values()]
    return table, *(ibis.cases(*[(c, pair[k]) for c, pair in zip(conditions, pairs)]) for k in range(2))


def instrument_condition(table: Any, keys: Sequence[Instrument], kinds: Iterable[Sequence[Instrument]]) -> Any:
    """The rows of these instruments; by criterion alone where that is enough to tell the kinds of instruments apart."""
    owners: dict[str, set[int]] = {}
    for place, others in enumerate(kinds):
        for key in others:
            owners.setdefault(key[2], set()).add(place)
    if all(len(owner) == 1 for owner in owners.values()):
        return table.criterion.isin(sorted({key[2] for key in keys}))
    joined = table.rubric.concat("\x1f", table.rubric_version, "\x1f", table.criterion)
    return joined.isin(sorted("\x1f".join(key) for key in keys))


def placed(table: Any, scales: Sequence[Scale]) -> tuple[Any, list[Any]]:
    """The table, and for each scale the level's place from the label or the score; missing where it has no levels.

    Few levels are told apart by conditions; many by a join, whose cost does not grow with their number.
    """
    import ibis

    wanted = [[(column, known) for column, known in (("label", scale.levels), ("score", scale.values))
               if known and (scale.uses == column or not scale.assumed)] for scale in scales]
    for place, lookups in enumerate(wanted):
        for column, known in lookups:
            if len(known) > FEW_LEVELS and not (column == "score" and one_apart(known)):
                kind = "array<string>" if column == "label" else "array<float64>"
                listed = ibis.literal(list(known), kind).name(f"_{column}{place}").as_table()
                listed = listed.unnest(f"_{column}{place}", offset=f"_at_{column}{place}")
                table = table.left_join(listed, table[column] == listed[f"_{column}{place}"])
    found = [[place_of(table, column, known, place) for column, known in lookups] for place, lookups in enumerate(wanted)]
    return table, [ibis.coalesce(*ways) if len(ways) > 1 else ways[0] if ways else ibis.null("int32") for ways in found]


def place_of(table: Any, column: str, known: Sequence[Any], place: int) -> Any:
    """The place of a column's value among those known; every score is one of them, which `facts` has seen to."""
    import ibis

    if column == "score" and one_apart(known):
        return (table.score - known[0]).cast("int32")
    if len(known) > FEW_LEVELS:
        return table[f"_at_{column}{place}"].cast("int32")
    return ibis.cases(*[(table[column] == value, ibis.literal(i, "int32")) for i, value in enumerate(known)])


def one_apart(known: Sequence[float]) -> bool:
    """Whether scores are whole numbers without a gap, whose place is a difference and need not be looked up."""
    return list(known) == [known[0] + place for place in range(len(known))] and known[0] == int(known[0])


def score_of(table: Any, scale: Scale, place: Any) -> Any:
    """The number a rating stands for: its score, or the value of its label's level."""
    import ibis

    if scale.uses == "score" or not scale.levels:
        return table.score
    if scale.assumed:
        return place.cast("float64")
    if len(scale.values) > FEW_LEVELS:
        return ibis.coalesce(table.score, ibis.literal(list(scale.values), "array<float64>")[place])
    named = ibis.cases(*[(place == i, ibis.literal(value, "float64")) for i, value in enumerate(scale.values)])
    return ibis.coalesce(table.score, named)
