"""What to conclude of transfer: which gains are seen by those who do not profit from them, and which proxies have come apart."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from workbench.errors import examples, shorten
from workbench.estimates import MEASURES, finding, findings_table
from workbench.signal.hacking_signs import EXPLAINS
from workbench.signal.slopes import NOT, TRANSFERS, UNKNOWN

NOTEBOOK = "signal"
TOLD = 4                 # programs told one by one
SATURATED = 0.8          # share of ratings at the top of the scale that leaves little room for gains
TOLERATED = 0.1          # share of what experts fail that a program may pass before it is worth a look


def transfer_findings(*, coupled: pd.DataFrame, hacked: pd.DataFrame | None = None, errors: pd.DataFrame | None = None) -> pd.DataFrame:
    """Which gains transfer, which do not, and what would tell: a findings table.

    coupled: from `signal.coupling`. hacked: from `signal.hacking`. errors: from `signal.program_errors`. "alarm": a gain that
    independent parties do not see; "attention": a proxy that left its reference, a confound that explains a gain, a saturated proxy,
    a program that passes what experts fail; "unknown": cannot tell, with the prompts that would. Every finding is `watch`: it is
    `found` when later ratings repeat it.

    >>> import pandas as pd, workbench as wb
    >>> from workbench.signal import coupling
    >>> table = coupling(wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3], "bob": [1, 3, 3]})))
    >>> transfer_findings(coupled=table)["severity"].tolist()
    ['unknown']
    """
    rows = [*apart(coupled[coupled["role"] == "independent"], "coupling", "the coupled measure")]
    if hacked is not None:
        rows += [*apart(hacked[hacked["role"] == "reference"], "hacking", ""), *explained(hacked), *full(hacked)]
        if (hacked["role"] != "reference").all():
            rows += nothing_known(hacked[hacked["verdict"] == UNKNOWN], "hacking")
    if errors is not None:
        rows += passing(errors[errors["value"].notna()])
    return findings_table(rows)


def apart(rows: pd.DataFrame, subject: str, first: str) -> Iterator[dict[str, object]]:
    """Gains that transfer, do not, or cannot be told."""
    for verdict, severity in ((NOT, "alarm" if subject == "coupling" else "attention"), (TRANSFERS, "ok")):
        for _, row in rows[rows["verdict"] == verdict].iterrows():
            who = first or str(row["against"])
            yield finding(NOTEBOOK, f"{subject} {verdict}", f"On {named(row)} the gain on {who} {verdict} to {row['measure']}: they see "
                          f"{interval(row)} of it over {row['n_versions']} versions ({row['n_items']:,} items).", severity=severity,
                          where=where(row), evidence=evidence(row), action=ACTIONS[subject] if verdict == NOT else "")
    yield from nothing_known(rows[rows["verdict"] == UNKNOWN], subject)


ACTIONS = {"coupling": "Do not claim this gain; have independent raters judge the next version, under a rubric of their own.",
           "hacking": "Stop selecting on this proxy until it is repaired; read answers that it and the reference rank apart."}


def nothing_known(rows: pd.DataFrame, subject: str) -> Iterator[dict[str, object]]:
    """What cannot be told, one sentence a reason, with the prompts that would tell."""
    reason = rows["note"].str.split(";").str[0].where(rows["ratio"].isna(), "the interval of the ratio holds one half")
    for place, (why, same) in enumerate(rows.groupby(reason, sort=False)):
        names = list(dict.fromkeys(f"{named(row)} ({row['measure']}{beside(row)})" for _, row in same.iterrows()))
        need = same["n_needed"].dropna()
        span = " to ".join(dict.fromkeys(f"{n:,.0f}" for n in (need.min(), need.max())))
        more = f" Some {span} prompts would tell a whole gain from none." if len(need) else ""
        asked = "whether a gain on the coupled measure transfers" if subject == "coupling" else "whether a proxy keeps to its reference"
        at = f" on {len(names)} targets, {examples(names)}" if len(names) > 1 else f" on {names[0]}"
        apart_from = {"reason": shorten(why, 200)} if place or len(rows) > 1 else {}
        yield finding(NOTEBOOK, f"{subject} cannot tell", f"We cannot tell {asked}{at}: {why or 'nothing is known'}.{more}",
                      severity="unknown", where=apart_from, evidence=evidence(same.iloc[0]))


def explained(hacked: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Columns without which a proxy has no gain."""
    for _, row in hacked[hacked["verdict"] == EXPLAINS].iterrows():
        yield finding(NOTEBOOK, "confound", f"On {named(row)} {row['measure']} explains the gain on {row['against']}: held constant, "
                      f"{interval(row)} of it stays.", severity="attention", where=where(row), evidence=evidence(row),
                      action=f"See whether experts reward {row['measure']} too; if not, take it out of the proxy.")


def full(hacked: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Proxies whose last version has most ratings at the top."""
    rows = hacked[(hacked["role"] == "proxy") & (hacked["ceiling"] >= SATURATED)]
    if len(rows):
        names = [f"{named(row)} ({row['measure']}, {row['ceiling']:.0%})" for _, row in rows.iterrows()]
        yield finding(NOTEBOOK, "saturated", f"The last version has most ratings at the top of the scale on {examples(names)}: no further "
                      "gain can show there.", severity="attention", action="Use harder tasks or a finer scale there.")


def passing(errors: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Programs that are surely wrong more often than tolerated; and in a sentence the others."""
    bad = errors[errors["low"] > TOLERATED].sort_values("value", ascending=False, kind="stable")
    for _, row in bad.head(TOLD).iterrows():
        what = "passes {} of the items that experts fail" if row["name"] == "false_pass" else "fails {} of the items that experts pass"
        yield finding(NOTEBOOK, row["name"].replace("_", " "), f"{row['program']} {what.format(share(row))} (n = {row['n_items']:,}).",
                      severity="attention", where=where(row) | {"program": row["program"]}, evidence=evidence(row),
                      action="Read these items; tighten the check, or take it out of the reward.")
    if len(errors) > len(bad):
        yield finding(NOTEBOOK, "programs", f"{len(errors) - len(bad)} of {len(errors)} error rates of programs are not surely above "
                      f"{TOLERATED:.0%}.", severity="ok")


def named(row: pd.Series) -> str:
    """A target as a reader names it."""
    return shorten(row["instrument"], 80) + (f", {shorten(row['group'], 60)}" if row["group"] != "all ratings" else "")


def beside(row: pd.Series) -> str:
    """The proxy that a reference stands beside."""
    return f" beside {row['against']}" if row.get("against") else ""


def where(row: pd.Series) -> dict[str, object]:
    """A row's slice: its grouping columns, and which two measures."""
    keys = list(row.index[1:list(row.index).index("value")])
    return {k: row[k] for k in keys if k not in ("role", "program") and row[k] is not None and row[k] == row[k] and row[k] != ""}


def evidence(row: pd.Series) -> dict[str, object]:
    """The ratio as a finding's evidence, or the estimate where a row has none."""
    own = {c: row[c] for c in ("name", *MEASURES)}
    if "ratio" not in row or row["ratio"] != row["ratio"]:
        return own
    low, high = (end if math.isfinite(end) else math.nan for end in (row["ratio_low"], row["ratio_high"]))
    return own | {"name": "transfer_ratio", "value": row["ratio"], "low": low, "high": high, "se": math.nan}


def interval(row: pd.Series) -> str:
    """A ratio with its interval, as text."""
    low, high = row["ratio_low"], row["ratio_high"]
    if math.isinf(low) or math.isinf(high):     # noise of one measure is unknown: one end alone is
        return f"at most {high:.2f}" if math.isinf(low) else f"at least {low:.2f}"
    return f"{row['ratio']:.2f} [{low:.2f}, {high:.2f}]"


def share(row: pd.Series) -> str:
    """A share with its interval, as text."""
    return f"{row['value']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"
