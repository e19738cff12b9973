"""Trajectories: at which step raters part, whether they find the same first error, and whether an early difference carries on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.disagreement.units import INSTRUMENT, places
from workbench.errors import ParameterError
from workbench.estimates import MEASURES, estimate, estimates_table

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

BY = ["criterion", "rubric", "step"]
NO_STEPS = "no rating is of a step: these are ratings of whole items"
FEW_LEVELS = 200    # up to so many a table of units by levels is held densely
NONE = -1    # the first error of a rater who found none


def steps(ratings: Ratings, *, error: Sequence[str] | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """At which step of a trajectory do raters part, and what comes of it?

    For each criterion and rubric, in this order; of two raters of one trajectory, averaged over its pairs, then over trajectories:

    `disagreement` at each step: their mean distance, 0 alike, 1 at opposite ends (nominal: different).
    `krippendorff_alpha` at each step.
    `parting` at each step: of the pairs alike at every earlier step both rated, the share that differ here.
    `first_error_agreement`: the share that name the same first error, "none" included; `first_error_alpha`: the same beyond chance
    (nominal alpha of the first error's step).
    `after_difference`, `after_agreement`: how often they differ at a step, having differed, or not, at the one before; `carry_on`: the
    first less the second, after taking from each pair of raters the rate at which they differ on other trajectories: above 0 an early
    difference carries on, 0 steps are judged each for itself, whoever the raters are.

    error: the levels that are an error; default the lowest one of an ordinal scale. confidence: of the intervals, which take trajectories
    (prompts, where known) as the sample. Undefined (nan, reason in `note`): no ratings of steps, no pairs, no level that is an error,
    fewer than two trajectories. Errors: `ParameterError` for levels that no scale has; as `reduce.cells`.
    Sources: Lightman et al. (2023), arXiv:2305.20050, on first errors; ratio estimates linearised as in Cochran (1977), ch. 6.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(i, r, s, x) for i in "abc" for r, xs in (("ann", "110"), ("bob", "100")) for s, x in enumerate(xs)]
    >>> found = steps(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "step", "score"]).astype({"score": float})))
    >>> found[found["name"] == "parting"][["step", "value"]].values.tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, nan]]
    """
    from workbench.reduce import cells, facts

    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence!r}: give a share between 0 and 1, such as 0.95.")
    extra = [c for c in ("prompt_id",) if c in ratings.columns and c not in ratings.missing]
    scales, rows = facts(ratings).scales, pd.DataFrame(columns=["criterion", "rubric"])
    if "step" not in ratings.missing:
        rows = cells(ratings, by=(*INSTRUMENT, "step"), extra=extra)
        rows = rows[rows["step"].notna()]
    levels = {level for scale in scales.values() for level in scale.levels}
    if unknown := sorted(set(error or ()) - levels):
        raise ParameterError(f"error={list(error or ())!r}: no scale has {', '.join(map(repr, unknown))}. "
                             f"Levels: {', '.join(map(repr, sorted(levels)[:10]))}.")
    found: list[dict[str, object]] = []
    for (criterion, rubric), part in rows.groupby(["criterion", "rubric"], sort=True):
        own = {v: scales[rubric, v, criterion] for v in part["rubric_version"].unique()}
        found += [row | {"criterion": criterion, "rubric": rubric} for row in criterion_rows(part, own, error, confidence)]
    if not found:
        found = [estimate("disagreement", math.nan, note=NO_STEPS) | {"criterion": "", "rubric": "", "step": math.nan}]
    table = pd.concat([estimates_table(found, by=BY), alphas(ratings, confidence)] if len(rows) else [estimates_table(found, by=BY)])
    order = {name: k for k, name in enumerate(["disagreement", "krippendorff_alpha"])}
    rank = table["name"].map(order).fillna(len(order))
    table = table.assign(_rank=rank, _place=np.arange(len(table))).sort_values(["criterion", "rubric", "_rank", "_place"], kind="stable")
    return table[["name", *BY, *MEASURES]].reset_index(drop=True)


def alphas(ratings: Ratings, confidence: float) -> pd.DataFrame:
    """Krippendorff's alpha of each step."""
    from workbench.agreement.krippendorff import krippendorff_alpha

    table = krippendorff_alpha(ratings, by=BY, confidence=confidence)
    return table[table["step"].notna()].sort_values("step", kind="stable")[["name", *BY, *MEASURES]]


def criterion_rows(rows: pd.DataFrame, scales: dict[str, Scale], error: Sequence[str] | None,
                   confidence: float) -> Iterator[dict[str, object]]:
    """The rows of one criterion and rubric, alpha apart."""
    place = np.concatenate([places(part, scales[v]) for v, part in rows.groupby("rubric_version")])
    rows = rows.loc[np.concatenate([part.index for _, part in rows.groupby("rubric_version")])].assign(place=place)
    nominal = next(iter(scales.values())).name == "nominal"
    rows = rows.assign(item=pd.factorize(rows["item_id"])[0], rater=pd.factorize(rows["rater_id"], sort=True)[0])
    names = rows["prompt_id"].astype(object).where(rows["prompt_id"].notna(), rows["item_id"]) if "prompt_id" in rows else rows["item_id"]
    rows = rows.assign(block=pd.factorize(names)[0]).sort_values(["item", "step", "rubric_version", "rater"], kind="stable")
    met = meetings(rows, nominal)
    counts = {step: counted(part) for step, part in rows.groupby("step")}
    for step, part in met.groupby("step"):
        yield ratio("disagreement", part, part["apart"], confidence) | counts[step] | {"step": step}
    together = met[~met["parted"]]
    for step in counts:
        part = together[together["step"] == step]
        yield ratio("parting", part, part["differ"], confidence) | counts[step] | {"step": step}
    whole = counted(rows) | {"step": math.nan}
    yield from (row | whole for row in first_errors(rows, scales, error, confidence))
    yield from (row | whole for row in carried(met, confidence))


def counted(rows: pd.DataFrame) -> dict[str, int]:
    """How many trajectories, raters and ratings."""
    return {"n_items": rows["item_id"].nunique(), "n_raters": rows["rater_id"].nunique(), "n_ratings": len(rows)}


def meetings(rows: pd.DataFrame, nominal: bool) -> pd.DataFrame:
    """Each two raters of a step: item, block, step, a, b, their distance `apart`, whether they `differ`, whether they differed at the step
    before (`before`, missing if not both rated one) and had `parted` at any earlier one."""
    unit = rows.groupby(["item", "step", "rubric_version"], sort=False).ngroup().to_numpy()
    kept = {c: rows[c].to_numpy() for c in ("item", "block", "step", "rater", "place", "rubric_version")}
    parts = []
    for gap in range(1, int(np.bincount(unit).max(initial=1))):
        first = np.flatnonzero(unit[gap:] == unit[:-gap])
        x, y = kept["place"][first], kept["place"][first + gap]
        parts.append(pd.DataFrame({"item": kept["item"][first], "block": kept["block"][first], "step": kept["step"][first].astype(int),
                                   "version": kept["rubric_version"][first], "a": kept["rater"][first], "b": kept["rater"][first + gap],
                                   "apart": (x != y).astype(float) if nominal else (x - y) ** 2, "differ": x != y}))
    columns = ["item", "block", "step", "version", "a", "b", "apart", "differ"]
    met = pd.concat(parts) if parts else pd.DataFrame({c: pd.Series(dtype=bool if c == "differ" else float) for c in columns})
    pair = ["item", "version", "a", "b"]
    met = met.sort_values([*pair, "step"], kind="stable").reset_index(drop=True)
    by_pair = met.groupby(pair, sort=False)
    earlier = by_pair["differ"].cumsum() - met["differ"].astype(int)
    last = by_pair["differ"].shift()
    adjacent = (met["step"] - by_pair["step"].shift()) == 1
    return met.assign(parted=earlier > 0, before=last.where(adjacent))


def ratio(name: str, met: pd.DataFrame, hits: pd.Series, confidence: float) -> dict[str, object]:
    """Mean of `hits` over the pairs of an item, then over items; its linearised error over blocks."""
    if met.empty:
        return estimate(name, math.nan, note="no two raters to compare")
    n = met.groupby("item")["item"].transform("size")
    terms = np.column_stack([hits.to_numpy(dtype=float) / n, 1 / n])
    terms, ones = resample.merge(terms, np.ones(len(terms)), met["block"].to_numpy())
    value = float(resample.value(mean_formula, terms.sum(axis=0)))
    row = estimate(name, value, confidence=confidence, method="linearized")
    if len(terms) < 2:
        return row | {"method": "none", "note": "one trajectory (prompt): no interval"}
    se = resample.linearized(mean_formula, terms, ones)
    low, high = resample.t_interval(value, se, len(terms) - 1, confidence)
    return row | {"low": max(low, 0.0), "high": min(high, 1.0), "se": se}


def mean_formula(totals: np.ndarray) -> np.ndarray:
    """Sum over count."""
    return totals[..., 0] / totals[..., 1]


def first_errors(rows: pd.DataFrame, scales: dict[str, Scale], error: Sequence[str] | None,
                 confidence: float) -> Iterator[dict[str, object]]:
    """Whether raters name the same first error, plainly and beyond chance."""
    wrong = np.zeros(len(rows), bool)
    for version, scale in scales.items():
        named = [k for k, level in enumerate(scale.levels) if level in error] if error else [0] if scale.name == "ordinal" else []
        wrong |= ((rows["rubric_version"] == version) & rows["level"].isin(named)).to_numpy()
        if not named:
            note = f"no level is known to be an error on this {scale.name} scale: give error="
            yield from (estimate(name, math.nan, note=note) for name in ("first_error_agreement", "first_error_alpha"))
            return
    key = ["item", "block", "rubric_version", "rater"]
    told = rows.assign(at=rows["step"].where(wrong)).groupby(key, sort=True)["at"].min().fillna(NONE).reset_index()
    told = told.assign(step=0, place=told["at"]).sort_values(["item", "step", "rubric_version", "rater"], kind="stable")
    met = meetings(told, nominal=True)
    yield ratio("first_error_agreement", met, ~met["differ"], confidence)
    yield alpha_of(told, confidence)


def alpha_of(told: pd.DataFrame, confidence: float) -> dict[str, object]:
    """Nominal alpha of the first error's step, each trajectory a unit."""
    from workbench.agreement.estimate import Sampling, group_row
    from workbench.agreement.identified import table
    from workbench.agreement.krippendorff import alpha_sums
    from workbench.reduce import Patterns

    unit = told.groupby(["item", "rubric_version"], sort=False).ngroup().to_numpy()
    n = int(unit.max()) + 1
    at, column = np.unique(told["at"].to_numpy(dtype=float), return_inverse=True)
    panel = Patterns(key={}, counts=table(unit, column, (n, len(at)), dense=len(at) <= FEW_LEVELS), weight=np.ones(n),
                     cluster=told.groupby(unit)["block"].first().to_numpy(), levels=tuple(f"{x:g}" for x in at), values=at, scale="nominal",
                     n_items=n, n_raters=told["rater"].nunique(), n_ratings=len(told), n_dropped=0, note="")
    return group_row("first_error_alpha", panel, alpha_sums(panel), Sampling("jackknife", confidence, lowest=-np.inf))


def carried(met: pd.DataFrame, confidence: float) -> Iterator[dict[str, object]]:
    """How often pairs differ after they differed, and after they did not; and the difference beyond what the two raters always do."""
    known = met[met["before"].notna()]
    after, calm = (known[known["before"].astype(bool) == state] for state in (True, False))
    yield ratio("after_difference", after, after["differ"], confidence)
    yield ratio("after_agreement", calm, calm["differ"], confidence)
    if after.empty or calm.empty:
        yield estimate("carry_on", math.nan, note="no pair differed at a step before another" if after.empty else "all pairs always differ")
        return
    beyond = known["differ"].to_numpy(dtype=float) - usual(met)[known.index]
    state = known["before"].to_numpy(dtype=bool)
    terms = np.column_stack([beyond * state, state, beyond * ~state, ~state]).astype(float)
    terms, ones = resample.merge(terms, np.ones(len(terms)), known["block"].to_numpy())
    value = float(resample.value(gap_formula, terms.sum(axis=0)))
    if len(terms) < 2:
        yield estimate("carry_on", value, note="one trajectory (prompt): no interval")
        return
    se = resample.linearized(gap_formula, terms, ones)
    low, high = resample.t_interval(value, se, len(terms) - 1, confidence)
    yield estimate("carry_on", value, low=low, high=high, se=se, confidence=confidence, method="linearized")


def gap_formula(totals: np.ndarray) -> np.ndarray:
    """Mean of the first less mean of the second."""
    return totals[..., 0] / totals[..., 1] - totals[..., 2] / totals[..., 3]


def usual(met: pd.DataFrame) -> np.ndarray:
    """(M,) the rate at which each meeting's two raters differ on other items; that of all pairs where they share no other."""
    differ = met["differ"].astype(float)
    hits, n = (met.assign(x=x).groupby(["a", "b"], sort=False)["x"].transform("sum") -
               met.assign(x=x).groupby(["a", "b", "item"], sort=False)["x"].transform("sum") for x in (differ, 1.0))
    return np.where(n > 0, hits / n.where(n > 0, 1), differ.mean())
