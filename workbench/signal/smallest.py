"""The smallest improvement that the present panel can detect, and what more items would add."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import cells, instrument, moments
from workbench.signal.components import Components, Design, components, jackknife
from workbench.signal.power import items_needed, smallest_effect

if TYPE_CHECKING:
    from workbench.ratings import Ratings

INSTRUMENT = ("criterion", "rubric", "rubric_version")
SMALL = 0.2              # of a standard deviation: Cohen's small effect, where no target is named
NO_SYSTEM = "no `system`: as if two systems shared these items"


@dataclass(frozen=True)
class Panel:
    """One group: its key, design, components, items of a system, and counts."""

    key: dict[str, object]
    design: Design
    parts: Components
    systems: np.ndarray | None
    n_items: int
    counts: dict[str, int]
    note: str


def detectable(ratings: Ratings, *, by: Sequence[str] = ("criterion", "task_type"), power: float = 0.8, error_rate: float = 0.05,
               target: float | None = None, n_items: Sequence[int] = (), seed: int = 0) -> pd.DataFrame:
    """How small an improvement of one system over another can the present panel detect?

    `value` is the difference of two systems' mean scores, in points of the scale, that a two-sided t test at `error_rate` finds
    with probability `power`: smaller is better. Per group of `by` (criteria and scales are always apart) one row for the
    present number of items per system (`current`), and one for each of `n_items`. The variance of the difference with n items
    and r ratings of each is 2 (item + (rater + residual) / r - prompt) / n; `prompt`, what two systems' items on one prompt
    share, counts where at least half the prompts are common (`paired`). Several items of a system on one prompt count as one to
    the extent that they are alike, and other numbers of items presume as many a prompt. Raters are taken to be assigned at
    random; the items are the sample.

    target: the effect worth detecting, in points; None for 0.2 standard deviations of a rating. `n_needed` says how many items
    per system detect it. seed: of the groups of prompts that a jackknife leaves out for the interval (95 %, on the log scale).

    Further columns: `instrument` and `group` (the row's key in words), `effect` (= value), `power`, `current`, `paired`,
    `per_item` (ratings of an item), `var_item`, `var_prompt`, `var_rater`, `var_residual`, `target`, `n_needed`, `n_more`.
    `n_items` is per system; without `system`, half of the items. Undefined (nan, reason in `note`): nominal labels; fewer than
    2 items per system; nothing varies. Errors: `ParameterError` for shares outside 0 to 1, a target not above 0, or numbers of
    items below 2.

    Sources: Cohen (1988), ch. 2; Searle, Casella, McCulloch (1992), ch. 5; Brennan (2001), ch. 3.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 4, 2, 3] * 20, "bob": [1, 3, 3, 4, 2, 2] * 20}))
    >>> row = detectable(ratings).iloc[0]
    >>> int(row["n_items"]), round(float(row["value"]), 3)
    (60, 0.473)
    """
    check_options(power, error_rate, target, n_items)
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    rows = [row for panel in panels(ratings, keys)
            for row in effect_rows(panel, power=power, error_rate=error_rate, target=target, sizes=n_items, seed=seed)]
    return estimates_table(rows, by=keys)


def check_options(power: float, error_rate: float, target: float | None, n_items: Sequence[int]) -> None:
    """Raise `ParameterError` for sizes that make no sense."""
    for name, share in (("power", power), ("error_rate", error_rate)):
        if not 0 < share < 1:
            raise ParameterError(f"{name}={share!r} is not a share between 0 and 1. Use 0.8 for power, 0.05 for error_rate.")
    if power <= error_rate:
        raise ParameterError(f"power={power!r} is not above error_rate={error_rate!r}. Use 0.8 for power, 0.05 for error_rate.")
    if target is not None and not (math.isfinite(target) and target > 0):
        raise ParameterError(f"target={target!r} is not an effect. Name a difference above 0 in points of the scale, or None.")
    if any(not n >= 2 for n in n_items):
        raise ParameterError(f"n_items={list(n_items)!r} holds a number below 2. A comparison needs two items per system.")


def panels(ratings: Ratings, keys: Sequence[str]) -> Iterator[Panel]:
    """One `Panel` a group, in the order of its levels."""
    extra = ["rubric_version", *(c for c in ("system", "prompt_id") if c not in ratings.missing)]
    frame = cells(ratings, by=keys, extra=[c for c in extra if c not in keys])
    own = {plain(key): rows for key, rows in frame.groupby(list(keys), dropna=False, sort=False)}
    for group in moments(ratings, by=keys):
        rows = own.get(plain(group.key[k] for k in keys), frame.iloc[:0])
        design, systems = design_of(rows, ratings)
        reason = "nominal levels have no mean" if group.scale == "nominal" else ""
        parts = Components(*[math.nan] * 5, False, reason) if reason else components(design)
        items = rows.groupby("system")["unit"].nunique().median() if systems is not None else rows["unit"].nunique() / 2
        counts = {"n_raters": group.n_raters, "n_ratings": group.n_ratings, "n_dropped": group.n_dropped}
        note = join_notes(parts.note, "" if systems is not None else NO_SYSTEM, group.note)
        yield Panel(dict(group.key), design, parts, systems, int(items) if items == items else 0, counts, note)


def labels(key: dict[str, object]) -> dict[str, str]:
    """A group in words for charts and sentences: its instrument, and its slice of it."""
    level = {k: "(none)" if v is None or v != v else str(v) for k, v in key.items()}
    instrument_of = [level[k] if k == "criterion" else f"{k.replace('_', ' ')} {level[k]}" for k in INSTRUMENT if k in level]
    slices = [v for k, v in level.items() if k not in INSTRUMENT and v != "(none)"]
    return {"instrument": ", ".join(instrument_of) or "all criteria", "group": ", ".join(slices) or "all ratings"}


def plain(key: object) -> tuple[str, ...]:
    """A group's key that can be looked up, missing levels alike."""
    return tuple("\x00" if level is None or level != level else str(level) for level in key)


def design_of(rows: pd.DataFrame, ratings: Ratings) -> tuple[Design, np.ndarray | None]:
    """The group's ratings as codes, and the systems' codes where systems are known."""
    known = "system" not in ratings.missing and "system" in rows and rows["system"].notna().any()
    rows = rows[rows["system"].notna()] if known else rows
    systems = rows["system"].factorize()[0] if known else None
    prompted = "prompt_id" in rows and "prompt_id" not in ratings.missing and rows["prompt_id"].notna().all()
    version = rows["rubric_version"].factorize()[0]
    stratum = version if systems is None else rows.groupby(["system", "rubric_version"], sort=False).ngroup().to_numpy()
    item = rows.assign(_v=version).groupby(["unit", "_v"], sort=False).ngroup().to_numpy()
    prompt = rows["prompt_id"].factorize()[0] * (int(version.max(initial=0)) + 1) + version if prompted else None
    return Design(rows["score"].to_numpy(dtype=float), item, rows["rater_id"].factorize()[0], stratum, prompt), systems


def effect_rows(panel: Panel, *, power: float, error_rate: float, target: float | None, sizes: Sequence[int],
                seed: int) -> Iterator[dict[str, object]]:
    """The rows of one group: the present number of items, then the numbers asked for, in order."""
    parts, options = panel.parts, {"paired": panel.parts.paired, "power": power, "error_rate": error_rate}
    se, df = jackknife(panel.design, lambda d: components(d).difference, seed) if parts.total > 0 else (math.nan, 0)
    aim = target if target is not None else SMALL * math.sqrt(parts.total) if parts.total >= 0 else math.nan
    needed = items_needed(parts.difference, effect=aim, **options) if parts.difference > 0 else math.nan
    told = {"power": power, "paired": parts.paired, "per_item": parts.per_item, "var_item": parts.item,
            "var_prompt": parts.prompt, "var_rater": parts.rater, "var_residual": parts.residual, "target": aim,
            "n_needed": needed,
            "n_more": max(math.ceil(needed) - panel.n_items, 0) if math.isfinite(needed) else needed}
    for size in sorted({panel.n_items, *map(int, sizes)}):
        value = smallest_effect(parts.difference, n_items=size, **options) if parts.difference > 0 else math.nan
        low, high = log_interval(value, se / 2, df)
        undefined = "" if value == value or parts.note.startswith("nominal") else \
            "fewer than 2 items per system" if size < 2 else "" if parts.total != parts.total else "nothing varies"
        row = estimate("detectable", value, low=low, high=high, se=value * se / 2, confidence=0.95, method="jackknife",
                       n_items=size, note=join_notes(undefined, panel.note), **panel.counts)
        yield {**panel.key, **row, **labels(panel.key), "effect": value, "current": size == panel.n_items, **told}


def log_interval(value: float, se: float, df: int) -> tuple[float, float]:
    """A 95 % interval of a positive quantity from the standard error of its logarithm."""
    if not (value > 0 and se >= 0 and df > 0):
        return math.nan, math.nan
    from scipy.special import stdtrit

    reach = math.exp(min(float(stdtrit(df, 0.975)) * se, 700.0))
    return value / reach, value * reach
