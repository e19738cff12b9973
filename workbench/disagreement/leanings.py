"""Items grouped by who stands where on them: the pattern of their raters' residuals, beside none, which chance alone would give most.

A rater's residual on an item is the score (see `camps_scores`) less what one thing judged by all lets expect, in units of that rater's own
noise, cleared of what goes with the item's level. A group is a mean residual for each rater; an item that lies nearest to no
pattern at all is in no group.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from workbench.disagreement.camps_scores import Panel, working
from workbench.disagreement.camps_search import Fit, fitted, redrawn

CLEAR = 0.95     # load of a rater beyond which the noise is too little to divide by
STEPS = 6        # towards the loads
MOST = 4         # groups of a criterion
ENOUGH = 3       # ratings of an item, fewer show no pattern
LOOKS = {10: 100, 20: 30, 33: 30, 99: 30}   # draws without groups when p is looked at: times the level above which that is enough
SURE = 33        # draws below which p is not taken to be far below the level
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
    x, null, k, first = residuals(panel, score[0], load), [], 0, np.nan
    own, drawn = Path(panel, x), []
    while k < MOST:
        for n, far in LOOKS.items():
            null += [residuals(panel, panel.scores(redrawn(panel, fit, rng, 1))[0][0], load) for _ in range(n - len(null))]
            drawn += [Path(panel, y) for y in null[len(drawn):]]
            p = upper_share(own.gain(k + 1), np.array([path.gain(k + 1) for path in drawn[:n]]))
            if p > far * level or (p < level / 20 and n >= SURE):   # no more are drawn once it is far from the level
                break
        first = p if k == 0 else first
        if p > level or np.bincount(own.own.placed(own.centres[k + 1])[0] + 1, minlength=k + 2)[1:].min() < min_size:
            break
        k += 1
    centre = own.centres[k]
    group = own.own.placed(centre)[0]
    return Leaning(group, (centre - centre[0])[1:], errors(panel, x, group, k), first, stability(panel, x, group, k, seed),
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


class Path:
    """Groups found one after the other among residuals (N,), each when it is first asked for; `centres`: those of 0, 1, ... groups.

    Each starts from the groups there are and from the main direction of what they leave, either way.
    """

    def __init__(self, panel: Panel, x: np.ndarray) -> None:
        self.own, self.whole = Residuals(panel, x), max(x @ x, 1e-12)
        self.centres, self.saved = [np.zeros((1, panel.n_raters))], [0.0]

    def to(self, k: int) -> np.ndarray:
        """The centres of k groups, below that of items as usual."""
        while len(self.centres) <= k:
            start, last = main_direction(self.own.panel, self.own.left_by(self.centres[-1])), self.centres[-1]
            tried = [settled(self.own, np.vstack([last, last[0] + way * start])) for way in (1, -1)]
            gains = [self.own.placed(centre)[1].sum() for centre in tried]
            self.centres.append(tried[int(np.argmax(gains))])
            self.saved.append(max(gains) / self.whole)
        return self.centres[k]

    def gain(self, k: int) -> float:
        """The share of all squares that the k-th group saves."""
        self.to(k)
        return max(self.saved[k] - self.saved[k - 1], 0.0)


class Residuals:
    """Residuals (N,) of a panel, in the order of their raters; those that are 0 count as none: they lie on an item beyond the last,
    and are by a rater beyond the last."""

    def __init__(self, panel: Panel, x: np.ndarray) -> None:
        from scipy.sparse import csr_array

        self.panel, self.n_items, self.sizes = panel, len(panel.block), np.bincount(panel.rater)
        self.x, self.item = x[panel.by_rater], np.where(x != 0, panel.item, self.n_items)[panel.by_rater]
        self.start, self._among = np.cumsum(self.sizes) - self.sizes, np.zeros(self.n_items + 1)
        own, who = x[panel.by_item], panel.rater[panel.by_item]
        each = (np.stack([2 * own, -1.0 * (own != 0)], axis=1), np.stack([who, who + len(self.sizes)], axis=1))
        ends = 2 * np.cumsum(np.append(0, np.bincount(panel.item, minlength=self.n_items)))
        self._squares = csr_array((each[0].ravel(), each[1].ravel(), ends), shape=(self.n_items, 2 * len(self.sizes)))

    def saved(self, centre: np.ndarray) -> np.ndarray:
        """(U,) what squares of each item a centre (R,) saves: 2 x c - c^2 of each residual x."""
        return self._squares @ np.concatenate([centre, centre**2])

    def placed(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each item's group, -1 where it lies nearest to the first of the centres, that of items as usual; and what squares that saves."""
        group, best = np.full(self.n_items, -1), self.saved(centre[0])
        for k, own in enumerate(centre[1:]):
            saved = self.saved(own)
            np.copyto(group, k, where=saved > best)
            best = np.maximum(best, saved)
        return group, best

    def mean(self, inside: np.ndarray) -> np.ndarray:
        """(R,) each rater's mean on the items that are true in `inside` (U,); 0 without any."""
        self._among[:-1] = inside
        among = self._among.take(self.item)
        return np.add.reduceat(self.x * among, self.start) / np.maximum(np.add.reduceat(among, self.start), 1)

    def left_by(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the items' groups leave of the residuals, and 1 where there are any; (N,) each, in the panel's order."""
        seen, rest = (self.item < self.n_items).astype(float), np.empty(len(self.x))
        said = centre[np.append(self.placed(centre)[0] + 1, 0)[self.item], np.repeat(np.arange(len(self.sizes)), self.sizes)]
        rest[self.panel.by_rater], seen[self.panel.by_rater] = (self.x - said) * seen, seen.copy()
        return rest, seen


def main_direction(panel: Panel, left: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(R,) the first eigenvector of the raters' mean products, as long as its items are on average."""
    product, n = (panel.crossed(x) for x in left)
    product /= np.maximum(n, 1)
    np.fill_diagonal(product, 0)
    values, vectors = np.linalg.eigh(product)
    return vectors[:, -1] * np.sqrt(max(values[-1], 1e-12))


def settled(own: Residuals, centre: np.ndarray) -> np.ndarray:
    """Groups' centres moved to the means of their items until nothing more is saved; what is usual moves to its own only after that, else
    it would run off to a group."""
    centre = centre.copy()
    for _ in range(TURNS):
        last, usual = -np.inf, own.saved(centre[0])
        for _ in range(ROUNDS):
            saved = [own.saved(one) for one in centre[1:]]
            best = reduce(np.maximum, saved, usual)
            if (total := best.sum()) <= last * (1 + 1e-4):
                break
            last, kept = total, [(one > usual) & (one == best) for one in saved]
            centre[1:] = [own.mean(inside) for inside in kept]
        centre[0] = own.mean(~np.logical_or.reduce(kept))
    return centre


def errors(panel: Panel, x: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """(K, R) standard errors of the centres; infinite below two ratings."""
    used = (group[panel.item] >= 0) & (x != 0)
    code = (group[panel.item] * panel.n_raters + panel.rater)[used]
    size = np.bincount(code, minlength=k * panel.n_raters)
    square = np.bincount(code, (x[used] - means(code, x[used])) ** 2, len(size))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > 1, np.sqrt(square / (size - 1) / size), np.inf).reshape(k, panel.n_raters)


def stability(panel: Panel, x: np.ndarray, group: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(K,) mean overlap (Jaccard) of each group with its nearest when four fifths of the blocks are grouped anew (Hennig 2007)."""
    rng, overlaps = np.random.default_rng([seed, 1]), np.zeros((RESAMPLES, k))   # not moved by how many draws p took
    for draw in range(RESAMPLES if k else 0):
        kept = (rng.permutation(int(panel.block.max()) + 1) < KEPT * (panel.block.max() + 1))[panel.block]
        y = x * kept[panel.item]
        path = Path(panel, y)
        anew = path.own.placed(path.to(k))[0]
        both = np.array([[((group == a) & (anew == b) & kept).sum() for b in range(k)] for a in range(k)])
        sizes = [np.bincount(g[kept & (g >= 0)], minlength=k) for g in (group, anew)]
        overlaps[draw] = (both / np.maximum(sizes[0][:, None] + sizes[1] - both, 1)).max(axis=1)
    return overlaps.mean(axis=0)


def repeats(panel: Panel, x: np.ndarray, null: list[np.ndarray], centre: np.ndarray, late: np.ndarray) -> np.ndarray:
    """(K,) whether the likest group found among the earlier items alone saves more on the later ones than it does without groups."""
    k = len(centre) - 1
    if not k:
        return np.zeros(0, bool)
    early = Path(panel, x * ~late[panel.item]).to(k)

    def saved(y: np.ndarray) -> np.ndarray:
        y = y * late[panel.item]
        group, gain = Residuals(panel, y).placed(early)
        return np.bincount(group[group >= 0], gain[group >= 0], k) / max(y @ y, 1e-12)

    unit = [c / np.maximum(np.sqrt((c**2).sum(axis=1, keepdims=True)), 1e-12) for c in (centre[1:] - centre[0], early[1:] - early[0])]
    like = unit[0] @ unit[1].T
    seen, drawn = saved(x), np.array([saved(y) for y in null])
    p = np.array([upper_share(seen[j], drawn[:, j]) for j in range(k)])
    return (p[like.argmax(axis=1)] <= REPEAT) & (like.max(axis=1) >= ALIKE)
