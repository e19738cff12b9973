"""Topics of texts on which raters differ more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import WORDS, drawn, parts_of

import workbench as wb
from workbench.disagreement.groups import NO_TEXT, NO_TOPIC
from workbench.disagreement.hot import Question, judged
from workbench.disagreement.topics import item_texts, topics_of, with_topic, word_features
from workbench.errors import ParameterError

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
    assert wb.disagreement.clusters(ratings, on="text").empty
    assert wb.disagreement.cluster_terms(ratings, on="text")["note"].tolist() == [NO_TEXT]


def test_blank_texts_are_no_text():
    assert wb.disagreement.cluster_terms(wb.read(drawn(2).assign(text="  ")), on="text")["note"].tolist() == [NO_TEXT]


def test_texts_that_are_all_alike_fall_into_no_topics():
    ratings = wb.read(drawn(3).assign(text="the same question"))
    assert set(wb.disagreement.clusters(ratings)["cluster"]) == {-1}
    assert wb.disagreement.cluster_terms(ratings)["note"].tolist() == [NO_TOPIC]


def test_texts_without_spaces_between_words_are_grouped_too():
    texts = pd.Series(["薬を飲む時間", "薬の副作用", "薬局で薬を買う", "薬を飲んだ"] * 10 + ["電車の時刻表", "電車に乗る", "電車が遅れた", "電車と駅"] * 10)
    topic = topics_of(word_features(texts)[0], min_size=10, seed=0)
    first, second = set(topic[:40]) - {-1}, set(topic[40:]) - {-1}
    assert first and second and not first & second


def lengths(texts):
    return np.array([[text.count(word) for word in "bread tensor court river".split()] for text in texts]) + 0.0


def test_a_function_may_place_the_texts_and_words_still_name_the_topics():
    ratings = wb.read(drawn(0, n_items=240, texts=True, topic_hot=1.2).assign(text=lambda f: f["text"] + " " + f["text"].map(first_word)))
    top = wb.disagreement.cluster_terms(ratings, embed=lengths).iloc[0]
    assert top["status"] in ("watch", "found") and top["name"] == top["terms"]
    assert set(top["terms"].split(", ")) <= set(WORDS[2].split())


def first_word(text):
    """The first word of the list that the text was drawn from."""
    return next(words.split()[0] for words in WORDS if text.split()[0] in words.split())


@pytest.mark.parametrize("embed", [lambda texts: np.zeros(3), lambda texts: np.full((len(texts), 2), np.nan)])
def test_what_a_function_must_give_for_the_texts_is_said(embed):
    with pytest.raises(ParameterError, match="embed: expected a row of finite numbers for each of 160 texts, found an array of shape"):
        wb.disagreement.clusters(wb.read(drawn(1, texts=True)), embed=embed)


def test_texts_in_another_script_are_named_in_it():
    frame = drawn(0, n_items=240, texts=True, topic_hot=1.2)
    greek = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβχδεφγηιςκλμνοπθρστυϋωξψζ")
    top = wb.disagreement.cluster_terms(wb.read(frame.assign(text=frame["text"].str.translate(greek)))).iloc[0]
    assert top["status"] in ("watch", "found")
    assert set(top["terms"].split(", ")) <= set(WORDS[2].translate(greek).split())


def test_a_text_that_came_with_the_first_version_alone_is_the_items_text():
    first = drawn(6, texts=True).assign(rubric_version="1")
    rated = pd.concat([first, first.assign(rubric_version="2", text=None)])
    texts = item_texts(wb.read(rated))
    assert texts.to_dict() == first.drop_duplicates("item_id").set_index("item_id")["text"].to_dict()
