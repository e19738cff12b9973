"""Dawid and Skene (1979, doi:10.2307/2346806): each unit has one true level, each rater a matrix of errors; both by EM.

Given the truth, raters err independently. A round costs two products with a sparse matrix, linear in the ratings; units with
equal votes are one row of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

# No posterior moved by more than this in a round: settled.
TOLERANCE = 1e-7

# Expected ratings of each rater, (m, given, true) -> probabilities of what is given, the same shape.
Rates = Callable[[np.ndarray], np.ndarray]
# Prevalence (q,) and the raters' probabilities (m, true, given) to begin with.
Start = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LatentClasses:
    """A fit. posterior: (N, q) probability of each level. prevalence: (q,). errors: (m, true, given) probabilities, and
    `expected`: how many ratings they rest on. settled: whether EM converged within its `rounds`."""

    posterior: np.ndarray
    prevalence: np.ndarray
    errors: np.ndarray
    expected: np.ndarray
    log_likelihood: float
    rounds: int
    settled: bool


def error_matrices(smoothing: float) -> Rates:
    """Each rater's own matrix: p(given | true) = (n_gt + smoothing) / (n_t + q smoothing); even where both are 0."""
    def rates(expected: np.ndarray) -> np.ndarray:
        q = expected.shape[1]
        raised = expected + smoothing
        total = raised.sum(axis=1, keepdims=True)
        return np.divide(raised, total, out=np.full_like(raised, 1 / q), where=total > 0)
    return rates


def one_accuracy(smoothing: float) -> Rates:
    """One accuracy a rater, (n_right + smoothing) / (n + q smoothing), whatever the truth; wrong levels are equally likely."""
    def rates(expected: np.ndarray) -> np.ndarray:
        q = expected.shape[1]
        right = np.trace(expected, axis1=1, axis2=2)
        accuracy = ((right + smoothing) / (expected.sum(axis=(1, 2)) + q * smoothing))[:, None, None]
        return np.where(np.eye(q, dtype=bool), accuracy, (1 - accuracy) / max(q - 1, 1))
    return rates


def latent_classes(item: np.ndarray, rater: np.ndarray, level: np.ndarray, shape: tuple[int, int, int], *, rates: Rates,
                   gold: np.ndarray | None = None, start: Start | None = None, iterations: int = 500,
                   teaches: np.ndarray | None = None) -> LatentClasses:
    """Fit by EM from the vote shares, or from `start`.

    item, rater, level: (R,) codes; a rater may rate an item more than once. shape: numbers of items, raters, levels. gold: (N,) known
    levels, -1 where unknown; they stay fixed. With `start` and no iterations its parameters stand as they are. teaches: (N,) how much a
    rating of the unit counts in its rater's errors, 1 unless given (see `vote.teaching`).
    """
    n, m, q = shape
    gold = np.full(n, -1) if gold is None else gold
    votes = votes_of(item, rater, level, shape)
    design, weight, gold, place = merged(votes, gold) if teaches is None else (votes, np.ones(n), gold, np.arange(n))
    barred = np.where((gold >= 0) & (np.arange(q)[:, None] != gold), -np.inf, 0.0)
    if start is None:
        posterior = vote_shares(design, q)
        posterior[:, gold >= 0] = np.exp(barred[:, gold >= 0])
        loglik = np.nan
    else:
        prevalence, errors = start[0], start[1].transpose(0, 2, 1)
        posterior, loglik = e_step(design, weight, barred, prevalence, errors)
    rounds, move, turned = 0, np.inf, design.T
    while rounds < iterations and move > TOLERANCE:
        prevalence, errors, _ = m_step(turned, weight, posterior, rates, m, teaches)
        before = posterior
        posterior, loglik = e_step(design, weight, barred, prevalence, errors)
        rounds, move = rounds + 1, np.abs(posterior - before).max(initial=0)
    found = m_step(turned, weight, posterior, rates, m, teaches)
    prevalence, errors = (prevalence, errors) if start is not None and not iterations else found[:2]
    return LatentClasses(posterior.T[place], prevalence, errors.transpose(0, 2, 1), found[2].transpose(0, 2, 1), float(loglik), rounds,
                         bool(move <= TOLERANCE))


def votes_of(item: np.ndarray, rater: np.ndarray, level: np.ndarray, shape: tuple[int, int, int]) -> csr_array:
    """(N, m q): how often each rater gave an item each level."""
    from scipy.sparse import csr_array

    n, m, q = shape
    column = rater * q + level
    narrow = np.int32 if max(n, m * q) < 2**31 else np.int64  # half the memory to walk
    design = csr_array((np.ones(len(item)), (item.astype(narrow), column.astype(narrow))), shape=(n, m * q))
    design.sum_duplicates()
    return design


def merged(design: csr_array, gold: np.ndarray) -> tuple[csr_array, np.ndarray, np.ndarray, np.ndarray]:
    """Rows with equal votes and gold as one, where that halves them: design (P, m q), weight (P,), gold (P,), and each item's row."""
    n = design.shape[0]
    random = np.random.default_rng(0).random(design.shape[1] + 1)
    _, first, place = np.unique(design @ random[:-1] + gold * random[-1], return_index=True, return_inverse=True)
    # equal sums of random numbers suggest equal rows; that they are is looked up
    if 2 * len(first) > n or (gold[first][place] != gold).any() or (design[first][place] != design).nnz:
        return design, np.ones(n), gold, np.arange(n)
    return design[first], np.bincount(place).astype(float), gold[first], place


def vote_shares(design: csr_array, q: int) -> np.ndarray:
    """(q, P): the share of an item's ratings at each level."""
    totals = np.stack([design[:, k::q].sum(axis=1) for k in range(q)])
    return totals / totals.sum(axis=0)


def m_step(turned: csc_array, weight: np.ndarray, posterior: np.ndarray, rates: Rates,
           m: int, teaches: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prevalence (q,), error rates and the expected ratings behind them, (m, given, true), from posteriors (q, P) and the design `turned`
    on its side, (m q, P)."""
    held = posterior * weight
    expected = (turned @ (held if teaches is None else held * teaches).T).reshape(m, len(held), len(held))
    return held.sum(axis=1) / weight.sum(), rates(expected), expected


def e_step(design: csr_array, weight: np.ndarray, barred: np.ndarray, prevalence: np.ndarray,
           errors: np.ndarray) -> tuple[np.ndarray, float]:
    """Posterior (q, P) and the log-likelihood. `barred` (q, P) is -inf at levels that gold rules out."""
    q = len(prevalence)
    with np.errstate(divide="ignore"):
        # levels first: maxima and sums over a handful of long rows run several times faster than over long columns
        joint = np.ascontiguousarray((design @ np.log(errors.reshape(-1, q))).T) + np.log(prevalence)[:, None] + barred
    peak = joint.max(axis=0, initial=-np.inf)
    np.exp(joint - peak, out=joint)
    total = joint.sum(axis=0)
    return joint / total, float(weight @ (peak + np.log(total)))
