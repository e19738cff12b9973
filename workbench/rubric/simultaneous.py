"""Which systems are told apart, all pairs at once: confidence sets for ranks, and for the likeness of two rankings."""

from __future__ import annotations

import numpy as np

from workbench.rubric.standing import covariance

BLOCK = 4_000_000        # cells of one block of draws by pairs
WIDTHLESS = 1e-12        # relative to the values' spread, an error this small is rounding


def deviations(influence: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Draws (draws, m) of the error of m values whose influences are (P, m).

    The multiplier bootstrap of Chernozhukov, Chetverikov and Kato (2013, doi:10.1214/13-AOS1161): prompts weighted by independent
    normals. Given the data such draws are normal with the values' covariance, and are drawn from that, so that their cost does not
    grow with the prompts.
    """
    roots, axes = np.linalg.eigh(covariance(influence))
    return np.random.default_rng(seed).standard_normal((draws, len(roots))) @ (axes * np.sqrt(np.clip(roots, 0, None))).T


def gap_errors(covariances: np.ndarray) -> np.ndarray:
    """Standard errors (m, m) of the differences of values with this covariance."""
    own = np.diag(covariances)
    return np.sqrt(np.clip(own[:, None] + own[None, :] - 2 * covariances, 0, None))


def told_above(value: np.ndarray, influence: np.ndarray, df: np.ndarray, block: np.ndarray, *, confidence: float, draws: int,
               seed: int) -> np.ndarray:
    """Whether i is told to lie above j, (m, m), all pairs of a block held at `confidence` together.

    value (m,), influence (P, m), df (m,), block (m,): only values of one block are compared. A pair is told where its difference is
    more standard errors than the largest studentised error, in all but 1 - confidence of the draws, of the pairs not yet told (Romano
    and Wolf 2005, doi:10.1198/016214504000000539); the opposite of a told pair stays among these. Pairs without error are never told.
    """
    gap, se = value[:, None] - value[None, :], gap_errors(covariance(influence))
    errors, freedom = deviations(influence, draws=draws, seed=seed), np.minimum(df[:, None], df[None, :])
    spread = np.ptp(value) if len(value) else 0.0
    open_pairs = (block[:, None] == block[None, :]) & (se > WIDTHLESS * max(spread, 1e-300)) & (freedom > 0)
    told = np.zeros_like(open_pairs)
    while (left := open_pairs & ~told).any():
        first, second = np.nonzero(left)
        limit = np.quantile(largest(errors, first, second, se[left], freedom[left], seed), confidence)
        more = left & (gap > limit * se)
        if not more.any():
            break
        told |= more
    return told


def largest(errors: np.ndarray, first: np.ndarray, second: np.ndarray, se: np.ndarray, df: np.ndarray, seed: int) -> np.ndarray:
    """In each draw (draws,) the largest error of a difference, first less second, over its standard error.

    That is estimated too, and for each pair anew: each is divided by a root of chi-square over df of its own. One root for all, as in a
    multivariate t, held 88 % in place of 95 with 15 systems on 20 prompts; the pairs' own, 94.
    """
    generator, size = np.random.default_rng(seed + 1), max(1, BLOCK // len(first))
    parts = np.split(errors, range(size, len(errors), size))
    return np.concatenate([((part[:, first] - part[:, second]) / (se * np.sqrt(generator.chisquare(df, (len(part), len(df))) / df)))
                           .max(axis=1) for part in parts])


def rank_sets(value: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rank (m,) of each value, 1 the highest, and the lowest and highest rank that it may have.

    A rank is 1 + how many lie above; between 1 + how many are told above and m - how many are told below (Mogstad, Romano, Shaikh and
    Wilhelm 2024, doi:10.1093/restud/rdad006). With the confidence of `told` all these sets hold the true ranks together.
    """
    rank = 1 + (value[None, :] > value[:, None]).sum(axis=1)
    return rank, 1 + told.sum(axis=0), len(value) - told.sum(axis=1)


def kendall_set(one: np.ndarray, other: np.ndarray, told_one: np.ndarray, told_other: np.ndarray) -> tuple[float, float, float]:
    """Kendall's tau of two orders of the same systems, (m,) each, and the least and most it may be.

    (concordant - discordant) / pairs. It is at least what it would be if all pairs were discordant but those told alike under both,
    and at most if all were concordant but those told apart: the interval has the confidence with which both sets of pairs are told.
    A resampled tau would not do: noise added to noisy values makes any two orders less alike.
    """
    pair = np.triu_indices(len(one), 1)
    signs = np.sign(one[:, None] - one[None, :])[pair] * np.sign(other[:, None] - other[None, :])[pair]
    sure = [(told.astype(int) - told.T.astype(int))[pair] for told in (told_one, told_other)]
    alike = sure[0] * sure[1]
    return float(signs.mean()), float(2 * np.mean(alike > 0) - 1), float(1 - 2 * np.mean(alike < 0))
