"""Expected quadratic forms of ratings less their unit's mean, from which variance components are solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


REPEATED = "item_spread"    # the factor whose levels are a rater's ratings of one unit


@dataclass(frozen=True)
class Forms:
    """Sums over units; those of two groups of units add up.

    wide: for each pair of factors that cross units, and for each such factor with the ratings ("y"), Z_k'WM Z_l or Z_k'WM Y, sparse:
    their squares are summed when all units are in. sums: name -> number. noise: (3, raters) units rated again, the sum of their
    variances, and of the squares of these.
    W weighs a unit of n ratings by 1 / (n - 1), M takes away its mean.
    """

    wide: dict[tuple[object, object], csr_array]
    sums: dict[object, float]
    noise: np.ndarray

    def plus(self, other: Forms, sign: int = 1) -> Forms:
        """Both groups of units together, or (`sign` -1) what is left without the other."""
        return Forms({key: matrix + sign * other.wide[key] for key, matrix in self.wide.items()},
                     {key: value + sign * other.sums[key] for key, value in self.sums.items()}, self.noise + sign * other.noise)

    def square(self, first: object, second: object) -> float:
        """Sum of the squares of Z_k'WM Z_l."""
        key = (first, second) if (first, second) in self.wide else (second, first)
        if key in self.wide:
            return float((self.wide[key].data ** 2).sum())
        return self.sums[first, second] if (first, second) in self.sums else self.sums[second, first]

    def solved(self, factors: Sequence[str]) -> tuple[np.ndarray, float, np.ndarray]:
        """Variances of the factors, of the rest, and what each factor's adds to the mean variance within a unit, for 1 of it.

        The equation of the factor `REPEATED` is that of repeats themselves: they differ by the rest alone. A factor that these
        equations cannot tell from others makes all nan.
        """
        k = len(factors)
        expected, seen = np.zeros((k + 1, k + 1)), np.zeros(k + 1)
        for i, first in enumerate(factors):
            expected[k, i] = self.sums[first, "trace"]
            if first == REPEATED:
                expected[i, k], seen[i] = self.noise[:2].sum(axis=1)
                continue
            expected[i, :k] = [self.square(first, second) for second in factors]
            expected[i, k] = self.sums[first, "rest"]
            seen[i] = self.square(first, "y")
        expected[k, k], seen[k] = self.sums["units"], self.sums["variance"]
        scale = np.sqrt(np.maximum(np.abs(expected).max(axis=1), 1e-300))
        if np.linalg.cond(expected / scale[:, None] / scale) > 1e8:
            return np.full(k, np.nan), np.nan, np.full(k, np.nan)
        found = np.linalg.solve(expected, seen)
        return found[:k], float(found[k]), expected[k, :k] / max(expected[k, k], 1)


def forms_of(unit: np.ndarray, place: np.ndarray, coordinate: np.ndarray, crossed: dict[str, np.ndarray],
             nested: dict[str, np.ndarray], own: np.ndarray, rater: np.ndarray, sizes: dict[str, int]) -> Forms:
    """The forms of a group of units.

    unit, place, coordinate, own, rater: (N,). crossed: factor -> (N,) codes below `sizes`[factor] that occur in several units. nested:
    those that occur in one (-1: none). sizes: also of "y", the coordinates, and "raters".
    """
    unit = np.unique(unit, return_inverse=True)[1]
    n = np.bincount(unit)
    weight = 1 / np.maximum(n - 1, 1)
    row, each = weight[unit], weight / n
    ratings = indicator(coordinate, sizes["y"], place)
    at = {name: indicator(code, sizes.get(name)) for name, code in (crossed | nested).items()}
    units = indicator(unit)
    per_unit = {name: (z.T @ units).tocsr() for name, z in (at | {"y": ratings}).items()}

    names = list(at)
    wide, sums = {}, {}
    for i, first in enumerate(names):
        sought = (*names[i:], "y") if first != REPEATED else ()
        left, less = ((at[first].T * row).tocsr(), (per_unit[first] * each).tocsr()) if sought else (None, None)
        for second in sought:
            matrix = (left @ (ratings if second == "y" else at[second]) - less @ per_unit[second].T).tocsr()
            if first in crossed and (second in crossed or second == "y"):
                wide[first, second] = matrix
            else:
                sums[first, second] = float((matrix.data ** 2).sum())
        counts = per_unit[first]
        inside = np.diff(at[first].indptr) > 0
        squares = np.bincount(counts.indices, counts.data**2, len(n))
        sums[first, "rest"] = float((row[inside] ** 2).sum() - squares @ (weight * each))
        sums[first, "trace"] = float(row[inside].sum() - squares @ each)
    totals = per_unit["y"]
    sums["variance"] = float(row @ place**2 - np.bincount(totals.indices, totals.data**2, len(n)) @ each)
    sums["units"] = float((n > 1).sum())
    return Forms(wide, sums, noise(own, rater, ratings, place, sizes["raters"]))


def indicator(code: np.ndarray, size: int | None = None, values: np.ndarray | None = None) -> csr_array:
    """(N, size): each row's value, or 1, in the column of its code; nothing where the code is negative."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(code >= 0)
    size = int(code.max(initial=-1)) + 1 if size is None else size
    return csr_array((np.ones(len(rows)) if values is None else values[rows], (rows, code[rows])), shape=(len(code), size))


def noise(own: np.ndarray, rater: np.ndarray, ratings: csr_array, place: np.ndarray, n_raters: int) -> np.ndarray:
    """(3, raters): how many units each rated again, the sum of the variances of these repeats, and of their squares."""
    code = np.unique(own, return_inverse=True)[1]
    times = np.bincount(code)
    totals = (indicator(code).T @ ratings).tocsr()
    rows = np.repeat(np.arange(len(times)), np.diff(totals.indptr))
    squares = np.bincount(code, place**2) - np.bincount(rows, totals.data**2, len(times)) / times
    again = times > 1
    variance, who = squares[again] / (times[again] - 1), np.zeros(len(times), int)
    who[code] = rater
    return np.array([np.bincount(who[again], x, n_raters) for x in (np.ones(again.sum()), variance, variance**2)])
