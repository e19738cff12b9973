"""A reviewer's decision: a row of the ratings table, appended before the next item shows; and the decisions that stand, read back."""

from __future__ import annotations

import datetime as dt
import fcntl
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from workbench.errors import RatingsError
from workbench.schema import BY_NAME

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Source

REASONS = {"rater_error": "rater error", "ambiguous_item": "ambiguous item", "rubric_hole": "hole in the rubric",
           "legitimate_difference": "legitimate difference"}
OF_ITEM = ("prompt_id", "system", "system_b", "task_type")      # copied from the unit's ratings, so that slices keep their decisions
LOT = {"queue": "string", "scope": "string", "lot": "float64", "lot_seed": "int64"}      # what a decision is a sample of
EXTRAS = {"reason": "string", "note": "string", "blind": "bool", "second": "bool", **LOT}
PATIENCE = 10.0     # seconds that a writer who holds the store is waited for


@dataclass(frozen=True)
class Unit:
    """What is decided: one criterion of one item, or of one step of it, under one version of a rubric."""

    item_id: str
    step: int | None = None
    criterion: str = "overall"
    rubric: str = "default"
    rubric_version: str = "1"


@dataclass(frozen=True)
class Decision:
    """One row that a reviewer appended: a level (`score`, `label` or both), a skip, or the withdrawal of what it `replaces`.

    `blind`: given before the ratings were seen. `second`: beside another reviewer's, unknown to this one. `queue`: where the unit came
    from, None for adjudications that were not made at a desk; `scope`: the filters that it came through, as JSON; `lot`: of an audit its
    random number, 0 to 1, drawn with `lot_seed`: the sample of the audit are the units with the lowest.
    """

    unit: Unit
    reviewer: str
    rating_id: str
    score: float | None = None
    label: str | None = None
    status: str = "rated"
    reason: str | None = None
    note: str | None = None
    blind: bool | None = None
    second: bool | None = None
    queue: str | None = None
    scope: str | None = None
    lot: float | None = None
    lot_seed: int | None = None
    replaces: str | None = None
    layer: int = 1
    rated_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    seconds: float | None = None
    session: str | None = None
    prompt_id: str | None = None
    system: str | None = None
    system_b: str | None = None
    task_type: str | None = None

    @property
    def valued(self) -> bool:
        """Whether it says a level."""
        return self.score is not None or self.label is not None


PLAIN = [f.name for f in fields(Decision) if f.name not in ("unit", "reviewer")]
KEY = [f.name for f in fields(Unit)]


def new_id() -> str:
    """The key of a row that nobody stored before."""
    return f"review-{uuid4().hex}"


def as_rows(decision: Decision) -> pa.Table:
    """A decision as the one row to append."""
    import pyarrow as pa

    given = {**{c: getattr(decision.unit, c) for c in KEY}, **{c: getattr(decision, c) for c in PLAIN},
             "rater_id": decision.reviewer, "rater_kind": "adjudicator", "selection": "review"}
    kinds = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}
    types = {c: kinds.get(EXTRAS.get(c) or BY_NAME[c].type, pa.timestamp("us", tz="UTC")) for c in given}
    return pa.table({c: pa.array([value], types[c]) for c, value in given.items()})


def store(folder: Path, *decisions: Decision) -> int:
    """Append decisions to the store, all or none; the table's version. Durable when this returns, and absent where it raises.

    Errors: `RatingsError` where another program holds the store for long, or it cannot be written.
    """
    import pyarrow as pa
    from workbench.store.managed import append_ratings

    await_turn(folder)
    return append_ratings(folder, pa.concat_tables(map(as_rows, decisions)), action={"action": "review"}, fresh=True).version


def await_turn(folder: Path, *, patience: float = PATIENCE) -> None:
    """Wait until nobody else writes. Errors: `RatingsError` when that takes longer than `patience` seconds."""
    from workbench.store.managed import not_written

    try:
        with (folder / ".lock").open("a") as stream:
            until = time.monotonic() + patience
            while True:
                try:
                    return fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > until:
                        break
                    time.sleep(0.02)
    except OSError as fault:
        raise not_written(folder, fault) from None
    raise RatingsError(f"{folder}: another program (an import, perhaps) has been writing for {patience:g} seconds. Your decision is not "
                       "stored yet: give it again in a moment.")


def recorded(source: Source) -> list[Decision]:
    """Every row that adjudicators have in a source, withdrawn ones too, in the order of arrival."""
    table = source.table.filter(source.table.rater_kind == "adjudicator")
    table = table.order_by("_row") if "_row" in table.columns else table
    wanted = [c for c in ("rater_id", *KEY, *PLAIN) if c in table.columns]
    return [decision_of({c: known(v) for c, v in row.items()}) for row in table.select(*wanted).to_pandas().to_dict("records")]


def decision_of(row: dict[str, Any]) -> Decision:
    """A stored row as a decision."""
    unit = Unit(str(row["item_id"]), None if row["step"] is None else int(row["step"]), *(str(row[c]) for c in KEY[2:]))
    plain = {c: row[c] for c in PLAIN if row.get(c) is not None}
    return Decision(unit, str(row["rater_id"]), plain.pop("rating_id", None) or new_id(), **plain)


def known(value: Any) -> Any:
    """A cell, None where it is missing; times as Python's own."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that no later row replaces or withdraws; of one reviewer's on a unit the last."""
    decisions = list(decisions)
    gone = {d.replaces for d in decisions if d.replaces}
    last = {(d.unit, d.reviewer): d for d in decisions if d.rating_id not in gone and (d.valued or not d.replaces)}
    return [d for d in decisions if last.get((d.unit, d.reviewer)) is d]


def newest(folder: Path) -> int:
    """The number of the store's last version, -1 where there is none."""
    return max((int(p.stem) for p in (folder / "ratings" / "_delta_log").glob("*.json") if p.stem.isdigit()), default=-1)
