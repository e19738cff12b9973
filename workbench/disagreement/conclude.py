"""From items, slices and topics to sentences a programme can act on."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from workbench.disagreement.causes import NOTEBOOK, faction_findings, kind_findings, step_findings
from workbench.estimates import finding, findings_table

SHOWN = 6         # findings of a kind spelled out; the tables hold all
FOUR = 4          # ratings of an item that two readings take
BY_NOISE = "3 to 10 % of items with 4 or 5 ratings on five levels, 15 to 24 % on three"   # `simulate` with NULL_EFFECTS


def findings(slices: pd.DataFrame, items: pd.DataFrame, *, terms: pd.DataFrame | None = None, kinds: pd.DataFrame | None = None,
             factions: pd.DataFrame | None = None, parting: pd.DataFrame | None = None, steps: pd.DataFrame | None = None,
             sides: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the tables of `slices`, `items`, `cluster_terms` (`terms`, and `sides` on raters), `kinds`, `factions`, `faction_items`
    (`parting`) and `steps` say, as findings.

    Slices and topics that stand out ask for attention, the clearest first, up to six of a kind; that none does is "ok" with how many
    were looked at. What the data cannot tell is "unknown", with what would tell it.
    """
    if items.empty:
        sentence = "Disagreement cannot be seen: no item was rated by two raters on the same criterion and version."
        return findings_table([finding(NOTEBOOK, "ratings", sentence, severity="unknown",
                                       action="Have a random tenth of the items rated by a second rater.")])
    rows = [] if kinds is None else kind_findings(kinds)
    rows += [] if factions is None else faction_findings(factions, factions.iloc[:0] if parting is None else parting)
    rows += slice_findings(slices) + topic_findings(terms if terms is not None else slices.iloc[:0]) + reading_findings(items)
    rows += [] if sides is None else side_findings(sides, items)
    rows += [] if steps is None else step_findings(steps)
    return findings_table(rows)


def slice_findings(slices: pd.DataFrame) -> list[dict[str, object]]:
    """One a slice that stands out; else one that says none does, or that none could be tested."""
    tested, hot = slices[slices["p"].notna()], slices[slices["status"] != ""]
    if tested.empty:
        noted = sorted({f"{c}: {note}" for c, note in zip(slices["column"], slices["note"]) if note})
        why = "; ".join(noted[:3]) or "no column tells kinds of items apart, with 2 to 30 levels of 10 items or more"
        return [finding(NOTEBOOK, "slices", f"In which slices raters differ more cannot be told: {why}.", severity="unknown",
                        action="" if noted else "Add columns that tell kinds of items apart (task_type, system), to the ratings or an "
                        "items table.")]
    if hot.empty:
        top = tested.iloc[0]
        return [finding(NOTEBOOK, "slices", f"No slice stands out among {len(tested):,} tested. The nearest: {place(top)}, {numbers(top)}.",
                        severity="ok", evidence=top.to_dict())]
    rows = [finding(NOTEBOOK, "hot slice", f"Raters differ more on {place(row)}: {numbers(row)}, whoever rated them.", severity="attention",
                    status=row["status"], where=json.loads(row["slice"]) | rubric_of(row, slices), evidence=row,
                    action="The rubric report says whether the version makes the difference." if row["column"] == "rubric_version" else
                    f"Read these with the raters and write down which reading holds: {row['examples']}.")
            for row in hot.head(SHOWN).to_dict("records")]
    if len(hot) > SHOWN:
        rows.append(finding(NOTEBOOK, "further slices", f"{len(hot) - SHOWN} further slices stand out; the estimates hold them.",
                            severity="ok"))
    return rows


def rubric_of(row: Mapping[str, object], table: pd.DataFrame) -> dict[str, object]:
    """The rubric as part of a finding's place, where more than one occurs."""
    return {"rubric": row["rubric"]} if table["rubric"].nunique() > 1 else {}


def place(row: Mapping[str, object]) -> str:
    """A slice in words."""
    levels = {c: level for c, level in json.loads(row["slice"]).items() if c != "criterion"}
    return f"{row['criterion']} where " + " and ".join(f"{c} is {level}" for c, level in levels.items())


def numbers(row: Mapping[str, object]) -> str:
    """A slice's disagreement beside that of elsewhere."""
    beside = "expected of the two levels" if len(json.loads(row["slice"])) > 2 else "elsewhere"
    return (f"disagreement {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] against {row['elsewhere']:.3f} {beside} "
            f"({row['n_items']:,} items)")


def topic_findings(terms: pd.DataFrame) -> list[dict[str, object]]:
    """One a topic that stands out, on its clearest criterion; else that none does, or why topics cannot be told."""
    if len(terms) and "on" in terms and (terms["on"] == "raters").all():
        why = "Which topics raters part on cannot be told: the items have no text."
        return [finding(NOTEBOOK, "topics", why, severity="unknown")]
    if terms.empty or terms["p"].isna().all():
        why = next((note for note in terms["note"] if note), "no topic has enough items") if len(terms) else "they were not looked for"
        return [finding(NOTEBOOK, "topics", f"Which topics raters part on cannot be told: {why}.", severity="unknown")]
    hot = terms[terms["status"] != ""].drop_duplicates(["cluster", "rubric"])
    if hot.empty:
        return [finding(NOTEBOOK, "topics", f"None of {terms['cluster'].nunique():,} topics of the items' texts has more disagreement "
                        "than the others.", severity="ok", evidence=terms.iloc[0].to_dict())]
    return [finding(NOTEBOOK, "hot topic", f"Raters differ more on the {row['criterion']} of items about {row['terms']}: "
                    f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] beyond other items of their kind "
                    f"({row['size']:,} items).",
                    severity="attention", status=row["status"], evidence=row,
                    where={"criterion": row["criterion"], "terms": row["terms"]} | rubric_of(row, terms),
                    action=f"Say in the rubric what holds for such items. For example: {row['examples']}")
            for row in hot.head(SHOWN).to_dict("records")]


def side_findings(terms: pd.DataFrame, items: pd.DataFrame) -> list[dict[str, object]]:
    """One a group of items on which raters take sides; else that none is, or why it cannot be told."""
    tested, hot = terms[terms["p"].notna()], terms[terms["status"] != ""]
    if tested.empty:
        why = str(terms["note"].iloc[0]).removeprefix("cannot tell: ")
        return [finding(NOTEBOOK, "sides", f"Whether raters take sides on some items cannot be told: {why}.", severity="unknown")]
    if hot.empty:
        return [finding(NOTEBOOK, "sides", "On no group of items do raters part in another way than on the others (looked at: "
                        f"{', '.join(tested['criterion'].unique())}).", severity="ok")]
    hot = hot.assign(group=hot.groupby(["criterion", "rubric"]).cumcount() + 1)
    n_items = items.groupby(["criterion", "rubric"]).size()
    return [finding(NOTEBOOK, "sides", f"On the {row['criterion']} of {row['size']:,.0f} of {n_items[row['criterion'], row['rubric']]:,} "
                    f"items raters take sides beyond severity, scale use and noise: {row['terms']}. Disagreement on these, chosen "
                    f"for that, less the others': {row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}].",
                    severity="attention", status=row["status"], evidence=row,
                    where={"criterion": row["criterion"], "group": row["group"]} | rubric_of(row, terms),
                    action=f"Ask both sides which reading they hold. For example: {row['examples']}")
            for row in hot.head(SHOWN).to_dict("records")]


def reading_findings(items: pd.DataFrame) -> list[dict[str, object]]:
    """On how many items ratings part into two groups, as two readings would and noise does too."""
    enough = items[items["n_ratings"] >= FOUR]
    if enough.empty:
        return [finding(NOTEBOOK, "two readings", f"Two readings of an item cannot be told from noise: no item has {FOUR} ratings or more.",
                        severity="unknown", action=f"Have contested items rated by {FOUR} raters or more.")]
    rows = []
    for key, part in list(enough.groupby(["criterion", "rubric"], sort=True))[:SHOWN]:
        split = part[part["shape"] == "split"]
        named = f": {', '.join(split['item_id'].astype(str).drop_duplicates().head(3))}" if len(split) else ""
        where = {"criterion": key[0]} | rubric_of(part.iloc[0], items)
        sentence = (f"On {key[0]}, ratings part into two groups on {len(split):,} of {len(part):,} items with {FOUR} ratings or "
                    f"more{named}. Noise alone parts some: {BY_NOISE} in simulated panels.")
        rows.append(finding(NOTEBOOK, "two readings", sentence, severity="ok", where=where))
    return rows
