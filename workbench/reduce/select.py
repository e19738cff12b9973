"""Which ratings count, and at which level: the rules of the data contract as expressions, shared by every reduction.

A rating counts if the panel's rules let it in, it has a value, and it is its rater's last on that unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, RatingsError, columns_of, examples, whole_items
from workbench.estimates import MEASURES, join_notes
from workbench.instrument import Scale
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.level import instrument_condition, standing
from workbench.reduce.held import held
from workbench.reduce.scan import INSTRUMENT, LEVELS_LIMIT, Facts, Instrument, combinations, facts, panel_rules_of
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
        return [{c: none_if_missing(v) for c, v in zip(self.by, row)} for row in self.scope[list(self.by)].itertuples(index=False)] \
            if self.by else [{}] * len(self.scope)

    def parts(self, found: "pd.DataFrame") -> list["pd.DataFrame"]:
        """The rows of a reduction that belong to each group, in the order of `scope`; none where a group has no ratings."""
        held = {tuple(none_if_missing(rows[c].iloc[0]) for c in self.by): rows
                for _, rows in found.groupby(group_ids(found, self.by), sort=False)}
        return [held.get(tuple(key.values()), found.iloc[:0]) for key in self.keys()]


def none_if_missing(value: object) -> object:
    """None for every kind of missing value."""
    return None if value is None or value != value else value


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
    t = chosen.table
    levels = t.select(*chosen.keyed, _own=t[cluster].cast("string"))
    units = levels.group_by(list(chosen.keyed)).aggregate(first=levels._own.min(), last=levels._own.max(),
                                                          n=levels.count(), n_own=levels._own.count())
    found = units.aggregate(split=(units.first != units.last).sum(), partly=((units.n_own > 0) & (units.n_own < units.n)).sum())
    return tuple(int(n) if n == n else 0 for n in collect(chosen.ratings.source, found).iloc[0])


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


def group_ids(frame: "pd.DataFrame", by: tuple[str, ...]) -> "pd.Series":
    """The number of each row's group, in order of first sight."""
    if not by:
        return frame.assign(_g=0)["_g"]
    return frame.groupby(list(by), dropna=False, sort=False).ngroup()


def grouped_scales(found: "pd.DataFrame", by: tuple[str, ...], scales: Mapping[Instrument, Scale],
                   name: str) -> tuple["pd.DataFrame", list[Scale], list[str]]:
    """One row a group, with the scale its ratings share (per instrument in `scales`) and a note of what was pooled."""
    ids = group_ids(found, by)
    groups = found.assign(_g=ids).groupby("_g", sort=False).agg(
        {**{c: "first" for c in by}, "n_scope": "sum", "n_valued": "sum", "n_raters": "max"}).reset_index(drop=True)
    groups["n_instruments"] = (found["n_valued"] > 0).groupby(ids, sort=False).sum().to_numpy()
    if by:  # `first` skips missing levels
        groups = groups.assign(**{c: found.loc[~ids.duplicated(), c].reset_index(drop=True) for c in by})
    merged, notes = [], []
    for _, rows in found.groupby(ids, sort=False):
        rows = rows[rows["n_ruled"] > 0] if (rows["n_ruled"] > 0).any() else rows
        if rows["n_steps"].sum() not in (0, rows["n_ruled"].sum()):
            raise RatingsError(f"{name}: ratings of steps and of whole items stand in one group. "
                               "Choose with where(step=None) for whole items, or by=['step']; a run leaves the steps out "
                               "with --exclude step=[0,1,2].")
        merged.append(scales[tuple(rows[list(INSTRUMENT)].iloc[0])])
        notes.append(pooling_note(rows, by, merged[-1]))
    return groups, merged, notes


def merge(keyed: Sequence[tuple[Instrument, Scale]], name: str) -> Scale:
    """The one scale that several instruments share. Errors: `RatingsError` that says how to take them apart."""
    scales = list(dict.fromkeys(scale for _, scale in keyed))
    largest = max(scales, key=lambda s: len(s.levels), default=Scale("nominal"))
    if len(scales) <= 1:
        return largest
    one_line = all((s.name, s.uses, s.assumed) == (largest.name, largest.uses, largest.assumed) for s in scales)
    if one_line and largest.name == "nominal" and largest.assumed and all(set(s.levels) <= set(largest.levels) for s in scales):
        return largest
    if one_line and largest.name in ("interval", "ratio") and len({(s.minimum, s.maximum) for s in scales}) == 1:
        values = sorted({v for s in scales for v in s.values})
        values = values if all(s.values for s in scales) and len(values) <= LEVELS_LIMIT else []
        return Scale(largest.name, tuple(f"{v:g}" for v in values), tuple(values), largest.minimum, largest.maximum,
                     assumed=largest.assumed)
    apart = next(([c] for c in ("criterion", "rubric", "rubric_version") if tells_apart(keyed, INSTRUMENT.index(c))), list(INSTRUMENT))
    shown = [f"{'/'.join(key)} is {scale.name}" + (f" with levels {', '.join(scale.levels[:4])}{' …' * (len(scale.levels) > 4)}"
             if scale.levels else "") for key, scale in {scale: (key, scale) for key, scale in keyed}.values()]
    raise RatingsError(f"{name}: ratings on different scales cannot be pooled: {'; '.join(shown[:3])}. "
                       f"Take them apart with by={apart!r}, or pick one with where({apart[0]}=...).")


def tells_apart(keyed: Sequence[tuple[Instrument, Scale]], place: int) -> bool:
    """Whether naming one part of the instrument is enough to tell the scales apart."""
    seen: dict[str, Scale] = {}
    return all(seen.setdefault(key[place], scale) == scale for key, scale in keyed)


def pooling_note(rows: "pd.DataFrame", by: tuple[str, ...], scale: Scale) -> str:
    """What was pooled without being asked, and what was assumed."""
    pooled = [f"{noun} pooled: {examples(sorted(rows[c].unique()))}" for c, noun in
              (("rubric_version", "rubric versions"), ("rubric", "rubrics")) if c not in by and rows[c].nunique() > 1]
    return join_notes(*pooled, f"{scale.name} scale assumed from the values" if scale.assumed else "")


def shared_scales(found: "pd.DataFrame", ids: "pd.Series", scales: Mapping[Instrument, Scale], name: str) -> dict[Instrument, Scale]:
    """Each instrument's scale; instruments that meet in a group, directly or through others, share one."""
    together: dict[Instrument, set[Instrument]] = {}
    for _, rows in found.groupby(ids, sort=False):
        ruled = rows[rows["n_ruled"] > 0] if (rows["n_ruled"] > 0).any() else rows
        keys = {tuple(k) for k in ruled[list(INSTRUMENT)].itertuples(index=False)}
        joined = keys.union(*(together.get(k, set()) for k in keys))
        together |= {k: joined for k in joined}
    merged = {id(group): merge([(k, scales[k]) for k in sorted(group)], name) for group in together.values()}
    return {key: merged[id(group)] for key, group in together.items()}


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
