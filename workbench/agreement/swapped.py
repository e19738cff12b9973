"""Whether a rater of pairs prefers whatever is shown first, and whether the verdict survives when the sides change places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.estimate import THESE_ALONE, Sampling, Sums, group_row
from workbench.agreement.trial import panel_and_models
from workbench.estimates import estimates_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Verdicts
    from workbench.resample import Formula

ONE_ORDER = "all pairs are shown in the same order of the systems: order and quality cannot be told apart"


def position_bias(ratings: Ratings, *, by: Sequence[str] = (), interval: str = "linearized", confidence: float = 0.95,
                  draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Does a rater of pairs go by the order in which they are shown? Four rows a rater (`rater_id`), a model or a human:

    `first_preference`: how often the one shown first is preferred, ties counting half, less .5: the mean of that share where the
    pair stands in the order of the systems' names and where it stands the other way round, so that a better system that is
    shown first more often is not taken for bias. 0 is none, .5 always the first, -.5 always the second.
    Of the pairs that the rater judged in both orders (they sum to 1): `swap_consistent`, the share with the same verdict in both;
    `swap_to_first`, `swap_to_second`: the share where it went with the order, to the first or the second place, a tie in one order
    and a preference in the other included.

    ratings: labels `A`, `B` and `tie`, of `system` and `system_b`; `shown_first` names a system, or "A" or "B". `item_id` is the
    unordered pair; the last rating in each order counts, the others are dropped and counted. `by`: columns that make groups.
    `interval`, `confidence`, `draws`, `seed`: as in `krippendorff_alpha`; pairs are the sample. Humans, experts and models of the
    panel's layer and selection, or what `where` names instead.

    Undefined (nan, reason in `note`): no label A, B or tie with `shown_first`; a preference where all pairs are shown in one
    order; a swap where no pair is judged in both. No interval: one pair, or no spread. Errors: `ParameterError` for an option.

    Source: Wang et al. (2024), Large language models are not fair evaluators, ACL, arXiv:2305.17926; for pairs judged in
    both orders: Zheng et al. (2023), arXiv:2306.05685, sec. 3.3.

    >>> import pandas as pd, workbench as wb
    >>> long = [(f"i{i}", "bot", label, "model", first) for first, row in (("A", "AAAB"), ("B", "ABAB")) for i, label in enumerate(row)]
    >>> pairs = wb.read(pd.DataFrame(long, columns=["item_id", "rater_id", "label", "rater_kind", "shown_first"]))
    >>> position_bias(pairs)[["name", "value"]].values.tolist()
    [['first_preference', 0.125], ['swap_consistent', 0.75], ['swap_to_first', 0.25], ['swap_to_second', 0.0]]
    """
    from workbench.reduce import verdicts

    sampling = Sampling(interval, confidence, draws, seed, offered=THESE_ALONE)
    rows: list[dict[str, object]] = []
    for rater in verdicts(panel_and_models(ratings), by=by):
        rows += _rows(rater, sampling)
    return estimates_table(rows, by=[*by, "rater_id"])


def preference(forward: np.ndarray, backward: np.ndarray) -> tuple[np.ndarray, Formula]:
    """Terms (K, 4) and formula of the mean over both orders of the share that prefers the first, less .5."""
    parts = [part for verdict in (forward, backward) for part in (~np.isnan(verdict), np.nan_to_num(verdict))]
    return np.column_stack(parts).astype(float), lambda t: (t[..., 1] / t[..., 0] + t[..., 3] / t[..., 2]) / 2 - 0.5


def swaps(forward: np.ndarray, backward: np.ndarray) -> dict[str, np.ndarray]:
    """Which pairs judged in both orders keep their verdict, and which move to the first or second place, (K,) each.

    A verdict kept is 1 in one order and 0 in the other, or .5 in both: they sum to 1.
    """
    total = forward + backward
    return {"swap_consistent": total == 1, "swap_to_first": total > 1, "swap_to_second": total < 1}


def _rows(rater: Verdicts, sampling: Sampling) -> list[dict[str, object]]:
    """The four rows of one rater."""
    seen = ~np.isnan(rater.forward) + (~np.isnan(rater.backward)).astype(int)
    n_ratings = int(rater.n @ seen)
    group = SimpleNamespace(key=rater.key, n_raters=1, n_ratings=n_ratings, n_dropped=rater.n_dropped, note=rater.note)
    terms, formula = preference(rater.forward, rater.backward)
    missing = "" if n_ratings else "no label A, B or tie beside what was shown first"
    reason = missing or ("" if (rater.n @ terms[:, [0, 2]]).all() else ONE_ORDER)
    sums = Sums(formula, terms, rater.n, None, n_items=int(rater.n.sum()), n_ratings=n_ratings, reason=reason)
    rows = [group_row("first_preference", group, sums, replace(sampling, lowest=-0.5))]
    both = seen == 2
    n, pairs = rater.n[both], int(rater.n[both].sum())
    reason = missing or ("" if pairs else "no pair was judged in both orders")
    for name, hit in swaps(rater.forward[both], rater.backward[both]).items():
        sums = Sums(lambda t: t[..., 1] / t[..., 0], np.column_stack([np.ones(len(n)), hit]), n, None, n_items=pairs,
                    n_ratings=2 * pairs, reason=reason)
        rows.append(group_row(name, group, sums, replace(sampling, lowest=0)))
    return rows
