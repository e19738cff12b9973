"""How much systems, prompts, raters and what they do together each add to the variance of ratings: any design, gaps allowed.

A rating is the sum of independent effects, one for each level of each factor. The sum of squares of a factor's level means is a
quadratic form whose expectation is a sum of the variances, with weights that are counts (Henderson 1953, method I,
doi:10.2307/3001853; Searle, Casella and McCulloch 1992, ch. 5); for the object of measurement the variance of its plain means
takes that place. As many equations as variances; on complete tables the answer is that of the analysis of variance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from workbench.signal.components import coded, of_first, pair_codes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

REST = "residual"
SINGULAR = 1e-7          # smallest singular value, against the largest, of equations that tell the variances apart
BLOCK = 1_000_000        # numbers of one block of redrawn ratings
AT_ONCE = 16             # sets of redrawn ratings worked on in one go: more do not fit the fast memory


@dataclass(frozen=True)
class Factors:
    """A group's ratings by factor: `codes` name -> (N,) from 0; the first is the object of measurement, the last the residual.

    note: what could not be told apart, in words. merged: names that are within another's variance -> that other.
    """

    score: np.ndarray
    codes: Mapping[str, np.ndarray]
    note: str
    merged: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The factors whose variance can be told."""
        return list(self.codes)

    @cached_property
    def sizes(self) -> dict[str, np.ndarray]:
        """Ratings of each level."""
        return {name: np.bincount(code).astype(float) for name, code in self.codes.items()}

    @cached_property
    def at(self) -> dict[str, csr_array]:
        """Which rating (rows) is at which level of each factor, sparse."""
        from scipy.sparse import csr_array

        n = len(self.score)
        return {f: csr_array((np.ones(n), code, np.arange(n + 1))) for f, code in self.codes.items()}

    @cached_property
    def met(self) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For all pairs of factors each level of the one and of the other that meet, and on how many ratings."""
        found: dict[tuple[str, str], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for i, f in enumerate(self.names):
            for g in self.names[:i + 1]:
                if REST in (f, g):
                    one, other, n = self.codes[f], self.codes[g], np.ones(len(self.score))
                else:
                    cell = self.codes[f] if g in (f, *f.split(":")) else pair_codes(self.codes[f], self.codes[g])
                    n = np.bincount(cell).astype(float)
                    one, other = (of_first(self.codes[c], cell) for c in (f, g))
                found[f, g], found[g, f] = (one, other, n), (other, one, n)
        return found

    def table(self, f: str, g: str) -> csr_array:
        """Ratings of each level of one factor at each level of another, sparse."""
        from scipy.sparse import csr_array

        one, other, n = self.met[f, g]
        return csr_array((n, (one, other)), shape=(len(self.sizes[f]), len(self.sizes[g])))

    @cached_property
    def error_weights(self) -> tuple[np.ndarray, np.ndarray]:
        """How much of each variance stands in an object's mean, (G,): relative to other objects, and absolute.

        Relative: half the variance of the difference of two objects' means, over all pairs. What two share cancels. 1 for the object.
        """
        first, relative, absolute = self.names[0], [], []
        size = self.sizes[first]
        for g in self.names:
            one, other, n = self.met[first, g]
            share = n / size[one]
            own, common = float((share**2).sum()), float((np.bincount(other, share) ** 2).sum())
            relative.append((len(size) * own - common) / (len(size) * (len(size) - 1)))
            absolute.append(own / len(size))
        return np.array(relative), np.array(absolute)

    @cached_property
    def expectations(self) -> np.ndarray:
        """Weight of each variance (columns) in the expectation of each quadratic form (rows), (G, G)."""
        n, sizes = len(self.score), self.sizes
        grand = np.array([(sizes[g] ** 2).sum() / n for g in self.names])
        rows = [[float((count**2 / sizes[f][one]).sum()) for one, _, count in (self.met[f, g] for g in self.names)] - grand
                for f in self.names[1:]]
        return np.array([self.error_weights[0], *rows])

    def squares(self, sums: Mapping[str, np.ndarray]) -> np.ndarray:
        """The quadratic forms, (G, draws), from each factor's sums by level, (levels, draws)."""
        first = self.names[0]
        grand = sums[first].sum(axis=0) ** 2 / len(self.score)
        means = sums[first] / self.sizes[first][:, None]
        inner = [np.einsum("ij,ij,i->j", sums[f], sums[f], 1 / self.sizes[f]) - grand for f in self.names[1:]]
        return np.array([means.var(axis=0, ddof=1), *inner])

    def variances(self) -> np.ndarray:
        """The variances, (G,); those that chance made negative stay so."""
        y = self.score - self.score.mean()
        return np.linalg.solve(self.expectations, self.squares({f: np.bincount(c, y)[:, None] for f, c in self.codes.items()}))[:, 0]

    def covariances(self, variances: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
        """Covariances (G, G) of the variances that would be found in other normal ratings with these variances on the same design.

        Of quadratic forms y'Ay and y'By it is 2 tr(AVBV) (Searle 1971, ch. 2), the mean of 2 (Ay)'V(By) over y ~ N(0, V): as sure
        from a sixth of the draws as the spread of the forms themselves would be.
        """
        rng, of_forms, tables = np.random.default_rng(seed), np.zeros((len(self.names),) * 2), {}
        size, known = max(1, BLOCK // len(self.score)), self.names[:-1]
        for i, f in enumerate(known):
            for g in known[:i + 1]:
                tables[f, g] = self.table(f, g)
                tables[g, f] = tables[f, g].T
        for start in range(0, draws, size):
            redrawn = self._redrawn(variances, rng, min(size, draws - start))
            for y in np.split(redrawn, range(AT_ONCE, redrawn.shape[1], AT_ONCE), axis=1):
                of_forms += self._products(variances, np.ascontiguousarray(y), tables)
        inverse = np.linalg.inv(self.expectations)
        return inverse @ (2 * of_forms / draws) @ inverse.T

    def _redrawn(self, variances: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
        """(N, draws) sets of normal ratings about their means, of which no form knows."""
        ratings = np.zeros((len(self.score), draws))
        for g, variance in zip(self.names, variances):
            if variance > 0:
                effect = math.sqrt(variance) * rng.standard_normal((len(self.sizes[g]), draws))
                ratings += effect if g == REST else effect[self.codes[g]]
        return ratings - ratings.mean(axis=0)

    def _products(self, variances: np.ndarray, y: np.ndarray, tables: Mapping[tuple[str, str], csr_array]) -> np.ndarray:
        """(Ay)'V(By), summed over sets of ratings y (N, sets) with mean 0, for each two quadratic forms."""
        first, (found, beside) = self.names[0], np.zeros((2, *[len(self.names)] * 2))
        sums = {f: self.at[f].T @ y for f in self.names[:-1]}
        held = {f: total / self.sizes[f][:, None] for f, total in sums.items()}     # what its levels hold is Ay, that of the residual y
        held[first] = (held[first] - held[first].mean(axis=0)) / (self.sizes[first] * (len(held[first]) - 1))[:, None]
        for place, (g, variance) in enumerate(zip(self.names[:-1], variances)):
            every = np.array([*(tables[g, f] @ own for f, own in held.items()), sums[g]]).reshape(len(self.names), -1)
            if variance > 0:
                found += variance * (every @ every.T)
            beside[place] = every @ held[g].ravel()
        beside[-1, :-1], beside[-1, -1] = beside[:-1, -1], np.vdot(y, y)
        return found + variances[-1] * beside

    def parted(self) -> str:
        """Whether objects fall in sets that no rater, or no prompt, connects, in words."""
        from scipy.sparse import block_array
        from scipy.sparse.csgraph import connected_components

        said, of = [], self.names[0]
        for name in {"prompt", "rater"} & set(self.names):
            met = self.table(of, name)
            sets = int(connected_components(block_array([[None, met], [met.T, None]]), directed=False)[0])
            if sets > 1:
                said.append(f"{of}s fall in {sets} sets that share no {name}: across sets they compare only if {name}s came by chance")
        return "; ".join(sorted(said))

    def freedom(self) -> np.ndarray:
        """Degrees of freedom that each variance would have alone, (G,): effective levels less those of the factors it joins."""
        n = len(self.score)
        levels = {f: n**2 / (size**2).sum() for f, size in self.sizes.items()}
        less = {f: sum(levels.get(part, 0) - 1 for part in f.split(":")) if ":" in f else 0 for f in levels}
        less[REST] = sum(levels[f] - 1 - less[f] for f in levels if f != REST)
        return np.array([max(levels[f] - 1 - less[f], 1.0) for f in levels])


def factors(score: np.ndarray, codes: Mapping[str, np.ndarray], *, of: str) -> Factors:
    """The factors that a design can tell apart, from codes of the object (`of`), prompt, rater and item where there are any.

    Factors that split the ratings alike are one; where the equations are still singular, the finest of those involved is dropped.
    """
    every = {of: codes[of]}
    every |= {name: codes[name] for name in ("prompt", "rater") if name in codes}
    names = list(every)
    every |= {f"{a}:{b}": pair_codes(codes[a], codes[b]) for i, a in enumerate(names) for b in names[i + 1:] if a != "item"}
    every |= {"item": codes["item"]} if "item" in codes and of != "item" else {}
    every[REST] = np.arange(len(score))
    kept, merged, said = {}, {}, []
    for name, code in every.items():
        code = coded(code)
        if code.max(initial=0) == 0 and name != of:
            said.append(f"one {name} only: its variance cannot be told")
            continue
        twin = next((other for other in kept if alike(kept[other], code)), None)
        if twin is None:
            kept[name] = code
        else:
            last = REST if name == REST else twin
            merged[twin if name == REST else name] = last
            said.append(f"{twin} and {name} cannot be told apart: {reason(twin, name)}")
            kept = {n: c for n, c in kept.items() if n != twin or name != REST or n == of} | ({REST: code} if name == REST else {})
    found = Factors(score, kept, "; ".join(dict.fromkeys(said)), merged)
    while len(found.names) > 2 and len(found.score) > 1 and len(found.sizes[of]) > 1 and (mixed := inseparable(found)):
        last = [name for name in mixed if name not in (of, REST)][-1]
        said.append(f"{' and '.join(mixed)} cannot be told apart in this design: {last} is within the others")
        found = Factors(score, {n: c for n, c in found.codes.items() if n != last}, "; ".join(said), merged | {last: mixed[0]})
    return found


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two codes split the ratings in the same way."""
    size = int(one.max()) + 1
    if size != int(other.max()) + 1:
        return False
    partner = np.zeros(size, dtype=np.int64)
    partner[one] = other
    return bool((partner[one] == other).all())


def reason(coarse: str, fine: str) -> str:
    """Why two factors split the ratings alike."""
    known = {("item", REST): "items are rated once", ("rater", REST): "raters rate once"}
    part = [p for p in fine.split(":") if p != coarse]
    nested = f"each {coarse} meets one {part[0]}" if coarse in fine.split(":") and part else ""
    return known.get((coarse, fine)) or nested or (f"each {coarse} has one {fine}" if fine != REST else f"each {coarse} has one rating")


def inseparable(found: Factors) -> list[str]:
    """Names of the factors whose variances the equations cannot tell apart, or none."""
    weight = found.expectations / np.abs(found.expectations).max(axis=1, keepdims=True)
    _, size, directions = np.linalg.svd(weight)
    if size[-1] > SINGULAR * size[0]:
        return []
    mixed = [name for name, part in zip(found.names, directions[-1]) if abs(part) > 0.05]
    return mixed if any(name not in (found.names[0], REST) for name in mixed) else []
