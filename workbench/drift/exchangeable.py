"""Values of windows whose error is known exactly: how a window's units rank among all units so far.

If nothing changed and units (items, prompts) are exchangeable, which of the units so far lie in the latest window is a draw by lot,
whatever their distribution. With units sorted into bins by value, the window's number in each bin is hypergeometric given the bins
before, and its randomised normal score is N(0, 1) exactly and independent of everything in later and earlier windows (Vovk, Gammerman,
Shafer 2022, Algorithmic Learning in a Random World, ch. 8; for the randomised scores, Rosenblatt 1952, doi:10.1214/aoms/1177729394).
The scores are weighted so that their sum moves with the mean, and turned back into values in standard deviations of a unit: any formula
for normal values is then exact for them, from a share of one in a thousand to long tails. Where units begin to bear other numbers of
ratings (two raters an item, then three), they are not exchangeable: that window's difference is taken as normal, with its own error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

BINS = 8
UNLIKE = 0.1             # distance of the distributions of ratings a unit, beyond chance, above which two errors are taken apart


def exchangeable_values(units: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], *, seeds: Sequence[Sequence[int]]) -> np.ndarray:
    """Windows' values (T,) in standard deviations of a unit, with errors exactly N(0, 1 / n) if units are exchangeable.

    units: per window (above, below, weight): the metric is sum(above) / sum(below) over its units, `weight` of them alike. seeds: what
    each window's randomisation is drawn from; ties among units are broken by it.
    """
    kinds, counts = merged(units)
    score = [normal_score(kinds, counts[:, :t].sum(axis=1), counts[:, t], np.random.default_rng(seeds[t]).random(BINS))
             for t in range(1, len(units))]
    n = counts.sum(axis=0)
    before = np.cumsum(n)
    values, mean = [0.0], 0.0
    for t, z in enumerate(score, start=1):
        values.append(mean + z * math.sqrt(1 / n[t] + 1 / before[t - 1]))
        mean += (values[-1] - mean) * n[t] / before[t]
    return np.array(values)


def merged(units: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The kinds of units that occur (M, 2), above and below, and how many of each a window has (M, T)."""
    pairs = np.concatenate([np.column_stack(u[:2]) for u in units])
    weight, window = np.concatenate([u[2] for u in units]), np.repeat(np.arange(len(units)), [len(u[2]) for u in units])
    order = np.lexsort(pairs.T)
    new = np.r_[True, (np.diff(pairs[order], axis=0) != 0).any(axis=1)]
    code = np.empty(len(order), dtype=np.int64)
    code[order] = np.cumsum(new) - 1
    counts = np.zeros((int(new.sum()), len(units)))
    np.add.at(counts, (code, window), weight)
    return pairs[order][new], counts


def normal_score(kinds: np.ndarray, before: np.ndarray, now: np.ndarray, lot: np.ndarray) -> float:
    """How far the units of this window lie above those so far and its own, N(0, 1) if all are exchangeable. kinds (M, 2): above, below."""
    from scipy.special import ndtri

    if unlike(kinds[:, 1], before, now) and (z := welch(kinds, before, now)) is not None:
        return z
    bag = before + now
    present = bag > 0
    bag, now, (above, below) = bag[present], now[present], kinds[present].T
    value = above - (bag @ above) / (bag @ below) * below if bag @ below else above * 0
    order = np.argsort(value, kind="stable")
    place = np.cumsum(bag[order])
    bins = np.minimum(BINS * (place - bag[order] / 2) // place[-1], BINS - 1).astype(int) if len(order) > BINS else np.arange(len(order))
    n_all, n_now, total = (np.bincount(bins, a[order]) for a in (bag, now, bag * value))
    n_now, total, n_all = n_now[n_all > 0], total[n_all > 0], n_all[n_all > 0]
    left_all, left_now = n_all[::-1].cumsum()[::-1], n_now[::-1].cumsum()[::-1]
    if len(n_all) < 2:                                # all alike so far: nothing is known, and the score is a draw
        return float(ndtri(lot[0]))
    k, bigger, n, size = n_now[:-1], n_all[:-1], left_now[:-1], left_all[:-1]
    rest = total[::-1].cumsum()[::-1][1:] / left_all[1:]
    drawn = n_now.sum() / n_all.sum() * size          # of the bins left, as far as the bag can tell
    spread = np.sqrt(np.maximum(drawn * (bigger / size) * (1 - bigger / size) * (size - drawn) / np.maximum(size - 1, 1), 0))
    pull = (total[:-1] / bigger - rest) * spread
    if not (pull**2).sum() > 0:
        pull = np.eye(len(pull))[0]
    return float(randomised(k, bigger, n, size, lot[:len(k)]) @ pull / math.sqrt((pull**2).sum()))


def unlike(below: np.ndarray, before: np.ndarray, now: np.ndarray) -> bool:
    """Whether the window's units bear other numbers of ratings than those so far: then they are not exchangeable, changed or not."""
    size, code = np.unique(below, return_inverse=True)
    if len(size) < 2:
        return False
    shares = [np.cumsum(np.bincount(code, n)) / n.sum() for n in (before, now)]
    return bool(np.abs(shares[0] - shares[1]).max() > UNLIKE + 1.4 / math.sqrt(now.sum()))


def welch(kinds: np.ndarray, before: np.ndarray, now: np.ndarray) -> float | None:
    """The difference of two ratios in its standard errors, each by its own units; None where nothing varies."""
    above, below = kinds.T
    means = [(n @ above) / (n @ below) for n in (before, now)]
    variance = sum(float(n @ (above - m * below) ** 2) / float(n @ below) ** 2 for n, m in zip((before, now), means))
    return float(means[1] - means[0]) / math.sqrt(variance) if variance > 0 else None


def randomised(k: np.ndarray, marked: np.ndarray, n: np.ndarray, size: np.ndarray, lot: np.ndarray) -> np.ndarray:
    """Normal score of k marked units among n drawn from `size` of which `marked` are marked; `lot` (uniform) breaks the ties.

    The tail beyond k is summed outward from k, by the ratio of neighbouring terms, so that it keeps its digits far out.
    """
    from scipy.special import betaln, ndtri

    low = k * size < n * marked                       # count the unmarked: then the tail is always the upper one
    k, marked = np.where(low, n - k, k), np.where(low, size - marked, marked)
    at = np.exp(choose(marked, k, betaln) + choose(size - marked, n - k, betaln) - choose(size, n, betaln))
    sd = np.sqrt(n * (marked / size) * (1 - marked / size) * (size - n) / np.maximum(size - 1, 1))
    j = k[:, None] + np.arange(int(min(10 * sd.max() + 30, n.max() + 1)))
    up = np.maximum(marked[:, None] - j, 0) * np.maximum(n[:, None] - j, 0)
    ratio = up / np.maximum((j + 1) * (size - marked - n)[:, None] + (j + 1) * (j + 1), 1)
    tail = at * (lot + np.cumprod(ratio, axis=1).sum(axis=1))
    return np.where(low, 1.0, -1.0) * ndtri(np.clip(tail, 1e-300, 1 - 1e-16))


def choose(n: np.ndarray, k: np.ndarray, betaln: object) -> np.ndarray:
    """Log of n over k."""
    return -betaln(n - k + 1, k + 1) - np.log(n + 1)  # type: ignore[operator]
