"""Items grouped by who stands where on them: the pattern of their raters' residuals, beside none, which chance alone would give most.

A rater's residual on an item is the score (see `camps_scores`) less what one thing judged by all lets expect, in units of that rater's own
noise, cleared of what goes with the item's level. A group is a mean residual for each rater; an item that lies nearest to no
pattern at all is in no group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.disagreement.camps_scores import Panel, working
from workbench.disagreement.camps_search import Fit, fitted, redrawn

CLEAR = 0.95     # load of a rater beyond which the noise is too little to divide by
STEPS = 6        # towards the loads
MOST = 4         # groups of a criterion
ENOUGH = 3       # ratings of an item, fewer show no pattern
DRAWS = 99       # of ratings without groups
BANDS = 5        # of the items' level, within which a rater's mean residual is taken out
ROUNDS, TURNS = 20, 3
RESAMPLES, KEPT = 5, 0.8
REPEAT = 0.05    # p at which the later half repeats a group
ALIKE = 0.5      # correlation of two centres that are the same group


@dataclass(frozen=True)
class Leaning:
    """group: (U,) of each item, -1 none. centre: (K, R) mean residuals. reach: (K, R) its standard errors. p: of any group at all.

    stability: (K,) mean overlap with the nearest group of resamples. again: (K,) whether the later half repeats it.
    """

    group: np.ndarray
    centre: np.ndarray
    reach: np.ndarray
    p: float
    stability: np.ndarray
    again: np.ndarray


def leanings(panel: Panel, late: np.ndarray, *, min_size: int, level: float, seed: int) -> Leaning:
    """The groups of a panel's items. late: (U,) items of the later half. level: p at which one group more is taken."""
    rng = np.random.default_rng(seed)
    score, coefficients = panel.scores(panel.observed)
    fit = one_thing(panel, score, coefficients)
    load = np.minimum(fit.load[0], CLEAR)
    x = residuals(panel, score[0], load)
    null = [residuals(panel, panel.scores(redrawn(panel, fit, rng, 1))[0][0], load) for _ in range(DRAWS)]
    centre, p, k = np.zeros((1, panel.n_raters)), np.nan, 0
    null_centres, saved, null_saved = [centre] * DRAWS, 0.0, np.zeros(DRAWS)
    while k < MOST:
        more, gain = one_more(panel, x, centre)
        null_more, null_gain = zip(*(one_more(panel, y, c) for y, c in zip(null, null_centres)))
        again = upper_share(max(gain - saved, 0), np.maximum(null_gain - null_saved, 0))
        p = again if k == 0 else p
        if again > level or np.bincount(placed(panel, x, more)[0] + 1, minlength=k + 2)[1:].min() < min_size:
            break
        centre, saved, null_centres, null_saved, k = more, gain, null_more, np.array(null_gain), k + 1
    group = placed(panel, x, centre)[0]
    return Leaning(group, (centre - centre[0])[1:], errors(panel, x, group, k), p, stability(panel, x, group, k, rng),
                   repeats(panel, x, null, centre, late))


def one_thing(panel: Panel, score: np.ndarray, coefficients: np.ndarray) -> Fit:
    """All raters judging one thing, each with a noise of their own."""
    sums, load = panel.products(score), np.full((1, panel.n_raters), 0.6)
    for _ in range(STEPS):
        rho, weight, _ = working(sums, coefficients, load)
        fit = fitted(rho, weight, np.zeros(load.shape, dtype=int), load, k=1)
        load = fit.load
    return fit


def upper_share(gain: float, gains: np.ndarray) -> float:
    """p of a gain among those of draws without groups: its cube root, nearly normal (Wilson and Hilferty 1931,
    doi:10.1073/pnas.17.12.684), as one more draw beside theirs."""
    from scipy.special import stdtr

    roots = np.cbrt(gains)
    spread = max(roots.std(ddof=1) * np.sqrt(1 + 1 / len(roots)), 1e-9)
    return float(stdtr(len(roots) - 1, (roots.mean() - np.cbrt(gain)) / spread))


def residuals(panel: Panel, score: np.ndarray, load: np.ndarray) -> np.ndarray:
    """(N,) residuals from one thing judged by all, loud items tempered; 0 on items with fewer than `ENOUGH` ratings."""
    item, n = panel.item, len(panel.block)
    size, lam = np.bincount(item, minlength=n), load[panel.rater]
    rest = 1 - lam**2
    thing = np.bincount(item, lam * score / rest, n) / (1 + np.bincount(item, lam**2 / rest, n))
    x = (score - lam * thing[item]) / np.sqrt(rest)
    band = np.searchsorted(np.quantile(thing, np.arange(1, BANDS) / BANDS), thing)[item]
    x = x - means(panel.rater * BANDS + band, x)
    x = x / np.sqrt(means(panel.rater, x**2) + 1e-12)
    square = np.bincount(item, x**2, n) / np.maximum(size, 1)
    return x / np.sqrt((square + square.mean() + 1e-12) / 2)[item] * (size >= ENOUGH)[item]


def means(code: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Each entry's mean over those of its code."""
    return (np.bincount(code, x) / np.maximum(np.bincount(code), 1))[code]


def one_more(panel: Panel, x: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, float]:
    """The centres with a further group, and the share of all squares that they save together.

    It starts from the groups there are and from the main direction of what they leave, either way.
    """
    start = main_direction(panel, x - pattern(panel, x, centre))
    tried = [settled(panel, x, np.vstack([centre, centre[0] + way * start])) for way in (1, -1)]
    gains = [placed(panel, x, c)[1].sum() for c in tried]
    return tried[int(np.argmax(gains))], max(gains) / max(x @ x, 1e-12)


def grown(panel: Panel, x: np.ndarray, k: int) -> np.ndarray:
    """Centres of k groups, below that of items as usual."""
    centre = np.zeros((1, panel.n_raters))
    for _ in range(k):
        centre = one_more(panel, x, centre)[0]
    return centre


def pattern(panel: Panel, x: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(N,) what the items' groups say of each rating."""
    return centre[placed(panel, x, centre)[0][panel.item] + 1, panel.rater] * (x != 0)


def main_direction(panel: Panel, x: np.ndarray) -> np.ndarray:
    """(R,) the first eigenvector of the raters' mean products, as long as its items are on average."""
    from scipy.sparse import csr_array

    shape = (len(panel.block), panel.n_raters)
    own, seen = (csr_array((y, (panel.item, panel.rater)), shape=shape) for y in (x, (x != 0).astype(float)))
    product = (own.T @ own).toarray() / np.maximum((seen.T @ seen).toarray(), 1)
    np.fill_diagonal(product, 0)
    values, vectors = np.linalg.eigh(product)
    return vectors[:, -1] * np.sqrt(max(values[-1], 1e-12))


def placed(panel: Panel, x: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each item's group, -1 where it lies nearest to the first of the centres, that of items as usual; and what squares that saves."""
    n = len(panel.block)
    saved = np.stack([np.bincount(panel.item, (2 * x - c[panel.rater]) * c[panel.rater] * (x != 0), n) for c in centre])
    best = saved.argmax(axis=0)
    return best - 1, saved[best, np.arange(n)]


def settled(panel: Panel, x: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Groups' centres moved to the means of their items until nothing more is saved; what is usual moves to its own only after that, else
    it would run off to a group."""
    for _ in range(TURNS):
        last = -np.inf
        for _ in range(ROUNDS):
            group, gain = placed(panel, x, centre)
            if gain.sum() <= last * (1 + 1e-4):
                break
            last, moved = gain.sum(), centres(panel, x, group + 1, len(centre))
            centre = np.vstack([centre[:1], moved[1:]])
        centre = np.vstack([moved[:1], centre[1:]])
    return centre


def centres(panel: Panel, x: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """(K, R) mean residuals of each group's items."""
    code, used = group[panel.item] * panel.n_raters + panel.rater, x != 0
    total, size = (np.bincount(code[used], y, k * panel.n_raters) for y in (x[used], np.ones(used.sum())))
    return (total / np.maximum(size, 1)).reshape(k, panel.n_raters)


def errors(panel: Panel, x: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """(K, R) standard errors of the centres; infinite below two ratings."""
    used = (group[panel.item] >= 0) & (x != 0)
    code = (group[panel.item] * panel.n_raters + panel.rater)[used]
    size = np.bincount(code, minlength=k * panel.n_raters)
    square = np.bincount(code, (x[used] - means(code, x[used])) ** 2, len(size))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 1, np.sqrt(square / (size - 1) / size), np.inf).reshape(k, panel.n_raters)


def stability(panel: Panel, x: np.ndarray, group: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """(K,) mean overlap (Jaccard) of each group with its nearest when four fifths of the blocks are grouped anew (Hennig 2007)."""
    overlaps = np.zeros((RESAMPLES, k))
    for draw in range(RESAMPLES if k else 0):
        kept = (rng.permutation(int(panel.block.max()) + 1) < KEPT * (panel.block.max() + 1))[panel.block]
        y = x * kept[panel.item]
        anew = placed(panel, y, grown(panel, y, k))[0]
        both = np.array([[((group == a) & (anew == b) & kept).sum() for b in range(k)] for a in range(k)])
        sizes = [np.bincount(g[kept & (g >= 0)], minlength=k) for g in (group, anew)]
        overlaps[draw] = (both / np.maximum(sizes[0][:, None] + sizes[1] - both, 1)).max(axis=1)
    return overlaps.mean(axis=0)


def repeats(panel: Panel, x: np.ndarray, null: list[np.ndarray], centre: np.ndarray, late: np.ndarray) -> np.ndarray:
    """(K,) whether the likest group found among the earlier items alone saves more on the later ones than it does without groups."""
    k = len(centre) - 1
    if not k:
        return np.zeros(0, bool)
    early = grown(panel, x * ~late[panel.item], k)

    def saved(y: np.ndarray) -> np.ndarray:
        y = y * late[panel.item]
        group, gain = placed(panel, y, early)
        return np.bincount(group[group >= 0], gain[group >= 0], k) / max(y @ y, 1e-12)

    unit = [c / np.maximum(np.sqrt((c**2).sum(axis=1, keepdims=True)), 1e-12) for c in (centre[1:] - centre[0], early[1:] - early[0])]
    like = unit[0] @ unit[1].T
    seen, drawn = saved(x), np.array([saved(y) for y in null])
    p = np.array([upper_share(seen[j], drawn[:, j]) for j in range(k)])
    return (p[like.argmax(axis=1)] <= REPEAT) & (like.max(axis=1) >= ALIKE)
