"""Is disagreement higher in a group of items than elsewhere, given who rated them? A score test; its unit is the block of items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from workbench.disagreement.units import Units, solved

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ENOUGH = 10.0     # effective blocks below which neither test nor interval is trusted
OVERLAP = 0.05    # share of a group's variation that its raters must leave open
NULL_WEIGHT = 10  # tests' worth of belief that nothing differs, as Stephens (2017) has it


@dataclass(frozen=True)
class Ground:
    """What groups are contrasted on: disagreement beyond severities, the raters' noise to be taken out, and the blocks. (U, ...)"""

    beyond: np.ndarray
    design: csr_array
    blocks: np.ndarray

    def part(self, keep: np.ndarray) -> Ground:
        """The units that are true in `keep` (U,)."""
        return Ground(self.beyond[keep], self.design[keep], self.blocks[keep])

    @cached_property
    def normal(self) -> np.ndarray:
        """(R, R) products of the raters' columns."""
        return (self.design.T @ self.design).toarray()

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each entry of the design."""
        return np.repeat(np.arange(len(self.beyond)), np.diff(self.design.indptr)), self.design.indices.astype(np.int64)

    def products(self, codes: np.ndarray, n: int) -> np.ndarray:
        """(R, n) products of the raters' columns with the groups 0 to n - 1 of `codes` (U,); -1 is in none."""
        row, column = self.entries
        group = codes[row]
        inside = group >= 0
        flat = np.bincount(column[inside] * n + group[inside], self.design.data[inside], self.design.shape[1] * n)
        return flat.reshape(-1, n)


def ground_of(units: Units) -> Ground:
    """What the groups of these units are contrasted on."""
    return Ground(units.beyond, units.design, units.blocks)


@dataclass(frozen=True)
class Contrast:
    """A group against elsewhere, from `score_contrast`: the sums over blocks that make its effect, p and interval; or why there is none."""

    total: float = math.nan
    size: float = math.nan
    squares: tuple[float, float, float] = (math.nan, math.nan, math.nan)    # of a, of a and b, of b
    wider: float = 1.0
    note: str = ""

    @property
    def effect(self) -> float:
        """Disagreement more than elsewhere."""
        return self.total / self.size

    @property
    def se(self) -> float:
        """Standard error of the effect where there is none; nan without a test."""
        return math.sqrt(self.wider * self.squares[0]) / self.size

    @property
    def p(self) -> float:
        """Two-sided."""
        from scipy.special import ndtr

        return 2 * float(ndtr(-abs(self.effect / self.se))) if self.se > 0 else math.nan

    def ends(self, confidence: float) -> tuple[float, float]:
        """The least and the largest effect that the test does not refuse; nan where no number of units would make it refuse."""
        from scipy.special import ndtri

        reach = float(ndtri((1 + confidence) / 2)) ** 2 * self.wider
        aa, ab, bb = self.squares
        square, middle, rest = self.size**2 - reach * bb, self.total * self.size - reach * ab, self.total**2 - reach * aa
        if not square > 0 or not aa > 0:
            return math.nan, math.nan
        width = math.sqrt(max(middle**2 - square * rest, 0))
        return (middle - width) / square, (middle + width) / square


def contrasts(ground: Ground, codes: np.ndarray, n: int, *, within: Sequence[np.ndarray] = ()) -> list[Contrast]:
    """A contrast for each of the groups 0 to n - 1 of `codes` (U,); -1 is in none.

    Disagreement and membership are both cleared of the raters' noise, and of the means of the strata in `within`, each (U,) codes
    from 0; what is left of them is multiplied and summed in each block.
    """
    y, design, strata = ground.beyond, ground.design, [(s, int(s.max(initial=-1)) + 1) for s in within]
    left = np.block(_normal(ground, strata))
    sums = [np.column_stack([design.T @ y, ground.products(codes, n)])]
    sums += [np.column_stack([np.bincount(s, y, k), crossed(s, k, codes, n)]) for s, k in strata]
    fit = np.split(solved(left, np.vstack(sums)), np.cumsum([design.shape[1], *(k for _, k in strata)])[:-1])

    def cleared(of: np.ndarray, k: int) -> np.ndarray:
        return of - design @ fit[0][:, k] - sum(part[s, k] for part, (s, _) in zip(fit[1:], strata))

    rest, found = cleared(y, 0), []
    for k in range(n):
        inside = codes == k
        open_part, share = cleared(inside.astype(float), k + 1), inside.mean()
        a, b = np.bincount(ground.blocks, open_part * rest), np.bincount(ground.blocks, open_part**2)
        if b.sum() < OVERLAP * len(y) * share * (1 - share):
            found.append(Contrast(note="its raters rate little else: it cannot be told from them"))
        else:
            found.append(score_contrast(a, b, lost=len(left) / len(y)))
    return found


def _normal(ground: Ground, strata: Sequence[tuple[np.ndarray, int]]) -> list[list[np.ndarray]]:
    """The blocks of the normal matrix of raters and strata."""
    sides = [ground.products(s, k) for s, k in strata]
    rows = [[ground.normal, *sides]]
    return rows + [[side.T, *(crossed(s, k, t, m) for t, m in strata)] for side, (s, k) in zip(sides, strata)]


def crossed(s: np.ndarray, k: int, t: np.ndarray, m: int) -> np.ndarray:
    """(k, m) units in each pair of groups of the codes s and t; -1 is in none."""
    both = (s >= 0) & (t >= 0)
    return np.bincount(s[both].astype(np.int64) * m + t[both], minlength=k * m).reshape(k, m).astype(float)


def score_contrast(a: np.ndarray, b: np.ndarray, *, lost: float = 0.0) -> Contrast:
    """Effect sum(a) / sum(b), with the effects that a score test with variance sum (a - effect b)^2 does not refuse.

    a, b: (blocks,) products and squares of regressors cleared of others; `lost`: the share of degrees of freedom that took.
    The null's own residuals set the scale (Boos 1992, doi:10.1080/00031305.1992.10475921), so that a few units that happen to agree
    do not look certain.
    """
    total, size = float(a.sum()), float(b.sum())
    if size <= 0 or size**2 < ENOUGH * (b @ b):
        return Contrast(note=f"fewer than {ENOUGH:g} items or prompts' worth to compare")
    squares = float(a @ a), float(a @ b), float(b @ b)
    return Contrast(total, size, squares, 1 / max(1 - lost, 0.1), "" if squares[0] else "no disagreement differs")


def coverage_of_the_selected(n_selected: int, n_tests: int, confidence: float) -> float:
    """The coverage each of the selected intervals needs, that all of them miss no more often than 1 - confidence on average.

    Benjamini and Yekutieli (2005), doi:10.1198/016214504000001907: the false coverage rate.
    """
    return 1 - (1 - confidence) * n_selected / n_tests


def shrunk(effect: np.ndarray, se: np.ndarray) -> np.ndarray:
    """Effects as the whole set of them lets expect: posterior means, under a mixture of normals around 0 fitted to the set; nan stays.

    Stephens (2017), doi:10.1093/biostatistics/kxw041: many weak effects shrink nearly to 0, a strong one hardly at all.
    """
    kept, known = np.full(len(effect), np.nan), np.isfinite(effect) & (se > 0)
    if not known.any():
        return kept
    x, error = effect[known], se[known]
    most = max(2 * math.sqrt(max((x**2 - error**2).max(), 0)), error.min())
    spread = np.concatenate([[0], np.geomspace(error.min() / 10, most, 12)])
    variance = spread**2 + error[:, None] ** 2
    likely = -0.5 * (np.log(variance) + x[:, None] ** 2 / variance)
    likely = np.exp(likely - likely.max(axis=1, keepdims=True))
    prior = np.where(spread == 0, NULL_WEIGHT - 1, 0)
    weight = np.full(len(spread), 1 / len(spread))
    for _ in range(200):
        part = likely * weight
        part /= part.sum(axis=1, keepdims=True)
        weight = (part.sum(axis=0) + prior) / (len(x) + prior.sum())
    part = likely * weight
    kept[known] = x * (part * spread**2 / variance).sum(axis=1) / part.sum(axis=1)
    return kept
