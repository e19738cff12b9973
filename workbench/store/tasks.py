"""Texts of the synthetic items: tasks and answers put together from `sample/tasks.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

TASK_TYPES = ("code", "math", "writing", "advice")
_SOURCE = Path(__file__).parent / "sample" / "tasks.toml"


def read_topics() -> dict[str, object]:
    """The template file: `topics` (task_type, name, asks, slots, points, flaws), `openings`, `closings`, `thin`."""
    return tomllib.loads(_SOURCE.read_text(encoding="utf-8"))


def topic_codes(task_types: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """A topic for each task, drawn evenly from the topics of its task type; positions in `read_topics()["topics"]`."""
    of_type = np.array([TASK_TYPES.index(topic["task_type"]) for topic in read_topics()["topics"]])
    choices = [np.flatnonzero(of_type == code) for code in range(len(TASK_TYPES))]
    return np.array([choices[code][int(u * len(choices[code]))] for code, u in zip(task_types, rng.random(len(task_types)))])


def compose(topics: np.ndarray, *, n_points: np.ndarray, is_poor: np.ndarray, rng: np.random.Generator) -> list[str]:
    """One text an item: the task of its prompt, a blank line, and the answer of each system.

    `topics` has one entry a prompt; `n_points` and `is_poor` one row a prompt and one column a system: how many
    points the answer makes, and whether one of its sentences is wrong.
    """
    source = read_topics()
    texts = []
    for code, counts, poor in zip(topics, n_points, is_poor):
        topic = source["topics"][code]
        slots = {name: _one(values, rng) for name, values in topic["slots"].items()}
        task = _one(topic["asks"], rng).format(**slots)
        texts += [f"{task}\n\n{_answer(source, topic, slots, n, p, rng)}" for n, p in zip(counts, poor)]
    return texts


def _answer(source: Mapping, topic: Mapping, slots: Mapping, n_points: int, is_poor: bool, rng: np.random.Generator) -> str:
    kept = np.sort(rng.choice(len(topic["points"]), size=min(n_points, len(topic["points"])), replace=False))
    sentences = [topic["points"][k] for k in kept]
    if is_poor:
        sentences.insert(int(rng.integers(len(sentences) + 1)), _one(topic["flaws"], rng))
    if n_points < 3:
        sentences.append(_one(source["thin"], rng))
    sentences = [_one(source["openings"], rng), *sentences, _one(source["closings"], rng)]
    return " ".join(s[:1].upper() + s[1:] for s in (sentence.format(**slots) for sentence in sentences) if s)


def _one(values: Sequence[str], rng: np.random.Generator) -> str:
    return values[int(rng.random() * len(values))]
