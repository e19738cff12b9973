"""How strongly a stream's windows speak against "nothing changed": evidence that stays valid however often one looks.

The model of no change: window j has value x_j ~ N(mu, C), C = diag(noise) + tau2 I + f shared. noise is the sampling error of a window;
tau2 what weeks differ by themselves; `shared` what windows have in common because the same raters or batches are in them, and differ by
because others are. mu is integrated out under a flat prior, so evidence rests only on what no shift alters, and the baseline is a sample
like any other (Lai 1976, doi:10.1214/aos/1176343406; Perez-Ortiz et al. 2024, doi:10.1214/23-AOS2326). tau2 and f are not known: the
numerator averages over them, the denominator takes those under which "nothing changed" looks best (universal inference: Wasserman,
Ramdas, Balakrishnan 2020, doi:10.1073/pnas.1922664117). So weeks that differ as weeks do raise no alarm, and where the baseline cannot
tell how much that is, evidence waits until the weeks after it do. By Ville's inequality the evidence ever exceeds 1/a in at most a share
a of unchanged streams, and its mean is at most 1 at each look.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

CHANGE = 5.0                     # size of a change that is looked for, in standard errors of a window, the first watched and before
CALMER = (0.5, 0.7, 1.0)         # sampling error alone, as estimated or less: clusters of items often differ less than supposed
BETWEEN = 2.0 ** np.arange(-2, 9)   # or tau2 on top of it, in sampling variances of such a window
WEIGHT = np.r_[0.1, 0.1, 0.4, 0.4 * 0.8 ** np.arange(11) / (0.8 ** np.arange(11)).sum()]   # of each in the numerator
OF_SHARED = (0.6, 1.0, 1.7)      # f: the raters' variance is known from few raters only
SPREAD, DECAY = 3.0, 1.6         # prior on when a change begins: falls as (k + SPREAD)^-DECAY, so that late changes keep a share
RESTARTED = 0.15                 # of the error, for evidence that leaves out the windows between the baseline and a later look


def log_evidence(values: np.ndarray, *, units: np.ndarray, unit_variance: np.ndarray, first: int, shared: np.ndarray | None = None,
                 tolerance: float = 0.0) -> np.ndarray:
    """Log of the evidence after each window, (T,); 0 in the baseline, which is the first `first` windows.

    values (T,): a window's mean or share. units (T,): its number of independent units (items or prompts). unit_variance (T,): variance of
    one unit about its window, so that a window's sampling variance is unit_variance / units. shared (T, T): covariances that windows have
    through common raters (`shared_variance`), or None. tolerance: a difference up to it, from whichever window on, is no change.

    The alternative: from window k on all values lie a change delta higher, delta ~ N(0, g2), k spread over the prior above. An
    episode that passes would stay in the denominator as weeks that differ; so part of the error is kept for evidence begun anew after
    ever longer whiles (`restarts`), from the baseline and the windows since; the strongest counts, each with its share of the error.
    """
    noise = unit_variance / units
    found = partial(evidence, values, noise=noise, first=first, shared=shared, tolerance=tolerance)
    whole = found(np.arange(len(values)), starts=np.arange(first, len(values)))
    again = np.full(len(values), -math.inf)
    for i, begin in enumerate(restarts(len(values) - first)):
        kept = np.r_[:first, first + begin:len(values)]
        since = found(kept, starts=np.array([first]))[first:] - math.log((i + 1) * (i + 2))
        again[kept[first:]] = np.maximum(again[kept[first:]], since)
    both = np.logaddexp(whole + math.log(1 - RESTARTED), again + math.log(RESTARTED))
    return np.where(np.arange(len(values)) >= first, both, 0.0)


def restarts(looks: int) -> list[int]:
    """After how many looks evidence begins anew: 4, 6, 9, 13, ..."""
    return [begin for begin in dict.fromkeys(int(4 * 1.5**i) for i in range(40)) if begin < looks]


def evidence(x: np.ndarray, kept: np.ndarray, *, noise: np.ndarray, first: int, shared: np.ndarray | None, starts: np.ndarray,
             tolerance: float) -> np.ndarray:
    """Log evidence from the windows `kept` that a change began at one of `starts` (places among them), after each of them."""
    typical = noise[:first + 1].mean()
    variance = np.concatenate([noise[kept] * np.array(CALMER)[:, None], noise[kept] + typical * BETWEEN[:, None]])
    prior = np.log(WEIGHT)
    if shared is None:
        after, log_variance = np.tri(len(kept)) / np.sqrt(variance)[:, :, None], np.log(variance)
        value = after[:, :, 0] * x[kept]
    else:
        own = shared[np.ix_(kept, kept)]
        root = np.linalg.cholesky(np.concatenate([f * own + np.eye(len(kept)) * variance[:, :, None] for f in OF_SHARED]))
        whiten, log_variance = np.linalg.inv(root), 2 * np.log(np.diagonal(root, axis1=1, axis2=2))
        after, value = np.cumsum(whiten[:, :, ::-1], axis=2)[:, :, ::-1], whiten @ x[kept]
        prior = np.tile(prior, len(OF_SHARED)) - math.log(len(OF_SHARED))
    weight, later = start_weights(len(starts)) if len(starts) > 1 else (np.ones(1), np.array([1.0, 0.0]))
    unchanged, changed, tolerated = fits(value, after, log_variance, starts, CHANGE * math.sqrt(typical), (weight, later),
                                         tolerance)
    return np.logaddexp.reduce(changed + prior[:, None], axis=0) - (unchanged + tolerated).max(axis=0)


def fits(value: np.ndarray, after: np.ndarray, log_variance: np.ndarray, starts: np.ndarray, size: float,
         weights: tuple[np.ndarray, np.ndarray], tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihoods (G, T) after each window and for each of G covariances: of no change, of a change, and what a change within
    the tolerance adds to the first.

    value (G, T): whitened values. after (G, T, T): whitened steps, column k is 1 from window k on. With S the running sums of products
    of the whitened 1, step and x, a = S_hh - S_h1^2 / S_11 and b = S_hx - S_h1 S_1x / S_11: a change ~ N(0, g2) at k multiplies the
    likelihood by (1 + g2 a)^(-1/2) exp(g2 b2 / (2 (1 + g2 a))), and one of exactly d by exp(d b - d2 a / 2).
    """
    total = partial(np.cumsum, axis=1)
    one, step = after[:, :, 0], after[:, :, starts]
    weight, moment = total(one * one), total(one * value)
    unchanged = -0.5 * (total(log_variance) + np.log(weight) + np.maximum(total(value**2) - moment**2 / weight, 0))
    shared = total(step * one[:, :, None])
    a = np.maximum(total(step * step) - shared**2 / weight[:, :, None], 0)
    b = total(step * value[:, :, None]) - shared * (moment / weight)[:, :, None]
    begun = np.arange(after.shape[1])[:, None] >= starts
    later = np.log(np.maximum(weights[1][begun.sum(axis=1)], 1e-300))
    gain = (b * b / (1 / size**2 + a) - np.log1p(size**2 * a)) / 2 + np.where(begun, np.log(weights[0]), -math.inf)
    top = np.maximum(gain.max(axis=2), later)
    changed = unchanged + top + np.log(np.exp(gain - top[:, :, None]).sum(axis=2) + np.exp(later - top))
    if not tolerance:
        return unchanged, changed, np.zeros(1)
    within = np.clip(b / np.where(a > 1e-12, a, math.inf), -tolerance, tolerance)
    return unchanged, changed, np.where(begun, within * b - within**2 * a / 2, 0).max(axis=2)


def start_weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Prior weight of a change at the 1st, 2nd, ... nth look (n,), and what is left for later after 0, 1, ... n looks (n + 1,)."""
    from scipy.special import zeta

    weight = (np.arange(1, n + 1) + SPREAD) ** -DECAY / zeta(DECAY, SPREAD + 1)
    return weight, 1 - np.concatenate([[0.0], np.cumsum(weight)])


def shared_variance(members: tuple[np.ndarray, ...], *, windows: int, first: int) -> np.ndarray | None:
    """Covariance (T, T) that windows' values have through the raters (or batches) in them: s2 sum_r p_rj p_rk, p the shares.

    members: arrays (rater, window, n, total, squares), a row for each rater and window. s2, the variance between raters, is the
    analysis of variance estimate from the baseline (Searle, Casella, McCulloch 1992, ch. 3). None where the baseline has fewer than
    3 raters or shows no variance, and where the same raters share every window alike: then nothing of it differs by window.
    """
    rater, window, n, total, squares = members
    if not len(rater) or not n[window < first].sum():
        return None
    each = [np.bincount(rater[window < first], a[window < first]) for a in (n, total, squares)]
    n_r, total_r, squares_r = (a[each[0] > 0] for a in each)
    raters, size = len(n_r), n_r.sum()
    if raters < 3 or size <= raters:
        return None
    inner = squares_r.sum() - (total_r**2 / n_r).sum()
    outer = (total_r**2 / n_r).sum() - total_r.sum() ** 2 / size
    effective = (size - (n_r**2).sum() / size) / (raters - 1)
    variance = (outer / (raters - 1) - inner / (size - raters)) / effective
    share = np.zeros((int(rater.max()) + 1, windows))
    np.add.at(share, (rater, window), n)
    share /= np.maximum(share.sum(axis=0), 1)
    found = max(variance, 0.0) * (share.T @ share)
    differs = np.diag(found) - 2 * found.mean(axis=0) + found.mean()
    noise = inner / (size - raters) / np.maximum(np.bincount(window, n, windows), 1)
    return found if (differs > 0.02 * noise).any() else None
