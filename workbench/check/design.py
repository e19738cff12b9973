"""Checks of the design: do items have several raters, are raters connected through common items, does a rating stand twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.check import counted
from workbench.check.outcome import CheckOutcome
from workbench.errors import examples
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.extent import n_selected
from workbench.reduce.held import held
from workbench.reduce.select import panel_rules
from workbench.schema import UNIT

if TYPE_CHECKING:
    from typing import Any

EXAMPLES = 20
NO_RATINGS = "The panel has no ratings with a value."


def panel(ratings: Ratings) -> Any:
    """The panel's ratings that have a value, repeats still in."""
    t = ratings.table.filter(panel_rules(ratings, ratings.table))
    return t.filter(t.score.notnull() | t.label.notnull())


def check_duplicates(ratings: Ratings) -> CheckOutcome:
    """Whether a rating stands twice: same rater, unit, version, layer, time and value. Passes when none does.

    A rater who rates a unit again, at another time or with another value, repeats: that is counted, and no fault.
    """
    n, shown = n_selected(ratings), ["item_id", "rater_id", "criterion", "rated_at", "score", "label", "n"]
    twice, repeats = counted.alike(rows) if (rows := held(ratings)) else alike(ratings)
    table = pd.DataFrame(columns=shown)
    if twice:
        t = ratings.table
        exact = t.group_by([*counted.SAME, "rated_at", "score", "label"]).aggregate(n=t.count())
        several = exact.filter(exact.n > 1).select(*shown)
        table = collect(ratings.source, several.order_by([several.n.desc(), *shown[:4]]).limit(EXAMPLES))
    text = f"{twice:,} of {n:,} ratings stand more than once, alike in rater, unit, time and value: only the last counts. " \
        if twice else f"No rating of {n:,} stands twice. "
    text += f"{repeats:,} repeat a rater's earlier one on the same unit." if repeats else "No rater rated a unit again."
    return CheckOutcome("duplicates", twice == 0, table, text, n, twice)


def alike(ratings: Ratings) -> tuple[int, int]:
    """As `counted.alike`, from the engine."""
    t = ratings.table
    exact = t.group_by([*counted.SAME, "rated_at", "score", "label"]).aggregate(n=t.count())
    again = exact.group_by(counted.SAME).aggregate(n=exact.n.sum(), k=exact.count())
    found = collect(ratings.source, again.aggregate(twice=(again.n - again.k).sum(), repeats=(again.k - 1).sum())).fillna(0).iloc[0]
    return int(found["twice"]), int(found["repeats"])


def check_raters_per_item(ratings: Ratings) -> CheckOutcome:
    """How many raters each unit has, by criterion. Passes when every criterion has units with two: agreement needs them."""
    if table := held(ratings):
        found = counted.unit_sizes(table)
    else:
        t = panel(ratings)
        units = t.group_by(list(UNIT)).aggregate(n_raters=t.rater_id.nunique(), n_ratings=t.count())
        found = collect(ratings.source, units.group_by(["criterion", "n_raters"]).aggregate(
            n_units=units.count(), n_ratings=units.n_ratings.sum()).order_by(["criterion", "n_raters"]))
    n, alone = int(found["n_ratings"].sum()), found[found["n_raters"] == 1]
    most = found.groupby("criterion")["n_raters"].max()
    lacking = list(most[most < 2].index)
    share = int(alone["n_units"].sum()) / max(1, int(found["n_units"].sum()))
    text = f"{share:.0%} of units have one rater, the most have {found['n_raters'].max()}." if n else NO_RATINGS
    if lacking:
        text += f" Agreement on {examples(lacking)} cannot be told: no unit has two raters."
    return CheckOutcome("raters_per_item", bool(n) and not lacking, found, text, n, int(alone["n_ratings"].sum()))


def check_overlap(ratings: Ratings) -> CheckOutcome:
    """Whether raters can be compared: by criterion, the sets of them connected through common units. Passes when each is one set.

    Linear in the ratings: a unit's first rater is a hub that its others link to, which connects the same raters as all pairs do.
    """
    if rows := held(ratings):
        links = counted.hub_links(rows)
    else:
        t = panel(ratings).select(*UNIT, "rater_id").distinct()
        t = t.mutate(hub=t.rater_id.min().over(group_by=[t[c] for c in UNIT]))
        keys = ["criterion", "rater_id", "hub"]
        links = collect(ratings.source, t.group_by(keys).aggregate(n=t.count()).order_by(keys))
    parts = [connected(own).assign(criterion=criterion) for criterion, own in links.groupby("criterion", sort=True)]
    columns = ["criterion", "set", "n_raters", "n_units", "n_ratings", "raters"]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    split = table[table["set"] > 1]
    n, outside = int(links["n"].sum()), int(split["n_ratings"].sum())
    text = "All raters are connected through common units." if table.empty or table["n_raters"].max() > 1 else \
        "There is one rater: nobody to be compared with."
    if len(split):
        text = f"Raters fall into sets without a common unit on {examples(sorted(split['criterion'].unique()))}: " \
               "severities are comparable within a set only."
    return CheckOutcome("overlap", split.empty, table, text if n else NO_RATINGS, n, outside)


def connected(links: pd.DataFrame) -> pd.DataFrame:
    """Sets of connected raters, the largest first: set, n_raters, n_units, n_ratings, raters (some of them)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    codes, raters = pd.factorize(pd.concat([links["rater_id"], links["hub"]], ignore_index=True))
    rater, hub = codes[: len(links)], codes[len(links):]
    _, sets = connected_components(coo_matrix((np.ones(len(links)), (rater, hub)), shape=(len(raters),) * 2), directed=False)
    table = links.assign(_set=sets[rater], n_units=links["n"].where(rater == hub, 0)).groupby("_set").agg(
        n_raters=("rater_id", "nunique"), n_units=("n_units", "sum"), n_ratings=("n", "sum"),
        raters=("rater_id", lambda ids: examples(sorted(ids.unique()))))
    table = table.sort_values(["n_raters", "n_ratings", "raters"], ascending=[False, False, True])
    return table.reset_index(drop=True).assign(set=np.arange(1, len(table) + 1))
