"""Soft labels: what of the ratings is worth keeping, unit by unit, and which units are below the gate and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.calibrated import wilson
from workbench.agreement.reversed import adjudications
from workbench.agreement.truth import consensus
from workbench.agreement.vote import TIE
from workbench.errors import ParameterError, examples
from workbench.estimates import join_notes

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

INSTRUMENT = ("criterion", "rubric", "rubric_version")
UNIT = (*INSTRUMENT, "item_id", "step")
NUMBERS = ("score", "probability", "probability_low", "probability_high", "mean", "mean_low", "mean_high")
COLUMNS = (*UNIT, "decided_by", "label", "score", "soft_label", *NUMBERS[1:], "n_ratings", "n_raters", "note", "left_out")
NO_WIDTH = "interval has no width"      # what a table of estimates says of it
NO_SHARE = "no interval of the probability: not a share of ratings"


def soft_labels(ratings: Ratings, *, method: str = "dawid_skene", min_ratings: int = 2, gate: float = 0.0, max_width: float = math.inf,
                confidence: float = 0.95) -> pd.DataFrame:
    """What is each unit's label, with which probabilities, and is that sure enough to keep? One row a unit under one rubric version.

    `soft_label` lists {level, probability} over all levels of the criterion; `mean` is that of the levels' values, or of the scores.
    `label` is the consensus: its most probable level, `probability` how probable the panel makes it; `score` the number it stands for
    (ordinal), or the mean (interval, ratio). Where an adjudicator rated the unit, their rating is `label` and `score` (`decided_by`
    "adjudicator"), and the panel's soft label, `probability` and `mean` stand beside it unchanged: 1 says that the panel was of
    their mind, 0 that nobody was. Of several adjudicators those of the highest layer count.
    `left_out` says why a unit is below the gate, "" where it is not. Adjudicated units are above it: review is for what it keeps out.

    `method`: as in `consensus`, fitted to each criterion and rubric version by itself, steps apart from whole items. `min_ratings`: fewest
    ratings a unit. `gate`: least `probability`, 0 to 1. `max_width`: widest interval of `mean`, in score units; unanimous units,
    whose interval has no width, pass. Intervals at `confidence`: of `mean` as in `consensus`; of `probability` Wilson's, raters as
    the sample and the label taken as given, for "majority" alone: a model's posterior and shares of weights have none.

    Undefined (nan, reason in `note`; left out as "undefined"): as in `consensus`. Units on which adjudicators of one layer differ are
    left out too. Errors: as in `consensus`; `ParameterError` for a criterion that does not occur, and for a `gate` with "numeric", which
    has no probabilities. Sources: Uma et al. (2021), doi:10.1613/jair.1.12752; Wilson (1927), doi:10.1080/01621459.1927.10502953.

    >>> import pandas as pd, workbench as wb
    >>> votes = pd.DataFrame({"ann": list("yynn"), "bob": list("yynn"), "cem": list("ynny")}, index=list("abcd"))
    >>> found = soft_labels(wb.from_matrix(votes), method="majority", gate=0.7)
    >>> found[["item_id", "label", "probability", "left_out"]].round(2).values.tolist()[:2]
    [['a', 'y', 1.0, ''], ['b', 'y', 0.67, 'probability below the gate']]
    """
    from workbench.reduce import facts

    check_gate(method, min_ratings, gate, max_width)
    scales = facts(ratings).scales
    named = {value for column, values in ratings.conditions if column == "criterion" for value in values}
    if unknown := sorted(map(str, named - (known := {criterion for _, _, criterion in scales}))):
        raise ParameterError(f"criterion={examples(unknown)} does not occur in {ratings.source.name}. Its criteria are: "
                             f"{', '.join(sorted(known))}.")
    parts = [empty()]
    for part in of_one_kind(ratings):
        rows = panel_and_adjudicators(part, method, confidence)
        for (criterion, rubric, version), line in rows.groupby(list(INSTRUMENT), sort=True):
            parts.append(labelled(line.reset_index(drop=True), scales[rubric, version, criterion], method, confidence))
    found = pd.concat(parts[1:] or parts, ignore_index=True)
    found["left_out"] = below(found, min_ratings, gate, max_width)
    return found.sort_values(list(UNIT), kind="stable", na_position="first", ignore_index=True)[list(COLUMNS)]


def check_gate(method: str, min_ratings: int, gate: float, max_width: float) -> None:
    """Raise `ParameterError` for a gate that is none."""
    if not (isinstance(min_ratings, int) and min_ratings >= 1):
        raise ParameterError(f"min_ratings={min_ratings!r} is not a number of ratings. Use a whole number of 1 or more, such as 2.")
    if not (isinstance(gate, (int, float)) and 0 <= gate <= 1):
        raise ParameterError(f"gate={gate!r} is not a probability between 0 and 1. Use 0.8 for labels that are right in 4 of 5 cases.")
    if not (isinstance(max_width, (int, float)) and max_width > 0):
        raise ParameterError(f"max_width={max_width!r} is not a width. Use a number above 0, in units of the score.")
    if method == "numeric" and gate:
        raise ParameterError(f"gate={gate!r} is a least probability, and method='numeric' has none. Leave it out, or use max_width.")


def of_one_kind(ratings: Ratings) -> list[Ratings]:
    """The ratings of whole items, and those of steps: a fit never pools them."""
    from workbench.reduce import facts

    if not facts(ratings).instruments["n_stepped"].any():
        return [ratings]
    steps = ratings.table.select("step").distinct().to_pandas()["step"].dropna()
    return [ratings.where(step=None), ratings.where(step=sorted(int(step) for step in steps))]


def panel_and_adjudicators(ratings: Ratings, method: str, confidence: float) -> pd.DataFrame:
    """The rows of `consensus`, beside them what adjudicators say: `told_level`, `told_score`, `agreed`; units of either."""
    found = consensus(ratings, by=INSTRUMENT, method=method, confidence=confidence)
    told = adjudications(ratings, None).drop(columns="rater_id").drop_duplicates(list(UNIT))
    if told.empty:
        return found.assign(told_level=np.nan, told_score=np.nan, agreed=None)
    alike = (lambda frame: frame.assign(step=frame["step"].astype("float64")))  # an all-missing column has no kind of its own
    both = alike(found).merge(alike(told), on=list(UNIT), how="outer")
    return both.assign(note=both["note"].fillna("no ratings of the panel"))


def labelled(rows: pd.DataFrame, scale: Scale, method: str, confidence: float) -> pd.DataFrame:
    """The rows of one criterion under one rubric version, in the columns of soft labels."""
    levels = [level for level in scale.levels if f"p_{level}" in rows]
    soft = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=float)
    differ, told = rows["agreed"].eq(False).to_numpy(), rows["agreed"].eq(True).to_numpy()
    place = np.where(told, rows["told_level"].astype("float64").fillna(-1), -1).astype(int)
    label = np.where(told, np.array([*scale.levels, None], dtype=object)[place], rows["level"].to_numpy(dtype=object))
    number = dict(zip(scale.levels, scale.values)) if scale.name == "ordinal" and method != "numeric" else {}
    mean = rows["value"].to_numpy(dtype=float)
    score = np.array([number.get(one, np.nan) for one in label]) if number else mean
    probability, (low, high) = probabilities(rows, label, told, levels, soft), (np.full(len(rows), np.nan),) * 2
    n = rows["n_ratings"].fillna(0).astype("int64")
    if method == "majority":
        low, high = wilson(probability, np.where(n > 0, n, np.nan), confidence)
    doubt = np.where(differ, "adjudicators differ", "").astype(object)
    bare = np.where(np.isfinite(probability) & np.isnan(low), NO_SHARE, "").astype(object)
    pieces = list(zip(doubt, rows["note"], bare))
    joined = {each: join_notes(*each) for each in set(pieces)}      # units are many, and what is said of them little
    notes = [joined[each] for each in pieces]
    return pd.DataFrame({
        **{c: rows[c] for c in UNIT}, "step": rows["step"].astype("float64").astype("Int64"),
        "decided_by": pd.array(np.where(told, "adjudicator", "panel"), dtype="str"), "label": pd.array(label, dtype="str"),
        "score": np.where(told & (scale.name != "nominal"), rows["told_score"].astype("float64"), score),
        "soft_label": soft_column(levels, soft), "probability": probability, "probability_low": low, "probability_high": high,
        "mean": mean, "mean_low": rows["low"].astype("float64"), "mean_high": rows["high"].astype("float64"), "n_ratings": n,
        "n_raters": rows["n_raters"].fillna(0).astype("int64"), "note": pd.array(notes, dtype="str"), "_differ": differ})


def probabilities(rows: pd.DataFrame, label: np.ndarray, told: np.ndarray, levels: Sequence[str], soft: np.ndarray) -> np.ndarray:
    """What the panel gives each label, (N,): adjudicators may name one that the panel does not lead with."""
    found = rows["probability"].to_numpy(dtype=float).copy()
    place = {level: k for k, level in enumerate(levels)}
    for i in np.flatnonzero(told):
        found[i] = soft[i, place[label[i]]] if label[i] in place else np.nan
    return found


def soft_column(levels: Sequence[str], soft: np.ndarray) -> pd.Series:
    """Probabilities (N, q) as a column of lists of {level, probability}; missing where they are undefined."""
    import pyarrow as pa

    pair = pa.struct([("level", pa.string()), ("probability", pa.float64())])
    defined = np.isfinite(soft).all(axis=1) & (len(levels) > 0)
    kept = np.where(defined, len(levels), 0)
    names = pa.array(list(levels), pa.string()).take(pa.array(np.tile(np.arange(len(levels)), defined.sum()), pa.int64()))
    pairs = pa.StructArray.from_arrays([names, pa.array(soft[defined].ravel(), pa.float64())], fields=list(pair))
    lists = pa.ListArray.from_arrays(pa.array(np.append(0, kept.cumsum()), pa.int32()), pairs, mask=pa.array(~defined))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists))


def below(found: pd.DataFrame, min_ratings: int, gate: float, max_width: float) -> pd.Series:
    """Why each unit is left out: the first reason that holds, "" for none."""
    sure, width = found["probability"], found["mean_high"] - found["mean_low"]
    reasons: Mapping[str, pd.Series] = {
        "": found["decided_by"] == "adjudicator",
        "adjudicators differ": found["_differ"],
        "too few ratings": found["n_ratings"] < min_ratings,
        "undefined": sure.isna() & found["mean"].isna(),
        "no probability": sure.isna() & (gate > 0),
        "probability below the gate": sure < gate - TIE,
        "interval too wide": width > max_width,
        "no interval": width.isna() & ~found["note"].str.contains(NO_WIDTH) & (max_width < math.inf)}
    return pd.Series(np.select(list(reasons.values()), list(reasons), default=""), index=found.index, dtype="str")


def empty() -> pd.DataFrame:
    """A table of no units."""
    return pd.DataFrame({c: [] for c in (*COLUMNS, "_differ")}).astype({"note": "str", "decided_by": "str", "_differ": bool})
