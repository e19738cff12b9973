"""Topics of the items' texts on which raters differ more than elsewhere. Text always falls into topics; disagreement need not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.disagreement.hot import Question, judged
from workbench.disagreement.units import INSTRUMENT, Units, rated_units, units_of
from workbench.errors import ParameterError

if TYPE_CHECKING:
    from workbench.ratings import Ratings

TEXT_COLUMNS = ("text", "item_text")
SMALLEST = 10        # items of a topic
DIMENSIONS = 30      # what is kept of the words before topics are sought
FITTED = 4_000       # different texts among which topics are sought; the others join the topic of the most similar of these
RESAMPLES, KEPT = 3, 0.8

Words = Callable[[], tuple[object, np.ndarray]]


@dataclass(frozen=True)
class Topics:
    """The topics of the items' texts: `points` (texts, dimensions) among which they were sought, `items` (item_id, topic, name), and `rows`
    that contrast them, None without topics."""

    points: object
    items: pd.DataFrame
    rows: pd.DataFrame | None


def sought_topics(ratings: Ratings, texts: pd.Series, known: Words, embed: Callable[[list[str]], np.ndarray] | None,
                  question: Question) -> Topics:
    """Topics sought and contrasted. known: the texts' `word_features`."""
    features, words = known()
    points = features if embed is None else embedded(texts, embed)
    topic = topics_of(points, min_size=question.min_items, seed=question.seed)
    names = topic_names(features, words, topic)
    table = pd.DataFrame({"item_id": texts.index, "topic": topic, "name": [names.get(k, "") for k in topic]})
    if topic.max() < 0:
        return Topics(points, table, None)
    parts = [with_topic(units, table, texts) for units in rated_units(ratings, extra=question.within)]
    rows = judged(parts, ratings, replace(question, columns=("topic",), most=len(table)))
    return Topics(points, table, rows if len(rows) else None)


def embedded(texts: pd.Series, embed: Callable[[list[str]], np.ndarray]) -> object:
    """(texts, dimensions) what a caller's function makes of the texts."""
    from scipy.sparse import csr_array

    points = np.asarray(embed(texts.astype(str).tolist()), dtype=float)
    if points.ndim != 2 or len(points) != len(texts) or not np.isfinite(points).all():
        raise ParameterError(f"embed: expected a row of finite numbers for each of {len(texts):,} texts, found an array of shape "
                             f"{points.shape}{'' if np.isfinite(points).all() else ' with nan or infinite numbers'}. Mend the function.")
    return csr_array(points)


def item_texts(ratings: Ratings, column: str | None = None) -> pd.Series | None:
    """Each item's text by item_id, blank ones left out; None where there is no such column."""
    table = ratings.items
    names = [column] if column else TEXT_COLUMNS
    inside = next((c for c in names if table is not None and c in table), None)
    if inside is None:
        inside = next((c for c in names if c in ratings.columns and c not in ratings.missing), None)
        if inside is None:
            return None
        from workbench.reduce import cells

        table = cells(ratings, by=INSTRUMENT, extra=[inside])
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
    from sklearn.preprocessing import normalize

    topic, known = np.full(features.shape[0], -1), np.flatnonzero(np.diff(features.tocsr().indptr) > 0)
    if len(known) < 2 * min_size or features.shape[1] <= 2:
        return topic
    size = min(DIMENSIONS, features.shape[1] - 1, len(known) - 1)
    points = normalize(TruncatedSVD(size, random_state=seed).fit_transform(features[known]))
    chosen = np.random.default_rng(seed).permutation(len(known))[:FITTED]
    label = HDBSCAN(min_cluster_size=min_size, copy=True).fit_predict(points[chosen])
    topic[known[chosen]] = label
    if len(rest := np.setdiff1d(np.arange(len(known)), chosen)):
        topic[known[rest]] = label[np.concatenate([(lot @ points[chosen].T).argmax(axis=1) for lot in np.array_split(
            points[rest], -(-len(rest) // FITTED))])]
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
    place = pd.Index(found["item_id"]).get_indexer(units.frame["item_id"])[units.cells["row"]]
    rows = units.cells[place >= 0] if (place < 0).any() else units.cells
    levels = np.array([None, *map(str, range(found["topic"].max() + 1))], dtype=object)
    rows = rows.assign(topic=levels[found["topic"].to_numpy()[place[place >= 0]] + 1])
    if "prompt_id" not in rows or rows["prompt_id"].isna().any():
        rows = rows.assign(prompt_id=rows["item_id"].map(texts))
    elif len(rows) == len(units.cells):
        return replace(units, cells=rows)
    return replace(units_of(rows, nominal=units.nominal), n_single=units.n_single)
