"""How often the drift monitor cries wolf in a year of weekly looks, and how soon it sees a step.

    python benchmarks/false_alarms.py            # 1,000 null and 300 changed pipelines a row, about two minutes
    python benchmarks/false_alarms.py 300        # fewer

Each pipeline gives five-point ratings, 500 a week for 52 weeks, after a baseline. A step of so many standard deviations begins
at week 20; delay 0 is the first look after it, a miss counts as the weeks left. "Raters": 25 raters drawn anew each week from a
pool, 20 ratings each, severity 16 % of the variance. "Batches": each week has its own shift, SD 0.1. Seeds are fixed below.
Ratings go straight to the evidence kernel: one stream, alarm at 1 / 0.05.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.drift.evidence import log_evidence  # noqa: E402

SEED, STEP_AT, RATINGS = 20261, 20, 500
BASELINES = {"500 ratings, 1 window": [500], "2,000 ratings, 1 window": [2000], "2,000 ratings, 8 windows": [250] * 8,
             "4,000 ratings, 8 windows": [500] * 8}


def week_of_scores(rng: np.random.Generator, n: int, centre: float, kind: str) -> np.ndarray:
    """Five-point ratings of one week around `centre`, in standard deviations of a rating."""
    latent = rng.normal(centre, 1.0, n)
    if kind == "raters":
        latent = centre + np.repeat(rng.normal(0, 0.4, -(-n // 20)), 20)[:n] + rng.normal(0, 0.84**0.5, n)
    if kind == "batches":
        latent = latent + rng.normal(0, 0.1)
    return np.clip(np.round(latent + 3), 1, 5)


def pipeline(rng: np.random.Generator, baseline: list[int], weeks: int, step: float, kind: str) -> np.ndarray:
    """Log evidence at each weekly look of one pipeline."""
    sizes = np.array([*baseline, *[RATINGS] * weeks])
    begins = len(baseline) + STEP_AT - 1
    scores = [week_of_scores(rng, n, step * (j >= begins), kind) for j, n in enumerate(sizes)]
    value, variance = (np.array([f(s) for s in scores]) for f in (np.mean, lambda s: s.var(ddof=1)))
    pooled = np.cumsum(variance * sizes) / np.cumsum(sizes)
    known = np.concatenate([pooled[:1], pooled[:-1]])
    return log_evidence(value, units=sizes.astype(float), unit_variance=known, first=len(baseline))[len(baseline):]


def measure(name: str, n: int, *, step: float = 0.0, kind: str = "independent", weeks: int = 52) -> str:
    """One row: the share that alarmed wrongly with its upper 95 % limit, and the mean delay."""
    from scipy.special import betaincinv

    rng = np.random.default_rng(SEED)
    looks = [np.flatnonzero(pipeline(rng, BASELINES[name], weeks, step, kind) >= np.log(20)) for _ in range(n)]
    false = sum(bool((hit < STEP_AT - 1).any()) if step else len(hit) > 0 for hit in looks)
    delays = [next((h for h in hit if h >= STEP_AT - 1), weeks) - STEP_AT + 1 for hit in looks]
    limit = betaincinv(false + 1, n - false, 0.95) if false < n else 1.0
    missed = np.mean(np.array(delays) > weeks - STEP_AT)
    within = np.quantile(delays, 0.9)
    said = f"  mean delay {np.mean(delays):5.2f}, 90 % within {within:4.1f}, missed {missed:.1%}" if step else ""
    return f"{name:26s} {kind:12s} {weeks:3d} looks  step {step:4.2f}  n {n:5d}  " \
           f"false alarm {false / n:6.2%} (<= {limit:.2%}){said}"


def main(n: int = 1000) -> None:
    """Print every row."""
    for name in BASELINES:
        print(measure(name, n), flush=True)
        for step in (0.25, 0.5):
            print(measure(name, max(n * 3 // 10, 100), step=step), flush=True)
    for kind in ("raters", "batches"):
        for name in ("500 ratings, 1 window", "4,000 ratings, 8 windows"):
            print(measure(name, n, kind=kind), flush=True)
            for step in (0.25, 0.5):
                print(measure(name, max(n * 3 // 10, 100), step=step, kind=kind), flush=True)
    print(measure("4,000 ratings, 8 windows", max(n * 3 // 10, 100), weeks=260), flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
