"""How a rater rates, apart from how severely: how steadily, and how much of the scale, both beside the others on the same items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.agreement.estimate import ROUNDING


@dataclass(frozen=True)
class Measure:
    """One number a rater, `back(values)` (J,), with its standard error `se`; a t interval fits `values` and their `errors`.

    `reason`: why it is undefined for all; `floor`: what is said where it is 0.
    """

    values: np.ndarray
    errors: np.ndarray
    se: np.ndarray
    back: Callable[[np.ndarray], np.ndarray] = np.asarray
    reason: str = ""
    floor: str = ""


def severities(unit: np.ndarray, rater: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Raters' effects in score = unit + rater, least squares, (J,); raters who never meet are compared with nobody. All (R,)."""
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.linalg import lsqr

    if not len(score):
        return np.zeros(0)
    seen = csr_array((np.ones(len(score)), (unit, rater)))
    per_unit, per_rater = np.bincount(unit), np.bincount(rater)
    total = np.bincount(unit, score) / np.maximum(per_unit, 1)
    laplacian = diags_array(per_rater.astype(float)) - seen.T @ diags_array(1 / np.maximum(per_unit, 1)) @ seen
    return lsqr(laplacian.tocsr(), np.bincount(rater, score - total[unit]), atol=1e-10, btol=1e-10, iter_lim=500)[0]


def consistency(item: np.ndarray, rater: np.ndarray, score: np.ndarray, m: int) -> Measure:
    """Standard deviation of each rater's own errors, in scores already rid of severities.

    A rating less the mean of the item's n - 1 others has variance own + noise / (n - 1), with noise the pooled variance within
    items: what the others add is taken off. All (R,), items with two or more ratings.
    """
    size, total = np.bincount(item)[item], np.bincount(rater, minlength=m)
    within = score - (np.bincount(item, score) / np.maximum(np.bincount(item), 1))[item]
    freedom = len(score) - np.count_nonzero(np.bincount(item)) - (np.count_nonzero(total) - 1)
    noise = (within**2).sum() / freedom if freedom > 0 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        values, errors = jackknife(rater, m, ((within * size / (size - 1)) ** 2)[None], lambda mean: np.log(mean[0]))
        values = values + np.log(total / (total - 1))
        others = noise * np.bincount(rater, 1 / (size - 1), m) / total
        found = np.sqrt(np.maximum(np.exp(values) - others, 0))
        se = np.exp(values) * errors / np.where(found > 0, found, np.nan) / 2
        return Measure(values, errors, se, lambda log: np.sqrt(np.maximum(np.exp(log) - others, 0)),
                       floor="no more than the others' errors explain")


def central_tendency(item: np.ndarray, rater: np.ndarray, score: np.ndarray, m: int) -> Measure:
    """How far each rater spreads scores beside how far the others spread theirs on the same items.

    Standard deviation of the rater's scores over that of single scores of the others, each item counting once. Both hold the items'
    differences and one rater's error, so that the ratio is 1 without an effect, whatever the noise. All (R,), items with two or
    more ratings, scores already rid of severities, which would widen the others' spread alone.
    """
    score = score - score.mean() if len(score) else score
    others = np.bincount(item)[item] - 1
    first, second = ((np.bincount(item, score**power)[item] - score**power) / others for power in (1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        values, errors = jackknife(rater, m, np.stack([score, score**2, first, second]), _log_ratio)
        return Measure(values, errors, np.exp(values) * errors, np.exp, floor="the rater's scores do not vary")


def jackknife(code: np.ndarray, m: int, terms: np.ndarray, formula: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`formula` of the mean terms of each code 0..m-1, and its error by leaving out each rating in turn; terms (k, R), (m,) each.

    nan below two ratings.
    """
    n = np.bincount(code, minlength=m)
    total = np.stack([np.bincount(code, term, m) for term in terms])
    left = formula((total[:, code] - terms) / (n - 1)[code])
    centre = np.bincount(code, left, m) / n
    return np.where(n > 1, formula(total / n), np.nan), np.sqrt((n - 1) / n * np.bincount(code, (left - centre[code]) ** 2, m))


def _log_ratio(means: np.ndarray) -> np.ndarray:
    """Half the log of the ratio of two variances, from mean and mean square of each, (4, .)."""
    own, theirs = (means[k + 1] - means[k] ** 2 for k in (0, 2))
    return np.log(np.where(own > ROUNDING * means[1], own, 0) / np.where(theirs > ROUNDING * means[3], theirs, 0)) / 2
