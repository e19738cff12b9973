"""Set-valued labels: "TREATS|CAUSES" becomes one yes/no criterion per option that occurs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import RatingsError

NO, YES = "no", "yes"


def split_sets(table: Any, separators: Mapping[str, str], *, name: str) -> Any:
    """The table with each criterion of `separators` (criterion -> separator) split into "CRITERION: OPTION", "yes" or "no".

    A row becomes one for each option that occurs anywhere in its criterion; a missing label stays missing on all of
    them. Blanks around options are dropped. Errors: `RatingsError` for a criterion that does not occur with labels.
    """
    for criterion, mark in separators.items():
        rows = table.filter(table.criterion == criterion)
        if not mark or not int(rows.filter(rows.label.notnull()).limit(1).count().execute()):
            raise RatingsError(f"{name}: separators names criterion {criterion!r} with separator {mark!r}, but no rating of that "
                               f"criterion has a label to split. Name a criterion that has labels, and its separator.")
        table = table.filter(table.criterion != criterion).union(one_per_option(rows, criterion, mark).select(*table.columns))
    return table


def one_per_option(rows: Any, criterion: str, mark: str) -> Any:
    """The rows of one criterion, each once for every option."""
    import ibis

    given = rows.label.split(mark).map(lambda option: option.strip())
    options = rows.select(_option=given.unnest())
    options = options.filter(options._option != "").distinct()
    rows = rows.mutate(_given=given).cross_join(options)
    chosen = rows._given.contains(rows._option).ifelse(YES, NO)
    label = rows.label.isnull().ifelse(None, chosen)
    return rows.mutate(criterion=(criterion + ": ") + rows._option, label=label, score=ibis.null("float64"))
