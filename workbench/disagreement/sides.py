"""Groups of items by the sides their raters take, named by what sets them apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.camps import Body, body_of, unfit
from workbench.disagreement.cuts import column_of
from workbench.disagreement.hot import MAX_LEVELS, Question, default_columns, later_half
from workbench.disagreement.leanings import ENOUGH, Leaning, leanings
from workbench.disagreement.score import contrasts, ground_of
from workbench.disagreement.topics import Words
from workbench.disagreement.units import INSTRUMENT, Units, rated_units
from workbench.estimates import MEASURES, estimate, estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MIN_RATINGS = 10    # of a rater who is looked at
SPENT = 0.02        # of the false share: draws from a model leave out unclear items, and prompts in part
STANDS_OUT = 3.0    # standard errors by which a rater or a level is named
SAID = 4.0          # by which a word is: there are many
NONE = "no group: beyond severity, scale use and noise raters part the same way on all items"
ITEMS = ["item_id", *INSTRUMENT, "topic", "name", "cluster"]


def sought_sides(ratings: Ratings, texts: pd.Series | None, known: Words,
                 question: Question) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The groups of each criterion: a row an item, and the rows of `cluster_terms`."""
    columns = default_columns(ratings)
    parts = [units for units in rated_units(ratings, extra=[c for c in columns if c in ratings.columns]) if len(units.frame)]
    bodies = [body_of(units, MIN_RATINGS) for units in parts]
    reasons = [why_not(body, question.min_items) for body in bodies]
    level = SPENT * question.false_share / max(reasons.count(""), 1)
    tables, rows, first = [], [], 0
    for body, reason in zip(bodies, reasons):
        units = body.units
        late = later_half(units, question.seed).astype(bool)
        found = None if reason else leanings(body.panel, late, min_size=question.min_items, level=level, seed=question.seed)
        names = [] if found is None else [name_of(body, found, k, ratings, columns, texts, known) for k in range(len(found.centre))]
        group = np.full(len(units.frame), -1) if found is None else found.group
        number = np.where(group >= 0, group + first, -1)
        tables.append(units.frame[["item_id", *INSTRUMENT]].assign(
            topic=number, name=np.array([*names, ""], dtype=object)[group], cluster=number))
        tested = reasons.count("")
        rows += rows_of(units, found, names, question, first, tested) if names else [empty_row(units, found, reason or NONE, tested)]
        first += len(names)
    items = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=ITEMS).astype({"topic": int, "cluster": int})
    rows = rows or [estimate("", math.nan, note="no item was rated twice on one criterion") | EMPTY | {"criterion": "", "rubric": ""}]
    by = ["cluster", "terms", "criterion", "rubric"]
    further = ["size", "p", "q", "status", "stability", "examples"]
    return items, estimates_table(rows, by=by).reindex(columns=["name", *by, *MEASURES, *further])


EMPTY = {"cluster": -1, "terms": "", "size": math.nan, "p": math.nan, "q": math.nan, "status": "", "stability": math.nan, "examples": ""}


def why_not(body: Body, min_size: int) -> str:
    """Why groups of a criterion cannot be looked for; "" if they can."""
    if reason := unfit(body):
        return reason
    full = int((np.bincount(body.panel.item, minlength=1) >= ENOUGH).sum())
    return "" if full >= 2 * min_size else f"cannot tell: patterns need {2 * min_size} items with {ENOUGH} ratings or more by raters " \
        f"with {MIN_RATINGS} or more, found {full:,}"


def empty_row(units: Units, found: Leaning | None, note: str, tested: int) -> dict[str, object]:
    """A criterion without groups."""
    p = math.nan if found is None else found.p
    return estimate("", math.nan, n_items=len(units.frame), note=note) | EMPTY | units.named | {"p": p, "q": min(p * tested, 1.0)}


def rows_of(units: Units, found: Leaning, names: list[str], question: Question, first: int, tested: int) -> list[dict[str, object]]:
    """The groups of one criterion."""
    rows, n_raters = [], units.raters_of(found.group, len(names))
    for k, contrast in enumerate(contrasts(ground_of(units), found.group, len(names))):
        inside, (low, high) = found.group == k, contrast.ends(question.confidence)
        row = estimate("", contrast.effect, low=low, high=high, se=contrast.se, confidence=question.confidence, method="score test",
                       n_items=int(inside.sum()), n_raters=int(n_raters[k]), n_ratings=int(units.n_ratings[inside].sum()),
                       note=contrast.note)
        rows.append(row | {"cluster": first + k, "terms": names[k], **units.named, "size": int(inside.sum()), "p": found.p,
                           "q": min(found.p * tested, 1.0), "status": "found" if found.again[k] else "watch",
                           "stability": found.stability[k], "examples": units.examples(inside)})
    return rows


def name_of(body: Body, found: Leaning, k: int, ratings: Ratings, columns: tuple[str, ...], texts: pd.Series | None,
            known: Words) -> str:
    """Who stands out, on which level of a column, and on which words, where any do."""
    inside, apart = found.group == k, found.centre[k] / found.reach[k]
    parts = []
    for way, word in ((1, "high"), (-1, "low")):
        chosen = [j for j in np.argsort(-way * apart, kind="stable")[:3] if way * apart[j] >= STANDS_OUT]
        parts += [f"{', '.join(str(body.names[body.among[j]]) for j in chosen)} {word}"] if chosen else []
    best = (STANDS_OUT, "")
    for column in columns:
        codes, names, _ = column_of(body.units, ratings, column, MAX_LEVELS)
        for level, name in enumerate(names):
            z, lift = over_represented(inside, codes == level)
            best = max(best, (z, f"{column} is {name} ({lift:.1f} times as often)"))
    parts += [best[1]] if best[1] else []
    return "; ".join(parts + words_of(body.units, inside, texts, known)) or f"group {k + 1}"


def over_represented(inside: np.ndarray, has: np.ndarray) -> tuple[float, float]:
    """Standard errors by which a group holds more of a kind than all units do, and how many times as much."""
    n, share = inside.sum(), has.mean()
    spread = math.sqrt(n * share * (1 - share) * (1 - n / len(inside)))
    return (float((has[inside].sum() - n * share) / spread), float(has[inside].mean() / share)) if spread > 0 else (0.0, 1.0)


def words_of(units: Units, inside: np.ndarray, texts: pd.Series | None, known: Words) -> list[str]:
    """The words that the items of a group hold more often, as one text."""
    if texts is None:
        return []
    features, words = known()
    place = texts.index.get_indexer(units.frame["item_id"])
    there = place >= 0
    if not there.any() or not features.shape[1]:
        return []
    has, among = (features[place[there]] > 0).astype(float), inside[there]
    share, n = np.asarray(has.mean(axis=0)).ravel(), among.sum()
    spread = np.sqrt(np.maximum(n * share * (1 - share) * (1 - n / len(among)), 1e-12))
    z = (np.asarray(has[among].sum(axis=0)).ravel() - n * share) / spread
    chosen = [words[j] for j in np.argsort(-z, kind="stable")[:3] if z[j] >= SAID]
    return [f"words {', '.join(chosen)}"] if chosen else []
