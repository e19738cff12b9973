"""Moments: per item the count, sum and sum of squares of its scores, for scales with any number of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.estimates import join_notes
from workbench.ratings import Ratings
from workbench.reduce.collect import collect, remembered
from workbench.reduce.held import held
from workbench.reduce.packing import cluster_codes, clustered, own_codes
from workbench.reduce.select import Selection, select
from workbench.reduce.tables import Moments
from workbench.reduce.tallied import summed_scores


def moments(ratings: Ratings, *, by: Sequence[str] = (), cluster: str | None = None, panel: bool = True) -> list[Moments]:
    """One `Moments` a group, in the order of the groups' levels; arguments and errors as `patterns`.

    Scores are taken from the middle of all scores, so that squares lose no digits.
    """
    chosen = select(ratings, by=by, panel=panel, cluster=cluster)
    return remembered(ratings, ("moments", chosen.by, panel, cluster), lambda: summed(ratings, chosen, cluster))


def summed(ratings: Ratings, chosen: Selection, cluster: str | None) -> list[Moments]:
    """The moments of a selection."""
    spans = [(s.minimum if s.minimum is not None else 0.0, s.maximum if s.maximum is not None else 0.0) for s in chosen.scales]
    center = float(np.mean([min((a for a, _ in spans), default=0.0), max((b for _, b in spans), default=0.0)]))
    table = held(ratings)
    if table is None or (found := summed_scores(table, chosen, center, cluster)) is None:
        found = collect(ratings.source, totals(chosen, cluster, center))
    else:
        chosen = replace(chosen, single=not table.counted(chosen).repeated)
    found, spans = chosen.spans(found)
    columns, clusters = [found[c].to_numpy(dtype=float) for c in ("n", "total", "squares", "weight")], cluster_codes(found)
    made = []
    for place, (key, span, (_, n_raters, n_dropped)) in enumerate(zip(chosen.keys(), spans, chosen.counts)):
        n, total, squares, weight = (column[span] for column in columns)
        made.append(Moments(key, n, total, squares, center, weight, own_codes(clusters, span), chosen.scales[place].name,
                            int(weight.sum()), n_raters, int(n @ weight), n_dropped, join_notes(chosen.notes[place])))
    return made


def totals(chosen: Selection, cluster: str | None, center: float) -> Any:
    """Per group the count, sum and sum of squares of an item's scores, and how many items have these."""
    t, outer = clustered(chosen, chosen.table, cluster)
    score = t.score - center
    items = t.group_by(list(dict.fromkeys((*outer, *chosen.keyed)))).aggregate(
        n=t.count(), total=score.sum(), squares=(score * score).sum())
    merged = items.group_by([*outer, "n", "total", "squares"]).aggregate(weight=items.count())
    return merged.order_by([*outer, "n", "total", "squares"])
