"""The Ratings type: a lazy view of one snapshot of a rating table, with its rubrics and side tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.cache import digest
from workbench.errors import ParameterError, examples
from workbench.instrument import Rubric
from workbench.periods import moment, period_bounds, timeless
from workbench.schema import BY_NAME
from workbench.source import Snapshot, Source

if TYPE_CHECKING:
    import pandas as pd

# Columns that need not be stored: made from others when `by` or `where` names them.
VIRTUAL = ("week", "month")


@dataclass(frozen=True)
class Ratings:
    """Ratings as read, narrowed by `where`, `between`, `period` and `until`. Nothing is loaded until asked for."""

    source: Source
    conditions: tuple[tuple[str, tuple[object, ...]], ...] = ()
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    def where(self, **conditions: object) -> Ratings:
        """Keep rows whose column equals the value, or one of a list of values; None keeps missing ones.

        A condition on `rater_kind`, `layer`, `status` or `selection` takes the place of the panel's default.

        Errors: `ParameterError` for a column that is not there.
        """
        wanted = []
        for column, value in conditions.items():
            self.require(column)
            values = tuple(value) if isinstance(value, (list, tuple, set)) else (value,)
            wanted.append((column, values))
        return replace(self, conditions=(*self.conditions, *wanted))

    def between(self, start: str | dt.datetime | None, end: str | dt.datetime | None) -> Ratings:
        """Keep ratings given from `start` up to but not at `end` (UTC; None leaves that side open), and undated gold."""
        self.require("rated_at")
        first, last = moment(start), moment(end)
        latest = [t for t in (self.start, first) if t is not None]
        earliest = [t for t in (self.end, last) if t is not None]
        return replace(self, start=max(latest, default=None), end=min(earliest, default=None))

    def period(self, period: str) -> Ratings:
        """Keep the ratings of one period ("2026-W46", "2026-11"); "undated" or "" keeps all."""
        return self if period in ("", "undated") else self.between(*period_bounds(period))

    def until(self, period: str) -> Ratings:
        """Keep everything before the end of a period; "undated" or "" keeps all."""
        return self if period in ("", "undated") else self.between(None, period_bounds(period)[1])

    def require(self, *columns: str) -> None:
        """Raise `ParameterError` unless every column is there to select or group by."""
        unknown = [c for c in columns if c not in self.columns and c not in VIRTUAL]
        if unknown:
            raise ParameterError(f"column {examples([repr(c) for c in unknown])} is not in {self.source.name}. "
                                 f"Its columns are: {', '.join(self.columns)}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The contract's columns (an absent one stands with its default) and the source's further ones."""
        return (*BY_NAME, *self.source.extras)

    @property
    def missing(self) -> tuple[str, ...]:
        """The contract's columns that the source lacks."""
        return self.source.missing

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed when reading, in words."""
        return self.source.notes

    @property
    def rubrics(self) -> Mapping[tuple[str, str], Rubric]:
        """Rubric files by (name, version)."""
        return self.source.rubrics

    @cached_property
    def table(self) -> Any:
        """The selected rows as an Ibis table: superseded and withdrawn ones taken out, repeats still in."""
        table = current(self.source, self.end)
        if self.start is not None:
            table = table.filter((table.rated_at >= self.start) | timeless(table))
        for column, values in self.conditions:
            seen = with_virtual(table, (column,))
            table = seen.filter(matches(seen[column], values))
            table = table.drop(column) if column in VIRTUAL else table
        return table

    @property
    def first(self) -> pd.Timestamp | None:
        """When the first selected rating was given (UTC)."""
        return self._span[0]

    @property
    def last(self) -> pd.Timestamp | None:
        """When the last selected rating was given (UTC)."""
        return self._span[1]

    @cached_property
    def _span(self) -> tuple[Any, Any]:
        from workbench.reduce.extent import span

        return span(self)

    def count(self) -> int:
        """How many rows are selected."""
        from workbench.reduce.extent import n_selected

        return n_selected(self)

    def check(self) -> None:
        """Check every value of the snapshot against the contract, once. Errors: `RatingsError`, all faults in one."""
        from workbench.reduce import facts

        facts(self)

    @cached_property
    def snapshot(self) -> Snapshot:
        """What exactly was read, whatever was selected from it since."""
        from workbench.reduce.extent import n_read

        rubrics = {f"{name} {version}": digest(rubric)[:12] for (name, version), rubric in self.rubrics.items()}
        return Snapshot(id=self.source.id, name=self.source.name, version=self.source.identity(), rubrics=rubrics,
                        n_rows=n_read(self.source))

    def excluded(self) -> dict[str, int]:
        """How many rows each row filter took out, in the order given; a row counts at the first that names it."""
        named = (f"{column} = {examples(list(values))}" for column, values in self.source.exclude.items())
        return dict(zip(named, left_out(self.source)))

    def to_pandas(self, *, limit: int | None = 100) -> pd.DataFrame:
        """The first `limit` selected rows as a frame, in the source's order; None for all of them."""
        from workbench.reduce.extent import rows

        if (found := rows(self, limit)) is not None:
            return found
        table = self.table.order_by("_row") if "_row" in self.table.columns else self.table
        table = table.select(*[c for c in self.columns if c not in self.missing])
        return (table if limit is None else table.limit(limit)).to_pandas()

    def side_table(self, name: str) -> pd.DataFrame | None:
        """A dataset's side table ("items", "steps", "raters", "systems", "criteria", "checks"), or None."""
        return self.source.side_table(name)

    @property
    def items(self) -> pd.DataFrame | None:
        """What was judged, one row an item, or None where the dataset has no such table."""
        return self.side_table("items")

    @property
    def raters(self) -> pd.DataFrame | None:
        """Attributes of raters, or None."""
        return self.side_table("raters")

    @property
    def systems(self) -> pd.DataFrame | None:
        """The systems judged with order, release and what they were trained on, or None."""
        return self.side_table("systems")

    @cached_property
    def overview(self) -> dict[str, str]:
        """What a reader wants to know first, as label and text."""
        self.check()  # or an engine that cannot answer would say so in its own words
        from workbench.reduce.extent import sizes

        counts, rubrics = sizes(self)
        versions = sorted({f"{r.rubric} {r.rubric_version}" for r in rubrics.itertuples()})
        period = f"{self.first:%Y-%m-%d} to {self.last:%Y-%m-%d} (UTC)" if self.first is not None else "undated: no rated_at"
        return {
            "Ratings": f"{counts['n']:,} of {counts['items']:,} items by {counts['raters']:,} raters",
            "Raters per item": f"{counts['lo']:,.0f} to {counts['hi']:,.0f}, median {counts['mid']:,.0f}" if counts["n"] else "none",
            "Period": period,
            "Criteria": examples(sorted(rubrics["criterion"].unique())) if counts["n"] else "none",
            "Rubrics": examples(versions) + ("" if self.rubrics else " (no rubric file: scales are assumed)"),
            "Left out by row filters": "; ".join(f"{n:,} rows with {what}" for what, n in self.excluded().items()) or "none",
            "Not in this source": ", ".join(self.missing) or "nothing",
            "Notes": "; ".join(self.notes) or "none",
            "Snapshot": self.source.id or "none: a caller's table has no content identity",
        }

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{escape(k)}</th><td style='text-align:left'>{escape(v)}</td></tr>"
                       for k, v in self.overview.items())
        return f"<table><caption>{escape(self.source.name)}</caption>{rows}</table>"

    def __repr__(self) -> str:
        chosen = "".join(f", {c} in {list(v)}" for c, v in self.conditions)
        return f"<Ratings {self.source.name}{chosen}>"


def current(source: Source, end: dt.datetime | None) -> Any:
    """The source's rows known before `end`, without those a later row replaces and without bare withdrawals."""
    table = source.table
    if end is not None:
        table = table.filter((table.rated_at < end) | timeless(table))
    if "replaces" in source.missing:
        return table
    from workbench.reduce.replaced import without_replaced

    return without_replaced(source, table, end)


def left_out(source: Source) -> list[int]:
    """How many rows each row filter takes out; a row counts at the first that names it."""
    if "left out" not in source.memory:
        table, counts = source.unfiltered if source.exclude else None, []
        for column, values in source.exclude.items():
            hit = matches(table[column], values).fill_null(False)
            counts.append(int(table.filter(hit).count().execute()))
            table = table.filter(~hit)
        source.memory["left out"] = counts
    return source.memory["left out"]


def matches(column: Any, values: Sequence[object]) -> Any:
    """A condition on an Ibis column: equal to one of `values`, None standing for missing.

    Words given for another type are read in that type, so that "true" and "3" may come from a command line.
    """
    kind, missing = column.type(), column.isnull()
    known = alike(values, column.get_name(), "text" if kind.is_string() else "truth" if kind.is_boolean() else
                  "number" if kind.is_numeric() else "time" if kind.is_timestamp() else "")
    if not known:
        return missing if None in values else missing & column.notnull()
    return column.isin(known) | missing if None in values else column.isin(known)


def alike(values: Sequence[object], column: str, kind: str) -> list[object]:
    """Those of the values that are not missing, as what the column holds: "text", "truth", "number", "time" or "" for anything else."""
    known = [v for v in values if v is not None]
    made = {"text": str, "time": moment, "truth": lambda v: in_kind(v, column, True), "number": lambda v: in_kind(v, column, False)}
    return [made[kind](v) for v in known] if kind else known


def in_kind(value: object, column: str, boolean: bool) -> object:
    """A word as the number or truth that its column holds. Errors: `ParameterError`."""
    if boolean:
        known = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
        if str(value).lower() in known:
            return known[str(value).lower()]
        raise ParameterError(f"{column}={value!r}: column {column!r} holds true and false. Use one of them.")
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        raise ParameterError(f"{column}={value!r}: column {column!r} holds numbers. Give a number, or None for missing ones.") from None


def with_virtual(table: Any, names: Sequence[str]) -> Any:
    """The table with those of the `VIRTUAL` columns that `names` asks for."""
    made = {name: table.rated_at.truncate({"week": "W", "month": "M"}[name]).cast("timestamp('UTC')") for name in VIRTUAL
            if name in names and name not in table.columns}
    return table.mutate(**made) if made else table
