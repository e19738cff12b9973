"""Scores as truth + a rater's bias + a rater's noise, by variational EM: all three at once, from unbalanced data.

score = t_i + b_j + e,  t_i ~ N(mean, spread^2),  b_j ~ N(0, severity^2),  e ~ N(0, noise_j^2).

A rater whose noise fell to 0 would take over every item rated: each rater's noise is held towards the panel's with the weight of
`PRIOR` ratings. Where truth ends and bias begins is a matter of definition: biases average to 0 within each set of raters
connected by common items, unless gold fixes the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PRIOR = 4         # ratings' worth of the panel's noise in each rater's
FLOOR = 1e-8      # of the scores' variance: what a variance never falls below
TOLERANCE = 1e-5  # of the scores' standard deviation: no truth or noise moved further in a round: settled


@dataclass(frozen=True)
class Measured:
    """A fit. truth, truth_se: (N,) posterior mean and standard deviation. bias, bias_se, noise: (m,), noise as a standard deviation.
    mean, spread, severity: mean and standard deviation of the truths, and standard deviation of the biases, in the model. sets: (m,)
    which connected set a rater is of; free: which of the sets no gold reaches. settled: whether it converged within `rounds`."""

    truth: np.ndarray
    truth_se: np.ndarray
    bias: np.ndarray
    bias_se: np.ndarray
    noise: np.ndarray
    mean: float
    spread: float
    severity: float
    sets: np.ndarray
    free: np.ndarray
    rounds: int
    settled: bool


def measured(item: np.ndarray, rater: np.ndarray, score: np.ndarray, shape: tuple[int, int], *, gold: np.ndarray | None = None,
             iterations: int = 500) -> Measured:
    """Fit scores (R,) of items and raters (R,) by codes. shape: numbers of items, raters. gold: (N,) known truths, nan elsewhere.

    Each round is a handful of products with a sparse matrix. The posterior factorises over truths and biases (Beal 2003); the
    standard errors at the end put back what a truth owes to its raters' uncertain biases and to the uncertain mean.
    """
    from scipy.sparse import csr_array

    n, m = shape
    centre, unit = score.mean(), score.std() or 1.0
    y = (score - centre) / unit
    seen, sums = (csr_array((x, (item, rater)), shape=shape) for x in (np.ones(len(y)), y))
    own, total, squares = (np.bincount(rater, x, m) for x in (np.ones(len(y)), y, y**2))
    known = np.zeros(n, dtype=bool) if gold is None else np.isfinite(gold)
    fixed = np.zeros(n) if gold is None else (np.where(known, gold, centre) - centre) / unit
    sets, free = connected(seen, known)
    truth, bias, noise = np.zeros(n), np.zeros(m), np.ones(m)
    mean, spread, severity, rounds, move = 0.0, 1.0, 1.0, 0, np.inf
    while rounds < iterations and move > TOLERANCE:
        before = truth, noise
        sharp = 1 / noise
        told = seen @ sharp  # the precision of each item's ratings together
        left = np.where(known, 0.0, 1 / (1 / spread + told))  # the variance left in each truth
        truth = np.where(known, fixed, left * (mean / spread + sums @ sharp - seen @ (sharp * bias)))
        narrow = 1 / (1 / severity + own * sharp)  # the variance left in each bias, were the truths known
        truths = seen.T @ truth
        bias = centred(narrow * sharp * (total - truths), sets, free)
        gaps = squares - 2 * (sums.T @ truth) + seen.T @ (truth**2 + left) + 2 * bias * (truths - total) + own * (bias**2 + narrow)
        noise = np.maximum((gaps + PRIOR * gaps.sum() / len(y)) / (own + PRIOR), FLOOR)
        # they are not: each rating tells of a bias only what it does not spend on its item
        unsure = 1 / (1 / severity + own * sharp - sharp**2 * (seen.T @ left))
        mean = truth.mean()
        spread, severity = (max(float(x), FLOOR) for x in (((truth - mean) ** 2 + left).mean(), (bias**2 + unsure).mean()))
        move = max(np.abs(truth - before[0]).max(), np.abs(np.sqrt(noise) - np.sqrt(before[1])).max())
        rounds += 1
    passed_on = seen.copy()
    passed_on.data = passed_on.data**2
    of_mean = 1 / (1 / (spread + 1 / told)).sum()
    variance = left + left**2 * (passed_on @ (sharp**2 * unsure) + of_mean / spread**2)
    return Measured(truth * unit + centre, np.sqrt(variance) * unit, bias * unit, np.sqrt(unsure) * unit, np.sqrt(noise) * unit,
                    mean * unit + centre, spread**0.5 * unit, severity**0.5 * unit, sets, free, rounds, bool(move <= TOLERANCE))


def connected(seen: csr_array, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which set of raters connected by common items each rater is of (m,), and which sets no gold reaches (sets,)."""
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    n, m = seen.shape
    codes = connected_components(block_array([[None, seen], [seen.T, None]]), directed=False)[1]
    _, both = np.unique(codes, return_inverse=True)
    free = np.ones(both.max(initial=-1) + 1, dtype=bool)
    free[both[:n][known]] = False
    return both[n:], free


def centred(bias: np.ndarray, sets: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Biases less the mean of their set, where no gold fixes it."""
    mean = np.bincount(sets, bias, len(free)) / np.maximum(np.bincount(sets, minlength=len(free)), 1)
    return bias - np.where(free, mean, 0.0)[sets]
