"""What an item contributes to alpha with all its ratings, and with one of them taken out."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import as_array, row_sums
from workbench.agreement.krippendorff import TERMS, moment_terms

if TYPE_CHECKING:
    from workbench.resample import Formula, Terms

# Beyond this many levels items are not merged, and an ordinal scale's distances are those of all ratings, with or without one.
FEW_LEVELS = 16


@dataclass(frozen=True)
class Removal:
    """Terms of items with all ratings, `before` (P, m), and with one taken out, `after` (C, m), which came from row `old` (C,).

    `weight` (P,) items; `row` (R,) the row of `after` that taking out each rating leads to. Alpha is `formula(weight @ before)`.
    """

    before: Terms
    after: Terms
    old: np.ndarray
    weight: np.ndarray
    row: np.ndarray
    formula: Formula


def removals(item: np.ndarray, level: np.ndarray, score: np.ndarray, scale: str, values: np.ndarray) -> Removal:
    """What taking out each rating (R,) does to its item's terms. Items have two or more; `values` (q,) are the levels'."""
    item = np.unique(item, return_inverse=True)[1]
    if scale == "interval" or (scale == "ordinal" and len(values) > FEW_LEVELS):
        return _removals_of_scores(item, score if scale == "interval" else _midranks(level))
    q = len(values)
    if q <= FEW_LEVELS:
        counts = np.bincount(item * q + level, minlength=(item.max() + 1) * q).reshape(-1, q).astype(float)
        pattern = pd.DataFrame(counts).groupby(list(range(q)), sort=False).ngroup().to_numpy()
        counts = counts[np.unique(pattern, return_index=True)[1]]
    else:
        from scipy.sparse import csr_array

        pattern = np.arange(item.max() + 1)
        counts = csr_array((np.ones(len(item)), (item, level)), shape=(len(pattern), q))
    combination, row = np.unique(pattern[item] * q + level, return_inverse=True)
    old, taken = np.divmod(combination, q)
    after = counts[old] - _one_at(taken, q, sparse=q > FEW_LEVELS)
    every = SimpleNamespace(counts=_stack(counts, after), values=values)
    n = row_sums(every.counts)
    terms, formula = TERMS[scale](every, slice(None), np.maximum(n, 2))
    terms = as_array(terms) * (n >= 2)[:, None]
    terms = terms if isinstance(terms, np.ndarray) else terms.tocsr()
    p = counts.shape[0]
    return Removal(terms[:p], terms[p:], old, np.bincount(pattern, minlength=p).astype(float), row, formula)


def _removals_of_scores(item: np.ndarray, score: np.ndarray) -> Removal:
    """The same from counts, sums and squares of scores, a row an item and a row a rating."""
    score = score - score.mean()
    n, total, squares = (np.bincount(item, x) for x in (np.ones(len(item)), score, score**2))
    left = np.concatenate([n, n[item] - 1])
    weight = np.append(np.ones(len(n)), np.zeros(len(item)))
    terms, formula = moment_terms(np.maximum(left, 2), np.concatenate([total, total[item] - score]),
                                  np.concatenate([squares, squares[item] - score**2]), weight)
    terms = terms * (left >= 2)[:, None]
    return Removal(terms[:len(n)], terms[len(n):], item, np.ones(len(n)), np.arange(len(item)), formula)


def _midranks(level: np.ndarray) -> np.ndarray:
    """Each rating's midrank among all, (R,)."""
    n = np.bincount(level)
    return (np.cumsum(n) - n / 2)[level]


def _one_at(level: np.ndarray, q: int, *, sparse: bool) -> Terms:
    """A row for each code with 1 in its column, (C, q)."""
    from scipy.sparse import csr_array

    ones = csr_array((np.ones(len(level)), (np.arange(len(level)), level)), shape=(len(level), q))
    return ones if sparse else ones.toarray()


def _stack(above: Terms, below: Terms) -> Terms:
    """Rows of both."""
    if isinstance(above, np.ndarray):
        return np.concatenate([above, below])
    from scipy.sparse import vstack

    return vstack([above, below], format="csr")
