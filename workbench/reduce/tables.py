"""The small tables that statistics are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CLUSTER = "_cluster"    # the name under which a cluster is grouped by


@dataclass(frozen=True)
class Patterns:
    """One group's items, equal ones merged.

    key: the group, `by` column -> level. counts: (P, q) ratings of an item at each level; a scipy CSR matrix where
    the levels are too many to hold densely. weight: (P,) items that show this pattern. cluster: (P,) codes, or None.
    levels, values: (q,) names and numbers of the levels, in order. Items rated once are in it.
    n_ratings counts the ratings in `counts`; n_dropped those of the group that the panel left out.
    """

    key: Mapping[str, object]
    counts: Any
    weight: np.ndarray
    cluster: np.ndarray | None
    levels: tuple[str, ...]
    values: np.ndarray
    scale: str
    n_items: int
    n_raters: int
    n_ratings: int
    n_dropped: int
    note: str


@dataclass(frozen=True)
class Moments:
    """One group's items by the moments of their scores, equal ones merged.

    n, total, squares: (P,) count, sum and sum of squares of an item's scores, less `center`. weight: (P,) items alike.
    The other fields are those of `Patterns`.
    """

    key: Mapping[str, object]
    n: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    center: float
    weight: np.ndarray
    cluster: np.ndarray | None
    scale: str
    n_items: int
    n_raters: int
    n_ratings: int
    n_dropped: int
    note: str


class Counted(NamedTuple):
    """Ratings that count, (R,) each: their row, unit, rater, level; of each unit its group; the groups; and whether a rater repeats."""

    rows: np.ndarray
    unit: np.ndarray
    person: np.ndarray
    level: np.ndarray
    group: np.ndarray
    keys: pd.DataFrame
    repeated: bool
