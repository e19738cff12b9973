"""Slices of the data on which raters differ more than elsewhere, whoever rated them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.cuts import Cut, pair_cuts, single_cuts
from workbench.disagreement.score import Contrast, Ground, contrasts, coverage_of_the_selected, ground_of, shrunk
from workbench.disagreement.units import Units, rated_units
from workbench.estimates import MEASURES, estimate, estimates_table
from workbench.ratings import VIRTUAL
from workbench.resample import false_discovery

if TYPE_CHECKING:
    from workbench.ratings import Ratings

MAX_LEVELS = 30
CONTRACT = ("task_type", "system", "rubric_version", "party")
LOOK = 2_000        # rows looked at to tell columns of few levels from texts and numbers
LEANS = 0.2         # two-sided p below which, with more disagreement, a slice is looked into for pairs


@dataclass(frozen=True)
class Question:
    """What to contrast: the levels, at most `most`, of `columns`, on at least `min_items` items, holding the columns `within`
    constant, `pairs` of levels too; and when it is news."""

    columns: tuple[str, ...]
    min_items: int = 10
    confidence: float = 0.95
    false_share: float = 0.05
    seed: int = 0
    most: int = MAX_LEVELS
    within: tuple[str, ...] = ()
    pairs: bool = False


BY = ["criterion", "rubric", "column", "level"]
FURTHER = ["slice", "elsewhere", "excess", "raw_excess", "excess_low", "excess_high", "p", "q", "status", "examples", "also"]


def slices(ratings: Ratings, *, columns: Sequence[str] | None = None, min_items: int = 10, confidence: float = 0.95,
           false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """In which slices do raters differ more than elsewhere on the same criterion?

    A slice is a level of a column, a quarter of a number's values, or a pair of levels ("task_type x system", "code x m2").
    `elsewhere` is the mean disagreement of the criterion's other items (0 all alike, 1 all pairs at opposite ends); of a pair, what
    its two levels lead one to expect. `raw_excess` is how much more the slice's raters differ, after the severity and the noise of
    each rater are taken out: three noisy raters do not make a slice hot. `value` is the sum of both, with `low` and `high`; those of
    selected slices (q) are widened for the selection (false coverage rate, Benjamini and Yekutieli 2005,
    doi:10.1198/016214504000001907). `excess` is `raw_excess` shrunk by what all slices tested show (`score.shrunk`): expect that.

    The test (`score.contrasts`) counts prompts where they are known, else items, never ratings. `q` is Benjamini and Hochberg's, over
    all single slices, and over all pairs. Only pairs below a level that leans hot (p <= 0.2) are tested, holding both columns constant:
    what is tested is unrelated to what chose it, so that q holds (Bourgon, Gentleman and Huber 2010, doi:10.1073/pnas.0914005107).

    columns: which to look at; default task_type, system, rubric_version, party, further columns and those of the items table with 2 to
    30 levels, and numbers. min_items: smaller slices are left out. status: "watch" where q <= `false_share` and excess > 0; "found"
    where the earlier or the later half of the data shows it by itself (q) and the other half repeats it (p); undated data are
    halved by `seed`.

    Slices that share nine tenths of their items are one, named by the first; `also` names the others. The two levels of a column are
    one test. What cannot be told is nan, and `note` says why: a column about raters, too many levels, raters who rate little else.
    Highest excess in standard errors first.

    >>> import workbench as wb
    >>> found = wb.disagreement.slices(wb.read("data/sample").where(criterion="helpfulness"), columns=["task_type"])
    >>> found.loc[0, ["level", "status"]].tolist()
    ['advice', 'found']
    """
    ratings.require(*(c for c in columns or () if c not in item_columns(ratings)))
    wanted = tuple(columns) if columns is not None else (*default_columns(ratings), *number_columns(ratings))
    parts = rated_units(ratings, extra=[c for c in wanted if c in (*ratings.columns, *VIRTUAL)])
    rows = judged(parts, ratings, Question(wanted, min_items, confidence, false_share, seed, pairs=True))
    if columns is None:  # nobody asked for a text, or for what is known of raters
        rows = rows[(rows["level"] != "") | rows["column"].isin(CONTRACT)]
    order = (rows["raw_excess"] / rows["se"]).sort_values(ascending=False, kind="stable", na_position="last").index
    return rows.assign(examples=[text.replace("\n", ", ") for text in rows["examples"]]).loc[order].reset_index(drop=True)


def looked_at(ratings: Ratings) -> pd.DataFrame:
    """The first rows, where there are further columns to look at."""
    from workbench.reduce.collect import remembered

    return remembered(ratings, ("first rows",), lambda: ratings.to_pandas(limit=LOOK)) if ratings.source.extras else pd.DataFrame()


def default_columns(ratings: Ratings) -> tuple[str, ...]:
    """Columns that may hold slices, from a look at the first rows."""
    first = looked_at(ratings)
    present = [c for c in CONTRACT if c not in ratings.missing]
    present += [c for c in ratings.source.extras if c in first and few_levels(first[c])]
    table = ratings.items
    return tuple(dict.fromkeys(present + [c for c in item_columns(ratings) if few_levels(table[c])]))


def number_columns(ratings: Ratings) -> tuple[str, ...]:
    """Further columns that hold numbers of more than a few values, from a look at the first rows."""
    first = looked_at(ratings)
    looked = {c: first[c] for c in ratings.source.extras if c in first} | {c: ratings.items[c] for c in item_columns(ratings)}
    return tuple(c for c, column in looked.items() if pd.api.types.is_numeric_dtype(column)
                 and not pd.api.types.is_bool_dtype(column) and not few_levels(column))


def few_levels(column: pd.Series) -> bool:
    """Whether a column holds names or whole numbers of at most `MAX_LEVELS` kinds."""
    is_name = not (pd.api.types.is_float_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))
    return is_name and column.map(lambda x: isinstance(x, (str, bool, int, np.integer, np.bool_, type(None), float))).all() \
        and column.nunique() <= MAX_LEVELS


def item_columns(ratings: Ratings) -> list[str]:
    """Columns of the items table that the ratings themselves lack."""
    return [] if ratings.items is None else [c for c in ratings.items.columns if c not in ratings.columns]


def judged(parts: Sequence[Units], ratings: Ratings | None, question: Question) -> pd.DataFrame:
    """The rows of all criteria, those that stand out marked as seen first or as found again."""
    parts = [units for units in parts if len(units.frame)]
    grounds = [ground_of(units) for units in parts]
    singles = [single_cuts(units, ratings, question.columns, most=question.most, min_items=question.min_items, within=question.within)
               for units in parts]
    levels = [(singles, contrasted(grounds, singles))]
    if question.pairs:
        pairs = [pair_cuts(own, leaning, min_items=question.min_items) for own, leaning in zip(singles, leans(singles, levels[0][1]))]
        levels.append((pairs, contrasted(grounds, pairs)))
    rows = []
    for cuts, tested in levels:
        tested = selected(tested, question).assign(status=statuses(parts, grounds, cuts, tested, question))
        rows += slice_rows(parts, cuts, tested)
    table = estimates_table(rows, by=BY).reindex(columns=["name", *BY, *MEASURES, *FURTHER])
    return table.astype({c: "float64" for c in FURTHER[1:8]})


def contrasted(grounds: Sequence[Ground], cuts: Sequence[Sequence[Cut]]) -> pd.DataFrame:
    """One row a group of the cuts of each criterion: part, cut and group (-1: the cut has none), effect, se, p, note, found, q."""
    rows = []
    for part, (ground, own) in enumerate(zip(grounds, cuts)):
        for place, cut in enumerate(own):
            if cut.note:
                rows.append((part, place, -1, Contrast(note=cut.note), False))
            elif cut.names:
                found = contrasts(ground, cut.codes, len(cut.names), within=cut.within)
                rows += [(part, place, k, contrast, k > 0 and cut.two_sided) for k, contrast in enumerate(found)]
    table = pd.DataFrame(rows, columns=["part", "cut", "group", "found", "again"])
    table = table.assign(**{c: np.array([getattr(x, c) for x in table["found"]], dtype=float) for c in ("effect", "se", "p")})
    q = false_discovery(table["p"].where(~table["again"].astype(bool)).to_numpy(dtype=float))
    return table.assign(q=np.where(table["again"], np.roll(q, 1), q) if len(q) else q)


def leans(cuts: Sequence[Sequence[Cut]], tested: pd.DataFrame) -> list[list[np.ndarray]]:
    """For each cut of each criterion, which of its groups lean hot."""
    leaning = [[np.zeros(len(cut.names), bool) for cut in own] for own in cuts]
    for row in tested[(tested["p"] <= LEANS) & (tested["effect"] > 0)].itertuples():
        leaning[row.part][row.cut][row.group] = True
    return leaning


def selected(tested: pd.DataFrame, question: Question) -> pd.DataFrame:
    """With the effects shrunk, and the intervals of the selected (by q) widened."""
    once = ~tested["again"].astype(bool)
    news = tested["q"] <= question.false_share
    wide = coverage_of_the_selected(int((news & once).sum()), max(int((tested["p"].notna() & once).sum()), 1), question.confidence)
    ends = [found.ends(wide if new else question.confidence) for found, new in zip(tested["found"], news)]
    effect = shrunk(tested["effect"].where(once).to_numpy(), tested["se"].where(once).to_numpy())
    if len(effect):
        effect = np.where(once, effect, -np.roll(effect, 1))     # the other side of a column of two levels
    return tested.assign(low=[low for low, _ in ends], high=[high for _, high in ends], news=news, confidence=question.confidence,
                         excess=np.where(np.isfinite(effect), effect, tested["effect"]))


def statuses(parts: Sequence[Units], grounds: Sequence[Ground], cuts: Sequence[Sequence[Cut]], tested: pd.DataFrame,
             question: Question) -> np.ndarray:
    """For each test "found" if one half finds it by itself (q) and the other repeats it (p), "watch" if not, "" if it is not hot."""
    hot = ((tested["q"] <= question.false_share) & (tested["effect"] > 0)).to_numpy()
    if not hot.any():
        return np.full(len(tested), "", dtype=object)
    halves = [later_half(units, question.seed) for units in parts]
    early, late = (contrasted([ground.part(half == k) for ground, half in zip(grounds, halves)],
                                [[cut.part(half == k) for cut in own] for own, half in zip(cuts, halves)]) for k in (0, 1))
    discovered, repeated = ([((half[c] <= question.false_share) & (half["effect"] > 0)).to_numpy() for half in (early, late)]
                            for c in ("q", "p"))
    again = (discovered[0] & repeated[1]) | (discovered[1] & repeated[0])
    return np.select([hot & again, hot], ["found", "watch"], "").astype(object)


def later_half(units: Units, seed: int) -> np.ndarray:
    """(U,) 1 for units whose block (prompt or item) lies in the later half by time, or in a random half without times."""
    blocks = units.blocks
    n = blocks.max(initial=-1) + 1
    order = np.random.default_rng(seed).random(n)
    if "first" in units.frame and units.frame["first"].notna().all():
        order = units.frame.groupby(blocks)["first"].min().astype("int64").to_numpy()
    return (order > np.median(order)).astype(int)[blocks] if n else np.zeros(0, int)


def slice_rows(parts: Sequence[Units], cuts: Sequence[Sequence[Cut]], tested: pd.DataFrame) -> list[dict[str, object]]:
    """The rows of `slices` for the tests of one kind."""
    met = {(part, place): parts[part].raters_of(cuts[part][place].codes, len(cuts[part][place].names))
           for part, place in dict.fromkeys(zip(tested["part"], tested["cut"]))}
    return [row_of(parts[row.part], cuts[row.part][row.cut], int(row.group), row, met[row.part, row.cut]) for row in tested.itertuples()]


def row_of(units: Units, cut: Cut, k: int, test: object, n_raters: np.ndarray) -> dict[str, object]:
    """One row of `slices`."""
    value, inside = units.value, (cut.codes == k) & (k >= 0)
    pair, n_inside, names = len(cut.columns) > 1, int(inside.sum()), cut.names[k] if k >= 0 else ("",) * len(cut.columns)
    others = float(value[inside].mean() - test.effect if pair else value[~inside].mean()) if n_inside else math.nan
    low, high = (min(max(others + end, 0.0), 1.0) if end == end else end for end in (test.low, test.high))   # a share
    row = estimate("disagreement", others + test.effect, low=low, high=high, se=test.se, confidence=test.confidence,
                   method="score test, widened for selection" if test.news else "score test", n_items=n_inside,
                   n_raters=int(n_raters[k]) if k >= 0 else 0, n_ratings=int(units.n_ratings[inside].sum()), note=test.found.note)
    where = {"criterion": units.named["criterion"], **dict(zip(cut.columns, names))}
    return row | {**units.named, "column": " x ".join(cut.columns), "level": " x ".join(names),
                  "slice": json.dumps(where, ensure_ascii=False), "elsewhere": others, "excess": test.excess, "raw_excess": test.effect,
                  "excess_low": test.low, "excess_high": test.high, "p": test.p, "q": test.q, "status": test.status,
                  "also": cut.also[k] if k >= 0 else "", "examples": units.examples(inside)}
