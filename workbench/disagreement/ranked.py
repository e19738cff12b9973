"""Items ranked by how much more raters differ on them than these raters usually do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.shape import shapes
from workbench.disagreement.units import INSTRUMENT, Units, rated_units
from workbench.errors import ParameterError

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ["item_id", "step", *INSTRUMENT, "value", "expected", "excess", "shape", "n_ratings"]


def items(ratings: Ratings, *, by: Sequence[str] = (), min_ratings: int = 2, prior: float = 2.0) -> pd.DataFrame:
    """On which items do raters differ more than these raters usually do, and how?

    `value` is the mean distance of two ratings of the item: 0 all alike; 1 every pair at opposite ends of the scale (nominal:
    every pair different). `expected` is what the severities and noise of its own raters predict for an average item of the
    criterion: mean over pairs of (s_a - s_b)^2 + v_a + v_b. `excess` is their difference, shrunk for few ratings as if `prior`
    further ratings had shown what was expected: (n - 1) / (n - 1 + prior) of it. Highest excess first.

    `shape`: "agree" (no excess), "outlier" (one rating makes it), "split" (two groups, alike within), "noise" (none of these). A split
    needs 4 ratings, and noise alone makes some: one item in seven with 4 or 5 ratings on five levels, more on fewer (`shape.shapes`).
    by: columns to carry along (the first rating's level). min_ratings: items with fewer are left out (2 at least).

    Items rated once are left out: one rating cannot disagree. With none left the table is empty.
    Versions of a rubric are kept apart: an item rated under two has two rows. Errors: as `reduce.cells`.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 5], "bob": [1, 2, 1], "cy": [1, 1, 5]}, index=["a", "b", "c"]))
    >>> items(ratings)[["item_id", "value", "shape"]].round(3).head(1).to_dict("records")
    [{'item_id': 'c', 'value': 0.667, 'shape': 'outlier'}]
    """
    if min_ratings < 2 or prior < 0:
        raise ParameterError(f"min_ratings={min_ratings!r}, prior={prior!r}: give at least 2 ratings, and a prior of 0 or more.")
    ratings.require(*by)
    parts = [ranked(units, by=by, prior=prior) for units in rated_units(ratings, extra=by)]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=[*COLUMNS, *by])
    kept = [c for c in (*COLUMNS, *by) if c != "step" or table["step"].notna().any()]
    table = table[table["n_ratings"] >= min_ratings].sort_values(["excess", "n_ratings"], ascending=False, kind="stable")
    return table[list(dict.fromkeys(kept))].reset_index(drop=True)


def ranked(units: Units, *, by: Sequence[str] = (), prior: float = 2.0) -> pd.DataFrame:
    """The rows of `items` for one criterion and rubric, in the units' order."""
    frame = units.frame
    n = frame["n_ratings"].to_numpy()
    raw = frame["value"].to_numpy() - frame["expected"].to_numpy()
    carried = {c: units.first_ratings[c] for c in by if c not in frame}
    return frame.assign(excess=raw * (n - 1) / (n - 1 + prior), shape=shapes(units, np.where(frame["value"] > 0, raw, 0)), **carried)


def levels(ratings: Ratings, *, items: pd.DataFrame, limit: int = 12) -> pd.DataFrame:
    """How the first `limit` rows of `items` were rated: item_id, step (of trajectories), criterion, rubric, rubric_version, level, n,
    shape; a row a level that was given, in order.

    A level on a scale without levels is its score, rounded to a tenth of the scale.
    """
    from workbench.reduce import facts

    head, rows = items.head(limit), []
    scales, keys = facts(ratings).scales, [c for c in ("item_id", "step", *INSTRUMENT) if c in head]
    for units in rated_units(ratings) if len(head) else []:
        named = units.cells.merge(head[[*keys, "shape"]].reset_index(names="rank"), on=keys)
        for key, part in named.groupby(["rank", *INSTRUMENT]):
            scale = scales[key[2], key[3], key[1]]
            given = part["level"].map(lambda k: scale.levels[int(k)]) if scale.name in ("nominal", "ordinal") else \
                part["place"].map(lambda x: f"{round(10 * x) / 10:.1f} of the scale")
            counts = given.value_counts(sort=False)     # in the order of the scale, as the cells stand
            first = part.iloc[0][["rank", *keys, "shape"]].to_dict()
            rows += [first | {"level": level, "n": int(n)} for level, n in counts.items()]
    table = pd.DataFrame(rows, columns=["rank", *keys, "level", "n", "shape"])
    return table.sort_values("rank", kind="stable").drop(columns="rank").reset_index(drop=True)
