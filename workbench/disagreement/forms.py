"""Expected quadratic forms of ratings less their unit's mean, from which variance components are solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from scipy.sparse import csr_array


REPEATED = "item_spread"    # the factor whose levels are a rater's ratings of one unit


@dataclass(frozen=True)
class Forms:
    """Sums over units: `sums`, name -> number, and `noise` (3, raters): units rated again, the sum of their variances, and of the squares
    of these. Of two factors, and of one with the ratings ("y"), the sum of the squares of Z_k'WM Z_l or Z_k'WM Y: W weighs a unit of
    n ratings by 1 / (n - 1), M takes away its mean.
    """

    sums: dict[object, float]
    noise: np.ndarray

    def square(self, first: object, second: object) -> float:
        """Sum of the squares of Z_k'WM Z_l."""
        return self.sums[(first, second) if (first, second) in self.sums else (second, first)]

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


def forms_of(unit: np.ndarray, place: np.ndarray, coordinate: np.ndarray, crossed: dict[str, np.ndarray], nested: dict[str, np.ndarray],
             own: np.ndarray, rater: np.ndarray, group: np.ndarray) -> list[Forms]:
    """The forms of all units, then those without each group of units.

    unit, place, coordinate, own, rater, group: (N,). crossed: factor -> (N,) codes that occur in several units (-1: none). nested: those
    that occur in one. A group's levels of a crossed factor are held apart from another's until the squares are summed.
    """
    count, n = int(group.max()) + 1, np.bincount(unit)
    weight = 1 / np.maximum(n - 1, 1)
    row, each = weight[unit], weight / n
    sizes = {name: int(code.max()) + 1 for name, code in (crossed | {"y": coordinate}).items()}
    apart = {name: np.where(code < 0, -1, code + group * sizes[name]) for name, code in (crossed | {"y": coordinate}).items()}
    ratings = indicator(apart.pop("y"), place)
    of_unit, units = owners(unit, group), indicator(unit)
    at = {name: indicator(code) for name, code in (apart | nested).items()}
    per_unit = {name: (z.T @ units).tocsr() for name, z in (at | {"y": ratings}).items()}

    names, parts, totals = list(at), {}, {}
    for i, first in enumerate(names):
        sought, owner = (*names[i:], "y") if first != REPEATED else (), owners((apart | nested)[first], group)
        left, less = ((at[first].T * row).tocsr(), (per_unit[first] * each).tocsr()) if sought else (None, None)
        for second in sought:
            matrix = (left @ (ratings if second == "y" else at[second]) - less @ per_unit[second].T).tocsr()
            level, x = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.data
            parts[first, second] = np.bincount(owner[level], x**2, count)
            if first in sizes and second in sizes:
                cell = pd.factorize(level % sizes[first] * sizes[second] + matrix.indices % sizes[second])[0]
                whole = np.bincount(cell, x)
                parts[first, second] = 2 * np.bincount(owner[level], x * whole[cell], count) - parts[first, second]
                totals[first, second] = whole @ whole
        counts, inside = per_unit[first], np.diff(at[first].indptr) > 0
        squares, of = counts.data**2 * each[counts.indices], of_unit[counts.indices]
        for name, heavy in (("rest", weight), ("trace", np.ones(len(n)))):
            parts[first, name] = np.bincount(group[inside], (row * heavy[unit])[inside], count) \
                - np.bincount(of, squares * heavy[counts.indices], count)
    y = per_unit["y"]
    parts["variance"] = np.bincount(group, row * place**2, count) - np.bincount(of_unit[y.indices], y.data**2 * each[y.indices], count)
    parts["units"] = np.bincount(of_unit[n > 1], minlength=count).astype(float)
    again, totals = noise(own, rater, ratings, place, group), {key: part.sum() for key, part in parts.items()} | totals
    whole = Forms(totals, again.sum(axis=0))
    return [whole, *(Forms({key: totals[key] - part[g] for key, part in parts.items()}, whole.noise - again[g]) for g in range(count))]


def owners(code: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The group of each code's ratings; codes below 0 have none."""
    found = np.zeros(int(code.max(initial=-1)) + 1, dtype=int)
    found[code[code >= 0]] = group[code >= 0]
    return found


def indicator(code: np.ndarray, values: np.ndarray | None = None) -> csr_array:
    """(N, codes): each row's value, or 1, in the column of its code; nothing where the code is negative."""
    from scipy.sparse import csr_array

    rows = np.flatnonzero(code >= 0)
    values = np.ones(len(code)) if values is None else values
    return csr_array((values[rows], (rows, code[rows])), shape=(len(code), int(code.max(initial=-1)) + 1))


def noise(own: np.ndarray, rater: np.ndarray, ratings: csr_array, place: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(groups, 3, raters): how many units each rated again, the sum of the variances of these repeats, and of their squares."""
    times, count, n_raters = np.bincount(own), int(group.max()) + 1, int(rater.max()) + 1
    totals = (indicator(own).T @ ratings).tocsr()
    rows = np.repeat(np.arange(len(times)), np.diff(totals.indptr))
    squares = np.bincount(own, place**2) - np.bincount(rows, totals.data**2, len(times)) / times
    again = times > 1
    variance, who = squares[again] / (times[again] - 1), owners(own, group * n_raters + rater)[again]
    found = [np.bincount(who, x, count * n_raters) for x in (np.ones(again.sum()), variance, variance**2)]
    return np.stack(found).reshape(3, count, n_raters).swapaxes(0, 1)
