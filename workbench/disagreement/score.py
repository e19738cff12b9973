"""Is disagreement higher in a group of items than elsewhere, given who rated them? A score test; its unit is the block of items."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.disagreement.units import Units, fitted

ENOUGH = 10.0     # effective blocks below which neither test nor interval is trusted
OVERLAP = 0.05    # share of a group's variation that its raters must leave open


@dataclass(frozen=True)
class Contrast:
    """A group against elsewhere: `effect` with `low` and `high`, `p` (two-sided), or the reason why there is none."""

    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    note: str = ""


def contrasts(units: Units, members: np.ndarray, *, within: np.ndarray | None = None, confidence: float = 0.95) -> list[Contrast]:
    """A contrast for each column of `members` (U, K), true for the units of a group.

    Disagreement and membership are both cleared of the raters' noise, and of the means of the strata `within` (U,)
    (rubric versions); what is left of them is multiplied and summed in each block.
    """
    from scipy.sparse import csr_array, hstack

    design = units.design
    if within is not None and len(within):
        strata = csr_array((np.ones(len(within)), (np.arange(len(within)), within)))
        design = hstack([design, strata]).tocsr()
    y = units.beyond - fitted(design, units.beyond)
    inside = members.astype(float)
    open_part = inside - fitted(design, inside)
    blocks, found = units.blocks, []
    for k in range(members.shape[1]):
        a, b = np.bincount(blocks, open_part[:, k] * y), np.bincount(blocks, open_part[:, k] ** 2)
        share = inside[:, k].mean()
        if b.sum() < OVERLAP * len(inside) * share * (1 - share):
            found.append(Contrast(note="its raters rate little else: it cannot be told from them"))
        else:
            found.append(score_contrast(a, b, confidence, lost=design.shape[1] / len(y)))
    return found


def score_contrast(a: np.ndarray, b: np.ndarray, confidence: float, *, lost: float = 0.0) -> Contrast:
    """Effect sum(a) / sum(b), with the effects that a score test with variance sum (a - effect b)^2 does not refuse.

    a, b: (blocks,) products and squares of regressors cleared of others; `lost`: the share of degrees of freedom that took.
    The null's own residuals set the scale (Boos 1992, doi:10.1080/00031305.1992.10475921), so that a few units that happen to agree
    do not look certain.
    """
    from scipy.special import ndtr, ndtri

    total, size = a.sum(), b.sum()
    if size <= 0 or size**2 < ENOUGH * (b @ b):
        return Contrast(note=f"fewer than {ENOUGH:g} items or prompts' worth to compare")
    if not a @ a:
        return Contrast(effect=total / size, note="no disagreement differs")
    wider = 1 / max(1 - lost, 0.1)
    reach = float(ndtri((1 + confidence) / 2)) ** 2 * wider
    square, middle, rest = size**2 - reach * (b @ b), total * size - reach * (a @ b), total**2 - reach * (a @ a)
    width = math.sqrt(max(middle**2 - square * rest, 0))
    p = 2 * float(ndtr(-abs(total) / math.sqrt(wider * (a @ a))))
    return Contrast(total / size, (middle - width) / square, (middle + width) / square, p)


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q (1995), nan where p is: the least false share at which a test is still among those kept."""
    q, known = np.full(len(p), np.nan), np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1)
    return q
