"""The many-facet Rasch model on planted severities: how much of their spread comes back, and what 10^6 ratings cost.

    python benchmarks/rasch.py [--ratings 1000000] [--draws 5]
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

import workbench as wb

THRESHOLDS = np.array([-1.5, -0.5, 0.5, 1.5])


def severities(raters: int, sd: float) -> np.ndarray:
    """Planted severities with mean 0 and exactly this standard deviation."""
    drawn = np.random.default_rng(99).normal(size=raters)
    return sd * (drawn - drawn.mean()) / drawn.std(ddof=1)


def panel(*, items: int, per_item: np.ndarray, planted: np.ndarray, abilities: str, seed: int) -> pd.DataFrame:
    """Ratings of 5 levels from the model; `per_item` (items,) raters each, at random or, "routed", the better item to the later rater."""
    generator = np.random.default_rng(seed)
    ability = {"skewed": 1.5 * (generator.exponential(size=items) - 1)}.get(abilities, 1.5 * generator.normal(size=items))
    item, place = np.repeat(np.arange(items), per_item), np.concatenate([np.arange(n) for n in per_item])
    step = len(planted) // per_item.max()
    first = generator.integers(len(planted), size=items)
    if abilities == "routed":
        first = (ability.argsort().argsort() * len(planted) // items + generator.integers(-3, 4, items)) % len(planted)
    near = generator.integers(1, 4, len(item)) if abilities == "routed" else generator.integers(step, size=len(item))
    rater = (first[item] + place * (4 if abilities == "routed" else step) + near) % len(planted)
    reach = np.arange(5) * (ability[item] - planted[rater])[:, None] - np.append(0, np.cumsum(THRESHOLDS))
    shares = np.exp(reach - reach.max(axis=1, keepdims=True))
    cumulated = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)
    score = 1.0 + (generator.random(len(item))[:, None] > cumulated[:, :4]).sum(axis=1)
    frame = pd.DataFrame({"item_id": np.char.add("i", item.astype(str)), "rater_id": np.char.add("r", np.char.zfill(rater.astype(str), 4)),
                          "score": score})
    return frame.drop_duplicates(["item_id", "rater_id"])


def recovery(draws: int) -> None:
    """Spread found over spread planted, severities' error and coverage; 20,000 items, 3 ratings each, 50 raters."""
    print("abilities  planted SD   found / planted: mean   worst of draws   errors: found   claimed   95 % interval holds")
    for abilities in ("normal", "skewed", "routed"):
        for sd in (0.5, 1.0):
            planted, ratios, found = severities(50, sd), [], []
            for seed in range(draws):
                frame = panel(items=20_000, per_item=np.full(20_000, 3), planted=planted, abilities=abilities, seed=seed)
                table = wb.agreement.rasch(wb.read(frame))
                ratios.append(float(table.loc[table["name"] == "severity_sd", "value"].iloc[0]) / sd)
                found.append(table[table["name"] == "severity"].sort_values("element"))
            miss = np.array([rows["value"].to_numpy() - planted for rows in found])
            held = np.mean([(rows["low"] <= planted) & (planted <= rows["high"]) for rows in found])
            claimed = np.sqrt(np.mean([rows["se"].to_numpy() ** 2 for rows in found]))
            print(f"{abilities:9}  {sd:10.1f}   {np.mean(ratios):22.3f}   {max(ratios, key=lambda r: abs(r - 1)):14.3f}   "
                  f"{np.sqrt((miss**2).mean()):13.4f}   {claimed:7.4f}   {held:19.3f}")


def cost(ratings: int) -> None:
    """Time and memory of one fit: 200 raters, 3 to 5 ratings an item."""
    per_item = np.random.default_rng(0).integers(3, 6, ratings // 4)
    frame = panel(items=len(per_item), per_item=per_item, planted=severities(200, 0.5), abilities="normal", seed=0)
    read = wb.read(frame)
    wb.agreement.percent_agreement(read)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    table = wb.agreement.rasch(read)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    spread = float(table.loc[table["name"] == "severity_sd", "value"].iloc[0])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{len(frame):,} ratings of {len(per_item):,} items by 200 raters: {wall:.1f} s ({processor:.1f} s of processor), "
          f"{(after - before) / 1024:,.0f} MB beyond the table read; spread 0.5 planted, {spread:.3f} found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    cost(given.ratings)
    recovery(given.draws)


if __name__ == "__main__":
    main()
