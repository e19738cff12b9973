"""Topics of the items' texts on which raters differ more than elsewhere. Text always falls into topics; disagreement need not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.hot import Question, judged
from workbench.disagreement.ranked import ranked
from workbench.disagreement.units import Units, rated_units, units_of
from workbench.errors import shorten

if TYPE_CHECKING:
    from workbench.ratings import Ratings

TEXT_COLUMNS = ("text", "item_text")
SMALLEST = 10        # items of a topic
DIMENSIONS = 30      # what is kept of the words before topics are sought
FITTED = 5_000       # different texts among which topics are sought; the others join the topic of the most similar of these
RESAMPLES, KEPT = 5, 0.8
NO_TEXT = "the items have no text: give an items table or a column named text"
NO_TOPIC = "the texts fall into no topics"
TERMS = ["cluster", "name", "criterion", "rubric", "size", "value", "low", "high", "confidence", "p", "q", "status", "stability", "examples", "note"]


def clusters(ratings: Ratings, *, text: str | None = None, min_size: int = SMALLEST, false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Which items belong to a topic on which raters differ more than elsewhere?

    One row an item that has text: item_id, `topic` (its group by words: TF-IDF, HDBSCAN; -1 none), `name` (the words that set the
    topic apart), `cluster` (the topic, where raters differ on it more than elsewhere: `cluster_terms`; else -1, none).
    On data without structure every cluster is -1 at least 95 times in 100.

    text: the column of texts, of the ratings or the items table; default `text`, then `item_text`. min_size: items of the smallest topic.
    Without text, or with texts that fall into no topics, no row; `cluster_terms` says why.
    """
    texts = item_texts(ratings, text)
    if texts is None or texts.empty:
        return pd.DataFrame({"item_id": [], "topic": [], "name": [], "cluster": []}).astype({"topic": int, "cluster": int})
    features, words = word_features(texts)
    topic = topics_of(features, min_size=min_size, seed=seed)
    table = pd.DataFrame({"item_id": texts.index, "topic": topic})
    table["name"] = table["topic"].map(topic_names(features, words, topic)).fillna("")
    rows = contrasted_topics(ratings, table, texts, Question(("topic",), min_size, false_share=false_share, seed=seed, most=len(table)))
    hot = rows.loc[rows["status"] != "", "level"].astype(int)
    return table.assign(cluster=table["topic"].where(table["topic"].isin(hot), -1))


def cluster_terms(ratings: Ratings, *, clusters: pd.DataFrame | None = None, text: str | None = None, min_size: int = SMALLEST,
                  confidence: float = 0.95, false_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """What are the topics about, and how much more do raters differ on them than elsewhere?

    One row a topic and criterion: `name` (words), `size` (items), `value` with `low` and `high` (disagreement less that of
    other topics on the same criterion, 0 as elsewhere, raters' severity and noise taken out), p, q and `status` as in `slices`,
    `stability` (mean overlap, 0-1, with its likeliest counterpart when four fifths of the texts are grouped anew), `examples` (three items
    with the most disagreement). `clusters` takes what `clusters` returned, to save time; the other arguments are as there.

    Without text or topics: one row without cluster whose `note` says so. The strongest come first.
    """
    from workbench.disagreement.topics import clusters as find_clusters

    texts = item_texts(ratings, text)
    found = find_clusters(ratings, text=text, min_size=min_size, false_share=false_share, seed=seed) if clusters is None else clusters
    if texts is None or texts.empty or not (found["topic"] >= 0).any():
        return pd.DataFrame([{"cluster": -1, "note": NO_TEXT if texts is None or texts.empty else NO_TOPIC}], columns=TERMS)
    question = Question(("topic",), min_size, confidence, false_share, seed, len(found))
    rows = contrasted_topics(ratings, found, texts, question)
    rows = rows.assign(cluster=rows["level"].astype(int), size=rows["n_items"], value=rows["excess"], low=rows["excess_low"], high=rows["excess_high"])
    rows["name"] = rows["cluster"].map(found.drop_duplicates("topic").set_index("topic")["name"])
    rows["stability"] = rows["cluster"].map(stability(word_features(texts)[0], found["topic"].to_numpy(), min_size=min_size, seed=seed))
    rows["examples"] = most_contested(ratings, found, texts, rows)
    order = (rows["value"] / (rows["high"] - rows["low"])).sort_values(ascending=False, kind="stable", na_position="last").index
    return rows.loc[order, TERMS].reset_index(drop=True)


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
    texts = table.dropna(subset=[inside]).drop_duplicates("item_id").set_index("item_id")[inside].astype(str)
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
        names[k] = ", ".join(words[np.argsort(-apart, kind="stable")[:4]])
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


def contrasted_topics(ratings: Ratings, found: pd.DataFrame, texts: pd.Series, question: Question) -> pd.DataFrame:
    """Each topic against elsewhere on each criterion; equal texts count as one where there is no prompt."""
    return judged([with_topic(units, found, texts) for units in rated_units(ratings)], ratings, question)


def with_topic(units: Units, found: pd.DataFrame, texts: pd.Series) -> Units:
    """The units of items with text, their topic beside each rating."""
    topic = found.set_index("item_id")["topic"]
    rows = units.cells[units.cells["item_id"].isin(topic.index)]
    level = rows["item_id"].map(topic)
    rows = rows.assign(topic=level.where(level >= 0))
    if "prompt_id" not in rows or rows["prompt_id"].isna().any():
        rows = rows.assign(prompt_id=rows["item_id"].map(texts))
    return replace(units_of(rows, nominal=units.nominal), n_single=units.n_single)


def most_contested(ratings: Ratings, found: pd.DataFrame, texts: pd.Series, rows: pd.DataFrame) -> list[str]:
    """For each row three items of its topic with the highest excess on its criterion, with the beginning of their texts."""
    every = pd.concat([ranked(units) for units in rated_units(ratings)])
    every = every.assign(topic=every["item_id"].map(found.set_index("item_id")["topic"])).sort_values("excess", ascending=False, kind="stable")
    heads = {key: part["item_id"].drop_duplicates().head(3) for key, part in every.groupby(["topic", "criterion", "rubric"])}
    keys = zip(rows["cluster"], rows["criterion"], rows["rubric"])
    return ["; ".join(f"{item}: {shorten(texts[item], 70)}" for item in heads.get(key, [])) for key in keys]
