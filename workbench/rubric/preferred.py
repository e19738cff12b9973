"""Where systems stand by preferences: strengths of Bradley and Terry, with Davidson's ties and the effect of what was shown first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.estimates import join_notes
from workbench.rubric.standing import Standing, counted, too_few

SEPARATED = "a system (or group) never lost to, or never won from, the others: strengths are finite only by a normal prior of SD {sd:g}"
NOT_COMPARED = "systems fall into {n} groups that were never compared with one another"
NO_ORDER = "what was shown first is not known: strengths hold on average over the orders shown"
NO_ORDER_EFFECT = "the effect of what was shown first cannot be told from the strengths"
PRIOR_SD = 3.0           # of a strength, in logits, where data alone would put it at infinity
ORDER = "(shown first)"


@dataclass(frozen=True)
class Fit:
    """Strengths (k,) with sum 0 and what follows them: log tie parameter and order effect, those that were fitted.

    theta (k + extras,); influence (rows, k + extras) of each comparison; extras: names of what follows the strengths.
    """

    theta: np.ndarray
    influence: np.ndarray
    extras: tuple[str, ...]
    separated: bool


def davidson(first: np.ndarray, second: np.ndarray, result: np.ndarray, shown: np.ndarray, k: int, *, ordered: bool) -> Fit:
    """Maximum likelihood of P(i wins) : P(j wins) : P(tie) = exp(d / 2) : exp(-d / 2) : exp(v), d = theta_i - theta_j + g shown.

    first, second (N,): systems i and j; result: 1, -1 or 0 for a tie; shown: 1 where i was shown first, -1 where j was, 0 unknown.
    v is fitted where ties occur, g where `ordered`. Newton's method on a concave likelihood; where wins do not lead from every
    system to every other (Ford 1957, doi:10.1080/00029890.1957.11989117) under a normal prior of SD 3.
    """
    ties, separated = bool((result == 0).any()), not strongly_linked(first, second, result, k)
    extras = (("tie",) if ties else ()) + (("order",) if ordered else ())
    kinds, kind, n = np.unique(np.column_stack([first, second, shown * ordered]), axis=0, return_inverse=True, return_counts=True)
    kind = kind.ravel()
    contrast = np.zeros((len(kinds), k + len(extras)))
    rows = np.arange(len(kinds))
    contrast[rows, kinds[:, 0]], contrast[rows, kinds[:, 1]] = 1, -1
    if ordered:
        contrast[:, -1] = kinds[:, 2]
    tie = np.zeros(k + len(extras))
    tie[k:k + ties] = 1
    won, tied = np.bincount(kind, result), np.bincount(kind, result == 0)
    precision = np.zeros(k + len(extras))
    precision[:k] = PRIOR_SD**-2 if separated else 0
    gauge = np.zeros((len(precision), len(precision)))
    gauge[:k, :k] = 1 / k       # strengths are known up to a constant: their sum is held at 0
    theta = np.zeros(len(precision))
    for _ in range(100):
        mean, p_tie = expected(contrast @ theta, theta @ tie if ties else -np.inf)
        slope = contrast.T @ (won - n * mean) / 2 + tie * (tied - n * p_tie).sum() - precision * theta
        cross = contrast.T @ (-n * mean * p_tie) / 2
        curve = (contrast.T * (n * (1 - p_tie - mean**2) / 4)) @ contrast + np.outer(cross, tie) + np.outer(tie, cross) \
            + np.outer(tie, tie) * (n * p_tie * (1 - p_tie)).sum() + np.diag(precision) + gauge
        step = np.linalg.solve(curve, slope)
        theta = theta + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-11:
            break
    mean, p_tie = expected(contrast @ theta, theta @ tie if ties else -np.inf)
    score = contrast[kind] * ((result - mean[kind]) / 2)[:, None] + ((result == 0) - p_tie[kind])[:, None] * tie
    return Fit(theta, score @ np.linalg.inv(curve), extras, separated)


def expected(gap: np.ndarray, tie: float) -> tuple[np.ndarray, np.ndarray]:
    """P(i wins) - P(j wins) and P(tie) at a gap of strengths and log tie parameter."""
    shift = np.maximum(np.abs(gap) / 2, tie)
    win, lose, even = np.exp(gap / 2 - shift), np.exp(-gap / 2 - shift), np.exp(tie - shift)
    total = win + lose + even
    return (win - lose) / total, even / total


def strongly_linked(first: np.ndarray, second: np.ndarray, result: np.ndarray, k: int) -> bool:
    """Whether wins (a tie is half a win of each) lead from every system to every other."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    over, under = np.concatenate([first[result >= 0], second[result <= 0]]), np.concatenate([second[result >= 0], first[result <= 0]])
    return connected_components(csr_array((np.ones(len(over)), (over, under)), shape=(k, k)), connection="strong")[0] == 1


def preference_standing(rows: pd.DataFrame) -> Standing | str:
    """Systems by their strengths, from ratings with label (A, B, tie), system, system_b, shown_first, prompt; or why there is none.

    The effect of what was shown first stands as a further value under the name "(shown first)", where it was fitted.
    """
    side = rows["label"].astype(str).str.upper().map({"A": 1, "B": -1, "TIE": 0})
    rows = rows[side.notna() & rows["system"].notna() & rows["system_b"].notna() & (rows["system"] != rows["system_b"])]
    a, b = rows["system"].astype(str), rows["system_b"].astype(str)
    code, systems = pd.factorize(pd.concat([a, b]), sort=True)
    first, second, result = code[:len(rows)], code[len(rows):], side[rows.index].to_numpy(dtype=int)
    prompt, prompts = pd.factorize(rows["prompt"])
    if len(systems) < 2 or len(prompts) < 2:
        return too_few(len(systems), len(prompts))
    if (groups := apart(first, second, len(systems))) > 1:
        return NOT_COMPARED.format(n=groups)
    shown, note = order_shown(rows), ""
    ordered = tells_order(first, second, shown, len(systems))
    if not ordered:
        note = NO_ORDER_EFFECT if shown.any() else NO_ORDER
    fit = davidson(first, second, result, shown, len(systems), ordered=ordered)
    influence = np.column_stack([np.bincount(prompt, column) for column in fit.influence.T])
    kept = np.r_[np.arange(len(systems)), [len(fit.theta) - 1] if ordered else []].astype(int)
    counts = counted(pd.concat([rows, rows]), np.concatenate([first, second]))
    if ordered:
        counts.loc[ORDER] = [rows["item_id"].nunique(), rows["rater_id"].nunique(), len(rows)]
    seen = pd.concat([rows["prompt"], rows["prompt"]]).groupby(np.concatenate([first, second])).nunique()
    df = np.append(seen.to_numpy(), [len(prompts)] if ordered else []).astype(int) - 1
    return Standing("strength", np.append(systems, [ORDER] if ordered else []), fit.theta[kept], influence[:, kept], np.asarray(prompts),
                    df, counts, True, join_notes(note, SEPARATED.format(sd=PRIOR_SD) if fit.separated else ""))


def order_shown(rows: pd.DataFrame) -> np.ndarray:
    """1 where A was shown first, -1 where B was, 0 where that is not known; `shown_first` names a system, or a side."""
    shown = rows["shown_first"].astype(str) if "shown_first" in rows else pd.Series("", index=rows.index)
    named = (("system", "A"), ("system_b", "B"))
    is_a, is_b = (((shown == rows[column].astype(str)) | (shown == side)).to_numpy() for column, side in named)
    return is_a.astype(int) - is_b.astype(int)


def tells_order(first: np.ndarray, second: np.ndarray, shown: np.ndarray, k: int) -> bool:
    """Whether an effect of order can be told from the strengths: its column is no combination of theirs."""
    kinds = np.unique(np.column_stack([first, second, shown]), axis=0)
    design = np.zeros((len(kinds), k + 1))
    rows = np.arange(len(kinds))
    design[rows, kinds[:, 0]], design[rows, kinds[:, 1]], design[:, k] = 1, -1, kinds[:, 2]
    return bool(np.linalg.matrix_rank(design) == k)


def apart(first: np.ndarray, second: np.ndarray, k: int) -> int:
    """Into how many groups the systems fall that were never compared with one another."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(csr_array((np.ones(len(first)), (first, second)), shape=(k, k)), directed=False)[0]
