"""Who gave which rating: the one in-memory panel of all that needs to know who rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import columns_of

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.resample import Terms

# Cells of an (items, levels) table held densely.
DENSE_CELLS = 20_000_000


@dataclass(frozen=True)
class Identified:
    """One group's ratings as codes of item, rater and level (-1: none), and scores, (R,) each, by item and within it by rater.

    names: (J,) ids of the raters, who are numbered in their order. cluster: (n_items,) the cluster an item lies in, or None.
    """

    item: np.ndarray
    rater: np.ndarray
    level: np.ndarray
    score: np.ndarray
    names: np.ndarray
    cluster: np.ndarray | None = None

    @staticmethod
    def of(frame: pd.DataFrame, cluster: str | None = None) -> Identified:
        """From the rows of `cells` of one group, which stand by item."""
        item, rater, names = frame["unit"].factorize()[0], *frame["rater_id"].factorize(sort=True)
        order = np.lexsort((rater, item))   # the engine may sort ids otherwise
        level, score = frame["level"].astype("float64").fillna(-1).to_numpy().astype(int), frame["score"].to_numpy(dtype=float)
        of_item = None if cluster is None else clusters(frame[cluster].iloc[order[first_of(item[order])]])
        return Identified(item[order], rater[order], level[order], score[order], np.asarray(names), of_item)

    @cached_property
    def size(self) -> np.ndarray:
        """How many ratings each item has, (n_items,)."""
        return np.bincount(self.item)

    @property
    def n_items(self) -> int:
        """Items rated."""
        return len(self.size)

    @property
    def n_raters(self) -> int:
        """Raters who rated them."""
        return len(self.names)

    def counts(self, q: int) -> Terms:
        """Ratings of each item at each of `q` levels, (n_items, q); sparse where the table would be large."""
        return table(self.item, self.level, (self.n_items, q))

    def by_rater(self, q: int) -> np.ndarray:
        """Ratings of each rater at each of `q` levels, (n_raters, q)."""
        return np.bincount(self.rater * q + self.level, minlength=self.n_raters * q).reshape(self.n_raters, q).astype(float)

    def rater_levels(self, q: int) -> Terms:
        """Per item how often each rater gave each level, (n_items, n_raters q), sparse."""
        return table(self.item, self.rater * q + self.level, (self.n_items, self.n_raters * q), dense=False)


def identified(ratings: Ratings, *, by: Sequence[str] = (), cluster: str | None = None) -> dict[tuple[object, ...], Identified]:
    """The ratings of each group that has any, by the values of its key. Memory grows with the ratings; kept with the source, for
    coding ids costs more than most statistics."""
    from workbench.reduce import cells
    from workbench.reduce.collect import remembered

    def make() -> dict[tuple[object, ...], Identified]:
        found = cells(ratings, by=by, cluster=cluster)
        return {key: Identified.of(frame, cluster) for key, frame in parts_of(found, by).items()}
    return remembered(ratings, ("identified", columns_of(by), cluster), make)


def parts_of(frame: pd.DataFrame, by: Sequence[str]) -> dict[tuple[object, ...], pd.DataFrame]:
    """The rows of each group, by the values of its key, None where one is missing."""
    parts = frame.groupby(list(by), dropna=False, sort=False) if by else [((), frame)]
    return {tuple(None if pd.isna(part) else part for part in key): rows for key, rows in parts}


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


def shares_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the levels and number of ratings, from counts (..., q); shares without a rating are 0."""
    n = counts.sum(axis=-1)
    return counts / np.where(n == 0, 1, n)[..., None], n


def of_ratings(panel: Identified, counts: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Each rating's influence, (R,), on what has this slope (J, q) in the raters' shares of the levels; `counts` (J, q)."""
    shares, n = shares_of(counts)
    pull = (slope - (slope * shares).sum(axis=1, keepdims=True)) / np.maximum(n, 1)[:, None]
    return pull[panel.rater, panel.level]
