"""Percent agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, chance_sums
from workbench.agreement.estimate import Sampling, Sums, estimates
from workbench.agreement.two_way import Panel

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns


def no_chance(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Nothing is expected, nothing is removed."""
    return np.zeros(shares.shape[:-1])


def percent_agreement(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
                      confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How often do two raters of an item agree? The share of rater pairs that give it the same level, averaged over items.

    1 means every pair agrees and 0 that none does; chance is not removed (see `fleiss_kappa`), so levels used rarely, or few
    levels, make it high. With weights other than identity a near miss counts in part.

    Arguments: as `fleiss_kappa`.

    Items rated once are dropped and counted (they widen the linearised interval, as in Gwet's variance, and no other). Undefined (nan,
    reason in `note`): no item rated twice. No interval: one item; full agreement. Errors: `ParameterError` for an unknown option.

    Source: Gwet (2014), Handbook of Inter-Rater Reliability, ch. 2 and 5.

    >>> import pandas as pd, workbench as wb
    >>> three = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 2, 1], "bob": [1, 2, 2, 2], "cem": [1, 2, 1, 2]}))
    >>> round(float(percent_agreement(three)["value"][0]), 4)
    0.6667
    """
    from workbench.reduce import patterns

    sampling = Sampling(interval, confidence, draws, seed, lowest=0, panel=Panel(ratings, by, cluster))
    groups = patterns(ratings, by=by, cluster=cluster)
    return estimates("percent_agreement", groups, lambda group: percent_sums(group, weights), by=by, sampling=sampling)


def percent_sums(group: Patterns, weights: Weights = "identity") -> Sums:
    """What percent agreement needs of a group."""
    return replace(chance_sums(group, no_chance, weights, singles=False), again=None)
