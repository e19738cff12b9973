"""How strongly weekly values speak against "nothing changed": evidence that stays valid however often one looks.

The model of no change: window j has value x_j ~ N(mu, s2 v_j), windows independent, mu and s2 unknown. Nothing is taken from a
baseline as known: mu and s2 are integrated out under the right Haar prior, which makes the ratio of the two marginal
likelihoods depend on the data only through what no shift or rescaling alters, and a martingale of mean 1 for every mu and s2
(Lai 1976, doi:10.1214/aos/1176343406; Perez-Ortiz et al. 2024, doi:10.1214/23-AOS2326). The alternative: from window k on, all
values lie a change delta higher, delta ~ N(0, g2 s2), k and g spread over priors below. By Ville's inequality the evidence ever
exceeds 1/a in at most a share a of unchanged streams. What is exchangeable between windows (batch effects, raters drawn anew) is
part of s2, and therefore raises no alarm.
"""

from __future__ import annotations

import math

import numpy as np

CHANGES = (2.0, 8.0)   # g: the size of a change, in standard deviations of a baseline window
BETWEEN = (0.0, 0.5, 1.0)  # share of a window's variance that more ratings would not remove
DECAY = 1.5               # of the prior on when a change begins, of which looks far ahead keep a share
SHIFTS = 9                # differences within the tolerance that are tried


def log_evidence(values: np.ndarray, *, units: np.ndarray, unit_variance: np.ndarray, first: int,
                 tolerance: float = 0.0) -> np.ndarray:
    """Log of the evidence after each window, (T,); 0 in the baseline, which is the first `first` windows.

    values (T,): a window's mean or share. units (T,): its number of independent units (items or prompts). unit_variance (T,):
    variance of one unit about its window, as known before that window. Three accounts of the noise must all be refuted, so the
    least evidence counts: sampling error alone with `unit_variance` (which a baseline alike by chance cannot shrink), and unknown
    variance that falls with `units`, in part or not at all (`BETWEEN`). `tolerance`: a lasting difference up to it is no change.
    """
    late = np.arange(len(values)) >= first
    typical = units[:first].mean()
    sizes = [(1 - share) * typical / units + share for share in BETWEEN]
    shifts = np.linspace(-tolerance, tolerance, SHIFTS) if tolerance else (0.0,)
    found = []
    for shift in shifts:
        moved = values - values[:first].mean() - shift * late
        found += [switch_evidence(moved, size, first) for size in sizes]
        found.append(switch_evidence(moved, sizes[0], first, unit_variance / typical))
    return np.where(late, np.min(found, axis=0), 0.0)


def switch_evidence(x: np.ndarray, size: np.ndarray, first: int, variance: np.ndarray | None = None) -> np.ndarray:
    """Log evidence of a change at an unknown window k >= `first`, at each look t (T,). variance (T,): s2 if known at look t,
    else None.

    Windows from k on are held against all earlier ones, and against the baseline alone (which a passing episode between does not
    blur). Each has half the error: their maximum exceeds 1/a with probability at most a/2 + a/2.
    """
    n, look = len(x), np.arange(len(x))[:, None]
    start = np.arange(first, n)
    sums = np.array([np.cumsum(1 / size), np.cumsum(x / size), np.cumsum(x**2 / size)])
    after = sums[:, :, None] - sums[:, None, first - 1:n - 1]
    seen = look >= start
    against_all = two_means(sums[:, :, None], after, look, variance)
    against_base = two_means(sums[:, None, first - 1:first] + after, after, first + look - start, variance)
    weight, rest = start_weights(n - first)
    log_all = np.where(seen, against_all + np.log(weight), -np.inf)
    unseen = np.log(np.clip(rest[np.clip(look[:, 0] - first, -1, None) + 1], 1e-300, 1))
    mixed = np.logaddexp.reduce(np.column_stack([unseen, log_all]), axis=1)
    best = np.where(seen, against_base + np.log(weight), -np.inf).max(axis=1, initial=-np.inf)
    return np.maximum(mixed, best) - math.log(2)


def two_means(total: np.ndarray, after: np.ndarray, df: np.ndarray, variance: np.ndarray | None) -> np.ndarray:
    """Log Bayes factor of "the later windows lie elsewhere", averaged over `CHANGES`. df: number of windows less one.

    total, after (3, looks, starts): sums of 1/v, x/v and x2/v over all windows in question and over the later ones. With
    a = S - S2/W and b = sum(x/v) - S mean, the factor is (1 + g2 a)^(-1/2) (1 - g2 b2 / ((1 + g2 a) RSS))^(-df/2),
    or with s2 known (1 + g2 a)^(-1/2) exp(g2 b2 / (2 s2 (1 + g2 a))).
    """
    (weight, moment, square), (later, later_moment, _) = total, after
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.maximum(later - later**2 / weight, 0)
        b = later_moment - later * moment / weight
        rss = np.maximum(square - moment**2 / weight, 0)
        factors = []
        for g in CHANGES:
            gain = g**2 / (1 + g**2 * a)
            if variance is None:
                explained = np.clip(np.nan_to_num(gain * b**2 / rss), 0, gain * a)   # b2 <= a RSS
                fit = -df / 2 * np.log1p(-explained)
            else:
                fit = gain * b**2 / (2 * variance[:, None])
            factors.append(fit - np.log1p(g**2 * a) / 2)
    return np.logaddexp.reduce(np.nan_to_num(factors, nan=0.0, posinf=700.0), axis=0) - math.log(len(CHANGES))


def start_weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Prior weight of a change at the 1st, 2nd, ... nth look (n,), and what is left for later after 0, 1, ... n looks (n +
    1,)."""
    from scipy.special import zeta

    weight = np.arange(1, n + 1) ** -DECAY / zeta(DECAY)
    return weight, 1 - np.concatenate([[0.0], np.cumsum(weight)])
