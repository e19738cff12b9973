"""Into how many camps raters fall, and who belongs to which.

Without camps all raters judge one thing, each with a noise of their own: opinions of i and j correlate by l_i l_j. With camps each judges
the thing of a camp: l_i l_j f, with f the correlation of the two camps' things, 1 within a camp. The gain in weighted least
squares of the best camps over none is held against its gain on ratings drawn from the model without (more) camps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from workbench.disagreement.camps_scores import Panel, cleared, working

MOST = 4           # camps looked for
SMALLEST = 2       # raters in a camp
ROUNDS = 10
NEARLY = 0.75      # of the raters that another number of camps places
REPEAT = 0.05      # p at which camps of one half are seen again in the other
LOT = 40           # draws between two looks at p
STEPS = tuple(k / 20 for k in range(19))   # correlations of two camps' things that "none" may exclude
MET = 100          # items that the median two raters share, from which a correlation of their opinions is known to about .1
PLAIN, SURELY = 0.6, 0.8   # with fewer, "none" is said where camps this far apart, one of a quarter of the raters, would be seen as often
NEAR = 0.8         # correlation of two camps' things above which they are one, however sure it is that they are not quite
SURE = 0.92       # share of resamples in which a rater must fall in the same camp


@dataclass(frozen=True)
class Fit:
    """Camps (B, R), loadings l (B, R), correlations f (B, K, K) and cost (B,) of B fits."""

    camp: np.ndarray
    load: np.ndarray
    between: np.ndarray
    cost: np.ndarray

    @property
    def model(self) -> np.ndarray:
        """(B, R, R) correlations of opinions."""
        held = np.eye(self.between.shape[1])[self.camp] * self.load[:, :, None]
        return held @ self.between @ held.swapaxes(1, 2)

    @property
    def across(self) -> np.ndarray:
        """(B,) how the things of the two nearest camps correlate; 1 without camps."""
        k = self.between.shape[1]
        return np.where(np.eye(k) > 0, -1.0, self.between).max(axis=(1, 2)) if k > 1 else np.ones(len(self.camp))


@dataclass(frozen=True)
class Answer:
    """camp (R,): 0 = none or cannot tell; support (R,); n_camps: 0 is none, nan is cannot tell; p of the first parting; fit of the camps
    that were looked at; note; reach: the interval of `fit.across`; detectable: as `factions` returns it."""

    camp: np.ndarray
    support: np.ndarray
    n_camps: float
    p: float
    fit: Fit
    note: str = ""
    reach: tuple[float, float] = (np.nan, np.nan)
    detectable: float = np.nan


def fitted(rho: np.ndarray, weight: np.ndarray, camp: np.ndarray, load: np.ndarray, *, k: int, moving: bool = True) -> Fit:
    """Alternating least squares from given camps (B, R) and loadings: loadings, correlations between camps, and, if `moving`, camps.

    A round costs two products of (R, R) with (R, k): correlations and weights summed over each camp's members.
    """
    eye, product, best = np.eye(k), weight * rho, None
    whole = np.einsum("brs,brs->b", product, rho)
    for turn in range(ROUNDS):
        held = eye[camp] * load[:, :, None]
        sums, sizes = product @ held, weight @ held**2
        top, size = held.swapaxes(1, 2) @ sums, (held**2).swapaxes(1, 2) @ sizes
        between = np.where(eye > 0, 1.0, np.clip(top / np.maximum(size, 1e-12), -1, 1))
        cost = (whole - 2 * (top * between).sum(axis=(1, 2)) + (size * between**2).sum(axis=(1, 2))) / 2
        if k > 1:
            cost = np.where(eye[camp].sum(axis=1).min(axis=1) < SMALLEST, np.inf, cost)
        fit = Fit(camp, load, between, cost)
        best = fit if best is None else _better(best, fit)
        aim, need = np.maximum(sums @ between, 0), np.maximum(sizes @ between**2, 1e-12)
        if moving and k > 1:   # every other rater in turn: moved all at once, two may chase each other
            turns = (np.arange(camp.shape[1]) + turn) % 2 == 0
            camp = np.where(turns, (aim**2 / need).argmax(axis=2), camp)
        chosen = np.take_along_axis(aim / need, camp[:, :, None], axis=2)[:, :, 0]
        load = np.clip((load + chosen) / 2, 0, 0.97)
    return best


def _better(old: Fit, new: Fit) -> Fit:
    """Of two fits each, the cheaper."""
    gain = new.cost < old.cost
    return Fit(*(np.where(gain.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in
                 ((old.camp, new.camp), (old.load, new.load), (old.between, new.between), (old.cost, new.cost))))


def common(sums: tuple[np.ndarray, ...], coefficients: np.ndarray, *, steps: int = 4) -> tuple[np.ndarray, np.ndarray, Fit]:
    """Working correlations, weights and the fit of one thing for all."""
    load = np.full(coefficients.shape[:2], 0.6)
    for _ in range(steps):
        rho, weight, other = working(sums, coefficients, load)
        rho = cleared(rho, weight, load[:, :, None] * load[:, None, :], other)
        fit = fitted(rho, weight, np.zeros(load.shape, dtype=int), load, k=1)
        load = fit.load
    return rho, weight, fit


def split(rho: np.ndarray, weight: np.ndarray, fit: Fit) -> Fit:
    """The best fit with one camp more: each camp parted along what it leaves unexplained, by sign and by the far end, then refined."""
    batch, raters = fit.camp.shape
    k = fit.between.shape[1]
    rest, best = np.sqrt(weight) * (rho - fit.model), None
    for old in range(k):
        inside = fit.camp == old
        vectors = np.linalg.eigh(rest * (inside[:, :, None] & inside[:, None, :]))[1][:, :, [-1, -2]]
        first, second = vectors[:, :, 0], vectors[:, :, 1]
        for away in (first > 0, second > 0, first > 0.5 * first.max(axis=1, keepdims=True),
                     first < 0.5 * first.min(axis=1, keepdims=True)):
            tried = fitted(rho, weight, np.where(inside & away, k, fit.camp), fit.load, k=k + 1)
            best = tried if best is None else _better(best, tried)
    return best


def grown(sums: tuple[np.ndarray, ...], coefficients: np.ndarray, *, k: int) -> list[Fit]:
    """Fits of 1, 2, ... k camps."""
    rho, weight, fit = common(sums, coefficients)
    fits = [fit]
    while len(fits) < k:
        fits.append(split(rho, weight, fits[-1]))
    return fits


def gain_of(fits: list[Fit]) -> np.ndarray:
    """(B,) what the last camp saves of the cost; 0 where none could be parted off."""
    gain = fits[-2].cost - fits[-1].cost
    return np.where(np.isfinite(gain) & (gain > 1e-9), gain, 0.0)


def redrawn(panel: Panel, fit: Fit, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Level codes (draws, N) of ratings from a fit: its things, each rater's noise and cuts, who rated what as it was."""
    values, vectors = np.linalg.eigh(fit.between[0])
    root = vectors * np.sqrt(np.maximum(values, 0))
    root /= np.sqrt((root**2).sum(axis=1, keepdims=True))
    thing_share, noise_share = panel.shared_in_blocks
    things, noise = rng.standard_normal((draws, len(panel.block), len(root))), rng.standard_normal((draws, len(panel.item)))
    if thing_share or noise_share:
        own = panel.of_block
        of_block, of_own = (rng.standard_normal((draws, code.max() + 1, *more))
                            for code, more in ((panel.block, root.shape[:1]), (own, ())))
        things = np.sqrt(1 - thing_share) * things + (np.sqrt(thing_share) * of_block).take(panel.block, axis=1)
        noise *= np.sqrt(1 - noise_share)
        noise += (np.sqrt(noise_share) * of_own).take(own, axis=1)
    load, camp = fit.load[0][panel.rater], fit.camp[0][panel.rater]
    noise *= np.sqrt(1 - load**2)
    noise += load * (things @ root.T).reshape(draws, -1).take(panel.item * len(root) + camp, axis=1)
    return panel.cut(noise)


def borne_out(panel: Panel, fits: list[Fit], rng: np.random.Generator, *, draws: int, level: float) -> tuple[float, np.ndarray]:
    """p of the last camp (`chance`), and the gains drawn without it. No more are drawn once p is far from `level`."""
    gain, gains, p = gain_of(fits)[0], np.zeros(0), 1.0
    for n in panel.chunks(draws):
        for lot in [min(LOT, n - at) for at in range(0, n, LOT)]:
            gains = np.append(gains, gain_of(grown(*panel.moments(redrawn(panel, fits[-2], rng, lot)), k=len(fits))))
            if len(gains) < min(LOT, draws):
                continue
            p = float(chance(gain, gains))
            if not level / 20 < p < 10 * level:
                return p, gains
    return p, gains


def chance(gain: np.ndarray | float, null: np.ndarray) -> np.ndarray:
    """p of gains beside those drawn without a camp: their cube roots, nearly normal (Wilson and Hilferty 1931,
    doi:10.1073/pnas.17.12.684), each as one more draw."""
    from scipy.special import stdtr

    roots = np.cbrt(null)
    spread = max(roots.std(ddof=1) * np.sqrt(1 + 1 / len(roots)), 1e-9)
    return stdtr(len(roots) - 1, (roots.mean() - np.cbrt(gain)) / spread)


def parted(panel: Panel, rng: np.random.Generator, *, draws: int, level: float) -> tuple[list[Fit], float, np.ndarray]:
    """Fits of 1, 2, ... camps up to the last that a test bears out; p of the first test with the gains drawn for it."""
    (sums, coefficients), first = panel.moments(panel.observed), (np.nan, np.zeros(0))
    fits = grown(sums, coefficients, k=1)
    while len(fits) < min(MOST, panel.n_raters // SMALLEST):
        more = grown(sums, coefficients, k=len(fits) + 1)
        p, gains = borne_out(panel, more, rng, draws=draws, level=level)
        first = (p, gains) if len(fits) == 1 else first
        if p > level:
            break
        fits = more
    return fits, *first


def camps_of(panel: Panel, *, seed: int = 0, draws: int = 200, level: float = 0.01) -> Answer:
    """How many camps, and whose: of the numbers that tests bear out, the highest by which nearly as many raters can be placed as by any."""
    rng = np.random.default_rng(seed)
    fits, p, null = parted(panel, rng, draws=draws, level=level)
    apart = [fit for fit in fits[1:] if fit.across[0] <= NEAR]
    if not apart:
        nobody, unknown = np.zeros(panel.n_raters, dtype=int), np.full(panel.n_raters, np.nan)
        if len(fits) > 1:
            return Answer(nobody, unknown, 0.0, p, fits[1], f"no camps: what the best two judge correlates by {fits[1].across[0]:.2f}")
        least = detectable(panel, fits[0], null, level, rng)
        told = least == least and plain(panel, fits[0], null, level, rng)
        return Answer(nobody, unknown, 0.0 if told else np.nan, p, fits[0], detectable=least)
    tried = [(*supported(panel, fit, rng), fit) for fit in apart]
    count = np.array([(camp > 0).sum() for camp, *_ in tried])
    camp, support, reach, fit = tried[np.flatnonzero(count >= NEARLY * count.max())[-1 if count.any() else 0]]
    if not camp.any():
        return Answer(camp, support, np.nan, p, fit, "cannot tell: these raters judge more than one thing, but no camps hold in resamples")
    return Answer(camp, support, float(fit.between.shape[1]), p, fit, reach=reach)


def repeated(panel: Panel, late: np.ndarray, *, level: float, seed: int, draws: int = 99) -> bool:
    """Whether the camps found on the items that are not `late` (U,) part those that are, among the raters of both."""
    rng, here = np.random.default_rng(seed), panel.narrowed(~late)
    fits, _, _ = parted(here[0], rng, draws=draws, level=level) if here[0].n_raters >= 2 * SMALLEST else ([0], 0, 0)
    if len(fits) == 1:
        return False
    camp = np.full(panel.n_raters, -1)
    camp[here[1]] = fits[-1].camp[0]
    there, who = panel.narrowed(late, keep=camp >= 0)
    k, kept = len(fits), camp[who]
    if there.n_raters < 2 * SMALLEST or (np.bincount(kept, minlength=k) < SMALLEST).any():
        return False

    def gain(group: np.ndarray) -> tuple[np.ndarray, Fit]:
        rho, weight, fit = common(*there.moments(group))
        return gain_of([fit, fitted(rho, weight, np.broadcast_to(kept, fit.camp.shape), fit.load, k=k, moving=False)]), fit

    seen, fit = gain(there.observed)
    drawn = np.concatenate([gain(redrawn(there, fit, rng, n))[0] for n in there.chunks(draws)])
    return bool((1 + (drawn >= seen[0]).sum()) / (1 + draws) <= REPEAT)


def supported(panel: Panel, fit: Fit, rng: np.random.Generator, *,
              draws: int = 100) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Camps 1, 2, ... by size, 0 where fewer than `SURE` of resamples of blocks agree; that share; and where 95 % of the resamples'
    correlations of camps lie."""
    k, found, across = fit.between.shape[1], fit.camp[0], []
    order = np.argsort(np.argsort(-np.bincount(found, minlength=k), kind="stable"))
    found, agree, n_blocks = order[found], np.zeros(panel.n_raters), int(panel.block.max()) + 1
    for n in panel.chunks(draws):
        weight = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n)[:, panel.block].astype(float)
        sums, coefficients = panel.moments(panel.observed, weight)
        again = grown(sums, np.broadcast_to(coefficients, (n, *coefficients.shape[1:])), k=k)[-1]
        camps, across = again.camp, np.append(across, again.across)
        named = np.array(list(permutations(range(k))))
        alike = (named[:, camps] == found)   # (names, draws, R)
        best = alike.sum(axis=2).argmax(axis=0)
        agree += alike[best, np.arange(n)].sum(axis=0)
    support = agree / draws
    camp = np.where(support >= SURE, found + 1, 0)
    told = np.bincount(camp, minlength=k + 1)[1:].min() >= SMALLEST
    return camp * told, support, tuple(np.quantile(across, [0.025, 0.975]))


def detectable(panel: Panel, fit: Fit, null: np.ndarray, level: float, rng: np.random.Generator) -> float:
    """The highest correlation of two equal camps' things at which they would more often than not have been seen; nan if none of `STEPS`.

    Sought from where the gain to be expected says so, downward to where draws of such camps bear it out.
    """
    _, weight, _ = working(*panel.moments(panel.observed), fit.load)
    planted = halved(fit, np.array(STEPS), part=2)
    gain = np.maximum(fitted(planted.model, weight, np.zeros_like(planted.camp), planted.load, k=1).cost, 0)
    found = (step for step, p in zip(STEPS[::-1], chance(gain, null)[::-1])
             if p <= level and 2 * seen(panel, halved(fit, np.array([step]), part=2), null, level, rng) > 1)
    return next(found, np.nan)


def plain(panel: Panel, fit: Fit, null: np.ndarray, level: float, rng: np.random.Generator) -> bool:
    """Whether "none" may be said at all: raters share enough items, or distant camps would surely have been seen all the same."""
    met = panel.crossed(np.ones(len(panel.item)))[np.triu_indices(panel.n_raters, 1)]
    return np.median(met) >= MET or seen(panel, halved(fit, np.array([PLAIN]), part=4), null, level, rng) >= SURELY


def halved(fit: Fit, across: np.ndarray, *, part: int) -> Fit:
    """The raters of a fit in two camps, every second (`part` 2) or fourth one by loading in the other, their things correlated by
    `across` (B,)."""
    between = across[:, None, None] + (1 - across[:, None, None]) * np.eye(2)
    camp = (np.argsort(np.argsort(fit.load[0])) % part == 1).astype(int)
    camp, load = (np.broadcast_to(a, (len(across), len(camp))) for a in (camp, fit.load[0]))
    return Fit(camp, load, between, np.zeros(len(across)))


def seen(panel: Panel, planted: Fit, null: np.ndarray, level: float, rng: np.random.Generator) -> float:
    """Share of ratings drawn from planted camps in which two camps are seen."""
    ps = [chance(gain_of(grown(*panel.moments(redrawn(panel, planted, rng, n)), k=2)), null) for n in panel.chunks(LOT)]
    return float((np.concatenate(ps) <= level).mean())
