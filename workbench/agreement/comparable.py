"""Which ratings tell raters apart once an item's total is given, and which raters they can hold against one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparable:
    """kept (R,): ratings that tell. part (R,): codes of items, cut where an item joins raters that nothing compares.

    rater_set (J,), criterion_set (C,): codes of the sets within which parameters compare and are finite; -1 for none.
    """

    kept: np.ndarray
    part: np.ndarray
    rater_set: np.ndarray
    criterion_set: np.ndarray


def comparable(item: np.ndarray, rater: np.ndarray, criterion: np.ndarray, level: np.ndarray, scale: np.ndarray) -> Comparable:
    """Ratings whose item could have reached its total in another way, and the sets of raters and criteria that they tie together.

    All (R,) codes. A point can move from rater a to rater b on an item where a gave more than the lowest and b less than the
    highest level in use on the `scale`. Severities are finite and compare where such moves lead from each rater to each other
    and back (Fischer 1981, doi:10.1007/BF02293919; sufficient for locations, not for thresholds); a rater who gave the lowest
    level only stands alone. Across sets a difference is infinite or unknown, so that an item holds its total in each set by
    itself. Found again until nothing changes, for a set cut off may leave others without ties.
    """
    part, kept = item, np.ones(len(item), dtype=bool)
    while True:
        sets = _sets(part, rater, criterion, level, scale, kept)
        cut = np.unique(np.stack([item, sets[0][rater], sets[1][criterion]]), axis=1, return_inverse=True)[1].ravel()
        low, high = _ends(level, scale, kept)
        n, above, below = (np.bincount(cut, kept * x) for x in (1, level - low[scale], high[scale] - level))
        left = kept & (n > 1)[cut] & (above > 0)[cut] & (below > 0)[cut]
        if (left == kept).all() and cut.max(initial=-1) == part.max(initial=-1):
            break
        part, kept = cut, left
    return Comparable(kept, cut, *[_tied(sets[place], code[kept]) for place, code in enumerate((rater, criterion))])


def _sets(part: np.ndarray, rater: np.ndarray, criterion: np.ndarray, level: np.ndarray, scale: np.ndarray,
          kept: np.ndarray) -> list[np.ndarray]:
    """Codes of the sets of raters (J,) and of criteria (C,) among the ratings kept."""
    low, high = _ends(level, scale, kept)
    gives, takes = kept & (level > low[scale]), kept & (level < high[scale])
    raters, criteria = int(rater.max(initial=-1)) + 1, int(criterion.max(initial=-1)) + 1
    sets = [_strong(code, n, part, gives, takes) for code, n in ((rater, raters), (criterion, criteria))]
    joint = _strong(rater, raters, criterion, kept, kept, both=True)
    return [np.unique(np.stack([one, joint[start:start + len(one)]]), axis=1, return_inverse=True)[1].ravel()
            for one, start in zip(sets, (0, raters))]


def _strong(code: np.ndarray, n: int, part: np.ndarray, gives: np.ndarray, takes: np.ndarray, *, both: bool = False) -> np.ndarray:
    """Strong components of codes (n,) when each gives to the parts where `gives` and takes where `takes`; of parts too if `both`."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    size = n + int(part.max(initial=-1)) + 1
    rows = np.concatenate([code[gives], n + part[takes]])
    columns = np.concatenate([n + part[gives], code[takes]])
    graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    return connected_components(graph, directed=True, connection="strong")[1][:None if both else n]


def _ends(level: np.ndarray, scale: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest level in use on each scale, among the ratings kept; (K,) each."""
    occurs = in_use(level[kept], scale[kept], int(scale.max(initial=0)) + 1, int(level.max(initial=0)) + 1)
    return occurs.argmax(axis=1), occurs.shape[1] - 1 - occurs[:, ::-1].argmax(axis=1)


def in_use(level: np.ndarray, scale: np.ndarray, scales: int, levels: int) -> np.ndarray:
    """Whether each level occurs on each scale, (K, L)."""
    return np.bincount(scale * levels + level, minlength=scales * levels).reshape(scales, levels) > 0


def _tied(sets: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Sets numbered in the order of their first member, -1 for those of one member or none with a rating."""
    rated = np.bincount(code, minlength=len(sets)) > 0
    size = np.bincount(sets[rated], minlength=int(sets.max(initial=-1)) + 1)
    found = np.where(rated & (size[sets] > 1), sets, -1)
    first = {one: place for place, one in enumerate(dict.fromkeys(found[found >= 0].tolist()))}
    return np.array([first.get(one, -1) for one in found.tolist()], dtype=int)
