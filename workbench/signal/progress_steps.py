"""Progress: over versions in order, which steps are real, however often one looks?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError, examples
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import facts, instrument
from workbench.signal.components import of_first, pair_codes
from workbench.signal.panels import NOMINAL, Panel, labels, panels
from workbench.signal.progress_evidence import FEWEST, log_evidence, mean_interval, prompts_until, standing_effect

if TYPE_CHECKING:
    from workbench.ratings import Ratings

NO_ORDER = "the order of the systems is not known: deliver systems.parquet (system, ordinal) or name versions="
OBSERVED = "the scale has no declared ends: those of the scores seen are taken"
WEEK = np.timedelta64(7, "D")


def progress(ratings: Ratings, *, by: Sequence[str] = ("criterion",), versions: Sequence[str] = (), power: float = 0.8,
             error_rate: float = 0.05) -> pd.DataFrame:
    """Over a series of system versions, which steps are real?

    `value` is a version's mean score less that of the version before it, in points, over the prompts that both answered under one
    rubric version, each prompt counting once: above 0 is better. Interval and evidence hold however often one looks, at every look
    together, for all steps of the table together: with the chance `error_rate` at most any step of no size is ever called real
    (Bonferroni over the rows). `verdict`: "up" or "down" where the interval excludes 0, else "cannot tell".

    versions: systems from the first to the last; none for `ordinal` (else `released_at`) of `systems.parquet`. A version that a group
    did not rate is passed over. Columns: `before`, `system`, `e_value` (at 1 / (error_rate / rows) or more the step is real),
    `since` (rating time from which it was), `status` ("found" where it was real a week before the last rating and the prompts
    since then point the same way, else "watch"), `detectable` (the step that this test finds on so many prompts with probability
    `power`), `n_needed` (prompts it would take if the step is as it looks), `instrument`, `group`. `n_items` is the common prompts.

    Prompts count in the order in which they were rated on both sides. Raters are these raters: what rater x system adds is part of
    a step (see `reliability`, `coupling`). The differences must lie within the scale; where no ends are declared, within those
    seen, which is not exact. Undefined (nan, `note`): no order, one version, fewer than 10 common prompts, nominal levels. Errors:
    `ParameterError` for versions that name no system of the ratings.

    Sources: Waudby-Smith and Ramdas (2024), doi:10.1093/jrsssb/qkad009; Ville (1939).

    >>> import pandas as pd, workbench as wb
    >>> rows = [(f"p{p}{s}", f"p{p}", s, "ann", 1 + (p + k) % 4 + (k == 2)) for p in range(80) for k, s in enumerate("uvw")]
    >>> ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "prompt_id", "system", "rater_id", "score"]))
    >>> progress(ratings, versions=["u", "v", "w"])["verdict"].tolist()
    ['cannot tell', 'up']
    """
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    series = series_of(ratings, versions)
    steps = [step for panel in panels(ratings, keys) for step in steps_of(panel, series, ratings)]
    share = error_rate / max(sum(differences is not None for *_, differences, _, _, _ in steps), 1)
    return estimates_table([step_row(*step, power=power, error_rate=share) for step in steps], by=[*keys, "before", "system"])


def series_of(ratings: Ratings, versions: Sequence[str]) -> list[object] | None:
    """The versions in order, or None where nobody says it."""
    if len(versions):
        return list(versions)
    table = ratings.systems
    column = next((c for c in ("ordinal", "released_at") if table is not None and c in table and table[c].notna().any()), None)
    return None if column is None else table.dropna(subset=[column]).sort_values(column, kind="stable")["system"].tolist()


def steps_of(panel: Panel, series: list[object] | None, ratings: Ratings) -> Iterator[tuple[object, ...]]:
    """Each step of a group: panel, version before, version, differences by prompt or None, when each was rated, reach, note."""
    names = list(panel.names)
    place = {str(name): i for i, name in enumerate(names)}
    rated = [str(s) for s in series or [] if str(s) in place]
    if series and names and not rated:
        raise ParameterError(f"versions={list(series)[:3]!r} names no system of the ratings ({examples([str(name) for name in names])}). "
                             "Name the systems as the ratings do, oldest first.")
    why = NOMINAL if panel.nominal else "no `system`: whose output each item is was not delivered" if panel.systems is None else \
        "`prompt_id` is missing: there are no common prompts" if panel.design.prompt is None else NO_ORDER if series is None else \
        "only one version was rated" if len(rated) < 2 else ""
    if why:
        yield panel, "", "", None, None, math.nan, why
        return
    reach, note = reach_of(panel, ratings)
    missed = len(names) - len(rated)
    note = join_notes(note, f"{missed} systems stand in no order and are left out" if missed else "")
    table = by_prompt(panel)
    for before, after in zip(rated, rated[1:]):
        differences, times = paired(table, place[before], place[after])
        yield panel, before, after, differences, times, reach, note


def reach_of(panel: Panel, ratings: Ratings) -> tuple[float, str]:
    """How far two scores can lie apart, and whether that is only what was seen."""
    scales, rows = facts(ratings).scales, panel.rows[["rubric", "rubric_version"]].drop_duplicates()
    found = [scales[rubric, version, panel.rows["criterion"].iloc[0]] for rubric, version in rows.itertuples(index=False)]
    seen = (panel.design.score.min(), panel.design.score.max())
    ends = [(*scale.values, *(v for v in (scale.minimum, scale.maximum) if v is not None)) or seen for scale in found]
    said = any(scale.assumed or scale.minimum is None and not len(scale.values) for scale in found)
    return float(max(map(max, ends)) - min(map(min, ends))), OBSERVED if said else ""


@dataclass(frozen=True)
class Answers:
    """A system's mean scores on its prompts under each rubric version, in the order of `prompt`, their codes; when each was rated
    last, and the prompt's code whatever the version."""

    prompt: np.ndarray
    score: np.ndarray
    at: np.ndarray
    name: np.ndarray


def by_prompt(panel: Panel) -> dict[int, Answers]:
    """The answers of each system."""
    place = pair_codes(panel.systems, panel.design.prompt)
    score = np.bincount(place, panel.design.score) / np.bincount(place)
    unknown = np.full(len(place), np.datetime64("NaT", "us"))
    times = panel.rows["rated_at"].to_numpy("datetime64[us]") if "rated_at" in panel.rows else unknown
    parts = (panel.design.prompt, panel.rows["prompt_id"].factorize()[0])
    system, prompt, name = (of_first(code, place) for code in (panel.systems, *parts))
    order, at = np.argsort(prompt, kind="stable"), latest(times, place)
    own = {code: order[system[order] == code] for code in np.unique(system)}
    return {code: Answers(prompt[rows], score[rows], at[rows], name[rows]) for code, rows in own.items()}


def latest(times: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The last of the times (N,) of each code; none where all are missing."""
    found = np.full(code.max(initial=-1) + 1, np.datetime64("NaT", "us"))
    np.maximum.at(found.view("int64"), code, times.view("int64"))       # missing times are the least of numbers
    return found


def paired(table: dict[int, Answers], before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Differences on the prompts that both systems answered, in the order in which they were rated, and when."""
    if not {before, after} <= set(table):
        return np.zeros(0), np.zeros(0, "datetime64[us]")
    new, old = table[after], table[before]
    _, late, early = np.intersect1d(new.prompt, old.prompt, assume_unique=True, return_indices=True)
    name = np.unique(new.name[late], return_inverse=True)[1]
    at = latest(np.fmax(new.at[late], old.at[early]), name)
    order = np.argsort(at, kind="stable")
    return (np.bincount(name, new.score[late] - old.score[early]) / np.bincount(name))[order], at[order]


def step_row(panel: Panel, before: str, after: str, differences: np.ndarray | None, times: np.ndarray | None, reach: float, note: str, *,
             power: float, error_rate: float) -> dict[str, object]:
    """One row; `error_rate` is this step's own."""
    row = {**panel.key, **labels(panel.key), "before": before, "system": after, "verdict": "cannot tell", "status": "watch",
           "e_value": math.nan, "since": pd.NaT, "detectable": math.nan, "n_needed": math.nan}
    n = 0 if differences is None else len(differences)
    counts = panel.counts | {"n_items": n}
    if differences is not None:
        note = join_notes(f"fewer than {FEWEST} common prompts" if n < FEWEST else
                          "all common prompts have the same score" if not differences.any() else "", note)
    if differences is None or n < FEWEST or not differences.any():
        return row | estimate("step", math.nan, **counts, note=join_notes(note, panel.said))
    evidence, spread, value = log_evidence(differences, reach), float(differences.std(ddof=1)), float(differences.mean())
    low, high = mean_interval(differences, reach, 1 - error_rate)
    wanted = -math.log(error_rate)
    if evidence[-1] >= wanted:
        row |= {"verdict": "up" if value > 0 else "down"} | standing(evidence >= wanted, differences, times)
    needed = prompts_until(spread, effect=abs(value), reach=reach, power=power, error_rate=error_rate)
    row |= {"e_value": math.exp(min(evidence[-1], 700.0)), "n_needed": needed,
            "detectable": float(standing_effect(spread, n=n, reach=reach, power=power, error_rate=error_rate)[0])}
    return row | estimate("step", value, low=low, high=high, confidence=1 - error_rate, method="anytime", note=join_notes(note, panel.said),
                          **counts)


def standing(real: np.ndarray, differences: np.ndarray, times: np.ndarray) -> dict[str, object]:
    """Since when a real step has been so, and whether later ratings repeat it."""
    last = len(real) - 1 - int(np.argmin(real[::-1])) if not real.all() else -1
    if np.isnat(times).any():
        return {"since": pd.NaT, "status": "watch"}
    earlier = int((times <= times[-1] - WEEK).sum())
    repeated = last + 1 < earlier and differences[earlier:].mean() * differences.mean() > 0
    return {"since": pd.Timestamp(times[last + 1], tz="UTC"), "status": "found" if repeated else "watch"}
