"""What to buy next: prompts, ratings of an item or raters, for the same money."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError
from workbench.estimates import SUCH_RATERS, estimate, estimates_table, join_notes
from workbench.reduce import instrument
from workbench.signal.panels import Panel, labels, panels
from workbench.signal.power import smallest_effect
from workbench.signal.smallest import check_options, log_interval, sources

if TYPE_CHECKING:
    from workbench.ratings import Ratings

PRICES = {"item": 1.0, "rating": 1.0, "rater": 50.0}
BEYOND = "raters are too few to tell any difference on this scale from other raters' liking for a system"
NOT_TOLD = "rater x system cannot be told: what raters would add is not in the effect"


def next_purchase(ratings: Ratings, *, by: Sequence[str] = ("criterion", "task_type"), prices: Mapping[str, float] | None = None,
                  budget: float = 0.25, power: float = 0.8, error_rate: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Which purchase makes the detectable effect smallest for the same money: more prompts, more ratings of an item, more raters?

    Per group four rows by `option`: "nothing", then what the budget buys of each alone. `value`: the smallest difference of two systems
    detected with probability `power`, other raters of the kind included, root(effect over prompts^2 + floor^2) (see `detectable`).
    `gained`: by how many points it is smaller than now, for each 100 ratings' worth of money. `bought`: how many items per system,
    ratings of an item, or raters. `best`: whether nothing gains more.

    prices: of an item made (for each system), a rating and a rater trained, in any unit; None: 1, 1 and 50. budget: as a share of
    what the present ratings of two systems cost. Of a rating's variance within an item, what the two systems' common raters
    share cancels. The interval is that of the effect over prompts. Undefined as `detectable`; more ratings of an item where
    items are rated once; any where the effect passes the range of the scores. Errors: `ParameterError` for a price or budget not above 0.

    Source: Brennan (2001), doi:10.1007/978-1-4757-3456-0, ch. 1 and 4 (decision studies); Cohen (1988), ch. 2.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 4, 2, 3] * 20, "bob": [1, 3, 3, 4, 2, 2] * 20}))
    >>> found = next_purchase(ratings)
    >>> found.loc[found["best"], "option"].tolist()
    ['more prompts']
    """
    check_options(power, error_rate, None, ())
    prices = PRICES | dict(prices or {})
    if set(prices) != set(PRICES) or not all(price > 0 for price in prices.values()) or not budget > 0:
        raise ParameterError(f"prices={prices!r} and budget={budget!r} must be above 0, and prices name only {', '.join(PRICES)}. "
                             f"Use prices={PRICES!r}, budget=0.25.")
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    rows = [row for panel in panels(ratings, keys) for row in options_of(panel, prices, budget, power, error_rate, seed)]
    return estimates_table(rows, by=[*keys, "option"])


def options_of(panel: Panel, prices: Mapping[str, float], budget: float, power: float, error_rate: float,
               seed: int) -> Iterator[dict[str, object]]:
    """The rows of one group."""
    parts, n = panel.parts, panel.n_items
    usual = {"paired": parts.paired, "power": power, "error_rate": error_rate}
    raters, told = panel.counts["n_raters"], sources(panel, power, error_rate)
    floor = told["floor"] if told["floor"] == told["floor"] else 0.0
    se, df = panel.error(seed) if parts.difference > 0 else (math.nan, 0)
    item = prices["item"] + parts.per_item * prices["rating"]
    money = budget * (2 * n * item + raters * prices["rater"])
    bought = {"nothing": 0.0, "more prompts": money / 2 / item, "more ratings of an item": money / 2 / max(n, 1) / prices["rating"],
              "more raters": money / prices["rater"]}

    def effect(option: str) -> tuple[float, float]:
        more, difference = {option: bought[option]}.get, parts.difference
        if option == "more ratings of an item":
            k = parts.per_item
            difference += 2 * (1 / (k + bought[option]) - 1 / k) * averaged(panel, told) / parts.per_prompt
        prompts = (n + more("more prompts", 0.0)) / parts.per_prompt
        over = smallest_effect(max(difference, 0.0), n_items=prompts, **usual) if difference == difference else math.nan
        return over, math.hypot(over, floor * math.sqrt(raters / (raters + more("more raters", 0.0))))
    now = effect("nothing")[1] if parts.difference > 0 else math.nan
    found = {option: effect(option) if parts.difference > 0 else (math.nan, math.nan) for option in bought}
    beyond = now == now and now > np.ptp(panel.design.score)
    found = {option: (over, math.nan if beyond else whole) for option, (over, whole) in found.items()}
    least = min((whole for _, whole in found.values() if whole == whole), default=math.nan)
    for option, (over, whole) in found.items():
        ends = [math.hypot(end, math.sqrt(max(whole**2 - over**2, 0))) for end in log_interval(over, se / 2, df)]
        note = join_notes(BEYOND if beyond else "", panel.note, "" if told["floor"] == told["floor"] else NOT_TOLD)
        yield {**panel.key, "option": option, **estimate(
            "detectable", whole, low=ends[0], high=ends[1], confidence=0.95, method="jackknife", estimand=SUCH_RATERS, n_items=n,
            note=note, **panel.counts), **labels(panel.key), "bought": bought[option],
            "gained": (now - whole) / money * 100 * prices["rating"] if option != "nothing" else 0.0,
            "best": option != "nothing" and whole == least}


def averaged(panel: Panel, told: Mapping[str, float]) -> float:
    """Variance of one rating within an item that does not cancel between two systems: nan where items are rated once."""
    common = sum(part for part in (told["var_rater"], told["var_prompt_rater"]) if part == part)
    return panel.parts.within - panel.parts.overlap * min(common, panel.parts.within)
