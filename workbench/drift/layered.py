"""What each review layer does: how many ratings it changes, how many of these for the better, and what a correct change costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.delivered import later_layers
from workbench.drift.people_frame import INSTRUMENT
from workbench.errors import share_of
from workbench.estimates import estimate, estimates_table
from workbench.reduce import cells, facts

if TYPE_CHECKING:
    from workbench.ratings import Ratings

KEY = [*INSTRUMENT, "item_id", "step"]
REASONS = {"changed": "no rating of the layer below on what this layer reviewed",
           "towards truth": "no changed rating has gold or an audit to be held against",
           "away from truth": "no changed rating has gold or an audit to be held against",
           "hours per correct change": "no correct change is known, or no seconds"}


def review_layers(ratings: Ratings, *, confidence: float = 0.95) -> pd.DataFrame:
    """What does each layer of review change, and is it for the better? Rows by `layer` and name, an estimates table:

    changed: the share of the ratings of the layer below, on the units it reviewed, from whose level its own differs. towards truth,
    away from truth: of those it changed where truth is known, the share that came nearer to it, or went further: gold, else an audit
    (an adjudication drawn by lot) by somebody else. Nearer is by score, on nominal levels by being equal. hours per correct
    change: the layer's time on the units where truth is known, over the changes towards it.

    A layer is its number in the ratings, 1 and above; adjudications at the review desk are of theirs. confidence: of Wilson's intervals,
    n being the units. `n_dropped`: changed ratings without a truth.
    Undefined (nan, `note`): no layer above 0 (one row, layer missing), no truth, no seconds, no correct change. Errors:
    `ParameterError` for `confidence`. Source: Wilson (1927), doi:10.1080/01621459.1927.10502953.

    >>> import pandas as pd, workbench as wb
    >>> rows = [("a", "ann", "yes", 0, "human"), ("b", "ann", "no", 0, "human"), ("a", "lea", "no", 1, "human"),
    ...         ("b", "lea", "no", 1, "human"), ("a", "gold", "no", 0, "gold")]
    >>> table = pd.DataFrame(rows, columns=["item_id", "rater_id", "label", "layer", "rater_kind"])
    >>> review_layers(wb.read(table)).set_index("name")["value"].iloc[:2].to_dict()
    {'changed': 0.5, 'towards truth': 1.0}
    """
    share_of("confidence", confidence)
    later = later_layers(ratings)
    if later.empty:
        return estimates_table([estimate("changed", math.nan, note="no rating of a review layer") | {"layer": None}], by=["layer"])
    known = truth(ratings)
    first = cells(ratings, by=INSTRUMENT, extra=["layer"])
    below, nominal = pd.concat([first, later], ignore_index=True), nominal_lines(ratings)
    rows = []
    for layer in sorted(later["layer"].unique()):
        own = later[later["layer"] == layer]
        rows += [{**row, "layer": int(layer)} for row in layer_rows(own, below[below["layer"] == layer - 1], known, nominal, confidence)]
    return estimates_table(rows, by=["layer"])


def truth(ratings: Ratings) -> pd.DataFrame:
    """What gold or else an audit says of each unit: KEY, true_level, true_score, true_by (the auditor, "" for gold)."""
    from workbench.reduce.every import told_ratings

    told = told_ratings(ratings, unit=KEY, kinds=["gold", "adjudicator"])
    told = told[told["agreed"] & ((told["rater_kind"] == "gold") | (told["told_by"] == "audit"))].drop_duplicates(KEY)
    by = told["rater_id"].where(told["rater_kind"] != "gold", "")
    return alike(told.assign(true_level=told["level"], true_score=told["score"], true_by=by)[[*KEY, "true_level", "true_score", "true_by"]])


def alike(rows: pd.DataFrame) -> pd.DataFrame:
    """The same with steps as numbers: an all-missing column has no kind of its own."""
    return rows.assign(step=rows["step"].astype("float64"))


def nominal_lines(ratings: Ratings) -> set[tuple[str, str, str]]:
    """The (rubric, version, criterion) whose levels have no order."""
    return {key for key, scale in facts(ratings).scales.items() if scale.name == "nominal"}


def layer_rows(own: pd.DataFrame, below: pd.DataFrame, known: pd.DataFrame, nominal: set[tuple[str, str, str]],
               confidence: float) -> list[dict[str, object]]:
    """The four rows of one layer."""
    columns = [*KEY, "rater_id", "level", "score"]
    last = alike(own).drop_duplicates(KEY, keep="last")
    both = alike(below)[columns].merge(last[columns], on=KEY, suffixes=("", "_review")).merge(known, on=KEY, how="left")
    both = both[both["rater_id"] != both["rater_id_review"]]
    changed = distance(both, "level", "score", "level_review", "score_review", nominal) > 0
    told = both["true_score"].notna() | both["true_level"].notna()
    told &= both["true_by"] != both["rater_id_review"]
    sides = (("level", "score"), ("level_review", "score_review"))
    before, after = (distance(both, *side, "true_level", "true_score", nominal) for side in sides)
    judged, units = changed & told, both[KEY].apply(tuple, axis=1)
    towards, away = judged & (after < before), judged & (after > before)
    dropped = int((changed & ~told).sum())
    rows = [share("changed", changed, units, confidence, both),
            *(share(name, side[judged], units[judged], confidence, both[judged], dropped)
              for name, side in (("towards truth", towards), ("away from truth", away)))]
    timed = alike(own).merge(both.loc[told, KEY].drop_duplicates(), on=KEY)
    hours = timed["seconds"].sum() / 3600 if "seconds" in timed else 0.0
    per = hours / towards.sum() if towards.sum() and hours else math.nan
    counts = {"n_items": int(units[judged].nunique()), "n_raters": int(own["rater_id"].nunique()), "n_ratings": int(judged.sum()),
              "n_dropped": dropped}
    reason = "" if per == per else REASONS["hours per correct change"]
    made = estimate("hours per correct change", per, **counts, note=reason)
    found = rows[1]
    if not reason and found["low"] > 0:     # hours and changed ratings as they are: only the share of correct changes is uncertain
        made |= {"low": per * found["value"] / found["high"], "high": per * found["value"] / found["low"],
                 "confidence": confidence, "method": "wilson"}
    return [*rows, made]


def distance(both: pd.DataFrame, level: str, score: str, other_level: str, other_score: str,
             nominal: set[tuple[str, str, str]]) -> np.ndarray:
    """How far two answers lie apart: by score, on nominal levels 0 or 1."""
    lines = both[["rubric", "rubric_version", "criterion"]].itertuples(index=False, name=None)
    unordered = np.array([key in nominal for key in lines], bool)
    levels = (both[level].astype("float64") != both[other_level].astype("float64")).to_numpy(dtype=float)
    return np.where(unordered, levels, (both[score].astype("float64") - both[other_score].astype("float64")).abs())


def share(name: str, hit: pd.Series, units: pd.Series, confidence: float, rows: pd.DataFrame, dropped: int = 0) -> dict[str, object]:
    """One share with Wilson's interval, as if each unit were rated once."""
    from workbench.agreement.calibrated import wilson

    n, items = len(hit), int(units.nunique())
    counts = {"n_items": items, "n_raters": int(rows["rater_id_review"].nunique()), "n_ratings": n, "n_dropped": dropped}
    if not n:
        return estimate(name, math.nan, **counts, note=REASONS[name])
    value = float(np.mean(hit))
    low, high = wilson(np.array(value), np.array(items), confidence)
    return estimate(name, value, low=float(low), high=float(high), confidence=confidence, method="wilson", **counts)
