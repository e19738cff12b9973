"""The smallest improvement that the present panel can detect, and what more items would add."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import instrument
from workbench.signal.panels import Panel, labels, panels
from workbench.signal.power import items_needed, noncentrality, smallest_effect
from workbench.signal.progress_evidence import prompts_until

if TYPE_CHECKING:
    from workbench.ratings import Ratings

SMALL = 0.2              # of a standard deviation: Cohen's small effect, where no target is named
WEEK = pd.Timedelta(days=7)


def detectable(ratings: Ratings, *, by: Sequence[str] = ("criterion", "task_type"), power: float = 0.8, error_rate: float = 0.05,
               target: float | None = None, n_items: Sequence[int] = (), seed: int = 0) -> pd.DataFrame:
    """How small an improvement of one system over another can the present panel detect?

    `value` is the difference of two systems' mean scores, in points of the scale, that a two-sided t test at `error_rate` finds
    with probability `power`: smaller is better. Per group of `by` (criteria and scales are always apart) one row for the
    present number of items per system (`current`), and one for each of `n_items`, which presume as many items a prompt and ratings
    an item. The test is over prompts: of their differences where at least half are common (`paired`), else of two samples; several
    items of a system on one prompt count as one. Raters are taken to be assigned at random; the items are the sample. What other
    raters would add is `floor`: the effect that rater x system alone hides, with these raters' number, however many the items.

    target: the effect worth detecting, in points; None for 0.2 standard deviations of a rating. `n_needed` says how many items
    per system detect it. seed: of the groups of prompts that a jackknife leaves out for the interval (95 %, on the log scale), and
    of the planned sequence. `n_anytime`: items per system until an interval that holds at every look (see `progress`) excludes 0
    with probability `power` if the target is the truth; `weeks_anytime`: how long that takes at the pace so far.

    Further columns: `instrument` and `group` (the row's key in words), `effect` (= value), `power`, `current`, `paired`,
    `per_item` (ratings of an item), `target`, `n_needed`, `n_more`, and the variances `var_item` (an item beside its prompt),
    `var_prompt`, `var_rater`, `var_system_rater`, `var_residual` (see `reliability`). `n_items` is per system; without `system`, half
    of the items. Undefined (nan, reason in `note`): nominal labels; fewer than 2 prompts per system; nothing varies. Errors:
    `ParameterError` for shares outside 0 to 1, a target not above 0, or numbers of items below 2.

    Sources: Cohen (1988), ch. 2; Brennan (2001), doi:10.1007/978-1-4757-3456-0, ch. 3.

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


def effect_rows(panel: Panel, *, power: float, error_rate: float, target: float | None, sizes: Sequence[int],
                seed: int) -> Iterator[dict[str, object]]:
    """The rows of one group: the present number of items, then the numbers asked for, in order."""
    parts, options = panel.parts, {"paired": panel.parts.paired, "power": power, "error_rate": error_rate}
    se, df = panel.error(seed) if parts.total > 0 else (math.nan, 0)
    se /= 2
    aim = target if target is not None else SMALL * math.sqrt(parts.total) if parts.total >= 0 else math.nan
    needed = parts.per_prompt * items_needed(parts.difference, effect=aim, **options) if parts.difference > 0 else math.nan
    told = {"power": power, "paired": parts.paired, "per_item": parts.per_item, **sources(panel, power, error_rate), "target": aim,
            "n_needed": needed, "n_more": max(math.ceil(needed) - panel.n_items, 0) if math.isfinite(needed) else needed,
            **sequence(panel, aim, power, error_rate, seed)}
    for size in sorted({panel.n_items, *map(int, sizes)}):
        value = smallest_effect(parts.difference, n_items=size / parts.per_prompt, **options) if parts.difference > 0 else math.nan
        low, high = log_interval(value, se, df)
        undefined = "" if value == value or panel.nominal else \
            "fewer than 2 items per system" if size < 2 else "" if parts.total != parts.total else \
            "fewer than 2 prompts per system" if parts.difference > 0 else "nothing varies"
        row = estimate("detectable", value, low=low, high=high, se=value * se, confidence=0.95, method="jackknife",
                       n_items=size, note=join_notes(undefined, panel.note), **panel.counts)
        yield {**panel.key, **row, **labels(panel.key), "effect": value, "current": size == panel.n_items, **told}


def sources(panel: Panel, power: float, error_rate: float) -> dict[str, float]:
    """The variances by source, and the effect that rater x system hides however many the items; nan for what is not told."""
    names = {"var_item": ("item", "system:prompt"), "var_prompt": ("prompt",), "var_rater": ("rater",),
             "var_system_rater": ("system:rater",), "var_prompt_rater": ("prompt:rater",), "var_residual": ("residual",)}
    blank = dict.fromkeys((*names, "floor"), math.nan)
    study = panel.study
    if study is None:
        return blank
    found = dict(zip(study.names, np.maximum(study.variances(), 0)))
    told = {name: sum(found[p] for p in parts if p in found) if set(parts) & set(found) else math.nan for name, parts in names.items()}
    shared = dict(zip(study.names, study.error_weights[0])).get("system:rater", math.nan)
    if not shared > 0:
        return blank | told
    reach = noncentrality(max(1 / shared - 1, 1.0), power, error_rate)
    return blank | told | {"floor": reach * math.sqrt(2 * shared * found["system:rater"])}


def sequence(panel: Panel, aim: float, power: float, error_rate: float, seed: int) -> dict[str, float]:
    """Items, and weeks at the pace so far, until an interval that holds at every look excludes 0."""
    parts, blank = panel.parts, {"n_anytime": math.nan, "weeks_anytime": math.nan}
    if not (parts.difference > 0 and aim > 0):
        return blank
    reach = float(np.ptp(panel.design.score))
    n = parts.per_prompt * prompts_until(math.sqrt(parts.difference), effect=aim, reach=reach, power=power, error_rate=error_rate,
                                         seed=seed)
    times = panel.rows["rated_at"].dropna() if "rated_at" in panel.rows else []
    weeks = (times.max() - times.min()) / WEEK if len(times) else 0.0
    return {"n_anytime": n, "weeks_anytime": n / panel.n_items * weeks if weeks >= 1 and panel.n_items else math.nan}


def log_interval(value: float, se: float, df: int) -> tuple[float, float]:
    """A 95 % interval of a positive quantity from the standard error of its logarithm."""
    if not (value > 0 and se >= 0 and df > 0):
        return math.nan, math.nan
    from scipy.special import stdtrit

    reach = math.exp(min(float(stdtrit(df, 0.975)) * se, 700.0))
    return value / reach, value * reach
