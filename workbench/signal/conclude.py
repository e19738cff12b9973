"""What to conclude of signal: what can be detected, what cannot, and how many more items would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from workbench.errors import examples
from workbench.estimates import finding, findings_table
from workbench.signal.conclude_study import NOTEBOOK, bought, evidence, interval, keys_of, named, repeatable, stepped, where
from workbench.signal.verify import IMPRESSIVE, MODEST, SATURATED

if TYPE_CHECKING:
    from workbench.ratings import Ratings

TOLD = 4                 # targets told one by one; the rest are counted


def findings(ratings: Ratings, *, effects: pd.DataFrame, targets: pd.DataFrame, study: pd.DataFrame | None = None,
             steps: pd.DataFrame | None = None, purchases: pd.DataFrame | None = None) -> pd.DataFrame:
    """What improvement can and cannot be detected, how many more items would, and which steps are real: a findings table.

    ratings: what was judged. effects: from `signal.detectable`. targets: from `signal.verifiability`. study: from
    `signal.reliability`. steps: from `signal.progress`. purchases: from `signal.next_purchase`. "ok": it can be told, or is real;
    "unknown": it cannot yet, or the data cannot say; "attention": a target that cannot be verified, a ceiling, an unreliable order, a
    step down. "found": later ratings repeat it (the halves of verifiability, the weeks of a step); else "watch".

    >>> import pandas as pd, workbench as wb
    >>> from workbench.signal import detectable, verifiability
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 5] * 9, "bob": [1, 3, 3, 5] * 9}))
    >>> findings(ratings, effects=detectable(ratings), targets=verifiability(ratings))["severity"].tolist()
    ['unknown', 'unknown']
    """
    keys = keys_of(effects)
    present = effects[effects["current"].astype(bool)]
    known = present[present["value"].notna()]
    rows = [*standings(targets), *undefined(present[present["value"].isna()]), *short(known[known["value"] > known["target"]], keys),
            *enough(known[known["value"] <= known["target"]], known), *saturated(targets), *ranked(targets)]
    rows += [] if steps is None else stepped(steps)
    rows += [] if study is None else repeatable(study)
    rows += [] if purchases is None or "system" in ratings.missing else bought(purchases)
    if "system" in ratings.missing:
        rows.append(finding(NOTEBOOK, "systems", "No `system`: whether ratings tell systems apart cannot be judged; the effects "
                            "above are those of two systems that shared these items.", severity="unknown",
                            action="Deliver whose output each item is, or map its column to system."))
    return findings_table(rows)


def standings(targets: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Targets that are impressive and cannot be verified, each; and those on which to climb, in one sentence."""
    for standing, severity in ((IMPRESSIVE, "attention"), ("unstable", "attention")):
        rows = targets[targets["standing"] == standing].sort_values("step", ascending=False, kind="stable")
        for _, row in rows.head(TOLD).iterrows():
            lasts = f"; later ratings show {row['stability']:.2g} [{row['stability_low']:.2g}, {row['stability_high']:.2g}] times the " \
                    "earlier step" if row["stability_low"] == row["stability_low"] else ""
            yield finding(NOTEBOOK, standing, f"{named(row)} is {standing}: its mean lies {row['ease']:.0%} up the scale, and a hundred "
                          f"ratings show only steps of {interval(row)} points ({row['step']:.2f} SD), not {row['target']:.3g}; "
                          f"n = {row['n_ratings']:,} ratings{lasts}.", severity=severity, status="found" if row["repeats"] else "watch",
                          where=where(row, keys_of(targets)), evidence=evidence(row),
                          action="Do not claim progress on it yet: mend its rubric or rate more prompts first.")
    modest = targets[targets["standing"] == MODEST]
    if len(modest):
        said = examples([f"{named(row)} ({row['step']:.2f} SD, mean {row['ease']:.0%} up the scale)" for _, row in modest.iterrows()],
                        width=120)
        yield finding(NOTEBOOK, "hillclimbing", f"{len(modest)} of {len(targets)} targets are modest and support hillclimbing: a hundred "
                      f"ratings show a large step on {said}; n = {modest['n_ratings'].min():,} or more ratings each.", severity="ok",
                      status="found" if modest["repeats"].all() else "watch", evidence=evidence(modest.iloc[0]))


def short(rows: pd.DataFrame, keys: list[str]) -> Iterator[dict[str, object]]:
    """Targets whose effect worth detecting is too small for the panel, the furthest first."""
    rows = rows.assign(_lack=rows["value"] / rows["target"]).sort_values("_lack", ascending=False, kind="stable")
    for _, row in rows.head(TOLD).iterrows():
        more = f"{row['n_more']:,.0f} more" if row["n_more"] < 1e9 else "no reasonable number of"
        yield finding(NOTEBOOK, "cannot tell", f"On {named(row)} we cannot tell an improvement of {row['target']:.3g} points: "
                      f"with {row['n_items']:,} items per system the smallest that is found with probability "
                      f"{row['power']:.2g} is {interval(row)}; {more} items per system would{looked(row)}.", severity="unknown",
                      where=where(row, keys), evidence=evidence(row),
                      action="Rate more items or prompts; more ratings of an item help only against rater noise.")
    if len(rows) > TOLD:
        rest = rows.iloc[TOLD:]
        least, most = rest["n_more"].min(), rest["n_more"].max()
        yield finding(NOTEBOOK, "cannot tell others", f"Nor on {len(rest)} further targets, which lack {least:,.0f} to "
                      f"{most:,.0f} items per system.", severity="unknown")


def looked(row: pd.Series) -> str:
    """How long it takes when one looks every week."""
    if not row["n_anytime"] < 1e9:
        return ""
    weeks = f", about {row['weeks_anytime']:,.0f} weeks at the pace so far" if row["weeks_anytime"] == row["weeks_anytime"] else ""
    return f", and {row['n_anytime']:,.0f} in all{weeks} when every look counts"


def enough(rows: pd.DataFrame, known: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Targets on which the effect worth detecting can be detected, in one sentence."""
    if len(rows):
        worst = rows.loc[(rows["value"] / rows["target"]).idxmax()]
        yield finding(NOTEBOOK, "can tell", f"On {len(rows)} of {len(known)} targets the improvement worth detecting can be "
                      f"detected; nearest the limit is {named(worst)}: {interval(worst)} of {worst['target']:.3g} points with "
                      f"{worst['n_items']:,} items per system.", severity="ok", evidence=evidence(worst))


def saturated(targets: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Targets with most ratings at the top of the scale."""
    full = targets[targets["ceiling"] >= SATURATED].sort_values("ceiling", ascending=False, kind="stable")
    if len(full):
        shown = [f"{named(row)} ({row['ceiling']:.0%})" for _, row in full.iterrows()]
        yield finding(NOTEBOOK, "ceiling", f"{len(full)} of {len(targets)} targets leave little room: most ratings are at the "
                      f"top of the scale on {examples(shown)}.", severity="attention",
                      action="Use harder tasks or a finer scale there.")


def ranked(targets: pd.DataFrame) -> Iterator[dict[str, object]]:
    """The most and the least verifiable target, in standard deviations of a rating, beside their difficulty."""
    known = targets[targets["step"].notna()]
    if len(known) > 1:
        best, worst = known.loc[known["step"].idxmin()], known.loc[known["step"].idxmax()]
        alike = f"{best['step']:.2f}" == f"{worst['step']:.2f}"
        said = [f"{named(row)} ({row['step']:.2f} SD, mean {row['mean']:.3g})" for row in (best, worst)]
        sentence = f"A hundred ratings show the same step on all {len(known)} targets: {best['step']:.2f} SD." if alike else \
            f"A hundred ratings show the smallest step on {said[0]}, the largest on {said[1]}."
        yield finding(NOTEBOOK, "verifiability", sentence, severity="ok")


def undefined(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Targets of which nothing can be said, by their reason."""
    for reason, same in rows.groupby(rows["note"].str.split(";").str[0], sort=False):
        names = examples([named(row) for _, row in same.iterrows()])
        yield finding(NOTEBOOK, f"not defined, {reason}", f"What can be detected is not defined on {len(same)} "
                      f"target{'s' * (len(same) > 1)}, {reason}: {names}.", severity="unknown",
                      action="Rate more items, or on an ordered scale.")
