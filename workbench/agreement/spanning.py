"""How members hang together through the units they judged: connected sets, the links that hold them, and whom they depend on.

Members by units (M, U), members by members (M, M), never units by units; `label` (M,) is a member's set. Linear in the judgements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Edges = tuple[np.ndarray, np.ndarray, np.ndarray]


def common_units(rated: csr_array) -> csr_array:
    """Units that each two members both judged, (M, M), own units on the diagonal; from `rated` (M, U) of ones."""
    shared = (rated @ rated.T).tocsr()
    shared.sort_indices()
    return shared


def connected_sets(shared: csr_array) -> np.ndarray:
    """The connected set of each member, (M,): 0 the one of most members, then of most units judged, then of the first member."""
    from scipy.sparse.csgraph import connected_components

    n, label = connected_components(shared, directed=False)
    first = np.unique(label, return_index=True)[1]
    order = np.lexsort((first, -np.bincount(label, shared.diagonal(), n), -np.bincount(label, minlength=n)))
    return np.argsort(order)[label]


def hubs(shared: csr_array, label: np.ndarray) -> np.ndarray:
    """The member with most units in each set."""
    order = np.lexsort((np.arange(len(label)), -shared.diagonal(), label))
    return order[np.unique(label[order], return_index=True)[1]]


def spanning_links(shared: csr_array) -> Edges:
    """Links (a, b, common units) of the maximum spanning tree of every set: the strongest few that connect it."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    tree = minimum_spanning_tree(csr_array((1 / shared.data, shared.indices, shared.indptr), shape=shared.shape)).tocoo()
    return np.minimum(tree.row, tree.col), np.maximum(tree.row, tree.col), np.rint(1 / tree.data).astype(np.int64)


def units_across(rated: csr_array, a: np.ndarray, b: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """For each link of a spanning forest: the units judged on both of the sides into which it divides its set.

    `tops`: a member of each set. Members are numbered in depth-first order, so that a side is an interval. A unit counts once for
    each of its members and minus once where each two neighbours' paths to the root meet (the last neighbours the first): summed
    over a side this is 1 if the unit has members on it and others off it, else 0.
    """
    from scipy.sparse import coo_array, csc_array
    from scipy.sparse.csgraph import depth_first_order

    m = rated.shape[0]
    ends = np.concatenate([a, np.full(len(tops), m)]), np.concatenate([b, tops])
    order, parent = depth_first_order(coo_array((np.ones(len(ends[0])), ends), shape=(m + 1, m + 1)).tocsr(), m, directed=False)
    place = np.argsort(order)
    above = place[parent[order[1:]]]
    end = np.arange(1, m + 2)
    for x in range(m, 0, -1):
        end[above[x - 1]] = max(end[above[x - 1]], end[x])
    units = rated.tocsc()
    members = csc_array((units.data, place[units.indices], units.indptr), shape=(m + 1, rated.shape[1]))
    members.sort_indices()
    here, last = members.indices.astype(np.int64), members.indptr[1:] - 1
    following = np.roll(here, -1)
    following[last] = here[members.indptr[:-1]]
    met, n = np.unique(np.minimum(here, following) * (m + 1) + np.maximum(here, following), return_counts=True)
    low, high = np.divmod(met, m + 1)
    while (short := end[low] <= high).any():
        low = np.where(short, above[low - 1], low)
    total = np.concatenate([[0], np.cumsum(np.bincount(here, minlength=m + 1) - np.bincount(low, n, m + 1))])
    lower = np.where(parent[a] == b, place[a], place[b])
    return np.rint(total[end[lower]] - total[lower]).astype(np.int64)


def cut_off(shared: csr_array, label: np.ndarray) -> np.ndarray:
    """Per member, (M,): how many others of its set are outside the largest part that remains without it.

    Only inner members of a spanning tree can hold others, and breadth first from the best linked these are few.
    """
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    lost, linked = np.zeros(len(label), dtype=np.int64), np.diff(shared.indptr)
    for place in np.flatnonzero(np.bincount(label) > 2):
        inside = np.flatnonzero(label == place)
        part, root = shared[inside][:, inside], int(np.argmax(linked[inside]))
        parents = breadth_first_order(part, root, directed=False)[1]
        for member in np.unique(np.delete(parents, root)):
            others = np.delete(np.arange(len(inside)), member)
            _, piece = connected_components(part[others][:, others], directed=False)
            lost[inside[member]] = len(others) - np.bincount(piece).max()
    return lost
