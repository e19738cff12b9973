"""Old scores on the new version's scale, and back: a linking that reads the same in both directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import share_of, whole_number
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.pairing import NO_SECOND, Bridge, bridges, chosen_pair

if TYPE_CHECKING:
    from workbench.ratings import Ratings

METHODS = ("mean_sigma", "equipercentile")
COLUMNS = ["criterion", "direction", "score"]
MOST_SCORES = 25         # of a scale without levels, so many of the scores that occur are linked
NO_ORDER = "its levels have no order: names cannot be carried to another scale"
ONE_SCORE = "all ratings of one version have the same score: nothing says how wide its scale is"
RARE = "no rating of the bridge set has this score: the line is drawn between its neighbours"

# A link: score points, shares (..., q) of them under one version, the same of the other, and what (m,) to carry over; (..., m).
Link = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def linking(ratings: Ratings, *, versions: Sequence[str] | None = None, confidence: float = 0.95, draws: int = 1000,
            seed: int = 0) -> pd.DataFrame:
    """What is an old score worth on the new version's scale?

    For each criterion, on the bridge set (the same raters and items under both versions), each old score's place on the new scale
    (`direction` "to new"), and each new score's on the old one ("to old"), by `mean_sigma`: as many standard deviations from the mean; and
    by `equipercentile`: the same percentile rank, where a score stands for all between halfway to the next lower and the next higher.
    Both are symmetric: to new and back is where one began. A regression is not: it draws every score to the mean.

    versions: old and new, by the names in `versions`. confidence: of the percentile intervals over `draws` resamples of items (prompts,
    where known), with `seed`. Of a scale without levels up to 25 of the scores that occur are linked; read others off the line between.
    A linking holds for averages and trends, not for a single rating; where few ratings lie, at the ends, it is loose, as `se` says.
    Undefined (nan, the reason in `note`): no bridge set; names without order; one score only. Errors: `ParameterError` for unknown options.

    Source: Kolen and Brennan (2014), doi:10.1007/978-1-4939-0317-7, ch. 2 (both methods), ch. 7 (bootstrap errors; single group).

    >>> import pandas as pd, workbench as wb
    >>> rows = [(f"i{i}", "ann", v, 1 + i % 3 + (v == "2")) for i in range(12) for v in ("1", "2")]
    >>> table = linking(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "rubric_version", "score"])))
    >>> table[(table["name"] == "equipercentile") & (table["direction"] == "to new")][["score", "value"]].values.tolist()[:3]
    [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    """
    share_of("confidence", confidence)
    whole_number("draws", draws, 2, "is too few. Use at least 2 draws; 1000 settle an end of an interval.")
    pair = chosen_pair(ratings, versions)
    if pair is None:
        rows = [{"criterion": "", "direction": "", "score": math.nan} | estimate(name, math.nan, note=NO_SECOND) for name in METHODS]
    else:
        rows = [row for found in bridges(ratings, pair) for row in linked_rows(found, confidence, draws, seed)]
    return estimates_table(rows, by=COLUMNS).reindex(columns=["name", *COLUMNS, *MEASURES])


def linked_rows(found: Bridge, confidence: float, draws: int, seed: int) -> list[dict[str, object]]:
    """The rows of one criterion, both methods in both directions."""
    counts = {"n_items": found.both["item_id"].nunique(), "n_raters": found.both["rater_id"].nunique(), "n_ratings": 2 * len(found.both)}
    reason = found.reason or (NO_ORDER if any(scale.name == "nominal" and len(scale.levels) > 2 for scale in found.scales) else "")
    scores = [found.both[f"score_{side}"].to_numpy(dtype=float) for side in ("old", "new")]
    if not reason and min(np.ptp(side) for side in scores) == 0:
        reason = ONE_SCORE
    if reason:
        return [{"criterion": found.criterion, "direction": "to new", "score": math.nan} | estimate(name, math.nan, note=reason, **counts)
                for name in METHODS]
    points = [np.array(scale.values, dtype=float) if scale.levels else np.unique(side) for scale, side in zip(found.scales, scores)]
    block = found.both["block"].to_numpy()
    tables = [by_block(side, point, block) for side, point in zip(scores, points)]
    weights = np.concatenate([np.ones((1, len(tables[0]))), *resample.resamples(np.ones(len(tables[0])), draws=draws, seed=seed)])
    shares = [weights @ table / (weights @ table.sum(axis=1))[:, None] for table in tables]
    rows = []
    for name, link in zip(METHODS, (mean_sigma, equipercentile)):
        for direction, (a, b) in (("to new", (0, 1)), ("to old", (1, 0))):
            asked = chosen(points[a])
            made = link(points[a], shares[a], points[b], shares[b], asked)
            base = {"criterion": found.criterion, "direction": direction}
            rare = [RARE if name == METHODS[1] and not shares[a][0][points[a] == score].any() else "" for score in asked]
            rows += [base | {"score": float(score)} | linked_row(name, column, confidence, note) | counts
                     for score, column, note in zip(asked, made.T, rare)]
    return rows


def linked_row(name: str, made: np.ndarray, confidence: float, note: str) -> dict[str, object]:
    """One linked score from its value and its draws, (1 + draws,)."""
    known = made[1:][np.isfinite(made[1:])]
    if len(known) < 2:
        return estimate(name, made[0], note=join_notes(note, "the items are too few to be drawn from: no interval"))
    low, high = resample.percentile_interval(known, confidence)
    return estimate(name, made[0], low=low, high=high, se=known.std(ddof=1), confidence=confidence, method="bootstrap", note=note)


def by_block(score: np.ndarray, points: np.ndarray, block: np.ndarray) -> np.ndarray:
    """How often each score point (q,) occurs in each block, (blocks, q)."""
    _, place = np.unique(block, return_inverse=True)
    at = np.searchsorted(points, score)
    return np.bincount(place * len(points) + at, minlength=(place.max() + 1) * len(points)).reshape(-1, len(points)).astype(float)


def chosen(points: np.ndarray) -> np.ndarray:
    """The scores to link: all, or so many of them from the lowest to the highest."""
    return points if len(points) <= MOST_SCORES else points[np.linspace(0, len(points) - 1, MOST_SCORES).round().astype(int)]


def mean_sigma(x: np.ndarray, f: np.ndarray, y: np.ndarray, g: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """mu_Y + sigma_Y / sigma_X (asked - mu_X), from score points x, y (q,) and their shares f, g (..., q); nan where sigma_X is 0."""
    (mu_x, sigma_x), (mu_y, sigma_y) = ((mean, np.sqrt((share * (point - mean) ** 2).sum(axis=-1, keepdims=True)))
                                        for point, share, mean in ((x, f, (f @ x)[..., None]), (y, g, (g @ y)[..., None])))
    return np.where(sigma_x > 0, mu_y + sigma_y / np.where(sigma_x > 0, sigma_x, 1.0) * (asked - mu_x), math.nan)


def equipercentile(x: np.ndarray, f: np.ndarray, y: np.ndarray, g: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The score with the same percentile rank, each point's share spread evenly over its stretch (uniform kernel); arguments as
    `mean_sigma`. Where nobody scored the link could be anywhere in a gap and takes its middle."""
    edge, total = edges(x), cumulated(f)
    at = np.clip(np.searchsorted(edge, asked, side="right") - 1, 0, len(x) - 1)
    part = np.clip((asked - edge[at]) / (edge[at + 1] - edge[at]), 0, 1)
    rank = total[..., at] + part * (total[..., at + 1] - total[..., at])
    low, high = (inverse(rank, edges(y), cumulated(g), side) for side in ("left", "right"))
    return (low + high) / 2


def cumulated(share: np.ndarray) -> np.ndarray:
    """Shares (..., q) below each edge (..., q + 1), from 0 to 1 exactly."""
    q = share.shape[-1]
    last = q - 1 - np.argmax(share[..., ::-1] != 0, axis=-1)
    total = np.concatenate([np.zeros((*share.shape[:-1], 1)), np.cumsum(share, axis=-1)], axis=-1)
    return np.where(np.arange(q + 1) > last[..., None], 1.0, total)


def edges(points: np.ndarray) -> np.ndarray:
    """Where the stretches of score points (q,) part, (q + 1,): halfway between neighbours, as far out at both ends."""
    middle = (points[1:] + points[:-1]) / 2
    return np.concatenate([[2 * points[0] - middle[0]], middle, [2 * points[-1] - middle[-1]]])


def inverse(rank: np.ndarray, edge: np.ndarray, total: np.ndarray, side: str) -> np.ndarray:
    """The lowest ("left") or highest ("right") score with each share `rank` (..., m) below it, `total` (..., q + 1) being below each
    edge (q + 1,)."""
    near = np.abs(rank[..., None] - total[..., None, :]) < 1e-12           # sums of the same shares in another order
    rank = np.where(near.any(axis=-1), np.take_along_axis(total, near.argmax(axis=-1), axis=-1), rank)
    below = total[..., None, :] < rank[..., None] if side == "left" else total[..., None, :] <= rank[..., None]
    at = np.clip(below.sum(axis=-1), 1, len(edge) - 1)
    lower, upper = (np.take_along_axis(total, place, axis=-1) for place in (at - 1, at))
    part = np.divide(rank - lower, upper - lower, out=np.full(rank.shape, 0.0 if side == "right" else 1.0), where=upper > lower)
    return edge[at - 1] + np.clip(part, 0, 1) * (edge[at] - edge[at - 1])
