"""Topics of the items' texts on which raters differ more than elsewhere. Text always falls into topics; disagreement need not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.hot import Question, judged
from workbench.disagreement.units import Units, rated_units, units_of
from workbench.errors import shorten
from workbench.estimates import MEASURES, estimate, estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings

TEXT_COLUMNS = ("text", "item_text")
SMALLEST = 10        # items of a topic
DIMENSIONS = 30      # what is kept of the words before topics are sought
FITTED = 4_000       # different texts among which topics are sought; the others join the topic of the most similar of these
RESAMPLES, KEPT = 3, 0.8
NO_TEXT = "the items have no text: give an items table or a column named text"
NO_TOPIC = "the texts fall into no topics"
BY = ["cluster", "terms", "criterion", "rubric"]
FURTHER = ["size", "p", "q", "status", "stability", "examples"]


@dataclass(frozen=True)
class Topics:
    """The topics of the items' texts: `items` (item_id, topic, name), and `rows` that contrast them, None without topics."""

    texts: pd.Series | None
    features: object
    items: pd.DataFrame
    rows: pd.DataFrame | None


def clusters(ratings: Ratings, *, text: str | None = None, min_size: int = SMALLEST, within: Sequence[str] = ("task_type",),
             false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Which items belong to a topic on which raters differ more than elsewhere?

    One row an item that has text: item_id, `topic` (its group by words: TF-IDF, HDBSCAN; -1 none), `name` (the words that set the
    topic apart), `cluster` (the topic, where raters differ on it more than elsewhere: `cluster_terms`; else -1, none).
    On data without structure every cluster is -1 at least 95 times in 100.

    text: the column of texts, of the ratings or the items table; default `text`, then `item_text`. min_size: items of the smallest topic.
    within: columns held constant, those that occur: a topic must stand out among the items of its task type.
    Without text, or with texts that fall into no topics, no row; `cluster_terms` says why.
    """
    found = find_topics(ratings, text, Question(("topic",), min_size, false_share=false_share, seed=seed, within=tuple(within)))
    hot = [] if found.rows is None else found.rows.loc[found.rows["status"] != "", "level"].astype(int)
    return found.items.assign(cluster=found.items["topic"].where(found.items["topic"].isin(hot), -1))


def cluster_terms(ratings: Ratings, *, text: str | None = None, min_size: int = SMALLEST, within: Sequence[str] = ("task_type",),
                  confidence: float = 0.95, false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """What are the topics about, and how much more do raters differ on them than elsewhere?

    One row a topic and criterion: `terms` (words), `size` (items), `value` with `low` and `high` (disagreement less that of
    other items of the same `within` on the same criterion, 0 as there, raters' severity and noise taken out), p, q and `status` as in
    `slices`, `stability` (mean overlap, 0-1, with its likeliest counterpart when four fifths of the texts are grouped anew), `examples`
    (three items with the most disagreement). The arguments are those of `clusters`.

    Without text or topics: one row without cluster whose `note` says so. The strongest come first.
    """
    found = find_topics(ratings, text, Question(("topic",), min_size, confidence, false_share, seed, within=tuple(within)))
    if found.rows is None:
        why = estimate("excess_disagreement", math.nan, note=NO_TEXT if found.texts is None else NO_TOPIC)
        rows = estimates_table([why | {"cluster": -1, "terms": "", "criterion": "", "rubric": "", "examples": "", "status": ""}], by=BY)
        return rows.reindex(columns=["name", *BY, *MEASURES, *FURTHER])
    topic, rows = found.items["topic"].to_numpy(), found.rows
    rows = rows.assign(name="excess_disagreement", cluster=rows["level"].astype(int), size=rows["n_items"], value=rows["excess"],
                       low=rows["excess_low"], high=rows["excess_high"])
    rows["terms"] = rows["cluster"].map(found.items.drop_duplicates("topic").set_index("topic")["name"])
    rows["stability"] = rows["cluster"].map(stability(found.features, topic, min_size=min_size, seed=seed))
    rows["examples"] = ["; ".join(f"{item}: {shorten(found.texts[item], 70)}" for item in cell.split("\n")) for cell in rows["examples"]]
    order = (rows["value"] / (rows["high"] - rows["low"])).sort_values(ascending=False, kind="stable", na_position="last").index
    return rows.loc[order, ["name", *BY, *MEASURES, *FURTHER]].reset_index(drop=True)


def find_topics(ratings: Ratings, text: str | None, question: Question) -> Topics:
    """The topics with their contrasts; kept in memory, for `clusters` and `cluster_terms` ask for the same."""
    memory, key = ratings.source.memory, repr(("topics", ratings.conditions, ratings.start, ratings.end, text, question))
    if key not in memory:
        memory[key] = sought_topics(ratings, text, question)
    return memory[key]


def sought_topics(ratings: Ratings, text: str | None, question: Question) -> Topics:
    """Topics sought and contrasted."""
    texts = item_texts(ratings, text)
    if texts is None or texts.empty:
        empty = pd.DataFrame({"item_id": pd.Series(dtype=str), "topic": pd.Series(dtype=int), "name": pd.Series(dtype=str)})
        return Topics(None, None, empty, None)
    features, words = word_features(texts)
    topic = topics_of(features, min_size=question.min_items, seed=question.seed)
    table = pd.DataFrame({"item_id": texts.index, "topic": topic})
    names = topic_names(features, words, topic)
    table["name"] = [names.get(k, "") for k in topic]
    if topic.max() < 0:
        return Topics(texts, features, table, None)
    parts = [with_topic(units, table, texts) for units in rated_units(ratings, extra=question.within)]
    rows = judged(parts, ratings, replace(question, most=len(table)))
    return Topics(texts, features, table, rows if len(rows) else None)


def item_texts(ratings: Ratings, column: str | None = None) -> pd.Series | None:
    """Each item's text by item_id, blank ones left out; None where there is no such column."""
    table = ratings.items
    names = [column] if column else TEXT_COLUMNS
    inside = next((c for c in names if table is not None and c in table), None)
    if inside is None:
        inside = next((c for c in names if c in ratings.columns and c not in ratings.missing), None)
        if inside is None:
            return None
        from workbench.reduce import cells, instrument

        table = cells(ratings, by=instrument(ratings), extra=[inside])
    texts = table.dropna(subset=[inside]).drop_duplicates("item_id").set_index("item_id")[inside].astype("string")
    return texts[texts.str.strip() != ""].sort_index()


def word_features(texts: pd.Series) -> tuple[object, np.ndarray]:
    """TF-IDF (texts, words), and the words. Scripts that do not part words by spaces are taken by pairs and triples of characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    spaced = texts.str.count(r"\s").sum() > 0.08 * texts.str.len().sum()
    words = {"token_pattern": r"(?u)\b[^\W\d_]{3,}\b"} if spaced else {"analyzer": "char", "ngram_range": (2, 3)}
    least = 3 if len(texts) >= 50 else 1
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=least, max_df=0.25, max_features=20_000, **words)
    try:
        return vectorizer.fit_transform(texts), vectorizer.get_feature_names_out()
    except ValueError:  # every word too rare or too common: scikit-learn has no other way to say so
        from scipy.sparse import csr_array

        return csr_array((len(texts), 0)), np.array([])


def topics_of(features: object, *, min_size: int, seed: int) -> np.ndarray:
    """A topic (0, 1, ...) for each text, or -1. Texts without a known word have none."""
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import TruncatedSVD
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import normalize

    topic, known = np.full(features.shape[0], -1), np.flatnonzero(np.diff(features.tocsr().indptr) > 0)
    if len(known) < 2 * min_size or features.shape[1] <= 2:
        return topic
    size = min(DIMENSIONS, features.shape[1] - 1, len(known) - 1)
    points = normalize(TruncatedSVD(size, random_state=seed).fit_transform(features[known]))
    chosen = np.random.default_rng(seed).permutation(len(known))[:FITTED]
    label = HDBSCAN(min_cluster_size=min_size, copy=True).fit_predict(points[chosen])
    if len(chosen) < len(known):
        label, chosen = KNeighborsClassifier(1).fit(points[chosen], label).predict(points), np.arange(len(known))
    topic[known[chosen]] = label
    return topic


def topic_names(features: object, words: np.ndarray, topic: np.ndarray) -> dict[int, str]:
    """The four words by which each topic differs most from the other texts."""
    names = {}
    for k in range(topic.max(initial=-1) + 1):
        inside = topic == k
        apart = np.asarray(features[inside].mean(axis=0) - features[~inside].mean(axis=0)).ravel() if not inside.all() \
            else np.asarray(features.mean(axis=0)).ravel()
        name = ", ".join(words[np.argsort(-apart, kind="stable")[:4]])
        names[k] = f"{name} ({k})" if name in names.values() else name
    return names


def stability(features: object, topic: np.ndarray, *, min_size: int, seed: int) -> dict[int, float]:
    """Mean, over groupings of subsamples of the texts, of each topic's best overlap (Jaccard) with a topic found there (Hennig 2007)."""
    rng, n = np.random.default_rng(seed), len(topic)
    overlaps: dict[int, list[float]] = {k: [] for k in range(topic.max(initial=-1) + 1)}
    for draw in range(RESAMPLES):
        chosen = np.sort(rng.permutation(n)[:int(KEPT * n)])
        anew = topics_of(features[chosen], min_size=min_size, seed=seed + draw)
        table = pd.crosstab(topic[chosen], anew)
        for k in set(overlaps) & set(table.index):
            both = table.loc[k].drop(-1, errors="ignore")
            union = table.loc[k].sum() + table[both.index].sum() - both
            overlaps[k].append(float((both / union).max()) if len(both) else 0.0)
    return {k: float(np.mean(values)) if values else np.nan for k, values in overlaps.items()}


def with_topic(units: Units, found: pd.DataFrame, texts: pd.Series) -> Units:
    """The units of items with text, their topic beside each rating; equal texts are drawn as one where there is no prompt."""
    topic = found.set_index("item_id")["topic"]
    rows = units.cells[units.cells["item_id"].isin(topic.index)]
    level = rows["item_id"].map(topic)
    rows = rows.assign(topic=level.astype(str).where(level >= 0, None))
    if "prompt_id" not in rows or rows["prompt_id"].isna().any():
        rows = rows.assign(prompt_id=rows["item_id"].map(texts))
    return replace(units_of(rows, nominal=units.nominal), n_single=units.n_single)
