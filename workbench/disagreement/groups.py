"""Items in groups: by what they are about, or by how they are disagreed on; and what each group is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.hot import Question
from workbench.disagreement.sides import sought_sides
from workbench.disagreement.topics import SMALLEST, Topics, item_texts, sought_topics, stability, word_features
from workbench.errors import ParameterError, one_of, shorten
from workbench.estimates import MEASURES, estimate, estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings

NO_TEXT = "the items have no text: give an items table or a column named text"
NO_TOPIC = "the texts fall into no topics"
BY = ["cluster", "terms", "criterion", "rubric"]
FURTHER = ["on", "size", "p", "q", "status", "stability", "examples"]
ITEMS = ["item_id", "criterion", "rubric", "rubric_version", "topic", "name", "cluster"]


def clusters(ratings: Ratings, *, on: str | None = None, text: str | None = None, embed: Callable[[list[str]], np.ndarray] | None = None,
             min_size: int = SMALLEST, within: Sequence[str] = ("task_type",), false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Which items belong to a group on which raters differ more than elsewhere, or in a way of its own?

    on="text": items grouped by what they are about. One row an item that has text: `topic` (its group by words: TF-IDF, HDBSCAN; -1 none),
    `name` (the words that set it apart), `cluster` (the topic, where raters differ on it more than elsewhere; else -1, none).
    on="raters": items grouped by who rates them higher and who lower than usual (`leanings`). One row an item and criterion; `topic` and
    `cluster` are the group, -1 where the item lies nearest to none; `name`: raters, slices and words that set it apart.
    On data without structure every cluster is -1 at least 95 times in 100 (benchmarks/disagreement.py).

    on: default "text" where items have text, else "raters". text: the column of texts, of the ratings or the items table; default
    `text`, then `item_text`. embed: texts to (texts, dimensions), to group by instead of by words. min_size: items of the smallest group.
    within: columns held constant, those that occur: a topic must stand out among the items of its task type.
    Raters' patterns need items with three ratings or more, by raters with ten or more, on levels that have an order (or two levels).
    With nothing to group no row, or -1; `cluster_terms` says why. Errors: `ParameterError` for an `on` that is not there, or an `embed`
    that does not give a row of finite numbers for each text.
    """
    kind, _, found = find_groups(ratings, on, text, embed, Question((), min_size, false_share=false_share, seed=seed, within=tuple(within)))
    if kind == "raters":
        return found[0][ITEMS]
    if found is None:
        return pd.DataFrame(columns=ITEMS).astype({"topic": int, "cluster": int})
    hot = [] if found.rows is None else found.rows.loc[found.rows["status"] != "", "level"].astype(int)
    kept = found.items["topic"].where(found.items["topic"].isin(hot), -1)
    return found.items.assign(cluster=kept, criterion="", rubric="", rubric_version="")[ITEMS]


def cluster_terms(ratings: Ratings, *, on: str | None = None, text: str | None = None,
                  embed: Callable[[list[str]], np.ndarray] | None = None, min_size: int = SMALLEST,
                  within: Sequence[str] = ("task_type",), confidence: float = 0.95, false_share: float = 0.05,
                  seed: int = 0) -> pd.DataFrame:
    """What are the groups, and how much more do raters differ on them than elsewhere?

    One row a group and criterion: `name` and `terms` (words; or raters, slices and words), `size` (items), `value` with `low` and `high`
    (disagreement less that of other items of the same `within` on the same criterion, 0 as there, raters' severity and noise taken out),
    p, q and `status` as in `slices`, `stability` (mean overlap, 0-1, with its likeliest counterpart when four fifths of the items are
    grouped anew; Hennig 2007, doi:10.1016/j.csda.2006.11.025), `examples` (three items with the most disagreement). The arguments are
    those of `clusters`.

    on="raters": p of any group at all, against ratings drawn from the same raters judging one thing (severity, scale use and noise
    theirs); q: Bonferroni's, over criteria. The normal opinions behind it are a model, so a fiftieth of `false_share` is spent. `status`
    is "found" where a group of the earlier half shows in the later too. `value` describes: items were chosen by how they are disagreed on.

    Without groups: one row without cluster (of each criterion, on="raters") whose `note` says so. The strongest come first.
    """
    question = Question((), min_size, confidence, false_share, seed, within=tuple(within))
    kind, texts, found = find_groups(ratings, on, text, embed, question)
    if kind == "raters":
        rows = found[1]
    else:
        rows = without(NO_TEXT if found is None else NO_TOPIC) if found is None or found.rows is None else topic_rows(found, question)
    said = {} if texts is None else texts
    rows["examples"] = ["; ".join(f"{item}: {shorten(said[item], 70)}" if item in said else item for item in cell.split("\n") if item)
                        for cell in rows["examples"]]
    order = (rows["value"] / (rows["high"] - rows["low"])).sort_values(ascending=False, kind="stable", na_position="last").index
    return rows.assign(on=kind, name=rows["terms"]).loc[order, ["name", *BY, *MEASURES, *FURTHER]].reset_index(drop=True)


def find_groups(ratings: Ratings, on: str | None, text: str | None, embed: Callable[[list[str]], np.ndarray] | None,
                question: Question) -> tuple[str, pd.Series | None, object]:
    """What they are grouped by, their texts, and the groups; kept in memory, for `clusters` and `cluster_terms` ask for the same."""
    from workbench.reduce.collect import remembered

    if on is not None:
        one_of("on", on, ("text", "raters"))
    if text is not None and text not in ratings.columns and (ratings.items is None or text not in ratings.items):
        raise ParameterError(f"text={text!r}: expected a column of the ratings or of the items table; it is in neither. "
                             "Name the column that holds the texts.")
    memory, key = ratings.source.memory, ("groups", repr((ratings.conditions, ratings.start, ratings.end, text, question)), embed)
    if (*key, on) not in memory:
        texts = item_texts(ratings, text)
        texts = None if texts is None or texts.empty else texts
        kind = on or ("raters" if texts is None and text is None else "text")
        if (*key, kind) not in memory:
            words = (lambda: remembered(ratings, ("words", text), lambda: word_features(texts)))
            found = sought_sides(ratings, texts, words, question) if kind == "raters" else \
                None if texts is None else sought_topics(ratings, texts, words, embed, question)
            memory[*key, kind] = kind, texts, found
        memory[*key, on] = memory[*key, kind]
    return memory[*key, on]


def without(why: str) -> pd.DataFrame:
    """The one row that says why there are no groups."""
    row = estimate("", math.nan, note=why) | {"cluster": -1, "terms": "", "criterion": "", "rubric": "", "examples": "", "status": ""}
    return estimates_table([row], by=BY).reindex(columns=["name", *BY, *MEASURES, *FURTHER])


def topic_rows(found: Topics, question: Question) -> pd.DataFrame:
    """The rows of `cluster_terms` for topics."""
    rows, topic = found.rows, found.items["topic"].to_numpy()
    rows = rows.assign(cluster=rows["level"].astype(int), size=rows["n_items"], value=rows["raw_excess"], low=rows["excess_low"],
                       high=rows["excess_high"])
    rows["terms"] = rows["cluster"].map(found.items.drop_duplicates("topic").set_index("topic")["name"])
    overlap = stability(found.points, topic, min_size=question.min_items, seed=question.seed)
    return rows.assign(stability=rows["cluster"].map(overlap))
