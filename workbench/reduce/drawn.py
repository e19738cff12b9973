"""Units that are drawn whole, such as prompts, counted by kind on the engine: memory grows with kinds of units, not with units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.reduce.collect import collect
from workbench.reduce.held import held
from workbench.reduce.packing import clustered
from workbench.reduce.select import Selection, select
from workbench.reduce.tables import CLUSTER, Moments, Patterns

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MOST_LEVELS = 16        # counts of each stand side by side
DIGITS = 12             # that sums keep: the engine adds in any order, and what is alike must stay alike


def drawn_units(ratings: Ratings, metric: str, *, by: Sequence[str], cluster: str) -> list[Moments] | list[Patterns] | None:
    """Moments and patterns as of items, of the levels of `cluster`: of the scores for "mean", of the levels for "levels"; for
    "agreement" the moments of an item's share of rater pairs that agree, over items with two ratings.

    None where ratings lie in memory, and where levels are asked for of scales that have none or very many: that is for `patterns` to
    count, or to refuse. `n_items` counts items still.
    """
    if held(ratings) is not None:
        return None
    chosen = select(ratings, by=by, cluster=cluster)
    levels = max(len(scale.levels) for scale in chosen.scales) if all(scale.levels for scale in chosen.scales) else 0
    if metric != "mean" and not 0 < levels <= MOST_LEVELS:
        return None
    ends = np.array([[scale.minimum or 0.0, scale.maximum or 0.0] for scale in chosen.scales]) * (metric == "mean")
    center, digits = float(ends[:, 0].min() + ends[:, 1].max()) / 2, DIGITS - math.ceil(math.log10(np.abs(ends).max() + 1))
    found, spans = chosen.spans(collect(ratings.source, kinds_of(chosen, metric, cluster, levels, center, digits)))
    numbers = {c: found[c].to_numpy(dtype=float) for c in found if c not in chosen.by}
    made: list[Any] = []
    for place, (key, span, (used, n_raters, n_dropped)) in enumerate(zip(chosen.keys(), spans, chosen.counts)):
        own, scale = {c: column[span] for c, column in numbers.items()}, chosen.scales[place]
        told = int(own["_used"].sum())
        counts = int(own["_items"].sum()), n_raters, told, n_dropped + used - told, chosen.notes[place]
        if metric == "levels":
            each = np.column_stack([own[f"_c{level}"] for level in range(len(scale.levels))])
            made.append(Patterns(key, each, own["weight"], None, scale.levels, np.asarray(scale.values, dtype=float), scale.name, *counts))
            continue
        n, total, weight = (own[c][own["_below"] > 0] for c in ("_below", "_above", "weight"))
        made.append(Moments(key, n, total, np.full(len(n), math.nan), center, weight, None, scale.name, *counts))
    return made


def kinds_of(chosen: Selection, metric: str, cluster: str, levels: int, center: float, digits: int) -> Any:
    """Per group and kind of unit: what its items sum to, how many units are alike (`weight`), and how many `items` they have and
    ratings that are `used`."""
    t, outer = clustered(chosen, chosen.table, cluster)
    keys = list(dict.fromkeys((*outer, *chosen.keyed)))
    counts = {} if metric == "mean" else {f"_c{level}": (t.level == level).sum() for level in range(levels)}
    items = t.group_by(keys).aggregate(_above=(t.score - center).sum(), _below=t.count(), _used=t.count(), **counts)
    if metric == "agreement":
        n, pairs = items._used, sum(items[c] * (items[c] - 1) for c in counts)
        twice = n >= 2
        share = twice.ifelse(pairs / (n * (n - 1)).nullif(0), 0.0)
        items = items.mutate(_above=share, _below=twice.cast("int64"), _used=twice.ifelse(n, 0))
    sums = list(counts) if metric == "levels" else ["_above", "_below"]
    units = items.group_by(outer).aggregate(_items=items.count(), **{c: items[c].sum() for c in (*sums, "_used")})
    units = units.mutate(_above=units._above.round(digits)) if "_above" in sums else units
    kind = [*(c for c in outer if c != CLUSTER), *sums]
    return units.group_by(kind).aggregate(weight=units.count(), _items=units._items.sum(), _used=units._used.sum()).order_by(kind)
