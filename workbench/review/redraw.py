"""The chart of `what_if` as a widget whose marks follow the hand: the same chart with other figures is not drawn anew."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from workbench.chart.rows import headed, reading

if TYPE_CHECKING:
    import ipywidgets as widgets
    import pandas as pd

ALTERED = "altered"     # the side of `chart.before_after` that moves


def drawn(widget: widgets.DOMWidget | None, found: pd.DataFrame, *, title: str) -> widgets.DOMWidget:
    """`chart.before_after` of a criterion's figures in the widget, made the first time; a chart of the same shape only gets new rows."""
    from workbench.chart import linked
    from workbench.chart.what_if import before_after

    chart = before_after(found, title=title)
    spec = named(chart.to_dict())
    if widget is None:
        widget = linked.live(chart)
        widget.spec = spec
    elif shape(spec) == shape(widget.spec):
        put(widget, spec["datasets"])
        widget._trait_values["spec"] = spec     # for a page that is loaded later; told to this one it would draw all anew
    else:
        widget.spec = spec
    return widget


def moved(widget: widgets.DOMWidget, found: pd.DataFrame) -> None:
    """Move the marks to other figures, and take the band of random merges away, which is not known yet."""
    by_name = {headed(row["name"]): row for row in found.to_dict("records")}
    put(widget, {name: [placed(record, by_name.get(record.get("name"))) for record in records]
                 for name, records in widget.spec["datasets"].items()})


def put(widget: widgets.DOMWidget, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Put other rows into the chart on screen."""
    widget._py_to_js_updates = [{"namespace": "data", "name": name, "scope": [], "value": records} for name, records in rows.items()]


def placed(record: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
    """A row of the chart's data with the figures of `row`."""
    if row is None:
        return record
    if "from" in record:
        return record | {"from": None, "to": None}
    if record.get("side") != ALTERED:
        return record
    low, high = row["after_low"], row["after_high"]
    known = math.isfinite(low) and math.isfinite(high)
    said = reading(row["value"], row["low"], row["high"], decimals=3, note=row["note"])
    ends = {"low": low if known else None, "high": high if known else None}
    return record | ends | {"value": row["after"] if math.isfinite(row["after"]) else None, "reading": f"change {said}"}


def named(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with its data named by place, where altair names them by their content."""
    words = json.dumps(spec)
    for place, name in enumerate(spec["datasets"]):
        words = words.replace(f'"{name}"', f'"rows-{place}"')
    return json.loads(words)


def shape(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification without its rows."""
    return {name: part for name, part in spec.items() if name != "datasets"}
