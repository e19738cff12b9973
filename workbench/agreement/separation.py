"""How well a Rasch model fits each rater, and how far the raters' severities truly lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# A rating whose item's total all but fixes it has no residual to speak of.
FIXED = 1e-9


@dataclass(frozen=True)
class MeanSquares:
    """Mean squares of the residuals of n codes and their standard errors, (n,); `freedom`: items less one. nan without a residual."""

    infit: np.ndarray
    infit_se: np.ndarray
    outfit: np.ndarray
    outfit_se: np.ndarray
    freedom: np.ndarray


def mean_squares(code: np.ndarray, n: int, part: np.ndarray, residual: np.ndarray, variance: np.ndarray) -> MeanSquares:
    """infit = sum of squared residuals / sum of variances, outfit = mean of squared residual / variance, for each code 0..n-1.

    All (R,). Linearised errors; an item's ratings under one code (criteria of one rater) count as one draw.
    """
    told = variance > FIXED
    code, part, square, variance = code[told], part[told], residual[told] ** 2, variance[told]
    unit, place = np.unique(np.stack([code, part]), axis=1, return_inverse=True)
    items = np.bincount(unit[0], minlength=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        made = []
        for top, bottom in ((square, variance), (square / variance, np.ones(len(code)))):
            total = np.bincount(code, bottom, n)
            value = np.bincount(code, top, n) / total
            influence = np.bincount(place.ravel(), top - value[code] * bottom, unit.shape[1])
            made += [value, np.sqrt(items / (items - 1) * np.bincount(unit[0], influence**2, n)) / total]
    return MeanSquares(*made, freedom=items - 1)


@dataclass(frozen=True)
class Separation:
    """Variance of the true severities within their sets, its standard error, and the mean square error of the estimates."""

    variance: float
    se: float
    error: float


def separation(severity: np.ndarray, covariance: np.ndarray, sets: np.ndarray) -> Separation:
    """The observed variance of severities (J,) about the means of their sets, less what estimation error adds to it.

    E[a'a] = true sum of squares + trace V for estimates a with error covariance V (J, J), both of mean 0 in each set (Eckes 2015
    takes the mean of the squared errors, the same but for that constraint). Normal errors: Var[a'a] = 4 a'Va - 2 tr(VV) by its
    unbiased estimate, and no less than 2 tr(VV). These raters; `sets` codes (J,) from 0, all of two raters or more.
    """
    freedom = len(severity) - len(np.unique(sets))
    trace, square = float(np.trace(covariance)), float((covariance**2).sum())
    moved = max(4 * severity @ covariance @ severity - 2 * square, 2 * square)
    return Separation((severity @ severity - trace) / freedom, math.sqrt(moved) / freedom, trace / freedom)
