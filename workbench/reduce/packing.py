"""Patterns: per item the count of ratings at each level, then equal items merged. A million items become a few rows.

Each item's counts are packed into as few integers as hold them, a digit a level: the sum over its ratings of
base^level. The base exceeds the most ratings that any unit has, so that no digit can overflow into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RatingsError
from workbench.estimates import join_notes
from workbench.ratings import Ratings
from workbench.reduce.collect import collect, remembered
from workbench.reduce.held import held
from workbench.reduce.scan import facts
from workbench.reduce.select import Selection, select
from workbench.reduce.slots import repeats, units_of
from workbench.reduce.tables import CLUSTER, Patterns
from workbench.reduce.tallied import packed_patterns

if TYPE_CHECKING:
    import pandas as pd

WORD_BITS = 62          # a packed integer stays below 2^62
LEAST_BITS = 6          # a digit that holds fewer than 64 ratings is soon too small
WORDS_LIMIT = 4         # beyond this many words an item's counts are held sparsely
DENSE_LIMIT = 20_000_000  # cells of a (P, q) array held densely
Words = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # a group's packed counts, their weight, and clusters


def patterns(ratings: Ratings, *, by: Sequence[str] = (), cluster: str | None = None, panel: bool = True) -> list[Patterns]:
    """One `Patterns` a group, in the order of the groups' levels; one without levels where the group's scale has none.

    by: columns that split the ratings into groups, in one scan. cluster: a column whose levels, of whole items, are resampled
    whole; an item without a level is one by itself.
    panel: False lets raters of every kind, layer and selection in.

    Errors: as `Ratings.check`; and where a group mixes scales, or holds values on none of its scale's levels.
    """
    chosen = select(ratings, by=by, panel=panel, cluster=cluster)
    return remembered(ratings, ("patterns", chosen.by, panel, cluster), lambda: counted(ratings, chosen, cluster))


def counted(ratings: Ratings, chosen: Selection, cluster: str | None) -> list[Patterns]:
    """The patterns of a selection: packed on scales of so few levels that few words hold an item's counts, else listed."""
    if (found := counted_at_once(ratings, chosen, cluster)) is not None:
        return found
    bits = max(1, facts(ratings).max_unit.bit_length())
    room = WORD_BITS // bits * WORDS_LIMIT
    short = [scale for scale in chosen.scales if 0 < len(scale.levels) <= room]
    long = [scale for scale in chosen.scales if len(scale.levels) > room]
    parts: list[Any] = [None] * len(chosen.scales)
    for scales, found, split in ((short, lambda table: packed(chosen, table, bits, cluster), lambda rows: words_of(chosen, rows)),
                                 (long, lambda table: listed(chosen, table, cluster), chosen.parts)):
        if scales:
            rows = split(collect(ratings.source, found(chosen.rated_on(scales))))
            parts = [own if scale in scales else part for scale, own, part in zip(chosen.scales, rows, parts)]
    return [group_of(chosen, place, rows, bits) for place, rows in enumerate(parts)]


def counted_at_once(ratings: Ratings, chosen: Selection, cluster: str | None) -> list[Patterns] | None:
    """The patterns in one scan that also learns how large units are and whether a rater repeats; None where it finds that these
    stand in the way, and where they are known or the scale's levels do not share a word with room for any sum."""
    known, levels = facts(ratings), [len(scale.levels) for scale in chosen.scales]
    if (table := held(ratings)) and 0 < max(levels) <= WORD_BITS and min(levels) > 0:
        bits = WORD_BITS // max(levels)
        if (found := packed_patterns(table, chosen, bits, cluster)) is not None:
            chosen = replace(chosen, single=not table.counted(chosen).repeated)
            return [group_of(chosen, place, rows, bits) for place, rows in enumerate(words_of(chosen, found))]
    top = known.n_rows.bit_length()
    bits = min(top, (WORD_BITS - top) // max(1, max(levels, default=1) - 1))
    if known.sized or cluster or bits < min(LEAST_BITS, top) or min(levels, default=0) == 0:
        return None
    found = collect(ratings.source, packed(chosen, chosen.every, bits, None, learn=True))
    if not len(found) or found["repeats"].any() or found["most"].max() >= 1 << bits:
        return None
    chosen = replace(chosen, single=True)
    return [group_of(chosen, place, rows, bits) for place, rows in enumerate(words_of(chosen, found))]


def clustered(chosen: Selection, t: Any, cluster: str | None) -> tuple[Any, list[str]]:
    """The ratings with their `CLUSTER`, and the columns to group by: `by`, and the cluster. An item without one is its own."""
    if not cluster:
        return t, list(chosen.by)
    import ibis

    alone = ibis.literal("\x1f").concat(t.item_id.cast("string"))
    return t.mutate(**{CLUSTER: ibis.coalesce(t[cluster].cast("string"), alone)}), [*chosen.by, CLUSTER]


def packed(chosen: Selection, table: Any, bits: int, cluster: str | None, *, learn: bool = False) -> Any:
    """Per group: packed counts and how many items show them. `learn`: also the most ratings of an item, and how many repeat."""
    import ibis

    t, outer = clustered(chosen, table, cluster)
    per_word = WORD_BITS // bits
    size = max(len(scale.levels) for scale in chosen.scales if len(scale.levels) <= per_word * WORDS_LIMIT)
    # a cast that is written out: a bare 1 is a 32-bit integer to the engines, and shifted out of range or, on Spark, wrongly
    one, zero = ibis.literal(1, "int8").cast("int64"), ibis.literal(0, "int8").cast("int64")
    words = {}
    for word in range(-(-size // per_word)):
        first = word * per_word
        digit = (t.level - first) * bits
        inside = (t.level >= first) & (t.level < first + per_word)
        power = inside.ifelse(one << inside.ifelse(digit, 0), zero) if size > per_word else one << digit
        words[f"w{word}"] = power.sum().cast("int64")
    keys = list(dict.fromkeys((*outer, *chosen.keyed)))
    items = units_of(t, keys, **words) if learn else t.group_by(keys).aggregate(**words)
    further = {"most": items._n.max()} if learn else {}
    found = items.group_by([*outer, *words]).aggregate(weight=items.count(), **further)
    return (found.cross_join(repeats(items, t, keys)) if learn else found).order_by([*outer, *words])


def listed(chosen: Selection, table: Any, cluster: str | None) -> Any:
    """Per item and level the number of ratings, for scales of very many levels; items in order."""
    t, outer = clustered(chosen, table, cluster)
    keys = list(dict.fromkeys((*outer, *chosen.keyed, "level")))
    return t.group_by(keys).aggregate(n=t.count()).order_by(keys)


def words_of(chosen: Selection, found: "pd.DataFrame") -> list[Words]:
    """The packed rows of each group as arrays."""
    found, spans = chosen.spans(found)
    words = np.column_stack([found[c].to_numpy(dtype=np.int64) for c in found if c[0] == "w" and c[1:].isdigit()])
    weight, clusters = found["weight"].to_numpy(dtype=float), cluster_codes(found)
    return [(words[span], weight[span], own_codes(clusters, span)) for span in spans]


def group_of(chosen: Selection, place: int, rows: "pd.DataFrame | Words | None", bits: int) -> Patterns:
    """One group with its arrays. Errors: `RatingsError` where its scale has levels and some ratings are on none of them."""
    key, scale, (used, n_raters, n_dropped) = chosen.keys()[place], chosen.scales[place], chosen.counts[place]
    q = len(scale.levels)
    if rows is None:
        counts, weight, codes = np.zeros((0, 0)), np.zeros(0), None
    else:
        counts, weight, codes = (unpacked(rows[0], q, bits), *rows[1:]) if isinstance(rows, tuple) else unlisted(rows, q, chosen.keyed)
        n = int(round(float(np.asarray(counts.sum(axis=1)).ravel() @ weight)))
        if n != used:
            raise RatingsError(f"group {key}: {used - n:,} of {used:,} ratings are on no level ({scale.name} scale with "
                               f"{q} levels). Statistics on levels need a rubric that names them.")
    return Patterns(key, counts, weight, codes, scale.levels, np.asarray(scale.values, dtype=float), scale.name,
                    int(weight.sum()), n_raters, used, n_dropped, join_notes(chosen.notes[place]))


def unpacked(words: np.ndarray, q: int, bits: int) -> np.ndarray:
    """Counts (P, q) of one group's packed rows (P, words)."""
    per_word, level = WORD_BITS // bits, np.arange(q)
    return ((words[:, level // per_word] >> (bits * (level % per_word))) & ((1 << bits) - 1)).astype(float)


def unlisted(rows: "pd.DataFrame", q: int, keys: Sequence[str]) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """The same of one group's listed rows; counts are a CSR matrix where they are too many to hold densely."""
    from scipy.sparse import csr_matrix

    own = list(dict.fromkeys((*(c for c in rows if c == CLUSTER), *keys)))
    unit = rows.groupby(own, dropna=False, sort=False).ngroup().to_numpy()
    kept = rows["level"].notna().to_numpy()
    _, first, index = np.unique(unit[kept], return_index=True, return_inverse=True)
    rows = rows[kept]
    counts = csr_matrix((rows["n"].to_numpy(dtype=float), (index, rows["level"].to_numpy(dtype=int))), shape=(len(first), q))
    dense = counts.toarray() if len(first) * q <= DENSE_LIMIT else counts
    return dense, np.ones(len(first)), cluster_codes(rows.iloc[first])


def cluster_codes(rows: "pd.DataFrame") -> np.ndarray | None:
    """A code for each row's cluster; None where there are none."""
    return rows[CLUSTER].astype("object").factorize(use_na_sentinel=False)[0] if CLUSTER in rows else None


def own_codes(clusters: np.ndarray | None, span: slice) -> np.ndarray | None:
    """The codes of a group's clusters, from 0, of those of all."""
    import pandas as pd

    return None if clusters is None else pd.factorize(clusters[span])[0]
