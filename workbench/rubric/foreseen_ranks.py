"""What if the rubric were altered: where every system would stand, and its rank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import one_of, share_of
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.altered import Drop, Merge, Values, altered, unaltered, weighed
from workbench.rubric.foreseen import ALL, ENDS, LEFT_OUT, NO_RATINGS, counts
from workbench.rubric.rehearsed import Placed, Rehearsal, composite, placed, rehearsal
from workbench.rubric.simultaneous import WIDTHLESS, gap_errors, kendall_set, rank_sets
from workbench.rubric.standing import covariance

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ["criterion", "system"]
METHOD = "Holm"


def what_if_ranking(ratings: Ratings, *, merge: Merge | None = None, drop: Drop | None = None, values: Values | None = None,
                    weights: dict[str, float] | None = None, best: str = "high", confidence: float = 0.95) -> pd.DataFrame:
    """Where would systems stand, and in which order, if levels were merged, left out or worth something else?

    For each criterion, and for the weighted mean of several ("all criteria"; before: all weigh the same), a row a system: `place`, its
    mean between the lowest level (0) and the highest (1), adjusted to the same prompts; and `rank`, 1 the best, with ranks it may have
    (`before_low` to `before_high`, `after_low` to `after_high`) that hold for all systems, before and after, together (by Holm's
    correction: `rank_systems` draws, and tells a little more). `value` is after
    less before: of a place with a jackknife interval over prompts, of a rank between the extremes that those sets leave. Once each
    `kendall_tau` of the two orders: 1 the same, -1 reversed, with all orders that the sets leave between `low` and `high`.

    merge, drop, values, weights: as in `what_if`. best: "high", or "low" where low scores are good. From what `what_if` keeps in memory.
    Undefined (nan, the reason in `note`): one system, one prompt; names without order unless `values` gives them numbers; pairs of
    systems; a criterion left out. Without prompt_id items are the sample, and systems are not paired. Errors: as `what_if`.

    Source: Mogstad, Romano, Shaikh and Wilhelm (2024), doi:10.1093/restud/rdad006 (sets of ranks).

    >>> import pandas as pd, workbench as wb
    >>> scores = {"new": [3, 3, 1, 3], "old": [2, 2, 3, 2]}
    >>> ratings = wb.read(pd.DataFrame([(f"{s}{i}", f"p{i}", "ann", s, x) for s, xs in scores.items() for i, x in enumerate(xs)],
    ...                                columns=["item_id", "prompt_id", "rater_id", "system", "score"]))
    >>> table = what_if_ranking(ratings, merge={"overall": [["2", "3"]]})
    >>> table[table["name"] == "rank"][["system", "before", "after"]].values.tolist()
    [['new', 1.0, 2.0], ['old', 2.0, 1.0]]
    """
    one_of("best", best, ["high", "low"])
    share_of("confidence", confidence)
    tried = rehearsal(ratings)
    then, weight = altered(tried.panels, merge=merge, drop=drop, values=values), weighed(weights, list(tried.panels))
    sides: list[dict[str, Placed | str]] = [{criterion: placed(tried, criterion, one) for criterion, one in side.items()}
                                            for side in ({c: unaltered(panel) for c, panel in tried.panels.items()}, then)]
    rows = []
    for criterion in tried.panels:
        after = sides[1][criterion] if weight[criterion] > 0 else LEFT_OUT
        own = tried.once(("ranks", criterion, then[criterion], weight[criterion] > 0, best, confidence),     # a slider moves one of them
                         lambda: system_rows(tried, criterion, (sides[0][criterion], after), best, confidence))
        rows += [row | counts([tried.panels[criterion]]) for row in own]
    if len(tried.panels) > 1:
        both = (composite(sides[0], dict.fromkeys(weight, 1.0)), composite(sides[1], weight))
        rows += [row | counts(list(tried.panels.values())) for row in system_rows(tried, ALL, both, best, confidence)]
    return with_sets(rows or [{"criterion": "", "system": ""} | row_of("rank", note=NO_RATINGS)])


def system_rows(tried: Rehearsal, criterion: str, sides: tuple[Placed | str, Placed | str], best: str,
                confidence: float) -> list[dict[str, object]]:
    """The rows of one criterion: places, ranks, and the likeness of the two orders."""
    key, known = {"criterion": criterion}, [side for side in sides if not isinstance(side, str)]
    note = join_notes(*dict.fromkeys(side if isinstance(side, str) else side.note for side in sides))
    if not known:
        return [key | {"system": ""} | row_of("rank", note=note)]
    codes, groups = (np.unique(np.concatenate([getattr(side, field) for side in known])) for field in ("systems", "groups"))
    before, after = (aligned(side, codes, groups, 1 if best == "high" else -1, confidence) for side in sides)
    rows = []
    for i, code in enumerate(codes):
        base, place, rank = key | {"system": tried.systems[code]}, {}, {}
        for name, side in (("before", before), ("after", after)):
            own = ends(side.value[i], side.influence[:, i], confidence)
            place |= {name: side.value[i], f"{name}_low": own.get("low", math.nan), f"{name}_high": own.get("high", math.nan)}
            rank |= {name: side.ranks[0][i], f"{name}_low": side.ranks[1][i], f"{name}_high": side.ranks[2][i]}
        change = ends(after.value[i] - before.value[i], after.influence[:, i] - before.influence[:, i], confidence)
        rows.append(base | row_of("place", note=note) | place | {"value": after.value[i] - before.value[i]} | change)
        rows.append(base | row_of("rank", note=note) | rank | {"value": rank["after"] - rank["before"]} |
                    ({"low": rank["after_low"] - rank["before_high"], "high": rank["after_high"] - rank["before_low"],
                      "confidence": confidence, "method": METHOD} if math.isfinite(rank["after"] - rank["before"]) else {}))
    return [*rows, key | {"system": ""} | row_of("kendall_tau", note=note) | likeness(before, after, confidence)]


def row_of(name: str, *, note: str) -> dict[str, object]:
    """A row of which nothing is known yet."""
    return estimate(name, math.nan, note=note) | dict.fromkeys(["before", "after", *ENDS], math.nan)


@dataclass(frozen=True)
class Aligned:
    """One side's places of the systems of both, (K,), nan where a system has none; influence (G, K). ranks: rank, and the lowest and
    highest it may be; told (K, K): who is told to be better than whom."""

    value: np.ndarray
    influence: np.ndarray
    ranks: tuple[np.ndarray, np.ndarray, np.ndarray]
    told: np.ndarray


def aligned(side: Placed | str, codes: np.ndarray, groups: np.ndarray, sign: int, confidence: float) -> Aligned:
    """One side by the systems `codes` and the groups of prompts of both sides; its sets of ranks have half of what may go wrong."""
    k = len(codes)
    value, influence, told = np.full(k, math.nan), np.zeros((len(groups), k)), np.zeros((k, k), dtype=bool)
    ranks = tuple(np.full(k, math.nan) for _ in range(3))
    if not isinstance(side, str):
        at, rows = np.searchsorted(codes, side.systems), np.searchsorted(groups, side.groups)
        value[at] = side.value
        influence[np.ix_(rows, at)] = side.influence
        own = told_better(sign * side.value, side.influence, side.df, (1 + confidence) / 2)
        told[np.ix_(at, at)] = own
        for column, found in zip(ranks, rank_sets(sign * side.value, own)):
            column[at] = found
    return Aligned(value, influence, ranks, told)


def told_better(value: np.ndarray, influence: np.ndarray, df: np.ndarray, confidence: float) -> np.ndarray:
    """Whether i is told to lie above j, (k, k), all pairs at `confidence` together: t tests held by Holm (1979).

    `told_above` tells a little more by drawing, for which a slider does not wait.
    """
    from scipy.special import stdtr

    gap, se = value[:, None] - value[None, :], gap_errors(covariance(influence))
    known = ~np.eye(len(value), dtype=bool) & (se > WIDTHLESS * max(np.ptp(value), 1e-300))
    p = np.where(known, stdtr(np.maximum(np.minimum(df[:, None], df[None, :]), 1), -gap / np.where(known, se, 1.0)), 1.0)
    order = np.sort(p[known])
    passed = np.logical_and.accumulate(order <= (1 - confidence) / np.arange(len(order), 0, -1))
    return known & (p <= (order[passed][-1] if passed.any() else -1.0))


def ends(value: float, influence: np.ndarray, confidence: float) -> dict[str, object]:
    """Jackknife interval of a place over prompts; nothing where it has none."""
    se, df = resample.jackknife(np.ones(len(influence)), influence)
    if not (math.isfinite(value) and se > 0):
        return {}
    low, high = resample.t_interval(value, se, df, confidence)
    return {"low": low, "high": high, "se": se, "confidence": confidence, "method": "jackknife"}


def likeness(before: Aligned, after: Aligned, confidence: float) -> dict[str, object]:
    """Kendall's tau of the two orders, on the systems that both rank."""
    both = np.isfinite(before.value + after.value)
    if both.sum() < 2:
        return {}
    tau, low, high = kendall_set(before.value[both], after.value[both], *(side.told[np.ix_(both, both)] for side in (before, after)))
    return {"value": tau, "low": low, "high": high, "confidence": confidence, "method": METHOD}


def with_sets(rows: list[dict[str, object]]) -> pd.DataFrame:
    """The estimates table; a set that holds one rank, or one order, is kept: it says that all was told."""
    table = estimates_table(rows, by=[*COLUMNS, "before", "after"])
    sets = table["name"].isin(["rank", "kendall_tau"])
    kept = {column: np.where(sets, [row[column] for row in rows], table[column]) for column in ("low", "high", "note")}
    return table.assign(**kept).reindex(columns=["name", *COLUMNS, "before", "after", *MEASURES, *ENDS])
