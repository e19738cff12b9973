"""The many-facet Rasch model: how severe each rater and how hard each criterion is, on one scale of logits, whoever rated what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.comparable import Comparable, comparable, in_use
from workbench.agreement.estimate import Sampling
from workbench.agreement.groups import patterns_where, reductions
from workbench.agreement.rasch_fit import Design, Fit, fit
from workbench.agreement.rasch_rows import group_rows
from workbench.errors import RatingsError, one_of
from workbench.estimates import estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Moments, Patterns

MODELS = ("rating-scale", "partial-credit")
MAX_LEVELS = 20
# The information is a table of raters by raters: 200 MB.
MAX_RATERS = 5_000


def rasch(ratings: Ratings, *, by: Sequence[str] = (), model: str = "rating-scale", confidence: float = 0.95) -> pd.DataFrame:
    """How severe is each rater, whatever items they were given? The many-facet Rasch model, items conditioned out.

    log(P(level k) / P(level k - 1)) = item ability - rater severity - criterion difficulty - threshold k, in logits: a severity 1
    higher divides the odds of the higher of two neighbouring levels by e. Above 0 is more severe than the mean of the rater's
    `connected_set`, that is lower scores (in `raters`, `severity` is a difference of scores, and above 0 is higher scores). Rows,
    one an estimate, by `facet` and `element`:

    rater: `severity`; `infit`, `outfit`, the mean squares of the residuals, weighted by what the model expects and plain: 1 as the
    model has it, above 1 erratic, below 1 too regular. Residuals are held against mean and variance given the item's total, so that
    no ability is estimated and their expectation is 1 itself (Mueller 2020). `severity_sd`, the spread of the true severities,
    corrected for error (pooled within sets, a negative variance is 0), `separation`, that spread over the root mean square error,
    and `reliability` = separation^2 / (1 + separation^2): raters told apart, not raters agreeing.
    criterion: `difficulty`, `infit`, `outfit`, where a group holds several criteria of one scale; ratings of an item are then taken
    for independent given its ability. threshold: `threshold` between each two levels ("1|2"), mean 0.

    `by`: columns that make groups, each fitted alone. `model`: thresholds common to all criteria ("rating-scale", Andrich 1978) or
    of each criterion ("partial-credit", Masters 1982). Intervals at `confidence`: normal from the observed information (`method`
    "information"), linearised and t for mean squares. `n_ratings`: ratings that tell; an item rated once, or at the lowest or the
    highest level by all, tells nothing and is counted in `n_dropped`. Raters compare within their connected set only.

    Undefined (nan, reason in `note`): nominal levels, scores without levels, above 20 levels; a rater who shares no item or gave one
    end of the scale only; a level not in use; a design that does not fix the parameters. `note` says if Newton's method has not
    converged. Errors: `ParameterError` for an unknown option, `RatingsError` where scales mix and above 5,000 raters.

    Sources: Linacre (1989), Many-Facet Rasch Measurement; Andrich, doi:10.1007/BF02293814; Masters, doi:10.1007/BF02296272;
    conditional likelihood: Andersen (1970), doi:10.1111/j.2517-6161.1970.tb00842.x; fit: Mueller, doi:10.1186/s40488-020-00108-7;
    separation: Eckes (2015), Introduction to Many-Facet Rasch Measurement.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 1, 1, 2, 2], "bob": [2, 2, 2, 1, 2]}), scale="ordinal")
    >>> found = rasch(panel).set_index(["name", "element"])["value"]
    >>> round(float(found["severity", "ann"]), 4)  # ann is lower on 3 items, bob on 1: log(3 / 1) apart
    0.5493
    """
    from workbench.reduce import cells

    one_of("model", model, MODELS)
    Sampling(confidence=confidence)
    groups = reductions(ratings, by=by)
    levelled = {} if all(hasattr(group, "levels") for group in groups) else \
        patterns_where(ratings, lambda known: 0 < len(known.levels) <= MAX_LEVELS, by=by, cluster=None)
    table = cells(ratings, by=by)
    frames = {tuple(None if part != part else part for part in key): frame
              for key, frame in (table.groupby(list(by), dropna=False) if by else [((), table)])}
    rows: list[dict[str, object]] = []
    for group in groups:
        key = tuple(group.key.values())
        rows += group_rows(fitted(frames.get(key, table.iloc[:0]), levelled.get(key, group), model), confidence)
    found = estimates_table(rows, by=[*by, "facet", "element"])
    return found.assign(connected_set=found["connected_set"].astype("Int64"))


@dataclass(frozen=True)
class Facets:
    """One group's ratings as codes (R,), the names of raters and criteria, and `scale`, whose thresholds each rating is made with."""

    item: np.ndarray
    rater: np.ndarray
    criterion: np.ndarray
    level: np.ndarray
    scale: np.ndarray
    raters: np.ndarray
    criteria: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A group with what was found of it: `fit` is None and `reason` says why where nothing could be."""

    facets: Facets
    ties: Comparable
    group: Patterns | Moments
    design: Design | None
    fit: Fit | None
    reason: str
    note: str


def fitted(frame: pd.DataFrame, group: Patterns | Moments, model: str) -> Fitted:
    """The model of one group, from its `cells`."""
    item = frame.groupby(["item_id", "step", "rubric"], dropna=False, sort=False).ngroup().to_numpy()
    rater, raters = frame["rater_id"].factorize(sort=True)
    criterion, criteria = frame["criterion"].factorize(sort=True)
    reason = _no_levels(group) or ("no rating counts" if frame.empty else "")
    if len(raters) > MAX_RATERS and not reason:
        raise RatingsError(f"rasch needs a table of raters by raters: at most {MAX_RATERS:,}, not {len(raters):,}. Narrow the ratings "
                           "with where() or between(), or name a column that parts the raters in by.")
    level = frame["level"].astype("float64").fillna(0).to_numpy().astype(int)
    scale = criterion if model == "partial-credit" else np.zeros_like(criterion)
    facets = Facets(item, rater, criterion, level, scale, np.asarray(raters), np.asarray(criteria))
    nothing = Comparable(np.zeros(len(item), bool), item, np.full(len(raters), -1), np.full(len(criteria), -1))
    ties = nothing if reason else comparable(item, rater, criterion, level, scale)
    if not ties.kept.any():
        return Fitted(facets, ties, group, None, None, reason or "no rating tells raters or criteria apart", "")
    design = _design(facets, ties)
    found = fit(design)
    reason = "" if found else "the ratings do not fix severities, difficulties and thresholds"
    return Fitted(facets, ties, group, design, found, reason, "" if found is None or found.converged else "the iteration has not converged")


def _no_levels(group: Patterns | Moments) -> str:
    """Why a scale has no thresholds, or ""."""
    if group.scale == "nominal":
        return "nominal levels have no order"
    n = len(getattr(group, "levels", ()))
    return "" if 0 < n <= MAX_LEVELS else f"{f'{n} levels' if n else 'scores without levels'}: the model takes up to {MAX_LEVELS}; " \
        "read icc, and the severity of raters"


def _design(facets: Facets, ties: Comparable) -> Design:
    """The ratings that tell, levels counted from the lowest in use."""
    kept = ties.kept
    level, scale = facets.level[kept] - facets.level[kept].min(), facets.scale[kept]
    occurs = in_use(level, scale, int(facets.scale.max()) + 1, int(level.max()) + 1)
    return Design(np.unique(ties.part[kept], return_inverse=True)[1], facets.rater[kept], facets.criterion[kept], level, scale,
                  ties.rater_set, ties.criterion_set, occurs)
