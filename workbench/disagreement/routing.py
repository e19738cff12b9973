"""Who should rate what next: a budget of further ratings, spent where they take away most of what is not yet known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.answers import MAX_LEVELS
from workbench.disagreement.spending import allot, taken
from workbench.disagreement.units import INSTRUMENT
from workbench.disagreement.worth import Worth, of_levels, of_scores
from workbench.errors import ParameterError, whole_number
from workbench.estimates import join_notes
from workbench.schema import SELECTIONS

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Votes

KINDS = ("human", "expert", "model")  # who can be asked; gold, outcomes, programs and adjudicators never
COLUMNS = ["item_id", "step", *INSTRUMENT, "rater_kind", "n_more", "gain", "rank", "cost", "uncertainty", "expected_after", "n_ratings",
           "status", "selection", "note"]
BEYOND = "gains less per cost than what the budget buys"
RATED_BY_ALL = "no rater known of these kinds is left who has not rated it: say with raters= how many there are"
ALL_EQUAL = "all scores are equal: nothing tells error from truth"
TOO_MANY = f"more than {MAX_LEVELS} levels: merge them first"
ONE_RATER = "one rater: their errors cannot be told from the truth"


def route(ratings: Ratings, *, budget: float, cost: Mapping[str, float] | None = None, skill: Mapping[str, float] | None = None,
          raters: Mapping[str, int] | None = None, seed: int = 0) -> pd.DataFrame:
    """Which items should which kind of rater see next, so that a budget of further ratings takes away most uncertainty?

    `uncertainty` runs from 0 (the answer is known) to 1. Levels: the chance that two draws from the posterior differ, the
    posterior being the mean of Dawid and Skene's and a weighted vote's (`worth.beliefs`). Ordered levels and scores: the posterior
    variance of the item's mean as a share of the variance between items. `gain`: what the first of the ratings asked for takes away, in
    expectation; `expected_after`: what is left after all of them.

    One row a unit and kind: `n_more` ratings by raters of `rater_kind` who have not rated it, best gain per cost first (`rank`). What the
    budget does not reach has a row too, with status "left out" instead of "routed", no `n_more`, the gain forgone and why in `note`.
    Ratings given in answer must be stored with the `selection` that stands here, "routed": the headline leaves them out.

    budget: how many further ratings, or what they may cost in all. cost: of one rating by kind, default 1. skill: by kind,
    where known: accuracy on levels, correlation with the truth on ordered levels and scores; else the ratings tell it. raters: how many
    raters of a kind there are, default those known. Kinds: human and expert where they rated, and any of human, expert,
    model named in these three. seed: of the lot among equals.

    Ratings of every selection count, gold never: neither is it learnt from, nor are items chosen by it. Criteria, rubrics and versions
    share the budget by gain. Undefined (nan): scores all equal, more than 50 levels without order. Nothing is routed where no rater
    is left; a lone rater is said in `note`.
    Errors: `ParameterError` for a budget below 1, an unknown kind, or a kind of which neither ratings nor `skill` tell anything.
    Sources: expected gains of a label: Chen, Lin and Zhou (2015), JMLR 16:1 (knowledge gradient), here of squared probabilities,
    whose gain is never 0 where a vote can move belief.

    >>> import pandas as pd, workbench as wb
    >>> votes = pd.DataFrame({"ann": list("yynny"), "bob": list("yynny"), "cem": list("yynyy")}, index=list("abcde"))
    >>> asked = route(wb.from_matrix(votes), budget=2, raters={"human": 6})
    >>> asked[["item_id", "rater_kind", "n_more", "rank"]].head(1).values.tolist()
    [['d', 'human', 2, 1]]
    """
    from workbench.reduce import votes
    from workbench.reduce.select import select

    named = checked(budget, cost or {}, skill or {}, raters or {})
    whole_number("seed", seed, 0, "is not a seed. Use a whole number of 0 or more.")
    ratings = evidence(ratings, named)
    counts = select(ratings, by=[*INSTRUMENT, "rater_id", "rater_kind"]).groups
    known = counts[counts["n_used"] > 0].groupby(["rater_id", "rater_kind"], as_index=False)["n_used"].sum()
    known = known.sort_values("n_used", kind="stable").drop_duplicates("rater_id", keep="last").set_index("rater_id")["rater_kind"]
    kinds = [kind for kind in KINDS if kind in named or (known == kind).any()]
    if untold := [kind for kind in named if not (known == kind).any() and kind not in (skill or {})]:
        raise ParameterError(f"no rating by {untold[0]!r} tells how good such raters are; {ratings.source.name} has ratings by "
                             f"{', '.join(repr(k) for k in kinds if (known == k).any()) or 'none'}. Give skill={{{untold[0]!r}: 0.9}}.")
    price = np.array([float((cost or {}).get(kind, 1.0)) for kind in kinds])
    able = np.array([float((skill or {}).get(kind, math.nan)) for kind in kinds])
    pool = np.array([int((raters or {}).get(kind, max((known == kind).sum(), 1))) for kind in kinds])
    parts = [unit_rows(group, known, kinds, able, pool) for group in votes(ratings, by=INSTRUMENT) if group.n_ratings]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    return routed(parts, kinds, price, float(budget), np.random.default_rng(seed))


def checked(budget: object, cost: Mapping[str, float], skill: Mapping[str, float], raters: Mapping[str, int]) -> tuple[str, ...]:
    """The kinds of rater that the arguments name. Errors: `ParameterError` for an argument that cannot be."""
    if not isinstance(budget, Real) or isinstance(budget, bool) or not 1 <= budget < math.inf:
        raise ParameterError(f"budget={budget!r} buys no rating. Use a number of ratings, or of cost, of 1 or more, such as 100.")
    good = {"cost": (lambda x: 0 < x < math.inf, "a cost above 0"), "skill": (lambda x: 0 < x < 1, "a share between 0 and 1"),
            "raters": (lambda x: x >= 0 and x == int(x), "a number of raters")}
    for name, given in (("cost", cost), ("skill", skill), ("raters", raters)):
        if unknown := [kind for kind in given if kind not in KINDS]:
            raise ParameterError(f"{name} names {unknown[0]!r}, which is no kind of rater to be asked. "
                                 f"Use one of: {', '.join(repr(k) for k in KINDS)}.")
        fits, wanted = good[name]
        for kind, value in given.items():
            if not isinstance(value, Real) or isinstance(value, bool) or not fits(value):
                raise ParameterError(f"{name}[{kind!r}]={value!r} is not {wanted}. Give one number a kind, such as {name}={{{kind!r}: "
                                     f"{ {'cost': 5.0, 'skill': 0.9, 'raters': 12}[name]}}}.")
    return tuple(kind for kind in KINDS if kind in {*cost, *skill, *raters})


def evidence(ratings: Ratings, named: tuple[str, ...]) -> Ratings:
    """What may be learnt from: ratings of every selection by kinds that can be asked, whatever else `where` let in."""
    chosen = {column for column, _ in ratings.conditions}
    kinds = KINDS if "rater_kind" in chosen else [kind for kind in KINDS if kind != "model" or kind in named]
    return ratings.where(rater_kind=list(kinds), **({} if "selection" in chosen else {"selection": list(SELECTIONS)}))


def unit_rows(group: Votes, known: pd.Series, kinds: list[str], skill: np.ndarray,
              pool: np.ndarray) -> tuple[pd.DataFrame, Worth, np.ndarray]:
    """A group's units, what further ratings of them are worth, and how many raters of each kind are left, (K, N)."""
    place = {kind: k for k, kind in enumerate(kinds)}
    kind = known[group.raters].map(place).to_numpy()[group.rater]
    n, q = group.n_items, len(group.levels)
    note = join_notes(ONE_RATER if group.n_raters == 1 else "", group.note)
    if group.scale == "nominal" and q > MAX_LEVELS:
        worth, why = None, TOO_MANY
    elif 0 < q and (group.scale == "nominal" or q <= 2):
        worth, why = of_levels(group.item, group.rater, group.level, kind, (n, group.n_raters, max(q, 2)), skill), ""
    else:
        score = group.level if group.scale == "ordinal" else group.score
        worth, why = of_scores(group.item, group.rater, score.astype(float), kind, n, skill), ALL_EQUAL
    if worth is None:
        worth, note = Worth(np.full(n, np.nan), *np.zeros((2, len(kinds), n))), join_notes(why, note)
    rated = np.bincount(kind * n + group.item, minlength=len(kinds) * n).reshape(len(kinds), n)
    frame = group.units.assign(**dict(group.key), n_ratings=np.bincount(group.item, minlength=n), note=note)
    return frame, worth, np.maximum(pool[:, None] - rated, 0)


def routed(parts: list[tuple[pd.DataFrame, Worth, np.ndarray]], kinds: list[str], price: np.ndarray, budget: float,
           generator: np.random.Generator) -> pd.DataFrame:
    """The table of `route` from all groups' units: the budget is one."""
    units = pd.concat([frame for frame, _, _ in parts], ignore_index=True)
    uncertainty = np.concatenate([worth.uncertainty for _, worth, _ in parts])
    gain, ease, room = (np.concatenate(a, axis=1) for a in
                        ([w.gain for _, w, _ in parts], [w.ease for _, w, _ in parts], [left for _, _, left in parts]))
    bought = allot(gain, ease, room, price, budget, generator)
    after = uncertainty - taken(gain, ease, bought, price)
    rate = gain / price[:, None]
    unspent = np.where(room > 0, rate, -1.0).argmax(axis=0)      # the kind a unit left out would see first
    row_kind, row = np.nonzero(bought)
    idle = np.flatnonzero(bought.sum(axis=0) == 0)
    k, i = np.concatenate([row_kind, unspent[idle]]), np.concatenate([row, idle])
    order = np.lexsort((i, -rate[k, i], bought[k, i] == 0))
    k, i = k[order], i[order]
    asked = bought[k, i]
    why = np.where(asked > 0, "", np.where(room.sum(axis=0)[i] > 0, np.where(gain[k, i] > 0, BEYOND, ""), RATED_BY_ALL))
    said = list(zip(why, units["note"].to_numpy(dtype=object)[i]))
    joined = {notes: join_notes(*notes) for notes in set(said)}
    table = units.take(i).reset_index(drop=True).assign(
        rater_kind=np.array(kinds, dtype=object)[k], n_more=asked, gain=np.where(np.isnan(uncertainty[i]), np.nan, gain[k, i]),
        cost=price[k] * asked, uncertainty=uncertainty[i], expected_after=after[i], status=np.where(asked > 0, "routed", "left out"),
        selection=pd.array(np.where(asked > 0, "routed", None), dtype="string"), note=[joined[notes] for notes in said],
        rank=np.arange(1, len(i) + 1))
    return table[[c for c in COLUMNS if c != "step" or table["step"].notna().any()]]
