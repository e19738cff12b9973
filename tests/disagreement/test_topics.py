"""Topics of texts on which raters differ more."""

from __future__ import annotations

import pandas as pd
from planted import WORDS, drawn, parts_of

import workbench as wb
from workbench.disagreement.hot import Question, judged
from workbench.disagreement.topics import NO_TEXT, NO_TOPIC, topics_of, with_topic, word_features

NULL_DRAWS = 20
MOST_FALSE = 3        # of 20 null draws; at a true rate of 5 % more happens in 1 of 60 sets of other seeds


def test_the_planted_topic_is_found_and_named_by_its_words():
    ratings = wb.read(drawn(0, n_items=240, texts=True, topic_hot=1.2))
    clusters, terms = wb.disagreement.clusters(ratings), wb.disagreement.cluster_terms(ratings)
    top = terms.iloc[0]
    assert set(top["terms"].split(", ")) <= set(WORDS[2].split())
    assert top["status"] in ("watch", "found") and top["low"] > 0
    assert top["stability"] > 0.9
    hot = clusters[clusters["cluster"] >= 0]
    assert set(hot["name"]) == {top["terms"]}
    assert len(hot) == top["size"]


def null_rows(seed):
    frame = drawn(seed, texts=True)
    texts = frame.drop_duplicates("item_id").set_index("item_id")["text"]
    table = pd.DataFrame({"item_id": texts.index, "topic": topics_of(word_features(texts)[0], min_size=10, seed=0)})
    return judged([with_topic(units, table, texts) for units in parts_of(frame)], None, Question(("topic",), most=99))


def test_without_structure_most_draws_have_no_cluster():
    false = [(null_rows(200 + s)["status"] != "").any() for s in range(NULL_DRAWS)]
    assert sum(false) <= MOST_FALSE


def test_no_text_gives_no_clusters_and_the_reason():
    ratings = wb.read(drawn(1))
    assert wb.disagreement.clusters(ratings).empty
    assert wb.disagreement.cluster_terms(ratings)["note"].tolist() == [NO_TEXT]


def test_blank_texts_are_no_text():
    assert wb.disagreement.cluster_terms(wb.read(drawn(2).assign(text="  ")))["note"].tolist() == [NO_TEXT]


def test_texts_that_are_all_alike_fall_into_no_topics():
    ratings = wb.read(drawn(3).assign(text="the same question"))
    assert set(wb.disagreement.clusters(ratings)["cluster"]) == {-1}
    assert wb.disagreement.cluster_terms(ratings)["note"].tolist() == [NO_TOPIC]


def test_texts_without_spaces_between_words_are_grouped_too():
    texts = pd.Series(["薬を飲む時間", "薬の副作用", "薬局で薬を買う", "薬を飲んだ"] * 10 + ["電車の時刻表", "電車に乗る", "電車が遅れた", "電車と駅"] * 10)
    topic = topics_of(word_features(texts)[0], min_size=10, seed=0)
    first, second = set(topic[:40]) - {-1}, set(topic[40:]) - {-1}
    assert first and second and not first & second
