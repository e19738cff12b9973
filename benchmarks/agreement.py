"""Agreement against the package `krippendorff`, side by side in one run: medians of five, and their ratios.

    python benchmarks/agreement.py [--ratings 1000000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

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
from workbench.reduce import patterns

REPEATS = 5
FOUR = ("krippendorff_alpha", "fleiss_kappa", "gwet_ac", "brennan_prediger")


def seconds(work: Callable[[], object]) -> float:
    """Median wall time of `REPEATS` runs."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def panel(n: int, raters: int, levels: int = 5, per_item: int = 5) -> pd.DataFrame:
    """A long frame with string ids: raters in rotation, each item rated `per_item` times."""
    generator = np.random.default_rng(0)
    items = n // per_item
    offsets = np.cumsum(generator.integers(1, raters // per_item + 1, (items, per_item)), axis=1)
    rater = (generator.integers(raters, size=(items, 1)) + offsets) % raters
    truth = generator.integers(0, levels, items)
    score = np.clip(truth[:, None] + generator.integers(-1, 2, rater.shape), 0, levels - 1)
    return pd.DataFrame({"item_id": np.repeat([f"item-{i:07d}" for i in range(items)], per_item),
                         "rater_id": np.char.add("rater-", rater.ravel().astype(str)), "score": score.ravel().astype(float)})


def alpha_and_error(group: object) -> tuple[float, float]:
    """Alpha and its linearised error from patterns."""
    sums = alpha_sums(group)
    return (float(resample.value(sums.formula, sums.weight @ sums.terms)),
            resample.linearized(sums.formula, sums.terms, sums.weight))


def all_draws(group: object) -> None:
    """1,000 bootstrap draws of five coefficients."""
    corrected = [chance_sums(group, chance, "identity") for chance in (fleiss_chance, ac_chance, uniform_chance)]
    for sums in (alpha_sums(group), percent_sums(group), *corrected):
        resample.bootstrap(sums.formula, sums.terms, sums.weight, draws=1000, seed=0)


def compare(label: str, ours: float, peer: float | None = None, peer_label: str = "") -> None:
    against = "" if peer is None else f"   {peer_label} {peer:8.3f} s   ratio {peer / ours:6.1f}"
    print(f"{label:<64} {ours:8.3f} s{against}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    n = parser.parse_args().ratings
    long, few = panel(n, raters=200), panel(n, raters=50)

    def peer_alpha() -> None:
        wide = long.pivot(index="rater_id", columns="item_id", values="score").to_numpy()
        krippendorff.alpha(reliability_data=wide, level_of_measurement="ordinal")

    def four() -> None:
        ratings = wb.read(long)
        for name in FOUR:
            getattr(wb.agreement, name)(ratings)

    name, peer = "krippendorff, pivot and one alpha", seconds(peer_alpha)
    compare("long frame, string ids -> alpha, Fleiss, AC, BP with errors", seconds(four), peer, name)
    ratings = wb.read(long)
    group = patterns(ratings)[0]
    compare("the same again, reductions kept", seconds(lambda: [getattr(wb.agreement, f)(ratings) for f in FOUR]), peer, name)
    counts = np.repeat(group.counts, group.weight.astype(int), axis=0)
    from_counts = seconds(lambda: krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal"))
    compare(f"alpha with its error from {len(group.counts)} patterns", seconds(lambda: alpha_and_error(group)), from_counts,
            "krippendorff, counts")
    compare("1,000 bootstrap draws of five coefficients", seconds(lambda: all_draws(group)), 5000 * from_counts,
            "krippendorff, 5,000 alphas")
    compare("all pairs of 50 raters, quadratic weights", seconds(lambda: wb.agreement.pairs(wb.read(few), weights="quadratic")))
    compare("raters, leave-one-out of 50 raters", seconds(lambda: wb.agreement.raters(wb.read(few))))
    slider = long.assign(score=np.random.default_rng(1).normal(size=len(long)) + long["score"]).head(100_000)
    compare("interval alpha of 10^5 real scores, with its error",
            seconds(lambda: wb.agreement.krippendorff_alpha(wb.read(slider))))
    compare("interval alpha of 10^5 real scores, 1,000 draws",
            seconds(lambda: wb.agreement.krippendorff_alpha(wb.read(slider), interval="bootstrap")))


if __name__ == "__main__":
    main()
