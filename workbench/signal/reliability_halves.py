"""Split halves: do two random halves of the prompts rank the systems alike?"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench import resample
from workbench.signal.components import GROUPS, coded
from workbench.signal.reliability_groups import Group

SPLITS = 100


def split_half(group: Group, *, confidence: float, seed: int) -> tuple[float, float, float, str]:
    """Mean rank correlation (Spearman 1904) of systems' means on random halves of the prompts (items), stepped up to all of them
    (Spearman-Brown, 2r / (1 + r)): value, low, high, and why there is none.

    Raters are common to the halves: what rater x system adds counts as repeated. The interval is a jackknife over groups of prompts,
    on Fisher's z.
    """
    unit = coded(group.codes["prompt" if "prompt" in group.codes else "item"])
    system, shape = group.codes["system"], (int(unit.max()) + 1, int(group.codes["system"].max()) + 1)
    if shape[1] < 3 or shape[0] < 2 * GROUPS:
        why = "fewer than three systems have no ranking to split" if shape[1] < 3 else f"fewer than {2 * GROUPS} prompts to split"
        return math.nan, math.nan, math.nan, why
    place = unit * shape[1] + system
    n, total = (np.bincount(place, weight, math.prod(shape)).reshape(shape) for weight in (None, group.score))
    rng = np.random.default_rng(seed)
    half, part = rng.random((SPLITS, shape[0])) < 0.5, rng.permutation(shape[0]) % GROUPS
    every = (half @ n, ~half @ n, half @ total, ~half @ total)
    gone = [[side[:, part == g] @ table[part == g] for table in (n, total) for side in (half, ~half)] for g in range(GROUPS)]
    value = ranked_alike(*every)
    left = np.array([ranked_alike(*(whole - less for whole, less in zip(every, lost))) for lost in gone])
    if not np.isfinite([value, *left]).all():
        return math.nan, math.nan, math.nan, "halves do not hold all systems"
    se = math.sqrt((GROUPS - 1) / GROUPS * ((left - left.mean()) ** 2).sum())
    low, high = resample.z_interval(value, se, GROUPS - 1, confidence)
    return stepped_up(value), stepped_up(low), stepped_up(high), ""


def ranked_alike(n_one: np.ndarray, n_other: np.ndarray, total_one: np.ndarray, total_other: np.ndarray) -> float:
    """Mean over splits of the rank correlation of two halves' means, from counts and totals, (splits, systems) each."""
    if not (n_one > 0).all() or not (n_other > 0).all():
        return math.nan
    one, other = (pd.DataFrame(total / n).rank(axis=1).to_numpy() for total, n in ((total_one, n_one), (total_other, n_other)))
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return float(np.mean((one * other).sum(axis=1)[size > 0] / size[size > 0])) if (size > 0).any() else math.nan


def stepped_up(correlation: float) -> float:
    """The correlation of measures twice as long; one below 0, which no length explains, as it is."""
    return 2 * correlation / (1 + correlation) if correlation > 0 else correlation
