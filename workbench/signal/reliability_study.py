"""Generalizability: would other prompts and other raters put the systems in the same places, and what would more of them buy?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import ParameterError, one_of
from workbench.estimates import SUCH_RATERS, estimate, estimates_table, join_notes
from workbench.reduce import instrument
from workbench.signal.panels import labels
from workbench.signal.reliability_components import REST, Factors, factors
from workbench.signal.reliability_groups import Group, groups
from workbench.signal.reliability_halves import split_half

if TYPE_CHECKING:
    from workbench.ratings import Ratings

DRAWS, LIGHTEST, LIMIT = 64, 8, 3_200_000     # sets of redrawn ratings: so many, unless they would pass the limit of ratings
FEW_FREE = 2.0           # degrees of freedom of an error below which an F interval says nothing
BELOW = "estimate below 0, set to 0"
FEW = "fewer than two {object}s: there is nothing to tell apart"


def reliability(ratings: Ratings, *, by: Sequence[str] = ("criterion",), object: str = "system", prompts: Sequence[int] = (),
                raters: Sequence[int] = (), confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Would other prompts and raters rank the systems alike, where does the noise come from, and what would more of them buy?

    A generalizability study per group of `by` (criteria and scales are always apart), and one of the criteria's composite (the mean
    over criteria, each as a share of its scale, of who rated them all). `object`: "system" (the measured; default) or "item".
    Prompts and raters are random.
    Rows, told apart by `name` and `component`: `variance` of each component (`share` of one rating's variance); `reliability`, the
    share of the variance of the objects' means that is the objects' own, v / (v + relative error): 1 would repeat exactly, 0 is
    noise alone; `dependability`, the same with errors that all objects share counted; `floor`, the standard error in points that
    rater x system leaves to a system's mean however many prompts there are; `split_half`, the mean rank correlation (Spearman) of
    the objects' means on random halves of the prompts (of an item's ratings: none).
    What objects share on common prompts and raters cancels from the relative error, to the extent that they did share it.

    prompts, raters: numbers to plan for; a `reliability` row each, in `planned_prompts` and `planned_raters`, for more of the same
    kind in the same design (ratings of an item as now); prompts without end show the floor. Intervals: of variances by chi-square
    less the noise's share (Williams 1962), of coefficients by F (Feldt 1965), their degrees of freedom from ratings redrawn on the
    same design. A variance that chance makes negative is 0 and says so. Undefined (nan, `note`): one object only; nominal levels;
    what the design cannot tell apart, which `note` names; no residual. Errors: `ParameterError` for an unknown object or numbers
    below 1.

    Sources: Brennan (2001), doi:10.1007/978-1-4757-3456-0; Cronbach et al. (1972); Henderson (1953), doi:10.2307/3001853;
    Feldt (1965), doi:10.1007/BF02289499; Williams (1962), doi:10.1093/biomet/49.1-2.278.

    >>> import numpy as np, pandas as pd, workbench as wb
    >>> rows = [(f"p{p}{s}", f"p{p}", s, r, (p * 7 + k * 5) % 4 + 2 * k + (p + 3 * j) % 2) for p in range(12)
    ...         for k, s in enumerate("uvw") for j, r in enumerate(["ann", "bob"])]
    >>> found = reliability(wb.read(pd.DataFrame(rows, columns=["item_id", "prompt_id", "system", "rater_id", "score"])))
    >>> round(float(found.set_index("name").loc["reliability", "value"]), 2)
    0.96
    """
    one_of("object", object, ("system", "item"))
    if wrong := [n for n in (*prompts, *raters) if not n >= 1]:
        raise ParameterError(f"prompts and raters to plan for are numbers of 1 or more, found {wrong[0]!r}. "
                             "Name numbers such as (100, 200).")
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    rows = [row for group in groups(ratings, keys=keys, object=object)
            for row in studied(group, object, prompts=prompts, raters=raters, confidence=confidence, seed=seed)]
    return estimates_table(rows, by=[*keys, "component", "planned_prompts", "planned_raters"])


def studied(group: Group, object: str, *, prompts: Sequence[int], raters: Sequence[int], confidence: float,
            seed: int) -> Iterator[dict[str, object]]:
    """The rows of one group."""
    blank = {**group.key, **labels(group.key), "component": "", "planned_prompts": math.nan, "planned_raters": math.nan, "share": math.nan}
    counts = group.counts | {"estimand": SUCH_RATERS}
    codes = group.codes
    refused = group.refused or (FEW.format(object=object) if len(group.score) == 0 or codes[object].max(initial=0) < 1 else
                                "nothing varies" if not group.score.std() > 0 else "")
    study = None if refused else factors(group.score, codes, of=object)
    if study is not None and object in {*study.merged, *study.merged.values()}:
        refused, study = study.note, None
    if study is None:
        note = join_notes(refused, group.note)
        yield from (blank | estimate(name, math.nan, note=note, **counts) for name in ("reliability", "dependability"))
        return
    note = join_notes(study.note, study.parted(), group.note)
    found = spread_of(study, seed)
    for row in (*found.component_rows(confidence), *found.coefficient_rows(confidence), *found.floor_rows(confidence),
                *found.planned_rows(prompts, raters, confidence)):
        yield blank | estimate(row.pop("name"), row.pop("value"), confidence=confidence, method="redrawn",
                               note=join_notes(row.pop("note", ""), note), **counts, **{c: row.pop(c) for c in ("low", "high")}) | row
    if object == "system":
        value, low, high, why = split_half(group, confidence=confidence, seed=seed)
        yield blank | estimate("split_half", value, low=low, high=high, confidence=confidence, method="jackknife",
                               note=join_notes(why, group.note), **counts)


def spread_of(study: Factors, seed: int) -> Spread:
    """The variances of a design, with so many redrawn sets of them as its size allows."""
    raw = study.variances()
    value = np.maximum(raw, 0)
    draws = int(min(DRAWS, max(LIGHTEST, LIMIT // len(study.score))))
    return Spread(study, raw, value, study.covariances(value, draws=draws, seed=seed), *study.error_weights)


@dataclass(frozen=True)
class Spread:
    """The variances of a design with how far chance moves them: as estimated (`raw`), at least 0 (`value`), (G,); and how those of redrawn
    ratings vary together, `moved` (G, G). How much of each stands in an object's mean, (G,), relative to other objects and absolute."""

    study: Factors
    raw: np.ndarray
    value: np.ndarray
    moved: np.ndarray
    relative: np.ndarray
    absolute: np.ndarray

    def ends(self, place: int, confidence: float) -> tuple[float, float]:
        """The interval of one variance."""
        return variance_interval(self.raw[place], float(self.moved[place, place]), self.study.freedom()[place], confidence)

    def component_rows(self, confidence: float) -> Iterator[dict[str, object]]:
        """Each variance with its share of one rating's variance."""
        for place, name in enumerate(self.study.names):
            low, high = self.ends(place, confidence)
            within = [n for n, last in self.study.merged.items() if last == name]
            yield {"name": "variance", "component": name, "value": self.value[place], "low": low, "high": high,
                   "share": self.value[place] / self.value.sum() if self.value.sum() > 0 else math.nan,
                   "note": join_notes(BELOW if self.raw[place] < 0 else "", f"{' and '.join(within)} within it" if within else "")}

    def coefficient_rows(self, confidence: float) -> Iterator[dict[str, object]]:
        """The two coefficients of the design as it is."""
        for name, weight in (("reliability", self.relative), ("dependability", self.absolute)):
            yield {"name": name} | self.coefficient(weight, confidence)

    def coefficient(self, weight: np.ndarray, confidence: float) -> dict[str, object]:
        """Share of the objects' variance in that of their means, whose error weighs each variance so: value, low, high, note."""
        weight = np.where(np.arange(len(weight)) == 0, 0.0, weight)
        raw, error = self.raw[0], float(weight @ self.value)
        if not error > 0:
            return dict(value=math.nan, low=math.nan, high=math.nan, note="no error: means repeat exactly")
        whole, all_of = raw + error, np.append(1.0, weight[1:])
        spread = [float(w @ self.moved @ w) for w in (all_of, weight)]
        df = [2 * mean**2 / variance for mean, variance in zip((self.value[0] + error, error), spread)]
        least, most = self.ends(0, confidence)
        low, high = ratio_interval(error / whole, *df, confidence) if whole > 0 else (0.0, most / (most + error))
        if df[1] < FEW_FREE:  # the error is hardly known: both variances at their worst, and at their best
            worst = error + resample.t_interval(0.0, math.sqrt(spread[1]), math.inf, confidence)[1]
            low, high = least / (least + worst), 1.0
        if (weight <= self.relative).all() and (weight < self.relative)[1:].any():    # more of all never repeats worse
            low = max(low, self.coefficient(self.relative, confidence)["low"])
        note = "objects differ by less than their error" if raw < 0 else ""
        return dict(value=max(raw, 0.0) / (max(raw, 0.0) + error), low=low, high=high, note=note)

    def floor_rows(self, confidence: float) -> Iterator[dict[str, object]]:
        """The error of an object's mean that more prompts do not remove, in points."""
        names = self.study.names
        name = f"{names[0]}:rater"
        if name in names:
            place = names.index(name)
            ends = [math.sqrt(self.relative[place] * end) for end in (self.value[place], *self.ends(place, confidence))]
            yield {"name": "floor", "component": name, **dict(zip(("value", "low", "high"), ends)),
                   "note": BELOW if self.raw[place] < 0 else ""}

    def planned_rows(self, prompts: Sequence[int], raters: Sequence[int], confidence: float) -> Iterator[dict[str, object]]:
        """Reliability with other numbers of prompts and raters in the same design."""
        names, n = self.study.names, self.present()
        for planned in [(p, r) for p in dict.fromkeys([*prompts, *([math.inf] if prompts else [])] or [n["prompt"]])
                        for r in raters or [n["rater"]]] if prompts or raters else []:
            times = dict(zip(("prompt", "rater"), (n["prompt"] / planned[0], n["rater"] / planned[1])))
            weight = np.array([own * scaled(name, times) for name, own in zip(names, self.relative)])
            yield {"name": "reliability", "planned_prompts": planned[0], "planned_raters": planned[1],
                   **self.coefficient(weight, confidence)}

    def present(self) -> dict[str, int]:
        """How many prompts (or items) and raters there are."""
        levels = {name: len(size) for name, size in self.study.sizes.items()}
        first = self.study.names[0]
        unit = levels.get("prompt", levels.get("item", levels.get(f"{first}:prompt", levels[REST])))
        return {"prompt": unit, "rater": levels.get("rater", 1)}


def scaled(name: str, times: dict[str, float]) -> float:
    """By how much a component's part in the error changes: an object's share in each level falls as there are more levels.

    rater and rater x system fall with raters; all else with prompts, each of which brings its ratings.
    """
    return times["rater"] if name == "rater" or name.endswith(":rater") and "prompt" not in name else times["prompt"]


def variance_interval(value: float, spread: float, free: float, confidence: float) -> tuple[float, float]:
    """Ends of a variance component estimated as `value`, with variance `spread` of the estimate: value + m is taken for a chi-square
    on `free` degrees of freedom, m the noise that stands in its mean square."""
    from scipy.special import chdtri

    noise = math.sqrt(spread * free / 2) - max(value, 0.0)
    if noise < 0:
        noise, free = 0.0, 2 * value**2 / spread if spread > 0 else math.inf
    whole = value + noise
    if not (whole > 0 and math.isfinite(free)):
        return math.nan, math.nan
    ends = [whole * free / float(chdtri(free, tail)) - noise for tail in ((1 - confidence) / 2, (1 + confidence) / 2)]
    return max(ends[0], 0.0), max(ends[1], 0.0)


def ratio_interval(share: float, whole_df: float, error_df: float, confidence: float) -> tuple[float, float]:
    """Ends of 1 - error / whole, whose estimates have these degrees of freedom: error / whole times an F quantile."""
    from scipy.special import fdtri

    ends = [1 - share * float(fdtri(whole_df, error_df, tail)) for tail in ((1 + confidence) / 2, (1 - confidence) / 2)]
    return max(ends[0], 0.0), max(ends[1], 0.0)
