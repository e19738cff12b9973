"""Too few items off the commonest level: what is said of an interval that leans on them, and how it is widened.

Where the few items off the commonest level all disagree, or all agree, leaving one of them out changes little: the jackknife takes
for sure what the next such item would overthrow. So the interval is made to hold what one item more could move its ends by. Coefficients
whose chance does not rest on the shares of the levels alone (percent agreement, AC, Brennan and Prediger) hold their level without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.estimates import join_notes
from workbench.resample import dense

if TYPE_CHECKING:
    from workbench.agreement.estimate import Sums
    from workbench.reduce import Patterns
    from workbench.resample import Terms

# Where fewer items than these differ, leave the commonest level, or have two ratings of one other level, 95 % intervals were seen to
# hold less (benchmarks/coverage.py).
DIFFERING, OFF_MODAL, AGREEING = 10, 20, 10
# The others are published methods: they stay as published, with a warning.
WIDENED_METHODS = ("jackknife", "two-way")
OFF_LEVEL = "with an off-modal level"
WIDENED, HOLDS_LESS = "interval widened by what one more item could change", "the interval may hold less than it claims"


def guarded(made: dict[str, object], group: Patterns, sums: Callable[[Patterns], Sums], method: str,
            ends: Callable[[Sums], tuple[float, float]]) -> dict[str, object]:
    """An interval by this `method` as it was made, or where items are too few widened, or with a warning; `ends` of the jackknife."""
    few = thin(group)
    if not few:
        return made
    if method not in WIDENED_METHODS:
        return made | {"note": join_notes(str(made["note"]), f"{few}: {HOLDS_LESS}")}
    below, above = moves(group, sums, ends)
    return made | {"low": made["low"] - below, "high": made["high"] + above, "note": join_notes(str(made["note"]), f"{few}: {WIDENED}")}


def thin(group: Patterns) -> str:
    """How few items differ, leave the commonest level or have two ratings of another one; "" where they are enough."""
    counts, (n, given, modal) = group.counts, commonest(group)
    weight, others = group.weight * (n >= 2), counts[:, np.arange(len(given)) != modal]
    differing, off_modal, agreed = (int(weight @ held) for held in (
        of_items(counts.max(axis=1)) < n, of_items(others.sum(axis=1)) > 0, of_items((others > 1).sum(axis=1)) > 0))
    if differing >= DIFFERING and off_modal >= OFF_MODAL and agreed >= AGREEING:
        return ""
    third = f", {agreed:,} of these with two ratings of one" if agreed < AGREEING else ""
    return f"{differing:,} items with a disagreement and {off_modal:,} {OFF_LEVEL}{third}"


def commonest(group: Patterns) -> tuple[np.ndarray, np.ndarray, int]:
    """Ratings of each row (P,); of each level on items rated twice or more (q,); and the place of the commonest level."""
    n = of_items(group.counts.sum(axis=1))
    given = of_items((group.weight * (n >= 2)) @ group.counts)
    return n, given, int(np.argmax(given))


def of_items(found: Terms) -> np.ndarray:
    """A number an item, as a plain array."""
    return np.asarray(dense(found)).ravel()


def moves(group: Patterns, sums: Callable[[Patterns], Sums], ends: Callable[[Sums], tuple[float, float]]) -> tuple[float, float]:
    """How far one item more would move the ends of these sums' interval outwards: the lower end one that disagrees, the upper one that
    agrees, on the level furthest from the commonest (nominal: the rarest)."""
    n, given, modal = commonest(group)
    others = [k for k in np.flatnonzero(given) if k != modal]
    if not others:
        return 0.0, 0.0
    order = np.argsort(n)
    rated = np.cumsum((group.weight * (n >= 2))[order])
    size = n[order][np.searchsorted(rated, rated[-1] / 2)]
    apart = np.zeros(len(given)) if group.scale == "nominal" else np.abs(group.values - group.values[modal])
    far = min(others, key=lambda k: (-apart[k], given[k]))
    agreed, split = np.zeros((2, 1, len(given)))
    agreed[0, far], split[0, far], split[0, modal] = size, size // 2, size - size // 2
    (low, high), (lower, _), (_, higher) = (ends(sums(one)) for one in (group, and_one(group, split), and_one(group, agreed)))
    return float(np.fmax(low - lower, 0)), float(np.fmax(higher - high, 0))


def and_one(group: Patterns, item: np.ndarray) -> Patterns:
    """The group with one item (1, q) more, a cluster by itself."""
    cluster = None if group.cluster is None else np.append(group.cluster, group.cluster.max() + 1)
    if isinstance(group.counts, np.ndarray):
        counts = np.concatenate([group.counts, item])
    else:
        from scipy.sparse import vstack

        counts = vstack([group.counts, item], format="csr")
    return replace(group, counts=counts, weight=np.append(group.weight, 1.0), cluster=cluster)
