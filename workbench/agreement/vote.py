"""Votes counted: each rating alike, or raters weighted by how often they are with the majority."""

from __future__ import annotations

import numpy as np

# Shares this close, of the larger, are a tie: sums of weights in another order differ by less.
TIE = 1e-9
# Scores this close to their mean, of it, are one score.
ROUNDING = 1e-14
# Of the chance to be asked about: 0 trusts chosen ratings like any, 1 corrects for the choice in full.
TEMPER = 0.25


def shares(item: np.ndarray, level: np.ndarray, n: int, q: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Share of an item's ratings, or of their `weight` (R,), at each level: codes (R,) -> (n, q)."""
    counts = np.bincount(item * q + level, weight, n * q).reshape(n, q)
    return counts / counts.sum(axis=1, keepdims=True)


def leading(share: np.ndarray) -> np.ndarray:
    """Whether a level has the largest share of its item, (n, q); several have in a tie."""
    return share >= share.max(axis=1, keepdims=True) * (1 - TIE)


def with_majority(item: np.ndarray, rater: np.ndarray, level: np.ndarray, share: np.ndarray, m: int) -> np.ndarray:
    """Share of each rater's ratings that name the item's leading level, (m,); one of k tied levels counts 1/k.

    The weights of "worker agreement with aggregate" (Wawa): of every item's raters one at least has a weight above 0.
    """
    leads = leading(share)
    credit = leads / leads.sum(axis=1, keepdims=True)
    return np.bincount(rater, credit[item, level], m) / np.bincount(rater, minlength=m)


def teaching(size: np.ndarray, chosen: np.ndarray) -> np.ndarray | None:
    """(N,) how much each of a unit's `size` ratings teaches of its rater, where `chosen` of them were asked for in view of earlier ones.

    weight = (planned / size)^TEMPER, 1 on average over the ratings; None where nothing was chosen. Units are asked about again because they
    are hard. Where these teach as much as the others, raters look worse than they are, and a model that knows no difficulty gives nearly
    every unit the commonest level. TEMPER 1 has every unit teach as its planned ratings would, and throws most of the others away.
    """
    if not chosen.any():
        return None
    weight = (np.maximum(size - chosen, 1) / np.maximum(size, 1)) ** TEMPER
    return weight * size.sum() / (weight @ size)


def means(item: np.ndarray, score: np.ndarray, weight: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each item's scores and its standard error, raters as the sample, (n,); no error for a lone rating.

    se^2 = k / (k - 1) sum w^2 (x - mean)^2 / (sum w)^2 for k ratings of weights w: s^2 / k where they are alike.
    """
    size, total = np.bincount(item, minlength=n), np.bincount(item, weight, n)
    mean = np.bincount(item, weight * score, n) / total
    squares = np.bincount(item, (weight * (score - mean[item])) ** 2, n)
    squares[squares <= (ROUNDING * total * mean) ** 2] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean, np.sqrt(size / (size - 1) * squares) / total
