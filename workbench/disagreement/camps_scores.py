"""How much two raters hold in common on a scale of their own: correlations of the opinions that lie behind levels.

A rater's levels are taken as cuts of a normal opinion: their shares give the cuts, and a level's score is the mean opinion between
its cuts. Neither severity nor scale use moves the correlation of two opinions, though both move that of the levels: with scores of
Hermite coefficients a and b, opinions correlated by r give scores correlated by h(r) = sum a_k b_k r^k (Mehler's formula).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

POWERS = ((1, 1), (2, 0), (0, 0), (2, 2), (3, 1), (4, 0))
TERMS = 10        # of h; the next adds less than 0.01 where opinions correlate below .8
DENSE = 0.25      # share of items x raters rated from which a full table is no larger than a few lists of the ratings
FEW = 8           # levels, up to which comparing an opinion with each bound is faster than a search
COUNTED = 0.5     # pairs of levels, of any raters, for each pair of ratings: more are not counted but multiplied out
AT_ONCE = 2_000_000
OFF = 5           # ratings off a rater's commonest level, below which opinions do not show


@dataclass(frozen=True)
class Panel:
    """Ratings of one criterion: codes of item and rater, place on the scale, all (N,), no rater twice on an item; block (U,) of an item.

    Items of a block (a prompt) are drawn together. Every rater has `OFF` ratings or more off the commonest level.
    """

    item: np.ndarray
    rater: np.ndarray
    value: np.ndarray
    block: np.ndarray

    @cached_property
    def n_raters(self) -> int:
        """How many raters."""
        return int(self.rater.max(initial=-1)) + 1

    @cached_property
    def by_rater(self) -> np.ndarray:
        """(N,) the ratings in the order of their raters."""
        return np.argsort(self.rater, kind="stable")

    @cached_property
    def by_item(self) -> np.ndarray:
        """(N,) the ratings in the order of their items."""
        return np.lexsort((self.rater, self.item))

    def narrowed(self, items: np.ndarray, *, keep: np.ndarray | bool = True) -> tuple[Panel, np.ndarray]:
        """The chosen items (U,) and raters (R,), less those who then have nearly one level only; and who the raters left are."""
        here = items[self.item] & np.broadcast_to(keep, self.n_raters)[self.rater]
        who = np.flatnonzero(told := off_commonest(self.rater[here], self.value[here], self.n_raters) >= OFF)
        here &= told[self.rater]
        place, block = np.cumsum(items) - 1, np.unique(self.block[items], return_inverse=True)[1].ravel()
        return Panel(place[self.item[here]], np.searchsorted(who, self.rater[here]), self.value[here], block), who

    @cached_property
    def _groups(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values, code = np.unique(self.value, return_inverse=True)
        both, group = np.unique(self.rater * len(values) + code, return_inverse=True)
        owner = both // len(values)
        return group.ravel(), owner, np.searchsorted(owner, np.arange(self.n_raters))

    def scores(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores (D, N) of mean 0 and variance 1 a rater, and their Hermite coefficients (D, R, TERMS), of level codes (D, N)."""
        score, coefficients = self._of_levels(group)
        return np.take_along_axis(score, group, axis=1), coefficients

    def moments(self, group: np.ndarray, weight: np.ndarray | None = None) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """The `products` of the scores of level codes (D, N), with anything on the diagonal, and the scores' coefficients. Pairs of levels
        are counted where they are few."""
        score, coefficients = self._of_levels(group)
        g = score.shape[1]
        if self._dense or g * g > COUNTED * len(self._pairs[0]):
            return self.products(np.take_along_axis(score, group, axis=1), weight), coefficients
        start, (first, second, _) = self._groups[2], self._pairs
        out = [np.empty((len(group) if weight is None else len(weight), self.n_raters, self.n_raters)) for _ in POWERS]
        for draw in range(len(out[0])):
            code, own = group[draw % len(group)], score[draw % len(group)]
            times = None if weight is None else weight[draw][self.item[first]]
            met = np.bincount(code[first] * g + code[second], times, g * g).reshape(g, g).astype(float)
            met += met.T
            raised = [np.ones(g), own, own**2, own**3, own**4]
            held = [np.add.reduceat(met * x[:, None], start, axis=0) for x in raised[:3]]
            for k, (a, b) in enumerate(POWERS):
                summed = np.add.reduceat(held[b] * raised[a], start, axis=1).T
                out[k][draw] = summed if a == b else turned_alike(summed)
        return tuple(out), coefficients

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Two ratings of each item, each two once, and a code of their raters: (M,) each."""
        order, found = self.by_item, []
        for gap in range(1, int(np.bincount(self.item, minlength=1).max())):
            first, second = order[:-gap], order[gap:]
            same = self.item[first] == self.item[second]
            found.append(np.stack([first[same], second[same]]))
        first, second = np.concatenate([np.zeros((2, 0), int), *found], axis=1)
        return first, second, self.rater[first] * self.n_raters + self.rater[second]

    def _of_levels(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The score of each level code (D, G), and the coefficients."""
        from scipy.special import ndtri

        _, owner, start = self._groups
        counts = np.stack([np.bincount(row, minlength=len(owner)) for row in group]).astype(float)
        total = np.add.reduceat(counts, start, axis=1)
        share = counts / total[:, owner]
        reach = np.cumsum(counts, axis=1)
        upper = np.clip((reach - (reach - counts)[:, start][:, owner]) / total[:, owner], 0, 1)
        last = np.append(start[1:], len(owner)) - 1
        upper[:, last] = 1.0
        z = ndtri(upper)
        edge = np.isfinite(z)
        z = np.where(edge, z, 0.0)
        previous, current, drops = np.zeros_like(z), np.where(edge, np.exp(-z**2 / 2) / np.sqrt(2 * np.pi), 0.0), []
        for k in range(1, TERMS + 1):   # current = He_{k-1}(z) density(z) / sqrt(k!)
            lower = np.concatenate([np.zeros((len(z), 1)), current[:, :-1]], axis=1)
            lower[:, start] = 0.0
            drops.append(lower - current)
            previous, current = current, (z * current - previous * (k - 1) / k**0.5) / (k + 1) ** 0.5
        score = np.divide(drops[0], share, out=np.zeros_like(share), where=share > 0)
        variance = np.add.reduceat(share * score**2, start, axis=1)
        score /= np.sqrt(np.maximum(variance, 1e-12))[:, owner]
        coefficients = np.stack([np.add.reduceat(score * drop, start, axis=1) for drop in drops], axis=2)
        return score, coefficients

    @cached_property
    def of_block(self) -> np.ndarray:
        """(N,) one code for the ratings of one rater in one block."""
        return np.unique(self.block[self.item] * self.n_raters + self.rater, return_inverse=True)[1].ravel()

    @cached_property
    def observed(self) -> np.ndarray:
        """(1, N) the level codes as rated."""
        return self._groups[0][None]

    def cut(self, opinion: np.ndarray) -> np.ndarray:
        """Level codes (D, N) of opinions (D, N), cut so that each rater uses the levels as often as before."""
        from scipy.special import ndtri

        group, owner, start = self._groups
        counts = np.bincount(group)
        reach = np.cumsum(counts)
        inner = np.append(owner[1:] == owner[:-1], False)
        upper = (reach - (reach - counts)[start][owner]) / np.add.reduceat(counts, start)[owner]
        bound = ndtri(np.where(inner, upper, 0.5))
        if (most := int((levels := np.diff(np.append(start, len(owner)))).max())) > FEW:
            apart = 64.0   # opinions lie well within +-32
            return np.searchsorted((apart * owner + bound)[inner], apart * self.rater + opinion) + self.rater
        code = np.repeat(start[self.rater][None], len(opinion), axis=0)
        for nth in range(most - 1):
            code += opinion > np.where(nth < levels - 1, bound[np.minimum(start + nth, len(bound) - 1)], np.inf)[self.rater]
        return code

    @cached_property
    def shared_in_blocks(self) -> tuple[float, float]:
        """Shares of the items' and of the raters' own variance that the items of a block have in common.

        From mean products of scores: of one rater on two items of a block, of two raters on two items, of two raters on one item.
        """
        score, block = self.scores(self.observed)[0][0], self.block[self.item]
        if len(np.unique(block)) == len(np.unique(self.item)):
            return 0.0, 0.0
        def pairs(x: np.ndarray) -> tuple[float, float, float]:
            """Sums of products: one rater and two items, two raters and two items, two raters and one item."""
            of_own = np.bincount(self.of_block, x)
            square, own, item = x @ x, of_own @ of_own, (np.bincount(self.item, x) ** 2).sum()
            return own - square, (np.bincount(block, x) ** 2).sum() - own - item + square, item - square

        same, cross, alike = (a / max(b, 1.0) for a, b in zip(pairs(score), pairs(np.ones(len(score)))))
        thing = np.clip(cross / max(alike, 0.01), 0, 1)
        return float(thing), float(np.clip((same - cross) / max(1 - alike, 0.01), 0, 1))

    @cached_property
    def _dense(self) -> bool:
        return len(self.item) >= DENSE * len(self.block) * self.n_raters

    def chunks(self, draws: int) -> Iterator[int]:
        """Sizes of lots of draws that fit in memory."""
        most = max(AT_ONCE // max(len(self.block) * (self.n_raters if self._dense else 1), len(self.item), 6 * self.n_raters**2), 1)
        while draws > 0:
            yield min(draws, most)
            draws -= most

    def products(self, score: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        """Sums over shared items of (s_i^a s_j^b + s_i^b s_j^a) / 2 for the `POWERS` a, b, with anything on the diagonal: each (D, R, R),
        from scores (D, N) and item weights (D, U)."""
        weight = np.ones((1, len(self.block))) if weight is None else weight
        if self._dense:
            full, seen = (np.zeros((n, len(self.block), self.n_raters)) for n in (len(score), 1))
            full[:, self.item, self.rater] = score
            seen[:, self.item, self.rater] = 1
            square = full * full
            raised = [seen, full, square, square * full, square * square]
            summed = ((raised[a] * weight[:, :, None]).swapaxes(1, 2) @ raised[b] for a, b in POWERS)
            return tuple(x if a == b else turned_alike(x) for x, (a, b) in zip(summed, POWERS))
        (first, second, raters), item = self._pairs, self.item[self._pairs[0]]
        out = [np.empty((max(len(score), len(weight)), self.n_raters, self.n_raters)) for _ in POWERS]
        for draw in range(len(out[0])):
            own, times = score[draw % len(score)], weight[draw % len(weight)][item]
            for whole, x in zip(out, alike(own[first], own[second])):
                whole[draw] = self._summed(raters, times * x)
        return tuple(out)

    def crossed(self, x: np.ndarray) -> np.ndarray:
        """(R, R) sums over shared items of the products of two raters' values (N,); anything on the diagonal."""
        if self._dense:
            full = np.zeros((len(self.block), self.n_raters))
            full[self.item, self.rater] = x
            return full.T @ full
        first, second, raters = self._pairs
        return self._summed(raters, x[first] * x[second])

    def _summed(self, raters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(R, R) sums over pairs of ratings (M,), whichever of the two raters comes first."""
        met = np.bincount(raters, x, self.n_raters**2).reshape(self.n_raters, self.n_raters)
        return met + met.T


def alike(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """(x^a y^b + x^b y^a) / 2 for the `POWERS` a, b."""
    both, square = x * y, (x * x + y * y) / 2
    twice = both * both
    return both, square, np.ones(len(x)), twice, both * square, 2 * square * square - twice


def turned_alike(x: np.ndarray) -> np.ndarray:
    """(..., R, R) the mean of matrices and their transposes."""
    return (x + x.swapaxes(-1, -2)) / 2


def off_commonest(rater: np.ndarray, value: np.ndarray, n_raters: int) -> np.ndarray:
    """(R,) how many of each rater's ratings are not at the commonest of the rater's levels."""
    order = np.lexsort((value, rater))
    first = np.flatnonzero(np.diff(rater[order], prepend=-1) | (np.diff(value[order], prepend=np.nan) != 0))
    most = np.zeros(n_raters, dtype=int)
    np.maximum.at(most, rater[order][first], np.diff(first, append=len(order)))
    return np.bincount(rater, minlength=n_raters) - most


def working(sums: tuple[np.ndarray, ...], coefficients: np.ndarray, load: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlations of opinions and their weights (1 / variance), both (D, R, R), one step from those of one thing for all, l_i l_j; and
    what else may move them, (D, 3, R, R).

    The mean of s_i s_j - c (s_i^2 + s_j^2) / 2 + c, with c = h(l_i l_j), is unbiased with any number of shared items, and as precise as a
    correlation. One step from the model, unlike h's inverse, has no trouble with pairs that share few items. The weights are those of
    normal opinions, divided by how much more the products really vary from item to item (the mean over pairs). Items that are not equally
    clear, or not normal, move pairs of raters whose second coefficients differ from 0 (who are severe or mild): clarity by
    u_i u_j, u = a_2 (1 - l^2); skewness by x_i y_j + y_i x_j, x = a_1 l, y = a_2 l^2; heavy tails by y_i y_j (first terms of the series).
    """
    both, own, n, twice, thrice, fourth = sums
    power = np.arange(1, TERMS + 1)
    load = np.maximum(load, 1e-3)
    raised = coefficients * load[:, :, None] ** power
    c = np.clip(raised @ raised.swapaxes(1, 2), -0.95, 0.95)
    model = load[:, :, None] * load[:, None, :]
    slope = np.maximum((raised * power) @ raised.swapaxes(1, 2) / model, 0.05)   # h' of l_i l_j
    found = (both - c * own) / np.maximum(n, 1e-9)    # less c
    apart = 1 - np.eye(n.shape[-1])
    square = twice * (1 + c**2 / 2) + c**2 * fourth / 2 - 2 * c * thrice
    wider = (square * apart / (1 - c**2) ** 2).sum(axis=(1, 2)) / np.maximum((n * apart).sum(axis=(1, 2)), 1)
    weight = n * (slope / (1 - c**2)) ** 2 * apart / np.maximum(wider, 0.1)[:, None, None]
    u, x, y = coefficients[:, :, 1] * (1 - load**2), raised[:, :, 0], raised[:, :, 1]
    mixed = x[:, :, None] * y[:, None, :]
    other = np.stack([u[:, :, None] * u[:, None, :], mixed + mixed.swapaxes(1, 2), y[:, :, None] * y[:, None, :]], axis=1)
    return np.where(weight > 0, model + found / slope, 0.0), weight, other / slope[:, None]


def cleared(rho: np.ndarray, weight: np.ndarray, model: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Correlations without what the `other` causes (D, 3, R, R) explain of their distance from the model, by weighted least squares."""
    heavy = other * weight[:, None]
    normal = np.einsum("bkrs,bmrs->bkm", heavy, other)
    slight = 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1.0   # where raters are alike there is nothing to clear
    normal += slight * np.eye(other.shape[1])
    part = np.linalg.solve(normal, np.einsum("bkrs,brs->bk", heavy, rho - model)[:, :, None])
    return rho - np.where(weight > 0, (part[:, :, 0, None, None] * other).sum(axis=1), 0.0)
