"""What to conclude of contributors and deliveries, in words that can be shown to whom they are about."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from workbench.drift.deliveries import DELIVERY
from workbench.drift.people_tests import BASELINE
from workbench.errors import examples
from workbench.estimates import finding, findings_table

NOTEBOOK = "drift"
HELD = 0.1               # a measure of delivery that is less than a tenth worse than at first has held
ENDS = (8, 4)            # windows at first and last that are compared
WRITTEN = {"week": "%G-W%V", "month": "%Y-%m"}
OFTEN, FAR = ("less", "more"), ("nearer to", "further from")
# What is said of a value, with its distance from the usual one, and the words for below and above it.
SAID = {"severity": ("scored {} SD {} than the other raters of the same items", ("higher", "lower")),
        "noise": ("was {} times as far from the other raters of the same items as is usual", ("", "")),
        "agreement": ("gave the level of the item's other raters {} percentage points {} often than is usual on such items", OFTEN),
        "gold": ("gave gold's level {} percentage points {} often than is usual on such items", OFTEN),
        "speed": ("took {} times as long as is usual on such items", ("", "")),
        "straight-lining": ("repeated its last level {} percentage points {} often than its level shares and the items explain", OFTEN),
        "one level": ("gave two ratings one level {} percentage points {} often than the others on the same items", OFTEN),
        "copying": ("gave its partner's level {} percentage points {} often than expected", OFTEN),
        "fatigue": ("was {} % of the usual distance {} the others at the end of a session than at its beginning", FAR),
        "learning": ("was {} % of the usual distance {} the others on its first 50 items than since", FAR)}
SMALL = 0.05             # a share below which a decimal of its percentage is told
PLAIN, RATIO = ("severity",), ("noise", "speed")
WORSE = {"volume": -1, "turnaround": 1, "pass rate": -1, "time": 0}


def people_findings(contributed: pd.DataFrame, *, delivered: pd.DataFrame, window: str = "week") -> pd.DataFrame:
    """What stands out of contributors and deliveries, and what cannot be judged: a findings table.

    contributed: from `drift.contributors`. delivered: from `drift.delivery`. A rater's behaviour is told by its last row, with its
    status; whoever does not stand out is told in one "ok". A party whose quality fell is told beside what its delivery did meanwhile:
    where that held it is an "alarm", else "attention".

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [1, 1]}))
    >>> found = people_findings(wb.drift.contributors(ratings), delivered=wb.drift.delivery(ratings))
    >>> found["severity"].unique().tolist()
    ['unknown']
    """
    return findings_table([*of_raters(contributed, window), *not_judged(contributed), *of_parties(delivered, window)])


def of_raters(table: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """Each rater and behaviour that stands out at its last window, and one row for all that do not."""
    known = table[table["value"].notna() & (table["status"] != "unknown")]
    last = known.groupby(["behaviour", "rater_id"], sort=False).tail(1)
    for row in last[last["status"].isin(["watch", "found"])].sort_values("status", kind="stable").itertuples():    # the found first
        since = known[(known["rater_id"] == row.rater_id) & (known["behaviour"] == row.behaviour) & (known["status"] != "")]["window"].min()
        shown = dict(zip(("value", "low", "high", "n_ratings"), told(row)[1]))
        yield finding(NOTEBOOK, row.behaviour, rater_sentence(row, since, window), severity="attention", status=row.status,
                      where={"rater_id": row.rater_id}, evidence={**row._asdict(), **shown, "name": row.behaviour},
                      action="Show it to the rater with the items; ask before acting." if row.status == "found" else
                      "Wait for further ratings; nothing follows from a first sight.")
    calm = int((last["status"] == "").sum())
    if calm:
        raters, kinds = last["rater_id"].nunique(), last["behaviour"].nunique()
        yield finding(NOTEBOOK, "contributors", f"{calm:,} of {len(last):,} combinations of {raters:,} raters and {kinds} behaviours "
                      "do not stand out.", severity="ok")


def rater_sentence(row: object, since: object, window: str) -> str:
    """What a row says, with its interval and n: of its window where the rater has changed, of all ratings so far where it stands apart."""
    window_alone, (value, low, high, n) = told(row)
    below = value < usual(row)
    if row.behaviour in RATIO:
        said, ends = f"{value:.2f}", f"{low:.2f} to {high:.2f}"
    else:
        many, decimals = (1, 2) if row.behaviour in PLAIN else (100, 0 if abs(value) >= SMALL else 1)
        low, high = sorted((-low, -high) if below else (low, high))
        said, ends = f"{abs(value) * many:.{decimals}f}", f"{low * many:.{decimals}f} to {high * many:.{decimals}f}"
    text, ways = SAID[row.behaviour]
    said = text.format(said, ways[not below]).replace("its partner", row.partner)
    when = "" if pd.isna(row.window) else f" {'in' if window_alone else 'up to'} {row.window:{WRITTEN[window]}}"
    moved = ", unlike in its own earlier windows" if row.how == "changed" else ""
    begun = f"; first seen in {since:{WRITTEN[window]}}" if pd.notna(since) and since != row.window else ""
    ends = f"{100 * row.confidence:.3g} %: {ends}" if pd.notna(low) else "no interval"
    return f"{row.rater_id} {said}{when} ({ends}; {int(n):,} ratings){moved}{begun}."


def usual(row: object) -> int:
    """The value of a rater who is like the others."""
    return 1 if row.behaviour in RATIO else 0


def told(row: object) -> tuple[bool, tuple[float, float, float, float]]:
    """Whether a row is told of its window alone, and the value, low, high and n told: where the rater has changed, or stands apart in
    its window and not over all its ratings, the window's."""
    own, whole = (row.value, row.low, row.high, row.n_ratings), (row.overall, row.overall_low, row.overall_high, row.n_overall)
    unlike = [low > usual(row) or high < usual(row) for _, low, high, _ in (own, whole)]
    alone = row.how == "changed" or unlike == [True, False]
    return alone, own if alone else whole


def not_judged(table: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Behaviours that could not be judged of anybody, by their reason; raters with too few ratings, by number."""
    for reason, rows in table[(table["rater_id"] == "") & table["value"].isna()].groupby("note"):
        names = sorted(rows["behaviour"])
        yield finding(NOTEBOOK, f"contributors, {reason}", f"Not judged of any rater: {examples(names)}: {reason}.", severity="unknown",
                      action="Deliver what lacks, if the answer matters.")
    few = table[(table["rater_id"] != "") & ((table["status"] == "unknown") | table["value"].isna())]
    judged = table[table["value"].notna() & (table["status"] != "unknown")]["rater_id"]
    names = sorted(set(few["rater_id"].astype(str)) - set(judged.astype(str)))
    if names:
        own = few[few["rater_id"].astype(str) == names[0]]
        note = own.assign(most=own["n_ratings"].fillna(0)).sort_values("most", kind="stable")["note"].iloc[-1]
        yield finding(NOTEBOOK, "contributors with too few ratings", f"{len(names):,} rater{'s' * (len(names) > 1)} cannot be judged: "
                      f"{examples(names)} ({names[0]}: {note}).", severity="unknown", action="Wait for further ratings, or watch by month.")


def of_parties(table: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """Each quality measure of a party that fell, beside what its delivery did; one row where none did."""
    looked = table[table["e_value"].notna()]
    fallen = table[table["status"].isin(["watch", "found"])].groupby(["party", "measure"], sort=False).tail(1)
    for row in fallen.itertuples():
        own = table[(table["party"] == row.party) & table["value"].notna()]
        words, held = zip(*(compared(own[own["measure"] == name], name) for name in DELIVERY))
        said = "; ".join(word for word in words if word)
        before, after = ends_of(own[own["measure"] == row.measure])
        sentence = f"{row.party}: {row.measure} fell from {before:.2f} to {after:.2f}" + (" while delivery held" if all(held) else "") + \
            (f" ({said})" if said else "") + f", by {row.window:{WRITTEN[window]}}."
        yield finding(NOTEBOOK, f"{row.measure} fell", sentence, severity="alarm" if all(held) else "attention", status=row.status,
                      where={"party": row.party}, evidence={**row._asdict(), "name": row.measure},
                      action="Look at the raters who joined, the drifts by rater and the task mix of this party.")
    if len(looked) and fallen.empty:
        parties, every = looked["party"].nunique(), table["party"].nunique()
        of = f"{parties} of {every}" if parties < every else f"{every}"
        yield finding(NOTEBOOK, "delivery and quality", f"No quality measure of {of} {'party' if every == 1 else 'parties'} fell: "
                      f"{examples(sorted(looked['measure'].unique()))}.", severity="ok")
    blind = sorted(set(table.loc[table["kind"] == "quality", "measure"]) - set(looked["measure"]))
    for name in blind:
        own = table[table["measure"] == name]
        known = int(own[own["low"].notna()].groupby("party", dropna=False).size().max()) if own["low"].notna().any() else 0
        note = f"{known} {window}{'s' * (known > 1)} with enough, and a fall is looked for from the {BASELINE + 1}th on" if known else \
            own["note"].iloc[-1].split("; ")[0]
        yield finding(NOTEBOOK, f"{name} not judged", f"Whether {name} fell cannot be told: {note}.", severity="unknown",
                      action=f"Wait for further {window}s." if known else "Deliver what lacks, if the answer matters.")


def ends_of(rows: pd.DataFrame) -> tuple[float, float]:
    """Means over the first and the last windows, which do not overlap."""
    values = rows.sort_values("window")["value"].to_numpy(dtype=float)
    first = min(ENDS[0], max(len(values) // 2, 1))
    return float(values[:first].mean()), float(values[-min(ENDS[1], max(len(values) - first, 1)):].mean())


def compared(rows: pd.DataFrame, name: str) -> tuple[str, bool]:
    """A measure of delivery at first and last, and whether it held: is less than a tenth worse. What is not known has not failed."""
    if rows.empty:
        return "", True
    before, after = ends_of(rows)
    shown = "{:.0%}" if name == "pass rate" else "{:,.0f}"
    unit = {"turnaround": " h", "time": " s"}.get(name, "")
    return f"{name} {shown.format(before)} to {shown.format(after)}{unit}", WORSE[name] * (after - before) <= HELD * abs(before)
