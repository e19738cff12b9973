"""Uncertainty of any statistic that is a formula of totals over items: linearised errors, the jackknife and the bootstrap.

Write what each item contributes as a row of `terms`, so that the statistic is `formula(weight @ terms)`, where `weight` says how
many items share a row. Then a bootstrap draw is one multinomial over the rows, and a standard error is the formula's slope times
each row. One formula serves the value, its error and every draw, and none of them sees a single rating.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Terms = np.ndarray | csr_array

Formula = Callable[[np.ndarray], np.ndarray]

# Cells of one block of bootstrap weights, or of totals less an item: bounds memory at 32 MB, whatever the number of rows.
BLOCK = 4_000_000
AT_ONCE = 65_536   # items drawn in one go: more do not fit the fast memory
# Draws this near a value are the same value, summed in another order.
ROUNDING = 1e-12
# Beyond this many cells (a second's work) the slope stands for what leaving an item out does; it is 1 / n off, n being large then.
LEFT_OUT_CELLS = 50_000_000
STEP = 1e-60


def value(formula: Formula, totals: np.ndarray) -> np.ndarray:
    """`formula(totals)`, totals (..., m) -> (...); 0/0 and x/0 give nan without a warning."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = np.asarray(formula(totals))
    return np.where(np.isfinite(found), found, np.nan)


def gradient(formula: Formula, totals: np.ndarray) -> np.ndarray:
    """Slope of `formula` in each total, (..., m) -> (..., m), exact to rounding.

    By the complex step (Squire and Trapp 1998, doi:10.1137/S003614459631241X): f'(x) = Im f(x + ih) / h has no
    difference to cancel. The formula must therefore be made of sums, products, quotients and powers.
    """
    if totals.size * totals.shape[-1] <= BLOCK // 16:
        return value(formula, totals[..., None, :] + 1j * STEP * np.eye(totals.shape[-1])).imag / STEP
    slope = np.empty(totals.shape)
    stepped = totals.astype(complex)
    for column in range(totals.shape[-1]):
        stepped[..., column] += 1j * STEP
        slope[..., column] = value(formula, stepped).imag / STEP
        stepped[..., column] = totals[..., column]
    return slope


def held(part: np.ndarray) -> np.ndarray:
    """A part of a formula taken as known when its slope is formed: `gradient` steps in the imaginary direction."""
    return part.real


def linearized(formula: Formula, terms: Terms, weight: np.ndarray) -> float:
    """Standard error of `formula(weight @ terms)` when the items are a sample; df is the number of items less one.

    Each item's influence is the formula's slope times its terms (Gwet 2008, doi:10.1348/000711006X126600); the variance is
    n / (n - 1) times the sum of their squares about the mean. `terms` (P, m), `weight` (P,). nan below two items.
    """
    n = weight.sum()
    if n < 2:
        return math.nan
    influence = terms @ gradient(formula, weight @ terms)
    influence = influence - weight @ influence / n
    return math.sqrt(n / (n - 1) * (weight @ influence**2))


def left_out(formula: Formula, terms: Terms, weight: np.ndarray) -> np.ndarray:
    """`formula` without one item of each row, (P,); nan where that leaves it undefined, and in rows without an item."""
    totals, (rows, columns) = weight @ terms, terms.shape
    size = max(1, BLOCK // max(columns, 1))
    blocks = [value(formula, totals - dense(terms[start:start + size])) for start in range(0, rows, size)]
    return np.where(weight > 0, np.concatenate([*blocks, np.zeros(0)]), np.nan)


def influences(formula: Formula, terms: Terms, weight: np.ndarray) -> np.ndarray:
    """What one item of each row adds to the value, less the mean item: (P,); 0 in rows without an item.

    By leaving it out, times (n - 1) / n, so that the same sum of squares gives the jackknife's error and the linearised one.
    nan in all rows where the value is undefined without one of the items.
    """
    n = weight.sum()
    if math.prod(terms.shape) > LEFT_OUT_CELLS:
        found = terms @ gradient(formula, weight @ terms)
    else:
        found = -(n - 1) / n * left_out(formula, terms, weight)
    found = np.where(weight > 0, found, 0)
    return np.where(weight > 0, found - weight @ found / n, 0)


def jackknife(weight: np.ndarray, influence: np.ndarray) -> tuple[float, float]:
    """Standard error by leaving each item out, and the degrees of freedom of its t quantile; from `influences` (P,).

    The squared error is n / (n - 1) times the sum of squared influences (Tukey 1958; Efron and Stein 1981,
    doi:10.1214/aos/1176345462). Where a few items carry that sum it is itself uncertain, and a t quantile on n - 1 degrees
    too short: they are Satterthwaite's (1946, doi:10.2307/3002019), 2 mean^2 / variance of the squared error, which the kurtosis
    k of the influences gives as 2 n / (k - 1 + 2 / (n - 1)), at least 1 and at most n - 1 (what normal influences have).
    """
    n = weight.sum()
    squares = influence**2
    second, fourth = weight @ squares, weight @ squares**2
    kurtosis = n * fourth / second**2 if second > 0 else 3.0
    return math.sqrt(n / (n - 1) * second), float(min(max(2 * n / (kurtosis - 1 + 2 / (n - 1)), 1), n - 1))


def bootstrap(formula: Formula, terms: Terms, weight: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """`formula` in `draws` resamples of the items with replacement, (draws,); nan where a draw leaves it undefined."""
    return np.concatenate([value(formula, block @ terms) for block in resamples(weight, draws=draws, seed=seed)])


def resamples(weight: np.ndarray, *, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Weights of `draws` resamples of the items, in blocks (d, P); each row sums to the number of items.

    Many items a row: one multinomial over the rows. Nearly an item a row: draw the items and count them, which
    costs a fifteenth per item of what the multinomial costs per row.
    """
    generator = np.random.default_rng(seed)
    rows, n = len(weight), int(weight.sum())
    size, most = max(1, BLOCK // max(rows, 1)), max(1, AT_ONCE // max(n, 1))
    owner = np.repeat(np.arange(rows), weight.astype(int)) if n < 15 * rows else None
    for start in range(0, draws, size):
        count = min(size, draws - start)
        if owner is None:
            yield generator.multinomial(n, weight / n, size=count).astype(float)
        else:
            places = (owner[generator.integers(n, size=(lot, n))] + rows * np.arange(lot)[:, None]
                      for lot in (min(most, count - at) for at in range(0, count, most)))
            drawn = [np.bincount(place.ravel(), minlength=len(place) * rows) for place in places]
            yield np.concatenate(drawn).reshape(count, rows).astype(float)


def merge(terms: Terms, weight: np.ndarray, cluster: np.ndarray) -> tuple[Terms, np.ndarray]:
    """Rows summed by cluster: a cluster (a prompt, a document) becomes one row of weight 1, to be drawn as a whole."""
    from scipy.sparse import csr_array

    _, code = np.unique(cluster, return_inverse=True)
    n = int(code.max()) + 1 if len(code) else 0
    membership = csr_array((weight.astype(float), (code, np.arange(len(code)))), shape=(n, len(code)))
    return membership @ terms, np.ones(n)


def dense(terms: Terms) -> np.ndarray:
    """Rows as an array."""
    return terms if isinstance(terms, np.ndarray) else terms.toarray()


def t_interval(centre: float, se: float, df: float, confidence: float) -> tuple[float, float]:
    """Centre -/+ the t quantile times the standard error."""
    from scipy.special import stdtrit

    reach = float(stdtrit(df, (1 + confidence) / 2)) * se
    return centre - reach, centre + reach


def percentile_interval(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """The middle `confidence` share of the defined draws; nan, nan when fewer than two are defined."""
    defined = draws[~np.isnan(draws)]
    if len(defined) < 2:
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def z_interval(centre: float, se: float, df: float, confidence: float) -> tuple[float, float]:
    """The t interval of Fisher's z = artanh(centre), its error se / (1 - centre^2), taken back to the scale of `centre`.

    The ends stay within -1 and 1, and the side further from them is the longer. Where `centre` does not lie between them: the t
    interval as it is.
    """
    if not -1 < centre < 1:
        return t_interval(centre, se, df, confidence)
    low, high = t_interval(math.atanh(centre), se / (1 - centre**2), df, confidence)
    return math.tanh(low), math.tanh(high)


def bca_interval(centre: float, draws: np.ndarray, weight: np.ndarray, influence: np.ndarray,
                 confidence: float) -> tuple[float, float]:
    """Bias-corrected and accelerated percentiles of the defined draws (Efron 1987, doi:10.1080/01621459.1987.10478410).

    The bias is that of the draws about `centre` (a draw equal to it counts half), the acceleration a sixth of the skewness of the
    `influence` (P,) of the items. nan, nan where all draws lie on one side, or the correction has no solution.
    """
    from scipy.special import ndtr, ndtri

    defined = draws[~np.isnan(draws)]
    size = (weight @ influence**2) ** 1.5
    below = (np.mean(defined < centre - ROUNDING) + np.mean(defined <= centre + ROUNDING)) / 2 if len(defined) > 1 else 0.0
    if not (0 < below < 1 and size > 0):
        return math.nan, math.nan
    bias, acceleration = ndtri(below), weight @ influence**3 / (6 * size)
    reach = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    if (acceleration * reach >= 1).any():
        return math.nan, math.nan
    low, high = np.quantile(defined, ndtr(bias + reach / (1 - acceleration * reach)))
    return float(low), float(high)


def false_discovery(p: np.ndarray, *, dependent: bool = False) -> np.ndarray:
    """Benjamini and Hochberg's q (1995) of p of any shape, nan where p is: the least false share at which a test is still among those
    kept.

    dependent: Benjamini and Yekutieli's (2001), which holds however the tests depend on one another. (scipy.stats has both; to load it
    costs more than a notebook's statistics.)
    """
    p = np.asarray(p, dtype=float)
    flat = p.ravel()
    q, known = np.full(flat.size, np.nan), np.flatnonzero(np.isfinite(flat))
    order = known[np.argsort(flat[known], kind="stable")]
    rank = np.arange(1, len(order) + 1)
    raised = flat[order] * len(order) / rank * ((1 / rank).sum() if dependent else 1.0)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    return q.reshape(p.shape)
