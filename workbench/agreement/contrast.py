"""Does agreement differ between two conditions: versions, parties, task types, periods, kinds of raters?

Each item is a row of what it adds to the coefficient under either condition, zeros where it was not rated under one. The difference
is one formula of the totals, so one interval serves the same items, different items, and some of each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import Weights, chance_sums
from workbench.agreement.estimate import INTERVALS, Sampling, Sums, group_row
from workbench.agreement.exchange import Beside, by_kind, collected, distinct, interval_of, matched, over_raters, p_value, same_scale
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.groups import reductions
from workbench.agreement.gwet import ac_chance
from workbench.agreement.identified import Identified, clusters, parts_of
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums
from workbench.agreement.two_way import left
from workbench.errors import ParameterError, columns_of, examples, one_of, whole_items, whole_number
from workbench.estimates import SUCH_RATERS, THESE_RATERS, estimate, estimates_table, join_notes
from workbench.schema import SCALES, UNIT

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

COEFFICIENTS: dict[str, Callable[[Patterns, Weights], Sums]] = {
    "percent_agreement": percent_sums,
    "fleiss_kappa": lambda group, weights: chance_sums(group, fleiss_chance, weights),
    "brennan_prediger": lambda group, weights: chance_sums(group, uniform_chance, weights, assumed=True),
    "gwet_ac": lambda group, weights: chance_sums(group, ac_chance, weights, assumed=True),
}
OTHER_SCALE = "the conditions have different levels: their values are not comparable as they stand, and ratings cannot change places"


def difference(ratings: Ratings, *, between: str, levels: Sequence[object] | None = None, coefficient: str = "krippendorff_alpha",
               weights: Weights | None = None, by: Sequence[str] = (), interval: str = "jackknife", confidence: float = 0.95,
               draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """Do raters agree better under one condition than under another? Three rows a group: the coefficient under each, and the
    `difference of` it, the second less the first. Above 0 the second condition is agreed on better, 0 alike, below 0 worse.

    Items rated under both conditions are compared with themselves, others not: `design` is "paired", "unpaired" or "partly paired",
    and `n_shared` counts the items used under both. `p_value` is the share of `draws` exchanges of the conditions whose difference,
    over its error, is as far from 0 (and the observed one, so never 0): an item rated under both swaps its conditions with chance
    1/2, the others are dealt out anew in groups as large as they are.

    ratings: any selection. `between`: the column of the conditions; "week" and "month" too. `levels`: two of its values, first
    and second; None where exactly two occur. Naming levels of `rater_kind`, `layer`, `status` or `selection` lets them into the
    panel. `coefficient`: "krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac", "brennan_prediger". `weights`: for
    alpha its scale, None for the criterion's own; for the others as in `gwet_ac`, None for identity. `by`: columns that make the groups.
    `interval`, at `confidence`: over items, or over clusters where `cluster` names a column ("prompt_id"), which then change places
    whole. "jackknife" (t), "linearized" (t, Gwet's variance), "bootstrap", "bca" (`draws`, `seed`), all for these raters: where the
    conditions have different ones, they are part of the difference; "two-way" (t) for such raters, 5 or more under each, a rater of
    both being left out of both at once; or "none".

    Undefined (nan, reason in `note`): where a value is. No p where the conditions have different levels; it speaks of these raters.
    Errors: `ParameterError` for an unknown option or level.

    Simulated, alpha of 40 to 200 items a condition: jackknife and linearised intervals held 92 to 97 of 100; 20 items against 300: 94
    and 91. p was .05 or less in 4 to 6 of 100 pairs without a difference, in 10 where 160 items rated 5 times met 40 rated twice.

    Sources: Gwet (2016), doi:10.1177/0013164415596420, for one formula over paired items; exchanges: McKenzie and others (1996),
    Comparing correlated kappas by resampling, J. Psychiatric Research 30, 483-492; over their error: Chung and Romano (2013),
    doi:10.1214/13-AOS1090.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(f"i{i}", rater, party, (i + slip) % 3) for i in range(30) for party, rater, slip in
    ...         (("lab", "ann", 0), ("lab", "bob", i % 9 == 0), ("vendor", "cem", 0), ("vendor", "dee", i % 2))]
    >>> table = difference(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "party", "score"])), between="party")
    >>> table.round(2)[["party", "value", "p_value", "design"]].values.tolist()[2]
    ['vendor less lab', -0.64, 0.01, 'paired']
    """
    one_of("coefficient", coefficient, ("krippendorff_alpha", *COEFFICIENTS))
    one_of("interval", interval, INTERVALS)
    sampling = Sampling(interval, confidence, draws, seed)
    whole_number("draws", draws, 2, "is too few for a p value. Use a whole number, 1000 or more.")
    if between in columns_of(by):
        raise ParameterError(f"between={between!r} is also in by={list(by)!r}. Compare along one column and group by others.")
    if levels is not None and (isinstance(levels, str) or not isinstance(levels, Collection)):
        raise ParameterError(f"levels={levels!r} is not a list of two levels of {between!r}. Name two, as in levels=('a', 'b').")
    asked = ratings if levels is None else ratings.where(**{between: list(levels)})
    found = conditions(asked, between, coefficient, weights, by, cluster)
    pair = chosen_levels(list(found), between, levels)
    estimand = SUCH_RATERS if interval == "two-way" else THESE_RATERS
    names, (first, second), rows = [shown(level) for level in pair], [found[level] for level in pair], []
    for key in {**first, **second}:
        alone = [lone_row(side.get(key), dict(zip(by, key)), coefficient, sampling) for side in (first, second)]
        apart = difference_row(first.get(key), second.get(key), alone, names, between, sampling)
        told = {"design": apart["design"], "n_shared": apart["n_shared"], "estimand": estimand}
        rows += [{**row, between: name, **told} for row, name in zip((*alone, apart), (*names, f"{names[1]} less {names[0]}"))]
    return estimates_table(rows, by=[*by, between])


def chosen_levels(occur: list[object], between: str, levels: Sequence[object] | None) -> list[object]:
    """The two conditions in order, of the levels that `occur`. Errors: `ParameterError` unless there are two."""
    known = occur if levels is not None else [level for level in occur if level is not None]
    if len(known) == 2 and (levels is None or len(levels) == 2):
        backward = levels is not None and shown(levels[0]) == shown(known[1])
        return known[::-1] if backward else known
    found = f"{len(known):,} do: {examples([shown(level) for level in known])}" if known else "none does"
    wanted = "where levels=None" if levels is None else f"in levels={levels!r}"
    raise ParameterError(f"a difference needs two levels of {between!r} that have ratings; {wanted}, {found}. "
                         f"Name two, as in levels=('a', 'b').")


def shown(level: object) -> str:
    """A level in words; a week or month by its first day."""
    return "missing" if level is None or level != level else f"{level:%Y-%m-%d}" if hasattr(level, "strftime") else str(level)


@dataclass(frozen=True)
class Condition:
    """One condition in one group: `group` as it is, `sums` what the coefficient needs of such a group, `panel` its ratings.

    units: the items in the order of their codes, with the columns that tell them apart and the column `cluster`, if any.
    """

    group: Patterns | Moments
    sums: Callable[[Patterns | Moments], Sums]
    panel: Identified
    units: pd.DataFrame
    cluster: str | None = None

    def items(self, center: float) -> Patterns | Moments:
        """The group with a row for each item."""
        group = replace(self.group, weight=np.ones(self.panel.n_items), cluster=None)
        if not hasattr(group, "total"):
            return replace(group, counts=self.panel.counts(len(group.levels)))
        n, total, squares = (np.bincount(self.panel.item, (self.panel.score - center) ** power) for power in (0, 1, 2))
        return replace(group, n=n, total=total, squares=squares, center=center)


def conditions(ratings: Ratings, between: str, coefficient: str, weights: Weights | None, by: Sequence[str],
               cluster: str | None) -> dict[object, dict[tuple[object, ...], Condition]]:
    """For each level of `between` that has ratings its conditions, by the values of the groups' keys."""
    from workbench.reduce import cells, patterns

    columns = [*by, between]
    if coefficient != "krippendorff_alpha":
        groups = patterns(ratings, by=columns, cluster=cluster)
        sums = partial(COEFFICIENTS[coefficient], weights="identity" if weights is None else weights)
    elif weights is None or isinstance(weights, str):
        one_of("weights", weights, (None, *SCALES))
        groups, sums = reductions(ratings, by=columns, scale=weights, cluster=cluster), alpha_sums
    else:
        groups, sums = patterns(ratings, by=columns, cluster=cluster), partial(alpha_sums, distance=weights)
    rated = cells(ratings, by=columns, cluster=cluster)
    if cluster is not None:  # an item under both conditions is one item
        unit = [c for c in dict.fromkeys((*by, *UNIT)) if c != between]
        whole_items(cluster, rated[[*unit, cluster]].drop_duplicates().duplicated(unit).sum())
    parts = parts_of(rated, columns)
    found: dict[object, dict[tuple[object, ...], Condition]] = {}
    for group in groups:
        *key, level = group.key.values()
        if group.n_ratings:
            alone = replace(group, key=dict(zip(by, key)))
            rows = parts[*key, level]
            found.setdefault(level, {})[tuple(key)] = Condition(alone, sums, Identified.of(rows, cluster), rows.drop_duplicates("unit"),
                                                                  cluster)
    return found


def lone_row(side: Condition | None, key: Mapping[str, object], coefficient: str, sampling: Sampling) -> dict[str, object]:
    """The row of one condition by itself."""
    if side is None:
        return {**key, **estimate(coefficient, math.nan, note="no ratings")}
    lowest = 0.0 if coefficient == "percent_agreement" else -math.inf
    here = replace(sampling, lowest=lowest, panel=SimpleNamespace(of=lambda key: side.panel))
    return group_row(coefficient, side.group, side.sums(side.group), here)


def difference_row(first: Condition | None, second: Condition | None, alone: Sequence[Mapping[str, object]], names: Sequence[str],
                   between: str, sampling: Sampling) -> dict[str, object]:
    """The row of the difference, from the rows of the conditions alone."""
    notes = [alone[0]["note"]] if alone[0]["note"] == alone[1]["note"] else \
        [f"{name}: {row['note']}" for name, row in zip(names, alone) if row["note"]]
    row = {**alone[0], **estimate(f"difference of {alone[0]['name']}", alone[1]["value"] - alone[0]["value"]),
           **{c: sum(row[c] for row in alone) for c in ("n_ratings", "n_dropped")}, "note": join_notes(*notes),
           "p_value": math.nan, "design": "", "n_shared": 0}
    if not all(side is not None and (hasattr(side.group, "total") or side.group.levels) for side in (first, second)):
        return row
    pair, n_items, n_shared, owners = put_beside(first, second, [c for c in UNIT if c != between])
    row |= {"n_items": n_items, "n_raters": len({*first.panel.names, *second.panel.names}), "n_shared": n_shared,
            "design": "unpaired" if not n_shared else "paired" if n_shared == n_items else "partly paired"}
    if not math.isfinite(row["value"]):
        return row
    unsure = [name for name, row in zip(names, alone) if not row["low"] < row["high"]]
    found = {} if sampling.interval == "none" else {"note": f"no interval of {unsure[0]}, so none here"} if unsure else \
        interval_of(pair, row["value"], sampling, without_raters(first, second, owners) if sampling.interval == "two-way" else ())
    shared = f"{n_shared:,} of {n_items:,} items are shared" if row["design"] == "partly paired" else ""
    note = join_notes(shared, "" if pair.alike else OTHER_SCALE, str(found.pop("note", "")), *notes)
    return row | found | {"note": note, "p_value": p_value(pair, draws=sampling.draws, seed=sampling.seed)}


def without_raters(first: Condition, second: Condition,
                   owners: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What leaving out each rater under both conditions does to their difference: see `exchange.over_raters`."""
    sides = [left(side.sums(side.group), side.group, side.panel) for side in (first, second)]
    return over_raters(sides, owners, [side.panel.names for side in (first, second)])


def put_beside(first: Condition, second: Condition, columns: Sequence[str]
               ) -> tuple[Beside, int, int, tuple[np.ndarray, np.ndarray]]:
    """Both conditions item by item, matched on `columns`; how many items are used, how many under both; and the code of each's items
    (or their clusters) among all."""
    center = getattr(first.group, "center", 0.0)
    groups, sums = [side.items(center) for side in (first, second)], (first.sums, second.sums)
    alike = same_scale(*groups)
    if alike:
        kinds, codes = distinct(groups)
        found = [by_kind(kinds, first.sums)] * 2
    else:
        each = [distinct([group]) for group in groups]
        found, codes = [by_kind(kinds, make) for (kinds, _), make in zip(each, sums)], [code[0] for _, code in each]
    places, n = matched(first.units, second.units, columns)
    kind = np.empty((2, n), dtype=np.int64)
    for side, (place, code, (terms, _, _)) in enumerate(zip(places, codes, found)):
        kind[side] = terms.shape[0] - 1
        kind[side, place] = code
    used = np.stack([of_kind[kind[side]] for side, (_, of_kind, _) in enumerate(found)])
    cluster, owner = None, np.arange(n)
    if first.cluster:
        level = np.full(n, None, dtype=object)
        for side, place in zip((second, first), reversed(places)):
            level[place] = side.units[first.cluster]
        cluster = owner = clusters(pd.Series(level))
    return collected(kind, used, cluster, found, alike), int(used.any(axis=0).sum()), int(used.all(axis=0).sum()), \
        (owner[places[0]], owner[places[1]])
