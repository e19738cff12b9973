"""What the sliders over `what_if` say, as HTML: separation, ranks that change, what was asked, and the still picture of it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.chart.rows import headed as worded, reading
from workbench.review.foreign import safe
from workbench.review.item_page import CELL, framed, headed, row, table
from workbench.rubric.foreseen import NOTHING

SYSTEMS = 30        # in the table
HINT = ("Merge levels, leave them out or move what they are worth, and watch agreement, the separation of systems and their ranks. Every "
        "knob can be reached with Tab, turned with the arrow keys or Space. Nothing is stored: this is a rehearsal.")
MOVING = "Held against random merges once the hand rests."
NO_MERGE = "No levels are merged, or no other merge is as coarse: there is nothing to hold this against."


def summary(found: pd.DataFrame, order: pd.DataFrame, *, resting: bool) -> str:
    """Separation before and after, how many ranks change, how alike the two orders are; of one criterion, or of all."""
    own = found[found["name"] == "separation"].iloc[0]
    lines = [f"<b>Separation of systems</b>: {side(own, 'before')} → {side(own, 'after')}; change {changed(own)}.{beside(own, resting)}"]
    ranks, tau = order[order["name"] == "rank"], order[order["name"] == "kendall_tau"]
    both = ranks.dropna(subset=["before", "after"])
    if len(both):
        n = int((both["before"] != both["after"]).sum())
        what = f"{n:,} of {len(both):,} systems change rank" if n else f"none of {len(both):,} systems changes rank"
        lines.append(f"<b>Ranks</b>: {what}; Kendall's tau of the two orders {changed(tau.iloc[0])}.")
    notes = dict.fromkeys(part for note in [*found["note"], *order["note"]] for part in str(note).split("; ") if part not in ("", NOTHING))
    said = "".join(f"<div class='wbr-note'>{safe(note, limit=CELL)}</div>" for note in notes)
    return f"<div role='status'>{''.join(f'<div>{line}</div>' for line in lines)}</div>{said}"


def beside(own: object, resting: bool) -> str:
    """Where the change of separation stands among those of random merges."""
    if not resting:
        return f" <span class='wbr-note'>{MOVING}</span>"
    n, share = int(own["n_random"]), own["random_share"]
    if not n:
        return f" <span class='wbr-note'>{NO_MERGE}</span>"
    others = f"each of the {n:,}" if share == 1 else f"{share:.0%} of the {n:,}"
    return f" It gains more than {others} other merges that are as coarse."


def side(own: object, name: str) -> str:
    """A figure with its interval."""
    return safe(reading(own[name], own[f"{name}_low"], own[f"{name}_high"], decimals=2))


def changed(own: object) -> str:
    """A difference with its interval, or why there is none."""
    return safe(reading(own["value"], own["low"], own["high"], decimals=2, note=own["note"] if own["value"] != own["value"] else ""))


def ranking_part(order: pd.DataFrame) -> str:
    """Every system's rank and place, as it is and altered; those whose rank changes are marked."""
    ranks = order[order["name"] == "rank"].set_index("system")
    known = ranks.dropna(subset=["before", "after"], how="all").sort_values(["after", "before"], kind="stable")
    if known.empty:
        why = next((str(note) for note in order["note"] if note), "no system is named")
        return headed("Ranking of systems", f"<div class='wbr-note'>Not defined: {safe(why)}</div>")
    places = order[order["name"] == "place"].set_index("system")
    rows = [line(name, r, places.loc[name]) for name, r in known.head(SYSTEMS).iterrows()]
    more = f"<div class='wbr-note'>The first {len(rows)} of {len(known):,}.</div>" if len(known) > len(rows) else ""
    about = ("<div class='wbr-note'>In brackets the ranks that a system may have, all together at 95 %; place: 0 the lowest level, "
             "1 the highest.</div>")
    heads = ["system", "rank as it is → altered", "place altered; change [95 %]"]
    return headed("Ranking of systems", table(heads, rows) + more + about)


def line(name: object, rank: pd.Series, place: pd.Series) -> str:
    """A system's row."""
    gap = rank["after"] - rank["before"]
    mark = "" if not gap == gap or not gap else f" {'▲' if gap < 0 else '▼'} {abs(gap):g}"
    where = f"{place['after']:.3f}" if place["after"] == place["after"] else "not defined"
    change = reading(place["value"], place["low"], place["high"], decimals=3)
    cells = [safe(name, limit=CELL), f"{spot(rank, 'before')} → {spot(rank, 'after')}{mark}", f"{where}; {safe(change)}"]
    return row(cells, here=bool(mark))


def spot(rank: pd.Series, name: str) -> str:
    """A rank with those it may have."""
    low, high = rank[f"{name}_low"], rank[f"{name}_high"]
    if rank[name] != rank[name]:
        return "not defined"
    return f"{rank[name]:g} [{low:g}]" if low == high else f"{rank[name]:g} [{low:g}-{high:g}]"


def asked_part(asked: Mapping[str, object], best: str, where: Mapping[str, str]) -> str:
    """What is asked, as a call that gives the same figures; where: the rubric and version that were chosen."""
    words = "".join(f", {name}={value!r}" for name, value in asked.items() if value)
    if not words:
        return "<div class='wbr-note'>The rubric as it is: nothing is altered yet.</div>"
    chosen = f".where({', '.join(f'{name}={value!r}' for name, value in where.items())})" if where else ""
    return (f"<div>The same in Python: <code>wb.rubric.what_if(ratings{safe(chosen + words)})</code>; systems: "
            f"<code>what_if_ranking</code>, and there <code>best={best!r}</code>.</div>")


def coefficients_part(found: pd.DataFrame) -> str:
    """The coefficients as a table, for where there is no chart."""
    rows = [row([safe(worded(r["name"])), side(r, "before"), side(r, "after"), changed(r)]) for _, r in found.iterrows()]
    return table(["statistic", "as it is [95 %]", "altered [95 %]", "change [95 %]"], rows)


def still(criterion: str, found: pd.DataFrame, order: pd.DataFrame, asked: str) -> str:
    """The sliders as a picture, for where there is no kernel."""
    note = "<div class='wbr-note'>A still picture of the sliders; to turn them, open it in JupyterLab and run the cell.</div>"
    title = f"What if the rubric were altered? Criterion {safe(criterion, limit=CELL)}"
    return framed(headed(title, note + coefficients_part(found) + summary(found, order, resting=True) + asked) + ranking_part(order))
