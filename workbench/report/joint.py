"""The change of an estimate from one report to another on the ratings of both, which share most of their items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import workbench
from workbench.errors import ReportError, WorkbenchError
from workbench.privacy import Terms, under
from workbench.ratings import Ratings
from workbench.report.artefact import Run
from workbench.report.private import read_under
from workbench.schema import PANEL
from workbench.store.history import pinned

FAMILY = ("krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac", "brennan_prediger")
WEIGHTS = {"krippendorff_alpha": (None,), "percent_agreement": (None,)}
OTHER_WEIGHTS = (None, "ordinal", "quadratic", "ratio")      # those that a headline takes by its scale
MEANS = ("mean", "mean_score")
MOST = 2_000_000        # ratings of both reports, held in memory side by side
SIDE, THEN, NOW = "report_side", "then", "now"
SAME = 1e-6             # two computations of one value
LEAST, ALIKE = 0.5, 0.05    # share of the items of its place that an estimate of all rests on, and how far it may differ between reports
RECOMPUTED = "recomputed on the ratings of both, each item against itself"
SHARED = "as {shared:,} of the later's {n:,} items are in the earlier too, rated alike, each taken to weigh the same"
VEILED = "as some of the items are in both, rated alike, each taken to weigh the same"
Row = Mapping[str, Any]
Place = tuple[tuple[str, str], ...]


@dataclass
class Both:
    """The ratings of two reports and the ends of their periods, read under the pack's terms; what is asked of them is kept. `alone` is a
    report's period by itself, else all up to its end."""

    sides: tuple[Ratings, Ratings]
    periods: tuple[str, str]
    held: Terms = Terms()
    frames: dict[bool, list[pd.DataFrame]] = field(default_factory=dict)
    coded: dict[bool, list[pd.DataFrame]] = field(default_factory=dict)
    answers: dict[tuple[object, ...], pd.DataFrame | None] = field(default_factory=dict)
    items: dict[tuple[object, ...], list[dict[tuple[str, ...], pd.Series]]] = field(default_factory=dict)

    def rows(self, alone: bool) -> list[pd.DataFrame]:
        """The ratings of either report, in memory."""
        if alone not in self.frames:
            scoped = [side.period(period) if alone else side.until(period) for side, period in zip(self.sides, self.periods)]
            self.frames[alone] = [side.to_pandas(limit=None) for side in scoped]
        return self.frames[alone]

    def joined(self, alone: bool) -> Ratings:
        """Both as one table, told apart by `SIDE`, with the rubrics of the later."""
        named = [rows.drop(columns=["rating_id", "replaces"], errors="ignore").assign(**{SIDE: side})
                 for rows, side in zip(self.rows(alone), (THEN, NOW))]
        with under(Terms()):    # what was read is veiled already
            whole, last = workbench.read(pd.concat(named, ignore_index=True).dropna(axis=1, how="all")), self.sides[1].source
        return replace(whole, source=replace(whole.source, rubrics=last.rubrics, use=last.use, kept=""))

    def by_item(self, by: tuple[str, ...], alone: bool) -> list[dict[tuple[str, ...], pd.Series]]:
        """Of either report, by the levels of these columns: a code of what was said of each item."""
        if (by, alone) not in self.items:
            self.coded[alone] = self.coded.get(alone) or [with_code(rows) for rows in self.rows(alone)]
            self.items[by, alone] = [items_of(panel(rows, by), by) for rows in self.coded[alone]]
        return self.items[by, alone]


def both(then: Run, now: Run, place: Path, held: Terms = Terms()) -> Both:
    """The ratings that two reports were made from, under the terms of their pack. Errors: `WorkbenchError` where they cannot be read as
    they were, saying why."""
    return beside(then, as_it_was(now, place, held), now.period, place, held)


def beside(then: Run, ratings: Ratings, period: str, place: Path, held: Terms = Terms()) -> Both:
    """The ratings of an earlier report beside those of one of `period`, which are at hand. Errors: as `both`."""
    told = then.manifest
    n = told["snapshot"]["n_rows"] - told.get("n_ratings_unread", 0) + ratings.until(period).count()
    if n > MOST:
        raise ReportError(f"the two reports rest on {n:,} ratings, and at most {MOST:,} are held side by side")
    same = told["snapshot"]["id"] and ratings.snapshot.id == told["snapshot"]["id"]
    return Both((ratings if same else as_it_was(then, place, held), ratings), (then.period, period), held)


def as_it_was(run: Run, place: Path, held: Terms) -> Ratings:
    """The ratings that a report was made from. Errors: as `both`."""
    from workbench.report.repeat import recorded     # which makes reports, and with them the page of all of them

    told = run.manifest
    options = {key: told["given"][key] for key in ("columns", "exclude")}
    ratings = read_under(held, recorded(Path(pinned(place)[0]), told["data"]), **options)
    if not ratings.snapshot.id or ratings.snapshot.id != told["snapshot"]["id"]:
        raise ReportError(f"the ratings that the report of {run.period} was made from are not there as they were")
    return ratings


def change_on_both(ratings: Both, then: Row, now: Row, by: Iterable[str]) -> dict[str, object] | None:
    """The change of one estimate: value, se, low, high, note; None where its ratings are not found.

    An agreement coefficient or a mean is recomputed on the items of both reports, each against itself. Of any other the two errors
    correlate as means of items do, by m / sqrt(n_then n_now), m being the items that both have and that were rated alike.
    """
    held = {column: now[column] for column in (*by, "slice") if column in now}
    known = {column: str(level) for column, level in held.items() if level == level and level not in (None, "")}
    if "slice" in known and "group" in known:     # a level of a column, as the agreement page names it
        known[known["slice"]] = known["group"]
    if "window" in known:
        return None
    place = tuple(sorted((column, level) for column, level in known.items() if column in ratings.rows(False)[0]))
    exact = now["estimand"] == "these raters"
    for alone in (True, False):
        found = recomputed(ratings, then, now, place, alone) if exact and now["name"] in FAMILY else \
            mean_change(ratings, then, now, place, alone) if exact and now["name"] in MEANS else None
        if found:
            return found
    return by_items(ratings, then, now, place)


def recomputed(ratings: Both, then: Row, now: Row, place: Place, alone: bool) -> dict[str, object] | None:
    """An agreement coefficient's change, where the ratings of this scope give both values again."""
    for weights in WEIGHTS.get(now["name"], OTHER_WEIGHTS):
        table = answered(ratings, now["name"], weights, tuple(column for column, _ in place), alone)
        if table is None:
            continue
        own = table
        for column, level in place:
            own = own[own[column].astype(str) == level]
        if len(own) == 3 and all(abs(value - row["value"]) < SAME for value, row in zip(own["value"], (then, now))):
            return {**own.iloc[2][["value", "se", "low", "high"]].to_dict(), "note": RECOMPUTED}
    return None


def answered(ratings: Both, name: str, weights: str | None, by: tuple[str, ...], alone: bool) -> pd.DataFrame | None:
    """`agreement.difference` of the two reports in each group; None where it cannot be asked of these ratings."""
    key = (name, weights, by, alone)
    if key not in ratings.answers:
        try:
            rows = ratings.joined(alone)
            prompts = None if "prompt_id" in rows.missing else "prompt_id"
            with under(ratings.held):
                ratings.answers[key] = workbench.agreement.difference(rows, between=SIDE, levels=(THEN, NOW), coefficient=name,
                                                                      weights=weights, by=list(by), cluster=prompts, draws=2)
        except WorkbenchError:
            ratings.answers[key] = None
    return ratings.answers[key]


def mean_change(ratings: Both, then: Row, now: Row, place: Place, alone: bool) -> dict[str, object] | None:
    """The change of a mean score, where the ratings of this scope give both means again."""
    sides = []
    for rows, row in zip(ratings.rows(alone), (then, now)):
        rows = panel(rows, [column for column, _ in place]).dropna(subset=["score"])
        for column, level in place:
            rows = rows[rows[column].astype(str) == level]
        if rows.empty or abs(rows["score"].mean() - row["value"]) > SAME:
            return None
        sides.append((rows["item_id"].to_numpy(), rows["score"].to_numpy(dtype=float)))
    value, se = difference_of_means(*sides)
    return {"value": value, **interval(value, se, len(set(sides[0][0]) | set(sides[1][0]))), "note": RECOMPUTED}


def difference_of_means(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """The second mean less the first, and its standard error over items; each side is the item and the score of each rating.

    An item adds s (sum - n mean) / N on each side it is on (s = 1 on the second, -1 on the first), and the variance is the sum of the
    squares of what items add, so that an item of both is held against itself (Cochran 1977, section 6.3: a ratio of item totals).
    """
    means = [score.mean() for _, score in (first, second)]
    _, place = np.unique(np.concatenate([first[0], second[0]]).astype(str), return_inverse=True)
    adds = np.concatenate([sign * (score - mean) / len(score) for sign, mean, (_, score) in zip((-1, 1), means, (first, second))])
    of_items = np.bincount(place, adds)
    n = len(of_items)
    return float(means[1] - means[0]), math.sqrt(n / (n - 1) * float((of_items**2).sum())) if n > 1 else math.nan


def by_items(ratings: Both, then: Row, now: Row, place: Place) -> dict[str, object] | None:
    """The change of any estimate, from how many items of its place are in both reports and were rated alike.

    That it is of the periods alone is believed where its items are no more than theirs, which at worst leaves too wide an interval; that it
    is of all up to their ends only where it has more items than either period, and about the same share of all in both.
    """
    by, key = tuple(column for column, _ in place), tuple(level for _, level in place)
    used = [float(row["n_items"]) for row in (then, now)]
    for alone in (True, False):
        found = [side.get(key) for side in ratings.by_item(by, alone)]
        sizes = [0 if items is None else len(items) for items in found]
        shares = [n / size if size else math.nan for n, size in zip(used, sizes)]
        if all(0 < share <= 1 for share in shares) and (alone or min(shares) > LEAST and abs(shares[1] - shares[0]) < ALIKE):
            told = found[0].reindex(found[1].index)
            shared = int((told == found[1]).sum())
            return on_shared(now["value"] - then["value"], [row["se"] for row in (then, now)], shared, sizes, least=ratings.held.min_cell)
        if alone and any(n <= size for n, size in zip(used, sizes)):
            return None     # of one of the periods, or of part of all: not to be told
    return None


def on_shared(value: float, errors: list[float], shared: int, sizes: list[int], *, least: int = 0) -> dict[str, object] | None:
    """A difference of two estimates that have `shared` of their items in common: V = V1 + V2 - 2 m / sqrt(n1 n2) se1 se2.

    For an earlier estimate whose items are all in the later one this is Hausman's V1 - V2, but never negative. A count that is less than
    `least`, or leaves less, is not told.
    """
    one, two = (float(error) if error is not None else math.nan for error in errors)
    apart = sum(sizes) - 2 * shared
    if not (one > 0 and two > 0 and apart > 1):
        return None
    se = math.sqrt(one**2 + two**2 - 2 * shared / math.sqrt(sizes[0] * sizes[1]) * one * two)
    few = any(0 < n < least for n in (shared, sizes[1] - shared))
    return {"value": value, **interval(value, se, apart), "note": VEILED if few else SHARED.format(shared=shared, n=sizes[1])}


def interval(value: float, se: float, n: int) -> dict[str, float]:
    """Standard error and 95 % interval of a value that rests on n items."""
    from scipy.special import stdtrit

    half = float(stdtrit(max(n - 1, 1), 0.975)) * se
    return {"se": se, "low": value - half, "high": value + half}


def with_code(rows: pd.DataFrame) -> pd.DataFrame:
    """Ratings with a code of who said what."""
    said = [c for c in ("rater_id", "criterion", "rubric_version", "score", "label") if c in rows]
    return rows.assign(told=pd.util.hash_pandas_object(rows[said].astype("string").fillna(""), index=False))


def panel(rows: pd.DataFrame, named: Iterable[str]) -> pd.DataFrame:
    """The ratings that statistics are of: those of the panel, but for the columns that are named."""
    rules = [rows[column].isin(allowed) for column, allowed in PANEL.items() if column in rows and column not in named]
    return rows[np.logical_and.reduce(rules)] if rules else rows


def items_of(rows: pd.DataFrame, by: tuple[str, ...]) -> dict[tuple[str, ...], pd.Series]:
    """By the levels of the columns, in words: for each item the code of all that was said of it."""
    keys = rows[[*by]].astype(str).assign(_item=rows["item_id"].astype(str), told=rows["told"])
    sums = keys.groupby([*by, "_item"], sort=False)["told"].sum()
    if not by:
        return {(): sums}
    return {key if isinstance(key, tuple) else (key,): part.droplevel(list(by)) for key, part in sums.groupby(level=list(by), sort=False)}
