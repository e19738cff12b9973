"""Each unit with the list of its raters' last ratings, made once by the engine: what queues are ranked by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RatingsError

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.instrument import Scale
    from workbench.ratings import Ratings

INSTRUMENT = ("criterion", "rubric", "rubric_version")
FEW = 10_000            # items that a condition may list
LEVELS = 1 << 20        # more than any scale has: a rater and a level are one whole number


def listed(ratings: Ratings) -> pa.Table:
    """Each unit with the list of its raters' last ratings: `codes`, see `decoded`, and `scores` where a scale has no levels. Made once."""
    from workbench.reduce.collect import remembered

    return remembered(ratings, ("listed",), lambda: lists_of(ratings))


def lists_of(ratings: Ratings) -> pa.Table:
    """`listed`, made anew."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from workbench.reduce.select import last_of_repeats, select
    from workbench.reduce.used import MAX_CELLS

    chosen = select(ratings, by=INSTRUMENT)
    if chosen.scope["n_valued"].sum() > MAX_CELLS:
        raise RatingsError(f"{ratings.source.name}: this needs more than {MAX_CELLS:,} ratings in memory. Narrow them with where().")
    every = chosen.every
    raters = ratings.source.table.select("rater_id").distinct()
    raters = raters.mutate(_rater=raters.rater_id.dense_rank())
    same = {c: chosen.scope[c].iloc[0] for c in INSTRUMENT if chosen.scope[c].nunique() == 1}     # grouping by text is dear
    told_apart = [c for c in chosen.keyed if c not in same]
    measured = any(scale.name not in ("nominal", "ordinal") for scale in chosen.scales)

    def lists(table: Any) -> pa.Table:
        named = table.join(raters, "rater_id")
        held = {"codes": named._rater * LEVELS + named.level.fill_null(-1) + 1} | ({"scores": named.score} if measured else {})
        found = named.group_by(told_apart).aggregate(**{c: values.collect(include_null=True) for c, values in held.items()}).to_pyarrow()
        for column, value in same.items():
            found = found.append_column(column, pa.repeat(pa.scalar(value, pa.string()), len(found)))
        return found

    table = lists(every)
    twice = table.filter(pa.array(repeated(table)))["item_id"].unique()     # only there need the last be told from the others
    if not len(twice):
        return table
    few = every.filter(every.item_id.isin(twice.to_pylist())) if len(twice) <= FEW else every
    last = lists(last_of_repeats(few, (*chosen.keyed, "rater_id")))
    inside = [pc.is_in(part["item_id"], value_set=twice) for part in (table, last)]
    return pa.concat_tables([table.filter(pc.invert(inside[0])), last.filter(inside[1])])


def decoded(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many ratings each unit has, and of all of them, unit by unit, the raters' numbers and the levels (-1 for none)."""
    rater, level = np.divmod(flat(table["codes"]), LEVELS)
    return lengths(table["codes"]), rater, level - 1


def repeated(table: pa.Table) -> np.ndarray:
    """(U,) whether a rater stands twice in a unit's list."""
    size, rater, _ = decoded(table)
    base = rater.max(initial=0) + 1
    key = np.sort(np.repeat(np.arange(len(size)), size) * base + rater)
    found = np.zeros(len(size), bool)
    found[key[1:][np.diff(key) == 0] // base] = True
    return found


def lines_of(table: pa.Table) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """Of each unit the number of its criterion, rubric and version, and what these are."""
    parts = [table[c].combine_chunks().dictionary_encode() for c in INSTRUMENT]
    joined = np.ravel_multi_index([part.indices.to_numpy() for part in parts], [max(len(part.dictionary), 1) for part in parts])
    _, first, line = np.unique(joined, return_index=True, return_inverse=True)
    return line, [tuple(part.dictionary[part.indices[int(place)].as_py()].as_py() for part in parts) for place in first]


def flat(lists: pa.ChunkedArray) -> np.ndarray:
    """The values of a column of lists, one list after the other."""
    return lists.combine_chunks().flatten().to_numpy(zero_copy_only=False)


def lengths(lists: pa.ChunkedArray) -> np.ndarray:
    """How many values each list holds."""
    return lists.combine_chunks().value_lengths().to_numpy(zero_copy_only=False)


def places(level: np.ndarray, score: np.ndarray, line: np.ndarray, scales: list[Scale]) -> np.ndarray:
    """Where each rating lies on the scale of its line: the level's code if nominal, else between 0 and 1."""
    found = level.astype(float)
    for code, scale in enumerate(scales):
        own = line == code if len(scales) > 1 else slice(None)
        if scale.name == "ordinal":
            found[own] /= max(len(scale.levels) - 1, 1)
        elif scale.name != "nominal":
            low = scale.minimum if scale.minimum is not None else score[own].min()
            high = scale.maximum if scale.maximum is not None else score[own].max()
            found[own] = (score[own] - low) / (high - low) if high > low else 0
    return found
