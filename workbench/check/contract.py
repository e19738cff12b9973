"""Checks against the data contract: columns, values, scales, and ratings without a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.check import counted
from workbench.check.outcome import CheckOutcome, sentence
from workbench.errors import RatingsError, examples
from workbench.ratings import Ratings
from workbench.reduce.collect import collect
from workbench.reduce.extent import n_selected
from workbench.reduce.held import held, whole
from workbench.reduce.scan import facts
from workbench.schema import COLUMNS

if TYPE_CHECKING:
    from typing import Any

# What a reader loses with a column; the others only narrow what can be grouped by.
WITHOUT = {"rated_at": "drift cannot be judged, and repeats are told apart by row order",
           "rubric_version": "versions cannot be compared", "party": "parties cannot be compared",
           "system": "systems cannot be compared", "prompt_id": "systems cannot be paired by prompt",
           "task_type": "task types cannot be told apart"}


def check_schema(ratings: Ratings) -> CheckOutcome:
    """Which of the contract's columns are there, and how far they are filled. Passes: reading refuses what cannot be used."""
    there = [c.name for c in COLUMNS if c.name not in ratings.missing]
    table = held(ratings)
    known = {} if table is None else counted.filled(table, there)
    if lacking := [c for c in there if c not in known]:
        t = ratings.table
        known |= collect(ratings.source, t.aggregate(**{c: t[c].count() for c in lacking})).iloc[0].to_dict()
    n = n_selected(ratings)
    rows = [(c.name, c.name in there, int(known[c.name]) / n if c.name in there and n else float("nan"),
             WITHOUT.get(c.name, "") if c.name not in there else "") for c in COLUMNS]
    table = pd.DataFrame(rows, columns=["column", "present", "filled_share", "note"])
    lost = [f"no {name}: {what}" for name, what in WITHOUT.items() if name not in there]
    text = f"{n:,} ratings with {len(there)} of the contract's {len(COLUMNS)} columns and {len(ratings.source.extras)} more. "
    return CheckOutcome("schema", True, table, text + (sentence("; ".join(lost)) if lost else ""), n)


def check_values(ratings: Ratings) -> CheckOutcome:
    """Whether every value of the snapshot can be used: ids, numbers, times, words, levels, rubric versions. Required."""
    n = table.n if (table := whole(ratings.source)) else int(ratings.source.table.count().execute())
    try:
        known = facts(ratings)
    except RatingsError as fault:
        faults = pd.DataFrame({"fault": str(fault).splitlines()})
        return CheckOutcome("values", False, faults, str(fault), n, n_failed=len(faults), required=True)
    text = f"Every value of {n:,} rows can be used" + "".join(f"; {note}" for note in known.notes) + "."
    return CheckOutcome("values", True, pd.DataFrame({"note": list(known.notes)}), text, n, required=True)


def check_levels(ratings: Ratings) -> CheckOutcome:
    """On which scale each criterion is rated. Passes when rubric files say so, rather than the values that occur."""
    columns = ["rubric", "rubric_version", "criterion", "scale", "assumed", "n_ratings", "levels"]
    if (table := held(ratings)) and (known := counted.per_group(table, columns[:3])) is not None:
        found = known.drop(columns="n_empty")
    else:
        t = ratings.table
        found = collect(ratings.source, t.group_by(columns[:3]).aggregate(n_ratings=t.count()).order_by(columns[:3]))
    try:
        scales = facts(ratings).scales
    except RatingsError:
        text = "Scales cannot be told before the values are in order."
        return CheckOutcome("levels", False, found, text, int(found["n_ratings"].sum()))
    own = [scales[key] for key in found[columns[:3]].itertuples(index=False, name=None)]
    table = found.assign(scale=[s.name for s in own], assumed=[s.assumed for s in own],
                         levels=[examples(s.levels) if s.levels else span(s) for s in own])[columns]
    assumed = table[table["assumed"].astype(bool)]  # of an empty selection the column has no type
    lines = examples(list(dict.fromkeys(f"{r.criterion} ({r.scale})" for r in assumed.itertuples())))
    text = "No ratings are selected." if table.empty else "Every scale is stated by a rubric file." if assumed.empty else \
        (f"No rubric file states the scale of {lines}: it is assumed from the values. "
         "Draft one with: workbench check DATA --write-rubrics.")
    return CheckOutcome("levels", assumed.empty, table, text, int(table["n_ratings"].sum()), int(assumed["n_ratings"].sum()))


def span(scale: Any) -> str:
    """The range of a scale without levels."""
    return "many" if scale.minimum is None else f"{scale.minimum:g} to {scale.maximum:g}"


def check_gaps(ratings: Ratings) -> CheckOutcome:
    """How many ratings have no value, by criterion and status. Passes when every rating with status "rated" has one."""
    if (rows := held(ratings)) and (known := counted.per_group(rows, ["criterion", "status"])) is not None:
        table = known
    else:
        t = ratings.table
        empty = t.score.isnull() & t.label.isnull()
        grouped = t.group_by(["criterion", "status"]).aggregate(n_ratings=t.count(), n_empty=empty.sum())
        table = collect(ratings.source, grouped.order_by(["criterion", "status"]))
    table = table.assign(empty_share=table["n_empty"] / table["n_ratings"])
    n, gaps = int(table["n_ratings"].sum()), int(table.loc[table["status"] == "rated", "n_empty"].sum())
    text = f"{gaps:,} of {n:,} ratings are said to be rated and have neither score nor label: they are counted as left out." \
        if gaps else f"Each of {n:,} ratings has a value, or a status that says why not."
    return CheckOutcome("gaps", gaps == 0, table, text, n, gaps)
