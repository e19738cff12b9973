"""The parts of a change as a formula of totals: Shapley's shares of what raked margins move, scores within cells, and the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

ROUNDS = 200             # of raking; what it leaves goes to the part for combinations, so that parts always sum


@dataclass(frozen=True)
class Cells:
    """What totals stand for. A fine cell (F,) is a cell by its rater and rubric version, where these are told apart; fine cells of a
    cell stand together, from `starts` (K,) on. codes: the cells' levels in each column, (K,) each. linked (F,): whether the rater's
    severity is known."""

    codes: Sequence[np.ndarray]
    starts: np.ndarray
    linked: np.ndarray


def parts_formula(cells: Cells) -> Callable[..., np.ndarray]:
    """A function of totals (draws, 4 F), and of what rater and version add to each fine cell, a list of (draws, F), -> (draws, parts).

    Parts: mixes of the columns, of combinations (several columns), of each effect, within cells, not comparable.
    """
    def formula(totals: np.ndarray, effects: Sequence[np.ndarray] = ()) -> np.ndarray:
        """See above."""
        n_old, sum_old, n_new, sum_new = np.split(totals, 4, axis=-1)
        change = sum_new.sum(-1) / n_new.sum(-1) - sum_old.sum(-1) / n_old.sum(-1)
        added = sum(effects, np.zeros(()))
        known = [(n * cells.linked, (total - n * added) * cells.linked) for n, total in ((n_old, sum_old), (n_new, sum_new))]
        (size_old, score_old), (size_new, score_new) = ([np.add.reduceat(t, cells.starts, axis=-1) for t in side] for side in known)
        met = (size_old > 0) & (size_new > 0)
        p, q = (shares(n * met) for n in (size_old, size_new))
        m, n = (np.where(met, total / np.where(met, size, 1), 0) for total, size in ((score_old, size_old), (score_new, size_new)))
        level = (m + n) / 2
        within = ((p + q) / 2 * (n - m)).sum(-1)
        mixes, swapped = margin_mixes(p, q, level, cells.codes)
        together = [((q - swapped) * level).sum(-1)] if len(cells.codes) > 1 else []
        width = np.diff(cells.starts, append=totals.shape[-1] // 4)
        kept = np.repeat(met, width, axis=-1)
        of_effects = [((shares(known[1][0] * kept) - shares(known[0][0] * kept)) * effect).sum(-1) for effect in effects]
        apart = change - sum([*mixes, *together, *of_effects], within)
        none = (met | (np.add.reduceat(n_old + n_new, cells.starts, axis=-1) == 0)).all(-1) & cells.linked.all()   # only rounding is left
        return np.stack([*mixes, *together, *of_effects, within + apart * none, np.where(none, 0.0, apart)], axis=-1)
    return formula


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts over their sum; 0 where there are none."""
    return counts / np.where((total := counts.sum(-1, keepdims=True)) > 0, total, 1)


def margin_mixes(p: np.ndarray, q: np.ndarray, level: np.ndarray, codes: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Shapley's share of each column in swapping the margins of p for those of q, and p with all margins swapped."""
    if len(codes) < 2:
        return [((q - p) * level).sum(-1)] * len(codes), q
    size = len(codes)
    tables = {s: raked(p, q, [codes[i] for i in s]) for k in range(size + 1) for s in combinations(range(size), k)}
    worth = {s: (table * level).sum(-1) for s, table in tables.items()}
    mixes = []
    for i in range(size):
        gain = 0.0
        for s in worth:
            if i not in s:
                weight = math.factorial(len(s)) * math.factorial(size - len(s) - 1) / math.factorial(size)
                gain = gain + weight * (worth[tuple(sorted((*s, i)))] - worth[s])
        mixes.append(gain)
    return mixes, tables[tuple(range(size))]


def raked(p: np.ndarray, q: np.ndarray, codes: Sequence[np.ndarray]) -> np.ndarray:
    """p (draws, cells) moved to the margins of q in each column of `codes` by iterative proportional fitting."""
    members = [np.eye(code.max() + 1)[code] for code in codes]
    for _ in range(ROUNDS if len(codes) > 1 else len(codes)):
        moved = p
        for member in members:
            have, want = moved @ member, q @ member
            moved = moved * (np.divide(want, have, out=np.zeros_like(want), where=have > 0) @ member.T)
        done = np.abs(moved - p).max(initial=0) < 1e-13
        p = moved
        if done:
            break
    return p
