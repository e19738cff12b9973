"""What to conclude of reliability and progress: whether an order of systems would repeat, and which steps are real."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.errors import examples, shorten
from workbench.estimates import MEASURES, finding

NOTEBOOK = "signal"
RELIABLE = 0.8           # of the order of systems: Brennan (2001) names no threshold; Nunnally (1978) asks for this in research


def keys_of(table: pd.DataFrame) -> list[str]:
    """The columns that name a group."""
    further = ("component", "planned_prompts", "planned_raters", "before", "system", "option")
    return [c for c in table.columns[1:list(table.columns).index("value")] if c not in further]


def named(row: pd.Series) -> str:
    """A target as a reader names it."""
    return shorten(row["instrument"], 80) + (f", {shorten(row['group'], 60)}" if row["group"] != "all ratings" else "")


def where(row: pd.Series, keys: list[str]) -> dict[str, object]:
    """A target as a slice."""
    return {k: row[k] for k in keys if row[k] is not None and row[k] == row[k]}


def evidence(row: pd.Series) -> dict[str, object]:
    """A row as a finding's evidence."""
    return {c: row[c] for c in ("name", *MEASURES)}


def interval(row: pd.Series) -> str:
    """A value with its interval, as text."""
    return f"{row['value']:.3g}" + (f" [{row['low']:.3g}, {row['high']:.3g}]" if row["low"] == row["low"] else "")


def stepped(steps: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Steps that are real, each; steps that cannot be told, in one sentence a group; and why there are none."""
    real = steps[steps["verdict"] != "cannot tell"]
    for _, row in real.iterrows():
        up = row["verdict"] == "up"
        since = f", real since {row['since']:%Y-%m-%d}" if pd.notna(row["since"]) else ""
        yield finding(NOTEBOOK, "step" if up else "step down", f"{named(row)}: {row['system']} is {'better' if up else 'worse'} than "
                      f"{row['before']} by {interval(row)} points on {row['n_items']:,} common prompts{since} (e-value "
                      f"{row['e_value']:,.0f}; {row['detectable']:.2g} could be detected).", severity="ok" if up else "attention",
                      status=row["status"], where=where(row, [*keys_of(steps), "system"]), evidence=evidence(row),
                      action="" if up else "Hold the version back on this target, or find what fell.")
    open_steps = steps[(steps["verdict"] == "cannot tell") & steps["value"].notna()]
    for (instrument, group), rows in open_steps.groupby(["instrument", "group"], sort=False):
        said = [f"{row['before']} to {row['system']} {interval(row)}" for _, row in rows.iterrows()]
        least = rows["n_needed"].min()
        more = f"the nearest takes {least:,.0f} prompts" if least < 1e7 else "no reasonable number of prompts would"
        yield finding(NOTEBOOK, "steps not told", f"On {named(rows.iloc[0])} we cannot tell {len(rows)} step{'s' * (len(rows) > 1)} from "
                      f"none: {examples(said)} points; {rows['detectable'].min():.2g} could be detected on {rows['n_items'].min():,} "
                      f"common prompts, and {more}.", severity="unknown", where=where(rows.iloc[0], keys_of(steps)),
                      evidence=evidence(rows.loc[rows["n_needed"].idxmin()]), action="Claim no gain on it; rate more common prompts.")
    for reason, rows in steps[steps["value"].isna()].groupby(steps["note"].str.split(";").str[0], sort=False):
        yield finding(NOTEBOOK, f"no steps, {reason}", f"Progress cannot be told on {len(rows)} target{'s' * (len(rows) > 1)}: {reason}.",
                      severity="unknown", action="Deliver systems.parquet with the order of versions, rated on common prompts.")


def repeatable(study: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Whether the order of systems would repeat, and what limits it."""
    now = study[(study["name"] == "reliability") & study["planned_prompts"].isna() & study["planned_raters"].isna()]
    keys, floors = keys_of(study), study[study["name"] == "floor"]
    for _, row in now[now["value"].notna()].iterrows():
        mend = "Let more raters judge each system: however many prompts, the floor stays." if len(floors) and \
            of_group(floors, row, keys)["low"].gt(0).any() else "Rate more prompts; see the floor for whether more raters are needed."
        severity, said = ("ok", "would repeat") if row["low"] >= RELIABLE else ("attention", "would not repeat") if row["high"] < RELIABLE \
            else ("unknown", "may or may not repeat")
        yield finding(NOTEBOOK, "reliability", f"On {named(row)} the order of systems {said} with other prompts and raters: reliability "
                      f"{interval(row)}, n = {row['n_items']:,} items, {row['n_raters']:,} raters{halves(study, row, keys)}.",
                      severity=severity, where=where(row, keys), evidence=evidence(row),
                      action="" if severity == "ok" else mend)
    for _, row in study[(study["name"] == "floor") & (study["low"] > 0)].iterrows():
        yield finding(NOTEBOOK, "floor", f"On {named(row)} raters favour systems differently: however many prompts, {row['n_raters']:,} "
                      f"raters leave an error of {interval(row)} points in a system's mean.", severity="attention", where=where(row, keys),
                      evidence=evidence(row), action="Spread each system over more raters, or of other parties; more prompts do not help.")
    for reason, rows in now[now["value"].isna()].groupby(now["note"].str.split(";").str[0], sort=False):
        yield finding(NOTEBOOK, f"no reliability, {reason}", f"Whether the order of systems would repeat cannot be told on {len(rows)} "
                      f"target{'s' * (len(rows) > 1)}: {reason}.", severity="unknown",
                      action="Name the systems, and let raters rate several." if "system" in reason else "")
    split = now[now["note"].str.contains("cannot be told apart: items|cannot be told apart: each system|raters rate once", regex=True)]
    if len(split):
        said = examples([part for part in split["note"].iloc[0].split("; ") if "cannot be told apart" in part])
        yield finding(NOTEBOOK, "not split", f"On {examples([named(row) for _, row in split.iterrows()])} the design does not split the "
                      f"noise: {said}.", severity="unknown", action="Have some items rated twice, and raters rate several systems.")


def bought(purchases: pd.DataFrame) -> Iterator[dict[str, object]]:
    """What to buy next, in one sentence."""
    best = purchases[purchases["best"]]
    if len(best):
        wins = best["option"].value_counts()
        row = best.loc[best["gained"].idxmax()]
        now = of_group(purchases[purchases["option"] == "nothing"], row, keys_of(purchases))["value"]
        now = f" from {now.iloc[0]:.3g}" if len(now) else ""
        yield finding(NOTEBOOK, "next purchase", f"The next money is best spent on {wins.index[0]} on {wins.iloc[0]} of {len(best)} "
                      f"targets; most on {named(row)}, where {row['option']} bring what is detected, by other such raters too,{now} to "
                      f"{interval(row)} points, {row['gained']:.2g} for a hundred ratings' money; n = {row['n_items']:,} items.",
                      severity="ok", evidence=evidence(row), action=f"Buy {row['option']} first there.")


def halves(study: pd.DataFrame, row: pd.Series, keys: list[str]) -> str:
    """The split-half reliability of a group's ranking, as text."""
    own = of_group(study[(study["name"] == "split_half") & study["value"].notna()], row, keys)
    return f"; with the same raters, halves of the prompts rank alike by {interval(own.iloc[0])}" if len(own) else ""


def of_group(rows: pd.DataFrame, row: pd.Series, keys: list[str]) -> pd.DataFrame:
    """The rows of the group that a row is of."""
    for key in keys:
        rows = rows[rows[key].isna()] if row[key] is None or row[key] != row[key] else rows[rows[key] == row[key]]
    return rows
