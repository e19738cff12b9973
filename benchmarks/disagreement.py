"""Slices, items and groups of items: how often planted ones come back, how often something is seen where nothing is, and what it costs.

    python benchmarks/disagreement.py                    # 200 draws a row: about 40 minutes
    python benchmarks/disagreement.py --draws 40         # fewer
    python benchmarks/disagreement.py --only "slices"    # rows whose name holds the words

Items have a quality of SD 1, raters a severity of SD 0.7 and a noise of SD 0.7; levels are cut at -1.5, -0.5, 0.5 and 1.5 (two levels: 0).
"hit": the planted slice, pair, topic or group stands out (watch or found). "found": the halves repeat it. "false": the share of what
stands out that was not planted, 0 where nothing does; in a null row, how often anything does.
A group of sides is hit where at least half of its items and half of the planted ones are in both. Seeds are fixed: SEED + row.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.disagreement.camps_scores import Panel  # noqa: E402
from workbench.disagreement.hot import Question, judged  # noqa: E402
from workbench.disagreement.leanings import leanings  # noqa: E402
from workbench.disagreement.ranked import ranked  # noqa: E402
from workbench.disagreement.sides import SPENT  # noqa: E402
from workbench.disagreement.topics import topics_of, with_topic, word_features  # noqa: E402
from workbench.disagreement.units import Units, units_of  # noqa: E402

SEED, CUTS = 20265, np.array([-1.5, -0.5, 0.5, 1.5])
WORDS = ("bread flour oven yeast dough crust", "tensor kernel stride batch layer neuron", "court appeal clause treaty judge lease",
         "river delta glacier basin canyon lagoon")
Verdict = tuple[bool, bool, float]    # hit, found, false share


def units(rng: np.random.Generator, *, items: int = 400, raters: int = 8, k: int = 3, kind: float = 0.0, pair: float = 0.0,
          topic: float = 0.0, noisy: int = 0, nested: bool = False) -> Units:
    """Units with columns task_type (4 levels), system (3), words (a number) and topic_of; noise is (1 + kind) times as wide in k1.

    `noisy` raters have threefold noise; `nested` gives them most items of k0.
    """
    cells = {c: rng.integers(0, n, items) for c, n in (("task_type", 4), ("system", 3), ("topic_of", 4))}
    width = 0.7 * (1 + kind * (cells["task_type"] == 1) + pair * ((cells["task_type"] == 1) & (cells["system"] == 2))
                   + topic * (cells["topic_of"] == 2))
    loud = np.arange(raters) < noisy
    liking = np.where(nested & loud, np.where(cells["task_type"] == 0, 8.0, 0.5)[:, None], 1.0)
    rater = np.argsort(rng.exponential(size=(items, raters)) / liking, axis=1)[:, :k]
    latent = rng.normal(size=items)[:, None] + rng.normal(0, 0.7, raters)[rater]
    latent += rng.normal(size=(items, k)) * width[:, None] * np.where(loud, 3.0, 1.0)[rater]
    row = np.repeat(np.arange(items), k)
    frame = pd.DataFrame({"unit": row, "item_id": row, "rater_id": rater.ravel(), "place": np.digitize(latent, CUTS).ravel() / 4,
                          "words": np.exp(rng.normal(size=items))[row]} | {c: x[row] for c, x in cells.items()})
    fixed = {"step": None, "criterion": "overall", "rubric": "default", "rubric_version": "1"}
    return units_of(frame.assign(task_type="k" + frame["task_type"].astype(str), system="m" + frame["system"].astype(str), **fixed),
                    nominal=False)


def verdict(table: pd.DataFrame, planted: set[str], explained: set[str] = frozenset()) -> Verdict:
    """What a table of slices says of the planted levels; `explained`: levels that the planted ones do raise."""
    hot = table[table["status"] != ""]
    right = hot["level"].isin(planted)
    wrong = ~right & ~hot["level"].isin(explained)
    return bool(right.any()), bool((right & (hot["status"] == "found")).any()), wrong.mean() if len(hot) else 0.0


def sliced(planted: set[str], explained: set[str] = frozenset(), **said: object) -> Callable[[np.random.Generator], Verdict]:
    """A row of slices: single and two-way, and a number."""
    question = Question(("task_type", "system", "words"), pairs=True)
    return lambda rng: verdict(judged([units(rng, **said)], None, question), planted, explained)


def grouped(planted: bool, **said: object) -> Callable[[np.random.Generator], Verdict]:
    """A row of topics of text."""
    def draw(rng: np.random.Generator) -> Verdict:
        drawn = units(rng, **said)
        kinds = drawn.first_ratings["topic_of"]
        texts = pd.Series([" ".join(rng.choice(WORDS[k].split(), 6)) for k in kinds], index=drawn.frame["item_id"], dtype="string")
        topic = topics_of(word_features(texts)[0], min_size=10, seed=0)
        table = pd.DataFrame({"item_id": texts.index, "topic": topic})
        rows = judged([with_topic(drawn, table, texts)], None, Question(("topic",), most=99))
        main = pd.Series(topic[kinds == 2]).mode().astype(str)
        return verdict(rows, set(main) if planted else set())
    return draw


def panel(rng: np.random.Generator, *, items: int = 300, raters: int = 12, k: int = 12, sides: float = 0.0, share: float = 0.25,
          levels: int = 5, severity: float = 1.0, noise: bool = True, clear: float = 0.0, prompts: int = 1, skewed: bool = False
          ) -> tuple[Panel, np.ndarray]:
    """Ratings, and on which items half of the raters rate `sides` higher and half lower. noise: SD from 0.4 to 1.2; clear: SD of log noise
    of an item; prompts: items that share a prompt, half of quality and noise with it."""
    block = np.arange(items) // prompts
    odd = rng.random(items) < share if sides else np.zeros(items, bool)
    quality = rng.exponential(size=items) - 1 if skewed else rng.normal(size=items)
    error = rng.normal(size=(items, raters))
    if prompts > 1:
        quality, error = ((x + rng.normal(size=x.shape)[block]) / 2**0.5 for x in (quality, error))
    error *= (rng.uniform(0.4, 1.2, raters) if noise else 0.7) * np.exp(rng.normal(-clear**2, clear, items))[:, None]
    side = np.where(rng.permutation(raters) < raters / 2, sides, -sides)
    latent = quality[:, None] + rng.normal(0, severity, raters) + error + odd[:, None] * side
    level = (latent[:, :, None] > (CUTS if levels == 5 else np.zeros(1))).sum(axis=2)
    kept = rng.random((items, raters)).argsort(axis=1) < k
    item, rater = np.nonzero(kept)
    used = np.array([len(np.unique(level[item[rater == j], j])) > 1 for j in range(raters)])
    several = used[rater]
    return Panel(item[several], (np.cumsum(used) - 1)[rater[several]], level[item, rater][several].astype(float), block), odd


def sided(**said: object) -> Callable[[np.random.Generator], Verdict]:
    """A row of groups by the sides raters take."""
    def draw(rng: np.random.Generator) -> Verdict:
        drawn, odd = panel(rng, **said)
        late = (rng.random(len(odd)) < 0.5)[drawn.block]
        found = leanings(drawn, late, min_size=10, level=SPENT * 0.05, seed=0)
        k = len(found.centre)
        both = np.array([((found.group == j) & odd).sum() for j in range(k)])
        sizes = np.bincount(found.group[found.group >= 0], minlength=k)
        right = (both >= 0.5 * sizes) & (both >= 0.5 * odd.sum()) & odd.any()
        return bool(right.any()), bool((right & found.again).any()), (~right).mean() if k else 0.0
    return draw


PAIR = "k1 x m2"
ROWS = {
    "slices, null": sliced(set()),
    "slices, null, three noisy raters": sliced(set(), noisy=3),
    "slices, null, three noisy raters nested": sliced(set(), noisy=3, nested=True),
    "slices, one level, noise 1.5 times": sliced({"k1"}, kind=0.5),
    "slices, one level, noise twice": sliced({"k1"}, kind=1.0),
    "slices, one level, twice, noisy raters nested": sliced({"k1"}, kind=1.0, noisy=3, nested=True),
    "slices, a pair, noise 2.5 times, 400 items": sliced({PAIR}, {"k1", "m2"}, pair=1.5),
    "slices, a pair, noise 2.5 times, 1,200 items": sliced({PAIR}, {"k1", "m2"}, pair=1.5, items=1200),
    "slices, hot level and a pair, 1,200 items": sliced({PAIR}, {"k1", "m2"}, kind=0.5, pair=1.5, items=1200),
    "topics, null": grouped(False),
    "topics, null, noisy raters nested": grouped(False, noisy=3, nested=True),
    "topics, one, noise twice": grouped(True, topic=1.0),
    "sides, null": sided(),
    "sides, null, 4 of 12 raters": sided(k=4),
    "sides, null, 2 levels": sided(levels=2),
    "sides, null, severity 1.5": sided(severity=1.5),
    "sides, null, unclear items": sided(clear=0.5),
    "sides, null, 5 items a prompt": sided(prompts=5),
    "sides, null, skewed items": sided(skewed=True),
    "sides, 0.8 either way": sided(sides=0.8),
    "sides, 1.2 either way": sided(sides=1.2),
    "sides, 1.2, 6 of 12 raters, 1,000 items": sided(sides=1.2, k=6, items=1000),
}


def shape_errors(rng: np.random.Generator, draws: int) -> None:
    """How often items of a planted shape are called each, by ratings an item, on five levels."""
    print(f"\n{'planted shape':32} {'ratings':>8}" + "".join(f"{name:>9}" for name in ("split", "outlier", "noise", "agree")))
    for name in ("two readings", "one dissenter", "diffuse noise", "little noise"):
        for n in (3, 4, 5, 8, 12):
            far = np.zeros((100, n))
            if name == "two readings":
                far = np.where(np.arange(n) < np.maximum(n // 2, 1), -1.4, 1.4) + np.zeros((100, n))
            if name == "one dissenter":
                far[:, 0] = 2.8
            centre = rng.normal(0, 0.5, (draws, 100, 1)) - (1.4 if name == "one dissenter" else 0)
            latent = centre + far + {"diffuse noise": 1.4, "little noise": 0.3}.get(name, 0.3) * rng.normal(size=(draws, 100, n))
            others = rng.normal(size=(draws, 100, 1)) + 0.7 * rng.normal(size=(draws, 100, n))
            counts = pd.Series(0, index=["split", "outlier", "noise", "agree"])
            for planted, usual in zip(latent, others):
                level = np.digitize(np.concatenate([planted, usual]), CUTS)
                row = np.repeat(np.arange(200), n)
                cells = pd.DataFrame({"unit": row, "item_id": row, "rater_id": np.tile(np.arange(n), 200), "place": level.ravel() / 4})
                fixed = {"step": None, "criterion": "c", "rubric": "r", "rubric_version": "1"}
                counts = counts.add(ranked(units_of(cells.assign(**fixed), nominal=False))["shape"].iloc[:100].value_counts(), fill_value=0)
            shares = counts / counts.sum()
            print(f"{name:32} {n:8}" + "".join(f"{shares[c]:9.1%}" for c in ("split", "outlier", "noise", "agree")), flush=True)


def main() -> None:
    """One row a kind of data, then the shapes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'data':48} {'hit':>7} {'found':>7} {'false':>7}   CPU s", flush=True)
    for number, (name, draw) in enumerate(ROWS.items()):
        if options.only not in name:
            continue
        rng, began = np.random.default_rng(SEED + number), time.process_time()
        told = np.array([draw(rng) for _ in range(options.draws)]).mean(axis=0)
        print(f"{name:48} {told[0]:7.1%} {told[1]:7.1%} {told[2]:7.1%}   {(time.process_time() - began) / options.draws:5.2f}", flush=True)
    if options.only in "shapes":
        shape_errors(np.random.default_rng(SEED), max(options.draws // 20, 1))


if __name__ == "__main__":
    main()
