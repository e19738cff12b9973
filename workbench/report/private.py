"""A report's terms of privacy where the run itself reads and writes; its notebooks keep them by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pandas as pd

import workbench
from workbench.privacy import Terms, under
from workbench.ratings import Ratings
from workbench.report.collect import LEFT_OUT
from workbench.report.scrub import Scrub, hiding, path_scrubber
from workbench.store.pseudonyms import names_hidden, veiled_filters

OFTEN = 50_000      # texts whose clean form is remembered: a chart's data name the same columns and raters thousands of times


def read_under(held: Terms, source: Path, *, columns: Mapping[str, str] | None, exclude: Mapping[str, object] | None,
               engine: str | None = None) -> Ratings:
    """The ratings as the terms allow."""
    with under(held):
        return workbench.read(source, columns=columns, exclude=exclude, engine=engine)


def told_exclude(exclude: Mapping[str, object] | None, held: Terms) -> dict[str, object]:
    """Row filters as a report may record them."""
    if not (held.pseudonyms or held.party):
        return dict(exclude or {})
    return {column: list(values) for column, values in veiled_filters(exclude or {}, held).items()}


def scrubber(places: Mapping[str, str], held: Terms, source: Path, *, columns: Mapping[str, str] | None,
             engine: str | None = None) -> Scrub:
    """What cleans each text of a report: of paths, names and secrets of this machine, and of ids that the terms hide, wherever they come
    from."""
    clean = path_scrubber(places)
    if not (held.pseudonyms or held.party):
        return lru_cache(OFTEN)(clean)
    hide = hiding(names_hidden(read_under(Terms(), source, columns=columns, exclude=None, engine=engine), held))
    return lru_cache(OFTEN)(lambda text: hide(clean(text)))


def stated(held: Terms, findings: pd.DataFrame, estimates: pd.DataFrame) -> dict[str, object]:
    """The terms as a manifest states them, with how much they left out; the variable's name is not told, only that there is a key."""
    left = findings.loc[findings["id"].str.contains(LEFT_OUT.replace(" ", "-"), regex=False), "n_dropped"] if held.min_cell else []
    hidden = estimates["note"].astype("string").str.contains(": suppressed", regex=False).fillna(False).sum() if held.min_cell else 0
    return {"pseudonyms": bool(held.pseudonyms), "min_cell": held.min_cell, "party": held.party,
            "findings_left_out": int(sum(left)), "estimates_suppressed": int(hidden)}
