"""Which two levels do raters tell apart least? What to try first in `what_if`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.agreement.chance import as_array, row_sums
from workbench.rubric.rehearsed import rehearsal

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns


def confused(ratings: Ratings) -> dict[str, list[list[str]]]:
    """The two levels of each criterion that raters of one item tell apart least, as `what_if` and `what_if_ranking` take it for `merge`.

    By the degree of distinguishability, 1 - o_ij o_ji / (o_ii o_jj), where o counts pairs of ratings of one item, one at level i and one
    at j: 1 where nobody confuses them, 0 where which of the two is given is left to chance. Levels in order: neighbours only. Levels that
    no two raters of an item ever shared, and criteria with less than three levels, or without a pair that was confused, are left out.

    Source: Darroch and McCloud (1986), doi:10.1111/j.1467-842X.1986.tb00709.x.

    >>> import pandas as pd, workbench as wb
    >>> rated = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 1, 3, 2], "bob": [2, 1, 3, 1, 3, 2]}), scale="ordinal")
    >>> confused(rated)
    {'overall': [['1', '2']]}
    """
    found = {criterion: least_apart(panel) for criterion, panel in rehearsal(ratings).panels.items() if len(panel.levels) > 2}
    return {criterion: [pair] for criterion, pair in found.items() if pair}


def least_apart(panel: Patterns) -> list[str]:
    """The two levels least told apart; none where no two were confused."""
    counts = as_array(panel.counts)
    several = row_sums(counts) >= 2
    counts, weight = counts[several], panel.weight[several] / (row_sums(counts)[several] - 1)
    pairs = (counts * weight[:, None]).T @ counts - np.diag(weight @ counts)
    first, second = np.triu_indices(len(pairs), 1)
    kept = (second - first == 1) | (panel.scale == "nominal")
    first, second = first[kept], second[kept]
    same = pairs[first, first] * pairs[second, second]
    unlike = np.divide(pairs[first, second] ** 2, same, out=np.zeros(len(same)), where=same > 0)
    if not unlike.max(initial=0) > 0:
        return []
    best = int(unlike.argmax())
    return [panel.levels[first[best]], panel.levels[second[best]]]
