"""How often adjudicators overturn a rater's, a party's or a review layer's ratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench import resample
from workbench.agreement.calibrated import wilson
from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings import Ratings

INSTRUMENT = ("criterion", "rubric", "rubric_version")
JUDGES = ("human", "expert", "model", "program")
UNIT = (*INSTRUMENT, "item_id", "step")


def overturned(ratings: Ratings, *, by: Sequence[str] = ("rater_id",), queue: str | None = None, tolerance: float = 0.0,
               confidence: float = 0.95) -> pd.DataFrame:
    """Which share of the ratings on adjudicated units differ from the adjudication? One row a group.

    0 where every rating was upheld, 1 where all were overturned. A rating is overturned if its level is another than the adjudicator's;
    on a scale of numbers without levels if its score lies further than `tolerance` from theirs. All layers, whatever their selection,
    and autoraters count; gold and outcomes do not.

    by: columns that make groups: "rater_id", "party", "layer", "criterion", ... queue: adjudications from this review queue alone:
    units come to a desk contested first, so that shares say how a rater does on what is contested; those of "audit", drawn by lot,
    say it of all their work. Of several adjudications of a unit those of the highest layer count.
    Interval: Wilson's. Where items have several ratings n is the effective number: divided by what clustering multiplies the variance by
    (that of leaving each item out over that of independent ratings, at least 1) and by the square of the t over the normal
    quantile; it is the number of items where the share is 0 or 1.
    `n_dropped`: ratings of units on which adjudicators of one layer differ, and an adjudicator's own former ratings: these tell nothing.

    Undefined (nan, reason in `note`): no adjudicated unit with a rating; the se of a share of 0 or 1, or of one item. Errors:
    `ParameterError` for columns that are not there, a tolerance below 0. Sources: Wilson (1927), doi:10.1080/01621459.1927.10502953;
    effective n: Korn and Graubard (1998), Survey Methodology 24:193.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(i, r, s) for i, *votes in ["ayyy", "bnyn", "cynn"] for r, s in zip(["ann", "bob", "judge"], votes)]
    >>> frame = pd.DataFrame(rows, columns=["item_id", "rater_id", "label"])
    >>> frame["rater_kind"] = frame["rater_id"].map({"judge": "adjudicator"}).fillna("human")
    >>> overturned(wb.read(frame)).round(3)[["rater_id", "value", "low", "high", "n_items"]].values.tolist()
    [['ann', 0.333, 0.061, 0.792, 3], ['bob', 0.333, 0.061, 0.792, 3]]
    """
    by = list(by)
    ratings.require(*by)
    if not 0 <= tolerance < np.inf or not 0 < confidence < 1:
        raise ParameterError(f"tolerance={tolerance!r}, confidence={confidence!r}: give a tolerance of 0 or more, in units of the score, "
                             "and a confidence between 0 and 1.")
    told = adjudications(ratings, queue)
    found = judged(ratings, told, by, tolerance) if len(told) else None
    if found is None or found.empty:
        reason = "no adjudications" if not len(told) else "no ratings on adjudicated units"
        return estimates_table([estimate("overturned", np.nan, note=reason) | dict.fromkeys(by)], by=by)
    groups = found.groupby(by, dropna=False, sort=True) if by else [((), found)]
    rows = [share(rows, confidence) | {c: None if v is None or v != v else v for c, v in zip(by, key)} for key, rows in groups]
    return estimates_table(rows, by=by)


def adjudications(ratings: Ratings, queue: str | None) -> pd.DataFrame:
    """What adjudicators of the highest layer say of each unit: `told_level`, `told_score`, whether they are `agreed`; a row for each."""
    from workbench.reduce.every import told_ratings

    told = told_ratings(ratings, unit=UNIT, kinds=["adjudicator"], queue=queue)
    return told.rename(columns={"level": "told_level", "score": "told_score"})[[*UNIT, "rater_id", "told_level", "told_score", "agreed"]]


def judged(ratings: Ratings, told: pd.DataFrame, by: Sequence[str], tolerance: float) -> pd.DataFrame:
    """The ratings on adjudicated units, with `over`: 1 where overturned, else 0, nan where that tells nothing."""
    from workbench.reduce import cells, facts

    pool = ratings.where(item_id=told["item_id"].unique().tolist())
    if "rater_kind" not in dict(ratings.conditions):
        pool = pool.where(rater_kind=JUDGES)
    rows = cells(pool, by=INSTRUMENT, extra=[c for c in by if c not in (*UNIT, "rater_id")], panel=False)
    alike = (lambda frame: frame.assign(step=frame["step"].astype("float64")))  # an all-missing column has no kind of its own
    rows = alike(rows[rows["rater_kind"] != "adjudicator"] if "rater_kind" in rows else rows)
    judges, said = alike(told[[*UNIT, "rater_id"]]), alike(told.drop(columns="rater_id").drop_duplicates(list(UNIT)))
    rows = rows.merge(said, on=list(UNIT), how="inner").merge(judges, on=[*UNIT, "rater_id"], how="left", indicator="_own")
    scales = facts(ratings).scales
    of_line = {key: scales[key[1], key[2], key[0]].name in ("nominal", "ordinal") for key in set(zip(*(rows[c] for c in INSTRUMENT)))}
    levelled = np.array([of_line[key] for key in zip(*(rows[c] for c in INSTRUMENT))], dtype=bool)
    far = (rows["score"] - rows["told_score"]).abs() > tolerance
    over = np.where(levelled, rows["level"] != rows["told_level"], far).astype(float)
    return rows.assign(over=np.where(rows["agreed"] & (rows["_own"] == "left_only"), over, np.nan))


def share(rows: pd.DataFrame, confidence: float) -> dict[str, object]:
    """One group's share with its interval."""
    used = rows[rows["over"].notna()]
    counts = dict(n_raters=used["rater_id"].nunique(), n_items=used["item_id"].nunique(), n_ratings=len(used),
                  n_dropped=len(rows) - len(used))
    if used.empty:
        return estimate("overturned", np.nan, **counts, note="adjudicators differ on every unit, or judged their own ratings")
    per_item = used.groupby("item_id")["over"].agg(["sum", "size"]).to_numpy(dtype=float)
    value, se, n = effective(per_item, confidence)
    low, high = wilson(np.array(value), np.array(n), confidence)
    return estimate("overturned", value, low=float(low), high=float(high), se=se, confidence=confidence, method="wilson, by item", **counts)


def effective(per_item: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """A share, its standard error and the effective number of ratings, from each item's overturned and all ratings (N, 2)."""
    from scipy.special import ndtri, stdtrit

    weight, n = np.ones(len(per_item)), per_item[:, 1].sum()
    value = per_item[:, 0].sum() / n
    if len(per_item) < 2 or value in (0, 1):
        return value, np.nan, float(len(per_item))
    se, df = resample.jackknife(weight, resample.influences(lambda totals: totals[..., 0] / totals[..., 1], per_item, weight))
    if len(per_item) == n:      # a rating an item: they are independent
        return value, se, float(n)
    tail = (1 + confidence) / 2
    inflation = max(se**2 * (n - 1) / (value * (1 - value)), 1) * (stdtrit(df, tail) / ndtri(tail)) ** 2
    return value, se, float(n / inflation)
