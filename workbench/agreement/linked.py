"""What can be compared at all: who shares items with whom, which sets are connected, and what to assign to connect them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.spanning import common_units, connected_sets, cut_off, hubs, spanning_links, units_across
from workbench.errors import ParameterError, RatingsError
from workbench.estimates import join_notes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.ratings import Ratings

PAIRS_LIMIT = 1_000_000_000   # pairs of members within items, counted one by one: beyond, minutes and gigabytes


def connectivity(ratings: Ratings, *, by: Sequence[str] = (), between: str = "rater_id") -> pd.DataFrame:
    """Who can be compared with whom? Raters (parties, criteria, ...) fall into connected sets; across sets no comparison holds.

    Two members are linked if both judged an item; a set is all that hang together through links. `by`: columns that make groups.
    `between`: the column whose levels are the members. An item is a unit (item, step, criterion, rubric); between criteria or
    rubrics it is the item and step alone. Only ratings of the panel that have a value link.

    A row a member, set by set, the largest first: `set` (1, 2, ...), `n_sets` in the group, `n_members` of the set; `n_items` it
    judged, `n_shared` of them with others, `n_partners`; `n_cut`: how many others would lose the set's largest part without it
    (0: nobody depends on it). Of the set, its weakest link: the set hangs together by `n_across` items, which join the two sides that
    the link of `link_a` and `link_b` divides (of the links of the maximum spanning tree the one that fewest items cross); these two
    share `n_link` of them. `n_ratings` counts repeats, `n_dropped` what the panel's rules or a missing value leave out.

    Undefined: the link of a set of one (missing, reason in `note`). A group without a usable rating has no row. Errors:
    `ParameterError` for a column that is not there or cannot group; `RatingsError` where items with very many members would make
    over 10^9 pairs. Source: Linacre (1994), Many-Facet Rasch Measurement (subsets); Kruskal (1956), doi:10.2307/2033241 (tree).

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2, None], "bob": [1, None, None], "cem": [None, None, 2]}))
    >>> connectivity(panel)[["rater_id", "set", "n_items", "n_shared", "n_across"]].values.tolist()
    [['ann', 1, 2, 1, 1], ['bob', 1, 1, 1, 1], ['cem', 2, 1, 0, <NA>]]
    """
    noun, parts = noun_of(between), []
    for group in groups(ratings, by, between):
        shared, label = group.overlap, group.label
        size, own = np.bincount(label), shared.diagonal()
        found = pd.DataFrame({**group.key, between: group.names, "set": label + 1, "n_sets": len(size), "n_members": size[label],
                              "n_items": own, "n_shared": group.rated @ (group.rated.sum(axis=0) > 1).astype(np.int64),
                              "n_partners": np.diff(shared.indptr) - 1, "n_cut": cut_off(shared, label)})
        known = group.counts.set_index(between).loc[group.names, ["n_ratings", "n_dropped"]]
        found[["n_ratings", "n_dropped"]] = known.to_numpy(dtype=np.int64)
        a, b, n, across = tree_of(group)
        links = pd.DataFrame({"set": label[a], "n_across": across, "n_link": n, "link_a": group.names[a], "link_b": group.names[b]})
        weakest = links.sort_values(["n_across", "n_link"], kind="stable").drop_duplicates("set")
        found = found.merge(weakest.assign(set=weakest["set"] + 1), on="set", how="left")
        alone = np.where(size[label] == 1, f"shares no item with another {noun}", "")
        parts.append(found.assign(note=[join_notes(one, group.note) for one in alone]).sort_values(
            ["set", "n_items"], ascending=[True, False], kind="stable"))
    columns = [*by, between, "set", "n_sets", "n_members", "n_items", "n_shared", "n_partners", "n_cut", "n_across",
               "n_link", "link_a", "link_b", "n_ratings", "n_dropped", "note"]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return table.astype({c: "Int64" for c in columns if c.startswith("n_") or c == "set"})


def overlap(ratings: Ratings, *, by: Sequence[str] = (), between: str = "rater_id") -> pd.DataFrame:
    """How many items has each two of the raters (parties, criteria, ...) in common? A row a pair, as in `connectivity`.

    `rater_a` <= `rater_b` (`party_a`, `criterion_a`, ... as `between` says), the `set` they lie in, `n_items` in common and `n_a`, `n_b`
    that each judged. A member with itself is a row too: its own items. Pairs that share none are absent: too few common items for a
    comparison of two is `overlap(ratings).query("n_items < 30")`, and those absent. Arguments and errors as `connectivity`.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 1], "bob": [1, 1, None]}))
    >>> overlap(panel)[["rater_a", "rater_b", "n_items"]].values.tolist()
    [['ann', 'ann', 3], ['ann', 'bob', 2], ['bob', 'bob', 2]]
    """
    noun, parts = noun_of(between), []
    for group in groups(ratings, by, between):
        shared, own = group.overlap.tocoo(), group.overlap.diagonal()
        kept = shared.row <= shared.col
        a, b, n = shared.row[kept], shared.col[kept], shared.data[kept]
        order = np.lexsort((b, a))
        a, b = a[order], b[order]
        parts.append(pd.DataFrame({**group.key, f"{noun}_a": group.names[a], f"{noun}_b": group.names[b], "set": group.label[a] + 1,
                                   "n_items": n[order], "n_a": own[a], "n_b": own[b], "note": group.note}))
    columns = [*by, f"{noun}_a", f"{noun}_b", "set", "n_items", "n_a", "n_b", "note"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def assignments(ratings: Ratings, *, by: Sequence[str] = (), between: str = "rater_id", links: int = 10) -> pd.DataFrame:
    """What to assign next so that all can be compared? A short list of ratings after which all hang together by `links` items.

    Each further set is linked to the largest, between the two members with most items. Within a set a link of its maximum spanning
    tree is thin if fewer than `links` items join the sides it divides (see `connectivity`); it is filled up. Items that one end judged
    are given to the other, to the end with fewer items while there are any: first those on a criterion that it judges already, then
    those that several have judged, the latest first. Two who share too little for a comparison of just these are in `overlap`.

    A row a rating to ask for, sets first, then the thinnest links: the `by` columns; who is to rate (`between`) and what (the unit's
    columns); `partner`, who rated it; `link` (1, 2, ...) with `n_shared` items of these two and `n_across` of their sides so far;
    `note`, why. No rows: nothing is to be done. A link that the existing items cannot fill has a last row without an item, and `note`
    says how many are lacking. Arguments and errors as `connectivity`; `ParameterError` for `links` below 1.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2, None], "bob": [1, 2, None], "cem": [None, None, 2]}))
    >>> assignments(panel, links=1)[["rater_id", "item_id", "partner", "note"]].values.tolist()
    [['cem', '0', 'ann', 'sets 1 and 2 share no item']]
    """
    from workbench.reduce.membership import unit_of

    if not isinstance(links, int) or links < 1:
        raise ParameterError(f"links={links!r}: how many common items a link is to have. Use a whole number of at least 1.")
    unit = list(unit_of(between))
    parts = [given for group in groups(ratings, by, between) for given in filled(group, unit, links)]
    columns = list(dict.fromkeys([*by, between, *unit, "partner", "link", "n_shared", "n_across", "note"]))
    return pd.DataFrame(parts, columns=columns)


def noun_of(between: str) -> str:
    """What a member is called: rater, party, criterion. Errors: `ParameterError` where `between` is no column's name."""
    if not isinstance(between, str):
        raise ParameterError(f"between={between!r} is not the name of one column. Use 'rater_id', 'party', 'criterion' or another.")
    return between.removesuffix("_id")


@dataclass(frozen=True)
class Group:
    """One group: `names` (M,) of its members in order; `rated` (M, U), 1 where a member judged a unit; `overlap` (M, M), their common
    units; `label` (M,), their set, 0 the largest. `rows`, `counts` are the group's tables from `memberships`."""

    key: dict[str, object]
    between: str
    names: np.ndarray
    rated: csr_array
    overlap: csr_array
    label: np.ndarray
    rows: pd.DataFrame
    counts: pd.DataFrame
    note: str


def groups(ratings: Ratings, by: Sequence[str], between: str) -> Iterator[Group]:
    """The groups that have a usable rating, in the order of their levels."""
    from workbench.reduce.membership import memberships

    rows, counts = memberships(ratings, by=by, between=between)
    split = (lambda frame: frame.groupby(list(by), dropna=False, sort=True)) if by else (lambda frame: [((), frame)])
    tables = {_plain(key): part for key, part in split(counts)}
    for key, part in split(rows) if len(rows) else ():
        yield group_of(dict(zip(by, _plain(key))), part, tables[_plain(key)], between=between, name=ratings.source.name)


def group_of(key: dict[str, object], rows: pd.DataFrame, counts: pd.DataFrame, *, between: str, name: str) -> Group:
    """One group from its rows of `memberships`."""
    from scipy.sparse import csr_array

    code, names = pd.factorize(rows[between], sort=True)
    _, unit = np.unique(rows["unit"].to_numpy(), return_inverse=True)
    rated = csr_array((np.ones(len(rows), dtype=np.int64), (code, unit)))
    check_pairs(rated, name)
    shared, lost = common_units(rated), int(counts.loc[counts[between].isna(), "n_ratings"].sum())
    return Group(key, between, np.asarray(names, dtype=object), rated, shared, connected_sets(shared),
                 rows.assign(unit=unit, member=code), counts, f"{lost:,} ratings without {between} left out" if lost else "")


def _plain(key: tuple[object, ...]) -> tuple[object, ...]:
    """A group's key with None for every kind of missing level."""
    return tuple(None if part != part else part for part in key)


def check_pairs(rated: csr_array, name: str) -> None:
    """Refuse items with so many members that their pairs would not end. Errors: `RatingsError`."""
    pairs = int((rated.sum(axis=0).astype(np.int64) ** 2).sum())
    if pairs > PAIRS_LIMIT:
        raise RatingsError(f"{name}: items judged by very many make {pairs:,} pairs, more than {PAIRS_LIMIT:,}. "
                           "Narrow the ratings with where(), or ask between='party'.")


def tree_of(group: Group) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The links (a, b) of a group's spanning trees, the common units of their ends, and all units that join their two sides."""
    a, b, n = spanning_links(group.overlap)
    return a, b, n, units_across(group.rated, a, b, hubs(group.overlap, group.label))


def filled(group: Group, unit: list[str], links: int) -> Iterator[dict[str, object]]:
    """The ratings that bring what joins the two sides of each link of one group to `links` units."""
    tops, label, own = hubs(group.overlap, group.label), group.label, group.overlap.diagonal()
    apart = np.zeros(len(tops) - 1, dtype=np.int64)
    a, b, n, across = (np.concatenate(two) for two in zip((np.full_like(apart, tops[0]), tops[1:], apart, apart), tree_of(group)))
    thin = np.flatnonzero(across < links)
    if not len(thin):
        return
    rank, kinds, units = ranked(group, unit)
    by_unit, given = group.rated.tocsc(), {member: np.empty(0, dtype=int) for member in {*a[thin], *b[thin]}}
    for number, k in enumerate(thin[np.lexsort((n[thin], across[thin]))], start=1):
        sides = side_of(np.delete(a, k), np.delete(b, k), len(label))
        why = f"{across[k]:,} item{'s join' if across[k] > 1 else ' joins'} their sides" if n[k] else \
            f"sets {label[a[k]] + 1} and {label[b[k]] + 1} share no item"
        lacking, ends = links - int(across[k]), (a[k], b[k]) if own[b[k]] <= own[a[k]] else (b[k], a[k])
        for giver, taker in (ends, ends[::-1]):
            row = {**group.key, group.between: group.names[taker], "partner": group.names[giver], "link": number,
                   "n_shared": int(n[k]), "n_across": int(across[k])}
            pool = units_of(group.rated, giver)
            pool = pool[by_unit[:, pool].T @ (sides == sides[taker]).astype(np.int64) == 0]
            pool = np.setdiff1d(pool, given[taker])
            usual = np.isin(kinds[pool], kinds[units_of(group.rated, taker)])
            chosen = pool[np.lexsort((rank[pool], ~usual))[:lacking]]
            given[taker], lacking = np.concatenate([given[taker], chosen]), lacking - len(chosen)
            for record in units.loc[chosen].to_dict("records"):
                yield {**row, **record, "note": join_notes(why, group.note)}
        if lacking:
            said = f"{lacking:,} more that neither side has judged are needed"
            yield {**row, group.between: group.names[ends[1]], "partner": group.names[ends[0]], "note": join_notes(why, said, group.note)}


def side_of(a: np.ndarray, b: np.ndarray, m: int) -> np.ndarray:
    """The part that each member is in, (M,), given the links that are left."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(m, m)), directed=False)[1]


def units_of(rated: csr_array, member: int) -> np.ndarray:
    """The units a member judged."""
    return rated.indices[rated.indptr[member]:rated.indptr[member + 1]]


def ranked(group: Group, unit: list[str]) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Per unit: its place among those to give next (U,), a code of criterion and rubric (U,), and its columns, by unit."""
    units = group.rows.groupby("unit", sort=True).agg(**{c: (c, "first") for c in unit}, last=("last", "max"), n=("member", "size"))
    order = units.assign(single=units["n"] < 2).sort_values(["single", "last", "item_id"], ascending=[True, False, True],
                                                              na_position="last", kind="stable").index
    rank = np.empty(len(units), dtype=np.int64)
    rank[order] = np.arange(len(units))
    kind = [c for c in ("criterion", "rubric") if c in unit]
    kinds = units.groupby(kind, dropna=False).ngroup().to_numpy() if kind else np.zeros(len(units), dtype=np.int64)
    return rank, kinds, units[unit]
