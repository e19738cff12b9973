"""Contributors: what each rater does beside the others on the same items, window by window, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.people_copies import copy_rows, pairs_of
from workbench.drift.people_frame import Rows, read_rows
from workbench.drift.people_tests import FEWEST_RATERS, TINY, Funnel, Judged, Sums, judge, one_value, shown
from workbench.drift.people_traces import traces
from workbench.drift.streams import WINDOWS
from workbench.errors import ParameterError, RatingsError, one_of, share_of
from workbench.estimates import join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ("rater_id", "behaviour", "window", "value", "low", "high", "q", "status", "how", "own", "usual", "overall", "overall_low",
           "overall_high", "partner", "n_ratings", "n_windows", "n_overall", "confidence", "note")
RATIOS = ("noise", "speed")
MAX_CELLS = 5_000_000    # raters times windows
FLAT = 1e-9              # an interval narrower than that is rounding
LONE = f"fewer than {FEWEST_RATERS} raters of its kind to hold it against by then"


def contributors(ratings: Ratings, *, window: str = "week", fewest: int = 20, error_rate: float = 0.05,
                 confidence: float = 0.95) -> pd.DataFrame:
    """Does a rater rate otherwise than the others on the same items, or than before? A row for each rater, behaviour and window.

    `value` of each behaviour, in which harder items are taken off by what the item's other raters, its task type and its week show:
    severity: how many standard deviations of the scores lower than the item's other raters, their own severities taken off.
    noise: distance from the item's other raters, severities off, over what is usual on such items; 1 as usual.
    agreement, gold: share of the item's other raters (of gold) at the same level, less what is usual on such items.
    speed: time on a rating over what is usual on such items; 1 as usual.
    straight-lining: how much oftener a rating repeats the one before it in the session than its own shares of the levels explain.
    one level: the chance that two of its ratings bear one level, less that of the others on the same items.
    copying: share at the level of the one rater (`partner`) it is most alike with, from all they have shared, less what is expected.
    fatigue: how much further from the item's other raters at the last item of a session (of 10 or more) than at its first, in usual
    distances (by score, severities off; of nominal levels by how often they differ).
    learning: how much further from them on a new rater's first 50 items than since, in usual distances.

    Windows are merged until they hold `fewest` ratings (`n_windows`). `own` is what the rater's ratings say, `value` is drawn towards
    the raters' middle (`usual`) as far as that is uncertain (empirical Bayes, normal), with its interval at `confidence`. `overall`
    is the same from all ratings up to then (`n_overall`).

    status: "watch" where q, the false discovery rate over raters and behaviours at that look, is at most `error_rate`; "found" where
    the ratings given after the first watch show it again by themselves, at an error of `error_rate` over all raters, behaviours and
    windows together (Bonferroni; looks each time the later ratings have become four times as many), and from then on; "unknown" where
    it cannot be judged. `how`: "apart", further from the other raters of its kind (human, expert) than these differ among themselves
    (externally studentised, t); "changed", moved from its own earlier windows, by evidence that holds however often one looks.
    Agreement and gold are looked at for less only, severity and speed for both, all else for more only: being steadier than others is
    no finding. With 15 raters or more what their severities explain of agreement, gold and one level is taken off. Raters are presumed
    to differ about as a normal sample does. Copying is told of who was second on most shared items.

    window: "week" or "month". fewest: ratings. All ratings that count for the panel are used (of a label that is a set each option counts
    as one, yes or no); ids are as the ratings bear them.
    Undefined (value nan, `rater_id` "" where for all, `note`): no gold, no seconds, no order ("time is per batch"), too few
    ratings or raters. Without `rated_at`, or with all in one window, nothing can repeat and nothing is found.
    Errors: `ParameterError` for an option; `RatingsError` for more than 5 million raters times windows.

    Sources: Spiegelhalter (2005), funnel plots, doi:10.1002/sim.1970; Morris (1983), doi:10.1080/01621459.1983.10477920; Benjamini and
    Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(i, r, 1 + (i + (r == "odd") * (i % 2)) % 4) for i in range(60) for r in ["ann", "bob", "cem", "dot", "odd"]]
    >>> found = contributors(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "score"])))
    >>> found[found["behaviour"] == "agreement"].set_index("rater_id")["own"].round(2).to_dict()
    {'ann': 0.08, 'bob': 0.08, 'cem': 0.08, 'dot': 0.08, 'odd': -0.33}
    """
    one_of("window", window, WINDOWS)
    share_of("confidence", confidence)
    share_of("error_rate", error_rate)
    if not (isinstance(fewest, (int, np.integer)) and fewest >= 2):
        raise ParameterError(f"fewest={fewest!r} is not a number of ratings of 2 or more. Use 20.")
    return table_of(read_rows(ratings, window=window), fewest, error_rate, confidence)


def table_of(rows: Rows, fewest: int, error_rate: float, confidence: float) -> pd.DataFrame:
    """`contributors` from rows in memory."""
    given = np.bincount(rows.rater, minlength=rows.m)
    kept = np.flatnonzero(given >= fewest)
    code = np.full(rows.m, -1)
    code[kept] = np.arange(len(kept))
    shape = (len(kept), len(rows.windows))
    if len(kept) * len(rows.windows) > MAX_CELLS:
        raise RatingsError(f"contributors needs a table of raters by windows: at most {MAX_CELLS:,} cells, not {shape[0]:,} by "
                           f"{shape[1]:,}. Ask for window='month', or narrow the ratings with where() or between().")
    made = list(traces(rows)) if len(rows.unit) else []
    defined = [trace for trace in made if not trace.reason]
    streams = max(len(kept) * (len(defined) + 1), 1)
    sums = [summed(trace, rows, code, kept, shape, fewest) for trace in defined]
    judged, q = judge(sums if len(kept) else [], rows.kind[kept], fewest=fewest, error_rate=error_rate, streams=streams)
    frames = [shown_rows(s, j, q[place], rows.names[kept], fewest, error_rate, confidence)
              for place, (s, j) in enumerate(zip(sums, judged))]
    pairs = pairs_of(rows) if len(rows.unit) else None
    frames.append(copy_rows(pairs, rows, fewest=fewest, error_rate=error_rate, streams=streams, confidence=confidence))
    table = pd.concat([f for f in frames if len(f)], ignore_index=True) if any(map(len, frames)) else pd.DataFrame(columns=["behaviour"])
    table = pd.concat([table, lacking(table, rows, given, fewest, made)], ignore_index=True).reindex(columns=list(COLUMNS))
    table["window"] = rows.windows[table["window"].to_numpy(dtype=int)] if len(table) else table["window"]
    counts = ["n_ratings", "n_windows", "n_overall"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table = table.assign(**{c: table[c].astype("object").where(table[c].notna(), "") for c in ("how", "partner", "note")})
    order = {name: place for place, name in enumerate([*(t.name for t in made), "copying"])}
    return table.assign(confidence=confidence, _at=table["behaviour"].map(order)).sort_values(
        ["_at", "rater_id", "window"], kind="stable", ignore_index=True).drop(columns="_at")


def summed(trace: object, rows: Rows, code: np.ndarray, kept: np.ndarray, shape: tuple[int, int], fewest: int) -> Sums:
    """A trace's sums over the raters with enough ratings."""
    some = code[rows.rater[trace.rows]] >= 0
    start = tuple(part[kept] for part in trace.start) if trace.start else None
    trace = replace(trace, rows=trace.rows[some], above=trace.above[some], below=trace.below[some], start=start,
                    told=None if trace.told is None else trace.told[kept])
    return Sums.of(trace, code[rows.rater], rows.window, rows.item, shape, fewest)


def shown_rows(sums: Sums, judged: Judged, q: np.ndarray, names: np.ndarray, fewest: int, error_rate: float,
               confidence: float) -> pd.DataFrame:
    """A behaviour's rows: each rater's windows, shrunk, with what was said of them."""
    from scipy.special import ndtri

    rater, at, n, merged, above, below = shown(sums, fewest)
    rater, at = rater.astype(int), at.astype(int)
    last = next((f for f in reversed(judged.funnels) if f), None)
    x, v = one_value(sums, rater, above, below)
    so_far = [np.cumsum(part, axis=1)[rater, at] for part in (sums.above, sums.below, sums.n > 0, sums.n)]
    whole, whole_v = one_value(sums, rater, *so_far[:2])
    reach = ndtri((1 + confidence) / 2)
    value, low, high = shrunk(x, v, last, rater, sums.between, reach)
    overall, overall_low, overall_high = shrunk(whole, whole_v + sums.between / so_far[2], last, rater, 0.0, reach)
    usual = last.middle[rater] if last else np.full(len(rater), np.nan)
    ends = {"value": value, "low": low, "high": high, "own": x, "usual": usual, "overall": overall, "overall_low": overall_low,
            "overall_high": overall_high}
    ends = {name: np.exp(part) for name, part in ends.items()} if sums.trace.name in RATIOS else ends
    looked = q[rater, at]
    found = judged.found[rater, at]
    status = np.select([found, np.isnan(looked), looked <= error_rate], ["found", "unknown", "watch"], "")
    with np.errstate(invalid="ignore"):
        moved = np.exp(-np.nan_to_num(judged.changed[rater, at], nan=0.0)) < np.nan_to_num(judged.apart[rater, at], nan=1.0)
    how = np.where(np.isin(status, ("watch", "found")), np.where(moved, "changed", "apart"), "")
    frame = pd.DataFrame({"rater_id": names[rater], "behaviour": sums.trace.name, "window": at, **ends, "q": looked, "status": status,
                          "how": how, "n_ratings": n, "n_windows": merged, "n_overall": so_far[3],
                          "note": np.where(status == "unknown", LONE, "")})
    flat = frame["high"] - frame["low"] < FLAT
    frame.loc[flat, ["low", "high"]] = np.nan
    frame.loc[flat, "note"] = [join_notes(note, "interval has no width") for note in frame.loc[flat, "note"]]
    told = sums.trace.told
    return frame[np.isfinite(x) & (True if told is None else told[rater])]


def shrunk(x: np.ndarray, v: np.ndarray, funnel: Funnel | None, rater: np.ndarray, between: float,
           reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (K,) with squared errors v drawn towards the middle of their raters' kind, and the ends of their intervals; as they are
    where there is no funnel. Normal: the value's variance keep v, and what the middle's own error adds."""
    if funnel is None:
        return x, x - reach * np.sqrt(v), x + reach * np.sqrt(v)
    middle, spread, blur = funnel.middle[rater], funnel.spread[rater] + between, funnel.middle_error[rater]
    keep = np.where(np.isfinite(middle), spread / np.maximum(spread + v, TINY), 1.0)
    value = np.where(keep < 1, middle + keep * (x - middle), x)
    error = reach * np.sqrt(keep * v + np.nan_to_num((1 - keep) ** 2 * blur))
    return value, value - error, value + error


def lacking(table: pd.DataFrame, rows: Rows, given: np.ndarray, fewest: int, made: list) -> pd.DataFrame:
    """A row for each behaviour that is undefined for all, and for each rater of whom a behaviour could not be told."""
    found = [{"rater_id": "", "behaviour": t.name, "note": join_notes(t.reason)} for t in made if t.reason]
    single = "" if len(rows.windows) > 1 else "no rated_at: nothing can repeat" if rows.lacking else "all in one window: nothing can repeat"
    if single and len(rows.unit):
        table["note"] = [join_notes(note, single) for note in table.get("note", pd.Series("", index=table.index)).fillna("")]
    last = np.zeros(rows.m, int)
    np.maximum.at(last, rows.rater, rows.window)
    undefined = {row["behaviour"] for row in found}
    told = {name: set(part) for name, part in table.groupby("behaviour")["rater_id"]} if len(table) else {}
    for trace in (t for t in made if t.name not in undefined):
        n = np.bincount(rows.rater[trace.rows], minlength=rows.m)
        for rater in np.flatnonzero(trace.told if trace.told is not None else given > 0):
            if rows.names[rater] not in told.get(trace.name, ()):
                found.append({"rater_id": rows.names[rater], "behaviour": trace.name, "window": last[rater], "n_ratings": n[rater],
                              "note": f"{n[rater]:,} of its ratings {'bears' if n[rater] == 1 else 'bear'} on {trace.name}, fewer than the "
                                      f"{fewest} needed"})
    if "copying" not in told and len(rows.unit):
        found.append({"rater_id": "", "behaviour": "copying", "note": f"no two raters share {fewest} ratings, or too few pairs do"})
    empty = {"window": len(rows.windows) - 1, "status": "unknown"}
    return pd.DataFrame([{**empty, **row} for row in found])
