"""Where camps of raters part, and what is known of the raters in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.traits import severities
from workbench.disagreement.hot import few_levels
from workbench.disagreement.units import Units, rated_units
from workbench.errors import ParameterError
from workbench.estimates import MEASURES, estimate, estimates_table
from workbench.resample import false_discovery

if TYPE_CHECKING:
    from workbench.ratings import Ratings

GROUP = ["criterion", "rubric"]
ITEM = ["item_id", "step", *GROUP, "rubric_version", "faction", "versus"]
FURTHER = ["mean", "mean_versus", "n", "n_versus", "p", "q"]
TRAIT = [*GROUP, "attribute"]
DRAWS = 2_000     # relabellings of raters a trait is held against


def faction_items(ratings: Ratings, *, factions: pd.DataFrame | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """On which items do the camps of `factions` part, and how far?

    `mean` and `mean_versus`: what the two camps gave, 0 and 1 the ends of the scale, with `n` and `n_versus` ratings. `value`: their
    difference once each rater's severity is taken out (0: the camps differ no more than their raters always do), with a t interval from
    the spread within camps and items, pooled over items. p: of no difference; q: Benjamini and Hochberg's over all rows. Largest
    difference in standard errors first. Raters of camp 0 do not count. The camps were found on these items: differences of single items are
    a little too large, their order is sound. Items without two camps are left out; no camps, no rows.

    factions: what `factions` returned; default: looked for now. Errors: `ParameterError` for a confidence outside 0-1 or missing columns.
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence!r}: give a number between 0 and 1, such as 0.95.")
    camps = camps_in(ratings, factions)
    rows = [row for units, camp in placed(ratings, camps) for row in item_rows(units, camp, confidence)]
    table = estimates_table(rows, by=ITEM).reindex(columns=["name", *ITEM, *MEASURES, *FURTHER])
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    order = (table["value"] / table["se"]).abs().sort_values(ascending=False, kind="stable", na_position="last").index
    kept = [c for c in table if c != "step" or table["step"].notna().any()]
    return table.loc[order, kept].reset_index(drop=True)


def camps_in(ratings: Ratings, factions: pd.DataFrame | None) -> pd.DataFrame:
    """The raters placed in a camp: rater_id, criterion, rubric, faction."""
    from workbench.disagreement.camps import factions as looked_for

    needs = ["rater_id", *GROUP, "faction"]
    table = looked_for(ratings) if factions is None else factions
    if lacking := [c for c in needs if c not in table]:
        raise ParameterError(f"factions: expected the table that disagreement.factions returns, found one without {', '.join(lacking)}. "
                             "Pass that table, or none.")
    return table.loc[table["faction"] > 0, needs]


def placed(ratings: Ratings, camps: pd.DataFrame) -> Iterator[tuple[Units, np.ndarray]]:
    """Each criterion with camps, and the camp of each of its ratings' raters (0: none)."""
    for units in rated_units(ratings) if len(camps) else []:
        own = camps[(camps["criterion"] == units.frame["criterion"].iloc[0]) & (camps["rubric"] == units.frame["rubric"].iloc[0])]
        if len(own):
            yield units, units.cells["rater_id"].map(own.set_index("rater_id")["faction"]).fillna(0).to_numpy(dtype=int)


def item_rows(units: Units, camp: np.ndarray, confidence: float) -> Iterator[dict[str, object]]:
    """One row an item and two of its camps."""
    from scipy.special import stdtr, stdtrit

    kept = camp > 0
    item, place, k = units.cells["row"].to_numpy()[kept], units.cells["place"].to_numpy(dtype=float)[kept], int(camp.max())
    rater = pd.factorize(units.cells["rater_id"][kept])[0]
    cell, shape = item * k + camp[kept] - 1, (len(units.frame), k)
    n = np.bincount(cell, minlength=shape[0] * k)
    size = np.maximum(n, 1)
    mean = np.bincount(cell, place, len(n)) / size
    rest = place - severities(item, rater, place)[rater]
    level = np.bincount(cell, rest, len(n)) / size
    freedom = len(rest) - (n > 0).sum() - len(np.unique(rater)) + k
    noise = ((rest - level[cell]) ** 2).sum() / freedom if freedom > 0 else np.nan
    n, mean, level = n.reshape(shape), mean.reshape(shape), level.reshape(shape)
    for a, b in combinations(range(k), 2):
        both = np.flatnonzero((n[:, a] > 0) & (n[:, b] > 0))
        gap, se = level[both, a] - level[both, b], np.sqrt(noise * (1 / n[both, a] + 1 / n[both, b]))
        reach = stdtrit(freedom, (1 + confidence) / 2) * se
        p = 2 * stdtr(freedom, -np.abs(gap) / np.where(se > 0, se, np.nan))
        for j, u in enumerate(both):
            frame = units.frame.iloc[u]
            yield estimate("camp_difference", gap[j], low=gap[j] - reach[j], high=gap[j] + reach[j], se=se[j], confidence=confidence,
                           method="pooled t", n_items=1, n_raters=int(n[u, a] + n[u, b]), n_ratings=int(n[u, a] + n[u, b]),
                           note="" if noise == noise else "no camp has two ratings of an item: the spread within is unknown") | {
                "item_id": frame["item_id"], "step": frame["step"], "criterion": frame["criterion"], "rubric": frame["rubric"],
                "rubric_version": frame["rubric_version"], "faction": a + 1, "versus": b + 1, "mean": mean[u, a], "mean_versus": mean[u, b],
                "n": int(n[u, a]), "n_versus": int(n[u, b]), "p": p[j], "q": np.nan}


def faction_traits(ratings: Ratings, *, columns: Sequence[str] | None = None, factions: pd.DataFrame | None = None,
                   confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """What is known of raters that goes with their camp? One row an attribute and criterion, lowest p first.

    The row names the camp (`faction`) and level of the attribute that stand out most: `share` of the camp's raters have the level,
    `share_elsewhere` of those in other camps, `value` is the difference (0: none; 1: all here, nobody there) with the interval of Agresti
    and Caffo 2000 (doi:10.1080/00031305.2000.10474560), not widened for having been picked. p: of the whole attribute, camps shuffled over
    raters (chi-square as the measure); q: Benjamini and Hochberg's over all rows. Numbers of more than 30 kinds are halved at their median.

    columns: attributes, from the raters table or the ratings; default: all that tell raters apart and are the same on each of a rater's
    ratings. What cannot be told (one level only, a level for every rater) is nan, and `note` says why. Errors: `ParameterError` as
    `faction_items`, or for a column that is not there.
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence!r}: give a number between 0 and 1, such as 0.95.")
    camps, known = camps_in(ratings, factions), ratings.raters
    held = [] if known is None else [c for c in known.columns if c != "rater_id"]
    ratings.require(*(c for c in columns or () if c not in held))
    told = [c for c in ("party", "rater_kind", *ratings.source.extras) if c not in (*held, *ratings.missing)]
    wanted = list(columns) if columns is not None else [*held, *told]
    traits = {} if camps.empty else traits_of(ratings, wanted, held, asked=columns is not None)
    rows = []
    for (criterion, rubric), own in camps.groupby(GROUP, sort=True):
        for name, level in traits.items():
            found = trait_row(own["faction"].to_numpy() - 1, own["rater_id"].map(level), confidence, seed)
            rows.append(found | {"criterion": criterion, "rubric": rubric, "attribute": name})
    further = ["faction", "level", "share", "share_elsewhere", "p", "q"]
    table = estimates_table(rows, by=TRAIT).reindex(columns=["name", *TRAIT, *MEASURES, *further])
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    return table.sort_values("p", kind="stable", na_position="last").reset_index(drop=True)


def traits_of(ratings: Ratings, wanted: Sequence[str], held: Sequence[str], *, asked: bool) -> dict[str, pd.Series]:
    """Attributes by rater; a column of the ratings is one if it is the same on each of a rater's ratings (or was asked for)."""
    found, table = {c: ratings.raters.drop_duplicates("rater_id").set_index("rater_id")[c] for c in wanted if c in held}, None
    extra = [c for c in wanted if c not in held]
    if extra:
        table = pd.concat([units.cells.reindex(columns=["rater_id", *extra]) for units in rated_units(ratings, extra=extra)])
    for c in extra if table is not None else ():
        known = table[table[c].notna()]
        if asked or (known.groupby("rater_id")[c].nunique() == 1).all() and known[c].nunique() > 1:
            found[c] = known.drop_duplicates("rater_id").set_index("rater_id")[c]
    return found


def trait_row(camp: np.ndarray, level: pd.Series, confidence: float, seed: int) -> dict[str, object]:
    """One attribute of raters in camps 0, 1, ... (n,)."""
    from scipy.special import ndtri

    kept = level.notna().to_numpy()
    camp, level = camp[kept], level[kept]
    if pd.api.types.is_numeric_dtype(level) and not few_levels(level):
        middle = level.median()
        level = pd.Series(np.where(level >= middle, f"{middle:g} or more", f"below {middle:g}"))
    code, names = pd.factorize(level)
    k, n = int(camp.max(initial=-1)) + 1, len(camp)
    why_not = "no rater in a camp has it" if not n else "one level only" if len(names) == 1 else "a level for every rater" \
        if len(names) == n else "raters of one camp only" if len(np.unique(camp)) < 2 else ""
    if why_not:
        return estimate("camp_trait", np.nan, n_raters=n, note=why_not)
    has = np.eye(len(names))[code]
    expected = np.outer(np.bincount(camp, minlength=k), has.sum(axis=0)) / n
    expected[expected == 0] = 1

    def parting(camps: np.ndarray) -> np.ndarray:
        """Differences from what is expected, in standard errors, (D, K, L)."""
        return (np.swapaxes(np.eye(k)[camps], 1, 2) @ has - expected) / np.sqrt(expected)

    rng = np.random.default_rng(seed)
    own = parting(camp[None])[0]
    shuffled = (rng.permuted(np.tile(camp, (100, 1)), axis=1) for _ in range(DRAWS // 100))
    chance = np.concatenate([(parting(camps) ** 2).sum(axis=(1, 2)) for camps in shuffled])
    here, picked = np.unravel_index((own * (np.bincount(camp, minlength=k) > 0)[:, None]).argmax(), own.shape)
    inside, hits = camp == here, code == picked
    x, m = np.array([hits[inside].sum(), hits[~inside].sum()]), np.array([inside.sum(), (~inside).sum()])
    near, reach = (x + 1) / (m + 2), ndtri((1 + confidence) / 2)
    se = float(np.sqrt((near * (1 - near) / (m + 2)).sum()))
    low, high = (float(np.clip(near[0] - near[1] + side * reach * se, -1, 1)) for side in (-1, 1))
    share = x / m
    return estimate("camp_trait", share[0] - share[1], low=low, high=high, se=se, confidence=confidence, method="Agresti-Caffo",
                    n_raters=n) | {"faction": int(here) + 1, "level": str(names[picked]), "share": share[0], "share_elsewhere": share[1],
                                   "p": float((1 + (chance >= (own**2).sum() - 1e-9).sum()) / (1 + DRAWS)), "q": np.nan}
