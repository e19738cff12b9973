"""Marked errors -> a score: the weights of the dataset's rubric, else those published, and what the marks of one segment come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import examples
from workbench.store.platforms.rows import Options

CRITERION = "spans"
# Freitag et al. 2021, doi 10.1162/tacl_a_00437, table 4. Severities that mark no error, or whose annotator chose none, cost nothing.
PUBLISHED = {"minor": 1.0, "major": 5.0, "minor/fluency/punctuation": 0.1, "minor/punctuation": 0.1, "major/non-translation": 25.0,
             "neutral": 0.0, "no-error": 0.0, "undecided": 0.0}
COUNTED = ("minor", "major", "critical", "neutral", "undecided")     # severities whose number is kept beside the score


@dataclass(frozen=True)
class Weights:
    """What each marked error costs, by "severity" or "severity/category" in small letters; and where that stands."""

    costs: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Mark:
    """One marked error: its severity, and its category from the general to the particular."""

    severity: str
    category: tuple[str, ...] = ()


def weights_of(options: Options) -> Weights:
    """The weights of criterion "spans" in the rubric that the ratings are given (--set rubric, rubric_version), else those published."""
    named = options.values.get("rubric", "default"), options.values.get("rubric_version", "1")
    rubric = options.rubrics.get(named)
    line = rubric.criteria.get(CRITERION) if rubric else None
    if line is None or not line.weights:
        return Weights(PUBLISHED, "published (Freitag et al. 2021)")
    return Weights({plain(name): cost for name, cost in line.weights.items()}, f"rubric {rubric.name} {rubric.version}")


def plain(name: str) -> str:
    """A severity or category as it is compared: tools differ in capitals, underscores and marks of exclamation."""
    return "/".join(part.strip(" !").replace("_", " ") for part in name.casefold().split("/")).replace("no error", "no-error")


def cost(mark: Mark, weights: Weights) -> float | None:
    """What one error costs: by severity and category, whole or any part of it, the particular first; else by severity; None for neither."""
    severity, parts = plain(mark.severity), [plain(part) for part in mark.category]
    names = ["/".join(parts), *reversed(parts)] if parts else []
    found = (weights.costs.get(f"{severity}/{name}") for name in names)
    return next((value for value in found if value is not None), weights.costs.get(severity))


def scored(marks: Iterable[Mark], weights: Weights) -> dict[str, Any] | str:
    """Minus the sum of what the errors cost, how many of each severity, and whose weights these are; or which error has no weight."""
    held = Counter(marks)
    costs = {mark: cost(mark, weights) for mark in held}
    unknown = sorted({repr(mark.severity) for mark, value in costs.items() if value is None})
    if unknown:
        return (f"severity {examples(unknown)} has no weight in {weights.source}; give it one under "
                f"weights of criterion {CRITERION!r} in the rubric file")
    counts: Counter[str] = Counter()
    for mark, n in held.items():
        counts[plain(mark.severity)] += n
    # nine digits: tenths do not add up exactly
    return {"score": round(0.0 - math.fsum(n * costs[mark] for mark, n in held.items()), 9) + 0.0, "weights": weights.source,
            **{f"n_{severity}": float(counts[severity]) for severity in COUNTED if severity in weights.costs}}
