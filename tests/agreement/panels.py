"""Small panels for the tests: patterns from a matrix without an engine, published cases, and plain loops to compare with."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.agreement.estimate import Sampling, group_row
from workbench.reduce.tables import Moments, Patterns

# Gwet's functions for a table of two raters divide the variance by n, those for raw ratings by n - 1, as ours. n = 100.
TABLE_ERROR = (99 / 100) ** 0.5
SHARED = Path(__file__).resolve().parents[3] / "shared"


def oracle(name):
    """A published case, or a skip where the folder of published cases is absent."""
    path = SHARED / "oracles.json"
    if not path.exists():
        pytest.skip("the folder of published cases is not beside the project")
    return next(case for case in json.loads(path.read_text())["cases"] if case["name"] == name)


def frame_of(rows):
    """Rows of raters over items, None for a gap, as the frame `from_matrix` reads: index items, columns raters."""
    index = [f"item{i:03d}" for i in range(len(rows[0]))]
    return pd.DataFrame({f"rater{j}": pd.Series(row, index=index, dtype=object) for j, row in enumerate(rows)}).infer_objects()


def patterns_of(rows, levels=None, scale="nominal", values=None, cluster=None):
    """Patterns from rows of raters over items, one row an item; levels as they occur unless given."""
    levels = sorted({v for row in rows for v in row if v is not None}) if levels is None else list(levels)
    counts = np.array([[sum(row[i] == level for row in rows) for level in levels] for i in range(len(rows[0]))], dtype=float)
    if values is None:
        values = levels if all(isinstance(v, (int, float)) for v in levels) else range(len(levels))
    return from_counts(counts, levels=levels, values=values, scale=scale, n_raters=len(rows), cluster=cluster)


def from_counts(counts, levels=None, values=None, scale="nominal", n_raters=2, weight=None, cluster=None):
    """Patterns from counts (P, q); items without a rating are left out."""
    counts = np.asarray(counts, dtype=float)
    weight = np.ones(len(counts)) if weight is None else np.asarray(weight, dtype=float)
    rated = counts.sum(axis=1) > 0
    counts, weight = counts[rated], weight[rated]
    q = counts.shape[1]
    return Patterns(key={}, counts=counts, weight=weight, cluster=None if cluster is None else np.asarray(cluster)[rated],
                    levels=tuple(map(str, range(q) if levels is None else levels)),
                    values=np.asarray(range(q) if values is None else values, dtype=float), scale=scale,
                    n_items=int(weight.sum()), n_raters=n_raters, n_ratings=int(round(weight @ counts.sum(axis=1))), n_dropped=0,
                    note="")


def from_table(table, scale="nominal"):
    """Patterns of two raters from their table of levels by levels."""
    q = len(table)
    counts = [np.eye(q)[k] + np.eye(q)[j] for k in range(q) for j in range(q)]
    return from_counts(counts, weight=np.ravel(table), scale=scale)


def moments_of(group):
    """The same items by their moments."""
    values = group.values - group.values.mean()
    fields = {k: getattr(group, k) for k in ("key", "weight", "cluster", "n_items", "n_raters", "n_ratings", "n_dropped", "note")}
    return Moments(n=group.counts.sum(axis=1), total=group.counts @ values, squares=group.counts @ values**2,
                   center=group.values.mean(), scale="interval", **fields)


def row_of(sums, group, **sampling):
    """One row of estimates from what a coefficient needs of a group."""
    return group_row("coefficient", group, sums, Sampling(**sampling))


def alpha_by_loop(rows, distance):
    """1 - observed / expected over all ordered pairs of ratings, by counting. `distance(a, b, everything)`."""
    units = [[row[i] for row in rows if row[i] is not None] for i in range(len(rows[0]))]
    units = [unit for unit in units if len(unit) > 1]
    everything = [v for unit in units for v in unit]
    n = len(everything)
    observed = sum(distance(a, b, everything) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / n
    expected = sum(distance(a, b, everything) for a, b in permutations(everything, 2)) / (n * (n - 1))
    return 1 - observed / expected


def nominal(a, b, everything):
    return float(a != b)


def ordinal(a, b, everything):
    low, high = min(a, b), max(a, b)
    between = sum(low <= v <= high for v in everything) - (everything.count(a) + everything.count(b)) / 2
    return between**2 if a != b else 0.0


def interval(a, b, everything):
    return float(a - b) ** 2


def ratio(a, b, everything):
    return ((a - b) / (a + b)) ** 2 if a + b else 0.0


LOOPS = {"nominal": nominal, "ordinal": ordinal, "interval": interval, "ratio": ratio}


def chance_by_loop(rows, levels, expected, weight=None):
    """(observed - expected) / (1 - expected): `expected(shares)`; observed over items rated twice, shares over all."""
    weight = weight or (lambda a, b: float(a == b))
    units = [[row[i] for row in rows if row[i] is not None] for i in range(len(rows[0]))]
    units = [unit for unit in units if unit]
    pairable = [unit for unit in units if len(unit) > 1]
    observed = np.mean([np.mean([weight(a, b) for a, b in permutations(unit, 2)]) for unit in pairable])
    shares = [np.mean([unit.count(level) / len(unit) for unit in units]) for level in levels]
    return (observed - expected(shares)) / (1 - expected(shares))
