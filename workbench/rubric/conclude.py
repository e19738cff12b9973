"""From the comparison of two rubric versions to sentences a programme can act on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench.errors import examples, shorten
from workbench.estimates import finding, findings_table
from workbench.rubric.altered import Merge
from workbench.rubric.beside import DIFFERENCE
from workbench.rubric.figures import SEPARATION as WHAT_IF
from workbench.rubric.instruments import OTHER_POOL
from workbench.rubric.pairing import NO_SECOND

NOTEBOOK = "rubric"
SEPARATION = "difference of separation_per_hour"
VERSION = ["rubric", "rubric_version"]
FALSE_SHARE = 0.05      # of the items said to show a hole, all versions together
SMALL_LOSS = 0.1        # of the separation of systems: so little that levels may be made one
UNTOLD = {"separation": "separation of systems", "agreement": "agreement", "scores": "scores"}
BRIDGE = "Have the same raters rate some 100 items under both versions before old and new scores are compared."


def findings(compared: pd.DataFrame, shifted: pd.DataFrame, *, changed: pd.DataFrame | None = None, ranked: pd.DataFrame | None = None,
             holes: pd.DataFrame | None = None, tried: pd.DataFrame | None = None, merge: Merge | None = None,
             confidence: float = 0.95) -> pd.DataFrame:
    """What the tables of `compare`, `shift`, `diff`, `rank_systems`, `underrepresented` and `what_if` (of `merge`) say, as findings.

    A change asks for attention where it is told from 0 after one Holm correction over all criteria, separation, agreement and scores
    together, at `confidence`: which holds the share of reports that make up a change, and so the false discovery rate. It is "found"
    where both halves of the bridge set show it. What cannot be told is "unknown", once for all criteria with the same reason.
    """
    named = {subject: table[table["name"] == name] for subject, table, name in (
        ("separation", compared, SEPARATION), ("agreement", compared, DIFFERENCE), ("scores", shifted, "mean_shift"))}
    further = [] if ranked is None else [*orders(ranked), *leaders(ranked)]
    further += [] if holes is None else unexplained(holes)
    further += [] if tried is None else mergers(tried, merge or {})
    rows: list[dict[str, object]] = []
    if named["agreement"].empty:
        rows.append(finding(NOTEBOOK, "versions", f"Rubric versions cannot be compared: {NO_SECOND}.", severity="unknown",
                            action="Nothing to do until a new version is in use; then bridge it."))
        return findings_table(rows + further)
    new, old = map(versioned, str(named["agreement"]["rubric_version"].iloc[0]).split(" less "))
    told = iter(all_told := told_apart(pd.concat(list(named.values())), confidence))
    for (subject, table), sentence in zip(named.items(), (separation, agreement, scores)):
        rows += unknowns(table, UNTOLD[subject])
        known = [(row | {"new": new, "old": old}, next(told)) for row in records(table)]
        if subject == "separation":
            rows += unseparated([row for row, is_told in known if not is_told])
            known = [(row, is_told) for row, is_told in known if is_told]
        rows += [sentence(row, is_told, len(all_told)) for row, is_told in known]
    if changed is not None and len(changed):
        rows.append(wording(changed))
    elif changed is not None:
        rows.append(finding(NOTEBOOK, "rubric files", "What changed in the rubric cannot be said: it has no files of two versions.",
                            severity="unknown", action="Keep each version as rubrics/NAME-VERSION.toml; `workbench check "
                            "--write-rubrics` drafts them."))
    return findings_table(rows + further)


def leaders(ranked: pd.DataFrame) -> list[dict[str, object]]:
    """One finding a version under which more than one system may be the best, naming the criteria."""
    rows, leads = [], ranked[ranked["name"] == "leader_share"].set_index([*VERSION, "criterion", "system"])["value"]
    for key, of_version in ranked[(ranked["name"] == "rank") & ranked["value"].notna()].groupby(VERSION, sort=True):
        said, evidence = [], None
        for criterion, part in of_version.groupby("criterion", sort=True):
            first = part[part["low"] <= 1].sort_values("value", kind="stable")
            if len(first) > 1:
                top, share = first.iloc[0], leads[*key, criterion, first["system"].iloc[0]]
                led = f"{top['system']} leads in {share:.0%} of draws" if share == share else "all have one value"
                said.append(f"{criterion} ({len(first)} of {len(part)}: {examples(list(first['system']))}; {led})")
                evidence = evidence if evidence is not None else top.to_dict()
        if said:
            rows.append(finding(
                NOTEBOOK, "leader", f"Under {under(key, ranked)} more than one system may be the best on {', '.join(said)}.",
                severity="unknown", where=dict(zip(VERSION, key)), evidence=evidence,
                action="Name no winner there; rate more prompts, or compare on a criterion that separates."))
    return rows


def orders(ranked: pd.DataFrame) -> list[dict[str, object]]:
    """One finding a criterion for which two versions are told to rank systems differently."""
    taus = ranked[(ranked["name"] == "kendall_tau") & (ranked["high"] < 1)]
    return [finding(NOTEBOOK, "orders", f"On {row['criterion']}, {under((row['rubric'], row['rubric_version']), ranked)} and "
                    f"{row['other']} rank systems differently: Kendall's tau {interval(row)} (n = {row['n_items']:,} items).",
                    severity="attention", evidence=row,
                    where={c: row[c] for c in ("criterion", *VERSION, "other")},
                    action="Say under which version a ranking was made; look at the systems that change places.")
            for row in taus.to_dict("records")]


def unexplained(holes: pd.DataFrame) -> list[dict[str, object]]:
    """One finding a version whose overall verdicts say on some items what its criteria do not."""
    rows, share = [], FALSE_SHARE / max(len(holes[VERSION].drop_duplicates()), 1)
    for key, part in holes[holes["q"] < share].groupby(VERSION, sort=True):
        worst, n = part.iloc[0], (holes[VERSION] == list(key)).all(axis=1).sum()
        evidence = {"name": "excess", "value": worst["excess"], "low": worst["low"], "high": worst["high"], "n_items": len(part)}
        rows.append(finding(
            NOTEBOOK, "hole", f"On {len(part):,} of {n:,} items the overall verdict under {under(key, holes)} says what no criterion does, "
            f"most on {examples([shorten(str(i), 30) for i in part['item_id'].head(3)])}: "
            f"{interval(evidence)} on the first.",
            severity="attention", where=dict(zip(VERSION, key)), evidence=evidence, action="Read them; add or reword a criterion."))
    return rows


def mergers(tried: pd.DataFrame, merge: Merge) -> list[dict[str, object]]:
    """One finding a criterion of which it is told what merging its levels costs the separation of systems, and one for all others.

    The pair of levels was chosen by looking, so the interval holds for all pairs of all criteria that might have been (Bonferroni). A cost
    is small or large beside a separation that is told from none.
    """
    rows, table, untold = [], tried.set_index(["criterion", "name"]), []
    looked_at = sum(1 + int(table.loc[(criterion, WHAT_IF), "n_random"]) for criterion in merge)
    for criterion, groups in merge.items():
        cost, alpha = (table.loc[(criterion, name)].to_dict() | {"name": name} for name in (WHAT_IF, "krippendorff_alpha"))
        cost |= widened(cost, looked_at)
        levels = "; ".join(" and ".join(map(str, group)) for group in groups)
        said = f"On {criterion}, levels {levels} as one would change alpha by {interval(alpha)} and the separation of systems by " \
            f"{interval(cost)} from {cost['before']:.1f} (n = {cost['n_items']:,} items; one interval for {looked_at} merges looked at)"
        place = {"criterion": criterion}
        if cost["high"] < 0:
            rows.append(finding(NOTEBOOK, "merge", f"{said}: the difference between them carries signal.", severity="ok", where=place,
                                evidence=cost, status="watch", action="Keep them apart; show raters where the line runs."))
        elif cost["before_low"] > 0 and cost["low"] > -SMALL_LOSS * cost["before"]:
            rows.append(finding(NOTEBOOK, "merge", f"{said}: less than {SMALL_LOSS:.0%} is lost.", severity="ok", where=place,
                                evidence=cost, status="watch", action="Word what parts them, or try them as one in a draft version."))
        else:
            why = interval(cost) if cost["value"] == cost["value"] else str(cost["note"]).split("; ")[0]
            untold.append((f"{criterion} ({levels}: {why})", cost))
    if untold:
        rows.append(finding(NOTEBOOK, "merge", "Whether systems would part less with the levels as one that raters tell apart least cannot "
                            f"be told on {', '.join(words for words, _ in untold)}.", severity="unknown", evidence=untold[0][1],
                            action="Keep them; more prompts with several systems would tell."))
    return rows


def widened(row: Mapping[str, object], n: int) -> dict[str, float]:
    """The ends of a t interval made to hold for `n` such at once (Bonferroni), its degrees of freedom read off its width."""
    from scipy.special import stdtridf, stdtrit

    if not row["se"] > 0:
        return {}
    tail = (1 - row["confidence"]) / 2
    df = stdtridf(1 - tail, (row["high"] - row["low"]) / 2 / row["se"])
    reach = row["se"] * stdtrit(min(df, 1e6) if df > 0 else 1e6, 1 - tail / n)
    return {"low": row["value"] - reach, "high": row["value"] + reach}


def under(key: tuple[str, str], table: pd.DataFrame) -> str:
    """A rubric's version as it stands in a sentence; with the rubric's name where the table has several."""
    return versioned(f"{key[0]} {key[1]}" if table["rubric"].nunique() > 1 else str(key[1]))


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """The rows with a value."""
    return table[table["value"].notna()].to_dict("records")


def told_apart(table: pd.DataFrame, confidence: float) -> np.ndarray:
    """For each row with a value whether it differs from 0: t test of value over standard error with `df`, Holm (1979) over the rows."""
    from scipy.special import stdtr

    known = table[table["value"].notna()]
    if known.empty:
        return np.zeros(0, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(np.maximum(known["df"], 1), -np.abs(known["value"] / known["se"]).fillna(0)).to_numpy()
    order, kept = np.argsort(p, kind="stable"), np.zeros(len(p), bool)
    kept[order] = np.logical_and.accumulate(p[order] <= (1 - confidence) / np.arange(len(p), 0, -1))
    return kept


def unknowns(table: pd.DataFrame, what: str) -> list[dict[str, object]]:
    """One finding a kind of reason (its words before the colon), naming the criteria."""
    lost = table[table["value"].isna()]
    return [finding(NOTEBOOK, f"{what} untold", f"Whether {what} changed with the rubric cannot be told for "
                    f"{examples(sorted(part['criterion']))}: {part['note'].iloc[0]}.", severity="unknown", where={"reason": kind},
                    evidence=part.iloc[0].to_dict(), action=BRIDGE if "bridge" in kind else "")
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


def unseparated(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """One sentence on the criteria of which it is not told which version separates systems better."""
    if not rows:
        return []
    said = ", ".join(f"{row['criterion']} ({interval(row)})" for row in rows)
    return [finding(NOTEBOOK, "separation untold", f"Whether {rows[0]['new']} separates systems better than {rows[0]['old']} cannot be "
                    f"told on {said}: signal to noise per rater-hour (n = {max(row['n_items'] for row in rows):,} items).",
                    severity="unknown", evidence=rows[0], action="Extend the bridge set, with every system in it, if the answer matters.")]


def separation(row: Mapping[str, object], told: bool, n: int) -> dict[str, object]:
    """The sentence on one criterion of which it is told which version tells systems further apart for an hour of rating."""
    better, pool = row["value"] > 0, OTHER_POOL in str(row["note"])
    sentence = (f"On {row['criterion']}, {row['new']} separates systems {'better' if better else 'less'} than {row['old']}: "
                f"signal to noise {interval(row)} per rater-hour (n = {row['n_items']:,} items)")
    action = "Keep it." if better else "Mend the wording before the next campaign."
    if pool:
        sentence, action = f"{sentence}, but with other raters", "Assign raters at random, or bridge, to tell rubric from raters."
    return finding(NOTEBOOK, "separation", f"{sentence}.", severity="unknown" if pool else "ok" if better else "attention",
                   action=action, evidence=row, status="found" if row["repeats"] else "watch", where={"criterion": row["criterion"]})


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
