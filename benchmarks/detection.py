"""Whether the claims of `wb.signal` hold: power, coverage, steps of none that are called real, and cost.

    python benchmarks/detection.py [--part power coverage steps cost] [--draws 1000]

Seeds are fixed below. Parts:

- power: the effect that `detectable` names (root mean square over 400 pilots), planted in fresh panels: how often a t test over prompts
  finds it, nominal 80 %; raters are drawn without replacement for every item, so that severities are shared between prompts.
- coverage: 95 % intervals of each variance, of reliability and dependability, and of a planned reliability (four times the prompts, twice
  the raters), on sparse tables of systems x prompts x raters.
- steps: series of six versions without a step, scored on 1-5, looked at after every prompt: the share of series in which any step is
  ever called real (at most 5 %), with even, skewed and mostly tied differences; and by when a real step of 0.1 to 1 SD of a difference
  is found, beside the sample size of the t test, which looks once.
- cost: seconds and memory of the four statistics at a million ratings (100,000 answers of 10 systems, 10 ratings each by 200 raters).
"""

from __future__ import annotations

import argparse
import math
import resource
import time

import numpy as np
import pandas as pd

import workbench as wb
from workbench.signal.components import Design, components
from workbench.signal.power import items_needed, smallest_effect
from workbench.signal.progress_evidence import log_evidence
from workbench.signal.reliability_components import factors
from workbench.signal.reliability_study import scaled, spread_of

PILOTS, K, RATERS = 400, 2, 12
KINDS = ("system", "prompt", "rater", "system:prompt", "system:rater", "prompt:rater", "residual")
DESIGNS = {"6 systems, 60 prompts, 12 raters": (6, 60, 12, (0.1, 0.2, 0.1, 0.3, 0.02, 0.05, 0.5)),
           "4 systems, 40 prompts, 6 raters": (4, 40, 6, (0.1, 0.2, 0.1, 0.3, 0.02, 0.05, 0.5)),
           "12 systems, 100 prompts, 20 raters": (12, 100, 20, (0.02, 0.2, 0.1, 0.3, 0.05, 0.05, 0.5)),
           "6 systems alike, no interaction of raters": (6, 60, 12, (0.02, 0.2, 0.1, 0.3, 0.0, 0.0, 0.5))}


def panels(rng: np.random.Generator, size: int, *, n: int, items: int, paired: bool, raters: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """`size` panels (size, prompts, 2, items, ratings) of two systems, and who rated."""
    prompt = rng.normal(0, 0.7, (size, n, 1 if paired else 2, 1))
    answer = prompt + rng.normal(0, 0.6, (size, n, 2, items)) + gain * np.array([0, 1])[:, None]
    who = np.argsort(rng.random((size, n, 2, items, raters)), axis=-1)[..., :K]
    lean = np.broadcast_to(rng.normal(0, 0.5, (size, 1, 1, 1, raters)), (size, n, 2, items, raters))
    return answer[..., None] + np.take_along_axis(lean, who, -1) + rng.normal(0, 0.7, who.shape), who


def power(draws: int) -> None:
    """How often the named effect is found."""
    from scipy import stats

    rows = []
    for n, items, paired, raters in ((12, 1, True, 12), (40, 1, True, 12), (40, 1, False, 12), (20, 3, True, 12), (20, 3, False, 12),
                                     (40, 1, True, 2), (200, 1, True, 12)):
        rng = np.random.default_rng(1)
        kind, effects = {"n": n, "items": items, "paired": paired, "raters": raters}, []
        for score, who in zip(*panels(rng, PILOTS, gain=0.0, **kind)):
            prompt, system, item, _ = (code.ravel() for code in np.indices(score.shape))
            design = Design(score.ravel(), (prompt * 2 + system) * items + item, who.ravel(), system, prompt if paired else prompt * 2 + system)
            effects.append(smallest_effect(components(design).difference, n_items=n, paired=paired))
        gain, found = math.sqrt(np.mean(np.square(effects))), []
        for _ in range(max(draws // 500, 4)):
            means = panels(rng, 500, gain=gain, **kind)[0].mean((3, 4))
            found.append((stats.ttest_rel if paired else stats.ttest_ind)(means[:, :, 1], means[:, :, 0], axis=1).pvalue < 0.05)
        rows.append(kind | {"effect": gain, "found": np.mean(found), "draws": np.size(found)})
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def drawn(rng: np.random.Generator, systems: int, prompts: int, raters: int, variances: tuple[float, ...],
          k: int = 3) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every system on every prompt, k of the raters on each answer."""
    s, p = (np.repeat(code.ravel(), k) for code in np.indices((systems, prompts)))
    r = np.argsort(rng.random((systems * prompts, raters)), axis=1)[:, :k].ravel()
    codes = (s, p, r, s * prompts + p, s * raters + r, p * raters + r, np.arange(len(s)))
    return sum(rng.normal(0, math.sqrt(v), int(c.max()) + 1)[c] for v, c in zip(variances, codes)), {"system": s, "prompt": p, "rater": r}


def coverage(draws: int) -> None:
    """How often intervals hold the truth."""
    rows = []
    for name, (systems, prompts, raters, variances) in DESIGNS.items():
        rng, planted, hits = np.random.default_rng(2), np.array(variances), []
        for seed in range(draws):
            spread = spread_of(factors(*drawn(rng, systems, prompts, raters, variances), of="system"), seed)
            planned = np.array([own * scaled(f, {"prompt": 0.25, "rater": 0.5}) for f, own in zip(KINDS, spread.relative)])
            weights = (spread.relative, spread.absolute, planned)
            truth = [*planted, *(planted[0] / (planted[0] + (w * planted)[1:].sum()) for w in weights)]
            own = [*spread.component_rows(0.95), *(spread.coefficient(w, 0.95) for w in weights)]
            hits.append([row["low"] <= t <= row["high"] for row, t in zip(own, truth)])
        rows.append({"design": name} | dict(zip((*KINDS, "reliability", "dependability", "planned"), np.mean(hits, axis=0))))
    print(pd.DataFrame(rows).set_index("design").T.round(3).to_string())


def series(rng: np.random.Generator, kind: str, prompts: int) -> np.ndarray:
    """Mean scores of six versions of one mean on 1-5, (6, prompts)."""
    if kind == "even":
        answer = rng.normal(3, 0.8, prompts) + rng.normal(0, 0.8, (6, prompts))
        return np.clip(np.rint(answer[:, :, None] + rng.normal(0, 0.8, (6, prompts, 3))), 1, 5).mean(2)
    if kind == "skewed":      # every other version is a tenth better, save on the twentieth of prompts where it fails
        fails = (rng.random((6, prompts)) < 0.05) * 2.0
        return 3 + rng.uniform(-0.3, 0.3, (6, prompts)) + (np.arange(6)[:, None] % 2) * (0.1 - fails)
    return rng.choice([2.0, 3.0, 4.0], (6, prompts), p=[0.02, 0.96, 0.02])


def steps(draws: int) -> None:
    """How often a step of none is ever called real, and when a real one is found."""
    rng, rows, wanted = np.random.default_rng(3), [], math.log(5 / 0.05)
    for prompts, n in ((200, draws), (1000, max(draws // 4, 100))):
        for kind in ("even", "skewed", "mostly tied"):
            found = [any(log_evidence(np.diff(pair, axis=0)[0], 4.0).max() >= wanted for pair in zip(scores, scores[1:]))
                     for scores in (series(rng, kind, prompts) for _ in range(n))]
            rows.append({"prompts": prompts, "kind": kind, "series": n, "ever called real": np.mean(found)})
    print(pd.DataFrame(rows).round(3).to_string(index=False))
    rows = []
    for size in (0.1, 0.2, 0.3, 0.5, 1.0):
        evidence = [log_evidence(np.clip(rng.normal(size, 1, 6000), -4, 4), 4.0) >= math.log(20) for _ in range(200)]
        when = [np.argmax(e) + 1 if e.any() else math.inf for e in evidence]
        rows.append({"step (SD)": size, "median prompts": np.median(when), "80 % by": np.quantile(when, 0.8, method="higher"),
                     "t test, power .5": items_needed(1.0, effect=size, paired=True, power=0.5),
                     "t test, power .8": items_needed(1.0, effect=size, paired=True)})
    print(pd.DataFrame(rows).round(1).to_string(index=False))


def cost(_: int) -> None:
    """Seconds at a million ratings."""
    rng, answers, k = np.random.default_rng(4), 100_000, 10
    item = np.repeat(np.arange(answers), k)
    rater = (rng.integers(200, size=answers)[:, None] + np.arange(k) * 7) % 200
    score = np.clip(np.rint(3 + rng.normal(0, 0.8, answers)[item] + rng.normal(0, 0.3, 200)[rater.ravel()] + rng.normal(0, 0.7, len(item))), 1, 5)
    stamp = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(item // 10 * 365 // (answers // 10), unit="D")
    ratings = wb.read(pd.DataFrame({"item_id": item, "prompt_id": item // 10, "system": np.char.add("v", (item % 10).astype(str)),
                                    "rater_id": rater.ravel(), "score": score, "rated_at": stamp}))
    ratings.check()
    for name, call in {"verifiability": wb.signal.verifiability, "detectable": wb.signal.detectable, "next_purchase": wb.signal.next_purchase,
                       "reliability": wb.signal.reliability,
                       "progress": lambda r: wb.signal.progress(r, versions=[f"v{i}" for i in range(10)])}.items():
        start = time.perf_counter()
        call(ratings)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{name:15s} {time.perf_counter() - start:6.1f} s, peak so far {peak:.1f} GB", flush=True)


def main() -> None:
    """The parts asked for."""
    parts = {"power": power, "coverage": coverage, "steps": steps, "cost": cost}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=list(parts), default=list(parts))
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    for name in options.part:
        print(f"{name}:", flush=True)
        parts[name](options.draws)


if __name__ == "__main__":
    main()
