"""Which rows later ones replace, found once for a source: else every question would look for them among all keys again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    from workbench.source import Source

FEW = 500       # rows that a condition may list


def without_replaced(source: Source, table: Any, end: dt.datetime | None) -> Any:
    """The source's rows before `end`, which are `table`, without those that one of them replaces and without bare withdrawals."""
    kept = table.filter(table.replaces.isnull() | table.score.notnull() | table.label.notnull())
    if ("replaced", end) not in source.memory:
        from workbench.reduce.held import whole

        known = whole(source) if source.small else None
        source.memory["replaced", end] = [] if known and "replaces" not in known.frame else few_replaced(table)
    rows = source.memory["replaced", end]
    if rows is None:
        named = names(table)
        return kept.anti_join(named, [kept.rating_id.cast("string") == named._gone])
    return kept.filter(kept._row.notin(rows)) if rows else kept


def names(table: Any) -> Any:
    """The ids of what rows of this table replace."""
    return table.filter(table.replaces.notnull()).select(_gone=table.replaces.cast("string")).distinct()


def few_replaced(table: Any) -> list[int] | None:
    """The numbers of the rows that others replace; None where they are not few, or rows have no numbers."""
    if "_row" not in table.columns:
        return None
    gone = names(table).limit(FEW + 1).to_pyarrow()["_gone"].to_pylist()
    if not gone or len(gone) > FEW:
        return None if gone else []
    rows = table.filter(table.rating_id.cast("string").isin(gone)).select("_row").limit(FEW + 1).to_pyarrow()["_row"].to_pylist()
    return sorted(rows) if len(rows) <= FEW else None
