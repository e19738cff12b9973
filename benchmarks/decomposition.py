"""How often the intervals of `drift.decompose` hold the true parts of a change, where these are known.

    OMP_NUM_THREADS=1 python benchmarks/decomposition.py [--draws 500]     # some minutes of a core

Items of two windows have a task and a language, which the score depends on, not as a sum; shares of both shift between the windows, and
within each cell the score changes by a planted amount. The true parts are those of 400,000 items a window. "alone": items are drawn one
by one; "prompts": four share a prompt, and half of what differs within a cell. Seeds were fixed before looking.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.drift.mix import parts_of  # noqa: E402

SEED, BY, WITHIN = 20_261_123, ("task", "language"), 0.15
SHARES = (np.array([[0.3, 0.2], [0.2, 0.1], [0.15, 0.05]]), np.array([[0.2, 0.1], [0.15, 0.15], [0.2, 0.2]]))    # (task, language)
LEVEL = np.array([[3.6, 3.2], [3.1, 2.9], [2.6, 1.9]])


def window(rng: np.random.Generator, when: int, items: int, each: int) -> pd.DataFrame:
    """Items of one window as `read_cells` gives them, `each` of them a prompt."""
    prompts = items // each
    cell = rng.choice(SHARES[when].size, prompts, p=SHARES[when].ravel())
    thing = rng.normal(size=prompts) * (0.5 if each > 1 else 0.0)
    of = np.repeat(np.arange(prompts), each)
    score = LEVEL.ravel()[cell][of] + WITHIN * when + thing[of] + rng.normal(size=len(of)) * (0.5 if each > 1 else 1.0) ** 0.5
    task, language = np.divmod(cell[of], SHARES[when].shape[1])
    return pd.DataFrame({"task": task, "language": language, "score": score, "item_id": np.arange(len(of)), "_drawn": of, "rater_id": "ann",
                         "rubric_version": "1"})


def main() -> None:
    """One row a part and size: its true value, the share of intervals that hold it, and their median width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    draws, clock = parser.parse_args().draws, time.process_time()
    rng = np.random.default_rng(SEED)
    truth = parts_of(window(rng, 0, 400_000, 1), window(rng, 1, 400_000, 1), by=list(BY), draws=2).set_index("part")["value"]
    for name, each in (("alone", 1), ("prompts", 4)):
        for items in (200, 800, 3_200):
            rng, rows = np.random.default_rng(SEED + items + each), []
            for draw in range(draws):
                rows.append(parts_of(window(rng, 0, items, each), window(rng, 1, items, each), by=list(BY), draws=200, seed=draw))
            found = pd.concat(rows)
            found["held"] = (found["low"] <= found["part"].map(truth)) & (found["part"].map(truth) <= found["high"])
            known = found[found["low"].notna() & found["part"].isin(truth.index[truth != 0])].groupby("part", sort=False)
            for part, own in known:
                share, width = own["held"].mean(), (own["high"] - own["low"]).median()
                print(f"{name:8} {items:5} items a window  {part:20} true {truth[part]:7.3f}  held {share:6.1%} of {len(own)}  "
                      f"width {width:.3f}", flush=True)
    print(f"{time.process_time() - clock:.0f} s of processor")


if __name__ == "__main__":
    main()
