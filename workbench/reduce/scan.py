"""What a snapshot holds, found once: is every value in order, on which scales are the criteria rated, how big are units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from workbench.errors import RatingsError, examples
from workbench.instrument import Scale
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.declared import declared_scales
from workbench.reduce.faults import Fault, describe, faults
from workbench.reduce.held import INSTRUMENT, whole
from workbench.reduce.slots import most_and_repeats
from workbench.schema import PANEL, UNIT
from workbench.source import Source

if TYPE_CHECKING:
    import pandas as pd

Instrument = tuple[str, str, str]  # rubric, rubric_version, criterion
LEVELS_LIMIT = 2_000   # different scores of a criterion beyond which it has no levels, only scores
LABELS_LIMIT = 20_000  # different labels beyond which they are free text, and no levels
LIMITS = {"score": LEVELS_LIMIT, "label": LABELS_LIMIT}
ORDINAL_LIMIT = 11     # integer scores with up to this many values are taken for ordinal levels


@dataclass(frozen=True)
class Facts:
    """What the scans of a snapshot found.

    instruments: a row each, with what `occurring` counts. scales: (rubric, rubric_version, criterion) -> its scale. first, last:
    when rated (None without times). notes: assumptions made, in words.
    """

    source: Source = field(repr=False, compare=False)
    instruments: "pd.DataFrame" = field(repr=False, compare=False)
    scales: Mapping[Instrument, Scale]
    first: Any
    last: Any
    notes: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """All rows, whether they count or not."""
        return int(self.instruments["n_scope"].sum())

    @cached_property
    def unit(self) -> tuple[str, ...]:
        """The columns that tell units apart: those of `UNIT` that hold more than one value."""
        single = {c: self.instruments[c].nunique() == 1 for c in ("criterion", "rubric")}
        single["step"] = not self.instruments["n_stepped"].any()
        return tuple(c for c in UNIT if not single.get(c))

    @property
    def sized(self) -> bool:
        """Whether `max_unit` and `n_repeats` have been counted."""
        return "_units" in self.__dict__

    @property
    def max_unit(self) -> int:
        """The most ratings that any unit has."""
        return self._units[0]

    @property
    def n_repeats(self) -> int:
        """Ratings of a unit by a rater beyond the first."""
        return self._units[1]

    @cached_property
    def _units(self) -> tuple[int, int]:
        """Counted when first asked for: it costs more than all other facts together."""
        if table := whole(self.source):
            return table.most_and_repeats(self.unit)
        row = collect(self.source, most_and_repeats(self.source.table, self.unit)).fillna(0).iloc[0]
        return int(row["most"]), int(row["repeats"])


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
    """Check the values, then learn the scales."""
    table = whole(source)
    conditions = [] if table else faults(source)
    rows = table.occurring() if table else occurring(source, conditions)
    if rows.empty:
        raise RatingsError(f"{source.name}: the row filters leave no rows.")
    n_bad = [int(rows[f"bad_{i}"].sum()) for i in range(len(conditions))]
    found = [describe(source, *fault, n) for fault, n in zip(conditions, n_bad) if n]
    scales, faulty = find_scales(source, rows)
    if found or faulty:
        raise RatingsError(f"{source.name}: " + "\n".join([*found, *faulty]))
    zoneless = {c.removeprefix("_zoneless_"): rows[c].sum() for c in rows if c.startswith("_zoneless_")}
    notes = [f"{n:,.0f} values of {c} name no time zone: read as UTC" for c, n in zoneless.items() if n]
    assumed = sorted({f"{criterion} ({scale.name})" for (_, _, criterion), scale in scales.items() if scale.assumed})
    notes += [f"scale assumed from the values: {examples(assumed)}"] if assumed else []
    times = [None if t != t or t is None else t for t in (rows["first"].min(), rows["last"].max())]
    return Facts(source, rows, scales, *times, (*source.notes, *notes))


def occurring(source: Source, conditions: Sequence[Fault]) -> "pd.DataFrame":
    """Per instrument, in one scan: how many scores and labels, how many different, their range; the rows that meet each of
    `conditions`; when rated; and what `combinations` counts."""
    t = source.table
    measures = {f"bad_{i}": condition.fill_null(False).sum() for i, (condition, *_) in enumerate(conditions)}
    measures |= {c: t[c].sum() for c in t.columns if c.startswith("_zoneless_")}
    measures |= {"first": t.rated_at.min(), "last": t.rated_at.max(), "n_stepped": t.step.count()}
    for column in LIMITS:
        if column not in source.missing:
            measures |= {f"n_{column}s": t[column].count(), f"distinct_{column}s": t[column].approx_nunique()}
    if "score" not in source.missing:
        measures |= {"low": t.score.min(), "high": t.score.max()}
    found = collect(source, combinations(t, panel_rules_of(source, t), (), **measures))
    return found.assign(**{c: 0 for column in LIMITS for c in (f"n_{column}s", f"distinct_{column}s") if c not in found})


def panel_rules_of(source: Source, table: Any, named: Collection[str] = ()) -> Any:
    """The condition that lets a rating into the panel, but for the columns `named`. Absent columns hold a default that it lets in."""
    rules = table.status.notnull()
    for column, allowed in PANEL.items():
        if column not in (*named, *source.missing):
            rules = rules & table[column].isin(allowed)
    return rules


def combinations(table: Any, rules: Any, by: Sequence[str], **further: Any) -> Any:
    """Per group and instrument: ratings in scope, ratings that the panel's rules let in, how many of these are of steps, how many
    have a value, and by how many raters."""
    ruled = rules.fill_null(False)
    valued = ruled & (table.score.notnull() | table.label.notnull())
    grouping = list(dict.fromkeys((*by, *INSTRUMENT)))
    return table.group_by(grouping).aggregate(
        n_scope=table.count(), n_ruled=ruled.sum(), n_steps=(ruled & table.step.notnull()).sum(), n_valued=valued.sum(),
        n_raters=table.rater_id.nunique(where=valued), **further).order_by(grouping)


def find_scales(source: Source, instruments: "pd.DataFrame") -> tuple[dict[Instrument, Scale], list[str]]:
    """The scale of every instrument that occurs, and what contradicts the rubric, in words."""
    @cache
    def counted(column: str, *of: str) -> list[tuple[Any, ...]]:
        rows = distinct(source, column, *of)
        return list(zip(*(rows[c].tolist() for c in (*INSTRUMENT, column, "n"))))

    def values(column: str, row: Any) -> dict[Any, int] | None:
        if getattr(row, f"distinct_{column}s") > LIMITS[column]:
            return None
        together = instruments[f"distinct_{column}s"].max() <= LIMITS[column]       # one scan for all criteria
        version, found = getattr(row, "rubric_version", None), {}
        for rubric, number, criterion, value, n in counted(column, *(() if together else (row.rubric, row.criterion))):
            if (rubric, criterion) == (row.rubric, row.criterion) and version in (None, number):
                found[value] = found.get(value, 0) + n
        return found

    if source.rubrics:
        return declared_scales(source, instruments, values)
    scales: dict[Instrument, Scale] = {}
    kinds = {c: "max" if c.startswith("distinct") else "sum" for c in instruments if c.startswith(("n_", "distinct"))}
    kinds |= {c: kind for c, kind in (("low", "min"), ("high", "max")) if c in instruments}
    pooled = instruments
    if instruments.duplicated(["rubric", "criterion"]).any():
        pooled = instruments.groupby(["rubric", "criterion"], as_index=False).agg(kinds)
    for row in pooled.drop(columns="rubric_version", errors="ignore").itertuples():
        versions = instruments.loc[(instruments["rubric"] == row.rubric) & (instruments["criterion"] == row.criterion), "rubric_version"]
        scales |= dict.fromkeys(((row.rubric, version, row.criterion) for version in versions), assumed_scale(source, row, values))
    return scales, []


def distinct(source: Source, column: str, rubric: str | None = None, criterion: str | None = None) -> "pd.DataFrame":
    """The different values of one criterion under a rubric, or of all, in order, with instrument and count."""
    if criterion is None and (table := whole(source)):
        return table.distinct(column)
    t = source.table
    kept = t.filter(t[column].notnull())
    if criterion is not None:
        kept = kept.filter((kept.rubric == rubric) & (kept.criterion == criterion))
    return collect(source, kept.group_by([*INSTRUMENT, column]).aggregate(n=kept.count()).order_by([column, *INSTRUMENT]))


def assumed_scale(source: Source, row: Any, values: Any) -> Scale:
    """The scale of a criterion without a rubric: nominal for labels, ordinal for few whole scores, else interval."""
    if row.n_labels and (source.use == "label" or not row.n_scores):
        counted = values("label", row)
        names = list(counted or ())
        return Scale("nominal", tuple(names), tuple(map(float, range(len(names)))), uses="label", assumed=True)
    if not row.n_scores:
        return Scale("nominal", uses="label", assumed=True)
    counted = values("score", row)
    numbers = sorted(counted or ())
    ordinal = counted is not None and len(numbers) <= ORDINAL_LIMIT and all(float(v).is_integer() for v in numbers)
    return Scale("ordinal" if ordinal else "interval", tuple(f"{v:g}" for v in numbers), tuple(map(float, numbers)),
                 float(row.low), float(row.high), assumed=True)
