"""Agreement under each of two rubric versions, and its difference on the items that the same raters rated under both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import ParameterError
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.pairing import INSTRUMENT, Bridge, bridges, chosen_pair, versions

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings
    from workbench.resample import Formula

DIFFERENCE = "difference of krippendorff_alpha"
LEVELS_DIFFER = "the versions have different levels: alphas on different scales are not comparable as they stand"


def compare(ratings: Ratings, *, versions: Sequence[str] | None = None, confidence: float = 0.95, draws: int = 1000,
            seed: int = 0) -> pd.DataFrame:
    """Do raters agree better under the new version of the rubric?

    For each criterion Krippendorff's alpha of all ratings under either version, each with its own mix of items and raters; and
    `difference of krippendorff_alpha`, new less old, on the bridge set alone: items that the same raters rated under both. Above 0 the
    new version is agreed on better. Interval: percentile bootstrap of items (prompts, where known), both versions drawn together.

    versions: old and new, by the names in `versions`; default as there. confidence, draws, seed: of the intervals.

    Undefined (nan, the reason in `note`): one version only; no item under both; items under both but by different raters (then a
    difference cannot be told from the rater pool); fewer than 10 bridge items; one level only.
    Returns an estimates table by criterion and rubric_version ("new less old" for a difference). `repeats` says whether the intervals
    of both random halves of the bridge set lie on the same side of 0; `df` is the number of items (prompts) drawn, less one.
    Source: Krippendorff (2018), Content Analysis, 4th ed., ch. 12; Efron and Tibshirani (1993), ch. 8.
    """
    if not 0 < confidence < 1 or draws < 2:
        raise ParameterError(f"confidence={confidence!r}, draws={draws!r}: give a share between 0 and 1, and at least 2 draws.")
    pair = chosen_pair(ratings, versions)
    if pair is None:
        return estimates_table([], by=["criterion", "rubric_version"]).assign(df=pd.Series(dtype=float), repeats=pd.Series(dtype=bool))
    rows = [*alphas(ratings, pair, confidence),
            *(difference(b, pair, confidence=confidence, draws=draws, seed=seed) for b in bridges(ratings, pair))]
    table = estimates_table(rows, by=["criterion", "rubric_version"])
    rank = {name: k for k, name in enumerate(["krippendorff_alpha", DIFFERENCE])}
    table = table.assign(_name=table["name"].map(rank)).sort_values(["criterion", "_name"], kind="stable").drop(columns="_name")
    return table[["name", "criterion", "rubric_version", *MEASURES, "df", "repeats"]].reset_index(drop=True)


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
    terms, formula, blocks = paired_terms(found)
    weight = np.ones(len(terms))
    value = float(resample.value(formula, weight @ terms))
    merged, ones = resample.merge(terms, weight, blocks)
    drawn = resample.bootstrap(formula, merged, ones, draws=draws, seed=seed)
    low, high = resample.percentile_interval(drawn, confidence)
    half = np.random.default_rng(seed).permutation(len(merged)) % 2 == 0
    ends = [resample.percentile_interval(resample.bootstrap(formula, merged[part], ones[part], draws=draws, seed=seed), confidence)
            for part in (half, ~half)]
    note = join_notes("" if math.isfinite(value) else "only one level occurs, or no item has two ratings",
                      "" if found.alike else LEVELS_DIFFER)
    return row | estimate(DIFFERENCE, value, low=low, high=high, se=float(np.nanstd(drawn)) if math.isfinite(value) else math.nan,
                          confidence=confidence, method="bootstrap", n_items=len(terms), n_raters=found.both["rater_id"].nunique(),
                          n_ratings=2 * len(found.both), note=note) | {"df": len(merged) - 1, "repeats": same_side(ends)}


def same_side(ends: Sequence[tuple[float, float]]) -> bool:
    """Whether all intervals lie above 0, or all below."""
    return all(low > 0 for low, _ in ends) or all(high < 0 for _, high in ends)


def paired_terms(found: Bridge) -> tuple[np.ndarray, Formula, np.ndarray]:
    """What each bridge item adds to alpha under the old and the new version, side by side, and the formula of their difference."""
    both = found.both
    unit = both["unit"].to_numpy()
    blocks = both["block"].to_numpy()[np.unique(unit, return_index=True)[1]]
    keep = np.bincount(unit) >= 2
    (a, first), (b, second) = (alpha_terms(both, side, unit, scale) for side, scale in zip(("old", "new"), found.scales))
    width = a.shape[1]

    def formula(totals: np.ndarray) -> np.ndarray:
        return second(totals[..., width:]) - first(totals[..., :width])
    return np.column_stack([a, b]), formula, blocks[keep]


def alpha_terms(both: pd.DataFrame, side: str, unit: np.ndarray, scale: Scale) -> tuple[np.ndarray, Formula]:
    """Alpha's terms per item rated twice or more, from one side's ratings."""
    from workbench.agreement.krippendorff import alpha_sums
    from workbench.reduce import Moments, Patterns

    n_items = unit.max(initial=-1) + 1
    rest = {"key": {}, "weight": np.ones(n_items), "cluster": None, "scale": scale.name, "n_items": n_items, "n_raters": 0,
            "n_ratings": len(both), "n_dropped": 0, "note": ""}
    if scale.name == "interval":
        score = both[f"score_{side}"].to_numpy(dtype=float)
        group = Moments(n=np.bincount(unit).astype(float), total=np.bincount(unit, score), squares=np.bincount(unit, score**2),
                        center=0.0, **rest)
    else:
        level = both[f"level_{side}"].to_numpy(dtype=int)
        counts = np.zeros((n_items, len(scale.levels)))
        np.add.at(counts, (unit, level), 1)
        group = Patterns(counts=counts, levels=scale.levels, values=np.asarray(scale.values, dtype=float), **rest)
    sums = alpha_sums(group)
    return np.asarray(sums.terms.toarray() if hasattr(sums.terms, "toarray") else sums.terms), sums.formula
