"""Verifiability beside difficulty: how small a step a hundred ratings show, and how much of a rating is about the system."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import facts, instrument
from workbench.signal.components import components, jackknife
from workbench.signal.power import smallest_effect
from workbench.signal.smallest import Panel, check_options, labels, log_interval, panels

if TYPE_CHECKING:
    from workbench.ratings import Ratings

BUDGET = 100             # ratings, shared by two systems


def verifiability(ratings: Ratings, *, by: Sequence[str] = ("criterion", "task_type"), power: float = 0.8,
                  error_rate: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """On which tasks and criteria can improvement be seen at all, and on which is it merely hard?

    `value` is the difference of two systems' means, in points, that 100 ratings (50 of each system, as many of an item as now)
    detect with probability `power`: smaller is more verifiable. Beside it `step`, the same in standard deviations of a rating;
    `signal`, the share of one rating's variance that is about which system was judged (0: ratings say nothing of systems);
    `mean`, the difficulty; and `ceiling`, the share of ratings at the scale's top, where no gain can show. Groups, intervals
    and errors as `signal.detectable`.

    Undefined: nominal labels (all nan); `signal` without two systems (nan, `note`). `signal` is an estimate by moments and
    becomes 0 where systems differ by less than chance.

    Sources: as `signal.detectable`; share of variance: Brennan (2001), Generalizability Theory, ch. 3, with system as the object.

    >>> import pandas as pd, workbench as wb
    >>> table = verifiability(wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 5] * 20, "bob": [1, 3, 3, 5] * 20})))
    >>> float(table["mean"][0]), float(table["ceiling"][0])
    (2.875, 0.25)
    """
    check_options(power, error_rate, None, ())
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    tops = {(rubric, criterion): top_of(scale) for (rubric, _, criterion), scale in facts(ratings).scales.items()}
    rows = [verify_row(panel, tops, power, error_rate, seed) for panel in panels(ratings, keys)]
    return estimates_table(rows, by=keys)


def top_of(scale: object) -> float:
    """The highest score of a scale; nan where only one value occurs, which has no top."""
    if scale.assumed and (len(scale.values) == 1 or not scale.values and scale.minimum == scale.maximum):
        return math.nan
    return max(scale.values) if len(scale.values) else scale.maximum if scale.maximum is not None else math.nan


def verify_row(panel: Panel, tops: dict[tuple[str, str], float], power: float, error_rate: float, seed: int) -> dict[str, object]:
    """One task type and criterion."""
    parts, score = panel.parts, panel.design.score
    usual = {"power": power, "error_rate": error_rate, "paired": parts.paired}
    items = BUDGET / 2 / parts.per_item if parts.per_item > 0 else math.nan
    value = smallest_effect(parts.difference, n_items=items, **usual) if parts.difference > 0 else math.nan
    se, df = jackknife(panel.design, lambda d: components(d).difference, seed) if value > 0 else (math.nan, 0)
    low, high = log_interval(value, se / 2, df)
    nominal = parts.note.startswith("nominal")
    signal, reason = (math.nan, "") if nominal else signal_share(panel)
    undefined = "" if value == value or nominal else "nothing varies, or too few items"
    row = estimate("verifiability", value, low=low, high=high, se=value * se / 2, confidence=0.95, method="jackknife",
                   n_items=panel.n_items, note=join_notes(undefined, reason, panel.note), **panel.counts)
    top = max((t for (_, criterion), t in tops.items() if criterion == panel.key.get("criterion")), default=math.nan)
    return {**panel.key, **row, **labels(panel.key), "power": power,
            "step": value / math.sqrt(parts.total) if parts.total > 0 else math.nan, "signal": signal,
            "mean": math.nan if nominal or not len(score) else float(score.mean()),
            "ceiling": math.nan if nominal or not len(score) or top != top else float((score >= top).mean())}


def signal_share(panel: Panel) -> tuple[float, str]:
    """Variance between systems over all variance of a rating, or why it is not known.

    The spread of the systems' means, less what chance gives them, which is half of a difference's variance over the items.
    """
    if panel.systems is None:
        return math.nan, ""
    code = np.unique(panel.systems, return_inverse=True)[1]
    if code.max(initial=0) < 1 or panel.n_items < 1:
        return math.nan, "one system: no share of variance about systems"
    means = np.bincount(code, panel.design.score) / np.bincount(code)
    between = max(float(means.var(ddof=1)) - panel.parts.difference / 2 / panel.n_items, 0.0)
    whole = between + panel.parts.total
    return (between / whole, "") if whole > 0 else (math.nan, "")
