"""What the raters of one item differ by: severity, camps, readings of the item, noisy raters, and the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.forms import Forms, forms_of
from workbench.errors import ParameterError
from workbench.estimates import join_notes
from workbench.ratings import VIRTUAL

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Votes

INSTRUMENT = ("criterion", "rubric", "rubric_version")
KINDS = ("severity", "severity_by_criterion", "faction_by_item", "item_spread", "rater_spread", "rest")
OF_CAMPS = "severity of camps"   # how far whole camps are stricter: part of severity, and no reading of an item
CROSSED, NESTED = ("severity", "severity_by_criterion", OF_CAMPS), ("faction_by_item", "item_spread")
UNSEPARATED = "unseparated"     # the last three, where nobody rated an item twice
MEASURES = ("share", "low", "high", "confidence", "variance", "n_items", "n_raters", "n_ratings", "n_repeats", "n_dropped", "note")
GROUPS = 20         # of prompts or items, left out in turn
FEW_REPEATS = 20    # rated again by the same rater: fewer do not separate noise from readings
WITHIN = 0.1        # half width of the interval that the number of repeats asked for would give the share of noise


@dataclass(frozen=True)
class Design:
    """Ratings one by one, (N,) each: codes of unit, rater, criterion, camp (-1: none) and block; the coordinate in which a rating lies
    and its place there.

    Two ratings in one coordinate are (x - y)^2 apart. Each level without order is a coordinate of its own, at 1 / sqrt(2): two such
    ratings are 0 or 1 apart.
    """

    unit: np.ndarray
    rater: np.ndarray
    criterion: np.ndarray
    camp: np.ndarray
    block: np.ndarray
    coordinate: np.ndarray
    place: np.ndarray

    @cached_property
    def own(self) -> np.ndarray:
        """(N,) codes of rater and unit: ratings that share one are repeats."""
        return codes(self.unit, self.rater)

    @property
    def n_repeats(self) -> int:
        """Ratings beyond the first that a rater gave a unit."""
        return len(self.unit) - int(self.own.max(initial=-1)) - 1


def kinds(ratings: Ratings, *, by: Sequence[str] = (), factions: pd.DataFrame | None = None, confidence: float = 0.95,
          seed: int = 0) -> pd.DataFrame:
    """By what do two raters of an item differ: is it noise, a rater, a camp of raters, or the item?

    The expected disagreement of two raters on an item (half their mean squared distance on a scale of 0 to 1; for levels without order half
    the share of unlike pairs) is split into shares that sum to 1:

    severity: some raters score higher than others, whatever the item. severity_by_criterion: some do on one criterion only.
    faction_by_item: camps of raters read an item differently (`factions`). item_spread: single raters do, and would again: the item or
    the rubric leaves it open. rater_spread: what would go if every rater repeated himself as well as the typical one does.
    rest: what the typical rater changes on seeing the item again.

    The last three can be told apart only from repeats. Without 20 of them they are one row, `unseparated`, whose note says how many
    would do. Components solve the equations of expected quadratic forms in ratings less their unit's mean, units weighted alike
    (MINQUE(0)), that of the rest in repeats alone; they are unbiased, and may come out below 0: `variance` shows that, `share` takes
    it for 0. Noise is split at the median of lognormal noise variances with the mean and spread seen.

    by: columns that make the groups. factions: a table of `factions`; default, sought here. confidence, seed: of the intervals, by leaving
    out 20 groups of prompts (items) in turn. One row a group and kind. Undefined (nan, reason in `note`): fewer than two raters of any
    item, no disagreement, intervals of fewer than 20 prompts or items. A kind that the data do not have (severity_by_criterion of one
    criterion, camps where none are found) is nan; those that are there sum to 1. In `benchmarks/kinds.py` 95 % intervals held 89 to 93 %.
    Errors: as `reduce.votes`. Sources: Rao (1971), doi:10.1016/0047-259X(71)90001-7; Searle, Casella and McCulloch (1992), ch. 11.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3] * 4, "bob": [2, 3, 4] * 4}))
    >>> kinds(ratings).set_index("kind")["share"].round(2).to_dict()
    {'severity': 1.0, 'severity_by_criterion': nan, 'faction_by_item': nan, 'unseparated': 0.0}
    """
    from workbench.reduce import votes

    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence!r}: give a share between 0 and 1, such as 0.95.")
    if factions is None:
        from workbench.disagreement.camps import factions as sought

        factions = sought(ratings, seed=seed)
    groups: dict[tuple[object, ...], list[Votes]] = {}
    for part in votes(ratings, by=list(dict.fromkeys((*by, *INSTRUMENT))), repeats=True):
        groups.setdefault(tuple(part.key[c] for c in by), []).append(part)
    blocks = prompts(ratings)
    rows = [dict(zip(by, key)) | row for key, parts in groups.items() for row in kind_rows(parts, factions, blocks, confidence, seed)]
    return pd.DataFrame(rows, columns=[*by, "kind", *MEASURES])


def prompts(ratings: Ratings) -> pd.Series | None:
    """The prompt of each item by item_id, where ratings have one."""
    if "prompt_id" not in (*ratings.columns, *VIRTUAL) or "prompt_id" in ratings.missing:
        return None
    from workbench.disagreement.units import rated_units

    frames = [units.frame[["item_id", "prompt_id"]] for units in rated_units(ratings) if "prompt_id" in units.frame]
    return pd.concat(frames).drop_duplicates("item_id").set_index("item_id")["prompt_id"] if frames else None


def kind_rows(parts: Sequence[Votes], factions: pd.DataFrame, blocks: pd.Series | None, confidence: float,
              seed: int) -> list[dict[str, object]]:
    """The rows of one group."""
    design, counts = designed(parts, factions, blocks)
    names, factors, notes = told_apart(design)
    if not len(design.unit):
        return [row_of(name, counts, note="no item has ratings by two raters") for name in names]
    whole, *without = summed(design, factors, seed)
    variance = components(whole, factors, names)
    share = shares(variance)
    if not np.isfinite(share).any():
        why = "no disagreement" if whole.sums["variance"] <= 0 else "who rated what does not tell the kinds apart"
        return [row_of(name, counts, note=why) for name in names]
    alone = len(without) < GROUPS
    left = [] if alone else [components(forms, factors, names) for forms in without]
    low, high = ends(untruncated(variance), np.array([untruncated(parts) for parts in left]), confidence)
    few = f"fewer than {GROUPS} prompts (items, where these are not named): no interval" if alone else ""
    return [row_of(name, counts, share=share[k], low=low[k], high=high[k], confidence=confidence, variance=variance[k],
                   note=join_notes(notes.get(name, ""), few))
            for k, name in enumerate(names)]


def row_of(kind: str, counts: dict[str, int], *, share: float = math.nan, low: float = math.nan, high: float = math.nan,
           confidence: float = math.nan, variance: float = math.nan, note: str = "") -> dict[str, object]:
    """One row of `kinds`."""
    low, high = (math.nan, math.nan) if low == high else (low, high)
    return {"kind": kind, "share": share, "low": low, "high": high, "confidence": confidence, "variance": variance, **counts, "note": note}


def designed(parts: Sequence[Votes], factions: pd.DataFrame, blocks: pd.Series | None) -> tuple[Design, dict[str, int]]:
    """The ratings of units with two raters or more, and what is counted of them."""
    camp = factions[factions["faction"] > 0].set_index(["criterion", "rubric", "rater_id"])["faction"].to_dict()
    rows, n_units, n_levels = [], 0, 1
    for k, part in enumerate(parts):
        who = part.raters[part.rater]
        nominal = part.scale == "nominal"
        item = part.units["item_id"].to_numpy()
        of_rater = np.array([camp.get((part.key["criterion"], part.key["rubric"], name), -1) for name in part.raters], dtype=int)
        rows.append(pd.DataFrame({
            "unit": part.item + n_units, "who": who, "criterion": str(part.key["criterion"]), "camp": of_rater[part.rater],
            "item": item[part.item], "coordinate": part.level + n_levels if nominal else 0, "place": places_of(part)}))
        n_units, n_levels = n_units + part.n_items, n_levels + (len(part.levels) if nominal else 0)
    frame = pd.concat(rows) if rows else pd.DataFrame(columns=["unit", "who", "criterion", "camp", "item", "coordinate", "place"])
    rater = pd.factorize(frame["who"])[0]
    unit = frame["unit"].to_numpy(dtype=int)
    first = np.unique(codes(unit, rater), return_index=True)[1]
    kept = (np.bincount(unit[first], minlength=n_units) >= 2)[unit]
    frame, rater = frame[kept], rater[kept]
    name = frame["item"] if blocks is None else frame["item"].map(blocks).astype(object).where(lambda s: s.notna(), frame["item"])
    design = Design(*[pd.factorize(c)[0] for c in (frame["unit"], rater, frame["criterion"])], frame["camp"].to_numpy(dtype=int),
                    pd.factorize(name)[0], frame["coordinate"].to_numpy(dtype=int), frame["place"].to_numpy(dtype=float))
    counts = {"n_items": int(design.unit.max(initial=-1)) + 1, "n_raters": int(design.rater.max(initial=-1)) + 1,
              "n_ratings": len(frame), "n_repeats": design.n_repeats, "n_dropped": sum(p.n_dropped for p in parts) + int((~kept).sum())}
    return design, counts


def places_of(part: Votes) -> np.ndarray:
    """(R,) where each rating lies on its scale, 0 to 1; 1 / sqrt(2) along its level's own coordinate without order."""
    if part.scale == "nominal":
        return np.full(part.n_ratings, math.sqrt(0.5))
    if part.scale == "ordinal":
        return part.level / max(len(part.levels) - 1, 1)
    ends_of = part.values if len(part.values) else part.score
    low, high = (ends_of.min(), ends_of.max()) if len(ends_of) else (0.0, 0.0)
    return (part.score - low) / (high - low) if high > low else np.zeros(part.n_ratings)


def told_apart(design: Design) -> tuple[list[str], list[str], dict[str, str]]:
    """The kinds to speak of, the factors that this design has, and what to say of those it has not."""
    factors, notes = ["severity"], {}
    if len(np.unique(design.criterion)) > 1:
        factors.append("severity_by_criterion")
    else:
        notes["severity_by_criterion"] = "one criterion: it is within severity"
    if len(np.unique(design.camp[design.camp > 0])) > 1:
        factors += [OF_CAMPS, "faction_by_item"]
    else:
        notes["faction_by_item"] = "no camps of raters were found"
    if design.n_repeats >= FEW_REPEATS:
        return list(KINDS), [*factors, "item_spread"], notes
    asked = math.ceil(2 * (1.96 / WITHIN) ** 2)   # the squared error of a variance v from n pairs of repeats is 2 v^2 / n, v at most all
    notes[UNSEPARATED] = f"item_spread, rater_spread and rest: {design.n_repeats} repeats; {asked} would tell noise to within {WITHIN:g}"
    return [*KINDS[:3], UNSEPARATED], factors, notes


def summed(design: Design, names: Sequence[str], seed: int) -> list[Forms]:
    """The forms of all ratings, then those without each of 20 groups of whole blocks; of one group where there are too few blocks."""
    inside, camp = design.camp >= 0, np.maximum(design.camp, 0)
    columns = {"severity": design.rater, "severity_by_criterion": codes(design.rater, design.criterion), "item_spread": design.own,
               OF_CAMPS: np.where(inside, codes(design.criterion, camp), -1),
               "faction_by_item": np.where(inside, codes(design.unit, camp), -1)}
    n = int(design.block.max()) + 1
    group = (np.random.default_rng(seed).permutation(n) % GROUPS if n >= GROUPS else np.zeros(n, int))[design.block]
    crossed, nested = ({name: columns[name] for name in chosen if name in names} for chosen in (CROSSED, NESTED))
    return forms_of(design.unit, design.place, design.coordinate, crossed, nested, design.own, design.rater, group)


def components(forms: Forms, factors: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """(K,) what each kind adds to the disagreement of two raters, in the order of `names`; negative ones as they come."""
    variance, rest, adds = forms.solved(factors)
    of_camps = np.isin(factors, [OF_CAMPS, "faction_by_item"])      # two raters of one camp do not differ by these
    found = dict(zip(factors, variance * np.where(of_camps, adds / adds[0], 1.0)))
    found["severity"] += found.get(OF_CAMPS, 0.0)
    if "item_spread" in factors:
        steady = rest * typical(forms.noise)
        found |= {"rater_spread": rest - steady, "rest": steady}
    else:
        found[UNSEPARATED] = rest
    return np.array([found.get(name, math.nan) for name in names])


def typical(noise: np.ndarray) -> float:
    """Median over mean of the raters' noise variances, taken as lognormal; from products of two variances of one rater.

    noise: (3, raters), of `forms.noise`. 1 without two units rated again by one rater.
    """
    n, total, squares = noise
    pairs = (n * (n - 1)).sum()
    if pairs <= 0 or total.sum() <= 0:
        return 1.0
    second, mean = (total**2 - squares).sum() / pairs, total.sum() / n.sum()
    return 1 / math.sqrt(max(second / mean**2, 0.25))


def shares(parts: np.ndarray) -> np.ndarray:
    """Of the parts (K,) that are above 0 the share of each; nan of those not known, and where there is nothing to share."""
    kept = np.maximum(parts, 0)
    whole = np.nansum(kept)
    return kept / whole if whole > 0 else np.full(len(parts), math.nan)


def untruncated(parts: np.ndarray) -> np.ndarray:
    """The parts (K,) over their sum, those below 0 with the rest: their errors are not cut off at 0."""
    return parts / np.nansum(parts)


def ends(share: np.ndarray, left_out: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of t intervals of the shares (K,), within 0 and 1, from those without each group (G, K); nan with fewer than 20 groups."""
    from scipy.special import stdtrit

    g = len(left_out)
    if g < GROUPS:
        return np.full(len(share), math.nan), np.full(len(share), math.nan)
    reach = stdtrit(g - 1, (1 + confidence) / 2) * np.sqrt((g - 1) / g * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return np.clip(share - reach, 0, 1), np.clip(share + reach, 0, 1)


def codes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One code for each pair of codes."""
    return pd.factorize(first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second)[0]
