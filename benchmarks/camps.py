"""Camps of raters: how often planted ones come back, how often none are seen where none are, and what it costs.

    python benchmarks/camps.py                  # 200 draws a row: about 20 minutes
    python benchmarks/camps.py --draws 40       # fewer
    python benchmarks/camps.py --only null      # rows whose name holds the word

A rater's latent opinion of an item has variance 1; two raters of a camp correlate by .5, of different camps by .3, without camps by .4.
"Severity" shifts a rater's thresholds by a normal draw of that SD, "scale use" stretches them (log-normal, 0.5), "noise" draws
correlations with the common opinion from .3 to .9; "unclear items" have a noise of their own for all raters (log-normal, 0.5). Right: every
rater in the planted camp. Partly: some, the others not placed. Bounded: no camps, but only such are excluded as are further apart than the
planted ("camps of equal size that correlate by .4 or less would have been seen"). Missed: no camps, and such as were planted excluded if of
equal size. Wrong: any rater in another camp, or camps where none are. Seeds are fixed: SEED + row, one generator a row.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.disagreement.camps_search import Answer, Panel, camps_of  # noqa: E402

SEED, ITEMS, RATERS = 20261, 300, 12
THRESHOLDS = {2: [0.0], 5: [-1.5, -0.5, 0.5, 1.5]}
HALVES, FEW = (6, 6), (9, 3)
ACROSS = 0.3 / 0.5      # correlation of two camps' things

PLANTED = {
    "5 levels, 6 against 6": dict(camps=HALVES),
    "5 levels, 6 against 6, severity 1": dict(camps=HALVES, severity=1.0),
    "5 levels, 9 against 3": dict(camps=FEW),
    "5 levels, 9 against 3, severity 1": dict(camps=FEW, severity=1.0),
    "5 levels, 6 against 6, 4 of 12 an item": dict(camps=HALVES, per_item=4),
    "5 levels, 9 against 3, 4 of 12 an item": dict(camps=FEW, per_item=4),
    "5 levels, 6 against 6, 4 of 12, 3,000 items": dict(camps=HALVES, per_item=4, items=3000),
    "5 levels, 4, 4 and 4, 600 items": dict(camps=(4, 4, 4), items=600),
    "2 levels, 6 against 6": dict(camps=HALVES, levels=2),
    "2 levels, 6 against 6, severity 1": dict(camps=HALVES, levels=2, severity=1.0),
}
ALL = dict(severity=1.0, use=0.5, noise=True)
NULLS = {f"null, {k} levels, {name}": dict(levels=k, **said) for k in (5, 2) for name, said in {
    "alike": {}, "severity 1": dict(severity=1.0), "severity 1.5": dict(severity=1.5), "scale use": dict(use=0.5),
    "noise": dict(noise=True), "all three": ALL, "all three, 4 of 12": ALL | dict(per_item=4),
    "all three, skewed items": ALL | dict(shape="skewed"), "all three, two kinds of items": ALL | dict(shape="two"),
    "all three, unclear items": ALL | dict(clear=0.5), "all three, 5 items a prompt": ALL | dict(prompts=5)}.items()}


KINDS = ("right", "partly", "bounded", "cannot tell", "missed", "wrong")


def opinions(rng: np.random.Generator, items: int, shape: str) -> np.ndarray:
    """Common opinion of each item, mean 0 and variance 1."""
    if shape == "skewed":
        return rng.exponential(size=items) - 1
    if shape == "two":
        return 0.9 * rng.choice([-1.0, 1.0], items) + (1 - 0.81) ** 0.5 * rng.normal(size=items)
    return rng.normal(size=items)


def drawn(rng: np.random.Generator, *, camps: tuple[int, ...] = (RATERS,), items: int = ITEMS, levels: int = 5, per_item: int = 0,
          severity: float = 0.0, use: float = 0.0, noise: bool = False, clear: float = 0.0, shape: str = "normal",
          prompts: int = 1) -> Panel:
    """Ratings of planted camps, as the search takes them; `prompts` items share one prompt and half their variance."""
    n = sum(camps)
    camp = np.repeat(np.arange(len(camps)), camps)
    common, own = (0.3, 0.2) if len(camps) > 1 else (0.4, 0.0)
    share = rng.uniform(0.3, 0.9, n) ** 2 if noise else np.full(n, common + own)
    parted = np.stack([opinions(rng, items, shape) for _ in camps])[camp].T
    wish = (common / (common + own)) ** 0.5 * opinions(rng, items, shape)[:, None] + (own / (common + own)) ** 0.5 * parted
    error, block = rng.normal(size=(items, n)), np.arange(items) // prompts
    if prompts > 1:
        wish = (wish + rng.normal(size=items)[block, None]) / 2**0.5
        error = (error + rng.normal(size=(items, n))[block]) / 2**0.5
    if clear:
        error *= np.exp(rng.normal(-clear**2, clear, items))[:, None]   # mean square 1
    latent = share**0.5 * wish + (1 - share) ** 0.5 * error
    cut = np.array(THRESHOLDS[levels]) * np.exp(rng.normal(0, use, n))[:, None] + rng.normal(0, 1, n)[:, None] * severity
    level = (latent[:, :, None] > cut).sum(axis=2)
    kept = rng.random((items, n)).argsort(axis=1) < (per_item or n)
    item, rater = np.nonzero(kept)
    return Panel(item, rater, level[item, rater].astype(float), block)


def judged(answer: Answer, camps: tuple[int, ...]) -> str:
    """One of `KINDS` for an answer."""
    planted, placed = np.repeat(np.arange(1, len(camps) + 1), camps), answer.camp > 0
    if len(camps) == 1:
        return "wrong" if placed.any() else "right" if answer.n_camps == 0 else "cannot tell"
    if not placed.any():
        return "cannot tell" if answer.n_camps != 0 else "bounded" if answer.detectable < ACROSS else "missed"
    pairs = set(zip(answer.camp[placed], planted[placed]))
    one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    return "wrong" if not one_to_one else "right" if placed.all() and len(pairs) == len(camps) else "partly"


def main() -> None:
    """One row a kind of data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'data':48} " + " ".join(f"{kind:>11}" for kind in KINDS) + "   placed   CPU s", flush=True)
    for row, (name, said) in enumerate((PLANTED | NULLS).items()):
        if options.only not in name:
            continue
        rng, camps, tally, placed, took = np.random.default_rng(SEED + row), said.get("camps", (RATERS,)), [], [], 0.0
        for draw in range(options.draws):
            panel, began = drawn(rng, **said), time.process_time()
            looked_at, who = panel.narrowed(np.ones(len(panel.block), dtype=bool))
            answer, camp = camps_of(looked_at, seed=draw), np.zeros(panel.n_raters, dtype=int)
            took += time.process_time() - began
            camp[who] = answer.camp
            answer = replace(answer, camp=camp)
            tally.append(judged(answer, camps))
            placed.append((answer.camp > 0).mean())
        print(f"{name:48} " + " ".join(f"{tally.count(kind) / len(tally):11.1%}" for kind in KINDS)
              + f"   {np.mean(placed):6.2f}   {took / options.draws:7.2f}", flush=True)


if __name__ == "__main__":
    main()
