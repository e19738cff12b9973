"""Rating programmes with and without a change, drawn straight from what a drift monitor promises: shares nothing with `workbench`.

A week has some raters and some ratings; a rating is the item's quality, the rater's leniency, the week's batch and noise, rounded to
five points. All sizes are standard deviations of a rating before rounding. Used by `false_alarms.py` and by the tests of drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

KINDS = ("independent", "one panel", "raters drawn weekly", "raters replaced", "batches")
LENIENCY = 0.4           # 16 % of the variance
BATCH = 0.1
PANEL = 25
LEAVING = 0.04           # of the raters, each week, where raters are replaced


@dataclass(frozen=True)
class Week:
    """One week's ratings: scores (1 to 5) and who gave them, as numbers."""

    score: np.ndarray
    rater: np.ndarray


def programme(rng: np.random.Generator, *, sizes: list[int], kind: str = "independent", step: float = 0.0, at: int = 0) -> list[Week]:
    """Weeks of so many ratings; from week `at` on everything is `step` higher."""
    leniency = rng.normal(0, LENIENCY, PANEL * (len(sizes) + 1))
    panel, weeks = np.arange(PANEL), []
    for number, size in enumerate(sizes):
        if kind == "raters drawn weekly":
            panel = np.arange(PANEL) + PANEL * number
        elif kind == "raters replaced":
            goes = rng.random(PANEL) < LEAVING
            panel = np.where(goes, PANEL * number + np.arange(PANEL), panel)
        rater = panel[np.arange(size) % PANEL]
        own = 0.0 if kind in ("independent", "batches") else leniency[rater]
        noise = rng.normal(0, 1 if kind in ("independent", "batches") else (1 - LENIENCY**2) ** 0.5, size)
        week = rng.normal(0, BATCH) if kind == "batches" else 0.0
        weeks.append(Week(np.clip(np.round(3 + step * (number >= at) + own + noise + week), 1, 5), rater))
    return weeks


def as_table(weeks: list[Week], *, begin: str = "2025-01-06", **columns: object) -> pd.DataFrame:
    """The weeks as a rating table, an item a rating, spread over each week's working days."""
    parts = [pd.DataFrame({"item_id": [f"{number}-{i}" for i in range(len(week.score))], "rater_id": [f"r{r}" for r in week.rater],
                           "score": week.score, "rated_at": pd.Timestamp(begin, tz="UTC") + pd.Timedelta(weeks=number)
                           + pd.to_timedelta(np.arange(len(week.score)) % 5, unit="D")}) for number, week in enumerate(weeks)]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def many(rng: np.random.Generator, *, streams: int, drifting: int, sizes: list[int], step: float, at: int) -> np.ndarray:
    """Independent programmes side by side, the first `drifting` of which change: how many ratings of 1 to 5 each week has, (S, T, 5)."""
    shift = step * (np.arange(len(sizes)) >= at)[:, None]
    bounds = np.array([-math.inf, -1.5, -0.5, 0.5, 1.5, math.inf])
    changed, same = (np.diff(normal_share(bounds - by), axis=1) for by in (shift, 0 * shift))
    return np.array([rng.multinomial(sizes, changed if number < drifting else same) for number in range(streams)])


def normal_share(bound: np.ndarray) -> np.ndarray:
    """Share of a normal distribution below each bound."""
    return np.vectorize(lambda z: 0.5 * math.erfc(-z / 2**0.5))(bound)
