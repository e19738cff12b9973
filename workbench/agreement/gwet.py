"""Gwet's AC1, and AC2 with weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, chance_corrected
from workbench.agreement.estimate import Sampling

if TYPE_CHECKING:
    from workbench.ratings import Ratings


def ac_chance(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Agreement by chance on ratings that are hard to give: T / (q (q - 1)) times the sum of p_k (1 - p_k). (..., q) -> (...)."""
    q = weights.shape[0]
    return weights.sum() / (q * (q - 1)) * (shares * (1 - shares)).sum(axis=-1)


def gwet_ac(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
            confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How far do raters agree beyond chance, when one level may be far more frequent than the others?

    1 is full agreement, 0 what chance would give, below 0 less. AC1 with identity weights, AC2 with others:
    (p_a - p_e) / (1 - p_e), p_e = T / (q (q - 1)) sum p_k (1 - p_k), T the sum of all weights, q the number of levels in the
    rubric. Unlike kappa it stays high where raters agree on a nearly uniform level.

    ratings: any selection; `by`: columns that make the groups, each a row. `weights`: credit for near agreement, "identity"
    (none), "linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar" or a symmetric (levels, levels) array with
    1 on the diagonal. `interval`, at `confidence`: "jackknife" (each item left out), "linearized" (Gwet's variance, t), "bootstrap" or
    "bca" (over items; `draws`, `seed`), all for these raters; "two-way" for such raters, 5 or more; or "none". `cluster`: a column
    whose items are drawn together, such as "prompt_id".

    Items rated once count in p_k, not in p_a. One level only: 1, for chance is then assumed, not estimated; `note` says so,
    and there is no interval. Undefined (nan, reason in `note`): no item rated twice. Errors: `ParameterError` for an unknown
    option.

    Source: Gwet (2008), doi:10.1348/000711006X126600; weights and missing ratings: Gwet (2014), Handbook of Inter-Rater
    Reliability.

    >>> import pandas as pd, workbench as wb
    >>> skewed = wb.from_matrix(pd.DataFrame({"ann": ["no"] * 9 + ["yes"], "bob": ["no"] * 10}))
    >>> round(float(gwet_ac(skewed)["value"][0]), 4)
    0.8895
    """
    sampling = Sampling(interval, confidence, draws, seed)
    return chance_corrected("gwet_ac", ac_chance, ratings, by=by, weights=weights, cluster=cluster,
                            sampling=sampling, assumed=True)
