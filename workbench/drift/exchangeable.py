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
ROOM = 100_000           # numbers held at once: little enough to stay near the processor, however many windows and kinds of units
UNLIKE = 0.1             # distance of the distributions of ratings a unit, beyond chance, above which two errors are taken apart


def exchangeable_values(units: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], *, seeds: Sequence[Sequence[int]]) -> np.ndarray:
    """Windows' values (T,) in standard deviations of a unit, with errors exactly N(0, 1 / n) if units are exchangeable.

    units: per window (above, below, weight): the metric is sum(above) / sum(below) over its units, `weight` of them alike. seeds: what
    each window's randomisation is drawn from; ties among units are broken by it.
    """
    kinds, counts = merged(units)
    lot = np.array([np.random.default_rng(seed).random(BINS) for seed in seeds[1:]]).reshape(-1, BINS)
    so_far, now = counts.cumsum(axis=1).T, counts.T
    block = max(1, ROOM // len(kinds))
    score = [normal_scores(kinds, so_far[:-1][i:i + block], now[1:][i:i + block], lot[i:i + block])
             for i in range(0, len(units) - 1, block)]
    return summed(np.concatenate(score) if score else np.zeros(0), counts.sum(axis=0))


def summed(score: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Values (.., T) from the scores (.., T - 1) of all windows but the first, which has 0; n (T,): units."""
    before = np.cumsum(n)
    values, mean = [np.zeros(score.shape[:-1])], 0.0
    for t in range(1, len(n)):
        values.append(mean + score[..., t - 1] * math.sqrt(1 / n[t] + 1 / before[t - 1]))
        mean = mean + (values[-1] - mean) * n[t] / before[t]
    return np.stack(values, axis=-1)


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


def normal_scores(kinds: np.ndarray, before: np.ndarray, now: np.ndarray, lot: np.ndarray) -> np.ndarray:
    """How far the units of each window lie above those so far and its own, N(0, 1) if all are exchangeable. kinds (M, 2): above, below;
    before, now (W, M): how many of each kind; lot (W, BINS)."""
    from scipy.special import ndtri

    n_all, n_now, total = binned(kinds, before, now)
    filled = (n_all > 0).sum(axis=1)
    left_all, left_now, left_total = (a[:, ::-1].cumsum(axis=1)[:, ::-1] for a in (n_all, n_now, total))
    told = np.arange(BINS - 1) < filled[:, None] - 1
    k, bigger, n, size = n_now[:, :-1], np.where(told, n_all[:, :-1], 1), left_now[:, :-1], np.where(told, left_all[:, :-1], 1)
    rest = left_total[:, 1:] / np.where(told, left_all[:, 1:], 1)
    drawn = left_now[:, :1] / left_all[:, :1] * size  # of the bins left, as far as the bag can tell
    spread = np.sqrt(np.maximum(drawn * (bigger / size) * (1 - bigger / size) * (size - drawn) / np.maximum(size - 1, 1), 0))
    pull = np.where(told, (total[:, :-1] / bigger - rest) * spread, 0)
    pull[~(pull**2).sum(axis=1).astype(bool), 0] = 1
    score = np.zeros(told.shape)
    score[told] = randomised(k[told], bigger[told], n[told], size[told], lot[:, :BINS - 1][told])
    score[filled < 2, 0] = ndtri(lot[filled < 2, 0])  # all alike so far: nothing is known, and the score is a draw
    found = (score * pull).sum(axis=1) / np.sqrt((pull**2).sum(axis=1))
    for i in np.flatnonzero(unlike(kinds[:, 1], before, now)):
        z = welch(kinds, before[i], now[i])
        found[i] = found[i] if z is None else z
    return found


def binned(kinds: np.ndarray, before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units by bins of like size in order of value (W, BINS), those that hold any first: how many in all, now, and the sum of values."""
    (above, below), bag = kinds.T, before + now
    ratio = (bag @ above) / np.where(bag @ below, bag @ below, np.inf)
    value = np.where((bag @ below != 0)[:, None], above - ratio[:, None] * below, 0)
    order = np.argsort(value, axis=1, kind="stable")
    bag, now, value = (np.take_along_axis(a, order, axis=1) for a in (bag, now, value))
    place, rank = bag.cumsum(axis=1), (bag > 0).cumsum(axis=1)
    bins = np.where(rank[:, -1:] > BINS, BINS * (place - bag / 2) // place[:, -1:], rank - 1)
    code = (np.clip(bins, 0, BINS - 1) + BINS * np.arange(len(bag))[:, None]).astype(np.int64).ravel()
    sums = [np.bincount(code, a.ravel(), BINS * len(bag)).reshape(-1, BINS) for a in (bag, now, bag * value)]
    filled = np.argsort(sums[0] == 0, axis=1, kind="stable")
    n_all, n_now, total = (np.take_along_axis(a, filled, axis=1) for a in sums)
    return n_all, n_now, total


def unlike(below: np.ndarray, before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Whether windows' units bear other numbers of ratings than those so far: then they are not exchangeable, changed or not."""
    size, last = np.unique(np.sort(below)[::-1], return_index=True)
    if len(size) < 2:
        return np.zeros(len(now), dtype=bool)
    last, order = len(below) - 1 - last, np.argsort(below, kind="stable")
    shares = [n[:, order].cumsum(axis=1)[:, last] / n.sum(axis=1, keepdims=True) for n in (before, now)]
    return np.abs(shares[0] - shares[1]).max(axis=1) > UNLIKE + 1.4 / np.sqrt(now.sum(axis=1))


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
    terms, beyond = np.arange(int(min(8 * sd.max(initial=0) + 30, n.max(initial=0) + 1))), np.zeros(len(k))
    block = max(1, ROOM // len(terms))
    for i in range(0, len(k), block):
        own = slice(i, i + block)
        j = k[own, None] + terms
        up = np.maximum(marked[own, None] - j, 0) * np.maximum(n[own, None] - j, 0)
        beyond[own] = np.cumprod(up / np.maximum((j + 1) * ((size - marked - n)[own, None] + j + 1), 1), axis=1).sum(axis=1)
    return np.where(low, 1.0, -1.0) * ndtri(np.clip(at * (lot + beyond), 1e-300, 1 - 1e-16))


def choose(n: np.ndarray, k: np.ndarray, betaln: object) -> np.ndarray:
    """Log of n over k."""
    return -betaln(n - k + 1, k + 1) - np.log(n + 1)  # type: ignore[operator]
