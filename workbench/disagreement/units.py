"""Each rated unit with its disagreement, and what to expect of the raters who happened to rate it.

Disagreement of a unit is the mean distance of two of its ratings: 0 or 1 for nominal levels, else the squared difference
of their places on the scale, whose ends lie 1 apart. It does not depend on how many ratings there are. Two raters of severities
s and noise v differ by (s_a - s_b)^2 + v_a + v_b on the average item; the mean over a unit's pairs is what is expected of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.traits import severities
from workbench.ratings import VIRTUAL
from workbench.reduce import cells, facts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.instrument import Scale
    from workbench.ratings import Ratings
    from workbench.reduce.scan import Instrument

INSTRUMENT = ("criterion", "rubric", "rubric_version")
ALWAYS = ("prompt_id", "rated_at", "task_type", "system", "party")
RARE = 10           # raters of fewer units share one noise: too little is known of each
MAX_RATERS = 1_000  # beyond this many, those with the fewest units share one as well

RIDGE = 1e-8        # of the mean diagonal: moves an estimate by that share at most


@dataclass(frozen=True)
class Units:
    """The units of one criterion under one rubric that were rated twice or more.

    frame: one row a unit: item_id, step, criterion, rubric, rubric_version, further columns, n_ratings, value, expected.
    cells: their ratings; `row` is the unit's place in `frame`, `place` the level's code or place on the scale in 0-1.
    gap: (U,) disagreement that the severities of its raters explain. design: (U, R) weight of each rater's noise in a unit.
    nominal: whether levels have no order. n_single: units rated once, left out.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame
    gap: np.ndarray
    design: csr_array
    nominal: bool
    n_single: int

    @property
    def beyond(self) -> np.ndarray:
        """(U,) disagreement that severities do not explain."""
        return self.value - self.gap

    @cached_property
    def value(self) -> np.ndarray:
        """(U,) disagreement."""
        return self.frame["value"].to_numpy()

    @cached_property
    def n_ratings(self) -> np.ndarray:
        """(U,) how many ratings."""
        return self.frame["n_ratings"].to_numpy()

    @cached_property
    def named(self) -> dict[str, str]:
        """The criterion and the rubric."""
        return {c: str(self.frame[c].iloc[0]) for c in ("criterion", "rubric")}

    @cached_property
    def most_contested(self) -> np.ndarray:
        """(U,) the units in order of falling disagreement beyond what is expected."""
        return np.argsort(-(self.frame["value"] - self.frame["expected"]).to_numpy(), kind="stable")

    def examples(self, inside: np.ndarray) -> str:
        """Three items with the most disagreement beyond what is expected among those true in `inside` (U,), a line each."""
        return "\n".join(dict.fromkeys(map(str, self.items[self.most_contested[inside[self.most_contested]][:3]])))

    @cached_property
    def items(self) -> np.ndarray:
        """(U,) the units' items."""
        return self.frame["item_id"].to_numpy(dtype=object)

    @cached_property
    def first_ratings(self) -> pd.DataFrame:
        """The first of each unit's ratings, in the units' order."""
        return self.cells.drop_duplicates("row").reset_index(drop=True)

    @cached_property
    def _raters(self) -> np.ndarray:
        return pd.factorize(self.cells["rater_id"])[0]

    def raters_of(self, codes: np.ndarray, n: int) -> np.ndarray:
        """(n,) how many raters rated the units of each of the groups 0 to n - 1 of `codes` (U,); -1 is in none."""
        group = codes[self.cells["row"].to_numpy()]
        met = self._raters[group >= 0].astype(np.int64) * n + group[group >= 0]
        m = int(self._raters.max(initial=-1)) + 1
        return (np.bincount(met, minlength=n * m).reshape(m, n) > 0).sum(axis=0)

    @cached_property
    def blocks(self) -> np.ndarray:
        """(U,) codes of what is drawn as one: the prompt where it is known, else the item."""
        frame = self.frame
        names = frame["prompt_id"].astype("object").where(frame["prompt_id"].notna(), frame["item_id"]) \
            if "prompt_id" in frame else frame["item_id"]
        return pd.factorize(names)[0]


def rated_units(ratings: Ratings, *, extra: Sequence[str] = ()) -> list[Units]:
    """The units of each criterion and rubric, versions kept apart, with the columns `extra` of their ratings, and maybe more, in `cells`.

    Kept in memory: items, slices, topics and camps of one page stand on the same units, so the columns most asked for are always there.
    """
    extra = [c for c in dict.fromkeys((*ALWAYS, *extra))
             if c not in INSTRUMENT and (c in ratings.columns or c in VIRTUAL) and c not in ratings.missing]
    kept = ratings.source.memory.setdefault(("units", ratings.conditions, ratings.start, ratings.end), {})
    columns = next((columns for columns in kept if columns >= set(extra)), frozenset(extra))
    if columns not in kept:
        kept[columns] = units_by_rubric(cells(ratings, by=INSTRUMENT, extra=extra), facts(ratings).scales)
    return kept[columns]


def units_by_rubric(rows: pd.DataFrame, scales: Mapping[Instrument, Scale]) -> list[Units]:
    """Units from ratings, each placed on the scale of its own version."""
    rows = rows.reset_index(drop=True)
    place, parts = np.zeros(len(rows)), []
    for (criterion, rubric, version), part in parted(rows, list(INSTRUMENT)):
        place[part.index] = places(part, scales[rubric, version, criterion])
    rows["place"] = place
    for (criterion, rubric), part in parted(rows, ["criterion", "rubric"]):
        first = scales[rubric, part["rubric_version"].iloc[0], criterion]
        parts.append(units_of(part, nominal=first.name == "nominal"))
    return parts


def parted(rows: pd.DataFrame, columns: list[str]) -> Iterator[tuple[tuple[object, ...], pd.DataFrame]]:
    """Rows by their levels of the columns, in order; those that are all alike are not copied."""
    if len(rows) and all((rows[c] == rows[c].iloc[0]).all() for c in columns):
        yield tuple(rows[c].iloc[0] for c in columns), rows
    else:
        yield from rows.groupby(columns, sort=True)


def places(rows: pd.DataFrame, scale: Scale) -> np.ndarray:
    """Where each rating lies on its scale: the level's code if nominal, else between 0 and 1."""
    if scale.name == "nominal":
        return rows["level"].to_numpy(dtype=float)
    if scale.name == "ordinal":
        return rows["level"].to_numpy(dtype=float) / max(len(scale.levels) - 1, 1)
    score = rows["score"].to_numpy(dtype=float)
    low = scale.minimum if scale.minimum is not None else score.min()
    high = scale.maximum if scale.maximum is not None else score.max()
    return (score - low) / (high - low) if high > low else np.zeros(len(score))


def units_of(rows: pd.DataFrame, *, nominal: bool) -> Units:
    """Units of one criterion and rubric from their ratings, with value and expected disagreement."""
    code = pd.factorize(rows["unit"])[0]
    n = np.bincount(code)[code]
    order = np.lexsort((rows["place"].to_numpy(), rows["unit"].to_numpy()))
    rows = rows.take(order[n[order] >= 2]).reset_index(drop=True)
    rows["row"] = pd.factorize(rows["unit"])[0]
    kept = [c for c in ("item_id", "step", *INSTRUMENT, "prompt_id") if c in rows]
    frame = rows.drop_duplicates("row")[kept].reset_index(drop=True)
    unit, place = rows["row"].to_numpy(), rows["place"].to_numpy(dtype=float)
    rater = pd.factorize(rows["rater_id"], sort=True)[0]
    size = np.bincount(unit, minlength=len(frame))
    value = share_of_unlike_pairs(unit, place, size) if nominal else 2 * spread(unit, place, size)
    severity = np.zeros(len(rows)) if nominal else severities(unit, rater, place)[rater]
    gap = 2 * spread(unit, severity, size)
    design = rater_weights(unit, rater, size)
    frame = frame.assign(n_ratings=size, value=value, expected=np.clip(gap + fitted(design, value - gap), 0, 1))
    if "rated_at" in rows:
        frame["first"] = rows.groupby("row")["rated_at"].min().to_numpy()
    return Units(frame, rows, gap, design, nominal, int((n == 1).sum()))


def spread(unit: np.ndarray, x: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Sample variance of `x` (N,) within each unit (U,): half the mean squared difference of two of its ratings."""
    mean = np.bincount(unit, x, len(size)) / size
    return np.bincount(unit, (x - mean[unit]) ** 2, len(size)) / (size - 1)


def share_of_unlike_pairs(unit: np.ndarray, code: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Share of a unit's pairs of ratings that name different levels."""
    counts = pd.Series(1, index=range(len(unit))).groupby([unit, code]).sum()
    alike = np.bincount(counts.index.get_level_values(0), counts * (counts - 1), len(size))
    return 1 - alike / (size * (size - 1))


def rater_weights(unit: np.ndarray, rater: np.ndarray, size: np.ndarray) -> csr_array:
    """(U, R): 2 / n for each of a unit's n raters, the share of its pairs each is part of; rare raters in one column."""
    from scipy.sparse import csr_array

    counts = np.bincount(rater, minlength=1)
    cut = max(RARE, np.sort(counts)[::-1][min(MAX_RATERS, len(counts)) - 1])
    common = np.flatnonzero(counts >= cut)[:MAX_RATERS]
    column = np.full(len(counts), len(common))
    column[common] = np.arange(len(common))
    return csr_array((2 / size[unit], (unit, column[rater])), shape=(len(size), len(common) + 1))


def fitted(design: csr_array, y: np.ndarray) -> np.ndarray:
    """Least squares fit of y, (U,) or (U, K), on the design."""
    return design @ solved((design.T @ design).toarray(), design.T @ y)


def solved(normal: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Least squares coefficients; columns that repeat others do no harm: a trace of ridge splits them."""
    from scipy.linalg import solve

    ridge = RIDGE * max(normal.trace(), 1) / len(normal)
    return solve(normal + ridge * np.eye(len(normal)), sums, assume_a="pos")
