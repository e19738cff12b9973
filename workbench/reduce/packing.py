"""Patterns: per item the count of ratings at each level, then equal items merged. A million items become a few rows.

Each item's counts are packed into as few integers as hold them, a digit a level: the sum over its ratings of
base^level. The base exceeds the most ratings that any unit has, so that no digit can overflow into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RatingsError
from workbench.estimates import join_notes
from workbench.instrument import Scale
from workbench.ratings import Ratings
from workbench.reduce.collect import collect, remembered
from workbench.reduce.select import Selection, select
from workbench.reduce.tables import Patterns

if TYPE_CHECKING:
    import pandas as pd

WORD_BITS = 62          # a packed integer stays below 2^62
WORDS_LIMIT = 4         # beyond this many words an item's counts are held sparsely
CLUSTER = "_cluster"    # the name under which a cluster is grouped by
DENSE_LIMIT = 20_000_000  # cells of a (P, q) array held densely


def patterns(ratings: Ratings, *, by: Sequence[str] = (), cluster: str | None = None, panel: bool = True) -> list[Patterns]:
    """One `Patterns` a group, in the order of the groups' levels.

    by: columns that split the ratings into groups, in one scan. cluster: a column whose levels are resampled whole; an item
    without a level is one by itself.
    panel: False lets raters of every kind, layer and selection in.

    Errors: as `Ratings.check`; and where a group mixes scales, or rates on a scale without levels.
    """
    chosen = select(ratings, by=by, panel=panel, extra=[cluster] if cluster else [])
    return remembered(ratings, ("patterns", chosen.by, panel, cluster), lambda: counted(ratings, chosen, cluster))


def counted(ratings: Ratings, chosen: Selection, cluster: str | None) -> list[Patterns]:
    """The patterns of a selection, packed where few words hold an item's counts, else listed."""
    size = max((len(scale.levels) for scale in chosen.scales), default=0)
    bits = max(1, int(chosen.max_unit).bit_length())
    per_word = WORD_BITS // bits
    if size and -(-size // per_word) <= WORDS_LIMIT:
        found, widths = packed(ratings, chosen, size, bits, per_word, cluster), size
    else:
        found, widths = listed(ratings, chosen, cluster), None
    return assemble(chosen, found, widths, bits, per_word, cluster)


def clustered(chosen: Selection, cluster: str | None) -> tuple[Any, list[str]]:
    """The ratings with their `CLUSTER`, and the columns to group by: `by`, and the cluster. An item without one is its own."""
    if not cluster:
        return chosen.table, list(chosen.by)
    import ibis

    t = chosen.table
    alone = ibis.literal("\x00").concat(t.item_id.cast("string"))
    return t.mutate(**{CLUSTER: ibis.coalesce(t[cluster].cast("string"), alone)}), [*chosen.by, CLUSTER]


def packed(ratings: Ratings, chosen: Selection, size: int, bits: int, per_word: int, cluster: str | None) -> "pd.DataFrame":
    """Per group: packed counts and how many items show them."""
    import ibis

    t, outer = clustered(chosen, cluster)
    # a cast that is written out: a bare 1 is a 32-bit integer to the engines, and shifted out of range or, on Spark, wrongly
    one, zero = ibis.literal(1, "int8").cast("int64"), ibis.literal(0, "int8").cast("int64")
    words = {}
    for word in range(-(-size // per_word)):
        first = word * per_word
        digit = (t.level - first) * bits
        inside = (t.level >= first) & (t.level < first + per_word)
        power = inside.ifelse(one << inside.ifelse(digit, zero), zero) if size > per_word else one << digit
        words[f"w{word}"] = power.sum().cast("int64")
    items = t.group_by(list(dict.fromkeys((*outer, *chosen.unit)))).aggregate(**words)
    return collect(ratings.source, items.group_by([*outer, *words]).aggregate(weight=items.count()).order_by([*outer, *words]))


def listed(ratings: Ratings, chosen: Selection, cluster: str | None) -> "pd.DataFrame":
    """Per item and level the number of ratings, for scales of very many levels; `unit` numbers the items."""
    t, outer = clustered(chosen, cluster)
    keys = list(dict.fromkeys((*outer, *chosen.unit)))
    found = collect(ratings.source, t.group_by([*keys, "level"]).aggregate(n=t.count()).order_by([*keys, "level"]))
    return found.assign(unit=found.groupby(keys, dropna=False, sort=False).ngroup())[[*outer, "unit", "level", "n"]]


def assemble(chosen: Selection, found: "pd.DataFrame", size: int | None, bits: int, per_word: int,
             cluster: str | None) -> list[Patterns]:
    """Groups with their arrays, told apart by the `by` columns."""
    made = []
    for place, (key, rows) in enumerate(zip(chosen.keys(), chosen.parts(found))):
        scale, group = chosen.scales[place], chosen.groups.iloc[place]
        counts, weight, codes = arrays(rows, scale, size, bits, per_word, cluster)
        n = int(round(float((counts.sum(axis=1).ravel() if size else np.asarray(counts.sum(axis=1)).ravel()) @ weight)))
        if n != int(group["n_used"]):
            used = int(group["n_used"])
            raise RatingsError(f"group {key}: {used - n:,} of {used:,} ratings are on no level ({scale.name} scale with "
                               f"{len(scale.levels)} levels). Statistics on levels need a rubric that names them.")
        made.append(Patterns(key, counts, weight, codes, scale.levels, np.asarray(scale.values, dtype=float), scale.name,
                             int(weight.sum()), int(group["n_raters"]), n, int(group["n_dropped"]), join_notes(chosen.notes[place])))
    return made


def arrays(rows: "pd.DataFrame", scale: Scale, size: int | None, bits: int, per_word: int,
           cluster: str | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Counts (P, q), weight (P,) and cluster codes (P,) of one group's rows."""
    q = len(scale.levels)
    codes = (lambda column: column.astype("object").factorize(use_na_sentinel=False)[0])
    if size is not None:
        words = np.column_stack([rows[c].to_numpy(dtype=np.int64) for c in rows if c[0] == "w" and c[1:].isdigit()])
        digits = [(words[:, k // per_word] >> (bits * (k % per_word))) & ((1 << bits) - 1) for k in range(q)]
        counts = np.column_stack(digits).astype(float) if q else np.zeros((len(rows), 0))
        return counts, rows["weight"].to_numpy(dtype=float), codes(rows[CLUSTER]) if cluster else None
    from scipy.sparse import csr_matrix

    kept = rows[rows["level"].notna()]
    units, index = np.unique(kept["unit"].to_numpy(), return_inverse=True)
    counts = csr_matrix((kept["n"].to_numpy(dtype=float), (index, kept["level"].to_numpy(dtype=int))), shape=(len(units), q))
    first = kept.drop_duplicates("unit")
    dense = counts.toarray() if len(units) * q <= DENSE_LIMIT else counts
    return dense, np.ones(len(units)), codes(first[CLUSTER]) if cluster else None
