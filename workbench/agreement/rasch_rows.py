"""From a fitted Rasch model to rows of estimates: raters, criteria, thresholds, and how far raters are told apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from workbench.agreement.separation import mean_squares, separation
from workbench.estimates import estimate, join_notes

if TYPE_CHECKING:
    from workbench.agreement.facets import Facets, Fitted

# A standard error of so many logits says that the likelihood hardly bends: the estimate lies at infinity.
BOUNDLESS = 10.0
UNBOUND = "the ratings do not bound it"


def group_rows(found: Fitted, confidence: float) -> list[dict[str, object]]:
    """All rows of one group."""
    rows = _facet_rows(found, "rater", confidence)
    if len(found.facets.criteria) > 1:
        rows += _facet_rows(found, "criterion", confidence)
    rows += [*_threshold_rows(found, confidence), *_spread_rows(found, confidence)]
    return [{**found.group.key, **row, "note": join_notes(str(row["note"]), found.note, found.group.note)} for row in rows]


def _facet_rows(found: Fitted, facet: str, confidence: float) -> list[dict[str, object]]:
    """Severity or difficulty, infit and outfit of each rater or criterion."""
    facets, kept = found.facets, found.ties.kept
    code, names, sets = (facets.rater, facets.raters, found.ties.rater_set) if facet == "rater" else \
        (facets.criterion, facets.criteria, found.ties.criterion_set)
    n, start = len(names), 0 if facet == "rater" else len(facets.raters)
    given, told = np.bincount(code, minlength=n), np.bincount(code[kept], minlength=n)
    items = np.bincount(np.unique(np.stack([code[kept], facets.item[kept]]), axis=1)[0], minlength=n)
    why = [found.reason] * n if found.reason else _untold(facets, code, sets, facet)
    several = f"compares within its connected set only, one of {sets.max(initial=0) + 1}" if sets.max(initial=0) > 0 else ""
    rows = []
    for name, (values, errors, freedom) in _measures(found, facet, code[kept], n, start).items():
        located = name in ("severity", "difficulty")
        for place in range(n):
            reason = why[place] if found.reason or located or not told[place] else ""
            row = _row(name, float(values[place]), float(errors[place]), reason, freedom=float(freedom[place]), confidence=confidence,
                       method="information" if located else "linearized", lowest=-math.inf if located else 0.0)
            counts = {"n_items": int(items[place]), "n_raters": len(facets.raters), "n_ratings": int(told[place]),
                      "n_dropped": int(given[place] - told[place]), "facet": facet, "element": str(names[place]),
                      "connected_set": int(sets[place]) + 1 if sets[place] >= 0 else None}
            rows.append(row | counts | {"note": join_notes(row["note"], several if located and not row["note"] else "")})
    return rows


def _measures(found: Fitted, facet: str, code: np.ndarray, n: int, start: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Name to values, standard errors and degrees of freedom, (n,) each."""
    name, unknown, free = "severity" if facet == "rater" else "difficulty", np.full(n, np.nan), np.full(n, np.inf)
    if found.fit is None:
        return dict.fromkeys((name, "infit", "outfit"), (unknown, unknown, free))
    fit, design = found.fit, found.design
    values = fit.severity if facet == "rater" else fit.difficulty
    errors = np.sqrt(np.maximum(np.diag(fit.covariance)[start:start + n], 0))
    squares = mean_squares(code, n, design.part, design.level - fit.expected, fit.variance)
    return {name: (values, errors, free), "infit": (squares.infit, squares.infit_se, squares.freedom),
            "outfit": (squares.outfit, squares.outfit_se, squares.freedom)}


def _untold(facets: Facets, code: np.ndarray, sets: np.ndarray, facet: str) -> list[str]:
    """Why the place of each rater or criterion is not known, "" where it is."""
    n, levels = len(sets), int(facets.level.max()) + 1
    kinds = np.unique(np.stack([facets.item, code]), axis=1)
    shared = (np.bincount(kinds[0]) > 1)[facets.item]
    end = [np.bincount(code[shared], facets.level[shared] != one, n) == 0 for one in (facets.level.min(), levels - 1)]
    alone = np.bincount(code[shared], minlength=n) == 0
    ends = [f"the {one} level only: not finite" for one in ("lowest", "highest")]
    reasons = np.select([sets >= 0, alone, *end], ["", f"shares no item with another {facet}", *ends],
                        "nothing ties it to the others, or every comparison with them runs one way")
    return reasons.tolist()


def _threshold_rows(found: Fitted, confidence: float) -> list[dict[str, object]]:
    """Each threshold between two levels, of each criterion where these have their own."""
    levels, fit = tuple(getattr(found.group, "levels", ())), found.fit
    if fit is None:
        return []
    facets, design = found.facets, found.design
    scales, width = design.occurs.shape
    lowest, start = int(facets.level[found.ties.kept].min()), design.sizes[1]
    rows = []
    for scale in range(scales):
        told = design.scale == scale
        ends = np.flatnonzero(design.occurs[scale])
        for level in range(1, len(levels)):
            above = level - lowest
            known = 0 < above < width and bool(design.occurs[scale, above - 1:above + 1].all())
            value, se, reason = math.nan, math.nan, "" if known else "a level that is not in use"
            if known:
                value = float(fit.sums[scale, above] - fit.sums[scale, above - 1])
                at = start + scale * width + above
                block = fit.covariance[at - 1:at + 1, at - 1:at + 1]
                se = math.sqrt(max(block[0, 0] + block[1, 1] - 2 * block[0, 1], 0))
            row = _row("threshold", value, se, reason, confidence=confidence)
            if known and ends[-1] - ends[0] == 1:
                row |= {"value": 0.0, "note": "two levels: 0 by definition"}
            of = f"{facets.criteria[scale]} " if scales > 1 else ""
            rows.append(row | {"facet": "threshold", "element": f"{of}{levels[level - 1]}|{levels[level]}", "connected_set": None,
                               "n_items": len(np.unique(design.part[told])), "n_raters": len(facets.raters),
                               "n_ratings": int(told.sum()), "n_dropped": int((facets.scale == scale).sum() - told.sum())})
    return rows


def _spread_rows(found: Fitted, confidence: float) -> list[dict[str, object]]:
    """Standard deviation of the true severities, separation and its reliability."""
    from scipy.special import ndtri

    facets, fit, kept = found.facets, found.fit, found.ties.kept
    counts = {"facet": "rater", "element": "", "connected_set": None, "n_items": len(np.unique(facets.item[kept])),
              "n_raters": len(facets.raters), "n_ratings": int(kept.sum()), "n_dropped": found.group.n_dropped + int((~kept).sum())}
    bound = found.ties.rater_set >= 0
    names = ("severity_sd", "separation", "reliability")
    if fit is None or not bound.any():
        reason = found.reason or "no two raters compare"
        return [estimate(name, math.nan, note=reason) | counts for name in names]
    covariance = fit.covariance[:len(bound), :len(bound)][np.ix_(bound, bound)]
    if not (np.diag(covariance) < BOUNDLESS**2).all():
        return [estimate(name, math.nan, note=UNBOUND) | counts for name in names]
    apart = separation(fit.severity[bound], covariance, found.ties.rater_set[bound])
    reach = float(ndtri((1 + confidence) / 2)) * apart.se
    ends = [max(apart.variance + shift, 0.0) for shift in (0.0, -reach, reach)]
    note = "" if apart.variance > 0 else "severities lie no further apart than their errors"
    scales = {"severity_sd": math.sqrt, "separation": lambda v: math.sqrt(v / apart.error), "reliability": lambda v: v / (v + apart.error)}
    rows = []
    for name in names:
        value, low, high = map(scales[name], ends)
        rows.append(estimate(name, value, low=low, high=high, confidence=confidence, method="information", note=note) | counts)
    return rows


def _row(name: str, value: float, se: float, reason: str, *, confidence: float, freedom: float = math.inf,
         method: str = "information", lowest: float = -math.inf) -> dict[str, object]:
    """An estimate with its t interval (normal at infinite freedom), or nan with the reason."""
    from scipy.special import stdtrit

    located = method == "information"
    reason = reason or (UNBOUND if not math.isfinite(value) or located and not 0 < se < BOUNDLESS else "")
    if reason:
        return estimate(name, math.nan, note=reason)
    if not freedom > 0:
        return estimate(name, value, note="one item: no interval")
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * se
    return estimate(name, value, low=max(value - reach, lowest), high=value + reach, se=se, confidence=confidence, method=method)
