"""Each rater against the others: alpha without them, how often others agree with them, how severe, steady and far-ranging they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import NO_PAIR, ONE_LEVEL, ROUNDING
from workbench.agreement.groups import reductions
from workbench.agreement.identified import Identified, identified
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.traits import Measure, central_tendency, consistency, severities
from workbench.agreement.two_way import leave_each_out, left
from workbench.errors import share_of
from workbench.estimates import estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

OTHERS = "others_on_its_items"
TRAITS = {"consistency": consistency, "central_tendency": central_tendency}


def raters(ratings: Ratings, *, by: Sequence[str] = (), confidence: float = 0.95) -> pd.DataFrame:
    """Who pulls agreement down, whom do the others agree with, who rates higher, less steadily, more narrowly? Six rows a rater:

    `influence`: alpha (of the criterion's scale) without the rater less alpha with all; above 0, the panel agrees better without.
    Items that keep no pair go with the rater: `n_unpaired` counts them, and where they are most, rater and items cannot be told apart.
    `agreement_with_others`: the mean, over the items they share, of the share of the item's other raters who gave the same level.
    `others_on_its_items`: the share of pairs of those others who gave the same level, on the items with two of them or more.
    `leniency`: the mean of the rater's score less the mean of the item's other raters, in score units; above 0, higher scores.
    `consistency`: the standard deviation of the rater's own errors in score units, severities and the others' errors taken off; 0 is
    steady, and the panel's raters are its yardstick.
    `central_tendency`: the standard deviation of the rater's scores over that of the others' single scores on the same items,
    severities taken off; 1 uses the scale as they do, below 1 crowds the middle, above 1 the ends. Noise widens it too: read it
    beside `consistency`. A severe rater at the end of a short scale crowds there.

    Harder items alone lower the first two and raise `consistency` as an erring rater would: read `agreement_with_others` beside
    `others_on_its_items`, which such items lower alike. Leniency and central tendency compare on the same items and are free of that.

    `by`: columns that make groups. Intervals are t with the rater's items less one, at `confidence`: linearised; of the last two,
    jackknife over items, on the log of the variance.
    `n_items` is the number of items the rater shares with others, `n_dropped` the rater's ratings on other items. Linear in the
    ratings. Leniency compares raters only so far as they share items with the same others.

    Undefined (nan, reason in `note`): a rater who shares no item (the last two: only one); alpha, with or without the rater, of one
    level or no pairs; what needs an order, on a nominal scale; agreement on scores without levels; spread beside others who have none.
    No interval: one shared item, or no spread.
    Errors: `ParameterError` for `confidence`, `RatingsError` where scales mix.
    Source: Krippendorff (2018), Content Analysis, 4th ed.; influence as in Hughes (2021), doi:10.32614/RJ-2021-046; consistency and
    central tendency as effects: Saal, Downey and Lahey (1980), doi:10.1037/0033-2909.88.2.413.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 1, 2], "bob": [1, 2, 1, 2], "odd": [2, 2, 1, 1]}), scale="nominal")
    >>> found = raters(panel).set_index(["name", "rater_id"])["value"]
    >>> float(found["agreement_with_others", "ann"]), round(float(found["influence", "odd"]), 3)
    (0.75, 0.611)
    """
    share_of("confidence", confidence)
    groups, found = reductions(ratings, by=by), identified(ratings, by=by)
    rows = [row for group in groups if (key := tuple(group.key.values())) in found for row in _group_rows(found[key], group, confidence)]
    return estimates_table(rows, by=[*by, "rater_id"])


def _group_rows(panel: Identified, group: Patterns | Moments, confidence: float) -> list[dict[str, object]]:
    """Six rows for each rater of one group."""
    m = panel.n_raters
    given, shared, three = (np.bincount(panel.rater, panel.size[panel.item] >= n, m).astype(int) for n in (1, 2, 3))
    rows = []
    for name, measure in _measures(panel, group).items():
        common = three if name == OTHERS else shared
        found = _with_ends(measure, common, confidence)
        for place, rater in enumerate(panel.names):
            value, low, high, se = (float(part[place]) for part in found)
            reason = measure.reason or _why(name, value, int(common[place]))
            row = estimate(name, math.nan if reason else value, n_items=int(common[place]), n_raters=m, n_ratings=int(common[place]),
                           n_dropped=int(given[place] - common[place]))
            few = "" if reason or math.isfinite(low + high) else \
                "one item: no interval" if common[place] == 1 else "too few or too like items: no interval"
            floor = measure.floor if value == 0 and not reason else ""
            unpaired = int(shared[place] - three[place])
            lone = f"{unpaired:,} of its {shared[place]:,} items keep no pair without it" \
                if name == "influence" and not reason and 2 * unpaired > shared[place] else ""
            if not reason and not few:
                row |= {"low": low, "high": high, "se": se, "confidence": confidence,
                        "method": "jackknife" if name in TRAITS else "linearized"}
            note = join_notes(reason, lone, floor, few, group.note)
            rows.append({**group.key, "rater_id": rater, **row, "n_unpaired": unpaired, "note": note})
    return rows


def _measures(panel: Identified, group: Patterns | Moments) -> dict[str, Measure]:
    """Each measure of all raters by its name."""
    shared, m = panel.size[panel.item] >= 2, panel.n_raters
    unordered = "nominal levels have no order" if group.scale == "nominal" else ""
    same = "scores have no levels" if (panel.level < 0).all() else ""
    found = {"influence": _plain(*influence(panel, group)),
             "agreement_with_others": _plain(*_means(panel, shared, same_share(panel)), reason=same),
             OTHERS: _plain(*_means(panel, panel.size[panel.item] >= 3, others_share(panel)), reason=same),
             "leniency": _plain(*_means(panel, shared, residual(panel)), reason=unordered)}
    item, rater = panel.item[shared], panel.rater[shared]
    free = panel.score[shared] - severities(item, rater, panel.score[shared])[rater]
    return found | {name: replace(trait(item, rater, free, m), reason=unordered) for name, trait in TRAITS.items()}


def _plain(values: np.ndarray, errors: np.ndarray, reason: str = "") -> Measure:
    """A measure whose interval needs no other scale; an error that is rounding is 0."""
    errors = np.where(errors < ROUNDING, 0.0, errors)
    return Measure(values, errors, errors, reason=reason)


def _with_ends(measure: Measure, common: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Value, ends of the interval and standard error, (J,) each; t with the shared items less one."""
    from scipy.special import stdtrit

    reach = stdtrit(np.maximum(common - 1, 1), (1 + confidence) / 2) * np.where(common > 1, measure.errors, np.nan)
    with np.errstate(over="ignore"):
        return (*(measure.back(measure.values + shift) for shift in (0, -reach, reach)), measure.se)


def _why(name: str, value: float, common: int) -> str:
    """Why a rater's value is not defined, or ""."""
    if not common:
        return "shares no item with another rater" if name != OTHERS else "shares no item with two other raters"
    if math.isfinite(value):
        return ""
    if name not in TRAITS:
        return f"{NO_PAIR}, or {ONE_LEVEL}, with or without the rater"
    return "shares one item only" if common == 1 else "the others' scores do not vary, or too few are free to vary"


def same_share(panel: Identified) -> np.ndarray:
    """Per rating: the share of the item's other raters at the same level, (R,); 0 / 0 as 0."""
    place = panel.item * (panel.level.max(initial=0) + 2) + panel.level + 1
    _, where, n = np.unique(place, return_inverse=True, return_counts=True)
    return (n[where] - 1) / np.maximum(panel.size[panel.item] - 1, 1)


def others_share(panel: Identified) -> np.ndarray:
    """Per rating: the share of pairs of the item's other raters at the same level, (R,); 0 / 0 as 0."""
    n = panel.size[panel.item]
    same = same_share(panel) * (n - 1)
    pairs = np.bincount(panel.item, same)[panel.item] - 2 * same
    return pairs / np.maximum((n - 1) * (n - 2), 1)


def residual(panel: Identified) -> np.ndarray:
    """Per rating: its score less the mean of the item's other scores, (R,)."""
    total = np.bincount(panel.item, panel.score)[panel.item]
    return panel.score - (total - panel.score) / np.maximum(panel.size[panel.item] - 1, 1)


def _means(panel: Identified, shared: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over each rater's shared items, and its standard error; (J,) each."""
    m, rater, values = panel.n_raters, panel.rater[shared], values[shared]
    n = np.bincount(rater, minlength=m)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(rater, values, m) / n
        return mean, np.sqrt(np.bincount(rater, (values - mean[rater]) ** 2, m) / (n - 1) / n)


def influence(panel: Identified, group: Patterns | Moments) -> tuple[np.ndarray, np.ndarray]:
    """Alpha without each rater less alpha with all, and its standard error over items; (J,) each."""
    sums, values, errors = alpha_sums(group), *np.full((2, panel.n_raters), np.nan)
    if not sums.reason:
        found = left(sums, group, panel)
        values[found.common], noise = leave_each_out(found)
        errors[found.common] = np.sqrt(noise)
    return values, errors
