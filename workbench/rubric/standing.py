"""Where systems stand under one rubric: the value of each, and what every prompt adds to it, from scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.estimates import join_notes

NO_PROMPTS = "prompts are not named: items are the sample, and systems are not paired"
NOT_LINKED = "systems share too few prompts to be paired: each has the mean of its own prompts, hard or easy"
OTHER_RATERS = ("systems were not rated by the same raters in the same shares (they differ by up to {share:.0%}): severity is within "
                "their values; severity='removed' takes it out")
CONFOUNDED = "some systems were rated by raters of their own: severity cannot be told from the system, and is within the values"
NO_ORDER = "its levels have no order, and so no mean (nominal)"
UNEQUAL = 0.2            # difference of rater shares that is worth saying


@dataclass(frozen=True)
class Standing:
    """Systems under one rubric.

    value (k,): a mean score or strength each. influence (P, k): what each prompt adds to it; a column sums to 0, so that influence'
    influence P / (P - 1) is the values' covariance with prompts as the sample. prompt (P,): their names. df (k,): prompts of
    each less 1. counts: one row a system, n_items, n_raters, n_ratings. name: what the value is. paired: whether systems are held
    against each other on common prompts.
    """

    name: str
    systems: np.ndarray
    value: np.ndarray
    influence: np.ndarray
    prompt: np.ndarray
    df: np.ndarray
    counts: pd.DataFrame
    paired: bool
    note: str = ""

    @property
    def covariance(self) -> np.ndarray:
        """Covariance (k, k) of the values."""
        return covariance(self.influence)


def covariance(influence: np.ndarray) -> np.ndarray:
    """Covariance (k, k) of values whose influences are (P, k): P / (P - 1) times their sums of squares and products."""
    size = len(influence)
    return influence.T @ influence * (size / max(size - 1, 1))


def paired_means(cells: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """System means adjusted to the same prompts, (k,), and their influences (P, k).

    cells (P, k): mean score of a system on a prompt, nan where it has none; weight (P,) of the prompts. Least squares in the additive
    model prompt + system (with every cell filled: plain means), at the mean prompt. The influence of a prompt is its residuals times
    the inverse of the normal matrix, plus what it adds to the mean prompt.
    """
    seen = ~np.isnan(cells)
    x, n = np.where(seen, cells, 0.0), seen.sum(axis=1)
    normal = np.diag(weight @ seen) - (seen * (weight / n)[:, None]).T @ seen
    inverse = np.linalg.pinv(normal, hermitian=True)
    within = np.where(seen, x - (x.sum(axis=1) / n)[:, None], 0.0)
    effect = inverse @ (weight @ within)
    expected = seen @ effect / n
    residual = np.where(seen, within - effect + expected[:, None], 0.0)
    return at_mean_prompt(effect, (weight[:, None] * residual) @ inverse, x.sum(axis=1) / n - expected, seen / n[:, None], weight)


def at_mean_prompt(effect: np.ndarray, influence: np.ndarray, level: np.ndarray, shares: np.ndarray,
                   weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effects (k,) and influences (P, k) with the level of the mean prompt: `level` (P,) of each, in which systems had `shares` (P, k)."""
    part = weight / weight.sum()
    mean = part @ level
    return mean + effect, influence - (influence @ (part @ shares))[:, None] + (part * (level - mean))[:, None]


def own_means(cells: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (k,) of each system's own prompts and their influences (P, k); arguments as `paired_means`."""
    seen = ~np.isnan(cells)
    part = seen * weight[:, None] / (weight @ seen)
    value = (part * np.where(seen, cells, 0.0)).sum(axis=0)
    return value, part * np.where(seen, cells - value, 0.0)


def without_severity(score: np.ndarray, prompt: np.ndarray, system: np.ndarray,
                     rater: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """System means (k,) and influences (P, k) in the additive model prompt + system + rater; None where raters cannot be told apart.

    The system's columns, less what prompts and raters explain of them, carry all that scores say of systems (Frisch and Waugh 1933,
    doi:10.2307/1907330): k sparse least squares. All arguments (N,), codes from 0.
    """
    from scipy.sparse import csr_array, hstack
    from scipy.sparse.linalg import lsmr

    n, places = len(score), np.arange(len(score))
    one = [csr_array((np.ones(n), (places, code)), shape=(n, code.max() + 1)) for code in (prompt, rater, system)]
    rest = hstack(one[:2]).tocsr()
    own = one[2].toarray()
    for column in own.T:
        column -= rest @ lsmr(rest, column, atol=1e-10, btol=1e-10, maxiter=1000)[0]
    normal = own.T @ own
    if np.linalg.matrix_rank(normal, tol=1e-6 * max(np.trace(normal), 1e-12), hermitian=True) < own.shape[1] - 1:
        return None
    inverse = np.linalg.pinv(normal, rcond=1e-6, hermitian=True)
    effect = inverse @ (own.T @ score)
    left = score - effect[system]
    left -= rest @ lsmr(rest, left, atol=1e-10, btol=1e-10, maxiter=1000)[0]
    size = np.bincount(prompt)
    level = np.bincount(prompt, score - effect[system]) / size
    shares = (one[0].T @ one[2]).toarray() / size[:, None]
    return at_mean_prompt(effect, (one[0].T @ (own * left[:, None])) @ inverse, level, shares, np.ones(len(size)))


def linked(seen: np.ndarray) -> bool:
    """Whether common prompts, seen (P, k), lead from every system to every other."""
    from scipy.sparse.csgraph import connected_components

    together = seen.T.astype(float) @ seen
    return connected_components(together > 0, directed=False)[0] == 1


def scores_standing(rows: pd.DataFrame, *, severity: str = "kept", weight: pd.Series | None = None) -> Standing | str:
    """Systems by their mean scores, from ratings with system, score, prompt, item_id, rater_id; or why there is none.

    weight: of each prompt, by its name; 1 by default. A rating counts within its system's mean on the prompt.
    """
    if rows["score"].isna().all():
        return NO_ORDER
    rows = scored(rows, "item_id", "rater_id")
    system, systems = pd.factorize(rows["system"].astype(str), sort=True)
    prompt, prompts = pd.factorize(rows["prompt"])
    if len(systems) < 2 or len(prompts) < 2:
        return too_few(len(systems), len(prompts))
    score, shape = np.asarray(rows["score"], dtype=float), (len(prompts), len(systems))
    place, size = prompt * shape[1] + system, shape[0] * shape[1]
    n = np.bincount(place, minlength=size)
    cells = np.divide(np.bincount(place, score, size), n, out=np.full(size, np.nan), where=n > 0).reshape(shape)
    pull = np.ones(shape[0]) if weight is None else weight.reindex(prompts).to_numpy(dtype=float)
    seen = n.reshape(shape) > 0
    paired, rater = linked(seen), pd.factorize(rows["rater_id"])[0]
    value, influence = (paired_means if paired else own_means)(cells, pull)
    share, note = unequal_raters(rater, system), ""
    if severity == "removed":
        found = without_severity(score, prompt, system, rater)
        value, influence = found or (value, influence)
        note = "" if found else CONFOUNDED
    elif share > UNEQUAL:
        note = OTHER_RATERS.format(share=share)
    note = join_notes("" if paired or severity == "removed" and not note else NOT_LINKED, note)
    return Standing("mean_score", np.asarray(systems), value, influence, np.asarray(prompts), seen.sum(axis=0) - 1,
                    counted(rows, system), paired, note)


def scored(rows: pd.DataFrame, *further: str) -> dict[str, pd.api.extensions.ExtensionArray]:
    """Of the ratings with a system and a score these two, the prompt, and `further` columns."""
    kept = (rows["system"].notna() & rows["score"].notna()).to_numpy()
    return {c: rows[c].array[kept] for c in ("system", "score", "prompt", *further)}


def too_few(n_systems: int, n_prompts: int) -> str:
    """Why so many systems and prompts make no ranking."""
    if n_systems < 2:
        return "no system is named" if n_systems == 0 else "only one system was rated: there is nothing to rank"
    return "only one prompt (or item) was rated: how values vary from prompt to prompt cannot be told"


def unequal_raters(rater: np.ndarray, system: np.ndarray) -> float:
    """The largest share of a system's ratings that would have to change raters to be rated as all systems are; 0 where none."""
    raters, pair = rater.max() + 1, system * (rater.max() + 1) + rater
    codes, n = np.unique(pair, return_counts=True)
    own, pooled = np.bincount(system), np.bincount(rater) / len(rater)
    known = np.abs(n / own[codes // raters] - pooled[codes % raters]) - pooled[codes % raters]
    return float((1 + np.bincount(codes // raters, known)).max() / 2)


def counted(rows: pd.DataFrame | dict[str, object], system: np.ndarray) -> pd.DataFrame:
    """n_items, n_raters, n_ratings of each system, from their codes (N,), in their order."""
    found, n = {}, np.bincount(system)
    for name, column in (("n_items", "item_id"), ("n_raters", "rater_id")):
        own, ids = pd.factorize(rows[column])
        found[name] = np.bincount(np.unique(system * len(ids) + own) // len(ids), minlength=len(n))
    return pd.DataFrame(found | {"n_ratings": n})
