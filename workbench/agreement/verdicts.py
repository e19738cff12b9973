"""Sentences on what stands around the headline: can raters be compared, are they right, a model for a human, one party, what more buys."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from workbench import resample
from workbench.estimates import MEASURES, finding

NOTEBOOK = "agreement"
THIN = 10           # items by which a connected set should at least hang together
MARGIN = 0.1        # as far below the humans a model may be and still be said to agree about as they do
BESIDE = {"name", "planned_raters", "planned_items", "rater_id", "consensus", "from", "to", "predicted", "sure", *MEASURES}
Row = Mapping[str, object]


def on_connectivity(table: pd.DataFrame) -> list[dict[str, object]]:
    """Where members fall into sets that share no item, or hang together by a few though both ends of the link judged more: nothing
    where all is well."""
    if table.empty:
        return []
    between = table.columns[list(table.columns).index("set") - 1]
    by = list(table.columns[: list(table.columns).index(between)])
    noun, found = between.removesuffix("_id").replace("_", " "), []
    for key, rows in table.groupby(by, dropna=False, sort=False) if by else [((), table)]:
        where = {c: str(v) for c, v in zip(by, key)}
        counts = {"n_raters": len(rows), "n_ratings": int(rows["n_ratings"].sum()), "n_dropped": int(rows["n_dropped"].sum())}
        sizes, sets = rows.drop_duplicates("set")["n_members"].tolist(), rows.drop_duplicates("set")
        items = rows.set_index(between)["n_items"]
        thin = sets[[bool(n < THIN <= min(items[a], items[b])) for n, a, b in
                     zip(sets["n_across"].fillna(THIN), *(sets[c].fillna(items.index[0]) for c in ("link_a", "link_b")))]]
        if len(sizes) > 1:
            shown = ", ".join(f"{n:,}" for n in sizes[:5]) + f" {noun}s" + (", and smaller ones" if len(sizes) > 5 else "")
            says = f"fall into {len(sizes):,} sets that share no item ({shown}): across sets nothing can be compared"
            action = f"Have the sets rate common items: agreement.assignments lists {THIN} for each link."
        elif len(thin):
            row = thin.iloc[0]
            says = f"hang together by {_items(row['n_across'])} only, between {row['link_a']} and {row['link_b']}"
            action = "Assign further common items: agreement.assignments lists them."
        else:
            continue
        subject = f"{noun}s {'not' if len(sizes) > 1 else 'hardly'} connected"
        found.append(finding(NOTEBOOK, subject, f"The {noun}s{_on(where)} {says}.", severity="attention", where=where, evidence=counts,
                             action=action))
    return found


def surely(rows: pd.DataFrame, false_discovery: float) -> pd.DataFrame:
    """The rows with a column `sure`: whether a value differs from 0 after Benjamini and Hochberg over all of them.

    p is what the normal distribution gives for a value this many half widths from 0, so that .05 goes with a 95 % interval that
    ends at 0, whatever the degrees of freedom.
    """
    from scipy.special import ndtr, ndtri

    reach = (rows["high"] - rows["low"]) / 2 / ndtri((1 + rows["confidence"]) / 2)
    p = 2 * ndtr(-rows["value"].abs() / reach)
    return rows.assign(sure=resample.false_discovery(p) <= false_discovery if len(rows) else False)


def on_autorater(table: pd.DataFrame, *, false_discovery: float = 0.05) -> list[dict[str, object]]:
    """Whether each model agrees with the humans as far as they do with one another."""
    rows = surely(table[(table["name"] == "difference") & table["value"].notna() & table["low"].notna()], false_discovery)
    levels = table.set_index(["name", *_slice_columns(table), "rater_id"])["value"]
    return [_on_model(row, *(levels.get((name, *(row[c] for c in _slice_columns(table)), row["rater_id"]))
                             for name in ("model_human", "human_human"))) for row in rows.to_dict("records")]


def _on_model(row: Row, model: float, humans: float) -> dict[str, object]:
    """The finding on one model."""
    where, on = _where(row) | {"rater_id": str(row["rater_id"])}, _on(_where(row))
    figures = f"{model:.2f} against {humans:.2f}, difference {_signed(row)}"
    if row["high"] < 0 and row["sure"]:
        says, severity = f"{row['rater_id']} agrees with humans{on} less than they do with one another", "attention"
    elif row["low"] > 0 and row["sure"]:
        says, severity = f"{row['rater_id']} agrees with a human{on} more than another human does", "ok"
    elif row["low"] > -MARGIN:
        says, severity = f"{row['rater_id']} agrees with a human{on} about as far as another human does", "ok"
    else:
        says, severity = f"Whether {row['rater_id']} agrees with a human{on} as far as another human does cannot be told", "unknown"
    action = {"attention": "Do not let it replace human ratings here; use agreement.corrected_mean to combine both.",
              "unknown": "Have more of its items rated by two humans or more."}.get(severity, "")
    return finding(NOTEBOOK, "autorater stands in", f"{says}: {figures}.", severity=severity, where=where, evidence=row, action=action)


def on_plan(table: pd.DataFrame) -> list[dict[str, object]]:
    """What a further rater and more items would buy where means are least reliable; nothing where that is undefined."""
    by, found = _slice_columns(table), []
    for _, rows in table.groupby(by, dropna=False, sort=False) if by else [((), table)]:
        means = rows[(rows["name"] == "reliability_of_mean") & rows["value"].notna()].sort_values("planned_raters").to_dict("records")
        halves = rows[(rows["name"] == "half_width") & rows["value"].notna()].sort_values("planned_items").to_dict("records")
        found += [(means, halves)] if len(means) > 1 else []
    if not found:
        return []
    (now, more, *_), halves = min(found, key=lambda pair: pair[0][0]["value"])
    severity, action = _half(now, "Have more raters an item, or a clearer rubric: such means are more noise than signal.",
                             "Have more items rated twice or more.")
    sentence = (f"The mean of {round(now['planned_raters'], 1):g} ratings an item{_on(_where(now))}{_least_of(found)} has reliability "
                f"{_interval(now)}; with {round(more['planned_raters'], 1):g} it would have {more['value']:.2f}")
    sentence += next((f" ({part})" for part in now["note"].split("; ") if part.endswith("one rating")), "")
    if len(halves) > 1:
        extra = halves[1]["planned_items"] - halves[0]["planned_items"]
        ends = [f"±{half['value']:.3f}" for half in halves[:2]]
        sentence += f"; {extra:,} more items would narrow alpha's interval from {' to '.join(ends)}"
    return [finding(NOTEBOOK, "what more would buy", sentence + ".", severity=severity, evidence=now, action=action)]


def on_gold(table: pd.DataFrame) -> list[dict[str, object]]:
    """How often the majority of raters is right where that is least, held against gold; nothing without gold."""
    rows = table[(table["name"] == "accuracy") & (table["consensus"] == "majority") & table["value"].notna()].to_dict("records")
    if not rows:
        return []
    row = min(rows, key=lambda row: row["value"])
    value, low, high = (f"{100 * row[c]:.0f}" for c in ("value", "low", "high"))
    severity, action = _half(row, "Look at the gold items that raters miss: the rubric's wording, the raters or the gold is off.",
                             "Have more gold items rated.")
    sentence = f"The majority of raters has the right level{_on(_where(row))}{_least_of(rows)} on {value} % of the gold items" \
               f" ({_confidence(row)} interval {low} to {high} %, {_items(row['n_items'])})."
    return [finding(NOTEBOOK, "majority against gold", sentence, severity=severity, evidence=row, action=action)]


def _half(row: Row, below: str, unsure: str) -> tuple[str, str]:
    """Severity and what to do by the side of one half on which the interval lies."""
    return ("attention", below) if row["high"] < 0.5 else ("ok", "") if row["low"] >= 0.5 else ("unknown", unsure)


def on_scorecard(table: pd.DataFrame, *, false_discovery: float = 0.05) -> list[dict[str, object]]:
    """Whether the party's raters agree less than the others, and whether they score higher or lower, on the same mix."""
    found = []
    rows = table[table["name"].isin(["alpha_difference", "leniency"]) & table["value"].notna() & table["low"].notna()]
    for row in surely(rows, false_discovery).to_dict("records"):
        where, on = _where(row), _on({k: v for k, v in _where(row).items() if k != "party"})
        apart = "" if not row["sure"] else "less" if row["high"] < 0 else "more" if row["low"] > 0 else ""
        if row["name"] == "alpha_difference":
            severity, action = ("attention", "Look with them at the items they differ on most.") if apart == "less" else ("ok", "")
            says = f"Raters of {row['party']} agree {apart} among themselves{on} than the others" if apart else \
                f"Raters of {row['party']} agree among themselves{on} about as far as the others"
            if not apart and row["low"] <= -MARGIN:
                severity, action = "unknown", "Have more of each side's items rated twice."
                says = f"Whether raters of {row['party']} agree among themselves{on} as far as the others cannot be told"
            found.append(finding(NOTEBOOK, "party agreement", f"{says}, on the same mix of tasks: alpha {_signed(row)}.",
                                 severity=severity, where=where, evidence=row, action=action))
        elif row["name"] == "leniency" and apart:
            says = f"Raters of {row['party']} score {'lower' if apart == 'less' else 'higher'}{on} than the others do on the same items"
            found.append(finding(NOTEBOOK, "party leniency", f"{says}: {_signed(row)}.", severity="attention", where=where, evidence=row,
                                 action="Compare their reading of the levels with the rubric's wording."))
    return found


def _least_of(groups: Sequence[object]) -> str:
    return f", the least of {len(groups)}," if len(groups) > 1 else ""


def _slice_columns(table: pd.DataFrame) -> list[str]:
    return [c for c in table.columns if c not in BESIDE]


def _where(row: Row) -> dict[str, str]:
    return {str(c): str(v) for c, v in row.items() if c not in BESIDE}


def _on(where: Mapping[str, str]) -> str:
    return f" on {', '.join(where.values())}" if where else ""


def _items(n: int) -> str:
    return f"{n:,} item{'' if n == 1 else 's'}"


def _confidence(row: Row) -> str:
    return f"{100 * row['confidence']:g} %" if not math.isnan(row["confidence"]) else "interval"


def _interval(row: Row) -> str:
    return f"{row['value']:.2f} ({_confidence(row)} {row['low']:.2f} to {row['high']:.2f}, {_items(row['n_items'])})"


def _signed(row: Row) -> str:
    return f"{row['value']:+.3f} ({_confidence(row)} {row['low']:+.3f} to {row['high']:+.3f}, {_items(row['n_items'])})"
