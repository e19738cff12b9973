"""Verifiability beside difficulty: how small a step a hundred ratings show, whether that lasts, and how much is about the system."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import facts, instrument
from workbench.signal.components import Components, Design, components, jackknife
from workbench.signal.panels import Panel, labels, panels
from workbench.signal.power import smallest_effect
from workbench.signal.reliability_study import ratio_interval
from workbench.signal.smallest import check_options, log_interval

if TYPE_CHECKING:
    from workbench.ratings import Ratings

BUDGET = 100             # ratings, shared by two systems
LARGE = 0.8              # of a standard deviation: Cohen's large effect, where no target is named
SATURATED = 0.8          # share of ratings at the top of the scale that leaves little room for gains
LONG = pd.Timedelta(days=14)  # of ratings below which nothing is said of time
STABLE = (0.5, 2.0)      # of the earlier step; a later one beyond it is another instrument
IMPRESSIVE, MODEST = "impressive but unverifiable", "modest, supports hillclimbing"


def verifiability(ratings: Ratings, *, by: Sequence[str] = ("criterion", "task_type"), power: float = 0.8,
                  error_rate: float = 0.05, target: float | None = None, seed: int = 0) -> pd.DataFrame:
    """On which tasks and criteria can improvement be seen at all, and on which is it merely hard?

    `value` is the difference of two systems' means, in points, that 100 ratings (50 of each system, as many of an item as now)
    detect with probability `power`: smaller is more verifiable. Beside it `step`, the same in standard deviations of a rating;
    `stability`, the step in the later half of the prompts as a multiple of that in the earlier half, with its interval (1: it lasts);
    `signal`, the share of one rating's variance that is about which system was judged (0: ratings say nothing of systems), with its
    interval for such systems; `mean` and `ease`, the difficulty (ease: the mean between 0, the scale's bottom, and 1, its top); and
    `ceiling`, the share of ratings at the top, where no gain can show. Groups, intervals and errors as `signal.detectable`.

    `standing`, held against `target` (points; None: 0.8 standard deviations, a large effect): "impressive but unverifiable" (hard, ease
    below a half, and the step's interval wholly above the target), "unverifiable" (the same, not hard), "hard and verifiable" and
    "modest, supports hillclimbing" (interval within it, and the later step no proven less than half or more than double), "unstable",
    "saturated" (80 % at the top), "cannot tell" (as without systems: a low mean then says nothing of difficulty). `repeats`: whether
    the earlier and the later half alone say the same.

    Undefined: nominal labels (all nan); `signal` without two systems, `stability` without times or within 14 days (nan, `note`).
    `signal` is an estimate by moments and becomes 0 where systems differ by less than chance.

    Sources: as `signal.detectable`; share of variance: Brennan (2001), Generalizability Theory, ch. 3, with system as the object.

    >>> import pandas as pd, workbench as wb
    >>> table = verifiability(wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3, 5] * 20, "bob": [1, 3, 3, 5] * 20})))
    >>> float(table["mean"][0]), float(table["ceiling"][0])
    (2.875, 0.25)
    """
    check_options(power, error_rate, target, ())
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    ends = {(rubric, criterion): ends_of(scale) for (rubric, _, criterion), scale in facts(ratings).scales.items()}
    rows = [verify_row(panel, ends, target, {"power": power, "error_rate": error_rate}, seed)
            for panel in panels(ratings, keys)]
    return estimates_table(rows, by=keys)


def ends_of(scale: object) -> tuple[float, float]:
    """The lowest and highest score of a scale; nan where only one value occurs, which has no ends."""
    if scale.assumed and (len(scale.values) == 1 or not scale.values and scale.minimum == scale.maximum):
        return math.nan, math.nan
    ends = (min(scale.values), max(scale.values)) if len(scale.values) else (scale.minimum, scale.maximum)
    return tuple(math.nan if end is None else float(end) for end in ends)


def verify_row(panel: Panel, ends: Mapping[tuple[str, str], tuple[float, float]], target: float | None, usual: Mapping[str, float],
               seed: int) -> dict[str, object]:
    """One task type and criterion."""
    parts, score = panel.parts, panel.design.score
    value, low, high, se = step_of(parts, panel.error(seed), usual)
    signal, reason = ((math.nan,) * 3, "") if panel.nominal else signal_share(panel)
    undefined = "" if value == value or panel.nominal else "nothing varies, or too few items"
    own = [e for (_, criterion), e in ends.items() if criterion == panel.key.get("criterion")]
    bottom, top = (own[0] if len(set(own)) == 1 else (min(e[0] for e in own), max(e[1] for e in own))) if own else (math.nan, math.nan)
    none = panel.nominal or not len(score)
    mean = math.nan if none else float(score.mean())
    found = {"mean": mean, "ease": (mean - bottom) / (top - bottom) if top > bottom else math.nan,
             "ceiling": math.nan if none or top != top else float((score >= top).mean())}
    parted, brief = halves_of(panel)
    halves = [step_of(components(half), jackknife(half, seed), usual) for half in parted]
    changed = change(halves)
    aim = target if target is not None else LARGE * math.sqrt(parts.total) if parts.total > 0 else math.nan
    standing = standing_of((low, high), aim, found, changed) if panel.systems is not None else "cannot tell"
    row = estimate("verifiability", value, low=low, high=high, se=value * se, confidence=0.95, method="jackknife",
                   n_items=panel.n_items, note=join_notes(undefined, reason, panel.note, brief), **panel.counts)
    same = [standing_of(half[1:3], aim, found, (math.nan,) * 3) == standing for half in halves]
    return {**panel.key, **row, **labels(panel.key), "power": usual["power"],
            "step": value / math.sqrt(parts.total) if parts.total > 0 else math.nan,
            **dict(zip(("signal", "signal_low", "signal_high"), signal)), **found,
            **dict(zip(("stability", "stability_low", "stability_high"), changed)), "target": aim, "standing": standing,
            "repeats": len(same) == 2 and all(same)}


def step_of(parts: Components, error: tuple[float, int], usual: Mapping[str, float]) -> tuple[float, float, float, float]:
    """The step that a hundred ratings show, its interval and the error of its logarithm, from the `jackknife` of the design."""
    if not parts.difference > 0:
        return (math.nan,) * 4
    prompts = BUDGET / 2 / parts.per_item / parts.per_prompt
    value = smallest_effect(parts.difference, n_items=prompts, paired=parts.paired, **usual)
    se, df = error
    return value, *log_interval(value, se / 2, df), se / 2


def halves_of(panel: Panel) -> tuple[list[Design], str]:
    """The earlier and the later half of the prompts, by their first rating; or why there are none."""
    if panel.nominal or panel.rows.empty:
        return [], ""
    if "rated_at" not in panel.rows or panel.rows["rated_at"].isna().any():
        return [], "times are missing: whether the step lasts cannot be told"
    span = panel.rows["rated_at"].max() - panel.rows["rated_at"].min()
    unit = panel.design.item if panel.design.prompt is None else panel.design.prompt
    first = panel.rows["rated_at"].astype("int64").groupby(unit).transform("min").to_numpy()
    middle = np.sort(first)[len(first) // 2]
    if span < LONG or first.min() == middle:
        return [], f"ratings span {span.days} days: whether the step lasts cannot be told"
    return [panel.design.only(first < middle), panel.design.only(first >= middle)], ""


def change(halves: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float]:
    """The later step over the earlier, with a 95 % interval."""
    if len(halves) < 2 or not all(half[0] > 0 for half in halves):
        return (math.nan,) * 3
    ratio = halves[1][0] / halves[0][0]
    return ratio, *log_interval(ratio, math.hypot(halves[0][3], halves[1][3]), 19)


def standing_of(interval: Sequence[float], aim: float, found: Mapping[str, float], changed: Sequence[float]) -> str:
    """Where a target stands, in words."""
    low, high = interval
    if found["ceiling"] >= SATURATED:
        return "saturated"
    if changed[2] < STABLE[0] or changed[1] > STABLE[1]:
        return "unstable"
    if low > aim:
        return IMPRESSIVE if found["ease"] < 0.5 else "unverifiable"
    return (MODEST if found["ease"] >= 0.5 else "hard and verifiable") if high <= aim and found["ease"] == found["ease"] else "cannot tell"


def signal_share(panel: Panel) -> tuple[tuple[float, float, float], str]:
    """Variance between systems over all variance of a rating, its interval, or why it is not known.

    The spread of the systems' means, less what chance gives them, which is half of a difference's variance over the prompts. The
    interval is that of the ratio of the two (F; systems less 1 degrees of freedom).
    """
    nothing = (math.nan,) * 3
    if panel.systems is None:
        return nothing, ""
    code = np.unique(panel.systems, return_inverse=True)[1]
    if code.max(initial=0) < 1 or panel.n_items < 1:
        return nothing, "one system: no share of variance about systems"
    means = np.bincount(code, panel.design.score) / np.bincount(code)
    prompts = panel.n_items / panel.parts.per_prompt
    error, whole, total = panel.parts.difference / 2 / prompts, float(means.var(ddof=1)), panel.parts.total
    if not (total > 0 and whole > 0 and error > 0):
        return nothing, ""
    share = lambda rho: rho * error / (rho * error + (1 - rho) * total) if rho < 1 else 1.0  # noqa: E731
    low, high = ratio_interval(error / whole, len(means) - 1, max((len(means) - 1) * (prompts - 1), 1), 0.95)
    return tuple(share(rho) for rho in (max(1 - error / whole, 0.0), low, high)), ""
