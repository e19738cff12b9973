"""Spending a budget where it is worth most: ratings of each kind for each unit, the dearest gains first."""

from __future__ import annotations

import numpy as np

HALVINGS = 60  # of the price, on a log scale: beyond the digits of a double


def allot(gain: np.ndarray, ease: np.ndarray, room: np.ndarray, cost: np.ndarray, budget: float,
          generator: np.random.Generator) -> np.ndarray:
    """How many ratings of each kind a unit gets, (K, N).

    gain, ease: (K, N) as in `Worth`; room (K, N): ratings that can still be had; cost (K,) of one. A unit turns to its best kind
    per cost until none of that kind is left, then to the next. All ratings that gain more per cost than some price are bought, the
    price found by halving; ties by lot. Less of the budget is left than a rating of the dearest kind costs, or no rating gains anything.
    """
    order = np.argsort(-gain / cost[:, None], axis=0, kind="stable")
    gain, ease, room = (np.take_along_axis(a, order, axis=0) for a in (gain, ease, np.where(gain > 0, room, 0)))
    dear, bought = cost[order], room
    if (dear * room).sum() > budget:
        most, bought = room, np.zeros_like(room)
        high = float((gain / dear).max()) * 2
        low = high * 1e-15
        for _ in range(HALVINGS):
            price = np.sqrt(low * high)
            tried = at_price(price, gain, ease, room, dear)
            if (dear * tried).sum() > budget:
                low, most = price, tried
            else:
                high, bought = price, tried
            if (most - bought).sum() == 1:
                break
        bought = bought + by_lot(most - bought, dear, budget - (dear * bought).sum(), generator)
    found = np.empty_like(bought)
    np.put_along_axis(found, order, bought, axis=0)
    return found


def at_price(price: float, gain: np.ndarray, ease: np.ndarray, room: np.ndarray, dear: np.ndarray) -> np.ndarray:
    """(K, N) ratings that gain at least `price` per cost c, kinds in the units' own order: with ease r, the largest j with
    x (x + r) <= gain (1 + r) / (price c), where x = 1 + what came before + (j - 1) r."""
    found, before, goes_on = np.zeros(room.shape, dtype=np.int64), np.ones(room.shape[1]), np.ones(room.shape[1], dtype=bool)
    for k, r in enumerate(ease):
        x = (np.sqrt(r**2 + 4 * gain[k] * (1 + r) / (price * dear[k])) - r) / 2
        wanted = np.floor((x - before) / np.maximum(r, 1e-300) + 1 + 1e-9)
        found[k] = np.where(goes_on & (r > 0), np.clip(wanted, 0, room[k]), 0)
        before, goes_on = before + found[k] * r, goes_on & (found[k] == room[k])
    return found


def taken(gain: np.ndarray, ease: np.ndarray, bought: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """(N,) what the ratings bought take away together, kinds in the units' own order."""
    order = np.argsort(-gain / cost[:, None], axis=0, kind="stable")
    gain, r, m = (np.take_along_axis(a, order, axis=0) for a in (gain, ease, bought))
    begin = 1 + np.cumsum(m * r, axis=0) - m * r
    return (gain * (1 + r) * m / (begin * (begin + m * r))).sum(axis=0)


def by_lot(wanted: np.ndarray, dear: np.ndarray, budget: float, generator: np.random.Generator) -> np.ndarray:
    """As many of the `wanted` ratings (K, N), drawn at random, as the budget pays."""
    place = generator.permutation(np.repeat(np.arange(wanted.size), np.maximum(wanted, 0).ravel()))
    paid = np.cumsum(dear.ravel()[place]) <= budget * (1 + 1e-12)
    return np.bincount(place[paid], minlength=wanted.size).reshape(wanted.shape)
