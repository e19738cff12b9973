"""Which ratings count, and at which level: the rules of the data contract as expressions, shared by every reduction.

A rating counts if the panel's rules let it in, it has a value, and it is its rater's last on that unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, RatingsError, examples
from workbench.estimates import join_notes
from workbench.instrument import Scale
from workbench.ratings import Ratings, with_virtual
from workbench.reduce.collect import collect, remembered
from workbench.reduce.scan import LEVELS_LIMIT, Instrument, facts
from workbench.schema import PANEL, UNIT

if TYPE_CHECKING:
    import pandas as pd

INSTRUMENT = ("rubric", "rubric_version", "criterion")
FEW_LEVELS = 24  # up to as many, conditions are faster than a join
NEVER_SPLIT = ("item_id", "score", "label", "level")
# What the results are called: a source's column of such a name must be read under another.
RESULTS = {"n", "total", "squares", "weight", "unit", "window", "n_items", "n_raters", "n_ratings", "n_scope", "n_ruled", "n_steps",
           "n_used", "n_dropped", "rater_a", "rater_b", "level_a", "level_b", "score_a", "score_b", *(f"w{i}" for i in range(9))}


@dataclass(frozen=True)
class Selection:
    """The ratings that count, as an Ibis table with `level` and `score`, and what is known of each group.

    unit: the columns a rating is compared within. groups: one row a group with the `by` columns, n_scope (ratings
    before the panel's rules), n_used, n_raters. scales, notes: one per row of `groups`.
    """

    table: Any
    by: tuple[str, ...]
    unit: tuple[str, ...]
    groups: "pd.DataFrame"
    scales: tuple[Scale, ...]
    notes: tuple[str, ...]
    max_unit: int

    def keys(self) -> list[dict[str, object]]:
        """Each group as `by` column -> level, None where it is missing."""
        return [{c: none_if_missing(v) for c, v in zip(self.by, row)} for row in self.groups[list(self.by)].itertuples(index=False)] \
            if self.by else [{}] * len(self.groups)

    def parts(self, found: "pd.DataFrame") -> list["pd.DataFrame"]:
        """The rows of a reduction that belong to each group, in the order of `groups`; none where a group has no ratings."""
        held = {tuple(none_if_missing(rows[c].iloc[0]) for c in self.by): rows
                for _, rows in found.groupby(group_ids(found, self.by), sort=False)}
        return [held.get(tuple(key.values()), found.iloc[:0]) for key in self.keys()]


def none_if_missing(value: object) -> object:
    """None for every kind of missing value."""
    return None if value is None or value != value else value


def select(ratings: Ratings, *, by: Sequence[str] = (), panel: bool = True, extra: Sequence[str] = ()) -> Selection:
    """The ratings that count, by group. `panel=False` lets every kind of rater, layer and selection in.

    Errors: `RatingsError` for bad values, and for a group that mixes scales or steps with whole items;
    `ParameterError` for a `by` column that is not there.
    """
    by = tuple(by)
    ratings.require(*by, *extra)
    refused = [c for c in by if c in NEVER_SPLIT]
    if refused or len(set(by)) < len(by):
        raise ParameterError(f"by={list(by)!r} cannot group ratings: each column once, and not {', '.join(NEVER_SPLIT)}.")
    clash = [c for c in dict.fromkeys((*by, *extra)) if c in RESULTS or (c == "level" and c in ratings.source.extras)]
    if clash:
        raise ParameterError(f"column {clash[0]!r} of {ratings.source.name} is named as a result is. Read it under another name: "
                             f"columns={{{clash[0]!r}: 'my_{clash[0]}'}}.")
    return remembered(ratings, ("select", by, panel, tuple(extra)), lambda: selected(ratings, by, panel, extra))


def selected(ratings: Ratings, by: tuple[str, ...], panel: bool, extra: Sequence[str]) -> Selection:
    """The selection, found anew."""
    known = facts(ratings)
    table = with_virtual(ratings.table, (*by, *extra))
    rules = panel_rules(ratings, table) if panel else table.status == "rated"
    found = collect(ratings.source, combinations(table, rules, by))
    per_instrument = shared_scales(found, group_ids(found, by), known.scales, ratings.source.name)
    groups, scales, notes = grouped_scales(found, by, per_instrument, ratings.source.name)
    if not len(found) and not by:
        scales, notes = [Scale("nominal")], ["no ratings are selected"]
    levelled = with_level(table.filter(rules), per_instrument)
    used = levelled.filter(levelled.score.notnull())
    unit = (*UNIT, "rubric_version") if "rubric_version" in by else UNIT
    if known.n_repeats:
        used = last_of_repeats(used, (*dict.fromkeys((*by, *unit)), "rater_id", *(() if panel else ("layer",))))
    groups = with_counts(ratings, used, groups, by)
    return Selection(used, by, unit, groups, tuple(scales), tuple(notes), known.max_unit)


def panel_rules(ratings: Ratings, table: Any) -> Any:
    """The condition that lets a rating into the panel; a column that `where` named is left to it."""
    named = {column for column, _ in ratings.conditions}
    rules = table.status.notnull()
    for column, allowed in PANEL.items():
        if column not in named:
            rules = rules & table[column].isin(allowed)
    return rules


def combinations(table: Any, rules: Any, by: tuple[str, ...]) -> Any:
    """Per group and instrument: ratings in scope, ratings that the panel's rules let in, and how many are of steps."""
    grouping = list(dict.fromkeys((*by, *INSTRUMENT)))
    return table.group_by(grouping).aggregate(n_scope=table.count(), n_ruled=rules.fill_null(False).sum(),
                                              n_steps=(rules & table.step.notnull()).fill_null(False).sum()).order_by(grouping)


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
        {**{c: "first" for c in by}, "n_scope": "sum", "n_ruled": "sum"}).reset_index(drop=True)
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


def with_level(table: Any, scales: Mapping[Instrument, Scale]) -> Any:
    """The table with `level`, the place of the rating on its scale, and `score`, the number it stands for."""
    by_scale: dict[Scale, list[Instrument]] = {}
    for key, scale in scales.items():
        by_scale.setdefault(scale, []).append(key)
    if not by_scale:
        return table.mutate(level=table.score.cast("int16"))
    table, places = placed(table, list(by_scale))
    pairs = [(place.cast("int32"), score_of(table, scale, place)) for scale, place in zip(by_scale, places)]
    if len(pairs) == 1:
        return table.mutate(level=pairs[0][0], score=pairs[0][1])
    import ibis

    conditions = [instrument_condition(table, keys, by_scale) for keys in by_scale.values()]
    return table.mutate(level=ibis.cases(*[(c, p[0]) for c, p in zip(conditions, pairs)]),
                        score=ibis.cases(*[(c, p[1]) for c, p in zip(conditions, pairs)]))


def instrument_condition(table: Any, keys: Sequence[Instrument], by_scale: Mapping[Scale, Sequence[Instrument]]) -> Any:
    """The rows of these instruments; by criterion alone where that is enough to tell the scales apart."""
    owners: dict[str, set[int]] = {}
    for place, others in enumerate(by_scale.values()):
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
            if len(known) > FEW_LEVELS:
                kind = "array<string>" if column == "label" else "array<float64>"
                listed = ibis.literal(list(known), kind).name(f"_{column}{place}").as_table()
                listed = listed.unnest(f"_{column}{place}", offset=f"_at_{column}{place}")
                table = table.left_join(listed, table[column] == listed[f"_{column}{place}"])
    return table, [ibis.coalesce(*[place_of(table, column, known, place) for column, known in lookups]) if lookups
                   else ibis.null("int32") for place, lookups in enumerate(wanted)]


def place_of(table: Any, column: str, known: Sequence[Any], place: int) -> Any:
    """The place of a column's value among those known."""
    import ibis

    if len(known) > FEW_LEVELS:
        return table[f"_at_{column}{place}"].cast("int32")
    return ibis.cases(*[(table[column] == value, ibis.literal(i, "int32")) for i, value in enumerate(known)])


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


def last_of_repeats(table: Any, key: Sequence[str]) -> Any:
    """Of several ratings with one key the last: by `rated_at`, then the source's order."""
    import ibis

    order = [ibis.desc(table.rated_at, nulls_first=False)]
    order += [ibis.desc(table._row)] if "_row" in table.columns else \
        [ibis.desc(table.rating_id, nulls_first=False), ibis.desc(table.score)]
    ranked = table.mutate(_place=ibis.row_number().over(group_by=[table[c] for c in key], order_by=order))
    return ranked.filter(ranked._place == 0).drop("_place")


def with_counts(ratings: Ratings, used: Any, groups: "pd.DataFrame", by: tuple[str, ...]) -> "pd.DataFrame":
    """The groups with n_used, n_raters and n_dropped, in the order of their levels."""
    counts = {"n_used": used.count(), "n_raters": used.rater_id.nunique()}
    if not by:
        row = collect(ratings.source, used.aggregate(**counts)).iloc[0]
        groups = groups if len(groups) else groups.reindex([0]).fillna(0)
        return groups.assign(n_used=int(row["n_used"]), n_raters=int(row["n_raters"]),
                             n_dropped=groups["n_scope"].astype(int) - int(row["n_used"]))
    found = collect(ratings.source, used.group_by(list(by)).aggregate(**counts))
    merged = groups.merge(found, on=list(by), how="left") if len(groups) else groups.assign(n_used=0, n_raters=0)
    merged[["n_used", "n_raters"]] = merged[["n_used", "n_raters"]].fillna(0).astype(int)
    return merged.assign(n_dropped=merged["n_scope"].astype(int) - merged["n_used"])
