"""Ratings under two versions of a rubric, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.instrument import Scale
from workbench.rubric.pairing import bridge

FIVE = Scale("ordinal", tuple("01234"), (0.0, 1.0, 2.0, 3.0, 4.0))


def bridged(seed, *, n_items=60, k=3, n_raters=6, shift=0.0, noise=(0.8, 0.8), other_raters=False):
    """Scores 0-4 of items by the same raters under versions 1 and 2 (by others with `other_raters`): moved by `shift`, with own noise."""
    rng, rows = np.random.default_rng(seed), []
    quality, severity = rng.normal(0, 1, n_items), rng.normal(0, 0.5, 2 * n_raters)
    for i in range(n_items):
        raters = rng.choice(n_raters, k, replace=False)
        for version in (0, 1):
            own = raters + n_raters * (other_raters and version)
            score = np.digitize(quality[i] + severity[own] + shift * version + rng.normal(0, noise[version], k), [-1.5, -0.5, 0.5, 1.5])
            rows += [(f"i{i:03d}", f"r{r}", int(s), str(version + 1)) for r, s in zip(own, score)]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rubric_version"])


def bridge_of(frame):
    """The bridge set of such ratings without reading them: for the many draws of a null."""
    cells = frame.assign(step=np.nan, level=frame["score"], score=frame["score"].astype(float))
    return bridge("overall", *(cells[cells["rubric_version"] == v] for v in "12"), (FIVE, FIVE))


def pairs(table):
    """Ratings whose old and new levels (A, B, ...) make this table: one rater, an item for each."""
    rows = [(i, j) for i, line in enumerate(table) for j, n in enumerate(line) for _ in range(n)]
    frames = [pd.DataFrame({"item_id": [f"i{k}" for k in range(len(rows))], "rater_id": "r", "rubric_version": str(v + 1),
                            "label": [chr(65 + row[v]) for row in rows]}) for v in (0, 1)]
    return pd.concat(frames, ignore_index=True)
