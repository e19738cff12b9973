"""From the comparison of two rubric versions to sentences a programme can act on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench.errors import examples
from workbench.estimates import finding, findings_table
from workbench.rubric.beside import DIFFERENCE
from workbench.rubric.pairing import NO_SECOND

NOTEBOOK = "rubric"
BRIDGE = "Have the same raters rate some 100 items under both versions before old and new scores are compared."


def findings(compared: pd.DataFrame, shifted: pd.DataFrame, *, changed: pd.DataFrame | None = None,
             confidence: float = 0.95) -> pd.DataFrame:
    """What the tables of `compare`, `shift` and `diff` say, as findings.

    A change asks for attention where it is told from 0 after one Holm correction over all criteria, agreement and scores together,
    at `confidence`: which holds the share of reports that make up a change, and so the false discovery rate. Of 200 simulated reports
    on three criteria and 34 prompts without any change 17 made one up at 0.95 (33 with a correction for agreement and one for
    scores). It is "found" where both halves of the bridge set show it. What cannot be told is "unknown", once for all criteria with
    the same reason.
    """
    differences, means = compared[compared["name"] == DIFFERENCE], shifted[shifted["name"] == "mean_shift"]
    if compared.empty or differences.empty:
        rows = [finding(NOTEBOOK, "versions", f"Rubric versions cannot be compared: {NO_SECOND}.", severity="unknown",
                        action="Nothing to do until a new version is in use; then bridge it.")]
        return findings_table(rows)
    rows = [*unknowns(differences, "agreement"), *unknowns(means, "scores")]
    told, n = told_apart(pd.concat([differences, means]), confidence), len(records(differences))
    new, old = map(versioned, str(differences["rubric_version"].iloc[0]).split(" less "))
    rows += [agreement(row | {"new": new, "old": old}, is_told, len(told)) for row, is_told in zip(records(differences), told[:n])]
    rows += [scores(row | {"new": new, "old": old}, is_told, len(told)) for row, is_told in zip(records(means), told[n:])]
    if changed is not None and len(changed):
        rows.append(wording(changed))
    elif changed is not None:
        rows.append(finding(NOTEBOOK, "rubric files", "What changed in the rubric cannot be said: it has no files of two versions.",
                            severity="unknown", action="Keep each version as rubrics/NAME-VERSION.toml; `workbench check "
                            "--write-rubrics` drafts them."))
    return findings_table(rows)


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows with a value."""
    return table[table["value"].notna()].to_dict("records")


def told_apart(table: pd.DataFrame, confidence: float) -> np.ndarray:
    """For each row with a value whether it differs from 0: t test of value over standard error with `df`, Holm (1979) over the rows."""
    from scipy.special import stdtr
    from statsmodels.stats.multitest import multipletests

    known = table[table["value"].notna()]
    if known.empty:
        return np.zeros(0, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(np.maximum(known["df"], 1), -np.abs(known["value"] / known["se"]).fillna(0)).to_numpy()
    return multipletests(p, alpha=1 - confidence, method="holm")[0]


def unknowns(table: pd.DataFrame, what: str) -> list[dict[str, object]]:
    """One finding a kind of reason (its words before the colon), naming the criteria."""
    lost = table[table["value"].isna()]
    return [finding(NOTEBOOK, f"{what} untold", f"Whether {what} changed with the rubric cannot be told for "
                    f"{examples(sorted(part['criterion']))}: {part['note'].iloc[0]}.", severity="unknown", where={"reason": kind},
                    evidence=part.iloc[0].to_dict(), action=BRIDGE)
            for kind, part in lost.groupby(lost["note"].str.split(":").str[0], sort=True)]


def versioned(name: str) -> str:
    """A version as it stands in a sentence: "version 2", or "rubric quality 2" where the rubrics differ too."""
    return f"rubric {name}" if " " in name else f"version {name}"


def interval(row: Mapping[str, object]) -> str:
    """An estimate with its interval as text."""
    ends = f" [{row['low']:+.2f}, {row['high']:+.2f}]" if row["low"] == row["low"] else ""
    return f"{row['value']:+.2f}{ends}"


def chance(row: Mapping[str, object], told: bool, n: int) -> str:
    """What to say of an interval without 0 that is no evidence among `n` comparisons."""
    return f"; among {n} comparisons chance gives such an interval too" if not told and (row["low"] > 0 or row["high"] < 0) else ""


def agreement(row: Mapping[str, object], told: bool, n: int) -> dict[str, object]:
    """The sentence on one criterion's agreement, one of `n` comparisons."""
    better = row["value"] > 0
    basis = (f"alpha {interval(row)} on the {row['n_items']:,} items that the same {row['n_raters']:,} raters rated under both"
             f"{chance(row, told, n)}")
    if not told:
        sentence = f"On {row['criterion']}, whether raters agree better under {row['new']} than under {row['old']} cannot be told: {basis}."
        action = "Extend the bridge set if the answer matters."
    else:
        way = "better" if better else "less"
        sentence = f"On {row['criterion']}, raters agree {way} under {row['new']} than under {row['old']}: {basis}."
        action = "Keep the new wording." if better else "Find the wording that lets raters part, on bridge items whose ratings moved."
    severity = "unknown" if not told else "ok" if better else "attention"
    return finding(NOTEBOOK, "agreement", sentence, severity=severity, action=action, evidence=row,
                   status="found" if told and row["repeats"] else "watch", where={"criterion": row["criterion"]})


def scores(row: Mapping[str, object], told: bool, n: int) -> dict[str, object]:
    """The sentence on one criterion's scores, one of `n` comparisons."""
    basis = f"mean {interval(row)} for the same raters and items (n = {row['n_items']:,} items){chance(row, told, n)}"
    if told:
        way = "higher" if row["value"] > 0 else "lower"
        sentence = f"On {row['criterion']}, scores are {way} under {row['new']} than under {row['old']}: {basis}."
        action = "Draw no trend line across the change of version, and compare systems within one version."
    else:
        sentence, action = f"On {row['criterion']}, from {row['old']} to {row['new']} no shift of scores is told from 0: {basis}.", ""
    return finding(NOTEBOOK, "scores", sentence, severity="attention" if told else "ok", action=action, evidence=row,
                   status="found" if told and row["repeats"] else "watch", where={"criterion": row["criterion"]})


def wording(changed: pd.DataFrame) -> dict[str, object]:
    """One sentence on what the files say has changed."""
    named = changed[changed["what"] != "stated"]
    stated = changed.loc[changed["what"] == "stated", "new"]
    counted = ", ".join(f"{name} ({', '.join(sorted(set(part['what'])))})" for name, part in named.groupby("criterion", sort=True))
    apart = sorted(set(named.loc[named["comparable"] != "yes", "criterion"]))
    said = f' It says of itself: "{stated.iloc[-1]}"' if len(stated) else ""
    return finding(NOTEBOOK, "wording", f"The rubric files differ in: {counted or 'nothing'}.{said}",
                   severity="attention" if apart else "ok", status="found",
                   action=f"Do not pool {examples(apart)}: scale or levels differ." if apart else "")
