"""The reductions of a frame in memory: what the engine would count, from its columns as codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.reduce.codes import FEW, ROOM, join, ordered
from workbench.reduce.held import INSTRUMENT, MEASURED, Counted, Held
from workbench.reduce.tables import CLUSTER

if TYPE_CHECKING:
    import pandas as pd

    from workbench.reduce.select import Selection

POINTS = 3_000  # raters times levels, up to which a table of each two is made


def packed_patterns(table: Held, chosen: Selection, bits: int, cluster: str | None = None) -> pd.DataFrame | None:
    """As `packed` in `packing`, in one word; None where that has no room, or `counted` cannot tell."""
    import pandas as pd

    found, q = table.counted(chosen), max(len(scale.levels) for scale in chosen.scales)
    if found is None or (size := len(found.group)) * q > ROOM or (outer := outer_of(table, found, cluster)) is None:
        return None
    counts = np.bincount(found.unit * q + found.level, minlength=size * q).reshape(-1, q)
    if (counts @ np.ones(q, int)).max() >= 1 << bits:
        return None
    codes, words = pd.factorize(counts @ (1 << bits * np.arange(q)), sort=True)
    part, kinds = outer
    key = (part * len(words) + codes)[words[codes] > 0]    # units of which no rating counts are left out
    if len(kinds) * len(words) <= 4 * size:
        weight = np.bincount(key, minlength=len(kinds) * len(words))
        key = np.flatnonzero(weight)
        weight = weight[key]
    else:
        key, weight = np.unique(key, return_counts=True)
    return kinds.iloc[key // len(words)].assign(w0=words[key % len(words)], weight=weight).reset_index(drop=True)


def outer_of(table: Held, found: Counted, cluster: str | None) -> tuple[np.ndarray, pd.DataFrame] | None:
    """Of each unit the group and cluster it lies in, as a code, and these in order; an item without a cluster is one by itself."""
    if not cluster:
        return found.group, found.keys
    own, item = table.coded(cluster), table.coded("item_id")
    if own is None or len(own.levels) > FEW:
        return None
    rank, n_items = np.argsort(np.argsort([str(level) for level in own.levels], kind="stable")), len(item.levels)
    place = np.append(rank + n_items, -1)[own.codes[found.rows]].astype(np.intp)
    alone = place < 0
    if alone.any():
        place[alone] = ordered(item).codes[found.rows[alone]]
    of_unit = np.zeros(len(found.group), np.intp)
    of_unit[found.unit] = place
    code, rows, size = join({"group": (found.group, len(found.keys)), CLUSTER: (of_unit, n_items + len(rank))}, len(of_unit))
    return code, found.keys.iloc[rows["group"]].reset_index(drop=True).assign(**{CLUSTER: rows[CLUSTER]})


def summed_scores(table: Held, chosen: Selection, center: float, cluster: str | None = None) -> pd.DataFrame | None:
    """As what `summed` in `sums` collects; None where `counted` cannot tell."""
    import pandas as pd

    if (found := table.counted(chosen)) is None or (outer := outer_of(table, found, cluster)) is None:
        return None
    unit, group, (part, kinds) = found.unit, found.group, outer
    score = values_of(chosen, found.keys, found.level.max() + 1)[group[unit], found.level] - center
    n = np.bincount(unit, minlength=len(group))
    sums = {"n": n, "total": np.bincount(unit, score, len(group)), "squares": np.bincount(unit, score * score, len(group))}
    parts = {c: pd.factorize(column[n > 0], sort=True) for c, column in sums.items()}
    code, rows, _ = join({"part": (part[n > 0], len(kinds))} | {c: (codes, len(levels)) for c, (codes, levels) in parts.items()}, 0)
    shown = kinds.iloc[rows.pop("part")].reset_index(drop=True)
    return shown.assign(**{c: parts[c][1][row] for c, row in rows.items()}, weight=np.bincount(code))


def paired_ratings(table: Held, chosen: Selection) -> pd.DataFrame | None:
    """As `paired` in `used`, but for raters with themselves; None where raters and levels are too many, or `counted` cannot tell."""
    found, q = table.counted(chosen), max(len(scale.levels) for scale in chosen.scales)
    raters = table.coded("rater_id").levels
    if found is None or (size := len(found.keys) * len(raters) * q) > POINTS:
        return None
    _, unit, person, level, group, keys, _ = found
    n = tally_pairs(unit, (group[unit] * len(raters) + person) * q + level, size)
    pair = np.nonzero(n)
    outer, who, what = pair[0] // (len(raters) * q), [one // q % len(raters) for one in pair], [one % q for one in pair]
    order = np.lexsort((what[1], what[0], who[1], who[0], outer))
    values = values_of(chosen, keys, q)
    columns = {f"rater_{side}": table.level_of("rater_id", one[order]) for side, one in zip("ab", who)} | \
        {f"level_{side}": one[order].astype("int32") for side, one in zip("ab", what)} | \
        {f"score_{side}": values[outer, one][order] for side, one in zip("ab", what)}
    return keys.iloc[outer[order]].reset_index(drop=True).assign(**columns, n=n[pair][order])


def cell_rows(table: Held, chosen: Selection, columns: Sequence[str], *, every: bool = False,
              kept: np.ndarray | slice = slice(None)) -> pd.DataFrame | None:
    """As `cells` in `used`, of these columns, and of the ratings `kept` of those counted; None where one cannot be coded, or `counted`
    cannot tell."""
    import pandas as pd

    table.known.update({c: ordered(table.coded(c)) for c in ("item_id", "rater_id")})
    named = [c for c in columns if c not in ("level", "score")]
    if any(c not in MEASURED and table.coded(c) is None for c in named) or (found := table.counted(chosen, every=every)) is None:
        return None
    rows, unit, person, level = (part[kept] for part in found[:4])
    key = unit * len(table.coded("rater_id").levels) + person
    order = np.lexsort((level, key)) if every else np.argsort(key, kind="stable")
    rows, unit, level = rows[order], unit[order], level[order]
    line, lines, size = table.joined(INSTRUMENT)
    scales = table.scales(chosen, lines, size)
    q = level.max(initial=0) + 1
    values = np.array([[*scale.values, *[np.nan] * q][:q] for scale in scales])
    made = {"level": level.astype("int32"), "score": values[line[rows], level]}
    shown = pd.DataFrame({c: made[c] if c in made else table.column(c, rows) for c in columns})
    shown.insert(len(chosen.by), "unit", np.cumsum(np.diff(unit, prepend=-1) > 0) - 1)
    return shown


def repeated_rows(table: Held, chosen: Selection, columns: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """As `by_engine` in `repeats`, the rows in any order; None where `counted` cannot tell."""
    table.known["rater_id"] = ordered(table.coded("rater_id"))
    if (found := table.counted(chosen, every=True)) is None:
        return None
    apart = {c: table.coded(c) for c in ("rubric_version", "layer", "rater_id")}
    own = {c: (part.codes[found.rows], len(part.levels)) for c, part in apart.items()}
    code, _, size = join({"unit": (found.unit, len(found.group))} | own, len(found.rows))
    rows = cell_rows(table, chosen, columns, every=True, kept=np.bincount(code, minlength=size)[code] > 1)
    giver, places, size = join({"group": (found.group[found.unit], len(found.keys)), "rater_id": own["rater_id"]}, len(found.rows))
    total = np.bincount(giver, minlength=size)
    given = found.keys.iloc[places["group"]].reset_index(drop=True).assign(
        rater_id=table.level_of("rater_id", places["rater_id"]), total=total)[total > 0]
    return None if rows is None else (given, rows)


def group_counts(table: Held, chosen: Selection) -> pd.DataFrame | None:
    """As `count_by` in `counts`; None where `counted` cannot tell."""
    if (found := table.counted(chosen)) is None:
        return None
    group, counts = found.group[found.unit], {}
    for name, column in (("n_items", "item_id"), ("n_raters", "rater_id")):
        own = table.coded(column)
        met = np.unique(group * len(own.levels) + own.codes[found.rows]) // len(own.levels)
        counts[name] = np.bincount(met, minlength=len(found.keys))
    n = np.bincount(group, minlength=len(found.keys))
    return found.keys.assign(n_ratings=n, **counts)[n > 0].reset_index(drop=True)


def profile_rows(table: Held, chosen: Selection) -> pd.DataFrame | None:
    """As `profiles` in `counts`, whose window is the last of what is grouped by; None where `counted` cannot tell."""
    import pandas as pd

    table.known["rater_id"] = ordered(table.coded("rater_id"))
    if (found := table.counted(chosen)) is None:
        return None
    k, q, (*by, window) = len(table.coded("rater_id").levels), found.level.max() + 1, chosen.by
    key, n = np.unique((found.group[found.unit] * k + found.person) * q + found.level, return_counts=True)
    group, rater, level = key // q // k, key // q % k, key % q
    outer = found.keys.groupby(by, dropna=False, sort=False).ngroup().to_numpy() if by else np.zeros(len(found.keys), int)
    order = np.lexsort((level, group, rater, outer[group]))    # groups are in the order of what is grouped by, windows last
    order = order[found.keys[window].notna().to_numpy()[group[order]]]
    group, rater, level, n = (part[order] for part in (group, rater, level, n))
    value = values_of(chosen, found.keys, q)[group, level]
    shown = found.keys.iloc[group].reset_index(drop=True).rename(columns={window: "window"})
    shown.insert(len(by), "rater_id", pd.Series(table.level_of("rater_id", rater)))
    return shown.assign(level=level.astype("int32"), n=n, total=n * value, squares=n * value * value)


def values_of(chosen: Selection, keys: pd.DataFrame, q: int) -> np.ndarray:
    """(groups, q) the number that each level of each group stands for."""
    scales = dict(zip((tuple(key.values()) for key in chosen.keys()), chosen.scales))
    own = [tuple(None if v != v else v for v in key) for key in keys.itertuples(index=False, name=None)]
    return np.array([[*scales[key].values, *[np.nan] * q][:q] for key in own])


def tally_pairs(unit: np.ndarray, point: np.ndarray, size: int) -> np.ndarray:
    """(size, size) how often two points, the lower first, stand in one unit."""
    if (np.diff(unit) < 0).any():
        order = np.argsort(unit, kind="stable")
        unit, point = unit[order], point[order]
    start = np.flatnonzero(np.append(True, np.diff(unit) > 0))
    length = np.diff(np.append(start, len(unit)))
    total, waiting = np.zeros(size * size, np.intp), []
    for k in np.unique(length):  # units of one length lie side by side, so that each two places are two rows
        places = point[start[length == k] + np.arange(k)[:, None]]
        for away in range(1, k):
            waiting.append((places[:-away] * size + places[away:]).ravel())
            if sum(map(len, waiting)) > len(total):
                total, waiting = total + np.bincount(np.concatenate(waiting), minlength=len(total)), []
    total = (total + np.bincount(np.concatenate([*waiting, np.zeros(0, np.intp)]), minlength=len(total))).reshape(size, size)
    return np.triu(total + total.T - np.diag(np.diag(total)))
