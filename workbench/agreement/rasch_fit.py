"""The many-facet Rasch model fitted by conditional maximum likelihood: an item's total holds all that the item's ability decides.

Given the totals, abilities drop out of the likelihood (Andersen 1970, doi:10.1111/j.2517-6161.1970.tb00842.x), so that nothing is
assumed of them: items may be few, skewed or routed to raters by difficulty. The log-likelihood is concave; Newton's method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from workbench.agreement.item_totals import level_shares, pair_covariances, partial_sums

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Cells of one block of partial sums: what a processor's cache holds.
BLOCK = 500_000
STEP = 1e-60
MAX_STEPS = 100
# Newton's steps end when the next would raise twice the log-likelihood by less: parameters then move by 1e-4 of their errors.
ENOUGH = 1e-8
# Information below this is none: the totals alone fix what the parameter would explain.
TOLD = 1e-9


@dataclass(frozen=True)
class Design:
    """Ratings that tell, as codes (R,): `part` (an item, see `comparable`), rater, criterion, level; `scale`, whose thresholds hold.

    rater_set (J,), criterion_set (C,): whose parameters have mean 0 together; -1 for none. occurs (K, L): levels in use.
    """

    part: np.ndarray
    rater: np.ndarray
    criterion: np.ndarray
    level: np.ndarray
    scale: np.ndarray
    rater_set: np.ndarray
    criterion_set: np.ndarray
    occurs: np.ndarray

    @cached_property
    def blocks(self) -> list[np.ndarray]:
        """Places of the ratings of items with equally many, (n, items), in blocks that fit the cache."""
        return list(_blocks(self.part, self.occurs.shape[1]))

    @cached_property
    def free(self) -> list[tuple[int, int]]:
        """Scale and level of each sum of thresholds that is estimated: all in use but the lowest and the highest."""
        inner = self.occurs & (np.cumsum(self.occurs, axis=1) > 1) & (np.cumsum(self.occurs[:, ::-1], axis=1)[:, ::-1] > 1)
        return [(int(s), int(k)) for s, k in np.argwhere(inner)]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Where the difficulties begin among the parameters, where the thresholds do, and how many all are."""
        raters, places = len(self.rater_set), len(self.rater_set) + len(self.criterion_set)
        return raters, places, places + self.occurs.size


@dataclass(frozen=True)
class Fit:
    """severity (J,), difficulty (C,), sums (K, L): thresholds up to each level; covariance (P, P) of all three in this order.

    expected, variance (R,): of each rating given its item's total. A parameter of variance 0 is not told by the ratings.
    """

    severity: np.ndarray
    difficulty: np.ndarray
    sums: np.ndarray
    covariance: np.ndarray
    expected: np.ndarray
    variance: np.ndarray
    converged: bool


@dataclass(frozen=True)
class Likelihood:
    """Log-likelihood, its gradient (P,), minus its second derivatives (P, P), and the shares of the levels given the totals (R, L)."""

    value: float
    gradient: np.ndarray
    information: np.ndarray
    shares: np.ndarray


def fit(design: Design) -> Fit | None:
    """The parameters that maximise the conditional likelihood, or None where the ratings do not fix them."""
    place = np.zeros(design.sizes[-1])
    found, basis, converged = likelihood(design, place), _basis(design), False
    basis = basis[:, np.flatnonzero(np.diag(_within(basis, found.information)) > TOLD)]
    for _ in range(MAX_STEPS):
        inner, slope = _within(basis, found.information), basis.T @ found.gradient
        try:
            np.linalg.cholesky(inner)
        except np.linalg.LinAlgError:
            return None
        step = np.linalg.solve(inner, slope)
        if converged := bool(slope @ step < ENOUGH):
            place = place + basis @ step
            break
        place, found = _forward(design, place, basis @ step, found)
    covariance = basis @ (basis @ np.linalg.inv(inner)).T
    raters, split, _ = design.sizes
    k = np.arange(found.shares.shape[1])
    expected = found.shares @ k
    return Fit(place[:raters], place[raters:split], place[split:].reshape(design.occurs.shape), covariance, expected,
               found.shares @ k**2 - expected**2, converged)


def likelihood(design: Design, place: np.ndarray) -> Likelihood:
    """The conditional log-likelihood at `place` (P,) and what Newton's method needs of it."""
    raters, split, size = design.sizes
    scales, levels = design.occurs.shape
    location = place[:raters][design.rater] + place[raters:split][design.criterion]
    weight = np.where(design.occurs, -place[split:].reshape(scales, levels), -np.inf)
    value, shares, information = 0.0, np.empty((len(location), levels)), np.zeros((size, size))
    for rows in design.blocks:
        chosen = design.level[rows]
        total = chosen.sum(axis=0)
        weights = _weights(location[rows], weight[design.scale[rows]].transpose(0, 2, 1), total)
        front, back = partial_sums(weights, total)
        found = level_shares(weights, front, back)
        value += np.log(np.take_along_axis(weights, chosen[:, None], axis=1)).sum() - np.log(back[0][0]).sum()
        shares[rows] = found.transpose(0, 2, 1)
        _add_locations(design, rows, pair_covariances(weights, front, back, found), information)
        _add_thresholds(design, rows, weights, total, information)
    information[:split, split:] = information[split:, :split].T
    surplus = shares @ np.arange(levels) - design.level
    tallies = [np.bincount(design.scale, shares[:, k] - (design.level == k), scales) for k in range(levels)]
    gradient = np.concatenate([np.bincount(design.rater, surplus, raters), np.bincount(design.criterion, surplus, split - raters),
                               np.stack(tallies, axis=1).ravel()])
    return Likelihood(value, gradient, information, shares)


def _weights(location: np.ndarray, weight: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Weights (n, L, I) of the levels at locations (n, I), turned towards the item's total so that long products stay in range."""
    n, levels = len(location), weight.shape[1]
    turn = np.log((total + 0.5) / (n * (levels - 1) - total + 0.5)) * 3 / (levels + 1)
    raised = np.arange(levels)[None, :, None] * (turn - location)[:, None, :] + weight
    return np.exp(raised - raised.max(axis=1, keepdims=True))


def _locations(design: Design, rows: np.ndarray) -> list[np.ndarray]:
    """Places among the parameters of each rating's severity and, where there are several criteria, difficulty."""
    several = len(design.criterion_set) > 1
    return [design.rater[rows], *([len(design.rater_set) + design.criterion[rows]] if several else [])]


def _add_locations(design: Design, rows: np.ndarray, covariance: np.ndarray, information: np.ndarray) -> None:
    """What a block tells of severities and difficulties: ratings' covariances (n, n, I), added where both parameters meet."""
    flat, size = information.reshape(-1), len(information)
    for one in _locations(design, rows):
        for other in _locations(design, rows):
            np.add.at(flat, (one[:, None] * size + other).ravel(), covariance.ravel())


def _add_thresholds(design: Design, rows: np.ndarray, weights: np.ndarray, total: np.ndarray, information: np.ndarray) -> None:
    """What a block tells of each free sum of thresholds: how all levels answer to it, by the complex step."""
    scales, levels = design.occurs.shape
    scale, split = design.scale[rows], design.sizes[1]
    for s, level in design.free:
        stepped = weights.astype(complex)
        stepped[:, level] *= 1 + 1j * STEP * (scale == s)
        turn = level_shares(stepped, *partial_sums(stepped, total)).imag / STEP
        line = information[split + s * levels + level]
        line[split:] += np.concatenate([(turn * (scale == t)[:, None]).sum(axis=(0, 2)) for t in range(scales)])
        for places in _locations(design, rows):
            np.add.at(line, places.ravel(), np.tensordot(np.arange(levels), turn, axes=(0, 1)).ravel())


def _within(basis: csr_array, information: np.ndarray) -> np.ndarray:
    """The information in the directions of `basis` (P, F): (F, F)."""
    return basis.T @ (basis.T @ information).T


def _forward(design: Design, place: np.ndarray, step: np.ndarray, found: Likelihood) -> tuple[np.ndarray, Likelihood]:
    """A step uphill, halved until it is one."""
    for _ in range(30):
        ahead = likelihood(design, place + step)
        if ahead.value >= found.value - 1e-12 * abs(found.value):
            break
        step = step / 2
    return place + step, ahead


def _basis(design: Design) -> csr_array:
    """Columns that span the parameters allowed: mean 0 within each set, the outer sums of thresholds 0; (P, F), sparse."""
    from scipy.sparse import csr_array

    raters, split, size = design.sizes
    rows, last = [], []
    for start, sets in ((0, design.rater_set), (raters, design.criterion_set)):
        for one in np.unique(sets[sets >= 0]):
            members = start + np.flatnonzero(sets == one)
            rows += members[:-1].tolist()
            last += [members[-1]] * (len(members) - 1)
    thresholds = [split + s * design.occurs.shape[1] + level for s, level in design.free]
    columns = np.arange(len(rows) + len(thresholds))
    values = np.concatenate([np.ones(len(columns)), -np.ones(len(last))])
    return csr_array((values, (np.array(rows + thresholds + last, dtype=int), np.concatenate([columns, columns[:len(last)]]))),
                     shape=(size, len(columns)))


def _blocks(part: np.ndarray, levels: int) -> Iterator[np.ndarray]:
    """See `Design.blocks`."""
    size, order = np.bincount(part), np.argsort(part, kind="stable")
    start = np.cumsum(size) - size
    for n in np.unique(size):
        items = np.flatnonzero(size == n)
        width = max(1, BLOCK // int(n * n * levels))
        for first in range(0, len(items), width):
            yield order[start[items[first:first + width]] + np.arange(n)[:, None]]
