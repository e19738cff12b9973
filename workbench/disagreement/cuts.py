"""The units cut by a column into groups: levels, ranges of a number, and pairs of levels of two columns; each set of items once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.units import Units

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MIXED = 0.05      # share of units with two levels of a column, above which it tells of raters, not of items
BINS = 4          # ranges of a number, as many units in each
SAME = 0.9        # two groups that share so much of their union are one
SAMPLE = 20_000   # units by which that is judged
ROOM = 40_000_000 # groups times units held for it, at most


@dataclass(frozen=True)
class Cut:
    """Groups of units that do not overlap: `names` (a level for each of `columns`), `codes` (U,) -1 for units in none.

    within: codes held constant. also: for each group the groups folded into it, in words. note: why there are no groups.
    """

    columns: tuple[str, ...]
    codes: np.ndarray
    names: tuple[tuple[str, ...], ...] = ()
    within: tuple[np.ndarray, ...] = ()
    also: tuple[str, ...] = ()
    note: str = ""

    @property
    def two_sided(self) -> bool:
        """Whether it parts the units in two, so that its groups are one test."""
        return len(self.columns) == 1 and len(self.names) == 2 and bool((self.codes >= 0).all())

    def part(self, keep: np.ndarray) -> Cut:
        """The cut of the units that are true in `keep` (U,)."""
        return replace(self, codes=self.codes[keep], within=tuple(codes[keep] for codes in self.within))

    def kept(self, chosen: Sequence[int], also: Sequence[str]) -> Cut:
        """The cut with the chosen groups only."""
        place = np.full(len(self.names) + 1, -1)
        place[list(chosen)] = np.arange(len(chosen))
        return replace(self, codes=place[self.codes], names=tuple(self.names[k] for k in chosen), also=tuple(also))


def single_cuts(units: Units, ratings: Ratings, columns: Sequence[str], *, most: int, min_items: int, within: Sequence[str]) -> list[Cut]:
    """A cut by each column; a group of the units that an earlier one holds already is folded into it."""
    held = {c: pd.factorize(units.first_ratings[c], use_na_sentinel=False)[0] for c in ("rubric_version", *within) if c in units.cells}
    cuts = []
    for column in columns:
        codes, names, note = column_of(units, ratings, column, most)
        kept = strata([codes for name, codes in held.items() if name != column and codes.any()])
        cuts.append(Cut((column,), codes, tuple((name,) for name in names), () if kept is None else (kept,), note=note))
    return folded([large(cut, min_items) for cut in cuts])


def column_of(units: Units, ratings: Ratings, column: str, most: int) -> tuple[np.ndarray, list[str], str]:
    """Each unit's level of a column as a code (-1 none), the levels' names, and why there are none: it differs within items, or
    has too many."""
    first = np.concatenate([[0], np.cumsum(units.frame["n_ratings"].to_numpy())[:-1]])
    if column in units.frame:
        level = units.frame[column]
    elif column in units.cells:
        level = units.cells[column].iloc[first].reset_index(drop=True)
        codes, row = pd.factorize(units.cells[column])[0], units.cells["row"].to_numpy()
        mine = codes[first][row]
        if np.bincount(row, (codes != mine) & (codes >= 0) & (mine >= 0), len(first)).astype(bool).mean() > MIXED:
            return np.full(len(first), -1), [], "differs between the raters of an item: it tells of raters, not of items"
    else:
        level = units.frame["item_id"].map(ratings.items.drop_duplicates("item_id").set_index("item_id")[column])
    kinds = level.nunique()
    if pd.api.types.is_float_dtype(level) or (pd.api.types.is_integer_dtype(level) and kinds > most):
        return *ranges(level.to_numpy(dtype=float, na_value=np.nan)), ""
    if kinds > most:
        return np.full(len(level), -1), [], f"{kinds:,} levels, more than {most}: group them"
    codes, names = pd.factorize(level)
    names = [str(name) for name in names]
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    return np.append(np.argsort(order), -1)[codes], [names[k] for k in order], ""


def ranges(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A number in ranges that hold about as many units each, named by the least and the largest value in them; -1 where it is missing."""
    known = np.isfinite(x)
    edges = np.unique(np.quantile(x[known], np.arange(1, BINS) / BINS)) if known.any() else np.zeros(0)
    codes = np.where(known, np.searchsorted(edges, x, side="left"), -1)
    used = np.unique(codes[known])
    ends = [(x[codes == k].min(), x[codes == k].max()) for k in used]
    names = [number(low) if low == high else f"{number(low)} to {number(high)}" for low, high in ends]
    return np.where(known, np.searchsorted(used, codes), -1), names


def number(x: float) -> str:
    """A number in words: whole as it is, else to four digits."""
    return f"{x:.0f}" if x == round(x) and abs(x) < 1e15 else f"{x:.4g}"


def strata(codes: Sequence[np.ndarray]) -> np.ndarray | None:
    """(U,) one code for each combination of the columns' codes; None without columns."""
    joint = None
    for part in codes:
        joint = part if joint is None else pd.factorize(joint.astype(np.int64) * (int(part.max(initial=0)) + 1) + part)[0]
    return joint


def pair_cuts(singles: Sequence[Cut], leaning: Sequence[np.ndarray], *, min_items: int) -> list[Cut]:
    """The cuts by two columns at once, below the groups of `singles` that lean: pairs of levels one of which is true in `leaning`.

    Both columns are held constant: a pair is tested for what its two levels do not explain.
    """
    cuts = []
    for (a, lean_a), (b, lean_b) in combinations(zip(singles, leaning), 2):
        if not a.names or not b.names or not (lean_a.any() or lean_b.any()):
            continue
        n = len(b.names)
        open_pairs = (lean_a[:, None] | lean_b).ravel()
        both = (a.codes >= 0) & (b.codes >= 0)
        codes = np.where(both, a.codes.astype(np.int64) * n + b.codes, -1)
        names = tuple((*x, *y) for x in a.names for y in b.names)
        within = (*(a.within or b.within), levels_and_none(a), levels_and_none(b))
        cuts.append(large(Cut((*a.columns, *b.columns), codes, names, within), min_items, open_pairs))
    return folded([cut for cut in cuts if cut.names], earlier=singles)


def levels_and_none(cut: Cut) -> np.ndarray:
    """The codes of a cut as strata: the units in no group are one of their own."""
    return np.where(cut.codes < 0, len(cut.names), cut.codes)


def large(cut: Cut, min_items: int, allowed: np.ndarray | None = None) -> Cut:
    """The groups that hold `min_items` units and leave as many outside, among those allowed."""
    size = np.bincount(cut.codes[cut.codes >= 0], minlength=len(cut.names))
    fits = (size >= min_items) & (size <= len(cut.codes) - min_items) & (True if allowed is None else allowed)
    chosen = np.flatnonzero(fits)
    return cut.kept(chosen, [""] * len(chosen))


def folded(cuts: Sequence[Cut], *, earlier: Sequence[Cut] = ()) -> list[Cut]:
    """The cuts without the groups that an earlier group, of another cut, nearly equals: `SAME` of their union is in both.

    What was folded is said in `also` of the group that stays; the groups of `earlier` stay.
    """
    known = [*earlier, *cuts]
    owner = np.repeat(np.arange(len(known)), [len(cut.names) for cut in known])
    if not len(owner):
        return list(cuts)
    u, most = len(known[0].codes), min(SAMPLE, ROOM // len(owner))
    chosen = np.random.default_rng(0).permutation(u)[:most] if u > most else np.arange(u)
    members = np.concatenate([cut.codes[chosen] == np.arange(len(cut.names))[:, None] for cut in known]).astype(np.float32)
    shared, size = members @ members.T, members.sum(axis=1)
    alike = shared >= SAME * np.maximum(size[:, None] + size - shared, 1)
    alike &= owner[:, None] < owner
    into, also = np.full(len(owner), -1), [""] * len(owner)
    label = [" x ".join(cut.columns) + " " + " x ".join(name) for cut in known for name in cut.names]
    for j in np.flatnonzero(alike.any(axis=0) & (owner >= len(earlier))):
        stands = [i for i in np.flatnonzero(alike[:, j]) if into[i] < 0]
        if stands:
            into[j] = stands[0]
            also[stands[0]] = "; ".join(filter(None, [also[stands[0]], label[j]]))
    rows = [np.flatnonzero(owner == k) for k in range(len(known))]
    return [cut.kept([i for i, row in enumerate(mine) if into[row] < 0], [also[row] for row in mine if into[row] < 0])
            for cut, mine in zip(cuts, rows[len(earlier):])]
