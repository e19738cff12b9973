"""Scales as the rubric files state them, held against the values that occur."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import examples
from workbench.instrument import Scale
from workbench.reduce.collect import collect
from workbench.reduce.faults import place
from workbench.source import Source

if TYPE_CHECKING:
    import pandas as pd

    # The different values of a column under a rubric, version and criterion with the number of each; None for very many.
    Values = Callable[[str, Any], "dict[Any, int] | None"]


def declared_scales(source: Source, instruments: "pd.DataFrame", values: Values) -> tuple[dict[tuple[str, str, str], Scale], list[str]]:
    """The scale of each instrument, and what contradicts its rubric, in words."""
    scales, faulty = {}, []
    for row in instruments.itertuples():
        key = (row.rubric, row.rubric_version, row.criterion)
        rubric = source.rubrics.get(key[:2])
        if rubric is None:
            known = ", ".join(f"{n} {v}" for n, v in sorted(source.rubrics))
            faulty.append(f"{row.n_scope:,} ratings are under rubric {key[0]!r} version {key[1]!r}, which has no file. Known: {known}. "
                          f"Add rubrics/{key[0]}-{key[1]}.toml.")
        elif key[2] not in rubric.criteria:
            faulty.append(f"{row.n_scope:,} ratings are on criterion {key[2]!r}, which {rubric.source} does not have. "
                          f"It has: {', '.join(rubric.criteria)}. Add it there.")
        else:
            scales[key], wrong = held_against(source, rubric.criteria[key[2]].scale, row, rubric.source, values)
            faulty += wrong
    return scales, faulty


def held_against(source: Source, scale: Scale, row: Any, file: str, values: Values) -> tuple[Scale, list[str]]:
    """A declared scale, its levels filled in where it has none, and the values that it does not allow."""
    where = f'rubric "{row.rubric}" v{row.rubric_version}, criterion {row.criterion}'
    wrong = []
    uses = "label" if row.n_labels and scale.levels else "score"
    for column, known in (("label", scale.levels), ("score", scale.values)):
        if getattr(row, f"n_{column}s") and scale.levels:
            wrong += outside(source, column, known, row, where, file, values)
    if not scale.levels:
        low, high = scale.minimum, scale.maximum
        if (low is not None and row.low < low) or (high is not None and row.high > high):
            wrong.append(f"scores of {where} run from {row.low:g} to {row.high:g}, outside {low} to {high}. "
                         f"Fix the file, or minimum and maximum in {file}.")
        if row.n_scores and (counted := values("score", row)) is not None:
            numbers = sorted(counted)
            scale = Scale(scale.name, tuple(f"{v:g}" for v in numbers), tuple(map(float, numbers)), low, high)
    elif row.n_scores and row.n_labels and not wrong:
        wrong += contradicting(source, scale, row, where)
    return Scale(scale.name, scale.levels, scale.values, scale.minimum, scale.maximum, uses, scale.assumed), wrong


def rated_with(source: Source, row: Any) -> Any:
    """The rows of one instrument."""
    t = source.table
    return t.filter((t.rubric == row.rubric) & (t.rubric_version == row.rubric_version) & (t.criterion == row.criterion))


def outside(source: Source, column: str, known: tuple[Any, ...], row: Any, where: str, file: str, values: Values) -> list[str]:
    """A sentence for the values that are none of the rubric's levels, if there are any."""
    counted = values(column, row)
    if counted is not None and set(counted) <= set(known):
        return []
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
