"""Who gave which rating: the arrays of a group for coefficients whose chance comes from each rater's own shares of the levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import Sums

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.resample import Terms

# Cells of an (items, levels) table held densely.
DENSE_CELLS = 20_000_000


@dataclass(frozen=True)
class Identified:
    """One group's ratings as codes of item, rater and level, (R,) each, by item and within it by rater.

    Raters are numbered in the order of their ids. `cluster` (n_items,): the cluster an item lies in, or None.
    """

    item: np.ndarray
    rater: np.ndarray
    level: np.ndarray
    cluster: np.ndarray | None
    n_items: int
    n_raters: int

    @staticmethod
    def of(frame: pd.DataFrame, cluster: str | None = None) -> Identified:
        """From the rows of `cells` of one group."""
        item, items = frame["unit"].factorize(sort=True)
        rater, names = frame["rater_id"].factorize(sort=True)
        order = np.lexsort((rater, item))
        of_item = None if cluster is None else clusters(frame[cluster].iloc[order[first_of(item[order])]])
        return Identified(item[order], rater[order], frame["level"].to_numpy(dtype=int)[order], of_item, len(items), len(names))

    @property
    def size(self) -> np.ndarray:
        """How many ratings each item has, (n_items,)."""
        return np.bincount(self.item, minlength=self.n_items)

    def counts(self, q: int) -> Terms:
        """Ratings of each item at each of `q` levels, (n_items, q); sparse where the table would be large."""
        return table(self.item, self.level, (self.n_items, q))

    def by_rater(self, q: int) -> np.ndarray:
        """Ratings of each rater at each of `q` levels, (n_raters, q)."""
        return np.bincount(self.rater * q + self.level, minlength=self.n_raters * q).reshape(self.n_raters, q).astype(float)


def identified(ratings: Ratings, *, by: Sequence[str], cluster: str | None) -> dict[tuple[object, ...], Identified]:
    """The ratings of each group that has any, by the values of its key. Memory grows with the ratings."""
    from workbench.reduce import cells
    from workbench.reduce.collect import remembered

    def make() -> dict[tuple[object, ...], Identified]:
        found = cells(ratings, by=by, extra=[cluster] if cluster else [])
        parts = found.groupby(list(by), dropna=False, sort=False) if by else [((), found)]
        return {tuple(None if part != part else part for part in key): Identified.of(frame, cluster) for key, frame in parts}
    return remembered(ratings, ("identified", tuple(by), cluster), make)


def first_of(item: np.ndarray) -> np.ndarray:
    """Where each item's ratings begin; `item` (R,) in order."""
    return np.flatnonzero(np.diff(item, prepend=-1))


def clusters(column: pd.Series) -> np.ndarray:
    """Codes of a cluster column; an item without a cluster is one by itself."""
    code, known = column.astype("object").factorize()
    return np.where(code < 0, len(known) + np.arange(len(code)), code)


def table(row: np.ndarray, column: np.ndarray, shape: tuple[int, int], *, dense: bool = True) -> Terms:
    """How often each row meets each column, as a sparse array unless `dense` and small."""
    if dense and shape[0] * shape[1] <= DENSE_CELLS:
        return np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(row)), (row, column)), shape=shape)


def undefined(reason: str, *, n_items: int = 0, n_ratings: int = 0) -> Sums:
    """What a group without a value leaves of a coefficient: the reason, and how much was looked at."""
    return Sums(formula=lambda totals: totals[..., 0], terms=np.zeros((0, 1)), weight=np.zeros(0), cluster=None, n_items=n_items,
                n_ratings=n_ratings, reason=reason)
