"""Fleiss' kappa."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.chance import Weights, chance_corrected
from workbench.agreement.estimate import Sampling

if TYPE_CHECKING:
    from workbench.ratings import Ratings


def fleiss_chance(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Two ratings drawn from the shares of all raters together: sum over k, l of w_kl p_k p_l. (..., q) -> (...)."""
    credit = (shares.reshape(-1, shares.shape[-1]) @ weights).reshape(shares.shape)  # sparse weights take two dimensions
    return (credit * shares).sum(axis=-1)


def fleiss_kappa(ratings: Ratings, *, by: Sequence[str] = (), weights: Weights = "identity", interval: str = "jackknife",
                 confidence: float = 0.95, draws: int = 1000, seed: int = 0, cluster: str | None = None) -> pd.DataFrame:
    """How far do raters agree beyond what the shares of the levels alone would give? Any number of raters an item.

    1 is full agreement, 0 what raters drawing from the observed shares would reach, below 0 less. (p_a - p_e) / (1 - p_e)
    with p_a the mean over items of the agreeing share of rater pairs, and p_e = sum w_kl p_k p_l, p_k the mean share of level k.

    ratings: any selection; `by`: columns that make the groups, each a row. `weights`: credit for near agreement, "identity"
    (none), "linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar" or a symmetric (levels, levels) array with
    1 on the diagonal. `interval`, at `confidence`: "jackknife" (each item left out), "linearized" (Gwet's variance, t), "bootstrap" or
    "bca" (over items; `draws`, `seed`), all for these raters; "two-way" for such raters, 5 or more; or "none". `cluster`: a column
    whose items are drawn together, such as "prompt_id".

    Items rated once count in p_k, not in p_a (Gwet's convention). Undefined (nan, reason in `note`): one level only; no item
    rated twice. No interval: one item; full agreement. Errors: `ParameterError` for an unknown option or an unfit array.

    Sources: Fleiss (1971), doi:10.1037/h0031619; missing ratings and variance: Gwet (2014), Handbook of Inter-Rater Reliability.

    >>> import pandas as pd, workbench as wb
    >>> three = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 2, 1], "bob": [1, 2, 2, 2], "cem": [1, 2, 1, 2]}))
    >>> round(float(fleiss_kappa(three)["value"][0]), 4)
    0.3143
    """
    sampling = Sampling(interval, confidence, draws, seed)
    return chance_corrected("fleiss_kappa", fleiss_chance, ratings, by=by, weights=weights, cluster=cluster, sampling=sampling)
