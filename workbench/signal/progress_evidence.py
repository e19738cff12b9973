"""Evidence that a mean difference is not m, valid however often one looks, and how many prompts it takes.

A gambler who stakes the share b of the capital on each prompt's difference d, which lies within -/+ r, holds prod(1 + b (d - m))
after n prompts. If the mean is m, that is 1 on average at every look, whatever the differences are like, as long as b is chosen
before d is seen; it ever exceeds 1/a with probability at most a (Ville 1939; Waudby-Smith and Ramdas 2024,
doi:10.1093/jrsssb/qkad009). The capital is spread over stakes to both sides, each in standard deviations of the differences so far.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

STAKES = (0.64, 0.32, 0.16, 0.08, 0.04, 0.02)     # times 1 / SD; best where a mean shows after 22, 88, 350, 1400, ... prompts
FIRST_SPREAD = 0.25      # of r: the spread presumed before there are differences, worth one prompt
MOST = 0.9               # of the stake at which one prompt can take all
FEWEST = 10              # prompts below which nothing is said
PATHS, LOOKS = 2000, 250  # of the planning of a sequence
FARTHEST = 1e7           # prompts; beyond this nobody rates


def log_evidence(differences: np.ndarray, reach: float, mean: float = 0.0) -> np.ndarray:
    """Log evidence against this mean after each prompt, (n,); differences (n,) within -/+ reach."""
    stakes = np.array(STAKES)[:, None] / spread_before(differences, reach)
    return mean_of_logs(np.cumsum(gains(stakes, differences, reach, mean), axis=1))


def gains(stakes: np.ndarray, differences: np.ndarray, reach: float, mean: float) -> np.ndarray:
    """What each stake (k, n) to either side adds to the logarithm of its capital at each prompt, (2k, n)."""
    up = np.minimum(stakes, MOST / (reach + mean) if reach + mean > 0 else 0.0)
    down = np.minimum(stakes, MOST / (reach - mean) if reach - mean > 0 else 0.0)
    return np.log1p(np.concatenate([up, -down]) * (differences - mean))


def mean_of_logs(logs: np.ndarray) -> np.ndarray:
    """The logarithm of the mean over the first axis of what these are logarithms of."""
    top = logs.max(axis=0)
    return top + np.log(np.exp(logs - top).mean(axis=0))


def spread_before(differences: np.ndarray, reach: float) -> np.ndarray:
    """Standard deviation of the differences before each prompt, (n,)."""
    n = np.arange(len(differences))
    total, squares = (np.concatenate([[0.0], np.cumsum(part)[:-1]]) for part in (differences, differences**2))
    about = np.maximum(squares - total**2 / np.maximum(n, 1), 0)
    return np.sqrt((about + (FIRST_SPREAD * reach) ** 2) / (n + 1))


def mean_interval(differences: np.ndarray, reach: float, confidence: float) -> tuple[float, float]:
    """All means that the evidence does not refute at this look."""
    wanted, centre = -math.log1p(-confidence), float(differences.mean())
    stakes = np.array(STAKES)[:, None] / spread_before(differences, reach)
    ends = []
    for side in (-1.0, 1.0):
        near, far = centre, side * reach
        for _ in range(30):
            middle = (near + far) / 2
            evidence = mean_of_logs(gains(stakes, differences, reach, middle).sum(axis=1))
            near, far = (middle, far) if evidence < wanted else (near, middle)
        ends.append(far)
    return ends[0], ends[1]


def boundary(n: np.ndarray, error_rate: float, most: float) -> np.ndarray:
    """The sum, in standard deviations of one difference, that is evidence of 1 / `error_rate` after n prompts, (n,).

    most: the largest stake, in 1 / SD. Stakes are small enough for log(1 + x) = x - x2 / 2.
    """
    largest = 2.0 * n + 10 * np.sqrt(n)
    one = np.minimum(STAKES, most)[:, None]
    stakes, total = np.concatenate([one, -one]), largest
    for _ in range(60):        # Newton, on a function that rises and is convex: from the right of its root on
        logs = stakes * total - stakes**2 * n / 2
        top = logs.max(axis=0)
        held = np.exp(logs - top)
        move = (top + np.log(held.mean(axis=0)) + math.log(error_rate)) * held.sum(axis=0) / (stakes * held).sum(axis=0)
        total = total - move
        if (np.abs(move) <= 1e-10 * np.abs(total)).all():
            break
    return np.minimum(total, largest)


def standing_effect(spread: float, *, n: np.ndarray, reach: float, power: float, error_rate: float) -> np.ndarray:
    """The mean difference that evidence of 1 / `error_rate` meets after n prompts (k,) with probability `power`; nan for few."""
    from scipy.special import ndtri

    n = np.atleast_1d(np.asarray(n, dtype=float))
    if not (spread > 0 and reach > 0):
        return np.full(len(n), math.nan)
    found = spread * (boundary(n, error_rate, MOST * spread / reach) / n + ndtri(power) / np.sqrt(n))
    return np.where(n >= FEWEST, found, math.nan)


@lru_cache(maxsize=1)
def normals(seed: int) -> np.ndarray:
    """The normal numbers that walks are made of, the same for all that are planned with one seed."""
    return np.random.default_rng(seed).standard_normal(PATHS * LOOKS)


def prompts_until(spread: float, *, effect: float, reach: float, power: float, error_rate: float, seed: int = 0) -> float:
    """Prompts until the interval excludes 0 with probability `power`, looking after every one; inf beyond ten million.

    That many of normal random walks with this mean and spread have crossed the boundary by then.
    """
    if not (spread > 0 and effect > 0 and reach > 0):
        return math.nan
    often, most, grid = max(power, 0.95), MOST * spread / reach, np.geomspace(FEWEST, FARTHEST, 60)
    met = standing_effect(spread, n=grid, reach=reach, power=often, error_rate=error_rate) <= effect
    if not met.any():
        return math.inf
    last = grid[np.argmax(met)]
    n = np.unique(np.rint(np.geomspace(FEWEST, max(last, FEWEST + 1), LOOKS)))
    walk = normals(seed)[:PATHS * len(n)].reshape(PATHS, len(n)) * np.sqrt(np.diff(n, prepend=0))
    met = np.cumsum(walk, axis=1, out=walk) >= boundary(n, error_rate, most) - effect / spread * n
    first = met.argmax(axis=1)
    crossed = np.cumsum(np.bincount(first[met[np.arange(PATHS), first]], minlength=len(n))) / PATHS
    return float(n[np.argmax(crossed >= power)]) if (crossed >= power).any() else math.inf
