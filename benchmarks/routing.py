"""Routing against uniform buying on real ratings: how many it takes from 2 an item to 80 % of the gain that all of them bring.

Each seed puts every item's real ratings in a random order and hides all but the first two. Both arms then buy the next ones of the items
they choose, never whose, half a rating an item a round (--batch), from the same orders. Uniform buys round-robin: items with the
fewest ratings first, ties by lot. Routed calls the kernels of `wb.disagreement.route`; neither sees gold.

The score is the consensus' accuracy against gold (one of k tied levels counts 1/k), or -RMSE for scores. Both arms are scored by the same
consensus: that of `wb.agreement.consensus` with the highest mean score over ten rounds of the uniform arm ("best"), and the vote.
"needed" counts all ratings bought, the first two included, up to where the score, interpolated, first reaches its start + 80 % of (its
end - its start). "median" is the ratio of the arms' medians over seeds, "paired" the median of the seeds' own ratios.

What routing bought is marked "routed", as `route` asks: models learn less of a rater from it (`agreement.vote.teaching`). TEMPER there
was chosen on snow_rte, zencrowd_all and draws of llmbar, the rest of the policy on all the sets below.

    python benchmarks/routing.py [--seeds 20] [--batch 0.5] [--sets snow_rte,s4_face] [--items 1000000]

Sets: those under ../shared/data with gold on every item and at least 7 ratings an item on average, 5 of them spare.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.agreement.dawid_skene import error_matrices, latent_classes, one_accuracy
from workbench.agreement.numeric import measured
from workbench.agreement.vote import leading, shares, teaching, with_majority
from workbench.disagreement.spending import allot
from workbench.disagreement.worth import Worth, of_levels, of_scores

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SETS = {"snow_rte": ("snow_rte", None), "s4_face": ("crowd_truth_infer5", "s4_face"), "snow_temporal": ("snow_temporal", None),
        "s4_dog": ("crowd_truth_infer5", "s4_dog"), "d_duck": ("crowd_truth_infer5", "d_duck"), "zencrowd_all": ("zencrowd_all", None),
        "dices_350": ("dices_350", None), "f201_emotion": ("crowd_truth_infer5", "f201_emotion_valence")}
START, SHARE = 2, 0.8
LOOKED_AT = 4  # seeds of the uniform arm, in ten rounds to the end, from which the consensus is chosen
UNKNOWN = np.array([np.nan])  # one kind of rater, whose skill the ratings shall tell


@dataclass(frozen=True)
class Hidden:
    """A set's ratings as codes (R,), sorted by item; gold (N,): codes of levels, or scores."""

    item: np.ndarray
    rater: np.ndarray
    level: np.ndarray
    score: np.ndarray
    gold: np.ndarray
    n_levels: int

    @property
    def sizes(self) -> np.ndarray:
        """(N,) ratings of each item."""
        return np.bincount(self.item)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of items, raters, levels."""
        return len(self.gold), int(self.rater.max()) + 1, self.n_levels


def hidden(name: str) -> Hidden | None:
    """A set, or None where it is not at hand."""
    file, part = SETS[name]
    if not (path := DATA / f"{file}.parquet").exists():
        return None
    rows = pd.read_parquet(path)
    rows = rows if part is None else rows[rows["task_type"] == part]
    column = "score" if name == "f201_emotion" else "label"
    rows = rows[rows[column].notna()]
    gold = rows[rows["rater_kind"] == "gold"].drop_duplicates("item_id").set_index("item_id")[column]
    rows = rows[rows["rater_kind"].isin(["human", "expert"]) & rows["item_id"].isin(gold.index)]
    rows = rows.drop_duplicates(["item_id", "rater_id"], keep="last").sort_values("item_id", kind="stable")
    item, items = pd.factorize(rows["item_id"])
    rater, told = pd.factorize(rows["rater_id"])[0], gold[items]
    if column == "score":
        return Hidden(item, rater, np.full(len(item), -1), rows["score"].to_numpy(float), told.to_numpy(float), 0)
    levels = sorted({*rows["label"], *told})
    code = {level: k for k, level in enumerate(levels)}
    return Hidden(item, rater, rows["label"].map(code).to_numpy(), np.full(len(item), np.nan), told.map(code).to_numpy(), len(levels))


def scores_of(ratings: Hidden, seen: np.ndarray, method: str, *, routed: bool = False) -> float:
    """How right a consensus of the ratings that are `seen` (R,) is; those beyond the first are stored as "routed", if so."""
    item, rater, level, score = (a[seen] for a in (ratings.item, ratings.rater, ratings.level, ratings.score))
    n, m, q = ratings.shape
    if not q:
        mean = np.bincount(item, score) / np.bincount(item)
        found = mean if method == "majority" else measured(item, rater, score, (n, m), gold=np.full(n, np.nan), iterations=100).truth
        return -float(np.sqrt(((found - ratings.gold) ** 2).mean()))
    if method in ("dawid_skene", "one_coin"):
        rates = (error_matrices if method == "dawid_skene" else one_accuracy)(0.1)
        size = np.bincount(item, minlength=n)
        teaches = teaching(size, np.maximum(size - START, 0)) if routed else None
        share = latent_classes(item, rater, level, (n, m, q), rates=rates, iterations=100, teaches=teaches).posterior
    else:
        share = shares(item, level, n, q)
        if method == "weighted":
            rater = np.unique(rater, return_inverse=True)[1]
            share = shares(item, level, n, q, with_majority(item, rater, level, share, int(rater.max()) + 1)[rater])
    leads = leading(share)
    return float((leads / leads.sum(axis=1, keepdims=True))[np.arange(n), ratings.gold].mean())


def worth_of(ratings: Hidden, seen: np.ndarray) -> Worth:
    """What `wb.disagreement.route` makes of the ratings seen."""
    item, rater, kind = ratings.item[seen], ratings.rater[seen], np.zeros(int(seen.sum()), dtype=int)
    if ratings.n_levels:
        return of_levels(item, rater, ratings.level[seen], kind, ratings.shape, UNKNOWN)
    return of_scores(item, rater, ratings.score[seen], kind, len(ratings.gold), UNKNOWN)


def uniform(held: np.ndarray, room: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """(N,) n ratings, each to an item with the fewest; ties by lot."""
    depth = int(room.max())
    order = np.add.outer(held, np.arange(depth)) + generator.random((len(held), depth)) / 2
    order[np.arange(depth) >= room[:, None]] = np.inf
    chosen = np.argpartition(order, n - 1, axis=None)[:n]
    return np.bincount(chosen // depth, minlength=len(held))


def course(ratings: Hidden, seed: int, batch: int, methods: tuple[str, ...], *, routed: bool, stop: bool = True) -> np.ndarray:
    """(rounds + 1, 1 + methods): ratings bought and the score by each consensus, `batch` ratings a round, to the end or, to `stop` early,
    until every score has made `SHARE` of its gain."""
    generator = np.random.default_rng(seed)
    lot = np.lexsort((generator.random(len(ratings.item)), ratings.item))
    place, total = np.empty(len(lot), dtype=int), ratings.sizes
    place[lot] = np.arange(len(lot)) - np.repeat(np.cumsum(total) - total, total)
    held, end = np.minimum(START, total), np.array([scores_of(ratings, place >= 0, method) for method in methods])
    rows, there = [], np.zeros(len(methods), dtype=bool)
    while True:
        seen, room = place < held[ratings.item], total - held
        rows.append([held.sum(), *(scores_of(ratings, seen, method, routed=routed) for method in methods)])
        there |= rows[-1][1:] >= goals(np.array(rows[0][1:]), end)
        if not room.any() or (stop and there.all()):
            return np.array([*rows, [total.sum(), *end]])
        size = min(batch, int(room.sum()))
        if routed:
            worth = worth_of(ratings, seen)
            held = held + allot(worth.gain, worth.ease, room[None], np.ones(1), size, generator)[0]
        else:
            held = held + uniform(held, room, size, generator)


def goals(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The scores to be reached."""
    return start + SHARE * (end - start) - 1e-12


def needed(bought: np.ndarray, score: np.ndarray) -> float:
    """Ratings at which the score first makes `SHARE` of its gain, between rounds by interpolation."""
    goal = goals(score[0], score[-1])
    there = int(np.argmax(score >= goal))
    if there == 0:
        return float(bought[0])
    part = (goal - score[there - 1]) / (score[there] - score[there - 1])
    return float(bought[there - 1] + part * (bought[there] - bought[there - 1]))


def compare(name: str, ratings: Hidden, seeds: int, batch: float) -> None:
    """Print a set's lines."""
    methods = ("majority", "weighted", "one_coin", "dawid_skene") if ratings.n_levels else ("majority", "numeric")
    spare, size = int((ratings.sizes - START).sum()), max(round(batch * len(ratings.gold)), 1)
    coarse = [course(ratings, seed, -(-spare // 10), methods, routed=False, stop=False) for seed in range(LOOKED_AT)]
    best = methods[int(np.argmax(np.mean([c[:, 1:].mean(axis=0) for c in coarse], axis=0)))]
    chosen = tuple(dict.fromkeys((best, "majority")))
    plain, smart = ([course(ratings, seed, size, chosen, routed=routed) for seed in range(seeds)] for routed in (False, True))
    for k, method in enumerate(chosen, start=1):
        a, b = (np.array([needed(c[:, 0], c[:, k]) for c in arm]) for arm in (plain, smart))
        ends, shown = np.mean([c[[0, -1], k] for c in plain], axis=0), method if ratings.n_levels or method != "majority" else "mean"
        print(f"{name:<15}{shown:<12}{'best' if method == best else '':<5}{len(ratings.gold):>6,}{ratings.sizes.mean():>6.1f}"
              f"{ends[0]:>8.3f}{ends[1]:>8.3f}{np.median(a):>9,.0f}{np.median(b):>9,.0f}{np.median(b) / np.median(a):>8.2f}"
              f"{np.median(b / a):>8.2f}", flush=True)


def timed(n: int) -> None:
    """Print what the policy costs on n items of 3 ratings at 5 levels."""
    generator = np.random.default_rng(0)
    item, truth = np.repeat(np.arange(n), 3), generator.integers(5, size=n)
    rater = generator.integers(500, size=3 * n)
    level = np.where(generator.random(3 * n) < 0.7, truth[item], generator.integers(5, size=3 * n))
    begin = time.perf_counter()
    worth = of_levels(item, rater, level, np.zeros(3 * n, dtype=int), (n, 500, 5), UNKNOWN)
    middle = time.perf_counter()
    bought = allot(worth.gain, worth.ease, np.full((1, n), 20), np.ones(1), n / 2, generator)
    print(f"{n:,} items of 3 ratings at 5 levels: worth {middle - begin:.1f} s, of {bought.sum():,} ratings the spending "
          f"{time.perf_counter() - middle:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--batch", type=float, default=0.5, help="ratings an item bought in one round")
    parser.add_argument("--sets", default=",".join(SETS), help="which, with commas between")
    parser.add_argument("--items", type=int, default=0, help="time the policy on that many items too")
    given = parser.parse_args()
    print(f"{'set':<15}{'consensus':<17}{'items':>6}{'each':>6}{'with 2':>8}{'all':>8}{'uniform':>9}{'routed':>9}{'median':>8}"
          f"{'paired':>8}")
    for name in given.sets.split(","):
        if (ratings := hidden(name)) is None:
            print(f"{name:<15}skipped: {DATA / SETS[name][0]}.parquet is not there")
        else:
            compare(name, ratings, given.seeds, given.batch)
    if given.items:
        timed(given.items)


if __name__ == "__main__":
    main()
