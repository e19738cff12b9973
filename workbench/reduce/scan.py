"""What a snapshot holds, found once: is every value in order, on which scales are the criteria rated, how big are units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import RatingsError, examples, shorten
from workbench.instrument import Scale
from workbench.ratings import Ratings, Source
from workbench.reduce.collect import collect
from workbench.schema import COLUMNS, UNIT

if TYPE_CHECKING:
    import pandas as pd

Instrument = tuple[str, str, str]  # rubric, rubric_version, criterion
LEVELS_LIMIT = 2_000   # different scores of a criterion beyond which it has no levels, only scores
LABELS_LIMIT = 20_000  # different labels beyond which they are free text, and no levels
BLANK, UNREADABLE = "are blank", "cannot be read as "
ORDINAL_LIMIT = 11     # integer scores with up to this many values are taken for ordinal levels


@dataclass(frozen=True)
class Facts:
    """What one scan of a snapshot found.

    scales: (rubric, rubric_version, criterion) -> its scale. first, last: when rated (None without times).
    max_unit: the most ratings that any unit has; n_repeats: ratings of a unit by a rater beyond the first.
    notes: assumptions made, in words.
    """

    n_rows: int
    scales: Mapping[Instrument, Scale]
    first: Any
    last: Any
    max_unit: int
    n_repeats: int
    notes: tuple[str, ...]


def facts(ratings: Ratings) -> Facts:
    """The facts of the whole snapshot, whatever was selected from it since.

    Errors: `RatingsError` that gathers every fault of the values: blank ids, text in a numeric column, unreadable
    times, NaN, unknown words, values outside the rubric's levels, rubric versions without a file.
    """
    source = ratings.source
    if "facts" not in source.memory:
        source.memory["facts"] = find_facts(source)
    return source.memory["facts"]


def find_facts(source: Source) -> Facts:
    """Check the values, then learn the scales and the size of units."""
    table = source.table
    conditions = faults(source)
    totals = {f"bad_{i}": cond.fill_null(False).sum() for i, (cond, *_) in enumerate(conditions)}
    zoneless = {c: table[c].sum() for c in table.columns if c.startswith("_zoneless_")}
    counted = collect(source, table.aggregate(n=table.count(), first=table.rated_at.min(), last=table.rated_at.max(),
                                              **totals, **zoneless)).iloc[0]
    if not counted["n"]:
        raise RatingsError(f"{source.name}: the row filters leave no rows.")
    found = [describe(source, *fault, int(counted[f"bad_{i}"])) for i, fault in enumerate(conditions) if counted[f"bad_{i}"]]
    scales, faulty = find_scales(source)
    if found or faulty:
        raise RatingsError(f"{source.name}: " + "\n".join([*found, *faulty]))
    units = unit_sizes(source)
    notes = [f"{n:,.0f} values of {c.removeprefix('_zoneless_')} name no time zone: read as UTC"
             for c, n in ((c, counted[c]) for c in zoneless) if n and n == n]
    assumed = sorted({f"{criterion} ({scale.name})" for (_, _, criterion), scale in scales.items() if scale.assumed})
    notes += [f"scale assumed from the values: {examples(assumed)}"] if assumed else []
    times = [None if t != t or t is None else t for t in (counted["first"], counted["last"])]
    return Facts(int(counted["n"]), scales, *times, int(units["largest"]), int(units["repeats"]), (*source.notes, *notes))


def faults(source: Source) -> list[tuple[Any, str, str, str]]:
    """Conditions that no row may meet: (condition, column, what is wrong, cure)."""
    t = source.table
    listed = [(t[c].isnull(), c, BLANK, "Fill them in, or drop these rows.") for c in ("item_id", "rater_id")]
    if "score" not in source.missing:
        listed.append((t.score.isnan() | t.score.isinf(), "score", "are NaN or infinite",
                       "Leave the cell empty where there is no score."))
    for column in COLUMNS:
        name = column.name
        if f"_bad_{name}" in t.columns:
            wanted = {"float64": "a number", "int64": "a whole number"}.get(column.type, "a time (2026-11-01T08:00:00Z)")
            listed.append((t[f"_bad_{name}"].notnull(), name, f"{UNREADABLE}{wanted}", "Correct them, or leave the cell empty."))
        if column.allowed and name not in source.missing:
            listed.append((~t[name].isin(column.allowed), name, "are not among the known words",
                           f"Use one of: {', '.join(column.allowed)}."))
    return listed


def describe(source: Source, condition: Any, column: str, what: str, cure: str, n: int) -> str:
    """One fault with its count and up to three examples."""
    # through a word: DuckDB would skip Parquet row groups by their range, which leaves NaN out
    table = source.table.filter(condition.ifelse("fault", "") == "fault")
    shown = f"_bad_{column}" if what.startswith(UNREADABLE) else column
    rows = table.select(*[c for c in ("_row", shown) if c in table.columns]).limit(3).execute().to_dict("records")
    where = [place(r) for r in rows]
    found = [w if what == BLANK else f"{shorten(r[shown], 40)} ({w})" for r, w in zip(rows, where)]
    subject, verb = ("value", what.replace("are ", "is ", 1)) if n == 1 else ("values", what)
    return f"{n:,} {subject} of '{column}' {verb}: {examples(found, n)}. {cure}"


def place(row: Mapping[str, Any]) -> str:
    """Where a row stands: its number from 1 below the header, and which file where there are several."""
    if "_row" not in row:
        return ""
    file, number = divmod(int(row["_row"]), 1_099_511_627_776)
    return f"row {number}" + (f" of file {file + 1}" if file else "")


def find_scales(source: Source) -> tuple[dict[Instrument, Scale], list[str]]:
    """The scale of every instrument that occurs, and what contradicts the rubric, in words."""
    instruments = occurring(source)
    if source.rubrics:
        return declared_scales(source, instruments)
    scales: dict[Instrument, Scale] = {}
    for (rubric, criterion), rows in instruments.groupby(["rubric", "criterion"], dropna=False, sort=True):
        scale = assumed_scale(source, rows, rubric, criterion)
        scales |= {(rubric, version, criterion): scale for version in rows["rubric_version"]}
    return scales, []


def occurring(source: Source) -> "pd.DataFrame":
    """Per instrument: how many scores and labels, how many different, their range, whether all are whole numbers."""
    t = source.table
    measures = {"n": t.count()}
    if "score" not in source.missing:
        whole = (t.score % 1 == 0) | t.score.isnull()
        measures |= {"n_scores": t.score.count(), "distinct_scores": t.score.approx_nunique(), "low": t.score.min(),
                     "high": t.score.max(), "whole": whole.all()}
    if "label" not in source.missing:
        measures |= {"n_labels": t.label.count(), "distinct_labels": t.label.approx_nunique()}
    found = collect(source, t.group_by(["rubric", "rubric_version", "criterion"]).aggregate(**measures))
    return found.assign(**{c: 0 for c in ("n_scores", "n_labels", "distinct_scores", "distinct_labels") if c not in found})


def distinct(source: Source, column: str, rubric: str, criterion: str) -> "pd.DataFrame":
    """The different values of one criterion under a rubric, in order, with version and count."""
    t = source.table
    kept = t.filter((t.rubric == rubric) & (t.criterion == criterion) & t[column].notnull())
    return collect(source, kept.group_by(["rubric_version", column]).aggregate(n=kept.count()).order_by([column, "rubric_version"]))


def assumed_scale(source: Source, rows: "pd.DataFrame", rubric: str, criterion: str) -> Scale:
    """The scale of a criterion without a rubric: nominal for labels, ordinal for few whole scores, else interval."""
    n_scores, n_labels = rows["n_scores"].sum(), rows["n_labels"].sum()
    if n_labels and (source.use == "label" or not n_scores):
        names = distinct(source, "label", rubric, criterion)["label"].unique().tolist() \
            if rows["distinct_labels"].max() <= LABELS_LIMIT else []
        return Scale("nominal", tuple(names), tuple(map(float, range(len(names)))), uses="label", assumed=True)
    if not n_scores:
        return Scale("nominal", uses="label", assumed=True)
    few = rows["distinct_scores"].max() <= LEVELS_LIMIT
    values = sorted(distinct(source, "score", rubric, criterion)["score"].unique()) if few else []
    ordinal = few and bool(rows["whole"].all()) and len(values) <= ORDINAL_LIMIT
    return Scale("ordinal" if ordinal else "interval", tuple(f"{v:g}" for v in values), tuple(map(float, values)),
                 float(rows["low"].min()), float(rows["high"].max()), assumed=True)


def declared_scales(source: Source, instruments: "pd.DataFrame") -> tuple[dict[Instrument, Scale], list[str]]:
    """Scales as the rubric files state them, held against what occurs."""
    scales, faulty = {}, []
    for row in instruments.itertuples():
        key = (row.rubric, row.rubric_version, row.criterion)
        rubric = source.rubrics.get(key[:2])
        if rubric is None:
            known = ", ".join(f"{n} {v}" for n, v in sorted(source.rubrics))
            faulty.append(f"{row.n:,} ratings are under rubric {key[0]!r} version {key[1]!r}, which has no file. Known: {known}. "
                          f"Add rubrics/{key[0]}-{key[1]}.toml.")
        elif key[2] not in rubric.criteria:
            faulty.append(f"{row.n:,} ratings are on criterion {key[2]!r}, which {rubric.source} does not have. "
                          f"It has: {', '.join(rubric.criteria)}. Add it there.")
        else:
            scales[key], wrong = held_against(source, rubric.criteria[key[2]].scale, row, rubric.source)
            faulty += wrong
    return scales, faulty


def held_against(source: Source, scale: Scale, row: Any, file: str) -> tuple[Scale, list[str]]:
    """A declared scale, its levels filled in where it has none, and the values that it does not allow."""
    where = f'rubric "{row.rubric}" v{row.rubric_version}, criterion {row.criterion}'
    wrong = []
    uses = "label" if row.n_labels and scale.levels else "score"
    for column, known in (("label", scale.levels), ("score", scale.values)):
        if getattr(row, f"n_{column}s") and scale.levels:
            wrong += outside(source, column, known, row, where, file)
    if not scale.levels:
        low, high = scale.minimum, scale.maximum
        if (low is not None and row.low < low) or (high is not None and row.high > high):
            wrong.append(f"scores of {where} run from {row.low:g} to {row.high:g}, outside {low} to {high}. "
                         f"Fix the file, or minimum and maximum in {file}.")
        if row.distinct_scores <= LEVELS_LIMIT and row.n_scores:
            values = sorted(distinct(source, "score", row.rubric, row.criterion)["score"].unique())
            scale = Scale(scale.name, tuple(f"{v:g}" for v in values), tuple(map(float, values)), low, high)
    elif row.n_scores and row.n_labels and not wrong:
        wrong += contradicting(source, scale, row, where)
    return Scale(scale.name, scale.levels, scale.values, scale.minimum, scale.maximum, uses, scale.assumed), wrong


def rated_with(source: Source, row: Any) -> Any:
    """The rows of one instrument."""
    t = source.table
    return t.filter((t.rubric == row.rubric) & (t.rubric_version == row.rubric_version) & (t.criterion == row.criterion))


def outside(source: Source, column: str, known: tuple[Any, ...], row: Any, where: str, file: str) -> list[str]:
    """A sentence for the values that are none of the rubric's levels, if there are any."""
    t = rated_with(source, row)
    hit = t.filter(t[column].notnull() & ~t[column].isin(known))
    n = int(collect(source, hit.aggregate(n=hit.count()))["n"].iloc[0])
    if not n or (column == "label" and row.n_scores and n == row.n_labels):
        return []  # labels that are no levels at all may stand beside scores that are
    rows = hit.select(*[c for c in (column, "_row") if c in t.columns]).limit(3).execute().to_dict("records")
    shown = [f"{r[column]:g}" if column == "score" else str(r[column]) for r in rows]
    shown = [f"{s} ({place(r)})" if "_row" in r else s for s, r in zip(shown, rows)]
    levels = examples([f"{k:g}" if column == "score" else k for k in known])
    return [f"{n:,} {column}{'s lie' if n > 1 else ' lies'} outside {where} ({levels}): {examples(shown, n)}. "
            f"Fix the file, or add the levels in {file}."]


def contradicting(source: Source, scale: Scale, row: Any, where: str) -> list[str]:
    """Rows whose score and label name different levels."""
    import ibis

    t = rated_with(source, row)
    value = ibis.cases(*[(t.label == name, v) for name, v in zip(scale.levels, scale.values)])
    hit = t.filter(t.score.notnull() & value.notnull() & (t.score != value))
    n = int(collect(source, hit.aggregate(n=hit.count()))["n"].iloc[0])
    rows = hit.select(*[c for c in ("score", "label", "_row") if c in t.columns]).limit(3).execute().to_dict("records") if n else []
    shown = [f"score {r['score']:g} with label {r['label']}" + (f" ({place(r)})" if "_row" in r else "") for r in rows]
    return [f"{n:,} rows of {where} have a score and a label that name different levels: {examples(shown, n)}. "
            f"Fix them, or drop one of the two columns."] if n else []


def unit_sizes(source: Source) -> "pd.Series":
    """The most ratings of any unit, and how many ratings repeat a rater's earlier one."""
    t = source.table
    held = t.group_by([*UNIT, "rater_id"]).aggregate(n=t.count())
    units = held.group_by(list(UNIT)).aggregate(k=held.n.sum(), again=(held.n - 1).sum())
    return collect(source, units.aggregate(largest=units.k.max(), repeats=units.again.sum())).iloc[0]
