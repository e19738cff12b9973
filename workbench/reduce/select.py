"""Which ratings count, and at which level: the rules of the data contract as expressions, shared by every reduction.

A rating counts if the panel's rules let it in, it has a value, and it is its rater's last on that unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ParameterError, columns_of, whole_items
from workbench.estimates import MEASURES
from workbench.instrument import Scale
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.level import instrument_condition, standing
from workbench.reduce.held import held
from workbench.reduce.pooled import group_ids, grouped_scales, shared_scales
from workbench.reduce.scan import INSTRUMENT, Facts, Instrument, combinations, facts, panel_rules_of
from workbench.schema import UNIT

if TYPE_CHECKING:
    import pandas as pd

NEVER_SPLIT = ("item_id", "score", "label", "level")
# What the reductions call their columns, and the results theirs: to be named by, or grouped by, a source's column must bear another name.
REDUCED = {"n", "total", "squares", "weight", "unit", "window", "n_items", "n_raters", "n_ratings", "n_scope", "n_ruled", "n_steps",
           "n_used", "n_valued", "n_dropped", "rater_a", "rater_b", "level_a", "level_b", "score_a", "score_b",
           *(f"w{i}" for i in range(9))}
RESULTS = {*REDUCED, "name", *MEASURES, "true", "given", "facet", "element", "measure", "from", "to", "human_id", "epsilon", "consensus",
           "form", "probability", "planned_raters", "planned_items", "predicted", "design", "n_shared", "p_value"}
ORDER = ("rated_at", "_row", "rating_id")  # what tells which of several ratings is the last


@dataclass(frozen=True)
class Selection:
    """The ratings that count, and what is known of each group.

    unit: the columns a rating is compared within. scope: one row a group with the `by` columns and n_scope (ratings before the
    panel's rules). scales, notes: one per row of `scope`. scale_of: the scale of each instrument. extra: columns to keep. single:
    known to hold no repeats.
    """

    ratings: Ratings
    by: tuple[str, ...]
    unit: tuple[str, ...]
    scope: "pd.DataFrame"
    scales: tuple[Scale, ...]
    notes: tuple[str, ...]
    scale_of: Mapping[Instrument, Scale]
    panel: bool
    extra: tuple[str, ...] = ()
    single: bool = False
    filled: str | None = None   # a cluster that some ratings of an item lack: they take the item's

    @cached_property
    def every(self) -> Any:
        """An Ibis table of the ratings that count with `level` and `score`, a rater's repeats still in."""
        table, rules = ruled_table(self.ratings, (*self.by, *self.extra), self.panel)
        table, level, score = standing(table.filter(rules), self.scale_of)
        needed = dict.fromkeys((*self.by, *UNIT, "rubric_version", "rater_id", "layer", "label", *ORDER, *self.extra))
        if self.filled:
            import ibis

            own = table[self.filled]
            table = table.mutate(**{self.filled: ibis.coalesce(own, own.max().over(ibis.window(group_by=list(self.keyed))))})
        return table.filter(score.notnull()).select(*(c for c in needed if c in table.columns), level=level, score=score)

    @cached_property
    def table(self) -> Any:
        """The ratings that count, a rater's last on each unit."""
        if self.unrepeated:
            return self.every
        return last_of_repeats(self.every, (*self.keyed, "rater_id", *(() if self.panel else ("layer",))))

    @property
    def unrepeated(self) -> bool:
        """Whether every rater rates a unit once."""
        return self.single or not facts(self.ratings).n_repeats

    @cached_property
    def keyed(self) -> tuple[str, ...]:
        """`by` and the columns that tell units apart in this snapshot."""
        telling = facts(self.ratings).unit
        return tuple(dict.fromkeys((*self.by, *(c for c in self.unit if c not in UNIT or c in telling))))

    @cached_property
    def groups(self) -> "pd.DataFrame":
        """The rows of `scope` with n_used, n_raters and n_dropped."""
        return with_counts(self)

    @cached_property
    def counts(self) -> list[tuple[int, int, int]]:
        """n_used, n_raters and n_dropped of each group."""
        return [tuple(row) for row in self.groups[["n_used", "n_raters", "n_dropped"]].to_numpy().tolist()]

    @cached_property
    def n_valued(self) -> int | None:
        """How many ratings `every` has, where that is known without counting them."""
        known = facts(self.ratings)
        missing = self.ratings.source.missing
        of_one_kind = "label" in missing or "score" in missing and all(scale.levels for scale in known.scales.values())
        return int(self.scope["n_valued"].sum()) if of_one_kind else None

    def rated_on(self, scales: Sequence[Scale]) -> Any:
        """The part of `table` that is rated on one of these scales."""
        chosen = [key for key, scale in self.scale_of.items() if scale in scales]
        others = [key for key, scale in self.scale_of.items() if scale not in scales]
        return self.table.filter(instrument_condition(self.table, chosen, [chosen, others])) if others else self.table

    def keys(self) -> list[dict[str, object]]:
        """Each group as `by` column -> level, None where it is missing."""
        return self._keys

    @cached_property
    def _keys(self) -> list[dict[str, object]]:
        if not self.by:
            return [{}] * len(self.scope)
        return [dict(zip(self.by, row)) for row in zip(*(plain_values(self.scope[c]) for c in self.by))]

    def spans(self, found: "pd.DataFrame") -> tuple["pd.DataFrame", list[slice]]:
        """A reduction's rows with those of each group side by side, and where these are, in the order of `scope`; nowhere where a
        group has no ratings."""
        ids = group_ids(found, self.by)
        if (ids[1:] < ids[:-1]).any():
            order = np.argsort(ids, kind="stable")
            found, ids = found.iloc[order], ids[order]
        start = np.flatnonzero(np.diff(ids, prepend=-1))
        first = found.iloc[start]
        own = zip(*(plain_values(first[c]) for c in self.by)) if self.by else [()] * len(start)
        held = {key: slice(a, b) for key, a, b in zip(own, start.tolist(), [*start[1:].tolist(), len(ids)])}
        return found, [held.get(tuple(key.values()), slice(0, 0)) for key in self.keys()]

    def parts(self, found: "pd.DataFrame") -> list["pd.DataFrame"]:
        """The rows of a reduction that belong to each group, in the order of `scope`."""
        found, spans = self.spans(found)
        return [found.iloc[span] for span in spans]


def none_if_missing(value: object) -> object:
    """None for every kind of missing value."""
    return None if value is None or value != value else value


def plain_values(column: "pd.Series") -> list[object]:
    """A column's values, None for the missing ones."""
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna().tolist())]


def select(ratings: Ratings, *, by: Sequence[str] = (), panel: bool = True, extra: Sequence[str] = (),
           cluster: str | None = None) -> Selection:
    """The ratings that count, by group. `panel=False` lets every kind of rater, layer and selection in; `extra` and `cluster` are
    columns to keep.

    Errors: `RatingsError` for bad values, and for a group that mixes scales or steps with whole items;
    `ParameterError` for a `by` column that is not there, and for a cluster that does not hold whole items.
    """
    by, extra = columns_of(by), (*extra, *([] if cluster is None else [cluster]))
    ratings.require(*by, *extra)
    refused = [c for c in by if c in NEVER_SPLIT]
    if refused or len(set(by)) < len(by):
        raise ParameterError(f"by={list(by)!r} cannot group ratings: each column once, and not {', '.join(NEVER_SPLIT)}.")
    if cluster in ("score", "label"):
        raise ParameterError(f"cluster={cluster!r} is what is rated; a cluster holds whole items. Name a column such as 'prompt_id'.")
    clash = [c for c in dict.fromkeys((*by, *extra)) if c in (RESULTS if c in by else REDUCED) or c.startswith("_")
             or (c == "level" and c in ratings.source.extras)]
    if clash:
        raise ParameterError(f"column {clash[0]!r} of {ratings.source.name} is named as a result is. Read it under another name: "
                             f"columns={{{clash[0]!r}: 'my_{clash[0]}'}}.")
    chosen = remembered(ratings, ("select", by, panel, extra), lambda: selected(ratings, by, panel, extra))
    if cluster is not None:
        n_split, n_partly = remembered(ratings, ("split", by, panel, cluster), lambda: split_units(chosen, cluster))
        whole_items(cluster, n_split)
        if n_partly:
            return remembered(ratings, ("filled", by, panel, extra), lambda: replace(chosen, filled=cluster))
    return chosen


def split_units(chosen: Selection, cluster: str) -> tuple[int, int]:
    """How many units have ratings in several clusters, and in how many some ratings have one and some have none."""
    if (here := held(chosen.ratings)) and (found := here.split(chosen, cluster)) is not None:
        return found
    t = chosen.table
    levels = t.select(*chosen.keyed, _own=t[cluster].cast("string"))
    units = levels.group_by(list(chosen.keyed)).aggregate(first=levels._own.min(), last=levels._own.max(),
                                                          n=levels.count(), n_own=levels._own.count())
    found = units.aggregate(split=(units.first != units.last).sum(), partly=((units.n_own > 0) & (units.n_own < units.n)).sum())
    return tuple(0 if n is None or n != n else int(n) for n in collect(chosen.ratings.source, found).iloc[0])


def selected(ratings: Ratings, by: tuple[str, ...], panel: bool, extra: Sequence[str]) -> Selection:
    """The selection, found anew."""
    known, name = facts(ratings), ratings.source.name
    found = counted_before(ratings, known, by) if panel else None
    if found is None and (table := held(ratings)):
        found = table.combinations(by, panel=panel)
    if found is None:
        found = collect(ratings.source, combinations(*ruled_table(ratings, (*by, *extra), panel), by))
    scale_of = shared_scales(found, group_ids(found, by), known.scales, name)
    scope, scales, notes = grouped_scales(found, by, scale_of, name)
    if not len(found) and not by:
        scope, scales, notes = scope.reindex([0]).fillna(0), [Scale("nominal")], ["no ratings are selected"]
    unit = (*UNIT, "rubric_version") if "rubric_version" in by else UNIT
    return Selection(ratings, by, unit, scope, tuple(scales), tuple(notes), scale_of, panel, tuple(extra))


def ruled_table(ratings: Ratings, named: Sequence[str], panel: bool) -> tuple[Any, Any]:
    """The selected rows with the virtual columns that are `named`, and which of them count."""
    table = with_virtual(ratings.table, named)
    return table, panel_rules(ratings, table) if panel else table.status == "rated"


def counted_before(ratings: Ratings, known: Facts, by: tuple[str, ...]) -> "pd.DataFrame | None":
    """What `combinations` would count, where the scan of the whole snapshot counted it."""
    narrowed = ratings.conditions or ratings.start or ratings.end or "replaces" not in ratings.missing
    if narrowed or not set(by) <= set(INSTRUMENT):
        return None
    return known.instruments.sort_values([*dict.fromkeys((*by, *INSTRUMENT))], ignore_index=True)


def panel_rules(ratings: Ratings, table: Any) -> Any:
    """The condition that lets a rating into the panel; a column that `where` named is left to it."""
    return panel_rules_of(ratings.source, table, {column for column, _ in ratings.conditions})


def last_of_repeats(table: Any, key: Sequence[str]) -> Any:
    """Of several ratings with one key the last: by `rated_at`, then the source's order."""
    import ibis

    order = [ibis.desc(table.rated_at, nulls_first=False)]
    order += [ibis.desc(table._row)] if "_row" in table.columns else \
        [ibis.desc(table.rating_id, nulls_first=False), ibis.desc(table.score)]
    ranked = table.mutate(_place=ibis.row_number().over(group_by=[table[c] for c in key], order_by=order))
    return ranked.filter(ranked._place == 0).drop("_place")


def with_counts(chosen: Selection) -> "pd.DataFrame":
    """The groups with n_used, n_raters and n_dropped; counted anew unless no rating repeats and each group has one instrument."""
    scope, by = chosen.scope, list(chosen.by)
    if chosen.n_valued is None or scope["n_instruments"].max() > 1 or not chosen.unrepeated:
        if (table := held(chosen.ratings)) is None or (found := table.used(chosen)) is None:
            used = chosen.table
            counts = {"n_used": used.count(), "n_raters": used.rater_id.nunique()}
            found = collect(chosen.ratings.source, used.group_by(by).aggregate(**counts) if by else used.aggregate(**counts))
        scope = scope.drop(columns="n_raters")
        scope = scope.merge(found, on=by, how="left") if by else scope.assign(**found.iloc[0])
    else:
        scope = scope.assign(n_used=scope["n_valued"])
    counted = scope[["n_scope", "n_used", "n_raters"]].fillna(0).astype(int)
    return scope.assign(**counted, n_dropped=counted["n_scope"] - counted["n_used"])
