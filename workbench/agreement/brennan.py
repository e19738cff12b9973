"""Brennan-Prediger's coefficient, also Randolph's free-marginal kappa."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, chance_corrected
from workbench.agreement.estimate import Sampling

if TYPE_CHECKING:
    from workbench.ratings import Ratings


def uniform_chance(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Every level as likely as another: the mean of all weights. (..., q) -> a number."""
    return weights.sum() / weights.shape[0] ** 2


def brennan_prediger(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
                     confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How far do raters agree beyond raters who pick any level of the rubric with equal chance?

    1 is full agreement, 0 blind picking, below 0 less. (p_a - p_e) / (1 - p_e) with p_e = the mean weight, 1 / q for identity
    weights. Depends on how many levels the rubric has, not on how often each is given; with two levels it is PABAK.

    ratings: any selection; `by`: columns that make the groups, each a row. `weights`: credit for near agreement, "identity"
    (none), "linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar" or a symmetric (levels, levels) array with
    1 on the diagonal. `interval`, at `confidence`: "jackknife" (each item left out), "linearized" (Gwet's variance, t), "bootstrap" or
    "bca" (over items; `draws`, `seed`), all for these raters; "two-way" for such raters, 5 or more; or "none". `cluster`: a column
    whose items are drawn together, such as "prompt_id".

    Items rated once do not enter. One level only: 1, for chance is assumed and not estimated; `note` says so, and there is no
    interval. Undefined (nan, reason in `note`): no item rated twice. Errors: `ParameterError` for an unknown option.

    Sources: Brennan and Prediger (1981), doi:10.1177/001316448104100307; variance: Gwet (2014), Handbook of Inter-Rater
    Reliability.

    >>> import pandas as pd, workbench as wb
    >>> skewed = wb.from_matrix(pd.DataFrame({"ann": ["no"] * 9 + ["yes"], "bob": ["no"] * 10}))
    >>> round(float(brennan_prediger(skewed)["value"][0]), 4)
    0.8
    """
    sampling = Sampling(interval, confidence, draws, seed)
    return chance_corrected("brennan_prediger", uniform_chance, ratings, by=by, weights=weights, cluster=cluster,
                            sampling=sampling, assumed=True)
