"""What is not yet known of each unit, and what one further rating of it would take away, in expectation.

Levels: uncertainty is the chance that two draws from the posterior differ, 1 - sum_t p_t^2. Scores: the posterior variance of the
unit's mean as a share of the variance between units. Both run from 0 (known) to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.agreement.dawid_skene import error_matrices, latent_classes
from workbench.agreement.traits import severities
from workbench.agreement.vote import shares, with_majority

ROUNDS = 20        # of EM: posteriors that order units need not have settled
SMOOTHING = 0.1    # of the model, as `agreement.consensus` has it
FIRST = 0.3        # votes that each level has before anybody voted
LEAST = 0.05       # weight of a rater who is with the majority no more often than chance
DOUBT = 0.03       # share of belief that stays with the prevalence, whatever the votes
USUAL = 60.0       # ratings' worth of the kind's errors in what the next rater of a unit says
STEADY = 0.2       # least ease: the second rating of a unit takes away at most 1 / (1 + 2 STEADY) of what the first does
PRIOR = 4.0        # ratings' worth of pooled noise in the noise of each unit
LITTLE = 0.01      # share of the variance that lies between units at least


@dataclass(frozen=True)
class Worth:
    """uncertainty: (N,). gain: (K, N) what a first rating by a kind takes away of it, in expectation. ease: (K, N) how fast it runs
    out; the j-th rating takes away gain (1 + ease) / ((1 + (j - 1) ease) (1 + j ease)). Exact for normal scores, where
    ease is the error variance before over that of a rating; for levels a rule that spreads what is asked at one time."""

    uncertainty: np.ndarray
    gain: np.ndarray
    ease: np.ndarray


def of_levels(item: np.ndarray, rater: np.ndarray, level: np.ndarray, kind: np.ndarray, shape: tuple[int, int, int],
              skill: np.ndarray) -> Worth:
    """Worth of ratings on levels. item, rater, level, kind: (R,) codes; shape: numbers of items, raters, levels (2 or more); skill: (K,)
    accuracies that are known, nan where the ratings shall tell them.

    What the next rater of a kind says of a unit that is truly t follows a Dirichlet with mean C_t, the kind's errors, and
    concentration s = `USUAL`, given what the kind said of the unit: (s C_tk + n_k) / (s + n). So a unit that stays half and half is not
    asked about for ever: the more votes, the less the next one tells of the truth rather than of the unit.
    """
    n, _, q = shape
    belief = beliefs(item, rater, level, shape)
    counts = np.bincount((kind * n + item) * q + level, minlength=len(skill) * n * q).reshape(len(skill), n, q).astype(float)
    shared = np.bincount(item, minlength=n) > 1  # a lone rating would be held against itself
    gain = np.stack([sharpened(belief, own, USUAL * errors_of(belief[shared], own[shared], accuracy))
                     for own, accuracy in zip(counts, skill)])
    uncertainty = 1 - (belief**2).sum(axis=1)
    return Worth(uncertainty, gain, np.maximum(gain / np.maximum(uncertainty - gain, 1e-12), STEADY))


def beliefs(item: np.ndarray, rater: np.ndarray, level: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(N, q): the mean of two posteriors: Dawid and Skene's, and the vote of raters weighted by how often they are with the majority. On
    few ratings a model alone is too sure, and may put most units at one level; where the two differ, that counts as uncertainty."""
    n, m, q = shape
    model = latent_classes(item, rater, level, shape, rates=error_matrices(SMOOTHING), iterations=ROUNDS).posterior
    own = np.bincount(rater, minlength=m) > 0
    names = np.cumsum(own)[rater] - 1  # raters without a rating have no share
    joins = with_majority(item, names, level, shares(item, level, n, q), int(own.sum()))
    weight = np.maximum((q * joins - 1) / (q - 1), LEAST)[names]
    votes = np.bincount(item * q + level, weight, n * q).reshape(n, q) + FIRST
    belief = (votes / votes.sum(axis=1, keepdims=True) + model) / 2
    return (1 - DOUBT) * belief + DOUBT * belief.mean(axis=0)


def errors_of(belief: np.ndarray, counts: np.ndarray, accuracy: float) -> np.ndarray:
    """(true, given) probabilities, from a known accuracy or from counts (N, q) held against beliefs (N, q), with q + 1 right ratings and
    one of each error before the first."""
    q = belief.shape[1]
    if np.isfinite(accuracy):
        return np.where(np.eye(q, dtype=bool), accuracy, (1 - accuracy) / (q - 1))
    expected = belief.T @ counts + 1 + q * np.eye(q)
    return expected / expected.sum(axis=1, keepdims=True)


def sharpened(belief: np.ndarray, counts: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(N,) by how much sum_t p_t^2 is expected to grow with one more rating, whose levels given t have the Dirichlet parameters
    alpha_t + counts; alpha (true, given)."""
    size, after = counts.sum(axis=1), np.zeros(len(belief))
    for k in range(belief.shape[1]):
        joint = belief * (alpha[:, k] + counts[:, k, None]) / (alpha.sum(axis=1) + size[:, None])
        after += (joint**2).sum(axis=1) / joint.sum(axis=1)
    return np.maximum(after - (belief**2).sum(axis=1), 0)


def of_scores(item: np.ndarray, rater: np.ndarray, score: np.ndarray, kind: np.ndarray, n: int, skill: np.ndarray) -> Worth | None:
    """Worth of scores rid of the raters' severities: score = unit + error, both normal, each unit with a noise of its own, shrunk
    towards the pooled one. skill: (K,) correlations of a kind's rating with the truth, nan where the ratings shall tell the kind's
    noise. None where all scores are equal."""
    own = score - severities(item, rater, score)[rater]
    size, freedom, total = np.bincount(item, minlength=n), len(item) - n, own.var()
    if total <= 1e-12 * (1 + own.mean() ** 2):
        return None
    mean = np.bincount(item, own, n) / size
    off = (own - mean[item]) ** 2 * (size / np.maximum(size - 1, 1))[item]  # of what a unit's own mean took away
    noise = max(((own - mean[item]) ** 2).sum() / freedom, LITTLE * total) if freedom else total / 2
    between = max(mean.var() - noise * (1 / size).mean(), LITTLE * total)
    each = (PRIOR * noise + np.bincount(item, (own - mean[item]) ** 2, n)) / (PRIOR + size - 1)
    uncertainty = 1 / (1 + size * between / each)
    paired = size[item] > 1
    held = np.bincount(kind[paired], minlength=len(skill))
    ratio = (np.bincount(kind[paired], off[paired], len(skill)) + PRIOR * noise) / ((held + PRIOR) * noise)
    ratio = np.where(np.isfinite(skill), between * (1 / np.where(np.isfinite(skill), skill, 1) ** 2 - 1) / noise, ratio)
    ease = uncertainty * between / (np.maximum(ratio, LITTLE)[:, None] * each)
    return Worth(uncertainty, uncertainty * ease / (1 + ease), ease)
