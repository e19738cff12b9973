"""Contributors and decompositions on programmes whose truth is known, drawn by the tests' own generator, which shares no code with ours.

    python benchmarks/contributors.py null 200       # null years of 25 raters x 20 ratings a week: who is found though nobody is special
    python benchmarks/contributors.py recovery 10    # one rater with a habit from week 10 of 40 on: is it found, when, who else
    python benchmarks/contributors.py parts 200      # coverage of the intervals of a decomposition
    python benchmarks/contributors.py delivery 100   # null years of three parties, and one whose agreement falls
    python benchmarks/contributors.py cost           # 10^6 ratings, 52 weeks, 200 raters

Seeds are fixed before looking: null sets 0, 1, ...; the others begin at 5,000 (recovery), 7,000 (parts), 9,000 (delivery).
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "drift"))
from rating_floor import floor  # noqa: E402

import workbench as wb  # noqa: E402

BEGIN, WEEKS, RATER = 10, 40, 8
HABITS = {"severity": {"lean": 0.9}, "severity, small": {"lean": 0.45}, "severity, weekly": {"drift": 0.04}, "noise": {"noise": 2.5},
          "gold": {"guesses_gold": 0.9}, "speed": {"hasty": 0.4}, "straight-lining": {"repeats": 0.3}, "one level": {"one_level": 0.5},
          "copying": {"copies": 0.7}, "fatigue": {"tires": 4.0}, "learning": {"green": 4.0}}


def wilson(k: int, n: int) -> str:
    """A share with its 95 % interval."""
    p, z = k / n, 1.96
    centre, reach = (p + z * z / 2 / n) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return f"{k}/{n} = {p:.3f} [{max(centre - reach, 0):.3f}, {centre + reach:.3f}]"


def null(sets: int) -> None:
    """Null years: the share with any `found`, and how often each behaviour is watched."""
    any_found, watched = 0, pd.Series(dtype=float)
    for seed in range(sets):
        table = wb.drift.contributors(wb.read(floor(seed, weeks=52)))
        found = table[table["status"] == "found"]
        any_found += len(found) > 0
        if len(found):
            print("  set", seed, found.groupby(["behaviour", "rater_id", "how"]).size().to_dict())
        watched = watched.add((table["status"] == "watch").groupby(table["behaviour"]).sum(), fill_value=0)
    print(f"null years with any found: {wilson(any_found, sets)}")
    print("rows on watch a year, by behaviour:", (watched / sets).round(2).to_dict())


def recovery(sets: int) -> None:
    """Each planted habit: how often it is found (or watched), weeks until then, and other findings."""
    for name, habit in HABITS.items():
        behaviour = name.split(",")[0]
        weeks_to, watched, others = [], 0, 0
        for seed in range(5_000, 5_000 + sets):
            late = behaviour == "learning"
            drawn = floor(seed, weeks=WEEKS, habits={RATER: {**habit, "from": 0 if late else BEGIN}}, joins={RATER: BEGIN} if late else None,
                          **({"gold_share": 0.2} if behaviour == "gold" else {}))
            table = wb.drift.contributors(wb.read(drawn))
            mine = table[(table["rater_id"] == f"r{RATER:02d}") & (table["behaviour"] == behaviour)]
            found = mine[mine["status"] == "found"]
            start = pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(days=7 * BEGIN)
            if len(found):
                weeks_to.append((found["window"].min() - start).days // 7)
            watched += (mine["status"].isin(["watch", "found"]) & (mine["window"] >= start)).any()
            others += ((table["status"] == "found") & (table["rater_id"] != f"r{RATER:02d}")).any()
        delay = f"{np.median(weeks_to):.0f} weeks (of 30)" if weeks_to else "-"
        print(f"{name:18} {habit}: found {len(weeks_to)}/{sets}, median delay {delay}, watched {watched}/{sets}; others found in {others}/{sets}")


def two_periods(rng: np.random.Generator, *, n: int = 240, raters: int = 12) -> tuple[pd.DataFrame, dict[str, float]]:
    """Ratings before and after with a known cause each: task mix, rater mix (severities), rubric version, change within cells."""
    tasks, lean = np.array([0.0, 0.8, -0.6]), np.linspace(-0.6, 0.6, raters)
    mixes, chosen, rubric, gain, rows, item = ((0.5, 0.3, 0.2), (0.2, 0.5, 0.3)), (np.ones(raters), np.linspace(0.3, 2, raters)), 0.3, 0.2, [], 0
    for late in (0, 1):
        for task in rng.choice(3, n, p=mixes[late]):
            quality = rng.normal(0, 0.7)
            for r in rng.choice(raters, 3, replace=False, p=chosen[late] / chosen[late].sum()):
                score = quality + tasks[task] + lean[r] + late * (rubric + gain) + rng.normal(0, 0.5)
                rows.append((f"i{item}", f"r{r}", f"t{task}", f"v{late}", late, score))
            item += 1
    for _ in range(40):                    # the bridge set: before's items, rated under both versions by the same raters
        quality, task = rng.normal(0, 0.7), rng.choice(3)
        for r in rng.choice(raters, 3, replace=False):
            for version in (0, 1):
                rows.append((f"i{item}", f"r{r}", f"t{task}", f"v{version}", 2, quality + tasks[task] + lean[r] + version * rubric + rng.normal(0, 0.5)))
        item += 1
    expected = [np.array([(rng.choice(raters, 3, replace=False, p=c / c.sum())) for _ in range(4_000)]).ravel() for c in chosen]
    rater_mix = lean[expected[1]].mean() - lean[expected[0]].mean()
    truth = {"mix of task_type": float((np.array(mixes[1]) - mixes[0]) @ tasks), "mix of rater_id": float(rater_mix), "rubric version": rubric,
             "within cells": gain}
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "task_type", "rubric_version", "batch", "score"]).astype({"batch": str}), truth


def parts(sets: int) -> None:
    """Coverage of the 95 % intervals of a decomposition whose parts are known."""
    covered, width, total = {}, {}, 0
    for seed in range(7_000, 7_000 + sets):
        frame, truth = two_periods(np.random.default_rng(seed))
        ratings = wb.read(frame)
        table = wb.drift.decompose(ratings.where(batch="0"), ratings.where(batch="1"), by=["task_type", "rater_id"], draws=300, seed=seed)
        table = table.set_index("part")
        for name, value in truth.items():
            covered[name] = covered.get(name, 0) + bool(table.loc[name, "low"] <= value <= table.loc[name, "high"])
            width.setdefault(name, []).append(table.loc[name, "high"] - table.loc[name, "low"])
        total += 1
    for name, k in covered.items():
        print(f"{name:18} truth {truth[name]:+.3f}  covered {wilson(k, total)}  mean width {np.mean(width[name]):.3f}")


def parties(seed: int, fall: float) -> pd.DataFrame:
    """Three parties of eight raters; from week 20 on one's raters are noisier."""
    habits = {r: {"noise": fall, "from": 20} for r in range(8)} if fall != 1 else {}
    frame = floor(seed, weeks=52, raters=24, habits=habits)
    number = pd.to_numeric(frame["rater_id"].str[1:], errors="coerce")
    party = np.array(["north", "south", "west"])[(number.fillna(0) // 8).astype(int)]
    item = frame["item_id"].str[1:].astype(int)
    return frame.assign(party=np.where(number.isna(), None, party), system=np.array(["a", "b", "c"])[item % 3], batch=frame["rated_at"].dt.strftime("%V"))


def delivery(sets: int) -> None:
    """Null years with any quality measure found fallen; and how soon a fall of one party is."""
    for fall in (1.0, 1.8):
        any_found, right, delays = 0, 0, []
        for seed in range(9_000, 9_000 + sets):
            table = wb.drift.delivery(wb.read(parties(seed, fall)))
            found = table[table["status"] == "found"]
            any_found += len(found) > 0
            mine = found[found["party"] == "north"]
            right += len(mine) > 0
            if len(mine):
                delays.append((mine["window"].min() - pd.Timestamp("2026-05-25", tz="UTC")).days // 7)
        print(f"noise x {fall}: years with any found {wilson(any_found, sets)}; the party's own {right}/{sets}, "
              f"median delay {np.median(delays) if delays else float('nan'):.0f} weeks")


def cost(n: int = 1_000_000) -> None:
    """Seconds for 10^6 ratings, 200 raters, 52 weeks."""
    rng = np.random.default_rng(0)
    items, raters = n // 3, 200
    item = np.repeat(np.arange(items), 3)
    rater = (rng.integers(0, raters, items)[:, None] + np.array([0, 17, 61])).ravel() % raters
    score = np.clip(np.round(3 + rng.normal(0, 1, items)[item] + rng.normal(0, 0.8, len(item))), 1, 5)
    at = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(item / items * 364 * 86_400 + rng.random(len(item)) * 3_600, unit="s")
    frame = pd.DataFrame({"item_id": [f"i{i}" for i in item], "rater_id": [f"r{r}" for r in rater], "score": score, "rated_at": at,
                          "seconds": np.exp(rng.normal(3, 0.5, len(item))), "task_type": np.array(list("abcd"))[item % 4]})
    for name, run in (("contributors", lambda r: wb.drift.contributors(r)), ("delivery", lambda r: wb.drift.delivery(r)),
                      ("decompose", lambda r: wb.drift.decompose(r.where(task_type=["a", "b"]), r, by=["task_type", "rater_id"], draws=100))):
        ratings = wb.read(frame)
        ratings.check()
        start, cpu = time.perf_counter(), time.process_time()
        run(ratings)
        print(f"{name}: {time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s of CPU for {len(frame):,} ratings")


if __name__ == "__main__":
    asked, size = sys.argv[1] if len(sys.argv) > 1 else "null", [int(a) for a in sys.argv[2:3]]
    {"null": null, "recovery": recovery, "parts": parts, "delivery": delivery, "cost": cost}[asked](*(size or ([] if asked == "cost" else [20])))
