"""Power of a comparison of two means: the effect that a number of items detects, and the items that an effect takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

LIMIT = 10_000_000       # items; beyond this nobody rates


def smallest_effect(variance: float, *, n_items: float, paired: bool, power: float = 0.8, error_rate: float = 0.05) -> float:
    """The smallest difference of two means found with probability `power` by a two-sided t test at `error_rate`.

    variance: of the difference that one item of each system contributes, so that the difference of the means has variance /
    n_items. Two samples of n_items each have 2 (n - 1) degrees of freedom, pairs n - 1. nan below 2 items.
    """
    if not n_items >= 2 or not variance >= 0:
        return math.nan
    return noncentrality(degrees(n_items, paired), power, error_rate) * math.sqrt(variance / n_items)


def items_needed(variance: float, *, effect: float, paired: bool, power: float = 0.8, error_rate: float = 0.05) -> float:
    """The number of items per system, as a fraction, with which `smallest_effect` is `effect`; inf beyond ten million.

    For one rating an item and variance 2 sd^2 it is the textbook sample size of the two-sample t test (Cohen 1988).
    """
    if not (variance >= 0 and effect > 0):
        return math.nan
    gap = lambda n: smallest_effect(variance, n_items=n, paired=paired, power=power, error_rate=error_rate) - effect  # noqa: E731
    if gap(LIMIT) > 0:
        return math.inf
    return 2.0 if gap(2.0) <= 0 else math.exp(root(lambda n: gap(math.exp(n)), math.log(2.0), math.log(LIMIT)))


def degrees(n_items: float, paired: bool) -> float:
    """Degrees of freedom of the comparison."""
    return (n_items - 1) * (1 if paired else 2)


@lru_cache(maxsize=4096)
def noncentrality(df: float, power: float, error_rate: float) -> float:
    """The standardised difference that a two-sided t test on `df` degrees of freedom finds with probability `power`."""
    from scipy.special import nctdtr, ndtri, stdtrit

    critical = float(stdtrit(df, 1 - error_rate / 2))
    if df > 1e5:  # the normal limit, right to 1e-5 here
        return float(ndtri(1 - error_rate / 2) + ndtri(power))
    below = lambda t, d: below if (below := float(nctdtr(df, d, t))) > 0 else 0.0  # noqa: E731  (nan where far out in the tail)
    return root(lambda d: below(critical, d) - below(-critical, d) - (1 - power), 0.0, 4 * critical + 20)


def root(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes 0 between `low` and `high`: false position, an end that stays counting half each time (Dowell and
    Jarratt 1971, doi:10.1007/BF01934364). (scipy.optimize has better; to load it costs more than all the roots of a report.)"""
    above, under, last = gap(low), gap(high), 0
    for _ in range(200):
        middle = (low * under - high * above) / (under - above)
        value = gap(middle)
        if value == 0 or abs(value) < 1e-15 or not low < middle < high:
            return middle
        if value > 0:
            under, last = under / 2 if last > 0 else under, 1
            low, above = middle, value
        else:
            above, last = above / 2 if last < 0 else above, -1
            high, under = middle, value
        if high - low <= 1e-14 * abs(high):
            break
    return middle
