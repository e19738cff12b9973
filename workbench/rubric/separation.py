"""How well an instrument separates systems, at what cost, and how much of a rating is about the system."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench import resample
from workbench.estimates import estimate, join_notes
from workbench.rubric.preferred import ORDER
from workbench.rubric.standing import Standing, scored

NO_SPREAD = "systems have the same value on every prompt: there is no error to hold their differences against"
NO_SECONDS = "no rating has its seconds"
PARTLY = "seconds are known of {share:.0%} of the ratings"


@dataclass(frozen=True)
class Measured:
    """A figure with what each prompt adds to it, named by prompt, summing to 0; or nan and why."""

    value: float
    influence: pd.Series | None = None
    note: str = ""

    def less(self, other: Measured) -> Measured:
        """The difference, with prompts of the same name drawn together."""
        if self.influence is None or other.influence is None:
            return Measured(math.nan, note=join_notes(other.note, self.note))
        return Measured(self.value - other.value, self.influence.sub(other.influence, fill_value=0), join_notes(other.note, self.note))

    def row(self, name: str, confidence: float) -> dict[str, object]:
        """As a row of an estimates table, with `df`: jackknife error over prompts and t interval."""
        if self.influence is None or len(self.influence) < 2:
            return estimate(name, self.value, note=self.note) | {"df": math.nan}
        se, df = resample.jackknife(np.ones(len(self.influence)), self.influence.to_numpy())
        low, high = resample.t_interval(self.value, se, df, confidence)
        return estimate(name, self.value, low=low, high=high, se=se, confidence=confidence, method="jackknife", note=self.note) | {"df": df}


def signal_to_noise(value: np.ndarray, influence: np.ndarray) -> tuple[float, np.ndarray]:
    """Variance of systems over the error variance of a system's mean, and what each prompt adds to it (P,).

    value (k,), influence (P, k) of a `Standing`. A / V - 1: A the sum of squares of the values about their mean, V the same of their
    errors; with every system on every prompt the F of systems less 1, negative where systems differ less than their errors. As
    generalizability g it is g / (1 - g), and grows in proportion to the prompts, so that instruments of any length compare by S/N per
    hour (Cronbach and Gleser 1964, doi:10.1177/001316446402400303; Brennan 2001, doi:10.1007/978-1-4757-3456-0, ch. 2).
    """
    size, spread = len(influence), value - value.mean()
    own = influence - influence.mean(axis=1, keepdims=True)
    squares = (own**2).sum(axis=1) * (size / (size - 1))
    signal, noise = float(spread @ spread), float(squares.sum())
    if not noise > 1e-18 * max(float(value @ value), 1e-300):
        return math.nan, np.zeros(size)
    return signal / noise - 1, (2 * own @ spread - signal / noise * (squares - squares.mean())) / noise


def median_seconds(seconds: np.ndarray, weight: np.ndarray, prompt: np.ndarray, n_prompts: int) -> tuple[float, np.ndarray]:
    """Weighted median of `seconds` (N,) and what each prompt adds to it (n_prompts,), from prompt codes (N,).

    The share of ratings at or below the median varies by so much over prompts; an interval of that share, read off the ordered
    seconds, is one of the median (Woodruff 1952, doi:10.1080/01621459.1952.10483443), whose width gives the slope.
    """
    order = np.argsort(seconds, kind="stable")
    ranked, share = seconds[order], np.cumsum(weight[order]) / weight.sum()
    at = lambda q: float(ranked[min(np.searchsorted(share, q - 1e-12), len(ranked) - 1)])
    middle = (at(0.5) + at(0.5 + 2e-12)) / 2
    below = np.bincount(prompt, weight * ((seconds < middle) + (seconds == middle) / 2 - 0.5), n_prompts) / weight.sum()
    se = math.sqrt(n_prompts / max(n_prompts - 1, 1) * float(((below - below.mean()) ** 2).sum()))
    width = at(min(0.5 + 2 * se, 1)) - at(max(0.5 - 2 * se, 0))
    return middle, -(below - below.mean()) * (width / (4 * se) if se > 0 else 0.0)


def cost(rows: pd.DataFrame, weight: pd.Series) -> Measured:
    """Median seconds of a rating; `weight` of each prompt by name."""
    known = rows["seconds"].notna().to_numpy() if "seconds" in rows else np.zeros(len(rows), bool)
    if not known.any():
        return Measured(math.nan, note=NO_SECONDS)
    prompt, prompts = pd.factorize(rows["prompt"].array[known])
    value, influence = median_seconds(rows["seconds"].to_numpy(dtype=float)[known], weight.reindex(prompts).to_numpy(dtype=float)[prompt],
                                      prompt, len(prompts))
    share = known.mean()
    return Measured(value, pd.Series(influence, index=prompts), PARTLY.format(share=share) if share < 1 else "")


def separations(standing: Standing | str, n_ratings: int, seconds: Measured) -> dict[str, Measured]:
    """Separation of systems by a rating and by a rater-hour of each system."""
    names = ("separation_per_hour", "separation_per_rating")
    if isinstance(standing, str):
        return dict.fromkeys(names, Measured(math.nan, note=standing))
    systems = standing.systems != ORDER
    value, influence = signal_to_noise(standing.value[systems], standing.influence[:, systems])
    if math.isnan(value):
        return dict.fromkeys(names, Measured(math.nan, note=NO_SPREAD))
    each = n_ratings / systems.sum()
    by_rating = Measured(value / each, pd.Series(influence / each, index=standing.prompt), standing.note)
    if seconds.influence is None or not seconds.value > 0:
        return {names[0]: Measured(math.nan, note=seconds.note or "the median of seconds is 0"), names[1]: by_rating}
    hour = 3600 / seconds.value
    slope = by_rating.influence.mul(hour).sub(seconds.influence * (by_rating.value * hour / seconds.value), fill_value=0)
    return {names[0]: Measured(by_rating.value * hour, slope, join_notes(standing.note, seconds.note)), names[1]: by_rating}


def system_share(standing: Standing | str, rows: pd.DataFrame, weight: pd.Series) -> Measured:
    """Share of a rating's variance, over systems and all else, that is the system's.

    The variance of systems is that of their values less that of their errors; all else is how ratings of one system vary about
    its mean. Below 0 where systems differ less than their errors. Undefined for preferences, whose ratings have no variance.
    """
    if isinstance(standing, str) or standing.name != "mean_score":
        return Measured(math.nan, note=standing if isinstance(standing, str) else "preferences have no variance of a rating")
    ratio, slope = signal_to_noise(standing.value, standing.influence)
    if math.isnan(ratio):
        return Measured(math.nan, note=NO_SPREAD)
    size, k = len(standing.prompt), len(standing.systems)
    own = standing.influence - standing.influence.mean(axis=1, keepdims=True)
    noise = (own**2).sum(axis=1) * (size / (size - 1))
    between = ratio * noise.sum() / (k - 1)
    d_between = (slope * noise.sum() + ratio * (noise - noise.mean())) / (k - 1)
    rows = scored(rows)
    system = pd.Index(standing.systems).get_indexer(rows["system"].astype(str))
    prompt = pd.Index(standing.prompt).get_indexer(rows["prompt"])
    pull, score = weight.reindex(standing.prompt).to_numpy(dtype=float)[prompt], np.asarray(rows["score"], dtype=float)
    total = np.bincount(system, pull)
    about = (score - (np.bincount(system, pull * score) / total)[system]) ** 2
    mean_square = np.bincount(system, pull * about) / total
    within = mean_square.mean()
    d_within = np.bincount(prompt, pull * (about - mean_square[system]) / total[system], size) / k
    whole = between + within
    return Measured(between / whole, pd.Series((d_between * within - between * d_within) / whole**2, index=standing.prompt), standing.note)
