"""What `disagreement.kinds` recovers: planted components, how often its intervals hold them, and its cost as ratings grow.

    python benchmarks/kinds.py [--draws 100] [--sizes 100000 1000000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

import workbench as wb
from workbench.reduce import votes

SEED = 11
PLANTED = ("severity", "severity_by_criterion", "faction_by_item", "item_spread")


def panel(rng: np.random.Generator, *, raters: int, items: int, each: int = 5, again: float, criteria: int = 2) -> tuple:
    """Ratings of two criteria by two camps, the camps, and the shares that were drawn, in the order of `PLANTED`."""
    own, special = rng.normal(0, .5, raters), rng.normal(0, .3, (raters, criteria))
    noise, camp = .6 * np.exp(rng.normal(0, .5, raters)), np.arange(raters) % 2
    rater = np.argsort(rng.random((items, raters)), axis=1)[:, :each].ravel()
    item, parts = np.repeat(np.arange(items), each), []
    for c in range(criteria):
        read = rng.normal(size=items)[item] + own[rater] + special[rater, c] + rng.normal(0, .4, (items, 2))[item, camp[rater]] \
            + rng.normal(0, .5, len(item))
        for day, kept in enumerate((np.ones(len(item), bool), rng.random(len(item)) < again)):
            parts.append(pd.DataFrame({"item_id": item[kept], "rater_id": rater[kept], "criterion": f"c{c}",
                                       "score": read[kept] + rng.normal(size=kept.sum()) * noise[rater[kept]],
                                       "rated_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day)}))
    frame = pd.concat(parts)
    width = frame.groupby("criterion")["score"].agg(np.ptp).to_numpy()    # the scale runs from the least to the largest score
    together = np.cov(((own[:, None] + special) / width).T)
    common = (together.sum() - np.trace(together)) / (criteria * (criteria - 1))
    unit = (1 / width**2).mean()
    planted = np.array([common, np.trace(together) / criteria - common, .16 / 2 * raters / (raters - 1) * unit, .25 * unit,
                        (noise**2).mean() * unit])
    camps = pd.DataFrame([(r, f"c{c}", "default", camp[r] + 1) for r in range(raters) for c in range(criteria)],
                         columns=["rater_id", "criterion", "rubric", "faction"])
    return wb.read(frame), camps, (planted / planted.sum())[:4]


def main() -> None:
    """Both tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--draws", type=int, default=100)
    options.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    asked, rng, found = options.parse_args(), np.random.default_rng(SEED), []
    for _ in range(asked.draws):
        ratings, camps, planted = panel(rng, raters=20, items=200, again=.2)
        table = wb.disagreement.kinds(ratings, factions=camps).iloc[:4]
        share, low, high = (table[c].to_numpy() for c in ("share", "low", "high"))
        found.append(np.column_stack([share - planted, (low <= planted) & (planted <= high)]))
    error, held = np.moveaxis(np.array(found), 2, 0) if found else (np.empty((0, 4)),) * 2
    print(f"\n{asked.draws} panels of 20 raters, 200 items, 2 criteria, one rating in five repeated\n")
    print("| kind | mean error of the share | its standard deviation | 95 % intervals that hold it |\n|---|---|---|---|")
    for k, name in enumerate(PLANTED if found else ()):
        print(f"| {name} | {error[:, k].mean():+.3f} | {error[:, k].std():.3f} | {held[:, k].mean():.2f} |")
    print("\n| ratings | seconds to read them one by one | seconds of kinds itself |\n|---|---|---|")
    for size in asked.sizes:
        ratings, camps, _ = panel(rng, raters=60, items=size // 10, again=.02)
        clock = [time.perf_counter()]
        votes(ratings, by=["criterion", "rubric", "rubric_version"], repeats=True)
        clock.append(time.perf_counter())
        wb.disagreement.kinds(ratings, factions=camps)
        clock.append(time.perf_counter())
        print(f"| {size:,} | {clock[1] - clock[0]:.1f} | {clock[2] - clock[1]:.1f} |")


if __name__ == "__main__":
    main()
