"""The queue of units that split the camps of raters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.review.keys import ALIKE, KEY, keys_of, lots

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FEW = 4         # criteria whose reason is given
OF_ALL = ("no camps", "cannot tell")    # what is said of a criterion, not of one rater


def camps(ratings: Ratings, seed: int) -> pd.DataFrame:
    """Units that raters of two camps of `disagreement.factions` have rated, those on which the camps part furthest first.

    faction, versus: the two camps; of several pairs the one that parts furthest. value: how far they part, as a share of the scale, each
    rater's severity taken out; q: of no difference, false discovery controlled. The order is that of `faction_items`, by the difference in
    standard errors; equal ones by lot. attrs["why"]: what was not found, and why, by criterion.
    """
    from workbench.disagreement.camps import factions
    from workbench.disagreement.camps_parting import faction_items
    from workbench.reduce.collect import remembered

    placed = remembered(ratings, ("camps",), lambda: factions(ratings))     # the lot of the queue shall not move camps
    parted = faction_items(ratings, factions=placed)
    frame = keys_of(parted).assign(n_ratings=parted["n_ratings"], faction=parted["faction"], versus=parted["versus"],
                                   value=parted["value"].abs(), q=parted["q"])
    far = (parted["value"] / parted["se"]).abs().fillna(frame["value"]).round(ALIKE)    # without an error all rows are without
    frame = frame.iloc[np.lexsort([lots(frame, seed), -far.to_numpy(dtype=float)])].drop_duplicates(list(KEY)).reset_index(drop=True)
    frame.attrs["why"] = campless(placed)
    return frame


def campless(placed: pd.DataFrame) -> str:
    """Which criteria have no camps, and why, in the words of what `factions` returned; "" where all have."""
    if placed.empty:
        return "No camps of raters: there is no rating that counts."
    lost = placed[~(placed["n_factions"] > 1)].groupby("criterion", sort=True)["note"].agg(
        lambda notes: next((note for note in notes if note.startswith(OF_ALL)), notes.iloc[0]))
    said = [f"{criterion}: {note}." for criterion, note in lost.head(FEW).items()]
    more = [f"{len(lost) - FEW:,} more criteria."] if len(lost) > FEW else []
    return " ".join(["Without camps of raters:", *said, *more]) if said else ""
