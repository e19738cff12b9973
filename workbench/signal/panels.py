"""Who judged what: the ratings of each group as codes of systems, prompts, items and raters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.estimates import join_notes
from workbench.reduce import cells
from workbench.reduce.collect import remembered
from workbench.reduce.select import select
from workbench.signal.components import Components, Design, components, jackknife

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce.select import Selection
    from workbench.signal.reliability_components import Factors

INSTRUMENT = ("criterion", "rubric", "rubric_version")
KNOWN = ("rubric_version", "system", "system_b", "prompt_id", "rated_at", "party")
NO_SYSTEM = "no `system`: as if two systems shared these items"
NOMINAL = "nominal levels have no mean"


@dataclass(frozen=True)
class Panel:
    """One group: its key, ratings (in the order of `design`), design, systems' codes and names where known, and counts."""

    key: Mapping[str, object]
    rows: pd.DataFrame
    design: Design
    systems: np.ndarray | None
    names: Sequence[object]
    nominal: bool
    counts: Mapping[str, int]
    said: str
    errors: dict[int, tuple[float, int]] = field(default_factory=dict, repr=False)

    @cached_property
    def parts(self) -> Components:
        """Its variance components."""
        return Components(*[float("nan")] * 4, 1.0, False, note=NOMINAL) if self.nominal else components(self.design)

    def error(self, seed: int) -> tuple[float, int]:
        """The `jackknife` of its design, drawn once a seed."""
        if seed not in self.errors:
            self.errors[seed] = jackknife(self.design, seed)
        return self.errors[seed]

    @cached_property
    def study(self) -> Factors | None:
        """Its design as factors, of systems or without several of items; None where these cannot be told."""
        from workbench.signal.reliability_components import factors
        from workbench.signal.reliability_groups import group_of

        of = "system" if self.systems is not None and np.unique(self.systems).size > 1 else "item"
        if self.nominal or not self.parts.total > 0:
            return None
        group = group_of(self, "", object=of, refused="")
        study = factors(group.score, group.codes, of=of)
        return None if of in {*study.merged, *study.merged.values()} or len(study.names) < 2 else study

    @cached_property
    def n_items(self) -> int:
        """Items of a system (median); half of all without systems."""
        if self.systems is None:
            return self.rows["unit"].nunique() // 2
        size = self.rows["unit"].groupby(self.systems).nunique()
        return int(size.median()) if len(size) else 0

    @property
    def note(self) -> str:
        """What could not be told, and was assumed."""
        return join_notes(self.parts.note, "" if self.systems is not None else NO_SYSTEM, self.said)


def panels(ratings: Ratings, keys: Sequence[str]) -> list[Panel]:
    """One `Panel` a group, in the order of its levels; made once, for all questions about these ratings."""
    return remembered(ratings, ("panels", *keys), lambda: list(read_panels(ratings, keys)))


def judgements(ratings: Ratings, keys: Sequence[str], columns: Sequence[str] = KNOWN) -> tuple[pd.DataFrame, Selection]:
    """The panel's ratings with those of these columns that are there, and `rubric_version`, read once for all questions about them;
    and their groups."""
    extra = [c for c in columns if (c == "rubric_version" or c not in ratings.missing) and c not in keys]
    frame = remembered(ratings, ("judgements", *keys, *extra), lambda: cells(ratings, by=keys, extra=extra))
    return frame.copy(deep=False), select(ratings, by=keys, extra=extra)


def read_panels(ratings: Ratings, keys: Sequence[str]) -> Iterator[Panel]:
    """The panels, read anew."""
    frame, chosen = judgements(ratings, keys)
    frame = frame[[c for c in frame if c not in ("system_b", "party") or c in keys]]
    own = {plain(key): rows for key, rows in frame.groupby(list(keys), dropna=False, sort=False)}
    for key, scale, note, n_scope in zip(chosen.keys(), chosen.scales, chosen.notes, chosen.scope["n_scope"]):
        rows = own.get(plain(key[k] for k in keys), frame.iloc[:0])
        counts = {"n_raters": rows["rater_id"].nunique(), "n_ratings": len(rows), "n_dropped": int(n_scope) - len(rows)}
        rows, design, systems, names = design_of(rows, ratings)
        yield Panel(dict(key), rows, design, systems, names, scale.name == "nominal", counts, join_notes(note))


def design_of(rows: pd.DataFrame, ratings: Ratings) -> tuple[pd.DataFrame, Design, np.ndarray | None, Sequence[object]]:
    """A group's ratings, of known systems where any is known, as codes; the systems' codes and names.

    Items and prompts are those of one rubric version: what is rated under two of them is two.
    """
    known = "system" not in ratings.missing and "system" in rows and rows["system"].notna().any()
    rows = rows[rows["system"].notna()] if known else rows
    systems, names = rows["system"].factorize(sort=True) if known else (None, [])
    version = rows["rubric_version"].factorize()[0]
    several = int(version.max(initial=0)) + 1
    prompted = "prompt_id" in rows and "prompt_id" not in ratings.missing and rows["prompt_id"].notna().all()
    prompt = rows["prompt_id"].factorize()[0] * several + version if prompted else None
    stratum = version if systems is None else systems * several + version
    item, rater = rows["unit"].factorize()[0] * several + version, rows["rater_id"].factorize()[0]
    return rows, Design(rows["score"].to_numpy(dtype=float), item, rater, stratum, prompt), systems, names


def labels(key: Mapping[str, object]) -> dict[str, str]:
    """A group in words for charts and sentences: its instrument, and its slice of it."""
    level = {k: "(none)" if v is None or v != v else str(v) for k, v in key.items()}
    instrument_of = [level[k] if k == "criterion" else f"{k.replace('_', ' ')} {level[k]}" for k in INSTRUMENT if k in level]
    slices = [v for k, v in level.items() if k not in INSTRUMENT and v != "(none)"]
    return {"instrument": ", ".join(instrument_of) or "all criteria", "group": ", ".join(slices) or "all ratings"}


def plain(key: object) -> tuple[str, ...]:
    """A group's key that can be looked up, missing levels alike."""
    return tuple("\x00" if level is None or level != level else str(level) for level in key)
