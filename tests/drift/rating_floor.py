"""A second drawer of rating programmes, written from the words of the issue: a floor of raters who sit down weekly, each with habits.

It shares no code with the package's simulator. A rater's answer is made step by step in the order of time: what the item is like, how the
rater leans, how unsteady it is by then, and what habits (repeating, one level, copying a neighbour's answer) put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

CUTS = np.array([-1.1, -0.35, 0.35, 1.1])
MONDAY = pd.Timestamp("2026-01-05T08:00", tz="UTC")


def floor(seed: int, *, weeks: int = 26, raters: int = 25, ratings_a_week: int = 500, an_item: int = 3, lean: float = 0.45,
          weekly: float = 0.1, gold_share: float = 0.08, habits: Mapping[int, Mapping[str, float]] | None = None,
          joins: Mapping[int, int] | None = None) -> pd.DataFrame:
    """A table of ratings of one criterion with five levels, and gold.

    lean: SD of raters' severities, 0.45 being 16 % of the variance of an answer. weekly: SD of a rater's own weeks. habits: by rater
    number, sizes of: lean, drift (a week), noise (times), hasty (times), repeats, one_level, copies (of rater+1), tires (noise at a
    session's end, times), green (noise on the first 50, times), guesses_gold; all from week `from` (0) on. joins: first week.
    """
    rng, habits, joins = np.random.default_rng(seed), habits or {}, joins or {}
    leaning, unsteady = rng.normal(0, lean, raters), 0.7 * np.exp(rng.normal(0, 0.15, raters))
    pace = np.exp(rng.normal(0, 0.2, raters))
    rows, given, item = [], np.zeros(raters, int), 0
    for week in range(weeks):
        here = [r for r in range(raters) if joins.get(r, 0) <= week]
        shift, n = rng.normal(0, weekly, raters), ratings_a_week // an_item
        quality, hard = rng.normal(0, 0.75, n) + 0.25 * (rng.random(n) < 0.5), np.exp(rng.normal(0, 0.3, n))
        seats = np.array([rng.choice(here, an_item, replace=False) for _ in range(n)])
        known = rng.random(n) < gold_share
        answers: dict[tuple[int, int], int] = {}
        order = sorted(here, key=lambda r: -(r % 2))            # odd numbers rate earlier in the week: their answers can be copied
        for r in order:
            own = {k: v for k, v in habits.get(r, {}).items() if k != "from"} if week >= habits.get(r, {}).get("from", 0) else {}
            mine = rng.permutation(np.flatnonzero((seats == r).any(axis=1)))
            at, last = 86_400 * (0 if r % 2 else 2) + rng.integers(0, 20_000), None
            for place, i in enumerate(mine):
                given[r] += 1
                width = unsteady[r] * hard[i] * own.get("noise", 1) * (own.get("green", 1) if given[r] <= 50 else 1)
                width *= 1 + (own.get("tires", 1) - 1) * place / max(len(mine) - 1, 1)
                seen = quality[i] - leaning[r] - own.get("lean", 0) - own.get("drift", 0) * (week - habits.get(r, {}).get("from", 0))
                level = int(np.searchsorted(CUTS, seen + shift[r] + rng.normal(0, width)))
                if known[i] and rng.random() < own.get("guesses_gold", 0):
                    level = int(rng.integers(0, 5))
                if last is not None and rng.random() < own.get("repeats", 0):
                    level = last
                if rng.random() < own.get("one_level", 0):
                    level = 3
                if (i, r + 1) in answers and rng.random() < own.get("copies", 0):
                    level = answers[i, r + 1]
                took = float(np.exp(3 + 0.3 * np.log(hard[i]) + rng.normal(0, 0.4))) * pace[r] * own.get("hasty", 1)
                at, last = at + took + 5, level
                answers[i, r] = level
                rows.append((f"i{item + i}", f"r{r:02d}", level + 1.0, MONDAY + pd.Timedelta(days=7 * week, seconds=float(at)), took, "human"))
        rows += [(f"i{item + i}", "gold", float(np.searchsorted(CUTS, quality[i]) + 1), MONDAY + pd.Timedelta(days=7 * week), np.nan, "gold")
                 for i in np.flatnonzero(known)]
        item += n
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "rated_at", "seconds", "rater_kind"])
