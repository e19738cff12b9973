"""The groups of a generalizability study: each criterion, and what all of them say together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.estimates import join_notes
from workbench.reduce import facts
from workbench.signal.components import coded, pair_codes
from workbench.signal.panels import NOMINAL, Panel, design_of, panels, plain

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COMPOSITE = "composite"
NO_SYSTEM = "no `system`: deliver whose output each item is"
NONE_WHOLE = "no rater rated an item on all criteria: there is no composite of one rater"


@dataclass(frozen=True)
class Group:
    """Ratings of one study: score (N,) with each rubric version's mean taken out, and codes of the object, prompts, raters, items."""

    key: Mapping[str, object]
    score: np.ndarray
    codes: Mapping[str, np.ndarray]
    counts: Mapping[str, int]
    note: str
    refused: str = ""


def groups(ratings: Ratings, *, keys: Sequence[str], object: str) -> Iterator[Group]:
    """The studies, of each criterion and then of the composite of those that have scores."""
    found = panels(ratings, keys)
    for panel in found:
        yield group_of(panel, panel.said, object=object, refused=NOMINAL if panel.nominal else "")
    scored = [panel for panel in found if not panel.nominal and len(panel.rows)]
    yield from (composite(alike, ratings, object) for alike in by_rest(scored) if len(alike) > 1)


def by_rest(scored: Sequence[Panel]) -> list[list[Panel]]:
    """Panels that differ in their criterion alone."""
    held: dict[tuple[str, ...], list[Panel]] = {}
    for panel in scored:
        held.setdefault(plain(v for k, v in panel.key.items() if k != "criterion"), []).append(panel)
    return list(held.values())


def composite(alike: Sequence[Panel], ratings: Ratings, object: str) -> Group:
    """The mean over criteria, each as a share of its scale, of every rater who rated an item on all of them."""
    scales, parts = facts(ratings).scales, []
    for panel in alike:
        ends = {version: span(scales, rubric, version, panel.rows["criterion"].iloc[0])
                for rubric, version in panel.rows[["rubric", "rubric_version"]].drop_duplicates().itertuples(index=False)}
        low, high = (panel.rows["rubric_version"].map({v: e[i] for v, e in ends.items()}).to_numpy(dtype=float) for i in (0, 1))
        parts.append(panel.rows.assign(score=(panel.rows["score"].to_numpy(dtype=float) - low) / (high - low)))
    rows = pd.concat(parts, ignore_index=True)
    keys = [c for c in ("item_id", "step", "rubric_version", "rater_id", "system", "prompt_id") if c in rows]
    summed = rows.groupby(keys, dropna=False, sort=False)["score"].agg(["mean", "size"]).reset_index()
    whole = summed[(summed["size"] == len(alike)) & summed["mean"].notna()].rename(columns={"mean": "score"}).reset_index(drop=True)
    whole["unit"] = whole.groupby([c for c in ("item_id", "step") if c in whole], dropna=False, sort=False).ngroup()
    n_whole = len(whole) * len(alike)
    counts = {"n_raters": int(whole["rater_id"].nunique()), "n_ratings": n_whole,
              "n_dropped": sum(len(panel.rows) for panel in alike) - n_whole}
    panel = Panel({**alike[0].key, "criterion": COMPOSITE}, *design_of(whole, ratings), False, counts, alike[0].said)
    note = join_notes(f"mean of {len(alike)} criteria, each as a share of its scale", panel.said)
    return group_of(panel, note, object=object, refused="" if len(whole) else NONE_WHOLE)


def span(scales: Mapping[tuple[str, str, str], object], rubric: str, version: str, criterion: str) -> tuple[float, float]:
    """The ends of a criterion's scale; nan where it has none."""
    scale = scales[rubric, version, criterion]
    ends = (min(scale.values), max(scale.values)) if len(scale.values) else (scale.minimum, scale.maximum)
    return ends if None not in ends and ends[1] > ends[0] else (float("nan"), float("nan"))


def group_of(panel: Panel, note: str, *, object: str, refused: str) -> Group:
    """The codes of a design with this object of measurement."""
    design, systems = panel.design, panel.systems
    codes = {"rater": design.rater, "item": design.item}
    if object == "system":
        refused = refused or ("" if systems is not None else NO_SYSTEM)
        codes |= {"system": systems if systems is not None else np.zeros(len(design.score), int)}
        codes |= {} if design.prompt is None else {"prompt": design.prompt}
        if design.prompt is not None and one_each(pair_codes(codes["system"], design.prompt), design.item):
            del codes["item"]
    version = panel.rows["rubric_version"].factorize()[0]
    means = np.bincount(version, design.score) / np.maximum(np.bincount(version), 1)
    n_items = int(coded(design.item).max(initial=-1)) + 1
    return Group(panel.key, design.score - means[version], codes, {**panel.counts, "n_items": n_items}, note, refused)


def one_each(outer: np.ndarray, inner: np.ndarray) -> bool:
    """Whether each outer code holds one inner code."""
    return coded(outer).max(initial=-1) == pair_codes(outer, inner).max(initial=-1)
