"""What more ratings would buy: a decision study on the agreement that was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.groups import reductions
from workbench.agreement.krippendorff import krippendorff_alpha, sizes
from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

PROJECTED = "projected: an interval narrows as 1 / sqrt(items)"


def decision_study(ratings: Ratings, *, by: Sequence[str] = (), scale: str | None = None,
                   further_raters: Sequence[int] = (0, 1, 2, 3, 5), further_items: Sequence[int] = (0, 100, 500),
                   confidence: float = 0.95, cluster: str | None = None) -> pd.DataFrame:
    """What would a further rater an item, or more items, buy? Two kinds of rows a group.

    `reliability_of_mean`: how far the mean of an item's ratings is the item's own, with so many more ratings on each: `planned_raters`
    is their mean number (harmonic, as each item's error goes with 1 over its number; items rated once count, and `note` says how
    many). It is the share of the variance of such means that the items make, raters' severities counting as error: the dependability
    (Phi) of absolute scores. Where the same raters rate all items, means order items more reliably than that. 1 is certain, 0 noise
    only. Spearman and Brown: k alpha / (1 + (k - 1) alpha), alpha the agreement of single ratings. The mean is that of scores on an
    interval scale, of midranks on an ordinal one, and the vector of level shares on a nominal one, whose squared distances alpha
    counts; on a ratio scale it is an approximation. `half_width`: half the interval of alpha once the items have become
    `planned_items` (of those rated twice), more of the same kind, each rated as often.

    ratings: any selection; `by`: columns that make the groups. `scale`, `confidence`, `cluster`: as in `krippendorff_alpha`.
    `further_raters`, `further_items`: numbers of raters an item, and of items, to add; whole, 0 or more. 0 is today.

    The interval of a reliability is alpha's, sent through the same formula. Undefined (nan, reason in `note`): where alpha is, or
    has no interval; a reliability where alpha is below 0, for then items differ no more than chance. A half width is a projection
    and has no interval. Errors: `ParameterError` for numbers that cannot be.

    Sources: Spearman (1910), doi:10.1111/j.2044-8295.1910.tb00206.x; Brennan (2001), Generalizability Theory, ch. 2;
    alpha as intraclass correlation: Krippendorff (1970), doi:10.1177/001316447003000105.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 4, 5] * 8, "bob": [1, 2, 3, 5, 4] * 8}), scale="interval")
    >>> found = decision_study(panel, further_raters=(0, 1), further_items=(120,))
    >>> found.round(3)[["name", "planned_raters", "planned_items", "value"]].values.tolist()
    [['reliability_of_mean', 2.0, 40, 0.948], ['reliability_of_mean', 3.0, 40, 0.965], ['half_width', 2.0, 160, 0.02]]
    """
    for name, numbers in (("further_raters", further_raters), ("further_items", further_items)):
        if not (np.iterable(numbers) and all(isinstance(n, (int, np.integer)) and n >= 0 for n in numbers)):
            raise ParameterError(f"{name}={numbers!r} is not a list such as (0, 1): each must be a whole number of 0 or more. 0 is "
                                 "what there is today.")
    found = krippendorff_alpha(ratings, by=by, scale=scale, confidence=confidence, cluster=cluster)
    groups = reductions(ratings, by=by, scale=scale, cluster=cluster)
    rows = [row for alpha, group in zip(found.to_dict("records"), groups) for row in
            (*(_reliability(alpha, by, group, int(k)) for k in further_raters),
             *(_half_width(alpha, by, group, int(n)) for n in further_items))]
    return estimates_table(rows, by=[*by, "planned_raters", "planned_items"])


def spearman_brown(reliability: float, times: float) -> float:
    """Reliability of a mean of `times` as many ratings; nan below 0."""
    return times * reliability / (1 + (times - 1) * reliability) if reliability >= 0 else math.nan


def ratings_an_item(group: Patterns | Moments, further: int = 0) -> float:
    """Harmonic mean over rated items of their number of ratings and so many more; so many alone without one."""
    n = sizes(group)
    rated = group.weight * (n > 0)
    return float(rated.sum() / (rated @ (1 / np.maximum(n + further, 1)))) if rated.any() else float(further)


def _reliability(alpha: Mapping[str, object], by: Sequence[str], group: Patterns | Moments, further: int) -> dict[str, object]:
    """One row on the mean of today's ratings of an item and so many more."""
    row = _row("reliability_of_mean", alpha, by, group, further_raters=further)
    once, items = (int(group.weight @ which) for which in (sizes(group) == 1, sizes(group) > 0))
    row["note"] = join_notes(f"{once:,} of {items:,} items have one rating" if once else "", row["note"])
    k, low, high = row["planned_raters"], *np.clip([alpha["low"], alpha["high"]], 0, None)
    value = spearman_brown(alpha["value"], k)
    if not math.isnan(value):
        return row | {"value": value, "low": spearman_brown(low, k), "high": spearman_brown(high, k),
                      "confidence": alpha["confidence"], "method": alpha["method"]}
    below = "alpha is below 0: means of such ratings carry no information on items" if alpha["value"] < 0 else ""
    return row | {"note": join_notes(below, row["note"])}


def _half_width(alpha: Mapping[str, object], by: Sequence[str], group: Patterns | Moments, further: int) -> dict[str, object]:
    """One row on the interval of alpha with so many more items."""
    row = _row("half_width", alpha, by, group, further_items=further)
    value = (alpha["high"] - alpha["low"]) / 2 * math.sqrt(alpha["n_items"] / max(row["planned_items"], 1))
    why = "" if math.isnan(alpha["value"]) or not math.isnan(value) else "alpha has no interval"
    return row | {"value": value, "note": join_notes(why, PROJECTED if further and not math.isnan(value) else "", alpha["note"])}


def _row(name: str, alpha: Mapping[str, object], by: Sequence[str], group: Patterns | Moments, *, further_raters: int = 0,
         further_items: int = 0) -> dict[str, object]:
    """An undefined row that rests on the same items, raters and ratings as alpha, and what is planned."""
    counts = {c: alpha[c] for c in ("estimand", "n_items", "n_raters", "n_ratings", "n_dropped", "note")}
    return {c: alpha[c] for c in by} | estimate(name, math.nan, **counts) | {
        "planned_raters": ratings_an_item(group, further_raters), "planned_items": alpha["n_items"] + further_items}
