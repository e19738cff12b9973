"""How often the intervals of `corrected_mean` hold the planted mean, and how wide they are beside those of the humans alone.

    OMP_NUM_THREADS=1 python benchmarks/corrected_mean.py          # 2,000 draws a cell, about five minutes
    OMP_NUM_THREADS=1 python benchmarks/corrected_mean.py 200      # fewer

Five-point scores: two humans rate each labelled item, y is their mean; a model that scores .6 too high rates all items and follows
the item's latent quality with the given correlation. "items": independent. "prompts": items come in prompts of 4 that hold 40 % of
the variance, the labelled ones drawn item by item. "whole prompts": drawn by prompt. "rare": a yes/no score, 10 % yes. Nominal
95 %; with 2,000 draws a share of .95 has a standard error of .005. Labels in fewer than ten clusters have no interval.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.agreement.powered import LEAST_LABELLED, Mean, plain_mean, powered_mean  # noqa: E402
from workbench.resample import t_interval  # noqa: E402

SEED, CENTRE, NOISE, BIAS, PROMPT, SHARE = 20263, 3.4, 0.7, 0.6, 4, 0.4
DESIGNS = ("items", "prompts", "whole prompts", "rare")


def scores(latent: np.ndarray, design: str) -> np.ndarray:
    """What a rater writes down who sees `latent`."""
    if design == "rare":
        return (latent > CENTRE - ndtri(0.1) * (1 + NOISE**2) ** 0.5).astype(float)
    return np.clip(np.round(latent), 1, 5)


def target(design: str) -> float:
    """The mean score of a human over all items there could be."""
    cuts = (np.arange(1.5, 5) - CENTRE) / (1 + NOISE**2) ** 0.5
    return 0.1 if design == "rare" else 1 + float(ndtr(-cuts).sum())


def draw(rng: np.random.Generator, n: int, others: int, follows: float, design: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Human and model scores and clusters of one data set; `n` items labelled, `others` not."""
    m = n + others
    nested = "prompts" in design
    cluster = np.arange(m) // PROMPT if nested else np.arange(m)
    quality = rng.standard_normal(m)
    if nested:
        quality = (1 - SHARE) ** 0.5 * quality + SHARE**0.5 * rng.standard_normal(cluster[-1] + 1)[cluster]
    f = scores(CENTRE + BIAS + follows * quality + (1 - follows**2) ** 0.5 * rng.standard_normal(m), design)
    chosen = np.arange(n) if design == "whole prompts" else rng.choice(m, n, replace=False)
    y = np.full(m, np.nan)
    y[chosen] = scores(CENTRE + quality[chosen] + NOISE * rng.standard_normal((2, n)), design).mean(axis=0)
    return y, f, cluster


def reach(mean: Mean) -> float:
    """Half the width of the 95 % interval."""
    return t_interval(0.0, mean.se, mean.df, 0.95)[1]


def measure(n: int, others: int, follows: float, design: str, draws: int) -> str:
    """One row of the table."""
    rng, truth, found = np.random.default_rng(SEED), target(design), []
    for _ in range(draws):
        y, f, cluster = draw(rng, n, others, follows, design)
        if len(np.unique(cluster[~np.isnan(y)])) < LEAST_LABELLED:
            continue
        corrected, power, _ = powered_mean(y, f, cluster)
        human, plain = plain_mean(y, cluster), plain_mean(f, cluster)
        found.append([abs(corrected.value - truth) <= reach(corrected), abs(human.value - truth) <= reach(human),
                      abs(plain.value - truth) <= reach(plain), reach(corrected) / max(reach(human), 1e-9), power, corrected.value - truth])
    said = f"{design:14s} labelled {n:4d}  unlabelled {others:6,d}  correlation {follows:3.1f}  "
    if not found:
        return said + "fewer than ten clusters with labels: no interval"
    held, human, plain, width, power, off = np.mean(found, axis=0)
    return said + f"corrected {held:.3f}  human {human:.3f}  autorater {plain:.3f}  width {width:.2f}  power {power:.2f}  bias {off:+.4f}"


def main(draws: int = 2000) -> None:
    """Print every row."""
    for design in DESIGNS:
        for n in (20, 50, 200):
            for others in (1_000, 10_000):
                for follows in (0.0, 0.5, 0.9):
                    print(measure(n, others, follows, design, draws), flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
