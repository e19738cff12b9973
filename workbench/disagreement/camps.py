"""Camps of raters: who agrees with whom beyond severity, scale use and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.camps_scores import OFF, Panel, off_commonest
from workbench.disagreement.camps_search import SMALLEST, SURE, Answer, camps_of, repeated
from workbench.disagreement.hot import later_half
from workbench.disagreement.units import Units, rated_units
from workbench.errors import ParameterError

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MOST_RATERS = 300   # time grows with the square of the raters
MOST_RATINGS = 200_000
ONE_LEVEL = "nearly always the same level: opinions do not show"
COLUMNS = ["rater_id", "criterion", "rubric", "faction", "support", "load", "n_ratings", "n_factions", "across", "across_low",
           "across_high", "detectable", "p", "status", "note"]


@dataclass(frozen=True)
class Body:
    """The raters of one criterion and rubric: names (R,), codes of each rating's rater, their counts, why some are not looked at ("" if
    they are), and the panel of those who are, by their place `among` all."""

    units: Units
    names: np.ndarray
    n_ratings: np.ndarray
    reason: np.ndarray
    among: np.ndarray
    panel: Panel


def factions(ratings: Ratings, *, min_ratings: int = 10, false_share: float = 0.01, seed: int = 0) -> pd.DataFrame:
    """Do raters fall into camps that agree within and differ across, beyond severity, scale use and noise? How many, and who?

    Behind each rater's levels a normal opinion is assumed, cut where the rater's levels change. Without camps the opinions of raters i
    and j correlate by l_i l_j: one thing is judged, each with a noise of their own. With camps by l_i l_j f, where f is how the things
    of two camps correlate. The gain in fit is held against ratings drawn from the model without (further) camps. One row a rater and
    criterion.

    faction: 1, 2, ... by size; 0 is no camp or cannot tell. support: share of resamples of items (prompts, where known) in which the rater
    falls in this camp; below 0.92 it is 0. load: correlation with the camp's thing (with the common one if there are none).
    n_factions: 2, 3, 4; 0 for none; nan if it cannot be told. across: how the things of the two nearest camps correlate, with the 95 %
    interval of resamples (camps are sought anew in each, so it lies a little low); camps above .8 are none. detectable: without camps, what
    is excluded: two of equal size whose things correlate by this or less would more often than not have been seen; nan if not even
    those of things without correlation. Then none cannot be told from some, nor where the median two raters share fewer than 100 items
    and a camp of a quarter of them, whose thing correlates by .6 with the others', would be missed more than once in five. p: of the
    first parting.
    status: "found" where the camps of the earlier half of the data part the later half too, or the other way round (undated data are halved
    by `seed`), "watch" where not, "" without camps. note: what cannot be told, and why.

    min_ratings: raters with fewer, on items that others rated, are not placed, nor those with fewer than 5 off their commonest level.
    false_share: chance to see camps where none are, over all criteria together. Of more than 300 raters the 300 with most ratings are
    looked at, of more than 200,000 ratings those of a random part of the items or prompts. A camp has two raters or more, so four are
    needed; levels without order (three or more) hold no opinion that could be cut: look at each level as a yes/no criterion.
    Errors: `ParameterError` for a share outside 0-1 or fewer than 2 ratings.

    Source: polychoric correlations as in Olsson 1979, doi:10.1007/BF02296207; parametric bootstrap of the number of groups as in McLachlan
    1987, doi:10.2307/2347790.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3], "bob": [1, 2, 2], "cy": [3, 2, 3]}, index=["a", "b", "c"]))
    >>> factions(ratings)[["rater_id", "faction", "note"]].head(1).to_dict("records")
    [{'rater_id': 'ann', 'faction': 0, 'note': 'fewer than 10 ratings beside others'}]
    """
    if not 0 < false_share < 1 or min_ratings < 2:
        raise ParameterError(f"false_share={false_share!r}, min_ratings={min_ratings!r}: give a share between 0 and 1, "
                             "and at least 2 ratings.")
    bodies = [body_of(units, min_ratings) for units in rated_units(ratings) if len(units.frame)]
    level = false_share / max(sum(not unfit(body) for body in bodies), 1)
    parts = [rows_of(body, level, seed) for body in bodies]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    floats = ("support", "load", "n_factions", "across", "across_low", "across_high", "detectable", "p")
    return table.astype({"faction": int, "n_ratings": int} | {c: float for c in floats})


def body_of(units: Units, min_ratings: int) -> Body:
    """Which raters of one criterion can be looked at, and their ratings."""
    rater, names = pd.factorize(units.cells["rater_id"], sort=True)
    item, place = units.cells["row"].to_numpy(), units.cells["place"].to_numpy(dtype=float)
    n = np.bincount(rater, minlength=len(names))
    chosen = (np.random.default_rng(0).random(len(item)) < MOST_RATINGS / len(item))[units.blocks][item]
    told = off_commonest(rater[chosen], place[chosen], len(names)) >= OFF
    most = np.argsort(np.argsort(-n, kind="stable"), kind="stable")
    reason = np.select([n < min_ratings, ~told, most >= MOST_RATERS],
                       [f"fewer than {min_ratings} ratings beside others", ONE_LEVEL,
                        f"only the {MOST_RATERS} raters with most ratings are looked at"], "").astype(object)
    among = np.flatnonzero(reason == "")
    code = np.full(len(names), -1)
    code[among] = np.arange(len(among))
    kept = chosen & (code[rater] >= 0)
    return Body(units, np.asarray(names), n, reason, among, Panel(item[kept], code[rater[kept]], place[kept], units.blocks))


def unfit(body: Body) -> str:
    """Why camps cannot be looked for; "" if they can."""
    panel = body.panel
    if body.units.nominal and len(np.unique(body.units.cells["place"])) > 2:
        return "cannot tell: its levels have no order; look at each as a yes/no criterion"
    if len(body.reason) and (body.reason == ONE_LEVEL).all():
        return f"cannot tell: {ONE_LEVEL}"
    if len(body.among) < 2 * SMALLEST:
        return f"cannot tell: camps of two need {2 * SMALLEST} raters with enough ratings of their own, found {len(body.among)}"
    shared = np.bincount(panel.item, minlength=len(panel.block))[panel.item] > 1
    return "" if shared.any() else "cannot tell: no item was rated by two of these raters"


def rows_of(body: Body, level: float, seed: int) -> pd.DataFrame:
    """The rows of one criterion and rubric."""
    names, among = body.names, body.among
    criterion, rubric = body.units.frame[["criterion", "rubric"]].iloc[0]
    frame = pd.DataFrame({"rater_id": names, "criterion": criterion, "rubric": rubric, "faction": 0, "n_ratings": body.n_ratings,
                          "status": "", "note": body.reason}).reindex(columns=COLUMNS)
    if why_not := unfit(body):
        frame["note"] = np.where(body.reason == "", why_not, body.reason)
        return frame
    answer = camps_of(body.panel, seed=seed, level=level)
    frame["n_factions"], frame["p"], frame["detectable"] = answer.n_camps, answer.p, answer.detectable
    if answer.n_camps != 0:
        frame[["across", "across_low", "across_high"]] = answer.fit.across[0], *answer.reach
    if answer.n_camps > 1:
        frame["status"] = status_of(body, answer, level, seed)
    for column, values in (("faction", answer.camp), ("support", answer.support), ("load", answer.fit.load[0])):
        frame.loc[among, column] = values
    frame.loc[among, "note"] = list(notes_of(answer))
    return frame


def notes_of(answer: Answer) -> Iterator[str]:
    """What each rater looked at is told."""
    told = answer.note
    bound = (f"two of equal size, whose opinions correlate by {answer.detectable:.2g} or less once noise is out, "
             "would more often than not have been seen")
    if answer.n_camps == 0 and not told:
        told = f"no camps: {bound}"
    elif np.isnan(answer.n_camps) and not told:
        told = ("cannot tell: these raters share too few items, or are too noisy, for camps to be seen" if np.isnan(answer.detectable)
                else f"cannot tell: these raters share too few items for small camps to be seen; {bound}")
    for camp, support in zip(answer.camp, answer.support):
        yield told if told or camp else f"cannot tell: in the same camp in {support:.0%} of resamples, {SURE:.0%} are needed"


def status_of(body: Body, answer: Answer, level: float, seed: int) -> str:
    """"found" if the camps of one half of the data part the other half too, else "watch"."""
    late = later_half(body.units, seed) == 1
    again = any(repeated(body.panel, here, level=level, seed=seed) for here in (late, ~late))
    return "found" if again else "watch"
