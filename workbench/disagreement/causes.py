"""What the tables of kinds, camps and steps say, as findings."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from workbench.errors import examples
from workbench.estimates import finding

NOTEBOOK = "disagreement"
SAID = {  # what a kind is, and what to do where it is the largest
    "severity": ("some raters being stricter than others",
                 "Calibrate raters on common items, or take severity out of scores (agreement.rasch)."),
    "severity_by_criterion": ("some raters being stricter on single criteria", "Calibrate raters on these criteria."),
    "faction_by_item": ("camps of raters reading items differently", "Bring the camps together over the items on which they part."),
    "item_spread": ("single raters reading items differently, and again so",
                    "Read the items of the hot slices and topics with their raters; mend the rubric there."),
    "rater_spread": ("some raters being noisier than the typical one", "Train or replace the noisy raters (agreement.raters names them)."),
    "rest": ("what a typical rater changes on a second look", "Buy more ratings an item where it matters; wording will not help."),
    "unseparated": ("readings of items or noise, which only repeats tell apart",
                    "Have raters rate some items again, unannounced, days later."),
}


def kind_findings(kinds: pd.DataFrame) -> list[dict[str, object]]:
    """One sentence on what raters differ by most, for all criteria together."""
    known = kinds[kinds["share"].notna()].sort_values("share", ascending=False, kind="stable")
    if known.empty:
        why = next((note for note in kinds["note"] if note), "there are no ratings")
        return [finding(NOTEBOOK, "kinds", f"What raters of an item differ by cannot be told: {why}.", severity="unknown")]
    top = known.iloc[0]
    if math.isnan(top["low"]):
        why = str(top["note"]).split("; ")[-1] or "the shares have no interval"
        return [finding(NOTEBOOK, "kinds", f"What raters of an item differ by cannot be told: {why} (n = {top['n_items']:,} items).",
                        severity="unknown", action="Have more items rated twice.")]
    said = "; ".join(f"{share_text(row)} is {SAID[row['kind']][0]}" for row in known.head(3).to_dict("records"))
    evidence = {"name": "share", "value": top["share"],
                **top[["low", "high", "confidence", "n_items", "n_raters", "n_ratings"]].to_dict()}
    return [finding(NOTEBOOK, "kinds", f"Of what two raters of an item differ by, {said} (n = {top['n_items']:,} items).",
                    severity="unknown" if top["kind"] == "unseparated" else "ok", evidence=evidence, action=SAID[top["kind"]][1])]


def share_text(row: Mapping[str, object]) -> str:
    """A share with its interval."""
    ends = f" [{row['low']:.0%}, {row['high']:.0%}]" if row["low"] == row["low"] else ""
    return f"{row['share']:.0%}{ends}"


def faction_findings(factions: pd.DataFrame, parting: pd.DataFrame) -> list[dict[str, object]]:
    """One a criterion with camps; else that there are none, or that it cannot be told, once for all criteria."""
    rows, none, untold, several = [], {}, {}, factions["rubric"].nunique() > 1
    for (criterion, rubric), part in factions.groupby(["criterion", "rubric"], sort=True):
        n, named = part["n_factions"].iloc[0], f"{criterion} ({rubric})" if several else criterion
        if n == 0:
            none[named] = part["detectable"].iloc[0]
        elif n != n:
            why = next((note for note in part["note"] if note), "too little is known")
            untold.setdefault(why.removeprefix("cannot tell: ").partition("; two of")[0], {})[named] = part["detectable"].iloc[0]
        else:
            rows.append(camps(criterion, rubric, part, parting))
    if none:
        rows.append(finding(NOTEBOOK, "camps", f"On {examples(list(none))}, raters fall into no camps beyond severity, scale use and noise"
                            f"{excluded(list(none.values()))}.", severity="ok"))
    rows += [finding(NOTEBOOK, "camps untold", f"Whether raters fall into camps on {examples(list(names))} cannot be told: {why}"
                     f"{excluded(list(names.values()))}.", severity="unknown", where={"reason": why.split(":")[0]})
             for why, names in untold.items()]
    return rows


def excluded(detectable: list[float]) -> str:
    """Which camps would have been seen on all criteria; "" where camps were seen but judge nearly one thing."""
    least = min((d for d in detectable if d == d), default=None)
    return "" if least is None else (f"; two of equal size whose opinions correlate by {least:.2g} or less would more often than not "
                                     "have been seen")


def camps(criterion: str, rubric: str, part: pd.DataFrame, parting: pd.DataFrame) -> dict[str, object]:
    """The sentence on the camps of one criterion: how many, who, where they part."""
    first, placed = part.iloc[0], part[part["faction"] > 0]
    sizes = placed["faction"].value_counts().sort_index()
    who = "; ".join(f"camp {k}: {examples(sorted(own['rater_id'].astype(str)))}" for k, own in placed.groupby("faction"))
    left = f", {len(part) - len(placed)} not placed" if len(part) > len(placed) else ""
    own = parting[(parting["criterion"] == criterion) & (parting["rubric"] == rubric)] if len(parting) else parting
    where = f" They part most on {examples(list(own['item_id'].astype(str).drop_duplicates()))}." if len(own) else ""
    evidence = {"name": "across", "value": first["across"], "low": first["across_low"], "high": first["across_high"],
                "n_raters": len(part), "n_ratings": int(part["n_ratings"].sum())}
    return finding(
        NOTEBOOK, "camps", f"On {criterion}, raters fall into {len(sizes)} camps of {' and '.join(map(str, sizes))}{left}, whose readings "
        f"correlate {first['across']:.2f} [{first['across_low']:.2f}, {first['across_high']:.2f}] ({who}).{where}", severity="attention",
        status=first["status"] or "watch", where={"criterion": criterion, "rubric": rubric}, evidence=evidence,
        action="Ask both camps for their reading of these items, and write down in the rubric which holds.")


def step_findings(steps: pd.DataFrame) -> list[dict[str, object]]:
    """On trajectories, a sentence a criterion: where raters part first, and whether it carries on."""
    rows = []
    for (criterion, rubric), part in steps[steps["criterion"] != ""].groupby(["criterion", "rubric"], sort=True):
        named = part[part["step"].isna()].set_index("name")
        parting = part[(part["name"] == "parting") & part["value"].notna()]
        if parting.empty:
            continue
        top = parting.loc[parting["value"].idxmax()]
        sentence = (f"On {criterion}, raters who agreed so far part most at step {top['step']:g}: {estimate_text(top)} of pairs "
                    f"(n = {top['n_items']:,} trajectories).")
        first, carry = (named.loc[name] if name in named.index else None for name in ("first_error_agreement", "carry_on"))
        if first is not None and first["value"] == first["value"]:
            sentence += f" {estimate_text(first)} name the same first error."
        on = carry is not None and carry["low"] > 0
        if on:
            sentence += f" A difference carries on: {carry['value']:+.2f} [{carry['low']:+.2f}, {carry['high']:+.2f}] at the next step."
        rows.append(finding(NOTEBOOK, "steps", sentence, severity="attention" if on else "ok", evidence=top.to_dict(),
                            where={"criterion": criterion, "rubric": rubric},
                            action="Say in the rubric how a step is judged that follows a faulty one." if on else ""))
    return rows


def estimate_text(row: Mapping[str, object]) -> str:
    """A share with its interval, from an estimate."""
    return share_text({"share": row["value"], "low": row["low"], "high": row["high"]})
