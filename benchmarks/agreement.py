"""Agreement against the packages in use, side by side in one run: medians of five, taken in turns, and their ratios.

    python benchmarks/agreement.py [--ratings 1000000] [--repeats 5]

Wall time is what a reader waits; processor time, over all threads, is what is left of it on a machine that others use too.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd

import workbench as wb
from workbench import resample
from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import chance_sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums
from workbench.reduce import Patterns, patterns

FOUR = ("krippendorff_alpha", "fleiss_kappa", "gwet_ac", "brennan_prediger")
Work = Callable[[], object]
MEMORY = """
import sys
import numpy as np, pandas as pd, workbench as wb
def scores(n):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"item_id": np.repeat(np.arange(n // 5), 5).astype(str), "rater_id": np.tile(list("abcde"), n // 5),
                         "score": np.repeat(rng.normal(size=n // 5), 5) + rng.normal(size=n)})
ask = lambda n: wb.agreement.krippendorff_alpha(wb.read(scores(n)), interval="linearized")
def peak():  # of this program: ru_maxrss would be that of the one which started it
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
ask(100)
before = peak()
ask(int(sys.argv[1]))
print(before, peak())
"""


def panel(n: int, raters: int, levels: int = 5, per_item: int = 5) -> pd.DataFrame:
    """A long frame with string ids in the order of items, each rated by `per_item` different raters."""
    rng = np.random.default_rng(0)
    items = n // per_item
    steps = np.cumsum(rng.integers(1, max(raters // per_item, 1) + 1, (items, per_item)), axis=1)
    rater = (rng.integers(raters, size=(items, 1)) + steps) % raters if raters > per_item else np.tile(np.arange(raters), (items, 1))
    truth = rng.integers(0, levels, items)
    score = np.clip(truth[:, None] + rng.integers(-1, 2, rater.shape), 0, levels - 1)
    return pd.DataFrame({"item_id": np.repeat([f"item-{i:07d}" for i in range(items)], per_item),
                         "rater_id": np.char.add("rater-", rater.ravel().astype(str)), "score": score.ravel().astype(float)})


def coded(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with whole numbers for ids and scores."""
    return pd.DataFrame({"item_id": frame["item_id"].factorize()[0], "rater_id": frame["rater_id"].factorize()[0],
                         "score": frame["score"].astype(int)})


class Table:
    """Prints a row for each comparison."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        print(f"{'':<66}{'wall':>9}{'peer':>10}{'ratio':>8}{'  (of processor time)'}")

    def row(self, label: str, ours: Work, peer: Work | None = None, *, times: float = 1, target: float | None = None,
            limit: float | None = None, repeats: int | None = None) -> None:
        """Time both in turns; `times` scales the peer's share of the work. `target`: the ratio, `limit`: the seconds, aimed at."""
        works = [work for work in (ours, peer) if work is not None]
        taken: list[list[tuple[float, float]]] = [[] for _ in works]
        for _ in range(repeats or self.repeats):
            for work, own in zip(works, taken):
                wall, processor = time.perf_counter(), time.process_time()
                work()
                own.append((time.perf_counter() - wall, time.process_time() - processor))
        medians = [[statistics.median(one[k] for one in own) for k in range(2)] for own in taken]
        text = f"{label:<66}{medians[0][0]:>8.3f}s"
        if peer is not None:
            (wall, processor), (peer_wall, peer_processor) = medians
            text += f"{peer_wall * times:>9.2f}s{peer_wall * times / wall:>8.1f}  ({peer_processor * times / processor:.1f})"
            text += "" if target is None else f"  target {target:g}: {'met' if peer_wall * times / wall >= target else 'missed'}"
        text += "" if limit is None else f"  under {limit:g} s: {'met' if medians[0][0] < limit else 'missed'}"
        print(text, flush=True)


def four(frame: pd.DataFrame) -> None:
    """Four coefficients with their linearised errors from a frame never seen."""
    ratings = wb.read(frame)
    for name in FOUR:
        getattr(wb.agreement, name)(ratings, interval="linearized")


def wide_alpha(frame: pd.DataFrame) -> float:
    """krippendorff's alpha from the usual matrix, raters by items."""
    wide = frame.pivot(index="rater_id", columns="item_id", values="score").to_numpy()
    return krippendorff.alpha(reliability_data=wide, level_of_measurement="ordinal")


def counts_of(frame: pd.DataFrame) -> np.ndarray:
    """Counts of levels by item, the leanest way there is from whole numbers."""
    item, level = frame["item_id"].to_numpy(), frame["score"].to_numpy()
    q = level.max() + 1
    return np.bincount(item * q + level, minlength=(item.max() + 1) * q).reshape(-1, q)


def alpha_of(counts: np.ndarray) -> float:
    """krippendorff's alpha from counts."""
    return krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal")


def all_sums(group: Patterns) -> list[object]:
    """What five coefficients need of a group."""
    corrected = [chance_sums(group, chance, "identity") for chance in (fleiss_chance, ac_chance, uniform_chance)]
    return [alpha_sums(group), percent_sums(group), *corrected]


def with_errors(group: Patterns) -> None:
    """Five coefficients and their linearised errors from patterns."""
    for sums in all_sums(group):
        resample.value(sums.formula, sums.weight @ sums.terms)
        resample.linearized(sums.formula, sums.terms, sums.weight)


def with_draws(group: Patterns) -> None:
    """1,000 bootstrap draws of five coefficients."""
    for sums in all_sums(group):
        resample.bootstrap(sums.formula, sums.terms, sums.weight, draws=1000, seed=0)


def drawn_alphas(counts: np.ndarray, draws: int) -> None:
    """krippendorff's alpha in resamples of the items."""
    rng = np.random.default_rng(0)
    for _ in range(draws):
        alpha_of(counts[rng.integers(len(counts), size=len(counts))])


def pair_loop(frame: pd.DataFrame) -> None:
    """scikit-learn's weighted kappa of each two raters on the items they share."""
    from sklearn.metrics import cohen_kappa_score

    wide = frame.pivot(index="item_id", columns="rater_id", values="score")
    columns = [wide[rater].to_numpy() for rater in wide]
    for a, b in combinations(columns, 2):
        both = ~(np.isnan(a) | np.isnan(b))
        cohen_kappa_score(a[both], b[both], weights="quadratic")


def panels(table: Table, n: int) -> None:
    """Whole tables: from a frame to estimates."""
    for raters in (50, 200, 1_000):
        frame = panel(n, raters)
        table.row(f"{n:,} ratings, {raters:,} raters, {n // 5:,} items, string ids: 4 coefficients", lambda: four(frame),
                  lambda: wide_alpha(frame), target=10)
    whole = coded(panel(n, 200))
    table.row("the same, 200 raters, integer ids; peer: crosstab and one alpha", lambda: four(whole),
              lambda: alpha_of(pd.crosstab(whole["item_id"], whole["score"]).to_numpy()), target=10)
    table.row("the same; peer: numpy counts and one alpha", lambda: four(whole), lambda: alpha_of(counts_of(whole)), target=10)
    group, counts = patterns(wb.read(whole))[0], counts_of(whole)
    table.row("from counts: 5 coefficients with errors; peer: one alpha", lambda: with_errors(group), lambda: alpha_of(counts), target=10)


def resamples(table: Table, n: int) -> None:
    """The bootstrap from counts."""
    small = coded(panel(n // 10, 200))
    group, counts = patterns(wb.read(small))[0], counts_of(small)
    table.row(f"1,000 draws of 5 coefficients, {n // 10:,} ratings; peer: of one alpha", lambda: with_draws(group),
              lambda: drawn_alphas(counts, 20), times=50, target=200)
    for levels, raters in ((5, 5), (7, 7)):
        large = patterns(wb.read(coded(panel(n, raters, levels, raters))))[0]
        table.row(f"1,000 draws of 5 coefficients, {n:,} ratings, {levels} levels, {raters} raters", lambda: with_draws(large), limit=0.5)


def others(table: Table, n: int) -> None:
    """Pairs, real-valued scores, ICC."""
    few = panel(n, 50)
    table.row(f"quadratic kappas of 1,225 pairs, {n:,} ratings; peer: scikit-learn",
              lambda: wb.agreement.pairs(wb.read(few), weights="quadratic"), lambda: pair_loop(few), target=50)
    noise = np.random.default_rng(1).normal(size=n)
    real = [panel(size, 200).assign(score=lambda t: t["score"] + noise[:len(t)]) for size in (n // 10, n)]
    tiny = panel(500, 20)  # the peer's memory grows with the cube: 2,000 values take all of a 24 GB machine
    tiny = tiny.assign(score=tiny["score"] + noise[:len(tiny)])
    for frame in real:
        table.row(f"interval alpha of {len(frame):,} real-valued scores", lambda: wb.agreement.krippendorff_alpha(
            wb.read(frame), interval="linearized"))
    table.row("interval alpha of 500 real-valued scores; peer: krippendorff",
              lambda: wb.agreement.krippendorff_alpha(wb.read(tiny), interval="linearized"),
              lambda: krippendorff.alpha(reliability_data=tiny.pivot(index="rater_id", columns="item_id", values="score").to_numpy(),
                                         level_of_measurement="interval"))
    if Path("/proc/self/status").exists():
        command = [sys.executable, "-W", "ignore", "-c", MEMORY, str(n // 10)]
        before, after = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        print(f"  its memory at {n // 10:,} scores: {after - before:.0f} MB above the {before:.0f} MB that libraries and a small table take"
              f"  under 200 MB: {'met' if after - before < 200 else 'missed'}")
    full = panel(n // 10, 5)
    import pingouin

    table.row(f"six ICCs of {n // 10:,} ratings; peer: pingouin", lambda: wb.agreement.icc(wb.read(full)),
              lambda: pingouin.intraclass_corr(full, targets="item_id", raters="rater_id", ratings="score"), target=20)
    known = wb.read(full)
    table.row("the same of ratings that were asked before", lambda: wb.agreement.icc(known),
              lambda: pingouin.intraclass_corr(full, targets="item_id", raters="rater_id", ratings="score"), target=20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    four(panel(1_000, 10))  # what is loaded once is loaded before
    table = Table(given.repeats)
    for part in (panels, resamples, others):
        part(table, given.ratings)


if __name__ == "__main__":
    main()
