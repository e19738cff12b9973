"""Delivery beside quality: what a party delivers and how fast, and whether its ratings still agree, hit gold and tell systems apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.drift.delivered import asked_for, batch_hours, standardised_rows
from workbench.drift.people_tests import moved
from workbench.drift.streams import WINDOWS
from workbench.errors import one_of, share_of
from workbench.estimates import join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings

DELIVERY = ("volume", "turnaround", "pass rate", "time")
COLUMNS = ("party", "window", "measure", "kind", "value", "low", "high", "e_value", "status", "confidence", "n_items", "n_raters",
           "n_ratings", "note")
FEWEST = 10              # items in a window, below which it has no value


def delivery(ratings: Ratings, *, window: str = "week", error_rate: float = 0.05, confidence: float = 0.95) -> pd.DataFrame:
    """Does what is delivered on time still hold what it held? A row for each party, window and measure, delivery beside quality.

    Of `kind` "delivery": volume, the ratings that count; turnaround, the median over the batches that ended in the window of the hours
    from first start (or rating) to last rating; pass rate, the share of first ratings that a review looked at and left, or where
    nothing was reviewed the share of the ratings asked for that came with a value; time, median seconds on a rating.
    Of `kind` "quality": agreement with the item's other raters, of all parties (so that one party's fall draws the others' down a
    little): the share at the same level, on ordered levels 1 less the distance over the greatest (linear weights); gold accuracy, the
    share at gold's level, both at the usual mix of criteria and task types; separation of systems, the share of the variance of an
    item's mean score that lies between systems (below 0: less than chance leaves).

    `e_value`: evidence that the quality measure has fallen since earlier windows; it may be looked at every window, and reaches
    (parties x measures) / `error_rate` in at most a share `error_rate` of unchanged tables. status: "watch" where it does, "found"
    where the next window shows it too; "" else. What windows differ by beyond sampling is taken off, as the parties' successive
    windows show it. `drift.people_findings` tells where delivery held while quality fell.

    window: "week" or "month". Intervals at `confidence`: order statistics (time, turnaround), Wilson's (pass rate), t over items or
    prompts, jackknife (separation); a count has none. Party "(none)" are ratings without one.
    Undefined (nan, `note`): no times or one per batch (turnaround), no seconds, no gold, fewer than two systems. Windows with fewer than 10
    items (prompts, where known) wait for the next, and are judged together with it.
    Without `rated_at` the table has one window, and no evidence. Errors: `ParameterError` for an option.

    Source: the evidence is that of `drift.contributors`.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(i, r, 1 + i % 3, 20 + i % 5) for i in range(30) for r in ["ann", "bob"]]
    >>> found = delivery(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score", "seconds"]))).set_index("measure")["value"]
    >>> float(found["volume"]), float(found["time"]), float(found["agreement"])
    (60.0, 22.0, 1.0)
    """
    one_of("window", window, WINDOWS)
    share_of("confidence", confidence)
    share_of("error_rate", error_rate)
    frame, per_batch = standardised_rows(ratings, window)
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    hours = batch_hours(frame, per_batch)
    asked, times = (by_place(part) for part in (asked_for(ratings, window), hours))
    place = frame.groupby(["party", "window"], dropna=False).ngroup().to_numpy()
    order = np.argsort(place, kind="stable")
    told = {c: frame[c].to_numpy() for c in ("item", "rater", "_drawn", "_system", "_answer", "alike", "hit", "z", "kept")}
    told["seconds"] = frame["seconds"].to_numpy(dtype=float, na_value=np.nan) if "seconds" in frame else np.full(len(frame), np.nan)
    rows, waiting = [], {}
    for part in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        key = {c: frame[c].iat[part[0]] for c in ("party", "window")}
        own, name = {c: column[part] for c, column in told.items()}, tuple(map(str, key.values()))
        counts = {"n_items": len(np.unique(own["item"])), "n_raters": len(np.unique(own["rater"])), "n_ratings": len(part)}
        taken = times.get(name, {"hours": np.zeros(0)})["hours"]
        found = [*delivered(own, asked.get(name), taken, hours.attrs["why"], confidence),
                 *held(told, part, waiting.setdefault(name[0], {}), "system" in frame, confidence)]
        rows += [{**key, **counts, "measure": measure, "kind": "delivery" if measure in DELIVERY else "quality", **value}
                 for measure, value in found]
    table = pd.DataFrame(rows)
    table = with_evidence(table, error_rate).assign(confidence=np.where(table["low"].notna(), confidence, np.nan))
    return table[list(COLUMNS)]


def delivered(own: dict[str, np.ndarray], asked: pd.DataFrame | None, hours: np.ndarray, no_hours: str,
              confidence: float) -> Iterator[tuple[str, dict[str, object]]]:
    """Every measure of delivery of one party and window by its name: value, low, high, note."""
    yield "volume", {"value": float(len(own["item"])), "low": math.nan, "high": math.nan, "note": "a count"}
    yield "turnaround", middle(np.asarray(hours), confidence, no_hours or "no batch ended in this window")
    yield "pass rate", passed(own["kept"], asked, confidence)
    yield "time", middle(own["seconds"][own["seconds"] > 0], confidence, "no seconds: time on a rating is not known")


def by_place(table: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """The rows of each party and window, both as text: a missing window equals no other."""
    return {(str(party), str(at)): rows for (party, at), rows in table.groupby(["party", "window"], dropna=False)} if len(table) else {}


def held(told: dict[str, np.ndarray], part: np.ndarray, waiting: dict[str, list[np.ndarray]], systems: bool,
         confidence: float) -> Iterator[tuple[str, dict[str, object]]]:
    """Every measure of quality of the ratings at `part`; windows with too few items wait for the next, and are judged together with it."""
    scored = "scores do not vary, or levels have no order" if systems else "no systems"
    for name, column, why in (("agreement", "alike", "no item with up to 50 levels has two raters"),
                              ("gold accuracy", "hit", "no gold ratings"),
                              ("separation of systems", "z", scored)):
        parts = [*waiting.get(name, ()), part[~np.isnan(told[column][part])]]
        known = np.concatenate(parts)
        drawn = np.unique(told["_drawn"][known], return_inverse=True)[1]
        n = int(drawn.max(initial=-1)) + 1
        waiting[name] = parts if n < FEWEST else []
        value = undefined(f"{n} items or prompts so far: fewer than {FEWEST}" if n else why) if n < FEWEST else \
            separation(told["z"][known], drawn, told["_answer"][known], told["_system"][known], confidence) if column == "z" else \
            estimated(share, np.column_stack([np.bincount(drawn, told[column][known]), np.bincount(drawn)]), confidence, why)
        together = f"{len(parts)} windows together" if n >= FEWEST and len(parts) > 1 else ""
        yield name, value | {"note": join_notes(str(value["note"]), together)}


def middle(values: np.ndarray, confidence: float, why: str) -> dict[str, object]:
    """The median with the order statistics that hold it."""
    from scipy.special import ndtri

    if not len(values):
        return undefined(why)
    values, n = np.sort(values), len(values)
    low = math.floor((n - ndtri((1 + confidence) / 2) * math.sqrt(n)) / 2) - 1
    known = low >= 0 and values[low] < values[n - 1 - low]
    return {"value": float(np.median(values)), "low": float(values[low]) if known else math.nan,
            "high": float(values[n - 1 - low]) if known else math.nan, "note": "" if known else "too few or too like values: no interval"}


def passed(kept: np.ndarray, asked: pd.DataFrame | None, confidence: float) -> dict[str, object]:
    """Share of the reviewed ratings that were left, or of those asked for that came."""
    came, kept = len(kept), kept[~np.isnan(kept)]
    reviewed = len(kept) > 0
    n = len(kept) if reviewed else int(asked["n_asked"].sum()) if asked is not None else 0
    good = kept.sum() if reviewed else min(came, n)
    if not n:
        return undefined("nothing was reviewed, and what was asked for is not known")
    from workbench.agreement.calibrated import wilson

    low, high = wilson(np.array(good / n), np.array(n), confidence)
    return {"value": float(good / n), "low": float(low), "high": float(high),
            "note": f"of {n:,} reviewed ratings" if reviewed else f"of {n:,} ratings asked for; none was reviewed"}


def share(totals: np.ndarray) -> np.ndarray:
    """A mean over ratings, from their sum and number."""
    return totals[..., 0] / totals[..., 1]


def separation(z: np.ndarray, drawn: np.ndarray, answer: np.ndarray, system: np.ndarray, confidence: float) -> dict[str, object]:
    """Between-system variance over all variance of the items' mean standardised scores, by moments; prompts are left out in turn.

    Codes of each rating: what is drawn, the item of a system, and the system (-1: none).
    """
    known = system >= 0
    if not known.any():
        return undefined("no systems")
    _, first, answer = np.unique(answer[known], return_index=True, return_inverse=True)
    code, system = (np.unique(part[known][first], return_inverse=True)[1] for part in (drawn, system))
    s, size, z = int(system.max()) + 1, int(code.max()) + 1, np.bincount(answer, z[known]) / np.bincount(answer)
    if s < 2:
        return undefined("fewer than two systems with scores")
    cells = [np.bincount(code * s + system, weight, size * s).reshape(size, s) for weight in (None, z)]
    terms = np.column_stack([*cells, np.bincount(code, z**2)])

    def formula(totals: np.ndarray) -> np.ndarray:
        """The share, from n and sum of each system and the sum of squares."""
        n, total, square = totals[..., :s], totals[..., s:2 * s], totals[..., -1]
        size = n.sum(-1)
        between = (total**2 / n).sum(-1)
        inner = (square - between) / (size - s)
        outer = (between - total.sum(-1) ** 2 / size) / (s - 1)
        over = (outer - inner) / ((size - (n**2).sum(-1) / size) / (s - 1))
        return over / (over + inner)
    return estimated(formula, terms, confidence, "scores do not vary")


def estimated(formula: Callable[[np.ndarray], np.ndarray], terms: np.ndarray, confidence: float, why: str) -> dict[str, object]:
    """A formula of totals over items with its jackknife error."""
    weight = np.ones(len(terms))
    value = float(resample.value(formula, weight @ terms))
    se, df = resample.jackknife(weight, resample.influences(formula, terms, weight))
    if not (math.isfinite(value) and se > 0):
        return undefined(why) | {"value": value, "note": "no spread: no interval" if math.isfinite(value) else why}
    low, high = resample.t_interval(value, se, df, confidence)
    return {"value": value, "low": low, "high": high, "variance": se**2, "note": ""}


def undefined(why: str) -> dict[str, object]:
    """No value, and why."""
    return {"value": math.nan, "low": math.nan, "high": math.nan, "note": why}


def with_evidence(table: pd.DataFrame, error_rate: float) -> pd.DataFrame:
    """The table with evidence that each quality measure of a party fell, and its status."""
    table = table.assign(e_value=np.nan, status="", variance=table["variance"] if "variance" in table else np.nan)
    windows = np.sort(table["window"].unique())
    quality = table[(table["kind"] == "quality") & table["variance"].notna() & table["value"].notna()]
    if len(windows) < 2:
        note = "one window: nothing can be held against it" if pd.notna(windows[0]) else "no rated_at: nothing can be held against it"
        return table.assign(note=[join_notes(n, note) if kind == "quality" else n for n, kind in zip(table["note"], table["kind"])])
    streams = quality.groupby(["party", "measure"], dropna=False, sort=False)
    raised = math.log(max(streams.ngroups, 1) / error_rate)
    for measure, rows in quality.groupby("measure", sort=False):
        of_party = [own.sort_values("window") for _, own in rows.groupby("party", dropna=False, sort=False)]
        between = beyond_sampling(of_party)
        for own in of_party:
            x = own["value"].to_numpy()     # one error for all windows: a window's own is small where its value is by chance
            weight = np.full(len(x), 1 / (own["variance"].mean() + between))
            log_e = moved(np.cumsum(weight)[None], np.cumsum(weight * x)[None], np.arange(1, len(x) + 1)[None], -1)[0]
            over = np.nan_to_num(log_e, nan=-1.0) >= raised
            status = np.where(over & np.append(False, np.maximum.accumulate(over)[:-1]), "found", np.where(over, "watch", ""))
            table.loc[own.index, ["e_value", "status"]] = np.array([np.exp(np.minimum(log_e, 700)), status], dtype=object).T
    return table.assign(e_value=table["e_value"].astype("float64"))


def beyond_sampling(streams: list[pd.DataFrame]) -> float:
    """Variance of windows beyond sampling, from successive ones, which a lasting change moves only once."""
    steps = [np.diff(own["value"]) ** 2 / 2 - (own["variance"].to_numpy()[1:] + own["variance"].to_numpy()[:-1]) / 2 for own in streams]
    steps = np.concatenate(steps) if steps else np.zeros(0)
    return float(max(steps.mean(), 0.0)) if len(steps) else 0.0
