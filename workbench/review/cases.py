"""What a reviewer needs of a unit: its item, all ratings on it, its steps, and the rubric's words; several units in one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import ParameterError, RatingsError, examples, shorten
from workbench.instrument import Criterion, Scale
from workbench.review.decisions import KEY, OF_ITEM, Unit, known

if TYPE_CHECKING:
    from workbench.ratings import Ratings

SHOWN = ("rater_id", "rater_kind", "party", "layer", "selection", "score", "label", "status", "rated_at", "seconds", "rating_id",
         "shown_first", *OF_ITEM, "text", "queue")
PANEL_KINDS = ("human", "expert")


@dataclass(frozen=True)
class Case:
    """A unit with its item (column -> value), its ratings, its item's steps (None where there are none) and its line of the rubric."""

    unit: Unit
    item: Mapping[str, Any]
    ratings: pd.DataFrame
    steps: pd.DataFrame | None
    line: Criterion

    @property
    def scale(self) -> Scale:
        """What it is rated on."""
        return self.line.scale

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels to choose from, in order; none on a scale of numbers."""
        return self.scale.levels if self.scale.name in ("nominal", "ordinal") else ()

    @property
    def panel(self) -> pd.DataFrame:
        """The ratings of people who judge for the panel, with a value."""
        own = self.ratings
        return own[own["rater_kind"].isin(PANEL_KINDS) & (own["status"] == "rated") & own["level"].notna()]

    @property
    def next_layer(self) -> int:
        """The review layer of a decision: one above the highest that was reviewed, decisions at desks aside."""
        others = self.ratings[self.ratings["queue"].isna()] if "queue" in self.ratings else self.ratings
        return 1 + int(others["layer"].max()) if len(others) else 1

    def level_of(self, score: float | None, label: str | None) -> str | None:
        """The name of a rating's level, or its score as text where the scale has no levels."""
        if label is not None and (label in self.scale.levels or score is None):
            return str(label)
        if score is None:
            return None
        return self.scale.levels[self.scale.values.index(score)] if score in self.scale.values else f"{score:g}"

    def values_of(self, level: str | float) -> tuple[float | None, str | None]:
        """Score and label of a level, in the columns that the unit's ratings use. Errors: `ParameterError` for one the scale lacks."""
        scale = self.scale
        if not self.levels:
            return self.number_of(level), None
        name = f"{level:g}" if isinstance(level, (int, float)) and not isinstance(level, bool) else str(level)
        if name not in scale.levels:
            raise ParameterError(f"level={level!r} is no level of {self.unit.criterion}. Use one of: {', '.join(map(repr, scale.levels))}.")
        uses = {c: bool(self.ratings[c].notna().any()) for c in ("score", "label")}
        value = float(scale.values[scale.levels.index(name)])
        label = name if uses["label"] or not uses["score"] else None
        return (value if uses["score"] else None), label

    def number_of(self, level: str | float) -> float:
        """A score on a scale without levels."""
        low, high = self.scale.minimum, self.scale.maximum
        try:
            number = float(level)
        except (TypeError, ValueError):
            number = float("nan")
        if not ((low is None or number >= low) and (high is None or number <= high)) or number != number or abs(number) == float("inf"):
            between = f"a number from {low:g} to {high:g}" if low is not None and high is not None else "a finite number"
            raise ParameterError(f"{shorten(level)!r} is no value of {self.unit.criterion}, which is rated by {between}. Give one.")
        return number


def load(ratings: Ratings, units: Sequence[Unit], *, folder: Path | None) -> dict[Unit, Case]:
    """The cases of several units, in one query; a unit of which no rating is left is not among them.

    All ratings of a unit are there, whatever was selected. Errors: `RatingsError` where the files have gone since they were read.
    """
    from workbench.reduce.scan import facts

    if not units:
        return {}
    whole, ids = type(ratings)(ratings.source), sorted({unit.item_id for unit in units})
    columns = [c for c in (*KEY, *SHOWN) if c in whole.table.columns]
    try:
        table = whole.table
        frame = table.filter(table.item_id.cast("string").isin(ids)).select(*columns).to_pandas()
    except Exception as fault:      # of the engine, whose files were compacted or forgotten under it
        raise RatingsError(f"{ratings.source.name}: its files cannot be read any more ({shorten(fault, 120)}). They were compacted or a "
                           "rater was forgotten since. Read the ratings again: run the notebook's cells from the top.") from fault
    scales = facts(ratings).scales
    frame["item_id"] = frame["item_id"].astype(str)
    items, steps = side_rows(ratings, "items", ids, folder), side_rows(ratings, "steps", ids, folder)
    of_items = {} if items is None else {str(row["item_id"]): row for row in items.to_dict("records")}
    of_steps = {} if steps is None else {str(item): rows for item, rows in steps.groupby("item_id")}
    held = {key: rows for key, rows in frame.groupby(["item_id", *KEY[2:]], sort=False)}
    made = {}
    for unit in units:
        rows = held.get((unit.item_id, *(getattr(unit, c) for c in KEY[2:])), frame.iloc[:0])
        rows = rows[rows["step"].isna() if unit.step is None else rows["step"] == unit.step].reset_index(drop=True)
        scale = scales.get((unit.rubric, unit.rubric_version, unit.criterion))
        if len(rows) and scale is not None:
            made[unit] = case_of(unit, rows, of_items.get(unit.item_id, {}), of_steps.get(unit.item_id), line_of(unit, scale, ratings))
    return made


def line_of(unit: Unit, scale: Scale, ratings: Ratings) -> Criterion:
    """The unit's line of the rubric, on the scale that its ratings are read by."""
    rubric = ratings.rubrics.get((unit.rubric, unit.rubric_version))
    stated = rubric.criteria.get(unit.criterion) if rubric else None
    return Criterion(scale, stated.definition if stated else "", stated.wordings if stated else ())


def case_of(unit: Unit, rows: pd.DataFrame, item: Mapping[str, Any], steps: pd.DataFrame | None, line: Criterion) -> Case:
    """A unit's case; what the items file says of the item goes before what its ratings say."""
    said = {c: next((v for v in map(known, rows[c]) if v is not None), None) for c in (*OF_ITEM, "text") if c in rows}
    said |= {c: v for c, v in item.items() if known(v) is not None}
    ordered = None if steps is None else steps.sort_values("step").reset_index(drop=True)
    case = Case(unit, {c: v for c, v in said.items() if v is not None and c != "item_id"}, rows, ordered, line)
    levels = [case.level_of(known(score), known(label)) for score, label in zip(rows["score"], rows["label"])]
    return replace(case, ratings=rows.assign(level=pd.Series(levels, rows.index, dtype=object)))


def side_rows(ratings: Ratings, name: str, ids: Sequence[str], folder: Path | None) -> pd.DataFrame | None:
    """The rows of a side table that are about these items; only they are held where it lies in a folder."""
    path = folder / f"{name}.parquet" if folder else None
    if path is None:
        frame = ratings.side_table(name)
        return None if frame is None else frame[frame["item_id"].astype(str).isin(ids)]
    if not path.exists():
        return None
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    try:
        table = ds.dataset(path).to_table(filter=pc.field("item_id").cast(pa.string()).isin(list(ids)))
    except (pa.ArrowInvalid, OSError) as fault:
        raise RatingsError(f"{path.name}: it cannot be read ({shorten(fault, 100)}). Copy it again, or move it away.") from None
    return table.to_pandas()


def unit_of(row: Mapping[str, Any]) -> Unit:
    """A row of a queue as a unit."""
    step = known(row["step"])
    return Unit(str(row["item_id"]), None if step is None else int(step), *(str(row[c]) for c in KEY[2:]))


def vanished(units: Sequence[Unit]) -> str:
    """What to say of units that the queue names and of which nothing is left."""
    return f"{len(units):,} of the queue's units have no rating any more and are left out: {examples([u.item_id for u in units])}."
