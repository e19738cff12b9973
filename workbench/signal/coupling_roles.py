"""Who did what: which parties wrote the rubric, rated, supplied training data and adjudicated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError, examples
from workbench.reduce import tallies
from workbench.reduce.collect import remembered
from workbench.schema import PANEL

if TYPE_CHECKING:
    from workbench.ratings import Ratings

RATED, AUTO, ADJUDICATED, RUBRIC, TRAINING = "rated", "ran the autorater", "adjudicated", "wrote the rubric", "supplied training data"
NAMED = {"rating": RATED, "rubric": RUBRIC, "training": TRAINING, "adjudication": ADJUDICATED}
STRONGEST = (TRAINING, RUBRIC, ADJUDICATED)
GRAPH = ("party", "role", "object", "n", "known_from")

USUAL = {"rater_id": "", "rater_kind": "human", "party": None, "layer": 0, "selection": "planned", "status": "rated"}


def party_graph(ratings: Ratings, *, parties: Mapping[str, object] | None = None) -> pd.DataFrame:
    """Which party has which roles? The overlap as edges of a graph: party, role, object, n, known_from.

    Roles: "rated" and "ran the autorater" (`n` ratings; `party` of the ratings, else of `raters.parquet`), "adjudicated" (ratings of
    an adjudicator, a later layer or a review), "wrote the rubric" (`object` the rubric's version, its `author_party`), "supplied
    training data" (`object` the system; `trained_on_party`, or who rated `trained_on_batch`; `systems.parquet`). A party with two
    roles is an overlap. Rows are in the order of the party's names, then the roles; none where no party is known.

    parties: what the data lack, role to parties: {"training": ["lab"], "rubric": "lab", "adjudication": [...]}, and "rating" to a
    mapping of party to rater ids; it adds to what they say. Errors: `ParameterError` for another role.

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [2, 2]}))
    >>> edges = party_graph(ratings, parties={"rating": {"lab": ["ann"], "panel": ["bob"]}, "rubric": "lab"})
    >>> edges[["party", "role"]].values.tolist()
    [['lab', 'rated'], ['lab', 'wrote the rubric'], ['panel', 'rated']]
    """
    given = stated(parties)
    rows = [*by_raters(ratings, given.get("rating", {})), *authors(ratings), *suppliers(ratings)]
    rows += [(party, NAMED[role], "", 0, "parties") for role, names in given.items() if role != "rating" for party in names]
    order = list((RATED, AUTO, *STRONGEST))
    found = pd.DataFrame(rows, columns=list(GRAPH)).astype({"n": "int64"})
    found = found.groupby(["party", "role", "object"], as_index=False, sort=False).agg({"n": "sum", "known_from": "first"})
    return found.sort_values(["party", "role", "object"], key=lambda c: c.map(order.index) if c.name == "role" else c.astype(str),
                             kind="stable", ignore_index=True)[list(GRAPH)]


def stated(parties: Mapping[str, object] | None) -> dict[str, object]:
    """What the caller says of parties, each role's as a list. Errors: `ParameterError`."""
    if parties is None:
        return {}
    good = 'Write {"training": ["lab"], "rubric": "lab", "adjudication": [], "rating": {"lab": ["ann"], "panel": ["bob"]}}.'
    if not isinstance(parties, Mapping) or (unknown := [role for role in parties if role not in NAMED]):
        found = repr(parties) if not isinstance(parties, Mapping) else examples([repr(role) for role in unknown])
        raise ParameterError(f"parties={found} is not known. {good}")
    if not isinstance(parties.get("rating", {}), Mapping):
        raise ParameterError(f'parties["rating"]={parties["rating"]!r} is no mapping of party to rater ids. {good}')
    lists = {role: [names] if isinstance(names, str) else list(names) for role, names in parties.items() if role != "rating"}
    rating = {str(party): [raters] if isinstance(raters, str) else list(raters) for party, raters in parties.get("rating", {}).items()}
    return lists | ({"rating": rating} if rating else {})


def membership(ratings: Ratings, rating: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """The party of each rater who has one elsewhere than in their ratings: as the caller says, else as `raters.parquet` does."""
    side = ratings.raters
    known = {} if side is None or "party" not in side else \
        {str(r): str(p) for r, p in zip(side["rater_id"], side["party"]) if p is not None and p == p}
    return known | {str(rater): party for party, raters in rating.items() for rater in raters}


def with_party(rows: pd.DataFrame, ratings: Ratings, rating: Mapping[str, Sequence[object]]) -> pd.Series:
    """The party of each row: the caller's word, the rating's own, the rater's; None where nobody says."""
    said, known = {str(rater): party for party, raters in rating.items() for rater in raters}, membership(ratings, rating)
    code, raters = rows["rater_id"].factorize()
    told, else_told = (np.array([*(found.get(str(rater)) for rater in raters), None], dtype=object)[code] for found in (said, known))
    own = rows["party"].astype(object).to_numpy() if "party" in rows else np.full(len(rows), None)
    found = np.where(pd.notna(told), told, np.where(pd.notna(own), own, else_told))
    return pd.Series(found, rows.index, dtype=object)


def who(ratings: Ratings) -> pd.DataFrame:
    """All ratings selected, counted by rater, party, layer, selection, status and rubric version, with their first and last time; what
    a source lacks stands with its default. Counted once for all that is asked of it."""
    def count() -> pd.DataFrame:
        rows = tallies(ratings, by=[c for c in (*USUAL, "rubric", "rubric_version") if c not in ratings.missing or c not in USUAL])
        return rows.assign(**{c: value for c, value in USUAL.items() if c not in rows})
    return remembered(ratings, ("who",), count)


def by_raters(ratings: Ratings, rating: Mapping[str, Sequence[object]]) -> list[tuple[object, ...]]:
    """Edges of those who rated, ran an autorater or adjudicated."""
    rows = who(ratings)
    rows = rows.assign(party=with_party(rows, ratings, rating))
    settles = (rows["rater_kind"] == "adjudicator") | (rows["layer"] > 0) | (rows["selection"] == "review")
    panel = rows["rater_kind"].isin(PANEL["rater_kind"])
    roles = {ADJUDICATED: settles, RATED: panel & ~settles, AUTO: rows["rater_kind"].isin(["model", "program"])}
    return [(party, role, "", int(n), "ratings") for role, chosen in roles.items()
            for party, n in rows[chosen & rows["party"].notna()].groupby("party", sort=True)["n"].sum().items()]


def authors(ratings: Ratings) -> list[tuple[object, ...]]:
    """Edges of those who wrote the rubrics in use."""
    used = who(ratings)
    return [(rubric.author_party, RUBRIC, f"{name} {version}", 0, "rubric file")
            for (name, version), rubric in sorted(ratings.rubrics.items())
            if rubric.author_party and ((used["rubric"] == name) & (used["rubric_version"] == version)).any()]


def suppliers(ratings: Ratings) -> list[tuple[object, ...]]:
    """Edges of those whose data the systems were trained on."""
    systems = ratings.systems
    if systems is None:
        return []
    edges, whose = [], {}
    if "trained_on_batch" in systems and systems["trained_on_batch"].notna().any() and not {"batch", "party"} & set(ratings.missing):
        both = tallies(ratings, by=["batch", "party"]).dropna(subset=["batch", "party"])
        whose = both.groupby("batch")["party"].agg(list).to_dict()
    for row in systems.to_dict("records"):
        party, batch = row.get("trained_on_party"), row.get("trained_on_batch")
        names = [str(party)] if party is not None and party == party else whose.get(batch, [])
        edges += [(name, TRAINING, str(row["system"]), 0, "systems.parquet") for name in names]
    return edges


def coupled(edges: pd.DataFrame) -> tuple[list[str], list[str], str]:
    """The coupled parties and the independent ones, among those that rated; and why there is no such pair.

    Coupled are those with the strongest tie that any rating party has: training data, else the rubric, else adjudication.
    Independent are those with no tie at all; who has a weaker one is neither.
    """
    raters = list(dict.fromkeys(edges.loc[edges["role"] == RATED, "party"]))
    ties = {role: set(edges.loc[edges["role"] == role, "party"]) for role in STRONGEST}
    if not raters:
        return [], [], "no party is known to have rated: deliver `party`, or name raters with parties={'rating': ...}"
    if len(raters) == 1:
        return [], [], f"all raters are of one party ({raters[0]}): nobody is independent"
    if not any(ties.values()):
        return [], [], "nobody is known to have written the rubric, supplied training data or adjudicated: name them with parties="
    bound = next((sorted(ties[role] & set(raters)) for role in STRONGEST if ties[role] & set(raters)), [])
    free = [party for party in raters if not any(party in names for names in ties.values())]
    if not bound:
        return [], free, f"no party with a tie rated ({examples(sorted(set.union(*ties.values())))} has one)"
    if not free:
        return bound, [], "every party that rated has a tie: none is independent"
    return bound, free, ""
