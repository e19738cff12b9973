"""How strongly a stream's windows speak against "nothing changed": evidence that stays valid however often one looks.

The model of no change: window j has value x_j ~ N(mu, s2 V), V = diag(noise) + tau2 I + f shared. noise is the sampling error of a
window; tau2 what weeks differ by themselves; `shared` what windows have in common because the same raters or batches are in them, and
differ by because others are: little, where raters who stay are held against themselves (`without_raters`). mu and s2 are integrated
out, under flat priors of mu and of log s2, so evidence rests only on what no shift and no change of unit alters: as in a t-test, how
much windows differ is learnt from all of them, and the baseline is a sample like any other (Lai 1976, doi:10.1214/aos/1176343406;
Perez-Ortiz et al. 2024, doi:10.1214/23-AOS2326). What is left is the shape of V, which tells nothing where windows are of one size and
share nobody: the numerator averages over tau2 and f, the denominator takes those under which "nothing changed" looks best (universal
inference: Wasserman, Ramdas, Balakrishnan 2020, doi:10.1073/pnas.1922664117). So weeks that differ as weeks do raise no alarm, and
where there are few windows to tell how much that is, evidence waits for more. By Ville's inequality the evidence ever exceeds 1/a in
at most a share a of unchanged streams, and its mean is at most 1 at each look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

CHANGE = 4.0                     # size of a change that is looked for, in standard deviations of a window, the first watched and before
BETWEEN = np.array([0.0, 0.5, 2.0, 8.0, 64.0])   # tau2, in sampling variances of such a window; s2 says how much in all
OF_SHARED = (0.6, 1.0, 1.7)      # f: the raters' variance is known from few raters only
LEAST = 0.5                      # of the sampling error remains however alike windows are: clusters may differ less than supposed
SPREAD, DECAY = 10.0, 2.0        # prior on when a change begins: falls as (k + SPREAD)^-DECAY, so that late changes keep a share
TINY = 1e-12                     # of a sum of squares: rounding
RESTARTED = 0.15                 # of the error, for evidence that leaves out the windows between the baseline and a later look


def log_evidence(values: np.ndarray, *, units: np.ndarray, unit_variance: np.ndarray, first: int, shared: np.ndarray | None = None,
                 offsets: np.ndarray | None = None, tolerance: float = 0.0) -> np.ndarray:
    """Log of the evidence after each window, (T,); 0 in the baseline, which is the first `first` windows.

    values (T,): a window's mean or share; (S, T): of streams alike in all else, where nothing is shared. units (T,): its number of
    independent units (items or prompts). unit_variance (T,): variance of one unit about its window, so that a window's sampling
    variance is unit_variance / units. shared, offsets (T, T): what windows have in common through their raters, and what clearing values
    of these adds to the sampling errors (`without_raters`), or None. tolerance: a difference up to it, from whichever window on, is
    no change.

    The alternative: from window k on all values lie a change delta higher, delta ~ N(0, s2 g2), k spread over the prior above. An
    episode that passes would stay in the denominator as weeks that differ; so part of the error is kept for evidence begun anew after
    ever longer whiles (`restarts`), from the baseline and the windows since; the strongest counts, each with its share of the error.
    """
    noise = unit_variance / units
    found = partial(evidence, values, noise=noise, first=first, shared=shared, offsets=offsets, tolerance=tolerance)
    windows = values.shape[-1]
    whole = found(np.arange(windows), starts=np.arange(first, windows))
    again = np.full(values.shape, -math.inf)
    for i, begin in enumerate(restarts(windows - first)):
        kept = np.r_[:first, first + begin:windows]
        since = found(kept, starts=np.array([first]))[..., first:] - math.log((i + 1) * (i + 2))
        again[..., kept[first:]] = np.maximum(again[..., kept[first:]], since)
    both = np.maximum(whole + math.log(1 - RESTARTED), again + math.log(RESTARTED))
    return np.where(np.arange(windows) >= first, both, 0.0)


def restarts(looks: int) -> list[int]:
    """After how many looks evidence begins anew: 4, 6, 9, 13, ..."""
    return [begin for begin in dict.fromkeys(int(4 * 1.5**i) for i in range(40)) if begin < looks]


def evidence(x: np.ndarray, kept: np.ndarray, *, noise: np.ndarray, first: int, shared: np.ndarray | None, starts: np.ndarray,
             offsets: np.ndarray | None = None, tolerance: float = 0.0) -> np.ndarray:
    """Log evidence from the windows `kept` that a change began at one of `starts` (places among them), after each of them."""
    typical = noise[:first + 1].mean()
    variance = noise[kept] + typical * BETWEEN[:, None]
    value = (x[..., kept] - x[..., :1])[..., None, :]
    if shared is None:
        sums = plain_sums(value, variance, starts)
    else:
        errors = np.eye(len(kept)) * variance[:, :, None] + (0 if offsets is None else offsets[np.ix_(kept, kept)])
        sums = linked_sums(value, np.concatenate([f * shared[np.ix_(kept, kept)] + errors for f in OF_SHARED]), starts)
    of_window = np.tile(typical * (1 + BETWEEN), 1 if shared is None else len(OF_SHARED))
    weights = start_weights(len(starts)) if len(starts) > 1 else (np.ones(1), np.array([1.0, 0.0]))
    unchanged, changed, tolerated = fits(*sums, starts, of_window, typical, weights, tolerance)
    return np.logaddexp.reduce(changed, axis=-2) - math.log(len(of_window)) - (unchanged + tolerated).max(axis=-2)


def plain_sums(value: np.ndarray, variance: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What `fits` needs where windows are independent: of no change the log of the shape's factor (G, T) and the sum of squares that
    a mean leaves (.., G, T), and a and b of steps (.., G, T, K).

    value (.., 1, T), variance (G, T). Steps from k on are what is left of the sums of 1 / variance and value / variance before k.
    """
    weight, moment = np.cumsum(1 / variance, axis=-1), np.cumsum(value / variance, axis=-1)
    squares = np.maximum(np.cumsum(value**2 / variance, axis=-1) - moment**2 / weight, 0)
    before, had = ((s[..., starts] - one[..., starts])[..., None, :] for s, one in ((weight, 1 / variance), (moment, value / variance)))
    before_share = before / weight[..., None]
    return -0.5 * (np.cumsum(np.log(variance), axis=-1) + np.log(weight)), squares, \
        np.maximum(before * (1 - before_share), 0), moment[..., None] * before_share - had


def linked_sums(value: np.ndarray, covariance: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same where windows depend on each other: by what is left of values and steps once earlier windows have told theirs."""
    root, total = np.linalg.cholesky(covariance), partial(np.cumsum, axis=1)
    steps = np.tri(value.shape[-1])[:, np.r_[0, starts]]      # column k is 1 from window k on
    whitened = np.linalg.solve(root, np.column_stack([value[0], steps]))
    value, one, step = whitened[:, :, 0], whitened[:, :, 1], whitened[:, :, 2:]
    weight, moment, shared = total(one * one), total(one * value), total(step * one[:, :, None])
    shape = -0.5 * (total(2 * np.log(np.diagonal(root, axis1=1, axis2=2))) + np.log(weight))
    return shape, np.maximum(total(value**2) - moment**2 / weight, 0), \
        np.maximum(total(step * step) - shared**2 / weight[:, :, None], 0), \
        total(step * value[:, :, None]) - shared * (moment / weight)[:, :, None]


def fits(shape: np.ndarray, squares: np.ndarray, a: np.ndarray, b: np.ndarray, starts: np.ndarray, of_window: np.ndarray, least: float,
         weights: tuple[np.ndarray, np.ndarray], tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihoods (.., G, T) after each window and for each of G shapes: of no change, of a change, and what a change within
    the tolerance adds to the first. of_window (G,): the variance of a window in the shape, of which `least` is sampling error.

    With S the running sums of products of the whitened 1, step h and x, q = S_xx - S_1x^2 / S_11 what a mean leaves of n windows,
    a = S_hh - S_h1^2 / S_11 and b = S_hx - S_h1 S_1x / S_11: s2 integrated out, no change has likelihood q^(-(n - 1) / 2), a change
    ~ N(0, s2 g2) at k has (1 + g2 a)^(-1/2) (q - g2 b^2 / (1 + g2 a))^(-(n - 1) / 2), and one of exactly d (q - 2 d b + d^2 a)^(...).
    A change's gain is had from q no less than LEAST of what sampling alone leaves: evidence is then less, and as valid.
    """
    begun, df = np.arange(a.shape[-2])[:, None] >= starts, np.arange(a.shape[-2]) / 2
    later = np.log(np.maximum(weights[1][begun.sum(axis=1)], 1e-300))
    size, floor = CHANGE**2 * of_window[:, None], np.maximum(2 * LEAST * df * (least / of_window)[:, None], TINY)
    left = b * b
    left *= -1 / (1 / size[..., None] + a)
    left += squares[..., None]
    kept = np.log(np.maximum(squares, floor))
    gain = df[:, None] * (kept[..., None] - np.log(np.maximum(left, floor[..., None], out=left)))
    gain += np.where(begun, np.log(weights[0]), -math.inf) - np.log1p(size[..., None] * a) / 2
    top = np.maximum(gain.max(axis=-1), later)
    gain -= top[..., None]
    unchanged = shape - df * np.log(np.maximum(squares, TINY))
    changed = unchanged + top + np.log(np.exp(gain, out=gain).sum(axis=-1) + np.exp(later - top))
    if not tolerance:
        return unchanged, changed, np.zeros(1)
    within = np.clip(b / np.where(a > 1e-12, a, math.inf), -tolerance, tolerance)
    less = np.where(begun, 2 * within * b - within**2 * a, 0).max(axis=-1)
    return unchanged, changed, df * (np.log(np.maximum(squares, TINY)) - np.log(np.maximum(squares - less, TINY)))


def start_weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Prior weight of a change at the 1st, 2nd, ... nth look (n,), and what is left for later after 0, 1, ... n looks (n + 1,)."""
    from scipy.special import zeta

    weight = (np.arange(1, n + 1) + SPREAD) ** -DECAY / zeta(DECAY, SPREAD + 1)
    return weight, 1 - np.concatenate([[0.0], np.cumsum(weight)])


def without_raters(values: np.ndarray, factors: Sequence[tuple[np.ndarray, ...]], *, noise: np.ndarray, scale: float, first: int,
                   ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Values less what is known of the raters in each window; and `shared` and `offsets` of `log_evidence`, which say what is not.

    values, noise (T,): in standard deviations of a unit, whose variance in the members' numbers is `scale`. factors: raters, then what
    else windows have in common (batches), each as `members` of `shared_variance`; values are cleared of the first that differs.
    """
    found, offsets = [], None
    for members in factors:
        shared, between, inner = shared_variance(members, windows=len(values), first=first)
        if shared is not None and offsets is None:
            told = np.minimum(inner, scale * noise * np.bincount(members[1], members[2], len(values)))
            offset, shared, errors = compared(members, windows=len(values), between=between, inner=told)
            values, offsets = values - offset / math.sqrt(scale), errors / scale
        found += [] if shared is None else [shared / scale]
    return values, sum(found[1:], found[0]) if found else None, offsets


def shared_variance(members: tuple[np.ndarray, ...], *, windows: int, first: int) -> tuple[np.ndarray | None, float, float]:
    """Covariance (T, T) that windows' values have through the raters (or batches) in them: s2 sum_r p_rj p_rk, p the shares; s2, the
    variance between raters; and the variance of a rating within them.

    members: arrays (rater, window, n, total, squares), a row for each rater and window. s2 is the analysis of variance estimate from
    the baseline (Searle, Casella, McCulloch 1992, ch. 3). No covariance (None) where the baseline has fewer than 3 raters or shows no
    variance, and where the same raters share every window alike: then nothing of it differs by window.
    """
    rater, window, n, total, squares = members
    if not len(rater) or not n[window < first].sum():
        return None, 0.0, 0.0
    each = [np.bincount(rater[window < first], a[window < first]) for a in (n, total, squares)]
    n_r, total_r, squares_r = (a[each[0] > 0] for a in each)
    raters, size = len(n_r), n_r.sum()
    if raters < 3 or size <= raters:
        return None, 0.0, 0.0
    inner = (squares_r.sum() - (total_r**2 / n_r).sum()) / (size - raters)
    outer = ((total_r**2 / n_r).sum() - total_r.sum() ** 2 / size) / (raters - 1)
    between = max(outer - inner, 0.0) / ((size - (n_r**2).sum() / size) / (raters - 1))
    share = spread_out(members, n, windows)
    share /= np.maximum(share.sum(axis=0), 1)
    found = between * (share.T @ share)
    differs = np.diag(found) - 2 * found.mean(axis=0) + found.mean()
    noise = inner / np.maximum(np.bincount(window, n, windows), 1)
    return (found if (differs > 0.02 * noise).any() else None), between, inner


def spread_out(members: tuple[np.ndarray, ...], numbers: np.ndarray, windows: int) -> np.ndarray:
    """Numbers of each rater and window as a matrix (R, T)."""
    found = np.zeros((int(members[0].max()) + 1, windows))
    np.add.at(found, (members[0], members[1]), numbers)
    return found


def compared(members: tuple[np.ndarray, ...], *, windows: int, between: float, inner: np.ndarray,
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each window owes to the raters in it, as far as their earlier ratings tell: raters who stay are held against themselves.

    between: variance between raters. inner (T,): of a rating within them, no more than a window's sampling error bears.

    Returns the offsets (T,), to be taken from the windows' values; the covariance (T, T) that the raters then still give, in place of
    `shared_variance`'s; and what the offsets add to the values' sampling (co)variances (T, T), whose rest is diagonal.

    With y_rt a rater's mean in a window, n_rt its ratings and x_t a window's mean less its offset o_t = sum_r p_rt s_rt, a rater's
    level is told by Z_r / (N_r + inner / between), Z_r = sum_{j < t} n_rj (y_rj - x_j) and N_r = sum_{j < t} n_rj: best linear
    prediction. Any weeks' effects, and any change, leave y_rj - x_j alone, so that x moves with them one for one. All is linear in the
    ratings, and the covariances follow term by term: with a_r = p_rt / (N_r + ..), x_t = sum_r p_rt y_rt - sum_r a_r Z_r.
    """
    n, total = (spread_out(members, numbers, windows) for numbers in members[2:4])
    size = np.maximum(n.sum(axis=0), 1.0)
    share, offset, x = n / size, np.zeros(windows), np.zeros(windows)
    told, so_far, spread = np.zeros((3, len(n)))              # Z, N, and the variance of sum_j n_rj y_rj
    errors, own = np.zeros((windows, windows)), np.zeros((len(n), windows))   # covariances of x; of sum_j n_rj y_rj with x
    of_raters = np.zeros((len(n), windows))                   # how much of each rater's level is in x
    for t in range(windows):
        a = share[:, t] / (so_far + max(inner[t] / between, 1e-9))
        b = a @ n[:, :t]
        offset[t] = a @ told
        x[t] = total[:, t].sum() / size[t] - offset[t]
        with_own = a @ own[:, :t]
        errors[t, :t] = errors[:t, t] = b @ errors[:t, :t] - with_own
        errors[t, t] = a**2 @ spread - 2 * with_own @ b + b @ errors[:t, :t] @ b + inner[t] * share[:, t].sum() / size[t]
        own[:, t] = inner[t] * share[:, t] - a * spread + own[:, :t] @ b
        of_raters[:, t] = share[:, t] - a * so_far + of_raters[:, :t] @ b
        told += total[:, t] - n[:, t] * x[t]
        so_far += n[:, t]
        spread += inner[t] * n[:, t]
    return offset, between * of_raters.T @ of_raters, errors - np.diag(inner * share.sum(axis=0) / size)
