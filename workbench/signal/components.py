"""Where the variance of ratings comes from: items, prompts that systems share, raters, and the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

GROUPS = 20              # of prompts, left out in turn for the jackknife


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
    """Variances within a system: of items (prompts in it), of what items of one prompt share, of raters, of the residual.

    per_item: ratings of an item (harmonic mean). paired: whether systems are compared on common prompts. note: what could not
    be told. alike: what two items of one system on one prompt share; per_prompt: such items on the prompt of an average item.
    """

    item: float
    prompt: float
    rater: float
    residual: float
    per_item: float
    paired: bool
    note: str = ""
    alike: float = 0.0
    per_prompt: float = 1.0

    @property
    def total(self) -> float:
        """Variance of one rating within a system."""
        return self.item + self.rater + self.residual

    @property
    def difference(self) -> float:
        """Variance that one item of each of two systems contributes to the difference of their means.

        A system's items on one prompt count as one to the extent that they are alike (Kish's design effect), less what the other
        system's items on the prompt share with them.
        """
        shared = self.prompt if self.paired else 0.0
        mean = self.item + (self.rater + self.residual) / self.per_item
        return 2 * max(mean - shared + (self.per_prompt - 1) * max(self.alike - shared, 0.0), 0.0)


def components(design: Design) -> Components:
    """Variances of items, raters and the rest, what items of one prompt share, and how many of a system they are."""
    alike, per_prompt = alike_in_prompt(design)
    return replace(crossed(design), alike=alike, per_prompt=per_prompt)


def crossed(design: Design) -> Components:
    """Variance components by the method of moments, unbalanced designs included; nan where nothing varies freely.

    With N ratings, A = within-item mean square estimates rater + residual, B = within-rater-and-system mean square item +
    residual, and the sum of squares within systems has expectation (N - k_i) item + (N - k_r) rater + (N - S) residual, k = sum
    n^2 / N_s (Searle, Casella, McCulloch 1992, ch. 5). On complete tables these are the two-way analysis of variance. Negative
    ones become 0.
    """
    y, n = design.score, len(design.score)
    items, of_rater = np.unique(design.item, return_inverse=True)[1], pair_codes(design.rater, design.stratum)
    stratum = np.unique(design.stratum, return_inverse=True)[1]
    sizes = [np.bincount(code) if n else np.zeros(0) for code in (items, of_rater, stratum)]
    free = [n - len(size) for size in sizes]
    per_item = len(sizes[0]) / np.sum(1 / sizes[0]) if n else math.nan
    if free[2] < 1:
        return Components(*[math.nan] * 4, per_item, False, "too few ratings of one system")
    squares = [within(y, code) for code in (items, of_rater, stratum)]
    prompt, paired = shared_by_prompt(design)
    if free[0] < 1 or free[1] < 1:
        total = squares[2] / free[2]
        note = "items are rated once: item and rater variance cannot be told from the residual" if free[0] < 1 else \
            "raters rate once: rater variance cannot be told from the residual"
        residual = total if free[0] < 1 else squares[0] / free[0]
        return Components(max(total - residual, 0.0), prompt, 0.0, residual, per_item, paired, note)
    a, b = squares[0] / free[0], squares[1] / free[1]
    weight = [n - (size**2 / sizes[2][of_first(stratum, code)]).sum() for size, code in zip(sizes, (items, of_rater))]
    spare = weight[0] + weight[1] - free[2]
    residual = (weight[0] * b + weight[1] * a - squares[2]) / spare if spare > 1e-9 * n else a
    note = "" if spare > 1e-9 * n else "raters and items are not crossed: rater variance is within the residual"
    residual = min(max(residual, 0.0), a)
    return Components(max(b - residual, 0.0), prompt, a - residual, residual, per_item, paired, note)


def pair_codes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One code for each pair of codes."""
    return np.unique(first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second, return_inverse=True)[1]


def of_first(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The outer code of each inner code, which lies in one outer one."""
    found = np.zeros(int(inner.max()) + 1, dtype=int)
    found[inner] = outer
    return found


def within(y: np.ndarray, code: np.ndarray) -> float:
    """Sum of squares about the means of the codes."""
    means = np.bincount(code, y) / np.bincount(code)
    return float(((y - means[code]) ** 2).sum())


def shared_by_prompt(design: Design) -> tuple[float, bool]:
    """Covariance of two systems' item means on one prompt, and whether half of the items have such a partner.

    It holds what the prompt and any raters common to its items give to both, and cancels from a paired difference.
    """
    if design.prompt is None or len(np.unique(design.stratum)) < 2:
        return 0.0, False
    place = np.unique(pair_codes(design.stratum, design.prompt), return_inverse=True)[1]
    mean = np.bincount(place, design.score) / np.bincount(place)
    stratum, prompt = of_first(design.stratum, place), np.unique(of_first(design.prompt, place), return_inverse=True)[1]
    count = np.bincount(prompt)
    centred = mean - (np.bincount(stratum, mean) / np.maximum(np.bincount(stratum), 1))[stratum]
    pairs = (count * (count - 1)).sum()
    if pairs == 0:
        return 0.0, False
    covariance = (np.bincount(prompt, centred) ** 2 - np.bincount(prompt, centred**2)).sum() / pairs
    return max(float(covariance), 0.0), bool((count[prompt] > 1).mean() >= 0.5)


def alike_in_prompt(design: Design) -> tuple[float, float]:
    """Covariance of two items' means on one prompt within a system, and the items that share the prompt of an average item."""
    if design.prompt is None or not len(design.score):
        return 0.0, 1.0
    item = np.unique(design.item, return_inverse=True)[1]
    mean = np.bincount(item, design.score) / np.bincount(item)
    stratum = of_first(np.unique(design.stratum, return_inverse=True)[1], item)
    cell = np.unique(of_first(pair_codes(design.stratum, design.prompt), item), return_inverse=True)[1]
    size = np.bincount(cell)
    pairs = (size * (size - 1)).sum()
    if pairs == 0:
        return 0.0, 1.0
    centred = mean - (np.bincount(stratum, mean) / np.maximum(np.bincount(stratum), 1))[stratum]
    covariance = (np.bincount(cell, centred) ** 2 - np.bincount(cell, centred**2)).sum() / pairs
    return max(float(covariance), 0.0), float((size**2).sum() / size.sum())


def jackknife(design: Design, statistic, seed: int) -> tuple[float, int]:
    """Standard error of log(statistic(design)) by leaving out groups of prompts (items) in turn, and its degrees of freedom."""
    unit = np.unique(design.item if design.prompt is None else design.prompt, return_inverse=True)[1]
    size = int(unit.max(initial=-1)) + 1
    groups = min(GROUPS, size)
    if groups < 3:
        return math.nan, 0
    place = np.random.default_rng(seed).permutation(size) % groups
    left = np.array([statistic(design.only(place[unit] != g)) for g in range(groups)])
    if not (np.isfinite(left) & (left > 0)).all():
        return math.nan, 0
    logs = np.log(left)
    return math.sqrt((groups - 1) / groups * ((logs - logs.mean()) ** 2).sum()), groups - 1
