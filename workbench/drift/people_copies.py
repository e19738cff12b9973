"""Who gives another rater's levels: pairs that agree more than either does with the others on the same items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.drift.people_frame import FITTED, Rows
from workbench.drift.people_tests import SPENT, Funnel

LARGEST = 40             # ratings of a unit; pairs grow with the square, and in larger units copies drown


@dataclass(frozen=True)
class Pairs:
    """Pairs that share units, (P,): raters a < b; of each shared rating (S,): pair, window, alike, expected, and whether b came later."""

    a: np.ndarray
    b: np.ndarray
    pair: np.ndarray
    window: np.ndarray
    alike: np.ndarray
    expected: np.ndarray
    b_later: np.ndarray


def pairs_of(rows: Rows) -> Pairs | None:
    """Each two ratings of a unit by levels, and how often their raters would agree if neither knew of the other; None without any.

    Expected: the mean of the line, moved by how the unit's other pairs agree, by what severities and level shares like the two raters'
    do (two strict raters agree) and by how the two agree with all others; never less than their shares of the levels alone give.
    """
    place = np.flatnonzero((rows.size > 1) & (rows.size <= LARGEST) & (rows.level >= 0))
    place = place[np.argsort(rows.unit[place], kind="stable")]
    unit, found = rows.unit[place], []
    for away in range(1, min(LARGEST, len(place))):
        here = np.flatnonzero(unit[away:] == unit[:-away])
        if not len(here):
            break
        found.append((place[here], place[here + away]))
    if not found:
        return None
    one, two = (np.concatenate(part) for part in zip(*found))
    swap = rows.rater[one] > rows.rater[two]
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    alike = (rows.level[one] == rows.level[two]).astype(float)
    line, which = rows.line[one], rows.unit[one]
    usual = mean(alike, line)
    n, total = np.bincount(which), np.bincount(which, alike)
    others = n[which] - 1
    tilt = np.where(others > 0, (total[which] - alike) / np.maximum(others, 1) - usual, 0.0)
    slope = tilt @ (alike - usual) / square if (square := tilt @ tilt) > 0 else 0.0
    expected = usual + slope * tilt
    chance = by_chance(rows, one, two)
    if len(np.unique(rows.rater[one])) >= FITTED:
        lean = np.stack([rows.own[one] * rows.own[two], rows.own[one] ** 2 + rows.own[two] ** 2, chance], axis=1)
        lean = lean - lean.mean(axis=0)
        expected = expected + lean @ np.linalg.lstsq(lean, alike - expected, rcond=None)[0]
    expected = expected + raters_part(rows, one, two, alike - expected)
    key, pair = np.unique(rows.rater[one] * rows.m + rows.rater[two], return_inverse=True)
    later = np.where(rows.no_order != "", np.nan, np.sign(rows.at[two] - rows.at[one]) / 2 + 0.5)
    window, expected = np.maximum(rows.window[one], rows.window[two]), np.clip(expected, chance, 0.99)
    return Pairs(key // rows.m, key % rows.m, pair, window, alike, expected, later)


def by_chance(rows: Rows, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """How often the two raters of each pair would agree by their shares of the line's levels alone."""
    q, lines = int(rows.level.max()) + 1, int(rows.line.max()) + 1
    group = rows.rater * lines + rows.line
    counts = np.bincount(group * q + np.maximum(rows.level, 0), rows.level >= 0, rows.m * lines * q).reshape(-1, q)
    shares = counts / np.maximum(counts.sum(1), 1)[:, None]
    return (shares[group[one]] * shares[group[two]]).sum(1)


def mean(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The mean of each value's group."""
    return (np.bincount(group, values) / np.maximum(np.bincount(group), 1))[group]


def raters_part(rows: Rows, one: np.ndarray, two: np.ndarray, left: np.ndarray) -> np.ndarray:
    """What the two raters' own steadiness adds: least squares of left = rater + rater by alternating, ten rounds, few ratings shrunk."""
    a, b, part = rows.rater[one], rows.rater[two], np.zeros(rows.m)
    n = np.bincount(a, minlength=rows.m) + np.bincount(b, minlength=rows.m)
    for _ in range(10):
        rest = np.bincount(a, left - part[b], rows.m) + np.bincount(b, left - part[a], rows.m)
        part = (part + rest / (n + 20)) / 2
    return part[a] + part[b]


@dataclass(frozen=True)
class Closest:
    """Each rater's closest partner at the end of a window (K,): rater, window, partner, shared, alike, expected, p, later (share of
    shared ratings where the rater came second)."""

    rater: np.ndarray
    window: np.ndarray
    partner: np.ndarray
    shared: np.ndarray
    alike: np.ndarray
    expected: np.ndarray
    p: np.ndarray
    later: np.ndarray


def closest(pairs: Pairs, *, m: int, windows: int, fewest: int) -> Closest:
    """Who each rater agrees with most beyond what is expected, from all that was shared up to the end of each window.

    p is over partners (Bonferroni), and the larger of two: the binomial tail of the pair's count, and how far its excess lies out among
    all pairs' (which differ by taste, as camps do).
    """
    size, parts = len(pairs.a), []
    sums = np.zeros((4, size))
    for at in range(windows):
        now = pairs.window == at
        if not now.any():
            continue
        gain = (np.ones(now.sum()), pairs.alike[now], pairs.expected[now], np.nan_to_num(pairs.b_later[now], nan=0.5))
        sums += [np.bincount(pairs.pair[now], w, size) for w in gain]
        parts.append(at_window(pairs, sums, at, np.unique(pairs.pair[now]), m, fewest))
    return Closest(*(np.concatenate(column) for column in zip(*parts))) if parts else Closest(*np.zeros((8, 0)))


def at_window(pairs: Pairs, sums: np.ndarray, at: int, fresh: np.ndarray, m: int, fewest: int) -> tuple[np.ndarray, ...]:
    """One window's closest partners, of pairs that met in it."""
    n, alike, expected, later = sums
    p = pair_p(n, alike, expected, fewest)
    place = fresh[~np.isnan(p[fresh])]
    met = np.bincount(np.concatenate([pairs.a, pairs.b]), np.tile(~np.isnan(p), 2), m)
    rater, other = np.concatenate([pairs.a[place], pairs.b[place]]), np.concatenate([pairs.b[place], pairs.a[place]])
    second = np.concatenate([1 - later[place] / n[place], later[place] / n[place]])
    both = np.tile(place, 2)
    order = np.lexsort((p[both], rater))
    best = order[np.flatnonzero(np.diff(rater[order], prepend=-1))]
    one = both[best]
    whole = np.minimum(p[one] * met[rater[best]], 1.0)
    return rater[best], np.full(len(best), at), other[best], n[one], alike[one] / n[one], expected[one] / n[one], whole, second[best]


def pair_p(n: np.ndarray, alike: np.ndarray, expected: np.ndarray, fewest: int) -> np.ndarray:
    """How often a pair would agree so much (P,); nan with fewer than `fewest` shared ratings, or too few pairs to hold it against."""
    from scipy.special import bdtrc

    usable = n >= fewest
    size = np.maximum(n, 1)
    rate = expected / size
    funnel = Funnel.of((alike - expected) / size, rate * (1 - rate) / size, usable)
    if funnel is None:
        return np.full(len(n), np.nan)
    tail = np.where(alike > 0, bdtrc(np.maximum(alike - 1, 0), size.astype(int), rate), 1.0)
    out = funnel.p_value((alike - expected) / size, rate * (1 - rate) / size, 1)
    return np.where(usable, np.maximum(tail, out), np.nan)


def copy_rows(pairs: Pairs | None, rows: Rows, *, fewest: int, error_rate: float, streams: int, confidence: float) -> pd.DataFrame:
    """The rows of copying: each rater's closest partner by window. Of two who are alike it is told of who was second on most items.

    "watch" where p, over partners and raters, is at most `error_rate`. "found" where p is as small over all behaviours and raters at a look
    (each time they share four times as much), and what they have shared since the watch shows it by itself.
    """
    from scipy.special import bdtrc

    if pairs is None or not len((close := closest(pairs, m=rows.m, windows=len(rows.windows), fewest=fewest)).rater):
        return pd.DataFrame()
    partner, since, looks, found = {}, {}, {}, set()
    status, order = np.full(len(close.rater), "", dtype=object), np.lexsort((close.rater, close.window))
    raters = len(np.unique(close.rater))
    q = np.minimum(close.p * raters, 1.0)
    for place in order:
        rater = int(close.rater[place])
        if close.later[place] < 0.5 and not rows.no_order:
            continue
        seen = looks.setdefault(rater, [0, 0.0])
        budget = error_rate / streams * [*SPENT, 0.0][min(seen[0], len(SPENT))]
        if rater in since and close.shared[place] >= seen[1] and partner[rater] == close.partner[place]:
            mine = (pairs.a == min(rater, partner[rater])) & (pairs.b == max(rater, partner[rater]))
            late = mine[pairs.pair] & (pairs.window > since[rater]) & (pairs.window <= close.window[place])
            n = int(late.sum())
            if n >= fewest / 2:
                again = bdtrc(max(pairs.alike[late].sum() - 1, 0), n, pairs.expected[late].mean())
                found |= {rater} if close.p[place] <= budget and again <= error_rate else set()
                looks[rater] = [seen[0] + 1, 4 * close.shared[place]]
        if q[place] <= error_rate and rater not in since:
            since[rater], partner[rater] = close.window[place], close.partner[place]
        status[place] = "found" if rater in found else "watch" if q[place] <= error_rate else ""
    low, high = wilson_ends(close.alike, close.shared, confidence)
    excess = close.alike - close.expected
    note = [f"same level on {a * n:.0f} of {n:.0f} shared ratings, {e * n:.0f} expected" +
            f"; second on {s:.0%} of them" * (not rows.no_order)
            for a, n, e, s in zip(close.alike, close.shared, close.expected, close.later)]
    return pd.DataFrame({"rater_id": rows.names[close.rater.astype(int)], "behaviour": "copying", "window": close.window.astype(int),
                         "value": excess, "low": low - close.expected, "high": high - close.expected, "q": q, "status": status,
                         "how": np.where(status == "", "", "apart"), "own": excess, "usual": 0.0, "overall": excess,
                         "overall_low": low - close.expected, "overall_high": high - close.expected,
                         "n_overall": close.shared,
                         "partner": rows.names[close.partner.astype(int)], "n_ratings": close.shared, "n_windows": 0, "note": note})


def wilson_ends(share: np.ndarray, n: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares."""
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2)
    centre, reach = (share + z**2 / (2 * n)) / (1 + z**2 / n), z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - reach, centre + reach
