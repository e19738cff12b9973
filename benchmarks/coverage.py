"""How often 95 % intervals hold the truth: every method, on simulated panels, through the code that makes the estimates tables.

    python benchmarks/coverage.py [--draws 2000] [--quick] [--part raters ...] [--out coverage.csv] [--read coverage.csv]

About half an hour of one core; `--quick` takes a minute (100 draws, fewer cells); `--read` prints the tables of a run that is done.
Seeds are fixed below. Five parts:

- items: these raters. An item's level is drawn from the shares; a rating copies it with the chance `copied`, else is drawn from
  the shares again; a rating is missing with the chance `gaps`. A million such items are the population: its value is the truth, and
  a panel is so many of them with replacement. A quarter of all combinations of the factors below, each pair of factors occurring.
- drawn: the methods that draw, on a few of these cells, with 300 resamples each, for they cost fifty times as much.
- scores: alpha of real-valued scores (no levels), and alpha with items nested in prompts.
- raters: such raters. Each panel has raters of its own, who differ in accuracy or severity; the truth is that of fresh raters for
  every item. Beside the two-way interval: the one for these raters, and the percentile interval of the product-weight bootstrap
  (Owen 2007: raters and items both drawn, pairs of a rater with its own copy left out) on an eighth of the panels.
- identified: such raters, of what needs to know who rated: Conger's kappa both ways (`copied` is how much accuracies differ), ICC of
  normal scores (how much severities do) and the difference of two alphas, of the same items and raters or of others; the interval
  for these raters on a quarter of the panels.

A panel counts where the method gives an interval; `defined` is the share of them. A cell is `eligible` where at least 10 items with
a disagreement and 20 with an off-modal level are expected; there 93 to 97 % is asked for. The tables tell apart, as the note of an
estimate does, whether 10 items are expected to have two ratings of one level off the commonest (`agreeing`).
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import chance_sums, corrected
from workbench.agreement.conger import gwet_sums
from workbench.agreement.contrast import Condition, difference_row, lone_row
from workbench.agreement.covariances import pairwise_sums
from workbench.agreement.estimate import Sampling, Sums, group_row
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.identified import Identified
from workbench.agreement.intraclass import one_way_model, two_way_models
from workbench.agreement.krippendorff import alpha_sums, disagreement
from workbench.agreement.percent import percent_sums
from workbench.agreement.rare import AGREEING, DIFFERING, OFF_MODAL
from workbench.reduce.tables import Moments, Patterns
from workbench.schema import UNIT

POPULATION, RESAMPLES = 1_000_000, 300
FACTORS = {"raters": (2, 3, 5, 8), "levels": (2, 3, 5, 7), "copied": (0.3, 0.65, 0.9), "shares": ("balanced", "skewed", "strong"),
           "gaps": (0.0, 0.3), "n_items": (20, 50, 200, 2000)}
MODAL = {"skewed": 0.8, "strong": 0.95}
COEFFICIENTS: dict[str, Callable[[Patterns], Sums]] = {
    "alpha": alpha_sums, "ordinal_alpha": lambda g: alpha_sums(replace(g, scale="ordinal")),
    "fleiss": lambda g: chance_sums(g, fleiss_chance, "identity"), "AC": lambda g: chance_sums(g, ac_chance, "identity", assumed=True),
    "BP": lambda g: chance_sums(g, uniform_chance, "identity", assumed=True), "percent": percent_sums}
DRAWN = [(2, 2, 0.65, "balanced", 0.0, 50), (3, 3, 0.9, "skewed", 0.0, 50), (3, 3, 0.65, "skewed", 0.3, 50), (5, 2, 0.3, "skewed", 0.0, 50),
         (3, 5, 0.65, "balanced", 0.3, 20), (3, 3, 0.65, "strong", 0.0, 200), (5, 3, 0.3, "strong", 0.3, 200),
         (2, 5, 0.9, "skewed", 0.0, 200), (8, 3, 0.65, "balanced", 0.0, 50), (3, 7, 0.3, "skewed", 0.3, 200)]
RATERS = [(model, spread, raters, each, n) for (model, spread) in (("accuracy", 1.0), ("severity", 0.6), ("accuracy", 0.0))
          for raters in (5, 8, 15, 30) for each, n in ((2, 200), (3, 50), (99, 50))] + \
         [("accuracy", 1.0, 15, "teams of 3", 200), ("severity", 0.6, 8, 3, 2000), ("accuracy", 1.0, 4, 99, 50)]
IDENTIFIED = [(spread, raters, each, n) for spread in (1.0, 0.0) for raters, each, n in
              ((5, 99, 50), (8, 3, 50), (15, 2, 200), (30, 3, 200))]
SHARES = {"accuracy": np.array([0.6, 0.25, 0.15]), "severity": np.array([0.1, 0.2, 0.4, 0.2, 0.1])}


def shares_of(shares: str, levels: int) -> np.ndarray:
    """Chances of the levels: equal, or most on the first and the rest equal."""
    if shares == "balanced":
        return np.full(levels, 1 / levels)
    return np.append(MODAL[shares], np.full(levels - 1, (1 - MODAL[shares]) / (levels - 1)))


def patterns(counts: np.ndarray, weight: np.ndarray, cluster: np.ndarray | None = None, n_raters: int = 2) -> Patterns:
    """A group as the reduction makes it."""
    q, n = counts.shape[1], int(weight.sum())
    return Patterns({}, counts, weight, cluster, tuple(map(str, range(q))), np.arange(float(q)), "nominal", n, n_raters,
                    int(weight @ counts.sum(axis=1)), 0, "")


def population(generator: np.random.Generator, raters: int, levels: int, copied: float, shares: str, gaps: float) -> Patterns:
    """The patterns of a million items."""
    chances = shares_of(shares, levels)
    level = generator.choice(levels, size=POPULATION, p=chances).astype(np.int8)
    code = np.zeros(POPULATION, dtype=np.int64)
    for _ in range(raters):
        other = generator.choice(levels, size=POPULATION, p=chances).astype(np.int8)
        given = np.where(generator.random(POPULATION) < copied, level, other)
        code += np.where(generator.random(POPULATION) >= gaps, (raters + 1) ** given.astype(np.int64), 0)
    codes, weight = np.unique(code[code > 0], return_counts=True)
    counts = (codes[:, None] // (raters + 1) ** np.arange(levels)) % (raters + 1)
    return patterns(counts.astype(float), weight.astype(float))


def expected(group: Patterns, n_items: int) -> dict[str, float]:
    """Items to be expected in a panel: with a disagreement, with an off-modal level, and with two ratings of one such level."""
    n = group.counts.sum(axis=1)
    chance = n_items * group.weight * (n >= 2) / group.weight.sum()
    modal = int(np.argmax(chance @ group.counts))
    return {"disagreeing": float(chance @ (group.counts.max(axis=1) < n)), "off_modal": float(chance @ (group.counts[:, modal] < n)),
            "agreeing_off": float(chance @ (np.delete(group.counts, modal, axis=1) > 1).any(axis=1))}


def panels(generator: np.random.Generator, group: Patterns, n_items: int, draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """So many panels: rows of the population's patterns, and how many items show them."""
    cumulative = np.cumsum(group.weight) / group.weight.sum()
    for _ in range(draws):
        rows, weight = np.unique(np.searchsorted(cumulative, generator.random(n_items)), return_counts=True)
        yield rows, weight.astype(float)


def ends(sums: Sums, sampling: Sampling, group: object = SimpleNamespace(key={}, n_raters=0, n_dropped=0, n_ratings=0, note="")
         ) -> tuple[float, float]:
    """The interval that an estimates table would show; one without width is none."""
    row = group_row("coefficient", group, sums, sampling)
    return (row["low"], row["high"]) if row["low"] < row["high"] else (np.nan, np.nan)


def measured(cell: dict[str, object], coefficient: str, method: str, truth: float, found: list[tuple[float, float]]) -> dict[str, object]:
    """One row of the table: how often the intervals held the truth, which side they missed it on, and their median width."""
    low, high = np.array(found).T
    defined = ~np.isnan(low)
    some = max(int(defined.sum()), 1)
    return {**cell, "coefficient": coefficient, "method": method, "truth": truth, "draws": len(found), "defined": defined.mean(),
            "coverage": ((low <= truth) & (truth <= high)).sum() / some if defined.any() else np.nan,
            "truth_below": (truth < low).sum() / some, "truth_above": (truth > high).sum() / some,
            "width": np.median((high - low)[defined]) if defined.any() else np.nan}


def items_cell(values: tuple[object, ...], coefficients: list[str], methods: list[str], draws: int) -> list[dict[str, object]]:
    """One cell of the parts `items` and `drawn`."""
    *design, n_items = values
    generator = np.random.default_rng([list(options).index(v) for options, v in zip(FACTORS.values(), values)])
    group = population(generator, *design)
    cell = dict(zip(FACTORS, values)) | expected(group, n_items)
    cell["eligible"] = cell["disagreeing"] >= DIFFERING and cell["off_modal"] >= OFF_MODAL
    whole = {name: COEFFICIENTS[name](group) for name in coefficients}
    place = np.cumsum(group.counts.sum(axis=1) >= 2) - 1  # alpha keeps only items rated twice
    twice = np.diff(place, prepend=-1) > 0
    samplings = [Sampling(method, draws=RESAMPLES) for method in methods]
    found: dict[tuple[str, str], list[tuple[float, float]]] = {(name, method): [] for name in whole for method in methods}
    for rows, weight in panels(generator, group, n_items, draws):
        for name, sums in whole.items():
            some = twice[rows] if "alpha" in name else slice(None)
            kept = place[rows[some]] if "alpha" in name else rows
            shown = sums.again and (replace(group, counts=group.counts[rows], weight=weight), sums.again[1])
            panel = replace(sums, terms=sums.terms[kept], weight=weight[some], rows_of=None, again=shown)
            for sampling in samplings:
                found[name, sampling.interval].append(ends(panel, replace(sampling, lowest=0 if name == "percent" else -np.inf)))
    truth = {name: float(resample.value(sums.formula, sums.weight @ sums.terms)) for name, sums in whole.items()}
    return [measured(cell, name, method, truth[name], pairs) for (name, method), pairs in found.items()]


def scores_cell(n_items: int, raters: int, share: float, draws: int) -> list[dict[str, object]]:
    """Alpha of real-valued scores, `share` of whose variance is the items'."""
    generator, found = np.random.default_rng([n_items, raters, int(100 * share)]), {"linearized": [], "jackknife": []}
    for _ in range(draws):
        scores = share**0.5 * generator.normal(size=(n_items, 1)) + (1 - share) ** 0.5 * generator.normal(size=(n_items, raters))
        sums = alpha_sums(Moments({}, np.full(n_items, float(raters)), scores.sum(axis=1), (scores**2).sum(axis=1), 0.0, np.ones(n_items),
                                  None, "interval", n_items, raters, scores.size, 0, ""))
        for method, pairs in found.items():
            pairs.append(ends(sums, Sampling(method)))
    cell = {"raters": raters, "n_items": n_items, "copied": share, "shares": "scores", "eligible": n_items >= 50}
    return [measured(cell, "interval_alpha", method, share, pairs) for method, pairs in found.items()]


def nested_cell(n_items: int, raters: int, draws: int) -> list[dict[str, object]]:
    """Nominal alpha where the five items of a prompt share their level in 7 of 10 cases; with and without the prompt as cluster."""
    generator = np.random.default_rng([n_items, raters])
    found: dict[str, list[tuple[float, float]]] = {"jackknife": [], "jackknife, clustered": [], "linearized, clustered": []}
    for _ in range(draws):
        shared = np.repeat(generator.integers(0, 3, n_items // 5), 5)
        level = np.where(generator.random(n_items) < 0.7, shared, generator.integers(0, 3, n_items))
        accuracy = np.repeat(generator.choice([0.4, 0.9], n_items // 5), 5)  # some prompts are hard
        ratings = np.where(generator.random((raters, n_items)) < accuracy, level, generator.integers(0, 3, (raters, n_items)))
        counts = np.stack([(ratings == k).sum(axis=0) for k in range(3)], axis=1).astype(float)
        sums = alpha_sums(patterns(counts, np.ones(n_items), np.repeat(np.arange(n_items // 5), 5)))
        found["jackknife"].append(ends(replace(sums, cluster=None), Sampling("jackknife")))
        for method in ("jackknife", "linearized"):
            found[f"{method}, clustered"].append(ends(sums, Sampling(method)))
    truth = (0.4**2 + 0.9**2) / 2  # two ratings copy one level with this chance, else they are independent
    cell = {"raters": raters, "n_items": n_items, "shares": "nested", "eligible": True}
    return [measured(cell, "alpha", method, truth, pairs) for method, pairs in found.items()]


def rate(generator: np.random.Generator, trait: np.ndarray, model: str, spread: float, base: float = 1.0,
         truth: np.ndarray | None = None) -> np.ndarray:
    """Levels (n, k) given by raters of `trait` (n, k): their accuracy on the logit scale, or their severity in item deviations."""
    shares, n = SHARES[model], len(trait)
    if model == "accuracy":
        truth = generator.choice(len(shares), size=(n, 1), p=shares) if truth is None else truth
        return np.where(generator.random(trait.shape) < 1 / (1 + np.exp(-base - spread * trait)), truth,
                        generator.choice(len(shares), size=trait.shape, p=shares))
    latent = generator.normal(size=(n, 1)) + spread * trait + 0.7 * generator.normal(size=trait.shape)
    deviate = np.array([-1.2816, -0.5244, 0.5244, 1.2816])  # normal quantiles of .1, .3, .7, .9
    return np.searchsorted(deviate * (1.49 + spread**2) ** 0.5, latent)


def counted(level: np.ndarray, q: int) -> np.ndarray:
    """Ratings at each level, (n, q)."""
    return np.stack([(level == k).sum(axis=1) for k in range(q)], axis=1).astype(float)


def who_rates(generator: np.random.Generator, n_items: int, raters: int, each: int | str) -> np.ndarray:
    """Which raters an item gets, (n, k): all, so many at random, or one of the fixed teams."""
    if each == "teams of 3":
        return 3 * generator.integers(0, raters // 3, (n_items, 1)) + np.arange(3)
    everyone = np.argsort(generator.random((n_items, raters)), axis=1)
    return everyone[:, :each] if each < raters else np.tile(np.arange(raters), (n_items, 1))


def product_weights(generator: np.random.Generator, rater: np.ndarray, level: np.ndarray, q: int, name: str) -> tuple[float, float]:
    """The percentile interval of the bootstrap that draws raters and items: an item's pairs are over distinct raters."""
    (n, k), m = rater.shape, int(rater.max()) + 1
    drawn = generator.multinomial(m, np.full(m, 1 / m), RESAMPLES)[:, rater].astype(float)
    items = generator.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    counts = np.stack([(drawn * (level == v)).sum(axis=2) for v in range(q)], axis=2)
    size, copies = counts.sum(axis=2), (drawn**2).sum(axis=2)
    pairs = size**2 - copies
    agreement = np.divide((counts**2).sum(axis=2) - copies, pairs, out=np.zeros(pairs.shape), where=pairs > 0)
    items = items * (pairs > 0)
    total = np.einsum("bn,bnk->bk", items, counts if name == "alpha" else counts / np.maximum(size, 1)[..., None])
    if name == "alpha":
        parts = [(items * size).sum(axis=1), (items * size * (1 - agreement)).sum(axis=1)]
        formula = disagreement(lambda n, totals: n**2 - (totals**2).sum(axis=-1))
    else:
        parts = [items.sum(axis=1), items.sum(axis=1), (items * agreement).sum(axis=1)]
        formula = corrected(lambda shares: ac_chance(shares, np.eye(q)))
    return resample.percentile_interval(resample.value(formula, np.column_stack([*parts, total])), 0.95)


def raters_cell(model: str, spread: float, raters: int, each: int | str, n_items: int, draws: int) -> list[dict[str, object]]:
    """One cell of the part `raters`."""
    place = 0 if each == "teams of 3" else each
    q, generator = len(SHARES[model]), np.random.default_rng([len(model), int(10 * spread), raters, place, n_items])
    names = ["alpha", "AC"] if model == "accuracy" else ["ordinal_alpha", "fleiss"]
    fresh = counted(rate(generator, generator.normal(size=(POPULATION, 4)), model, spread), q)
    whole = {name: COEFFICIENTS[name](patterns(*np.unique(fresh, axis=0, return_counts=True))) for name in names}
    truth = {name: float(resample.value(sums.formula, sums.weight @ sums.terms)) for name, sums in whole.items()}
    methods = ["jackknife", "two-way"] + ["product weights"] * (model == "accuracy" and n_items <= 200 and raters <= 15)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {(name, method): [] for name in names for method in methods}
    for draw in range(draws):
        rater = who_rates(generator, n_items, raters, each)
        level = rate(generator, generator.normal(size=raters)[rater], model, spread)
        group = patterns(counted(level, q), np.ones(n_items), n_raters=raters)
        panel = SimpleNamespace(of=lambda key, known=in_memory(rater, level): known)
        for name in names:
            shown = replace(group, scale="ordinal" if name == "ordinal_alpha" else "nominal")
            sums = COEFFICIENTS[name](shown)
            for method in ("jackknife", "two-way"):
                found[name, method].append(ends(sums, Sampling(method, panel=panel), shown))
            if "product weights" in methods and draw < draws // 8:
                found[name, "product weights"].append(product_weights(generator, rater, level, q, name))
    cell = {"raters": raters, "n_items": n_items, "shares": model, "copied": spread, "gaps": each if each != 99 else "all",
            "eligible": True}
    return [measured(cell, name, method, truth[name], pairs) for (name, method), pairs in found.items()]


def in_memory(rater: np.ndarray, score: np.ndarray) -> Identified:
    """The panel of a table (n, k) of raters and their levels, or scores."""
    order = np.argsort(rater, axis=1)
    rater, score = (np.take_along_axis(part, order, axis=1).ravel() for part in (rater, score))
    names, code = np.unique(rater, return_inverse=True)
    return Identified(np.repeat(np.arange(len(order)), order.shape[1]), code, score.astype(int), score.astype(float), names)


def identified_cell(spread: float, raters: int, each: int, n_items: int, draws: int) -> list[dict[str, object]]:
    """One cell of the part `identified`."""
    generator, q = np.random.default_rng([int(10 * spread), raters, each, n_items]), 3
    fresh = [patterns(*np.unique(counted(rate(generator, generator.normal(size=(POPULATION, 4)), "accuracy", spread, base), q), axis=0,
                                 return_counts=True)) for base in (1.0, 0.0)]
    (fleiss, alpha), other = ([float(resample.value(s.formula, s.weight @ s.terms)) for s in (COEFFICIENTS["fleiss"](g), alpha_sums(g))]
                              for g in fresh)
    truth = {"conger": fleiss, "conger pairwise": fleiss, "ICC(A,1)": 1 / (1.5 + 0.36 * spread), "ICC(C,1)": 1 / 1.5,
             "difference, paired": other[1] - alpha, "difference, unpaired": other[1] - alpha}
    found = {(name, method): [] for name in truth for method in ("jackknife", "two-way")}
    for draw in range(draws):
        rater = who_rates(generator, n_items, raters, each)
        trait = generator.normal(size=raters)
        panel = in_memory(rater, rate(generator, trait[rater], "accuracy", spread))
        scores = in_memory(rater, generator.normal(size=(n_items, 1)) + 0.6 * spread**0.5 * trait[rater]
                           + 0.5**0.5 * generator.normal(size=rater.shape))
        conditions = drawn_conditions(generator, rater, spread, raters, each, q)
        for method in ("two-way", "jackknife")[:1 + (draw < draws // 4)]:
            for name, sums, known in ((("conger", gwet_sums(panel, np.eye(q), method), panel),
                                       ("conger pairwise", pairwise_sums(panel, np.eye(q), method), panel), *icc_sums(scores))):
                group = SimpleNamespace(key={}, n_raters=known.n_raters, n_dropped=0, n_ratings=len(known.item), note="")
                found[name, method].append(ends(sums, Sampling(method, panel=SimpleNamespace(of=lambda key, known=known: known)), group))
            for design, pair in conditions.items():
                alone = [lone_row(side, {}, "krippendorff_alpha", Sampling(method)) for side in pair]
                row = difference_row(*pair, alone, ("a", "b"), "party", Sampling(method, draws=2))
                found[f"difference, {design}", method].append((row["low"], row["high"]))
    cell = {"raters": raters, "n_items": n_items, "copied": spread, "gaps": each if each != 99 else "all", "eligible": True}
    return [measured(cell, name, method, truth[name], pairs) for (name, method), pairs in found.items()]


def icc_sums(panel: Identified) -> list[tuple[str, Sums, Identified]]:
    """What ICC of single ratings needs of a panel of scores."""
    n, total, squares = (np.bincount(panel.item, panel.score**power) for power in (0, 1, 2))
    group = Moments({}, n, total, squares, 0.0, np.ones(len(n)), None, "interval", len(n), panel.n_raters, len(panel.item), 0, "")
    models = two_way_models(one_way_model(group), panel)
    return [(f"ICC({form},1)", models[form].sums(group, False), panel) for form in "AC"]


def drawn_conditions(generator: np.random.Generator, rater: np.ndarray, spread: float, raters: int, each: int,
                     q: int) -> dict[str, tuple[Condition, Condition]]:
    """Two conditions, under the second of which raters are less accurate: on the same items by the same raters, or on others by others."""
    n, items = len(rater), np.arange(len(rater))
    trait = generator.normal(size=2 * raters)
    truth = generator.choice(q, size=(2 * n, 1), p=SHARES["accuracy"])

    def condition(rater: np.ndarray, items: np.ndarray, base: float) -> Condition:
        level = rate(generator, trait[rater], "accuracy", spread, base, truth[items])
        units = pd.DataFrame({"item_id": items, **{column: "" for column in UNIT if column != "item_id"}})
        return Condition(patterns(counted(level, q), np.ones(n), n_raters=raters), alpha_sums, in_memory(rater, level), units)
    first = condition(rater, items, 1.0)
    return {"paired": (first, condition(rater, items, 0.0)),
            "unpaired": (first, condition(raters + who_rates(generator, n, raters, each), items + n, 0.0))}


def summarised(table: pd.DataFrame) -> str:
    """Method by regime: the least, middle and greatest coverage, and the share of cells within 93 to 97 %."""
    known = table[table["coverage"].notna() & (table["defined"] * table["draws"] >= 100)]
    parts = known.assign(within=known["coverage"].between(0.93, 0.97), under=known["coverage"] < 0.93, over=known["coverage"] > 0.97,
                         lacking=(0.95 - known["coverage"]).clip(lower=0))
    told = ["eligible", *(["agreeing"] if "agreeing_off" in table and table["agreeing_off"].notna().any() else []), "coefficient", "method"]
    parts = parts.assign(agreeing=parts["agreeing_off"] >= AGREEING) if "agreeing" in told else parts
    columns = dict(cells=("coverage", "size"), least=("coverage", "min"), middle=("coverage", "median"), greatest=("coverage", "max"),
                   within=("within", "mean"), under=("under", "mean"), over=("over", "mean"), lacking=("lacking", "mean"),
                   width=("width", "median"))
    shown = parts.groupby(told).agg(**columns).round(3).to_string()
    by_method = parts.groupby([*told[:-2], "method"]).agg(**columns).round(3).to_string()
    return f"{shown}\n\nall coefficients\n{by_method}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default="coverage.csv")
    parser.add_argument("--part", nargs="*", default=["items", "drawn", "scores", "raters", "identified"])
    parser.add_argument("--read", help="a table of an earlier run to print, in place of a run")
    asked = parser.parse_args()
    if asked.read:
        return printed(pd.read_csv(asked.read))
    draws, every = (100, 16) if asked.quick else (asked.draws, 4)
    sizes = [range(len(options)) for options in FACTORS.values()]
    fraction = [tuple(options[i] for options, i in zip(FACTORS.values(), index)) for index in itertools.product(*sizes)
                if sum(index) % 4 == 0 and (every == 4 or sum(i * w for i, w in zip(index, (1, 2, 3, 1, 2, 3))) % 4 == 0)]
    rows: dict[str, list[dict[str, object]]] = {part: [] for part in ("items", "drawn", "scores", "raters", "identified")}
    closed = ["linearized", "jackknife"]
    jobs = [("items", lambda v=v, k=k: items_cell(v, ["alpha", "fleiss", "AC", *(["BP", "percent"] if k // 2 % 2 else ["ordinal_alpha"])],
                                                  closed, draws)) for k, v in enumerate(fraction)]
    jobs += [("drawn", lambda v=v: items_cell(v, ["alpha", "AC"], [*closed, "bootstrap", "bca"], draws))
             for v in DRAWN[::1 + 3 * asked.quick]]
    jobs += [("scores", lambda v=v: scores_cell(*v, draws)) for v in itertools.product((20, 50, 200, 2000), (2, 5), (0.2, 0.5, 0.8))]
    jobs += [("scores", lambda v=v: nested_cell(*v, draws)) for v in itertools.product((50, 200, 1000), (2, 5))]
    jobs += [("raters", lambda v=v: raters_cell(*v, draws)) for v in RATERS[::1 + 5 * asked.quick]]
    jobs += [("identified", lambda v=v: identified_cell(*v, draws)) for v in IDENTIFIED[::1 + 5 * asked.quick]]
    jobs = [job for job in jobs if job[0] in asked.part]
    start = time.perf_counter()
    for k, (part, job) in enumerate(jobs):
        rows[part] += job()
        pd.concat([pd.DataFrame(r).assign(part=p) for p, r in rows.items() if r]).to_csv(asked.out, index=False)
        if k % 10 == 9 or k + 1 == len(jobs):
            print(f"{k + 1:4d} of {len(jobs)} cells, {time.perf_counter() - start:6.0f} s, {part}", flush=True)
    printed(pd.concat([pd.DataFrame(found).assign(part=part) for part, found in rows.items() if found]))


def printed(table: pd.DataFrame) -> None:
    """The tables of each part."""
    for part, found in table.groupby("part", sort=False):
        found = found.dropna(axis=1, how="all")
        print(f"\n{part}\n{summarised(found)}")
        asked_of = "two-way" if part in ("raters", "identified") else "jackknife"
        short = found.query("eligible and (coverage < 0.93 or coverage > 0.97) and method == @asked_of")
        print(f"\nshort of 93 to 97 %: {len(short)}\n{short.drop(columns=['eligible', 'part']).round(3).to_string(index=False)}")


if __name__ == "__main__":
    main()
