"""Uncertainty of any statistic that is a formula of totals over items: linearised errors and the bootstrap.

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

# Cells of one block of bootstrap weights: bounds memory at 32 MB, whatever the number of rows.
BLOCK = 4_000_000
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
    size = max(1, BLOCK // max(rows, 1))
    owner = np.repeat(np.arange(rows), weight.astype(int)) if n < 15 * rows else None
    for start in range(0, draws, size):
        count = min(size, draws - start)
        if owner is None:
            yield generator.multinomial(n, weight / n, size=count).astype(float)
        else:
            drawn = [np.bincount(owner[generator.integers(n, size=n)], minlength=rows) for _ in range(count)]
            yield np.array(drawn, dtype=float)


def merge(terms: Terms, weight: np.ndarray, cluster: np.ndarray) -> tuple[Terms, np.ndarray]:
    """Rows summed by cluster: a cluster (a prompt, a document) becomes one row of weight 1, to be drawn as a whole."""
    from scipy.sparse import csr_array

    _, code = np.unique(cluster, return_inverse=True)
    n = int(code.max()) + 1 if len(code) else 0
    membership = csr_array((weight.astype(float), (code, np.arange(len(code)))), shape=(n, len(code)))
    return membership @ terms, np.ones(n)


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
