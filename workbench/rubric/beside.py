"""Agreement under each of two rubric versions, and its difference on the items that the same raters rated under both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import resample
from workbench.agreement.contrast import Condition, put_beside
from workbench.agreement.estimate import Sampling
from workbench.agreement.exchange import Beside, interval_of
from workbench.agreement.identified import Identified
from workbench.agreement.krippendorff import alpha_sums
from workbench.estimates import estimate, join_notes
from workbench.rubric.pairing import INSTRUMENT, Bridge, versions

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

DIFFERENCE = "difference of krippendorff_alpha"
RATED_ONCE = "no item of the bridge set has two ratings under both versions"
LEVELS_DIFFER = "the versions have different levels: alphas on different scales are not comparable as they stand"


def alphas(ratings: Ratings, pair: tuple[str, str], confidence: float) -> list[dict[str, object]]:
    """Alpha of each version on everything rated under it."""
    from workbench.agreement import krippendorff_alpha

    name = {(r.rubric, r.rubric_version): r.version for r in versions(ratings).itertuples()}
    table = krippendorff_alpha(ratings, by=INSTRUMENT, confidence=confidence)
    table["rubric_version"] = [name.get(key, "") for key in zip(table["rubric"], table["rubric_version"])]
    table = table[table["rubric_version"].isin(pair)].drop(columns="rubric")
    order = table["rubric_version"].map(pair.index).sort_values(kind="stable").index
    return [row | {"df": math.nan, "repeats": False} for row in table.loc[order].to_dict("records")]


def difference(found: Bridge, pair: tuple[str, str], *, confidence: float, draws: int, seed: int) -> dict[str, object]:
    """The row of one criterion's difference."""
    row = {"criterion": found.criterion, "rubric_version": f"{pair[1]} less {pair[0]}", "df": math.nan, "repeats": False}
    if found.reason:
        return row | estimate(DIFFERENCE, math.nan, n_items=found.both["unit"].nunique(), note=found.reason)
    sides, n_items, *_ = put_beside(*(condition(found, side, scale) for side, scale in zip(("old", "new"), found.scales)), ["unit"])
    if not len(sides.weight):
        return row | estimate(DIFFERENCE, math.nan, n_items=n_items, note=RATED_ONCE)
    value = float(resample.value(sides.formula, np.concatenate([sides.weight @ part for part in (sides.first, sides.second)])))
    sampling, size = Sampling("bootstrap", confidence, draws, seed), len(sides.weight)
    undefined = "" if math.isfinite(value) else "only one level occurs, or no item has two ratings"
    counts = {"n_items": n_items, "n_raters": found.both["rater_id"].nunique(), "n_ratings": 2 * len(found.both)}
    if size < 2:
        return row | estimate(DIFFERENCE, value, **counts, note=undefined or "one item: no interval")
    half = np.random.default_rng(seed).permutation(size) % 2 == 0
    made, *halves = (interval_of(some_of(sides, part), value, sampling) for part in (np.full(size, True), half, ~half))
    note = join_notes(undefined, "" if found.alike else LEVELS_DIFFER, "" if undefined else str(made.pop("note")))
    repeats = same_side([(part.get("low", math.nan), part.get("high", math.nan)) for part in halves])
    return row | estimate(DIFFERENCE, value, **counts) | made | {"note": note, "df": size - 1, "repeats": repeats}


def some_of(sides: Beside, part: np.ndarray) -> Beside:
    """The rows `part` of both sides."""
    return replace(sides, **{field: getattr(sides, field)[part] for field in ("first", "second", "weight", "in_first", "in_second")})


def same_side(ends: Sequence[tuple[float, float]]) -> bool:
    """Whether all intervals lie above 0, or all below."""
    return all(low > 0 for low, _ in ends) or all(high < 0 for _, high in ends)


def condition(found: Bridge, side: str, scale: Scale) -> Condition:
    """The bridge set's ratings under the old or the new version."""
    from workbench.reduce import Moments, Patterns

    rows = found.both.sort_values("unit", kind="stable").rename(columns={f"{column}_{side}": column for column in ("level", "score")})
    panel, nothing = Identified.of(rows), np.zeros(0)
    rest = {"key": {}, "weight": nothing, "cluster": None, "scale": scale.name, "n_items": panel.n_items, "n_raters": panel.n_raters,
            "n_ratings": len(rows), "n_dropped": 0, "note": ""}
    group = Moments(n=nothing, total=nothing, squares=nothing, center=float(found.both["score_old"].mean()), **rest) \
        if scale.name == "interval" else Patterns(counts=nothing, levels=scale.levels, values=np.asarray(scale.values, dtype=float), **rest)
    return Condition(group, alpha_sums, panel, rows.drop_duplicates("unit"), "block")
