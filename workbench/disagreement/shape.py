"""How raters differ on a unit: all alike, one against the rest, two readings, or no pattern."""

from __future__ import annotations

import numpy as np

from workbench.disagreement.units import Units

OUTLIER = 0.25   # without its farthest rating, at most this share of the disagreement is left
SPLIT = 0.15     # cut in two groups, at most this share of the squared distances is left within them
SMALLER = 0.25   # each of two readings has at least this share of the ratings, and two of them


def shapes(units: Units, excess: np.ndarray) -> np.ndarray:
    """One word a unit: "agree" where it has no excess, "outlier", "split" or "noise".

    outlier: three ratings or more, one of which makes the disagreement. split: two groups of ratings, alike within,
    each of two or more. noise: neither, or two ratings, which cannot show more.

    How often that is right, on five levels (benchmarks/disagreement.py --only shapes): two readings planted 2.8 SD apart are called split
    nine times in ten from 4 ratings on, never with 3 (half the time "outlier"); diffuse noise is called split on 13 to 16 % of items with
    4 or 5 ratings, 9 % with 8 or 12; one planted dissenter is called outlier on 50 to 70 % of items. On two or three levels
    noise cannot be told from two readings: up to 24 % of plain items with 4 or 5 ratings part in two.
    """
    one_left, two_groups = (nominal_cuts if units.nominal else ordered_cuts)(units)
    return np.select([excess <= 0, one_left, two_groups], ["agree", "outlier", "split"], "noise")


def nominal_cuts(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Whether all but one rating name one level; whether two levels hold nearly all ratings, both of them often."""
    n = units.frame["n_ratings"].to_numpy()
    counts = units.cells.groupby(["row", "place"]).size().rename("n").reset_index().sort_values(["row", "n"], ascending=[True, False])
    rank = counts.groupby("row").cumcount()
    most, next_most = (np.bincount(counts["row"][rank == k], counts["n"][rank == k], len(n)) for k in (0, 1))
    return (n >= 3) & (most == n - 1), (next_most >= np.maximum(2, SMALLER * n)) & (most + next_most >= (1 - SPLIT) * n)


def ordered_cuts(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """The same on a scale: every unit's sorted ratings are cut at each place, and squared distances within compared."""
    unit, x = units.cells["row"].to_numpy(), units.cells["place"].to_numpy()   # sorted by place within a unit
    n = units.frame["n_ratings"].to_numpy()
    start = np.concatenate([[0], np.cumsum(n)[:-1]])
    below = np.arange(len(x)) - start[unit] + 1                                # ratings up to and with this one
    sums, squares = np.cumsum(x), np.cumsum(x**2)
    low_sum, low_squares = (c - np.concatenate([[0], c])[start][unit] for c in (sums, squares))
    all_sum, all_squares = np.bincount(unit, x, len(n))[unit], np.bincount(unit, x**2, len(n))[unit]
    above = n[unit] - below
    low = low_squares - low_sum**2 / below
    high = np.where(above > 0, all_squares - low_squares - (all_sum - low_sum) ** 2 / np.maximum(above, 1), 0)
    whole = all_squares - all_sum**2 / n[unit]
    left = (low + high) / np.where(whole > 0, whole, 1)
    pairs = (n * (n - 1) / np.maximum((n - 1) * (n - 2), 1))[unit]             # from squares to mean distances
    alone = ((below == 1) | (above == 1)) & (n[unit] >= 3) & (left * pairs <= OUTLIER)
    least = np.maximum(2, SMALLER * n)[unit]
    halves = (below >= least) & (above >= least) & (left <= SPLIT)
    return tuple(np.bincount(unit, hit, len(n)) > 0 for hit in (alone, halves))
