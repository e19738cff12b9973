"""From tables of agreement to findings: sentences with an estimate, an interval and n."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.estimate import ONE_LEVEL
from workbench.agreement.rare import HOLDS_LESS, OFF_LEVEL
from workbench.agreement.verdicts import on_autorater, on_connectivity, on_gold, on_plan, on_scorecard
from workbench.estimates import MEASURES, THESE_RATERS, finding, findings_table

NOTEBOOK = "agreement"
FEWEST = 10       # items below which the interval of alpha is too narrow to be held against a threshold
NOT_SLICES = {"name", "rater_id", "n_unpaired", *MEASURES}


def findings(summary: pd.DataFrame, *, raters: pd.DataFrame | None = None, connectivity: pd.DataFrame | None = None,
             autorater: pd.DataFrame | None = None, calibration: pd.DataFrame | None = None, decision_study: pd.DataFrame | None = None,
             scorecard: pd.DataFrame | None = None, poor: float = 0.2, fair: float = 0.4, least: float = 0.01,
             false_discovery: float = 0.05) -> pd.DataFrame:
    """What the tables of this folder's functions let one say, as a findings table; each is named as the function that made it.

    For each group one finding on alpha, by where its interval lies: "ok" at or above `fair`; "alarm" below `poor`; "unknown"
    where alpha is undefined, has no interval, or the interval holds both 0 and `fair`, with how many items would tell;
    "attention" between; fewer than 10 items are always "unknown".
    `fair` and `poor` say when a report should draw the eye (0.4 and 0.2 are where Landis and Koch (1977)
    end "fair" and "slight" agreement, doi:10.2307/2529310); they do not certify data. Krippendorff (2018) asks for .8, and .667
    for tentative conclusions: pass fair=0.667 to hold a panel to that.

    With `raters`, a `watch` for each rater without whom alpha is higher by `least`, where a t test of the influence survives
    Benjamini and Hochberg (1995) at the rate `false_discovery` over all raters and groups of the table,
    doi:10.1111/j.2517-6161.1995.tb02031.x; "unknown" where most of its items have no pair without it, for then the items go with it.

    `connectivity`: "attention" where members fall into sets that share no item, or hang together by fewer than 10. `autorater`: "attention"
    where the interval of its difference from the humans lies below 0, "unknown" where it reaches below -0.1 and above 0.
    `scorecard`: the same of the party's alpha, and "attention" where its scores surely differ. Both hold a difference for one only where
    it survives Benjamini and Hochberg over their table. `calibration`, `decision_study`: how often the majority is right, how reliable
    means are and what more would buy, for the group where this is least; "attention" where it is surely below a half.

    >>> import pandas as pd, workbench as wb
    >>> panel = wb.from_matrix(pd.DataFrame({"ann": [1, 2] * 60, "bob": ([1, 2] * 5 + [2, 1]) * 10}), scale="nominal")
    >>> findings(wb.agreement.summary(panel))["sentence"][0].split(" (")[0]
    'Raters agree on overall well beyond chance: alpha 0.67'
    """
    alpha = summary[summary["name"] == "krippendorff_alpha"]
    said = [(connectivity, on_connectivity), (scorecard, partial(on_scorecard, false_discovery=false_discovery)),
            (alpha, lambda table: [_on_group(row, poor, fair) for row in table.to_dict("records")]),
            (raters, lambda table: [_on_rater(row) for row in harmful(table, least, false_discovery)]),
            (autorater, partial(on_autorater, false_discovery=false_discovery)), (calibration, on_gold), (decision_study, on_plan)]
    return findings_table(row for table, say in said if table is not None for row in say(table))


def harmful(raters: pd.DataFrame, least: float, false_discovery: float) -> list[dict[str, object]]:
    """Rows of `influence` of `least` or more that survive Benjamini and Hochberg, the strongest first."""
    from scipy.special import stdtr

    rows = raters[(raters["name"] == "influence") & (raters["se"] > 0)]
    if rows.empty:
        return []
    p = resample.false_discovery(2 * stdtr(rows["n_items"] - 1, -np.abs(rows["value"] / rows["se"])))
    return rows[(p <= false_discovery) & (rows["value"] >= least)].sort_values("value", ascending=False).to_dict("records")


def _on_group(row: Mapping[str, object], poor: float, fair: float) -> dict[str, object]:
    """The finding on one group's alpha."""
    where = _slice(row)
    on = f" on {', '.join(where.values())}" if where else ""
    if math.isnan(row["value"]) or math.isnan(row["low"]):
        text = "undefined" if math.isnan(row["value"]) else f"{row['value']:.2f} without an interval"
        why = row["note"] if row["n_ratings"] or not row["n_dropped"] else (
            f"none of {row['n_dropped']:,} ratings counts: a human's or expert's first one with a value, planned or for audit")
        sentence = f"Whether raters agree{on} cannot be told: alpha is {text} ({why}; {_counts(row)})."
        action = "See that the column holds what raters answered; if it does, rate items that deserve other levels too." \
            if row["note"].startswith(ONE_LEVEL) else "Have more items rated by two or more raters."
        return finding(NOTEBOOK, "agreement", sentence, severity="unknown", where=where, evidence=row, action=action)
    severity, says, action = _verdict(row, poor, fair) if row["n_items"] >= FEWEST else (
        "unknown", "Whether raters agree{on} beyond chance cannot be told from so few items",
        f"Have {max(items_needed(row, fair), FEWEST - row['n_items']):,} or more further items rated twice or more.")
    few = next((f"; {part.split(':')[0]}" for part in row["note"].split("; ") if OFF_LEVEL in part), "")
    if severity == "alarm" and HOLDS_LESS in row["note"]:
        severity, says = "unknown", "Whether raters agree{on} beyond chance cannot be told from so few items off the commonest level"
        action = "Rate more items that deserve the rarer levels."
    sentence = f"{says.format(on=on)}: alpha {_interval(row)}{few}."
    return finding(NOTEBOOK, "agreement", sentence, severity=severity, where=where, evidence=row, action=action)


def _verdict(row: Mapping[str, object], poor: float, fair: float) -> tuple[str, str, str]:
    """Severity, the sentence's beginning and what to do."""
    low, high = row["low"], row["high"]
    if low >= fair:
        return "ok", "Raters agree{on} well beyond chance", ""
    if high < poor:
        return "alarm", "Raters hardly agree{on} beyond chance", "Review rubric and raters before training on these ratings."
    if low <= 0 and high >= fair:
        more = items_needed(row, fair)
        return "unknown", "Whether raters agree{on} beyond chance cannot be told yet", \
            f"Have about {more:,} more items rated twice or more."
    if high < fair:
        return "attention", "Raters agree{on} little beyond chance", \
            "Look at the items and raters that disagree most, then at the rubric's wording."
    return "attention", f"Raters agree{{on}} beyond chance, but not surely by as much as {fair:g}", \
        f"Have about {items_needed(row, fair):,} more items rated to tell, or look at the items that disagree most."


def items_needed(row: Mapping[str, object], threshold: float) -> int:
    """How many more items would part alpha from `threshold`, if it stays where it is: the interval narrows as 1 / sqrt(items).

    At most a hundredfold: an alpha on the threshold is never parted from it.
    """
    reach, gap = (row["high"] - row["low"]) / 2, abs(row["value"] - threshold)
    times = min((reach / gap) ** 2, 100) if gap > 0 else 100
    return max(1, math.ceil(round(row["n_items"] * (times - 1), 6)))


def _on_rater(row: Mapping[str, object]) -> dict[str, object]:
    """The finding on a rater without whom alpha is higher."""
    where = _slice(row) | {"rater_id": str(row["rater_id"])}
    on = ", ".join(_slice(row).values())
    on = f" on {on}" if on else ""
    change = f"alpha {row['value']:+.3f} ({_confidence(row)} {row['low']:+.3f} to {row['high']:+.3f}, {row['n_items']:,} shared items"
    if 2 * row.get("n_unpaired", 0) > row["n_items"]:
        sentence = (f"On the items of rater {row['rater_id']} agreement{on} is lower: without them {change}, of which "
                    f"{row['n_unpaired']:,} have no other pair); rater and items cannot be told apart.")
        return finding(NOTEBOOK, "rater or items lower agreement", sentence, severity="unknown", where=where, evidence=row,
                       action="Have some of these items rated by two others.")
    sentence = f"Without rater {row['rater_id']} agreement{on} is higher: {change})."
    return finding(NOTEBOOK, "rater lowers agreement", sentence, severity="attention", status="watch", where=where, evidence=row,
                   action="Review this rater's items with them: a misread rubric and a sound dissent look alike here.")


def _slice(row: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in row.items() if key not in NOT_SLICES}


def _confidence(row: Mapping[str, object]) -> str:
    return f"{100 * row['confidence']:g} %"


def _counts(row: Mapping[str, object]) -> str:
    items, raters = row["n_items"], row["n_raters"]
    return f"{items:,} item{'s' * (items != 1)}, {raters:,} rater{'s' * (raters != 1)}"


def _interval(row: Mapping[str, object]) -> str:
    whom = "these" if row["estimand"] == THESE_RATERS else "such raters as these"
    items, raters = _counts(row).split(", ")
    return f"{row['value']:.2f} ({_confidence(row)} {row['low']:.2f} to {row['high']:.2f}, {items}, {whom} {raters})"
