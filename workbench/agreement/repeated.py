"""A rater beside himself: reliability from items that one rater rated more than once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import FEW_RATERS, THESE_ALONE, Sampling, group_row, undefined
from workbench.agreement.identified import table
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums
from workbench.agreement.two_way import FEWEST_RATERS
from workbench.errors import ParameterError, RatingsError, columns_of, one_of
from workbench.estimates import SUCH_RATERS, estimates_table, join_notes
from workbench.schema import SCALES

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns, Repeats

NO_REPEAT = "no rater rated an item twice"
# Up to so many levels a table of units by levels is held densely.
FEW_LEVELS = 200


def intra_rater(ratings: Ratings, *, by: Sequence[str] = (), scale: str | None = None, interval: str = "jackknife",
                confidence: float = 0.95, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Does a rater who meets an item again rate it the same? Two rows for all raters together, then two for each with repeats:

    `percent_agreement`: the share of two ratings of an item by one rater that are equal, averaged over items. `krippendorff_alpha`:
    the repeats of one rater on one item taken as the ratings of that item. 1 is a rater who always repeats himself; alpha is 0
    where his repeats of an item are as far apart as his ratings of any two items. In the rows for all raters the units are each
    rater's items, and chance is that of everybody's repeats: differences between raters raise that alpha.

    ratings: any selection; a repeat is a further rating of a unit under the same rubric version and in the same layer, whose last
    alone counts everywhere else. `by`: columns that make the groups; repeats are sought within each. `scale`: as in
    `krippendorff_alpha`. `interval`, at `confidence`: "jackknife", "linearized" (t), "bootstrap", "bca" (`draws`, `seed`) or "none";
    over a rater's items; for all raters over raters, who are then a sample (`estimand`: such raters).

    Column `rater_id`; missing in the rows for all raters. `n_items` counts a rater's items with repeats, `n_dropped` ratings
    without. Undefined (nan, reason in `note`): no repeats; alpha of one level. No interval: one item; full agreement; fewer than
    five raters, for all together. Errors: `ParameterError` for an unknown option; `RatingsError` for levels that are not there.

    Sources: Krippendorff (2018), Content Analysis, 4th ed., ch. 11 on stability; Gwet (2014), Handbook of Inter-Rater Reliability.

    >>> import pandas as pd, workbench as wb
    >>> again = pd.DataFrame({"item_id": list("aabbcc"), "rater_id": "ann", "label": ["no", "no", "yes", "no", "yes", "yes"]})
    >>> intra_rater(wb.read(again))[["name", "rater_id", "value"]].round(3).values.tolist()[2:]
    [['percent_agreement', 'ann', 0.667], ['krippendorff_alpha', 'ann', 0.444]]
    """
    from workbench.reduce import repeated_ratings

    if "rater_id" in columns_of(by):
        raise ParameterError(f"by={list(by)!r}: intra_rater has rows for each rater already. Leave 'rater_id' out.")
    if scale is not None:
        one_of("scale", scale, SCALES)
    percent, alpha = (Sampling(interval, confidence, draws, seed, lowest=lowest, offered=THESE_ALONE) for lowest in (0, -np.inf))
    rows = []
    for group in repeated_ratings(ratings, by=by):
        order = np.argsort(group.rater, kind="stable")
        codes, starts = np.unique(group.rater[order], return_index=True)
        parts = [(None, order), *zip(codes, np.split(order, starts[1:]))] if len(order) else [(None, order)]
        for rater, own in parts:
            panel = units(group, own, rater, scale)
            for name, sums, sampling in (("percent_agreement", percent_sums, percent), ("krippendorff_alpha", alpha_sums, alpha)):
                row = group_row(name, panel, sums(panel) if len(own) else undefined(NO_REPEAT), sampling)
                rows.append({**row, "rater_id": group.names[rater]} if rater is not None else of_all(row, panel))
    found = estimates_table(rows, by=[*by, "rater_id"])
    return found.astype({"rater_id": "Int64"}) if found["rater_id"].dtype.kind == "f" else found


def units(group: Repeats, own: np.ndarray, rater: int | None, scale: str | None) -> Patterns:
    """The ratings `own` of a group, one unit a row, on the levels that occur; of one rater, or of all (None), clustered by rater."""
    from workbench.reduce import Patterns

    scale = scale or group.scale.name
    levelled = bool((group.level[own] >= 0).all())
    if not levelled and scale in ("nominal", "ordinal"):
        n = int((group.level[own] < 0).sum())
        raise RatingsError(f"group {dict(group.key)}: {n:,} of {len(own):,} repeated ratings are on no level ({group.scale.name} scale). "
                           "Use scale='interval', or a rubric that names the levels.")
    unit, first, row = np.unique(group.unit[own], return_index=True, return_inverse=True)
    used, column = np.unique((group.level if levelled else group.score)[own], return_inverse=True)
    values = np.asarray(group.scale.values, dtype=float)[used] if levelled else used
    all_raters = rater is None
    return Patterns(
        key=group.key, counts=table(row, column, (len(unit), len(used)), dense=len(used) <= FEW_LEVELS), weight=np.ones(len(unit)),
        cluster=group.rater[own][first] if all_raters else None, levels=tuple(f"{v:g}" for v in values), values=values, scale=scale,
        n_items=len(unit), n_raters=len(np.unique(group.rater[own])),
        n_ratings=int(group.n_ratings.sum() if all_raters else group.n_ratings[rater]),
        n_dropped=group.n_dropped if all_raters else 0, note=group.note)


def of_all(row: dict[str, object], panel: Patterns) -> dict[str, object]:
    """The row for all raters together: they are a sample, and too few of them are none."""
    few = row["method"] != "none" and panel.n_raters < FEWEST_RATERS
    none = {"low": np.nan, "high": np.nan, "se": np.nan, "note": join_notes(FEW_RATERS, str(row["note"]))} if few else {}
    return {**row, "rater_id": None, "estimand": SUCH_RATERS, **none}
