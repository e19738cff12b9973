"""Small estimates tables, and the walk through a chart's specification that its tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from altair.utils import schemapi

from workbench.chart.written import written
from workbench.estimates import estimate, estimates_table

MEASURES = {"method", "note", "n_items", "n_raters", "n_ratings", "n_dropped", "confidence"}


@pytest.fixture(autouse=True)
def checked_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chart drawn here is checked against the Vega-Lite schema, which a report's charts are not: these are made otherwise, and
    alike."""
    def checked(draw: Callable[..., object]) -> Callable[..., object]:
        def drawn(*args: object, **options: object) -> object:
            chart = draw(*args, **options)
            with schemapi.debug_mode(False):
                assert written(draw(*args, **options)) == chart.to_dict(validate=False)
            return chart
        return drawn

    monkeypatch.setattr("workbench.chart.style.unchecked", checked)


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """An estimates table from (name, value, low, high, further columns)."""
    def make(*rows: tuple[str, float, float, float, dict[str, object]]) -> pd.DataFrame:
        usual = {"confidence": 0.95, "n_items": 40, "n_raters": 5, "n_ratings": 120}
        made = [estimate(name, value, low=low, high=high, **usual) | more for name, value, low, high, more in rows]
        by = list(dict.fromkeys(k for *_, more in rows for k in more if k not in MEASURES))
        return estimates_table(made, by=by)
    return make


@pytest.fixture
def views() -> Callable[[object], list[dict]]:
    """Every single view (a mark with its encodings) of a chart, in drawing order; what it draws must be in its data."""
    def walk(spec: dict, tables: dict[str, list[dict]], data: dict) -> Iterator[dict]:
        data = spec.get("data", data)
        if "mark" in spec:
            fields = {channel["field"] for channel in spec["encoding"].values() if "field" in channel}
            lacking = fields - set(tables[data["name"]][0])
            assert not lacking, f"{lacking} is drawn but not in the data"
            yield spec
        for part in ("layer", "hconcat", "vconcat", "concat"):
            for inner in spec.get(part, []):
                yield from walk(inner, tables, data)

    def found(chart: object) -> list[dict]:
        spec = chart.to_dict(validate=False)
        return list(walk(spec, spec["datasets"], {}))
    return found


@pytest.fixture
def texts() -> Callable[[object], set[str]]:
    """Every piece of text in a chart's data."""
    def found(chart: object) -> set[str]:
        tables = chart.to_dict(validate=False).get("datasets", {}).values()
        return {cell for rows in tables for row in rows for cell in row.values() if isinstance(cell, str)}
    return found


@pytest.fixture
def mark() -> Callable[[list[dict], str], list[dict]]:
    """The views whose mark is of a kind."""
    return lambda views, kind: [view for view in views if view["mark"]["type"] == kind]
