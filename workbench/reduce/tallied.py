"""The reductions of a frame in memory: what the engine would count, from its columns as codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.reduce.codes import ROOM, join, ordered
from workbench.reduce.held import INSTRUMENT, Held
from workbench.schema import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

    from workbench.reduce.select import Selection

POINTS = 3_000  # raters times levels, up to which a table of each two is made


def packed_patterns(table: Held, chosen: Selection, bits: int) -> pd.DataFrame | None:
    """As `packed` in `packing`, in one word; None where that has no room, or `counted` cannot tell."""
    import pandas as pd

    found, q = table.counted(chosen), max(len(scale.levels) for scale in chosen.scales)
    if found is None or len(found[3]) * q > ROOM:
        return None
    unit, _, level, group, keys = found
    counts = np.bincount(unit * q + level, minlength=len(group) * q).reshape(-1, q)
    if (counts @ np.ones(q, int)).max() >= 1 << bits:
        return None
    codes, words = pd.factorize(counts @ (1 << bits * np.arange(q)))
    weight = np.bincount(group * len(words) + codes, minlength=len(keys) * len(words)).reshape(len(keys), len(words))
    weight[:, words == 0] = 0  # units of which no rating counts
    owner, place = np.nonzero(weight)
    order = np.lexsort((words[place], owner))
    owner, place = owner[order], place[order]
    return keys.iloc[owner].assign(w0=words[place], weight=weight[owner, place]).reset_index(drop=True)


def summed_scores(table: Held, chosen: Selection, center: float) -> pd.DataFrame | None:
    """As what `summed` in `sums` collects, without clusters; None where `counted` cannot tell."""
    import pandas as pd

    if (found := table.counted(chosen)) is None:
        return None
    unit, _, level, group, keys = found
    score = values_of(chosen, keys, level.max() + 1)[group[unit], level] - center
    n = np.bincount(unit, minlength=len(group))
    sums = {"n": n, "total": np.bincount(unit, score, len(group)), "squares": np.bincount(unit, score * score, len(group))}
    parts = {c: pd.factorize(column[n > 0], sort=True) for c, column in sums.items()}
    code, rows, _ = join({"group": (group[n > 0], len(keys))} | {c: (codes, len(found)) for c, (codes, found) in parts.items()}, 0)
    shown = keys.iloc[rows.pop("group")].reset_index(drop=True)
    return shown.assign(**{c: parts[c][1][row] for c, row in rows.items()}, weight=np.bincount(code))


def paired_ratings(table: Held, chosen: Selection) -> pd.DataFrame | None:
    """As `paired` in `used`, but for raters with themselves; None where raters and levels are too many, or `counted` cannot tell."""
    found, q = table.counted(chosen), max(len(scale.levels) for scale in chosen.scales)
    raters = table.coded("rater_id").levels
    if found is None or (size := len(found[4]) * len(raters) * q) > POINTS:
        return None
    unit, person, level, group, keys = found
    n = tally_pairs(unit, (group[unit] * len(raters) + person) * q + level, size)
    pair = np.nonzero(n)
    outer, who, what = pair[0] // (len(raters) * q), [one // q % len(raters) for one in pair], [one % q for one in pair]
    order = np.lexsort((what[1], what[0], who[1], who[0], outer))
    values = values_of(chosen, keys, q)
    columns = {f"rater_{side}": raters[one[order]] for side, one in zip("ab", who)} | \
        {f"level_{side}": one[order] for side, one in zip("ab", what)} | \
        {f"score_{side}": values[outer, one][order] for side, one in zip("ab", what)}
    return keys.iloc[outer[order]].reset_index(drop=True).assign(**columns, n=n[pair][order])


def cell_rows(table: Held, chosen: Selection, columns: Sequence[str]) -> pd.DataFrame | None:
    """As `cells` in `used`, of these columns; None where one has gaps or cannot be coded, or `counted` cannot tell."""
    import pandas as pd

    named = [c for c in columns if c not in ("step", "level", "score")]
    if table.joined(named) is None or table.counted(chosen) is None:
        return None
    table.known.update({c: ordered(table.coded(c)) for c in ("item_id", "rater_id")})
    (unit, _, _), (line, lines, size), rater = table.joined(chosen.keyed), table.joined(INSTRUMENT), table.coded("rater_id")
    level = table.levelled(chosen)
    rows = np.flatnonzero(level >= 0)
    rows = rows[np.argsort(unit[rows] * len(rater.levels) + rater.codes[rows], kind="stable")]
    scales = [chosen.scale_of[key] for key in table.shown(lines, size).itertuples(index=False, name=None)]
    q = level.max() + 1
    values = np.array([[*scale.values, *[np.nan] * q][:q] for scale in scales])
    made = {"step": np.full(len(rows), None), "level": level[rows].astype("int32"), "score": values[line[rows], level[rows]]}
    constant = {c: pd.array([BY_NAME[c].default], dtype="str").take(np.zeros(len(rows), int)) for c in named if c not in table.frame}
    kept = {c: table.frame[c].array.take(rows) for c in named if c in table.frame}
    kept = {c: column.astype("str") if isinstance(column.dtype, pd.StringDtype) else column for c, column in kept.items()}
    found = pd.DataFrame({c: (made | constant | kept)[c] for c in columns})
    found.insert(len(chosen.by), "unit", np.cumsum(np.diff(unit[rows], prepend=-1) > 0) - 1)
    return found


def values_of(chosen: Selection, keys: pd.DataFrame, q: int) -> np.ndarray:
    """(groups, q) the number that each level of each group stands for."""
    scales = dict(zip((tuple(key.values()) for key in chosen.keys()), chosen.scales))
    return np.array([[*scales[key].values, *[np.nan] * q][:q] for key in keys.itertuples(index=False, name=None)])


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
