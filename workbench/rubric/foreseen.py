"""What if levels were merged, left out or valued anew, or criteria weighted: every coefficient before and after, beside random merges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import share_of, whole_number
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.altered import Altered, Drop, Merge, Values, altered, as_coarse, unaltered, weighed
from workbench.rubric.figures import COEFFICIENTS, SEPARATION, Found, figure_of, figures, undefined
from workbench.rubric.rehearsed import Placed, Rehearsal, composite, placed, rehearsal

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns

ALL = "all criteria"
ENDS = ["before_low", "before_high", "after_low", "after_high"]
RANDOM = ["random_low", "random_high", "random_share", "n_random"]
NOTHING = "nothing changes"
NO_RATINGS = "no rating is selected"
LEFT_OUT = "left out: its weight is 0"
ADDED = "the errors of the criteria are added up, as if they erred together"

Rubric = dict[str, Altered]


def what_if(ratings: Ratings, *, merge: Merge | None = None, drop: Drop | None = None, values: Values | None = None,
            weights: dict[str, float] | None = None, confidence: float = 0.95, draws: int = 50, seed: int = 0) -> pd.DataFrame:
    """What would agreement, and the separation of systems, be if levels were merged, left out or worth something else?

    For each criterion `percent_agreement`, `krippendorff_alpha`, `gwet_ac`, `fleiss_kappa`, `brennan_prediger` (weights as in
    `agreement.summary`) and `separation`, the variance of systems over the error variance of a system's mean place between the
    lowest and the highest level, less 1. Of several criteria the weighted mean of each, and the separation by the weighted mean place
    ("all criteria", which should point one way; before: all weigh the same). `before`, `after` with their ends; `value`, after less
    before, with a jackknife interval that pairs the items (for separation the prompts).

    Merging raises percent agreement by itself. So beside it what merges into as many levels would have gained, all or `draws` drawn at
    random with `seed`, of neighbours where levels are in order: `random_low` and `random_high` end the middle `confidence` of their
    gains, `random_share` is the share of the `n_random` that gain less (a tie counts half). A merge that means something lies near 1 on
    the coefficients corrected for chance. nan where nothing is merged, or no other merge is as coarse.

    merge: {criterion: [["1", "2"], ["4", "5"]]}, levels not named stay; a merged one is worth the mean of its levels. drop: {criterion:
    [level]}, ratings there count as missing. values: {criterion: {level: number}}. weights: {criterion: number}, 1 if not named; 0 leaves
    it out. After the first call, which scans, the answer comes from what is kept in memory. Rubric versions that share levels are pooled
    and named in `note`: pick one with where(rubric_version=...).

    Undefined (nan, the reason in `note`): one level left, or more than 30 to begin with; no item rated twice; a criterion left out; one
    system; names without order.
    Errors: `ParameterError` for unknown criteria and levels, levels merged across their order, values that fall along it.

    >>> import pandas as pd, workbench as wb
    >>> rated = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 1, 3, 2], "bob": [2, 1, 3, 1, 3, 2]}), scale="ordinal")
    >>> table = what_if(rated, merge={"overall": [["1", "2"]]})
    >>> table[["name", "before", "after"]].round(3).values.tolist()[0]
    ['percent_agreement', 0.667, 1.0]
    """
    share_of("confidence", confidence)
    whole_number("draws", draws, 1, "is too few random merges. Use a whole number from 1 up.")
    tried = rehearsal(ratings)
    then, weight = altered(tried.panels, merge=merge, drop=drop, values=values), weighed(weights, list(tried.panels))
    now = {criterion: unaltered(panel) for criterion, panel in tried.panels.items()}
    rivals = {criterion: as_coarse(one, tried.panels[criterion].scale != "nominal", draws, seed) for criterion, one in then.items()}
    rows = [row for criterion in tried.panels
            for row in criterion_rows(tried, criterion, (now[criterion], then[criterion]), rivals[criterion], weight[criterion],
                                      confidence)]
    if len(tried.panels) > 1:
        rows += overall_rows(tried, (now, then), rivals, weight, confidence)
    rows = rows or [{"criterion": ""} | changed(name, *[undefined(NO_RATINGS)] * 2, confidence) for name in (*COEFFICIENTS, SEPARATION)]
    table = estimates_table(rows, by=["criterion", "before", "after"])
    return table.reindex(columns=["name", "criterion", "before", "after", *MEASURES, *ENDS, *RANDOM])


def criterion_rows(tried: Rehearsal, criterion: str, change: tuple[Altered, Altered], rivals: list[Altered], weight: float,
                   confidence: float) -> list[dict[str, object]]:
    """The rows of one criterion."""
    panel, rows = tried.panels[criterion], []
    before, after = (figures(tried, criterion, one) for one in change)
    others = [figures(tried, criterion, rival, alone=True) for rival in rivals]
    for name in (*COEFFICIENTS, SEPARATION):
        then = after[name] if weight > 0 else undefined(LEFT_OUT)
        gains = np.array([other[name].value for other in others]) - before[name].value
        row = {"criterion": criterion} | changed(name, before[name], then, confidence)
        row["note"] = join_notes(str(row["note"]), panel.note)
        rows.append(row | beside_random(then.value - before[name].value, gains, confidence) | counts([panel]))
    return rows


def counts(panels: Sequence[Patterns]) -> dict[str, int]:
    """How much a row stands on: criteria share items and raters, and have ratings of their own."""
    return {"n_items": max(panel.n_items for panel in panels), "n_raters": max(panel.n_raters for panel in panels),
            "n_ratings": sum(panel.n_ratings for panel in panels), "n_dropped": sum(panel.n_dropped for panel in panels)}


def overall_rows(tried: Rehearsal, change: tuple[Rubric, Rubric], rivals: dict[str, list[Altered]], weight: dict[str, float],
                 confidence: float) -> list[dict[str, object]]:
    """The rows of all criteria together."""
    sides, rows = list(zip(change, (dict.fromkeys(weight, 1.0), weight))), []
    parts = [{criterion: figures(tried, criterion, one) for criterion, one in side.items()} for side in change]
    others = [{c: rivals[c][i % len(rivals[c])] if rivals[c] else one for c, one in change[1].items()}
              for i in range(max(map(len, rivals.values())))]
    drawn = [{criterion: figures(tried, criterion, one, alone=True) for criterion, one in other.items()} for other in others]
    for name in COEFFICIENTS:
        before, after = (mean_of(name, part, own) for part, (_, own) in zip(parts, sides))
        gains = np.array([mean_of(name, part, weight).value for part in drawn]) - before.value
        row = {"criterion": ALL} | changed(name, before, after, confidence) | added_ends(name, before, after, parts, sides, confidence)
        rows.append(row | beside_random(row["value"], gains, confidence))
    before, after = (figure_of(tried, places(tried, side, own)) for side, own in sides)
    gains = np.array([figure_of(tried, places(tried, other, weight)).value for other in others]) - before.value
    rows.append({"criterion": ALL} | changed(SEPARATION, before, after, confidence)
                | beside_random(after.value - before.value, gains, confidence))
    return [row | counts(list(tried.panels.values())) for row in rows]


def mean_of(name: str, parts: dict[str, dict[str, Found]], weight: dict[str, float]) -> Found:
    """Weighted mean of a coefficient over the criteria that count, or why it is undefined."""
    used = {criterion: part[name] for criterion, part in parts.items() if weight[criterion] > 0}
    lost = [f"{criterion}: {part.note}" for criterion, part in used.items() if math.isnan(part.value)]
    if lost:
        return undefined(lost[0])
    return Found(sum(weight[criterion] * part.value for criterion, part in used.items()) / sum(weight.values()), np.zeros(0), np.zeros(0))


def added_ends(name: str, before: Found, after: Found, parts: Sequence[dict[str, dict[str, Found]]],
               sides: Sequence[tuple[Rubric, dict[str, float]]], confidence: float) -> dict[str, object]:
    """Intervals of a coefficient's mean over criteria, on both sides, and of the change."""
    each = [{c: part[c][name].scaled(own[c] / sum(own.values())) for c in part if own[c] > 0} for part, (_, own) in zip(parts, sides)]
    row: dict[str, object] = {}
    for side, found, own in zip(("before", "after"), (before, after), each):
        se, df, _ = added_up(own.values()) if math.isfinite(found.value) else (0.0, 1.0, 0)
        if se > 0:
            row[f"{side}_low"], row[f"{side}_high"] = resample.z_interval(found.value, se, df, confidence)
    gaps = [each[1].get(c, part.scaled(0.0)).less(part) for c, part in each[0].items()]
    value = after.value - before.value
    se, df, n = added_up(gaps) if math.isfinite(value) else (0.0, 1.0, 0)
    if not se > 0:
        return row | ({"note": NOTHING} if value == 0 else {})
    return row | with_ends(value, se, df, confidence) | {"note": ADDED if n > 1 else ""}


def added_up(each: Iterable[Found]) -> tuple[float, float, int]:
    """The most that an error of a sum can be, the fewest degrees of freedom, and of how many parts: patterns of criteria have no item in
    common, so that how these err together is not known."""
    errors = [part.error() for part in each if part.influence.any()]
    return (sum(se for se, _ in errors), min(df for _, df in errors), len(errors)) if errors else (0.0, 1.0, 0)


def places(tried: Rehearsal, side: Rubric, weight: dict[str, float]) -> Placed | str:
    """Systems by the weighted mean of their places."""
    return composite({criterion: placed(tried, criterion, one) for criterion, one in side.items()}, weight)


def changed(name: str, before: Found, after: Found, confidence: float) -> dict[str, object]:
    """A row: both figures with their ends, and the difference with its interval."""
    row = estimate(name, after.value - before.value, note=join_notes(before.note, after.note))
    row |= {"before": before.value, "after": after.value} | dict.fromkeys(ENDS, math.nan)
    ends = resample.t_interval if name == SEPARATION else resample.z_interval
    for side, found in (("before", before), ("after", after)):
        se, df = found.error() if math.isfinite(found.value) else (math.nan, math.nan)
        if se > 0:
            row[f"{side}_low"], row[f"{side}_high"] = ends(found.value, se, df, confidence)
    gap = after.less(before)
    if math.isfinite(gap.value):
        se, df = gap.error()
        row |= with_ends(gap.value, se, df, confidence) if se > 0 else {}
        why = "" if se > 0 else "undefined without one item: no interval" if math.isnan(se) else NOTHING if not gap.influence.any() else ""
        row["note"] = join_notes(str(row["note"]), why)
    return row


def with_ends(value: float, se: float, df: float, confidence: float) -> dict[str, object]:
    """The interval of a difference."""
    low, high = resample.t_interval(value, se, df, confidence)
    return {"low": low, "high": high, "se": se, "confidence": confidence, "method": "jackknife"}


def beside_random(gain: float, others: np.ndarray, confidence: float) -> dict[str, object]:
    """Where a gain stands among those of `others`, undefined ones left out."""
    others = others[np.isfinite(others)]
    if math.isnan(gain) or not len(others):
        return dict.fromkeys(RANDOM, math.nan) | {"n_random": 0}
    low, high = np.quantile(others, [(1 - confidence) / 2, (1 + confidence) / 2])
    same = np.abs(others - gain) < 1e-12
    return {"random_low": low, "random_high": high, "n_random": len(others),
            "random_share": float(np.mean((others < gain) & ~same) + np.mean(same) / 2)}
