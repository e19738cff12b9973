"""What makes the means of two systems differ by chance: how prompts differ within a system, and what systems share on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

GROUPS = 20              # of prompts, left out in turn for the jackknife
PAIRED = 0.5             # share of the prompts of a system that others answer too, from which on systems are paired


@dataclass(frozen=True)
class Design:
    """Ratings of one group as integer codes, (N,) each: score, item, rater, stratum (a system under a rubric version), prompt
    or None."""

    score: np.ndarray
    item: np.ndarray
    rater: np.ndarray
    stratum: np.ndarray
    prompt: np.ndarray | None

    def only(self, kept: np.ndarray) -> Design:
        """Some of the ratings."""
        parts = (self.item, self.rater, self.stratum, self.prompt)
        return Design(self.score[kept], *[p if p is None else p[kept] for p in parts])


@dataclass(frozen=True)
class Components:
    """What two systems' means rest on. An item stands for its prompt where prompts are not known.

    difference: variance that one prompt adds to the difference of two systems' means, so that it has variance difference / prompts.
    total: variance of one rating within a system. within: variance of one rating within its item. per_item: ratings of an item
    (harmonic mean). per_prompt: items of a system on a prompt. paired: whether systems are compared on common prompts. overlap:
    the share of an item's raters who rated another system's item on the prompt. note: what could not be told.
    """

    difference: float
    total: float
    within: float
    per_item: float
    per_prompt: float
    paired: bool
    overlap: float = 0.0
    note: str = ""


def components(design: Design) -> Components:
    """Variances within systems, from the means of each system on each prompt; nan where no system has two prompts.

    As many prompts of each system: the mean, over pairs of systems, of the sample variance of a prompt's difference (paired), or of
    the sum of the two systems' variances. It holds whatever raters add, who are taken to be assigned at random.
    """
    n = len(design.score)
    cell, stratum, prompt, items = cells_of(design)
    if len(cell) <= stratum.max(initial=0) + 1:
        return Components(*[math.nan] * 3, n / items if n else math.nan, 1.0, False, note="too few items of one system")
    per_item, per_prompt = items / np.sum(1 / np.bincount(coded(design.item))), items / len(cell)
    found, paired = difference(cell, stratum, prompt)
    squares = ((design.score - mean_of(design.score, design.stratum)) ** 2).sum()
    once = n == items
    within = math.nan if once else ((design.score - mean_of(design.score, design.item)) ** 2).sum() / (n - items)
    return Components(found, float(squares / max(n - stratum.max() - 1, 1)), float(within), float(per_item), float(per_prompt), paired,
                      common_raters(design) if paired else 0.0,
                      "items are rated once: what a second rating would tell is not known" if once else "")


def difference(cell: np.ndarray, stratum: np.ndarray, prompt: np.ndarray) -> tuple[float, bool]:
    """Variance of one prompt's difference of two systems, and whether they are paired, from the means of cells and their codes, (C,)."""
    size, count = np.bincount(stratum), np.bincount(prompt)
    free = len(cell) - (size > 0).sum()
    centred = cell - (np.bincount(stratum, cell) / np.maximum(size, 1))[stratum]
    pairs = (count * (count - 1)).sum()
    if free < 1:
        return math.nan, False
    paired = bool(pairs and (count[prompt] > 1).mean() >= PAIRED)
    shared = (np.bincount(prompt, centred) ** 2 - np.bincount(prompt, centred**2)).sum() / pairs * len(cell) / free if paired else 0.0
    return float(2 * max((centred**2).sum() / free - shared, 0.0)), paired


def cells_of(design: Design) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Each system's mean on each prompt with their codes, and the number of items."""
    unit = design.item if design.prompt is None else design.prompt
    place = pair_codes(design.stratum, unit)
    prompt = coded(of_first(unit, place))
    mean = np.bincount(place, design.score) / np.bincount(place)
    return mean, coded(of_first(design.stratum, place)), prompt, int(coded(design.item).max(initial=-1)) + 1


def coded(values: np.ndarray) -> np.ndarray:
    """Codes from 0, one for each value, in the order of first sight; by hashing, in time linear in the values."""
    return pd.factorize(values)[0]


def pair_codes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One code for each pair of codes."""
    return coded(first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second)


def of_first(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The outer code of each inner code, which lies in one outer one."""
    found = np.zeros(int(inner.max(initial=-1)) + 1, dtype=int)
    found[inner] = outer
    return found


def mean_of(y: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The mean of each value's code, (N,)."""
    code = coded(code)
    return (np.bincount(code, y) / np.bincount(code))[code]


def common_raters(design: Design) -> float:
    """Share of an item's raters who rated another system on its prompt: 1 if all did, 0 if none."""
    cell = pair_codes(design.stratum, design.prompt)
    weight = 1 / np.bincount(cell)[cell]
    met, given = (pair_codes(code, design.rater) for code in (design.prompt, cell))
    systems = np.bincount(coded(of_first(design.prompt, cell)))
    both = (np.bincount(met, weight) ** 2).sum() - (np.bincount(given, weight) ** 2).sum()
    alone = (np.bincount(given, weight) ** 2).sum() / len(systems[systems > 0])
    return float(min(both / (systems * (systems - 1)).sum() / (alone / systems.mean()), 1.0))


def jackknife(design: Design, seed: int) -> tuple[float, int]:
    """Standard error of the logarithm of `difference`, by leaving out groups of prompts (items) in turn, and its degrees of freedom; nan
    where it is not above 0 without one of them."""
    cell, stratum, prompt, _ = cells_of(design)
    size = int(prompt.max(initial=-1)) + 1
    groups = min(GROUPS, size)
    if groups < 3:
        return math.nan, 0
    place = (np.random.default_rng(seed).permutation(size) % groups)[prompt]
    left = np.array([difference(*(codes[place != g] for codes in (cell, stratum, prompt)))[0] for g in range(groups)])
    if not (left > 0).all():
        return math.nan, 0
    logs = np.log(left)
    return math.sqrt((groups - 1) / groups * ((logs - logs.mean()) ** 2).sum()), groups - 1
