"""How often simultaneous 95 % sets of ranks, intervals of Kendall's tau and of separation hold the truth, on simulated ratings.

    python benchmarks/rank_intervals.py [--draws 400] [--part scores preferences tau separation]

A few minutes of one core. Seeds are fixed below, and were before looking. Parts:

- scores: k systems on P prompts, through `scores_standing` and `told_above` as `rank_systems` uses them. True means all equal, in tied
  pairs, or a step apart; every system on every prompt, or a random half of the prompts each; errors normal, or a skewed lump
  (most ratings at the top, as in error counts). `held`: draws in which every system's set holds its rank and all ranks tied with it.
  Beside it what is usual: the middle 95 % of each system's bootstrapped rank, one system at a time (`percentile`).
- preferences: the same of strengths by Davidson's model, with ties and an effect of order, prompts of their own inclination.
- tau: Kendall's tau between two rubrics on the same prompts.
- separation: the t interval of signal over noise by the jackknife, and of its difference between two rubrics alike.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from workbench.rubric.preferred import preference_standing
from workbench.rubric.separation import Measured, signal_to_noise
from workbench.rubric.simultaneous import deviations, kendall_set, rank_sets, told_above
from workbench.rubric.standing import scores_standing

SEED, RESAMPLES, CONFIDENCE = 20_260_101, 500, 0.95
TRUTHS = ("equal", "pairs", "steps")


def means(truth: str, k: int) -> np.ndarray:
    """True values of k systems, the best first."""
    place = np.arange(k)
    return -0.25 * {"equal": 0 * place, "pairs": place // 2, "steps": place}[truth].astype(float)


def errors(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Errors of mean 0 and SD 1 with a part that prompts share."""
    noise = rng.standard_normal(shape) if kind == "normal" else (0.2 - (rng.random(shape) < 0.2) * rng.exponential(1, shape)) / 0.6
    return noise + 0.5 * rng.standard_normal((shape[0], 1))


def table(cells: np.ndarray) -> pd.DataFrame:
    """Ratings of one rater from cells (P, k), nan where none."""
    prompt, system = np.nonzero(~np.isnan(cells))
    return pd.DataFrame({"prompt": prompt, "system": [f"s{i:02d}" for i in system], "score": cells[prompt, system],
                         "item_id": prompt * cells.shape[1] + system, "rater_id": 0})


def truly(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best and worst rank of each system, tied ones sharing all of theirs."""
    return 1 + (value > value[:, None]).sum(axis=1), (value >= value[:, None]).sum(axis=1)


def judged(standing: object, truth: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Whether all rank sets hold, whether all percentile intervals do, and the mean width of the sets."""
    k = len(truth)
    value, influence = standing.value[:k], standing.influence[:, :k]
    drawn = deviations(influence, draws=RESAMPLES, seed=seed)
    told = told_above(value, influence, standing.df[:k], np.zeros(k), confidence=CONFIDENCE, draws=RESAMPLES, seed=seed)
    _, low, high = rank_sets(value, told)
    best, worst = truly(truth)
    ranks = 1 + np.argsort(np.argsort(-(value + drawn), axis=1), axis=1)
    ends = np.quantile(ranks, [0.025, 0.975], axis=0)
    usual = ((ends[0] <= worst) & (ends[1] >= best)).all()
    return float(((low <= best) & (high >= worst)).all()), float(usual), float((high - low + 1).mean())


def scores(draws: int) -> None:
    """Sets of ranks by mean scores."""
    for k in (2, 5, 15):
        for truth in TRUTHS:
            for prompts, share, kind in ((20, 1.0, "normal"), (50, 1.0, "skewed"), (200, 1.0, "skewed"), (100, 0.5, "normal")):
                rng, found, value = np.random.default_rng(SEED), [], means(truth, k)
                for draw in range(draws):
                    cells = value + errors(rng, (prompts, k), kind)
                    cells[rng.random(cells.shape) > share] = np.nan
                    found.append(judged(scores_standing(table(cells)), value, draw))
                said("scores", f"k {k:2d}  {truth:6s} P {prompts:3d}  filled {share:.1f}  {kind:7s}", found)


def preferences(draws: int) -> None:
    """Sets of ranks by strengths."""
    for k in (2, 5, 15):
        for truth in TRUTHS:
            for prompts in (60, 300):
                rng, found, value = np.random.default_rng(SEED), [], 2 * means(truth, k)
                for draw in range(draws):
                    found.append(judged(preference_standing(duels(rng, value, prompts)), value, draw))
                said("preferences", f"k {k:2d}  {truth:6s} P {prompts:3d}", found)


def duels(rng: np.random.Generator, value: np.ndarray, prompts: int, each: int = 6) -> pd.DataFrame:
    """So many comparisons a prompt, by Davidson's model with an order effect of .4."""
    k, n = len(value), prompts * each
    first = rng.integers(k, size=n)
    second = (first + 1 + rng.integers(k - 1, size=n)) % k
    shown = rng.choice([1, -1], n)
    gap = value[first] - value[second] + 0.4 * shown
    weight = np.exp(np.column_stack([gap / 2, -gap / 2, np.full(n, -0.5)]))
    drawn = (rng.random((n, 1)) > (weight / weight.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    name = np.array([f"s{i:02d}" for i in range(k)])
    return pd.DataFrame({"prompt": np.repeat(np.arange(prompts), each), "item_id": np.arange(n), "rater_id": 0, "system": name[first],
                         "system_b": name[second], "shown_first": np.where(shown > 0, name[first], name[second]),
                         "label": np.array(["A", "B", "tie"])[drawn]})


def tau(draws: int) -> None:
    """Intervals of Kendall's tau."""
    for k in (5, 15):
        for prompts in (50, 300):
            for alike in (True, False):
                rng, found = np.random.default_rng(SEED), []
                one = means("steps", k)
                other = one if alike else one[np.r_[1, 0, 3, 2, 4:k]]
                truth = kendall_set(one, other, *[np.zeros((k, k))] * 2)[0]
                for draw in range(draws):
                    shared = 0.5 * rng.standard_normal((prompts, k))
                    both = [scores_standing(table(value + shared + errors(rng, shared.shape, "normal"))) for value in (one, other)]
                    value, influence = np.concatenate([b.value for b in both]), np.hstack([b.influence for b in both])
                    drawn = deviations(influence, draws=RESAMPLES, seed=draw)
                    told = told_above(value, influence, np.full(2 * k, prompts - 1), np.repeat([0, 1], k), confidence=CONFIDENCE,
                                      draws=RESAMPLES, seed=draw)
                    _, low, high = kendall_set(value[:k], value[k:], told[:k, :k], told[k:, k:])
                    ends = np.quantile([kendall_set(x[:k], x[k:], told[:k, :k], told[k:, k:])[0] for x in (value + drawn)[:200]],
                                       [0.025, 0.975])
                    found.append((low <= truth <= high, ends[0] <= truth <= ends[1], high - low))
                said("tau", f"k {k:2d}  P {prompts:3d}  true tau {truth:.2f}", found)


def separation(draws: int) -> None:
    """Intervals of signal over noise of one rubric (first figure), and of the difference of two alike (second)."""
    for k in (2, 5, 15):
        for prompts in (30, 200):
            for kind in ("normal", "skewed"):
                rng, found, value = np.random.default_rng(SEED), [], means("steps", k) * 5 / k
                truth = prompts * float(value.var(ddof=1))
                for _ in range(draws):
                    both = []
                    for _ in range(2):
                        standing = scores_standing(table(value + errors(rng, (prompts, k), kind)))
                        ratio, slope = signal_to_noise(standing.value, standing.influence)
                        both.append(Measured(ratio, pd.Series(slope, index=standing.prompt)))
                    own, change = both[0].row("s", CONFIDENCE), both[1].less(both[0]).row("d", CONFIDENCE)
                    found.append((own["low"] <= truth <= own["high"], change["low"] <= 0 <= change["high"], own["value"] / truth))
                said("separation", f"k {k:2d}  P {prompts:3d}  {kind:7s} true {truth:6.1f}", found)


def said(part: str, cell: str, found: list[tuple[float, float, float]]) -> None:
    """One row of the table."""
    held, beside, width = np.mean(found, axis=0)
    third = "value/true" if part == "separation" else "width"
    second = {"separation": "difference held"}.get(part, "percentile")
    print(f"{part:11s} {cell:45s} held {held:.3f}  {second} {beside:.3f}  {third} {width:.2f}", flush=True)


def main() -> None:
    """Print every row."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=400)
    options.add_argument("--part", nargs="*", default=["scores", "preferences", "tau", "separation"])
    asked, clock = options.parse_args(), time.perf_counter()
    parts = {"scores": scores, "preferences": preferences, "tau": tau, "separation": separation}
    for part in asked.part:
        parts[part](asked.draws)
    print(f"{time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
