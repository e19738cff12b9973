"""A chart as Vega-Lite: what Altair would write without its check, at a fraction of what that costs."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from hashlib import sha256

import altair as alt
import pandas as pd

_FIELD = re.compile(r"(\w+):([QNOT])")
_TYPES = {"Q": "quantitative", "N": "nominal", "O": "ordinal", "T": "temporal"}


def written(chart: alt.TopLevelMixin) -> dict[str, object]:
    """The chart, each table and each part that several marks share written down once."""
    tables: dict[str, list[dict[str, object]]] = {}
    spec = _part(chart, {}, tables)
    return alt.utils.update_nested(alt.theme.get()(), spec, copy=True) | {"$schema": alt.SCHEMA_URL, "datasets": tables}


def _plain(value: object, done: dict[int, object], tables: dict[str, list[dict[str, object]]]) -> object:
    """A value of a part as JSON holds it."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one, done, tables) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one, done, tables) for key, one in value.items() if one is not alt.Undefined}
    if isinstance(value, (alt.SchemaBase, pd.DataFrame)):
        if id(value) not in done:
            done[id(value)] = (_part if isinstance(value, alt.SchemaBase) else _table)(value, done, tables)
        return done[id(value)]
    return alt.Dict(value).to_dict(validate=False)


def _part(part: alt.SchemaBase, done: dict[int, object], tables: dict[str, list[dict[str, object]]]) -> object:
    """A chart, a mark, a channel or another part; a field's name and type stand in one word ("value:Q")."""
    if part._args:
        return _plain(part._args[0], done, tables)
    held = {key: value for key, value in part._kwds.items() if value is not alt.Undefined}
    if isinstance(held.get("shorthand"), str):
        field, kind = _FIELD.fullmatch(held.pop("shorthand")).groups()
        held = {"field": field} | ({"type": _TYPES[kind]} if "type" in part._kwds else {}) | held
    if isinstance(held.get("mark"), str):
        held["mark"] = {"type": held["mark"]}
    return {key: _plain(value, done, tables) for key, value in held.items()}


def _table(table: pd.DataFrame, _: object, tables: dict[str, list[dict[str, object]]]) -> dict[str, str]:
    """The name under which the table's rows stand in the chart."""
    names = list(table)
    rows = [dict(zip(names, map(_cell, row))) for row in table.to_numpy(dtype=object).tolist()]
    name = "data-" + sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()[:32]
    tables[name] = rows
    return {"name": name}


def _cell(value: object) -> object:
    """A cell as JSON holds it: a time in ISO form, None for what is missing or not finite."""
    if isinstance(value, dt.datetime):
        return "" if value is pd.NaT else value.isoformat()
    return None if value is pd.NA or isinstance(value, float) and not math.isfinite(value) else value
