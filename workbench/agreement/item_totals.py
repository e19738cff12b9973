"""An item's ratings once their total is given: what remains to be said of each when the item's ability has been said.

Rating a weighs its level k by w_ak; the item's total t then comes about in ways whose weights are products. Their sums are the
elementary symmetric functions of conditional Rasch estimation, here built up rating by rating for many items side by side.
"""

from __future__ import annotations

import numpy as np

# Beyond this many ratings an item, covariances given the total are those of a normal approximation, whose errors were within
# 0.1 % of the exact ones; the exact ones cost a factor of the number of ratings more.
WIDE = 12
ROUNDS = 60


def partial_sums(weights: np.ndarray, total: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sums of weights over the ways to reach each partial total: before rating a, and from there on to the item's total.

    `weights` (n, L, I): of each level of each rating; a way weighs the product of its levels'. `total` (I,). Each list has n + 1
    arrays (reachable totals, I); the sum over all ways, the elementary symmetric function, is `back[0][0]`.
    """
    n, levels, items = weights.shape
    front = [np.ones((1, items), dtype=weights.dtype)]
    for a in range(n):
        front.append(_add_rating(front[-1], weights[a]))
    back = [np.zeros((n * (levels - 1) + 1, items), dtype=weights.dtype)]
    back[0][total, np.arange(items)] = 1
    for a in range(n - 1, -1, -1):
        width = len(front[a])
        back.append(sum(weights[a, k] * back[-1][k:k + width] for k in range(levels)))
    return front, back[::-1]


def level_shares(weights: np.ndarray, front: list[np.ndarray], back: list[np.ndarray]) -> np.ndarray:
    """The probability of each level of each rating given the item's total, (n, L, I)."""
    shares = np.empty_like(weights)
    for a, before in enumerate(front[:-1]):
        for k in range(weights.shape[1]):
            shares[a, k] = weights[a, k] * (before * back[a + 1][k:k + len(before)]).sum(axis=0)
    return shares / back[0][0]


def pair_covariances(weights: np.ndarray, front: list[np.ndarray], back: list[np.ndarray], shares: np.ndarray) -> np.ndarray:
    """Covariances of an item's ratings given its total, (n, n, I): exact up to `WIDE` ratings, a normal approximation above."""
    n, levels, _ = weights.shape
    k = np.arange(levels)
    mean = k @ shares
    variance = k**2 @ shares - mean**2
    if n > WIDE:
        return _normal_covariances(variance)
    made = np.empty((n, n, weights.shape[2]))
    for a in range(n):
        made[a, a] = variance[a]
        moment = _add_rating(front[a], k[:, None] * weights[a])
        for b in range(a + 1, n):
            width = len(moment)
            product = sum(k * weights[b, k] * (moment * back[b + 1][k:k + width]).sum(axis=0) for k in range(1, levels))
            made[a, b] = made[b, a] = product / back[0][0] - mean[a] * mean[b]
            moment = _add_rating(moment, weights[b])
    return made


def _normal_covariances(variance: np.ndarray) -> np.ndarray:
    """-d d' / S beside the diagonal, S = sum of d, with d such that d - d^2 / S is the variance (n, I) given the total."""
    spread = variance
    for _ in range(ROUNDS):
        spread = variance / (1 - spread / spread.sum(axis=0))
    made = -spread[:, None] * spread / spread.sum(axis=0)
    made[np.arange(len(spread)), np.arange(len(spread))] = variance
    return made


def _add_rating(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Partial sums (width, I) after one rating more, of weights (L, I)."""
    width, levels = len(sums), len(weights)
    made = np.zeros((width + levels - 1, sums.shape[1]), dtype=weights.dtype)
    for k in range(levels):
        made[k:k + width] += weights[k] * sums
    return made
