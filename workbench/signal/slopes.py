"""Gains of two measures over the versions of a system, in units that noise does not shrink, and the interval of their ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench import resample
from workbench.estimates import estimate, join_notes
from workbench.signal.components import coded, of_first, pair_codes

if TYPE_CHECKING:
    import pandas as pd

MOVED, STEPS, SHARED, PAIRS, SQUARES, RATED, LINKED, LINKS, WIDTH = *range(8), 8
REPLICATED = "replicated"
TRANSFERS, NOT, UNKNOWN = "transfers", "does not transfer", "cannot tell"
BOUND = 0.5              # of the ratio: half of the gain
FEWEST = 4               # versions a trend needs
LEFT = 0.1               # share of the versions' variation that must stay when raters' own levels are taken out
MANY = 20                # raters a version, whose severities average out
FEW_LEVELS = 500         # of a factor, up to which its effects are solved for at once
POWER = 0.8              # with which `n_needed` prompts would tell a whole gain from none


@dataclass(frozen=True)
class Side:
    """One measure of the systems as totals by prompt, (P, 8), and how its noise is known.

    Columns: version times score, version squared (both beside prompts and raters), products of two raters' ratings of an item and
    their number, squared ratings and their number, products with the linking measure and their number. noise: "replicated" (two
    raters an item tell it), "exact" (none by nature), "once" (unknown: an item has one rating).
    """

    name: str
    terms: np.ndarray
    noise: str
    counts: Mapping[str, int]
    note: str = ""
    reason: str = ""
    more: Mapping[str, object] = field(default_factory=dict)


def absorbed(columns: np.ndarray, codes: Sequence[np.ndarray], tolerance: float = 1e-6) -> np.ndarray:
    """Columns (N, k) less what the levels of every one of `codes` (N,), each from 0, explain: of two solved at once; of more, or of
    two with many levels each, by alternating projections until a mean is below `tolerance` of a standard deviation (Guimaraes and
    Portugal 2010, doi:10.1177/1536867X1101000406).
    """
    left = columns.astype(float)
    codes = sorted(codes, key=lambda code: -code.max(initial=-1))
    sizes, enough = [np.bincount(code) for code in codes], tolerance * left.std(axis=0).max(initial=0) if len(left) else 0.0
    if len(left) and len(codes) == 2 and len(sizes[1]) <= FEW_LEVELS:
        left -= smaller_effects(left, codes, sizes)[codes[1]]
        codes, sizes = codes[:1], sizes[:1]
    for _ in range(500 if len(codes) > 1 else 1):
        most = 0.0
        for code, size in zip(codes, sizes):
            for k in range(left.shape[1]):
                mean = np.bincount(code, left[:, k]) / size
                left[:, k] -= mean[code]
                most = max(most, float(np.abs(mean).max(initial=0)))
        if most <= enough:
            break
    return left


def smaller_effects(columns: np.ndarray, codes: Sequence[np.ndarray], sizes: Sequence[np.ndarray]) -> np.ndarray:
    """Least-squares effects (levels, k) of the second of two factors, beside the first: the normal equations without the first's
    effects, in units in which their eigenvalues lie between 0 and 1; what they cannot tell is 0."""
    shape, root = tuple(map(len, sizes)), np.sqrt(sizes[1])[:, None]
    first, second = (np.column_stack([np.bincount(code, column, n) for column in columns.T]) for code, n in zip(codes, shape))
    if math.prod(shape) <= resample.BLOCK:
        met = np.bincount(codes[0] * shape[1] + codes[1], minlength=math.prod(shape)).reshape(shape)
        both = met.T @ (met / sizes[0][:, None])
    else:
        from scipy.sparse import csr_array

        met = csr_array((np.ones(len(codes[0])), tuple(codes)), shape=shape)
        both = (met.T @ met.multiply(1 / sizes[0][:, None]).tocsr()).toarray()
    size, directions = np.linalg.eigh(np.eye(len(root)) - both / root / root.T)
    rest = (second - met.T @ (first / sizes[0][:, None])) / root
    return directions @ (directions.T @ rest * np.where(size > 1e-9, 1 / np.maximum(size, 1e-9), 0)[:, None]) / root


def side_of(name: str, rows: pd.DataFrame, *, n_prompts: int, noise: str, link: pd.DataFrame | None = None) -> Side:
    """A measure from its ratings: columns unit, rater, version (number), prompt (code), rubric_version, score; `pair` where the
    score is a verdict on two systems and `version` the steps between them.

    noise: as in `Side`. link: ratings of the same items by another measure that is replicated.
    """
    counts = {"n_items": rows["unit"].nunique(), "n_raters": rows["rater"].nunique(), "n_ratings": len(rows)}
    empty = Side(name, np.zeros((n_prompts, WIDTH)), noise, counts)
    if rows["version"].nunique() < 2:
        return Side(**{**vars(empty), "reason": f"{name}: fewer than two versions are rated"})
    step, score, note, reason = (None, None, "", "nothing varies") if rows["score"].nunique() < 2 else beside(rows)
    if reason:
        return Side(**{**vars(empty), "reason": f"{name}: {reason}"})
    left, fit = residuals(rows)
    terms, prompt = empty.terms.copy(), rows["prompt"].to_numpy()
    of_pairs, n_pairs = products(rows["unit"].to_numpy(), left, fit)
    linked, n_links = crossing(rows, left, fit, link) if link is not None else np.zeros((2, len(rows)))
    for place, what in ((MOVED, step * score), (STEPS, step * step), (SHARED, of_pairs), (PAIRS, n_pairs),
                        (SQUARES, np.where(fit, left * left, 0)), (RATED, fit), (LINKED, linked), (LINKS, n_links)):
        terms[:, place] = np.bincount(prompt, what.astype(float), minlength=n_prompts)
    return Side(name, terms, noise, counts, note)


def beside(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, str, str]:
    """Version and score beside prompts, raters and rubric versions; what was not held constant; or why nothing is left."""
    both = np.column_stack([rows["version"], rows["score"]]).astype(float)
    if "pair" in rows and rows["pair"].all():
        return both[:, 0], both[:, 1], "", ""
    prompt, line = (rows[c].factorize()[0] for c in ("prompt", "rubric_version"))
    shared = (np.bincount(of_first(prompt, pair_codes(prompt, coded(both[:, 0]))))[prompt] > 1).mean() >= 0.5
    keys = [prompt] if shared else []
    usual = absorbed(both, [*keys, line])
    if (usual[:, 0] ** 2).sum() < 1e-6 * len(rows):
        return *both.T, "", "each version is rated under its own rubric version or on its own prompts, without a bridge"
    held = absorbed(both, [*keys, pair_codes(rows["rater"].to_numpy(), line)])
    note = "" if shared else "versions share few prompts: their tasks are taken to be alike"
    if (held[:, 0] ** 2).sum() >= LEFT * (usual[:, 0] ** 2).sum():
        return *held.T, note, ""
    if rows.groupby("version")["rater"].nunique().min() < MANY:
        return *both.T, "", "raters judge one version each and are few: severity cannot be told from gain"
    return *usual.T, join_notes(note, "raters judge one version each: taken for assigned at random"), ""


def residuals(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Scores less the means of their versions and raters, scaled for the means' own error, and which have a rater's mean to compare."""
    line = rows["rubric_version"].factorize()[0]
    stratum, rater = pair_codes(coded(rows["version"].to_numpy()), line), pair_codes(rows["rater"].to_numpy(), line)
    n = np.bincount(rater)[rater].astype(float)
    # a crowd that rates a few times each has no means worth taking out
    crowd = np.median(np.bincount(rater)) < 5
    left = absorbed(rows["score"].to_numpy()[:, None], [stratum] if crowd else [stratum, rater])[:, 0]
    return (left, np.ones(len(rows), bool)) if crowd else (left / np.sqrt(np.maximum(1 - 1 / n, 0.5)), n > 1)


def products(unit: np.ndarray, left: np.ndarray, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each rating's share of the products of its item's pairs of ratings, and of their number, (N,)."""
    unit, left = coded(unit), np.where(fit, left, 0)
    total, n = np.bincount(unit, left)[unit], np.bincount(unit, fit)[unit]
    return left * (total - left) / 2, np.where(fit, n - 1, 0) / 2


def crossing(rows: pd.DataFrame, left: np.ndarray, fit: np.ndarray, link: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Each rating's products with another measure's ratings of the item, and their number, (N,)."""
    other, other_fit = residuals(link)
    unit = coded(np.concatenate([link["unit"], rows["unit"]]))
    there, here = unit[:len(link)], unit[len(link):]
    total, n = (np.bincount(there, what, len(unit))[here] * fit for what in (np.where(other_fit, other, 0), other_fit))
    return left * total, n


def true_sd(side: Side, place: int, bound: str, link: int | None) -> resample.Formula:
    """The standard deviation of a measure's true scores, as a formula of totals in which it stands `place`-th; `bound`, where its
    noise is unknown: "high" as if it had none, "low" by what it shares with the linking measure (Spearman 1904)."""
    at, by = place * WIDTH, (link or 0) * WIDTH
    if side.noise == REPLICATED:
        return lambda x: (x[..., at + SHARED] / x[..., at + PAIRS]) ** 0.5
    if side.noise == "exact" or bound == "high":
        return lambda x: (x[..., at + SQUARES] / x[..., at + RATED]) ** 0.5
    return lambda x: x[..., at + LINKED] / x[..., at + LINKS] / (x[..., by + SHARED] / x[..., by + PAIRS]) ** 0.5


def slope(place: int) -> resample.Formula:
    """The gain in points a version."""
    return lambda x: x[..., place * WIDTH + MOVED] / x[..., place * WIDTH + STEPS]


@dataclass(frozen=True)
class Known:
    """A figure with its error, and each prompt's influence on it."""

    value: float
    se: float
    df: float
    influence: np.ndarray

    def ends(self, confidence: float) -> tuple[float, float]:
        """Its t interval."""
        return resample.t_interval(self.value, self.se, self.df, confidence) if math.isfinite(self.se) else (math.nan, math.nan)


def known(formula: resample.Formula, terms: np.ndarray) -> Known:
    """A formula of totals over prompts by the jackknife."""
    terms = terms[(terms != 0).any(axis=1)]
    weight = np.ones(len(terms))
    value = float(resample.value(formula, terms.sum(axis=0)))
    influence = resample.influences(formula, terms, weight) if len(terms) > 2 else np.full(len(terms), np.nan)
    se, df = resample.jackknife(weight, influence) if math.isfinite(value) and np.isfinite(influence).all() else (math.nan, math.nan)
    return Known(value, se, df, influence)


def fieller(over: Known, under: Known, confidence: float) -> tuple[float, float]:
    """The interval of over / under (Fieller 1954), both of the same prompts; nan where `under` cannot be told from 0."""
    from scipy.special import stdtrit

    t = float(stdtrit(min(over.df, under.df), (1 + confidence) / 2))
    n = len(over.influence)
    a = under.value**2 - (t * under.se) ** 2
    b = over.value * under.value - t * t * n / (n - 1) * float(over.influence @ under.influence)
    c = over.value**2 - (t * over.se) ** 2
    if not a > 0:
        return math.nan, math.nan
    reach = math.sqrt(max(b * b - a * c, 0.0))
    return (b - reach) / a, (b + reach) / a


def gain(side: Side, confidence: float) -> dict[str, object]:
    """A measure's row: gain a version in standard deviations of its true scores, its interval, raw gain, reliability of one rating."""
    nothing = {"slope": math.nan, "raw_slope": math.nan, "reliability": math.nan}
    if side.reason:
        return estimate("gain", math.nan, note=join_notes(side.reason, side.note), **side.counts) | nothing
    unit, move = true_sd(side, 0, "high", None), slope(0)
    found = known(lambda x: move(x) / unit(x), side.terms)
    variance = known(lambda x: unit(x) ** 2, side.terms)
    rated = float(resample.value(lambda x: x[..., SQUARES] / x[..., RATED], side.terms.sum(axis=0)))
    low, high = found.ends(confidence)
    once = "" if side.noise != "once" else f"{side.name}: items have one rating, and its noise is unknown; the gain is at least this"
    flat = "" if math.isfinite(found.value) else f"{side.name}: two raters of an item agree no more than by chance: no true variance"
    row = estimate("gain", found.value, low=low, high=high, se=found.se, confidence=confidence, method="jackknife",
                   note=join_notes(flat, once, side.note), **side.counts)
    reliability = 1.0 if side.noise == "exact" else min(variance.value / rated, 1.0) if side.noise == REPLICATED and rated > 0 else math.nan
    return row | {"slope": found.value, "raw_slope": float(resample.value(move, side.terms.sum(axis=0))), "reliability": reliability}


def compared(over: Side, under: Side, *, link: Side | None, at: int | None, n_versions: int, confidence: float) -> dict[str, object]:
    """Ratio of the gain of `over` (independent) to that of `under` (coupled): ratio, ratio_low, ratio_high, verdict, n_needed, why.

    link: a third measure; at: which of the three, 0 to 2, the linking measure is.
    """
    answer = {"ratio": math.nan, "ratio_low": math.nan, "ratio_high": math.nan, "verdict": UNKNOWN, "n_needed": math.nan}
    if n_versions < FEWEST:
        return answer | {"why": f"{n_versions} {'version is' if n_versions == 1 else 'versions are'} rated by both; {FEWEST} are needed"}
    if reason := join_notes(over.reason, under.reason):
        return answer | {"why": reason}
    terms = np.hstack([over.terms, under.terms, *([link.terms] if link is not None else [])])
    ends = bounds(over, under, at, terms, confidence)
    if not ends:
        return answer | {"why": "noise of either is unknown: rate some items by two raters of each"}
    worst = next((one["why"] for one in ends.values() if one["why"]), "")
    one_sided = "" if len(ends) == 2 else f"only its {'upper' if 'high' in ends else 'lower'} limit is known: some noise is not"
    answer["n_needed"] = max((one["n_needed"] for one in ends.values()), default=math.nan)
    if worst:
        return answer | {"why": worst}
    low = ends["low"]["ends"][0] if "low" in ends else -math.inf
    high = ends["high"]["ends"][1] if "high" in ends else math.inf
    verdict = TRANSFERS if low > BOUND else NOT if high < BOUND else UNKNOWN
    ratio = float(np.mean([one["ratio"] for one in ends.values()]))
    return answer | {"ratio": ratio, "ratio_low": low, "ratio_high": high, "verdict": verdict, "why": one_sided}


def bounds(over: Side, under: Side, at: int | None, terms: np.ndarray, confidence: float) -> dict[str, dict[str, object]]:
    """The "high" and the "low" end of the ratio, as `told` has them: one and the same where the noise of both is known, else those
    between which the true ratio lies, as far as they can be had."""
    found: dict[str, dict[str, object]] = {}
    for end, ways in (("high", ("low", "high")), ("low", ("high", "low"))):
        if all(way == "high" or side.noise != "once" or at is not None for side, way in zip((over, under), ways)):
            same = found and "once" not in (over.noise, under.noise)
            units = [true_sd(side, k, way, at) for k, (side, way) in enumerate(zip((over, under), ways))]
            found[end] = found["high"] if same else told(units, terms, confidence)
    return found


def told(units: Sequence[resample.Formula], terms: np.ndarray, confidence: float) -> dict[str, object]:
    """The ratio of two gains in these units, its interval, the prompts that would tell, and why it has none."""
    from scipy.special import ndtri

    gains = [slope(0), slope(1)]
    # multiplied out, so that a true variance near 0 widens the interval and does not blow up the gain
    over = known(lambda x: gains[0](x) * units[1](x), terms)
    under = known(lambda x: gains[1](x) * units[0](x), terms)
    need, spread = math.nan, [known(lambda x, unit=unit: unit(x) * unit(x), terms) for unit in units]
    if any(not one.ends(confidence)[0] > 0 for one in spread) or any(not unit(terms.sum(axis=0)) > 0 for unit in units):
        return {"ratio": math.nan, "ends": (math.nan,) * 2, "n_needed": need, "why": "reliability cannot be told from 0"}
    n = int((terms[:, :2 * WIDTH] != 0).any(axis=1).sum())
    if under.value > 0 and math.isfinite(under.se):
        half = known(lambda x: gains[0](x) * units[1](x) - BOUND * gains[1](x) * units[0](x), terms)
        far = float(ndtri((1 + confidence) / 2) + ndtri(POWER))
        need = math.ceil(n * max((far * half.se / (BOUND * under.value)) ** 2, (far * under.se / under.value) ** 2))
    ends = fieller(over, under, confidence)
    why = "" if math.isfinite(ends[0]) and under.value > 0 else "the gain to be transferred cannot be told from 0" \
        if not under.ends(confidence)[1] < 0 else "the measure to be transferred falls"
    return {"ratio": over.value / under.value if not why else math.nan, "ends": ends, "n_needed": need, "why": why}
