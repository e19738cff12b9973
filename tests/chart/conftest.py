"""Small estimates tables, and the walk through a chart's specification that its tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from workbench.estimates import estimate, estimates_table

MEASURES = {"method", "note", "n_items", "n_raters", "n_ratings", "n_dropped", "confidence"}


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """An estimates table from (name, value, low, high, further columns)."""
    def make(*rows: tuple[str, float, float, float, dict[str, object]]) -> pd.DataFrame:
        made = [estimate(name, value, low=low, high=high, **{"confidence": 0.95, "n_items": 40, "n_raters": 5, "n_ratings": 120}
                         | {k: v for k, v in more.items() if k in MEASURES}) | {k: v for k, v in more.items() if k not in MEASURES}
                for name, value, low, high, more in rows]
        by = list(dict.fromkeys(k for *_, more in rows for k in more if k not in MEASURES))
        return estimates_table(made, by=by)
    return make


@pytest.fixture
def views() -> Callable[[object], list[dict]]:
    """Every single view (a mark with its encodings) of a chart's specification, in drawing order."""
    def walk(spec: dict) -> Iterator[dict]:
        if "mark" in spec:
            yield spec
        for part in ("layer", "hconcat", "vconcat", "concat"):
            for inner in spec.get(part, []):
                yield from walk(inner)
    return lambda chart: list(walk(chart.to_dict()))


@pytest.fixture
def texts() -> Callable[[object], set[str]]:
    """Every piece of text in a chart's data."""
    return lambda chart: {cell for rows in chart.to_dict().get("datasets", {}).values() for row in rows for cell in row.values()
                          if isinstance(cell, str)}


@pytest.fixture
def mark() -> Callable[[list[dict], str], list[dict]]:
    """The views whose mark is of a kind."""
    return lambda views, kind: [view for view in views if view["mark"]["type"] == kind]
