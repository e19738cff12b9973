"""Dawid-Skene against crowd-kit, 20 rounds of EM each, on the same ratings: median times, their ratios and the memory taken.

Wall time is what a reader waits; processor time, over all threads, is what is left of it on a machine that others use too.

    python benchmarks/consensus.py [--ratings 1000000] [--repeats 5] [--peer-python PATH]

crowd-kit pulls in packages that ours do not live with, so it runs in an environment of its own:

    python3 -m venv peer
    peer/bin/pip install --no-deps crowd-kit
    peer/bin/pip install "pandas<3" "scikit-learn<1.7" attrs tqdm nltk
    python benchmarks/consensus.py --peer-python peer/bin/python
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb
from workbench.agreement.dawid_skene import error_matrices, latent_classes

ROUNDS, RATERS, LEVELS, PER_ITEM = 20, 200, 5, 5
# Ours, seen by the peer's Python: the same codes, given the same names. A tolerance below every change keeps all rounds.
PEER = """
import json, resource, sys, time
import numpy as np, pandas as pd
from crowdkit.aggregation import DawidSkene
codes = np.load(sys.argv[1])
named = pd.DataFrame({"task": np.char.mod("item-%07d", codes["item"]), "worker": np.char.mod("rater-%d", codes["rater"]),
                      "label": codes["level"]})
coded = pd.DataFrame({"task": codes["item"], "worker": codes["rater"], "label": codes["level"]})
found = {}
for name, frame in (("string ids", named), ("codes", coded)):
    times = []
    for _ in range(int(sys.argv[3])):
        start = time.perf_counter(), time.process_time()
        fit = DawidSkene(n_iter=int(sys.argv[2]), tol=-1.0).fit(frame)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    assert len(fit.loss_history_) == int(sys.argv[2])
    found[name] = times
found["posterior"] = float(fit.probas_.sort_index().to_numpy()[:1000].max(axis=1).mean())
found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found))
"""


def drawn(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of items, raters and levels (n,): every rater with an accuracy of their own."""
    generator = np.random.default_rng(0)
    items = n // PER_ITEM
    truth, accuracy = generator.integers(LEVELS, size=items), generator.uniform(0.3, 0.9, RATERS)
    steps = np.cumsum(generator.integers(1, RATERS // PER_ITEM + 1, (items, PER_ITEM)), axis=1)
    rater = ((generator.integers(RATERS, size=(items, 1)) + steps) % RATERS).ravel()
    item = np.repeat(np.arange(items), PER_ITEM)
    right = generator.random(len(item)) < accuracy[rater]
    return item, rater, np.where(right, truth[item], generator.integers(LEVELS, size=len(item)))


def seconds(work: Callable[[], object], repeats: int) -> list[tuple[float, float]]:
    """Wall and processor times of each run."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return times


def peak(work: Callable[[], object]) -> float:
    """Most memory that Python and numpy held at once while working, in MB."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def of_peer(python: str, codes: tuple[np.ndarray, ...], repeats: int) -> dict[str, object]:
    """What crowd-kit took, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codes.npz"
        np.savez(path, **dict(zip(("item", "rater", "level"), codes)))
        done = subprocess.run([python, "-W", "ignore", "-c", PEER, str(path), str(ROUNDS), str(repeats)], capture_output=True, text=True,
                              check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", help="the Python of an environment that has crowd-kit; without it ours are timed alone")
    given = parser.parse_args()
    item, rater, level = codes = drawn(given.ratings)
    shape = (int(item.max()) + 1, RATERS, LEVELS)
    frame = pd.DataFrame({"item_id": np.char.mod("item-%07d", item), "rater_id": np.char.mod("rater-%d", rater),
                          "score": level.astype(float)})

    def from_codes() -> object:
        return latent_classes(*codes, shape, rates=error_matrices(0), iterations=ROUNDS)

    def from_frame() -> object:
        return wb.agreement.consensus(wb.read(frame), smoothing=0, iterations=ROUNDS)

    fit = from_codes()
    print(f"{len(item):,} ratings of {shape[0]:,} items by {RATERS} raters at {LEVELS} levels, {fit.rounds} rounds")
    ours = {"string ids": seconds(from_frame, given.repeats), "codes": seconds(from_codes, given.repeats)}
    peer = of_peer(given.peer_python, codes, given.repeats) if given.peer_python else {}
    for name, times in ours.items():
        for kind, mine, theirs in zip(("wall", "processor"), zip(*times), zip(*peer[name]) if peer else (None, None)):
            line = f"from {name:<11}{kind:>10} time: ours {statistics.median(mine):7.2f} s"
            if theirs:
                ratio = statistics.median(theirs) / statistics.median(mine)
                line += f"   crowd-kit {statistics.median(theirs):7.2f} s   ratio {ratio:6.1f}"
            print(line)
    print(f"memory from codes: ours {peak(from_codes):,.0f} MB at most" + (f"; crowd-kit's process {peer['peak']:,.0f} MB" if peer else ""))
    if peer:
        print(f"mean top posterior of the first 1,000 items: ours {fit.posterior[:1000].max(axis=1).mean():.9f}, "
              f"crowd-kit {peer['posterior']:.9f}")
    else:
        print("crowd-kit was not timed: give --peer-python")


if __name__ == "__main__":
    main()
