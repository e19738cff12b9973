"""Whether levels moved one way: Stuart-Maxwell, Bhapkar and Bowker where several ratings stand in one item or prompt."""

from __future__ import annotations

import math

import numpy as np

from workbench.estimates import estimate

NONE_MOVED = "no rating changed its level"
FEW_BLOCKS = "ratings moved in {n} items or prompts, and the test asks in {m} directions: too few to tell"
# An axis along which blocks vary less than this, of the most that they vary along any, is no direction of movement.
ROUNDING = 1e-9
METHODS = {"stuart_maxwell": "chi-square", "bhapkar": "F", "bowker": "chi-square"}


def square_tests(old: np.ndarray, new: np.ndarray, block: np.ndarray, q: int) -> list[dict[str, object]]:
    """The three tests as rows with `df` and `p`, from level codes (N,) under the old and the new version and blocks (N,)."""
    level = np.eye(q)
    margins = block_sums(level[new] - level[old], block)
    first, second = np.triu_indices(q, 1)
    place = np.zeros((q, q), dtype=int)
    place[first, second] = np.arange(len(first))
    flows = np.zeros((len(old), len(first)))
    moved = np.flatnonzero(old != new)
    flows[moved, place[np.minimum(old, new)[moved], np.maximum(old, new)[moved]]] = np.sign(new - old)[moved]
    size = block_sums(np.ones((len(old), 1)), block)[:, 0]
    found = {"stuart_maxwell": score_test(margins), "bhapkar": wald_test(margins, size), "bowker": score_test(block_sums(flows, block))}
    return [estimate(name, value, method=METHODS[name] if not note else "none", note=note) | {"df": df, "p": p}
            for name, (value, df, p, note) in found.items()]


def block_sums(change: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sums (C, m) of rows (N, m) within blocks (N,)."""
    codes, place = np.unique(block, return_inverse=True)
    return np.array([np.bincount(place, column, len(codes)) for column in change.T]).reshape(-1, len(codes)).T


def score_test(sums: np.ndarray) -> tuple[float, float, float, str]:
    """Statistic, df, p and the reason where undefined, of blocks' sums (C, m) that have mean 0 unless levels moved one way.

    d' S^-1 d, d the total and S = sum of s s' over blocks s; chi-square, df the rank of S. With a rating a block it is Stuart and
    Maxwell's on differences of level indicators and Bowker's on signed moves between two levels; on two levels Durkalski's.
    """
    from scipy.special import chdtrc

    value, rank, note = quadratic(sums.sum(axis=0), sums.T @ sums, int(np.any(sums != 0, axis=1).sum()))
    return (math.nan, math.nan, math.nan, note) if note else (value, float(rank), float(chdtrc(rank, value)), "")


def wald_test(sums: np.ndarray, size: np.ndarray) -> tuple[float, float, float, str]:
    """As `score_test` with the variance about the mean change, size (C,) the ratings of a block: with a rating a block Bhapkar's.

    p by Hotelling's F on m and C - m degrees of freedom, for the chi-square rejects too often where blocks are few.
    """
    from scipy.special import fdtrc

    total, n = sums.sum(axis=0), len(sums)
    own = sums - size[:, None] * (total / size.sum())
    value, rank, note = quadratic(total, own.T @ own, min(n - 1, int(np.any(sums != 0, axis=1).sum())))
    if note:
        return math.nan, math.nan, math.nan, note
    return value, float(rank), float(fdtrc(rank, n - rank, value * (n - rank) / (n * rank))), ""


def quadratic(total: np.ndarray, spread: np.ndarray, n: int) -> tuple[float, int, str]:
    """total' spread^-1 total over the axes with any spread, their number, and why it is undefined; `n`: blocks in which any moved."""
    if n == 0:
        return math.nan, 0, NONE_MOVED
    roots, axes = np.linalg.eigh(spread)
    kept = roots > ROUNDING * roots.max()
    if n <= kept.sum():
        return math.nan, 0, FEW_BLOCKS.format(n=n, m=int(kept.sum()))
    along = total @ axes
    if np.abs(along[~kept]).max(initial=0) > math.sqrt(ROUNDING) * max(np.abs(total).max(), 1.0):
        return math.nan, 0, "every item or prompt moved alike: there is no spread to hold the movement against"
    return float((along[kept] ** 2 / roots[kept]).sum()), int(kept.sum()), ""
