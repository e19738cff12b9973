"""All checks, in the order in which a reader wants to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.check.contract import check_gaps, check_levels, check_schema, check_values
from workbench.check.design import check_duplicates, check_overlap, check_raters_per_item
from workbench.check.times import check_rubric_versions, check_timestamps

if TYPE_CHECKING:
    from workbench.check.outcome import CheckOutcome
    from workbench.ratings import Ratings

CHECKS = (check_schema, check_values, check_levels, check_gaps, check_duplicates, check_raters_per_item, check_overlap,
          check_timestamps, check_rubric_versions)


def check_ratings(ratings: Ratings) -> tuple[CheckOutcome, ...]:
    """Every check of the selected ratings: can these data answer what will be asked of them?

    Only "values" is required: a value that breaks the contract or the rubric makes every statistic refuse the table.
    The others ask for attention: they say what the data cannot answer, and why.

    >>> import pandas as pd, workbench as wb
    >>> frame = pd.DataFrame({"item_id": ["a", "a", "b"], "rater_id": ["x", "y", "z"], "score": [1, 2, 1]})
    >>> [outcome.name for outcome in wb.check.check_ratings(wb.read(frame)) if not outcome.passed]
    ['levels', 'overlap', 'timestamps']
    """
    return tuple(check(ratings) for check in CHECKS)
